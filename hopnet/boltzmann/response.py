"""Linear response of charge current, spin current and magnetisation: three coupled numbers.

Units: hbar = e = 1 and the electric field is 1 along x, so that every response is a
conductivity. ``J`` is the charge current along x, ``K`` the current along y of spin z and
``M = v_F m_y`` the magnetisation in the unit of the currents. Spin operators are
``sigma/2``, summed as ``(1/2) Tr``; the density ``n`` is per spin. The Rashba velocity alpha of
``H_R = alpha (sigma_x p_y - sigma_y p_x)`` is half of the splitting coefficient of
`hopnet.boltzmann.gas.RashbaGas`.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hopnet import checks
from hopnet.boltzmann.checks import SMALLEST, check_instance, check_shapes, owned, real_array
from hopnet.boltzmann.collisions import Disorder
from hopnet.boltzmann.conventions import Convention, resolve_convention
from hopnet.boltzmann.electrons import (
    Electrons,
    RelaxationRates,
    angular_means,
    check_medium,
    relaxation_rates,
)
from hopnet.errors import ParameterError, ValidityWarning
from hopnet.records import Record

__all__ = [
    "Ansatz",
    "Coefficients",
    "Electrons",
    "RelaxationRates",
    "Response",
    "ansatz_parameters",
    "bare_conductivities",
    "check_born",
    "coefficients",
    "coefficients_from_ratios",
    "linear_response",
    "relaxation_rates",
]

# Largest lambda without a warning: the third-order Born terms, left out here, are of relative size
# lambda, and beyond 0.3 no longer small.
LARGEST_LAMBDA = 0.3


@dataclass(frozen=True)
class Coefficients(Record):
    """Coefficients of the 3x3 response. All fields may be arrays of one shape.

    ::

        J = sigma_D  E + spin_hall_angle K + charge_from_magnetisation M
        K = sigma_SJ E - spin_hall_angle J + spin_from_magnetisation M
        relaxation_ratio M = magnetisation_from_charge J - magnetisation_from_spin K

    Attributes
    ----------
    drude_conductivity, side_jump : float
        Conductivities ``sigma_D`` and ``sigma_SJ``, [qbe 17].
    spin_hall_angle : float
        Spin-Hall angle theta_sH, [qbe 22].
    charge_from_magnetisation, spin_from_magnetisation : float
        Rates of M in the rows of J and K, times the transport time.
    magnetisation_from_charge, magnetisation_from_spin : float
        Rates of J and K in the row of M, times the transport time.
    relaxation_ratio : float
        Transport time over the Elliott-Yafet time of the y spin; 0 where nothing flips spins.
    transport_time : float
        Transport time tau, the unit of the rates above.
    charge_correction, spin_correction : float
        Second-order additions to the relaxation of J and K, relative to 1; 0 in the paper.
    """

    drude_conductivity: Any = 1.0
    side_jump: Any = 0.0
    spin_hall_angle: Any = 0.0
    charge_from_magnetisation: Any = 0.0
    spin_from_magnetisation: Any = 0.0
    magnetisation_from_charge: Any = 0.0
    magnetisation_from_spin: Any = 0.0
    relaxation_ratio: Any = 0.0
    transport_time: Any = 1.0
    charge_correction: Any = 0.0
    spin_correction: Any = 0.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            object.__setattr__(self, name, owned(name, value, largest=math.inf))
        check_shapes(**vars(self))


def coefficients(
    electrons: Electrons,
    disorder: Disorder,
    convention: str | Convention = "consistent",
    *,
    current_corrections: bool = False,
) -> Coefficients:
    """Conversion coefficients of band and disorder; [qbe 17], [qbe 20], [qbe 21], [qbe 22].

    Consistent (projections of the collision integrals on ``|l| <= 1``)::

        sigma_D = n tau / m                 sigma_SJ = - n lambda_z / p_F**2
        theta_sH = pi v_0 N_0 lambda_z + 2 m alpha**2 tau
        M -> J: lambda_xy lambda_z          J -> M: 2 lambda_xy lambda_z      (times tau/tau_D)
        M -> K: alpha p_F tau               K -> M: 2 alpha p_F tau

    The two directions differ by 2 because ``M = v_F m`` counts a uniform harmonic (norm 1)
    and the currents a first one (norm 1/2); with ``v_F m / sqrt 2`` the matrix is Onsager
    symmetric. In the paper: ``sigma_SJ = + n lambda_z``, ``2 pi v_0 N_0 lambda_z``,
    ``8 m alpha**2``, ``alpha_asp = -4 lambda_xy lambda_z / tau_D`` and ``alpha_R = p_F alpha``
    in both directions.

    Parameters
    ----------
    electrons : Electrons
        Band.
    disorder : Disorder
        Disorder.
    convention : str or Convention
        Formulas as derived or as in the paper.
    current_corrections : bool
        Whether to add the second-order relaxation of the currents, ``2 lambda_xy**2 <sin**2> +
        lambda_z**2 <sin**2 (1 - cos)>`` for J and ``2 lambda_xy**2 <(1 + cos)**2> +
        lambda_z**2 <sin**2 (1 - cos)>`` for K (both over tau_D); the 3x3 system is then exactly
        the projection on ``|l| <= 1``.

    Returns
    -------
    Coefficients

    Warns
    -----
    ValidityWarning
        If a lambda exceeds 0.3: the third-order Born terms are left out.
    """
    chosen = resolve_convention(convention)
    check_medium(electrons, disorder)
    checks.flag("current_corrections", current_corrections)
    xy, z = disorder.lambda_xy, disorder.lambda_z
    check_born(disorder)
    rates = relaxation_rates(electrons, disorder, chosen)
    tau = 1 / rates.transport
    _, sine_squared = angular_means(disorder)
    conductivity, side_jump = bare_conductivities(electrons, disorder, chosen)
    skew = (2 if chosen.skew else 1) * math.pi * disorder.strength * z
    cyclotron = (8 if chosen.cyclotron else 2) * electrons.mass * electrons.rashba**2
    sign = -1 if chosen.precession_sign else 1
    if chosen.precession_size:
        to_charge = to_magnetisation = sign * 4 * xy * z / electrons.drude_time * tau
    else:
        to_charge = sign * 2 * xy * z * sine_squared / electrons.drude_time * tau
        to_magnetisation = 2 * to_charge
    rashba = electrons.rashba * electrons.fermi_momentum * tau
    charge_correction, spin_correction = (
        second_order_corrections(disorder) if current_corrections else (0.0, 0.0)
    )
    return Coefficients(
        drude_conductivity=conductivity,
        side_jump=side_jump,
        spin_hall_angle=skew * tau / electrons.drude_time + cyclotron * tau,
        charge_from_magnetisation=to_charge,
        spin_from_magnetisation=rashba,
        magnetisation_from_charge=to_magnetisation,
        magnetisation_from_spin=(1 if chosen.magnetisation_row else 2) * rashba,
        relaxation_ratio=tau * rates.elliott_yafet[1],
        transport_time=tau,
        charge_correction=charge_correction * tau / electrons.drude_time,
        spin_correction=spin_correction * tau / electrons.drude_time,
    )


def bare_conductivities(
    electrons: Electrons, disorder: Disorder, chosen: Convention
) -> tuple[Any, Any]:
    """Conductivities ``sigma_D`` (with the transport time) and ``sigma_SJ``; [qbe 17]."""
    n = electrons.density
    tau = electrons.drude_time / (1 - angular_means(disorder)[0])
    z = disorder.lambda_z
    mott_area = z if chosen.side_jump_unit else z / electrons.fermi_momentum**2
    return n * tau / electrons.mass, (1 if chosen.side_jump_sign else -1) * n * mott_area


def check_born(disorder: Disorder) -> None:
    """Warn where the third-order Born terms, which are left out everywhere, are not small."""
    xy, z = disorder.lambda_xy, disorder.lambda_z
    if np.count_nonzero((abs(xy) > LARGEST_LAMBDA) | (abs(z) > LARGEST_LAMBDA)):
        warnings.warn(
            f"a lambda of {max(np.max(np.abs(xy)), np.max(np.abs(z))):.3g} exceeds "
            f"{LARGEST_LAMBDA}: the third-order Born terms, left out here, are not small.",
            ValidityWarning,
            stacklevel=3,
        )


def second_order_corrections(disorder: Disorder) -> tuple[Any, Any]:
    """Relaxation of J and K by the spin-orbit vertices, in 1/tau_D; see `coefficients`."""
    w = (*disorder.weight, 0.0, 0.0, 0.0)
    cosine, sine_squared = angular_means(disorder)
    cosine_squared = 1 - sine_squared
    mott = sine_squared - (w[1] - w[3]) / 8  # <sin**2 (1 - cos)>
    flips = 1 + 2 * cosine + cosine_squared  # <(1 + cos)**2>
    xy, z = disorder.lambda_xy**2, disorder.lambda_z**2
    return 2 * xy * sine_squared + z * mott, 2 * xy * flips + z * mott


def coefficients_from_ratios(
    *,
    precession: npt.ArrayLike,
    rashba: npt.ArrayLike,
    spin_hall_angle: npt.ArrayLike,
    relaxation_time: npt.ArrayLike,
    side_jump: npt.ArrayLike,
    convention: str | Convention = "printed",
) -> Coefficients:
    """Coefficients from the five dimensionless numbers of [qbe 16], with sigma_D = 1.

    Parameters
    ----------
    precession, rashba : float
        Rates ``tau_D alpha_asp`` and ``tau_D alpha_R``.
    spin_hall_angle : float
        Spin-Hall angle theta_sH.
    relaxation_time : float
        Ratio ``tau_EY / tau_D``; ``inf`` is allowed.
    side_jump : float
        Ratio ``sigma_SJ / sigma_D`` with its sign.
    convention : str or Convention
        Printed: the same numbers in the third row. Otherwise twice ``rashba`` there (and
        twice ``precession``): the row that follows from the continuity of spin.

    Returns
    -------
    Coefficients
    """
    for name, value in {
        "precession": precession,
        "rashba": rashba,
        "spin_hall_angle": spin_hall_angle,
        "side_jump": side_jump,
    }.items():
        real_array(name, value)
    time = real_array("relaxation_time", relaxation_time, largest=math.inf, infinite=True)
    if not np.all(time >= SMALLEST):
        raise ParameterError(
            f"relaxation_time must be at least {SMALLEST:g} (inf is allowed), got "
            f"{checks.shown(relaxation_time)}; give tau_EY / tau_D."
        )
    chosen = resolve_convention(convention)
    return Coefficients(
        spin_hall_angle=spin_hall_angle,
        side_jump=side_jump,
        charge_from_magnetisation=precession,
        spin_from_magnetisation=rashba,
        magnetisation_from_charge=(1 if chosen.precession_size else 2) * np.asarray(precession),
        magnetisation_from_spin=(1 if chosen.magnetisation_row else 2) * np.asarray(rashba),
        relaxation_ratio=1 / time,
    )


@dataclass(frozen=True)
class Response(Record):
    """Solution of [qbe 16] per unit field; complex at a finite frequency.

    Attributes
    ----------
    charge_current : float or complex
        Charge current J_x.
    spin_current : float or complex
        Spin current J^z_y.
    magnetisation : float or complex
        Magnetisation ``M_y = v_F m_y``.
    determinant : float or complex
        Determinant of the 3x3 system with its third row times tau / tau_EY.
    """

    charge_current: Any
    spin_current: Any
    magnetisation: Any
    determinant: Any


def linear_response(coefficients: Coefficients, *, frequency: npt.ArrayLike = 0.0) -> Response:
    """Exact solution of the 3x3 response, by cofactors; equation [qbe 16].

    At a finite frequency (``exp(+i omega t)``) the relaxation of each row gains ``i omega``.

    Parameters
    ----------
    coefficients : Coefficients
        Numbers or arrays of one shape: all sets are solved together.
    frequency : float or float64[...]
        Frequency omega, in the inverse unit of ``transport_time``.

    Returns
    -------
    Response

    Raises
    ------
    ParameterError
        If a number is not finite; if nothing relaxes the magnetisation; or if precession
        scattering increases it faster than it relaxes (determinant not positive), so that there
        is no steady state.

    Examples
    --------
    Edelstein: with uniform Rashba coupling alone ``m_y = N_0 alpha tau E`` and no spin current.

    >>> from hopnet.boltzmann.collisions import Disorder
    >>> electrons = Electrons(rashba=0.01, drude_time=20.0)
    >>> answer = linear_response(coefficients(electrons, Disorder()))
    >>> round(float(answer.magnetisation / electrons.fermi_velocity * 2 * np.pi), 12)
    0.2
    >>> abs(float(answer.spin_current)) < 1e-15
    True
    """
    c = check_instance("coefficients", coefficients, Coefficients)
    omega = real_array("frequency", frequency)
    check_shapes(**vars(c), frequency=omega)
    theta, ratio = c.spin_hall_angle, c.relaxation_ratio
    a, b = c.charge_from_magnetisation, c.spin_from_magnetisation
    down, up = c.magnetisation_from_charge, c.magnetisation_from_spin
    charge, spin = 1.0 + c.charge_correction, 1.0 + c.spin_correction
    with np.errstate(over="ignore", invalid="ignore"):
        static = determinant(charge, spin, theta, a, b, down, up, ratio)
    check_steady(static, ratio - a * down)
    det = static
    if np.any(omega != 0.0):
        advance = 1j * omega * c.transport_time
        charge, spin, ratio = charge + advance, spin + advance, ratio + advance
        with np.errstate(over="ignore", invalid="ignore"):
            det = determinant(charge, spin, theta, a, b, down, up, ratio)
    drive, jump = c.drude_conductivity / det, c.side_jump / det
    answer = Response(
        charge_current=(spin * ratio + b * up) * drive + (theta * ratio - a * up) * jump,
        spin_current=(b * down - theta * ratio) * drive + (charge * ratio - a * down) * jump,
        magnetisation=(theta * up + spin * down) * drive + (theta * down - charge * up) * jump,
        determinant=det,
    )
    if not all(np.all(np.isfinite(value)) for value in vars(answer).values()):
        raise ParameterError(
            "the response is not finite: the coefficients or the frequency are too large; give "
            "smaller ones."
        )
    return answer


def determinant(
    charge: Any, spin: Any, theta: Any, a: Any, b: Any, down: Any, up: Any, ratio: Any
) -> Any:
    """Determinant of ``[[charge, -theta, -a], [theta, spin, -b], [-down, up, ratio]]``."""
    return (
        charge * (spin * ratio + b * up)
        + theta * (theta * ratio - b * down)
        - a * (theta * up + spin * down)
    )


def check_steady(det: Any, balance: Any) -> None:
    """Refuse a system without a steady state; ``balance`` is relaxation minus precession gain."""
    if np.all((det > 0) & (balance >= 0)) and np.all(np.isfinite(det)):
        return
    if not np.all(np.isfinite(det)):
        raise ParameterError(
            "the determinant must be finite, got NaN or inf; give smaller coefficients."
        )
    if np.any((det == 0) & (balance == 0)):
        raise ParameterError(
            "the magnetisation is undetermined: neither lambda_xy, lambda_z nor alpha relaxes "
            "it; make one of them non-zero."
        )
    raise ParameterError(
        "precession scattering increases the magnetisation faster than it relaxes (determinant "
        f"{np.min(det):.3g}, must be positive), so that there is no steady state; lower alpha_asp "
        "or tau_EY."
    )


@dataclass(frozen=True)
class Ansatz(Record):
    """Parameters of the shifted Fermi distribution [qbe 12], per unit field.

    Attributes
    ----------
    charge_velocity, spin_velocity : float
        Drift velocities ``v_c`` along x, and ``v_s`` of spin z along y.
    exchange : float
        Exchange field ``h_0`` along y.
    """

    charge_velocity: Any
    spin_velocity: Any
    exchange: Any


def ansatz_parameters(
    electrons: Electrons, response: Response, convention: str | Convention = "consistent"
) -> Ansatz:
    """Drift velocities and exchange field; equations [qbe 12], [qbe 13], [qbe 14], [qbe 15].

    ``m_y = N_0 h_0``, ``J = N_0 eps_F v_c``, ``K = N_0 eps_F v_s``. In the paper the currents have
    an extra 1/2, with which ``sigma_D = n tau / m`` would not hold for ``n = N_0 eps_F``.

    Parameters
    ----------
    electrons : Electrons
        Band.
    response : Response
        Solution of `linear_response`.
    convention : str or Convention
        Formulas as derived or as in the paper.

    Returns
    -------
    Ansatz
    """
    check_instance("electrons", electrons, Electrons)
    check_instance("response", response, Response)
    half = 0.5 if resolve_convention(convention).current else 1.0
    weight = half * electrons.density_of_states * electrons.fermi_energy
    return Ansatz(
        charge_velocity=response.charge_current / weight,
        spin_velocity=response.spin_current / weight,
        exchange=response.magnetisation / (electrons.fermi_velocity * electrons.density_of_states),
    )
