"""Subtraction-free elimination with wide numbers, for conductances that span more than floats do.

The same passes as in elimination.py, without excess and for one right-hand side. Every number is
kept as

    mantissa * RADIX**exponent        2**-256 <= abs(mantissa) < 2**256, or mantissa = 0

so that nothing underflows: a link of exp(-2000) beside a link of 1 keeps all its digits. Each
array is a pair (mantissa, exponent) of equal shape, a `Wide`.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

# Base of the exponents: a power of two, so that scaling by it is exact.
RADIX = 2.0**512
# Mantissas below LOW are scaled up. The square of LOW is still a normal float.
LOW = 2.0**-256
# Mantissas from HIGH on are scaled down. The square of HIGH is still finite.
HIGH = 2.0**256


class Wide(NamedTuple):
    """An array of wide numbers."""

    mantissa: np.ndarray  # float64
    exponent: np.ndarray  # int64, of the same shape


@njit(cache=True, nogil=True, inline="always")
def _normal(m, e):
    """The same number with its mantissa in range; one step is enough after one operation."""
    size = abs(m)
    if size >= HIGH:
        return m / RADIX, e + 1
    if size < LOW and size > 0.0:
        return m * RADIX, e - 1
    return m, e


@njit(cache=True, nogil=True, inline="always")
def _add(m, e, n, f):
    """Sum of two wide numbers; one that is smaller by RADIX**2 or more changes nothing."""
    if m == 0.0:
        return n, f
    if n == 0.0:
        return m, e
    if e == f:
        return _normal(m + n, e)
    if e == f + 1:
        return _normal(m + n / RADIX, e)
    if f == e + 1:
        return _normal(n + m / RADIX, f)
    if e > f:
        return m, e
    return n, f


@njit(cache=True, nogil=True)
def _eliminate(front, n_pivots, n_columns, weight, pivot):
    """Eliminate the pivots of one dense front (its upper triangle), as in elimination.py."""
    # Names below: m for mantissas and e for exponents, of the front (f) and of the weights (w).
    fm, fe = front
    wm, we = weight
    for k in range(n_pivots):
        # The pivot d_k, then the weights w_kj.
        total, power = 0.0, 0
        for j in range(k + 1, n_columns):
            total, power = _add(total, power, fm[k, j], fe[k, j])
        pivot.mantissa[k] = total
        pivot.exponent[k] = power
        for j in range(k + 1, n_columns):
            wm[k, j], we[k, j] = 0.0, 0
            if fm[k, j] != 0.0:
                wm[k, j], we[k, j] = _normal(fm[k, j] / total, fe[k, j] - power)
        # Star-mesh update g_ij += g_ki w_kj of the later columns.
        for i in range(k + 1, n_columns):
            a, b = fm[k, i], fe[k, i]
            if a == 0.0:
                continue
            for j in range(i + 1, n_columns):
                if wm[k, j] != 0.0:
                    m, e = _normal(a * wm[k, j], b + we[k, j])
                    fm[i, j], fe[i, j] = _add(fm[i, j], fe[i, j], m, e)


@njit(cache=True, nogil=True)
def factor_wide(fronts, edge_conductance, contribution_start, contribution, weight, pivot):
    """Factor all fronts, children before parents.

    Parameters
    ----------
    fronts : Fronts
    edge_conductance : Wide[n_edges]
        Conductance of each edge.
    contribution_start : int64[n_fronts]
        Where each front stores the mesh that it leaves to its parent.
    contribution : Wide[...]
        Working memory; at the end it holds the mesh between terminals, left by the root.
    weight : Wide[n_weights]
        Filled: ``w_kj`` of each front, row by row (columns up to k are not set).
    pivot : Wide[n_eliminated]
        Filled: ``d_k``.
    """
    for t in range(fronts.left.shape[0]):
        first = fronts.front_start[t]
        n_pivots = fronts.front_start[t + 1] - first
        n_boundary = fronts.boundary_start[t + 1] - fronts.boundary_start[t]
        m = n_pivots + n_boundary
        fm = np.zeros((m, m))
        fe = np.zeros((m, m), np.int64)
        # Assemble the front: its own edges, then the meshes that its children left.
        for k in range(n_pivots):
            for e in range(fronts.row_start[first + k], fronts.row_start[first + k + 1]):
                j = fronts.edge_column[e]
                fm[k, j], fe[k, j] = _add(
                    fm[k, j], fe[k, j], edge_conductance.mantissa[e], edge_conductance.exponent[e]
                )
        for child in (fronts.left[t], fronts.right[t]):
            if child >= 0:
                begin = fronts.boundary_start[child]
                n = fronts.boundary_start[child + 1] - begin
                for a in range(n):
                    i = fronts.parent_column[begin + a]
                    for b in range(a + 1, n):
                        j = fronts.parent_column[begin + b]
                        at = contribution_start[child] + a * n + b
                        fm[i, j], fe[i, j] = _add(
                            fm[i, j], fe[i, j], contribution.mantissa[at], contribution.exponent[at]
                        )
        # Eliminate the pivots, then store the mesh of the boundary for the parent.
        own = slice(fronts.weight_start[t], fronts.weight_start[t] + n_pivots * m)
        _eliminate(
            Wide(fm, fe),
            n_pivots,
            m,
            Wide(
                weight.mantissa[own].reshape(n_pivots, m), weight.exponent[own].reshape(n_pivots, m)
            ),
            Wide(
                pivot.mantissa[first : first + n_pivots], pivot.exponent[first : first + n_pivots]
            ),
        )
        for a in range(n_boundary):
            for b in range(n_boundary):
                at = contribution_start[t] + a * n_boundary + b
                contribution.mantissa[at] = fm[n_pivots + a, n_pivots + b]
                contribution.exponent[at] = fe[n_pivots + a, n_pivots + b]


@njit(cache=True, nogil=True)
def forward_wide(fronts, weight, b):
    """Forward pass ``b_j += w_kj b_k`` through all fronts, children before parents.

    Parameters
    ----------
    fronts : Fronts
    weight : Wide[n_weights]
    b : Wide[n_eliminated + n_terminals + 1]
        In: right-hand side by rank. Out: b at the moment when each node is eliminated.
    """
    bm, be = b
    for t in range(fronts.left.shape[0]):
        first = fronts.front_start[t]
        n_pivots = fronts.front_start[t + 1] - first
        begin = fronts.boundary_start[t]
        m = n_pivots + fronts.boundary_start[t + 1] - begin
        for k in range(n_pivots):
            value, power = bm[first + k], be[first + k]
            if value == 0.0:
                continue
            row = fronts.weight_start[t] + k * m
            for j in range(k + 1, m):
                q = first + j if j < n_pivots else fronts.boundary[begin + j - n_pivots]
                if weight.mantissa[row + j] != 0.0:
                    a, e = _normal(
                        weight.mantissa[row + j] * value, weight.exponent[row + j] + power
                    )
                    bm[q], be[q] = _add(bm[q], be[q], a, e)


@njit(cache=True, nogil=True)
def drop_wide(fronts, weight, source, table_start, table, edge_drop):
    """Differences V_k - V_q along every edge, from the root down, as `drop_fronts`.

    Parameters
    ----------
    fronts : Fronts
    weight : Wide[n_weights]
    source : Wide[n_eliminated]
        ``b_k / d_k`` after the forward pass; zeros for Kirchhoff's laws.
    table_start : int64[n_fronts]
        Where each front stores its square table ``V_i - V_j`` of all its columns.
    table : Wide[...]
        Working memory; `fill_root_table` sets the boundary of the root before.
    edge_drop : Wide[n_edges]
        Overwritten.
    """
    for t in range(fronts.left.shape[0] - 1, -1, -1):
        first = fronts.front_start[t]
        n_pivots = fronts.front_start[t + 1] - first
        begin = fronts.boundary_start[t]
        n_boundary = fronts.boundary_start[t + 1] - begin
        m = n_pivots + n_boundary
        own = slice(table_start[t], table_start[t] + m * m)
        um, ue = table.mantissa[own].reshape(m, m), table.exponent[own].reshape(m, m)
        # Differences between the columns of the boundary are in the parent's table.
        parent = fronts.parent[t]
        if parent >= 0:
            n = fronts.front_start[parent + 1] - fronts.front_start[parent]
            n += fronts.boundary_start[parent + 1] - fronts.boundary_start[parent]
            for a in range(n_boundary):
                for b in range(n_boundary):
                    at = table_start[parent] + fronts.parent_column[begin + a] * n
                    at += fronts.parent_column[begin + b]
                    um[n_pivots + a, n_pivots + b] = table.mantissa[at]
                    ue[n_pivots + a, n_pivots + b] = table.exponent[at]
        # Last pivot first: V_k - V_j = source_k + sum_i w_ki (V_i - V_j), i later than k.
        for k in range(n_pivots - 1, -1, -1):
            row = fronts.weight_start[t] + k * m
            um[k, k], ue[k, k] = 0.0, 0
            for j in range(k + 1, m):
                um[k, j], ue[k, j] = source.mantissa[first + k], source.exponent[first + k]
            # Rows of the table are read in their order in memory: columns would miss the cache.
            for i in range(k + 1, m):
                w, power = weight.mantissa[row + i], weight.exponent[row + i]
                if w == 0.0:
                    continue
                for j in range(k + 1, m):
                    if um[i, j] != 0.0:
                        a, e = _normal(w * um[i, j], power + ue[i, j])
                        um[k, j], ue[k, j] = _add(um[k, j], ue[k, j], a, e)
            for j in range(k + 1, m):
                um[j, k], ue[j, k] = -um[k, j], ue[k, j]
            for e in range(fronts.row_start[first + k], fronts.row_start[first + k + 1]):
                edge_drop.mantissa[e] = um[k, fronts.edge_column[e]]
                edge_drop.exponent[e] = ue[k, fronts.edge_column[e]]
