"""Elimination with a 3x3 rotation on every link: the scalar star-mesh and a correction, together.

The matrix is (Lap(g) + s) x 1 + H, with H_ij = g_ij (1 - R_ij) on the links. Eliminating k::

    d_k  = s_k + sum_j g_kj             (never a difference)
    t_kj = g_kj / d_k                   Y_kj = (d_k + H_kk)^-1 (H_kk t_kj + H_kj)
    T_kj = t_kj 1 - Y_kj
    g_ij += g_ki t_kj                   H_ij += g_ki Y_kj + H_ki^T T_kj     (i = j too)

is the identity "Schur complement of the sum minus that of the scalar part". Fronts, positions and
columns are those of `kernels.elimination`; `fronts` is a `Fronts` of file symbolic.py.
"""

import numpy as np
from numba import njit

PANEL = 8  # pivots eliminated before their common update of the rest


@njit(cache=True, nogil=True)
def _invert(d, f, out):
    """out[9] = (d 1 + f)^-1 of a symmetric 3x3 matrix; zero if d is."""
    if d == 0.0:
        out[:] = 0.0
        return
    a = d + f[0]
    b = f[1]
    c = f[2]
    e = d + f[4]
    g = f[5]
    h = d + f[8]
    p = e * h - g * g
    q = c * g - b * h
    r = b * g - c * e
    scale = 1.0 / (a * p + b * q + c * r)
    out[0] = p * scale
    out[1] = q * scale
    out[2] = r * scale
    out[3] = out[1]
    out[4] = (a * h - c * c) * scale
    out[5] = (b * c - a * g) * scale
    out[6] = out[2]
    out[7] = out[5]
    out[8] = (a * e - b * b) * scale


@njit(cache=True, nogil=True)
def _update_row(i, k, mesh, block, share, turn, loss, n_columns):
    """Add what pivot k sends to row i: columns i .. n_columns - 1, the last being the ground."""
    g = mesh[k, i]
    out = mesh[i]
    for j in range(i + 1, n_columns):
        out[j] += g * share[j]
    last = n_columns - 1
    for a in range(3):
        h0 = block[k, a, i]
        h1 = block[k, 3 + a, i]
        h2 = block[k, 6 + a, i]
        for b in range(3):
            row = block[i, 3 * a + b]
            y = loss[3 * a + b]
            t0 = turn[b]
            t1 = turn[3 + b]
            t2 = turn[6 + b]
            for j in range(i, last):
                row[j] += g * y[j] + h0 * t0[j] + h1 * t1[j] + h2 * t2[j]


@njit(cache=True, nogil=True)
def _eliminate(mesh, block, n_pivots, n_columns, prune, weight, inverse, share, turn, loss):
    """Eliminate the pivots of one front; rows are symmetric, the upper triangle is kept."""
    last = n_columns - 1
    scaled = np.empty(3)
    for begin in range(0, n_pivots, PANEL):
        end = min(begin + PANEL, n_pivots)
        for k in range(begin, end):
            total = 0.0
            for j in range(k + 1, n_columns):
                if mesh[k, j] < prune:
                    mesh[k, j] = 0.0
                total += mesh[k, j]
            own = block[k, :, k].copy()
            _invert(total, own, inverse[k])
            inv = inverse[k]
            p = k - begin
            for j in range(k + 1, n_columns):
                t = mesh[k, j] / total if total > 0.0 else 0.0
                share[p, j] = t if t >= prune else 0.0
                for b in range(3):
                    for a in range(3):
                        value = block[k, 3 * a + b, j] if j < last else 0.0
                        if abs(value) < prune:
                            value = 0.0
                            if j < last:
                                block[k, 3 * a + b, j] = 0.0
                        scaled[a] = own[3 * a + b] * share[p, j] + value
                    for a in range(3):
                        y = inv[3 * a] * scaled[0] + inv[3 * a + 1] * scaled[1]
                        y += inv[3 * a + 2] * scaled[2]
                        if abs(y) < prune:
                            y = 0.0
                        loss[p, 3 * a + b, j] = y
                        t_ab = (share[p, j] if a == b else 0.0) - y
                        turn[p, 3 * a + b, j] = t_ab
                        weight[k, j, 3 * a + b] = t_ab
            for i in range(k + 1, end):
                _update_row(i, k, mesh, block, share[p], turn[p], loss[p], n_columns)
        for i in range(end, n_columns):
            for k in range(begin, end):
                p = k - begin
                _update_row(i, k, mesh, block, share[p], turn[p], loss[p], n_columns)


@njit(cache=True, nogil=True)
def factor_block_fronts(which, fronts, edge_conductance, edge_block, shift, diagonal, prune,
                        contribution_start, contribution, block_contribution, weight,
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
        H of a site with itself, symmetric.
    prune : float64
        Entries below this count as zero.
    contribution_start : int64[n_fronts]
    contribution, block_contribution : float64[...], float64[..., 9]
        Working memory.
    weight : float64[n_weights, 9]
        Filled: T_kj.
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
                    for b in range(a, n):
                        j = fronts.parent_column[begin + b]
                        entry = place + a * n + b
                        if b > a:
                            mesh[i, j] += contribution[entry]
                        for x in range(9):
                            block[i, x, j] += block_contribution[entry, x]
        n_weights = n_pivots * m
        own = weight[fronts.weight_start[t] : fronts.weight_start[t] + n_weights]
        _eliminate(mesh, block, n_pivots, m, prune, own.reshape(n_pivots, m, 9),
                   inverse[first : first + n_pivots], shares[: PANEL * m].reshape(PANEL, m),
                   turns[: 9 * PANEL * m].reshape(PANEL, 9, m),
                   losses[: 9 * PANEL * m].reshape(PANEL, 9, m))  # fmt: skip
        place = contribution_start[t]
        for a in range(n_boundary):
            for b in range(a, n_boundary):
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
