"""Triads: triples of sites of which every two are linked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hopnet.kernels import triads as kernels
from hopnet.network.network import Network
from hopnet.records import read_only
from hopnet.threads import run_side_by_side

TRIADS_AT_ONCE = 30_000  # of a walk, or those of one site: their list stays in the cache


PARTS_AT_ONCE = 8  # of these, worked on side by side before their results are added up


@dataclass(frozen=True, eq=False)
class Triads:
    """All triangles of the graph, each once.

    Attributes
    ----------
    network : Network
    site : int64[n_triads, 3]
        i < j < k, sorted.
    link : int64[n_triads, 3]
        The links ij, ik, jk.
    """

    network: Network
    site: np.ndarray
    link: np.ndarray

    @property
    def n_triads(self) -> int:
        """Number of triads."""
        return self.site.shape[0]

    @property
    def area(self) -> np.ndarray:
        """float64[n_triads], a_b^2: oriented area, positive if i, j, k run anticlockwise."""
        to_j = self.network.separation[self.link[:, 0]]
        to_k = self.network.separation[self.link[:, 1]]
        return 0.5 * (to_j[:, 0] * to_k[:, 1] - to_j[:, 1] * to_k[:, 0])

    @property
    def perimeter(self) -> np.ndarray:
        """float64[n_triads], a_b: R_ij + R_jk + R_ki."""
        separation = self.network.separation
        distance = np.hypot(separation[:, 0], separation[:, 1])
        return distance[self.link].sum(axis=1)


def find_triads(network: Network) -> Triads:
    """All triangles of the graph, each once; none is left out for its size.

    Parameters
    ----------
    network : Network

    Returns
    -------
    Triads

    Notes
    -----
    Needs 48 bytes a triad (some 8 triads a site at the usual cutoff). `f_curve` and
    `spin_generation` walk over them without storing any; store them to look at them.
    """
    lists = [(np.empty((0, 3), np.int64),) * 2]
    lists += [list_triads(network, *task) for task in parts_of(network)]
    site, link = (np.concatenate(columns) for columns in zip(*lists))
    return Triads(network, read_only(site, np.int64), read_only(link, np.int64))


def parts_of(network, lowest=None):
    """(lowest sites, where upper neighbours begin in every row) of each part of the walk."""
    lower = np.bincount(network.link_j, minlength=network.n_sites)
    upper_start = network.row_start[:-1] + lower
    if lowest is None:
        lowest = np.arange(network.n_sites)
    most = np.cumsum(most_triads(network, lowest, upper_start))
    ends = np.flatnonzero(np.diff(most // TRIADS_AT_ONCE, append=-1)) + 1
    return [(part, upper_start) for part in np.split(lowest, ends[:-1])]


def most_triads(network, lowest, upper_start):
    """No more triads than these have each of the sites as their lowest."""
    above = network.row_start[lowest + 1] - upper_start[lowest]
    return above * (above - 1) // 2


def list_triads(network, lowest, upper_start):
    """Sites and links of the triads whose lowest site is one of ``lowest``."""
    most = int(most_triads(network, lowest, upper_start).sum())
    site, link = np.empty((most, 3), np.int64), np.empty((most, 3), np.int64)
    count = kernels.fill_triads(
        lowest, upper_start, network.row_start, network.row_neighbour, network.row_link, site, link
    )
    return site[:count], link[:count]


def sum_over_triads(network, part, out, threads, lowest=None):
    """Walk over triads without storing them.

    Parameters
    ----------
    network : Network
    part : callable
        ``part(site, link)`` of some triads returns what each gives to its three sites,
        float64[n, 3, n_parts], and one more array that adds up.
    out : float64[n_sites, n_parts]
        Overwritten with the sums of the first.
    threads : int
    lowest : int64 array, optional
        Take only the triads with these as lowest sites; by default all triads.

    Returns
    -------
    array
        The sum of the second. Nothing depends on the number of threads.
    """
    out[:] = 0.0
    total = 0.0

    def work(task):
        site, link = list_triads(network, *task)
        return site, *part(site, link)

    tasks = parts_of(network, lowest)
    for begin in range(0, len(tasks), PARTS_AT_ONCE):
        for site, value, more in run_side_by_side(
            work, tasks[begin : begin + PARTS_AT_ONCE], threads
        ):
            kernels.add_to_sites(site, value, out)
            total = total + more
    return total


def amplitudes(network):
    """What a triad needs of each link, free of under- and overflow at any temperature.

    Returns
    -------
    hop, overlap : float64[n_links]
        K_ij exp(R_ij) / sqrt(n_i n_j) and exp(-R_ij) sqrt(n_i n_j): a term of the strength
        n_j Q'_ikj [hopping S21] is a product of two of the first and one of the second. With
        exclusion f_i (1 - f_i) stands for n_i: the paths of an electron and of a hole add.
    """
    distance = network.distance
    n = network.log_capacity
    log_pair = 0.5 * (n[network.link_i] + n[network.link_j])
    return np.exp(network.log_conductance + distance - log_pair), np.exp(log_pair - distance)
