"""Diffusion: the diffusion constant of carriers in the network."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array, csc_array, diags_array
from scipy.sparse.linalg import splu

from hopnet.errors import ParameterError


def diffusion_constant(network, current):
    """D in a_b^2 / tau_0, from the conductance of the sample by Einstein's relation.

    D = (conductance length / width) / (sum_i n_i / area). It sets L / sqrt(D tau_s), which says
    whether f at large tau_s is that of the bulk.

    Parameters
    ----------
    network : Network
    current : Current

    Returns
    -------
    float
    """
    network.check_owns(current)
    sites = network.sites
    electrons = float(network.occupation.sum())
    return sites.length * sites.width / (current.resistivity * electrons)


def diffusion_tensor(network):
    """D of an endless sample, by linear response on a torus.

    D_ab = [sum over links of K R_a R_b - b_a (K^+ b_b)] / sum_i n_i, b_i = sum_j K_ij (R_j - R_i).

    Parameters
    ----------
    network : Network
        On a torus.

    Returns
    -------
    float64[2, 2], in a_b^2 / tau_0

    Notes
    -----
    By an assembled sparse matrix: for densities of 0.01 or more (digits are lost below).
    """
    if network.sites.geometry != "torus":
        raise ParameterError(
            f"diffusion_tensor needs geometry='torus', got {network.sites.geometry!r}; with "
            "contacts, use hopnet.transport.diffusion.diffusion_constant."
        )
    i, j, n = network.link_i, network.link_j, network.n_sites
    K = network.conductance
    R = network.separation
    b = np.stack([np.bincount(i, K * R[:, a], n) - np.bincount(j, K * R[:, a], n) for a in (0, 1)])
    total = np.bincount(i, K, n) + np.bincount(j, K, n)
    off = coo_array((K, (i, j)), shape=(n, n))
    matrix = csc_array(diags_array(total) - off - off.T)
    ground = np.zeros(n, bool)
    ground[np.unique(network.cluster, return_index=True)[1]] = True
    free = np.flatnonzero(~ground)
    x = splu(csc_array(matrix[free][:, free])).solve(b[:, free].T)
    electrons = network.occupation.sum()
    return (R.T @ (K[:, None] * R) - b[:, free] @ x) / electrons
