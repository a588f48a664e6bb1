"""Plain twins of kernels/coefficients.py: traces of Pauli matrices, one ordered process at a time.

Equations [hopping S15], [hopping S16], [hopping S21], [hopping S27], [hopping 5a].
"""

from itertools import permutations

import numpy as np

PAULI = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])


def hop(d):
    """The matrix exp(-i d.sigma) for d in the plane."""
    angle = np.hypot(*d)
    turn = np.tensordot([*d, 0.0], PAULI, axes=1)
    return np.cos(angle) * np.eye(2) - 1j * np.sinc(angle / np.pi) * turn


class Triangle:
    """A triad with everything that the equations need; `vector` maps (i, j) to R_i - R_j."""

    def __init__(self, vector, spin_orbit, log_conductance, log_occupation, eta):
        self.R = vector
        self.M = spin_orbit
        self.n = np.exp(log_occupation)
        self.K = {pair: np.exp(value) for pair, value in log_conductance.items()}
        self.eta = eta

    def overlap(self, i, j):
        return np.exp(-np.hypot(*self.R(i, j)))

    def rate(self, i, j):
        """The rate 1 / tau_ij of the hop j -> i."""
        return self.K[min(i, j), max(i, j)] / self.n[j]

    def strength(self, i, k, j):
        """The coefficient Q'_ikj [hopping S21]."""
        J, w = self.overlap, self.rate
        return (
            self.eta
            / 24
            * (
                J(i, j) / (J(k, j) * J(k, i)) * w(i, k) * w(k, j)
                + J(j, k) / (J(i, j) * J(k, i)) * w(k, i) * w(i, j)
                + J(i, k) / (J(i, j) * J(k, j)) * w(i, j) * w(k, j)
            )
        )

    def hops(self, i, k, j):
        return (hop(self.M @ self.R(i, j)), hop(self.M @ self.R(j, k)), hop(self.M @ self.R(k, i)))

    def torque(self, i, k, j):
        """Gamma_ikj [hopping S16]: (i/2) Tr(sigma U_ij U_jk U_ki) is the vector part."""
        a, b, c = self.hops(i, k, j)
        loop = [0.5j * np.trace(s @ a @ b @ c) for s in PAULI]
        return 3 * self.strength(i, k, j) * np.real(loop)

    def galvanic(self, i, k, j):
        """Lambda_ikj [hopping S15]."""
        a, b, c = self.hops(i, k, j)
        loop = [0.5j * np.trace(a @ s @ b @ c) for s in PAULI]
        return 12 * self.strength(i, k, j) * np.real(loop)


def fill_hops(separation, spin_orbit, log_conductance, log_occupation, link_i, link_j):
    """The table: d, cosine and sinc of its length, K exp(R) / sqrt(n n), exp(-R) sqrt(n n)."""
    d = separation @ spin_orbit.T
    angle, distance = np.hypot(*d.T), np.hypot(*separation.T)
    pair = 0.5 * (log_occupation[link_i] + log_occupation[link_j])
    return np.column_stack(
        [
            d,
            np.cos(angle),
            np.sinc(angle / np.pi),
            np.exp(log_conductance + distance - pair),
            np.exp(pair - distance),
        ]
    )


def rotation(hops):
    """Rotation matrix by 2 d_ij = -2 d of each hop j -> i, from the 2x2 matrices of the hops."""
    U = [c * np.eye(2) + 1j * s * (x * PAULI[0] + y * PAULI[1]) for x, y, c, s in hops[:, :4]]
    return np.array(
        [[[0.5 * np.trace(a @ u @ b @ u.conj().T).real for b in PAULI] for a in PAULI] for u in U]
    ).reshape(-1, 3, 3)


def sum_precession(link_i, link_j, conductance, hops, sigma):
    """sum_j K (R_ij - 1) sigma_j."""
    out = np.zeros_like(sigma)
    for i, j, K, R in zip(link_i, link_j, conductance, rotation(hops)):
        out[i] += K * (R - np.eye(3)) @ sigma[j]
        out[j] += K * (R.T - np.eye(3)) @ sigma[i]
    return out


def fill_coefficients(triads, triangle):
    """n_j Q'_ikj and the loop vectors based at i, j, k, for i < j < k."""
    strength, loop = [], []
    for i, j, k in triads:
        strength.append(triangle.n[j] * triangle.strength(i, k, j))
        loop.append(
            [
                triangle.torque(a, c, b) / (3 * triangle.strength(a, c, b))
                for a, b, c in ((i, j, k), (j, k, i), (k, i, j))
            ]
        )
    return np.array(strength), np.array(loop).reshape(-1, 3, 3)


def fill_torque(triads, triangle, potential):
    """Torque on the sites of each triad, summed over all pairs, and its moment."""
    torque = np.zeros((len(triads), 3, 3))
    moment = np.zeros(2)
    for t, triad in enumerate(triads):
        for i, k, j in permutations(triad):
            part = triangle.torque(i, k, j) * triangle.n[j] * (potential[j] - potential[i])
            torque[t, triad.index(i)] += part
            if i != triad[0]:
                moment += triangle.R(i, triad[0]) * part[2]
    return torque, moment


def fill_feedback(triads, triangle, potential, sigma):
    """Lambda terms of [hopping 5a], incoming and outgoing, and the current they make."""
    source = np.zeros((len(triads), 3, 1))
    current = np.zeros(3)
    for t, triad in enumerate(triads):
        for i, k, j in permutations(triad):
            part = triangle.galvanic(i, k, j) * triangle.n[j] * sigma[j]
            source[t, triad.index(i), 0] += part.sum()
            source[t, triad.index(j), 0] -= part.sum()
            current += part * (potential[j] - potential[i])
    return source, current
