"""Collision integrals: [qbe 3], [qbe 11], [qbe B1]-[qbe B20] as matrices on harmonics.

Labels: [qbe B1], [qbe B2], [qbe B4], [qbe B5], [qbe B9], [qbe B11], [qbe B12], [qbe B14],
[qbe B15], [qbe B16], [qbe B17], [qbe B18], [qbe B19], [qbe B20].
"""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hopnet.boltzmann.collisions import (
    PAULI,
    Disorder,
    born_kernel,
    collision_integral,
    drude_term,
    elliott_yafet_mott_term,
    elliott_yafet_rashba_term,
    precession_matrix,
    precession_term,
    rashba_scattering_term,
    side_jump_source,
    skew_term,
    star_term,
    swap_term,
    weight_harmonics,
)
from hopnet.errors import ParameterError

SETTINGS = settings(max_examples=25, deadline=None, derandomize=True)
COUPLING = st.floats(-0.3, 0.3)
NAMES = [harmonic + spin for harmonic in "0cs" for spin in "nxyz"]


def entries(matrix):
    """The elements of a 12x12 matrix that are not zero, named ``row<-column``."""
    rows, columns = np.nonzero(np.abs(matrix) > 1e-12)
    return {f"{NAMES[i]}<-{NAMES[j]}": matrix[i, j] for i, j in zip(rows, columns)}


def born_sum(disorder, harmonics, convention="consistent"):
    """The six second-order terms one by one."""
    return (
        drude_term(disorder, harmonics)
        + elliott_yafet_rashba_term(disorder, harmonics)
        + elliott_yafet_mott_term(disorder, harmonics)
        + precession_term(disorder, harmonics, convention)
        + star_term(disorder, harmonics, convention)
        + swap_term(disorder, harmonics)
    )


@SETTINGS
@given(COUPLING, COUPLING, st.floats(-0.4, 0.4), st.floats(-0.3, 0.3), st.integers(1, 5))
def test_the_terms_add_up_to_the_born_kernel(xy, z, w1, w2, harmonics):
    disorder = Disorder(xy, z, weight=(1.0, w1, w2))
    difference = born_sum(disorder, harmonics) - born_kernel(disorder, harmonics)
    assert np.max(np.abs(difference)) < 1e-13
    whole = collision_integral(disorder, harmonics)
    assert np.max(np.abs(whole - born_kernel(disorder, harmonics))) < 1e-13


def direct(disorder, amplitude_to_superoperator, harmonics, weight, points=24):
    """Harmonics of a 4x4 matrix of two angles by plain sums over the angles, without `assemble`."""
    angle = 2 * math.pi * np.arange(points) / points
    basis = [np.ones(points)]
    for l in range(1, harmonics + 1):
        basis += [np.cos(l * angle), np.sin(l * angle)]
    basis = np.array(basis)
    norm = np.where(np.arange(len(basis)) == 0, 1.0, 2.0)
    out = np.zeros((len(basis), 4, len(basis), 4))
    for i, theta in enumerate(angle):
        for j, theta_1 in enumerate(angle):
            gain, loss = amplitude_to_superoperator(theta, theta_1)
            w = weight(theta - theta_1) / points**2
            left = norm * basis[:, i]
            out += w * np.einsum("a,sr,b->asbr", left, gain, basis[:, j])
            out += w * np.einsum("a,sr,b->asbr", left, loss, basis[:, i])
    return out.reshape(4 * len(basis), -1)


def test_assembly_equals_plain_sums_over_angles():
    disorder = Disorder(0.21, -0.13, weight=(1.0, 0.6, -0.2))

    def born(theta, theta_1):
        mott = math.sin(theta_1 - theta) * PAULI[3]
        x, y = math.cos(theta) + math.cos(theta_1), math.sin(theta) + math.sin(theta_1)
        amplitude = PAULI[0] - 1j * disorder.lambda_z * mott
        amplitude = amplitude - disorder.lambda_xy * (PAULI[1] * y - PAULI[2] * x)
        product = amplitude @ amplitude.conj().T
        gain, loss = np.empty((4, 4)), np.empty((4, 4))
        for b in range(4):
            inside = amplitude @ PAULI[b] @ amplitude.conj().T
            outside = -(product @ PAULI[b] + PAULI[b] @ product) / 2
            for a in range(4):
                gain[a, b] = 0.5 * np.trace(PAULI[a] @ inside).real
                loss[a, b] = 0.5 * np.trace(PAULI[a] @ outside).real
        return gain, loss

    expected = direct(disorder, born, 3, lambda t: 1 + 0.6 * math.cos(t) - 0.2 * math.cos(2 * t))
    assert np.max(np.abs(expected - collision_integral(disorder, 3))) < 1e-12


PROJECTIONS = {
    "Elliott-Yafet, Rashba": (
        elliott_yafet_rashba_term,
        {
            "0x<-0x": -2,
            "0y<-0y": -2,
            "0z<-0z": -4,
            "cn<-cn": -1,
            "sn<-sn": -1,
            "cz<-cz": -3,
            "sz<-sz": -3,
            "cx<-cx": -3,
            "sy<-sy": -3,
            "sx<-sx": -1,
            "cy<-cy": -1,
            "cx<-sy": -1,
            "sy<-cx": -1,
            "cy<-sx": -1,
            "sx<-cy": -1,
        },
    ),
    "Elliott-Yafet, Mott": (
        elliott_yafet_mott_term,
        {"0x<-0x": -1, "0y<-0y": -1} | {f"{h}{s}<-{h}{s}": -0.5 for h in "cs" for s in "nxyz"},
    ),
    "precession": (
        precession_term,
        {"0y<-cn": 1, "0x<-sn": -1, "cn<-0y": 2, "sn<-0x": -2},
    ),
    "skew": (
        skew_term,
        {"cn<-sz": math.pi, "sn<-cz": -math.pi, "cz<-sn": math.pi, "sz<-cn": -math.pi},
    ),
    "swap": (swap_term, {"cx<-sy": -1, "cy<-sx": 1, "sx<-cy": 1, "sy<-cx": -1}),
    "star": (star_term, {}),
    "drude": (drude_term, {f"{h}{s}<-{h}{s}": -1 for h in "cs" for s in "nxyz"}),
}


@pytest.mark.parametrize("name", list(PROJECTIONS))
def test_projection_on_the_first_harmonics(name):
    term, expected = PROJECTIONS[name]
    found = entries(term(Disorder(1.0, 1.0, 1.0), 1))
    assert found.keys() == expected.keys()
    assert all(found[key] == pytest.approx(expected[key], abs=1e-12) for key in expected)


def test_precession_summed_over_the_circle_is_the_printed_moment_up_to_its_sign():
    # [qbe B5]: the moment is along y for a current along x, and along -x for a current along y.
    matrix = precession_term(Disorder(0.2, 0.1), 1)
    assert matrix[2, 4] == pytest.approx(0.02, abs=1e-15)
    assert matrix[1, 8] == pytest.approx(-0.02, abs=1e-15)
    printed = precession_term(Disorder(0.2, 0.1), 1, "printed")
    assert printed[2, 4] == pytest.approx(-0.02, abs=1e-15)


def test_the_star_leaks_into_the_second_harmonic_only():
    matrix = star_term(Disorder(lambda_xy=1.0), 2)
    assert np.max(np.abs(matrix[:12, :12])) < 1e-13
    assert np.max(np.abs(matrix)) == pytest.approx(1.0, abs=1e-13)


def test_charge_is_conserved_and_uniform_charge_is_stationary():
    matrix = collision_integral(Disorder(0.3, 0.2, 0.1), 4)
    assert np.max(np.abs(matrix[0])) < 1e-13
    assert np.max(np.abs(matrix[:, 0])) < 1e-13


def test_rashba_scattering_is_a_precession_about_the_rashba_field():
    # [qbe B12]: i pi v0 N0 lambda_xy [n, Gamma_R(p^)]
    disorder = Disorder(lambda_xy=0.1, strength=0.3)
    expected = math.pi * 0.03 * precession_matrix(2)
    assert np.max(np.abs(rashba_scattering_term(disorder, 2) - expected)) < 1e-14
    # Larmor precession about the field (p_y, -p_x) turns a spin along z towards x.
    turned = precession_matrix(1)
    assert turned[4 * 1 + 1, 3] == pytest.approx(-turned[3, 4 * 1 + 1] * 2, abs=1e-13)


def test_side_jump_source_is_a_spin_current_along_y():
    source = side_jump_source(2, -0.01)
    assert source[4 * 2 + 3] == -0.01
    assert np.count_nonzero(source) == 1


def test_weight_harmonics_of_a_callable():
    found = weight_harmonics(lambda t: 1 + 0.6 * np.cos(t) - 0.2 * np.cos(2 * t), harmonics=3)
    assert found == pytest.approx((1.0, 0.6, -0.2, 0.0), abs=1e-13)


def test_weighted_rates_follow_the_closed_averages():
    xy, z = 0.2, 0.3
    matrix = collision_integral(Disorder(xy, z, weight=(1.0, 0.6, -0.2)), 1)
    cosine, sine2 = 0.3, 0.5 + 0.05
    assert -matrix[3, 3] == pytest.approx(4 * xy**2 * (1 + cosine), abs=1e-12)
    assert -matrix[2, 2] == pytest.approx(2 * xy**2 * (1 + cosine) + 2 * z**2 * sine2, abs=1e-12)
    assert matrix[2, 4] == pytest.approx(2 * xy * z * sine2, abs=1e-12)
    assert matrix[4, 2] == pytest.approx(4 * xy * z * sine2, abs=1e-12)


BAD = {
    "complex": {"lambda_xy": 0.1j},
    "nan": {"lambda_z": math.nan},
    "text": {"strength": "much"},
    "unnormalised": {"weight": (0.5,)},
    "negative": {"weight": (1.0, 1.5)},
    "skew with weight": {"strength": 0.1, "weight": (1.0, 0.5)},
}


@pytest.mark.parametrize("name", list(BAD))
def test_bad_disorder_is_refused(name):
    with pytest.raises(ParameterError):
        Disorder(**BAD[name])


@pytest.mark.parametrize("harmonics", [0, -1, 1.5, 10_000])
def test_bad_harmonics_are_refused(harmonics):
    with pytest.raises(ParameterError, match="harmonics"):
        collision_integral(Disorder(), harmonics)


def test_a_bad_weight_function_is_refused():
    with pytest.raises(ParameterError, match="mean"):
        weight_harmonics(lambda t: -np.ones_like(t))
