"""d f / d ln g by the adjoint: digits, differences, the sum rule, links that carry nothing.

[response 8]
"""

import numpy as np
import pytest

import hopnet as hn
from hopnet.network.network import join_sites
from hopnet.spin.link_response import f_link_response
from samples import TWELVE, dense_sites, random_network

NUMBER = np.arange(12)


def reference(kT=None):
    sites = dense_sites(TWELVE, 10.0)
    if kT is not None:
        sites = hn.with_energies(sites, 0.1 * NUMBER * np.cos(NUMBER))
    return hn.build_network(sites, cutoff_radius=20.0, contacts=([0], [11]), kT=kT)


def test_digits():
    """S, tau_s = 100, the letter's normalisation: links 0-1 .. 0-5, and the sum."""
    found = f_link_response(hn.solve_current(reference()), 100.0, normalisation="letter")
    digits = [-0.00369492, -0.00895248, 0.01457854, 0.00262263, 0.00918695]
    np.testing.assert_allclose(found[:5], digits, atol=6e-9)
    assert found.sum() == pytest.approx(0.35626484504, rel=1e-10)


@pytest.mark.parametrize("normalisation", ["bulk", "letter"])
@pytest.mark.parametrize("tau_s", [0.0, 1.0, 100.0])
@pytest.mark.parametrize("kT", [None, 0.5])
def test_against_differences(kT, tau_s, normalisation):
    network = reference(kT)
    found = f_link_response(hn.solve_current(network), tau_s, normalisation=normalisation)
    step, expected = 1e-4, np.empty(network.n_links)
    for l in range(network.n_links):
        values = []
        for sign in (1, -1):
            changed = network.log_conductance.copy()
            changed[l] += sign * step
            other = join_sites(
                network.sites,
                network.link_i,
                network.link_j,
                changed,
                contacts=network.contacts,
                log_occupation=network.log_occupation,
            )
            values.append(hn.f_curve(other, [tau_s], normalisation=normalisation).f[0])
        expected[l] = (values[0] - values[1]) / (2 * step)
    np.testing.assert_allclose(found, expected, atol=2e-7 * np.abs(expected).max())


@pytest.mark.parametrize(
    ("density", "time", "axis"), [(0.02, 0.3, "x"), (0.01, 1e-3, "x"), (0.02, 0.3, "y")]
)
def test_sum_rule_and_a_random_change_of_a_large_sample(density, time, axis):
    """The sum over links is f + d f / d ln tau_s; one random direction against a difference."""
    sites = hn.random_sites(3000, density=density, seed=9)
    network = hn.build_network(sites, contacts=axis)
    current = hn.solve_current(network)
    tau_s = time * np.exp(-current.log_conductance)
    found = f_link_response(current, tau_s)
    h = 1e-3
    f = hn.f_curve(network, [tau_s, tau_s * (1 + h), tau_s / (1 + h)], tolerance=0).f
    assert found.sum() == pytest.approx(f[0] + (f[1] - f[2]) / (2 * np.log1p(h)), rel=1e-5)
    direction = np.random.default_rng(10).normal(size=network.n_links)
    values = []
    for sign in (1, -1):
        other = join_sites(
            sites,
            network.link_i,
            network.link_j,
            network.log_conductance + sign * h * direction,
            contacts=network.contacts,
            axis=network.axis,
        )
        values.append(hn.f_curve(other, [tau_s], tolerance=0).f[0])
    assert found @ direction == pytest.approx((values[0] - values[1]) / (2 * h), rel=1e-4)


def test_a_cylinder_at_fast_relaxation():
    network = random_network(600, 0.02, 4, geometry="cylinder")
    current = hn.solve_current(network)
    found = f_link_response(current, 0.0)
    assert found.sum() == pytest.approx(hn.f_curve(network, [0.0]).f[0], rel=1e-10)
    assert np.all(found[np.abs(current.flow) == 0.0] <= np.abs(found).max())
    with pytest.raises(hn.ParameterError, match="hard edges"):
        f_link_response(current, 10.0)


@pytest.mark.parametrize(("density", "seed"), [(0.005, 9), (0.003, 10), (0.002, 9)])
def test_dilute_samples_against_differences(density, seed):
    """All links at once in a random direction, and the link of the largest response alone.

    The coordinate along strong links must not be differenced: that gave responses 1000 times too
    large at 0.002, whose sum over links was right.
    """
    network = hn.build_network(hn.random_sites(2000, density=density, seed=seed))
    current = hn.solve_current(network)
    tau_s = 1e-3 * np.exp(-current.log_conductance)
    found = f_link_response(current, tau_s)
    largest = int(np.argmax(np.abs(found)))
    directions = np.zeros((2, network.n_links))
    directions[0] = np.random.default_rng(1).normal(size=network.n_links)
    directions[1, largest] = 1.0
    h = 1e-3
    for direction in directions:
        values = []
        for sign in (1, -1):
            other = join_sites(
                network.sites,
                network.link_i,
                network.link_j,
                network.log_conductance + sign * h * direction,
                contacts=network.contacts,
            )
            values.append(hn.f_curve(other, [tau_s], tolerance=0).f[0])
        slope = (values[0] - values[1]) / (2 * h)
        assert abs(found @ direction - slope) < 2e-3 * np.abs(found).max()


@pytest.mark.parametrize("time", [1e-3, 0.3])
def test_very_dilute_samples_are_refused(time):
    current = hn.solve_current(hn.build_network(hn.random_sites(2000, density=0.001, seed=9)))
    with pytest.raises(hn.ConvergenceError, match="dilute"):
        f_link_response(current, time * np.exp(-current.log_conductance))


def test_lost_digits_are_not_returned():
    """At n_s a_b^2 = 0.002 rounding of strong triads exceeds the response of weak links."""
    current = hn.solve_current(hn.build_network(hn.random_sites(3000, density=0.002, seed=9)))
    with pytest.raises(hn.ConvergenceError, match="dilute"):
        f_link_response(current, 1e-14 * np.exp(-current.log_conductance))


def test_bad_input():
    current = hn.solve_current(reference())
    with pytest.raises(hn.ParameterError, match="tau_s"):
        f_link_response(current, np.inf)
    with pytest.raises(hn.ParameterError, match="tau_s"):
        f_link_response(current, -1.0)
    with pytest.raises(hn.ParameterError, match="normalisation"):
        f_link_response(current, 1.0, normalisation="mine")
    with pytest.raises(hn.ParameterError, match="solve_current"):
        f_link_response(current.network, 1.0)
