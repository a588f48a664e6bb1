"""Differences along the links of a directed elimination, from the root down.

`factor_directed_fronts` leaves two kinds of weights, w_ki (where a carrier on k goes) and v_ki
(occupation of k per occupation of i). Both kernels here use them from the root of the tree of
fronts down to its leaves, and never subtract two large numbers. They compute different quantities:

`log_ratio_fronts`
    ln(u_i / u_j) along every edge of a reversible chain, u = p / n, n the occupation of
    equilibrium. A flow of K_ij (u_i - u_j) is accurate relative to itself however close u_i and
    u_j are.
`change_fronts`
    q_i - q_j along every edge, for any q with q_k = source_k + sum_i v_ki q_i.

Each front has a square table, and table[i, j] belongs to its columns i < j. Let r be the later
column with the strongest link to k. The entry [k, r] is a sum over all later columns, and

    entry[k, j] = entry[k, r] - entry[j, r]

has a rounding error of eps |entry[k, r]|. In the flow from k to j this is at most eps times the
flow from k to r, since no link of k is stronger than that to r.
"""

from typing import NamedTuple

import numpy as np
from numba import njit


class Chain(NamedTuple):
    """The weights of one directed elimination, and given values on its nodes.

    Attributes
    ----------
    weights : float64[2, n_weights]
        w_ki and v_ki of all fronts.
    occupation : float64[n_eliminated + n_terminals + 1]
        p by rank, then of the terminals; 0 for the ground.
    log_n : float64[n_eliminated + n_terminals + 1]
        ln n by rank.
    source : float64[n_eliminated]
        b_k / (d_k p_k): the part of each node that does not come from its later columns. Only the
        second pass uses it.
    """

    weights: np.ndarray
    occupation: np.ndarray
    log_n: np.ndarray
    source: np.ndarray


@njit(cache=True, nogil=True)
def _copy_boundary(own, above, column, n_pivots):
    """Copy the entries between columns of the boundary from the parent's table."""
    n = column.shape[0]
    for a in range(n):
        row = above[column[a]]
        out = own[n_pivots + a]
        for b in range(a + 1, n):
            out[n_pivots + b] = row[column[b]]


@njit(cache=True, nogil=True)
def _strongest(weight, k, m):
    """The later column with the largest weight."""
    r = m - 1
    largest = 0.0
    for j in range(k + 1, m):
        if weight[j] > largest:
            largest = weight[j]
            r = j
    return r


@njit(cache=True, nogil=True)
def _entries_to(table, r, k, m, out):
    """out[j] = entry [j, r] for the columns j after k; tables hold i < j only."""
    for j in range(k + 1, r):
        out[j] = table[j, r]
    out[r] = 0.0
    row = table[r]
    for j in range(r + 1, m):
        out[j] = -row[j]


@njit(cache=True, nogil=True)
def _extend_log_ratios(table, w, v, p, log_n, n_pivots, m, ratio):
    """Fill the pivot rows of a table of L[i, j] = ln(u_i / u_j), last pivot first.

    u_k = sum_i w_ki u_i, and the shares omega_ki = v_ki p_i / p_k add up to 1. With
    S_ir = (u_i - u_r) / max(u_i, u_r), which lies between -1 and 1::

        A = sum_i w_ki min(S_ir, 0)    B = sum_i omega_ki max(S_ir, 0)
        u_k / u_r = (1 + A) / (1 - B)

    Far from local equilibrium the logarithms of p and n give the ratio as well.
    """
    for k in range(n_pivots - 1, -1, -1):
        going = w[k]
        coming = v[k]
        r = _strongest(going, k, m)
        _entries_to(table, r, k, m, ratio)
        low = 0.0
        high = 0.0
        inverse = 1.0 / p[k] if p[k] > 0.0 else 0.0
        for i in range(k + 1, m):
            if ratio[i] > 0.0:
                if coming[i] != 0.0:
                    high -= coming[i] * (p[i] * inverse) * np.expm1(-ratio[i])
            elif going[i] != 0.0:
                low += going[i] * np.expm1(ratio[i])
        if high - low < 0.5 or p[k] <= 0.0 or p[r] <= 0.0:
            own = np.log1p(low) - np.log1p(-min(high, 0.5))
        else:
            own = np.log(p[k] / p[r]) - (log_n[k] - log_n[r])
        row = table[k]
        for j in range(k + 1, m):
            row[j] = own - ratio[j]


@njit(cache=True, nogil=True)
def _extend_corrections(table, ratios, w, v, p, source, n_pivots, m, work):
    """Fill the pivot rows of a table of T[i, j] = (du_i - du_j) / max(u_i, u_j).

    du is a change with du_k = source_k u_k + sum_i w_ki du_i. In the notation of
    `_extend_log_ratios`, with sums over S_ir <= 0 and S_ir > 0::

        A = sum w_ki T_ir    B = sum omega_ki T_ir    du_k - du_r = (source_k + B) u_k + A u_r
    """
    change = work[0]
    ratio = work[1]
    for k in range(n_pivots - 1, -1, -1):
        going = w[k]
        coming = v[k]
        r = _strongest(going, k, m)
        _entries_to(table, r, k, m, change)
        _entries_to(ratios, r, k, m, ratio)
        low = 0.0
        high = source[k]
        inverse = 1.0 / p[k] if p[k] > 0.0 else 0.0
        for i in range(k + 1, m):
            if ratio[i] > 0.0:
                high += coming[i] * (p[i] * inverse) * change[i]
            else:
                low += going[i] * change[i]
        # In units of u_r: every scale is the exponential of a logarithm.
        lift = ratios[k, r]
        row = table[k]
        for j in range(k + 1, m):
            top = max(lift, ratio[j])
            row[j] = high * np.exp(lift - top) + low * np.exp(-top)
            row[j] -= change[j] * np.exp(max(ratio[j], 0.0) - top)


@njit(cache=True, nogil=True)
def log_ratio_fronts(which, fronts, chain, second, table_start, tables, edge_value):
    """ln(u_i / u_j) along every edge of a reversible chain, or the correction of (u_i - u_j).

    Parameters
    ----------
    which : int64[n]
        Numbers of the fronts, ascending; they are taken from the end.
    fronts : Fronts
    chain : Chain
        Weights, occupations and sources by rank.
    second : bool
        False: fill ``edge_value`` with L = ln(u_i / u_j). True: with
        T = (du_i - du_j) / max(u_i, u_j), du the change that the sources of the chain make.
    table_start : int64[n_fronts]
        Where each front stores its table.
    tables : float64[1 or 2, ...]
        Working memory of L and, for the second pass, of T; the boundary of the root is set.
    edge_value : float64[n_edges]
        Overwritten for the edges of these fronts.
    """
    largest = 1
    for t in which:
        m = fronts.front_start[t + 1] - fronts.front_start[t]
        m += fronts.boundary_start[t + 1] - fronts.boundary_start[t]
        largest = max(largest, m)
    work = np.empty((2, largest))
    p = np.empty(largest)
    log_n = np.empty(largest)
    for c in range(which.shape[0] - 1, -1, -1):
        t = which[c]
        first = fronts.front_start[t]
        n_pivots = fronts.front_start[t + 1] - first
        begin = fronts.boundary_start[t]
        n_boundary = fronts.boundary_start[t + 1] - begin
        m = n_pivots + n_boundary
        for k in range(m):
            rank = first + k if k < n_pivots else fronts.boundary[begin + k - n_pivots]
            p[k] = chain.occupation[rank]
            log_n[k] = chain.log_n[rank]
        place = table_start[t]
        low = fronts.weight_start[t]
        w = chain.weights[0, low : low + n_pivots * m].reshape(n_pivots, m)
        v = chain.weights[1, low : low + n_pivots * m].reshape(n_pivots, m)
        parent = fronts.parent[t]
        column = fronts.parent_column[begin : begin + n_boundary]
        n_above = 0
        if parent >= 0:
            n_above = fronts.front_start[parent + 1] - fronts.front_start[parent]
            n_above += fronts.boundary_start[parent + 1] - fronts.boundary_start[parent]
        ratios = tables[0, place : place + m * m].reshape(m, m)
        if parent >= 0:
            high = table_start[parent]
            above = tables[0, high : high + n_above * n_above].reshape(n_above, n_above)
            _copy_boundary(ratios, above, column, n_pivots)
        _extend_log_ratios(ratios, w, v, p, log_n, n_pivots, m, work[0])
        own = ratios
        if second:
            own = tables[1, place : place + m * m].reshape(m, m)
            if parent >= 0:
                high = table_start[parent]
                above = tables[1, high : high + n_above * n_above].reshape(n_above, n_above)
                _copy_boundary(own, above, column, n_pivots)
            source = chain.source[first : first + n_pivots]
            _extend_corrections(own, ratios, w, v, p, source, n_pivots, m, work)
        for k in range(n_pivots):
            for e in range(fronts.row_start[first + k], fronts.row_start[first + k + 1]):
                edge_value[e] = own[k, fronts.edge_column[e]]


@njit(cache=True, nogil=True)
def change_fronts(which, fronts, chain, excess, table_start, table, edge_value):
    """q_i - q_j along every edge, where q_k = source_k + sum_i v_ki q_i.

    Parameters
    ----------
    which : int64[n]
        Numbers of the fronts, ascending; they are taken from the end.
    fronts : Fronts
    chain : Chain
        Its ``occupation`` holds q by rank, its ``source`` the source of each node.
    excess : float64[n_eliminated]
        sum_i v_ki - 1, known without this subtraction.
    table_start : int64[n_fronts]
        Where each front stores its table q_i - q_j.
    table : float64[...]
        Working memory; the boundary of the root is set.
    edge_value : float64[n_edges]
        Overwritten for the edges of these fronts.

    Notes
    -----
    q_k - q_r = source_k + sum_i v_ki (q_i - q_r) + excess_k q_r.
    """
    largest = 1
    for t in which:
        m = fronts.front_start[t + 1] - fronts.front_start[t]
        m += fronts.boundary_start[t + 1] - fronts.boundary_start[t]
        largest = max(largest, m)
    change = np.empty(largest)
    for c in range(which.shape[0] - 1, -1, -1):
        t = which[c]
        first = fronts.front_start[t]
        n_pivots = fronts.front_start[t + 1] - first
        begin = fronts.boundary_start[t]
        n_boundary = fronts.boundary_start[t + 1] - begin
        m = n_pivots + n_boundary
        place = table_start[t]
        own = table[place : place + m * m].reshape(m, m)
        parent = fronts.parent[t]
        if parent >= 0:
            n_above = fronts.front_start[parent + 1] - fronts.front_start[parent]
            n_above += fronts.boundary_start[parent + 1] - fronts.boundary_start[parent]
            place = table_start[parent]
            above = table[place : place + n_above * n_above].reshape(n_above, n_above)
            column = fronts.parent_column[begin : begin + n_boundary]
            _copy_boundary(own, above, column, n_pivots)
        low = fronts.weight_start[t]
        v = chain.weights[1, low : low + n_pivots * m].reshape(n_pivots, m)
        for k in range(n_pivots - 1, -1, -1):
            coming = v[k]
            r = _strongest(coming, k, m)
            _entries_to(own, r, k, m, change)
            q = r + first if r < n_pivots else fronts.boundary[begin + r - n_pivots]
            total = chain.source[first + k] + excess[first + k] * chain.occupation[q]
            for i in range(k + 1, m):
                total += coming[i] * change[i]
            row = own[k]
            for j in range(k + 1, m):
                row[j] = total - change[j]
        for k in range(n_pivots):
            for e in range(fronts.row_start[first + k], fronts.row_start[first + k + 1]):
                edge_value[e] = own[k, fronts.edge_column[e]]


@njit(cache=True, nogil=True)
def fill_root_entries(fronts, value, table_start, table):
    """Write the given entries between terminals into the table of the root.

    Parameters
    ----------
    fronts : Fronts
    value : float64[n_terminals + 1, n_terminals + 1]
        The entry of each two terminals; the last one is the ground.
    table_start : int64[n_fronts]
        Where each front stores its table.
    table : float64[...]
        Changed in the boundary rows and columns of the root.
    """
    root = fronts.left.shape[0] - 1
    n_pivots = fronts.front_start[root + 1] - fronts.front_start[root]
    begin = fronts.boundary_start[root]
    n_boundary = fronts.boundary_start[root + 1] - begin
    m = n_pivots + n_boundary
    n_eliminated = fronts.front_start[-1]
    for a in range(n_boundary):
        row = table_start[root] + (n_pivots + a) * m + n_pivots
        i = fronts.boundary[begin + a] - n_eliminated
        for b in range(n_boundary):
            table[row + b] = value[i, fronts.boundary[begin + b] - n_eliminated]
