"""Finite bias: the current between two contacts beyond Ohm's law, for few carriers.

The carriers are so few that they never meet (Boltzmann occupations). The field tilts the energies,
eps_i = e_i - F x_i in units of kT, and the rates obey detailed balance with the tilted energies.
The directed elimination gives every occupation, the currents in both directions and every net flow
at any voltage.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from hopnet.checks import instance_of, number
from hopnet.elimination.directed import DirectedFactor, factor_directed
from hopnet.elimination.symbolic import Elimination, analyse
from hopnet.errors import ParameterError
from hopnet.network.energies import Bath
from hopnet.network.network import DRAIN, INNER, SOURCE, Network
from hopnet.records import Record, read_only
from hopnet.transport.balance import net_flow, unbalanced_sites
from hopnet.transport.current import in_unit
from hopnet.transport.exclusion import Crowd, Frozen, filling_of, follow, starting_odds
from hopnet.transport.tilted import (
    LogRates,
    check_pivots,
    energy_steps,
    equilibrium,
    flows_of_ratios,
    largest_scale,
    log_overlap,
    log_rates,
    own_bath,
)

__all__ = [
    "CORRECTIONS",
    "BetweenContacts",
    "Bias",
    "between_contacts",
    "check_bias",
    "correction_of_drop",
    "crowd_between",
    "crowded_bias",
    "gross_flows",
    "share_of_voltage",
    "solve_between",
    "solve_bias",
    "start_of",
]

# Largest number of corrections of the flows. Each gains about nine digits at the worst site; a
# smaller number leaves weak links next to strong ones out of balance.
CORRECTIONS = 6
# Largest voltage, in kT. At larger voltages occupations and rates leave the range of floats in most
# samples. Where this happens at a smaller voltage, `check_pivots` or `gross_flows` raises an error.
LARGEST = 1e4


@dataclass(frozen=True, eq=False)
class Bias(Record):
    """Steady state between two contacts at a finite voltage.

    Attributes
    ----------
    network : Network
    voltage : float
        e V / kT between the contacts; positive drives carriers from source to drain.
    current : float, in 1/rho_0 times kT/e
        Net current: divided by the voltage it tends to `Current.conductance`.
    forward, backward : float
        Current of the carriers that go from source to drain, and of those that go from drain to
        source. ``backward`` is 0 where it would be below the smallest float.
    occupation : float64[n_sites]
        p_i in the unit of `Network.occupation`; 0 at sites without a path to a contact.
    drop : float64[n_links], in kT/e
        ln(u_i / u_j), u = p / n: drop of the electrochemical potential from i to j. At a small
        voltage it is the voltage times `Current.drop`.
    flow : float64[n_links]
        Net flow from i to j, in the unit of ``current``.
    imbalance : float
        sum over inner sites of abs(net flow), over half the sum of the moduli of the flows.
    log_odds : float64[n_sites] or None
        ln(p / (1 - p)) of every site with many carriers, -inf where no path leads to a contact.
        None for few carriers.
    residual : float
        Largest change of a log-odd that Newton's method still asks for; 0 for few carriers.
    steps : int
        Newton steps, including those at smaller voltages; 0 for few carriers.
    """

    table_row: ClassVar[str] = "link"
    table_columns: ClassVar[tuple[str, ...]] = ("drop", "flow")

    network: Network
    voltage: float
    current: float
    forward: float
    backward: float
    occupation: np.ndarray
    drop: np.ndarray
    flow: np.ndarray
    imbalance: float
    log_odds: np.ndarray | None = None
    residual: float = 0.0
    steps: int = 0

    @property
    def noise(self) -> float:
        """Noise power of the current at zero frequency, divided by 2 e: forward plus backward.

        For few carriers it is exact: S = 2 e I coth(e V / 2 kT), shot noise at large voltage and
        the Johnson noise of the conductance at small voltage. With many carriers it is not known,
        and nan is returned.
        """
        return self.forward + self.backward if self.log_odds is None else float("nan")


class BetweenContacts(NamedTuple):
    """The steady state of a chain of single carriers between two contacts, u = 1 at the source.

    Attributes
    ----------
    current, forward, backward : float
        In units of exp(scale).
    occupation : float64[n_sites]
    drop, flow : float64[n_links]
    gross : (float64[n_links], float64[n_links])
        p_i a_ij and p_j a_ji.
    imbalance : float
    scale : float
        Logarithm of the unit of currents and flows.
    """

    current: float
    forward: float
    backward: float
    occupation: np.ndarray
    drop: np.ndarray
    flow: np.ndarray
    gross: tuple[np.ndarray, np.ndarray]
    imbalance: float
    scale: float


def check_bias(network: Network, voltage: float) -> float:
    """The voltage as a float, or a ParameterError."""
    instance_of("network", network, Network, "make it with hopnet.build_network")
    voltage = number("voltage", voltage, low=-LARGEST, high=LARGEST, unit="kT/e")
    if network.sites.geometry == "torus":
        raise ParameterError(
            "solve_bias needs two contacts, a torus has no edge to put them on; use "
            "geometry='cylinder' or 'open', or solve_drift."
        )
    network.check_percolation()
    return voltage


def share_of_voltage(network: Network) -> np.ndarray:
    """float64[n_sites]: share of the voltage that has dropped between the source and each site.

    The contacts are metal: the potential falls linearly between their inner edges.
    """
    place = network.sites.position[:, network.sites.axes.index(network.axis)]
    begin, end = place[network.source].max(), place[network.drain].min()
    if not begin < end:
        raise ParameterError(
            f"a finite bias needs contacts that a straight line separates, the source reaches "
            f"{begin:.4g} and the drain begins at {end:.4g} a_b; use strips at opposite edges."
        )
    share = np.clip((place - begin) / (end - begin), 0.0, 1.0)
    share[network.source] = 0.0
    share[network.drain] = 1.0
    return share


def solve_bias(
    network: Network,
    voltage: float,
    *,
    concentration: float | None = None,
    chemical_potential: float | None = None,
    start: Bias | None = None,
    bath: Bath | None = None,
    threads: int | None = None,
) -> Bias:
    """Steady current at a finite voltage between the contacts.

    Equation [field 3] for the rates. The current of carriers from source to drain, J_sd, and back,
    J_ds, are what the directed elimination leaves between the terminals; J_sd / J_ds = exp(eV/kT)
    exactly, and I = J_sd (1 - exp(-eV/kT)). Net flows follow from [field 4] in two passes, so each
    is accurate relative to itself.

    With a concentration or a chemical potential, at most one carrier fits on a site, and the mean
    field of blocking is solved by Newton's method [field 7]. The contacts keep the occupations of
    equilibrium.

    Parameters
    ----------
    network : Network
        Open or cylinder, with or without energies, from `build_network`. The links are those of
        the network: in a strong field longer links carry current, so build it with a larger cutoff
        (2.5 l_c instead of 1.5 from e F l_c = kT on).
    voltage : float
        e V / kT; 0 gives equilibrium. The currents at V and -V differ in size, because a random
        sample is not symmetric.
    concentration : float, optional
        Mean number of carriers per site at zero voltage, between 0 and 1; the contacts not counted.
    chemical_potential : float, optional
        Chemical potential of the contacts, in the unit of the energies; by default that of the
        network. Without any of these, carriers are few.
    start : Bias, optional
        Solution of the same sample at another voltage: a start for blocking.
    bath : {"ohmic", "miller_abrahams", "heat_bath"} or callable, optional
        Default: the bath of the network, "ohmic" for equal energies.
    threads : int, optional
        The numbers do not depend on it.

    Returns
    -------
    Bias

    Raises
    ------
    ParameterError
        A torus, abs(voltage) above 1e4, or rates that leave
        the range of floats.
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
    voltage = check_bias(network, voltage)
    filling = filling_of(network, concentration, chemical_potential)
    share = share_of_voltage(network)
    if filling != (None, None):
        crowd, y = crowd_between(network, share, filling, bath=bath, threads=threads)
        return crowded_bias(crowd, voltage, *start_of(crowd, y, start))
    if start is not None:
        raise ParameterError("start is for blocking; give concentration= as well.")
    found = between_contacts(network, bath=bath, threads=threads, with_flows=True)(voltage)
    return Bias(network=network, voltage=voltage, **in_units(found))


def between_contacts(
    network: Network,
    *,
    bath: Bath | None = None,
    threads: int | None = None,
    with_flows: bool = False,
) -> Callable[[float], BetweenContacts]:
    """A function that gives the steady state of few carriers at any voltage.

    Parameters
    ----------
    network : Network
    bath, threads
        As in `solve_bias`.
    with_flows : bool
        Whether drops and flows are computed, which takes three times as long.
    """
    share = share_of_voltage(network)
    fall = share[network.link_j] - share[network.link_i]
    overlap, own, step = log_overlap(network), own_bath(network, bath), energy_steps(network)
    log_n = equilibrium(network)
    symbolic = analyse(network.dissection, network.link_i, network.link_j, network.terminals)

    def solve(voltage: float) -> BetweenContacts:
        voltage = check_bias(network, voltage)
        rates = log_rates(overlap, own, step - voltage * fall)
        tilted = log_n + voltage * share
        return solve_between(
            network, symbolic, rates, tilted, voltage, threads, with_flows=with_flows
        )

    return solve


def in_units(found: BetweenContacts) -> dict[str, Any]:
    """The attributes of `Bias` that are read off the solution."""
    return {
        "current": float(in_unit(found.current, found.scale)),
        "forward": float(in_unit(found.forward, found.scale)),
        "backward": float(in_unit(found.backward, found.scale)),
        "occupation": read_only(found.occupation),
        "drop": read_only(found.drop),
        "flow": read_only(in_unit(found.flow, found.scale)),
        "imbalance": found.imbalance,
    }


def crowd_between(
    network: Network,
    share: np.ndarray,
    filling: tuple[float | None, float | None],
    *,
    bath: Bath | None = None,
    threads: int | None = None,
) -> tuple[Crowd, np.ndarray]:
    """Many carriers between contacts, and their log-odds in equilibrium.

    Parameters
    ----------
    network : Network
    share : float64[n_sites]
        From `share_of_voltage`.
    filling : (concentration, shift)
        From `hopnet.transport.exclusion.filling_of`.
    bath, threads
        As in `solve_bias`.
    """
    i, j, terminal = network.link_i, network.link_j, network.terminals
    free = terminal == INNER
    level, _ = starting_odds(network, free, filling)
    step, overlap = energy_steps(network), log_overlap(network)
    own = own_bath(network, bath)
    symbolic = analyse(network.dissection, i, j, terminal)

    def freeze(voltage: float, y: np.ndarray) -> Frozen:
        base = log_rates(overlap, own, step - voltage * (share[j] - share[i]))
        empty = -np.logaddexp(0.0, y)
        rates = LogRates(base.going + empty[j], base.coming + empty[i])
        log_n = level + empty + voltage * share
        found = solve_between(network, symbolic, rates, log_n, voltage, threads)
        return Frozen(found.occupation, found.flow, found.gross, found.imbalance, found)

    crowd = Crowd(network, symbolic, free, None, freeze)
    return crowd, np.where(free | (terminal >= 0), level, -np.inf)


def start_of(crowd: Crowd, y: np.ndarray, start: Bias | None) -> tuple[np.ndarray, float]:
    """Log-odds to start from, and the voltage they belong to."""
    if start is None:
        return y, 0.0
    instance_of("start", start, Bias, "take the solution at another voltage")
    odds, given = start.log_odds, ~crowd.free
    if odds is None or start.network is not crowd.network or np.any(odds[given] != y[given]):
        raise ParameterError(
            "start must be a solution of the same network with the same chemical potential; leave "
            "it out."
        )
    return np.asarray(odds), start.voltage


def crowded_bias(crowd: Crowd, voltage: float, y: np.ndarray, begin: float) -> Bias:
    """`solve_bias` with many carriers.

    Parameters
    ----------
    crowd : Crowd
        From `crowd_between`.
    voltage : float
    y : float64[n_sites]
        Log-odds to start from.
    begin : float
        The voltage that they belong to.
    """
    steady = follow(crowd, voltage, y, begin, "voltage")
    found = in_units(steady.frozen.solved)
    found["imbalance"] = steady.imbalance
    return Bias(
        network=crowd.network,
        voltage=voltage,
        **found,
        log_odds=read_only(steady.log_odds),
        residual=steady.residual,
        steps=steady.steps,
    )


def gross_flows(
    network: Network, p: np.ndarray, rate_ij: np.ndarray, rate_ji: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """p_i a_ij and p_j a_ji of every link, or a ParameterError where floats cannot hold them."""
    with np.errstate(over="ignore", invalid="ignore"):
        gross = p[network.link_i] * rate_ij, p[network.link_j] * rate_ji
    if not all(np.all(np.isfinite(one)) for one in (p, *gross)):
        raise ParameterError(
            "the occupations of this field leave the range of floats (dead ends collect more than "
            "exp(700) carriers); take a weaker field or a larger cutoff."
        )
    return gross


def correction_of_drop(log_ratio: np.ndarray, correction: np.ndarray) -> np.ndarray:
    """The change of ln(u_i / u_j) by a correction of (u_i - u_j) / max(u_i, u_j)."""
    sign = np.where(log_ratio >= 0.0, 1.0, -1.0)
    # Beyond exp(30) the smaller u is below the rounding of the larger one.
    scaled = correction * np.exp(np.minimum(np.abs(log_ratio), 30.0))
    small = np.where(np.abs(scaled) < 0.5, scaled, 0.0)
    return -sign * np.log1p(-sign * small)


def solve_between(
    network: Network,
    symbolic: Elimination,
    rates: LogRates,
    log_n: np.ndarray,
    voltage: float,
    threads: int | None,
    *,
    with_flows: bool = True,
) -> BetweenContacts:
    """The steady state of single carriers with given rates between two contacts.

    Parameters
    ----------
    network : Network
        Its links and contacts are used.
    symbolic : Elimination
        The analysis with the contacts as terminals.
    rates : LogRates
        Rates of every link.
    log_n : float64[n_sites]
        Logarithm of the occupation of tilted equilibrium: n_i a_ij = n_j a_ji. A contact site
        has the occupation n_i at the source, and n_i exp(-voltage) at the drain.
    voltage : float
    threads : int, optional
    with_flows : bool
        Without them drops and flows are empty, and the imbalance is nan.
    """
    terminal = network.terminals
    kind_i, kind_j = terminal[network.link_i], terminal[network.link_j]
    # The occupation of a contact is fixed. It is multiplied into the rates of the contact's links,
    # so that p = 1 at contacts in the elimination.
    inside = log_n - np.where(terminal == DRAIN, voltage, 0.0)
    emission = LogRates(
        rates.going + np.where(kind_i >= 0, inside[network.link_i], 0.0),
        rates.coming + np.where(kind_j >= 0, inside[network.link_j], 0.0),
    )
    unit = largest_scale(emission)
    rate_ij, rate_ji = (np.exp(one - unit) for one in emission)
    factored = factor_directed(symbolic, rate_ij, rate_ji, threads=threads)
    check_pivots(factored)
    p = factored.occupation(np.zeros(network.n_sites), np.ones(2))
    # Links from contact to contact do not pass through any eliminated site.
    straight = (kind_i == SOURCE) & (kind_j == DRAIN)
    turned = (kind_i == DRAIN) & (kind_j == SOURCE)
    between = factored.terminal_rate
    forward = between[SOURCE, DRAIN] + rate_ij[straight].sum() + rate_ji[turned].sum()
    backward = between[DRAIN, SOURCE] + rate_ji[straight].sum() + rate_ij[turned].sum()
    larger, sign = (forward, 1.0) if voltage >= 0 else (backward, -1.0)
    current = -sign * larger * float(np.expm1(-abs(voltage)))
    gross = gross_flows(network, p, rate_ij, rate_ji)
    flow = drop = np.zeros(0)
    imbalance = float("nan")
    if with_flows:
        flow, drop, imbalance = flows_between(network, factored, (p, log_n), gross, voltage)
    occupation = p.copy()
    at_contact = terminal >= 0
    occupation[at_contact] = np.exp(inside[at_contact])
    return BetweenContacts(
        current=float(current),
        forward=float(forward),
        backward=float(backward),
        occupation=occupation,
        drop=drop,
        flow=flow,
        gross=gross,
        imbalance=imbalance,
        scale=unit,
    )


def flows_between(
    network: Network,
    factored: DirectedFactor,
    steady: tuple[np.ndarray, np.ndarray],
    gross: tuple[np.ndarray, np.ndarray],
    voltage: float,
) -> tuple[np.ndarray, np.ndarray, float]:
    """Net flow and drop of every link, and the imbalance of the flows [field 4].

    Parameters
    ----------
    network : Network
    factored : DirectedFactor
    steady : (p, log_n)
        Occupations, 1 at the contacts, and ln n of every site.
    gross : (p_i a_ij, p_j a_ji)
    voltage : float
    """
    p, log_n = steady
    terminal = network.terminals
    kind_i, kind_j = terminal[network.link_i], terminal[network.link_j]
    # Net flows from log ratios, then one correction for the current left over at each site.
    ends = np.ones(2), np.array([0.0, voltage])
    ratio = np.array([[0.0, voltage], [-voltage, 0.0]])
    log_ratio = factored.log_ratios(p, log_n, ends, ratio)
    log_ratio[(kind_i == kind_j) & (kind_i >= 0)] = 0.0
    flow, larger_gross = flows_of_ratios(gross, log_ratio)
    drop = log_ratio
    for number_of_pass in range(CORRECTIONS):
        net, unbalanced = unbalanced_sites(network, flow)
        if number_of_pass > 0 and not unbalanced.any():
            break
        # Rounding of larger flows must not be fed in twice: it would disturb the small ones.
        fed = unbalanced | ((terminal == INNER) & (number_of_pass == 0))
        left_over = np.where(fed, -net, 0.0)
        correction = factored.corrections(p, log_n, ends, ratio, np.zeros((2, 2)), left_over)
        flow = flow + larger_gross * correction
        drop = drop + correction_of_drop(drop, correction)
    net = np.where(terminal == INNER, net_flow(network, flow), 0.0)
    total = 0.5 * np.abs(flow).sum()
    return flow, drop, float(np.abs(net).sum() / total) if total > 0 else 0.0
