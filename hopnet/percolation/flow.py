"""Flow: how the current and its heat spread over links, paths and triads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from hopnet.errors import ParameterError
from hopnet.percolation.thresholds import percolation_threshold
from hopnet.records import read_only
from hopnet.transport.current import Current

__all__ = ["FlowStatistics", "flow_statistics", "resistivity_ratio"]


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
    def n_paths(self) -> float:
        """Effective number of parallel paths: mean over the cuts, each flow weighted by itself."""
        weight = self.cut_crossings
        return float(weight.sum() / np.sum(weight / self.cut_paths))

    @property
    def n_hot_links(self) -> float:
        """Effective number of links that dissipate, 1 / sum power^2."""
        return float(1.0 / np.sum(self.power**2))

    def moments(self, q: ArrayLike) -> np.ndarray:
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

    def power_by_length(self) -> Any:
        """Share of the power in links up to each length.

        Returns
        -------
        length, power : float64[n_links]
            Lengths -ln(G rho_0) / 2 ascending, in a_b; running sum of the power.
        """
        length = -0.5 * self.current.network.log_conductance
        order = np.argsort(length, kind="stable")
        return length[order], np.cumsum(self.power[order])


def flow_statistics(current: Current, *, n_cuts: int = 64) -> FlowStatistics:
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


def resistivity_ratio(current: Current) -> Any:
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
    return float(np.exp(current.log_resistivity - 2.0 * threshold.threshold_length)), threshold
