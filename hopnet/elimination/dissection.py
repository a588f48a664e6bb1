"""Dissection: the order of elimination, by minimum vertex cuts of nested regions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hopnet.kernels import dissection as cuts
from hopnet.kernels.neighbours import fill_rows
from hopnet.records import read_only
from hopnet.threads import run_side_by_side, thread_count

LEAF_SIZE = 20


STRIP = 4.0


SERIAL_SITES = 20_000  # graphs up to this size are not worth a second thread


@dataclass(frozen=True, eq=False)
class Dissection:
    """An order of elimination for a graph, and its tree of fronts.

    Attributes
    ----------
    permutation : int64[n_nodes]
        Node at each position.
    front_start : int64[n_fronts + 1]
        Front t eliminates the positions ``front_start[t] .. front_start[t+1] - 1``.
    left, right, parent : int64[n_fronts]
        The tree, in postorder; -1 for none. The last front is the root.
    """

    permutation: np.ndarray
    front_start: np.ndarray
    left: np.ndarray
    right: np.ndarray
    parent: np.ndarray


def dissect_graph(
    link_i,
    link_j,
    position,
    *,
    rows=None,
    ring=None,
    leaf_size=LEAF_SIZE,
    strip=STRIP,
    threads=None,
):
    """Order the nodes of a graph by nested dissection along minimum vertex cuts.

    Each region is cut across its longer side. The cut is the smallest set of nodes, among those
    within ``strip`` link lengths of the median line, that separates what lies left of them from
    what lies right: a maximum flow of vertex-disjoint paths. Coordinates only say where to look;
    what is a neighbour is read from the graph.

    Parameters
    ----------
    link_i, link_j : int64[n_links]
    position : float64[n_nodes, 2]
    rows : (start, neighbour), optional
        The rows of the graph, if they are there already.
    ring : float, optional
        Period of the second coordinate: the first cut then is two lines that open the ring.
    leaf_size : int
        Regions of up to so many nodes become dense leaves.
    strip : float
        Half-width of the strip in units of the longest link.
    threads : int, optional
        Regions are independent; the result does not depend on the number of threads.

    Returns
    -------
    Dissection

    Notes
    -----
    O(n log n) but for the flows, whose work grows with the strips, about n^(1/2) log n each.
    """
    position = np.asarray(position, dtype=np.float64)
    n = position.shape[0]
    threads = thread_count(threads)
    if rows is None:
        rows = np.empty(n + 1, np.int64), np.empty(2 * link_i.shape[0], np.int64)
        fill_rows(link_i, link_j, *rows, np.empty_like(rows[1]))
    start, neighbour = rows
    x = np.ascontiguousarray(position[:, 0])
    y = position[:, 1].copy()
    longest_x, longest_y = 0.0, 0.0
    if link_i.size:
        longest_x = np.abs(x[link_i] - x[link_j]).max()
        step = np.abs(y[link_i] - y[link_j])
        longest_y = (np.minimum(step, ring - step) if ring else step).max()
    half_width = strip * max(longest_x, longest_y)

    permutation = np.arange(n)
    tag = np.full(n, -1, np.int64)

    def dissect(task):
        number, low, high, n_splits = task
        record = np.empty((2 * (high - low) + 1, 4), np.int64)
        opened = ring if ring and number == 0 else 0.0
        count = cuts.dissect(
            start,
            neighbour,
            x,
            y,
            longest_x,
            longest_y,
            half_width,
            leaf_size,
            low,
            high,
            opened,
            n_splits,
            permutation,
            tag,
            number * (n + 1),
            record,
        )
        return record[:count].copy()

    # one cut, then seven in each half, then all the others: regions are independent
    record = np.empty((0, 4), np.int64)
    number, waiting = 0, [(0, n)]
    for n_splits in (1, 7, n) if n > SERIAL_SITES else (n,):
        tasks = [(number + t, low, high, n_splits) for t, (low, high) in enumerate(waiting)]
        number += len(tasks)
        record = np.concatenate([record, *run_side_by_side(dissect, tasks, threads)])
        waiting = record[record[:, 3] == 1][:, [0, 2]].tolist()
        record = record[record[:, 3] == 0]
    return tree_of_regions(record, permutation)


def tree_of_regions(record, permutation):
    """Fronts in postorder from the regions of `kernels.dissection.dissect`."""
    order = np.lexsort((np.arange(record.shape[0])[::-1], record[:, 2]))
    low, begin = record[order, 0], record[order, 1]
    left = np.full(low.shape[0], -1, np.int64)
    right = left.copy()
    parent = left.copy()
    open_fronts = []  # subtrees without a parent yet
    for t in range(low.shape[0]):
        if begin[t] > low[t]:
            right[t] = open_fronts.pop()
            left[t] = open_fronts.pop()
            parent[left[t]] = parent[right[t]] = t
        open_fronts.append(t)
    front_start = np.append(begin, permutation.shape[0])
    return Dissection(
        read_only(permutation, np.int64),
        read_only(front_start, np.int64),
        read_only(left, np.int64),
        read_only(right, np.int64),
        read_only(parent, np.int64),
    )
