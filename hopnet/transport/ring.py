"""The ring: a uniform field around a cylinder, and the potential differences that it makes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hopnet.elimination.scaling import scaled_conductance
from hopnet.elimination.symbolic import analyse
from hopnet.elimination.symmetric import factor
from hopnet.errors import NotPercolatingError, ParameterError
from hopnet.kernels import ring as kernels
from hopnet.network.network import Network
from hopnet.records import read_only
from hopnet.transport.current import in_unit, net_flow

__all__ = ["Ring", "ring_jumps", "solve_ring"]


@dataclass(frozen=True, eq=False)
class Ring:
    """The response of a cylinder to a uniform unit field around it.

    Attributes
    ----------
    network : Network
    jump : float64[n_links], in a_b
        Electromotive force of each link in the gauge of the spanning forest: whole
        circumferences, zero on the strongest links that span the graph.
    drop : float64[n_links], in a_b
        Total drop from i to j along each link, the electromotive force included. It falls by one
        circumference around the ring, and adds up to zero around every triad.
    flow : float64[n_links], in a_b/rho_0
        conductance * drop, positive from i to j.
    deviation : float64[n_sites], in a_b
        g_i = y'_i - y_i, where y' is the coordinate whose differences are the drops: the harmonic
        one, on which no current is left over at any site. Its mean is zero in each cluster.
    conductivity : float, in 1/rho_0
        Sheet conductivity around the ring, sum K drop^2 / area.
    imbalance : float
        sum over sites of abs(net flow), over the same sum of the moduli of the flows.
    """

    network: Network
    jump: np.ndarray
    drop: np.ndarray
    flow: np.ndarray
    deviation: np.ndarray
    conductivity: float
    imbalance: float


def ring_jumps(network: Network) -> tuple[np.ndarray, np.ndarray]:
    """Whole circumferences by which the potential jumps on each link.

    The electromotive force of a uniform field is -R^y_l on link l. Adding the drops of a potential
    changes nothing that is measured. The potential y_i + W m_i, with integers m_i, leaves
    W (m_j - m_i - wrap_l): zero on the maximum spanning forest, and elsewhere non-zero only on
    links that are not stronger than the one that closes the ring. So no strong link carries the
    difference of two large numbers.

    Parameters
    ----------
    network : Network
        A cylinder.

    Returns
    -------
    jump : int64[n_links]
    winding : int64[n_sites]
        The whole numbers m_i.
    """
    width = network.sites.width
    y = network.sites.position[:, 1]
    along = y[network.link_j] - y[network.link_i]
    wrap = np.rint((network.separation[:, 1] - along) / width).astype(np.int64)
    order = np.argsort(-network.log_conductance, kind="stable")
    parent = np.empty(network.n_sites, np.int64)
    winding = np.empty(network.n_sites, np.int64)
    kernels.fill_windings(order, network.link_i, network.link_j, wrap, parent, winding)
    return winding[network.link_j] - winding[network.link_i] - wrap, winding


def solve_ring(network: Network, *, threads: int | None = None) -> Ring:
    """Solve Kirchhoff's laws for a uniform unit field around a cylinder, contacts floating.

    Equation [hall 1], D_l the drop of link l and e_l its electromotive force::

        0 = sum over links of site i of K_l D_l        D_l = e_l + V_i - V_j        e_l = -R^y_l

    The electromotive force is taken in the gauge of the maximum spanning forest (`ring_jumps`), in
    which every drop is accurate relative to the flows nearby. In the plain gauge circulating
    currents of rounding remain on strong triangles.

    Parameters
    ----------
    network : Network
        A cylinder. Its contacts are not held at any potential.
    threads : int, optional
        The result does not depend on it.

    Returns
    -------
    Ring

    Raises
    ------
    ParameterError
        If the network is not a cylinder.
    NotPercolatingError
        If no path of links closes around the ring.

    Notes
    -----
    One factor without terminals. Holding the contacts at zero would short the Hall field of their
    surroundings.
    """
    if network.sites.geometry != "cylinder":
        raise ParameterError(
            "the ring needs geometry='cylinder', this network is of geometry "
            f"{network.sites.geometry!r}; build the sites with geometry='cylinder'."
        )
    jump, winding = ring_jumps(network)
    if not np.any(jump):
        raise NotPercolatingError(
            f"no path of links closes around this cylinder of {network.n_sites} sites; take a "
            "larger cutoff or more sites."
        )
    force = network.sites.width * jump.astype(np.float64)
    conductance, scale = scaled_conductance(
        network.link_i, network.link_j, network.log_conductance, network.terminals
    )
    symbolic = analyse(network.dissection, network.link_i, network.link_j)
    factored = factor(symbolic, conductance, threads=threads)
    drop = force.copy()
    # The second pass makes side loops accurate that carry far less than the links around them.
    potential = np.zeros(network.n_sites)
    for _ in range(2):
        left_over = -net_flow(network, conductance * drop)
        drop += factored.link_drops(network.n_links, rhs=left_over)
        potential += factored.solve(left_over)
    # The gauge has added y_i + W m_i to the potential of every site.
    deviation = potential - network.sites.position[:, 1] - network.sites.width * winding
    size = np.bincount(network.cluster)
    deviation -= (np.bincount(network.cluster, deviation) / size)[network.cluster]
    flow = conductance * drop
    total = np.abs(flow).sum()
    area = network.sites.length * network.sites.width
    return Ring(
        network=network,
        jump=read_only(jump, np.int64),
        drop=read_only(drop),
        flow=read_only(in_unit(flow, scale)),
        deviation=read_only(deviation),
        conductivity=float(in_unit((flow * drop).sum() / area, scale)),
        imbalance=float(np.abs(net_flow(network, flow)).sum() / total),
    )
