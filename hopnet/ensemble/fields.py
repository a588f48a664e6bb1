"""Results of a run with a section [field]: one whole curve over fields for each sample.

The samples are periodic and have no contacts. All fields of a sample share its sites, its links
and its order of elimination, and with blocking each solution starts the next. So differences
between fields scatter far less than each value.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hopnet.errors import ValidityWarning
from hopnet.network.network import Network
from hopnet.network.sites import critical_length
from hopnet.transport.field_curve import field_curve

__all__ = ["field_columns", "field_numbers", "field_units"]

# Columns of `hopnet.field_curve` that a run keeps, and their units.
QUANTITIES = {
    "log_velocity": "ln(a_b/tau_0)",
    "inverse_velocity": "tau_0/a_b",
    "diffusion": "a_b^2/tau_0",
    "current_density": "1/(a_b tau_0)",
    "mean_energy": "of the energies",
    "long_share": "1",
    "imbalance": "1",
}


def field_columns(values: Sequence[float]) -> tuple[str, ...]:
    """The columns of a run over fields: ``log_velocity_at_0.1`` for e F l_c / kT = 0.1."""
    return tuple(f"{name}_at_{value:g}" for name in QUANTITIES for value in values)


def field_units(columns: Sequence[str]) -> dict[str, str]:
    """The unit of each column of a run over fields among ``columns``."""
    found = {}
    for column in columns:
        name, at, _ = column.partition("_at_")
        if at and name in QUANTITIES:
            found[column] = QUANTITIES[name]
    return found


def field_numbers(
    network: Network, values: Sequence[float], physical: Mapping[str, Any], threads: int | None
) -> dict[str, float]:
    """The curve of one sample: one number for each of `field_columns`.

    Parameters
    ----------
    network : Network
    values : sequence of float
        Fields in kT/(e l_c), with l_c of the density in the run file.
    physical : dict
        Physical keys of the point.
    threads : int or None

    Returns
    -------
    dict of str to float
        NaN from the field on at which blocking does not converge.
    """
    l_c = critical_length(physical["sites.density"], physical.get("sites.dimension", 2))
    with warnings.catch_warnings():
        # No warnings: the share of the longest links is a column, and NaN marks fields at which
        # blocking did not converge.
        warnings.simplefilter("ignore", ValidityWarning)
        curve = field_curve(
            network,
            np.array(values) / l_c,
            concentration=physical.get("field.concentration"),
            # A network of sites with energies holds its bath.
            bath=None if network.kT is not None else physical.get("network.bath"),
            threads=threads,
        )
    return {
        f"{name}_at_{value:g}": float(curve[name][k]) if name in curve else np.nan
        for name in QUANTITIES
        for k, value in enumerate(values)
    }
