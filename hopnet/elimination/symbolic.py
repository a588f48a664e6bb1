"""Symbolic analysis: which numbers a factor has, and where each of them stands."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hopnet.elimination.dissection import SERIAL_SITES
from hopnet.kernels import symbolic as places
from hopnet.kernels.symbolic import Fronts
from hopnet.threads import thread_count


@dataclass(frozen=True, eq=False)
class Elimination:
    """The symbolic analysis: which numbers a factor has and where they stand.

    Made by `analyse`; `factor` fills it with numbers, as often as you like.

    Attributes
    ----------
    fronts : Fronts
        Arrays for the kernels.
    node : int64[n_positions]
        Node at each position (nodes that are terminals or left out have none).
    n_nodes, n_terminals : int
    terminal : int64[n_nodes]
        As given to `analyse`.
    edge_link : int64[n_edges]
        Link of each edge.
    edge_sign : float64[n_edges]
        +1 where the earlier end of the edge is ``link_i``, else -1.
    groups : tuple of tuples of int64 arrays
        Fronts that can be worked side by side: first independent subtrees, largest first; then
        the single fronts above them, generation by generation; last the root.
    operations : float
        Multiply-adds of one factor.
    n_entries : int
        Weights of one factor.
    """

    fronts: Fronts
    node: np.ndarray
    n_nodes: int
    n_terminals: int
    terminal: np.ndarray
    edge_link: np.ndarray
    edge_sign: np.ndarray
    groups: tuple
    contribution_start: np.ndarray
    contribution_size: int
    table_start: np.ndarray
    table_size: int
    operations: float
    n_entries: int


def analyse(dissection, link_i, link_j, terminal=None):
    """Symbolic analysis of a graph in a given order.

    Parameters
    ----------
    dissection : Dissection
    link_i, link_j : int64[n_links]
    terminal : int64[n_nodes], optional
        -1 for a node to be eliminated, c >= 0 for a node that belongs to terminal c (all its
        nodes are one), -2 for a node that is left out with its links. Default: all -1.

    Returns
    -------
    Elimination
    """
    n_nodes = dissection.permutation.shape[0]
    if terminal is None:
        terminal = np.full(n_nodes, -1, np.int64)
    n_terminals = int(terminal.max(initial=-1)) + 1
    kept = terminal[dissection.permutation] == -1
    node = dissection.permutation[kept]
    n = node.shape[0]
    before = np.concatenate([[0], np.cumsum(kept)])
    front_start = before[dissection.front_start]

    place = np.where(terminal >= 0, n + terminal, -1)
    place[node] = np.arange(n)
    row_start = np.empty(n + 1, np.int64)
    row_neighbour = np.empty(link_i.shape[0], np.int64)
    edge_link = np.empty(link_i.shape[0], np.int64)
    edge_sign = np.empty(link_i.shape[0], np.float64)
    places.fill_edges(place, link_i, link_j, n, row_start, row_neighbour, edge_link, edge_sign)
    row_neighbour, edge_link, edge_sign = (
        array[: row_start[-1]] for array in (row_neighbour, edge_link, edge_sign)
    )

    left, right = dissection.left, dissection.right
    n_fronts = left.shape[0]
    boundary_start = np.empty(n_fronts + 1, np.int64)
    boundary = places.find_boundary(
        front_start, left, right, row_start, row_neighbour, n + n_terminals, boundary_start
    )
    parent_column = np.empty_like(boundary)
    edge_column = np.empty_like(edge_link)
    places.fill_columns(
        front_start,
        left,
        right,
        row_start,
        row_neighbour,
        boundary_start,
        boundary,
        parent_column,
        edge_column,
    )
    n_pivots = np.diff(front_start)
    weight_start = np.concatenate([[0], np.cumsum(n_pivots * (n_pivots + np.diff(boundary_start)))])
    fronts = Fronts(
        front_start,
        left,
        right,
        dissection.parent,
        boundary_start,
        boundary,
        parent_column,
        row_start,
        edge_column,
        weight_start,
    )

    groups, operations = independent_fronts(fronts, n)
    contribution_start = np.empty(n_fronts, np.int64)
    table_start = np.empty(n_fronts, np.int64)
    contributions = tables = 0
    for which in (which for group in groups for which in group):
        contributions = places.place_contributions(
            which, fronts, which.size > 1, contributions, contribution_start
        )
        tables = places.place_tables(which, fronts, which.size > 1, tables, table_start)
    return Elimination(
        fronts,
        node,
        n_nodes,
        n_terminals,
        terminal,
        edge_link,
        edge_sign,
        groups,
        contribution_start,
        contributions,
        table_start,
        tables,
        operations,
        int(weight_start[-1]),
    )


def independent_fronts(fronts, n_positions):
    """Cut the tree into subtrees of at most 1/8 of the work (less for many threads) and a top.

    Returns the groups of `Elimination` and the work of all.
    """
    n_fronts = fronts.left.shape[0]
    first_front = np.empty(n_fronts, np.int64)
    operations = np.empty(n_fronts, np.float64)
    places.sum_subtrees(
        fronts.left,
        fronts.right,
        fronts.front_start,
        fronts.boundary_start,
        first_front,
        operations,
    )
    share = operations[-1] / max(8, 2 * thread_count()) if n_positions > SERIAL_SITES else np.inf
    subtrees, generations, waiting = [], [], [n_fronts - 1]
    while waiting:
        large = [t for t in waiting if operations[t] > share and fronts.left[t] >= 0]
        subtrees += [t for t in waiting if t not in large]
        generations.append(tuple(np.array([t]) for t in large))
        waiting = [child for t in large for child in (fronts.left[t], fronts.right[t])]
    subtrees.sort(key=lambda t: (-operations[t], t))
    tasks = tuple(np.arange(first_front[t], t + 1) for t in subtrees)
    return (tasks, *generations[::-1]), float(operations[-1])
