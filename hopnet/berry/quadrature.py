"""Rules of integration over wave vectors: grids, adaptive cells, rays of a k.p model, lines.

Every rule has companions (the highest harmonics that a grid resolves, the Gauss rule inside the
Kronrod rule), so every integral comes with an error estimate without further evaluations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hopnet.berry.domains import LARGEST_GRID, PeriodicGrid, Progress, Rays
from hopnet.berry.models import Model
from hopnet.errors import ConvergenceError, ParameterError
from hopnet.records import Record, read_only

__all__ = [
    "Integral",
    "Limits",
    "Panels",
    "fermi_points",
    "grid_batches",
    "harmonics",
    "in_batches",
    "kronrod",
    "points_of",
    "ray_batches",
    "ray_directions",
    "ray_panels",
    "ray_points",
    "refine",
    "zone_of",
]

# Wave vectors that are evaluated together where no kernel runs: 8192 matrices of 4 x 4 take 2 MB,
# which fits into the cache of a core. More would not be faster.
BATCH = 8192


@dataclass(frozen=True)
class Integral(Record):
    """A vector of integrals over d^dk / (2 pi)^d.

    Attributes
    ----------
    value : float64[q]
        The integrals.
    error : float64[q]
        Estimate of their errors from the coarser companions of the rule.
    points : int
        Number of wave vectors visited.
    """

    value: np.ndarray
    error: np.ndarray
    points: int


def points_of(x: np.ndarray, d: int) -> np.ndarray:
    """Every combination of d of the numbers x: [n**d, d]."""
    return np.stack([a.ravel() for a in np.meshgrid(*[x] * d, indexing="ij")], axis=1)


@cache
def kronrod() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nodes, Kronrod weights and Gauss weights (0 between) of the 7-15 rule on [0, 1]."""
    half = np.array(
        [
            [0.991455371120812639206854697526329, 0.022935322010529224963732008058970],
            [0.949107912342758524526189684047851, 0.063092092629978553290700663189204],
            [0.864864423359769072789712788640926, 0.104790010322250183839876322541518],
            [0.741531185599394439863864773280788, 0.140653259715525918745189590510238],
            [0.586087235467691130294144691693828, 0.169004726639267902826583426598550],
            [0.405845151377397166906606412076961, 0.190350578064785409913256402421014],
            [0.207784955007898467600689403773245, 0.204432940075298892414161999234649],
        ]
    )
    nodes = np.concatenate([-half[:, 0], [0.0], half[::-1, 0]])
    weights = np.concatenate([half[:, 1], [0.209482141084727828012999174891714], half[::-1, 1]])
    gauss = np.zeros(15)
    gauss[1::2] = np.polynomial.legendre.leggauss(7)[1]
    return read_only(0.5 * (nodes + 1.0)), read_only(0.5 * weights), read_only(0.5 * gauss)


def panel_rule(ends: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nodes, Kronrod and Gauss weights of the panels between consecutive ``ends``."""
    x, w, g = kronrod()
    low, width = np.asarray(ends[:-1], float)[:, None], np.diff(ends)[:, None]
    return (low + width * x).ravel(), (width * w).ravel(), (width * g).ravel()


def in_batches(
    function: Callable[[np.ndarray], np.ndarray], k: np.ndarray, batch: int = BATCH
) -> np.ndarray:
    """``function(k)``, evaluated one batch at a time so that memory stays bounded."""
    if len(k) <= batch:
        return function(k)
    return np.concatenate([function(k[i : i + batch]) for i in range(0, len(k), batch)])


def harmonics(index: npt.ArrayLike, n: int) -> np.ndarray:
    """Factors that turn the weights of a uniform rule of n points into its companions.

    The error of the rule is the harmonic n of the integrand. The companions differ from it by
    the harmonics n/2 (alternating signs) and n/2 - 1 (cosine and sine, so that it is seen at any
    phase). These are larger than the harmonic n where the integrand is resolved, so the sum of
    the distances bounds the error.

    Parameters
    ----------
    index : int64[...]
        Index of each point along the axis.
    n : int
        Number of points along the axis.

    Returns
    -------
    float64[..., 3]
    """
    index = np.asarray(index)
    angle = 2.0 * np.pi * ((n // 2 - 1) * index % n) / n
    columns = [(-1.0) ** index, np.cos(angle), np.sin(angle)]
    if n <= 2:  # below the alternating harmonic there is only the mean
        columns[1:] = [np.zeros(index.shape)] * 2
    return 1.0 + np.stack(columns, axis=-1)


def grid_batches(
    grid: PeriodicGrid, model: Model, batch: int = BATCH
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield ``(k[m, d], weight[m, 1 + 3d])`` of a `PeriodicGrid`: fine and companion weights."""
    reciprocal = zone_of(model)
    d, n = model.dimension, grid.n
    if n**d > LARGEST_GRID:
        raise ParameterError(
            f"n must give at most {LARGEST_GRID:g} points, got {n} along {d} axes; give fewer."
        )
    weight = abs(np.linalg.det(reciprocal)) / (2.0 * np.pi) ** d / n**d
    by_index = harmonics(np.arange(n), n)
    for start in range(0, n**d, batch):
        index = np.unravel_index(np.arange(start, min(start + batch, n**d)), (n,) * d)
        fraction = (np.stack(index, axis=1) + grid.offset) / n
        table = np.full((len(fraction), 1 + 3 * d), weight)
        for axis in range(d):
            table[:, 1 + 3 * axis : 4 + 3 * axis] *= by_index[index[axis]]
        yield fraction @ reciprocal, table


def zone_of(model: Model) -> np.ndarray:
    """Reciprocal vectors of a periodic model, or a ParameterError."""
    if model.reciprocal is None:
        raise ParameterError(
            f"model {model.name!r} has no Brillouin zone; integrate it over Rays(kmax=...)."
        )
    return model.reciprocal


def ray_directions(rays: Rays, model: Model) -> tuple[np.ndarray, np.ndarray]:
    """Scaled direction, weight and companion weights of every ray.

    Returns
    -------
    direction : float64[j, d]
        Unit vector in scaled space times ``scale``: ``k = r direction``.
    weight : float64[j, 1 + c]
        Weights of the fine and the companion rules. They include the Jacobian of the scaling and
        1 / (2 pi)^d.
    """
    if model.scale is None:
        raise ParameterError(
            f"model {model.name!r} has no scale of wave vector; give scale= or use a grid."
        )
    if rays.azimuth is not None:
        phi, w, g = panel_rule(rays.azimuth)
        g = g[:, None]
    else:
        n = rays.directions
        phi = 2.0 * np.pi * (np.arange(n) + 0.3) / n
        w = np.full(n, 2.0 * np.pi / n)
        g = w[:, None] * (np.ones((1, 1)) if n == 1 else harmonics(np.arange(n), n))
    factor = rays.repeats * np.prod(model.scale) / (2.0 * np.pi) ** model.dimension
    if model.dimension == 2:
        direction = np.stack([np.cos(phi), np.sin(phi)], axis=1) * model.scale
        return direction, factor * np.concatenate([w[:, None], g], axis=1)
    c, cw, cg = panel_rule(rays.polar)
    sine = np.sqrt(1.0 - c**2)
    direction = np.stack(
        [np.outer(sine, np.cos(phi)), np.outer(sine, np.sin(phi)), np.outer(c, np.ones_like(phi))],
        axis=2,
    )
    columns = [np.outer(cw, w), np.outer(cg, w), *(np.outer(cw, column) for column in g.T)]
    table = np.stack(columns, axis=2).reshape(len(c) * len(phi), -1)
    return direction.reshape(-1, 3) * model.scale, factor * table


def ray_ends(rays: Rays, direction: np.ndarray) -> np.ndarray:
    """Largest t of each ray, ``r = t / (1 - t)``."""
    if np.isinf(rays.kmax):
        return np.ones(len(direction))
    radius = rays.kmax / np.linalg.norm(direction, axis=1)
    return radius / (1.0 + radius)


def ray_panels(
    rays: Rays,
    model: Model,
    direction: np.ndarray,
    energies: Callable[[np.ndarray], np.ndarray] | None = None,
    mu: float | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Starting panels (ray, low, high) split at the model's shells and at the Fermi points."""
    ends = ray_ends(rays, direction)
    count = rays.panels or 4
    inner = np.array([s / (1.0 + s) for s in model.shells])
    owner: list[int] = []
    low: list[float] = []
    high: list[float] = []
    cuts: list[list[float]] = [[] for _ in ends]
    if energies is not None and mu is not None:

        def along(j, t):
            return energies((t / (1.0 - t))[:, None] * direction[j])

        last = np.where(ends >= 1.0, 1.0 - 1e-6, ends)
        for j, t in zip(*fermi_points(along, last, mu)):
            cuts[j].append(t)
    for j, end in enumerate(ends):
        breaks = np.concatenate([[0.0, end], inner[inner < end], cuts[j]])
        if rays.panels:
            breaks = np.concatenate([breaks, np.linspace(0.0, end, count + 1)])
        breaks = np.unique(breaks)
        owner += [j] * (len(breaks) - 1)
        low += list(breaks[:-1])
        high += list(breaks[1:])
    return np.array(owner), np.array(low), np.array(high)


def ray_points(
    model: Model, direction: np.ndarray, owner: np.ndarray, low: np.ndarray, high: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Wave vectors [b, 15, d] and radial Jacobian [b, 15] of panels of rays."""
    t = low[:, None] + (high - low)[:, None] * kronrod()[0]
    r = t / (1.0 - t)
    jacobian = r ** (model.dimension - 1) / (1.0 - t) ** 2 * (high - low)[:, None]
    return r[:, :, None] * direction[owner][:, None, :], jacobian


def ray_batches(
    rays: Rays, model: Model, batch: int = BATCH
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield ``(k, weight[n, 1 + c])`` of rays with fixed panels, for sweeps."""
    direction, weight = ray_directions(rays, model)
    owner, low, high = ray_panels(rays, model, direction)
    _, w, g = kronrod()
    step = max(1, batch // 15)
    for start in range(0, len(owner), step):
        part = slice(start, start + step)
        k, jacobian = ray_points(model, direction, owner[part], low[part], high[part])
        fine = (jacobian * w)[:, :, None] * weight[owner[part]][:, None, :]
        radial = (jacobian * g)[:, :, None] * weight[owner[part]][:, None, :1]
        table = np.concatenate([fine, radial], axis=2)
        yield k.reshape(-1, model.dimension), table.reshape(-1, table.shape[2])


def fermi_points(
    energies_along: Callable[[np.ndarray, np.ndarray], np.ndarray],
    ends: np.ndarray,
    mu: float,
    samples: int = 257,
) -> tuple[np.ndarray, np.ndarray]:
    """Every crossing of every band with ``mu`` on lines t in [0, end], by bracketing and halving.

    Parameters
    ----------
    energies_along : callable
        ``(line[n], t[n]) -> energy[n, N]``.
    ends : float64[j]
        Largest t of each line.
    mu : float
        Chemical potential.
    samples : int
        Number of points per line that bracket the crossings; two crossings of one band between
        neighbours are missed.

    Returns
    -------
    line : int64[c]
        Line of each crossing.
    t : float64[c]
        Place of each crossing on its line.
    """
    lines = np.arange(len(ends))
    t = ends[:, None] * np.linspace(0.0, 1.0, samples)
    j = np.repeat(lines, samples)
    table = energies_along(j, t.ravel()).reshape(len(ends), samples, -1) - mu
    line, place, band = np.nonzero(np.sign(table[:, 1:]) * np.sign(table[:, :-1]) < 0)
    low, high = t[line, place], t[line, place + 1]
    rising = table[line, place + 1, band] > 0
    rows = np.arange(len(line))
    for _ in range(60):
        if not len(line):
            break
        middle = 0.5 * (low + high)
        above = (energies_along(line, middle)[rows, band] - mu > 0) == rising
        high = np.where(above, middle, high)
        low = np.where(above, low, middle)
    return line, 0.5 * (low + high)


class Limits(NamedTuple):
    """When a refinement stops.

    Attributes
    ----------
    accuracy : float
        Error wanted, relative to the sum of |value| over boxes of the largest leading integral.
    max_points : int
        Number of wave vectors after which it stops without the accuracy.
    points_each : int
        Wave vectors of one box.
    """

    accuracy: float
    max_points: int
    points_each: int


@dataclass
class Panels:
    """Boxes of a refinement and the contribution of each.

    Attributes
    ----------
    low, high : float64[b, p]
        Corners of the boxes.
    owner : int64[b]
        Ray or line that each box belongs to.
    value : float64[b, q]
        Integrals over each box.
    error : float64[b, p, q]
        Error of each integral along each axis of the box.
    halved : int64[b]
        How many times the box at the start has been halved to get this one.
    """

    low: np.ndarray
    high: np.ndarray
    owner: np.ndarray
    value: np.ndarray = field(default_factory=lambda: np.empty(0))
    error: np.ndarray = field(default_factory=lambda: np.empty(0))
    halved: np.ndarray = field(default_factory=lambda: np.empty(0))


def refine(
    evaluate: Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]],
    panels: Panels,
    limits: Limits,
    lead: int | None = None,
    progress: Progress | None = None,
) -> tuple[Panels, int]:
    """Halve the boxes with the largest error until the sum of errors is small enough.

    A rule of few points can miss a narrow peak, and its coarser rule the same peak. So every box
    at the start is halved at least once along each axis, and where two halves differ from their
    box by more than its error, their errors are raised in proportion.

    Parameters
    ----------
    evaluate : callable
        ``(low[b, p], high[b, p], owner[b]) -> value[b, q], error[b, p, q]``: weighted integrals
        over boxes and, for each axis, their distance from the coarser rule along it.
    panels : Panels
        Boxes at the start, without values and errors.
    limits : Limits
        Accuracy and number of points at which the refinement stops.
    lead : int, optional
        How many of the q integrals steer the refinement, first ones first (default: all).
    progress : callable, optional
        Called with (points done, error / tolerance).

    Returns
    -------
    panels : Panels
        Boxes at the end, with values and errors.
    points : int
        Number of wave vectors visited.

    Raises
    ------
    ConvergenceError
        If ``max_points`` do not suffice; the exception carries the best estimate.
    """
    accuracy, max_points, points_each = limits
    panels.value, panels.error = evaluate(panels.low, panels.high, panels.owner)
    n_axes = panels.low.shape[1]
    panels.halved = np.zeros(len(panels.low), np.int64)
    points = len(panels.low) * points_each
    while True:
        each = panels.error.sum(axis=1)[:, :lead]
        tolerance = accuracy * np.abs(panels.value[:, :lead]).sum(axis=0).max() + 1e-300
        share = (each / tolerance).max(axis=1)
        excess = (each.sum(axis=0) / tolerance).max()
        if progress is not None:
            progress(points, excess)
        young = np.flatnonzero(panels.halved < n_axes)
        if excess <= 1.0 and young.size == 0:
            return panels, points
        if points >= max_points and excess > 1.0:
            raise ConvergenceError(
                f"accuracy {accuracy:g} needs more than max_points={max_points}, got an error that "
                f"is {excess:.3g} times too large; raise max_points or accuracy, or use kT > 0.",
                estimate=panels.value.sum(axis=0),
                residual=float(excess * accuracy),
                iterations=points,
            )
        order = np.argsort(share)[::-1]
        # The fewest boxes that hold nine tenths of the error are halved.
        worst = order[: 1 + np.searchsorted(np.cumsum(share[order]), 0.9 * share.sum())]
        worst = np.union1d(worst, young) if excess > 1.0 else young
        if not np.all(np.isfinite(share)):
            raise ParameterError(
                "the integrand must be finite, got NaN or infinity; correct H(k) or dH(k, axis)."
            )
        axis = panels.error[worst][:, :, :lead].max(axis=2).argmax(axis=1)
        # The boxes at the start are halved along their axes in turn.
        axis = np.where(panels.halved[worst] < n_axes, panels.halved[worst], axis)
        middle = 0.5 * (panels.low + panels.high)
        rows = np.arange(len(worst))
        left_high, right_low = panels.high[worst].copy(), panels.low[worst].copy()
        left_high[rows, axis] = middle[worst, axis]
        right_low[rows, axis] = middle[worst, axis]
        low = np.concatenate([panels.low[worst], right_low])
        high = np.concatenate([left_high, panels.high[worst]])
        owner = np.concatenate([panels.owner[worst]] * 2)
        value, error = evaluate(low, high, owner)
        points += len(low) * points_each
        error *= np.tile(surprise(panels, worst, value, lead), 2)[:, None, None]
        keep = np.ones(len(panels.low), bool)
        keep[worst] = False
        panels = Panels(
            np.concatenate([panels.low[keep], low]),
            np.concatenate([panels.high[keep], high]),
            np.concatenate([panels.owner[keep], owner]),
            np.concatenate([panels.value[keep], value]),
            np.concatenate([panels.error[keep], error]),
            np.concatenate([panels.halved[keep], np.tile(panels.halved[worst] + 1, 2)]),
        )


def surprise(panels: Panels, worst: np.ndarray, value: np.ndarray, lead: int | None) -> np.ndarray:
    """How many times the change by halving exceeds the stated error of each box; at least 1.

    Parameters
    ----------
    panels : Panels
        Before the halving.
    worst : int64[b]
        The boxes that are halved.
    value : float64[2 b, q]
        Integrals over the left halves, then over the right ones.
    lead : int, optional
        How many of the integrals count.
    """
    change = np.abs(value[: len(worst)] + value[len(worst) :] - panels.value[worst])[:, :lead]
    stated = panels.error[worst].sum(axis=1)[:, :lead]
    scale = np.abs(panels.value[:, :lead]).sum(axis=0).max() + 1e-300
    ratio = change / np.maximum(stated, 1e-15 * scale)
    return np.clip(ratio.max(axis=1, initial=1.0), 1.0, 1e6)
