"""Symbolic analysis of the multifrontal elimination: which numbers a factor has and where they are.

The rank of a node is its place in the order of elimination. Terminals have the ranks after all
eliminated nodes, and the ground has the last rank. The columns of a front are its pivots, then
its boundary (see the drawing in elimination.py). Fronts are in postorder: the subtree of front t
is the run of fronts that ends with t.
"""

from typing import NamedTuple

import numpy as np
from numba import njit


class Fronts(NamedTuple):
    """The symbolic analysis as arrays: the tree of fronts, and the columns of each front."""

    front_start: np.ndarray  # int64[n_fronts + 1]: rank of the first pivot of each front
    left: np.ndarray  # int64[n_fronts]: one child of each front, -1 for none
    right: np.ndarray  # int64[n_fronts]: the other child
    parent: np.ndarray  # int64[n_fronts]: the front above, -1 for the root
    boundary_start: np.ndarray  # int64[n_fronts + 1]: where the boundary of each front begins
    boundary: np.ndarray  # int32[n_boundary]: ranks, ascending inside each front
    parent_column: np.ndarray  # int32[n_boundary]: column in the parent front
    row_start: np.ndarray  # int64[n_eliminated + 1]: edges whose earlier end has this rank
    edge_column: np.ndarray  # int32[n_edges]: column of the edge's later end
    weight_start: np.ndarray  # int64[n_fronts + 1]: n_pivots rows of n_columns weights each


@njit(cache=True, nogil=True)
def fill_edges(rank, link_i, link_j, n_eliminated, row_start, row_neighbour, edge_link, edge_sign):
    """Sort links into rows, one row per rank of their earlier end.

    Parameters
    ----------
    rank : int64[n_nodes]
        Rank of each node, ``n_eliminated + c`` for terminal c, negative for a node left out.
    link_i, link_j : int64[n_links]
        The two nodes of each link.
    n_eliminated : int64
        Number of nodes that are eliminated.
    row_start : int64[n_eliminated + 1]
        Overwritten: where the edges of each rank begin.
    row_neighbour, edge_link : int32 or int64[at least n_edges]
        Overwritten: the rank of the later end, and the link. Links between terminals and links to
        a node left out make no edge.
    edge_sign : int8[at least n_edges]
        Overwritten: 1 where the earlier end is ``link_i``, else -1.
    """
    row_start[:] = 0
    # Count the edges of each row, and sum the counts.
    for l in range(link_i.shape[0]):
        a = rank[link_i[l]]
        b = rank[link_j[l]]
        if a >= 0 and b >= 0 and min(a, b) < n_eliminated:
            row_start[min(a, b) + 1] += 1
    for k in range(n_eliminated):
        row_start[k + 1] += row_start[k]
    # Fill the rows; ``row_start[k]`` is where the next edge of row k goes.
    for l in range(link_i.shape[0]):
        a = rank[link_i[l]]
        b = rank[link_j[l]]
        if a >= 0 and b >= 0 and min(a, b) < n_eliminated:
            k = min(a, b)
            row_neighbour[row_start[k]] = max(a, b)
            edge_link[row_start[k]] = l
            edge_sign[row_start[k]] = 1 if a == k else -1
            row_start[k] += 1
    # Now ``row_start[k]`` is the end of row k: shift the ends by one row.
    for k in range(n_eliminated, 0, -1):
        row_start[k] = row_start[k - 1]
    row_start[0] = 0


@njit(cache=True, nogil=True)
def list_terminal_links(terminal, link_i, link_j, out):
    """List the links from one terminal to another.

    Parameters
    ----------
    terminal : int64[n_nodes]
        The number of the terminal of each node, negative for all other nodes.
    link_i, link_j : int64[n_links]
        The two nodes of each link.
    out : int64[at least the number of such links, or 0]
        Overwritten with the links, ascending, as far as it reaches.

    Returns
    -------
    int64
        The number of such links.
    """
    count = 0
    for l in range(link_i.shape[0]):
        a = terminal[link_i[l]]
        if a >= 0:
            b = terminal[link_j[l]]
            if b >= 0 and a != b:
                if count < out.shape[0]:
                    out[count] = l
                count += 1
    return count


@njit(cache=True, nogil=True)
def sum_subtrees(left, right, front_start, boundary_start, first_front, operations):
    """First front of the subtree below each front, and the multiply-adds of that subtree.

    Parameters
    ----------
    left, right : int64[n_fronts]
        The children of each front, as in `Fronts`.
    front_start, boundary_start : int64[n_fronts + 1]
        Where the pivots and the boundary of each front begin, as in `Fronts`.
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
    """Where each front stores its contribution: on a stack from ``base`` on, or side by side.

    A front is done when its parent has taken its contribution. Inside one subtree the memory is
    therefore a stack, and each parent overwrites the contributions of its two children::

        before:  ... | left child | right child |        after:  ... | parent |

    Parameters
    ----------
    which : int64[n]
        Numbers of the fronts, ascending.
    fronts : Fronts
    reuse : bool
        True for a whole subtree (a stack), False to give every front its own memory.
    base : int64
        First index that is free.
    contribution_start : int64[n_fronts]
        Set for the fronts of ``which``.

    Returns
    -------
    int64
        First index behind all these contributions.
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
    """Where each front stores its table of differences: behind its parent's, or side by side.

    Inside one subtree a table is needed until both children are done, so the tables of one line of
    descent lie behind each other::

        ... | parent | left child |        later:  ... | parent | right child |

    Parameters
    ----------
    which : int64[n]
        Numbers of the fronts, ascending.
    fronts : Fronts
    reuse : bool
        True for a whole subtree, whose last front starts at ``base``.
    base : int64
        First index that is free.
    table_start : int64[n_fronts]
        Set for the fronts of ``which``.

    Returns
    -------
    int64
        First index behind all these tables.
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
    """The boundary of every front: sorted ranks of later nodes, of terminals and of the ground.

    Parameters
    ----------
    front_start : int64[n_fronts + 1]
        Pivots of front t have the ranks ``front_start[t] .. front_start[t+1] - 1``.
    left, right : int64[n_fronts]
        The two children of each front, -1 for none.
    row_start, row_neighbour : int64[n_eliminated + 1], int32 or int64[n_edges]
        The graph by ranks, see `fill_edges`.
    ground : int64
        Rank of the ground, the largest one; it is in every boundary.
    boundary_start : int64[n_fronts + 1]
        Overwritten.

    Returns
    -------
    type of row_neighbour[n_boundary]
        Boundaries front after front. The length is known only at the end, so this kernel
        allocates.
    """
    mark = np.full(ground + 1, -1, np.int64)
    boundary = np.empty(4 * front_start[-1] + ground + 1, row_neighbour.dtype)
    top = 0
    boundary_start[0] = 0
    for t in range(left.shape[0]):
        end = front_start[t + 1]
        # Double the array when the next boundary may not fit.
        if top + ground + 1 > boundary.shape[0]:
            grown = np.empty(2 * boundary.shape[0], row_neighbour.dtype)
            grown[:top] = boundary[:top]
            boundary = grown
        # Later neighbours of the front's own pivots, each once (``mark`` says which are listed).
        begin = top
        for k in range(front_start[t], end):
            for e in range(row_start[k], row_start[k + 1]):
                q = row_neighbour[e]
                if q >= end and mark[q] != t:
                    mark[q] = t
                    boundary[top] = q
                    top += 1
        # Nodes of the boundaries of the children that are later than these pivots.
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
    """Columns inside fronts: of each boundary entry in the parent, of each edge in its front.

    Parameters
    ----------
    front_start, left, right, row_start, row_neighbour, boundary_start : arrays of integers
        As in `find_boundary`.
    boundary : integers[n_boundary]
        What `find_boundary` returns.
    parent_column : integers[n_boundary]
        Overwritten: the column of a front's boundary entry in the parent front.
    edge_column : integers[n_edges]
        Overwritten: the column of the edge's later end in the front of its earlier end.
    """
    # ``column[q]`` is the column of rank q in the current front; other entries are out of date.
    column = np.empty(boundary.max() + 1 if boundary.shape[0] > 0 else 1, np.int64)
    for t in range(left.shape[0]):
        begin = front_start[t]
        n_pivots = front_start[t + 1] - begin
        for k in range(n_pivots):
            column[begin + k] = k
        for a in range(boundary_start[t], boundary_start[t + 1]):
            column[boundary[a]] = n_pivots + a - boundary_start[t]
        # Look up the boundaries of both children, then the front's own edges.
        for child in (left[t], right[t]):
            if child >= 0:
                for a in range(boundary_start[child], boundary_start[child + 1]):
                    parent_column[a] = column[boundary[a]]
        for k in range(begin, begin + n_pivots):
            for e in range(row_start[k], row_start[k + 1]):
                edge_column[e] = column[row_neighbour[e]]
