"""Variable-range hopping: resistivity, f and current-induced spin against temperature."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from hopnet.current import solve_current
from hopnet.dynamics import diffusion_constant
from hopnet.energies import check_temperature, critical_exponent
from hopnet.errors import ParameterError
from hopnet.network import build_network, find_links
from hopnet.spin import f_curve


def temperature_curve(sites, kT, *, tau_s=None, bath="ohmic", chemical_potential=None, cutoff=1.5,
                      threads=None):  # fmt: skip
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
    depend on it by a power.
    """
    rows = []
    for one in np.atleast_1d(np.asarray(kT, dtype=np.float64)):
        one = check_temperature(one)
        network = build_network(sites, cutoff=cutoff, kT=one, bath=bath,
                                chemical_potential=chemical_potential)  # fmt: skip
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
        One standard error of kT_0, from the scatter.
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
    kT_0 times the density of states per area and energy, times a_b^2, is a pure number. With links
    of 2 R / a_b + (abs(e_i) + abs(e_j) + abs(e_i - e_j)) / 2 kT at constant density of states, 4
    samples of 40000 sites at n_s a_b^2 = 0.02 and two decades of T gave 13.2(2), from xi_c as from
    ln rho (errors from the scatter about the line alone; fewer and smaller samples gave up to
    15.1); n_s kT xi_c^3 at single temperatures is 13.2 to 15.2. The literature's usual number is
    13.8 (quoted after Shklovskii and Efros, Electronic Properties of Doped Semiconductors, 1984;
    not traced to its page).
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
    return MottLaw(power, float(prefactor), float(kT_0), float(error),
                   float(np.sqrt((away**2).mean())))  # fmt: skip


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
        [[critical_exponent(find_links, sites, check_temperature(one),
                            chemical_potential=chemical_potential)
          for one in np.atleast_1d(kT)] for sites in map(sample, range(n_samples))]
    )  # fmt: skip
    return found.mean(axis=0), found.std(axis=0, ddof=1) / np.sqrt(n_samples)
