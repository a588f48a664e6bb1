"""Plain twins of kernels/elimination.py: one dense mesh, one site at a time.

Columns are positions, then terminals, then the ground (the last).
"""

import numpy as np


def factor_fronts(n_positions, n_columns, rows, conductance, shift):
    """Dense weights w[k, j] and pivots d[k] by star-mesh, one position after another."""
    mesh = np.zeros((n_columns, n_columns), np.result_type(conductance, shift, float))
    for k, row in enumerate(rows):
        for q, l in row:
            mesh[k, q] += conductance[l]
            mesh[q, k] += conductance[l]
        mesh[k, -1] += shift[k]
        mesh[-1, k] += shift[k]
    weight = np.zeros((n_positions, n_columns), mesh.dtype)
    pivot = np.zeros(n_positions, mesh.dtype)
    for k in range(n_positions):
        pivot[k] = mesh[k, k + 1 :].sum()
        if pivot[k] == 0:
            continue
        weight[k, k + 1 :] = mesh[k, k + 1 :] / pivot[k]
        for i in range(k + 1, n_columns):
            for j in range(k + 1, n_columns):
                if i != j:
                    mesh[i, j] += mesh[k, i] * weight[k, j]
    return weight, pivot, mesh


def forward_fronts(weight, b):
    """b_j += w_kj b_k."""
    b = np.array(b, dtype=np.result_type(weight, b))
    for k in range(len(weight)):
        b[k + 1 :] += weight[k, k + 1 : len(b)] * b[k]
    return b


def backward_fronts(weight, pivot, b):
    """x_k = b_k / d_k + sum_j w_kj x_j; the columns beyond the positions are zero."""
    x = np.zeros(weight.shape[1], np.result_type(weight, b))
    for k in reversed(range(len(weight))):
        x[k] = (b[k] / pivot[k] if pivot[k] != 0 else 0.0) + weight[k] @ x
    return x[: len(weight)]


def drop_fronts(weight, source, fixed):
    """All differences V_i - V_j from those among the columns beyond the positions."""
    n, m = weight.shape
    table = np.zeros((m, m), np.result_type(weight, source, fixed))
    table[n:, n:] = np.subtract.outer(fixed, fixed)
    for k in reversed(range(n)):
        for j in range(k + 1, m):
            table[k, j] = source[k] + sum(weight[k, i] * table[i, j] for i in range(k + 1, m))
            table[j, k] = -table[k, j]
    return table
