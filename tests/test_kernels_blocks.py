"""Block elimination of the spin rows against its twin, and against ordinary elimination."""

import numpy as np
import pytest
from hopnet.kernels import blocks as kernels

import hopnet as hn
from hopnet.elimination import analyse
from hopnet.kinetics.blocks import factor_blocks
from hopnet.kinetics.frames import conjugate_gradients, find_frames, solve_rows, spin_rows
from twins import blocks as twin

FORM = np.array([[0.1, 1.0], [0.6, -0.2]])


@pytest.mark.kernel
@pytest.mark.parametrize("plain", [False, True], ids=["compiled", "plain"])
@pytest.mark.parametrize("symmetric", [True, False], ids=["symmetric", "field"])
@pytest.mark.parametrize(("n", "seed"), [(3, 1), (40, 2), (90, 3)])
def test_factor_and_solve(n, seed, symmetric, plain):
    def version(kernel):
        return getattr(kernel, "py_func", kernel) if plain else kernel

    rng = np.random.default_rng(seed)
    network = hn.build_network(hn.random_sites(n, density=0.05, seed=seed), cutoff_radius=12.0,
                               contacts=([0], [n - 1]))  # fmt: skip
    e = analyse(network.dissection, network.link_i, network.link_j)
    n_edges = e.edge_link.shape[0]
    conductance = rng.uniform(0.1, 1, n_edges)
    edge_block = 0.05 * rng.normal(size=(n_edges, 9))
    shift = rng.uniform(0.5, 1, n)
    diagonal = rng.normal(size=(n, 3, 3))
    diagonal = (0.05 * (diagonal + symmetric * diagonal.transpose(0, 2, 1))).reshape(n, 9)
    weight, inverse = np.full((e.n_entries, 9), np.nan), np.full((n, 9), np.nan)
    left = np.full((0 if symmetric else e.n_entries, 9), np.nan)
    which = np.arange(e.fronts.left.shape[0])
    memory = np.empty(e.contribution_size), np.empty((e.contribution_size, 9))
    version(kernels.factor_block_fronts)(
        which, e.fronts, conductance, edge_block, shift, diagonal, 1e-150, e.contribution_start,
        *memory, weight, left, inverse,
    )  # fmt: skip
    if symmetric:
        left = weight

    place = np.empty(n, np.int64)
    place[e.node] = np.arange(n)
    ends = np.sort(np.stack([place[network.link_i], place[network.link_j]], axis=1), axis=1)
    A = twin.dense(n, ends[e.edge_link], conductance, edge_block, shift, diagonal)
    expected_inverse, T, T_left = twin.factor_block_fronts(A)
    np.testing.assert_allclose(inverse.reshape(n, 3, 3), expected_inverse, rtol=0, atol=1e-13)
    fronts = e.fronts
    for t in which:  # every weight where its front keeps it
        first, end = fronts.front_start[t], fronts.front_start[t + 1]
        columns = [*range(first, end),
                   *fronts.boundary[fronts.boundary_start[t] : fronts.boundary_start[t + 1]]]
        for found, expected in ((weight, T), (left, T_left)):
            own = found[fronts.weight_start[t] :][: (end - first) * len(columns)]
            for k, row in enumerate(own.reshape(end - first, len(columns), 3, 3)):
                for j in range(k + 1, len(columns)):
                    if columns[j] < n:
                        value = expected[first + k, columns[j]]
                        np.testing.assert_allclose(row[j], value, atol=1e-13)

    rhs = rng.normal(size=(n, 3))
    x = np.vstack([rhs[e.node], np.zeros((1, 3))])
    carried = np.empty((fronts.boundary.shape[0], 3))
    version(kernels.forward_block_fronts)(which, fronts, left, x, carried)
    b = twin.forward_block_fronts(T_left, rhs[e.node])
    np.testing.assert_allclose(x[:n], b, rtol=0, atol=1e-13)
    x[n:] = 0.0
    version(kernels.backward_block_fronts)(which, fronts, weight, inverse, x)
    np.testing.assert_allclose(x[:n], twin.backward_block_fronts(expected_inverse, T, b),
                               rtol=0, atol=1e-13)  # fmt: skip
    dense = A.transpose(0, 2, 1, 3).reshape(3 * n, 3 * n)
    solution = np.linalg.solve(dense, rhs[e.node].ravel())
    np.testing.assert_allclose(x[:n].ravel(), solution, rtol=0, atol=1e-12)


def rows_of(n_sites, density, angle, tau_s, seed=1, anisotropy=None, sinks=False, field=(0, 0, 0)):
    network = hn.build_network(hn.random_sites(n_sites, density=density, seed=seed))
    frames = find_frames(network, angle * FORM)
    held = np.union1d(*network.contacts) if sinks else np.empty(0, np.int64)
    return spin_rows(frames, np.full(n_sites, 1 / tau_s), np.eye(3) if anisotropy is None
                     else anisotropy, np.asarray(field, float), held)  # fmt: skip


@pytest.mark.parametrize(
    ("density", "angle", "tau_s", "anisotropy", "sinks", "field"),
    [
        (0.1, 0.1, 1e8, None, False, (0, 0, 0)),
        (0.01, 0.1, 1e8, None, True, (0, 0, 0)),
        (0.03, 0.5, 1e4, np.diag([1.0, 2.0, 5.0]), False, (0, 0, 0)),
        (0.03, 0.5, 1e4, np.diag([1.0, 2.0, 5.0]), True, (1e-4, 2e-4, -1e-3)),
    ],
)
def test_rows_are_solved_where_iterations_are_many(
    density, angle, tau_s, anisotropy, sinks, field
):
    rows = rows_of(1500, density, angle, tau_s, anisotropy=anisotropy, sinks=sinks, field=field)
    rhs = np.where(rows.free[:, None], rows.frames.to_local(np.ones((1500, 3))), 0.0)
    direct = factor_blocks(rows).solve(rhs)
    error = np.abs(rows.apply(direct) - rhs) / (rows.moduli(direct) + np.abs(rhs) + 1e-300)
    assert error.max() < 1e-11
    if any(field):
        return
    norm = np.linalg.norm(rhs)
    iterated, history = conjugate_gradients(rows.apply, rows.preconditioner.solve, rhs,
                                            np.zeros_like(rhs), norm, 1e-10, 3000)  # fmt: skip
    assert history[-1] <= 1e-10
    np.testing.assert_allclose(direct, iterated, rtol=0, atol=1e-7 * np.abs(direct).max())


@pytest.mark.parametrize(
    ("tau_s", "turning", "direct"),
    [(1e2, 0.0, False), (1e2, 0.2, False), (1e2, 10.0, True), (1e8, 0.0, True), (1e8, 30.0, True)],
)
def test_blocks_are_chosen_in_advance(tau_s, turning, direct):
    """Where tau_s is far above tau_DP, or spins turn in the field, no iteration is tried first."""
    rows = rows_of(3000, 0.03, 0.1, tau_s, field=np.array([0.6, 0.0, 0.8]) * turning / tau_s)
    rhs = np.random.default_rng(4).normal(size=(3000, 3))
    x, history = solve_rows(rows, rhs, np.zeros_like(rhs), 1e-9, 400)
    assert ("block_factor" in vars(rows)) == direct
    assert len(history) - 1 <= (2 if direct else 25)
    error = np.abs(rows.apply(x) - rhs) / (rows.moduli(x) + np.abs(rhs))
    assert error.max() < (1e-11 if direct else 1e-5)


@pytest.mark.parametrize("turning", [0.0, 0.4])
def test_fallback_after_forty_iterations(turning, monkeypatch):
    monkeypatch.setattr("hopnet.kinetics.frames.DEPHASING_LIMIT", np.inf)
    rows = rows_of(3000, 0.1, 0.1, 1e8, field=np.array([0.6, 0.0, 0.8]) * turning / 1e8)
    rhs = np.random.default_rng(4).normal(size=(3000, 3))
    x, history = solve_rows(rows, rhs, np.zeros_like(rhs), 1e-9, 400)
    assert 41 <= len(history) - 1 <= 44
    assert "block_factor" in vars(rows)
    again, history = solve_rows(rows, rhs, np.zeros_like(rhs), 1e-9, 400)
    assert len(history) - 1 <= 3  # the factor is used at once
    np.testing.assert_allclose(again, x, rtol=0, atol=1e-6 * np.abs(x).max())


def test_uniform_answer_of_a_slow_relaxation_keeps_its_digits():
    """Equal spins in all local frames, no rotation: A sigma = n sigma / tau_s to rounding."""
    network = hn.build_network(hn.random_sites(800, density=0.002, seed=3))
    frames = find_frames(network, np.zeros((2, 2)))
    rows = spin_rows(frames, np.full(800, 1e-18), np.eye(3), np.zeros(3), np.empty(0, np.int64))
    got = factor_blocks(rows).solve(np.tile([1e-18, 2e-18, -3e-18], (800, 1)))
    np.testing.assert_allclose(got, np.tile([1.0, 2.0, -3.0], (800, 1)), rtol=1e-12)
