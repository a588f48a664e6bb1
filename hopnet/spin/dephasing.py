"""Dyakonov-Perel relaxation of a uniform spin by hops that turn it, from all modes of a sample."""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq

from hopnet.errors import ParameterError
from hopnet.spin.coefficients import check_spin_orbit
from hopnet.spin.kinetics.matrix import hopping_block
from hopnet.spin.response import DENSE_SITES, check_axis


def dephasing_modes(network, spin_orbit, direction):
    """Rates at which a uniform orientation decays, and the share of each: dense, sums to 1."""
    if network.n_sites > DENSE_SITES:
        raise ParameterError(
            f"dephasing takes up to {DENSE_SITES} sites (dense matrices), got {network.n_sites}; "
            "take a smaller sample."
        )
    direction = check_axis("direction", direction)
    if direction.shape != (3,) or not np.any(direction):
        raise ParameterError(
            f"direction must have three components, not all zero, got {direction}; mend it."
        )
    direction = direction / np.linalg.norm(direction)
    root = np.repeat(np.exp(0.5 * network.log_occupation), 3)
    block = hopping_block(network, check_spin_orbit(spin_orbit), "rotation").toarray()
    rate, mode = np.linalg.eigh(block / root[:, None] / root[None, :])
    weight = (mode.T @ (root * np.tile(direction, network.n_sites))) ** 2
    return np.maximum(rate, 0.0), weight / weight.sum()


def dephasing(network, spin_orbit, direction, time):
    """Mean spin left of a uniform orientation under hopping with full rotations, dense.

    Parameters
    ----------
    network : Network
        Up to 1000 sites, any geometry.
    spin_orbit : array_like[2, 2]
    direction : array_like[3]
    time : array_like >= 0, in tau_0

    Returns
    -------
    float64[n]
        (mean spin at t) . direction, 1 at t = 0. It falls at first at the mean rate of
        `hopnet.spin.kinetics.precession_rate`; sites with slow hops follow later. [hopping S28]
    """
    rate, weight = dephasing_modes(network, spin_orbit, direction)
    return np.exp(-np.multiply.outer(check_axis("time", time, least=0.0), rate)) @ weight


def dephasing_time(network, spin_orbit, direction):
    """Dyakonov-Perel time, measured: when a uniform orientation is down to 1/e [hopping S28].

    Parameters
    ----------
    network : Network
        Up to 1000 sites. A torus stands for the bulk: in a sample smaller than the length over
        which a spin turns, edges keep it from relaxing.
    spin_orbit : array_like[2, 2]
    direction : array_like[3]

    Returns
    -------
    float, in tau_0
        inf if the orientation does not fall to 1/e.

    Notes
    -----
    In units of the estimate tau_0 / phi^2 of (S28); Rashba coupling, phi = M = 0.013, in-plane
    spin, torus of 600 sites, mean and (standard deviation) of 8 samples; beside it 1 / (4 D phi^2),
    relaxation by diffusion, and the inverse of the mean rate of hops:

    =========  ==========  ============  =========
    n_s a_b^2  measured    by diffusion  mean rate
    =========  ==========  ============  =========
    1          0.590(20)   0.594(14)     0.458
    0.5        1.377(74)   1.387(47)     0.859
    0.2        8.3(1.2)    8.3(0.8)      2.23
    0.1        42(10)      42(7)         4.29
    0.05       510(220)    540(190)      8.5
    =========  ==========  ============  =========

    The estimate holds for n_s a_b^2 near 1, as it is meant. Below, a spin forgets by crossing the
    sample, not by hops to and fro between close sites, and lives longer by 1 / D. With phi = 0.1
    the close pairs begin to count, and the time at 0.2, 0.1, 0.05 is 6.8, 27, 180.
    """
    rate, weight = dephasing_modes(network, spin_orbit, direction)
    mean = float(rate @ weight)
    late = 1e12 / mean if mean > 1e-12 * rate.max(initial=0.0) else np.inf

    def left(log_time):
        return float(np.exp(-np.exp(log_time) * rate) @ weight) - np.exp(-1.0)

    if not np.isfinite(late) or left(np.log(late)) > 0:
        return np.inf
    return float(np.exp(brentq(left, np.log(0.1 / mean), np.log(late), xtol=1e-12)))
