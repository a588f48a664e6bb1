"""Variable-range hopping: resistivity, f and current-induced spin against temperature."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hopnet.errors import ParameterError
from hopnet.network.energies import check_temperature, critical_exponent


@dataclass(frozen=True)
class MottLaw:
    """ln y = a + (kT_0 / kT)^p from least squares.

    Attributes
    ----------
    power : float
        p, 1/3 for a constant density of states in two dimensions.
    prefactor : float
        a.
    kT_0 : float
    error : float
        One standard error of kT_0 from the scatter about the line: too small where temperatures
        share their sites, compare fits of several samples then.
    residual : float
        Root mean square distance of the points from the line.
    """

    power: float
    prefactor: float
    kT_0: float
    error: float
    residual: float


def fit_mott_law(kT, exponent, *, power=1 / 3):
    """Straight line through ln rho, or the critical exponent, against kT^-p.

    Parameters
    ----------
    kT : float64[n]
    exponent : float64[n]
        ln rho or xi_c.
    power : float
        1/3: constant density of states; 1/2: a Coulomb gap; 1: activation.

    Returns
    -------
    MottLaw

    Notes
    -----
    kT_0 g a_b^2, g being the density of states per area and energy, is a pure number in the limit
    of low temperature, Mott's number for the plane [1]_. Links of 2 R / a_b + (abs(e_i) + abs(e_j)
    + abs(e_i - e_j)) / 2 kT at constant density of states; resistivity ~ exp((T_0 / T)^(1/3)):

    ======================================================  ============
    percolation of these links (`sample_mott_numbers`)      13.86(2)
    slope of ln rho in `runs/variable_range.toml`           12.9(8)
    slope of xi_c there (six samples, 1.5 decades of T)     13.6
    n_s kT xi_c^3 of single samples and temperatures        13.2 to 15.2
    customary in the literature [2]_                        13.8
    one optimal hop: least 2 R / a_b + 1 / (pi R^2 g kT)    27 / pi
    ======================================================  ============

    The error of the slope is that from sample to sample; ``error`` here, of the scatter about one
    line, is far below it (0.1), since all temperatures share their sites. The 13.8 is common
    usage: neither its page nor its error has been seen by us. For hops as exp(-R / a_b) in place
    of exp(-2 R / a_b) the number is 4 times smaller, 3.46.

    References
    ----------
    .. [1] V. Ambegaokar, B. I. Halperin, J. S. Langer, Phys. Rev. B 4, 2612 (1971); a proof of
       the law with its constant: A. Faggionato, arXiv:2301.06318.
    .. [2] B. I. Shklovskii, A. L. Efros, Electronic Properties of Doped Semiconductors (Springer,
       1984), chapter 9. Numerical work on this constant: C. H. Seager, G. E. Pike, Phys. Rev. B
       10, 1435 (1974); M. Ortuno, F. Estelles-Duart, A. M. Somoza, Phys. Status Solidi B 259,
       2100340 (2022).
    """
    kT, exponent = np.asarray(kT, dtype=np.float64), np.asarray(exponent, dtype=np.float64)
    if kT.ndim != 1 or kT.size < 3 or exponent.shape != kT.shape or not np.all(kT > 0):
        raise ParameterError(
            f"a fit needs three or more temperatures and as many exponents, got {kT.shape} and "
            f"{exponent.shape}; measure more."
        )
    (slope, prefactor), covariance = np.polyfit(kT**-power, exponent, 1, cov="unscaled")
    away = exponent - prefactor - slope * kT**-power
    scatter = np.sqrt((away**2).sum() / (kT.size - 2))
    kT_0 = max(slope, 0.0) ** (1 / power)
    error = kT_0 / power * scatter * np.sqrt(covariance[0, 0]) / abs(slope)
    return MottLaw(
        power, float(prefactor), float(kT_0), float(error), float(np.sqrt((away**2).mean()))
    )


def mean_critical_exponent(sample, kT, n_samples, *, chemical_potential=0.0):
    """xi_c at several temperatures, mean and standard error over samples.

    Parameters
    ----------
    sample : callable
        ``sample(k)`` returns the k-th Sites, with energies.
    kT : array_like
    n_samples : int
    chemical_potential : float or None

    Returns
    -------
    mean, error : float64[n_kT]
    """
    found = np.array(
        [
            [
                critical_exponent(
                    sites, check_temperature(one), chemical_potential=chemical_potential
                )
                for one in np.atleast_1d(kT)
            ]
            for sites in map(sample, range(n_samples))
        ]
    )
    return found.mean(axis=0), found.std(axis=0, ddof=1) / np.sqrt(n_samples)
