"""Plain twins of kernels/directed.py: a dense matrix in the same order of elimination."""

import numpy as np


def factor_directed_fronts(rates, n_eliminated):
    """Weights w, weights v and pivots of a dense matrix of rates, whose last node is the ground."""
    a = np.array(rates, dtype=complex if np.iscomplexobj(rates) else float)
    n = a.shape[0]
    w, v, pivot = np.zeros_like(a), np.zeros_like(a), np.zeros(n_eliminated, a.dtype)
    for k in range(n_eliminated):
        pivot[k] = sum(a[k, j] for j in range(k + 1, n))
        if pivot[k] == 0:
            continue
        for j in range(k + 1, n):
            w[k, j] = a[k, j] / pivot[k]
            v[k, j] = a[j, k] / pivot[k]
        for i in range(k + 1, n):
            for j in range(k + 1, n):
                if i != j:
                    a[i, j] += a[i, k] * w[k, j]
    return w, v, pivot, a


def fill_terminal_rates(reduced, n_eliminated):
    """The rates that remain between terminals and ground, without the diagonal."""
    rates = np.array(reduced[n_eliminated:, n_eliminated:])
    np.fill_diagonal(rates, 0.0)
    return rates
