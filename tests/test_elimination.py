"""Elimination on bare arrays: exact cases, high precision, real and complex excess."""

import mpmath
import networkx
import numpy as np
import pytest

from hopnet.elimination.dissection import dissect_graph
from hopnet.elimination.symbolic import analyse
from hopnet.elimination.symmetric import factor
from hopnet.errors import ParameterError


def lattice(n_x, n_y):
    number = np.arange(n_x * n_y).reshape(n_y, n_x)
    link_i = np.concatenate([number[:, :-1].ravel(), number[:-1].ravel()])
    link_j = np.concatenate([number[:, 1:].ravel(), number[1:].ravel()])
    y, x = np.divmod(np.arange(n_x * n_y), n_x)
    return link_i, link_j, np.stack([x, y], axis=1).astype(float)


def laplacian(n, link_i, link_j, conductance, excess=0.0):
    matrix = np.zeros((n, n), np.result_type(conductance, excess))
    np.add.at(matrix, (link_i, link_j), -conductance)
    np.add.at(matrix, (link_j, link_i), -conductance)
    np.fill_diagonal(matrix, -matrix.sum(axis=1) + excess)
    return matrix


def complete(n, seed):
    link_i, link_j = np.triu_indices(n, 1)
    rng = np.random.default_rng(seed)
    return link_i, link_j, rng.uniform(size=(n, 2)), rng.uniform(0.1, 1, len(link_i))


@pytest.mark.parametrize("excess", [1e-3, 2.0, 0.3 + 0.7j, 1j])
def test_solve_equals_dense_solve(excess):
    link_i, link_j, position = lattice(13, 11)
    rng = np.random.default_rng(31)
    conductance = rng.uniform(0.1, 1, len(link_i))
    rhs = rng.normal(size=(143, 3))
    symbolic = analyse(dissect_graph(link_i, link_j, position, leaf_size=5), link_i, link_j)
    factored = factor(symbolic, conductance, excess)
    matrix = laplacian(143, link_i, link_j, conductance, excess)
    expected = np.linalg.solve(matrix, rhs)
    np.testing.assert_allclose(factored.solve(rhs), expected, rtol=1e-9, atol=1e-12)
    assert factored.solve(rhs[:, 0]).shape == (143,)
    drop = factored.link_drops(len(link_i), rhs=rhs[:, 0])
    along = expected[link_i, 0] - expected[link_j, 0]
    np.testing.assert_allclose(drop, along, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("n", [150, 400])
def test_large_dense_fronts_go_through_blas(n):
    link_i, link_j, position, conductance = complete(n, 41)
    terminal = np.full(n, -1)
    terminal[:2] = 0, 1
    excess = np.linspace(0, 1, n)
    symbolic = analyse(dissect_graph(link_i, link_j, position), link_i, link_j, terminal)
    assert len(symbolic.fronts.left) == 1
    factored = factor(symbolic, conductance, excess)
    matrix = laplacian(n, link_i, link_j, conductance, excess)
    voltage = np.append([1.0, 0.0], np.linalg.solve(matrix[2:, 2:], -matrix[2:, 0]))
    drop = factored.link_drops(len(link_i), (1.0, 0.0))
    seen = link_i > 1
    np.testing.assert_allclose(drop[seen], (voltage[link_i] - voltage[link_j])[seen], atol=1e-13)
    schur = matrix[0, 1] - matrix[0, 2:] @ np.linalg.solve(matrix[2:, 2:], matrix[2:, 1])
    between = factored.terminal_conductance + np.array([[0, 1], [1, 0]]) * conductance[0]
    assert between[0, 1] == pytest.approx(-schur, rel=1e-12)


def test_chain_of_forty_decades_is_exact():
    n = 41
    link_i, link_j = np.arange(n - 1), np.arange(1, n)
    position = np.stack([np.arange(n), np.zeros(n)], axis=1).astype(float)
    conductance = 10.0 ** -np.arange(n - 1)
    terminal = np.full(n, -1)
    terminal[0], terminal[-1] = 0, 1
    order = dissect_graph(link_i, link_j, position, leaf_size=3)
    symbolic = analyse(order, link_i, link_j, terminal)
    factored = factor(symbolic, conductance)
    total = 1 / (1 / conductance).sum()
    assert factored.terminal_conductance[0, 1] == pytest.approx(total, rel=1e-13)
    np.testing.assert_allclose(
        factored.link_drops(n - 1, (1.0, 0.0)), total / conductance, rtol=1e-13
    )


def test_wheatstone_bridge_and_effective_resistance():
    """No current flows across a balanced bridge; a random bridge agrees with networkx."""
    link_i, link_j = np.array([0, 0, 1, 1, 2]), np.array([1, 2, 2, 3, 3])
    position = np.array([[0.0, 1], [1, 2], [1, 0], [2, 1]])
    terminal = np.array([0, -1, -1, 1])
    symbolic = analyse(dissect_graph(link_i, link_j, position), link_i, link_j, terminal)
    drop = factor(symbolic, np.array([1.0, 2, 7, 1, 2])).link_drops(5, (1.0, 0.0))
    assert drop[2] == pytest.approx(0, abs=1e-15)
    conductance = np.array([1.0, 2, 3, 4, 5])
    graph = networkx.Graph()
    graph.add_weighted_edges_from(zip(link_i, link_j, conductance))
    resistance = networkx.resistance_distance(graph, 0, 3, weight="weight", invert_weight=False)
    between = factor(symbolic, conductance).terminal_conductance[0, 1]
    assert between == pytest.approx(1 / resistance, rel=1e-13)


@pytest.mark.parametrize("period", [None, (0.0, 12.0)])
def test_a_ring_is_opened_and_threads_do_not_matter(period, monkeypatch):
    monkeypatch.setattr("hopnet.elimination.dissection.SERIAL_SITES", 100)
    monkeypatch.setattr("hopnet.elimination.symbolic.SERIAL_SITES", 100)
    link_i, link_j, position = lattice(40, 12)
    if period:
        bottom = np.arange(40)
        link_i = np.concatenate([link_i, bottom])
        link_j = np.concatenate([link_j, bottom + 440])
    conductance = 10.0 ** np.random.default_rng(5).uniform(-30, 0, len(link_i))
    rhs = np.random.default_rng(6).normal(size=480)
    rhs -= rhs.mean()
    answers = []
    for threads in (1, 2, 3):
        order = dissect_graph(link_i, link_j, position, period=period, leaf_size=8, threads=threads)
        symbolic = analyse(order, link_i, link_j)
        assert len(symbolic.groups[0]) >= 4
        factored = factor(symbolic, conductance, 1e-4, threads=threads)
        drop = factored.link_drops(len(link_i), rhs=rhs)
        answers.append((order.permutation, factored.solve(rhs), drop))
    for other in answers[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(answers[0], other))
    x, drop = answers[0][1:]
    assert np.abs(x[link_i] - x[link_j] - drop).max() < 1e-10 * np.abs(x).max()
    residual = np.bincount(link_i, conductance * drop, 480)
    residual -= np.bincount(link_j, conductance * drop, 480)
    residual += 1e-4 * x - rhs
    assert np.abs(residual).max() < 1e-12


def test_without_excess_each_cluster_is_solved_up_to_a_constant():
    link_i, link_j, position = lattice(6, 1)
    keep = link_i != 2  # leaves two clusters of three sites
    link_i, link_j = link_i[keep], link_j[keep]
    rhs = np.array([1.0, 0, -1, 2, -1, -1])
    factored = factor(
        analyse(dissect_graph(link_i, link_j, position), link_i, link_j), np.ones(4), 0.0
    )
    x = factored.solve(rhs)
    np.testing.assert_allclose(x[:2] - x[1:3], [1, 1])
    np.testing.assert_allclose(x[3:5] - x[4:], [2, 1])
    np.testing.assert_allclose(factored.link_drops(4, rhs=rhs), [1, 1, 2, 1])


def test_inverse_of_a_positive_source_is_accurate_entry_by_entry():
    """Entries that span 48 decades have relative errors below 1e-13."""
    n = 30
    link_i, link_j = np.arange(n - 1), np.arange(1, n)
    position = np.stack([np.arange(n), np.zeros(n)], axis=1).astype(float)
    conductance = 10.0 ** np.random.default_rng(8).uniform(-12, 0, n - 1)
    excess = 10.0 ** np.random.default_rng(9).uniform(-6, 0, n)
    factored = factor(
        analyse(dissect_graph(link_i, link_j, position, leaf_size=4), link_i, link_j),
        conductance,
        excess,
    )
    rhs = np.zeros(n)
    rhs[0] = 1.0
    with mpmath.workdps(120):
        matrix = mpmath.zeros(n)
        for l in range(n - 1):
            g = mpmath.mpf(conductance[l])
            for a, b in ((l, l + 1), (l + 1, l)):
                matrix[a, a] += g
                matrix[a, b] -= g
        for k in range(n):
            matrix[k, k] += mpmath.mpf(excess[k])
        exact = [float(v) for v in mpmath.lu_solve(matrix, mpmath.matrix(rhs.tolist()))]
    assert min(exact) < 1e-48 * max(exact)
    np.testing.assert_allclose(factored.solve(rhs), exact, rtol=1e-13)


@pytest.mark.parametrize(
    ("conductance", "excess"),
    [
        (-1.0, 0.0),
        (np.nan, 0.0),
        (1.0, -1e-9),
        (1.0, np.nan),
        (np.inf, 1.0),
    ],
)
def test_what_cannot_be_eliminated_is_refused(conductance, excess):
    link_i, link_j, position = lattice(3, 3)
    symbolic = analyse(dissect_graph(link_i, link_j, position), link_i, link_j)
    with pytest.raises(ParameterError, match="finite and not negative"):
        factor(symbolic, np.full(len(link_i), conductance), excess)


def test_right_hand_side_of_another_graph_is_refused():
    link_i, link_j, position = lattice(3, 3)
    factored = factor(
        analyse(dissect_graph(link_i, link_j, position), link_i, link_j), np.ones(12), 1.0
    )
    with pytest.raises(ParameterError, match="9 nodes"):
        factored.solve(np.ones(8))
