"""A periodic sample opened along a seam, so that a field around it has a potential.

The seam is one of the two lines of sites that the dissection cuts first. Each of its sites becomes
two nodes: a low copy, which has the links to larger coordinates, and a high copy one period
further, which has the links to smaller coordinates. The opened sample is a strip without a loop
around it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hopnet.checks import one_of
from hopnet.elimination.dissection import Dissection, dissect_graph
from hopnet.elimination.symbolic import Elimination, analyse
from hopnet.errors import NotPercolatingError, ParameterError
from hopnet.network.network import Network
from hopnet.records import Record

__all__ = ["Seam", "check_ring_axis", "dissect_along", "does_not_close", "open_along"]

# Largest difference, in periods, between the separation of a link and that of its two places in
# the opened strip. Rounding gives 1e-15; a wrong side of the seam gives 1.
MISFIT = 1e-6


@dataclass(frozen=True, eq=False)
class Seam(Record):
    """A network opened along a seam across one periodic axis.

    Attributes
    ----------
    network : Network
    axis : int
        0 for a field along x, 1 for y.
    period : float, in a_b
        Length of the sample around.
    kept : bool[n_sites]
        Sites of the largest cluster; all others are left out.
    seam : int64[n_seam]
        Sites of the seam, which have two copies in the strip.
    end_i, end_j : int64[n_links]
        Node of the two ends of each link: the site, or ``n_sites + s`` for the high copy of seam
        site s.
    place : float64[n_sites + n_seam], in a_b
        Coordinate along the axis in the opened strip.
    along : float64[n_links], in a_b
        Separation of each link along the axis.
    seam_link : int64[n]
        Links between two sites of the seam; they do not belong to the strip.
    seam_turn : int64[n]
        How often each of these goes around, -1, 0 or 1.
    symbolic : Elimination
        The analysis of the strip. Terminals are the low, then the high copies.
    """

    network: Network
    axis: int
    period: float
    kept: np.ndarray
    seam: np.ndarray
    end_i: np.ndarray
    end_j: np.ndarray
    place: np.ndarray
    along: np.ndarray
    seam_link: np.ndarray
    seam_turn: np.ndarray
    symbolic: Elimination

    @property
    def seam_number(self) -> np.ndarray:
        """int64[n_sites]: number of each site within the seam, -1 elsewhere."""
        out = np.full(self.network.n_sites, -1)
        out[self.seam] = np.arange(self.seam.size)
        return out

    def link_copies(self) -> tuple[np.ndarray, np.ndarray]:
        """For each link of ``seam_link``, the copies of the seam that it joins.

        A link that goes around starts or ends on a high copy, whose number is larger by n_seam.
        """
        number, m = self.seam_number, self.seam.size
        start = number[self.network.link_i[self.seam_link]] + m * (self.seam_turn < 0)
        stop = number[self.network.link_j[self.seam_link]] + m * (self.seam_turn > 0)
        return start, stop


def check_ring_axis(network: Network, axis: str | None) -> int:
    """The number of the periodic axis that the field drives along, or a ParameterError."""
    geometry = network.sites.geometry
    periodic = [name for name, period in zip(network.sites.axes, network.sites.period) if period]
    if not periodic:
        raise ParameterError(
            f"solve_drift needs a periodic sample, this network is of geometry {geometry!r}; use "
            "geometry='torus' or 'cylinder', or solve_bias between contacts."
        )
    if axis is None:
        axis = network.axis if geometry == "torus" else "y"
    if one_of("axis", axis, tuple(network.sites.axes)) not in periodic:
        raise ParameterError(
            f"axis must be {' or '.join(map(repr, periodic))} for geometry {geometry!r}, got "
            f"{axis!r}; a field around a cylinder runs along y."
        )
    return network.sites.axes.index(axis)


def dissect_along(network: Network, axis: int) -> Dissection:
    """The order of elimination whose first cut opens the ring along the axis."""
    sites = network.sites
    # The dissection opens the longest ring first, and of equally long ones that of the last axis.
    # So the wanted axis is put last, and stretched until no other ring is longer.
    others = [number for number in range(sites.dimension) if number != axis]
    across, along = [sites.period[number] for number in others], sites.period[axis]
    stretch = max(1.0, max(across) / along)
    scale = np.append(np.ones(len(others)), stretch)
    return dissect_graph(
        network.link_i,
        network.link_j,
        sites.position[:, [*others, axis]] * scale,
        rows=(network.row_start, network.row_neighbour),
        period=[*across, along * stretch],
    )


def open_along(network: Network, axis: int) -> Seam:
    """Open a periodic network along a seam across the axis.

    Parameters
    ----------
    network : Network
        A cylinder (axis 1) or a torus.
    axis : int

    Returns
    -------
    Seam
    """
    n, period = network.n_sites, network.sites.period[axis]
    plain = dissect_along(network, axis)
    y = network.sites.position[:, axis]
    along = network.separation[:, axis]
    kept = network.cluster == np.bincount(network.cluster).argmax()
    root = plain.left.shape[0] - 1
    pivots = plain.permutation[plain.front_start[root] :]
    seam = pivots[(y[pivots] < 0.5 * period) & kept[pivots]]
    if seam.size == 0:
        raise does_not_close(network, axis)
    number = np.full(n, -1)
    number[seam] = np.arange(seam.size)
    # 0: between the two lines, 1: beyond them, 2: on one of them
    region = np.full(n, 2)
    rank = np.empty(n, np.int64)
    rank[plain.permutation] = np.arange(n)
    if plain.left[root] >= 0:
        middle = plain.front_start[plain.left[root] + 1]
        region[rank < middle] = 0
        region[(rank >= middle) & (rank < plain.front_start[root])] = 1
    place = np.where((region == 1) & (y < 0.5 * period), y + period, y)
    place = np.append(place, y[seam] + period)
    place[seam] = y[seam]
    ends = [network.link_i.copy(), network.link_j.copy()]
    for own, other, sign in ((ends[0], network.link_j, 1.0), (ends[1], network.link_i, -1.0)):
        here = np.flatnonzero((number[own] >= 0) & (number[other] < 0))
        beyond = region[other[here]]
        high = np.where(beyond == 2, sign * along[here] < 0, beyond == 1)
        own[here[high]] = n + number[own[here[high]]]
    both = (number[network.link_i] >= 0) & (number[network.link_j] >= 0)
    check_sides(place[ends[1]] - place[ends[0]] - along, period, kept[network.link_i] & ~both)
    seam_link = np.flatnonzero(both)
    step = y[network.link_j[seam_link]] - y[network.link_i[seam_link]]
    terminal = np.where(kept, -1, -2)
    terminal[seam] = np.arange(seam.size)
    terminal = np.append(terminal, seam.size + np.arange(seam.size))
    front_start = plain.front_start.copy()
    front_start[-1] += seam.size
    opened = Dissection(
        np.append(plain.permutation, n + np.arange(seam.size)),
        front_start,
        plain.left,
        plain.right,
        plain.parent,
    )
    return Seam(
        network=network,
        axis=axis,
        period=float(period),
        kept=kept,
        seam=seam,
        end_i=ends[0],
        end_j=ends[1],
        place=place,
        along=along,
        seam_link=seam_link,
        seam_turn=np.rint((along[seam_link] - step) / period).astype(np.int64),
        symbolic=analyse(opened, ends[0], ends[1], terminal),
    )


def does_not_close(network: Network, axis: int) -> NotPercolatingError:
    """The error of a sample whose largest cluster has no path around it."""
    return NotPercolatingError(
        f"the largest cluster of this sample of {network.n_sites} sites does not close around it "
        f"along {network.sites.axes[axis]}; take a larger cutoff or more sites."
    )


def check_sides(misfit: np.ndarray, period: float, inside: np.ndarray) -> None:
    """Raise if a link does not fit into the opened strip."""
    wrong = int(np.count_nonzero((np.abs(misfit) > MISFIT * period) & inside))
    if wrong:
        raise ParameterError(
            f"{wrong} links do not fit into a strip that is opened along a line of sites: the "
            "sample is too short along the field; take more sites or a smaller cutoff."
        )
