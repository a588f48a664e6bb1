"""The error of a uniform grid where bands nearly touch between its points.

Near an avoided crossing the Berry curvature is a peak as narrow as the gap over the velocity. A
grid with a wider step sees only its tails, and so do the companion rules from which the error is
estimated. The integral over the peak does not depend on the gap: for a Dirac cone of velocity v it
is pi, and ``2 |A_mn B_mn| / d^2``, which at a distance r from the cone is 1/(2 r^2) for any gap,
adds up to about pi over the points around it. This sum, over the points where the gap changes by
more than itself from one point to the next, is what the grid may have missed.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hopnet.berry.domains import PeriodicGrid
from hopnet.berry.models import Model
from hopnet.berry.quadrature import grid_batches, zone_of

__all__ = ["Crossing", "Grid", "add_missed", "grid_of", "missed_by"]

# The sum over the points around a Dirac cone was up to 1.32 times smaller than the error of the
# grid in 174 random models, depending on where the cone lies between the points. A larger factor
# would only widen the stated error where bands nearly touch.
SAFETY = 2.0
# The error of a grid falls as exp(-2 pi m / (v h)) for a Dirac cone of mass m and velocity v and a
# step h. The estimate falls as exp(-4 m / (v h)), a little more slowly.
DECAY = 4.0
# Points per batch whose bands are examined: those with the smallest gaps, and as many of the
# others at equal distances. With 4096 a sweep of 1e6 wave vectors at 401 levels took 1.6 times as
# long; fewer points make the estimate noisy.
EXAMINED = 1024
# Steps of the search for the minimum of a gap; each squares the distance, so that 8 reach rounding
# from one grid step away.
NEWTON_STEPS = 8
# Points at which the steepest slope of the bands is looked up.
SAMPLE = 512


class Grid(NamedTuple):
    """The properties of a grid that `add_missed` uses.

    Attributes
    ----------
    steps : float64[d, d]
        Rows: distances of neighbouring points.
    reach : float
        Largest change of a gap from one point to the next.
    """

    steps: np.ndarray
    reach: float


class Crossing(NamedTuple):
    """Operators and states of one integral.

    Attributes
    ----------
    spin : complex128[N, N]
        Spin operator.
    a, b : int
        Axes of the field and of the current.
    levels : float64[M]
        Chemical potentials, ascending.
    kT : float
        Thermal energy.
    closed : float
        Gap below which two bands touch.
    """

    spin: np.ndarray
    a: int
    b: int
    levels: np.ndarray
    kT: float
    closed: float


def grid_of(model: Model, domain: PeriodicGrid) -> Grid:
    """Steps of a grid and the largest change of a gap between neighbouring points."""
    steps = zone_of(model) / domain.n
    trial = np.random.default_rng(90210).random((SAMPLE, model.dimension)) @ zone_of(model)
    slope = np.stack([model.derivative(trial, axis) for axis in range(model.dimension)])
    change = np.einsum("sd,dkmn->skmn", steps, slope)
    size = np.sqrt((np.linalg.norm(change, axis=(2, 3)) ** 2).sum(axis=0)).max()
    return Grid(steps, float(np.sqrt(2.0) * size))


def missed_by(model: Model, domain: PeriodicGrid, crossing: Crossing) -> np.ndarray:
    """Possible error of a whole grid in lcc, xn and conventional, float64[3, M]."""
    grid, total = grid_of(model, domain), np.zeros((3, len(crossing.levels)))
    for k, weight in grid_batches(domain, model):
        energy = np.linalg.eigvalsh(model.hamiltonian(k))
        joined = np.diff(energy, axis=1) <= crossing.closed
        first = np.where(joined, 0, np.arange(1, energy.shape[1]))
        group = np.zeros(energy.shape, dtype=np.int64)
        group[:, 1:] = np.maximum.accumulate(first, axis=1)
        add_missed(model, grid, crossing, k, energy, group, float(weight[0, 0]), total)
    return total


def add_missed(
    model: Model,
    grid: Grid,
    crossing: Crossing,
    k: np.ndarray,
    energy: np.ndarray,
    group: np.ndarray,
    weight: float,
    total: np.ndarray,
) -> None:
    """Add the possible error of a batch of grid points to ``total``, [berry 2], [berry C7].

    Parameters
    ----------
    model : Model
        Band model.
    grid : Grid
        The result of `grid_of`.
    crossing : Crossing
        Operators, chemical potentials and kT.
    k : float64[n, d]
        Wave vectors.
    energy, group : float64[n, N], int64[n, N]
        Bands and degenerate groups there.
    weight : float
        Quadrature weight of a point.
    total : float64[3, M]
        Missed parts of lcc, xn and conventional; added to.
    """
    gaps = np.diff(energy, axis=1)
    gaps[group[:, 1:] == group[:, :-1]] = np.inf
    smallest = gaps.min(axis=1, initial=np.inf)
    near = np.flatnonzero(smallest < grid.reach)
    if not len(near):
        return
    near = near[np.argsort(smallest[near], kind="stable")]
    first, rest = near[:EXAMINED], near[EXAMINED:]
    stride = 1 + len(rest) // EXAMINED
    for rows, share in ((first, 1.0), (rest[::stride], float(stride))):
        if len(rows):
            add_rows(model, grid, crossing, k[rows], group[rows], share * weight, total)


def add_rows(
    model: Model,
    grid: Grid,
    crossing: Crossing,
    k: np.ndarray,
    group: np.ndarray,
    weight: float,
    total: np.ndarray,
) -> None:
    """`add_missed` at wave vectors all of which are examined."""
    at = local_bands(model, k)
    field, current = at.slopes[crossing.a], at.slopes[crossing.b]
    spin = at.vector.conj().transpose(0, 2, 1) @ crossing.spin @ at.vector
    flow = 0.5 * (spin @ current + current @ spin)
    largest_spin = np.abs(np.linalg.eigvalsh(crossing.spin)).max()
    for m in range(at.energy.shape[1]):
        for n in range(m + 1, at.energy.shape[1]):
            low, high = at.energy[:, m], at.energy[:, n]
            change = gap_changes(at, grid, m, n)
            missed = np.flatnonzero((high - low < change) & (group[:, m] != group[:, n]))
            if not len(missed):
                continue
            smallest = smallest_gaps(model, grid, k[missed], (m, n))
            share = np.exp(-DECAY * smallest / change[missed]) * (smallest > crossing.closed)
            scale = 2.0 * weight * SAFETY * share / (high - low)[missed] ** 2
            hall = scale * largest_spin * np.abs(field[:, m, n] * current[:, m, n])[missed]
            kubo = scale * np.abs(flow[:, m, n] * field[:, m, n])[missed]
            add_levels(crossing, low[missed], high[missed], hall, kubo, total)


class LocalBands(NamedTuple):
    """Bands at n wave vectors and the derivatives of H between them.

    Attributes
    ----------
    energy : float64[n, N]
        Energies, ascending.
    vector : complex128[n, N, N]
        Eigenvectors (columns).
    slopes : list of complex128[n, N, N]
        dH/dk along each axis in the band basis.
    """

    energy: np.ndarray
    vector: np.ndarray
    slopes: list[np.ndarray]


def local_bands(model: Model, k: np.ndarray) -> LocalBands:
    """Bands and derivatives at wave vectors."""
    energy, vector = np.linalg.eigh(model.hamiltonian(k))
    back = vector.conj().transpose(0, 2, 1)
    slopes = [back @ model.derivative(k, axis) @ vector for axis in range(model.dimension)]
    return LocalBands(energy, vector, slopes)


def half_difference(x: np.ndarray, m: int, n: int) -> np.ndarray:
    """The part of the block (m, n) of x that splits the two bands, as a real vector [rows, 3]."""
    return np.stack([x[:, m, n].real, x[:, m, n].imag, 0.5 * (x[:, n, n] - x[:, m, m]).real], 1)


def gap_changes(at: LocalBands, grid: Grid, m: int, n: int) -> np.ndarray:
    """About how much the gap of bands m and n may change from one grid point to the next."""
    total = np.zeros(len(at.energy))
    for step in grid.steps:
        x = sum(s * slope for s, slope in zip(step, at.slopes))
        total += (half_difference(x, m, n) ** 2).sum(axis=1)
    return np.sqrt(2.0 * total)


def smallest_gaps(model: Model, grid: Grid, k: np.ndarray, pair: tuple[int, int]) -> np.ndarray:
    """The smallest gap of two bands near each wave vector, float64[n].

    It is found by Gauss-Newton steps on the vector d that splits the pair, ``gap = 2 |d|``. Bands
    that touch, as symmetry demands at some wave vectors, come out at rounding.
    """
    m, n = pair
    longest = np.linalg.norm(grid.steps, axis=1).max()
    smallest = np.full(len(k), np.inf)
    for _ in range(NEWTON_STEPS):
        at = local_bands(model, k)
        gap = at.energy[:, n] - at.energy[:, m]
        smallest = np.minimum(smallest, gap)
        d = np.zeros((len(k), 3))
        d[:, 2] = 0.5 * gap
        jacobian = np.stack([half_difference(x, m, n) for x in at.slopes], axis=2)
        move = -np.einsum("kap,kp->ka", np.linalg.pinv(jacobian, rcond=1e-6), d)
        length = np.linalg.norm(move, axis=1, keepdims=True)
        k = k + move * np.minimum(1.0, longest / np.maximum(length, 1e-300))
    return smallest


def add_levels(
    crossing: Crossing,
    low: np.ndarray,
    high: np.ndarray,
    hall: np.ndarray,
    kubo: np.ndarray,
    total: np.ndarray,
) -> None:
    """Add ``hall`` with the larger and ``kubo`` with the difference of two occupations.

    Parameters
    ----------
    crossing : Crossing
        Chemical potentials and kT.
    low, high : float64[n]
        Energies of the two bands.
    hall, kubo : float64[n]
        What may be missed of lcc and xn, and of conventional.
    total : float64[3, M]
        Added to.
    """
    levels, kT = crossing.levels, crossing.kT
    if kT > 0.0:
        for j, level in enumerate(levels):
            filled = 0.5 * (1.0 - np.tanh(0.5 * (low - level) / kT))
            empty = 0.5 * (1.0 + np.tanh(0.5 * (high - level) / kT))
            total[:2, j] += filled @ hall
            total[2, j] += np.abs(filled + empty - 1.0) @ kubo
        return
    change = np.zeros((2, len(levels) + 1))
    np.add.at(change[0], np.searchsorted(levels, low), hall)
    np.add.at(change[1], np.searchsorted(levels, low), kubo)
    np.add.at(change[1], np.searchsorted(levels, high), -kubo)
    sums = np.cumsum(change, axis=1)[:, :-1]
    total[:2] += sums[0]
    total[2] += sums[1]
