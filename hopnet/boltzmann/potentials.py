"""Scattering potentials of the Rashba gas: strength and cosine moments.

``u(p, p1, theta) = N |U|**2`` is the mean square of the potential between momenta p and p1
at the angle theta; a `Potential` holds its strength ``u_0`` and the moments of the rest,
``int dtheta/2pi  (u / u_0) cos(l theta)`` for ``l = 0 ... top``.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special

from hopnet.boltzmann.collisions import check_real
from hopnet.errors import ParameterError
from hopnet.kernels.boltzmann_chain import fill_scaled_bessel
from hopnet.records import read_only

BESSEL_SCALE = 4.0  # u = 4 / (x + 4): both ends of x >= 0 are smooth in u


@dataclass(frozen=True)
class Potential:
    """A random potential as the kinetic equation sees it, ``|U(p - p1)|**2 N`` of [rashba 6].

    Attributes
    ----------
    name : str
    strength : float
        ``u_0 = 1 / (m tau_0)``.
    moments : callable
        ``moments(p, p1, top) -> float64[top + 1, ...]`` for arrays of momenta of one shape;
        ``top`` is 2, or 4 with spin-orbit disorder.
    """

    name: str
    strength: float
    moments: Callable


def strength_of(time, mass):
    """``u_0 = 1 / (m tau_0)``: a delta potential of that strength has the lifetime tau_0."""
    for name, value in (("time", time), ("mass", mass)):
        if not float(check_real(name, value)) > 0:
            raise ParameterError(f"{name} must be positive, got {value!r}; check its sign.")
    return 1.0 / (mass * time)


def delta_potential(time, *, mass=1.0):
    """Short range: the same in all directions.

    Parameters
    ----------
    time : float
        Lifetime ``tau_0 = 1 / (m N |U|**2)`` in the unit ``hbar = 1``.
    mass : float

    Returns
    -------
    Potential

    Examples
    --------
    >>> delta_potential(10.0).moments(1.0, 2.0, 2).tolist()
    [1.0, 0.0, 0.0]
    """

    def moments(p, p1, top):
        out = np.zeros((top + 1, *np.broadcast_shapes(np.shape(p), np.shape(p1))))
        out[0] = 1.0
        return out

    return Potential("delta", strength_of(time, mass), moments)


def gaussian_potential(time, radius, *, mass=1.0):
    """``u / u_0 = exp(-|p - p1|**2 R**2)``; moments are Bessel functions I_l.

    Parameters
    ----------
    time : float
        Lifetime of the delta potential with the same ``u_0``.
    radius : float
        R, in the inverse unit of momentum.
    mass : float

    Returns
    -------
    Potential
    """
    positive("radius", radius)
    radius = np.float64(radius)  # its powers overflow to infinity, which is refused later

    def moments(p, p1, top):
        p, p1 = np.broadcast_arrays(np.asarray(p, float), np.asarray(p1, float))
        overlap = np.exp(-(((p - p1) * radius) ** 2))
        return overlap * scaled_bessel(top, 2 * p * p1 * radius**2)

    return Potential(f"Gaussian, R = {radius:g}", strength_of(time, mass), moments)


def scaled_bessel(top, x):
    """``exp(-x) I_l(x)`` for ``l = 0 ... top`` and ``x >= 0``: float64[top + 1, ...].

    The absolute error stays below 1e-14; scipy's ``ive`` takes some twenty times as long.
    """
    x = np.asarray(x, dtype=float)
    out = np.empty((top + 1, x.size))
    fill_scaled_bessel(np.ascontiguousarray(x).ravel(), bessel_table(top), BESSEL_SCALE, out)
    return out.reshape(top + 1, *x.shape)


@functools.cache
def bessel_table(top, pieces=64, degree=8):
    """Pieces of ``(1 + x)**0.5 exp(-x) I_l(x)`` for `fill_scaled_bessel`: at Chebyshev's points."""
    place = np.cos(math.pi * (np.arange(degree + 1) + 0.5) / (degree + 1))
    u = (np.arange(pieces)[:, None, None] + 0.5 * (place + 1)) / pieces
    x = BESSEL_SCALE * (1 / u - 1)
    value = np.sqrt(1 + x) * special.ive(np.arange(top + 1)[:, None], x)
    powers = np.linalg.inv(np.vander(place, increasing=True))
    return read_only(np.ascontiguousarray(value @ powers.T))


def yukawa_potential(time, screening, *, mass=1.0):
    """``u / u_0 = (k**2 / (|p - p1|**2 + k**2))**2``: screened charges.

    With ``A = k**2 + p**2 + p1**2``, ``B = 2 p p1``, ``s**2 = A**2 - B**2`` and
    ``z = B / (A + s)`` the moments are ``k**4 z**l (A + l s) / s**3``.

    Parameters
    ----------
    time : float
        Lifetime of the delta potential with the same ``u_0``.
    screening : float
        k, in the unit of momentum.
    mass : float

    Returns
    -------
    Potential
    """
    positive("screening", screening)
    screening = np.float64(screening)  # see gaussian_potential

    def moments(p, p1, top):
        p, p1 = np.broadcast_arrays(np.asarray(p, float), np.asarray(p1, float))
        order = np.arange(top + 1).reshape(-1, *([1] * p.ndim))
        a, b = screening**2 + p**2 + p1**2, 2 * p * p1
        s = np.sqrt((screening**2 + (p - p1) ** 2) * (screening**2 + (p + p1) ** 2))
        return screening**4 * (b / (a + s)) ** order * (a + order * s) / s**3

    return Potential(f"Yukawa, k = {screening:g}", strength_of(time, mass), moments)


def angular_potential(time, cosines, *, mass=1.0):
    """``u / u_0 = sum_k cosines[k] cos(k theta)``, the same for all momenta.

    This is no local potential: its spin density in the weak-coupling limit follows the
    lifetime and not the transport time.

    Parameters
    ----------
    time : float
        Lifetime when ``cosines[0] = 1``.
    cosines : sequence of float
    mass : float

    Returns
    -------
    Potential
    """
    given = np.atleast_1d(check_real("cosines", cosines))
    angle = np.linspace(0, math.pi, 721)
    if np.min(given @ np.cos(np.outer(np.arange(given.size), angle))) < -1e-12:
        raise ParameterError(
            f"the scattering probability must not be negative, got cosines={cosines!r}; "
            "lower the higher harmonics."
        )
    value = np.zeros(5)
    value[: min(5, given.size)] = given[:5]
    value[1:] /= 2

    def moments(p, p1, top):
        shape = np.broadcast_shapes(np.shape(p), np.shape(p1))
        kept = value[: top + 1].reshape(-1, *([1] * len(shape)))
        return np.broadcast_to(kept, (top + 1, *shape))

    return Potential("angular", strength_of(time, mass), moments)


def user_potential(time, profile, *, mass=1.0, angles=256):
    """Any even ``u / u_0 = profile(p, p1, theta)``, by the trapezoidal rule.

    Parameters
    ----------
    time : float
        Lifetime of the delta potential with the same ``u_0``.
    profile : callable
        Takes arrays of one shape and returns ``|U|**2`` over its unit; not negative.
    mass : float
    angles : int, even
        Points on the circle. Half of them must give the same moments to 1e-9.

    Returns
    -------
    Potential

    Raises
    ------
    ParameterError
        When its moments are asked for: if the profile is negative or not finite, or if
        ``angles`` is too small for it.
    """
    if not (isinstance(angles, int) and angles >= 16 and angles % 2 == 0):
        raise ParameterError(f"angles must be an even number from 16 on, got {angles!r}; raise it.")
    theta = 2 * math.pi * np.arange(angles) / angles

    def moments(p, p1, top):
        p, p1 = np.broadcast_arrays(np.asarray(p, float), np.asarray(p1, float))
        grid = np.broadcast_arrays(p[..., None], p1[..., None], theta)
        value = np.broadcast_to(np.asarray(profile(*grid), dtype=float), grid[0].shape)
        if not (np.all(np.isfinite(value)) and np.min(value, initial=0.0) >= 0):
            raise ParameterError(
                "profile(p, p1, theta) must be finite and not negative; it is a squared modulus."
            )
        cosine = np.cos(np.outer(np.arange(top + 1), theta))
        fine = np.moveaxis(value @ cosine.T, -1, 0) / angles
        coarse = np.moveaxis(value[..., ::2] @ cosine[:, ::2].T, -1, 0) * (2 / angles)
        if np.any(np.abs(fine - coarse) > 1e-9 * np.abs(fine[0])):
            raise ParameterError(
                f"angles={angles} points do not resolve the profile to 1e-9; double angles."
            )
        return fine

    return Potential("user", strength_of(time, mass), moments)


def positive(name, value):
    """Refuse what is not a positive real number."""
    if not float(check_real(name, value)) > 0:
        raise ParameterError(f"{name} must be positive, got {value!r}; check its sign.")
