"""Strong fields: Newton against a fixed-point iteration, Monte Carlo, and the cost of a field.

The fixed-point iteration is that of Yu et al. (Phys. Rev. B 63, 085202 (2001)): every occupation is
replaced in turn by its balance with the newest values of its neighbours. It does not conserve the
number of carriers, so its current is compared with the exact one at the number that it ends with.
"""

from __future__ import annotations

import time
import warnings
from typing import Any

import numpy as np
from scipy.special import expit

from hopnet.bench import paired, peak_apart, print_peak, row
from hopnet.elimination.directed import factor_directed
from hopnet.elimination.symbolic import analyse
from hopnet.elimination.symmetric import factor
from hopnet.errors import ValidityWarning
from hopnet.kernels import fixed_point as kernels
from hopnet.kernels import walk as walk_kernels
from hopnet.network.build import build_network
from hopnet.network.energies import with_energies
from hopnet.network.network import Network
from hopnet.network.sites import critical_length, random_sites, sites_from_positions
from hopnet.seeds import random_stream
from hopnet.spin.monte_carlo import hop_rows, walk_block
from hopnet.transport.current import solve_current
from hopnet.transport.drift import Drift, solve_drift
from hopnet.transport.field_curve import voltage_curve
from hopnet.transport.tilted import energy_steps, log_overlap, log_rates

__all__ = ["measure", "rows_in_field"]

MILLER = "miller_abrahams"
# Spacing of the lattice in a_b, as in organic semiconductors with alpha a = 10.
SPACING = 10.0


def measure(
    side: int = 32,
    sweeps: int = 100_000,
    n_sites: int = 500_000,
    curve_sites: int = 100_000,
    walk_sites: int = 2000,
    n_carriers: int = 4000,
    repeats: int = 3,
    memory_sites: int = 500_000,
    threads: int | None = None,
) -> list[dict[str, Any]]:
    """Rows of the bench table.

    Parameters
    ----------
    side : int
        Side of the square lattice for blocking.
    sweeps : int
        Sweeps of the fixed-point iteration.
    n_sites : int
        Size of the sample whose directed and symmetric factors are timed.
    curve_sites : int
        Size of the sample whose curve over 30 voltages is timed.
    walk_sites, n_carriers : int
        Size of the sample of the Monte Carlo, and its carriers.
    repeats : int
    memory_sites : int
        Size of the sample whose peak memory is measured; 0 leaves it out.
    threads : int, optional

    Returns
    -------
    list of dict
    """
    warnings.simplefilter("ignore", ValidityWarning)
    rows = [
        line
        for sigma in (3.0, 6.0, 10.0)
        for c in (0.01, 0.5)
        for field in (0.01, 1.0)
        for line in beside_fixed_point(lattice(side, sigma), sigma, c, field, sweeps, threads)
    ]
    rows += beside_monte_carlo(walk_sites, n_carriers, threads)
    rows += cost_of_factor(n_sites, repeats, threads)
    rows += cost_of_curve(curve_sites, repeats, threads)
    if memory_sites:
        rows[-1]["peak_MB"] = peak_apart("field", "solve_once", memory_sites)
        rows[-1]["peak_sites"] = memory_sites
    return rows


def lattice(side: int, sigma: float) -> Network:
    """A square lattice on a torus with Gaussian energies, nearest neighbours."""
    x, y = np.divmod(np.arange(side * side), side)
    place = SPACING * (np.stack([x, y], axis=1) + 0.5)
    length = SPACING * side
    sites = sites_from_positions(place, length=length, width=length, geometry="torus")
    energy = sigma * np.random.default_rng(5).standard_normal(side * side)
    return build_network(
        with_energies(sites, energy), cutoff_radius=SPACING * (1 + 1e-9), kT=1.0, bath=MILLER
    )


def rows_in_field(network: Network, field: float) -> tuple[np.ndarray, np.ndarray]:
    """Rates out of the site of each row of the graph, and back, in a field along x.

    Parameters
    ----------
    network : Network
    field : float, in kT/(e a_b)

    Returns
    -------
    (float64[2 n_links], float64[2 n_links]), in 1/tau_0
    """
    step = energy_steps(network) - field * network.separation[:, 0]
    rates = log_rates(log_overlap(network), network.bath or MILLER, step)
    link = network.row_link
    origin = np.repeat(np.arange(network.n_sites), np.diff(network.row_start))
    forward = network.link_i[link] == origin
    going, coming = np.exp(rates.going[link]), np.exp(rates.coming[link])
    return np.where(forward, going, coming), np.where(forward, coming, going)


def beside_fixed_point(
    network: Network, sigma: float, c: float, field: float, sweeps: int, threads: int | None
) -> list[dict[str, Any]]:
    """Newton from equilibrium, and the fixed-point iteration, at one disorder and filling."""
    F = field / SPACING
    solve_drift(network, F, concentration=c, threads=threads)
    begin = time.perf_counter()
    drift = solve_drift(network, F, concentration=c, threads=threads)
    newton = time.perf_counter() - begin
    leaving, arriving = rows_in_field(network, F)
    unit = leaving.max()
    start = solve_drift(network, 1e-9, concentration=c, threads=threads)
    p = expit(np.array(start.log_odds))
    arguments = network.row_start, network.row_neighbour, leaving / unit, arriving / unit
    kernels.sweep_occupations(*arguments, 0, p.copy())
    begin = time.perf_counter()
    kernels.sweep_occupations(*arguments, sweeps, p)
    fixed = time.perf_counter() - begin
    number = float(p.sum())
    current = current_of(network, leaving, p)
    exact = solve_drift(network, F, concentration=number / network.n_sites, threads=threads)
    size = f"sigma={sigma:g} kT c={c:g} eFa={field:g} kT"
    name = f"Newton {size}"
    return [
        row(name, [newton], steps=drift.steps, imbalance=drift.imbalance, error=drift.residual),
        row(
            f"{sweeps} sweeps of Yu et al.",
            [fixed],
            name,
            [newton],
            error=abs(current / flow_of(exact) - 1.0),
            carriers_over_wanted=number / drift.n_carriers,
        ),
    ]


def current_of(network: Network, leaving: np.ndarray, p: np.ndarray) -> float:
    """sum over hops of p_i (1 - p_j) a_ij times the step along x."""
    origin = np.repeat(np.arange(network.n_sites), np.diff(network.row_start))
    link = network.row_link
    sign = np.where(network.link_i[link] == origin, 1.0, -1.0)
    step = sign * network.separation[link, 0]
    return float((p[origin] * (1.0 - p[network.row_neighbour]) * leaving) @ step)


def flow_of(drift: Drift) -> float:
    """Velocity times the number of carriers."""
    return drift.velocity * drift.n_carriers


def beside_monte_carlo(n_sites: int, n_carriers: int, threads: int | None) -> list[dict[str, Any]]:
    """Velocity of single carriers at e F l_c = kT, by elimination and by Monte Carlo."""
    density = 0.1
    sites = random_sites(n_sites, density=density, seed=4, geometry="torus", min_distance=0.5)
    network = build_network(sites, bath=MILLER, cutoff=1.5)
    F = 1.0 / critical_length(density)
    solve_drift(network, F, bath=MILLER, threads=threads)
    begin = time.perf_counter()
    drift = solve_drift(network, F, bath=MILLER, threads=threads)
    exact = time.perf_counter() - begin
    leaving, _ = rows_in_field(network, F)
    hops = hop_rows(network, np.zeros((2, 2)))
    running = leaving.copy()
    for i in range(network.n_sites):
        part = slice(network.row_start[i], network.row_start[i + 1])
        running[part] = np.cumsum(leaving[part])
    hops = hops._replace(running_rate=running)
    rate = float(
        drift.occupation
        @ np.bincount(np.repeat(np.arange(network.n_sites), np.diff(network.row_start)), leaving)
    )
    times = np.array([0.0, 2000.0 / rate])
    stream = random_stream(7)
    share = np.cumsum(drift.occupation)
    first = np.searchsorted(share / share[-1], stream.random(n_carriers), side="right")
    found = walk_kernels.Found(
        np.empty((n_carriers, 2), np.int64),
        np.empty((n_carriers, 2, 2)),
        np.empty((n_carriers, 2, 3)),
    )
    spin = np.array([0.0, 1.0, 0.0])
    walk_block(
        hops,
        times[:1],
        first[:1].copy(),
        spin,
        random_stream(8),
        np.inf,
        walk_kernels.Found(
            found.site[:1, :1].copy(), found.displacement[:1, :1].copy(), found.spin[:1, :1].copy()
        ),
    )
    begin = time.perf_counter()
    walk_block(hops, times, first, spin, stream, np.inf, found)
    seconds = time.perf_counter() - begin
    speed = found.displacement[:, 1, 0] / times[1]
    error = float(speed.std(ddof=1) / np.sqrt(n_carriers))
    # The error falls as one over the root of the time.
    to_percent = seconds * (error / drift.velocity / 0.01) ** 2
    name = f"drift velocity N={n_sites} density={density:g} eFl_c=1 kT"
    return [
        row(name, [exact], imbalance=drift.imbalance),
        row(
            f"Monte Carlo to 1 %, from {n_carriers} carriers",
            [to_percent],
            name,
            [exact],
            standard_deviations=float((speed.mean() - drift.velocity) / error),
        ),
    ]


def cost_of_factor(n_sites: int, repeats: int, threads: int | None) -> list[dict[str, Any]]:
    """The directed factor beside the symmetric one, on one symbolic analysis."""
    density = 0.01
    network = build_network(random_sites(n_sites, density=density, seed=1), cutoff=1.5)
    symbolic = analyse(network.dissection, network.link_i, network.link_j, network.terminals)
    g = network.conductance
    tilt = np.exp(0.01 * network.separation[:, 0])
    seconds = paired(
        {
            "symmetric": lambda: factor(symbolic, g, threads=threads),
            "directed": lambda: factor_directed(symbolic, g * tilt, g / tilt, threads=threads),
        },
        repeats=repeats,
    )
    least = min(seconds["directed"]) / min(seconds["symmetric"])
    return [
        row(f"symmetric factor N={n_sites} density={density:g}", seconds["symmetric"]),
        row(
            "directed factor",
            seconds["directed"],
            "symmetric factor",
            seconds["symmetric"],
            ratio_of_minima=least,
        ),
    ]


def cost_of_curve(n_sites: int, repeats: int, threads: int | None) -> list[dict[str, Any]]:
    """A curve over 30 voltages beside Kirchhoff's laws."""
    network = build_network(random_sites(n_sites, density=0.01, seed=1), cutoff=1.5)
    network.dissection  # noqa: B018  (made here: its time is not part of any row)
    voltages = np.geomspace(0.01, 100.0, 30)
    seconds = paired(
        {
            "current": lambda: solve_current(network, threads=threads),
            "curve": lambda: voltage_curve(network, voltages, bath=MILLER, threads=threads),
        },
        repeats=repeats,
    )
    least = min(seconds["curve"]) / min(seconds["current"])
    return [
        row(f"Kirchhoff's laws N={n_sites}", seconds["current"]),
        row(
            "current, every flow and drop at 30 voltages",
            seconds["curve"],
            "Kirchhoff's laws",
            seconds["current"],
            ratio_of_minima=least,
        ),
    ]


def solve_once(n_sites: int) -> None:
    """Print the peak memory of one voltage, for `hopnet.bench.peak_apart`."""
    network = build_network(random_sites(n_sites, density=0.01, seed=1), cutoff=1.5)
    print_peak(lambda: voltage_curve(network, [1.0], bath=MILLER))
