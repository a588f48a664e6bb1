"""The full equations where samples are cold, spans are wide, or arguments are wrong.

Digits are checked by the reciprocity of two currents, [hopping S39]: their two solutions have
nothing in common but the sample.
"""

import itertools

import numpy as np
import pytest

import hopnet as hn
from hopnet.errors import HopnetError, ParameterError
from hopnet.network.network import join_sites
from hopnet.spin.kinetics import (
    f_from_polarisation,
    growth_rate,
    precession_rate,
    solve_kinetics,
    solve_leading_order,
    spin_current,
)
from hopnet.spin.kinetics.scan import cisp_against_density, full_over_leading
from samples import COUPLING, twelve

M = np.array([[0.0, 0.05], [-0.03, 0.0]])


def log_electrons(network):
    """Logarithm of the number of electrons."""
    most = network.log_occupation.max()
    return most + np.log(np.exp(network.log_occupation - most).sum())


def cold_network(number, kT):
    """300 sites with Gaussian energies of width 1, contacts at the ends, and a random coupling."""
    rng = np.random.default_rng([46009, 300, number])
    sites = hn.random_sites(300, density=0.03, seed=600 + number)
    sites = hn.with_energies(sites, "gaussian", width=1.0, seed=number + 1)
    order = np.argsort(sites.position[:, 0])
    radius = min(1.9 / np.sqrt(0.03), sites.length / 3)
    network = hn.build_network(
        sites, cutoff_radius=radius, contacts=(order[:15], order[-15:]), kT=kT
    )
    return network, 0.05 * rng.normal(size=(2, 2))


# ---- cold samples: the current follows sites that hold few electrons ----

COLD = [
    (4, 0.05),  # wrong by 6.1e-3 at any tolerance, before the spins were refined
    (8, 0.03),
    (14, 0.02),
    (19, 0.02),
    (33, 0.02),  # wrong by 2e-11 with a stated error of 1e-13, before the error was corrected
]
MORE_COLD = [
    (number, kT) for number, kT in zip(range(20), itertools.cycle([0.1, 0.07, 0.05, 0.03, 0.02]))
]


def check_cold(number, kT, tau_s=None):
    """The two currents agree to 1e-9, and within the errors that they state."""
    network, matrix = cold_network(number, kT)
    tau_s = (100.0, 1e4, 1.0)[number % 3] if tau_s is None else tau_s
    options = {"eta": 0.01, "tau_s": tau_s, "current": hn.solve_current(network)}
    forward = solve_kinetics(network, matrix, **options)
    assert forward.numerical_error < 1e-10
    scale = np.exp(log_electrons(network) - forward.log_conductance)
    for component in range(3):
        generation = np.eye(3)[component] / tau_s
        galvanic = solve_kinetics(network, matrix, bias=0.0, generation=generation, **options)
        expected = 4 * forward.polarisation / tau_s * scale
        assert galvanic.relative_current == pytest.approx(expected[component], rel=1e-9)
        assert galvanic.numerical_error < 1e-8
        difference = abs(galvanic.relative_current - expected[component])
        stated = forward.numerical_error * np.abs(expected).max()
        stated += galvanic.numerical_error * abs(galvanic.relative_current)
        assert difference <= stated, (number, kT, tau_s, component)


@pytest.mark.parametrize(("number", "kT"), COLD)
def test_onsager_of_cold_samples(number, kT):
    """Current-induced spin against the galvanic current, where n_i spans up to 120 decades."""
    check_cold(number, kT)


@pytest.mark.slow
@pytest.mark.parametrize(("number", "kT"), MORE_COLD)
def test_onsager_of_twenty_cold_samples(number, kT):
    check_cold(number, kT)


@pytest.mark.slow
@pytest.mark.parametrize("tau_s", [1.0, 100.0, 1e4])
@pytest.mark.parametrize("kT", [0.02, 0.03, 0.05, 0.1])
def test_stated_errors_of_cold_samples_cover(kT, tau_s):
    """In the coldest of 40 samples the feedback is lost in the rounding of other flows."""
    for number in range(40):
        check_cold(number, kT, tau_s)


def test_galvanic_current_belongs_to_the_refined_spins():
    """Taken before the last refinement, the current would be wrong by 6.4e-4."""
    sites = hn.with_energies(
        hn.random_sites(200, density=0.03, seed=8), "gaussian", width=1.0, seed=8
    )
    network = hn.build_network(sites, kT=0.1, cutoff=1.5)
    options = {"eta": 0.01, "tau_s": 100.0}
    spin = solve_kinetics(network, M, **options).polarisation[1]
    expected = 4 * network.occupation.sum() * spin / 100.0
    for tolerance in (1e-12, 1e-13, 1e-14):
        galvanic = solve_kinetics(
            network, M, bias=0.0, generation=(0, 0.01, 0), tolerance=tolerance, **options
        )
        assert galvanic.current == pytest.approx(expected, rel=1e-11)


# ---- no absolute thresholds ----


def trapped(depth, site=None):
    """A sample at kT = 0.1 in which one corner site has the energy ``depth``."""
    sites = hn.random_sites(600, density=0.02, seed=1)
    energy = 0.5 * np.random.default_rng(2).uniform(-1, 1, 600)
    energy[np.argmin(sites.position.sum(1)) if site is None else site] = depth
    sites = hn.with_energies(sites, energy, width=1.0, seed=1)
    return hn.build_network(sites, kT=0.1, cutoff_radius=12.7, contact_width=12.7)


def answers(network, **options):
    """f, the galvanic current, and f to leading order."""
    options = {"eta": 0.01, "tau_s": 100.0, **options}
    forward = solve_kinetics(network, M, **options)
    galvanic = solve_kinetics(network, M, bias=0.0, generation=(0, 0.01, 0), **options)
    for found in (forward, galvanic):
        for name in ("sigma", "drop", "row_residual", "polarisation", "drift", "diffusion"):
            assert np.all(np.isfinite(getattr(found, name))), name
    assert forward.relative_current == pytest.approx(1.0, rel=1e-7)
    leading = solve_leading_order(network, M, eta=0.01, tau_s=100.0).f
    return np.array([f_from_polarisation(forward), galvanic.relative_current, leading])


@pytest.mark.parametrize("depth", [-40.0, -80.0, -800.0])
def test_one_deep_trap_changes_little(depth):
    """Rates to a trap grow linearly with its depth, so f changes by percents (400 to 8000 kT)."""
    shallow, deep = answers(trapped(-5.0)), answers(trapped(depth))
    np.testing.assert_allclose(deep, shallow, rtol=0.05)


@pytest.mark.parametrize("method", ["frames", "matrix"])
def test_one_high_site_changes_nothing(method):
    """A site that lies 100 kT to 800 kT above the others has no effect."""
    rtol = 1e-12 if method == "frames" else 1e-6
    found = [answers(trapped(height), method=method) for height in (10.0, 80.0)]
    np.testing.assert_allclose(*found, rtol=rtol)


@pytest.mark.parametrize("shift", [-2000.0, -600.0, 600.0, 2000.0])
def test_a_common_factor_of_all_rates_changes_nothing(shift):
    """K and n times e^shift give the same spins, f, and current over the conductance."""
    network = trapped(0.2)
    moved = join_sites(
        network.sites,
        network.link_i,
        network.link_j,
        network.log_conductance + shift,
        contacts=network.contacts,
        log_occupation=network.log_occupation + shift,
        cutoff_radius=network.cutoff_radius,
    )
    np.testing.assert_allclose(answers(moved), answers(network), rtol=1e-11)
    a, b = (solve_kinetics(n, M, eta=0.01, tau_s=100.0) for n in (network, moved))
    size = np.abs(a.sigma).max()
    np.testing.assert_allclose(b.sigma, a.sigma, rtol=0, atol=1e-12 * size)
    np.testing.assert_allclose(b.polarisation, a.polarisation, rtol=1e-11)
    a, b = (spin_current(found).polarisation for found in (a, b))
    np.testing.assert_allclose(b, a, rtol=0, atol=1e-11 * np.abs(a).max())


@pytest.mark.parametrize("strength", [1e-60, 1e-30])
def test_a_weak_coupling_is_the_leading_order(strength):
    """The torque is of the order of strength**3, and the square of that underflows."""
    network = twelve(0)
    full = solve_kinetics(network, strength * COUPLING, eta=0.01, tau_s=100.0)
    leading = solve_leading_order(network, COUPLING, eta=0.01, tau_s=100.0)
    direct = leading.polarisation_drift + leading.polarisation_diffusion
    found = full.polarisation / strength / strength / strength
    np.testing.assert_allclose(found[:2], direct[:2], rtol=1e-9)


def test_rates_that_no_float_can_hold_are_refused():
    """For two close sites 400 kT below the others the sentence names the span of the rates."""
    network = twelve(0)
    log_conductance = network.log_conductance.copy()
    inner = np.flatnonzero((network.link_i > 0) & (network.link_j < 11))[0]
    log_conductance[inner] += 400.0
    pair = join_sites(
        network.sites,
        network.link_i,
        network.link_j,
        log_conductance,
        contacts=network.contacts,
    )
    with pytest.raises(ParameterError, match=r"conductances must lie below 1e\+140 times"):
        solve_kinetics(pair, COUPLING, eta=0.01, tau_s=100.0)


# ---- what the record says of its errors ----


def test_residual_of_the_matrix_shows_the_digits_that_it_has_lost():
    """The solution is wrong by 8.8e-6, although the residual of the assembled matrix is 3e-16."""
    network = hn.build_network(hn.random_sites(1000, density=0.01, seed=3), cutoff=1.5)
    matrix = np.array([[0.03, 0.3], [-0.2, 0.1]])
    exact, lossy = (
        solve_kinetics(network, matrix, eta=0.01, tau_s=100.0, method=method)
        for method in ("frames", "matrix")
    )
    difference = np.abs(lossy.spin - exact.spin).max() / np.abs(exact.spin).max()
    assert exact.residual < 1e-9
    assert lossy.residual > difference > 1e-9


def test_particle_rows_are_part_of_the_residual():
    """Without feedback the residual of the particle rows is the flow that was left out."""
    network = hn.build_network(hn.random_sites(2000, density=0.1, seed=4), cutoff=1.5)
    current = hn.solve_current(network)
    options = {"tau_s": 1e3, "current": current}
    matrix = np.array([[0.0, 0.1], [0.06, 0.0]])
    out, taken = (solve_kinetics(network, matrix, eta=eta, **options) for eta in (1e-5, 0.5))
    assert out.sweeps == 0
    assert taken.sweeps > 0
    for found in (out, taken):
        assert found.row_residual.shape == (2000, 4)
        assert found.residual <= 1e-9
        assert not np.any(found.row_residual[network.source, 0])
    judged = current.throughput > 1e-8 * current.throughput.mean()
    judged[network.source] = judged[network.drain] = False
    assert out.row_residual[judged, 0].max() > 1e-12
    assert np.all(out.row_residual[judged, 0] <= out.residual)


@pytest.mark.parametrize("kT", [None, 0.1])
def test_potentials_of_the_sites(kT):
    """Differences of potentials are the drops. Contacts have potentials, isolated sites do not."""
    sites = hn.random_sites(1000, density=0.02, seed=5)
    if kT is not None:
        sites = hn.with_energies(sites, "uniform", width=1.0, seed=5)
    network = hn.build_network(sites, kT=kT, cutoff=1.2)
    found = solve_kinetics(network, M, eta=0.01, tau_s=100.0, bias=2.0)
    potential = found.potential
    assert np.all(potential[network.source] == 2.0)
    assert np.all(potential[network.drain] == 0.0)
    np.testing.assert_array_equal(np.isnan(potential), network.isolated)
    reached = ~network.isolated[network.link_i]
    difference = (potential[network.link_i] - potential[network.link_j])[reached]
    np.testing.assert_allclose(difference, found.drop[reached], rtol=0, atol=1e-12)


# ---- options that would be ignored are refused ----


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"bias": 0.0, "feedback": False}, "feedback must be True with bias=0"),
        ({"method": "matrix", "tolerance": 1e-6}, "tolerance and max_iterations belong to"),
        ({"method": "matrix", "max_iterations": 5}, "tolerance and max_iterations belong to"),
        ({"precession": "linear", "tolerance": 1e-6}, "tolerance and max_iterations belong to"),
    ],
)
def test_options_that_do_nothing_are_refused(options, words):
    with pytest.raises(ParameterError, match=words):
        solve_kinetics(twelve(0), COUPLING, eta=0.1, tau_s=10.0, **options)


def test_f_belongs_to_the_current_alone():
    found = solve_kinetics(twelve(0), COUPLING, eta=0.1, tau_s=10.0, generation=(0, 0.1, 0))
    with pytest.raises(ParameterError, match="the current alone induces"):
        f_from_polarisation(found)


@pytest.mark.parametrize("field", [(0, 0.1, 0), np.full((12, 3), 0.1)])
def test_f_belongs_to_no_field(field):
    found = solve_kinetics(twelve(0), COUPLING, eta=0.1, tau_s=10.0, field=field)
    with pytest.raises(ParameterError, match="without a magnetic field"):
        f_from_polarisation(found)


# ---- wrong types ----

ODD = [
    None,
    "100",
    b"1",
    True,
    np.nan,
    np.inf,
    -np.inf,
    -1.0,
    0.0,
    1.5,
    10**400,
    1e308,
    1e-320,
    1j,
    [],
    [[]],
    [1.0, 2.0],
    [[1.0, 2.0], [3.0]],
    (1.0, 2.0, 3.0),
    {"a": 1},
    object(),
    np.ma.masked_array([1.0, 2.0, 3.0], [0, 1, 0]),
    np.array(["x", "y", "z"]),
    np.zeros((2, 2, 2)),
    np.datetime64("2026-01-01"),
    float,
    lambda: 1.0,
]


def material():
    """A small material for the table against the density."""
    return hn.Material(
        a_b=1e-8,
        J_0=1.6e-21,
        tau_0=1e-11,
        tau_s=1e-9,
        m=9e-32,
        n=2.5e13,
        n_s=5e14,
        beta=1.6e-32 * np.array([[0.0, 1.0], [0.6, 0.0]]),
        rho_0=5e4,
    )


def cases():
    """Every public function with arguments that it accepts."""
    network = twelve(0)
    solved = solve_kinetics(network, COUPLING, eta=0.1, tau_s=10.0)
    drive = {"network": network, "spin_orbit": COUPLING, "eta": 0.1, "tau_s": 10.0}
    every = {
        "bias": 1.0,
        "generation": None,
        "field": (0.0, 0.0, 0.1),
        "anisotropy": (1.0, 1.0, 2.0),
        "absorbing_contacts": False,
        "precession": "rotation",
        "feedback": True,
        "current": None,
        "method": None,
        "tolerance": 1e-10,
        "max_iterations": 100,
        "threads": 1,
    }
    return {
        solve_kinetics: drive | every,
        solve_leading_order: drive | {"current": None, "threads": 1},
        spin_current: {"kinetics": solved, "threads": 1},
        f_from_polarisation: {"kinetics": solved},
        precession_rate: {"network": network, "spin_orbit": COUPLING},
        growth_rate: {"network": network, "spin_orbit": COUPLING, "precession": "linear"},
        full_over_leading: {
            "network": network,
            "spin_orbit": COUPLING,
            "eta": 0.1,
            "angles": [0.01],
            "tau_s": [1.0],
            "current": None,
            "threads": 1,
        },
        cisp_against_density: {
            "material": material(),
            "density": [0.05],
            "n_sites": 60,
            "seed": 3,
            "field": 1e4,
            "geometry": "cylinder",
        },
    }


@pytest.mark.filterwarnings("ignore::hopnet.errors.ValidityWarning")
@pytest.mark.parametrize("number", range(8))
def test_wrong_types_are_answered_in_one_sentence(number):
    """With one or two odd arguments each of 200 calls gives a HopnetError or a result."""
    function, arguments = list(cases().items())[number]
    rng = np.random.default_rng(900 + number)
    names = list(arguments)
    refused = 0
    function(**arguments)
    for _ in range(200):
        changed = dict(arguments)
        for name in rng.choice(names, int(rng.integers(1, 3))):
            changed[name] = ODD[int(rng.integers(len(ODD)))]
        try:
            function(**changed)
        except HopnetError:
            refused += 1
    assert refused > 100
