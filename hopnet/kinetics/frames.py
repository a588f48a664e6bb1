"""The spin rows at any size: local frames, and a Krylov method on top of the exact scalar factor.

The spin block is a connection Laplacian: hopping with rotation, K_ij (sigma_i - R_ij sigma_j).
In frames Q_i that follow the strongest links (the maximum spanning forest of K) these links do
not rotate at all; what is left on the others is the holonomy of loops, some 8 det M times their
area. There the factor of the scalar problem is an excellent preconditioner for all three
components, and a residual is accurate. Without a magnetic field the block is symmetric and
positive definite: conjugate gradients. With a field it is not symmetric: GMRES. Where either would
need some forty iterations, which is known in advance from the dephasing left in the frames and the
turning in the field during tau_s, 3x3 blocks are eliminated directly in the same frames.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hopnet.elimination import Elimination, analyse, factor, run_side_by_side, thread_count
from hopnet.kernels import kinetics as kernels
from hopnet.kinetics.blocks import factor_blocks
from hopnet.network import Network
from hopnet.triads import half_angles

DEPHASING_SHARE = 0.3  # of the local dephasing rate, added to the preconditioner's excess
ROWS_PER_TASK = 50_000
KRYLOV_VECTORS = 100  # kept by GMRES before it starts again
PATIENCE = 40  # iterations after which block elimination is cheaper than more of them
# what takes about so many: mean rate of dephasing, and precession in the field, times tau_s
DEPHASING_LIMIT = 0.05
PRECESSION_LIMIT = 0.5


@dataclass(frozen=True, eq=False)
class Frames:
    """Spin rotations of a network in local frames.

    Attributes
    ----------
    network : Network
    conductance : float64[n_links]
        K_ij.
    transport : float64[n_links, 4]
        Quaternion of the hop j -> i, i < j, a turn by 2 d_ij, between local frames.
    matrix : float64[n_sites, 3, 3]
        Q_i: sigma_i = Q_i sigma'_i.
    dephasing : float64[n_sites]
        (1/3) tr sum_j K_ij (1 - R'_ij): how fast loops dephase a spin, times n_i.
    """

    network: Network
    conductance: np.ndarray
    transport: np.ndarray
    matrix: np.ndarray
    dephasing: np.ndarray

    def to_local(self, vector):
        """Q_i^T v_i."""
        return np.einsum("nba,nb->na", self.matrix, vector)

    def to_laboratory(self, vector):
        """Q_i v_i."""
        return np.einsum("nab,nb->na", self.matrix, vector)


def hop_rotations(network, spin_orbit):
    """Quaternions (cos |d|, d sin |d| / |d|) [hopping 4] of the hops j -> i, i < j."""
    x, y, _, cosine, sinc = half_angles(network, spin_orbit)
    # the table is of R_j - R_i, d_ij = M (R_i - R_j)
    return np.stack([cosine, -sinc * x, -sinc * y, np.zeros_like(x)], axis=1)


def rotation_matrices(q):
    """Rotation matrices of unit quaternions: float64[n, 3, 3]."""
    s, x, y, z = q.T
    return np.stack(
        [
            np.stack([1 - 2 * (y * y + z * z), 2 * (x * y - s * z), 2 * (x * z + s * y)], -1),
            np.stack([2 * (x * y + s * z), 1 - 2 * (x * x + z * z), 2 * (y * z - s * x)], -1),
            np.stack([2 * (x * z - s * y), 2 * (y * z + s * x), 1 - 2 * (x * x + y * y)], -1),
        ],
        axis=-2,
    )


def find_frames(network, spin_orbit):
    """Frames in which the maximum spanning forest of K does not rotate.

    Parameters
    ----------
    network : Network
    spin_orbit : float64[2, 2]

    Returns
    -------
    Frames

    Notes
    -----
    Links whose conductances differ by less than the spread / 65535 are taken in the order of their
    numbers: any forest of strong links serves, and whole numbers are sorted in one go.
    """
    n = network.n_sites
    rotation = hop_rotations(network, spin_orbit)
    weakness = network.log_conductance.max(initial=-np.inf) - network.log_conductance
    step = max(weakness.max(initial=0.0), 1e-300) / 65535
    order = np.argsort((weakness / step).astype(np.uint16), kind="stable")
    forest = np.empty(network.n_links, np.bool_)
    kernels.mark_forest(order, network.link_i, network.link_j, n, forest)
    frame = np.empty((n, 4))
    kernels.fill_frames(network.row_start, network.row_neighbour, network.row_link, rotation,
                        forest, frame)  # fmt: skip
    transport = rotation  # overwritten, link by link
    kernels.fill_transport(network.link_i, network.link_j, rotation, forest, frame, transport)
    conductance = np.exp(network.log_conductance)
    loss = (4.0 / 3.0) * conductance * (transport[:, 1:] ** 2).sum(axis=1)
    dephasing = np.bincount(network.link_i, loss, n) + np.bincount(network.link_j, loss, n)
    matrix = rotation_matrices(frame)
    return Frames(network, conductance, transport, matrix, dephasing)


@dataclass(frozen=True, eq=False)
class SpinRows:
    """The left side of the spin rows, in local frames, ready to be solved.

    Attributes
    ----------
    frames : Frames
    symbolic : Elimination
        Of the scalar problem; sites that hold their spin at zero are terminals.
    block : float64[n_sites, 3, 3]
        Relaxation minus magnetic field, times n_i.
    excess : float64[n_sites]
        Of the preconditioner.
    free : bool[n_sites]
        False where the spin is held at zero.
    symmetric : bool
        No magnetic field.
    direct : bool
        Whether blocks are eliminated without trying iterations first.
    threads : int or None
    """

    frames: Frames
    symbolic: Elimination
    block: np.ndarray
    excess: np.ndarray
    free: np.ndarray
    symmetric: bool
    direct: bool
    threads: int | None

    def apply(self, sigma):
        """A sigma, row by row; the result does not depend on the number of threads."""
        network, out = self.frames.network, np.empty_like(sigma)

        def rows(first):
            last = min(first + ROWS_PER_TASK, network.n_sites)
            kernels.sum_spin_rows(first, last, network.row_start, network.row_neighbour,
                                  network.row_link, self.frames.conductance,
                                  self.frames.transport, self.block, sigma, out)  # fmt: skip

        run_side_by_side(rows, range(0, network.n_sites, ROWS_PER_TASK),
                         self.threads or thread_count())  # fmt: skip
        out[~self.free] = 0.0
        return out

    def moduli(self, sigma):
        """Sum of the moduli of the terms of each row."""
        network, out = self.frames.network, np.empty_like(sigma)
        kernels.sum_moduli(network.row_start, network.row_neighbour, network.row_link,
                           self.frames.conductance, self.frames.transport, self.block, sigma,
                           out)  # fmt: skip
        return out

    @cached_property
    def preconditioner(self):
        """Factor of Lap(K) + excess."""
        return factor(self.symbolic, self.frames.conductance, self.excess, threads=self.threads)

    @cached_property
    def block_factor(self):
        """Factor of A itself; made where iterations are many, then used to the end."""
        return factor_blocks(self)


def spin_rows(frames, rate, anisotropy, field, sinks, threads=None):
    """Relaxation, magnetic field and contacts that absorb spin, put on top of hopping.

    Parameters
    ----------
    frames : Frames
    rate : float64[n_sites]
        n_i / tau_s.
    anisotropy : float64[3, 3]
        Symmetric; the relaxation rate is (1 / tau_s) anisotropy . S.
    field : float64[3]
        Precession frequency omega; dS/dt = omega x S.
    sinks : int64 array
        Sites whose spin is held at zero.
    threads : int, optional

    Returns
    -------
    SpinRows
    """
    network = frames.network
    occupation = np.exp(network.log_occupation)
    if np.array_equal(anisotropy, np.eye(3)):
        block = rate[:, None, None] * np.eye(3)
    else:
        turned = np.einsum("nba,bc,ncd->nad", frames.matrix, anisotropy, frames.matrix)
        block = rate[:, None, None] * turned
    omega = occupation[:, None] * np.einsum("nba,b->na", frames.matrix, field)
    for a, b, c in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        block[:, b, a] -= omega[:, c]  # - (omega x sigma)_b = ... - omega_c sigma_a
        block[:, a, b] += omega[:, c]
    mean_rate = rate * np.trace(anisotropy) / 3.0
    turning = occupation * np.linalg.norm(field)
    effort = frames.dephasing.mean() / DEPHASING_LIMIT + turning.mean() / PRECESSION_LIMIT
    excess = np.hypot(mean_rate, turning)
    excess += DEPHASING_SHARE * frames.dephasing
    terminal = np.full(network.n_sites, -1)
    terminal[sinks] = 0
    symbolic = analyse(network.dissection, network.link_i, network.link_j, terminal)
    return SpinRows(frames, symbolic, np.ascontiguousarray(block), excess, terminal == -1,
                    not np.any(field), bool(effort > mean_rate.mean()), threads)  # fmt: skip


def solve_rows(rows, rhs, start, tolerance, max_iterations):
    """Krylov solution of the spin rows.

    Parameters
    ----------
    rows : SpinRows
    rhs, start : float64[n_sites, 3]
        In local frames.
    tolerance : float
        Norm of the residual over that of ``rhs``.
    max_iterations : int

    Returns
    -------
    sigma : float64[n_sites, 3]
        In local frames.
    history : list of float
        Relative residuals, the first that of ``start``.
    """
    rhs = np.where(rows.free[:, None], rhs, 0.0)
    norm = float(np.linalg.norm(rhs))
    if norm == 0.0:
        return np.zeros_like(rhs), [0.0]
    krylov = conjugate_gradients if rows.symmetric else restarted_gmres
    sigma, history = start, [np.inf]
    if not rows.direct and "block_factor" not in vars(rows):
        patience = min(PATIENCE, max_iterations)
        sigma, history = krylov(rows.apply, rows.preconditioner.solve, rhs, start, norm, tolerance,
                                patience)  # fmt: skip
        if history[-1] <= tolerance or patience == max_iterations:
            return sigma, history
    left = max_iterations - len(history) + 1
    sigma, more = krylov(rows.apply, rows.block_factor.solve, rhs, sigma, norm, tolerance, left)
    return sigma, history[:-1] + more


def conjugate_gradients(apply, precondition, rhs, start, norm, tolerance, max_iterations):
    """Preconditioned conjugate gradients for a symmetric positive definite operator."""
    x = start.copy()
    r = rhs - apply(x) if np.any(x) else rhs.copy()
    history = [float(np.linalg.norm(r)) / norm]
    p = np.zeros_like(x)
    old = 1.0
    while history[-1] > tolerance and len(history) <= max_iterations:
        z = precondition(r)
        new = float(np.vdot(r, z))
        p *= new / old if len(history) > 1 else 0.0
        p += z
        q = apply(p)
        step = new / float(np.vdot(p, q))
        x += np.multiply(p, step, out=z)
        r -= np.multiply(q, step, out=q)
        old = new
        history.append(float(np.linalg.norm(r)) / norm)
    return x, history


def restarted_gmres(apply, precondition, rhs, start, norm, tolerance, max_iterations):
    """GMRES with right preconditioning: the residual it lowers is the true one."""
    x = start.copy()
    r = rhs - apply(x) if np.any(x) else rhs.copy()
    history = [float(np.linalg.norm(r)) / norm]
    while history[-1] > tolerance and len(history) <= max_iterations:
        n_vectors = min(KRYLOV_VECTORS, max_iterations + 1 - len(history))
        basis = [r / (history[-1] * norm)]
        triangle = np.zeros((n_vectors + 1, n_vectors))
        turns = []
        target = np.zeros(n_vectors + 1)
        target[0] = history[-1] * norm
        used = 0
        for k in range(n_vectors):
            w = apply(precondition(basis[k]))
            for _ in range(2):  # orthogonalise twice
                for m, v in enumerate(basis):
                    overlap = float(np.vdot(v, w))
                    triangle[m, k] += overlap
                    w -= overlap * v
            height = float(np.linalg.norm(w))
            for m, (c, s) in enumerate(turns):
                upper, lower = triangle[m, k], triangle[m + 1, k]
                triangle[m, k], triangle[m + 1, k] = c * upper + s * lower, c * lower - s * upper
            length = float(np.hypot(triangle[k, k], height))
            turns.append((triangle[k, k] / length, height / length))
            triangle[k, k] = length
            target[k + 1] = -turns[k][1] * target[k]
            target[k] *= turns[k][0]
            used = k + 1
            history.append(abs(float(target[k + 1])) / norm)
            if history[-1] <= tolerance or height == 0.0:
                break
            basis.append(w / height)
        weight = np.linalg.solve(triangle[:used, :used], target[:used])
        x += precondition(sum(a * v for a, v in zip(weight, basis)))
        r = rhs - apply(x)
        reached = float(np.linalg.norm(r)) / norm
        stalled = reached > 0.5 * history[-used - 1]
        history[-1] = reached
        if stalled:
            break
    return x, history
