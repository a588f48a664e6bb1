"""Observables: quantities that a run computes on each sample besides f.

An observable is one row of `OBSERVABLES`: its key in the section [observables] of a run file, the
function that computes its numbers from a solved network, and its columns with their units. To add
one, write its function, its row, and its key in `hopnet.ensemble.sections.ObservablesSection`. The
tables of the samples, the statistics and the units follow from the row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hopnet.ensemble.linear_response import (
    ACTIVATION_UNITS,
    NOISE_UNITS,
    SEEBECK_UNITS,
    SHRINKAGE_UNITS,
    STRAIN_UNITS,
    activation_numbers,
    admittance_columns,
    admittance_numbers,
    noise_numbers,
    seebeck_numbers,
    shrinkage_numbers,
    strain_numbers,
)
from hopnet.ensemble.nuclei import (
    MAGNETORESISTANCE_UNITS,
    NUCLEAR_F_UNITS,
    magnetoresistance_averages,
    magnetoresistance_numbers,
    nuclear_f_averages,
    nuclear_f_numbers,
)
from hopnet.ensemble.statistics import ratio_of_means
from hopnet.network.network import Network
from hopnet.transport.current import Current
from hopnet.transport.hall import cylinder_angle

__all__ = [
    "OBSERVABLES",
    "Observable",
    "compute_observables",
    "observable_columns",
    "observable_summaries",
    "observable_units",
]

Compute = Callable[..., dict[str, float]]
Summary = Callable[[Mapping[str, np.ndarray]], dict[str, float]]


@dataclass(frozen=True)
class Observable:
    """One observable of a run.

    Attributes
    ----------
    compute : callable
        ``compute(network, current, threads)`` returns one number for each column. With ``random``
        it takes the physical keys of the point and the seed of the sample too.
    units : dict of str to str
        The columns and the unit of each.
    summary : callable, optional
        ``summary(columns)`` gets each column as float64[n_samples] and returns further statistics
        of the point. Every column gets its mean, standard error and quantiles without it.
    summary_units : dict of str to str
        The further statistics and the unit of each.
    random : bool
        Whether it draws random numbers of its own.
    """

    compute: Compute
    units: dict[str, str]
    summary: Summary | None = None
    summary_units: dict[str, str] = field(default_factory=dict)
    random: bool = False


def hall_numbers(network: Network, current: Current, threads: int | None) -> dict[str, float]:
    """The columns of the Hall angle of one cylinder [hall 4]."""
    hall = cylinder_angle(network, current, threads=threads)
    return {
        "hall_tangent": hall.tangent,
        "hall_cutoff_error": hall.cutoff_error,
        "hall_log_sigma_xx": hall.log_conductivity_xx,
        "hall_log_sigma_yy": hall.log_conductivity_yy,
        "hall_n_triads": float(hall.n_triads),
        "hall_n_effective": hall.n_effective,
        "hall_negative_share": hall.negative_share,
    }


def hall_averages(columns: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Hall angle of the mean conductivity and of the mean resistivity tensor over samples.

    The mean of sigma_yx over the mean of sigma_xx, and the mean of rho_yx over the mean of rho_yy,
    each in a unit that cancels. Both differ from the mean over samples where samples scatter.
    """
    tangent = columns["hall_tangent"]
    log_xx, log_yy = columns["hall_log_sigma_xx"], columns["hall_log_sigma_yy"]
    found = {}
    for name, log_weight in (("sigma", log_xx), ("rho", -log_yy)):
        weight = np.exp(log_weight - log_weight.max()) if log_weight.size else log_weight
        mean, error = ratio_of_means(tangent * weight, weight)
        found[f"hall_tangent_{name}"] = float(mean)
        found[f"hall_tangent_{name}_standard_error"] = float(error)
    return found


PER_FIELD = "eta b"

OBSERVABLES: dict[str, Observable] = {
    "hall_angle": Observable(
        hall_numbers,
        {
            "hall_tangent": PER_FIELD,
            "hall_cutoff_error": f"{PER_FIELD} (absolute, of one sample)",
            "hall_log_sigma_xx": "ln(1/rho_0)",
            "hall_log_sigma_yy": "ln(1/rho_0)",
            "hall_n_triads": "1",
            "hall_n_effective": "1",
            "hall_negative_share": "1",
        },
        hall_averages,
        {"hall_tangent_sigma": PER_FIELD, "hall_tangent_rho": PER_FIELD},
    ),
    "activation_energy": Observable(activation_numbers, ACTIVATION_UNITS),
    "noise": Observable(noise_numbers, NOISE_UNITS),
    "shrinkage": Observable(shrinkage_numbers, SHRINKAGE_UNITS),
    "strain": Observable(strain_numbers, STRAIN_UNITS),
    "seebeck": Observable(seebeck_numbers, SEEBECK_UNITS),
    "nuclear_f": Observable(
        nuclear_f_numbers,
        NUCLEAR_F_UNITS,
        nuclear_f_averages,
        {
            "nuclear_f_of_means": "1",
            "nuclear_sites_share_tau_f": "1",
            "nuclear_sites_share_tau_eff": "1",
        },
        random=True,
    ),
    "magnetoresistance": Observable(
        magnetoresistance_numbers,
        MAGNETORESISTANCE_UNITS,
        magnetoresistance_averages,
        {
            f"{column}_of_mean": MAGNETORESISTANCE_UNITS[column]
            for column in (
                "mr_half_field",
                "mr_lorentzian_width",
                "mr_lorentzian_residual",
                "mr_cusp_width",
                "mr_cusp_residual",
            )
        },
        random=True,
    ),
}


def observable_columns(names: tuple[str, ...]) -> tuple[str, ...]:
    """The columns of some observables, in order."""
    return tuple(
        column
        for name in names
        for column in (OBSERVABLES[name].units if name in OBSERVABLES else admittance_columns(name))
    )


def compute_observables(
    names: tuple[str, ...],
    network: Network,
    current: Current,
    threads: int | None,
    physical: Mapping[str, Any],
    seed: np.random.SeedSequence,
) -> dict[str, float]:
    """One number for each column of some observables of one sample.

    Parameters
    ----------
    names : tuple of str
        Keys of `OBSERVABLES`, and names of admittances at frequencies.
    network : Network
    current : Current
        The current of this network.
    threads : int or None
    physical : dict
        Physical keys of the point.
    seed : numpy.random.SeedSequence
        Seed of the sample.

    Returns
    -------
    dict of str to float
    """
    found: dict[str, float] = {}
    for name in names:
        if name not in OBSERVABLES:
            continue
        observable = OBSERVABLES[name]
        more = (physical, seed) if observable.random else ()
        found |= observable.compute(network, current, threads, *more)
    at_frequencies = [name for name in names if name not in OBSERVABLES]
    return found | admittance_numbers(network, at_frequencies, threads)


def observable_summaries(columns: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Further statistics of the observables whose columns are there.

    Parameters
    ----------
    columns : dict of str to float64[n_samples]
        Columns of a point, over its solved samples.

    Returns
    -------
    dict of str to float
    """
    found: dict[str, float] = {}
    for observable in OBSERVABLES.values():
        if observable.summary is not None and observable.units.keys() <= columns.keys():
            found |= observable.summary(columns)
    return found


def observable_units() -> dict[str, Any]:
    """The unit of each column of an observable, and of its further statistics."""
    found: dict[str, Any] = {}
    for observable in OBSERVABLES.values():
        for column, unit in (observable.units | observable.summary_units).items():
            found[column] = unit
            found[f"{column}_standard_error"] = f"{unit} (over samples)"
    return found
