"""Sites that hold one carrier at most: the mean field of blocking, in a field of any strength.

A hop from i to j needs a carrier on i and an empty place on j. In the mean field

    0 = sum_i [p_i (1 - p_j) a_ij - p_j (1 - p_i) a_ji]        for every site j

Each step *freezes* the empty places 1 - p, that is, holds them fixed. This gives a reversible chain
of single carriers with rates a_ij (1 - p_j). The directed elimination computes its occupations P
and net flows J_ij with all their digits. With l = ln(P / p) and F_ij = P_i (1 - p_j) a_ij, Newton's
step for the log-odds y = ln(p / (1 - p)) is d = l + m, and m solves a second directed chain [field
7]:

    sum_i (m_i b_ij - m_j b_ji) = sum_i J_ij p_i l_i        b_ij = (1 - p_i) F_ij + p_i F_ji

No small difference of large flows occurs: the right side is a sum over net flows, and it vanishes
with l. Pairs of sites that exchange carriers 1e40 times faster than the current are in equilibrium
after every step, because they are in equilibrium in the frozen chain.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from hopnet.checks import number
from hopnet.elimination.directed import factor_directed
from hopnet.elimination.symbolic import Elimination
from hopnet.errors import ConvergenceError, ParameterError
from hopnet.network.network import Network
from hopnet.transport.tilted import energy_steps, equilibrium, fermi_level

__all__ = ["Crowd", "Frozen", "Steady", "filling_of", "follow", "starting_odds"]

# Newton's iteration stops when no log-odds change by more than this. The convergence is quadratic:
# the change before was about 1e-6, and the remaining error is rounding. A larger value gives fewer
# digits.
TOLERANCE = 1e-11
# If the last change was above this, one more step follows: the current is wrong by about as much as
# the log-odds. A smaller value costs a step that gains nothing; a larger one gives fewer digits.
ROUNDING = 1e-14
# The tolerance at intermediate fields, where a solution only has to be a good start for the next
# field. A smaller value costs more steps; a larger one makes the next start worse.
ROUGH = 1e-2
# Below this change, Newton takes the full step. Above it, a site may become fuller by log(1 + d)
# and emptier by log(1 - d + d^2 / 2): a larger value lets steps overshoot.
FULL = 0.5
# A solution counts as failed, and a smaller field is tried first, after PATIENCE steps without a
# new lowest imbalance, or after STEPS steps in any case. In samples of 2e4 dilute sites the
# imbalance may jump once and then fall below its value before. Larger values waste steps; smaller
# ones divide the interval of fields too often.
PATIENCE, STEPS = 12, 40
# The step in the field is multiplied by SHORTER after a failure and by LONGER after a success. If
# it falls below SHORTEST times the whole interval, a ConvergenceError is raised.
SHORTER, LONGER, SHORTEST = 0.4, 1.7, 1e-3


class Frozen(NamedTuple):
    """The chain of single carriers with the empty places held fixed.

    Attributes
    ----------
    occupation : float64[n_sites]
        P, in the unit of p.
    flow : float64[n_links]
        Net flow J of every link, in units of exp(scale).
    gross : (float64[n_links], float64[n_links])
        F_ij and F_ji, in the same unit.
    imbalance : float
        Sum over sites of abs(net flow), divided by the sum over links of abs(flow).
    solved : Around or BetweenContacts
    """

    occupation: np.ndarray
    flow: np.ndarray
    gross: tuple[np.ndarray, np.ndarray]
    imbalance: float
    solved: Any


class Crowd(NamedTuple):
    """One sample with many carriers, around a ring or between contacts.

    Attributes
    ----------
    network : Network
    symbolic : Elimination
        Analysis for Newton's chain; contacts are terminals.
    free : bool[n_sites]
        Sites whose occupation is sought.
    n_carriers : float or None
        Their number, conserved around a ring; None between contacts.
    freeze : callable
        ``freeze(strength, y)`` solves the frozen chain at a field or voltage.
    """

    network: Network
    symbolic: Elimination
    free: np.ndarray
    n_carriers: float | None
    freeze: Callable[[float, np.ndarray], Frozen]


class Steady(NamedTuple):
    """A steady state found by `follow`.

    Attributes
    ----------
    log_odds : float64[n_sites]
    frozen : Frozen
    residual : float
        Largest change of the log-odds in the last Newton step.
    imbalance : float
        Sum over sites of abs(net flow), divided by the sum over links of abs(flow).
    steps : int
        Number of Newton steps, including those at intermediate fields.
    """

    log_odds: np.ndarray
    frozen: Frozen
    residual: float
    imbalance: float
    steps: int


def filling_of(
    network: Network, concentration: float | None, chemical_potential: float | None
) -> tuple[float | None, float | None]:
    """Concentration or shift of the log-odds of equilibrium, both None for few carriers.

    Parameters
    ----------
    network : Network
    concentration : float, optional
        Mean occupation of a site in equilibrium, above 0 and below 1.
    chemical_potential : float, optional
        In the unit of the energies; by default that of the network.

    Returns
    -------
    (concentration, shift)
        The shift is mu / kT minus the level from which `equilibrium` counts.
    """
    if concentration is not None:
        if chemical_potential is not None:
            raise ParameterError(
                "concentration and chemical_potential exclude each other, got both; leave one out."
            )
        value = number(
            "concentration",
            concentration,
            low=0.0,
            high=1.0,
            above=True,
            below=True,
            hint="it is the mean number of carriers per site",
        )
        return value, None
    if chemical_potential is None:
        return None, (0.0 if network.exclusion else None)
    mu = number("chemical_potential", chemical_potential, hint="give an energy")
    energy, kT = network.sites.energy, network.kT
    if energy is None or kT is None:
        raise ParameterError(
            "chemical_potential needs the energies and kT of the network, this one has none; give "
            "concentration= instead."
        )
    # log_n = -(e - level) / kT for every site: the level follows from any of them.
    level = energy[0] / kT + equilibrium(network)[0]
    return None, float(mu / kT - level)


def starting_odds(
    network: Network, free: np.ndarray, filling: tuple[float | None, float | None]
) -> tuple[np.ndarray, float]:
    """Log-odds of equilibrium at every site, and the number of carriers on the free sites.

    Parameters
    ----------
    network : Network
    free : bool[n_sites]
        Sites over which the concentration is the mean.
    filling : (concentration, shift)
        From `filling_of`.
    """
    energy_steps(network)  # refuses networks that hold occupations alone
    log_n = equilibrium(network)
    concentration, shift = filling
    if concentration is not None:
        shift = fermi_level(log_n[free], concentration * np.count_nonzero(free))
    y = log_n + shift
    return y, float(np.exp(-np.logaddexp(0.0, -y[free])).sum())


def follow(
    crowd: Crowd, strength: float, y: np.ndarray, begin: float = 0.0, name: str = "field"
) -> Steady:
    """The steady state at a field or voltage, from a known one at another.

    Parameters
    ----------
    crowd : Crowd
    strength : float
        The field or voltage of the result.
    y : float64[n_sites]
        Log-odds of the steady state at ``begin``.
    begin : float
        0 for equilibrium.
    name : str
        For the message.

    Raises
    ------
    ConvergenceError
        If the field cannot be reached even in steps of a thousandth of it. ``estimate`` holds the
        log-odds at the largest field that was reached.
    """
    at, step, steps = begin, strength - begin, 0
    before: tuple[float, np.ndarray] | None = None
    while True:
        last = abs(strength - at) <= abs(step)
        goal = strength if last else at + step
        guess = y
        if before is not None and abs(goal - at) <= 2.0 * abs(at - before[0]):
            guess = y + (y - before[1]) * ((goal - at) / (at - before[0]))
        found, failure = None, None
        try:
            found = converge(crowd, goal, guess, TOLERANCE if last else ROUGH)
        except ParameterError as error:
            failure = error
        if found is not None:
            steps += found.steps
            if found.residual <= (TOLERANCE if last else ROUGH):
                if last:
                    return found._replace(steps=steps)
                before, y, at = (at, y), found.log_odds, goal
                step *= LONGER
                continue
        step = SHORTER * (goal - at)
        before = None
        if abs(step) < SHORTEST * abs(strength - begin):
            if found is None:
                raise failure if failure is not None else AssertionError
            raise ConvergenceError(
                f"blocking did not converge at {name} {strength:.6g}: Newton reached {name} "
                f"{at:.6g} and stopped at {goal:.6g}, with an imbalance of {found.imbalance:.1e} "
                f"and log-odds that change by {found.residual:.1e}; ask for a smaller {name}.",
                estimate=y,
                residual=found.imbalance,
                iterations=steps,
            )


def converge(crowd: Crowd, strength: float, y: np.ndarray, tolerance: float) -> Steady:
    """Damped Newton steps at one field, until they are below the tolerance or have failed."""
    best, last, lowest = None, False, (np.inf, 0)
    for step in range(1, STEPS + 1):
        y = normalised(crowd, y)
        try:
            change, frozen, imbalance = newton_change(crowd, strength, y)
        except ParameterError:
            if best is None:
                raise
            return best
        residual = float(np.abs(change).max(initial=0.0))
        if not np.isfinite(residual):
            break
        if last and best is not None and residual > best.residual:
            return best
        best = Steady(y, frozen, residual, imbalance, step)
        if imbalance < lowest[0]:
            lowest = imbalance, step
        if last or step >= lowest[1] + PATIENCE:
            return best
        if residual <= tolerance:
            if tolerance > TOLERANCE or residual <= ROUNDING:
                return best
            last = True
        y = y + (change if residual < FULL else damped(change))
    if best is None:
        raise ParameterError(
            f"log-odds leave the range of floats at a field or voltage of {strength:.6g}; take a "
            "smaller one or a larger cutoff."
        )
    return best


def damped(change: np.ndarray) -> np.ndarray:
    """Newton's change of the log-odds, reduced where it is large; small changes are kept."""
    up, down = np.maximum(change, 0.0), np.maximum(-change, 0.0)
    return np.log1p(up) - np.log1p(down + 0.5 * np.minimum(down, 1e150) ** 2)


def normalised(crowd: Crowd, y: np.ndarray) -> np.ndarray:
    """Log-odds shifted so that the number of carriers is right."""
    if crowd.n_carriers is None:
        return y
    return np.where(crowd.free, y + fermi_level(y[crowd.free], crowd.n_carriers), y)


def newton_change(crowd: Crowd, strength: float, y: np.ndarray) -> tuple[np.ndarray, Frozen, float]:
    """Newton's change of the log-odds [field 7], the frozen chain and the imbalance.

    Parameters
    ----------
    crowd : Crowd
    strength : float
    y : float64[n_sites]

    Returns
    -------
    change : float64[n_sites]
        Zero where the occupation is given.
    frozen : Frozen
    imbalance : float
        First-order estimate of the imbalance of the flows once log-odds move to those of the
        frozen chain.
    """
    network, free = crowd.network, crowd.free
    i, j, n = network.link_i, network.link_j, network.n_sites
    frozen = crowd.freeze(strength, y)
    log_p = -np.logaddexp(0.0, -y)
    p, q = np.exp(log_p), np.exp(-np.logaddexp(0.0, y))
    if np.any(frozen.occupation[free] <= 0.0):
        raise ParameterError(
            "occupations of this field fall below the smallest float; take a weaker field or a "
            "larger cutoff."
        )
    l = np.zeros(n)
    l[free] = np.log(frozen.occupation[free]) - log_p[free]
    going, coming = frozen.gross
    feed = p * l
    source = np.bincount(j, frozen.flow * feed[i], n) - np.bincount(i, frozen.flow * feed[j], n)
    source[~free] = 0.0
    factored = factor_directed(
        crowd.symbolic, q[i] * going + p[i] * coming, q[j] * coming + p[j] * going
    )
    change = l + factored.occupation(-source, np.zeros(crowd.symbolic.n_terminals))
    change[~free] = 0.0
    if crowd.n_carriers is not None:
        # Adding any multiple of the stationary solution solves the equation as well.
        null = np.where(free, factored.stationary(), 0.0)
        weight = p * q
        change -= null * ((weight @ change) / (weight @ null))
    total = np.abs(frozen.flow).sum()
    left = np.abs(source).sum() / total if total > 0 else 0.0
    return change, frozen, float(max(frozen.imbalance, left))
