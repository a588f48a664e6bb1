"""Spin memory in frozen fields: complex rates, P(t), noise, recovery; exact small cases.

[nuclei 7], [nuclei 8], [nuclei 9], [nuclei 10], [nuclei 16].
"""

import numpy as np
import pytest
from scipy.linalg import expm
from scipy.sparse import eye_array
from scipy.sparse.linalg import splu

import hopnet as hn
from hopnet.errors import ConvergenceError, ParameterError, ValidityWarning
from hopnet.network.network import join_sites
from hopnet.spin.hyperfine import kubo_toyabe, memory_of_a_site, overhauser_fields
from hopnet.spin.kinetics.matrix import cross_matrices, hopping_block
from hopnet.spin.kinetics.resolvent import Resolvent, spin_model
from hopnet.spin.memory import spin_relaxation
from hopnet.spin.memory_file import tail_law
from hopnet.spin.noise import orientation_curve, spin_memory_time, spin_noise
from samples import COUPLING, dense_sites, random_network, twelve

NUMBER = np.arange(12)
FIELD = 0.02 * np.stack([np.cos(NUMBER), np.sin(2 * NUMBER), np.cos(3 * NUMBER + 1)], axis=1)
Z = np.array([0.0, 0.0, 1.0])


def generator(network, field, spin_orbit=None):
    """A of all spins over sqrt(n_i n_j), dense, and sqrt(n_i) per component."""
    form = np.zeros((2, 2)) if spin_orbit is None else np.asarray(spin_orbit)
    block, n = hopping_block(network, form, "rotation").toarray(), network.occupation
    field = np.broadcast_to(field, (n.size, 3))
    for i, turn in enumerate(cross_matrices(field)):
        block[3 * i : 3 * i + 3, 3 * i : 3 * i + 3] -= n[i] * turn
    root = np.repeat(np.sqrt(n), 3)
    return block / root[:, None] / root, root


def dense_memory(network, field, time, order, axis=Z, spin_orbit=None):
    """P_k(t) from all eigenvalues."""
    matrix, root = generator(network, field, spin_orbit)
    rate, mode = np.linalg.eig(matrix)
    start = root * np.tile(axis, network.n_sites)
    weight = (start @ mode) * np.linalg.solve(mode, start.astype(complex)) / (start @ start)
    return ((1 + np.multiply.outer(time / order, rate)) ** -(order + 1.0) @ weight).real


# ---- one system at complex rates ----

TRANSFORM = {  # g(z), without and with spin-orbit coupling, from independent dense code
    (False, 1.0): 9.9962792490e-01,
    (False, 1e-2): 5.6284677863e01,
    (False, 1e-4): 1.2032605500e02,
    (False, 1e-2 + 0.02j): 2.8416999807e01 - 2.8014293314e01j,
    (True, 1.0): 9.9860625430e-01,
    (True, 1e-2): 5.2657410756e01,
    (True, 1e-4): 1.0287168927e02,
    (True, 1e-2 + 0.02j): 2.8752514718e01 - 2.6445825703e01j,
}


@pytest.mark.parametrize(("turned", "z"), TRANSFORM)
def test_digits_of_the_transform(turned, z):
    model = spin_model(twelve(0), FIELD, COUPLING if turned else None)
    resolvent = Resolvent(model, z, 1e-13)
    for solve in (resolvent.solve, resolvent.solve_transposed):
        got = model.overlap(Z, solve(model.source(Z)))
        assert got == pytest.approx(TRANSFORM[turned, z], rel=1e-9)


def test_spin_of_a_pumped_sample():
    model = spin_model(twelve(0), FIELD)
    local = Resolvent(model, 0.01, 1e-13).solve(model.source(Z)) / 100
    spin = model.frames.to_laboratory(local).mean(axis=0)
    np.testing.assert_allclose(spin, [-0.0080207688, 0.0116979852, 0.5628467786], rtol=1e-8)


@pytest.mark.parametrize("z", [1e-4, 0.01, 0.1 + 0.02j, 1e-4 + 0.01j, 1e-5 + 0.03j])
@pytest.mark.parametrize("disorder", [False, True])
def test_solutions_against_dense_matrices(z, disorder):
    """Real and complex z, both transposes, with rotations and energies; few iterations."""
    network = random_network(90, 0.05, 41, "cylinder")
    if disorder:
        sites = hn.with_energies(network.sites, width=2.0, seed=2)
        network = hn.build_network(sites, kT=1.0, cutoff=1.5)
    field = overhauser_fields(network, 0.01, seed=4)
    matrix, root = generator(network, field, COUPLING)
    model = spin_model(network, field, COUPLING)
    resolvent = Resolvent(model, z, 1e-12)
    rhs = np.random.default_rng(1).standard_normal((network.n_sites, 3))
    scale = network.occupation.mean() / model.occupation.mean()
    for transposed in (False, True):
        solve = resolvent.solve_transposed if transposed else resolvent.solve
        got = model.frames.to_laboratory(solve(model.frames.to_local(rhs)).real)
        left = (matrix.T if transposed else matrix) + z * np.eye(root.size)
        expected = np.linalg.solve(left, rhs.ravel() / root) / root * scale
        expected = expected.real.reshape(-1, 3)
        assert np.abs(got - expected).max() < 1e-8 * np.abs(expected).max()
    assert resolvent.iterations <= 60


def test_fields_reversed_are_the_transpose():
    network = random_network(200, 0.05, 42)
    field = overhauser_fields(network, 0.01, seed=4) + np.array([0.0, 0.01, 0.0])
    g = [
        hn.spin_noise(network, [0.01], field=sign * field, resolution=1e-3).power[0]
        for sign in (1, -1)
    ]
    assert g[0] == pytest.approx(g[1], rel=1e-9)


# ---- exact small cases ----


def two_pairs():
    """Two separate pairs of sites with K = 1 in each."""
    position = [[0.0, 0.0], [1.0, 0.0], [8.0, 0.0], [9.0, 0.0]]
    return join_sites(dense_sites(position, 10.0), [0, 2], [1, 3], [0.0, 0.0], contacts=([0], [3]))


@pytest.mark.parametrize("ratio", [0.3, 3.0])
def test_two_sites_are_a_telegraph(ratio):
    """Fields +-u z, rate k: P = e^{-kt} (ch qt + (k/q) sh qt), q^2 = k^2 - u^2, transformed."""
    k, u = 1.0, ratio
    field = np.array([[0.0, 0.0, u], [0.0, 0.0, -u]] * 2)
    for z in (0.01, 0.7, 0.2 + 1.5j):
        model = spin_model(two_pairs(), field)
        x = np.array([1.0, 0.0, 0.0])
        got = model.overlap(x, Resolvent(model, z, 1e-14).solve(model.source(x)))
        q = np.sqrt(complex(k**2 - u**2))
        terms = [(1 + s * k / q) / (2 * (z + k - s * q)) for s in (1, -1)]
        assert got == pytest.approx(sum(terms), rel=1e-12)


def test_one_frozen_site_is_the_curve_of_merkulov_efros_and_rosen():
    """2000 sites without hops: the mean over a log window of Kubo-Toyabe, within 3 errors."""
    n, sigma, order = 2000, 0.01, 16
    sites = hn.random_sites(n, density=0.01, seed=1, geometry="cylinder")
    network = hn.build_network(sites, cutoff=1.5)
    rate = np.full(network.n_links, -200.0)
    chain = join_sites(sites, network.link_i, network.link_j, rate, contacts=([0], [n - 1]))
    field = overhauser_fields(chain, sigma, seed=6, remove_mean=False)
    time = np.array([20.0, 100.0, 170.0, 300.0, 1e3, 1e5])
    got = spin_relaxation(chain, time, field=field, order=order)
    u = np.random.default_rng(2).gamma(order + 1, 1 / order, 200_000)
    expected = np.array([kubo_toyabe(t * u, sigma).mean() for t in time])
    assert np.abs(got.remaining - expected).max() < 3 * 0.5 / np.sqrt(n) + 3e-3
    assert got.remaining[-1] == pytest.approx(1 / 3, abs=0.02)


@pytest.mark.parametrize(("w", "sigma"), [(0.3, 1.0), (3.0, 1.0)])
def test_strong_collisions_are_the_dynamic_limit(w, sigma):
    """Hops from every site to all others: g = phi(z + w) / (1 - w phi(z + w)), error 1/sqrt(N)."""
    n = 300
    i, j = np.triu_indices(n, 1)
    position = np.random.default_rng(1).uniform(0, 100, (n, 2))
    rate = np.full(i.size, np.log(w / n))
    network = join_sites(dense_sites(position, 100.0), i, j, rate, contacts=([0], [n - 1]))
    z = 0.05
    got = np.mean(
        [
            spin_memory_time(
                network, 1 / z, field=overhauser_fields(network, sigma, seed=s), direction=axis
            )
            for s in (1, 2)
            for axis in np.eye(3)
        ]
    )
    phi = memory_of_a_site(z + w, sigma)[0]
    assert got == pytest.approx(phi / (1 - w * phi), rel=0.03)


def test_motional_narrowing_counts_returns():
    """1/g - z = 2 sigma^2 tau_c with tau_c = sum n_i^2 G_ii / N_e, the time at a site with returns.

    The second order in the fields holds for every configuration; its mean is the sum of G_ii.
    """
    network = random_network(400, 0.1, 43, "cylinder")
    z, sigma = 1e-3, 1e-6
    lap = hopping_block(network, np.zeros((2, 2)), "rotation")[::3, ::3].toarray()
    green = np.linalg.inv(lap + z * np.eye(400))
    field = overhauser_fields(network, sigma, seed=8, remove_mean=False)
    got = 1 / spin_memory_time(network, 1 / z, field=field) - z
    exact = sum(w @ green @ w for w in (field[:, 0], field[:, 1])) / 400
    assert got == pytest.approx(exact, rel=1e-4)
    narrowed = 2 * sigma**2 * np.trace(green) / 400
    many = sigma * np.random.default_rng(9).standard_normal((4000, 2, 400))
    mean = np.einsum("sai,ij,saj->", many, green, many) / 400 / 4000
    assert mean == pytest.approx(narrowed, rel=0.01)
    dwell = 2 * sigma**2 / np.diag(lap).mean()
    assert got == pytest.approx(narrowed, rel=0.3)
    assert narrowed > 3 * dwell


def test_isotropy_by_turned_fields():
    """Fields turned by the four half-turns and averaged: g is diagonal, without leakage."""
    network = random_network(150, 0.05, 44, "cylinder")
    field = overhauser_fields(network, 0.01, seed=3)
    total = np.zeros((3, 3))
    for turn in ([1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]):
        model = spin_model(network, field * turn)
        resolvent = Resolvent(model, 1e-3, 1e-13)
        total += [
            [model.overlap(b, resolvent.solve(model.source(a))).real for b in np.eye(3)]
            for a in np.eye(3)
        ]
    assert np.abs(total - np.diag(np.diag(total))).max() < 1e-9 * total[2, 2]


# ---- P(t) ----

LAW = {  # P_zz of twelve sites by expm, without and with spin-orbit coupling
    False: {10.0: 0.9826667962, 100.0: 0.3807745856, 1e3: 0.0007740006},
    True: {10.0: 0.9729896977, 100.0: 0.3258982278, 1e3: 0.0003966237},
}


@pytest.mark.parametrize("turned", LAW)
def test_digits_of_the_memory(turned):
    """The dense reference itself, and the mean of order 16 by model and by Euler steps."""
    form = COUPLING if turned else None
    matrix, root = generator(twelve(0), FIELD, form)
    start = root * np.tile(Z, 12)
    for t, expected in LAW[turned].items():
        got = start @ expm(-t * matrix) @ start / 12
        assert got == pytest.approx(expected, abs=2e-10)
    for method in ("model", "exact"):
        found = spin_relaxation(
            twelve(0), [0.0, 100.0], field=FIELD, spin_orbit=form, method=method
        )
        assert found.remaining[0] == 1.0
        if not turned:
            assert found.remaining[1] == pytest.approx(0.3781997844, abs=1e-7)


CASES = {
    "n_s 0.03": (0.03, 0.01, (0, 0, 0), Z, None),
    "n_s 0.01": (0.01, 0.001, (0, 0, 0), Z, None),
    "along": (0.03, 0.01, (0, 0, 0.03), Z, None),
    "across": (0.03, 0.01, (0, 0, 0.03), np.array([1.0, 0.0, 0.0]), None),
    "spin-orbit": (0.1, 0.001, (0, 0, 0), Z, [[0, 0.1], [-0.05, 0]]),
}


@pytest.mark.parametrize("case", CASES)
def test_memory_against_all_eigenvalues(case):
    """Ten decades; the error is below 5e-5 and below the stated one."""
    density, sigma, external, axis, form = CASES[case]
    network = random_network(100, density, 45, "cylinder")
    field = overhauser_fields(network, sigma, seed=2) + np.array(external)
    time = np.geomspace(1.0, 1e10, 41)
    found = spin_relaxation(network, time, field=field, spin_orbit=form, direction=axis)
    exact = dense_memory(network, field, time, 16, axis, form)
    error = np.abs(found.remaining - exact)
    assert error.max() < 5e-5
    assert np.all(error <= found.numerical_error)
    assert found.numerical_error.max() <= 3e-4
    assert found.window == pytest.approx(0.2425, abs=1e-4)
    late = spin_relaxation(
        network, time[::10], field=field, spin_orbit=form, direction=axis, method="exact"
    )
    np.testing.assert_allclose(late.remaining, exact[::10], atol=1e-6)


def test_memory_on_a_torus():
    """No contacts are needed: P(t) from all eigenvalues of a torus, and its noise at 0."""
    network = random_network(100, 0.05, 53, "torus")
    field = overhauser_fields(network, 0.01, seed=2)
    time = np.geomspace(1.0, 1e8, 17)
    found = spin_relaxation(network, time, field=field, spin_orbit=COUPLING)
    exact = dense_memory(network, field, time, 16, Z, COUPLING)
    assert np.abs(found.remaining - exact).max() < 5e-5
    zero = spin_noise(network, 0.0, field=field, resolution=0.01).power[0]
    assert zero == pytest.approx(2 * spin_memory_time(network, 100.0, field=field), rel=1e-9)


def test_a_resolution_below_the_distance_of_lines_warns():
    network = random_network(60, 0.01, 48, "cylinder")
    field = overhauser_fields(network, 0.01, seed=3)
    with pytest.warns(ValidityWarning, match="the lines of the .* sites"):
        spin_noise(network, 0.01, field=field, resolution=1e-5)


@pytest.mark.slow
def test_second_order_at_ten_thousand_sites():
    """1/g - z against two scalar solutions by sparse LU, at N = 1e4."""
    n, z, sigma = 10_000, 1e-3, 1e-5
    network = random_network(n, 0.1, 43, "cylinder")
    lap = hopping_block(network, np.zeros((2, 2)), "rotation").tocsr()[::3, ::3]
    lu = splu((lap + z * eye_array(n)).tocsc())
    field = overhauser_fields(network, sigma, seed=8, remove_mean=False)
    got = 1 / spin_memory_time(network, 1 / z, field=field) - z
    exact = sum(w @ lu.solve(w) for w in (field[:, 0], field[:, 1])) / n
    assert got == pytest.approx(exact, rel=3e-4)


def test_memory_with_energies_and_site_times():
    """Deep sites: n_i differ; relaxation times of each site."""
    sites = hn.random_sites(80, density=0.1, seed=46, geometry="cylinder")
    network = hn.build_network(hn.with_energies(sites, width=4.0, seed=2), kT=1.0, cutoff=1.5)
    field = overhauser_fields(network, 0.01, seed=2)
    time, tau = np.geomspace(1.0, 1e6, 13), np.linspace(1e3, 1e5, 80)
    found = spin_relaxation(network, time, field=field, tau_s=tau)
    matrix, root = generator(network, field)
    rate, mode = np.linalg.eig(matrix + np.diag(np.repeat(1 / tau, 3)))
    start = root * np.tile(Z, 80)
    weight = (start @ mode) * np.linalg.solve(mode, start.astype(complex)) / (start @ start)
    exact = ((1 + np.multiply.outer(time / 16, rate)) ** -17.0 @ weight).real
    assert np.abs(found.remaining - exact).max() < 5e-5
    one = spin_relaxation(network, time, field=field, tau_s=1e4).remaining
    each = spin_relaxation(network, time, field=field, tau_s=np.full(80, 1e4)).remaining
    np.testing.assert_allclose(one, each, atol=1e-4)


@pytest.mark.slow
def test_tail_law_over_four_decades():
    """P = (1/3) exp{-(pi n_s / 4)[(ln t + gamma_E)^2 + pi^2 / 6]} within 15 %; no parameter."""
    network = hn.build_network(
        hn.random_sites(20_000, density=0.01, seed=3, geometry="cylinder"), cutoff=1.5
    )
    field = overhauser_fields(network, 1e-3, seed=5)
    time = np.array([1e6, 1e7, 1e8, 1e9, 1e10])
    found = spin_relaxation(network, time, field=field, tolerance=1e-3)
    law = tail_law(time, 0.01)
    assert np.abs(found.remaining / law - 1).max() < 0.15


def test_law_of_the_tail_by_quadrature():
    """(1/3) of the probability not to have hopped: exp{-n_s int [1 - exp(-t e^{-2R})] d^2 R}."""
    R = np.linspace(0.0, 40.0, 40_001)
    for t in (1e3, 1e7):
        gone = -np.expm1(-t * np.exp(-2 * R))
        integral = 2 * np.pi * np.trapezoid(gone * R, R)
        expected = np.exp(-0.01 * integral) / 3
        assert tail_law(np.array([t]), 0.01)[0] == pytest.approx(expected, rel=1e-4)


# ---- noise, recovery, Hanle ----


def test_noise_sum_rule_and_its_value_at_zero():
    """(1/pi) int S dOmega = 1 to 1e-7, with Omega = s tan(theta); S(0) = 2 g(1/tau_s)."""
    network = random_network(60, 0.1, 47, "cylinder")
    field = overhauser_fields(network, 0.01, seed=3)
    width = 0.01
    angle, weight = np.polynomial.legendre.leggauss(48)
    angle, weight = 0.25 * np.pi * (angle + 1), 0.25 * np.pi * weight
    frequency = 0.02 * np.tan(angle)
    noise = spin_noise(network, frequency, field=field, resolution=width)
    total = (noise.power * weight * 0.02 / np.cos(angle) ** 2).sum() / np.pi
    assert total == pytest.approx(1.0, abs=1e-7)
    zero = spin_noise(network, 0.0, field=field, resolution=width).power[0]
    assert zero == pytest.approx(2 * spin_memory_time(network, 1 / width, field=field), rel=1e-9)


def test_noise_by_the_model():
    network = random_network(300, 0.1, 48, "cylinder")
    field = overhauser_fields(network, 0.01, seed=3)
    frequency = np.array([0.0, 1e-3, 3e-3, 0.01, 0.02, 0.1])
    exact = spin_noise(network, frequency, field=field, resolution=1e-3)
    model = spin_noise(network, frequency, field=field, resolution=1e-3, method="model")
    assert np.abs(model.power / exact.power - 1)[:4].max() < 0.02
    assert np.all(np.abs(model.power - exact.power) <= model.numerical_error + 1e-6)
    assert model.model.weight.sum().real == pytest.approx(1.0, abs=1e-12)
    with (
        pytest.warns(ValidityWarning, match="the lines of the"),
        pytest.raises(ConvergenceError, match="lines of single sites"),
    ):
        spin_noise(
            random_network(60, 0.01, 48, "cylinder"),
            frequency,
            field=overhauser_fields(random_network(60, 0.01, 48, "cylinder"), 0.01, seed=3),
            resolution=1e-5,
            method="model",
            tolerance=1e-4,
        )


def test_recovery_and_hanle():
    """A field along the spin restores it, a field across it does not; one site by its formula."""
    network = random_network(300, 0.1, 49, "cylinder")
    field = overhauser_fields(network, 0.01, seed=3)
    B = 0.01 * np.array([0.0, 1.0, 3.0, 10.0, 30.0])
    recovery = orientation_curve(network, 1e5, B, field=field).remaining
    hanle = orientation_curve(network, 1e5, B, field=field, along="plane").remaining
    assert np.all(np.diff(recovery) > 0)
    assert np.all(np.diff(hanle) < 0)
    assert recovery[0] == pytest.approx(hanle[0], rel=1e-9)


def test_bad_input():
    network = random_network(60, 0.1, 50)
    field = overhauser_fields(network, 0.01, seed=3)
    for change, words in (
        ({"order": 0}, "order must be a whole number"),
        ({"time": [-1.0]}, "time must hold finite numbers"),
        ({"time": [1e15]}, "rounding of the fields turns spins"),
        ({"field": np.ones((7, 3))}, "each of the 60 sites of this network"),
        ({"direction": (0, 0, 0)}, "direction must have a component"),
        ({"method": "magic"}, "method must be one of"),
        ({"tau_s": 0.0}, "tau_s must be"),
        ({"tolerance": 0.0}, "tolerance must be"),
    ):
        arguments = {"time": [1.0], "field": field} | change
        with pytest.raises(ParameterError, match=words):
            spin_relaxation(network, arguments.pop("time"), **arguments)
    for change, words in (
        ({"resolution": 0.0}, "resolution must be a finite number"),
        ({"resolution": 1e-20}, "rounding of the fields turns spins"),
        ({"frequency": [-1.0]}, "frequency must hold finite numbers"),
    ):
        arguments = {"frequency": [0.0], "field": field, "resolution": 1e-3} | change
        with pytest.raises(ParameterError, match=words):
            spin_noise(network, arguments.pop("frequency"), **arguments)
    with pytest.raises(ParameterError, match="along must be one of"):
        orientation_curve(network, 10.0, [0.0], field=field, along="z")
    with pytest.raises(ParameterError, match="got one vector"):
        orientation_curve(network, 10.0, [0.0], field=(0, 0, 1))
    occupied = hn.build_network(
        hn.with_energies(network.sites, width=1.0, seed=1),
        kT=1.0,
        chemical_potential=0.0,
        cutoff=1.5,
    )
    with pytest.raises(ParameterError):
        spin_relaxation(occupied, [1.0], field=field)
