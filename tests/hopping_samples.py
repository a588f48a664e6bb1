"""Small networks with phonon-assisted rates, for the tests of the kinetic equations."""

import warnings

import numpy as np

from hopnet.errors import ValidityWarning
from hopnet.network import join_sites
from hopnet.sites import sites_from_positions

TWELVE = np.array([
    [0.0, 3.2], [1.1, 5.4], [1.9, 1.7], [2.6, 4.1], [3.3, 7.2], [4.2, 2.9],
    [4.8, 5.5], [5.7, 0.8], [6.4, 3.9], [6.9, 7.0], [8.1, 2.2], [9.0, 4.6],
])  # fmt: skip
COUPLING = np.array([[0.0, 0.07], [0.04, 0.0]])


def phonon_network(position, energy, kT, contacts=([0], [-1]), side=10.0):
    """All pairs joined; 1/tau_ij = exp(-2R) x N(x), emission x (N(x) + 1), x = |step| / kT."""
    n = len(position)
    i, j = np.triu_indices(n, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ValidityWarning)  # these samples are dense
        sites = sites_from_positions(position, length=side, width=side)
    x = np.abs(energy[i] - energy[j]) / kT
    emission = np.where(x > 0, x / -np.expm1(-np.where(x > 0, x, 1.0)), 1.0)
    upper = np.maximum(energy[i], energy[j]) - energy.min()
    log_K = -2 * np.hypot(*(position[i] - position[j]).T) - upper / kT + np.log(emission)
    source, drain = (np.array(c) % n for c in contacts)
    return join_sites(sites, i, j, log_K, contacts=(source, drain),
                      log_occupation=-(energy - energy.min()) / kT)  # fmt: skip


def twelve(disorder):
    number = np.arange(12)
    return phonon_network(TWELVE, disorder * 0.1 * number * np.cos(number), 0.5)
