"""Domains of integration over wave vectors: grids, adaptive cells, rays of a k.p model, lines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from hopnet.berry.arguments import number, positive, real_array
from hopnet.checks import shown, whole
from hopnet.errors import ParameterError
from hopnet.records import Record

__all__ = [
    "LARGEST_GRID",
    "AdaptiveZone",
    "Domain",
    "PeriodicGrid",
    "Progress",
    "Rays",
    "ZoneLines",
    "checked_progress",
]

# Largest number of grid points along one axis, rays or panels. Larger numbers are mistakes of
# typing: their arrays would not fit into memory.
LARGEST_COUNT = 100_000
# Largest number of points of a grid. A sweep of 1e6 takes seconds, so 1e10 take about a day.
LARGEST_GRID = 10_000_000_000

# Called with (points done, what is left).
Progress = Callable[[int, float | None], object]
Callback = TypeVar("Callback")


@dataclass(frozen=True)
class PeriodicGrid(Record):
    """Uniform grid over the Brillouin zone; exponentially accurate for gapped models.

    Attributes
    ----------
    n : int
        Even number of points along each reciprocal vector.
    offset : float
        Position of the first point in units of the step; the default avoids points of symmetry,
        where bands touch.
    """

    n: int
    offset: float = 0.3

    def __post_init__(self) -> None:
        hint = "the error estimate needs alternate points"
        n = whole("n", self.n, low=2, high=LARGEST_COUNT, hint=f"give an even number, {hint}")
        if n % 2:
            raise ParameterError(
                f"n must be an even number of points from 2, got {self.n!r}; add one point, {hint}."
            )
        object.__setattr__(self, "n", n)
        object.__setattr__(self, "offset", number("offset", self.offset, low=-1.0, high=1.0))


@dataclass(frozen=True)
class AdaptiveZone(Record):
    """Cells of the Brillouin zone, halved where their own error estimate is largest.

    Attributes
    ----------
    accuracy : float
        Error wanted, relative to the sum of the moduli over the cells.
    cells : int
        Cells along each reciprocal vector at the start.
    max_points : int
        Number of wave vectors after which the refinement stops with a ConvergenceError.
    """

    accuracy: float = 1e-6
    cells: int = 4
    max_points: int = 20_000_000

    def __post_init__(self) -> None:
        check_limits(self.accuracy, self.cells, self.max_points)


@dataclass(frozen=True)
class Rays(Record):
    """Rays from k = 0 of a k.p model, in coordinates scaled by the model's own ``scale``.

    Attributes
    ----------
    kmax : float
        Radius of the ball |k| < kmax; ``math.inf`` for the whole space (r = t / (1 - t)).
        A k.p spin current may depend on it, so it has no default.
    directions : int
        In two dimensions the number of rays, in three the number of azimuths, unless ``azimuth``
        is given. Even, or 1 for an axially symmetric integrand (then the error of the angle is
        not estimated).
    polar : sequence of float
        In three dimensions: edges in cos(theta) of the Gauss-Kronrod panels.
    azimuth : sequence of float, optional
        Edges in phi of Gauss-Kronrod panels; they may cover part of the circle when the
        integrand repeats in the rest.
    repeats : float
        Number of copies of the given panels that make the whole sphere.
    accuracy, max_points
        As in `AdaptiveZone`, for the radial direction.
    panels : int, optional
        Number of fixed panels along each ray instead of adaptive ones, for sweeps.
    """

    kmax: float
    directions: int = 16
    polar: tuple[float, ...] = (-1.0, 0.0, 1.0)
    azimuth: tuple[float, ...] | None = None
    repeats: float = 1.0
    accuracy: float = 1e-8
    max_points: int = 20_000_000
    panels: int | None = None

    def __post_init__(self) -> None:
        def put(name, value):
            object.__setattr__(self, name, value)

        infinite = isinstance(self.kmax, float | np.floating) and self.kmax == np.inf
        hint = "give a radius in 1/length, or math.inf"
        count = "give a whole number"
        put("kmax", np.inf if infinite else positive("kmax", self.kmax, hint=hint))
        hint = "the error estimate needs alternate rays"
        put(
            "directions",
            whole("directions", self.directions, low=1, high=LARGEST_COUNT, hint=count),
        )
        if self.directions != 1 and self.directions % 2:
            raise ParameterError(
                f"directions must be 1 or an even number, got {self.directions!r}; add one, {hint}."
            )
        put("polar", edges("polar", self.polar, -1.0, 1.0))
        if self.azimuth is not None:
            put("azimuth", edges("azimuth", self.azimuth, -4.0 * np.pi, 4.0 * np.pi))
        put("repeats", positive("repeats", self.repeats))
        if self.panels is not None:
            put("panels", whole("panels", self.panels, low=1, high=LARGEST_COUNT, hint=count))
        check_limits(self.accuracy, 1, self.max_points)


@dataclass(frozen=True)
class ZoneLines(Record):
    """Lines across a zone of two or three dimensions for T = 0, split at their Fermi points.

    Attributes
    ----------
    accuracy, max_points
        As in `AdaptiveZone`.
    cells : int
        Panels across the lines at the start.
    """

    accuracy: float = 1e-5
    cells: int = 4
    max_points: int = 20_000_000

    def __post_init__(self) -> None:
        check_limits(self.accuracy, self.cells, self.max_points)


Domain = PeriodicGrid | AdaptiveZone | Rays | ZoneLines


def check_limits(accuracy: float, cells: int, max_points: int) -> None:
    """Refuse an accuracy, number of cells or limit outside its range."""
    number("accuracy", accuracy, low=1e-15, high=1.0, hint="give a relative error")
    hint = "give a whole number"
    whole("cells", cells, low=1, high=1000, hint=hint)
    whole("max_points", max_points, low=1, high=LARGEST_GRID, hint=hint)


def edges(name: str, values: npt.ArrayLike, low: float, high: float) -> tuple[float, ...]:
    """Edges of panels: two or more increasing numbers between ``low`` and ``high``."""
    hint = f"give increasing numbers from {low:g} to {high:g}"
    array = real_array(name, values, (None,), hint=hint)
    inside = low <= array.min() and array.max() <= high
    if len(array) < 2 or not inside or not np.all(np.diff(array) > 0.0):
        raise ParameterError(
            f"{name} must be two or more increasing edges, got {shown(values)}; {hint}."
        )
    return tuple(float(x) for x in array)


def checked_progress(progress: Callback) -> Callback:
    """The function that receives the progress, which must be callable or None."""
    if progress is not None and not callable(progress):
        raise ParameterError(
            f"progress must be a function of (points done, what is left), got {shown(progress)}; "
            "give a callable or leave it out."
        )
    return progress
