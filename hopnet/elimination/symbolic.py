"""Symbolic analysis: which numbers a factor has, and where each of them is stored."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt

from hopnet.checks import array_of, instance_of
from hopnet.elimination.dissection import SERIAL_SITES, Dissection, check_links
from hopnet.errors import ParameterError
from hopnet.kernels import symbolic as symbolic_kernels
from hopnet.kernels.symbolic import Fronts
from hopnet.records import Record
from hopnet.threads import thread_count

__all__ = ["Elimination", "analyse"]

# Smallest number of independent subtrees: each has at most this part of the work. Eight subtrees
# keep two threads busy to the end. More and smaller subtrees leave more fronts above them, which
# are worked on one generation after the other; fewer may leave a thread idle.
FEWEST_SUBTREES = 8


@dataclass(frozen=True, eq=False)
class Elimination(Record):
    """The symbolic analysis: which numbers a factor has and where they are stored.

    Made by `analyse`. `factor` fills it with numbers, as often as needed.

    Attributes
    ----------
    fronts : Fronts
        The tree of fronts as arrays for the kernels.
    node : int64[n_eliminated]
        The node of each rank. Terminals and nodes left out have no rank.
    n_nodes, n_links, n_terminals : int
        Numbers of nodes and links of the graph, and of terminals.
    terminal : int64[n_nodes]
        The kind of each node, as given to `analyse`.
    edge_link : int32[n_edges]
        The link of each edge (int64 above 2^31 links).
    edge_sign : int8[n_edges]
        +1 where the earlier end of the edge is ``link_i``, else -1.
    terminal_link : int64[n]
        Links from one terminal to another; they have no edge.
    terminal_ends : int64[n, 2]
        The terminals at ``link_i`` and at ``link_j`` of these links.
    groups : tuple of tuples of int64 arrays
        Fronts that can be worked on in parallel: first independent subtrees, the largest first;
        then the single fronts above them, generation by generation; last the root.
    contribution_start : int64[n_fronts]
        Where each front stores the mesh that it leaves to its parent.
    contribution_size : int
        Length of the working memory for these meshes.
    table_start : int64[n_fronts]
        Where each front stores its table of voltage differences.
    table_size : int
        Length of the working memory for these tables.
    subtree_tables : int
        Length of the part of it, at its beginning, that belongs to the independent subtrees.
    operations : float
        Number of multiply-adds of one factor.
    n_entries : int
        Number of weights of one factor.
    """

    fronts: Fronts
    node: np.ndarray
    n_nodes: int
    n_links: int
    n_terminals: int
    terminal: np.ndarray
    edge_link: np.ndarray
    edge_sign: np.ndarray
    terminal_link: np.ndarray
    terminal_ends: np.ndarray
    groups: tuple[tuple[np.ndarray, ...], ...]
    contribution_start: np.ndarray
    contribution_size: int
    table_start: np.ndarray
    table_size: int
    subtree_tables: int
    operations: float
    n_entries: int


def analyse(
    dissection: Dissection,
    link_i: npt.ArrayLike,
    link_j: npt.ArrayLike,
    terminal: npt.ArrayLike | None = None,
) -> Elimination:
    """Symbolic analysis of a graph in a given order.

    Parameters
    ----------
    dissection : Dissection
        The order of elimination.
    link_i, link_j : int64[n_links]
        The two nodes of each link.
    terminal : int64[n_nodes], optional
        -1 for a node that is eliminated, c >= 0 for a node that belongs to terminal c (all its
        nodes act as one), -2 for a node that is left out with its links. Default: -1 for all.

    Returns
    -------
    Elimination

    Raises
    ------
    ParameterError
        If a link names a node that does not exist, or if ``terminal`` does not fit the graph.
    """
    instance_of("dissection", dissection, Dissection, "make it with dissect_graph")
    n_nodes = dissection.permutation.shape[0]
    link_i, link_j = check_links(link_i, link_j, n_nodes)
    kind = check_terminal(terminal, n_nodes)
    n_terminals = int(kind.max(initial=-1)) + 1
    kept = kind[dissection.permutation] == -1
    node = dissection.permutation[kept]
    n = node.shape[0]
    rank = np.where(kind >= 0, n + kind, -1)
    rank[node] = np.arange(n)
    fronts, edge_link, edge_sign = fronts_of(dissection, kept, rank, link_i, link_j, n_terminals)

    groups, operations = independent_fronts(fronts, n)
    contribution_start = np.empty(fronts.left.shape[0], np.int64)
    table_start = np.empty_like(contribution_start)
    contributions = tables = subtree_tables = 0
    for which in chain.from_iterable(groups):
        contributions = symbolic_kernels.place_contributions(
            which, fronts, which.size > 1, contributions, contribution_start
        )
        tables = symbolic_kernels.place_tables(which, fronts, which.size > 1, tables, table_start)
        subtree_tables = tables if which is groups[0][-1] else subtree_tables
    terminal_link = links_between_terminals(kind, link_i, link_j)
    return Elimination(
        fronts=fronts,
        node=node,
        n_nodes=n_nodes,
        n_links=link_i.shape[0],
        n_terminals=n_terminals,
        terminal=kind,
        edge_link=edge_link,
        edge_sign=edge_sign,
        terminal_link=terminal_link,
        terminal_ends=np.stack([kind[link_i[terminal_link]], kind[link_j[terminal_link]]], axis=1),
        groups=groups,
        contribution_start=contribution_start,
        contribution_size=contributions,
        table_start=table_start,
        table_size=tables,
        subtree_tables=subtree_tables,
        operations=operations,
        n_entries=int(fronts.weight_start[-1]),
    )


def check_terminal(terminal, n_nodes):
    """The kind of each node as int64[n_nodes]; terminals are numbered from 0 without gaps."""
    if terminal is None:
        return np.full(n_nodes, -1, np.int64)
    hint = "use -2 (left out), -1 (eliminated) or the number of a terminal"
    plain = type(terminal) is np.ndarray and terminal.dtype == np.int64
    plain = plain and terminal.shape == (n_nodes,) and n_nodes > 0
    if plain and terminal.min() >= -2 and terminal.max() < n_nodes:
        return terminal.copy()
    found = array_of("terminal", terminal, shape=(n_nodes,), low=-2, empty=True, hint=hint)
    terminal = found.astype(np.int64)
    if np.any(terminal != found) or terminal.max(initial=-1) >= max(n_nodes, 1):
        raise ParameterError(
            f"terminal must hold whole numbers from -2 to below the {n_nodes} nodes, got "
            f"{found.max(initial=-1)!r}; {hint}."
        )
    return terminal


def links_between_terminals(kind, link_i, link_j):
    """int64 array of the links from one terminal to another."""
    count = symbolic_kernels.list_terminal_links(kind, link_i, link_j, np.empty(0, np.int64))
    found = np.empty(count, np.int64)
    symbolic_kernels.list_terminal_links(kind, link_i, link_j, found)
    return found


def fronts_of(dissection, kept, rank, link_i, link_j, n_terminals):
    """The `Fronts` of a graph, and the link and the sign of each edge.

    Parameters
    ----------
    dissection : Dissection
        The order of elimination of all nodes.
    kept : bool[n_nodes]
        Whether the node at each place of that order is eliminated.
    rank : int64[n_nodes]
        Rank of each node, ``n_eliminated + c`` for terminal c, negative for a node left out.
    link_i, link_j : int64[n_links]
        The two nodes of each link.
    n_terminals : int
        Number of terminals.
    """
    n = int(np.count_nonzero(kept))
    front_start = np.concatenate([[0], np.cumsum(kept)])[dissection.front_start]
    row_start = np.empty(n + 1, np.int64)
    # A large graph needs half the memory for its indices if they have 32 bits.
    index = np.int32 if max(n + n_terminals, link_i.shape[0]) < 2**31 else np.int64
    row_neighbour = np.empty(link_i.shape[0], index)
    edge_link = np.empty(link_i.shape[0], index)
    edge_sign = np.empty(link_i.shape[0], np.int8)
    symbolic_kernels.fill_edges(
        rank, link_i, link_j, n, row_start, row_neighbour, edge_link, edge_sign
    )
    row_neighbour, edge_link, edge_sign = (
        array[: row_start[-1]] for array in (row_neighbour, edge_link, edge_sign)
    )

    left, right = dissection.left, dissection.right
    boundary_start = np.empty(left.shape[0] + 1, np.int64)
    boundary = symbolic_kernels.find_boundary(
        front_start, left, right, row_start, row_neighbour, n + n_terminals, boundary_start
    )
    parent_column = np.empty_like(boundary)
    edge_column = np.empty_like(edge_link)
    symbolic_kernels.fill_columns(
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
    n_weights = n_pivots * (n_pivots + np.diff(boundary_start))
    fronts = Fronts(
        front_start=front_start,
        left=left,
        right=right,
        parent=dissection.parent,
        boundary_start=boundary_start,
        boundary=boundary,
        parent_column=parent_column,
        row_start=row_start,
        edge_column=edge_column,
        weight_start=np.concatenate([[0], np.cumsum(n_weights)]),
    )
    return fronts, edge_link, edge_sign


def independent_fronts(fronts, n_eliminated):
    """Cut the tree into independent subtrees and the fronts above them.

    Each subtree has at most 1 / `FEWEST_SUBTREES` of the work (less for many threads). Returns
    the groups of `Elimination` and the number of multiply-adds of all fronts.
    """
    n_fronts = fronts.left.shape[0]
    first_front = np.empty(n_fronts, np.int64)
    operations = np.empty(n_fronts, np.float64)
    symbolic_kernels.sum_subtrees(
        fronts.left,
        fronts.right,
        fronts.front_start,
        fronts.boundary_start,
        first_front,
        operations,
    )
    n_subtrees = max(FEWEST_SUBTREES, 2 * thread_count())
    share = operations[-1] / n_subtrees if n_eliminated > SERIAL_SITES else np.inf
    subtrees, generations, waiting = [], [], [n_fronts - 1]
    while waiting:
        large = [t for t in waiting if operations[t] > share and fronts.left[t] >= 0]
        subtrees += [t for t in waiting if t not in large]
        generations.append(tuple(np.array([t]) for t in large))
        waiting = [child for t in large for child in (fronts.left[t], fronts.right[t])]
    subtrees.sort(key=lambda t: (-operations[t], t))
    tasks = tuple(np.arange(first_front[t], t + 1) for t in subtrees)
    return (tasks, *generations[::-1]), float(operations[-1])
