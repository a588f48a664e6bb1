"""The error that a cutoff of the links leaves, judged from the longest links that it keeps."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hopnet.network.network import Network

__all__ = ["OuterShell", "outer_shell"]

# Errors of the cutoff, fitted at n_s a_b^2 = 0.2 to 0.0005 with margins of 1.5 to 8 a_b against 10
# (`pytest tests/test_cutoff.py`). Each further a_b of links changes the conductance by about a
# seventh, and sums over triads by a quarter to a third, of what the a_b before did. What lies
# beyond the cutoff is then about 0.03 of the power in the last two a_b, and 0.08 of the part of
# the triads; POWER_BEYOND and TRIADS_BEYOND allow two to three times that. GROWTH is added where
# the last two a_b carry much of the power, so that its decay has not begun. Where few links or
# triads carry the result, the shell is a small sample of what lies beyond: errors are larger by
# (1 + FEW_CARRIERS / n)^2 with n their effective number. Smaller numbers would not cover the error
# of every sample, larger ones would state more than there is. Of 720 samples of 2000 to 8000 sites
# 4 are outside, all at n_s a_b^2 <= 0.001, where a dozen links or less carry the current.
POWER_BEYOND = 0.1
TRIADS_BEYOND = 0.2
GROWTH = 0.75
FEW_CARRIERS = 15.0


class OuterShell(NamedTuple):
    """What the outermost links of a network carry (`Network.outermost`).

    Attributes
    ----------
    power : float
        Their share of the dissipated power. NaN if all links are outermost, as on a lattice: then
        nothing is known of longer links, and every estimated error is NaN.
    n_effective : float
        Effective number of links that carry the current, (sum p)^2 / sum p^2 with p the power of
        each link of the network.
    """

    power: float
    n_effective: float

    def power_error(self) -> float:
        """Estimate of the relative error of the conductance by links beyond the cutoff [f 2]."""
        beyond = self.power * (POWER_BEYOND + GROWTH * self.power)
        return beyond * (1.0 + FEW_CARRIERS / self.n_effective) ** 2

    def triads_error(self, outer: float, whole: float, n_effective: float | None = None) -> float:
        """Estimate of the absolute error of a sum over triads by links beyond the cutoff [f 3].

        Parameters
        ----------
        outer : float
            The part of the sum from triads with an outermost link.
        whole : float
            The whole sum.
        n_effective : float, optional
            Effective number of triads that carry the sum. Default: that of links that carry the
            current.

        Returns
        -------
        float
        """
        beyond = (TRIADS_BEYOND + GROWTH * self.power) * abs(outer)
        beyond += self.power * (POWER_BEYOND + GROWTH * self.power) * abs(whole)
        carriers = self.n_effective if n_effective is None else max(n_effective, 1.0)
        return beyond * (1.0 + FEW_CARRIERS / carriers) ** 2


def outer_shell(network: Network, power: np.ndarray) -> OuterShell:
    """What the outermost links carry, from the power dissipated in each link, in any unit.

    Parameters
    ----------
    network : Network
    power : float64[n_links]

    Returns
    -------
    OuterShell
    """
    outermost = network.outermost
    whole = float(power.sum())
    n_effective = whole**2 / float(power @ power)
    share = np.nan if outermost.all() else float(power[outermost].sum()) / whole
    return OuterShell(share, n_effective)
