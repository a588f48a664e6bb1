"""Scaling: limits that no sample reaches, with errors that include the choice of the window.

A quantity Q measured at sizes, cutoffs or densities x follows, near the limit x -> 0::

    Q(x) = value + amplitude * x**exponent                     (`extrapolate`)
    Q(x) = amplitude * x**exponent                              (`fit_power_law`)

The choice of the points that count as near the limit is often the largest error. Therefore each fit
is made on every admissible window. A window is a set of neighbouring points that contains the point
nearest the limit and has at least one point more than the fit has parameters, so that a poor fit
can be seen. The answer is the mean over windows with Akaike's weights, in which a point left out
counts as a parameter (Jay and Neil, Phys. Rev. D 103, 114502 (2021)). Its error combines the
statistical error and the scatter between windows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar

from hopnet.checks import array_of, instance_of, number, one_of, shown
from hopnet.errors import ConvergenceError, ParameterError
from hopnet.network.sites import check_dimension
from hopnet.percolation.literature import CONSTANTS
from hopnet.records import Record, read_only

__all__ = [
    "Estimate",
    "Exponents",
    "by_size",
    "check_table",
    "conductivity_exponent",
    "critical_exponents",
    "extrapolate",
    "fit_power_law",
]


# Range of the powers of corrections. A correction with a smaller power cannot be distinguished from
# a constant; one with a larger power acts on the outermost point only.
SMALLEST_POWER = 1e-3
LARGEST_POWER = 30.0


@dataclass(frozen=True, eq=False)
class Estimate(Record):
    """A number with its errors, and the windows that it was computed from.

    Attributes
    ----------
    value, error : float
        ``error**2 = statistical**2 + window_error**2``.
    statistical, window_error : float
        The error that follows from the errors of the points, and the scatter between windows.
    amplitude, exponent : float
        Amplitude and exponent of the correction (`extrapolate`) or of the power law, in the best
        window.
    chi_squared : float
        Chi squared per degree of freedom, in the best window.
    window_size, window_value, window_weight : arrays[n_windows]
        Number of points, answer and weight of each window.
    """

    table_row: ClassVar[str] = "window"
    table_columns: ClassVar[tuple[str, ...]] = ("window_size", "window_value", "window_weight")

    value: float
    error: float
    statistical: float
    window_error: float
    amplitude: float
    exponent: float
    chi_squared: float
    window_size: np.ndarray
    window_value: np.ndarray
    window_weight: np.ndarray

    def __str__(self):
        return f"{self.value:.6g} +- {self.error:.2g}"


def check_points(x, value, error, smallest):
    """The points sorted by x, checked: equal lengths, positive errors, enough different x."""
    x, value, error = (
        array_of(name, given, empty=True)
        for name, given in (("x", x), ("value", value), ("error", error))
    )
    if not x.size == value.size == error.size:
        raise ParameterError(
            f"x, value and error must be of one length, got {x.size}, {value.size} and "
            f"{error.size}; give one value and one error per x."
        )
    if not (np.all(x > 0) and np.all(error > 0)):
        raise ParameterError(
            "x and error must be positive; give a standard error of more than one sample for "
            "every point."
        )
    if np.unique(x).size < smallest:
        raise ParameterError(
            f"this fit needs at least {smallest} different x, got {np.unique(x).size}; "
            "compute more points."
        )
    order = np.argsort(x, kind="stable")
    return x[order], value[order], error[order]


def check_exponent_range(exponent_range):
    """The two ends as floats, checked."""
    low, high = array_of(
        "exponent_range", exponent_range, shape=(2,), low=SMALLEST_POWER, high=LARGEST_POWER
    ).tolist()
    if not low < high:
        raise ParameterError(
            f"exponent_range must ascend, got {shown(exponent_range)}; give the smaller end first."
        )
    return low, high


def check_table(table: Any, *columns: str) -> None:
    """Raise a ParameterError unless the table holds the columns, as finite numbers."""
    instance_of("table", table, pd.DataFrame, "make it with hopnet.percolation.sample_critical")
    for name in columns:
        if not (isinstance(name, str) and list(table.columns).count(name) == 1):
            raise ParameterError(
                f"table must hold one column {shown(name)}, it has "
                f"{shown(list(map(str, table.columns)))}; make it with the function of "
                "hopnet.percolation.criticality that measures this."
            )
        array_of(f"column {name} of the table", table[name], empty=True)


def extrapolate(
    x: Any,
    value: Any,
    error: Any,
    *,
    exponent: Any = None,
    exponent_range: tuple[Any, ...] = (0.5, 4.0),
) -> Estimate:
    """The limit x -> 0 of Q(x) = value + amplitude * x**exponent; its error includes the window.

    Parameters
    ----------
    x : array_like[n]
        Positive numbers that vanish in the limit: 1/sqrt(N), 1/L, a density.
    value, error : array_like[n]
        Measured values and their standard errors, independent of each other.
    exponent : float, optional
        Exponent of the correction, if theory gives it: 1 for contact strips, with x = 1/sqrt(N).
        Fits with a further term x**(2 exponent) are then tried too, for points that bend. Default:
        the exponent is fitted, and a constant is tried too, for points that no longer change.
    exponent_range : (float, float)
        Range in which a fitted exponent must lie.

    Returns
    -------
    Estimate

    Raises
    ------
    ParameterError
        If there are fewer than three different x (four without ``exponent``), or if an error is
        not positive.

    Examples
    --------
    >>> x = np.array([0.01, 0.02, 0.04, 0.08])
    >>> str(extrapolate(x, 2.0 - 3.0 * x, np.full(4, 1e-3), exponent=1.0))
    '2 +- 0.0011'
    """
    n_parameters = 3 if exponent is None else 2
    if exponent is not None:
        exponent = number("exponent", exponent, low=SMALLEST_POWER, high=LARGEST_POWER)
    exponent_range = check_exponent_range(exponent_range)
    x, value, error = check_points(x, value, error, n_parameters + 1)
    fits = []
    for n in range(2, x.size + 1):
        window = x[:n], value[:n], error[:n]
        if exponent is None:
            fits.append(fit_constant(*window))
        if n > n_parameters and np.unique(x[:n]).size >= n_parameters:
            if exponent is None:
                fits.append(fit_free_exponent(*window, exponent_range))
            else:
                fits.append(fit_correction(*window, exponent))
        if exponent is not None and n > 3 and np.unique(x[:n]).size >= 3:
            fits.append(fit_correction(*window, exponent, n_terms=2))
    return average_windows(fits, x.size)


def fit_power_law(
    x: Any, value: Any, error: Any, *, limit: str = "zero", correction: Any = None
) -> Estimate:
    """The exponent of Q(x) = amplitude * x**exponent; its error includes the window.

    Parameters
    ----------
    x, value, error : array_like[n]
        Points, values and their standard errors, all positive. The errors are independent of each
        other and small against the values.
    limit : {"zero", "infinity"}
        Limit in which the law holds: every window contains the smallest or the largest x.
    correction : float, optional
        Positive power with which a correction vanishes towards the limit, if it is known. The law
        times 1 + b x**correction (zero) or 1 + b x**-correction (infinity) is then tried too.

    Returns
    -------
    Estimate
        ``value`` is the exponent.

    Raises
    ------
    ParameterError
        If there are fewer than three different x, or if a number is not positive.

    Examples
    --------
    >>> x = np.array([10.0, 20.0, 40.0, 80.0])
    >>> law = fit_power_law(x, 3.0 * x**-0.75, 1e-4 * x**-0.75, limit="infinity")
    >>> round(law.value, 6), round(law.amplitude, 6)
    (-0.75, 3.0)
    """
    one_of("limit", limit, ("zero", "infinity"))
    if correction is not None:
        correction = number("correction", correction, low=SMALLEST_POWER, high=LARGEST_POWER)
    x, value, error = check_points(x, value, error, 3)
    if not np.all(value > 0):
        raise ParameterError(
            f"a power law needs positive values, smallest is {value.min()!r}; fit the modulus, or "
            "leave out points that are zero within their error."
        )
    if limit == "infinity":
        x, value, error = x[::-1], value[::-1], error[::-1]
    columns = [np.log(x), np.ones(x.size)]
    if correction is not None:
        columns.append((x / x[-1]) ** (-correction if limit == "infinity" else correction))
    design = np.stack(columns, axis=1)
    fits = []
    for n_columns in range(2, len(columns) + 1):
        for n in range(n_columns + 1, x.size + 1):
            if np.unique(x[:n]).size >= n_columns:
                part = design[:n, :n_columns]
                fit = least_squares(part, np.log(value[:n]), error[:n] / value[:n])
                slope, intercept = fit.parameter[:2]
                fits.append(fit._replace(parameter=np.array([slope, np.exp(intercept), slope])))
    return average_windows(fits, x.size)


class Fit(NamedTuple):
    """The fit of one window: ``parameter`` holds answer, amplitude and exponent."""

    parameter: np.ndarray
    variance: float  # of the answer
    chi_squared: float
    n_points: int
    n_parameters: int


def least_squares(design, value, error):
    """Weighted linear least squares; the variance is that of the first parameter."""
    scaled = design / error[:, None]
    covariance = np.linalg.inv(scaled.T @ scaled)
    parameter = covariance @ (scaled.T @ (value / error))
    residual = (value - design @ parameter) / error
    n, p = design.shape
    return Fit(parameter, float(covariance[0, 0]), float(residual @ residual), n, p)


def fit_constant(x, value, error):
    """Q = value."""
    fit = least_squares(np.ones((x.size, 1)), value, error)
    return fit._replace(parameter=np.array([fit.parameter[0], 0.0, np.nan]))


def fit_correction(x, value, error, exponent, n_terms=1):
    """Q = value + amplitude x**exponent (+ b x**(2 exponent)) at a known exponent."""
    reference = x.max()  # unit in which all columns are of order one
    power = (x / reference)[:, None] ** (exponent * np.arange(n_terms + 1))
    fit = least_squares(power, value, error)
    answer, amplitude = fit.parameter[:2]
    return fit._replace(parameter=np.array([answer, amplitude / reference**exponent, exponent]))


def fit_free_exponent(x, value, error, exponent_range):
    """`fit_correction` with the exponent fitted; its error enters that of the answer."""

    def misfit(exponent):
        return fit_correction(x, value, error, exponent).chi_squared

    trial = np.linspace(*exponent_range, 31)
    best = trial[np.argmin([misfit(e) for e in trial])]
    step = trial[1] - trial[0]
    bounds = max(exponent_range[0], best - step), min(exponent_range[1], best + step)
    exponent = float(minimize_scalar(misfit, bounds=bounds, method="bounded").x)
    fit = fit_correction(x, value, error, exponent)
    power = (x / x.max()) ** exponent
    slope = fit.parameter[1] * x.max() ** exponent * power * np.log(x / x.max())
    # Without an amplitude the points do not determine the exponent: its column is then ignored.
    columns = np.stack([np.ones(x.size), power, slope], axis=1) / error[:, None]
    covariance = np.linalg.pinv(columns.T @ columns, rcond=1e-12, hermitian=True)
    variance = max(float(covariance[0, 0]), fit.variance)
    return fit._replace(variance=variance, n_parameters=3)


def average_windows(fits, n_points):
    """The mean over windows by Akaike weights, with statistical and window errors."""
    if not fits:
        raise ConvergenceError("no window allows a fit; compute more points.")
    value = np.array([fit.parameter[0] for fit in fits])
    variance = np.array([fit.variance for fit in fits])
    chi_squared = np.array([fit.chi_squared for fit in fits])
    freedom = np.array([max(fit.n_points - fit.n_parameters, 1) for fit in fits])
    size = np.array([fit.n_points for fit in fits])
    n_parameters = np.array([fit.n_parameters for fit in fits])
    penalty = chi_squared + 2.0 * n_parameters + 2.0 * (n_points - size)
    weight = np.exp(-0.5 * (penalty - penalty.min()))
    weight /= weight.sum()
    mean = float(weight @ value)
    # Errors are enlarged where the fit misses its points by more than their errors.
    inflated = variance * np.maximum(1.0, chi_squared / freedom)
    statistical = float(np.sqrt(weight @ inflated))
    window = float(np.sqrt(max(0.0, weight @ (value - mean) ** 2)))
    best = fits[int(np.argmax(weight))]
    return Estimate(
        value=mean,
        error=float(np.hypot(statistical, window)),
        statistical=statistical,
        window_error=window,
        amplitude=float(best.parameter[1]),
        exponent=float(best.parameter[2]),
        chi_squared=best.chi_squared / max(best.n_points - best.n_parameters, 1),
        window_size=read_only(size, np.int64),
        window_value=read_only(value),
        window_weight=read_only(weight),
    )


class Exponents(NamedTuple):
    """Critical exponents of percolation, as `critical_exponents` measures them.

    Attributes
    ----------
    nu : Estimate
        Exponent of the correlation length.
    beta : Estimate
        Exponent of the share of sites in the infinite cluster.
    D_f : Estimate
        Fractal dimension of the largest cluster.
    D_backbone : Estimate
        Fractal dimension of the backbone.
    D_red : Estimate
        Fractal dimension of the red bonds (a link whose removal cuts the backbone).
    D_min : Estimate
        Fractal dimension of the shortest path.
    """

    nu: Estimate
    beta: Estimate
    D_f: Estimate
    D_backbone: Estimate
    D_red: Estimate
    D_min: Estimate


def by_size(
    table: pd.DataFrame, name: str, dimension: int = 2
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(size, mean, standard error) of a column of samples at each size.

    Control variates: where the table holds the probability that each sample wraps at l_c (columns
    once and twice), the mean is corrected by the known means of both. Samples that by chance wrap
    at smaller lengths have larger clusters and backbones. In the plane the correction halves the
    variance of the gap between the wrappings, and reduces that of the largest cluster and of the
    backbone by a third.
    """
    instance_of("table", table, pd.DataFrame, "make it with hopnet.percolation.sample_critical")
    wrapping = CONSTANTS[check_dimension(dimension)].wrapping
    known = [column for column in wrapping if column in table]
    check_table(table, "size", name, *known)
    sizes, value, error = [], [], []
    for size, rows in table.groupby("size"):
        column = rows[name].to_numpy(dtype=np.float64)
        if column.size < 10:
            raise ParameterError(
                f"exponents need at least 10 samples of each size, got {column.size} of size "
                f"{size:.4g}; take more."
            )
        control = [rows[each].to_numpy(dtype=np.float64) - wrapping[each] for each in known]
        design = np.stack([np.ones(column.size), *control], axis=1)
        mean = np.linalg.lstsq(design, column, rcond=None)[0]
        rest = column - design @ mean
        sizes.append(size)
        value.append(mean[0])
        error.append(np.sqrt(rest @ rest / (column.size - mean.size) / column.size))
    return np.array(sizes), np.array(value), np.array(error)


def critical_exponents(table: pd.DataFrame, *, dimension: int = 2) -> Exponents:
    """Exponents of percolation from critical samples of several sizes, with the window in errors.

    Parameters
    ----------
    table : DataFrame
        `hopnet.percolation.criticality.sample_critical` of at least three sizes.
    dimension : {2, 3}
        Dimension of the samples.

    Returns
    -------
    Exponents
        nu is found from the mean gap between first and second wrapping, which falls as
        size^(-1/nu), and D_f from the largest cluster at l_c, which grows as size^D_f. beta is
        nu (dim - D_f) with the nu of the literature. D_backbone, D_red and D_min are found from the
        backbone, the red bonds and the shortest path at the threshold of each sample.

    Raises
    ------
    ParameterError
        If there are fewer than three sizes, or fewer than 10 samples of one size.

    Notes
    -----
    The gap is the integral, over thresholds, of the probability that clusters wrap in one direction
    only. Corrections that shift both thresholds by the same amount cancel in the gap. So in the
    plane gap * size^(3/4) is constant from 1000 sites on, where the spread of either threshold
    still changes with size.

    The threshold of a sample differs from l_c by about size^(-1/nu). What is measured at it may
    have a relative error of this order. In the plane, among backbone, red bonds and path only the
    backbone shows one: divided by its exact power it falls by 2.6 % from 1e3 to 1e5 sites. It is
    fitted with and without such a term, which doubles its error.
    """
    known = CONSTANTS[check_dimension(dimension)]
    check_table(table, "size", "first", "second", "largest", "backbone", "red", "chemical")
    if table["size"].nunique() < 3:
        raise ParameterError(
            f"exponents need at least three sizes, got {table['size'].nunique()}; add sizes, best "
            "by factors of four in the number of sites."
        )
    gap = table.assign(gap=table["second"] - table["first"])
    inverse = fit_power_law(*by_size(gap, "gap", dimension), limit="infinity")
    nu = rescaled(inverse, -1.0 / inverse.value, inverse.value**-2)
    D_f, D_backbone, D_red, D_min = (
        fit_power_law(*by_size(table, column, dimension), limit="infinity", correction=correction)
        for column, correction in (
            ("largest", None),
            ("backbone", 1 / known.nu),
            ("red", None),
            ("chemical", None),
        )
    )
    beta = rescaled(D_f, known.nu * (dimension - D_f.value), known.nu)
    return Exponents(nu, beta, D_f, D_backbone, D_red, D_min)


def rescaled(estimate, value, slope):
    """An Estimate of a function of another one: errors times |slope|."""
    return replace(
        estimate,
        value=float(value),
        error=float(slope * estimate.error),
        statistical=float(slope * estimate.statistical),
        window_error=float(slope * estimate.window_error),
    )


def conductivity_exponent(table: pd.DataFrame, *, dimension: int = 2) -> Estimate:
    """t from the conductance at l_c of networks of equal links: G ~ size^(dim - 2 - t / nu).

    Parameters
    ----------
    table : DataFrame
        `hopnet.percolation.criticality.sample_conductances` of at least three sizes.
    dimension : {2, 3}
        Dimension of the samples.

    Returns
    -------
    Estimate
        t, with the nu of the literature. In the plane 1.299(2) (Normand, Herrmann, Hajjar, J. Stat.
        Phys. 52, 441 (1988)) and 1.310(1) (Grassberger, Physica A 262, 251 (1999)). In space
        t / nu is about 2.28, t about 2.0 (Kozlov, Lagues, Physica A 389, 5339 (2010)).
    """
    known = CONSTANTS[check_dimension(dimension)]
    check_table(table, "size", "conductance")
    if table["size"].nunique() < 3:
        raise ParameterError(
            f"an exponent needs at least three sizes, got {table['size'].nunique()}; add sizes."
        )
    slope = fit_power_law(*by_size(table, "conductance", dimension), limit="infinity")
    return rescaled(slope, known.nu * (dimension - 2 - slope.value), known.nu)
