"""The full coupled equations: digits, both methods, Onsager, spin currents, fields, bad input.

[hopping 2], [hopping 5a], [hopping 5b], [hopping 6], [hopping 10], [hopping 11], [hopping 12],
[hopping 13], [hopping 14], [hopping 16], [hopping S14], [hopping S27], [hopping S35],
[hopping S39], [hopping S40], [hopping S41].
"""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hopnet as hn
from hopnet.errors import ConvergenceError, ParameterError, ValidityWarning
from hopnet.network.network import join_sites
from hopnet.spin.kinetics import (
    f_from_polarisation,
    growth_rate,
    precession_rate,
    solve_kinetics,
    solve_leading_order,
    spin_current,
)
from hopnet.spin.kinetics.coupling import find_coupling, reciprocal_current
from hopnet.spin.kinetics.observables import induced_direction
from hopnet.transport.balance import net_flow
from samples import COUPLING, phonon_network, twelve

METHODS = pytest.mark.parametrize("method", ["frames", "matrix"])


def twenty_four():
    position = np.random.default_rng(5).uniform(0, 14, (24, 2))
    position = position[np.argsort(position[:, 0])]
    return phonon_network(position, np.zeros(24), 1.0, contacts=([0, 1], [22, 23]), side=14.0)


def sample(n_sites, density, seed, kT=None, geometry="open"):
    """A random network, with Miller-Abrahams rates if kT is given."""
    sites = hn.random_sites(n_sites, density=density, seed=seed, geometry=geometry)
    network = hn.build_network(sites, cutoff=1.5)
    if kT is None:
        return network
    energy = np.random.default_rng(seed).uniform(-0.5, 0.5, n_sites)
    i, j = network.link_i, network.link_j
    x = np.abs(energy[i] - energy[j]) / kT
    upper = np.maximum(energy[i], energy[j]) - energy.min()
    log_K = network.log_conductance - upper / kT + np.log(x / -np.expm1(-x))
    return join_sites(
        sites,
        i,
        j,
        log_K,
        contacts=network.contacts,
        log_occupation=-(energy - energy.min()) / kT,
        cutoff_radius=network.cutoff_radius,
    )


# ---- digits from independent code: twelve sites, all pairs linked, eta = 0.01 ----

DIGITS = {
    1: [3.2069960528e-10, 2.8213414580e-09, 8.5100316359e-12],
    100: [1.3396358656e-08, 1.3171571076e-07, 1.3656557516e-09],
}
LITERAL = {
    1: [3.2093614579e-10, 2.8231313658e-09, 8.3676865737e-12],
    100: [1.3682230751e-08, 1.3780805310e-07, 6.9742439325e-10],
}
GALVANIC = {1: 1.354243899853e-07, 100: 6.322354116703e-08}


@METHODS
@pytest.mark.parametrize("tau_s", DIGITS)
def test_digits_of_polarisation(tau_s, method):
    got = solve_kinetics(twelve(0), COUPLING, eta=0.01, tau_s=tau_s, method=method)
    np.testing.assert_allclose(got.polarisation, DIGITS[tau_s], rtol=1e-9)
    assert got.residual < 1e-11


@pytest.mark.parametrize("tau_s", LITERAL)
def test_digits_of_the_literal_equation(tau_s):
    """Linear precession, without feedback of the spins."""
    got = solve_kinetics(
        twelve(0), COUPLING, eta=0.01, tau_s=tau_s, precession="linear", feedback=False
    )
    np.testing.assert_allclose(got.polarisation, LITERAL[tau_s], rtol=1e-9)


@METHODS
@pytest.mark.parametrize("tau_s", GALVANIC)
def test_digits_of_galvanic_current(tau_s, method):
    got = solve_kinetics(
        twelve(0),
        COUPLING,
        eta=0.01,
        tau_s=tau_s,
        bias=0.0,
        generation=(0, 1 / tau_s, 0),
        method=method,
    )
    assert got.current == pytest.approx(GALVANIC[tau_s], rel=1e-9)
    assert got.feedback_current.sum() == pytest.approx(GALVANIC[tau_s], rel=1e-9)


# Polarisation of the full solution over that from f, for 24 sites and eta = 1e-3. The columns
# belong to the scales 0.1, 0.03, 0.01 and 0.003 of the angle of rotation.
RATIO = {
    1: [0.98043, 0.99822, 0.999802, 0.9999822],
    1e2: [0.96028, 0.99633, 0.999591, 0.9999632],
    1e4: [0.92257, 0.99593, 0.999585, 0.9999630],
    1e6: [2.09, 1.85, 1.103, 1.0093],
    1e8: [2.4, 21, 11.0, 1.94],
}


@pytest.mark.parametrize("tau_s", RATIO)
def test_full_solution_against_f(tau_s):
    """The deviation is O(d^2) + const x tau_s / tau_DP: each ratio agrees to the digits given."""
    network = twenty_four()
    f = solve_leading_order(network, [[0, 0.7], [0.4, 0]], eta=1e-3, tau_s=tau_s).f
    for scale, expected, digit in zip(
        (0.1, 0.03, 0.01, 0.003),
        RATIO[tau_s],
        (5e-6, 5e-6, 5e-7, 5e-8) if tau_s < 1e5 else (0.06, 0.5, 0.05, 6e-3),
    ):
        matrix = scale * np.array([[0, 0.7], [0.4, 0]])
        full = solve_kinetics(network, matrix, eta=1e-3, tau_s=tau_s)
        assert f_from_polarisation(full) / f == pytest.approx(expected, abs=1.01 * digit)


def test_deviation_is_linear_in_the_spin_relaxation_time():
    """It is 0.0134, 0.0129, 0.0122 times tau_s / tau_DP at the angle scales 0.003, 0.01, 0.03."""
    network = twenty_four()
    for scale, tau_s, expected in (
        (0.003, 1e6, 0.0134),
        (0.01, 1e6, 0.0129),
        (0.03, 1e5, 0.0122),
    ):
        matrix = scale * np.array([[0, 0.7], [0.4, 0]])
        f = solve_leading_order(network, matrix, eta=1e-3, tau_s=tau_s).f
        ratio = f_from_polarisation(solve_kinetics(network, matrix, eta=1e-3, tau_s=tau_s)) / f
        slope = (ratio - 1) / (tau_s * precession_rate(network, matrix))
        assert slope == pytest.approx(expected, rel=0.12)


def test_linear_precession_grows_and_rotation_does_not():
    network, matrix = twenty_four(), 0.1 * np.array([[0, 0.7], [0.4, 0]])
    assert growth_rate(network, matrix) == pytest.approx(-5.7e-7, rel=0.01)
    assert growth_rate(network, matrix, precession="linear") == pytest.approx(1.4e-3, rel=0.03)
    f = solve_leading_order(network, matrix, eta=1e-3, tau_s=1e4).f
    with pytest.warns(ValidityWarning, match="growing modes"):
        literal = solve_kinetics(network, matrix, eta=1e-3, tau_s=1e4, precession="linear")
    assert literal.growing_modes >= 1
    assert not 0.5 < f_from_polarisation(literal) / f < 2
    assert solve_kinetics(network, matrix, eta=1e-3, tau_s=1e4, method="matrix").growing_modes == 0


# ---- two independent methods ----


@settings(deadline=None, derandomize=True, max_examples=40)
@given(
    st.integers(0, 10**6),
    st.sampled_from([None, 0.3]),
    st.sampled_from(["open", "cylinder"]),
    st.sampled_from([0.01, 0.3, 1.0]),
    st.sampled_from([(1.0, 2.0), (1e3, 2.0), (1e3, 1e3), (1e7, 1e3)]),
    st.booleans(),
    st.booleans(),
    st.sampled_from([0.01, 0.5]),
)
def test_frames_and_matrix_agree(seed, kT, geometry, angle, times, with_field, sinks, eta):
    """Both methods agree with all options: energies, cylinder, beta, fields, anisotropy, sinks."""
    rng = np.random.default_rng(seed)
    network = sample(120, 0.1, 100 + seed % 7, kT, geometry)
    tensor = rng.normal(size=(3, 3))
    tau_s, spread = times
    options = {
        "eta": eta,
        "tau_s": tau_s * spread ** rng.uniform(-1, 1, network.n_sites),
        "anisotropy": np.eye(3) + 0.2 * tensor @ tensor.T,
        "field": with_field * rng.normal(size=3) / tau_s,
        "generation": 1e-3 * rng.normal(size=(network.n_sites, 3)),
        "absorbing_contacts": sinks,
    }
    matrix = angle * rng.normal(size=(2, 2))
    a = solve_kinetics(network, matrix, method="frames", max_iterations=900, **options)
    b = solve_kinetics(network, matrix, method="matrix", **options)
    size = np.abs(b.spin).max()
    assert a.residual < 1e-9
    np.testing.assert_allclose(a.spin, b.spin, rtol=0, atol=1e-8 * size)
    np.testing.assert_allclose(a.drop, b.drop, rtol=0, atol=1e-8 * np.abs(b.drop).max())
    noise = 1e-10 * np.abs(b.feedback_current).max()
    assert a.current == pytest.approx(b.current, rel=1e-8, abs=noise)
    assert b.residual < 1e-4  # relative to differences, which lose digits in weak rows
    for part in (a, b):
        hops = spin_current(part)
        for name in ("drift", "diffusion"):
            scale = np.abs(getattr(spin_current(b), name)).max()
            np.testing.assert_allclose(
                getattr(hops, name), getattr(spin_current(b), name), rtol=0, atol=1e-7 * scale
            )


def test_no_drive_no_answer_and_helix_no_spin():
    network = sample(400, 0.05, 3)
    quiet = solve_kinetics(network, COUPLING, eta=0.1, tau_s=100, bias=0.0)
    assert not np.any(quiet.spin)
    assert quiet.current == 0
    helix = solve_kinetics(network, [[0.2, 0.3], [-0.2, -0.3]], eta=0.1, tau_s=100)
    assert not np.any(helix.spin)
    assert helix.current == hn.solve_current(network).conductance
    none = solve_kinetics(network, np.zeros((2, 2)), eta=0.1, tau_s=50, generation=(1, 2, 3))
    np.testing.assert_allclose(none.polarisation, [50, 100, 150], rtol=1e-11)


def test_sites_on_their_own_relax_by_themselves():
    """A site without a link: S = g (1/tau_s - omega x)^-1."""
    network = hn.build_network(hn.random_sites(3000, density=0.01, seed=8), cutoff=1.15)
    alone = np.flatnonzero(np.diff(network.row_start) == 0)
    assert alone.size > 0
    omega, g = np.array([0.01, -0.02, 0.03]), np.array([1e-3, 2e-3, -1e-3])
    got = solve_kinetics(network, COUPLING, eta=0.1, tau_s=100, field=omega, generation=g)
    turn = np.cross(np.eye(3), omega)  # turn @ s = omega x s
    np.testing.assert_allclose(turn @ g, np.cross(omega, g), atol=1e-18)
    expected = np.linalg.solve(0.01 * np.eye(3) - turn, g)
    for site in alone:
        np.testing.assert_allclose(got.spin[site], expected, rtol=1e-9)


def test_axes_are_free():
    """A quarter turn O, R -> O R and beta -> O beta O^T, turns the spins by O."""
    network = sample(300, 0.05, 4)
    O = np.array([[0.0, -1.0], [1.0, 0.0]])
    turned_sites = hn.sites_from_positions(
        network.sites.position @ O.T + (network.sites.width, 0.0),
        length=network.sites.width,
        width=network.sites.length,
    )
    turned = join_sites(
        turned_sites,
        network.link_i,
        network.link_j,
        network.log_conductance,
        contacts=network.contacts,
        axis="y",
    )
    matrix = np.array([[0.05, 0.3], [-0.1, 0.02]])
    a = solve_kinetics(network, matrix, eta=0.2, tau_s=30)
    b = solve_kinetics(turned, O @ matrix @ O.T, eta=0.2, tau_s=30)
    x, y, z = a.spin.T
    np.testing.assert_allclose(
        b.spin, np.stack([-y, x, z], axis=1), rtol=0, atol=1e-10 * np.abs(a.spin).max()
    )
    assert f_from_polarisation(a) == pytest.approx(f_from_polarisation(b), rel=1e-9)


# ---- Onsager, decompositions, spin currents ----


def check_onsager(network, matrix, tau_s, field=(0, 0, 0), wrong=False, eta=6.6e-3, rel=1e-11):
    """J / s_0 = 4 N_e s / (tau_s v), each component, with B reversed on one side [hopping S39]."""
    options = {"eta": eta, "tau_s": tau_s, "tolerance": 1e-13, "max_iterations": 800}
    current = hn.solve_current(network)
    forward = solve_kinetics(network, matrix, field=field, current=current, **options)
    back = np.asarray(field, float) * (1 if wrong else -1)
    n_electrons = network.occupation.sum()
    size = 4 * n_electrons * np.linalg.norm(forward.polarisation) / tau_s
    for component in range(3):
        galvanic = solve_kinetics(
            network,
            matrix,
            field=back,
            bias=0.0,
            current=current,
            generation=np.eye(3)[component] / tau_s,
            **options,
        )
        expected = 4 * n_electrons * forward.polarisation[component] / tau_s
        assert galvanic.current == pytest.approx(expected, rel=rel, abs=rel * size)
        assert galvanic.current == pytest.approx(galvanic.feedback_current.sum(), rel=1e-14)


STRONG = np.array([[0.03, 0.3], [-0.2, 0.1]])
ONSAGER = pytest.mark.parametrize(
    ("density", "kT", "matrix", "tau_s", "field"),
    [
        (0.1, None, STRONG, 1e2, (0, 0, 0)),
        (0.1, 0.25, 0.3 * STRONG, 1e3, (0, 0, 0)),
        (0.1, 0.25, STRONG, 1e2, (3e-3, -5e-3, 1e-2)),
        (0.01, None, STRONG, 1e2, (0, 0, 0)),
        (0.01, 0.25, 0.3 * STRONG, 1e3, (3e-4, -5e-4, 1e-3)),
        (0.002, None, STRONG, 1e3, (0, 0, 0)),
    ],
)


@ONSAGER
def test_onsager(density, kT, matrix, tau_s, field):
    """sigma_SGE = sigma_CISP^T 4 kT n / tau_s for any coupling, energies and field."""
    check_onsager(sample(3000, density, 3, kT), matrix, tau_s, field)


@pytest.mark.slow
@ONSAGER
def test_onsager_of_fifty_thousand_sites(density, kT, matrix, tau_s, field):
    check_onsager(sample(50_000, density, 3, kT), matrix, tau_s, field)


def test_onsager_needs_the_field_reversed():
    """With the same B in both runs, which is wrong, the check must fail."""
    network = sample(1000, 0.05, 5)
    check_onsager(network, STRONG, 100, (0.01, 0.02, -0.01))
    with pytest.raises(AssertionError):
        check_onsager(network, STRONG, 100, (0.01, 0.02, -0.01), wrong=True)


@METHODS
def test_onsager_with_strong_feedback(method):
    """At eta = 0.5 spins and occupations are strongly coupled."""
    network = sample(200, 0.1, 9)
    for component in range(3):
        s = solve_kinetics(network, STRONG, eta=0.5, tau_s=30, method=method)
        j = solve_kinetics(
            network,
            STRONG,
            eta=0.5,
            tau_s=30,
            method=method,
            bias=0.0,
            generation=np.eye(3)[component] / 30,
        )
        expected = 4 * 200 * s.polarisation[component] / 30
        assert j.current == pytest.approx(expected, rel=1e-9)
    change = s.current / hn.solve_current(network).conductance - 1
    assert 1e-7 < abs(change) < 1e-2  # the feedback is there


# ---- feedback that is bounded, summed at some sites, or found by reciprocity ----


@pytest.mark.parametrize(("density", "kT"), [(0.1, None), (0.01, None), (0.03, 0.3)])
def test_feedback_its_bound_and_reciprocity(density, kT):
    network = sample(2000, density, 4, kT)
    current = hn.solve_current(network)
    full = solve_kinetics(network, 0.1 * FORM, eta=0.01, tau_s=1e4, current=current)
    sigma = full.spin / network.occupation[:, None]
    coupling = find_coupling(network, 0.1 * FORM, 0.01)
    torque, reach, _ = coupling.torque(current.drop)
    flow, driven = coupling.feedback(current.drop, sigma)
    np.testing.assert_allclose(reciprocal_current(torque, sigma), driven, rtol=1e-11)
    np.testing.assert_allclose(full.feedback_current, driven, rtol=1e-9)

    size = np.linalg.norm(sigma, axis=1)
    nearby = [
        size[network.row_neighbour[a:b]].max(initial=0.0)
        for a, b in zip(network.row_start[:-1], network.row_start[1:])
    ]
    assert np.all(np.abs(flow) <= reach * nearby)
    assert np.abs(flow).sum() <= reach @ size
    assert (np.abs(flow) / (reach * nearby + 1e-300)).max() > 0.1  # the bound is not far too large

    some = np.random.default_rng(1).choice(2000, 40, replace=False)
    part = coupling.feedback(current.drop, sigma, at=some)[0]
    np.testing.assert_array_equal(part[some], flow[some])


@pytest.mark.parametrize(("eta", "sweeps"), [(1e-5, 0), (3e-3, 1), (0.5, 2)])
def test_particle_rows_are_solved_whatever_is_done_about_feedback(eta, sweeps):
    """[hopping 5a] holds whether feedback is left out, computed once, or computed several times."""
    network = sample(3000, 0.1, 4)
    current = hn.solve_current(network)
    full = solve_kinetics(network, 0.1 * FORM, eta=eta, tau_s=1e3, current=current)
    assert min(full.sweeps, 2) == sweeps
    flow, _ = find_coupling(network, 0.1 * FORM, eta).feedback(current.drop, full.spin)
    hops = network.conductance * full.drop
    throughput = 2 * current.throughput
    judged = throughput > 1e-8 * throughput.mean()
    judged[network.source] = judged[network.drain] = False
    error = np.abs(net_flow(network, hops) - flow)[judged] / throughput[judged]
    share = np.abs(flow[judged]) / throughput[judged]
    assert error.max() <= full.residual + 1e-11
    assert full.residual <= 1e-9
    assert share.max() > (1e-9 if sweeps else 1e-14)
    spins = solve_kinetics(network, 0.1 * FORM, eta=eta, tau_s=1e3, method="matrix")
    scale = np.abs(spins.spin).max()
    np.testing.assert_allclose(full.spin, spins.spin, rtol=0, atol=1e-9 * scale)


@pytest.mark.parametrize("density", [0.1, 0.01])
def test_drops_of_a_galvanic_run_belong_to_its_spins(density):
    """Without a bias spins drive all drops: the spins of the solution, not of the sweep before."""
    network = sample(3000, density, 4)
    current = hn.solve_current(network)
    full = solve_kinetics(
        network,
        0.1 * FORM,
        eta=6.6e-3,
        tau_s=1e4,
        bias=0.0,
        current=current,
        generation=(0, 1e-4, 0),
    )
    flow, driven = find_coupling(network, 0.1 * FORM, 6.6e-3).feedback(current.drop, full.spin)
    hops = network.conductance * full.drop
    sites, n = (network.link_i, network.link_j), network.n_sites
    moduli = np.abs(flow) + sum(np.bincount(ends, np.abs(hops), n) for ends in sites)
    judged = (moduli > 1e-8 * moduli.mean()) & ~network.isolated
    judged[network.source] = judged[network.drain] = False
    error = np.abs(net_flow(network, hops) - flow)[judged] / moduli[judged]
    assert error.max() < 1e-11
    np.testing.assert_allclose(full.feedback_current, driven, rtol=1e-10)


def test_galvanic_current_through_the_spin_current():
    """The spin-galvanic current directly, and as the sum of inverse KKM and inverse SHE."""
    network, matrix, tau_s = sample(2000, 0.05, 6), 1e-3 * COUPLING / 0.07, 1e3
    leading = solve_leading_order(network, matrix, eta=0.01, tau_s=tau_s)
    galvanic = solve_kinetics(
        network,
        matrix,
        eta=0.01,
        tau_s=tau_s,
        bias=0.0,
        generation=(0, 1 / tau_s, 0),
        tolerance=1e-14,
    )
    unit = 4 * network.n_sites / tau_s
    direct = galvanic.feedback_current[0] + galvanic.feedback_current[1]
    assert direct == pytest.approx(unit * leading.polarisation_drift[1], rel=1e-4)
    through = galvanic.feedback_current[2]
    assert through == pytest.approx(unit * leading.polarisation_diffusion[1], rel=1e-4)
    assert direct * through < 0


@pytest.mark.parametrize("geometry", ["open", "cylinder"])
@pytest.mark.parametrize("kT", [None, 0.3])
def test_leading_order_step_by_step(geometry, kT):
    """[hopping 10] with [hopping 11], the moment [hopping 12], both parts, and f of `f_curve`."""
    network = sample(4000, 0.02, 7, kT, geometry)
    matrix = np.array([[0.002, 0.05], [0.03, -0.001]])
    for tau_s in (1.0, 1e4):
        got = solve_leading_order(network, matrix, eta=0.01, tau_s=tau_s)
        direct = got.polarisation_drift + got.polarisation_diffusion  # [hopping S40], [hopping S41]
        size = np.linalg.norm(got.polarisation_drift)
        np.testing.assert_allclose(got.polarisation_from_current, direct, rtol=0, atol=1e-11 * size)
        total = got.spin_current_drift + got.spin_current_diffusion
        size = np.linalg.norm(got.spin_current_drift)
        hard = 2 if geometry == "open" else 1
        np.testing.assert_allclose(
            got.spin_current_from_spin[:hard], total[:hard], rtol=0, atol=1e-11 * size
        )
        along_f = got.polarisation_from_f @ direct / (direct @ direct)
        assert 0.5 < along_f < 2
        if kT is None:
            curve = hn.f_curve(network, tau_s=tau_s)
            assert got.f == pytest.approx(curve.f[0], abs=1e-12 * curve.f_drift)
            assert got.f_drift == pytest.approx(curve.f_drift, rel=1e-12)


@pytest.mark.parametrize(
    ("disorder", "tau_s", "f", "f_drift"),
    [
        (0, 1, 1.542219613878, 1.563069919005),
        (0, 100, 0.7248936324708, 1.563069919005),
        (1, 1, 1.558722976814, 1.580654496321),
        (1, 100, 0.8259994493263, 1.580654496321),
    ],
)
def test_digits_of_f_with_energies(disorder, tau_s, f, f_drift):
    got = solve_leading_order(
        twelve(disorder), COUPLING, eta=0.01, tau_s=tau_s, normalisation="letter"
    )
    assert got.f == pytest.approx(f, rel=1e-11)
    assert got.f_drift == pytest.approx(f_drift, rel=1e-11)


def test_spin_balance_of_the_full_solution():
    """At any coupling sum S / tau_s is the torque of the current plus that of the precession."""
    network = sample(3000, 0.03, 2, 0.3)
    got = solve_kinetics(network, STRONG, eta=0.05, tau_s=300)
    np.testing.assert_allclose(
        got.drift + got.diffusion, got.polarisation, atol=1e-9 * np.abs(got.drift).max()
    )


def test_spin_current_of_the_full_solution():
    """At weak coupling (11) equals (12), and gives the polarisation by (10)."""
    network = sample(3000, 0.03, 2)
    matrix = 1e-4 * np.array([[0.1, 1.0], [0.6, 0.2]])
    full = solve_kinetics(network, matrix, eta=0.05, tau_s=100, tolerance=1e-14)
    hops = spin_current(full)
    np.testing.assert_allclose(hops.total, hops.from_spin, atol=1e-5 * np.abs(hops.total).max())
    np.testing.assert_allclose(
        hops.polarisation[:2], full.polarisation[:2], atol=1e-5 * np.abs(full.polarisation).max()
    )
    leading = solve_leading_order(network, matrix, eta=0.05, tau_s=100)
    np.testing.assert_allclose(hops.drift, leading.spin_current_drift, rtol=1e-5)


F_LAMBDA = {  # f(1/tau_s + i omega) of the twelve-site network at tau_s = 100
    (0, 0.01): 0.8646565666002 + 0.2998417585705j,
    (0, 0.1): 1.508033387915 + 0.1943154095766j,
    (1, 0.01): 0.9484535205882 + 0.2499869037703j,
    (1, 0.1): 1.511272413398 + 0.1959401342101j,
}


@pytest.mark.parametrize(("disorder", "omega"), F_LAMBDA)
def test_magnetic_field_continues_f(disorder, omega):
    """The three directions of B: s_y = Re F, Re F / (1 + i omega tau_s), and a Lorentzian."""
    network, matrix, tau_s = twelve(disorder), 3e-4 * COUPLING / 0.07, 100.0
    F = F_LAMBDA[disorder, omega]
    leading = solve_leading_order(network, matrix, eta=0.01, tau_s=tau_s, normalisation="letter")
    f = leading.f

    def ratio(field):
        got = solve_kinetics(network, matrix, eta=0.01, tau_s=tau_s, field=field, tolerance=1e-14)
        return got.polarisation[1] / leading.polarisation_from_f[1]

    assert ratio((0, omega, 0)) == pytest.approx(F.real / f, rel=1e-3)
    turned = (F / (1 + 1j * omega * tau_s)).real / f
    assert ratio((omega, 0, 0)) == pytest.approx(turned, rel=1e-3, abs=2e-4)
    # B along z also turns the x component of f into s_y. This part is odd in B, and the mean over
    # both signs removes it.
    both = [ratio((0, 0, sign * omega)) for sign in (1, -1)]
    assert np.mean(both) == pytest.approx(1 / (1 + (omega * tau_s) ** 2), rel=1e-3)


# ---- half a million sites ----


@pytest.fixture(scope="module")
def large():
    """Half a million sites at n_s a_b^2 = 0.01, and their current."""
    network = hn.build_network(hn.random_sites(500_000, density=0.01, seed=1), cutoff=1.5)
    return network, hn.solve_current(network)


FORM = np.array([[0.0, 1.0], [0.6, 0.0]])


@pytest.mark.slow
@pytest.mark.parametrize(("tau_s", "most"), [(1e2, 5), (1e4, 7), (1e6, 10)])
def test_half_a_million_sites(tau_s, most, large):
    """Row residuals, spin balance, KKM and (12) to the solver's residual; f."""
    network, current = large
    matrix = 0.013 * FORM
    leading = solve_leading_order(network, matrix, eta=6.58e-3, tau_s=tau_s, current=current)
    direct = leading.polarisation_drift + leading.polarisation_diffusion
    size = np.abs(leading.polarisation_drift).max()
    np.testing.assert_allclose(leading.polarisation_from_current, direct, atol=1e-11 * size)
    total = leading.spin_current_drift + leading.spin_current_diffusion
    size = np.abs(leading.spin_current_drift).max()
    np.testing.assert_allclose(leading.spin_current_from_spin, total, atol=1e-11 * size)

    full = solve_kinetics(network, matrix, eta=6.58e-3, tau_s=tau_s, current=current)
    assert full.iterations <= most
    assert full.residual < 1e-8
    size = np.abs(full.drift).max()
    np.testing.assert_allclose(full.drift + full.diffusion, full.polarisation, atol=1e-11 * size)
    bound = 20 * 0.013**2 + 0.2 * tau_s * precession_rate(network, matrix)
    assert abs(f_from_polarisation(full) / leading.f - 1) < bound


@pytest.mark.slow
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_half_a_million_sites_in_a_field(axis, large):
    """omega tau_s = 1 along x, y, z: row residuals; Hanle laws within terms of order d^2."""
    network, current = large
    tau_s, matrix = 1e4, 0.013 * FORM
    options = {"eta": 6.58e-3, "tau_s": tau_s, "current": current}
    full = solve_kinetics(network, matrix, field=np.eye(3)[axis] / tau_s, **options)
    assert full.residual < 1e-8
    zero = solve_kinetics(network, matrix, **options)
    direction = induced_direction(network, matrix)
    ratio = full.polarisation @ direction / (zero.polarisation @ direction)
    law = hn.hanle_curve(network, tau_s, 1 / tau_s, current=current, spin_orbit=matrix)
    expected = (law.field_along, law.field_across, law.field_normal)[axis][0]
    assert ratio == pytest.approx(expected, abs=20 * 0.013**2)


@pytest.mark.slow
@pytest.mark.parametrize("tau_s", [1e6, 1e8])
def test_half_a_million_sites_far_beyond_dephasing(tau_s, large):
    """Half-angles of 0.1 per hop, with feedback."""
    network, current = large
    full = solve_kinetics(network, 0.1 * FORM, eta=6.58e-3, tau_s=tau_s, current=current)
    assert full.residual <= 1e-9
    assert full.iterations <= 30  # with 3x3 blocks; hundreds without
    assert full.sweeps == 1
    size = np.abs(full.drift).max()
    np.testing.assert_allclose(full.drift + full.diffusion, full.polarisation, atol=1e-10 * size)


# ---- threads, records, errors ----


def test_threads_and_runs_give_the_same_bits():
    network = sample(2000, 0.03, 1)
    a, b = (solve_kinetics(network, STRONG, eta=0.1, tau_s=100, threads=t) for t in (1, 2))
    np.testing.assert_array_equal(a.spin, b.spin)
    assert a.history == b.history


def test_a_rotated_relaxation_tensor_is_symmetric_to_rounding():
    """Elements of 1e-17 in place of zeros are accepted, and change nothing."""
    exact = np.diag([1.0, 2.0, 3.0])
    tensor = exact.copy()
    tensor[0, 1], tensor[1, 0] = 1e-17, -2e-17
    rotated, plain = (
        solve_kinetics(twelve(0), COUPLING, eta=0.1, tau_s=100, anisotropy=each).spin
        for each in (tensor, exact)
    )
    np.testing.assert_allclose(rotated, plain, rtol=0, atol=1e-12 * np.abs(plain).max())


def test_records_cannot_be_written_to():
    got = solve_kinetics(twelve(0), COUPLING, eta=0.1, tau_s=100)
    with pytest.raises(ValueError, match="read-only"):
        got.spin[0, 0] = 1.0


def test_too_few_iterations_raise_with_the_estimate_inside():
    network = sample(500, 0.1, 1)
    with pytest.raises(ConvergenceError, match="spin rows") as caught:
        solve_kinetics(network, 0.1 * STRONG, eta=0.1, tau_s=1e2, max_iterations=2)
    assert caught.value.iterations == 2
    assert caught.value.estimate.shape == (500, 3)
    assert caught.value.residual > 1e-12


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"spin_orbit": [[0, 1]]}, "2x2 matrix"),
        ({"spin_orbit": [[0, np.nan], [1, 0]]}, "2x2 matrix"),
        ({"eta": -1}, "eta"),
        ({"tau_s": 0.0}, "tau_s must hold finite numbers from 1e-100"),
        ({"tau_s": -1.0}, "tau_s must hold finite numbers from 1e-100"),
        ({"tau_s": np.inf}, "tau_s must hold finite numbers from 1e-100"),
        ({"tau_s": [1.0, 2.0]}, "one for each of the 12 sites"),
        ({"tau_s": [1.0]}, "one for each of the 12 sites"),
        ({"field": (1.0, 2.0)}, r"field must be an array of shape \(3\)"),
        ({"field": (1.0, 2.0, np.nan)}, "field must hold finite numbers"),
        ({"generation": np.zeros((5, 3))}, r"generation must be an array of shape \(12, 3\)"),
        ({"generation": [0, np.nan, 0]}, "generation must hold finite numbers"),
        ({"bias": "large"}, "bias must be a finite number"),
        ({"feedback": "yes"}, "feedback must be True or False"),
        ({"absorbing_contacts": 2}, "absorbing_contacts must be True or False"),
        ({"tolerance": 0.0}, "tolerance must be a finite number above 0"),
        ({"max_iterations": 0}, "max_iterations must be a whole number"),
        ({"anisotropy": (1, 1, -1)}, "three positive rates"),
        ({"anisotropy": [[1, 2, 0], [0, 1, 0], [0, 0, 1]]}, "symmetric"),
        ({"anisotropy": [[1, 1e-9, 0], [0, 1, 0], [0, 0, 1]]}, "symmetric"),
        ({"precession": "euler"}, "precession must be"),
        ({"method": "lu"}, "method must be"),
        ({"method": "frames", "precession": "linear"}, "method must be"),
    ],
)
def test_bad_input(change, words):
    arguments = {"spin_orbit": COUPLING, "eta": 0.1, "tau_s": 10.0} | change
    with pytest.raises(ParameterError, match=words):
        solve_kinetics(twelve(0), arguments.pop("spin_orbit"), **arguments)


def test_limits_of_the_small_methods():
    sites = hn.random_sites(21_000, density=0.01, seed=1)
    network = hn.build_network(sites, cutoff=1.5)
    with pytest.raises(ParameterError, match="at most 20000 sites"):
        solve_kinetics(network, COUPLING, eta=0.1, tau_s=10, method="matrix")
    with pytest.raises(ParameterError, match="at most 1000 sites"):
        growth_rate(network, COUPLING)
    with pytest.raises(ParameterError, match="f is defined where"):
        f_from_polarisation(solve_kinetics(twelve(0), np.zeros((2, 2)), eta=0.1, tau_s=10))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert precession_rate(twelve(0), np.zeros((2, 2))) == 0.0
