"""``hopnet transport``: linear transport of one sample from a file, as a table and figures."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hopnet.cli.options import Json, Out, Threads
from hopnet.cli.output import print_answer, print_table, save_figures
from hopnet.errors import ConvergenceError, DataError, ParameterError, ValidityWarning

if TYPE_CHECKING:
    from hopnet.network.network import Network
    from hopnet.network.sites import Sites
    from hopnet.transport.current import Current

__all__ = ["add_to"]

# Range of the default spectrum in units of the static rate G / mean capacity: from the plateau of
# the direct current to six decades above it. A wider range takes more factors.
SLOWEST, FASTEST = 1e-4, 1e6

File = Annotated[
    Path,
    typer.Argument(
        help="Network (.npz, .mtx) or sites (.npz, .csv, .parquet, .xyz).", show_default=False
    ),
]
ThermalEnergy = Annotated[
    float | None,
    typer.Option("--kT", help="Thermal energy, in the unit of the energies of the file."),
]
ChemicalPotential = Annotated[
    float | None,
    typer.Option(
        "--chemical-potential",
        help="Chemical potential, in the unit of kT; electrons then exclude each other.",
    ),
]
Bath = Annotated[str, typer.Option(help="ohmic, miller_abrahams, heat_bath or marcus.")]
ReorganisationEnergy = Annotated[
    float | None, typer.Option(help="Reorganisation energy of the bath marcus, in the unit of kT.")
]
CutoffMargin = Annotated[
    float | None, typer.Option(help="Distance that links reach beyond l_c, in a_b (default: 6).")
]
Unit = Annotated[
    float, typer.Option(help="The localisation radius a_b in the unit of a table of sites.")
]
Length = Annotated[
    float | None, typer.Option(help="Side of the sample along x, in the unit of the table.")
]
Width = Annotated[
    float | None, typer.Option(help="Side of the sample along y, in the unit of the table.")
]
TableGeometry = Annotated[str, typer.Option(help="open or cylinder, for a table of sites.")]
Contacts = Annotated[
    str, typer.Option(help="x or y, or two lists of sites as 0,1:8,9 (counted from 0).")
]
Frequencies = Annotated[
    str | None, typer.Option(help="Angular frequencies in 1/tau_0: a list, or start:stop:n.")
]


def add_to(app: typer.Typer) -> None:
    """Register the command ``transport`` with ``app`` (a typer.Typer)."""
    app.command()(transport)


def transport(
    file: File,
    kT: ThermalEnergy = None,
    chemical_potential: ChemicalPotential = None,
    bath: Bath = "ohmic",
    reorganisation_energy: ReorganisationEnergy = None,
    cutoff_margin: CutoffMargin = None,
    unit: Unit = 1.0,
    length: Length = None,
    width: Width = None,
    geometry: TableGeometry = "open",
    contacts: Contacts = "x",
    frequencies: Frequencies = None,
    threads: Threads = None,
    out: Out = None,
    as_json: Json = False,
):
    """Conductance, activation, noise, thermopower, strain and admittance of one sample.

    Example: hopnet transport sites.csv --kT 0.1 --chemical-potential 0 --out figures/
    """
    from hopnet.transport.current import solve_current
    from hopnet.transport.summary import transport_table

    ends = contacts_of_text(contacts)
    box = {"unit": unit, "length": length, "width": width, "geometry": geometry}
    found = read_sample(file, ends, box)
    options: dict[str, Any] = {
        "kT": kT,
        "chemical_potential": chemical_potential,
        "bath": bath,
        "reorganisation_energy": reorganisation_energy,
        "cutoff_margin": cutoff_margin,
    }
    network = as_network(found, ends, options)
    network.check_percolation()
    current = solve_current(network, threads=threads)
    table = transport_table(network, current=current, threads=threads)
    spectrum = spectrum_rows(network, frequencies, threads)
    rows = [
        {name: None if value != value else value for name, value in row.items()}
        for row in table.to_dict("records")
    ]
    head = {"file": str(file), "n_sites": network.n_sites, "n_links": network.n_links}
    if as_json:
        print_answer(head | {"rows": rows, "admittance": spectrum}, as_json)
    else:
        print_answer(head, as_json)
        print_table(rows)
        if spectrum:
            print_table(spectrum, title="admittance")
    save_figures(out, figures_of(network, current, threads) if out else {}, as_json)


def contacts_of_text(text: str) -> Any:
    """The edges "x" or "y", or two lists of site numbers."""
    if text in ("x", "y"):
        return text
    parts = text.split(":")
    try:
        if len(parts) != 2:
            raise ValueError
        return tuple([int(word) for word in part.split(",")] for part in parts)
    except ValueError:
        raise ParameterError(
            f"--contacts must be x, y or two lists of site numbers as 0,1:8,9, got {text!r}; "
            "separate the lists by a colon."
        ) from None


def read_sample(path: Path, contacts: Any, box: dict[str, Any]) -> "Network | Sites":
    """The network or the sites of a file; its ending, and what an .npz file holds, decide."""
    from hopnet.network.links import read_matrix_market
    from hopnet.network.network import Network
    from hopnet.network.readers import read_sites
    from hopnet.network.sites import Sites

    if path.suffix in (".npz", ".mtx"):
        refuse({name: v for name, v in box.items() if v not in (None, 1.0, "open")}, "a table")
    if path.suffix == ".mtx":
        if isinstance(contacts, str):
            raise ParameterError(
                "a Matrix Market file needs its contacts as lists of sites, counted from 0; give "
                "--contacts 0,1:8,9."
            )
        return read_matrix_market(path, contacts=contacts)
    if path.suffix != ".npz":
        return read_sites(path, **box)
    try:
        return Network.load(path)
    except DataError as failure:
        try:
            return Sites.load(path)
        except DataError:
            raise failure from None


def as_network(found: "Network | Sites", contacts: Any, options: dict[str, Any]) -> "Network":
    """The network of a file, or one built from its sites; options that change nothing are refused.

    Parameters
    ----------
    found : Network or Sites
    contacts : str or pair of lists
    options : dict
        Keyword arguments of `hopnet.build_network`.
    """
    from hopnet.network.build import build_network
    from hopnet.network.network import Network

    if not isinstance(found, Network):
        return build_network(found, contacts=contacts, **options)
    refuse({name: v for name, v in options.items() if v not in (None, "ohmic")}, "a file of sites")
    if isinstance(contacts, str) and contacts != "x":
        refuse({"contacts": contacts}, "a file of sites")
    return found


def refuse(given: dict[str, Any], what: str) -> None:
    """Raise if an option was given that this kind of file does not take."""
    if given:
        name = next(iter(given)).replace("_", "-")
        raise ParameterError(
            f"--{name} belongs to {what}, this file holds more than that already; leave it out."
        )


def spectrum_rows(
    network: "Network", frequencies: str | None, threads: int | None
) -> list[dict[str, float]]:
    """The admittance at the frequencies that were asked for, each solved exactly."""
    import numpy as np

    from hopnet.cli.options import numbers
    from hopnet.transport.admittance import admittance

    if frequencies is None:
        return []
    omega = numbers(frequencies, "frequencies")
    values = admittance(network, np.array(omega), threads=threads)
    return [
        {"omega_tau_0": w, "real": float(g.real), "imaginary": float(g.imag)}
        for w, g in zip(omega, values)
    ]


def figures_of(network: "Network", current: "Current", threads: int | None) -> dict[str, Any]:
    """Power map, scanning-gate map (with energies) and spectrum."""
    import numpy as np

    from hopnet.plots.transport import plot_gate_map, plot_power_map, plot_spectrum
    from hopnet.transport.admittance import admittance_model
    from hopnet.transport.response import site_response

    figures = {"power_map": plot_power_map(current)}
    if network.kT is not None and network.sites.energy is not None:
        figures["gate_map"] = plot_gate_map(current, site_response(current))
    capacity = float(np.exp(network.log_capacity).mean())
    rate = current.conductance / capacity
    if np.isfinite(rate) and rate > 0:
        try:
            model = admittance_model(
                network, SLOWEST * rate, FASTEST * rate, current=current, threads=threads
            )
        except ConvergenceError:
            warnings.warn(
                "no spectrum is drawn: its model does not reach an error of 1 % in this sample. "
                "Give --frequencies for exact values.",
                ValidityWarning,
                stacklevel=2,
            )
        else:
            figures["spectrum"] = plot_spectrum(model)
    return figures
