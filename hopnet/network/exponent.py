"""Critical exponent of sites with energies, and the level from which energies are counted.

The exponent of a link is 2 R_ij / a_b plus its barrier over kT; links up to the critical exponent
just join the ends of a sample.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from hopnet.checks import instance_of, one_of
from hopnet.errors import ParameterError
from hopnet.network.energies import (
    barriers,
    check_chemical_potential,
    check_range,
    check_temperature,
    least_barriers,
)
from hopnet.network.neighbours import candidate_links
from hopnet.network.sites import Sites, critical_length

__all__ = ["bisect_exponent", "clusters_of", "critical_exponent", "reference_level"]

# Relative width to which the critical exponent of a sample is bisected. A smaller one costs more
# steps and approaches rounding; a larger one would add or remove links at the cutoff.
RESOLUTION = 1e-12

# The lowest sites are isolated deep traps if the gap above them exceeds both bounds:
# - GAP times the critical exponent 2 l_c / a_b of equal energies, in kT. A smaller gap moves the
#   cutoff by less than that share.
# - TAIL times the scale on which the density of states falls off, taken from the WINDOW energies
#   above the gap. In the exponential tail of independent energies (that of a Gaussian is one, and a
#   band edge falls off faster) such a gap has the probability exp(-TAIL).
# With smaller numbers the tail of a sample would count as traps, with larger ones traps would move
# the cutoff.
GAP = 0.05
TAIL = 12.0
WINDOW = 20

# At most this share of the sites (and always one) can be traps. More sites are a band of their own
# that may carry the current. So may SEVERAL sites or more, if the gap costs more than the longer
# hops between them.
MOST_TRAPS = 0.01
SEVERAL = 10


def reference_level(sites: Sites, kT: float) -> float:
    """The energy from which Boltzmann occupations and barriers are counted.

    Only ratios of occupations matter for currents and spins. The level still decides which links
    lie within a multiple of the critical exponent, and how deep the contact strips are. It is the
    lowest energy of the sample without isolated deep traps. Traps are left out so that the depth of
    a few sites changes neither the cutoff nor the unit of the conductances.

    Parameters
    ----------
    sites : Sites
        Sites with energies.
    kT : float
        Thermal energy, in the unit of the energies.

    Returns
    -------
    float

    Notes
    -----
    The k lowest sites are traps if a large gap lies above them, see GAP and TAIL; k is at most one
    per cent of the sites. The currents flow above the gap, because the barrier of a hop to or from
    a trap is that of its other site. A shift of all energies shifts the level.
    """
    if sites.energy is None or sites.n_sites < 3:
        raise ParameterError(
            "a reference level needs at least 3 sites with energies; use with_energies(sites, ...)."
        )
    n = sites.n_sites
    n_traps = max(int(MOST_TRAPS * n), 1)
    last = min(n_traps + WINDOW, n - 1)
    low = np.sort(np.partition(sites.energy, last)[: last + 1])
    plain = 2.0 * critical_length(sites.density, sites.dimension)
    gap = np.diff(low)[:n_traps]
    for k in np.flatnonzero(gap > GAP * plain * kT)[::-1] + 1:
        window = low[k : k + WINDOW + 1]
        if window.size < 3:
            continue
        # The m-th spacing of an exponential tail is on average 1/m of its scale.
        scale = (window[-1] - window[0]) / np.sum(1.0 / np.arange(k + 1, k + window.size))
        alone = k >= SEVERAL and gap[k - 1] > plain * kT * (np.sqrt(n / k) - 1.0)
        if gap[k - 1] > TAIL * scale and not alone:
            return float(low[k])
    return float(low[0])


Exponents = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def at_equal_energies(_i: np.ndarray, _j: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """Exponents of links without barriers."""
    return 2.0 * distance


class Ends:
    """The two end strips of a sample, and whether clusters join them.

    The strips are as deep as the longest hop between two sites of one radius a, xi a / 2. Only
    sites with a barrier of at most xi count.
    """

    def __init__(self, sites: Sites, least: np.ndarray, axis: str, radius: ArrayLike = 1.0):
        self.along = sites.position[:, sites.axes.index(axis)]
        self.far = sites.size[sites.axes.index(axis)]
        self.least = least
        self.radius = np.asarray(radius)

    def joined(self, xi: float, cluster: np.ndarray) -> bool:
        """Whether a cluster has sites in both strips."""
        depth = 0.5 * xi * self.radius
        first = cluster[(self.along <= depth) & (self.least <= xi)]
        last = cluster[(self.along >= self.far - depth) & (self.least <= xi)]
        return np.intersect1d(first, last).size > 0


def clusters_of(n: int, i: np.ndarray, j: np.ndarray) -> tuple[int, np.ndarray]:
    """Number of clusters of a graph of n nodes, and the cluster of each node."""
    graph = coo_array((np.ones(i.size, np.int8), (i, j)), shape=(n, n))
    return connected_components(graph, directed=False)


def sample_exponent(
    sites: Sites,
    exponents: Exponents,
    least: np.ndarray,
    axis: str,
    start: float,
    radius: ArrayLike = 1.0,
) -> float:
    """The least xi at which links with exponents <= xi join the two ends of a sample.

    The bracket grows from ``start`` until the ends are joined. Then xi is bisected: links below
    the bracket are contracted and links above it are dropped, so that half of the links remain
    after each step.

    Parameters
    ----------
    sites : Sites
    exponents : callable
        ``exponents(i, j, distance)`` of links.
    least : float64[n_sites]
        The smallest exponent that a link of each site can have.
    axis : {"x", "y", "z"}
        Direction along which the ends lie.
    start : float
        First guess of an upper bound.
    radius : float64[n_sites] or float, in a_b
        Localisation radii. No link with an exponent of at most xi is longer than xi / 2 times the
        largest of them.

    Returns
    -------
    float
    """
    # A torus has ends only if it is cut open along x.
    box = dataclasses.replace(sites, geometry="cylinder") if sites.geometry == "torus" else sites
    ends = Ends(sites, least, axis, radius)
    largest = float(np.max(radius))
    high = start
    while True:
        i, j, distance = candidate_links(box, least <= high, 0.5 * high * largest)
        exponent = exponents(i, j, distance)
        kept = exponent <= high
        if ends.joined(high, clusters_of(sites.n_sites, i[kept], j[kept])[1]):
            break
        high *= 1.25
    return bisect_exponent(ends, sites.n_sites, i[kept], j[kept], exponent[kept], high)


class Joins(Protocol):
    """Whether clusters of links up to xi join the two ends, for `bisect_exponent`."""

    def joined(self, xi: float, cluster: np.ndarray) -> bool:
        """Whether a cluster has sites at both ends."""


def bisect_exponent(
    ends: Joins, n_sites: int, i: np.ndarray, j: np.ndarray, exponent: np.ndarray, high: float
) -> float:
    """Bisect the threshold of links that join the ends at ``high``, see `sample_exponent`."""
    low, n_nodes, node = 0.0, n_sites, np.arange(n_sites)
    while high - low > RESOLUTION * high:
        middle = 0.5 * (low + high)
        below = exponent <= middle
        n_merged, merged = clusters_of(n_nodes, i[below], j[below])
        if ends.joined(middle, merged[node]):
            high = middle
            i, j, exponent = i[below], j[below], exponent[below]
        else:
            low, n_nodes, node = middle, n_merged, merged[node]
            i, j, exponent = merged[i[~below]], merged[j[~below]], exponent[~below]
            apart = i != j
            i, j, exponent = i[apart], j[apart], exponent[apart]
    return high


def critical_exponent(
    sites: Sites,
    kT: float | None,
    *,
    chemical_potential: float | None = None,
    axis: str = "x",
    level: float | None = None,
) -> float:
    """Critical exponent xi_c of variable-range hopping: exp(xi_c) is the scale of the resistivity.

    Links with 2 R_ij / a_b + barrier <= xi_c just join the ends of the sample; with a localisation
    radius per site R_ij / a_i + R_ij / a_j stands for 2 R_ij / a_b. The threshold of the
    sample is scaled by that of the same sample at equal energies, which is known in the limit of
    large samples, 2 l_c / a_b. Most of the noise of a finite sample cancels, and the limit of
    vanishing energies is the R-model.

    Parameters
    ----------
    sites : Sites
        Sites with energies, or with localisation radii.
    kT : float or None
        Thermal energy, in the unit of the energies; None: the energies do not count.
    chemical_potential : float, optional
        If it is given, electrons exclude each other and barriers are counted from it.
    axis : {"x", "y", "z"}
        Direction along which the sample is to be joined.
    level : float, optional
        The energy from which barriers of Boltzmann are counted; by default `reference_level`.

    Returns
    -------
    float

    Raises
    ------
    ParameterError
        If the sites carry no energies, or an argument is out of its range.
    """
    instance_of("sites", sites, Sites, "make them with hopnet.random_sites")
    kT = None if kT is None and sites.radius is not None else check_temperature(kT)
    chemical_potential = check_chemical_potential(chemical_potential, kT)
    axis = one_of("axis", axis, tuple(sites.axes))
    exponents, least = exponents_of_sites(sites, kT, chemical_potential, level)
    plain = 2.0 * critical_length(sites.density, sites.dimension)
    zero = np.zeros(sites.n_sites)
    equal = sample_exponent(sites, at_equal_energies, zero, axis, 1.2 * plain)
    radius = 1.0 if sites.radius is None else sites.radius
    start = 1.2 * equal / sites.largest_radius
    own = sample_exponent(sites, exponents, least, axis, start, radius)
    return float(plain * (own / equal))


def exponents_of_sites(
    sites: Sites, kT: float | None, chemical_potential: float | None, level: float | None
) -> tuple[Exponents, np.ndarray]:
    """The exponents of links as a function, and the smallest barrier of each site."""
    if kT is None:
        return (
            lambda i, j, distance: 2.0 * sites.effective_length(i, j, distance),
            np.zeros(sites.n_sites),
        )
    energy = sites.energy
    if energy is None:
        raise ParameterError(
            "a critical exponent needs site energies, these sites carry none; use "
            "with_energies(sites, ...)."
        )
    check_range(energy, kT)
    if chemical_potential is None and level is None:
        level = reference_level(sites, kT)

    def exponents(i: np.ndarray, j: np.ndarray, distance: np.ndarray) -> np.ndarray:
        barrier = barriers(i, j, energy, kT, chemical_potential, level=level)
        return 2.0 * sites.effective_length(i, j, distance) + barrier

    return exponents, least_barriers(energy, kT, chemical_potential, level=level)
