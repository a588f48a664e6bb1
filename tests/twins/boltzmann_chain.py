"""Plain twin of kernels/boltzmann_chain.py: write the whole matrix down and solve it."""

import numpy as np


def fill_chain_solution(lower, diagonal, upper, source, out):
    n_chains, n_points = source.shape[:2]
    for c in range(n_chains):
        matrix = np.zeros((n_points, 4, n_points, 4))
        for k in range(n_points):
            matrix[k, :, k, :] = diagonal[c, k]
            if k > 0:
                matrix[k, :, k - 1, :] = lower[c, k]
            if k + 1 < n_points:
                matrix[k, :, k + 1, :] = upper[c, k]
        matrix = matrix.reshape(4 * n_points, 4 * n_points)
        out[c] = np.linalg.solve(matrix, source[c].ravel()).reshape(n_points, 4)
