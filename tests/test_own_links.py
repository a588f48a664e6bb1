"""Own sites and own links: arrays, graphs without positions, Matrix Market, contrast."""

import networkx
import numpy as np
import pytest

import hopnet as hn
from hopnet.errors import DataError, ParameterError, ValidityWarning
from hopnet.network.links import read_matrix_market, write_matrix_market
from hopnet.network.network import Network
from hopnet.transport.response import noise
from samples import random_network


def test_links_in_any_order_and_direction_give_the_same_network():
    network = random_network(300, 0.05, 3)
    order = np.random.default_rng(1).permutation(network.n_links)
    swap = np.random.default_rng(2).random(network.n_links) < 0.5
    i, j = network.link_i[order], network.link_j[order]
    again = hn.network_from_links(
        network.sites,
        np.where(swap, j, i),
        np.where(swap, i, j),
        network.log_conductance[order],
        contacts=network.contacts,
    )
    np.testing.assert_array_equal(again.link_i, network.link_i)
    np.testing.assert_array_equal(again.log_conductance, network.log_conductance)
    expected = hn.solve_current(network).log_conductance
    assert hn.solve_current(again).log_conductance == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("order", [None, "given"])
def test_a_graph_without_positions_conducts_like_one_with_them(order):
    network = random_network(500, 0.05, 4)
    given = None if order is None else np.argsort(network.sites.position[:, 0])
    with pytest.warns(ValidityWarning, match="no positions"):
        bare = hn.network_from_links(
            network.n_sites,
            network.link_i,
            network.link_j,
            network.log_conductance,
            contacts=network.contacts,
            order=given,
        )
    expected = hn.solve_current(network)
    found = hn.solve_current(bare)
    assert found.log_conductance == pytest.approx(expected.log_conductance, rel=1e-12)
    assert noise(found) == pytest.approx(noise(expected), rel=1e-10)


def test_breadth_first_levels_are_distances():
    graph = networkx.random_regular_graph(3, 60, seed=5)
    ends = np.array(graph.edges)
    with pytest.warns(ValidityWarning):
        network = hn.network_from_links(60, *ends.T, np.zeros(len(ends)), contacts=([7], [8]))
    expected = networkx.single_source_shortest_path_length(graph, 7)
    for site, (x, _) in enumerate(network.sites.position):
        assert x - 0.5 == expected[site]
    assert len(np.unique(network.sites.position, axis=0)) == 60


def test_parallel_links_add_at_any_contrast():
    sites = hn.sites_from_positions([[1, 5], [9, 5], [5, 9]], length=10, width=10)
    pair = {"contacts": ([0], [1]), "add_parallel": True}
    for log in (0.0, 2000.0, -5000.0):
        network = hn.network_from_links(sites, [0, 1, 0], [1, 0, 1], [log] * 3, **pair)
        found = hn.solve_current(network).log_conductance
        assert found == pytest.approx(log + np.log(3.0), rel=1e-14)


@pytest.mark.parametrize("logarithms", [True, False])
def test_matrix_market_there_and_back(tmp_path, logarithms):
    network = random_network(200, 0.1, 6)
    path = tmp_path / "network.mtx"
    write_matrix_market(network, path, logarithms=logarithms)
    again = read_matrix_market(
        path, contacts=network.contacts, sites=network.sites, logarithms=logarithms
    )
    np.testing.assert_array_equal(again.link_j, network.link_j)
    np.testing.assert_allclose(again.log_conductance, network.log_conductance, rtol=1e-14)


def test_a_laplacian_in_matrix_market_is_read(tmp_path):
    path = tmp_path / "laplacian.mtx"
    path.write_text(
        "%%MatrixMarket matrix coordinate real symmetric\n3 3 5\n"
        "1 1 2\n2 1 -2\n2 2 3\n3 2 -1\n3 3 1\n"
    )
    with pytest.warns(ValidityWarning):
        network = read_matrix_market(path, contacts=([0], [2]))
    assert hn.solve_current(network).conductance == pytest.approx(2 / 3, rel=1e-15)


def test_names_of_the_weights_of_a_graph():
    graph = networkx.Graph(length=10.0, width=10.0)
    for k in range(3):
        graph.add_node(k, pos=(1.0 + 4 * k, 5.0))
    graph.add_edge(0, 1, weight=2.0)
    graph.add_edge(1, 2, weight=2.0)
    network = Network.from_networkx(graph, contacts=([0], [2]), weight="weight")
    assert hn.solve_current(network).conductance == pytest.approx(1.0, rel=1e-15)
    for _, _, data in graph.edges(data=True):
        data["ln"] = -3000.0
    network = Network.from_networkx(graph, contacts=([0], [2]), weight="w", log_weight="ln")
    found = hn.solve_current(network).log_conductance
    assert found == pytest.approx(-3000.0 - np.log(2.0), rel=1e-14)
    bare = networkx.Graph([(0, 1, {"weight": 1.0}), (1, 2, {"weight": 1.0})])
    with pytest.warns(ValidityWarning, match="no positions"):
        network = Network.from_networkx(bare, contacts=([0], [2]), weight="weight", layout=True)
    assert hn.solve_current(network).conductance == pytest.approx(0.5, rel=1e-15)


def test_a_laid_out_graph_keeps_its_energies():
    graph = networkx.Graph(axis="y")
    graph.add_edge("a", "b", conductance=1.0)
    graph.add_edge("b", "c", conductance=2.0)
    for k, label in enumerate("abc"):
        graph.nodes[label].update(energy=0.1 * k, radius=1.0 + k)
    with pytest.warns(hn.ValidityWarning, match="no positions"):
        network = hn.Network.from_networkx(graph, contacts=(["a"], ["c"]), layout=True)
    np.testing.assert_allclose(network.sites.energy, [0.0, 0.1, 0.2])
    np.testing.assert_allclose(network.sites.radius, [1.0, 2.0, 3.0])
    assert network.axis == "x", "the layout runs along x from the source"
    current = hn.solve_current(network)
    assert current.conductance == pytest.approx(2 / 3, rel=1e-14)
    assert hn.peltier_heat(current, level=0.0) == pytest.approx(0.1, rel=1e-12)


def test_bad_links_are_refused():
    sites = hn.sites_from_positions([[1, 5], [5, 5], [9, 5]], length=10, width=10)
    two = {"contacts": ([0], [2])}
    with pytest.raises(ParameterError, match="site 1 to itself"):
        hn.network_from_links(sites, [0, 1], [1, 1], [0.0, 0.0], **two)
    with pytest.raises(ParameterError, match="linked twice"):
        hn.network_from_links(sites, [0, 1], [1, 0], [0.0, 0.0], **two)
    with pytest.raises(ParameterError, match="one length"):
        hn.network_from_links(sites, [0, 1], [1], [0.0, 0.0], **two)
    with pytest.raises(ParameterError, match="log_conductance"):
        hn.network_from_links(sites, [0, 1], [1, 2], [0.0, np.nan], **two)
    with pytest.raises(ParameterError, match="order must list"):
        hn.network_from_links(3, [0, 1], [1, 2], [0.0, 0.0], order=[0, 1, 1], **two)


def test_bad_matrices_are_refused(tmp_path):
    head = "%%MatrixMarket matrix coordinate real general\n"
    for text, word in (
        ("nonsense", "Matrix Market"),
        (head + "2 2 1\n1 2 1.0\n", "symmetric"),
        (head + "2 3 1\n1 2 1.0\n", "square"),
        (head + "2 2 2\n1 2 nan\n2 1 nan\n", "finite|symmetric"),
    ):
        path = tmp_path / "bad.mtx"
        path.write_text(text)
        with pytest.raises(DataError, match=word):
            read_matrix_market(path, contacts=([0], [1]))
