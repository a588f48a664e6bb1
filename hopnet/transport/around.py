"""The steady state of single carriers around a periodic sample in a field.

The elimination of the opened strip (`hopnet.transport.seam`) leaves a Markov chain of the sites of
the seam, which is solved as a dense matrix. All steps add, multiply and divide non-negative
numbers. Net flows follow from ratios of u = p / n, and from corrections as between contacts.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hopnet.elimination.directed import DirectedFactor, factor_directed
from hopnet.network.network import INNER
from hopnet.transport.balance import net_flow, unbalanced_sites
from hopnet.transport.bias import CORRECTIONS, correction_of_drop, gross_flows
from hopnet.transport.seam import Seam, does_not_close
from hopnet.transport.tilted import LogRates, check_pivots, flows_of_ratios, largest_scale

__all__ = ["Around", "Closed", "close_with", "solve_around"]

# Largest logarithm of a ratio of u between sites of the seam of which the exponential is taken. A
# larger one would leave no room for products within the range of floats; a smaller one would lose
# ratios that count.
WIDE = 600.0


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


class Around(NamedTuple):
    """Steady state of one carrier around a sample.

    Attributes
    ----------
    factored : DirectedFactor
        Elimination of the opened strip.
    closed : Closed
    velocity : float
        Mean velocity in a_b times exp(scale).
    occupation : float64[n_sites]
        The sum is 1.
    flow : float64[n_links]
        In units of exp(scale).
    drop : float64[n_links]
    gross : (float64[n_links], float64[n_links])
        p_i a_ij and p_j a_ji of one carrier, in the unit of the flows.
    imbalance : float
    scale : float
        Logarithm of the unit of rates, velocity and flows.
    """

    factored: DirectedFactor
    closed: Closed
    velocity: float
    occupation: np.ndarray
    flow: np.ndarray
    drop: np.ndarray
    gross: tuple[np.ndarray, np.ndarray]
    imbalance: float
    scale: float


def solve_around(
    seam: Seam,
    rates: LogRates,
    log_n: np.ndarray,
    turn: float,
    threads: int | None,
    *,
    with_flows: bool = True,
) -> Around:
    """The steady state of single carriers with given rates around a sample.

    Parameters
    ----------
    seam : Seam
    rates : LogRates
        Rates of every link.
    log_n : float64[n_sites]
        Logarithm of the occupation in equilibrium without the field, for which n_i a_ij = n_j a_ji.
    turn : float
        Field times period, in kT.
    threads : int, optional
    with_flows : bool
        Without them drops and flows are empty, and the imbalance is nan.
    """
    network, n = seam.network, seam.network.n_sites
    log_n = np.append(log_n, log_n[seam.seam]) + (turn / seam.period) * seam.place
    unit = largest_scale(kept_rates(rates, seam))
    with np.errstate(over="ignore"):
        rate_ij, rate_ji = (np.exp(one - unit) for one in rates)
    factored = factor_directed(seam.symbolic, rate_ij, rate_ji, threads=threads)
    check_pivots(factored)
    closed = close_seam(seam, factored, rate_ij, rate_ji)
    p = factored.occupation(np.zeros(n + seam.seam.size), np.tile(closed.occupation, 2))[:n]
    total = float(p.sum())
    gross = gross_flows(network, p, rate_ij, rate_ji)
    # Velocity, from the ratios of u between the sites of the seam.
    ratios = seam_ratios(seam, closed, log_n, turn)
    share = closed.occupation / total
    if turn > 0:
        around = closed.up * -np.expm1(-(turn + ratios.ratio))
    else:
        around = closed.down * np.expm1(turn - ratios.ratio)
    velocity = seam.period * (share[:, None] * around).sum()
    chain = SeamChain(factored, closed, np.append(p, closed.occupation), log_n, ratios, turn)
    flow = drop = np.zeros(0)
    imbalance = float("nan")
    if with_flows:
        flow, drop, imbalance = link_flows(seam, chain, gross)
    return Around(
        factored=factored,
        closed=closed,
        velocity=float(velocity),
        occupation=p / total,
        flow=flow / total,
        drop=drop,
        gross=(gross[0] / total, gross[1] / total),
        imbalance=imbalance,
        scale=unit,
    )


class SeamRatios(NamedTuple):
    """Ratios of u = p / n between the low copies of the seam.

    Attributes
    ----------
    ratio : float64[n_seam, n_seam]
        ln(u_i / u_j).
    near : bool[n_seam, n_seam]
        Whether the ratio is computed from differences, because u_i and u_j are near each other.
    excess : float64[n_seam]
        sum_i v_ki n_i / n_k - 1 of the closed chain, computed without this subtraction.
    """

    ratio: np.ndarray
    near: np.ndarray
    excess: np.ndarray


class SeamChain(NamedTuple):
    """Chain of the strip and of the seam, for both passes of the flows.

    Attributes
    ----------
    factored : DirectedFactor
    closed : Closed
    occupation, log_n : float64[n_sites + n_seam]
        p in the unit of the last site of the seam, and ln n, of every node of the strip.
    ratios : SeamRatios
    turn : float
        Field times period, in kT.
    """

    factored: DirectedFactor
    closed: Closed
    occupation: np.ndarray
    log_n: np.ndarray
    ratios: SeamRatios
    turn: float


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


def seam_ratios(seam: Seam, closed: Closed, log_n: np.ndarray, turn: float) -> SeamRatios:
    """ln(u_i / u_j) between the low copies of the seam, without a cancellation.

    u_k / u_j - 1 = excess_k + sum_i v_ki (n_i / n_k) (u_i / u_j - 1), where d_k n_k excess_k is
    the source at k due to the field around the ring,
    (1 - exp(-F L)) sum_j (n_j a+_jk - n_k a+_kj).
    """
    m = seam.seam.size
    own = log_n[seam.seam]
    weight = seam_weights(seam, log_n)
    around = weight[:, None] * (closed.up if turn > 0 else closed.down)
    around *= -np.expm1(-abs(turn))
    feed = around.sum(axis=0) - around.sum(axis=1)
    size_of_feed = around.sum(axis=0) + around.sum(axis=1)
    for k in range(m):
        feed[k + 1 :] += closed.going[k, k + 1 :] * feed[k]
        size_of_feed[k + 1 :] += closed.going[k, k + 1 :] * size_of_feed[k]
    excess = np.zeros(m)
    for k in range(m - 1):
        rate = closed.pivot[k] * weight[k]
        # Where terms of both signs far exceed their sum, the plain sum of weights is better.
        if rate > 0.5 * size_of_feed[k]:
            excess[k] = feed[k] / rate
        else:
            excess[k] = closed.coming[k, k + 1 :] @ np.exp(own[k + 1 :] - own[k]) - 1.0
    with np.errstate(divide="ignore"):
        direct = np.log(closed.occupation) - own
    # r[i, j] = u_i / u_j - 1 where u_i and u_j are near each other.
    ratio, r = np.zeros((2, m, m))
    near = np.ones((m, m), np.bool_)
    for k in range(m - 2, -1, -1):
        later = slice(k + 1, m)
        v = closed.coming[k, later] * np.exp(own[later] - own[k])
        row = excess[k] + v @ r[later, later]
        size = abs(excess[k]) + v @ np.abs(r[later, later])
        far = direct[k] - direct[later]
        near[k, later] = near[later, k] = (size < 0.5) & np.isfinite(row)
        ratio[k, later] = np.where(
            near[k, later], np.log1p(np.where(near[k, later], row, 0.0)), far
        )
        r[k, later] = np.expm1(np.clip(ratio[k, later], -WIDE, WIDE))
        r[later, k] = np.expm1(np.clip(-ratio[k, later], -WIDE, WIDE))
        ratio[later, k] = -ratio[k, later]
    return SeamRatios(ratio, near, excess)


def seam_corrections(chain: SeamChain, seam: Seam, injection: np.ndarray) -> np.ndarray:
    """(du_i - du_j) / max(u_i, u_j) between all copies of the seam, for given sources.

    Between low copies, with b_k the source at site k of the closed chain::

        du_k - du_j = b_k / (d_k n_k) + sum_i v_ki (n_i / n_k) (du_i - du_j) + excess_k du_j

    A high copy has the same dp at n exp(F L), so its du is smaller by exp(-F L): from a low copy i
    to a high copy j the difference is larger by (1 - exp(-F L)) du_j.

    Parameters
    ----------
    chain : SeamChain
    seam : Seam
    injection : float64[n_sites + n_seam]
        What is fed into each node; the sum is zero.

    Returns
    -------
    float64[2 n_seam, 2 n_seam]
    """
    closed, m = chain.closed, seam.seam.size
    n_e = chain.factored.pivot.shape[0]
    inside = injection.copy()
    inside[seam.seam] = 0.0
    arrived = chain.factored.forward(inside)[n_e:-1, 0]
    fed = arrived[:m] + arrived[m:] + injection[seam.seam]
    for k in range(m):
        fed[k + 1 :] += closed.going[k, k + 1 :] * fed[k]
    p, own = closed.occupation, chain.log_n[seam.seam]
    ratio, near = chain.ratios.ratio, chain.ratios.near
    # relative[k] = du_k / u_k, and t[k, j] = (du_k - du_j) / u_j.
    q, relative = np.zeros((2, m))
    t = np.zeros((m, m))
    lift = np.exp(np.clip(ratio, -WIDE, WIDE))
    for k in range(m - 2, -1, -1):
        later = slice(k + 1, m)
        given = fed[k] / closed.pivot[k] if closed.pivot[k] > 0 else 0.0
        q[k] = given + closed.coming[k, later] @ q[later]
        relative[k] = q[k] / p[k] if p[k] > 0 else 0.0
        v = closed.coming[k, later] * np.exp(own[later] - own[k])
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            source = given / p[later] * np.exp(own[later] - own[k])
            carried = source + v @ t[later, later] + chain.ratios.excess[k] * relative[later]
        direct = relative[k] * lift[k, later] - relative[later]
        t[k, later] = np.where(near[k, later] & np.isfinite(carried), carried, direct)
        t[later, k] = -t[k, later] * lift[later, k]
    top = np.maximum(ratio, 0.0)
    level = np.where(
        near,
        t * np.exp(-top),
        relative[:, None] * np.exp(ratio - top) - relative * np.exp(-top),
    )
    top = np.maximum(ratio, -chain.turn)
    lowered = -np.exp(-top) * np.expm1(-chain.turn) if chain.turn > 0 else np.exp(-top)
    if chain.turn < 0:
        lowered = np.exp(-chain.turn - top) * np.expm1(chain.turn)
    upward = np.where(
        near,
        t * np.exp(-top) + relative * lowered,
        relative[:, None] * np.exp(ratio - top) - relative * np.exp(-chain.turn - top),
    )
    return np.block([[level, upward], [-upward.T, level]])


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
    seam: Seam, chain: SeamChain, gross: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray, float]:
    """Net flow and drop of every link, and the imbalance of the flows.

    Parameters
    ----------
    seam : Seam
    chain : SeamChain
    gross : (p_i a_ij, p_j a_ji)
        Each float64[n_links].
    """
    network, n, m = seam.network, seam.network.n_sites, seam.seam.size
    ratio, turn = chain.ratios.ratio, chain.turn
    # High copies hold the same p at n exp(F L): u falls by exp(-F L) around the sample.
    fixed = np.block([[ratio, ratio + turn], [ratio - turn, ratio]])
    copies = np.append(seam.seam, n + np.arange(m))
    ends = np.tile(chain.closed.occupation, 2), chain.log_n[copies]
    start, stop = seam.link_copies()
    left_out = ~seam.kept[network.link_i]

    def flow_of_first_pass():
        log_ratio = chain.factored.log_ratios(chain.occupation, chain.log_n, ends, fixed)
        log_ratio[seam.seam_link] = fixed[start, stop]
        log_ratio[left_out] = 0.0
        return log_ratio, *flows_of_ratios(gross, log_ratio)

    log_ratio, flow, larger = flow_of_first_pass()
    for number in range(CORRECTIONS):
        net, unbalanced = unbalanced_sites(network, flow, np.full(n, INNER))
        if number > 0 and not unbalanced.any():
            break
        # Rounding of larger flows must not be fed in twice: it would disturb the small ones.
        fed = np.append(-np.where(unbalanced | (number == 0), net, 0.0), np.zeros(m))
        between = seam_corrections(chain, seam, fed)
        fed[seam.seam] = 0.0
        correction = chain.factored.corrections(
            chain.occupation, chain.log_n, ends, fixed, between, fed
        )
        correction[seam.seam_link] = between[start, stop]
        correction[left_out] = 0.0
        flow = flow + larger * correction
        log_ratio = log_ratio + correction_of_drop(log_ratio, correction)
    total = np.abs(flow).sum()
    imbalance = np.abs(net_flow(network, flow)).sum() / total if total > 0 else 0.0
    return flow, log_ratio, float(imbalance)
