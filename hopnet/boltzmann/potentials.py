"""Scattering potentials of the Rashba gas: strength and cosine moments.

``u(p, p1, theta) = N |U|**2`` is the mean square of the potential between momenta p and p1
at the angle theta. A `Potential` holds its strength ``u_0`` and the moments of the rest,
``int dtheta/2pi  (u / u_0) cos(l theta)`` for ``l = 0 ... top``.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

from hopnet import checks
from hopnet.boltzmann.checks import (
    MOST_HARMONICS,
    call_profile,
    check_instance,
    number,
    positive,
    real_array,
)
from hopnet.errors import ParameterError
from hopnet.kernels.boltzmann_chain import fill_scaled_bessel
from hopnet.records import Record, read_only

__all__ = [
    "BESSEL_SCALE",
    "Potential",
    "angular_potential",
    "bessel_table",
    "delta_potential",
    "gaussian_potential",
    "scaled_bessel",
    "strength_of",
    "user_potential",
    "yukawa_potential",
]

# The Bessel functions are tabulated in u = 4 / (x + 4), in which both ends of x >= 0 are smooth.
# Another scale moves the accuracy to smaller or larger x.
BESSEL_SCALE = 4.0

# Angles from 0 to pi at which a probability is checked, and the most negative value that counts as
# rounding of zero.
PROFILE_ANGLES, PROFILE_ROUNDING = 721, -1e-12

# Relative change of the moments of a user's profile between half of the angles and all of them. A
# larger bound would let the error of the moments pass that of `solve_rashba`.
RESOLVED = 1e-9

# Most angles of a user's profile: each moment of n momenta takes n times as many numbers.
MOST_ANGLES = 65_536

# A function (p, p1, top) -> moments, float64[top + 1, ...].
Moments = Callable[[npt.ArrayLike, npt.ArrayLike, int], np.ndarray]


@dataclass(frozen=True)
class Potential(Record):
    """A random potential in the kinetic equation, ``|U(p - p1)|**2 N`` of [rashba 6].

    Attributes
    ----------
    name : str
        Name for tables and figures.
    strength : float
        Strength ``u_0 = 1 / (m tau_0)``.
    moments : callable
        Function ``moments(p, p1, top) -> float64[top + 1, ...]`` for arrays of momenta of one
        shape; ``top`` is 2, or 4 with the Mott vertex.
    """

    name: str
    strength: float
    moments: Moments

    def __post_init__(self) -> None:
        check_instance("name", self.name, str)
        object.__setattr__(self, "strength", number("strength", self.strength))
        if not callable(self.moments):
            raise ParameterError(
                f"moments must be a function of (p, p1, top), got {checks.shown(self.moments)}; "
                "give a callable."
            )


def strength_of(time: float, mass: float) -> float:
    """Strength ``u_0 = 1 / (m tau_0)`` at which a delta potential has the lifetime tau_0."""
    return 1.0 / (positive("mass", mass) * positive("time", time))


def delta_potential(time: float, *, mass: float = 1.0) -> Potential:
    """Short-range potential, which scatters into all directions alike.

    Parameters
    ----------
    time : float
        Lifetime ``tau_0 = 1 / (m N |U|**2)`` in the unit ``hbar = 1``.
    mass : float
        Effective mass.

    Returns
    -------
    Potential

    Examples
    --------
    >>> delta_potential(10.0).moments(1.0, 2.0, 2).tolist()
    [1.0, 0.0, 0.0]
    """

    def moments(p: npt.ArrayLike, p1: npt.ArrayLike, top: int) -> np.ndarray:
        out = np.zeros((top + 1, *np.broadcast_shapes(np.shape(p), np.shape(p1))))
        out[0] = 1.0
        return out

    return Potential("delta", strength_of(time, mass), moments)


def gaussian_potential(time: float, radius: float, *, mass: float = 1.0) -> Potential:
    """Potential ``u / u_0 = exp(-|p - p1|**2 R**2)``, with Bessel functions I_l as moments.

    Parameters
    ----------
    time : float
        Lifetime of the delta potential with the same ``u_0``.
    radius : float
        Radius R, in the inverse unit of momentum.
    mass : float
        Effective mass.

    Returns
    -------
    Potential
    """
    radius = np.float64(positive("radius", radius))  # powers of a float64 overflow to infinity

    def moments(p: npt.ArrayLike, p1: npt.ArrayLike, top: int) -> np.ndarray:
        p, p1 = np.broadcast_arrays(np.asarray(p, float), np.asarray(p1, float))
        overlap = np.exp(-(((p - p1) * radius) ** 2))
        return overlap * scaled_bessel(top, 2 * p * p1 * radius**2)

    return Potential(f"Gaussian, R = {radius:g}", strength_of(time, mass), moments)


def scaled_bessel(top: int, x: npt.ArrayLike) -> np.ndarray:
    """Bessel functions ``exp(-x) I_l(x)``, ``l = 0 ... top`` and ``x >= 0``: float64[top + 1, ...].

    The absolute error is about 1e-14, of which the last digits depend on the processor (they come
    from a fit at run time); scipy's ``ive`` takes some twenty times as long.
    """
    x = np.asarray(x, dtype=float)
    out = np.empty((top + 1, x.size))
    fill_scaled_bessel(np.ascontiguousarray(x).ravel(), bessel_table(top), BESSEL_SCALE, out)
    return out.reshape(top + 1, *x.shape)


@functools.cache
def bessel_table(top: int, pieces: int = 64, degree: int = 8) -> np.ndarray:
    """Polynomials of ``(1 + x)**0.5 exp(-x) I_l(x)`` for `fill_scaled_bessel`.

    Each interpolates between the Chebyshev points of its piece.
    """
    place = np.cos(math.pi * (np.arange(degree + 1) + 0.5) / (degree + 1))
    u = (np.arange(pieces)[:, None, None] + 0.5 * (place + 1)) / pieces
    x = BESSEL_SCALE * (1 / u - 1)
    value = np.sqrt(1 + x) * special.ive(np.arange(top + 1)[:, None], x)
    powers = np.linalg.inv(np.vander(place, increasing=True))
    return read_only(np.ascontiguousarray(value @ powers.T))


def yukawa_potential(time: float, screening: float, *, mass: float = 1.0) -> Potential:
    """Potential of screened charges, ``u / u_0 = (k**2 / (|p - p1|**2 + k**2))**2``.

    With ``A = k**2 + p**2 + p1**2``, ``B = 2 p p1``, ``s**2 = A**2 - B**2`` and
    ``z = B / (A + s)`` the moments are ``k**4 z**l (A + l s) / s**3``.

    Parameters
    ----------
    time : float
        Lifetime of the delta potential with the same ``u_0``.
    screening : float
        Screening wave number k, in the unit of momentum.
    mass : float
        Effective mass.

    Returns
    -------
    Potential
    """
    screening = np.float64(positive("screening", screening))  # see gaussian_potential

    def moments(p: npt.ArrayLike, p1: npt.ArrayLike, top: int) -> np.ndarray:
        p, p1 = np.broadcast_arrays(np.asarray(p, float), np.asarray(p1, float))
        order = np.arange(top + 1).reshape(-1, *([1] * p.ndim))
        a, b = screening**2 + p**2 + p1**2, 2 * p * p1
        s = np.sqrt((screening**2 + (p - p1) ** 2) * (screening**2 + (p + p1) ** 2))
        return screening**4 * (b / (a + s)) ** order * (a + order * s) / s**3

    return Potential(f"Yukawa, k = {screening:g}", strength_of(time, mass), moments)


def angular_potential(time: float, cosines: npt.ArrayLike, *, mass: float = 1.0) -> Potential:
    """Potential ``u / u_0 = sum_k cosines[k] cos(k theta)``, the same for all momenta.

    This is not a local potential: its spin density in the weak-coupling limit follows the
    lifetime and not the transport time.

    Parameters
    ----------
    time : float
        Lifetime when ``cosines[0] = 1``.
    cosines : sequence of float
        Cosine coefficients of the scattering probability.
    mass : float
        Effective mass.

    Returns
    -------
    Potential
    """
    given = np.atleast_1d(real_array("cosines", cosines))
    if given.ndim != 1 or not 1 <= given.size <= MOST_HARMONICS:
        raise ParameterError(
            f"cosines must be a list of 1 to {MOST_HARMONICS} numbers, got shape {given.shape}; "
            "correct it."
        )
    angle = np.linspace(0, math.pi, PROFILE_ANGLES)
    if np.min(given @ np.cos(np.outer(np.arange(given.size), angle))) < PROFILE_ROUNDING:
        raise ParameterError(
            f"the scattering probability must not be negative, got cosines={checks.shown(given)}; "
            "lower the higher harmonics."
        )
    value = np.zeros(5)
    value[: min(5, given.size)] = given[:5]
    value[1:] /= 2

    def moments(p: npt.ArrayLike, p1: npt.ArrayLike, top: int) -> np.ndarray:
        shape = np.broadcast_shapes(np.shape(p), np.shape(p1))
        kept = value[: top + 1].reshape(-1, *([1] * len(shape)))
        return np.broadcast_to(kept, (top + 1, *shape))

    return Potential("angular", strength_of(time, mass), moments)


def user_potential(
    time: float,
    profile: Callable[[np.ndarray, np.ndarray, np.ndarray], npt.ArrayLike],
    *,
    mass: float = 1.0,
    angles: int = 256,
) -> Potential:
    """Potential of any even ``u / u_0 = profile(p, p1, theta)``, by the trapezoidal rule.

    Parameters
    ----------
    time : float
        Lifetime of the delta potential with the same ``u_0``.
    profile : callable
        Function of arrays of one shape that returns ``|U|**2`` over its unit, not negative.
    mass : float
        Effective mass.
    angles : int, even
        Number of points on the circle, at least 16. Half of them must give the same moments to
        1e-9.

    Returns
    -------
    Potential

    Raises
    ------
    ParameterError
        When its moments are computed: if the profile is negative or not finite, or if
        ``angles`` is too small for it.
    """
    angles = checks.whole("angles", angles, low=16, high=MOST_ANGLES)
    if angles % 2:
        raise ParameterError(f"angles must be even, got {angles}; add one.")
    if not callable(profile):
        raise ParameterError(
            f"profile must be a function of (p, p1, theta), got {checks.shown(profile)}; "
            "give a callable."
        )
    theta = 2 * math.pi * np.arange(angles) / angles

    def moments(p: npt.ArrayLike, p1: npt.ArrayLike, top: int) -> np.ndarray:
        p, p1 = np.broadcast_arrays(np.asarray(p, float), np.asarray(p1, float))
        grid = np.broadcast_arrays(p[..., None], p1[..., None], theta)
        value = call_profile("profile", profile, tuple(grid))
        if not (np.all(np.isfinite(value)) and np.min(value, initial=0.0) >= 0):
            raise ParameterError(
                "profile(p, p1, theta) must be finite and not negative; give a squared modulus."
            )
        cosine = np.cos(np.outer(np.arange(top + 1), theta))
        fine = np.moveaxis(value @ cosine.T, -1, 0) / angles
        coarse = np.moveaxis(value[..., ::2] @ cosine[:, ::2].T, -1, 0) * (2 / angles)
        if np.any(np.abs(fine - coarse) > RESOLVED * np.abs(fine[0])):
            raise ParameterError(
                f"angles={angles} points do not resolve the profile to {RESOLVED:g}; double angles."
            )
        return fine

    return Potential("user", strength_of(time, mass), moments)
