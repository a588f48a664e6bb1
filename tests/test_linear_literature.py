"""Linear response against the literature: noise, length of hops, universality, thermopower.

The stored results of the same questions at full size: runs/results/noise_density,
runs/results/random_barriers.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import hopnet as hn
from hopnet.transport.response import mean_hop, noise

RUNS = Path(__file__).parents[1] / "runs"
sys.path.insert(0, str(RUNS))

pytestmark = pytest.mark.slow


def test_noise_grows_as_a_power_of_the_density():
    """m of S N ~ n_s^(-m/2): 2.3 in lattices (Snarskii et al. 1996), d nu = 8/3 on the net of
    critical links. Found with links up to l_c + 6 a_b: 2.6 between 0.1 and 0.02."""
    values = []
    for density in (0.1, 0.02):
        found = []
        for seed in range(4):
            network = hn.build_network(hn.random_sites(20_000, density=density, seed=seed))
            between = network.n_sites - network.source.size - network.drain.size
            found.append(between * noise(hn.solve_current(network)))
        values.append(np.mean(found))
    m = 2 * np.log(values[1] / values[0]) / np.log(5)
    assert 2.3 < m < 2.9


def test_current_carrying_hops_have_the_critical_length():
    """<R^3> / l_c^3 tends to 1 from above as samples get dilute."""
    found = []
    for density in (0.05, 0.005):
        cubes = []
        for seed in range(4):
            sites = hn.random_sites(20_000, density=density, seed=seed)
            cubes.append(mean_hop(hn.solve_current(hn.build_network(sites)), 3))
        found.append(np.mean(cubes) / hn.critical_length(density) ** 3)
    assert found[0] > 1.1
    assert found[1] == pytest.approx(1.0, abs=0.06)


def test_random_barriers_are_universal():
    """Curves of lambda = 30 and 80 agree within 6 % between 1.2 and 400 times sigma(0)."""
    from random_barriers import curve, shifted

    weak, strong = curve(30.0, 120, 6), curve(80.0, 120, 6)
    _, deviation = shifted(weak, strong)
    assert deviation < 0.06
    assert np.all(np.diff(strong) > 0)


def test_thermopower_of_variable_range_hopping():
    """S = C (k/q) xi_c^2 kT d ln g / dE with C = 0.062(1) for a density of states 1 + E."""
    kT, constants = 0.03, []
    for seed in range(6):
        sites = hn.random_sites(20_000, density=0.02, seed=seed)
        u = np.random.default_rng(100 + seed).random(sites.n_sites)
        sites = hn.with_energies(sites, -1 + np.sqrt(2 * u + 0.25))  # inverse of the integral
        network = hn.build_network(sites, kT=kT, chemical_potential=0.0)
        seebeck = hn.seebeck_coefficient(hn.solve_current(network))
        constants.append(seebeck / (network.critical_exponent**2 * kT))
    assert np.mean(constants) == pytest.approx(0.062, abs=0.006)


def test_stored_results():
    """The tables of full size: noise exponents near d nu, hops near l_c, universal curves."""
    table = pd.read_csv(RUNS / "results" / "noise_density" / "statistics.csv")
    density, s = table["sites.density"].to_numpy(), table["noise_per_site"].to_numpy()
    m = -2 * np.diff(np.log(s)) / np.diff(np.log(density))
    assert np.all((m > 2.3) & (m < 3.0))
    cubes = 12 * table["shrinkage"] / np.array([hn.critical_length(d) for d in density]) ** 3
    assert np.all(np.diff(cubes) < 0)
    assert cubes.iloc[-1] == pytest.approx(1.0, abs=0.02)
    shifts = pd.read_csv(RUNS / "results" / "random_barriers" / "shifts.csv")
    assert shifts["deviation"].max() < 0.06
