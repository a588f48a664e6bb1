"""Clusters of sites that occupied links join, at one threshold and at all thresholds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from hopnet.checks import array_of, instance_of
from hopnet.kernels import clusters as kernels
from hopnet.network.network import Network
from hopnet.percolation.thresholds import (
    OrderedLinks,
    Threshold,
    contact_flags,
    least_log_conductance,
    link_seams,
    name_events,
    order_links,
)
from hopnet.records import Record, read_only

__all__ = ["ClusterSweep", "Clusters", "find_clusters", "sweep_clusters"]


@dataclass(frozen=True, eq=False)
class Clusters(Record):
    """Clusters of sites that links up to a threshold join.

    Attributes
    ----------
    network : Network
        The network whose sites are joined.
    threshold_length : float, in a_b
        Links up to this length are occupied; inf if all are.
    label : int64[n_sites]
        Cluster of each site, numbered in order of the lowest site.
    size : int64[n_clusters]
        Number of sites of each cluster.
    gyration_radius : float64[n_clusters], in a_b
        Root mean square distance of the sites from their centre. The sites of a cluster that wraps
        around the sample are placed next to each other along its links.
    touches_source, touches_drain : bool[n_clusters]
        Whether the cluster holds a site of the contact.
    wraps : bool[n_clusters]
        Whether the cluster wraps around a periodic sample.
    """

    table_row: ClassVar[str] = "cluster"
    table_columns: ClassVar[tuple[str, ...]] = (
        "size",
        "gyration_radius",
        "touches_source",
        "touches_drain",
        "wraps",
    )

    network: Network
    threshold_length: float
    label: np.ndarray
    size: np.ndarray
    gyration_radius: np.ndarray
    touches_source: np.ndarray
    touches_drain: np.ndarray
    wraps: np.ndarray

    @property
    def n_clusters(self) -> int:
        """Number of clusters, single sites included."""
        return self.size.shape[0]

    @property
    def percolates(self) -> np.ndarray:
        """bool[n_clusters]: joins the contacts; on a torus, wraps around the sample."""
        if self.network.sites.geometry == "torus":
            return self.wraps
        return self.touches_source & self.touches_drain

    @property
    def percolation_probability(self) -> float:
        """P: fraction of sites in clusters that percolate."""
        return float(self.size[self.percolates].sum() / max(self.label.size, 1))

    @property
    def finite(self) -> np.ndarray:
        """bool[n_clusters]: all but the largest (of equal ones the one with the lowest site)."""
        out = np.ones(self.n_clusters, np.bool_)
        if out.size:
            out[np.argmax(self.size)] = False
        return out

    @property
    def mean_size(self) -> float:
        """S = sum s^2 / sum s without the largest: mean size of the cluster of a random site."""
        size = self.size[self.finite].astype(np.float64)
        return float(np.sum(size**2) / max(np.sum(size), 1.0))

    @property
    def correlation_length(self) -> float:
        """xi, in a_b: xi^2 = 2 sum s^2 R_s^2 / sum s^2 over all clusters but the largest."""
        size = self.size[self.finite].astype(np.float64)
        radius = self.gyration_radius[self.finite]
        return float(np.sqrt(2 * np.sum((size * radius) ** 2) / max(np.sum(size**2), 1.0)))

    def size_distribution(self) -> tuple[np.ndarray, np.ndarray]:
        """Number of clusters of each size.

        Returns
        -------
        size, number : int64 arrays
            Sizes that occur, ascending; n(s) per site is ``number / n_sites``.
        """
        return np.unique(self.size, return_counts=True)


def find_clusters(network: Network, threshold_length: float | None = None) -> Clusters:
    """Clusters of sites joined by links up to a threshold.

    Parameters
    ----------
    network : Network
        The network whose sites are joined.
    threshold_length : float, in a_b, optional
        Links with ln(G rho_0) >= -2 threshold_length are occupied; default: all links.

    Returns
    -------
    Clusters

    Raises
    ------
    ParameterError
        If ``threshold_length`` is not a number, or shorter than the shortest link.

    Examples
    --------
    >>> import hopnet as hn
    >>> network = hn.build_network(hn.random_sites(3000, density=0.01, seed=2))
    >>> clusters = find_clusters(network, threshold_length=12.6)
    >>> int(clusters.size.sum()), bool(clusters.percolates.any())
    (3000, True)
    """
    instance_of("network", network, Network, "make it with hopnet.build_network")
    least = least_log_conductance(network, threshold_length)
    occupied = network.log_conductance >= least
    seam = link_seams(network)
    links = OrderedLinks(
        np.flatnonzero(occupied),
        network.link_i[occupied],
        network.link_j[occupied],
        seam[occupied] if seam.size else seam,
    )
    state = merge_links(network, links)
    n = network.n_sites
    root = np.flatnonzero(state.parent < 0)
    label = np.empty(n, np.int64)
    n_clusters = kernels.fill_labels(state.parent, label)
    size, flag = np.empty(n_clusters, np.int64), np.empty(n_clusters, np.int64)
    spread = np.empty(n_clusters)
    size[label[root]] = -state.parent[root]
    flag[label[root]] = state.contact[root]
    spread[label[root]] = state.spread[root]
    return Clusters(
        network=network,
        threshold_length=np.inf if threshold_length is None else float(threshold_length),
        label=read_only(label, np.int64),
        size=read_only(size, np.int64),
        gyration_radius=read_only(np.sqrt(np.maximum(spread, 0.0) / size)),
        touches_source=read_only(flag & 1, np.bool_),
        touches_drain=read_only(flag & 2, np.bool_),
        wraps=read_only(flag & 4, np.bool_),
    )


@dataclass(frozen=True, eq=False)
class MergeHistory(Record):
    """Output of the kernel `sweep_merges`: every merger of two clusters, and the final clusters.

    Attributes
    ----------
    parent : int64[n_sites]
        Union-find: parent of each site; minus the size of the cluster at its root.
    contact : int64[n_sites]
        At roots: 1 if the cluster touches the source, plus 2 for the drain, plus 4 if it wraps.
    spread : float64[n_sites]
        At roots: s R_s^2.
    event : int64[2 dim + 1, dim + 1]
        One row per event: place of its link, and how often its loop wraps along each axis.
    merge : int64[n_mergers]
        Place in the ordered links of each link that joined two clusters.
    count, moment : int64[n_mergers, 3], float64[n_mergers, 3]
        As in `ClusterSweep`.
    """

    parent: np.ndarray
    contact: np.ndarray
    spread: np.ndarray
    event: np.ndarray
    merge: np.ndarray
    count: np.ndarray
    moment: np.ndarray


def merge_links(network: Network, links: OrderedLinks) -> MergeHistory:
    """Add links one after another and record every merger of two clusters."""
    n, dim = network.n_sites, network.sites.dimension
    parent, contact = np.full(n, -1), contact_flags(network)
    merges = kernels.Merges(
        centre=np.empty((n, dim)),
        spread=np.empty(n),
        event=np.empty((2 * dim + 1, dim + 1), np.int64),
        merge=np.empty(n, np.int64),
        count=np.empty((n, 3), np.int64),
        moment=np.empty((n, 3)),
    )
    k = kernels.sweep_merges(
        links.link_i,
        links.link_j,
        links.seam,
        network.sites.position,
        network.sites.period,
        contact,
        parent,
        np.zeros((n if links.seam.size else 0, dim), np.int64),
        merges,
    )
    return MergeHistory(
        parent=parent,
        contact=contact,
        spread=merges.spread,
        event=merges.event,
        merge=merges.merge[:k],
        count=merges.count[:k],
        moment=merges.moment[:k],
    )


@dataclass(frozen=True, eq=False)
class ClusterSweep(Record):
    """Clusters at every threshold: one row per link that joined two clusters.

    Attributes
    ----------
    network : Network
        The network whose links were added.
    link : int64[n_mergers]
        Number of each link that joined two clusters, best conductor first.
    threshold_length : float64[n_mergers], in a_b
        Length of that link.
    count : int64[n_mergers, 3]
        Sizes of the larger and of the smaller of the two clusters; size of the largest cluster of
        the sample afterwards.
    moment : float64[n_mergers, 3]
        Values afterwards: sum of s^2 and sum of s^2 R_s^2 over all clusters but the largest;
        s R_s^2 of the largest.
    thresholds : dict of str to Threshold
        The events of `percolation_threshold` that happened.
    """

    table_row: ClassVar[str] = "merger"
    table_columns: ClassVar[tuple[str, ...]] = ("link", "threshold_length", "count", "moment")

    network: Network
    link: np.ndarray
    threshold_length: np.ndarray
    count: np.ndarray
    moment: np.ndarray
    thresholds: dict[str, Threshold]

    def _row(self, threshold_length):
        length = array_of("threshold_length", threshold_length, infinite=True, empty=True)
        return length, np.searchsorted(self.threshold_length, length, side="right")

    @cached_property
    def _columns(self):
        """n_clusters, largest, mean_size and correlation_length after 0, 1, 2 ... mergers."""
        n = self.network.n_sites
        n_clusters = n - np.arange(self.link.size + 1)
        largest = np.concatenate([[min(n, 1)], self.count[:, 2]]).astype(np.float64)
        first = np.array([[max(n - 1, 0), 0.0, 0.0]])
        square, weighted, _ = np.concatenate([first, self.moment]).T
        mean_size = square / np.maximum(n - largest, 1.0)
        square_length = np.where(square > 0, 2 * weighted / np.maximum(square, 1.0), 0.0)
        return n_clusters, largest, mean_size, np.sqrt(np.maximum(square_length, 0.0))

    def at(self, threshold_length: ArrayLike) -> pd.DataFrame:
        """Cluster statistics at one or more thresholds, without another pass over the links.

        Parameters
        ----------
        threshold_length : float or array_like[n], in a_b
            Links up to this length are occupied.

        Returns
        -------
        DataFrame
            Columns threshold_length, n_clusters, largest, mean_size and correlation_length, as in
            `Clusters`.
        """
        length, row = self._row(threshold_length)
        names = ("n_clusters", "largest", "mean_size", "correlation_length")
        columns = {name: column[row] for name, column in zip(names, self._columns)}
        return pd.DataFrame({"threshold_length": length} | columns).astype({"largest": np.int64})

    def size_distribution(self, threshold_length: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Number of clusters in octaves of size at one or more thresholds.

        Parameters
        ----------
        threshold_length : float or array_like[n], in a_b
            Links up to this length are occupied.

        Returns
        -------
        size : int64[n_octaves]
            Lower ends 1, 2, 4 ... of the octaves ``size <= s < 2 size``.
        number : int64[n, n_octaves]
            Number of clusters in each octave, one row per threshold.
        """
        _, row = self._row(threshold_length)
        order = np.argsort(row, kind="stable")
        n_octaves = max(self.network.n_sites, 1).bit_length()
        out = np.empty((row.size, n_octaves), np.int64)
        kernels.count_sizes(self.count, row[order], self.network.n_sites, out)
        number = np.empty_like(out)
        number[order] = out
        return 2 ** np.arange(n_octaves), number


def sweep_clusters(network: Network) -> ClusterSweep:
    """Clusters at every threshold, with all events, in one pass over the links.

    Parameters
    ----------
    network : Network
        The network whose links are added one after another.

    Returns
    -------
    ClusterSweep

    Raises
    ------
    ParameterError
        If ``network`` is not a Network.

    Notes
    -----
    Peak memory is about 120 bytes per site in addition to the network; the result takes 64 of them
    (measured with 5 links per site).
    """
    instance_of("network", network, Network, "make it with hopnet.build_network")
    ordered = order_links(network)
    state = merge_links(network, ordered)
    link = ordered.link[state.merge]
    return ClusterSweep(
        network=network,
        link=read_only(link, np.int64),
        threshold_length=read_only(-0.5 * network.log_conductance[link]),
        count=read_only(state.count, np.int64),
        moment=read_only(state.moment),
        thresholds=name_events(network, ordered, state.event),
    )
