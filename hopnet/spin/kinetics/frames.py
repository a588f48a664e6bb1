"""The spin rows at any size: local frames, and a Krylov method on top of incomplete elimination.

The spin block is a connection Laplacian: hopping with rotation, K_ij (sigma_i - R_ij sigma_j).
In frames Q_i that follow the strongest links (the maximum spanning forest of K) these links do
not rotate at all; what is left on the others is the holonomy of loops, some 8 det M times their
area. There a factor of the scalar problem is an excellent preconditioner for all three
components, and a residual is accurate. Without a magnetic field the block is symmetric and
positive definite: conjugate gradients. With a field it is not symmetric: GMRES. Where either would
need many iterations, which is known in advance from the dephasing left in the frames and the
turning in the field during tau_s, the preconditioner is made of 3x3 blocks instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hopnet.kernels import kinetics as kernels
from hopnet.network.network import Network
from hopnet.spin.coefficients import hop_table
from hopnet.spin.kinetics.incomplete import SCALAR_CUT, factor_blocks, factor_scalar
from hopnet.threads import run_side_by_side, thread_count

DEPHASING_SHARE = 0.3  # of the local dephasing rate, added to the preconditioner's excess
ROWS_PER_TASK = 50_000
KRYLOV_VECTORS = 100  # kept by GMRES before it starts again
PATIENCE = 40  # iterations after which a factor of blocks is cheaper than more of them
# what takes about so many (half of them with a field): mean rates of dephasing and of precession
# in the field, times tau_s
DEPHASING_LIMIT = 0.05
PRECESSION_LIMIT = 0.2


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
    frame : float64[n_sites, 4]
        Quaternion of Q_i: sigma_i = Q_i sigma'_i.
    dephasing : float64[n_sites]
        (1/3) tr sum_j K_ij (1 - R'_ij): how fast loops dephase a spin, times n_i.
    """

    network: Network
    conductance: np.ndarray
    transport: np.ndarray
    frame: np.ndarray
    dephasing: np.ndarray

    def to_local(self, vector):
        """Q_i^T v_i."""
        return self._turned(-1.0, vector)

    def to_laboratory(self, vector):
        """Q_i v_i."""
        return self._turned(1.0, vector)

    def _turned(self, sign, vector):
        out = np.empty((self.network.n_sites, 3))
        kernels.turn_vectors(self.frame, sign, np.ascontiguousarray(vector), out)
        return out


def hop_rotations(network, spin_orbit):
    """Quaternions (cos |d|, d sin |d| / |d|) [hopping 4] of the hops j -> i, i < j."""
    d_x, d_y, cosine, sinc = hop_table(network, spin_orbit).T[:4]  # of R_j - R_i
    return np.stack([cosine, -sinc * d_x, -sinc * d_y, np.zeros_like(d_x)], axis=1)


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


def find_frames(network, hops, slowest=0.0):
    """Frames in which the maximum spanning forest of K does not rotate.

    Parameters
    ----------
    network : Network
    hops : float64[n_links, 6]
        `hopnet.spin.coefficients.hop_table`.
    slowest : float
        Smallest relaxation rate n_i / tau_s: links so much weaker that the preconditioners leave
        them out are not looked at for the forest.

    Returns
    -------
    Frames

    Notes
    -----
    Links whose conductances differ by less than the spread / 65535 are taken in the order of their
    numbers: any forest of strong links serves, and whole numbers are sorted in one go.
    """
    n = network.n_sites
    conductance = network.conductance
    strong = np.flatnonzero(conductance > SCALAR_CUT * slowest)
    weakness = network.log_conductance.max(initial=-np.inf) - network.log_conductance[strong]
    step = max(weakness.max(initial=0.0), 1e-300) / 65535
    order = strong[np.argsort((weakness / step).astype(np.uint16), kind="stable")]
    forest = np.empty(network.n_links, np.bool_)
    kernels.mark_forest(order, network.link_i, network.link_j, n, forest)
    frame = np.empty((n, 4))
    kernels.fill_frames(
        network.row_start, network.row_neighbour, network.row_link, hops, forest, frame
    )
    transport, dephasing = np.empty((network.n_links, 4)), np.empty(n)
    kernels.fill_transport(
        network.link_i, network.link_j, conductance, hops, forest, frame, transport, dephasing
    )
    return Frames(network, conductance, transport, frame, dephasing)


@dataclass(frozen=True, eq=False)
class SpinRows:
    """The left side of the spin rows, in local frames, ready to be solved.

    Attributes
    ----------
    frames : Frames
    block : float64[n_sites, 3, 3]
        Relaxation minus magnetic field, times n_i.
    isotropic : float64[n_sites]
        The part of relaxation that is the same for every direction of a spin.
    excess : float64[n_sites]
        Of the scalar factor.
    free : bool[n_sites]
        False where the spin is held at zero.
    symmetric : bool
        No magnetic field.
    direct : bool
        Whether blocks are eliminated without trying the scalar factor first.
    threads : int
    """

    frames: Frames
    block: np.ndarray
    isotropic: np.ndarray
    excess: np.ndarray
    free: np.ndarray
    symmetric: bool
    direct: bool
    threads: int

    def apply(self, sigma):
        """A sigma, row by row; the result does not depend on the number of threads."""
        out = np.empty_like(sigma)
        self._row_by_row(kernels.sum_spin_rows, sigma, out)
        out[~self.free] = 0.0
        return out

    def judge(self, sigma, rhs):
        """|A sigma - rhs| and the sum of the moduli of the terms, of each row."""
        residual, moduli = np.empty_like(sigma), np.empty_like(sigma)
        self._row_by_row(kernels.judge_spin_rows, sigma, rhs, residual, moduli)
        residual[~self.free] = 0.0
        return residual, moduli

    def prepare(self):
        """Make the factor that serves as preconditioner from the start."""
        return self.block_factor if self.direct else self.scalar_factor

    def _row_by_row(self, kernel, *arrays):
        frames, network = self.frames, self.frames.network

        def rows(first):
            last = min(first + ROWS_PER_TASK, network.n_sites)
            kernel(
                first,
                last,
                network.row_start,
                network.row_neighbour,
                network.row_link,
                frames.conductance,
                frames.transport,
                self.block,
                *arrays,
            )

        run_side_by_side(rows, range(0, network.n_sites, ROWS_PER_TASK), self.threads)

    @cached_property
    def scalar_factor(self):
        """Incomplete factor of Lap(K) + excess."""
        return factor_scalar(
            self.frames.network,
            self.frames.conductance,
            self.excess,
            self.free,
            SCALAR_CUT * self.excess,
        )

    @cached_property
    def block_factor(self):
        """Incomplete factor of A itself; made where iterations are many, then used to the end."""
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
    occupation = network.occupation
    if np.array_equal(anisotropy, np.eye(3)):
        block = rate[:, None, None] * np.eye(3)
    else:
        Q = rotation_matrices(frames.frame)
        block = rate[:, None, None] * np.einsum("nba,bc,ncd->nad", Q, anisotropy, Q)
    omega = frames.to_local(occupation[:, None] * field)
    for a, b, c in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        block[:, b, a] -= omega[:, c]  # - (omega x sigma)_b = ... - omega_c sigma_a
        block[:, a, b] += omega[:, c]
    mean_rate = rate * np.trace(anisotropy) / 3.0
    turning = occupation * np.linalg.norm(field)
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
        excess,
        free,
        not np.any(field),
        bool(effort > mean_rate.mean()),
        thread_count(threads),
    )


def solve_rows(rows, rhs, tolerance, max_iterations, start=None):
    """Krylov solution of the spin rows.

    Parameters
    ----------
    rows : SpinRows
    rhs : float64[n_sites, 3]
        In local frames.
    tolerance : float
        Norm of the residual over that of ``rhs``.
    max_iterations : int
    start : float64[n_sites, 3], optional
        In local frames, zero where a spin is held; zero by default.

    Returns
    -------
    sigma : float64[n_sites, 3]
        In local frames.
    history : list of float
        Relative residuals, the first that of ``start``.
    """
    r = np.where(rows.free[:, None], rhs, 0.0)
    norm = float(np.linalg.norm(r))
    if start is None or norm == 0.0:
        x = np.zeros_like(r)
    else:
        x = start.copy()
        r -= rows.apply(x)
    if norm == 0.0:
        return x, [0.0]
    krylov = conjugate_gradients if rows.symmetric else restarted_gmres
    history = [float(np.linalg.norm(r)) / norm]
    patience = max_iterations
    if not rows.direct and "block_factor" not in vars(rows):
        patience = min(PATIENCE, max_iterations)
        krylov(rows.apply, rows.scalar_factor.solve, x, r, norm, tolerance, patience, history)
    if history[-1] > tolerance and len(history) <= max_iterations:
        krylov(rows.apply, rows.block_factor.solve, x, r, norm, tolerance, max_iterations, history)
    return x, history


def conjugate_gradients(apply, precondition, x, r, norm, tolerance, max_iterations, history):
    """Preconditioned conjugate gradients for a symmetric positive definite operator.

    ``x`` and its residual ``r`` are improved in place, ``history`` grows to ``max_iterations``
    and one at most.
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


def restarted_gmres(apply, precondition, x, r, norm, tolerance, max_iterations, history):
    """GMRES with right preconditioning, arguments as above: the residual it lowers is the true one.

    Stops early where a round of `KRYLOV_VECTORS` does not halve the residual.
    """
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
        step = precondition(sum(a * v for a, v in zip(weight, basis)))
        x += step
        r -= apply(step)
        history[-1] = float(np.linalg.norm(r)) / norm
        if history[-1] > 0.5 * history[-used - 1]:
            break
