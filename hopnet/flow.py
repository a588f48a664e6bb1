"""Flow: how the current and its heat spread over links, paths and triads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hopnet.current import Current
from hopnet.elimination import analyse, factor
from hopnet.errors import ParameterError
from hopnet.percolation import percolation_threshold
from hopnet.records import read_only
from hopnet.spin import check_same_network, direction_across, spin_generation
from hopnet.triads import Triads, amplitudes, find_triads


@dataclass(frozen=True, eq=False)
class FlowStatistics:
    """Distribution of the current and of the dissipated power over links and cuts.

    Attributes
    ----------
    current : Current
    share : float64[n_links]
        |flow| / total current.
    power : float64[n_links]
        Share of the dissipated power, flow * drop / (I V); adds up to 1.
    cut : float64[n_cuts], in a_b
        Places of cuts across the current, between the contacts.
    cut_current : float64[n_cuts]
        Net flow through each cut over the total current: 1 by conservation.
    cut_paths : float64[n_cuts]
        sum of share / sum of share^2 over the links that cross: effective number of paths that
        carry it, at least 1. A path that crosses a cut three times counts once.
    cut_crossings : float64[n_cuts]
        sum of share over the links that cross: 1 where nothing runs back.
    """

    current: Current
    share: np.ndarray
    power: np.ndarray
    cut: np.ndarray
    cut_current: np.ndarray
    cut_paths: np.ndarray
    cut_crossings: np.ndarray

    @property
    def n_paths(self):
        """Effective number of parallel paths: mean over the cuts, each flow weighted by itself."""
        weight = self.cut_crossings
        return float(weight.sum() / np.sum(weight / self.cut_paths))

    @property
    def n_hot_links(self):
        """Effective number of links that dissipate, 1 / sum power^2."""
        return float(1.0 / np.sum(self.power**2))

    def moments(self, q):
        """Multifractal moments M_q = sum over links with flow of share^(2 q).

        Parameters
        ----------
        q : array_like[n]
            0 counts links with flow, 1 is the resistance of equal links, 2 their noise; large q
            counts links that carry all of it.

        Returns
        -------
        float64[n]

        Notes
        -----
        At negative or zero q, shares that are rounding of nothing (dead ends) would count: links
        with less than 1e-14 of the current are left out there.
        """
        q = np.atleast_1d(np.asarray(q, dtype=np.float64))
        share = self.share[self.share > 1e-14]
        return np.array([np.sum(share ** (2.0 * each)) for each in q])

    def power_by_length(self):
        """Share of the power in links up to each length.

        Returns
        -------
        length, power : float64[n_links]
            Lengths -ln(G rho_0) / 2 ascending, in a_b; running sum of the power.
        """
        length = -0.5 * self.current.network.log_conductance
        order = np.argsort(length, kind="stable")
        return length[order], np.cumsum(self.power[order])


def flow_statistics(current, *, n_cuts=64):
    """How the current spreads over links.

    Parameters
    ----------
    current : Current
    n_cuts : int
        Cuts across the current, evenly spaced between the contacts.

    Returns
    -------
    FlowStatistics

    Raises
    ------
    ParameterError
        If the contacts overlap along the current, so that no straight cut parts them.
    """
    network = current.network
    axis = "xy".index(network.axis)
    along = network.sites.position[:, axis]
    low, high = along[network.source].max(), along[network.drain].min()
    if not low < high:
        raise ParameterError(
            f"flow statistics need contacts that a straight cut parts, source reaches {low:.4g} "
            f"and drain begins at {high:.4g} a_b; use strips at two opposite edges."
        )
    total = current.conductance
    share = np.abs(current.flow) / total
    power = current.flow * current.drop / total
    cut = low + (high - low) * (np.arange(n_cuts) + 0.5) / n_cuts
    place = np.searchsorted(cut, along)
    first = np.minimum(place[network.link_i], place[network.link_j])
    last = np.maximum(place[network.link_i], place[network.link_j])
    forward = np.where(place[network.link_i] < place[network.link_j], 1.0, -1.0)

    def through(weight):
        step = np.bincount(first, weight, n_cuts + 1) - np.bincount(last, weight, n_cuts + 1)
        return np.cumsum(step)[:n_cuts]

    return FlowStatistics(
        current=current,
        share=read_only(share),
        power=read_only(power),
        cut=read_only(cut),
        cut_current=read_only(through(forward * current.flow / total)),
        cut_paths=read_only(through(share) / through(share**2)),
        cut_crossings=read_only(through(share)),
    )


def resistivity_ratio(current):
    """Resistivity over its percolation estimate, and the threshold of the same sample [hopping].

    The letter's estimate is rho = rho_0 exp(2 l_c / a_b), l_c the longest hop that the percolation
    path cannot avoid.

    Parameters
    ----------
    current : Current

    Returns
    -------
    ratio : float
        rho / (rho_0 exp(2 l_c / a_b)), l_c of this very sample between its contacts.
    threshold : Threshold
    """
    network = current.network
    threshold = percolation_threshold(network, "contacts")
    shape = np.log(network.across / network.along)
    return float(np.exp(shape - current.log_conductance - 2.0 * threshold.length)), threshold


@dataclass(frozen=True, eq=False)
class TriadShares:
    """What each triad adds to f.

    Attributes
    ----------
    triads : Triads
    tau_s : float, in tau_0
    contribution : float64[n_triads]
        Adds up to f(tau_s).
    """

    triads: Triads
    tau_s: float
    contribution: np.ndarray

    @property
    def side(self):
        """float64[n_triads, 3], a_b: sides, shortest first."""
        network = self.triads.network
        distance = np.hypot(network.separation[:, 0], network.separation[:, 1])
        return np.sort(distance[self.triads.link], axis=1)

    def accumulate(self, measure, at):
        """f from triads whose measure is at most each of ``at``.

        Parameters
        ----------
        measure : float64[n_triads]
            ``triads.perimeter``, ``side[:, 0]`` or any other.
        at : float64[n]

        Returns
        -------
        float64[n]
        """
        order = np.argsort(measure, kind="stable")
        running = np.concatenate([[0.0], np.cumsum(self.contribution[order])])
        return running[np.searchsorted(measure[order], at, side="right")]


def triad_shares(current, triads=None, *, tau_s=0.0):
    """Which triads carry f.

    Equations [hopping S42] and [hopping S44]; each triad adds, with gamma_i its own generation::

        tau_s = 0:  c sum_i y_i gamma_i
        tau_s > 0:  (c / tau_s) sum_i z_i gamma_i        (Lap + 1/tau_s) z = y

    Parameters
    ----------
    current : Current
    triads : Triads, optional
        Of the same network.
    tau_s : float, in tau_0

    Returns
    -------
    TriadShares

    Raises
    ------
    ParameterError
        tau_s > 0 on a cylinder, where y has no single value.
    """
    network = current.network
    if not (0.0 <= tau_s < np.inf):
        raise ParameterError(f"tau_s must be a finite time from 0 on, got {tau_s!r}; in tau_0.")
    if tau_s > 0.0 and network.sites.geometry != "open":
        raise ParameterError(
            f"shares of triads at tau_s > 0 need hard edges, this is a {network.sites.geometry}; "
            "use geometry='open' or tau_s=0."
        )
    triads = find_triads(network) if triads is None else triads
    check_same_network(network, triads)
    across = direction_across(network)
    i, j, k = triads.site.T
    ij, ik, jk = triads.link.T
    hop, overlap = amplitudes(network)
    interference = (
        hop[ik] * hop[jk] * overlap[ij]
        + hop[ij] * hop[jk] * overlap[ik]
        + hop[ij] * hop[ik] * overlap[jk]
    )
    strength = -0.125 * triads.area * interference
    at_j = -strength * current.drop[ik]
    at_k = strength * current.drop[ij]
    c = spin_generation(network, current, triads).factor
    if tau_s == 0.0:
        y = network.separation @ across
        contribution = c * (y[ij] * at_j + y[ik] * at_k)
    else:
        y = network.sites.position @ across
        symbolic = analyse(network.dissection, network.link_i, network.link_j)
        rate = np.exp(network.log_occupation) / tau_s
        factored = factor(symbolic, np.exp(network.log_conductance), rate)
        z = factored.solve(rate * (y - y.mean()))
        contribution = c * ((z[j] - z[i]) * at_j + (z[k] - z[i]) * at_k)
    return TriadShares(triads, float(tau_s), read_only(contribution))
