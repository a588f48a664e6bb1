"""Directed elimination: a Markov chain on a graph, site by site, without a subtraction.

A carrier hops from i to j with the rate a_ij, and from j to i with another rate a_ji. Eliminating
site k (Grassmann, Taksar and Heyman; the graph transformation of chemical kinetics) gives

    d_k   = c_k + sum_j a_kj         total rate out of k; c_k is the rate of leaving for good
    w_kj  = a_kj / d_k               probability that a carrier on k hops to j
    v_ki  = a_ik / d_k               occupation of k per occupation of i
    a_ij += a_ik w_kj                for all later i and j, i not j

Only sums, products and quotients of non-negative numbers occur. The fronts are those of
elimination.py, but the whole square is used: row i holds the rates out of i, and the last column,
the ground, holds the rates of leaving for good.
"""

import numpy as np
from numba import njit

# Number of pivots that are eliminated before the columns after them are updated together, number
# of later columns up to which loops are faster than BLAS, and number of rows per matrix product:
# as in elimination.py, where the same trade-offs are explained.
PANEL = 16
SMALL = 64
TILE = 128


@njit(cache=True, nogil=True)
def _add_products(front, begin, end, coming, going, n_columns):
    """Update the rows after a panel by loops: front[i, j] += sum_k coming[k, i] going[k, j]."""
    # Four pivots at a time: each pass over a row reads and writes it once for four products.
    n_panel = end - begin
    for i in range(end, n_columns):
        out = front[i]
        k = 0
        while k + 4 <= n_panel:
            a0 = coming[k, i]
            a1 = coming[k + 1, i]
            a2 = coming[k + 2, i]
            a3 = coming[k + 3, i]
            w0 = going[begin + k]
            w1 = going[begin + k + 1]
            w2 = going[begin + k + 2]
            w3 = going[begin + k + 3]
            for j in range(end, n_columns):
                out[j] += a0 * w0[j] + a1 * w1[j] + a2 * w2[j] + a3 * w3[j]
            k += 4
        while k < n_panel:
            a0 = coming[k, i]
            w0 = going[begin + k]
            for j in range(end, n_columns):
                out[j] += a0 * w0[j]
            k += 1


@njit(cache=True, nogil=True)
def _add_products_by_blas(front, begin, end, coming, going, n_columns, scratch):
    """The same update as `_add_products`, one matrix product per tile of rows."""
    # Copy the weights of the panel into contiguous blocks, the form that BLAS takes.
    n_panel = end - begin
    n_rest = n_columns - end
    share = scratch[: n_panel * n_rest].reshape(n_panel, n_rest)
    for k in range(n_panel):
        share[k] = going[begin + k, end:n_columns]
    tile_area = scratch[n_panel * n_rest : n_panel * n_rest + TILE * n_panel]
    product_area = scratch[n_panel * n_rest + TILE * n_panel :]
    # Multiply tile by tile, and add each product to the rows of the front.
    for first in range(0, n_rest, TILE):
        last = min(first + TILE, n_rest)
        rates = tile_area[: (last - first) * n_panel].reshape(n_panel, last - first)
        for k in range(n_panel):
            rates[k] = coming[k, end + first : end + last]
        product = product_area[: (last - first) * n_rest].reshape(last - first, n_rest)
        np.dot(rates.T, share, product)
        for i in range(first, last):
            out = front[end + i]
            row = product[i - first]
            for j in range(n_rest):
                out[end + j] += row[j]


@njit(cache=True, nogil=True)
def _eliminate(front, n_pivots, n_columns, negligible, going, coming, pivot, panel, scratch):
    """Eliminate the pivots of one dense front, panel by panel.

    Fills ``going[k, j]`` (w_kj) and ``coming[k, i]`` (v_ki) for the later columns, and ``pivot``;
    leaves the rates between the nodes of the boundary in ``front``. Its diagonal is never read.
    """
    for begin in range(0, n_pivots, PANEL):
        end = min(begin + PANEL, n_pivots)
        # The weights w_kj of the panel. Each pivot updates the later rows of the panel.
        for k in range(begin, end):
            row = front[k]
            w = going[k]
            total = row[k + 1]
            for j in range(k + 2, n_columns):
                total += row[j]
            pivot[k] = total
            if abs(total) <= negligible:
                w[k + 1 : n_columns] = 0.0
            else:
                inverse = 1.0 / total
                for j in range(k + 1, n_columns):
                    value = row[j] * inverse
                    w[j] = 0.0 if abs(value) < negligible else value
            for i in range(k + 1, end):
                a = front[i, k]
                if abs(a) < negligible:
                    front[i, k] = 0.0
                elif a != 0.0:
                    out = front[i]
                    for j in range(k + 1, n_columns):
                        out[j] += a * w[j]
        # The columns of the panel, one row of ``panel`` each: loops over the rows of the front
        # then run along memory.
        for i in range(end, n_columns):
            row = front[i]
            for k in range(begin, end):
                panel[k - begin, i] = row[k]
        # Update each column by the weights inside the panel.
        for k in range(begin, end):
            column = panel[k - begin]
            for i in range(end, n_columns):
                column[i] = 0.0 if abs(column[i]) < negligible else column[i]
            w = going[k]
            for j in range(k + 1, end):
                share = w[j]
                if share != 0.0:
                    out = panel[j - begin]
                    for i in range(end, n_columns):
                        out[i] += column[i] * share
        # The weights v_ki: occupation of each pivot per occupation of each later node.
        for k in range(begin, end):
            v = coming[k]
            if abs(pivot[k]) <= negligible:
                v[k + 1 : n_columns] = 0.0
            else:
                inverse = 1.0 / pivot[k]
                column = panel[k - begin]
                for i in range(k + 1, end):
                    v[i] = front[i, k] * inverse
                for i in range(end, n_columns):
                    v[i] = column[i] * inverse
        # All later rows and columns are updated together.
        if n_columns - end > SMALL:
            _add_products_by_blas(front, begin, end, panel, going, n_columns, scratch)
        else:
            _add_products(front, begin, end, panel, going, n_columns)


@njit(cache=True, nogil=True)
def factor_directed_fronts(
    which,
    fronts,
    edge_rates,
    killing,
    negligible,
    contribution_start,
    contribution,
    weights,
    pivot,
):
    """Factor the fronts listed in ``which``, children before parents.

    Parameters
    ----------
    which : int64[n]
        Numbers of the fronts.
    fronts : Fronts
        The symbolic analysis, as for `kernels.elimination.factor_fronts`.
    edge_rates : float64[2, n_edges] or complex128[2, n_edges]
        Rate from the earlier to the later end of each edge, and back.
    killing : same type[n_eliminated]
        Rate of leaving for good from the node of each rank.
    negligible : float64
        Entries below this count as zero.
    contribution_start : int64[n_fronts]
        Where each front stores the rates that it leaves to its parent.
    contribution : same type[...]
        Working memory. At the end it holds the contribution of the last front.
    weights : same type[2, n_weights]
        Filled: w_kj and v_ki of each front, row by row (columns up to k are not set).
    pivot : same type[n_eliminated]
        Filled: d_k.
    """
    # One block of memory serves all fronts of this call.
    largest = 0
    for t in which:
        m = fronts.front_start[t + 1] - fronts.front_start[t]
        m += fronts.boundary_start[t + 1] - fronts.boundary_start[t]
        largest = max(largest, m)
    area = np.empty(largest * largest, edge_rates.dtype)
    panel_area = np.empty(PANEL * largest, edge_rates.dtype)
    scratch = np.empty((PANEL + TILE) * largest + TILE * PANEL, edge_rates.dtype)
    for t in which:
        first = fronts.front_start[t]
        n_pivots = fronts.front_start[t + 1] - first
        n_boundary = fronts.boundary_start[t + 1] - fronts.boundary_start[t]
        m = n_pivots + n_boundary
        front = area[: m * m].reshape(m, m)
        # Assemble the front: its edges in both directions, the killing, the rates of its children.
        front[:] = 0.0
        for k in range(n_pivots):
            for e in range(fronts.row_start[first + k], fronts.row_start[first + k + 1]):
                column = fronts.edge_column[e]
                front[k, column] += edge_rates[0, e]
                front[column, k] += edge_rates[1, e]
            front[k, m - 1] += killing[first + k]
        for child in (fronts.left[t], fronts.right[t]):
            if child >= 0:
                begin = fronts.boundary_start[child]
                n = fronts.boundary_start[child + 1] - begin
                place = contribution_start[child]
                for a in range(n):
                    out = front[fronts.parent_column[begin + a]]
                    for b in range(n):
                        out[fronts.parent_column[begin + b]] += contribution[place + a * n + b]
        # Eliminate the pivots, then store the rates between the nodes of the boundary.
        low = fronts.weight_start[t]
        high = low + n_pivots * m
        _eliminate(
            front,
            n_pivots,
            m,
            negligible,
            weights[0, low:high].reshape(n_pivots, m),
            weights[1, low:high].reshape(n_pivots, m),
            pivot[first : first + n_pivots],
            panel_area[: PANEL * m].reshape(PANEL, m),
            scratch,
        )
        place = contribution_start[t]
        for a in range(n_boundary):
            row = front[n_pivots + a]
            for b in range(n_boundary):
                contribution[place + a * n_boundary + b] = row[n_pivots + b]
            contribution[place + a * n_boundary + a] = 0.0


@njit(cache=True, nogil=True)
def fill_terminal_rates(fronts, contribution_start, contribution, rates):
    """Copy the rates that the root leaves between terminals and to the ground.

    Parameters
    ----------
    fronts : Fronts
    contribution_start : int64[n_fronts]
    contribution : float64 or complex128[...]
        After `factor_directed_fronts` on all fronts.
    rates : same type[n_terminals + 1, n_terminals + 1]
        Overwritten: rate from the row's to the column's terminal; the last one is the ground.
    """
    root = fronts.left.shape[0] - 1
    begin = fronts.boundary_start[root]
    n_boundary = fronts.boundary_start[root + 1] - begin
    n_eliminated = fronts.front_start[-1]
    rates[:] = 0.0
    for a in range(n_boundary):
        i = fronts.boundary[begin + a] - n_eliminated
        for b in range(n_boundary):
            if a != b:
                j = fronts.boundary[begin + b] - n_eliminated
                rates[i, j] = contribution[contribution_start[root] + a * n_boundary + b]
