"""The steady state of a sample of any size, by sweeps between the spins and the current.

The spins follow from the current by Gamma, and the current from the spins by Lambda. The feedback
Lambda is weak: one sweep is usually enough, and often none is needed.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from hopnet.errors import ConvergenceError
from hopnet.kernels import kinetics as kernels
from hopnet.network.network import INNER
from hopnet.records import read_only
from hopnet.spin.kinetics.coupling import Coupling, feedback_solver, reciprocal_current
from hopnet.spin.kinetics.frames import find_frames
from hopnet.spin.kinetics.krylov import solve_rows
from hopnet.spin.kinetics.problem import Problem, SteadyState
from hopnet.spin.kinetics.rows import Preconditioner, SpinRows, spin_rows
from hopnet.spin.kinetics.unit import UnitCurrent
from hopnet.transport.balance import net_flow

__all__ = ["WEAK_ROW", "solve_by_sweeps"]

# Rows whose throughput is below this part of the mean are not significant, unless an answer needs
# them: most of them hold rounding only. A larger value would leave out rows with a physical
# throughput.
WEAK_ROW = 1e-8
# A site is significant, however weak its rows, if it carries more than this part of the current
# that spins drive. In a cold sample the sites that carry the current hold few of the electrons.
CARRYING = 1e-6
# Target of the residual of every significant row, over the moduli of its terms. The norm of all
# rows alone would leave weak rows inaccurate; a smaller value costs iterations.
ROW_RESIDUAL = 1e-9
# Largest number of sweeps. Each reduces the change of the torque by a constant factor, so more
# than a few mean that the feedback is as strong as the drive itself.
SWEEPS = 30
# Stop when change**2 < SQUARE * tolerance: one more sweep would change the torque by about
# change**2.
SQUARE = 1e-3
# Krylov solves aim at FINER * tolerance; then weakly driven rows rarely need a second solve.
FINER = 0.05
# Relative change of the answers (polarisation and current driven by spins) below which the spins
# are not refined any further. A Krylov method reaches about 1e-12 where all sites are alike.
REFINED = 1e-12
# Change of the largest sigma that counts as much as a change of the answers by REFINED: single
# spins are needed to 1e-9.
SINGLE_SPIN = 1e-3
# Relative change of the answers that is accepted if the scalar factor cannot make it smaller. Above
# it, a factor of 3x3 blocks is made.
ACCURATE = 1e-10
# Largest number of refinements. Each reduces the error to half or less, usually to 0.1 or less.
REFINEMENTS = 60
# The effect of the feedback on the answers counts as rounding if one unit of rounding in every
# flow has an effect of at least this part of it. Rounding errors add up to some tens of units.
NOISE = 0.01
# Stated error over the change by one more refinement. Each refinement halves the error at least, so
# 2 covers exact arithmetic; 4 allows for the rounding of the corrections.
SAFETY = 4.0
# Rounding of an answer in units of the machine precision times the moduli of its terms. A smaller
# number would not cover samples of some hundred sites, a larger one would overstate the others.
ROUNDING_ERRORS = 80.0
# Error of the answers that is stated where the effect of the feedback is lost in that rounding. The
# two currents of 160 cold samples (kT = 0.02 to 0.1 of the width, 1440 pairs) differ by at most
# 2.2e-11. A smaller value leaves less room, a larger one overstates the error.
UNSEEN = 3e-10
# The sweeps diverge if one changes the torque by more than this many times the drive.
DIVERGENCE = 1e3


class Answers(NamedTuple):
    """The numbers that a steady state is solved for: polarisation, and current driven by spins."""

    rows: SpinRows
    occupation: np.ndarray  # float64[n_sites]: n_i
    unit_torque: np.ndarray  # float64[n_sites, 3]: torque of a unit bias

    def of(self, local: np.ndarray) -> tuple[np.ndarray, ...]:
        """Total spin, current by components, whole current, and every sigma in local frames."""
        sigma = self.rows.frames.to_laboratory(local)
        total = (self.occupation[:, None] * sigma).sum(axis=0)
        driven = reciprocal_current(self.unit_torque, sigma)
        return total, driven, driven.sum(keepdims=True), local

    def change(self, step: np.ndarray, local: np.ndarray) -> float:
        """Largest relative change of an answer when ``step`` is added to ``local``."""
        changes = [
            relative(part, whole) for part, whole in zip(self.of(step), self.of(local), strict=True)
        ]
        return max(*changes[:3], SINGLE_SPIN * changes[3])

    def rounding(self, local: np.ndarray) -> float:
        """Relative rounding of the sums that are the answers: the moduli of their terms."""
        sigma = self.rows.frames.to_laboratory(local)
        sums = (self.occupation[:, None] * sigma, self.unit_torque * sigma)
        shares = [relative(np.abs(terms).sum(axis=0), terms.sum(axis=0)) for terms in sums]
        return ROUNDING_ERRORS * float(np.finfo(np.float64).eps) * max(shares)

    def carrying_sites(self, local: np.ndarray) -> np.ndarray:
        """bool[n_sites]: the sites that carry more than `CARRYING` of the current of the spins."""
        sigma = self.rows.frames.to_laboratory(local)
        share = np.abs(self.unit_torque * sigma).sum(axis=1)
        return share > CARRYING * share.sum()


def relative(step: np.ndarray, value: np.ndarray) -> float:
    """Largest modulus of ``step`` over that of ``value``; 0 where both vanish."""
    change, size = (float(np.abs(array).max(initial=0.0)) for array in (step, value))
    if change == 0.0:
        return 0.0
    return change / size if size > 0.0 else np.inf


class SpinSolver:
    """The spin rows of a sample, the iterations so far, and the error of the last answers.

    Attributes
    ----------
    preconditioner : Preconditioner
        It holds the rows.
    answers : Answers
    tolerance : float
        Norm of the residual over that of the right side.
    max_iterations : int
        Largest number of iterations of all solves together.
    history : list of float
        Relative residuals of all solves; the first one is that of zero spins.
    numerical_error : float
        Relative change of the answers that one more refinement of the last solve would make.
    """

    def __init__(
        self,
        preconditioner: Preconditioner,
        answers: Answers,
        tolerance: float,
        max_iterations: int,
    ) -> None:
        self.preconditioner = preconditioner
        self.answers = answers
        self.tolerance = tolerance
        self.max_iterations = max_iterations
        self.history: list[float] = []
        self.numerical_error = 0.0

    @property
    def rows(self) -> SpinRows:
        """The spin rows."""
        return self.preconditioner.rows

    @property
    def iterations(self) -> int:
        """Number of iterations so far."""
        return max(len(self.history) - 1, 0)

    def solve(self, rhs: np.ndarray, start: np.ndarray | None = None) -> np.ndarray:
        """Spins in local frames for a right side: Krylov method, weak rows, refinement."""
        return self.refine(self.polish(self.iterate(rhs, start), rhs), rhs)

    def effect(self, change: np.ndarray, local: np.ndarray) -> float:
        """Relative change of the answers if the right side changes, estimated by the factor."""
        right = np.where(self.rows.free[:, None], change, 0.0)
        return self.answers.change(self.preconditioner.solve(right), local)

    def iterate(self, rhs: np.ndarray, start: np.ndarray | None) -> np.ndarray:
        """Solve by the Krylov method, or raise ConvergenceError with the estimate."""
        left = self.max_iterations - self.iterations
        local, more = solve_rows(self.preconditioner, rhs, FINER * self.tolerance, left, start)
        self.history.extend(more[1:] if self.history else more)
        reached = self.history[-1]
        if not reached <= self.tolerance:
            raise ConvergenceError(
                f"the spin rows must be solved to {self.tolerance:.0e}, reached {reached:.1e} in "
                f"{self.iterations} iterations; allow more max_iterations, a larger tolerance, a "
                "shorter tau_s, or (small samples) method='matrix'.",
                estimate=self.rows.frames.to_laboratory(local),
                residual=reached,
                iterations=self.iterations,
            )
        return local

    def polish(self, local: np.ndarray, rhs: np.ndarray) -> np.ndarray:
        """Solve again, with a smaller tolerance, while a strong row is above `ROW_RESIDUAL`."""
        residual, before = spin_row_residuals(self.rows, local, rhs)[1], np.inf
        while ROW_RESIDUAL < residual < 0.5 * before and self.iterations < self.max_iterations:
            finer = self.history[-1] * min(0.1, 0.5 * ROW_RESIDUAL / residual)
            left = self.max_iterations - self.iterations
            local, more = solve_rows(self.preconditioner, rhs, finer, left, local)
            self.history += more[1:]
            before = residual
            residual = spin_row_residuals(self.rows, local, rhs)[1]
        return local

    def refine(self, local: np.ndarray, rhs: np.ndarray) -> np.ndarray:
        """Correct the spins by the factor alone, until the answers do not change any more.

        A Krylov method lowers one norm of all rows together. In a cold sample the sites that carry
        the current hold so few electrons that their rows do not count in that norm. One correction
        by the factor reduces the error of every site by itself, whatever its occupation.
        """
        right = np.where(self.rows.free[:, None], rhs, 0.0)

        def correction(x):
            return self.preconditioner.solve(right - self.rows.apply(x))

        step = correction(local)
        self.numerical_error = self.answers.change(step, local)
        for _ in range(REFINEMENTS):
            if self.numerical_error <= REFINED:
                break
            candidate = local + step
            following = correction(candidate)
            change = self.answers.change(following, candidate)
            if change <= 0.5 * self.numerical_error:
                local, step, self.numerical_error = candidate, following, change
            elif self.preconditioner.blocks or self.numerical_error <= ACCURATE:
                break  # rounding
            else:
                self.preconditioner.blocks = True
                step = correction(local)
                self.numerical_error = self.answers.change(step, local)
        return local


class Settled(NamedTuple):
    """Spins and current after the sweeps."""

    local: np.ndarray  # float64[n_sites, 3]: sigma in local frames
    rhs: np.ndarray  # float64[n_sites, 3]: the right side that it solves, in local frames
    torque: np.ndarray  # float64[n_sites, 3]: torque of the current
    drop: np.ndarray  # float64[n_links]: X_i - X_j
    driven: np.ndarray  # float64[3]: current driven by the components of the spins
    flow: np.ndarray  # float64[n_sites]: flow that spins drive into every site, included in drop
    left_out: np.ndarray  # float64[n_sites]: bound of the flow that is not included
    sweeps: int = 0  # how often the feedback was included
    unsettled: float = 0.0  # relative change of the answers that one more sweep would make


def solve_by_sweeps(
    coupling: Coupling,
    current: UnitCurrent,
    problem: Problem,
    tolerance: float,
    max_iterations: int,
) -> SteadyState:
    """Solve the spins for the current (Gamma), update the current by the spins (Lambda), repeat.

    Parameters
    ----------
    coupling : Coupling
    current : UnitCurrent
    problem : Problem
    tolerance : float
        Norm of the spin rows' residual over that of their right side, and change of the torque by
        the feedback over the torque.
    max_iterations : int

    Returns
    -------
    SteadyState
    """
    preconditioner, unit_torque, reach = prepare_rows(coupling, current, problem)
    frames = preconditioner.rows.frames
    answers = Answers(preconditioner.rows, coupling.rates.occupation, unit_torque)
    solver = SpinSolver(preconditioner, answers, tolerance, max_iterations)
    torque = problem.bias * unit_torque
    rhs, nothing = frames.to_local(torque + problem.source), np.zeros(coupling.network.n_sites)
    found = Settled(
        solver.solve(rhs), rhs, torque, problem.bias * current.drop, np.zeros(3), nothing, nothing
    )
    if problem.feedback:
        found = settle_feedback(solver, coupling, current, problem, found, reach)
    # Residuals of the particle rows and spin rows of every site, and the largest significant ones.
    spin_residual, of_spins = spin_row_residuals(
        solver.rows, found.local, found.rhs, answers.carrying_sites(found.local)
    )
    total = float(problem.bias * current.conductance + found.driven.sum())
    particle_residual, of_particles = particle_row_residuals(coupling, found, total)
    return SteadyState(
        sigma=frames.to_laboratory(found.local),
        torque=found.torque,
        drop=read_only(found.drop),
        current=total,
        feedback_current=found.driven,
        residual=max(of_spins, of_particles),
        row_residual=read_only(np.column_stack([particle_residual, spin_residual])),
        numerical_error=SAFETY * solver.numerical_error
        + found.unsettled
        + answers.rounding(found.local),
        iterations=solver.iterations,
        history=tuple(solver.history),
        sweeps=found.sweeps,
    )


def prepare_rows(
    coupling: Coupling, current: UnitCurrent, problem: Problem
) -> tuple[Preconditioner, np.ndarray, np.ndarray]:
    """Sum the torque over the triads while the frames, the rows and their factor are made.

    Returns
    -------
    preconditioner : Preconditioner
        It holds the spin rows.
    unit_torque : float64[n_sites, 3]
        Torque of a unit bias.
    reach : float64[n_sites]
        As `Coupling.torque` returns it.
    """
    with ThreadPoolExecutor(1) as beside:
        waiting = beside.submit(coupling.torque, current.drop)
        if coupling.threads == 1:
            waiting.result()
        frames = find_frames(
            coupling.network, coupling.hops, float(problem.rate.min()), coupling.rates
        )
        rows = spin_rows(
            frames,
            problem.rate,
            problem.anisotropy,
            problem.field,
            problem.sinks,
            coupling.threads,
        )
        preconditioner = Preconditioner(rows)
        preconditioner.prepare()
        unit_torque, reach, _ = waiting.result()
    return preconditioner, unit_torque, reach


def settle_feedback(
    solver: SpinSolver,
    coupling: Coupling,
    current: UnitCurrent,
    problem: Problem,
    found: Settled,
    reach: np.ndarray,
) -> Settled:
    """Update the current by the spins and solve the spins again, until the torque settles.

    If no flow driven by spins matters, only the current that they drive is added, by reciprocity.
    """
    frames, bias, unit_torque = solver.rows.frames, problem.bias, solver.answers.unit_torque
    sigma, drive = frames.to_laboratory(found.local), found.rhs
    left_out = negligible_feedback(coupling, current, reach, sigma, bias, solver.tolerance)
    if left_out is not None:
        return found._replace(driven=reciprocal_current(unit_torque, sigma), left_out=left_out)
    response, sweeps = feedback_solver(coupling), 0
    while True:
        # Lambda: the flows that the spins drive, and the drops and the torque that belong to them.
        flow, driven = coupling.feedback(current.drop, sigma)
        drop = bias * current.drop + response(flow)
        torque = coupling.torque(drop)[0]
        new = frames.to_local(torque + problem.source)
        change = relative_norm(new - found.rhs, drive)
        effect = solver.effect(new - found.rhs, found.local)
        found = found._replace(torque=torque, drop=drop, driven=driven, flow=flow, sweeps=sweeps)
        if change <= solver.tolerance:
            found = found._replace(unsettled=effect)
            if effect <= REFINED:
                return found
            # In a cold sample the flows among deep sites may be so large that their rounding has a
            # larger effect on the part of the network near the contacts than the feedback.
            noise = rounding_of(reach * largest_nearby(coupling, sigma))
            torque = frames.to_local(coupling.torque(response(noise))[0])
            if solver.effect(torque, found.local) > NOISE * effect:
                return found._replace(unsettled=min(effect, UNSEEN))
        if sweeps == SWEEPS or not change < DIVERGENCE:
            raise ConvergenceError(
                f"the feedback of spins on the current must settle within {SWEEPS} sweeps, the "
                f"torque still changes by {change:.1e} of itself and the answers by {effect:.1e}; "
                "use method='matrix' or a smaller eta.",
                estimate=sigma,
                residual=max(change, effect),
                iterations=solver.iterations,
            )
        # Gamma: the spins for the new torque.
        sweeps += 1
        found = found._replace(local=solver.solve(new, found.local), rhs=new, sweeps=sweeps)
        before, sigma = sigma, frames.to_laboratory(found.local)
        # The drops now belong to the spins of the sweep before. Stop if another sweep would change
        # neither the torque, nor the drops, nor a significant particle row by more than
        # `ROW_RESIDUAL` of its flows; the current driven by the change of the spins is added.
        stale = change * float(np.abs(flow).sum())
        known = solver.tolerance * abs(bias) * float(current.throughput.sum())
        settled = change**2 <= SQUARE * solver.tolerance and effect**2 <= REFINED
        if settled and stale <= known:
            step, moduli = sigma - before, particle_moduli(coupling, drop, flow)
            left_out = bound_flow(coupling, current, reach, step, moduli)
            if largest_share(coupling, left_out, moduli) <= ROW_RESIDUAL:
                return found._replace(
                    driven=driven + reciprocal_current(unit_torque, step),
                    left_out=left_out,
                    unsettled=effect**2,
                )


def rounding_of(moduli: np.ndarray) -> np.ndarray:
    """Rounding errors of sums with terms of given moduli: one unit each, with alternating signs."""
    sign = np.where(np.arange(moduli.shape[0]) % 2, -1.0, 1.0)
    return np.finfo(np.float64).eps * sign * moduli


def relative_norm(step: np.ndarray, value: np.ndarray) -> float:
    """Norm of ``step`` over that of ``value``, of any magnitude; 0 where both vanish."""
    if not np.any(step):
        return 0.0
    unit = float(np.abs(value).max(initial=0.0))
    if unit == 0.0:
        return np.inf
    return float(np.linalg.norm(step / unit) / np.linalg.norm(value / unit))


def largest_nearby(coupling: Coupling, sigma: np.ndarray) -> np.ndarray:
    """float64[n_sites]: length of the largest spin at the neighbours of each site."""
    network, out = coupling.network, np.empty(coupling.network.n_sites)
    size = np.linalg.norm(sigma, axis=1)
    kernels.largest_neighbour(network.row_start, network.row_neighbour, size, out)
    return out


def negligible_feedback(
    coupling: Coupling,
    current: UnitCurrent,
    reach: np.ndarray,
    sigma: np.ndarray,
    bias: float,
    tolerance: float,
) -> np.ndarray | None:
    """Bound of the flow that spins drive into every site, or None if it has to be included.

    It has to be included if it could change the torque by more than the tolerance, or the particle
    row of a significant site by more than `ROW_RESIDUAL` of its flows.
    """
    throughput = 2.0 * abs(bias) * current.throughput  # the moduli of the terms of a row
    if not reach @ np.linalg.norm(sigma, axis=1) <= tolerance * throughput.sum():
        return None
    flow = bound_flow(coupling, current, reach, sigma, throughput)
    return flow if largest_share(coupling, flow, throughput) <= ROW_RESIDUAL else None


def largest_share(coupling: Coupling, flow: np.ndarray, moduli: np.ndarray) -> float:
    """Largest ratio of a flow to the moduli of a significant particle row."""
    significant = significant_particles(coupling, moduli)
    return float((flow[significant] / moduli[significant]).max(initial=0.0))


def bound_flow(
    coupling: Coupling,
    current: UnitCurrent,
    reach: np.ndarray,
    sigma: np.ndarray,
    moduli: np.ndarray,
) -> np.ndarray:
    """float64[n_sites]: bound of the flow that ``sigma`` drives into every site.

    No flow is larger than ``reach`` times the largest spin nearby. At significant sites where this
    is not small against the moduli of the particle row, the flow itself is summed.
    """
    flow = reach * largest_nearby(coupling, sigma)
    doubtful = significant_particles(coupling, moduli) & (flow > 0.1 * ROW_RESIDUAL * moduli)
    at = np.flatnonzero(doubtful)
    flow[at] = np.abs(coupling.feedback(current.drop, sigma, at=at)[0][at])
    return flow


def particle_moduli(coupling: Coupling, drop: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """float64[n_sites]: sum of the moduli of the terms of every particle row."""
    network, n = coupling.network, coupling.network.n_sites
    size = np.abs(coupling.rates.conductance * drop)
    return np.bincount(network.link_i, size, n) + np.bincount(network.link_j, size, n) + abs(flow)


def significant_particles(
    coupling: Coupling, moduli: np.ndarray, current: float = np.inf
) -> np.ndarray:
    """bool[n_sites]: inner sites with flows above `WEAK_ROW` of the mean, or of the current."""
    inner = coupling.network.terminals == INNER
    return inner & (moduli > WEAK_ROW * min(float(moduli.mean()), abs(current)))


def spin_row_residuals(
    rows: SpinRows, local: np.ndarray, rhs: np.ndarray, needed: np.ndarray | None = None
) -> tuple[np.ndarray, float]:
    """Residual of every spin row over the moduli of its terms, and the largest significant one.

    Rows with a throughput above `WEAK_ROW` of the mean are significant, and those of the sites
    ``needed`` (bool[n_sites]).
    """
    error, moduli = rows.residuals(local, rhs)
    row_residual = np.divide(error, moduli, out=np.zeros_like(error), where=moduli > 0)
    significant = moduli > WEAK_ROW * moduli.mean()
    if needed is not None:
        significant |= needed[:, None]
    return row_residual, float(row_residual[significant].max(initial=0.0))


def particle_row_residuals(
    coupling: Coupling, found: Settled, current: float
) -> tuple[np.ndarray, float]:
    """Residual of every particle row over the flows at its site; the largest significant one."""
    network, hop = coupling.network, coupling.rates.conductance * found.drop
    error = np.abs(net_flow(network, hop) - found.flow) + found.left_out
    moduli = particle_moduli(coupling, found.drop, found.flow)
    inner = network.terminals == INNER
    row_residual = np.divide(
        error, moduli, out=np.zeros(network.n_sites), where=inner & (moduli > 0)
    )
    significant = significant_particles(coupling, moduli, current)
    return row_residual, float(row_residual[significant].max(initial=0.0))
