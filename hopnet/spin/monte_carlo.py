"""Kinetic Monte Carlo: carriers with spin on a network, an independent check of the equations."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import expm

from hopnet.checks import array_of, instance_of, number, site_numbers, whole
from hopnet.errors import ConvergenceError, ParameterError
from hopnet.kernels import walk as kernels
from hopnet.network.network import Network
from hopnet.records import Record, read_only
from hopnet.seeds import Seed, random_stream
from hopnet.spin.coefficients import check_spin_orbit
from hopnet.spin.dephasing import DENSE_SITES
from hopnet.spin.kinetics.checks import check_field
from hopnet.spin.kinetics.frames import hop_rotations
from hopnet.spin.kinetics.matrix import cross_matrices, hopping_block

__all__ = ["Walk", "expected_walk", "hop_rows", "walk", "walk_block"]

# Number of hops after which the compiled loop returns, so that an interrupt (Ctrl-C) has an effect.
# They take about a second. A larger number makes the effect later, a much smaller one costs time.
HOPS_AT_ONCE = 2_000_000

# Largest number of hops by default, about three hours on one core. With a larger one, a run that
# was started by mistake would take longer.
MOST_HOPS = 1e10

# Largest number of carriers: each takes 48 bytes per time.
MOST_CARRIERS = 1_000_000_000

# Largest time, in tau_0, and one over the smallest tau_s. Products with larger ones would leave the
# range of floats.
LONGEST = 1e100

# Rates below this fraction of the largest one are the modes of conserved numbers, which carry no
# current; the fraction is about the number of sites times the rounding of a dense diagonalisation.
CONSERVED = 1e-12


@dataclass(frozen=True, eq=False)
class Walk(Record):
    """Sites, displacements and spins of all carriers at given times.

    Attributes
    ----------
    network : Network
    time : float64[n_times], in tau_0
        The times.
    site : int64[n_carriers, n_times]
        The site of each carrier.
    displacement : float64[n_carriers, n_times, dim], in a_b
        The vector from the first site to this one along the path, not wrapped into the sample.
    spin : float64[n_carriers, n_times, 3]
        The spin, of length 1 at the start; it shrinks by exp(-t / tau_s).
    """

    network: Network
    time: np.ndarray
    site: np.ndarray
    displacement: np.ndarray
    spin: np.ndarray

    def mean_square(self) -> np.ndarray:
        """Mean of x^2, of y^2 (and of z^2) at each time: float64[n_times, dim], in a_b^2."""
        return (self.displacement**2).mean(axis=0)

    def diffusion(self, early: int = 0, late: int = -1) -> tuple[float, float]:
        """D from the slope of the mean square displacement between two of the times.

        Parameters
        ----------
        early, late : int
            Numbers of the two times; the first must be long enough for the transient to be over.

        Returns
        -------
        value : float, in a_b^2 / tau_0
            Mean of D_xx, D_yy (and D_zz).
        standard_error : float, in a_b^2 / tau_0
            One standard error; carriers are independent.
        """
        n_times = self.time.size
        early = whole("early", early, low=-n_times, high=n_times - 1)
        late = whole("late", late, low=-n_times, high=n_times - 1)
        if not self.time[late] > self.time[early]:
            raise ParameterError(
                f"diffusion needs a later time after the earlier one, got {self.time[early]:g} and "
                f"{self.time[late]:g}; give two different times to walk()."
            )
        r2 = (self.displacement**2).sum(axis=2)
        axes = self.displacement.shape[2]
        slope = (r2[:, late] - r2[:, early]) / (2 * axes * (self.time[late] - self.time[early]))
        if slope.size < 2:
            raise ParameterError("diffusion needs two or more carriers, got 1; take more.")
        return float(slope.mean()), float(slope.std(ddof=1) / np.sqrt(slope.size))


def walk(
    network: Network,
    time: ArrayLike,
    *,
    n_carriers: int,
    seed: Seed,
    spin_orbit: ArrayLike | None = None,
    field: ArrayLike | None = None,
    start: ArrayLike | None = None,
    spin: ArrayLike = (0.0, 1.0, 0.0),
    tau_s: float = np.inf,
    block: int = 1000,
    most_hops: float = MOST_HOPS,
) -> Walk:
    """Kinetic Monte Carlo: exponential waiting times, no rejected hops, full rotation of spins.

    Spins turn in every hop [hopping 5b], and about the field of their site between hops
    [nuclei 1].

    Parameters
    ----------
    network : Network
        A network in any geometry (a torus for diffusion), with any energies.
    time : array_like, in tau_0
        Ascending times >= 0 at which the carriers are recorded.
    n_carriers : int
        Number of carriers.
    seed : int
        Each block of carriers has a Philox stream of its own, so that results do not depend on how
        blocks are distributed. Another ``block`` gives other carriers.
    spin_orbit : array_like[2, 2], optional
        The matrix M of half-angles per a_b, for sites in a plane; without it spins do not turn in
        hops.
    field : array_like[3] or [n_sites, 3], in 1/tau_0, optional
        Precession frequency of waiting spins, of all sites or of each (`hopnet.overhauser_fields`).
    start : int or array_like[n_carriers], optional
        First sites; by default they are drawn from equilibrium, in proportion to n_i.
    spin : array_like[3]
        Spin of every carrier at the start.
    tau_s : float, in tau_0
        Spin relaxation time, as the factor exp(-t / tau_s), which is exact on average; inf is
        allowed.
    block : int
        Number of carriers that share a stream of random numbers.
    most_hops : float
        Largest number of hops of all carriers together. A run that is expected to need more, or
        that does need more, is refused.

    Returns
    -------
    Walk

    Raises
    ------
    ParameterError
        If an argument is not allowed, or if more than ``most_hops`` hops are expected.
    ConvergenceError
        If more than ``most_hops`` hops were needed.

    Notes
    -----
    Cost: about 0.1 microseconds per hop and neighbour. A carrier on a pair of sites that is much
    closer than others hops back and forth most of the time; a ``min_distance`` between sites avoids
    this.

    Examples
    --------
    >>> import hopnet as hn
    >>> from hopnet.spin.monte_carlo import walk
    >>> network = hn.build_network(hn.random_sites(100, density=0.1, seed=3))
    >>> bool(walk(network, [0.0, 50.0], n_carriers=200, seed=5).mean_square()[1].min() > 0)
    True
    """
    network = check_network(network)
    network.check_dilute()
    time = check_times(time)
    n_carriers = check_count("n_carriers", n_carriers)
    block = check_count("block", block)
    tau_s = check_decay(tau_s)
    first_spin = check_spin(spin)
    if spin_orbit is not None:
        network.check_plane("a walk with spin_orbit")
    hops = hop_rows(network, check_form(spin_orbit), check_turning(network, field))
    first_sites = None if start is None else check_start(start, n_carriers, network.n_sites)
    left = number("most_hops", most_hops, low=1.0, infinite=True)
    expected = expected_hops(network, time[-1], n_carriers, first_sites)
    if expected > left:
        raise ParameterError(
            f"{n_carriers} carriers make about {expected:.2g} hops until t = {time[-1]:.4g}, more "
            f"than most_hops={left:.2g}; take shorter times, fewer carriers or a larger most_hops."
        )
    share = np.cumsum(network.occupation)
    share /= share[-1]
    found = kernels.Found(
        np.empty((n_carriers, time.size), np.int64),
        np.empty((n_carriers, time.size, network.sites.dimension)),
        np.empty((n_carriers, time.size, 3)),
    )
    for b, begin in enumerate(range(0, n_carriers, block)):
        part = slice(begin, min(begin + block, n_carriers))
        stream = random_stream(seed, b)
        if first_sites is None:
            first = np.searchsorted(share, stream.random(part.stop - begin), side="right")
        else:
            first = first_sites[part]
        own = kernels.Found(found.site[part], found.displacement[part], found.spin[part])
        left -= walk_block(hops, time, np.ascontiguousarray(first), first_spin, stream, left, own)
    decay = np.exp(-time / tau_s)[:, None]
    return Walk(
        network=network,
        time=read_only(time),
        site=read_only(found.site, np.int64),
        displacement=read_only(found.displacement),
        spin=read_only(found.spin * decay),
    )


def walk_block(
    hops: kernels.Hops,
    time: np.ndarray,
    first: np.ndarray,
    first_spin: np.ndarray,
    stream: np.random.Generator,
    left: float,
    found: kernels.Found,
) -> float:
    """Follow the carriers of one block to the last time; returns the number of hops."""
    progress, carrier = np.array([0, -1, 0]), np.zeros(4 + hops.step.shape[1])
    made = 0
    while progress[0] < first.size:
        if made >= left:
            raise ConvergenceError(
                f"the carriers needed more hops than most_hops allows, the last one was at t = "
                f"{carrier[0]:.4g} of {time[-1]:.4g}; take shorter times, fewer carriers or a "
                "larger most_hops.",
                iterations=made,
            )
        most = int(min(HOPS_AT_ONCE, left - made))
        made += kernels.walk_carriers(
            hops, time, first, first_spin, stream, most, progress, carrier, found
        )
    return made


def expected_hops(
    network: Network,
    longest: float,
    n_carriers: int,
    first_sites: np.ndarray | None,
) -> float:
    """Mean number of hops of all carriers until the longest time.

    It is exact for carriers from equilibrium, n = (sum of 2 K) / (sum of n_i) per time. Carriers
    from given sites are assumed to be in equilibrium within the cluster that they start in.
    """
    if first_sites is None:
        rate = 2.0 * network.conductance.sum() / network.occupation.sum()
        return n_carriers * longest * rate
    cluster, n = network.cluster, network.cluster.max() + 1
    flow = np.bincount(cluster[network.link_i], network.conductance, n)
    with np.errstate(invalid="ignore"):
        rate = 2.0 * flow / np.bincount(cluster, network.occupation, n)
    return float(longest * np.nan_to_num(rate)[cluster[first_sites]].sum())


def check_network(network: Network) -> Network:
    """The network, or a ParameterError if it is another object."""
    return instance_of("network", network, Network, "make it with hopnet.build_network")


def check_count(name: str, value: int) -> int:
    """A number of carriers."""
    return whole(name, whole(name, value, low=1), high=MOST_CARRIERS)


def check_times(time: ArrayLike) -> np.ndarray:
    """Ascending finite times >= 0 as an array."""
    found = array_of("time", time, low=0.0, high=LONGEST, hint="give ascending times in tau_0")
    if np.any(np.diff(found) < 0):
        raise ParameterError("time must ascend, got times in another order; sort them.")
    return found


def check_decay(tau_s: float) -> float:
    """A relaxation time above 0, which may be infinite."""
    return number("tau_s", tau_s, low=1 / LONGEST, infinite=True, unit="in tau_0")


def check_form(spin_orbit: ArrayLike | None) -> np.ndarray:
    """The 2x2 matrix M, zero if it is not given."""
    return np.zeros((2, 2)) if spin_orbit is None else check_spin_orbit(spin_orbit)


def check_spin(spin: ArrayLike) -> np.ndarray:
    """The three components of a spin."""
    return array_of("spin", spin, shape=(3,), hint="give three components")


def check_start(start: ArrayLike, n_carriers: int, n_sites: int) -> np.ndarray:
    """One site number for each carrier."""
    found = site_numbers("start", start, n_sites, f"give site numbers 0 .. {n_sites - 1}")
    if found.size not in (1, n_carriers):
        raise ParameterError(
            f"start must hold one site number or one per carrier ({n_carriers}), got {found.size}; "
            "correct it."
        )
    return np.ascontiguousarray(np.broadcast_to(found, (n_carriers,)))


def check_turning(network: Network, field: ArrayLike | None) -> np.ndarray:
    """float64[n_sites, 3]: precession frequency of every site; empty without a magnetic field."""
    if field is None:
        return np.empty((0, 3))
    found = check_field(network, field)
    return np.ascontiguousarray(np.broadcast_to(found, (network.n_sites, 3)))


def hop_rows(
    network: Network, spin_orbit: np.ndarray, field: np.ndarray | None = None
) -> kernels.Hops:
    """Every hop out of every site: its rate, its vector and the rotation of the spin.

    Parameters
    ----------
    network : Network
    spin_orbit : float64[2, 2]
        The matrix M of half-angles per a_b.
    field : float64[n_sites or 0, 3], optional
        Precession frequency of a spin that waits at each site.

    Returns
    -------
    Hops
        As `hopnet.kernels.walk.walk_carriers` takes them.
    """
    n_neighbours = np.diff(network.row_start)
    origin = np.repeat(np.arange(network.n_sites), n_neighbours)
    link = network.row_link
    rate = np.exp(network.log_conductance[link] - network.log_occupation[origin])  # 1 / tau_ji
    forward = network.link_i[link] == origin
    sign = np.where(forward, 1.0, -1.0)[:, None]
    if spin_orbit.any():
        turn = hop_rotations(network, spin_orbit)[link]  # of the hop j -> i, i < j
    else:
        turn = np.tile([1.0, 0.0, 0.0, 0.0], (link.size, 1))
    turn[:, 1:] *= -sign
    # Rates are added up row by row: one sum over all rows, less its value at the start of a row,
    # would lose the rates of slow sites in the rounding of the total.
    running = np.empty_like(rate)
    for i in range(network.n_sites):
        row = slice(network.row_start[i], network.row_start[i + 1])
        running[row] = np.cumsum(rate[row])
    return kernels.Hops(
        row_start=network.row_start,
        row_neighbour=network.row_neighbour,
        running_rate=running,
        step=np.ascontiguousarray(sign * network.separation[link]),
        turn=np.ascontiguousarray(turn),
        field=np.empty((0, 3)) if field is None else field,
    )


def expected_walk(
    network: Network,
    time: ArrayLike,
    *,
    spin_orbit: ArrayLike | None = None,
    field: ArrayLike | None = None,
    spin: ArrayLike = (0.0, 1.0, 0.0),
    tau_s: float = np.inf,
) -> tuple[np.ndarray, np.ndarray]:
    """The exact averages of `walk` from equilibrium, by dense diagonalisation.

    Parameters
    ----------
    network : Network
        A torus of up to 1000 sites.
    time : array_like, in tau_0
        Times >= 0.
    spin_orbit : array_like[2, 2], optional
        The matrix M of half-angles per a_b; without it spins do not turn in hops.
    field : array_like[3] or [n_sites, 3], in 1/tau_0, optional
        Precession frequency of waiting spins, of all sites or of each.
    spin : array_like[3]
        Spin of every carrier at the start.
    tau_s : float, in tau_0
        Spin relaxation time; inf is allowed.

    Returns
    -------
    mean_square : float64[n_times], in a_b^2
        Mean of x^2 + y^2.
    spin : float64[n_times, 3]
        Mean spin.
    """
    network = check_network(network)
    if network.n_sites > DENSE_SITES or network.sites.geometry != "torus":
        raise ParameterError(
            f"expected_walk takes a torus of up to {DENSE_SITES} sites, got a network of "
            f"{network.n_sites} sites, {network.sites.geometry!r}; take another sample."
        )
    network.check_plane("expected_walk")
    time = array_of("time", time, low=0.0, high=LONGEST, hint="give times in tau_0")
    matrix, first_spin, tau_s = check_form(spin_orbit), check_spin(spin), check_decay(tau_s)
    square = expected_square(network, time)
    turning = check_turning(network, field)
    total = expected_spin(network, matrix, turning, first_spin, time)
    total *= np.exp(-time / tau_s)[:, None]
    return square, total / network.occupation.sum()


def expected_square(network: Network, time: np.ndarray) -> np.ndarray:
    """float64[n_times]: the mean of x^2 + y^2 of carriers from equilibrium.

    With b = sum_j K_ij (R_j - R_i) in the modes k of rate r_k, for each axis::

        <x^2> sum n = 2 t [sum over links K x^2 - sum_k b_k^2 / r_k]
                      + 2 sum_k [1 - exp(-r_k t)] b_k^2 / r_k^2
    """
    n, K, R = network.occupation, network.conductance, network.separation
    i, j, root = network.link_i, network.link_j, np.sqrt(n)
    block = hopping_block(network, np.zeros((2, 2)), "rotation")[::3, ::3].toarray()
    rate, mode = np.linalg.eigh(block / root[:, None] / root)
    moving = rate > CONSERVED * rate[-1]
    rate, mode = rate[moving], mode[:, moving]
    square = np.zeros(time.size)
    for x in (0, 1):
        drift = np.bincount(i, K * R[:, x], n.size) - np.bincount(j, K * R[:, x], n.size)
        weight = (mode.T @ (drift / root)) ** 2
        square += 2 * time * (np.sum(K * R[:, x] ** 2) - np.sum(weight / rate))
        square += 2 * (-np.expm1(-np.multiply.outer(time, rate)) / rate**2) @ weight
    return square / n.sum()


def expected_spin(
    network: Network,
    spin_orbit: np.ndarray,
    field: np.ndarray,
    first_spin: np.ndarray,
    time: np.ndarray,
) -> np.ndarray:
    """float64[n_times, 3]: the spin of sum n_i carriers from equilibrium, without relaxation."""
    n = network.occupation
    wide = np.repeat(np.sqrt(n), 3)
    block = hopping_block(network, spin_orbit, "rotation").toarray()
    if field.size:
        for i, turn in enumerate(cross_matrices(field)):
            block[3 * i : 3 * i + 3, 3 * i : 3 * i + 3] -= n[i] * turn
        start = wide * np.tile(first_spin, n.size)
        flow = -block / wide[:, None] / wide
        state = np.stack([wide * (expm(t * flow) @ start) for t in time])
        return state.reshape(time.size, -1, 3).sum(axis=1)
    rate, mode = np.linalg.eigh(block / wide[:, None] / wide)
    start = mode.T @ (wide * np.tile(first_spin, n.size))
    state = (np.exp(-np.multiply.outer(time, rate)) * start) @ mode.T * wide
    return state.reshape(time.size, -1, 3).sum(axis=1)
