"""Scattering between momenta of equal energy: the blocks of one chain.

The helicity bands ``eps_M(p) = p**2/2m + M alpha p`` are two branches of one parabola along
a line of signed momentum s. A momentum p scatters to its partners at the same energy,
``(+, p) <-> (-, p + d)`` and ``(-, p) <-> (+, p - d)`` or, below ``d = m alpha``,
``(-, p) <-> (-, d - p)``. An off-diagonal element f_+- has two energies and therefore
couples p to both p + d and p - d: the equations close on the chain ``s = r + k d``,
``|s|`` being the momenta. Neighbours on the chain are neighbours in k.
"""

from __future__ import annotations

import functools
from types import SimpleNamespace

import numpy as np

from hopnet.kernels.boltzmann_chain import fill_chain_blocks
from hopnet.records import read_only


def chain_blocks(momentum, gas, potential, bottom=None):
    """The kinetic equation [rashba 5], [rashba 6] on chains, first angular harmonic.

    Element ``(M, M') <- (M1, M1')`` of the in-scattering from p1 is ``(p1/2) k ([M1 in
    shell(M)]/|V_M| + [M1' in shell(M')]/|V_M'|)``; the loss is half the sum of the outflows of
    both helicities. Rows are multiplied by the velocity (``|V_-|`` for the mixed row), so that
    no element diverges where ``V_- = 0``.

    Parameters
    ----------
    momentum : float64[n_chains, n_points]
        Signed momenta, rising by ``d = m alpha``; their moduli are the momenta.
    gas : hopnet.boltzmann.rashba.RashbaGas
    potential : Potential
    bottom : float64[n_chains, n_points], optional
        ``| |s| - d/2 |``, the momenta from the bottom of the lower band, where the caller knows
        them better than by subtraction.

    Returns
    -------
    lower, diagonal, upper : float64[n_chains, n_points, 4, 4]
        On the unknowns ``(f_++, f_--, Re f_+-, Im f_+-)``; f_-+ is minus the conjugate of f_+-.
    """
    step, top = gas.momentum_splitting, 4 if gas.lambda_z else 2
    ends = np.concatenate([momentum[:, :1] - step, momentum, momentum[:, -1:] + step], axis=1)
    ends = np.abs(ends)
    p, n_points = ends[:, 1:-1], momentum.shape[1]
    mix = potential.strength * mixing_matrix(
        top, float(gas.lambda_xy), float(gas.lambda_z), float(gas.skew)
    )
    if gas.interband:  # one call for both: the momenta with themselves, then the neighbours
        left, right = np.concatenate([p, ends[:, :-1]], 1), np.concatenate([p, ends[:, 1:]], 1)
        number = mixed_moments(potential.moments(left, right, top), mix)
        here, link = number[:, :n_points], number[:, n_points:]
        link[:, 0] = link[:, -1] = 0.0  # a cut conserves: neither gain nor loss across it
    else:
        here = mixed_moments(potential.moments(p, p, top), mix)
        link = np.zeros((p.shape[0], n_points + 1, 10))
    if bottom is None:
        bottom = np.abs(p - step / 2)
    lower, diagonal, upper = (np.empty((*p.shape, 4, 4)) for _ in range(3))
    fill_chain_blocks(
        np.ascontiguousarray(momentum),
        np.ascontiguousarray(bottom),
        here,
        link,
        float(gas.mass),
        float(gas.splitting),
        bool(gas.interband),
        lower,
        diagonal,
        upper,
    )
    return lower, diagonal, upper


@functools.lru_cache(maxsize=32)
def mixing_matrix(top, lambda_xy, lambda_z, skew):
    """`scattering_numbers` as a matrix on the moments, read-only float64[10, top + 1]."""
    disorder = SimpleNamespace(lambda_xy=lambda_xy, lambda_z=lambda_z, skew=skew)
    return read_only(scattering_numbers(np.eye(top + 1), disorder))


def mixed_moments(w, mix):
    """Scattering numbers, last axis, of moments, first axis: ``mix`` is their linear map."""
    return (w.reshape(w.shape[0], -1).T @ mix.T).reshape(*w.shape[1:], mix.shape[0])


def scattering_numbers(w, gas):
    """What `fill_chain_blocks` needs of a pair of momenta: kernel elements and outflows.

    They are linear in the moments. The skew kernel, ``-2 kappa sin t`` in ``K^{+-}_{++} +
    K^{-+}_{++}``, has the harmonic ``i kappa <sin**2>`` in every element that keeps one
    helicity and flips the other.

    Parameters
    ----------
    w : float64[top + 1, ...]
        Moments of ``N |U|**2``.
    gas : RashbaGas

    Returns
    -------
    float64[10, ...]
    """
    kernel = scattering_kernel(w, gas)
    out = np.empty((10, *w.shape[1:]))
    out[0], out[1], out[2] = kernel(0, 0, 0, 0), kernel(1, 1, 1, 1), kernel(0, 1, 0, 1)
    out[3] = kernel(0, 0, 1, 1)
    out[4], out[5] = kernel(0, 0, 0, 1), kernel(1, 1, 1, 0)
    out[6] = gas.skew * (w[0] - w[2]) / 2
    out[7], out[8] = outflow(w, 0, 0, gas), outflow(w, 1, 1, gas)
    out[9] = outflow(w, 0, 1, gas)
    return out


def scattering_kernel(w, gas):
    """First harmonic of ``K^{MM'}_{M1 M1'}`` of [rashba 6], over pi; with spin-orbit disorder.

    In the helicity basis the amplitude ``U (1 - i lambda_z G_M - lambda_xy G_R)`` keeps the
    helicity with ``A cos(t/2) - b sin t sin(t/2)`` and flips it with ``-i s``,
    ``s = sin(t/2) + b sin t cos(t/2)``, where t is the angle, ``b = lambda_z`` and
    ``A = 1 -+ 2 lambda_xy`` for the two helicities. Symmetries [rashba 7], [rashba 12] follow.
    The skew amplitude ``U kappa sin t sigma_z`` is added in `scattering_numbers`.

    Parameters
    ----------
    w : float64[top + 1, ...]
        Moments of ``N |U|**2``.
    gas : RashbaGas

    Returns
    -------
    callable
        ``kernel(M, M', M1, M1') -> float64[...]``.
    """
    one, cosine, sine2 = w[0], w[1], (w[0] - w[2]) / 2
    cosine2 = one - sine2
    b = gas.lambda_z
    if b:
        sine2_cosine, sine2_cosine2 = (w[1] - w[3]) / 4, (w[0] - w[4]) / 8
        sine4 = sine2 - sine2_cosine2
    keep = (1 - 2 * gas.lambda_xy, 1 + 2 * gas.lambda_xy)

    def kernel(M, N, M1, N1):
        same, same_1 = M == M1, N == N1
        if same and same_1:
            A, A1 = keep[M], keep[N]
            value = A * A1 * (cosine + cosine2) / 2
            if b:
                value = value - b * (A + A1) * sine2_cosine / 2
                value = value + b**2 * (sine2_cosine - sine2_cosine2) / 2
            return value
        if not same and not same_1:
            value = (cosine - cosine2) / 2
            if b:
                value = value + b * sine2_cosine + b**2 * (sine2_cosine + sine2_cosine2) / 2
            return value
        A = keep[M] if same else keep[N]
        value = A * sine2 / 2
        if b:
            value = value + b * (A * (sine2 + sine2_cosine) - (sine2 - sine2_cosine)) / 2
            value = value - b**2 * sine4 / 2
        return value if same else -value

    return kernel


def outflow(w, helicity, helicity_1, gas):
    """``int dtheta/2pi N |U|**2 |amplitude|**2`` from one helicity to another."""
    sine2, b = (w[0] - w[2]) / 2, gas.lambda_z
    if helicity == helicity_1:
        A = 1 - 2 * gas.lambda_xy if helicity == 0 else 1 + 2 * gas.lambda_xy
        out = A**2 * (w[0] + w[1]) / 2
        if b:
            out = out - b * A * sine2 + b**2 * (sine2 - (w[1] - w[3]) / 4) / 2
        return out
    out = (w[0] - w[1]) / 2
    return out + b * sine2 + b**2 * (sine2 + (w[1] - w[3]) / 4) / 2 if b else out
