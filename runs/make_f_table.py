"""Make hopnet/spin/f_table.csv from the results of f_surface.toml, f_zero.toml and f_margin.toml.

    hopnet run runs/f_surface.toml --out results/f_surface
    hopnet run runs/f_zero.toml --out results/f_zero
    hopnet run runs/f_margin.toml --out results/f_margin
    python runs/make_f_table.py results/f_surface results/f_zero results/f_margin

Runs that were stopped count with the samples they have (`hopnet collect DIR` first).

f(0) of the second run serves as a control variate: with beta the slope of f(tau_s) against f(0)
over samples, the mean of f(tau_s) - beta (f(0) - its mean over both runs) scatters less than that
of f(tau_s). The third run gives what longer links add, from the same samples with a margin of 6 and
of 10 a_b. The error of the cutoff that remains is taken as a tenth of what was added: it is much
less, exp(-2 * 10) against exp(-2 * 6). Where the third run has no samples, below
n_s a_b^2 = 0.01, nothing is added, and the error is the estimate of hopnet.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from hopnet.ensemble import read_results

TARGET = Path(__file__).parents[1] / "hopnet" / "spin" / "f_table.csv"
NAMES = {"cylinder": "bulk", "open": "open"}
N_SITES = 20_000  # of all three run files
MARGINS = (6.0, 10.0)  # in a_b, of f_margin.toml
REMAINING = 0.1  # share of the difference of both margins that is stated as error


def by_sample(rows, name):
    """float64[n_samples, n_tau_s]."""
    return rows.pivot(index="sample", columns="tau_s", values=name).to_numpy()


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
    own, more = value[:, 0], np.asarray(zero)
    both = np.concatenate([own, more])
    spread = own - own.mean()
    beta = spread @ (value - value.mean(axis=0)) / (spread @ spread)
    mean = value.mean(axis=0) + beta * (both.mean() - own.mean())
    rest = value - value.mean(axis=0) - np.outer(spread, beta)
    variance = (rest**2).sum(axis=0) / max(n - 2, 1) / n + beta**2 * both.var(ddof=1) / both.size
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
            "n_samples_at_zero": both.size,
        }
    )


def main(surface, zero, margins):
    """Read the three results and write the table."""
    surface, zero, margins = (
        rows[rows["status"] == "done"] for rows in map(read_results, (surface, zero, margins))
    )
    parts = []
    for (geometry, density), rows in surface.groupby(["sites.geometry", "sites.density"]):
        # Open samples have their own f(0): sites at the edges have fewer triads.
        same = zero.loc[np.isclose(zero["sites.density"], density) & (geometry == "cylinder"), "f"]
        parts.append(table_rows(geometry, density, rows, same, margins))
    table = pd.concat(parts, ignore_index=True)
    with TARGET.open("w", encoding="utf-8", newline="\n") as file:
        file.write("# f(n_s, tau_s): see hopnet.f_table; made by runs/make_f_table.py\n")
        table.to_csv(file, index=False, float_format="%.6g", lineterminator="\n")
    print(f"{len(table)} rows in {TARGET}")


if __name__ == "__main__":
    main(*sys.argv[1:])
