"""Kinetic coefficients of triads: identities, closed forms, digits, and what misprints would break.

[hopping 4], [hopping 7], [hopping 8], [hopping 9a], [hopping 9b], [hopping S14], [hopping S15],
[hopping S16], [hopping S17], [hopping S18], [hopping S21], [hopping S22], [hopping S23],
[hopping S24], [hopping S26], [hopping S27].
"""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hopnet as hn
from hopnet.errors import ParameterError
from hopnet.network.triads import find_triads, parts_of
from hopnet.spin.coefficients import (
    hop_amplitude,
    interference_amplitude,
    kinetic_coefficients,
    spin_loops,
)
from samples import COUPLING, TWELVE, phonon_network, twelve

PAULI = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])


def table(coefficients, name):
    """{(i, k, j): value} of one attribute."""
    keys = [tuple(p) for p in coefficients.process.reshape(-1, 3).tolist()]
    values = getattr(coefficients, name)
    return dict(zip(keys, values.reshape(len(keys), *values.shape[2:])))


@st.composite
def random_triads(draw):
    """A few sites with energies, and a coupling of any strength and symmetry."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.integers(3, 5))
    position = rng.uniform(0, 4, (n, 2))
    energy = draw(st.sampled_from([0.0, 0.3, 2.0])) * rng.normal(size=n)
    matrix = draw(st.sampled_from([0.01, 0.3, 2.0])) * rng.normal(size=(2, 2))
    kind = draw(st.sampled_from(["traced", "traceless", "helix"]))
    if kind == "traceless":
        matrix[1, 1] = -matrix[0, 0]
    if kind == "helix":
        matrix = matrix[0, 0] * np.array([[1.0, 1.0], [-1.0, -1.0]])
    return phonon_network(position, energy, 1.0, side=4.0), matrix, kind


def check_relation_7(c):
    """Lambda = 4 (W - G), and Gamma = W + G [hopping 7]: 1e-13 of the largest."""
    scale = np.abs(c.galvanic).max() + 1e-300
    assert np.abs(c.galvanic - 4 * (c.separation - c.flip)).max() <= 1e-13 * scale
    assert np.abs(c.torque - c.separation - c.flip).max() <= 1e-13 * scale


@settings(deadline=None, derandomize=True, max_examples=60)
@given(random_triads())
def test_exact_relations(sample):
    network, matrix, kind = sample
    c = kinetic_coefficients(find_triads(network), matrix, eta=0.7)
    n = network.occupation
    check_relation_7(c)
    torque, galvanic, rate = table(c, "torque"), table(c, "galvanic"), table(c, "strength")
    strength = [n[j] * Q for (_, _, j), Q in rate.items()]
    scale = max(strength)  # a coefficient can reach 12 times that: 1e-13 of it
    for i, k, j in rate:
        # [hopping S14], common source j, both targets: nothing goes out
        assert np.abs(galvanic[i, k, j] + galvanic[k, i, j]).max() * n[j] <= 1e-12 * scale
        # one strength for all six processes, detailed balance [hopping S22]
        assert n[j] * rate[i, k, j] == pytest.approx(n[k] * rate[i, j, k], rel=1e-12)
        assert rate[i, k, j] == pytest.approx(rate[k, i, j], rel=1e-12)
        # [hopping S24]: nothing is generated in equilibrium
        balance = torque[i, k, j] * n[j] + torque[i, j, k] * n[k]
        assert np.abs(balance).max() <= 1e-12 * scale
        # microscopic reciprocity of generation and galvanic current
        assert np.abs(torque[j, k, i] * n[i] + galvanic[i, k, j] * n[j] / 4).max() <= 1e-12 * scale
    if kind == "helix":
        assert not np.any(c.torque)
        assert not np.any(c.galvanic)


def test_persistent_currents_of_equilibrium():
    """G and W do not vanish separately where Gamma does [hopping S24]."""
    network = twelve(1.0)
    c = kinetic_coefficients(find_triads(network), COUPLING, eta=0.01)
    n = network.occupation
    separation = table(c, "separation")
    i, k, j = 3, 5, 6
    galvanic = table(c, "galvanic")  # [hopping S14] does not hold with a common target
    left = galvanic[i, k, j] + galvanic[i, j, k]
    assert np.abs(left).max() > 0.01 * np.abs(galvanic[i, k, j]).max()
    left = separation[i, k, j] * n[j] + separation[i, j, k] * n[k]
    assert np.abs(left).max() > 0.01 * np.abs(separation[i, k, j] * n[j]).max()


@settings(deadline=None, derandomize=True, max_examples=40)
@given(random_triads())
def test_traces_of_pauli_matrices(sample):
    """Gamma [hopping S16] and Lambda [hopping S15] straight from the definition."""
    network, matrix, _ = sample
    R = network.sites.position
    c = kinetic_coefficients(find_triads(network), matrix, eta=0.7)
    torque, galvanic, rate = (table(c, name) for name in ("torque", "galvanic", "strength"))

    def U(a, b):
        return hop_amplitude(R[a] - R[b], matrix) * np.exp(np.hypot(*(R[a] - R[b])))

    for i, k, j in rate:
        loop = U(i, j), U(j, k), U(k, i)
        at_target = [np.trace(s @ loop[0] @ loop[1] @ loop[2]) for s in PAULI]
        at_source = [np.trace(loop[0] @ s @ loop[1] @ loop[2]) for s in PAULI]
        size = rate[i, k, j]
        np.testing.assert_allclose(
            torque[i, k, j], 3 * size * np.real(0.5j * np.array(at_target)), atol=1e-13 * size
        )
        np.testing.assert_allclose(
            galvanic[i, k, j], 12 * size * np.real(0.5j * np.array(at_source)), atol=5e-13 * size
        )


def test_strength_from_hopping_times():
    """Q' [hopping S21] with tau and J written out; at equal energies (eta / 8) exp(-perimeter)."""
    network = twelve(1.0)
    c = kinetic_coefficients(find_triads(network), COUPLING, eta=0.01)
    n, K = network.occupation, network.conductance
    pair = {(a, b): l for l, (a, b) in enumerate(zip(network.link_i, network.link_j))}

    def tau(a, b):
        return n[b] / K[pair[min(a, b), max(a, b)]]

    def J(a, b):
        return np.exp(-np.hypot(*(TWELVE[a] - TWELVE[b])))

    i, k, j = 3, 5, 6
    expected = (
        0.01
        / 24
        * (
            J(i, j) / (J(k, j) * J(k, i) * tau(i, k) * tau(k, j))
            + J(j, k) / (J(i, j) * J(k, i) * tau(k, i) * tau(i, j))
            + J(i, k) / (J(i, j) * J(k, j) * tau(i, j) * tau(k, j))
        )
    )
    assert table(c, "strength")[i, k, j] == pytest.approx(expected, rel=1e-12)
    assert tau(3, 6) == pytest.approx(8.7028186541e1, rel=1e-10)
    assert tau(6, 3) == pytest.approx(4.9891307957e2, rel=1e-10)
    triads = find_triads(twelve(0.0))
    strength, _ = spin_loops(triads, COUPLING, eta=0.01)
    np.testing.assert_allclose(strength, 0.01 / 8 * np.exp(-triads.perimeter), rtol=1e-12)


@pytest.mark.parametrize(
    ("disorder", "name", "expected"),
    [
        (1, "torque", [-7.992397041370e-09, 7.420164481036e-10, 7.889970619748e-08]),
        (1, "galvanic", [2.347881539329e-08, -5.878129271621e-08, 3.108488170239e-07]),
        (1, "separation", [-1.061346596524e-09, -6.976653365475e-09, 7.830595522673e-08]),
        (1, "flip", [-6.931050444846e-09, 7.718669813578e-09, 5.937509707569e-10]),
        (1, "strength", 1.941436716812e-06),
        (0, "strength", 8.649228691749e-07),
        (0, "torque", [-3.560665624969e-09, 3.305732243091e-10, 3.515033978209e-08]),
        (0, "flip", [-3.087828712231e-09, 3.438718338621e-09, 2.645199757248e-10]),
        (0, "separation", [-4.728369127386e-10, -3.108145114311e-09, 3.488581980637e-08]),
    ],
)
def test_digits_of_one_triad(disorder, name, expected):
    """Twelve-site network, process (3, 5, 6), found by independent slow code."""
    c = kinetic_coefficients(find_triads(twelve(disorder)), COUPLING, eta=0.01)
    np.testing.assert_allclose(table(c, name)[3, 5, 6], expected, rtol=1e-11)


MATRICES = {
    "anisotropic": [[0.0, 0.7], [0.4, 0.0]],
    "rashba": [[0.0, 0.5], [-0.5, 0.0]],
    "cubic axes": [[0.3, 0.6], [-0.6, -0.3]],
    "traced": [[0.5, 0.6], [-0.2, 0.3]],
}


@pytest.mark.parametrize("matrix", MATRICES.values(), ids=MATRICES)
def test_closed_forms_9a_9b(matrix):
    """[hopping 9a], [hopping 9b]: error of second order in the angle."""
    triads = find_triads(twelve(1.0))
    error = {}
    for scale in (0.01, 0.001):
        exact, lowest = (
            kinetic_coefficients(triads, scale * np.array(matrix), eta=1.0, order=order)
            for order in ("exact", "lowest")
        )
        error[scale] = max(
            np.abs(getattr(exact, name) - getattr(lowest, name)).max(axis=(0, 1))[part].max()
            / np.abs(getattr(exact, name)).max(axis=(0, 1))[part].max()
            for name, part in itertools.product(
                ("torque", "galvanic", "separation", "flip"), (slice(0, 2), slice(2, 3))
            )
            if (name, part) != ("flip", slice(2, 3))  # G_z is of the next order
        )
        check_relation_7(lowest)
    assert error[0.01] < 5e-3
    assert error[0.001] == pytest.approx(error[0.01] / 100, rel=0.05)


def closed_form_error(matrix, order):
    triads = find_triads(twelve(0.0))
    exact = kinetic_coefficients(triads, 1e-3 * matrix, eta=1.0)
    closed = kinetic_coefficients(triads, 1e-3 * matrix, eta=1.0, order=order)
    return np.abs(exact.torque - closed.torque).max() / np.abs(exact.torque).max()


def test_printed_trace_fails_where_beta_has_a_trace():
    """Deliberate error: Tr beta^2 for -2 det beta is the same without a trace, wrong with one."""
    traceless, traced = (np.array(MATRICES[name]) for name in ("cubic axes", "traced"))
    assert closed_form_error(traceless, "printed") < 1e-4
    assert closed_form_error(traced, "lowest") < 1e-4
    assert closed_form_error(traced, "printed") > 0.5


@pytest.mark.parametrize("name", ["separation", "galvanic"])
def test_factor_two_breaks_relation_7(name):
    """Deliberate error: W or Lambda twice as large, as the definitions by up and down rates say."""
    c = kinetic_coefficients(find_triads(twelve(1.0)), COUPLING, eta=0.01)
    wrong = type(c)(**(vars(c) | {name: 2 * getattr(c, name)}))
    check_relation_7(c)
    with pytest.raises(AssertionError):
        check_relation_7(wrong)


def test_interference_amplitude():
    """[hopping 8]: the bracket of the paper; the conjugate for the path back; the loop inside."""
    position = TWELVE[[0, 1, 3]]
    got = interference_amplitude(position, 10 * COUPLING, energy_difference=0.2)

    def U(a, b):
        R = position[a - 1] - position[b - 1]
        return hop_amplitude(R, 10 * COUPLING) * np.exp(np.hypot(*R)), np.exp(-np.hypot(*R))

    (U31, J31), (U32, J32), (U21, J21) = U(3, 1), U(3, 2), U(2, 1)
    bracket = np.eye(2) + J32 * J21 / (J31 * 0.2) * U31.conj().T @ U32 @ U21
    np.testing.assert_allclose(got, J31 * U31 @ bracket, atol=1e-14)
    np.testing.assert_allclose(U31 @ U31.conj().T, np.eye(2), atol=1e-14)
    # the bracket depends on spin by the loop vector alone, and not at all without an area
    _, loop = spin_loops(find_triads(twelve(0.0)), 10 * COUPLING, eta=1.0)
    rest = U31.conj().T @ U32 @ U21
    vector = [np.real(0.5j * np.trace(s @ rest)) for s in PAULI]
    triads = find_triads(twelve(0.0)).site.tolist()
    np.testing.assert_allclose(vector, -loop[triads.index([0, 1, 3]), 0], atol=1e-14)


@pytest.mark.parametrize(
    ("spin_orbit", "eta", "words"),
    [
        ([[0, 1, 2], [1, 0, 2]], 0.1, "2x2 matrix"),
        ([[0, np.nan], [1, 0]], 0.1, "2x2 matrix"),
        ("rashba", 0.1, "2x2 matrix"),
        (COUPLING, -0.1, "eta"),
        (COUPLING, np.nan, "eta"),
    ],
)
def test_bad_input(spin_orbit, eta, words):
    with pytest.raises(ParameterError, match=words):
        kinetic_coefficients(find_triads(twelve(0.0)), spin_orbit, eta=eta)


def test_bad_order_and_bad_triad():
    with pytest.raises(ParameterError, match="order must be"):
        kinetic_coefficients(find_triads(twelve(0.0)), COUPLING, eta=0.1, order="first")
    with pytest.raises(ParameterError, match="three positions"):
        interference_amplitude(TWELVE[:2], COUPLING, energy_difference=1.0)


def test_lists_in_parts_of_any_size_hold_every_triad(monkeypatch):
    network = hn.build_network(hn.random_sites(300, density=0.1, seed=2), cutoff=1.5)
    whole = find_triads(network)
    for most in (1, 7, 10**9):
        monkeypatch.setattr("hopnet.network.triads.TRIADS_AT_ONCE", most)
        parts = parts_of(network)
        np.testing.assert_array_equal(np.concatenate([part for part, _ in parts]), np.arange(300))
        np.testing.assert_array_equal(find_triads(network).site, whole.site)
    assert len(parts) == 1
