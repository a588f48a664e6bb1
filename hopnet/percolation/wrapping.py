"""Percolation thresholds of the infinite sample, from samples that wrap around a torus.

At the threshold of the infinite sample, the probabilities that clusters wrap around a torus are
universal numbers. They give the threshold from samples of any size, without a fit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import ndtr

from hopnet.checks import array_of, number
from hopnet.errors import ParameterError
from hopnet.network.sites import check_dimension
from hopnet.percolation.literature import WRAPPING_IN_SPACE
from hopnet.percolation.scaling import check_table

__all__ = [
    "canonical_threshold",
    "combined_threshold",
    "dual_threshold",
    "infinite_threshold",
    "wrapping_probability",
    "wrapping_threshold",
]


def wrapping_threshold(values: Any, probability: float) -> tuple[float, float]:
    """The percolation threshold from thresholds of wrapping, in any dimension.

    At the threshold of the infinite sample, the probability that a cluster wraps around a torus is
    a universal number. The threshold is the quantile of the thresholds of the samples at this
    probability.

    Parameters
    ----------
    values : array_like[n]
        Thresholds of n samples of one size, whose numbers of sites are drawn from a Poisson
        distribution.
    probability : float
        Probability of the event at the threshold, such as `WRAPPING_IN_SPACE`.

    Returns
    -------
    value, error : float
        The quantile and its standard error, by inverting the binomial test.

    Raises
    ------
    ParameterError
        If there are fewer than ten samples, or the probability is not between 0 and 1.
    """
    found = array_of("values", values, empty=True)
    share = number("probability", probability, low=1e-6, high=1 - 1e-6)
    if found.size < 10:
        raise ParameterError(f"a threshold needs at least 10 samples, got {found.size}; take more.")
    level = np.sqrt(share * (1.0 - share) / found.size)
    sides = [max(share - level, 0.0), share, min(share + level, 1.0)]
    low, value, high = np.quantile(found, sides)
    return float(value), float(0.5 * (high - low))


def wrapping_probability(values: np.ndarray, n_sites: float, length: float, dimension: int) -> Any:
    """float64[n]: probability that each sample wraps at a length, if its N were Poissonian.

    A sample of N sites that wraps at l would wrap at l_c if it had N (l / l_c)^dim sites.
    """
    return ndtr(-((values / length) ** dimension - 1.0) * np.sqrt(n_sites))


def canonical_threshold(
    values: Any, n_sites: float, probability: float, dimension: int
) -> tuple[float, float]:
    """The percolation threshold from samples with a fixed number of sites.

    A sample of a fixed number of sites is too regular: in an infinite one the number of sites
    within a box fluctuates. The probability of wrapping is therefore averaged over this number,
    which needs no other samples (`wrapping_probability`).

    Parameters
    ----------
    values : array_like[n]
        Thresholds of n samples of one size.
    n_sites : float
        Number of sites of each.
    probability : float
        Probability of the event at the threshold, such as `WRAPPING_IN_SPACE`.
    dimension : {2, 3}

    Returns
    -------
    value, error : float
        The length at which the mean probability has the given value, and its standard error.

    Raises
    ------
    ParameterError
        If there are fewer than ten samples.
    """
    found = array_of("values", values, empty=True, low=0.0, above=True)
    if found.size < 10:
        raise ParameterError(f"a threshold needs at least 10 samples, got {found.size}; take more.")
    share = number("probability", probability, low=1e-6, high=1 - 1e-6)

    def excess(length):
        return wrapping_probability(found, n_sites, length, dimension).mean() - share

    value = brentq(excess, 0.5 * found.min(), 2.0 * found.max(), xtol=1e-14)
    step = 1e-4 * value
    slope = (excess(value + step) - excess(value - step)) / (2.0 * step)
    spread = wrapping_probability(found, n_sites, value, dimension).std(ddof=1)
    return float(value), float(spread / np.sqrt(found.size) / slope)


def dual_threshold(first: Any, second: Any) -> tuple[float, float]:
    """The percolation threshold from first and second wrapping around a torus, without bias.

    In the plane the clusters of discs and those of the gaps exclude each other. Gaps wrap in every
    direction until discs wrap in one, and discs wrap in every direction once gaps wrap in none. At
    the threshold of the infinite plane, clusters wrap in a first and in a second direction with
    probabilities that add up to 1 (`PLANE`), at any size and without a fit.

    Parameters
    ----------
    first, second : array_like[n]
        Thresholds of n samples of one size: `hopnet.percolation.criticality.sample_thresholds`.

    Returns
    -------
    value, error : float
        The median of all thresholds of both kinds, and its standard error. The error is found by
        inverting the test that the shares of both kinds below the median add up to 1. A sample
        counts once in it, because its two thresholds depend on each other.

    Raises
    ------
    ParameterError
        If there are fewer than ten samples.
    """
    first, second = array_of("first", first, empty=True), array_of("second", second, empty=True)
    if first.size < 10 or first.shape != second.shape:
        raise ParameterError(
            f"a threshold needs at least 10 samples with both events, got {first.size} and "
            f"{second.size}; take more."
        )
    both = np.concatenate([first, second])
    value = float(np.quantile(both, 0.5))
    below = 0.5 * ((first <= value).astype(float) + (second <= value))
    level = below.std(ddof=1) / np.sqrt(first.size)
    low, high = np.quantile(both, [max(0.5 - level, 0.0), min(0.5 + level, 1.0)])
    return value, float(0.5 * (high - low))


def infinite_threshold(rows: pd.DataFrame, dimension: int = 2) -> tuple[float, float]:
    """l_c n_s^(1/dim) of the infinite sample and its standard error, from samples of one size.

    In the plane by `dual_threshold`; in space, where nothing is dual, by `canonical_threshold` with
    the known probability that a cluster wraps at l_c.
    """
    if check_dimension(dimension) == 2:
        return dual_threshold(rows["first"], rows["second"])
    n_sites = rows["size"].iloc[0] ** dimension
    return canonical_threshold(rows["first"], n_sites, WRAPPING_IN_SPACE, dimension)


def combined_threshold(table: pd.DataFrame, *, dimension: int = 2) -> tuple[float, float, float]:
    """l_c n_s^(1/dim) from all sizes of a table: `infinite_threshold`, weighted by its error.

    Parameters
    ----------
    table : DataFrame
        A table with the columns size, first and second.
    dimension : {2, 3}
        Dimension of the samples.

    Returns
    -------
    value, error, chi_squared : float
        ``chi_squared`` is per degree of freedom and shows whether all sizes agree (0 for one size).
    """
    check_table(table, "size", "first", "second")
    parts = [infinite_threshold(rows, dimension) for _, rows in table.groupby("size")]
    if not parts:
        raise ParameterError("table must hold samples, it is empty; take at least 10 of one size.")
    value, error = np.array(parts).T
    if not np.all(error > 0):
        raise ParameterError(
            "the thresholds of the samples of one size must differ, their standard error is 0; "
            "take more samples."
        )
    weight = error**-2 / np.sum(error**-2)
    mean = float(weight @ value)
    freedom = max(value.size - 1, 1)
    chi_squared = float(np.sum(((value - mean) / error) ** 2)) / freedom
    return mean, float(np.sum(error**-2) ** -0.5), chi_squared
