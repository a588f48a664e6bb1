"""kernels/berry.py against its twins: [berry 1], [berry 2], [berry 9], [berry C7]."""

import numpy as np
import pytest
from hopnet.kernels import berry as kernels

from twins import berry as twins

pytestmark = pytest.mark.kernel

N_K, ORDER = 7, 4


def hermitian(rng, *shape):
    x = rng.normal(size=shape) + 1j * rng.normal(size=shape)
    return np.ascontiguousarray(x + x.conj().swapaxes(-1, -2))


def stack(seed, n=N_K, order=ORDER, doublets=False):
    rng = np.random.default_rng(seed)
    h, a, b = (hermitian(rng, n, order, order) for _ in range(3))
    spin = hermitian(rng, order, order)
    if doublets and n:
        e, u = np.linalg.eigh(h)
        e[:, 1::2] = e[:, ::2]
        h = np.ascontiguousarray((u * e[:, None, :]) @ u.conj().swapaxes(1, 2))
    return h, a, b, spin


def empty(n, order):
    return np.empty((n, order)), np.empty((n, order), np.int64), np.empty((n, 5, order, order))


def pairs(seed, n=N_K, order=ORDER):
    out = empty(n, order)
    twins.fill_pairs(*stack(seed, n, order), 1e-9, 1e-13, True, *out)
    return out


@pytest.mark.parametrize(("n", "order"), [(0, 4), (1, 2), (N_K, 3), (N_K, 4), (3, 10)])
def test_pairs(kernel_version, n, order):
    arguments = stack(411, n, order)
    got, want = empty(n, order), empty(n, order)
    kernel_version(kernels.fill_pairs)(*arguments, 1e-9, 1e-13, True, *got)
    twins.fill_pairs(*arguments, 1e-9, 1e-13, True, *want)
    np.testing.assert_allclose(got[0], want[0], rtol=1e-11, atol=1e-11)
    np.testing.assert_array_equal(got[1], want[1])
    np.testing.assert_allclose(got[2], want[2], rtol=1e-8, atol=1e-9)


def test_pairs_of_doublets_agree_as_blocks(kernel_version):
    """Single elements depend on the basis chosen in a doublet; sums over doublets do not."""
    arguments = stack(95, doublets=True)
    got, want = empty(N_K, ORDER), empty(N_K, ORDER)
    kernel_version(kernels.fill_pairs)(*arguments, 1e-9, 1e-13, True, *got)
    twins.fill_pairs(*arguments, 1e-9, 1e-13, True, *want)
    np.testing.assert_array_equal(got[1], want[1])
    assert np.all(got[1] == [0, 0, 2, 2])
    blocks = [x[2].reshape(N_K, 5, 2, 2, 2, 2).sum(axis=(3, 5)) for x in (got, want)]
    np.testing.assert_allclose(blocks[0], blocks[1], rtol=1e-9, atol=1e-10)


def test_diagonal_matrices_need_no_rotation(kernel_version):
    h = np.diag([3.0, 1.0, 2.0]).astype(complex)[None]
    _, a, b, spin = stack(2023, 1, 3)
    got, want = empty(1, 3), empty(1, 3)
    kernel_version(kernels.fill_pairs)(h, a, b, spin, 0.0, 0.0, False, *got)
    twins.fill_pairs(h, a, b, spin, 0.0, 0.0, False, *want)
    np.testing.assert_array_equal(got[0], [[1.0, 2.0, 3.0]])
    np.testing.assert_allclose(got[2], want[2], rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("n", [0, 1, N_K])
def test_terms(kernel_version, n):
    rng = np.random.default_rng(5)
    table, matrix = rng.normal(size=(n, 3)), hermitian(rng, 3, 2, 2)
    got, want = np.empty((n, 2, 2), complex), np.empty((n, 2, 2), complex)
    kernel_version(kernels.fill_terms)(table, matrix, got)
    twins.fill_terms(table, matrix, want)
    np.testing.assert_allclose(got, want, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("kT", [0.0, 0.3])
def test_values(kernel_version, kT):
    energy, group, pair = pairs(72)
    got, want = np.empty((N_K, 6)), np.empty((N_K, 6))
    kernel_version(kernels.fill_values)(energy, group, pair, 0.2, kT, got)
    twins.fill_values(energy, group, pair, 0.2, kT, want)
    np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("n", [0, 1, N_K])
def test_filled(kernel_version, n):
    energy, _, pair = pairs(301, n)
    weight = np.random.default_rng(8).uniform(size=(n, 3))
    mu = np.linspace(-6.0, 6.0, 11)
    got, want = np.zeros((3, 12, 3, 6)), np.zeros((3, 12, 3, 6))
    kernel_version(kernels.add_filled)(energy, pair, weight, mu, got)
    twins.add_filled(energy, pair, weight, mu, want)
    np.testing.assert_allclose(
        np.cumsum(got.sum(axis=0), axis=0)[:-1],
        np.cumsum(want.sum(axis=0), axis=0)[:-1],
        rtol=1e-10,
        atol=1e-11,
    )


@pytest.mark.parametrize("n", [0, 1, N_K])
def test_thermal(kernel_version, n):
    energy, group, pair = pairs(64, n)
    weight = np.random.default_rng(9).uniform(size=(n, 2))
    mu = np.array([1.0, -50.0, 0.3, 50.0])
    got, want = np.zeros((3, 4, 2, 6)), np.zeros((3, 4, 2, 6))
    kernel_version(kernels.add_thermal)(energy, group, pair, weight, mu, 0.4, got)
    twins.add_thermal(energy, group, pair, weight, mu, 0.4, want)
    np.testing.assert_allclose(got.sum(axis=0), want.sum(axis=0), rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("kT", [0.0, 0.5])
@pytest.mark.parametrize("n", [0, 1, N_K])
def test_conserved(kernel_version, kT, n):
    """[berry 4]: the finite-q response."""
    h, a, b, spin = stack(17, n)
    got, want = np.empty(n), np.empty(n)
    kernel_version(kernels.fill_conserved)(
        h, np.ascontiguousarray(h + 0.1 * b), a, spin, 0.2, kT, got
    )
    twins.fill_conserved(h, h + 0.1 * b, a, spin, 0.2, kT, want)
    np.testing.assert_allclose(got, want, rtol=1e-10, atol=1e-11)
