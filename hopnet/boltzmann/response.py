"""Linear response of charge current, spin current and magnetisation: three coupled numbers.

Units: hbar = e = 1 and the electric field is 1 along x, so that every response is a
conductivity. ``J`` is the charge current along x, ``K`` the current along y of spin z and
``M = v_F m_y`` the magnetisation in the unit of the currents; spin operators are
``sigma/2`` summed as ``(1/2) Tr`` and the density ``n`` is per spin. ``alpha`` is the Rashba
velocity of ``H_R = alpha (sigma_x p_y - sigma_y p_x)``, half of the alpha of
`hopnet.boltzmann.rashba`.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np

from hopnet.boltzmann.collisions import check_real
from hopnet.boltzmann.conventions import resolve_convention
from hopnet.errors import ParameterError, ValidityWarning

LARGEST_LAMBDA = 0.3  # beyond it third-order Born terms are no longer small


@dataclass(frozen=True)
class Electrons:
    """A parabolic band with uniform Rashba coupling, Hamiltonian [qbe 1].

    Attributes
    ----------
    mass, fermi_momentum, drude_time : float or float64[...], positive
        ``drude_time`` is 1 / (2 pi n_s v_0**2 N_0), [qbe 18].
    rashba : float or float64[...]
        Velocity alpha of ``alpha (sigma_x p_y - sigma_y p_x)``; may include the shift of
        `hopnet.boltzmann.microscopic.rashba_renormalisation`, [qbe 20].
    """

    mass: float = 1.0
    rashba: float = 0.0
    fermi_momentum: float = 1.0
    drude_time: float = 1.0

    def __post_init__(self):
        for name in ("mass", "fermi_momentum", "drude_time"):
            if np.any(check_real(name, getattr(self, name)) <= 0):
                raise ParameterError(
                    f"{name} must be positive, got {getattr(self, name)!r}; check its sign "
                    "and unit."
                )
        check_real("rashba", self.rashba)

    @property
    def fermi_velocity(self):
        """p_F / m."""
        return self.fermi_momentum / self.mass

    @property
    def fermi_energy(self):
        """p_F**2 / 2m."""
        return self.fermi_momentum**2 / (2 * self.mass)

    @property
    def density_of_states(self):
        """N_0 = m / 2 pi, per spin."""
        return self.mass / (2 * math.pi)

    @property
    def density(self):
        """n = N_0 eps_F, per spin."""
        return self.density_of_states * self.fermi_energy


@dataclass(frozen=True)
class RelaxationRates:
    """Rates of the Fermi-circle averages, in 1/time.

    Attributes
    ----------
    transport : float
        Of the charge current, ``<1 - cos> / tau_D``.
    elliott_yafet : tuple (x, y, z)
    dyakonov_perel : tuple (x, y, z)
        Motional narrowing in the Rashba field less what precession scattering gives back.
    """

    transport: float
    elliott_yafet: tuple
    dyakonov_perel: tuple

    @property
    def total(self):
        """Elliott-Yafet plus Dyakonov-Perel, (x, y, z); equation [qbe 27]."""
        return tuple(a + b for a, b in zip(self.elliott_yafet, self.dyakonov_perel))


def relaxation_rates(electrons, disorder, convention="consistent"):
    """All relaxation rates; equations [qbe 18], [qbe 19], [qbe 27].

    ::

        1/tau_EY^z     = 4 lambda_xy**2 <1 + cos> / tau_D
        1/tau_EY^{x,y} = (2 lambda_xy**2 <1 + cos> + 2 lambda_z**2 <sin**2>) / tau_D
        1/tau_DP^{x,y} = 2 tau_tr ((alpha p_F)**2 - (2 lambda_xy lambda_z <sin**2> / tau_D)**2)
        1/tau_DP^z     = 4 tau_tr (alpha p_F)**2

    where ``<1 + cos> = 1`` and ``<sin**2> = 1/2`` for s-wave. The in-plane sum is what the
    projection of [qbe B16] and [qbe B17] on the uniform spin gives; [qbe 19] is printed with
    ``6 lambda_xy**2``, a number that no mode with ``|l| <= 1`` has.

    Parameters
    ----------
    electrons : Electrons
    disorder : Disorder
    convention : str or Convention

    Returns
    -------
    RelaxationRates

    Examples
    --------
    >>> from hopnet.boltzmann.collisions import Disorder
    >>> rates = relaxation_rates(Electrons(drude_time=2.0), Disorder(lambda_xy=0.1))
    >>> [round(float(rate), 12) for rate in rates.elliott_yafet]
    [0.01, 0.01, 0.02]
    """
    chosen = resolve_convention(convention)
    cosine, sine_squared = angular_means(disorder)
    xy, z, tau = disorder.lambda_xy, disorder.lambda_z, electrons.drude_time
    flips = 6 if chosen.elliott_yafet else 2
    in_plane = (flips * xy**2 * (1 + cosine) + 2 * z**2 * sine_squared) / tau
    out_of_plane = 4 * xy**2 * (1 + cosine) / tau
    transport = (1 - cosine) / tau
    twice = 1 if chosen.magnetisation_row else 2
    field = electrons.rashba * electrons.fermi_momentum
    if chosen.precession_size:
        gain = (4 * xy * z / tau) ** 2 / transport
    else:
        gain = twice * (2 * xy * z * sine_squared / tau) ** 2 / transport
    narrowing = twice * field**2 / transport
    dyakonov_perel = (narrowing - gain, narrowing - gain, 2 * narrowing)
    return RelaxationRates(transport, (in_plane, in_plane, out_of_plane), dyakonov_perel)


def angular_means(disorder):
    """``<cos>`` and ``<sin**2>`` with the weight of the disorder."""
    weight = (*disorder.weight, 0.0, 0.0)
    return weight[1] / 2, 0.5 - weight[2] / 4


@dataclass(frozen=True)
class Coefficients:
    """Everything that enters the 3x3 response; all fields may be arrays of one shape.

    ::

        J = sigma_D  E + spin_hall_angle K + charge_from_magnetisation M
        K = sigma_SJ E - spin_hall_angle J + spin_from_magnetisation M
        relaxation_ratio M = magnetisation_from_charge J - magnetisation_from_spin K

    Attributes
    ----------
    drude_conductivity, side_jump : float
        ``sigma_D`` and ``sigma_SJ``, [qbe 17].
    spin_hall_angle : float
        [qbe 22].
    charge_from_magnetisation, spin_from_magnetisation : float
        Rates of M in the rows of J and K, times the transport time.
    magnetisation_from_charge, magnetisation_from_spin : float
        Rates of J and K in the row of M, times the transport time.
    relaxation_ratio : float
        Transport time over the Elliott-Yafet time of the y spin; 0 where nothing flips spins.
    transport_time : float
    charge_correction, spin_correction : float
        Second-order additions to the relaxation of J and K, relative to 1; 0 in the paper.
    """

    drude_conductivity: float = 1.0
    side_jump: float = 0.0
    spin_hall_angle: float = 0.0
    charge_from_magnetisation: float = 0.0
    spin_from_magnetisation: float = 0.0
    magnetisation_from_charge: float = 0.0
    magnetisation_from_spin: float = 0.0
    relaxation_ratio: float = 0.0
    transport_time: float = 1.0
    charge_correction: float = 0.0
    spin_correction: float = 0.0


def coefficients(electrons, disorder, convention="consistent", *, current_corrections=False):
    """Conversion coefficients of band and disorder; [qbe 17], [qbe 20], [qbe 21], [qbe 22].

    Consistent (projections of the collision integrals on ``|l| <= 1``)::

        sigma_D = n tau / m                 sigma_SJ = - n lambda_z / p_F**2
        theta_sH = pi v_0 N_0 lambda_z + 2 m alpha**2 tau
        M -> J: lambda_xy lambda_z          J -> M: 2 lambda_xy lambda_z      (times tau/tau_D)
        M -> K: alpha p_F tau               K -> M: 2 alpha p_F tau

    The two directions differ by 2 because ``M = v_F m`` counts a uniform harmonic (norm 1)
    and the currents a first one (norm 1/2); with ``v_F m / sqrt 2`` the matrix is Onsager
    symmetric. Printed: ``sigma_SJ = + n lambda_z``, ``2 pi v_0 N_0 lambda_z``, ``8 m alpha**2``,
    ``alpha_asp = -4 lambda_xy lambda_z / tau_D`` and ``alpha_R = p_F alpha`` in both directions.

    Parameters
    ----------
    electrons : Electrons
    disorder : Disorder
    convention : str or Convention
    current_corrections : bool
        Add the second-order relaxation of the currents, ``2 lambda_xy**2 <sin**2> +
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


def bare_conductivities(electrons, disorder, chosen):
    """``sigma_D`` with the transport time and ``sigma_SJ``; equation [qbe 17]."""
    n = electrons.density
    tau = electrons.drude_time / (1 - angular_means(disorder)[0])
    z = disorder.lambda_z
    mott_area = z if chosen.side_jump_unit else z / electrons.fermi_momentum**2
    return n * tau / electrons.mass, (1 if chosen.side_jump_sign else -1) * n * mott_area


def check_born(disorder):
    """Warn where the third-order Born terms, left out everywhere, are not small."""
    xy, z = disorder.lambda_xy, disorder.lambda_z
    if np.count_nonzero((abs(xy) > LARGEST_LAMBDA) | (abs(z) > LARGEST_LAMBDA)):
        warnings.warn(
            f"a lambda of {max(np.max(np.abs(xy)), np.max(np.abs(z))):.3g} exceeds "
            f"{LARGEST_LAMBDA}: the third-order Born terms, left out here, are not small.",
            ValidityWarning,
            stacklevel=3,
        )


def second_order_corrections(disorder):
    """Relaxation of J and K by the spin-orbit vertices, in 1/tau_D; see `coefficients`."""
    w = (*disorder.weight, 0.0, 0.0, 0.0)
    cosine, sine_squared = angular_means(disorder)
    cosine_squared = 1 - sine_squared
    mott = sine_squared - (w[1] - w[3]) / 8  # <sin**2 (1 - cos)>
    flips = 1 + 2 * cosine + cosine_squared  # <(1 + cos)**2>
    xy, z = disorder.lambda_xy**2, disorder.lambda_z**2
    return 2 * xy * sine_squared + z * mott, 2 * xy * flips + z * mott


def coefficients_from_ratios(
    *, precession, rashba, spin_hall_angle, relaxation_time, side_jump, convention="printed"
):
    """Coefficients from the five dimensionless numbers of [qbe 16], with sigma_D = 1.

    Parameters
    ----------
    precession, rashba : float
        ``tau_D alpha_asp`` and ``tau_D alpha_R``.
    spin_hall_angle : float
    relaxation_time : float
        ``tau_EY / tau_D``; ``inf`` is allowed.
    side_jump : float
        ``sigma_SJ / sigma_D``, signed.
    convention : str or Convention
        Printed: the same numbers in the third row. Otherwise twice ``rashba`` there (and
        twice ``precession``): the row that the continuity of spin asks for.

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
        check_real(name, value)
    time = np.asarray(relaxation_time)
    if time.dtype.kind not in "iuf" or np.any(np.isnan(time)) or np.any(time <= 0):
        raise ParameterError(
            f"relaxation_time must be positive (inf is allowed), got {relaxation_time!r}; give "
            "tau_EY / tau_D."
        )
    chosen = resolve_convention(convention)
    return Coefficients(
        spin_hall_angle=spin_hall_angle,
        side_jump=side_jump,
        charge_from_magnetisation=precession,
        spin_from_magnetisation=rashba,
        magnetisation_from_charge=(1 if chosen.precession_size else 2) * precession,
        magnetisation_from_spin=(1 if chosen.magnetisation_row else 2) * rashba,
        relaxation_ratio=1 / relaxation_time,
    )


@dataclass(frozen=True)
class Response:
    """Solution of [qbe 16] per unit field; complex at a finite frequency.

    Attributes
    ----------
    charge_current, spin_current, magnetisation : float or complex
        J_x, J^z_y and M_y = v_F m_y.
    determinant : float or complex
        Of the 3x3 system with its third row times tau / tau_EY.
    """

    charge_current: float
    spin_current: float
    magnetisation: float
    determinant: float


def linear_response(coefficients, *, frequency=0.0):
    """Exact solution of the 3x3 response, by cofactors; equation [qbe 16].

    At a finite frequency (``exp(+i omega t)``) the relaxation of each row gains ``i omega``.

    Parameters
    ----------
    coefficients : Coefficients
        Scalars or arrays of one shape: all sets are solved at once.
    frequency : float or array
        omega, in the inverse unit of ``transport_time``.

    Returns
    -------
    Response

    Raises
    ------
    ParameterError
        If something is not finite; if nothing relaxes the magnetisation; or if precession
        scattering feeds it faster than it relaxes (determinant not positive), so that there
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
    c = coefficients
    theta, ratio = c.spin_hall_angle, c.relaxation_ratio
    a, b = c.charge_from_magnetisation, c.spin_from_magnetisation
    down, up = c.magnetisation_from_charge, c.magnetisation_from_spin
    charge, spin = 1.0 + c.charge_correction, 1.0 + c.spin_correction
    static = determinant(charge, spin, theta, a, b, down, up, ratio)
    check_steady(static, ratio - a * down)
    det = static
    if np.any(np.asarray(check_real("frequency", frequency)) != 0.0):
        advance = 1j * np.asarray(frequency) * c.transport_time
        charge, spin, ratio = charge + advance, spin + advance, ratio + advance
        det = determinant(charge, spin, theta, a, b, down, up, ratio)
    drive, jump = c.drude_conductivity / det, c.side_jump / det
    return Response(
        charge_current=(spin * ratio + b * up) * drive + (theta * ratio - a * up) * jump,
        spin_current=(b * down - theta * ratio) * drive + (charge * ratio - a * down) * jump,
        magnetisation=(theta * up + spin * down) * drive + (theta * down - charge * up) * jump,
        determinant=det,
    )


def determinant(charge, spin, theta, a, b, down, up, ratio):
    """Determinant of ``[[charge, -theta, -a], [theta, spin, -b], [-down, up, ratio]]``."""
    return (
        charge * (spin * ratio + b * up)
        + theta * (theta * ratio - b * down)
        - a * (theta * up + spin * down)
    )


def check_steady(det, balance):
    """Refuse a system without a steady state; ``balance`` is relaxation less ASP gain."""
    if np.all((det > 0) & (balance >= 0)) and np.all(np.isfinite(det)):
        return
    if not np.all(np.isfinite(det)):
        raise ParameterError("the coefficients must be finite, got NaN or inf; check the input.")
    if np.any((det == 0) & (balance == 0)):
        raise ParameterError(
            "the magnetisation is undetermined: neither lambda_xy, lambda_z nor alpha relaxes "
            "it; make one of them non-zero."
        )
    raise ParameterError(
        "precession scattering feeds the magnetisation faster than it relaxes (determinant "
        f"{np.min(det):.3g}, must be positive), so there is no steady state; lower alpha_asp "
        "or tau_EY."
    )


@dataclass(frozen=True)
class Ansatz:
    """Parameters of the shifted Fermi distribution [qbe 12], per unit field.

    Attributes
    ----------
    charge_velocity, spin_velocity : float
        ``v_c`` along x and ``v_s`` along y (spin z).
    exchange : float
        ``h_0`` along y.
    """

    charge_velocity: float
    spin_velocity: float
    exchange: float


def ansatz_parameters(electrons, response, convention="consistent"):
    """Drift velocities and exchange field; equations [qbe 12], [qbe 13], [qbe 14], [qbe 15].

    ``m_y = N_0 h_0``, ``J = N_0 eps_F v_c``, ``K = N_0 eps_F v_s``; printed, the currents carry
    an extra 1/2, with which ``sigma_D = n tau / m`` would not hold for ``n = N_0 eps_F``.

    Parameters
    ----------
    electrons : Electrons
    response : Response
    convention : str or Convention

    Returns
    -------
    Ansatz
    """
    half = 0.5 if resolve_convention(convention).current else 1.0
    weight = half * electrons.density_of_states * electrons.fermi_energy
    return Ansatz(
        charge_velocity=response.charge_current / weight,
        spin_velocity=response.spin_current / weight,
        exchange=response.magnetisation / (electrons.fermi_velocity * electrons.density_of_states),
    )
