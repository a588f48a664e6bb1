"""Plain twins of kernels/log_ratios.py: a dense matrix in the same order of elimination.

``w`` and ``v`` hold the weights of node k in row k, for all later columns; the columns behind the
eliminated nodes are terminals, whose values are given.
"""

import numpy as np


def log_ratio_fronts(w, v, p, log_n, fixed):
    """All ln(u_i / u_j), u = p / n, from those among the terminals."""
    n, m = w.shape
    table = np.zeros((m, m))
    table[n:, n:] = fixed
    for k in reversed(range(n)):
        for j in range(k + 1, m):
            low = high = 0.0
            for i in range(k + 1, m):
                if table[i, j] > 0:
                    high -= v[k, i] * p[i] / p[k] * np.expm1(-table[i, j])
                else:
                    low += w[k, i] * np.expm1(table[i, j])
            if high - low < 0.5:
                table[k, j] = np.log1p(low) - np.log1p(-high)
            else:
                table[k, j] = np.log(p[k] / p[j]) - (log_n[k] - log_n[j])
            table[j, k] = -table[k, j]
    return table


def correction_fronts(w, p, log_n, source, fixed_change):
    """All (du_i - du_j) / max(u_i, u_j); ``fixed_change`` holds du of the terminals."""
    n = w.shape[0]
    u = p / np.exp(log_n)
    du = np.append(np.zeros(n), fixed_change)
    for k in reversed(range(n)):
        du[k] = source[k] * u[k] + w[k, k + 1 :] @ du[k + 1 :]
    return np.subtract.outer(du, du) / np.maximum.outer(u, u)


def change_fronts(v, source, fixed):
    """All q_i - q_j with q_k = source_k + sum_i v_ki q_i."""
    n, _ = v.shape
    q = np.append(np.zeros(n), fixed)
    for k in reversed(range(n)):
        q[k] = source[k] + v[k, k + 1 :] @ q[k + 1 :]
    return np.subtract.outer(q, q)


def fill_root_entries(fronts, value):
    """The entries between the columns of the root's boundary."""
    n_eliminated = fronts.front_start[-1]
    own = fronts.boundary[fronts.boundary_start[-2] :] - n_eliminated
    return value[np.ix_(own, own)]
