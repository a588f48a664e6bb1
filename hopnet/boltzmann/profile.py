"""Steady spin across a strip: the continuity equation with its constitutive relations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from hopnet import checks
from hopnet.boltzmann.checks import number, positive, real_array
from hopnet.boltzmann.collisions import Disorder
from hopnet.boltzmann.conventions import Convention
from hopnet.boltzmann.electrons import Electrons, check_single
from hopnet.boltzmann.kinetic import generator
from hopnet.boltzmann.operators import larmor_matrix
from hopnet.boltzmann.response import coefficients
from hopnet.errors import ConvergenceError, ParameterError
from hopnet.records import Record, read_only

__all__ = ["SpinProfile", "spin_profile"]

# Smallest relaxation rate across the strip times its width. Below it the profile depends on
# rounding errors; a larger bound refuses strips that are resolved.
SLOWEST = 1e-9

# Largest misfit of the continuity equation and of the edges, relative to the largest value.
TOLERANCE = 1e-8

# Largest condition number of the equations of the currents along the strip: beyond it no digit
# of the solution is certain.
MOST_SINGULAR = 1e15

# Most positions across the strip: 1e6 take about 200 MB.
MOST_POINTS = 1_000_000


@dataclass(frozen=True)
class SpinProfile(Record):
    """Spin and spin current against the position across a strip, per unit field along x.

    Attributes
    ----------
    position : float64[n]
        Position y, from ``-width/2`` to ``width/2``.
    magnetisation : float64[n, 3]
        Magnetisation ``v_F m``.
    spin_current : float64[n, 3]
        Spin currents ``J^a_y``; zero at the edges.
    charge_current : float64[n]
        Charge current J_x.
    residual : float
        Largest misfit of the continuity equation and of the edges, relative to sigma_D.
    """

    table_row: ClassVar[str] = "position"
    table_columns: ClassVar[tuple[str, ...]] = (
        "position",
        "magnetisation",
        "spin_current",
        "charge_current",
    )

    position: np.ndarray
    magnetisation: np.ndarray
    spin_current: np.ndarray
    charge_current: np.ndarray
    residual: float


class Modes(NamedTuple):
    """State across the strip and its misfit.

    Attributes
    ----------
    state : float64[n, 6]
        Spin (harmonic 1) and spin currents (harmonic sin) at each position.
    residual : float
        Largest misfit of the equations and of the edges.
    """

    state: np.ndarray
    residual: float


def spin_profile(
    electrons: Electrons,
    disorder: Disorder,
    width: float,
    *,
    n_points: int = 201,
    larmor: npt.ArrayLike = (0.0, 0.0, 0.0),
    convention: str | Convention = "consistent",
    side_jump: float | None = None,
) -> SpinProfile:
    """Steady, non-uniform spin in a strip with reflecting edges; equation [qbe 28].

    The kinetic equation with ``|l| <= 1`` and a gradient along y is the spin continuity
    equation with precession scattering, ::

        (D_t m)_a + (D_y J_y)_a = - m_a / tau_EY^a + alpha_asp (m_y from J_x, -m_x from J_y)

    together with the relations of the currents to the gradients of m. Covariant
    derivatives contain the precession: ``dm_y/dt = - 2 m alpha J^z_y``. The charge current
    across is zero everywhere (a Hall field balances it), and no spin leaves through the edges.
    The six first-order equations are solved in modes that decay from either edge.

    Parameters
    ----------
    electrons : Electrons
        Band, with single numbers.
    disorder : Disorder
        Disorder, with single numbers.
    width : float, 1/momentum
        Width of the strip (hbar = 1).
    n_points : int
        Number of positions, from 2 to 1e6.
    larmor : float64[3], 1/time
        Larmor vector.
    convention : str or Convention
        Formulas as derived or as in the paper.
    side_jump : float, optional
        Ratio ``sigma_SJ / sigma_D``; by default that of `coefficients`.

    Returns
    -------
    SpinProfile

    Raises
    ------
    ParameterError
        If the width is not positive or nothing relaxes the spin.
    ConvergenceError
        If the modes do not fit the edges.

    Notes
    -----
    Valid where the spin varies slowly over the mean free path. In the paper, [qbe 28] has the
    sign of alpha_asp opposite to [qbe 16], since eps^{yxz} = -1.
    """
    check_single(electrons, disorder)
    width, n_points = (
        positive("width", width),
        checks.whole("n_points", n_points, low=2, high=MOST_POINTS),
    )
    turning = real_array("larmor", larmor)
    if turning.shape != (3,):
        raise ParameterError(
            f"larmor needs three components, got shape {turning.shape}; correct it."
        )
    tau = electrons.drude_time
    matrix = generator(electrons, disorder, 1, star=False, convention=convention)
    matrix = matrix + np.kron(np.eye(3), tau * larmor_matrix(turning))
    projected = coefficients(electrons, disorder, convention)
    bare = electrons.density * tau / electrons.mass
    if side_jump is None:
        ratio = float(projected.side_jump / projected.drude_conductivity)
    else:
        ratio = number("side_jump", side_jump)
    drive = np.zeros(12)
    drive[4], drive[11] = 1.0, ratio
    gradient, offset, along = eliminate(matrix, drive, electrons.fermi_velocity * tau)
    y = np.linspace(-width / 2, width / 2, n_points)
    state, residual = solve_modes(gradient, offset, y, width)
    charge = along[0] + state @ along[1]
    return SpinProfile(
        position=read_only(y),
        magnetisation=read_only(2 * bare * state[:, :3]),
        spin_current=read_only(bare * state[:, 3:]),
        charge_current=read_only(bare * charge),
        residual=residual,
    )


def solve_modes(gradient: np.ndarray, offset: np.ndarray, y: np.ndarray, width: float) -> Modes:
    """Solve ``d(state)/dy = gradient state + offset`` with zero spin current at both edges."""
    try:
        bulk = np.linalg.solve(gradient, -offset)
    except np.linalg.LinAlgError:
        raise ParameterError(
            "the spin is undetermined: nothing relaxes it; make lambda_xy, lambda_z or alpha "
            "non-zero."
        ) from None
    rate, mode = np.linalg.eig(gradient)
    anchor = np.where(rate.real > 0, width / 2, -width / 2)
    if np.min(np.abs(rate)) * width < SLOWEST:
        raise ParameterError(
            "the spin relaxes over much more than 1e9 widths, so that its profile is not "
            "determined; make lambda_xy, lambda_z or alpha larger."
        )
    shape = np.exp(rate * (y[:, None] - anchor))  # [n, 6], at most 1
    edges = np.concatenate([mode[3:] * shape[0], mode[3:] * shape[-1]])
    try:
        amount = np.linalg.solve(edges, -np.concatenate([bulk[3:], bulk[3:]]).astype(complex))
    except np.linalg.LinAlgError:
        amount = np.full(6, np.nan + 0j)
    state = (bulk + (shape * amount) @ mode.T).real
    slope = ((shape * amount * rate) @ mode.T).real
    misfit = slope - state @ gradient.T - offset
    residual = float(
        max(np.max(np.abs(misfit)) / np.max(np.abs(rate)), np.max(np.abs(state[[0, -1], 3:])))
    )
    scale = max(1.0, float(np.max(np.abs(state))))
    if not residual <= TOLERANCE * scale:
        raise ConvergenceError(
            f"the modes across the strip differ from the edge conditions by {residual:.2g}, "
            f"allowed {TOLERANCE * scale:.2g}; change alpha slightly (two modes coincide).",
            estimate=state,
            residual=residual,
        )
    return Modes(state, residual)


def eliminate(
    matrix: np.ndarray, drive: np.ndarray, path: float
) -> tuple[np.ndarray, np.ndarray, tuple[float, np.ndarray]]:
    """Reduce the 12 equations to ``d(state)/dy = gradient state + offset``.

    With ``n(y, theta)`` on (1, cos, sin) the streaming term ``v_F sin(theta) d/dy`` gives
    ``(path/2) d(sin)/dy = row(1)``, ``0 = row(cos)``, ``path d(1)/dy = row(sin)``. The cos rows
    are algebraic; the charge of sin is zero and its row only determines the Hall field.

    Parameters
    ----------
    matrix : float64[12, 12]
        Generator on the harmonics (1, cos, sin) times (charge, x, y, z).
    drive : float64[12]
        Source.
    path : float
        Mean free path ``v_F tau_D``.

    Returns
    -------
    gradient : float64[6, 6]
        Matrix of the equations for spin and spin currents.
    offset : float64[6]
        Their source.
    along : (float, float64[6])
        The charge current along x as ``along[0] + along[1] @ state``.
    """
    spin, cosine, sine = np.arange(1, 4), np.arange(4, 8), np.arange(9, 12)
    kept = np.concatenate([spin, sine])
    inner = -matrix[np.ix_(cosine, cosine)]
    if not np.linalg.cond(inner) < MOST_SINGULAR:
        raise ParameterError(
            "the currents along the strip are undetermined to machine precision; give rates and "
            "fields of more similar size."
        )
    response = np.linalg.solve(inner, matrix[np.ix_(cosine, kept)])
    constant = np.linalg.solve(inner, drive[cosine])
    block = matrix[np.ix_(kept, kept)] + matrix[np.ix_(kept, cosine)] @ response
    source = drive[kept] + matrix[np.ix_(kept, cosine)] @ constant
    gradient, offset = np.empty((6, 6)), np.empty(6)
    gradient[:3], offset[:3] = block[3:] / path, source[3:] / path
    gradient[3:], offset[3:] = 2 * block[:3] / path, 2 * source[:3] / path
    return gradient, offset, (constant[0], response[0])
