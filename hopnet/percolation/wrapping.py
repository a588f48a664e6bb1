"""Percolation thresholds from the universal probabilities of wrapping around a torus."""

from __future__ import annotations

from typing import Any

import numpy as np

from hopnet.checks import array_of, number
from hopnet.errors import ParameterError

__all__ = ["WRAPPING_IN_SPACE", "wrapping_threshold"]

# Probability that a cluster wraps around a cubic torus at l_c, in whatever direction: J. Wang, Z.
# Zhou, W. Zhang, T. M. Garoni and Y. Deng, Phys. Rev. E 87, 052107 (2013), 0.4600. Random sites at
# r_c = 0.867552 n_s^(-1/3) gave 0.458(5) here.
WRAPPING_IN_SPACE = 0.4600


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
