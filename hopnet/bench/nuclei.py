"""Spins in nuclear fields beside one solution of Kirchhoff's laws; memory; line shapes."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from hopnet.bench import paired, peak_apart, print_peak, row
from hopnet.network.build import build_network
from hopnet.network.lattices import lattice_sites
from hopnet.network.network import Network
from hopnet.network.sites import random_sites
from hopnet.spin.blocking import block_spins, choose_traps, fit_line_shapes, magnetoresistance
from hopnet.spin.hyperfine import overhauser_fields
from hopnet.spin.kinetics import solve_kinetics
from hopnet.spin.memory import spin_relaxation
from hopnet.transport.current import solve_current

__all__ = ["lattice_line_shapes", "measure"]

FORM = np.array([[0.0, 1.0], [0.6, 0.0]])
# External fields of the lineshapes, in units of the strength of the nuclear fields.
EXTERNAL = np.geomspace(0.25, 100.0, 10)
# A square lattice with one rate: links to nearest neighbours only, spacing 4 a_b.
SPACING, LINK = 4.0, 4.2


def measure(
    n_sites: int = 500_000,
    density: float = 0.01,
    strengths: tuple[Any, ...] = (1e-4, 1e-3, 1e-2),
    tau_s: float = 1e4,
    memory_sites: int = 100_000,
    memory_density: float = 0.03,
    memory_strength: float = 0.01,
    trap_sites: int = 100_000,
    repeats: int = 3,
    lattices: int = 20,
    threads: int | None = None,
) -> list[dict[str, Any]]:
    """Rows of the bench table.

    Parameters
    ----------
    n_sites, density : int, float
        Sample of the steady states.
    strengths : sequence of float, in 1/tau_0
        Strengths of the nuclear fields.
    tau_s : float, in tau_0
    memory_sites, memory_density, memory_strength : int, float, float
        Sample of P(t) over ten decades; 0 sites leave it out.
    trap_sites : int
        Sites at n_s a_b^2 = 0.1 with 20 % traps, for one field; 0 leaves them out.
    repeats : int
    lattices : int
        Lattice samples whose magnetoresistance is fitted by both laws; 0 leaves them out.
    threads : int, optional

    Returns
    -------
    list of dict
    """
    network = build_network(random_sites(n_sites, density=density, seed=1, geometry="cylinder"))
    current = solve_current(network, threads=threads)
    rows = []
    for strength in strengths:
        field = overhauser_fields(network, strength, seed=2)
        found: dict[str, Any] = {}

        def full(field=field, found=found):
            found["spins"] = solve_kinetics(
                network,
                0.013 * FORM,
                eta=6.58e-3,
                tau_s=tau_s,
                field=field,
                current=current,
                threads=threads,
            )

        stages = {"spins": full, "current": lambda: solve_current(network, threads=threads)}
        seconds = paired(stages, repeats=repeats)
        rows.append(
            row(
                f"steady state in fields N={n_sites} strength={strength:g}",
                seconds["spins"],
                "Kirchhoff's laws",
                seconds["current"],
                iterations=found["spins"].iterations,
                row_residual=found["spins"].residual,
                peak_MB=peak_apart("nuclei", "solve_once", n_sites, density, strength, tau_s),
            )
        )
    if memory_sites:
        rows += memory_rows(memory_sites, memory_density, memory_strength, threads)
    if trap_sites:
        rows.append(trap_row(trap_sites, threads))
    if lattices:
        rows += lattice_line_shapes(lattices)
    return rows


def solve_once(n_sites, density, strength, tau_s):
    """Solve once in this process and print its peak memory, network and current included, in MB."""
    network = build_network(
        random_sites(int(n_sites), density=density, seed=1, geometry="cylinder")
    )
    current = solve_current(network)
    field = overhauser_fields(network, strength, seed=2)
    options = {"eta": 6.58e-3, "tau_s": tau_s, "field": field, "current": current}
    print_peak(lambda: solve_kinetics(network, 0.013 * FORM, **options))


def memory_rows(n_sites, density, strength, threads):
    """P(t) over ten decades without an external field, along and across one."""
    network = build_network(random_sites(n_sites, density=density, seed=3, geometry="cylinder"))
    nuclei = overhauser_fields(network, strength, seed=5)
    rows = []
    for name, external in (("no", (0, 0, 0)), ("field along", (0, 0, 3)), ("across", (3, 0, 0))):
        begin = time.perf_counter()
        found = spin_relaxation(
            network,
            np.geomspace(1.0, 1e10, 41),
            field=nuclei + strength * np.array(external, float),
            threads=threads,
        )
        rows.append(
            {
                "what": f"P(t), ten decades N={n_sites}, {name} external field",
                "seconds_min": time.perf_counter() - begin,
                "numerical_error": float(found.numerical_error.max()),
            }
        )
    rows[0]["peak_MB"] = peak_apart("nuclei", "relax_once", n_sites, density, strength)
    return rows


def relax_once(n_sites, density, strength):
    """P(t) once in this process; print its peak memory, network included, in MB."""
    network = build_network(
        random_sites(int(n_sites), density=density, seed=3, geometry="cylinder")
    )
    field = overhauser_fields(network, strength, seed=5)
    print_peak(lambda: spin_relaxation(network, np.geomspace(1.0, 1e10, 41), field=field))


def trap_row(n_sites, threads):
    """Meshes of 20 % traps in one field."""
    network = build_network(random_sites(n_sites, density=0.1, seed=1))
    trap = choose_traps(network, 0.2, seed=2)
    field = overhauser_fields(network, 0.01, seed=3)
    block_spins(network, trap[:10], field=field, threads=threads)  # compiles
    begin = time.perf_counter()
    found = block_spins(network, trap, field=field, threads=threads)
    return {
        "what": f"meshes of {trap.size} traps, one field N={n_sites}",
        "seconds_min": time.perf_counter() - begin,
        "negative_entries": found.n_negative,
        "most_negative": found.most_negative,
    }


def lattice(side: int) -> Network:
    """A square lattice in which all hops have one rate."""
    return build_network(lattice_sites("square", side, side, spacing=SPACING), cutoff_radius=LINK)


def lattice_line_shapes(n_samples: int = 20, side: int = 24) -> list[dict[str, Any]]:
    """Fits of both laws to the magnetoresistance of lattices, mean over traps and fields.

    Parameters
    ----------
    n_samples : int
    side : int
        Sites along each side of the lattice.

    Returns
    -------
    list of dict
        For each strength over the hop rate: mean and standard error of the largest
        magnetoresistance, and the residuals of both fits of the mean curve, over its largest value.
    """
    network, rate = lattice(side), np.exp(-2.0 * SPACING)
    rows = []
    for ratio in (100.0, 10.0, 1.0):
        strength = ratio * rate
        curves = np.array(
            [
                magnetoresistance(
                    network,
                    choose_traps(network, 0.2, seed=100 + k),
                    strength * EXTERNAL,
                    field=overhauser_fields(network, strength, seed=k),
                ).change
                for k in range(n_samples)
            ]
        )
        mean = curves.mean(axis=0)
        lorentzian, cusp = fit_line_shapes(EXTERNAL, mean)
        largest = curves[:, -1]
        rows.append(
            {
                "what": f"lattice, strength / hop rate = {ratio:g}, {n_samples} samples",
                "largest": float(largest.mean()),
                "largest_standard_error": float(largest.std(ddof=1) / np.sqrt(n_samples)),
                "lorentzian_residual": lorentzian.residual,
                "lorentzian_width": lorentzian.width,
                "cusp_residual": cusp.residual,
                "cusp_width": cusp.width,
            }
        )
    return rows
