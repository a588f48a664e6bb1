"""Krylov solution of the spin rows: conjugate gradients, or GMRES with fields or complex rates."""

from __future__ import annotations

from collections.abc import Callable
from math import frexp, ldexp

import numpy as np

from hopnet.spin.kinetics.rows import Preconditioner

__all__ = ["conjugate_gradients", "restarted_gmres", "solve_rows"]

Linear = Callable[[np.ndarray], np.ndarray]

# Basis vectors that GMRES keeps before it starts again. Each takes 24 bytes per site; fewer cost
# iterations after a restart.
KRYLOV_VECTORS = 100
# Number of iterations with the scalar factor after which a factor of 3x3 blocks is cheaper than
# more iterations.
PATIENCE = 40


def solve_rows(
    preconditioner: Preconditioner,
    rhs: np.ndarray,
    tolerance: float,
    max_iterations: int,
    start: np.ndarray | None = None,
) -> tuple[np.ndarray, list[float]]:
    """Solve the spin rows by a Krylov method, with the scalar factor for `PATIENCE` iterations.

    After these the factor of 3x3 blocks is used, also in later calls.

    Parameters
    ----------
    preconditioner : Preconditioner
        It holds the rows, and says which factor is used.
    rhs : float64[n_sites, 3] or complex128[n_sites, 3]
        In local frames; complex where the rows are.
    tolerance : float
        Norm of the residual over that of ``rhs``.
    max_iterations : int
    start : float64[n_sites, 3], optional
        In local frames, zero where a spin is held at zero; default: zero everywhere.

    Returns
    -------
    sigma : float64[n_sites, 3]
        In local frames.
    history : list of float
        Relative residuals. The first one is that of ``start``.
    """
    rows = preconditioner.rows
    r = np.where(rows.free[:, None], rhs, 0.0)
    largest = float(np.abs(r).max(initial=0.0))
    if largest == 0.0:
        return np.zeros_like(r), [0.0]
    # A power of two as unit is exact, and squares neither overflow nor underflow.
    unit = ldexp(1.0, frexp(largest)[1])
    r /= unit
    norm = float(np.linalg.norm(r))
    x = np.zeros_like(r) if start is None else start / unit
    if start is not None:
        r -= rows.apply(x)
    symmetric = rows.symmetric and not np.iscomplexobj(rows.block)
    krylov = conjugate_gradients if symmetric else restarted_gmres
    history = [float(np.linalg.norm(r)) / norm]

    def iterate(most):
        if history[-1] > tolerance and len(history) <= max_iterations:
            krylov(rows.apply, preconditioner.solve, x, r, norm, tolerance, most, history)

    if not preconditioner.blocks:
        iterate(min(PATIENCE, max_iterations))
        preconditioner.blocks = history[-1] > tolerance and len(history) <= max_iterations
    iterate(max_iterations)
    return x * unit, history


def conjugate_gradients(
    apply: Linear,
    precondition: Linear,
    x: np.ndarray,
    r: np.ndarray,
    norm: float,
    tolerance: float,
    max_iterations: int,
    history: list[float],
) -> None:
    """Preconditioned conjugate gradients for a symmetric positive definite operator.

    SciPy's version keeps no history of residuals, and it cannot continue from a given residual
    with another preconditioner.

    Parameters
    ----------
    apply, precondition : callable
        The operator and the preconditioner, from array to array.
    x, r : array
        The solution and its residual, improved in place.
    norm : float
        Norm of the right side.
    tolerance : float
        Norm of the residual over ``norm``.
    max_iterations : int
        ``history`` grows to ``max_iterations + 1`` entries at most.
    history : list of float
        Relative residuals, to which those of this call are appended.
    """
    p, old = np.zeros_like(x), np.inf
    while history[-1] > tolerance and len(history) <= max_iterations:
        z = precondition(r)
        new = float(np.vdot(r, z))
        p *= new / old
        p += z
        q = apply(p)
        step = new / float(np.vdot(p, q))
        x += np.multiply(p, step, out=z)
        r -= np.multiply(q, step, out=q)
        old = new
        history.append(float(np.linalg.norm(r)) / norm)


def restarted_gmres(
    apply: Linear,
    precondition: Linear,
    x: np.ndarray,
    r: np.ndarray,
    norm: float,
    tolerance: float,
    max_iterations: int,
    history: list[float],
) -> None:
    """GMRES with right preconditioning, with the parameters of `conjugate_gradients`.

    SciPy's version preconditions from the left and minimises the preconditioned residual. Here the
    true residual is minimised, which is the one that is reported.

    Stops early if a round of `KRYLOV_VECTORS` iterations does not halve the residual.
    """
    while history[-1] > tolerance and len(history) <= max_iterations:
        n_vectors = min(KRYLOV_VECTORS, max_iterations + 1 - len(history))
        basis = [r / (history[-1] * norm)]
        triangle = np.zeros((n_vectors + 1, n_vectors), r.dtype)
        turns: list[tuple[complex, float]] = []
        target = np.zeros(n_vectors + 1, r.dtype)
        target[0] = history[-1] * norm
        used = 0
        for k in range(n_vectors):
            # A new basis vector, orthogonalised twice against the others (Arnoldi).
            w = apply(precondition(basis[k]))
            for _ in range(2):
                for m, v in enumerate(basis):
                    overlap = np.vdot(v, w)
                    triangle[m, k] += overlap
                    w -= overlap * v
            height = float(np.linalg.norm(w))
            # Keep the Hessenberg matrix triangular by Givens rotations ((c*, s), (-s, c)), s real.
            for m, (c, s) in enumerate(turns):
                upper, lower = triangle[m, k], triangle[m + 1, k]
                triangle[m, k] = np.conj(c) * upper + s * lower
                triangle[m + 1, k] = c * lower - s * upper
            length = float(np.hypot(abs(triangle[k, k]), height))
            turns.append((triangle[k, k] / length, height / length))
            triangle[k, k] = length
            target[k + 1] = -turns[k][1] * target[k]
            target[k] *= np.conj(turns[k][0])
            used = k + 1
            history.append(float(abs(target[k + 1])) / norm)
            if history[-1] <= tolerance or height == 0.0:
                break
            basis.append(w / height)
        weight = np.linalg.solve(triangle[:used, :used], target[:used])
        step = precondition(sum(a * v for a, v in zip(weight, basis)))
        x += step
        r -= apply(step)
        history[-1] = float(np.linalg.norm(r)) / norm
        if history[-1] > 0.5 * history[-used - 1]:
            break
