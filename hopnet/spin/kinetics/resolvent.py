"""(A + z n)^-1 of a network with a field on every site, at any rate z, real or complex.

The matrix A describes hops with rotations of the spin, and precession in the fields [nuclei 7].
Steady states (z = 1/tau_s), relaxation in time, spin noise (z = 1/tau_s + i Omega), Hanle curves
and recovery curves all follow from solutions of this one system. It is solved by GMRES with an
incomplete factor of 3x3 blocks as preconditioner, in two to ten iterations for any z with positive
real part.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from hopnet.errors import ConvergenceError
from hopnet.network.network import Network
from hopnet.spin.coefficients import check_spin_orbit, hop_table
from hopnet.spin.kinetics.checks import check_field, check_site_times
from hopnet.spin.kinetics.frames import Frames, find_frames, hop_rotations
from hopnet.spin.kinetics.incomplete import BlockFactor, factor_blocks
from hopnet.spin.kinetics.krylov import restarted_gmres
from hopnet.spin.kinetics.rows import SpinRows, complex_rows
from hopnet.spin.kinetics.unit import count_electrons, find_rates
from hopnet.threads import thread_count

__all__ = ["Resolvent", "SpinModel", "spin_model"]

# Norm of the residual divided by that of the right side. A number computed from a solution and a
# transposed solution has about the square of this error, any other number this error itself.
TOLERANCE = 1e-10
# Number of iterations after which GMRES counts as not converging; it needs two to ten.
MAX_ITERATIONS = 100


class SpinModel(NamedTuple):
    """The spins of a network that hop and precess, without a rate z.

    Attributes
    ----------
    network : Network
    frames : Frames
    field : float64[3] or [n_sites, 3], in 1/tau_0
    rate : float64[n_sites] or None
        n_i / tau_s of each site, in the unit of the rates, where tau_s differs between sites.
    n_electrons : float
        N_e in the unit of the rates.
    turning : float, in 1/tau_0
        Mean rate at which rotations in hops turn spin away from its direction.
    threads : int
    """

    network: Network
    frames: Frames
    field: np.ndarray
    rate: np.ndarray | None
    n_electrons: float
    turning: float
    threads: int

    @property
    def occupation(self) -> np.ndarray:
        """float64[n_sites]: n_i in the unit of the rates."""
        return self.frames.rates.occupation

    def source(self, direction: np.ndarray) -> np.ndarray:
        """float64[n_sites, 3]: n_i e, a uniform orientation, in local frames."""
        return self.frames.to_local(self.occupation[:, None] * direction)

    def overlap(self, direction: np.ndarray, local: np.ndarray) -> complex:
        """(1/N_e) sum n_i e . sigma_i, the polarisation along e of spins in local frames."""
        return complex((self.source(direction) * local).sum() / self.n_electrons)

    def apply(self, local: np.ndarray) -> np.ndarray:
        """float64[n_sites, 3]: A sigma in local frames, at z = 0; sums of differences only."""
        return complex_rows(self.frames, 0.0, self.field, self.rate, self.threads).apply(local)


def spin_model(
    network: Network,
    field: ArrayLike,
    spin_orbit: ArrayLike | None = None,
    tau_s: ArrayLike | None = None,
    slowest: float = 0.0,
    threads: int | None = None,
) -> SpinModel:
    """The `SpinModel` of a network, with every argument checked.

    Parameters
    ----------
    network : Network
    field : array_like[3] or [n_sites, 3], in 1/tau_0
    spin_orbit : array_like[2, 2], optional
        The matrix M of half-angles per a_b; without it spins do not turn in hops.
    tau_s : array_like[n_sites], in tau_0, optional
        Relaxation times of the sites, in addition to the rate z.
    slowest : float, in 1/tau_0
        Smallest modulus of z.
    threads : int, optional
    """
    network.check_plane("a function for spins")
    network.check_dilute()
    matrix = np.zeros((2, 2)) if spin_orbit is None else check_spin_orbit(spin_orbit)
    field, rates = check_field(network, field), find_rates(network)
    hops = hop_table(network, matrix, thread_count(threads), rates.log_scale)
    frames = find_frames(network, hops, slowest * float(rates.occupation.min()), rates)
    rate = None if tau_s is None else rates.occupation / check_site_times(network, tau_s)
    n_electrons = count_electrons(network, rates)
    square = (hop_rotations(network, matrix)[:, 1:] ** 2).sum(axis=1)
    turning = float((8.0 / 3.0) * (rates.conductance * square).sum() / n_electrons)
    return SpinModel(network, frames, field, rate, n_electrons, turning, thread_count(threads))


class Resolvent:
    """(A + z n)^-1 at one z, with one factor for all right sides.

    Attributes
    ----------
    model : SpinModel
    z : float or complex, in 1/tau_0
    iterations : int
        Total number of GMRES iterations of all solves so far.
    """

    def __init__(self, model: SpinModel, z: complex, tolerance: float = TOLERANCE) -> None:
        self.model = model
        self.z = z
        self.tolerance = tolerance
        self.iterations = 0
        self.rows = complex_rows(model.frames, z, model.field, model.rate, model.threads)
        self.factor = factor_blocks(self.rows)

    def solve(self, rhs: np.ndarray) -> np.ndarray:
        """The solution for a right side [n_sites, 3], in local frames.

        Raises
        ------
        ConvergenceError
            If the residual does not fall to the tolerance.
        """
        return self._iterate(self.rows, self.factor, rhs)

    def solve_transposed(self, rhs: np.ndarray) -> np.ndarray:
        """The solution of the transposed system, in which all fields are reversed."""
        block = np.ascontiguousarray(self.rows.block.transpose(0, 2, 1))
        rows = replace(self.rows, block=block)
        return self._iterate(rows, self.factor.transposed(), rhs)

    def _iterate(self, rows: SpinRows, factor: BlockFactor, rhs: np.ndarray) -> np.ndarray:
        r = np.ascontiguousarray(rhs).astype(rows.block.dtype)
        largest = float(np.abs(r).max(initial=0.0))
        if largest == 0.0:
            return r
        r /= largest
        norm, x, history = float(np.linalg.norm(r)), np.zeros_like(r), [1.0]
        restarted_gmres(
            rows.apply, factor.solve, x, r, norm, self.tolerance, MAX_ITERATIONS, history
        )
        self.iterations += len(history) - 1
        if not history[-1] <= 10 * self.tolerance:
            raise ConvergenceError(
                f"the residual of the spin rows at z = {self.z:.3g} must fall to "
                f"{self.tolerance:.0e} of the source, it is {history[-1]:.1e} after "
                f"{len(history) - 1} iterations; take a larger tau_s or resolution.",
                estimate=x * largest,
                residual=history[-1],
                iterations=self.iterations,
            )
        return x * largest
