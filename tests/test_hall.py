"""Hall effect of a cylinder: digits, identities, closed forms, a finite field.

[hall 1], [hall 2], [hall 3], [hall 4]
"""

import warnings

import numpy as np
import pytest

import hopnet as hn
from hopnet.network.triads import amplitudes, find_triads
from hopnet.spin.equations import local_diffusion, spin_equations
from hopnet.transport.hall import hall_angle, hall_resistance, sum_triad_terms
from hopnet.transport.ring import floating_factor, response_to_field, ring_jumps, solve_ring
from samples import TWELVE, dense_sites, random_network

# Small samples are carried by few triads, and reference digits have a short cutoff.
# `test_warnings` checks both warnings.
pytestmark = [
    pytest.mark.filterwarnings("ignore:the Hall angle of this sample is carried by"),
    pytest.mark.filterwarnings("ignore:longer links would change the Hall angle"),
]


def cylinder(n_sites, density, seed, *, kT=None, chemical_potential=None, reach=1.5):
    """A cylinder at a multiple of l_c, with energies of a uniform band if kT is given."""
    sites = hn.random_sites(n_sites, density=density, seed=seed, geometry="cylinder")
    if kT is not None:
        sites = hn.with_energies(sites, "uniform", width=1.0, seed=seed + 1)
    return hn.build_network(
        sites,
        cutoff_radius=reach * hn.critical_length(density),
        kT=kT,
        chemical_potential=chemical_potential,
        contact_width=reach * hn.critical_length(density),
    )


# 120 sites, seed 1 (energies seed 2), contacts floating in the ring drive: 90-digit arithmetic.
@pytest.mark.parametrize(
    ("density", "options", "conductance", "tangent"),
    [
        (0.1, {}, 7.056643236389e-4, 0.0056986976501874),
        (0.001, {}, 6.0321723482357e-30, 1.8307242269432e-29),
        (0.02, {"kT": 0.1, "chemical_potential": 0.0}, 2.0538625421806e-8, 1.4355840374448e-6),
    ],
)
def test_digits_of_the_hall_angle(density, options, conductance, tangent):
    network = cylinder(120, density, 1, **options)
    hall = hall_angle(network)
    assert hn.solve_current(network).conductance == pytest.approx(conductance, rel=1e-12)
    assert hall.tangent == pytest.approx(tangent, rel=1e-12)


def test_plain_potentials_lose_every_digit():
    """120 sites at n_s a_b^2 = 0.001: the plain ring field, and drift less diffusion of spins.

    Both agree with the Hall angle at 0.02, where they keep digits. At 0.001, rounding of the plain
    electromotive force -R^y leaves circulating currents on strong triangles, and the two parts of f
    are 1e27 times larger than their sum.
    """

    def others(network, current):
        factored, conductance, _ = floating_factor(network, None)
        plain = response_to_field(network, factored, conductance, -network.separation[:, 1])
        sums = sum_triad_terms(network, plain.drop, current.drop, log_unit=current.log_conductance)
        equations = spin_equations(network, current=current, normalisation="letter")
        rate = 1e-90
        slow = equations.factor(equations.occupation_at(rate) * rate)
        f = equations.generation.f_drift + local_diffusion(equations, slow)
        along = (current.relative_flow * network.separation[:, 0]).sum()
        spins = f * network.sites.length / along * network.sites.density
        return sums.total / along, spins

    network = cylinder(120, 0.02, 1)
    current = hn.solve_current(network)
    exact = hall_angle(network, current=current).tangent
    ring, spins = others(network, current)
    assert ring == pytest.approx(exact, rel=1e-10)
    assert spins == pytest.approx(exact, rel=1e-7)
    network = cylinder(120, 0.001, 1)
    current = hn.solve_current(network)
    exact = hall_angle(network, current=current).tangent
    assert exact == pytest.approx(1.8307242269432e-29, rel=1e-12)
    ring, spins = others(network, current)
    assert abs(ring / exact) > 1e2  # some 5e3
    assert abs(spins / exact) > 1e7  # some 1e10


@pytest.mark.parametrize(("density", "kT"), [(0.1, None), (0.05, None), (0.02, None), (0.1, 0.3)])
def test_the_plateau_of_f_is_the_hall_angle(density, kT):
    """Against drift and diffusion of spins, summed link by link without any field of the ring."""
    network = cylinder(400, density, 3, kT=kT, reach=1.5)
    current = hn.solve_current(network)
    hall = hall_angle(network, current=current)
    equations = spin_equations(network, current=current, normalisation="letter")
    rate = 1e-24  # in 1/tau_0: spins leave the sample's slowest mode 1e18 times more slowly
    factored = equations.factor(equations.occupation_at(rate) * rate)
    f = equations.generation.f_drift + local_diffusion(equations, factored)
    # The letter divides by the length between the contact edges times the current.
    along = (current.flow * network.separation[:, 0]).sum()
    letter = along / (current.conductance * network.sites.length)
    assert f == pytest.approx(hall.f_plateau * letter, rel=1e-12)
    curve = hn.f_curve(network, [np.inf], current=current)
    assert curve.f[0] == pytest.approx(hall.f_plateau, rel=1e-12)


def test_triangular_lattice_in_closed_form():
    """tan(theta_H) = (3/8) a^2 exp(-a) eta b."""
    spacing = 4.0
    sites = hn.lattice_sites("triangular", 14, 12, spacing=spacing, geometry="cylinder")
    network = hn.build_network(sites, cutoff_radius=1.2 * spacing, contact_width=1.2 * spacing)
    expected = 3 / 8 * spacing**2 * np.exp(-spacing)
    assert hall_angle(network).tangent == pytest.approx(expected, rel=1e-14)


def test_a_finite_field_in_a_dense_matrix():
    """The odd part of the current across, contacts floating, over the field."""
    network = cylinder(150, 0.1, 5, reach=1.4)
    n, i, j = network.n_sites, network.link_i, network.link_j
    K = network.conductance
    laplacian = np.zeros((n, n))
    np.add.at(laplacian, (i, j), -K)
    np.add.at(laplacian, (j, i), -K)
    np.add.at(laplacian, (i, i), K)
    np.add.at(laplacian, (j, j), K)
    triads = find_triads(network)
    hop, overlap = amplitudes(network)
    ij, ik, jk = triads.link.T
    weight = (triads.area / 4) * (
        hop[ik] * hop[jk] * overlap[ij]
        + hop[ij] * hop[jk] * overlap[ik]
        + hop[ij] * hop[ik] * overlap[jk]
    )
    hall_matrix = np.zeros((n, n))  # inflow of each site = eta b (hall_matrix X)
    a, b, c = triads.site.T
    for p, q, r in ((a, b, c), (b, c, a), (c, a, b)):
        np.add.at(hall_matrix, (p, q), weight)
        np.add.at(hall_matrix, (p, r), -weight)
    assert np.abs(hall_matrix + hall_matrix.T).max() < 1e-15  # antisymmetric: Onsager
    assert np.abs(hall_matrix.sum(axis=1)).max() < 1e-15
    current = hn.solve_current(network)
    X = np.zeros(n)
    X[network.source] = 1.0
    inner = network.terminals == -1
    X[inner] = np.linalg.solve(laplacian[np.ix_(inner, inner)], -(laplacian @ X)[inner])
    spread = np.linalg.lstsq(laplacian, hall_matrix @ X, rcond=None)[0]
    across = (K * (spread[i] - spread[j]) * network.separation[:, 1]).sum()
    y = network.separation[:, 1]
    across += (weight * (y[ij] * (X[c] - X[a]) + y[ik] * (X[a] - X[b]))).sum()
    along = (current.flow * network.separation[:, 0]).sum()
    assert across / along == pytest.approx(hall_angle(network).tangent, rel=1e-8)


def test_mirror_and_electrons_against_holes():
    sites = hn.random_sites(600, density=0.05, seed=4, geometry="cylinder")
    energy = 0.3 * np.random.default_rng(3).normal(size=600)

    def tangent(position, energy, level):
        own = hn.sites_from_positions(
            position, length=sites.length, width=sites.width, geometry="cylinder", energy=energy
        )
        return hall_angle(
            hn.build_network(
                own, cutoff_radius=8.0, kT=0.2, chemical_potential=level, contact_width=8.0
            )
        ).tangent

    straight = tangent(sites.position, energy, 0.1)
    mirrored = tangent(sites.position * [1, -1] + [0, sites.width], energy, 0.1)
    assert mirrored == pytest.approx(straight, rel=1e-11)
    # With n_i in place of f_i (1 - f_i) the two sides of half filling would differ.
    assert tangent(sites.position, -energy, -0.1) == pytest.approx(straight, rel=1e-11)


@pytest.mark.parametrize("density", [0.05, 0.001])
def test_the_ring_obeys_both_laws_of_kirchhoff(density):
    network = cylinder(500, density, 9)
    ring = solve_ring(network)
    jump, _ = ring_jumps(network)
    ij, ik, jk = find_triads(network).link.T
    assert not np.any(jump[ij] + jump[jk] - jump[ik])
    loops = ring.drop[ij] + ring.drop[jk] - ring.drop[ik]
    assert np.abs(loops).max() < 1e-11 * network.sites.width
    assert ring.imbalance < 1e-14
    y = network.sites.position[:, 1]
    i, j = network.link_i, network.link_j
    harmonic = (ring.deviation[i] - ring.deviation[j]) - network.separation[:, 1]
    assert np.abs(harmonic - ring.drop).max() < 1e-10 * (network.sites.width + np.ptp(y))
    # Links that jump are not stronger than what closes the ring: no digits are lost on them.
    strongest = network.log_conductance[jump != 0].max()
    assert strongest < np.log(ring.conductivity) + 5.0
    # The plain gauge belongs to the same field: the emf differs by the drops of a potential.
    assert ring.conductivity == pytest.approx(1 / hn.solve_current(network).resistivity, rel=1.5)


def test_contributions_add_up():
    network = cylinder(800, 0.02, 6)
    triads = find_triads(network)
    hall = hall_angle(network, triads=triads)
    assert hall.contribution.sum() == pytest.approx(hall.tangent, rel=1e-12)
    assert hall.n_triads == triads.n_triads
    squares = (hall.contribution**2).sum()
    assert hall.n_effective == pytest.approx(np.abs(hall.contribution).sum() ** 2 / squares)
    assert hall_angle(network).tangent == pytest.approx(hall.tangent, rel=1e-12)


def test_bad_input():
    with pytest.raises(hn.ParameterError, match="cylinder"):
        hall_angle(random_network(200, 0.05, 3))
    sites = hn.random_sites(60, density=0.01, seed=5, geometry="cylinder")
    with warnings.catch_warnings(), pytest.raises(hn.NotPercolatingError, match="closes around"):
        solve_ring(hn.build_network(sites, cutoff_radius=5.0, contact_width=5.0))
    network, other = cylinder(200, 0.05, 3), cylinder(200, 0.05, 4)
    with pytest.raises(hn.ParameterError, match="another network"):
        hall_angle(network, ring=solve_ring(other))


# The reference network of 12 sites, all pairs, terminals left, right, top, bottom: 50 digits.
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, 25.61534200865),
        ({"kT": 0.5}, 121.1071602205),
        ({"kT": 0.1, "chemical_potential": 0.05}, 518.3852925001),
    ],
)
def test_digits_of_the_hall_resistance(options, expected):
    number = np.arange(12)
    sites = dense_sites(TWELVE, 10.0)
    if options:
        sites = hn.with_energies(sites, 0.1 * number * np.cos(number), width=1.0, seed=3)
    network = hn.build_network(sites, cutoff_radius=20.0, contacts=([0], [11]), **options)
    terminals = hn.solve_terminals(network, [0, 11, 9, 7])
    assert hall_resistance(terminals, (0, 1), (2, 3)) == pytest.approx(expected, rel=1e-12)
    # Onsager: exchanging the pairs of current and voltage reverses the sign.
    assert hall_resistance(terminals, (2, 3), (0, 1)) == pytest.approx(-expected, rel=1e-12)


def test_a_triangle_in_closed_form():
    """Three sites of side a, anticlockwise: G^H_12 = -(3 sqrt(3) / 16) a^2 exp(-3 a) eta b.

    With three links of conductance G = exp(-2 a), the Hall resistance is -G^H_12 / (3 G^2).
    """
    a = 3.0
    corner = np.array([[0.0, 0.0], [a, 0.0], [a / 2, a * np.sqrt(3) / 2]]) + 1.0
    network = hn.build_network(dense_sites(corner, 6.0), cutoff_radius=1.1 * a, contacts=([0], [1]))
    terminals = hn.solve_terminals(network, [0, 1, 2])
    relative = np.exp(-2 * a) / network.conductance  # 1: conductances are in 1/rho_0
    assert relative == pytest.approx(1.0, rel=1e-14)
    hall = -3 * np.sqrt(3) / 16 * a**2 * np.exp(-3 * a)
    expected = -hall / (3 * np.exp(-4 * a))
    assert hall_resistance(terminals, (0, 1), (2, 1)) == pytest.approx(expected, rel=1e-14)


def test_a_hall_voltage_needs_another_pair():
    network = random_network(200, 0.05, 3)
    terminals = hn.solve_terminals(network, [0, 50, 100])
    with pytest.raises(hn.ParameterError, match="differs from that of the current"):
        hall_resistance(terminals, (0, 1), (1, 0))


@pytest.mark.parametrize(
    ("density", "tangent"), [(0.1, 0.0056986976501874), (0.001, 1.8307242269432e-29)]
)
def test_the_plateau_of_f_keeps_all_digits(density, tangent):
    """f_curve at tau_s = inf, where drift and diffusion are 1e27 times larger than their sum."""
    network = cylinder(120, density, 1)
    curve = hn.f_curve(network, [1e300, np.inf], normalisation="bulk", tolerance=0)
    assert curve.f[1] == pytest.approx(tangent / network.sites.density, rel=1e-12)
    assert curve.numerical_error[1] < 1e-13 * curve.f[1]


def test_both_forms_of_f_on_a_cylinder_agree():
    """The harmonic form against drift plus differences along links, slow to fast relaxation."""
    from hopnet.spin.equations import f_and_spin_at_rate, local_diffusion, spin_equations

    equations = spin_equations(cylinder(600, 0.1, 7))
    for rate in (1e-2, 1e-4, 1e-7):
        factored = equations.factor(equations.occupation_at(rate) * rate)
        local = equations.generation.f_drift + local_diffusion(equations, factored)
        found = f_and_spin_at_rate(equations, factored, rate)
        assert found.f == pytest.approx(local, rel=1e-11)


def test_bulk_normalisation_leaves_out_the_contact_strips():
    """Small open samples: the letter's normalisation is lower by 3 / sqrt(N), the bulk is not."""
    small = [random_network(1500, 0.05, seed) for seed in range(300, 330)]
    large = [random_network(40_000, 0.05, seed) for seed in (11, 12)]

    def mean(networks, normalisation):
        f = [hn.f_curve(n, [0.0], normalisation=normalisation).f[0] for n in networks]
        return np.mean(f), np.std(f, ddof=1) / np.sqrt(len(f))

    (letter, _), (bulk, bulk_error) = (mean(small, name) for name in ("letter", "bulk"))
    limit, limit_error = mean(large, "bulk")
    assert abs(bulk / limit - 1) < 4 * np.hypot(bulk_error, limit_error) / limit + 0.01
    assert letter / limit == pytest.approx(1 - 3.0 / np.sqrt(1500), abs=0.03)
    current = hn.solve_current(small[0])
    assert 0.5 * small[0].length_along_current < current.effective_length
    assert current.effective_length < small[0].length_along_current
    with pytest.raises(hn.ParameterError, match="'bulk', 'letter'"):
        hn.f_curve(small[0], [0.0], normalisation="paper")


@pytest.mark.filterwarnings("error")
def test_warnings():
    short, wide = cylinder(2000, 0.1, 3, reach=1.3), cylinder(2000, 0.1, 3, reach=3.0)
    with pytest.warns(hn.ValidityWarning, match="longer links would change the Hall angle"):
        few = hall_angle(short)
    enough = hall_angle(wide)
    assert few.tangent < enough.tangent < few.tangent + few.cutoff_error
    assert enough.cutoff_error < 0.01 * enough.tangent
    dilute = cylinder(300, 0.005, 3, reach=1.5)
    with pytest.warns(hn.ValidityWarning, match="carried by"):
        hall_angle(dilute)
    lattice = hn.lattice_sites("triangular", 14, 12, spacing=4.0, geometry="cylinder")
    assert np.isnan(
        hall_angle(hn.build_network(lattice, cutoff_radius=4.8, contact_width=4.8)).cutoff_error
    )


@pytest.mark.parametrize(
    ("density", "n_sites", "margins"),
    [(0.2, 3000, (1.5, 3.0, 5.0)), (0.05, 4000, (2.7, 4.0, 5.0)), (0.01, 6000, (2.0, 4.0, 5.0))],
)
@pytest.mark.filterwarnings("ignore:density")
def test_the_error_of_the_cutoff_covers_longer_links(density, n_sites, margins):
    """The stated error against the change to links that reach 8 a_b beyond l_c."""
    sites = hn.random_sites(n_sites, density=density, seed=21, geometry="cylinder")
    l_c = hn.critical_length(density)
    x = sites.position[:, 0]
    contacts = np.flatnonzero(x < 2 * l_c), np.flatnonzero(x > sites.length - 2 * l_c)

    def angle(margin):
        return hall_angle(hn.build_network(sites, cutoff_radius=l_c + margin, contacts=contacts))

    limit = angle(8.0)
    assert limit.cutoff_error < 1e-2 * limit.tangent
    for margin in margins:
        found = angle(margin)
        change = abs(limit.tangent - found.tangent)
        assert change < found.cutoff_error < 20 * change
