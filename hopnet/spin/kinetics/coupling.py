"""Gamma and Lambda summed over the triads of a network, and the potentials that spins cause."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hopnet.elimination.scaling import ScaledRates, scaled_conductance
from hopnet.elimination.symbolic import analyse
from hopnet.elimination.symmetric import factor
from hopnet.kernels import coefficients as kernels
from hopnet.network.network import INNER, Network
from hopnet.network.triads import sum_over_triads
from hopnet.records import Record
from hopnet.spin.coefficients import hop_table, spin_orbit_determinant
from hopnet.spin.kinetics.unit import find_rates
from hopnet.threads import thread_count
from hopnet.transport.balance import net_flow

__all__ = ["Coupling", "feedback_solver", "find_coupling", "reciprocal_current"]


@dataclass(frozen=True, eq=False)
class Coupling(Record):
    """Gamma and Lambda of a network, to be summed over its triads.

    Attributes
    ----------
    network : Network
    rates : ScaledRates
        K_ij and n_i in their common unit, which is also the unit of all sums over triads.
    arrays : tuple
        The arguments that the kernels of `hopnet.kernels.coefficients` take before the drops:
        separation of the links, det M, table of hops, eta.
    threads : int
    """

    network: Network
    rates: ScaledRates
    arrays: tuple[np.ndarray, float, np.ndarray, float]
    threads: int

    @property
    def hops(self) -> np.ndarray:
        """float64[n_links, 6]: the table from `hopnet.spin.coefficients.hop_table`."""
        return self.arrays[2]

    def torque(self, drop: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Torque on every spin [hopping S27], the reach of spins, and a moment.

        Parameters
        ----------
        drop : float64[n_links]
            X_i - X_j.

        Returns
        -------
        torque : float64[n_sites, 3]
        reach : float64[n_sites]
            Largest flow into a site that neighbouring spins sigma of length 1 could drive.
        moment : float64[2]
            Sum of R_i times the z part of the torque.
        """

        def part(_, link):
            value, moment = np.empty((link.shape[0], 3, 4)), np.empty(2)
            kernels.fill_torque(link, *self.arrays, drop, value, moment)
            return value, moment

        sums = np.empty((self.network.n_sites, 4))
        moment = sum_over_triads(self.network, part, sums, self.threads)
        return sums[:, :3].copy(), sums[:, 3].copy(), moment

    def feedback(
        self, drop: np.ndarray, sigma: np.ndarray, at: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Flow that spins drive into every site, and the short-circuit current by components.

        Parameters
        ----------
        drop : float64[n_links]
            Drops of the network at unit bias.
        sigma : float64[n_sites, 3]
            S_i / n_i.
        at : int64 array, optional
            Sum only the triads of these sites. Flows into other sites, and the current, are then
            incomplete.

        Returns
        -------
        flow : float64[n_sites]
        current : float64[3]
        """
        network, sigma = self.network, np.ascontiguousarray(sigma)
        lowest = None if at is None else sites_below(network, at)

        def part(site, link):
            value, current = np.empty((site.shape[0], 3, 1)), np.empty(3)
            kernels.fill_feedback(site, link, *self.arrays, drop, sigma, value, current)
            return value, current

        source = np.empty((network.n_sites, 1))
        current = sum_over_triads(network, part, source, self.threads, lowest)
        return source[:, 0], current

    def precession(self, sigma: np.ndarray) -> np.ndarray:
        """float64[n_sites, 3]: sum_j K_ij (R_ij - 1) sigma_j, the torque of precession in hops."""
        network, out = self.network, np.empty((self.network.n_sites, 3))
        kernels.sum_precession(
            network.link_i,
            network.link_j,
            self.rates.conductance,
            self.hops,
            np.ascontiguousarray(sigma),
            out,
        )
        return out


def sites_below(network: Network, sites: np.ndarray) -> np.ndarray:
    """The sites and their lower neighbours, ascending: the lowest sites of all their triads."""
    chosen = np.zeros(network.n_sites, bool)
    chosen[sites] = True
    below = network.link_i[chosen[network.link_j]]
    chosen[below] = True
    return np.flatnonzero(chosen)


def find_coupling(
    network: Network, matrix: np.ndarray, eta: float, threads: int | None = None
) -> Coupling:
    """The `Coupling` of a network.

    Parameters
    ----------
    network : Network
    matrix : float64[2, 2]
        M = m a_b beta / hbar^2.
    eta : float
        hbar / (J_0 tau_0).
    threads : int, optional

    Returns
    -------
    Coupling
    """
    threads, rates = thread_count(threads), find_rates(network)
    hops = hop_table(network, matrix, threads, rates.log_scale)
    arrays = (network.separation, spin_orbit_determinant(matrix), hops, eta)
    return Coupling(network, rates, arrays, threads)


def feedback_solver(coupling: Coupling) -> Callable[[np.ndarray], np.ndarray]:
    """A function that returns the link drops caused by flows fed into sites, contacts at zero.

    Flows are in the unit of the rates. The net flow that remains at each site is fed into the same
    factor once more, as in `hopnet.transport.current.solve_current`: this makes the flows of side
    loops accurate too.
    """
    network, rates = coupling.network, coupling.rates
    terminal = network.terminals
    symbolic = analyse(network.dissection, network.link_i, network.link_j, terminal)
    conductance, log_scale = scaled_conductance(
        network.link_i, network.link_j, network.log_conductance, terminal
    )
    factored = factor(symbolic, conductance, threads=coupling.threads)
    unit = np.exp(rates.log_scale - log_scale)
    inner = terminal == INNER

    def response(flow):
        fed = flow * unit
        drop = factored.link_drops(network.n_links, (0.0, 0.0), rhs=fed)
        left_over = np.where(inner, fed - net_flow(network, conductance * drop), 0.0)
        return drop + factored.link_drops(network.n_links, (0.0, 0.0), rhs=left_over)

    return response


def reciprocal_current(torque: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """float64[3]: the current that the components of spins drive [hopping S39].

    Parameters
    ----------
    torque : float64[n_sites, 3]
        Torque of a unit bias.
    sigma : float64[n_sites, 3]
        S_i / n_i.
    """
    return 4.0 * (torque * sigma).sum(axis=0)
