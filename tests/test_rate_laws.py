"""Baths and rate laws: Marcus, laws of both directions, and what a function must obey.

[rates 1], [rates 2], [response 2], [response 5]
"""

import numpy as np
import pytest
from pydantic import ValidationError

import hopnet as hn
from hopnet.ensemble.config import config_from_dict
from hopnet.ensemble.sample import sample_network
from hopnet.network import MarcusBath, RateLaw
from hopnet.network.energies import bath_factor, log_hops
from hopnet.transport.response import activation_energy, site_response

SITES = hn.with_energies(hn.random_sites(800, density=0.05, seed=6), "gaussian", width=0.5, seed=7)
LAMBDA = 2.0


def network(kT=0.2, **options):
    options = {"bath": "marcus", "reorganisation_energy": LAMBDA} | options
    return hn.build_network(SITES, cutoff_radius=12.0, contact_width=8.0, kT=kT, **options)


def marcus_rate(step, kT):
    """exp(-(lambda + step)^2 / 4 lambda kT) of a hop up by ``step``."""
    return np.exp(-((LAMBDA + step) ** 2) / (4 * LAMBDA * kT))


def test_marcus_is_the_quadratic_law():
    kT = 0.3
    energy = np.random.default_rng(8).normal(size=40)
    i, j = np.triu_indices(40, 1)
    found = log_hops(i, j, np.zeros(i.size), energy, kT, bath=MarcusBath(LAMBDA / kT))
    n = np.exp(-(energy - energy.min()) / kT)
    forward = n[i] * marcus_rate(energy[j] - energy[i], kT)
    back = n[j] * marcus_rate(energy[i] - energy[j], kT)
    np.testing.assert_allclose(forward, back, rtol=1e-12)
    np.testing.assert_allclose(np.exp(found), forward / marcus_rate(0.0, kT), rtol=1e-11)


def test_marcus_at_large_energies_does_not_underflow():
    energy = np.array([0.0, 400.0])
    found = log_hops(np.array([0]), np.array([1]), np.zeros(1), energy, 1.0, bath=MarcusBath(2.0))
    assert found[0] == 200.0 - 400.0**2 / 8 - 400.0


@pytest.mark.parametrize("mu", [None, 0.1])
def test_activation_energy_of_marcus_against_two_temperatures(mu):
    h = 1e-4
    up, down = (
        hn.solve_current(network(0.2 * (1 + s * h), chemical_potential=mu)) for s in (1, -1)
    )
    current = hn.solve_current(network(chemical_potential=mu))
    slope = (up.log_conductance - down.log_conductance) / (2 * h)
    if mu is None:  # occupations are counted from the level of the traps, w from the lowest level
        level = np.exp(-(SITES.energy - SITES.energy.min()) / 0.2)
        shift = current.network.log_occupation - np.log(level)
        assert np.ptp(shift) < 1e-10
        slope += shift[0]
    assert activation_energy(current) == pytest.approx(slope, rel=1e-6)


@pytest.mark.parametrize("mu", [None, 0.1])
def test_site_response_of_marcus(mu):
    current = hn.solve_current(network(chemical_potential=mu))
    found = site_response(current)
    if mu is None:
        assert found.sum() == pytest.approx(-1 / 0.2, rel=1e-12)
    site, h = int(np.argmax(np.abs(found))), 1e-5
    values = []
    for sign in (1, -1):
        energy = SITES.energy.copy()
        energy[site] += sign * h
        other = hn.build_network(
            hn.with_energies(SITES, energy),
            cutoff_radius=12.0,
            contact_width=8.0,
            kT=0.2,
            bath="marcus",
            reorganisation_energy=LAMBDA,
            chemical_potential=mu,
        )
        values.append(hn.solve_current(other).log_conductance)
    assert found[site] == pytest.approx((values[0] - values[1]) / (2 * h), rel=1e-5)


def test_marcus_in_files_and_finite_fields(tmp_path):
    made = network()
    assert (made.bath, made.reorganisation_energy) == ("marcus", LAMBDA)
    made.save(tmp_path / "network.npz")
    read = hn.Network.load(tmp_path / "network.npz")
    assert (read.bath, read.reorganisation_energy) == ("marcus", LAMBDA)
    weak = hn.solve_bias(made, 1e-4)
    assert weak.current / 1e-4 == pytest.approx(hn.solve_current(made).conductance, rel=1e-3)
    assert network(bath=MarcusBath(LAMBDA / 0.2), reorganisation_energy=None).bath == "marcus"
    law = RateLaw(lambda u: marcus_rate(0.2 * u, 0.2))
    same = network(bath=law, reorganisation_energy=None)
    np.testing.assert_allclose(same.log_conductance, made.log_conductance, rtol=1e-9)


@pytest.mark.parametrize("bath", ["ohmic", "miller_abrahams", "heat_bath", "marcus"])
def test_run_files_take_every_bath(bath):
    table = {
        "sites": {"n_sites": 300, "density": 0.05, "seed": 5, "density_of_states": "uniform"},
        "network": {"kT": 0.2, "bath": bath},
        "spin": {"tau_s": [0.0]},
    }
    if bath == "marcus":
        with pytest.raises((ValidationError, hn.ParameterError), match="reorganisation_energy"):
            config_from_dict(table).points()
        table["network"]["reorganisation_energy"] = 2.0
    made = sample_network(config_from_dict(table).points()[0], 0)
    assert made.bath == bath
    if bath != "marcus":
        table["network"]["reorganisation_energy"] = 2.0
        with pytest.raises((ValidationError, hn.ParameterError), match="go together"):
            config_from_dict(table).points()


def test_laws_of_both_directions():
    x = np.linspace(0, 20, 50)
    for name, rate in {
        "miller_abrahams": lambda u: np.minimum(1.0, np.exp(-u)),
        "heat_bath": lambda u: 3.0 / (1.0 + np.exp(u)),
        "ohmic": lambda u: np.where(u == 0, 1.0, u / np.expm1(np.where(u == 0, 1.0, u))),
    }.items():
        np.testing.assert_allclose(bath_factor(RateLaw(rate), x), bath_factor(name, x), rtol=1e-12)


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        (lambda u: np.exp(-np.abs(u)), "detailed balance"),
        (lambda u: np.exp(u), "detailed balance"),
        (lambda u: np.minimum(1.0, np.exp(-0.5 * u)), "detailed balance"),
        (lambda u: u, "finite positive"),
        (lambda: 1.0, "raised TypeError"),
        ("ohmic", "must be a function"),
    ],
)
def test_laws_that_break_the_contract(rate, words):
    with pytest.raises(hn.ParameterError, match=words):
        RateLaw(rate)


def test_a_bath_must_be_a_function_of_each_energy_alone():
    calls = []

    def drifting(x):
        calls.append(x)
        return 1.0 + len(calls) * x

    for bath in (lambda x: 1.0 + x / x.max(), lambda x: np.sort(1.0 + x)[::-1], drifting):
        with pytest.raises(hn.ParameterError, match="function of each x alone"):
            network(bath=bath, reorganisation_energy=None)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"reorganisation_energy": None}, "its reorganisation energy"),
        ({"reorganisation_energy": 0.0}, "reorganisation_energy"),
        ({"bath": "ohmic"}, "belongs to bath='marcus'"),
        ({"bath": "polaron"}, "'marcus'"),
    ],
)
def test_bad_marcus(options, words):
    with pytest.raises(hn.ParameterError, match=words):
        network(**options)
    with pytest.raises(hn.ParameterError, match="reorganisation"):
        MarcusBath(-1.0)


def test_miller_abrahams_at_equal_energies_warns_of_the_kink():
    sites = hn.with_energies(SITES, np.zeros(SITES.n_sites))
    current = hn.solve_current(hn.build_network(sites, kT=0.2, bath="miller_abrahams"))
    with pytest.warns(hn.ValidityWarning, match="kink"):
        found = site_response(current)
    assert found.sum() == pytest.approx(-1 / 0.2, rel=1e-12)
