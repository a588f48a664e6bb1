"""Gamma and Lambda summed over the triads of a network, and what spins do to potentials."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hopnet.elimination import analyse, factor, thread_count
from hopnet.kernels import coefficients as coefficient_kernels
from hopnet.kernels import kinetics as kernels
from hopnet.network import Network
from hopnet.triads import hop_table, spin_orbit_determinant, sum_over_triads


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

    def torque(self, drop):
        """Torque on every spin [hopping S27] and the moment of its z part over R."""

        def part(_, link):
            value, moment = np.empty((link.shape[0], 3, 3)), np.empty(2)
            coefficient_kernels.fill_torque(link, *self.arrays, drop, value, moment)
            return value, moment

        torque = np.empty((self.network.n_sites, 3))
        return torque, sum_over_triads(self.network, part, torque, self.threads)

    def feedback(self, drop, sigma):
        """Flow that spins drive into every site, and the short-circuit current by components."""
        sigma = np.ascontiguousarray(sigma)

        def part(site, link):
            value, current = np.empty((site.shape[0], 3, 1)), np.empty(3)
            coefficient_kernels.fill_feedback(site, link, *self.arrays, drop, sigma, value, current)
            return value, current

        source = np.empty((self.network.n_sites, 1))
        current = sum_over_triads(self.network, part, source, self.threads)
        return source[:, 0], current


def find_coupling(network, matrix, eta, threads=None):
    """The `Coupling` of a network."""
    arrays = (
        network.separation, spin_orbit_determinant(matrix), hop_table(network, matrix), eta
    )  # fmt: skip
    return Coupling(network, arrays, threads or thread_count())


def feedback_solver(network, threads):
    """A function that gives the link drops made by flows fed into sites, contacts held at zero."""
    terminal = np.full(network.n_sites, -1)
    terminal[network.isolated] = -2
    terminal[network.source] = 0
    terminal[network.drain] = 1
    symbolic = analyse(network.dissection, network.link_i, network.link_j, terminal)
    scale = network.log_conductance.max()
    factored = factor(symbolic, np.exp(network.log_conductance - scale), threads=threads)

    def response(flow):
        return factored.link_drops(network.n_links, (0.0, 0.0), rhs=flow * np.exp(-scale))

    return response


def precession_torque(network, rotation, sigma):
    """sum_j K_ij (R_ij - 1) sigma_j at every site: what precession during hops does."""
    out = np.empty((network.n_sites, 3))
    conductance = np.exp(network.log_conductance)
    sigma = np.ascontiguousarray(sigma)
    kernels.sum_precession(network.link_i, network.link_j, conductance, rotation, sigma, out)
    return out
