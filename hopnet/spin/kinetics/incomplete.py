"""Preconditioners of the spin rows: elimination that leaves out what relaxation outweighs.

During tau_s a spin comes as far as links with K_ij tau_s above one carry it: beyond, the rows do
not know of each other. So an elimination that leaves out links far below the relaxation rates,
those it makes itself included, has a few entries a site where the whole has some 25 (n_s a_b^2 =
0.01, tau_s up to 1e8 tau_0), and is as good a preconditioner.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hopnet.kernels import incomplete as kernels
from hopnet.threads import run_side_by_side

# links up to these parts of the rates at which spins decay on their ends are left out
SCALAR_CUT = 1e-6  # no more iterations than with all
BLOCK_CUT = 1e-2  # entries are nine times dearer, and few iterations are needed anyway


@dataclass(frozen=True, eq=False)
class ScalarFactor:
    """Incomplete factor of Lap(K) + excess, the same for the three components of a spin.

    Attributes
    ----------
    order : int64[n_free]
        Sites in the order of elimination, without those held at zero.
    position : int64[n_sites]
        The inverse, -1 where a spin is held at zero.
    start : int64[n_free + 1]
    column : int32[n_entries]
    share : float64[n_entries]
    total : float64[n_free]
        Of `hopnet.kernels.incomplete`.
    """

    order: np.ndarray
    position: np.ndarray
    start: np.ndarray
    column: np.ndarray
    share: np.ndarray
    total: np.ndarray

    def solve(self, rhs):
        """float64[n_sites, 3]; zero where a spin is held at zero."""
        x, out = np.empty((self.order.shape[0], 3)), np.zeros_like(rhs)
        kernels.solve(self.order, self.start, self.column, self.share, self.total, rhs, x, out)
        return out


@dataclass(frozen=True, eq=False)
class BlockFactor:
    """Incomplete factor of the spin rows themselves, rotations and magnetic field included.

    Attributes
    ----------
    scalar : ScalarFactor
    weight, left : float64[n_entries, 9]
        Of the backward and of the forward pass; the same array without a magnetic field.
    inverse : float64[n_free, 9]
    """

    scalar: ScalarFactor
    weight: np.ndarray
    left: np.ndarray
    inverse: np.ndarray

    def solve(self, rhs):
        """float64[n_sites, 3]; zero where a spin is held at zero."""
        scalar = self.scalar
        x, out = np.empty((scalar.order.shape[0], 3)), np.zeros_like(rhs)
        kernels.solve_blocks(
            scalar.order,
            scalar.start,
            scalar.column,
            self.left,
            self.weight,
            self.inverse,
            rhs,
            x,
            out,
        )
        return out


def factor_scalar(network, conductance, excess, free, threshold):
    """Incomplete factor of Lap(conductance) + excess.

    Parameters
    ----------
    network : Network
    conductance : float64[n_links]
    excess : float64[n_sites]
    free : bool[n_sites]
        False where a spin is held at zero.
    threshold : float64[n_sites]
        Links up to the smaller one of their ends are left out; 0 for none.

    Returns
    -------
    ScalarFactor
    """
    order = network.dissection.permutation
    order = order[free[order]]
    position = np.full(network.n_sites, -1)
    position[order] = np.arange(order.shape[0])
    start, total = np.empty(order.shape[0] + 1, np.int64), np.empty(order.shape[0])
    column, share = kernels.eliminate(
        order,
        position,
        network.row_start,
        network.row_neighbour,
        network.row_link,
        conductance,
        excess,
        threshold,
        start,
        total,
    )
    return ScalarFactor(order, position, start, column, share, total)


def factor_blocks(rows, cut=BLOCK_CUT):
    """Incomplete factor of the spin rows by 3x3 blocks.

    Every link carries a conductance and the small part H = K (1 - R) of its rotation; the two are
    eliminated side by side (see `hopnet.kernels.incomplete`), so that the cancellation of ordinary
    elimination, which loses tau_s times the strongest rate, does not happen.

    Parameters
    ----------
    rows : hopnet.spin.kinetics.frames.SpinRows
    cut : float
        Links up to this part of the rate of relaxation and dephasing are left out; 0 for none.

    Returns
    -------
    BlockFactor
    """
    network, frames = rows.frames.network, rows.frames
    diagonal = (rows.block - rows.isotropic[:, None, None] * np.eye(3)).reshape(-1, 9)
    scalar = factor_scalar(
        network,
        frames.conductance,
        rows.isotropic,
        rows.free,
        cut * (rows.isotropic + frames.dephasing),
    )
    n, n_entries = scalar.order.shape[0], scalar.column.shape[0]
    first, behind, place = np.full(n, -1), np.full(n, -1), np.zeros(n, np.int64)
    H, Y = np.zeros((n_entries, 9)), np.zeros((n_entries, 9))
    back = np.zeros((0 if rows.symmetric else n_entries, 9))
    inverse = np.empty((n, 9))

    def eliminate(task):
        which, high = task
        kernels.eliminate_blocks(
            which,
            high,
            scalar.order,
            scalar.position,
            network.row_start,
            network.row_neighbour,
            network.row_link,
            frames.conductance,
            frames.transport,
            diagonal,
            scalar.start,
            scalar.column,
            scalar.share,
            scalar.total,
            first,
            behind,
            place,
            H,
            back,
            Y,
            inverse,
        )

    below = independent_rows(network.dissection, rows.free)
    run_side_by_side(eliminate, below, rows.threads)
    done = np.concatenate([which for which, _ in below])
    kernels.queue_rows(done, scalar.start, scalar.column, first, behind, place)
    eliminate((np.setdiff1d(np.arange(n), done, assume_unique=True), n))
    kernels.finish_blocks(scalar.start, scalar.share, scalar.total, inverse, back, Y)
    return BlockFactor(scalar, Y, Y if rows.symmetric else back, inverse)


def independent_rows(dissection, free):
    """Rows of the subtrees three cuts below the root, and where each ends: tasks of their own.

    Returns a list of (rows, end); counted among the free sites only.
    """
    before = np.concatenate([[0], np.cumsum(free[dissection.permutation])])
    left, right = dissection.left, dissection.right
    roots = [left.shape[0] - 1]
    for _ in range(3):
        roots = [c for t in roots for c in ((left[t], right[t]) if left[t] >= 0 else (t,))]
    tasks = []
    for t in roots:
        leaf = t
        while left[leaf] >= 0:
            leaf = left[leaf]
        low, high = before[dissection.front_start[[leaf, t + 1]]]
        tasks.append((np.arange(low, high), high))
    return tasks
