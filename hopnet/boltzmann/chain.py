"""Chains of momenta of equal energy: blocks of the kinetic equation, field terms, solutions.

The helicity bands ``eps_M(p) = p**2/2m + M alpha p`` are two branches of one parabola along
a line of signed momentum s. An electron of momentum p is scattered to a partner at the same
energy: ``(+, p) <-> (-, p + d)`` and ``(-, p) <-> (+, p - d)`` or, below ``d = m alpha``,
``(-, p) <-> (-, d - p)``. An off-diagonal element f_+- has two energies and therefore
couples p to both p + d and p - d: the equations close on the chain ``s = r + k d``,
whose momenta are ``|s|``. Neighbours on the chain are neighbours in k.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from hopnet.boltzmann.gas import RashbaGas
from hopnet.boltzmann.potentials import Potential
from hopnet.kernels.boltzmann_chain import fill_chain_blocks, fill_chain_solution
from hopnet.records import read_only

__all__ = [
    "ChainSolution",
    "acceleration_source",
    "chain_blocks",
    "chain_points",
    "chain_signs",
    "coherence_source",
    "scattering_kernel",
    "solve_chains",
    "solve_matrix",
    "sum_moments",
]

# Chain points whose blocks are assembled together. 1e5 points take about 50 MB; fewer cost more
# calls, more cost memory only.
BATCH = 100_000


class Vertices(NamedTuple):
    """Spin parts of the scattering amplitude; fields as in `hopnet.boltzmann.gas.RashbaGas`."""

    lambda_xy: float
    lambda_z: float
    skew: float


class ChainSolution(NamedTuple):
    """Density matrices of a set of chains.

    Attributes
    ----------
    matrix : float64[n_chains, n_points, 4]
        Unknowns ``(f_++, f_--, Re f_+-, Im f_+-)`` at each point.
    residual : float64[n_chains]
        Largest true residual of each chain over its largest source.
    sign : float64[n_chains]
        Sign of the determinant of each chain.
    """

    matrix: np.ndarray
    residual: np.ndarray
    sign: np.ndarray


def chain_points(depth: np.ndarray, gas: RashbaGas, beyond: int) -> tuple[np.ndarray, np.ndarray]:
    """Signed momenta of chains, and the distances of their moduli from d/2.

    A chain is named by its depth ``x = d/2 - r``. The distances ``|k d - x|`` do not contain the
    rounding of d/2, so that the two velocities at ``k = 0, -1`` are equal and exact. The
    result ``q_yz = 0`` near the band bottom depends on this.

    Parameters
    ----------
    depth : float64[n_chains]
        Depth of each chain, from 0 to d/2.
    gas : RashbaGas
        Band and disorder.
    beyond : int
        Number of momenta kept beyond p_F-.

    Returns
    -------
    momentum, bottom : float64[n_chains, n_points]
        Signed momenta, and ``| |momentum| - d/2 |``.
    """
    step = gas.momentum_splitting
    below = int(gas.fermi_momenta[1] / step) + 1 + beyond
    k = np.arange(-below, below + 1)
    bottom = np.abs(step * (k + (k < 0)) - depth[:, None])
    return step * (k + 0.5) - depth[:, None], bottom


def chain_blocks(
    momentum: np.ndarray,
    gas: RashbaGas,
    potential: Potential,
    bottom: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The kinetic equation [rashba 5], [rashba 6] on chains, first angular harmonic.

    Element ``(M, M') <- (M1, M1')`` of the in-scattering from p1 is ``(p1/2) k ([M1 in
    shell(M)]/|V_M| + [M1' in shell(M')]/|V_M'|)``; the loss is half the sum of the outflows of
    both helicities. Rows are multiplied by the velocity (``|V_-|`` for the mixed row), so that
    no element diverges where ``V_- = 0``.

    Parameters
    ----------
    momentum : float64[n_chains, n_points]
        Signed momenta, which rise by ``d = m alpha``.
    gas : RashbaGas
        Band and disorder.
    potential : Potential
        Scattering potential.
    bottom : float64[n_chains, n_points], optional
        Distances ``| |s| - d/2 |`` from the bottom of the lower band, if the caller knows them
        more exactly than by subtraction.

    Returns
    -------
    lower, diagonal, upper : float64[n_chains, n_points, 4, 4]
        Blocks on the unknowns ``(f_++, f_--, Re f_+-, Im f_+-)``; f_-+ is minus the conjugate of
        f_+-.
    """
    step, top = gas.momentum_splitting, 4 if gas.lambda_z else 2
    ends = np.concatenate([momentum[:, :1] - step, momentum, momentum[:, -1:] + step], axis=1)
    ends = np.abs(ends)
    p, n_points = ends[:, 1:-1], momentum.shape[1]
    vertices = Vertices(gas.lambda_xy, gas.lambda_z, gas.skew)
    mix = potential.strength * mixing_matrix(top, vertices)
    if gas.interband:  # one call for the momenta with themselves and for the neighbours
        left, right = np.concatenate([p, ends[:, :-1]], 1), np.concatenate([p, ends[:, 1:]], 1)
        number = mixed_moments(potential.moments(left, right, top), mix)
        here, link = number[:, :n_points], number[:, n_points:]
        link[:, 0] = link[:, -1] = 0.0  # neither gain nor loss beyond the ends: both are conserved
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
        float(gas.absolute_splitting),
        bool(gas.interband),
        lower,
        diagonal,
        upper,
    )
    return lower, diagonal, upper


@functools.lru_cache(maxsize=32)
def mixing_matrix(top: int, vertices: Vertices) -> np.ndarray:
    """Matrix of `scattering_numbers` on the moments, read-only float64[10, top + 1]."""
    return read_only(scattering_numbers(np.eye(top + 1), vertices))


def mixed_moments(w: np.ndarray, mix: np.ndarray) -> np.ndarray:
    """Scattering numbers (last axis) from the moments (first axis) by their linear map ``mix``."""
    return (w.reshape(w.shape[0], -1).T @ mix.T).reshape(*w.shape[1:], mix.shape[0])


def scattering_numbers(w: np.ndarray, gas: RashbaGas | Vertices) -> np.ndarray:
    """Ten numbers of a pair of momenta for `fill_chain_blocks`: kernel elements and outflows.

    They are linear in the moments. The skew kernel, ``-2 kappa sin t`` in ``K^{+-}_{++} +
    K^{-+}_{++}``, has the harmonic ``i kappa <sin**2>`` in every element that keeps one
    helicity and flips the other.

    Parameters
    ----------
    w : float64[top + 1, ...]
        Moments of ``N |U|**2``.
    gas : RashbaGas or Vertices
        Spin-orbit disorder.

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


def scattering_kernel(
    w: np.ndarray, gas: RashbaGas | Vertices
) -> Callable[[int, int, int, int], np.ndarray]:
    """First harmonic of ``K^{MM'}_{M1 M1'}`` of [rashba 6] over pi, with spin-orbit disorder.

    In the helicity basis the amplitude ``U (1 - i lambda_z G_M - lambda_xy G_R)`` keeps the
    helicity with ``A cos(t/2) - b sin t sin(t/2)`` and flips it with ``-i s``,
    ``s = sin(t/2) + b sin t cos(t/2)``, where t is the angle, ``b = lambda_z`` and
    ``A = 1 -+ 2 lambda_xy`` for the two helicities. Symmetries [rashba 7], [rashba 12] follow.
    The skew amplitude ``U kappa sin t sigma_z`` is added in `scattering_numbers`.

    Parameters
    ----------
    w : float64[top + 1, ...]
        Moments of ``N |U|**2``.
    gas : RashbaGas or Vertices
        Spin-orbit disorder.

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


def outflow(w: np.ndarray, helicity: int, helicity_1: int, gas: RashbaGas | Vertices) -> np.ndarray:
    """Rate ``int dtheta/2pi N |U|**2 |amplitude|**2`` from one helicity to another."""
    sine2, b = (w[0] - w[2]) / 2, gas.lambda_z
    if helicity == helicity_1:
        A = 1 - 2 * gas.lambda_xy if helicity == 0 else 1 + 2 * gas.lambda_xy
        out = A**2 * (w[0] + w[1]) / 2
        if b:
            out = out - b * A * sine2 + b**2 * (sine2 - (w[1] - w[3]) / 4) / 2
        return out
    out = (w[0] - w[1]) / 2
    return out + b * sine2 + b**2 * (sine2 + (w[1] - w[3]) / 4) / 2 if b else out


def solve_chains(
    momentum: np.ndarray,
    gas: RashbaGas,
    potential: Potential,
    n_accelerated: int,
    bottom: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Moments (q_yz, S_y, J_x) of every chain, float64[n_chains, 3], and its residual.

    The first ``n_accelerated`` chains are driven by the acceleration, the others by the
    interband coherence. The distances ``bottom`` are those of `chain_blocks`.
    """
    if bottom is None:
        bottom = np.abs(np.abs(momentum) - gas.momentum_splitting / 2)
    drive = np.concatenate(
        [
            acceleration_source(momentum[:n_accelerated], gas),
            coherence_source(momentum[n_accelerated:], gas, bottom[n_accelerated:]),
        ]
    )
    parts, residuals = [], []
    for part in batches(momentum):
        chain = momentum[part]
        solution = solve_matrix(chain, gas, potential, drive[part], bottom[part])
        parts.append(sum_moments(np.abs(chain), solution.matrix, gas))
        residuals.append(solution.residual)
    return np.concatenate(parts), np.concatenate(residuals)


def chain_signs(
    momentum: np.ndarray, gas: RashbaGas, potential: Potential, bottom: np.ndarray
) -> np.ndarray:
    """Sign of the determinant of every chain, float64[n_chains].

    It is positive where all relaxation rates are; it changes where one of them changes its sign.
    """
    sign = []
    for part in batches(momentum):
        drive = np.zeros((*momentum[part].shape, 4))
        sign.append(solve_matrix(momentum[part], gas, potential, drive, bottom[part]).sign)
    return np.concatenate(sign)


def batches(momentum: np.ndarray) -> list[slice]:
    """Slices of the chains such that each holds about `BATCH` points."""
    rows = max(1, BATCH // momentum.shape[1])
    return [slice(k, k + rows) for k in range(0, momentum.shape[0], rows)]


def solve_matrix(
    momentum: np.ndarray,
    gas: RashbaGas,
    potential: Potential,
    drive: np.ndarray,
    bottom: np.ndarray | None = None,
) -> ChainSolution:
    """Density matrix at every chain point, with the residual and the sign of each chain."""
    lower, diagonal, upper = chain_blocks(momentum, gas, potential, bottom)
    solution = np.empty_like(drive)
    residual, sign = np.empty(momentum.shape[0]), np.empty(momentum.shape[0])
    work = np.empty((momentum.shape[1], 4, 9))
    fill_chain_solution(lower, diagonal, upper, drive, work, solution, residual, sign)
    return ChainSolution(solution, residual, sign)


def acceleration_source(momentum: np.ndarray, gas: RashbaGas) -> np.ndarray:
    """Field term ``-E df_0/dp cos(phi)`` of [rashba 4]: delta functions at both Fermi momenta.

    The two points are found by index: the nearest to p_F+ and its neighbour p_F- = p_F+ + d.
    """
    drive = np.zeros((*momentum.shape, 4))
    plus = gas.fermi_momenta[0]
    for chain, row in zip(momentum, drive):
        right = np.argmin(np.abs(chain - plus))
        left = np.argmin(np.abs(chain + plus))
        if abs(chain[right] - plus) <= abs(chain[left] + plus):
            near, partner = right, right + 1
        else:
            near, partner = left, left - 1
        velocity = (
            abs(chain[near]) / gas.mass + gas.absolute_splitting / 2
        )  # the same at both Fermi points
        row[near, 0] = row[partner, 1] = 0.5 * velocity
    return drive


def coherence_source(
    momentum: np.ndarray, gas: RashbaGas, bottom: np.ndarray | None = None
) -> np.ndarray:
    """Field term ``-(i/2)(E sin(phi)/p)(f_0+ - f_0-)`` of [rashba 4] between p_F+ and p_F-.

    In the paper [rashba 11] has no prefactor; [rashba 4] and [rashba 14] need it.
    """
    drive = np.zeros((*momentum.shape, 4))
    plus, minus = gas.fermi_momenta
    p = np.abs(momentum)
    inside = (p > plus) & (p < minus)
    v_minus = (np.abs(p - gas.momentum_splitting / 2) if bottom is None else bottom) / gas.mass
    drive[..., 2] = np.where(inside, v_minus / (4 * np.where(inside, p, 1.0)), 0.0)
    return drive


def sum_moments(p: np.ndarray, solution: np.ndarray, gas: RashbaGas) -> np.ndarray:
    """Moments (q_yz, S_y, J_x) of [rashba 2], summed over the points of each chain."""
    plus, minus, real, _ = np.einsum("cp,cpu->uc", p, solution)
    s = -(plus - minus + 2 * real) / (4 * math.pi)
    plus, minus, _, imaginary = np.einsum("cp,cpu->uc", p * p, solution)
    q = imaginary / (2 * math.pi * gas.mass)
    j = (plus + minus) / (2 * math.pi * gas.mass) - gas.absolute_splitting * s
    return np.stack([q, s, j], axis=1)
