"""Thermopower [thermopower 1], [thermopower 2]: digits, and what must hold."""

import numpy as np
import pytest

import hopnet as hn
from hopnet.transport.thermopower import linear_profile, peltier_heat, seebeck_coefficient
from samples import random_network
from test_response import reference


@pytest.mark.parametrize(
    ("case", "bath", "level", "expected"),
    [
        ("B", "ohmic", -0.1, -0.03096758054886),
        ("B", "miller_abrahams", -0.1, -0.01280147856067),
        ("F", "ohmic", None, -0.7411772621485),
        ("F", "miller_abrahams", None, -0.7180561493004),
    ],
)
def test_digits_of_the_seebeck_coefficient(case, bath, level, expected):
    found = seebeck_coefficient(reference(case, bath), level=level)
    assert found == pytest.approx(expected, rel=1e-10)


def test_digits_of_the_edge_and_of_a_large_sample():
    assert peltier_heat(reference("F"), profile="source") == pytest.approx(-0.0742458024, rel=1e-8)
    sites = hn.random_sites(2000, density=0.02, seed=1, geometry="cylinder")
    sites = hn.with_energies(sites, "uniform", width=1.0, seed=2)
    network = hn.build_network(
        sites, cutoff_radius=16.0, kT=0.1, chemical_potential=0.0, contact_width=16.0
    )
    found = seebeck_coefficient(hn.solve_current(network))
    assert found == pytest.approx(0.174658159797, rel=1e-9)


def warm(energy, level):
    sites = hn.random_sites(600, density=0.05, seed=8)
    sites = hn.with_energies(sites, energy, width=1.0, seed=1)
    network = hn.build_network(
        sites, cutoff_radius=8.0, kT=0.2, chemical_potential=level, contact_width=8.0
    )
    return hn.solve_current(network)


def test_symmetries():
    energy = 0.3 * np.random.default_rng(4).normal(size=600)
    plain = peltier_heat(warm(energy, 0.1))
    assert peltier_heat(warm(energy + 5.0, 5.1)) == pytest.approx(plain, rel=1e-9)
    assert peltier_heat(warm(-energy, -0.1)) == pytest.approx(-plain, rel=1e-9)  # holes
    equal = warm(np.full(600, 0.7), 0.1)
    for profile in ("bulk", "source", "drain", linear_profile(equal.network) ** 2):
        assert peltier_heat(equal, profile=profile) == pytest.approx(0.6, rel=1e-12)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"profile": "edge"}, "'bulk', 'source', 'drain'"),
        ({"profile": [1.0, 0.0]}, "shape"),
        ({"profile": np.full(12, 0.5)}, "1 on the whole source"),
        ({"level": "high"}, "finite number"),
        ({}, "must be given for Boltzmann"),
    ],
)
def test_bad_input(options, words):
    with pytest.raises(hn.ParameterError, match=words):
        peltier_heat(reference("B"), **({"level": 0.0} if options else {}) | options)


def test_sites_without_energies():
    current = hn.solve_current(random_network(200, 0.05, 3))
    with pytest.raises(hn.ParameterError, match="these have none"):
        peltier_heat(current)
    with pytest.raises(hn.ParameterError, match="kT"):
        seebeck_coefficient(current)
