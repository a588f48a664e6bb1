"""Scaling: the unit of conductance and single outliers change nothing."""

from dataclasses import replace

import numpy as np
import pytest

from hopnet.elimination.scaling import (
    HIGHEST,
    critical_log_conductance,
    scaled_conductance,
    scaled_rates,
)
from hopnet.errors import ParameterError
from hopnet.network.build import build_network
from hopnet.network.sites import random_sites
from hopnet.percolation.thresholds import percolation_threshold
from hopnet.transport.current import solve_current


@pytest.mark.parametrize(("n", "density", "seed"), [(100, 5e-5, 11), (300, 0.01, 3), (60, 0.1, 5)])
def test_critical_conductance_is_the_percolation_threshold(n, density, seed):
    network = build_network(random_sites(n, density=density, seed=seed), cutoff=1.5)
    found = critical_log_conductance(
        network.link_i, network.link_j, network.log_conductance, network.terminals
    )
    assert found == pytest.approx(percolation_threshold(network).log_conductance, rel=1e-14)


def test_without_a_path_the_scale_is_the_median_of_the_spanning_forest():
    link_i, link_j = np.array([0, 1, 0, 3]), np.array([1, 2, 2, 4])
    terminal = np.array([0, -1, -1, -1, 1])
    assert critical_log_conductance(link_i, link_j, [-1.0, -2, -9, -5], terminal) == -2
    assert critical_log_conductance([], [], [], terminal) == 0


@pytest.mark.parametrize(
    ("n", "density", "seed", "expected"),
    [(100, 5e-5, 11, -469.6434052033576), (40, 4e-5, 13, -450.4420800934963)],
)
def test_current_far_below_the_largest_link(n, density, seed, expected):
    """The current path lies exp(-400) below the closest pair of sites."""
    network = build_network(random_sites(n, density=density, seed=seed), cutoff=1.5)
    current = solve_current(network)
    assert current.log_conductance == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("density", [0.01, 1e-4, 5e-5])
@pytest.mark.parametrize("factor", [600.0, -600.0, 5000.0])
def test_unit_of_conductance_does_not_matter(density, factor):
    network = build_network(random_sites(80, density=density, seed=8), cutoff=1.5)
    other = replace(network, log_conductance=network.log_conductance + factor)
    one, two = solve_current(network), solve_current(other)
    assert two.log_conductance - factor == pytest.approx(one.log_conductance, abs=1e-11)
    np.testing.assert_allclose(two.drop, one.drop, rtol=1e-9, atol=1e-14)


def test_rates_keep_their_ratios():
    network = build_network(random_sites(80, density=1e-4, seed=8), cutoff=1.5)
    occupation = np.random.default_rng(81).uniform(-40, 0, 80)
    graph = network.link_i, network.link_j
    rates = scaled_rates(*graph, network.log_conductance, occupation, network.terminals)
    moved = scaled_rates(*graph, network.log_conductance + 600, occupation + 600, network.terminals)
    np.testing.assert_allclose(rates.conductance, moved.conductance, rtol=1e-12)
    np.testing.assert_allclose(rates.occupation, moved.occupation, rtol=1e-12)
    assert moved.log_scale - rates.log_scale == pytest.approx(600)
    ordinary = scaled_rates(*graph, network.log_conductance / 4, occupation, network.terminals)
    assert ordinary.log_scale == 0
    assert np.array_equal(ordinary.conductance, np.exp(network.log_conductance / 4))
    occupation[3] = 2000.0
    trap = scaled_rates(*graph, network.log_conductance, occupation, network.terminals)
    assert np.log(trap.occupation[3]) == pytest.approx(HIGHEST)
    others = np.arange(80) != 3
    assert np.array_equal(trap.occupation[others], rates.occupation[others])


def test_what_floats_cannot_span_is_refused():
    link_i, link_j, terminal = np.array([0, 1]), np.array([1, 2]), np.array([0, -1, 1])
    with pytest.raises(ParameterError, match=r"largest lies at exp\(800\)"):
        scaled_rates(link_i, link_j, [0.0, 800.0], np.zeros(3), terminal)
    with pytest.raises(ParameterError, match="largest occupation"):
        scaled_rates(link_i, link_j, [0.0, 0.0], np.full(3, -900.0), terminal)
    conductance, scale = scaled_conductance(link_i, link_j, [0.0, -300.0], terminal)
    assert (conductance[1], scale) == (1.0, -300.0)
