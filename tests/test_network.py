"""Network: links, rates, contacts, clusters. [hopping 5a]"""

import dataclasses
import pickle

import networkx
import numpy as np
import pytest
from scipy.spatial import cKDTree

import hopnet as hn
from samples import random_network


@pytest.mark.parametrize("geometry", ["open", "cylinder", "torus"])
def test_links_are_those_of_a_tree_search(geometry):
    network = random_network(2000, 0.01, 8, geometry)
    sites, radius = network.sites, network.cutoff_radius
    assert radius == pytest.approx(1.5 * 1.19847 / 0.1)
    big = 10 * (sites.length + radius)
    box = [p or big for p in sites.period]
    pairs = cKDTree(sites.position, boxsize=box).query_pairs(radius, output_type="ndarray")
    pairs = pairs[np.lexsort(pairs.T[::-1])]
    assert np.array_equal(np.stack([network.link_i, network.link_j], axis=1), pairs)
    distance = np.hypot(*network.separation.T)
    np.testing.assert_allclose(network.log_conductance, -2 * distance, rtol=1e-14)
    assert distance.max() <= radius


def test_a_cutoff_radius_and_other_contacts():
    sites = hn.random_sites(500, density=0.01, seed=9)
    network = hn.build_network(sites, cutoff_radius=20.0, contact_width=20.0, contacts="y")
    assert network.to_frame().distance.max() <= 20
    assert np.array_equal(network.source, np.flatnonzero(sites.position[:, 1] <= 20))
    assert np.array_equal(network.drain, np.flatnonzero(sites.position[:, 1] >= sites.width - 20))
    assert (network.axis, network.width_across_current, network.length_along_current) == (
        "y",
        sites.length,
        sites.width,
    )
    named = hn.build_network(sites, contacts=([3, 1, 3], [7]), cutoff=1.5)
    assert list(named.source) == [1, 3]


def test_clusters_and_isolated_sites():
    network = random_network(4000, 0.005, 12)
    graph = networkx.Graph()
    graph.add_nodes_from(range(network.n_sites))
    graph.add_edges_from(zip(network.link_i.tolist(), network.link_j.tolist()))
    ends = set(network.source.tolist()) | set(network.drain.tolist())
    far = {i for part in networkx.connected_components(graph) if not part & ends for i in part}
    assert set(np.flatnonzero(network.isolated)) == far
    assert far


def test_there_and_back_through_networkx_and_file(tmp_path):
    network = random_network(300, 0.01, 14, "cylinder", aspect=0.5)
    network.save(tmp_path / "network.npz")
    copies = [
        hn.Network.from_networkx(network.to_networkx()),
        hn.Network.load(tmp_path / "network.npz"),
    ]
    for copy in copies:
        assert np.array_equal(copy.sites.position, network.sites.position)
        for name in ("link_i", "link_j", "source", "drain"):
            assert np.array_equal(getattr(copy, name), getattr(network, name))
        np.testing.assert_allclose(copy.log_conductance, network.log_conductance, rtol=1e-14)
        assert copy.sites.geometry == "cylinder"
    a, b = (hn.solve_current(n).conductance for n in (network, copies[1]))
    assert a == b


SITES = hn.random_sites(400, density=0.01, seed=3)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"cutoff": 0}, "cutoff must be"),
        ({"cutoff": -1}, "cutoff must be"),
        ({"cutoff": float("nan")}, "cutoff must be"),
        ({"cutoff_radius": 0}, "cutoff_radius"),
        ({"contacts": "z"}, "contacts must be"),
        ({"contacts": ([], [1])}, "source contact is empty"),
        ({"contacts": ([1], [])}, "drain contact is empty"),
        ({"contacts": ([1, 2], [2])}, "share"),
        ({"contacts": ([1], [400])}, "site numbers"),
        ({"contacts": ([-1], [4])}, "site numbers"),
        ({"contacts": ([1.5], [4])}, "whole numbers"),
        ({"contact_width": 110.0}, "share"),
    ],
)
def test_bad_input(given, message):
    with pytest.raises(hn.ParameterError, match=message):
        hn.build_network(SITES, **given)


@pytest.mark.parametrize("geometry", ["cylinder", "torus"])
def test_smallest_ring_meets_each_pair_once(geometry):
    sites = hn.random_sites(3, density=0.01, seed=3, geometry=geometry)
    network = hn.build_network(sites, cutoff_radius=sites.width / 3.01, contacts=([0], [1]))
    pairs = set(zip(network.link_i.tolist(), network.link_j.tolist()))
    assert len(pairs) == network.n_links


@pytest.mark.parametrize("geometry", ["cylinder", "torus"])
def test_a_ring_needs_three_cutoffs(geometry):
    sites = hn.random_sites(20, density=0.01, seed=3, geometry=geometry)
    with pytest.raises(hn.ParameterError, match="3 cutoffs"):
        hn.build_network(sites, cutoff=1.5)
    wide = hn.random_sites(2000, density=0.01, seed=3, geometry=geometry)
    with pytest.raises(hn.ParameterError, match="no edges across y"):
        hn.build_network(wide, contacts="y", cutoff=1.5)


def test_coincident_sites_are_allowed_and_warned_of():
    position = np.concatenate([SITES.position, SITES.position[:1]])
    sites = hn.sites_from_positions(position, length=SITES.length, width=SITES.width)
    with pytest.warns(hn.ValidityWarning, match="coincide"):
        network = hn.build_network(sites, cutoff=1.5)
    assert network.log_conductance.max() == 0.0
    assert hn.solve_current(network).imbalance < 1e-14


def test_energies_are_not_dropped_in_silence():
    sites = hn.sites_from_positions(
        SITES.position, length=SITES.length, width=SITES.width, energy=np.zeros(400)
    )
    with pytest.warns(hn.ValidityWarning, match="energies"):
        hn.build_network(sites, cutoff=1.5)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda g: g.nodes[3].pop("pos"), "pos"),
        (lambda g: g.graph.pop("length"), "length"),
        (lambda g: next(iter(g.edges(data=True)))[2].update(conductance=0.0), "must agree"),
        (lambda g: next(iter(g.edges(data=True)))[2].clear(), "conductance"),
    ],
)
def test_graphs_that_are_no_networks(spoil, message):
    graph = random_network(300, 0.01, 14).to_networkx()
    spoil(graph)
    with pytest.raises(hn.ParameterError, match=message):
        hn.Network.from_networkx(graph)


def test_links_of_a_lattice_at_just_the_spacing():
    """Rounding of the positions loses no link; each spacing and both lattices."""
    for kind, expected in (("triangular", 533), ("square", 364)):
        for spacing in (4.1, 3.9, 7.7, 1e3 / 3):
            sites = hn.lattice_sites(kind, 14, 14, spacing=spacing)
            assert (
                hn.build_network(sites, cutoff_radius=spacing, contact_width=spacing).n_links
                == expected
            )
            ring = hn.lattice_sites(kind, 14, 4, spacing=spacing, geometry="torus")
            coordination = {"triangular": 6, "square": 4}[kind]
            assert (
                hn.build_network(ring, cutoff_radius=spacing, contact_width=spacing).n_links
                == 56 * coordination / 2
            )


def test_a_ring_of_just_three_cutoffs():
    sites = hn.lattice_sites("square", 9, 3, spacing=4.1, geometry="cylinder")
    network = hn.build_network(sites, cutoff_radius=4.1, contact_width=4.1)
    assert network.n_links == 8 * 3 + 9 * 3


def test_a_record_travels_apart_from_its_network(tmp_path):
    network = random_network(300, 0.02, 18)
    current = hn.solve_current(network)
    other, travelled = pickle.loads(pickle.dumps(network)), pickle.loads(pickle.dumps(current))
    assert other.digest == network.digest
    f = hn.f_curve(network, 10.0, current=current).f
    assert np.array_equal(hn.f_curve(other, 10.0, current=travelled).f, f)
    with pytest.raises(hn.ParameterError, match="another network"):
        hn.f_curve(random_network(300, 0.02, 19), 10.0, current=travelled)


@pytest.mark.parametrize("kind", ["Current", "Spin"])
def test_a_file_of_another_network_of_equal_size_is_refused(tmp_path, kind):
    first, second = (
        hn.build_network(
            hn.lattice_sites("square", 20, 20, spacing=a), cutoff_radius=a, contact_width=a
        )
        for a in (4.0, 5.0)
    )
    record = hn.solve_current(first) if kind == "Current" else hn.solve_spin(first, 10.0)
    record.save(tmp_path / "record.npz")
    load = getattr(hn, kind).load
    assert load(tmp_path / "record.npz", first).network is first
    with pytest.raises(hn.ParameterError, match="another network"):
        load(tmp_path / "record.npz", second)


def test_the_digest_covers_everything():
    network = random_network(300, 0.02, 18)
    sites = network.sites
    changed = [
        dataclasses.replace(network, log_conductance=network.log_conductance + 1e-15),
        dataclasses.replace(network, source=network.source[1:]),
        dataclasses.replace(network, axis="y"),
        dataclasses.replace(network, log_occupation=network.log_occupation - 1.0),
        dataclasses.replace(network, exclusion=True),
        dataclasses.replace(network, kT=0.1),
        dataclasses.replace(network, sites=dataclasses.replace(sites, geometry="cylinder")),
        dataclasses.replace(network, sites=dataclasses.replace(sites, energy=np.zeros(300))),
    ]
    assert len({one.digest for one in [network, *changed]}) == 9
    assert dataclasses.replace(network).digest == network.digest


@pytest.mark.parametrize(
    "options", [{}, {"kT": 0.1}, {"kT": 0.1, "chemical_potential": 0.05, "bath": "heat_bath"}]
)
def test_a_graph_and_a_file_give_the_network_back_exactly(tmp_path, options):
    sites = hn.random_sites(300, density=1e-4, seed=21)  # conductances far below one
    if options:
        sites = hn.with_energies(sites, width=1.0, seed=22)
    network = hn.build_network(sites, **options)
    network.save(tmp_path / "network.npz")
    for copy in (
        hn.Network.from_networkx(network.to_networkx()),
        hn.Network.load(tmp_path / "network.npz"),
    ):
        assert copy.digest == network.digest
        for name in ("cutoff_radius", "critical_exponent", "bath", "kT", "exclusion"):
            assert getattr(copy, name) == getattr(network, name)
        assert copy.chemical_potential == network.chemical_potential


def labelled_graph(names):
    """Four nodes 3 - 2 - 1 - 0 and 3 - 1, under other names."""
    graph = networkx.Graph()
    for a, b in ((3, 2), (2, 1), (1, 0), (3, 1)):
        graph.add_edge(names[a], names[b], conductance=1.0)
    for k, name in enumerate(names):
        graph.nodes[name]["pos"] = (float(k), 1.0)
    return graph


@pytest.mark.parametrize("names", [[0, 1, 2, 3], "abcd", [(0, 1), (1, 1), "x", 2.5]])
def test_contacts_of_a_graph_are_labels(names):
    graph = labelled_graph(names)
    network = hn.Network.from_networkx(graph, length=9, width=9, contacts=([names[2]], [names[0]]))
    expected = 1 / networkx.resistance_distance(graph, names[2], names[0])
    assert hn.solve_current(network).conductance == pytest.approx(expected, rel=1e-12)
    graph.graph.update(length=9, width=9)
    graph.nodes[names[2]]["contact"], graph.nodes[names[0]]["contact"] = "source", "drain"
    again = hn.Network.from_networkx(networkx.relabel_nodes(graph, {names[1]: "other"}))
    assert hn.solve_current(again).conductance == pytest.approx(expected, rel=1e-12)
    graph.graph.update(source=[names[1]], drain=[names[0]])
    with pytest.raises(hn.ParameterError, match="must agree"):
        hn.Network.from_networkx(graph)
    with pytest.raises(hn.ParameterError, match="labels of nodes"):
        hn.Network.from_networkx(graph, contacts=(["nobody"], [names[0]]))


@pytest.mark.parametrize("value", [0.0, -1.0, np.inf, np.nan, "1", None, True])
def test_a_conductance_that_is_none_is_named(value):
    graph = labelled_graph([0, 1, 2, 3])
    graph.edges[1, 0]["conductance"] = value
    with pytest.raises(hn.ParameterError, match=r"the edge \(1, 0\) has"):
        hn.Network.from_networkx(graph, length=9, width=9, contacts=([2], [0]))


def test_contacts_along_y_need_their_axis():
    sites = hn.random_sites(1000, density=0.02, seed=23, aspect=2.0)
    y = sites.position[:, 1]
    edges = np.flatnonzero(y < 10), np.flatnonzero(y > sites.width - 10)
    with pytest.raises(hn.ParameterError, match="give axis='y'"):
        hn.build_network(sites, contacts=edges, cutoff=1.5)
    network = hn.build_network(sites, contacts=edges, axis="y", cutoff=1.5)
    assert network.width_across_current == sites.length
    strips = hn.build_network(sites, contacts="y", cutoff=1.5)
    same = hn.build_network(sites, contacts=strips.contacts, axis="y", cutoff=1.5)
    assert same.digest == strips.digest
    assert hn.build_network(sites, contacts=edges, axis="x", cutoff=1.5).axis == "x"
    with pytest.raises(hn.ParameterError, match="axis must be that of the contacts"):
        hn.build_network(sites, contacts="y", axis="x", cutoff=1.5)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"link_i": [1, 0], "link_j": [2, 1]}, "sorted"),
        ({"link_i": [0, 0], "link_j": [1, 1]}, "linked twice"),
        ({"link_i": [1, 1], "link_j": [1, 2]}, "a lower to a higher"),
        ({"link_j": [1, 300]}, "link_j must"),
        ({"log_conductance": [0.0, np.inf]}, "log_conductance must"),
        ({"log_occupation": np.zeros(5)}, "log_occupation must"),
        ({"source": [0], "drain": [0]}, "share"),
        ({"axis": "z"}, "axis must"),
        ({"sites": None}, "sites must"),
        ({"cutoff_radius": -1.0}, "cutoff_radius must"),
        ({"bath": "cold"}, "bath must"),
    ],
)
def test_a_network_cannot_be_made_wrong(change, words):
    good = {
        "sites": random_network(300, 0.02, 18).sites,
        "link_i": [0, 1],
        "link_j": [1, 2],
        "log_conductance": [-1.0, -2.0],
        "log_occupation": np.zeros(300),
        "source": [0],
        "drain": [2],
        "axis": "x",
        "cutoff_radius": 9.0,
    }
    assert hn.Network(**good).n_links == 2
    with pytest.raises(hn.ParameterError, match=words):
        hn.Network(**good | change)
