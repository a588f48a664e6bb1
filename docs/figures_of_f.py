"""The figures of the table of f and of the size of the sample, for README and docs.

Run it to draw docs/_static/f_table.png and f_size.png again: python docs/figures_of_f.py

f_table.png shows `hopnet.f_table`. f_size.png shows the stored means of runs/finite_size.toml and
runs/finite_size_letter.toml, the same samples in both normalisations.
"""

from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

import hopnet as hn
from hopnet.plots.frame import BLUE, RED, finish

STATIC = Path(__file__).parent / "_static"
# The contact strips lower the letter's f by STRIPS / sqrt(N) of itself; measured at 0.02.
STRIPS = 3.04
RESULTS = Path(__file__).parents[1] / "runs" / "results"


def draw_times(axes, table):
    """f against tau_0 / tau_s: the bulk with its errors; dashed: open samples."""
    densities = np.sort(table["density"].unique())[::-1]
    shown = table[(table["tau_s"] > 0) & np.isfinite(table["tau_s"])]
    for density, shade in zip(densities, np.linspace(0.0, 0.88, densities.size)):
        colour = matplotlib.colormaps["viridis"](shade)
        for geometry, style in (("bulk", "-"), ("open", "--")):
            rows = shown[(shown["geometry"] == geometry) & (shown["density"] == density)]
            label = f"{density:g}" if geometry == "bulk" else None
            times = np.geomspace(rows["tau_s"].min(), rows["tau_s"].max(), 120)
            found = [hn.f(density, tau_s, geometry).value for tau_s in times]
            axes.plot(1.0 / times, found, style, color=colour, label=label, linewidth=1.3)
            if geometry == "bulk":
                error = np.hypot(rows["standard_error"], rows["cutoff_error"])
                axes.errorbar(1.0 / rows["tau_s"], rows["f"], error, fmt=".", ms=3, color=colour)
    axes.plot([], [], "--", color="0.4", label="open, 2e4 sites")
    axes.set(
        xscale="log",
        ylim=(0, None),
        xlabel=r"$\tau_0/\tau_s$",
        ylabel=r"$f(n_s, \tau_s)$",
    )
    axes.legend(title=r"$n_s a_b^2$ (bulk)", fontsize=8, title_fontsize=9)
    finish(axes)


def draw_densities(axes, table):
    """f against the density at some times, with the interpolation of `hopnet.f`."""
    bulk = table[table["geometry"] == "bulk"]
    densities = np.geomspace(bulk["density"].min(), bulk["density"].max(), 80)
    times = (0.0, 1e2, 1e4, np.inf)
    for tau_s, shade in zip(times, (0.0, 0.3, 0.6, 0.85)):
        colour = matplotlib.colormaps["plasma"](shade)
        rows = bulk[bulk["tau_s"] == tau_s]
        name = {0.0: "0", 1e2: "10^2", 1e4: "10^4", np.inf: r"\infty"}[tau_s]
        error = np.hypot(rows["standard_error"], rows["cutoff_error"])
        axes.errorbar(
            rows["density"], rows["f"], error, fmt="o", ms=4, color=colour, label=f"${name}$"
        )
        found = [hn.f(density, tau_s).value for density in densities]
        axes.plot(densities, found, color=colour, linewidth=1)
    axes.set(xscale="log", ylim=(0, 2.2), xlabel=r"$n_s a_b^2$", ylabel=r"$f(n_s, \tau_s)$, bulk")
    axes.legend(title=r"$\tau_s/\tau_0$", fontsize=9, loc=(0.36, 0.21))
    finish(axes)


def draw_size(axes, tau_s):
    """f against the number of sites in both normalisations."""
    limit = 0.0
    for folder, name, colour in (
        ("finite_size", "bulk", BLUE),
        ("finite_size_letter", "letter", RED),
    ):
        rows = pd.read_csv(RESULTS / folder / "statistics.csv", comment="#")
        rows = rows[rows["tau_s"] == tau_s]
        n_sites, f, error = (rows[key] for key in ("sites.n_sites", "f", "f_standard_error"))
        axes.errorbar(n_sites, f, error, fmt="o", ms=4, capsize=2, color=colour, label=name)
        if name == "bulk":
            limit = np.average(f, weights=1 / error**2)
        n = np.geomspace(n_sites.min(), n_sites.max(), 60)
        curve = limit * (1 - STRIPS / np.sqrt(n)) if name == "letter" else np.full(n.size, limit)
        what = r"$f_\infty\,(1 - 3.04/\sqrt{N})$" if name == "letter" else "mean of all sizes"
        axes.plot(n, curve, "-", color=colour, linewidth=1, label=what)
    time = r"\tau_s = 0" if tau_s == 0 else r"\tau_s = 10^4\,\tau_0"
    axes.set(
        xscale="log", xlabel="$N$, number of sites", ylabel=rf"$f$ at $n_s a_b^2 = 0.02$, ${time}$"
    )
    axes.legend(fontsize=9)
    finish(axes)


def main():
    """Draw both figures and write the files."""
    table = hn.f_table()
    figure = Figure(figsize=(10.4, 4.6), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1.12, 1))
    draw_times(left, table)
    draw_densities(right, table)
    figure.savefig(STATIC / "f_table.png", dpi=110)
    figure = Figure(figsize=(9.6, 3.9), layout="constrained")
    for axes, tau_s in zip(figure.subplots(1, 2), (0.0, 1e4)):
        draw_size(axes, tau_s)
    figure.savefig(STATIC / "f_size.png", dpi=110)


if __name__ == "__main__":
    main()
