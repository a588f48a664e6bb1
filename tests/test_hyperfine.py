"""Frozen fields of the nuclei: one site, signs, reciprocity, the walk, bad input.

[nuclei 1], [nuclei 2], [nuclei 3], [nuclei 4], [nuclei 5], [nuclei 6].
"""

import numpy as np
import pytest
from scipy.integrate import quad

import hopnet as hn
from hopnet.errors import ParameterError
from hopnet.network.network import join_sites
from hopnet.spin.hyperfine import (
    kubo_toyabe,
    memory_of_a_site,
    overhauser_fields,
    rate_of_a_site,
    turned_copy,
)
from hopnet.spin.kinetics import solve_kinetics
from hopnet.spin.monte_carlo import expected_walk, walk
from samples import COUPLING, TWELVE, dense_sites, random_network, twelve

METHODS = pytest.mark.parametrize("method", ["frames", "matrix"])
NUMBER = np.arange(12)
# The fields of the reference digits on twelve sites.
FIELD = 0.02 * np.stack([np.cos(NUMBER), np.sin(2 * NUMBER), np.cos(3 * NUMBER + 1)], axis=1)


# ---- the steady state ----


@METHODS
def test_larmor_precession_of_sites_without_hops(method):
    """S = tau (g + tau w x g + tau^2 w (w.g)) / (1 + w^2 tau^2), each site with its own field."""
    network = join_sites(
        dense_sites(TWELVE, 10.0),
        np.arange(11),
        np.arange(1, 12),
        np.full(11, -300.0),
        contacts=([0], [11]),
    )
    tau, g = 40.0, np.array([0.3, -0.2, 0.5])
    got = solve_kinetics(
        network, COUPLING, eta=0.0, tau_s=tau, generation=g, field=FIELD, method=method
    )
    w = tau * FIELD
    expected = tau * (g + np.cross(w, g) + w * (w @ g)[:, None]) / (1 + (w**2).sum(1)[:, None])
    np.testing.assert_allclose(got.spin, expected, rtol=1e-12)


DIGITS = {  # polarisation, from dense code that shares nothing with hopnet
    1.0: [3.0069383441e-10, 2.8384055632e-09, 1.1275207848e-12],
    100.0: [-7.0947908835e-08, 7.5308990218e-08, -1.7849182620e-08],
    1e4: [-1.9425203547e-07, 7.3263204520e-08, -6.9413090282e-08],
}
GALVANIC = {1.0: 1.362434670323e-07, 100.0: 3.614831530454e-08, 1e4: 3.516633816963e-10}
SAME_SIGN = {100.0: 1.940263e-08, 1e4: -7.143334e-11}


@METHODS
@pytest.mark.parametrize("tau_s", DIGITS)
def test_digits_of_twelve_sites(tau_s, method):
    options = {"eta": 0.01, "tau_s": tau_s, "method": method}
    got = solve_kinetics(twelve(0), COUPLING, field=FIELD, **options)
    np.testing.assert_allclose(got.polarisation, DIGITS[tau_s], rtol=1e-10, atol=1e-20)
    pumped = {"bias": 0.0, "generation": (0, 1 / tau_s, 0), **options}
    reversed_ = solve_kinetics(twelve(0), COUPLING, field=-FIELD, **pumped)
    assert reversed_.current == pytest.approx(GALVANIC[tau_s], rel=1e-11)
    if tau_s in SAME_SIGN:
        same = solve_kinetics(twelve(0), COUPLING, field=FIELD, **pumped)
        assert same.current == pytest.approx(SAME_SIGN[tau_s], rel=1e-6)


@pytest.mark.parametrize("geometry", ["open", "cylinder"])
@pytest.mark.parametrize("method", ["frames", "matrix"])
def test_onsager_with_all_fields_reversed(method, geometry):
    """SGE(-omega) = 4 N_e s_y(omega) / tau_s; with the same sign of omega it fails."""
    network = random_network(400, 0.1, 31, geometry)
    field = overhauser_fields(network, 3e-3, seed=7) + np.array([1e-3, 0.0, 2e-3])
    options = {"eta": 0.01, "tau_s": 300.0, "method": method}
    if method == "frames":
        options["tolerance"] = 1e-15
    spin = solve_kinetics(network, COUPLING, field=field, **options).polarisation[1]
    expected = 4 * network.n_sites * spin / 300.0
    pumped = {"bias": 0.0, "generation": (0, 1 / 300.0, 0), **options}
    reversed_ = solve_kinetics(network, COUPLING, field=-field, **pumped).current
    assert reversed_ == pytest.approx(expected, rel=1e-12)
    same = solve_kinetics(network, COUPLING, field=field, **pumped).current
    assert abs(same / expected - 1) > 0.02


def test_both_methods_agree_in_fields_of_all_strengths():
    network = random_network(300, 0.1, 32)
    strength = 10.0 ** np.linspace(-6, 1, network.n_sites)
    field = overhauser_fields(network, strength, seed=3)
    options = {"eta": 0.01, "tau_s": 1e3, "field": field}
    frames, matrix = (
        solve_kinetics(network, COUPLING, method=method, **options)
        for method in ("frames", "matrix")
    )
    np.testing.assert_allclose(frames.polarisation, matrix.polarisation, rtol=1e-8)


# ---- the walk ----


def test_sense_of_precession_in_the_walk():
    """18 numbers with spin-orbit coupling; the opposite sense of precession is 100 errors off."""
    network = random_network(150, 0.1, 33, "torus")
    field = overhauser_fields(network, 0.02, seed=5) + np.array([0.0, 0.02, 0.01])
    time, spin = np.array([20.0, 60.0, 200.0]), (0.6, 0.0, 0.8)
    options = {"spin_orbit": COUPLING, "spin": spin}
    carriers = walk(network, time, n_carriers=20_000, seed=5, field=field, **options)
    _, expected = expected_walk(network, time, field=field, **options)
    _, wrong = expected_walk(network, time, field=-field, **options)
    error = carriers.spin.std(axis=0) / np.sqrt(20_000)
    np.testing.assert_allclose(np.linalg.norm(carriers.spin, axis=2), 1.0, rtol=1e-12)
    away = np.abs(carriers.spin.mean(axis=0) - expected) / error
    assert away.max() < 4
    assert np.max(np.abs(carriers.spin.mean(axis=0) - wrong) / error) > 60


@pytest.mark.slow
def test_a_wrong_sense_is_a_hundred_errors_off():
    """The same walk with five times the carriers: only the right sense of precession fits."""
    network = random_network(150, 0.1, 33, "torus")
    field = overhauser_fields(network, 0.02, seed=5) + np.array([0.0, 0.02, 0.01])
    time, spin, n = np.array([20.0, 60.0, 200.0]), (0.6, 0.0, 0.8), 100_000
    options = {"spin_orbit": COUPLING, "spin": spin}
    carriers = walk(network, time, n_carriers=n, seed=6, field=field, **options)
    mean, error = carriers.spin.mean(axis=0), carriers.spin.std(axis=0) / np.sqrt(n)
    _, expected = expected_walk(network, time, field=field, **options)
    _, wrong = expected_walk(network, time, field=-field, **options)
    assert np.max(np.abs(mean - expected) / error) < 4
    assert np.max(np.abs(mean - wrong) / error) > 100


def test_digits_of_the_walk_on_twelve_sites():
    """P_zz = 0.98267, 0.38077, 0.00077 at t = 10, 100, 1000 by Monte Carlo, within 4 errors."""
    exact = [0.9826667962, 0.3807745856, 0.0007740006]
    carriers = walk(
        twelve(0), [10.0, 100.0, 1e3], n_carriers=20_000, seed=7, field=FIELD, spin=(0, 0, 1)
    )
    along = carriers.spin[:, :, 2]
    error = along.std(axis=0) / np.sqrt(20_000)
    assert np.max(np.abs(along.mean(axis=0) - exact) / error) < 4
    assert np.all(error < 0.006)


def test_a_walk_without_a_field_is_the_same_walk():
    network = random_network(60, 0.1, 34, "torus")
    plain = walk(network, [5.0, 50.0], n_carriers=50, seed=3)
    still = walk(network, [5.0, 50.0], n_carriers=50, seed=3, field=(0.0, 0.0, 0.0))
    assert np.array_equal(plain.site, still.site)
    assert np.array_equal(plain.spin, still.spin)


# ---- the fields ----


def test_statistics_of_the_fields():
    network = random_network(3000, 0.1, 35)
    field = overhauser_fields(network, 2.0, seed=11)
    assert field.shape == (3000, 3)
    np.testing.assert_allclose(field.mean(axis=0), 0.0, atol=1e-14)
    np.testing.assert_allclose(field.std(axis=0), 2.0, rtol=0.04)
    assert np.abs(np.corrcoef(field.T) - np.eye(3)).max() < 0.07
    assert np.array_equal(field, overhauser_fields(network, 2.0, seed=11))
    assert not np.array_equal(field, overhauser_fields(network, 2.0, seed=12))
    with_mean = overhauser_fields(network, 2.0, seed=11, remove_mean=False)
    np.testing.assert_allclose(with_mean - field, np.tile(with_mean.mean(0), (3000, 1)), atol=1e-14)


def test_strength_by_sites_and_by_components():
    network = random_network(500, 0.1, 36)
    strength = np.where(np.arange(500) % 2, 1.0, 0.0)
    field = overhauser_fields(network, strength, seed=1)
    assert not np.any(field[::2])
    np.testing.assert_allclose(field.sum(axis=0), 0.0, atol=1e-12)
    ising = overhauser_fields(network, (0.0, 0.0, 2.0), seed=1)
    assert not np.any(ising[:, :2])
    assert np.array_equal(ising[:, 2], overhauser_fields(network, 2.0, seed=1)[:, 2])


def test_turned_copy():
    assert np.array_equal(turned_copy([[1.0, 2.0, 3.0]]), [[-1.0, -2.0, 3.0]])


@pytest.mark.parametrize(
    ("strength", "words"),
    [
        (-1.0, "strength must hold finite numbers"),
        (np.nan, "strength must hold finite numbers"),
        (np.ones(7), "one for each of the 40 sites, got 7 numbers"),
        ("strong", "strength must hold real numbers"),
        (np.ones((40, 3)), "strength must be an array of shape"),
    ],
)
def test_bad_strengths(strength, words):
    with pytest.raises(ParameterError, match=words):
        overhauser_fields(random_network(40, 0.1, 37), strength, seed=1)


def test_fields_of_another_network_are_refused():
    field = overhauser_fields(random_network(40, 0.1, 37), 1.0, seed=1)
    with pytest.raises(ParameterError, match="each of the 12 sites of this network"):
        solve_kinetics(twelve(0), COUPLING, eta=0.1, tau_s=10.0, field=field)
    with pytest.raises(ParameterError, match="each of the 12 sites of this network"):
        walk(twelve(0), [1.0], n_carriers=1, seed=1, field=field)
    with pytest.raises(ParameterError, match="make it with hopnet"):
        overhauser_fields("network", 1.0, seed=1)


# ---- one site ----


def test_frozen_spin_of_one_site_by_the_mean_over_fields():
    """Kubo-Toyabe against a Monte Carlo mean over fields, with and without an external one."""
    rng = np.random.default_rng(3)
    for external in (0.0, 1.5):
        w = rng.standard_normal((400_000, 3)) + np.array([0.0, 0.0, external])
        size = np.linalg.norm(w, axis=1)
        share = (w[:, 2] / size) ** 2
        for t in (0.5, 1.7, 6.0):
            mean = share + (1 - share) * np.cos(size * t)
            error = mean.std() / np.sqrt(mean.size)
            assert abs(kubo_toyabe(t, 1.0, external)[0] - mean.mean()) < 4 * error


def test_curve_of_merkulov_efros_and_rosen():
    """It starts at 1 as 1 - sigma^2 t^2, has its minimum at sigma t = sqrt 3, and ends at 1/3."""
    assert kubo_toyabe(0.0, 1.0)[0] == 1.0
    assert (1 - kubo_toyabe(1e-3, 1.0)[0]) / 1e-6 == pytest.approx(1.0, rel=1e-5)
    t = np.linspace(1.0, 3.0, 2001)
    assert t[np.argmin(kubo_toyabe(t, 1.0))] == pytest.approx(np.sqrt(3.0), abs=1e-3)
    assert kubo_toyabe(30.0, 1.0)[0] == pytest.approx(1 / 3, abs=1e-15)
    # The strength only sets the unit of time.
    np.testing.assert_allclose(kubo_toyabe(t / 5, 5.0, 10.0), kubo_toyabe(t, 1.0, 2.0), rtol=1e-12)


@pytest.mark.parametrize("field", [0.0, 2.0])
@pytest.mark.parametrize("rate", [0.01, 0.3, 1.0, 5.0])
def test_transform_of_the_curve(rate, field):
    """phi(a) against quadrature of P(t) exp(-a t)."""

    def term(t):
        return np.exp(-rate * t) * kubo_toyabe(t, 1.0, field)[0]

    pieces = [quad(term, low, low + 4, limit=200, epsabs=1e-13)[0] for low in range(0, 40, 4)]
    rest = np.exp(-rate * 40) / rate * kubo_toyabe(50.0, 1.0, field)[0]
    assert memory_of_a_site(rate, 1.0, field)[0] == pytest.approx(sum(pieces) + rest, rel=1e-10)


def test_rate_of_a_site():
    """Digits, both limits 2 sigma^2 / a and 2a, the maximum, and no sigma."""
    got = rate_of_a_site([5.0, 1.0, 0.3, 0.01], 1.0)
    np.testing.assert_allclose(got, [0.361, 0.777, 0.499, 0.020], atol=5.1e-4)
    assert rate_of_a_site(1e5, 1.0)[0] == pytest.approx(2e-5, rel=1e-8)
    assert rate_of_a_site(1e-7, 1.0)[0] == pytest.approx(2e-7, rel=1e-6)
    a = np.linspace(0.9, 1.05, 1501)
    gamma = rate_of_a_site(a, 1.0)
    assert gamma.max() == pytest.approx(0.7769, abs=1e-4)
    assert a[np.argmax(gamma)] == pytest.approx(0.967, abs=2e-3)
    a = np.array([0.01, 0.5, 20.0, 40.0])
    np.testing.assert_allclose(rate_of_a_site(a, 2.0), 1 / memory_of_a_site(a, 2.0) - a, rtol=1e-8)
    assert np.array_equal(rate_of_a_site(a, 0.0), np.zeros(4))
    assert np.array_equal(memory_of_a_site(a, 0.0, 1.0), 1 / a)


def test_bad_input_of_the_oracles():
    with pytest.raises(ParameterError, match="field must not turn a spin more than"):
        kubo_toyabe(100.0, 1.0, 100.0)
    with pytest.raises(ParameterError, match="rate must hold finite numbers"):
        memory_of_a_site(0.0, 1.0)
    with pytest.raises(ParameterError, match="strength must be a finite number"):
        rate_of_a_site(1.0, np.nan)


# ---- the mean over two copies ----


def test_mean_of_two_copies_has_no_leakage():
    """Order by order: leakage falls as d^2, the mean as d^3; two copies exchange their leakage."""
    network = random_network(400, 0.1, 38, "cylinder")
    field = overhauser_fields(network, 1e-3, seed=3)
    found = [
        hn.nuclear_average(network, scale * COUPLING, eta=0.01, tau_s=1e4, field=field)
        for scale in (0.01, 0.02)
    ]
    assert found[1].leakage[1] / found[0].leakage[1] == pytest.approx(4, rel=1e-2)
    assert found[1].polarisation[1] / found[0].polarisation[1] == pytest.approx(8, rel=1e-2)
    assert found[1].tau_f / found[0].tau_f == pytest.approx(1, rel=1e-2)
    assert np.ptp(found[0].tau_f_of_copies) > 2 * abs(found[0].tau_f)
    turned = hn.nuclear_average(
        network, 0.01 * COUPLING, eta=0.01, tau_s=1e4, field=turned_copy(field)
    )
    assert turned.leakage[1] == pytest.approx(-found[0].leakage[1], rel=1e-6)


def test_without_fields_tau_f_is_tau_s_times_f():
    network = random_network(400, 0.1, 38, "cylinder")
    mean = hn.nuclear_average(
        network, 0.01 * COUPLING, eta=0.01, tau_s=1e3, field=np.zeros((400, 3))
    )
    assert mean.tau_f == pytest.approx(1e3 * hn.f_curve(network, tau_s=1e3).f[0], rel=1e-2)
    assert not np.any(mean.leakage)


def test_bad_input_of_the_average():
    network = random_network(40, 0.1, 37)
    options = {"eta": 0.01, "tau_s": 10.0}
    with pytest.raises(ParameterError, match="each of the 40 sites, got one vector"):
        hn.nuclear_average(network, COUPLING, field=(0, 0, 1), **options)
    with pytest.raises(ParameterError, match="external must be an array of shape"):
        hn.nuclear_average(network, COUPLING, field=np.ones((40, 3)), external=1.0, **options)


def test_strength_from_a_field_in_tesla():
    """GaAs, g = -0.44: 1 mT turns a spin at 3.87e7 rad/s, backwards; above kT it warns."""
    material = hn.Material(
        a_b=10e-9,
        J_0=1.6e-21,
        tau_0=10e-12,
        tau_s=100e-9,
        m=9.1e-32,
        n=1e14,
        n_s=2e15,
        beta=1e-31 * np.array([[0, 1], [1, 0]]),
        T=0.5,
    )
    assert material.precession(1e-3, -0.44) == pytest.approx(-3.870e-4, rel=1e-3)
    with pytest.warns(hn.ValidityWarning, match="Zeeman energy is 1"):
        material.precession(10.0, 0.8)
    with pytest.raises(ParameterError, match="field must be"):
        material.precession(np.nan, 1.0)
