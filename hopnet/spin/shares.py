"""Shares: what each triad adds to f."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hopnet.elimination.symbolic import analyse
from hopnet.elimination.symmetric import factor
from hopnet.errors import ParameterError
from hopnet.network.triads import Triads, amplitudes, find_triads
from hopnet.records import read_only
from hopnet.spin.generation import spin_generation


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
        distance = network.distance
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
    network.check_owns(triads)
    across = network.direction_across
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
        rate = network.occupation / tau_s
        factored = factor(symbolic, network.conductance, rate)
        z = factored.solve(rate * (y - y.mean()))
        contribution = c * ((z[j] - z[i]) * at_j + (z[k] - z[i]) * at_k)
    return TriadShares(triads, float(tau_s), read_only(contribution))
