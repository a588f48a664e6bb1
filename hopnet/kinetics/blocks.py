"""Direct elimination of the spin rows: 3x3 blocks in local frames, where iterations are many."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hopnet.elimination import (
    NEGLIGIBLE,
    Elimination,
    run_downward,
    run_upward,
    thread_count,
)
from hopnet.kernels import blocks as kernels


@dataclass(frozen=True, eq=False)
class BlockFactor:
    """Factor of the spin rows; as accurate as the frames allow, whatever tau_s is.

    Attributes
    ----------
    elimination : Elimination
    weight, left : float64[n_entries, 9]
        Of the backward and of the forward pass; the same array without a magnetic field.
    inverse : float64[n_positions, 9]
    threads : int
    """

    elimination: Elimination
    weight: np.ndarray
    left: np.ndarray
    inverse: np.ndarray
    threads: int

    def solve(self, rhs):
        """Solve A sigma = rhs: float64[n_sites, 3]; zero at sites held at zero."""
        e = self.elimination
        n = e.node.shape[0]
        x = np.zeros((n + e.n_terminals + 1, 3))
        x[:n] = rhs[e.node]
        carried = np.empty((e.fronts.boundary.shape[0], 3))

        def forward(which):
            kernels.forward_block_fronts(which, e.fronts, self.left, x, carried)

        def backward(which):
            kernels.backward_block_fronts(which, e.fronts, self.weight, self.inverse, x)

        run_upward(e, forward, self.threads)
        x[n:] = 0.0
        run_downward(e, backward, self.threads)
        out = np.zeros((e.n_nodes, 3))
        out[e.node] = x[:n]
        return out


def factor_blocks(rows):
    """Factor the spin rows by block elimination.

    Every link carries a conductance and the small part H = K (1 - R) of its rotation; the two are
    eliminated side by side (see `hopnet.kernels.blocks`), so that the cancellation of ordinary
    elimination, which loses tau_s times the strongest rate, does not happen.

    Parameters
    ----------
    rows : hopnet.kinetics.frames.SpinRows

    Returns
    -------
    BlockFactor

    Notes
    -----
    Some forty times the operations of a scalar factor, nine times its memory; twice as many of
    both in a magnetic field, where the blocks are not symmetric.
    """
    e, frames = rows.symbolic, rows.frames
    threads = rows.threads or thread_count()
    K = frames.conductance[e.edge_link]
    edge_block = edge_blocks(K, frames.transport[e.edge_link], e.edge_sign)
    block = rows.block[e.node]
    relaxation = 0.5 * (block + block.transpose(0, 2, 1))
    shift = np.linalg.eigvalsh(relaxation)[:, 0]  # the isotropic part, at most the smallest rate
    diagonal = (block - shift[:, None, None] * np.eye(3)).reshape(-1, 9)
    diagonal[np.abs(diagonal) < 1e-14 * shift[:, None]] = 0.0
    contribution = np.empty(e.contribution_size)
    block_contribution = np.empty((e.contribution_size, 9))
    weight = np.empty((e.n_entries, 9))
    left = np.empty((0 if rows.symmetric else e.n_entries, 9))
    inverse = np.empty((e.node.shape[0], 9))

    def fill(which):
        kernels.factor_block_fronts(which, e.fronts, K, edge_block, shift, diagonal, NEGLIGIBLE,
                                    e.contribution_start, contribution, block_contribution,
                                    weight, left, inverse)  # fmt: skip

    run_upward(e, fill, threads)
    return BlockFactor(e, weight, weight if rows.symmetric else left, inverse, threads)


def edge_blocks(K, q, sign):
    """K (1 - R) of hops from the later to the earlier end, from quaternions: float64[n, 9]."""
    s, v = 2.0 * K * q[:, 0] * sign, q[:, 1:].T
    out = np.empty((K.shape[0], 9))
    square = v[0] ** 2 + v[1] ** 2 + v[2] ** 2
    for a in range(3):
        b, c = (a + 1) % 3, (a + 2) % 3
        out[:, 4 * a] = 2.0 * K * (square - v[a] ** 2)
        outer = 2.0 * K * v[a] * v[b]
        out[:, 3 * a + b] = s * v[c] - outer
        out[:, 3 * b + a] = -s * v[c] - outer
    return out
