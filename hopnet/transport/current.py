"""Current: Kirchhoff's laws on a network, exact to rounding at any density."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hopnet.checks import instance_of
from hopnet.elimination.scaling import scaled_conductance
from hopnet.elimination.symbolic import analyse
from hopnet.elimination.symmetric import factor
from hopnet.errors import ConvergenceError, ParameterError
from hopnet.network.network import DRAIN, INNER, SOURCE, Network
from hopnet.records import load_arrays, read_only, save_arrays


@dataclass(frozen=True, eq=False)
class Current:
    """The flow of charge at unit bias.

    Attributes
    ----------
    network : Network
    drop : float64[n_links]
        V_i - V_j, accurate relative to the flows through the two sites.
    flow : float64[n_links], in 1/rho_0
        conductance * drop, positive from i to j: the paper's I_ji at unit bias.
    conductance : float, in 1/rho_0
        Total current at unit bias.
    log_conductance : float
        Its logarithm, which does not underflow.
    resistivity : float, in rho_0
        Sheet resistivity (V / length) (width / I).
    imbalance : float
        sum_i |net_i| / sum_i throughput_i over sites that are no contacts.
    site_imbalance : float64[n_sites]
        |net_i| / throughput_i, throughput being half the sum of moduli of the flows; 0 at
        contacts and where nothing flows. Dead ends carry rounding only: look at a percentile.
    throughput : float64[n_sites]
    source_current, drain_current : float
        What leaves the source and enters the drain, summed link by link.
    """

    network: Network
    drop: np.ndarray
    flow: np.ndarray
    conductance: float
    log_conductance: float
    resistivity: float
    imbalance: float
    site_imbalance: np.ndarray
    throughput: np.ndarray
    source_current: float
    drain_current: float

    @property
    def log_resistivity(self) -> float:
        """Logarithm of the sheet resistivity over rho_0, which does not overflow."""
        network = self.network
        shape = np.log(network.width_across_current / network.length_along_current)
        return float(shape - self.log_conductance)

    def save(self, path: str | Path) -> None:
        """Write to one .npz file, without the network."""
        stored = {name: value for name, value in vars(self).items() if name != "network"}
        save_arrays(path, "Current", stored)

    @classmethod
    def load(cls, path: str | Path, network: Network) -> Current:
        """Read what `save` wrote, for the network it belongs to."""
        stored = load_arrays(path, "Current")
        if stored["drop"].shape[0] != network.n_links:
            raise ParameterError(
                f"this current has {stored['drop'].shape[0]} links, the network "
                f"{network.n_links}; load it with the network it was solved on."
            )
        arrays = {k: read_only(v) for k, v in stored.items() if v.ndim}
        return cls(network, **arrays, **{k: float(v) for k, v in stored.items() if not v.ndim})


def solve_current(network: Network, *, threads: int | None = None) -> Current:
    """Solve Kirchhoff's laws between the contacts.

    Equation [hopping 5a] without spin, steady::

        0 = sum_j G_ij (V_j - V_i)        V = 1 at the source, 0 at the drain

    By subtraction-free elimination (see `hopnet.elimination`): link drops are found as differences
    from the start, so each is accurate relative to the flows nearby, whatever the spread of the
    conductances. What is then left over at each site, known to rounding of its own flows, is fed
    into the same factor once more: that makes the flows of side loops, far below those around
    them, accurate too. Sites without a path to a contact are left out; their flow is 0.

    Parameters
    ----------
    network : Network
        Open or cylinder.
    threads : int, optional
        The result does not depend on it.

    Returns
    -------
    Current

    Raises
    ------
    ParameterError
        On a torus.
    NotPercolatingError
        If no path joins the contacts.
    ConvergenceError
        If source and drain currents differ by more than 1e-9 (not seen; a guard).
    """
    if network.sites.geometry == "torus":
        raise ParameterError(
            "solve_current needs two contacts, a torus has no edge to put them on; use "
            "geometry='cylinder' for the bulk or 'open'."
        )
    network.check_percolation()
    terminal = network.terminals
    conductance, scale = scaled_conductance(
        network.link_i, network.link_j, network.log_conductance, terminal
    )

    symbolic = analyse(network.dissection, network.link_i, network.link_j, terminal)
    factored = factor(symbolic, conductance, threads=threads)
    drop = factored.link_drops(network.n_links, (1.0, 0.0))
    kind_i, kind_j = terminal[network.link_i], terminal[network.link_j]
    drop[(kind_i == SOURCE) & (kind_j == DRAIN)] = 1.0  # links from contact to contact
    drop[(kind_i == DRAIN) & (kind_j == SOURCE)] = -1.0
    left_over = np.where(terminal == INNER, -net_flow(network, conductance * drop), 0.0)
    drop += factored.link_drops(network.n_links, (0.0, 0.0), rhs=left_over)
    flow = conductance * drop
    net = net_flow(network, flow)
    throughput, site_imbalance, imbalance = account(network, flow, net, terminal)
    source_current = float(net[network.source].sum())
    drain_current = float(-net[network.drain].sum())
    total = 0.5 * (source_current + drain_current)
    difference = abs(source_current - drain_current) / total if total > 0 else np.inf
    if not difference <= 1e-9:
        raise ConvergenceError(
            f"source and drain currents must agree to 1e-9, they differ by {difference:.2e} "
            f"({source_current:.6e} and {drain_current:.6e}); please report this sample.",
            estimate=drop,
            residual=difference,
        )
    with np.errstate(over="ignore", divide="ignore"):
        resistivity = np.float64(network.width_across_current) / (
            network.length_along_current * in_unit(total, scale)
        )
    return Current(
        network=network,
        drop=read_only(drop),
        flow=read_only(in_unit(flow, scale)),
        conductance=float(in_unit(total, scale)),
        log_conductance=float(np.log(total) + scale),
        resistivity=float(resistivity),
        imbalance=imbalance,
        site_imbalance=read_only(site_imbalance),
        throughput=read_only(in_unit(throughput, scale)),
        source_current=float(in_unit(source_current, scale)),
        drain_current=float(in_unit(drain_current, scale)),
    )


def own_current(
    network: Network, current: Current | None = None, threads: int | None = None
) -> Current:
    """The current of a network: the one that was passed, checked, or else a new one.

    Parameters
    ----------
    network : Network
    current : Current, optional
        A current that the caller has already. It must belong to ``network``.
    threads : int, optional

    Returns
    -------
    Current

    Raises
    ------
    ParameterError
        If ``network`` is no Network, or ``current`` is no Current of this network.
    """
    instance_of("network", network, Network, "make it with hopnet.build_network")
    if current is None:
        return solve_current(network, threads=threads)
    instance_of("current", current, Current, "make it with hopnet.solve_current")
    network.check_owns(current)
    return current


def in_unit(value, scale):
    """``value * exp(scale)``: 0 or inf where a float cannot hold it, never nan."""
    if abs(scale) <= 700.0:
        return value * np.exp(scale)
    half = np.exp(0.5 * np.clip(scale, -1400.0, 1400.0))
    with np.errstate(over="ignore"):
        return np.multiply(value, half) * half


def net_flow(network, flow):
    """float64[n_sites]: what flows out of each site, less what flows in."""
    n = network.n_sites
    return np.bincount(network.link_i, flow, n) - np.bincount(network.link_j, flow, n)


def account(network, flow, net, terminal):
    """Throughput of each site, and how far inner sites are from balance: each, and all in all."""
    n = network.n_sites
    size = np.abs(flow)
    throughput = 0.5 * (np.bincount(network.link_i, size, n) + np.bincount(network.link_j, size, n))
    error = np.where(terminal == INNER, np.abs(net), 0.0)
    site_imbalance = np.divide(error, throughput, out=np.zeros(n), where=throughput > 0)
    total = throughput[terminal == INNER].sum()
    return throughput, site_imbalance, float(error.sum() / total) if total > 0 else 0.0
