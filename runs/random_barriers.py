"""Random barriers: conductivity against frequency on one curve, for strong disorder.

Bonds of a square lattice have ln g = -lambda x, x uniform between 0 and 1, and all sites the same
capacity. For strong disorder the conductivity relative to its static value is one function of
s / s_0, where only s_0 depends on lambda (the random-barrier model, J. C. Dyre and T. B. Schroder,
Rev. Mod. Phys. 72, 873 (2000)). This script computes the curves at real rates s (Laplace), where
every term is accurate relative to itself, shifts each curve along ln s onto that of the strongest
disorder, and states the largest deviation between 1.2 and 400 times the static value.

    python runs/random_barriers.py --side 120 --samples 6 --out runs/results/random_barriers

takes about two minutes and writes ``curves.csv``, ``shifts.csv`` and ``curves.png``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.interpolate import PchipInterpolator
from scipy.optimize import minimize_scalar

import hopnet as hn
from hopnet.network.neighbours import find_links
from hopnet.plots.frame import BLACK, BLUE, GREEN, RED, finish, new_figure, save_figure

STRENGTHS = (30.0, 50.0, 80.0)
RATES = np.logspace(-6, 8, 29)  # s over the static conductance
COMPARED = (1.2, 400.0)  # range of sigma(s) / sigma(0) in which curves are compared


def barrier_network(strength: float, side: int, seed: int) -> hn.Network:
    """A cylinder of random barriers between two columns of sites."""
    sites = hn.lattice_sites("square", side, side, spacing=4.0, geometry="cylinder")
    i, j = find_links(sites, 4.1)
    x = np.random.default_rng(seed).random(i.size)
    column = sites.position[:, 0]
    contacts = np.flatnonzero(column < 4.0), np.flatnonzero(column > column.max() - 2.0)
    return hn.network_from_links(sites, i, j, -strength * x, contacts=contacts)


def curve(strength: float, side: int, samples: int) -> np.ndarray:
    """ln of sigma(s) / sigma(0) at `RATES`, the mean over samples."""
    found = []
    for seed in range(samples):
        network = barrier_network(strength, side, seed)
        static = hn.solve_current(network).conductance
        value = hn.admittance(network, RATES * static, real=True)
        found.append(np.log(value / static))
    return np.mean(found, axis=0)


def shifted(one: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """The shift along ln s that puts ``one`` onto ``other``, and the largest deviation left."""
    log_s = np.log(RATES)
    reference = PchipInterpolator(log_s, other)
    used = (one > np.log(COMPARED[0])) & (one < np.log(COMPARED[1]))

    def deviation(shift: float) -> float:
        at = log_s[used] + shift
        inside = (at >= log_s[0]) & (at <= log_s[-1])
        return float(np.abs(reference(at[inside]) - one[used][inside]).max(initial=0.0))

    starts = np.linspace(-4, 4, 33)
    best = starts[int(np.argmin([deviation(s) for s in starts]))]
    found = minimize_scalar(deviation, bounds=(best - 0.3, best + 0.3), method="bounded")
    return float(found.x), float(found.fun)


def main() -> None:
    """Compute, compare and draw the curves."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--side", type=int, default=120)
    parser.add_argument("--samples", type=int, default=6)
    parser.add_argument("--out", type=Path, default=Path("runs/results/random_barriers"))
    chosen = parser.parse_args()
    curves = {s: curve(s, chosen.side, chosen.samples) for s in STRENGTHS}
    strongest = curves[STRENGTHS[-1]]
    rows = []
    figure = new_figure(6.0, 4.6)
    axes = figure.add_subplot()
    for (strength, values), colour in zip(curves.items(), (GREEN, BLUE, RED)):
        shift, deviation = shifted(values, strongest)
        rows.append({"lambda": strength, "shift": shift, "deviation": deviation})
        label = rf"$\lambda$ = {strength:g}, deviation {100 * deviation:.1f} %"
        axes.loglog(RATES * np.exp(shift), np.exp(values), "o-", ms=3, color=colour, label=label)
    sigma = np.exp(strongest)
    axes.loglog(
        sigma * np.log(sigma), sigma, "--", color=BLACK, lw=1, label=r"$\sigma\ln\sigma = s$ (Dyre)"
    )
    axes.set_xlabel(r"$s\,/\,s_0$ (shifted onto $\lambda$ = 80)")
    axes.set_ylabel(r"$\sigma(s)\,/\,\sigma(0)$")
    axes.set_xlim(1e-4, 1e8)
    axes.legend(frameon=False, fontsize=8)
    finish(axes)
    chosen.out.mkdir(parents=True, exist_ok=True)
    table = pd.DataFrame({"s_over_sigma": RATES})
    for strength, values in curves.items():
        table[f"sigma_at_{strength:g}"] = np.exp(values)
    table.to_csv(chosen.out / "curves.csv", index=False)
    pd.DataFrame(rows).to_csv(chosen.out / "shifts.csv", index=False)
    save_figure(figure, chosen.out / "curves.png")
    print(pd.DataFrame(rows).to_string(index=False))


if __name__ == "__main__":
    main()
