"""Criticality: many samples at their percolation thresholds, as tables for `scaling`.

Lengths are in units of n_s^(-1/2), because the localisation radius does not enter percolation. A
sample of N sites then has the side sqrt(N), and l_c sqrt(n_s) does not depend on the density.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from scipy.special import ndtr

from hopnet.constants import PERCOLATION_RADIUS
from hopnet.errors import ParameterError
from hopnet.network.build import build_network
from hopnet.network.network import Network, join_sites
from hopnet.network.sites import Sites, random_sites
from hopnet.percolation.backbone import wrapping_backbone
from hopnet.percolation.clusters import sweep_clusters
from hopnet.percolation.thresholds import EVENTS, find_events, percolation_threshold
from hopnet.seeds import check_seed, random_stream
from hopnet.threads import limit_threads
from hopnet.transport.current import solve_current

__all__ = ["sample_conductances", "sample_critical", "sample_resistivities", "sample_thresholds"]

DENSITY = 0.01  # any: lengths are divided by it


def sample_generator(seed, n_sites, sample):
    """A Philox generator that depends on the seed, the size and the number of the sample only."""
    return random_stream(check_seed(seed), n_sites, sample)


def torus_sites(n_sites, seed, sample):
    """Random sites on a torus."""
    generator = sample_generator(seed, n_sites, sample)
    return random_sites(n_sites, density=DENSITY, seed=generator, geometry="torus")


def growing_networks(sites: Sites) -> Iterator[Network]:
    """Networks of the same sites with longer and longer links; the caller stops when it has enough.

    Parameters
    ----------
    sites : Sites
        On a torus.

    Yields
    ------
    Network
        The first has links up to some five standard deviations above the mean threshold.
    """
    margin = 1.5 * sites.n_sites**-0.375
    while True:
        yield build_network(sites, cutoff=1.0 + margin)
        margin *= 1.5


def check_samples(n_sites, samples):
    """Raise unless both are whole and large enough."""
    if int(n_sites) != n_sites or n_sites < 100:
        raise ParameterError(
            f"n_sites must be a whole number of at least 100, got {n_sites!r}; take more sites."
        )
    if int(samples) != samples or samples < 1:
        raise ParameterError(f"samples must be a whole number of at least 1, got {samples!r}.")


@limit_threads(1)
def sample_thresholds(n_sites: int, samples: int, *, seed: int, first: int = 0) -> pd.DataFrame:
    """Wrapping thresholds of random networks on a torus.

    Parameters
    ----------
    n_sites : int
    samples : int
    seed : int
        Sample k of a size depends on (seed, n_sites, k) only.
    first : int
        Number of the first sample.

    Returns
    -------
    DataFrame
        A row per sample: n_sites, size = sqrt(n_sites), sample, and l sqrt(n_s) at which a loop
        first wraps (first), wraps along x, along y, and a second way (second).
    """
    check_samples(n_sites, samples)
    rows = []
    for sample in range(first, first + samples):
        sites = torus_sites(n_sites, seed, sample)
        for network in growing_networks(sites):
            events = find_events(network, stop="second wrapping")
            if "second wrapping" in events:
                break
        rows.append(sample_row(n_sites, sample) | threshold_columns(events))
    return pd.DataFrame(rows)


def sample_row(n_sites, sample):
    """The columns that name a sample."""
    return {"n_sites": int(n_sites), "size": float(np.sqrt(n_sites)), "sample": sample}


def threshold_columns(events):
    """l sqrt(n_s) of each event of a torus."""
    unit = np.sqrt(DENSITY)
    names = dict(zip(("first", "x", "y", "second"), EVENTS[1:]))
    return {short: events[name].threshold_length * unit for short, name in names.items()}


@limit_threads(1)
def sample_critical(n_sites: int, samples: int, *, seed: int, first: int = 0) -> pd.DataFrame:
    """Thresholds, critical clusters and backbones of random networks on a torus.

    Parameters
    ----------
    n_sites, samples, seed, first
        As in `sample_thresholds`.

    Returns
    -------
    DataFrame
        The columns of `sample_thresholds`; at l_c sqrt(n_s) = 1.19847, averaged canonically:
        largest (cluster), mean_size, once and twice (probability that clusters wrap at all, and in
        a second way, whose means are known: `hopnet.percolation.scaling.by_size`); at the sample's
        own first wrapping, between the two ends of the link that closes it: backbone (its sites),
        red (bonds), chemical (links of the shortest path). The closing link itself is not counted:
        it is red by construction, and counting it
        would bend the power laws.
    """
    check_samples(n_sites, samples)
    rows = []
    for sample in range(first, first + samples):
        sites = torus_sites(n_sites, seed, sample)
        for network in growing_networks(sites):
            sweep = sweep_clusters(network)
            events = sweep.thresholds
            if "second wrapping" in events:
                break
        backbone = wrapping_backbone(network, events["wrapping"])
        rows.append(
            sample_row(n_sites, sample)
            | threshold_columns(events)
            | canonical_clusters(sweep)
            | canonical_wrapping(events, n_sites)
            | {
                "backbone": backbone.n_sites,
                "red": backbone.red_link.size - 1,
                "chemical": backbone.chemical_length - 1,
            }
        )
    return pd.DataFrame(rows)


def canonical_wrapping(events, n_sites):
    """Probabilities that clusters wrap at l_c, at all and in a second way, as `canonical_clusters`.

    A sample that wraps at l with N sites does so at l_c with N (l / l_c)^2.
    """
    critical = PERCOLATION_RADIUS / np.sqrt(DENSITY)
    missing = {
        column: (events[name].threshold_length / critical) ** 2 - 1.0
        for column, name in (("once", "wrapping"), ("twice", "second wrapping"))
    }
    return {column: float(ndtr(-each * np.sqrt(n_sites))) for column, each in missing.items()}


def canonical_clusters(sweep, *, n_nodes=9):
    """Largest cluster and mean size at l_c, for a Poissonian number of sites in the same square.

    A sample of fixed N is too regular: its density does not fluctuate, which the plane's does by
    1 / sqrt(N), nearly as wide as the transition itself, so that means at fixed N approach their
    power laws only as L^(-1/2): the largest cluster is 1.0 % too large at N = 1000, still 0.3 % at
    1e5. (At the sample's own threshold there is no such error, but another, of the order of its
    distance from l_c, L^(-3/4): 3 % at N = 1000 for the largest cluster at the second wrapping.)
    A sample of N (1 + g / sqrt(N)) sites looks like this one at
    lengths larger by the root of that, so the average over g needs no other sample.

    Parameters
    ----------
    sweep : ClusterSweep
    n_nodes : int
        Of the Gauss-Hermite rule.

    Returns
    -------
    dict of str to float
    """
    node, weight = np.polynomial.hermite_e.hermegauss(n_nodes)
    weight = weight / weight.sum()
    share = 1.0 + node / np.sqrt(sweep.network.n_sites)
    at = sweep.at(PERCOLATION_RADIUS / np.sqrt(DENSITY) * np.sqrt(share))
    return {
        "largest": float(weight @ (share * at["largest"].to_numpy())),
        "mean_size": float(weight @ at["mean_size"].to_numpy()),
    }


@limit_threads(1)
def sample_conductances(
    n_sites: int, samples: int, *, seed: int, first: int = 0, geometry: str = "cylinder"
) -> pd.DataFrame:
    """Conductance at l_c of networks whose links have equal conductances.

    Parameters
    ----------
    n_sites, samples, seed, first
        As in `sample_thresholds`.
    geometry : {"cylinder", "open"}

    Returns
    -------
    DataFrame
        n_sites, size, sample; conductance, in that of a link (0 where no path joins the
        contacts).

    Notes
    -----
    At fixed N, and between contact strips of one l_c: corrections to the power law are slow.
    """
    check_samples(n_sites, samples)
    rows = []
    for sample in range(first, first + samples):
        generator = sample_generator(seed, n_sites, sample)
        sites = random_sites(n_sites, density=DENSITY, seed=generator, geometry=geometry)
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
        rows.append(sample_row(n_sites, sample) | {"conductance": conductance})
    return pd.DataFrame(rows)


@limit_threads(1)
def sample_resistivities(
    n_sites: int, samples: int, *, densities: Sequence[float], seed: int, geometry: str = "open"
) -> pd.DataFrame:
    """Resistivity and percolation threshold of the same samples.

    Parameters
    ----------
    n_sites, samples : int
    densities : sequence of float
        n_s a_b^2. The sites of a sample are the same at all densities, but for the scale.
    seed : int
    geometry : {"open", "cylinder"}

    Returns
    -------
    DataFrame
        density, sample, threshold_length (l_c of the sample between its contacts, in a_b) and
        log_resistivity (ln of rho / rho_0).
    """
    check_samples(n_sites, samples)
    rows = []
    for density in densities:
        for sample in range(samples):
            generator = sample_generator(seed, n_sites, sample)
            sites = random_sites(n_sites, density=density, seed=generator, geometry=geometry)
            network = build_network(sites)
            current = solve_current(network, threads=1)
            rows.append(
                {
                    "density": density,
                    "sample": sample,
                    "threshold_length": percolation_threshold(network).threshold_length,
                    "log_resistivity": current.log_resistivity,
                }
            )
    return pd.DataFrame(rows)
