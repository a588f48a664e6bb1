"""Kernels of the ring and of the Hall effect against their twins [hall 1], [hall 4]."""

import numpy as np
import pytest
from hopnet.kernels import hall, ring

from hopnet.network.triads import amplitudes, find_triads
from samples import random_network
from twins import hall as hall_twin
from twins import ring as twin


@pytest.mark.kernel
@pytest.mark.parametrize(
    ("n_sites", "n_links", "seed"), [(1, 0, 3), (2, 1, 4), (30, 45, 5), (60, 40, 6)]
)
def test_turns(n_sites, n_links, seed, kernel_version):
    rng = np.random.default_rng(seed)
    ends = np.array([np.sort(rng.permutation(n_sites)[:2]) for _ in range(n_links)], np.int64)
    link_i, link_j = ends.reshape(-1, 2).T.copy()
    wrap = rng.integers(-1, 2, n_links)
    order = rng.permutation(n_links)
    expected = twin.fill_turns(order, link_i, link_j, wrap, n_sites)
    for calls in (1, 2):  # 1: all links in one call; 2: the stronger ones in a first call
        parent, turns = np.arange(n_sites), np.zeros(n_sites, np.int64)
        for part in np.array_split(order, calls):
            kernel_version(ring.fill_turns)(part, link_i, link_j, wrap, parent, turns)
        assert turns.tolist() == expected


@pytest.mark.kernel
@pytest.mark.parametrize("count", [0, 1, None])
def test_hall_terms(count, kernel_version):
    network = random_network(60, 0.1, 7, "cylinder")
    triads = find_triads(network)
    link = np.ascontiguousarray(triads.link[:count])
    hop, overlap = amplitudes(network)
    a, b = np.random.default_rng(8).normal(size=(2, network.n_sites))
    drop_a = a[network.link_i] - a[network.link_j]
    drop_b = b[network.link_i] - b[network.link_j]
    out = np.full(link.shape[0], np.nan)
    kernel_version(hall.fill_hall_terms)(
        link, network.separation, hop, overlap, network.log_conductance, drop_a, drop_b, out
    )
    ij, ik, jk = link.T
    interference = (
        hop[ik] * hop[jk] * overlap[ij]
        + hop[ij] * hop[jk] * overlap[ik]
        + hop[ij] * hop[ik] * overlap[jk]
    )
    expected = hall_twin.fill_hall_terms(link, triads.area[:count], interference, drop_a, drop_b)
    np.testing.assert_allclose(out, expected, rtol=1e-10, atol=1e-300)
