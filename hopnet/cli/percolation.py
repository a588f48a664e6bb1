"""``hopnet percolation``: thresholds, clusters, backbones and exponents."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hopnet.cli.options import (
    Density,
    Dimension,
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
from hopnet.cli.output import errors_console, is_watched, print_answer, save_figures, save_table
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
    dimension: Dimension = 2,
    out: Out = None,
    as_json: Json = False,
):
    """The threshold l_c n_s^(1/dim) of the infinite sample, from wrapping around a torus.

    Example: hopnet percolation threshold --sizes 1000,4000 --samples 400,100 --seed 3
    """
    from hopnet.network.sites import check_dimension
    from hopnet.percolation.criticality import sample_thresholds
    from hopnet.percolation.literature import CONSTANTS
    from hopnet.percolation.wrapping import combined_threshold, infinite_threshold

    known = CONSTANTS[check_dimension(dimension)]
    quantity = threshold_name(dimension)
    measure = partial(sample_thresholds, dimension=dimension)
    table = gather(measure, sizes, samples, seed)
    answer: dict[str, Any] = {"rows": []}
    for size, rows in table.groupby("n_sites"):
        value, error = infinite_threshold(rows, dimension)
        answer["rows"].append(
            {"n_sites": int(size), "samples": len(rows), quantity: value, "standard_error": error}
        )
    value, error, chi_squared = combined_threshold(table, dimension=dimension)
    answer |= {
        quantity: value,
        "standard_error": error,
        "chi_squared": chi_squared,
        "literature": known.l_c,
        "deviation_over_error": (value - known.l_c) / error,
    }
    print_answer(answer, as_json, title="threshold")
    figures = {"collapse": lambda plots: plots.plot_collapse(table, dimension=dimension)}
    write_study(out, answer, table, figures, as_json)


@commands.command()
def exponents(
    seed: Seed,
    sizes: Sizes = "1000,4000,16000",
    samples: Samples = "1000,500,200",
    dimension: Dimension = 2,
    conductance: Annotated[
        bool, typer.Option("--conductance", help="Also compute the conductivity exponent t.")
    ] = False,
    out: Out = None,
    as_json: Json = False,
):
    """Critical exponents from finite-size scaling on the torus, with errors.

    Example: hopnet percolation exponents --sizes 500,1000,2000 --samples 200 --seed 3
    """
    from hopnet.network.sites import check_dimension
    from hopnet.percolation.criticality import sample_conductances, sample_critical
    from hopnet.percolation.literature import CONSTANTS
    from hopnet.percolation.scaling import conductivity_exponent, critical_exponents
    from hopnet.percolation.wrapping import combined_threshold

    known = CONSTANTS[check_dimension(dimension)]
    if len(counts(sizes, "sizes")) < 3:
        raise ParameterError(
            f"exponents need at least three sizes, got --sizes {sizes}; add sizes, best by factors "
            "of four."
        )
    table = gather(partial(sample_critical, dimension=dimension), sizes, samples, seed)
    found = critical_exponents(table, dimension=dimension)
    value, error, _ = combined_threshold(table, dimension=dimension)
    first = {"quantity": threshold_name(dimension), "value": value, "standard_error": error}
    answer: dict[str, Any] = {"rows": [first | {"literature": known.l_c}]}
    for name, estimate in found._asdict().items():
        row = estimate_row(name, estimate) | {"literature": getattr(known, name)}
        answer["rows"].append(row)
    if conductance:
        measure = partial(sample_conductances, dimension=dimension)
        t = conductivity_exponent(gather(measure, sizes, samples, seed), dimension=dimension)
        answer["rows"].append(estimate_row("t", t))
    print_answer(answer, as_json, title="critical exponents")
    figures = {
        "exponents": lambda plots: plots.plot_exponents(table, found, dimension=dimension),
        "collapse": lambda plots: plots.plot_collapse(table, dimension=dimension),
    }
    write_study(out, answer, table, figures, as_json)


@commands.command()
def mott(
    seed: Seed,
    side: Annotated[
        float, typer.Option("--side", help="Side of the samples over a typical hop.")
    ] = 16.0,
    samples: Annotated[int, typer.Option("--samples", help="Number of samples.")] = 1000,
    dimension: Dimension = 3,
    out: Out = None,
    as_json: Json = False,
):
    """Mott's number kT_0 g a_b^dim from percolation in space and energy, without a fit.

    Example: hopnet percolation mott --side 10 --samples 40 --seed 3
    """
    from hopnet.percolation.literature import WRAPPING_IN_SPACE
    from hopnet.percolation.mott import sample_mott_numbers
    from hopnet.percolation.wrapping import dual_threshold, wrapping_threshold

    table = sample_mott_numbers(
        side, samples, seed=seed, dimension=dimension, progress=is_watched()
    )
    if dimension == 2:
        value, error = dual_threshold(table["first"], table["second"])
    else:
        value, error = wrapping_threshold(table["first"], WRAPPING_IN_SPACE)
    answer = {"mott_number": value, "standard_error": error, "samples": samples, "side": side}
    print_answer(answer, as_json, title="Mott's number kT_0 g a_b^dim")
    write_study(out, answer, table, {}, as_json)


def threshold_name(dimension: int) -> str:
    """How the tables name the threshold."""
    return "l_c_sqrt_density" if dimension == 2 else "l_c_cbrt_density"


def estimate_row(name: str, estimate: "Estimate") -> dict[str, Any]:
    """One row of the answer of ``exponents``."""
    return {
        "quantity": name,
        "value": estimate.value,
        "standard_error": estimate.error,
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
        n_sites,
        samples,
        densities=numbers(densities, "densities"),
        seed=seed,
        progress=is_watched(),
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
    figures = {"resistivity": lambda plots: plots.plot_resistivity(table)}
    write_study(out, answer, table, figures, as_json)


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
    figures: dict[str, Callable[[Any], Any]],
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
    save_figures(out, {name: draw(plots) for name, draw in figures.items()}, quiet)
