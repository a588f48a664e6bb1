"""The torus: conductivity tensor of the bulk and its Hall angle. [hall 5]"""

import dataclasses

import numpy as np
import pytest

import hopnet as hn
from hopnet.elimination.dissection import dissect_graph
from hopnet.elimination.symbolic import analyse
from hopnet.network.triads import find_triads
from hopnet.transport.diffusion import diffusion_tensor
from hopnet.transport.ring import field_jumps, solve_torus
from samples import random_network

pytestmark = [
    pytest.mark.filterwarnings("ignore:the Hall angle of this sample is carried by"),
    pytest.mark.filterwarnings("ignore:longer links would change the Hall angle"),
]


def torus_network(n_sites, density, seed, *, aspect=1.0, reach=1.5, kT=None, mu=None):
    sites = hn.random_sites(n_sites, density=density, seed=seed, geometry="torus", aspect=aspect)
    if kT is not None:
        sites = hn.with_energies(sites, "uniform", width=1.0, seed=seed + 1)
    radius = reach * hn.critical_length(density)
    return hn.build_network(
        sites, cutoff_radius=radius, kT=kT, chemical_potential=mu, contact_width=radius
    )


def laplacian_of(network):
    n, i, j, K = network.n_sites, network.link_i, network.link_j, network.conductance
    laplacian = np.zeros((n, n))
    np.add.at(laplacian, (i, j), -K)
    np.add.at(laplacian, (j, i), -K)
    np.add.at(laplacian, (i, i), K)
    np.add.at(laplacian, (j, j), K)
    return laplacian


def dense_drops(network):
    """Drops of both uniform fields in the plain gauge, e = -R, by a dense matrix."""
    n, i, j, K = network.n_sites, network.link_i, network.link_j, network.conductance
    laplacian, drops = laplacian_of(network), []
    for axis in (0, 1):
        force = -network.separation[:, axis]
        fed = np.bincount(j, K * force, n) - np.bincount(i, K * force, n)
        potential = np.linalg.lstsq(laplacian, fed, rcond=None)[0]
        drops.append(force + potential[i] - potential[j])
    return np.stack(drops, axis=1)


@pytest.mark.parametrize(("aspect", "kT"), [(1.0, None), (2.0, None), (0.5, 0.3)])
def test_drops_are_those_of_a_dense_matrix(aspect, kT):
    network = torus_network(300, 0.1, 1, aspect=aspect, kT=kT, mu=None)
    torus = solve_torus(network)
    drop = dense_drops(network)
    assert np.abs(torus.drop - drop).max() < 1e-9 * np.abs(drop).max()
    area = network.sites.length * network.sites.width
    expected = (network.conductance[:, None] * drop).T @ drop / area
    assert np.allclose(torus.conductivity, expected, rtol=1e-10, atol=1e-13 * expected.max())
    assert np.array_equal(torus.relative_conductivity, torus.relative_conductivity.T)
    assert torus.imbalance < 1e-14


def test_einstein_relation_with_the_diffusion_tensor():
    """sigma = n_s D in units of the code, D from the dense linear response of `transport`."""
    network = torus_network(400, 0.05, 3)
    expected = network.sites.density * diffusion_tensor(network)
    assert np.allclose(solve_torus(network).conductivity, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("density", [0.05, 0.001])
def test_both_laws_of_kirchhoff_on_a_torus(density):
    network = torus_network(600, density, 9)
    torus = solve_torus(network)
    jump, turns = field_jumps(network, (0, 1))
    period = np.array(network.sites.period)
    assert np.array_equal(torus.jump, jump * period)
    i, j = network.link_i, network.link_j
    along = network.sites.position[j] - network.sites.position[i]
    wrap = np.rint((network.separation - along) / period)
    assert np.array_equal(jump, turns[j] - turns[i] - wrap)
    ij, ik, jk = find_triads(network).link.T
    loops = torus.drop[ij] + torus.drop[jk] - torus.drop[ik]
    assert np.abs(loops).max() < 1e-11 * period.max()
    assert torus.imbalance < 1e-14


def test_lattices_in_closed_form():
    """Square: sigma = exp(-2a). Triangular: sqrt(3) exp(-2a), tan = (3/8) a^2 exp(-a) eta b."""
    a = 3.5
    square = hn.lattice_sites("square", 30, 20, spacing=a, geometry="torus")
    torus = solve_torus(hn.build_network(square, cutoff_radius=1.2 * a, contact_width=1.2 * a))
    assert np.allclose(torus.conductivity, np.exp(-2 * a) * np.eye(2), rtol=1e-13, atol=1e-17)
    triangular = hn.lattice_sites("triangular", 14, 12, spacing=a, geometry="torus")
    network = hn.build_network(triangular, cutoff_radius=1.2 * a, contact_width=1.2 * a)
    expected = np.sqrt(3) * np.exp(-2 * a) * np.eye(2)
    assert np.allclose(solve_torus(network).conductivity, expected, rtol=1e-13, atol=1e-17)
    hall = hn.hall_angle(network)
    assert hall.tangent == pytest.approx(3 / 8 * a**2 * np.exp(-a), rel=1e-13)
    assert hall.negative_share == 0.0


def test_the_hall_angle_of_a_torus_turned_by_90_degrees():
    """sigma_yx = -sigma_xy: the turned sample has the same odd part, with its own sigma_xx."""
    network = torus_network(500, 0.1, 2)
    sites = network.sites
    turned = hn.sites_from_positions(
        np.stack([sites.width - sites.position[:, 1], sites.position[:, 0]], axis=1),
        length=sites.width,
        width=sites.length,
        geometry="torus",
    )
    other = hn.build_network(
        turned, cutoff_radius=network.cutoff_radius, contact_width=network.cutoff_radius
    )
    first, second = hn.hall_angle(network), hn.hall_angle(other)
    assert second.conductivity_yx == pytest.approx(first.conductivity_yx, rel=1e-11)
    assert second.conductivity_xx == pytest.approx(first.conductivity_yy, rel=1e-11)
    assert second.resistivity_yx == pytest.approx(first.resistivity_yx, rel=1e-11)


def test_the_hall_angle_of_a_torus_with_energies_and_holes():
    """e -> -e, mu -> -mu leaves tan(theta_H): the paths of holes add with the same sign."""
    sites = hn.random_sites(500, density=0.05, seed=4, geometry="torus")
    energy = 0.3 * np.random.default_rng(3).normal(size=500)

    def tangent(energy, level):
        own = dataclasses.replace(sites, energy=energy)
        network = hn.build_network(
            own, cutoff_radius=8.0, kT=0.2, chemical_potential=level, contact_width=8.0
        )
        return hn.hall_angle(network).tangent

    assert tangent(-energy, -0.1) == pytest.approx(tangent(energy, 0.1), rel=1e-11)


def dense_conductivity(network, b):
    """Conductivity tensor in a finite field b / eta, linear in b in each triad, dense matrices."""
    n, K, i, j = network.n_sites, network.conductance, network.link_i, network.link_j
    triads = find_triads(network)
    weight = b * 3.0 / 4.0 * triads.area * np.exp(-triads.perimeter)  # R-model
    ij, ik, jk = triads.link.T
    hall = np.zeros((n, n))  # inflow of the sites = hall @ potential
    corner = triads.site.T
    for here, after, before in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        np.add.at(hall, (corner[here], corner[after]), weight)
        np.add.at(hall, (corner[here], corner[before]), -weight)
    tensor = np.empty((2, 2))
    for axis in (0, 1):
        drop = network.separation[:, axis]  # of a unit field along +axis
        inflow = np.bincount(j, K * drop, n) - np.bincount(i, K * drop, n)
        for site, value in zip(corner, (drop[jk], -drop[ik], drop[ij])):
            inflow += np.bincount(site, weight * value, n)
        potential = np.linalg.lstsq(laplacian_of(network) - hall, inflow, rcond=None)[0]
        drop = drop + potential[i] - potential[j]
        current = (K * drop) @ network.separation
        current += (-weight * drop[ik]) @ network.separation[ij]
        current += (weight * drop[ij]) @ network.separation[ik]
        tensor[:, axis] = current / (network.sites.length * network.sites.width)
    return tensor


def test_a_finite_field_in_a_dense_matrix():
    network = torus_network(150, 0.1, 5)
    hall = hn.hall_angle(network)
    b = 1e-3
    plus, minus = dense_conductivity(network, b), dense_conductivity(network, -b)
    assert np.allclose(plus, minus.T, rtol=1e-9, atol=1e-12 * plus.max())  # Onsager
    odd = (plus - minus) / (2 * b)
    assert odd[1, 0] == pytest.approx(hall.conductivity_yx, rel=1e-5)
    assert odd[0, 1] == pytest.approx(-hall.conductivity_yx, rel=1e-5)
    assert abs(odd[0, 0]) < 1e-9 * plus[0, 0] / b
    even = dense_conductivity(network, 0.0)
    assert np.allclose(even, solve_torus(network).conductivity, rtol=1e-9)


def test_the_dissection_opens_both_rings():
    """The cuts of a torus: no front is larger than a few lines of the sample."""
    network = torus_network(6000, 0.02, 8)
    dissection = network.dissection
    assert sorted(dissection.permutation) == list(range(6000))
    elimination = analyse(dissection, network.link_i, network.link_j)
    graph = network.link_i, network.link_j, network.sites.position
    closed_once = dissect_graph(*graph, period=(0.0, network.sites.width))
    once = analyse(closed_once, network.link_i, network.link_j)
    cylinder = hn.build_network(
        hn.random_sites(6000, density=0.02, seed=8, geometry="cylinder"),
        cutoff_radius=network.cutoff_radius,
        contact_width=network.cutoff_radius,
    )
    plain = analyse(cylinder.dissection, cylinder.link_i, cylinder.link_j)
    assert elimination.operations < 2.5 * plain.operations
    assert elimination.operations < once.operations
    period = network.sites.period
    parts = [dissect_graph(*graph, period=period, threads=threads) for threads in (1, 2)]
    assert np.array_equal(parts[0].permutation, parts[1].permutation)


def test_cylinder_and_torus_agree_on_average():
    """tan(theta_H) and ln sigma of both, over 12 samples of 2000 sites at n_s a_b^2 = 0.1."""
    found = {}
    for geometry in ("cylinder", "torus"):
        angles = []
        for seed in range(12):
            sites = hn.random_sites(2000, density=0.1, seed=seed, geometry=geometry)
            hall = hn.hall_angle(hn.build_network(sites, cutoff_radius=7.0, contact_width=7.0))
            angles.append((hall.tangent, hall.log_conductivity_xx))
        found[geometry] = np.array(angles)
    mean = {name: a.mean(axis=0) for name, a in found.items()}
    error = np.hypot(*(a.std(axis=0, ddof=1) / np.sqrt(12) for a in found.values()))
    assert np.all(np.abs(mean["torus"] - mean["cylinder"]) < 4 * error)
    assert np.all(error < 0.05 * np.abs(mean["torus"]))


def test_foster_s_theorem_on_a_torus():
    """The sum over links of conductance times resistance between its ends is N - 1."""
    network = torus_network(60, 0.05, 7)
    total = 0.0
    for i, j, K in zip(network.link_i, network.link_j, network.conductance):
        total += K * hn.solve_terminals(network, [int(i), int(j)]).resistance((0, 1), (0, 1))
    assert total == pytest.approx(network.n_sites - network.cluster.max() - 1, rel=1e-12)


def test_bad_input():
    with pytest.raises(hn.ParameterError, match="torus"):
        solve_torus(random_network(200, 0.05, 3))
    with pytest.raises(hn.NotPercolatingError, match="all directions"):
        solve_torus(torus_network(100, 0.01, 5, reach=0.5))
    network, other = torus_network(200, 0.05, 3), torus_network(200, 0.05, 4)
    with pytest.raises(hn.ParameterError, match="another network"):
        hn.hall_angle(network, torus=solve_torus(other))
    with pytest.raises(hn.ParameterError, match="solve_torus"):
        hn.solve_current(network)
