"""The Chern number of the filled bands, from Berry fluxes through the cells of the zone.

The flux through a cell is the phase of a product of overlaps along its four sides (T. Fukui,
Y. Hatsugai, H. Suzuki, J. Phys. Soc. Jpn. 74, 1674, 2005). The fluxes of all cells add up to 2 pi
times an integer on any mesh, and the integer is right when the flux through every cell is small.
So the mesh is refined where the gap is small, and a gap that closes is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from hopnet.berry.domains import Domain
from hopnet.berry.models import Model, check_model
from hopnet.berry.quadrature import points_of, zone_of
from hopnet.berry.spin_current import E2_OVER_H, anomalous_hall, one_level
from hopnet.errors import ConvergenceError, ParameterError

__all__ = ["ChernNumber", "chern_number"]

# Lines of the uniform mesh along each reciprocal vector. Two minima of the gap that are closer
# than two steps are found as one; more lines cost time in proportion to their square.
LINES = 48
# Minima of the gap that are followed, the lowest first. Crystals have a few per zone, related by
# symmetry; following more costs time in proportion.
MINIMA = 24
# Steps of the search for a minimum; each halves the patch, so 40 reach 1e-12 of the zone.
SEARCH = 40
# A gap below this share of the largest energy counts as closed: rounding moves energies by 1e-15,
# and the search finds a minimum to about 1e-12.
CLOSED = 1e-9
# Around a minimum the distances of neighbouring lines grow by this ratio. With 1.6 the largest flux
# through a cell of a Dirac cone is 0.07; a larger ratio takes fewer lines and leaves more flux.
GROWTH = 1.6
# Largest flux (radian) through one cell. The integer is right below pi, so 1 leaves a margin of
# three; a smaller limit would refine meshes that are fine enough.
LARGEST_FLUX = 1.0
# Corners of the mesh at which the refinement stops: 1e6 take 4 s and 0.4 GB with two bands.
LARGEST_MESH = 1_000_000


class ChernNumber(NamedTuple):
    """The Chern number of the filled bands and its error.

    Attributes
    ----------
    value : int
        The Chern number.
    error : float
        Distance of the sum of the fluxes, over 2 pi, from the integer (rounding); with a domain,
        the error of the integral over it.
    """

    value: int
    error: float


def chern_number(model: Model, domain: Domain | None = None, *, mu: float = 0.0) -> ChernNumber:
    """Chern number ``(1/2 pi) Int Om^xy`` of the states below ``mu``, kT = 0, [berry 9].

    Parameters
    ----------
    model : Model
        Periodic, two-dimensional, with a gap at ``mu``.
    domain : PeriodicGrid or AdaptiveZone, optional
        Wave vectors over which the Berry curvature is integrated too, as a second route: the
        integral must agree with the integer within its error.
    mu : float
        Chemical potential, in a gap.

    Returns
    -------
    ChernNumber
        Integer and error.

    Raises
    ------
    ParameterError
        If the model is not periodic in two dimensions, ``mu`` crosses a band, the gap closes, or
        the integral over ``domain`` does not determine the integer.
    ConvergenceError
        If the flux through a cell stays large on the finest mesh.

    Examples
    --------
    >>> from hopnet.berry import chern_number, qwz
    >>> chern_number(qwz(u=-1.0)).value
    1
    """
    check_model(model)
    if model.dimension != 2:
        raise ParameterError(
            f"the model of a Chern number must have two dimensions, got {model.dimension} in "
            f"{model.name!r}; give a two-dimensional model."
        )
    reciprocal = zone_of(model)
    level, _ = one_level(model, mu, 0.0)
    filled, minima, gap = gap_minima(model, level)
    value, rounding = 0, 0.0
    if 0 < filled < model.n_bands:
        total = total_flux(model, filled, minima, gap) * np.sign(np.linalg.det(reciprocal))
        value = round(total / (2.0 * np.pi))
        rounding = abs(total / (2.0 * np.pi) - value)
    if domain is None:
        return ChernNumber(value, float(rounding))
    conductivity, spread = anomalous_hall(model, domain, mu=level)
    integral, error = float(conductivity[0] / E2_OVER_H), float(spread[0] / E2_OVER_H)
    if not (abs(integral - value) <= error + 1e-9 and error < 0.5):
        raise ParameterError(
            f"domain must determine the Chern number of {model.name!r} (smallest gap {gap:.3g}), "
            f"got the integral {integral:.3g} with the error {error:.2g}; refine the domain or "
            "leave it out."
        )
    return ChernNumber(value, error)


def gap_minima(model: Model, mu: float) -> tuple[int, np.ndarray, float]:
    """Number of filled bands, places of the minima of the gap, and the smallest gap.

    Returns
    -------
    filled : int
        Number of bands below ``mu``, the same everywhere.
    minima : float64[c, 2]
        Minima of the direct gap, in units of the reciprocal vectors.
    gap : float
        The smallest direct gap, infinite when all bands or none are filled.
    """
    reciprocal = zone_of(model)
    place = (points_of(np.arange(LINES), 2) + 0.3) / LINES
    energy = np.linalg.eigvalsh(model.hamiltonian(place @ reciprocal))
    counts = np.unique((energy < mu).sum(axis=1))
    filled = int(counts[0])

    def below(at):
        """Minus the highest filled energy at places [n, 2] of the zone."""
        return -np.linalg.eigvalsh(model.hamiltonian(at @ reciprocal))[:, filled - 1]

    def above(at):
        """The lowest empty energy."""
        return np.linalg.eigvalsh(model.hamiltonian(at @ reciprocal))[:, filled]

    def direct(at):
        """The direct gap."""
        bands = np.linalg.eigvalsh(model.hamiltonian(at @ reciprocal))
        return bands[:, filled] - bands[:, filled - 1]

    minima, gap = np.empty((0, 2)), np.inf
    crosses = len(counts) > 1
    if not crosses and 0 < filled < model.n_bands:
        minima, gap = search_minima(place, direct)
        if gap <= CLOSED * np.abs(energy).max():
            raise ParameterError(
                f"the model {model.name!r} must have a gap, got bands that touch (gap {gap:.2g}) "
                f"at {np.round(minima[0], 6).tolist()} in units of the reciprocal vectors; change "
                "a parameter that opens the gap."
            )
    if not crosses and filled > 0:
        crosses = search_minima(place, below)[1] <= -mu
    if not crosses and filled < model.n_bands:
        crosses = search_minima(place, above)[1] <= mu
    if crosses:
        raise ParameterError(
            f"mu must lie in a gap of {model.name!r}, got {mu:g}, which crosses a band; give an "
            "energy in a gap, or use anomalous_hall for a metal."
        )
    return filled, minima, gap


def search_minima(
    place: np.ndarray, function: Callable[[np.ndarray], np.ndarray]
) -> tuple[np.ndarray, float]:
    """Local minima of a periodic function of the zone, the lowest first, and its smallest value.

    Parameters
    ----------
    place : float64[LINES**2, 2]
        The uniform mesh, in units of the reciprocal vectors.
    function : callable
        ``place[n, 2] -> float64[n]``.
    """
    table = function(place).reshape(LINES, LINES)
    around = [np.roll(table, (i, j), (0, 1)) for i in (-1, 0, 1) for j in (-1, 0, 1)]
    found = np.flatnonzero((table <= np.min(around, axis=0)).ravel())
    found = found[np.argsort(table.ravel()[found], kind="stable")][:MINIMA]
    best, value = place[found], table.ravel()[found]
    patch = points_of(np.linspace(-1.0, 1.0, 5), 2)
    rows = np.arange(len(found))
    size = 1.0 / LINES
    for _ in range(SEARCH):
        trial = best[:, None, :] + size * patch
        values = function(trial.reshape(-1, 2)).reshape(len(found), -1)
        lowest = values.argmin(axis=1)
        better = values[rows, lowest] < value
        best = np.where(better[:, None], trial[rows, lowest], best)
        value = np.where(better, values[rows, lowest], value)
        size *= 0.5
    order = np.argsort(value, kind="stable")
    return best[order], float(value.min())


def total_flux(model: Model, filled: int, minima: np.ndarray, gap: float) -> float:
    """Sum of the Berry fluxes through all cells, 2 pi times an integer.

    The mesh is a product of lines along both reciprocal vectors. They are uniform, crowd at the
    minima of the gap, and are halved where the flux through a cell is large.
    """
    lines = [mesh_lines(model, minima[:, axis], axis, gap) for axis in (0, 1)]
    while True:
        flux = cell_fluxes(model, filled, lines)
        large = np.abs(flux) > LARGEST_FLUX
        if not np.any(large):
            return float(flux.sum())
        for axis in (0, 1):
            here = lines[axis]
            halved = 0.5 * (here[:-1] + here[1:])[np.any(large, axis=1 - axis)]
            lines[axis] = np.sort(np.concatenate([here, halved]))
        if len(lines[0]) * len(lines[1]) > LARGEST_MESH:
            raise ConvergenceError(
                f"the flux through a cell must fall below {LARGEST_FLUX:g}, got "
                f"{np.abs(flux).max():.3g} on {flux.size} cells of {model.name!r} (smallest gap "
                f"{gap:.3g}); change a parameter that widens the gap.",
                estimate=float(flux.sum() / (2.0 * np.pi)),
                residual=float(np.abs(flux).max()),
                iterations=flux.size,
            )


def mesh_lines(model: Model, centres: np.ndarray, axis: int, gap: float) -> np.ndarray:
    """Lines from 0 to 1 along one reciprocal vector: uniform, and graded around the minima.

    The finest step is a quarter of the width of a Dirac cone of this gap, gap over velocity.
    """
    uniform = np.linspace(0.0, 1.0, LINES // 2 + 1)
    if not len(centres):
        return uniform
    vector = zone_of(model)[axis]
    trial = points_of(np.arange(4) / 4.0, 2) @ zone_of(model)
    slope = sum(v * model.derivative(trial, a) for a, v in enumerate(vector))
    steepest = float(np.linalg.norm(slope, axis=(1, 2)).max())
    finest = min(0.25 * gap / max(steepest, gap), 1.0 / LINES)
    distances = finest * GROWTH ** np.arange(1 + np.log(1.0 / LINES / finest) / np.log(GROWTH))
    offsets = np.concatenate([-np.cumsum(distances), [0.0], np.cumsum(distances)])
    graded = (centres[:, None] + offsets).ravel() % 1.0
    lines = np.unique(np.concatenate([uniform, graded]))
    keep = np.concatenate([[True], np.diff(lines) > 0.1 * finest])
    keep[-1] = True  # the line 1 closes the zone
    return lines[keep]


def cell_fluxes(model: Model, filled: int, lines: list[np.ndarray]) -> np.ndarray:
    """Berry flux through every cell of a mesh, float64[cells along 0, cells along 1].

    The last lines repeat the first ones, one reciprocal vector further: the states there may
    differ by a constant unitary matrix, which drops out of the sum.
    """
    n, m = len(lines[0]), len(lines[1])
    place = np.stack([a.ravel() for a in np.meshgrid(*lines, indexing="ij")], axis=1)
    state = np.linalg.eigh(model.hamiltonian(place @ zone_of(model)))[1][:, :, :filled]
    state = state.reshape(n, m, model.n_bands, filled)
    along_0 = overlaps(state[:-1], state[1:])
    along_1 = overlaps(state[:, :-1], state[:, 1:])
    round_trip = along_0[:, :-1] * along_1[1:] * (along_0[:, 1:] * along_1[:-1]).conj()
    return -np.angle(round_trip)


def overlaps(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """Determinants of the overlaps of filled states at neighbouring corners."""
    return np.linalg.det(np.swapaxes(one.conj(), -1, -2) @ two)
