"""Finite bias: the current between two contacts beyond Ohm's law, for few carriers.

Carriers do not meet (Boltzmann occupations). The field tilts the energies, eps_i = e_i - F x_i in
units of kT, and the rates keep detailed balance with the tilted energies, so with contacts the
problem is that of a network with conductances K_ij = n_i a_ij, n_i = exp(-eps_i). The directed
elimination gives every occupation and the currents both ways at any voltage.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hopnet.checks import instance_of, number
from hopnet.elimination.directed import factor_directed
from hopnet.elimination.scaling import scaled_conductance
from hopnet.elimination.symbolic import analyse
from hopnet.elimination.symmetric import factor
from hopnet.errors import ParameterError
from hopnet.network.energies import bath_factor
from hopnet.network.network import DRAIN, INNER, SOURCE, Network
from hopnet.records import read_only
from hopnet.transport.balance import net_flow

__all__ = ["Bias", "solve_bias"]

# Largest voltage in kT at which flows of single links are computed: beyond, conductances of the
# tilted network span more than the symmetric elimination can hold.
LARGEST_FOR_FLOWS = 300.0
# Largest voltage in kT: the occupations then still fit into floats.
LARGEST = 600.0


# Largest span of the logarithms of rates: both ends are floats then, with room for products. A
# larger one would end in an overflow.
WIDEST = 1350.0


@dataclass(frozen=True, eq=False)
class Bias:
    """Steady state between two contacts at a finite voltage.

    Attributes
    ----------
    network : Network
    voltage : float
        e V / kT between the contacts; positive drives carriers from source to drain.
    current : float, in 1/rho_0 times kT/e
        Net current: divided by the voltage it tends to `Current.conductance`.
    forward, backward : float
        Currents of carriers that came from the source and end in the drain, and back.
    occupation : float64[n_sites]
        p_i over the largest occupation of equilibrium; 0 at sites without a path to a contact.
    flow : float64[n_links] or None
        Net flow from i to j; None above a voltage of 300.
    imbalance : float or None
        sum over inner sites of abs(net flow), over half the sum of the moduli of the flows.
    """

    network: Network
    voltage: float
    current: float
    forward: float
    backward: float
    occupation: np.ndarray
    flow: np.ndarray | None
    imbalance: float | None

    @property
    def noise(self) -> float:
        """Spectrum of the current at zero frequency over 2 e, forward plus backward.

        For few carriers it is exact: S = 2 e I coth(e V / 2 kT), shot noise at large voltage and
        the Johnson noise of the conductance at small voltage.
        """
        return self.forward + self.backward


def tilted_rates(
    network: Network, voltage: float, bath: str | Callable
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Logarithms of a_ij and a_ji of every link, and the tilt F x of every site, in kT.

    Equation [field 3]: ln a_ij = -2 R_ij + ln s(abs(D)) - max(D, 0), D = eps_j - eps_i. The
    difference of the energies and that of the tilts are formed apart, so that a small field is not
    lost beside the energies. The contacts are metal: the potential falls between their inner edges.
    """
    place = network.sites.position[:, "xy".index(network.axis)]
    begin, end = place[network.source].max(), place[network.drain].min()
    if not begin < end:
        raise ParameterError(
            f"a finite bias needs contacts that a straight line parts, the source reaches "
            f"{begin:.4g} and the drain begins at {end:.4g} a_b; use strips at opposite edges."
        )
    share = np.clip((place - begin) / (end - begin), 0.0, 1.0)
    share[network.source] = 0.0
    share[network.drain] = 1.0
    kT, energy = network.kT, network.sites.energy
    step = np.zeros(network.n_links)
    if kT is not None and energy is not None:
        step = (energy[network.link_j] - energy[network.link_i]) / kT
    step = step - voltage * (share[network.link_j] - share[network.link_i])
    overlap = -2.0 * network.distance + np.log(bath_factor(bath, np.abs(step)))
    return overlap - np.maximum(step, 0.0), overlap - np.maximum(-step, 0.0), voltage * share


def solve_bias(
    network: Network,
    voltage: float,
    *,
    bath: str | Callable | None = None,
    threads: int | None = None,
) -> Bias:
    """Steady current of few carriers at a finite voltage between the contacts.

    Equation [field 3] for the rates. The current of carriers from source to drain, J_sd, and back,
    J_ds, are what the directed elimination leaves between the terminals; J_sd / J_ds = exp(eV/kT)
    exactly, and I = J_sd (1 - exp(-eV/kT)).

    Parameters
    ----------
    network : Network
        Open or cylinder, with or without energies, from `build_network`. The links are those of
        the network: in a strong field longer links carry current, so build it with a larger cutoff
        (2.5 l_c instead of 1.5 from e F l_c = kT on).
    voltage : float
        e V / kT; 0 gives equilibrium. The two signs are different samples.
    bath : {"ohmic", "miller_abrahams", "heat_bath"} or callable, optional
        Default: the bath of the network, "ohmic" for equal energies.
    threads : int, optional

    Returns
    -------
    Bias

    Raises
    ------
    ParameterError
        A torus, exclusion (blocking is not treated), abs(voltage) above 600.
    NotPercolatingError
        If no path joins the contacts.

    Examples
    --------
    >>> import hopnet as hn
    >>> network = hn.build_network(hn.random_sites(500, density=0.05, seed=4))
    >>> bias = hn.solve_bias(network, 1e-9)
    >>> bool(abs(bias.current / 1e-9 / hn.solve_current(network).conductance - 1) < 1e-8)
    True
    """
    instance_of("network", network, Network, "make it with hopnet.build_network")
    voltage = number("voltage", voltage, low=-LARGEST, high=LARGEST, unit="kT/e")
    if network.sites.geometry == "torus":
        raise ParameterError(
            "solve_bias needs two contacts, a torus has no edge to put them on; use "
            "geometry='cylinder' or 'open'."
        )
    if network.exclusion:
        raise ParameterError(
            "solve_bias is for few carriers, this network was built with chemical_potential=; "
            "leave that out."
        )
    network.check_percolation()
    own_bath = (network.bath or "ohmic") if bath is None else bath
    log_ij, log_ji, tilt = tilted_rates(network, voltage, own_bath)
    terminal = network.terminals
    # A link out of a contact emits by the occupation inside the contact, which is exp(-e).
    emission_i = np.where(
        terminal[network.link_i] >= 0, network.log_occupation[network.link_i], 0.0
    )
    emission_j = np.where(
        terminal[network.link_j] >= 0, network.log_occupation[network.link_j], 0.0
    )
    going, coming = log_ij + emission_i, log_ji + emission_j
    # Rates enter the occupations by their ratios only: the middle of the logarithms is the unit.
    high, low = max(going.max(), coming.max()), min(going.min(), coming.min())
    if high - low > WIDEST:
        raise ParameterError(
            f"logarithms of rates must span at most {WIDEST:g} at a finite bias, they span "
            f"{high - low:.0f}; raise the density or the temperature."
        )
    unit = 0.5 * (high + low)
    symbolic = analyse(network.dissection, network.link_i, network.link_j, terminal)
    rate_ij, rate_ji = (np.exp(np.maximum(r - unit, -700.0)) for r in (going, coming))
    factored = factor_directed(symbolic, rate_ij, rate_ji, threads=threads)
    occupation = factored.occupation(np.zeros(network.n_sites), np.ones(2))
    at_contact = terminal >= 0
    occupation[at_contact] = network.occupation[at_contact]
    # Links from contact to contact do not pass through any eliminated site.
    kind_i, kind_j = terminal[network.link_i], terminal[network.link_j]
    straight = (kind_i == SOURCE) & (kind_j == DRAIN)
    turned = (kind_i == DRAIN) & (kind_j == SOURCE)
    direct = rate_ij[straight].sum() + rate_ji[turned].sum()
    back = rate_ji[straight].sum() + rate_ij[turned].sum()
    forward = float((factored.terminal_rate[SOURCE, DRAIN] + direct) * np.exp(unit))
    backward = float((factored.terminal_rate[DRAIN, SOURCE] + back) * np.exp(unit))
    larger, sign = (forward, 1.0) if voltage >= 0 else (backward, -1.0)
    current = -sign * larger * float(np.expm1(-abs(voltage)))
    flow, imbalance = None, None
    if abs(voltage) <= LARGEST_FOR_FLOWS:
        flow, imbalance = link_flows(network, symbolic, log_ij, tilt, voltage, threads)
    return Bias(
        network,
        voltage,
        current,
        forward,
        backward,
        read_only(occupation),
        None if flow is None else read_only(flow),
        imbalance,
    )


def link_flows(network, symbolic, log_ij, tilt, voltage, threads):
    """Net flow of every link from u = p / n, which obeys Kirchhoff's laws with K = n a."""
    log_K = log_ij + network.log_occupation[network.link_i] + tilt[network.link_i]
    terminal = network.terminals
    conductance, scale = scaled_conductance(network.link_i, network.link_j, log_K, terminal)
    factored = factor(symbolic, conductance, threads=threads)
    # u is 1 at the source and exp(-V) at the drain; only the difference enters.
    difference = -np.expm1(-voltage)
    drop = factored.link_drops(network.n_links, (difference, 0.0))
    left_over = np.where(terminal == INNER, -net_flow(network, conductance * drop), 0.0)
    drop += factored.link_drops(network.n_links, (0.0, 0.0), rhs=left_over)
    flow = conductance * drop
    net = np.where(terminal == INNER, net_flow(network, flow), 0.0)
    total = 0.5 * np.abs(flow).sum()
    imbalance = float(np.abs(net).sum() / total) if total > 0 else 0.0
    return flow * np.exp(scale), imbalance
