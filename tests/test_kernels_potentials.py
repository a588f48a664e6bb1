"""Kernels of potentials in limbs against fractions: every drop to its last bit."""

from fractions import Fraction

import numpy as np
import pytest
from hopnet.kernels import potentials

from hopnet.elimination.dissection import dissect_graph
from hopnet.elimination.potentials import limbs_needed
from hopnet.elimination.symbolic import analyse
from hopnet.elimination.symmetric import factor
from twins import balance as balance_twin
from twins import potentials as twin
from twins.symbolic import columns_of

pytestmark = pytest.mark.kernel


def made(seed, n=40, decades=30.0):
    """A random graph between two terminals, its factor, and its every front."""
    rng = np.random.default_rng(seed)
    position = rng.random((n, 2))
    link_i, link_j = np.triu_indices(n, 1)
    near = np.hypot(*(position[link_i] - position[link_j]).T) < 0.3
    link_i, link_j = link_i[near], link_j[near]
    conductance = 10.0 ** (-decades * rng.random(link_i.size))
    terminal = np.full(n, -1)
    terminal[np.argsort(position[:, 0])[:3]] = 0
    terminal[np.argsort(position[:, 0])[-3:]] = 1
    order = dissect_graph(link_i, link_j, position, leaf_size=5)
    symbolic = analyse(order, link_i, link_j, terminal)
    return link_i, link_j, conductance, factor(symbolic, conductance)


def solved(factored, source, n_first, n_limbs, kernel):
    n = factored.elimination.node.size
    value = np.zeros((n + 3, n_limbs))
    value[n, 0] = 1.0
    fronts = factored.elimination.fronts
    every = np.arange(fronts.left.size)
    kernel(every, fronts, factored.weight, source, n_first, value)
    return value


@pytest.mark.parametrize("seed", range(4))
def test_each_potential_from_the_later_ones(seed, kernel_version):
    kernel = kernel_version(potentials.potential_fronts)
    _, _, _, factored = made(seed)
    e = factored.elimination
    n, n_limbs = e.node.size, 12
    # Odd seeds feed currents, as a correction does.
    source = np.random.default_rng(seed).normal(size=n) * 1e-18 * (seed % 2)
    value = solved(factored, source, 3, n_limbs, kernel)
    for n_first in (1, n_limbs):
        assert np.array_equal(solved(factored, source, n_first, n_limbs, kernel), value)
    exact = [twin.exact(row) for row in value]
    floor = Fraction(2) ** (-48 * n_limbs)
    smallest = 1.0
    for t in range(e.fronts.left.size):
        columns = columns_of(e.fronts, t)
        own = factored.weight[e.fronts.weight_start[t] : e.fronts.weight_start[t + 1]]
        for a, row in enumerate(own.reshape(-1, len(columns))):
            k, later = columns[a], [exact[q] for q in columns[a + 1 :]]
            r, step, size = twin.potential_fronts(row[a + 1 :], source[k], later)
            rounding = len(later) * Fraction(2) ** -52 * size + floor
            assert abs(exact[k] - later[r] - step) <= rounding
            smallest = min(smallest, float(abs(step)) or 1.0)
    assert smallest < 1e-12  # a float next to 1 would keep less than four digits of it


def test_limbs_are_enough_for_the_smallest_flows():
    conductance = np.array([0.0, 1e-16, 1e-3, 1.0])
    n_limbs, n_first = limbs_needed(conductance, 1e-11)
    assert 2.0 ** (-48 * n_limbs) < 1e-16 * 1e-11 * 1e-16**4
    assert 2.0 ** (-48 * n_first) < 1e-16 * 1e-11
    assert limbs_needed(np.zeros(0), 0.0)[0] == 21


@pytest.mark.parametrize("shift", [0, 2])
def test_changes_are_added_exactly(shift, kernel_version):
    solve = kernel_version(potentials.potential_fronts)
    _, _, _, factored = made(7)
    e, n_limbs = factored.elimination, 10
    n = e.node.size
    value = solved(factored, np.zeros(n), 3, n_limbs, solve)
    source = np.random.default_rng(8).normal(size=n) / n
    change = np.zeros((n + 3, n_limbs - shift))
    every = np.arange(e.fronts.left.size)
    solve(every, e.fronts, factored.weight, source, 3, change)
    expected = twin.add_potentials(change, shift, value)
    kernel_version(potentials.add_potentials)(every, e.fronts, change, shift, value)
    assert [twin.exact(row) for row in value] == expected
    # Every limb holds its own 48 bits, so later sums stay exact.
    unit = 2.0 ** (-48.0 * np.arange(1, n_limbs + 1))
    assert np.all(np.abs(value[:, 1:]) <= 0.5 * unit[:-1])
    assert np.all(value % unit == 0.0)


@pytest.mark.parametrize("left_out", [False, True])
def test_flows_and_their_sums(left_out, kernel_version):
    link_i, link_j, conductance, factored = made(3)
    e = factored.elimination
    n = e.node.size
    solve = kernel_version(potentials.potential_fronts)
    value = solved(factored, np.zeros(n), 3, 10, solve)
    rank = np.where(e.terminal >= 0, n + e.terminal, -1).astype(np.int32)
    rank[e.node] = np.arange(n)
    if left_out:
        rank[e.node[:5]] = -1
    drop = np.full(link_i.size, np.nan)
    flow = before = np.linspace(-1.0, 2.0, link_i.size)
    flow, at_site = flow.copy(), np.full((4, e.n_nodes), np.nan)
    change, largest = kernel_version(potentials.fill_flows)(
        link_i, link_j, rank, value, conductance, drop, flow, at_site
    )
    exact, expected = twin.fill_flows(link_i, link_j, rank, value, conductance)
    for found, one in zip(drop, exact, strict=True):
        assert abs(Fraction(found) - one) <= Fraction(2) ** -52 * abs(one)
    np.testing.assert_allclose(flow, expected, rtol=1e-15)
    assert np.array_equal(at_site, balance_twin.sum_flows(link_i, link_j, flow, e.n_nodes))
    assert (change, largest) == (np.abs(flow - before).max(), 2.0)


def test_no_links(kernel_version):
    nothing = np.empty(0, np.int64)
    at_site = np.full((4, 1), np.nan)
    value, rank = np.zeros((3, 2)), np.array([-1], np.int32)
    numbers = np.empty((3, 0))
    found = kernel_version(potentials.fill_flows)(nothing, nothing, rank, value, *numbers, at_site)
    assert found == (0.0, 0.0)
    assert not at_site.any()
