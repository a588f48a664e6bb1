"""Preconditioners of the spin rows: elimination that leaves out links weaker than relaxation.

During tau_s a spin moves along links with K_ij tau_s above one. Weaker links hardly couple the
spins at their ends. An elimination that leaves out links far below the relaxation rates, given
links and links made by an elimination step alike, has a few entries per site, where the full
factor has about 25 (n_s a_b^2 = 0.01, tau_s up to 1e8 tau_0). It is as good a preconditioner.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hopnet.elimination.dissection import Dissection
from hopnet.kernels import incomplete as kernels
from hopnet.network.network import Network
from hopnet.records import Record
from hopnet.threads import run_side_by_side

if TYPE_CHECKING:
    from hopnet.spin.kinetics.rows import SpinRows

__all__ = [
    "BLOCK_CUT",
    "SCALAR_CUT",
    "BlockFactor",
    "ScalarFactor",
    "factor_blocks",
    "factor_scalar",
]

# Links whose conductance is up to this part of the relaxation rates n / tau_s at their ends are
# left out. A dimensionless number. The value for the scalar factor: with 1e-6 the number of
# iterations is that of the full factor. A larger value costs iterations, a smaller one costs
# entries.
SCALAR_CUT = 1e-6
# The same for the factor of 3x3 blocks: an entry costs nine times as much, and few iterations are
# needed.
BLOCK_CUT = 1e-2
# The elimination of blocks runs in parallel on the subtrees this many cuts below the root, up to
# 2**3 = 8 of them. More cuts leave more rows for the serial part above the subtrees.
PARALLEL_CUTS = 3


@dataclass(frozen=True, eq=False)
class ScalarFactor(Record):
    """Incomplete factor of Lap(K) + excess, the same for the three components of a spin.

    Attributes
    ----------
    rows : hopnet.kernels.incomplete.Rows
        Order of elimination, entries and pivots.
    """

    rows: kernels.Rows

    def solve(self, rhs: np.ndarray) -> np.ndarray:
        """float64[n_sites, 3]: the solution for ``rhs``; zero where a spin is held at zero."""
        x, out = np.empty((self.rows.order.shape[0], 3)), np.zeros_like(rhs)
        kernels.solve(self.rows, rhs, x, out)
        return out


@dataclass(frozen=True, eq=False)
class BlockFactor(Record):
    """Incomplete factor of the spin rows themselves, rotations and magnetic field included.

    Attributes
    ----------
    rows : hopnet.kernels.incomplete.Rows
        Order of elimination, entries and pivots of the scalar part.
    left, weight : float64[n_entries, 9] or complex128[n_entries, 9]
        Weights of the forward and of the backward pass; the same array without a magnetic field.
    inverse : float64[n_free, 9] or complex128[n_free, 9]
        Inverse of the 3x3 pivot of every row.
    """

    rows: kernels.Rows
    left: np.ndarray
    weight: np.ndarray
    inverse: np.ndarray

    def solve(self, rhs: np.ndarray) -> np.ndarray:
        """An array like ``rhs``: the solution for it; zero where a spin is held at zero."""
        x, out = np.empty((self.rows.order.shape[0], 3), rhs.dtype), np.zeros_like(rhs)
        kernels.solve_blocks(self.rows, self.left, self.weight, self.inverse, rhs, x, out)
        return out

    def transposed(self) -> BlockFactor:
        """The factor of the transposed matrix: the two passes change places."""
        turned = self.inverse.reshape(-1, 3, 3).transpose(0, 2, 1)
        inverse = np.ascontiguousarray(turned).reshape(-1, 9)
        return BlockFactor(self.rows, self.weight, self.left, inverse)


def graph_of(network: Network) -> kernels.Graph:
    """The rows of a network's graph, as the kernels take them."""
    return kernels.Graph(network.row_start, network.row_neighbour, network.row_link)


def factor_scalar(
    network: Network,
    conductance: np.ndarray,
    excess: np.ndarray,
    free: np.ndarray,
    threshold: np.ndarray,
) -> ScalarFactor:
    """Incomplete factor of Lap(conductance) + excess.

    Parameters
    ----------
    network : Network
    conductance : float64[n_links]
    excess : float64[n_sites]
        The diagonal s.
    free : bool[n_sites]
        False where a spin is held at zero.
    threshold : float64[n_sites]
        A link is left out unless its conductance exceeds the smaller threshold of its two ends;
        with 0 no link is left out.

    Returns
    -------
    ScalarFactor
    """
    order = network.dissection.permutation
    order = order[free[order]]
    rank = np.full(network.n_sites, -1)
    rank[order] = np.arange(order.shape[0])
    start, total = np.empty(order.shape[0] + 1, np.int64), np.empty(order.shape[0])
    column, share = kernels.eliminate(
        order, rank, graph_of(network), conductance, excess, threshold, start, total
    )
    return ScalarFactor(kernels.Rows(order, rank, start, column, share, total))


def factor_blocks(rows: SpinRows, cut: float = BLOCK_CUT) -> BlockFactor:
    """Incomplete factor of the spin rows by 3x3 blocks.

    Every link carries a conductance and the small part H = K (1 - R) of its rotation. The two are
    eliminated side by side (see `hopnet.kernels.incomplete`). An ordinary elimination of the
    blocks would lose tau_s times the strongest rate to cancellation.

    Parameters
    ----------
    rows : hopnet.spin.kinetics.rows.SpinRows
    cut : float
        Links up to this part of the rate of relaxation and dephasing are left out; with 0 no link
        is left out.

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
        cut * (rows.modulus + frames.dephasing),
    ).rows
    n, n_entries = scalar.order.shape[0], scalar.column.shape[0]
    waiting = kernels.Waiting(np.full(n, -1), np.full(n, -1), np.zeros(n, np.int64))
    blocks = kernels.Blocks(
        H=np.zeros((n_entries, 9), diagonal.dtype),
        back=np.zeros((0 if rows.symmetric else n_entries, 9), diagonal.dtype),
        Y=np.zeros((n_entries, 9), diagonal.dtype),
        inverse=np.empty((n, 9), diagonal.dtype),
    )
    graph = graph_of(network)

    def eliminate(task):
        which, high = task
        kernels.eliminate_blocks(
            which,
            high,
            graph,
            frames.conductance,
            frames.transport,
            diagonal,
            scalar,
            waiting,
            blocks,
        )

    # The subtrees in parallel, then all rows above them.
    below = independent_rows(network.dissection, rows.free)
    run_side_by_side(eliminate, below, rows.threads)
    done = np.concatenate([which for which, _ in below])
    kernels.queue_rows(done, scalar, waiting)
    eliminate((np.setdiff1d(np.arange(n), done, assume_unique=True), n))
    kernels.finish_blocks(scalar, blocks)
    left = blocks.Y if rows.symmetric else blocks.back
    return BlockFactor(scalar, left, blocks.Y, blocks.inverse)


def independent_rows(dissection: Dissection, free: np.ndarray) -> list[tuple[np.ndarray, int]]:
    """The rows of each subtree `PARALLEL_CUTS` cuts below the root, and where the subtree ends.

    Rows of different subtrees have no entry in common. Ranks count the free sites only.
    """
    before = np.concatenate([[0], np.cumsum(free[dissection.permutation])])
    left, right = dissection.left, dissection.right
    roots = [left.shape[0] - 1]
    for _ in range(PARALLEL_CUTS):
        roots = [c for t in roots for c in ((left[t], right[t]) if left[t] >= 0 else (t,))]
    tasks = []
    for t in roots:
        leaf = t
        while left[leaf] >= 0:
            leaf = left[leaf]
        low, high = before[dissection.front_start[[leaf, t + 1]]]
        tasks.append((np.arange(low, high), high))
    return tasks
