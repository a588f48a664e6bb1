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
scatters less than that of f(tau_s). The plateau f(inf) is a second control variate: it is the Hall
angle over n_s a_b^2, and the stored tables of hall_density.toml and hall_samples.toml hold its mean
over many sites.

The second run gives what longer links add, from the same samples with a margin of 6 and of 10 a_b.
The error of the cutoff that remains is stated as a tenth of what was added, and the scatter of what
was added: links beyond 10 a_b add about a hundredth.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from hopnet.ensemble import read_results
from hopnet.ensemble.config import read_config
from hopnet.network.sites import critical_length

RESULTS = Path(__file__).parent / "results"
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


def stored_plateaus():
    """density, f(inf) and number of sites of stored Hall angles; ``short``: a margin of 6 a_b."""
    found = []
    for name in ("hall_density", "hall_samples"):
        table = pd.read_csv(RESULTS / name / "statistics.csv", comment="#")
        for point, row in zip(
            read_config(RESULTS / name / "run.toml").points(), table.itertuples()
        ):
            density, n_sites = point.physical["sites.density"], point.physical["sites.n_sites"]
            l_c, factor = critical_length(density), point.physical["network.cutoff"]
            radius = factor * l_c if factor else point.physical["network.cutoff_radius"]
            if radius - l_c > MARGINS[0] - 0.01:
                short = radius - l_c < MARGINS[0] + 1.0
                found.append((density, row.hall_tangent / density, row.n_done * n_sites, short))
    return pd.DataFrame(found, columns=["density", "f", "n_sites", "short"])


def mean_of_sizes(own, others, n_sites, each_is_a_sample):
    """Mean over the samples of the surface and other values of f, its variance, number of sites.

    ``others`` are samples of ``n_sites`` sites, or means over as many. The variance of a mean is
    taken to fall as one over its number of sites; the scatter is that of the samples.
    """
    f = np.concatenate([own, others])
    weight = np.concatenate([np.full(own.size, float(N_SITES)), n_sites])
    mean = weight @ f / weight.sum()
    n = f.size if each_is_a_sample else own.size
    of_one_site = weight[:n] @ (f[:n] - mean) ** 2 / (n - 1)
    return mean, of_one_site / weight.sum(), weight.sum()


def beyond_the_margin(margins, geometry, density):
    """What longer links add to f at each tau_s, and its error."""
    margins = margins[np.isclose(margins["sites.density"], density)]
    margins = margins[margins["sites.geometry"] == geometry]
    near, far = (by_sample(margins[margins["network.cutoff_margin"] == m], "f") for m in MARGINS)
    n = min(near.shape[0], far.shape[0])
    added = far[:n] - near[:n]
    scatter = added.std(axis=0, ddof=1) / np.sqrt(n)
    return added.mean(axis=0), np.hypot(scatter, REMAINING * np.abs(added.mean(axis=0)))


def table_rows(geometry, density, rows, zero, plateaus, margins):
    """The rows of one point of the surface."""
    tau_s = np.unique(rows["tau_s"])
    value = by_sample(rows, "f")
    n = value.shape[0]
    added, cutoff_error = beyond_the_margin(margins, geometry, density)
    zero = zero[np.isclose(zero["density"], density)]
    plateaus = plateaus[np.isclose(plateaus["density"], density)]
    n_at_zero = n
    if geometry == "open":  # sites at the edges have fewer triads, and f falls to 0
        mean, variance = value.mean(axis=0), value.var(axis=0, ddof=1) / n
    else:
        controls = value[:, [0, -1]]
        plateau = plateaus["f"] - added[-1] * ~plateaus["short"]
        found = (
            mean_of_sizes(controls[:, 0], zero["f"], zero["n_sites"], True),
            mean_of_sizes(controls[:, 1], plateau, plateaus["n_sites"], False),
        )
        target, target_variance, n_sites = np.array(found).T
        n_at_zero = round(n_sites[0] / N_SITES)
        spread = controls - controls.mean(axis=0)
        unit = spread.std(axis=0)  # f(inf) may be 1e-24
        beta = np.linalg.lstsq(spread / unit, value - value.mean(axis=0), rcond=None)[0]
        beta /= unit[:, None]
        mean = value.mean(axis=0) + (target - controls.mean(axis=0)) @ beta
        rest = value - value.mean(axis=0) - spread @ beta
        variance = (rest**2).sum(axis=0) / max(n - 3, 1) / n + target_variance @ beta**2
    return pd.DataFrame(
        {
            "geometry": NAMES[geometry],
            "density": density,
            "tau_s": tau_s,
            "f": mean + added,
            "standard_error": np.sqrt(variance),
            "cutoff_error": cutoff_error,
            "n_sites": N_SITES,
            "n_samples": n,
            "n_samples_at_zero": n_at_zero,
        }
    )


def main(surface, margins, *zero):
    """Read the results and write the table."""
    surface, margins = done(surface), done(margins)
    at_zero = pd.concat([f_at_zero(directory) for directory in zero])
    parts = [
        table_rows(geometry, density, rows, at_zero, stored_plateaus(), margins)
        for (geometry, density), rows in surface.groupby(["sites.geometry", "sites.density"])
    ]
    table = pd.concat(parts, ignore_index=True)
    with TARGET.open("w", encoding="utf-8", newline="\n") as file:
        file.write("# f(n_s, tau_s): see hopnet.f_table; made by runs/make_f_table.py\n")
        table.to_csv(file, index=False, float_format="%.6g", lineterminator="\n")
    print(f"{len(table)} rows in {TARGET}")


if __name__ == "__main__":
    main(*sys.argv[1:])
