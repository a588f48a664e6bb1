"""Equations of the spin to leading order in spin-orbit coupling, factored at any relaxation rate.

In units a_b = tau_0 = 1 one scalar per site is enough: S~_i = n_i sigma_i. The z spin of the site
is (m^2 a_b^2 T / (hbar^3 J_0)) S~_i with T = -2 det beta.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, NamedTuple

import numpy as np

from hopnet.elimination.symbolic import Elimination, analyse
from hopnet.elimination.symmetric import Factor, factor
from hopnet.errors import NotPercolatingError, ParameterError
from hopnet.network.network import Network
from hopnet.network.triads import Triads
from hopnet.records import Record
from hopnet.spin.generation import Generation, rates_of, ratio_to_letter, scaled_generation
from hopnet.transport.balance import net_flow
from hopnet.transport.current import Current, own_current
from hopnet.transport.hall import cylinder_angle
from hopnet.transport.ring import solve_ring

__all__ = [
    "FAndSpin",
    "SpinEquations",
    "balanced_spin",
    "check_generation",
    "f_and_slope_at_rate",
    "f_and_spin_at_rate",
    "f_and_spin_at_time",
    "local_diffusion",
    "spin_equations",
]

EPSILON = float(np.finfo(float).eps)

# If relaxation is faster than the fastest hops by this factor, f is set to f_drift: diffusion
# changes it by a part of about 1 / FAST. A smaller value would change digits that a float holds.
FAST = 1e20

# Largest excess n / tau_s. The largest float is 1.8e308: this leaves room for sums and products.
MOST_EXCESS = 1e290

# Rounding of f in units of the machine precision times the sum of the moduli of its terms; measured
# against 60-digit arithmetic. A smaller number would not cover every sample.
ROUNDING_ERRORS = 8.0

# Relative rounding of f up to which the form of the cylinder is taken without trying the other. A
# smaller value would cost another pass over the factor and gain a digit that no ensemble shows.
GOOD = 1e-13

# Ratio of the mean spin of a solution, which is rounding, to its spins, above which the limit
# tau_s = inf replaces it. There 1/tau_s is below 1e-22 of the relaxation rates, so that the limit
# is exact to machine precision. Subtracting the mean would lose as many digits.
LOST = 1e6


class Bulk(NamedTuple):
    """Quantities of a cylinder that replace the edges of an open sample.

    Attributes
    ----------
    plateau : float
        f at tau_s = inf: a sum over triads of two harmonic potentials, the Hall angle over n_s
        [hall 4]. No digit is lost where drift and diffusion compensate.
    deviation : float64[n_sites], in a_b
        How far the harmonic coordinate across the current deviates from y.
    cutoff_error : float
        Estimate of the error of the plateau by the cutoff.
    """

    plateau: float
    deviation: np.ndarray
    cutoff_error: float


@dataclass(frozen=True, eq=False)
class SpinEquations(Record):
    """(Lap + n / tau_s) sigma = gamma on one network, analysed once for all relaxation times.

    Attributes
    ----------
    network : Network
    current : Current
        The current that generates the spins.
    generation : Generation
        The right-hand side gamma, the drift part of f and the prefactor c, in the unit below.
    conductance : float64[n_links]
        K_ij of every link, over exp(log_scale).
    occupation : float64[n_sites]
        n_i of every site, over exp(log_scale).
    log_scale : float
        Logarithm of the common factor of K, n and gamma, which cancels from sigma and from f. It is
        0 unless their logarithms span more than usual.
    elimination : Elimination
        The symbolic analysis; it is the same for every tau_s.
    threads : int or None
        Number of threads of every factor (None: all).
    triads : Triads or None
        The stored triads of the network, if there are any.
    normalised : float
        Ratio of f to f in the letter's normalisation.
    """

    table_row: ClassVar[str] = "site"
    table_columns: ClassVar[tuple[str, ...]] = ("occupation",)

    network: Network
    current: Current
    generation: Generation
    conductance: np.ndarray
    occupation: np.ndarray
    log_scale: float
    elimination: Elimination
    threads: int | None
    triads: Triads | None
    normalised: float

    @cached_property
    def bulk(self) -> Bulk | None:
        """The plateau of f and the harmonic coordinate, computed at the first use.

        None for a sample with hard edges, and where no path closes around the ring.
        """
        if self.network.sites.geometry != "cylinder":
            return None
        try:
            ring = solve_ring(self.network, threads=self.threads)
        except NotPercolatingError:
            return None
        hall = cylinder_angle(self.network, current=self.current, ring=ring, triads=self.triads)
        share = self.current.effective_length / self.network.length_along_current
        scale = share * self.normalised
        error = hall.cutoff_error / self.network.sites.density
        return Bulk(hall.f_plateau * scale, ring.deviation, error * abs(scale))

    @property
    def cutoff_error(self) -> float:
        """Estimate of the absolute error of f by links beyond the cutoff, for every tau_s so far.

        It is the error of f_drift, or that of the plateau if the plateau was needed and its error
        is larger.
        """
        generation = self.generation
        error = self.current.outer_shell.triads_error(generation.outer_drift, generation.f_drift)
        bulk: Bulk | None = self.__dict__.get("bulk")
        return error if bulk is None else max(error, bulk.cutoff_error)

    def factor(self, excess: np.ndarray | float) -> Factor:
        """The factor of Lap + diag(excess), for a real or complex excess."""
        return factor(self.elimination, self.conductance, excess, threads=self.threads)

    def occupation_at(self, rate: complex) -> np.ndarray:
        """float64[n_sites]: n_i, limited so that the excess ``rate * n_i`` is a finite float.

        A site with such a large excess has S~ = gamma / rate, whatever the limit is.
        """
        size = abs(rate)
        return np.minimum(self.occupation, MOST_EXCESS / size) if size > 1.0 else self.occupation

    def relaxes_fast(self, tau_s: np.ndarray | float) -> np.ndarray:
        """Whether spins relax so much faster than they hop that f = f_drift."""
        fastest = self.fastest_rate()
        return np.asarray(tau_s) <= (1.0 / FAST / fastest if fastest > 0 else np.inf)

    def fastest_rate(self) -> float:
        """The largest rate at which a site loses its spin by hops: max of (sum_j K_ij) / n_i."""
        network, n = self.network, self.occupation
        total = np.bincount(network.link_i, self.conductance, network.n_sites)
        total += np.bincount(network.link_j, self.conductance, network.n_sites)
        with np.errstate(over="ignore"):
            return float(np.divide(total, n, out=np.zeros_like(n), where=n > 0).max())

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
    normalisation: str = "bulk",
) -> SpinEquations:
    """The equations of the spin of a network; the current is solved for if it is not given."""
    current = own_current(network, current, threads)
    rates = rates_of(network)
    ratio = ratio_to_letter(network, current.effective_length, normalisation)
    generation = scaled_generation(current, triads, rates.log_scale)
    generation = Generation(
        generation.gamma,
        generation.f_drift * ratio,
        generation.prefactor * ratio,
        generation.outer_drift * ratio,
    )
    return SpinEquations(
        network=network,
        current=current,
        generation=generation,
        conductance=rates.conductance,
        occupation=rates.occupation,
        log_scale=rates.log_scale,
        elimination=analyse(network.dissection, network.link_i, network.link_j),
        threads=threads,
        triads=triads,
        normalised=ratio,
    )


def check_generation(equations: SpinEquations) -> None:
    """Raise where nothing generates spins, so that nothing can be taken relative to f."""
    if not np.any(equations.generation.gamma):
        raise ParameterError(
            "the response of the induced spin needs a current through triads, none flows through "
            "any triad of this sample, so f is 0; widen the cutoff or take another sample."
        )


class FAndSpin(NamedTuple):
    """f and the spins at one relaxation rate.

    Attributes
    ----------
    f : float
    rounding : float
        Absolute error of f by rounding.
    spin : float64[n_sites]
        S~ of every site, over exp(log_scale).
    """

    f: float
    rounding: float
    spin: np.ndarray


def f_and_spin_at_time(equations: SpinEquations, tau_s: float) -> FAndSpin:
    """f and S~ at one relaxation time, from 0 to inf.

    Where spins relax much faster than they hop, S~ = tau_s gamma and f = f_drift.
    """
    generation = equations.generation
    if equations.relaxes_fast(tau_s):
        rounding = ROUNDING_ERRORS * EPSILON * abs(generation.f_drift)
        return FAndSpin(generation.f_drift, rounding, tau_s * generation.gamma)
    rate = 1.0 / tau_s
    factored = equations.factor(equations.occupation_at(rate) / tau_s)
    return f_and_spin_at_rate(equations, factored, rate)


def f_and_spin_at_rate(equations: SpinEquations, factored: Factor, rate: float) -> FAndSpin:
    """f and S~ at the relaxation rate 1/tau_s, in the form that suits the geometry.

    Equations [hopping S43] and [hopping S45]::

        (Lap + n/tau_s) sigma = gamma        Lap_ij = -K_ij = -n_j / tau_ij      S~_i = n_i sigma_i
        f_diffusion = -c sum over links of (y_i - y_j) K_ij (sigma_i - sigma_j)   (any geometry)
        f = (c / tau_s) sum_i y_i S~_i                                            (hard edges)
        f = f_inf - (c / tau_s) sum_i g_i S~_i                                    (cylinder)

    All forms of f are exact. The last two do not lose digits where drift and diffusion compensate;
    g is the deviation of the harmonic coordinate from y, and f_inf the plateau of the bulk. In the
    first form, for a cylinder that does not close around its ring, the differences of sigma come
    from the elimination and not from subtracted values.

    Parameters
    ----------
    equations : SpinEquations
    factored : Factor
        The factor at this rate.
    rate : float, in 1/tau_0

    Returns
    -------
    FAndSpin
    """
    spin = factored.solve(equations.generation.gamma) * equations.occupation_at(rate)
    if equations.hard_edges:
        y = equations.position_across()
        drift = np.abs(y * equations.generation.gamma).sum()
        return f_of_terms(equations, 0.0, rate * y * spin, spin, drift)
    bulk = equations.bulk
    if bulk is not None:
        found = f_of_terms(equations, bulk.plateau, -rate * bulk.deviation * spin, spin)
        if found.rounding <= GOOD * abs(found.f):
            return found
    # Where spins relax fast, the terms of the cylinder's form are large and cancel.
    local = f_of_terms(
        equations, equations.generation.f_drift, -diffusion_terms(equations, factored), spin
    )
    return local if bulk is None or local.rounding < found.rounding else found


def f_of_terms(
    equations: SpinEquations, start: float, term: np.ndarray, spin: np.ndarray, drift: float = 0.0
) -> FAndSpin:
    """f = start + c sum of the terms, with the rounding of all that is added.

    Parameters
    ----------
    equations : SpinEquations
    start : float
        The part of f that is known.
    term : float64 array
        The terms that are summed and multiplied by c.
    spin : float64[n_sites]
        S~, for the record.
    drift : float
        Sum of the moduli of terms that compensate in ``term``.
    """
    c = equations.generation.prefactor
    size = float(np.abs(term).sum()) + float(drift)
    known = abs(start) if start else abs(equations.generation.f_drift)
    rounding = ROUNDING_ERRORS * EPSILON * (known + abs(c) * size)
    return FAndSpin(start + c * float(term.sum()), rounding, spin)


def local_diffusion(equations: SpinEquations, factored: Factor) -> float:
    """f_diffusion from the differences of sigma along links [hopping S45], in any geometry."""
    return -equations.generation.prefactor * float(diffusion_terms(equations, factored).sum())


def diffusion_terms(equations: SpinEquations, factored: Factor) -> np.ndarray:
    """float64[n_links]: (y_i - y_j) K_ij (sigma_i - sigma_j) of every link."""
    network = equations.network
    difference = factored.link_drops(network.n_links, rhs=equations.generation.gamma)
    y_ij = -(network.separation @ network.direction_across)
    return y_ij * equations.conductance * difference


def balanced_spin(equations: SpinEquations, solution: FAndSpin, tau_s: float) -> np.ndarray:
    """S~ without the mean that rounding leaves: hops conserve spin and gamma adds up to zero.

    In each cluster of sites the spins add up to zero at every tau_s. At tau_s = inf the equations
    fix sigma only up to one constant for each cluster, and this fixes the constant.

    Parameters
    ----------
    equations : SpinEquations
    solution : FAndSpin
        The solution at ``tau_s``.
    tau_s : float, in tau_0

    Returns
    -------
    float64[n_sites]
    """
    cluster, spin = equations.network.cluster, solution.spin
    if equations.relaxes_fast(tau_s):
        return spin
    if np.isfinite(tau_s):
        n = equations.occupation_at(1.0 / tau_s)
        mean = mean_in_clusters(cluster, spin, n)
        balanced = spin - n * mean[cluster]
        if np.abs(n * mean[cluster]).max() <= LOST * np.abs(balanced).max():
            return balanced
    n = equations.occupation
    sigma = equations.factor(0.0).solve(equations.generation.gamma)
    # Count sigma from that of the site with the largest n of its cluster. A deep trap holds nearly
    # all weight there, and its own spin is minus the sum of the others.
    order = np.lexsort((-n, cluster))
    heaviest = order[np.unique(cluster[order], return_index=True)[1]]
    sigma = sigma - sigma[heaviest][cluster]
    balanced = n * (sigma - mean_in_clusters(cluster, n * sigma, n)[cluster])
    balanced[heaviest] = 0.0
    balanced[heaviest] = -np.bincount(cluster, balanced, heaviest.size)
    return balanced


def mean_in_clusters(cluster: np.ndarray, spin: np.ndarray, n: np.ndarray) -> np.ndarray:
    """float64[n_clusters]: (sum of the spins) / (sum of n_i) of every cluster."""
    total, weight = np.bincount(cluster, spin), np.bincount(cluster, n)
    return np.divide(total, weight, out=np.zeros_like(total), where=weight > 0)


def f_and_slope_at_rate(equations: SpinEquations, rate: float) -> tuple[float, float, float]:
    """f, df/ds and the rounding of f at the relaxation rate s = 1/tau_s.

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
    rounding : float
        Absolute error of f by rounding.
    """
    network, n = equations.network, equations.occupation_at(rate)
    factored = equations.factor(rate * n)
    f, rounding, spin = f_and_spin_at_rate(equations, factored, rate)
    if equations.hard_edges:
        y = equations.position_across()
        response = y - rate * factored.solve(y * n)
    else:
        y_ij = -(network.separation @ network.direction_across)
        response = factored.solve(net_flow(network, y_ij * equations.conductance))
    # A sum, not a matrix product: BLAS may add in another order on another processor.
    slope = equations.generation.prefactor * float((response * spin).sum())
    return f, slope, rounding
