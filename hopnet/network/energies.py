"""Site energies: densities of states, phonon-assisted rates, the critical exponent of hopping.

With energies a hop is paid for twice: by overlap, and by what a phonon must bring. Everything is
kept in logarithms, so that low temperature neither under- nor overflows.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from hopnet.constants import PERCOLATION_RADIUS
from hopnet.errors import ParameterError
from hopnet.network.neighbours import candidate_links
from hopnet.network.sites import Sites
from hopnet.records import read_only
from hopnet.seeds import Seed, random_stream

DENSITIES_OF_STATES = ("uniform", "gaussian", "coulomb_gap")
RESOLUTION = 1e-12  # to which the critical exponent of a sample is bisected, relative


def with_energies(
    sites: Sites,
    density_of_states: str | ArrayLike = "uniform",
    *,
    width: float,
    seed: Seed,
) -> Sites:
    """The same sites with energies drawn from a density of states around zero.

    Parameters
    ----------
    sites : Sites
    density_of_states : {"uniform", "gaussian", "coulomb_gap"} or array_like[n_sites]
        "uniform": constant from -width/2 to width/2. "gaussian": standard deviation ``width``.
        "coulomb_gap": proportional to abs(e), the soft gap of two dimensions, up to
        abs(e) = width/2, but without correlations, see Notes. Or energies of one's own (``seed`` is
        not used then).
    width : float
        In the unit in which kT will be given; not used for energies of one's own.
    seed : int, numpy.random.SeedSequence or numpy.random.Generator

    Returns
    -------
    Sites

    Notes
    -----
    Energies of different sites are independent of each other and of the places of the sites. For
    "coulomb_gap" this is a model, not a Coulomb glass: the one-electron density of states has the
    gap of Efros and Shklovskii (J. Phys. C 8, L49 (1975)), fixed in width and not filled up by
    temperature, but there is no interaction. What it leaves out: a hop from i to j costs
    e_j - e_i - e^2 / (kappa R_ij) in a Coulomb glass, in the ground state positive for every such
    pair, and occupations of neighbours are correlated. It shows how a gap bends ln rho from
    T^(-1/3) to T^(-1/2); the number in the T^(-1/2) law is not that of interacting electrons. For
    them, give energies of your own, from a relaxed Coulomb glass.

    Examples
    --------
    >>> import hopnet as hn
    >>> sites = hn.random_sites(1000, density=0.01, seed=7)
    >>> warm = hn.with_energies(sites, "uniform", width=1.0, seed=8)
    >>> bool(abs(warm.energy).max() <= 0.5)
    True
    """
    if not isinstance(density_of_states, str):
        energy = np.asarray(density_of_states, dtype=np.float64)
        if energy.shape != (sites.n_sites,) or not np.all(np.isfinite(energy)):
            raise ParameterError(
                f"energies must be {sites.n_sites} finite numbers, one a site, got shape "
                f"{energy.shape} with {int((~np.isfinite(energy)).sum())} not finite; mend them."
            )
        return dataclasses.replace(sites, energy=read_only(energy))
    if density_of_states not in DENSITIES_OF_STATES:
        raise ParameterError(
            f"density_of_states must be one of {', '.join(DENSITIES_OF_STATES)} or an array, got "
            f"{density_of_states!r}; choose one."
        )
    if not (np.isfinite(width) and width >= 0):
        raise ParameterError(f"width must be a finite energy >= 0, got {width!r}; mend it.")
    seed = random_stream(seed)
    if density_of_states == "gaussian":
        energy = width * seed.standard_normal(sites.n_sites)
    else:
        part = 2.0 * seed.random(sites.n_sites) - 1.0
        if density_of_states == "coulomb_gap":
            part = np.sign(part) * np.sqrt(np.abs(part))
        energy = 0.5 * width * part
    return dataclasses.replace(sites, energy=read_only(energy))


def ohmic(x):
    """x / (1 - exp(-x)): density of phonons times coupling proportional to energy; 1 at x = 0."""
    small = np.where(x > 0, x, 1.0)
    return np.where(x > 0, small / -np.expm1(-small), 1.0)


def miller_abrahams(x):
    """1: every hop down in energy has the rate of a hop at equal energies."""
    return np.ones_like(x)


def heat_bath(x):
    """2 / (1 + exp(-x)): rates limited by the bath's own speed (Glauber); 1 at x = 0."""
    return 2.0 / (1.0 + np.exp(-x))


BATHS = {"ohmic": ohmic, "miller_abrahams": miller_abrahams, "heat_bath": heat_bath}


def bath_factor(bath, x):
    """Rate of a hop down by x kT over that of a hop at equal energies.

    The factor D(e) (N_e + Theta) q / e^2 ... of [hopping S9] in one function: down s(x), up
    exp(-x) s(x), which is detailed balance.

    Parameters
    ----------
    bath : {"ohmic", "miller_abrahams", "heat_bath"} or callable
        A callable takes float64[n] x >= 0 and returns s(x) > 0, its limit at x = 0 included.
    x : float64[n]

    Returns
    -------
    float64[n]
    """
    if isinstance(bath, str) and bath in BATHS:
        return BATHS[bath](x)
    if not callable(bath):
        raise ParameterError(
            f"bath must be one of {', '.join(BATHS)} or a function of energy over kT, got "
            f"{bath!r}; choose one."
        )
    value = np.asarray(bath(x), dtype=np.float64)
    if value.shape != x.shape or not np.all(np.isfinite(value)) or np.any(value <= 0):
        raise ParameterError(
            "a bath function must return a finite positive number for every x >= 0, at x = 0 its "
            f"limit, smallest is {np.min(value, initial=np.inf)!r}; mend it."
        )
    return value


def check_temperature(kT):
    """kT as a float, or a ParameterError."""
    if not (np.ndim(kT) == 0 and np.isfinite(kT) and kT > 0):
        raise ParameterError(
            f"kT must be a positive number in the unit of the energies, got {kT!r}; "
            "hopping with phonons stops at T = 0."
        )
    return float(kT)


def log_occupations(energy, kT, chemical_potential=None):
    """ln n_i, Boltzmann (largest n is 1) [hopping S22] or Fermi-Dirac.

    Parameters
    ----------
    energy : float64[n_sites]
    kT : float
    chemical_potential : float, optional
        Given: ln f_i of Fermi and Dirac.
    """
    if chemical_potential is None:
        return -(energy - energy.min()) / kT
    return -np.logaddexp(0.0, (energy - chemical_potential) / kT)


def log_hops(link_i, link_j, distance, energy, kT, *, bath="ohmic", chemical_potential=None):
    """ln K_ij of every link: equilibrium flow from j to i, which equals that from i to j.

    Equations [hopping S9], [hopping S26], code units, x = abs(e_i - e_j) / kT, s the bath factor::

        1/tau_ij = exp(-2 R_ij) s(x) exp(-(e_i - e_j)_+ / kT)
        K_ij = n_j / tau_ij                                        Boltzmann
        K_ij = f_j (1 - f_i) / tau_ij                              with exclusion

    Parameters
    ----------
    link_i, link_j : int64[n_links]
    distance : float64[n_links], in a_b
    energy : float64[n_sites]
    kT : float
    bath : str or callable
    chemical_potential : float, optional

    Returns
    -------
    float64[n_links]

    Notes
    -----
    tau_0 is the time of a hop at equal energies at this temperature. It is symmetric to rounding by
    construction: n_j exp(-(e_i - e_j)_+ / kT) = exp(-(max(e_i, e_j) - e_0) / kT).
    """
    e_i, e_j = energy[link_i], energy[link_j]
    x = np.abs(e_i - e_j) / kT
    overlap = -2.0 * distance + np.log(bath_factor(bath, x))
    if chemical_potential is None:
        return overlap - (np.maximum(e_i, e_j) - energy.min()) / kT
    high = (np.maximum(e_i, e_j) - chemical_potential) / kT
    low = (np.minimum(e_i, e_j) - chemical_potential) / kT
    # f_low (1 - f_high) exp(-(high - low)) = f_high (1 - f_low)
    return overlap - np.logaddexp(0.0, high) - np.logaddexp(0.0, -low)


def barriers(link_i, link_j, energy, kT, chemical_potential=None):
    """Energy part of the exponent of every link, >= 0; the bath factor is left out.

    (max(e_i, e_j) - e_0) / kT for Boltzmann occupations, with exclusion (abs(e_i - mu) +
    abs(e_j - mu) + abs(e_i - e_j)) / 2 kT, the limit of energies large beside kT.
    """
    e_i, e_j = energy[link_i], energy[link_j]
    if chemical_potential is None:
        return (np.maximum(e_i, e_j) - energy.min()) / kT
    from_level = np.abs(e_i - chemical_potential) + np.abs(e_j - chemical_potential)
    return 0.5 * (from_level + np.abs(e_i - e_j)) / kT


def least_barriers(energy, kT, chemical_potential=None):
    """float64[n_sites]: no link of a site has a barrier below this."""
    if chemical_potential is None:
        return (energy - energy.min()) / kT
    return np.abs(energy - chemical_potential) / kT


def sample_exponent(sites, exponents, least, axis, start):
    """The least xi at which links with exponents <= xi join the two ends of a sample.

    Ends are strips of depth xi / 2, the longest hop; ``exponents(i, j, distance)`` of links.
    """
    box = Sites(
        sites.position,
        sites.length,
        sites.width,
        "cylinder" if sites.geometry == "torus" else sites.geometry,
    )
    along = sites.position[:, "xy".index(axis)]
    far = sites.length if axis == "x" else sites.width

    def clusters(n, i, j):
        graph = coo_array((np.ones(i.size, np.int8), (i, j)), shape=(n, n))
        return connected_components(graph, directed=False)

    def joined(xi, cluster):
        first = cluster[(along <= 0.5 * xi) & (least <= xi)]
        last = cluster[(along >= far - 0.5 * xi) & (least <= xi)]
        return np.intersect1d(first, last).size > 0

    high = start
    while True:
        i, j, distance = candidate_links(box, least <= high, 0.5 * high)
        exponent = exponents(i, j, distance)
        kept = exponent <= high
        if joined(high, clusters(sites.n_sites, i[kept], j[kept])[1]):
            break
        high *= 1.25
    i, j, exponent = i[kept], j[kept], exponent[kept]
    # links below the bracket are contracted, links above it dropped: the rest shrinks by half
    low, n_nodes, node = 0.0, sites.n_sites, np.arange(sites.n_sites)
    while high - low > RESOLUTION * high:
        middle = 0.5 * (low + high)
        below = exponent <= middle
        n_merged, merged = clusters(n_nodes, i[below], j[below])
        if joined(middle, merged[node]):
            high = middle
            i, j, exponent = i[below], j[below], exponent[below]
        else:
            low, n_nodes, node = middle, n_merged, merged[node]
            i, j, exponent = merged[i[~below]], merged[j[~below]], exponent[~below]
            apart = i != j
            i, j, exponent = i[apart], j[apart], exponent[apart]
    return high


def critical_exponent(sites, kT, *, chemical_potential=None, axis="x"):
    """Critical exponent xi_c of variable-range hopping: exp(xi_c) is the scale of the resistivity.

    Links with 2 R_ij / a_b + barrier <= xi_c just join the ends of the sample. The threshold of
    the sample is scaled by that of the same sample at equal energies, which is known in the limit
    of large samples, 2 l_c / a_b: most of the noise of a finite sample drops out, and energies -> 0
    give the R-model.

    Parameters
    ----------
    sites : Sites
        With energies.
    kT : float
    chemical_potential : float, optional
    axis : {"x", "y"}
        Along which the sample is to be joined.

    Returns
    -------
    float
    """
    energy = sites.energy
    least = least_barriers(energy, kT, chemical_potential)

    def exponents(i, j, distance):
        return 2.0 * distance + barriers(i, j, energy, kT, chemical_potential)

    plain = 2.0 * PERCOLATION_RADIUS / np.sqrt(sites.density)
    equal = sample_exponent(
        sites,
        lambda i, j, distance: 2.0 * distance,
        np.zeros(sites.n_sites),
        axis,
        1.2 * plain,
    )
    own = sample_exponent(sites, exponents, least, axis, 1.2 * equal)
    return plain * (own / equal)
