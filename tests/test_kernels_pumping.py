"""Kernels of pumping against their twins: [pumping 5], [pumping 6], [pumping 7], [pumping 12]."""

import numpy as np
import pytest
from hopnet.kernels import pumping as kernels

from twins import pumping as twins

pytestmark = pytest.mark.kernel
SIZES = [(0, 1), (1, 1), (7, 1), (1, 5), (6, 4)]


def variants(name):
    kernel = getattr(kernels, name)
    return [
        pytest.param(kernel, id=f"{name}-compiled"),
        pytest.param(getattr(kernel, "py_func", kernel), id=f"{name}-python"),
    ]


def amplitudes(shape, seed):
    rng = np.random.default_rng(seed)
    return rng.normal(size=shape) + 1j * rng.normal(size=shape)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("pole", [False, True])
@pytest.mark.parametrize("kernel", variants("fill_response"))
def test_fill_response(kernel, pole, size):
    rng = np.random.default_rng(2381)
    spin, source = amplitudes(size, 11), amplitudes(size, 12)
    square, drift = rng.random(size[0]) + 0.1, rng.normal(size=size[0])
    omega = rng.normal(size=size[1])
    if pole:
        square[:1], drift[:1], omega[:1] = 0.0, 0.0, 0.0
    numbers = (0.9, 0.0 if pole else 0.3, -0.7, 0.4, 1.9, pole)
    out, expected = amplitudes(size, 13), amplitudes(size, 14)
    kernel(spin, source, square, drift, omega, *numbers, out)
    twins.fill_response(spin, source, square, drift, omega, *numbers, expected)
    np.testing.assert_allclose(out, expected, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kernel", variants("fill_scaled"))
def test_fill_scaled(kernel, size):
    field, weight = amplitudes(size, 21), np.random.default_rng(22).normal(size=size[0])
    out, expected = amplitudes(size, 23), amplitudes(size, 24)
    kernel(field, weight, 1j, out)
    twins.fill_scaled(field, weight, 1j, expected)
    np.testing.assert_allclose(out, expected, rtol=1e-14)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kernel", variants("fill_rate"))
def test_fill_rate(kernel, size):
    rng = np.random.default_rng(31)
    field, drift, omega = amplitudes(size, 32), rng.normal(size=size[0]), rng.normal(size=size[1])
    out, expected = amplitudes(size, 33), amplitudes(size, 34)
    kernel(field, drift, omega, out)
    twins.fill_rate(field, drift, omega, expected)
    np.testing.assert_allclose(out, expected, rtol=1e-14)


@pytest.mark.parametrize("n", [0, 1, 9])
@pytest.mark.parametrize("kernel", variants("fill_cross"))
def test_fill_cross(kernel, n):
    vectors = np.random.default_rng(41).normal(size=(6, n))
    out, expected = np.ones((3, n)), np.zeros((3, n))
    kernel(*vectors, *out)
    twins.fill_cross(*vectors, *expected)
    np.testing.assert_allclose(out, expected, rtol=1e-13, atol=1e-14)
    kernel(*vectors, *vectors[3:])  # in place of a factor
    np.testing.assert_array_equal(vectors[3:], out)


@pytest.mark.parametrize("n", [0, 1, 9])
@pytest.mark.parametrize("kernel", variants("fill_rigid_cross"))
def test_fill_rigid_cross(kernel, n):
    rng = np.random.default_rng(51)
    a, b = amplitudes(n, 52), amplitudes(n, 53)
    a_z, b_z = rng.normal(size=n), rng.normal(size=n)
    out = np.empty(n, complex), np.empty(n)
    expected = np.empty(n, complex), np.empty(n)
    kernel(a, a_z, b, b_z, *out)
    twins.fill_rigid_cross(a, a_z, b, b_z, *expected)
    np.testing.assert_allclose(out[0], expected[0], rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(out[1], expected[1], rtol=1e-13, atol=1e-14)
    kernel(a, a_z, b, b_z, b, b_z)  # in place of a factor
    np.testing.assert_array_equal(b, out[0])
    np.testing.assert_array_equal(b_z, out[1])


@pytest.mark.parametrize("decay", [0.0, 1e-9, 0.03, 40.0])
@pytest.mark.parametrize("size", [(0, 3), (1, 1), (5, 6)])
@pytest.mark.parametrize("kernel", variants("fill_march"))
def test_fill_march(kernel, size, decay):
    rng = np.random.default_rng(61)
    source, square = amplitudes(size, 62), rng.random(size[0])
    time = np.cumsum(0.1 + rng.random(size[1]))
    out, expected = amplitudes(size, 63), amplitudes(size, 64)
    kernel(source, square, time, decay, 0.5 * decay, out)
    twins.fill_march(source, square, time, decay, 0.5 * decay, expected)
    np.testing.assert_allclose(out, expected, rtol=1e-12, atol=1e-14)
