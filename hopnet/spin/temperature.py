"""One sample at several temperatures: resistivity, diffusion, f and current-induced spin."""

from __future__ import annotations

import numpy as np
import pandas as pd

from hopnet.network.build import build_network
from hopnet.network.energies import check_temperature
from hopnet.spin.curve import f_curve
from hopnet.transport.current import solve_current
from hopnet.transport.diffusion import diffusion_constant


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
        row = {
            "kT": one,
            "xi_c": network.critical_exponent,
            "log_resistivity": current.log_resistivity,
            "imbalance": current.imbalance,
            "n_links": network.n_links,
        }
        if chemical_potential is None:
            row["diffusion"] = diffusion_constant(network, current)
            if tau_s is not None:
                curve = f_curve(network, tau_s, current=current, threads=threads)
                electrons = network.occupation.sum()
                row |= {"f": curve.f[0], "f_drift": curve.f_drift}
                log_scale = np.log(sites.n_sites / (electrons * one)) - row["log_resistivity"]
                row["cisp"] = curve.f[0] * np.exp(log_scale)
        rows.append(row)
    return pd.DataFrame(rows)
