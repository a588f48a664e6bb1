"""Building a network: from sites to links, conductances and contacts."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from hopnet.checks import instance_of, number, one_of, shown
from hopnet.errors import ParameterError, ValidityWarning
from hopnet.network.energies import (
    MARCUS,
    Bath,
    MarcusBath,
    barriers,
    check_chemical_potential,
    check_range,
    check_temperature,
    least_barriers,
    log_hops,
    log_occupations,
    named_bath,
)
from hopnet.network.exponent import (
    bisect_exponent,
    clusters_of,
    critical_exponent,
    reference_level,
)
from hopnet.network.neighbours import (
    SLACK,
    candidate_links,
    find_links,
    lengths,
    link_separation,
)
from hopnet.network.network import Network, join_sites, pair_of_contacts
from hopnet.network.sites import Sites, critical_length, warn_if_dense
from hopnet.records import owned_numbers

__all__ = ["CUTOFF_MARGIN", "build_network"]

# How far links reach beyond l_c by default, in a_b. The error of f and of the resistivity falls by
# about four for each a_b, and is below 0.1 % at 6 (docs/which_f.md). A larger margin costs time.
CUTOFF_MARGIN = 6.0

# Width of the contact strips, in l_c or xi_c / 2. Wider strips leave less of the sample between
# them; narrower ones may hold no site.
CONTACT_WIDTH = 1.5

# Factor by which the reach of links grows until they join the contacts. A larger factor lists more
# links than needed, a smaller one takes more steps.
GROWTH = 1.25

# Given contacts lie clearly along y or z if their mean separation along it is more than STEEP times
# that along x and more than half of that side. Smaller numbers would also refuse contacts that are
# only oblique.
STEEP = 3.0
FAR = 0.5


def build_network(
    sites: Sites,
    cutoff: float | None = None,
    cutoff_radius: float | None = None,
    contacts: str | tuple[ArrayLike, ArrayLike] = "x",
    kT: float | None = None,
    *,
    cutoff_margin: float | None = None,
    contact_width: float | None = None,
    axis: str | None = None,
    bath: Bath = "ohmic",
    chemical_potential: float | None = None,
    reorganisation_energy: float | None = None,
) -> Network:
    """Join sites into a resistor network: the R-model, or hops with phonons.

    Equations [hopping 5a], with tau_ij = tau_0 exp(2 R_ij / a_b)::

        ln(G_ij rho_0) = ln(tau_0 / tau_ij) = - 2 R_ij / a_b

    and, if the sites carry energies and kT is given, [hopping S9], [hopping S22], [hopping S26]::

        n_i = exp(-e_i / kT)        1/tau_ij = exp(-2 R_ij) s(x) exp(-(e_i - e_j)_+ / kT) / tau_0
        G_ij rho_0 = n_j / tau_ij = n_i / tau_ji                     x = abs(e_i - e_j) / kT

    With a localisation radius a_i per site (`Sites.radius`), R_ij / a_i + R_ij / a_j stands for
    2 R_ij / a_b everywhere. Links are then chosen by their exponents, with and without energies.

    Parameters
    ----------
    sites : Sites
        The sites, with energies if kT is given.
    cutoff : float, in l_c, optional
        Links join sites closer than ``cutoff`` times l_c (`critical_length`); with energies those
        with 2 R_ij / a_b + barrier <= ``cutoff`` xi_c, the critical exponent of the sample. The
        letter uses 1.5.
    cutoff_radius : float, in a_b, optional
        Length of the longest link; barriers do not limit the links.
    contacts : {"x", "y", "z"} or (source, drain)
        Sites of the strips at the two edges across x or y, in space also z, or arrays of site
        numbers.
    kT : float, optional
        Thermal energy, in the unit of the energies.
    cutoff_margin : float, in a_b, optional
        Links are up to this much longer than l_c; with energies those with 2 R_ij / a_b + barrier
        <= xi_c + 2 ``cutoff_margin``. If such links do not join the contacts, l_c and xi_c are
        replaced by the threshold at which longer links just join them, so that the margin never
        decides whether a sample percolates. Default: 6, if none of the three cutoffs is given.
    contact_width : float, in a_b, optional
        Width of the contact strips at the edges. Default: 1.5 l_c, with energies 0.75 xi_c (1.5 l_c
        where ``cutoff_radius`` is given). It does not depend on the cutoff.
    axis : {"x", "y", "z"}, optional
        Direction of the current between given contacts: L in f is the width across it. By default
        x, unless the contacts clearly lie along y: then it must be given.
    bath : {"ohmic", "miller_abrahams", "heat_bath", "marcus"} or callable
        s(x): the rate down by x kT over that at equal energies, where it is 1. "ohmic" is
        x / (1 - exp(-x)), "miller_abrahams" 1, "heat_bath" 2 / (1 + exp(-x)), "marcus"
        exp(x/2 - x^2 kT / 4 lambda) with the reorganisation energy lambda. A callable is a function
        of x alone, see `hopnet.network.energies.bath_factor`; a rate law that is known in both
        directions goes into `hopnet.network.RateLaw`, which checks detailed balance.
    chemical_potential : float, optional
        If it is given, occupations f are those of Fermi and Dirac, and
        G_ij rho_0 = f_j (1 - f_i) / tau_ij. This is for the resistivity of charge. Functions for
        spins need few electrons per site and refuse such a network.
    reorganisation_energy : float, optional
        lambda of the bath "marcus", in the unit of kT.

    Returns
    -------
    Network

    Raises
    ------
    ParameterError
        If a cutoff is not positive, or more than one cutoff is given; contacts overlap, or are
        given and empty; a periodic sample is narrower than three cutoffs; kT is not positive, or
        given without energies; the network does not fit into memory.

    Notes
    -----
    Leaving out long links is an approximation. A link of length R competes with the critical one
    by exp(-2 (R - l_c) / a_b), so the error falls with the margin in a_b, at every density. A
    multiple of l_c leaves a large error where l_c is a few a_b, and keeps useless links where l_c
    is long: `runs/cutoff.toml`, docs/which_f.md. Cost: O(n_sites + n_links), by a grid of cells.
    """
    instance_of("sites", sites, Sites, "make them with hopnet.random_sites")
    axis = current_axis(sites, contacts, axis)
    cutoffs = check_cutoffs(cutoff, cutoff_radius, cutoff_margin)
    thermal = thermal_state(sites, kT, bath, chemical_potential, reorganisation_energy)
    dimension = sites.dimension
    warn_if_dense(sites.density * sites.mean_radius**dimension, dimension, stacklevel=2)
    reach = find_reach(sites, cutoffs, thermal, axis)
    width = strip_width(sites, contact_width, reach)
    ends = contact_sites(sites, contacts, axis, width)
    network = network_within(sites, reach, thermal, ends, axis)
    if cutoffs.margin is not None and misses_contacts(network):
        reach = reach_of_threshold(sites, cutoffs.margin, reach, thermal, ends)
        network = network_within(sites, reach, thermal, ends, axis)
    return network


class Cutoffs(NamedTuple):
    """The one cutoff that decides the links; the others are None.

    Attributes
    ----------
    factor : float or None
        Multiple of l_c or of xi_c.
    radius : float or None, in a_b
        Length of the longest link.
    margin : float or None, in a_b
        How far links reach beyond l_c.
    """

    factor: float | None
    radius: float | None
    margin: float | None


class Thermal(NamedTuple):
    """The quantities that determine rates and occupations of sites with energies.

    Attributes
    ----------
    kT : float
        Thermal energy, in the unit of the energies.
    bath : str or callable
        As in `build_network`.
    chemical_potential : float or None
        If it is given, electrons exclude each other.
    level : float or None
        The energy at which n_i of Boltzmann is 1 (`reference_level`).
    """

    @property
    def stored(self) -> dict[str, Any]:
        """The part of it that the network keeps."""
        if isinstance(self.bath, MarcusBath):
            energy = self.bath.reorganisation * self.kT
            bath = {"bath": MARCUS, "reorganisation_energy": energy}
        else:
            bath = {"bath": self.bath}
        return bath | {"kT": self.kT, "chemical_potential": self.chemical_potential}

    kT: float
    bath: Bath
    chemical_potential: float | None
    level: float | None


class Reach(NamedTuple):
    """The limits that determine which pairs of sites are linked.

    Attributes
    ----------
    radius : float, in a_b
        Length of the longest allowed link.
    largest_exponent : float or None
        Largest 2 R_ij / a_b + barrier; None where the length alone decides.
    critical_exponent : float or None
        xi_c of the sample, where it was needed.
    """

    radius: float
    largest_exponent: float | None = None
    critical_exponent: float | None = None


def current_axis(sites: Sites, contacts: Any, axis: str | None) -> str:
    """The direction of the current, or a ParameterError where it must be given."""
    axes = tuple(sites.axes)
    if isinstance(contacts, str):
        edges = one_of("contacts", contacts, axes, "or give (source, drain) arrays of sites")
        if axis is not None and one_of("axis", axis, axes) != edges:
            raise ParameterError(
                f"axis must be that of the contacts, {edges!r}, got {shown(axis)}; leave it out."
            )
        axis = edges
    elif axis is None:
        axis = "x"
        other = axis_of_contacts(sites, contacts)
        if other != "x":
            raise ParameterError(
                f"these contacts lie along {other}, and the width across the current decides f; "
                f"give axis={other!r}, or axis='x' if the current is to be taken along x."
            )
    one_of("axis", axis, axes)
    if axis != "x" and sites.period[axes.index(axis)]:
        raise ParameterError(
            f"a {sites.geometry} has no edges across {axis} to put contacts on; use contacts='x'."
        )
    return axis


def axis_of_contacts(sites: Sites, contacts: Any) -> str:
    """The axis along which given contacts are much further apart than along x, or else "x".

    The mean positions of their sites count.
    """
    if sites.period[1]:
        return "x"
    pair = [
        owned_numbers(f"the {name} contact (site numbers)", one, sites.n_sites, "correct the array")
        for name, one in zip(("source", "drain"), pair_of_contacts(contacts))
    ]
    if not all(one.size for one in pair):
        return "x"
    source, drain = (sites.position[one].mean(axis=0) for one in pair)
    apart = np.abs(drain - source)
    furthest = int(np.argmax(apart))
    clearly = apart[furthest] > STEEP * apart[0] and apart[furthest] > FAR * sites.size[furthest]
    return sites.axes[furthest] if clearly else "x"


def thermal_state(
    sites: Sites,
    kT: float | None,
    bath: Bath,
    chemical_potential: float | None,
    reorganisation_energy: float | None,
) -> Thermal | None:
    """The `Thermal` of a network, checked; None for the R-model."""
    if kT is not None:
        kT = check_temperature(kT)
    bath = named_bath(bath, kT, reorganisation_energy)
    chemical_potential = check_chemical_potential(chemical_potential, kT)
    if kT is None:
        if sites.energy is not None:
            warnings.warn(
                "these sites carry energies, but no kT is given: the network is the R-model, built "
                "from distances alone; give kT for phonon-assisted rates.",
                ValidityWarning,
                stacklevel=3,
            )
        return None
    if sites.energy is None:
        raise ParameterError(
            "kT is given, but these sites carry no energies; use with_energies(sites, ...), or "
            "leave kT out."
        )
    check_range(sites.energy, kT)
    level = reference_level(sites, kT) if chemical_potential is None else None
    return Thermal(kT, bath, chemical_potential, level)


def check_cutoffs(
    cutoff: float | None, cutoff_radius: float | None, cutoff_margin: float | None
) -> Cutoffs:
    """The one cutoff that is given, checked; `CUTOFF_MARGIN` if there is none."""
    given = {
        name: value
        for name, value in (
            ("cutoff", cutoff),
            ("cutoff_radius", cutoff_radius),
            ("cutoff_margin", cutoff_margin),
        )
        if value is not None
    }
    if len(given) > 1:
        raise ParameterError(
            "one of cutoff, cutoff_radius and cutoff_margin decides the links, got "
            f"{' and '.join(given)}; give one of them, or none for a margin of "
            f"{CUTOFF_MARGIN:g} a_b."
        )
    if cutoff is not None:
        hint = "the letter uses 1.5"
        return Cutoffs(
            number("cutoff", cutoff, low=0.0, high=1e60, above=True, unit="l_c", hint=hint),
            None,
            None,
        )
    if cutoff_radius is not None:
        hint = "1.2 / sqrt(n_s) + 6 is customary"
        radius = number("cutoff_radius", cutoff_radius, low=0.0, above=True, unit="a_b", hint=hint)
        return Cutoffs(None, radius, None)
    margin = CUTOFF_MARGIN if cutoff_margin is None else cutoff_margin
    hint = f"{CUTOFF_MARGIN:g} is customary"
    return Cutoffs(
        None,
        None,
        number("cutoff_margin", margin, low=0.0, high=1e60, above=True, unit="a_b", hint=hint),
    )


def find_reach(sites: Sites, cutoffs: Cutoffs, thermal: Thermal | None, axis: str) -> Reach:
    """The `Reach` for each kind of cutoff."""
    if cutoffs.radius is not None:
        return Reach(cutoffs.radius)
    if thermal is None and sites.radius is None:
        l_c = critical_length(sites.density, sites.dimension)
        if cutoffs.factor is not None:
            return Reach(float(cutoffs.factor * l_c))
        return Reach(l_c + float(cutoffs.margin or 0.0))
    xi_c = critical_exponent(
        sites,
        None if thermal is None else thermal.kT,
        chemical_potential=None if thermal is None else thermal.chemical_potential,
        axis=axis,
        level=None if thermal is None else thermal.level,
    )
    # No link with an exponent of at most xi is longer than xi / 2 times the largest radius.
    longest = 0.5 * sites.largest_radius
    if cutoffs.factor is not None:
        largest = cutoffs.factor * xi_c
        return Reach(float(longest * largest), largest, float(largest / cutoffs.factor))
    largest = xi_c + 2.0 * float(cutoffs.margin or 0.0)
    return Reach(float(longest * largest), largest, xi_c)


def strip_width(sites: Sites, contact_width: float | None, reach: Reach) -> float:
    """Width of the contact strips, in a_b: 1.5 times the length of a critical hop."""
    if contact_width is not None:
        return number("contact_width", contact_width, low=0.0, above=True, unit="a_b")
    if reach.critical_exponent is not None:
        return float(CONTACT_WIDTH * 0.5 * reach.critical_exponent * sites.mean_radius)
    return float(CONTACT_WIDTH * critical_length(sites.density, sites.dimension))


def misses_contacts(network: Network) -> bool:
    """Whether no path joins two contacts that hold sites and could carry a current."""
    has_contacts = network.source.size > 0 and network.drain.size > 0
    return has_contacts and network.sites.geometry != "torus" and not network.percolates


class Contacts:
    """Two given contacts, and whether clusters join them: see `Ends`."""

    def __init__(self, source: np.ndarray, drain: np.ndarray):
        self.source, self.drain = source, drain

    def joined(self, _xi: float, cluster: np.ndarray) -> bool:
        """Whether a cluster has sites in both contacts."""
        return np.intersect1d(cluster[self.source], cluster[self.drain]).size > 0


def reach_of_threshold(
    sites: Sites,
    margin: float,
    reach: Reach,
    thermal: Thermal | None,
    ends: tuple[np.ndarray, np.ndarray],
) -> Reach:
    """The `Reach` that is ``margin`` beyond the threshold at which links join the contacts."""
    contacts = Contacts(*ends)
    high = reach
    while True:
        high = grown(high, GROWTH)
        check_periods(sites, high.radius)
        i, j = links_within(sites, high, thermal)
        if contacts.joined(0.0, clusters_of(sites.n_sites, i, j)[1]):
            break
    exponent = 2.0 * sites.effective_length(i, j, link_lengths(sites, i, j))
    if thermal is not None and sites.energy is not None and high.largest_exponent is not None:
        given = thermal.kT, thermal.chemical_potential
        exponent += barriers(i, j, sites.energy, *given, level=thermal.level)
    own = bisect_exponent(contacts, sites.n_sites, i, j, exponent, float(exponent.max()))
    largest = 2.0 * high.radius if high.largest_exponent is None else high.largest_exponent
    return grown(high, (own + 2.0 * margin) / largest)


def grown(reach: Reach, factor: float) -> Reach:
    """The same kind of reach, ``factor`` times as far."""
    largest = reach.largest_exponent
    return Reach(
        reach.radius * factor,
        None if largest is None else largest * factor,
        reach.critical_exponent,
    )


def network_within(
    sites: Sites,
    reach: Reach,
    thermal: Thermal | None,
    ends: tuple[np.ndarray, np.ndarray],
    axis: str,
) -> Network:
    """The network of all links within reach."""
    check_periods(sites, reach.radius)
    link_i, link_j = links_within(sites, reach, thermal)
    distance = link_lengths(sites, link_i, link_j)
    warn_of_coinciding_sites(link_i, link_j, distance)
    log_conductance, log_occupation = rates(sites, link_i, link_j, distance, thermal)
    return join_sites(
        sites,
        link_i,
        link_j,
        log_conductance,
        contacts=ends,
        axis=axis,
        log_occupation=log_occupation,
        cutoff_radius=reach.radius,
        exclusion=thermal is not None and thermal.chemical_potential is not None,
        critical_exponent=reach.critical_exponent,
        **(thermal.stored if thermal else {}),
    )


def check_periods(sites: Sites, radius: float) -> None:
    """Raise if a periodic sample is so narrow that three links could close a loop around it."""
    for side, period in zip(sites.axes, sites.period):
        if period and period * (1.0 + SLACK) < 3 * radius:
            raise ParameterError(
                f"a sample that is periodic along {side} must have a period of at least 3 cutoffs "
                f"({3 * radius:.4g} a_b), got {period:.4g} a_b; take more sites, a "
                "smaller cutoff_margin or geometry='open'."
            )


def links_within(
    sites: Sites, reach: Reach, thermal: Thermal | None
) -> tuple[np.ndarray, np.ndarray]:
    """The pairs of sites within reach: int64 arrays link_i < link_j, sorted."""
    if reach.largest_exponent is None:
        return find_links(sites, reach.radius)
    largest = reach.largest_exponent * (1.0 + SLACK)
    if thermal is None or sites.energy is None:
        everywhere = np.ones(sites.n_sites, np.bool_)
        link_i, link_j, distance = candidate_links(sites, everywhere, reach.radius)
        kept = 2.0 * sites.effective_length(link_i, link_j, distance) <= largest
        return link_i[kept], link_j[kept]
    energy, given = sites.energy, (thermal.kT, thermal.chemical_potential)
    least = least_barriers(energy, *given, level=thermal.level)
    link_i, link_j, distance = candidate_links(sites, least <= largest, reach.radius)
    exponent = 2.0 * sites.effective_length(link_i, link_j, distance)
    exponent += barriers(link_i, link_j, energy, *given, level=thermal.level)
    kept = exponent <= largest
    return link_i[kept], link_j[kept]


def link_lengths(sites: Sites, link_i: np.ndarray, link_j: np.ndarray) -> np.ndarray:
    """float64[n_links], in a_b: distance of the nearest images of the two sites of each link."""
    return lengths(link_separation(sites, link_i, link_j))


def rates(
    sites: Sites,
    link_i: np.ndarray,
    link_j: np.ndarray,
    distance: np.ndarray,
    thermal: Thermal | None,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Logarithms of the conductances and of the occupations (None where all are 1)."""
    distance = sites.effective_length(link_i, link_j, distance)
    if thermal is None or sites.energy is None:
        return -2.0 * distance, None
    kT, bath, chemical_potential, level = thermal
    log_occupation = log_occupations(sites.energy, kT, chemical_potential, level=level)
    log_conductance = log_hops(
        link_i,
        link_j,
        distance,
        sites.energy,
        kT,
        bath=bath,
        chemical_potential=chemical_potential,
        level=level,
    )
    return log_conductance, log_occupation


def warn_of_coinciding_sites(link_i: np.ndarray, link_j: np.ndarray, distance: np.ndarray) -> None:
    """Warn if two linked sites have the same position."""
    if np.any(distance == 0.0):
        l = int(np.flatnonzero(distance == 0.0)[0])
        warnings.warn(
            f"sites {link_i[l]} and {link_j[l]} (and perhaps more) coincide: they are joined by "
            "the conductance of a hop of zero length.",
            ValidityWarning,
            stacklevel=4,
        )


def contact_sites(
    sites: Sites, contacts: Any, axis: str, depth: float
) -> tuple[np.ndarray, np.ndarray]:
    """Sites of the two contacts: those given, or those within ``depth`` of the two edges.

    A strip at an edge may hold no site by chance; then no path joins the contacts. A contact that
    is given as an array must hold a site.
    """
    if isinstance(contacts, str):
        depth = depth * (1.0 + SLACK)
        along = sites.position[:, sites.axes.index(axis)]
        far = sites.size[sites.axes.index(axis)]
        return np.flatnonzero(along <= depth), np.flatnonzero(along >= far - depth)
    pair = pair_of_contacts(contacts)
    for name, contact in zip(("source", "drain"), pair):
        if np.size(contact) == 0:
            raise ParameterError(f"the {name} contact is empty; give the numbers of its sites.")
    return pair
