"""Building a network: from sites to links, conductances and contacts."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from hopnet.errors import ParameterError, ValidityWarning
from hopnet.kernels import neighbours
from hopnet.network.energies import (
    barriers,
    check_temperature,
    critical_exponent,
    least_barriers,
    log_hops,
    log_occupations,
)
from hopnet.network.neighbours import candidate_links, find_links
from hopnet.network.network import Network, join_sites
from hopnet.network.sites import Sites, critical_length

if TYPE_CHECKING:
    pass


def build_network(
    sites: Sites,
    cutoff: float = 1.5,
    cutoff_radius: float | None = None,
    contacts: str | tuple[ArrayLike, ArrayLike] = "x",
    kT: float | None = None,
    *,
    bath: str = "ohmic",
    chemical_potential: float | None = None,
) -> Network:
    """Join sites into a resistor network: the R-model, or hops with phonons.

    Equations [hopping 5a], with tau_ij = tau_0 exp(2 R_ij / a_b)::

        ln(G_ij rho_0) = ln(tau_0 / tau_ij) = - 2 R_ij / a_b

    and, if the sites carry energies and kT is given, [hopping S9], [hopping S22], [hopping S26]::

        n_i = exp(-e_i / kT)        1/tau_ij = exp(-2 R_ij) s(x) exp(-(e_i - e_j)_+ / kT) / tau_0
        G_ij rho_0 = n_j / tau_ij = n_i / tau_ji                     x = abs(e_i - e_j) / kT

    Parameters
    ----------
    sites : Sites
    cutoff : float
        Links join sites closer than ``cutoff`` times l_c = 1.19847 / sqrt(n_s); with energies those
        with 2 R_ij / a_b + barrier <= ``cutoff`` xi_c, the critical exponent of the sample.
    cutoff_radius : float, in a_b, optional
        The same as a length; then ``cutoff`` is not used, and barriers do not cut.
    contacts : {"x", "y"} or (source, drain)
        Sites within one cutoff of the two edges across x or y, or arrays of site numbers (the
        current is then taken to run along x).
    kT : float, optional
        In the unit of the energies.
    bath : {"ohmic", "miller_abrahams", "heat_bath"} or callable
        s(x): the rate down by x kT over that at equal energies, where it is 1. "ohmic" is
        x / (1 - exp(-x)), "miller_abrahams" 1, "heat_bath" 2 / (1 + exp(-x)).
    chemical_potential : float, optional
        Given: Fermi-Dirac occupations f, and G_ij rho_0 = f_j (1 - f_i) / tau_ij. For the
        resistivity of charge; spins need few electrons a site and refuse such a network.

    Returns
    -------
    Network

    Raises
    ------
    ParameterError
        A cutoff that is not positive; contacts that overlap, or are named and empty; a sample
        that wraps and is narrower than three cutoffs; kT that is not positive, or given without
        energies.

    Notes
    -----
    Cutting links is an approximation: the current runs through links up to about l_c. Going from
    1.5 to 1.25 l_c lowers f(tau_s = 0) by 0.3 % at n_s a_b^2 = 0.01 and by 2 % at 0.02; going to
    1.75 l_c changes it by 0.1 % and less (four samples of 2e5 sites each; `runs/cutoff.toml`).
    Cost: O(n_sites + n_links), by a grid of cells.
    """
    kT = check_bath(sites, kT, chemical_potential)
    axis = "y" if isinstance(contacts, str) and contacts == "y" else "x"
    reach = find_reach(sites, cutoff, cutoff_radius, kT, chemical_potential, axis)
    check_periods(sites, reach.radius)
    link_i, link_j = links_within(sites, reach, kT, chemical_potential)
    distance = link_lengths(sites, link_i, link_j)
    warn_of_coinciding_sites(link_i, link_j, distance)
    log_conductance, log_occupation = -2.0 * distance, None
    if kT is not None:
        log_occupation = log_occupations(sites.energy, kT, chemical_potential)
        log_conductance = log_hops(
            link_i,
            link_j,
            distance,
            sites.energy,
            kT,
            bath=bath,
            chemical_potential=chemical_potential,
        )
    named = not isinstance(contacts, str)
    if not named:
        contacts = contact_strips(sites, axis=contacts, depth=reach.radius)
    return join_sites(
        sites,
        link_i,
        link_j,
        log_conductance,
        contacts=contacts,
        named=named,
        axis=axis,
        log_occupation=log_occupation,
        cutoff_radius=reach.radius,
        exclusion=chemical_potential is not None,
        kT=kT,
        bath=None if kT is None else bath,
        chemical_potential=chemical_potential,
        critical_exponent=reach.critical_exponent,
    )


class Reach(NamedTuple):
    """Which pairs of sites are linked.

    Attributes
    ----------
    radius : float, in a_b
        Longest link.
    largest_exponent : float or None
        Largest 2 R_ij / a_b + barrier; None where the length alone decides.
    critical_exponent : float or None
        xi_c of the sample, where it was needed.
    """

    radius: float
    largest_exponent: float | None = None
    critical_exponent: float | None = None


def check_bath(sites, kT, chemical_potential):
    """The temperature as a float or None, once it fits the sites and the chemical potential."""
    if kT is not None:
        kT = check_temperature(kT)
        if sites.energy is None:
            raise ParameterError(
                "kT is given, but these sites carry no energies; give them some by "
                "with_energies(sites, ...), or leave kT out."
            )
    if chemical_potential is not None and (kT is None or not np.isfinite(chemical_potential)):
        raise ParameterError(
            f"chemical_potential must be a finite energy and needs kT, got {chemical_potential!r} "
            f"with kT={kT!r}; give both or neither."
        )
    if kT is None and sites.energy is not None:
        warnings.warn(
            "these sites carry energies, but no kT is given: the network is the R-model, built "
            "from distances alone; give kT for phonon-assisted rates.",
            ValidityWarning,
            stacklevel=3,
        )
    return kT


def find_reach(sites, cutoff, cutoff_radius, kT, chemical_potential, axis):
    """The `Reach` that the two ways to give a cutoff ask for."""
    if cutoff_radius is not None:
        if not (np.isfinite(cutoff_radius) and cutoff_radius > 0):
            raise ParameterError(
                f"cutoff_radius must be a positive length in a_b, got {cutoff_radius!r}; "
                "1.8 / sqrt(n_s) is customary."
            )
        return Reach(float(cutoff_radius))
    if not (np.isfinite(cutoff) and cutoff > 0):
        raise ParameterError(
            f"cutoff must be a positive multiple of l_c, got {cutoff!r}; 1.5 is customary."
        )
    if kT is None:
        return Reach(float(cutoff * critical_length(sites.density)))
    largest = cutoff * critical_exponent(
        sites, kT, chemical_potential=chemical_potential, axis=axis
    )
    return Reach(float(0.5 * largest), largest, float(largest / cutoff))


def check_periods(sites, radius):
    """Raise if a sample that wraps is so narrow that links could meet around it."""
    for side, period in zip("xy", sites.period):
        if period and period < 3 * radius:
            raise ParameterError(
                f"a sample that wraps along {side} must be at least 3 cutoffs "
                f"({3 * radius:.4g} a_b) around, got {period:.4g} a_b; take more sites, a "
                "smaller cutoff or geometry='open'."
            )


def links_within(sites, reach, kT, chemical_potential):
    """The pairs of sites within reach: int64 arrays link_i < link_j, sorted."""
    if reach.largest_exponent is None:
        return find_links(sites, reach.radius)
    least = least_barriers(sites.energy, kT, chemical_potential)
    eligible = least <= reach.largest_exponent
    link_i, link_j, distance = candidate_links(sites, eligible, reach.radius)
    exponent = 2.0 * distance + barriers(link_i, link_j, sites.energy, kT, chemical_potential)
    kept = exponent <= reach.largest_exponent
    return link_i[kept], link_j[kept]


def link_lengths(sites, link_i, link_j):
    """float64[n_links], a_b: distance of the nearest images of the two sites of each link."""
    separation = np.empty((link_i.shape[0], 2))
    neighbours.fill_separation(sites.position, *sites.period, link_i, link_j, separation)
    return np.hypot(separation[:, 0], separation[:, 1])


def warn_of_coinciding_sites(link_i, link_j, distance):
    """Warn if two linked sites stand at the same place."""
    if np.any(distance == 0.0):
        l = int(np.flatnonzero(distance == 0.0)[0])
        warnings.warn(
            f"sites {link_i[l]} and {link_j[l]} (and perhaps more) coincide: they are joined by "
            "the conductance of a hop of no length.",
            ValidityWarning,
            stacklevel=3,
        )


def contact_strips(sites, *, axis, depth):
    """Sites within ``depth`` of the two edges across ``axis``."""
    if axis not in ("x", "y"):
        raise ParameterError(
            f"contacts must be 'x', 'y' or (source, drain) arrays of sites, got {axis!r}."
        )
    if axis == "y" and sites.period[1]:
        raise ParameterError(
            f"a {sites.geometry} has no edges across y to put contacts on; use contacts='x'."
        )
    along = sites.position[:, "xy".index(axis)]
    far = sites.length if axis == "x" else sites.width
    return np.flatnonzero(along <= depth), np.flatnonzero(along >= far - depth)
