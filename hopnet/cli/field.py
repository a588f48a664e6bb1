"""``hopnet field``: drift of carriers in fields beyond Ohm's law, for one sample."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from hopnet.cli.options import Density, Json, NSites, Out, Threads
from hopnet.cli.output import is_watched, print_answer, print_table, save_figures

if TYPE_CHECKING:
    import numpy as np

    from hopnet.network.network import Network

__all__ = ["add_to"]

File = Annotated[
    Path | None,
    typer.Argument(
        metavar="[FILE.toml]",
        help="A run file with fields: its first sample is taken, and no option of a sample.",
    ),
]
SampleSeed = Annotated[
    int | None, typer.Option("--seed", help="Seed of the sample, a whole number.")
]
Periodic = Annotated[
    str, typer.Option(help="torus (field along x) or cylinder (field around it, along y).")
]
Cutoff = Annotated[
    float | None,
    typer.Option(help="Longest link in l_c; by default it grows with the field up to 2.5."),
]
BandKT = Annotated[
    float | None,
    typer.Option(
        "--kT", help="Thermal energy divided by the width of a Gaussian band of energies."
    ),
]
Bath = Annotated[str, typer.Option(help="ohmic, miller_abrahams or heat_bath.")]
Concentration = Annotated[
    float | None,
    typer.Option(help="Mean number of carriers per site, which exclude each other."),
]
Start = Annotated[float, typer.Option(help="Smallest field, in kT/(e l_c).")]
Stop = Annotated[float, typer.Option(help="Largest field, in kT/(e l_c).")]
Count = Annotated[int, typer.Option(help="Number of fields, spaced evenly in the logarithm.")]


class Asked(NamedTuple):
    """One sample and the fields that are asked for.

    Attributes
    ----------
    network : Network
    fields : float64[n], in kT/(e l_c)
    critical_length : float, in a_b
    concentration : float or None
    bath : str or None
    """

    network: "Network"
    fields: "np.ndarray"
    critical_length: float
    concentration: float | None
    bath: str | None


def add_to(app: typer.Typer) -> None:
    """Register the command ``field`` with ``app`` (a typer.Typer)."""
    app.command()(field)


def field(
    file: File = None,
    seed: SampleSeed = None,
    n_sites: NSites = 4000,
    density: Density = 0.05,
    geometry: Periodic = "torus",
    cutoff: Cutoff = None,
    kT: BandKT = None,
    bath: Bath = "miller_abrahams",
    concentration: Concentration = None,
    start: Start = 0.01,
    stop: Stop = 10.0,
    n: Count = 10,
    threads: Threads = None,
    out: Out = None,
    as_json: Json = False,
):
    """Velocity, mobility and diffusion constant of carriers at fields of any strength.

    Example: hopnet field --n-sites 2000 --seed 7 --out figures/
    """
    from hopnet.errors import ParameterError
    from hopnet.transport.field_curve import field_curve

    if file is not None:
        asked = from_file(file)
    else:
        if seed is None:
            raise ParameterError(
                "hopnet field needs --seed or a run file, got neither; give --seed 7 for example."
            )
        fields = fields_between(start, stop, n)
        asked = random_sample(n_sites, density, seed, geometry, (cutoff, kT, bath), fields)
        asked = asked._replace(concentration=concentration)
    l_c = asked.critical_length
    curve = field_curve(
        asked.network,
        asked.fields / l_c,
        concentration=asked.concentration,
        bath=asked.bath,
        threads=threads,
        progress=is_watched(),
    )
    shown = curve.drop(columns=["inverse_velocity", "log_velocity"], errors="ignore")
    shown = shown.dropna(axis=1, how="all")
    shown.insert(0, "field_l_c", asked.fields)
    if as_json:
        print_answer({"rows": shown.to_dict("records")}, as_json)
    else:
        print_table(shown.to_dict("records"), digits=4)
    if out is not None:
        save_figures(out, figures_of(asked, curve, threads), as_json)


def fields_between(start, stop, n):
    """The fields from ``start`` to ``stop`` in kT/(e l_c), spaced evenly in the logarithm."""
    import numpy as np

    from hopnet.checks import number, whole
    from hopnet.errors import ParameterError

    low = number("start", start, low=0.0, above=True, unit="kT/(e l_c)")
    high = number("stop", stop, low=low, unit="kT/(e l_c)")
    if low == high and n > 1:
        raise ParameterError(
            f"start and stop must differ for {n} fields, got {low:g} twice; set --n 1."
        )
    return np.geomspace(low, high, whole("n", n, low=1, high=1000))


def from_file(path):
    """The first sample of the first point of a run file."""
    import numpy as np

    from hopnet.ensemble.config import read_config
    from hopnet.ensemble.sample import sample_network
    from hopnet.errors import ParameterError
    from hopnet.network.sites import critical_length

    point = read_config(path).points()[0]
    if not point.fields:
        raise ParameterError(
            f"hopnet field needs a run file with [field], {path} has none; add field.values."
        )
    return Asked(
        network=sample_network(point, 0),
        fields=np.array(point.fields),
        critical_length=critical_length(point.physical["sites.density"]),
        concentration=point.physical.get("field.concentration"),
        bath=None if "network.kT" in point.physical else point.physical.get("network.bath"),
    )


def random_sample(n_sites, density, seed, geometry, rates, fields):
    """A sample of random sites; ``rates`` are cutoff, kT and bath."""
    import numpy as np

    from hopnet.network.build import build_network
    from hopnet.network.energies import with_energies
    from hopnet.network.sites import critical_length, random_sites
    from hopnet.seeds import check_seed
    from hopnet.transport.field_curve import field_margin

    cutoff, kT, bath = rates
    seeds = np.random.SeedSequence(check_seed(seed))
    sites = random_sites(n_sites, density=density, seed=seeds, geometry=geometry)
    if kT is not None:
        sites = with_energies(sites, "gaussian", width=1.0, seed=seeds.spawn(1)[0])
    l_c = critical_length(density)
    radius = l_c + field_margin(density, fields.max()) if cutoff is None else cutoff * l_c
    network = build_network(sites, cutoff_radius=radius, kT=kT, bath=bath)
    return Asked(network, fields, l_c, None, bath)


def figures_of(asked, curve, threads):
    """The curve, and the flows at three fields where it converged."""
    from hopnet.plots.field import plot_field_curve, plot_flow_maps
    from hopnet.transport.drift import solve_drift

    known = asked.fields[curve["velocity"].notna()] if "velocity" in curve else asked.fields[:0]
    figures = {"field_curve": plot_field_curve(curve, asked.critical_length)}
    places = sorted({0, known.size // 2, known.size - 1}) if known.size else []
    solutions, start = [], None
    for k in places:
        start = solve_drift(
            asked.network,
            float(known[k]) / asked.critical_length,
            concentration=asked.concentration,
            start=start if asked.concentration is not None else None,
            bath=asked.bath,
            threads=threads,
        )
        solutions.append(start)
    if solutions:
        figures["field_flow"] = plot_flow_maps(solutions, asked.critical_length)
    return figures
