"""The response F(z) of the spin at complex rates, from which Hanle, ac and time laws follow.

To leading order in spin-orbit coupling all these laws follow from one function of a complex rate,

    F(z) = c z y (K + z n)^-1 gamma        F(1/tau_s) = f

and from its counterpart with x, the position along the current, in place of y. A field along or
across the current makes z = 1/tau_s + i omega, an alternating current makes z = 1/tau_s - i omega,
and the poles of F are the relaxation rates of the network.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from hopnet.checks import array_of, number, shown
from hopnet.elimination.reduced import RationalModel, rational_model
from hopnet.errors import ConvergenceError, ParameterError
from hopnet.network.network import Network
from hopnet.records import Record
from hopnet.spin.equations import SpinEquations, spin_equations
from hopnet.transport.balance import net_flow
from hopnet.transport.current import Current

__all__ = [
    "LARGEST",
    "MARGIN",
    "FrequencyCurve",
    "SpinResponse",
    "TimeCurve",
    "check_one_time",
    "check_range",
    "check_tolerance",
    "exact_response",
    "range_is_too_wide",
    "response_and_error",
    "response_at",
    "response_model",
    "spin_response",
]

# Factor by which the poles of a model reach beyond the rates asked for, at both ends. A larger one
# costs more factors; a smaller one leaves a larger error at the ends of the range.
MARGIN = 4.0

# Poles per decade that are tried one after another until the error is small enough. Each set holds
# the one before, so that no factor is wasted.
POLES_PER_DECADE = (2, 4, 8)

# Relative error of F that rounding in the projection can cause; measured against exact factors.
ROUNDING = 1e-10

# Largest number of decades between the slowest and the fastest rate of a model. Hopping rates of a
# sample span less; a wider range needs more factors than exact values at the rates asked for.
MOST_DECADES = 40.0

# Largest time and largest rate of a response, in units of tau_0 and 1/tau_0; the smallest is one
# over it. Beyond, products of rates and times would leave the range of floats. tau_0 is about 10
# ps: such numbers are mistakes.
LARGEST = 1e60

# Columns of the right-hand sides of a model: the generation of spin, the moment across the current
# and the moment along it.
GENERATED, ACROSS, ALONG = 0, 1, 2


@dataclass(frozen=True, eq=False)
class SpinResponse(Record):
    """F(z) of one sample as a sum of few relaxations.

    Attributes
    ----------
    network : Network
    f_drift : float
        F at infinite z.
    prefactor : float
        The constant c of [hopping S42].
    model_across, model_along : RationalModel
        The models of the moments of spin across and along the current.
    f_drift_along_current : float
        F of the moment along the current at infinite z.
    local : bool
        Whether the moment across is computed from differences along links (periodic samples).
    """

    network: Network
    f_drift: float
    prefactor: float
    model_across: RationalModel
    model_along: RationalModel
    f_drift_along_current: float
    local: bool

    def __call__(self, rate: ArrayLike) -> np.ndarray:
        """F at complex rates off the negative real axis."""
        rate = np.asarray(rate)
        if self.local:
            return self.f_drift - self.prefactor * self.model_across(rate)
        return self.prefactor * rate * self.model_across(rate)

    def along_current(self, rate: ArrayLike) -> np.ndarray:
        """F of the moment along the current, which is small in large samples."""
        rate = np.asarray(rate)
        return self.prefactor * rate * self.model_along(rate)

    def numerical_error(self, rate: ArrayLike) -> np.ndarray:
        """Estimated absolute error of F, with an allowance for the rounding of the projection."""
        rate = np.asarray(rate)
        weight = 1.0 if self.local else np.abs(rate)
        truncation = abs(self.prefactor) * weight * self.model_across.error(rate)
        return truncation + ROUNDING * abs(self.f_drift)


def check_rates(rate: ArrayLike) -> np.ndarray:
    """Complex rates 1/tau_s + i omega as an array: finite, with a positive real part."""
    try:
        if np.ma.isMaskedArray(rate) or np.asarray(rate).dtype.kind not in "iufc":
            raise TypeError
        found = np.atleast_1d(np.asarray(rate, dtype=np.complex128))
    except (TypeError, ValueError, OverflowError):
        raise ParameterError(
            f"rates 1/tau_s + i omega must be complex numbers, got {shown(rate)}; give one or more."
        ) from None
    good = found.size > 0 and np.all(np.isfinite(found)) and np.all(found.real >= 1 / LARGEST)
    if found.ndim != 1 or not good or np.abs(found).max() > 2 * LARGEST:
        raise ParameterError(
            "rates 1/tau_s + i omega must be finite with a positive real part (moduli from "
            f"{1 / LARGEST:g} to {LARGEST:g}), got {shown(found)}; give 1/tau_s > 0."
        )
    return found


def check_one_time(tau_s: float) -> float:
    """A finite tau_s > 0 as a float, between 1 / `LARGEST` and `LARGEST`."""
    found = number("tau_s", tau_s, low=0.0, above=True, unit="in tau_0", hint="give one time")
    return number("tau_s", found, low=1 / LARGEST, high=LARGEST, unit="in tau_0")


def check_range(name: str, value: ArrayLike, *, low: float = 0.0) -> np.ndarray:
    """Times or frequencies as an array of finite numbers from ``low`` to `LARGEST`."""
    return array_of(
        name, value, low=low, high=LARGEST, hint="give one or more numbers in units of tau_0"
    )


@dataclass(frozen=True, eq=False)
class TimeCurve(Record):
    """A response in time, with its error.

    Attributes
    ----------
    time : float64[n], in tau_0
    value : float64[n]
    numerical_error : float64[n]
        Estimated absolute error of ``value``.
    """

    table_row: ClassVar[str] = "time"
    table_columns: ClassVar[tuple[str, ...]] = ("time", "value", "numerical_error")

    time: np.ndarray
    value: np.ndarray
    numerical_error: np.ndarray


@dataclass(frozen=True, eq=False)
class FrequencyCurve(Record):
    """A response to a force exp(-i omega t), with its error.

    Attributes
    ----------
    frequency : float64[n], in 1/tau_0
        omega.
    value : complex128[n]
    numerical_error : float64[n]
        Estimated absolute error of ``value``.
    """

    table_row: ClassVar[str] = "frequency"
    table_columns: ClassVar[tuple[str, ...]] = ("frequency", "value", "numerical_error")

    frequency: np.ndarray
    value: np.ndarray
    numerical_error: np.ndarray


class Moments(NamedTuple):
    """The left-hand sides c of F(z) = c ... (K + z n)^-1 gamma.

    Attributes
    ----------
    across : float64[n_sites]
        The moment across the current: n y about its mean with hard edges, and
        q_i = sum_j (y_i - y_j) K_ij in a periodic sample.
    along : float64[n_sites]
        The moment along the current, n x about its mean.
    local : bool
        Whether the first is q.
    """

    across: np.ndarray
    along: np.ndarray
    local: bool


def moments_of_spin(equations: SpinEquations, n: np.ndarray) -> Moments:
    """The moments of the spin across and along the current, for occupations n."""
    network = equations.network
    across = network.direction_across
    place = network.sites.position - network.sites.position.mean(axis=0)
    along = n * (place @ np.array([across[1], -across[0]]))
    if equations.hard_edges:
        return Moments(n * (place @ across), along, False)
    by_link = -(network.separation @ across) * equations.conductance
    return Moments(net_flow(network, by_link), along, True)


def response_at(
    network: Network,
    rate: ArrayLike,
    *,
    current: Current | None = None,
    threads: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """F at complex rates, exactly, with one complex factor each; it checks `spin_response`.

    Parameters
    ----------
    network : Network
    rate : array_like of complex, in 1/tau_0
        Rates with a positive real part.
    current : Current, optional
        The current of this network; it is solved for if it is not given.
    threads : int, optional
        Number of threads. The result does not depend on it.

    Returns
    -------
    across : complex128[n_rates]
        F.
    along : complex128[n_rates]
        The counterpart of F of the moment along the current.
    """
    rate = check_rates(rate)
    return exact_response(spin_equations(network, current, threads=threads), rate)


def exact_response(equations: SpinEquations, rate: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The results of `response_at` for equations that are set up."""
    generation = equations.generation
    across, along = np.empty((2, rate.size), np.complex128)
    for k, z in enumerate(rate):
        n = equations.occupation_at(z)
        moments = moments_of_spin(equations, n)
        sigma = equations.factor(z * n).solve(generation.gamma)
        along[k] = generation.prefactor * z * (moments.along @ sigma)
        if moments.local:
            across[k] = generation.f_drift - generation.prefactor * (moments.across @ sigma)
        else:
            across[k] = generation.prefactor * z * (moments.across @ sigma)
    return across, along


def spin_response(
    network: Network,
    slowest: float,
    fastest: float,
    *,
    current: Current | None = None,
    tolerance: float = 1e-5,
    threads: int | None = None,
) -> SpinResponse:
    """F(z) for all abs(z) between two rates, from few real factors.

    Parameters
    ----------
    network : Network
        An open sample or a cylinder, with any energies.
    slowest, fastest : float, in 1/tau_0
        The smallest and the largest abs(z).
    current : Current, optional
        The current of this network; it is solved for if it is not given.
    tolerance : float
        Poles are added until the estimated error on the imaginary axis is below ``tolerance``
        times f_drift.
    threads : int, optional
        Number of threads. The result does not depend on it.

    Returns
    -------
    SpinResponse

    Raises
    ------
    ConvergenceError
        If eight poles per decade are not enough.
    """
    slowest = number("slowest", slowest, low=1 / LARGEST, high=LARGEST, unit="in 1/tau_0")
    fastest = number("fastest", fastest, low=1 / LARGEST, high=LARGEST, unit="in 1/tau_0")
    tolerance = check_tolerance(tolerance)
    equations = spin_equations(network, current, threads=threads)
    return response_model(equations, slowest, fastest, tolerance)


def check_tolerance(tolerance: float) -> float:
    """The tolerance of a model, as a positive number."""
    return number("tolerance", tolerance, low=0.0, above=True, hint="1e-5 is the default")


def response_model(
    equations: SpinEquations, slowest: float, fastest: float, tolerance: float
) -> SpinResponse:
    """The result of `spin_response` for equations that are set up."""
    generation, n = equations.generation, equations.occupation
    moments = moments_of_spin(equations, n)
    sides = np.stack([generation.gamma, moments.across, moments.along], axis=1)
    low, high = np.log10(slowest / MARGIN), np.log10(max(fastest, slowest) * MARGIN)
    # The error is estimated at rates on the real axis and close to the imaginary one.
    probes = np.logspace(np.log10(slowest), np.log10(max(fastest, slowest)), 25)
    probes = np.concatenate([probes, probes * np.exp(0.45j * np.pi)])
    # The finest grid of poles; the coarser sets are every second and every fourth of its points.
    coarse, finest = POLES_PER_DECADE[0], POLES_PER_DECADE[-1]
    n_steps = (int(np.ceil(coarse * (high - low))) + 1) * finest // coarse
    grid = np.logspace(low, high, n_steps + 1)
    solved: dict[int, np.ndarray] = {}
    for density in POLES_PER_DECADE:
        chosen = range(0, grid.size, finest // density)
        for k in chosen:
            if k not in solved:
                solved[k] = equations.factor(grid[k] * equations.occupation_at(grid[k])).solve(
                    sides
                )
        solution = np.stack([solved[k] for k in chosen], axis=1)
        response = SpinResponse(
            network=equations.network,
            f_drift=generation.f_drift,
            prefactor=generation.prefactor,
            model_across=model_of_moment(equations, sides, grid[chosen], solution, ACROSS),
            model_along=model_of_moment(equations, sides, grid[chosen], solution, ALONG),
            f_drift_along_current=drift_along_current(equations, moments),
            local=moments.local,
        )
        error = response.numerical_error(probes).max()
        if error <= tolerance * abs(generation.f_drift):
            return response
    raise ConvergenceError(
        f"{len(chosen)} poles leave an estimated error of {error:.1e} in F (f_drift = "
        f"{generation.f_drift:.3g}); ask for a larger tolerance or a smaller range of rates.",
        estimate=response,
        residual=float(error),
        iterations=len(chosen),
    )


def drift_along_current(equations: SpinEquations, moments: Moments) -> float:
    """F of the moment along the current at infinite z: c sum_i x_i gamma_i."""
    n, generation = equations.occupation, equations.generation
    x = np.divide(moments.along, n, out=np.zeros_like(n), where=n > 0)
    return generation.prefactor * float(x @ generation.gamma)


def model_of_moment(
    equations: SpinEquations,
    sides: np.ndarray,
    poles: Sequence[float] | np.ndarray,
    solution: np.ndarray,
    moment: int,
) -> RationalModel:
    """The rational model of one moment (ACROSS or ALONG) from the solutions at the poles."""
    network = equations.network
    try:
        return rational_model(
            equations.elimination,
            network.link_i,
            network.link_j,
            equations.conductance,
            sides[:, GENERATED],
            sides[:, moment],
            poles,
            occupation=equations.occupation,
            solutions=solution[:, :, [GENERATED, moment]],
        )
    except (np.linalg.LinAlgError, ValueError):
        raise ConvergenceError(
            f"the projection on {len(poles)} poles is singular: rates and occupations of this "
            "sample span too many decades; use response_at or method='exact'.",
            iterations=len(poles),
        ) from None


def response_and_error(
    equations: SpinEquations, rate: np.ndarray, method: str, tolerance: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """F, its counterpart along the current and the absolute error of F at complex rates.

    The last rate is the smallest, 1/tau_s. Where the model fails, every rate gets its own factor.
    """
    size, slowest = np.abs(rate), float(rate[-1].real)
    if method == "model" and not range_is_too_wide(slowest, float(size.max())):
        try:
            response = response_model(equations, slowest, float(size.max()), tolerance)
            return response(rate), response.along_current(rate), response.numerical_error(rate)
        except ConvergenceError:  # the model fails where rates span too many decades
            pass
    F, along_current = exact_response(equations, rate)
    rounding = np.finfo(float).eps * abs(equations.generation.f_drift)
    return F, along_current, np.full(rate.size, rounding)


def range_is_too_wide(slowest: float, fastest: float) -> bool:
    """Whether a model between two rates would need more than `MOST_DECADES`."""
    return np.log10(fastest) - np.log10(slowest) > MOST_DECADES
