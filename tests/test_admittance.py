"""Admittance [admittance 1]: digits, limits, the sum rule, the model against exact factors."""

import numpy as np
import pytest

import hopnet as hn
from hopnet.transport.admittance import admittance, admittance_model
from hopnet.transport.thermopower import linear_profile
from samples import dense_sites, random_network
from test_response import reference

# The reference network of 12 sites at omega = 1e-3, 1e-2, 1 and at the real rate 1e-2; G(inf);
# sum over inner sites of (Lap u)_i^2 / c_i: 50-digit arithmetic.
DIGITS = {
    "S": (
        [
            0.004763159190871 + 0.0001459609156048j,
            0.005327746920695 + 0.0006432229879418j,
            0.00627748220119 + 2.467553030929e-5j,
        ],
        0.005407939072382,
        0.006278041734282,
        2.469257945853e-5,
    ),
    "F": (
        [
            0.0003344112677009 + 1.375445943925e-5j,
            0.0003830093011084 + 2.404019343525e-5j,
            0.0004009689370458 + 8.051444210036e-7j,
        ],
        None,
        0.0004010124167185,
        8.087282811288e-7,
    ),
}


@pytest.mark.parametrize("case", DIGITS)
def test_digits(case):
    network = reference(case).network
    spectrum, at_real, high, weight = DIGITS[case]
    np.testing.assert_allclose(admittance(network, [1e-3, 1e-2, 1.0]), spectrum, rtol=1e-9)
    if at_real is not None:
        found = admittance(network, 1e-2, real=True)
        np.testing.assert_allclose(found, at_real, rtol=1e-12)
    model = admittance_model(network, 1e-4, 1.0)
    assert model.high == pytest.approx(high, rel=1e-12)
    # G(inf) - G(s) = sum a_k / (r_k + s): the sum of the weights holds the capacities.
    far = 1e6
    rest = (model.high - admittance(network, far, real=True)[0]) * far
    assert rest == pytest.approx(weight, rel=1e-4)


def test_digits_of_two_thousand_sites():
    network = random_network(2000, 0.02, 1)
    G = hn.solve_current(network).conductance
    assert pytest.approx(4.884194822301e-8, rel=1e-12) == G
    found = admittance(network, G)[0] / G
    assert found == pytest.approx(4.32509401189 + 2.69635840589j, rel=1e-8)
    assert admittance(network, G, real=True)[0] / G == pytest.approx(5.30900708824, rel=1e-10)


@pytest.mark.parametrize("density", [0.02, 0.001])
def test_from_the_static_to_the_infinite_frequency(density):
    network = random_network(1000, density, 8)
    G = hn.solve_current(network).conductance
    rates = np.concatenate([[0.0], G * np.logspace(-6, 12, 7)])
    real = admittance(network, rates, real=True) / G
    assert real[0] == pytest.approx(1.0, rel=1e-12)
    assert real[1] == pytest.approx(1.0, rel=1e-3)  # no digit is lost at slow rates
    assert np.all(np.diff(real) >= -1e-12 * real[1:])
    spectrum = admittance(network, rates) / G
    assert np.all(np.diff(spectrum.real) >= -1e-9 * spectrum.real[1:])
    assert np.all(spectrum.imag >= 0)


def test_a_pair_beside_the_current():
    """Two sites in the field add K du^2 s / (s + K (1/c_1 + 1/c_2))."""
    x = np.array([1.0, 4.0, 6.5, 9.0])
    sites = dense_sites(np.stack([x, np.full(4, 5.0)], axis=1), 10.0)
    network = hn.build_network(sites, cutoff_radius=20.0, contacts=([0], [3]))
    alone = hn.network.network.join_sites(
        sites,
        np.array([0, 1]),
        np.array([3, 2]),
        np.array([-16.0, -5.0]),
        contacts=([0], [3]),
    )
    u = linear_profile(network)
    K = np.exp(-5.0)
    s = np.array([1e-4, 1e-2, 1.0])
    expected = np.exp(-16.0) + K * (u[1] - u[2]) ** 2 * s / (s + 2 * K)
    reached = hn.network.network.join_sites(
        sites,
        np.array([0, 0, 1]),
        np.array([1, 3, 2]),
        np.array([-60.0, -16.0, -5.0]),
        contacts=([0], [3]),
    )
    assert alone.isolated[1]
    np.testing.assert_allclose(admittance(reached, s, real=True), expected, rtol=1e-9)


def test_the_model_keeps_its_error():
    network = random_network(3000, 0.01, 5, "cylinder")
    G = hn.solve_current(network).conductance
    model = admittance_model(network, 1e-2 * G, 1e6 * G, tolerance=1e-2)
    omega = G * np.logspace(-1.9, 5.9, 9)
    exact = admittance(network, omega)
    found = model(1j * omega)
    assert np.all(np.abs(found - exact) <= model.numerical_error(1j * omega) + 1e-9 * np.abs(exact))
    assert np.abs(found / exact - 1).max() < 1e-2
    assert model.model.pole.size <= 20  # real factors; a complex one costs two to four of them


# sites, density, geometry, options of the energies, slowest and fastest rate over G, tolerance
SPECTRA = [
    (300, 0.1, "open", {}, 1e-3, 1e5, 1e-2),
    (300, 0.1, "cylinder", {"kT": 0.2}, 1.0, 1e6, 1e-4),
    (500, 0.03, "open", {"kT": 0.05, "chemical_potential": 0.0}, 0.1, 1e6, 1e-3),
    (500, 0.03, "cylinder", {}, 1e-2, 1e2, 1e-1),
    (700, 0.01, "open", {}, 1.0, 1e6, 1e-2),
    (700, 0.01, "cylinder", {"kT": 0.2}, 10.0, 1e4, 1e-3),
    (500, 0.003, "open", {}, 1.0, 1e6, 1e-2),
    (500, 0.001, "cylinder", {}, 1e-2, 1e8, 1e-2),
    (500, 0.001, "open", {"kT": 0.05, "chemical_potential": 0.0}, 1.0, 1e4, 1e-3),
]


@pytest.mark.parametrize("spectrum", SPECTRA)
def test_the_stated_error_covers_that_of_the_model(spectrum):
    """At real and imaginary rates, over the whole range and between the poles."""
    n, density, geometry, options, slowest, fastest, tolerance = spectrum
    sites = hn.random_sites(n, density=density, seed=12, geometry=geometry)
    if options:
        sites = hn.with_energies(sites, width=1.0, seed=3)
    network = hn.build_network(sites, **options)
    G = hn.solve_current(network).conductance
    rate = G * np.geomspace(slowest, fastest, 13)
    model = admittance_model(network, rate[0], rate[-1], tolerance=tolerance)
    for unit in (1j, 1.0):
        exact = admittance(network, rate, real=unit == 1.0)
        stated = model.numerical_error(unit * rate)
        assert np.all(np.abs(model(unit * rate) - exact) <= stated + 1e-9 * np.abs(exact))
        assert np.all(stated <= 1.2 * tolerance * np.abs(exact))


def test_a_model_refuses_its_poles_and_knows_its_range():
    model = admittance_model(random_network(300, 0.02, 1), 1e-8, 1e-4)
    for rate, words in (
        (-1.0, "negative real axis"),
        (np.array([1e-6, -1e-9]), "negative real axis"),
        (np.nan, "finite"),
        (np.inf, "finite"),
        ("dc", "finite"),
    ):
        with pytest.raises(hn.ParameterError, match=words):
            model(rate)
        with pytest.raises(hn.ParameterError, match=words):
            model.numerical_error(rate)
    assert model(0.0) == pytest.approx(model.static, rel=1e-14)
    assert model.numerical_error(1e9) >= model.high - model.static
    assert model.numerical_error(1e-6) < 1e-2 * model(1e-6)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda n: admittance(n, -1.0), "at least 0"),
        (lambda n: admittance(n, np.inf), "finite numbers"),
        (lambda n: admittance(n, "dc"), "real numbers"),
        (lambda n: admittance(n, 1.0, profile=np.zeros(n.n_sites)), "1 on the whole source"),
        (lambda n: admittance_model(n, 0.0, 1.0), "above 0"),
        (lambda n: admittance_model(n, 1.0, 0.1), "at least 1"),
        (lambda n: admittance_model(n, 1.0, 2.0, tolerance=0.0), "above 0"),
    ],
)
def test_bad_input(call, words):
    with pytest.raises(hn.ParameterError, match=words):
        call(random_network(200, 0.05, 3))


def test_a_torus_has_no_contacts():
    sites = hn.random_sites(300, density=0.05, seed=3, geometry="torus")
    with pytest.raises(hn.ParameterError, match="torus"):
        admittance(hn.build_network(sites, cutoff=1.5), 1.0)
