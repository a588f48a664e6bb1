"""Integrals over wave vectors: one entry for every kind of domain."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from hopnet.berry.arguments import number
from hopnet.berry.domains import (
    AdaptiveZone,
    Domain,
    PeriodicGrid,
    Progress,
    Rays,
    ZoneLines,
    checked_progress,
)
from hopnet.berry.models import Model
from hopnet.berry.quadrature import (
    Integral,
    Limits,
    Panels,
    fermi_points,
    grid_batches,
    in_batches,
    kronrod,
    points_of,
    ray_batches,
    ray_directions,
    ray_panels,
    ray_points,
    refine,
    zone_of,
)
from hopnet.checks import shown
from hopnet.errors import ParameterError
from hopnet.records import read_only

__all__ = ["integrate", "split", "sum_batches"]

Function = Callable[[np.ndarray], np.ndarray]

# Lines of a zone that are evaluated together. 512 lines of 257 points and 4 x 4 matrices take
# 40 MB; fewer would spend the time in Python.
LINES = 512
# About the number of wave vectors of one line: 257 to find its Fermi points, and its panels.
LINE_POINTS = 400
# Factor on the summed errors of the cells of a zone. The 7-15 rule may miss a peak between its
# nodes where bands nearly touch: in 200 random cases the sum was too small by up to 8. A smaller
# factor would not cover, a larger one costs more points.
ZONE_SAFETY = 10.0
# The sum of the errors of the panels across lines was too small by 1.01 at most in 91 random cases.
LINES_SAFETY = 2.0
# Panels along rays that are evaluated together: 512 panels of 15 points fill one batch.
RAY_PANELS = 512


def integrate(
    function: Function,
    model: Model,
    domain: Domain,
    *,
    energies: Function | None = None,
    mu: float | None = None,
    lead: int | None = None,
    progress: Progress | None = None,
) -> Integral:
    """Integral of ``function(k)`` over d^dk / (2 pi)^d, with an error estimate.

    Parameters
    ----------
    function : callable
        Integrand, ``k[n, d] -> float64[n, q]``.
    model : Model
        Band model, of which the zone, the scale and the shells are used.
    domain : PeriodicGrid, AdaptiveZone, Rays or ZoneLines
        Wave vectors to integrate over.
    energies : callable, optional
        ``k[n, d] -> float64[n, N]``. With ``mu`` it splits rays and lines at the Fermi points,
        where the integrand of T = 0 jumps.
    mu : float, optional
        Chemical potential.
    lead : int, optional
        How many of the q integrals steer an adaptive refinement, first ones first.
    progress : callable, optional
        Called with (points done, what is left: an error ratio or a fraction).

    Returns
    -------
    Integral

    Examples
    --------
    The zone of the square lattice holds one state per cell:

    >>> import numpy as np
    >>> from hopnet.berry.integration import integrate
    >>> from hopnet.berry.models import qwz
    >>> from hopnet.berry.quadrature import PeriodicGrid
    >>> done = integrate(lambda k: np.ones((len(k), 1)), qwz(), PeriodicGrid(8))
    >>> round(float(done.value[0]), 12)
    1.0
    """
    if not isinstance(model, Model) or not callable(function):
        raise ParameterError(
            f"integrate needs a function of wave vectors and a Model, got {shown(function)} and "
            f"{shown(model)}; give both."
        )
    function = checked_integrand(function)
    checked_progress(progress)
    if mu is not None:
        mu = number("mu", mu)
    if isinstance(domain, PeriodicGrid):
        return sum_batches(function, grid_batches(domain, model), progress)
    if isinstance(domain, AdaptiveZone):
        return integrate_zone(function, model, domain, lead, progress)
    if isinstance(domain, ZoneLines):
        return integrate_lines(function, model, domain, energies, mu, lead, progress)
    if isinstance(domain, Rays):
        if domain.panels:
            return sum_batches(function, ray_batches(domain, model), progress)
        return integrate_rays(function, model, domain, energies, mu, lead, progress)
    raise ParameterError(
        f"domain must be PeriodicGrid, AdaptiveZone, Rays or ZoneLines, got {shown(domain)}; "
        "make one of them."
    )


def checked_integrand(function: Function) -> Function:
    """The integrand, refused where it does not return real numbers [n, q]."""

    def checked(k):
        out = np.asarray(function(k))
        if out.ndim != 2 or len(out) != len(k) or out.dtype.kind not in "iuf":
            raise ParameterError(
                f"the integrand must return real numbers of shape [{len(k)}, q], got shape "
                f"{out.shape} and type {out.dtype}; return one row per wave vector."
            )
        return out

    return checked


def sum_batches(
    function: Function,
    batches: Iterable[tuple[np.ndarray, np.ndarray]],
    progress: Progress | None = None,
) -> Integral:
    """Weighted sums over fixed points; the error is the distance from the companion rules."""
    total, points = np.zeros((1, 1)), 0
    for k, weight in batches:
        total = total + weight.T @ function(k)
        points += len(k)
        if progress is not None:
            progress(points, None)
    error = np.abs(total[1:] - total[0]).sum(axis=0)
    if not np.all(np.isfinite(total)):
        raise ParameterError(
            "the integrand must be finite, got NaN or infinity; correct H(k) or dH(k, axis)."
        )
    return Integral(read_only(total[0]), read_only(error), points)


def integrate_zone(
    function: Function,
    model: Model,
    domain: AdaptiveZone,
    lead: int | None = None,
    progress: Progress | None = None,
) -> Integral:
    """Adaptive cubature of a Brillouin zone with the 7-15 rule along every axis."""
    reciprocal = zone_of(model)
    d = model.dimension
    unit, rules = product_rules(d)
    scale = abs(np.linalg.det(reciprocal)) / (2.0 * np.pi) ** d

    def evaluate(low, high, _):
        value, error = [], []
        for a, b in zip(low, high):
            f = in_batches(function, (a + (b - a) * unit) @ reciprocal)
            sums = scale * np.prod(b - a) * (rules @ f)
            value.append(sums[0])
            error.append(np.abs(sums[1:] - sums[0]))
        return np.array(value), np.array(error)

    start = start_panels(domain, d, len(unit))
    limits = Limits(domain.accuracy / ZONE_SAFETY, domain.max_points, len(unit))
    panels, points = refine(evaluate, start, limits, lead, progress)
    tolerance = domain.accuracy * np.abs(panels.value[:, :lead]).sum(axis=0).max()
    error = np.maximum(ZONE_SAFETY * panels.error.sum(axis=(0, 1)), tolerance)
    return Integral(read_only(panels.value.sum(axis=0)), read_only(error), points)


def start_panels(domain: AdaptiveZone | ZoneLines, d: int, points_each: int) -> Panels:
    """The cells of the unit cube in d dimensions with which a refinement starts."""
    n = int(domain.cells)
    if n**d * points_each > domain.max_points:
        raise ParameterError(
            f"cells must start with at most max_points={domain.max_points}, got {n} along {d} "
            f"axes, which are {n**d * points_each} points; give fewer cells or more points."
        )
    corners = points_of(np.arange(n), d)
    return Panels(corners / n, (corners + 1) / n, np.zeros(n**d, int))


def product_rules(d: int) -> tuple[np.ndarray, np.ndarray]:
    """Points of the 7-15 rule along d axes; its weights, and those with Gauss on one axis."""
    x, w, g = kronrod()
    lists = [[w] * d] + [[g if b == a else w for b in range(d)] for a in range(d)]
    return points_of(x, d), np.array([product(weights) for weights in lists])


def product(weights: list[np.ndarray]) -> np.ndarray:
    """Weights of a product rule, flattened."""
    out = weights[0]
    for w in weights[1:]:
        out = np.multiply.outer(out, w)
    return out.ravel()


def integrate_rays(
    function: Function,
    model: Model,
    domain: Rays,
    energies: Function | None,
    mu: float | None,
    lead: int | None = None,
    progress: Progress | None = None,
) -> Integral:
    """Adaptive panels along every ray; the error of the angle comes from companion weights."""
    direction, weight = ray_directions(domain, model)
    owner, low, high = ray_panels(domain, model, direction, energies, mu)
    _, w, g = kronrod()

    def evaluate(low, high, owner):
        value, error = [], []
        for start in range(0, len(owner), RAY_PANELS):
            part = slice(start, start + RAY_PANELS)
            k, jacobian = ray_points(model, direction, owner[part], low[part, 0], high[part, 0])
            f = function(k.reshape(-1, model.dimension)).reshape(*jacobian.shape, -1)
            f = f * (jacobian * weight[owner[part], :1])[:, :, None]
            value.append(np.einsum("x,bxq->bq", w, f))
            error.append(np.abs(np.einsum("x,bxq->bq", w - g, f)))
        return np.concatenate(value), np.concatenate(error)[:, None, :]

    start = Panels(low[:, None], high[:, None], owner)
    limits = Limits(domain.accuracy, domain.max_points, 15)
    panels, points = refine(evaluate, start, limits, lead, progress)
    ratio = weight[panels.owner] / weight[panels.owner, :1]
    table = ratio.T @ panels.value
    error = panels.error.sum(axis=(0, 1)) + np.abs(table[1:] - table[0]).sum(axis=0)
    return Integral(read_only(table[0]), read_only(error), points)


def integrate_lines(
    function: Function,
    model: Model,
    domain: ZoneLines,
    energies: Function | None,
    mu: float | None,
    lead: int | None = None,
    progress: Progress | None = None,
) -> Integral:
    """Lines along the last reciprocal vector, split at Fermi points; adaptive across them."""
    reciprocal = zone_of(model)
    across = model.dimension - 1
    x, w, g = kronrod()
    unit, rules = product_rules(across)
    scale = abs(np.linalg.det(reciprocal)) / (2.0 * np.pi) ** model.dimension
    visited = [0]

    def on_line(place, t):
        return place @ reciprocal[:-1] + t[:, None] * reciprocal[-1]

    def one_line_each(place):
        """Integrals along the lines at ``place``, and the sum of their panels' errors."""
        breaks = np.tile(np.linspace(0.0, 1.0, 5), (len(place), 1))
        owner = np.repeat(np.arange(len(place)), 4)
        low, high = breaks[:, :-1].ravel(), breaks[:, 1:].ravel()
        if energies is not None and mu is not None:
            line, t = fermi_points(
                lambda j, t: energies(on_line(place[j], t)), np.ones(len(place)), mu
            )
            visited[0] += 257 * len(place)
            owner, low, high = split(owner, low, high, line, t)

        def evaluate(low, high, owner):
            t = low + (high - low) * x
            k = on_line(np.repeat(place[owner], 15, axis=0), t.ravel())
            f = in_batches(function, k).reshape(len(owner), 15, -1) * (high - low)[:, :, None]
            coarse = np.abs(np.einsum("x,bxq->bq", w - g, f))
            return np.einsum("x,bxq->bq", w, f), coarse[:, None, :]

        start = Panels(low[:, None], high[:, None], owner)
        limits = Limits(0.1 * domain.accuracy, domain.max_points, 15)
        panels, points = refine(evaluate, start, limits, lead)
        visited[0] += points
        value = np.zeros((len(place), panels.value.shape[1]))
        error = np.zeros_like(value)
        np.add.at(value, panels.owner, panels.value)
        np.add.at(error, panels.owner, panels.error[:, 0])
        return value, error

    def evaluate(low, high, _):
        place = (low[:, None, :] + (high - low)[:, None, :] * unit).reshape(-1, across)
        parts = [one_line_each(place[i : i + LINES]) for i in range(0, len(place), LINES)]
        value, error = (
            np.concatenate(part).reshape(len(low), len(unit), -1) for part in zip(*parts)
        )
        size = (scale * np.prod(high - low, axis=1))[:, None, None]
        sums = size * (rules @ value)
        inner = size * (rules[:1] @ error)
        return sums[:, 0], np.abs(sums[:, 1:] - sums[:, :1]) + inner / across

    start = start_panels(domain, across, LINE_POINTS * len(unit))
    limits = Limits(domain.accuracy, domain.max_points, LINE_POINTS * len(unit))
    panels, _ = refine(evaluate, start, limits, lead, progress)
    error = LINES_SAFETY * panels.error.sum(axis=(0, 1))
    return Integral(read_only(panels.value.sum(axis=0)), read_only(error), visited[0])


def split(
    owner: np.ndarray, low: np.ndarray, high: np.ndarray, line: np.ndarray, t: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Panels (owner, low, high), cut at every ``t`` of its ``line``."""
    edges: list[list[float]] = [[] for _ in range(owner.max() + 1)]
    for j, a, b in zip(owner, low, high):
        edges[j] += [a, b]
    for j, a in zip(line, t):
        edges[j].append(a)
    new = [(j, np.unique(e)) for j, e in enumerate(edges)]
    owner = np.concatenate([np.full(len(e) - 1, j) for j, e in new])
    return owner, np.concatenate([e[:-1] for _, e in new]), np.concatenate([e[1:] for _, e in new])
