"""The file of a material: its keys with their units, and what may be left out."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field
from scipy.constants import e, hbar, k, m_e

from hopnet.checks import number
from hopnet.constants import PERCOLATION_RADIUS
from hopnet.errors import ParameterError
from hopnet.toml import Finite, Positive, Section, parse_toml, read_text, validate

__all__ = ["DENSITIES_OF_STATES", "LARGEST", "SMALLEST", "read_material_file"]

# Numbers in SI units that are accepted. Their products stay within the range of floats; no material
# comes near these bounds.
SMALLEST, LARGEST = 1e-60, 1e60

# Forms of a density of states; `hopnet.with_energies` draws energies from each.
DENSITIES_OF_STATES = ("uniform", "gaussian", "exponential", "coulomb_gap")


Row = Annotated[list[Finite], Field(min_length=2, max_length=2)]


class MaterialSection(Section):
    """The table [material] of a file; the keys carry their units.

    One of T_K and rho_0_kOhm is given. With resistance_kOhm, the measured sheet resistance at T_K,
    tau_0_ps is left out, and J_0_meV may be.
    """

    a_b_nm: Positive
    m_m_e: Positive
    n_per_cm2: Positive
    n_s_per_cm2: Positive
    tau_0_ps: Positive | None = None
    J_0_meV: Positive | None = None
    tau_s_ns: Positive | None = None
    beta_meV_A: Annotated[list[Row], Field(min_length=2, max_length=2)] | None = None
    T_K: Positive | None = None
    rho_0_kOhm: Positive | None = None
    resistance_kOhm: Positive | None = None
    disorder_width_meV: Positive | None = None
    states_per_meV_cm2: Positive | None = None
    density_of_states: str = "uniform"
    g_factor: Finite | None = None


class MaterialFile(BaseModel):
    """A file with a table [material]; other tables are allowed."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)
    material: MaterialSection


# The name and the unit in SI of each key of a material file.
TOML_UNITS = {
    "a_b_nm": ("a_b", 1e-9),
    "J_0_meV": ("J_0", 1e-3 * e),
    "tau_0_ps": ("tau_0", 1e-12),
    "tau_s_ns": ("tau_s", 1e-9),
    "m_m_e": ("m", m_e),
    "n_per_cm2": ("n", 1e4),
    "n_s_per_cm2": ("n_s", 1e4),
    "beta_meV_A": ("beta", 1e-13 * e),
    "T_K": ("T", 1.0),
    "rho_0_kOhm": ("rho_0", 1e3),
    "resistance_kOhm": ("resistance", 1e3),
    "disorder_width_meV": ("disorder_width", 1e-3 * e),
    "g_factor": ("g_factor", 1.0),
}


def read_material_file(source: str) -> dict[str, Any]:
    """The arguments of `hopnet.Material` from a file.

    Parameters
    ----------
    source : str
        Name of the file.

    Returns
    -------
    dict
        In SI units.
    """
    table = parse_toml(read_text(source, what="material file"), source=source)
    if not isinstance(table.get("material"), dict):
        raise ParameterError(
            f"{source} must hold the table [material], it has "
            f"{', '.join(map(repr, table)) or 'no table'}; add it."
        )
    section = validate(MaterialFile, table, source=source).material
    given: dict[str, Any] = {"density_of_states": section.density_of_states}
    for key, (name, unit) in TOML_UNITS.items():
        value = getattr(section, key)
        if value is not None:
            given[name] = np.array(value) * unit if name == "beta" else value * unit
    try:
        check_together(section)
        return completed(given, section)
    except ParameterError as failure:
        raise ParameterError(f"{source}: {failure}") from None


def check_together(section: MaterialSection) -> None:
    """Raise if keys of a material file are missing that belong to others, or exclude others."""
    if section.resistance_kOhm is not None:
        if section.T_K is None or section.tau_0_ps is not None:
            raise ParameterError(
                "resistance_kOhm (measured at T_K) takes the place of tau_0_ps and rho_0_kOhm; "
                "give T_K and leave those out."
            )
    elif section.tau_0_ps is None or section.J_0_meV is None:
        raise ParameterError(
            "a material needs J_0_meV and tau_0_ps, or one measured sheet resistance in their "
            "place; give resistance_kOhm and T_K."
        )
    if (section.beta_meV_A is None) != (section.tau_s_ns is None):
        raise ParameterError("spins need both beta_meV_A and tau_s_ns; give both or neither.")
    if section.disorder_width_meV is not None and section.states_per_meV_cm2 is not None:
        raise ParameterError(
            "disorder_width_meV and states_per_meV_cm2 say the same (states = n_s / width for a "
            "uniform band); leave one out."
        )
    if section.states_per_meV_cm2 is not None and section.density_of_states != "uniform":
        raise ParameterError(
            "states_per_meV_cm2 belongs to density_of_states = 'uniform', got "
            f"{section.density_of_states!r}; give disorder_width_meV."
        )


def completed(given: dict[str, Any], section: MaterialSection) -> dict[str, Any]:
    """The arguments of `Material` with the numbers that the file leaves out."""
    full = dict(given)
    if section.states_per_meV_cm2 is not None:
        full["disorder_width"] = section.n_s_per_cm2 / section.states_per_meV_cm2 * 1e-3 * e
    for name in set(full) - {"beta", "density_of_states", "g_factor"}:
        full[name] = number(name, full[name], low=SMALLEST, high=LARGEST, unit="in SI units")
    m, a_b, n_s = full["m"], full["a_b"], full["n_s"]
    full.setdefault("J_0", hbar**2 / (2.0 * m * a_b**2))
    if section.resistance_kOhm is not None:
        exponent = 2.0 * PERCOLATION_RADIUS / (np.sqrt(n_s) * a_b)
        rho_0 = full["resistance"] * np.exp(-exponent)
        full["tau_0"] = float(rho_0 * e**2 * full["n"] / (k * full["T"] * n_s))
    full.setdefault("tau_s", full["tau_0"])
    full.setdefault("beta", np.zeros((2, 2)))
    return full
