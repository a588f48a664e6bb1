"""Samples that several tests share."""

from functools import cache

import numpy as np

import hopnet as hn

# The reference network: N = 12, L = 10, site 0 at potential 1, site 11 at 0, current along x.
TWELVE = np.array([
    [0.0, 3.2], [1.1, 5.4], [1.9, 1.7], [2.6, 4.1], [3.3, 7.2], [4.2, 2.9],
    [4.8, 5.5], [5.7, 0.8], [6.4, 3.9], [6.9, 7.0], [8.1, 2.2], [9.0, 4.6],
])  # fmt: skip


def twelve_sites(cutoff_radius):
    """The reference network of 12 sites at a given cutoff."""
    import warnings

    with warnings.catch_warnings():  # 12 sites on 100 a_b^2 is denser than hopping likes
        warnings.simplefilter("ignore", hn.ValidityWarning)
        sites = hn.sites_from_positions(TWELVE, length=10, width=10)
    return hn.build_network(sites, cutoff_radius=cutoff_radius, contacts=([0], [11]))


@cache
def random_network(n_sites, density, seed, geometry="open", contacts="x", aspect=1.0):
    """A random network; cached, since records cannot be changed."""
    sites = hn.random_sites(n_sites, density=density, seed=seed, geometry=geometry, aspect=aspect)
    return hn.build_network(sites, contacts=contacts)
