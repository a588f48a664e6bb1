"""The unit in which the equations of a sample are solved."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hopnet.elimination.scaling import ScaledRates, scaled_rates
from hopnet.errors import ParameterError
from hopnet.network.network import Network
from hopnet.transport.current import Current

__all__ = ["UnitCurrent", "count_electrons", "current_in_unit", "find_rates"]

# Largest conductance and occupation, in units of the critical conductance. Squares of rates must
# not overflow (1e308). A larger occupation is replaced by this one: the spin n sigma of such a
# trap is the same, and sigma elsewhere changes by less than tau_s times K at the trap / 1e140.
LARGEST_RATE = 1e140


class UnitCurrent(NamedTuple):
    """The current of a network at unit bias, without spins, in the unit of its rates."""

    drop: np.ndarray  # float64[n_links]: X_i - X_j
    conductance: float  # current from source to drain
    throughput: np.ndarray  # float64[n_sites]: half the sum of moduli of the flows of each site


def find_rates(network: Network) -> ScaledRates:
    """Conductances and occupations of a network in a common unit that ignores outliers.

    Parameters
    ----------
    network : Network

    Returns
    -------
    ScaledRates

    Raises
    ------
    ParameterError
        If a conductance lies above `LARGEST_RATE` times the critical one.
    """
    rates = scaled_rates(
        network.link_i,
        network.link_j,
        network.log_conductance,
        network.log_occupation,
        network.terminals,
    )
    largest = rates.conductance.max(initial=0.0)
    if largest > LARGEST_RATE:
        raise ParameterError(
            f"conductances must lie below {LARGEST_RATE:.0e} times the critical conductance of the "
            f"sample, the largest lies at {largest:.0e} times it; raise the temperature or leave "
            "out close pairs of deep sites."
        )
    if rates.log_scale == 0.0:
        return rates
    return rates._replace(occupation=np.minimum(rates.occupation, LARGEST_RATE))


def count_electrons(network: Network, rates: ScaledRates) -> float:
    """The number of electrons N_e in the unit of the rates; inf where a float cannot hold it."""
    if rates.log_scale == 0.0:
        return float(rates.occupation.sum())
    log_occupation = network.log_occupation - rates.log_scale
    most = log_occupation.max()
    with np.errstate(over="ignore"):
        return float(np.exp(most + np.log(np.exp(log_occupation - most).sum())))


def current_in_unit(network: Network, rates: ScaledRates, current: Current) -> UnitCurrent:
    """The current of a network in the unit of its rates."""
    if rates.log_scale == 0.0:
        return UnitCurrent(current.drop, current.conductance, current.throughput)
    size, n = np.abs(rates.conductance * current.drop), network.n_sites
    throughput = 0.5 * (np.bincount(network.link_i, size, n) + np.bincount(network.link_j, size, n))
    conductance = float(np.exp(current.log_conductance - rates.log_scale))
    return UnitCurrent(current.drop, conductance, throughput)
