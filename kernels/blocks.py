"""Elimination with a 3x3 rotation on every link: the scalar star-mesh and a correction, together.

The matrix is (Lap(g) + s) x 1 + H, with H_ij = g_ij (1 - R_ij) on the links. Eliminating k::

    d_k  = s_k + sum_j g_kj             (never a difference)
    t_kj = g_kj / d_k                   Y_kj = (d_k + H_kk)^-1 (H_kk t_kj + H_kj)
    T_kj = t_kj 1 - Y_kj
    g_ij += g_ki t_kj                   H_ij += g_ki Y_kj + H_ik T_kj     (i = j too)

is the identity "Schur complement of the sum minus that of the scalar part". H is symmetric,
H_ik = H_ki^T, unless a magnetic field turns spins on the sites: then both triangles are kept, and
the forward pass has weights of its own. Fronts, positions and columns are those of
`kernels.elimination`; `fronts` is a `Fronts` of file symbolic.py.
"""

import numpy as np
from numba import njit

PANEL = 16  # pivots eliminated before their common update of the rest
SMALL = 24  # up to this many columns after a panel, compiled loops beat calls of BLAS
TILE = 64  # rows of one product


@njit(cache=True, nogil=True)
def _invert(d, f, out):
    """out[9] = (d 1 + f)^-1 of a 3x3 matrix; zero if d is."""
    if d == 0.0:
        out[:] = 0.0
        return
    a = d + f[0]
    e = d + f[4]
    h = d + f[8]
    p = e * h - f[5] * f[7]
    q = f[5] * f[6] - f[3] * h
    r = f[3] * f[7] - e * f[6]
    scale = 1.0 / (a * p + f[1] * q + f[2] * r)
    out[0] = p * scale
    out[1] = (f[2] * f[7] - f[1] * h) * scale
    out[2] = (f[1] * f[5] - f[2] * e) * scale
    out[3] = q * scale
    out[4] = (a * h - f[2] * f[6]) * scale
    out[5] = (f[2] * f[3] - a * f[5]) * scale
    out[6] = r * scale
    out[7] = (f[1] * f[6] - a * f[7]) * scale
    out[8] = (a * e - f[1] * f[3]) * scale


@njit(cache=True, nogil=True)
def _update_row(i, k, mesh, block, turn, loss, symmetric, begin, end):
    """Add what pivot k sends to the blocks of row i, columns begin .. end - 1."""
    g = mesh[k, i]
    for a in range(3):
        if symmetric:
            h0 = block[k, a, i]
            h1 = block[k, 3 + a, i]
            h2 = block[k, 6 + a, i]
        else:
            h0 = block[i, 3 * a, k]
            h1 = block[i, 3 * a + 1, k]
            h2 = block[i, 3 * a + 2, k]
        for b in range(3):
            row = block[i, 3 * a + b]
            y = loss[3 * a + b]
            t0 = turn[b]
            t1 = turn[3 + b]
            t2 = turn[6 + b]
            for j in range(begin, end):
                row[j] += g * y[j] + h0 * t0[j] + h1 * t1[j] + h2 * t2[j]


@njit(cache=True, nogil=True)
def _update_rest(mesh, block, begin, end, turn, loss, symmetric, n_columns, scratch):
    """As `_update_row` of all pivots of a panel on all later rows, in tiles, by matrix products.

    For each a, row i and columns (b, j): sum over pivots k of H_ik[a, :] T_kj[:, b] and
    g_ki Y_kj[a, b], one product of 4 n_panel terms.
    """
    last = n_columns - 1
    depth = 4 * (end - begin)
    for first in range(end, last, TILE):
        stop = min(first + TILE, last)
        low = first if symmetric else end
        width = last - low
        left = scratch[: (stop - first) * depth].reshape(stop - first, depth)
        place = TILE * depth
        right = scratch[place : place + depth * 3 * width].reshape(depth, 3 * width)
        place += depth * 3 * width
        product = scratch[place : place + (stop - first) * 3 * width].reshape(
            stop - first, 3 * width
        )
        for k in range(begin, end):
            p = k - begin
            for c in range(3):
                row = right[4 * p + c]
                for b in range(3):
                    row[b * width : (b + 1) * width] = turn[p, 3 * c + b, low:last]
        for a in range(3):
            for k in range(begin, end):
                p = k - begin
                row = right[4 * p + 3]
                for b in range(3):
                    row[b * width : (b + 1) * width] = loss[p, 3 * a + b, low:last]
                for i in range(first, stop):
                    out = left[i - first]
                    for c in range(3):
                        out[4 * p + c] = (
                            block[k, 3 * c + a, i] if symmetric else block[i, 3 * a + c, k]
                        )
                    out[4 * p + 3] = mesh[k, i]
            np.dot(left, right, product)
            for i in range(first, stop):
                start = i if symmetric else low
                for b in range(3):
                    row = block[i, 3 * a + b]
                    more = product[i - first]
                    shift = b * width - low
                    for j in range(start, last):
                        row[j] += more[shift + j]


@njit(cache=True, nogil=True)
def _fill_weights(k, n_columns, mesh, block, total, inv, prune, share, turn, loss, weight):
    """T_kj and Y_kj of pivot k for the later columns."""
    last = n_columns - 1
    own = block[k, :, k]
    scaled = np.empty(3)
    for j in range(k + 1, n_columns):
        t = mesh[k, j] / total if total > 0.0 else 0.0
        share[j] = t if t >= prune else 0.0
        for b in range(3):
            for a in range(3):
                value = block[k, 3 * a + b, j] if j < last else 0.0
                if abs(value) < prune:
                    value = 0.0
                    if j < last:
                        block[k, 3 * a + b, j] = 0.0
                scaled[a] = own[3 * a + b] * share[j] + value
            for a in range(3):
                y = inv[3 * a] * scaled[0] + inv[3 * a + 1] * scaled[1]
                y += inv[3 * a + 2] * scaled[2]
                if abs(y) < prune:
                    y = 0.0
                loss[3 * a + b, j] = y
                t_ab = (share[j] if a == b else 0.0) - y
                turn[3 * a + b, j] = t_ab
                weight[j, 3 * a + b] = t_ab


@njit(cache=True, nogil=True)
def _fill_left_weights(k, n_columns, block, inv, prune, share, left):
    """(C_jk (d_k + H_kk)^-1)^T, C_jk = g_kj - H_jk, of pivot k for the later rows."""
    own = block[k, :, k]
    scaled = np.empty(3)
    for j in range(k + 1, n_columns - 1):
        for a in range(3):
            for b in range(3):
                if abs(block[j, 3 * a + b, k]) < prune:
                    block[j, 3 * a + b, k] = 0.0
                scaled[b] = own[3 * a + b] * share[j] + block[j, 3 * a + b, k]
            for b in range(3):
                y = scaled[0] * inv[b] + scaled[1] * inv[3 + b] + scaled[2] * inv[6 + b]
                value = (share[j] if a == b else 0.0) - y
                left[j, 3 * b + a] = value if abs(value) >= prune else 0.0
    left[n_columns - 1] = 0.0


@njit(cache=True, nogil=True)
def _eliminate(mesh, block, n_pivots, n_columns, prune, weight, left, inverse, share, turn, loss,
               scratch):  # fmt: skip
    """Eliminate the pivots of one front. ``mesh`` and symmetric blocks: the upper triangle only."""
    last = n_columns - 1
    symmetric = left.shape[0] == 0
    for begin in range(0, n_pivots, PANEL):
        end = min(begin + PANEL, n_pivots)
        for k in range(begin, end):
            p = k - begin
            total = 0.0
            for j in range(k + 1, n_columns):
                if mesh[k, j] < prune:
                    mesh[k, j] = 0.0
                total += mesh[k, j]
            _invert(total, block[k, :, k], inverse[k])
            _fill_weights(k, n_columns, mesh, block, total, inverse[k], prune, share[p], turn[p],
                          loss[p], weight[k])  # fmt: skip
            if not symmetric:
                _fill_left_weights(k, n_columns, block, inverse[k], prune, share[p], left[k])
            for i in range(k + 1, end):
                g = mesh[k, i]
                out = mesh[i]
                for j in range(i + 1, n_columns):
                    out[j] += g * share[p, j]
                first = i if symmetric else k + 1
                _update_row(i, k, mesh, block, turn[p], loss[p], symmetric, first, last)
            if not symmetric:
                for i in range(end, last):
                    _update_row(i, k, mesh, block, turn[p], loss[p], symmetric, k + 1, end)
        for i in range(end, n_columns):
            out = mesh[i]
            for k in range(begin, end):
                g = mesh[k, i]
                row = share[k - begin]
                for j in range(i + 1, n_columns):
                    out[j] += g * row[j]
        if last - end > SMALL:
            _update_rest(mesh, block, begin, end, turn, loss, symmetric, n_columns, scratch)
        else:
            for i in range(end, last):
                for k in range(begin, end):
                    p = k - begin
                    first = i if symmetric else end
                    _update_row(i, k, mesh, block, turn[p], loss[p], symmetric, first, last)


@njit(cache=True, nogil=True)
def factor_block_fronts(which, fronts, edge_conductance, edge_block, shift, diagonal, prune,
                        contribution_start, contribution, block_contribution, weight, left,
                        inverse):  # fmt: skip
    """Factor the fronts listed in ``which``, in this order: each front after those below it.

    Parameters
    ----------
    which : int64[n]
    fronts : Fronts
    edge_conductance : float64[n_edges]
    edge_block : float64[n_edges, 9]
        H between the earlier and the later end, row by row.
    shift : float64[n_positions]
        s.
    diagonal : float64[n_positions, 9]
        H of a site with itself.
    prune : float64
        Entries below this count as zero.
    contribution_start : int64[n_fronts]
    contribution, block_contribution : float64[...], float64[..., 9]
        Working memory.
    weight : float64[n_weights, 9]
        Filled: T_kj.
    left : float64[n_weights or 0, 9]
        Filled with the weights of the forward pass; empty if H is symmetric: they are T_kj then.
    inverse : float64[n_positions, 9]
        Filled: (d_k + H_kk)^-1.
    """
    largest = 0
    for t in which:
        n_pivots = fronts.front_start[t + 1] - fronts.front_start[t]
        n_columns = n_pivots + fronts.boundary_start[t + 1] - fronts.boundary_start[t]
        largest = max(largest, n_columns)
    area = np.empty(largest * largest)
    block_area = np.empty(9 * largest * largest)
    shares = np.empty(PANEL * largest)
    turns = np.empty(9 * PANEL * largest)
    losses = np.empty(9 * PANEL * largest)
    scratch = np.empty((4 * PANEL + 3 * largest) * TILE + 12 * PANEL * largest)
    symmetric = left.shape[0] == 0
    for t in which:
        first = fronts.front_start[t]
        n_pivots = fronts.front_start[t + 1] - first
        n_boundary = fronts.boundary_start[t + 1] - fronts.boundary_start[t]
        m = n_pivots + n_boundary
        mesh = area[: m * m].reshape(m, m)
        block = block_area[: 9 * m * m].reshape(m, 9, m)
        mesh[:] = 0.0
        block[:] = 0.0
        for k in range(n_pivots):
            for e in range(fronts.row_start[first + k], fronts.row_start[first + k + 1]):
                column = fronts.edge_column[e]
                mesh[k, column] += edge_conductance[e]
                for x in range(9):
                    block[k, x, column] += edge_block[e, x]
                    if not symmetric:
                        block[column, 3 * (x % 3) + x // 3, k] += edge_block[e, x]
            mesh[k, m - 1] += shift[first + k]
            for x in range(9):
                block[k, x, k] += diagonal[first + k, x]
        for child in (fronts.left[t], fronts.right[t]):
            if child >= 0:
                begin = fronts.boundary_start[child]
                n = fronts.boundary_start[child + 1] - begin
                place = contribution_start[child]
                for a in range(n):
                    i = fronts.parent_column[begin + a]
                    for b in range(a if symmetric else 0, n):
                        j = fronts.parent_column[begin + b]
                        entry = place + a * n + b
                        if b > a:
                            mesh[i, j] += contribution[entry]
                        for x in range(9):
                            block[i, x, j] += block_contribution[entry, x]
        n_weights = n_pivots * m
        own = weight[fronts.weight_start[t] : fronts.weight_start[t] + n_weights]
        begin = 0 if symmetric else fronts.weight_start[t]
        own_left = left[begin : begin + (0 if symmetric else n_weights)]
        _eliminate(mesh, block, n_pivots, m, prune, own.reshape(n_pivots, m, 9),
                   own_left.reshape(0 if symmetric else n_pivots, m, 9),
                   inverse[first : first + n_pivots], shares[: PANEL * m].reshape(PANEL, m),
                   turns[: 9 * PANEL * m].reshape(PANEL, 9, m),
                   losses[: 9 * PANEL * m].reshape(PANEL, 9, m), scratch)  # fmt: skip
        place = contribution_start[t]
        for a in range(n_boundary):
            for b in range(a if symmetric else 0, n_boundary):
                entry = place + a * n_boundary + b
                contribution[entry] = mesh[n_pivots + a, n_pivots + b]
                for x in range(9):
                    block_contribution[entry, x] = block[n_pivots + a, x, n_pivots + b]


@njit(cache=True, nogil=True)
def forward_block_fronts(which, fronts, weight, x, carried):
    """Forward pass ``b_j += T_kj^T b_k`` through the fronts listed, each after those below it.

    Parameters
    ----------
    which : int64[n]
    fronts : Fronts
    weight : float64[n_weights, 9]
        T_kj, or ``left`` where that is kept.
    x : float64[n_positions or more, 3]
        Right-hand side by position; becomes b as each pivot finds it.
    carried : float64[n_boundary, 3]
        Overwritten: what each front passes on to its parent.
    """
    for t in which:
        first = fronts.front_start[t]
        n_pivots = fronts.front_start[t + 1] - first
        begin = fronts.boundary_start[t]
        n_boundary = fronts.boundary_start[t + 1] - begin
        m = n_pivots + n_boundary
        carried[begin : begin + n_boundary] = 0.0
        for child in (fronts.left[t], fronts.right[t]):
            if child >= 0:
                for a in range(fronts.boundary_start[child], fronts.boundary_start[child + 1]):
                    column = fronts.parent_column[a]
                    for r in range(3):
                        if column < n_pivots:
                            x[first + column, r] += carried[a, r]
                        else:
                            carried[begin + column - n_pivots, r] += carried[a, r]
        own = weight[fronts.weight_start[t] : fronts.weight_start[t] + n_pivots * m]
        T = own.reshape(n_pivots, m, 9)
        for k in range(n_pivots):
            b0 = x[first + k, 0]
            b1 = x[first + k, 1]
            b2 = x[first + k, 2]
            for j in range(k + 1, m):
                for r in range(3):
                    part = T[k, j, r] * b0 + T[k, j, 3 + r] * b1 + T[k, j, 6 + r] * b2
                    if j < n_pivots:
                        x[first + j, r] += part
                    else:
                        carried[begin + j - n_pivots, r] += part


@njit(cache=True, nogil=True)
def backward_block_fronts(which, fronts, weight, inverse, x):
    """Backward pass ``x_k = (d_k + H_kk)^-1 b_k + sum_j T_kj x_j`` down the fronts, last first.

    Parameters
    ----------
    which : int64[n]
        Ascending; walked from its end.
    fronts : Fronts
    weight : float64[n_weights, 9]
    inverse : float64[n_positions, 9]
    x : float64[n_positions + n_terminals + 1, 3]
        In: b of `forward_block_fronts`, zero for terminals and ground. Out: the solution.
    """
    for c in range(which.shape[0] - 1, -1, -1):
        t = which[c]
        first = fronts.front_start[t]
        n_pivots = fronts.front_start[t + 1] - first
        begin = fronts.boundary_start[t]
        n_boundary = fronts.boundary_start[t + 1] - begin
        m = n_pivots + n_boundary
        own = weight[fronts.weight_start[t] : fronts.weight_start[t] + n_pivots * m]
        T = own.reshape(n_pivots, m, 9)
        for k in range(n_pivots - 1, -1, -1):
            b0 = x[first + k, 0]
            b1 = x[first + k, 1]
            b2 = x[first + k, 2]
            for r in range(3):
                inv = inverse[first + k, 3 * r : 3 * r + 3]
                x[first + k, r] = inv[0] * b0 + inv[1] * b1 + inv[2] * b2
            for j in range(k + 1, m):
                q = first + j if j < n_pivots else fronts.boundary[begin + j - n_pivots]
                for r in range(3):
                    x[first + k, r] += (
                        T[k, j, 3 * r] * x[q, 0]
                        + T[k, j, 3 * r + 1] * x[q, 1]
                        + T[k, j, 3 * r + 2] * x[q, 2]
                    )
