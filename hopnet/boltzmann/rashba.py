"""Spin-density-matrix kinetics of the Rashba gas, for any splitting and any lifetime.

Units: hbar = e = 1 and the field is 1 along x. ``H = p**2/2m + (alpha/2)(sigma_x p_y -
sigma_y p_x)``: this alpha is twice the velocity of `hopnet.boltzmann.response`. Spins are in
units of hbar: ``S = sigma/2``. The spin current ``q_yz`` (spin z flowing along y) has the sign
of the phases of the printed eigenfunctions: ``+1/8pi`` is the acceleration's part, ``-1/8pi``
the interband one.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np

from hopnet.boltzmann.chain import chain_blocks
from hopnet.boltzmann.collisions import check_real
from hopnet.boltzmann.nodes import graded_nodes, pole_nodes
from hopnet.errors import ConvergenceError, ParameterError, ValidityWarning
from hopnet.kernels.boltzmann_chain import fill_chain_solution

LONGEST = 20_000  # momenta below p_F on one chain
BATCH = 100_000  # chain points assembled at once
FINEST = 1e-13  # depth below the band bottom, over m alpha, that rounding still resolves
SHORTEST = 1e-10  # piece of the chains' depths that is integrated by itself, over m alpha
UNIVERSAL = 1 / (8 * math.pi)  # e E / 8 pi


@dataclass(frozen=True)
class RashbaGas:
    """A parabolic band with Rashba splitting and its spin-orbit disorder; [rashba 1].

    Attributes
    ----------
    rashba : float
        alpha of ``(alpha/2)(sigma_x p_y - sigma_y p_x)``, a velocity; twice the alpha of
        `hopnet.boltzmann.response.Electrons`.
    fermi_energy : float
        Positive: both bands are occupied.
    mass : float
    lambda_xy, lambda_z : float
        Rashba and Mott vertices of the disorder (see `hopnet.boltzmann.collisions.Disorder`),
        on unit momenta, all orders in the gain and in the loss. Field (side-jump) terms of
        the spin-orbit disorder are not in this kernel. With ``lambda_z > 0`` one of its rates
        turns negative below ``p = m alpha / 2``: the response is then a principal value, which
        `solve_rashba` reaches to some four digits.
    skew : float
        kappa of an amplitude ``U (1 + kappa sin(theta) sigma_z)``, first order, gain only;
        beyond 1/2 the probability turns negative, and `solve_rashba` warns.
    interband : bool
        False: the smooth limit, scattering within a band only.
    """

    rashba: float
    fermi_energy: float = 0.5
    mass: float = 1.0
    lambda_xy: float = 0.0
    lambda_z: float = 0.0
    skew: float = 0.0
    interband: bool = True

    def __post_init__(self):
        for name in ("rashba", "fermi_energy", "mass", "lambda_xy", "lambda_z", "skew"):
            if check_real(name, getattr(self, name)).ndim:
                raise ParameterError(f"{name} must be one number, got an array; loop over it.")
        if not self.mass > 0:
            raise ParameterError(f"mass must be positive, got {self.mass!r}; check its sign.")
        if not self.fermi_energy > 0:
            raise ParameterError(
                f"fermi_energy must be positive (both bands occupied), got {self.fermi_energy!r}; "
                "the single-band case is not treated."
            )

    @property
    def splitting(self):
        """|alpha|; a negative alpha is solved by a half turn of the spins about z."""
        return abs(self.rashba)

    @property
    def momentum_splitting(self):
        """d = m |alpha| = p_F^- - p_F^+."""
        return self.mass * self.splitting

    @property
    def fermi_momenta(self):
        """p_F^+ and p_F^-: ``-+ d/2 + (2 m E_F + d**2/4)**0.5``."""
        root = math.sqrt(2 * self.mass * self.fermi_energy + self.momentum_splitting**2 / 4)
        half = self.momentum_splitting / 2
        plus = 2 * self.mass * self.fermi_energy / (root + half)
        return plus, root + half

    @property
    def density(self):
        """Both spins: ``(p_F^+**2 + p_F^-**2) / 4 pi``."""
        plus, minus = self.fermi_momenta
        return (plus**2 + minus**2) / (4 * math.pi)

    def edelstein(self, time):
        """``N_0 (alpha/2) tau``: the spin density of weak coupling, unit of S_y."""
        return self.mass / (2 * math.pi) * self.rashba / 2 * time


@dataclass(frozen=True)
class RashbaResponse:
    """Response per unit field; each of the first three is (acceleration, coherence).

    Attributes
    ----------
    spin_current : tuple of float
        q_yz by source, [rashba 2]; ``1/8pi`` and ``-1/8pi`` for any scalar disorder.
    spin_density : tuple of float
        S_y by source.
    charge_current : tuple of float
        J_x by source.
    n_points, n_chains : int
        Length of a chain, and how many were solved at the last level.
    error : float
        Change of S_y and J_x in the last refinement, relative; never judged on q_yz, which
        is exact on any chain.
    residual : float
        True residual of the chain solves relative to their source, weighted as the chains.
    """

    spin_current: tuple
    spin_density: tuple
    charge_current: tuple
    n_points: int
    n_chains: int
    error: float
    residual: float

    @property
    def q_yz(self):
        """Total spin current."""
        return sum(self.spin_current)

    @property
    def s_y(self):
        """Total spin density."""
        return sum(self.spin_density)

    @property
    def j_x(self):
        """Total charge current."""
        return sum(self.charge_current)


def solve_rashba(gas, potential, *, tolerance=1e-9, levels=6):
    """Solve [rashba 3], in the form [rashba 4]-[rashba 6], for the currents of [rashba 2].

    The acceleration drives one chain of momenta, the one through both Fermi momenta; the
    interband coherence drives every chain, and its response is integrated over them.

    Parameters
    ----------
    gas : RashbaGas
    potential : Potential
        See `hopnet.boltzmann.potentials`.
    tolerance : float
        Of S_y and J_x, relative.
    levels : int
        Refinements tried: each adds half of the nodes again, then each doubles the chain
        beyond the Fermi momentum.

    Returns
    -------
    RashbaResponse

    Raises
    ------
    ParameterError
        For a potential that does not scatter, or a splitting so small that a chain exceeds
        20000 momenta (``rashba=0`` itself is allowed).
    ConvergenceError
        If the tolerance is not met; it carries the last estimate.

    Warns
    -----
    ValidityWarning
        If ``E_F tau < 1``: outside the range of a kinetic equation (q_yz is still zero); or if
        ``|skew| > 1/2``: a scattering probability is negative.

    Notes
    -----
    The integrand has kinks where a chain touches ``p = 0`` or ``V_- = 0``; pieces end there
    and their nodes are graded. Cost: 4x4 block elimination, linear in the chain length.

    Where p_F+ is the bottom of the lower band, ``m alpha = 2 (2 m E_F / 3)**0.5``, S_y and J_x
    have a cusp in alpha, narrower the longer the lifetime (S_y of a delta potential with ``E_F
    tau = 5``: 1.651 at it, 1.37 and 1.38 one part in 1000 away). Rounding is largest there:
    S_y and J_x are good to 1e-6, and ``abs(q_yz)`` is below 1e-12/8pi from 1e-3 off in alpha,
    below 1e-10/8pi at 1e-5 and below 1e-5/8pi at it (delta, Gaussian, Yukawa and angular, tau
    from 1 to 100). Lifetimes above ``1000/E_F`` need peaks thinner than 1e-8: not resolved.
    Smooth potentials at strong splitting (``m alpha R > 2`` for a Gaussian) hardly relax the
    band bottom: of 1500 random cases 26 were refused, the others had ``abs(q_yz) < 2e-11/8pi``.

    Examples
    --------
    >>> from hopnet.boltzmann.potentials import delta_potential
    >>> answer = solve_rashba(RashbaGas(rashba=0.4), delta_potential(10.0))
    >>> abs(answer.q_yz) < 1e-13, round(answer.s_y / RashbaGas(rashba=0.4).edelstein(10.0), 8)
    (True, 0.99916733)
    """
    if not (1e-14 < tolerance < 1):
        raise ParameterError(
            f"tolerance must lie between 1e-14 and 1, got {tolerance!r}; 1e-9 is the default."
        )
    out_rate = check_scattering(gas, potential)
    if gas.rashba == 0:
        return without_splitting(gas, potential)
    gas, flip = positive_form(gas)
    beyond, nodes = first_level(gas, out_rate, tolerance), 16
    floor, pole = scale_of(gas, potential), bottom_pole(gas, potential, beyond)
    answer = observe(gas, potential, beyond, nodes, pole)
    for _ in range(levels):  # nodes first: their error does not depend on the chain length
        finer = observe(gas, potential, beyond, nodes + nodes // 2, pole)
        node_error = relative_change(answer, finer, floor)
        if node_error <= tolerance:
            break
        answer, nodes = finer, nodes + nodes // 2
    for _ in range(levels + 2):
        beyond = 2 * beyond
        longer = observe(gas, potential, beyond, nodes, pole)
        error = max(node_error, relative_change(answer, longer, floor))
        answer = longer
        if error <= tolerance or node_error > tolerance:
            break
    moments = answer[0]
    record = RashbaResponse(
        spin_current=tuple(moments[0].tolist()),
        spin_density=tuple((flip * moments[1]).tolist()),
        charge_current=tuple(moments[2].tolist()),
        n_points=answer[1],
        n_chains=answer[2],
        error=error,
        residual=answer[3],
    )
    if not error <= tolerance:
        raise ConvergenceError(
            f"S_y and J_x still move by {error:.2g} with {answer[1]} momenta and {answer[2]} "
            f"chains, allowed {tolerance:.2g}; raise levels or tolerance.",
            estimate=record,
            residual=error,
            iterations=levels,
        )
    return record


def relative_change(before, after, floor):
    """Largest relative change of S_y and J_x between two levels, each summed over sources."""
    old, new = before[0][1:].sum(axis=1), after[0][1:].sum(axis=1)
    return float(np.max(np.abs(new - old) / np.maximum(np.abs(new), 1e-3 * floor)))


def positive_form(gas):
    """The gas with alpha > 0, and the sign of its S_y.

    A half turn of the spins about z maps alpha, lambda_xy and S_y to minus themselves and
    leaves S_z, hence q_yz, alone.
    """
    if gas.rashba > 0:
        return gas, 1.0
    mirrored = RashbaGas(
        -gas.rashba,
        gas.fermi_energy,
        gas.mass,
        -gas.lambda_xy,
        gas.lambda_z,
        gas.skew,
        gas.interband,
    )
    return mirrored, -1.0


def check_scattering(gas, potential):
    """Out-scattering rate at the Fermi momentum; refuse a potential without one."""
    fermi = math.sqrt(2 * gas.mass * gas.fermi_energy)
    with np.errstate(all="ignore"):
        w = potential.strength * potential.moments(np.array([fermi]), np.array([fermi]), 2)[:, 0]
    if not (np.all(np.isfinite(w)) and w[0] > 0):
        raise ParameterError(
            f"the potential does not relax the momentum (w_0 = {w[0]!r} at p_F, must be "
            "positive); give a scattering probability that is not zero."
        )
    if gas.fermi_energy / (gas.mass * w[0]) < 1:
        warnings.warn(
            f"E_F tau = {gas.fermi_energy / (gas.mass * w[0]):.3g} is below 1: the kinetic "
            "equation is outside its range.",
            ValidityWarning,
            stacklevel=3,
        )
    if abs(gas.skew) > 0.5:
        warnings.warn(
            f"skew kappa = {gas.skew:.3g}: the first-order scattering probability, "
            "1 + 2 kappa sin(theta) for spins along z, turns negative beyond 1/2.",
            ValidityWarning,
            stacklevel=3,
        )
    if gas.momentum_splitting and gas.fermi_momenta[1] > LONGEST * gas.momentum_splitting:
        raise ParameterError(
            f"the splitting m alpha = {gas.momentum_splitting:.3g} is too small for p_F = "
            f"{fermi:.3g}: a chain would exceed {LONGEST} momenta; use rashba=0 or the "
            "quantum-Boltzmann response."
        )
    return gas.mass * w[0]


def without_splitting(gas, potential):
    """alpha = 0: no spin response, ``J_x = n tau_tr / m``."""
    if gas.lambda_xy or gas.lambda_z or gas.skew:
        raise ParameterError(
            "rashba=0 with spin-orbit disorder has no momentum chains; use "
            "hopnet.boltzmann.response instead, or a small rashba."
        )
    fermi = np.array([math.sqrt(2 * gas.mass * gas.fermi_energy)])
    w = potential.strength * potential.moments(fermi, fermi, 2)[:, 0]
    current = gas.density / gas.mass / (gas.mass * float(w[0] - w[1]))
    return RashbaResponse((0.0, 0.0), (0.0, 0.0), (current, 0.0), 1, 1, 0.0, 0.0)


def scale_of(gas, potential):
    """Natural sizes of S_y and J_x, against which a change is judged where they cross zero."""
    fermi = np.array([math.sqrt(2 * gas.mass * gas.fermi_energy)])
    w = potential.strength * potential.moments(fermi, fermi, 2)[:, 0]
    time = 1 / (gas.mass * float(w[0]))
    return np.array([gas.edelstein(time), gas.density * time / gas.mass])


def first_level(gas, out_rate, tolerance):
    """Momenta beyond p_F- at the first level: the influence falls as prod rate/(alpha p_k)."""
    p, step, log_influence, count = gas.fermi_momenta[1], gas.momentum_splitting, 0.0, 0
    while log_influence > math.log(tolerance) and count < 24:
        count += 1
        p += step
        log_influence += math.log(out_rate / (gas.splitting * p))
    return max(3, (count + 1) // 2) if gas.interband else 1


def drives_bottom(gas):
    """Whether the field drives the bottom of the lower band, ``p = d/2``, where ``V_- = 0``."""
    return gas.momentum_splitting / 2 > gas.fermi_momenta[0]


def fermi_depth(gas):
    """``d/2 - r`` of the chain ``r + k d``, ``0 <= r <= d/2``, through both Fermi momenta."""
    step = gas.momentum_splitting
    return abs(math.fmod(gas.fermi_momenta[0], step) - step / 2)


def chain_points(depth, gas, beyond):
    """Signed momenta of chains, and their moduli's distances from d/2, float64[chain, point].

    A chain is named by its depth ``x = d/2 - r``; the distances ``|k d - x|`` carry no
    rounding of d/2, so that the two velocities at ``k = 0, -1`` are equal and exact. On that
    rests ``q_yz = 0`` near the band bottom.
    """
    step = gas.momentum_splitting
    below = int(gas.fermi_momenta[1] / step) + 1 + beyond
    k = np.arange(-below, below + 1)
    bottom = np.abs(step * (k + (k < 0)) - depth[:, None])
    return step * (k + 0.5) - depth[:, None], bottom


def bottom_pole(gas, potential, beyond):
    """Depth x_0 in the response ``~ 1/(x + x_0)`` of chains that drive the band bottom.

    None where nothing drives it. Two chains give it; it only places nodes, so that two digits
    are plenty.
    """
    shelf, step = fermi_depth(gas), gas.momentum_splitting
    if not drives_bottom(gas) or shelf < SHORTEST * step:
        return None
    floor = FINEST * step
    probe = np.array([max(floor, min(1e-9 * step, 1e-6 * shelf)), floor + 1e-3 * shelf])
    momentum, bottom = chain_points(probe, gas, beyond)
    near, far = solve_chains(momentum, gas, potential, 0, bottom)[0][:, 1]
    pole = (probe[1] * far - probe[0] * near) / (near - far) if 0 < far / near < 1 else shelf
    return float(np.clip(pole, floor, shelf))


def chain_depths(gas, nodes, pole=None):
    """Depths x in (0, d/2) of the chains to integrate over, and their weights.

    The integrand has a kink at the depth of the Fermi chain: pieces end there. Below a depth
    of 1e-13 d rounding is all there is, and the response the same.
    """
    step, shelf = gas.momentum_splitting, fermi_depth(gas)
    half = step / 2
    if shelf < SHORTEST * step:
        shelf = 0.0
    crowd = 4 if shelf < 0.1 * step else 2  # the response bends sharply near depth 0
    rules = [np.zeros((2, 0))]
    if half - shelf > SHORTEST * step:
        rules.append(graded_nodes([(shelf, half)], nodes, crowd))
    if shelf and pole is None:
        rules.append(graded_nodes([(0.0, shelf)], nodes))
    elif shelf:
        rules.append(pole_nodes(shelf, pole, half, nodes))
    depth, weight = np.concatenate(rules, axis=1)
    return np.maximum(depth, FINEST * step), weight


def observe(gas, potential, beyond, nodes, pole=None):
    """Moments (q_yz, S_y, J_x) x (acceleration, coherence), chain length, chains, residual."""
    depth, weight = chain_depths(gas, nodes, pole)
    start, start_weight = fermi_chains(gas, potential, beyond)
    momentum, bottom = chain_points(np.concatenate([start, depth]), gas, beyond)
    each, residual = solve_chains(momentum, gas, potential, start.size, bottom)
    share, first = np.concatenate([start_weight, weight]), start.size
    moments = np.stack([share[:first] @ each[:first], share[first:] @ each[first:]], axis=1)
    worst = float(np.max(residual[:first]) + weight @ residual[first:] / np.sum(weight))
    if not worst < 1e-7:
        raise ConvergenceError(
            f"chains of {momentum.shape[1]} momenta left a residual of {worst:.2g}, allowed 1e-7; "
            "change rashba slightly.",
            estimate=moments,
            residual=worst,
        )
    return moments, momentum.shape[1], share.size, worst


def fermi_chains(gas, potential, beyond):
    """Depths of the chains that give the Fermi chain's response, and their weights.

    That is one, itself. At depth 0, where V_- = 0 on it, the two equations of the band bottom
    become one, and rounding grows like 1e-16 d/x. There the response, a peak as narrow as its
    pole in x, is a quartic through five chains a spacing apart: the widest spacing that agrees
    with the narrower ones within rounding.
    """
    step, depth = gas.momentum_splitting, fermi_depth(gas)
    if depth > 1e-7 * step:
        return np.array([depth]), np.array([1.0])
    spacing = step * 10.0 ** -np.arange(3, 10)
    chains, weight = depth + spacing[:, None] * np.arange(1, 6), np.array([5, -10, 10, -5, 1.0])
    momentum, bottom = chain_points(chains.ravel(), gas, beyond)
    each, _ = solve_chains(momentum, gas, potential, chains.size, bottom)
    value = each[:, 1].reshape(chains.shape) @ weight
    differ = np.abs(np.diff(value)) > 1e-15 * step / spacing[1:] * np.abs(value[1:])
    return chains[np.max(np.flatnonzero(differ), initial=-1) + 1], weight


def solve_chains(momentum, gas, potential, n_accelerated, bottom=None):
    """Moments (q_yz, S_y, J_x) of every chain, float64[n_chains, 3], and its residual.

    The first ``n_accelerated`` chains are driven by the acceleration, the others by the
    interband coherence. ``bottom`` as in `hopnet.boltzmann.chain.chain_blocks`.
    """
    if bottom is None:
        bottom = np.abs(np.abs(momentum) - gas.momentum_splitting / 2)
    drive = np.concatenate(
        [
            acceleration_source(momentum[:n_accelerated], gas),
            coherence_source(momentum[n_accelerated:], gas, bottom[n_accelerated:]),
        ]
    )
    rows = max(1, BATCH // momentum.shape[1])
    parts, residuals = [], []
    for k in range(0, momentum.shape[0], rows):
        chain, part = momentum[k : k + rows], slice(k, k + rows)
        solution, residual = solve_matrix(chain, gas, potential, drive[part], bottom[part])
        parts.append(sum_moments(np.abs(chain), solution, gas))
        residuals.append(residual)
    return np.concatenate(parts), np.concatenate(residuals)


def solve_matrix(momentum, gas, potential, drive, bottom=None):
    """The density matrix on every chain point: float64[n_chains, n_points, 4], residuals."""
    lower, diagonal, upper = chain_blocks(momentum, gas, potential, bottom)
    solution, residual = np.empty_like(drive), np.empty(momentum.shape[0])
    work = np.empty((momentum.shape[1], 4, 9))
    fill_chain_solution(lower, diagonal, upper, drive, work, solution, residual)
    return solution, residual


def acceleration_source(momentum, gas):
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
        velocity = abs(chain[near]) / gas.mass + gas.splitting / 2  # of both Fermi points
        row[near, 0] = row[partner, 1] = 0.5 * velocity
    return drive


def coherence_source(momentum, gas, bottom=None):
    """Field term ``-(i/2)(E sin(phi)/p)(f_0+ - f_0-)`` of [rashba 4] between p_F+ and p_F-.

    [rashba 11] is printed without its prefactor; [rashba 4] and [rashba 14] need it.
    """
    drive = np.zeros((*momentum.shape, 4))
    plus, minus = gas.fermi_momenta
    p = np.abs(momentum)
    inside = (p > plus) & (p < minus)
    v_minus = (np.abs(p - gas.momentum_splitting / 2) if bottom is None else bottom) / gas.mass
    drive[..., 2] = np.where(inside, v_minus / (4 * np.where(inside, p, 1.0)), 0.0)
    return drive


def sum_moments(p, solution, gas):
    """(q_yz, S_y, J_x) of [rashba 2] summed over the points of each chain."""
    plus, minus, real, _ = np.einsum("cp,cpu->uc", p, solution)
    s = -(plus - minus + 2 * real) / (4 * math.pi)
    plus, minus, _, imaginary = np.einsum("cp,cpu->uc", p * p, solution)
    q = imaginary / (2 * math.pi * gas.mass)
    j = (plus + minus) / (2 * math.pi * gas.mass) - gas.splitting * s
    return np.stack([q, s, j], axis=1)
