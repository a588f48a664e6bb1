"""f and the spins: digits, closed forms, both forms of f. [hopping S42] to [hopping S46]

[hopping S43], [hopping S44], [hopping S45]
"""

import numpy as np
import pytest

import hopnet as hn
from hopnet.spin.equations import local_diffusion, spin_equations
from samples import random_network, twelve_sites
from twins import triads as twin

TAU_S = [0.01, 1, 10, 100, 1000, 1e4, 1e6]
REFERENCE = {  # f_drift, f(TAU_S), gamma, S~(100): computed independently, all digits given
    100.0: (
        1.563069919005,
        [
            1.562857484589,
            1.542219613878,
            1.383124658506,
            0.7248936324708,
            0.1324209682839,
            0.01448498386034,
            1.4636953622785e-4,
        ],
        [
            -1.1784798676e-05,
            -3.7210335462e-04,
            3.6209309474e-04,
            -5.0049316478e-05,
            -1.8804302592e-04,
            3.1229738489e-04,
            -2.0149832799e-04,
            2.0345280430e-04,
            -7.2475763475e-05,
            -2.0352675606e-04,
            3.0178328515e-04,
            -8.0145225860e-05,
        ],
        [
            2.3159001021e-04,
            -1.0513993758e-02,
            1.2643288629e-02,
            -1.3546747418e-03,
            -1.1814495165e-02,
            7.3668640318e-03,
            -7.8071548605e-03,
            1.3493389293e-02,
            -1.7345906706e-04,
            -1.2815731948e-02,
            1.2135511344e-02,
            -1.3911337661e-03,
        ],
    ),
    4.0: (
        1.235975502537,
        [
            1.235805442852,
            1.219293689677,
            1.092583340174,
            0.5740632226191,
            0.1057519556318,
            0.01159291400492,
            1.171774559089e-4,
        ],
        [
            -9.5423838682e-06,
            -3.2904254550e-04,
            2.8962675845e-04,
            6.4320176377e-07,
            -1.3777136807e-04,
            2.3871358623e-04,
            -1.3752689089e-04,
            1.5636708026e-04,
            -1.2444464528e-04,
            -1.3154541017e-04,
            2.4694601375e-04,
            -6.2423396661e-05,
        ],
        [
            1.0308063306e-04,
            -8.9480105504e-03,
            1.0202373958e-02,
            -6.4666503498e-04,
            -8.9723566045e-03,
            5.7215624207e-03,
            -5.8611605146e-03,
            1.0463596192e-02,
            -1.5135282741e-03,
            -8.8176258711e-03,
            9.5201734676e-03,
            -1.2514398218e-03,
        ],
    ),
}


@pytest.mark.parametrize("radius", REFERENCE)
def test_reference_network(radius):
    drift, f, _, _ = REFERENCE[radius]
    network = twelve_sites(radius)
    current = hn.solve_current(network)
    curve = hn.f_curve(network, TAU_S, current=current, normalisation="letter")
    assert curve.f_drift == pytest.approx(drift, rel=1e-11)
    np.testing.assert_allclose(curve.f, f, rtol=1e-9)
    np.testing.assert_allclose(curve.f, curve.f_drift + curve.f_diffusion, rtol=1e-10)


@pytest.mark.parametrize("radius", REFERENCE)
def test_generation_and_spin_of_the_reference_network(radius):
    _, _, gamma, spin = REFERENCE[radius]
    network = twelve_sites(radius)
    current = hn.solve_current(network)
    generation = hn.spin_generation(network, current)
    np.testing.assert_allclose(generation.gamma, gamma, rtol=1e-9)
    np.testing.assert_allclose(
        hn.solve_spin(network, 100, current=current, normalisation="letter").spin, spin, rtol=1e-9
    )


@pytest.mark.parametrize("radius", REFERENCE)
def test_stored_triads_give_the_same_f(radius):
    network = twelve_sites(radius)
    current = hn.solve_current(network)
    curve = hn.f_curve(network, TAU_S, current=current, normalisation="letter")
    triads = hn.find_triads(network)
    assert (network.n_links, triads.n_triads) == {100.0: (66, 220), 4.0: (30, 25)}[radius]
    stored = hn.f_curve(network, TAU_S, current=current, triads=triads, normalisation="letter")
    np.testing.assert_allclose(stored.f, curve.f, rtol=1e-12)


def triangle(a, orientation, contacts):
    """An equilateral triangle; current along its base or along its height."""
    height = np.sqrt(3) / 2 * a
    corner = np.array([[0.0, 0.0], [a, 0.0], [a / 2, height]])
    if contacts == "base":  # current along x through the base, L = height
        position, length, width = corner, a, height
        ends = ([0], [1])
    else:  # from the two base corners to the tip, turned so that the height lies along x
        position = np.stack([corner[:, 1], corner[:, 0]], axis=1)
        length, width = height, a
        ends = ([0, 1], [2])
    if orientation == "mirrored":
        position = np.stack([position[:, 0], width - position[:, 1]], axis=1)
    sites = hn.sites_from_positions(position, length=length, width=width)
    return hn.build_network(sites, cutoff_radius=2 * a, contacts=ends)


@pytest.mark.parametrize("orientation", ["as is", "mirrored"])
@pytest.mark.parametrize("contacts", ["base", "height"])
@pytest.mark.parametrize(
    ("a", "f_10"),
    [
        (0.7, 7.6846751174e-4),
        (1.5, 2.4519131018e-2),
        (3.0, 0.20317082995),
    ],
)
def test_equilateral_triangle(a, f_10, contacts, orientation):
    """[hopping S46]: f_drift = sqrt(3) a^4 exp(-a) / 32."""
    network = triangle(a, orientation, contacts)
    curve = hn.f_curve(network, [0, 0.1, 10, 1e4, np.inf], normalisation="letter")
    drift = np.sqrt(3) * a**4 * np.exp(-a) / 32
    assert curve.f_drift == pytest.approx(drift, rel=1e-12)
    rate = 3 * np.exp(-2 * a)  # both modes of the triangle's Laplacian
    expected = drift / (1 + rate * np.array([0, 0.1, 10, 1e4]))
    np.testing.assert_allclose(curve.f[:-1], expected, rtol=1e-12)
    assert curve.f[2] == pytest.approx(f_10, rel=1e-9)
    assert curve.f[-1] == 0


def test_periodic_triangular_lattice_never_compensates():
    """f = (3 sqrt(3)/16) a^4 exp(-a) for every tau_s: in a uniform field nothing accumulates."""
    a, n_x, n_y = 1.5, 12, 8
    sites = hn.lattice_sites("triangular", n_x, n_y, spacing=a, geometry="torus")
    links = hn.build_network(sites, cutoff_radius=1.01 * a, contact_width=1.01 * a)
    # a uniform field by hand: drop = -E . R on every link, unit E along x, all round the torus
    drop = links.separation[:, 0].copy()
    g = np.exp(links.log_conductance)
    gamma = np.zeros(sites.n_sites)
    from hopnet.kernels.triads import sum_generation

    triads = hn.find_triads(links)
    moment, _ = sum_generation(
        triads.site,
        triads.link,
        links.separation,
        *[np.exp(-np.full(links.n_links, a))] * 2,
        drop,
        np.array([0.0, 1.0]),
        np.zeros(links.n_links, np.bool_),
        gamma,
    )
    current_density = (g * drop * links.separation[:, 0]).sum() / (sites.length * sites.width)
    f = -2 / (sites.n_sites * current_density) * moment
    assert f == pytest.approx(3 * np.sqrt(3) / 16 * a**4 * np.exp(-a), rel=1e-12)
    assert f == pytest.approx(0.3668472, abs=1e-7)
    assert np.abs(gamma).max() < 1e-15


def test_square_lattice_has_no_triad_and_no_f():
    sites = hn.lattice_sites("square", 9, 7, spacing=4.0)
    network = hn.build_network(sites, cutoff_radius=4.1, contact_width=4.1)
    with pytest.warns(hn.ValidityWarning, match="no current flows through any triad"):
        curve = hn.f_curve(network, [0, 1.0], normalisation="letter")
    assert not curve.f.any()
    # with diagonals each cell has four triads of alternating sense: in the bulk they cancel
    with_diagonals = hn.build_network(sites, cutoff_radius=5.7, contact_width=5.7)
    generation = hn.spin_generation(with_diagonals, hn.solve_current(with_diagonals))
    inner = (np.abs(sites.position - 0.5 * np.array([sites.length, sites.width])) < 9).all(axis=1)
    assert inner.sum() >= 16
    assert np.abs(generation.gamma[inner]).max() < 1e-10 * np.abs(generation.gamma).max()


@pytest.mark.parametrize(
    ("density", "contacts"),
    [
        (0.1, "x"),
        (0.05, "y"),
        (0.01, "x"),
        (0.005, "y"),
        (0.001, "x"),
    ],
)
def test_local_and_global_forms_agree(density, contacts):
    """[hopping S43], [hopping S45] against f = (c / tau_s) y S~, relative to f."""
    network = random_network(3000, density, 321, contacts=contacts)
    current = hn.solve_current(network)
    equations = spin_equations(network, current)
    generation = equations.generation
    for tau_s in (1e-2, 1e2, 1e4, 1e6, 1e8):
        factored = equations.factor(1 / tau_s)
        local = generation.f_drift + local_diffusion(equations, factored)
        whole = hn.f_curve(network, tau_s, current=current).f[0]
        assert local == pytest.approx(whole, rel=1e-8)
        # the adjoint: f = (c / tau_s) z gamma, (Lap + 1/tau_s) z = y
        y = network.sites.position @ network.direction_across
        adjoint = generation.prefactor / tau_s * factored.solve(y) @ generation.gamma
        assert adjoint == pytest.approx(whole, rel=1e-6)


def test_drift_from_a_global_origin():
    """[hopping S42] literally: c sum_i y_i gamma_i, at a density where digits allow it."""
    network = random_network(3000, 0.05, 321)
    current = hn.solve_current(network)
    generation = hn.spin_generation(network, current)
    y = network.sites.position[:, 1]
    c = -2 * network.sites.width / (3000 * current.conductance)
    letter = hn.spin_generation(network, current, normalisation="letter").f_drift
    assert letter == pytest.approx(c * y @ generation.gamma, rel=1e-10)
    c *= network.length_along_current / current.effective_length
    assert generation.f_drift == pytest.approx(c * y @ generation.gamma, rel=1e-10)
    assert abs(generation.gamma.sum()) < 1e-14 * np.abs(generation.gamma).sum()


def test_generation_equals_the_twin_from_potentials():
    """[hopping S44] on a small dense sample, every process on its own."""
    network = random_network(60, 0.1, 99)
    current = hn.solve_current(network)
    n = network.n_sites
    matrix = np.zeros((n, n))
    g = network.conductance
    matrix[network.link_i, network.link_j] = matrix[network.link_j, network.link_i] = g
    laplacian = np.diag(matrix.sum(axis=1)) - matrix
    potential = np.zeros(n)
    potential[network.source] = 1
    free = np.setdiff1d(np.arange(n), np.concatenate(network.contacts))
    free = free[~network.isolated[free]]
    potential[free] = np.linalg.solve(laplacian[np.ix_(free, free)], -(laplacian @ potential)[free])
    links = {(i, j): l for l, (i, j) in enumerate(zip(network.link_i, network.link_j))}
    position = network.sites.position
    gamma, _ = twin.sum_generation(
        twin.fill_triads(links),
        lambda a, b: position[a] - position[b],
        lambda a, b: np.exp(-2 * np.hypot(*(position[a] - position[b]))),
        np.ones(n),
        potential,
        [0, 1],
    )
    found = hn.spin_generation(network, current).gamma
    np.testing.assert_allclose(found, gamma, rtol=1e-7, atol=1e-9 * np.abs(gamma).max())


def test_limits_of_the_spin():
    network = random_network(3000, 0.02, 11)
    current = hn.solve_current(network)
    curve = hn.f_curve(network, [0.0, 1e-6, 1e14, np.inf], current=current, normalisation="letter")
    assert curve.f[0] == curve.f_drift
    assert curve.f[1] == pytest.approx(curve.f_drift, rel=1e-5)
    assert 0 < curve.f[2] < 1e-6
    assert curve.f[3] == 0.0
    short = hn.solve_spin(network, 1e-6, current=current, normalisation="letter")
    np.testing.assert_allclose(
        short.spin, 1e-6 * hn.spin_generation(network, current).gamma, rtol=1e-4, atol=1e-20
    )
    spin = hn.solve_spin(network, 1e4, current=current, normalisation="letter")
    assert abs(spin.spin.sum()) < 1e-12 * np.abs(spin.spin).sum()
    isolated = np.diff(network.row_start) == 0
    assert not spin.spin[isolated].any()
    centre, profile = spin.edge_profile(10)
    assert profile[0] * profile[-1] < 0, "opposite spins at opposite edges"
    assert np.all(np.diff(centre) > 0)


@pytest.mark.parametrize("what", ["turned", "mirrored", "reversed"])
def test_symmetries_of_the_sample(what):
    """f is the same in a turned or reflected sample; a reversed current changes its sign."""
    network = random_network(2000, 0.03, 17, aspect=1.2)
    sites = network.sites
    x, y = sites.position.T
    before = hn.f_curve(network, [0, 1e3], normalisation="letter")
    if what == "turned":
        position = np.stack([sites.width - y, x], axis=1)
        other = hn.sites_from_positions(position, length=sites.width, width=sites.length)
        contacts = "y"
    elif what == "mirrored":
        position = np.stack([x, sites.width - y], axis=1)
        other = hn.sites_from_positions(position, length=sites.length, width=sites.width)
        contacts = "x"
    else:
        other, contacts = sites, network.contacts[::-1]
    after = hn.f_curve(
        hn.build_network(other, contacts=contacts, cutoff=1.5), [0, 1e3], normalisation="letter"
    )
    sign = -1 if what == "reversed" else 1  # c counts the current from source to drain along x
    np.testing.assert_allclose(after.f, sign * before.f, rtol=1e-9)


def test_cylinder_has_the_bulk_plateau():
    """The plateau of the bulk at n_s a_b^2 = 0.2: 0.258, N = 2e4 (one sample gave the row)."""
    sites = hn.random_sites(20_000, density=0.2, seed=2024, geometry="cylinder")
    with pytest.warns(hn.ValidityWarning, match="above"):
        network = hn.build_network(sites, cutoff=1.5)
    tau_s = np.array([0, 1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e8, np.inf])
    curve = hn.f_curve(network, tau_s, normalisation="letter")
    row = [1.0459, 0.9718, 0.4839, 0.3287, 0.2732, 0.2602, 0.2582, 0.2579, 0.2579]
    np.testing.assert_allclose(curve.f, row, atol=0.02)
    assert curve.f[-2] == pytest.approx(curve.f[-1], abs=2e-4)
    assert np.all(np.diff(curve.f) < 0)


@pytest.mark.parametrize("tau_s", [-1.0, float("nan"), [1.0, -2.0], []])
def test_bad_relaxation_times(tau_s):
    with pytest.raises(hn.ParameterError, match="tau_s"):
        hn.f_curve(random_network(60, 0.1, 99), tau_s, normalisation="letter")


def test_records_of_another_network_are_refused():
    one, other = random_network(60, 0.1, 99), random_network(200, 0.05, 50)
    with pytest.raises(hn.ParameterError, match="another network"):
        hn.f_curve(one, 1.0, current=hn.solve_current(other), normalisation="letter")
    with pytest.raises(hn.ParameterError, match="one tau_s"):
        hn.solve_spin(one, [1.0, 2.0], normalisation="letter")


def test_save_and_load(tmp_path):
    network = random_network(60, 0.1, 99)
    spin = hn.solve_spin(network, 30.0, normalisation="letter")
    spin.save(tmp_path / "spin.npz")
    again = hn.Spin.load(tmp_path / "spin.npz", network)
    assert np.array_equal(again.spin, spin.spin)
    assert (again.tau_s, again.f) == (30.0, spin.f)
    with pytest.raises(hn.ParameterError, match="another network"):
        hn.Spin.load(tmp_path / "spin.npz", random_network(200, 0.05, 50))
