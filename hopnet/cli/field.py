"""``hopnet field``: drift of single carriers in fields beyond Ohm's law, for one sample."""

from __future__ import annotations

from typing import Annotated

import typer

from hopnet.cli.options import Density, Json, NSites, Out, Seed, Threads
from hopnet.cli.output import print_answer, print_table, save_figures

__all__ = ["add_to"]


def add_to(app: typer.Typer) -> None:
    """Register the command ``field`` with ``app`` (a typer.Typer)."""
    app.command()(field)


def field(
    seed: Seed,
    n_sites: NSites = 4000,
    density: Density = 0.05,
    geometry: Annotated[
        str, typer.Option(help="torus (field along x) or cylinder (field around it, along y).")
    ] = "torus",
    cutoff: Annotated[
        float, typer.Option(help="Longest link in l_c; strong fields need 2.5 or more.")
    ] = 2.5,
    kT: Annotated[
        float | None,
        typer.Option(
            "--kT", help="Thermal energy divided by the width of a Gaussian band of energies."
        ),
    ] = None,
    bath: Annotated[
        str, typer.Option(help="ohmic, miller_abrahams or heat_bath.")
    ] = "miller_abrahams",
    start: Annotated[float, typer.Option(help="Smallest field, in kT/(e l_c).")] = 0.01,
    stop: Annotated[float, typer.Option(help="Largest field, in kT/(e l_c).")] = 10.0,
    n: Annotated[int, typer.Option(help="Number of fields, spaced evenly in the logarithm.")] = 10,
    threads: Threads = None,
    out: Out = None,
    as_json: Json = False,
):
    """Velocity, mobility and diffusion constant of few carriers at fields of any strength.

    Example: hopnet field --n-sites 2000 --seed 7 --out figures/
    """
    import numpy as np

    from hopnet.checks import number, whole
    from hopnet.network.build import build_network
    from hopnet.network.energies import with_energies
    from hopnet.network.sites import critical_length, random_sites
    from hopnet.seeds import check_seed
    from hopnet.transport.drift import solve_drift
    from hopnet.transport.field_curve import field_curve

    low = number("start", start, low=0.0, above=True, unit="kT/(e l_c)")
    high = number("stop", stop, low=low, unit="kT/(e l_c)")
    n = whole("n", n, low=1, high=1000)
    seeds = np.random.SeedSequence(check_seed(seed))
    sites = random_sites(n_sites, density=density, seed=seeds, geometry=geometry)
    if kT is not None:
        sites = with_energies(sites, "gaussian", width=1.0, seed=seeds.spawn(1)[0])
    radius = cutoff * critical_length(density)
    network = build_network(sites, cutoff_radius=radius, kT=kT, bath=bath)
    l_c = critical_length(density)
    fields = np.geomspace(low, high, n) / l_c
    curve = field_curve(network, fields, bath=bath, threads=threads)
    shown = curve.drop(columns=["inverse_velocity", "log_velocity"])
    shown.insert(0, "field_l_c", curve["field"] * l_c)
    if as_json:
        print_answer({"rows": shown.to_dict("records")}, as_json)
    else:
        print_table(shown.to_dict("records"), digits=4)
    if out is not None:
        from hopnet.plots.field import plot_field_curve, plot_flow_maps

        three = [float(fields[k]) for k in sorted({0, n // 2, n - 1})]
        solutions = [solve_drift(network, F, bath=bath, threads=threads) for F in three]
        figures = {
            "field_curve": plot_field_curve(curve, l_c),
            "field_flow": plot_flow_maps(solutions, l_c),
        }
        save_figures(out, figures, as_json)
