"""Plain twins of kernels/incomplete.py: ordinary elimination of a dense matrix, link by link."""

import numpy as np


def dense(n, links, conductance, excess, threshold):
    """Lap + diag(excess) as an [n, n] array; ``links`` are pairs of ranks.

    Leaving out an entry, but not its part of the diagonal, adds its g to the excess.
    """
    A = np.diag(excess).astype(float)
    for (k, j), g in zip(links, conductance):
        if g > min(threshold[k], threshold[j]):
            A[k, j] -= g
            A[j, k] -= g
        A[k, k] += g
        A[j, j] += g
    return A


def eliminate(A, threshold):
    """({(k, j): t_kj}, d_k); links up to the smaller threshold are left out, see `dense`."""
    A = A.copy()
    n = len(A)
    share, total = {}, np.empty(n)
    for k in range(n):
        for j in range(k + 1, n):
            if -A[k, j] <= min(threshold[k], threshold[j]):
                A[k, j] = A[j, k] = 0.0
        total[k] = A[k, k]
        for j in range(k + 1, n):
            if A[k, j] != 0.0:
                share[k, j] = -A[k, j] / total[k]
                A[j, k + 1 :] += share[k, j] * A[k, k + 1 :]
    return share, total


def solve(share, total, b):
    """Forward with t, then backward."""
    T = {pair: t * np.eye(b.shape[1]) for pair, t in share.items()}
    return solve_blocks(np.eye(b.shape[1]) / total[:, None, None], T, T, b)


def fill_inverse(share, total):
    """{(k, j): G_kj} on the entries of the factor and G_kk; elements without an entry are zero."""
    n = len(total)
    G = np.zeros((n, n))
    for k in range(n - 1, -1, -1):
        t = np.array([share.get((k, j), 0.0) for j in range(n)])
        G[k] = np.where(t > 0, t @ G, 0.0)
        G[:, k] = G[k]
        G[k, k] = 1 / total[k] + t @ G[k]
    return {pair: G[pair] for pair in share}, np.diag(G)


def dense_blocks(n, links, conductance, loss, excess, diagonal, threshold):
    """(Lap + excess) x 1 + H as an [n, n, 3, 3] array; ``loss`` is H_kj of each link."""
    A = dense(n, links, conductance, excess, threshold)[:, :, None, None] * np.eye(3)
    for (k, j), H in zip(links, loss):
        A[k, j] += H
        A[j, k] += H.T
    for k in range(n):
        A[k, k] += diagonal[k].reshape(3, 3)
    return A


def eliminate_blocks(A, kept):
    """(D_k^-1, {(k, j): T_kj}, the same of A^T), entries kept only."""
    A = A.copy()
    n = len(A)
    inverse, T, left = [], {}, {}
    for k in range(n):
        for j in range(k + 1, n):
            if (k, j) not in kept:
                A[k, j] = A[j, k] = 0.0
        inverse.append(np.linalg.inv(A[k, k]))
        later = [j for j in range(k + 1, n) if (k, j) in kept]
        for j in later:
            T[k, j] = -inverse[k] @ A[k, j]
            left[k, j] = -(A[j, k] @ inverse[k]).T
        for i in later:
            for j in later:
                A[i, j] += A[i, k] @ T[k, j]
    return np.array(inverse), T, left


def queue_rows(which, start, column, place):
    """{column: rows in its list, the last one first}."""
    waiting = {}
    for r in which:
        if place[r] < start[r + 1]:
            waiting.setdefault(int(column[place[r]]), []).insert(0, int(r))
    return waiting


def finish_blocks(start, share, total, inverse, back, Y):
    """(left, T) of every entry."""
    row = np.repeat(np.arange(len(total)), np.diff(start))
    t = share[:, None, None] * np.eye(3)
    C = total[row, None, None] * t - back.reshape(-1, 3, 3)
    left = (C @ inverse.reshape(-1, 3, 3)[row]).transpose(0, 2, 1)
    return left.reshape(-1, 9), (t - Y.reshape(-1, 3, 3)).reshape(-1, 9)


def solve_blocks(inverse, T, left, b):
    """Forward with left^T, then backward."""
    n = len(b)
    b, x = b.copy(), np.zeros_like(b)
    for k in range(n):
        for j in range(k + 1, n):
            if (k, j) in left:
                b[j] += left[k, j].T @ b[k]
    for k in reversed(range(n)):
        x[k] = inverse[k] @ b[k]
        x[k] += sum((T[k, j] @ x[j] for j in range(k + 1, n) if (k, j) in T), 0.0 * x[k])
    return x
