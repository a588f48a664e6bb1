"""Gamma and Lambda summed over the triads of a network, and what spins do to potentials."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hopnet.elimination import analyse, factor
from hopnet.kernels import coefficients as coefficient_kernels
from hopnet.kernels import kinetics as kernels
from hopnet.network import Network
from hopnet.triads import hop_table, spin_orbit_determinant


@dataclass(frozen=True, eq=False)
class Coupling:
    """Gamma and Lambda of a network, ready to be summed over its triads.

    Attributes
    ----------
    network : Network
    arrays : tuple
        What the kernels of `hopnet.kernels.coefficients` take before the drops.
    """

    network: Network
    arrays: tuple

    def torque(self, drop):
        """Torque on every spin [hopping S27] and the moment of its z part over R."""
        torque = np.empty((self.network.n_sites, 3))
        moment = np.empty(2)
        coefficient_kernels.sum_torque(*self.arrays, drop, torque, moment)
        return torque, moment

    def feedback(self, drop, sigma):
        """Flow that spins drive into every site, and the short-circuit current by components."""
        source = np.empty(self.network.n_sites)
        current = np.empty(3)
        sigma = np.ascontiguousarray(sigma)
        coefficient_kernels.sum_feedback(*self.arrays, drop, sigma, source, current)
        return source, current


def find_coupling(network, matrix, eta):
    """The `Coupling` of a network."""
    arrays = (
        network.row_start, network.row_neighbour, network.row_link, network.separation,
        spin_orbit_determinant(matrix), hop_table(network, matrix), network.log_occupation, eta,
    )  # fmt: skip
    return Coupling(network, arrays)


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
