"""Kernels of triad coefficients and of the spin rows against their twins.

[hopping S15], [hopping S16], [hopping S21], [hopping S27], [hopping 5a], [hopping 5b].
"""

import numpy as np
import pytest
from hopnet.kernels import coefficients, kinetics, neighbours

from twins import coefficients as triad_twin
from twins import kinetics as twin
from twins import neighbours as neighbour_twin
from twins import triads as triangle_twin

pytestmark = pytest.mark.kernel
PLAIN = pytest.mark.parametrize("plain", [False, True], ids=["compiled", "plain"])
SAMPLES = pytest.mark.parametrize(("n", "seed"), [(1, 2), (3, 4), (25, 5), (25, 6)])
COUPLINGS = pytest.mark.parametrize(
    "spin_orbit",
    [[[0.0, 0.1], [0.06, 0.0]], [[0.9, -1.3], [0.4, 0.7]], [[0.2, 0.2], [-0.2, -0.2]]],
    ids=["weak", "strong", "helix"],
)


def version(kernel, plain):
    return getattr(kernel, "py_func", kernel) if plain else kernel


class Sample:
    """Random sites in a box, linked within a radius, with any conductances and occupations."""

    def __init__(self, n, seed, radius=4.0):
        rng = np.random.default_rng(seed)
        self.n = n
        self.position = rng.uniform(0, 10, (n, 2))
        pairs = neighbour_twin.fill_neighbours(self.position, (0, 0), radius)
        self.link = {pair: l for l, pair in enumerate(pairs)}
        self.i = np.array([i for i, _ in pairs], dtype=np.int64)
        self.j = np.array([j for _, j in pairs], dtype=np.int64)
        self.separation = (self.position[self.j] - self.position[self.i]).reshape(-1, 2)
        self.log_occupation = rng.normal(0, 1, n)
        self.log_conductance = -2 * np.hypot(*self.separation.T) + rng.normal(0, 1, len(pairs))
        self.potential = rng.uniform(size=n)
        self.sigma = rng.normal(size=(n, 3))
        self.block = rng.normal(size=(n, 3, 3))
        self.rotation = rng.normal(size=(len(pairs), 4))
        self.rotation /= np.linalg.norm(self.rotation, axis=1)[:, None]
        start, row = np.empty(n + 1, np.int64), np.empty(2 * len(pairs), np.int64)
        row_link = np.empty_like(row)
        neighbours.fill_rows(self.i, self.j, start, row, row_link)
        self.rows = (start, row, row_link)
        self.conductance = np.exp(self.log_conductance)

    def hops(self, M):
        """The table of `hopnet.spin.coefficients.hop_table`."""
        return triad_twin.fill_hops(
            self.separation, M, self.log_conductance, self.log_occupation, self.i, self.j
        )

    def hop_rotations(self, M):
        """Quaternions of the hops j -> i."""
        d_x, d_y, cosine, sinc = self.hops(M).T[:4]
        return np.column_stack([cosine, -sinc * d_x, -sinc * d_y, 0.0 * d_x])

    def triangle(self, M, eta):
        return triad_twin.Triangle(
            lambda a, b: self.position[a] - self.position[b],
            M,
            {pair: self.log_conductance[l] for pair, l in self.link.items()},
            self.log_occupation,
            eta,
        )


@PLAIN
@SAMPLES
@COUPLINGS
def test_coefficients_torque_and_feedback(n, seed, spin_orbit, plain):
    sample, M, eta = Sample(n, seed), np.array(spin_orbit), 0.3
    triads = triangle_twin.fill_triads(sample.link)
    triangle = sample.triangle(M, eta)
    determinant = M[0, 0] * M[1, 1] - M[0, 1] * M[1, 0]
    hops = np.full((len(sample.i), 6), np.nan)
    middle = len(sample.i) // 2
    for first, last in ((middle, len(sample.i)), (0, middle)):
        version(coefficients.fill_hops, plain)(
            first,
            last,
            sample.separation,
            M,
            sample.log_conductance,
            sample.log_occupation,
            sample.i,
            sample.j,
            hops,
        )
    np.testing.assert_allclose(hops, sample.hops(M), rtol=1e-13, atol=1e-15)
    factors = (sample.separation, determinant, hops, eta)

    site = np.array(triads, dtype=np.int64).reshape(-1, 3)
    link = np.array(
        [
            [sample.link[t[0], t[1]], sample.link[t[0], t[2]], sample.link[t[1], t[2]]]
            for t in triads
        ],
        dtype=np.int64,
    ).reshape(-1, 3)
    strength, loop = np.full(len(triads), np.nan), np.full((len(triads), 3, 3), np.nan)
    version(coefficients.fill_coefficients, plain)(link, *factors, strength, loop)
    expected_strength, expected_loop = triad_twin.fill_coefficients(triads, triangle)
    np.testing.assert_allclose(strength, expected_strength, rtol=1e-12)
    np.testing.assert_allclose(loop, expected_loop, rtol=0, atol=2e-15)

    drop = sample.potential[sample.i] - sample.potential[sample.j]
    torque, moment = np.full((len(triads), 3, 4), np.nan), np.full(2, np.nan)
    version(coefficients.fill_torque, plain)(link, *factors, drop, torque, moment)
    size = np.linalg.norm(loop, axis=2) * 24.0 * strength[:, None]  # two spins, each at most 12 Q
    np.testing.assert_allclose(torque[:, :, 3], size, rtol=1e-12)
    torque = torque[:, :, :3]
    expected, expected_moment = triad_twin.fill_torque(triads, triangle, sample.potential)
    noise = 1e-14 * strength.max(initial=0.0)  # of the twin, whose loops are differences
    scale = np.abs(expected).max(initial=0.0)
    np.testing.assert_allclose(torque, expected, rtol=0, atol=1e-12 * scale + noise)
    atol = 1e-11 * scale + 10 * noise
    np.testing.assert_allclose(moment, expected_moment, rtol=0, atol=atol)

    source, current = np.full((len(triads), 3, 1), np.nan), np.full(3, np.nan)
    version(coefficients.fill_feedback, plain)(
        site, link, *factors, drop, sample.sigma, source, current
    )
    expected, expected_current = triad_twin.fill_feedback(
        triads, triangle, sample.potential, sample.sigma
    )
    scale = np.abs(expected).max(initial=0.0)
    np.testing.assert_allclose(source, expected, rtol=0, atol=1e-12 * scale + 100 * noise)
    # every flow j -> i is met by the drop of phi on its way
    atol = 1e-11 * scale + 1000 * noise
    np.testing.assert_allclose(current, expected_current, rtol=0, atol=atol)
    if determinant == 0.0:
        everything = (loop, torque, source, current)
        assert not any(np.any(array) for array in everything)


def test_loops_keep_their_digits_at_any_coupling():
    """Against 50-digit arithmetic: relative error of each component, thin triad, d = 1e-6 .. 2."""
    mpmath = pytest.importorskip("mpmath")
    separation = np.array([[1.3, 0.4], [2.1, 0.6461], [0.8, 0.2461]])  # to j, to k, j to k
    for scale in (1e-6, 1e-3, 0.1, 2.0):
        M = scale * np.array([[0.3, 1.0], [0.6, -0.2]])
        d = separation @ M.T
        angle = np.hypot(*d.T)
        leg = np.column_stack([d, np.cos(angle), np.sinc(angle / np.pi), np.ones((3, 2))])
        loop, strength = np.empty((1, 3, 3)), np.empty(1)
        coefficients.fill_coefficients(
            np.array([[0, 1, 2]]),
            separation,
            M[0, 0] * M[1, 1] - M[0, 1] * M[1, 0],
            leg,
            1.0,
            strength,
            loop,
        )
        with mpmath.workdps(50):
            R = [
                [mpmath.mpf(0)] * 2,
                [mpmath.mpf(x) for x in separation[0]],
                [mpmath.mpf(x) for x in separation[1]],
            ]

            def turn(a, b, R=R, M=M):
                x, y = (
                    sum(mpmath.mpf(M[r, c]) * (R[a][c] - R[b][c]) for c in range(2))
                    for r in range(2)
                )
                size = mpmath.sqrt(x * x + y * y)
                return (
                    mpmath.cos(size),
                    mpmath.sin(size) / size * x,
                    mpmath.sin(size) / size * y,
                    mpmath.mpf(0),
                )

            def times(p, q):
                return (
                    p[0] * q[0] - p[1] * q[1] - p[2] * q[2] - p[3] * q[3],
                    p[0] * q[1] + p[1] * q[0] + p[2] * q[3] - p[3] * q[2],
                    p[0] * q[2] - p[1] * q[3] + p[2] * q[0] + p[3] * q[1],
                    p[0] * q[3] + p[1] * q[2] - p[2] * q[1] + p[3] * q[0],
                )

            for place, (a, b, c) in enumerate([(0, 1, 2), (1, 2, 0), (2, 0, 1)]):
                exact = times(times(turn(a, b), turn(b, c)), turn(c, a))[1:]
                error = [abs(float(loop[0, place, x] / exact[x] - 1)) for x in range(3)]
                # the thin area is itself known to eps 0.84 / 7e-5 = 2.7e-12; beyond
                # 2 (a^2 + b^2) = 16 quaternions are multiplied, and each hop rounds by itself
                assert max(error) < (3e-12 if scale < 1 else 3e-11), (scale, place)


@PLAIN
@SAMPLES
def test_forest_frames_and_transport(n, seed, plain):
    sample = Sample(n, seed, radius=3.0)
    order = np.argsort(-sample.log_conductance, kind="stable")
    forest = np.empty(len(order), np.bool_)
    version(kinetics.mark_forest, plain)(order, sample.i, sample.j, n, forest)
    np.testing.assert_array_equal(forest, twin.mark_forest(order, sample.i, sample.j, n))

    frame = np.full((n, 4), np.nan)
    M = np.array([[0.9, -1.3], [0.4, 0.7]])
    hops, rotation = sample.hops(M), sample.hop_rotations(M)
    version(kinetics.fill_frames, plain)(*sample.rows, hops, forest, frame)
    matrices = np.array([twin.rotation_matrix(q) for q in frame])
    turned = np.full((n, 3), np.nan)
    for sign in (1.0, -1.0):
        version(kinetics.turn_vectors, plain)(frame, sign, sample.sigma, turned)
        expected = twin.turn_vectors(frame, sign, sample.sigma)
        np.testing.assert_allclose(turned, expected, rtol=0, atol=1e-14)
    expected = twin.fill_frames(sample.i, sample.j, rotation, forest, n)
    np.testing.assert_allclose(matrices, expected, rtol=0, atol=1e-13)

    transport, dephasing = np.full((len(order), 4), np.nan), np.full(n, np.nan)
    version(kinetics.fill_transport, plain)(
        sample.i, sample.j, sample.conductance, hops, forest, frame, transport, dephasing
    )
    found = np.array([twin.rotation_matrix(q) for q in transport]).reshape(-1, 3, 3)
    expected = twin.fill_transport(sample.i, sample.j, rotation, expected)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13)
    assert np.all(transport[forest] == [1, 0, 0, 0])
    loss = sample.conductance * (1 - np.trace(expected, axis1=1, axis2=2) / 3)
    expected = np.bincount(sample.i, loss, n) + np.bincount(sample.j, loss, n)
    np.testing.assert_allclose(dephasing, expected, rtol=0, atol=1e-13)


@PLAIN
@SAMPLES
def test_spin_rows_their_moduli_and_precession(n, seed, plain):
    sample = Sample(n, seed)
    arguments = (*sample.rows, sample.conductance, sample.rotation, sample.block, sample.sigma)
    links = (sample.i, sample.j, sample.conductance, sample.rotation)
    out = np.full((n, 3), np.nan)
    middle = n // 2
    version(kinetics.sum_spin_rows, plain)(0, middle, *arguments, out)
    assert np.all(np.isnan(out[middle:]))
    version(kinetics.sum_spin_rows, plain)(middle, n, *arguments, out)
    expected = twin.sum_spin_rows(*links, sample.block, sample.sigma)
    np.testing.assert_allclose(out, expected, rtol=0, atol=1e-13)

    rhs = np.random.default_rng(seed + 1).normal(size=(n, 3))
    residual, moduli = np.full((n, 3), np.nan), np.full((n, 3), np.nan)
    for first, last in ((middle, n), (0, middle)):
        version(kinetics.judge_spin_rows, plain)(first, last, *arguments, rhs, residual, moduli)
    expected, expected_moduli = twin.judge_spin_rows(*links, sample.block, sample.sigma, rhs)
    np.testing.assert_allclose(residual, expected, rtol=0, atol=1e-13)
    np.testing.assert_allclose(moduli, expected_moduli, rtol=1e-12)

    hops = sample.hops(np.array([[0.9, -1.3], [0.4, 0.7]]))
    version(coefficients.sum_precession, plain)(*links[:3], hops, sample.sigma, out)
    expected = triad_twin.sum_precession(*links[:3], hops, sample.sigma)
    np.testing.assert_allclose(out, expected, rtol=0, atol=1e-13)

    largest = np.full(n, np.nan)
    version(kinetics.largest_neighbour, plain)(*sample.rows[:2], sample.potential, largest)
    expected = twin.largest_neighbour(sample.i, sample.j, sample.potential)
    np.testing.assert_array_equal(largest, expected)
