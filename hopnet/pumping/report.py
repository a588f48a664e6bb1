"""Answer a run file: solve, and gather numbers in laboratory units and fields in SI."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import constants

from hopnet.errors import ParameterError
from hopnet.pumping.contacts import Junction, solve_junction
from hopnet.pumping.conversion import impurity, rashba
from hopnet.pumping.currents import Pumping, pump


@dataclass(frozen=True, eq=False, repr=False)
class Answer:
    """What a run file asked for.

    Attributes
    ----------
    summary : dict of dicts of plain numbers
    fields : dict of str to array
        In SI, at t = 0 (a time series: at its end) and in time average.
    pumping : Pumping or None
    junction : Junction or None
        One of the two.
    charges : dict of str to ChargeResponse
        ``rashba`` and ``impurity``, where the medium couples.
    """

    summary: dict
    fields: dict
    pumping: Pumping | None
    junction: Junction | None
    charges: dict


def answer(question):
    """Solve what a run file asks.

    Parameters
    ----------
    question : run_file.RunFile

    Returns
    -------
    Answer
    """
    medium = question.medium.build()
    if question.contacts is not None:
        return _answer_junction(question, medium)
    options = question.solve.model_dump()
    pumping = pump(question.texture.build(), medium, **options)
    charges = {}
    if any(medium.rashba):
        charges["rashba"] = rashba(pumping)
    if medium.impurity:
        charges["impurity"] = impurity(pumping)
    return _answer_periodic(pumping, charges)


def _answer_periodic(pumping, charges):
    medium, frame = pumping.medium, pumping.frame
    instant = 0.0 if frame.time is None else float(frame.time[-1])
    spin = {
        "spin_density": pumping.density(),
        "pumped_current": pumping.pumped_current(),
        "equilibrium_current": pumping.equilibrium_current(),
        "torque": pumping.torque(),
    }
    fields = {"lengths": np.array(pumping.texture.lengths), "time": instant}
    for name, field in spin.items():
        fields[name], fields[f"mean_{name}"] = field.at(instant), field.mean()
    potential = pumping.potential()
    fields["excess_density"] = potential.at(instant) / medium.diffusion
    fields["mean_excess_density"] = potential.mean() / medium.diffusion
    summary = {"medium": _medium_numbers(medium)}
    summary["spin, largest on the grid"] = {
        "pumped current, t = 0 [A/m2]": _amperes(medium, fields["pumped_current"]),
        "pumped current, time average [A/m2]": _amperes(medium, fields["mean_pumped_current"]),
        "excess density, t = 0 [electrons/nm3]": _count(medium, fields["excess_density"]),
        "excess density, average [electrons/nm3]": _count(medium, fields["mean_excess_density"]),
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
            "current, t = 0 [A/m2]": _largest(fields[f"{name}_current"]),
            "current, time average [A/m2]": _largest(fields[f"mean_{name}_current"]),
            "density, t = 0 [e/um3]": _largest(fields[f"{name}_density"]) / medium.charge * 1e-18,
            "conservation of charge, residual": charge.residual(),
        }
    residuals = {
        f"[pumping {k}]" if k[0].isdigit() else k: v for k, v in pumping.residuals().items()
    }
    summary["checks"] = residuals | {"left out of the texture": pumping.removed}
    return Answer(summary, fields, pumping, None, charges)


def _answer_junction(question, medium):
    if question.solve.dealias or question.solve.zero_mode != "relaxed":
        raise ParameterError(
            "dealias and zero_mode belong to a periodic box, got them with [contacts]; "
            "leave them out."
        )
    left, right = question.contacts.build()
    junction = solve_junction(
        question.texture.build(cell_centred=True),
        medium,
        left=left,
        right=right,
        vertex=question.solve.vertex,
    )
    fields = {"position": junction.position, "face": junction.face}
    for order in (1, 2):
        fields |= {
            f"potential_{order}": junction.potential(order),
            f"density_{order}": junction.density(order),
            f"pumped_current_{order}": junction.pumped_current(order),
        }
    fields["supercurrent"] = junction.supercurrent()
    second = fields["pumped_current_2"][2]
    summary = {"medium": _medium_numbers(medium)}
    summary["spin"] = {
        "first order, largest current, t = 0 [A/m2]": _amperes(medium, fields["pumped_current_1"]),
        "second order, largest z current [A/m2]": _amperes(medium, second),
        "second order, z current left wall [A/m2]": medium.charge_equivalent(second[0]) + 0.0,
        "second order, z current right wall [A/m2]": medium.charge_equivalent(second[-1]),
        "second order, largest density [electrons/nm3]": _count(medium, fields["density_2"]),
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
            "largest current, t = 0 [A/m2]": _largest(current),
            "largest density, t = 0 [e/um3]": _largest(density) / medium.charge * 1e-18,
        }
    return Answer(summary, fields, None, junction, {})


def _medium_numbers(medium):
    return {
        "elastic time tau [fs]": medium.tau * 1e15,
        "mean free path [nm]": medium.mean_free_path * 1e9,
        "diffusion constant [m2/s]": medium.diffusion,
        "spin relaxation time [ps]": medium.tau_s * 1e12,
        "spin diffusion length [nm]": medium.spin_diffusion_length * 1e9,
        "hbar / tau [meV]": medium.hbar / medium.tau / (1e-3 * constants.eV),
        "conductivity [S/m]": medium.conductivity,
    }


def _largest(array):
    return float(np.abs(array).max())


def _amperes(medium, current):
    return float(medium.charge_equivalent(_largest(current)))


def _count(medium, density):
    return float(medium.electrons(_largest(density))) * 1e-27
