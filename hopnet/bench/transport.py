"""Linear response beside Kirchhoff's laws: what the solved network gives at little more cost."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from hopnet.bench import paired, row
from hopnet.elimination.symbolic import analyse
from hopnet.elimination.symmetric import Factor, factor
from hopnet.errors import ValidityWarning
from hopnet.network.build import build_network
from hopnet.network.energies import with_energies
from hopnet.network.network import INNER
from hopnet.network.sites import random_sites
from hopnet.transport.admittance import admittance_model
from hopnet.transport.current import Current, solve_current
from hopnet.transport.response import (
    activation_energy,
    effective_links,
    link_response,
    mean_hop,
    noise,
    shrinkage,
    site_response,
    strain_response,
)
from hopnet.transport.terminals import solve_terminals
from hopnet.transport.thermopower import peltier_heat

__all__ = ["measure"]

# Frequencies of the spectrum, over six decades.
N_FREQUENCIES = 41
DECADES = 6.0


def measure(
    n_sites: int = 500_000,
    n_spectrum: int = 100_000,
    density: float = 0.01,
    cutoff_radius: float | None = None,
    repeats: int = 3,
    threads: int | None = None,
) -> list[dict[str, Any]]:
    """Rows of the bench table.

    Parameters
    ----------
    n_sites, n_spectrum : int
        Sizes of the sample of the link response, and of the sample of the spectrum and of the
        terminals.
    density : float
        Density of both.
    cutoff_radius : float, in a_b, optional
        Longest link; by default l_c + 6 a_b.
    repeats : int
    threads : int, optional

    Returns
    -------
    list of dict
        The order of elimination and the current are computed before and not timed. The aims: each
        response takes at most 0.2 of the time of `solve_current`, 41 frequencies at most that of
        8 complex factors, any number of terminals that of one factor. A ratio below 1 reaches the
        aim. On a machine that others use, the ratio of the minima is the safer one. The spectrum
        consists of real factors. Their bare time is compared with that of 8 bare complex factors,
        and the whole spectrum (factors, solutions, projections) with 8 complex factors that have
        one solution each.
    """
    warnings.simplefilter("ignore", ValidityWarning)
    found = response_rows(n_sites, density, cutoff_radius, repeats, threads)
    return found + spectrum_rows(n_spectrum, density, repeats, threads)


def response_rows(
    n_sites: int, density: float, cutoff_radius: float | None, repeats: int, threads: int | None
) -> list[dict[str, Any]]:
    """The children of the link response, each beside 0.2 of Kirchhoff's laws."""
    sites = with_energies(random_sites(n_sites, density=density, seed=1), width=1.0, seed=2)
    radius = cutoff_radius or 1.19847 / np.sqrt(density) + 6.0
    network = build_network(sites, cutoff_radius=radius, kT=0.1, chemical_potential=0.0)
    network.dissection  # noqa: B018  (made here: its time is not part of any row)
    current: Current = solve_current(network, threads=threads)
    network.distance  # noqa: B018
    change = network.distance
    children = {
        "link_response": lambda: link_response(current, change),
        "activation_energy": lambda: activation_energy(current),
        "shrinkage": lambda: shrinkage(current),
        "strain_response": lambda: strain_response(current),
        "site_response": lambda: site_response(current),
        "noise": lambda: noise(current),
        "mean_hop": lambda: mean_hop(current),
        "effective_links": lambda: effective_links(current),
        "peltier_heat": lambda: peltier_heat(current),
    }
    solve = {"current": lambda: solve_current(network, threads=threads)}
    seconds = paired(solve | children, repeats=repeats)
    aim = [0.2 * s for s in seconds["current"]]
    rows = [row(f"Kirchhoff's laws N={n_sites} density={density:g}", seconds["current"])]
    for name in children:
        least = min(seconds[name]) / min(aim)
        rows.append(row(name, seconds[name], "0.2 Kirchhoff", aim, ratio_of_minima=least))
    return rows


def spectrum_rows(
    n_sites: int, density: float, repeats: int, threads: int | None
) -> list[dict[str, Any]]:
    """The spectrum beside complex factors, and many terminals beside two."""
    sites = random_sites(n_sites, density=density, seed=3)
    network = build_network(sites)
    network.dissection  # noqa: B018
    current = solve_current(network, threads=threads)
    slowest = current.conductance
    symbolic = analyse(network.dissection, network.link_i, network.link_j, network.terminals)
    excess = slowest * np.where(network.terminals == INNER, 1.0, 0.0)
    omega = np.geomspace(slowest, slowest * 10**DECADES, N_FREQUENCIES)
    made: dict[str, Any] = {}

    def one(shift: np.ndarray) -> Factor:
        return factor(symbolic, network.conductance, shift, threads=threads)

    def spectrum() -> None:
        model = admittance_model(network, omega[0], omega[-1], current=current, threads=threads)
        made["error"] = float(np.max(model.numerical_error(1j * omega) / abs(model(1j * omega))))
        made["poles"] = int(model.model.pole.size)

    groups = np.array_split(np.random.default_rng(4).permutation(n_sites)[:32], 16)
    few = [group.tolist() for group in groups[:2]]
    many = [group.tolist() for group in groups]
    seconds = paired(
        {
            "real": lambda: one(excess),
            "complex": lambda: one(1j * excess),
            "solved": lambda: one(1j * excess).solve(excess + 0j),
            "spectrum": spectrum,
            "two": lambda: solve_terminals(network, few, threads=threads),
            "sixteen": lambda: solve_terminals(network, many, threads=threads),
        },
        repeats=repeats,
    )
    poles = made["poles"]

    def beside(what: str, name: str, times: int, other: str, number: int, label: str, **more: Any):
        """A row for ``times`` calls of one kind beside ``number`` calls of another."""
        mine, theirs = (
            np.multiply(t, seconds[n]).tolist() for t, n in ((times, name), (number, other))
        )
        return row(what, mine, label, theirs, ratio_of_minima=min(mine) / min(theirs), **more)

    return [
        row(f"one complex factor N={n_sites} density={density:g}", seconds["complex"]),
        beside("one real factor", "real", 1, "complex", 1, "one complex factor"),
        beside(f"{poles} real factors", "real", poles, "complex", 8, "8 complex factors"),
        beside(
            f"spectrum of {N_FREQUENCIES} frequencies over {DECADES:g} decades",
            "spectrum",
            1,
            "solved",
            8,
            "8 complex factors with solutions",
            poles=poles,
            relative_error=made["error"],
        ),
        row("two terminals", seconds["two"]),
        beside("sixteen terminals", "sixteen", 1, "two", 1, "two terminals"),
    ]
