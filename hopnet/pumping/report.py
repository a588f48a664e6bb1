"""Answer a run file: solve, gather numbers in laboratory units and fields in SI, write them."""

from __future__ import annotations

import json
import math
import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import constants

from hopnet.errors import ParameterError
from hopnet.files import atomic_write
from hopnet.pumping.contacts import Junction, solve_junction
from hopnet.pumping.conversion import ChargeResponse, impurity, rashba
from hopnet.pumping.currents import Pumping, pump
from hopnet.pumping.inputs import instance
from hopnet.pumping.medium import Medium
from hopnet.pumping.run_file import RunFile
from hopnet.records import Record, save_arrays

__all__ = ["Answer", "answer", "write_answer"]

# The error from the grid, relative to the result, above which a run is refused. Above it not even
# the first digit is certain, and a table would show a number that means nothing.
REFUSED = 1.0
# Files that `write_answer` writes, and that mark a folder as one of its own.
RUN, SUMMARY, FIELDS = "run.toml", "summary.json", "fields.npz"
# The charge current of each coupling, for the estimate of its error.
CHARGES = {
    "rashba": lambda pumping: rashba(pumping).current(),
    "impurity": lambda pumping: impurity(pumping).current(),
}


@dataclass(frozen=True, eq=False, repr=False)
class Answer(Record):
    """Results of a run file.

    Attributes
    ----------
    summary : dict of dicts of plain numbers
        Sections of a table: names with units, and numbers.
    fields : dict of str to array
        Fields in SI, at t = 0 (for a time series: at its end) and in time average.
    pumping : Pumping or None
        Result on a periodic box.
    junction : Junction or None
        Result between contacts. One of the two is None.
    charges : dict of str to ChargeResponse
        ``rashba`` and ``impurity``, where the medium couples.
    """

    summary: dict[str, dict[str, Any]]
    fields: dict[str, Any]
    pumping: Pumping | None
    junction: Junction | None
    charges: dict[str, ChargeResponse]


def answer(question: RunFile) -> Answer:
    """Compute the results that a run file asks for.

    Parameters
    ----------
    question : run_file.RunFile
        The run file as `read_run_file` returns it.

    Returns
    -------
    Answer

    Raises
    ------
    ParameterError
        For a question that the models refuse, or a grid on which no digit of the answer is certain.
    """
    instance("question", question, (RunFile,), "read one with read_run_file")
    medium = question.medium.build()
    if question.contacts is not None:
        return answer_junction(question, medium)
    options = question.solve.model_dump()
    pumping = pump(question.texture.build(), medium, **options)
    charges = {}
    if any(medium.rashba):
        charges["rashba"] = rashba(pumping)
    if medium.impurity:
        charges["impurity"] = impurity(pumping)
    return answer_periodic(pumping, charges)


def checked_error(error: float, points: object) -> float:
    """The relative error from the grid, or the sentence that refuses the run."""
    if not error <= REFUSED:
        raise ParameterError(
            "the grid must resolve the texture, got an estimated error of the size of the result "
            f"itself on {points} points; increase texture.shape, or make the box shorter."
        )
    return error


def answer_periodic(pumping: Pumping, charges: dict[str, ChargeResponse]) -> Answer:
    """Numbers and fields of a result on a periodic box."""
    medium, frame = pumping.medium, pumping.frame
    error = checked_error(pumping.numerical_error(), pumping.texture.shape)
    instant = 0.0 if frame.time is None else float(frame.time[-1])
    spin = {
        "spin_density": pumping.density(),
        "pumped_current": pumping.pumped_current(),
        "equilibrium_current": pumping.equilibrium_current(),
        "torque": pumping.torque(),
    }
    fields: dict[str, Any] = {"lengths": np.array(pumping.texture.lengths), "time": instant}
    for name, field in spin.items():
        fields[name], fields[f"mean_{name}"] = field.at(instant), field.mean()
    potential = pumping.potential()
    fields["excess_density"] = potential.at(instant) / medium.diffusion
    fields["mean_excess_density"] = potential.mean() / medium.diffusion
    summary: dict[str, dict[str, Any]] = {"medium": medium_numbers(medium)}
    summary["spin, largest on the grid"] = {
        "pumped current, t = 0 [A/m2]": amperes(medium, fields["pumped_current"]),
        "pumped current, time average [A/m2]": amperes(medium, fields["mean_pumped_current"]),
        "pumped current, numerical error [A/m2]": amperes(
            medium, pumping.numerical_error(lambda p: p.pumped_current())
        ),
        "excess density, t = 0 [electrons/nm3]": count(medium, fields["excess_density"]),
        "excess density, average [electrons/nm3]": count(medium, fields["mean_excess_density"]),
        "secular rate [1/(nm3 ns)]": [
            float(medium.electrons(r)) * 1e-36 for r in pumping.secular_rate
        ],
    }
    for name, charge in charges.items():
        density, current = charge.density(), charge.current()
        fields |= {
            f"{name}_density": density.at(instant),
            f"{name}_current": current.at(instant),
            f"mean_{name}_density": density.mean(),
            f"mean_{name}_current": current.mean(),
        }
        summary[f"charge, {name}"] = {
            "current, t = 0 [A/m2]": largest(fields[f"{name}_current"]),
            "current, time average [A/m2]": largest(fields[f"mean_{name}_current"]),
            "current, numerical error [A/m2]": pumping.numerical_error(CHARGES[name]),
            "density, t = 0 [e/um3]": largest(fields[f"{name}_density"]) / medium.charge * 1e-18,
            "conservation of charge, residual": charge.residual(),
        }
    summary["checks"] = pumping.residuals() | {
        "left out of the texture": pumping.removed,
        "numerical error of the grid, relative": error,
    }
    return Answer(summary, fields, pumping, None, charges)


def answer_junction(question: RunFile, medium: Medium) -> Answer:
    """Numbers and fields of a result between contacts."""
    if question.solve.dealias or question.solve.zero_mode != "relaxed":
        raise ParameterError(
            "solve.dealias and solve.zero_mode must be left out with [contacts], because they "
            "belong to a periodic box, got one of them; remove them."
        )
    left, right = question.contacts.build() if question.contacts else (0.0, 0.0)
    junction = solve_junction(
        question.texture.build(cell_centred=True),  # type: ignore[arg-type]
        medium,
        left=left,
        right=right,
        vertex=question.solve.vertex,
    )
    error = checked_error(junction.numerical_error(), junction.texture.shape)
    fields: dict[str, Any] = {"position": junction.position, "face": junction.face}
    for order in (1, 2):
        fields |= {
            f"potential_{order}": junction.potential(order),
            f"density_{order}": junction.density(order),
            f"pumped_current_{order}": junction.pumped_current(order),
        }
    fields["supercurrent"] = junction.supercurrent()
    second = fields["pumped_current_2"][2]
    summary: dict[str, dict[str, Any]] = {"medium": medium_numbers(medium)}
    summary["spin"] = {
        "first order, largest current, t = 0 [A/m2]": amperes(medium, fields["pumped_current_1"]),
        "second order, largest z current [A/m2]": amperes(medium, second),
        "second order, z current left wall [A/m2]": medium.charge_equivalent(second[0]) + 0.0,
        "second order, z current right wall [A/m2]": medium.charge_equivalent(second[-1]),
        "second order, largest density [electrons/nm3]": count(medium, fields["density_2"]),
        "second order, numerical error [A/m2]": amperes(
            medium, junction.numerical_error("pumped_current", 2)
        ),
        "numerical error of the cells, relative": error,
        "spin balance, residual": float(junction.balance()),
        "secular rate [1/(nm3 ns)]": [
            float(medium.electrons(r)) * 1e-36 for r in junction.secular_rate
        ],
    }
    summary["spin"] = {
        name: value if isinstance(value, list) else float(value)
        for name, value in summary["spin"].items()
    }
    if any(medium.rashba):
        density, current = junction.rashba()
        fields |= {"rashba_density": density, "rashba_current": current}
        summary["charge, rashba"] = {
            "largest current, t = 0 [A/m2]": largest(current),
            "largest density, t = 0 [e/um3]": largest(density) / medium.charge * 1e-18,
        }
    return Answer(summary, fields, None, junction, {})


def medium_numbers(medium: Medium) -> dict[str, float]:
    """Coefficients of a medium in laboratory units."""
    return {
        "elastic time tau [fs]": medium.tau * 1e15,
        "mean free path [nm]": medium.mean_free_path * 1e9,
        "diffusion constant [m2/s]": medium.diffusion,
        "spin relaxation time [ps]": medium.tau_s * 1e12,
        "spin diffusion length [nm]": medium.spin_diffusion_length * 1e9,
        "hbar / tau [meV]": medium.hbar / medium.tau / (1e-3 * constants.eV),
        "conductivity [S/m]": medium.conductivity,
    }


def largest(array: np.ndarray) -> float:
    """Largest modulus of an array."""
    return float(np.abs(array).max())


def amperes(medium: Medium, current: Any) -> float:
    """Largest spin current as a charge current in A/m^2; infinite for an infinite error."""
    size = largest(current)
    return float(medium.charge_equivalent(size)) if math.isfinite(size) else math.inf


def count(medium: Medium, density: np.ndarray) -> float:
    """Largest spin density as electrons per nm^3."""
    return float(medium.electrons(largest(density))) * 1e-27


def write_answer(folder: str | os.PathLike, text: str, result: Answer) -> list[str]:
    """Write the run file, the summary and the fields of an answer to a folder.

    Each file is written completely or not at all. An earlier answer of ``hopnet pumping`` in the
    folder is replaced.

    Parameters
    ----------
    folder : path-like
        Made where it does not exist.
    text : str
        Text of the run file.
    result : Answer
        What `answer` returned.

    Returns
    -------
    list of str
        Names of the files.

    Raises
    ------
    ParameterError
        If the folder holds another kind of run, or cannot be written.
    """
    instance("folder", folder, (str, os.PathLike), "give the name of a folder")
    instance("text", text, (str,), "give the text of the run file")
    instance("result", result, (Answer,), "take what answer returns")
    folder = Path(folder)
    refuse_other_run(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        save_arrays(folder / FIELDS, "PumpingFields", result.fields)
        for name, content in (
            (SUMMARY, json.dumps(result.summary, indent=1, allow_nan=True) + "\n"),
            (RUN, text),
        ):
            with atomic_write(folder / name) as file:
                file.write(content.encode())
    except (OSError, ValueError) as failure:
        raise ParameterError(
            f"{str(folder)!r} must be a folder that can be written, got {failure}; give another "
            "one."
        ) from None
    return [RUN, SUMMARY, FIELDS]


def refuse_other_run(folder: Path) -> None:
    """Refuse a folder that holds an ensemble or another run that is not one of pumping."""
    if folder.exists() and not folder.is_dir():
        raise ParameterError(
            f"{str(folder)!r} must be a folder that can be written, got a file; give another name."
        )
    other = (folder / "manifest.json").exists()
    try:
        tables = tomllib.loads((folder / RUN).read_text(encoding="utf-8"))
        other = other or not {"medium", "texture"} <= set(tables)
    except FileNotFoundError:
        pass
    except (OSError, ValueError, RecursionError):
        other = True  # something that is no run file of pumping either
    if other:
        raise ParameterError(
            f"the folder {str(folder)!r} must be new or hold an earlier answer of pumping, got one "
            "with another run; give another folder."
        )
