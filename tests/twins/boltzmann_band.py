"""Plain twin of kernels/boltzmann_band.py: it solves the dense matrix."""

import numpy as np


def fill_band_solution(entry, row, column, width, source, work, out, residual):
    for d in range(entry.shape[0]):
        matrix = np.zeros((source.size, source.size), dtype=entry.dtype)
        matrix[row, column] = entry[d]
        try:
            out[d] = np.linalg.solve(matrix, source)
            residual[d] = 0.0  # the residual of the exact solution
        except np.linalg.LinAlgError:
            residual[d] = np.inf
