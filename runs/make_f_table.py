"""Make hopnet/spin/f_table.csv from the results of f_surface.toml, f_margin.toml and f_zero.toml.

    hopnet run runs/f_surface.toml --out results/f_surface
    hopnet run runs/f_margin.toml --out results/f_margin
    hopnet run runs/f_zero.toml --out results/f_zero
    python runs/make_f_table.py results/f_surface results/f_margin results/f_zero

More runs of cylinders with tau_s = 0 may follow, of any number of sites: the table that ships also
has finite_size.toml and dilute_size.toml. f in the bulk normalisation does not depend on the size.
Runs that were stopped count with the samples they have (`hopnet collect DIR` first).

f(0) of these runs serves as a control variate: let beta be the slope of f(tau_s) against f(0) over
the samples of the surface. Then f(tau_s) - beta (f(0) - its mean over all runs) has a mean that
scatters less than that of f(tau_s). The second run gives what longer links add, from the same
samples with a margin of 6 and of 10 a_b. The error of the cutoff that remains is stated as a tenth
of what was added, and the scatter of what was added: links beyond 10 a_b add about a hundredth.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from hopnet.ensemble import read_results
from hopnet.ensemble.config import read_config

TARGET = Path(__file__).parents[1] / "hopnet" / "spin" / "f_table.csv"
NAMES = {"cylinder": "bulk", "open": "open"}
N_SITES = 20_000  # of f_surface.toml
MARGINS = (6.0, 10.0)  # in a_b, of f_margin.toml
REMAINING = 0.1  # share of the difference of both margins that is stated as error


def by_sample(rows, name):
    """float64[n_samples, n_tau_s]."""
    return rows.pivot(index="sample", columns="tau_s", values=name).to_numpy()


def done(directory):
    """The samples of a run that could be computed."""
    rows = read_results(directory)
    return rows[rows["status"] == "done"]


def f_at_zero(directory):
    """density, f(0) and the number of sites of all samples of a run of cylinders."""
    config = read_config(Path(directory) / "run.toml")
    for point in config.points():
        kept = point.physical["sites.geometry"], point.physical["network.cutoff_margin"]
        if (*kept, point.normalisation) != ("cylinder", MARGINS[0], "bulk"):
            sys.exit(f"{directory} is not a run of cylinders with the default cutoff.")
    rows = done(directory)
    rows = rows[rows["tau_s"] == 0.0]
    n_sites = (rows["density"] * rows["length"] * rows["width"]).round()
    return pd.DataFrame({"density": rows["density"], "f": rows["f"], "n_sites": n_sites})


def mean_of_sizes(f, n_sites):
    """Mean of f over samples of different size, its variance, and the number of sites."""
    weight = n_sites / n_sites.sum()  # the variance of a sample falls as 1 / n_sites
    mean = weight @ f
    variance = n_sites @ (f - mean) ** 2 / (f.size - 1) / n_sites.sum()
    return mean, variance, n_sites.sum()


def beyond_the_margin(margins, geometry, density):
    """What longer links add to f at each tau_s, and its error; None if it was not computed."""
    margins = margins[np.isclose(margins["sites.density"], density)]
    margins = margins[margins["sites.geometry"] == geometry]
    near, far = (by_sample(margins[margins["network.cutoff_margin"] == m], "f") for m in MARGINS)
    n = min(near.shape[0], far.shape[0])
    if n < 2:
        return None
    added = far[:n] - near[:n]
    scatter = added.std(axis=0, ddof=1) / np.sqrt(n)
    return added.mean(axis=0), np.hypot(scatter, REMAINING * np.abs(added.mean(axis=0)))


def table_rows(geometry, density, rows, zero, margins):
    """The rows of one point of the surface."""
    tau_s = np.unique(rows["tau_s"])
    value, cutoff = by_sample(rows, "f"), by_sample(rows, "f_cutoff_error").mean(axis=0)
    n = value.shape[0]
    own = value[:, 0]
    zero = zero[np.isclose(zero["density"], density)]
    if geometry == "open":  # has its own f(0): sites at the edges have fewer triads
        zero = zero[:0]
    f_zero = np.concatenate([own, zero["f"]])
    sizes = np.concatenate([np.full(n, float(N_SITES)), zero["n_sites"]])
    at_zero, variance_at_zero, n_sites_at_zero = mean_of_sizes(f_zero, sizes)
    spread = own - own.mean()
    beta = spread @ (value - value.mean(axis=0)) / (spread @ spread)
    mean = value.mean(axis=0) + beta * (at_zero - own.mean())
    rest = value - value.mean(axis=0) - np.outer(spread, beta)
    variance = (rest**2).sum(axis=0) / max(n - 2, 1) / n + beta**2 * variance_at_zero
    added = beyond_the_margin(margins, geometry, density)
    if added is not None:
        mean, cutoff = mean + added[0], added[1]
    return pd.DataFrame(
        {
            "geometry": NAMES[geometry],
            "density": density,
            "tau_s": tau_s,
            "f": mean,
            "standard_error": np.sqrt(variance),
            "cutoff_error": cutoff,
            "n_sites": N_SITES,
            "n_samples": n,
            "n_samples_at_zero": round(n_sites_at_zero / N_SITES),
        }
    )


def main(surface, margins, *zero):
    """Read the results and write the table."""
    surface, margins = done(surface), done(margins)
    at_zero = pd.concat([f_at_zero(directory) for directory in zero])
    parts = [
        table_rows(geometry, density, rows, at_zero, margins)
        for (geometry, density), rows in surface.groupby(["sites.geometry", "sites.density"])
    ]
    table = pd.concat(parts, ignore_index=True)
    with TARGET.open("w", encoding="utf-8", newline="\n") as file:
        file.write("# f(n_s, tau_s): see hopnet.f_table; made by runs/make_f_table.py\n")
        table.to_csv(file, index=False, float_format="%.6g", lineterminator="\n")
    print(f"{len(table)} rows in {TARGET}")


if __name__ == "__main__":
    main(*sys.argv[1:])
