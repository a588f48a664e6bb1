"""Plain twin of kernels/blocking.py: dense Kronecker products, one trap at a time. [nuclei 12]"""

import numpy as np

TRACE = np.eye(3).ravel()
SWAP = np.zeros((9, 9))
for _a in range(3):
    for _b in range(3):
        SWAP[3 * _a + _b, 3 * _b + _a] = 1.0


def cross(w):
    """The matrix that maps a vector x to the cross product of w and x."""
    return np.array([[0, -w[2], w[1]], [w[2], 0, -w[0]], [-w[1], w[0], 0]])


def partners_of(K, kind, total, l, keep):
    """Mobile sites whose correlation with trap l is followed."""
    return [i for i in np.flatnonzero(K[l]) if kind[i] == 0 and K[l, i] > keep * total[i]]


def count_partners(K, kind, total, trap, keep):
    """Number of partners of each trap."""
    return np.array([len(partners_of(K, kind, total, l, keep)) for l in trap])


def fill_meshes(K, kind, total, field, l, reach):
    """Partners of trap l, and Y of I_i = sum_k Y_ik (x_k - X_l); Y is asymmetric in a field."""
    partners = partners_of(K, kind, total, l, reach.keep)
    if not partners:
        return partners, np.empty((0, 0))
    live, edge = list(partners), list(partners)
    for _ in range(1, reach.shells):
        new = [
            k
            for i in edge
            for k in np.flatnonzero(K[i])
            if kind[k] == 0 and K[i, k] > reach.keep * total[i]
        ]
        edge = [k for k in dict.fromkeys(new) if k not in live]
        live += edge
    m, one = len(live), np.eye(3)
    A = np.zeros((m, 9, m, 9))
    for p, i in enumerate(live):
        A[p, :, p] -= np.kron(cross(field[i]), one) + np.kron(one, cross(field[l]))
        A[p, :, p] += (reach.loss + reach.floor * total[i]) * np.eye(9)
        for k in np.flatnonzero(K[i]):
            if k == l:
                A[p, :, p] += 0.5 * K[i, k] * (np.eye(9) - SWAP)
            elif kind[k] == 1:
                A[p, :, p] += 0.5 * K[i, k] * np.eye(9)
            else:
                A[p, :, p] += K[i, k] * np.eye(9)
                if k in live:
                    A[p, :, live.index(k)] -= K[i, k] * np.eye(9)
    source = np.zeros((m, 9, len(partners)))
    for b in range(len(partners)):
        source[b, :, b] = TRACE
    C = np.linalg.solve(A.reshape(9 * m, 9 * m), source.reshape(9 * m, -1)).reshape(m, 9, -1)
    h = np.einsum("x,pxb->pb", TRACE, C)[: len(partners)]
    kappa = np.array([0.5 * K[l, i] for i in partners])
    return partners, np.linalg.inv(np.diag(1 / kappa) + h)
