"""Response of f to each link, by the adjoint: which links decide the spins that a current makes.

f depends on every link in four ways: through the current that it is divided by, through the
potential that drives the triads, through the spread of the spins, and through the interference in
the triads that hold the link. One solution each of the spin equation and of Kirchhoff's laws with
other right-hand sides gives all four for all links together.
"""

from __future__ import annotations

import numpy as np

from hopnet.checks import instance_of, number
from hopnet.elimination.symbolic import analyse
from hopnet.elimination.symmetric import Factor, factor
from hopnet.errors import ConvergenceError, ParameterError
from hopnet.network.network import INNER, Network
from hopnet.network.triads import Triads, amplitudes
from hopnet.spin.equations import SpinEquations, f_and_spin_at_rate, spin_equations
from hopnet.spin.generation import triad_lists
from hopnet.transport.current import Current
from hopnet.transport.response import link_power

__all__ = ["f_link_response"]

EPSILON = float(np.finfo(float).eps)
# Largest error by rounding over the largest response that is accepted. A larger one would return
# numbers without a digit, a smaller one would refuse samples whose strong responses are right.
MOST_ROUNDING = 1e-2


def f_link_response(
    current: Current,
    tau_s: float,
    *,
    triads: Triads | None = None,
    normalisation: str = "bulk",
    threads: int | None = None,
) -> np.ndarray:
    """Change of f with the conductance of each link: d f / d ln g_l.

    Equation [response 8]. Let d be the drop along a link, X the potential, gamma the generation
    [hopping S44], c the prefactor of f, p the power of [response 1], and

        (Lap + n/tau_s) z = (n/tau_s) y        (Lap + n/tau_s) sigma = gamma
        Lap u = -gamma[z] at the inner sites, u = 0 at the contacts

    where gamma[z] is the generation with z in place of X. Then

        d f / d ln g_l = -p_l f - c K_l (dz_l dsigma_l + du_l dX_l)
                         - (c/2) sum over triads T with l of (2 A/8) (t + t') {z ^ X}_T

    Here t and t' are the two terms of the interference that hold the link, and {z ^ X} =
    dz_ij dX_ik - dz_ik dX_ij. At tau_s = 0, z is y and the term of sigma is left out.

    Parameters
    ----------
    current : Current
        Of an open sample; at tau_s = 0 of a cylinder too.
    tau_s : float, in tau_0
        The spin relaxation time, finite.
    triads : Triads, optional
        The triads of this network; they are listed part by part if they are not given.
    normalisation : {"bulk", "letter"}
        As in `hopnet.f_curve`. The length along which the current flows changes with the links
        too.
    threads : int, optional

    Returns
    -------
    float64[n_links]
        For a change of the links, f changes by the sum of these times d ln g. A wave function that
        shrinks by d ln a_b, for example, changes ln g by 2 R d ln a_b; the amplitude of the
        interference then changes as well, which is no part of this.

    Raises
    ------
    ParameterError
        If tau_s is infinite, or positive on a cylinder, where y has no single value.
    ConvergenceError
        If rounding could reach a hundredth of the largest response, as below n_s a_b^2 = 0.005.

    Notes
    -----
    The sum over all links is f + d f / d ln tau_s: hops that are all faster by one factor are the
    same as a longer tau_s, at more current. Cost: two factors and one sum over the triads.
    """
    instance_of("current", current, Current, "make it with hopnet.solve_current")
    network = current.network
    tau_s = number("tau_s", tau_s, low=0.0, unit="in tau_0")
    equations = spin_equations(network, current, triads, threads, normalisation)
    fast = bool(equations.relaxes_fast(tau_s))
    if not fast and network.sites.geometry != "open":
        raise ParameterError(
            "the response of f at tau_s > 0 needs hard edges, this is a "
            f"{network.sites.geometry}; use geometry='open' or tau_s=0."
        )
    c, n_links = equations.generation.prefactor, network.n_links
    if fast:
        dz = -(network.separation @ network.direction_across)
        spread = np.zeros(n_links)
        f = equations.generation.f_drift
    else:
        excess = equations.occupation_at(1.0 / tau_s) / tau_s
        factored = equations.factor(excess)
        source = excess * equations.position_across()
        dz = factored.link_drops(n_links, (), rhs=source)
        spread = dz * factored.link_drops(n_links, (), rhs=equations.generation.gamma)
        f = f_and_spin_at_rate(equations, factored, 1.0 / tau_s).f
    in_triads, gamma_z = sums_over_triads(equations, dz)
    kirchhoff = contact_factor(equations)
    inner = network.terminals == INNER
    du = kirchhoff.link_drops(n_links, (0.0, 0.0), rhs=np.where(inner, -gamma_z, 0.0))
    found = -c * equations.conductance * (spread + du * current.drop) - 0.5 * c * in_triads
    found -= f * link_power(current)
    if normalisation == "bulk":
        found -= f * relative_change_of_length(equations, kirchhoff)
    check_rounding(equations, found, (gamma_z, current.drop), (spread, dz))
    return found


def check_rounding(
    equations: SpinEquations,
    found: np.ndarray,
    by_potential: tuple[np.ndarray, np.ndarray],
    by_spread: tuple[np.ndarray, np.ndarray],
) -> None:
    """Raise where rounding of the generation, which cancels in each triad, spoils the response.

    What rounding leaves of the generation of strong triads leaves their cluster by its weak links.
    There it counts as much as the current.
    """
    gamma_z, drop = by_potential
    spread, dz = by_spread
    wrong = float(np.abs(gamma_z).sum() * np.abs(drop).max(initial=0.0))
    if np.any(spread):
        wrong += float(np.abs(equations.generation.gamma).sum() * np.abs(dz).max(initial=0.0))
    rounding = EPSILON * abs(equations.generation.prefactor) * wrong
    largest = float(np.abs(found).max(initial=0.0))
    if not rounding <= MOST_ROUNDING * largest:
        raise ConvergenceError(
            f"the response of f must be accurate to {MOST_ROUNDING:g} of its largest value "
            f"({largest:.3g}), rounding is about {rounding:.3g} in this dilute sample; take a "
            "denser one or a shorter tau_s.",
            estimate=found,
            residual=rounding,
        )


def contact_factor(equations: SpinEquations) -> Factor:
    """The factor of Kirchhoff's laws between the contacts, in the unit of the spin equations."""
    network = equations.network
    symbolic = analyse(network.dissection, network.link_i, network.link_j, network.terminals)
    return factor(symbolic, equations.conductance, threads=equations.threads)


def sums_over_triads(equations: SpinEquations, dz: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What the triads add to each link, and the generation gamma[z] of each site.

    Parameters
    ----------
    equations : SpinEquations
    dz : float64[n_links]
        Drops z_i - z_j.

    Returns
    -------
    in_triads : float64[n_links]
        Sum over the triads of a link of (2 A/8) (t + t') {z ^ X}.
    gamma_z : float64[n_sites]
    """
    network: Network = equations.network
    hop, overlap = amplitudes(network, equations.log_scale)
    dx = equations.current.drop
    R = network.separation
    in_triads, gamma = np.zeros(network.n_links), np.zeros(network.n_sites)
    for site, link in triad_lists(network, equations.triads):
        ij, ik, jk = link.T
        twice_area = R[ij, 0] * R[ik, 1] - R[ij, 1] * R[ik, 0]
        at_i = hop[ij] * hop[ik] * overlap[jk]  # hops that meet at site i
        at_j = hop[ij] * hop[jk] * overlap[ik]
        at_k = hop[ik] * hop[jk] * overlap[ij]
        wedge = 0.125 * twice_area * (dz[ij] * dx[ik] - dz[ik] * dx[ij])
        for one, terms in ((ij, at_i + at_j), (ik, at_i + at_k), (jk, at_j + at_k)):
            in_triads += np.bincount(one, wedge * terms, network.n_links)
        strength = -0.0625 * twice_area * (at_i + at_j + at_k)
        for column, drop in enumerate((dz[jk], -dz[ik], dz[ij])):
            gamma += np.bincount(site[:, column], strength * drop, network.n_sites)
    return in_triads, gamma


def relative_change_of_length(equations: SpinEquations, kirchhoff: Factor) -> np.ndarray:
    """d ln L_eff / d ln g_l of `Current.effective_length`, by one more right-hand side.

    With L_eff = sum of K dX R / G it is -flow_l (psi_i - psi_j) / (G L_eff) - p_l. The potential
    psi obeys Kirchhoff's laws at the inner sites and is the coordinate along the current at the
    sites of the contacts. Only positive terms are added, so that strong links keep their digits.
    """
    network, current = equations.network, equations.current
    x = network.sites.position[:, "xy".index(network.axis)]
    inner = network.terminals == INNER
    i, j, K = network.link_i, network.link_j, equations.conductance
    held = np.where(inner, 0.0, x)
    n = network.n_sites
    fed = np.bincount(i, K * held[j], n) + np.bincount(j, K * held[i], n)
    drop = kirchhoff.link_drops(network.n_links, (0.0, 0.0), rhs=np.where(inner, fed, 0.0))
    drop = np.where(inner[i] | inner[j], drop, 0.0) + held[i] - held[j]
    change = -current.relative_flow * drop / current.effective_length
    return change - link_power(current)
