"""The spin rows of any sample, and the factors that are used as their preconditioners.

The block of the spin rows is hopping with rotation plus relaxation, in local frames. Without a
magnetic field it is symmetric and positive definite. A residual is accurate in local frames, and a
factor of the scalar problem is a good preconditioner for all three components. If the dephasing
rate or the precession rate is large compared with 1 / tau_s, it would need many iterations. Both
rates are known in advance, and in that case the preconditioner is made of 3x3 blocks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hopnet.kernels import kinetics as kernels
from hopnet.records import Record
from hopnet.spin.kinetics.frames import Frames, rotation_matrices
from hopnet.spin.kinetics.incomplete import (
    SCALAR_CUT,
    BlockFactor,
    ScalarFactor,
    factor_blocks,
    factor_scalar,
)
from hopnet.threads import run_side_by_side, thread_count

__all__ = ["Preconditioner", "SpinRows", "complex_rows", "spin_rows"]

# Share of the local dephasing rate that is added to the excess of the scalar factor. Values from
# 0.1 to 0.3 need the fewest iterations; 1 needs a seventh more, 3 needs half as many again.
DEPHASING_SHARE = 0.3
# Sites per task when rows are summed in parallel: large against the cost of starting a task, small
# enough to keep a few cores busy.
ROWS_PER_TASK = 50_000
# Mean dephasing rate and mean precession rate, both times tau_s, at which the scalar factor needs
# about 40 iterations (half as many with a field). Above either, a factor of blocks is cheaper.
DEPHASING_LIMIT = 0.05
PRECESSION_LIMIT = 0.2


@dataclass(frozen=True, eq=False)
class SpinRows(Record):
    """The left side of the spin rows in local frames.

    Attributes
    ----------
    frames : Frames
    block : float64[n_sites, 3, 3] or complex128[n_sites, 3, 3]
        Relaxation minus magnetic field, times n_i.
    isotropic : float64[n_sites]
        The part of the relaxation rate, times n_i, that is the same for every direction of a spin:
        of a complex rate the real part.
    modulus : float64[n_sites]
        Its modulus. Links far below it hardly couple the spins at their ends. The rate at which a
        field turns spins must not be part of it, because the spin along the field relaxes slowly.
    excess : float64[n_sites]
        Excess of the scalar factor.
    free : bool[n_sites]
        False where the spin is held at zero.
    symmetric : bool
        Whether the rows are symmetric, which they are without a magnetic field.
    direct : bool
        Whether blocks are eliminated without trying the scalar factor first.
    threads : int
    """

    frames: Frames
    block: np.ndarray
    isotropic: np.ndarray
    modulus: np.ndarray
    excess: np.ndarray
    free: np.ndarray
    symmetric: bool
    direct: bool
    threads: int

    def apply(self, sigma: np.ndarray) -> np.ndarray:
        """An array like ``sigma``: A sigma, whatever the number of threads."""
        out = np.empty_like(sigma)
        self._row_by_row(kernels.sum_spin_rows, sigma, out)
        out[~self.free] = 0.0
        return out

    def residuals(self, sigma: np.ndarray, rhs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """|A sigma - rhs| of each row, and the sum of the moduli of its terms."""
        residual, moduli = np.empty_like(sigma), np.empty_like(sigma)
        self._row_by_row(kernels.fill_spin_residuals, sigma, rhs, residual, moduli)
        residual[~self.free] = 0.0
        return residual, moduli

    def _row_by_row(self, kernel: Callable, *arrays: np.ndarray) -> None:
        frames, network = self.frames, self.frames.network
        terms = kernels.SpinTerms(
            network.row_start,
            network.row_neighbour,
            network.row_link,
            frames.conductance,
            frames.transport,
            self.block,
        )

        def part(first):
            kernel(first, min(first + ROWS_PER_TASK, network.n_sites), terms, *arrays)

        run_side_by_side(part, range(0, network.n_sites, ROWS_PER_TASK), self.threads)


class Preconditioner:
    """The incomplete factor that is used as preconditioner of the spin rows.

    Attributes
    ----------
    rows : SpinRows
    blocks : bool
        Whether the factor of 3x3 blocks is used, not the scalar one. It begins as ``rows.direct``
        and becomes true when the scalar factor needs too many iterations. Each factor is made
        when it is first used.
    """

    def __init__(self, rows: SpinRows) -> None:
        self.rows = rows
        self.blocks = rows.direct

    @property
    def factor(self) -> ScalarFactor | BlockFactor:
        """The factor that is used at present."""
        return self.block_factor if self.blocks else self.scalar_factor

    def prepare(self) -> None:
        """Make the factor that is used at present."""
        _ = self.factor

    def solve(self, rhs: np.ndarray) -> np.ndarray:
        """float64[n_sites, 3]: an approximate solution of the spin rows for ``rhs``."""
        return self.factor.solve(rhs)

    @cached_property
    def scalar_factor(self) -> ScalarFactor:
        """Incomplete factor of Lap(K) + excess."""
        rows = self.rows
        return factor_scalar(
            rows.frames.network,
            rows.frames.conductance,
            rows.excess,
            rows.free,
            SCALAR_CUT * rows.excess,
        )

    @cached_property
    def block_factor(self) -> BlockFactor:
        """Incomplete factor of the rows themselves, in 3x3 blocks."""
        return factor_blocks(self.rows)


def subtract_precession(frames: Frames, field: np.ndarray, block: np.ndarray) -> None:
    """Subtract the matrices of x -> n_i omega_i x x, in local frames, from ``block`` in place."""
    omega = frames.to_local(frames.rates.occupation[:, None] * field)
    for a, b, c in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        block[:, b, a] -= omega[:, c]  # - (omega x sigma)_b = ... - omega_c sigma_a
        block[:, a, b] += omega[:, c]


def complex_rows(
    frames: Frames,
    z: complex,
    field: np.ndarray,
    rate: np.ndarray | None = None,
    threads: int | None = None,
) -> SpinRows:
    """The spin rows with a rate z, real or complex, in place of 1/tau_s [nuclei 7].

    Parameters
    ----------
    frames : Frames
    z : float or complex
        Its real part must not be negative.
    field : float64[3] or [n_sites, 3]
        Precession frequency omega of all sites or of each.
    rate : float64[n_sites], optional
        n_i / tau_s of each site, in addition to z.
    threads : int, optional

    Returns
    -------
    SpinRows
        Complex where z is.
    """
    n, occupation = frames.network.n_sites, frames.rates.occupation
    own = z * occupation + (0.0 if rate is None else rate)
    block = own[:, None, None] * np.eye(3)
    subtract_precession(frames, field, block)
    return SpinRows(
        frames,
        np.ascontiguousarray(block),
        np.ascontiguousarray(own.real),
        np.abs(own),
        np.abs(own),
        np.ones(n, bool),
        not np.any(field),
        True,
        thread_count(threads),
    )


def spin_rows(
    frames: Frames,
    rate: np.ndarray,
    anisotropy: np.ndarray,
    field: np.ndarray,
    sinks: np.ndarray,
    threads: int | None = None,
) -> SpinRows:
    """The spin rows [nuclei 1]: hopping, relaxation, magnetic field, contacts that absorb spin.

    Parameters
    ----------
    frames : Frames
    rate : float64[n_sites]
        n_i / tau_s.
    anisotropy : float64[3, 3]
        A symmetric tensor; the relaxation rate is (1 / tau_s) anisotropy . S.
    field : float64[3] or [n_sites, 3]
        Precession frequency omega of all sites or of each; dS/dt = omega x S.
    sinks : int64 array
        Sites whose spin is held at zero.
    threads : int, optional

    Returns
    -------
    SpinRows
    """
    network, occupation = frames.network, frames.rates.occupation
    if np.array_equal(anisotropy, np.eye(3)):
        block = rate[:, None, None] * np.eye(3)
    else:
        Q = rotation_matrices(frames.frame)
        block = rate[:, None, None] * np.einsum("nba,bc,ncd->nad", Q, anisotropy, Q)
    subtract_precession(frames, field, block)
    mean_rate = rate * np.trace(anisotropy) / 3.0
    turning = occupation * np.linalg.norm(field, axis=-1)
    effort = frames.dephasing.mean() / DEPHASING_LIMIT + turning.mean() / PRECESSION_LIMIT
    excess = np.hypot(mean_rate, turning)
    excess += DEPHASING_SHARE * frames.dephasing
    free = np.ones(network.n_sites, bool)
    free[sinks] = False
    isotropic = rate * np.linalg.eigvalsh(anisotropy)[0]
    return SpinRows(
        frames,
        np.ascontiguousarray(block),
        isotropic,
        isotropic,
        excess,
        free,
        not np.any(field),
        bool(effort > mean_rate.mean()),
        thread_count(threads),
    )
