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

RADIX = 2.0**512  # a power of two: to scale by it is exact
LOW = 2.0**-256  # mantissas below are scaled up; the square of LOW is still a normal float
HIGH = 2.0**256  # mantissas from here on are scaled down; the square of HIGH is still finite


class Wide(NamedTuple):
    """An array of wide numbers."""

    mantissa: np.ndarray  # float64
    exponent: np.ndarray  # int64, of the same shape


@njit(cache=True, nogil=True, inline="always")
def _normal(m, e):
    """The same number with its mantissa in range: once is enough after one operation."""
    size = abs(m)
    if size >= HIGH:
        return m / RADIX, e + 1
    if size < LOW and size > 0.0:
        return m * RADIX, e - 1
    return m, e


@njit(cache=True, nogil=True, inline="always")
def _add(m, e, n, f):
    """Sum of two wide numbers; the smaller one counts if it lies within one power of RADIX."""
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
    fm, fe = front
    wm, we = weight
    for k in range(n_pivots):
        total, power = 0.0, 0
        for j in range(k + 1, n_columns):
            total, power = _add(total, power, fm[k, j], fe[k, j])
        pivot.mantissa[k] = total
        pivot.exponent[k] = power
        for j in range(k + 1, n_columns):
            wm[k, j], we[k, j] = 0.0, 0
            if fm[k, j] != 0.0:
                wm[k, j], we[k, j] = _normal(fm[k, j] / total, fe[k, j] - power)
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
    """Factor all fronts, each after those below it.

    Parameters
    ----------
    fronts : Fronts
    edge_conductance : Wide[n_edges]
        Conductance of every edge of the rows.
    contribution_start : int64[n_fronts]
        Where each front puts the mesh that it leaves to its parent.
    contribution : Wide[...]
        Working memory; at the end it holds the mesh between terminals, left by the root.
    weight : Wide[n_weights]
        Filled: ``w_kj`` of each front, row by row (columns up to k are not set).
    pivot : Wide[n_positions]
        Filled: ``d_k``.
    """
    for t in range(fronts.left.shape[0]):
        first = fronts.front_start[t]
        n_pivots = fronts.front_start[t + 1] - first
        n_boundary = fronts.boundary_start[t + 1] - fronts.boundary_start[t]
        m = n_pivots + n_boundary
        fm = np.zeros((m, m))
        fe = np.zeros((m, m), np.int64)
        # the front's own edges
        for k in range(n_pivots):
            for e in range(fronts.row_start[first + k], fronts.row_start[first + k + 1]):
                j = fronts.edge_column[e]
                fm[k, j], fe[k, j] = _add(
                    fm[k, j], fe[k, j], edge_conductance.mantissa[e], edge_conductance.exponent[e]
                )
        # the meshes that its children left
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
    """Forward pass ``b_j += w_kj b_k`` through all fronts, each after those below it.

    Parameters
    ----------
    fronts : Fronts
    weight : Wide[n_weights]
    b : Wide[n_positions + n_terminals + 1]
        Right-hand side by position; becomes b as each pivot finds it.
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
    source : Wide[n_positions]
        ``b_k / d_k`` after the forward pass; zeros for Kirchhoff's laws.
    table_start : int64[n_fronts]
        Where each front keeps its square table ``V_i - V_j`` of all its columns.
    table : Wide[...]
        Working memory; the boundary block of the root is set by the caller.
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
        # last pivot first: V_k - V_j = source_k + sum_i w_ki (V_i - V_j), i later than k
        for k in range(n_pivots - 1, -1, -1):
            row = fronts.weight_start[t] + k * m
            um[k, k], ue[k, k] = 0.0, 0
            for j in range(k + 1, m):
                total, power = source.mantissa[first + k], source.exponent[first + k]
                for i in range(k + 1, m):
                    if weight.mantissa[row + i] != 0.0 and um[i, j] != 0.0:
                        a, e = _normal(
                            weight.mantissa[row + i] * um[i, j], weight.exponent[row + i] + ue[i, j]
                        )
                        total, power = _add(total, power, a, e)
                um[k, j], ue[k, j] = total, power
                um[j, k], ue[j, k] = -total, power
            for e in range(fronts.row_start[first + k], fronts.row_start[first + k + 1]):
                edge_drop.mantissa[e] = um[k, fronts.edge_column[e]]
                edge_drop.exponent[e] = ue[k, fronts.edge_column[e]]
