"""Hanle curves by the reduced model beside a complex solve for each field; hops per second."""

from __future__ import annotations

from typing import Any

import numpy as np

from hopnet.bench import paired, row
from hopnet.network.build import build_network
from hopnet.network.energies import with_energies
from hopnet.network.sites import random_sites
from hopnet.spin.hanle import hanle_curve
from hopnet.spin.monte_carlo import walk
from hopnet.transport.current import solve_current

__all__ = ["measure"]


def measure(
    n_sites: int = 20_000,
    density: float = 0.02,
    tau_s: float = 1e3,
    n_fields: int = 101,
    carriers: int = 2000,
    time: float = 30_000.0,
    repeats: int = 3,
    threads: int | None = None,
) -> list[dict[str, Any]]:
    """Rows of the bench table.

    Parameters
    ----------
    n_sites, density : int, float
        Size and density of the sample of the Hanle curves.
    tau_s : float, in tau_0
    n_fields : int
    carriers : int
        Number of carriers with spin on a torus of 150 sites, at kT of one band width.
    time : float, in tau_0
        Time for which they hop.
    repeats : int
    threads : int, optional

    Returns
    -------
    list of dict
        With the largest difference of the two curves; with hops a second on one core.
    """
    network = build_network(random_sites(n_sites, density=density, seed=1))
    current = solve_current(network, threads=threads)
    field = np.linspace(0.0, 10.0, n_fields) / tau_s
    found = {}

    def curve(method):
        found[method] = hanle_curve(
            network, tau_s, field, current=current, method=method, threads=threads
        )

    seconds = paired(
        {name: lambda name=name: curve(name) for name in ("model", "exact")}, repeats=repeats
    )
    difference = max(
        np.abs(getattr(found["model"], law) - getattr(found["exact"], law)).max()
        for law in ("field_along", "field_across")
    )
    hanle = row(
        f"Hanle curve of {n_fields} fields N={n_sites} density={density:g}",
        seconds["model"],
        f"{n_fields} complex factors",
        seconds["exact"],
        difference=float(difference),
    )

    torus = random_sites(150, density=0.1, seed=61, geometry="torus", min_distance=2.0)
    small = build_network(with_energies(torus, width=1.0, seed=62), kT=1.0)
    spin_orbit = [[0.0, 0.06], [-0.04, 0.0]]
    hopping = paired(
        {"walk": lambda: walk(small, [time], n_carriers=carriers, seed=3, spin_orbit=spin_orbit)},
        repeats=repeats,
    )["walk"]
    rate = 2 * np.exp(small.log_conductance).sum() / np.exp(small.log_occupation).sum()
    n_hops = rate * time * carriers  # the mean, from equilibrium
    return [
        hanle,
        row(
            f"{carriers} carriers with spin, {n_hops:.2g} hops",
            hopping,
            hops_per_second=float(n_hops / min(hopping)),
        ),
    ]
