"""Kernels of the differences along a directed elimination, each against its plain twin."""

import numpy as np
import pytest
from hopnet.kernels import log_ratios as kernels

from hopnet.elimination.directed import factor_directed
from hopnet.elimination.dissection import dissect_graph
from hopnet.elimination.symbolic import analyse
from twins import directed as plain
from twins import log_ratios as twin

pytestmark = pytest.mark.kernel

VOLTAGE = 1.5


@pytest.fixture(params=[3, 200])
def chain(request):
    """A reversible chain between two terminals, its factor, and its dense weights by rank."""
    rng = np.random.default_rng(8)
    n = 40
    position = rng.random((n, 2))
    i, j = np.triu_indices(n, 1)
    near = np.hypot(*(position[i] - position[j]).T) < 0.4
    i, j = i[near], j[near]
    terminal = np.full(n, -1)
    terminal[2], terminal[5] = 0, 1
    log_n = rng.uniform(-3, 3, n)
    log_n[[2, 5]] = 0.0, VOLTAGE
    log_K = rng.uniform(-8, 0, i.size)
    going, coming = np.exp(log_K - log_n[i]), np.exp(log_K - log_n[j])
    e = analyse(dissect_graph(i, j, position, leaf_size=request.param), i, j, terminal)
    factored = factor_directed(e, going, coming, threads=1)
    rank = np.empty(n, np.int64)
    rank[e.node] = np.arange(e.node.size)
    rank[terminal >= 0] = e.node.size + terminal[terminal >= 0]
    dense = np.zeros((e.node.size + 3, e.node.size + 3))
    for l in range(i.size):
        if min(rank[i[l]], rank[j[l]]) < e.node.size:
            dense[rank[i[l]], rank[j[l]]] += going[l]
            dense[rank[j[l]], rank[i[l]]] += coming[l]
    w, v, pivot, _ = plain.factor_directed_fronts(dense, e.node.size)
    p = np.append(factored.occupation(np.zeros(n), np.ones(2))[e.node], [1.0, 1.0])
    by_rank = np.append(log_n[e.node], [0.0, VOLTAGE])
    cut = slice(0, e.node.size)
    return e, factored, (w[cut, :-1], v[cut, :-1], pivot), p, by_rank


def edges_of(e, table):
    """The entries of a dense table on every edge, earlier end first."""
    f = e.fronts
    out = np.empty(e.edge_link.size)
    for t in range(f.left.size):
        first, last = f.front_start[t], f.front_start[t + 1]
        boundary = f.boundary[f.boundary_start[t] : f.boundary_start[t + 1]]
        column = np.concatenate([np.arange(first, last), boundary])
        for k in range(first, last):
            for edge in range(f.row_start[k], f.row_start[k + 1]):
                out[edge] = table[k, column[f.edge_column[edge]]]
    return out


def run(kernel, e, factored, vectors, framed, *, second):
    """The kernel on all fronts in one call."""
    fixed = kernels.Chain(factored.weights, *vectors)
    tables = np.full((len(framed), e.table_size), np.nan)
    for table, value in zip(tables, framed):
        kernels.fill_root_entries(e.fronts, value, e.table_start, table)
    out = np.empty(e.edge_link.size)
    for group in reversed(e.groups):
        for which in group:
            kernel(which, e.fronts, fixed, second, e.table_start, tables, out)
    return out


def frame(value):
    """Entries between terminals, with the ground behind them."""
    out = np.zeros((3, 3))
    out[:2, :2] = value
    return out


def test_log_ratios(chain, kernel_version):
    e, factored, (w, v, _), p, log_n = chain
    between = np.array([[0.0, VOLTAGE], [-VOLTAGE, 0.0]])
    expected = edges_of(e, twin.log_ratio_fronts(w, v, p, log_n, between))
    vectors = np.append(p, 0.0), np.append(log_n, 0.0), np.zeros(e.node.size)
    kernel = kernel_version(kernels.log_ratio_fronts)
    found = run(kernel, e, factored, vectors, [frame(between)], second=False)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
    u = p / np.exp(log_n)
    direct = edges_of(e, np.log(np.divide.outer(u, u)))
    np.testing.assert_allclose(found, direct, atol=1e-11)


def test_corrections(chain, kernel_version):
    e, factored, (w, _, _), p, log_n = chain
    source = np.random.default_rng(3).uniform(-1, 1, e.node.size)
    u = p / np.exp(log_n)
    du = np.array([0.3, -0.1])
    expected = edges_of(e, twin.correction_fronts(w, p, log_n, source, du))
    between = np.array([[0.0, VOLTAGE], [-VOLTAGE, 0.0]])
    given = np.subtract.outer(du, du) / np.maximum.outer(u[-2:], u[-2:])
    vectors = np.append(p, 0.0), np.append(log_n, 0.0), source
    kernel = kernel_version(kernels.log_ratio_fronts)
    found = run(kernel, e, factored, vectors, [frame(between), frame(given)], second=True)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-10)


def test_changes(chain, kernel_version):
    e, factored, (_, v, _), _, _ = chain
    n = e.node.size
    source = np.random.default_rng(4).uniform(-1, 1, n)
    table = twin.change_fronts(v, source, np.zeros(2))
    expected = edges_of(e, table)
    q = np.append(-table[n, :n], np.zeros(3))
    excess = v.sum(axis=1) - 1.0
    fixed = kernels.Chain(factored.weights, q, q, source)
    own = np.full(e.table_size, np.nan)
    kernels.fill_root_entries(e.fronts, np.zeros((3, 3)), e.table_start, own)
    out = np.empty(e.edge_link.size)
    kernel = kernel_version(kernels.change_fronts)
    for group in reversed(e.groups):
        for which in group:
            kernel(which, e.fronts, fixed, excess, e.table_start, own, out)
    np.testing.assert_allclose(out, expected, rtol=1e-9, atol=1e-10)


def test_the_root_holds_what_is_known_between_terminals(chain, kernel_version):
    e = chain[0]
    value = np.arange(9.0).reshape(3, 3)
    table = np.full(e.table_size, np.nan)
    kernel_version(kernels.fill_root_entries)(e.fronts, value, e.table_start, table)
    root = e.fronts.left.size - 1
    n_pivots = e.fronts.front_start[-1] - e.fronts.front_start[-2]
    m = n_pivots + e.fronts.boundary_start[-1] - e.fronts.boundary_start[-2]
    start = e.table_start[root]
    own = table[start : start + m * m].reshape(m, m)
    np.testing.assert_array_equal(
        own[n_pivots:, n_pivots:], twin.fill_root_entries(e.fronts, value)
    )
