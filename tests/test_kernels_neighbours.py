"""Neighbour kernels against their twins."""

import numpy as np
import pytest
from hopnet.kernels import neighbours as kernels

from twins import neighbours as twin

pytestmark = pytest.mark.kernel


def both(name):
    kernel = getattr(kernels, name)
    plain = getattr(kernel, "py_func", kernel)
    return pytest.mark.parametrize("kernel", [kernel, plain], ids=["as built", "plain"])


def sample(n, seed):
    return np.random.default_rng(seed).uniform(0, 10, (n, 2))


@both("fill_cells")
def test_fill_cells(kernel):
    position = sample(40, 11)
    start, member = np.empty(13, np.int64), np.empty(40, np.int64)
    kernel(position, 4, 3, 2.5, 10 / 3, start, member)
    found = [list(member[start[c] : start[c + 1]]) for c in range(12)]
    assert found == twin.fill_cells(position, 4, 3, 2.5, 10 / 3)


CASES = [(0, 3), (1, 5), (2, 3), (60, 7), (60, 8)]


@pytest.mark.parametrize("period", [(0.0, 0.0), (0.0, 10.0), (10.0, 10.0)])
@pytest.mark.parametrize(("n", "seed"), CASES)
def test_neighbours_are_all_pairs_within_the_radius(n, seed, period):
    position, radius = sample(n, seed), 2.4
    start, member = np.empty(17, np.int64), np.empty(n, np.int64)
    kernels.fill_cells(position, 4, 4, 2.5, 2.5, start, member)
    for versions in ("compiled", "plain"):
        count, fill = kernels.count_neighbours, kernels.fill_neighbours
        if versions == "plain":
            count, fill = getattr(count, "py_func", count), getattr(fill, "py_func", fill)
        cells = (position, 4, 4, 2.5, 2.5, *period, radius, start, member)
        number = np.empty(n, np.int64)
        middle = n // 2
        count(middle, n, *cells, number)
        count(0, middle, *cells, number)
        assert list(number) == twin.count_neighbours(position, period, radius)
        first = np.concatenate([[0], np.cumsum(number)])
        link_i, link_j = np.empty(first[-1], np.int64), np.empty(first[-1], np.int64)
        fill(middle, n, *cells, first, link_i, link_j)
        fill(0, middle, *cells, first, link_i, link_j)
        assert list(zip(link_i, link_j)) == twin.fill_neighbours(position, period, radius)


@both("fill_rows")
def test_fill_rows(kernel):
    position = sample(30, 9)
    links = np.array(twin.fill_neighbours(position, (0, 0), 3.0))
    start, neighbour = np.empty(31, np.int64), np.empty(2 * len(links), np.int64)
    link = np.empty_like(neighbour)
    kernel(links[:, 0].copy(), links[:, 1].copy(), start, neighbour, link)
    for i, row in enumerate(twin.fill_rows(*links.T, 30)):
        own = slice(start[i], start[i + 1])
        assert list(zip(neighbour[own], link[own])) == row
        assert list(neighbour[own]) == sorted(neighbour[own])


@both("fill_separation")
@pytest.mark.parametrize("period", [(0.0, 0.0), (0.0, 10.0), (10.0, 10.0)])
def test_fill_separation(kernel, period):
    position = sample(20, 13)
    i, j = np.arange(19), np.arange(1, 20)
    out = np.empty((19, 2))
    kernel(position, *period, i, j, out)
    np.testing.assert_allclose(out, twin.fill_separation(position, period, i, j), atol=1e-14)


@both("mark_apart")
@pytest.mark.parametrize("period", [(0.0, 0.0), (0.0, 10.0), (10.0, 10.0)])
def test_mark_apart(kernel, period):
    position = sample(80, 17)
    out = np.empty(80, np.bool_)
    kernel(
        position, 0, 5, 5, np.array([2.0, 2.0]), *period, 1.3, np.full(25, -1), np.full(80, -1), out
    )
    assert list(out) == twin.mark_apart(position, period, 1.3)
    assert 10 < out.sum() < 80
