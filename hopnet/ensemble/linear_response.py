"""Linear response as observables of a run: activation energy, noise, shrinkage, strain, heat."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from hopnet.network.network import Network
from hopnet.transport.current import Current
from hopnet.transport.response import (
    activation_energy,
    effective_links,
    noise,
    shrinkage,
    strain_response,
)
from hopnet.transport.thermopower import seebeck_coefficient

__all__ = [
    "ACTIVATION_UNITS",
    "NOISE_UNITS",
    "SEEBECK_UNITS",
    "SHRINKAGE_UNITS",
    "STRAIN_UNITS",
    "activation_numbers",
    "check_response",
    "noise_numbers",
    "seebeck_numbers",
    "shrinkage_numbers",
    "strain_numbers",
]

ACTIVATION_UNITS = {"w_level": "1", "w_electrons": "1"}
NOISE_UNITS = {"noise": "1", "log_noise": "1", "noise_per_site": "1", "noise_n_links": "1"}
SHRINKAGE_UNITS = {
    "shrinkage": "(a_b/lambda)^-4",
    "shrinkage_finite_length": "(a_b/lambda)^-4",
}
STRAIN_UNITS = {"gauge_factor": "1", "strain_xx": "1", "strain_yy": "1"}
SEEBECK_UNITS = {"seebeck": "k_B/q"}


def activation_numbers(
    _network: Network, current: Current, _threads: int | None
) -> dict[str, float]:
    """The local activation energy over kT [response 2], at a fixed level and a fixed number."""
    return {
        "w_level": activation_energy(current),
        "w_electrons": activation_energy(current, fixed="electrons"),
    }


def noise_numbers(network: Network, current: Current, _threads: int | None) -> dict[str, float]:
    """1/f noise [response 6], times the sites between the contacts, and the links that carry it."""
    value = noise(current)
    between = network.n_sites - network.source.size - network.drain.size
    return {
        "noise": value,
        "log_noise": float(np.log(value)),
        "noise_per_site": value * between,
        "noise_n_links": effective_links(current),
    }


def shrinkage_numbers(
    _network: Network, current: Current, _threads: int | None
) -> dict[str, float]:
    """Magnetoresistance by shrinkage of wave functions [response 3], in two approximations."""
    return {
        "shrinkage": shrinkage(current),
        "shrinkage_finite_length": shrinkage(current, finite_length=True),
    }


def strain_numbers(network: Network, current: Current, _threads: int | None) -> dict[str, float]:
    """The strain response [response 4] and the gauge factor of the resistance."""
    tensor = strain_response(current)
    along = "xy".index(network.axis)
    return {
        "gauge_factor": -float(tensor[along, along]),
        "strain_xx": float(tensor[0, 0]),
        "strain_yy": float(tensor[1, 1]),
    }


def seebeck_numbers(_network: Network, current: Current, _threads: int | None) -> dict[str, float]:
    """The Seebeck coefficient [thermopower 2] with a linear temperature profile."""
    return {"seebeck": seebeck_coefficient(current)}


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
