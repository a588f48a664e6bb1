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
from hopnet.records import read_only
from hopnet.spin.kinetics.coupling import Coupling, feedback_solver, reciprocal_current
from hopnet.spin.kinetics.frames import find_frames
from hopnet.spin.kinetics.krylov import solve_rows
from hopnet.spin.kinetics.problem import Problem, SteadyState
from hopnet.spin.kinetics.rows import Preconditioner, SpinRows, spin_rows
from hopnet.transport.current import Current

__all__ = ["WEAK_ROW", "solve_by_sweeps"]

# Rows whose throughput is below this part of the mean are not judged: they hold rounding only. A
# larger value would leave out rows with a physical throughput.
WEAK_ROW = 1e-8
# Residual of a row over the moduli of its terms that is aimed at in every judged row. The norm of
# all rows alone would leave weak rows inaccurate; a smaller value costs iterations.
ROW_RESIDUAL = 1e-9
# Largest number of sweeps. Each reduces the change of the torque by a constant factor, so more
# than a few mean that the feedback is as strong as the drive itself.
SWEEPS = 30
# Stop when change**2 < SQUARE * tolerance: one more sweep would change the torque by about
# change**2.
SQUARE = 1e-3
# Krylov solves aim at FINER * tolerance; then weakly driven rows rarely need a second solve.
FINER = 0.05
# The sweeps diverge if one changes the torque by more than this many times the drive.
DIVERGENCE = 1e3


class SpinSolver:
    """The spin rows of a sample and the iterations spent on them.

    Attributes
    ----------
    preconditioner : Preconditioner
        It holds the rows.
    tolerance : float
        Norm of the residual over that of the right side.
    max_iterations : int
        Largest number of iterations of all solves together.
    history : list of float
        Relative residuals of all solves; the first one is that of zero spins.
    """

    def __init__(
        self, preconditioner: Preconditioner, tolerance: float, max_iterations: int
    ) -> None:
        self.preconditioner = preconditioner
        self.tolerance = tolerance
        self.max_iterations = max_iterations
        self.history: list[float] = []

    @property
    def rows(self) -> SpinRows:
        """The spin rows."""
        return self.preconditioner.rows

    @property
    def iterations(self) -> int:
        """Number of iterations so far."""
        return max(len(self.history) - 1, 0)

    def solve(self, rhs: np.ndarray, start: np.ndarray | None = None) -> np.ndarray:
        """Spins in local frames for a right side, or ConvergenceError with the estimate."""
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

    def polish(self, local: np.ndarray, rhs: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        """Solve again, with a smaller tolerance, while a judged row is above `ROW_RESIDUAL`.

        Returns
        -------
        local : float64[n_sites, 3]
        row_residual : float64[n_sites, 3]
        residual : float
            The largest one of the judged rows.
        """
        row_residual, residual = judge_rows(self.rows, local, rhs)
        before = np.inf
        while ROW_RESIDUAL < residual < 0.5 * before and self.iterations < self.max_iterations:
            finer = self.history[-1] * min(0.1, 0.5 * ROW_RESIDUAL / residual)
            left = self.max_iterations - self.iterations
            local, more = solve_rows(self.preconditioner, rhs, finer, left, local)
            self.history += more[1:]
            before = residual
            row_residual, residual = judge_rows(self.rows, local, rhs)
        return local, row_residual, residual


class Settled(NamedTuple):
    """Spins and current after the sweeps."""

    local: np.ndarray  # float64[n_sites, 3]: sigma in local frames
    rhs: np.ndarray  # float64[n_sites, 3]: the right side that it solves, in local frames
    torque: np.ndarray  # float64[n_sites, 3]: torque of the current
    drop: np.ndarray  # float64[n_links]: X_i - X_j
    driven: np.ndarray  # float64[3]: current driven by the components of the spins
    sweeps: int = 0  # how often the feedback was taken up
    left_out: float = 0.0  # largest share of a site's throughput that spins drive, left out


def solve_by_sweeps(
    coupling: Coupling,
    current: Current,
    problem: Problem,
    tolerance: float,
    max_iterations: int,
) -> SteadyState:
    """Solve the spins for the current (Gamma), update the current by the spins (Lambda), repeat.

    Parameters
    ----------
    coupling : Coupling
    current : Current
        Of the network at unit bias, without spins.
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
    solver = SpinSolver(preconditioner, tolerance, max_iterations)
    frames = solver.rows.frames
    torque = problem.bias * unit_torque
    rhs = frames.to_local(torque + problem.source)
    found = Settled(solver.solve(rhs), rhs, torque, problem.bias * current.drop, np.zeros(3))
    if problem.feedback:
        found = settle_feedback(solver, coupling, current, problem, found, unit_torque, reach)
    local, row_residual, residual = solver.polish(found.local, found.rhs)
    return SteadyState(
        sigma=frames.to_laboratory(local),
        torque=found.torque,
        drop=read_only(found.drop),
        current=float(problem.bias * current.conductance + found.driven.sum()),
        feedback_current=read_only(found.driven),
        residual=max(residual, found.left_out),
        row_residual=read_only(row_residual),
        iterations=solver.iterations,
        history=tuple(solver.history),
        sweeps=found.sweeps,
    )


def prepare_rows(
    coupling: Coupling, current: Current, problem: Problem
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
        frames = find_frames(coupling.network, coupling.hops, float(problem.rate.min()))
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
    current: Current,
    problem: Problem,
    found: Settled,
    unit_torque: np.ndarray,
    reach: np.ndarray,
) -> Settled:
    """Update the current by the spins and solve the spins again, until the torque settles.

    If no flow driven by spins matters, only the current that they drive is added, by reciprocity.
    """
    frames, bias = solver.rows.frames, problem.bias
    sigma, rhs = frames.to_laboratory(found.local), found.rhs
    left_out = negligible_feedback(coupling, current, reach, sigma, bias, solver.tolerance)
    if left_out is not None:
        return found._replace(driven=reciprocal_current(unit_torque, sigma), left_out=left_out)
    response = feedback_solver(coupling.network, coupling.threads)
    drive = max(float(np.linalg.norm(rhs)), 1e-300)
    sweeps = 0
    while True:
        # Lambda: the flows that the spins drive, and the drops and the torque that belong to them.
        flow, driven = coupling.feedback(current.drop, sigma)
        drop = bias * current.drop + response(flow)
        torque = coupling.torque(drop)[0]
        new = frames.to_local(torque + problem.source)
        change = float(np.linalg.norm(new - rhs)) / drive
        if change <= solver.tolerance:
            return Settled(found.local, rhs, torque, drop, driven, sweeps)
        if sweeps == SWEEPS or not change < DIVERGENCE:
            raise ConvergenceError(
                f"the feedback of spins on the current must settle within {SWEEPS} sweeps, the "
                f"torque still changes by {change:.1e} of itself; use method='matrix' or a "
                "smaller eta.",
                estimate=sigma,
                residual=change,
                iterations=solver.iterations,
            )
        # Gamma: the spins for the new torque.
        rhs, sweeps = new, sweeps + 1
        found = found._replace(local=solver.solve(rhs, found.local))
        before, sigma = sigma, frames.to_laboratory(found.local)
        # The drops are now older than the spins. Stop if another sweep would change neither the
        # torque nor the drops; the current driven by the change of the spins is added.
        stale = change * float(np.abs(flow).sum())
        known = solver.tolerance * abs(bias) * float(current.throughput.sum())
        if change**2 <= SQUARE * solver.tolerance and stale <= known:
            driven = driven + reciprocal_current(unit_torque, sigma - before)
            return Settled(found.local, rhs, torque, drop, driven, sweeps)


def negligible_feedback(
    coupling: Coupling,
    current: Current,
    reach: np.ndarray,
    sigma: np.ndarray,
    bias: float,
    tolerance: float,
) -> float | None:
    """Largest share of a site's throughput that spins drive, or None if it has to be taken up.

    No flow is larger than ``reach`` times the largest spin nearby. Where this bound does not
    settle a row, the flow itself is summed.
    """
    network = coupling.network
    size = np.linalg.norm(sigma, axis=1)
    throughput = 2.0 * abs(bias) * current.throughput  # the moduli of the terms of a row
    if not reach @ size <= tolerance * throughput.sum():
        return None
    largest = np.empty(network.n_sites)
    kernels.largest_neighbour(network.row_start, network.row_neighbour, size, largest)
    judged = throughput > WEAK_ROW * throughput.mean()
    judged[network.source] = judged[network.drain] = False
    flow = reach * largest
    doubtful = np.flatnonzero(judged & (flow > 0.1 * ROW_RESIDUAL * throughput))
    flow[doubtful] = np.abs(coupling.feedback(current.drop, sigma, at=doubtful)[0][doubtful])
    share = float((flow[judged] / throughput[judged]).max(initial=0.0))
    return share if share <= ROW_RESIDUAL else None


def judge_rows(rows: SpinRows, local: np.ndarray, rhs: np.ndarray) -> tuple[np.ndarray, float]:
    """Residual of every spin row over the moduli of its terms, and the largest judged one."""
    error, moduli = rows.judge(local, rhs)
    row_residual = np.divide(error, moduli, out=np.zeros_like(error), where=moduli > 0)
    strong = moduli > WEAK_ROW * moduli.mean()
    return row_residual, float(row_residual[strong].max(initial=0.0))
