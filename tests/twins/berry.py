"""Plain Python twins of kernels/berry.py, written from the equations."""

import numpy as np


def groups_of(energy, close):
    """First index of each group of neighbouring levels."""
    group = np.zeros(len(energy), dtype=np.int64)
    for m in range(1, len(energy)):
        group[m] = group[m - 1] if energy[m] - energy[m - 1] <= close else m
    return group


def fermi(energy, mu, kT):
    """Fermi function; a step of height 1/2 at mu when kT is 0."""
    if kT == 0:
        return np.where(energy < mu, 1.0, np.where(energy == mu, 0.5, 0.0))
    return 0.5 * (1.0 - np.tanh(0.5 * (energy - mu) / kT))


def occupations(energy, group, mu, kT):
    """Occupations, averaged inside groups."""
    f = fermi(np.asarray(energy), mu, kT)
    return np.array([f[group == g].mean() for g in group])


def fill_terms(table, matrix, out):
    """A contraction."""
    out[:] = np.einsum("it,tpq->ipq", table, matrix)


def fill_pairs(hamiltonian, field, current, spin, absolute, relative, block, energy, group, pair):
    """[berry 2] through projectors: the connection as a matrix, products of blocks."""
    order = hamiltonian.shape[1]
    for i, h in enumerate(hamiltonian):
        e, u = np.linalg.eigh(h)
        close = max(absolute, relative * np.abs(e).max())
        g = groups_of(e, close) if block else np.arange(order)
        a, b, s = (u.conj().T @ x @ u for x in (field[i], current[i], spin))
        energy[i], group[i], pair[i] = e, g, 0.0
        apart = g[:, None] != g[None, :]
        gap = np.where(apart, e[:, None] - e[None, :], np.inf)
        r_a, r_b = -1j * a / gap, -1j * b / gap
        same = ~apart
        flow = 0.5 * (s @ b + b @ s)
        curvature = (1j * (r_a * r_b.T - r_b * r_a.T)).real
        weighted = (1j * (((s * same) @ r_a) * r_b.T - ((s * same) @ r_b) * r_a.T)).real
        pair[i, 0] = weighted
        pair[i, 1] = 2.0 * (flow * a.T).imag / gap**2
        pair[i, 2] = 2.0 * (s * a.T).real / gap
        pair[i, 3] = curvature
        pair[i, 4] = np.where(apart, 0.5 * curvature * np.where(apart, gap, 0.0), 0.0)


def sums(pair, f):
    """LCC, XN, conventional, torque, curvature, moment of one wave vector."""
    weighted, conventional, torque, curvature, moment = pair
    # [berry 1]: sum_m f_m sum_n (spin of n) Om_mn, and the spin of n times Om_nm is weighted[n, m]
    lcc = -np.einsum("m,nm->", f, weighted)
    xn = np.einsum("m,mn->", f, weighted)
    rest = [np.einsum("m,mn->", f, x) for x in (conventional, torque, curvature, moment)]
    return np.array([lcc, xn, *rest])


def fill_values(energy, group, pair, mu, kT, value):
    """Separate sums f_m K_m, which equal the sums over pairs if no two bands nearly touch."""
    for i in range(len(energy)):
        value[i] = sums(pair[i], occupations(energy[i], group[i], mu, kT))


def weighted(weight, value):
    """Outer product. The companions of the first weight serve for the first three sums only."""
    out = np.outer(weight, value)
    out[1:, 3:] = 0.0
    return out


def add_filled(energy, pair, weight, mu, total):
    """Sums at every Fermi energy, then the differences between neighbouring ones."""
    at = np.zeros((len(mu), *total.shape[2:]))
    for i in range(len(energy)):
        for j, level in enumerate(mu):
            # A level exactly at mu counts as empty here, but as half full in `fermi`.
            f = (energy[i] < level).astype(float)
            at[j] += weighted(weight[i], sums(pair[i], f))
    total[0] += np.diff(np.concatenate([0 * at[:1], at, 0 * at[:1]]), axis=0)


def add_thermal(energy, group, pair, weight, mu, kT, total):
    """Sums at every chemical potential."""
    for i in range(len(energy)):
        for j, level in enumerate(mu):
            f = occupations(energy[i], group[i], level, kT)
            total[0, j] += weighted(weight[i], sums(pair[i], f))


def fill_conserved(minus, plus, field, spin, mu, kT, value):
    """The Kubo sum between k - q/2 and k + q/2, written with matrices."""
    for i in range(len(minus)):
        e, u = np.linalg.eigh(minus[i])
        d, v = np.linalg.eigh(plus[i])
        up = u.conj().T @ spin @ v
        down = v.conj().T @ field[i] @ u
        factor = (fermi(e, mu, kT)[:, None] - fermi(d, mu, kT)[None, :]) / (e[:, None] - d[None, :])
        np.fill_diagonal(factor, 0.0)
        value[i] = np.sum(factor * (up * down.T).imag)
