"""Network: links, rates, contacts, clusters. [hopping 5a]"""

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
    network = hn.build_network(sites, cutoff_radius=20.0, contacts="y")
    assert network.to_frame().distance.max() <= 20
    assert np.array_equal(network.source, np.flatnonzero(sites.position[:, 1] <= 20))
    assert np.array_equal(network.drain, np.flatnonzero(sites.position[:, 1] >= sites.width - 20))
    assert (network.axis, network.width_across_current, network.length_along_current) == (
        "y",
        sites.length,
        sites.width,
    )
    named = hn.build_network(sites, contacts=([3, 1, 3], [7]))
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
        ({"cutoff": 9.0}, "share"),
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
        hn.build_network(sites)
    wide = hn.random_sites(2000, density=0.01, seed=3, geometry=geometry)
    with pytest.raises(hn.ParameterError, match="no edges across y"):
        hn.build_network(wide, contacts="y")


def test_coincident_sites_are_allowed_and_warned_of():
    position = np.concatenate([SITES.position, SITES.position[:1]])
    sites = hn.sites_from_positions(position, length=SITES.length, width=SITES.width)
    with pytest.warns(hn.ValidityWarning, match="coincide"):
        network = hn.build_network(sites)
    assert network.log_conductance.max() == 0.0
    assert hn.solve_current(network).imbalance < 1e-14


def test_energies_are_not_dropped_in_silence():
    sites = hn.sites_from_positions(
        SITES.position, length=SITES.length, width=SITES.width, energy=np.zeros(400)
    )
    with pytest.warns(hn.ValidityWarning, match="energies"):
        hn.build_network(sites)


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
