"""The spin memory P(t) of a sample: what is left of a polarisation, over many decades of time.

Derived in docs/nuclear_fields.md. The spins of a network in frozen fields relax with a continuum of
rates: at sites that electrons leave fast, motional narrowing slows the relaxation; in traps, a
third of the spin survives until the first hop. The reduced model projects the equations onto their
solutions at a few rates z, real and complex.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from hopnet.checks import array_of, instance_of, number, one_of, whole
from hopnet.errors import ConvergenceError, ParameterError
from hopnet.network.network import Network
from hopnet.records import Record, read_only
from hopnet.spin.kinetics.checks import axes_of, check_field, check_site_times
from hopnet.spin.kinetics.resolvent import Resolvent, SpinModel, spin_model
from hopnet.threads import one_blas_thread

__all__ = [
    "N_COMPLEX",
    "PER_DECADE",
    "ReducedSpins",
    "SpinRelaxation",
    "check_direction",
    "check_frozen_fields",
    "field_scale",
    "reduce_spins",
    "spin_relaxation",
]

# Number of real poles per decade and of complex poles of the first model, and the factor by which
# both grow if its error is too large. With 3 and 7 the error of the mean of order 16 is about 1e-4,
# with 4 and 9 it is 2e-5. Each pole costs two solves and two to four vectors.
PER_DECADE = 4
N_COMPLEX = 9
GROWTH = 1.5
# Number of models that are tried. Each is several times more accurate than the one before, so if
# the third one is not good enough, the order is too high for this sample.
ROUNDS = 3
# Coarser models without every third and without every second pole show how fast the model
# converges. The error is extrapolated from theirs, times a safety factor. In 33 models of 11
# samples, with and without external fields and spin-orbit coupling, the true error was 0.7 of this
# estimate at most, and 0.1 of it as a rule.
COARSER = (3, 2)
SAFETY = 3.0
# Smallest error that is stated for a model. Strong spin-orbit coupling on close pairs of sites
# makes fast modes that no pole resolves; the largest error found from them is 4e-6.
FLOOR = 5e-6
# Slowest pole times the longest time, and fastest pole divided by the scale of the fields. A wider
# range costs more poles; a narrower one leaves the ends of the curve to extrapolation.
SLOWEST, FASTEST = 0.1, 10.0
# Distance of the complex poles from the imaginary axis, in units of the distance between them.
DAMPING = 0.25
# Relative residual of the solutions that span the model. They only span a space, so their errors
# enter the result in second order.
SPAN_TOLERANCE = 1e-8
# Directions of the space with a singular value below this fraction of the largest are left out,
# because they consist of rounding errors of the solutions.
INDEPENDENT = 1e-10
# Largest time times the scale of the fields: beyond it rounding of the fields, eps sigma t, would
# change the spin by a thousandth.
LONGEST_PHASE = 1e-3 / np.finfo(np.float64).eps


@dataclass(frozen=True, eq=False)
class ReducedSpins(Record):
    """The spin memory of a sample as a sum of exponentials [nuclei 8].

    P(t) = Re sum_m weight_m exp(-rate_m t), and g(z) = int P(t) exp(-z t) dt.

    Attributes
    ----------
    rate : complex128[n], in 1/tau_0
        Relaxation rates; their real parts are not negative.
    weight : complex128[n]
        Their sum is 1.
    n_solves : int
        Number of linear systems that were solved.
    coarse : tuple of ReducedSpins
        The models without every third and without every second pole; empty in these themselves.
    """

    table_row: ClassVar[str] = "mode"
    table_columns: ClassVar[tuple[str, ...]] = ("rate", "weight")

    rate: np.ndarray
    weight: np.ndarray
    n_solves: int
    coarse: tuple[ReducedSpins, ...] = ()

    def remaining(self, time: np.ndarray, order: int) -> np.ndarray:
        """float64[n_times]: the mean of P of order k over a window of log time.

        It is sum_m weight_m (1 + rate_m t / k)^-(k + 1), which is 1 at t = 0.
        """
        step = 1.0 + np.multiply.outer(time / order, self.rate)
        return ((step ** -(order + 1.0)) @ self.weight).real

    def transform(self, z: np.ndarray) -> np.ndarray:
        """complex128[...]: g(z) = sum_m weight_m / (z + rate_m)."""
        return (self.weight / (np.asarray(z)[..., None] + self.rate)).sum(axis=-1)


@dataclass(frozen=True, eq=False)
class SpinRelaxation(Record):
    """What is left of a uniform spin polarisation after given times.

    Attributes
    ----------
    network : Network
    time : float64[n_times], in tau_0
    remaining : float64[n_times]
        P_k(t), the mean polarisation along its first direction over a window of log time. It is
        1 at t = 0.
    order : int
        k of the window.
    window : float
        Width of the window: the standard deviation of ln t, 1 / sqrt(k + 1).
    numerical_error : float64[n_times]
        Bound of the error of ``remaining`` due to the reduced model, or due to the tolerance of
        the solver with method "exact".
    model : ReducedSpins or None
        Rates and weights; None with method "exact".
    """

    table_row: ClassVar[str] = "time"
    table_columns: ClassVar[tuple[str, ...]] = ("time", "remaining", "numerical_error")

    network: Network
    time: np.ndarray
    remaining: np.ndarray
    order: int
    window: float
    numerical_error: np.ndarray
    model: ReducedSpins | None


@one_blas_thread()  # sums have the same bits on any number of cores
def spin_relaxation(
    network: Network,
    time: ArrayLike,
    *,
    field: ArrayLike,
    spin_orbit: ArrayLike | None = None,
    tau_s: ArrayLike = np.inf,
    direction: ArrayLike = (0.0, 0.0, 1.0),
    order: int = 16,
    tolerance: float = 3e-4,
    method: str = "model",
    threads: int | None = None,
) -> SpinRelaxation:
    """Relaxation of a uniform spin polarisation, over many decades of time.

    Equations [nuclei 8] and [nuclei 9], with A the hops and the precession of all spins::

        P(t) = (1/N_e) (n e) . exp(-t n^-1 A) e
        P_k(t) = E P(t u),  u ~ Gamma(k + 1) / k

    Parameters
    ----------
    network : Network
        A network in any geometry, with any energies.
    time : array_like, in tau_0
        Times >= 0, in any order and over as many decades as wanted.
    field : array_like[3] or [n_sites, 3], in 1/tau_0
        Precession frequency of all sites or of each: frozen nuclear fields
        (`hopnet.overhauser_fields`) plus an external field.
    spin_orbit : array_like[2, 2], optional
        The matrix M of half-angles per a_b; without it spins do not turn in hops.
    tau_s : float or array_like[n_sites], in tau_0
        Relaxation time by all other processes. One time for all sites may be inf.
    direction : array_like[3]
        Direction of the initial polarisation. The polarisation along it is returned.
    order : int
        k, the order of the mean over log time. P(t) of one sample oscillates for ever by about
        0.5 / sqrt(N), because spins at sites that electrons rarely leave precess at the frequency
        of their own site. In an infinite sample these oscillations average out. The mean over a
        window of relative width 1 / sqrt(k + 1) converges with N.
    tolerance : float
        Largest ``numerical_error``.
    method : {"model", "exact"}
        "model" projects the equations onto their solutions at some 40 rates. "exact" takes k + 1
        backward Euler steps of t / k for each time, which gives the same mean without a model.
    threads : int, optional

    Returns
    -------
    SpinRelaxation

    Raises
    ------
    ParameterError
        If an argument is not of the kind described.
    ConvergenceError
        If the model does not reach the tolerance.

    Notes
    -----
    Cost of "model": two solutions of the spin rows for each of about 3 rates per decade and 7
    complex ones. `hopnet bench nuclei` measures it. Ten decades of one sample of 1e5 sites take
    some minutes and 3 GB.

    Valid while the nuclei are frozen.

    Examples
    --------
    >>> import hopnet as hn
    >>> sites = hn.random_sites(500, density=0.03, seed=1, geometry="cylinder")
    >>> network = hn.build_network(sites)
    >>> field = hn.overhauser_fields(network, 0.01, seed=2)
    >>> decay = hn.spin_relaxation(network, [0, 1e2, 1e4, 1e6], field=field)
    >>> bool(decay.remaining[0] == 1 and (decay.remaining[1:] < decay.remaining[:-1]).all())
    True
    """
    instance_of("network", network, Network, "make it with hopnet.build_network")
    one_of("method", method, ("model", "exact"))
    field = check_field(network, field)
    times = array_of("time", time, low=0.0, high=1e100, hint="give times in tau_0")
    k = whole("order", order, low=1, high=1000, hint="16 is a window of 24 %")
    tolerance = number("tolerance", tolerance, low=1e-9, high=1.0)
    axis = check_direction(direction)
    check_frozen_fields("time", float(times.max()), field)
    decay, sites = check_relaxation(network, tau_s)
    shortest = SLOWEST / max(float(times.max()), 1e-100)
    model = spin_model(network, field, spin_orbit, sites, shortest, threads)
    found: ReducedSpins | None = None
    if method == "exact":
        remaining = np.array([euler_steps(model, axis, t, k, decay) for t in times])
        error = np.full(times.shape, (k + 1) * SPAN_TOLERANCE)
    else:
        found, remaining, error = converged_model(model, axis, times, k, decay, tolerance)
    return SpinRelaxation(
        network=network,
        time=read_only(times),
        remaining=read_only(remaining),
        order=k,
        window=1.0 / np.sqrt(k + 1.0),
        numerical_error=read_only(error),
        model=found,
    )


def check_direction(direction: ArrayLike) -> np.ndarray:
    """A unit vector, or a ParameterError."""
    axis = array_of("direction", direction, shape=(3,), hint="give three components")
    size = float(np.linalg.norm(axis))
    if size == 0.0:
        raise ParameterError(
            "direction must have a component that is not zero, got zeros; (0, 0, 1) is z."
        )
    return axis / size


def check_relaxation(network: Network, tau_s: ArrayLike) -> tuple[float, np.ndarray | None]:
    """1/tau_s where it is one number, or the times of the sites."""
    if axes_of(tau_s) > 0:
        return 0.0, check_site_times(network, tau_s)
    return 1.0 / number("tau_s", tau_s, low=1e-100, infinite=True, unit="in tau_0"), None


def field_scale(field: np.ndarray) -> float:
    """Standard deviation of one component of the fields: rms of |omega_i| over sqrt 3."""
    return float(np.sqrt(np.mean(np.sum(field**2, axis=-1)) / 3.0))


def check_frozen_fields(name: str, longest: float, field: np.ndarray) -> None:
    """A ParameterError if a time is so long that rounding of the fields would turn spins."""
    scale = field_scale(field)
    if longest * scale > LONGEST_PHASE:
        raise ParameterError(
            f"{name} must lie below {LONGEST_PHASE / scale:.1e} tau_0 in fields of "
            f"{scale:.1e} / tau_0, because rounding of the fields turns spins in a longer time, "
            f"got {longest:.1e}; take a shorter one."
        )


def euler_steps(model: SpinModel, axis: np.ndarray, time: float, order: int, decay: float) -> float:
    """P_k(t) by k + 1 backward Euler steps of t / k."""
    if time == 0.0:
        return 1.0
    z = order / time
    resolvent = Resolvent(model, z + decay, SPAN_TOLERANCE)
    local = model.frames.to_local(np.broadcast_to(axis, (model.network.n_sites, 3)))
    for _ in range(order + 1):
        local = z * resolvent.solve(model.occupation[:, None] * local)
    return model.overlap(axis, local).real


def converged_model(
    model: SpinModel,
    axis: np.ndarray,
    time: np.ndarray,
    order: int,
    decay: float,
    tolerance: float,
) -> tuple[ReducedSpins, np.ndarray, np.ndarray]:
    """A reduced model that reaches the tolerance at all times, its P_k and their errors."""
    per_decade, n_complex = float(PER_DECADE), float(N_COMPLEX)
    longest = min(float(time.max()), 30.0 / decay if decay > 0 else np.inf)  # exp(-30) is 0
    slowest = SLOWEST / max(longest, 1e-100)
    error = np.full(time.shape, np.inf)
    for _ in range(ROUNDS):
        found = reduce_spins(model, axis, slowest, per_decade, int(n_complex), decay)
        remaining = found.remaining(time, order)
        error = error_of_model(found, time, order)
        if error.max(initial=0.0) <= tolerance:
            return found, np.where(time == 0.0, 1.0, remaining), error
        per_decade, n_complex = per_decade * GROWTH, n_complex * GROWTH
    raise ConvergenceError(
        f"the reduced model must reach the tolerance {tolerance:.1e}, its error is "
        f"{error.max():.1e} with {found.rate.size} rates; take a lower order, a larger tolerance "
        "or method='exact'.",
        estimate=remaining,
        residual=float(error.max()),
    )


def error_of_model(found: ReducedSpins, time: np.ndarray, order: int) -> np.ndarray:
    """Bound of the error of P_k, extrapolated from two coarser models [nuclei 9].

    With d_3 and d_2 the largest differences from the models without every third and every second
    pole, nearby in time, it is 3 d_3 (max d_3 / max d_2): the error falls geometrically with the
    number of poles, and faster than this.
    """
    grid = np.multiply.outer(time, 10.0 ** np.linspace(-0.5, 0.5, 11)).ravel()
    fine = found.remaining(grid, order)
    third, half = (
        np.abs(fine - coarse.remaining(grid, order)).reshape(time.size, -1).max(axis=1)
        for coarse in found.coarse
    )
    ratio = third.max(initial=0.0) / max(half.max(initial=0.0), 1e-300)
    return np.where(time > 0, min(1.0, SAFETY * ratio) * third + FLOOR, 0.0)


def pole_rates(
    model: SpinModel, slowest: float, per_decade: float, n_complex: int
) -> tuple[np.ndarray, np.ndarray]:
    """Real poles, equidistant in log z, and complex poles near i |omega_i|."""
    speed = np.sort(
        np.linalg.norm(np.broadcast_to(model.field, (model.network.n_sites, 3)), axis=1)
    )
    scale = field_scale(model.field)
    fastest = FASTEST * max(scale, model.turning, slowest / SLOWEST)
    n_real = int(np.ceil(per_decade * np.log10(fastest / slowest))) + 1
    real = np.geomspace(slowest, fastest, n_real)
    if scale == 0.0:
        return real, np.empty(0, complex)
    # Spins at sites that electrons rarely leave precess at the frequency of their site: complex
    # poles lie at quantiles of all frequencies.
    share = (np.arange(n_complex) + 0.3) / (n_complex - 0.4)
    level = speed[np.minimum((share * speed.size).astype(int), speed.size - 1)]
    level = np.maximum(level, 0.05 * scale)
    gap = np.gradient(level) if n_complex > 1 else level
    gap = np.maximum(gap, 0.02 * level)
    return real, DAMPING * gap + 1j * level


def reduce_spins(
    model: SpinModel,
    axis: np.ndarray,
    slowest: float,
    per_decade: float = PER_DECADE,
    n_complex: int = N_COMPLEX,
    decay: float = 0.0,
) -> ReducedSpins:
    """Project the spins onto solutions at real and complex rates, right and left [nuclei 8].

    Parameters
    ----------
    model : SpinModel
    axis : float64[3]
        Unit vector of the polarisation.
    slowest : float, in 1/tau_0
        The smallest rate.
    per_decade : float
        Real poles per decade.
    n_complex : int
        Number of complex poles.
    decay : float, in 1/tau_0
        1/tau_s, added to every rate of the model.

    Returns
    -------
    ReducedSpins

    Notes
    -----
    With x = (A + z n)^-1 n e and y = (A^T + z n)^-1 n e, orthonormalised in the product weighted
    with n, A becomes a small matrix. The real parts of its eigenvalues are never negative. The
    direction e itself belongs to the space, so that P(0) = 1.
    """
    real, complex_ = pole_rates(model, slowest, per_decade, n_complex)
    poles = [*real.tolist(), *complex_.tolist()]
    n = model.network.n_sites
    root = np.sqrt(model.occupation)[:, None]
    source = model.source(axis)
    columns, group = [(source / root).ravel()], [-1]
    for number_of_pole, z in enumerate(poles):
        resolvent = Resolvent(model, z, SPAN_TOLERANCE)
        for solve in (resolvent.solve, resolvent.solve_transposed):
            x = root * solve(source)
            parts = (x.real, x.imag) if np.iscomplexobj(x) else (x,)
            columns += [np.ascontiguousarray(part).ravel() for part in parts]
            group += [number_of_pole] * len(parts)
    basis = np.stack(columns, axis=1)
    columns.clear()  # saves memory: the basis takes 24 bytes per site and vector
    basis /= np.linalg.norm(basis, axis=0)
    basis, triangle = np.linalg.qr(basis)
    small = np.empty((basis.shape[1], basis.shape[1]))
    for c in range(basis.shape[1]):
        local = np.ascontiguousarray(basis[:, c].reshape(n, 3) / root)
        small[:, c] = basis.T @ (model.apply(local) / root).ravel()
    start = basis.T @ (source / root).ravel() / np.sqrt(model.n_electrons)
    n_solves, which = 2 * len(poles), np.array(group)
    coarse = []
    for every in COARSER:
        left_out = [np.arange(part.size) % every == every // 2 for part in (real, complex_)]
        kept = np.append(~np.concatenate(left_out), True)[which]  # -1 is the direction itself
        coarse.append(exponentials(small, start, triangle[:, kept], decay, n_solves))
    fine = exponentials(small, start, triangle, decay, n_solves)
    return replace(fine, coarse=tuple(coarse))


def exponentials(
    small: np.ndarray,
    start: np.ndarray,
    span: np.ndarray,
    decay: float,
    n_solves: int,
) -> ReducedSpins:
    """Rates and weights of the small matrix, projected onto the space of some columns."""
    left, size, _ = np.linalg.svd(span, full_matrices=False)
    space = left[:, size > INDEPENDENT * size[0]]
    matrix, first = space.T @ small @ space, space.T @ start
    rate, mode = np.linalg.eig(matrix)
    weight = (first @ mode) * np.linalg.solve(mode, first.astype(complex))
    rate = np.maximum(rate.real, 0.0) + 1j * rate.imag + decay
    return ReducedSpins(read_only(rate, complex), read_only(weight, complex), n_solves)
