"""Variable-range hopping: resistivity, f and current-induced spin against temperature."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from hopnet.current import solve_current
from hopnet.dynamics import diffusion_constant
from hopnet.energies import barriers, candidate_links, check_temperature, critical_exponent
from hopnet.errors import ParameterError
from hopnet.network import build_network, find_links, join_sites
from hopnet.percolation import find_events
from hopnet.records import random_stream, read_only
from hopnet.sites import Sites
from hopnet.spin import f_curve

ABOUT_MOTT = 13.86  # where to look for Mott's number


def temperature_curve(
    sites, kT, *, tau_s=None, bath="ohmic", chemical_potential=None, cutoff=1.5, threads=None
):
    """One sample at several temperatures.

    Parameters
    ----------
    sites : Sites
        With energies.
    kT : array_like
        In the unit of the energies.
    tau_s : float, in tau_0, optional
        Given: f and the induced spin too (Boltzmann occupations only).
    bath, chemical_potential, cutoff
        As in `hopnet.build_network`.
    threads : int, optional

    Returns
    -------
    DataFrame
        kT, xi_c, log_resistivity (ln of rho / rho_0), imbalance, n_links; without
        ``chemical_potential`` also diffusion (a_b^2 / tau_0) and, with ``tau_s``, f, f_drift and
        cisp = f N / (N_e rho kT): the induced spin per field, in the unit
        2 tau_s M_xy^2 M_yx eta e a_b / (tau_0 [energy]).

    Notes
    -----
    rho_0 and tau_0 are those of a hop at equal energies at each temperature: with real phonons they
    depend on it by a power. f is in these units too, and so its temperature dependence is that of
    the bath: at n_s a_b^2 = 0.02 and kT = 1, 0.1, 0.01 widths of a uniform band f_drift is 1.92,
    1.81, 0.56 with the ohmic bath, 1.64, 0.76, 0.13 with Miller and Abrahams (2e4 sites, one
    sample; 1.9 at equal energies).
    """
    rows = []
    for one in np.atleast_1d(np.asarray(kT, dtype=np.float64)):
        one = check_temperature(one)
        network = build_network(
            sites, cutoff=cutoff, kT=one, bath=bath, chemical_potential=chemical_potential
        )
        current = solve_current(network, threads=threads)
        shape = np.log(network.across / network.along)
        row = {
            "kT": one,
            "xi_c": 2.0 * network.cutoff_radius / cutoff,
            "log_resistivity": shape - current.log_conductance,
            "imbalance": current.imbalance,
            "n_links": network.n_links,
        }
        if chemical_potential is None:
            row["diffusion"] = diffusion_constant(network, current)
            if tau_s is not None:
                curve = f_curve(network, tau_s, current=current, threads=threads)
                electrons = np.exp(network.log_occupation).sum()
                row |= {"f": curve.f[0], "f_drift": curve.f_drift}
                log_scale = np.log(sites.n_sites / (electrons * one)) - row["log_resistivity"]
                row["cisp"] = curve.f[0] * np.exp(log_scale)
        rows.append(row)
    return pd.DataFrame(rows)


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
                    find_links, sites, check_temperature(one), chemical_potential=chemical_potential
                )
                for one in np.atleast_1d(kT)
            ]
            for sites in map(sample, range(n_samples))
        ]
    )
    return found.mean(axis=0), found.std(axis=0, ddof=1) / np.sqrt(n_samples)


def sample_mott_numbers(side, n_samples, *, seed):
    """Mott's number of the plane from percolation, sample by sample.

    Sites at random in the plane and in energy, the Fermi level at zero; links are added in order of
    2 R / a_b + (abs(e_i) + abs(e_j) + abs(e_i - e_j)) / 2 kT until a cluster winds around the
    sample. At xi_c, g kT a_b^2 xi_c^3 is a pure number: kT_0 g a_b^2 of Mott's law.

    Parameters
    ----------
    side : float
        Of the torus, in lengths of the longest hop, xi_c a_b / 2: 15 or more.
    n_samples : int
    seed : int
        Sample k depends on (seed, k) only.

    Returns
    -------
    DataFrame
        A row per sample: g kT a_b^2 xi_c^3 at which a cluster first winds around the torus
        (first), and a second way (second).

    Notes
    -----
    `hopnet.scaling.dual_threshold` makes one number of them: 13.86(2) from 5000, 1500 and 200
    samples of sides 16, 32 and 67.

    Examples
    --------
    >>> from hopnet.scaling import dual_threshold
    >>> from hopnet.variable_range import sample_mott_numbers
    >>> table = sample_mott_numbers(15, 40, seed=1)
    >>> value, error = dual_threshold(table["first"], table["second"])
    >>> bool(abs(value - 13.86) < 4 * error)
    True
    """
    if not (np.isfinite(side) and side >= 10 and int(n_samples) == n_samples >= 1):
        raise ParameterError(
            f"side must be at least 10 hops and n_samples a whole number of at least 1, got "
            f"{side!r} and {n_samples!r}; mend them."
        )
    rows = []
    for k in range(int(n_samples)):
        stream = random_stream(seed, k)
        events = wind_in_space_and_energy(0.5 * ABOUT_MOTT ** (1 / 3) * side, stream)
        rows.append([(2 * events[name].length) ** 3 for name in ("wrapping", "second wrapping")])
    return pd.DataFrame(rows, columns=["first", "second"])


def wind_in_space_and_energy(side, stream):
    """Percolation events on a torus, in units a_b = kT = g = 1.

    Sites further from the Fermi level than the longest exponent cannot take part; how many there
    are within it is a Poisson number.
    """
    largest = 1.2 * ABOUT_MOTT ** (1 / 3)
    while True:
        n = stream.poisson(2 * largest * side**2)
        sites = Sites(read_only(stream.uniform(0, side, (n, 2))), side, side, "torus")
        energy = stream.uniform(-largest, largest, n)
        link_i, link_j, distance = candidate_links(
            find_links, sites, np.ones(n, bool), 0.5 * largest
        )
        exponent = 2 * distance + barriers(link_i, link_j, energy, 1.0, 0.0)
        kept = exponent <= largest
        ends = np.array([0]), np.array([1])  # a formality on a torus
        network = join_sites(sites, link_i[kept], link_j[kept], -exponent[kept], contacts=ends)
        events = find_events(network, stop="second wrapping")
        if "second wrapping" in events:
            return events
        largest *= 1.2
