"""Balance at sites: side loops obey Kirchhoff's laws to all digits, dead ends carry no flow."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order, minimum_spanning_tree

from hopnet.kernels import backbone as kernels
from hopnet.kernels.balance import largest_change, sum_flows
from hopnet.network.network import INNER, Network

__all__ = [
    "BALANCED",
    "CORRECTIONS",
    "SOUND",
    "Balance",
    "balance_at_sites",
    "balance_of_sums",
    "balanced_flows",
    "net_flow",
    "on_paths",
    "site_potential",
    "sites_on_paths",
    "unbalanced_sites",
]

# A site is balanced if its net flow is at most this much of its throughput. Rounding leaves 1e-15
# at most sites and up to 1e-12 at some. A larger value accepts flows of side loops with fewer
# digits, a smaller one repeats corrections that only change the rounding.
BALANCED = 1e-10

# Throughput, divided by the largest one, below which the balance of a site is not checked. Drops
# there are close to the smallest float. A larger value would leave out sites whose flow is right to
# many digits.
FAINT = 1e-250

# Largest number of corrections of the sites that are not balanced. Each makes flows accurate that
# are up to 15 decades weaker, and 250 decades are checked. A smaller number leaves weak loops
# uncorrected; a larger one was never needed.
CORRECTIONS = 40

# Largest change of a flow, divided by the largest flow, that counts as a correction. Corrections of
# rounding change flows by 1e-15. A change above 1e-6 means that all links of some node are below
# the smallest float, so that a current fed into it cannot leave. A smaller value would refuse valid
# corrections, a larger one would accept such nodes.
SOUND = 1e-6

First = Callable[[], tuple[np.ndarray, np.ndarray]]
Add = Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def net_flow(network: Network, flow: np.ndarray) -> np.ndarray:
    """The flow out of each site less the flow into it.

    Parameters
    ----------
    network : Network
        The network whose links carry the flow.
    flow : float64[n_links]
        Flow along each link, positive from i to j.

    Returns
    -------
    float64[n_sites]
    """
    n = network.n_sites
    return np.bincount(network.link_i, flow, n) - np.bincount(network.link_j, flow, n)


class Balance(NamedTuple):
    """Net flow and throughput of each site, and how far inner sites are from balance.

    Attributes
    ----------
    net : float64[n_sites]
        Net flow out of each site, the same numbers as those of `net_flow`.
    throughput : float64[n_sites]
        Half the sum of the moduli of the flows at each site.
    site_imbalance : float64[n_sites]
        |net_i| / throughput_i at inner sites; 0 elsewhere, and where less than `FAINT` of the
        largest throughput flows.
    imbalance : float
        sum |net_i| / sum throughput_i over inner sites.
    """

    net: np.ndarray
    throughput: np.ndarray
    site_imbalance: np.ndarray
    imbalance: float


def balance_at_sites(network: Network, flow: np.ndarray, terminal: np.ndarray) -> Balance:
    """The balance of every site.

    Parameters
    ----------
    network : Network
        The network whose links carry the flow.
    flow : float64[n_links]
        Flow along each link.
    terminal : int64[n_sites]
        `Network.terminals`: only INNER sites must be balanced.

    Returns
    -------
    Balance
    """
    at_site = np.empty((4, network.n_sites))
    sum_flows(network.link_i, network.link_j, flow, *at_site)
    return balance_of_sums(at_site, terminal)


def balance_of_sums(at_site: np.ndarray, terminal: np.ndarray) -> Balance:
    """The balance of every site from the sums of `hopnet.kernels.balance.sum_flows`.

    Parameters
    ----------
    at_site : float64[4, n_sites]
        Sums of the flow over the links that a site begins and over those that it ends, and the
        same sums of the moduli.
    terminal : int64[n_sites]
        As in `balance_at_sites`.
    """
    net = at_site[0] - at_site[1]
    throughput = 0.5 * (at_site[2] + at_site[3])
    inner = terminal == INNER
    error = np.where(inner, np.abs(net), 0.0)
    checked = throughput > FAINT * throughput.max(initial=0.0)
    site_imbalance = np.divide(error, throughput, out=np.zeros(net.shape), where=checked)
    total = throughput[inner].sum()
    imbalance = float(error.sum() / total) if total > 0 else 0.0
    return Balance(net, throughput, site_imbalance, imbalance)


def sites_on_paths(network: Network) -> np.ndarray:
    """Whether each site lies on a path between the contacts that visits no site twice.

    No current flows through other sites: they belong to dead ends. A contact is one node.

    Returns
    -------
    bool[n_sites]
        False for the sites of the contacts themselves.

    Notes
    -----
    The time is proportional to the number of links.
    """
    terminal = network.terminals
    at_contact = []
    for contact in network.contacts:
        rows = [network.row_neighbour[slice(*network.row_start[i : i + 2])] for i in contact]
        beside = np.concatenate(rows) if rows else np.empty(0, np.int64)
        at_contact.append(beside[terminal[beside] < 0])
    out = np.empty(network.n_sites, np.bool_)
    kernels.mark_paths(network.row_start, network.row_neighbour, terminal, tuple(at_contact), out)
    return out


def on_paths(network: Network) -> np.ndarray:
    """Whether each link lies on a path between the contacts that visits no site twice.

    All other links belong to dead ends, or lie within a contact: they carry no current.

    Returns
    -------
    bool[n_links]
    """
    terminal, carries = network.terminals, sites_on_paths(network)
    carries |= terminal >= 0
    i, j = network.link_i, network.link_j
    within = (terminal[i] >= 0) & (terminal[i] == terminal[j])
    return carries[i] & carries[j] & ~within


def balanced_flows(
    network: Network, terminal: np.ndarray, first: First, add: Add
) -> tuple[np.ndarray, np.ndarray, bool]:
    """Drops and flows with every inner site balanced relative to its own throughput.

    The elimination makes each drop accurate relative to the flows through the better of its two
    sites. A side loop that is attached to a site of large flow then needs corrections. The first
    one feeds the net flow of every site. Others follow only where a site stays unbalanced: they
    feed the net flow of such sites alone, since that of the others is rounding of larger flows and
    would disturb the loops again.

    Parameters
    ----------
    network : Network
        The network whose links carry the flow.
    terminal : int64[n_sites]
        The kind of each site: `Network.terminals`, with dead ends left out.
    first : function
        ``first()`` returns the drops and flows of the first solution. It is a function so that
        no other reference keeps these arrays in memory.
    add : function
        ``add(drop, flow, fed)`` returns the drops and flows with those added that the currents
        ``fed`` (one for each site) cause.

    Returns
    -------
    drop, flow : float64[n_links]
    balanced : bool
        False where a number that is needed is less than the smallest float.
    """
    drop, flow = first()
    fed = np.where(terminal == INNER, -net_flow(network, flow), 0.0)
    for _ in range(CORRECTIONS):
        with np.errstate(all="ignore"):
            new_drop, new_flow = add(drop, flow, fed)
        change, largest = largest_change(new_flow, flow)
        if not change <= SOUND * largest:
            return drop, flow, False
        drop, flow = new_drop, new_flow
        net, unbalanced = unbalanced_sites(network, flow, terminal)
        if not unbalanced.any():
            return drop, flow, True
        fed = np.where(unbalanced, -net, 0.0)
    return drop, flow, False


def unbalanced_sites(
    network: Network, flow: np.ndarray, terminal: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Net flow of every site, and the inner sites where it exceeds rounding."""
    net, _, site_imbalance, _ = balance_at_sites(
        network, flow, network.terminals if terminal is None else terminal
    )
    return net, site_imbalance > BALANCED


def site_potential(network: Network, drop: np.ndarray, bias: float) -> np.ndarray:
    """Potential X of every site from the drops of the links.

    Parameters
    ----------
    network : Network
    drop : float64[n_links]
        X_i - X_j.
    bias : float
        X at the source; the drain has 0.

    Returns
    -------
    float64[n_sites]
        NaN for sites without a path to a contact.

    Notes
    -----
    Drops are added from the contacts along the maximum spanning forest of the conductances. The
    drops along its strong links are small, so that differences between close potentials keep as
    many digits as the potentials themselves can hold.
    """
    n, n_links = network.n_sites, network.n_links
    out = np.full(n + 1, np.nan)
    out[network.drain], out[network.source], out[n] = 0.0, bias, 0.0
    contacts = np.concatenate([network.source, network.drain])
    # Node n stands for all contacts; its links are stronger than all others.
    row = np.concatenate([network.link_i, contacts])
    column = np.concatenate([network.link_j, np.full(contacts.size, n)])
    weight = np.full(row.size, 0.5)
    weight[:n_links] = network.log_conductance.max(initial=0.0) - network.log_conductance + 1.0
    tree = minimum_spanning_tree(coo_array((weight, (row, column)), shape=(n + 1, n + 1)).tocsr())
    order, previous = breadth_first_order(tree, n, directed=False)
    fixed = ~np.isnan(out)
    reached = order[~fixed[order]]
    parent = np.arange(n + 1)
    parent[reached] = previous[reached]
    # The drop from each reached site to its parent, found among the sorted links.
    low, high = np.minimum(reached, parent[reached]), np.maximum(reached, parent[reached])
    link = np.searchsorted(network.link_i * n + network.link_j, low * n + high)
    step = np.zeros(n + 1)
    step[reached] = np.where(low == reached, drop[link], -drop[link])
    # Add the drops along the paths to the contacts. Every round doubles the length of the sums.
    while np.any(parent[parent] != parent):
        step += step[parent]
        parent = parent[parent]
    out[reached] = out[parent[reached]] + step[reached]
    return out[:n]
