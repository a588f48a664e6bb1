"""``hopnet percolation``: thresholds, clusters, backbones and exponents."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from hopnet.errors import ParameterError

commands = typer.Typer(
    name="percolation",
    help="Thresholds, clusters, backbones and flows of hopping networks.",
    no_args_is_help=True,
)

NSites = Annotated[int, typer.Option("--n-sites", help="Sites of a sample.")]
Seed = Annotated[int, typer.Option(help="Seed; there is no default.")]
Density = Annotated[float, typer.Option(help="n_s a_b^2.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Out = Annotated[Path | None, typer.Option(help="Directory for figures and tables.")]
Samples = Annotated[str, typer.Option(help="Samples of each size: one number, or one per size.")]
Sizes = Annotated[str, typer.Option(help="Numbers of sites, separated by commas.")]


def add_to(app):
    """Fasten ``percolation`` to ``app`` (a typer.Typer)."""
    app.add_typer(commands)


@commands.command()
def sample(
    seed: Seed,
    n_sites: NSites = 10_000,
    density: Density = 0.01,
    geometry: Annotated[str, typer.Option(help="open, cylinder or torus.")] = "open",
    length: Annotated[
        float | None, typer.Option(help="Threshold in a_b [the sample's own].")
    ] = None,
    tau_s: Annotated[float, typer.Option(help="For the shares of triads, in tau_0.")] = 0.0,
    out: Out = None,
    as_json: Json = False,
):
    """One sample: its threshold, clusters and backbone; flows and triads where a current can flow.

    Example: hopnet percolation sample --n-sites 4000 --density 0.01 --seed 7 --out results/sample
    """
    from hopnet.network.build import build_network
    from hopnet.network.sites import random_sites
    from hopnet.percolation.backbone import find_backbone
    from hopnet.percolation.clusters import find_clusters, percolation_threshold

    if geometry == "torus" and tau_s:
        raise ParameterError(
            f"--tau-s is for shares of triads in a current, which a torus does not carry; got "
            f"{tau_s:g}, leave it out or take another geometry."
        )
    network = build_network(random_sites(n_sites, density=density, seed=seed, geometry=geometry))
    threshold = percolation_threshold(network)
    backbone = find_backbone(network, length)
    clusters = find_clusters(network, backbone.threshold_length)
    answer = {
        "n_sites": n_sites,
        "density": density,
        "geometry": geometry,
        "seed": seed,
        "l_c": threshold.threshold_length,
        "l_c_sqrt_density": threshold.threshold_length * density**0.5,
        "event": threshold.event,
        "wraps": list(threshold.wraps),
        "threshold_length": backbone.threshold_length,
        "n_clusters": clusters.n_clusters,
        "largest": int(clusters.size.max()),
        "percolation_probability": clusters.percolation_probability,
        "mean_size": clusters.mean_size,
        "correlation_length": clusters.correlation_length,
        "backbone_sites": backbone.n_sites,
        "backbone_links": int(backbone.link.size),
        "red_bonds": int(backbone.red_link.size),
        "chemical_length": backbone.chemical_length,
    }
    records = {"backbone": backbone}
    if geometry != "torus":
        records |= add_flow(answer, network, tau_s)
    report(answer, as_json)
    if out is not None:
        draw_sample(out, records, as_json)


def add_flow(answer, network, tau_s):
    """Solve for the current and enter what it says."""

    from hopnet.percolation.flow import flow_statistics, resistivity_ratio
    from hopnet.spin.shares import triad_shares
    from hopnet.transport.current import solve_current

    current = solve_current(network)
    statistics = flow_statistics(current)
    ratio, _ = resistivity_ratio(current)
    shares = triad_shares(current, tau_s=tau_s)
    f = float(shares.contribution.sum())
    answer |= {
        "log_resistivity": current.log_resistivity,
        "resistivity_over_estimate": ratio,
        "effective_paths": statistics.n_paths,
        "hot_links": statistics.n_hot_links,
        "moments_0_1_2": statistics.moments([0, 1, 2]).tolist(),
        "tau_s": tau_s,
        "f": f,
        "f_share_perimeter_below_6": float(shares.accumulate(shares.triads.perimeter, 6.0)) / f,
        "f_share_shortest_side_below_2": float(shares.accumulate(shares.side[:, 0], 2.0)) / f,
    }
    return {"flow": statistics, "triads": shares}


def draw_sample(out, records, quiet):
    """Write the figures of one sample."""
    from hopnet.plots import percolation as plots
    from hopnet.plots.frame import save_figure

    out.mkdir(parents=True, exist_ok=True)
    for name, record in records.items():
        path = out / f"{name}.png"
        save_figure(getattr(plots, f"plot_{name}")(record), path)
        if not quiet:
            print(f"wrote {path}")


@commands.command()
def threshold(
    seed: Seed,
    sizes: Sizes = "1000,4000",
    samples: Samples = "1000",
    out: Out = None,
    as_json: Json = False,
):
    """l_c sqrt(n_s) of the infinite plane from wrapping around a torus, with its standard error.

    Example: hopnet percolation threshold --sizes 1000,4000 --samples 400,100 --seed 3
    """
    from hopnet.percolation.criticality import sample_thresholds
    from hopnet.percolation.scaling import PLANE, combined_threshold, dual_threshold

    table = gather(sample_thresholds, sizes, samples, seed)
    answer = {"rows": []}
    for size, rows in table.groupby("n_sites"):
        value, error = dual_threshold(rows["first"], rows["second"])
        answer["rows"].append(
            {"n_sites": int(size), "samples": len(rows), "l_c_sqrt_density": value, "error": error}
        )
    value, error, chi_squared = combined_threshold(table)
    answer |= {
        "l_c_sqrt_density": value,
        "error": error,
        "chi_squared": chi_squared,
        "literature": PLANE["l_c"],
        "deviation_over_error": (value - PLANE["l_c"]) / error,
    }
    report(answer, as_json)
    if out is not None:
        draw_table(out, answer, table, {"collapse": ("plot_collapse", (table,))}, as_json)


@commands.command()
def exponents(
    seed: Seed,
    sizes: Sizes = "1000,4000,16000",
    samples: Samples = "1000,500,200",
    conductance: Annotated[bool, typer.Option(help="Also the conductivity exponent t.")] = False,
    out: Out = None,
    as_json: Json = False,
):
    """Critical exponents from finite-size scaling on the torus, errors with the fit window.

    Example: hopnet percolation exponents --sizes 500,1000,2000 --samples 200 --seed 3
    """
    from hopnet.percolation.criticality import sample_conductances, sample_critical
    from hopnet.percolation.scaling import (
        PLANE,
        combined_threshold,
        conductivity_exponent,
        critical_exponents,
    )

    if len(numbers(sizes, "sizes")) < 3:
        raise ParameterError(
            f"exponents need at least three sizes, got --sizes {sizes}; add sizes, best by factors "
            "of four."
        )
    table = gather(sample_critical, sizes, samples, seed)
    found = critical_exponents(table)
    value, error, _ = combined_threshold(table)
    answer = {
        "rows": [
            {
                "quantity": "l_c_sqrt_density",
                "value": value,
                "error": error,
                "literature": PLANE["l_c"],
            }
        ]
    }
    for name, estimate in found.items():
        answer["rows"].append(
            {
                "quantity": name,
                "value": estimate.value,
                "error": estimate.error,
                "statistical": estimate.statistical,
                "window": estimate.window,
                "largest_sizes_fitted": best_window(estimate),
                "literature": PLANE[name],
            }
        )
    if conductance:
        t = conductivity_exponent(gather(sample_conductances, sizes, samples, seed))
        answer["rows"].append(
            {
                "quantity": "t",
                "value": t.value,
                "error": t.error,
                "statistical": t.statistical,
                "window": t.window,
                "largest_sizes_fitted": best_window(t),
            }
        )
    report(answer, as_json)
    if out is not None:
        figures = {
            "exponents": ("plot_exponents", (table, found)),
            "collapse": ("plot_collapse", (table,)),
        }
        draw_table(out, answer, table, figures, as_json)


@commands.command()
def resistivity(
    seed: Seed,
    densities: Annotated[str, typer.Option(help="n_s a_b^2, by commas.")] = "0.1,0.03,0.01",
    n_sites: NSites = 4000,
    samples: Annotated[int, typer.Option(help="Samples of each density.")] = 20,
    out: Out = None,
    as_json: Json = False,
):
    """Resistivity against rho_0 exp(2 l_c / a_b), sample by sample.

    Example: hopnet percolation resistivity --n-sites 2000 --samples 5 --seed 4
    """
    from hopnet.percolation.criticality import sample_resistivities

    table = sample_resistivities(
        n_sites, samples, densities=numbers(densities, "densities", float), seed=seed
    )
    rows = []
    for density, own in table.groupby("density"):
        ratio = own["log_resistivity"] - 2.0 * own["threshold_length"]
        rows.append(
            {
                "density": float(density),
                "samples": len(own),
                "l_c_sqrt_density": float(own["threshold_length"].mean() * density**0.5),
                "log_resistivity": float(own["log_resistivity"].mean()),
                "log_ratio": float(ratio.mean()),
                "log_ratio_deviation": float(ratio.std()),
            }
        )
    answer = {"rows": rows}
    report(answer, as_json)
    if out is not None:
        draw_table(out, answer, table, {"resistivity": ("plot_resistivity", (table,))}, as_json)


def best_window(estimate):
    """Number of largest sizes in the window of most weight."""
    return int(estimate.window_size[estimate.window_weight.argmax()])


def numbers(text, name, kind=int):
    """Numbers separated by commas."""
    try:
        found = [kind(word) for word in text.split(",")]
    except ValueError:
        found = []
    if not found:
        raise ParameterError(f"--{name} takes numbers separated by commas, got {text!r}; mend it.")
    return found


def gather(measure, sizes, samples, seed):
    """One table of all sizes."""
    import pandas as pd

    sizes, samples = numbers(sizes, "sizes"), numbers(samples, "samples")
    if len(samples) == 1:
        samples = samples * len(sizes)
    if len(samples) != len(sizes):
        raise ParameterError(
            f"--samples takes one number or one per size ({len(sizes)}), got {len(samples)}."
        )
    return pd.concat([measure(n, k, seed=seed) for n, k in zip(sizes, samples)], ignore_index=True)


def report(answer, as_json):
    """Print an answer as JSON, or as lines and a table."""
    if as_json:
        print(json.dumps(answer, indent=1))
        return
    from hopnet.cli.bench import print_table

    for name, value in answer.items():
        if name == "rows":
            print_table("percolation", [{k: short(v) for k, v in row.items()} for row in value])
        else:
            print(f"{name:32s} {short(value)}")


def short(value):
    """Six digits for floats, one by one in lists."""
    if isinstance(value, list):
        return ", ".join(str(short(each)) for each in value)
    return f"{value:.6g}" if isinstance(value, float) else value


def draw_table(out, answer, table, figures, quiet):
    """Write the samples, the answer with date and version, and the figures."""
    import datetime

    import hopnet
    from hopnet.plots import percolation as plots
    from hopnet.plots.frame import save_figure

    out.mkdir(parents=True, exist_ok=True)
    table.to_csv(out / "samples.csv", index=False)
    stamp = {"hopnet": hopnet.__version__, "date": datetime.date.today().isoformat()}
    (out / "answer.json").write_text(json.dumps(stamp | answer, indent=1) + "\n")
    written = [out / "samples.csv", out / "answer.json"]
    for name, (function, records) in figures.items():
        written.append(out / f"{name}.png")
        save_figure(getattr(plots, function)(*records), written[-1])
    if not quiet:
        print("wrote", *written)
