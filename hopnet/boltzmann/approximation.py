"""The weak-conversion formulas, with their error against the exact response.

Units and names are those of `hopnet.boltzmann.response`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hopnet.boltzmann.checks import check_instance
from hopnet.boltzmann.conventions import Convention, resolve_convention
from hopnet.boltzmann.response import Coefficients, linear_response
from hopnet.records import Record

__all__ = ["ApproximateResponse", "approximate_response"]


@dataclass(frozen=True)
class ApproximateResponse(Record):
    """Response to first order in the conversion rates, with its error against the exact solution.

    Attributes
    ----------
    spin_hall, indirect, direct, edelstein : float
        Conductivities ``sigma_sH``, ``sigma_ind``, ``sigma_DMC``, ``sigma_EE``.
    charge_current, spin_current, magnetisation : float
        Conductivity sigma_D and the two sums of [qbe 23].
    error : tuple of float
        Errors ``|approximate - exact|`` of the three, each over the exact modulus.
    small : float
        Ratio ``tau_EY / tau_DP``, which must be small for the formulas of the paper.
    """

    spin_hall: Any
    indirect: Any
    direct: Any
    edelstein: Any
    charge_current: Any
    spin_current: Any
    magnetisation: Any
    error: tuple[Any, ...]
    small: Any


def approximate_response(
    coefficients: Coefficients, convention: str | Convention = "consistent"
) -> ApproximateResponse:
    """Weak-conversion formulas; equations [qbe 23], [qbe 24], [qbe 25], [qbe 26], [qbe 27].

    ::

        sigma_sH  = sigma_SJ - theta_sH sigma_D
        sigma_ind = (alpha_R tau_D)(alpha_asp tau_s) sigma_D   in the paper with tau_EY
        sigma_DMC = alpha_asp tau_s sigma_D
        sigma_EE  = - alpha_R tau_s sigma_sH                   in the paper with +
        K = (tau_s / tau_EY) sigma_sH + sigma_ind              in the paper without tau_s / tau_EY
        M = sigma_DMC + sigma_EE

    with ``1/tau_s`` = 1/tau_EY + 1/tau_DP. First order in the spin-Hall angle and in the
    precession rate, for any ratio of Dyakonov-Perel and Elliott-Yafet relaxation. The formulas of
    the paper also need ``alpha_R**2 tau_D tau_EY << 1``; otherwise the direct part of the spin
    current is too large by tau_EY / tau_s.

    Parameters
    ----------
    coefficients : Coefficients
        Coefficients of the 3x3 response.
    convention : str or Convention
        Formulas as derived or as in the paper: ``indirect_time`` and ``edelstein_sign`` are used.

    Returns
    -------
    ApproximateResponse
    """
    chosen = resolve_convention(convention)
    c = check_instance("coefficients", coefficients, Coefficients)
    exact = linear_response(c)
    narrowing = (
        c.spin_from_magnetisation * c.magnetisation_from_spin
        - c.charge_from_magnetisation * c.magnetisation_from_charge
    )
    spin_time = 1 / (c.relaxation_ratio + narrowing)  # tau_s / tau
    if chosen.indirect_time:
        with np.errstate(divide="ignore"):
            indirect_time = np.divide(1.0, c.relaxation_ratio)
        share = 1.0
    else:
        indirect_time = spin_time
        share = c.relaxation_ratio * spin_time  # tau_s / tau_EY
    conductivity = c.drude_conductivity
    spin_hall = c.side_jump - c.spin_hall_angle * conductivity
    indirect = c.spin_from_magnetisation * c.magnetisation_from_charge * indirect_time
    direct = c.magnetisation_from_charge * spin_time * conductivity
    sign = 1 if chosen.edelstein_sign else -1
    edelstein = sign * c.magnetisation_from_spin * spin_time * spin_hall
    values = (conductivity, share * spin_hall + indirect * conductivity, direct + edelstein)
    exact_values = (exact.charge_current, exact.spin_current, exact.magnetisation)
    with np.errstate(divide="ignore", invalid="ignore"):
        error = tuple(relative_error(a, b) for a, b in zip(values, exact_values))
        small = np.divide(narrowing, c.relaxation_ratio)
    return ApproximateResponse(
        spin_hall, indirect * conductivity, direct, edelstein, *values, error, small
    )


def relative_error(approximate: Any, exact: Any) -> Any:
    """Relative error, which is 0 where both values are 0."""
    difference = np.abs(np.subtract(approximate, exact))
    return np.where(difference == 0, 0.0, difference / np.abs(exact))[()]
