"""Linear response as observables of a run.

Activation energy, noise, shrinkage, strain, heat, and the admittance at frequencies. Beside each
result stands the effective number of links that carry it. Where it is small, samples scatter much:
then read the median besides the mean.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from hopnet.network.network import Network
from hopnet.transport.admittance import admittance
from hopnet.transport.current import Current
from hopnet.transport.response import (
    activation_energy,
    activation_terms,
    effective_links,
    effective_number,
    link_power,
    log_noise,
    noise,
    shrinkage,
    shrinkage_terms,
    strain_response,
)
from hopnet.transport.thermopower import peltier_terms, seebeck_coefficient

__all__ = [
    "ACTIVATION_UNITS",
    "ADMITTANCE_PARTS",
    "NOISE_UNITS",
    "SEEBECK_UNITS",
    "SHRINKAGE_UNITS",
    "STRAIN_UNITS",
    "activation_numbers",
    "admittance_columns",
    "admittance_name",
    "admittance_numbers",
    "admittance_units",
    "check_response",
    "noise_numbers",
    "seebeck_numbers",
    "shrinkage_numbers",
    "strain_numbers",
]

ACTIVATION_UNITS = {"w_level": "1", "w_electrons": "1", "w_n_links": "1"}
# Parts of G(i omega) that a run keeps, and the unit of both.
ADMITTANCE_PARTS = ("real", "imaginary")
ADMITTANCE_UNIT = "1/rho_0"
NOISE_UNITS = {"noise": "1", "log_noise": "1", "noise_per_site": "1", "noise_n_links": "1"}
SHRINKAGE_UNITS = {
    "shrinkage": "(a_b/lambda)^-4",
    "shrinkage_finite_length": "(a_b/lambda)^-4",
    "shrinkage_n_links": "1",
}
STRAIN_UNITS = {"gauge_factor": "1", "strain_xx": "1", "strain_yy": "1", "strain_n_links": "1"}
SEEBECK_UNITS = {"seebeck": "k_B/q", "seebeck_n_links": "1"}


def activation_numbers(
    _network: Network, current: Current, _threads: int | None
) -> dict[str, float]:
    """The local activation energy over kT [response 2], at a fixed level and a fixed number."""
    return {
        "w_level": activation_energy(current),
        "w_electrons": activation_energy(current, fixed="electrons"),
        "w_n_links": effective_number(activation_terms(current)),
    }


def noise_numbers(network: Network, current: Current, _threads: int | None) -> dict[str, float]:
    """1/f noise [response 6], times the sites between the contacts, and the links that carry it."""
    value = noise(current)
    between = network.n_sites - network.source.size - network.drain.size
    return {
        "noise": value,
        "log_noise": log_noise(current),
        "noise_per_site": value * between,
        "noise_n_links": effective_links(current),
    }


def shrinkage_numbers(network: Network, current: Current, _threads: int | None) -> dict[str, float]:
    """Magnetoresistance by shrinkage of wave functions [response 3], in two approximations."""
    plane = network.sites.dimension == 2  # the second one is not known in space
    return {
        "shrinkage": shrinkage(current),
        "shrinkage_finite_length": shrinkage(current, finite_length=True) if plane else math.nan,
        "shrinkage_n_links": effective_number(shrinkage_terms(current)),
    }


def strain_numbers(network: Network, current: Current, _threads: int | None) -> dict[str, float]:
    """The strain response [response 4] and the gauge factor of the resistance."""
    tensor = strain_response(current)
    along = network.sites.axes.index(network.axis)
    return {
        "gauge_factor": -float(tensor[along, along]),
        "strain_xx": float(tensor[0, 0]),
        "strain_yy": float(tensor[1, 1]),
        "strain_n_links": effective_number(link_power(current) * network.effective_distance),
    }


def seebeck_numbers(_network: Network, current: Current, _threads: int | None) -> dict[str, float]:
    """The Seebeck coefficient [thermopower 2] with a linear temperature profile."""
    return {
        "seebeck": seebeck_coefficient(current),
        "seebeck_n_links": effective_number(peltier_terms(current)),
    }


def admittance_name(frequency: float) -> str:
    """The name of the observable at one frequency: ``admittance_at_0.001``."""
    return f"admittance_at_{frequency:g}"


def admittance_columns(name: str) -> tuple[str, ...]:
    """The columns of one frequency: ``admittance_real_at_0.001`` and the imaginary part."""
    first, _, at = name.partition("_at_")
    return tuple(f"{first}_{part}_at_{at}" for part in ADMITTANCE_PARTS)


def admittance_numbers(
    network: Network, names: Sequence[str], threads: int | None
) -> dict[str, float]:
    """G(i omega) of one sample at all frequencies that are asked for [admittance 1].

    Parameters
    ----------
    network : Network
    names : sequence of str
        As `admittance_name` makes them.
    threads : int or None

    Returns
    -------
    dict of str to float
    """
    omega = np.array([float(name.partition("_at_")[2]) for name in names])
    values = admittance(network, omega, threads=threads) if omega.size else np.empty(0, complex)
    found: dict[str, float] = {}
    for name, value in zip(names, values):
        found |= dict(zip(admittance_columns(name), (float(value.real), float(value.imag))))
    return found


def admittance_units(columns: Collection[str]) -> dict[str, str]:
    """The unit of each column of an admittance among ``columns``."""
    starts = tuple(f"admittance_{part}_at_" for part in ADMITTANCE_PARTS)
    return {column: ADMITTANCE_UNIT for column in columns if column.startswith(starts)}


def check_response(physical: Mapping[str, Any], chosen: Collection[str]) -> None:
    """Raise where an observable needs a temperature or a level that the run does not give.

    Parameters
    ----------
    physical : dict
        Physical keys of a point.
    chosen : collection of str
        Names of the observables.
    """
    for name, key in (("activation_energy", "kT"), ("seebeck", "chemical_potential")):
        if name in chosen and physical.get(f"network.{key}") is None:
            raise ValueError(
                f"observables.{name} needs network.{key}, which is not given; add it, or leave the "
                "observable out"
            )
