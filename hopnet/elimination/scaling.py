"""Scaling: rates as floats in the unit of the link on which percolation depends.

Logarithms of conductances and occupations span more than floats do (exp(-708) to exp(709)), and
neither their unit nor their largest value means anything: one deep trap or one close pair of sites
would decide which links underflow. The critical conductance decides instead. It is the largest g
for which the links of conductance g or more join the contacts.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order, minimum_spanning_tree

from hopnet.checks import array_of
from hopnet.elimination.dissection import check_links
from hopnet.errors import ParameterError

__all__ = [
    "HIGHEST",
    "LOWEST",
    "ScaledRates",
    "conductance_in_floats",
    "critical_log_conductance",
    "log_conductance_span",
    "scaled_conductance",
    "scaled_rates",
]

# Range of the logarithms within which rates are used as they stand (unit: nats). Wide enough for
# n_s a_b^2 = 0.0002 with equal energies. A wider range would let products of weights underflow.
ORDINARY = 250.0

# Largest logarithm over the critical conductance that a float still holds, with room for sums
# over 1e9 links and for products with their weights (the largest float is exp(709)).
HIGHEST = 660.0

# Smallest logarithm over the critical conductance; what is smaller counts as zero, so that no
# number is subnormal (the smallest normal float is exp(-708)). This changes the
# current by a fraction below n_links^2 exp(LOWEST): at unit bias a link carries at most its own
# conductance, and the current is at least the critical conductance divided by n_links.
LOWEST = -690.0


class ScaledRates(NamedTuple):
    """Conductances and occupations divided by one common factor.

    A common factor of all K_ij and n_i cancels from f, from spins S~ and from voltage drops.
    Currents are those of the network times ``exp(-log_scale)``.

    Attributes
    ----------
    conductance : float64[n_links]
        K_ij tau_0 exp(-log_scale); 0 below exp(LOWEST).
    occupation : float64[n_sites]
        n_i exp(-log_scale); 0 below exp(LOWEST), at most exp(HIGHEST).
    log_scale : float
        0 where all logarithms lie within +-`ORDINARY`, else that of the critical conductance.
    """

    conductance: np.ndarray
    occupation: np.ndarray
    log_scale: float


def critical_log_conductance(
    link_i: npt.ArrayLike,
    link_j: npt.ArrayLike,
    log_conductance: npt.ArrayLike,
    terminal: npt.ArrayLike,
) -> float:
    """Logarithm of the critical conductance: the weakest link of the strongest path.

    Parameters
    ----------
    link_i, link_j : int64[n_links]
        The two nodes of each link.
    log_conductance : float64[n_links]
        Logarithm of the conductance of each link.
    terminal : int64[n_nodes]
        0 for nodes of the source, 1 for nodes of the drain; other numbers do not matter.

    Returns
    -------
    float
        Where no path joins source and drain: the median link of the maximum spanning forest.

    Notes
    -----
    The strongest path runs in the maximum spanning tree. The conductance G of the whole network
    obeys ``g_c / n_links <= G <= n_links g_c``. Cost: O(n_links log n_links).
    """
    return critical(*check_graph(link_i, link_j, log_conductance, terminal))


def check_graph(link_i, link_j, log_conductance, terminal):
    """The four arrays of a graph, checked: links between existing nodes, one logarithm per link."""
    kind = array_of("terminal", terminal, empty=True, hint="pass Network.terminals")
    link_i, link_j = check_links(link_i, link_j, kind.shape[0])
    logarithm = array_of("log_conductance", log_conductance, shape=link_i.shape, empty=True)
    return link_i, link_j, logarithm, kind


def critical(link_i, link_j, log_conductance, terminal):
    """`critical_log_conductance` of a graph that has been checked."""
    n = terminal.shape[0]
    if log_conductance.size == 0:
        return 0.0
    # Nodes n and n + 1 stand for source and drain; their links are stronger than all others.
    at_source, at_drain = np.flatnonzero(terminal == 0), np.flatnonzero(terminal == 1)
    row = np.concatenate([link_i, at_source, at_drain])
    column = np.concatenate([link_j, np.full(at_source.size, n), np.full(at_drain.size, n + 1)])
    weight = np.full(row.size, 0.5)
    weight[: link_i.size] = log_conductance.max() - log_conductance + 1.0
    tree = minimum_spanning_tree(coo_array((weight, (row, column)), shape=(n + 2, n + 2)).tocsr())
    previous = breadth_first_order(tree, n, directed=False)[1]
    if previous[n + 1] < 0:
        return float(log_conductance.max() + 1.0 - np.median(tree.data[tree.data >= 1.0]))
    between = tree.tocoo()
    weight_of = dict(zip(zip(between.coords[0], between.coords[1]), between.data))
    node, worst = n + 1, 1.0
    while node != n:
        before = previous[node]
        worst = max(worst, weight_of.get((node, before), weight_of.get((before, node), 0.0)))
        node = before
    return float(log_conductance.max() + 1.0 - worst)


def scaled_rates(
    link_i: npt.ArrayLike,
    link_j: npt.ArrayLike,
    log_conductance: npt.ArrayLike,
    log_occupation: npt.ArrayLike,
    terminal: npt.ArrayLike,
) -> ScaledRates:
    """Conductances and occupations as floats, independent of their unit and of single sites.

    Parameters
    ----------
    link_i, link_j : int64[n_links]
        The two nodes of each link.
    log_conductance : float64[n_links]
        Logarithm of the conductance of each link.
    log_occupation : float64[n_nodes]
        Logarithm of the occupation of each node.
    terminal : int64[n_nodes]
        0 for nodes of the source, 1 for nodes of the drain, as `Network.terminals`.

    Returns
    -------
    ScaledRates

    Raises
    ------
    ParameterError
        If a link lies more than exp(`HIGHEST`) above the critical conductance, or if no
        occupation lies above exp(`LOWEST`) of it.

    Notes
    -----
    An occupation above exp(HIGHEST), that of a deep trap, is capped. The spin of that node,
    ``n sigma = gamma tau_s``, stays the same, and sigma elsewhere changes by less than
    a relative ``tau_s (sum of K at the node) exp(-HIGHEST)``, K in units of the critical one.
    """
    graph = check_graph(link_i, link_j, log_conductance, terminal)
    log_K, n_nodes = graph[2], graph[3].shape[0]
    log_n = array_of("log_occupation", log_occupation, shape=(n_nodes,), empty=True)
    if np.abs(np.concatenate([log_K, log_n])).max(initial=0.0) <= ORDINARY:
        return ScaledRates(np.exp(log_K), np.exp(log_n), 0.0)
    scale = critical(*graph)
    log_K, log_n = log_K - scale, log_n - scale
    check_span(log_K)
    if log_n.size and log_n.max() < LOWEST:
        raise ParameterError(
            f"the largest occupation must lie above exp({LOWEST:g}) of the critical conductance, "
            f"it lies at exp({log_n.max():.0f}); raise the temperature."
        )
    return ScaledRates(exponential(log_K), exponential(np.minimum(log_n, HIGHEST)), scale)


def scaled_conductance(
    link_i: npt.ArrayLike,
    link_j: npt.ArrayLike,
    log_conductance: npt.ArrayLike,
    terminal: npt.ArrayLike,
) -> tuple[np.ndarray, float]:
    """Conductances as floats, and the logarithm of their unit: for Kirchhoff's laws alone.

    Parameters
    ----------
    link_i, link_j : int64[n_links]
        The two nodes of each link.
    log_conductance : float64[n_links]
        Logarithm of the conductance of each link.
    terminal : int64[n_nodes]
        0 for nodes of the source, 1 for nodes of the drain, as `Network.terminals`.

    Returns
    -------
    conductance : float64[n_links]
        exp(log_conductance - log_scale); 0 below exp(LOWEST).
    log_scale : float
        Logarithm of the largest conductance; of the critical one where conductances span more
        than exp(`ORDINARY`).

    Raises
    ------
    ParameterError
        If a link lies more than exp(`HIGHEST`) above the critical conductance.
    """
    found = conductance_in_floats(link_i, link_j, log_conductance, terminal)
    if isinstance(found, float):
        raise span_error(found)
    return found


def conductance_in_floats(
    link_i: npt.ArrayLike,
    link_j: npt.ArrayLike,
    log_conductance: npt.ArrayLike,
    terminal: npt.ArrayLike,
) -> tuple[np.ndarray, float] | float:
    """What `scaled_conductance` returns, or how far the largest conductance lies too high.

    Parameters
    ----------
    link_i, link_j, log_conductance, terminal
        As for `scaled_conductance`.

    Returns
    -------
    (conductance, log_scale), or float
        Where a link lies more than exp(`HIGHEST`) above the critical conductance: the logarithm of
        that ratio.
    """
    graph = check_graph(link_i, link_j, log_conductance, terminal)
    log_K = graph[2]
    if log_K.size == 0:
        return np.empty(0), 0.0
    highest = float(log_K.max())
    if highest - float(log_K.min()) <= ORDINARY:
        return np.exp(log_K - highest), highest
    scale = critical(*graph)
    if highest - scale > HIGHEST:
        return highest - scale
    return exponential(log_K - scale), scale


def log_conductance_span(
    link_i: npt.ArrayLike,
    link_j: npt.ArrayLike,
    log_conductance: npt.ArrayLike,
    terminal: npt.ArrayLike,
) -> float:
    """How far the largest conductance lies above the critical one, in logarithms.

    Parameters
    ----------
    link_i, link_j : int64[n_links]
        The two nodes of each link.
    log_conductance : float64[n_links]
        Logarithm of the conductance of each link.
    terminal : int64[n_nodes]
        0 for nodes of the source, 1 for nodes of the drain, as `Network.terminals`.

    Returns
    -------
    float
        Where all conductances lie within exp(`ORDINARY`), their whole span, which is not less.
    """
    graph = check_graph(link_i, link_j, log_conductance, terminal)
    log_K = graph[2]
    if log_K.size == 0:
        return 0.0
    span = float(np.ptp(log_K))
    return span if span <= ORDINARY else float(log_K.max()) - critical(*graph)


def check_span(log_conductance):
    """Raise if a link lies too far above the critical conductance (logarithms over it)."""
    highest = float(log_conductance.max(initial=-np.inf))
    if highest > HIGHEST:
        raise span_error(highest)


def span_error(highest):
    """The error of a link at exp(highest) times the critical conductance."""
    return ParameterError(
        f"links must lie below exp({HIGHEST:g}) times the critical conductance of the sample, "
        f"the largest lies at exp({highest:.0f}); raise the density or the temperature."
    )


def exponential(logarithm):
    """The exponential, 0 below exp(LOWEST)."""
    return np.where(logarithm < LOWEST, 0.0, np.exp(np.maximum(logarithm, LOWEST)))
