"""Kernel of the harmonics against its twin; [qbe 11]."""

import numpy as np
import pytest
from hopnet.kernels import boltzmann_band as kernels

from twins import boltzmann_band as twin


def band(n_rows, width):
    row, column = np.indices((n_rows, n_rows)).reshape(2, -1)
    inside = np.abs(row - column) <= width
    return row[inside], column[inside]


def solve(kernel, entry, row, column, width, source):
    out = np.empty((entry.shape[0], source.size), dtype=entry.dtype)
    residual = np.full(entry.shape[0], np.nan)
    work = np.empty((source.size, 3 * width + 2), dtype=entry.dtype)
    kernel(entry, row, column, width, source, work, out, residual)
    return out, residual


@pytest.mark.kernel
@pytest.mark.parametrize("kind", [float, complex])
@pytest.mark.parametrize(
    ("n_drives", "n_rows", "width"), [(0, 3, 1), (1, 1, 0), (2, 4, 3), (3, 17, 4), (2, 6, 8)]
)
def test_band_solution_equals_its_twin(kernel_version, kind, n_drives, n_rows, width):
    # The diagonal does not dominate, so that rows must be exchanged.
    kernel = kernel_version(kernels.fill_band_solution)
    rng = np.random.default_rng(60221)
    row, column = band(n_rows, width)
    entry = rng.normal(size=(n_drives, row.size)).astype(kind)
    if kind is complex:
        entry += 1j * rng.normal(size=entry.shape)
    source = rng.normal(size=n_rows)
    found, residual = solve(kernel, entry, row, column, width, source)
    expected, _ = solve(twin.fill_band_solution, entry, row, column, width, source)
    assert np.max(np.abs(found - expected), initial=0.0) < 1e-10
    assert np.max(residual, initial=0.0) < 1e-11


@pytest.mark.kernel
def test_a_singular_system_does_not_disturb_its_neighbours(kernel_version):
    kernel = kernel_version(kernels.fill_band_solution)
    row = column = np.arange(3)
    entry = np.array([[1.0, 2.0, 4.0], [1.0, 0.0, 4.0], [4.0, 2.0, 1.0]])
    found, residual = solve(kernel, entry, row, column, 1, np.ones(3))
    _, expected = solve(twin.fill_band_solution, entry, row, column, 1, np.ones(3))
    assert residual.tolist() == expected.tolist() == [0.0, np.inf, 0.0]
    assert found[[0, 2]].tolist() == [[1.0, 0.5, 0.25], [0.25, 0.5, 1.0]]
