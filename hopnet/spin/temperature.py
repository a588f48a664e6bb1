"""One sample at several temperatures: resistivity, diffusion, f and current-induced spin."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from hopnet.checks import array_of, instance_of, number
from hopnet.network.build import build_network
from hopnet.network.sites import Sites
from hopnet.progress import track
from hopnet.spin.curve import f_curve
from hopnet.transport.current import solve_current
from hopnet.transport.diffusion import diffusion_constant

__all__ = ["temperature_curve"]


def temperature_curve(
    sites: Sites,
    kT: ArrayLike,
    *,
    tau_s: float | None = None,
    bath: str = "ohmic",
    chemical_potential: float | None = None,
    reorganisation_energy: float | None = None,
    cutoff: float | None = None,
    cutoff_margin: float | None = None,
    threads: int | None = None,
    progress: bool | None = None,
) -> pd.DataFrame:
    """One sample at several temperatures.

    Parameters
    ----------
    sites : Sites
        Sites with energies.
    kT : array_like
        Temperatures in the unit of the energies.
    tau_s : float, in tau_0, optional
        The spin relaxation time. If it is given, f and the induced spin are computed too
        (Boltzmann occupations only).
    bath, chemical_potential, reorganisation_energy, cutoff, cutoff_margin
        As in `hopnet.build_network`.
    threads : int, optional
        Number of threads. No result depends on it.
    progress : bool, optional
        Show a progress bar; by default in notebooks only.

    Returns
    -------
    DataFrame
        One row per temperature: kT, xi_c, log_resistivity (ln of rho / rho_0), imbalance, n_links.
        Without ``chemical_potential`` also diffusion (a_b^2 / tau_0) and, with ``tau_s``, f,
        f_drift and cisp = f N / (N_e rho kT), which is the induced spin per field in the unit
        2 tau_s M_xy^2 M_yx eta e a_b / (tau_0 [energy]).

    Notes
    -----
    rho_0 and tau_0 are those of a hop at equal energies at each temperature: with real phonons they
    depend on it by a power. f is in these units too, and so its temperature dependence is that of
    the bath: at n_s a_b^2 = 0.02 and kT = 1, 0.1, 0.01 widths of a uniform band f_drift is 1.92,
    1.81, 0.56 with the ohmic bath, 1.64, 0.76, 0.13 with Miller and Abrahams (2e4 sites, one
    sample; 1.9 at equal energies).
    """
    instance_of("sites", sites, Sites, "make them with hopnet.with_energies")
    temperatures = array_of(
        "kT", kT, low=1e-60, high=1e60, hint="give temperatures in the unit of the energies"
    )
    if tau_s is not None:
        tau_s = number("tau_s", tau_s, low=0.0, infinite=True, unit="in tau_0")
    rows = []
    for temperature in track(temperatures.tolist(), "temperatures", progress=progress):
        network = build_network(
            sites,
            cutoff=cutoff,
            cutoff_margin=cutoff_margin,
            kT=temperature,
            bath=bath,
            chemical_potential=chemical_potential,
            reorganisation_energy=reorganisation_energy,
        )
        current = solve_current(network, threads=threads)
        row = {
            "kT": temperature,
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
                log_scale = np.log(sites.n_sites / (electrons * temperature))
                # f and rho both change by this factor if the contact strips are left out.
                share = current.effective_length / network.length_along_current
                row["cisp"] = share * curve.f[0] * np.exp(log_scale - row["log_resistivity"])
        rows.append(row)
    return pd.DataFrame(rows)
