"""Triads: the triangles of sites on which hopping paths interfere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hopnet.kernels import triads as kernels
from hopnet.network import Network
from hopnet.records import read_only


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
    def n_triads(self):
        """Number of triads."""
        return self.site.shape[0]

    @property
    def area(self):
        """float64[n_triads], a_b^2: oriented area, positive if i, j, k run anticlockwise."""
        to_j = self.network.separation[self.link[:, 0]]
        to_k = self.network.separation[self.link[:, 1]]
        return 0.5 * (to_j[:, 0] * to_k[:, 1] - to_j[:, 1] * to_k[:, 0])

    @property
    def perimeter(self):
        """float64[n_triads], a_b: R_ij + R_jk + R_ki."""
        separation = self.network.separation
        distance = np.hypot(separation[:, 0], separation[:, 1])
        return distance[self.link].sum(axis=1)


def find_triads(network):
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
    count = np.empty(network.n_sites, np.int64)
    kernels.count_triads(network.row_start, network.row_neighbour, 0, count)
    start = np.concatenate([[0], np.cumsum(count)])
    site = np.empty((start[-1], 3), np.int64)
    link = np.empty((start[-1], 3), np.int64)
    kernels.fill_triads(
        network.row_start, network.row_neighbour, network.row_link, start, site, link
    )
    return Triads(network, read_only(site, np.int64), read_only(link, np.int64))
