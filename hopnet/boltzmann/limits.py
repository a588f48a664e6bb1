"""Closed forms of the Rashba kinetics: smooth potentials, short range, the skew kernel.

The conventions are those of `hopnet.boltzmann.rashba`. ``S`` and ``D`` are the amplitudes
of ``sin(phi)`` in ``f_+- + f_-+`` and ``f_+- - f_-+``; ``f_++`` and ``f_--`` are those of
``cos(phi)``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.integrate import quad

from hopnet.boltzmann.checks import SMALLEST, check_instance, number, positive
from hopnet.boltzmann.gas import RashbaGas
from hopnet.boltzmann.potentials import Potential, strength_of
from hopnet.errors import ParameterError
from hopnet.records import Record

__all__ = [
    "DensityMatrix",
    "ShortRangeLimit",
    "short_range_limit",
    "smooth_skew_current",
    "smooth_solution",
]


@dataclass(frozen=True)
class DensityMatrix(Record):
    """Helicity components at one momentum, per unit drive.

    Attributes
    ----------
    plus, minus : float
        Distributions f_++ and f_--.
    sum : float
        Amplitude S.
    difference : complex
        Amplitude D, imaginary.
    """

    plus: float
    minus: float
    sum: float
    difference: complex


def smooth_solution(
    gas: RashbaGas,
    potential: Potential,
    p: float,
    *,
    e_plus: float = 0.0,
    e_minus: float = 0.0,
    coherence: float = 0.0,
) -> DensityMatrix:
    """Solution for intraband scattering; [rashba 8], [rashba 9], [rashba 10], [rashba 11].

    ::

        S = - (coherence + E_+ - E_-) / (alpha p)              [rashba 14]
        D = - i a p (1/V_+ + 1/V_-) S / (alpha p)
        f_++ = (E_+ - i a p D / V_+) V_+ / (2 a p),   f_-- likewise

    with ``a = -<W sin**2>/2``, ``W = N |U|**2 / 2`` and the symmetries [rashba 12].

    Parameters
    ----------
    gas : RashbaGas
        Band, with a positive splitting.
    potential : Potential
        Scattering potential.
    p : float
        Momentum above ``m alpha / 2``.
    e_plus, e_minus : float
        Acceleration terms ``E df_0/dp`` of the two bands at p.
    coherence : float
        Interband term ``E (f_0+ - f_0-) / p``.

    Returns
    -------
    DensityMatrix

    Notes
    -----
    In the paper the field term of [rashba 11] has no prefactor; [rashba 4] and
    [rashba 14] fix it to ``-(i/2)(e E / p)(f_0+ - f_0-)``.
    """
    check_instance("gas", gas, RashbaGas)
    check_instance("potential", potential, Potential)
    p, coherence = number("p", p), number("coherence", coherence)
    e_plus, e_minus = number("e_plus", e_plus), number("e_minus", e_minus)
    if not (gas.splitting > 0 and p > gas.momentum_splitting / 2):
        raise ParameterError(
            "smooth_solution needs splitting > 0 and p > m alpha / 2, got splitting="
            f"{gas.splitting!r}, p={p!r}; give a momentum at which both velocities are positive."
        )
    with np.errstate(over="ignore", invalid="ignore"):
        w = potential.strength * potential.moments(np.array([p]), np.array([p]), 2)[:, 0]
    a = -(w[0] - w[2]) / 8
    if not SMALLEST <= -a * p < math.inf:
        raise ParameterError(
            f"the potential does not turn the momentum (rate {-a * p:.3g} at p, must be "
            "positive and finite); give a scattering probability that is not zero."
        )
    v_plus, v_minus = p / gas.mass + gas.splitting / 2, p / gas.mass - gas.splitting / 2
    total = -(coherence + e_plus - e_minus) / (gas.splitting * p)
    difference = -1j * a * p * (1 / v_plus + 1 / v_minus) * total / (gas.splitting * p)
    plus = (e_plus - 1j * a * p * difference / v_plus) * v_plus / (2 * a * p)
    minus = (e_minus + 1j * a * p * difference / v_minus) * v_minus / (2 * a * p)
    return DensityMatrix(float(plus.real), float(minus.real), float(total), complex(difference))


@dataclass(frozen=True)
class ShortRangeLimit(Record):
    """Delta potential at ``Delta tau >> 1``, per unit field.

    Attributes
    ----------
    plus, minus : float
        Weights of the delta functions of f_++ at p_F+ and of f_-- at p_F-.
    spin_current : tuple of float
        Parts of q_yz from the acceleration and from the coherence.
    spin_density : float
        Spin density ``N_0 (alpha/2) tau_0``, at any ratio of m alpha and p_F.
    charge_current : float
        Charge current ``n tau_0 / m``, at any ratio of m alpha and p_F.
    """

    plus: float
    minus: float
    spin_current: tuple[float, float]
    spin_density: float
    charge_current: float


def short_range_limit(gas: RashbaGas, time: float) -> ShortRangeLimit:
    """Short-range scattering between well-split bands; equation [rashba 18] integrated.

    Sums over both bands as in [rashba 15], with the distribution [rashba 17]
    ``f_++ = E_+ p V_+ / (2 a (p + p_+)**2)``, ``a = -1/(8 m tau_0)``, and
    ``p_+ f_++(p) = p f_--(p_+)`` [rashba 16]; [rashba 18] integrated in [rashba 2].

    Parameters
    ----------
    gas : RashbaGas
        Band, with a splitting that is not zero.
    time : float
        Lifetime tau_0.

    Returns
    -------
    ShortRangeLimit

    Examples
    --------
    >>> from hopnet.boltzmann.rashba import RashbaGas
    >>> limit = short_range_limit(RashbaGas(splitting=0.4), 10.0)
    >>> round(8 * np.pi * limit.spin_current[0], 12), round(8 * np.pi * sum(limit.spin_current), 12)
    (1.0, 0.0)
    """
    check_instance("gas", gas, RashbaGas)
    time = positive("time", time)
    if gas.splitting == 0:
        raise ParameterError(
            "short_range_limit needs a splitting that is not zero, got 0; give one."
        )
    m, alpha, d = gas.mass, gas.absolute_splitting, gas.momentum_splitting
    plus, minus = gas.fermi_momenta
    velocity = plus / m + alpha / 2
    a = -1 / (8 * m * time)
    f_plus = -plus * velocity / (2 * a * (plus + minus) ** 2)
    f_minus = minus / plus * f_plus
    sums = (-m / ((2 * plus + d) * plus), -m / ((2 * minus - d) * minus))
    accelerated = -(plus**2 * sums[0] + minus**2 * sums[1]) / (8 * math.pi * m)
    coherent = -(minus - plus) / (8 * math.pi * m * alpha)
    s_y = -(plus * f_plus - minus * f_minus) / (8 * math.pi)
    j_x = (plus**2 * f_plus + minus**2 * f_minus) / (4 * math.pi * m) - alpha * s_y
    sign = math.copysign(1.0, gas.splitting)
    return ShortRangeLimit(f_plus, f_minus, (accelerated, coherent), sign * s_y, j_x)


def smooth_skew_current(gas: RashbaGas, time: float) -> float:
    """Spin current of the intraband skew kernel on a delta potential, closed form.

    ::

        8 pi q = [p_F- g(p_F-) - p_F+ g(p_F+) - int g dp] / (m alpha)
        g = 1 / (1 + kappa U_0 / (4 V_+ V_-)),   U_0 = 1 / (m tau_0)

    It tends to ``kappa / (4 E_F tau_0)`` at weak splitting: a property of this kernel, not the
    extrinsic spin-Hall current ``kappa sigma_D``. For scalar disorder of any strength
    ``dS_y/dt = - m alpha q_yz`` forbids a steady q_yz; a steady current needs disorder
    that does not conserve spin (``lambda_z`` of `RashbaGas`).

    Parameters
    ----------
    gas : RashbaGas
        Band, with the coefficient kappa as ``skew``.
    time : float
        Lifetime tau_0.

    Returns
    -------
    float
        Spin current q_yz.
    """
    check_instance("gas", gas, RashbaGas)
    strength = strength_of(time, gas.mass)
    m, alpha = gas.mass, gas.absolute_splitting
    plus, minus = gas.fermi_momenta
    if not (alpha > 0 and plus > m * alpha / 2):
        raise ParameterError(
            f"the closed form needs 0 < m alpha < 2 p_F+, got splitting={gas.splitting!r}; use "
            "solve_rashba with interband=False."
        )

    def g(p: float) -> float:
        product = (p / m) ** 2 - alpha**2 / 4
        return 1 / (1 + gas.skew * strength / (4 * product))

    inner = quad(g, plus, minus, epsabs=0, epsrel=1e-13)[0]
    return (minus * g(minus) - plus * g(plus) - inner) / (m * alpha) / (8 * math.pi)
