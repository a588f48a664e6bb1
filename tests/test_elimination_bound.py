"""The error bounds of docs/elimination.md hold on 200 random networks, by 80-digit arithmetic."""

import mpmath
import numpy as np
import pytest

from hopnet.elimination.dissection import dissect_graph
from hopnet.elimination.symbolic import analyse
from hopnet.elimination.symmetric import factor

EPS = 0.5 * np.finfo(float).eps


def random_network(seed):
    """Conductances over 40 decades, excess at some nodes, terminals 0 and 1, and side loops."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(6, 30))
    position = rng.random((n, 2))
    i, j = np.triu_indices(n, 1)
    near = np.argsort(np.hypot(*(position[i] - position[j]).T), kind="stable")[: int(2.5 * n)]
    # A triangle that hangs on one node, and one across a strong link: side loops.
    extra = np.array([[0, n], [0, n + 1], [n, n + 1], [1, n + 2], [2, n + 2], [1, 2]])
    # A chain along x, so that a path joins the terminals.
    chain = np.argsort(position[:, 0])
    chain = np.stack([chain[:-1], chain[1:]], axis=1)
    pairs = np.concatenate([np.stack([i[near], j[near]], axis=1), chain, extra])
    link_i, link_j = np.unique(np.sort(pairs, axis=1), axis=0).T.copy()
    position = np.concatenate([position, position[[0, 0, 1]] + 0.01])
    conductance = 10.0 ** rng.uniform(-40.0, 0.0, link_i.size)
    excess = np.where(rng.random(n + 3) < 0.2 * (seed % 2), 10.0 ** rng.uniform(-40, 0, n + 3), 0)
    terminal = np.full(n + 3, -1)
    terminal[np.argmin(position[:n, 0])], terminal[np.argmax(position[:n, 0])] = 0, 1
    return position, link_i, link_j, conductance, excess, terminal


def columns_of(fronts, t):
    """Ranks of the columns of a front."""
    pivots = np.arange(fronts.front_start[t], fronts.front_start[t + 1])
    return np.append(
        pivots, fronts.boundary[fronts.boundary_start[t] : fronts.boundary_start[t + 1]]
    )


def eliminate_exactly(e, link_i, link_j, conductance, excess):
    """Pivots, weights and the terminal conductance in 80 digits, by ranks; the ground is last."""
    n, ground = e.node.size, e.node.size + 2
    rank = np.where(e.terminal >= 0, n + e.terminal, -1)
    rank[e.node] = np.arange(n)
    g = [[mpmath.mpf(0)] * (ground + 1) for _ in range(ground + 1)]
    for a, b, value in zip(rank[link_i], rank[link_j], conductance, strict=True):
        if a != b and min(a, b) < n:
            g[a][b] += mpmath.mpf(float(value))
            g[b][a] = g[a][b]
    for a, value in zip(range(n), excess[e.node], strict=True):
        g[a][ground] = g[ground][a] = mpmath.mpf(float(value))
    pivot, weight = [], []
    for k in range(n):
        later = range(k + 1, ground + 1)
        d = mpmath.fsum(g[k][j] for j in later)
        w = {j: g[k][j] / d for j in later if g[k][j] and d}
        for i in w:
            for j in w:
                if i != j:
                    g[i][j] += g[k][i] * w[j]
        pivot.append(d)
        weight.append(w)
    return pivot, weight, g[n][n + 1]


def relative(found, exact):
    return float(abs(mpmath.mpf(float(found)) / exact - 1)) if exact else abs(float(found))


def errors_of(seed):
    """Errors of the conductance, the pivots and weights, and the drops, in units of the bounds."""
    position, link_i, link_j, conductance, excess, terminal = random_network(seed)
    e = analyse(dissect_graph(link_i, link_j, position, leaf_size=4), link_i, link_j, terminal)
    found = factor(e, conductance, excess)
    with mpmath.workdps(80):
        pivot, weight, total = eliminate_exactly(e, link_i, link_j, conductance, excess)
        n = len(pivot)
        steps = sum(map(len, weight)) + 6 * n  # rho of the docs
        conductance_error = relative(found.terminal_conductance[0, 1], total)
        entry_error = max(map(relative, found.pivot, pivot))
        for t in range(e.fronts.left.size):
            columns = columns_of(e.fronts, t)
            own = found.weight[e.fronts.weight_start[t] : e.fronts.weight_start[t + 1]]
            for a, row in enumerate(own.reshape(-1, columns.size)):
                for b in range(a + 1, columns.size):
                    exact = weight[columns[a]].get(int(columns[b]), mpmath.mpf(0))
                    entry_error = max(entry_error, relative(row[b], exact))
        # Drops at unit bias, and their error in the norm of the dissipated power.
        value = [mpmath.mpf(0)] * n + [mpmath.mpf(1), mpmath.mpf(0), mpmath.mpf(0)]
        for k in range(n - 1, -1, -1):
            value[k] = mpmath.fsum(w * value[j] for j, w in weight[k].items())
        rank = np.where(terminal >= 0, n + terminal, -1)
        rank[e.node] = np.arange(n)
        drop = found.link_drops(link_i.size, (1.0, 0.0))
        wrong = power = mpmath.mpf(0)
        for a, b, g, u in zip(rank[link_i], rank[link_j], conductance, drop, strict=True):
            exact = value[a] - value[b]
            wrong += float(g) * (mpmath.mpf(float(u)) - exact) ** 2
            power += float(g) * exact**2
        for k in range(n):
            power += float(excess[e.node[k]]) * value[k] ** 2
        drop_error = float(mpmath.sqrt(wrong / power))
    return np.array([conductance_error, entry_error, drop_error]) / EPS, steps, n


@pytest.mark.parametrize("first", range(0, 200, 50))
def test_bounds_on_random_networks(first):
    for seed in range(first, first + 50):
        error, steps, n = errors_of(seed)
        # Proved (to first order in EPS): conductance, entries, drops.
        any_entry = (2 * n + 1) * steps
        with_ground = seed % 2 == 1
        bound = [any_entry if with_ground else steps, any_entry, steps]
        assert np.all(error <= bound), (seed, error, bound)
        # Measured: at most 12 roundings. An error of method, such as a subtraction, breaks this.
        assert error.max() < 120, (seed, error)
