"""Chain solver of the Rashba gas: exact statements, closed forms, reference digits.

Labels: [rashba 1], [rashba 2], [rashba 3], [rashba 4], [rashba 5], [rashba 6], [rashba 7],
[rashba 8], [rashba 9], [rashba 10], [rashba 11], [rashba 12],
[rashba 13], [rashba 14], [rashba 15], [rashba 16], [rashba 17], [rashba 18].
"""

import dataclasses
import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import special

from hopnet.boltzmann import chain, depths, nodes
from hopnet.boltzmann.chain import chain_blocks
from hopnet.boltzmann.collisions import Disorder
from hopnet.boltzmann.kinetic import kinetic_response
from hopnet.boltzmann.limits import short_range_limit, smooth_skew_current, smooth_solution
from hopnet.boltzmann.potentials import (
    Potential,
    angular_potential,
    delta_potential,
    gaussian_potential,
    scaled_bessel,
    user_potential,
    yukawa_potential,
)
from hopnet.boltzmann.rashba import UNIVERSAL, RashbaGas, observe, solve_rashba
from hopnet.boltzmann.response import Electrons
from hopnet.boltzmann.texture import spin_texture
from hopnet.errors import ConvergenceError, ParameterError, ValidityWarning

SETTINGS = settings(max_examples=12, deadline=None, derandomize=True)

POTENTIALS = {
    "delta": delta_potential,
    "Gaussian": lambda time: gaussian_potential(time, 0.5),
    "Yukawa": lambda time: yukawa_potential(time, 0.5),
    "angular": lambda time: angular_potential(time, (1.0, 0.5)),
}

# alpha, tau_0 -> S_y in N_0 (alpha/2) tau_0 and J_x in p_F^2 tau_0 / 2 pi m, per potential
TABLE = [
    (
        0.1,
        10.0,
        (
            1.0003096074,
            1.0049999679,
            2.0569070972,
            2.0638416613,
            71.0029061400,
            70.9421420852,
            1.0001174390,
            1.3383333294,
        ),
    ),
    (
        0.4,
        1.0,
        (
            0.7577797118,
            1.0847539172,
            2.0525586359,
            2.3374535643,
            83.3851331173,
            84.6359580136,
            0.7897247903,
            1.4173145353,
        ),
    ),
    (
        0.4,
        10.0,
        (
            0.9991673286,
            1.0800184711,
            2.1743655115,
            2.3342080593,
            83.4611972816,
            84.6346962693,
            0.9996693474,
            1.4133412685,
        ),
    ),
    (
        0.4,
        100.0,
        (
            1.0000002389,
            1.0800000062,
            2.1725248507,
            2.3341958307,
            83.4619453200,
            84.6346837756,
            1.0000000868,
            1.4133333357,
        ),
    ),
    (
        1.0,
        1.0,
        (
            1.0698080681,
            1.4709333457,
            3.3818969672,
            4.2544039331,
            140.2459794439,
            191.3998710953,
            1.1253875912,
            1.7987606727,
        ),
    ),
    (
        1.0,
        10.0,
        (
            1.0041858120,
            1.4992469745,
            2.9280019312,
            4.3034213660,
            140.3212490044,
            191.3743580966,
            1.0042764670,
            1.8326172049,
        ),
    ),
]
ROWS = [
    pytest.param(alpha, tau, name, row[2 * k], row[2 * k + 1], id=f"{name}-{alpha}-{tau}")
    for alpha, tau, row in TABLE
    for k, name in enumerate(POTENTIALS)
]


def solve(gas, potential, **options):
    """Call `solve_rashba`; its warning is ignored, because E_F tau < 1 in some reference rows."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ValidityWarning)
        return solve_rashba(gas, potential, **options)


@pytest.mark.parametrize(("alpha", "tau", "name", "s_y", "j_x"), ROWS)
def test_reference_rows(alpha, tau, name, s_y, j_x):
    gas = RashbaGas(alpha)
    answer = solve(gas, POTENTIALS[name](tau))
    loose = 5e-9 if alpha == 1.0 else 2e-10  # the reference is good to a few 1e-8 at alpha = 1
    assert answer.s_y / gas.edelstein(tau) == pytest.approx(s_y, rel=loose)
    assert answer.j_x / (tau / (2 * math.pi)) == pytest.approx(j_x, rel=loose)
    assert answer.spin_current[0] / UNIVERSAL == pytest.approx(1.0, abs=1e-12)
    assert abs(answer.q_yz) < 1e-12 * UNIVERSAL
    assert answer.error <= 1e-9


FINE = [
    (1.0, 1.0, 1.069808068145, 1.470933345671),
    (1.0, 10.0, 1.004185812007, 1.499246974460),
    (0.4, 1.0, 0.757779711831, 1.084753917157),
    (0.4, 10.0, 0.999167328575, 1.080018471103),
]


@pytest.mark.parametrize(("alpha", "tau", "s_y", "j_x"), FINE)
def test_twelve_digits_of_the_delta_potential(alpha, tau, s_y, j_x):
    gas = RashbaGas(alpha)
    answer = solve(gas, delta_potential(tau), tolerance=1e-12)
    assert answer.s_y / gas.edelstein(tau) == pytest.approx(s_y, abs=4e-12)
    assert answer.j_x / (tau / (2 * math.pi)) == pytest.approx(j_x, abs=6e-12)


def test_four_digits_at_strong_splitting():
    gas = RashbaGas(3.0)
    answer = solve(gas, delta_potential(1.0))
    assert answer.s_y / gas.edelstein(1.0) == pytest.approx(0.92387, abs=5e-6)
    assert answer.s_y / gas.edelstein(1.0) == pytest.approx(0.923871878727, abs=1e-9)


@pytest.mark.parametrize(
    ("tau", "s_y", "j_x"),
    [(10.0, 41.5497269273, 154.3524634997), (1.0, 4.1406961393, 15.4669133909)],
)
def test_strong_splitting_by_smooth_disorder(tau, s_y, j_x):
    # The integrand grows towards r = d/2. The reference values come from 121 nodes, and four ways
    # to crowd the nodes there agree.
    gas, potential = RashbaGas(3.0), gaussian_potential(tau, 0.5)
    answer = solve(gas, potential)
    assert answer.s_y == pytest.approx(s_y, rel=1e-9)
    assert answer.j_x == pytest.approx(j_x, rel=1e-9)
    pole = depths.bottom_pole(gas, potential, 6)
    one, other = (observe(gas, potential, 6, nodes, pole)[0].sum(axis=1) for nodes in (32, 81))
    assert np.max(np.abs(other[1:] / one[1:] - 1)) < 2e-11


@SETTINGS
@given(
    st.floats(0.08, 2.5),
    st.floats(0.4, 60.0),
    st.floats(0.3, 3.0),
    st.sampled_from(list(POTENTIALS)),
    st.floats(0.2, 2.0),
)
def test_spin_current_vanishes_by_source(alpha, tau, energy, name, mass):
    potential = POTENTIALS[name](tau)
    potential = dataclasses.replace(potential, strength=potential.strength / mass)
    gas = RashbaGas(alpha, energy, mass)
    moments, *_ = observe(gas, potential, 6, 16)
    assert moments[0, 0] / UNIVERSAL == pytest.approx(1.0, abs=1e-11)
    assert moments[0, 1] / UNIVERSAL == pytest.approx(-1.0, abs=1e-11)


def test_zero_spin_current_does_not_prove_a_solution_right():
    # A chain that is cut off after one momentum still gives q_yz = 0, but a wrong S_y.
    gas, potential = RashbaGas(0.1), delta_potential(0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ValidityWarning)
        right = solve_rashba(gas, potential).s_y
    short = observe(gas, potential, 1, 16)[0].sum(axis=1)
    assert abs(short[0]) < 1e-12 * UNIVERSAL
    assert abs(short[1] / right - 1) > 1e-3


DEGENERATE = {"p_F+ = m alpha": 2**-0.5, "p_F+ = m alpha / 2": 2 / 3**0.5}


@pytest.mark.parametrize("name", list(DEGENERATE))
def test_degenerate_chains_are_limits_of_their_neighbours(name):
    alpha = DEGENERATE[name]
    values = []
    for nearby in (alpha * (1 - 1e-3), alpha, alpha * (1 + 1e-3)):
        answer = solve(RashbaGas(nearby), delta_potential(1.0))
        assert abs(answer.q_yz) < 1e-9 * UNIVERSAL
        values.append(answer.s_y)
    assert values[1] == pytest.approx((values[0] + values[2]) / 2, rel=6e-3)
    closer = solve(RashbaGas(alpha * (1 + 1e-6)), delta_potential(1.0)).s_y
    assert values[1] == pytest.approx(closer, rel=2e-5)
    exact = solve(RashbaGas(alpha), delta_potential(1.0))
    assert abs(exact.q_yz) < (1e-12 if alpha < 1 else 1e-9) * UNIVERSAL


@pytest.mark.parametrize(("tau", "peak"), [(1.0, 1.2069097), (10.0, 1.651061), (100.0, 1.66639)])
def test_peak_where_the_fermi_momentum_is_the_band_bottom(tau, peak):
    # At p_F+ = m alpha / 2 the response has a cusp in alpha, which is narrower for a longer
    # lifetime. Ordinary solutions within 1e-6 of it, on both sides, must extrapolate to the value
    # that the solver finds at the cusp.
    alpha, potential = DEGENERATE["p_F+ = m alpha / 2"], delta_potential(tau)

    def ratio(shift, **options):
        gas = RashbaGas(alpha * (1 + shift))
        answer = solve(gas, potential, **options)
        assert abs(answer.q_yz) < 1e-7 * UNIVERSAL
        return answer.s_y / gas.edelstein(tau)

    at_peak = ratio(0.0)
    assert at_peak == pytest.approx(peak, rel=1e-6)
    for side in (-1, 1):
        one, two = ratio(side * 4e-7), ratio(side * 8e-7)
        assert one > two
        assert at_peak == pytest.approx(2 * one - two, rel=6e-4)
        assert ratio(side * 1e-12) == pytest.approx(at_peak, rel=2e-6)


@pytest.mark.parametrize("side", [-1, 1])
@pytest.mark.parametrize("distance", [1e-3, 1e-2])
@pytest.mark.parametrize("name", ["delta", "Gaussian"])
def test_no_spin_current_near_the_band_bottom(name, distance, side):
    gas = RashbaGas(DEGENERATE["p_F+ = m alpha / 2"] * (1 + side * distance))
    for tau in (1.0, 100.0):
        assert abs(solve(gas, POTENTIALS[name](tau)).q_yz) < 1e-12 * UNIVERSAL


@pytest.mark.parametrize("alpha", [0.1, 0.4, 1.0, 3.0])
def test_well_split_short_range_limit(alpha):
    # S_y = N_0 (alpha/2) tau_0 and J_x = n tau_0 / m exactly, and the Fermi weights [rashba 17]
    gas, tau = RashbaGas(alpha), 1e6
    limit = short_range_limit(gas, tau)
    answer = solve(gas, delta_potential(tau))
    assert answer.s_y == pytest.approx(gas.edelstein(tau), rel=1e-9)
    assert answer.j_x == pytest.approx(gas.density * tau, rel=1e-9)
    assert limit.spin_density == pytest.approx(gas.edelstein(tau), rel=1e-12)
    assert limit.charge_current == pytest.approx(gas.density * tau, rel=1e-12)
    assert limit.spin_current[0] == pytest.approx(UNIVERSAL, rel=1e-12)
    assert limit.spin_current[1] == pytest.approx(-UNIVERSAL, rel=1e-12)
    step = gas.momentum_splitting
    momentum = math.fmod(gas.fermi_momenta[0], step) + step * np.arange(-60, 61)[None]
    drive = chain.acceleration_source(momentum, gas)
    solution = chain.solve_matrix(momentum, gas, delta_potential(tau), drive).matrix
    at_plus = np.argmin(np.abs(momentum[0] - gas.fermi_momenta[0]))
    assert 2 * solution[0, at_plus, 0] == pytest.approx(limit.plus, rel=1e-6)
    assert 2 * solution[0, at_plus + 1, 1] == pytest.approx(limit.minus, rel=1e-6)


def test_weak_splitting_follows_the_transport_time():
    gas = RashbaGas(0.02)
    potential = gaussian_potential(50.0, 1.5)
    w = potential.moments(np.array([1.0]), np.array([1.0]), 2)[:, 0]
    transport = 50.0 / (w[0] - w[1])
    answer = solve(gas, potential)
    assert answer.s_y / gas.edelstein(transport) == pytest.approx(1.0004758448, abs=2e-9)
    gas, transport = RashbaGas(0.1), 20.0 / (w[0] - w[1])
    answer = solve(gas, gaussian_potential(20.0, 1.5))
    assert answer.s_y / gas.edelstein(transport) == pytest.approx(1.0119500740, abs=2e-9)


def test_angular_weight_follows_the_lifetime():
    gas = RashbaGas(0.02)
    answer = solve(gas, angular_potential(50.0, (1.0, 0.5)))
    assert answer.s_y / gas.edelstein(50.0) == pytest.approx(1.0000001363, abs=2e-10)


SMOOTH = [
    (0.4, 1.0, 8.0, 372.699512331, 1425.16264052),
    (0.4, 20.0, 3.0, 395.190829565, 1527.3185551),
]


@pytest.mark.parametrize(("alpha", "tau", "radius", "s_y", "j_x"), SMOOTH)
def test_reference_rows_of_the_smooth_limit(alpha, tau, radius, s_y, j_x):
    answer = solve(RashbaGas(alpha, interband=False), gaussian_potential(tau, radius))
    assert answer.s_y == pytest.approx(s_y, rel=2e-11)
    assert answer.j_x == pytest.approx(j_x, rel=2e-11)
    assert abs(answer.q_yz) < 1e-11 * UNIVERSAL


@SETTINGS
@given(st.floats(0.05, 1.5), st.floats(0.5, 50.0), st.floats(0.3, 3.0), st.floats(0.8, 2.5))
def test_smooth_limit_equals_the_closed_form_pointwise(alpha, tau, radius, p):
    gas, potential = RashbaGas(alpha, interband=False), gaussian_potential(tau, radius)
    _, diagonal, _ = chain_blocks(np.array([[p]]), gas, potential)
    v_plus, v_minus = p + alpha / 2, p - alpha / 2
    for e_plus, e_minus, coherence in ((-1.0, 0.0, 0.0), (0.0, -1.0, 0.0), (0.0, 0.0, -1.0)):
        drive = [-e_plus / 2 * v_plus, -e_minus / 2 * v_minus, -coherence / 4 * v_minus, 0.0]
        plus, minus, real, imaginary = np.linalg.solve(diagonal[0, 0], drive)
        closed = smooth_solution(
            gas, potential, p, e_plus=e_plus, e_minus=e_minus, coherence=coherence
        )
        scale = max(abs(closed.plus), abs(closed.minus), 1.0)
        assert abs(2 * plus - closed.plus) < 2e-12 * scale
        assert abs(2 * minus - closed.minus) < 2e-12 * scale
        assert abs(-4 * imaginary - closed.sum) < 1e-11 * scale
        assert abs(4 * real - closed.difference.imag) < 1e-11 * scale


def test_sum_rule_14_holds_at_every_momentum_of_the_smooth_limit():
    gas, potential = RashbaGas(0.4, interband=False), gaussian_potential(5.0, 3.0)
    found = smooth_solution(gas, potential, 1.0, e_plus=-0.3, e_minus=0.7, coherence=-0.2)
    assert -gas.splitting * 1.0 * found.sum == pytest.approx(-0.3 - 0.7 - 0.2, rel=1e-13)


def spinor(helicity, angle):
    """Eigenfunction of [rashba 1]: exp(-i mu (phi - pi/2)) d_{mu M}(pi/2)."""
    d = {1: (1, 1), -1: (-1, 1)}[helicity]
    phase = np.exp(np.array([-0.5j, 0.5j]) * (angle - math.pi / 2))
    return phase * np.array(d) / math.sqrt(2)


def direct_kernel(gas, potential_cosines, M, N, M1, N1, points=48):
    """First harmonic of [rashba 6] with spinors and 2x2 matrices, by a sum over the angle."""
    total = 0.0
    for theta in 2 * math.pi * np.arange(points) / points:
        u = sum(c * math.cos(k * theta) for k, c in enumerate(potential_cosines))
        final, initial = 0.7 + theta, 0.7
        gamma_m = math.sin(initial - final) * np.diag([1.0, -1.0])
        x = math.cos(final) + math.cos(initial)
        y = math.sin(final) + math.sin(initial)
        gamma_r = np.array([[0, y + 1j * x], [y - 1j * x, 0]])
        amplitude = np.eye(2) - 1j * gas.lambda_z * gamma_m - gas.lambda_xy * gamma_r

        def element(a, b, final=final, amplitude=amplitude, initial=initial):
            return spinor(a, final).conj() @ amplitude @ spinor(b, initial)

        product = element(M, M1) * np.conj(element(N, N1))
        total += u * product * np.exp(-1j * theta) / points
    return total


@pytest.mark.parametrize(("xy", "z"), [(0.0, 0.0), (0.2, 0.0), (0.0, 0.3), (0.15, 0.2)])
def test_kernel_equals_products_of_spinors(xy, z):
    gas = RashbaGas(0.3, lambda_xy=xy, lambda_z=z)
    cosines = (1.0, 0.5, 0.2, 0.1, 0.05)
    potential = angular_potential(1.0, cosines)
    kernel = chain.scattering_kernel(potential.moments(1.0, 1.0, 4), gas)
    signs = {0: 1, 1: -1}
    for M in (0, 1):
        for N in (0, 1):
            for M1 in (0, 1):
                for N1 in (0, 1):
                    expected = direct_kernel(gas, cosines, signs[M], signs[N], signs[M1], signs[N1])
                    assert kernel(M, N, M1, N1) == pytest.approx(expected, abs=1e-13)


def test_kernel_symmetries_of_scalar_disorder():
    # [rashba 12], first harmonic: K++++ = K----, K++-+ = K-+++ up to the factor -1 of sin, ...
    kernel = chain.scattering_kernel(
        angular_potential(1.0, (1.0, 0.3)).moments(1.0, 1.0, 2), RashbaGas(0.3)
    )
    assert kernel(0, 0, 0, 0) == kernel(1, 1, 1, 1)
    assert kernel(0, 1, 0, 0) == -kernel(1, 0, 0, 0)
    assert kernel(0, 0, 1, 0) == kernel(1, 0, 0, 0)


SKEW_SMOOTH = [
    (0.1, 10.0, 0.1, 0.005),
    (0.4, 10.0, 0.1, 0.005421081065),
    (0.4, 10.0, 0.2, 0.010782587958),
    (0.4, 10.0, -0.1, -0.005481441481),
    (0.4, 1.0, 0.1, 0.051620252372),
    (1.0, 10.0, 0.1, 0.013778156297),
]


@pytest.mark.parametrize(("alpha", "tau", "kappa", "q"), SKEW_SMOOTH)
def test_skew_kernel_within_a_band_equals_its_closed_form(alpha, tau, kappa, q):
    gas = RashbaGas(alpha, skew=kappa, interband=False)
    answer = solve(gas, delta_potential(tau))
    assert answer.q_yz / UNIVERSAL == pytest.approx(q, abs=2e-12)
    assert smooth_skew_current(gas, tau) / UNIVERSAL == pytest.approx(q, abs=2e-12)


SKEW_FULL = [
    (0.1, 0.1, 1.19524e-4, -1.01693),
    (0.4, 0.1, 3.07286e-4, 0.869465788),
    (0.4, -0.1, 2.517e-4, None),
]


@pytest.mark.parametrize(("alpha", "kappa", "q", "s_y"), SKEW_FULL)
def test_skew_kernel_between_bands_is_weaker(alpha, kappa, q, s_y):
    gas = RashbaGas(alpha, skew=kappa)
    answer = solve(gas, delta_potential(10.0), tolerance=1e-8)
    digits = 3e-7 if s_y is None else 1e-9
    assert answer.q_yz / UNIVERSAL == pytest.approx(q, abs=digits)
    if s_y is not None:
        assert answer.s_y / gas.edelstein(10.0) == pytest.approx(s_y, rel=2e-6)


def principal_value(gas, potential, **options):
    """Call `solve_rashba`, which must warn that it took a principal value."""
    with pytest.warns(ValidityWarning, match="principal value"):
        return solve_rashba(gas, potential, **options)


@pytest.mark.parametrize(("kappa", "q"), [(0.1, 0.2357457), (0.0, 0.0980638), (-0.1, -0.0425879)])
def test_spin_relaxing_disorder_keeps_a_spin_current(kappa, q):
    # The reference values are means over ordinary nodes. The pole (see `POLE`) limits their digits.
    answer = principal_value(RashbaGas(0.1, lambda_z=0.2, skew=kappa), delta_potential(10.0))
    assert answer.q_yz / UNIVERSAL == pytest.approx(q, abs=1e-4)


@pytest.mark.parametrize("tolerance", [1e-9, 1e-11])
def test_error_covers_the_spin_current_of_spin_flip_disorder(tolerance):
    # The right value comes from an earlier program, with 192 nodes.
    answer = solve_rashba(
        RashbaGas(1.0, lambda_xy=-0.2), delta_potential(10.0), tolerance=tolerance
    )
    assert abs(answer.q_yz / UNIVERSAL - 0.119107822463) < answer.error + 5e-13
    assert answer.error < 1.1 * tolerance


@pytest.mark.parametrize("sign", [1, -1])
def test_negative_rashba_vertex_has_a_growing_mode_too(sign):
    # As for lambda_z > 0 the determinant has a zero, here at p = 0.480 m alpha.
    gas, potential = RashbaGas(0.4 * sign, lambda_xy=-0.01 * sign), delta_potential(10.0)
    answer = principal_value(gas, potential)
    assert answer.growing == pytest.approx([0.5 - 0.479416376514], abs=1e-11)
    assert answer.q_yz / UNIVERSAL == pytest.approx(0.003800163175, abs=1e-11)
    assert answer.s_y == pytest.approx(sign * 0.336326671815, abs=1e-11)
    rates = [
        np.min(np.linalg.eigvals(relaxation_matrix(gas, potential, 0.4 * r, 10)).real)
        for r in (0.475, 0.485)
    ]
    if sign > 0:
        assert rates[0] > 0 > rates[1]
    finer = principal_value(gas, potential, tolerance=1e-12)
    assert finer.q_yz == pytest.approx(answer.q_yz, abs=1e-12)


def relaxation_matrix(gas, potential, origin, beyond):
    """Minus the right side of [rashba 5] on one chain: its eigenvalues are relaxation rates."""
    step = gas.momentum_splitting
    below = int(gas.fermi_momenta[1] / step) + 1 + beyond
    chain_points = origin + step * np.arange(-below, below + 1)
    lower, diagonal, upper = chain_blocks(chain_points[None], gas, potential)
    n = chain_points.size
    matrix = np.zeros((n, 4, n, 4))
    for k in range(n):
        matrix[k, :, k] = diagonal[0, k]
        if k:
            matrix[k, :, k - 1] = lower[0, k]
        if k < n - 1:
            matrix[k, :, k + 1] = upper[0, k]
    plus = np.abs(chain_points) / gas.mass + gas.absolute_splitting / 2
    minus = np.abs(np.abs(chain_points) / gas.mass - gas.absolute_splitting / 2)
    velocity = np.stack([plus, minus, minus, minus], axis=1).ravel()
    return matrix.reshape(4 * n, 4 * n) / velocity[:, None]


# Momentum at which the determinant of the chain matrix vanishes for lambda_z = 0.2, in units of
# d = m alpha.
POLE = 0.162860521656


@pytest.mark.parametrize("beyond", [5, 20])
def test_a_rate_of_the_spin_relaxing_kernel_changes_sign(beyond):
    # For lambda_z = 0.2 the determinant has a simple real zero, for any length of the chain.
    gas, potential = RashbaGas(0.1, lambda_z=0.2), delta_potential(10.0)
    at = [
        relaxation_matrix(gas, potential, origin * 0.1, beyond)
        for origin in (POLE - 1e-9, POLE + 1e-9, 0.15, 0.175)
    ]
    sign = [np.linalg.slogdet(matrix)[0] for matrix in at]
    assert sign[0] == sign[2] == -sign[1] == -sign[3]
    slowest = [10 * np.min(np.linalg.eigvals(matrix).real) for matrix in at[2:]]
    assert slowest[0] == pytest.approx(0.003036, abs=1e-5)  # decays, in 1/tau_0
    assert slowest[1] == pytest.approx(-0.003173, abs=1e-5)  # grows


@pytest.mark.parametrize(("z", "grows"), [(0.2, True), (0.05, True), (0.0, False), (-0.2, False)])
def test_growing_modes_need_a_positive_mott_vertex(z, grows):
    gas = RashbaGas(0.1, lambda_z=z)
    slowest = [
        np.min(np.linalg.eigvals(relaxation_matrix(gas, delta_potential(10.0), r, 10)).real)
        for r in 0.1 * np.array([0.05, 0.25, 0.4, 0.48])
    ]
    assert (min(slowest) < 0) == grows


@pytest.mark.parametrize("half", [0.05, 0.1])
def test_principal_value_of_the_spin_relaxing_kernel(half):
    # Nodes at equal distances on both sides of the pole give all digits, for any width of the
    # interval. The rows above, without such nodes, agree to 3e-5.
    gas, potential = RashbaGas(0.1, lambda_z=0.2), delta_potential(10.0)
    step = gas.momentum_splitting
    fermi = step / 2 - depths.fermi_depth(gas)
    pole, half = POLE * step, half * step
    x, w = nodes.gauss_rule(24)
    outer, outer_weight = nodes.graded_nodes(
        [(0.0, pole - half), (pole + half, fermi), (fermi, step / 2)], 24
    )
    origin = np.concatenate([[fermi], pole + half * x, outer])
    momentum = origin[:, None] + step * np.arange(-32, 33)
    each, _ = chain.solve_chains(momentum, gas, potential, 1)
    total = np.concatenate([[1.0], half * w, outer_weight]) @ each
    assert total[0] / UNIVERSAL == pytest.approx(0.0980569608415, abs=1e-11)
    answer = principal_value(gas, potential)
    assert answer.q_yz / UNIVERSAL == pytest.approx(0.0980569608415, abs=1e-11)
    assert answer.growing == pytest.approx([0.5 - POLE], abs=1e-11)
    assert total[0] / UNIVERSAL == pytest.approx(0.0980638, abs=3e-5)


STAR = [(0.1, -2.87726, 0.06066, -2.92182), (-0.1, 4.91377, None, 4.84189)]


@pytest.mark.parametrize(("xy", "s_y", "q", "harmonics"), STAR)
def test_both_solvers_see_the_star(xy, s_y, q, harmonics):
    # alpha of this gas is twice alpha_H of the harmonics; S_y is in N_0 alpha_H tau.
    gas, tau = RashbaGas(0.05, lambda_xy=xy), 20.0
    answer = solve(gas, delta_potential(tau), tolerance=1e-7)
    assert answer.s_y / gas.edelstein(tau) == pytest.approx(s_y, abs=6e-6)
    if q is not None:
        assert answer.q_yz / UNIVERSAL == pytest.approx(q, abs=6e-6)
    electrons = Electrons(rashba=0.025, drude_time=tau)
    unit = gas.edelstein(tau) * electrons.fermi_velocity
    full = kinetic_response(electrons, Disorder(xy), 5).magnetisation[1] / unit
    bare = kinetic_response(electrons, Disorder(xy), 5, star=False).magnetisation[1] / unit
    assert full == pytest.approx(harmonics, abs=6e-6)
    assert bare == pytest.approx(0.94176, abs=6e-6)
    assert abs(full - s_y) < 0.1 < 3 < abs(bare - s_y)


def test_weak_coupling_agrees_with_the_linear_response():
    gas, tau = RashbaGas(0.02), 50.0
    electrons = Electrons(rashba=0.01, drude_time=tau)
    harmonics = kinetic_response(electrons, Disorder(), 3)
    answer = solve(gas, delta_potential(tau))
    assert answer.s_y * electrons.fermi_velocity == pytest.approx(
        harmonics.magnetisation[1], rel=1e-6
    )
    assert answer.j_x == pytest.approx(2 * harmonics.charge_current[0], rel=1e-3)


def test_the_sign_of_alpha_turns_the_spin_only():
    one, other = (solve(RashbaGas(a), gaussian_potential(5.0, 0.7)) for a in (0.3, -0.3))
    assert other.s_y == -one.s_y
    assert other.spin_current == one.spin_current
    assert other.j_x == one.j_x


def test_half_turn_of_the_spins_maps_the_hamiltonian():
    # The reason: sigma_z H(alpha) sigma_z = H(-alpha), and sigma_z commutes with S_z.
    px, py, alpha = 0.3, -0.8, 0.4

    def hamiltonian(a):
        return a / 2 * np.array([[0, py + 1j * px], [py - 1j * px, 0]])

    turn = np.diag([1, -1])
    assert np.allclose(turn @ hamiltonian(alpha) @ turn, hamiltonian(-alpha))


def test_no_splitting_is_drude():
    gas, potential = RashbaGas(0.0), gaussian_potential(10.0, 0.5)
    answer = solve(gas, potential)
    w = potential.moments(np.array([1.0]), np.array([1.0]), 2)[:, 0]
    assert answer.q_yz == 0
    assert answer.s_y == 0
    assert answer.j_x == pytest.approx(gas.density * 10.0 / (w[0] - w[1]), rel=1e-13)
    small = solve(RashbaGas(0.004), potential)
    assert small.j_x == pytest.approx(answer.j_x, rel=1e-4)


def quadrature(profile, p, p1, l):
    angle = 2 * math.pi * np.arange(4096) / 4096
    return float(np.mean(profile(p, p1, angle) * np.cos(l * angle)))


PROFILES = {
    "Gaussian": lambda p, p1, t: np.exp(-0.25 * (p * p + p1 * p1 - 2 * p * p1 * np.cos(t))),
    "Yukawa": lambda p, p1, t: (0.25 / (p * p + p1 * p1 - 2 * p * p1 * np.cos(t) + 0.25)) ** 2,
    "angular": lambda p, p1, t: 1 + 0.5 * np.cos(t),
}


@pytest.mark.parametrize("name", list(PROFILES))
@pytest.mark.parametrize(("p", "p1"), [(1.0, 1.0), (0.3, 1.7), (0.0, 0.6), (1e-3, 1e-3)])
def test_moments_in_closed_form(name, p, p1):
    found = POTENTIALS[name](1.0).moments(np.array(p), np.array(p1), 4)
    expected = [quadrature(PROFILES[name], p, p1, l) for l in range(5)]
    assert found == pytest.approx(expected, abs=1e-12)


def test_bessel_functions_against_scipy():
    x = np.concatenate([[0.0], np.geomspace(1e-8, 500.0, 400)])
    expected = special.ive(np.arange(5)[:, None], x)
    assert np.max(np.abs(scaled_bessel(4, x) - expected)) < 1e-13


def test_user_potential_gives_the_same_response():
    gas = RashbaGas(0.4)
    mine = solve(gas, user_potential(10.0, PROFILES["Gaussian"], angles=64))
    closed = solve(gas, gaussian_potential(10.0, 0.5))
    assert mine.s_y == pytest.approx(closed.s_y, rel=1e-10)


def test_texture_adds_up_to_the_currents():
    gas, potential = RashbaGas(0.4), delta_potential(10.0)
    answer = solve(gas, potential)
    p = gas.fermi_momenta[0] + gas.momentum_splitting * (np.arange(200) + 0.5) / 200
    inner = spin_texture(gas, potential, p)
    lines = np.sum(inner.line_momentum**2 * inner.line_spin_z) / (4 * math.pi)
    assert lines / UNIVERSAL == pytest.approx(1.0, abs=1e-12)
    # The smooth part at all momenta, from 0 to far beyond the Fermi momenta.
    step = 2e-3
    p = (np.arange(2000) + 0.5) * step
    outer = spin_texture(gas, potential, p)
    smooth = np.sum(p**2 * outer.spin_z) * step / (4 * math.pi)
    assert smooth / UNIVERSAL == pytest.approx(-1.0, abs=3e-3)
    density = -np.sum(p * (outer.spin_along_field - outer.spin_along_momentum)) * step
    density -= np.sum(
        inner.line_momentum * (inner.line_spin_along_field - inner.line_spin_along_momentum)
    )
    assert density / (4 * math.pi) == pytest.approx(answer.s_y, rel=1e-3)


BAD = {
    "single band": lambda: RashbaGas(0.4, fermi_energy=-0.01),
    "mass": lambda: RashbaGas(0.4, mass=0.0),
    "nan": lambda: RashbaGas(math.nan),
    "array": lambda: RashbaGas(np.array([0.1, 0.2])),
    "no time": lambda: delta_potential(0.0),
    "no radius": lambda: gaussian_potential(1.0, -1.0),
    "negative probability": lambda: angular_potential(1.0, (1.0, 2.0)),
    "no relaxation": lambda: solve_rashba(
        RashbaGas(0.4), Potential("none", 1.0, lambda p, p1, top: np.zeros((top + 1, *p.shape)))
    ),
    "negative profile": lambda: solve_rashba(
        RashbaGas(0.4), user_potential(9.0, lambda p, p1, t: np.cos(t))
    ),
    "rough profile": lambda: solve_rashba(
        RashbaGas(0.4), user_potential(9.0, lambda p, p1, t: np.exp(9 * np.cos(t)), angles=16)
    ),
    "few angles": lambda: user_potential(9.0, PROFILES["Gaussian"], angles=7),
    "tiny splitting": lambda: solve_rashba(RashbaGas(1e-6), delta_potential(10.0)),
    "no chains": lambda: solve_rashba(RashbaGas(0.0, lambda_xy=0.1), delta_potential(10.0)),
    "tolerance": lambda: solve_rashba(RashbaGas(0.4), delta_potential(9.0), tolerance=0.0),
    "texture": lambda: spin_texture(RashbaGas(-0.4), delta_potential(9.0), [1.0]),
    "closed form": lambda: smooth_skew_current(RashbaGas(0.0), 9.0),
}


@pytest.mark.parametrize("name", list(BAD))
def test_bad_input_is_refused(name):
    with pytest.raises(ParameterError):
        BAD[name]()


def test_short_lifetime_warns_and_still_has_no_spin_current():
    gas = RashbaGas(0.4)
    with pytest.warns(ValidityWarning, match="below 1"):
        answer = solve_rashba(gas, delta_potential(0.05), tolerance=1e-6)
    assert answer.s_y < 0  # outside the range of a kinetic equation
    assert abs(answer.q_yz) < 1e-12 * UNIVERSAL


def test_too_strong_skew_warns():
    with pytest.warns(ValidityWarning, match="is negative beyond"):
        solve_rashba(RashbaGas(0.4, skew=0.6), delta_potential(10.0), tolerance=1e-4)


def test_a_missed_tolerance_carries_its_estimate():
    with pytest.raises(ConvergenceError, match="still changes") as caught:
        solve(RashbaGas(3.0), delta_potential(1.0), levels=1, tolerance=1e-13)
    assert caught.value.estimate.s_y == pytest.approx(
        solve(RashbaGas(3.0), delta_potential(1.0)).s_y, rel=1e-3
    )
