"""Rates of hops in an electric field: tilted energies, with detailed balance on every link."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hopnet.elimination.directed import DirectedFactor
from hopnet.errors import ParameterError
from hopnet.network.energies import Bath, log_bath, named_bath
from hopnet.network.network import Network

__all__ = [
    "LogRates",
    "check_pivots",
    "energy_steps",
    "equilibrium",
    "fermi_level",
    "flows_of_ratios",
    "largest_scale",
    "log_overlap",
    "log_rates",
    "own_bath",
]

# A conductance equals exp(-2 R) times its thermal factors if the logarithms agree to this. Then the
# overlap is taken from the distance, which is exact; a larger value would override given links.
SAME_OVERLAP = 1e-9

# Largest logarithm of a rate over its unit. Sums over all rates of a site must stay below the
# largest float, exp(709).
HIGHEST = 650.0

# Steps of the bisection for the chemical potential: halving 2000 kT this often leaves 1e-13 kT.
BISECTIONS = 90


class LogRates(NamedTuple):
    """Logarithms of the rates of every link, in 1/tau_0: from i to j, and back."""

    going: np.ndarray
    coming: np.ndarray


def own_bath(network: Network, bath: Bath | None) -> Bath:
    """The bath that was asked for, else that of the network, else "ohmic"."""
    own = "ohmic" if network.bath is None else network.bath
    chosen = own if bath is None else bath
    same = bath is None or bath is own or (isinstance(bath, str) and bath == own)
    energy = network.reorganisation_energy if same else None
    return named_bath(chosen, network.kT, energy)


def energy_steps(network: Network) -> np.ndarray:
    """float64[n_links]: (e_j - e_i) / kT; zero in the R-model.

    Raises
    ------
    ParameterError
        If the occupations of the network differ from site to site and kT is not known.
    """
    energy, kT = network.sites.energy, network.kT
    if kT is None or energy is None:
        if np.any(network.log_occupation != 0.0):
            raise ParameterError(
                "a field needs the energies and kT that the occupations were computed with, this "
                "network holds occupations alone; build it with build_network(sites, kT=...)."
            )
        return np.zeros(network.n_links)
    return (energy[network.link_j] - energy[network.link_i]) / kT


def equilibrium(network: Network) -> np.ndarray:
    """float64[n_sites]: ln n_i of few carriers, -e_i / kT counted as in `Network.log_occupation`.

    With a chemical potential it is -(e_i - mu) / kT, the log-odds of Fermi and Dirac.
    """
    if not network.exclusion:
        return network.log_occupation
    if network.sites.energy is None or network.kT is None or network.chemical_potential is None:
        raise ParameterError(
            "electrons that exclude each other need the energies, kT and chemical potential of "
            "the network, this one holds conductances alone; build it with build_network."
        )
    return -(network.sites.energy - network.chemical_potential) / network.kT


def log_overlap(network: Network) -> np.ndarray:
    """float64[n_links]: logarithm of the rate of each link at equal energies.

    It is -2 R_ij (`Sites.effective_length`) for networks of `build_network`. For given conductances
    it is the conductance divided by the thermal factors of [hopping S9].
    """
    step = energy_steps(network)
    n = equilibrium(network)
    n_i, n_j = n[network.link_i], n[network.link_j]
    low = np.minimum(n_i, n_j)
    if network.exclusion:
        # f_low (1 - f_high) exp(-(e_high - e_low)) of the two log-odds n
        low = np.maximum(n_i, n_j)
        thermal = -np.logaddexp(0.0, -np.minimum(n_i, n_j)) - np.logaddexp(0.0, low)
    else:
        thermal = low
    bath = own_bath(network, None)
    found = network.log_conductance - log_bath(bath, np.abs(step)) - thermal
    by_distance = -2.0 * network.effective_distance
    same = np.abs(found - by_distance) < SAME_OVERLAP * (1.0 + np.abs(found))
    return np.where(same, by_distance, found)


def log_rates(overlap: np.ndarray, bath: Bath, step: np.ndarray) -> LogRates:
    """Rates both ways of links whose second end lies ``step`` kT above the first.

    Equation [field 3]::

        ln a_ij = overlap + ln s(abs(D)) - max(D, 0)        D = (e_j - e_i) / kT - F (x_j - x_i)

    Parameters
    ----------
    overlap : float64[n_links]
        Logarithm of the rate at equal energies.
    bath : str or callable
        s(x) as in `build_network`.
    step : float64[n_links]
        D, in kT.
    """
    common = overlap + log_bath(bath, np.abs(step))
    return LogRates(common - np.maximum(step, 0.0), common - np.maximum(-step, 0.0))


def largest_scale(rates: LogRates) -> float:
    """The logarithm of a unit in which as many rates as possible are representable as floats.

    The middle between the largest and the smallest logarithm leaves most room on both sides. Rates
    that are still below the smallest float count as zero.
    """
    high = max(rates.going.max(initial=-np.inf), rates.coming.max(initial=-np.inf))
    low = min(rates.going.min(initial=np.inf), rates.coming.min(initial=np.inf))
    return float(max(0.5 * (high + low), high - HIGHEST)) if high > -np.inf else 0.0


def check_pivots(factored: DirectedFactor, n_closed: int = 0) -> None:
    """Raise if the rate of leaving some site is not a positive float.

    Parameters
    ----------
    factored : DirectedFactor
    n_closed : int
        Number of clusters without a contact: the last site of each has no rate of leaving.
    """
    stuck = int(np.count_nonzero(factored.pivot == 0.0)) - n_closed
    if stuck > 0 or not np.all(np.isfinite(factored.pivot)):
        raise ParameterError(
            f"the rates of this field leave the range of floats at {max(stuck, 1)} sites, which "
            "carriers cannot leave; take a weaker field or a larger cutoff."
        )


def flows_of_ratios(
    gross: tuple[np.ndarray, np.ndarray], log_ratio: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Net flow of every link, and the larger of its two gross flows.

    Parameters
    ----------
    gross : (p_i a_ij, p_j a_ji)
        Each float64[n_links].
    log_ratio : float64[n_links]
        ln(u_i / u_j) = ln(p_i a_ij / p_j a_ji).
    """
    larger = np.where(log_ratio >= 0.0, gross[0], gross[1])
    return -np.sign(log_ratio) * larger * np.expm1(-np.abs(log_ratio)), larger


def fermi_level(log_n: np.ndarray, number_of_carriers: float) -> float:
    """The shift that makes sum_i 1 / (1 + exp(-log_n_i - shift)) the number of carriers.

    Parameters
    ----------
    log_n : float64[n_sites]
        Log-odds before the shift.
    number_of_carriers : float
        Between 0 and the number of sites.
    """
    n = log_n.shape[0]
    # With the lower bound every site is emptier than the mean, with the upper bound fuller.
    odds = float(np.log(number_of_carriers / (n - number_of_carriers)))
    low, high = odds - float(log_n.max()), odds - float(log_n.min())
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        filled = np.exp(-np.logaddexp(0.0, -(log_n + middle))).sum()
        low, high = (middle, high) if filled < number_of_carriers else (low, middle)
    return 0.5 * (low + high)
