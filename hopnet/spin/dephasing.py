"""Dyakonov-Perel relaxation of a uniform spin by hops that turn it, from all modes of a sample.

Nothing else in the package uses these functions. They are for users and tests: they measure the
estimate [hopping S28], which `hopnet.Material` takes from the letter.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq

from hopnet.checks import array_of, instance_of
from hopnet.errors import ParameterError
from hopnet.network.network import Network
from hopnet.spin.coefficients import check_spin_orbit
from hopnet.spin.kinetics.matrix import hopping_block

__all__ = ["DENSE_SITES", "dephasing", "dephasing_time"]

# Largest number of sites for dense matrices of three spin components per site. 1000 sites take
# 72 MB per matrix and some seconds; twice as many take four times the memory, eight times the time.
DENSE_SITES = 1000


def dephasing_modes(
    network: Network, spin_orbit: ArrayLike, direction: ArrayLike
) -> tuple[np.ndarray, np.ndarray]:
    """Rates at which a uniform orientation decays, and the share of each (their sum is 1)."""
    instance_of("network", network, Network, "make it with hopnet.build_network")
    if network.n_sites > DENSE_SITES:
        raise ParameterError(
            f"dephasing takes up to {DENSE_SITES} sites (dense matrices), got {network.n_sites}; "
            "take a smaller sample."
        )
    direction = array_of("direction", direction, shape=(3,), hint="give three components")
    if not np.any(direction):
        raise ParameterError(
            f"direction must have a component that is not zero, got {direction}; correct it."
        )
    direction = direction / np.linalg.norm(direction)
    root = np.repeat(np.exp(0.5 * network.log_occupation), 3)
    block = hopping_block(network, check_spin_orbit(spin_orbit), "rotation").toarray()
    rate, mode = np.linalg.eigh(block / root[:, None] / root[None, :])
    weight = (mode.T @ (root * np.tile(direction, network.n_sites))) ** 2
    return np.maximum(rate, 0.0), weight / weight.sum()


def dephasing(
    network: Network, spin_orbit: ArrayLike, direction: ArrayLike, time: ArrayLike
) -> np.ndarray:
    """Mean spin that remains of a uniform orientation under hopping with rotations [hopping S28].

    Parameters
    ----------
    network : Network
        A network of up to 1000 sites, in any geometry (dense matrices).
    spin_orbit : array_like[2, 2]
        The matrix M of half-angles per a_b.
    direction : array_like[3]
        The direction of all spins at t = 0.
    time : array_like >= 0, in tau_0
        The times at which the spin is wanted.

    Returns
    -------
    float64[n]
        (mean spin at t) . direction, which is 1 at t = 0. It falls at first at the mean rate of
        `hopnet.spin.kinetics.precession_rate`; sites with slow hops follow later.
    """
    rate, weight = dephasing_modes(network, spin_orbit, direction)
    time = array_of("time", time, low=0.0, hint="give times in tau_0")
    return np.exp(-np.multiply.outer(time, rate)) @ weight


def dephasing_time(network: Network, spin_orbit: ArrayLike, direction: ArrayLike) -> float:
    """Dyakonov-Perel time: a uniform orientation has then decayed to 1/e [hopping S28].

    Parameters
    ----------
    network : Network
        A network of up to 1000 sites. A torus stands for the bulk: in a sample smaller than the
        length over which a spin turns, edges keep the spin from relaxing.
    spin_orbit : array_like[2, 2]
        The matrix M of half-angles per a_b.
    direction : array_like[3]
        The direction of all spins at t = 0.

    Returns
    -------
    float, in tau_0
        inf if the orientation does not fall to 1/e.

    Notes
    -----
    The table is in units of the estimate tau_0 / phi^2 of (S28), for Rashba coupling with
    phi = M = 0.013, a spin in the plane and a torus of 600 sites. It gives the mean and (standard
    deviation) of 8 samples, the time 1 / (4 D phi^2) of relaxation by diffusion, and the inverse of
    the mean rate of hops:

    =========  ==========  ============  =========
    n_s a_b^2  measured    by diffusion  mean rate
    =========  ==========  ============  =========
    1          0.590(20)   0.594(14)     0.458
    0.5        1.377(74)   1.387(47)     0.859
    0.2        8.3(1.2)    8.3(0.8)      2.23
    0.1        42(10)      42(7)         4.29
    0.05       510(220)    540(190)      8.5
    =========  ==========  ============  =========

    The estimate holds for n_s a_b^2 near 1, the density that it is made for. At lower density a
    spin relaxes by diffusion through the sample and not by hops back and forth between close sites,
    and its lifetime grows as 1 / D. With phi = 0.1 the close pairs begin to contribute, and the
    time at 0.2, 0.1, 0.05 is 6.8, 27, 180.
    """
    rate, weight = dephasing_modes(network, spin_orbit, direction)
    mean = float(rate @ weight)
    late = 1e12 / mean if mean > 1e-12 * rate.max(initial=0.0) else np.inf

    def left(log_time):
        return float(np.exp(-np.exp(log_time) * rate) @ weight) - np.exp(-1.0)

    if not np.isfinite(late) or left(np.log(late)) > 0:
        return np.inf
    return float(np.exp(brentq(left, np.log(0.1 / mean), np.log(late), xtol=1e-12)))
