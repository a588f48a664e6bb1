"""Conversion of a sample in SI to the dimensionless disorder; renormalised alpha; InSb."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import constants

from hopnet.boltzmann.checks import check_instance, number, positive, real_array
from hopnet.boltzmann.collisions import Disorder
from hopnet.boltzmann.conventions import CONSISTENT, Convention, resolve_convention
from hopnet.boltzmann.electrons import Electrons, check_single, relaxation_rates
from hopnet.boltzmann.response import coefficients, linear_response
from hopnet.errors import ParameterError, ValidityWarning
from hopnet.records import Record

__all__ = [
    "InsbEstimate",
    "ReducedSample",
    "Sample",
    "cutoff_integral",
    "estimate_insb",
    "rashba_renormalisation",
    "reduce_sample",
    "vertex_element",
]

HBAR = constants.hbar
ANGSTROM = 1e-10
ELECTRON_VOLT = constants.e


@dataclass(frozen=True)
class Sample(Record):
    """A two-dimensional electron gas with smooth disorder, in SI; [qbe 2], [qbe 4]-[qbe 7].

    Attributes
    ----------
    lambda_parallel, lambda_perpendicular : float, m
        Effective Compton lengths of the Mott and of the Rashba potential [qbe 2].
    confinement : float, m
        Length xi of ``d_z V = V / xi``.
    potential : float, J m^2
        Strength ``v_0`` of the correlators [qbe 6], [qbe 7] of the Fourier transform [qbe 4],
        whose mean [qbe 5] is zero.
    impurity_density : float, 1/m^2
        Density ``n_s`` of the impurities.
    fermi_energy : float, J
        Fermi energy.
    mass : float, kg
        Effective mass.
    rashba : float, J m
        Coefficient alpha of ``alpha (sigma_x k_y - sigma_y k_x)``.
    """

    lambda_parallel: float
    lambda_perpendicular: float
    confinement: float
    potential: float
    impurity_density: float
    fermi_energy: float
    mass: float
    rashba: float = 0.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            object.__setattr__(self, name, number(name, value))
        for name in ("confinement", "impurity_density", "fermi_energy", "mass"):
            positive(name, getattr(self, name))
        if self.potential == 0:
            raise ParameterError(
                "potential must not be zero, or nothing would scatter, got 0; give v_0."
            )

    @property
    def fermi_wavenumber(self) -> float:
        """Fermi wave number k_F, 1/m."""
        return math.sqrt(2 * self.mass * self.fermi_energy) / HBAR


@dataclass(frozen=True)
class ReducedSample(Record):
    """A sample in units where ``hbar = m = p_F = 1``.

    Attributes
    ----------
    electrons : Electrons
        Band in these units.
    disorder : Disorder
        Disorder in these units.
    length, energy, time : float, SI
        Units in SI: 1/k_F, ``hbar**2 k_F**2 / m``, and hbar over this energy.
    """

    electrons: Electrons
    disorder: Disorder
    length: float
    energy: float
    time: float


def reduce_sample(sample: Sample, convention: str | Convention = "consistent") -> ReducedSample:
    """Convert SI to (lambda_xy, lambda_z, v_0 N_0, tau_D, alpha); [qbe 3], [qbe 6], [qbe 7].

    ::

        lambda_xy = - p_F lambda_perp**2 / (8 xi),   lambda_z = - p_F**2 lambda_par**2 / 4
        1/tau_D = 2 pi n_s v_0**2 N_0 / hbar

    The minus signs are those of the plane-wave elements of [qbe 2] against the form
    [qbe 3], ``1 - i lambda_z G_M - lambda_xy G_R``; the paper has none. Precession scattering
    (the product of the two) does not depend on them, skew scattering and side jump do.

    Parameters
    ----------
    sample : Sample
        Sample in SI.
    convention : str or Convention
        Formulas as derived or as in the paper.

    Returns
    -------
    ReducedSample
    """
    check_instance("sample", sample, Sample)
    sign = 1 if resolve_convention(convention).matrix_element else -1
    k = sample.fermi_wavenumber
    energy = (HBAR * k) ** 2 / sample.mass
    states = sample.mass / (2 * math.pi * HBAR**2)
    rate = 2 * math.pi * sample.impurity_density * sample.potential**2 * states / HBAR
    time = HBAR / energy
    disorder = Disorder(
        lambda_xy=sign * k * sample.lambda_perpendicular**2 / (8 * sample.confinement),
        lambda_z=sign * k**2 * sample.lambda_parallel**2 / 4,
        strength=sample.potential * states,
    )
    electrons = Electrons(rashba=sample.rashba * k / energy, drude_time=1 / (rate * time))
    return ReducedSample(electrons, disorder, 1 / k, energy, time)


def vertex_element(
    sample: Sample, wavenumber: npt.ArrayLike, wavenumber_1: npt.ArrayLike
) -> np.ndarray:
    """Spin matrix ``<k|U|p> / V_kp`` of the potential [qbe 2] between plane waves.

    Parameters
    ----------
    sample : Sample
        Sample in SI.
    wavenumber, wavenumber_1 : float64[2], 1/m
        Wave vectors k (final) and p (initial).

    Returns
    -------
    complex128[2, 2]
    """
    check_instance("sample", sample, Sample)
    final, initial = real_array("wavenumber", wavenumber), real_array("wavenumber_1", wavenumber_1)
    if final.shape != (2,) or initial.shape != (2,):
        raise ParameterError(
            "wavenumber and wavenumber_1 must have two components, got shapes "
            f"{final.shape} and {initial.shape}; give (k_x, k_y)."
        )
    (kx, ky), (px, py) = final, initial
    mott = 1j * sample.lambda_parallel**2 / 4 * (kx * py - ky * px)
    size = sample.lambda_perpendicular**2 / (8 * sample.confinement)
    x, y = size * (ky + py), -size * (kx + px)
    return np.array([[1 + mott, x - 1j * y], [x + 1j * y, 1 - mott]])


def cutoff_integral(bandwidth: float, fermi_energy: float) -> float:
    """Principal value [qbe B7], ``P int_0^D (d eps / pi) eps / (eps_F - eps)``.

    Closed form ``-(D + eps_F ln((D - eps_F)/eps_F)) / pi``. It grows linearly with the
    cutoff, so that its value is only as accurate as the cutoff is.

    Parameters
    ----------
    bandwidth : float
        Cutoff D, above the Fermi energy.
    fermi_energy : float
        Fermi energy, positive.

    Returns
    -------
    float, unit of energy

    Examples
    --------
    >>> round(cutoff_integral(2.0, 1.0) * math.pi, 12)
    -2.0
    """
    bandwidth, fermi_energy = number("bandwidth", bandwidth), positive("fermi_energy", fermi_energy)
    if not bandwidth > fermi_energy:
        raise ParameterError(
            f"bandwidth must exceed the Fermi energy, got D={bandwidth!r}, eps_F="
            f"{fermi_energy!r}; give a larger bandwidth."
        )
    return -(bandwidth + fermi_energy * math.log((bandwidth - fermi_energy) / fermi_energy)) / (
        math.pi
    )


def rashba_renormalisation(
    electrons: Electrons,
    disorder: Disorder,
    bandwidth: float,
    convention: str | Convention = "consistent",
) -> float:
    """Change of alpha by disorder; equations [qbe B6], [qbe B12], [qbe B13], used in [qbe 20].

    As derived, with ``2 pi n_s v_0**2 N_0 = 1/tau_D`` and hbar = 1::

        delta alpha = pi v_0 N_0 lambda_xy / (p_F tau_D)                   Rashba scattering
                    + 2 pi N_0 lambda_xy lambda_z kappa / (p_F**3 tau_D)   precession term

    Parameters
    ----------
    electrons : Electrons
        Band, with single numbers.
    disorder : Disorder
        Disorder, with single numbers.
    bandwidth : float
        Cutoff D of [qbe B7].
    convention : str or Convention
        ``precession_shift`` takes the coefficient of [qbe B6] of the paper (-1/2 of the derived);
        ``rashba_shift`` gives [qbe B13] exactly as in the paper, ``n_s pi v_0**2 N_0**2 lambda_xy
        (v_0**2 - lambda_z kappa) / p_F``, whose terms differ in dimension.

    Returns
    -------
    float
        Change delta alpha of the Rashba velocity.
    """
    chosen = resolve_convention(convention)
    check_single(electrons, disorder)
    kappa = cutoff_integral(bandwidth, electrons.fermi_energy)
    states, momentum = electrons.density_of_states, electrons.fermi_momentum
    rate = 1 / electrons.drude_time
    if chosen.rashba_shift:
        v_0 = disorder.strength / states
        bracket = v_0**2 - disorder.lambda_z * kappa
        return rate / 2 * states * disorder.lambda_xy * bracket / momentum
    scattering = math.pi * disorder.strength * disorder.lambda_xy * rate / momentum
    precession = 2 * math.pi * states * disorder.lambda_xy * disorder.lambda_z
    precession *= kappa * rate / momentum**3
    return scattering + (-0.5 if chosen.precession_shift else 1.0) * precession


class InsbEstimate(NamedTuple):
    """Numbers of the InSb inversion layer, with currents over ``sigma_D``.

    Attributes
    ----------
    lambda_xy, lambda_z : float
        Strengths of the vertices.
    spin_hall_angle : float
        Spin-Hall angle theta_sH.
    inverse_precession : float
        ``1/(alpha_asp tau_D)``.
    relaxation_time : float
        ``tau_EY/tau_D``.
    rashba_turn : float
        ``alpha_R tau_D``.
    rate_ratio : float
        ``alpha_asp/(alpha_R theta_sH)``.
    exact_ratio : float
        Part of M driven by the precession term over the rest, in the exact 3x3 solution.
    small : float
        ``tau_EY/tau_DP``, which must be small for [qbe 24]-[qbe 26].
    charge_current, spin_current, magnetisation : float
        Exact 3x3 solution.
    """

    lambda_xy: float
    lambda_z: float
    spin_hall_angle: float
    inverse_precession: float
    relaxation_time: float
    rashba_turn: float
    rate_ratio: float
    exact_ratio: float
    small: float
    charge_current: float
    spin_current: float
    magnetisation: float


def estimate_insb(
    *,
    density: float = 1.17e15,
    lambda_parallel_squared: float = 105e-20,
    time: float = 32e-15,
    rashba: float = 1.2,
    mass: float = 0.0135,
    convention: str | Convention = CONSISTENT,
) -> InsbEstimate:
    """Estimates for the InSb inversion layer of the discussion section, and their inputs.

    Inputs in the paper are ``alpha = 1.2 eV A``, ``lambda_perp**2/xi = 12 A`` and ``tau_D ~ 200
    ps``; its results are ``1/(alpha_asp tau_D) ~ 1e4``, ``tau_EY/tau_D ~ 1e3``, ``theta_sH ~ 1``
    and ``sigma_DMC/sigma_EE ~ 1e-3``. The paper gives neither the density nor ``lambda_par``: the
    defaults are the pair that gives the first two from its [qbe 19] and [qbe 21]. With 200 ps the
    spin-Hall angle would be thousands; it is about one at 32 fs. The ratio 1e-3 cannot be
    obtained together with the other three.

    Parameters
    ----------
    density : float, 1/m^2
        Density of electrons of both spins.
    lambda_parallel_squared : float, m^2
        Square of the effective Compton length of the Mott potential.
    time : float, s
        Drude time.
    rashba : float, eV A
        Rashba coefficient alpha.
    mass : float, electron masses
        Effective mass.
    convention : str or Convention
        Formulas as derived or as in the paper.

    Returns
    -------
    InsbEstimate
    """
    chosen = resolve_convention(convention)
    density, time, mass = (
        positive("density", density),
        positive("time", time),
        positive("mass", mass),
    )
    lambda_parallel_squared = positive("lambda_parallel_squared", lambda_parallel_squared)
    rashba = number("rashba", rashba)
    if rashba == 0:
        raise ParameterError("rashba must not be zero, or the ratios are not defined; give eV A.")
    k = math.sqrt(2 * math.pi * density)
    kilogram = mass * constants.m_e
    energy = (HBAR * k) ** 2 / kilogram
    electrons = Electrons(
        rashba=rashba * ELECTRON_VOLT * ANGSTROM * k / energy, drude_time=time * energy / HBAR
    )
    disorder = Disorder(
        lambda_xy=k * 12 * ANGSTROM / 8, lambda_z=k**2 * lambda_parallel_squared / 4
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ValidityWarning)
        full = coefficients(electrons, disorder, chosen)
    rates = relaxation_rates(electrons, disorder, chosen)
    exact = linear_response(full)
    without = linear_response(
        type(full)(
            **{**vars(full), "charge_from_magnetisation": 0.0, "magnetisation_from_charge": 0.0}
        )
    )
    asp, turn = full.magnetisation_from_charge, full.spin_from_magnetisation
    if not (asp and full.relaxation_ratio and turn * full.spin_hall_angle):
        raise ParameterError(
            "the rates are too small to be compared: one of them is zero in floating-point "
            "numbers; give values of a semiconductor."
        )
    unit = full.drude_conductivity
    return InsbEstimate(
        lambda_xy=disorder.lambda_xy,
        lambda_z=disorder.lambda_z,
        spin_hall_angle=full.spin_hall_angle,
        inverse_precession=1 / abs(asp),
        relaxation_time=1 / full.relaxation_ratio,
        rashba_turn=turn,
        rate_ratio=abs(asp / (turn * full.spin_hall_angle)),
        exact_ratio=float(abs(exact.magnetisation / without.magnetisation - 1)),
        small=float(rates.dyakonov_perel[1] / rates.elliott_yafet[1]),
        charge_current=float(exact.charge_current / unit),
        spin_current=float(exact.spin_current / unit),
        magnetisation=float(exact.magnetisation / unit),
    )
