"""Kernels of pumping against their twins: [pumping 5], [pumping 6], [pumping 7], [pumping 12].

Tolerances: a kernel and its twin differ by some ten rounding errors of a term (2e-16 each); the
bound 2e-14 leaves a factor of 10 for processors with other instructions.
"""

import numpy as np
import pytest
from hopnet.kernels import pumping as kernels

from twins import pumping as twins

pytestmark = pytest.mark.kernel
SIZES = [(0, 1), (1, 1), (7, 1), (1, 5), (6, 4)]


def amplitudes(shape, seed):
    rng = np.random.default_rng(seed)
    return rng.normal(size=shape) + 1j * rng.normal(size=shape)


def agree(out, expected, *terms, tolerance=2e-14):
    """Compare arrays to rounding of the largest of the terms that were summed."""
    scale = max([1.0, *(np.abs(t).max(initial=0.0) for t in (expected, *terms))])
    np.testing.assert_allclose(out, expected, rtol=tolerance, atol=tolerance * scale)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("pole", [False, True])
def test_fill_response(kernel_version, pole, size):
    kernel = kernel_version(kernels.fill_response)
    rng = np.random.default_rng(2381)
    spin, source = amplitudes(size, 11), amplitudes(size, 12)
    square, drift = rng.random(size[0]) + 0.1, rng.normal(size=size[0])
    omega = rng.normal(size=size[1])
    if pole:
        square[:1], drift[:1], omega[:1] = 0.0, 0.0, 0.0
    modes = kernels.ModeNumbers(square, drift, omega)
    strength = kernels.Strength(-0.7, 0.4, 1.9)
    relaxation = 0.0 if pole else 0.3
    out, expected = amplitudes(size, 13), amplitudes(size, 14)
    kernel(spin, source, modes, 0.9, relaxation, strength, pole, out)
    twins.fill_response(spin, source, modes, 0.9, relaxation, strength, pole, expected)
    agree(out, expected)


@pytest.mark.parametrize("size", SIZES)
def test_fill_scaled(kernel_version, size):
    kernel = kernel_version(kernels.fill_scaled)
    field, weight = amplitudes(size, 21), np.random.default_rng(22).normal(size=size[0])
    out, expected = amplitudes(size, 23), amplitudes(size, 24)
    kernel(field, weight, 1j, out)
    twins.fill_scaled(field, weight, 1j, expected)
    agree(out, expected)


@pytest.mark.parametrize("size", SIZES)
def test_fill_rate(kernel_version, size):
    kernel = kernel_version(kernels.fill_rate)
    rng = np.random.default_rng(31)
    field, drift, omega = amplitudes(size, 32), rng.normal(size=size[0]), rng.normal(size=size[1])
    out, expected = amplitudes(size, 33), amplitudes(size, 34)
    kernel(field, drift, omega, out)
    twins.fill_rate(field, drift, omega, expected)
    agree(out, expected)


@pytest.mark.parametrize("n", [0, 1, 9])
def test_fill_cross(kernel_version, n):
    kernel = kernel_version(kernels.fill_cross)
    vectors = np.random.default_rng(41).normal(size=(6, n))
    out, expected = np.ones((3, n)), np.zeros((3, n))
    kernel(*vectors, *out)
    twins.fill_cross(*vectors, *expected)
    agree(out, expected, vectors**2)
    kernel(*vectors, *vectors[3:])  # the second factor is overwritten by the result
    np.testing.assert_array_equal(vectors[3:], out)


@pytest.mark.parametrize("n", [0, 1, 9])
def test_fill_rigid_cross(kernel_version, n):
    kernel = kernel_version(kernels.fill_rigid_cross)
    rng = np.random.default_rng(51)
    a, b = amplitudes(n, 52), amplitudes(n, 53)
    a_z, b_z = rng.normal(size=n), rng.normal(size=n)
    out = np.empty(n, complex), np.empty(n)
    expected = np.empty(n, complex), np.empty(n)
    kernel(a, a_z, b, b_z, *out)
    twins.fill_rigid_cross(a, a_z, b, b_z, *expected)
    for ours, theirs in zip(out, expected):
        agree(ours, theirs, a * b, a_z * b, b_z * a)
    kernel(a, a_z, b, b_z, b, b_z)  # the second factor is overwritten by the result
    np.testing.assert_array_equal(b, out[0])
    np.testing.assert_array_equal(b_z, out[1])


@pytest.mark.parametrize("decay", [0.0, 1e-9, 0.03, 40.0])
@pytest.mark.parametrize("size", [(0, 3), (1, 1), (5, 6)])
def test_fill_march(kernel_version, size, decay):
    kernel = kernel_version(kernels.fill_march)
    rng = np.random.default_rng(61)
    source, square = amplitudes(size, 62), rng.random(size[0])
    time = np.cumsum(0.1 + rng.random(size[1]))
    out, expected = amplitudes(size, 63), amplitudes(size, 64)
    kernel(source, square, time, decay, 0.5 * decay, out)
    twins.fill_march(source, square, time, decay, 0.5 * decay, expected)
    agree(out, expected, tolerance=1e-12)  # the twin's quadrature has 60 nodes of 1e-15 each
