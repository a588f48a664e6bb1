"""Equations of the spin to leading order in spin-orbit coupling, factored at any relaxation rate.

In units a_b = tau_0 = 1 one scalar per site is enough: S~_i = n_i sigma_i. The z spin of the site
is (m^2 a_b^2 T / (hbar^3 J_0)) S~_i with T = -2 det beta.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hopnet.elimination.symbolic import Elimination, analyse
from hopnet.elimination.symmetric import Factor, factor
from hopnet.network.network import Network
from hopnet.network.triads import Triads
from hopnet.spin.generation import Generation, spin_generation
from hopnet.transport.current import Current, net_flow, own_current

__all__ = [
    "SpinEquations",
    "f_and_slope_at_rate",
    "f_and_spin_at_rate",
    "local_diffusion",
    "spin_equations",
]


@dataclass(frozen=True, eq=False)
class SpinEquations:
    """(Lap + n / tau_s) sigma = gamma on one network, analysed once for all relaxation times.

    Attributes
    ----------
    network : Network
    current : Current
        The current that generates the spins.
    generation : Generation
        The right-hand side gamma, the drift part of f and the prefactor c.
    conductance : float64[n_links]
        K_ij of every link.
    occupation : float64[n_sites]
        n_i of every site.
    elimination : Elimination
        The symbolic analysis; it is the same for every tau_s.
    threads : int or None
        Number of threads of every factor (None: all).
    """

    network: Network
    current: Current
    generation: Generation
    conductance: np.ndarray
    occupation: np.ndarray
    elimination: Elimination
    threads: int | None

    def factor(self, excess: np.ndarray | float) -> Factor:
        """The factor of Lap + diag(excess), for a real or complex excess."""
        return factor(self.elimination, self.conductance, excess, threads=self.threads)

    @property
    def hard_edges(self) -> bool:
        """Whether the sample ends at edges across the current, so that y has a single value."""
        return self.network.sites.geometry == "open"

    def position_across(self) -> np.ndarray:
        """float64[n_sites], a_b: y_i less its mean over the sites (hard edges only)."""
        y = self.network.sites.position @ self.network.direction_across
        return y - y.mean()


def spin_equations(
    network: Network,
    current: Current | None = None,
    triads: Triads | None = None,
    threads: int | None = None,
) -> SpinEquations:
    """The equations of the spin of a network; the current is solved for if it is not given."""
    current = own_current(network, current, threads)
    return SpinEquations(
        network=network,
        current=current,
        generation=spin_generation(network, current, triads),
        conductance=network.conductance,
        occupation=network.occupation,
        elimination=analyse(network.dissection, network.link_i, network.link_j),
        threads=threads,
    )


def f_and_spin_at_rate(
    equations: SpinEquations, factored: Factor, rate: float
) -> tuple[float, np.ndarray]:
    """f and S~ at the relaxation rate 1/tau_s, in the form that suits the geometry.

    Equations [hopping S43] and [hopping S45]::

        (Lap + n/tau_s) sigma = gamma        Lap_ij = -K_ij = -n_j / tau_ij      S~_i = n_i sigma_i
        f_diffusion = -c sum over links of (y_i - y_j) K_ij (sigma_i - sigma_j)   (any geometry)
        f = (c / tau_s) sum_i y_i S~_i                                            (hard edges)

    Both forms of f are exact. With hard edges the second is used: it does not lose digits where
    drift and diffusion compensate. In the first, the differences of sigma come from the elimination
    and not from subtracted values.

    Parameters
    ----------
    equations : SpinEquations
    factored : Factor
        The factor at this rate.
    rate : float, in 1/tau_0

    Returns
    -------
    f : float
    spin : float64[n_sites]
        S~ of every site.
    """
    generation = equations.generation
    spin = factored.solve(generation.gamma) * equations.occupation
    if equations.hard_edges:
        moment = float((equations.position_across() * spin).sum())
        return generation.prefactor * rate * moment, spin
    return generation.f_drift + local_diffusion(equations, factored), spin


def local_diffusion(equations: SpinEquations, factored: Factor) -> float:
    """f_diffusion from the differences of sigma along links [hopping S45], in any geometry."""
    network, generation = equations.network, equations.generation
    difference = factored.link_drops(network.n_links, rhs=generation.gamma)
    y_ij = -(network.separation @ network.direction_across)
    moment = y_ij * equations.conductance * difference
    return -generation.prefactor * float(moment.sum())


def f_and_slope_at_rate(equations: SpinEquations, rate: float) -> tuple[float, float]:
    """f and df/ds at the relaxation rate s = 1/tau_s.

    df/ds = c (M^-1 q) . S~ with M = Lap + s n and q_i = sum_j (y_i - y_j) K_ij. With hard edges
    M^-1 q = y - s M^-1 (n y), which keeps more digits.

    Parameters
    ----------
    equations : SpinEquations
    rate : float, in 1/tau_0

    Returns
    -------
    f : float
    slope : float
    """
    network = equations.network
    factored = equations.factor(rate * equations.occupation)
    f, spin = f_and_spin_at_rate(equations, factored, rate)
    if equations.hard_edges:
        y = equations.position_across()
        response = y - rate * factored.solve(y * equations.occupation)
    else:
        y_ij = -(network.separation @ network.direction_across)
        response = factored.solve(net_flow(network, y_ij * equations.conductance))
    # a sum and not a matrix product: BLAS may add in another order on another processor
    return f, equations.generation.prefactor * float((response * spin).sum())
