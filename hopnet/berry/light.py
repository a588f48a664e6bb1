"""Small grids without compiled loops, equations [berry 1], [berry 2], [berry 9], [berry C7].

Loading Numba and its cached kernels takes longer than a small grid takes in NumPy, so a first
answer (a Chern number, one command) does not wait for them. Every function has the name, the
arguments and the meaning of a kernel in `hopnet.kernels.berry`; the kernels' tests run both.
"""

from __future__ import annotations

import numpy as np

from hopnet.berry.quadrature import PeriodicGrid

# About what NumPy does in the time that the kernels take to load, counted as in `is_small`
SMALL = 1_000_000
BATCH = 2000  # so few rows that models are summed by NumPy too


def is_small(domain, model, n_levels, kT):
    """Whether a sweep over ``domain`` is done before the kernels would be loaded."""
    if not isinstance(domain, PeriodicGrid):
        return False
    order = model.n_bands
    passes = order if kT == 0.0 else order + n_levels
    return domain.n**model.dimension * order**2 * passes <= SMALL


def fill_pairs(hamiltonian, field, current, spin, absolute, relative, block, energy, group, pair):
    """The kernel of this name: bands, groups and pair quantities, [berry 2], [berry 9]."""
    order = hamiltonian.shape[1]
    energy[:], u = np.linalg.eigh(hamiltonian)
    back = u.conj().swapaxes(1, 2)
    a, b, s = (back @ x @ u for x in (field, current, spin))
    close = np.maximum(absolute, relative * np.abs(energy).max(axis=1, initial=0.0))
    joined = block & (np.diff(energy, axis=1) <= close[:, None])
    group[:, 0] = 0
    group[:, 1:] = np.maximum.accumulate(np.where(joined, 0, np.arange(1, order)), axis=1)
    apart = group[:, :, None] != group[:, None, :]
    gap = energy[:, :, None] - energy[:, None, :]
    inverse = np.divide(1.0, gap, out=np.zeros_like(gap), where=apart)
    a_nm, b_nm = a.swapaxes(1, 2), b.swapaxes(1, 2)
    own = s * ~apart  # the spin of a group
    pair[:, 0] = -(((own @ (a * inverse)) * b_nm - (own @ (b * inverse)) * a_nm).imag) * inverse
    pair[:, 1] = ((s @ b + b @ s) * a_nm).imag * inverse**2
    pair[:, 2] = 2.0 * (s * a_nm).real * inverse
    pair[:, 3] = -2.0 * (a * b_nm).imag * inverse**2
    pair[:, 4] = 0.5 * pair[:, 3] * gap


def sum_pairs(pair, occupation):
    """The six sums over pairs m < n, float64[n, 6], from ``occupation[n, N]`` or ``[N]``."""
    m, n = np.triu_indices(pair.shape[-1], 1)
    f_m, f_n = occupation[..., m], occupation[..., n]
    weighted, conventional, torque, curvature, moment = np.moveaxis(pair[:, :, m, n], 1, 0)
    partner = pair[:, 0, n, m]
    terms = [-(f_n * weighted + f_m * partner), f_m * weighted + f_n * partner]
    terms += [(f_m - f_n) * x for x in (conventional, torque, curvature)]
    terms += [(f_m + f_n) * moment]
    return np.stack([term.sum(axis=1) for term in terms], axis=1)


def add_filled(energy, pair, weight, mu, total):
    """The kernel of this name: the T = 0 sums at many Fermi energies, [berry 1]."""
    order = energy.shape[1]
    before = np.zeros((len(energy), 6))
    start = np.searchsorted(mu, energy[:, 0])
    for m in range(order):
        last = m + 1 == order
        stop = np.full(len(energy), len(mu)) if last else np.searchsorted(mu, energy[:, m + 1])
        met = np.flatnonzero(stop > start)
        value = sum_pairs(pair[met], (np.arange(order) <= m).astype(float))
        np.add.at(total[0], start[met], weighted(weight[met], value - before[met]))
        before[met] = value
        start = stop


def add_thermal(energy, group, pair, weight, mu, kT, total):
    """The kernel of this name: the sums at many chemical potentials, kT > 0, [berry 1]."""
    same = group[:, :, None] == group[:, None, :]
    mean = same / same.sum(axis=2, keepdims=True)
    for j, level in enumerate(mu):
        fermi = 0.5 * (1.0 - np.tanh(0.5 * (energy - level) / kT))
        occupation = (mean @ fermi[:, :, None])[:, :, 0]
        total[0, j] += weighted(weight, sum_pairs(pair, occupation)).sum(axis=0)


def weighted(weight, value):
    """Products float64[n, W, 6]; companion weights carry the first three sums only."""
    out = weight[:, :, None] * value[:, None, :]
    out[:, 1:, 3:] = 0.0
    return out
