"""Variable-range hopping: the fit of Mott's law to resistivities or critical exponents."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hopnet.checks import array_of, number
from hopnet.errors import ConvergenceError, ParameterError
from hopnet.records import Record

__all__ = ["MottLaw", "fit_mott_law"]

# A fitted line counts as flat if its rise over all temperatures is below this share of the largest
# exponent: a few thousand units of rounding. A larger value would refuse real laws, a smaller one
# would fit rounding.
ROUNDING = 1e-12


@dataclass(frozen=True)
class MottLaw(Record):
    """ln y = a + (kT_0 / kT)^p by least squares.

    Attributes
    ----------
    power : float
        The power p; 1/3 for a constant density of states in two dimensions.
    prefactor : float
        The logarithm a of the prefactor.
    kT_0 : float
        The energy kT_0, in the unit of kT.
    error : float
        Standard error of kT_0 from the scatter of the points about the line. It is too small
        where all temperatures share their sites; compare fits of several samples then.
    residual : float
        Root mean square distance of the points from the line.
    """

    power: float
    prefactor: float
    kT_0: float
    error: float
    residual: float


def fit_mott_law(kT: npt.ArrayLike, exponent: npt.ArrayLike, *, power: float = 1 / 3) -> MottLaw:
    """Fit a straight line to ln rho, or to the critical exponent, against kT^-p.

    Parameters
    ----------
    kT : float64[n]
        Thermal energies; at least three, not all equal.
    exponent : float64[n]
        ln rho or xi_c at each of them.
    power : float
        The power p: 1/3 for a constant density of states, 1/2 for a Coulomb gap, 1 for activation.

    Returns
    -------
    MottLaw

    Raises
    ------
    ParameterError
        If a number is not allowed.
    ConvergenceError
        If the exponents do not grow towards low temperature: then there is no kT_0. The slope and
        the intercept of the line are in ``estimate``.

    Notes
    -----
    Let g be the density of states per area and energy. In the limit of low temperature,
    kT_0 g a_b^2 is a pure number, Mott's number of the plane [1]_. For links with the exponent
    2 R / a_b + (abs(e_i) + abs(e_j) + abs(e_i - e_j)) / 2 kT, a constant density of states and a
    resistivity proportional to exp((T_0 / T)^(1/3)) it is:

    ======================================================  ============
    percolation of these links (`sample_mott_numbers`)      13.86(2)
    slope of ln rho in `runs/variable_range.toml`           12.9(8)
    slope of xi_c there (six samples, 1.5 decades of T)     13.6
    n_s kT xi_c^3 of single samples and temperatures        13.2 to 15.2
    commonly used in the literature [2]_                    13.8
    one optimal hop: least 2 R / a_b + 1 / (pi R^2 g kT)    27 / pi
    ======================================================  ============

    The error 0.8 of the slope is the spread from sample to sample. ``error``, from the scatter
    about one line, is far smaller (0.1), because all temperatures share their sites. We have
    not checked the 13.8 in its source and do not know its error. For hops of exp(-R / a_b) in
    place of exp(-2 R / a_b) the number is 4 times smaller, 3.46.

    References
    ----------
    .. [1] V. Ambegaokar, B. I. Halperin, J. S. Langer, Phys. Rev. B 4, 2612 (1971); a proof of
       the law with its constant: A. Faggionato, arXiv:2301.06318.
    .. [2] B. I. Shklovskii, A. L. Efros, Electronic Properties of Doped Semiconductors (Springer,
       1984), chapter 9. Numerical work on this constant: C. H. Seager, G. E. Pike, Phys. Rev. B
       10, 1435 (1974); M. Ortuno, F. Estelles-Duart, A. M. Somoza, Phys. Status Solidi B 259,
       2100340 (2022).
    """
    T = array_of("kT", kT, low=0.0, above=True, hint="temperatures must be positive")
    y = array_of("exponent", exponent)
    power = number("power", power, low=0.0, above=True)
    if T.size < 3 or y.shape != T.shape or np.ptp(T) == 0:
        raise ParameterError(
            "a fit needs three or more temperatures, not all equal, and one exponent for each, "
            f"got {T.size} temperatures and {y.size} exponents; measure at more temperatures."
        )
    (slope, prefactor), covariance = np.polyfit(T**-power, y, 1, cov="unscaled")
    if not slope * np.ptp(T**-power) > ROUNDING * np.abs(y).max():
        raise ConvergenceError(
            "the exponents must grow towards low temperature for this law, the fit gives "
            f"{prefactor:.4g} {slope:+.4g} kT^-{power:.3g}; measure at lower temperatures.",
            estimate=(float(slope), float(prefactor)),
        )
    away = y - prefactor - slope * T**-power
    scatter = np.sqrt((away**2).sum() / (T.size - 2))
    kT_0 = slope ** (1 / power)
    error = kT_0 / power * scatter * np.sqrt(covariance[0, 0]) / abs(slope)
    return MottLaw(
        power, float(prefactor), float(kT_0), float(error), float(np.sqrt((away**2).mean()))
    )
