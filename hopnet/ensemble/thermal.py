"""Keys of sites with energies in a run file: their defaults and their combinations."""

from __future__ import annotations

from typing import Any

from hopnet.network.energies import MARCUS

__all__ = ["CHARGE_ALONE", "check_energies"]

# Keys of sites with energies, and their values if they are not given. The names and values of the
# physical keys seed the samples of a point: were these keys part of points without energies too,
# all their random numbers would change. Therefore they are left out there.
WITH_ENERGIES: dict[str, Any] = {
    "sites.density_of_states": None,
    "sites.energy_width": 1.0,
    "network.kT": None,
    "network.bath": "ohmic",
    "network.chemical_potential": None,
    "network.reorganisation_energy": None,
}
CHARGE_ALONE = (0.0,)  # tau_s of a run that asks for no spin


def check_energies(
    physical: dict[str, Any], tau_s: tuple[float, ...], in_field: bool
) -> dict[str, Any]:
    """Physical keys with the defaults of sites with energies, or without their keys."""
    plain = {key: value for key, value in physical.items() if key not in WITH_ENERGIES}
    if physical["sites.density_of_states"] is None:
        # In a field the bath matters for sites of one energy too.
        allowed = {"network.bath"} if in_field else set()
        plain |= {key: physical[key] for key in allowed if physical[key] is not None}
        useless = [key for key in WITH_ENERGIES if key not in allowed and physical[key] is not None]
        if useless:
            raise ValueError(
                f"{useless[0]} needs sites with energies, got none; set sites.density_of_states to "
                "'uniform', 'gaussian', 'exponential' or 'coulomb_gap', or leave it out"
            )
        return plain
    if physical["network.kT"] is None:
        raise ValueError(
            "sites.density_of_states needs network.kT > 0 (or a scan over it), got none; give it "
            "in the unit of sites.energy_width"
        )
    if physical["network.chemical_potential"] is not None and tau_s != CHARGE_ALONE:
        raise ValueError(
            "network.chemical_potential makes electrons exclude each other, but spins are solved "
            "for few electrons only; leave [spin] out for the resistivity alone, or "
            "chemical_potential out for f"
        )
    filled = {
        k: default if physical[k] is None else physical[k] for k, default in WITH_ENERGIES.items()
    }
    if (filled["network.bath"] == MARCUS) != (filled["network.reorganisation_energy"] is not None):
        raise ValueError(
            "network.reorganisation_energy and network.bath = 'marcus' go together, got bath "
            f"{filled['network.bath']!r} and energy {filled['network.reorganisation_energy']}; "
            "give both or neither"
        )
    if filled["network.bath"] != MARCUS:  # left out, so that older runs keep their random numbers
        del filled["network.reorganisation_energy"]
    return plain | filled
