"""Kernel of the momentum chains against its twin; [rashba 5]."""

import numpy as np
import pytest
from hopnet.kernels import boltzmann_chain as kernels
from twins import boltzmann_chain as twin

COMPILED = kernels.fill_chain_solution
KERNELS = [COMPILED, getattr(COMPILED, "py_func", COMPILED)]


@pytest.mark.kernel
@pytest.mark.parametrize("kernel", KERNELS, ids=["compiled", "python"])
@pytest.mark.parametrize(("n_chains", "n_points"), [(0, 3), (1, 1), (2, 2), (3, 7)])
def test_chain_solution_equals_its_twin(kernel, n_chains, n_points):
    rng = np.random.default_rng(90210)
    shape = (n_chains, n_points, 4, 4)
    lower, upper = rng.normal(size=shape), rng.normal(size=shape)
    diagonal = rng.normal(size=shape) + 6 * np.eye(4)
    source = rng.normal(size=shape[:3])
    expected, found = np.empty(shape[:3]), np.empty(shape[:3])
    twin.fill_chain_solution(lower, diagonal, upper, source, expected)
    kernel(lower, diagonal.copy(), upper.copy(), source.copy(), found)
    assert np.max(np.abs(found - expected), initial=0.0) < 1e-12


@pytest.mark.kernel
@pytest.mark.parametrize("kernel", KERNELS, ids=["compiled", "python"])
def test_rows_of_a_block_are_exchanged(kernel):
    diagonal = np.eye(4)[[1, 0, 3, 2]].reshape(1, 1, 4, 4).copy()
    zero, found = np.zeros((1, 1, 4, 4)), np.empty((1, 1, 4))
    kernel(zero, diagonal, zero.copy(), np.array([[[1.0, 2.0, 3.0, 4.0]]]), found)
    assert found.ravel().tolist() == [2.0, 1.0, 4.0, 3.0]
