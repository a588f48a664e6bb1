"""The kinetic equation on all angular harmonics: fields, frequencies, wave vectors.

Units and state as in `hopnet.boltzmann.collisions`; results as in
`hopnet.boltzmann.response` (hbar = e = E = 1, field along x).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from hopnet.boltzmann.collisions import check_harmonics, check_real, side_jump_source
from hopnet.boltzmann.conventions import resolve_convention
from hopnet.boltzmann.operators import (
    FREQUENCY,
    HOLD,
    LARMOR,
    STREAMING,
    operator_terms,
    static_sizes,
)
from hopnet.boltzmann.response import (
    bare_conductivities,
    check_born,
    coefficients,
    linear_response,
)
from hopnet.errors import ConvergenceError, ParameterError
from hopnet.kernels.boltzmann_band import fill_band_solution

CHARGE, SIDE_JUMP = 4, 11  # cos of the charge, sin of spin z: where the field drives
TOLERANCE = 1e-9  # of the true residual of a solve, relative to the source
STILL, STEADY, UNIFORM = (np.broadcast_to(0.0, n) for n in ((3,), (), (2,)))  # read-only


@dataclass(frozen=True)
class KineticResponse:
    """Steady or AC response per unit field; leading axes are those of the drive.

    Attributes
    ----------
    charge_current : float64 or complex128[..., 2]
        J_x, J_y.
    spin_current : [..., 3, 2]
        ``J^a_i``: spin a = x, y, z flowing along i = x, y.
    magnetisation : [..., 3]
        ``v_F m``.
    density : [...]
        Charge harmonic ``l = 0`` in the same unit; 0 at zero wave vector.
    harmonic : [..., 2L+1, 4]
        All amplitudes, over ``sigma_D``.
    residual : float
        Largest true residual of the solves, relative to the source.
    """

    charge_current: np.ndarray
    spin_current: np.ndarray
    magnetisation: np.ndarray
    density: np.ndarray
    harmonic: np.ndarray
    residual: float


def generator(electrons, disorder, harmonics=4, *, star=True, swap=True, convention="consistent"):
    """Time derivative of the harmonics at zero field: collisions, precession, spin-orbit force.

    Equations [qbe 8], [qbe 10] and [qbe 11]::

        tau_D dn/dt = I[n] - i tau_D [alpha p_F Gamma_R(p^), n]
                      + (omega_c tau_D / 2) {sigma_z, dn/dtheta}

    with ``omega_c = 2 m alpha**2``, the field strength of the gauge field of [qbe 1]. Printed:
    twice the precession (``gauge``) and ``omega_c = 8 m alpha**2`` (``cyclotron``); those two
    belong to a Rashba coupling ``2 alpha``.

    Parameters
    ----------
    electrons : Electrons
    disorder : Disorder
    harmonics : int
        Highest harmonic L; higher ones are dropped.
    star, swap : bool
        Keep the star diagram and the swap term.
    convention : str or Convention

    Returns
    -------
    float64[4 (2L+1), 4 (2L+1)], 1/tau_D
    """
    chosen = resolve_convention(convention)
    check_harmonics(harmonics)
    terms = operator_terms(harmonics, disorder.weight)
    return terms.matrix(static_sizes(electrons, disorder, chosen, star=star, swap=swap))


def kinetic_response(
    electrons,
    disorder,
    harmonics=4,
    *,
    star=True,
    swap=True,
    larmor=STILL,
    frequency=STEADY,
    wave_vector=UNIFORM,
    side_jump=None,
    convention="consistent",
):
    """Solve the quantum Boltzmann equation on harmonics up to L; [qbe 8], [qbe 9], [qbe 11].

    Parameters
    ----------
    electrons : Electrons
        Scalars.
    disorder : Disorder
        Scalars.
    harmonics : int
        Highest harmonic L.
    star, swap : bool
        Keep the star diagram (default; with uniform Rashba coupling it shifts the
        spin-Hall angle by ``-2 lambda_xy alpha p_F tau_D``) and the swap term.
    larmor : float64[..., 3], 1/time
        ``2 gamma H``; it turns the spin of every harmonic.
    frequency : float64[...], 1/time
        omega of ``exp(+i omega t)``.
    wave_vector : float64[..., 2], 1/length
        q of ``exp(+i q.r)``.
    side_jump : float, optional
        ``sigma_SJ / sigma_D``; by default the one of `coefficients`.
    convention : str or Convention

    Returns
    -------
    KineticResponse
        Leading axes: ``larmor``, ``frequency`` and ``wave_vector`` broadcast together.

    Raises
    ------
    ParameterError
        If nothing relaxes the spin, so that the response is not defined.
    ConvergenceError
        If the residual of a solve exceeds 1e-9.

    Notes
    -----
    At zero wave vector the charge harmonic ``l = 0`` is conserved and held at 0. Cost: one
    banded solve of order ``4 (2L+1)`` for each drive, linear in L; the first call with an L and
    a scattering weight builds the terms of the operator, later ones only add them up.

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
    chosen = resolve_convention(convention)
    check_harmonics(harmonics)
    larmor = larmor if larmor is STILL else check_real("larmor", larmor)
    frequency = frequency if frequency is STEADY else check_real("frequency", frequency)
    wave_vector = wave_vector if wave_vector is UNIFORM else check_real("wave_vector", wave_vector)
    if larmor.shape[-1:] != (3,) or wave_vector.shape[-1:] != (2,):
        raise ParameterError(
            "larmor needs three and wave_vector two components on the last axis, got shapes "
            f"{larmor.shape} and {wave_vector.shape}; give vectors."
        )
    check_born(disorder)
    drude, jump = bare_conductivities(electrons, disorder, chosen)
    bare = electrons.density * electrons.drude_time / electrons.mass
    ratio = float(jump / drude) if side_jump is None else side_jump
    source = side_jump_source(harmonics, ratio)
    source[CHARGE] = 1.0
    static = static_sizes(electrons, disorder, chosen, star=star, swap=swap)
    size = drive_sizes(static, electrons, larmor, frequency, wave_vector)
    terms = operator_terms(harmonics, disorder.weight)
    amplitude, residual = solve_all(terms, size.reshape(-1, size.shape[-1]), source)
    return collect(amplitude.reshape(*size.shape[:-1], -1, 4), bare, residual)


def drive_sizes(static, electrons, larmor, frequency, wave_vector):
    """Sizes of all terms in ``i omega + i q.v - generator - Larmor``: [..., 16]."""
    oscillating = frequency is not STEADY and bool(frequency.any())
    travelling = wave_vector is not UNIFORM and bool(wave_vector.any())
    shape = larmor.shape[:-1]
    if frequency.ndim or wave_vector.ndim > 1:
        shape = np.broadcast_shapes(shape, frequency.shape, wave_vector.shape[:-1])
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
            "others that are not zero; solve it in a call of its own."
        )
    size[..., STREAMING] = 1j * electrons.fermi_velocity * tau * wave_vector
    return size


def solve_all(terms, size, source):
    """Amplitudes [n_drives, order] of all drives and the worst residual."""
    entry = size @ terms.value
    amplitude, missed = np.empty((size.shape[0], terms.order), entry.dtype), np.empty(size.shape[0])
    work = np.empty((terms.order, 3 * terms.width + 2), entry.dtype)
    fill_band_solution(entry, terms.row, terms.column, terms.width, source, work, amplitude, missed)
    residual = float(missed.max(initial=0.0)) / max(1.0, abs(source[SIDE_JUMP]))
    if residual == math.inf:
        raise ParameterError(
            "the spin is undetermined: neither lambda_xy, lambda_z, alpha nor the frequency "
            "lets it settle; make one of them non-zero."
        )
    if not residual <= TOLERANCE:
        allowed = TOLERANCE * max(1.0, float(np.abs(amplitude).max(initial=0.0)))
        if not residual <= allowed:
            raise ConvergenceError(
                f"the harmonics solve left a residual of {residual:.2g}, allowed {allowed:.2g}; "
                "something must relax the spin faster than rounding.",
                estimate=amplitude,
                residual=residual,
            )
    return amplitude, residual


def collect(harmonic, conductivity, residual):
    """The moments of the amplitudes: currents from ``l = 1``, densities from ``l = 0``."""
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
    )


def hanle_formula(electrons, disorder, larmor_x):
    """Reduced Hanle curve for a field along x and ``omega_L tau_D << 1``; from [qbe 9].

    ::

        m_y = m_y(0) / (1 + (omega_L)**2 t_y t_z),   m_z = omega_L t_z m_y

    with ``1/t_y = 1/tau_EY^y + 2 (alpha p_F)**2 tau_D`` and ``1/t_z`` with twice the second part.

    Parameters
    ----------
    electrons : Electrons
    disorder : Disorder
    larmor_x : float64[...], 1/time

    Returns
    -------
    magnetisation_y, magnetisation_z : float64[...]
        In the unit of the currents.
    """
    projected = coefficients(electrons, disorder)
    tau = projected.transport_time
    field = (electrons.rashba * electrons.fermi_momentum) ** 2 * tau
    flip = 4 * disorder.lambda_xy**2 * (1 + disorder_cosine(disorder)) / electrons.drude_time
    t_y = 1 / (projected.relaxation_ratio / tau + 2 * field)
    t_z = 1 / (flip + 4 * field)
    still = linear_response(projected).magnetisation
    turned = still / (1 + np.square(larmor_x) * t_y * t_z)
    return turned, np.asarray(larmor_x) * t_z * turned


def disorder_cosine(disorder):
    """``<cos>`` of the scattering weight."""
    return disorder.weight[1] / 2 if len(disorder.weight) > 1 else 0.0
