"""Scattering between momenta of equal energy: the blocks of one chain.

The helicity bands ``eps_M(p) = p**2/2m + M alpha p`` are two branches of one parabola along
a line of signed momentum s. A momentum p scatters to its partners at the same energy,
``(+, p) <-> (-, p + d)`` and ``(-, p) <-> (+, p - d)`` or, below ``d = m alpha``,
``(-, p) <-> (-, d - p)``. An off-diagonal element f_+- has two energies and therefore
couples p to both p + d and p - d: the equations close on the chain ``s = r + k d``,
``|s|`` being the momenta. Neighbours on the chain are neighbours in k.
"""

from __future__ import annotations

import numpy as np

# Source (M1, M1'), its column among the unknowns (f_++, f_--, Re f_+-, Im f_+-) and the sign
# of its real part: f_-+ is minus the conjugate of f_+-. Helicities: 0 is +, 1 is -.
SOURCES = ((0, 0, 0, 1.0), (1, 1, 1, 1.0), (0, 1, 2, 1.0), (1, 0, 2, -1.0))


def chain_blocks(momentum, gas, potential):
    """The kinetic equation [rashba 5], [rashba 6] on chains, first angular harmonic.

    Rows are multiplied by the velocity (``|V_-|`` for the mixed row), so that no element
    diverges where ``V_- = 0``.

    Parameters
    ----------
    momentum : float64[n_chains, n_points]
        Signed momenta, rising by ``d = m alpha``; their moduli are the momenta.
    gas : hopnet.boltzmann.rashba.RashbaGas
    potential : Potential

    Returns
    -------
    lower, diagonal, upper : float64[n_chains, n_points, 4, 4]
        On the unknowns ``(f_++, f_--, Re f_+-, Im f_+-)``.
    """
    m, alpha, step = gas.mass, gas.splitting, gas.momentum_splitting
    p = np.abs(momentum)
    v_plus, v_minus = p / m + alpha / 2, np.abs(p / m - alpha / 2)
    mixed = v_minus / v_plus
    top = 4 if gas.lambda_z else 2
    here = potential.strength * potential.moments(p, p, top)
    diagonal = -gain_matrix(here, p, {(0, 0): 1.0, (1, 1): 1.0}, mixed, gas)
    loss_plus = p * outflow(here, 0, 0, gas)
    loss_minus = p * outflow(here, 1, 1, gas)
    lower, upper = np.zeros_like(diagonal), np.zeros_like(diagonal)
    if gas.interband:
        ends = np.concatenate([momentum[:, :1] - step, momentum, momentum[:, -1:] + step], axis=1)
        ends = np.abs(ends)
        link = potential.strength * potential.moments(ends[:, :-1], ends[:, 1:], top)
        link[..., 0] = link[..., -1] = 0.0  # a cut conserves: neither gain nor loss across it
        left, right = link[..., :-1], link[..., 1:]
        positive = momentum > 0
        up = np.where(positive, ends[:, 2:], ends[:, :-2])
        down = np.where(positive, ends[:, :-2], ends[:, 2:])
        w_up, w_down = np.where(positive, right, left), np.where(positive, left, right)
        bottom = p < step  # the partner of (-, p) is (-, d - p)
        gain_up = gain_matrix(w_up, up, {(0, 1): 1.0}, mixed, gas)
        below = {(1, 0): np.where(bottom, 0.0, 1.0), (1, 1): np.where(bottom, 1.0, 0.0)}
        gain_down = gain_matrix(w_down, down, below, mixed, gas)
        there = positive[..., None, None]
        upper = -np.where(there, gain_up, gain_down)
        lower = -np.where(there, gain_down, gain_up)
        loss_plus += up * outflow(w_up, 0, 1, gas)
        loss_minus += down * np.where(
            bottom, outflow(w_down, 1, 1, gas), outflow(w_down, 1, 0, gas)
        )
    diagonal[..., 0, 0] += loss_plus
    diagonal[..., 1, 1] += loss_minus
    loss_mixed = 0.5 * (loss_plus * mixed + loss_minus)
    diagonal[..., 2, 2] += loss_mixed
    diagonal[..., 3, 3] += loss_mixed
    turn = alpha * p * v_minus
    diagonal[..., 2, 3] -= turn
    diagonal[..., 3, 2] += turn
    return lower, diagonal, upper


def gain_matrix(w, p1, shell, mixed, gas):
    """In-scattering from the density matrix at p1, for the bands in ``shell``.

    Element ``(M, M') <- (M1, M1')`` is ``(p1/2) k ([M1 in shell(M)]/|V_M| + [M1' in
    shell(M')]/|V_M'|)`` times the velocity of the row.

    Parameters
    ----------
    w : float64[top + 1, ...]
        Moments of ``N |U|**2`` between the two momenta.
    p1 : float64[...]
    shell : dict
        ``{(M, M1): weight}`` of the band pairs with equal energies.
    mixed : float64[...]
        ``|V_-| / V_+`` at the target.
    gas : RashbaGas

    Returns
    -------
    float64[..., 4, 4]
        On the real unknowns.
    """
    kernel = scattering_kernel(w, gas)
    skew = gas.skew * 0.25 * p1 * (w[0] - w[2]) if gas.skew else None  # p1/2 kappa <sin**2>
    out = np.zeros((*p1.shape, 4, 4))
    for row, (a, b) in enumerate(((0, 0), (1, 1), (0, 1))):
        first = mixed if a != b else 1.0
        for c, e, column, sign in SOURCES:
            into_a, into_b = shell.get((a, c)), shell.get((b, e))
            if into_a is None and into_b is None:
                continue
            weight = 0.0 if into_a is None else first * into_a
            weight = weight if into_b is None else weight + into_b
            value = 0.5 * p1 * weight * kernel(a, b, c, e)
            out[..., row, column] += sign * value
            if row == 2 and column == 2:
                out[..., 3, 3] += value
            if skew is not None and (a == c) != (b == e):  # an imaginary part, i skew
                if column == 2:
                    out[..., row, 3] -= weight * skew
                if row == 2:
                    out[..., 3, column] += sign * weight * skew
    return out


def scattering_kernel(w, gas):
    """First harmonic of ``K^{MM'}_{M1 M1'}`` of [rashba 6], over pi; with spin-orbit disorder.

    In the helicity basis the amplitude ``U (1 - i lambda_z G_M - lambda_xy G_R)`` keeps the
    helicity with ``A cos(t/2) - b sin t sin(t/2)`` and flips it with ``-i s``,
    ``s = sin(t/2) + b sin t cos(t/2)``, where t is the angle, ``b = lambda_z`` and
    ``A = 1 -+ 2 lambda_xy`` for the two helicities. Symmetries [rashba 7], [rashba 12] follow.
    The skew kernel (see `gain_matrix`) adds ``U kappa sin t sigma_z`` to first order in kappa,
    which gives ``K^{+-}_{++} + K^{-+}_{++}`` the part ``-2 kappa sin t``: here ``i kappa
    <sin**2>`` for every element that keeps one helicity and flips the other.

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
