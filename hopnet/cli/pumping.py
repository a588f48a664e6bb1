"""``hopnet pumping``: spin pumped by a moving texture, and the charge it turns into."""

import json
from pathlib import Path
from typing import Annotated

import typer

from hopnet.cli.options import Json, Out
from hopnet.cli.output import check_finite, print_table, save_figures, short

__all__ = ["add_to"]

# Wave numbers times the mean free path in the table of `efficiency`: from diffusive to ballistic.
Q_ELL = (0.001, 0.01, 0.1, 0.3, 1.0, 3.0, 10.0)


commands = typer.Typer(
    name="pumping",
    help="Spin pumping and spin-charge conversion.\n\n"
    "Example: hopnet pumping run runs/pumping_junction.toml --out results/junction",
    no_args_is_help=True,
)


def add_to(app: typer.Typer) -> None:
    """Register the command group ``pumping`` with ``app`` (a typer.Typer)."""
    app.add_typer(commands)


@commands.command()
def run(
    file: Annotated[Path, typer.Argument(help="Run file (TOML).")],
    out: Out = None,
    as_json: Json = False,
):
    """Spin pumping as given by a run file: currents, densities, torques and charge.

    Example: hopnet pumping run runs/pumping_skyrmion.toml --out results/skyrmion
    """
    from hopnet.pumping.report import answer, write_answer
    from hopnet.pumping.run_file import parse_run_file
    from hopnet.toml import read_text

    text = read_text(file)
    question = parse_run_file(text, file)
    result = answer(question)
    written = []
    if out is not None:
        written = [str(out / name) for name in write_answer(out, text, result)]
        written += [str(path) for path in save_figures(out, figures_of(question, result), True)]
    if as_json:
        print(json.dumps(result.summary, indent=1))
        return
    print(question.question or "spin pumping")
    print_summary(result.summary)
    for name in written:
        print(f"wrote {name}")


def figures_of(question, result):
    """The figures of a result, by name."""
    from hopnet.plots import pumping as plots

    title = question.question
    if result.junction is not None:
        return {"junction": plots.plot_junction(result.junction, title=title)}
    if len(result.pumping.frame.shape) == 1:
        return {"spin": plots.plot_periodic_line(result.pumping, title=title)}
    return {
        f"charge_{name}": plots.plot_charge_map(charge, title=title)
        for name, charge in result.charges.items()
    }


def renamed(rows, names):
    """Some columns under shorter names, for a narrow terminal."""
    rows = [row._asdict() if hasattr(row, "_asdict") else row for row in rows]
    return [{name: row[key] for key, name in names.items()} for row in rows]


def print_summary(summary):
    """Print sections of names and numbers, one per line."""
    for section, entries in summary.items():
        print(f"\n{section}")
        for name, value in entries.items():
            print(f"  {name:<44} {short(value)}")


@commands.command()
def crossover(
    frequency_tau: Annotated[
        float, typer.Option("--frequency-tau", help="Angular frequency times tau.")
    ] = 0.0,
    out: Out = None,
    as_json: Json = False,
):
    """Ratio of local to diffusive spin current in one, two and three dimensions.

    It depends on q ell, the wave number of the texture times the mean free path.

    Example: hopnet pumping crossover --out results/crossover
    """
    import numpy as np

    from hopnet.checks import number
    from hopnet.pumping.crossover import (
        crossover_point,
        interface_split,
        local_share,
        local_to_diffusive,
    )
    from hopnet.pumping.medium import Medium

    frequency_tau = number("--frequency-tau", frequency_tau, low=0.0, high=1e6)
    gas = Medium(exchange=0.1, tau=1.0, density_of_states=1.0, fermi_energy=0.5, tau_s=25.0)
    widths = np.geomspace(0.1, 30, 6 if out is None else 31)
    interfaces = interface_split(gas, max(frequency_tau, 1e-6), widths)
    rows = []
    for ratio in (0.001, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0):
        row = {"ell_over_lambda": ratio, "q_ell": 2 * np.pi * ratio}
        for d in (1, 2, 3):
            row[f"ratio_{d}d"] = float(abs(local_to_diffusive(row["q_ell"], frequency_tau, d)))
        leading = local_to_diffusive(row["q_ell"], frequency_tau, 3, kernel="diffusive")
        row["leading_3d"] = float(abs(leading))
        row["local_share_3d"] = float(abs(local_share(row["q_ell"], frequency_tau, 3)))
        rows.append(row)
    points = {f"{d}d": crossover_point(d) for d in (1, 2, 3)}
    split = [row._asdict() for row in interfaces]
    report = {"crossover_q_ell": points, "rows": rows, "interface": split}
    check_finite(report)
    if as_json:
        print(json.dumps(report, indent=1))
    else:
        names = {"ell_over_lambda": "l/lambda", "q_ell": "q l", "ratio_1d": "1D", "ratio_2d": "2D"}
        names |= {"ratio_3d": "3D", "leading_3d": "3D, leading"}
        print_table(renamed(rows, names), title="local over diffusive spin current", digits=4)
        names = dict(zip(interfaces[0]._fields, ("width / l", "local", "diffusive")))
        few = interfaces if out is None else interfaces[::5]
        print_table(renamed(few, names), title="current at an interface, tau_s = 25 tau", digits=4)
        text = ", ".join(f"{name} {x:.6f}" for name, x in points.items())
        print(f"equal at q ell = {text}")
    if out is not None:
        from hopnet.plots.pumping import plot_crossover

        figure = plot_crossover(interfaces, frequency_tau=frequency_tau)
        save_figures(out, {"crossover": figure}, as_json)


@commands.command()
def efficiency(
    file: Annotated[Path | None, typer.Argument(help="Run file that defines the medium.")] = None,
    frequency_GHz: Annotated[
        float, typer.Option("--frequency-GHz", help="Frequency of the texture, GHz.")
    ] = 10.0,
    out: Out = None,
    as_json: Json = False,
):
    """Charge current per spin current, from Rashba coupling and from impurities.

    It depends on q ell, the wave number of the texture times the mean free path.

    Example: hopnet pumping efficiency runs/pumping_junction.toml --out results/efficiency
    """
    import numpy as np

    from hopnet.checks import number

    medium = medium_of(file)
    frequency_GHz = number("--frequency-GHz", frequency_GHz, low=0.0, high=1e9, unit="GHz")
    frequency = 2e9 * np.pi * frequency_GHz
    rows = [efficiency_row(medium, q_ell, frequency) for q_ell in Q_ELL]
    check_finite(rows)
    if as_json:
        print(json.dumps({"unit": "2e/hbar", "rows": rows}, indent=1))
    else:
        for kernel, name in (("boltzmann", "any free path"), ("diffusive", "diffusive")):
            names = {"q_ell": "q l", f"rashba_transverse_{kernel}": "Rashba, across q"}
            names |= {f"rashba_longitudinal_{kernel}": "Rashba, along q"}
            names |= {f"impurity_{kernel}": "impurities"}
            print_table(
                renamed(rows, names), title=f"charge over spin current in 2e/hbar, {name}", digits=4
            )
    if out is not None:
        from hopnet.plots.pumping import plot_efficiency

        save_figures(out, {"efficiency": plot_efficiency(medium, frequency)}, as_json)


def medium_of(file):
    """The medium of a run file; without one, a metal with Rashba coupling and impurities."""
    from hopnet.pumping.medium import Medium
    from hopnet.pumping.run_file import read_run_file

    if file is not None:
        return read_run_file(file).medium.build()
    return Medium.from_lab(
        exchange_meV=3,
        fermi_energy_eV=5,
        mean_free_path_nm=0.5,
        rashba_meV_nm=(0, 0, 10),
        impurity_nm2=2e-5,
    )


def efficiency_row(medium, q_ell, frequency):
    """Charge over spin current in 2e/hbar at one q ell: each mechanism, with both kernels."""
    from hopnet.pumping.conversion import conversion_efficiency

    unit = medium.hbar / (2 * medium.charge)
    row = {"q_ell": q_ell}
    for name, kind, direction in (
        ("rashba_transverse", "rashba", "transverse"),
        ("rashba_longitudinal", "rashba", "longitudinal"),
        ("impurity", "impurity", "transverse"),
    ):
        for kernel in ("diffusive", "boltzmann"):
            ratio = conversion_efficiency(
                medium,
                q_ell / medium.mean_free_path,
                frequency,
                kind=kind,
                direction=direction,
                kernel=kernel,
            )
            row[f"{name}_{kernel}"] = float(unit * ratio)
    return row


@commands.command()
def orders(
    cone_angle_deg: Annotated[
        float, typer.Option("--cone-angle-deg", help="Opening angle of the spiral, degrees.")
    ] = 90.0,
    out: Out = None,
    as_json: Json = False,
):
    """Torque on a spiral to second order in J, divided by the torque of all orders.

    Example: hopnet pumping orders --out results/orders
    """
    from dataclasses import replace

    import numpy as np

    from hopnet.checks import number
    from hopnet.pumping.medium import Medium
    from hopnet.pumping.orders import compare_orders

    cone_angle_deg = number(
        "--cone-angle-deg", cone_angle_deg, low=0.01, high=179.99, hint="90 is flat"
    )
    medium = Medium(exchange=0.3, tau=1.0, density_of_states=1.0, fermi_energy=1.5)
    table = []
    for rate in (0.3, 0.03, 0.003):  # D q^2 tau, with D = 1: W = 1/tau_s = half of it
        gas = replace(medium, tau_s=2 / rate)
        table += compare_orders(
            gas, rate**0.5, 0.5 * rate, np.radians(cone_angle_deg), np.geomspace(0.003, 3, 25)
        )
    check_finite([row._asdict() for row in table])
    if as_json:
        print(json.dumps([row._asdict() for row in table], indent=1))
    else:
        few = [row._asdict() for row in table[::4]]
        print_table(few, title="second order over all orders in J", digits=4)
    if out is not None:
        from hopnet.plots.pumping import plot_orders

        save_figures(out, {"orders": plot_orders(table)}, as_json)
