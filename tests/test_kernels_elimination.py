"""Kernels of the order, the symbolic analysis and the factor, against dense twins."""

import itertools
from typing import NamedTuple

import numpy as np
import pytest
from hopnet.kernels import dissection as dissection_kernels
from hopnet.kernels import elimination as elimination_kernels
from hopnet.kernels import neighbours as neighbour_kernels
from hopnet.kernels import symbolic as symbolic_kernels

from hopnet.elimination.dissection import dissect_graph
from hopnet.elimination.symbolic import Elimination, analyse
from twins import dissection as dissection_twin
from twins import elimination as elimination_twin
from twins import neighbours as neighbour_twin
from twins import symbolic as symbolic_twin

pytestmark = pytest.mark.kernel


def random_graph(n, seed, dim=2, side=10.0):
    """Positions in a square or a cube; all pairs closer than 2.2 (in space 3.4) are linked."""
    position = np.random.default_rng(seed).uniform(0, side, (n, dim))
    pairs = neighbour_twin.fill_neighbours(position, (0,) * dim, 2.2 if dim == 2 else 3.4)
    link_i = np.array([i for i, _ in pairs], dtype=np.int64)
    link_j = np.array([j for _, j in pairs], dtype=np.int64)
    return position, link_i, link_j


@pytest.mark.parametrize(
    ("n", "seed", "leaf", "half_width", "dim"),
    [
        (0, 1, 4, 9.0, 2),
        (1, 2, 4, 9.0, 3),
        (120, 3, 8, 9.0, 2),
        (120, 4, 4, 0.4, 2),
        (90, 5, 1, 2.0, 2),
        (160, 6, 8, 9.0, 3),
        (120, 7, 4, 0.4, 3),
    ],
)
def test_cuts_separate_and_are_minimal(n, seed, leaf, half_width, dim, kernel_version):
    position, link_i, link_j = random_graph(n, seed, dim)
    coordinate = position.T.copy()
    start, neighbour = np.empty(n + 1, np.int64), np.empty(2 * len(link_i), np.int64)
    neighbour_kernels.fill_rows(link_i, link_j, start, neighbour, neighbour.copy())
    rows = [set(neighbour[start[v] : start[v + 1]]) for v in range(n)]
    steps = np.abs(coordinate[:, link_i] - coordinate[:, link_j])
    longest = tuple(float(step.max(initial=0)) for step in steps)
    permutation, tag = np.arange(n), np.full(n, -1)
    record = np.full((2 * n + 1, 4), -7)
    ring = (0.0,) * len(longest)
    graph = dissection_kernels.Graph(
        start, neighbour, coordinate.copy(), longest, ring, half_width, leaf
    )
    region = dissection_kernels.Region(0, n, 0, n + 1, 0)
    dissect = kernel_version(dissection_kernels.dissect)
    count = dissect(graph, region, permutation, tag, record)
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
        assert not any(rows[v] & right for v in left), "a link crosses the cut"
        members = sorted(permutation[low:high])
        axis = int(np.argmax(np.ptp(coordinate[:, members], axis=1)))
        expected = dissection_twin.dissect(
            rows, coordinate[axis], members, longest[axis], half_width
        )
        assert high - begin == expected
    assert splits > n // 20 or n < 2


class Case(NamedTuple):
    """A graph with its symbolic analysis and its rows by rank."""

    symbolic: Elimination
    rank: np.ndarray
    link_i: np.ndarray
    link_j: np.ndarray
    rows: list

    @property
    def every_front(self):
        return np.arange(len(self.symbolic.fronts.left))


def analysed(n, seed, n_terminals=0, left_out=0, leaf=6):
    position, link_i, link_j = random_graph(n, seed)
    terminal = np.full(n, -1)
    if n_terminals:
        terminal[position[:, 0] < 1.5] = 0
        terminal[position[:, 0] > 8.5] = 1
    terminal[np.flatnonzero(terminal == -1)[:left_out]] = -2
    dissection = dissect_graph(link_i, link_j, position, leaf_size=leaf)
    symbolic = analyse(dissection, link_i, link_j, terminal)
    rank = np.where(terminal >= 0, len(symbolic.node) + terminal, -1)
    rank[symbolic.node] = np.arange(len(symbolic.node))
    rows = symbolic_twin.fill_edges(rank, link_i, link_j, len(symbolic.node))
    return Case(symbolic, rank, link_i, link_j, rows)


def test_boundaries_larger_than_the_memory_first_taken(kernel_version):
    """In a complete graph the boundaries need more memory than the kernel allocates at first."""
    n = 30
    rows = [[(q, 0) for q in range(k + 1, n)] for k in range(n)]
    tree = np.arange(n + 1), np.arange(n) - 1, np.full(n, -1)
    row_start = np.cumsum([0, *map(len, rows)])
    neighbour = np.array([q for row in rows for q, _ in row])
    start = np.empty(n + 1, np.int64)
    find_boundary = kernel_version(symbolic_kernels.find_boundary)
    boundary = find_boundary(*tree, row_start, neighbour, n, start)
    assert len(boundary) == n * (n + 1) // 2 > 2 * (4 * n + n + 1)
    expected = symbolic_twin.find_boundary(*tree, rows, n)
    assert [list(boundary[a:b]) for a, b in itertools.pairwise(start)] == expected


SAMPLES = [(70, 21, 0, 0), (70, 22, 2, 0), (70, 23, 2, 5), (3, 24, 0, 0), (25, 25, 2, 3)]
each_sample = pytest.mark.parametrize("sample", SAMPLES)


def edges_of(case, fill_edges):
    """The edges of a case by the kernel ``fill_edges``."""
    n = len(case.symbolic.node)
    row_start, neighbour = np.empty(n + 1, np.int64), np.empty(len(case.link_i), np.int64)
    link, sign = np.empty_like(neighbour), np.empty(len(case.link_i))
    fill_edges(case.rank, case.link_i, case.link_j, n, row_start, neighbour, link, sign)
    return row_start, neighbour, link, sign


@each_sample
def test_edges(sample, kernel_version):
    case = analysed(*sample)
    fill_edges = kernel_version(symbolic_kernels.fill_edges)
    row_start, neighbour, link, sign = edges_of(case, fill_edges)
    for k, row in enumerate(case.rows):
        own = slice(row_start[k], row_start[k + 1])
        assert list(zip(neighbour[own], link[own])) == row
        earlier = [1.0 if case.rank[case.link_i[l]] == k else -1.0 for _, l in row]
        assert list(sign[own]) == earlier


@each_sample
def test_boundaries_and_columns(sample, kernel_version):
    case = analysed(*sample)
    fronts = case.symbolic.fronts
    ground = len(case.symbolic.node) + case.symbolic.n_terminals
    row_start, neighbour, _, _ = edges_of(case, symbolic_kernels.fill_edges)
    tree = (fronts.front_start, fronts.left, fronts.right)
    expected = symbolic_twin.find_boundary(*tree, case.rows, ground)
    start = np.empty(len(fronts.left) + 1, np.int64)
    find_boundary = kernel_version(symbolic_kernels.find_boundary)
    boundary = find_boundary(*tree, row_start, neighbour, ground, start)
    assert [list(boundary[a:b]) for a, b in itertools.pairwise(start)] == expected

    parent_column, edge_column = np.full(start[-1], -1), np.empty(row_start[-1], np.int64)
    kernel_version(symbolic_kernels.fill_columns)(
        *tree, row_start, neighbour, start, boundary, parent_column, edge_column
    )
    expected_parent, expected_edge = symbolic_twin.fill_columns(fronts, case.rows)
    assert list(edge_column) == expected_edge
    assert all(a == b for a, b in zip(parent_column, expected_parent) if b is not None)


@each_sample
def test_work_of_subtrees(sample, kernel_version):
    fronts = analysed(*sample).symbolic.fronts
    tree = fronts.left, fronts.right, fronts.front_start, fronts.boundary_start
    first, work = np.empty(len(fronts.left), np.int64), np.empty(len(fronts.left))
    kernel_version(symbolic_kernels.sum_subtrees)(*tree, first, work)
    expected_first, expected_work = symbolic_twin.sum_subtrees(*tree)
    assert list(first) == expected_first
    np.testing.assert_allclose(work, expected_work)


@pytest.mark.parametrize("reuse", [True, False])
@each_sample
def test_memory_of_fronts(sample, reuse, kernel_version):
    case = analysed(*sample)
    fronts, everything = case.symbolic.fronts, case.every_front
    begin = np.empty(len(fronts.left), np.int64)
    place_contributions = kernel_version(symbolic_kernels.place_contributions)
    end = place_contributions(everything, fronts, reuse, 5, begin)
    alive = symbolic_twin.place_contributions(everything, fronts, begin)
    assert begin.min() == 5
    assert end >= max(b for _, b in alive.values())
    place_tables = kernel_version(symbolic_kernels.place_tables)
    end = place_tables(everything, fronts, reuse, 5, begin)
    blocks = symbolic_twin.place_tables(set(everything), fronts, begin)
    assert end == max(b for _, b in blocks)


# Constants are fixed when a kernel is compiled. The plain versions of the kernels therefore show
# that the result does not depend on the panel width.
@pytest.fixture(params=[(False, 32), (True, 1), (True, 4), (True, 32)], ids=str)
def numerical_kernel(request, monkeypatch):
    """A function that returns a kernel, either compiled or plain with a given panel width."""
    plain, panel = request.param
    if not plain:
        return lambda name: getattr(elimination_kernels, name)

    def python(name):
        kernel = getattr(elimination_kernels, name)
        return getattr(kernel, "py_func", kernel)

    monkeypatch.setattr(elimination_kernels, "PANEL", panel)
    monkeypatch.setattr(elimination_kernels, "SMALL", 6 * (panel > 1))
    for helper in ("_eliminate", "_add_products", "_add_products_by_blas", "_extend_table"):
        monkeypatch.setattr(elimination_kernels, helper, python(helper))
    return python


class Numbers(NamedTuple):
    """The factor of a case by the kernel and by its twin."""

    weight: np.ndarray
    pivot: np.ndarray
    contribution: np.ndarray
    expected_weight: np.ndarray
    expected_pivot: np.ndarray
    expected_mesh: np.ndarray


def factored(case, seed, factor_fronts):
    """Random conductances of 20 decades and an excess at a third of the nodes, factored twice."""
    symbolic = case.symbolic
    n = len(symbolic.node)
    rng = np.random.default_rng(seed)
    conductance = 10.0 ** rng.uniform(-20, 0, len(case.link_i))
    excess = 10.0 ** rng.uniform(-20, 0, n) * (rng.uniform(size=n) < 0.3)
    weight, pivot = np.zeros(symbolic.n_entries), np.empty(n)
    contribution = np.empty(symbolic.contribution_size)
    factor_fronts(
        case.every_front,
        symbolic.fronts,
        conductance[symbolic.edge_link],
        excess,
        1e-150,
        symbolic.contribution_start,
        contribution,
        weight,
        pivot,
    )
    n_columns = n + symbolic.n_terminals + 1
    twin = elimination_twin.factor_fronts(n, n_columns, case.rows, conductance, excess)
    return Numbers(weight, pivot, contribution, *twin)


@each_sample
def test_factor(sample, numerical_kernel):
    case = analysed(*sample)
    fronts = case.symbolic.fronts
    numbers = factored(case, sample[1], numerical_kernel("factor_fronts"))
    np.testing.assert_allclose(numbers.pivot, numbers.expected_pivot, rtol=1e-13)
    dense = np.zeros_like(numbers.expected_weight)
    for t in case.every_front:
        own = symbolic_twin.columns_of(fronts, t)
        pivots = range(fronts.front_start[t], fronts.front_start[t + 1])
        table = numbers.weight[fronts.weight_start[t] : fronts.weight_start[t + 1]]
        for row, k in zip(table.reshape(len(pivots), len(own)), pivots):
            dense[k, own[k - pivots[0] + 1 :]] = row[k - pivots[0] + 1 :]
    np.testing.assert_allclose(dense, numbers.expected_weight, rtol=1e-13)


@each_sample
def test_mesh_between_terminals(sample, kernel_version):
    case = analysed(*sample)
    symbolic = case.symbolic
    numbers = factored(case, sample[1], elimination_kernels.factor_fronts)
    mesh = np.empty((symbolic.n_terminals + 1, symbolic.n_terminals + 1))
    fill_terminal_mesh = kernel_version(elimination_kernels.fill_terminal_mesh)
    fill_terminal_mesh(symbolic.fronts, symbolic.contribution_start, numbers.contribution, mesh)
    expected = elimination_twin.fill_terminal_mesh(numbers.expected_mesh, len(symbolic.node))
    np.testing.assert_allclose(mesh, expected, rtol=1e-12)


@each_sample
def test_forward_and_backward(sample, numerical_kernel):
    case = analysed(*sample)
    symbolic = case.symbolic
    fronts, n = symbolic.fronts, len(symbolic.node)
    numbers = factored(case, sample[1], numerical_kernel("factor_fronts"))
    b = np.random.default_rng(sample[1]).normal(size=(n, 2))
    x = np.zeros((n + symbolic.n_terminals + 1, 2))
    x[:n] = b
    numerical_kernel("forward_fronts")(
        case.every_front, fronts, numbers.weight, x, np.empty((len(fronts.boundary), 2))
    )
    expected = numbers.expected_weight
    passed = np.stack([elimination_twin.forward_fronts(expected, side) for side in b.T], axis=1)
    np.testing.assert_allclose(x[:n], passed, rtol=1e-9, atol=1e-12)
    numerical_kernel("backward_fronts")(case.every_front, fronts, numbers.weight, numbers.pivot, x)
    for r in range(2):
        solution = elimination_twin.backward_fronts(expected, numbers.expected_pivot, passed[:, r])
        np.testing.assert_allclose(x[:n, r], solution, rtol=1e-6, atol=1e-6 * abs(solution).max())


@each_sample
def test_drops(sample, numerical_kernel):
    case = analysed(*sample)
    symbolic = case.symbolic
    fronts, n = symbolic.fronts, len(symbolic.node)
    numbers = factored(case, sample[1], numerical_kernel("factor_fronts"))
    rng = np.random.default_rng(sample[1])
    source = rng.normal(size=n) * 1e-3
    fixed = np.append(rng.normal(size=symbolic.n_terminals), 0.0)
    table = np.zeros(symbolic.table_size)
    numerical_kernel("fill_root_table")(fronts, fixed, symbolic.table_start, table)
    root = len(fronts.left) - 1
    n_pivots = fronts.front_start[root + 1] - fronts.front_start[root]
    m = len(symbolic_twin.columns_of(fronts, root))
    begin = symbolic.table_start[root]
    square = table[begin : begin + m * m].reshape(m, m)
    expected = elimination_twin.fill_root_table(fronts, fixed)
    assert np.array_equal(square[n_pivots:, n_pivots:], expected)
    drop = np.zeros(symbolic.n_links)
    numerical_kernel("drop_fronts")(
        case.every_front,
        fronts,
        (symbolic.edge_link, symbolic.edge_sign),
        numbers.weight,
        source,
        fixed,
        symbolic.table_start,
        symbolic.subtree_tables,
        table[symbolic.subtree_tables :],
        drop,
    )
    edge_drop = drop[symbolic.edge_link] * symbolic.edge_sign
    differences = elimination_twin.drop_fronts(numbers.expected_weight, source, fixed)
    along = [differences[k, q] for k, row in enumerate(case.rows) for q, _ in row]
    np.testing.assert_allclose(edge_drop, along, rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("n_links", [0, 40])
def test_links_between_terminals(n_links, kernel_version):
    rng = np.random.default_rng(9)
    terminal = rng.integers(-2, 3, 12)
    link_i, link_j = rng.integers(0, 12, (2, n_links))
    expected = symbolic_twin.list_terminal_links(terminal, link_i, link_j)
    kernel = kernel_version(symbolic_kernels.list_terminal_links)
    out = np.full(n_links + 2, -7)
    assert kernel(terminal, link_i, link_j, out) == len(expected)
    assert list(out) == [*expected, *[-7] * (n_links + 2 - len(expected))]
    assert kernel(terminal, link_i, link_j, np.empty(0, np.int64)) == len(expected)


@pytest.mark.parametrize("ring", [(0.0, 0.0), (0.0, 10.0), (10.0, 10.0, 10.0)])
def test_longest_steps(ring, kernel_version):
    rng = np.random.default_rng(4)
    coordinate = rng.uniform(0, 10, (len(ring), 20))
    for n_links in (0, 30):
        link_i, link_j = rng.integers(0, 20, (2, n_links))
        out = np.full(len(ring), np.nan)
        kernel_version(dissection_kernels.fill_longest)(link_i, link_j, coordinate, ring, out)
        assert list(out) == dissection_twin.fill_longest(link_i, link_j, coordinate, ring)


def random_regions(low, high, rng):
    """Rows (low, begin, high) of nested regions in postorder."""
    n = high - low
    if n < 4:
        return [(low, low, high)]
    a = int(rng.integers(low + 1, high - 2))
    b = int(rng.integers(a + 1, high))
    parts = random_regions(low, a, rng) + random_regions(a, b, rng)
    return [*parts, (low, b, high)]


@pytest.mark.parametrize("n", [1, 5, 60])
def test_tree_of_regions(n, kernel_version):
    low, begin, high = np.array(random_regions(0, n, np.random.default_rng(n))).T.copy()
    left, right, parent = np.full((3, low.size), 7)
    kernel_version(dissection_kernels.join_regions)(low, begin, left, right, parent)
    assert list(parent) == dissection_twin.join_regions(low, high)
    for t in range(low.size):
        children = np.flatnonzero(parent == t)
        assert [left[t], right[t]] == (list(children) if children.size else [-1, -1])
