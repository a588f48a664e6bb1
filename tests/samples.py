"""Samples that several tests share."""

from functools import cache

import numpy as np

import hopnet as hn
from hopnet.network.network import join_sites

# The reference network: N = 12, L = 10, site 0 at potential 1, site 11 at 0, current along x.
TWELVE = np.array(
    [
        [0.0, 3.2],
        [1.1, 5.4],
        [1.9, 1.7],
        [2.6, 4.1],
        [3.3, 7.2],
        [4.2, 2.9],
        [4.8, 5.5],
        [5.7, 0.8],
        [6.4, 3.9],
        [6.9, 7.0],
        [8.1, 2.2],
        [9.0, 4.6],
    ]
)
COUPLING = np.array([[0.0, 0.07], [0.04, 0.0]])  # its half-angles per a_b


def dense_sites(position, side):
    """Sites in a square, which may be denser than hopping likes."""
    return hn.sites_from_positions(position, length=side, width=side)


def twelve_sites(cutoff_radius):
    """The reference network of 12 sites at a given cutoff."""
    return hn.build_network(
        dense_sites(TWELVE, 10.0), cutoff_radius=cutoff_radius, contacts=([0], [11])
    )


def phonon_network(position, energy, kT, contacts=([0], [-1]), side=10.0):
    """All pairs joined; 1/tau_ij = exp(-2R) x N(x), emission x (N(x) + 1), x = |step| / kT."""
    n = len(position)
    i, j = np.triu_indices(n, 1)
    x = np.abs(energy[i] - energy[j]) / kT
    emission = np.where(x > 0, x / -np.expm1(-np.where(x > 0, x, 1.0)), 1.0)
    upper = np.maximum(energy[i], energy[j]) - energy.min()
    log_K = -2 * np.hypot(*(position[i] - position[j]).T) - upper / kT + np.log(emission)
    source, drain = (np.array(c) % n for c in contacts)
    return join_sites(
        dense_sites(position, side),
        i,
        j,
        log_K,
        contacts=(source, drain),
        log_occupation=-(energy - energy.min()) / kT,
    )


def twelve(disorder):
    """The reference network, all pairs, with site energies eps_i = 0.1 i cos(i), kT = 0.5."""
    number = np.arange(12)
    return phonon_network(TWELVE, disorder * 0.1 * number * np.cos(number), 0.5)


@cache
def random_network(n_sites, density, seed, geometry="open", contacts="x", aspect=1.0):
    """A random network; cached, since records cannot be changed."""
    sites = hn.random_sites(n_sites, density=density, seed=seed, geometry=geometry, aspect=aspect)
    return hn.build_network(sites, contacts=contacts, cutoff=1.5)
