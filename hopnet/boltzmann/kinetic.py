"""The kinetic equation on all angular harmonics: fields, frequencies, wave vectors.

Units and state as in `hopnet.boltzmann.collisions`; results as in
`hopnet.boltzmann.response` (hbar = e = E = 1, field along x).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hopnet.boltzmann.collisions import (
    check_harmonics,
    check_real,
    collision_integral,
    precession_matrix,
    side_jump_source,
    swap_term,
)
from hopnet.boltzmann.conventions import resolve_convention
from hopnet.boltzmann.response import coefficients, linear_response
from hopnet.errors import ConvergenceError, ParameterError
from hopnet.records import read_only

TOLERANCE = 1e-9  # of the true residual of a solve, relative to the source


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


def generator(
    electrons, disorder, harmonics=4, *, star=True, swap=True, convention="consistent"
):
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
    matrix = collision_integral(disorder, harmonics, star=star, convention=chosen)
    if not swap:
        matrix -= swap_term(disorder, harmonics)
    if electrons.rashba != 0:
        turns = (2 if chosen.gauge else 1) * electrons.rashba * electrons.fermi_momentum
        matrix += turns * electrons.drude_time * precession_matrix(harmonics)
        cyclotron = (8 if chosen.cyclotron else 2) * electrons.mass * electrons.rashba**2
        add_cyclotron(matrix, cyclotron * electrons.drude_time)
    return matrix


def add_cyclotron(matrix, turn):
    """Add ``(turn / 2) {sigma_z, d/dtheta}`` to a matrix on harmonics, in place."""
    size = matrix.shape[0] // 4
    order = np.arange(1, (size - 1) // 2 + 1)
    cosine, sine = 4 * (2 * order - 1), 4 * (2 * order)
    for a, b in ((0, 3), (3, 0)):
        matrix[sine + a, cosine + b] -= order * turn
        matrix[cosine + a, sine + b] += order * turn


def larmor_matrix(larmor):
    """``larmor x`` as a matrix on (charge, x, y, z); the magnetic part of [qbe 9].

    Parameters
    ----------
    larmor : float64[..., 3]
        ``2 gamma H``: for [qbe 9] as printed, ``dm/dt = 2 gamma H x m``.

    Returns
    -------
    float64[..., 4, 4]
    """
    x, y, z = np.moveaxis(np.asarray(larmor, dtype=float), -1, 0)
    out = np.zeros((*x.shape, 4, 4))
    out[..., 1, 2], out[..., 1, 3] = -z, y
    out[..., 2, 1], out[..., 2, 3] = z, -x
    out[..., 3, 1], out[..., 3, 2] = -y, x
    return out


def streaming_matrix(harmonics):
    """Multiplication by ``cos`` and by ``sin``: float64[2, 2L+1, 2L+1] on the harmonics."""
    size = 2 * harmonics + 1
    out = np.zeros((2, size, size))
    for l in range(harmonics):
        c, s = 2 * l - 1, 2 * l  # of harmonic l; for l = 0 only index 0
        c1, s1 = 2 * l + 1, 2 * l + 2
        if l == 0:
            out[0, c1, 0], out[0, 0, c1] = 1.0, 0.5
            out[1, s1, 0], out[1, 0, s1] = 1.0, 0.5
            continue
        out[0, c1, c] = out[0, c, c1] = out[0, s1, s] = out[0, s, s1] = 0.5
        out[1, s1, c] = out[1, c, s1] = 0.5
        out[1, c1, s] = out[1, s, c1] = -0.5
    return out


def kinetic_response(
    electrons,
    disorder,
    harmonics=4,
    *,
    star=True,
    swap=True,
    larmor=(0.0, 0.0, 0.0),
    frequency=0.0,
    wave_vector=(0.0, 0.0),
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
    At zero wave vector the charge harmonic ``l = 0`` is conserved and left out. Cost: one
    dense solve of order ``4 (2L+1)`` for each drive.

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
    larmor = check_real("larmor", larmor)
    frequency = check_real("frequency", frequency)
    wave_vector = check_real("wave_vector", wave_vector)
    if larmor.shape[-1:] != (3,) or wave_vector.shape[-1:] != (2,):
        raise ParameterError(
            "larmor needs three and wave_vector two components on the last axis, got shapes "
            f"{larmor.shape} and {wave_vector.shape}; give vectors."
        )
    projected = coefficients(electrons, disorder, chosen)
    bare = electrons.density * electrons.drude_time / electrons.mass
    ratio = side_jump
    if side_jump is None:
        ratio = float(projected.side_jump / projected.drude_conductivity)
    static = generator(
        electrons, disorder, harmonics, star=star, swap=swap, convention=chosen
    )
    source = side_jump_source(harmonics, ratio)
    source[4] = 1.0
    matrix, first = drive_matrices(static, electrons, harmonics, larmor, frequency, wave_vector)
    amplitude, residual = solve_all(matrix, source, first)
    return collect(amplitude.reshape(*amplitude.shape[:-1], -1, 4), bare, residual)


def drive_matrices(static, electrons, harmonics, larmor, frequency, wave_vector):
    """``i omega + i q.v - generator - Larmor`` for every drive, and the first mode kept."""
    shape = np.broadcast_shapes(larmor.shape[:-1], frequency.shape, wave_vector.shape[:-1])
    size, order = 2 * harmonics + 1, static.shape[0]
    tau = electrons.drude_time
    moving = bool(np.any(frequency != 0) or np.any(wave_vector != 0))
    matrix = np.broadcast_to(-static, (*shape, order, order))
    matrix = matrix.astype(complex if moving else float, copy=True)
    if np.any(larmor != 0):
        rows = np.arange(order).reshape(size, 4)
        turn = np.broadcast_to(tau * larmor_matrix(larmor), (*shape, 4, 4))
        matrix[..., rows[:, :, None], rows[:, None, :]] -= turn[..., None, :, :]
    if np.any(frequency != 0):
        diagonal = np.arange(order)
        matrix[..., diagonal, diagonal] += 1j * tau * frequency[..., None]
    first = 1
    if np.any(wave_vector != 0):
        if not np.all(np.any(wave_vector != 0, axis=-1) | (frequency != 0)):
            raise ParameterError(
                "a zero wave_vector at zero frequency leaves the density undetermined beside "
                "others that are not zero; solve it in a call of its own."
            )
        first = 0
        streaming = np.kron(streaming_matrix(harmonics), np.eye(4))
        path = electrons.fermi_velocity * tau
        matrix += 1j * path * np.tensordot(wave_vector, streaming, axes=(-1, 0))
    return matrix, first


def solve_all(matrix, source, first):
    """Solve for the modes from ``first`` on; returns all amplitudes and the worst residual."""
    kept, drive = matrix[..., first:, first:], source[first:]
    try:
        part = np.linalg.solve(kept, np.broadcast_to(drive, kept.shape[:-1])[..., None])[..., 0]
    except np.linalg.LinAlgError:
        raise ParameterError(
            "the spin is undetermined: neither lambda_xy, lambda_z, alpha nor the frequency "
            "lets it settle; make one of them non-zero."
        ) from None
    miss = (kept @ part[..., None])[..., 0] - drive
    residual = float(np.max(np.abs(miss))) / max(float(np.max(np.abs(drive))), 1e-300)
    size = max(1.0, float(np.max(np.abs(part))))
    amplitude = np.zeros(matrix.shape[:-1], dtype=part.dtype)
    amplitude[..., first:] = part
    if not residual <= TOLERANCE * size:
        raise ConvergenceError(
            f"the harmonics solve left a residual of {residual:.2g}, allowed "
            f"{TOLERANCE * size:.2g}; something must relax the spin faster than rounding.",
            estimate=amplitude,
            residual=residual,
        )
    return amplitude, residual


def collect(harmonic, conductivity, residual):
    """The moments of the amplitudes: currents from ``l = 1``, densities from ``l = 0``."""
    first = np.swapaxes(harmonic[..., 1:3, :], -1, -2)
    kind = harmonic.dtype
    return KineticResponse(
        charge_current=read_only(conductivity * first[..., 0, :], kind),
        spin_current=read_only(conductivity * first[..., 1:, :], kind),
        magnetisation=read_only(2 * conductivity * harmonic[..., 0, 1:], kind),
        density=read_only(2 * conductivity * harmonic[..., 0, 0], kind),
        harmonic=read_only(harmonic, kind),
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
