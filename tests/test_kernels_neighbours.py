"""Neighbour kernels against their twins."""

import numpy as np
import pytest
from hopnet.kernels import neighbours as kernels
from hopnet.kernels.neighbours import Cells, Kept

from twins import neighbours as twin

pytestmark = pytest.mark.kernel


def sample(n, seed):
    return np.random.default_rng(seed).uniform(0, 10, (n, 2))


def test_fill_cells(kernel_version):
    position = sample(40, 11)
    start, member = np.empty(13, np.int64), np.empty(40, np.int64)
    kernel_version(kernels.fill_cells)(position, 4, 3, 2.5, 10 / 3, start, member)
    found = [list(member[start[c] : start[c + 1]]) for c in range(12)]
    assert found == twin.fill_cells(position, 4, 3, 2.5, 10 / 3)


CASES = [(0, 3), (1, 5), (2, 3), (60, 7), (60, 8)]


@pytest.mark.parametrize("period", [(0.0, 0.0), (0.0, 10.0), (10.0, 10.0)])
@pytest.mark.parametrize(("n", "seed"), CASES)
def test_neighbours_are_all_pairs_within_the_radius(n, seed, period, kernel_version):
    position, radius = sample(n, seed), 2.4
    start, member = np.empty(17, np.int64), np.empty(n, np.int64)
    kernels.fill_cells(position, 4, 4, 2.5, 2.5, start, member)
    cells = Cells(position, 4, 4, 2.5, 2.5, *period, radius, start, member)
    number = np.empty(n, np.int64)
    middle = n // 2
    for low, high in ((middle, n), (0, middle)):
        kernel_version(kernels.count_neighbours)(low, high, cells, number)
    assert list(number) == twin.count_neighbours(position, period, radius)
    first = np.concatenate([[0], np.cumsum(number)])
    link_i, link_j = np.empty(first[-1], np.int64), np.empty(first[-1], np.int64)
    for low, high in ((middle, n), (0, middle)):
        kernel_version(kernels.fill_neighbours)(low, high, cells, first, link_i, link_j)
    assert list(zip(link_i, link_j)) == twin.fill_neighbours(position, period, radius)


def test_fill_rows(kernel_version):
    position = sample(30, 9)
    links = np.array(twin.fill_neighbours(position, (0, 0), 3.0))
    start, neighbour = np.empty(31, np.int64), np.empty(2 * len(links), np.int64)
    link = np.empty_like(neighbour)
    ends = links[:, 0].copy(), links[:, 1].copy()
    kernel_version(kernels.fill_rows)(*ends, start, neighbour, link)
    for i, row in enumerate(twin.fill_rows(*links.T, 30)):
        own = slice(start[i], start[i + 1])
        assert list(zip(neighbour[own], link[own])) == row
        assert list(neighbour[own]) == sorted(neighbour[own])


@pytest.mark.parametrize("period", [(0.0, 0.0), (0.0, 10.0), (10.0, 10.0)])
def test_fill_separation(kernel_version, period):
    position = sample(20, 13)
    i, j = np.arange(19), np.arange(1, 20)
    out = np.empty((19, 2))
    kernel_version(kernels.fill_separation)(position, *period, i, j, out)
    np.testing.assert_allclose(out, twin.fill_separation(position, period, i, j), atol=1e-14)


@pytest.mark.parametrize("period", [(0.0, 0.0), (0.0, 10.0), (10.0, 10.0)])
def test_mark_apart(kernel_version, period):
    position = sample(80, 17)
    out = np.empty(80, np.bool_)
    kept = Kept(5, 5, 2.0, 2.0, *period, np.full(25, -1), np.full(80, -1))
    kernel_version(kernels.mark_apart)(position, 0, kept, 1.3, out)
    assert list(out) == twin.mark_apart(position, period, 1.3)
    assert 10 < out.sum() < 80
