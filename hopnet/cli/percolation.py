"""``hopnet percolation``: thresholds, clusters, backbones and exponents."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hopnet.cli.options import (
    Density,
    Geometry,
    Json,
    NSites,
    Out,
    Samples,
    Seed,
    Sizes,
    TauS,
    counts,
    numbers,
)
from hopnet.cli.output import errors_console, print_answer, save_figures, save_table
from hopnet.errors import HopnetError, ParameterError

if TYPE_CHECKING:
    import pandas as pd

    from hopnet.percolation.backbone import Backbone
    from hopnet.percolation.clusters import Clusters
    from hopnet.percolation.scaling import Estimate
    from hopnet.percolation.thresholds import Threshold

__all__ = ["add_to"]

commands = typer.Typer(
    name="percolation",
    help="Thresholds, clusters, backbones and flows of hopping networks.",
    no_args_is_help=True,
)


def add_to(app: typer.Typer) -> None:
    """Register the command group ``percolation`` with ``app`` (a typer.Typer)."""
    app.add_typer(commands)


@commands.command()
def sample(
    seed: Seed,
    n_sites: NSites = 10_000,
    density: Density = 0.01,
    geometry: Geometry = "open",
    threshold_length: Annotated[
        float | None,
        typer.Option(
            "--threshold-length",
            help="Longest occupied link, in a_b (default: that of the percolation threshold).",
        ),
    ] = None,
    tau_s: TauS = 0.0,
    out: Out = None,
    as_json: Json = False,
):
    """Threshold, clusters and backbone of one sample; with contacts also its flows and triads.

    Example: hopnet percolation sample --n-sites 4000 --density 0.01 --seed 7 --out results/sample
    """
    from hopnet.network.build import build_network
    from hopnet.network.sites import random_sites
    from hopnet.percolation.backbone import find_backbone
    from hopnet.percolation.clusters import find_clusters
    from hopnet.percolation.thresholds import percolation_threshold

    if geometry == "torus" and tau_s:
        raise ParameterError(
            f"--tau-s is for shares of triads in a current, which a torus does not carry; got "
            f"{tau_s:g}, leave it out or take another geometry."
        )
    network = build_network(random_sites(n_sites, density=density, seed=seed, geometry=geometry))
    threshold = percolation_threshold(network)
    backbone = find_backbone(network, threshold_length)
    clusters = find_clusters(network, backbone.threshold_length)
    answer = {"n_sites": n_sites, "density": density, "geometry": geometry, "seed": seed}
    answer |= percolation_numbers(threshold, clusters, backbone, density)
    records = {"backbone": backbone}
    refused = None
    try:
        if geometry != "torus":
            records |= add_flow(answer, network, tau_s)
    except HopnetError as failure:  # the percolation part does not need the current
        refused = failure
    print_answer(answer, as_json)
    if out is not None:
        from hopnet.plots import percolation as plots

        figures = {name: getattr(plots, f"plot_{name}")(one) for name, one in records.items()}
        save_figures(out, figures, as_json)
    if refused is not None:
        raise refused


def percolation_numbers(
    threshold: "Threshold", clusters: "Clusters", backbone: "Backbone", density: float
) -> dict[str, Any]:
    """The part of the answer of ``sample`` that does not need a current."""
    return {
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


def add_flow(answer: dict[str, Any], network: Any, tau_s: float) -> dict[str, Any]:
    """Add the results from the current of the sample to the answer; return records for figures."""

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


@commands.command()
def threshold(
    seed: Seed,
    sizes: Sizes = "1000,4000",
    samples: Samples = "1000",
    out: Out = None,
    as_json: Json = False,
):
    """The threshold l_c sqrt(n_s) of the infinite plane, from wrapping around a torus.

    Example: hopnet percolation threshold --sizes 1000,4000 --samples 400,100 --seed 3
    """
    from hopnet.percolation.criticality import sample_thresholds
    from hopnet.percolation.scaling import PLANE, combined_threshold, dual_threshold

    table = gather(sample_thresholds, sizes, samples, seed)
    answer: dict[str, Any] = {"rows": []}
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
        "literature": PLANE.l_c,
        "deviation_over_error": (value - PLANE.l_c) / error,
    }
    print_answer(answer, as_json, title="threshold")
    write_study(out, answer, table, {"collapse": ("plot_collapse", (table,))}, as_json)


@commands.command()
def exponents(
    seed: Seed,
    sizes: Sizes = "1000,4000,16000",
    samples: Samples = "1000,500,200",
    conductance: Annotated[
        bool, typer.Option("--conductance", help="Also compute the conductivity exponent t.")
    ] = False,
    out: Out = None,
    as_json: Json = False,
):
    """Critical exponents from finite-size scaling on the torus, with errors.

    Example: hopnet percolation exponents --sizes 500,1000,2000 --samples 200 --seed 3
    """
    from hopnet.percolation.criticality import sample_conductances, sample_critical
    from hopnet.percolation.scaling import (
        PLANE,
        combined_threshold,
        conductivity_exponent,
        critical_exponents,
    )

    if len(counts(sizes, "sizes")) < 3:
        raise ParameterError(
            f"exponents need at least three sizes, got --sizes {sizes}; add sizes, best by factors "
            "of four."
        )
    table = gather(sample_critical, sizes, samples, seed)
    found = critical_exponents(table)
    value, error, _ = combined_threshold(table)
    answer: dict[str, Any] = {
        "rows": [
            {
                "quantity": "l_c_sqrt_density",
                "value": value,
                "error": error,
                "literature": PLANE.l_c,
            }
        ]
    }
    for name, estimate in found._asdict().items():
        row = estimate_row(name, estimate) | {"literature": getattr(PLANE, name)}
        answer["rows"].append(row)
    if conductance:
        t = conductivity_exponent(gather(sample_conductances, sizes, samples, seed))
        answer["rows"].append(estimate_row("t", t))
    print_answer(answer, as_json, title="critical exponents")
    figures = {
        "exponents": ("plot_exponents", (table, found)),
        "collapse": ("plot_collapse", (table,)),
    }
    write_study(out, answer, table, figures, as_json)


def estimate_row(name: str, estimate: "Estimate") -> dict[str, Any]:
    """One row of the answer of ``exponents``."""
    return {
        "quantity": name,
        "value": estimate.value,
        "error": estimate.error,
        "statistical": estimate.statistical,
        "window_error": estimate.window_error,
        "largest_sizes_fitted": best_window(estimate),
    }


@commands.command()
def resistivity(
    seed: Seed,
    densities: Annotated[
        str, typer.Option("--densities", help="n_s a_b^2: a list with commas, or start:stop:n.")
    ] = "0.1,0.03,0.01",
    n_sites: NSites = 4000,
    samples: Annotated[int, typer.Option("--samples", help="Number of samples per density.")] = 20,
    out: Out = None,
    as_json: Json = False,
):
    """Resistivity divided by rho_0 exp(2 l_c / a_b), for every sample.

    Example: hopnet percolation resistivity --n-sites 2000 --samples 5 --seed 4
    """
    from hopnet.percolation.criticality import sample_resistivities

    table = sample_resistivities(
        n_sites, samples, densities=numbers(densities, "densities"), seed=seed
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
    print_answer(answer, as_json, title="resistivity")
    write_study(out, answer, table, {"resistivity": ("plot_resistivity", (table,))}, as_json)


def best_window(estimate: "Estimate") -> int:
    """Number of sizes in the fit window of largest weight."""
    return int(estimate.window_size[estimate.window_weight.argmax()])


def gather(measure: Any, sizes: str, samples: str, seed: int) -> "pd.DataFrame":
    """One table with the samples of all sizes, measured with a progress bar."""
    import pandas as pd
    from rich.progress import track

    n_sites, n_samples = counts(sizes, "sizes"), counts(samples, "samples")
    if len(n_samples) == 1:
        n_samples = n_samples * len(n_sites)
    if len(n_samples) != len(n_sites):
        raise ParameterError(
            f"--samples takes one number or one per size ({len(n_sites)}), got {len(n_samples)}; "
            "give one number for all sizes."
        )
    if len(set(n_sites)) < len(n_sites):
        raise ParameterError(
            f"--sizes must differ from each other, got {sizes}; equal sizes would count the same "
            "samples twice, so take more --samples instead."
        )
    pairs = list(zip(n_sites, n_samples))
    shown = track(pairs, description="sizes", console=errors_console(), transient=True)
    return pd.concat([measure(n, k, seed=seed) for n, k in shown], ignore_index=True)


def write_study(
    out: Path | None,
    answer: dict[str, Any],
    table: "pd.DataFrame",
    figures: dict[str, tuple[str, tuple]],
    quiet: bool,
) -> None:
    """Write the samples, the answer with date and version, and the figures into a folder."""
    if out is None:
        return
    import datetime
    import json

    import hopnet
    from hopnet.files import atomic_write
    from hopnet.plots import percolation as plots

    save_table(table, out / "samples.csv")
    stamp = {"hopnet": hopnet.__version__, "date": datetime.date.today().isoformat()}
    with atomic_write(out / "answer.json") as file:
        file.write((json.dumps(stamp | answer, indent=1) + "\n").encode())
    if not quiet:
        print(f"wrote {out / 'samples.csv'}\nwrote {out / 'answer.json'}")
    drawn = {name: getattr(plots, function)(*own) for name, (function, own) in figures.items()}
    save_figures(out, drawn, quiet)
