"""Plain twins of kernels/wide.py: the same passes on one dense mesh, in exact fractions."""

from fractions import Fraction


def value_of(number):
    """The numbers of a Wide as fractions."""
    return [
        Fraction(float(m)) * Fraction(2) ** (512 * int(e))
        for m, e in zip(number.mantissa, number.exponent)
    ]


def factor_wide(n_positions, n_columns, rows, conductance):
    """Dense weights w[k][j], pivots d[k] and the mesh that is left, by star-mesh."""
    mesh = [[Fraction(0)] * n_columns for _ in range(n_columns)]
    for k, row in enumerate(rows):
        for q, l in row:
            mesh[k][q] += conductance[l]
            mesh[q][k] += conductance[l]
    weight = [[Fraction(0)] * n_columns for _ in range(n_positions)]
    pivot = []
    for k in range(n_positions):
        later = range(k + 1, n_columns)
        pivot.append(sum(mesh[k][j] for j in later))
        if pivot[k] == 0:
            continue
        for j in later:
            weight[k][j] = mesh[k][j] / pivot[k]
        for i in later:
            for j in later:
                if i != j:
                    mesh[i][j] += mesh[k][i] * weight[k][j]
    return weight, pivot, mesh


def forward_wide(weight, b):
    """b_j += w_kj b_k."""
    b = list(b)
    for k, row in enumerate(weight):
        for j in range(k + 1, len(b)):
            b[j] += row[j] * b[k]
    return b


def drop_wide(weight, source, fixed):
    """All differences V_i - V_j from those among the columns after the eliminated nodes."""
    n, m = len(weight), len(weight) + len(fixed)
    table = [[Fraction(0)] * m for _ in range(m)]
    for i, a in enumerate(fixed):
        for j, b in enumerate(fixed):
            table[n + i][n + j] = Fraction(a) - Fraction(b)
    for k in reversed(range(n)):
        for j in range(k + 1, m):
            inner = sum(weight[k][i] * table[i][j] for i in range(k + 1, m))
            table[k][j] = source[k] + inner
            table[j][k] = -table[k][j]
    return table
