"""Identities of linear response: which test holds each, and the mistake that it catches.

[response 1], [response 3], [response 4], [response 5], [thermopower 1], [thermopower 2],
[admittance 1]. Digits of the reference networks stand in the test files of each subject.

Link response
    sum p = 1                               test_response: digits_of_means_strain_and_noise
        drop and flow mixed up, a factor of the power
    d ln G against changed links            test_response: link_response_against_a_changed_network
        wrong weight of a link
    a link removed: -p / (1 - g r)          here: a_link_removed
        first order where all orders count, r without the contacts joined
    merged contacts                         here: parts_of_a_contact
        direct links between terminals lost
    <R> = half of d ln G / d ln a_b         here: hops_against_a_longer_sample
        factor 2 of the exponent
    strain xx, yy, xy                       here: strain_against_a_deformed_sample
        c and s exchanged, factor 2 of the shear
    d ln rho / d beta = <R^3> / 12          here: shrinkage_against_changed_links
        1/24 of the amplitude taken for the rate
    1 + 3 a/2R of the exact function        here: finite_length_of_the_green_function
        sign or size of the correction
    w against two temperatures              test_response: activation_energy_against_two_...,
                                            test_rate_laws: activation_energy_of_marcus_...
        slope of the bath, level or electrons fixed, hidden kT
    slope of the ohmic bath at any x        here: slope_of_the_ohmic_bath
        digits lost at small x, overflow at large x
    sum of S_i = -1/kT                      test_response: digits_of_the_site_response
        "-1" left out, higher and lower site exchanged
    sum of S_i = -d ln G / d mu             test_response: site_response_with_exclusion_...
        F(h) taken for F(-h)
    a map over a gate is a convolution      test_transport_command: the_gate_map_is_a_convolution
    series of N: noise 1/N                  test_response: equal_resistors_in_series
        p counted once
    noise at any theta                      test_response: noise_at_any_theta
        weights not relative to G
    sum of d f / d ln g = f + d f/d ln tau  test_f_link_response: sum_rule_..., dilute_samples_...
        a term of the adjoint left out

Thermopower
    zero current in the full rates with local temperatures
                                            here: zero_current_of_the_full_rates
        (e_i + e_j)/2 against e_i, e_j or max(e), phonons at the mean temperature
    sum of flow (t_i - t_j) = I             here: heat_of_any_profile; test_thermopower: symmetries
        profile of the wrong direction, a step on a contact
    a step at a cut: heat of that cut       here: heat_of_any_profile
    e, mu shifted alike; holes; equal e     test_thermopower: symmetries
        zero of energy, sign, factor 1/2

Admittance
    G(0), G(inf), monotone, Im G >= 0       test_admittance: from_the_static_to_...
        difference of large numbers in dilute samples
    sum of a_k = sum (Lap u)^2 / c          test_admittance: digits
        c = n taken for f (1 - f), terminals counted
    a pair: K du^2 s / (s + 2 K)            test_admittance: a_pair_beside_the_current
        capacities added wrongly
    dense complex equations                 here: admittance_of_dense_equations
        sign of i omega, Re and Im of the two sums
    isolated clusters: psi = 0              here: isolated_clusters_do_not_answer
    model against exact factors             test_admittance: the_stated_error_covers_...

More than two terminals
    rows, symmetry                          test_terminals: digits_of_the_conductance_matrix
    two terminals = solve_current           test_terminals: two_terminals_are_solve_current
    a floating terminal = Kron reduction    test_terminals: a_floating_terminal_..., at 1e-30 here
        inv of a matrix with rows of 1e-30 beside 1
    merged terminals add                    test_terminals: merged_terminals_add_their_rows
    R_ab,cd = R_cd,ab                       test_terminals: reciprocity_of_four_point_resistances
        sign, order of the pairs
    Foster: sum g r = N - 1                 test_terminals: fosters_theorem
        links between terminals lost
    ln 2 / pi + 0.395/n^2                   test_terminals: van_der_pauw_on_a_square
"""

import re
from pathlib import Path

import numpy as np
import pytest

import hopnet as hn
from hopnet.network.network import join_sites
from hopnet.transport.response import (
    link_power,
    link_response,
    mean_hop,
    ohmic_slope,
    shrinkage,
    strain_response,
)
from samples import TWELVE, dense_sites, random_network
from test_response import ENERGY, reference


def test_every_test_of_the_table_exists():
    here = Path(__file__)
    for file, name in re.findall(r"(test_\w+|here): (\w+)", __doc__):
        text = (here if file == "here" else here.with_name(f"{file}.py")).read_text()
        assert f"def test_{name.rstrip('_')}" in text, f"{file}: {name}"


def with_logs(network, log_conductance, kept=slice(None)):
    """The same sites and contacts with other links."""
    return join_sites(
        network.sites,
        network.link_i[kept],
        network.link_j[kept],
        log_conductance[kept],
        contacts=network.contacts,
        cutoff_radius=network.cutoff_radius,
    )


def slope(network, change, step):
    """Central difference of ln G with the logarithms of the links, along ``change``."""
    up, down = (
        hn.solve_current(with_logs(network, network.log_conductance + sign * step * change))
        for sign in (1, -1)
    )
    return (up.log_conductance - down.log_conductance) / (2 * step)


@pytest.mark.parametrize(("i", "j"), [(3, 5), (2, 9), (6, 8)])
def test_a_link_removed(i, j):
    """dG / G = -p / (1 - g r), r between the ends of the link while the contacts are joined."""
    current = reference("S")
    network = current.network
    link = int(np.flatnonzero((network.link_i == i) & (network.link_j == j))[0])
    kept = np.arange(network.n_links) != link
    without = hn.solve_current(with_logs(network, network.log_conductance, kept))
    terminals = hn.solve_terminals(network, [[0, 11], [i], [j]])
    g_r = network.conductance[link] * terminals.resistance((1, 2), (1, 2))
    expected = -link_power(current)[link] / (1.0 - g_r)
    found = without.conductance / current.conductance - 1.0
    assert found == pytest.approx(expected, rel=1e-9)


def test_parts_of_a_contact():
    """A contact of three sites carries the sum of the currents of three contacts of one site."""
    network = random_network(400, 0.05, 2)
    drain = network.drain.tolist()
    whole = hn.solve_terminals(network, [[3, 200, 390], drain]).conductance
    parts = hn.solve_terminals(network, [[3], [200], [390], drain]).conductance
    assert parts[:3, :3].sum() == pytest.approx(whole[0, 0], rel=1e-12)


def test_hops_against_a_longer_sample():
    """All lengths times 1 + h: d ln G / dh = -2 <R>."""
    network = random_network(400, 0.03, 5)
    current = hn.solve_current(network)
    found = slope(network, -2.0 * network.distance, 1e-5)
    assert found == pytest.approx(-2.0 * mean_hop(current), rel=1e-7)


@pytest.mark.parametrize("strain", [(1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)])
def test_strain_against_a_deformed_sample(strain):
    """Positions (1 + e) x of the same links, whose conductances follow their new lengths."""
    xx, yy, xy = strain
    tensor = np.array([[xx, xy], [xy, yy]])
    network = random_network(400, 0.03, 6)
    R = network.separation
    h = 1e-5

    def log_conductance(step):
        change = np.hypot(*(R + step * R @ tensor).T) - network.distance
        return hn.solve_current(
            with_logs(network, network.log_conductance - 2.0 * change)
        ).log_conductance

    found = (log_conductance(h) - log_conductance(-h)) / (2 * h)
    expected = float((strain_response(hn.solve_current(network)) * tensor).sum())
    assert found == pytest.approx(expected, rel=1e-6)


def test_shrinkage_against_changed_links():
    """ln J = -R - beta R^3 / 24, and g goes as J^2."""
    network = random_network(400, 0.03, 7)
    current = hn.solve_current(network)
    amplitude = -(network.distance**3) / 24.0
    found = slope(network, 2.0 * amplitude, 1e-7)
    assert shrinkage(current) == pytest.approx(-found, rel=1e-5)
    assert shrinkage(current) == pytest.approx(-link_response(current, 2.0 * amplitude), rel=1e-13)


@pytest.mark.parametrize(
    ("distance", "exact"), [(10.0, 1.1698359), (20.0, 1.0798255), (40.0, 1.0386892)]
)
def test_finite_length_of_the_green_function(distance, exact):
    """The coefficient of R^3 from the exact function of a zero-range centre: 1 + 3/2R + 2/R^2."""
    position = [[5.0, 5.0], [5.0 + distance, 5.0], [5.0, 110.0]]
    sites = hn.sites_from_positions(position, length=120, width=120)
    network = hn.build_network(sites, cutoff_radius=distance + 0.5, contacts=([0], [1]))
    current = hn.solve_current(network)
    ratio = shrinkage(current, finite_length=True) / shrinkage(current)
    assert ratio == pytest.approx(1 + 1.5 / distance, rel=1e-13)
    assert 1.8 < (exact - ratio) * distance**2 < 2.1


def test_slope_of_the_ohmic_bath():
    """1 - x / (exp(x) - 1) to machine precision, in extended precision beside it."""
    x = np.concatenate([[0.0], np.logspace(-12, 3, 301)])
    wide = x[1:].astype(np.longdouble)
    series = wide / 2 - wide**2 / 12 + wide**4 / 720 - wide**6 / 30240
    with np.errstate(over="ignore"):
        expected = np.where(wide < 0.05, series, 1 - wide / np.expm1(np.minimum(wide, 2000)))
    found = ohmic_slope(x)
    assert found[0] == 0.0
    np.testing.assert_allclose(found[1:], expected.astype(float), rtol=3e-14)


def flow_of_rates(mu, temperature, kT_phonon, energy, distance, i, j):
    """Net flow from j to i: f_j (1 - f_i) w_ij - f_i (1 - f_j) w_ji with the ohmic bath."""
    f = 1.0 / (1.0 + np.exp((energy - mu) / temperature))
    step = energy[i] - energy[j]
    x = np.abs(step) / kT_phonon
    emission = np.where(x > 0, x / -np.expm1(-np.where(x > 0, x, 1.0)), 1.0)
    hop = np.exp(-2.0 * distance) * emission
    up_i, up_j = np.exp(-np.maximum(step, 0) / kT_phonon), np.exp(np.minimum(step, 0) / kT_phonon)
    return hop * (f[j] * (1 - f[i]) * up_i - f[i] * (1 - f[j]) * up_j)


def test_zero_current_of_the_full_rates():
    """Local temperatures, phonons at the mean of both sites: d mu / dT = -Pi / T without current.

    The rates are differenced in the potentials and in the temperatures, so nothing of the formula
    for the heat of a hop is used.
    """
    current = reference("F")
    network = current.network
    kT, level = 0.1, 0.05
    t = 1.0 - TWELVE[:, 0] / TWELVE[11, 0]
    pairs = network.link_i, network.link_j
    distance = np.hypot(*(TWELVE[pairs[0]] - TWELVE[pairs[1]]).T)

    def balance(mu, h):
        temperature = kT * (1.0 + h * t)
        phonons = 0.5 * (temperature[pairs[0]] + temperature[pairs[1]])
        flow = flow_of_rates(mu, temperature, phonons, ENERGY, distance, *pairs)
        return np.bincount(pairs[0], flow, 12) - np.bincount(pairs[1], flow, 12)

    step, mu = 1e-4, np.full(12, level)
    by_heat = (balance(mu, step) - balance(mu, -step)) / (2 * step)
    by_mu = np.array(
        [
            (balance(mu + step * e, 0.0) - balance(mu - step * e, 0.0)) / (2 * step)
            for e in kT * np.eye(12)
        ]
    ).T
    # Potentials of all sites but the drain, so that no site gains or loses; in units of kT.
    shift = np.linalg.solve(by_mu[:11, :11], -by_heat[:11])
    assert shift[0] == pytest.approx(-hn.peltier_heat(current, profile=t) / kT, rel=1e-5)


def test_heat_of_any_profile():
    """Any profile carries the whole current; a step at a cut gives the mean heat of that cut."""
    current = reference("F")
    network = current.network
    kT, level = 0.1, 0.05
    flow = current.relative_flow
    middle = 0.5 * (ENERGY[network.link_i] + ENERGY[network.link_j]) - level
    rng = np.random.default_rng(4)
    smooth = rng.random(12)
    smooth[0], smooth[11] = 1.0, 0.0
    fall = smooth[network.link_i] - smooth[network.link_j]
    assert (flow * fall).sum() == pytest.approx(1.0, rel=1e-12)
    assert hn.peltier_heat(current, profile=smooth) == pytest.approx((flow * fall * middle).sum())
    left = (TWELVE[:, 0] < 4.5).astype(float)
    cut = left[network.link_i] != left[network.link_j]
    sign = left[network.link_i] - left[network.link_j]
    assert (flow * sign)[cut].sum() == pytest.approx(1.0, rel=1e-12)
    expected = (flow * sign * middle)[cut].sum()
    assert hn.peltier_heat(current, profile=left) == pytest.approx(expected, rel=1e-12)
    assert hn.seebeck_coefficient(current, profile=left) == pytest.approx(expected / kT, rel=1e-12)


@pytest.mark.parametrize("case", ["S", "B", "F"])
def test_admittance_of_dense_equations(case):
    """Current into the source from the complex equations of all sites, charge on the sites too."""
    network = reference(case).network
    u = 1.0 - TWELVE[:, 0] / TWELVE[11, 0]
    n = 12
    K, c = network.conductance, np.exp(network.log_capacity)
    lap = np.zeros((n, n))
    np.add.at(lap, (network.link_i, network.link_j), -K)
    np.add.at(lap, (network.link_j, network.link_i), -K)
    lap -= np.diag(lap.sum(axis=1))
    inner = np.arange(1, 11)
    for omega in (1e-3, 1e-1):
        s = 1j * omega
        equations = (lap + s * np.diag(c))[np.ix_(inner, inner)]
        phi = np.zeros(n, dtype=complex)
        phi[0] = 1.0
        phi[inner] = np.linalg.solve(equations, s * c[inner] * u[inner] - lap[inner, 0])
        expected = u @ (lap @ phi)  # Ramo: sum of flow (u_i - u_j)
        found = hn.admittance(network, omega, profile=u)[0]
        assert abs(found - expected) < 1e-9 * abs(expected)
        assert found.imag > 0


def test_isolated_clusters_do_not_answer():
    """A cluster without a path to the contacts adds nothing, at any frequency."""
    x = np.array([1.0, 4.0, 6.5, 9.0])
    sites = dense_sites(np.stack([x, np.full(4, 5.0)], axis=1), 10.0)
    network = join_sites(
        sites, np.array([0, 1]), np.array([3, 2]), np.array([-6.0, -5.0]), contacts=([0], [3])
    )
    assert network.isolated[1]
    assert network.isolated[2]
    found = hn.admittance(network, [0.0, 1e-3, 1.0])
    np.testing.assert_allclose(found, np.exp(-6.0), rtol=1e-12)


def test_floating_terminals_at_thirty_decades():
    """The potential of a terminal that hangs on links of 1e-30 beside links of 1."""
    x = np.arange(5.0) + 1.0
    sites = dense_sites(np.stack([x, np.full(5, 2.0)], axis=1), 10.0)
    log_g = np.array([0.0, -69.0, -70.0, 0.0])
    chain = np.arange(4)
    network = join_sites(sites, chain, chain + 1, log_g, contacts=([0], [4]))
    terminals = hn.solve_terminals(network, [0, 1, 2, 3, 4])
    potential = terminals.potentials({0: 1.0, 4: 0.0})
    middle = 1.0 / (1.0 + np.exp(log_g[1] - log_g[2]))
    np.testing.assert_allclose(potential, [1.0, 1.0, 1.0 - middle, 0.0, 0.0], atol=1e-13)
    # Between the terminals 3 and 4 falls e^-69 of the voltage, to all digits.
    drop = terminals.resistance((0, 4), (3, 4)) / terminals.resistance((0, 4), (0, 4))
    series = np.exp(-log_g).sum()
    assert drop == pytest.approx(1.0 / series, rel=1e-12)
