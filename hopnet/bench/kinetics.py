"""The full coupled equations beside Kirchhoff's laws, and beside a sparse LU where that fits."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from hopnet.bench import paired, peak_apart, print_peak, row
from hopnet.network.build import build_network
from hopnet.network.sites import random_sites
from hopnet.spin.kinetics import solve_kinetics
from hopnet.transport.current import solve_current

__all__ = ["measure"]

FORM = np.array([[0.0, 1.0], [0.6, 0.0]])


def measure(
    n_sites: int = 500_000,
    density: float = 0.01,
    angle: float = 0.013,
    strong_angle: float = 0.1,
    tau_s: tuple[Any, ...] = (1e2, 1e4, 1e6),
    eta: float = 6.58e-3,
    repeats: int = 3,
    matrix_sites: int = 3000,
    memory: bool = True,
    threads: int | None = None,
) -> list[dict[str, Any]]:
    """Rows of the bench table.

    Parameters
    ----------
    n_sites, density : int, float
    angle, strong_angle : float
        Half-angle of a hop of a_b along the direction of strongest coupling; the second one for
        rows in which spins act back on the current noticeably.
    tau_s : sequence of float, in tau_0
    eta : float
    repeats : int
    matrix_sites : int
        Sites of the sample on which the sparse LU of all 4N unknowns is timed; 0 leaves it out.
    memory : bool
        Also the peak memory of a process that holds network and current and solves once.
    threads : int, optional

    Returns
    -------
    list of dict
        With iterations, row residual and, against the matrix, the largest difference of a spin
        (at low density that is the rounding of the matrix).
    """
    network = build_network(random_sites(n_sites, density=density, seed=1))
    current = solve_current(network, threads=threads)
    rows = []
    for time in tau_s:
        options = {"eta": eta, "tau_s": time, "current": current, "threads": threads}
        cases: dict[str, tuple[float, dict[str, Any]]] = {
            "spins": (angle, {"feedback": False}),
            "spins and their feedback": (angle, {}),
            "the same, field along s": (angle, {"field": (0.0, 1.0 / time, 0.0)}),
            "the same, strong coupling": (strong_angle, {}),
        }
        found: dict[str, Any] = {}

        def full(name, options=options, found=found, cases=cases):
            strength, more = cases[name]
            found[name] = solve_kinetics(network, strength * FORM, **options, **more)

        stages: dict[str, Any] = {name: partial(full, name) for name in cases}
        stages["current"] = lambda: solve_current(network, threads=threads)
        seconds = paired(stages, repeats=repeats)
        for name in cases:
            rows.append(
                row(
                    f"{name} N={n_sites} tau_s={time:g}",
                    seconds[name],
                    "Kirchhoff's laws",
                    seconds["current"],
                    iterations=found[name].iterations,
                    row_residual=found[name].residual,
                )
            )
            if memory:
                strength, more = cases[name]
                rows[-1]["peak_MB"] = peak_apart(
                    "kinetics",
                    "solve_once",
                    n_sites,
                    density,
                    strength,
                    {"eta": eta, "tau_s": time, **more},
                )
    if matrix_sites:
        rows.append(
            beside_matrix(angle * FORM, matrix_sites, density, eta, tau_s[-1], repeats, threads)
        )
    return rows


def solve_once(n_sites, density, strength, options):
    """Solve once in this process and print its peak memory, network and current included, in MB."""
    network = build_network(random_sites(int(n_sites), density=density, seed=1))
    current = solve_current(network)
    print_peak(lambda: solve_kinetics(network, strength * FORM, current=current, **options))


def beside_matrix(matrix, n_sites, density, eta, tau_s, repeats, threads):
    """One row: frames against sparse LU on a sample that both can do."""
    network = build_network(random_sites(n_sites, density=density, seed=1))
    options = {"eta": eta, "tau_s": tau_s, "current": solve_current(network, threads=threads)}
    found = {}

    def solve(method):
        found[method] = solve_kinetics(network, matrix, method=method, **options)

    seconds = paired(
        {name: lambda name=name: solve(name) for name in ("frames", "matrix")}, repeats=repeats
    )
    difference = np.abs(found["frames"].spin - found["matrix"].spin).max()
    return row(
        f"spins and their feedback N={n_sites} tau_s={tau_s:g}",
        seconds["frames"],
        "sparse LU of 4N",
        seconds["matrix"],
        iterations=found["frames"].iterations,
        row_residual=found["frames"].residual,
        difference=float(difference / np.abs(found["matrix"].spin).max()),
    )
