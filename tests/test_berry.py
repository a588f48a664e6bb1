"""Spin currents from Berry connections: laws and identities.

Equations [berry 1], [berry 2], [berry 3], [berry 4], [berry 6], [berry 7], [berry 8], [berry 9],
[berry C3], [berry C6], [berry C7], [berry C8], [berry C9], [berry C10], [berry C13], [berry C14],
[berry C15], [berry C18], [berry C19], [berry C24], [berry C25], [berry C26].
"""

import dataclasses
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hopnet.berry import (
    PeriodicGrid,
    Rays,
    Treatment,
    anomalous_hall,
    band_pairs,
    bhz,
    bi2se3_bulk,
    chern_number,
    conserved_current,
    decompose,
    from_terms,
    haldane,
    kane_mele,
    luttinger_well,
    massive_dirac,
    orbital_magnetisation,
    qwz,
    rashba,
    spin_hall,
    spin_streda,
)
from hopnet.berry.decomposition import State, density_matrices, equilibrium_gradient, to_bands
from hopnet.berry.pairs import values
from hopnet.berry.spin_current import E2_OVER_H
from hopnet.errors import ValidityWarning
from hopnet.threads import limit_threads

MODELS = [
    qwz(-1.0, 0.3),
    bhz(-1.0, 0.2),
    massive_dirac(),
    rashba(),
    haldane(),
    kane_mele(),
    bi2se3_bulk((1e-3, 2e-3, 3e-3), warping=True, A2=1.0, B2=2.0),
    bi2se3_bulk(lattice=(4.14, 9.55), warping=True, A2=1.0, B2=2.0),
    luttinger_well("InSb", 2.0, warping=True),
]


def hermitian(rng, order):
    x = rng.normal(size=(order, order)) + 1j * rng.normal(size=(order, order))
    return x + x.conj().T


def random_model(seed, order=4, mass=0.0):
    """A periodic model of random matrices; ``mass`` moves the halves of the bands apart."""
    rng = np.random.default_rng(seed)
    matrices = [hermitian(rng, order) for _ in range(6)]
    matrices[0] += mass * np.diag(np.sign(np.arange(order) - 0.5 * order + 0.25))

    def coefficients(k):
        x, y = k.T
        return [1.0, np.cos(x), np.sin(x), np.cos(y), np.sin(y), np.sin(x) * np.cos(y)]

    def slopes(k, axis):
        x, y = k.T
        if axis == 0:
            return [0.0, -np.sin(x), np.cos(x), 0.0, 0.0, np.cos(x) * np.cos(y)]
        return [0.0, 0.0, 0.0, -np.sin(y), np.cos(y), -np.sin(x) * np.sin(y)]

    return from_terms(
        f"random {seed}",
        matrices,
        coefficients,
        slopes,
        dimension=2,
        spin={"z": hermitian(rng, order)},
        reciprocal=2.0 * np.pi * np.eye(2),
    )


def wave_vectors(model, n=5, seed=195):
    scale = 1.0 if model.scale is None else model.scale
    return np.random.default_rng(seed).uniform(-2.0, 2.0, (n, model.dimension)) * scale


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.name)
def test_derivatives_are_those_of_the_hamiltonian(model):
    k = wave_vectors(model)
    for axis in range(model.dimension):
        shift = 1e-3 * np.eye(model.dimension)[axis]
        h = [model.hamiltonian(k + j * shift) for j in (-2, -1, 1, 2)]
        difference = (h[0] - 8 * h[1] + 8 * h[2] - h[3]) / 12e-3
        size = np.abs(difference).max()
        np.testing.assert_allclose(model.derivative(k, axis), difference, atol=1e-9 * (1 + size))


@settings(deadline=None, derandomize=True, max_examples=25)
@given(st.integers(0, 10**6), st.integers(2, 6), st.floats(-1.0, 1.0), st.floats(0.05, 2.0))
def test_basis_zero_of_energy_and_scale_do_not_matter(seed, order, mu, kT):
    model = random_model(seed, order)
    k = wave_vectors(model)
    want = values(band_pairs(model, k, "z", "x", "y"), mu, kT)
    u = np.linalg.qr(hermitian(np.random.default_rng(seed + 1), order))[0]

    def changed(scale, shift):
        def turn(h):
            return scale * (u.conj().T @ h @ u)

        return dataclasses.replace(
            model,
            hamiltonian=lambda k: turn(model.hamiltonian(k)) + shift * np.eye(order),
            derivative=lambda k, axis: turn(model.derivative(k, axis)),
            spin={"z": u.conj().T @ model.spin["z"] @ u},
        )

    for scale, shift in ((1.0, 0.0), (1.0, 0.7), (2.5, 0.0)):
        got = values(
            band_pairs(changed(scale, shift), k, "z", "x", "y"), scale * mu + shift, scale * kT
        )
        got[:, 5] /= scale  # the orbital moment is the one that has an energy
        np.testing.assert_allclose(got, want, rtol=1e-7, atol=1e-9 * np.abs(want).max())


@settings(deadline=None, derandomize=True, max_examples=20)
@given(st.integers(0, 10**6), st.integers(2, 5), st.floats(-1.0, 1.0))
def test_lcc_and_xn_are_hall_currents_and_agree_for_charge(seed, order, mu):
    """[berry 1] is antisymmetric in field and current; [berry 9] with s = 1 is the curvature."""
    model = random_model(seed, order)
    k = wave_vectors(model)
    one = values(band_pairs(model, k, "z", "x", "y"), mu, 0.4)
    two = values(band_pairs(model, k, "z", "y", "x"), mu, 0.4)
    np.testing.assert_allclose(one[:, [0, 1, 4]], -two[:, [0, 1, 4]], rtol=1e-9, atol=1e-9)
    charge = values(band_pairs(model, k, np.eye(order), "x", "y"), mu, 0.4)
    scale = np.abs(charge[:, 4]).max()
    for column in (0, 1, 2):
        np.testing.assert_allclose(charge[:, column], charge[:, 4], atol=1e-9 * scale)
    np.testing.assert_allclose(charge[:, 3], 0.0, atol=1e-9)


def test_two_bands_with_traceless_spin_have_opposite_forms():
    """[berry 9] follows from [berry 1] for these models only, and not for a constant spin."""
    model = random_model(7, 2)
    model = dataclasses.replace(model, spin={"z": np.diag([1.0, -1.0]).astype(complex)})
    got = values(band_pairs(model, wave_vectors(model), "z", "x", "y"), 0.0, 0.3)
    np.testing.assert_allclose(got[:, 0], -got[:, 1], rtol=1e-11)


def test_filled_bands_carry_current_in_lcc_and_xn_only():
    """The sum over all bands is 0 in the Kubo forms, not in [berry 1] for more than two bands."""
    full = spin_hall(random_model(3), PeriodicGrid(192), mu=100.0)
    assert abs(full.conventional[0]) < 1e-10 * abs(full.lcc[0])
    assert abs(full.berry[0]) < 1e-10 * abs(full.lcc[0])
    assert abs(full.lcc[0]) > 20 * full.error[0]
    np.testing.assert_allclose(full.lcc, -full.xn, rtol=1e-9)
    two = spin_hall(random_model(3, 2), PeriodicGrid(64), mu=100.0)
    np.testing.assert_allclose([two.lcc, two.xn], 0.0, atol=1e-9 * abs(full.lcc[0]))


def test_bands_with_the_same_spin_have_no_conserved_current_when_full():
    model = random_model(3)
    full = conserved_current(model, PeriodicGrid(32), mu=100.0)
    assert abs(full.value[0]) < 1e-12


def test_doublets_do_not_depend_on_their_basis():
    """A rotation within each Kramers pair changes no result."""
    model = dataclasses.replace(bi2se3_bulk((0.0, 0.0, 0.0)), parameters={})
    k = wave_vectors(model, 20)
    want = values(band_pairs(model, k, "y", "x", "z"), 0.1, 0.0)
    u = np.kron(np.eye(2), np.linalg.qr(hermitian(np.random.default_rng(6), 2))[0])

    def turned(h):
        return u.conj().T @ h @ u

    other = dataclasses.replace(
        model,
        hamiltonian=lambda k: turned(model.hamiltonian(k)),
        derivative=lambda k, axis: turned(model.derivative(k, axis)),
        spin={"y": turned(model.spin["y"])},
    )
    got = values(band_pairs(other, k, "y", "x", "z"), 0.1, 0.0)
    np.testing.assert_allclose(got, want, rtol=1e-8, atol=1e-9 * np.abs(want).max())


# ---- the kinetic equation itself

RANDOM = random_model(11)
CASES = [
    pytest.param(qwz(-1.0, 0.3), 0.9, 0.15, 96, id="qwz"),
    pytest.param(RANDOM, 0.4, 0.8, 128, id="random"),
]


@cache
def random_pieces():
    """The pieces of the sum for `RANDOM`, computed once for the tests that use them."""
    return decompose(RANDOM, PeriodicGrid(128), mu=0.4, kT=0.8)


@pytest.mark.parametrize(("model", "mu", "kT", "n"), CASES)
def test_pieces_from_the_kinetic_equation(model, mu, kT, n):
    """Each closed form solves its matrix equation: [berry 7], [berry 8], [berry C9]."""
    known = model is RANDOM
    parts = random_pieces() if known else decompose(model, PeriodicGrid(n), mu=mu, kT=kT)
    forms = spin_hall(model, PeriodicGrid(n), mu=mu, kT=kT)
    slack = 10 * (parts.error + forms.error[0]) + 1e-9
    assert parts.j1 == pytest.approx(forms.j1[0], abs=1e-11)  # [berry C6]
    assert parts.j2 == pytest.approx(forms.j2[0], abs=1e-11)  # [berry C7]
    assert parts.i1 == pytest.approx(-parts.j2, abs=1e-12)  # [berry C10]
    assert parts.torque == pytest.approx(forms.torque[0], abs=1e-11)
    assert parts.i2_direct == pytest.approx(forms.i2_direct[0], abs=slack)  # [berry C18]
    assert parts.i2_printed == pytest.approx(forms.i2_printed[0], abs=slack)  # [berry C24]
    assert abs(parts.i2_direct) > 10 * slack
    assert parts.total_direct == pytest.approx(forms.xn[0], abs=slack)
    assert parts.total_printed == pytest.approx(forms.lcc[0], abs=slack)  # [berry C25], [berry 1]


def test_exchanging_field_and_current_in_the_last_piece_breaks_the_total():
    """With [berry C19] as printed the total is not that of [berry C15] to [berry C18]."""
    parts = random_pieces()
    forms = spin_hall(RANDOM, PeriodicGrid(128), mu=0.4, kT=0.8)

    def totals_agree(total):
        return total == pytest.approx(forms.xn[0], abs=1e-3 * abs(forms.xn[0]))

    assert totals_agree(parts.total_direct)
    assert not totals_agree(parts.total_printed)
    # The check with s -> -e does not show the exchange.
    one = np.eye(4, dtype=complex)
    charge = decompose(RANDOM, PeriodicGrid(64), mu=0.4, kT=0.8, spin=one)
    assert charge.total_printed == pytest.approx(charge.total_direct, abs=1e-9)


def test_density_matrices_solve_their_equations():
    """[berry 6] = [berry C3] solves [berry 3]; [berry C13] over i is Hermitian."""
    model, mu, kT = random_model(5), 0.3, 0.5
    k = wave_vectors(model, 4)
    state = State(mu, kT, Treatment())
    energy, vector, f, _, connection, driven = density_matrices(model, k, 0, state)
    np.testing.assert_allclose(driven, driven.conj().transpose(0, 2, 1), atol=1e-11)
    # Off the diagonal i [H, rho_E] = D rho_0 / D k, without the factor e E / hbar.
    gap = energy[:, :, None] - energy[:, None, :]
    off = ~np.eye(4, dtype=bool)
    drive = -1j * (connection * f[:, None, :] - f[:, :, None] * connection)
    np.testing.assert_allclose((1j * gap * driven)[:, off], drive[:, off], atol=1e-11)
    rho = to_bands(equilibrium_gradient(model, k, 1, state), vector) / 1j
    np.testing.assert_allclose(rho, rho.conj().transpose(0, 2, 1), atol=1e-11)
    velocity = to_bands(model.derivative(k, 1), vector)
    source = -0.5j * velocity * (f[:, :, None] + f[:, None, :])
    np.testing.assert_allclose((1j * gap * 1j * rho)[:, off], source[:, off], atol=1e-10)


# ---- the sign of the anomalous Hall effect


def ramped_current(model, n=24, strength=1e-3, ramp=60.0, hold=20.0, dt=0.05):
    """Current along y of electrons (charge -e) while E grows along x. Units: e = hbar = 1.

    The field enters through its vector potential: k -> k + A, where A_x = -int E dt for the
    charge -1.
    """
    k = np.stack(np.meshgrid(*[2 * np.pi * (np.arange(n) + 0.3) / n] * 2), -1).reshape(-1, 2)
    state = np.linalg.eigh(model.hamiltonian(k))[1][:, :, 0]
    potential, currents = 0.0, []
    steps = int((ramp + hold) / dt)
    for step in range(steps):
        t = (step + 0.5) * dt
        rise = min(t / ramp, 1.0)
        field = strength * rise * rise * (3 - 2 * rise)
        potential -= 0.5 * field * dt
        e, u = np.linalg.eigh(model.hamiltonian(k + np.array([potential, 0.0])))
        potential -= 0.5 * field * dt
        state = np.einsum("kmn,kn->km", u.conj().transpose(0, 2, 1), state)
        state = np.einsum("kmn,kn->km", u, np.exp(-1j * e * dt) * state)
        if t > ramp:
            v = model.derivative(k + np.array([potential, 0.0]), 1)
            flow = np.einsum("km,kmn,kn->k", state.conj(), v, state).real
            currents.append(-flow.mean())
    return np.mean(currents) / strength


def test_anomalous_hall_sign_against_time_evolution():
    """[berry 9] with s -> -e gives sigma_yx = +C e^2/h; with exchanged indices the check fails."""
    model = qwz(-1.0)
    real_time = 2 * np.pi * ramped_current(model)

    def agrees(field, current):
        value, _ = anomalous_hall(model, PeriodicGrid(32), mu=0.0, field=field, current=current)
        return abs(value[0] / E2_OVER_H - real_time) < 0.02

    assert real_time == pytest.approx(1.0, abs=0.02)
    assert agrees("x", "y")
    assert not agrees("y", "x")  # the mutant


def test_vector_and_index_forms_agree():
    """[berry 1] equals the vector form [berry C26]: E along x, current along z."""
    model = bi2se3_bulk((0.0, 0.0, 0.05), lattice=(4.14, 4.14))
    grid = PeriodicGrid(8)
    along = {
        b: spin_hall(model, grid, mu=0.1, spin="y", field="x", current=b, kT=0.05).lcc[0]
        for b in "yz"
    }
    back = spin_hall(model, grid, mu=0.1, spin="y", field="z", current="x", kT=0.05).lcc[0]
    assert along["z"] == pytest.approx(-back, rel=1e-9)
    # E x Sigma with E = x: (0, -Sigma_z, Sigma_y); Sigma_z = Om^xy, Sigma_y = Om^zx
    k = wave_vectors(model, 6)
    xz = values(band_pairs(model, k, "y", "x", "z"), 0.1, 0.0)[:, 0]
    zx = values(band_pairs(model, k, "y", "z", "x"), 0.1, 0.0)[:, 0]
    np.testing.assert_allclose(xz, -zx, rtol=1e-9)


def test_chern_numbers_are_integers_and_the_moment_is_that_of_a_dirac_electron():
    assert [chern_number(qwz(u)).value for u in (-1.0, 1.0, -3.0)] == [1, -1, 0]
    # Massive Dirac electrons: the moment of both bands is v^2 M / (2 eps^2) in e/hbar, and the
    # curvature of the upper band is negative.
    model = massive_dirac(0.5)
    k = wave_vectors(model)
    bands = band_pairs(model, k, "z", "x", "y")
    eps = np.sqrt((k**2).sum(axis=1) + 0.25)
    np.testing.assert_allclose(bands.pair[:, 3, 0, 1], 0.5 / (2 * eps**3), rtol=1e-11)
    np.testing.assert_allclose(bands.pair[:, 4, 0, 1], -0.5 / (2 * eps**2), rtol=1e-11)
    np.testing.assert_allclose(bands.pair[:, 4, 1, 0], -0.5 / (2 * eps**2), rtol=1e-11)


def test_orbital_magnetisation_slope_is_the_hall_conductivity():
    """Streda's law: in a gap dM/dmu is C / 2 pi, with the same sign of C."""
    model, grid = qwz(-1.0), PeriodicGrid(48)
    m = [orbital_magnetisation(model, grid, mu=mu).value[0] for mu in (-0.2, 0.2)]
    assert (m[1] - m[0]) / 0.4 * 2 * np.pi == pytest.approx(1.0, abs=1e-9)
    hot = orbital_magnetisation(model, grid, mu=0.2, kT=0.01).value[0]
    assert hot == pytest.approx(m[1], abs=1e-6)


def test_conserved_current_by_two_routes():
    """[berry 4]: in a gap the finite-q response equals dM/dlambda of H + lambda s."""
    model, grid = kane_mele(), PeriodicGrid(48)
    one = conserved_current(model, grid, mu=0.0)
    two = spin_streda(model, grid, mu=0.0)
    assert one.value[0] == pytest.approx(two.value[0], abs=one.error[0] + two.error[0])
    assert one.error[0] + two.error[0] < 1e-4


def test_conserved_spin_makes_all_four_forms_one():
    model, grid = bhz(-1.0), PeriodicGrid(64)
    forms = spin_hall(model, grid, mu=0.0)
    four = [forms.lcc[0], forms.xn[0], forms.conventional[0]]
    four.append(conserved_current(model, grid, mu=0.0).value[0])
    np.testing.assert_allclose(np.multiply(four, 2 * np.pi), -2.0, atol=1e-8)
    assert abs(forms.torque[0]) < 1e-11


def test_longitudinal_hall_forms_are_zero():
    forms = spin_hall(qwz(-1.0, 0.3), PeriodicGrid(16), mu=0.9, kT=0.2, field="x", current="x")
    assert forms.lcc[0] == forms.xn[0] == 0.0


# ---- sums


def test_sweeps_equal_single_levels_and_thermal_goes_to_filled():
    model, grid = random_model(21), PeriodicGrid(24)
    levels = np.array([3.0, -8.0, 0.1, 0.0])
    all_at_once = spin_hall(model, grid, mu=levels)
    for j, mu in enumerate(levels):
        one = spin_hall(model, grid, mu=mu)
        for name in ("lcc", "xn", "conventional", "torque", "berry", "moment"):
            assert getattr(all_at_once, name)[j] == pytest.approx(getattr(one, name)[0], abs=1e-11)
    cold = spin_hall(model, grid, mu=levels, kT=1e-9)
    np.testing.assert_allclose(cold.conventional, all_at_once.conventional, atol=1e-11)


def test_separate_sums_leave_rounding_where_a_doublet_nearly_closes():
    """At a doublet split by 1e-9, sums of f_m K_m lose digits; pairs with f_m - f_n do not."""
    from twins.berry import fill_values as separate

    split = 1e-9
    base = bi2se3_bulk((0.0, 0.0, 0.0))
    # A perturbation without symmetry splits the doublets and couples their halves.
    x = hermitian(np.random.default_rng(12), 4)
    model = dataclasses.replace(
        base,
        hamiltonian=lambda k: base.hamiltonian(k) + split * x,
        derivative=lambda k, axis: base.derivative(k, axis) + x * (axis == 0),
        parameters={},
    )
    k = wave_vectors(base, 40)
    treatment = Treatment("diagonal", absolute=1e-12)
    bands = band_pairs(model, k, "y", "x", "z", treatment)
    pairwise = values(bands, 0.1, 0.0)[:, 2]
    apart = np.empty((40, 6))
    separate(bands.energy, bands.group, bands.pair, 0.1, 0.0, apart)
    # The true value, from projectors: only pairs across the gap contribute.
    e, u = np.linalg.eigh(model.hamiltonian(k))
    a, b = (to_bands(model.derivative(k, axis), u) for axis in (0, 2))
    s = to_bands(base.spin["y"], u)
    flow = 0.5 * (s @ b + b @ s)
    gap = e[:, :2, None] - e[:, None, 2:]
    truth = 2 * (flow[:, :2, 2:] * a[:, 2:, :2].transpose(0, 2, 1)).imag / gap**2
    truth = truth.sum(axis=(1, 2))
    scale = np.abs(truth).max()

    def clean(sums):
        return np.abs(sums - truth).max() < 1e-9 * scale

    assert clean(pairwise)
    assert not clean(apart[:, 2])


def test_threads_and_batches_do_not_change_the_bits():
    model, grid = kane_mele(), PeriodicGrid(128)
    results = []
    for threads in (1, 2, 3):
        with limit_threads(threads):
            results.append(spin_hall(model, grid, mu=[0.0, 1.5]).lcc)
    assert all(np.array_equal(r, results[0]) for r in results)


def test_singular_limits_warn():
    with pytest.warns(ValidityWarning, match="singular"):
        spin_hall(rashba(0.0), Rays(2.0, 4), mu=1.0)
    split = 3e-9 * np.kron(np.eye(2), np.diag([1.0, -1.0]))
    near = dataclasses.replace(bhz(), hamiltonian=lambda k: bhz().hamiltonian(k) + split)
    with pytest.warns(ValidityWarning, match="ten times"):
        spin_hall(near, PeriodicGrid(4), mu=0.0)
