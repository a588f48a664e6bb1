"""Nodes and weights for integrals with poles just outside, and kinks at the ends, of intervals."""

from __future__ import annotations

import functools
import math

import numpy as np
from scipy import special


@functools.cache
def gauss_rule(nodes):
    """Gauss-Legendre nodes and weights on (-1, 1)."""
    return np.polynomial.legendre.leggauss(nodes)


@functools.cache
def graded_rule(nodes, near_0, near_1):
    """Nodes and weights on (0, 1), at distances like ``x**near`` from the two ends."""
    x, w = gauss_rule(nodes)
    x, w = 0.5 * (x + 1), 0.5 * w
    slope = x ** (near_0 - 1) * (1 - x) ** (near_1 - 1) / special.beta(near_0, near_1)
    return special.betainc(near_0, near_1, x), slope * w


def graded_nodes(pieces, nodes, near_0=2, near_1=2):
    """Gauss nodes and weights on adjoining intervals, crowded at their ends."""
    x, w = graded_rule(nodes, near_0, near_1)
    position = np.concatenate([a + (b - a) * x for a, b in pieces])
    return position, np.concatenate([(b - a) * w for a, b in pieces])


def pole_nodes(shelf, pole, edge, nodes):
    """Nodes and weights on ``(0, shelf)`` for an integrand with poles at -pole and at edge.

    They are Gauss nodes of ``ln((x + pole) / (edge - x))``, exact for ``1 / ((x + pole) (edge -
    x))``; a correction ``~ x`` of the weights makes them exact for constants too.
    """
    low = math.log(pole / edge)
    length = math.log((shelf + pole) / (edge - shelf)) - low
    t, w = gauss_rule(nodes)
    t = 0.5 * length * (t + 1)
    x = pole * np.expm1(t) / (1 + np.exp(t + low))
    w = 0.5 * length * w * (x + pole) * (edge - x) / (edge + pole)
    return x, w * (1 + x * (shelf - w.sum()) / (w @ x))
