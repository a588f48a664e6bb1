"""Plain twins of kernels/elimination.py: one dense mesh, one site at a time.

Columns are ranks (eliminated nodes in their order), then terminals, then the ground (the last).
"""

import numpy as np


def factor_fronts(n_eliminated, n_columns, rows, conductance, excess):
    """Dense weights w[k, j] and pivots d[k] by star-mesh, one node after another."""
    mesh = np.zeros((n_columns, n_columns), np.result_type(conductance, excess, float))
    for k, row in enumerate(rows):
        for q, l in row:
            mesh[k, q] += conductance[l]
            mesh[q, k] += conductance[l]
        mesh[k, -1] += excess[k]
        mesh[-1, k] += excess[k]
    weight = np.zeros((n_eliminated, n_columns), mesh.dtype)
    pivot = np.zeros(n_eliminated, mesh.dtype)
    for k in range(n_eliminated):
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
    """x_k = b_k / d_k + sum_j w_kj x_j; the columns after the eliminated nodes are zero."""
    x = np.zeros(weight.shape[1], np.result_type(weight, b))
    for k in reversed(range(len(weight))):
        x[k] = (b[k] / pivot[k] if pivot[k] != 0 else 0.0) + weight[k] @ x
    return x[: len(weight)]


def drop_fronts(weight, source, fixed):
    """All differences V_i - V_j from those among the columns after the eliminated nodes."""
    n, m = weight.shape
    table = np.zeros((m, m), np.result_type(weight, source, fixed))
    table[n:, n:] = np.subtract.outer(fixed, fixed)
    for k in reversed(range(n)):
        for j in range(k + 1, m):
            table[k, j] = source[k] + sum(weight[k, i] * table[i, j] for i in range(k + 1, m))
            table[j, k] = -table[k, j]
    return table


def fill_root_table(fronts, value):
    """Differences between the columns of the root's boundary."""
    n_eliminated = fronts.front_start[-1]
    own = value[fronts.boundary[fronts.boundary_start[-2] :] - n_eliminated]
    return np.subtract.outer(own, own)


def fill_terminal_mesh(mesh, n_eliminated):
    """The mesh that `factor_fronts` leaves between terminals and ground."""
    left = mesh[n_eliminated:, n_eliminated:].copy()
    np.fill_diagonal(left, 0.0)
    return left
