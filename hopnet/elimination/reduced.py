"""Reduced-order models of (Lap + z)^-1 in z: whole curves from a few factors.

A response of the network, g(z) = c (Lap + z diag n)^-1 b, is a sum of relaxations over a wide
spectrum, hence smooth on a logarithmic axis. Two models of it:

`interpolate`
    for real z > 0: exact values and slopes at a few z, a curve through them, points added where
    its error is largest;
`RationalModel`
    for complex z (fields, frequencies) and for time: the network projected on the solutions at a
    few real z.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import KroghInterpolator
from scipy.linalg import eigh, orth, qr

from hopnet.elimination.symmetric import factor
from hopnet.errors import ConvergenceError, ParameterError
from hopnet.records import read_only
from hopnet.threads import one_blas_thread

SPACING = 1.75 * np.log(10)  # of the first nodes, in ln z: wider ones can miss a bend
SAFETY = 3.0  # stated error / distance of the two curves, from sums of relaxations and samples


@dataclass(frozen=True, eq=False)
class Interpolated:
    """A function of z > 0 from its values and slopes at a few nodes.

    Attributes
    ----------
    value, error : float64[n_z]
        At the z asked for; the error is an estimate, absolute.
    node : float64[n_nodes]
        Where the function was evaluated.
    """

    value: np.ndarray
    error: np.ndarray
    node: np.ndarray


def interpolate(evaluate, z, *, relative, absolute, max_nodes=40):
    """A smooth function of ln z at many z from few evaluations.

    Hermite curves of degree five, through three nodes, of ln f in ln z, or of f itself near a
    change of sign. The error is estimated by the distance from the cubic curve through two
    nodes; a node is added in the middle of the interval whose estimate exceeds the tolerance
    most.

    Parameters
    ----------
    evaluate : callable
        ``evaluate(z) -> (f, df/dz)``.
    z : float64[n_z]
        Positive and finite.
    relative, absolute : float
        The tolerance is ``relative * abs(f) + absolute``; ``absolute > 0``.
    max_nodes : int

    Returns
    -------
    Interpolated

    Notes
    -----
    The error is an estimate: on hopping networks from n_s a_b^2 = 0.001 to 0.1 it held at more
    than nine of ten points and was never too small by more than a factor 5, the tolerance at all.

    Raises
    ------
    ConvergenceError
        If ``max_nodes`` are not enough; the estimate travels inside.
    """
    u_asked = np.log(np.asarray(z, dtype=np.float64))
    low, high = u_asked.min(), u_asked.max()
    n_first = max(3, int(np.ceil((high - low) / SPACING)) + 1) if high > low else 1
    nodes = {}

    def add(u):
        value, slope = evaluate(float(np.exp(u)))
        nodes[u] = (value, np.exp(u) * slope)

    for u in np.linspace(low, high, n_first):
        add(float(u))
    while True:
        u = np.array(sorted(nodes))
        f, slope = np.array([nodes[v] for v in u]).T
        if u.size == 1:
            value = np.full(u_asked.shape, f[0])
            return Interpolated(read_only(value), read_only(np.zeros_like(value)), np.exp(u))
        inside = [u[:-1] + part * np.diff(u) for part in (0.25, 0.5, 0.75)]
        probes = np.unique(np.concatenate([u_asked, *inside]))
        value, error = curve_between(u, f, slope, probes)
        excess = error / (relative * np.abs(value) + absolute)
        worst = int(np.argmax(excess))
        asked = np.searchsorted(probes, u_asked)
        if excess[worst] <= 1.0:
            return Interpolated(read_only(value[asked]), read_only(error[asked]), np.exp(u))
        if u.size >= max_nodes:
            raise ConvergenceError(
                f"the curve needs more than {max_nodes} factors for a tolerance of {relative:g} f "
                f"+ {absolute:.2g} (estimated error {error[worst]:.2g} at z = "
                f"{np.exp(probes[worst]):.3g}); ask for fewer tau_s or tolerance=0 (exact).",
                estimate=value[asked],
                residual=float(excess[worst]),
                iterations=u.size,
            )
        place = int(np.clip(np.searchsorted(u, probes[worst]) - 1, 0, u.size - 2))
        add(float(0.5 * (u[place] + u[place + 1])))


def curve_between(u, f, slope, probes):
    """Values between nodes and their errors: of ln f, or of f where it changes sign.

    The curves of degree five with a third node on either side are averaged. In each interval the
    relative error is `SAFETY` times their largest distance from the cubic curve (or half the
    distance in the next interval, if larger: curves may agree by accident).
    """
    place = np.clip(np.searchsorted(u, probes) - 1, 0, u.size - 2)
    value = np.zeros(probes.shape)
    distance = np.zeros(u.size - 1)
    for interval in range(u.size - 1):
        mine = place == interval
        curves = []
        for first in (interval - 1, interval):
            if first < 0 or first + 3 > u.size:
                continue
            three, two = slice(first, first + 3), slice(interval, interval + 2)
            sign = np.sign(f[first]) * np.all(f[three] * f[first] > 0)
            g, g_slope = f, slope
            if sign:
                safe = np.where(f == 0, 1.0, f)
                g, g_slope = np.log(np.abs(safe)), slope / safe
            fifth = hermite(u[three], g[three], g_slope[three], probes[mine])
            cubic = hermite(u[two], g[two], g_slope[two], probes[mine])
            if sign:
                fifth, cubic = sign * np.exp(fifth), sign * np.exp(cubic)
            curves.append(fifth)
            away = np.abs(fifth - cubic) / np.maximum(np.abs(fifth), np.abs(cubic))
            distance[interval] = max(distance[interval], away.max(initial=0.0))
        value[mine] = np.mean(curves, axis=0)
    around = np.pad(distance, 1)
    distance = np.maximum(distance, 0.5 * np.maximum(around[:-2], around[2:]))
    return value, SAFETY * distance[place] * np.abs(value)


def hermite(u, g, slope, probes):
    """The polynomial with given values and slopes at the nodes u."""
    return KroghInterpolator(np.repeat(u, 2), np.stack([g, slope], axis=1).ravel())(probes)


@dataclass(frozen=True, eq=False)
class RationalModel:
    """g(z) = c (Lap + z diag n)^-1 b as a sum of few relaxations.

    Galerkin projection on {M(s)^-1 b, M(s)^-1 c} at the poles s, M(s) = Lap + s diag n: value
    and slope of g are exact at every pole, and between them the error is a product of two errors.

    Attributes
    ----------
    pole : float64[n_poles]
        The real z where the network was solved.
    rate : float64[n_modes]
        Relaxation rates of the projected network, all >= 0.
    weight : float64[n_modes]
        g(z) = sum_k weight_k / (rate_k + z).
    without : tuple of (rate, weight)
        The models with one pole left out each, for the error.
    """

    pole: np.ndarray
    rate: np.ndarray
    weight: np.ndarray
    without: tuple

    def __call__(self, z):
        """g at any complex z off the negative real axis: array of the shape of ``z``."""
        return sum_of_relaxations(self.rate, self.weight, z)

    def error(self, z):
        """Estimated absolute error of g(z): how much leaving out the two nearest poles changes it.

        Conservative as long as the poles span the range of abs(z) asked for.
        """
        z = np.asarray(z, dtype=np.complex128)
        whole = self(z)
        away = np.array([np.abs(sum_of_relaxations(*m, z) - whole) for m in self.without])
        distance = np.abs(np.log(np.abs(z)) - np.log(self.pole).reshape(-1, *[1] * z.ndim))
        nearest = np.argsort(distance, axis=0)[:2]
        return np.take_along_axis(away, nearest, axis=0).max(axis=0)

    def decay(self, time):
        """c exp(-t Lap / n) b / n: the response in time to a kick b at t = 0.

        Parameters
        ----------
        time : array_like, >= 0
            In the unit of 1 / rate.
        """
        time = np.asarray(time, dtype=np.float64)
        return np.exp(-time[..., None] * self.rate) @ self.weight


def sum_of_relaxations(rate, weight, z):
    """sum_k weight_k / (rate_k + z)."""
    z = np.asarray(z)
    return (weight / (rate + z[..., None])).sum(axis=-1)


def rational_model(
    elimination,
    link_i,
    link_j,
    conductance,
    b,
    c,
    poles,
    *,
    occupation=None,
    solutions=None,
    threads=None,
):
    """Project a network on its solutions at a few real z.

    Parameters
    ----------
    elimination : Elimination
        Without terminals.
    link_i, link_j : int64[n_links]
    conductance : float64[n_links]
    b, c : float64[n_nodes]
        Source and observable.
    poles : array_like of float, > 0
        Spread over the range of abs(z) of interest, evenly in log z: one per decade gives some
        1e-2, three for two decades 1e-3 (networks at n_s a_b^2 = 0.01).
    occupation : float64[n_nodes], optional
        n (default: 1).
    solutions : float64[n_nodes, n_poles, 2], optional
        M(s)^-1 b and M(s)^-1 c at the poles in ascending order, if you have them.

    Returns
    -------
    RationalModel
    """
    pole = np.sort(np.asarray(poles, dtype=np.float64))
    if pole.ndim != 1 or pole.size < 2 or not (np.all(np.isfinite(pole)) and np.all(pole > 0)):
        raise ParameterError(
            f"a rational model needs two or more finite positive poles, got {poles!r}; "
            "spread them evenly in log z."
        )
    n = np.ones(elimination.n_nodes) if occupation is None else np.asarray(occupation)
    sides = np.stack([b, c], axis=1).astype(np.float64)
    if solutions is None:
        solutions = np.stack(
            [factor(elimination, conductance, s * n, threads=threads).solve(sides) for s in pole], 1
        )
    vector = solutions.reshape(elimination.n_nodes, -1)
    vector = vector / np.linalg.norm(vector, axis=0)
    with one_blas_thread():
        basis, coordinate = qr(vector, mode="economic")
        step = basis[link_i] - basis[link_j]
        laplacian = step.T @ (conductance[:, None] * step)
        mass = (basis.T * n) @ basis
        source, observable = sides.T @ basis

    def project(kept):
        within = orth(coordinate.reshape(-1, pole.size, 2)[:, kept].reshape(basis.shape[1], -1))
        rate, mode = eigh(within.T @ laplacian @ within, within.T @ mass @ within)
        weight = (observable @ within @ mode) * (source @ within @ mode)
        return np.maximum(rate, 0.0), weight

    everything = np.arange(pole.size)
    rate, weight = project(everything)
    without = tuple(project(np.delete(everything, k)) for k in range(pole.size))
    return RationalModel(read_only(pole), read_only(rate), read_only(weight), without)
