"""Nodes and weights of integrals with kinks at the ends of intervals and poles near or in them."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterable

import numpy as np
from scipy import special

__all__ = ["gauss_rule", "graded_nodes", "pole_nodes", "principal_nodes"]


@functools.cache
def gauss_rule(nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Legendre nodes and weights on (-1, 1)."""
    return np.polynomial.legendre.leggauss(nodes)


@functools.cache
def graded_rule(nodes: int, near_0: int, near_1: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights on (0, 1), at distances like ``x**near`` from the two ends."""
    x, w = gauss_rule(nodes)
    x, w = 0.5 * (x + 1), 0.5 * w
    slope = x ** (near_0 - 1) * (1 - x) ** (near_1 - 1) / special.beta(near_0, near_1)
    return special.betainc(near_0, near_1, x), slope * w


def graded_nodes(
    pieces: Iterable[tuple[float, float]], nodes: int, near_0: int = 2, near_1: int = 2
) -> tuple[np.ndarray, np.ndarray]:
    """Gauss nodes and weights on adjoining intervals, denser towards their ends.

    Parameters
    ----------
    pieces : iterable of (float, float)
        Ends of each interval.
    nodes : int
        Number of nodes on each interval.
    near_0, near_1 : int
        Power with which the nodes approach the lower and the upper end.
    """
    x, w = graded_rule(nodes, near_0, near_1)
    pieces = list(pieces)
    position = np.concatenate([a + (b - a) * x for a, b in pieces])
    return position, np.concatenate([(b - a) * w for a, b in pieces])


def pole_nodes(shelf: float, pole: float, edge: float, nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights on ``(0, shelf)`` for an integrand with poles at -pole and at edge.

    They are Gauss nodes of ``ln((x + pole) / (edge - x))``, exact for ``1 / ((x + pole) (edge -
    x))``. A correction ``~ x`` of the weights makes them exact for constants too.
    """
    low = math.log(pole / edge)
    length = math.log((shelf + pole) / (edge - shelf)) - low
    t, w = gauss_rule(nodes)
    t = 0.5 * length * (t + 1)
    x = pole * np.expm1(t) / (1 + np.exp(t + low))
    w = 0.5 * length * w * (x + pole) * (edge - x) / (edge + pole)
    return x, w * (1 + x * (shelf - w.sum()) / (w @ x))


def principal_nodes(
    low: float, high: float, poles: tuple[float, ...], nodes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights on ``(low, high)`` for the principal value at simple poles inside it.

    An even number of Gauss nodes lies symmetrically about each pole, so that its odd part
    cancels. The panels beside it double in width with the distance from the pole.

    Parameters
    ----------
    low, high : float
        Ends of the interval.
    poles : tuple of float
        Positions of the poles, in rising order.
    nodes : int
        Number of nodes on each panel.
    """
    x, w = gauss_rule(nodes + nodes % 2)
    rules, start, width = [], low, None
    for before, pole, after in zip((low, *poles), poles, (*poles[1:], high)):
        half = 0.5 * min(pole - before, after - pole)
        edges = panel_edges(start, pole - half, width, half)
        rules.append(graded_nodes(itertools.pairwise(edges), nodes))
        rules.append((pole + half * x, half * w))
        start, width = pole + half, half
    edges = panel_edges(start, high, width, None)
    rules.append(graded_nodes(itertools.pairwise(edges), nodes))
    position, weight = np.concatenate(rules, axis=1)
    return position, weight


def panel_edges(low: float, high: float, left: float | None, right: float | None) -> list[float]:
    """Edges of panels on an interval, which double in width with the distance from a pole outside.

    Parameters
    ----------
    low, high : float
        Ends of the interval.
    left, right : float or None
        Distance of the pole beyond each end, if there is one: width of the first panel.
    """
    middle = high if right is None else low if left is None else 0.5 * (low + high)
    rising, falling = [low], [high]
    while left is not None and rising[-1] + left < middle:
        rising.append(rising[-1] + left)
        left = 2 * left
    while right is not None and falling[-1] - right > middle:
        falling.append(falling[-1] - right)
        right = 2 * right
    return rising + falling[::-1]
