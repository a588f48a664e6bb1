"""Checks of the arguments of the kinetic equations that depend on the sample."""

from __future__ import annotations

from typing import Any

import numpy as np

from hopnet.checks import array_of, shown
from hopnet.errors import ParameterError
from hopnet.network.network import Network

__all__ = ["axes_of", "check_anisotropy", "check_field", "check_generation", "check_site_times"]

# Largest difference between an element of the relaxation tensor and its mirror image, over the
# largest element. It allows for the rounding of a tensor that was rotated.
SYMMETRY = 1e-12

# Shortest and longest spin relaxation time, in tau_0. Rates n / tau_s and their squares must be
# floats; no physical time comes near.
TIMES = (1e-100, 1e100)


def axes_of(value: Any) -> int:
    """Number of axes of an argument; 0 where it has none, 1 for lists of unequal lengths."""
    try:
        return np.ndim(value)
    except (TypeError, ValueError):
        return int(isinstance(value, list | tuple))


def check_site_times(network: Network, tau_s: Any) -> np.ndarray:
    """float64[n_sites]: spin relaxation times, one for each site, within `TIMES`.

    Parameters
    ----------
    network : Network
    tau_s : float or array_like[n_sites], in tau_0
    """
    n = network.n_sites
    hint = "give times in tau_0; for tau_s = 0 use f_curve(...).f_drift"
    times = array_of("tau_s", tau_s, low=TIMES[0], high=TIMES[1], hint=hint)
    if times.shape[0] not in (1, n) or (times.shape[0] != n and axes_of(tau_s) > 0):
        raise ParameterError(
            f"tau_s must be one time or one for each of the {n} sites, got {times.shape[0]} "
            "times; for a scan call the function once for each value."
        )
    return np.broadcast_to(times, (n,)).copy()


def check_generation(network: Network, generation: Any) -> np.ndarray:
    """float64[n_sites, 3]: spin given per time to each electron, in 1/tau_0.

    Parameters
    ----------
    network : Network
    generation : array_like[3] or [n_sites, 3], or None for no generation
    """
    n = network.n_sites
    if generation is None:
        return np.broadcast_to(0.0, (n, 3))
    rate = array_of(
        "generation",
        generation,
        shape=(n, 3) if axes_of(generation) > 1 else (3,),
        hint=f"give a vector, or one for each of the {n} sites, in 1/tau_0; (0, s_0 / tau_s, 0) "
        "gives spin along y",
    )
    return np.broadcast_to(rate, (n, 3))


def check_field(network: Network, field: Any) -> np.ndarray:
    """float64[3] or [n_sites, 3]: precession frequency of all sites or of each, in 1/tau_0.

    Parameters
    ----------
    network : Network
    field : array_like[3] or [n_sites, 3]
    """
    n = network.n_sites
    if axes_of(field) > 1:
        hint = (
            f"give one vector for each of the {n} sites of this network (hn.overhauser_fields "
            "makes them), in 1/tau_0"
        )
        return array_of("field", field, shape=(n, 3), hint=hint)
    hint = "give all three components, in 1/tau_0, or one vector for each site"
    return array_of("field", field, shape=(3,), hint=hint)


def check_anisotropy(anisotropy: Any) -> np.ndarray:
    """float64[3, 3]: relaxation tensor in units of 1/tau_s, symmetric and positive definite.

    Parameters
    ----------
    anisotropy : array_like[3] or [3, 3]
    """
    hint = "give three rates (x, y, z) or a symmetric 3x3 tensor; (1, 1, 1) is isotropic"
    shape = (3, 3) if axes_of(anisotropy) > 1 else (3,)
    tensor = array_of("anisotropy", anisotropy, shape=shape, hint=hint)
    if tensor.ndim == 1:
        tensor = np.diag(tensor)
    symmetric = np.abs(tensor - tensor.T).max() <= SYMMETRY * np.abs(tensor).max()
    if not (symmetric and np.linalg.eigvalsh(tensor)[0] > 0):
        raise ParameterError(
            "anisotropy must hold three positive rates or a symmetric positive 3x3 tensor, in "
            f"1/tau_s, got {shown(anisotropy)}; {hint}."
        )
    return 0.5 * (tensor + tensor.T)
