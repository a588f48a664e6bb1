"""Plain twins of kernels/blocks.py: ordinary elimination of 3x3 blocks of a dense matrix."""

import numpy as np


def dense(n, edges, edge_conductance, edge_block, shift, diagonal):
    """(Lap(g) + s) x 1 + H as an [n, n, 3, 3] array; ``edges`` are (earlier, later, block rows)."""
    A = np.zeros((n, n, 3, 3))
    for (k, j), g, H in zip(edges, edge_conductance, edge_block):
        A[k, j] += -g * np.eye(3) + H.reshape(3, 3)
        A[j, k] += -g * np.eye(3) + H.reshape(3, 3).T
        A[k, k] += g * np.eye(3)
        A[j, j] += g * np.eye(3)
    for k in range(n):
        A[k, k] += shift[k] * np.eye(3) + diagonal[k].reshape(3, 3)
    return A


def factor_block_fronts(A):
    """(D_k^-1, {(k, j): T_kj}, the same of A^T), pivot by pivot, D its block as it finds it."""
    A = A.copy()
    n = len(A)
    inverse, T, left = [], {}, {}
    for k in range(n):
        inverse.append(np.linalg.inv(A[k, k]))
        for j in range(k + 1, n):
            T[k, j] = -inverse[k] @ A[k, j]
            left[k, j] = -(A[j, k] @ inverse[k]).T
        for i in range(k + 1, n):
            for j in range(k + 1, n):
                A[i, j] += A[i, k] @ T[k, j]
    return np.array(inverse), T, left


def forward_block_fronts(left, b):
    """b_j += left_kj^T b_k, pivot by pivot."""
    b = b.copy()
    for k in range(len(b)):
        for j in range(k + 1, len(b)):
            b[j] += left[k, j].T @ b[k]
    return b


def backward_block_fronts(inverse, T, b):
    """x_k = D_k^-1 b_k + sum_j T_kj x_j, last pivot first."""
    x = np.zeros_like(b)
    for k in reversed(range(len(b))):
        x[k] = inverse[k] @ b[k] + sum((T[k, j] @ x[j] for j in range(k + 1, len(b))), np.zeros(3))
    return x
