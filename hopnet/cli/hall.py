"""``hopnet hall``: the Hall angle of a sample, in SI units too, and the law over a run."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hopnet.cli.options import Density, Geometry, Json, NSites, Out, Seed, Threads
from hopnet.cli.output import print_answer, print_table, save_figures

if TYPE_CHECKING:
    from hopnet.transport.hall import HallAngle

__all__ = ["add_to"]

commands = typer.Typer(
    name="hall",
    help="Hall effect of hopping electrons, as a sum over triads.",
    no_args_is_help=True,
)


def add_to(app: typer.Typer) -> None:
    """Register the command group ``hall`` with ``app`` (a typer.Typer)."""
    app.add_typer(commands)


@commands.command()
def sample(
    seed: Seed,
    n_sites: NSites = 20_000,
    density: Density = 0.05,
    geometry: Geometry = "cylinder",
    cutoff_radius: Annotated[
        float | None, typer.Option("--cutoff-radius", help="Longest link, in a_b.")
    ] = None,
    kT: Annotated[
        float | None,
        typer.Option(
            "--kT", help="Thermal energy divided by the width of a uniform band of energies."
        ),
    ] = None,
    chemical_potential: Annotated[
        float | None,
        typer.Option(
            "--chemical-potential",
            help="Chemical potential from mid-band, divided by the width of the band; electrons "
            "then exclude each other.",
        ),
    ] = None,
    material_file: Annotated[
        Path | None,
        typer.Option("--material", help="TOML file with a table named material, for SI units."),
    ] = None,
    threads: Threads = None,
    out: Out = None,
    as_json: Json = False,
):
    """The Hall angle of one cylinder or torus, and the triads that carry it.

    Example: hopnet hall sample --n-sites 4000 --seed 7 --material runs/material_letter.toml
    """
    import numpy as np

    from hopnet.material import Material
    from hopnet.network.build import build_network
    from hopnet.network.energies import with_energies
    from hopnet.network.sites import random_sites
    from hopnet.network.triads import find_triads
    from hopnet.seeds import check_seed
    from hopnet.transport.hall import hall_angle

    material = None if material_file is None else Material.from_toml(material_file)
    density = density if material is None else material.density
    seeds = np.random.SeedSequence(check_seed(seed))
    sites = random_sites(n_sites, density=density, seed=seeds, geometry=geometry)
    if kT is not None:
        sites = with_energies(sites, "uniform", width=1.0, seed=seeds.spawn(1)[0])
    network = build_network(
        sites, cutoff_radius=cutoff_radius, kT=kT, chemical_potential=chemical_potential
    )
    triads = find_triads(network)
    hall = hall_angle(network, triads=triads, threads=threads)
    answer = {"n_sites": n_sites, "density": density, "seed": seed, "geometry": geometry}
    answer |= in_code_units(hall)
    if material is not None:
        answer |= in_si(hall, material)
    print_answer(answer, as_json)
    if out is not None:
        from hopnet.plots.hall import plot_hall_triads

        save_figures(out, {"hall_triads": plot_hall_triads(hall, triads)}, as_json)


def in_code_units(hall: "HallAngle") -> dict[str, Any]:
    """Lines of an answer: Hall angle, conductivities and the triads that carry it."""
    return {
        "tan_theta_H_over_eta_b": hall.tangent,
        "cutoff_error": hall.cutoff_error,
        "f_plateau": hall.f_plateau,
        "log_sigma_xx": hall.log_conductivity_xx,
        "log_sigma_yy": hall.log_conductivity_yy,
        "sigma_yx_over_eta_b": hall.conductivity_yx,
        "rho_yx_over_eta_b": hall.resistivity_yx,
        "n_triads": hall.n_triads,
        "n_effective": hall.n_effective,
        "negative_share": hall.negative_share,
    }


def in_si(hall: "HallAngle", material: Any) -> dict[str, float]:
    """Lines of an answer: the Hall response in SI units, for electrons in bonding states."""
    from hopnet.material_hall import hall_response

    found = hall_response(material, hall.tangent, resistivity=1.0 / hall.conductivity_xx)
    return {
        "resistivity_Ohm": found.resistivity,
        "tan_theta_H_per_tesla": found.angle_per_tesla,
        "hall_mobility_cm2_per_Vs": 1e4 * found.mobility,
        "R_H_m2_per_C": found.coefficient,
        "apparent_density_per_cm2": 1e-4 * found.apparent_density,
    }


@commands.command()
def law(
    directory: Annotated[
        Path, typer.Argument(help="Result directory of a run with hall_angle.", show_default=False)
    ],
    out: Out = None,
    as_json: Json = False,
):
    """Hall angle over the samples of a run: mean, median and slopes, beside one optimal triad.

    Example: hopnet hall law results/hall_density --out results/figures
    """
    from hopnet.ensemble.hall_law import hall_law
    from hopnet.ensemble.results import read_results

    table = read_results(directory)
    scanned = table.attrs["scanned"]
    found = hall_law(table, scanned)
    rows = [
        {name: None if value != value else value for name, value in row.items()}
        for row in found.to_dict("records")
    ]
    if as_json:
        print_answer({"rows": rows}, as_json)
    else:
        print_table([shown(row, scanned) for row in rows], title=TITLE, digits=4)
    if out is not None:
        from hopnet.plots.hall import plot_hall_law

        save_figures(out, {"hall_law": plot_hall_law(table, scanned)}, as_json)


TITLE = "tan(theta_H) / (eta b) and its slopes from the row above, with standard errors"


def shown(row: dict[str, Any], scanned: list[str]) -> dict[str, Any]:
    """One row of the printed table: means and medians with relative errors, slopes with errors."""

    def relative(name: str) -> str:
        error = row[f"{name}_standard_error"]
        return "" if error is None else f"{100 * error / row[name]:.2g} %"

    def slope(name: str) -> str:
        value, error = row[name], row[f"{name}_standard_error"]
        if value is None:
            return ""
        return f"{value:.3f}" if error is None else f"{value:.3f} +- {error:.3f}"

    out = {key.partition(".")[2]: row[key] for key in scanned if not key.startswith("network.cut")}
    return out | {
        "samples": row["n_samples"],
        "ln_sigma": row["log_sigma"],
        "mean": row["tangent"],
        "error": relative("tangent"),
        "median": row["median"],
        "its_error": relative("median"),
        "triads": row["n_triads"],
        "d/d_ln_sigma": slope("tangent_slope"),
        "of_median": slope("median_slope"),
        "d/d_xi_c": slope("tangent_slope_xi_c"),
        "optimal_triad": row["optimal"],
    }
