"""Terminals: digits, Kron reduction, reciprocity, Foster's theorem, van der Pauw."""

import numpy as np
import pytest

import hopnet as hn
from hopnet.network.network import join_sites
from samples import TWELVE, dense_sites, random_network

REFERENCE = [  # 12 sites of the reference network, terminals 0, 11, 9, 7: 50-digit arithmetic
    -0.001658740783742,
    -0.002451361886025,
    -0.003383948376174,
    -0.003376189812528,
    -0.003214241570348,
    -0.001770381559771,
]


def reference_network():
    return hn.build_network(dense_sites(TWELVE, 10.0), cutoff_radius=20.0, contacts=([0], [11]))


def test_digits_of_the_conductance_matrix():
    matrix = hn.solve_terminals(reference_network(), [0, 11, 9, 7]).conductance
    np.testing.assert_allclose(matrix[np.triu_indices(4, 1)], REFERENCE, rtol=1e-12)
    np.testing.assert_array_equal(matrix, matrix.T)
    assert np.abs(matrix.sum(axis=1)).max() < 1e-17


@pytest.mark.parametrize(("density", "seed"), [(0.1, 3), (0.002, 4)])
def test_two_terminals_are_solve_current(density, seed):
    network = random_network(2000, density, seed)
    current = hn.solve_current(network)
    terminals = hn.solve_terminals(network, network.contacts)
    assert -terminals.conductance[0, 1] == pytest.approx(current.conductance, rel=1e-12)
    assert terminals.resistance((0, 1), (0, 1)) == pytest.approx(1 / current.conductance, rel=1e-12)
    drop = terminals.drops([1.0, 0.0])
    assert np.abs(drop - current.drop).max() < 1e-12


def test_a_floating_terminal_of_one_site_is_no_terminal():
    network = random_network(800, 0.02, 5)
    three = hn.solve_terminals(network, [network.source, network.drain, 400])
    two = hn.solve_terminals(network, network.contacts)
    assert three.resistance((0, 1), (0, 1)) == pytest.approx(
        two.resistance((0, 1), (0, 1)), rel=1e-12
    )
    potential = three.potentials({0: 1.0, 1: 0.0})[2]
    drop = three.drops([1.0, 0.0, potential])
    at_site = (network.link_i == 400) * drop * network.conductance
    at_site -= (network.link_j == 400) * drop * network.conductance
    assert abs(at_site.sum()) < 1e-12 * np.abs(at_site).max()


def test_merged_terminals_add_their_rows():
    network = random_network(500, 0.05, 6)
    groups = [[3], [60], [200], [333, 334]]
    four = hn.solve_terminals(network, groups).conductance
    three = hn.solve_terminals(network, [groups[0], groups[1], groups[2] + groups[3]]).conductance
    merge = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 1]])
    np.testing.assert_allclose(three, merge.T @ four @ merge, rtol=1e-9, atol=1e-25)


def test_reciprocity_of_four_point_resistances():
    network = random_network(500, 0.02, 7)
    terminals = hn.solve_terminals(network, [network.source[:3], network.drain[:3], 120, 260, 401])
    first = terminals.resistance((0, 1), (2, 3))
    second = terminals.resistance((2, 3), (0, 1))
    scale = abs(terminals.resistance((0, 1), (0, 1)))
    assert abs(first - second) < 1e-12 * scale
    u = terminals.injected((0, 1))
    assert u[2] - u[3] == pytest.approx(first, abs=1e-10 * scale)


def test_fosters_theorem():
    """The conductance times the resistance between the ends of each link adds up to N - 1."""
    network = reference_network()
    terminals = hn.solve_terminals(network, list(range(12)))
    total = sum(
        g * terminals.resistance((i, j), (i, j))
        for g, i, j in zip(network.conductance, network.link_i.tolist(), network.link_j.tolist())
    )
    assert total == pytest.approx(11.0, rel=1e-13)


# R of the corners of an n x n square lattice of unit links: ln 2 / pi + 0.395 / n^2.
@pytest.mark.parametrize(("n", "expected"), [(16, 0.2221792251), (32, 0.2210243939)])
def test_van_der_pauw_on_a_square(n, expected):
    sites = hn.lattice_sites("square", n, n, spacing=4.0)
    links = hn.build_network(sites, cutoff_radius=4.5, contact_width=4.5)
    unit = join_sites(
        sites,
        links.link_i,
        links.link_j,
        np.zeros(links.n_links),
        contacts=links.contacts,
        cutoff_radius=4.5,
    )
    corners = [0, n - 1, n * n - 1, n * (n - 1)]
    terminals = hn.solve_terminals(unit, corners)
    assert terminals.resistance((0, 1), (3, 2)) == pytest.approx(expected, abs=2e-10)
    assert terminals.van_der_pauw() == pytest.approx(1.0, abs=2.0 / n**2)


@pytest.mark.parametrize(
    ("groups", "words"),
    [
        ([[0, 1]], "two or more"),
        ("source", "two or more"),
        ([[0], []], "empty"),
        ([[0], [1, 0]], "share sites, site 0"),
        ([[0], [200]], "from 0 to 199"),
        ([[0], [1.5]], "whole numbers"),
        ([[0], ["x"]], "real numbers"),
        ([[0], None], "real numbers"),
    ],
)
def test_bad_terminals(groups, words):
    with pytest.raises(hn.ParameterError, match=words):
        hn.solve_terminals(random_network(200, 0.05, 3), groups)


def test_bad_pairs():
    terminals = hn.solve_terminals(random_network(200, 0.05, 3), [0, 50, 100])
    for pair, words in (((0, 3), "from 0 to 2"), ((1, 1), "different"), (2, "two terminals")):
        with pytest.raises(hn.ParameterError, match=words):
            terminals.resistance(pair, (0, 1))
    with pytest.raises(hn.ParameterError, match="four terminals"):
        terminals.van_der_pauw()


def test_terminals_in_different_clusters():
    sites = dense_sites(np.array([[1.0, 1.0], [2.0, 1.0], [8.0, 8.0], [9.0, 8.0]]), 10.0)
    network = hn.build_network(sites, cutoff_radius=1.5, contacts=([0], [1]))
    terminals = hn.solve_terminals(network, [0, 1, 2])
    assert terminals.conductance[0, 2] == 0.0
    with pytest.raises(hn.ParameterError, match="no path joins"):
        terminals.resistance((0, 2), (0, 1))
    with pytest.raises(hn.ParameterError, match="no path to the current"):
        terminals.resistance((0, 1), (0, 2))
    with pytest.raises(hn.ParameterError, match="floats without a path"):
        terminals.potentials({0: 1.0, 1: 0.0})
