"""The kinetic operator as a sum of fixed sparse matrices, one a physical term.

Every term of the quantum Boltzmann equation is a number (made of lambdas, alpha, a frequency,
a field ...) times a matrix that knows only the highest harmonic and the scattering weight.
Those matrices are built once for each pair of the two; a response at new parameters costs a
short linear combination of their elements and a banded solve.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np

from hopnet.boltzmann.collisions import assemble, templates
from hopnet.records import read_only

COLLISIONS = (
    "drude",
    "rashba_rashba",
    "mott_mott",
    "mott_rashba",
    "scalar_rashba",
    "scalar_mott",
    "skew",
)
LARMOR = slice(9, 12)  # after the collisions, precession and the cyclotron term
FREQUENCY, STREAMING, HOLD = 12, slice(13, 15), 15
NEGLIGIBLE = 1e-14  # rounding of the Fourier coefficients, which are of order 1


@dataclass(frozen=True)
class OperatorTerms:
    """Elements of all terms at the places where any of them has one.

    Attributes
    ----------
    row, column : int64[n_entries]
    value : float64[16, n_entries]
        Seven collision integrals; precession per ``alpha p_F``; the spin-orbit force per
        ``omega_c``; rotation about x, y, z; the unit matrix; multiplication by cos and by
        sin; and a one that holds the conserved charge harmonic at zero.
    order, width : int
        Of the matrix and of its band.
    """

    row: np.ndarray
    column: np.ndarray
    value: np.ndarray
    order: int
    width: int

    def matrix(self, size):
        """``sum_t size[t] value[t]`` as a dense matrix."""
        out = np.zeros((self.order, self.order))
        out[self.row, self.column] = size @ self.value[: size.size]
        return out


@functools.lru_cache(maxsize=8)
def operator_terms(harmonics, weight):
    """Build the terms of [qbe 8], [qbe 9] and [qbe 11] up to a harmonic.

    Parameters
    ----------
    harmonics : int
    weight : tuple of float
        Cosine coefficients of the scattering weight.

    Returns
    -------
    OperatorTerms
    """
    order = 4 * (2 * harmonics + 1)
    pieces = list(dense_terms(harmonics, weight))
    place = np.unique(np.concatenate([where for where, _ in pieces]))
    value = np.zeros((len(pieces), place.size))
    for line, (where, element) in zip(value, pieces):
        line[np.searchsorted(place, where)] = element
    row, column = np.divmod(place, order)
    return OperatorTerms(
        read_only(row, np.int64),
        read_only(column, np.int64),
        read_only(value),
        order,
        int(np.max(np.abs(row - column))),
    )


def dense_terms(harmonics, weight):
    """(flat places, elements) of each term in turn, from its dense matrix."""
    size = 2 * harmonics + 1
    for name in COLLISIONS:
        yield sparse(assemble(templates()[name], weight, harmonics))
    yield sparse(assemble(templates()["rashba_precession"], (1.0,), harmonics))
    yield sparse(cyclotron_matrix(harmonics))
    for axis in np.eye(3):
        yield sparse(np.kron(np.eye(size), larmor_matrix(axis)))
    yield sparse(np.eye(4 * size))
    for multiplied in streaming_matrix(harmonics):
        yield sparse(np.kron(multiplied, np.eye(4)))
    yield np.array([0]), np.array([1.0])


def sparse(matrix):
    """Places and values of the elements that are not rounding."""
    flat = matrix.ravel()
    where = np.flatnonzero(np.abs(flat) > NEGLIGIBLE)
    return where, flat[where]


def static_sizes(electrons, disorder, chosen, *, star=True, swap=True):
    """What multiplies the first nine terms in the generator, float64[9], 1/tau_D."""
    xy, z = disorder.lambda_xy, disorder.lambda_z
    leak = (-xy if chosen.star_term else xy) if star else 0.0
    turns = (2 if chosen.gauge else 1) * electrons.rashba * electrons.fermi_momentum
    cyclotron = (8 if chosen.cyclotron else 2) * electrons.mass * electrons.rashba**2
    tau = electrons.drude_time
    return np.array(
        [
            1.0,
            xy * xy,
            z * z,
            -xy * z if chosen.precession_term else xy * z,
            leak,
            z if swap else 0.0,
            math.pi * disorder.strength * z,
            turns * tau,
            cyclotron * tau,
        ]
    )


def cyclotron_matrix(harmonics):
    """``(1/2) {sigma_z, d/dtheta}``: the spin-orbit force per unit of omega_c tau_D."""
    order = 4 * (2 * harmonics + 1)
    l = np.arange(1, harmonics + 1)
    cosine, sine = 4 * (2 * l - 1), 4 * (2 * l)
    out = np.zeros((order, order))
    for a, b in ((0, 3), (3, 0)):
        out[sine + a, cosine + b] = -l
        out[cosine + a, sine + b] = l
    return out


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
