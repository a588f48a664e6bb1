"""Percolation thresholds of the network that carries the current.

Links are added in order of conductance, the best conductor first. A link is *occupied* when it is
present at a given threshold. The *length* of a link is here ``-ln(G_ij rho_0) / 2``, in a_b: its
distance R_ij in the R-model, and for other rates the distance at which two sites of equal energy
would conduct as well. It is negative for links that conduct better than 1 / rho_0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hopnet.checks import instance_of, number, one_of
from hopnet.errors import NotPercolatingError, ParameterError
from hopnet.kernels import clusters as kernels
from hopnet.network.network import Network
from hopnet.records import Record, read_only

__all__ = [
    "EVENTS",
    "OrderedLinks",
    "Threshold",
    "check_contacts",
    "contact_flags",
    "find_events",
    "least_log_conductance",
    "link_seams",
    "name_events",
    "order_links",
    "percolation_threshold",
]

# Names of the events by dimension, in the order of the rows of the kernels.
EVENTS = {
    2: ("contacts", "wrapping", "wrapping x", "wrapping y", "second wrapping"),
    3: (
        "contacts",
        "wrapping",
        "wrapping x",
        "wrapping y",
        "wrapping z",
        "second wrapping",
        "third wrapping",
    ),
}

# Number of sites of a block, whose links are thinned out together. Their arrays fit into the
# second-level cache; larger blocks leave fewer links but are slower per link.
BLOCK = 4096

# The links of a block are sorted in this many parts, and clusters are labelled again after each.
# With more parts, labelling costs as much as it saves in sorting.
PARTS = 12


@dataclass(frozen=True)
class Threshold(Record):
    """The link that completes an event when links are added in order of conductance.

    Attributes
    ----------
    threshold_length : float, in a_b
        l_c of this sample, the longest link that the path cannot avoid: -log_conductance / 2.
    log_conductance : float
        ln(G rho_0) of the critical link, the worst on the best path.
    link : int
        Its number in the network.
    wraps : tuple of dim int
        How often the loop that this link closes wraps around the sample along each axis; zeros for
        a path between contacts. The signs belong to one sense of the loop. Where other loops wrap
        already, this is one of several answers.
    event : str
        Name of the event; see `percolation_threshold`.
    """

    threshold_length: float
    log_conductance: float
    link: int
    wraps: tuple[int, ...]
    event: str


@dataclass(frozen=True, eq=False)
class OrderedLinks(Record):
    """Links in order of conductance, without those that cannot change a cluster.

    Attributes
    ----------
    link : int64[n]
        Number of each link in the network, best conductor first; links of equal conductance in
        order of their number.
    link_i, link_j : int64[n]
        The two sites of each link.
    seam : int64[n, dim] or int64[0, dim]
        Number of seams (periodic boundaries) that the link crosses from i to j along each axis,
        with sign; empty on a sample with hard edges.
    """

    table_row: ClassVar[str] = "link"
    table_columns: ClassVar[tuple[str, ...]] = ("link", "link_i", "link_j")

    link: np.ndarray
    link_i: np.ndarray
    link_j: np.ndarray
    seam: np.ndarray


def link_seams(network: Network) -> np.ndarray:
    """int64[n_links, dim]: seams crossed from i to j along each axis; no rows for hard edges."""
    period = network.sites.period
    seam = np.empty((network.n_links if any(period) else 0, len(period)), np.int64)
    if any(period):
        kernels.fill_seams(network.sites.position, period, network.link_i, network.link_j, seam)
    return seam


def order_links(network: Network) -> OrderedLinks:
    """Links that can join clusters or close a loop around the sample, best conductor first.

    Parameters
    ----------
    network : Network
        The network whose links are put in order.

    Returns
    -------
    OrderedLinks

    Raises
    ------
    ParameterError
        If ``network`` is not a Network.

    Notes
    -----
    A link that closes a loop of better links within its own block of sites is left out, because it
    joins nothing. Of 5 links per site about 1.2 remain. The cost is linear in the number of links;
    sorting is by buckets.
    """
    instance_of("network", network, Network, "make it with hopnet.build_network")
    seam = link_seams(network)
    seamless = ~np.logical_or.reduce(seam.T.astype(np.bool_))
    candidate = np.empty(network.n_links, np.int64)
    n = kernels.fill_candidates(
        network.link_i,
        network.link_j,
        network.log_conductance,
        seamless,
        min(BLOCK, max(network.n_sites, 1)),
        PARTS,
        candidate,
    )
    link = np.empty(n, np.int64)
    kernels.fill_order(candidate[:n], network.log_conductance, link)
    return OrderedLinks(
        link=read_only(link, np.int64),
        link_i=read_only(network.link_i[link], np.int64),
        link_j=read_only(network.link_j[link], np.int64),
        seam=read_only(seam[link] if seam.size else seam, np.int64),
    )


def contact_flags(network: Network) -> np.ndarray:
    """int64[n_sites]: 1 on the source, 2 on the drain, 0 elsewhere."""
    flag = np.zeros(network.n_sites, np.int64)
    flag[network.source] += 1
    flag[network.drain] += 2
    return flag


def find_events(
    network: Network, *, stop: str | None = None, ordered: OrderedLinks | None = None
) -> dict[str, Threshold]:
    """All percolation events of a sample, in one pass over its links.

    Parameters
    ----------
    network : Network
        The network whose links are added.
    stop : str, optional
        Name of the event after which to stop; default: go through all links.
    ordered : OrderedLinks, optional
        The ordered links of this network, if they are known already.

    Returns
    -------
    dict of str to Threshold
        The events that happened, under the names of `percolation_threshold`.

    Raises
    ------
    ParameterError
        If an argument is of a wrong type, or ``stop`` is not the name of an event.
    """
    instance_of("network", network, Network, "make it with hopnet.build_network")
    if stop is not None:
        one_of("stop", stop, EVENTS[network.sites.dimension])
    if ordered is None:
        ordered = order_links(network)
    else:
        instance_of("ordered", ordered, OrderedLinks, "make it with order_links")
    n, dim = network.n_sites, network.sites.dimension
    event = np.empty((2 * dim + 1, dim + 1), np.int64)
    kernels.find_events(
        ordered.link_i,
        ordered.link_j,
        ordered.seam,
        contact_flags(network),
        network.sites.period,
        event.shape[0] if stop is None else EVENTS[dim].index(stop),
        np.full(n, -1),
        np.zeros((n if ordered.seam.size else 0, dim), np.int64),
        event,
    )
    return name_events(network, ordered, event)


def name_events(
    network: Network, ordered: OrderedLinks, event_rows: np.ndarray
) -> dict[str, Threshold]:
    """Thresholds by name from the rows that the kernels write, one per event."""
    found = {}
    names = EVENTS[network.sites.dimension]
    for name, (place, *wraps) in zip(names, event_rows.tolist()):
        if place >= 0:
            link = int(ordered.link[place])
            worst = float(network.log_conductance[link])
            found[name] = Threshold(-0.5 * worst, worst, link, tuple(wraps), name)
    return found


def percolation_threshold(network: Network, event: str | None = None) -> Threshold:
    """Percolation threshold l_c of one sample [hopping].

    Links are added in order of conductance until the event happens. The link that completes it has
    the smallest conductance on the best path. It determines the resistivity,
    rho = rho_0 exp(2 l_c / a_b).

    Parameters
    ----------
    network : Network
        The sample whose threshold is wanted.
    event : str, optional
        ``"contacts"``: a path joins source and drain (default where a current can flow: open
        and cylinder). ``"wrapping"``: a cluster first wraps around the sample (default on a torus,
        whose contacts carry no current). Also ``"wrapping x"`` and ``"wrapping y"`` (a cluster
        wraps along that axis) and ``"second wrapping"`` (a cluster wraps in a second, independent
        direction). In space also ``"wrapping z"`` and ``"third wrapping"``.

    Returns
    -------
    Threshold

    Raises
    ------
    ParameterError
        If the event is unknown or does not exist in this geometry, or if a contact is empty.
    NotPercolatingError
        If the event does not happen with the links of this network.

    Notes
    -----
    Links are joined by union-find in order of conductance, in one pass. How often a loop wraps
    around the sample is the number of seams that it crosses, counted with sign (after Machta et
    al., Phys. Rev. E 54, 1332 (1996) and Newman and Ziff, Phys. Rev. E 64, 016706 (2001)).

    Examples
    --------
    >>> import hopnet as hn
    >>> sites = hn.random_sites(20_000, density=0.01, seed=5, geometry="torus")
    >>> threshold = percolation_threshold(hn.build_network(sites, cutoff=1.2))
    >>> 1.12 < threshold.threshold_length * sites.density**0.5 < 1.28
    True
    """
    instance_of("network", network, Network, "make it with hopnet.build_network")
    period = network.sites.period
    if event is None:
        event = "wrapping" if network.sites.geometry == "torus" else "contacts"
    allowed = {
        "contacts": True,
        "wrapping": any(period),
        "wrapping x": period[0] > 0,
        "wrapping y": period[1] > 0,
        "wrapping z": period[-1] > 0,
        "second wrapping": sum(length > 0 for length in period) > 1,
        "third wrapping": all(period),
    }
    known = [name for name in EVENTS[network.sites.dimension] if allowed[name]]
    one_of("event", event, known, f"these events exist for geometry {network.sites.geometry!r}")
    if event == "contacts":
        check_contacts(network)
    found = find_events(network, stop=event)
    if event not in found:
        raise NotPercolatingError(
            f"the event {event!r} does not happen with the links of this sample of "
            f"{network.n_sites} sites, none of which is longer than {network.cutoff_radius:.4g} "
            "a_b; increase the cutoff or take more sites."
        )
    return found[event]


def check_contacts(network: Network) -> None:
    """Raise if a contact holds no site."""
    for name, contact in (("source", network.source), ("drain", network.drain)):
        if contact.size == 0:
            raise ParameterError(
                f"the {name} contact must hold at least one site, it is empty; give its sites when "
                "you build the network."
            )


def least_log_conductance(network: Network, threshold_length: float | None) -> float:
    """Smallest ln(G rho_0) of the links that a threshold length occupies; None occupies all."""
    if threshold_length is None:
        return -np.inf
    length = number(
        "threshold_length",
        threshold_length,
        infinite=True,
        unit="a_b",
        hint="about 1.2 / sqrt(n_s) is critical, in space 0.87 / n_s^(1/3)",
    )
    shortest = -0.5 * float(network.log_conductance.max(initial=-np.inf))
    if length < shortest:
        raise ParameterError(
            f"threshold_length must be at least the length of the shortest link, {shortest:.6g} "
            f"a_b, got {length:.6g} a_b; increase it, or leave it out to occupy all links."
        )
    return -2.0 * length
