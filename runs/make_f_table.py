"""Make hopnet/spin/f_table.csv from the results of f_surface.toml and f_zero.toml.

    hopnet run runs/f_surface.toml --out results/f_surface
    hopnet run runs/f_zero.toml --out results/f_zero
    python runs/make_f_table.py results/f_surface results/f_zero

Runs that were stopped count with the samples they have (`hopnet collect DIR` first). f(0) of the
second run serves as a control variate: with beta the slope of f(tau_s) against f(0) over samples,
the mean of f(tau_s) - beta (f(0) - its mean over both runs) scatters less than that of f(tau_s).
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from hopnet.ensemble import read_results

TARGET = Path(__file__).parents[1] / "hopnet" / "spin" / "f_table.csv"
NAMES = {"cylinder": "bulk", "open": "open"}
N_SITES = 20_000  # of both run files


def by_sample(rows, name):
    """float64[n_samples, n_tau_s]."""
    return rows.pivot(index="sample", columns="tau_s", values=name).to_numpy()


def table_rows(geometry, density, rows, zero):
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


def main(surface, zero):
    surface, zero = read_results(surface), read_results(zero)
    surface = surface[surface["status"] == "done"]
    zero = zero[zero["status"] == "done"]
    parts = []
    for (geometry, density), rows in surface.groupby(["sites.geometry", "sites.density"]):
        # Open samples have their own f(0): sites at the edges have fewer triads.
        same = zero.loc[np.isclose(zero["sites.density"], density) & (geometry == "cylinder"), "f"]
        parts.append(table_rows(geometry, density, rows, same))
    table = pd.concat(parts, ignore_index=True)
    with TARGET.open("w", encoding="utf-8", newline="\n") as file:
        file.write("# f(n_s, tau_s): see hopnet.f_table; made by runs/make_f_table.py\n")
        table.to_csv(file, index=False, float_format="%.6g", lineterminator="\n")
    print(f"{len(table)} rows in {TARGET}")


if __name__ == "__main__":
    main(*sys.argv[1:])
