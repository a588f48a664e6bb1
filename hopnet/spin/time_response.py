"""The spin in time: its growth after the current is switched on, and the decay of a pattern."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import binom

from hopnet.checks import array_of, instance_of, number, whole
from hopnet.elimination.reduced import rational_model
from hopnet.elimination.symbolic import analyse
from hopnet.elimination.symmetric import factor
from hopnet.errors import ConvergenceError
from hopnet.network.network import Network
from hopnet.records import read_only
from hopnet.spin.equations import SpinEquations, check_generation, spin_equations
from hopnet.spin.generation import rates_of
from hopnet.spin.response import (
    LARGEST,
    MARGIN,
    SpinResponse,
    TimeCurve,
    check_one_time,
    check_range,
    check_tolerance,
    exact_response,
    range_is_too_wide,
    response_model,
)
from hopnet.transport.current import Current, in_unit

__all__ = ["relaxation", "step_response"]

# Relaxation rates below this fraction of 1/tau_s are treated as zero in `growth_in_the_bulk`: the
# general formula divides by the rate and would lose as many digits.
NO_DECAY = 1e-9

# Parameters of the inversion of a Laplace transform. The error of the method is about
# exp(-ABSCISSA), rounding adds exp(ABSCISSA / 2) of the machine precision, and each time takes one
# complex factor for each of N_TERMS + N_AVERAGES + 1 terms. More terms cost more and change nothing
# here.
ABSCISSA = 18.4
N_TERMS = 15
N_AVERAGES = 11
# Error of the inversion for responses that are sums of decays, relative to the largest value: the
# sum over the poles leaves 1e-8, and the values of the transform carry rounding.
INVERSION_ERROR = 1e-7

# Factor on the change by one pole less, which estimates the error of a model. In 1000 random
# networks the true error was at most 1.0 times the change; see the survey in the tests.
SAFETY = 2.0
# Rounding of the projection relative to the largest value; measured against exact factors.
ROUNDING = 1e-10


def step_response(
    network: Network,
    tau_s: float,
    time: ArrayLike,
    *,
    current: Current | None = None,
    tolerance: float = 1e-5,
    threads: int | None = None,
) -> TimeCurve:
    """Growth of the induced spin after the current is switched on, relative to its final value.

    It is the inverse Laplace transform of F(p + 1/tau_s) / [p (p + 1/tau_s)]. The growth is not
    exponential: its spectrum is that of hopping.

    Parameters
    ----------
    network : Network
    tau_s : float, in tau_0
        The spin relaxation time.
    time : array_like >= 0, in tau_0
        Times after the switch.
    current : Current, optional
        The current of this network, which is assumed to be steady from the switch onwards; it is
        solved for if it is not given.
    tolerance : float
        Error that F may have, in units of f_drift.
    threads : int, optional
        Number of threads. The result does not depend on it.

    Returns
    -------
    TimeCurve
    """
    tau_s = check_one_time(tau_s)
    time = check_times(time)
    tolerance = check_tolerance(tolerance)
    equations = spin_equations(network, current, threads=threads)
    check_generation(equations)
    s = 1.0 / tau_s
    fastest = max(MARGIN / min(time[time > 0].min(initial=np.inf), tau_s), s)
    if not range_is_too_wide(s, fastest):
        try:
            response = response_model(equations, s, fastest, tolerance)
        except ConvergenceError:  # the model fails where rates span too many decades
            pass
        else:
            return time_curve(time, *growth_of_model(response, s, time))
    grown = growth_by_exact_factors(equations, s, time)
    return time_curve(time, grown, np.full(time.shape, INVERSION_ERROR))


def time_curve(time: np.ndarray, value: np.ndarray, error: np.ndarray) -> TimeCurve:
    """The record of a response in time; the estimate of the error gets its allowance."""
    rounding = ROUNDING * np.abs(value).max(initial=0.0)
    return TimeCurve(
        time=read_only(time),
        value=read_only(value),
        numerical_error=read_only(SAFETY * error + rounding),
    )


def growth_of_model(
    response: SpinResponse, s: float, time: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Growth of the spin after the switch and its error: the largest change by one pole less."""
    model = response.model_across

    def growth(rate: np.ndarray, weight: np.ndarray) -> np.ndarray:
        weight = response.prefactor * weight
        if response.local:
            return growth_in_the_bulk(response.f_drift, rate, weight, s, time)
        return growth_between_hard_edges(rate, weight, s, time)

    whole_model = growth(model.rate, model.weight)
    away = [np.abs(growth(*other) - whole_model) for other in model.leave_one_out]
    return whole_model, np.max(away, axis=0)


def check_times(time: ArrayLike) -> np.ndarray:
    """Times as an array: 0, or from 1 / `LARGEST` to `LARGEST`."""
    found = check_range("time", time)
    return np.where(found < 1 / LARGEST, 0.0, found)


def growth_between_hard_edges(
    rate: np.ndarray, weight: np.ndarray, s: float, time: np.ndarray
) -> np.ndarray:
    """Growth of the spin after the switch, where y is single-valued; s is 1/tau_s, w = c w_k.

    There F(z) = c z sum_k w_k / (r_k + z), so that the spin is, up to a constant, the inverse
    Laplace transform of sum_k w_k / [p (p + s + r_k)]. Each mode grows as an exponential::

        s(t) ~ sum_k w_k [1 - exp(-(r_k + s) t)] / (r_k + s)
    """
    total = rate + s
    grown = -np.expm1(-np.multiply.outer(time, total))
    return (grown / total) @ weight / float(np.sum(weight / total))


def growth_in_the_bulk(
    f_drift: float, rate: np.ndarray, weight: np.ndarray, s: float, time: np.ndarray
) -> np.ndarray:
    """Growth of the spin after the switch in a periodic sample; s is 1/tau_s, w = c w_k.

    There F(z) = f_drift - c sum_k w_k / (r_k + z). The drift is a source that is switched on, and
    diffusion takes part of its spin back. Both follow from partial fractions, with
    E(a) = [1 - exp(-a t)] / a::

        1 / [p (p + s)]              ->  E(s)
        1 / [p (p + s) (p + s + r)]  ->  [E(s) - E(s + r)] / r          (r > 0)
                                     ->  [E(s) - t exp(-s t)] / s       (r = 0)

    The final value is f_drift / s - c sum_k w_k / [s (s + r_k)].
    """
    total = rate + s
    grown = -np.expm1(-np.multiply.outer(time, total))
    slow = -np.expm1(-s * time)[:, None] / s
    decays = rate > NO_DECAY * s
    diffusion = np.where(
        decays,
        (slow - grown / total) / np.where(decays, rate, 1.0),
        (slow - time[:, None] * np.exp(-s * time)[:, None]) / s,
    )
    final = f_drift / s - np.sum(weight / (s * total))
    return (f_drift * slow[:, 0] - diffusion @ weight) / final


def growth_by_exact_factors(equations: SpinEquations, s: float, time: np.ndarray) -> np.ndarray:
    """Growth of the spin after the switch, from F at complex rates; s is 1/tau_s.

    The final value of the transform F(p + s) / [p (p + s)] is F(s) / s.
    """
    final = exact_response(equations, np.array([s + 0j]))[0][0].real

    def transform(p: np.ndarray) -> np.ndarray:
        return exact_response(equations, p + s)[0] * (s / (p + s)) / (p * final)

    return invert_laplace(transform, time)


def invert_laplace(
    transform: Callable[[np.ndarray], np.ndarray], time: np.ndarray, at_zero: float = 0.0
) -> np.ndarray:
    """The function of time with a given Laplace transform, by Euler's method [1]_.

    The integral along Re p = A / (2 t) becomes an alternating sum, which is accelerated by binomial
    averages. For a function without oscillations the error is about exp(-A) = 1e-8 of its largest
    value.

    Parameters
    ----------
    transform : callable
        ``transform(p)`` for an array of complex p with a positive real part.
    time : float64[n]
        Times >= 0.
    at_zero : float
        The value at t = 0.

    Returns
    -------
    float64[n]

    References
    ----------
    .. [1] J. Abate, W. Whitt, ORSA J. Comput. 7, 36 (1995).
    """
    number_of_term = np.arange(N_TERMS + N_AVERAGES + 1)
    sign = np.where(number_of_term % 2 == 0, 1.0, -1.0)
    sign[0] = 0.5
    out = np.full(time.shape, at_zero)
    for k in np.flatnonzero(time > 0):
        p = (ABSCISSA + 2j * np.pi * number_of_term) / (2.0 * time[k])
        # The weights of p are 1 / t; a term has the size of the function times t.
        partial = np.cumsum(sign * (transform(p) / time[k]).real)
        out[k] = (
            np.exp(0.5 * ABSCISSA)
            * (binom(N_AVERAGES, np.arange(N_AVERAGES + 1)) @ partial[N_TERMS:])
            / 2.0**N_AVERAGES
        )
    return out


def relaxation(
    network: Network,
    pattern: ArrayLike,
    time: ArrayLike,
    *,
    tau_s: float = np.inf,
    observable: ArrayLike | None = None,
    poles_per_decade: int = 4,
    threads: int | None = None,
) -> TimeCurve:
    """Decay of a prepared pattern of z spins by hopping and relaxation.

    With dS/dt = -K (S / n) - S / tau_s it returns sum_i o_i S_i(t).

    Parameters
    ----------
    network : Network
    pattern : float64[n_sites]
        S_i at t = 0.
    time : array_like >= 0, in tau_0
        Times after the preparation.
    tau_s : float, in tau_0
        The spin relaxation time; inf is allowed.
    observable : float64[n_sites], optional
        The weights o_i; by default pattern / n, which gives the overlap with the pattern.
    poles_per_decade : int
        Poles of the model per decade of time.
    threads : int, optional
        Number of threads. The result does not depend on it.

    Returns
    -------
    TimeCurve

    Notes
    -----
    Without precession: leading order in spin-orbit coupling.
    """
    instance_of("network", network, Network, "make it with hopnet.build_network")
    time = check_times(time)
    shape, hint = (network.n_sites,), "give one number per site"
    pattern = array_of("pattern", pattern, shape=shape, low=-LARGEST, high=LARGEST, hint=hint)
    tau_s = number("tau_s", tau_s, low=0.0, above=True, infinite=True, unit="in tau_0")
    tau_s = number("tau_s", tau_s, low=1 / LARGEST, infinite=True, unit="in tau_0")
    poles_per_decade = whole("poles_per_decade", poles_per_decade, low=1, high=100)
    rates = rates_of(network)
    n = rates.occupation
    # sum_i o_i n_i sigma_i with (Lap + p n) sigma = pattern. K and n are in units of
    # exp(log_scale), and sigma is in the inverse unit.
    moment, log_factor = pattern, -rates.log_scale
    if observable is not None:
        moment = n * array_of(
            "observable", observable, shape=shape, low=-LARGEST, high=LARGEST, hint=hint
        )
        log_factor = 0.0
    positive = time[time > 0]
    low, high = (0.03 / positive.max(), 30.0 / positive.min()) if positive.size else (0.1, 10.0)
    n_poles = int(poles_per_decade * np.log10(high / low)) + 2
    poles = np.logspace(np.log10(low), np.log10(high), n_poles)
    elimination = analyse(network.dissection, network.link_i, network.link_j)
    try:
        model = rational_model(
            elimination,
            network.link_i,
            network.link_j,
            rates.conductance,
            pattern,
            moment,
            poles,
            occupation=n,
            threads=threads,
        )
        decay, error = model.decay(time), model.decay_error(time)
    except (np.linalg.LinAlgError, ValueError):  # rates span too many decades for a projection
        start = np.divide(pattern, n, out=np.zeros_like(n), where=n > 0) @ moment

        def transform(p: np.ndarray) -> np.ndarray:
            factors = (factor(elimination, rates.conductance, z * n, threads=threads) for z in p)
            return np.array([moment @ factored.solve(pattern) for factored in factors])

        decay = invert_laplace(transform, time, float(start))
        error = np.full(time.shape, INVERSION_ERROR * np.abs(decay).max())
    left = np.exp(-time / tau_s)
    return time_curve(time, in_unit(decay, log_factor) * left, in_unit(error, log_factor) * left)
