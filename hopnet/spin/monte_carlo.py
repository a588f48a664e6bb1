"""Kinetic Monte Carlo: carriers with spin on a network, an independent check of the equations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hopnet.errors import ParameterError
from hopnet.kernels import walk as kernels
from hopnet.network.network import Network
from hopnet.records import read_only
from hopnet.seeds import random_stream
from hopnet.spin.coefficients import check_spin_orbit
from hopnet.spin.kinetics.frames import hop_rotations
from hopnet.spin.kinetics.matrix import hopping_block
from hopnet.spin.response import DENSE_SITES, check_axis


@dataclass(frozen=True, eq=False)
class Walk:
    """Where carriers are at given times, and how their spins point.

    Attributes
    ----------
    network : Network
    time : float64[n_times], in tau_0
    site : int64[n_carriers, n_times]
    displacement : float64[n_carriers, n_times, 2], in a_b
        From the start, not wrapped.
    spin : float64[n_carriers, n_times, 3]
        Length 1 at the start; it shrinks by exp(-t / tau_s).
    """

    network: Network
    time: np.ndarray
    site: np.ndarray
    displacement: np.ndarray
    spin: np.ndarray

    def mean_square(self):
        """Mean of x^2 and of y^2 at each time: float64[n_times, 2], in a_b^2."""
        return (self.displacement**2).mean(axis=0)

    def diffusion(self, early=0, late=-1):
        """D from the slope of the mean square displacement between two of the times.

        Parameters
        ----------
        early, late : int
            Which times; the first long enough for the transient to be over.

        Returns
        -------
        value, error : float, in a_b^2 / tau_0
            Mean of D_xx and D_yy; one standard error, carriers being independent.
        """
        r2 = (self.displacement**2).sum(axis=2)
        slope = (r2[:, late] - r2[:, early]) / (4 * (self.time[late] - self.time[early]))
        return float(slope.mean()), float(slope.std(ddof=1) / np.sqrt(slope.size))


def walk(
    network,
    time,
    *,
    n_carriers,
    seed,
    spin_orbit=None,
    start=None,
    spin=(0.0, 1.0, 0.0),
    tau_s=np.inf,
    block=1000,
):
    """Let carriers hop: exponential waiting times, no rejection, full rotation of spins.

    Parameters
    ----------
    network : Network
        Any geometry (a torus for diffusion), any energies.
    time : array_like, in tau_0
        Ascending times >= 0 at which carriers are looked at.
    n_carriers : int
    seed : int
        One Philox stream for each block of carriers, so results do not depend on how blocks are
        shared out; another ``block`` gives other carriers.
    spin_orbit : array_like[2, 2], optional
        M; without it spins do not turn.
    start : int or array_like[n_carriers], optional
        First sites; by default drawn from equilibrium, n_i.
    spin : array_like[3]
        At the start.
    tau_s : float
        Spin relaxation, as the factor exp(-t / tau_s), exact on average.
    block : int

    Returns
    -------
    Walk

    Notes
    -----
    Cost: some 0.1 microseconds times the number of neighbours, a hop. Pairs much closer than others
    hop to and fro most of the time; a ``min_distance`` between sites avoids that.

    Examples
    --------
    >>> import hopnet as hn
    >>> from hopnet.spin.monte_carlo import walk
    >>> network = hn.build_network(hn.random_sites(100, density=0.1, seed=3))
    >>> bool(walk(network, [0.0, 50.0], n_carriers=200, seed=5).mean_square()[1].min() > 0)
    True
    """
    network.check_dilute()
    time = check_axis("time", time, least=0.0)
    if np.any(np.diff(time) < 0):
        raise ParameterError("time must ascend; sort it.")
    if not (n_carriers >= 1 and int(n_carriers) == n_carriers and block >= 1):
        raise ParameterError(
            f"n_carriers and block must be whole numbers of at least 1, got {n_carriers!r} and "
            f"{block!r}; mend them."
        )
    if not tau_s > 0:
        raise ParameterError(f"tau_s must be positive (inf is allowed), got {tau_s!r}; mend it.")
    matrix = check_spin_orbit(np.zeros((2, 2)) if spin_orbit is None else spin_orbit)
    first_spin = check_axis("spin", spin)
    if first_spin.shape != (3,):
        raise ParameterError(f"spin must have three components, got {first_spin.size}; mend it.")
    n_carriers, block = int(n_carriers), int(block)
    if start is not None:
        start = np.broadcast_to(np.asarray(start), (n_carriers,))
        if start.dtype.kind not in "iu" or start.min() < 0 or start.max() >= network.n_sites:
            raise ParameterError(
                f"start must hold site numbers 0 .. {network.n_sites - 1}, got {start.min()!r} .. "
                f"{start.max()!r}; mend it."
            )
    rows = hop_rows(network, matrix)
    share = np.cumsum(network.occupation)
    share /= share[-1]
    site = np.empty((n_carriers, time.size), np.int64)
    displacement = np.empty((n_carriers, time.size, 2))
    spins = np.empty((n_carriers, time.size, 3))
    for b, begin in enumerate(range(0, n_carriers, block)):
        part = slice(begin, min(begin + block, n_carriers))
        stream = random_stream(seed, b)
        if start is None:
            first = np.searchsorted(share, stream.random(part.stop - begin), side="right")
        else:
            first = start[part]
        kernels.walk_carriers(
            *rows,
            time,
            np.ascontiguousarray(first, np.int64),
            first_spin,
            stream,
            site[part],
            displacement[part],
            spins[part],
        )
    spins *= np.exp(-time / tau_s)[:, None]
    return Walk(
        network,
        read_only(time),
        read_only(site, np.int64),
        read_only(displacement),
        read_only(spins),
    )


def hop_rows(network, spin_orbit):
    """Rows of the graph with what each hop out of a site does.

    Returns
    -------
    row_start, row_neighbour, running_rate, step, turn
        As `hopnet.kernels.walk.walk_carriers` takes them.
    """
    n_neighbours = np.diff(network.row_start)
    origin = np.repeat(np.arange(network.n_sites), n_neighbours)
    link = network.row_link
    rate = np.exp(network.log_conductance[link] - network.log_occupation[origin])  # 1 / tau_ji
    forward = network.link_i[link] == origin
    sign = np.where(forward, 1.0, -1.0)[:, None]
    turn = hop_rotations(network, spin_orbit)[link]  # of the hop j -> i, i < j
    turn[:, 1:] *= -sign
    running = np.empty_like(rate)
    for i in range(network.n_sites):
        row = slice(network.row_start[i], network.row_start[i + 1])
        running[row] = np.cumsum(rate[row])
    step = np.ascontiguousarray(sign * network.separation[link])
    return network.row_start, network.row_neighbour, running, step, np.ascontiguousarray(turn)


def expected_walk(network, time, *, spin_orbit=None, spin=(0.0, 1.0, 0.0), tau_s=np.inf):
    """What `walk` must find on average from equilibrium, by dense diagonalisation.

    Parameters
    ----------
    network : Network
        Up to 1000 sites, on a torus.
    time : array_like, in tau_0
    spin_orbit : array_like[2, 2], optional
    spin : array_like[3]
    tau_s : float

    Returns
    -------
    mean_square : float64[n_times], in a_b^2
        Of x^2 + y^2.
    spin : float64[n_times, 3]
    """
    if network.n_sites > DENSE_SITES or network.sites.geometry != "torus":
        raise ParameterError(
            f"expected_walk takes a torus of up to {DENSE_SITES} sites, got a network of "
            f"{network.n_sites} sites, {network.sites.geometry!r}; take another sample."
        )
    time = check_axis("time", time, least=0.0)
    matrix = check_spin_orbit(np.zeros((2, 2)) if spin_orbit is None else spin_orbit)
    n, K, R = network.occupation, network.conductance, network.separation
    i, j, root = network.link_i, network.link_j, np.sqrt(n)

    block = hopping_block(network, np.zeros((2, 2)), "rotation")[::3, ::3].toarray()
    rate, mode = np.linalg.eigh(block / root[:, None] / root)
    moving = rate > 1e-12 * rate[-1]
    rate, mode = rate[moving], mode[:, moving]
    square = np.zeros(time.size)
    for x in (0, 1):
        drift = np.bincount(i, K * R[:, x], n.size) - np.bincount(j, K * R[:, x], n.size)
        weight = (mode.T @ (drift / root)) ** 2
        square += 2 * time * (np.sum(K * R[:, x] ** 2) - np.sum(weight / rate))
        square += 2 * (-np.expm1(-np.multiply.outer(time, rate)) / rate**2) @ weight

    wide = np.repeat(root, 3)
    block = hopping_block(network, matrix, "rotation").toarray()
    rate, mode = np.linalg.eigh(block / wide[:, None] / wide)
    start = mode.T @ (wide * np.tile(np.asarray(spin, dtype=np.float64), n.size))
    state = (np.exp(-np.multiply.outer(time, rate)) * start) @ mode.T * wide
    mean = state.reshape(time.size, -1, 3).sum(axis=1) * np.exp(-time / tau_s)[:, None]
    return square / n.sum(), mean / n.sum()
