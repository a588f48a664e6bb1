"""Criticality: many samples at their percolation thresholds, as tables for `scaling`.

Lengths are in units of n_s^(-1/dim), because the localisation radius does not enter percolation. A
sample of N sites then has the side N^(1/dim), and l_c n_s^(1/dim) does not depend on the density.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from hopnet.checks import array_of, one_of, whole
from hopnet.constants import PERCOLATION_RADII
from hopnet.errors import ParameterError
from hopnet.network.build import build_network
from hopnet.network.network import Network, join_sites
from hopnet.network.sites import Sites, check_dimension, random_sites, root
from hopnet.percolation.backbone import wrapping_backbone
from hopnet.percolation.clusters import sweep_clusters
from hopnet.percolation.thresholds import EVENTS, find_events, percolation_threshold
from hopnet.percolation.wrapping import wrapping_probability
from hopnet.progress import track
from hopnet.seeds import check_seed, random_stream
from hopnet.threads import limit_threads
from hopnet.transport.current import solve_current

__all__ = ["sample_conductances", "sample_critical", "sample_resistivities", "sample_thresholds"]

# Density of the samples, n_s a_b^dim. Any value gives the same table, because all lengths are
# divided by n_s^(-1/dim).
DENSITY = 0.01

# Columns of the tables for the events of a torus, in the order of `EVENTS`.
COLUMNS = {
    2: ("first", "x", "y", "second"),
    3: ("first", "x", "y", "z", "second", "third"),
}

# Range of the number of sites. A torus of fewer sites is narrower than three links; more sites do
# not fit into any memory.
FEWEST_SITES = 100
MOST_SITES = 10**12

# The thresholds of samples of N sites scatter by N^-0.375 in the plane and N^-0.38 in space, which
# is N^(-1/(dim nu)).
SPREAD = {2: 0.375, 3: 0.38}

# Largest number of samples of one call: their table takes some gigabytes.
MOST_SAMPLES = 10_000_000


def sample_generator(seed, n_sites, sample):
    """A Philox generator that depends on the seed, the size and the number of the sample only."""
    return random_stream(check_seed(seed), n_sites, sample)


def torus_sites(n_sites, generator, dimension=2):
    """Random sites on a torus."""
    return random_sites(
        n_sites, density=DENSITY, seed=generator, geometry="torus", dimension=dimension
    )


def growing_networks(sites: Sites) -> Iterator[Network]:
    """Networks of the same sites with longer and longer links, until the caller stops.

    Parameters
    ----------
    sites : Sites
        Sites on a torus.

    Yields
    ------
    Network
        The first network has links up to about five standard deviations above the mean threshold.
    """
    margin = 1.5 * sites.n_sites ** -SPREAD[sites.dimension]
    while True:
        yield build_network(sites, cutoff=1.0 + margin)
        margin *= 1.5


def check_samples(n_sites, samples, first=0):
    """The three numbers as ints, checked."""
    n_sites = whole("n_sites", n_sites, low=FEWEST_SITES, high=MOST_SITES)
    samples = whole("samples", samples, low=1, high=MOST_SAMPLES)
    return n_sites, samples, whole("first", first, low=0)


def each_sample(n_sites, samples, seed, first=0, dimension=2, progress=False):
    """For each sample, the columns that identify it and the generator of its random numbers."""
    n_sites, samples, first = check_samples(n_sites, samples, first)
    every = range(first, first + samples)
    for sample in track(every, f"samples of {n_sites} sites", progress=progress):
        yield sample_row(n_sites, sample, dimension), sample_generator(seed, n_sites, sample)


@limit_threads(1)
def sample_thresholds(
    n_sites: int,
    samples: int,
    *,
    seed: int,
    first: int = 0,
    dimension: int = 2,
    progress: bool | None = None,
) -> pd.DataFrame:
    """Wrapping thresholds of random networks on a torus.

    Parameters
    ----------
    n_sites : int
        Number of sites of each sample, at least 100.
    samples : int
        Number of samples.
    seed : int
        Seed of the random numbers. Sample k of a size depends on (seed, n_sites, k) only.
    first : int
        Number of the first sample.
    dimension : {2, 3}
        Dimension of the samples.
    progress : bool, optional
        Show a progress bar; by default in notebooks only.

    Returns
    -------
    DataFrame
        One row per sample: n_sites, size = n_sites^(1/dim), sample, and l n_s^(1/dim) at which a
        cluster first wraps (first), wraps along x, along y (along z), and wraps in a second
        direction (second), in space also in a third one (third).

    Raises
    ------
    ParameterError
        If an argument is of a wrong type or out of its range.
    """
    last = EVENTS[check_dimension(dimension)][-1]
    rows = []
    for row, generator in each_sample(n_sites, samples, seed, first, dimension, progress):
        sites = torus_sites(row["n_sites"], generator, dimension)
        for network in growing_networks(sites):
            events = find_events(network, stop=last)
            if last in events:
                break
        rows.append(row | threshold_columns(events, dimension))
    return pd.DataFrame(rows)


def sample_row(n_sites, sample, dimension):
    """The columns that identify a sample."""
    return {"n_sites": int(n_sites), "size": root(n_sites, dimension), "sample": sample}


def threshold_columns(events, dimension):
    """l n_s^(1/dim) of each event of a torus."""
    unit = DENSITY ** (1 / dimension)
    names = dict(zip(COLUMNS[dimension], EVENTS[dimension][1:]))
    return {short: events[name].threshold_length * unit for short, name in names.items()}


def critical_radius(dimension):
    """l_c at the density of the samples, in a_b."""
    return PERCOLATION_RADII[dimension] / DENSITY ** (1 / dimension)


@limit_threads(1)
def sample_critical(
    n_sites: int,
    samples: int,
    *,
    seed: int,
    first: int = 0,
    dimension: int = 2,
    progress: bool | None = None,
) -> pd.DataFrame:
    """Thresholds, critical clusters and backbones of random networks on a torus.

    Parameters
    ----------
    n_sites, samples, seed, first, dimension
        As in `sample_thresholds`.
    progress : bool, optional
        Show a progress bar; by default in notebooks only.

    Returns
    -------
    DataFrame
        The columns of `sample_thresholds`. At l_c, averaged canonically: largest (cluster),
        mean_size, once and twice (probability that clusters wrap at all, and in a second direction;
        some means are known, see `hopnet.percolation.scaling.by_size`). At the sample's own first
        wrapping, between the two ends of the link that closes the loop: backbone (its sites), red
        (bonds), chemical (links of the shortest path). The closing link itself is not counted. It
        is red by construction, and counting it would bend the power laws.
    """
    last = EVENTS[check_dimension(dimension)][-1]
    rows = []
    for row, generator in each_sample(n_sites, samples, seed, first, dimension, progress):
        sites = torus_sites(row["n_sites"], generator, dimension)
        for network in growing_networks(sites):
            sweep = sweep_clusters(network)
            events = sweep.thresholds
            if last in events:
                break
        backbone = wrapping_backbone(network, events["wrapping"])
        rows.append(
            row
            | threshold_columns(events, dimension)
            | canonical_clusters(sweep)
            | canonical_wrapping(events, row["n_sites"], dimension)
            | {
                "backbone": backbone.n_sites,
                "red": backbone.red_link.size - 1,
                "chemical": backbone.chemical_length - 1,
            }
        )
    return pd.DataFrame(rows)


def canonical_wrapping(events, n_sites, dimension):
    """Probabilities that clusters wrap at l_c, once and twice, for a Poissonian number of sites."""
    critical = critical_radius(dimension)
    return {
        column: float(
            wrapping_probability(events[name].threshold_length, n_sites, critical, dimension)
        )
        for column, name in (("once", "wrapping"), ("twice", "second wrapping"))
    }


def canonical_clusters(sweep, *, n_nodes=9):
    """Largest cluster and mean size at l_c, for a Poissonian number of sites in the same box.

    A sample of fixed N is too regular. In the infinite sample the number of sites within a box of
    this size fluctuates by sqrt(N), which is nearly the width of the transition; in the sample it
    does not. Means at fixed N therefore approach their power laws only as L^(-1/2) in the plane:
    the largest cluster is 1.0 % too large at N = 1000 and still 0.3 % at 1e5. The threshold of each
    sample is no better point to measure at. Its distance from l_c, of the order of L^(-1/nu),
    causes another error: 3 % at N = 1000 for the largest cluster at the second wrapping. A sample
    of N (1 + g / sqrt(N)) sites at l_c is equivalent to this one at l_c (1 + g / sqrt(N))^(1/dim),
    so that the average over g needs no other sample.

    Parameters
    ----------
    sweep : ClusterSweep
        The clusters of one sample at every threshold.
    n_nodes : int
        Number of nodes of the Gauss-Hermite rule.

    Returns
    -------
    dict of str to float
    """
    dimension = sweep.network.sites.dimension
    node, weight = np.polynomial.hermite_e.hermegauss(n_nodes)
    weight = weight / weight.sum()
    share = 1.0 + node / np.sqrt(sweep.network.n_sites)
    at = sweep.at(critical_radius(dimension) * share ** (1 / dimension))
    return {
        "largest": float(weight @ (share * at["largest"].to_numpy())),
        "mean_size": float(weight @ at["mean_size"].to_numpy()),
    }


@limit_threads(1)
def sample_conductances(
    n_sites: int,
    samples: int,
    *,
    seed: int,
    first: int = 0,
    geometry: str = "cylinder",
    dimension: int = 2,
    progress: bool | None = None,
) -> pd.DataFrame:
    """Conductance at l_c of networks whose links have equal conductances.

    Parameters
    ----------
    n_sites, samples, seed, first, dimension
        As in `sample_thresholds`.
    geometry : {"cylinder", "open"}
        Geometry of the samples.
    progress : bool, optional
        Show a progress bar; by default in notebooks only.

    Returns
    -------
    DataFrame
        n_sites, size, sample, and conductance in units of the conductance of one link (0 where no
        path joins the contacts).

    Raises
    ------
    ParameterError
        If an argument is of a wrong type or out of its range.

    Notes
    -----
    The samples have a fixed number of sites and contact strips as wide as l_c, so that corrections
    to the power law vanish slowly.
    """
    one_of("geometry", geometry, ("cylinder", "open"))
    check_dimension(dimension)
    rows = []
    for row, generator in each_sample(n_sites, samples, seed, first, dimension, progress):
        sites = random_sites(
            row["n_sites"], density=DENSITY, seed=generator, geometry=geometry, dimension=dimension
        )
        network = build_network(sites, cutoff=1.0)
        equal = join_sites(
            sites,
            network.link_i,
            network.link_j,
            np.zeros(network.n_links),
            contacts=network.contacts,
            cutoff_radius=network.cutoff_radius,
        )
        joined = np.intersect1d(
            network.cluster[network.source], network.cluster[network.drain]
        ).size
        conductance = solve_current(equal, threads=1).conductance if joined else 0.0
        rows.append(row | {"conductance": conductance})
    return pd.DataFrame(rows)


@limit_threads(1)
def sample_resistivities(
    n_sites: int,
    samples: int,
    *,
    densities: Sequence[float],
    seed: int,
    geometry: str = "open",
    progress: bool | None = None,
) -> pd.DataFrame:
    """Resistivity and percolation threshold of the same samples.

    Parameters
    ----------
    n_sites, samples : int
        Number of sites of each sample, at least 100, and number of samples per density.
    densities : sequence of float
        Different values of n_s a_b^2. The sites of a sample are the same at all densities, except
        for the scale.
    seed : int
        Seed of the random numbers.
    geometry : {"open", "cylinder"}
        Geometry of the samples.
    progress : bool, optional
        Show a progress bar; by default in notebooks only.

    Returns
    -------
    DataFrame
        density, sample, threshold_length (l_c of the sample between its contacts, in a_b) and
        log_resistivity (ln of rho / rho_0).

    Raises
    ------
    ParameterError
        If an argument is of a wrong type or out of its range, or if two densities are equal.
    """
    one_of("geometry", geometry, ("open", "cylinder"))
    density_list = array_of("densities", densities, low=0.0, above=True).tolist()
    if len(set(density_list)) < len(density_list):
        raise ParameterError(
            f"densities must differ from each other, got {density_list}; each density would use "
            "the same samples again."
        )
    rows = []
    for density in density_list:
        for row, generator in each_sample(n_sites, samples, seed, progress=progress):
            sites = random_sites(row["n_sites"], density=density, seed=generator, geometry=geometry)
            network = build_network(sites)
            current = solve_current(network, threads=1)
            rows.append(
                {
                    "density": density,
                    "sample": row["sample"],
                    "threshold_length": percolation_threshold(network).threshold_length,
                    "log_resistivity": current.log_resistivity,
                }
            )
    return pd.DataFrame(rows)
