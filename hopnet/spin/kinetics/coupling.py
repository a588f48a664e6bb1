"""Gamma and Lambda summed over the triads of a network, and what spins do to potentials."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hopnet.elimination.symbolic import analyse
from hopnet.elimination.symmetric import factor
from hopnet.kernels import coefficients as kernels
from hopnet.network.network import Network
from hopnet.network.triads import sum_over_triads
from hopnet.spin.coefficients import hop_table, spin_orbit_determinant
from hopnet.threads import thread_count


@dataclass(frozen=True, eq=False)
class Coupling:
    """Gamma and Lambda of a network, ready to be summed over its triads.

    Attributes
    ----------
    network : Network
    arrays : tuple
        What the kernels of `hopnet.kernels.coefficients` take before the drops.
    threads : int
    """

    network: Network
    arrays: tuple
    threads: int

    @property
    def hops(self) -> np.ndarray:
        """float64[n_links, 6]: `hopnet.spin.coefficients.hop_table`."""
        return self.arrays[2]

    def torque(self, drop):
        """Torque on every spin [hopping S27], how far spins reach, and a moment.

        Returns
        -------
        torque : float64[n_sites, 3]
        reach : float64[n_sites]
            Largest flow into a site that spins sigma of length 1 around it could drive.
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

    def feedback(self, drop, sigma, at=None):
        """Flow that spins drive into every site, and the short-circuit current by components.

        With sites ``at`` only the triads of these are summed: flows into other sites, and the
        current, are then parts of the whole.
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

    def precession(self, conductance, sigma):
        """sum_j K_ij (R_ij - 1) sigma_j at every site: what precession during hops does."""
        network, out = self.network, np.empty((self.network.n_sites, 3))
        kernels.sum_precession(
            network.link_i, network.link_j, conductance, self.hops, np.ascontiguousarray(sigma), out
        )
        return out


def sites_below(network, sites):
    """The sites and their lower neighbours, ascending: the lowest sites of all their triads."""
    chosen = np.zeros(network.n_sites, bool)
    chosen[sites] = True
    below = network.link_i[chosen[network.link_j]]
    chosen[below] = True
    return np.flatnonzero(chosen)


def find_coupling(network, matrix, eta, threads=None):
    """The `Coupling` of a network."""
    threads = thread_count(threads)
    hops = hop_table(network, matrix, threads)
    arrays = (network.separation, spin_orbit_determinant(matrix), hops, eta)
    return Coupling(network, arrays, threads)


def feedback_solver(network, threads):
    """A function that gives the link drops made by flows fed into sites, contacts held at zero."""
    symbolic = analyse(network.dissection, network.link_i, network.link_j, network.terminals)
    scale = network.log_conductance.max()
    factored = factor(symbolic, np.exp(network.log_conductance - scale), threads=threads)

    def response(flow):
        return factored.link_drops(network.n_links, (0.0, 0.0), rhs=flow * np.exp(-scale))

    return response
