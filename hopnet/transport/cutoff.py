"""The error due to the cutoff of the links, estimated from the longest links that are kept."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hopnet.network.network import Network

__all__ = ["OuterShell", "outer_shell"]

# Numbers of the estimate of the cutoff error. They are fitted at n_s a_b^2 = 0.2 to 0.0005, to the
# change from margins of 1.5 to 8 a_b to a margin of 10 a_b (`pytest tests/test_cutoff.py`).
# Making the margin longer by one a_b changes the conductance by about a seventh, and sums over
# triads by a quarter to a third, of the change by the a_b before. The links beyond the cutoff then
# contribute about 0.03 times the power in the outermost two a_b, and 0.08 times the part of the
# triads there. POWER_BEYOND and TRIADS_BEYOND are two to three times larger. GROWTH is added where
# the outermost links carry much of the power, so that the decay has not begun yet. Where few links
# or triads carry the result, the outermost links say less about longer ones: the estimate is
# multiplied by (1 + FEW_CARRIERS / n)^2, with n the effective number of links or triads. Smaller
# numbers would not cover the error of every sample, larger ones would overstate it. In 4 of 720
# samples of 2000 to 8000 sites the error is larger than the estimate; all 4 have
# n_s a_b^2 <= 0.001, where a dozen links or fewer carry the current.
POWER_BEYOND = 0.1
TRIADS_BEYOND = 0.2
GROWTH = 0.75
FEW_CARRIERS = 15.0
# With energies the number of links grows faster with the margin than in the plane, and errors are
# larger by this factor (uniform band, kT = 0.3 to 0.03 of its width, n_s a_b^2 = 0.05 and 0.01).
WITH_ENERGIES = 2.0


class OuterShell(NamedTuple):
    """Share of the outermost links (`Network.outermost`) in the current of a network.

    Attributes
    ----------
    power : float
        Share of the outermost links in the dissipated power. It is NaN if all links are outermost,
        as on a lattice. Then longer links cannot be judged, and every estimated error is NaN.
    n_effective : float
        Effective number of links that carry the current, (sum p)^2 / sum p^2 with p the power of
        each link of the network.
    scale: float
        Factor of the estimates: 1, with energies 2.
    """

    power: float
    n_effective: float
    scale: float

    def power_error(self) -> float:
        """Estimate of the relative error of the conductance by links beyond the cutoff [f 2]."""
        beyond = self.scale * self.power * (POWER_BEYOND + GROWTH * self.power)
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
            Effective number of triads that carry the sum. Default: the effective number of links
            that carry the current.

        Returns
        -------
        float
        """
        beyond = (TRIADS_BEYOND + GROWTH * self.power) * abs(outer)
        beyond += self.power * (POWER_BEYOND + GROWTH * self.power) * abs(whole)
        carriers = self.n_effective if n_effective is None else max(n_effective, 1.0)
        return self.scale * beyond * (1.0 + FEW_CARRIERS / carriers) ** 2


def outer_shell(network: Network, power: np.ndarray) -> OuterShell:
    """Share of the outermost links, from the power dissipated in each link, in any unit.

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
    return OuterShell(
        share, n_effective, 1.0 if network.critical_exponent is None else WITH_ENERGIES
    )
