"""Cluster and backbone kernels against their twins."""

import numpy as np
import pytest
from hopnet.kernels import backbone as searches
from hopnet.kernels import clusters as kernels

from twins import backbone as searches_twin
from twins import clusters as twin

pytestmark = pytest.mark.kernel

PERIODS = [
    (0.0, 0.0),
    (0.0, 10.0),
    (10.0, 10.0),
    (0.0, 0.0, 0.0),
    (0.0, 10.0, 10.0),
    (10.0, 10.0, 10.0),
]


def both(module, name):
    kernel = getattr(module, name)
    plain = getattr(kernel, "py_func", kernel)
    return pytest.mark.parametrize("kernel", [kernel, plain], ids=["as built", "plain"])


def sample(n, seed, period, radius=3.2):
    """Positions, sorted links i < j within a radius, their conductances and seams."""
    generator = np.random.default_rng(seed)
    position = generator.uniform(0, 10, (n, len(period)))
    i, j = np.triu_indices(n, 1)
    seam = twin.fill_seams(position, np.array(period), i, j)
    length = np.linalg.norm(position[j] + seam * period - position[i], axis=1)
    near = length < radius * (1.0 if len(period) == 2 else 1.4)
    i, j, seam, length = i[near], j[near], seam[near], length[near]
    if n:
        length = np.round(length, 1)  # ties
    return position, i, j, seam, -2.0 * length


def start(n, seam):
    return np.full(n, -1), np.zeros((n if seam.size else 0, seam.shape[1]), np.int64)


def empty_events(dim):
    return np.empty((2 * dim + 1, dim + 1), np.int64)


@both(kernels, "fill_seams")
@pytest.mark.parametrize("period", PERIODS)
def test_fill_seams(kernel, period):
    position, i, j, seam, _ = sample(14, 3, period, radius=20.0)
    out = np.full((i.size, len(period)), 7)
    kernel(position, period, i, j, out)
    np.testing.assert_array_equal(out, seam)
    assert np.any(out) == any(period)


@both(kernels, "fill_candidates")
@pytest.mark.parametrize("period", PERIODS)
@pytest.mark.parametrize(
    ("n", "seed", "block", "n_parts"),
    [(0, 1, 4, 2), (2, 4, 4, 3), (24, 5, 8, 1), (24, 6, 3, 4), (24, 7, 64, 2), (24, 8, 24, 7)],
)
def test_fill_candidates(kernel, period, n, seed, block, n_parts):
    _, i, j, seam, conductance = sample(n, seed, period)
    seamless = ~seam.any(axis=1) if any(period) else np.empty(0, np.bool_)
    out = np.empty(i.size, np.int64)
    kept = kernel(i, j, conductance, seamless, block, n_parts, out)
    expected = twin.fill_candidates(i, j, conductance, seamless, block)
    assert list(out[:kept]) == expected
    assert block < 8 or kept < i.size


KEYS = {
    "random": np.random.default_rng(2).normal(size=300),
    "equal": np.zeros(200),
    "ties": np.random.default_rng(3).integers(0, 5, 300).astype(float),
    "outlier": np.concatenate([[1e9], np.random.default_rng(4).normal(size=200), [-1e12]]),
    "tiny": np.array([3.0, 3.0 + 1e-15, 3.0]),
    "one": np.array([1.0]),
    "none": np.empty(0),
}


@both(kernels, "fill_order")
@pytest.mark.parametrize("name", list(KEYS))
def test_fill_order(kernel, name):
    conductance = KEYS[name]
    candidate = np.arange(0, conductance.size, 2 if conductance.size > 3 else 1)
    out = np.empty(candidate.size, np.int64)
    kernel(candidate, conductance, out)
    assert list(out) == twin.fill_order(list(candidate), conductance)


def in_order(n, seed, period, radius=3.2):
    position, i, j, seam, conductance = sample(n, seed, period, radius)
    order = np.argsort(-conductance, kind="stable")
    return position, i[order], j[order], seam[order] if any(period) else seam[:0]


@both(kernels, "find_events")
@pytest.mark.parametrize("period", PERIODS)
@pytest.mark.parametrize(("n", "seed"), [(0, 1), (1, 1), (2, 4), (22, 5), (22, 6), (22, 8)])
def test_find_events(kernel, period, n, seed):
    _, i, j, seam = in_order(n, seed, period, radius=4.6)
    contact = np.zeros(n, np.int64)
    contact[:2], contact[n - 2 :] = 1, 2
    parent, shift = start(n, seam)
    dim = len(period)
    event = empty_events(dim)
    kernel(i, j, seam, contact.copy(), period, len(event), parent, shift, event)
    expected = twin.find_events(i, j, seam, contact)
    assert event[:, 0].tolist() == [row[0] for row in expected]
    loop = expected[1][1:]  # a later loop may differ by a multiple of the first
    assert event[1, 1:].tolist() in (loop, [-w for w in loop])
    for axis in range(dim):
        assert event[2 + axis, 0] < 0 or event[2 + axis, 1 + axis] != 0
    for rank in range(2, dim + 1):
        loops = event[[1, *range(dim + 2, dim + rank + 1)], 1:]
        assert event[dim + rank, 0] < 0 or np.linalg.matrix_rank(loops) == rank
    for stop in range(len(event)):
        parent, shift = start(n, seam)
        part = empty_events(dim)
        kernel(i, j, seam, contact.copy(), period, stop, parent, shift, part)
        assert part[stop, 0] == event[stop, 0]


@both(kernels, "sweep_merges")
@pytest.mark.parametrize("period", PERIODS)
@pytest.mark.parametrize(("n", "seed"), [(0, 1), (1, 1), (2, 4), (18, 5), (18, 6)])
def test_sweep_merges(kernel, period, n, seed):
    position, i, j, seam = in_order(n, seed, period)
    contact = np.zeros(n, np.int64)
    contact[:2], contact[n - 2 :] = 1, 2
    parent, shift = start(n, seam)
    dim = len(period)
    event, merge = empty_events(dim), np.empty(n, np.int64)
    count, moment = np.empty((n, 3), np.int64), np.empty((n, 3))
    k = kernel(
        i,
        j,
        seam,
        position,
        period,
        contact.copy(),
        parent,
        shift,
        kernels.Merges(np.empty((n, dim)), np.empty(n), event, merge, count, moment),
    )
    expected = twin.sweep_merges(i, j, seam, position, np.array(period))
    assert k == len(expected)
    for row, (link, partners, clusters) in enumerate(expected):
        assert merge[row] == link
        assert sorted(count[row, :2]) == partners
        assert count[row, 2] == clusters[0][0]
        square = sum(s * s for s, _ in clusters)
        assert moment[row, 0] == square - clusters[0][0] ** 2
        weighted = sum(s * spread for s, spread in clusters)
        # Of several largest clusters any may be left out of the sum: add the one left out.
        rest = moment[row, 1] + clusters[0][0] * moment[row, 2]
        assert rest == pytest.approx(weighted, rel=1e-10, abs=1e-10)
    parent, shift = start(n, seam)
    alone = empty_events(dim)
    kernels.find_events(i, j, seam, contact.copy(), period, len(alone), parent, shift, alone)
    np.testing.assert_array_equal(event, alone)


@both(kernels, "fill_labels")
def test_fill_labels(kernel):
    for parent in ([], [-1], [2, -2, 3, -4, 1, 2], [1, 2, 3, 4, -5]):
        out = np.empty(len(parent), np.int64)
        expected = twin.fill_labels(parent)
        assert kernel(np.array(parent, np.int64), out) == len(set(expected))
        assert out.tolist() == expected


@both(kernels, "count_sizes")
def test_count_sizes(kernel):
    count = np.array([[1, 1, 2], [2, 1, 3], [1, 1, 3], [3, 2, 5], [5, 1, 6]])
    row = np.array([0, 1, 1, 3, 5])
    out = np.empty((5, 3), np.int64)
    kernel(count, row, 7, out)
    np.testing.assert_array_equal(out, twin.count_sizes(count.tolist(), row, 7, 3))


def graph(n, n_links, seed):
    """Rows of a random graph with repeated links: as arrays and as lists of (node, link)."""
    generator = np.random.default_rng(seed)
    ends = generator.integers(0, n, (3 * n_links, 2))
    ends = ends[ends[:, 0] != ends[:, 1]][:n_links]
    rows = [[] for _ in range(n)]
    for l, (a, b) in enumerate(ends.tolist()):
        rows[a].append((b, l))
        rows[b].append((a, l))
    first = np.cumsum([0] + [len(row) for row in rows])
    flat = np.array([pair for row in rows for pair in row], np.int64).reshape(-1, 2)
    return rows, (first, flat[:, 0].copy(), flat[:, 1].copy())


GRAPHS = [(1, 0, 1), (2, 1, 1), (2, 2, 2), (12, 11, 3), (12, 14, 4), (12, 16, 5), (12, 25, 6)]


@both(searches, "depth_first")
@pytest.mark.parametrize("shape", GRAPHS)
def test_depth_first(kernel, shape):
    rows, arrays = graph(*shape)
    number, low, parent, parent_link, visited = np.full((5, shape[0]), -7)
    n = kernel(*arrays, 0, number, low, parent, parent_link, visited)
    expected = searches_twin.depth_first(rows, 0)
    assert visited[:n].tolist() == expected[4]
    for found, wanted in zip((number, low, parent, parent_link), expected):
        assert {v: int(found[v]) for v in expected[4]} == wanted
    assert np.flatnonzero(number >= 0).tolist() == sorted(expected[4])


@both(searches, "mark_block")
@pytest.mark.parametrize("shape", GRAPHS[1:])
def test_mark_block(kernel, shape):
    rows, arrays = graph(*shape)
    number, low, parent, parent_link, visited = np.empty((5, shape[0]), np.int64)
    marked = []
    for root in [u for u in range(shape[0]) if rows[u]]:
        n = searches.depth_first(*arrays, root, number, low, parent, parent_link, visited)
        out = np.empty(shape[0], np.bool_)
        kernel(visited, n, number, low, parent, out)
        assert out.tolist() == searches_twin.mark_block(rows, root, int(visited[1]))
        marked.append(out.sum())
    assert min(marked) >= 2


@both(searches, "breadth_first")
@pytest.mark.parametrize("shape", GRAPHS)
def test_breadth_first(kernel, shape):
    rows, arrays = graph(*shape)
    level, parent, parent_link = np.empty((3, shape[0]), np.int64)
    kernel(*arrays, 0, level, parent, parent_link)
    assert level.tolist() == searches_twin.breadth_first(rows, 0)
    for v in range(shape[0]):
        if level[v] > 0:
            assert level[parent[v]] == level[v] - 1
            assert (parent[v], parent_link[v]) in rows[v]
        else:
            assert parent[v] == parent_link[v] == -1


def random_rows(n, n_links, seed):
    """Rows of a random graph without double links, as lists and as (start, neighbour)."""
    pairs = np.random.default_rng(seed).integers(0, max(n, 1), (n_links, 2))
    pairs = np.unique(np.sort(pairs[pairs[:, 0] != pairs[:, 1]], axis=1), axis=0)
    rows = [[] for _ in range(n)]
    for i, j in pairs.tolist():
        rows[i].append(j)
        rows[j].append(i)
    start = np.cumsum([0, *map(len, rows)])
    return rows, start, np.array([j for row in rows for j in row], np.int64)


@both(searches, "fill_clusters")
@pytest.mark.parametrize("case", [(0, 0), (1, 0), (30, 10), (30, 25), (30, 80)])
def test_fill_clusters(kernel, case):
    rows, start, neighbour = random_rows(*case, seed=sum(case))
    out = np.full(case[0], 7)
    count = kernel(start, neighbour, out)
    assert list(out) == searches_twin.fill_clusters(rows)
    assert count == (out.max() + 1 if out.size else 0)


@both(searches, "mark_paths")
@pytest.mark.parametrize("seed", range(12))
def test_mark_paths(kernel, seed):
    n = 24
    rows, start, neighbour = random_rows(n, 16 + 2 * seed, seed)
    contact = np.full(n, -1)
    contact[:3], contact[-3:] = 0, 1  # seeds without a path between them are among these
    at_contact = tuple(
        np.array([j for i in np.flatnonzero(contact == c) for j in rows[i] if contact[j] < 0], int)
        for c in (0, 1)
    )
    out = np.ones(n, np.bool_)
    kernel(start, neighbour, contact, at_contact, out)
    assert list(out) == searches_twin.mark_paths(rows, contact)
