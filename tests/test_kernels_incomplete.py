"""Incomplete elimination of the spin rows: kernels against their twins, and as preconditioner."""

import numpy as np
import pytest
from hopnet.kernels import incomplete as kernels

import hopnet as hn
from hopnet.spin.coefficients import hop_table
from hopnet.spin.kinetics.frames import find_frames
from hopnet.spin.kinetics.incomplete import factor_blocks, factor_scalar, independent_rows
from hopnet.spin.kinetics.krylov import conjugate_gradients, solve_rows
from hopnet.spin.kinetics.rows import Preconditioner, spin_rows
from twins import incomplete as twin
from twins.kinetics import rotation_matrix

FORM = np.array([[0.1, 1.0], [0.6, -0.2]])


class Sample:
    """Conductances over six decades, a random order of elimination, two sites held at zero.

    The scalar factor of the twin is part of it: every test compares with it or starts from it.
    """

    def __init__(self, n, seed, cut, symmetric=True):
        rng = np.random.default_rng(seed)
        self.network = net = hn.build_network(
            hn.random_sites(n, density=0.05, seed=seed),
            cutoff_radius=12.0,
            contacts=([0], [n - 1]),
            axis="x",
        )
        held = rng.choice(n, 2 if n > 3 else 0, replace=False)
        order = rng.permutation(n)
        self.order = order[~np.isin(order, held)]
        self.m = self.order.shape[0]
        self.rank = np.full(n, -1)
        self.rank[self.order] = np.arange(self.m)
        self.conductance = 10.0 ** rng.uniform(-6, 0, net.n_links)
        self.excess = 10.0 ** rng.uniform(-3, -1, n)
        self.threshold = cut * self.excess
        self.transport = rng.normal(size=(net.n_links, 4)) * [1, 0.1, 0.1, 0.1]
        self.transport /= np.linalg.norm(self.transport, axis=1)[:, None]
        self.diagonal = 1e-3 * rng.normal(size=(n, 3, 3))
        if symmetric:
            self.diagonal += self.diagonal.transpose(0, 2, 1)
        self.symmetric = symmetric
        self.rhs = rng.normal(size=(n, 3))
        self.graph = kernels.Graph(net.row_start, net.row_neighbour, net.row_link)
        self.links, self.loss, kept, excess = [], [], [], self.excess.copy()
        for l, (i, j) in enumerate(zip(net.link_i, net.link_j)):
            a, b = self.rank[i], self.rank[j]
            if a >= 0 and b >= 0:
                H = self.conductance[l] * (np.eye(3) - rotation_matrix(self.transport[l]))
                self.links.append((a, b))
                self.loss.append(H)
                kept.append(self.conductance[l])
            else:
                excess[[i, j]] += self.conductance[l]
        self.kept = np.array(kept)
        self.total_excess = excess[self.order]
        self.dense = twin.dense(
            self.m, self.links, self.kept, self.total_excess, self.threshold[self.order]
        )
        self.share, self.total = twin.eliminate(self.dense, self.threshold[self.order])

    def rows(self):
        """The scalar factor of the twin, as the kernels take it."""
        entries = sorted(self.share)
        start = np.searchsorted([k for k, _ in entries], np.arange(self.m + 1))
        column = np.array([j for _, j in entries], np.int32)
        share = np.array([self.share[pair] for pair in entries])
        return kernels.Rows(self.order, self.rank, start, column, share, self.total)

    def dense_blocks(self):
        """The matrix with rotations as an array [m, m, 3, 3]."""
        return twin.dense_blocks(
            self.m,
            self.links,
            self.kept,
            self.loss,
            self.total_excess,
            self.diagonal[self.order],
            self.threshold[self.order],
        )

    def empty_blocks(self, rows):
        """Arrays for `eliminate_blocks` to fill, and waiting lists without a row."""
        n_entries = rows.column.shape[0]
        waiting = kernels.Waiting(
            np.full(self.m, -1), np.full(self.m, -1), np.zeros(self.m, np.int64)
        )
        return waiting, kernels.Blocks(
            H=np.zeros((n_entries, 9)),
            back=np.zeros((0 if self.symmetric else n_entries, 9)),
            Y=np.zeros((n_entries, 9)),
            inverse=np.full((self.m, 9), np.nan),
        )


SAMPLES = pytest.mark.parametrize(("n", "seed"), [(3, 1), (40, 2), (90, 3)])
CUTS = pytest.mark.parametrize("cut", [0.0, 1e-3, 0.3])
SYMMETRIES = pytest.mark.parametrize("symmetric", [True, False], ids=["symmetric", "field"])


def assert_close(found, expected, rtol):
    """Equal up to ``rtol`` times the largest modulus."""
    np.testing.assert_allclose(found, expected, rtol=0, atol=rtol * np.abs(expected).max())


@pytest.mark.kernel
@CUTS
@SAMPLES
def test_eliminate(n, seed, cut, kernel_version):
    s = Sample(n, seed, cut)
    start, total = np.full(s.m + 1, -1), np.full(s.m, np.nan)
    column, share = kernel_version(kernels.eliminate)(
        s.order, s.rank, s.graph, s.conductance, s.excess, s.threshold, start, total
    )
    expected = s.rows()
    np.testing.assert_array_equal(start, expected.start)
    np.testing.assert_array_equal(column, expected.column)
    np.testing.assert_allclose(share, expected.share, rtol=1e-10)
    np.testing.assert_allclose(total, expected.total, rtol=1e-10)


@pytest.mark.kernel
@CUTS
@SAMPLES
def test_solve(n, seed, cut, kernel_version):
    s = Sample(n, seed, cut)
    x, out = np.empty((s.m, 3)), np.full((n, 3), 7.0)
    kernel_version(kernels.solve)(s.rows(), s.rhs, x, out)
    assert np.all(np.delete(out, s.order, axis=0) == 7.0)
    assert_close(out[s.order], twin.solve(s.share, s.total, s.rhs[s.order]), 1e-10)
    if cut == 0.0:
        assert_close(out[s.order], np.linalg.solve(s.dense, s.rhs[s.order]), 1e-10)


@pytest.mark.kernel
@CUTS
@SAMPLES
def test_fill_inverse(n, seed, cut, kernel_version):
    """[nuclei 14] against the twin, and with no link left out against the dense inverse."""
    s = Sample(n, seed, cut)
    rows = s.rows()
    between, diagonal = np.full(rows.column.size, np.nan), np.full(s.m, np.nan)
    kernel_version(kernels.fill_inverse)(rows, between, diagonal)
    expected, expected_diagonal = twin.fill_inverse(s.share, s.total)
    np.testing.assert_allclose(diagonal, expected_diagonal, rtol=1e-10)
    assert_close(between, np.array([expected[pair] for pair in sorted(s.share)]), 1e-10)
    if cut == 0.0:
        np.testing.assert_allclose(diagonal, np.diag(np.linalg.inv(s.dense)), rtol=1e-8)


@pytest.mark.kernel
@CUTS
@SYMMETRIES
@SAMPLES
def test_eliminate_blocks(n, seed, symmetric, cut, kernel_version):
    """The inverse pivots, and the weights after `finish_blocks`, against dense elimination."""
    s = Sample(n, seed, cut, symmetric)
    rows = s.rows()
    waiting, blocks = s.empty_blocks(rows)
    eliminate = kernel_version(kernels.eliminate_blocks)
    arguments = (
        s.graph,
        s.conductance,
        s.transport,
        s.diagonal.reshape(n, 9),
        rows,
        waiting,
        blocks,
    )
    # Rows without entries in other trees are eliminated first, one per call; then the others.
    alone = [k for k in range(s.m // 2) if k not in rows.column[: rows.start[k]]]
    for k in alone:
        eliminate(np.array([k]), k + 1, *arguments)
    alone = np.array(alone, dtype=np.int64)
    kernels.queue_rows(alone, rows, waiting)
    eliminate(np.setdiff1d(np.arange(s.m), alone), s.m, *arguments)
    inverse, T, T_left = twin.eliminate_blocks(s.dense_blocks(), set(s.share))
    assert_close(blocks.inverse.reshape(s.m, 3, 3), inverse, 1e-10)
    kernels.finish_blocks(rows, blocks)
    left = blocks.Y if symmetric else blocks.back
    for k, j in s.share:
        e = rows.start[k] + list(rows.column[rows.start[k] : rows.start[k + 1]]).index(j)
        for found, table in ((blocks.Y, T), (left, T_left)):
            np.testing.assert_allclose(found[e].reshape(3, 3), table[k, j], rtol=0, atol=1e-10)


@pytest.mark.kernel
@CUTS
@SYMMETRIES
@SAMPLES
def test_solve_blocks(n, seed, symmetric, cut, kernel_version):
    s = Sample(n, seed, cut, symmetric)
    rows, A = s.rows(), s.dense_blocks()
    inverse, T, T_left = twin.eliminate_blocks(A, set(s.share))
    entries = sorted(s.share)
    weight, left = (
        np.array([table[pair].ravel() for pair in entries]).reshape(-1, 9) for table in (T, T_left)
    )
    x, out = np.empty((s.m, 3)), np.full((n, 3), 7.0)
    kernel_version(kernels.solve_blocks)(rows, left, weight, inverse.reshape(s.m, 9), s.rhs, x, out)
    assert np.all(np.delete(out, s.order, axis=0) == 7.0)
    assert_close(out[s.order], twin.solve_blocks(inverse, T, T_left, s.rhs[s.order]), 1e-9)
    if cut == 0.0:
        square = A.transpose(0, 2, 1, 3).reshape(3 * s.m, 3 * s.m)
        exact = np.linalg.solve(square, s.rhs[s.order].ravel()).reshape(s.m, 3)
        assert_close(out[s.order], exact, 1e-9)


def five_rows():
    """Five rows with five entries, and random numbers for them."""
    start = np.array([0, 2, 2, 3, 5, 5])
    column = np.array([2, 4, 3, 3, 4], np.int32)
    rng = np.random.default_rng(3)
    number = np.arange(5)
    return kernels.Rows(number, number, start, column, rng.random(5), rng.random(5)), rng


@pytest.mark.kernel
def test_queue_rows(kernel_version):
    rows, _ = five_rows()
    queue = kernel_version(kernels.queue_rows)
    waiting = kernels.Waiting(np.full(5, -1), np.full(5, -1), np.array([1, 2, 2, 5, 5]))
    queue(np.array([0, 1, 2]), rows, waiting)
    later = waiting._replace(place=np.array([1, 2, 2, 4, 5]))
    queue(np.array([3]), rows, later)
    expected = twin.queue_rows([0, 1, 2, 3], rows.start, rows.column, later.place)
    for q in range(5):
        found, r = [], waiting.first[q]
        while r >= 0:
            found.append(int(r))
            r = waiting.behind[r]
        assert found == expected.get(q, [])
    assert expected == {4: [3, 0], 3: [2]}


@pytest.mark.kernel
@pytest.mark.parametrize("field", [False, True])
def test_finish_blocks(field, kernel_version):
    rows, rng = five_rows()
    inverse, back = rng.normal(size=(5, 9)), rng.normal(size=(5 if field else 0, 9))
    blocks = kernels.Blocks(np.empty((5, 9)), back, rng.normal(size=(5, 9)), inverse)
    left, T = twin.finish_blocks(
        rows.start,
        rows.share,
        rows.total,
        inverse,
        back if field else 0 * blocks.Y,
        blocks.Y,
    )
    kernel_version(kernels.finish_blocks)(rows, blocks)
    np.testing.assert_allclose(blocks.Y, T, rtol=0, atol=1e-13)
    if field:
        np.testing.assert_allclose(back, left, rtol=0, atol=1e-13)


def test_tasks_do_not_depend_on_each_other():
    """No row of a task has an entry in another task's rows; no row is in two tasks."""
    rows = rows_of(3000, 0.03, 0.1, 1e8, sinks=True)
    factor = factor_blocks(rows).rows
    tasks = independent_rows(rows.frames.network.dissection, rows.free)
    assert len(tasks) == 8
    owner = np.full(factor.order.shape[0], -1)
    for number, (which, end) in enumerate(tasks):
        assert which[-1] == end - 1
        assert np.all(owner[which] == -1)
        owner[which] = number
    row = np.repeat(np.arange(owner.shape[0]), np.diff(factor.start))
    # Every entry of a task's row is in a row of the same task, or in a later row of no task.
    inside = owner[row] >= 0
    target = owner[factor.column]
    assert np.all((target == owner[row])[inside] | (target[inside] == -1))
    assert np.all(factor.column[inside & (target == -1)] > row[inside & (target == -1)])


def factor_of(rows):
    """The scalar factor of some rows."""
    return Preconditioner(rows).scalar_factor


def rows_of(n_sites, density, angle, tau_s, seed=1, anisotropy=None, sinks=False, field=(0, 0, 0)):
    network = hn.build_network(hn.random_sites(n_sites, density=density, seed=seed), cutoff=1.5)
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
    error, moduli = rows.residuals(direct, rhs)
    assert np.all(error <= 1e-11 * moduli)
    assert np.all(direct[~rows.free] == 0.0)
    if any(field):
        return
    iterated, history = np.zeros_like(rhs), [1.0]
    conjugate_gradients(
        rows.apply,
        factor_of(rows).solve,
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
    """Leaving out links below 1e-6 of the decay rates costs conjugate gradients no iteration."""
    rows = rows_of(3000, 0.01, 0.1, 1e4)
    network, K = rows.frames.network, rows.frames.conductance
    whole = factor_scalar(network, K, rows.excess, rows.free, 0.0 * rows.excess)
    part = factor_of(rows)
    assert 0 < part.rows.share.shape[0] < 0.3 * whole.rows.share.shape[0]
    rhs, lengths = np.random.default_rng(4).normal(size=(3000, 3)), []
    for factor in (part, whole):
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
    """If tau_s is far above tau_DP, or spins turn in the field, the scalar factor is not tried."""
    rows = rows_of(3000, 0.03, 0.1, tau_s, field=np.array([0.6, 0.0, 0.8]) * turning / tau_s)
    rhs = np.random.default_rng(4).normal(size=(3000, 3))
    preconditioner = Preconditioner(rows)
    x, history = solve_rows(preconditioner, rhs, 1e-12, 400)
    assert preconditioner.blocks == direct
    assert len(history) - 1 <= (10 if direct else 25)
    error, moduli = rows.residuals(x, rhs)
    assert np.all(error <= 1e-7 * moduli)


@pytest.mark.parametrize("turning", [0.0, 0.05])
def test_fallback_after_forty_iterations(turning, monkeypatch):
    monkeypatch.setattr("hopnet.spin.kinetics.rows.DEPHASING_LIMIT", np.inf)
    rows = rows_of(3000, 0.1, 0.1, 1e8, field=np.array([0.6, 0.0, 0.8]) * turning / 1e8)
    rhs = np.random.default_rng(4).normal(size=(3000, 3))
    preconditioner = Preconditioner(rows)
    x, history = solve_rows(preconditioner, rhs, 1e-9, 400)
    assert 41 <= len(history) - 1 <= 50
    assert preconditioner.blocks
    again, history = solve_rows(preconditioner, rhs, 1e-9, 400)
    assert len(history) - 1 <= 8  # the factor of blocks is used from the start
    np.testing.assert_allclose(again, x, rtol=0, atol=1e-6 * np.abs(x).max())


def test_uniform_answer_of_a_slow_relaxation_keeps_its_digits():
    """Without rotation A sigma = n sigma / tau_s, up to rounding, for equal spins on all sites."""
    network = hn.build_network(hn.random_sites(800, density=0.002, seed=3), cutoff=1.5)
    frames = find_frames(network, hop_table(network, np.zeros((2, 2))))
    rows = spin_rows(frames, np.full(800, 1e-18), np.eye(3), np.zeros(3), np.empty(0, np.int64))
    got = factor_blocks(rows, cut=0.0).solve(np.tile([1e-18, 2e-18, -3e-18], (800, 1)))
    np.testing.assert_allclose(got, np.tile([1.0, 2.0, -3.0], (800, 1)), rtol=1e-12)
