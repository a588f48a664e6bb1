"""Link response: digits, sum rules, two temperatures, differences.

[response 1], [response 2], [response 3], [response 4], [response 5], [response 6]
"""

import numpy as np
import pytest

import hopnet as hn
from hopnet.network.network import join_sites
from hopnet.transport.response import (
    activation_energy,
    bath_log_slope,
    effective_links,
    link_power,
    link_response,
    log_noise,
    mean_hop,
    noise,
    shrinkage,
    site_response,
    strain_response,
)
from samples import TWELVE, dense_sites, random_network

NUMBER = np.arange(12)
ENERGY = 0.1 * NUMBER * np.cos(NUMBER)
CASES = {"S": {}, "B": {"kT": 0.5}, "F": {"kT": 0.1, "chemical_potential": 0.05}}


def reference(case, bath="ohmic", **changed):
    """Current of the reference network of 12 sites, all pairs linked."""
    sites = dense_sites(TWELVE, 10.0)
    options = CASES[case] | changed
    if options:
        sites = hn.with_energies(sites, ENERGY, width=1.0, seed=3)
        options["bath"] = bath
    network = hn.build_network(sites, cutoff_radius=20.0, contacts=([0], [11]), **options)
    return hn.solve_current(network)


# G, <R>, <R^3>, <R cos^2>, sum p^2, sum p^2 G/g in 50-digit arithmetic.
DIGITS = {
    "S": (
        4.736967580894e-3,
        2.708340801152,
        22.25072136951,
        1.672344824150,
        0.08187806033084,
        0.09080176810244,
    ),
    "F": (
        3.311890573756e-4,
        2.668522694802,
        21.90666031103,
        2.198849533686,
        0.2403504929783,
        0.1133565765671,
    ),
}


@pytest.mark.parametrize("case", DIGITS)
def test_digits_of_means_strain_and_noise(case):
    current = reference(case)
    found = (
        current.conductance,
        mean_hop(current),
        mean_hop(current, 3),
        -0.5 * strain_response(current)[0, 0],
        noise(current),
        noise(current, theta=1.0),
    )
    np.testing.assert_allclose(found, DIGITS[case], rtol=2e-12)
    assert shrinkage(current) == pytest.approx(DIGITS[case][2] / 12, rel=1e-12)
    assert link_power(current).sum() == pytest.approx(1.0, rel=1e-14)


@pytest.mark.parametrize(
    ("case", "bath", "level", "electrons"),
    [
        ("B", "ohmic", 1.538519567363, 0.7679750766623),
        ("B", "miller_abrahams", 1.857274573418, 1.086730082717),
        ("B", "heat_bath", 1.6804642245, 0.9099197337993),
        ("F", "ohmic", 1.200905651220, 1.059400084084),
        ("F", "miller_abrahams", 1.790322146215, 1.662319685847),
        ("F", "heat_bath", 1.558738188587, 1.425829250201),
    ],
)
def test_digits_of_the_activation_energy(case, bath, level, electrons):
    current = reference(case, bath)
    assert activation_energy(current) == pytest.approx(level, rel=1e-11)
    assert activation_energy(current, fixed="electrons") == pytest.approx(electrons, rel=1e-11)


def test_activation_energy_against_two_temperatures():
    sites = hn.random_sites(2000, density=0.02, seed=1, geometry="cylinder")
    sites = hn.with_energies(sites, "uniform", width=1.0, seed=2)

    def current(kT):
        network = hn.build_network(
            sites, cutoff_radius=16.0, kT=kT, chemical_potential=0.0, contact_width=16.0
        )
        return hn.solve_current(network)

    w = activation_energy(current(0.1))
    assert w == pytest.approx(2.76029135077, rel=1e-10)
    electrons = activation_energy(current(0.1), fixed="electrons")
    assert electrons == pytest.approx(2.75825093087, rel=1e-10)
    up, down = current(0.1 * 1.001), current(0.1 / 1.001)
    slope = (up.log_conductance - down.log_conductance) / (2 * np.log(1.001))
    assert w == pytest.approx(slope, rel=1e-6)


@pytest.mark.filterwarnings("ignore::hopnet.errors.ValidityWarning")
def test_digits_of_two_thousand_sites():
    """C2000 of the reference digits: open sample and cylinder, in doubles, another program."""
    found = {}
    for geometry in ("open", "cylinder"):
        sites = hn.random_sites(2000, density=0.02, seed=1, geometry=geometry)
        found[geometry] = hn.solve_current(hn.build_network(sites, cutoff=1.5))
    current = found["open"]
    network, G = current.network, current.conductance
    assert pytest.approx(4.884194822301e-8, rel=1e-12) == G
    assert mean_hop(current) == pytest.approx(8.2846664953, rel=1e-10)
    assert mean_hop(current, power=3) == pytest.approx(602.780776142, rel=1e-11)
    assert noise(current) == pytest.approx(0.0245314166274, rel=1e-11)
    strain = strain_response(current)
    assert np.diag(strain) == pytest.approx([-7.958311115546, -8.611021875055], rel=1e-11)
    assert -0.5 * strain[0, 0] == pytest.approx(3.97915555777, rel=1e-11)  # <R cos^2>
    assert hn.admittance(network, G, real=True) / G == pytest.approx(5.30900708824, rel=1e-10)
    expected = 4.32509401189 + 2.69635840589j
    assert hn.admittance(network, G) / G == pytest.approx(expected, rel=1e-10)
    # Four contacts: source, drain, and the sites within the cutoff of the middles of both edges.
    sites = network.sites
    probes = [
        np.flatnonzero(
            np.hypot(sites.position[:, 0] - sites.length / 2, sites.position[:, 1] - y)
            <= network.cutoff_radius
        )
        for y in (sites.width, 0.0)
    ]
    terminals = hn.solve_terminals(network, [network.source, network.drain, *probes])
    hall = hn.hall_resistance(terminals, current=(0, 1), voltage=(2, 3))
    assert hall == pytest.approx(485.418312664, rel=1e-10)
    current = found["cylinder"]
    network, G = current.network, current.conductance
    assert pytest.approx(4.995132154565e-8, rel=1e-12) == G
    angle = hn.hall_angle(network)
    assert angle.tangent == pytest.approx(2.5058116405e-5, rel=1e-9)
    assert hn.find_triads(network).n_triads == 20451
    assert hn.admittance(network, G, real=True) / G == pytest.approx(5.27442699684, rel=1e-10)


@pytest.mark.filterwarnings("ignore::hopnet.errors.ValidityWarning")
def test_digits_of_the_cold_cylinder():
    """C2000 with energies: conductance, thermopower and Hall angle."""
    sites = hn.random_sites(2000, density=0.02, seed=1, geometry="cylinder")
    sites = hn.with_energies(sites, "uniform", width=1.0, seed=2)
    network = hn.build_network(
        sites, cutoff_radius=16.0, kT=0.1, chemical_potential=0.0, contact_width=16.0
    )
    current = hn.solve_current(network)
    assert current.conductance == pytest.approx(2.287271774567e-9, rel=1e-12)
    assert hn.seebeck_coefficient(current) == pytest.approx(0.174658159797, rel=1e-10)
    assert hn.hall_angle(network).tangent == pytest.approx(1.3184828475e-5, rel=1e-9)


def test_digits_of_the_site_response():
    expected = [
        -0.2813821073, -0.1290797600, -0.1289229894, -0.1871357096, -0.0600206220, -0.2326963702,
        -0.1240906817, -0.0594762919, -0.2597259480, -0.0793512706, -0.1272656330, -0.3308526163,
    ]  # fmt: skip
    found = site_response(reference("B"))
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    assert found.sum() == pytest.approx(-1 / 0.5, rel=1e-13)


def test_site_response_with_exclusion_is_minus_that_to_the_level():
    current = reference("F", kT=0.5)
    assert site_response(current).sum() * 0.5 == pytest.approx(0.1240690498986, rel=1e-10)
    h = 1e-5
    up, down = (reference("F", kT=0.5, chemical_potential=0.05 + s * h) for s in (1, -1))
    slope = (up.log_conductance - down.log_conductance) / (2 * h)
    assert site_response(current).sum() == pytest.approx(-slope, rel=1e-7)


def test_link_response_against_a_changed_network():
    network = random_network(400, 0.05, 5)
    current = hn.solve_current(network)
    change = np.random.default_rng(6).normal(size=(network.n_links, 2))
    step = 1e-4

    def conductance(sign, column):
        other = join_sites(
            network.sites,
            network.link_i,
            network.link_j,
            network.log_conductance + sign * step * change[:, column],
            contacts=network.contacts,
            cutoff_radius=network.cutoff_radius,
        )
        return hn.solve_current(other).log_conductance

    slopes = [(conductance(1, k) - conductance(-1, k)) / (2 * step) for k in range(2)]
    np.testing.assert_allclose(link_response(current, change), slopes, rtol=1e-6)
    assert link_response(current, change[:, 0]) == pytest.approx(slopes[0], rel=1e-6)


def test_hops_have_length_and_direction():
    """<R cos^2> + <R sin^2> = <R>, half of d ln G / d ln a_b."""
    network = random_network(1000, 0.02, 7)
    current = hn.solve_current(network)
    strain = strain_response(current)
    assert -0.5 * np.trace(strain) == pytest.approx(mean_hop(current), rel=1e-12)
    assert strain[0, 1] == strain[1, 0]
    assert shrinkage(current, finite_length=True) > shrinkage(current)
    assert 1 < effective_links(current) < network.n_links


def test_noise_at_any_theta():
    """The logarithm of the noise has no limit; the noise itself says when it has."""
    current = hn.solve_current(random_network(300, 0.01, 8))
    for theta in (-1.0, 0.0, 1.0):
        assert log_noise(current, theta=theta) == pytest.approx(
            np.log(noise(current, theta=theta)), rel=1e-12
        )
    steep = log_noise(current, theta=400.0)
    # Far from 0 one link dominates: the terms are p^2 (g/G)^-theta.
    power = np.abs(link_power(current))
    log_ratio = current.network.log_conductance - current.log_conductance
    carries = power > 0
    term = 2 * np.log(power[carries]) - 400 * log_ratio[carries]
    assert steep == pytest.approx(term.max(), rel=1e-3)
    with pytest.raises(hn.ParameterError, match="range of floats"):
        noise(current, theta=400.0)
    with pytest.raises(hn.ParameterError, match="theta"):
        noise(current, theta=1e300)
    assert 1 <= effective_links(current, theta=400.0) < 3


def test_equal_resistors_in_series():
    """A chain of N equal links: noise 1 / N, all of them count."""
    n = 9
    sites = hn.sites_from_positions(
        np.stack([np.arange(n) * 4.0 + 2, np.full(n, 20.0)], axis=1), length=40, width=40
    )
    network = hn.build_network(sites, cutoff_radius=4.5, contacts=([0], [n - 1]))
    current = hn.solve_current(network)
    assert noise(current) == pytest.approx(1 / (n - 1), rel=1e-12)
    assert effective_links(current) == pytest.approx(n - 1, rel=1e-12)
    assert mean_hop(current) == pytest.approx(4.0, rel=1e-12)


def test_a_bath_of_ones_own_needs_its_slope():
    def square(x):
        return 1.0 + x**2

    current = reference("B", square)
    with pytest.raises(hn.ParameterError, match="bath_slope="):
        activation_energy(current)
    w = activation_energy(current, bath_slope=lambda x: 2 * x**2 / (1 + x**2))
    up, down = reference("B", square, kT=0.5005), reference("B", square, kT=0.4995)
    slope = (up.log_conductance - down.log_conductance) / np.log(0.5005 / 0.4995)
    assert w == pytest.approx(slope, rel=1e-5)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda c: activation_energy(c), "R-model"),
        (lambda c: site_response(c), "R-model"),
        (lambda c: bath_log_slope(c.network), "R-model"),
        (lambda c: link_response(c, [1.0, 2.0]), "shape"),
        (lambda c: link_response(c, "all"), "real numbers"),
        (lambda c: noise(c, theta=np.nan), "finite number"),
        (lambda c: mean_hop(c, "2"), "finite number"),
        (lambda c: shrinkage(c, finite_length=1), "True or False"),
        (lambda c: activation_energy(c, fixed="mu"), "'level', 'electrons'"),
    ],
)
def test_bad_input(call, words):
    with pytest.raises(hn.ParameterError, match=words):
        call(hn.solve_current(random_network(200, 0.05, 3)))
