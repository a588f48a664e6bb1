"""Checks of a pumping result: the laws it must obey, the range it is meant for."""

from __future__ import annotations

import math
import warnings

import numpy as np

from hopnet.errors import ParameterError, ValidityWarning


def residuals(pumping):
    """Relative residuals of the laws of the paper, from the fields as given out.

    Each number is the norm of what should vanish over the largest norm of its terms. Up to
    rounding all vanish for textures resolved by the grid, but for two: ``"torque_identity"``
    vanishes for the vertex "full" only, and ``"20"`` and ``"torque_sum"`` need products without
    aliasing (band limit below a quarter of the sampling, or ``dealias=True``). Of a time series
    ``"12"`` and ``"20"`` are of second order in the step.

    Parameters
    ----------
    pumping : Pumping

    Returns
    -------
    dict of str to float
        ``"12"``: ``d_t rho - D lap rho + (rho - chi S)/tau_s = tau_rho`` [pumping 12];
        ``"14"``: ``mu = D rho - chi D S`` [pumping 14];
        ``"16"``: the two forms of the current, [pumping 15] and [pumping 16];
        ``"20"``: ``d_t rho + div j + (rho - chi S)/tau_s = T`` [pumping 20], [pumping A20];
        ``"torque_sum"``: ``T = tau_rho + div j_sc``;
        ``"torque_identity"``: ``T_dy = (2J/hbar) rho_1 x S`` [pumping A1].

    Notes
    -----
    The first five hold for either vertex and any D, K and 1/tau_s: they cannot tell a right code
    from several wrong ones. The last can.
    """
    medium, vector = pumping.medium, pumping.frame.vector
    diffusion, chi = medium.diffusion, medium.equilibrium_density

    def hat(field):
        return [[m.forward(a) for m, a in zip(vector, row)] for row in field.rows]

    def divergence(rows):
        return [
            sum(m.gradient(row[n], axis) for axis, row in enumerate(rows))
            for n, m in enumerate(vector)
        ]

    rho, mu = hat(pumping.density())[0], hat(pumping.potential())[0]
    drive, torque = hat(pumping.spin_relaxation())[0], hat(pumping.torque())[0]
    equilibrium = hat(pumping.equilibrium_current())
    current = hat(pumping.current())
    spin = pumping.spin_hat
    growth = _secular_hat(pumping)
    if pumping.zero_mode == "isolated" and not medium.relaxation:
        spin = [_without_mean(m, s) for m, s in zip(vector, spin)]

    rate = [m.rate(a) for m, a in zip(vector, rho)]
    excess = [medium.relaxation * (r - chi * s) for r, s in zip(rho, spin)]
    spread = [-diffusion * m.laplacian(a) for m, a in zip(vector, rho)]
    flow = divergence(current)
    slope = [
        [diffusion * m.gradient(r, axis) for m, r in zip(vector, rho)]
        for axis in range(len(equilibrium))
    ]
    first = pumping.density(order=1).rows[0]
    turning = pumping.frame.cross(first, pumping.spin())
    turning = [2 * medium.exchange / medium.hbar * m.forward(a) for m, a in zip(vector, turning)]
    dynamic = hat(pumping.dynamic_torque())[0]
    return {
        "12": _relative(vector, rate, spread, excess, _negative(drive), growth),
        "14": _relative(
            vector, mu, [-diffusion * r for r in rho], [chi * diffusion * s for s in spin]
        ),
        "16": max(
            _relative(vector, row, _negative(still), fall)
            for row, still, fall in zip(current, equilibrium, slope)
        ),
        "20": _relative(vector, rate, flow, excess, _negative(torque), growth),
        "torque_sum": _relative(
            vector, torque, _negative(drive), _negative(divergence(equilibrium))
        ),
        "torque_identity": _relative(vector, dynamic, _negative(turning)),
    }


def _negative(hats):
    return [-h for h in hats]


def _relative(vector, *terms):
    """Norm of the sum over the largest norm of a term, all components together."""
    total = math.sqrt(sum(_power(m, sum(t[n] for t in terms)) for n, m in enumerate(vector)))
    largest = max(math.sqrt(sum(_power(m, h) for m, h in zip(vector, t))) for t in terms)
    return total / largest if largest > 0 else 0.0


def _power(modes, hat):
    if modes.time is not None:
        hat = hat[:, 1:-1]  # the differences are one-sided at the ends
    return float(np.vdot(hat, hat).real)


def _secular_hat(pumping):
    """The growing mean, as amplitudes to be added to the rate of change of the density."""
    growth = [np.zeros_like(h) for h in pumping.source_hat]
    rate = pumping.secular_rate
    rows = [rate[0] + 1j * rate[1], rate[2]] if len(growth) == 2 else list(rate)
    for modes, hat, number in zip(pumping.frame.vector, growth, rows):
        hat[0, 0] = number * math.prod(modes.shape)
    return growth


def _without_mean(modes, hat):
    if modes.time is not None or modes.omega[0] != 0:
        return hat
    hat = hat.copy()
    hat[0, 0] = 0
    return hat


def warn_validity(pumping):
    """Compare the small parameters with the modes that the texture holds; warn of large ones."""
    medium = pumping.medium
    strongest = power = k2 = w2 = 0.0
    parts = []
    for number, (modes, hat) in enumerate(zip(pumping.frame.vector, pumping.spin_hat)):
        weight = hat.real**2 + hat.imag**2
        frequency = modes.omega[None, :] + modes.drift[:, None]
        if modes.time is not None:
            rates = np.linalg.norm(pumping.spin_rate_hat[number], axis=1, keepdims=True)
            weight = weight.sum(axis=1, keepdims=True)
            frequency = rates / np.sqrt(np.where(weight > 0, weight, 1.0))
        still = (modes.square == 0)[:, None] & (frequency == 0)
        weight[still] = 0.0
        strongest = max(strongest, float(weight.max()))
        power += float(weight.sum())
        k2 += float(modes.square @ weight.sum(axis=1))
        w2 += float(np.einsum("sw,sw,sw->", weight, frequency, frequency))
        parts.append((modes, weight, frequency))
    if power == 0:
        return
    slowest = math.inf
    for modes, weight, frequency in parts:
        space, harmonic = np.nonzero(weight > 0.01 * strongest)
        if space.size:
            real = medium.diffusion * modes.square[space] + medium.relaxation
            slowest = min(slowest, float(np.hypot(real, frequency[space, harmonic]).min()))
    medium.warn(math.sqrt(k2 / power), math.sqrt(w2 / power), slowest, _largest(pumping))


def _largest(pumping):
    """The largest modulus of the texture as given."""
    texture = pumping.texture
    if pumping.frame.kind == "rigid":
        return float(np.sqrt(np.max(np.abs(texture.plus) ** 2 + texture.z**2)))
    return float(np.sqrt(np.max(np.einsum("c...,c...->...", texture.spin, texture.spin))))


def warn_secular(pumping, strict=False):
    """Report a mean spin that grows without bound: a warning, or (`strict`) a ParameterError."""
    if pumping.medium.relaxation or pumping.frame.kind == "series":
        return
    rate = pumping.secular_rate
    strength = pumping.medium.torque_coefficient
    size = strength * max(
        float(np.abs(h).max()) / math.prod(m.shape)
        for m, h in zip(pumping.frame.vector, pumping.source_hat)
    )
    if not np.any(np.abs(rate) > 1e-10 * size):
        return
    numbers = ", ".join(f"{x:.6g}" for x in rate)
    message = (
        f"without spin relaxation the mean spin density grows at the rate ({numbers}) and no "
        "periodic state exists, so its mean is left out; give tau_s, or add secular_rate times t."
    )
    if strict:
        raise ParameterError(message)
    warnings.warn(message, ValidityWarning, stacklevel=3)
