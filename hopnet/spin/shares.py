"""Shares: the part of f that each triad adds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from hopnet.checks import array_of, instance_of, number
from hopnet.errors import ParameterError
from hopnet.network.triads import Triads, find_triads
from hopnet.records import Record, read_only
from hopnet.spin.equations import spin_equations
from hopnet.spin.generation import generation_in_triads
from hopnet.transport.current import Current

__all__ = ["TriadShares", "triad_shares"]


@dataclass(frozen=True, eq=False)
class TriadShares(Record):
    """The part of f that each triad adds.

    Attributes
    ----------
    triads : Triads
    tau_s : float, in tau_0
        The spin relaxation time.
    contribution : float64[n_triads]
        The contributions; they add up to f(tau_s).
    """

    table_row: ClassVar[str] = "triad"
    table_columns: ClassVar[tuple[str, ...]] = ("contribution",)

    triads: Triads
    tau_s: float
    contribution: np.ndarray

    @property
    def side(self) -> np.ndarray:
        """float64[n_triads, 3], a_b: the sides of each triad, the shortest first."""
        return np.sort(self.triads.network.distance[self.triads.link], axis=1)

    def accumulate(self, measure: ArrayLike, at: ArrayLike) -> np.ndarray:
        """f from the triads whose measure is at most each of the values ``at``.

        Parameters
        ----------
        measure : float64[n_triads]
            A number for each triad: ``triads.perimeter``, ``side[:, 0]`` or any other.
        at : float64[n]
            The values.

        Returns
        -------
        float64[n]
        """
        n_triads = self.triads.n_triads
        measure = array_of("measure", measure, shape=(n_triads,), infinite=True, empty=True)
        values = array_of("at", at, infinite=True, empty=True)
        order = np.argsort(measure, kind="stable")
        running = np.concatenate([[0.0], np.cumsum(self.contribution[order])])
        return running[np.searchsorted(measure[order], values, side="right")].reshape(np.shape(at))


def triad_shares(
    current: Current, triads: Triads | None = None, *, tau_s: float = 0.0
) -> TriadShares:
    """The part of f that each triad adds.

    Equations [hopping S42] and [hopping S44]; each triad adds, with gamma_i its own generation::

        tau_s = 0:  c sum_i y_i gamma_i
        tau_s > 0:  (c / tau_s) sum_i z_i gamma_i        (Lap + n/tau_s) z = n y

    Parameters
    ----------
    current : Current
    triads : Triads, optional
        The triads of the same network; they are listed if they are not given.
    tau_s : float, in tau_0
        The spin relaxation time, finite.

    Returns
    -------
    TriadShares

    Raises
    ------
    ParameterError
        If tau_s > 0 on a cylinder, where y has no single value.
    """
    instance_of("current", current, Current, "make it with hopnet.solve_current")
    network = current.network
    network.check_plane("the part of f that a triad adds")
    tau_s = number("tau_s", tau_s, low=0.0, unit="in tau_0")
    if tau_s > 0.0 and network.sites.geometry != "open":
        raise ParameterError(
            f"shares of triads at tau_s > 0 need hard edges, this is a {network.sites.geometry}; "
            "use geometry='open' or tau_s=0."
        )
    triads = find_triads(network) if triads is None else triads
    equations = spin_equations(network, current, triads)
    c = equations.generation.prefactor
    gamma = generation_in_triads(current, triads, equations.log_scale)
    i, j, k = triads.site.T
    ij, ik, _ = triads.link.T
    if equations.relaxes_fast(tau_s):
        y = network.separation @ network.direction_across
        contribution = c * (y[ij] * gamma.at_j + y[ik] * gamma.at_k)
    else:
        y = network.sites.position @ network.direction_across
        excess = equations.occupation_at(1.0 / tau_s) / tau_s
        z = equations.factor(excess).solve(excess * (y - y.mean()))
        contribution = c * ((z[j] - z[i]) * gamma.at_j + (z[k] - z[i]) * gamma.at_k)
    return TriadShares(triads, float(tau_s), read_only(contribution))
