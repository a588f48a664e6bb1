"""Incomplete elimination of the spin rows against its twin, and what it is good for."""

import numpy as np
import pytest
from hopnet.kernels import incomplete as kernels

import hopnet as hn
from hopnet.spin.coefficients import hop_table
from hopnet.spin.kinetics.frames import conjugate_gradients, find_frames, solve_rows, spin_rows
from hopnet.spin.kinetics.incomplete import factor_blocks, factor_scalar, independent_rows
from twins import incomplete as twin
from twins.kinetics import rotation_matrix

FORM = np.array([[0.1, 1.0], [0.6, -0.2]])


class Sample:
    """A network in a random order, two of its sites held, conductances over six decades."""

    def __init__(self, n, seed):
        rng = np.random.default_rng(seed)
        self.network = net = hn.build_network(
            hn.random_sites(n, density=0.05, seed=seed), cutoff_radius=12.0, contacts=([0], [n - 1])
        )
        held = rng.choice(n, 2 if n > 3 else 0, replace=False)
        order = rng.permutation(n)
        self.order = order[~np.isin(order, held)]
        self.position = np.full(n, -1)
        self.position[self.order] = np.arange(self.order.shape[0])
        self.conductance = 10.0 ** rng.uniform(-6, 0, net.n_links)
        self.excess = 10.0 ** rng.uniform(-3, -1, n)
        self.transport = rng.normal(size=(net.n_links, 4)) * [1, 0.1, 0.1, 0.1]
        self.transport /= np.linalg.norm(self.transport, axis=1)[:, None]
        self.diagonal = 1e-3 * rng.normal(size=(n, 3, 3))
        self.rhs = rng.normal(size=(n, 3))
        self.rows = net.row_start, net.row_neighbour, net.row_link
        self.links, self.loss, kept, excess = [], [], [], self.excess.copy()
        for l, (i, j) in enumerate(zip(net.link_i, net.link_j)):
            a, b = self.position[i], self.position[j]
            if a >= 0 and b >= 0:
                H = self.conductance[l] * (np.eye(3) - rotation_matrix(self.transport[l]))
                self.links.append((a, b))
                self.loss.append(H)
                kept.append(self.conductance[l])
            else:
                excess[[i, j]] += self.conductance[l]
        self.kept = np.array(kept)
        self.total_excess = excess[self.order]


def pairs(start, column):
    return {(k, int(j)) for k in range(len(start) - 1) for j in column[start[k] : start[k + 1]]}


@pytest.mark.kernel
@pytest.mark.parametrize("plain", [False, True], ids=["compiled", "plain"])
@pytest.mark.parametrize("symmetric", [True, False], ids=["symmetric", "field"])
@pytest.mark.parametrize("cut", [0.0, 1e-3, 0.3])
@pytest.mark.parametrize(("n", "seed"), [(3, 1), (40, 2), (90, 3)])
def test_factor_and_solve(n, seed, cut, symmetric, plain):
    def version(kernel):
        return getattr(kernel, "py_func", kernel) if plain else kernel

    s = Sample(n, seed)
    m = s.order.shape[0]
    threshold = cut * s.excess
    start, total = np.full(m + 1, -1), np.full(m, np.nan)
    column, share = version(kernels.eliminate)(
        s.order, s.position, *s.rows, s.conductance, s.excess, threshold, start, total
    )
    A = twin.dense(m, s.links, s.kept, s.total_excess, threshold[s.order])
    expected, expected_total = twin.eliminate(A, threshold[s.order])
    assert pairs(start, column) == set(expected)
    for k in range(m):
        own = column[start[k] : start[k + 1]]
        assert np.all(np.diff(own) > 0)
        np.testing.assert_allclose(
            share[start[k] : start[k + 1]], [expected[k, j] for j in own], rtol=1e-10
        )
    np.testing.assert_allclose(total, expected_total, rtol=1e-10)
    x, out = np.empty((m, 3)), np.full((n, 3), 7.0)
    version(kernels.solve)(s.order, start, column, share, total, s.rhs, x, out)
    assert np.all(np.delete(out, s.order, axis=0) == 7.0)
    solution = twin.solve(expected, expected_total, s.rhs[s.order])
    np.testing.assert_allclose(out[s.order], solution, rtol=0, atol=1e-10 * abs(solution).max())
    if cut == 0.0:
        solution = np.linalg.solve(A, s.rhs[s.order])
        np.testing.assert_allclose(out[s.order], solution, rtol=0, atol=1e-10 * abs(solution).max())

    if symmetric:
        s.diagonal += s.diagonal.transpose(0, 2, 1)
    inverse, weight = np.full((m, 9), np.nan), np.zeros((column.shape[0], 9))
    left, H = np.zeros((0 if symmetric else column.shape[0], 9)), np.zeros_like(weight)
    lists = np.full(m, -1), np.full(m, -1), np.zeros(m, np.int64)
    arguments = (
        s.order,
        s.position,
        *s.rows,
        s.conductance,
        s.transport,
        s.diagonal.reshape(n, 9),
        start,
        column,
        share,
        total,
        *lists,
        H,
        left,
        weight,
        inverse,
    )
    # the first rows that reach no other tree, each by itself; what they leave; the others
    alone = [k for k in range(m // 2) if k not in column[: start[k]]]
    for k in alone:
        version(kernels.eliminate_blocks)(np.array([k]), k + 1, *arguments)
    alone = np.array(alone, dtype=np.int64)
    version(kernels.queue_rows)(alone, start, column, *lists)
    others = np.setdiff1d(np.arange(m), alone)
    version(kernels.eliminate_blocks)(others, m, *arguments)
    version(kernels.finish_blocks)(start, share, total, inverse, left, weight)
    left = weight if symmetric else left
    A = twin.dense_blocks(
        m, s.links, s.kept, s.loss, s.total_excess, s.diagonal[s.order], threshold[s.order]
    )
    expected_inverse, T, T_left = twin.eliminate_blocks(A, set(expected))
    inverse_error = np.abs(inverse.reshape(m, 3, 3) - expected_inverse).max()
    assert inverse_error < 1e-10 * np.abs(expected_inverse).max()
    for k in range(m):
        for e in range(start[k], start[k + 1]):
            for found, table in ((weight, T), (left, T_left)):
                value = table[k, int(column[e])]
                np.testing.assert_allclose(found[e].reshape(3, 3), value, rtol=0, atol=1e-10)
    version(kernels.solve_blocks)(s.order, start, column, left, weight, inverse, s.rhs, x, out)
    solution = twin.solve_blocks(expected_inverse, T, T_left, s.rhs[s.order])
    np.testing.assert_allclose(out[s.order], solution, rtol=0, atol=1e-9 * abs(solution).max())
    if cut == 0.0:
        exact = np.linalg.solve(
            A.transpose(0, 2, 1, 3).reshape(3 * m, 3 * m), s.rhs[s.order].ravel()
        ).reshape(m, 3)
        np.testing.assert_allclose(out[s.order], exact, rtol=0, atol=1e-9 * abs(exact).max())


@pytest.mark.kernel
@pytest.mark.parametrize("plain", [False, True], ids=["compiled", "plain"])
@pytest.mark.parametrize("field", [False, True])
def test_queue_and_weights(field, plain):
    rng = np.random.default_rng(3)
    start = np.array([0, 2, 2, 3, 5, 5])
    column = np.array([2, 4, 3, 3, 4], np.int32)
    first, behind, place = np.full(5, -1), np.full(5, -1), np.array([1, 2, 2, 5, 5])
    queue, finish = (
        getattr(k, "py_func", k) if plain else k
        for k in (kernels.queue_rows, kernels.finish_blocks)
    )
    queue(np.array([0, 1, 2]), start, column, first, behind, place)
    queue(np.array([3]), start, column, first, behind, np.array([1, 2, 2, 4, 5]))
    waiting = twin.queue_rows([0, 1, 2, 3], start, column, np.array([1, 2, 2, 4, 5]))
    for q in range(5):
        found, r = [], first[q]
        while r >= 0:
            found.append(int(r))
            r = behind[r]
        assert found == waiting.get(q, [])
    assert waiting == {4: [3, 0], 3: [2]}

    share, total, inverse = rng.random(5), rng.random(5), rng.normal(size=(5, 9))
    back, Y = rng.normal(size=(5 if field else 0, 9)), rng.normal(size=(5, 9))
    left, T = twin.finish_blocks(start, share, total, inverse, back if field else 0 * Y, Y)
    finish(start, share, total, inverse, back, Y)
    np.testing.assert_allclose(Y, T, rtol=0, atol=1e-14)
    if field:
        np.testing.assert_allclose(back, left, rtol=0, atol=1e-14)


def test_tasks_do_not_depend_on_each_other():
    """No row of a task has an entry in another task's rows; all free rows are there once."""
    rows = rows_of(3000, 0.03, 0.1, 1e8, sinks=True)
    factor = rows.block_factor.scalar
    tasks = independent_rows(rows.frames.network.dissection, rows.free)
    assert len(tasks) == 8
    owner = np.full(factor.order.shape[0], -1)
    for number, (which, end) in enumerate(tasks):
        assert which[-1] == end - 1
        assert np.all(owner[which] == -1)
        owner[which] = number
    row = np.repeat(np.arange(owner.shape[0]), np.diff(factor.start))
    inside = owner[row] >= 0
    target = owner[factor.column]
    assert np.all((target == owner[row])[inside] | (target[inside] == -1))
    assert np.all(factor.column[inside & (target == -1)] > row[inside & (target == -1)])


def rows_of(n_sites, density, angle, tau_s, seed=1, anisotropy=None, sinks=False, field=(0, 0, 0)):
    network = hn.build_network(hn.random_sites(n_sites, density=density, seed=seed))
    frames = find_frames(network, hop_table(network, angle * FORM))
    held = np.union1d(*network.contacts) if sinks else np.empty(0, np.int64)
    return spin_rows(
        frames,
        np.full(n_sites, 1 / tau_s),
        np.eye(3) if anisotropy is None else anisotropy,
        np.asarray(field, float),
        held,
    )


@pytest.mark.parametrize(
    ("density", "angle", "tau_s", "anisotropy", "sinks", "field"),
    [
        (0.1, 0.1, 1e8, None, False, (0, 0, 0)),
        (0.01, 0.1, 1e8, None, True, (0, 0, 0)),
        (0.03, 0.5, 1e4, np.diag([1.0, 2.0, 5.0]), False, (0, 0, 0)),
        (0.03, 0.5, 1e4, np.diag([1.0, 2.0, 5.0]), True, (1e-4, 2e-4, -1e-3)),
    ],
)
def test_with_no_link_left_out_it_is_a_direct_solver(
    density, angle, tau_s, anisotropy, sinks, field
):
    rows = rows_of(1500, density, angle, tau_s, anisotropy=anisotropy, sinks=sinks, field=field)
    rhs = np.where(rows.free[:, None], rows.frames.to_local(np.ones((1500, 3))), 0.0)
    direct = factor_blocks(rows, cut=0.0).solve(rhs)
    error, moduli = rows.judge(direct, rhs)
    assert np.all(error <= 1e-11 * moduli)
    assert np.all(direct[~rows.free] == 0.0)
    if any(field):
        return
    iterated, history = np.zeros_like(rhs), [1.0]
    conjugate_gradients(
        rows.apply,
        rows.scalar_factor.solve,
        iterated,
        rhs.copy(),
        np.linalg.norm(rhs),
        1e-10,
        3000,
        history,
    )
    assert history[-1] <= 1e-10
    np.testing.assert_allclose(direct, iterated, rtol=0, atol=1e-7 * np.abs(direct).max())


def test_iterations_are_those_of_the_whole_factor():
    """Links below 1e-6 of the decay rates make no difference to conjugate gradients."""
    rows = rows_of(3000, 0.01, 0.1, 1e4)
    network, K = rows.frames.network, rows.frames.conductance
    whole = factor_scalar(network, K, rows.excess, rows.free, 0.0 * rows.excess)
    assert 0 < rows.scalar_factor.share.shape[0] < 0.3 * whole.share.shape[0]
    rhs, lengths = np.random.default_rng(4).normal(size=(3000, 3)), []
    for factor in (rows.scalar_factor, whole):
        history = [1.0]
        conjugate_gradients(
            rows.apply,
            factor.solve,
            np.zeros_like(rhs),
            rhs.copy(),
            np.linalg.norm(rhs),
            1e-12,
            400,
            history,
        )
        lengths.append(len(history))
    assert lengths[0] == lengths[1]


@pytest.mark.parametrize(
    ("tau_s", "turning", "direct"),
    [
        (1e2, 0.0, False),
        (1e2, 0.1, False),
        (1e2, 10.0, True),
        (1e8, 0.0, True),
        (1e8, 30.0, True),
    ],
)
def test_blocks_are_chosen_in_advance(tau_s, turning, direct):
    """Where tau_s is far above tau_DP, or spins turn in the field, scalars are not tried first."""
    rows = rows_of(3000, 0.03, 0.1, tau_s, field=np.array([0.6, 0.0, 0.8]) * turning / tau_s)
    rhs = np.random.default_rng(4).normal(size=(3000, 3))
    x, history = solve_rows(rows, rhs, 1e-12, 400)
    assert ("block_factor" in vars(rows)) == direct
    assert len(history) - 1 <= (10 if direct else 25)
    error, moduli = rows.judge(x, rhs)
    assert np.all(error <= 1e-7 * moduli)


@pytest.mark.parametrize("turning", [0.0, 0.05])
def test_fallback_after_forty_iterations(turning, monkeypatch):
    monkeypatch.setattr("hopnet.spin.kinetics.frames.DEPHASING_LIMIT", np.inf)
    rows = rows_of(3000, 0.1, 0.1, 1e8, field=np.array([0.6, 0.0, 0.8]) * turning / 1e8)
    rhs = np.random.default_rng(4).normal(size=(3000, 3))
    x, history = solve_rows(rows, rhs, 1e-9, 400)
    assert 41 <= len(history) - 1 <= 50
    assert "block_factor" in vars(rows)
    again, history = solve_rows(rows, rhs, 1e-9, 400)
    assert len(history) - 1 <= 8  # the factor is used at once
    np.testing.assert_allclose(again, x, rtol=0, atol=1e-6 * np.abs(x).max())


def test_uniform_answer_of_a_slow_relaxation_keeps_its_digits():
    """Equal spins in all local frames, no rotation: A sigma = n sigma / tau_s to rounding."""
    network = hn.build_network(hn.random_sites(800, density=0.002, seed=3))
    frames = find_frames(network, hop_table(network, np.zeros((2, 2))))
    rows = spin_rows(frames, np.full(800, 1e-18), np.eye(3), np.zeros(3), np.empty(0, np.int64))
    got = factor_blocks(rows, cut=0.0).solve(np.tile([1e-18, 2e-18, -3e-18], (800, 1)))
    np.testing.assert_allclose(got, np.tile([1.0, 2.0, -3.0], (800, 1)), rtol=1e-12)
