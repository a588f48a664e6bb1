"""Linear response: [qbe 16]-[qbe 28], Hanle, AC, wave vector, temperature, profile.

Labels: [qbe 8], [qbe 9], [qbe 12], [qbe 16], [qbe 17], [qbe 18], [qbe 19], [qbe 22], [qbe 23],
[qbe 27], [qbe 28].
"""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hopnet.boltzmann.approximation import approximate_response
from hopnet.boltzmann.collisions import (
    Disorder,
    collision_integral,
    precession_matrix,
    side_jump_source,
    swap_term,
)
from hopnet.boltzmann.conventions import Convention, resolve_convention
from hopnet.boltzmann.kinetic import generator, hanle_formula, kinetic_response
from hopnet.boltzmann.operators import larmor_matrix, streaming_matrix
from hopnet.boltzmann.profile import spin_profile
from hopnet.boltzmann.response import (
    Coefficients,
    Electrons,
    ansatz_parameters,
    coefficients,
    coefficients_from_ratios,
    linear_response,
    relaxation_rates,
)
from hopnet.boltzmann.thermal import mechanism_ratio, thermal_response
from hopnet.errors import ConvergenceError, ParameterError, ValidityWarning

SETTINGS = settings(max_examples=25, deadline=None, derandomize=True)
KEYS = ("precession", "rashba", "spin_hall_angle", "relaxation_time", "side_jump")

# (a, r, t, e, s) -> J, K, M exactly, then K, M of the approximations and M of the paper
TABLE = [
    (
        (-1e-4, 1e-2, 1e-2, 1e3, -1e-3),
        (0.999890010999, -0.010907991019, 0.009090909091),
        (-0.012, 0.009090991736, -0.190910826462),
    ),
    (
        (-1e-3, 1e-2, 5e-2, 1e2, -1e-2),
        (0.99702716049383, -0.060245925925926, -0.039456790123457),
        (-0.061, -0.039607881968512, -0.15843152787405),
    ),
    (
        (-1e-2, 5e-2, 0.1, 50.0, -2e-2),
        (0.98898678414097, -0.12766519823789, -0.17533039647577),
        (-0.145, -0.17857142857143, -0.71428571428571),
    ),
    (
        (-0.02, 0.2, 0.2, 25.0, -0.05),
        (0.95893719806763, -0.16884057971014, 0.36473429951691),
        (-0.35, 0.37688442211055, -0.87939698492462),
    ),
    (
        (-0.05, 0.5, 0.5, 10.0, 0.05),
        (0.88993710691824, -0.17641509433962, 0.43710691823899),
        (-0.7, 0.50359712230216, -0.79136690647482),
    ),
    (
        (-1e-4, 0.1, 1.0, 1e3, 0.0),
        (0.915142192298, -0.084026692202, 8.311155000961),
        (-1.01, 9.081826438024, -9.100008272735),
    ),
]


def from_row(row, **more):
    return coefficients_from_ratios(**dict(zip(KEYS, row)), **more)


@pytest.mark.parametrize(("row", "exact", "rough"), TABLE)
def test_reference_rows_of_the_printed_matrix(row, exact, rough):
    answer = linear_response(from_row(row))
    found = (answer.charge_current, answer.spin_current, answer.magnetisation)
    assert found == pytest.approx(exact, abs=6e-13)
    corrected = approximate_response(from_row(row), Convention(indirect_time=True))
    assert (corrected.spin_current, corrected.magnetisation) == pytest.approx(rough[:2], abs=6e-13)
    printed = approximate_response(from_row(row), "printed")
    assert printed.magnetisation == pytest.approx(rough[2], abs=6e-13)


SPREAD = [
    (0.25, -0.015040173787, -0.008494145070, (6.5e-4, 1.9e-4, 1.8e-4)),
    (1.0, -0.060167441860, -0.015813953488, (1.05e-2, 3.8e-3, 3.0e-3)),
    (4.0, -0.215685417804, 0.192244675041, (0.17, 0.034, 0.047)),
    (16.0, -0.290729675611, 1.398157789347, (3.0, 0.30, 0.38)),
]


@pytest.mark.parametrize(("x", "spin", "magnetisation", "error"), SPREAD)
def test_errors_of_the_approximations_grow_as_the_square(x, spin, magnetisation, error):
    row = from_row((-2e-3 * x, 2e-2 * x, 5e-2 * x, 20.0, -0.01 * x))
    answer = linear_response(row)
    assert answer.spin_current == pytest.approx(spin, abs=6e-13)
    assert answer.magnetisation == pytest.approx(magnetisation, abs=6e-13)
    rough = approximate_response(row, Convention(indirect_time=True))
    assert rough.error[1] == pytest.approx(error[0], rel=0.05)
    # The reference errors of M and J are absolute, because M changes its sign near x = 1.7.
    allowed = 1.05 * error[1] * max(1, abs(magnetisation))
    assert abs(rough.magnetisation - answer.magnetisation) < allowed
    assert rough.error[0] == pytest.approx(error[2], rel=0.05)


def test_consistent_approximation_holds_where_precession_dominates():
    row = from_row((-1e-5, 0.5, 1e-2, 1e4, 0.0), convention="consistent")
    good, poor = approximate_response(row), approximate_response(row, "printed")
    assert good.small > 1e3
    assert good.error[1] < 1e-2
    assert good.error[2] < 1e-2
    assert poor.error[1] > 1e2


AC = [
    (
        0.01,
        0.988751554962 - 0.009984559199j,
        -0.126154507767 + 0.005490438494j,
        -0.146685133105 + 0.064608749919j,
    ),
    (
        0.1,
        0.978893874517 - 0.095958991881j,
        -0.116056676371 + 0.023099177946j,
        -0.009544134267 + 0.037952222413j,
    ),
    (
        1.0,
        0.502461774945 - 0.496505784305j,
        -0.010137089313 + 0.060015429089j,
        0.001873181850 + 0.004555226921j,
    ),
]


@pytest.mark.parametrize(("frequency", "charge", "spin", "magnetisation"), AC)
def test_reference_rows_at_a_frequency(frequency, charge, spin, magnetisation):
    answer = linear_response(from_row(TABLE[2][0]), frequency=frequency)
    assert abs(answer.charge_current - charge) < 1e-12
    assert abs(answer.spin_current - spin) < 1e-12
    assert abs(answer.magnetisation - magnetisation) < 1e-12


@SETTINGS
@given(
    st.floats(-0.05, 0.05),
    st.floats(-0.5, 0.5),
    st.floats(-0.5, 0.5),
    st.floats(1.0, 1e3),
    st.floats(-0.1, 0.1),
    st.floats(0.0, 2.0),
)
def test_closed_solution_equals_a_dense_solve(a, r, t, e, s, omega):
    if e * a * a >= 0.5:
        return
    row = from_row((a, r, t, e, s))
    turn = 1j * omega
    matrix = np.array([[1 + turn, -t, -a], [t, 1 + turn, -r], [-a, r, 1 / e + turn]])
    if np.linalg.det(matrix - turn * np.eye(3)).real <= 0:
        return
    expected = np.linalg.solve(matrix, [1.0, s, 0.0])
    answer = linear_response(row, frequency=omega)
    found = (answer.charge_current, answer.spin_current, answer.magnetisation)
    assert np.max(np.abs(np.array(found) - expected)) < 1e-9 * max(1, np.max(np.abs(expected)))


def twelve():
    """Parameters of the reference values: alpha p_F tau = 0.02 and omega_c tau = 0.01."""
    return Electrons(mass=12.5, rashba=0.02), Disorder(0.05, 0.1, 0.2)


def reduced(answer, electrons):
    unit = electrons.density * electrons.drude_time / electrons.mass
    return (
        answer.charge_current[..., 0] / unit,
        answer.spin_current[..., 2, 1] / unit,
        answer.magnetisation / unit,
    )


TWELVE = {
    "no field": ({}, 0.992013488145, -0.064759969450, (0, 0.834035577296, 0)),
    "along x": (
        {"larmor": (0.01, 0, 0), "swap": False},
        0.990120672826,
        -0.070569895576,
        (0, 0.537262827707, 0.466506013571),
    ),
    "along z": (
        {"larmor": (0, 0, 0.01)},
        0.990484279980,
        -0.069401177164,
        (-0.377830463305, 0.593505683554, 0),
    ),
    "along y": (
        {"larmor": (0, 0.01, 0), "swap": False},
        0.992013844269,
        -0.064753959089,
        (0, 0.834019787084, 0),
    ),
    "all harmonics, no star": (
        {"harmonics": 4, "star": False},
        0.992013536458,
        -0.064752130142,
        (0, 0.833931121988, 0),
    ),
    "all harmonics": ({"harmonics": 4}, 0.996958405554, -0.063480955363, (0, 0.817347173531, 0)),
}


@pytest.mark.parametrize("name", list(TWELVE))
def test_reference_rows_of_the_harmonics(name):
    options, charge, spin, magnetisation = TWELVE[name]
    electrons, disorder = twelve()
    options = {"harmonics": 1} | options
    found = reduced(kinetic_response(electrons, disorder, side_jump=-0.01, **options), electrons)
    assert found[0] == pytest.approx(charge, abs=6e-13)
    assert found[1] == pytest.approx(spin, abs=6e-13)
    assert found[2] == pytest.approx(magnetisation, abs=6e-13)


def test_reference_rows_of_the_harmonics_at_frequencies():
    electrons, disorder = twelve()
    answer = kinetic_response(
        electrons, disorder, 1, side_jump=-0.01, frequency=np.array([0.01, 0.1, 1.0])
    )
    expected = [
        0.589135645222 - 0.384773223599j,
        0.004725614258 - 0.128568622212j,
        -0.006505021111 - 0.005333218784j,
    ]
    assert np.max(np.abs(reduced(answer, electrons)[2][:, 1] - expected)) < 1e-12


@SETTINGS
@given(
    st.floats(0.01, 0.3),
    st.floats(-0.3, 0.3),
    st.floats(-0.5, 0.5),
    st.floats(0.0, 0.05),
    st.floats(0.2, 5.0),
)
def test_three_by_three_is_the_projection_of_the_kinetic_equation(xy, z, strength, alpha, tau):
    electrons, disorder = Electrons(2.0, alpha, 1.3, tau), Disorder(xy, z, strength)
    answer = linear_response(coefficients(electrons, disorder, current_corrections=True))
    full = kinetic_response(electrons, disorder, 1)
    scale = max(1.0, abs(answer.magnetisation))
    assert abs(full.charge_current[0] - answer.charge_current) < 1e-12 * scale
    assert abs(full.spin_current[2, 1] - answer.spin_current) < 1e-12 * scale
    assert abs(full.magnetisation[1] - answer.magnetisation) < 1e-11 * scale


@SETTINGS
@given(st.floats(0.01, 0.25), st.floats(-0.25, 0.25), st.floats(0.0, 0.03))
def test_projection_holds_for_a_weighted_scatterer(xy, z, alpha):
    electrons = Electrons(2.0, alpha, 1.3, 1.7)
    disorder = Disorder(xy, z, weight=(1.0, 0.6, -0.2))
    answer = linear_response(coefficients(electrons, disorder, current_corrections=True))
    full = kinetic_response(electrons, disorder, 1)
    scale = max(1.0, abs(answer.magnetisation))
    assert abs(full.charge_current[0] - answer.charge_current) < 1e-12 * scale
    assert abs(full.magnetisation[1] - answer.magnetisation) < 1e-11 * scale


def test_star_shifts_the_spin_hall_angle():
    # to first order, theta -> theta - 2 lambda_xy alpha p_F tau: seen in S_y of pure Rashba
    electrons, disorder = Electrons(mass=1.0, rashba=0.01, drude_time=20.0), Disorder(1e-4)
    shift = []
    for star in (True, False):
        answer = kinetic_response(electrons, disorder, 3, star=star)
        shift.append(answer.magnetisation[1] / answer.charge_current[0])
    turn = 0.01 * 20.0
    assert (shift[0] - shift[1]) * turn == pytest.approx(-2 * 1e-4 * turn, rel=2e-2)


@SETTINGS
@given(st.floats(1e-3, 0.2), st.floats(0.1, 50.0), st.floats(0.2, 3.0), st.floats(0.3, 3.0))
def test_edelstein(alpha, tau, mass, momentum):
    electrons = Electrons(mass, alpha, momentum, tau)
    expected = electrons.density_of_states * alpha * tau * electrons.fermi_velocity
    answer = kinetic_response(electrons, Disorder(), 3)
    assert answer.magnetisation[1] == pytest.approx(expected, rel=1e-9)
    assert abs(answer.spin_current[2, 1]) < 1e-12
    three = linear_response(coefficients(electrons, Disorder()))
    assert three.magnetisation == pytest.approx(expected, rel=1e-12)
    assert abs(three.spin_current) < 1e-13


def test_no_spin_orbit_coupling_is_drude():
    electrons = Electrons(drude_time=3.0)
    answer = linear_response(coefficients(electrons, Disorder(lambda_xy=1e-9)))
    assert answer.charge_current == pytest.approx(electrons.density * 3.0, rel=1e-12)
    assert answer.spin_current == 0
    assert answer.magnetisation == 0


def test_hanle_curve_of_weak_fields():
    electrons, disorder = Electrons(mass=12.5, rashba=0.002), Disorder(0.05, 0.02)
    larmor = np.linspace(0, 0.015, 7)
    fields = np.stack([larmor, 0 * larmor, 0 * larmor], axis=-1)
    full = kinetic_response(electrons, disorder, 1, star=False, larmor=fields)
    y, z = hanle_formula(electrons, disorder, larmor)
    assert full.magnetisation[:, 1] == pytest.approx(y, rel=2e-2)
    assert full.magnetisation[1:, 2] == pytest.approx(z[1:], rel=2e-2)
    assert np.all(full.magnetisation[1:, 2] * full.magnetisation[1:, 1] > 0)


def test_reversed_field_reverses_the_turned_spin():
    electrons, disorder = twelve()
    one, other = (
        kinetic_response(electrons, disorder, 3, larmor=(h, 0.0, 0.0)) for h in (0.02, -0.02)
    )
    assert one.magnetisation[1] == pytest.approx(other.magnetisation[1], rel=1e-12)
    assert one.magnetisation[2] == pytest.approx(-other.magnetisation[2], rel=1e-12)


def generator_of_integrals(electrons, disorder, harmonics, convention, star=True):
    """Operator of [qbe 11], from the collision integrals and the derivative along the angle."""
    matrix = collision_integral(disorder, harmonics, star=star, convention=convention)
    chosen = resolve_convention(convention)
    turns = (2 if chosen.gauge else 1) * electrons.rashba * electrons.fermi_momentum
    matrix = matrix + turns * electrons.drude_time * precession_matrix(harmonics)
    force = (8 if chosen.cyclotron else 2) * electrons.mass * electrons.rashba**2
    derivative = np.zeros((2 * harmonics + 1,) * 2)
    for l in range(1, harmonics + 1):
        derivative[2 * l - 1, 2 * l], derivative[2 * l, 2 * l - 1] = l, -l
    swap = np.zeros((4, 4))
    swap[0, 3] = swap[3, 0] = 1.0
    return matrix + force * electrons.drude_time * np.kron(derivative, swap)


ANISOTROPIC = Disorder(-0.1, 0.2, weight=(1.0, 0.6, -0.2, 0.05, 0.02))


@pytest.mark.parametrize("convention", ["consistent", "printed"])
@pytest.mark.parametrize("disorder", [Disorder(0.05, 0.1, 0.2), ANISOTROPIC])
@pytest.mark.parametrize("harmonics", [1, 2, 5])
def test_the_operator_is_the_sum_of_its_integrals(disorder, harmonics, convention):
    electrons = Electrons(1.3, 0.04, 0.8, 7.0)
    expected = generator_of_integrals(electrons, disorder, harmonics, convention)
    found = generator(electrons, disorder, harmonics, convention=convention)
    assert np.max(np.abs(found - expected)) < 1e-12
    quiet = generator(electrons, disorder, harmonics, star=False, swap=False, convention=convention)
    expected = generator_of_integrals(electrons, disorder, harmonics, convention, star=False)
    assert np.max(np.abs(quiet - expected + swap_term(disorder, harmonics))) < 1e-12


DRIVES = {
    "field": ((0.01, -0.02, 0.03), 0.0, (0.0, 0.0)),
    "frequency": ((0.0, 0.0, 0.0), 0.04, (0.0, 0.0)),
    "field and frequency": ((0.0, 0.05, 0.01), -0.02, (0.0, 0.0)),
    "wave": ((0.0, 0.0, 0.0), 0.0, (0.03, -0.01)),
    "all": ((0.01, 0.02, -0.01), 0.03, (-0.02, 0.05)),
}


@pytest.mark.parametrize("name", list(DRIVES))
@pytest.mark.parametrize("disorder", [Disorder(0.05, 0.1, 0.2), ANISOTROPIC])
def test_banded_response_equals_a_dense_solve(name, disorder):
    electrons = Electrons(1.3, 0.04, 0.8, 7.0)
    larmor, frequency, q = DRIVES[name]
    found = kinetic_response(
        electrons, disorder, 5, larmor=larmor, frequency=frequency, wave_vector=q, side_jump=-0.02
    )
    matrix = -generator_of_integrals(electrons, disorder, 5, "consistent").astype(complex)
    matrix -= electrons.drude_time * np.kron(np.eye(11), larmor_matrix(larmor))
    matrix += 1j * electrons.drude_time * frequency * np.eye(44)
    streaming = np.tensordot(q, streaming_matrix(5), axes=1)
    path = electrons.fermi_velocity * electrons.drude_time
    matrix += 1j * path * np.kron(streaming, np.eye(4))
    first = 0 if any(q) else 1
    source = side_jump_source(5, -0.02)
    source[4] = 1.0
    expected = np.zeros(44, dtype=complex)
    expected[first:] = np.linalg.solve(matrix[first:, first:], source[first:])
    assert found.harmonic.ravel() == pytest.approx(expected, abs=1e-11)
    assert found.residual < 1e-12


def test_one_call_for_many_drives_equals_many_calls():
    electrons, disorder = Electrons(rashba=0.005, drude_time=20.0), Disorder(0.05, 0.1, 0.2)
    larmor = np.random.default_rng(2718).normal(0, 0.01, (3, 1, 3))
    frequency = np.array([0.0, 0.02])
    together = kinetic_response(electrons, disorder, larmor=larmor, frequency=frequency)
    assert together.spin_current.shape == (3, 2, 3, 2)
    for i in range(3):
        for k in range(2):
            one = kinetic_response(electrons, disorder, larmor=larmor[i, 0], frequency=frequency[k])
            assert together.magnetisation[i, k] == pytest.approx(one.magnetisation, rel=1e-12)
            assert together.spin_current[i, k] == pytest.approx(one.spin_current, abs=1e-14)


@pytest.mark.parametrize(("q", "expected"), [(0.01, -0.00005000125), (0.1, -0.005012562893)])
def test_charge_diffuses_with_the_exact_pole(q, expected):
    static = generator(Electrons(), Disorder(), 20)
    streaming = np.kron(streaming_matrix(20)[0], np.eye(4))
    rates = np.linalg.eigvals((static - 1j * q * streaming)[::4, ::4])
    slowest = rates[np.argmax(rates.real)].real
    assert slowest == pytest.approx(math.sqrt(1 - q * q) - 1, abs=1e-13)
    assert slowest == pytest.approx(expected, abs=6e-13)


def test_finite_wave_vector_screens_the_longitudinal_current():
    electrons, disorder = twelve()
    still = kinetic_response(electrons, disorder, 6)
    across = kinetic_response(electrons, disorder, 6, wave_vector=(0.0, 1e-5))
    along = kinetic_response(electrons, disorder, 6, wave_vector=(1e-2, 0.0))
    assert abs(across.charge_current[0] - still.charge_current[0]) < 1e-4
    assert abs(along.charge_current[0]) < 1e-12  # continuity: i q J = 0 at zero frequency
    assert abs(along.density) > 0


def moments(answer):
    """All moments of a response, in one array."""
    parts = [answer.charge_current, answer.spin_current.ravel(), answer.magnetisation]
    return np.concatenate([*parts, [answer.density]])


@pytest.mark.parametrize(
    ("alpha", "path", "off"), [(0.5, 1.0, 3.6e-4), (3.0, 1.0, 1.4e-3), (3.0, 3.0, 2.5e-2)]
)
def test_harmonics_follow_the_wave_vector(alpha, path, off):
    # For q v_F tau of order 1 four harmonics are not enough, and the result states this error.
    electrons, disorder = Electrons(rashba=alpha, drude_time=5.0), Disorder(0.1, 0.1, 0.1)
    drive = dict(wave_vector=[path / 5.0, 0.0], frequency=0.01)
    exact = moments(kinetic_response(electrons, disorder, 80, **drive))
    four = kinetic_response(electrons, disorder, 4, **drive)
    found = np.max(np.abs(moments(four) - exact)) / np.max(np.abs(exact))
    assert found == pytest.approx(off, rel=0.05)
    assert found <= four.truncation_error <= 5 * found
    chosen = kinetic_response(electrons, disorder, **drive)
    assert chosen.truncation_error <= 1e-9
    assert moments(chosen) == pytest.approx(exact, abs=1e-9 * np.max(np.abs(exact)))


def test_too_many_harmonics_are_refused():
    with pytest.raises(ConvergenceError, match="truncation error") as caught:
        kinetic_response(Electrons(), Disorder(0.1, 0.1), wave_vector=[100.0, 0.0])
    assert caught.value.estimate.truncation_error > 1e-9


@pytest.mark.parametrize("larmor", [(0.0, 0.0, 0.0), (0.0, 0.0, 0.3)])
def test_uniform_response_is_exact_from_two_harmonics_on(larmor):
    # The reason: the total angular momentum of orbit and spin is conserved.
    electrons, disorder = Electrons(rashba=2.0, drude_time=3.0), Disorder(0.2, 0.3, 0.1)
    two = kinetic_response(electrons, disorder, 2, larmor=larmor)
    many = kinetic_response(electrons, disorder, 12, larmor=larmor)
    assert two.truncation_error == 0.0
    assert moments(two) == pytest.approx(moments(many), rel=1e-11, abs=1e-13)
    one = kinetic_response(electrons, disorder, 1, larmor=larmor)
    assert 0 < np.max(np.abs(moments(one) - moments(many))) < 2 * one.truncation_error


def test_generator_never_amplifies():
    for xy, z, alpha in ((0.05, 0.1, 0.02), (0.2, 0.3, 0.1), (0.3, 0.05, 0.0)):
        matrix = generator(Electrons(rashba=alpha), Disorder(xy, z), 5)
        assert np.max(np.linalg.eigvals(matrix).real) < 1e-12


def test_zero_temperature_is_the_limit():
    electrons, disorder = Electrons(rashba=0.02, drude_time=5.0), Disorder(0.05, 0.1, 0.2)
    cold = thermal_response(electrons, disorder, 0.0)
    cool = thermal_response(electrons, disorder, 1e-3)
    for name in ("charge_current", "spin_current", "spin_density"):
        assert getattr(cool, name) == pytest.approx(getattr(cold, name), rel=1e-4)


def test_temperature_keeps_the_density_and_the_charge_current_of_constant_time():
    electrons = Electrons(drude_time=2.0)
    warm = thermal_response(electrons, Disorder(lambda_xy=1e-6), 0.4)
    kT, states = 0.4, electrons.density_of_states
    density = states * kT * math.log1p(math.exp(warm.chemical_potential / kT))
    assert density == pytest.approx(electrons.density, rel=1e-12)
    assert warm.charge_current == pytest.approx(electrons.density * 2.0, rel=1e-9)


def test_averaging_the_rates_instead_is_another_number():
    electrons, disorder = Electrons(rashba=0.02, drude_time=5.0), Disorder(0.1, 0.2)
    warm = thermal_response(electrons, disorder, 0.2)
    cold = thermal_response(electrons, disorder, 0.0)
    assert abs(warm.spin_density / cold.spin_density - 1) > 0.01


def test_share_of_precession_scattering_falls_with_alpha():
    # sigma_DMC / sigma_EE at zero temperature is alpha_asp / (alpha_R theta_sH)
    disorder = Disorder(0.05, 0.1)
    ratio = [
        mechanism_ratio(Electrons(rashba=alpha, drude_time=5.0), disorder, 0.0)
        for alpha in (1e-3, 1e-2, 1e-1)
    ]
    assert ratio[0] > ratio[1] > ratio[2] > 0
    projected = coefficients(Electrons(rashba=0.1, drude_time=5.0), disorder)
    theta = projected.spin_hall_angle - projected.side_jump / projected.drude_conductivity
    expected = projected.magnetisation_from_charge / (projected.magnetisation_from_spin * theta)
    assert ratio[2] == pytest.approx(expected, rel=1e-12)
    warm = mechanism_ratio(Electrons(rashba=0.1, drude_time=5.0), disorder, 0.02)
    assert warm == pytest.approx(ratio[2], rel=0.05)
    assert warm != ratio[2]


def test_relaxation_times_of_all_directions():
    electrons, disorder = Electrons(rashba=0.05, drude_time=4.0), Disorder(0.1, 0.2)
    rates = relaxation_rates(electrons, disorder)
    matrix = generator(electrons, disorder, 1)
    assert rates.elliott_yafet == pytest.approx(-np.diag(matrix)[1:4] / 4.0, abs=1e-14)
    # Eliminate the l = 1 harmonics of all spins; they relax at the rate 1 to lowest order.
    inner, outer = matrix[4:, 4:], matrix[1:4, 4:]
    weak = Electrons(rashba=0.001, drude_time=1.0)
    matrix = generator(weak, Disorder(1e-4, 1e-4), 1)
    inner, outer, back = matrix[4:, 4:], matrix[1:4, 4:], matrix[4:, 1:4]
    slow = -(matrix[1:4, 1:4] - outer @ np.linalg.solve(inner, back))
    total = relaxation_rates(weak, Disorder(1e-4, 1e-4)).total
    assert np.diag(slow) == pytest.approx(total, rel=1e-4)


def test_profile_in_the_middle_is_the_uniform_solution():
    electrons, disorder = Electrons(rashba=0.01, drude_time=20.0), Disorder(0.05, 0.1, 0.2)
    strip = spin_profile(electrons, disorder, 4000.0, n_points=81)
    bulk = kinetic_response(electrons, disorder, 1, star=False)
    assert strip.residual < 1e-12
    assert strip.magnetisation[40] == pytest.approx(bulk.magnetisation, abs=1e-10)
    assert strip.spin_current[40] == pytest.approx(bulk.spin_current[:, 1], abs=1e-10)
    assert strip.charge_current[40] == pytest.approx(bulk.charge_current[0], abs=1e-10)


def test_profile_obeys_the_spin_continuity_equation():
    # [qbe 28], with dm_y/dt = -2 m alpha J^z_y and with alpha_asp from J_x, for the profile.
    electrons, disorder = Electrons(rashba=0.01, drude_time=20.0), Disorder(0.05, 0.1)
    strip = spin_profile(electrons, disorder, 300.0, n_points=2001)
    spin = strip.magnetisation / electrons.fermi_velocity
    slope = np.gradient(strip.spin_current, strip.position, axis=0, edge_order=2)
    rates = relaxation_rates(electrons, disorder)
    feed = 2 * 0.05 * 0.1 / electrons.drude_time / electrons.fermi_velocity
    balance = -rates.elliott_yafet[1] * spin[:, 1] + feed * strip.charge_current
    balance -= 2 * electrons.mass * electrons.rashba * strip.spin_current[:, 2]
    assert np.max(np.abs(balance - slope[:, 1])) < 1e-5 * np.max(np.abs(slope))


def test_spin_hall_accumulation_is_odd_and_stays_inside():
    strip = spin_profile(Electrons(drude_time=20.0), Disorder(0.05, 0.1, 0.2), 400.0)
    z = strip.magnetisation[:, 2]
    assert z[0] == pytest.approx(-z[-1], rel=1e-9)
    assert abs(z[0]) > 10 * abs(z[100])
    assert np.max(np.abs(strip.spin_current[[0, -1]])) < 1e-12


BAD = {
    "negative time": lambda: Electrons(drude_time=-1.0),
    "zero mass": lambda: Electrons(mass=0.0),
    "zero momentum": lambda: Electrons(fermi_momentum=0.0),
    "nan": lambda: Electrons(rashba=math.nan),
    "complex": lambda: Electrons(rashba=1j),
    "nothing relaxes": lambda: linear_response(coefficients(Electrons(), Disorder())),
    "nothing relaxes, harmonics": lambda: kinetic_response(Electrons(), Disorder(), 2),
    "nothing relaxes, strip": lambda: spin_profile(Electrons(), Disorder(), 10.0),
    "no steady state": lambda: linear_response(from_row((0.5, 0.0, 0.0, 10.0, 0.0))),
    "ASP beats relaxation": lambda: linear_response(from_row((0.11, 0.5, 0.1, 100.0, 0.0))),
    "nan coefficient": lambda: linear_response(Coefficients(spin_hall_angle=math.nan)),
    "zero relaxation time": lambda: from_row((0.0, 0.1, 0.1, 0.0, 0.0)),
    "convention": lambda: coefficients(Electrons(), Disorder(0.1), "mine"),
    "field shape": lambda: kinetic_response(Electrons(), Disorder(0.1), larmor=(1.0, 0.0)),
    "cold": lambda: thermal_response(Electrons(), Disorder(0.1), -1.0),
    "no width": lambda: spin_profile(Electrons(), Disorder(0.1), 0.0),
}


@pytest.mark.parametrize("name", list(BAD))
def test_bad_input_is_refused(name):
    with pytest.raises(ParameterError):
        BAD[name]()


def test_infinite_relaxation_time_is_allowed_with_rashba_coupling():
    answer = linear_response(from_row((0.0, 0.1, 0.01, math.inf, 0.0)))
    assert answer.spin_current == 0
    assert answer.magnetisation == pytest.approx(0.1, rel=1e-12)


def test_large_lambda_warns():
    with pytest.warns(ValidityWarning, match="third-order"):
        coefficients(Electrons(), Disorder(0.5))


def test_ansatz_parameters_give_the_moments_back():
    electrons, disorder = Electrons(2.0, 0.05, 1.3, 3.0), Disorder(0.1, 0.1)
    answer = linear_response(coefficients(electrons, disorder))
    shift = ansatz_parameters(electrons, answer)
    states, energy = electrons.density_of_states, electrons.fermi_energy
    assert states * energy * shift.charge_velocity == pytest.approx(answer.charge_current)
    assert states * energy * shift.spin_velocity == pytest.approx(answer.spin_current)
    assert states * shift.exchange * 1.3 / 2 == pytest.approx(answer.magnetisation)


def test_many_drives_are_solved_in_one_call():
    rng = np.random.default_rng(20261)
    row = Coefficients(
        spin_hall_angle=rng.normal(0, 0.1, 50),
        spin_from_magnetisation=0.1,
        magnetisation_from_spin=0.2,
        relaxation_ratio=rng.uniform(0.01, 0.1, 50),
    )
    many = linear_response(row)
    for k in (0, 17, 49):
        one = linear_response(
            dataclasses.replace(
                row,
                spin_hall_angle=row.spin_hall_angle[k],
                relaxation_ratio=row.relaxation_ratio[k],
            )
        )
        assert many.magnetisation[k] == pytest.approx(one.magnetisation, rel=1e-13)
