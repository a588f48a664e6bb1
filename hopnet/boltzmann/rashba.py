"""Spin-density-matrix kinetics of the Rashba gas, for any splitting and any lifetime.

Units: hbar = e = 1 and the field is 1 along x; the Hamiltonian is that of
`hopnet.boltzmann.gas`. Spins are in units of hbar: ``S = sigma/2``. The spin current ``q_yz`` (spin
z that flows along y) has the sign of the phases of the eigenfunctions in the paper: ``+1/8pi`` is
the part of the acceleration, ``-1/8pi`` that of the interband coherence.
"""

from __future__ import annotations

import dataclasses
import math
import warnings
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from hopnet import checks
from hopnet.boltzmann.chain import chain_points, solve_chains
from hopnet.boltzmann.checks import check_instance, number
from hopnet.boltzmann.depths import (
    bottom_pole,
    chain_depths,
    fermi_chains,
    growing_depths,
)
from hopnet.boltzmann.gas import UNIVERSAL, RashbaGas
from hopnet.boltzmann.potentials import Potential
from hopnet.errors import ConvergenceError, ParameterError, ValidityWarning
from hopnet.records import Record

__all__ = [
    "LARGEST_RESIDUAL",
    "LONGEST",
    "UNIVERSAL",
    "RashbaGas",
    "RashbaResponse",
    "check_scattering",
    "observe",
    "solve_rashba",
]

# Largest number of momenta below p_F on one chain, p_F / (m alpha). The cost is linear in it:
# 20000 take seconds per level. Below that splitting the quantum-Boltzmann response is accurate.
LONGEST = 20_000

# Range of E_F tau. Below it the kinetic equation has no meaning; above it rounding errors exceed
# the scattering rates.
SHORTEST_LIFETIME, LONGEST_LIFETIME = 1e-3, 1e12

# Smallest p_F+ in units of m alpha. Below it the interval of the chains beside the Fermi chain is
# shorter than rounding allows.
EMPTIEST = 1e-6

# Number of nodes per interval at the first level; the error falls by about 1e-4 per level.
FIRST_NODES = 16

# Largest residual of a chain, over its source. Regular chains leave 1e-13; a larger one means that
# the chain is singular to machine precision.
LARGEST_RESIDUAL = 1e-7

# Safety factor of the last change, which estimates the error of the coarser level. The finer level
# usually has a tenth of it, but once in some 1000 random cases more than half, so that the change
# is less than half of the error. A larger factor refines and refuses more cases.
SAFETY = 5.0

# Bound of the relative rounding error of S_y and J_x, per momentum of a chain; measured
# 5e-15. A smaller bound would not cover; a larger one hides how accurate the answer is.
ROUNDING = 1e-14


@dataclass(frozen=True)
class RashbaResponse(Record):
    """Response per unit field. Each of the first three is a pair (acceleration, coherence).

    Attributes
    ----------
    spin_current : tuple of float
        Spin current q_yz by source, [rashba 2]: ``1/8pi`` and ``-1/8pi`` for any scalar disorder.
    spin_density : tuple of float
        Spin density S_y by source.
    charge_current : tuple of float
        Charge current J_x by source.
    n_points, n_chains : int
        Number of momenta on a chain, and number of chains solved at the last level.
    error : float
        Numerical error of the three totals, from the last refinement of the nodes and of the chain
        and from rounding. For S_y and J_x it is relative; for q_yz it is in units of the larger
        of ``1/8pi`` and ``abs(q_yz)``.
    residual : float
        True residual of the chain solves relative to their source, weighted as the chains are.
    growing : tuple of float
        Depths of the chains, in units of m alpha, at which a relaxation rate changes its sign.
        Where there are any, the response is a principal value.
    """

    spin_current: tuple[float, float]
    spin_density: tuple[float, float]
    charge_current: tuple[float, float]
    n_points: int
    n_chains: int
    error: float
    residual: float
    growing: tuple[float, ...] = ()

    @property
    def q_yz(self) -> float:
        """Total spin current."""
        return sum(self.spin_current)

    @property
    def s_y(self) -> float:
        """Total spin density."""
        return sum(self.spin_density)

    @property
    def j_x(self) -> float:
        """Total charge current."""
        return sum(self.charge_current)


class Observation(NamedTuple):
    """Moments of one level of refinement.

    Attributes
    ----------
    moments : float64[3, 2]
        (q_yz, S_y, J_x) by source (acceleration, coherence).
    n_points, n_chains : int
        Number of momenta on a chain, and number of chains.
    residual : float
        Weighted residual of the chains.
    rounding : float
        Relative rounding error of the chain through the Fermi momenta.
    """

    moments: np.ndarray
    n_points: int
    n_chains: int
    residual: float
    rounding: float


def solve_rashba(
    gas: RashbaGas, potential: Potential, *, tolerance: float = 1e-9, levels: int = 6
) -> RashbaResponse:
    """Solve [rashba 3], in the form [rashba 4]-[rashba 6], for the currents of [rashba 2].

    The acceleration drives one chain of momenta, the one through both Fermi momenta. The
    interband coherence drives every chain, and its response is integrated over them.

    Parameters
    ----------
    gas : RashbaGas
        Band and spin-orbit disorder.
    potential : Potential
        Scattering potential, see `hopnet.boltzmann.potentials`.
    tolerance : float
        Largest error of S_y and J_x (relative) and of q_yz (in units of 1/8pi), between 1e-14
        and 1.
    levels : int
        Number of refinements tried, from 1 to 12: each first adds half of the nodes again, then
        each doubles the chain beyond the Fermi momentum.

    Returns
    -------
    RashbaResponse

    Raises
    ------
    ParameterError
        For a potential that does not scatter; for ``E_F tau`` outside 1e-3 to 1e12; for a splitting
        so small that a chain exceeds 20000 momenta (``splitting=0`` itself is allowed) or so large
        that p_F+ is below 1e-6 m alpha.
    ConvergenceError
        If the tolerance is not met; it carries the last estimate.

    Warns
    -----
    ValidityWarning
        If ``E_F tau < 1``, outside the range of a kinetic equation (q_yz is still zero); if
        ``|skew| > 1/2``, where a scattering probability is negative; or if a relaxation rate is
        negative on some chains, so that the response is a principal value.

    Notes
    -----
    The integrand has kinks where a chain touches ``p = 0`` or ``V_- = 0``; intervals end there
    and their nodes are graded. Cost: 4x4 block elimination, linear in the chain length.

    With spin-orbit disorder a mode of [rashba 5] can grow instead of relaxing: for ``lambda_z > 0``
    and for ``lambda_xy`` of the sign opposite to the splitting, on chains deeper or less deep than
    one where the determinant has a simple zero. The kinetic equation then has no steady state
    that is reached in time. The value returned is the stationary solution, and its integral
    over the chains exists as a principal value. It converges like any other.

    Where p_F+ is the bottom of the lower band, ``m alpha = 2 (2 m E_F / 3)**0.5``, S_y and J_x
    have a cusp in alpha, which is narrower the longer the lifetime (S_y of a delta potential with
    ``E_F tau = 5``: 1.651 at it, 1.37 and 1.38 one part in 1000 away). Rounding is largest there:
    S_y and J_x are good to 1e-6, and ``abs(q_yz)`` is below 1e-12/8pi from 1e-3 off in alpha,
    below 1e-10/8pi at 1e-5 and below 1e-5/8pi at it (delta, Gaussian, Yukawa and angular, tau
    from 1 to 100). The error states this rounding, and the tolerance does not apply to it.
    Lifetimes above ``1000/E_F`` need peaks thinner than 1e-8, which are not resolved.
    Smooth potentials at strong splitting (``m alpha R > 2`` for a Gaussian) hardly relax the
    band bottom: of 1500 random cases 26 were refused, the others had ``abs(q_yz) < 2e-11/8pi``.

    Examples
    --------
    >>> from hopnet.boltzmann.potentials import delta_potential
    >>> gas = RashbaGas(splitting=0.4)
    >>> answer = solve_rashba(gas, delta_potential(10.0))
    >>> abs(answer.q_yz) < 1e-13, round(answer.s_y / gas.edelstein(10.0), 8)
    (True, 0.99916733)
    """
    check_instance("gas", gas, RashbaGas)
    check_instance("potential", potential, Potential)
    levels = checks.whole("levels", levels, low=1, high=12)
    if not (1e-14 < number("tolerance", tolerance) < 1):
        raise ParameterError(
            f"tolerance must lie between 1e-14 and 1, got {tolerance!r}; the default is 1e-9."
        )
    out_rate = check_scattering(gas, potential)
    if gas.splitting == 0:
        return without_splitting(gas, potential)
    form, flip = positive_form(gas)
    answer, error, growing = refine(form, potential, out_rate, tolerance, levels)
    moments = answer.moments
    rounding = max(answer.rounding, ROUNDING * answer.n_points)
    record = RashbaResponse(
        spin_current=tuple(moments[0].tolist()),
        spin_density=tuple((flip * moments[1]).tolist()),
        charge_current=tuple(moments[2].tolist()),
        n_points=answer.n_points,
        n_chains=answer.n_chains,
        error=error + rounding,
        residual=answer.residual,
        growing=tuple(x / form.momentum_splitting for x in growing),
    )
    if not error <= tolerance:
        raise ConvergenceError(
            f"q_yz, S_y or J_x still changes by {error:.2g} with {answer.n_points} momenta and "
            f"{answer.n_chains} chains, allowed {tolerance:.2g}; raise levels or tolerance.",
            estimate=record,
            residual=error,
            iterations=levels,
        )
    if growing:
        warnings.warn(
            f"a relaxation rate is negative on the chains on one side of depth "
            f"{record.growing[0]:.6g} m alpha: a mode grows there, and the response is a "
            "principal value.",
            ValidityWarning,
            stacklevel=2,
        )
    return record


def refine(
    gas: RashbaGas, potential: Potential, out_rate: float, tolerance: float, levels: int
) -> tuple[Observation, float, tuple[float, ...]]:
    """Refine the nodes, then the length of the chains, until the moments change less than allowed.

    The error of the nodes does not depend on the length of the chains.

    Returns
    -------
    answer : Observation
        Last level.
    error : float
        Sum of the last changes by nodes and by length.
    growing : tuple of float
        Depths at which a relaxation rate changes its sign.
    """
    beyond, nodes = first_level(gas, out_rate, tolerance), FIRST_NODES
    floor, pole = scale_of(gas, potential), bottom_pole(gas, potential, beyond)
    growing = growing_depths(gas, potential, beyond)
    answer = observe(gas, potential, beyond, nodes, pole, growing)
    for _ in range(levels):
        finer = observe(gas, potential, beyond, nodes + nodes // 2, pole, growing)
        node_error = SAFETY * relative_change(answer, finer, floor)
        if node_error <= tolerance:
            break
        answer, nodes = finer, nodes + nodes // 2
    for _ in range(levels + 2):
        beyond = 2 * beyond
        if growing:
            growing = growing_depths(gas, potential, beyond)
        longer = observe(gas, potential, beyond, nodes, pole, growing)
        error = node_error + relative_change(answer, longer, floor)
        answer = longer
        if error <= tolerance or node_error > tolerance:
            break
    return answer, error, growing


def relative_change(before: Observation, after: Observation, floor: np.ndarray) -> float:
    """Largest change of the totals q_yz, S_y and J_x between two levels, see `RashbaResponse`."""
    old, new = before.moments.sum(axis=1), after.moments.sum(axis=1)
    return float(np.max(np.abs(new - old) / np.maximum(np.abs(new), floor)))


def positive_form(gas: RashbaGas) -> tuple[RashbaGas, float]:
    """The gas with a positive splitting coefficient, and the sign of its S_y.

    A half turn of the spins about z maps alpha, lambda_xy and S_y to minus themselves and
    does not change S_z, hence q_yz.
    """
    if gas.splitting > 0:
        return gas, 1.0
    mirrored = dataclasses.replace(gas, splitting=-gas.splitting, lambda_xy=-gas.lambda_xy)
    return mirrored, -1.0


def check_scattering(gas: RashbaGas, potential: Potential) -> float:
    """Out-scattering rate at the Fermi momentum; refuses a potential without one."""
    fermi = math.sqrt(2 * gas.mass * gas.fermi_energy)
    with np.errstate(all="ignore"):
        w = potential.strength * fermi_moments(gas, potential)
    if not (np.all(np.isfinite(w)) and w[0] > 0):
        raise ParameterError(
            f"the potential does not relax the momentum (w_0 = {w[0]!r} at p_F, must be positive "
            "and finite); give a scattering probability that is not zero."
        )
    lifetime = gas.fermi_energy / (gas.mass * w[0])
    if not SHORTEST_LIFETIME <= lifetime <= LONGEST_LIFETIME:
        raise ParameterError(
            f"E_F tau must lie between {SHORTEST_LIFETIME:g} and {LONGEST_LIFETIME:g}, got "
            f"{lifetime:.3g}; change the lifetime or the Fermi energy."
        )
    if lifetime < 1:
        warnings.warn(
            f"E_F tau = {lifetime:.3g} is below 1: the kinetic equation is outside its range.",
            ValidityWarning,
            stacklevel=3,
        )
    if abs(gas.skew) > 0.5:
        warnings.warn(
            f"skew kappa = {gas.skew:.3g}: the first-order scattering probability, "
            "1 + 2 kappa sin(theta) for spins along z, is negative beyond 1/2.",
            ValidityWarning,
            stacklevel=3,
        )
    if gas.fermi_momenta[0] < EMPTIEST * gas.momentum_splitting:
        raise ParameterError(
            f"the upper band is almost empty: p_F+ = {gas.fermi_momenta[0]:.3g} is below "
            f"{EMPTIEST:g} m alpha = {EMPTIEST * gas.momentum_splitting:.3g}; give a larger Fermi "
            "energy or a smaller splitting."
        )
    if gas.momentum_splitting and gas.fermi_momenta[1] > LONGEST * gas.momentum_splitting:
        raise ParameterError(
            f"the splitting m alpha = {gas.momentum_splitting:.3g} is too small for p_F = "
            f"{fermi:.3g}: a chain would exceed {LONGEST} momenta; use splitting=0 or the "
            "quantum-Boltzmann response."
        )
    return gas.mass * w[0]


def fermi_moments(gas: RashbaGas, potential: Potential) -> np.ndarray:
    """Moments 0, 1, 2 of the potential at the Fermi momentum without splitting, over u_0."""
    fermi = np.array([math.sqrt(2 * gas.mass * gas.fermi_energy)])
    return potential.moments(fermi, fermi, 2)[:, 0]


def without_splitting(gas: RashbaGas, potential: Potential) -> RashbaResponse:
    """Response at alpha = 0: no spin, ``J_x = n tau_tr / m``."""
    if gas.lambda_xy or gas.lambda_z or gas.skew:
        raise ParameterError(
            "splitting=0 with spin-orbit disorder has no momentum chains; use "
            "hopnet.boltzmann.response or a small splitting."
        )
    w = potential.strength * fermi_moments(gas, potential)
    current = gas.density / gas.mass / (gas.mass * float(w[0] - w[1]))
    return RashbaResponse((0.0, 0.0), (0.0, 0.0), (current, 0.0), 1, 1, 0.0, 0.0)


def scale_of(gas: RashbaGas, potential: Potential) -> np.ndarray:
    """Sizes of q_yz, S_y and J_x against which a change is compared where they are small.

    1/8pi for q_yz, and 1/1000 of the values of weak coupling for S_y and J_x.
    """
    time = 1 / (gas.mass * float(potential.strength * fermi_moments(gas, potential)[0]))
    return np.array([UNIVERSAL, 1e-3 * gas.edelstein(time), 1e-3 * gas.density * time / gas.mass])


def first_level(gas: RashbaGas, out_rate: float, tolerance: float) -> int:
    """Momenta beyond p_F- at the first level: the influence falls as prod rate/(alpha p_k)."""
    p, step, log_influence, count = gas.fermi_momenta[1], gas.momentum_splitting, 0.0, 0
    while log_influence > math.log(tolerance) and count < 24:
        count += 1
        p += step
        log_influence += math.log(out_rate / (gas.absolute_splitting * p))
    return max(3, (count + 1) // 2) if gas.interband else 1


def observe(
    gas: RashbaGas,
    potential: Potential,
    beyond: int,
    nodes: int,
    pole: float | None = None,
    growing: tuple[float, ...] = (),
) -> Observation:
    """Moments at one level of refinement.

    Parameters
    ----------
    gas : RashbaGas
        Band and disorder, with a positive splitting.
    potential : Potential
        Scattering potential.
    beyond : int
        Number of momenta kept beyond p_F-.
    nodes : int
        Number of nodes on each interval of depths.
    pole, growing
        Results of `hopnet.boltzmann.depths.bottom_pole` and `growing_depths`.
    """
    depth, weight = chain_depths(gas, nodes, pole, growing)
    start, start_weight, rounding = fermi_chains(gas, potential, beyond)
    momentum, bottom = chain_points(np.concatenate([start, depth]), gas, beyond)
    each, residual = solve_chains(momentum, gas, potential, start.size, bottom)
    share, first = np.concatenate([start_weight, weight]), start.size
    moments = np.stack([share[:first] @ each[:first], share[first:] @ each[first:]], axis=1)
    worst = float(np.max(residual[:first]) + weight @ residual[first:] / np.sum(weight))
    if not (worst < LARGEST_RESIDUAL and np.all(np.isfinite(moments))):
        raise ConvergenceError(
            f"chains of {momentum.shape[1]} momenta left a residual of {worst:.2g}, allowed "
            f"{LARGEST_RESIDUAL:g}; change the splitting slightly.",
            estimate=moments,
            residual=worst,
        )
    return Observation(moments, momentum.shape[1], share.size, worst, rounding)
