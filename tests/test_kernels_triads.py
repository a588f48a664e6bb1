"""Triad kernels against their twins: [hopping S42], [hopping S44]."""

import numpy as np
import pytest
from hopnet.kernels import neighbours
from hopnet.kernels import triads as kernels

from twins import neighbours as neighbour_twin
from twins import triads as twin

pytestmark = pytest.mark.kernel


def graph(n, seed, radius=3.0):
    position = np.random.default_rng(seed).uniform(0, 10, (n, 2))
    pairs = neighbour_twin.fill_neighbours(position, (0, 0), radius)
    link_i = np.array([i for i, _ in pairs], dtype=np.int64)
    link_j = np.array([j for _, j in pairs], dtype=np.int64)
    start, row = np.empty(n + 1, np.int64), np.empty(2 * len(pairs), np.int64)
    link = np.empty_like(row)
    neighbours.fill_rows(link_i, link_j, start, row, link)
    return position, {pair: l for l, pair in enumerate(pairs)}, (start, row, link)


CASES = pytest.mark.parametrize(("n", "seed"), [(1, 2), (3, 4), (40, 5), (40, 6)])


def listed(n, rows, links, fill):
    """Sites and links of all triads, listed in two batches."""
    upper = rows[0][:-1] + np.bincount([j for _, j in links], minlength=n).astype(np.int64)
    pieces = []
    for lowest in (np.arange(n // 3), np.arange(n // 3, n)):
        above = rows[0][lowest + 1] - upper[lowest]
        most = int((above * (above - 1)).sum()) // 2
        lists = np.empty((most, 3), np.int64), np.empty((most, 3), np.int64)
        count = fill(lowest, upper, *rows, *lists)
        pieces.append([array[:count] for array in lists])
    return tuple(np.concatenate(columns) for columns in zip(*pieces))


@CASES
def test_fill_triads(n, seed, kernel_version):
    _, links, rows = graph(n, seed)
    triads = twin.fill_triads(links)
    site, link = listed(n, rows, links, kernel_version(kernels.fill_triads))
    assert [tuple(t) for t in site] == triads
    expected = [(links[i, j], links[i, k], links[j, k]) for i, j, k in triads]
    assert [tuple(l) for l in link] == expected


@pytest.mark.parametrize("disorder", [0.0, 2.0])
@CASES
def test_sum_generation(n, seed, kernel_version, disorder):
    position, links, rows = graph(n, seed)
    site, link = listed(n, rows, links, kernels.fill_triads)
    potential = np.random.default_rng(seed + 100).uniform(size=n)
    i = np.array([pair[0] for pair in links], dtype=np.int64)
    j = np.array([pair[1] for pair in links], dtype=np.int64)
    separation = position[j] - position[i]
    across = np.array([0.6, 0.8])
    distance = np.hypot(*separation.T)
    energy = disorder * np.random.default_rng(seed + 200).uniform(size=n)
    occupation = np.exp(-energy)
    geometric = np.sqrt(occupation[i] * occupation[j])
    hop = np.exp(-distance - np.maximum(energy[i], energy[j])) / geometric
    overlap = np.exp(-distance) * geometric
    outermost = distance > distance.mean() if len(links) else np.zeros(0, np.bool_)
    fields = (separation, hop, overlap, potential[i] - potential[j], across, outermost)
    expected, expected_moment = twin.sum_generation(
        twin.fill_triads(links),
        lambda a, b: position[a] - position[b],
        lambda a, b: np.exp(
            -2 * np.hypot(*(position[a] - position[b])) - max(energy[a] - energy[b], 0.0)
        ),
        occupation,
        potential,
        across,
    )
    gamma = np.zeros(n)
    moment, outer = kernel_version(kernels.sum_generation)(site, link, *fields, gamma)
    np.testing.assert_allclose(gamma, expected, rtol=0, atol=1e-15)
    assert moment == pytest.approx(expected_moment, abs=1e-15)
    inner = [m for m in range(len(site)) if not outermost[link[m]].any()]
    rest = kernels.sum_generation(site[inner], link[inner], *fields, np.zeros(n))
    assert outer == pytest.approx(moment - rest[0], abs=1e-15)
    assert rest[1] == 0.0
    # A global origin gives the same moment, because gamma adds up to zero in each triad.
    assert gamma @ (position @ across) == pytest.approx(expected_moment, abs=1e-14)


@CASES
def test_add_to_sites(n, seed, kernel_version):
    _, links, rows = graph(n, seed)
    site, _ = listed(n, rows, links, kernels.fill_triads)
    value = np.random.default_rng(seed).normal(size=(len(site), 3, 2))
    out = np.zeros((n, 2))
    kernel_version(kernels.add_to_sites)(site, value, out)
    np.testing.assert_allclose(out, twin.add_to_sites(site, value, n), rtol=0, atol=1e-13)
