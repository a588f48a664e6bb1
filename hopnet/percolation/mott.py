"""Mott's number: percolation of random sites in space and energy."""

from __future__ import annotations

import numpy as np
import pandas as pd

from hopnet.errors import ParameterError
from hopnet.network.energies import barriers
from hopnet.network.neighbours import candidate_links
from hopnet.network.network import join_sites
from hopnet.network.sites import Sites
from hopnet.percolation.thresholds import find_events
from hopnet.records import read_only
from hopnet.seeds import random_stream

__all__ = ["sample_mott_numbers"]

ABOUT_MOTT = 13.86  # where to look for Mott's number


def sample_mott_numbers(side: float, n_samples: int, *, seed: int) -> pd.DataFrame:
    """Mott's number of the plane from percolation, sample by sample.

    Sites at random in the plane and in energy, the Fermi level at zero; links are added in order of
    2 R / a_b + (abs(e_i) + abs(e_j) + abs(e_i - e_j)) / 2 kT until a cluster wraps around the
    sample. At xi_c, g kT a_b^2 xi_c^3 is a pure number: kT_0 g a_b^2 of Mott's law.

    Parameters
    ----------
    side : float
        Of the torus, in lengths of the longest hop, xi_c a_b / 2: 15 or more.
    n_samples : int
    seed : int
        Sample k depends on (seed, k) only.

    Returns
    -------
    DataFrame
        A row per sample: g kT a_b^2 xi_c^3 at which a cluster first wraps around the torus
        (first), and a second way (second).

    Notes
    -----
    `scaling.dual_threshold` combines them into one number: 13.86(2) from 5000, 1500 and 200
    samples of sides 16, 32 and 67.

    Examples
    --------
    >>> from hopnet.percolation.scaling import dual_threshold
    >>> from hopnet.transport.variable_range import sample_mott_numbers
    >>> table = sample_mott_numbers(15, 40, seed=1)
    >>> value, error = dual_threshold(table["first"], table["second"])
    >>> bool(abs(value - 13.86) < 4 * error)
    True
    """
    if not (np.isfinite(side) and side >= 10 and int(n_samples) == n_samples >= 1):
        raise ParameterError(
            f"side must be at least 10 hops and n_samples a whole number of at least 1, got "
            f"{side!r} and {n_samples!r}; mend them."
        )
    rows = []
    for k in range(int(n_samples)):
        stream = random_stream(seed, k)
        events = wrap_in_space_and_energy(0.5 * ABOUT_MOTT ** (1 / 3) * side, stream)
        rows.append(
            [(2 * events[name].threshold_length) ** 3 for name in ("wrapping", "second wrapping")]
        )
    return pd.DataFrame(rows, columns=["first", "second"])


def wrap_in_space_and_energy(side, stream):
    """Percolation events on a torus, in units a_b = kT = g = 1.

    Sites further from the Fermi level than the longest exponent cannot take part; how many there
    are within it is a Poisson number.
    """
    largest = 1.2 * ABOUT_MOTT ** (1 / 3)
    while True:
        n = stream.poisson(2 * largest * side**2)
        sites = Sites(read_only(stream.uniform(0, side, (n, 2))), side, side, "torus")
        energy = stream.uniform(-largest, largest, n)
        link_i, link_j, distance = candidate_links(sites, np.ones(n, bool), 0.5 * largest)
        exponent = 2 * distance + barriers(link_i, link_j, energy, 1.0, 0.0)
        kept = exponent <= largest
        ends = np.array([0]), np.array([1])  # a formality on a torus
        network = join_sites(sites, link_i[kept], link_j[kept], -exponent[kept], contacts=ends)
        events = find_events(network, stop="second wrapping")
        if "second wrapping" in events:
            return events
        largest *= 1.2
