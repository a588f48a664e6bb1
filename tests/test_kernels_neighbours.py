"""Neighbour kernels against their twins."""

import numpy as np
import pytest
from hopnet.kernels import neighbours as kernels
from hopnet.kernels.neighbours import Cells, Kept

from hopnet.network.cells import grid_of_cells
from twins import neighbours as twin

pytestmark = pytest.mark.kernel


def sample(n, seed, dim=2):
    return np.random.default_rng(seed).uniform(0, 10, (n, dim))


@pytest.mark.parametrize(("shape", "side"), [((4, 3), (2.5, 10 / 3)), ((2, 3, 4), (5, 3, 2.5))])
def test_fill_cells(shape, side, kernel_version):
    position, n_cells = sample(40, 11, len(shape)), np.prod(np.array(shape) + 2)
    start, member = np.empty(n_cells + 1, np.int64), np.empty(40, np.int64)
    kernel_version(kernels.fill_cells)(position, shape, tuple(map(float, side)), start, member)
    found = [list(member[start[c] : start[c + 1]]) for c in range(n_cells)]
    assert found == twin.fill_cells(position, shape, side)


CASES = [(0, 3), (1, 5), (2, 3), (60, 7), (60, 8)]
PERIODS = [
    (0.0, 0.0),
    (0.0, 10.0),
    (10.0, 10.0),
    (10.0, 0.0),
    (0.0, 0.0, 0.0),
    (0.0, 10.0, 10.0),
    (10.0, 10.0, 10.0),
    (10.0, 0.0, 0.0),
]


@pytest.mark.parametrize("radius", [2.4, 3.9])
@pytest.mark.parametrize("period", PERIODS)
@pytest.mark.parametrize(("n", "seed"), CASES)
def test_neighbours_are_all_pairs_within_the_radius(n, seed, period, radius, kernel_version):
    dim = len(period)
    position = sample(n, seed, dim)
    grid = grid_of_cells((10.0,) * dim, period, radius, n)
    start, member = np.empty(grid.alias.size + 1, np.int64), np.empty(n, np.int64)
    kernels.fill_cells(position, grid.shape, grid.side, start, member)
    lists = start, member, grid.alias, grid.offset
    cells = Cells(position, grid.shape, grid.side, period, radius, *lists)
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


@pytest.mark.parametrize("period", PERIODS)
def test_fill_separation(kernel_version, period):
    position = sample(20, 13, len(period))
    i, j = np.arange(19), np.arange(1, 20)
    out = np.empty((19, len(period)))
    kernel_version(kernels.fill_separation)(position, period, i, j, out)
    np.testing.assert_allclose(out, twin.fill_separation(position, period, i, j), atol=1e-14)


@pytest.mark.parametrize("period", PERIODS)
def test_mark_apart(kernel_version, period):
    dim = len(period)
    position = sample(80, 17, dim)
    distance = 1.3 if dim == 2 else 2.4
    out = np.empty(80, np.bool_)
    grid = grid_of_cells((10.0,) * dim, period, distance, 80)
    lists = np.full(grid.alias.size, -1), np.full(80, -1)
    kept = Kept(grid.shape, grid.side, period, grid.alias, grid.offset, *lists)
    kernel_version(kernels.mark_apart)(position, 0, kept, distance, out)
    assert list(out) == twin.mark_apart(position, period, distance)
    assert 10 < out.sum() < 80
