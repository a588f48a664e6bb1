"""Symbolic analysis of the multifrontal elimination: which numbers there will be, and where.

Positions count sites in the order of elimination; then come the terminals and last the ground.
Local columns count a front's pivots, then its boundary. Fronts are in postorder: the subtree of
a front ends with it and is contiguous.
"""

from typing import NamedTuple

import numpy as np
from numba import njit


class Fronts(NamedTuple):
    """Where everything is: the symbolic analysis as bare arrays (one argument instead of nine)."""

    front_start: np.ndarray  # int64[n_fronts + 1]: first pivot position of each front
    left: np.ndarray  # int64[n_fronts]: the two fronts below, -1 for none
    right: np.ndarray
    parent: np.ndarray  # int64[n_fronts]: the front above, -1 for the root
    boundary_start: np.ndarray  # int64[n_fronts + 1]
    boundary: np.ndarray  # int64[n_boundary]: positions, ascending
    parent_column: np.ndarray  # int64[n_boundary]: column in the front above
    row_start: np.ndarray  # int64[n_positions + 1]: edges of which a position is the earlier end
    edge_column: np.ndarray  # int64[n_edges]: column of the later end
    weight_start: np.ndarray  # int64[n_fronts + 1]: n_pivots rows of n_columns weights each


@njit(cache=True, nogil=True)
def fill_edges(place, link_i, link_j, n_positions, row_start, row_neighbour, edge_link, edge_sign):
    """Sort links into rows of their earlier end, by position.

    Parameters
    ----------
    place : int64[n_nodes]
        Position of each node, ``n_positions + c`` for terminal c, negative if it is left out.
    link_i, link_j : int64[n_links]
    n_positions : int64
    row_start : int64[n_positions + 1]
        Overwritten.
    row_neighbour, edge_link : int64[at least n_edges]
        Overwritten: the later end, the link. Links between terminals, or to a node left out,
        have no edge.
    edge_sign : float64[at least n_edges]
        Overwritten: 1 where the earlier end is ``link_i``, else -1.
    """
    row_start[:] = 0
    for l in range(link_i.shape[0]):
        a = place[link_i[l]]
        b = place[link_j[l]]
        if a >= 0 and b >= 0 and min(a, b) < n_positions:
            row_start[min(a, b) + 1] += 1
    for k in range(n_positions):
        row_start[k + 1] += row_start[k]
    for l in range(link_i.shape[0]):
        a = place[link_i[l]]
        b = place[link_j[l]]
        if a >= 0 and b >= 0 and min(a, b) < n_positions:
            k = min(a, b)
            row_neighbour[row_start[k]] = max(a, b)
            edge_link[row_start[k]] = l
            edge_sign[row_start[k]] = 1.0 if a == k else -1.0
            row_start[k] += 1
    for k in range(n_positions, 0, -1):
        row_start[k] = row_start[k - 1]
    row_start[0] = 0


@njit(cache=True, nogil=True)
def sum_subtrees(left, right, front_start, boundary_start, first_front, operations):
    """First front and multiply-adds of the subtree below each front.

    Parameters
    ----------
    left, right, front_start, boundary_start
        As in `Fronts`.
    first_front : int64[n_fronts]
        Overwritten: fronts ``first_front[t] .. t`` are the subtree of t.
    operations : float64[n_fronts]
        Overwritten: sum of (later columns)^2 / 2 over the pivots of the subtree.
    """
    for t in range(left.shape[0]):
        n_pivots = front_start[t + 1] - front_start[t]
        n_boundary = boundary_start[t + 1] - boundary_start[t]
        total = 0.0
        for k in range(n_pivots):
            later = float(n_pivots - 1 - k + n_boundary)
            total += 0.5 * later * later
        first_front[t] = t
        for child in (right[t], left[t]):
            if child >= 0:
                first_front[t] = first_front[child]
                total += operations[child]
        operations[t] = total


@njit(cache=True, nogil=True)
def place_contributions(which, fronts, reuse, base, contribution_start):
    """Where each front leaves its mesh: a stack from ``base`` on, or side by side.

    Parameters
    ----------
    which : int64[n]
        Ascending.
    fronts : Fronts
    reuse : bool
        True for a whole subtree (a stack), False to give every front its own place.
    base : int64
    contribution_start : int64[n_fronts]
        Set for the fronts of ``which``.

    Returns
    -------
    int64
        First place that is never used.
    """
    top = base
    highest = base
    for t in which:
        n = fronts.boundary_start[t + 1] - fronts.boundary_start[t]
        if reuse:
            for child in (fronts.right[t], fronts.left[t]):
                if child >= 0:
                    top = contribution_start[child]
        contribution_start[t] = top
        top += n * n
        highest = max(highest, top)
    return highest


@njit(cache=True, nogil=True)
def place_tables(which, fronts, reuse, base, table_start):
    """Where each front keeps its table of differences: behind its parent's, or side by side.

    Parameters
    ----------
    which : int64[n]
        Ascending.
    fronts : Fronts
    reuse : bool
        True for a whole subtree, whose last front starts at ``base``.
    base : int64
    table_start : int64[n_fronts]
        Set for the fronts of ``which``.

    Returns
    -------
    int64
        First place that is never used.
    """
    top = base
    highest = base
    last = which[which.shape[0] - 1] if which.shape[0] > 0 else 0
    for c in range(which.shape[0] - 1, -1, -1):
        t = which[c]
        m = fronts.front_start[t + 1] - fronts.front_start[t]
        m += fronts.boundary_start[t + 1] - fronts.boundary_start[t]
        if reuse and t != last:
            parent = fronts.parent[t]
            n = fronts.front_start[parent + 1] - fronts.front_start[parent]
            n += fronts.boundary_start[parent + 1] - fronts.boundary_start[parent]
            top = table_start[parent] + n * n
        table_start[t] = top
        top += m * m
        highest = max(highest, top)
    return highest


@njit(cache=True, nogil=True)
def find_boundary(front_start, left, right, row_start, row_neighbour, ground, boundary_start):
    """The boundary of every front: sorted positions of later sites, terminals, ground.

    Parameters
    ----------
    front_start : int64[n_fronts + 1]
        Pivots of front t are the positions ``front_start[t] .. front_start[t+1] - 1``.
    left, right : int64[n_fronts]
        The two fronts below, -1 for none.
    row_start, row_neighbour : int64[n_positions + 1], int64[n_edges]
        Graph by position; terminals have positions ``n_positions ..``, below ``ground``.
    ground : int64
        Position of the ground, the largest; it is in every boundary.
    boundary_start : int64[n_fronts + 1]
        Overwritten.

    Returns
    -------
    int64[n_boundary]
        Front after front. Its length is known only at the end: this kernel allocates.
    """
    mark = np.full(ground + 1, -1, np.int64)
    boundary = np.empty(4 * front_start[-1] + ground + 1, np.int64)
    top = 0
    boundary_start[0] = 0
    for t in range(left.shape[0]):
        end = front_start[t + 1]
        if top + ground + 1 > boundary.shape[0]:
            grown = np.empty(2 * boundary.shape[0], np.int64)
            grown[:top] = boundary[:top]
            boundary = grown
        begin = top
        for k in range(front_start[t], end):
            for e in range(row_start[k], row_start[k + 1]):
                q = row_neighbour[e]
                if q >= end and mark[q] != t:
                    mark[q] = t
                    boundary[top] = q
                    top += 1
        for child in (left[t], right[t]):
            if child >= 0:
                for a in range(boundary_start[child], boundary_start[child + 1]):
                    q = boundary[a]
                    if q >= end and mark[q] != t:
                        mark[q] = t
                        boundary[top] = q
                        top += 1
        if mark[ground] != t:
            boundary[top] = ground
            top += 1
        boundary[begin:top].sort()
        boundary_start[t + 1] = top
    return boundary[:top].copy()


@njit(cache=True, nogil=True)
def fill_columns(
    front_start,
    left,
    right,
    row_start,
    row_neighbour,
    boundary_start,
    boundary,
    parent_column,
    edge_column,
):
    """Local columns: of each boundary entry in the front above, of each link in its front.

    Parameters
    ----------
    front_start ... boundary
        As in `find_boundary`.
    parent_column : int64[n_boundary]
        Overwritten: where a front's boundary entry stands among the columns of its parent.
    edge_column : int64[n_edges]
        Overwritten: the column of the edge's later end in the front of its earlier end.
    """
    column = np.empty(boundary.max() + 1 if boundary.shape[0] > 0 else 1, np.int64)
    for t in range(left.shape[0]):
        begin = front_start[t]
        n_pivots = front_start[t + 1] - begin
        for k in range(n_pivots):
            column[begin + k] = k
        for a in range(boundary_start[t], boundary_start[t + 1]):
            column[boundary[a]] = n_pivots + a - boundary_start[t]
        for child in (left[t], right[t]):
            if child >= 0:
                for a in range(boundary_start[child], boundary_start[child + 1]):
                    parent_column[a] = column[boundary[a]]
        for k in range(begin, begin + n_pivots):
            for e in range(row_start[k], row_start[k + 1]):
                edge_column[e] = column[row_neighbour[e]]
