"""Thermopower: the heat that the current carries (Peltier), and from it the Seebeck coefficient.

An electron that hops between i and j carries the energy (e_i + e_j) / 2 - mu, for every bath and
for both statistics, because the phonon takes half of the energy difference from each of the two
sites [thermopower 1].
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from hopnet.checks import array_of, instance_of, number, shown
from hopnet.errors import ParameterError
from hopnet.network.network import Network
from hopnet.records import read_only
from hopnet.transport.current import Current

__all__ = ["linear_profile", "peltier_heat", "peltier_terms", "seebeck_coefficient"]


def linear_profile(network: Network) -> np.ndarray:
    """float64[n_sites]: 1 on the source, 0 on the drain, linear between the two contacts.

    Parameters
    ----------
    network : Network
        A straight line across the current must separate its contacts.
    """
    place = network.sites.position[:, network.sites.axes.index(network.axis)]
    begin, end = place[network.source].max(), place[network.drain].min()
    if not begin < end:
        raise ParameterError(
            f"a linear profile needs contacts that a straight line separates, the source ends at "
            f"{begin:.4g} and the drain begins at {end:.4g} a_b; give the profile as an array."
        )
    profile = np.clip((end - place) / (end - begin), 0.0, 1.0)
    profile[network.source] = 1.0
    profile[network.drain] = 0.0
    return read_only(profile)


def temperature_profile(network: Network, profile: str | ArrayLike) -> np.ndarray:
    """The temperature profile as an array, from its name or from an array, checked."""
    if isinstance(profile, str):
        if profile == "bulk":
            return linear_profile(network)
        if profile not in ("source", "drain"):
            raise ParameterError(
                f"profile must be 'bulk', 'source', 'drain' or an array of {network.n_sites} "
                f"numbers, got {shown(profile)}."
            )
        step = np.zeros(network.n_sites) if profile == "source" else np.ones(network.n_sites)
        step[network.source] = 1.0
        step[network.drain] = 0.0
        return read_only(step)
    found = array_of(
        "profile", profile, shape=(network.n_sites,), hint="give one relative temperature per site"
    )
    for name, sites, value in (("source", network.source, 1.0), ("drain", network.drain, 0.0)):
        if np.any(found[sites] != value):
            raise ParameterError(
                f"a temperature profile must be {value:g} on the whole {name}, got values from "
                f"{found[sites].min():g} to {found[sites].max():g}; correct it there."
            )
    return found


def peltier_heat(
    current: Current, *, level: float | None = None, profile: str | ArrayLike = "bulk"
) -> float:
    """Mean heat per electron that the current carries down a temperature profile.

    Equation [thermopower 2], where t is the profile (1 at the source, 0 at the drain):

        Pi = sum over links of flow_l (t_i - t_j) [(e_i + e_j) / 2 - mu] / I

    Parameters
    ----------
    current : Current
        Current of a network whose sites have energies.
    level : float, optional
        The chemical potential mu. Default: that of the network. A network with Boltzmann
        occupations has none, so it must be given there.
    profile : {"bulk", "source", "drain"} or array_like[n_sites]
        Where the temperature falls: evenly between the contacts, in a step at the source or at
        the drain (the edge thermopower), or as given.

    Returns
    -------
    float, in the unit of the energies

    Raises
    ------
    ParameterError
        If the sites have no energies, if mu is not known, or if the profile is not constant on
        a contact.

    Notes
    -----
    Valid for linear response in local equilibrium, where the phonons of a link have the mean
    temperature of its two sites. The same sum without the energies gives I exactly, for every
    profile.
    """
    return float(peltier_terms(current, level=level, profile=profile).sum())


def peltier_terms(
    current: Current, *, level: float | None = None, profile: str | ArrayLike = "bulk"
) -> np.ndarray:
    """float64[n_links]: what each link adds to `peltier_heat`."""
    instance_of("current", current, Current, "make it with hopnet.solve_current")
    network = current.network
    energy = network.sites.energy
    if energy is None:
        raise ParameterError(
            "thermopower needs sites with energies, these have none; make them with "
            "with_energies(sites, ...)."
        )
    mu = network.chemical_potential if level is None else number("level", level)
    if mu is None:
        raise ParameterError(
            "level, the chemical potential, must be given for Boltzmann occupations; with N_e "
            "electrons it is kT ln(N_e / sum exp(-e / kT))."
        )
    t = temperature_profile(network, profile)
    carried = 0.5 * (energy[network.link_i] + energy[network.link_j]) - mu
    fall = t[network.link_i] - t[network.link_j]
    return current.relative_flow * fall * carried


def seebeck_coefficient(
    current: Current, *, level: float | None = None, profile: str | ArrayLike = "bulk"
) -> float:
    """Seebeck coefficient S q / k_B = Pi / kT of one sample (Onsager).

    Parameters
    ----------
    current : Current
        Current of a network built with energies and kT.
    level, profile
        As in `peltier_heat`.

    Returns
    -------
    float
        In k_B / q; positive where carriers hop above mu.
    """
    instance_of("current", current, Current, "make it with hopnet.solve_current")
    kT = current.network.kT
    if kT is None:
        raise ParameterError(
            "the Seebeck coefficient needs a network built with kT, this one has none; use "
            "build_network(sites, kT=...)."
        )
    return peltier_heat(current, level=level, profile=profile) / kT
