"""Checks of a pumping result: the laws it must obey, and the range where the theory holds."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hopnet.errors import ParameterError, ValidityWarning
from hopnet.pumping.diffusion import Modes
from hopnet.pumping.fields import Field
from hopnet.pumping.texture import RigidTexture

if TYPE_CHECKING:
    from hopnet.pumping.currents import Pumping

__all__ = ["Typical", "residuals", "typical", "warn_secular", "warn_validity"]

# Waves that matter for the slowest rate: those with more than this part of the largest power.
# A smaller part would let a mode of no weight set off the warning about the series in J.
MATTERS = 0.01
# The mean spin counts as growing when its rate exceeds this part of the largest source term.
# Rounding leaves some 1e-16 of it; a real growth is of order one.
GROWING = 1e-10

Hats = list[np.ndarray]


def residuals(pumping: Pumping) -> dict[str, float]:
    """Relative residuals of the laws of the paper, computed from the fields as returned.

    Each number is the norm of what should vanish over the largest norm of its terms. For textures
    that the grid resolves all of them vanish up to rounding, with two exceptions:
    ``"torque_identity"`` vanishes for the vertex "full" only; ``"[pumping 20]"`` and
    ``"torque_sum"`` need products without aliasing (band limit below a quarter of the sampling, or
    ``dealias=True``). For a time series ``"[pumping 12]"`` and ``"[pumping 20]"`` are of second
    order in the time step.

    Parameters
    ----------
    pumping : Pumping
        The result to check.

    Returns
    -------
    dict of str to float
        ``"[pumping 12]"``: ``d_t rho - D lap rho + (rho - chi S)/tau_s = tau_rho`` [pumping 12];
        ``"[pumping 14]"``: ``mu = D rho - chi D S`` [pumping 14];
        ``"[pumping 16]"``: the two forms of the current, [pumping 15] and [pumping 16];
        ``"[pumping 20]"``: ``d_t rho + div j + (rho - chi S)/tau_s = T`` [pumping 20],
        [pumping A20];
        ``"torque_sum"``: ``T = tau_rho + div j_sc``;
        ``"torque_identity"``: ``T_dy = (2J/hbar) rho_1 x S`` [pumping A1].

    Notes
    -----
    The first five hold for either vertex and any D, K and 1/tau_s. They cannot distinguish the
    right code from several wrong ones. The last can.
    """
    medium, vector = pumping.medium, pumping.frame.vector
    diffusion, chi = medium.diffusion, medium.equilibrium_density
    rho, mu = hat_rows(vector, pumping.density())[0], hat_rows(vector, pumping.potential())[0]
    drive = hat_rows(vector, pumping.spin_relaxation())[0]
    torque = hat_rows(vector, pumping.torque())[0]
    equilibrium = hat_rows(vector, pumping.equilibrium_current())
    current = hat_rows(vector, pumping.current())
    spin = list(pumping.spin_hat)
    growth = secular_hat(pumping)
    if pumping.zero_mode == "isolated" and not medium.relaxation:
        spin = [without_mean(m, s) for m, s in zip(vector, spin)]

    rate = [m.rate(a) for m, a in zip(vector, rho)]
    excess = [medium.relaxation * (r - chi * s) for r, s in zip(rho, spin)]
    spread = [-diffusion * m.laplacian(a) for m, a in zip(vector, rho)]
    flow = divergence(vector, current)
    slope = [
        [diffusion * m.gradient(r, axis) for m, r in zip(vector, rho)]
        for axis in range(len(equilibrium))
    ]
    return {
        "[pumping 12]": relative_sum(vector, rate, spread, excess, negative(drive), growth),
        "[pumping 14]": relative_sum(
            vector, mu, [-diffusion * r for r in rho], [chi * diffusion * s for s in spin]
        ),
        "[pumping 16]": max(
            relative_sum(vector, row, negative(still), fall)
            for row, still, fall in zip(current, equilibrium, slope)
        ),
        "[pumping 20]": relative_sum(vector, rate, flow, excess, negative(torque), growth),
        "torque_sum": relative_sum(
            vector, torque, negative(drive), negative(divergence(vector, equilibrium))
        ),
        "torque_identity": torque_identity(pumping),
    }


def torque_identity(pumping: Pumping) -> float:
    """Relative residual of the definition ``T_dy = (2J/hbar) rho_1 x S``, [pumping A1]."""
    medium, vector = pumping.medium, pumping.frame.vector
    first = pumping.density(order=1).rows[0]
    turning = pumping.frame.cross(first, pumping.spin())
    turned = [2 * medium.exchange / medium.hbar * m.forward(a) for m, a in zip(vector, turning)]
    dynamic = hat_rows(vector, pumping.dynamic_torque())[0]
    return relative_sum(vector, dynamic, negative(turned))


def hat_rows(vector: tuple[Modes, ...], field: Field) -> list[Hats]:
    """Amplitudes of each row of a field."""
    return [[m.forward(a) for m, a in zip(vector, row)] for row in field.rows]


def divergence(vector: tuple[Modes, ...], rows: list[Hats]) -> Hats:
    """Amplitudes of the divergence of a current, one per spin component."""
    return [
        sum((m.gradient(row[n], axis) for axis, row in enumerate(rows)), np.zeros(()))
        for n, m in enumerate(vector)
    ]


def negative(hats: Hats) -> Hats:
    """The same amplitudes with the opposite sign."""
    return [-h for h in hats]


def relative_sum(vector: tuple[Modes, ...], *terms: Hats) -> float:
    """Norm of a sum over the largest norm of its terms, all components together."""
    sums = [np.asarray(sum(t[n] for t in terms)) for n in range(len(vector))]
    total = math.sqrt(sum(power(m, h) for m, h in zip(vector, sums)))
    largest = max(math.sqrt(sum(power(m, h) for m, h in zip(vector, t))) for t in terms)
    return total / largest if largest > 0 else 0.0


def power(modes: Modes, hat: np.ndarray) -> float:
    """Squared norm of the amplitudes of one component."""
    if modes.time is not None:
        hat = hat[:, 1:-1]  # the differences are one-sided at the ends
    return float(np.vdot(hat, hat).real)


def secular_hat(pumping: Pumping) -> Hats:
    """The growing mean, as amplitudes to be added to the rate of change of the density."""
    growth = [np.zeros_like(h) for h in pumping.source_hat]
    rate = pumping.secular_rate
    rows = [rate[0] + 1j * rate[1], rate[2]] if len(growth) == 2 else list(rate)
    for modes, hat, number in zip(pumping.frame.vector, growth, rows):
        hat[0, 0] = number * math.prod(modes.shape)
    return growth


def without_mean(modes: Modes, hat: np.ndarray) -> np.ndarray:
    """The amplitudes without the static mean."""
    if modes.time is not None or modes.omega[0] != 0:
        return hat
    hat = hat.copy()
    hat[0, 0] = 0
    return hat


class Typical(NamedTuple):
    """Typical wave number, frequency and size of the varying part of a texture.

    Attributes
    ----------
    wave_number, frequency : float
        Root mean squares over the modes, weighted with their power.
    slowest_rate : float
        Smallest ``|D q^2 + i Omega + 1/tau_s|`` among the modes that matter.
    size : float
        Largest ``|S|``.
    """

    wave_number: float
    frequency: float
    slowest_rate: float
    size: float


def warn_validity(pumping: Pumping) -> None:
    """Warn of each small parameter of the theory that is large for the modes of the texture."""
    found = typical(pumping)
    if found is not None:
        pumping.medium.warn(*found)


def typical(pumping: Pumping) -> Typical | None:
    """Typical wave number, frequency, rate and size of a texture; None for a static uniform one."""
    medium = pumping.medium
    strongest = total = k2 = w2 = 0.0
    parts = []
    for number, (modes, hat) in enumerate(zip(pumping.frame.vector, pumping.spin_hat)):
        weight = hat.real**2 + hat.imag**2
        frequency = modes.omega[None, :] + modes.drift[:, None]
        if modes.time is not None and pumping.spin_rate_hat is not None:
            # A series has no harmonics: its frequency is the ratio of dS/dt to S.
            rates = np.linalg.norm(pumping.spin_rate_hat[number], axis=1, keepdims=True)
            weight = weight.sum(axis=1, keepdims=True)
            frequency = rates / np.sqrt(np.where(weight > 0, weight, 1.0))
        still = (modes.square == 0)[:, None] & (frequency == 0)
        weight[still] = 0.0
        strongest = max(strongest, float(weight.max()))
        total += float(weight.sum())
        k2 += float(modes.square @ weight.sum(axis=1))
        w2 += float(np.einsum("sw,sw,sw->", weight, frequency, frequency))
        parts.append((modes, weight, frequency))
    if total == 0:
        return None
    slowest = math.inf
    for modes, weight, frequency in parts:
        space, harmonic = np.nonzero(weight > MATTERS * strongest)
        if space.size:
            real = medium.diffusion * modes.square[space] + medium.relaxation
            slowest = min(slowest, float(np.hypot(real, frequency[space, harmonic]).min()))
    return Typical(math.sqrt(k2 / total), math.sqrt(w2 / total), slowest, largest_spin(pumping))


def largest_spin(pumping: Pumping) -> float:
    """The largest modulus of the texture as given."""
    texture = pumping.texture
    if isinstance(texture, RigidTexture):
        return float(np.sqrt(np.max(np.abs(texture.plus) ** 2 + texture.z**2)))
    return float(np.sqrt(np.max(np.einsum("c...,c...->...", texture.spin, texture.spin))))


def warn_secular(pumping: Pumping, strict: bool = False) -> None:
    """Report a mean spin that grows without bound, as a warning or (`strict`) a ParameterError."""
    if pumping.medium.relaxation or pumping.frame.kind == "series":
        return
    rate = pumping.secular_rate
    strength = pumping.medium.torque_coefficient
    size = strength * max(
        float(np.abs(h).max()) / math.prod(m.shape)
        for m, h in zip(pumping.frame.vector, pumping.source_hat)
    )
    if not np.any(np.abs(rate) > GROWING * size):
        return
    numbers = ", ".join(f"{x:.6g}" for x in rate)
    message = (
        f"without spin relaxation the mean spin density grows at the rate ({numbers}) and no "
        "periodic state exists, so its mean is left out; give tau_s, or add secular_rate times t."
    )
    if strict:
        raise ParameterError(message)
    warnings.warn(message, ValidityWarning, stacklevel=3)
