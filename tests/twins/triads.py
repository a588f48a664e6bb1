"""Plain twins of kernels/triads.py, from the equations [hopping S42], [hopping S44]."""

from itertools import combinations

import numpy as np


def fill_triads(link):
    """All i < j < k whose three links are there; ``link`` maps (i, j) to its number."""
    sites = sorted({site for pair in link for site in pair})
    return [
        (i, j, k)
        for i, j, k in combinations(sites, 3)
        if (i, j) in link and (i, k) in link and (j, k) in link
    ]


def add_to_sites(site, value, n_sites):
    """Sum of the contributions of the triads to each site."""
    out = np.zeros((n_sites, value.shape[2]))
    for triad, parts in zip(site, value):
        for i, part in zip(triad, parts):
            out[i] += part
    return out


def sum_generation(triads, vector, rate, occupation, potential, across):
    """gamma of every site and sum of y gamma, each process (i, k, j) on its own.

    ``vector(i, j)`` is R_i - R_j, ``rate(i, j)`` the rate 1 / tau_ij of the hop j -> i. With J_ij =
    exp(-R_ij) the strength is n_j Q'_ikj / eta of [hopping S21]; gamma_i is -(3/2) of it times
    2 A_ikj (X_j - X_k) [hopping S44].
    """

    def J(i, j):
        return np.exp(-np.hypot(*vector(i, j)))

    gamma = np.zeros(len(potential))
    moment = 0.0
    for triad in triads:
        origin = triad[0]
        for i, k, j in (triad, (triad[1], triad[2], triad[0]), (triad[2], triad[0], triad[1])):
            r_ki, r_ij = vector(k, i), vector(i, j)
            double_area = r_ki[0] * r_ij[1] - r_ki[1] * r_ij[0]
            strength = (
                occupation[j]
                / 24
                * (
                    J(i, j) / (J(k, j) * J(k, i)) * rate(i, k) * rate(k, j)
                    + J(j, k) / (J(i, j) * J(k, i)) * rate(k, i) * rate(i, j)
                    + J(i, k) / (J(i, j) * J(k, j)) * rate(i, j) * rate(k, j)
                )
            )
            flow = -3 / 2 * strength * double_area * (potential[j] - potential[k])
            gamma[i] += flow
            moment += flow * (np.dot(vector(i, origin), across) if i != origin else 0.0)
    return gamma, moment
