"""Plain twins of kernels/boltzmann_chain.py.

The solution comes from the dense matrix, the blocks from complex density matrices with every sum
over helicities and partners written out, the Bessel functions from SciPy.
"""

import numpy as np
from scipy import special


def fill_chain_solution(lower, diagonal, upper, source, work, out, residual, sign):
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
        residual[c] = 0.0  # the residual of the exact solution
        sign[c] = np.linalg.slogdet(matrix)[0]


def fill_chain_blocks(momentum, bottom, here, link, mass, alpha, interband, lower, diagonal, upper):
    step = mass * alpha
    pairs = [(0, 0), (0, 1), (1, 0), (1, 1)]
    # (f_++, f_--, Re f_+-, Im f_+-) -> (f_++, f_+-, f_-+, f_--)
    unfold = np.array([[1, 0, 0, 0], [0, 0, 1, 1j], [0, 0, -1, 1j], [0, 1, 0, 0]])
    for c in range(momentum.shape[0]):
        for k in range(momentum.shape[1]):
            s = momentum[c, k]
            p = abs(s)
            velocity = [p / mass + alpha / 2, bottom[c, k] / mass]
            # Partners: (helicity here, helicity there, momentum there, scattering numbers, place).
            partners = [(M, M, p, here[c, k], 0) for M in (0, 1)]
            if interband:
                away = 1 if s > 0 else -1
                numbers = {1: link[c, k + 1], -1: link[c, k]}
                partners.append((0, 1, abs(s + away * step), numbers[away], away))
                there = 1 if p < step else 0
                partners.append((1, there, abs(s - away * step), numbers[-away], -away))
            rate = [0.0, 0.0]
            full = {place: np.zeros((4, 4), dtype=complex) for place in (-1, 0, 1)}
            for M, M1, p1, number, place in partners:
                rate[M] += p1 / velocity[M] * (number[7 + M] if M == M1 else number[9])
                for row, (a, b) in enumerate(pairs):
                    for column, (d, e) in enumerate(pairs):
                        hits = (a == M and d == M1) + (b == M and e == M1)
                        size = 0.5 * hits * p1 / velocity[M]
                        full[place][row, column] -= size * element(number, a, b, d, e)
            for row, (a, b) in enumerate(pairs):
                full[0][row, row] += (rate[a] + rate[b]) / 2 + 1j * alpha * p * (b - a)
            scale = np.array([velocity[0], velocity[1], velocity[1], velocity[1]])
            for place, out in ((-1, lower), (0, diagonal), (1, upper)):
                folded = full[place] @ unfold
                rows = np.array([folded[0].real, folded[3].real, folded[1].real, folded[1].imag])
                out[c, k] = scale[:, None] * rows


def element(number, a, b, d, e):
    if a == d and b == e:
        return number[a] if a == b else number[2]
    if a != d and b != e:
        return number[3]
    return (number[4 + a] if a == d else -number[4 + b]) + 1j * number[6]


def fill_scaled_bessel(x, table, scale, out):
    for l in range(table.shape[1]):
        out[l] = special.ive(l, x)
