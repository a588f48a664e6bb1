"""Curves from few factors, and the rational model, against exact solves. [hopping S43]"""

import numpy as np
import pytest
from scipy.linalg import expm

import hopnet as hn
from hopnet.elimination.reduced import interpolate, rational_model
from hopnet.elimination.symbolic import analyse
from hopnet.elimination.symmetric import factor
from samples import random_network


def relaxations(weight, rate, calls):
    def evaluate(z):
        calls.append(z)
        return (weight * z / (rate + z)).sum(), (weight * rate / (rate + z) ** 2).sum()

    return evaluate


@pytest.mark.parametrize("signs", ["positive", "mixed", "negative"])
def test_sums_of_relaxations(signs):
    """Any sum over a wide spectrum, also through zero: within the tolerance and within its error.

    Random sums of 400 relaxations are rougher than the curves of a network.
    """
    rng = np.random.default_rng(12)
    rate = 10.0 ** rng.uniform(-12, 2, 400)
    weight = rng.uniform(0, 1, 400) / 200
    if signs == "negative":
        weight = -weight
    elif signs == "mixed":
        weight *= np.where(rate < 1e-4, 1, -2)
    z = np.logspace(-12, 2, 57)
    calls = []
    evaluate = relaxations(weight, rate, calls)
    curve = interpolate(evaluate, z, relative=1e-2, absolute=1e-6)
    exact = np.array([(weight * v / (rate + v)).sum() for v in z])
    if signs == "mixed":
        assert exact.min() < 0 < exact.max()
    assert len(calls) == len(curve.node) < 34
    error = np.abs(curve.value - exact)
    assert np.all(error <= 1e-2 * np.abs(exact) + 1e-6)
    assert np.all(error <= curve.error + 1e-12)


def test_one_point_needs_one_node():
    evaluate = relaxations(np.ones(1), np.ones(1), [])
    curve = interpolate(evaluate, [2.0, 2.0], relative=1e-2, absolute=1e-6)
    assert curve.value == pytest.approx(2 / 3)
    assert curve.node == pytest.approx([2.0])


def test_where_nodes_do_not_suffice_the_function_is_evaluated_itself():
    """A step too sharp for five nodes: exact values instead of a ConvergenceError."""
    weight, rate = np.array([1.0, -1.0]), np.array([1e-3, 1.001e-3])
    z = np.logspace(-12, 2, 9)
    curve = interpolate(
        relaxations(weight, rate, []), z, relative=1e-9, absolute=1e-12, max_nodes=5
    )
    exact = np.array([(weight * v / (rate + v)).sum() for v in z])
    assert np.all(np.abs(curve.value - exact) <= curve.error + 1e-17)
    assert np.all(curve.error <= 1e-9 * np.abs(exact) + 1e-12)
    assert 5 < curve.node.size <= 7 + 9


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"z": [1.0, -1.0]}, "z must hold finite numbers above 0"),
        ({"z": "many"}, "z must hold real numbers"),
        ({"relative": None}, "relative"),
        ({"absolute": 0.0}, "absolute"),
        ({"max_nodes": 2.5}, "max_nodes"),
    ],
)
def test_bad_arguments_of_interpolate(change, message):
    arguments = {"z": [1.0, 2.0], "relative": 1e-2, "absolute": 1e-6, "max_nodes": 9} | change
    with pytest.raises(hn.ParameterError, match=message):
        interpolate(relaxations(np.ones(1), np.ones(1), []), arguments.pop("z"), **arguments)


SAMPLES = [
    (4000, 0.1, 3, "open"),
    (4000, 0.01, 4, "open"),
    (4000, 0.002, 5, "open"),
    (4000, 0.05, 6, "cylinder"),
    (4000, 0.01, 7, "cylinder"),
]


@pytest.mark.parametrize("sample", SAMPLES)
def test_curves_of_samples_against_exact_factors(sample):
    """33 tau_s on five samples: three densities and more, both geometries."""
    network = random_network(*sample)
    current = hn.solve_current(network)
    tau_s = np.logspace(-2, 12, 33)
    few = hn.f_curve(network, tau_s, current=current)
    exact = hn.f_curve(network, tau_s, current=current, tolerance=0)
    error = np.abs(few.f - exact.f)
    assert np.all(error <= 1e-2 * np.abs(exact.f) + 1e-6 * abs(exact.f_drift))
    assert np.all(error <= few.numerical_error + 1e-12)
    assert error.max() > 1e-9, "this was not interpolated"
    np.testing.assert_allclose(few.f, few.f_drift + few.f_diffusion, atol=1e-14)
    assert np.all(exact.numerical_error < 1e-10 * exact.f_drift)


def test_zero_and_infinite_tau_s_among_others():
    network = random_network(4000, 0.01, 4, "open")
    tau_s = np.concatenate([[np.inf], np.logspace(0, 8, 11), [0.0]])
    curve = hn.f_curve(network, tau_s)
    assert curve.f[0] == 0
    assert curve.f[-1] == curve.f_drift
    assert np.all(np.diff(curve.f[1:-1]) < 0)


@pytest.fixture(scope="module")
def model():
    network = random_network(3000, 0.02, 8, "open")
    generation = hn.spin_generation(network, hn.solve_current(network))
    y = network.sites.position[:, 1]
    symbolic = analyse(network.dissection, network.link_i, network.link_j)
    g = network.conductance
    poles = np.logspace(-8, 1, 19)
    sides = generation.gamma, y - y.mean()
    reduced = rational_model(symbolic, network.link_i, network.link_j, g, *sides, poles)
    return network, symbolic, g, sides, reduced


def test_rational_model_at_twenty_complex_z(model):
    """The stated error holds, against exact complex factors."""
    _, symbolic, g, (b, c), reduced = model
    rng = np.random.default_rng(20)
    z = 10.0 ** rng.uniform(-8, 1, 20) * np.exp(1j * rng.uniform(-0.5, 0.5, 20) * np.pi)
    exact = np.array([c @ factor(symbolic, g, v).solve(b) for v in z])
    error = np.abs(reduced(z) - exact)
    assert np.all(error <= reduced.error(z) + 1e-12 * np.abs(exact))
    assert np.all(error <= 0.02 * np.abs(exact))
    at_poles = np.array([c @ factor(symbolic, g, v).solve(b) for v in reduced.pole[::6]])
    np.testing.assert_allclose(reduced(reduced.pole[::6]), at_poles, rtol=1e-7)


def test_rational_model_in_time():
    """A kick relaxes as exp(-Lap t), which a dense exponential gives."""
    network = random_network(200, 0.05, 50, "open")
    n, g = network.n_sites, network.conductance
    laplacian = np.zeros((n, n))
    np.add.at(laplacian, (network.link_i, network.link_j), -g)
    laplacian += laplacian.T
    laplacian -= np.diag(laplacian.sum(axis=1))
    rng = np.random.default_rng(3)
    b, c = rng.normal(size=(2, n))
    symbolic = analyse(network.dissection, network.link_i, network.link_j)
    reduced = rational_model(
        symbolic, network.link_i, network.link_j, g, b, c, np.logspace(-6, 2, 25)
    )
    for t in (0.1, 1.0, 30.0, 1e3):
        exact = c @ expm(-t * laplacian) @ b
        assert reduced.decay(t) == pytest.approx(exact, abs=2e-2 * np.abs(c) @ np.abs(b) / n)


def test_occupation_enters_the_excess(model):
    network, symbolic, g, (b, c), _ = model
    occupation = np.random.default_rng(4).uniform(0.2, 3, network.n_sites)
    reduced = rational_model(
        symbolic,
        network.link_i,
        network.link_j,
        g,
        b,
        c,
        np.logspace(-3, 1, 9),
        occupation=occupation,
    )
    exact = c @ factor(symbolic, g, 0.05 * occupation).solve(b)
    assert reduced(0.05) == pytest.approx(exact, rel=1e-3)


@pytest.mark.parametrize("poles", [[1.0], [0.0, 1.0], [-1.0, 1.0], [1.0, np.nan], [3.0]])
def test_bad_poles(model, poles):
    network, symbolic, g, sides, _ = model
    with pytest.raises(hn.ParameterError, match="poles"):
        rational_model(symbolic, network.link_i, network.link_j, g, *sides, poles)


@pytest.mark.parametrize("tolerance", [-1.0, np.nan, np.inf])
def test_bad_tolerance(tolerance):
    with pytest.raises(hn.ParameterError, match="tolerance"):
        hn.f_curve(random_network(60, 0.1, 99), 1.0, tolerance=tolerance)
