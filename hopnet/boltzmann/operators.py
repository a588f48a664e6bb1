"""The kinetic operator as a sum of fixed sparse matrices, one per physical term.

Every term of the quantum Boltzmann equation is a number (made of lambdas, alpha, a frequency,
a field ...) times a matrix that depends only on the highest harmonic and on the scattering
weight. Those matrices are built once for each pair of the two. A response at new parameters
costs a short linear combination of their elements and a banded solve.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hopnet.boltzmann.collisions import (
    Disorder,
    assemble,
    precession_template,
    strengths,
    templates,
)
from hopnet.boltzmann.conventions import Convention
from hopnet.boltzmann.electrons import Electrons
from hopnet.records import Record, read_only

__all__ = [
    "FREQUENCY",
    "HOLD",
    "LARMOR",
    "STREAMING",
    "OperatorTerms",
    "larmor_matrix",
    "operator_terms",
    "static_sizes",
    "streaming_matrix",
]

# Places of the terms after the seven collision integrals, precession and the cyclotron term.
LARMOR = slice(9, 12)
FREQUENCY, STREAMING, HOLD = 12, slice(13, 15), 15

# Elements below it are rounding errors of Fourier coefficients of order 1. A larger bound would
# drop true elements of a small weight; a smaller one widens the band.
NEGLIGIBLE = 1e-14


@dataclass(frozen=True)
class OperatorTerms(Record):
    """Elements of all terms at the places where any of them is not zero.

    Attributes
    ----------
    row, column : int64[n_entries]
        Place of each element.
    value : float64[16, n_entries]
        Elements of seven collision integrals; precession per ``alpha p_F``; the spin-orbit force
        per ``omega_c``; rotation about x, y, z; the unit matrix; multiplication by cos and by
        sin; and a one that holds the conserved charge harmonic at zero.
    order : int
        Order of the matrix.
    width : int
        Half width of its band.
    """

    row: np.ndarray
    column: np.ndarray
    value: np.ndarray
    order: int
    width: int

    def matrix(self, size: np.ndarray) -> np.ndarray:
        """Sum ``sum_t size[t] value[t]`` as a dense matrix."""
        out = np.zeros((self.order, self.order))
        out[self.row, self.column] = size @ self.value[: size.size]
        return out


@functools.lru_cache(maxsize=16)
def operator_terms(harmonics: int, weight: tuple[float, ...]) -> OperatorTerms:
    """Build the terms of [qbe 8], [qbe 9] and [qbe 11] up to a harmonic.

    Parameters
    ----------
    harmonics : int
        Highest harmonic L.
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


def dense_terms(
    harmonics: int, weight: tuple[float, ...]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Flat places and elements of each term in turn, from its dense matrix."""
    size = 2 * harmonics + 1
    for pair in templates():
        yield sparse(assemble(pair, weight, harmonics))
    yield sparse(assemble(precession_template(), (1.0,), harmonics))
    yield sparse(cyclotron_matrix(harmonics))
    for axis in np.eye(3):
        yield sparse(np.kron(np.eye(size), larmor_matrix(axis)))
    yield sparse(np.eye(4 * size))
    for multiplied in streaming_matrix(harmonics):
        yield sparse(np.kron(multiplied, np.eye(4)))
    yield np.array([0]), np.array([1.0])


def sparse(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Flat places and values of the elements that are not rounding errors."""
    flat = matrix.ravel()
    where = np.flatnonzero(np.abs(flat) > NEGLIGIBLE)
    return where, flat[where]


def static_sizes(
    electrons: Electrons,
    disorder: Disorder,
    chosen: Convention,
    *,
    star: bool = True,
    swap: bool = True,
) -> np.ndarray:
    """Prefactors of the first nine terms in the generator, float64[9], 1/tau_D."""
    turns = (2 if chosen.gauge else 1) * electrons.rashba * electrons.fermi_momentum
    cyclotron = (8 if chosen.cyclotron else 2) * electrons.mass * electrons.rashba**2
    tau = electrons.drude_time
    sizes = strengths(disorder, chosen, star=star, swap=swap)
    return np.array([*sizes, turns * tau, cyclotron * tau])


def cyclotron_matrix(harmonics: int) -> np.ndarray:
    """Spin-orbit force ``(1/2) {sigma_z, d/dtheta}`` per unit of omega_c tau_D."""
    order = 4 * (2 * harmonics + 1)
    l = np.arange(1, harmonics + 1)
    cosine, sine = 4 * (2 * l - 1), 4 * (2 * l)
    out = np.zeros((order, order))
    for a, b in ((0, 3), (3, 0)):
        out[sine + a, cosine + b] = -l
        out[cosine + a, sine + b] = l
    return out


def larmor_matrix(larmor: npt.ArrayLike) -> np.ndarray:
    """Product ``larmor x`` as a matrix on (charge, x, y, z); the magnetic part of [qbe 9].

    Parameters
    ----------
    larmor : float64[..., 3]
        Larmor vector ``2 gamma H``: [qbe 9] in the paper is ``dm/dt = 2 gamma H x m``.

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


def streaming_matrix(harmonics: int) -> np.ndarray:
    """Multiplication by ``cos`` and by ``sin`` on the harmonics: float64[2, 2L+1, 2L+1]."""
    size = 2 * harmonics + 1
    out = np.zeros((2, size, size))
    for l in range(harmonics):
        c, s = 2 * l - 1, 2 * l  # places of harmonic l; l = 0 has only place 0
        c1, s1 = 2 * l + 1, 2 * l + 2
        if l == 0:
            out[0, c1, 0], out[0, 0, c1] = 1.0, 0.5
            out[1, s1, 0], out[1, 0, s1] = 1.0, 0.5
            continue
        out[0, c1, c] = out[0, c, c1] = out[0, s1, s] = out[0, s, s1] = 0.5
        out[1, s1, c] = out[1, c, s1] = 0.5
        out[1, c1, s] = out[1, s, c1] = -0.5
    return out
