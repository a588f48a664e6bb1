"""``hopnet material``: what a material shows in the laboratory, in SI units."""

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hopnet.cli.options import Json, NSites, Out, Seed, numbers
from hopnet.cli.output import check_finite, is_watched, print_table, save_figures, save_table

if TYPE_CHECKING:
    import pandas as pd

    from hopnet.material import Material
    from hopnet.spin.laboratory import Laboratory

__all__ = ["add_to"]


def add_to(app: typer.Typer) -> None:
    """Register ``material`` with ``app`` (a typer.Typer)."""
    app.command("material")(material_command)


def material_command(
    material_file: Annotated[
        Path, typer.Argument(help="TOML file with a table named material.", show_default=False)
    ],
    seed: Seed,
    field: Annotated[float, typer.Option("--field-kV-cm", help="Electric field, kV/cm.")] = 1.0,
    temperatures: Annotated[
        str | None,
        typer.Option(
            "--temperatures",
            help="Temperatures in K for a table of resistance and spin: a list with commas, or "
            "start:stop:n.",
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option("--report", help="Folder for a page with figures, tables and warnings."),
    ] = None,
    n_sites: NSites = 10_000,
    samples: Annotated[int, typer.Option("--samples", help="Number of samples.")] = 4,
    f: Annotated[
        float | None, typer.Option("--f", help="Value of f (default: that of the samples).")
    ] = None,
    signs: Annotated[
        str,
        typer.Option(
            "--signs", help="consistent, or printed (the signs of the paper in (14), (15))."
        ),
    ] = "consistent",
    detectable: Annotated[
        float,
        typer.Option("--detectable", help="Smallest polarisation that you can measure, per cent."),
    ] = 1e-3,
    out: Out = None,
    as_json: Json = False,
):
    """Sheet resistance, spin polarisation and Hall mobility of a material, in SI units.

    Example: hopnet material runs/material_letter.toml --n-sites 5000 --seed 1
    """
    from hopnet.checks import number, one_of
    from hopnet.material import warn_of_limits
    from hopnet.spin.laboratory import laboratory_numbers, read_material

    volts = number("--field-kV-cm", field, low=0.0, high=1e6, above=True) * 1e5
    f = None if f is None else number("--f", f, low=-1e3, high=1e3)
    one_of("signs", signs, ("consistent", "printed"))
    smallest = number("--detectable", detectable, low=0.0, high=100.0, above=True, unit="%") / 100
    given = {"seed": seed, "n_sites": n_sites, "samples": samples}
    material = read_material(material_file, **given)
    warn_of_limits(material, volts)
    found = laboratory_numbers(material, volts, detectable=smallest, progress=is_watched(), **given)
    table = None
    if temperatures is not None or report is not None:
        table = table_of(material, temperatures, volts, given)
    answer = answer_of(str(material_file), material, found, f, signs)
    if table is not None:
        answer["temperatures"] = without_nan(table.to_dict("records"))
    answer["lines"] = lines_of(answer)
    answer["written"] = write_all(material, found, table, answer, report, out, given)
    lines = answer.pop("lines")
    check_finite(answer)
    if as_json:
        print(json.dumps(answer, indent=1))
    else:
        print_all(lines, answer)


def without_nan(rows: list[dict[Any, Any]]) -> list[dict[str, Any]]:
    """Rows of a table with None for what is not known."""
    return [{str(k): None if v != v else v for k, v in row.items()} for row in rows]


def table_of(
    material: "Material", temperatures: str | None, volts: float, given: dict[str, int]
) -> "pd.DataFrame":
    """The table over temperatures; without a list, nine from T/3 to 3 T."""
    from hopnet.spin.laboratory import laboratory_table

    middle = float(material.T or 1.0)
    text = temperatures or f"{middle / 3:.6g}:{middle * 3:.6g}:9"
    T = sorted(set(numbers(text, "temperatures")))
    return laboratory_table(material, T, volts, progress=is_watched(), **given)


def answer_of(
    name: str, material: "Material", found: "Laboratory", f: float | None, signs: str
) -> dict[str, Any]:
    """All numbers of the answer; the first table is the answer, the others are details."""
    from hopnet.material import high_density_polarisation, limits_of

    ratio = found.resistance / float(material.rho_0 or 1.0)
    spin = not math.isnan(found.polarisation)

    def known(value: float) -> float | None:
        return None if math.isnan(value) else value

    return {
        "material": name,
        "temperature_K": found.temperature,
        "field_kV_cm": found.field * 1e-5,
        "sheet_resistance_Ohm": found.resistance,
        "sheet_resistance_standard_error": known(found.resistance_standard_error),
        "l_c_nm": found.critical_length * 1e9,
        "xi_c": found.critical_exponent,
        "regime": found.regime,
        "polarisation_per_cent": known(100 * found.polarisation),
        "polarisation_standard_error": known(100 * found.polarisation_standard_error),
        "hall_mobility_cm2_per_Vs": known(1e4 * found.hall_mobility),
        "hall_mobility_standard_error": known(1e4 * found.hall_mobility_standard_error),
        "resistance_is_measurable": found.resistance_is_measurable,
        "polarisation_is_measurable": found.spin_is_measurable,
        "detectable_per_cent": 100 * found.detectable,
        "n_sites": found.n_sites,
        "samples": found.n_samples,
        "f": found.f,
        "f_standard_error": known(found.f_standard_error),
        "density": material.density,
        "rho_0_Ohm": material.rho_0,
        "tau_s": material.tau_s / material.tau_0,
        "tau_0_ps": material.tau_0 * 1e12,
        "eta": material.eta,
        "angle": material.angle,
        "signs": signs,
        "warnings": limits_of(material, found.field),
        "estimates": estimates(material, found.f if f is None else f, ratio, signs, found.field)
        if spin
        else [],
        "high_density_s": high_density_polarisation(material, found.field) if spin else 0.0,
    }


def estimates(
    material: "Material", f: float, ratio: float, signs: str, volts: float
) -> list[dict[str, Any]]:
    """One row per estimate of the polarisation, with its assumption and its value."""
    import numpy as np

    from hopnet.material import conductivities, quiet_limits

    rows = []
    for name, value, rho, note in (
        ("letter", 1.0, "letter", "f = 1, l_c = 1.2 / sqrt(n_s) as the letter rounds it"),
        ("letter, its f", f, "letter", "the same with the f of this density and tau_s"),
        ("percolation", f, "percolation", "rho_0 exp(2 l_c / a_b), l_c sqrt(n_s) = 1.198"),
        ("sample", f, ratio, "resistivity of the samples: the answer above"),
        ("crossover", f, "crossover", "rho = rho_0, where hopping ends"),
        ("crossover, f = 1", 1.0, "crossover", "the letter's 'about 1 %'"),
    ):
        with quiet_limits():
            got = conductivities(material, value, resistivity=rho, signs=signs)
        rows.append(
            {
                "estimate": name,
                "f": value,
                "resistivity_Ohm": got.resistivity,
                "s": float(np.linalg.norm(got.cisp, 2)) * volts,
                "cisp_m_per_V": (got.cisp + 0.0).tolist(),
                "sge_A_per_m": (got.sge + 0.0).tolist(),
                "she_per_V_s": (got.she + 0.0).tolist(),
                "note": note,
            }
        )
    return rows


def write_all(
    material: "Material",
    found: "Laboratory",
    table: "pd.DataFrame | None",
    answer: dict[str, Any],
    report: Path | None,
    out: Path | None,
    given: dict[str, int],
) -> list[str]:
    """Write what was asked for; the names of the files."""
    written = []
    if out is not None:
        if table is not None:
            written.append(str(save_table(table, out / "temperatures.csv")))
        if answer["polarisation_per_cent"] is not None:
            written += write_density_scan(material, out, found.field, given)
    if report is not None and table is not None:
        from hopnet.plots.material import write_report

        written += [str(path) for path in write_report(report, material, table, answer, given)]
    return written


def write_density_scan(
    material: "Material", out: Path, volts: float, given: dict[str, int]
) -> list[str]:
    """s against n_s as CSV and PNG; names of the files."""
    import numpy as np

    from hopnet.material import quiet_limits
    from hopnet.plots.kinetics import plot_cisp_density
    from hopnet.spin.kinetics.scan import cisp_against_density

    n_sites, seed = given["n_sites"], given["seed"]
    density = np.round(np.geomspace(0.005, 0.2, 9), 5).tolist()
    with quiet_limits():
        table = cisp_against_density(material, density, n_sites=n_sites, seed=seed, field=volts)
    save_table(table, out / "cisp_density.csv")
    title = (
        f"Current-induced polarisation, {n_sites} sites (cylinder), "
        rf"$\tau_s$ = {material.tau_s / material.tau_0:.3g} $\tau_0$"
    )
    figure = plot_cisp_density(table, field=volts, title=title)
    save_figures(out, {"cisp_density": figure}, quiet=True)
    return [str(out / "cisp_density.csv"), str(out / "cisp_density.png")]


def print_all(lines: list[tuple[str, str]], answer: dict[str, Any]) -> None:
    """The answer on top, then the temperatures, then other estimates."""
    for name, text in lines:
        print(f"  {name:24s}{text}")
    if answer.get("temperatures"):
        print()
        rows = [temperature_row(row) for row in answer["temperatures"]]
        print_table(rows, title="against temperature", digits=4)
    if answer["estimates"]:
        print()
        print_estimates(answer)
    for name in answer["written"]:
        print(f"wrote {name}")


def lines_of(answer: dict[str, Any]) -> list[tuple[str, str]]:
    """Name and text of each line of the answer."""
    ohm = in_ohm(answer["sheet_resistance_Ohm"])
    relative = answer["sheet_resistance_standard_error"]
    if relative is not None:
        ohm += f"  (+- {100 * relative / answer['sheet_resistance_Ohm']:.2g} % over samples)"
    s, mobility = answer["polarisation_per_cent"], answer["hall_mobility_cm2_per_Vs"]
    spin = "not computed: the file has no beta_meV_A and tau_s_ns, or hbar/(J_0 tau_0) > 1"
    hall = "not computed: hbar/(J_0 tau_0) > 1"
    if mobility is not None:
        hall = f"{with_error(mobility, answer['hall_mobility_standard_error'])} cm2/(V s)"
    seen = "yes" if answer["resistance_is_measurable"] else "no (above 1e12 Ohm)"
    verdict = f"resistance {seen}"
    if s is not None:
        spin = f"{with_error(s, answer['polarisation_standard_error'])} %"
        seen = "yes" if answer["polarisation_is_measurable"] else "no"
        verdict += f"; polarisation {seen} (smallest: {answer['detectable_per_cent']:g} %)"
    return [
        ("material", f"{answer['material']}, n_s a_b^2 = {answer['density']:.4g}"),
        ("temperature, field", f"{answer['temperature_K']:.4g} K, {answer['field_kV_cm']:g} kV/cm"),
        ("sheet resistance", ohm),
        ("percolation length l_c", f"{answer['l_c_nm']:.4g} nm"),
        ("regime", f"{answer['regime']} hopping, xi_c = {answer['xi_c']:.3g}"),
        ("spin polarisation", spin),
        ("Hall mobility", hall),
        ("measurable", verdict),
        ("from", f"{answer['samples']} samples of {answer['n_sites']} sites"),
    ]


def in_ohm(value: float) -> str:
    """A resistance with a prefix."""
    for size, unit in ((1e12, "TOhm"), (1e9, "GOhm"), (1e6, "MOhm"), (1e3, "kOhm")):
        if 1e3 * size > value >= size:
            return f"{value / size:.4g} {unit}"
    return f"{value:.4g} Ohm"


def with_error(value: float, error: float | None) -> str:
    """A value with its standard error, if it is known."""
    return f"{value:.4g}" if error is None else f"{value:.4g} +- {error:.2g}"


def temperature_row(row: dict[str, Any]) -> dict[str, Any]:
    """One printed row of the table of temperatures."""
    out = {
        "T (K)": row["T_K"],
        "rho (Ohm)": row["resistance_Ohm"],
        "error (%)": None
        if row["relative_standard_error"] is None
        else round(100 * row["relative_standard_error"], 1),
        "w = -dln rho/dln T": round(row["w"], 3),
        "regime": row["regime"],
    }
    if row.get("polarisation") is not None:
        out["s (%)"] = 100 * row["polarisation"]
    return out


def print_estimates(answer: dict[str, Any]) -> None:
    """Other estimates of the polarisation, and the conductivities of the samples."""
    rows = [
        {
            "estimate": row["estimate"],
            "f": row["f"],
            "rho (Ohm)": row["resistivity_Ohm"],
            "s (%)": 100 * row["s"],
            "meaning": row["note"],
        }
        for row in answer["estimates"]
    ]
    title = f"other estimates of the polarisation at {answer['field_kV_cm']:g} kV/cm"
    print_table(rows, title=title, digits=4)
    print(f"at high density, (S29) with rho = rho_0: s = {100 * answer['high_density_s']:.3g} %")
    sample = next(row for row in answer["estimates"] if row["estimate"] == "sample")
    print(f"\nconductivities of the samples, {answer['signs']} signs:")
    for name, key, unit in (
        ("CISP", "cisp_m_per_V", "m/V"),
        ("SGE", "sge_A_per_m", "A/m"),
        ("SHE", "she_per_V_s", "1/(V s)"),
    ):
        (a, b), (c, d) = sample[key]
        print(f"  sigma_{name:<5} [[{a: .4e}, {b: .4e}], [{c: .4e}, {d: .4e}]] {unit}")
