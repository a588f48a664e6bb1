"""Field, frequency, time: reduced model against exact factors, full equations, exponentials.

[hopping S43], [hopping S28]
"""

import numpy as np
import pytest
from scipy.integrate import quad_vec
from scipy.linalg import expm

import hopnet as hn
from hopnet.spin.dephasing import dephasing, dephasing_time
from hopnet.spin.hanle import ac_response
from hopnet.spin.kinetics import precession_rate
from hopnet.spin.kinetics.matrix import coupling_blocks, hopping_block
from hopnet.spin.response import response_at, spin_response
from hopnet.spin.time_response import relaxation, step_response
from hopnet.transport.diffusion import diffusion_constant, diffusion_tensor
from samples import random_network, twelve

FORM = 1e-4 * np.array([[0.0, 0.7], [0.4, 0.0]])
RATES = [1.0, 0.01, 0.01 + 0.01j, 0.01 + 0.1j]
DIGITS = {  # F at RATES, F of the moment along the current; found independently, dense matrices
    0: (
        [
            1.542219613878,
            0.7248936324708,
            0.8646565666002 + 0.2998417585705j,
            1.508033387915 + 0.1943154095766j,
        ],
        [-0.3062450868482, -0.1286491844925, -0.1507187980593, -0.2930259936912],
    ),
    1: (
        [
            1.558722976814,
            0.8259994493263,
            0.9484535205882 + 0.2499869037703j,
            1.511272413398 + 0.1959401342101j,
        ],
        [-0.3134047514820, -0.1385651228416, -0.1563388054730, -0.2869168601472],
    ),
}


@pytest.mark.parametrize("disorder", DIGITS)
def test_digits_at_complex_rates(disorder):
    network = twelve(disorder)
    across, along = response_at(network, RATES)
    model = spin_response(network, 0.01, 1.0)
    np.testing.assert_allclose(model(RATES), across, rtol=1e-9)
    # The digits are of the letter's normalisation.
    letter = hn.solve_current(network).effective_length / network.length_along_current
    np.testing.assert_allclose(letter * across, DIGITS[disorder][0], rtol=1e-10)
    np.testing.assert_allclose(letter * along.real, DIGITS[disorder][1], rtol=1e-10)
    np.testing.assert_allclose(model.along_current(RATES), along, rtol=1e-9)


def warm_network(n_sites, seed, geometry="open"):
    sites = hn.random_sites(n_sites, density=0.05, seed=seed, geometry=geometry)
    return hn.build_network(hn.with_energies(sites, width=1.0, seed=seed + 1), kT=0.3, cutoff=1.5)


NETWORKS = {
    "open": lambda: random_network(250, 0.05, 31),
    "current along y": lambda: random_network(250, 0.05, 32, contacts="y"),
    "cylinder": lambda: random_network(300, 0.05, 33, geometry="cylinder"),
    "energies": lambda: warm_network(250, 34),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_three_hanle_laws_against_the_full_equations(name):
    """Model against the coupled equations of occupation and spin with a field, to 1e-4."""
    network = NETWORKS[name]()
    current = hn.solve_current(network)
    tau_s = 100.0
    field = np.array([-0.3, 0.3, 3.0]) / tau_s
    curve = hn.hanle_curve(network, tau_s, field, current=current, spin_orbit=FORM)
    along, across = (0, 1) if network.axis == "x" else (1, 0)

    def spin(field):
        full = hn.solve_kinetics(
            network, FORM, eta=1e-3, tau_s=tau_s, current=current, field=field, feedback=False
        )
        return full.polarisation[across]

    unit = np.eye(3)
    for axis, law in (
        (along, curve.field_along),
        (across, curve.field_across),
        (2, curve.field_normal),
    ):
        full = [spin(omega * unit[axis]) / spin(0 * unit[0]) for omega in field]
        np.testing.assert_allclose(law, full, rtol=0, atol=1e-4)
        assert np.abs(law - 1).max() > 0.01, "the field does something"
    assert curve.field_normal[0] != curve.field_normal[1], "spin along the current is turned in"


def test_shapes_of_the_three_laws():
    network = random_network(3000, 0.02, 11)
    curve = hn.hanle_curve(network, 1e3, np.concatenate([[0.0], np.logspace(-5, 2, 20)]))
    assert curve.field_across[0] == curve.field_along[0] == curve.field_normal[0] == 1
    assert np.all(np.diff(curve.field_across) > -1e-5)
    assert curve.field_across[-1] == pytest.approx(curve.f_drift / curve.f, rel=1e-3)
    lorentzian = 1 / (1 + (curve.field * 1e3) ** 2)
    np.testing.assert_allclose(curve.field_normal, lorentzian, rtol=1e-13)
    assert np.abs(curve.field_along - lorentzian).max() > 0.05, "not a Lorentzian"
    exact = hn.hanle_curve(network, 1e3, curve.field[::4], method="exact")
    for name in ("field_along", "field_across"):
        away = np.abs(getattr(curve, name)[::4] - getattr(exact, name))
        assert np.all(away <= curve.numerical_error[::4] + 1e-12)
        assert away.max() < 1e-4
    # a wrong law is seen by the comparison above: field along and across exchanged
    assert np.abs(curve.field_along - curve.field_across).max() > 0.5


def dense(network):
    """K, n and the moment y, as dense arrays."""
    n, g = network.n_sites, network.conductance
    K = np.zeros((n, n))
    K[network.link_i, network.link_j] = K[network.link_j, network.link_i] = -g
    return K - np.diag(K.sum(axis=1)), network.occupation


@pytest.mark.parametrize("name", ["open", "cylinder", "energies"])
def test_step_response_against_exponentials(name):
    """s(t) by integrating the spin torque, the z spins from a dense matrix exponential."""
    network = NETWORKS[name]()
    current = hn.solve_current(network)
    generation = hn.spin_generation(network, current)
    K, n = dense(network)
    root = np.sqrt(n)
    rate, mode = np.linalg.eigh(K / root[:, None] / root)
    rate = np.maximum(rate, 0)
    tau_s = 50.0
    # torque on s: f_drift minus what diffusion takes back, (y_i - y_j) K_ij (sigma_i - sigma_j)
    y_ij = -network.separation[:, 1] * network.conductance
    q = np.bincount(network.link_i, y_ij, n.size) - np.bincount(network.link_j, y_ij, n.size)
    start, end = mode.T @ (generation.gamma / root), (q / root) @ mode

    def torque(t):
        total = rate + 1 / tau_s
        sigma = -np.expm1(-total * t) / total * start
        return generation.f_drift - generation.prefactor * (end @ sigma)

    time = np.array([0.0, 0.5, 5.0, 50.0, 1000.0])
    s = [
        quad_vec(
            lambda u, t=t: np.exp(-(t - u) / tau_s) * torque(u), 0, t, epsabs=1e-12, epsrel=1e-8
        )[0]
        for t in time
    ]
    curve = step_response(network, tau_s, time, current=current)
    found = curve.value
    assert np.all(np.abs(found - np.array(s) / s[-1]) <= curve.numerical_error + 1e-7)
    np.testing.assert_allclose(found, np.array(s) / s[-1], atol=2e-4)
    assert found[0] == 0
    assert found[-1] == pytest.approx(1, abs=1e-6)
    exponential = -np.expm1(-time / tau_s)
    assert np.abs(found - exponential).max() > 0.02


@pytest.mark.parametrize("name", ["open", "energies"])
def test_relaxation_of_a_pattern_against_exponentials(name):
    network = NETWORKS[name]()
    K, n = dense(network)
    pattern = n * np.sign(network.sites.position[:, 1] - network.sites.width / 2)
    time = np.array([0.0, 1.0, 10.0, 100.0, 1e4])
    found = relaxation(network, pattern, time, tau_s=1e3)
    for t, value, error in zip(time, found.value, found.numerical_error):
        exact = (pattern / n) @ expm(-t * (K / n)) @ pattern * np.exp(-t / 1e3)
        assert abs(value - exact) <= error
        assert error < 2e-3 * n.sum()
    everything = relaxation(network, n, time, observable=np.ones(n.size), tau_s=1e3).value
    np.testing.assert_allclose(everything, n.sum() * np.exp(-time / 1e3), rtol=1e-6)


def test_alternating_current():
    """Slow: the steady state. Fast: the spin lags, as the step response's transform says."""
    network = random_network(1000, 0.03, 41)
    tau_s = 200.0
    omega = np.array([0.0, 1e-6, 1e-3, 0.01, 0.1])
    response = ac_response(network, tau_s, omega).value
    assert response[0] == pytest.approx(1, abs=1e-12)
    assert response[1] == pytest.approx(1, abs=1e-3)
    assert np.all(np.diff(np.abs(response)) < 0)
    assert response[3].imag > 0
    time = np.linspace(0, 30 * tau_s, 60_001)  # s(omega) = integral of ds/dt exp(i omega t)
    grown = step_response(network, tau_s, time).value
    middle = 0.5 * (time[1:] + time[:-1])
    for w, value in zip(omega[2:4], response[2:4]):
        assert value == pytest.approx((np.diff(grown) * np.exp(1j * w * middle)).sum(), abs=1e-3)


def full_alternating(network, tau_s, omega, storage):
    """Spin across the current of all 4 N equations, time factor exp(-i omega t), dense.

    ``storage`` times the charge that sites hold: 1 without Coulomb forces, 0 where they keep every
    site neutral without delay. The contacts are driven by a unit bias.
    """
    n, size = network.occupation, network.n_sites
    hopping = hopping_block(network, np.zeros((2, 2)), "rotation")[::3, ::3].toarray()
    turning = hopping_block(network, FORM, "rotation").toarray()
    torque, flow = (part.toarray() for part in coupling_blocks(network, FORM, 1e-3))
    wide = np.repeat(n, 3)
    system = np.block(
        [
            [hopping - 1j * omega * storage * np.diag(n), -flow],
            [-torque, turning + (1 / tau_s - 1j * omega) * np.diag(wide)],
        ]
    )
    right = np.zeros(4 * size, complex)
    held = np.concatenate([network.source, network.drain, np.flatnonzero(network.isolated)])
    system[held] = 0
    system[held, held] = 1
    right[network.source] = 1
    sigma = np.linalg.solve(system, right)[size:].reshape(size, 3)
    across = 1 if network.axis == "x" else 0
    return (n * sigma[:, across]).sum()


@pytest.mark.parametrize("name", ["open", "current along y", "energies"])
def test_alternating_current_against_all_equations(name):
    """A complex solve of charge and spin. Where charge follows without delay: the law, to 1e-4."""
    network, tau_s = NETWORKS[name](), 100.0
    omega = np.array([1e-3, 0.01, 0.1, 1.0])
    law = ac_response(network, tau_s, omega).value
    steady = full_alternating(network, tau_s, 0.0, 0.0)
    neutral = [full_alternating(network, tau_s, w, 0.0) / steady for w in omega]
    np.testing.assert_allclose(law, neutral, rtol=0, atol=1e-4)
    assert np.abs(law[1] - 1 / (1 - 1j)) > 0.02, "not the law of a single time"
    # charge without Coulomb forces follows as slowly as spins: only slow currents obey the law
    slow, fast = (full_alternating(network, tau_s, w, 1.0) / steady for w in (1e-10, 0.1))
    assert slow == pytest.approx(1, abs=1e-4)
    assert abs(fast - law[2]) > 0.1


def test_dyakonov_perel_relaxation():
    """[hopping S28]: falls at the mean rate at first, later more slowly; second order in angle."""
    network = random_network(200, 0.1, 43)
    for scale in (0.01, 0.1):
        form = scale * np.array([[0, 1.0], [-1.0, 0]])
        rate = precession_rate(network, form)
        time = np.array([0, 1e-3, 3.0, 300.0]) / rate
        left = dephasing(network, form, (0, 1, 0), time)
        assert left[0] == pytest.approx(1, abs=1e-12)
        assert 0 < 1 - left[1] <= 1e-3, "the mean rate is an upper bound"
        assert np.all(np.diff(left) < 0)
        assert left[2] > np.exp(-3.0), "slow sites keep their spin"
        early = dephasing(network, form, (0, 1, 0), [1e-5])
        assert (1 - early[0]) / 1e-5 == pytest.approx(rate, rel=1e-3)
    helix = dephasing(network, [[0, 0.3], [0, 0]], (1, 0, 0), [1e4])
    assert helix[0] == pytest.approx(1, abs=1e-9), "spin along the only axis of rotation"


def test_dyakonov_perel_time():
    """[hopping S28]: near n_s a_b^2 = 1 the estimate is good, below spins live 1/D longer."""
    ratios = {}
    for density, strength in ((1.0, 0.05), (0.2, 0.01)):
        form = strength * np.array([[0, 1.0], [-1.0, 0]])
        for seed in range(3):
            sites = hn.random_sites(250, density=density, seed=900 + seed, geometry="torus")
            with pytest.warns(hn.ValidityWarning, match="above 0.1"):
                network = hn.build_network(sites, cutoff=1.5 if density < 1 else 3.0)
            time = dephasing_time(network, form, (0, 1, 0))
            assert dephasing(network, form, (0, 1, 0), [time])[0] == pytest.approx(1 / np.e)
            by_diffusion = 1 / (2 * np.trace(diffusion_tensor(network)) * strength**2)
            assert time == pytest.approx(by_diffusion, rel=0.15)
            assert time > 1 / precession_rate(network, form)
            ratios.setdefault(density, []).append(time * strength**2)
        normal = dephasing_time(network, form, (0, 0, 1))
        assert normal == pytest.approx(0.5 * time, rel=0.15), "both axes of rotation turn z"
    assert np.mean(ratios[1.0]) == pytest.approx(0.59, abs=0.06)
    assert np.mean(ratios[0.2]) == pytest.approx(8.0, rel=0.3)
    n = network.occupation  # the same by a matrix exponential
    block = hopping_block(network, form, "rotation").toarray()
    left = expm(-time * block / np.repeat(n, 3)[:, None]) @ np.tile([0, 1.0, 0], network.n_sites)
    assert left[1::3].mean() == pytest.approx(1 / np.e, rel=1e-8)
    assert dephasing_time(network, np.zeros((2, 2)), (0, 1, 0)) == np.inf
    assert dephasing_time(network, [[0, 0.3], [0, 0]], (1, 0, 0)) == np.inf, "helix"


def test_diffusion_constant_of_a_lattice():
    """Square lattice with nearest neighbours: D = spacing^2 / tau."""
    sites = hn.lattice_sites("square", 40, 20, spacing=4.0)
    network = hn.build_network(sites, cutoff_radius=4.1, contact_width=4.1)
    current = hn.solve_current(network)
    exact = 16 * np.exp(-8)
    # 2 columns of sites at either end belong to contacts: the bare length between them is shorter
    columns = 40 - 2 * np.unique(sites.position[network.source, 0]).size + 1
    assert diffusion_constant(network, current) == pytest.approx(exact * 40 / columns, rel=1e-10)


NETWORK = random_network(250, 0.05, 31)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: response_at(NETWORK, [-0.1 + 1j]), "positive real part"),
        (lambda: response_at(NETWORK, []), "positive real part"),
        (lambda: response_at(NETWORK, [np.nan]), "positive real part"),
        (lambda: hn.hanle_curve(NETWORK, 0, [1.0]), "tau_s must be a finite number above 0"),
        (lambda: hn.hanle_curve(NETWORK, [1, 2], [1.0]), "tau_s must be a finite number above 0"),
        (lambda: hn.hanle_curve(NETWORK, 10, [np.inf]), "field must hold"),
        (lambda: hn.hanle_curve(NETWORK, 10, [1.0], method="fast"), "method must be"),
        (lambda: hn.hanle_curve(NETWORK, 10, [1.0], spin_orbit=np.eye(2)), "zero diagonal"),
        (
            lambda: hn.hanle_curve(NETWORK, 10, [1.0], tolerance=0),
            "tolerance must be a finite number above 0",
        ),
        (lambda: step_response(NETWORK, 10, [-1.0]), "time must hold"),
        (lambda: ac_response(NETWORK, 10, [-1.0]), "frequency must hold"),
        (lambda: relaxation(NETWORK, np.zeros(3), [1.0]), "pattern must be an array of shape"),
        (
            lambda: relaxation(NETWORK, np.zeros(250), [1.0], tau_s=-1),
            "tau_s must be a number above 0",
        ),
        (lambda: dephasing_time(NETWORK, FORM, (0, 0, 0)), "direction must"),
        (lambda: dephasing_time(NETWORK, FORM, (0, 1)), "direction must"),
        (lambda: dephasing(random_network(3000, 0.02, 11), FORM, (0, 1, 0), [1]), "up to 1000"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(hn.ParameterError, match=message):
        call()
