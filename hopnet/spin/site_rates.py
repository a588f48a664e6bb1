"""One relaxation time per site in place of the nuclear fields: a fast approximation.

Derived in docs/nuclear_fields.md. Spin at a site relaxes at the rate gamma(a) of `rate_of_a_site`,
where a is the rate at which an electron leaves the site for good. An electron that hops to a close
neighbour returns many times before it leaves for good, and a is corrected for these returns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hopnet.checks import instance_of, number
from hopnet.errors import ConvergenceError
from hopnet.kernels import incomplete as kernels
from hopnet.network.network import Network
from hopnet.records import Record, read_only
from hopnet.spin.hyperfine import rate_of_a_site
from hopnet.spin.kinetics.incomplete import SCALAR_CUT, factor_scalar
from hopnet.spin.kinetics.unit import find_rates

__all__ = ["SiteRates", "site_rates"]

# The iteration ends when no rate changes by more than this fraction. The approximation itself has
# an error of some per cent, so a smaller value gains nothing.
CHANGE = 1e-4
# Largest number of iterations; 20 to 75 are needed.
ITERATIONS = 300


@dataclass(frozen=True, eq=False)
class SiteRates(Record):
    """Effective relaxation rates of the sites in frozen nuclear fields.

    Attributes
    ----------
    network : Network
    tau_s : float, in tau_0
        Relaxation time by all other processes.
    rate : float64[n_sites], in 1/tau_0
        gamma_i, the relaxation rate in the nuclear fields.
    leaving : float64[n_sites], in 1/tau_0
        a_i: the rate at which an electron leaves the site for good, plus 1/tau_s.
    iterations : int
        Number of iterations.
    """

    table_row: ClassVar[str] = "site"
    table_columns: ClassVar[tuple[str, ...]] = ("rate", "leaving")

    network: Network
    tau_s: float
    rate: np.ndarray
    leaving: np.ndarray
    iterations: int

    @property
    def site_times(self) -> np.ndarray:
        """float64[n_sites], in tau_0: 1 / (1/tau_s + gamma_i), for `hopnet.solve_kinetics`."""
        return 1.0 / (1.0 / self.tau_s + self.rate)


def site_rates(network: Network, strength: float, *, tau_s: float) -> SiteRates:
    """Effective relaxation rate of every site in frozen nuclear fields [nuclei 14].

    Solved self-consistently::

        G = (K + n (1/tau_s + gamma_i))^-1        a_i = 1 / (n_i G_ii) - gamma_i
        gamma_i = gamma(a_i)                      (the rate of one site, [nuclei 5])

    Parameters
    ----------
    network : Network
        A network in any geometry, with any energies.
    strength : float, in 1/tau_0
        sigma, the standard deviation of one component of the fields.
    tau_s : float, in tau_0
        Relaxation time by all other processes.

    Returns
    -------
    SiteRates

    Raises
    ------
    ParameterError
        If an argument is not of the kind described.
    ConvergenceError
        If the rates do not settle.

    Notes
    -----
    The error is 4 to 25 per cent, and 30 per cent at worst (close pairs at n_s a_b^2 = 0.03), for a
    strength of 1e-3 and more. In weaker fields the times are too short, by a factor of up to 2.4
    where spin diffuses around the whole sample: sigma tau_eff must stay below sqrt(n_sites).
    Without the correction for returns the rates would be wrong by a factor of up to five. Cost: one
    scalar elimination and the diagonal of its inverse per iteration.

    Examples
    --------
    >>> import hopnet as hn
    >>> network = hn.build_network(hn.random_sites(500, density=0.1, seed=1))
    >>> rates = hn.spin.site_rates(network, 1e-3, tau_s=1e5)
    >>> bool((rates.rate < 0.777e-3).all())
    True
    """
    instance_of("network", network, Network, "make it with hopnet.build_network")
    network.check_plane("a function for spins")
    network.check_dilute()
    sigma = number("strength", strength, low=0.0, high=1e100, unit="in 1/tau_0")
    tau_s = number("tau_s", tau_s, low=1e-100, high=1e100, unit="in tau_0")
    rates = find_rates(network)
    n, K = rates.occupation, rates.conductance
    free = np.ones(network.n_sites, bool)
    leak = np.bincount(network.link_i, K, n.size) + np.bincount(network.link_j, K, n.size)
    gamma = rate_of_a_site(1 / tau_s + leak / n, sigma)
    change = np.inf
    for iteration in range(1, ITERATIONS + 1):
        excess = n * (1 / tau_s + gamma)
        rows = factor_scalar(network, K, excess, free, SCALAR_CUT * excess).rows
        between, diagonal = np.empty(rows.column.size), np.empty(n.size)
        kernels.fill_inverse(rows, between, diagonal)
        green = np.empty(n.size)
        green[rows.order] = diagonal
        # n_i G_ii <= 1 / (1/tau_s + gamma_i), so a_i is at least 1/tau_s except for rounding.
        leaving = np.maximum(1 / (n * green) - gamma, 1 / tau_s)
        new = rate_of_a_site(leaving, sigma)
        relative = np.abs(new - gamma) / np.maximum(gamma, 1e-300)
        change = float(relative.max(initial=0.0)) if sigma > 0 else 0.0
        gamma = np.sqrt(gamma * new) if iteration <= 3 else 0.5 * (gamma + new)
        if change <= CHANGE:
            return SiteRates(network, tau_s, read_only(gamma), read_only(leaving), iteration)
    raise ConvergenceError(
        f"the rates of the sites must settle within {ITERATIONS} iterations, they still change by "
        f"a fraction of {change:.1e}; take a shorter tau_s.",
        estimate=gamma,
        residual=change,
        iterations=ITERATIONS,
    )
