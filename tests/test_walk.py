"""Carriers hop by hop: master equation, linear response. [hopping 5a], [hopping 5b]"""

import numpy as np
import pytest
from scipy.stats import chi2

import hopnet as hn
from hopnet.spin.kinetics.matrix import hopping_block
from hopnet.spin.monte_carlo import expected_walk, hop_rows, walk
from hopnet.transport.diffusion import diffusion_tensor
from samples import random_network

FORM = np.array([[0.05, 0.3], [-0.2, 0.1]])
# Groups of sites that are observed: 10 x (occupation, s_y, s_z) = 30 observables. One more group
# holds the other sites.
N_GROUPS = 10


def warm(n_sites, seed, geometry="open", min_distance=0.0):
    sites = hn.random_sites(
        n_sites, density=0.1, seed=seed, geometry=geometry, min_distance=min_distance
    )
    return hn.build_network(hn.with_energies(sites, width=1.0, seed=seed + 1), kT=1.0, cutoff=1.5)


NETWORKS = {
    "open": lambda: random_network(120, 0.1, 51),
    "energies": lambda: warm(120, 52),
    "cylinder with energies": lambda: warm(120, 53, "cylinder"),
}


def master_equation(network, spin_orbit, start, spin, time, tau_s):
    """Occupation and spin [n_sites, 4] at one time, by dense diagonalisation."""
    n = network.occupation
    out = []
    for block, size, first in (
        (hopping_block(network, np.zeros((2, 2)), "rotation")[::3, ::3], 1, [1.0]),
        (hopping_block(network, spin_orbit, "rotation"), 3, spin),
    ):
        root = np.repeat(np.sqrt(n), size)
        rate, mode = np.linalg.eigh(block.toarray() / root[:, None] / root)
        state = np.zeros(size * n.size)
        state[size * start : size * (start + 1)] = first
        decay = np.exp(-rate * time - (time / tau_s if size == 3 else 0))
        out.append((root * (mode @ (decay * (mode.T @ (state / root))))).reshape(-1, size))
    return np.hstack(out)


def groups_of_sites(share):
    """The group of each site: the heaviest sites first, each into the lightest group so far."""
    load, out = np.zeros(N_GROUPS + 1), np.empty(share.size, np.int64)
    for i in np.argsort(-share):
        out[i] = np.argmin(load)
        load[out[i]] += share[i]
    return out


def distance_of_means(carriers, exact, group, k):
    """Hotelling's T^2 of 30 observables against their exact means, and how many there are."""
    member = group[carriers.site[:, k]][:, None] == np.arange(N_GROUPS)
    sample = np.hstack([member, *(member * carriers.spin[:, k, x, None] for x in (1, 2))])
    means = np.hstack([np.bincount(group, exact[:, x], N_GROUPS + 1)[:N_GROUPS] for x in (0, 2, 3)])
    used = member.any(axis=0)
    used = np.concatenate([used] * 3)
    away = sample[:, used].mean(axis=0) - means[used]
    covariance = np.cov(sample[:, used].T) / carriers.site.shape[0]
    return float(away @ np.linalg.solve(covariance, away)), int(used.sum())


@pytest.mark.parametrize("name", NETWORKS)
def test_thirty_observables_against_the_master_equation(name):
    """p > 0.001 for each network; a wrong sense of rotation and a wrong time fail."""
    network = NETWORKS[name]()
    middle = np.hypot(*(network.sites.position - network.sites.length / 2).T)
    degree = np.bincount(network.cluster)[network.cluster]
    start = int(np.argmin(middle + 1e3 * (degree < 80)))
    time, tau_s, spin = 300.0, 1000.0, (0.0, 0.6, 0.8)
    carriers = walk(
        network,
        [time],
        n_carriers=40_000,
        seed=77,
        spin_orbit=FORM,
        start=start,
        spin=spin,
        tau_s=tau_s,
    )
    exact = master_equation(network, FORM, start, spin, time, tau_s)
    assert exact[:, 0].sum() == pytest.approx(1, abs=1e-9)
    group = groups_of_sites(exact[:, 0])
    distance, n = distance_of_means(carriers, exact, group, 0)
    assert n == 30
    p_value = chi2.sf(distance, n)
    print(f"{name}: chi-square {distance:.1f} of {n} observables, p = {p_value:.3f}")
    assert p_value > 1e-3
    wrong = master_equation(network, -FORM, start, spin, time, tau_s)
    assert chi2.sf(distance_of_means(carriers, wrong, group, 0)[0], n) < 1e-6
    wrong = master_equation(network, FORM, start, spin, 0.8 * time, tau_s)
    assert chi2.sf(distance_of_means(carriers, wrong, group, 0)[0], n) < 1e-6


def test_equilibrium_is_stationary():
    network = warm(150, 52)
    carriers = walk(network, [0.0, 40.0, 400.0], n_carriers=20_000, seed=78)
    n = network.occupation
    group = groups_of_sites(n)
    expected = 20_000 * np.bincount(group, n) / n.sum()
    for k in range(3):
        counted = np.bincount(group[carriers.site[:, k]], minlength=N_GROUPS + 1)
        assert chi2.sf(((counted - expected) ** 2 / expected).sum(), N_GROUPS) > 1e-3


@pytest.mark.parametrize("seed", [61, 63, 65])
def test_mean_square_displacement_against_linear_response(seed):
    """Slope at late times within three standard errors, which are below 2 %."""
    network = warm(150, seed, "torus", min_distance=2.0)
    assert network.cluster.max() == 0
    exact = np.trace(diffusion_tensor(network)) / 2
    time = np.array([0, 100.0, 6000.0, 24_000.0])
    carriers = walk(network, time, n_carriers=9000, seed=79)
    value, error = carriers.diffusion(2, 3)
    print(f"D = {value:.5f} +- {error:.5f} against {exact:.5f}")
    assert error < 0.02 * exact
    assert abs(value - exact) < 3 * error
    r2 = (carriers.displacement**2).sum(axis=2)
    expected, _ = expected_walk(network, time)
    away = (r2.mean(axis=0) - expected)[1:] / (r2.std(axis=0)[1:] / np.sqrt(9000))
    assert np.abs(away).max() < 4
    early = expected[1] / (4 * time[1])
    assert early > 1.2 * exact, "carriers hop to and fro at first, so the early slope is larger"
    assert expected[3] - expected[2] == pytest.approx(4 * exact * 18_000, rel=0.02)


def test_mean_spin_from_equilibrium():
    network = warm(120, 61, "torus", min_distance=2.0)
    time = np.array([0.0, 30.0, 300.0])
    spin = (0.0, 0.6, 0.8)
    given = {"spin_orbit": FORM, "spin": spin, "tau_s": 500.0}
    carriers = walk(network, time, n_carriers=20_000, seed=80, **given)
    _, expected = expected_walk(network, time, **given)
    np.testing.assert_allclose(expected[0], spin, atol=1e-12)
    error = carriers.spin.std(axis=0) / np.sqrt(20_000)
    away = (carriers.spin.mean(axis=0) - expected)[1:] / error[1:]
    assert np.abs(away).max() < 4
    assert np.abs(expected[1] - spin).max() > 20 * error[1].max(), "spins turn"


def test_diffusion_tensor_of_a_lattice():
    sites = hn.lattice_sites("square", 12, 12, spacing=4.0, geometry="torus")
    network = hn.build_network(sites, cutoff_radius=4.1, contact_width=4.1)
    np.testing.assert_allclose(diffusion_tensor(network), 16 * np.exp(-8) * np.eye(2), atol=1e-13)


def test_each_block_has_its_own_stream():
    network = random_network(150, 0.1, 51)
    few = walk(network, [5.0], n_carriers=100, seed=5, block=50)
    more = walk(network, [5.0], n_carriers=150, seed=5, block=50)
    assert np.array_equal(few.site, more.site[:100]), "blocks have streams of their own"
    assert not np.array_equal(few.site[:50], few.site[50:])


def test_start_at_given_sites():
    network = random_network(150, 0.1, 51)
    fixed = walk(network, [0.0], n_carriers=7, seed=5, start=np.arange(7))
    assert list(fixed.site[:, 0]) == list(range(7))
    assert not fixed.displacement.any()


def test_rates_are_added_up_row_by_row():
    """The running sum of each site starts at zero: over all rows it would reach the sum of 150."""
    network = random_network(150, 0.1, 51)
    running = hop_rows(network, np.zeros((2, 2))).running_rate
    assert running.max() < 5


NETWORK = random_network(150, 0.1, 51)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"time": [2.0, 1.0]}, "ascend"),
        ({"time": [-1.0]}, "time must hold"),
        ({"n_carriers": 0}, "n_carriers"),
        ({"tau_s": 0.0}, "tau_s"),
        ({"start": 150}, "site numbers"),
        ({"start": 1.5}, "whole numbers"),
        ({"spin": (1, 0)}, "spin must be an array of shape"),
        ({"spin_orbit": [1, 2]}, "spin_orbit"),
    ],
)
def test_bad_input(given, message):
    arguments = {"time": [1.0], "n_carriers": 3, "seed": 4} | given
    with pytest.raises(hn.ParameterError, match=message):
        walk(NETWORK, arguments.pop("time"), **arguments)
    for refused in (lambda: diffusion_tensor(NETWORK), lambda: expected_walk(NETWORK, [1.0])):
        with pytest.raises(hn.ParameterError, match="torus"):
            refused()
