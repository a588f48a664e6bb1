"""Samples in space: the same code as in the plane, with three axes."""

import dataclasses
import itertools

import mpmath
import numpy as np
import pandas as pd
import pytest

import hopnet as hn
from hopnet.ensemble.config import RunConfig
from hopnet.ensemble.plan import task_memory
from hopnet.percolation import flow_statistics, sample_mott_numbers, wrapping_threshold
from hopnet.percolation.literature import WRAPPING_IN_SPACE
from hopnet.percolation.thresholds import find_events
from hopnet.spin import expected_walk, kinetic_coefficients, triad_shares, walk
from hopnet.transport import diffusion_constant, diffusion_tensor, strain_response

# Small samples, dense ones among them, whose Hall angles depend on the cutoff: the identities below
# hold for any links.
pytestmark = pytest.mark.filterwarnings("ignore::hopnet.errors.ValidityWarning")


def space(n, density=0.01, seed=1, cutoff=1.5, **more):
    return hn.build_network(
        hn.random_sites(n, density=density, seed=seed, dimension=3, **more), cutoff=cutoff
    )


def exact_drops(network, digits=80):
    """Conductance and the drop of each link, by plain elimination in many digits."""
    kind = network.terminals
    with mpmath.workdps(digits):
        rows = [{} for _ in range(network.n_sites)]
        fed = [mpmath.mpf(0)] * network.n_sites
        g = [mpmath.exp(mpmath.mpf(v)) for v in network.log_conductance.tolist()]
        ends = list(zip(network.link_i.tolist(), network.link_j.tolist()))
        for (i, j), value in zip(ends, g):
            for a, b in ((i, j), (j, i)):
                if kind[a] == -1:
                    rows[a][a] = rows[a].get(a, 0) + value
                    if kind[b] == -1:
                        rows[a][b] = -value
                    elif kind[b] == 0:
                        fed[a] += value
        order = [k for k in network.dissection.permutation.tolist() if kind[k] == -1]
        for k in order:
            later = [a for a in rows[k] if a != k]
            for a in later:
                ratio = rows[a].pop(k) / rows[k][k]
                for b in later:
                    rows[a][b] = rows[a].get(b, 0) - ratio * rows[k][b]
                fed[a] -= ratio * fed[k]
        value = [mpmath.mpf(int(k == 0)) for k in kind]
        for k in reversed(order):
            rest = sum(w * value[a] for a, w in rows[k].items() if a != k)
            value[k] = (fed[k] - rest) / rows[k][k]
        drop = [value[i] - value[j] for i, j in ends]
        current = mpmath.mpf(0)
        for (i, j), one, d in zip(ends, g, drop):
            if (kind[i] == 0) != (kind[j] == 0):
                current += one * d * (1 if kind[i] == 0 else -1)
        return float(current), np.array([float(d) for d in drop])


DIGITS = [  # conductances by elimination in 80 digits, of a separate program
    ({"n": 300, "aspect": 2}, 1165, 2.197558758550453e-4),
    ({"n": 300, "aspect": 2, "density": 1e-4}, 1165, 8.712750069872740e-18),
    ({"n": 400, "aspect": 2, "seed": 2, "geometry": "cylinder"}, 1694, 3.014304556297288e-4),
]


@pytest.mark.parametrize(("sample", "n_links", "conductance"), DIGITS)
def test_published_samples(sample, n_links, conductance):
    network = space(**sample)
    assert network.n_links == n_links
    current = hn.solve_current(network)
    assert current.conductance == pytest.approx(conductance, rel=1e-13)
    assert current.imbalance < 1e-15


def test_placing_the_sites():
    sites = hn.random_sites(300, density=0.01, seed=1, aspect=2, dimension=3)
    assert sites.size == pytest.approx((49.32424149, 24.66212074, 24.66212074), rel=1e-9)
    np.testing.assert_allclose(sites.position[0], [3.29495844, 1.94862771, 0.14247598], atol=1e-8)
    network = hn.build_network(sites, cutoff=1.5)
    assert [contact.size for contact in network.contacts] == [24, 29]
    triads = hn.find_triads(network)
    assert triads.n_triads == 1764
    area = np.linalg.norm(triads.area_vector, axis=1).sum()
    assert area == pytest.approx(10831.567116681, rel=1e-11)
    assert hn.percolation_threshold(network).threshold_length == pytest.approx(4.237699197008744)
    share = flow_statistics(hn.solve_current(network)).share
    assert (share**2).sum() == pytest.approx(2.45278387670, rel=1e-10)


@pytest.mark.parametrize("density", [0.1, 0.01, 1e-4])
def test_current_against_80_digits(density):
    """200 sites: the conductance and every drop, relative to the flow through its sites."""
    network = space(200, density=density, seed=4, aspect=3)
    current = hn.solve_current(network)
    conductance, drop = exact_drops(network)
    assert current.conductance == pytest.approx(conductance, rel=1e-14)
    through = np.maximum(current.throughput[network.link_i], current.throughput[network.link_j])
    error = np.abs(network.conductance * drop - current.flow)
    assert np.all(error <= 1e-12 * through)
    assert current.imbalance < 1e-15


@pytest.mark.parametrize("density", [0.1, 0.01, 1e-3, 1e-4])
def test_current_is_conserved(density):
    network = space(5000, density=density, seed=7)
    assert hn.solve_current(network).imbalance < 1e-15


def test_cubic_lattice_and_series():
    for (n_x, n_y, n_z), links in (((9, 6, 5), 681), ((30, 20, 10), 16900)):
        sites = hn.lattice_sites("cubic", n_x, n_y, n_z=n_z, spacing=5.0)
        network = hn.build_network(sites, cutoff_radius=5.0, contact_width=2.6)
        assert network.n_links == links
        current = hn.solve_current(network)
        exact = n_y * n_z / (n_x - 1)  # rows in parallel, links in series
        assert current.conductance / np.exp(-10.0) == pytest.approx(exact, rel=1e-14)
        assert sites.density == pytest.approx(5.0**-3)
    edges = hn.lattice_sites("cubic", 4, 4, n_z=4, spacing=2.0, geometry="torus")
    assert hn.build_network(edges, cutoff_radius=2.0, contact_width=0.1).n_links == 3 * 64


@pytest.mark.parametrize("geometry", ["open", "cylinder"])
def test_a_plane_in_space_is_the_plane(geometry):
    """Sites with one z: links, order of elimination, current and Hall effect of the plane."""
    flat = hn.random_sites(3000, density=0.01, seed=6, geometry=geometry)
    position = np.column_stack([flat.position, np.full(3000, 200.0)])
    deep = hn.sites_from_positions(
        position, length=flat.length, width=flat.width, height=900.0, geometry=geometry
    )
    plane, inside = (
        hn.build_network(s, cutoff_radius=18.0, contact_width=18.0) for s in (flat, deep)
    )
    assert np.array_equal(plane.link_i, inside.link_i)
    assert np.array_equal(plane.link_j, inside.link_j)
    if geometry == "open":
        assert np.array_equal(plane.dissection.permutation, inside.dissection.permutation)
    found = [hn.solve_current(network).conductance for network in (plane, inside)]
    assert found[1] == pytest.approx(found[0], rel=1e-13)
    if geometry == "cylinder":
        tangent = [hn.hall_angle(network).tangent for network in (plane, inside)]
        assert tangent[1] == pytest.approx(tangent[0], rel=1e-9)
        area = [hn.find_triads(plane).area, hn.find_triads(inside).area_vector[:, 2]]
        np.testing.assert_array_equal(*area)


def turned(sites, order):
    """The same sites with their axes in another order."""
    size = [sites.size[k] for k in order]
    return hn.sites_from_positions(
        sites.position[:, order],
        length=size[0],
        width=size[1],
        height=size[2],
        geometry=sites.geometry,
    )


def test_axes_can_be_exchanged():
    sites = hn.random_sites(800, density=0.005, seed=3, aspect=1.5, dimension=3)
    first = hn.solve_current(hn.build_network(sites)).conductance
    for order, contacts in (([2, 1, 0], "z"), ([1, 0, 2], "y"), ([0, 2, 1], "x")):
        network = hn.build_network(turned(sites, order), contacts=contacts)
        current = hn.solve_current(network)
        assert current.conductance == pytest.approx(first, rel=1e-13)
        expected = sites.width * sites.height / (sites.length * first)
        assert current.resistivity == pytest.approx(expected, rel=1e-13)
        assert current.effective_length == pytest.approx(
            hn.solve_current(hn.build_network(sites)).effective_length, rel=1e-12
        )


def test_a_shift_of_a_torus_changes_nothing():
    network = space(1000, seed=3, geometry="torus", cutoff=1.3)
    sites = network.sites
    place = (sites.position + np.array([3.0, 40.0, 11.0])) % sites.size
    moved = hn.build_network(dataclasses.replace(sites, position=place), cutoff=1.3)
    assert np.array_equal(network.link_j, moved.link_j)
    np.testing.assert_allclose(
        hn.solve_torus(moved).conductivity, hn.solve_torus(network).conductivity, rtol=1e-11
    )


def test_wrapping_of_a_torus():
    """Digits of a separate program; the third independent direction is not "all three axes"."""
    events = find_events(space(1000, seed=3, geometry="torus", cutoff=1.3))
    found = {name: (one.threshold_length, one.wraps) for name, one in events.items()}
    assert found["wrapping"][0] == pytest.approx(3.868888437636059)
    assert found["wrapping"][1] in ((0, 1, 0), (0, -1, 0))
    assert found["second wrapping"][0] == pytest.approx(3.96655629594575)
    assert found["third wrapping"][0] == pytest.approx(4.033246239875161)
    assert found["wrapping x"] == found["third wrapping"]
    loops = [events[name].wraps for name in ("wrapping", "second wrapping", "third wrapping")]
    assert np.linalg.matrix_rank(np.array(loops)) == 3


def test_percolation_length():
    """l_c n_s^(1/3) = 0.86755, from 8 eta_c = 2.73512 neighbours at the threshold."""
    assert 4 * np.pi / 3 * hn.critical_length(1.0, 3) ** 3 == pytest.approx(2.73511, abs=2e-5)
    assert hn.critical_length(0.008, 3) == pytest.approx(0.867552 / 0.2)


def test_transport_on_a_torus_and_around_a_cylinder():
    torus = space(600, seed=5, geometry="torus", cutoff=1.4)
    tensor = hn.solve_torus(torus).conductivity
    assert tensor.shape == (3, 3)
    np.testing.assert_allclose(tensor, tensor.T, rtol=1e-9, atol=1e-12 * tensor[0, 0])
    # Einstein's relation: sigma = n e^2 D / kT, by another program with an assembled matrix.
    einstein = diffusion_tensor(torus) * torus.sites.density
    np.testing.assert_allclose(tensor, einstein, rtol=1e-7, atol=1e-9 * tensor[0, 0])
    # A weak field drives the carriers of the largest cluster at the same mobility.
    density = np.bincount(torus.cluster).max() / torus.sites.volume
    for axis in "xyz":
        k = "xyz".index(axis)
        speed = [hn.solve_drift(torus, f, axis=axis).velocity for f in (1e-5, -1e-5)]
        mobility = (speed[0] - speed[1]) / 2e-5
        assert mobility * density == pytest.approx(tensor[k, k], rel=1e-4)
    # A lattice around a cylinder: 1/(rho_0 a_b) times exp(-2 R) / spacing.
    sites = hn.lattice_sites("cubic", 6, 5, n_z=4, spacing=3.0, geometry="cylinder")
    lattice = hn.build_network(sites, cutoff_radius=3.0, contact_width=0.1, contacts=([0], [5]))
    for axis in "yz":
        ring = hn.solve_ring(lattice, axis=axis)
        assert ring.conductivity == pytest.approx(np.exp(-6.0) / 3.0, rel=1e-12)


def rotation(seed):
    q, r = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    q = q * np.sign(np.diag(r))
    return q * np.sign(np.linalg.det(q))


def test_hall_effect_is_a_vector():
    """[hall 8]: the antisymmetric conductance of three terminals turns with the sample."""
    side = 40.0
    inside = np.random.default_rng(8).uniform(-8, 8, (120, 3))
    groups = [np.arange(4), np.arange(30, 34), np.arange(60, 64)]

    def vector(position):
        sites = hn.sites_from_positions(position + side / 2, length=side, width=side, height=side)
        network = hn.build_network(
            sites, cutoff_radius=6.0, contacts=(groups[0], groups[1]), axis="x"
        )
        terminals = hn.solve_terminals(network, groups)
        by_axis = [hn.hall_conductance(terminals, field=axis) for axis in "xyz"]
        for matrix in by_axis:
            np.testing.assert_allclose(matrix, -matrix.T, atol=1e-15 * np.abs(matrix).max())
            np.testing.assert_allclose(matrix.sum(axis=0), 0, atol=1e-11 * np.abs(matrix).max())
        return np.array([matrix[0, 1] for matrix in by_axis])

    plain, turn = vector(inside), rotation(3)
    np.testing.assert_allclose(
        vector(inside @ turn.T), turn @ plain, rtol=1e-9, atol=1e-11 * np.abs(plain).max()
    )


@pytest.mark.parametrize("shift", [1, 2])
def test_hall_angles_turn_with_the_axes(shift):
    """A torus with its axes exchanged in a circle: the field moves along."""
    torus = space(500, seed=9, geometry="torus", cutoff=1.4)
    order = [(k + shift) % 3 for k in range(3)]
    other = hn.build_network(turned(torus.sites, order), cutoff=1.4)
    for axis in "xyz":
        back = "xyz"[("xyz".index(axis) - shift) % 3]
        first, second = (
            hn.hall_angle(network, field=field) for network, field in ((torus, axis), (other, back))
        )
        assert second.tangent == pytest.approx(first.tangent, rel=1e-8)
        assert second.conductivity_yy == pytest.approx(first.conductivity_yy, rel=1e-10)


def test_hall_angle_of_a_cylinder_along_y_and_z():
    """Turned about x by a quarter: (x, y, z) to (x, z, -y), so a field along z points to -y."""
    plain = space(900, seed=12, geometry="cylinder", aspect=1.5, cutoff=1.4)
    s = plain.sites
    position = np.column_stack([s.position[:, 0], s.height - s.position[:, 2], s.position[:, 1]])
    turned_sites = dataclasses.replace(s, position=position, width=s.height, height=s.width)
    other = hn.build_network(turned_sites, cutoff=1.4)
    z, minus_y = hn.hall_angle(plain).tangent, hn.hall_angle(other, field="y").tangent
    assert z > 0
    # The field is reversed, and the flow deflected to the other side of current and field.
    assert minus_y == pytest.approx(z, rel=1e-8)
    ring = hn.solve_ring(other, axis="y")
    with pytest.raises(hn.ParameterError, match="along z"):
        hn.hall_angle(other, field="y", ring=ring)
    with pytest.raises(hn.ParameterError, match="across the current"):
        hn.hall_angle(plain, field="x")


def test_threshold_by_the_universal_probability():
    """l_c n_s^(1/3) = 0.86755 from random networks on a torus, without a fit."""
    rng, found = np.random.default_rng(5), []
    for sample in range(120):
        n = int(rng.poisson(600))
        sites = hn.random_sites(n, density=n / 600, seed=sample, dimension=3, geometry="torus")
        network = hn.build_network(sites, cutoff_radius=1.15, contact_width=0.01)
        found.append(find_events(network, stop="wrapping")["wrapping"].threshold_length)
    value, error = wrapping_threshold(found, WRAPPING_IN_SPACE)
    assert error < 0.01
    assert abs(value - 0.867552) < 4 * error
    with pytest.raises(hn.ParameterError, match="10 samples"):
        wrapping_threshold(found[:9], WRAPPING_IN_SPACE)
    with pytest.raises(hn.ParameterError, match="probability"):
        wrapping_threshold(found, 1.5)


def test_the_number_of_mott_in_space():
    """kT_0 g a_b^3 = 17.12(2) from percolation in space and energy; 21.2 and 18.1 are refuted."""
    table = sample_mott_numbers(10, 100, seed=6, dimension=3)
    assert list(table.columns) == ["first", "second", "third"]
    assert (table["first"] <= table["second"]).all()
    assert (table["second"] <= table["third"]).all()
    value, error = wrapping_threshold(table["first"], WRAPPING_IN_SPACE)
    assert abs(value - 17.12) < 4 * error
    assert error < 0.25


def test_variable_range_and_finite_voltage():
    sites = hn.random_sites(600, density=0.02, seed=4, dimension=3)
    network = hn.build_network(hn.with_energies(sites, "gaussian", width=1.0, seed=3), kT=0.3)
    current = hn.solve_current(network)
    assert current.imbalance < 1e-15
    assert hn.transport.site_response(current).sum() == pytest.approx(-1 / 0.3, rel=1e-10)
    assert hn.transport.effective_links(current) > 1
    weak = hn.solve_bias(network, 1e-4)
    assert weak.current / 1e-4 == pytest.approx(current.conductance, rel=1e-3)
    assert hn.admittance(network, [0.0])[0].real == pytest.approx(current.conductance, rel=1e-12)
    # Flat energies are the R-model.
    flat = dataclasses.replace(sites, energy=np.zeros(600))
    equal = hn.build_network(flat, kT=1.0, cutoff_radius=9.0)
    assert hn.solve_current(equal).conductance == pytest.approx(
        hn.solve_current(hn.build_network(sites, cutoff_radius=9.0)).conductance, rel=1e-12
    )


def test_strain_scales_the_sample():
    """The trace of the strain response is the derivative by the scale of all lengths."""
    network = space(500, seed=2, aspect=1.5)
    tensor = strain_response(hn.solve_current(network))
    s, step = network.sites, 1e-5
    found = []
    for factor in (1 - step, 1 + step):
        scaled = hn.network_from_links(
            s,
            network.link_i,
            network.link_j,
            -2 * factor * network.distance,
            contacts=network.contacts,
        )
        found.append(hn.solve_current(scaled).log_conductance)
    assert np.trace(tensor) == pytest.approx((found[1] - found[0]) / (2 * step), rel=1e-7)


def test_walks_diffuse_as_the_resistivity_says():
    network = space(300, density=0.05, seed=3, geometry="torus", cutoff=2.0, min_distance=1.5)
    found = walk(network, [0.0, 400.0, 2000.0], n_carriers=1500, seed=9)
    assert found.displacement.shape == (1500, 3, 3)
    value, error = found.diffusion(1, 2)
    exact = np.trace(diffusion_tensor(network)) / 3
    assert abs(value - exact) < 4 * error
    assert error < 0.1 * exact
    cylinder = space(2000, seed=3, geometry="cylinder")
    current = hn.solve_current(cylinder)
    assert diffusion_constant(cylinder, current) == pytest.approx(
        1 / (current.resistivity * cylinder.sites.density), rel=1e-12
    )


def test_files_graphs_and_tables(tmp_path):
    sites = hn.with_energies(
        hn.random_sites(200, density=0.01, seed=1, dimension=3), "gaussian", width=1.0, seed=2
    )
    network = hn.build_network(sites, kT=0.5)
    network.save(tmp_path / "network.npz")
    assert hn.Network.load(tmp_path / "network.npz").digest == network.digest
    sites.save(tmp_path / "sites.npz")
    assert hn.Sites.load(tmp_path / "sites.npz").size == sites.size
    assert hn.Network.from_networkx(network.to_networkx()).digest == network.digest
    frame = sites.to_frame()
    assert list(frame.columns) == ["x", "y", "z", "energy"]
    again = hn.sites_from_positions(
        frame, length=sites.length, width=sites.width, height=sites.height
    )
    assert np.array_equal(again.position, sites.position)
    assert np.array_equal(again.energy, sites.energy)
    assert "n_s a_b^3" in repr(sites)


def test_sites_keep_their_distance():
    sites = hn.random_sites(
        400, density=0.01, seed=5, dimension=3, min_distance=3.0, geometry="torus"
    )
    i, _ = hn.network.find_links(sites, 6.0)
    network = hn.build_network(sites, cutoff_radius=6.0)
    assert i.size == network.n_links
    assert network.distance.min() >= 3.0


BOX = {"length": 9.0, "width": 9.0, "height": 9.0}
GOOD = np.random.default_rng(2).uniform(0, 9, (20, 3))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: hn.random_sites(100, density=0.01, seed=1, dimension=1), "2 .a plane. or 3"),
        (lambda: hn.random_sites(100, density=0.01, seed=1, dimension=4), "2 .a plane. or 3"),
        (lambda: hn.random_sites(100, density=0.01, seed=1, dimension=True), "2 .a plane. or 3"),
        (lambda: hn.random_sites(100, density=0.01, seed=1, dimension="3"), "2 .a plane. or 3"),
        (lambda: hn.sites_from_positions(GOOD[:, :1], **BOX), r"shape \(n, 3\)"),
        (lambda: hn.sites_from_positions(GOOD, length=9, width=9), "height only in space"),
        (lambda: hn.sites_from_positions(GOOD[:, :2], **BOX), r"shape \(n, 3\)"),
        (lambda: hn.sites_from_positions(GOOD + np.array([0, 0, 9]), **BOX), "must lie in"),
        (lambda: hn.sites_from_positions(GOOD, **BOX | {"height": 0}), "height"),
        (
            lambda: hn.sites_from_positions(
                pd.DataFrame(GOOD, columns=["x", "y", "z"]), length=9, width=9
            ),
            "needs the height",
        ),
        (lambda: hn.lattice_sites("cubic", 3, 3, spacing=2.0), "n_z goes with"),
        (lambda: hn.lattice_sites("square", 3, 3, n_z=3, spacing=2.0), "n_z goes with"),
        (
            lambda: hn.random_sites(100, density=0.01, seed=1, dimension=3, min_distance=4.1),
            "spheres jam",
        ),
        (
            lambda: hn.build_network(hn.random_sites(100, density=0.01, seed=1), contacts="z"),
            "contacts must be",
        ),
        (
            lambda: hn.build_network(
                hn.random_sites(3000, density=0.1, seed=1, dimension=3, geometry="cylinder"),
                contacts="z",
                cutoff_margin=1.0,
            ),
            "a cylinder has no edges across z",
        ),
        (lambda: space(200, geometry="cylinder", aspect=4), "periodic along y"),
        (lambda: hn.random_sites(10**15, density=0.01, seed=1, dimension=3), "memory"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(hn.ParameterError, match=message):
        call()


M = np.array([[0.0, 0.1], [-0.1, 0.0]])
SPINS = {
    "f_curve": lambda n, c: hn.f_curve(n, tau_s=[0, 1e3]),
    "solve_spin": lambda n, c: hn.solve_spin(n, tau_s=1e3),
    "spin_generation": lambda n, c: hn.spin_generation(n, c),
    "solve_kinetics": lambda n, c: hn.solve_kinetics(n, spin_orbit=M, eta=1e-3, tau_s=1e3),
    "triad_shares": lambda n, c: triad_shares(c),
    "kinetic_coefficients": lambda n, c: kinetic_coefficients(hn.find_triads(n), M, eta=1e-3),
    "hanle_curve": lambda n, c: hn.hanle_curve(n, tau_s=1e3, field=[0, 1e-3]),
    "walk": lambda n, c: walk(n, [1.0], n_carriers=9, seed=1, spin_orbit=M),
    "expected_walk": lambda n, c: expected_walk(n, [1.0]),
    "area": lambda n, c: hn.find_triads(n).area,
}


@pytest.mark.parametrize("name", SPINS)
def test_spins_are_two_dimensional(name):
    network = space(200, aspect=2, geometry="torus" if name == "expected_walk" else "open")
    current = None if name == "expected_walk" else hn.solve_current(network)
    with pytest.raises(hn.ParameterError, match="in a plane"):
        SPINS[name](network, current)


def test_permutations_of_a_cube_are_one_sample():
    """The order of elimination of a cube does not depend on how its axes are named."""
    sites = hn.random_sites(4000, density=0.01, seed=2, dimension=3)
    networks = [
        hn.build_network(turned(sites, list(order)), cutoff=1.5)
        for order in itertools.permutations(range(3))
    ]
    lengths = {network.n_links for network in networks}
    assert len(lengths) == 1
    assert len({network.distance.sum().round(6) for network in networks}) == 1


RUN = {
    "question": "resistivity in space",
    "sites": {"n_sites": 400, "density": 0.01, "seed": 8, "dimension": 3},
    "ensemble": {"samples": 2},
}


def test_run_files_in_space(tmp_path):
    results = hn.run_ensemble(RUN, tmp_path / "run")
    assert results is not None
    rows = pd.read_csv(tmp_path / "run" / "summary.csv")
    sides = rows[["length", "width", "height"]].to_numpy()
    np.testing.assert_allclose(sides, 40_000 ** (1 / 3), rtol=1e-12)
    np.testing.assert_allclose(rows["density"], 0.01, rtol=1e-12)
    sheet = rows["width_across_current"] / (rows["length"] * rows["conductance"])
    np.testing.assert_allclose(rows["resistivity"], sheet, rtol=1e-12)
    assert rows["imbalance"].max() < 1e-15
    assert rows["f"].isna().all()


def test_points_in_the_plane_keep_their_numbers():
    """The dimension is no part of a point in the plane: names and seeds of older runs stay."""
    plain = {"sites": {"n_sites": 400, "density": 0.01, "seed": 8}, "spin": {"tau_s": [0.0]}}
    given = plain | {"sites": plain["sites"] | {"dimension": 2}}
    points = [RunConfig.model_validate(table).points()[0] for table in (plain, given, RUN)]
    assert points[0].name == points[1].name != points[2].name
    assert "sites.dimension" not in points[0].physical
    more = [task_memory(points[2].physical | {"sites.n_sites": n}) for n in (10**5, 10**6)]
    assert more[1] > 15 * more[0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sites": {"dimension": 4}}, "2 or 3"),
        ({"spin": {"tau_s": [0.0, 10.0]}}, "spins are two-dimensional"),
        ({"sites": {"dimension": 2}, "network": {"contacts": "z"}, "spin": {"tau_s": [0]}}, "'z'"),
        ({"scan": {"sites.dimension": [2, 3]}}, "cannot be scanned"),
    ],
)
def test_bad_run_files(change, message):
    table = RUN | {key: RUN.get(key, {}) | value for key, value in change.items()}
    with pytest.raises(ValueError, match=message):
        RunConfig.model_validate(table)


def test_figures_are_projected():
    network = space(300, aspect=2)
    current = hn.solve_current(network)
    longest = 1.05 * hn.percolation_threshold(network).threshold_length
    for record in (network.sites, network, current, hn.find_clusters(network, longest)):
        assert record.plot().axes
    figure = hn.find_backbone(network, longest).plot()
    assert "n_s^{-1/3}" in figure.axes[0].get_title()
    fades = [lines.get_colors()[:, 3] for lines in figure.axes[0].collections[1:2]]
    assert fades[0].min() < 0.5 < fades[0].max() <= 1.0


def test_shrinkage_counts_what_is_across_the_field():
    """[response 3]: R^3 sin^2 adds up to 2 R^3 over the axes; no shrinkage along the field."""
    current = hn.solve_current(space(400, aspect=1.5))
    found = [hn.transport.shrinkage(current, field=axis) for axis in "xyz"]
    cube = hn.transport.mean_hop(current, power=3)
    assert sum(found) == pytest.approx(2 * cube / 12, rel=1e-12)
    assert found[0] < min(found[1:])  # the current flows along x
    chain = hn.sites_from_positions(
        [[x, 5.0, 5.0] for x in (1.0, 4.0, 9.0)], length=10.0, width=10.0, height=10.0
    )
    current = hn.solve_current(hn.build_network(chain, cutoff_radius=6.0, contact_width=2.0))
    assert hn.transport.shrinkage(current, field="x") == pytest.approx(0.0, abs=1e-12)
    assert hn.transport.shrinkage(current, field="y") > 1.0
    with pytest.raises(hn.ParameterError, match="sites in a plane"):
        hn.transport.shrinkage(current, finite_length=True)


LINEAR = {
    "thermopower": lambda n, c: hn.seebeck_coefficient(c),
    "Peltier heat": lambda n, c: hn.peltier_heat(c),
    "Peltier heat at the source": lambda n, c: hn.peltier_heat(c, profile="source"),
    "activation energy": lambda n, c: hn.activation_energy(c),
    "activation, fixed electrons": lambda n, c: hn.activation_energy(c, fixed="electrons"),
    "link response": lambda n, c: hn.link_response(c, n.distance),
    "shrinkage": lambda n, c: hn.transport.shrinkage(c),
    "noise": lambda n, c: hn.transport.log_noise(c),
    "fourth moment": lambda n, c: hn.transport.log_noise(c, moment=4),
    "links that carry the noise": lambda n, c: hn.transport.effective_links(c),
    "response to charges": lambda n, c: hn.transport.site_response(c)[:50],
    "strain": lambda n, c: hn.transport.strain_response(c)[:2, :2].ravel(),
    "admittance": lambda n, c: np.abs(hn.admittance(n, [1e-4, 1.0])),
    "voltage curve": lambda n, c: hn.voltage_curve(n, [0.1, 3.0])["current"].to_numpy(),
    "bias": lambda n, c: hn.solve_bias(n, 2.0).flow[:50],
}


@pytest.fixture(scope="module")
def warm_plane():
    """The same sites with energies, in a plane and in space with one z, and their currents."""
    flat = hn.random_sites(400, density=0.02, seed=12)
    deep = hn.sites_from_positions(
        np.column_stack([flat.position, np.full(400, 50.0)]),
        length=flat.length,
        width=flat.width,
        height=100.0,
    )
    energy = hn.with_energies(flat, "gaussian", width=1.0, seed=3).energy
    pairs = []
    for sites in (flat, deep):
        warm = dataclasses.replace(sites, energy=energy)
        network = hn.build_network(
            warm, kT=0.5, chemical_potential=0.1, cutoff_radius=22.0, contact_width=10.0
        )
        pairs.append((network, hn.solve_current(network)))
    return pairs


@pytest.mark.parametrize("name", LINEAR)
def test_what_a_plane_in_space_answers(name, warm_plane):
    """Every answer about sites with one z is that of the plane."""
    plane, inside = (LINEAR[name](*pair) for pair in warm_plane)
    np.testing.assert_allclose(inside, plane, rtol=1e-9)
    assert np.all(np.isfinite(inside))
    assert np.any(np.abs(np.asarray(inside)) > 0)


def test_drift_along_each_axis_of_a_torus():
    """Turned axes and a turned field give the same velocity; a field curve begins linear."""
    sites = hn.random_sites(700, density=0.02, seed=4, dimension=3, geometry="torus")
    found = []
    for shift in range(3):
        order = [(axis - shift) % 3 for axis in range(3)]
        network = hn.build_network(turned(sites, order), cutoff_radius=6.0)
        found.append(hn.solve_drift(network, 0.2, axis="xyz"[shift]).velocity)
    assert found[1] == pytest.approx(found[0], rel=1e-10)
    assert found[2] == pytest.approx(found[0], rel=1e-10)
    curve = hn.field_curve(hn.build_network(sites, cutoff_radius=6.0), [1e-4, 2e-4, 1.0])
    velocity = np.abs(curve["velocity"].to_numpy())
    assert velocity[1] == pytest.approx(2 * velocity[0], rel=1e-4)
    assert velocity[2] > velocity[1]


def test_slices_of_a_sample():
    """A picture between two heights shows the sites there, and only of samples in space."""
    network = space(600, density=0.02)
    current, height = hn.solve_current(network), network.sites.height
    slab = (0.4 * height, 0.6 * height)
    z = network.sites.position[:, 2]
    n_inside = int(np.sum((slab[0] <= z) & (z <= slab[1])))
    for record in (network.sites, network, current, hn.find_clusters(network, 4.0)):
        axes = record.plot(slab=slab).axes[0]
        assert r"\leq z/a_b \leq" in axes.get_title()
    assert len(network.sites.plot(slab=slab).axes[0].collections[0].get_offsets()) == n_inside
    assert f"({n_inside} of them shown)" in network.plot(slab=slab).axes[0].get_title()
    with pytest.raises(hn.ParameterError, match="two heights"):
        network.plot(slab=(5.0, 2.0))
    with pytest.raises(hn.ParameterError, match="slab"):
        network.plot(slab=3.0)
    with pytest.raises(hn.ParameterError, match="slab is known for"):
        hn.find_backbone(network).plot(slab=slab)
    with pytest.raises(hn.ParameterError, match="lie in a plane"):
        hn.random_sites(50, density=0.02, seed=1).plot(slab=(1.0, 2.0))
