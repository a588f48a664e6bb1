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

from dataclasses import dataclass

import numpy as np

from hopnet.elimination.symbolic import Elimination
from hopnet.errors import ParameterError
from hopnet.kernels import elimination as kernels
from hopnet.threads import run_side_by_side, thread_count

# Numbers whose largest over smallest is below SPAN, and which are themselves above 1 / SPAN, are
# factored with everything below NEGLIGIBLE counted as zero: products of two numbers that are kept
# are then never subnormal, which would be slow. What is dropped lies 1e-40 below all that counts.
SPAN = 1e110
NEGLIGIBLE = 1e-150

# Where numbers span more, only what could not be divided by any more counts as zero.
SMALLEST = 1e-300


def run_upward(elimination, call, threads):
    """``call(which)`` for all fronts, each after those below it, as many at once as can be."""
    for group in elimination.groups:
        run_side_by_side(call, group, threads)


def run_downward(elimination, call, threads):
    """``call(which)`` for all fronts, each before those below it."""
    for group in reversed(elimination.groups):
        run_side_by_side(call, group, threads)


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


def negligible_entry(*arrays):
    """Below which value an entry counts as zero: `NEGLIGIBLE`, or `SMALLEST` for a wide span."""
    sizes = np.concatenate([np.abs(array).ravel() for array in arrays])
    sizes = sizes[sizes > 0]
    if sizes.size == 0:
        return NEGLIGIBLE
    low, high = sizes.min(), sizes.max()
    return NEGLIGIBLE if low >= 1 / SPAN and high <= SPAN * low else SMALLEST


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
    threads = thread_count(threads)
    edge_conductance = conductance[e.edge_link].astype(dtype, copy=False)
    excess = np.broadcast_to(shift, (e.n_nodes,))[e.node].astype(dtype, copy=False)
    least = negligible_entry(edge_conductance, excess)
    contribution = np.empty(e.contribution_size, dtype)
    weight = np.empty(e.n_entries, dtype)
    pivot = np.empty(e.node.shape[0], dtype)

    def fill(which):
        kernels.factor_fronts(
            which,
            e.fronts,
            edge_conductance,
            excess,
            least,
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
