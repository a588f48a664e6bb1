"""The fixed-point iteration of occupations against its plain twin, and against Newton."""

import numpy as np
import pytest
from hopnet.kernels import fixed_point as kernels

import hopnet as hn
from hopnet.bench.field import beside_fixed_point, beside_monte_carlo, lattice, rows_in_field
from twins import fixed_point as twin

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize("n_sweeps", [0, 1, 7])
def test_sweep_occupations(n_sweeps, kernel_version):
    network = hn.build_network(hn.random_sites(30, density=0.1, seed=3), cutoff=1.5)
    rng = np.random.default_rng(4)
    leaving, arriving = rng.random((2, network.row_neighbour.size))
    p = rng.random(30)
    expected = p.copy()
    arguments = network.row_start, network.row_neighbour, leaving, arriving, n_sweeps
    kernel_version(kernels.sweep_occupations)(*arguments, p)
    twin.sweep_occupations(*arguments, expected)
    np.testing.assert_allclose(p, expected, rtol=1e-13)


def test_where_the_iteration_converges_it_agrees_with_newton():
    newton, fixed = beside_fixed_point(lattice(8, 1.0), 1.0, 0.5, 1.0, 3000, 1)
    assert newton["imbalance"] < 1e-13
    assert fixed["error"] < 1e-11
    assert abs(fixed["carriers_over_wanted"] - 1.0) > 1e-4  # the iteration changes their number


def test_monte_carlo_in_a_field_agrees():
    exact, monte_carlo = beside_monte_carlo(300, 400, 1)
    assert abs(monte_carlo["standard_deviations"]) < 3.0
    assert exact["imbalance"] < 1e-14


def test_rates_out_and_back_keep_detailed_balance():
    network = lattice(6, 2.0)
    leaving, arriving = rows_in_field(network, 0.03)
    origin = np.repeat(np.arange(36), np.diff(network.row_start))
    sign = np.where(network.link_i[network.row_link] == origin, 1.0, -1.0)
    step = 0.03 * sign * network.separation[network.row_link, 0]
    energy = network.sites.energy
    expected = energy[origin] - energy[network.row_neighbour] + step
    np.testing.assert_allclose(np.log(leaving / arriving), expected, atol=1e-12)
