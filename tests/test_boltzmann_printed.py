"""Every wrong sign or factor of the paper, put in alone, must make a named check fail.

With the consistent convention all checks pass. Each check is named after the law that it tests.
Labels: [qbe 1],
[qbe 2], [qbe 3], [qbe 4], [qbe 6], [qbe 7], [qbe 10], [qbe 11], [qbe 13], [qbe 14], [qbe 15],
[qbe 17], [qbe 19], [qbe 20], [qbe 21], [qbe 22], [qbe 24], [qbe 25], [qbe 26], [qbe B3],
[qbe B4], [qbe B6], [qbe B7], [qbe B8], [qbe B9], [qbe B11], [qbe B12], [qbe B13].
"""

import dataclasses
import math

import numpy as np
import pytest
from scipy.integrate import quad

from hopnet.boltzmann import chain
from hopnet.boltzmann.approximation import approximate_response
from hopnet.boltzmann.collisions import (
    Disorder,
    born_kernel,
    collision_integral,
    precession_matrix,
    skew_term,
)
from hopnet.boltzmann.conventions import CONSISTENT, PRINTED, Convention
from hopnet.boltzmann.kinetic import kinetic_response
from hopnet.boltzmann.limits import short_range_limit
from hopnet.boltzmann.microscopic import (
    Sample,
    cutoff_integral,
    estimate_insb,
    rashba_renormalisation,
    reduce_sample,
    vertex_element,
)
from hopnet.boltzmann.potentials import delta_potential
from hopnet.boltzmann.rashba import UNIVERSAL, RashbaGas, solve_rashba
from hopnet.boltzmann.response import (
    Electrons,
    ansatz_parameters,
    coefficients,
    coefficients_from_ratios,
    linear_response,
    relaxation_rates,
)
from hopnet.errors import ParameterError

DISORDER = Disorder(0.12, 0.17, 0.2)
ELECTRONS = Electrons(mass=1.7, rashba=0.03, fermi_momentum=1.3, drude_time=2.5)


def check_uniform_spin_relaxes_as_the_collisions_say(convention):
    rates = relaxation_rates(ELECTRONS, DISORDER, convention)
    projected = -np.diag(collision_integral(DISORDER, 1))[1:4] / ELECTRONS.drude_time
    assert rates.elliott_yafet == pytest.approx(projected, rel=1e-12)


def check_precession_rates_are_projections(convention):
    found = coefficients(ELECTRONS, DISORDER, convention)
    matrix = collision_integral(DISORDER, 1)
    assert found.magnetisation_from_charge == pytest.approx(2 * matrix[2, 4], rel=1e-12)
    assert found.charge_from_magnetisation == pytest.approx(matrix[4, 2] / 2, rel=1e-12)


def check_skew_angle_is_a_projection(convention):
    found = coefficients(Electrons(), DISORDER, convention)
    assert found.spin_hall_angle == pytest.approx(skew_term(DISORDER, 1)[4, 11], rel=1e-12)


def check_edelstein_limit(convention):
    answer = linear_response(coefficients(ELECTRONS, Disorder(), convention))
    expected = ELECTRONS.density_of_states * 0.03 * 2.5 * ELECTRONS.fermi_velocity
    assert answer.magnetisation == pytest.approx(expected, rel=1e-12)


def check_edelstein_limit_of_the_kinetic_equation(convention):
    answer = kinetic_response(ELECTRONS, Disorder(), 2, convention=convention)
    expected = ELECTRONS.density_of_states * 0.03 * 2.5 * ELECTRONS.fermi_velocity
    assert answer.magnetisation[1] == pytest.approx(expected, rel=1e-12)


def check_spin_continuity(convention):
    # dm_y/dt = - 2 m alpha J^z_y, times v_F: the row of M against the precession term
    found = coefficients(ELECTRONS, Disorder(), convention)
    turn = ELECTRONS.rashba * ELECTRONS.fermi_momentum * ELECTRONS.drude_time
    assert found.magnetisation_from_spin == pytest.approx(
        -2 * turn * precession_matrix(1)[2, 11], rel=1e-12
    )


def check_side_jump_is_the_displacement(convention):
    # With the amplitude 1 - i b (k x p)_z s a spin s that is scattered from p to k jumps by
    # -(d_k + d_p) arg <k|U|p>. The work of the field along this jump, summed over p, is the
    # source of the distribution.
    b = DISORDER.lambda_z / ELECTRONS.fermi_momentum**2
    angle = 2 * math.pi * (np.arange(64) + 0.5) / 64
    k = ELECTRONS.fermi_momentum * np.array([math.cos(0.4), math.sin(0.4)])
    p = ELECTRONS.fermi_momentum * np.stack([np.cos(angle), np.sin(angle)])

    def phase(k, p):
        return -b * (k[0] * p[1] - k[1] * p[0])

    h = 1e-4
    shift = [
        -(phase(k[:, None] + e, p + e) - phase(k[:, None] - e, p - e)) / (2 * h)
        for e in (h * np.array([[1.0], [0.0]]), h * np.array([[0.0], [1.0]]))
    ]
    source = np.mean(shift[0]) / math.sin(0.4)  # amplitude of sin, energy per unit field
    unit = ELECTRONS.fermi_velocity * ELECTRONS.drude_time
    found = coefficients(ELECTRONS, DISORDER, convention)
    assert found.side_jump / found.drude_conductivity == pytest.approx(source / unit, rel=1e-6)


def check_side_jump_has_no_unit_of_length(convention):
    ratio = []
    for scale in (1.0, 2.0):  # lengths halved, the same dimensionless electrons
        electrons = Electrons(1.7, 0.0, 1.3 * scale, 2.5 / scale**2)
        found = coefficients(electrons, DISORDER, convention)
        ratio.append(found.side_jump / found.drude_conductivity)
    assert ratio[0] == pytest.approx(ratio[1], rel=1e-12)


SAMPLE = Sample(20e-10, 30e-10, 20e-9, 3e-37, 1e15, 8e-21, 0.03 * 9.1e-31, 1e-30)


def check_vertices_are_the_plane_wave_elements(convention):
    k = SAMPLE.fermi_wavenumber
    final, initial = 0.3, 1.9
    element = vertex_element(
        SAMPLE,
        (k * math.cos(final), k * math.sin(final)),
        (k * math.cos(initial), k * math.sin(initial)),
    )
    disorder = reduce_sample(SAMPLE, convention).disorder
    mott = math.sin(initial - final)
    y = math.sin(final) + math.sin(initial)
    x = math.cos(final) + math.cos(initial)
    rashba_vertex = np.array([[0, y + 1j * x], [y - 1j * x, 0]])
    form = np.eye(2) - 1j * disorder.lambda_z * mott * np.diag([1, -1])
    form = form - disorder.lambda_xy * rashba_vertex
    assert np.max(np.abs(form - element)) < 1e-12


def check_moments_of_the_shifted_circle(convention):
    # J = sum_p (p_x/m)(p_x v_c) delta(eps - mu), summed over angles
    answer = linear_response(coefficients(ELECTRONS, DISORDER))
    shift = ansatz_parameters(ELECTRONS, answer, convention)
    angle = 2 * math.pi * np.arange(16) / 16
    px = ELECTRONS.fermi_momentum * np.cos(angle)
    current = ELECTRONS.density_of_states * np.mean(px / 1.7 * px * shift.charge_velocity)
    assert current == pytest.approx(answer.charge_current, rel=1e-12)


DOMINATED = {
    "precession": -1e-5,
    "rashba": 0.05,
    "spin_hall_angle": 1e-3,
    "relaxation_time": 1e4,
    "side_jump": -1e-4,
}


def check_approximate_spin_current(convention):
    row = coefficients_from_ratios(**DOMINATED, convention="consistent")
    assert approximate_response(row, convention).error[1] < 1e-2


def check_approximate_magnetisation(convention):
    row = coefficients_from_ratios(**DOMINATED, convention="consistent")
    assert approximate_response(row, convention).error[2] < 1e-2


def check_born_identity(convention):
    disorder = Disorder(0.3, 0.17)
    difference = collision_integral(disorder, 4, convention=convention) - born_kernel(disorder, 4)
    assert np.max(np.abs(difference)) < 1e-13


def real_self_energy(electrons, disorder, bandwidth, points=16):
    """Field along Gamma_R(p^) of [qbe B3] with a principal-value G, by sums over angles."""
    p_F, states = electrons.fermi_momentum, electrons.density_of_states
    scale = 1 / (2 * math.pi * electrons.drude_time * states)  # n_s v_0**2
    angle = 2 * math.pi * np.arange(points) / points
    theta = 0.7

    def vertex_product(energy):
        p = math.sqrt(2 * electrons.mass * energy)
        total = np.zeros((2, 2), dtype=complex)
        for other in angle:
            mott = p / p_F * math.sin(other - theta) * np.diag([1.0, -1.0])
            x = math.cos(theta) + p / p_F * math.cos(other)
            y = math.sin(theta) + p / p_F * math.sin(other)
            gamma_r = np.array([[0, y + 1j * x], [y - 1j * x, 0]])
            total += 1j * (mott @ gamma_r - gamma_r @ mott) / points
        axis = np.array(
            [
                [0, math.sin(theta) + 1j * math.cos(theta)],
                [math.sin(theta) - 1j * math.cos(theta), 0],
            ]
        )
        return 0.5 * np.trace(axis @ total).real

    principal = -quad(
        vertex_product,
        0,
        bandwidth,
        weight="cauchy",
        wvar=electrons.fermi_energy,
    )[0]
    return scale * disorder.lambda_xy * disorder.lambda_z * states * principal


def check_shift_of_alpha_is_the_real_self_energy(convention):
    disorder = Disorder(0.1, 0.2)
    shift = rashba_renormalisation(ELECTRONS, disorder, 3.0, convention)
    expected = real_self_energy(ELECTRONS, disorder, 3.0) / ELECTRONS.fermi_momentum
    assert shift == pytest.approx(expected, rel=1e-8)


def check_shift_of_alpha_scales_as_a_velocity(convention):
    shift = [
        rashba_renormalisation(
            Electrons(1.7, 0.0, 1.3 * scale, 2.5 / scale**2), DISORDER, 3.0 * scale**2, convention
        )
        / scale
        for scale in (1.0, 2.0)
    ]
    assert shift[0] == pytest.approx(shift[1], rel=1e-12)


CHECKS = {
    "elliott_yafet": check_uniform_spin_relaxes_as_the_collisions_say,
    "matrix_element": check_vertices_are_the_plane_wave_elements,
    "current": check_moments_of_the_shifted_circle,
    "gauge": check_edelstein_limit_of_the_kinetic_equation,
    "cyclotron": check_edelstein_limit,
    "skew": check_skew_angle_is_a_projection,
    "precession_size": check_precession_rates_are_projections,
    "precession_sign": check_precession_rates_are_projections,
    "precession_term": check_born_identity,
    "star_term": check_born_identity,
    "magnetisation_row": check_spin_continuity,
    "edelstein_sign": check_approximate_magnetisation,
    "indirect_time": check_approximate_spin_current,
    "side_jump_sign": check_side_jump_is_the_displacement,
    "side_jump_unit": check_side_jump_has_no_unit_of_length,
    "precession_shift": check_shift_of_alpha_is_the_real_self_energy,
    "rashba_shift": check_shift_of_alpha_scales_as_a_velocity,
}


@pytest.mark.parametrize("name", list(CHECKS))
def test_the_law_holds(name):
    CHECKS[name](CONSISTENT)


@pytest.mark.parametrize("name", list(CHECKS))
def test_the_printed_form_breaks_the_law(name):
    with pytest.raises(AssertionError):
        CHECKS[name](dataclasses.replace(CONSISTENT, **{name: True}))


def test_every_switch_has_a_law():
    assert CHECKS.keys() == {field.name for field in dataclasses.fields(Convention)}
    assert all(getattr(PRINTED, name) for name in CHECKS)


def test_printed_gauge_and_cyclotron_together_belong_to_twice_alpha():
    # Both factors count the same thing twice: they fit each other, but not [qbe 1].
    both = dataclasses.replace(CONSISTENT, gauge=True, cyclotron=True)
    answer = kinetic_response(ELECTRONS, Disorder(), 2, convention=both)
    doubled = dataclasses.replace(ELECTRONS, rashba=2 * ELECTRONS.rashba)
    expected = kinetic_response(doubled, Disorder(), 2)
    assert answer.magnetisation == pytest.approx(expected.magnetisation, rel=1e-12)


def test_printed_coefficients_are_those_printed():
    found = coefficients(ELECTRONS, DISORDER, "printed")
    tau, mass = 2.5, 1.7
    assert found.magnetisation_from_charge == pytest.approx(-4 * 0.12 * 0.17)
    assert found.charge_from_magnetisation == found.magnetisation_from_charge
    assert found.spin_hall_angle == pytest.approx(
        2 * math.pi * 0.2 * 0.17 + 8 * mass * 0.03**2 * tau
    )
    assert found.relaxation_ratio == pytest.approx(6 * 0.12**2 + 0.17**2)
    assert found.side_jump == pytest.approx(ELECTRONS.density * 0.17)
    assert found.spin_from_magnetisation == found.magnetisation_from_spin
    shift = rashba_renormalisation(ELECTRONS, DISORDER, 3.0, "printed")
    states, v_0 = mass / (2 * math.pi), 0.2 / (mass / (2 * math.pi))
    density = 1 / (2 * math.pi * v_0**2 * states * tau)
    kappa = cutoff_integral(3.0, ELECTRONS.fermi_energy)
    expected = density * math.pi * v_0**2 * states**2 / 1.3 * 0.12 * (v_0**2 - 0.17 * kappa)
    assert shift == pytest.approx(expected, rel=1e-12)


def check_cutoff(function):
    """[qbe B7]: the closed form equals the principal value and needs D above the Fermi energy."""
    value = -quad(lambda e: e / math.pi, 0, 5.0, weight="cauchy", wvar=1.3)[0]
    assert function(5.0, 1.3) == pytest.approx(value, rel=1e-9)
    try:
        function(1.0, 1.3)
    except ParameterError:
        return
    raise AssertionError("a cutoff below the Fermi energy went through")


def test_cutoff_integral():
    check_cutoff(cutoff_integral)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda D, e: -(D - e * math.log((D - e) / e)) / math.pi,
        lambda D, e: -(D + e * math.log(abs(D - e) / e)) / math.pi,
    ],
    ids=["sign of the logarithm", "no check of the cutoff"],
)
def test_wrong_cutoff_integrals_are_caught(wrong):
    with pytest.raises(AssertionError):
        check_cutoff(wrong)


def check_star(star):
    """Two independent solvers on the same spin-orbit disorder."""
    gas = RashbaGas(0.05, lambda_xy=0.1)
    chain = solve_rashba(gas, delta_potential(20.0), tolerance=1e-6).s_y
    electrons = Electrons(rashba=0.025, drude_time=20.0)
    harmonics = kinetic_response(electrons, Disorder(0.1), 4, star=star)
    assert harmonics.magnetisation[1] == pytest.approx(chain, rel=0.05)


def test_star_diagram_is_needed():
    check_star(True)
    with pytest.raises(AssertionError):
        check_star(False)


def check_rashba_pins(gas=None):
    """q_yz = 0 with S_y > 0 and J_x of the short-range limit: [rashba 4], [rashba 14]."""
    gas = RashbaGas(0.4) if gas is None else gas
    limit = short_range_limit(RashbaGas(0.4), 1e5)
    answer = solve_rashba(gas, delta_potential(1e5))
    assert abs(answer.q_yz) < 1e-10 * UNIVERSAL
    assert answer.s_y == pytest.approx(limit.spin_density, rel=1e-6)
    assert answer.j_x == pytest.approx(limit.charge_current, rel=1e-6)


def test_rashba_pins():
    check_rashba_pins()


def test_the_axis_of_the_printed_hamiltonian_turns_the_spin():
    # Omega = [n x p] in the paper is minus the axis of the eigenfunctions in the paper
    with pytest.raises(AssertionError):
        check_rashba_pins(RashbaGas(-0.4))


WRONG_SOURCE = {"[rashba 11] without its sign": -1.0, "without the interband term": 0.0}


@pytest.mark.parametrize("name", list(WRONG_SOURCE))
def test_wrong_interband_sources_are_caught(name, monkeypatch):
    right = chain.coherence_source
    factor = WRONG_SOURCE[name]
    monkeypatch.setattr(chain, "coherence_source", lambda *given: factor * right(*given))
    with pytest.raises(AssertionError):
        check_rashba_pins()


def test_no_acceleration_leaves_the_interband_value(monkeypatch):
    right = chain.acceleration_source
    monkeypatch.setattr(chain, "acceleration_source", lambda p, gas: 0 * right(p, gas))
    answer = solve_rashba(RashbaGas(0.4), delta_potential(10.0))
    assert answer.q_yz / UNIVERSAL == pytest.approx(-1.0, abs=1e-12)
    with pytest.raises(AssertionError):
        check_rashba_pins()


def test_zero_spin_current_survives_a_wrong_scatterer_but_the_pins_do_not(monkeypatch):
    # With moments of small-angle scattering instead of isotropic ones q_yz is still 0.
    right = delta_potential

    def wrong(time):
        potential = right(time)
        return dataclasses.replace(
            potential,
            moments=lambda p, p1, top: (
                potential.moments(p, p1, top)
                + 0.3 * (np.arange(top + 1) == 1).reshape(-1, *([1] * np.ndim(p)))
            ),
        )

    answer = solve_rashba(RashbaGas(0.4), wrong(1e5))
    assert abs(answer.q_yz) < 1e-10 * UNIVERSAL
    monkeypatch.setitem(check_rashba_pins.__globals__, "delta_potential", wrong)
    with pytest.raises(AssertionError):
        check_rashba_pins()


def test_insb_numbers_of_the_discussion():
    printed = estimate_insb(convention="printed")
    assert printed.inverse_precession == pytest.approx(1e4, rel=0.02)
    assert printed.relaxation_time == pytest.approx(1e3, rel=0.02)
    assert printed.lambda_xy == pytest.approx(0.0128856, rel=3e-3)
    assert printed.lambda_z == pytest.approx(0.00194015, rel=6e-3)
    assert printed.spin_hall_angle == pytest.approx(1.0, rel=0.02)
    slow = estimate_insb(convention="printed", time=200e-12)
    assert slow.spin_hall_angle == pytest.approx(6202, rel=2e-3)
    assert printed.rate_ratio == pytest.approx(2e-4, rel=0.05)  # in the paper: about 1e-3
    assert printed.small > 100  # outside the range of [qbe 24]-[qbe 26]


@pytest.mark.parametrize(
    ("density", "precession", "relaxation"), [(1.17e15, 501, 401), (1e16, 20.4, 8.67)]
)
def test_insb_with_the_bulk_constant(density, precession, relaxation):
    # lambda_par**2 / 4 = 523 A**2 of bulk InSb: neither 1e4 nor 1e3 of the paper
    bulk = estimate_insb(convention="printed", density=density, lambda_parallel_squared=4 * 523e-20)
    # The densities are quoted to 3 digits, and 1.17e15 gives k = 0.00857/A. The numbers 501 and
    # 401 belong to k = 0.00859/A.
    assert bulk.inverse_precession == pytest.approx(precession, rel=0.012)
    assert bulk.relaxation_time == pytest.approx(relaxation, rel=0.012)


def test_insb_with_the_bulk_constant_at_the_wave_number_quoted():
    k = 0.012885600 / 1.5 * 1e10  # lambda_xy = 1.5 A k
    bulk = estimate_insb(
        convention="printed", density=k**2 / (2 * math.pi), lambda_parallel_squared=4 * 523e-20
    )
    assert bulk.lambda_z == pytest.approx(523e-20 * k**2, rel=1e-12)
    assert bulk.inverse_precession == pytest.approx(501, abs=3)
    assert bulk.relaxation_time == pytest.approx(401, abs=2)


def test_bare_scattering_rate_in_si():
    sample = reduce_sample(SAMPLE)
    rate = SAMPLE.impurity_density * SAMPLE.potential**2 * SAMPLE.mass / 1.054571817e-34**3
    assert sample.electrons.drude_time * sample.time == pytest.approx(1 / rate, rel=1e-9)
    assert sample.electrons.fermi_energy * sample.energy == pytest.approx(8e-21, rel=1e-12)


BAD = {
    "cutoff": lambda: cutoff_integral(0.9, 1.0),
    "mass": lambda: dataclasses.replace(SAMPLE, mass=-1.0),
    "nothing scatters": lambda: dataclasses.replace(SAMPLE, potential=0.0),
    "nan": lambda: dataclasses.replace(SAMPLE, rashba=math.nan),
}


@pytest.mark.parametrize("name", list(BAD))
def test_bad_samples_are_refused(name):
    with pytest.raises(ParameterError):
        BAD[name]()
