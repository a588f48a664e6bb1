"""Drift: velocity, mobility and diffusion of single carriers in a field of any strength.

The sample is periodic along the field, so there are no contacts and each carrier drifts for ever.
The elimination of the opened strip (`hopnet.transport.seam`) leaves a Markov chain of the sites of
the seam, which is solved as a dense matrix. All steps add, multiply and divide non-negative
numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from hopnet.checks import instance_of, number
from hopnet.elimination.directed import DirectedFactor, factor_directed
from hopnet.errors import ParameterError
from hopnet.network.energies import Bath
from hopnet.network.network import Network
from hopnet.records import read_only
from hopnet.transport.balance import net_flow
from hopnet.transport.bias import gross_flows
from hopnet.transport.current import in_unit
from hopnet.transport.seam import Seam, check_ring_axis, does_not_close, open_along
from hopnet.transport.tilted import (
    LogRates,
    check_pivots,
    energy_steps,
    equilibrium,
    flows_of_ratios,
    largest_scale,
    log_overlap,
    log_rates,
    own_bath,
)

__all__ = ["Drift", "drift_of_seam", "solve_drift"]

# Largest field times period, in kT. Logarithms of occupations reach this size, so they are rounded
# to LARGEST * eps = 2e-10. With a larger value, small flows would be less accurate than this.
LARGEST = 1e6
# Smallest field times period in kT: below, velocities and their inverses leave the range of floats.
SMALLEST = 1e-100


@dataclass(frozen=True, eq=False)
class Drift:
    """Steady drift of single carriers in a uniform field along a periodic axis.

    Attributes
    ----------
    network : Network
    field : float, in kT/(e a_b)
        Positive drives carriers towards larger coordinates.
    axis : {"x", "y"}
    velocity : float, in a_b / tau_0
        Mean velocity of a carrier in the largest cluster.
    diffusion : float, in a_b^2 / tau_0
        Longitudinal diffusion constant at this field; tends to velocity / field in a weak field.
    occupation : float64[n_sites]
        Probability to find a carrier on each site; the sum is 1, and 0 outside the cluster.
    flow : float64[n_links], in 1/tau_0
        Net flow from i to j, for one carrier in the sample.
    drop : float64[n_links], in kT/e
        Drop of the electrochemical potential from i to j, ln(u_i / u_j) with u = p / n, along the
        link. Around the sample drops add up to field times period.
    imbalance : float
        Sum over sites of abs(net flow), divided by the sum over links of abs(flow).
    """

    network: Network
    field: float
    axis: str
    velocity: float
    diffusion: float
    occupation: np.ndarray
    flow: np.ndarray
    drop: np.ndarray
    imbalance: float

    @property
    def mobility(self) -> float:
        """velocity / field, in a_b^2 / tau_0 per kT: the diffusion constant in a weak field."""
        return self.velocity / self.field

    @property
    def mean_energy(self) -> float:
        """Mean energy of a carrier, in the unit of the site energies; 0 without energies."""
        energy = self.network.sites.energy
        return 0.0 if energy is None else float(self.occupation @ energy)


class Closed(NamedTuple):
    """The Markov chain of the sites of the seam, after all other sites are eliminated.

    Attributes
    ----------
    stay, up, down : float64[n_seam, n_seam]
        Rates that go around the sample by 0, +1 and -1 turns.
    going, coming : float64[n_seam, n_seam]
        w_kj and v_ki of the closed chain, j and i later than k.
    pivot : float64[n_seam]
    occupation : float64[n_seam]
        Stationary occupation, 1 at the last site.
    """

    stay: np.ndarray
    up: np.ndarray
    down: np.ndarray
    going: np.ndarray
    coming: np.ndarray
    pivot: np.ndarray
    occupation: np.ndarray


def solve_drift(
    network: Network,
    field: float,
    *,
    axis: str | None = None,
    bath: Bath | None = None,
    threads: int | None = None,
) -> Drift:
    """Steady drift of few carriers in a uniform field of any strength.

    Equation [field 5], a+_ij the rate from seam site i once around the sample to j, u = p / n::

        v = L sum_ij p_i a+_ij (1 - exp(-F L) u_j / u_i)        sum_i p_i = 1

    Parameters
    ----------
    network : Network
        A torus, or a cylinder (the field then runs around it, along y), with or without energies.
        Few carriers: a network built with a chemical potential is refused.
    field : float, in kT/(e a_b)
        e F a_b / kT, not zero. The speeds at F and -F differ, because a random sample is not
        symmetric; in their mean the terms of even order in F cancel.
    axis : {"x", "y"}, optional
        Direction of the field; by default y on a cylinder, the network's axis on a torus.
    bath : {"ohmic", "miller_abrahams", "heat_bath"} or callable, optional
        Default: the bath of the network, "ohmic" for equal energies.
    threads : int, optional
        The numbers do not depend on it.

    Returns
    -------
    Drift

    Raises
    ------
    ParameterError
        A sample without a periodic axis, exclusion, a field of zero or out of range, or rates that
        leave the range of floats.
    NotPercolatingError
        If the largest cluster does not close around the sample.

    Notes
    -----
    Links are those of the network. From e F l_c = kT on longer links carry current: build the
    network with cutoff=2.5 or more. In a strong field the velocity of dilute samples falls with
    their size, since rare traps decide it: average 1/v over samples, and state the size.

    Examples
    --------
    >>> import hopnet as hn
    >>> sites = hn.random_sites(600, density=0.05, seed=4, geometry="torus")
    >>> network = hn.build_network(sites)
    >>> weak = hn.solve_drift(network, 1e-9)
    >>> bool(abs(weak.mobility / weak.diffusion - 1) < 1e-6)
    True
    """
    instance_of("network", network, Network, "make it with hopnet.build_network")
    number_of_axis = check_ring_axis(network, axis)
    if network.exclusion:
        raise ParameterError(
            "solve_drift is for few carriers, this network was built with chemical_potential=; "
            "leave that out."
        )
    seam = open_along(network, number_of_axis)
    return drift_of_seam(seam, field, bath=bath, threads=threads)


def drift_of_seam(
    seam: Seam, field: float, *, bath: Bath | None = None, threads: int | None = None
) -> Drift:
    """`solve_drift` on a sample that has been opened already, for many fields.

    Parameters
    ----------
    seam : Seam
        From `hopnet.transport.seam.open_along`.
    field, bath, threads
        As in `solve_drift`.
    """
    network = seam.network
    field = number("field", field, low=-LARGEST, high=LARGEST, unit="kT/(e a_b)")
    turn = field * seam.period
    if not SMALLEST <= abs(turn) <= LARGEST:
        raise ParameterError(
            f"field times the length of the sample must be from {SMALLEST:g} to {LARGEST:g} kT, "
            f"got {turn:g} kT; for Ohm's law take a field of 1e-9."
        )
    step = energy_steps(network) - field * seam.along
    rates = log_rates(log_overlap(network), own_bath(network, bath), step)
    log_n = equilibrium(network)
    log_n = np.append(log_n, log_n[seam.seam]) + field * seam.place
    unit = largest_scale(kept_rates(rates, seam))
    with np.errstate(over="ignore"):
        rate_ij, rate_ji = (np.exp(one - unit) for one in rates)
    factored = factor_directed(seam.symbolic, rate_ij, rate_ji, threads=threads)
    check_pivots(factored)
    closed = close_seam(seam, factored, rate_ij, rate_ji)
    p = factored.occupation(
        np.zeros(network.n_sites + seam.seam.size), np.tile(closed.occupation, 2)
    )[: network.n_sites]
    total = float(p.sum())
    gross = gross_flows(network, p, rate_ij, rate_ji)
    # Velocity, from the ratios of u between the sites of the seam.
    ratio = seam_ratios(seam, closed, log_n, turn)
    share = closed.occupation / total
    around = -np.expm1(-(turn + ratio))
    if turn > 0:
        velocity = seam.period * (share[:, None] * closed.up * around).sum()
    else:
        around = -np.expm1(turn - ratio)
        velocity = -seam.period * (share[:, None] * closed.down * around).sum()
    diffusion = diffusion_of(seam, factored, closed, p / total, float(velocity))
    flow, drop, imbalance = link_flows(seam, factored, closed, (p, gross), (log_n, ratio, turn))
    return Drift(
        network=network,
        field=field,
        axis="xy"[seam.axis],
        velocity=float(in_unit(velocity, unit)),
        diffusion=float(in_unit(diffusion, unit)),
        occupation=read_only(p / total),
        flow=read_only(in_unit(flow / total, unit)),
        drop=read_only(drop),
        imbalance=imbalance,
    )


def kept_rates(rates: LogRates, seam: Seam) -> LogRates:
    """The rates of the links of the cluster that is solved for."""
    inside = seam.kept[seam.network.link_i]
    return LogRates(rates.going[inside], rates.coming[inside])


def close_seam(
    seam: Seam, factored: DirectedFactor, rate_ij: np.ndarray, rate_ji: np.ndarray
) -> Closed:
    """The chain of the sites of the seam after the strip is closed, and its occupation."""
    m = seam.seam.size
    t = factored.terminal_rate[:-1, :-1]
    stay = t[:m, :m] + t[m:, m:]
    up, down = t[:m, m:].copy(), t[m:, :m].copy()
    number_of = seam.seam_number
    a = number_of[seam.network.link_i[seam.seam_link]]
    b = number_of[seam.network.link_j[seam.seam_link]]
    for turns, there, back in ((0, stay, stay), (1, up, down), (-1, down, up)):
        one = seam.seam_turn == turns
        np.add.at(there, (a[one], b[one]), rate_ij[seam.seam_link[one]])
        np.add.at(back, (b[one], a[one]), rate_ji[seam.seam_link[one]])
    if not (np.any(up > 0) or np.any(down > 0)):
        raise does_not_close(seam.network, seam.axis)
    rest = stay + up + down
    np.fill_diagonal(rest, 0.0)
    going, coming, pivot = np.zeros((m, m)), np.zeros((m, m)), np.zeros(m)
    for k in range(m - 1):
        pivot[k] = rest[k, k + 1 :].sum()
        if pivot[k] > 0:
            going[k, k + 1 :] = rest[k, k + 1 :] / pivot[k]
            coming[k, k + 1 :] = rest[k + 1 :, k] / pivot[k]
            rest[k + 1 :, k + 1 :] += np.outer(rest[k + 1 :, k], going[k, k + 1 :])
            np.fill_diagonal(rest, 0.0)
    occupation = np.zeros(m)
    occupation[-1] = 1.0
    for k in range(m - 2, -1, -1):
        occupation[k] = coming[k, k + 1 :] @ occupation[k + 1 :]
    return Closed(stay, up, down, going, coming, pivot, occupation)


def seam_weights(seam: Seam, log_n: np.ndarray) -> np.ndarray:
    """n of the low copies of the seam over the largest of them."""
    own = log_n[seam.seam]
    return np.exp(own - own.max())


def seam_ratios(seam: Seam, closed: Closed, log_n: np.ndarray, turn: float) -> np.ndarray:
    """ln(u_i / u_j) between the low copies of the seam, without a cancellation.

    u_k / u_j - 1 = m_k / (d_k n_k) + sum_i v_ki (n_i / n_k) (u_i / u_j - 1), where m_k collects
    what the field feeds in around the ring, (1 - exp(-F L)) sum_j (n_j a+_jk - n_k a+_kj).
    """
    m = seam.seam.size
    own = log_n[seam.seam]
    weight = seam_weights(seam, log_n)
    around = weight[:, None] * (closed.up if turn > 0 else closed.down)
    around *= -np.expm1(-abs(turn))
    feed = around.sum(axis=0) - around.sum(axis=1)
    for k in range(m):
        feed[k + 1 :] += closed.going[k, k + 1 :] * feed[k]
    with np.errstate(divide="ignore"):
        direct = np.log(closed.occupation) - own
    # r[i, j] = u_i / u_j - 1 where u_i and u_j are near each other.
    ratio = np.zeros((m, m))
    r = np.zeros((m, m))
    for k in range(m - 2, -1, -1):
        later = slice(k + 1, m)
        v = closed.coming[k, later] * np.exp(own[later] - own[k])
        given = feed[k] / (closed.pivot[k] * weight[k]) if weight[k] > 0 else 0.0
        row = given + v @ r[later, later]
        size = abs(given) + v @ np.abs(r[later, later])
        far = direct[k] - direct[later]
        near = (size < 0.5) & np.isfinite(row)
        ratio[k, later] = np.where(near, np.log1p(np.where(near, row, 0.0)), far)
        r[k, later] = np.expm1(np.clip(ratio[k, later], -600.0, 600.0))
        r[later, k] = np.expm1(np.clip(-ratio[k, later], -600.0, 600.0))
        ratio[later, k] = -ratio[k, later]
    return ratio


def diffusion_of(
    seam: Seam, factored: DirectedFactor, closed: Closed, p: np.ndarray, velocity: float
) -> float:
    """Longitudinal diffusion constant; displacements of +-L are counted at the high copies.

    Equation [field 6]: the first moment q of the displacement obeys the equation of the occupation
    with -v p fed in at every site, and with the turns L (p a+ - p a-) at the seam. Then
    D = L sum q_i (a+_ij - a-_ij) + L own + L^2 (J+ + J-) / 2, with q shifted by p so that
    sum q = 0 at the moments when the turns are counted.
    """
    n, m, L = seam.network.n_sites, seam.seam.size, seam.period
    n_e = factored.pivot.shape[0]
    share = p[seam.seam]
    injection = np.zeros(n + m)
    injection[:n] = np.where(seam.kept, -velocity * p, 0.0)
    injection[seam.seam] = 0.0
    own = factored.forward(injection)[n_e:-1, 0]
    b = own[:m] + own[m:] - velocity * share + L * (share @ closed.up - share @ closed.down)
    q = close_with(closed, b)
    everywhere = factored.occupation(injection, np.tile(q, 2))[:n]
    # Mean time in the strip after a high copy: what waits there has not counted its turn yet.
    ones = np.zeros(n + m)
    ones[:n] = seam.kept
    ones[seam.seam] = 0.0
    stay = factored.forward(ones, factored.weights[1])[n_e + m : -1, 0]
    q = q - share * (everywhere.sum() - L * (share @ stay))
    turns = closed.up.sum(axis=1), closed.down.sum(axis=1)
    both = share @ turns[0] + share @ turns[1]
    return float(L * (q @ turns[0] - q @ turns[1]) + L * own[m:].sum() + 0.5 * L * L * both)


def close_with(closed: Closed, injection: np.ndarray) -> np.ndarray:
    """The solution of the dense chain for what is fed into the sites of the seam; last one 0."""
    q = injection.copy()
    m = q.size
    for k in range(m):
        q[k + 1 :] += closed.going[k, k + 1 :] * q[k]
    q[-1] = 0.0
    for k in range(m - 2, -1, -1):
        own = q[k] / closed.pivot[k] if closed.pivot[k] > 0 else 0.0
        q[k] = own + closed.coming[k, k + 1 :] @ q[k + 1 :]
    return q


def link_flows(
    seam: Seam,
    factored: DirectedFactor,
    closed: Closed,
    steady: tuple[np.ndarray, tuple[np.ndarray, np.ndarray]],
    potential: tuple[np.ndarray, np.ndarray, float],
) -> tuple[np.ndarray, np.ndarray, float]:
    """Net flow and drop of every link, and the imbalance of the flows.

    Parameters
    ----------
    steady : (p, gross flows)
        From the elimination, p in the unit of the last site of the seam.
    potential : (log_n, ratio, turn)
        ln n of every node, ln(u_i / u_j) of the low copies, and F L.
    """
    network, (p, gross) = seam.network, steady
    log_n, ratio, turn = potential
    # High copies hold the same p at n exp(F L): u falls by exp(-F L) around the sample.
    fixed = np.block([[ratio, ratio + turn], [ratio - turn, ratio]])
    copies = np.append(seam.seam, network.n_sites + np.arange(seam.seam.size))
    ends = np.tile(closed.occupation, 2), log_n[copies]
    by_node = np.append(p, closed.occupation)
    log_ratio = factored.log_ratios(by_node, log_n, ends, fixed)
    number_of = seam.seam_number
    a = number_of[network.link_i[seam.seam_link]]
    b = number_of[network.link_j[seam.seam_link]]
    log_ratio[seam.seam_link] = ratio[a, b] + turn * seam.seam_turn
    log_ratio[~seam.kept[network.link_i]] = 0.0
    flow, _ = flows_of_ratios(gross, log_ratio)
    net = net_flow(network, flow)
    total = np.abs(flow).sum()
    return flow, log_ratio, float(np.abs(net).sum() / total) if total > 0 else 0.0
