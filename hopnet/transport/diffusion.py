"""Diffusion: the diffusion constant of the carriers in a network."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import pandas as pd
from scipy.sparse import coo_array, csc_array, diags_array
from scipy.sparse.linalg import splu

from hopnet.checks import instance_of
from hopnet.errors import ParameterError
from hopnet.network.network import Network
from hopnet.transport.current import Current

__all__ = ["diffusion_constant", "diffusion_tensor", "einstein_diffusion"]

Number = TypeVar("Number", float, np.ndarray, pd.Series)


def einstein_diffusion(resistivity: Number, electrons: Number, area: float = 1.0) -> Number:
    """Diffusion constant from the sheet resistivity, by Einstein's relation.

    D = area / (resistivity electrons): the sheet conductance is the density of electrons times D.

    Parameters
    ----------
    resistivity : float or array, in rho_0
        Sheet resistivity.
    electrons : float or array
        Number of electrons in the area, sum_i n_i.
    area : float, in a_b^2
        The area; with 1, ``electrons`` is a density.

    Returns
    -------
    float or array, in a_b^2 / tau_0
    """
    return area / (resistivity * electrons)


def diffusion_constant(network: Network, current: Current) -> float:
    """Diffusion constant of a sample, from its resistivity by Einstein's relation.

    It gives the ratio L / sqrt(D tau_s). Where this ratio is large, f is that of the bulk.

    Parameters
    ----------
    network : Network
        The sample.
    current : Current
        The current of this network.

    Returns
    -------
    float, in a_b^2 / tau_0
    """
    instance_of("network", network, Network, "make it with hopnet.build_network")
    instance_of("current", current, Current, "make it with hopnet.solve_current")
    network.check_owns(current)
    sites = network.sites
    electrons = float(network.occupation.sum())
    return einstein_diffusion(current.resistivity, electrons, sites.volume)


def diffusion_tensor(network: Network) -> np.ndarray:
    """Diffusion tensor of an infinite sample, by linear response on a torus.

    D_ab = [sum over links of K R_a R_b - b_a (K^+ b_b)] / sum_i n_i, b_i = sum_j K_ij (R_j - R_i).

    Parameters
    ----------
    network : Network
        A torus.

    Returns
    -------
    float64[dim, dim], in a_b^2 / tau_0

    Notes
    -----
    The matrix is assembled, so digits are lost at densities below 0.01.
    """
    instance_of("network", network, Network, "make it with hopnet.build_network")
    if network.sites.geometry != "torus":
        raise ParameterError(
            f"diffusion_tensor needs geometry='torus', got {network.sites.geometry!r}; with "
            "contacts, use hopnet.transport.diffusion.diffusion_constant."
        )
    i, j, n = network.link_i, network.link_j, network.n_sites
    K = network.conductance
    R = network.separation
    b = np.stack([np.bincount(i, K * r, n) - np.bincount(j, K * r, n) for r in R.T])
    total = np.bincount(i, K, n) + np.bincount(j, K, n)
    off = coo_array((K, (i, j)), shape=(n, n))
    matrix = csc_array(diags_array(total) - off - off.T)
    ground = np.zeros(n, bool)
    ground[np.unique(network.cluster, return_index=True)[1]] = True
    free = np.flatnonzero(~ground)
    x = splu(csc_array(matrix[free][:, free])).solve(b[:, free].T)
    electrons = network.occupation.sum()
    return (R.T @ (K[:, None] * R) - b[:, free] @ x) / electrons
