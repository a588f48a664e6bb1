"""Backbone of the percolating cluster: current-carrying links, red bonds, shortest path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hopnet.checks import instance_of, shown
from hopnet.errors import NotPercolatingError, ParameterError
from hopnet.kernels import backbone as kernels
from hopnet.kernels.neighbours import fill_rows
from hopnet.network.network import Network
from hopnet.percolation.clusters import find_clusters
from hopnet.percolation.thresholds import (
    Threshold,
    check_contacts,
    least_log_conductance,
    percolation_threshold,
)
from hopnet.records import Record, read_only

__all__ = ["Backbone", "find_backbone", "wrapping_backbone"]


@dataclass(frozen=True, eq=False)
class Backbone(Record):
    """The parts of the percolating cluster at one threshold.

    Attributes
    ----------
    network : Network
        The network whose backbone this is.
    threshold_length : float, in a_b
        Links up to this length are occupied; inf if all are.
    link : int64[n]
        Links on at least one path between the contacts that visits no site twice: those through
        which a current can flow. Ascending.
    red_link : int64[n_red]
        Links on every path between the contacts: without any one of them no current flows. In
        order from source to drain.
    path_link : int64[n_steps]
        Links of one shortest (chemical) path, in order from source to drain.
    site : bool[n_sites]
        Whether a site belongs to the backbone.
    dead_end : bool[n_sites]
        Whether a site belongs to a cluster that joins the contacts, but not to the backbone.
    """

    table_row: ClassVar[str] = "backbone_link"
    table_columns: ClassVar[tuple[str, ...]] = ("link",)

    network: Network
    threshold_length: float
    link: np.ndarray
    red_link: np.ndarray
    path_link: np.ndarray
    site: np.ndarray
    dead_end: np.ndarray

    @property
    def chemical_length(self) -> int:
        """Smallest number of links of a path between the contacts."""
        return self.path_link.size

    @property
    def n_sites(self) -> int:
        """Number of sites of the backbone."""
        return int(self.site.sum())


@dataclass(frozen=True, eq=False)
class BackboneBetween(Record):
    """Backbone, red bonds and shortest path between two nodes of a graph.

    Attributes
    ----------
    link, red_link, path_link : int64 arrays
        Indices into the list of links of the graph, with the meaning they have in `Backbone`.
    joined : bool[n_nodes]
        Whether a path joins the node to the source.
    """

    link: np.ndarray
    red_link: np.ndarray
    path_link: np.ndarray
    joined: np.ndarray


def rows_of(link_i, link_j, n_nodes):
    """Neighbours of each node; a pair may have several links. See `kernels.neighbours`."""
    start = np.empty(n_nodes + 1, np.int64)
    neighbour, link = np.empty((2, 2 * link_i.size), np.int64)
    fill_rows(link_i, link_j, start, neighbour, link)
    return start, neighbour, link


def depth_first(rows, root):
    """(number, low, parent, parent_link, visited) of a depth-first search from ``root``."""
    number, low, parent, parent_link, visited = np.empty((5, rows[0].size - 1), np.int64)
    n = kernels.depth_first(*rows, root, number, low, parent, parent_link, visited)
    return number, low, parent, parent_link, visited[:n]


def path_to_root(parent, parent_link, node):
    """Nodes and links from ``node`` to the root of a search, without the root itself."""
    nodes, links = [], []
    while parent[node] >= 0:
        nodes.append(node)
        links.append(parent_link[node])
        node = parent[node]
    return np.array(nodes, np.int64), np.array(links, np.int64)


def backbone_between(link_i, link_j, n_nodes, source, drain):
    """Backbone, red bonds and shortest path between two nodes of a graph.

    Parameters
    ----------
    link_i, link_j : int64[n_links]
        The two nodes of each link. Links may repeat; none joins a node to itself.
    n_nodes : int
    source, drain : int
        Two different nodes.

    Returns
    -------
    BackboneBetween

    Raises
    ------
    NotPercolatingError
        If no path joins them.

    Notes
    -----
    A link carries current when it lies on a loop through an extra link from drain to source. These
    links are the biconnected component of the extra link (Hopcroft and Tarjan, Comm. ACM 16, 372
    (1973)). The cost is linear in nodes and links.
    """
    rows = rows_of(link_i, link_j, n_nodes)
    number, low, parent, parent_link, visited = depth_first(rows, source)
    joined = number >= 0
    if not joined[drain]:
        raise NotPercolatingError(
            "no path of occupied links joins the contacts; increase threshold_length."
        )
    nodes, links = path_to_root(parent, parent_link, drain)
    red = links[low[nodes] == number[nodes]][::-1]

    extra = np.array([drain]), np.array([source])
    rows_looped = rows_of(
        np.concatenate([extra[0], link_i]), np.concatenate([extra[1], link_j]), n_nodes
    )
    number, low, parent, _, visited = depth_first(rows_looped, drain)
    block = np.empty(n_nodes, np.bool_)
    kernels.mark_block(visited, visited.size, number, low, parent, block)

    level, parent, parent_link = np.empty((3, n_nodes), np.int64)
    kernels.breadth_first(*rows, source, level, parent, parent_link)
    _, path = path_to_root(parent, parent_link, drain)
    return BackboneBetween(np.flatnonzero(block[link_i] & block[link_j]), red, path[::-1], joined)


def find_backbone(network: Network, threshold_length: float | None = None) -> Backbone:
    """The current-carrying part of the percolating cluster, its red bonds and its shortest path.

    Parameters
    ----------
    network : Network
        The sample whose backbone is wanted.
    threshold_length : float, in a_b, optional
        Links with ln(G rho_0) >= -2 threshold_length are occupied; ``inf`` occupies all links.
        Default: the threshold of this sample, at which only its critical link keeps the cluster
        between the contacts together.

    Returns
    -------
    Backbone

    Raises
    ------
    ParameterError
        If ``threshold_length`` is not a number, is shorter than the shortest link, or is given for
        a torus; or if a contact is empty.
    NotPercolatingError
        If the occupied links do not join the contacts.

    Notes
    -----
    A contact is one node, as it is for the current; links within a contact do not count. On a
    torus the critical link closes the first loop around the sample. Its two sites serve as the
    contacts, and the backbone holds the links that lie on such loops. The critical link is
    then a red bond, and the last of ``red_link`` and ``path_link``.

    Examples
    --------
    >>> import hopnet as hn
    >>> network = hn.build_network(hn.random_sites(3000, density=0.01, seed=2))
    >>> backbone = find_backbone(network)
    >>> backbone.n_sites > backbone.chemical_length > backbone.red_link.size >= 1
    True
    """
    instance_of("network", network, Network, "make it with hopnet.build_network")
    if network.sites.geometry == "torus":
        if threshold_length is not None:
            raise ParameterError(
                "threshold_length must be None on a torus, whose backbone is that of the first "
                f"loop around it, got {shown(threshold_length)}; leave it out, or use "
                "geometry='cylinder'."
            )
        return wrapping_backbone(network, percolation_threshold(network))
    check_contacts(network)
    if threshold_length is None:
        least = percolation_threshold(network).log_conductance
    else:
        least = least_log_conductance(network, threshold_length)
    node = np.arange(network.n_sites)
    node[network.source] = network.n_sites
    node[network.drain] = network.n_sites + 1
    occupied = np.flatnonzero(
        (network.log_conductance >= least) & (node[network.link_i] != node[network.link_j])
    )
    parts = backbone_between(
        node[network.link_i[occupied]],
        node[network.link_j[occupied]],
        network.n_sites + 2,
        network.n_sites,
        network.n_sites + 1,
    )
    clusters = find_clusters(network, -0.5 * least if np.isfinite(least) else None)
    cluster = clusters.percolates[clusters.label]
    return backbone_record(network, -0.5 * least, occupied, parts, cluster)


def wrapping_backbone(network: Network, threshold: Threshold) -> Backbone:
    """The backbone on a torus, at the threshold of the first loop around it.

    Parameters
    ----------
    network : Network
        A sample on a torus.
    threshold : Threshold
        The event "wrapping" of this network.

    Returns
    -------
    Backbone

    Raises
    ------
    ParameterError
        If an argument has a wrong type, or if the threshold does not belong to this network.
    """
    instance_of("network", network, Network, "make it with hopnet.build_network")
    instance_of("threshold", threshold, Threshold, "find it with percolation_threshold")
    own = 0 <= threshold.link < network.n_links
    if not (own and threshold.log_conductance == network.log_conductance[threshold.link]):
        raise ParameterError(
            f"threshold must be the event 'wrapping' of this network, got {shown(threshold)}; find "
            "it with percolation_threshold."
        )
    if threshold.event == "contacts":
        raise ParameterError(
            "threshold must be the event 'wrapping', got 'contacts'; use find_backbone for the "
            "backbone between contacts."
        )
    order = np.arange(network.n_links)
    worst = threshold.log_conductance
    before = (network.log_conductance > worst) | (
        (network.log_conductance == worst) & (order < threshold.link)
    )
    occupied = np.flatnonzero(before)
    i, j = int(network.link_i[threshold.link]), int(network.link_j[threshold.link])
    parts = backbone_between(
        network.link_i[occupied], network.link_j[occupied], network.n_sites, i, j
    )
    occupied = np.append(occupied, threshold.link)
    last = occupied.size - 1
    parts = BackboneBetween(
        link=np.append(parts.link, last),
        red_link=np.append(parts.red_link, last),
        path_link=np.append(parts.path_link, last),
        joined=parts.joined,
    )
    return backbone_record(network, threshold.threshold_length, occupied, parts, parts.joined)


def backbone_record(network, length, occupied, parts, cluster):
    """The `Backbone` record from the parts of the graph of occupied links."""
    link = np.sort(occupied[parts.link])
    site = np.zeros(network.n_sites, np.bool_)
    site[network.link_i[link]] = True
    site[network.link_j[link]] = True
    return Backbone(
        network=network,
        threshold_length=float(length),
        link=read_only(link, np.int64),
        red_link=read_only(occupied[parts.red_link], np.int64),
        path_link=read_only(occupied[parts.path_link], np.int64),
        site=read_only(site, np.bool_),
        dead_end=read_only(cluster & ~site, np.bool_),
    )
