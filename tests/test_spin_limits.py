"""The spin at the limits of floats: traps, units, cold samples, extreme times; wrong arguments."""

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import hopnet as hn
from hopnet.elimination.symmetric import factor
from hopnet.spin.curve import MOST_EXACT
from hopnet.spin.dephasing import dephasing, dephasing_time
from hopnet.spin.equations import spin_equations
from hopnet.spin.hanle import ac_response
from hopnet.spin.monte_carlo import expected_walk, walk
from hopnet.spin.response import response_at, spin_response
from hopnet.spin.shares import triad_shares
from hopnet.spin.temperature import temperature_curve
from hopnet.spin.time_response import (
    growth_by_exact_factors,
    invert_laplace,
    relaxation,
    step_response,
)
from samples import random_network

TAU_S = [0, 1e2, 1e4, 1e6]


def network_with_trap(level):
    """2000 sites of which the one in the corner has another energy; the width of the band is 1."""
    sites = hn.random_sites(2000, density=0.02, seed=1)
    energy = 0.5 * np.random.default_rng(2).uniform(-1, 1, 2000)
    energy[np.argmin(sites.position.sum(axis=1))] = level
    return hn.build_network(
        hn.with_energies(sites, energy, width=1, seed=1),
        kT=0.1,
        cutoff_radius=12.7,
        contact_width=12.7,
    )


DEEP, HIGH = [1.96159, 1.02683, 0.292717, 0.066653], [1.961868, 1.027127, 0.293043, 0.066695]


@pytest.mark.parametrize(
    ("level", "f"),
    [*((level, DEEP) for level in (-5, -10, -40, -80, -400)), (10, HIGH), (40, HIGH), (400, HIGH)],
)
def test_one_outlier_changes_nothing(level, f):
    """A trap 50 to 4000 kT deep, or a site as far above the others, in a corner of the sample."""
    network = network_with_trap(level)
    curve = hn.f_curve(network, TAU_S, normalisation="letter")
    np.testing.assert_allclose(curve.f, f, rtol=3e-5)
    spin = hn.solve_spin(network, 1e4, current=hn.solve_current(network), normalisation="letter")
    assert spin.f == pytest.approx(curve.f[2], rel=1e-12)
    assert np.all(np.isfinite(spin.spin))


def cold_network(kT, seed=1, n_sites=400):
    sites = hn.random_sites(n_sites, density=0.02, seed=seed)
    return hn.build_network(
        hn.with_energies(sites, "uniform", width=1.0, seed=seed + 100), kT=kT, cutoff=1.5
    )


@pytest.mark.parametrize("shift", [600.0, -600.0, 3000.0])
@pytest.mark.parametrize("kind", ["equal energies", "energies", "cylinder"])
def test_a_common_factor_of_conductances_and_occupations_changes_nothing(kind, shift):
    network = {
        "equal energies": lambda: random_network(300, 0.02, 3),
        "energies": lambda: cold_network(0.1),
        "cylinder": lambda: random_network(300, 0.05, 33, geometry="cylinder"),
    }[kind]()
    other = replace(
        network,
        log_conductance=network.log_conductance + shift,
        log_occupation=network.log_occupation + shift,
    )
    times = [0.0, 1.0, 1e3, 1e6, np.inf]
    one, two = (
        hn.f_curve(network, times, normalisation="letter"),
        hn.f_curve(other, times, normalisation="letter"),
    )
    scale = abs(one.f_drift)
    np.testing.assert_allclose(two.f, one.f, rtol=1e-9, atol=1e-12 * scale)
    curve = np.logspace(-1, 6, 12)
    one, two = (
        hn.f_curve(network, curve, normalisation="letter"),
        hn.f_curve(other, curve, normalisation="letter"),
    )
    np.testing.assert_allclose(two.f, one.f, rtol=1e-9, atol=1e-12 * scale)
    one, two = (hn.hanle_curve(part, 30.0, [0.01, 0.1]) for part in (network, other))
    np.testing.assert_allclose(two.field_across, one.field_across, rtol=1e-8)
    np.testing.assert_allclose(two.field_along, one.field_along, rtol=1e-8)
    if kind != "cylinder":
        one, two = (triad_shares(hn.solve_current(p), tau_s=30.0) for p in (network, other))
        atol = 1e-12 * np.abs(one.contribution).max()
        np.testing.assert_allclose(two.contribution, one.contribution, rtol=1e-7, atol=atol)


@pytest.mark.parametrize("density", [1e-3, 1e-4, 5e-5])
def test_f_of_dilute_samples_in_both_forms(density):
    """Hard edges against the local form, where the path lies up to exp(-400) below short links."""
    network = hn.build_network(hn.random_sites(100, density=density, seed=11), cutoff=1.5)
    hard = spin_equations(network)
    curve = hn.f_curve(network, [0.0, 1e3, np.inf])
    assert np.all(np.isfinite(curve.f))
    y = hard.position_across()
    assert curve.f_drift == pytest.approx(
        hard.generation.prefactor * (y @ hard.generation.gamma), rel=1e-9
    )


@pytest.mark.parametrize("tau_s", [5e-324, 1e-308, 1e-300, 1e-290, 1e-100, 1e-30])
@pytest.mark.parametrize("kind", ["open", "cylinder", "cold"])
def test_short_relaxation_times_give_the_drift(kind, tau_s):
    network = cold_network(0.05) if kind == "cold" else random_network(300, 0.05, 33, geometry=kind)
    current = hn.solve_current(network)
    curve = hn.f_curve(network, tau_s, current=current, normalisation="letter")
    assert curve.f[0] == curve.f_drift
    spin = hn.solve_spin(network, tau_s, current=current, normalisation="letter")
    gamma = hn.spin_generation(network, current).gamma
    np.testing.assert_allclose(spin.spin, tau_s * gamma, rtol=1e-9, atol=1e-9 * tau_s)
    whole = hn.f_curve(network, np.logspace(-300, 2, 40), current=current, normalisation="letter")
    assert np.all(whole.f[:30] == whole.f_drift)
    assert np.all(np.isfinite(whole.f))


@pytest.mark.parametrize("tau_s", [1.0, 1e6, 1e12, 1e20, 1e40, 1e100, 1e300, np.inf])
@pytest.mark.parametrize("kind", ["open", "cylinder", "cold"])
def test_spins_add_up_to_zero_at_any_time(kind, tau_s):
    """Hops conserve spin and gamma adds up to zero, in each cluster of sites."""
    network = cold_network(0.05) if kind == "cold" else random_network(800, 0.1, 4, geometry=kind)
    current = hn.solve_current(network)
    spin = hn.solve_spin(network, tau_s, current=current, normalisation="letter").spin
    total = np.bincount(network.cluster, spin)
    assert np.abs(total).max() <= 1e-12 * np.abs(spin).sum()
    if tau_s >= 1e20:
        limit = hn.solve_spin(network, np.inf, current=current, normalisation="letter").spin
        np.testing.assert_allclose(spin, limit, rtol=0, atol=1e-6 * np.abs(limit).max())


def test_spin_at_infinite_time_solves_the_equations():
    """What hops carry away from each site is what is generated there."""
    network = cold_network(0.1)
    current = hn.solve_current(network)
    sigma = (
        hn.solve_spin(network, np.inf, current=current, normalisation="letter").spin
        / network.occupation
    )
    flow = network.conductance * (sigma[network.link_i] - sigma[network.link_j])
    net = np.bincount(network.link_i, flow, 400) - np.bincount(network.link_j, flow, 400)
    gamma = hn.spin_generation(network, current).gamma
    np.testing.assert_allclose(net, gamma, rtol=0, atol=1e-9 * np.abs(gamma).max())


def test_cold_hanle_curve_falls_back_to_exact_factors():
    sites = hn.with_energies(
        hn.random_sites(1000, density=0.02, seed=1), "uniform", width=1.0, seed=101
    )
    network = hn.build_network(sites, kT=0.02, cutoff=1.5)
    curve = hn.hanle_curve(network, 1e3, [1e-3])
    assert curve.field_across[0] == pytest.approx(1.06099493, rel=1e-7)
    exact = hn.hanle_curve(network, 1e3, [1e-3], method="exact")
    assert curve.field_across[0] == pytest.approx(exact.field_across[0], rel=1e-4)


@pytest.mark.parametrize("kT", [0.03, 0.015, 0.01])
def test_cold_responses_are_numbers(kT):
    network = cold_network(kT, n_sites=150)
    current = hn.solve_current(network)
    tau_s, time = 1e3, np.array([0.0, 1.0, 1e3, 1e5])
    grown = step_response(network, tau_s, time, current=current).value
    assert grown[0] == 0
    assert grown[-1] == pytest.approx(1, abs=1e-5)
    slow = ac_response(network, tau_s, [0.0, 1e-9], current=current).value
    np.testing.assert_allclose(slow, 1, atol=1e-4)
    left = relaxation(network, network.occupation, time, observable=np.ones(150)).value
    np.testing.assert_allclose(left, network.occupation.sum(), rtol=1e-6)


@pytest.mark.parametrize("kind", ["open", "cylinder"])
def test_growth_by_exact_factors_against_the_model(kind):
    network = random_network(250, 0.05, 31, geometry=kind)
    tau_s, time = 50.0, np.array([0.0, 0.5, 5.0, 50.0, 1000.0])
    found = growth_by_exact_factors(spin_equations(network), 1 / tau_s, time)
    model = step_response(network, tau_s, time, tolerance=1e-8).value
    np.testing.assert_allclose(found, model, atol=1e-6)


def test_inverse_laplace_transform_of_known_functions():
    time = np.array([0.0, 1e-3, 1.0, 30.0, 1e4])
    for transform, function in (
        (lambda p: 1 / (p * (p + 1)), lambda t: -np.expm1(-t)),
        (lambda p: 1 / (1 + p), lambda t: np.exp(-t)),
        (lambda p: 1 / (p + np.sqrt(p)), lambda t: [float(e) for e in erfcx_of_root(t)]),
    ):
        found = invert_laplace(transform, time, float(function(time)[0]))
        np.testing.assert_allclose(found, function(time), atol=3e-8)


def erfcx_of_root(t):
    from scipy.special import erfcx

    return erfcx(np.sqrt(t))


@pytest.mark.parametrize("seed", [26, 31, 44])
def test_curves_of_small_samples_never_fail(seed):
    """Bends that the interpolation cannot follow: every tau_s gets a factor of its own."""
    network = hn.build_network(hn.random_sites(50, density=0.01, seed=seed), cutoff=1.5)
    tau_s = np.geomspace(1e-3, 1e12, 41)
    exact = hn.f_curve(network, tau_s, tolerance=0, normalisation="letter")
    curve = hn.f_curve(network, tau_s, normalisation="letter")
    error = np.abs(curve.f - exact.f)
    assert np.all(error <= 1e-2 * np.abs(exact.f) + 1e-6 * abs(exact.f_drift))


def f_of_mpmath(network, current, tau_s):
    """f with hard edges in 60 digits, from the drops of the current as they are."""
    import mpmath

    with mpmath.workdps(60):
        n = network.n_sites
        generation = hn.spin_generation(network, current, normalisation="letter")
        gamma = mpmath.matrix([mpmath.mpf(float(g)) for g in generation.gamma])
        gamma -= mpmath.matrix([sum(gamma) / n] * n)
        matrix = mpmath.zeros(n, n)
        for i, j, g in zip(network.link_i, network.link_j, network.conductance):
            g = mpmath.mpf(float(g))
            i, j = int(i), int(j)
            matrix[i, j] -= g
            matrix[j, i] -= g
            matrix[i, i] += g
            matrix[j, j] += g
        for i in range(n):
            matrix[i, i] += mpmath.mpf(float(network.occupation[i])) / mpmath.mpf(tau_s)
        sigma = mpmath.lu_solve(matrix, gamma)
        y = network.sites.position[:, 1] - network.sites.position[:, 1].mean()
        total = sum(
            mpmath.mpf(float(y[i])) * mpmath.mpf(float(network.occupation[i])) * sigma[i]
            for i in range(n)
        )
        return float(mpmath.mpf(float(generation.prefactor)) / mpmath.mpf(tau_s) * total)


@pytest.mark.parametrize("seed", [3, 7, 12])
@pytest.mark.parametrize("energies", [False, True])
def test_stated_rounding_covers_against_60_digits(seed, energies):
    pytest.importorskip("mpmath")
    sites = hn.random_sites(40, density=0.02, seed=seed)
    if energies:
        sites = hn.with_energies(sites, width=1.0, seed=seed)
    network = hn.build_network(
        sites, kT=0.2 if energies else None, cutoff_radius=25.0, contacts=([0], [39])
    )
    current = hn.solve_current(network)
    for tau_s in (1e-2, 1.0, 1e3, 1e7):
        curve = hn.f_curve(network, tau_s, current=current, normalisation="letter")
        away = abs(curve.f[0] - f_of_mpmath(network, current, tau_s))
        assert away <= curve.numerical_error[0], tau_s
        assert curve.numerical_error[0] < 1e-10 * abs(curve.f_drift)


@pytest.mark.parametrize("seed", range(8))
def test_interpolated_f_stays_within_its_error(seed):
    """A survey of curves: sizes, densities, energies and geometries drawn at random."""
    rng = np.random.default_rng(7000 + seed)
    n_sites = int(np.exp(rng.uniform(np.log(30), np.log(600))))
    density = float(np.exp(rng.uniform(np.log(0.003), np.log(0.08))))
    geometry = rng.choice(["open", "cylinder"])
    sites = hn.random_sites(n_sites, density=density, seed=7100 + seed, geometry=str(geometry))
    kT = None
    if seed % 2:
        sites, kT = hn.with_energies(sites, width=1.0, seed=7200 + seed), float(rng.uniform(0.1, 1))
    network = hn.build_network(sites, kT=kT, cutoff=1.5)
    if not np.intersect1d(network.cluster[network.source], network.cluster[network.drain]).size:
        pytest.skip("no path joins the contacts")
    current = hn.solve_current(network)
    tau_s = np.geomspace(1e-2, 1e9, MOST_EXACT + 25)
    exact = hn.f_curve(network, tau_s, current=current, tolerance=0, normalisation="letter")
    curve = hn.f_curve(network, tau_s, current=current, normalisation="letter")
    away = np.abs(curve.f - exact.f)
    assert np.all(away <= curve.numerical_error + exact.numerical_error)
    assert np.all(away <= 1e-2 * np.abs(exact.f) + 1e-6 * abs(exact.f_drift))


NETWORK = random_network(60, 0.1, 99)
TORUS = hn.build_network(
    hn.random_sites(60, density=0.05, seed=5, geometry="torus", min_distance=1.0), cutoff=1.5
)
ENERGIES = hn.with_energies(hn.random_sites(60, density=0.05, seed=5), width=1.0, seed=6)
WRONG = [
    None,
    "100",
    b"1",
    pd.NA,
    pd.NaT,
    np.nan,
    np.inf,
    -np.inf,
    -1,
    True,
    np.True_,
    1j,
    [],
    [1, "a"],
    [[1.0, 2.0], [3.0]],
    {},
    {"a": 1},
    object(),
    np.ma.masked_array([1.0, 2.0], [True, False]),
    np.array([1.0, None], dtype=object),
    np.array(["1.0"]),
    np.array([np.datetime64("2020-01-01")]),
    np.zeros((2, 2, 2)),
    slice(3),
    lambda: 1,
    10**400,
    1e308,
    5e-324,
]
CALLS = {
    "f_curve": (hn.f_curve, {"network": NETWORK, "tau_s": 1.0, "current": None}),
    "solve_spin": (hn.solve_spin, {"network": NETWORK, "tau_s": 1.0}),
    "spin_generation": (hn.spin_generation, {"network": NETWORK, "current": None}),
    "hanle_curve": (hn.hanle_curve, {"network": NETWORK, "tau_s": 10.0, "field": [0.1]}),
    "ac_response": (ac_response, {"network": NETWORK, "tau_s": 10.0, "frequency": [0.1]}),
    "step_response": (step_response, {"network": NETWORK, "tau_s": 10.0, "time": [1.0]}),
    "relaxation": (relaxation, {"network": NETWORK, "pattern": np.ones(60), "time": [1.0]}),
    "response_at": (response_at, {"network": NETWORK, "rate": [1.0]}),
    "spin_response": (spin_response, {"network": NETWORK, "slowest": 0.1, "fastest": 1.0}),
    "triad_shares": (triad_shares, {"current": hn.solve_current(NETWORK), "tau_s": 1.0}),
    "temperature_curve": (temperature_curve, {"sites": ENERGIES, "kT": [1.0], "tau_s": 1.0}),
    "dephasing": (
        dephasing,
        {"network": TORUS, "spin_orbit": np.eye(2), "direction": (0, 1, 0), "time": [1.0]},
    ),
    "dephasing_time": (
        dephasing_time,
        {"network": TORUS, "spin_orbit": np.eye(2), "direction": (0, 1, 0)},
    ),
    "walk": (walk, {"network": NETWORK, "time": [1.0], "n_carriers": 2, "seed": 4}),
    "expected_walk": (expected_walk, {"network": TORUS, "time": [1.0]}),
}
OPTIONS = {
    "f_curve": ("current", "triads", "tolerance", "threads"),
    "solve_spin": ("current", "triads", "threads"),
    "spin_generation": ("triads",),
    "hanle_curve": ("current", "spin_orbit", "method", "tolerance", "threads"),
    "ac_response": ("current", "tolerance", "threads"),
    "step_response": ("current", "tolerance", "threads"),
    "relaxation": ("tau_s", "observable", "poles_per_decade", "threads"),
    "response_at": ("current", "threads"),
    "spin_response": ("current", "tolerance", "threads"),
    "triad_shares": ("triads",),
    "walk": ("spin_orbit", "start", "spin", "tau_s", "block", "most_hops"),
    "expected_walk": ("spin_orbit", "spin", "tau_s"),
}


@pytest.mark.parametrize("name", CALLS)
def test_wrong_arguments_are_one_sentence(name):
    """Every argument of every public function with wrong types: an answer or a HopnetError."""
    function, right = CALLS[name]
    n_calls = 0
    for argument in (*right, *OPTIONS.get(name, ())):
        for value in WRONG:
            if argument in ("n_carriers", "block") and isinstance(value, float) and value > 1e6:
                continue  # a right value that only takes memory
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                warnings.simplefilter("ignore", hn.ValidityWarning)
                try:
                    function(**(right | {argument: value}))
                except hn.HopnetError as error:
                    text = str(error)
                    assert text.endswith("."), text
                    assert "\n" not in text, text
            n_calls += 1
    assert n_calls >= 56


def test_endless_walks_are_refused():
    start = int(np.argmax(np.diff(NETWORK.row_start)))
    with pytest.raises(hn.ParameterError, match="more than most_hops"):
        walk(NETWORK, [1e100], n_carriers=10, seed=4)
    with pytest.raises(hn.ParameterError, match="more than most_hops"):
        walk(NETWORK, [1e12], n_carriers=10, seed=4, start=start)
    pair = hn.sites_from_positions([[1.0, 1.0], [1.1, 1.0], [9.0, 9.0]], length=10, width=10)
    network = hn.build_network(pair, cutoff_radius=12.0, contacts=([0], [2]))
    with pytest.raises(hn.ConvergenceError, match="most_hops"):
        walk(network, [1e5], n_carriers=1, seed=4, start=[0], most_hops=6e4)


def test_factor_of_the_room_is_the_factor_of_the_elimination():
    """SpinEquations.factor adds nothing: the same numbers as from `factor`."""
    equations = spin_equations(NETWORK)
    direct = factor(equations.elimination, NETWORK.conductance, 0.1)
    rhs = equations.generation.gamma
    assert np.array_equal(equations.factor(0.1).solve(rhs), direct.solve(rhs))
