"""Flow: how the current and its heat are distributed over links, paths and cuts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import logsumexp

from hopnet.checks import array_of, instance_of, whole
from hopnet.errors import ConvergenceError, ParameterError
from hopnet.network.network import Network
from hopnet.percolation.backbone import find_backbone
from hopnet.percolation.thresholds import Threshold, percolation_threshold
from hopnet.records import Record, read_only
from hopnet.transport.current import Current

__all__ = ["FlowStatistics", "flow_statistics", "resistivity_ratio"]

# A drop below this share of the typical drop around both of its sites is rounding: a link of the
# backbone in a perfectly balanced bridge. Machine precision leaves about 1e-16 there; a larger
# number would leave out currents that are small but real.
BALANCED = 1e-13

# The flows at a site count as solved if they balance to this share of the flow through the site.
# Most balance to 1e-15; a smaller number would refuse moments that are right to six digits.
PRECISION = 1e-6

# Smallest share that is a normal float. Below it digits are lost.
SMALLEST = float(np.finfo(np.float64).tiny)

# Largest number of cuts: a table of a million rows. More cuts than links add no information.
MOST_CUTS = 1_000_000


@dataclass(frozen=True, eq=False)
class FlowStatistics(Record):
    """Distribution of the current and of the dissipated power over links and cuts.

    Attributes
    ----------
    current : Current
        The current that is described.
    share : float64[n_links]
        |flow| / total current of each link.
    power : float64[n_links]
        Share of each link in the dissipated power, flow * drop / (I V). The sum is 1.
    cut : float64[n_cuts], in a_b
        Positions of cuts across the current, between the contacts.
    cut_current : float64[n_cuts]
        Net flow through each cut over the total current: 1 by conservation.
    cut_paths : float64[n_cuts]
        sum of share / sum of share^2 over the links that cross each cut: effective number of paths
        that carry the current there, at least 1. A path that crosses a cut three times counts once.
    cut_crossings : float64[n_cuts]
        sum of share over the links that cross each cut: 1 where nothing flows back.
    """

    table_row: ClassVar[str] = "link"
    table_columns: ClassVar[tuple[str, ...]] = ("share", "power")

    current: Current
    share: np.ndarray
    power: np.ndarray
    cut: np.ndarray
    cut_current: np.ndarray
    cut_paths: np.ndarray
    cut_crossings: np.ndarray

    @property
    def n_paths(self) -> float:
        """Effective number of parallel paths: mean over the cuts, each weighted by its flow."""
        weight = self.cut_crossings
        return float(weight.sum() / np.sum(weight / self.cut_paths))

    @property
    def n_hot_links(self) -> float:
        """Effective number of links that dissipate, 1 / sum power^2."""
        return float(1.0 / np.sum(self.power**2))

    @cached_property
    def log_share(self) -> np.ndarray:
        """float64[n_links]: ln of the share of each link that carries current.

        It is -inf for dead ends and balanced bridges, where the computed flow is only rounding,
        and nan for links of the backbone whose current lies below the precision of the solution.
        """
        return read_only(log_shares(self.current))

    def log_moments(self, q: ArrayLike) -> np.ndarray:
        """ln M_q, also where M_q itself leaves the range of floats; see `moments`.

        Parameters
        ----------
        q : array_like[n]
            Orders of the moments.

        Returns
        -------
        float64[n]

        Raises
        ------
        ConvergenceError
            As in `moments`.
        """
        order = array_of("q", q, empty=True, hint="give the orders of the moments")
        return np.array([self._log_moment(each) for each in order], dtype=np.float64)

    def _log_moment(self, q):
        log_share = self.log_share
        known = logsumexp(2.0 * q * log_share[np.isfinite(log_share)])
        hidden = np.flatnonzero(np.isnan(log_share))
        if hidden.size == 0:
            return known
        # The net flow that remains at a site bounds the error of the flows through it.
        network = self.current.network
        error = self.current.site_imbalance * site_sums(network, self.share)
        largest = np.minimum(error[network.link_i[hidden]], error[network.link_j[hidden]])
        largest += self.share[hidden]
        bound = logsumexp(2.0 * q * np.log(np.maximum(largest, SMALLEST)))
        if q == 0:
            return float(np.logaddexp(known, bound))
        if q < 0 or bound > known + np.log(PRECISION):
            raise ConvergenceError(
                f"the moment of order {q:g} needs the currents of all links, but those of "
                f"{hidden.size} links lie below the precision of the solution; take a larger order "
                "or a higher density.",
                estimate=known,
            )
        return known

    def moments(self, q: ArrayLike) -> np.ndarray:
        """Multifractal moments M_q = sum over links with current of share^(2 q).

        Parameters
        ----------
        q : array_like[n]
            Orders of the moments: 0 counts links with current, 1 is the resistance of equal links,
            2 their noise. A large q counts links that carry all of the current.

        Returns
        -------
        float64[n]
            inf where a float cannot hold the moment: use `log_moments` there.

        Raises
        ------
        ConvergenceError
            If the moment depends on currents below the precision of the solution. This happens at
            negative q and densities below about 3e-4.

        Notes
        -----
        The sum runs over links that carry current, however small their share is; see `log_share`.
        """
        with np.errstate(over="ignore"):
            return np.exp(self.log_moments(q))

    def power_by_length(self) -> tuple[np.ndarray, np.ndarray]:
        """Share of the power in links up to each length.

        Returns
        -------
        length, power : float64[n_links]
            Lengths -ln(G rho_0) / 2 in ascending order, in a_b, and the running sum of the power.
        """
        length = -0.5 * self.current.network.log_conductance
        order = np.argsort(length, kind="stable")
        return length[order], np.cumsum(self.power[order])


def log_shares(current: Current) -> np.ndarray:
    """ln of the share of each link in the total current, as `FlowStatistics.log_share`."""
    network = current.network
    i, j = network.link_i, network.link_j
    share = np.abs(current.relative_flow)
    through = site_sums(network, share)
    with np.errstate(divide="ignore"):
        # Where the share is below the range of floats, the drop may still be within it.
        by_drop = network.log_conductance + np.log(np.abs(current.drop)) - current.log_conductance
        log_share = np.where(share > SMALLEST, np.log(share), by_drop)
        # The typical drop around a site is the flow through it over its best conductance.
        typical = np.log(through) - site_maxima(network, network.log_conductance)
    solved = (current.site_imbalance < PRECISION) & (through > SMALLEST)
    known = solved[i] & solved[j] & np.isfinite(log_share)
    # A drop of 0 is a balanced bridge only where a float could hold the smallest drop that counts.
    log_drop = log_share + current.log_conductance - network.log_conductance
    smallest = np.minimum(typical[i], typical[j]) + current.log_conductance + np.log(BALANCED)
    balanced = solved[i] & solved[j] & (log_drop <= smallest) & (smallest > np.log(SMALLEST))
    carries = np.zeros(network.n_links, np.bool_)
    carries[find_backbone(network, np.inf).link] = True
    return np.where(carries & ~balanced, np.where(known, log_share, np.nan), -np.inf)


def site_sums(network: Network, weight: np.ndarray) -> np.ndarray:
    """Half the sum of a quantity over the links of each site."""
    ends = np.concatenate([network.link_i, network.link_j])
    return 0.5 * np.bincount(ends, np.concatenate([weight, weight]), network.n_sites)


def site_maxima(network: Network, value: np.ndarray) -> np.ndarray:
    """Largest value of a quantity over the links of each site; 0 for sites without links."""
    largest = np.full(network.n_sites, -np.inf)
    np.maximum.at(largest, network.link_i, value)
    np.maximum.at(largest, network.link_j, value)
    return np.where(np.isfinite(largest), largest, 0.0)


def flow_statistics(current: Current, *, n_cuts: int = 64) -> FlowStatistics:
    """Distribution of the current over links, and over cuts across the sample.

    Parameters
    ----------
    current : Current
        The current of an open sample or a cylinder.
    n_cuts : int
        Number of cuts across the current, evenly spaced between the contacts.

    Returns
    -------
    FlowStatistics

    Raises
    ------
    ParameterError
        If the contacts overlap along the current, so that no straight cut separates them.

    Notes
    -----
    All shares are relative to the total current, so that neither the density nor the unit of
    conductance limits them.
    """
    instance_of("current", current, Current, "make it with hopnet.solve_current")
    n_cuts = whole("n_cuts", n_cuts, low=1, high=MOST_CUTS)
    network = current.network
    axis = network.sites.axes.index(network.axis)
    along = network.sites.position[:, axis]
    low, high = along[network.source].max(), along[network.drain].min()
    if not low < high:
        raise ParameterError(
            f"flow statistics need contacts that a straight cut separates, but the source reaches "
            f"{low:.4g} a_b and the drain begins at {high:.4g} a_b; use strips at two opposite "
            "edges."
        )
    flow = current.relative_flow
    share = np.abs(flow)
    power = flow * current.drop
    cut = low + (high - low) * (np.arange(n_cuts) + 0.5) / n_cuts
    # A link crosses the cuts from `first` to `last - 1`; it points forward if i lies before j.
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
        cut_current=read_only(through(forward * flow)),
        cut_paths=read_only(through(share) / through(share**2)),
        cut_crossings=read_only(through(share)),
    )


def resistivity_ratio(current: Current) -> tuple[float, Threshold]:
    """Resistivity divided by its percolation estimate, and the threshold of the sample [hopping].

    The letter's estimate is rho = rho_0 exp(2 l_c / a_b), where l_c is the longest hop that the
    percolation path cannot avoid.

    Parameters
    ----------
    current : Current
        The current of an open sample or a cylinder.

    Returns
    -------
    ratio : float
        rho / (rho_0 exp(2 l_c / a_b)), with l_c of this sample between its contacts. It is
        computed in logarithms, so that it is valid at any density.
    threshold : Threshold
        The threshold that defines this l_c.
    """
    instance_of("current", current, Current, "make it with hopnet.solve_current")
    threshold = percolation_threshold(current.network, "contacts")
    return float(np.exp(current.log_resistivity + threshold.log_conductance)), threshold
