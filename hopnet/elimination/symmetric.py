"""Subtraction-free elimination of Lap(g) + diag(s): the solver behind every result of hopnet.

The conductances of a hopping network span tens of decades. An assembled matrix stores in each
diagonal entry the sum of a site's conductances. Rounding then loses the weak links, and these
carry the current. Here no diagonal is formed. Sites are eliminated one by one by the star-mesh
transform, which only adds, multiplies and divides non-negative numbers::

    d_k   = s_k + sum_j g_kj
    w_kj  = g_kj / d_k
    g_ij += g_ki w_kj          s_j += w_kj s_k          for later sites i, j

Voltage drops are computed as differences from the start. Let r be the later site with the largest
weight w_kr. Then V_k - V_r = sum_i w_ki (V_i - V_r), and every other difference follows from
V_k - V_r and a difference of later sites. No two potentials are ever subtracted. Every conductance,
weight and drop is accurate to machine precision, relative to itself or to the currents through its
sites, whatever the condition number. (For Markov chains this is the algorithm of Grassmann, Taksar
and Heyman, Oper. Res. 33, 1107 (1985).)

There are three steps. Each is a frozen record that is made from the one before:

`Dissection`
    the order, by nested dissection with minimum vertex cuts; made once per graph;
`Elimination`
    the symbolic analysis for a choice of terminals; valid for every excess s;
`Factor`
    the weights and pivots for given conductances and a given excess; it solves for potentials
    and for voltage drops.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hopnet.checks import instance_of, shown, whole
from hopnet.elimination.symbolic import Elimination
from hopnet.errors import ParameterError
from hopnet.kernels import elimination as elimination_kernels
from hopnet.records import Record
from hopnet.threads import run_side_by_side, thread_count

__all__ = [
    "Factor",
    "check_entries",
    "factor",
    "negligible_entry",
    "run_downward",
    "run_upward",
]

# Numbers whose ratio is at most SPAN, and which are themselves at least 1 / SPAN, are factored
# with everything below NEGLIGIBLE counted as zero. Products of two numbers that are kept are then
# never subnormal, which would be slow. What is dropped lies 1e-40 below everything that counts.
SPAN = 1e110
NEGLIGIBLE = 1e-150

# Where numbers span more, only what is too small to divide by counts as zero. A larger value
# would drop links that carry the current, a smaller one would let 1 / d_k overflow.
SMALLEST = 1e-300


@dataclass(frozen=True, eq=False)
class Factor(Record):
    """The weights and pivots of one elimination, made by `factor`.

    Attributes
    ----------
    elimination : Elimination
        The symbolic analysis that was filled.
    weight : float64[n_entries] or complex128[n_entries]
        The weights w_kj of all fronts.
    pivot : same type[n_eliminated]
        The pivots d_k.
    terminal_conductance : same type[n_terminals, n_terminals]
        Conductance between each two terminals through eliminated nodes; zero on the diagonal.
        Links from terminal to terminal are not included.
    threads : int
        Number of threads that `solve` and `link_drops` use.
    """

    elimination: Elimination
    weight: np.ndarray
    pivot: np.ndarray
    terminal_conductance: np.ndarray
    threads: int

    def solve(self, rhs: npt.ArrayLike) -> np.ndarray:
        """Solve (Lap + diag(s)) x = rhs, with terminals and ground at zero.

        Parameters
        ----------
        rhs : array[n_nodes] or array[n_nodes, n_sides]
            One right-hand side or several.

        Returns
        -------
        array of the shape of ``rhs``
            Zero at terminals and at nodes left out. In a cluster without any excess x is zero at
            one node; the right-hand side must add up to zero there.

        Notes
        -----
        If the right-hand side has one sign, every x is accurate relative to itself. Otherwise it
        is accurate relative to the solution for the modulus of the right-hand side.
        """
        columns = self.columns_of(rhs)
        x = self.forward(columns)
        elimination = self.elimination

        def backward(which):
            elimination_kernels.backward_fronts(
                which, elimination.fronts, self.weight, self.pivot, x
            )

        run_downward(elimination, backward, self.threads)
        out = np.zeros((elimination.n_nodes, x.shape[1]), x.dtype)
        out[elimination.node] = x[: elimination.node.shape[0]]
        return out.reshape(np.shape(rhs))

    def link_drops(
        self,
        n_links: int,
        terminal_value: npt.ArrayLike = (),
        rhs: npt.ArrayLike | None = None,
    ) -> np.ndarray:
        """Differences x_i - x_j along the links, never computed by subtracting x_j from x_i.

        Parameters
        ----------
        n_links : int
            Number of links of the graph.
        terminal_value : array[n_terminals]
            Potential of each terminal (the ground has 0).
        rhs : array[n_nodes], optional
            Current that is fed into each node.

        Returns
        -------
        array[n_links]
            Zero for links inside one terminal and for links to a node that is left out.
        """
        e = self.elimination
        dtype = self.weight.dtype
        given = np.asarray(terminal_value)
        kinds = "iufc" if dtype.kind == "c" else "iuf"
        fits = given.shape == (e.n_terminals,) and (given.size == 0 or given.dtype.kind in kinds)
        if whole("n_links", n_links) != e.n_links or not fits:
            raise ParameterError(
                f"link_drops needs the {e.n_links} links and one value for each of the "
                f"{e.n_terminals} terminals of its graph, got {shown(n_links)} links and the "
                f"values {shown(terminal_value)}; pass the numbers that analyse was given."
            )
        value = np.append(given.astype(dtype), dtype.type(0))
        source = np.zeros(e.node.shape[0], dtype)
        if rhs is not None:
            b = self.forward(self.columns_of(rhs))[: e.node.shape[0], 0]
            np.divide(b, self.pivot, out=source, where=self.pivot != 0)
        table = np.empty(e.table_size - e.subtree_tables, dtype)
        edges = e.edge_link, e.edge_sign
        out = np.zeros(n_links, dtype)

        def drop(which):
            elimination_kernels.drop_fronts(
                which,
                e.fronts,
                edges,
                self.weight,
                source,
                value,
                e.table_start,
                e.subtree_tables,
                table,
                out,
            )

        run_downward(e, drop, self.threads)
        out[e.terminal_link] = value[e.terminal_ends[:, 0]] - value[e.terminal_ends[:, 1]]
        return out

    def columns_of(self, rhs: npt.ArrayLike) -> np.ndarray:
        """Right-hand sides as array[n_nodes, n_sides], checked."""
        rhs = np.asarray(rhs)
        n_nodes = self.elimination.n_nodes
        if rhs.dtype.kind not in "iufc" or rhs.ndim not in (1, 2) or rhs.shape[0] != n_nodes:
            raise ParameterError(
                f"a right-hand side needs one row for each of the {n_nodes} nodes, "
                f"got shape {rhs.shape} of type {rhs.dtype}; give it as numbers [n_nodes] or "
                "[n_nodes, n_sides]."
            )
        return rhs.reshape(n_nodes, -1)

    def forward(self, columns: np.ndarray) -> np.ndarray:
        """The forward pass: array[n_eliminated + n_terminals + 1, n_sides] by rank."""
        e = self.elimination
        dtype = np.result_type(self.weight.dtype, columns.dtype)
        x = np.zeros((e.node.shape[0] + e.n_terminals + 1, columns.shape[1]), dtype)
        x[: e.node.shape[0]] = columns[e.node]
        carried = np.empty((e.fronts.boundary.shape[0], columns.shape[1]), dtype)

        def forward(which):
            elimination_kernels.forward_fronts(which, e.fronts, self.weight, x, carried)

        run_upward(e, forward, self.threads)
        x[e.node.shape[0] :] = 0.0
        return x


def factor(
    elimination: Elimination,
    conductance: npt.ArrayLike,
    excess: npt.ArrayLike = 0.0,
    *,
    threads: int | None = None,
) -> Factor:
    """Factor Lap(conductance) + diag(excess) without a subtraction.

    Parameters
    ----------
    elimination : Elimination
        The symbolic analysis of the graph.
    conductance : float64[n_links]
        Conductance of each link, not negative.
    excess : float or float64[n_nodes]
        The excess s >= 0 of each node. Complex values with a real part >= 0 are allowed; accuracy
        is then that of an ordinary elimination without cancellation.
    threads : int, optional
        Number of threads; default: all. The numbers do not depend on it.

    Returns
    -------
    Factor

    Raises
    ------
    ParameterError
        If a conductance or a real part of the excess is negative, if a number is not finite, or
        if an array has a wrong shape.

    Notes
    -----
    A common factor of conductance and excess changes no weight as long as all numbers stay between
    1e-300 and 1e290. `hopnet.elimination.scaling` makes such numbers from logarithms.
    """
    e = instance_of("elimination", elimination, Elimination, "make it with analyse")
    by_link = check_entries("conductance", conductance, (e.n_links,))
    by_node = check_entries("excess", excess, (), (e.n_nodes,))
    if by_link.dtype.kind == "c":
        raise ParameterError(
            "conductance must hold real numbers, got complex ones; only the excess may be complex."
        )
    dtype = np.result_type(np.float64, by_link.dtype, by_node.dtype)
    threads = thread_count(threads)
    edge_conductance = by_link[e.edge_link].astype(dtype, copy=False)
    own_excess = np.broadcast_to(by_node, (e.n_nodes,))[e.node].astype(dtype, copy=False)
    negligible = negligible_entry(edge_conductance, own_excess)
    contribution = np.empty(e.contribution_size, dtype)
    weight = np.empty(e.n_entries, dtype)
    pivot = np.empty(e.node.shape[0], dtype)

    def fill(which):
        elimination_kernels.factor_fronts(
            which,
            e.fronts,
            edge_conductance,
            own_excess,
            negligible,
            e.contribution_start,
            contribution,
            weight,
            pivot,
        )

    run_upward(e, fill, threads)
    mesh = np.empty((e.n_terminals + 1, e.n_terminals + 1), dtype)
    elimination_kernels.fill_terminal_mesh(e.fronts, e.contribution_start, contribution, mesh)
    return Factor(e, weight, pivot, mesh[:-1, :-1], threads)


def check_entries(name: str, value: npt.ArrayLike, *shapes: tuple[int, ...]) -> np.ndarray:
    """Finite numbers without a negative real part, of one of the shapes given, as an array."""
    if isinstance(value, np.ma.MaskedArray):
        raise ParameterError(f"{name} must not be masked; fill it, or leave out what is masked.")
    try:
        value = np.asarray(value)
    except (TypeError, ValueError):
        value = np.asarray(None)
    if value.dtype.kind not in "iufc" or value.shape not in shapes:
        allowed = " or ".join("a single number" if s == () else str(s) for s in shapes)
        raise ParameterError(
            f"{name} must hold numbers of shape {allowed}, got shape {value.shape} of type "
            f"{value.dtype}; pass one number for each link, or for each node, of the graph."
        )
    if not np.all(np.isfinite(value)) or np.any(value.real < 0):
        raise ParameterError(
            f"{name} must be finite and not negative, smallest is {value.real.min()!r}; "
            "only such networks can be eliminated without subtraction."
        )
    return value


def negligible_entry(*arrays: np.ndarray) -> float:
    """The size below which an entry counts as zero: `NEGLIGIBLE`, or `SMALLEST` for a wide span."""
    low, high = np.inf, 0.0
    for array in arrays:
        sizes = np.abs(array) if array.dtype.kind == "c" else array
        low = min(low, float(sizes.min(initial=np.inf, where=sizes > 0)))
        high = max(high, float(sizes.max(initial=0.0)))
    if high == 0.0:
        return NEGLIGIBLE
    return NEGLIGIBLE if low >= 1 / SPAN and high <= SPAN * low else SMALLEST


def run_upward(
    elimination: Elimination, call: Callable[[np.ndarray], None], threads: int | None
) -> None:
    """Run ``call`` on every front, children before parents, in parallel where the tree allows."""
    for group in elimination.groups:
        run_side_by_side(call, group, threads)


def run_downward(
    elimination: Elimination, call: Callable[[np.ndarray], None], threads: int | None
) -> None:
    """Run ``call`` on every front, parents before children, in parallel where the tree allows."""
    for group in reversed(elimination.groups):
        run_side_by_side(call, group, threads)
