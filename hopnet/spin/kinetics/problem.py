"""Arguments and results of the methods of `solve_kinetics`."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

__all__ = ["Problem", "SteadyState"]


class Problem(NamedTuple):
    """The equations to be solved, with every parameter checked.

    Attributes
    ----------
    spin_orbit : float64[2, 2]
        M = m a_b beta / hbar^2.
    eta : float
        hbar / (J_0 tau_0).
    rate : float64[n_sites]
        n_i / tau_s, in the unit of the rates.
    anisotropy : float64[3, 3]
        The relaxation rate is (1 / tau_s) anisotropy . S.
    field : float64[3] or [n_sites, 3], in 1/tau_0
        Precession frequency in the magnetic field, of all sites or of each.
    sinks : int64 array
        Sites whose spin is held at zero.
    source : float64[n_sites, 3]
        Spin generated per time at every site, n_i g_i, in the unit of the rates.
    bias : float
        X at the source.
    feedback : bool
        Whether spins act back on occupations.
    precession : {"rotation", "linear"}
    """

    spin_orbit: np.ndarray
    eta: float
    rate: np.ndarray
    anisotropy: np.ndarray
    field: np.ndarray
    sinks: np.ndarray
    source: np.ndarray
    bias: float
    feedback: bool
    precession: str


class SteadyState(NamedTuple):
    """A steady state in the laboratory frame, and how well its equations are solved.

    Attributes
    ----------
    sigma : float64[n_sites, 3]
        S_i / n_i.
    torque : float64[n_sites, 3]
        Torque of the current on the spins, in the unit of the rates.
    drop : float64[n_links]
        X_i - X_j.
    current : float
        Particles per time from source to drain, in the unit of the rates.
    feedback_current : float64[3]
        The part driven by the components of the spins, in the unit of the rates.
    residual, row_residual, numerical_error, iterations, history, sweeps, growing_modes
        As in `hopnet.spin.kinetics.solve.Kinetics`.
    """

    sigma: np.ndarray
    torque: np.ndarray
    drop: np.ndarray
    current: float
    feedback_current: np.ndarray
    residual: float
    row_residual: np.ndarray
    numerical_error: float = math.nan
    iterations: int = 0
    history: tuple[float, ...] = ()
    sweeps: int = 0
    growing_modes: int = 0
