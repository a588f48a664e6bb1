"""Kernel of the momentum chains against its twin; [rashba 5]."""

import numpy as np
import pytest
from hopnet.kernels import boltzmann_chain as kernels

from hopnet.boltzmann.potentials import BESSEL_SCALE, bessel_table
from twins import boltzmann_chain as twin


@pytest.mark.kernel
@pytest.mark.parametrize(("n_chains", "n_points"), [(0, 3), (1, 1), (2, 2), (3, 7)])
def test_chain_solution_equals_its_twin(kernel_version, n_chains, n_points):
    kernel = kernel_version(kernels.fill_chain_solution)
    rng = np.random.default_rng(90210)
    shape = (n_chains, n_points, 4, 4)
    lower, upper = rng.normal(size=shape), rng.normal(size=shape)
    diagonal = rng.normal(size=shape) + 6 * np.eye(4)
    source = rng.normal(size=shape[:3])
    expected, found = np.empty(shape[:3]), np.empty(shape[:3])
    exact, residual, sign, found_sign = (np.full(n_chains, 9.0) for _ in range(4))
    twin.fill_chain_solution(lower, diagonal, upper, source, None, expected, exact, sign)
    work = np.empty((n_points, 4, 9))
    kernel(lower, diagonal, upper, source, work, found, residual, found_sign)
    assert found_sign.tolist() == sign.tolist()
    assert np.max(np.abs(found - expected), initial=0.0) < 1e-11
    assert np.max(np.abs(residual - exact), initial=0.0) < 1e-12


@pytest.mark.kernel
@pytest.mark.parametrize("lost", [0, 1])
def test_a_singular_chain_shows_in_its_residual(kernel_version, lost):
    kernel = kernel_version(kernels.fill_chain_solution)
    # One unknown is taken out of [rashba 5] in one chain: only this chain has no solution.
    diagonal = np.broadcast_to(np.eye(4), (2, 3, 4, 4)).copy()
    diagonal[lost, 1, 2, 2] = 0.0
    zero, residual = np.zeros((2, 3, 4, 4)), np.empty(2)
    with np.errstate(all="ignore"):
        kernel(
            zero,
            diagonal,
            zero,
            np.ones((2, 3, 4)),
            np.empty((3, 4, 9)),
            np.empty((2, 3, 4)),
            residual,
            np.empty(2),
        )
    assert not residual[lost] < 1e-7
    assert residual[1 - lost] == 0.0


@pytest.mark.kernel
def test_rows_of_a_block_are_exchanged(kernel_version):
    kernel = kernel_version(kernels.fill_chain_solution)
    diagonal = np.eye(4)[[1, 0, 3, 2]].reshape(1, 1, 4, 4).copy()
    zero, found, residual = np.zeros((1, 1, 4, 4)), np.empty((1, 1, 4)), np.empty(1)
    source = np.array([[[1.0, 2.0, 3.0, 4.0]]])
    sign = np.empty(1)
    kernel(zero, diagonal, zero, source, np.empty((1, 4, 9)), found, residual, sign)
    assert found.ravel().tolist() == [2.0, 1.0, 4.0, 3.0]
    assert sign[0] == 1.0  # two exchanges


@pytest.mark.kernel
@pytest.mark.parametrize("interband", [True, False])
@pytest.mark.parametrize(("n_chains", "n_points"), [(0, 3), (1, 1), (3, 9)])
def test_chain_blocks_equal_their_twin(kernel_version, interband, n_chains, n_points):
    kernel = kernel_version(kernels.fill_chain_blocks)
    rng = np.random.default_rng(31415)
    mass, alpha = 1.3, 0.4
    rung = mass * alpha * (np.arange(n_points) - n_points // 2)
    momentum = rng.uniform(0.05, 0.2, (n_chains, 1)) + rung
    bottom = np.abs(np.abs(momentum) - mass * alpha / 2)
    here = rng.uniform(-1, 1, (n_chains, n_points, 10))
    link = rng.uniform(-1, 1, (n_chains, n_points + 1, 10))
    found = [np.full((n_chains, n_points, 4, 4), np.nan) for _ in range(3)]
    expected = [np.zeros((n_chains, n_points, 4, 4)) for _ in range(3)]
    kernel(momentum, bottom, here, link, mass, alpha, interband, *found)
    twin.fill_chain_blocks(momentum, bottom, here, link, mass, alpha, interband, *expected)
    for one, other in zip(found, expected):
        assert np.max(np.abs(one - other), initial=0.0) < 1e-12


@pytest.mark.kernel
@pytest.mark.parametrize("top", [2, 4])
def test_bessel_functions_equal_their_twin(kernel_version, top):
    kernel = kernel_version(kernels.fill_scaled_bessel)
    # [rashba 6]: arguments at the ends of the pieces, at 0, and beyond any momentum.
    ends = BESSEL_SCALE * (64 / np.arange(1, 65) - 1)
    x = np.concatenate([[0.0], ends, np.geomspace(1e-9, 1e9, 300)])
    for part in (x[:0], x[:1], x):
        found, expected = (np.full((top + 1, part.size), np.nan) for _ in range(2))
        kernel(part, bessel_table(top), BESSEL_SCALE, found)
        twin.fill_scaled_bessel(part, bessel_table(top), BESSEL_SCALE, expected)
        # The interpolation has an error of 7e-15 for values up to 1; with the rounding of the table
        # 1.1e-14 was measured.
        assert np.max(np.abs(found - expected), initial=0.0) < 1e-13
