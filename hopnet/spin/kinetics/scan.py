"""Tables: the range in which f is valid, and current-induced polarisation against density."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from hopnet.checks import array_of, instance_of, number, one_of, whole
from hopnet.errors import ParameterError
from hopnet.material import Material, conductivities
from hopnet.network.build import build_network
from hopnet.network.network import Network
from hopnet.network.sites import random_sites
from hopnet.progress import track
from hopnet.spin.coefficients import check_eta, check_spin_orbit
from hopnet.spin.curve import f_curve
from hopnet.spin.kinetics.leading import solve_leading_order
from hopnet.spin.kinetics.observables import f_from_polarisation, precession_rate
from hopnet.spin.kinetics.solve import solve_kinetics
from hopnet.transport.current import Current, own_current

__all__ = ["cisp_against_density", "full_over_leading"]


def full_over_leading(
    network: Network,
    spin_orbit: ArrayLike,
    *,
    eta: float,
    angles: Sequence[float],
    tau_s: Sequence[float],
    current: Current | None = None,
    threads: int | None = None,
    progress: bool | None = None,
) -> pd.DataFrame:
    """Full solution over leading order, for several strengths of the coupling.

    Parameters
    ----------
    network : Network
    spin_orbit : array_like[2, 2]
        Form of the coupling. It is scaled so that the largest half-angle of a hop of one a_b is
        each of ``angles``.
    eta : float
        hbar / (J_0 tau_0).
    angles : sequence of float
        Largest half-angles of a hop of one a_b.
    tau_s : sequence of float, in tau_0
        Spin relaxation times.
    current : Current, optional
        The current of this network; solved for if it is not given.
    threads : int, optional
    progress : bool, optional
        Show a progress bar; by default in notebooks only.

    Returns
    -------
    DataFrame
        Columns angle, tau_s, tau_DP (`precession_rate`), f (leading order), f_full, ratio,
        iterations, residual.
    """
    form, eta = check_spin_orbit(spin_orbit), check_eta(eta)
    half_angles = array_of(
        "angles", angles, low=0.0, above=True, hint="give half-angles in radians"
    )
    times = array_of("tau_s", tau_s, low=0.0, above=True, hint="give times in tau_0")
    largest = np.linalg.norm(form, 2)
    if largest == 0.0:
        raise ParameterError(
            "spin_orbit must not vanish, got zeros; give its form, such as [[0, 1], [1, 0]]."
        )
    current = own_current(network, current, threads)
    rows = []
    for t in track(times.tolist(), "relaxation times", progress=progress):
        leading = solve_leading_order(
            network, form, eta=eta, tau_s=t, current=current, threads=threads
        )
        for angle in half_angles:
            matrix = form * (angle / largest)
            full = solve_kinetics(
                network, matrix, eta=eta, tau_s=t, current=current, threads=threads
            )
            f_full = f_from_polarisation(full)
            rows.append(
                {
                    "angle": angle,
                    "tau_s": t,
                    "tau_DP": 1.0 / precession_rate(network, matrix),
                    "f": leading.f,
                    "f_full": f_full,
                    "ratio": f_full / leading.f,
                    "iterations": full.iterations,
                    "residual": full.residual,
                }
            )
    return pd.DataFrame(rows)


def cisp_against_density(
    material: Material,
    density: Sequence[float],
    *,
    n_sites: int,
    seed: int,
    field: float,
    geometry: str = "cylinder",
    progress: bool | None = None,
) -> pd.DataFrame:
    """Current-induced polarisation against the density of sites, other parameters unchanged.

    n / n_s is kept, and therefore rho_0. f and the resistivity are those of one sample for each
    density.

    Parameters
    ----------
    material : Material
    density : sequence of float
        Values of n_s a_b^2.
    n_sites : int
        Number of sites of each sample.
    seed : int
        Seed of each sample.
    field : float, V/m
        Electric field.
    geometry : {"cylinder", "open"}
        The cylinder gives the bulk value of f.
    progress : bool, optional
        Show a progress bar; by default in notebooks only.

    Returns
    -------
    DataFrame
        Columns density, n_s (1/m^2), f, resistivity (Ohm), resistivity_percolation (Ohm),
        s, s_percolation (resistivity exp(2 l_c / a_b) rho_0).
    """
    instance_of("material", material, Material, "make it with hopnet.Material")
    values = array_of("density", density, low=1e-20, high=1e20, hint="give values of n_s a_b^2")
    field, n_sites = number("field", field, unit="V/m"), whole("n_sites", n_sites, low=3, high=1e8)
    one_of("geometry", geometry, ("cylinder", "open"))
    tau_s = material.tau_s / material.tau_0
    rows = []
    for value in track(values.tolist(), "densities", progress=progress):
        scale = value / material.density
        here = dataclasses.replace(material, n=material.n * scale, n_s=material.n_s * scale, T=None)
        network = build_network(random_sites(n_sites, density=value, seed=seed, geometry=geometry))
        curve = f_curve(network, tau_s=tau_s)
        sample = conductivities(here, curve.f[0], resistivity=curve.resistivity)
        percolation = conductivities(here, curve.f[0])
        rows.append(
            {
                "density": value,
                "n_s": here.n_s,
                "f": curve.f[0],
                "resistivity": sample.resistivity,
                "resistivity_percolation": percolation.resistivity,
                "s": np.linalg.norm(sample.cisp, 2) * field,
                "s_percolation": np.linalg.norm(percolation.cisp, 2) * field,
            }
        )
    return pd.DataFrame(rows)
