"""Backbones: links that carry current, red bonds, dead ends, shortest paths."""

import dataclasses

import networkx as nx
import numpy as np
import pytest
from hopnet.kernels import backbone as kernels
from hypothesis import given, settings
from hypothesis import strategies as st

import hopnet as hn
from hopnet.percolation.backbone import backbone_between, depth_first, find_backbone, rows_of
from hopnet.percolation.thresholds import find_events, percolation_threshold
from test_percolation import chain, mutant, network_of

FEW = settings(max_examples=20, deadline=None, derandomize=True)
SEEDS = st.integers(1, 10**6)


def networkx_parts(network, length):
    """(backbone links, red links, chemical length) by networkx, with each contact as one node."""
    graph = nx.MultiGraph()
    name = {int(s): "source" for s in network.source} | {int(d): "drain" for d in network.drain}
    occupied = np.flatnonzero(network.log_conductance >= -2 * length)
    for l in occupied.tolist():
        i, j = int(network.link_i[l]), int(network.link_j[l])
        a, b = name.get(i, i), name.get(j, j)
        if a != b:
            graph.add_edge(a, b, link=l)
    red = set()
    for l in occupied.tolist():
        i, j = int(network.link_i[l]), int(network.link_j[l])
        a, b = name.get(i, i), name.get(j, j)
        if a != b and graph.number_of_edges(a, b) == 1:
            graph.remove_edge(a, b)
            if not nx.has_path(graph, "source", "drain"):
                red.add(l)
            graph.add_edge(a, b, link=l)
    simple = nx.Graph(graph)
    chemical = nx.shortest_path_length(simple, "source", "drain")
    simple.add_edge("source", "drain")
    block = next(
        nodes for nodes in nx.biconnected_components(simple) if {"source", "drain"} <= nodes
    )
    inner = graph.subgraph(block)
    return {d["link"] for _, _, d in inner.edges(data=True)}, red, chemical


@FEW
@given(SEEDS, st.sampled_from(["open", "cylinder"]), st.floats(1.0, 1.25))
def test_backbone_is_that_of_networkx(seed, geometry, beyond):
    network = network_of(150, seed, geometry)
    length = beyond * percolation_threshold(network).threshold_length
    backbone = find_backbone(network, length)
    links, red, chemical = networkx_parts(network, length)
    assert set(backbone.link.tolist()) == links
    assert set(backbone.red_link.tolist()) == red
    assert backbone.chemical_length == chemical
    assert set(backbone.path_link.tolist()) <= links
    assert set(backbone.red_link.tolist()) <= set(backbone.path_link.tolist())


@FEW
@given(SEEDS)
def test_links_with_current_are_the_backbone(seed):
    network = network_of(200, seed, cutoff=1.0)
    events = find_events(network)
    if "contacts" not in events:
        return
    current = hn.solve_current(network)
    backbone = find_backbone(network, np.inf)
    carries = np.zeros(network.n_links, np.bool_)
    carries[backbone.link] = True
    share = np.abs(current.flow) / current.conductance
    assert np.all(share[~carries] < 1e-12)
    assert share[backbone.link].min() > 0.0
    np.testing.assert_allclose(share[backbone.red_link], 1.0, rtol=1e-10)
    full = np.flatnonzero(share > 1 - 1e-12)
    assert set(backbone.red_link.tolist()) <= set(full.tolist())


@FEW
@given(SEEDS)
def test_at_its_own_threshold_the_critical_link_is_red(seed):
    for geometry in ("open", "cylinder", "torus"):
        network = network_of(300, seed, geometry)
        backbone, threshold = find_backbone(network), percolation_threshold(network)
        assert threshold.link in backbone.red_link
        assert threshold.link in backbone.path_link
        assert backbone.threshold_length == threshold.threshold_length
        assert not np.any(backbone.site & backbone.dead_end)


@FEW
@given(SEEDS)
def test_backbone_of_a_torus_is_the_block_of_its_critical_link(seed):
    network = network_of(200, seed, "torus")
    threshold = percolation_threshold(network)
    graph = nx.Graph()
    for l in np.flatnonzero(network.log_conductance >= threshold.log_conductance).tolist():
        graph.add_edge(int(network.link_i[l]), int(network.link_j[l]), link=l)
    ends = {int(network.link_i[threshold.link]), int(network.link_j[threshold.link])}
    block = next(nodes for nodes in nx.biconnected_components(graph) if ends <= nodes)
    links = {d["link"] for _, _, d in graph.subgraph(block).edges(data=True)}
    backbone = find_backbone(network)
    assert set(backbone.link.tolist()) == links
    graph.remove_edge(*ends)
    assert backbone.chemical_length == nx.shortest_path_length(graph, *ends) + 1
    loop = np.zeros(2)  # sum over the shortest loop: it closes up to one period
    at = int(network.link_i[threshold.link])
    for l in backbone.path_link.tolist():
        forward = network.link_i[l] == at
        loop += network.separation[l] * (1 if forward else -1)
        at = int(network.link_j[l] if forward else network.link_i[l])
    period = network.sites.length
    np.testing.assert_allclose(np.abs(loop / period), np.abs(threshold.wraps), atol=1e-9)


LADDER = {
    "chain": ([(0, 2), (2, 3), (1, 3)], 3, 3, 3),
    "loop": ([(0, 2), (1, 2), (0, 3), (1, 3)], 4, 0, 2),
    "bridge": ([(0, 2), (0, 3), (2, 3), (1, 2), (1, 3)], 5, 0, 2),
    "loop and tail": ([(0, 2), (2, 3), (2, 4), (3, 5), (4, 5), (1, 5), (3, 6)], 6, 2, 4),
    "dead loop": ([(0, 2), (1, 2), (2, 3), (2, 4), (3, 4)], 2, 2, 2),
    "direct": ([(0, 1), (0, 2)], 1, 1, 1),
}


@pytest.mark.parametrize("name", list(LADDER))
def test_small_cases(name):
    links, n_backbone, n_red, chemical = LADDER[name]
    network = chain([(i, j, 1.0) for i, j in links])
    backbone = find_backbone(network)
    found = backbone.link.size, backbone.red_link.size, backbone.chemical_length
    assert found == (n_backbone, n_red, chemical)
    ends = np.concatenate([network.link_i, network.link_j])
    linked = np.isin(np.arange(network.n_sites), ends)
    np.testing.assert_array_equal(backbone.dead_end, linked & ~backbone.site)


def test_red_links_and_path_are_in_order():
    network = chain([(0, 4, 1.0), (2, 4, 1.0), (2, 3, 1.0), (1, 3, 1.0)])
    backbone = find_backbone(network)
    ends = [(int(network.link_i[l]), int(network.link_j[l])) for l in backbone.red_link]
    assert ends == [(0, 4), (2, 4), (2, 3), (1, 3)]
    np.testing.assert_array_equal(backbone.red_link, backbone.path_link)


def test_several_contact_sites_are_one_node():
    network = chain([(0, 3, 1.0), (1, 3, 1.0), (2, 3, 1.0)], contacts=((0, 1), (2,)))
    backbone = find_backbone(network)
    assert backbone.link.size == 3
    assert backbone.red_link.size == 1


def test_longer_thresholds_give_larger_backbones_and_shorter_paths():
    network = network_of(2000, 9)
    l_c = percolation_threshold(network).threshold_length
    parts = [find_backbone(network, length) for length in (l_c, 1.1 * l_c, np.inf)]
    assert np.all(np.diff([p.link.size for p in parts]) > 0)
    assert np.all(np.diff([p.chemical_length for p in parts]) <= 0)
    assert np.all(np.diff([p.red_link.size for p in parts]) <= 0)


def test_a_long_path_needs_no_stack():
    n = 200_000
    parts = backbone_between(np.arange(n - 1), np.arange(1, n), n, 0, n - 1)
    assert parts.red_link.size == parts.link.size == parts.path_link.size == n - 1


def test_a_mutant_block_takes_dead_loops_for_backbone():
    """With low <= number in place of low < number, a loop attached to one site would count."""
    wrong = mutant(kernels.mark_block, ("low[v] < number[u]", "low[v] <= number[u]"))
    i, j = np.array([1, 0, 2, 2, 3]), np.array([0, 2, 3, 4, 4])  # the extra link first
    i, j = np.concatenate([i, [1]]), np.concatenate([j, [2]])
    rows = rows_of(i, j, 5)
    number, low, parent, _, visited = depth_first(rows, 1)
    out, expected = np.empty((2, 5), np.bool_)
    wrong(visited, visited.size, number, low, parent, out)
    kernels.mark_block(visited, visited.size, number, low, parent, expected)
    assert expected.tolist() == [True, True, True, False, False]
    assert out.tolist() != expected.tolist()


def test_refused_input():
    network = network_of(200, 4)
    for length in (-2.0, np.nan, 1e-9):
        with pytest.raises(hn.ParameterError):
            find_backbone(network, length)
    with pytest.raises(hn.NotPercolatingError, match="increase threshold_length"):
        find_backbone(network, 7.0)
    with pytest.raises(hn.ParameterError, match="source contact must hold"):
        find_backbone(dataclasses.replace(network, source=np.empty(0, np.int64)))
    with pytest.raises(hn.ParameterError, match="leave it out"):
        find_backbone(network_of(200, 4, "torus"), 12.0)
