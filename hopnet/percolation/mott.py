"""Mott's number: percolation of random sites in space and energy."""

from __future__ import annotations

import numpy as np
import pandas as pd

from hopnet.checks import number, whole
from hopnet.network.energies import barriers
from hopnet.network.neighbours import candidate_links
from hopnet.network.network import join_sites
from hopnet.network.sites import Sites
from hopnet.percolation.thresholds import find_events
from hopnet.records import read_only
from hopnet.seeds import check_seed, random_stream

__all__ = ["sample_mott_numbers"]

# Approximate value of Mott's number of the plane. It sets the size of the sample and the longest
# link of the first trial. The result does not depend on it, because links grow until the threshold
# is found.
ABOUT_MOTT = 13.86

# Range of the side, in units of the longest hop. Below 10 a periodic sample is narrower than its
# links allow; 3000 means about 1e8 sites.
SMALLEST_SIDE = 10.0
LARGEST_SIDE = 3000.0

# Largest number of samples of one call: their table takes some gigabytes.
MOST_SAMPLES = 10_000_000


def sample_mott_numbers(side: float, n_samples: int, *, seed: int) -> pd.DataFrame:
    """Mott's number of the plane from percolation, sample by sample.

    Sites are placed at random in the plane and in energy, with the Fermi level at zero. Links are
    added in order of 2 R / a_b + (abs(e_i) + abs(e_j) + abs(e_i - e_j)) / 2 kT until a cluster
    wraps around the sample. Let xi_c be the value at which this happens. Then g kT a_b^2 xi_c^3 is
    a pure number, the kT_0 g a_b^2 of Mott's law.

    Parameters
    ----------
    side : float
        Side of the torus in units of the longest hop, xi_c a_b / 2. It must be from 10 to 3000; 15
        or more is recommended.
    n_samples : int
        Number of samples.
    seed : int
        Seed of the random numbers. Sample k depends on (seed, k) only.

    Returns
    -------
    DataFrame
        One row per sample: g kT a_b^2 xi_c^3 at which a cluster first wraps around the torus
        (first), and at which one wraps in a second direction (second).

    Raises
    ------
    ParameterError
        If an argument is of a wrong type or out of its range.

    Notes
    -----
    `scaling.dual_threshold` combines them into one number: 13.86(2) from 5000, 1500 and 200
    samples of sides 16, 32 and 67.

    Examples
    --------
    >>> from hopnet.percolation.scaling import dual_threshold
    >>> from hopnet.percolation.mott import sample_mott_numbers
    >>> table = sample_mott_numbers(15, 40, seed=1)
    >>> value, error = dual_threshold(table["first"], table["second"])
    >>> bool(abs(value - 13.86) < 4 * error)
    True
    """
    side = number(
        "side", side, low=SMALLEST_SIDE, high=LARGEST_SIDE, hint="it is measured in longest hops"
    )
    n_samples = whole("n_samples", n_samples, low=1, high=MOST_SAMPLES)
    rows = []
    for k in range(n_samples):
        stream = random_stream(check_seed(seed), k)
        events = wrap_in_space_and_energy(0.5 * ABOUT_MOTT ** (1 / 3) * side, stream)
        rows.append(
            [(2 * events[name].threshold_length) ** 3 for name in ("wrapping", "second wrapping")]
        )
    return pd.DataFrame(rows, columns=["first", "second"])


def wrap_in_space_and_energy(side, stream):
    """Percolation events on a torus, in units a_b = kT = g = 1.

    A site whose energy exceeds the largest exponent has no link, so only the other sites are
    placed. Their number is drawn from a Poisson distribution.
    """
    largest = 1.2 * ABOUT_MOTT ** (1 / 3)
    while True:
        n = stream.poisson(2 * largest * side**2)
        sites = Sites(read_only(stream.uniform(0, side, (n, 2))), side, side, "torus")
        energy = stream.uniform(-largest, largest, n)
        link_i, link_j, distance = candidate_links(sites, np.ones(n, bool), 0.5 * largest)
        exponent = 2 * distance + barriers(link_i, link_j, energy, 1.0, 0.0)
        kept = exponent <= largest
        ends = np.array([0]), np.array([1])  # contacts that are not used: a torus needs none
        network = join_sites(sites, link_i[kept], link_j[kept], -exponent[kept], contacts=ends)
        events = find_events(network, stop="second wrapping")
        if "second wrapping" in events:
            return events
        largest *= 1.2
