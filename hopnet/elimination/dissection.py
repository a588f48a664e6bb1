"""Dissection: the order of elimination, by minimum vertex cuts of nested regions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hopnet.checks import array_of, number, site_numbers, whole
from hopnet.errors import ParameterError
from hopnet.kernels import dissection as dissection_kernels
from hopnet.kernels.dissection import Graph, Region
from hopnet.kernels.neighbours import fill_rows
from hopnet.records import Record, read_only
from hopnet.threads import run_side_by_side, thread_count

__all__ = ["SERIAL_SITES", "Dissection", "check_links", "dissect_graph"]

# Number of sites up to which a region is a leaf: one dense front. Larger leaves have more entries
# (dense fronts store zeros too), smaller ones more fronts, each with its own overhead.
LEAF_SIZE = 20

# Half-width of the strip in which a cut is searched, in units of the longest link. A wider strip
# finds smaller cuts (fewer entries and operations), but its search for paths takes longer.
STRIP = 4.0

# Number of nodes up to which one thread does all: for smaller graphs a second thread costs more
# than it saves.
SERIAL_SITES = 20_000


@dataclass(frozen=True, eq=False)
class Dissection(Record):
    """An order of elimination for a graph, and its tree of fronts.

    Attributes
    ----------
    permutation : int64[n_nodes]
        The node of each rank. The rank of a node is its place in the order of elimination.
    front_start : int64[n_fronts + 1]
        Front t eliminates the ranks ``front_start[t] .. front_start[t+1] - 1``.
    left, right, parent : int64[n_fronts]
        The two children and the parent of each front, -1 for none. Fronts are in postorder: the
        last front is the root.
    """

    permutation: np.ndarray
    front_start: np.ndarray
    left: np.ndarray
    right: np.ndarray
    parent: np.ndarray


def dissect_graph(
    link_i: npt.ArrayLike,
    link_j: npt.ArrayLike,
    position: npt.ArrayLike,
    *,
    rows: tuple[np.ndarray, np.ndarray] | None = None,
    period: Sequence[float] | None = None,
    leaf_size: int = LEAF_SIZE,
    strip: float = STRIP,
    threads: int | None = None,
) -> Dissection:
    """Order the nodes of a graph by nested dissection along minimum vertex cuts.

    Each region is cut across its longest side. The cut is the smallest set of nodes within
    ``strip`` link lengths of the median line (in space the median plane) that separates the nodes
    left of them from the nodes right of them. It is found as a maximum flow of vertex-disjoint
    paths. Coordinates only say where to search; the neighbours of a node are read from the graph.

    Parameters
    ----------
    link_i, link_j : int64[n_links]
        The two nodes of each link.
    position : float64[n_nodes, dim]
        Coordinates of the nodes, in a plane (dim = 2) or in space (dim = 3).
    rows : (start, neighbour), optional
        The rows of the graph, if the caller has them: the neighbours of node v are
        ``neighbour[start[v]:start[v + 1]]``.
    period : sequence of dim float, optional
        Length after which each coordinate repeats, 0 where it does not. The first cut of a region
        with a ring consists of two lines (in space two planes) that open the ring.
    leaf_size : int
        Regions of up to this many nodes become dense leaves.
    strip : float
        Half-width of the strip in units of the longest link.
    threads : int, optional
        Number of threads. The result does not depend on it.

    Returns
    -------
    Dissection

    Raises
    ------
    ParameterError
        If a link names a node that does not exist, or a number is out of range.

    Notes
    -----
    Cost: O(n log n) for the sorting, and for each cut a flow through its strip, which has about
    n^(1/2) log n sites, in space n^(2/3).
    """
    position = array_of("position", position, shape=(None, None), empty=True)
    n, dim = position.shape
    if dim not in (2, 3):
        raise ParameterError(
            f"position must have 2 or 3 columns, got {dim}; give one row (x, y) or (x, y, z) per "
            "node."
        )
    link_i, link_j = check_links(link_i, link_j, n)
    ring = (0.0,) * dim
    if period is not None:
        hint = "give one length per coordinate, 0 where it does not repeat"
        ring = tuple(array_of("period", period, shape=(dim,), low=0.0, hint=hint).tolist())
    leaf_size = min(whole("leaf_size", leaf_size, low=1), max(n, 1))
    strip = number("strip", strip, low=0.0)
    threads = thread_count(threads)
    if rows is None:
        rows = np.empty(n + 1, np.int64), np.empty(2 * link_i.shape[0], np.int64)
        fill_rows(link_i, link_j, *rows, np.empty_like(rows[1]))
    else:
        rows = check_rows(rows, n, link_i.shape[0])
    graph = graph_of(link_i, link_j, position, rows, ring, strip, leaf_size)
    permutation = np.arange(n)
    tag = np.full(n, -1, np.int64)

    def dissect(task):
        region, low, high, closed, n_splits = task
        record = np.empty((2 * (high - low) + 1, 4), np.int64)
        task = Region(low, high, closed, n_splits, region * (n + 1))
        count = dissection_kernels.dissect(graph, task, permutation, tag, record)
        return record[:count].copy()

    # First one cut, then seven cuts in each half, then all others. Regions are independent.
    record = np.empty((0, 4), np.int64)
    closed = sum(1 << axis for axis, length in enumerate(ring) if length)
    n_tasks, waiting = 0, [(0, n, closed)]
    for n_splits in (1, 7, n) if n > SERIAL_SITES else (n,):
        tasks = [(n_tasks + t, *one, n_splits) for t, one in enumerate(waiting)]
        n_tasks += len(tasks)
        record = np.concatenate([record, *run_side_by_side(dissect, tasks, threads)])
        waiting = (record[record[:, 3] > 0][:, [0, 2, 3]] - [0, 0, 1]).tolist()
        record = record[record[:, 3] == 0]
    return tree_of_regions(record, permutation)


def check_links(
    link_i: npt.ArrayLike, link_j: npt.ArrayLike, n_nodes: int
) -> tuple[np.ndarray, np.ndarray]:
    """The two nodes of each link as int64 arrays, checked before a kernel indexes by them.

    Parameters
    ----------
    link_i, link_j : int64[n_links]
        The two nodes of each link.
    n_nodes : int
        Number of nodes.

    Returns
    -------
    link_i, link_j : int64[n_links]

    Raises
    ------
    ParameterError
        If a number is not whole or out of range, or if the lengths differ.
    """
    hint = "pass the two nodes of each link"
    ends: list[np.ndarray] = []
    given: tuple[tuple[str, Any], ...] = (("link_i", link_i), ("link_j", link_j))
    for name, value in given:
        plain = type(value) is np.ndarray and value.dtype == np.int64 and value.ndim == 1
        if plain and (value.size == 0 or (value.min() >= 0 and value.max() < n_nodes)):
            ends.append(np.ascontiguousarray(value))
        else:
            ends.append(site_numbers(name, value, n_nodes, hint))
    if ends[0].shape != ends[1].shape:
        raise ParameterError(
            f"link_i and link_j must have equal lengths, got {ends[0].shape[0]} and "
            f"{ends[1].shape[0]}; {hint}."
        )
    return ends[0], ends[1]


def check_rows(rows, n_nodes, n_links):
    """The rows of a graph as two int64 arrays: two entries per link, ascending starts."""
    try:
        start, neighbour = (np.ascontiguousarray(array, dtype=np.int64) for array in rows)
    except (TypeError, ValueError):
        start = neighbour = np.empty(0, np.int64)
    fits = start.shape == (n_nodes + 1,) and neighbour.shape == (2 * n_links,)
    if fits:
        fits = start[0] == 0 and start[-1] == 2 * n_links and bool(np.all(np.diff(start) >= 0))
    if fits and n_links:
        fits = neighbour.min() >= 0 and neighbour.max() < n_nodes
    if not fits:
        raise ParameterError(
            f"rows must be (start, neighbour) of a graph of {n_nodes} nodes and {n_links} links, "
            "with each link in two rows; leave rows out to have them made."
        )
    return start, neighbour


def graph_of(link_i, link_j, position, rows, periods, strip, leaf_size):
    """The `Graph` of the kernel: rows, coordinates and the lengths of the longest links."""
    coordinate = np.array(position.T, order="C")
    longest = np.empty(len(periods))
    dissection_kernels.fill_longest(link_i, link_j, coordinate, periods, longest)
    half_width = float(strip * longest.max())
    return Graph(*rows, coordinate, tuple(longest.tolist()), periods, half_width, leaf_size)


def tree_of_regions(record, permutation):
    """The fronts in postorder, from the regions that `kernels.dissection.dissect` recorded."""
    order = np.lexsort((np.arange(record.shape[0])[::-1], record[:, 2]))
    low, begin = record[order, 0], record[order, 1]
    left, right, parent = np.empty((3, low.shape[0]), np.int64)
    dissection_kernels.join_regions(low, begin, left, right, parent)
    front_start = np.append(begin, permutation.shape[0])
    return Dissection(
        read_only(permutation, np.int64),
        read_only(front_start, np.int64),
        read_only(left, np.int64),
        read_only(right, np.int64),
        read_only(parent, np.int64),
    )
