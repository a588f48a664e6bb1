"""Reduced models of (Lap + z)^-1 as functions of z: whole curves from a few factors.

A response of the network, g(z) = c (Lap + z diag n)^-1 b, is a sum of relaxations over a wide
spectrum, hence smooth on a logarithmic axis. There are two models of it:

`interpolate`
    for real z > 0: a curve through exact values and slopes at a few z, where points are added
    until its error is below a tolerance;
`RationalModel`
    for complex z (fields, frequencies) and for time: the network projected on the solutions at a
    few real z.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from scipy.interpolate import KroghInterpolator
from scipy.linalg import eigh, orth, qr

from hopnet.checks import array_of, instance_of, number, shown, whole
from hopnet.elimination.dissection import check_links
from hopnet.elimination.symbolic import Elimination
from hopnet.elimination.symmetric import factor
from hopnet.errors import ParameterError
from hopnet.records import Record, read_only
from hopnet.threads import one_blas_thread

__all__ = ["Interpolated", "RationalModel", "interpolate", "rational_model"]

# Largest distance of the first nodes in ln z. A larger one can miss a bend of the curve between
# two nodes, a smaller one takes more factors than smooth curves need.
SPACING = 1.75 * np.log(10)

# Stated error over the distance of the curves of degree five and three. This and the next two
# constants were chosen on 1270 curves of samples of 20 to 1500 sites, and then held on all of 520
# others. Larger values take more factors: with these, a smooth curve takes one to three more than
# with the first estimate alone, which is exceeded on one curve in twenty.
SAFETY = 3.0

# Stated error over the error with which the curve without a node predicts the value at that node.
# Such a prediction spans two intervals, so its error is larger than that inside one.
LEFT_OUT_SHARE = 0.5

# Factor on both estimates in the first and the last interval, which have a neighbouring interval on
# one side only. With 2, the true error of one curve in 520 exceeds its estimate, by a quarter.
END_SAFETY = 4.0

# Stated error of a rational model over the error that leaving out one pole predicts. The prediction
# holds for a continuous spectrum.
LEFT_OUT_SAFETY = 2.0

# Number of links whose differences are held at one time while a network is projected. More take
# more memory, fewer more calls.
BLOCK = 100_000

# Factor by which a curve of ln f may leave the range of the values at the ends of its interval. A
# larger factor lets the curve fall towards zero where f changes sign twice between two nodes; a
# smaller one gives up the logarithm where the curve only bends.
LEEWAY = 3.0


@dataclass(frozen=True, eq=False)
class Interpolated(Record):
    """A function of z > 0 from its values and slopes at a few nodes.

    Attributes
    ----------
    value : float64[n_z]
        The function at each z that was asked for.
    error : float64[n_z]
        Estimated absolute error of each value; 0 where the function was evaluated at z itself.
    node : float64[n_nodes]
        The z where the function was evaluated, ascending.
    """

    table_row: ClassVar[str] = "point"
    table_columns: ClassVar[tuple[str, ...]] = ("value", "error")

    value: np.ndarray
    error: np.ndarray
    node: np.ndarray


def interpolate(
    evaluate: Callable[[float], tuple[float, float]],
    z: npt.ArrayLike,
    *,
    relative: float,
    absolute: float,
    max_nodes: int = 40,
) -> Interpolated:
    """A smooth function of ln z at many z from few evaluations.

    Between two nodes the function is a polynomial of degree five in ln z through three nodes, of
    ln f, or of f itself near a change of sign. Its error is estimated in two ways (see
    `curve_between`). A node is added in the middle of the interval whose estimate exceeds the
    tolerance most. If ``max_nodes`` are not enough, the function is evaluated at each z where the
    estimate is still too large.

    Parameters
    ----------
    evaluate : callable
        ``evaluate(z)`` returns f and df/dz.
    z : float64[n_z]
        Where the function is asked for; positive and finite.
    relative, absolute : float
        The tolerance is ``relative * abs(f) + absolute``, with ``absolute > 0``.
    max_nodes : int
        Largest number of nodes.

    Returns
    -------
    Interpolated

    Raises
    ------
    ParameterError
        If a number is not allowed.

    Notes
    -----
    The errors are estimates. `tests/test_interpolation_survey.py` compares them with exact values
    on curves of samples of 20 to 1500 sites, n_s a_b^2 from 0.003 to 0.01, a third of them with
    site energies: every error is below its estimate and below the tolerance.
    """
    if not callable(evaluate):
        raise ParameterError(
            f"evaluate must be a function of z, got {shown(evaluate)}; it returns f and df/dz."
        )
    asked = array_of("z", z, low=0.0, above=True)
    relative = number("relative", relative, low=0.0)
    absolute = number("absolute", absolute, low=0.0, above=True)
    max_nodes = whole("max_nodes", max_nodes, low=3)
    u_asked = np.log(asked)
    low, high = float(u_asked.min()), float(u_asked.max())
    n_first = max(3, int(np.ceil((high - low) / SPACING)) + 1) if high > low else 1
    nodes: dict[float, tuple[float, float]] = {}

    def add(u):
        value, slope = evaluate(float(np.exp(u)))
        nodes[u] = (value, np.exp(u) * slope)

    for first in np.linspace(low, high, n_first):
        add(float(first))
    while True:
        u = np.array(sorted(nodes))
        f, slope = np.array([nodes[v] for v in u]).T
        if u.size == 1:
            value = np.full(u_asked.shape, f[0])
            return Interpolated(read_only(value), read_only(np.zeros_like(value)), np.exp(u))
        inside = [u[:-1] + part * np.diff(u) for part in (0.25, 0.5, 0.75)]
        probes = np.unique(np.concatenate([u_asked, *inside]))
        value, error = curve_between(u, f, slope, probes)
        with np.errstate(over="ignore"):
            excess = error / (relative * np.abs(value) + absolute)
        worst = int(np.argmax(excess))
        place = np.searchsorted(probes, u_asked)
        if excess[worst] <= 1.0:
            return Interpolated(read_only(value[place]), read_only(error[place]), np.exp(u))
        if u.size >= max_nodes:
            return with_exact_values(evaluate, asked, value[place], error[place], excess[place], u)
        interval = int(np.clip(np.searchsorted(u, probes[worst]) - 1, 0, u.size - 2))
        add(float(0.5 * (u[interval] + u[interval + 1])))


def with_exact_values(evaluate, asked, value, error, excess, u):
    """The interpolated function, evaluated exactly wherever its estimate exceeds the tolerance."""
    value, error = value.copy(), error.copy()
    rough = np.flatnonzero(excess > 1.0)
    for k in rough:
        value[k], error[k] = evaluate(float(asked[k]))[0], 0.0
    node = np.unique(np.concatenate([np.exp(u), asked[rough]]))
    return Interpolated(read_only(value), read_only(error), node)


def curve_between(u, f, slope, probes):
    """Values between nodes, and estimates of their errors.

    The curves of degree five with a third node on either side are averaged. There are two
    estimates of the error, and the larger one counts:

    1. `SAFETY` times the largest distance, in the interval, of these curves from the cubic curve
       through two nodes (or half the distance in the next interval, if that is larger: curves may
       agree by accident). Curves of ln f count with their relative distance, curves of f with
       their absolute one;
    2. `LEFT_OUT_SHARE` times the error with which the curves without a node at the end of the
       interval predict the value there.
    """
    place = np.clip(np.searchsorted(u, probes) - 1, 0, u.size - 2)
    value = np.zeros(probes.shape)
    distance = np.zeros((2, u.size - 1))  # relative, absolute
    for interval in range(u.size - 1):
        mine = place == interval
        curves, distance[:, interval] = interval_curves(u, f, slope, interval, probes[mine])
        value[mine] = np.mean(curves, axis=0)
    around = np.pad(distance, ((0, 0), (1, 1)))
    distance = SAFETY * np.maximum(distance, 0.5 * np.maximum(around[:, :-2], around[:, 2:]))
    missed = missed_at_nodes(u, f, slope)
    missed = LEFT_OUT_SHARE * np.maximum(missed[:-1], missed[1:])
    for estimate in (*distance, missed):
        estimate[[0, -1]] *= END_SAFETY
    relative, absolute = distance[0, place], distance[1, place]
    error = np.maximum(np.maximum(relative * np.abs(value), absolute), missed[place])
    return value, np.where(np.isfinite(error) & np.isfinite(value), error, np.inf)


def interval_curves(u, f, slope, interval, probes):
    """The curves of degree five in one interval, and how far they are from the cubic curve.

    Returns
    -------
    curves : list of float64[n_probes]
    distance : (relative, absolute)
        The largest relative distance of curves of ln f, and the largest absolute distance of
        curves of f; 0 where there is none.
    """
    curves, relative, absolute = [], 0.0, 0.0
    two = np.array([interval, interval + 1])
    for first in (interval - 1, interval):
        if first < 0 or first + 3 > u.size:
            continue
        three = np.arange(first, first + 3)
        sign = common_sign(f[three])
        fifth = hermite(u, f, slope, three, sign, probes)
        cubic = hermite(u, f, slope, two, sign, probes)
        # A curve of ln f that leaves the range of its ends hides a change of sign between them.
        if sign and not (stays_near(fifth, f[two]) and stays_near(cubic, f[two])):
            sign = 0.0
            fifth = hermite(u, f, slope, three, sign, probes)
            cubic = hermite(u, f, slope, two, sign, probes)
        curves.append(fifth)
        away = np.abs(fifth - cubic)
        if sign:
            away = away / np.maximum(np.abs(fifth), np.abs(cubic))
            relative = max(relative, away.max(initial=0.0))
        else:
            absolute = max(absolute, away.max(initial=0.0))
    return curves, (relative, absolute)


def stays_near(curve, ends):
    """Whether a curve of one sign stays within the values at its ends times `LEEWAY`."""
    size = np.abs(ends)
    inside = np.abs(curve)
    return bool(np.all((inside >= size.min() / LEEWAY) & (inside <= size.max() * LEEWAY)))


def missed_at_nodes(u, f, slope):
    """How far the curves without a node miss the value at that node; 0 for the first and last."""
    missed = np.zeros(u.size)
    for k in range(1, u.size - 1):
        others = [[k - 2, k - 1, k + 1], [k - 1, k + 1, k + 2]]
        others = [c for c in others if c[0] >= 0 and c[-1] < u.size] or [[k - 1, k + 1]]
        for chosen in others:
            sign = common_sign(f[chosen])
            predicted = hermite(u, f, slope, np.array(chosen), sign, u[k : k + 1])[0]
            missed[k] = max(missed[k], abs(predicted - f[k]))
    return missed


def common_sign(f):
    """The sign of all values: 1 or -1, and 0 if they differ or one is zero."""
    return float(np.sign(f[0]) * np.all(f * f[0] > 0))


def hermite(u, f, slope, chosen, sign, probes):
    """The polynomial with given values and slopes at the chosen nodes: of ln f if f has a sign."""
    u, f, slope = u[chosen], f[chosen], slope[chosen]
    if sign:
        f, slope = np.log(np.abs(f)), slope / f
    coefficients = np.stack([f, slope], axis=1).ravel()
    found = KroghInterpolator(np.repeat(u, 2), coefficients)(probes)
    return sign * np.exp(np.clip(found, -700.0, 700.0)) if sign else found


@dataclass(frozen=True, eq=False)
class RationalModel(Record):
    """g(z) = c (Lap + z diag n)^-1 b as a sum of a few relaxations.

    It is the Galerkin projection on {M(s)^-1 b, M(s)^-1 c} at the poles s, with M(s) = Lap + s
    diag n. Value and slope of g are exact at every pole. Between poles the error of g is a product
    of two small errors, that of M^-1 b and that of M^-1 c.

    Attributes
    ----------
    pole : float64[n_poles]
        The real z where the network was solved, ascending.
    rate : float64[n_modes]
        Relaxation rates of the projected network, all >= 0.
    weight : float64[n_modes]
        Weight of each relaxation: g(z) = sum_k weight_k / (rate_k + z).
    leave_one_out : tuple of (rate, weight)
        One model for each pole, made without that pole; used to estimate the error.
    """

    table_row: ClassVar[str] = "mode"
    table_columns: ClassVar[tuple[str, ...]] = ("rate", "weight")

    pole: np.ndarray
    rate: np.ndarray
    weight: np.ndarray
    leave_one_out: tuple[tuple[np.ndarray, np.ndarray], ...]

    def __call__(self, z: npt.ArrayLike) -> np.ndarray:
        """The function g at any complex z off the negative real axis, in the shape of ``z``."""
        return sum_of_relaxations(self.rate, self.weight, z)

    def error(self, z: npt.ArrayLike) -> np.ndarray:
        """Estimated absolute error of g(z), from models without one of the two nearest poles.

        Parameters
        ----------
        z : array_like of complex
            As for the model itself.

        Returns
        -------
        float64 array of the shape of ``z``
            The larger of the two changes of g. It exceeds the true error as long as the poles span
            the range of abs(z).
        """
        z = np.asarray(z, dtype=np.complex128)
        whole_model = self(z)
        away = np.array(
            [np.abs(sum_of_relaxations(*m, z) - whole_model) for m in self.leave_one_out]
        )
        distance = np.abs(np.log(np.abs(z)) - np.log(self.pole).reshape(-1, *[1] * z.ndim))
        nearest = np.argsort(distance, axis=0)[:2]
        return np.take_along_axis(away, nearest, axis=0).max(axis=0)

    def sharp_error(self, z: npt.ArrayLike) -> np.ndarray:
        """Estimated absolute error of g(z), about half of `error` on the imaginary axis.

        The error of the projection falls with each pole s as Green's function of the plane without
        the negative axis. A pole reduces it by the factor

            share = abs((sqrt(z) - sqrt(s)) / (sqrt(z) + sqrt(s)))^2

        which is 0.17 at z = i s. Hence the error is the change of g by leaving out the pole, times
        share / (1 - share). The share on the imaginary axis is taken for positive real parts too,
        where the true one is smaller.

        Parameters
        ----------
        z : array_like of complex
            As for the model itself.

        Returns
        -------
        float64 array of the shape of ``z``
            `LEFT_OUT_SAFETY` times the larger of the two estimates from the two nearest poles.
            Rounding of the projection is not part of it.

        Notes
        -----
        The share is that of a continuous spectrum. `tests/test_admittance.py` compares the estimate
        with exact values.
        """
        z = np.asarray(z, dtype=np.complex128)
        whole_model = self(z)
        away = np.array(
            [np.abs(sum_of_relaxations(*m, z) - whole_model) for m in self.leave_one_out]
        )
        distance = np.log(np.abs(z)) - np.log(self.pole).reshape(-1, *[1] * z.ndim)
        angle = np.maximum(np.abs(np.angle(z)), 0.5 * np.pi)
        along, across = np.cosh(0.5 * distance), np.cos(0.5 * angle)
        # share / (1 - share) of share = (along - across) / (along + across).
        estimate = LEFT_OUT_SAFETY * away * (along - across) / (2.0 * across)
        nearest = np.argsort(np.abs(distance), axis=0)[:2]
        return np.take_along_axis(estimate, nearest, axis=0).max(axis=0)

    def decay(self, time: npt.ArrayLike) -> np.ndarray:
        """Response c exp(-t Lap / n) b / n, at each time t, to an impulse b at t = 0.

        Parameters
        ----------
        time : array_like, >= 0
            Times in the unit of 1 / rate.

        Returns
        -------
        float64 array of the shape of ``time``
        """
        return sum_of_decays(self.rate, self.weight, time)

    def decay_error(self, time: npt.ArrayLike) -> np.ndarray:
        """Estimated absolute error of `decay`: the largest change by leaving out one pole.

        Parameters
        ----------
        time : array_like, >= 0
            As for `decay`. The inverse times must lie within the range of the poles.

        Returns
        -------
        float64 array of the shape of ``time``
        """
        whole_model = self.decay(time)
        away = [np.abs(sum_of_decays(*m, time) - whole_model) for m in self.leave_one_out]
        return np.max(away, axis=0)


def sum_of_decays(rate, weight, time):
    """sum_k weight_k exp(-rate_k t)."""
    time = np.asarray(time, dtype=np.float64)
    return np.exp(-time[..., None] * rate) @ weight


def sum_of_relaxations(rate, weight, z):
    """sum_k weight_k / (rate_k + z)."""
    z = np.asarray(z)
    return (weight / (rate + z[..., None])).sum(axis=-1)


def rational_model(
    elimination: Elimination,
    link_i: npt.ArrayLike,
    link_j: npt.ArrayLike,
    conductance: npt.ArrayLike,
    b: npt.ArrayLike,
    c: npt.ArrayLike,
    poles: npt.ArrayLike,
    *,
    occupation: npt.ArrayLike | None = None,
    solutions: np.ndarray | None = None,
    threads: int | None = None,
) -> RationalModel:
    """Project a network on its solutions at a few real z.

    Parameters
    ----------
    elimination : Elimination
        The symbolic analysis of the graph without terminals.
    link_i, link_j : int64[n_links]
        The two nodes of each link.
    conductance : float64[n_links]
        Conductance of each link.
    b, c : float64[n_nodes]
        Source and observable.
    poles : array_like of float, > 0
        The real z to solve at. They should span the range of abs(z) of interest, evenly in log z:
        one per decade gives errors of about 1e-2, three for two decades 1e-3 (networks at
        n_s a_b^2 = 0.01).
    occupation : float64[n_nodes], optional
        The occupation n of each node (default: 1).
    solutions : float64[n_nodes, n_poles, 2], optional
        M(s)^-1 b and M(s)^-1 c at the poles in ascending order, if the caller has them.
    threads : int, optional
        Number of threads.

    Returns
    -------
    RationalModel

    Raises
    ------
    ParameterError
        If a number or a shape is not allowed.
    """
    instance_of("elimination", elimination, Elimination, "make it with analyse")
    n_nodes = elimination.n_nodes
    link_i, link_j = check_links(link_i, link_j, n_nodes)
    conductance = array_of(
        "conductance", conductance, shape=(link_i.shape[0],), low=0.0, empty=True
    )
    pole = check_poles(poles)
    n = np.ones(n_nodes)
    if occupation is not None:
        n = array_of("occupation", occupation, shape=(n_nodes,), low=0.0)
    sides = np.stack([array_of(k, v, shape=(n_nodes,)) for k, v in (("b", b), ("c", c))], axis=1)
    if solutions is None:
        solutions = np.stack(
            [factor(elimination, conductance, s * n, threads=threads).solve(sides) for s in pole], 1
        )
    else:
        solutions = array_of("solutions", solutions, shape=(n_nodes, pole.size, 2))
    vector = solutions.reshape(n_nodes, -1)
    vector = vector / np.linalg.norm(vector, axis=0)
    with one_blas_thread():
        basis, coordinate = qr(vector, mode="economic")
        laplacian = projected_laplacian(basis, link_i, link_j, conductance)
        mass = (basis.T * n) @ basis
        source, observable = sides.T @ basis

    def project(kept):
        within = orth(coordinate.reshape(-1, pole.size, 2)[:, kept].reshape(basis.shape[1], -1))
        rate, mode = eigh(within.T @ laplacian @ within, within.T @ mass @ within)
        weight = (observable @ within @ mode) * (source @ within @ mode)
        return np.maximum(rate, 0.0), weight

    everything = np.arange(pole.size)
    rate, weight = project(everything)
    leave_one_out = tuple(project(np.delete(everything, k)) for k in range(pole.size))
    return RationalModel(read_only(pole), read_only(rate), read_only(weight), leave_one_out)


def projected_laplacian(basis, link_i, link_j, conductance):
    """basis^T Lap basis as a sum of squares over the links, a block of them at a time."""
    total = np.zeros((basis.shape[1], basis.shape[1]))
    for first in range(0, link_i.size, BLOCK):
        block = slice(first, first + BLOCK)
        step = basis[link_i[block]] - basis[link_j[block]]
        total += step.T @ (conductance[block, None] * step)
    return total


def check_poles(poles):
    """Two or more finite positive poles, ascending."""
    pole = np.sort(array_of("poles", poles, low=0.0, above=True, hint="spread them in log z"))
    if pole.size < 2:
        raise ParameterError(
            f"a rational model needs two or more finite positive poles, got {shown(poles)}; "
            "spread them evenly in log z."
        )
    return pole
