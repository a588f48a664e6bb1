"""Newman and Ziff's ensemble: sites are added one by one at a fixed length of links.

It finds the same threshold by another method and checks `hopnet.percolation.criticality`.
"""

import numpy as np
import pandas as pd
from scipy.special import pdtrc
from scipy.stats import poisson

from hopnet.constants import PERCOLATION_RADIUS
from hopnet.errors import ParameterError
from hopnet.network.neighbours import find_links
from hopnet.network.network import join_sites
from hopnet.network.sites import Sites, random_sites
from hopnet.percolation.criticality import DENSITY, check_samples, sample_generator, sample_row
from hopnet.percolation.thresholds import EVENTS, find_events
from hopnet.threads import limit_threads


@limit_threads(1)
def sample_site_counts(n_sites, samples, *, seed, first=0):
    """Number of sites at which clusters wrap, sites added in random order at fixed link length.

    The torus has the side sqrt(n_sites) lengths; links have the critical length of n_sites sites,
    so that wrapping comes about when n_sites sites are there.

    Parameters
    ----------
    n_sites, samples, seed, first
        As in `sample_thresholds`.

    Returns
    -------
    DataFrame
        n_sites, size, sample; number of sites at which a loop first wraps (first), along x, along
        y and a second direction (second).
    """
    check_samples(n_sites, samples)
    rows = []
    for sample in range(first, first + samples):
        generator = sample_generator(seed, n_sites, sample)
        margin = 3.0 * n_sites**-0.375
        offered = int(n_sites * (1.0 + min(margin, 1.0)))
        while True:
            events = site_events(n_sites, offered, generator)
            if "second wrapping" in events:
                break
            offered = int(1.2 * offered)
        names = dict(zip(("first", "x", "y", "second"), EVENTS[2][1:]))
        counts = {s: site_count_at(events[name]) for s, name in names.items()}
        rows.append(sample_row(n_sites, sample, 2) | counts)
    return pd.DataFrame(rows)


def site_count_at(threshold):
    """The number of sites that `site_events` has put into the place of -log_conductance."""
    return int(-threshold.log_conductance)


def site_events(n_sites, offered, generator):
    """Events as sites are added in random order; -log_conductance counts the sites there."""
    side = float(np.sqrt(n_sites / DENSITY))
    placed = random_sites(
        offered, density=DENSITY * offered / n_sites, seed=generator, geometry="torus"
    )
    sites = Sites(placed.position, side, side, "torus")
    link_i, link_j = find_links(sites, PERCOLATION_RADIUS / np.sqrt(DENSITY))
    rank = generator.permutation(offered) + 1
    last = np.maximum(rank[link_i], rank[link_j]).astype(np.float64)
    network = join_sites(
        sites,
        link_i,
        link_j,
        -last,
        contacts=([0], [1]),
        cutoff_radius=PERCOLATION_RADIUS / np.sqrt(DENSITY),
    )
    return find_events(network, stop="second wrapping")


def canonical_probability(counts, mean_count):
    """Probability of an event at a mean number of sites: Poisson average over microstates.

    Newman and Ziff's convolution, R(lambda) = sum_N e^-lambda lambda^N / N! R_N, with R_N the
    share of samples whose event happened with at most N sites.

    Parameters
    ----------
    counts : int64[n_samples]
        Numbers of sites at which the event happened.
    mean_count : float or float64[m]

    Returns
    -------
    float64[m]
        P(at least ``counts`` sites), averaged over samples.
    """
    counts = np.asarray(counts, dtype=np.float64)
    mean_count = np.atleast_1d(np.asarray(mean_count, dtype=np.float64))
    return np.array([pdtrc(counts - 1.0, m).mean() for m in mean_count])


def canonical_average(values, mean_count):
    """Poisson average of a quantity known for every number of sites 0, 1, 2 ...

    Parameters
    ----------
    values : float64[n + 1]
        ``values[N]`` with N sites.
    mean_count : float or float64[m]
        Well inside 0 .. n: the weight that falls outside is an error if above 1e-9.

    Returns
    -------
    float64[m]
    """
    values = np.asarray(values, dtype=np.float64)
    mean_count = np.atleast_1d(np.asarray(mean_count, dtype=np.float64))
    number = np.arange(values.size)
    out = np.empty(mean_count.size)
    for m, mean in enumerate(mean_count):
        outside = poisson.sf(values.size - 1, mean)
        if not (mean >= 0 and outside < 1e-9):
            raise ParameterError(
                f"the mean number of sites must be so far below the largest number known, "
                f"{values.size - 1}, that less than 1e-9 of the weight is lost, got {mean!r} "
                f"({outside:.1e} lost); add more sites."
            )
        out[m] = poisson.pmf(number, mean) @ values
    return out
