"""The unit in which the equations of a sample are solved, and the potentials of its sites."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order, minimum_spanning_tree

from hopnet.elimination.scaling import ScaledRates, scaled_rates
from hopnet.errors import ParameterError
from hopnet.network.network import Network
from hopnet.transport.current import Current

__all__ = ["UnitCurrent", "count_electrons", "current_in_unit", "find_rates", "site_potential"]

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
