"""``hopnet berry``: intrinsic spin currents in every form, Hall currents, the paper's figures."""

import contextlib
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from hopnet.cli.options import Json
from hopnet.cli.output import check_finite, errors_console, print_table, save_figures, save_table
from hopnet.errors import ParameterError

__all__ = ["add_to"]

Energy = Annotated[
    float, typer.Option("--mu", help="Chemical potential, in the energy unit of the model.")
]
Temperature = Annotated[float, typer.Option("--kT", help="Thermal energy; 0 is allowed.")]
PERIODIC = ("qwz", "bhz", "haldane", "kane-mele", "bi2se3-lattice")
NAMES = (*PERIODIC, "massive-dirac", "rashba", "bi2se3")


commands = typer.Typer(
    name="berry",
    help="Spin currents from Berry connections: printed (LCC), sign-corrected (XN), "
    "conventional and conserved.\n\nExample: hopnet berry forms kane-mele --kT 0.01",
    no_args_is_help=True,
)


def add_to(app: typer.Typer) -> None:
    """Register the command group ``berry`` with ``app`` (a typer.Typer)."""
    app.add_typer(commands)


def model_named(name):
    """A model with its default parameters, by its name on the command line."""
    from hopnet import berry
    from hopnet.checks import one_of

    makers = {
        "qwz": lambda: berry.qwz(-1.0, 0.3),
        "bhz": berry.bhz,
        "haldane": berry.haldane,
        "kane-mele": berry.kane_mele,
        "bi2se3-lattice": lambda: berry.bi2se3_bulk(lattice=(4.14, 4.14)),
        "massive-dirac": berry.massive_dirac,
        "rashba": berry.rashba,
        "bi2se3": berry.bi2se3_bulk,
    }
    return makers[one_of("model", name, NAMES)]()


@contextlib.contextmanager
def bar(text):
    """A progress bar on a terminal, else one line of text; yields the function to call."""
    import sys

    if not sys.stderr.isatty():
        print(text, file=sys.stderr)
        yield None
        return
    from rich.progress import Progress

    with Progress(console=errors_console(), transient=True) as progress:
        task = progress.add_task(text, total=None)
        yield lambda done, of: progress.update(task, completed=done, total=of)


def print_forms(title, rows, notes):
    """Rows (name, value, meaning) as a table on the terminal."""
    print_table(
        [
            {"form": name, "value": float(value), "meaning": meaning}
            for name, value, meaning in rows
        ],
        title=title,
    )
    for note in notes:
        print(note)


@commands.command()
def forms(
    model: Annotated[str, typer.Argument(help=f"One of {', '.join(NAMES)}.")],
    mu: Energy = 0.0,
    kT: Temperature = 0.0,
    spin: Annotated[str, typer.Option("--spin", help="Component of the spin: x, y or z.")] = "z",
    field: Annotated[
        str, typer.Option("--field", help="Direction of the electric field, x or y.")
    ] = "x",
    current: Annotated[
        str, typer.Option("--current", help="Direction of the current, x or y.")
    ] = "y",
    points: Annotated[int, typer.Option("--points", help="Grid points along each axis.")] = 96,
    kmax: Annotated[
        float, typer.Option("--kmax", help="Largest wave number of k.p models.")
    ] = float("inf"),
    whole_doublets: Annotated[
        float, typer.Option("--group", help="Bands closer in energy than this count as degenerate.")
    ] = 1e-9,
    as_json: Json = False,
):
    """Spin-Hall conductivity of a model in all four forms.

    Example: hopnet berry forms kane-mele --mu 0 --kT 0.01 --points 128
    """
    from hopnet.berry import Treatment, conserved_current, spin_hall

    band_model = model_named(model)
    domain = domain_of(model, band_model, points, kmax)
    options: dict[str, Any] = {"mu": mu, "kT": kT, "spin": spin, "field": field, "current": current}
    treatment = Treatment("block", absolute=whole_doublets)
    result = spin_hall(band_model, domain, treatment=treatment, **options)
    unit = {2: "e/8pi", 3: "hbar/2e S/m"}[band_model.dimension]
    factor = result.in_unit(unit)
    numbers = {name: factor * getattr(result, name)[0] for name in FORMS}
    if field != current:
        numbers["conserved"] = factor * conserved_current(band_model, domain, **options).value[0]
    report = {
        "model": model,
        **options,
        "unit": unit,
        **{name: float(value) for name, value in numbers.items()},
        "mean_torque": float(result.torque[0]),
        "numerical_error": float(factor * result.error[0]),
        "points": result.points,
        "min_gap": result.min_gap,
        "domain": repr(domain),
    }
    check_finite({name: report[name] for name in numbers})
    if as_json:
        print(json.dumps(report, indent=1))
        return
    meanings = FORMS | {"conserved": "Shi et al., finite-q response"}
    title = f"{model}: sigma^{spin}_{current}{field}, {unit}"
    rows = [(name, value, meanings[name]) for name, value in numbers.items()]
    notes = [
        f"integration error {report['numerical_error']:.2g}, {result.points} wave vectors, "
        f"smallest gap {result.min_gap:.3g}",
        f"domain {domain}",
    ]
    if abs(result.torque[0]) > 1e-6:
        notes.append(f"mean torque {result.torque[0]:.3g}: none of the forms is conserved here")
    print_forms(title, rows, notes)


def domain_of(model: str, band_model: Any, points: int, kmax: float) -> Any:
    """Domain of the integral over wave vectors: a Brillouin zone, or rays up to a cutoff."""
    import numpy as np

    from hopnet.berry import PeriodicGrid, Rays

    if model in PERIODIC:
        if kmax != float("inf"):
            raise ParameterError(
                f"--kmax is for k.p models, {model!r} has a Brillouin zone; got {kmax:g}, leave it "
                "out."
            )
        return PeriodicGrid(points)
    even = tuple(np.linspace(0.0, 1.0, 4))
    if band_model.dimension == 3:
        return Rays(kmax, 8, polar=even, repeats=2.0, accuracy=1e-4)
    return Rays(kmax, 8, polar=even, repeats=1.0)


FORMS = {
    "lcc": "printed: spins of the other bands",
    "xn": "sign-corrected: spin of the band times its curvature",
    "conventional": "Kubo formula of {s, v}/2",
}


@commands.command()
def chern(
    model: Annotated[str, typer.Argument(help=f"One of {', '.join(PERIODIC[:4])}.")],
    mu: Energy = 0.0,
    points: Annotated[int, typer.Option("--points", help="Grid points along each axis.")] = 64,
    as_json: Json = False,
):
    """Chern number of the filled bands and the anomalous Hall conductivity.

    Example: hopnet berry chern haldane --mu 0
    """
    from hopnet.berry import PeriodicGrid, anomalous_hall
    from hopnet.berry.chern import chern_number
    from hopnet.berry.spin_current import E2_OVER_H

    band_model = model_named(model)
    value, error = anomalous_hall(band_model, PeriodicGrid(points), mu=mu)
    integer = chern_number(band_model, mu=mu)
    report = {
        "model": model,
        "mu": mu,
        "chern": integer.value,
        "sigma_yx_S": float(value[0]),
        "integral": float(value[0] / E2_OVER_H),
        "numerical_error": float(error[0] / E2_OVER_H),
    }
    if as_json:
        print(json.dumps(report, indent=1))
        return
    print(
        f"{model}: Chern number {integer.value}; (1/2pi) Int Om = {report['integral']:.9f} "
        f"+- {report['numerical_error']:.1g}, sigma_yx = -sigma_xy = {value[0]:.6g} S"
    )


@commands.command()
def well(
    material: Annotated[
        str, typer.Option("--material", help="GaAs, InAs, InSb, Ge or 'Ge printed'.")
    ] = "GaAs",
    field: Annotated[float, typer.Option("--field", help="Gate field F_z, MV/m.")] = 1.0,
    fermi_energy: Annotated[
        float,
        typer.Option("--fermi-energy", help="Fermi energy above the lowest level at k = 0, meV."),
    ] = 15.0,
    magnetisation: Annotated[float, typer.Option("--m", help="m_z, meV.")] = 1.0,
    width: Annotated[float, typer.Option("--width", help="Width of the well, nm.")] = 25.0,
    zeeman: Annotated[str, typer.Option("--zeeman", help="Spin operator, 'Jz' or 'sigma'.")] = "Jz",
    warping: Annotated[bool, typer.Option("--warping", help="Keep the cubic term of M.")] = False,
    as_json: Json = False,
):
    """Holes in a quantum well: subbands and spin-Hall conductivity in all forms.

    Example: hopnet berry well --material InAs --field 2 --fermi-energy 40
    """
    from hopnet.berry import subbands
    from hopnet.berry.curves import well_forms

    levels = subbands(material, field, width)
    lcc, xn, conventional, conserved, error, _ = well_forms(
        material,
        field,
        fermi_energy,
        width_nm=width,
        magnetisation=1e-3 * magnetisation,
        zeeman=zeeman,
        warping=warping,
    )
    report = {
        "material": material,
        "field_MV_per_m": field,
        "fermi_energy_meV": fermi_energy,
        "beta_heavy": float(levels.beta_heavy),
        "beta_light": float(levels.beta_light),
        "energy_heavy_meV": float(1e3 * levels.energy_heavy),
        "energy_light_meV": float(1e3 * levels.energy_light),
        "overlap": float(levels.overlap),
        "unit": "e/8pi",
        "lcc": float(lcc),
        "xn": float(xn),
        "conventional": float(conventional),
        "conserved_kT_0.2_meV": float(conserved),
        "numerical_error": float(error),
    }
    if as_json:
        print(json.dumps(report, indent=1))
        return
    values = (lcc, xn, conventional, conserved)
    rows = list(zip((*FORMS, "conserved"), values, (*FORMS.values(), "Shi et al., kT = 0.2 meV")))
    notes = [
        f"beta {levels.beta_heavy:.6f} (heavy) {levels.beta_light:.6f} (light), levels "
        f"{1e3 * levels.energy_heavy:.6f} and {1e3 * levels.energy_light:.6f} meV, "
        f"overlap {levels.overlap:.6f}",
        f"integration error {error:.1g} e/8pi",
    ]
    title = f"{material}, {field:g} MV/m, E_F {fermi_energy:g} meV: sigma^z_yx, e/8pi"
    print_forms(title, rows, notes)


@commands.command()
def pieces(
    model: Annotated[str, typer.Argument(help=f"One of {', '.join(PERIODIC[:4])}.")] = "qwz",
    mu: Energy = 0.9,
    kT: Temperature = 0.15,
    points: Annotated[int, typer.Option("--points", help="Grid points along each axis.")] = 96,
    as_json: Json = False,
):
    """Pieces of the current in the kinetic equation, and the sign error of the paper.

    Example: hopnet berry pieces qwz --mu 0.9 --kT 0.15
    """
    from hopnet.berry import PeriodicGrid, decompose, spin_hall

    band_model = model_named(model)
    parts = decompose(band_model, PeriodicGrid(points), mu=mu, kT=kT)
    closed = spin_hall(band_model, PeriodicGrid(points), mu=mu, kT=kT)
    rows = [
        ("J1", parts.j1, "conventional current, band-diagonal spin"),
        ("J2", parts.j2, "conventional current, band-off-diagonal spin"),
        ("I1", parts.i1, "torque dipole of the driven density matrix: -J2"),
        ("I2 direct", parts.i2_direct, "torque dipole of the equilibrium density matrix"),
        ("I2 printed", parts.i2_printed, "the same, field and current exchanged"),
        ("total direct", parts.total_direct, f"XN in closed form: {closed.xn[0]:.6g}"),
        ("total printed", parts.total_printed, f"LCC in closed form: {closed.lcc[0]:.6g}"),
        ("mean torque", parts.torque, "has to vanish for a conserved current"),
    ]
    if as_json:
        print(json.dumps({name.replace(" ", "_"): float(v) for name, v, _ in rows}, indent=1))
        return
    notes = [f"grid error {parts.error:.1g}"]
    if parts.error > 0.1 * max(abs(closed.xn[0]), abs(closed.lcc[0])):
        notes.append("bands touch, or the grid is too coarse: the totals may be wrong")
    print_forms(f"{model}, mu {mu:g}, kT {kT:g}: e/hbar", rows, notes)


@commands.command()
def figures(
    out: Annotated[Path, typer.Option("--out", help="Folder for tables and figures.")],
    which: Annotated[
        str, typer.Option("--which", help="1, 2a, 2b, cutoff, splitting or all.")
    ] = "all",
    points: Annotated[int, typer.Option("--points", help="Points along each curve.")] = 41,
    levels: Annotated[
        int, typer.Option("--levels", help="Number of refinements of the grid for Bi2Se3.")
    ] = 4,
    as_json: Json = False,
):
    """Draw Figs. 1, 2(a) and 2(b) of the paper in every form, and the dependence on the cutoff.

    Example: hopnet berry figures --out results/berry --which 2a --points 31
    """

    from hopnet.checks import one_of, whole

    makers = {
        "1": figure_insulator,
        "cutoff": figure_cutoff,
        "2a": figure_energy,
        "2b": figure_field,
        "splitting": figure_splitting,
    }
    one_of("--which", which, [*makers, "all"])
    whole("--points", points, low=2, high=100_000)
    whole("--levels", levels, low=1, high=12)
    written: list[str] = []
    for name in makers if which == "all" else [which]:
        with bar(f"figure {name}") as progress:
            rows, figure = makers[name](points, levels, progress)
        import pandas as pd

        (path,) = save_figures(out, {f"berry_{name}": figure}, quiet=True)
        table = save_table(pd.DataFrame(rows), path.with_suffix(".csv"))
        written += [str(path), str(table)]
    if as_json:
        print(json.dumps({"written": written}, indent=1))
    else:
        print("\n".join(f"wrote {name}" for name in written))


def rows_of(curves):
    """One row per point: label, unit, x and the value of every form."""
    rows = []
    for curve in curves:
        for j, x in enumerate(curve.x):
            row = {"curve": curve.label, "unit": curve.unit, "x": float(x)}
            for name in ("lcc", "xn", "conventional", "conserved", "error"):
                column = getattr(curve, name)
                title = "numerical_error" if name == "error" else name
                row[title] = "" if column is None else float(column[j])
            rows.append(row)
    return rows


def figure_insulator(points, levels, progress):
    """Rows and figure of Fig. 1."""
    import numpy as np

    from hopnet.berry import insulator_curves
    from hopnet.plots.berry import plot_insulator

    mu = np.linspace(-0.3, 0.4, points)
    curves = insulator_curves(mu, levels=levels, progress=progress)
    return rows_of(curves), plot_insulator(curves)


def figure_cutoff(points, levels, progress):
    """Rows and figure of the cutoff dependence, without and with the warping terms."""
    import numpy as np

    from hopnet.berry import cutoff_curves
    from hopnet.plots.berry import plot_cutoff

    kmax = np.geomspace(0.05, 10.0, min(points, 24))
    curves = cutoff_curves(kmax, levels=levels, progress=progress)
    warped = cutoff_curves(kmax, directions="z", levels=levels, warping=True, progress=progress)
    rows = rows_of(curves) + [row | {"curve": row["curve"] + ", warped"} for row in rows_of(warped)]
    return rows, plot_cutoff(curves, warped)


def figure_energy(points, _levels, progress):
    """Rows and figure of Fig. 2(a)."""
    import numpy as np

    from hopnet.berry import well_energy_curves
    from hopnet.plots.berry import plot_well

    curves = well_energy_curves(np.linspace(0.0, 30.0, points), progress=progress)
    xlabel = r"Fermi energy above the lowest level  [meV]"
    title = "GaAs hole well, 25 nm, $m_z$ = 1 meV"
    return rows_of(curves), plot_well(curves, xlabel=xlabel, title=title)


def figure_field(points, _levels, progress):
    """Rows and figure of Fig. 2(b)."""
    import numpy as np

    from hopnet.berry import well_field_curves
    from hopnet.plots.berry import plot_well

    curves = well_field_curves(np.geomspace(0.05, 20.0, points), progress=progress)
    xlabel = r"gate field  $F_z$  [MV/m]"
    title = "Hole wells, 25 nm, $m_z$ = 1 meV"
    return rows_of(curves), plot_well(curves, xlabel=xlabel, logarithmic=True, title=title)


def figure_splitting(points, _levels, _progress):
    """Rows and figure of the Rashba splitting against the gate field."""
    import numpy as np

    from hopnet.berry import rashba_splitting
    from hopnet.berry.curves import FERMI_ENERGY
    from hopnet.plots.berry import plot_splitting

    fields, k = np.geomspace(0.05, 50.0, points), 0.01
    table = {name: rashba_splitting(name, fields, k) for name in FERMI_ENERGY}
    rows = [
        {"field_MV_per_m": float(f)} | {m: 1e3 * float(e[j]) for m, e in table.items()}
        for j, f in enumerate(fields)
    ]
    return rows, plot_splitting(fields, table, k)
