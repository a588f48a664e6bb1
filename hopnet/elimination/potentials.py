"""Potentials with as many digits as the smallest voltage drop needs, and their corrections.

A potential is a row of limbs (`hopnet.kernels.potentials`). Drops are differences of potentials,
exact to their last rounding, so they add up to zero around every loop, whatever its size. What
rounding leaves at the sites, a net flow, is fed into the same factor again, and the potentials that
it causes are added.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from hopnet.elimination.symmetric import Factor, run_downward
from hopnet.kernels import potentials as kernels
from hopnet.kernels.elimination import forward_fronts
from hopnet.kernels.symbolic import sum_subtrees

__all__ = ["MOST_LIMBS", "Potentials", "limbs_needed", "without_edges"]

# Largest number of limbs: the last one has the unit 2^-1008, close to the smallest float. More
# limbs would hold nothing.
MOST_LIMBS = 21

# The smallest flow that matters, over the largest one, as a power of the ratio of the smallest to
# the largest conductance. Measured at n_s a_b^2 = 0.01, 0.002 and 0.001 with 5e5 sites: 2.2, 4.3
# and 4.3. A larger number takes memory and time for limbs that hold nothing. With a smaller one the
# solution is repeated with `MOST_LIMBS`.
DEPTH = 4.5

# Largest share of the nodes that subtrees around some nodes may have. With more of them, all fronts
# side by side take no longer.
MOST_AROUND = 0.6

# Bits of a drop: those of a float.
DIGITS = 53.0

# Largest sum of sources, in units of the first limb's range, that fits into limbs with their carry.
ROOM = 4.0


def limbs_needed(conductance: np.ndarray, total: float) -> tuple[int, int]:
    """Number of limbs of a potential, and of those that are always subtracted.

    Parameters
    ----------
    conductance : float64[n_links]
        Conductance of each link; zeros do not count.
    total : float
        Conductance between the two terminals.

    Returns
    -------
    n_limbs : int
        Enough for a drop at a link of the largest conductance and of the smallest flow (`DEPTH`).
    n_first : int
        Enough for most drops at such links. It changes no result.
    """
    largest = float(conductance.max(initial=0.0))
    smallest = float(conductance.min(initial=np.inf, where=conductance > 0.0))
    if not 0.0 < total < np.inf or not smallest < np.inf:
        return MOST_LIMBS, 3
    contrast = max(np.log2(largest) - np.log2(total), 0.0)
    depth = DEPTH * (np.log2(largest) - np.log2(smallest))
    n_limbs = int(np.ceil((DIGITS + contrast + depth) / kernels.BITS))
    n_first = 2 + int(np.ceil(contrast / kernels.BITS))
    return min(n_limbs, MOST_LIMBS), min(n_first, n_limbs, MOST_LIMBS)


def without_edges(factored: Factor) -> Factor:
    """The same factor without the edges of its graph, which potentials do not need.

    They take about 50 bytes per site. `Factor.link_drops` would need them.
    """
    e = factored.elimination
    fronts = e.fronts._replace(
        row_start=e.fronts.row_start[:0].copy(), edge_column=e.fronts.edge_column[:0].copy()
    )
    slim = replace(
        e, fronts=fronts, edge_link=e.edge_link[:0].copy(), edge_sign=e.edge_sign[:0].copy()
    )
    return replace(factored, elimination=slim)


class Potentials:
    """Potentials between two terminals at unit bias; corrections are added to them.

    Parameters
    ----------
    factored : Factor
        A factor in floats whose terminals are the source (0) and the drain (1).
    n_limbs, n_first : int
        As `limbs_needed` returns them.
    """

    def __init__(self, factored: Factor, n_limbs: int, n_first: int) -> None:
        e = factored.elimination
        n = e.node.shape[0]
        self.factored, self.n_first = factored, n_first
        self.value = np.zeros((n + e.n_terminals + 1, n_limbs))
        self.value[n, 0] = 1.0
        self.rank = np.where(e.terminal >= 0, n + e.terminal, -1).astype(np.int32)
        self.rank[e.node] = np.arange(n)
        self.descend(np.zeros(n), self.value, n_first)

    def descend(
        self,
        source: np.ndarray,
        value: np.ndarray,
        n_first: int,
        which: np.ndarray | None = None,
    ) -> None:
        """Fill the potentials of the nodes of all fronts, or of some, from the root down."""

        def fill(part: np.ndarray) -> None:
            kernels.potential_fronts(
                part, self.factored.elimination.fronts, self.factored.weight, source, n_first, value
            )

        self.run(fill, which)

    def run(self, call: Callable[[np.ndarray], None], which: np.ndarray | None) -> None:
        """Run ``call`` on all fronts, parents first, or once on the fronts given."""
        if which is None:
            run_downward(self.factored.elimination, call, self.factored.threads)
        else:
            call(which)

    def add(self, fed: np.ndarray, least: int | None = None) -> bool:
        """Add the potentials that currents cause which are fed into the nodes.

        Parameters
        ----------
        fed : float64[n_nodes]
            Small currents, such as what rounding left at each node.
        least : int, optional
            Change potentials only in the subtrees of at least this many nodes around the nodes
            that are fed. What is fed then leaves through the nodes that separate such a subtree
            from the rest: those must carry much more, or they are fed themselves the next time.
            Default: everywhere.

        Returns
        -------
        bool
            False where the potentials would not be small, so that nothing was added.
        """
        factored, e = self.factored, self.factored.elimination
        n, n_limbs = e.node.shape[0], self.value.shape[1]
        which = None if least is None else self.fronts_around(fed, least)
        source = self.forward(fed, which)
        with np.errstate(all="ignore"):
            np.divide(source, factored.pivot, out=source, where=factored.pivot != 0)
            bound = float(np.abs(source).sum())  # no potential exceeds it: weights add up to 1
        if not bound <= ROOM:
            return False
        # The change is so small that its first limbs are zero: they are left out.
        shift = 0
        while bound * 2.0**kernels.BITS <= ROOM and shift < n_limbs - 1:
            source *= 2.0**kernels.BITS
            bound *= 2.0**kernels.BITS
            shift += 1
            if bound == 0.0:
                return True
        change = np.zeros((n + e.n_terminals + 1, n_limbs - shift))
        self.descend(source, change, min(self.n_first + 1, n_limbs - shift), which)

        def add(part: np.ndarray) -> None:
            kernels.add_potentials(part, e.fronts, change, shift, self.value)

        self.run(add, which)
        return True

    def fronts_around(self, fed: np.ndarray, least: int) -> np.ndarray | None:
        """The fronts of the subtrees around the nodes that are fed; None for all fronts."""
        e = self.factored.elimination
        fronts, n = e.fronts, e.node.shape[0]
        first_front = np.empty(fronts.left.shape[0], np.int64)
        sum_subtrees(*fronts[1:3], *self.starts, first_front, np.empty(first_front.shape))
        rank = np.flatnonzero(fed[e.node])
        top = np.unique(np.searchsorted(fronts.front_start, rank, side="right") - 1)
        while True:
            size = fronts.front_start[top + 1] - fronts.front_start[first_front[top]]
            small = (size < least) & (fronts.parent[top] >= 0)
            if not small.any():
                break
            top = np.unique(np.where(small, fronts.parent[top], top))
        # The subtree of a front is a run of fronts that ends with it.
        inside = np.zeros(first_front.shape[0] + 1, np.int64)
        np.add.at(inside, first_front[top], 1)
        np.add.at(inside, top + 1, -1)
        which = np.flatnonzero(np.cumsum(inside)[:-1] > 0)
        n_nodes = int((fronts.front_start[which + 1] - fronts.front_start[which]).sum())
        return None if n_nodes > MOST_AROUND * n else which

    @property
    def starts(self) -> tuple[np.ndarray, np.ndarray]:
        """Where the pivots and the boundary of each front begin."""
        fronts = self.factored.elimination.fronts
        return fronts.front_start, fronts.boundary_start

    def forward(self, fed: np.ndarray, which: np.ndarray | None) -> np.ndarray:
        """The forward pass through all fronts, or through whole subtrees: float64[n_eliminated]."""
        factored, e = self.factored, self.factored.elimination
        n = e.node.shape[0]
        if which is None:
            return factored.forward(factored.columns_of(fed))[:n, 0]
        x = fed[e.node][:, None]
        carried = np.empty((e.fronts.boundary.shape[0], 1))
        forward_fronts(which, e.fronts, factored.weight, x, carried)
        return x[:, 0]

    def fill_flows(
        self,
        ends: tuple[np.ndarray, np.ndarray],
        conductance: np.ndarray,
        drop: np.ndarray,
        flow: np.ndarray,
    ) -> tuple[np.ndarray, float, float]:
        """Fill drops and flows of all links, and add up the flows at each site.

        Parameters
        ----------
        ends : (link_i, link_j), int64[n_links]
            The two nodes of each link.
        conductance : float64[n_links]
            Conductance of each link.
        drop, flow : float64[n_links]
            Overwritten; on entry ``flow`` holds the flows of the potentials before.

        Returns
        -------
        at_site : float64[4, n_nodes]
            The sums of `hopnet.kernels.balance.sum_flows`.
        change, largest : float
            Largest modulus of the change of a flow, and of the flows on entry.
        """
        at_site = np.empty((4, self.rank.shape[0]))
        change, largest = kernels.fill_flows(
            *ends, self.rank, self.value, conductance, drop, flow, at_site
        )
        return at_site, float(change), float(largest)
