"""The weak-conversion formulas beside the exact response, with their error.

Units and names as in `hopnet.boltzmann.response`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hopnet.boltzmann.conventions import resolve_convention
from hopnet.boltzmann.response import linear_response


@dataclass(frozen=True)
class ApproximateResponse:
    """First order in the conversion rates, with its error against the exact solution.

    Attributes
    ----------
    spin_hall, indirect, direct, edelstein : float
        ``sigma_sH``, ``sigma_ind``, ``sigma_DMC``, ``sigma_EE``.
    charge_current, spin_current, magnetisation : float
        sigma_D and the two sums of [qbe 23].
    error : tuple of float
        ``|approximate - exact|`` of the three, each over the exact modulus.
    small : float
        ``tau_EY / tau_DP``, which the printed formulas need to be small.
    """

    spin_hall: float
    indirect: float
    direct: float
    edelstein: float
    charge_current: float
    spin_current: float
    magnetisation: float
    error: tuple
    small: float


def approximate_response(coefficients, convention="consistent"):
    """The weak-conversion formulas; equations [qbe 23], [qbe 24], [qbe 25], [qbe 26], [qbe 27].

    ::

        sigma_sH  = sigma_SJ - theta_sH sigma_D
        sigma_ind = (alpha_R tau_D)(alpha_asp tau_s) sigma_D   printed with tau_EY
        sigma_DMC = alpha_asp tau_s sigma_D
        sigma_EE  = - alpha_R tau_s sigma_sH                   printed with +
        K = (tau_s / tau_EY) sigma_sH + sigma_ind              printed without tau_s / tau_EY
        M = sigma_DMC + sigma_EE

    with ``1/tau_s`` = 1/tau_EY + 1/tau_DP. First order in the spin-Hall angle and in the
    precession rate, for any ratio of Dyakonov-Perel and Elliott-Yafet relaxation. As printed
    they also need ``alpha_R**2 tau_D tau_EY << 1``: beyond, the direct part of the spin
    current is too large by tau_EY / tau_s.

    Parameters
    ----------
    coefficients : Coefficients
    convention : str or Convention
        Looks at ``indirect_time`` and ``edelstein_sign``.

    Returns
    -------
    ApproximateResponse
    """
    chosen = resolve_convention(convention)
    c = coefficients
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
    exact = linear_response(c)
    values = (conductivity, share * spin_hall + indirect * conductivity, direct + edelstein)
    exact_values = (exact.charge_current, exact.spin_current, exact.magnetisation)
    with np.errstate(divide="ignore", invalid="ignore"):
        error = tuple(np.abs(np.subtract(a, b)) / np.abs(b) for a, b in zip(values, exact_values))
        small = np.divide(narrowing, c.relaxation_ratio)
    return ApproximateResponse(
        spin_hall, indirect * conductivity, direct, edelstein, *values, error, small
    )
