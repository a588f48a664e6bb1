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
        kernels.solve_blocks(scalar.order, scalar.start, scalar.column, self.left, self.weight,
                             self.inverse, rhs, x, out)  # fmt: skip
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
        order, position, network.row_start, network.row_neighbour, network.row_link, conductance,
        excess, threshold, start, total,
    )  # fmt: skip
    return ScalarFactor(order, position, start, column, share, total)


def factor_blocks(rows, cut=BLOCK_CUT):
    """Incomplete factor of the spin rows by 3x3 blocks.

    Every link carries a conductance and the small part H = K (1 - R) of its rotation; the two are
    eliminated side by side (see `hopnet.kernels.incomplete`), so that the cancellation of ordinary
    elimination, which loses tau_s times the strongest rate, does not happen.

    Parameters
    ----------
    rows : hopnet.kinetics.frames.SpinRows
    cut : float
        Links up to this part of the rate of relaxation and dephasing are left out; 0 for none.

    Returns
    -------
    BlockFactor
    """
    network, frames = rows.frames.network, rows.frames
    relaxation = 0.5 * (rows.block + rows.block.transpose(0, 2, 1))
    shift = np.linalg.eigvalsh(relaxation)[:, 0]  # the isotropic part, at most the smallest rate
    diagonal = (rows.block - shift[:, None, None] * np.eye(3)).reshape(-1, 9)
    diagonal[np.abs(diagonal) < 1e-14 * shift[:, None]] = 0.0
    scalar = factor_scalar(network, frames.conductance, shift, rows.free,
                           cut * (shift + frames.dephasing))  # fmt: skip
    inverse = np.empty((scalar.order.shape[0], 9))
    weight, left = kernels.eliminate_blocks(
        scalar.order, scalar.position, network.row_start, network.row_neighbour, network.row_link,
        frames.conductance, frames.transport, diagonal, rows.symmetric, scalar.start,
        scalar.column, scalar.share, scalar.total, inverse,
    )  # fmt: skip
    return BlockFactor(scalar, weight, weight if rows.symmetric else left, inverse)
