"""Chains over which the response of the Rashba gas is integrated: their depths and weights.

A chain ``r + k d`` with ``0 <= r <= d/2`` is named by its depth ``x = d/2 - r`` below the bottom
of the lower band. The acceleration drives one chain, the one through both Fermi momenta. The
interband coherence drives every chain, so that its response is an integral over x from 0 to d/2.
The integrand has three kinds of singularities:

- kinks at the depth of the Fermi chain, at 0 and at d/2: intervals end there;
- a pole just outside the interval, at ``x = -x_0``, if the field drives the band bottom;
- with spin-orbit disorder, poles inside the interval where a relaxation rate changes its sign.
  The integral is then a principal value, with nodes that lie symmetrically about each pole.
"""

from __future__ import annotations

import math

import numpy as np

from hopnet.boltzmann.chain import chain_points, chain_signs, solve_chains
from hopnet.boltzmann.gas import RashbaGas
from hopnet.boltzmann.nodes import graded_nodes, pole_nodes, principal_nodes
from hopnet.boltzmann.potentials import Potential

__all__ = [
    "bottom_pole",
    "chain_depths",
    "drives_bottom",
    "fermi_chains",
    "fermi_depth",
    "growing_depths",
]

# Smallest depth of a chain, in units of m alpha. Below it the response is the same to machine
# precision; a smaller one divides by rounding errors, a larger one loses a narrow peak.
FINEST = 1e-13

# Shortest interval of depths that is integrated by itself, in units of m alpha. Its contribution
# is of this relative size; a smaller one puts nodes closer than rounding distinguishes them.
SHORTEST = 1e-10

# Depth of the Fermi chain, in units of m alpha, below which its response is extrapolated from
# deeper chains. Rounding grows like 1e-16 over the depth: at 1e-7 it reaches about 1e-9.
SHALLOW = 1e-7

# Depths at which the sign of the determinant is sampled, and subdivisions of an interval in which
# it changes. Pairs of zeros closer than the samples are missed; 13 rounds of 16 parts each reach
# machine precision.
SAMPLES, PARTS, ROUNDS = 64, 16, 13


def drives_bottom(gas: RashbaGas) -> bool:
    """Whether the field drives the bottom of the lower band, ``p = d/2``, where ``V_- = 0``."""
    return gas.momentum_splitting / 2 > gas.fermi_momenta[0]


def fermi_depth(gas: RashbaGas) -> float:
    """Depth ``d/2 - r`` of the chain ``r + k d``, ``0 <= r <= d/2``, through both Fermi momenta."""
    step = gas.momentum_splitting
    return abs(math.fmod(gas.fermi_momenta[0], step) - step / 2)


def bottom_pole(gas: RashbaGas, potential: Potential, beyond: int) -> float | None:
    """Depth x_0 in the response ``~ 1/(x + x_0)`` of chains that drive the band bottom.

    The result is None if the field does not drive the band bottom. It is computed from two
    chains. It serves to place nodes only, so that two digits are enough.
    """
    shelf, step = fermi_depth(gas), gas.momentum_splitting
    if not drives_bottom(gas) or shelf < SHORTEST * step:
        return None
    floor = FINEST * step
    probe = np.array([max(floor, min(1e-9 * step, 1e-6 * shelf)), floor + 1e-3 * shelf])
    momentum, bottom = chain_points(probe, gas, beyond)
    near, far = solve_chains(momentum, gas, potential, 0, bottom)[0][:, 1]
    falling = 0 < far < near or near < far < 0
    pole = (probe[1] * far - probe[0] * near) / (near - far) if falling else shelf
    return float(np.clip(pole, floor, shelf))


def growing_depths(gas: RashbaGas, potential: Potential, beyond: int) -> tuple[float, ...]:
    """Depths at which a relaxation rate of the chain matrix changes its sign, in rising order.

    On one side of such a depth a mode of the kinetic equation [rashba 5] grows instead of
    relaxing, and the response of the chains has a simple pole. Scalar disorder has none.
    """
    if not (gas.lambda_xy or gas.lambda_z or gas.skew):
        return ()

    def signs(depth: np.ndarray) -> np.ndarray:
        momentum, bottom = chain_points(depth, gas, beyond)
        return chain_signs(momentum, gas, potential, bottom)

    half = gas.momentum_splitting / 2
    even = (np.arange(SAMPLES) + 0.5) / SAMPLES
    depth = half * np.union1d(even, np.geomspace(1e-9, even[0], SAMPLES // 2))
    found = []
    for k in np.flatnonzero(np.diff(signs(depth))):
        low, high = depth[k], depth[k + 1]
        for _ in range(ROUNDS):
            grid = np.linspace(low, high, PARTS + 1)
            sign = signs(grid)
            j = int(np.flatnonzero(sign != sign[0])[0]) if np.any(sign != sign[0]) else PARTS
            low, high = grid[j - 1], grid[j]
        found.append(float(0.5 * (low + high)))
    return tuple(found)


def chain_depths(
    gas: RashbaGas, nodes: int, pole: float | None = None, growing: tuple[float, ...] = ()
) -> tuple[np.ndarray, np.ndarray]:
    """Depths x in (0, d/2) of the chains to integrate over, and their weights.

    The integrand has a kink at the depth of the Fermi chain: intervals end there.

    Parameters
    ----------
    gas : RashbaGas
        Band and disorder.
    nodes : int
        Number of nodes on each interval.
    pole : float, optional
        Result of `bottom_pole`.
    growing : tuple of float
        Result of `growing_depths`.
    """
    step, shelf = gas.momentum_splitting, fermi_depth(gas)
    half = step / 2
    if shelf < SHORTEST * step:
        shelf = 0.0
    crowd = 4 if shelf < 0.1 * step else 2  # the response bends sharply near depth 0
    rules: list[tuple[np.ndarray, np.ndarray]] = []
    upper = tuple(x for x in growing if x > shelf)
    lower = tuple(x for x in growing if x < shelf)
    if upper:
        rules.append(principal_nodes(shelf, half, upper, nodes))
    elif half - shelf > SHORTEST * step:
        rules.append(graded_nodes([(shelf, half)], nodes, crowd))
    if lower:
        rules.append(principal_nodes(0.0, shelf, lower, nodes))
    elif shelf and pole is not None:
        rules.append(pole_nodes(shelf, pole, half, nodes))
    elif shelf:
        rules.append(graded_nodes([(0.0, shelf)], nodes))
    depth, weight = np.concatenate(rules, axis=1)
    return np.maximum(depth, FINEST * step), weight


def fermi_chains(
    gas: RashbaGas, potential: Potential, beyond: int
) -> tuple[np.ndarray, np.ndarray, float]:
    """Depths and weights of the chains that give the response of the Fermi chain, and its error.

    Usually this is the Fermi chain itself. At depth 0, where ``V_- = 0`` on it, the two equations
    of the band bottom become one, and rounding grows like 1e-16 d/x. There the response, a peak as
    narrow as its pole in x, is a quartic through five chains at equal spacings: the widest spacing
    that agrees with the narrower ones to machine precision.

    Returns
    -------
    depth, weight : float64[n]
        One chain of weight 1, or five.
    error : float
        Relative rounding error of their S_y.
    """
    step, depth = gas.momentum_splitting, fermi_depth(gas)
    if depth > SHALLOW * step:
        return np.array([depth]), np.array([1.0]), 1e-16 * step / depth
    spacing = step * 10.0 ** -np.arange(3, 10)
    chains, weight = depth + spacing[:, None] * np.arange(1, 6), np.array([5, -10, 10, -5, 1.0])
    momentum, bottom = chain_points(chains.ravel(), gas, beyond)
    each, _ = solve_chains(momentum, gas, potential, chains.size, bottom)
    value = each[:, 1].reshape(chains.shape) @ weight
    change = np.abs(np.diff(value))
    differ = change > 1e-15 * step / spacing[1:] * np.abs(value[1:])
    chosen = np.max(np.flatnonzero(differ), initial=-1) + 1
    error = max(change[min(chosen, change.size - 1)] / abs(value[chosen]), 1e-16 / SHALLOW)
    return chains[chosen], weight, float(error)
