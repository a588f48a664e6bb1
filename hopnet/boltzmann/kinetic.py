"""The kinetic equation on all angular harmonics: magnetic fields, frequencies, wave vectors.

The distribution and its units are those of `hopnet.boltzmann.collisions`, the results those of
`hopnet.boltzmann.response` (hbar = e = E = 1, field along x).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hopnet import checks
from hopnet.boltzmann.checks import MOST_HARMONICS, check_harmonics, number, real_array
from hopnet.boltzmann.collisions import Disorder, side_jump_source
from hopnet.boltzmann.conventions import Convention, resolve_convention
from hopnet.boltzmann.electrons import Electrons, check_single
from hopnet.boltzmann.operators import (
    FREQUENCY,
    HOLD,
    LARMOR,
    STREAMING,
    OperatorTerms,
    operator_terms,
    static_sizes,
)
from hopnet.boltzmann.response import bare_conductivities, check_born, coefficients, linear_response
from hopnet.errors import ConvergenceError, ParameterError
from hopnet.kernels.boltzmann_band import fill_band_solution
from hopnet.records import Record

__all__ = ["KineticResponse", "generator", "hanle_formula", "kinetic_response"]

# Rows of the source: cos of the charge (the field) and sin of spin z (the side jump).
CHARGE, SIDE_JUMP = 4, 11

# Largest true residual of a solve, relative to the source. A regular solve leaves 1e-15; a larger
# bound would accept a spin that relaxes as slowly as rounding errors grow.
TOLERANCE = 1e-9

# Harmonics chosen by default: the first number tried, the last one, and the truncation error that
# is accepted. A smaller error costs more harmonics; 256 suffice up to q v_F tau of about 20.
FIRST_HARMONICS, MOST_CHOSEN, TRUNCATION = 4, 256, 1e-9

# Safety factor of the change to more harmonics. The change itself would do where the amplitudes
# fall fast; a larger factor costs harmonics.
SAFETY = 2.0

# A reference has settled when it changes less than this part of the error that it measures.
SETTLED = 0.1

# Defaults of the drives, read-only: no field, no frequency, no wave vector.
STILL, STEADY, UNIFORM = (np.broadcast_to(0.0, n) for n in ((3,), (), (2,)))


@dataclass(frozen=True)
class KineticResponse(Record):
    """Steady or AC response per unit field. The leading axes are those of the drive.

    Attributes
    ----------
    charge_current : float64 or complex128[..., 2]
        Charge current (J_x, J_y).
    spin_current : float64 or complex128[..., 3, 2]
        Spin currents ``J^a_i``: spin a = x, y, z that flows along i = x, y.
    magnetisation : float64 or complex128[..., 3]
        Magnetisation ``v_F m``.
    density : float64 or complex128[...]
        Charge harmonic ``l = 0`` in the same unit; 0 at zero wave vector.
    harmonic : float64 or complex128[..., 2L+1, 4]
        All amplitudes, over ``sigma_D``.
    residual : float
        Largest true residual of the solves, relative to the source.
    truncation_error : float
        Numerical error of the moments by the harmonics left out, relative to the largest moment;
        NaN if it was not asked for.
    """

    charge_current: np.ndarray
    spin_current: np.ndarray
    magnetisation: np.ndarray
    density: np.ndarray
    harmonic: np.ndarray
    residual: float
    truncation_error: float


def generator(
    electrons: Electrons,
    disorder: Disorder,
    harmonics: int = 4,
    *,
    star: bool = True,
    swap: bool = True,
    convention: str | Convention = "consistent",
) -> np.ndarray:
    """Time derivative of the harmonics at zero field: collisions, precession, spin-orbit force.

    Equations [qbe 8], [qbe 10] and [qbe 11]::

        tau_D dn/dt = I[n] - i tau_D [alpha p_F Gamma_R(p^), n]
                      + (omega_c tau_D / 2) {sigma_z, dn/dtheta}

    with ``omega_c = 2 m alpha**2``, the field strength of the gauge field of [qbe 1]. In the paper:
    twice the precession (``gauge``) and ``omega_c = 8 m alpha**2`` (``cyclotron``); those two
    belong to a Rashba coupling ``2 alpha``.

    Parameters
    ----------
    electrons : Electrons
        Band, with single numbers.
    disorder : Disorder
        Disorder, with single numbers.
    harmonics : int
        Highest harmonic L, from 1 to 512; higher ones are left out.
    star, swap : bool
        Whether to keep the star diagram and the swap term.
    convention : str or Convention
        Formulas as derived or as in the paper.

    Returns
    -------
    float64[4 (2L+1), 4 (2L+1)], 1/tau_D
    """
    chosen = resolve_convention(convention)
    check_single(electrons, disorder)
    for name, flag in (("star", star), ("swap", swap)):
        checks.flag(name, flag)
    harmonics = check_harmonics(harmonics)
    terms = operator_terms(harmonics, disorder.weight)
    return terms.matrix(static_sizes(electrons, disorder, chosen, star=star, swap=swap))


def kinetic_response(
    electrons: Electrons,
    disorder: Disorder,
    harmonics: int | None = None,
    *,
    star: bool = True,
    swap: bool = True,
    larmor: npt.ArrayLike = STILL,
    frequency: npt.ArrayLike = STEADY,
    wave_vector: npt.ArrayLike = UNIFORM,
    side_jump: float | None = None,
    convention: str | Convention = "consistent",
    estimate_truncation: bool = True,
) -> KineticResponse:
    """Solve the quantum Boltzmann equation on harmonics up to L; [qbe 8], [qbe 9], [qbe 11].

    Parameters
    ----------
    electrons : Electrons
        Band, with single numbers.
    disorder : Disorder
        Disorder, with single numbers.
    harmonics : int, optional
        Highest harmonic L, from 1 to 512. By default it is chosen such that the truncation error
        stays below 1e-9, at most 256.
    star, swap : bool
        Whether to keep the star diagram (default; with uniform Rashba coupling it changes the
        spin-Hall angle by ``-2 lambda_xy alpha p_F tau_D``) and the swap term.
    larmor : float64[..., 3], 1/time
        Larmor vector ``2 gamma H``, which rotates the spin of every harmonic.
    frequency : float64[...], 1/time
        Frequency omega of ``exp(+i omega t)``.
    wave_vector : float64[..., 2], 1/length
        Wave vector q of ``exp(+i q.r)``.
    side_jump : float, optional
        Ratio ``sigma_SJ / sigma_D``; by default that of `coefficients`.
    convention : str or Convention
        Formulas as derived or as in the paper.
    estimate_truncation : bool
        False: do not estimate the truncation error of the harmonics given (it is then NaN). The
        estimate takes most of the time.

    Returns
    -------
    KineticResponse
        Leading axes: ``larmor``, ``frequency`` and ``wave_vector``, broadcast together.

    Raises
    ------
    ParameterError
        If nothing relaxes the spin, so that the response is not defined.
    ConvergenceError
        If the residual of a solve exceeds 1e-9, or if 256 harmonics, chosen by default, leave a
        truncation error above 1e-9.

    Notes
    -----
    At zero wave vector the charge harmonic ``l = 0`` is conserved and held at 0. A uniform response
    without an in-plane Larmor vector is exact from ``L = 2`` on, since the total angular
    momentum of orbit and spin is conserved. At a wave vector the amplitudes fall as
    ``(q l / (1 + (1 + (q l)**2)**0.5))**L`` with the mean free path ``l = v_F tau``, and the
    truncation error as the square of it. Cost: one banded solve of order ``4 (2L+1)`` for each
    drive, linear in L, and further ones with more harmonics for the truncation error. The first
    call with an L and a scattering weight builds the terms of the operator; later ones add them.

    Examples
    --------
    Uniform Rashba coupling only: the spin current vanishes and ``M / J = omega_c / alpha p_F``.

    >>> from hopnet.boltzmann.collisions import Disorder
    >>> from hopnet.boltzmann.response import Electrons
    >>> answer = kinetic_response(Electrons(rashba=0.1, drude_time=2.0), Disorder())
    >>> ratio = answer.magnetisation[1] / answer.charge_current[0]
    >>> round(float(ratio), 12), abs(float(answer.spin_current[2, 1])) < 1e-15
    (0.2, True)
    """
    problem = pose_problem(
        electrons,
        disorder,
        star=star,
        swap=swap,
        larmor=larmor,
        frequency=frequency,
        wave_vector=wave_vector,
        side_jump=side_jump,
        convention=convention,
    )
    checks.flag("estimate_truncation", estimate_truncation)
    if harmonics is None:
        amplitude, residual, error = choose_harmonics(problem)
    else:
        harmonics = check_harmonics(harmonics)
        amplitude, residual = solve_problem(problem, harmonics)
        error = truncation_error(problem, harmonics, amplitude) if estimate_truncation else math.nan
    return collect(amplitude, problem.conductivity, residual, error)


class Problem(NamedTuple):
    """A set of drives, whatever the number of harmonics.

    Attributes
    ----------
    size : complex128 or float64[..., 16]
        Prefactors of all terms in ``i omega + i q.v - generator - Larmor``, per drive.
    weight : tuple of float
        Scattering weight of the disorder.
    side_jump : float
        ``sigma_SJ / sigma_D``.
    conductivity : float
        ``n tau_D / m``.
    symmetric : bool
        Whether every drive is uniform and conserves the total angular momentum.
    """

    size: np.ndarray
    weight: tuple[float, ...]
    side_jump: float
    conductivity: float
    symmetric: bool


def pose_problem(
    electrons: Electrons,
    disorder: Disorder,
    *,
    star: bool,
    swap: bool,
    larmor: npt.ArrayLike,
    frequency: npt.ArrayLike,
    wave_vector: npt.ArrayLike,
    side_jump: float | None,
    convention: str | Convention,
) -> Problem:
    """Check the input of `kinetic_response` and compute the prefactors of all terms."""
    chosen = resolve_convention(convention)
    check_single(electrons, disorder)
    for name, flag in (("star", star), ("swap", swap)):
        checks.flag(name, flag)
    turning = STILL if larmor is STILL else real_array("larmor", larmor)
    omega = STEADY if frequency is STEADY else real_array("frequency", frequency)
    travelling = UNIFORM if wave_vector is UNIFORM else real_array("wave_vector", wave_vector)
    if turning.shape[-1:] != (3,) or travelling.shape[-1:] != (2,):
        raise ParameterError(
            "larmor needs three and wave_vector two components on the last axis, got shapes "
            f"{turning.shape} and {travelling.shape}; give vectors."
        )
    check_born(disorder)
    drude, jump = bare_conductivities(electrons, disorder, chosen)
    static = static_sizes(electrons, disorder, chosen, star=star, swap=swap)
    return Problem(
        size=drive_sizes(static, electrons, turning, omega, travelling),
        weight=disorder.weight,
        side_jump=float(jump / drude) if side_jump is None else number("side_jump", side_jump),
        conductivity=electrons.density * electrons.drude_time / electrons.mass,
        symmetric=not (turning[..., :2].any() or travelling.any()),
    )


def drive_sizes(
    static: np.ndarray,
    electrons: Electrons,
    larmor: np.ndarray,
    frequency: np.ndarray,
    wave_vector: np.ndarray,
) -> np.ndarray:
    """Prefactors of all terms in ``i omega + i q.v - generator - Larmor``: [..., 16]."""
    oscillating = frequency is not STEADY and bool(frequency.any())
    travelling = wave_vector is not UNIFORM and bool(wave_vector.any())
    shape = larmor.shape[:-1]
    if frequency.ndim or wave_vector.ndim > 1:
        try:
            shape = np.broadcast_shapes(shape, frequency.shape, wave_vector.shape[:-1])
        except ValueError:
            raise ParameterError(
                "the leading axes of larmor, frequency and wave_vector must fit together, got "
                f"{shape}, {frequency.shape} and {wave_vector.shape[:-1]}; correct the shapes."
            ) from None
    tau = electrons.drude_time
    size = np.zeros((*shape, HOLD + 1), dtype=complex if oscillating or travelling else float)
    size[..., : LARMOR.start] = -static
    size[..., LARMOR] = -tau * larmor
    if oscillating:
        size[..., FREQUENCY] = 1j * tau * frequency
    if not travelling:
        size[..., HOLD] = 1.0
        return size
    if not np.all(np.any(wave_vector != 0, axis=-1) | (frequency != 0)):
        raise ParameterError(
            "a zero wave_vector at zero frequency leaves the density undetermined beside "
            "others that are not zero; solve it in a separate call."
        )
    size[..., STREAMING] = 1j * electrons.fermi_velocity * tau * wave_vector
    return size


def solve_problem(problem: Problem, harmonics: int) -> tuple[np.ndarray, float]:
    """Amplitudes [..., 2L+1, 4] over the conductivity, and the worst residual."""
    terms = operator_terms(harmonics, problem.weight)
    source = side_jump_source(harmonics, problem.side_jump)
    source[CHARGE] = 1.0
    size = problem.size
    amplitude, residual = solve_all(terms, size.reshape(-1, size.shape[-1]), source)
    return amplitude.reshape(*size.shape[:-1], -1, 4), residual


def choose_harmonics(problem: Problem) -> tuple[np.ndarray, float, float]:
    """Double the harmonics until the truncation error is below its tolerance.

    The last number is not compared with twice as many. Its error falls by at least the factor
    of the doubling before, since the amplitudes fall geometrically.

    Returns
    -------
    amplitude, residual, error
        Results of `solve_problem`, and the truncation error.
    """
    harmonics, before = FIRST_HARMONICS, math.inf
    amplitude, residual = solve_problem(problem, harmonics)
    if problem.symmetric:
        return amplitude, residual, 0.0
    while True:
        finer, finer_residual = solve_problem(problem, 2 * harmonics)
        error = SAFETY * moment_change(amplitude, finer)
        if error <= TRUNCATION:
            return amplitude, residual, error
        amplitude, residual, harmonics = finer, finer_residual, 2 * harmonics
        if harmonics == MOST_CHOSEN:
            error *= min(1.0, error / before)
            if error <= TRUNCATION:
                return amplitude, residual, error
            raise ConvergenceError(
                f"{harmonics} harmonics leave a truncation error of about {error:.2g}, allowed "
                f"{TRUNCATION:g}; give harmonics, at most {MOST_HARMONICS}, or a smaller wave "
                "vector.",
                estimate=collect(amplitude, problem.conductivity, residual, error),
                residual=error,
            )
        before = error


def truncation_error(problem: Problem, harmonics: int, amplitude: np.ndarray) -> float:
    """Bound of the relative error of the moments by the harmonics left out.

    It is the change to a larger number of harmonics, which is doubled until the change settles.
    Where it does not settle, the amplitude of the last harmonic is a bound too. Above 128
    harmonics it is the change from half of them.
    """
    if problem.symmetric and harmonics >= 2:
        return 0.0
    if 2 * harmonics > MOST_CHOSEN:
        other, settled = solve_problem(problem, harmonics // 2)[0], False
    else:
        more, settled = 2 * harmonics, False
        other = solve_problem(problem, more)[0]
        while not settled and 2 * more <= MOST_CHOSEN:
            more *= 2
            finer = solve_problem(problem, more)[0]
            settled = moment_change(other, finer) <= SETTLED * moment_change(amplitude, finer)
            other = finer
    error = SAFETY * moment_change(other, amplitude)
    if settled:
        return error
    size = np.max(np.abs(amplitude[..., :3, :]), axis=(-1, -2))
    tail = np.max(np.abs(amplitude[..., -2:, :]), axis=(-1, -2))
    return max(error, float(np.max(tail / size, initial=0.0)))


def moment_change(one: np.ndarray, other: np.ndarray) -> float:
    """Largest difference of the moments relative to the largest moment, over all drives."""
    share = np.array([2.0, 1.0, 1.0])[:, None]  # densities and currents, see `collect`
    one, other = share * one[..., :3, :], share * other[..., :3, :]
    difference = np.max(np.abs(one - other), axis=(-1, -2), initial=0.0)
    return float(np.max(difference / np.max(np.abs(other), axis=(-1, -2)), initial=0.0))


def solve_all(
    terms: OperatorTerms, size: np.ndarray, source: np.ndarray
) -> tuple[np.ndarray, float]:
    """Amplitudes [n_drives, order] of all drives and the worst residual."""
    entry = size @ terms.value
    amplitude, missed = np.empty((size.shape[0], terms.order), entry.dtype), np.empty(size.shape[0])
    work = np.empty((terms.order, 3 * terms.width + 2), entry.dtype)
    fill_band_solution(entry, terms.row, terms.column, terms.width, source, work, amplitude, missed)
    residual = float(missed.max(initial=0.0)) / max(1.0, abs(source[SIDE_JUMP]))
    if residual == math.inf:
        raise ParameterError(
            "the spin is undetermined: neither lambda_xy, lambda_z, alpha nor the frequency "
            "relaxes it; make one of them non-zero."
        )
    if not residual <= TOLERANCE:
        allowed = TOLERANCE * max(1.0, float(np.abs(amplitude).max(initial=0.0)))
        if not residual <= allowed:
            raise ConvergenceError(
                f"the solution of the harmonics has a residual of {residual:.2g}, allowed "
                f"{allowed:.2g}; the spin must relax faster than rounding errors grow.",
                estimate=amplitude,
                residual=residual,
            )
    return amplitude, residual


def collect(
    harmonic: np.ndarray, conductivity: float, residual: float, error: float
) -> KineticResponse:
    """Moments of the amplitudes: currents from ``l = 1``, densities from ``l = 0``."""
    current = conductivity * harmonic[..., 1:3, :]
    density = 2 * conductivity * harmonic[..., 0, :]
    for array in (harmonic, current, density):
        array.flags.writeable = False
    return KineticResponse(
        charge_current=current[..., 0],
        spin_current=current[..., 1:].swapaxes(-1, -2),
        magnetisation=density[..., 1:],
        density=density[..., 0],
        harmonic=harmonic,
        residual=residual,
        truncation_error=error,
    )


def hanle_formula(
    electrons: Electrons, disorder: Disorder, larmor_x: npt.ArrayLike
) -> tuple[np.ndarray, np.ndarray]:
    """Reduced Hanle curve for a field along x and ``omega_L tau_D << 1``; from [qbe 9].

    ::

        m_y = m_y(0) / (1 + (omega_L)**2 t_y t_z),   m_z = omega_L t_z m_y

    with ``1/t_y = 1/tau_EY^y + 2 (alpha p_F)**2 tau_D`` and ``1/t_z = 1/tau_EY^z + 4 (alpha p_F)**2
    tau_D``.

    Parameters
    ----------
    electrons : Electrons
        Band, with single numbers.
    disorder : Disorder
        Disorder, with single numbers.
    larmor_x : float64[...], 1/time
        Larmor frequency of the field along x.

    Returns
    -------
    magnetisation_y, magnetisation_z : float64[...]
        Magnetisation ``v_F m``, in the unit of the currents.
    """
    check_single(electrons, disorder)
    larmor = real_array("larmor_x", larmor_x)
    projected = coefficients(electrons, disorder)
    tau = projected.transport_time
    field = (electrons.rashba * electrons.fermi_momentum) ** 2 * tau
    flip = 4 * disorder.lambda_xy**2 * (1 + disorder_cosine(disorder)) / electrons.drude_time
    t_y = 1 / (projected.relaxation_ratio / tau + 2 * field)
    t_z = 1 / (flip + 4 * field)
    still = linear_response(projected).magnetisation
    turned = still / (1 + np.square(larmor) * t_y * t_z)
    return turned, larmor * t_z * turned


def disorder_cosine(disorder: Disorder) -> float:
    """Mean cosine of the scattering weight."""
    return disorder.weight[1] / 2 if len(disorder.weight) > 1 else 0.0
