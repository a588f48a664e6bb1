"""Mott's number: percolation of random sites in space and energy."""

from __future__ import annotations

import numpy as np
import pandas as pd

from hopnet.checks import number, whole
from hopnet.network.energies import barriers
from hopnet.network.neighbours import candidate_links
from hopnet.network.network import join_sites
from hopnet.network.sites import check_dimension, sites_in_box
from hopnet.percolation.thresholds import find_events
from hopnet.progress import track
from hopnet.records import read_only
from hopnet.seeds import check_seed, random_stream

__all__ = ["sample_mott_numbers"]

# Approximate value of Mott's number by dimension. It sets the size of the sample and the longest
# link of the first trial. The result does not depend on it, because links grow until the threshold
# is found.
ABOUT_MOTT = {2: 13.86, 3: 17.12}

# Range of the side, in units of the longest hop. Below 10 a periodic sample is narrower than its
# links allow; 3000 means about 1e8 sites.
SMALLEST_SIDE = 10.0
LARGEST_SIDE = 3000.0

# Events of a torus by the columns of the table.
EVENTS_BY_COLUMN = {
    2: {"first": "wrapping", "second": "second wrapping"},
    3: {"first": "wrapping", "second": "second wrapping", "third": "third wrapping"},
}

# Largest number of samples of one call: their table takes some gigabytes.
MOST_SAMPLES = 10_000_000


def sample_mott_numbers(
    side: float,
    n_samples: int,
    *,
    seed: int,
    dimension: int = 2,
    progress: bool | None = None,
) -> pd.DataFrame:
    """Mott's number from percolation, sample by sample.

    Sites are placed at random in the plane (or in space) and in energy, with the Fermi level at
    zero. Links are added in order of 2 R / a_b + (abs(e_i) + abs(e_j) + abs(e_i - e_j)) / 2 kT
    until a cluster wraps around the sample. Let xi_c be the value at which this happens. Then
    g kT a_b^2 xi_c^3 is a pure number, the kT_0 g a_b^2 of Mott's law. In space it is
    g kT a_b^3 xi_c^4.

    Parameters
    ----------
    side : float
        Side of the torus in units of the longest hop, xi_c a_b / 2. It must be from 10 to 3000; 15
        or more is recommended.
    n_samples : int
        Number of samples.
    seed : int
        Seed of the random numbers. Sample k depends on (seed, k) only.
    dimension : {2, 3}
        Number of axes of the sample.
    progress : bool, optional
        Show a progress bar; by default in notebooks only.

    Returns
    -------
    DataFrame
        One row per sample: g kT a_b^2 xi_c^3 at which a cluster first wraps around the torus
        (first), and at which one wraps in a second direction (second), in space also in a third
        (third).

    Raises
    ------
    ParameterError
        If an argument is of a wrong type or out of its range.

    Notes
    -----
    `wrapping.dual_threshold` combines them into one number: 13.86(2) from 5000, 1500 and 200
    samples of sides 16, 32 and 67. In space `wrapping.wrapping_threshold` of ``first``, with the
    probability `literature.WRAPPING_IN_SPACE`, gives 17.12(2): no duality holds there. Textbooks
    print 18.1 and 21.2(12).

    Examples
    --------
    >>> from hopnet.percolation.wrapping import dual_threshold
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
    dimension = check_dimension(dimension)
    names = EVENTS_BY_COLUMN[dimension]
    power = dimension + 1
    rows = []
    for k in track(range(n_samples), "samples", progress=progress):
        stream = random_stream(check_seed(seed), k)
        length = 0.5 * ABOUT_MOTT[dimension] ** (1 / power) * side
        events = wrap_in_space_and_energy(length, stream, dimension)
        rows.append([(2 * events[name].threshold_length) ** power for name in names.values()])
    return pd.DataFrame(rows, columns=list(names))


def wrap_in_space_and_energy(side, stream, dimension):
    """Percolation events on a torus, in units a_b = kT = g = 1.

    A site whose energy exceeds the largest exponent has no link, so only the other sites are
    placed. Their number is drawn from a Poisson distribution.
    """
    last = list(EVENTS_BY_COLUMN[dimension].values())[-1]
    largest = 1.2 * ABOUT_MOTT[dimension] ** (1 / (dimension + 1))
    while True:
        n = stream.poisson(2 * largest * side**dimension)
        position = read_only(stream.uniform(0, side, (n, dimension)))
        sites = sites_in_box(position, [side] * dimension, "torus")
        energy = stream.uniform(-largest, largest, n)
        link_i, link_j, distance = candidate_links(sites, np.ones(n, bool), 0.5 * largest)
        exponent = 2 * distance + barriers(link_i, link_j, energy, 1.0, 0.0)
        kept = exponent <= largest
        ends = np.array([0]), np.array([1])  # contacts that are not used: a torus needs none
        network = join_sites(sites, link_i[kept], link_j[kept], -exponent[kept], contacts=ends)
        events = find_events(network, stop=last)
        if last in events:
            return events
        largest *= 1.2
