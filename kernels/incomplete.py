"""Incomplete elimination of Lap(g) + s, and of the same matrix with a rotation on every link.

Sites are eliminated one by one, in a given order, by star-mesh steps without a subtraction::

    d_k = s_k + sum_j g_kj    t_kj = g_kj / d_k    g_ij += g_ki t_kj    s_j += s_k t_kj

over later sites i, j. A link, given or made by an earlier step, is left out if its g is not above
the smaller ``threshold`` of its two ends when its row is reached: its g is then added to both
excesses s. With thresholds far below the excess the factor is still a good preconditioner. Where
the excess is larger than most links, the factor has a few entries per site.

With rotations the matrix is (Lap(g) + s) x 1 + H, with H_ij = g_ij (1 - R_ij) on the links, and H
is eliminated beside g, on the same entries::

    Y_kj = (d_k + H_kk)^-1 (H_kk t_kj + H_kj)        T_kj = t_kj 1 - Y_kj
    H_ij += g_ki Y_kj + H_ik T_kj                    (i = j too)

This is the identity "Schur complement of the sum minus that of the scalar part". The losses H are
far smaller than g where frames follow the strong links, and they are never computed as
differences. H is symmetric, H_ik = H_ki^T, unless a magnetic field turns spins on the sites.

Rows and columns are counted by rank, that is by place in the order of elimination. The entries of
row k have columns above k, ascending, in ``column[start[k]:start[k + 1]]``::

            column 0  1  2  3  4
    row 0  [       d  .  t  .  t ]      start  = 0  2  3  4  5  5
    row 1  [          d  t  .  . ]      column = 2  4  2  4  4
    row 2  [             d  .  t ]
    row 3  [                d  t ]
    row 4  [                   d ]

A row is gathered when it is reached (left-looking). It needs the earlier rows that have an entry
in its column. Each finished row therefore waits in one linked list, that of the column of its next
entry, and moves on to the list of the entry after it. Before row 2 of the picture is gathered::

    first[2] --> row 1 --behind--> row 0 --behind--> -1         place[0] = 0, place[1] = 2
    (rows 0 and 1 wait at column 2; after row 2 both have moved: row 0 to column 4, row 1 is done)
"""

from math import frexp, ldexp
from typing import NamedTuple

import numpy as np
from numba import njit


class Graph(NamedTuple):
    """Rows of the graph: the neighbours of every site, and the links to them."""

    row_start: np.ndarray  # int64[n_sites + 1]
    row_neighbour: np.ndarray  # int64[2 n_links]
    row_link: np.ndarray  # int64[2 n_links]


class Rows(NamedTuple):
    """The scalar factor, as `eliminate` makes it: n rows, one for each eliminated site."""

    order: np.ndarray  # int64[n]: sites in the order of elimination
    rank: np.ndarray  # int64[n_sites]: place of each site in ``order``, -1 for a site held at zero
    start: np.ndarray  # int64[n + 1]: where the entries of each row begin
    column: np.ndarray  # int32[n_entries]: ascending in each row
    share: np.ndarray  # float64[n_entries]: t_kj
    total: np.ndarray  # float64[n]: d_k


class Waiting(NamedTuple):
    """The lists in which finished rows wait, see the head of this file."""

    first: np.ndarray  # int64[n]: the first row that waits at each column, -1 for none
    behind: np.ndarray  # int64[n]: the row behind each row in its list, -1 for none
    place: np.ndarray  # int64[n]: the entry at which each row waits


class Blocks(NamedTuple):
    """The 3x3 blocks that `eliminate_blocks` fills, row-major in the last axis.

    They are complex, all four, where the excess of the matrix is complex. The scalar part is real
    then too: it holds the real part of the excess, which is not negative.
    """

    H: np.ndarray  # float64[n_entries, 9]: H_kj of every entry
    back: np.ndarray  # float64[n_entries or 0, 9]: H_jk of every entry; empty if H is symmetric
    Y: np.ndarray  # float64[n_entries, 9]: Y_kj of every entry
    inverse: np.ndarray  # float64[n, 9]: (d_k + H_kk)^-1


@njit(cache=True, nogil=True)
def _grown(array, size):
    """A copy of ``array`` with room for ``size`` entries."""
    out = np.empty(size, array.dtype)
    out[: array.shape[0]] = array
    return out


@njit(cache=True, nogil=True)
def eliminate(order, rank, graph, conductance, excess, threshold, start, total):
    """Incomplete elimination of Lap(conductance) + excess.

    Parameters
    ----------
    order : int64[n]
        Sites in the order of elimination.
    rank : int64[n_sites]
        Place of each site in ``order``; -1 for a site that is held at zero.
    graph : Graph
    conductance : float64[n_links]
    excess : float64[n_sites]
        The diagonal s.
    threshold : float64[n_sites]
        A link is left out unless its conductance exceeds the smaller threshold of its two ends;
        with 0 no link is left out.
    start : int64[n + 1]
        Overwritten: where the entries of each row begin.
    total : float64[n]
        Overwritten: d_k.

    Returns
    -------
    column : int32[n_entries]
        Ascending in each row.
    share : float64[n_entries]
        t_kj.
    """
    n = order.shape[0]
    room = n + 1
    column = np.empty(room, np.int32)
    share = np.empty(room)
    s = excess.copy()
    value = np.zeros(n)
    seen = np.full(n, -1)
    found = np.empty(n, np.int64)
    first = np.full(n, -1)  # the waiting lists, see the head of this file
    behind = np.full(n, -1)
    place = np.empty(n, np.int64)
    count = 0
    start[0] = 0
    for k in range(n):
        i = order[k]
        m = 0
        # The links of this site in the graph. A weak link, or one to a site that is held at zero,
        # becomes excess.
        for a in range(graph.row_start[i], graph.row_start[i + 1]):
            j = graph.row_neighbour[a]
            q = rank[j]
            g = conductance[graph.row_link[a]]
            if q < 0:
                s[i] += g
            elif q > k and g > min(threshold[i], threshold[j]):
                seen[q] = k
                value[q] = g
                found[m] = q
                m += 1
            elif q > k:
                s[i] += g
                s[j] += g
        # The links from earlier eliminations: each row in the list of this column adds its
        # star-mesh products, and moves to the list of its next column.
        r = first[k]
        while r >= 0:
            later = behind[r]
            g = share[place[r]] * total[r]
            for e in range(place[r] + 1, start[r + 1]):
                q = column[e]
                if seen[q] != k:
                    seen[q] = k
                    value[q] = 0.0
                    found[m] = q
                    m += 1
                value[q] += g * share[e]
            place[r] += 1
            if place[r] < start[r + 1]:
                q = column[place[r]]
                behind[r] = first[q]
                first[q] = r
            r = later
        # Keep the links above the threshold, sorted by column (insertion sort: rows are short).
        kept = 0
        for a in range(m):
            q = found[a]
            g = value[q]
            j = order[q]
            if g > min(threshold[i], threshold[j]):
                b = kept
                while b > 0 and found[b - 1] > q:
                    found[b] = found[b - 1]
                    b -= 1
                found[b] = q
                kept += 1
            else:
                s[i] += g
                s[j] += g
        if count + kept > room:
            room = 3 * (count + kept) // 2
            column = _grown(column, room)
            share = _grown(share, room)
        # The star-mesh step: d_k, the shares t_kj, and the excess that goes to the neighbours.
        d = s[i]
        for a in range(kept):
            d += value[found[a]]
        total[k] = d
        for a in range(kept):
            q = found[a]
            t = value[q] / d
            column[count + a] = q
            share[count + a] = t
            s[order[q]] += s[i] * t
        if kept > 0:
            place[k] = count
            behind[k] = first[found[0]]
            first[found[0]] = k
        count += kept
        start[k + 1] = count
    return column[:count].copy(), share[:count].copy()


@njit(cache=True, nogil=True)
def solve(rows, rhs, x, out):
    """Forward pass ``b_j += t_kj b_k`` and backward pass ``x_k = b_k / d_k + sum_j t_kj x_j``.

    Parameters
    ----------
    rows : Rows
    rhs : float64[n_sites, 3]
    x : float64[n, 3]
        Working memory.
    out : float64[n_sites, 3]
        Overwritten at the eliminated sites.
    """
    order, _, start, column, share, total = rows
    n = order.shape[0]
    for k in range(n):
        i = order[k]
        for y in range(3):
            x[k, y] = rhs[i, y]
    for k in range(n):
        a = x[k, 0]
        b = x[k, 1]
        c = x[k, 2]
        for e in range(start[k], start[k + 1]):
            t = share[e]
            row = x[column[e]]
            row[0] += t * a
            row[1] += t * b
            row[2] += t * c
    for k in range(n - 1, -1, -1):
        d = 1.0 / total[k] if total[k] > 0.0 else 0.0
        a = d * x[k, 0]
        b = d * x[k, 1]
        c = d * x[k, 2]
        for e in range(start[k], start[k + 1]):
            t = share[e]
            row = x[column[e]]
            a += t * row[0]
            b += t * row[1]
            c += t * row[2]
        x[k, 0] = a
        x[k, 1] = b
        x[k, 2] = c
        i = order[k]
        for y in range(3):
            out[i, y] = x[k, y]


@njit(cache=True, nogil=True)
def _invert(d, f, out):
    """out[9] = (d 1 + f)^-1 of a 3x3 matrix f; zero if d is zero.

    The matrix is first scaled by a power of two, which is exact: its determinant is of third order
    in d and would underflow long before d does.
    """
    if d == 0.0:
        out[:] = 0.0
        return
    unit = ldexp(1.0, -frexp(d)[1])
    a = unit * (d + f[0])
    b = unit * f[1]
    c = unit * f[2]
    g = unit * f[3]
    e = unit * (d + f[4])
    k = unit * f[5]
    l = unit * f[6]
    m = unit * f[7]
    h = unit * (d + f[8])
    p = e * h - k * m
    q = k * l - g * h
    r = g * m - e * l
    scale = unit / (a * p + b * q + c * r)
    out[0] = p * scale
    out[1] = (c * m - b * h) * scale
    out[2] = (b * k - c * e) * scale
    out[3] = q * scale
    out[4] = (a * h - c * l) * scale
    out[5] = (c * g - a * k) * scale
    out[6] = r * scale
    out[7] = (b * l - a * m) * scale
    out[8] = (a * e - b * g) * scale


@njit(cache=True, nogil=True)
def _write_loss(K, q, sign, out):
    """out[9] = K (1 - R), with the rotation R of a quaternion q, or its inverse for sign = -1."""
    twist = 2.0 * K * sign * q[0]
    square = q[1] * q[1] + q[2] * q[2] + q[3] * q[3]
    for a in range(3):
        b = (a + 1) % 3
        c = (a + 2) % 3
        outer = 2.0 * K * q[1 + a] * q[1 + b]
        out[4 * a] = 2.0 * K * (square - q[1 + a] * q[1 + a])
        out[3 * a + b] = twist * q[1 + c] - outer
        out[3 * b + a] = -twist * q[1 + c] - outer


@njit(cache=True, nogil=True, inline="always")  # a call with arrays would cost more than this
def _add_update(g, t, y, h, transposed, out):
    """out[9] += g Y + H (t 1 - Y), with H or its transpose."""
    for a in range(3):
        h0 = h[a] if transposed else h[3 * a]
        h1 = h[3 + a] if transposed else h[3 * a + 1]
        h2 = h[6 + a] if transposed else h[3 * a + 2]
        out[3 * a] += g * y[3 * a] + h0 * (t - y[0]) - h1 * y[3] - h2 * y[6]
        out[3 * a + 1] += g * y[3 * a + 1] - h0 * y[1] + h1 * (t - y[4]) - h2 * y[7]
        out[3 * a + 2] += g * y[3 * a + 2] - h0 * y[2] - h1 * y[5] + h2 * (t - y[8])


@njit(cache=True, nogil=True)
def eliminate_blocks(which, high, graph, conductance, transport, diagonal, rows, waiting, blocks):
    """Elimination of H beside the scalar part that `eliminate` has done, on the entries it kept.

    Independent subtrees can be eliminated in parallel. `queue_rows` then puts their rows into the
    lists of the columns above them.

    Parameters
    ----------
    which : int64[m]
        The rows to be eliminated, ascending. All earlier rows with entries in them are done.
    high : int64
        Rows finished here are put into the lists of columns below this one only.
    graph : Graph
    conductance : float64[n_links]
    transport : float64[n_links, 4]
        Quaternion of the hop j -> i, i < j.
    diagonal : float64[n_sites, 9] or complex128[n_sites, 9]
        H of a site with itself.
    rows : Rows
    waiting : Waiting
        ``place`` is filled for these rows.
    blocks : Blocks
        ``H``, ``back`` and ``Y`` begin as zeros. All four arrays are filled for these rows.
    """
    order, rank, start, column, share, total = rows
    row_start, row_neighbour, row_link = graph
    first, behind, place = waiting
    H, back, Y, inverse = blocks
    symmetric = back.shape[0] < H.shape[0]
    entry = np.full(order.shape[0], -1)
    own = np.empty(9, H.dtype)
    scaled = np.empty(9, H.dtype)
    for k in which:
        i = order[k]
        # The losses of the graph: of the site with itself, and of its links.
        for e in range(start[k], start[k + 1]):
            entry[column[e]] = e
        own[:] = diagonal[i]
        for a in range(row_start[i], row_start[i + 1]):
            q = rank[row_neighbour[a]]
            if q > k and entry[q] >= start[k]:
                l = row_link[a]
                sign = 1.0 if i < row_neighbour[a] else -1.0
                _write_loss(conductance[l], transport[l], sign, H[entry[q]])
                if not symmetric:
                    _write_loss(conductance[l], transport[l], -sign, back[entry[q]])
        # The losses from earlier rows: every row in the list of this column adds its products.
        r = first[k]
        while r >= 0:
            later = behind[r]
            p = place[r]
            g = share[p] * total[r]
            h = H[p] if symmetric else back[p]  # H_kr
            _add_update(g, share[p], Y[p], h, symmetric, own)
            for e in range(p + 1, start[r + 1]):
                b = entry[column[e]]
                if b >= start[k]:
                    _add_update(g, share[e], Y[e], h, symmetric, H[b])
                    if not symmetric:
                        g_re = share[e] * total[r]
                        _add_update(g_re, share[p], Y[p], back[e], False, back[b])
            place[r] += 1
            if place[r] < start[r + 1]:
                q = column[place[r]]
                if q < high:
                    behind[r] = first[q]
                    first[q] = r
            r = later
        # The step itself: (d_k + H_kk)^-1 and Y_kj of every entry of this row.
        inv = inverse[k]
        _invert(total[k], own, inv)
        for e in range(start[k], start[k + 1]):
            for x in range(9):
                scaled[x] = own[x] * share[e] + H[e, x]
            for x in range(3):
                for y in range(3):
                    Y[e, 3 * x + y] = (
                        inv[3 * x] * scaled[y]
                        + inv[3 * x + 1] * scaled[3 + y]
                        + inv[3 * x + 2] * scaled[6 + y]
                    )
        place[k] = start[k]
        if start[k] < start[k + 1]:
            q = column[start[k]]
            if q < high:
                behind[k] = first[q]
                first[q] = k


@njit(cache=True, nogil=True)
def queue_rows(which, rows, waiting):
    """Put rows into the list of the column of their next entry, if they have one left.

    Parameters
    ----------
    which : int64[m]
        Rows that are in no list.
    rows : Rows
    waiting : Waiting
    """
    start, column = rows.start, rows.column
    first, behind, place = waiting
    for r in which:
        if place[r] < start[r + 1]:
            q = column[place[r]]
            behind[r] = first[q]
            first[q] = r


@njit(cache=True, nogil=True)
def finish_blocks(rows, blocks):
    """Turn what `eliminate_blocks` has left into the weights of `solve_blocks`, in place.

    Parameters
    ----------
    rows : Rows
    blocks : Blocks
        ``back`` becomes ((g_kj - H_jk) (d_k + H_kk)^-1)^T, the weights of the forward pass.
        ``Y`` becomes T_kj, the weights of the backward pass.
    """
    start, share, total = rows.start, rows.share, rows.total
    _, back, Y, inverse = blocks
    scaled = np.empty(9, Y.dtype)
    for k in range(total.shape[0]):
        inv = inverse[k]
        for e in range(start[k], start[k + 1]):
            for x in range(9):
                Y[e, x] = (share[e] if x % 4 == 0 else 0.0) - Y[e, x]
            if back.shape[0] > 0:
                for x in range(9):
                    scaled[x] = (share[e] * total[k] if x % 4 == 0 else 0.0) - back[e, x]
                for x in range(3):
                    for y in range(3):
                        back[e, 3 * y + x] = (
                            scaled[3 * x] * inv[y]
                            + scaled[3 * x + 1] * inv[3 + y]
                            + scaled[3 * x + 2] * inv[6 + y]
                        )


@njit(cache=True, nogil=True)
def solve_blocks(rows, left, weight, inverse, rhs, x, out):
    """Passes ``b_j += L_kj^T b_k`` and ``x_k = (d_k + H_kk)^-1 b_k + sum_j T_kj x_j``.

    Parameters
    ----------
    rows : Rows
    left : float64[n_entries, 9]
        L: ``back`` of `finish_blocks`, or ``weight`` where H is symmetric.
    weight : float64[n_entries, 9]
        T: ``Y`` of `finish_blocks`.
    inverse : float64[n, 9]
        (d_k + H_kk)^-1.
    rhs : float64[n_sites, 3]
    x : float64[n, 3]
        Working memory.
    out : float64[n_sites, 3]
        Overwritten at the eliminated sites.
    """
    order, start, column = rows.order, rows.start, rows.column
    n = order.shape[0]
    for k in range(n):
        i = order[k]
        for y in range(3):
            x[k, y] = rhs[i, y]
    for k in range(n):
        a = x[k, 0]
        b = x[k, 1]
        c = x[k, 2]
        for e in range(start[k], start[k + 1]):
            T = left[e]
            row = x[column[e]]
            row[0] += T[0] * a + T[3] * b + T[6] * c
            row[1] += T[1] * a + T[4] * b + T[7] * c
            row[2] += T[2] * a + T[5] * b + T[8] * c
    for k in range(n - 1, -1, -1):
        inv = inverse[k]
        a = inv[0] * x[k, 0] + inv[1] * x[k, 1] + inv[2] * x[k, 2]
        b = inv[3] * x[k, 0] + inv[4] * x[k, 1] + inv[5] * x[k, 2]
        c = inv[6] * x[k, 0] + inv[7] * x[k, 1] + inv[8] * x[k, 2]
        for e in range(start[k], start[k + 1]):
            T = weight[e]
            row = x[column[e]]
            a += T[0] * row[0] + T[1] * row[1] + T[2] * row[2]
            b += T[3] * row[0] + T[4] * row[1] + T[5] * row[2]
            c += T[6] * row[0] + T[7] * row[1] + T[8] * row[2]
        x[k, 0] = a
        x[k, 1] = b
        x[k, 2] = c
        i = order[k]
        for y in range(3):
            out[i, y] = x[k, y]


@njit(cache=True, nogil=True)
def _entry_between(start, column, i, j):
    """The entry of row min(i, j) in column max(i, j), or -1 (binary search)."""
    row = min(i, j)
    aim = max(i, j)
    low = start[row]
    high = start[row + 1]
    while low < high:
        middle = (low + high) // 2
        if column[middle] < aim:
            low = middle + 1
        else:
            high = middle
    return low if low < start[row + 1] and column[low] == aim else -1


@njit(cache=True, nogil=True)
def fill_inverse(rows, between, diagonal):
    """Elements of the inverse on the entries of the factor, and its diagonal [nuclei 14].

    From the last row to the first, without a subtraction (Takahashi)::

        G_kj = sum_i t_ki G_ij        G_kk = 1 / d_k + sum_j t_kj G_kj

    An element G_ij that has no entry was left out because its link was weak. It is taken as zero:
    this changes G_kk by the part that the link is of the excess, at most.

    Parameters
    ----------
    rows : Rows
    between : float64[n_entries]
        Overwritten: G_kj.
    diagonal : float64[n]
        Overwritten: G_kk, in the order of elimination.
    """
    _, _, start, column, share, total = rows
    for k in range(total.shape[0] - 1, -1, -1):
        found = 1.0 / total[k] if total[k] > 0.0 else 0.0
        for a in range(start[k], start[k + 1]):
            element = share[a] * diagonal[column[a]]
            for b in range(start[k], start[k + 1]):
                if b != a:
                    e = _entry_between(start, column, column[a], column[b])
                    if e >= 0:
                        element += share[b] * between[e]
            between[a] = element
            found += share[a] * element
        diagonal[k] = found
