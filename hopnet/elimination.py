"""Subtraction-free elimination of Lap(g) + diag(s): the heart of hopnet.

The conductances of a hopping network span tens of decades. An assembled matrix keeps, in each
diagonal entry, the sum of a site's conductances, and with it forgets the weak links that carry
the current. Here no diagonal is ever formed. Sites are eliminated one by one by the star-mesh
transform, which only adds, multiplies and divides non-negative numbers::

    d_k   = s_k + sum_j g_kj
    w_kj  = g_kj / d_k
    g_ij += g_ki w_kj          s_j += w_kj s_k          for later sites i, j

and voltage drops are handed down as differences, V_k - V_j = sum_i w_ki (V_i - V_j), so that no
two potentials are ever subtracted. Every conductance, weight and drop comes out accurate to
rounding relative to itself or to the currents through its sites, whatever the condition number
(for Markov chains this is the algorithm of Grassmann, Taksar and Heyman, Oper. Res. 33, 1107
(1985)).

Three steps, each a frozen record made from the one before:

`Dissection`
    the order: nested dissection by minimum vertex cuts, once per graph;
`Elimination`
    the symbolic analysis for a choice of terminals, reused for every shift s;
`Factor`
    the numbers for given conductances and shift; it solves and gives drops.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

import numpy as np
from threadpoolctl import ThreadpoolController

from hopnet.errors import ParameterError
from hopnet.kernels import dissection as cuts
from hopnet.kernels import elimination as kernels
from hopnet.kernels import symbolic as places
from hopnet.kernels.neighbours import fill_rows
from hopnet.kernels.symbolic import Fronts
from hopnet.records import read_only

LEAF_SIZE = 20
STRIP = 4.0
NEGLIGIBLE = 1e-150  # conductances and weights below this count as zero
SERIAL_SITES = 20_000  # graphs up to this size are not worth a second thread


@cache
def blas():
    """The controller that keeps BLAS on one thread while our own threads work."""
    return ThreadpoolController()


def thread_count():
    """Threads that hopnet uses: NUMBA_NUM_THREADS if set, else the cores of this machine."""
    return int(os.environ.get("NUMBA_NUM_THREADS") or os.cpu_count() or 1)


def run_side_by_side(call, tasks, threads):
    """``call(task)`` for every task, on ``threads`` threads; the order of starting is as given."""
    with blas().limit(limits=1, user_api="blas"):
        if threads == 1 or len(tasks) < 2:
            return [call(task) for task in tasks]
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(call, tasks))


def run_upward(elimination, call, threads):
    """``call(which)`` for all fronts, each after those below it, as many at once as can be."""
    for group in elimination.groups:
        run_side_by_side(call, group, threads)


def run_downward(elimination, call, threads):
    """``call(which)`` for all fronts, each before those below it."""
    for group in reversed(elimination.groups):
        run_side_by_side(call, group, threads)


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
    threads = threads or thread_count()
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


@dataclass(frozen=True, eq=False)
class Factor:
    """Numbers of one elimination: solves for any right-hand side, gives the drop of every link.

    Made by `factor`.

    Attributes
    ----------
    elimination : Elimination
    weight : float64[n_entries] or complex128
    pivot : same type[n_positions]
    terminal_conductance : same type[n_terminals, n_terminals]
        Conductance of the mesh that is left between terminals; zero on the diagonal.
    """

    elimination: Elimination
    weight: np.ndarray
    pivot: np.ndarray
    terminal_conductance: np.ndarray
    threads: int

    def solve(self, rhs):
        """Solve (Lap + diag(s)) x = rhs, terminals and ground at zero.

        Parameters
        ----------
        rhs : array[n_nodes] or [n_nodes, n_sides]

        Returns
        -------
        array of the shape of ``rhs``
            Zero at terminals and at nodes left out. A cluster without any excess has x = 0 at
            one of its nodes; its right-hand side must add up to zero.

        Notes
        -----
        For a right-hand side of one sign every x is accurate relative to itself; else to
        rounding relative to the solution for its modulus.
        """
        x = self._forward(rhs)
        self._backward(x)
        return self._by_node(x, np.shape(rhs))

    def link_drops(self, n_links, terminal_value=(), rhs=None):
        """Differences x_i - x_j along the links, never made from x_i and x_j.

        Parameters
        ----------
        n_links : int
            Links of the graph; those left out and those inside one terminal drop nothing.
        terminal_value : sequence of n_terminals numbers
            Potentials of the terminals (the ground has 0).
        rhs : array[n_nodes], optional
            Currents fed into the nodes.

        Returns
        -------
        array[n_links]
            For links between two terminals too only as far as these are eliminated nodes: the
            caller knows the others.
        """
        e = self.elimination
        dtype = self.weight.dtype
        source = np.zeros(e.node.shape[0], dtype)
        if rhs is not None:
            b = self._forward(rhs)[: e.node.shape[0], 0]
            np.divide(b, self.pivot, out=source, where=self.pivot != 0)
        table = np.empty(e.table_size, dtype)
        root = e.fronts.left.shape[0] - 1
        n_pivots = e.fronts.front_start[root + 1] - e.fronts.front_start[root]
        edge = e.fronts.boundary[e.fronts.boundary_start[root] :] - e.node.shape[0]
        value = np.append(np.asarray(terminal_value, dtype), dtype.type(0))[edge]
        m = n_pivots + edge.shape[0]
        begin = e.table_start[root]
        own = table[begin : begin + m * m].reshape(m, m)
        own[n_pivots:, n_pivots:] = value[:, None] - value[None, :]
        edge_drop = np.empty(e.edge_link.shape[0], dtype)

        def drop(which):
            kernels.drop_fronts(
                which, e.fronts, self.weight, source, e.table_start, table, edge_drop
            )

        run_downward(e, drop, self.threads)
        out = np.zeros(n_links, dtype)
        out[e.edge_link] = edge_drop * e.edge_sign
        return out

    def _forward(self, rhs):
        e = self.elimination
        rhs = np.asarray(rhs)
        if rhs.shape[0] != e.n_nodes:
            raise ParameterError(
                f"a right-hand side needs one row for each of the {e.n_nodes} nodes, "
                f"got shape {rhs.shape}; give it as [n_nodes] or [n_nodes, n_sides]."
            )
        dtype = np.result_type(self.weight.dtype, rhs.dtype)
        columns = rhs.reshape(e.n_nodes, -1)
        x = np.zeros((e.node.shape[0] + e.n_terminals + 1, columns.shape[1]), dtype)
        x[: e.node.shape[0]] = columns[e.node]
        carried = np.empty((e.fronts.boundary.shape[0], columns.shape[1]), dtype)

        def forward(which):
            kernels.forward_fronts(which, e.fronts, self.weight, x, carried)

        run_upward(e, forward, self.threads)
        x[e.node.shape[0] :] = 0.0
        return x

    def _backward(self, x):
        def backward(which):
            kernels.backward_fronts(which, self.elimination.fronts, self.weight, self.pivot, x)

        run_downward(self.elimination, backward, self.threads)

    def _by_node(self, x, shape):
        e = self.elimination
        out = np.zeros((e.n_nodes, x.shape[1]), x.dtype)
        out[e.node] = x[: e.node.shape[0]]
        return out.reshape(shape)


def factor(elimination, conductance, shift=0.0, *, threads=None):
    """Factor Lap(conductance) + diag(shift) without a subtraction.

    Parameters
    ----------
    elimination : Elimination
    conductance : float64[n_links]
        Not negative.
    shift : float or float64[n_nodes]
        The excess s >= 0; complex values are allowed (then accuracy is that of an ordinary
        elimination, which has no cancellation as long as Re s >= 0).
    threads : int, optional
        Default: all. The numbers do not depend on it.

    Returns
    -------
    Factor

    Raises
    ------
    ParameterError
        If a real shift or a conductance is negative or not finite.
    """
    e = elimination
    shift = np.asarray(shift)
    for name, value in (("conductance", conductance), ("shift", shift)):
        if not np.all(np.isfinite(value)) or np.any(value.real < 0):
            raise ParameterError(
                f"{name} must be finite and not negative, smallest is {value.real.min()!r}; "
                "only such networks can be eliminated without subtraction."
            )
    dtype = np.result_type(np.float64, conductance.dtype, shift.dtype)
    threads = threads or thread_count()
    edge_conductance = conductance[e.edge_link].astype(dtype, copy=False)
    excess = np.broadcast_to(shift, (e.n_nodes,))[e.node].astype(dtype, copy=False)
    contribution = np.empty(e.contribution_size, dtype)
    weight = np.empty(e.n_entries, dtype)
    pivot = np.empty(e.node.shape[0], dtype)

    def fill(which):
        kernels.factor_fronts(
            which,
            e.fronts,
            edge_conductance,
            excess,
            NEGLIGIBLE,
            e.contribution_start,
            contribution,
            weight,
            pivot,
        )

    run_upward(e, fill, threads)

    root = e.fronts.left.shape[0] - 1
    corner = e.fronts.boundary[e.fronts.boundary_start[root] :] - e.node.shape[0]
    place = e.contribution_start[root]
    mesh = np.triu(contribution[place : place + corner.size**2].reshape(corner.size, -1), 1)
    between = np.zeros((e.n_terminals + 1, e.n_terminals + 1), dtype)
    between[np.ix_(corner, corner)] = mesh + mesh.T
    return Factor(e, weight, pivot, between[:-1, :-1], threads)
