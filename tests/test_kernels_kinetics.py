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
SAMPLES = pytest.mark.parametrize(("n", "seed"), [(1, 2), (3, 4), (25, 5), (25, 6)])
STRONG = np.array([[0.9, -1.3], [0.4, 0.7]])
COUPLINGS = pytest.mark.parametrize(
    "spin_orbit",
    [[[0.0, 0.1], [0.06, 0.0]], STRONG.tolist(), [[0.2, 0.2], [-0.2, -0.2]]],
    ids=["weak", "strong", "helix"],
)


class Sample:
    """Random sites in a box, linked within a radius, with random conductances and occupations."""

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

    def order(self):
        """The links, the strongest one first."""
        return np.argsort(-self.log_conductance, kind="stable")

    def forest(self):
        """The links of the maximum spanning forest."""
        return twin.mark_forest(self.order(), self.i, self.j, self.n)

    def links(self):
        """Ends, conductances and rotations of the links, as the twins take them."""
        return self.i, self.j, self.conductance, self.rotation

    def terms(self):
        """The same with the rows of the graph and the blocks, as the kernels take them."""
        return kinetics.SpinTerms(*self.rows, self.conductance, self.rotation, self.block)

    def triangle(self, M, eta):
        """The twin's triads."""
        return triad_twin.Triangle(
            lambda a, b: self.position[a] - self.position[b],
            M,
            {pair: self.log_conductance[l] for pair, l in self.link.items()},
            self.log_occupation,
            eta,
        )


class Listed:
    """The triads of a sample: the arguments of the kernels, and the triangles of the twin."""

    def __init__(self, n, seed, spin_orbit, eta=0.3):
        self.sample, self.M = Sample(n, seed), np.array(spin_orbit)
        self.triads = triangle_twin.fill_triads(self.sample.link)
        self.triangle = self.sample.triangle(self.M, eta)
        self.determinant = self.M[0, 0] * self.M[1, 1] - self.M[0, 1] * self.M[1, 0]
        link = self.sample.link
        self.site = np.array(self.triads, dtype=np.int64).reshape(-1, 3)
        self.link = np.array(
            [[link[i, j], link[i, k], link[j, k]] for i, j, k in self.triads], dtype=np.int64
        ).reshape(-1, 3)
        hops = self.sample.hops(self.M)
        self.factors = (self.sample.separation, self.determinant, hops, eta)
        self.strength, self.loop = triad_twin.fill_coefficients(self.triads, self.triangle)
        # The twin takes differences of terms of order one: this is its rounding.
        self.noise = 1e-14 * self.strength.max(initial=0.0)
        self.drop = self.sample.potential[self.sample.i] - self.sample.potential[self.sample.j]


@SAMPLES
@COUPLINGS
def test_hops(n, seed, spin_orbit, kernel_version):
    sample, M = Sample(n, seed), np.array(spin_orbit)
    hops = np.full((len(sample.i), 6), np.nan)
    middle = len(sample.i) // 2
    for first, last in ((middle, len(sample.i)), (0, middle)):
        kernel_version(coefficients.fill_hops)(
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
    np.testing.assert_allclose(hops, sample.hops(M), rtol=1e-12, atol=1e-14)


def test_both_kernel_files_name_the_same_columns_of_the_table():
    for name in ("D_X", "D_Y", "COSINE", "SINC"):
        assert getattr(kinetics, name) == getattr(coefficients, name)


@SAMPLES
@COUPLINGS
def test_coefficients(n, seed, spin_orbit, kernel_version):
    """Strength and loops of every triad; no loop for a persistent helix."""
    known = Listed(n, seed, spin_orbit)
    n_triads = len(known.triads)
    strength, loop = np.full(n_triads, np.nan), np.full((n_triads, 3, 3), np.nan)
    kernel_version(coefficients.fill_coefficients)(known.link, *known.factors, strength, loop)
    np.testing.assert_allclose(strength, known.strength, rtol=1e-12)
    np.testing.assert_allclose(loop, known.loop, rtol=0, atol=2e-14)
    assert known.determinant != 0.0 or not np.any(loop)


@SAMPLES
@COUPLINGS
def test_torque(n, seed, spin_orbit, kernel_version):
    """Torque, its moment, and the bound on the flow by two spins with Lambda of at most 12 Q."""
    known = Listed(n, seed, spin_orbit)
    torque, moment = np.full((len(known.triads), 3, 4), np.nan), np.full(2, np.nan)
    kernel_version(coefficients.fill_torque)(known.link, *known.factors, known.drop, torque, moment)
    size = 24.0 * np.linalg.norm(known.loop, axis=2) * known.strength[:, None]
    np.testing.assert_allclose(torque[:, :, 3], size, rtol=1e-11, atol=24 * known.noise)
    expected, expected_moment = triad_twin.fill_torque(
        known.triads, known.triangle, known.sample.potential
    )
    scale = np.abs(expected).max(initial=0.0)
    atol = 1e-12 * scale + known.noise
    np.testing.assert_allclose(torque[:, :, :3], expected, rtol=0, atol=atol)
    atol = 1e-11 * scale + 10 * known.noise
    np.testing.assert_allclose(moment, expected_moment, rtol=0, atol=atol)
    assert known.determinant != 0.0 or not np.any(torque)


@SAMPLES
@COUPLINGS
def test_feedback(n, seed, spin_orbit, kernel_version):
    """Flows that spins drive, and their current: the sum of each flow times its drop of phi."""
    known = Listed(n, seed, spin_orbit)
    source, current = np.full((len(known.triads), 3, 1), np.nan), np.full(3, np.nan)
    kernel_version(coefficients.fill_feedback)(
        known.site, known.link, *known.factors, known.drop, known.sample.sigma, source, current
    )
    expected, expected_current = triad_twin.fill_feedback(
        known.triads, known.triangle, known.sample.potential, known.sample.sigma
    )
    scale = np.abs(expected).max(initial=0.0)
    atol = 1e-12 * scale + 100 * known.noise
    np.testing.assert_allclose(source, expected, rtol=0, atol=atol)
    atol = 1e-11 * scale + 1000 * known.noise
    np.testing.assert_allclose(current, expected_current, rtol=0, atol=atol)
    assert known.determinant != 0.0 or not (np.any(source) or np.any(current))


def test_loops_keep_their_digits_at_any_coupling():
    """Each component of the loops of a thin triad keeps its digits, for d from 1e-6 to 2."""
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
                # The small area itself has a relative error of eps 0.84 / 7e-5 = 2.7e-12. Above
                # 2 (a^2 + b^2) = 16 the kernel multiplies quaternions, and each hop rounds too.
                assert max(error) < (3e-12 if scale < 1 else 3e-11), (scale, place)


@SAMPLES
def test_forest(n, seed, kernel_version):
    sample = Sample(n, seed, radius=3.0)
    forest = np.empty(len(sample.i), np.bool_)
    kernel_version(kinetics.mark_forest)(sample.order(), sample.i, sample.j, n, forest)
    np.testing.assert_array_equal(forest, sample.forest())


@SAMPLES
def test_frames(n, seed, kernel_version):
    sample, frame = Sample(n, seed, radius=3.0), np.full((n, 4), np.nan)
    forest, rotation = sample.forest(), sample.hop_rotations(STRONG)
    kernel_version(kinetics.fill_frames)(*sample.rows, sample.hops(STRONG), forest, frame)
    matrices = np.array([twin.rotation_matrix(q) for q in frame])
    expected = twin.fill_frames(sample.i, sample.j, rotation, forest, n)
    np.testing.assert_allclose(matrices, expected, rtol=0, atol=1e-13)


@SAMPLES
def test_turned_vectors(n, seed, kernel_version):
    sample, turned = Sample(n, seed), np.full((n, 3), np.nan)
    frame = np.random.default_rng(seed).normal(size=(n, 4))
    frame /= np.linalg.norm(frame, axis=1)[:, None]
    for sign in (1.0, -1.0):
        kernel_version(kinetics.turn_vectors)(frame, sign, sample.sigma, turned)
        expected = twin.turn_vectors(frame, sign, sample.sigma)
        np.testing.assert_allclose(turned, expected, rtol=0, atol=1e-13)


@SAMPLES
def test_transport(n, seed, kernel_version):
    """Rotations between frames, exactly 1 on the forest, and the dephasing that remains."""
    sample, frame = Sample(n, seed, radius=3.0), np.empty((n, 4))
    forest, hops = sample.forest(), sample.hops(STRONG)
    kinetics.fill_frames(*sample.rows, hops, forest, frame)
    transport, dephasing = np.full((len(sample.i), 4), np.nan), np.full(n, np.nan)
    kernel_version(kinetics.fill_transport)(
        sample.i, sample.j, sample.conductance, hops, forest, frame, transport, dephasing
    )
    found = np.array([twin.rotation_matrix(q) for q in transport]).reshape(-1, 3, 3)
    matrices = np.array([twin.rotation_matrix(q) for q in frame])
    expected = twin.fill_transport(sample.i, sample.j, sample.hop_rotations(STRONG), matrices)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13)
    assert np.all(transport[forest] == [1, 0, 0, 0])
    loss = sample.conductance * (1 - np.trace(expected, axis1=1, axis2=2) / 3)
    expected = np.bincount(sample.i, loss, n) + np.bincount(sample.j, loss, n)
    np.testing.assert_allclose(dephasing, expected, rtol=0, atol=1e-13)


@SAMPLES
def test_spin_rows(n, seed, kernel_version):
    """The rows are filled in two calls. The first call does not change the rows of the second."""
    sample = Sample(n, seed)
    out, middle = np.full((n, 3), np.nan), n // 2
    kernel_version(kinetics.sum_spin_rows)(0, middle, sample.terms(), sample.sigma, out)
    assert np.all(np.isnan(out[middle:]))
    kernel_version(kinetics.sum_spin_rows)(middle, n, sample.terms(), sample.sigma, out)
    expected = twin.sum_spin_rows(*sample.links(), sample.block, sample.sigma)
    np.testing.assert_allclose(out, expected, rtol=0, atol=1e-13)


@SAMPLES
def test_residual_of_spin_rows(n, seed, kernel_version):
    sample = Sample(n, seed)
    rhs = np.random.default_rng(seed + 1).normal(size=(n, 3))
    residual, moduli = np.full((n, 3), np.nan), np.full((n, 3), np.nan)
    for first, last in ((n // 2, n), (0, n // 2)):
        kernel_version(kinetics.fill_spin_residuals)(
            first, last, sample.terms(), sample.sigma, rhs, residual, moduli
        )
    expected, expected_moduli = twin.fill_spin_residuals(
        *sample.links(), sample.block, sample.sigma, rhs
    )
    np.testing.assert_allclose(residual, expected, rtol=0, atol=1e-13)
    np.testing.assert_allclose(moduli, expected_moduli, rtol=1e-12)


@SAMPLES
def test_precession(n, seed, kernel_version):
    sample, out = Sample(n, seed), np.full((n, 3), np.nan)
    arguments = (*sample.links()[:3], sample.hops(STRONG), sample.sigma)
    kernel_version(coefficients.sum_precession)(*arguments, out)
    expected = triad_twin.sum_precession(*arguments)
    np.testing.assert_allclose(out, expected, rtol=0, atol=1e-13)


@SAMPLES
def test_largest_neighbour(n, seed, kernel_version):
    sample, largest = Sample(n, seed), np.full(n, np.nan)
    kernel_version(kinetics.largest_neighbour)(*sample.rows[:2], sample.potential, largest)
    expected = twin.largest_neighbour(sample.i, sample.j, sample.potential)
    np.testing.assert_array_equal(largest, expected)
