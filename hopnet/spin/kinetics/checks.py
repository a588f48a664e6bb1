"""What the kinetic equations may be asked: shapes and ranges, each in one sentence."""

from __future__ import annotations

import numpy as np

from hopnet.errors import ParameterError


def as_numbers(value):
    """``value`` as float64 array, or an empty one if it does not consist of numbers."""
    try:
        return np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        return np.full((0,), np.nan)


def check_number(name, value):
    """A finite float."""
    number = as_numbers(value)
    if number.shape != () or not np.isfinite(number):
        raise ParameterError(f"{name} must be one finite number, got {value!r}; give a number.")
    return float(number)


def check_vector(name, value):
    """Three finite components."""
    vector = as_numbers(value)
    if vector.shape != (3,) or not np.all(np.isfinite(vector)):
        raise ParameterError(
            f"{name} must be a 3-vector (x, y, z) of finite numbers, got {value!r}; "
            "give all three components."
        )
    return vector


def check_site_times(network, tau_s):
    """Spin relaxation times, positive and finite, one for every site."""
    times = as_numbers(tau_s)
    if times.shape not in ((), (network.n_sites,)):
        raise ParameterError(
            f"tau_s must be one time or one for each of the {network.n_sites} sites, "
            f"got shape {times.shape}; call solve_kinetics once for every value of a scan."
        )
    if not (np.all(np.isfinite(times)) and np.all(times > 0)):
        raise ParameterError(
            f"tau_s must be positive and finite, in tau_0, got {np.min(times):g} (smallest); "
            "for tau_s = 0 use f_drift."
        )
    return np.broadcast_to(times, (network.n_sites,)).copy()


def check_generation(network, generation):
    """Spin per electron and time: float64[n_sites, 3]."""
    if generation is None:
        return np.broadcast_to(0.0, (network.n_sites, 3))
    rate = as_numbers(generation)
    if rate.shape not in ((3,), (network.n_sites, 3)) or not np.all(np.isfinite(rate)):
        raise ParameterError(
            f"generation must be finite, of shape [3] or [{network.n_sites}, 3] (spin per electron "
            f"and time), got shape {rate.shape}; give (0, s_0 / tau_s, 0) for spin along y."
        )
    return np.broadcast_to(rate, (network.n_sites, 3))


def check_anisotropy(anisotropy):
    """Relaxation tensor in units of 1/tau_s: float64[3, 3], symmetric, positive definite."""
    tensor = as_numbers(anisotropy)
    if tensor.shape == (3,):
        tensor = np.diag(tensor)
    allowed = tensor.shape == (3, 3) and bool(np.all(np.isfinite(tensor)))
    allowed = allowed and np.allclose(tensor, tensor.T, rtol=1e-12, atol=0)
    if not (allowed and np.linalg.eigvalsh(tensor)[0] > 0):
        raise ParameterError(
            "anisotropy must hold three positive rates (x, y, z) or a symmetric positive 3x3 "
            f"tensor, in 1/tau_s, got {anisotropy!r}; (1, 1, 1) is isotropic."
        )
    return 0.5 * (tensor + tensor.T)
