"""The order and the multifrontal kernels against dense, one-site-at-a-time twins."""

import itertools

import numpy as np
import pytest
from hopnet.kernels import dissection as cuts
from hopnet.kernels import elimination as kernels
from hopnet.kernels import neighbours
from hopnet.kernels import symbolic as symbolic_kernels

from hopnet.elimination.dissection import dissect_graph
from hopnet.elimination.symbolic import analyse
from twins import dissection as cut_twin
from twins import elimination as twin
from twins import neighbours as neighbour_twin
from twins import symbolic as symbolic_twin

pytestmark = pytest.mark.kernel


def version(kernel, plain):
    return getattr(kernel, "py_func", kernel) if plain else kernel


def sample(n, seed, radius=2.2, side=10.0):
    position = np.random.default_rng(seed).uniform(0, side, (n, 2))
    pairs = neighbour_twin.fill_neighbours(position, (0, 0), radius)
    link_i = np.array([i for i, _ in pairs], dtype=np.int64)
    link_j = np.array([j for _, j in pairs], dtype=np.int64)
    return position, link_i, link_j


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize(
    ("n", "seed", "leaf", "half_width"),
    [
        (0, 1, 4, 9.0),
        (1, 2, 4, 9.0),
        (120, 3, 8, 9.0),
        (120, 4, 4, 0.4),
        (90, 5, 1, 2.0),
    ],
)
def test_cuts_separate_and_are_minimal(n, seed, leaf, half_width, plain):
    position, link_i, link_j = sample(n, seed)
    x, y = position.T.copy()
    start, neighbour = np.empty(n + 1, np.int64), np.empty(2 * len(link_i), np.int64)
    neighbours.fill_rows(link_i, link_j, start, neighbour, neighbour.copy())
    rows = [set(neighbour[start[v] : start[v + 1]]) for v in range(n)]
    longest_x = np.abs(x[link_i] - x[link_j]).max(initial=0)
    longest_y = np.abs(y[link_i] - y[link_j]).max(initial=0)
    permutation, tag = np.arange(n), np.full(n, -1)
    record = np.full((2 * n + 1, 4), -7)
    count = version(cuts.dissect, plain)(
        start,
        neighbour,
        x,
        y,
        longest_x,
        longest_y,
        half_width,
        leaf,
        0,
        n,
        0.0,
        n + 1,
        permutation,
        tag,
        0,
        record,
    )
    assert sorted(permutation) == list(range(n))
    splits = 0
    for low, begin, high, unsplit in record[:count]:
        assert unsplit == 0
        if begin == low:
            degrees = [len(rows[v]) for v in permutation[low:high]]
            assert high - low > leaf or degrees == sorted(degrees)
            continue
        splits += 1
        children = [r for r in record[:count] if low <= r[0] and r[2] <= begin]
        middle = max(r[2] for r in children if r[0] == low and r[2] < begin)
        left = set(permutation[low:middle])
        right = set(permutation[middle:begin])
        assert left
        assert right
        assert not any(rows[v] & right for v in left), "a link jumps over the cut"
        region = sorted(permutation[low:high])
        along_x = np.ptp(x[region]) >= np.ptp(y[region])
        axis, longest = (x, longest_x) if along_x else (y, longest_y)
        assert high - begin == cut_twin.dissect(rows, axis, region, longest, half_width)
    assert splits > n // 20 or n < 2


def analysed(n, seed, n_terminals=0, left_out=0, leaf=6):
    position, link_i, link_j = sample(n, seed)
    terminal = np.full(n, -1)
    if n_terminals:
        terminal[position[:, 0] < 1.5] = 0
        terminal[position[:, 0] > 8.5] = 1
    terminal[np.flatnonzero(terminal == -1)[:left_out]] = -2
    dissection = dissect_graph(link_i, link_j, position, leaf_size=leaf)
    symbolic = analyse(dissection, link_i, link_j, terminal)
    place = np.where(terminal >= 0, len(symbolic.node) + terminal, -1)
    place[symbolic.node] = np.arange(len(symbolic.node))
    return symbolic, place, link_i, link_j


@pytest.mark.parametrize("plain", [False, True])
def test_boundaries_outgrow_the_first_guess(plain):
    """Everybody linked with everybody, one site a front: n^2 / 2 entries, twice four a site."""
    n = 30
    rows = [[(q, 0) for q in range(k + 1, n)] for k in range(n)]
    tree = np.arange(n + 1), np.arange(n) - 1, np.full(n, -1)
    row_start = np.cumsum([0, *map(len, rows)])
    neighbour = np.array([q for row in rows for q, _ in row])
    start = np.empty(n + 1, np.int64)
    boundary = version(symbolic_kernels.find_boundary, plain)(*tree, row_start, neighbour, n, start)
    assert len(boundary) == n * (n + 1) // 2 > 2 * (4 * n + n + 1)
    expected = symbolic_twin.find_boundary(*tree, rows, n)
    assert [list(boundary[a:b]) for a, b in itertools.pairwise(start)] == expected


SAMPLES = [(70, 21, 0, 0), (70, 22, 2, 0), (70, 23, 2, 5), (3, 24, 0, 0), (25, 25, 2, 3)]


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("case", SAMPLES)
def test_symbolic_analysis(case, plain):
    symbolic, place, link_i, link_j = analysed(*case)
    fronts, n = symbolic.fronts, len(symbolic.node)
    ground = n + symbolic.n_terminals
    rows = symbolic_twin.fill_edges(place, link_i, link_j, n)
    row_start, neighbour = np.empty(n + 1, np.int64), np.empty(len(link_i), np.int64)
    link = np.empty_like(neighbour)
    fill_edges = version(symbolic_kernels.fill_edges, plain)
    sign = np.empty(len(link_i))
    fill_edges(place, link_i, link_j, n, row_start, neighbour, link, sign)
    for k, row in enumerate(rows):
        own = slice(row_start[k], row_start[k + 1])
        assert list(zip(neighbour[own], link[own])) == row
        assert list(sign[own]) == [1.0 if place[link_i[l]] == k else -1.0 for _, l in row]

    tree = (fronts.front_start, fronts.left, fronts.right)
    expected = symbolic_twin.find_boundary(*tree, rows, ground)
    start = np.empty(len(fronts.left) + 1, np.int64)
    boundary = version(symbolic_kernels.find_boundary, plain)(
        *tree, row_start, neighbour, ground, start
    )
    assert [list(boundary[a:b]) for a, b in itertools.pairwise(start)] == expected

    parent_column, edge_column = np.full(start[-1], -1), np.empty(row_start[-1], np.int64)
    version(symbolic_kernels.fill_columns, plain)(
        *tree, row_start, neighbour, start, boundary, parent_column, edge_column
    )
    expected_parent, expected_edge = symbolic_twin.fill_columns(fronts, rows)
    assert list(edge_column) == expected_edge
    assert all(a == b for a, b in zip(parent_column, expected_parent) if b is not None)

    first, work = np.empty(len(fronts.left), np.int64), np.empty(len(fronts.left))
    version(symbolic_kernels.sum_subtrees, plain)(
        fronts.left, fronts.right, fronts.front_start, start, first, work
    )
    expected_first, expected_work = symbolic_twin.sum_subtrees(
        fronts.left, fronts.right, fronts.front_start, start
    )
    assert list(first) == expected_first
    np.testing.assert_allclose(work, expected_work)

    everything = np.arange(len(fronts.left))
    for reuse in (True, False):
        place_of = np.empty(len(fronts.left), np.int64)
        stack = version(symbolic_kernels.place_contributions, plain)
        end = stack(everything, fronts, reuse, 5, place_of)
        alive = symbolic_twin.place_contributions(everything, fronts, place_of)
        assert place_of.min() == 5
        assert end >= max(b for _, b in alive.values())
        end = version(symbolic_kernels.place_tables, plain)(everything, fronts, reuse, 5, place_of)
        blocks = symbolic_twin.place_tables(set(everything), fronts, place_of)
        assert end == max(b for _, b in blocks)


# a compiled kernel has its panel width frozen in; the plain one shows that no width matters
@pytest.mark.parametrize(("plain", "panel"), [(False, 32), (True, 1), (True, 4), (True, 32)])
@pytest.mark.parametrize("case", SAMPLES)
def test_numbers(case, panel, plain, monkeypatch):
    if plain:
        monkeypatch.setattr(kernels, "PANEL", panel)
        monkeypatch.setattr(kernels, "SMALL", 6 * (panel > 1))
        for helper in ("_eliminate", "_add_products", "_add_products_by_blas", "_extend_table"):
            monkeypatch.setattr(kernels, helper, version(getattr(kernels, helper), True))
    symbolic, place, link_i, link_j = analysed(*case)
    fronts, n = symbolic.fronts, len(symbolic.node)
    rows = symbolic_twin.fill_edges(place, link_i, link_j, n)
    rng = np.random.default_rng(case[1])
    conductance = 10.0 ** rng.uniform(-20, 0, len(link_i))
    shift = 10.0 ** rng.uniform(-20, 0, n) * (rng.uniform(size=n) < 0.3)
    everything = np.arange(len(fronts.left))

    weight, pivot = np.zeros(symbolic.n_entries), np.empty(n)
    version(kernels.factor_fronts, plain)(
        everything,
        fronts,
        conductance[symbolic.edge_link],
        shift,
        1e-150,
        symbolic.contribution_start,
        np.empty(symbolic.contribution_size),
        weight,
        pivot,
    )
    columns = n + symbolic.n_terminals + 1
    expected, expected_pivot, _ = twin.factor_fronts(n, columns, rows, conductance, shift)
    np.testing.assert_allclose(pivot, expected_pivot, rtol=1e-13)
    dense = np.zeros((n, columns))
    for t in everything:
        own = symbolic_twin.columns_of(fronts, t)
        pivots = range(fronts.front_start[t], fronts.front_start[t + 1])
        table = weight[fronts.weight_start[t] : fronts.weight_start[t + 1]]
        for row, k in zip(table.reshape(len(pivots), len(own)), pivots):
            dense[k, own[k - pivots[0] + 1 :]] = row[k - pivots[0] + 1 :]
    np.testing.assert_allclose(dense, expected, rtol=1e-13)

    b = rng.normal(size=(n, 2))
    x = np.zeros((columns, 2))
    x[:n] = b
    version(kernels.forward_fronts, plain)(
        everything, fronts, weight, x, np.empty((len(fronts.boundary), 2))
    )
    passed = np.stack([twin.forward_fronts(expected, column) for column in b.T], axis=1)
    np.testing.assert_allclose(x[:n], passed, rtol=1e-9, atol=1e-12)
    version(kernels.backward_fronts, plain)(everything, fronts, weight, pivot, x)
    for r in range(2):
        solution = twin.backward_fronts(expected, expected_pivot, passed[:, r])
        np.testing.assert_allclose(x[:n, r], solution, rtol=1e-6, atol=1e-6 * abs(solution).max())

    source = rng.normal(size=n) * 1e-3
    fixed = np.append(rng.normal(size=symbolic.n_terminals), 0.0)
    table = np.zeros(symbolic.table_size)
    root = len(fronts.left) - 1
    own = symbolic_twin.columns_of(fronts, root)
    m, n_pivots = len(own), fronts.front_start[root + 1] - fronts.front_start[root]
    value = fixed[np.array(own[n_pivots:], dtype=int) - n]
    begin = symbolic.table_start[root]
    square = table[begin : begin + m * m].reshape(m, m)
    square[n_pivots:, n_pivots:] = np.subtract.outer(value, value)
    edge_drop = np.empty(len(symbolic.edge_link))
    version(kernels.drop_fronts, plain)(
        everything, fronts, weight, source, symbolic.table_start, table, edge_drop
    )
    differences = twin.drop_fronts(expected, source, fixed)
    along = [differences[k, q] for k, row in enumerate(rows) for q, _ in row]
    np.testing.assert_allclose(edge_drop, along, rtol=1e-9, atol=1e-14)
