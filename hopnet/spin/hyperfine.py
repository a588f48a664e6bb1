"""Frozen fields of the nuclei, one random vector per site, and formulae for a single site.

Derived in docs/nuclear_fields.md. The strength sigma is the standard deviation of one component of
the precession frequency, so that <omega^2> = 3 sigma^2.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.polynomial.legendre import leggauss
from numpy.typing import ArrayLike
from scipy.special import erfcx, exp1

from hopnet.checks import array_of, flag, instance_of, number
from hopnet.errors import ParameterError
from hopnet.network.network import Network
from hopnet.seeds import Seed, random_stream

__all__ = ["kubo_toyabe", "memory_of_a_site", "overhauser_fields", "rate_of_a_site", "turned_copy"]

# Range of the normal variable (the component of the nuclear field along the external one, over
# sigma) in a mean: beyond it the weight is below 1e-17. A larger range only costs more nodes.
RANGE = 9.0
# Nodes of Gauss-Legendre quadrature in each of its panels, which are graded towards the zero of the
# total field: the integrand changes there within a / sigma. With 20 the error is below 1e-10.
PANEL_NODES = 20
# Nodes of Gauss-Legendre quadrature over time: enough for 100 turns in the external field.
LEGENDRE_NODES = 400

gauss_rule = cache(leggauss)  # nodes and weights on (-1, 1)
# Argument of c e^c E_1(c) above which its asymptotic series is used; its next term is 6 / c^3.
# Far larger arguments would overflow.
SERIES = 500.0
# Rate over sigma above which the series of `turned_share` is used. At this value both the series
# and the closed form have a relative error of 1e-10; either becomes worse beyond it.
LARGE_RATIO = 30.0


def overhauser_fields(
    network: Network, strength: ArrayLike, *, seed: Seed, remove_mean: bool = True
) -> np.ndarray:
    """Random frozen precession frequencies of the nuclei, one vector per site.

    Equation [nuclei 2]: independent Gaussian components Omega_ix with standard deviation sigma.

    Parameters
    ----------
    network : Network
    strength : float, array_like[n_sites] or array_like[3], in 1/tau_0
        sigma = g mu_B B_N / hbar, the standard deviation of one component: one number for all
        sites, one per site, or three for the components x, y, z (an Ising field is (0, 0, sigma)).
        `Material.precession` converts a field in T.
    seed : int
    remove_mean : bool
        Whether the mean field of the sample is removed, in proportion to the strength of each site.
        The mean, about sigma / sqrt(N), acts on all spins like an external field, which an infinite
        sample does not have. It matters unless sqrt(N) is large against sigma times the spin
        relaxation time. Use False for averages over single sites or over independent copies.

    Returns
    -------
    float64[n_sites, 3]
        The ``field`` of `hopnet.solve_kinetics` and others; add an external field to it if needed.

    Raises
    ------
    ParameterError
        If a strength is negative, or if there is not one for each site.

    Notes
    -----
    Valid while the nuclei are frozen: all times of interest must be short against the time in which
    the nuclear fields turn (about 1e-6 s in GaAs). The fields of different sites must be
    independent. In other notations, Delta of Kubo and Toyabe is sigma, and T_Delta is
    sqrt(2) / sigma.

    Examples
    --------
    >>> import hopnet as hn
    >>> network = hn.build_network(hn.random_sites(2000, density=0.1, seed=1))
    >>> field = hn.overhauser_fields(network, 1e-3, seed=2)
    >>> bool(abs(field.std() / 1e-3 - 1) < 0.02)
    True
    """
    instance_of("network", network, Network, "make it with hopnet.build_network")
    flag("remove_mean", remove_mean)
    sigma = check_strength(network.n_sites, strength)
    normal = random_stream(seed).standard_normal((network.n_sites, 3))
    field = sigma * normal
    if remove_mean:
        weight = np.broadcast_to(sigma, field.shape).sum(axis=0)
        mean = np.divide(field.sum(axis=0), weight, out=np.zeros(3), where=weight > 0)
        field = field - mean * sigma
    return np.ascontiguousarray(field)


def check_strength(n_sites: int, strength: Any) -> np.ndarray:
    """The standard deviations in a shape that broadcasts to [n_sites, 3], or a ParameterError.

    Three numbers are the components x, y, z, not three sites.
    """
    sigma = array_of(
        "strength",
        strength,
        low=0.0,
        high=1e100,
        hint="give the standard deviation of one component, in 1/tau_0",
    )
    if sigma.shape[0] in (1, 3):
        return sigma[None, :]
    if sigma.shape[0] != n_sites:
        raise ParameterError(
            f"strength must be one number, three components or one for each of the {n_sites} "
            f"sites, got {sigma.shape[0]} numbers; give sigma in 1/tau_0."
        )
    return sigma[:, None]


def turned_copy(field: np.ndarray) -> np.ndarray:
    """float64[..., 3]: the fields turned by half a turn about z, (-x, -y, z)."""
    return np.asarray(field) * np.array([-1.0, -1.0, 1.0])


def kubo_toyabe(time: ArrayLike, strength: float, field: float = 0.0) -> np.ndarray:
    """Polarisation P(t) along the external field of spins that never hop.

    Equation [nuclei 3], the mean over isotropic Gaussian fields (Kubo and Toyabe; Merkulov, Efros
    and Rosen). Without an external field::

        P = 1/3 + (2/3) (1 - sigma^2 t^2) exp(-sigma^2 t^2 / 2)

    Parameters
    ----------
    time : array_like, in tau_0
        Times >= 0.
    strength : float, in 1/tau_0
        sigma, the standard deviation of one component.
    field : float, in 1/tau_0
        External field along the spin.

    Returns
    -------
    float64[n_times]
    """
    t = array_of("time", time, low=0.0, high=1e100, hint="give times in tau_0")
    sigma = number("strength", strength, low=0.0, high=1e100, unit="in 1/tau_0")
    B = abs(number("field", field, unit="in 1/tau_0"))
    with np.errstate(over="ignore", invalid="ignore"):
        square = np.minimum((sigma * t) ** 2, 1e4)  # exp(-5000) is 0
        if B == 0.0:
            return 1 / 3 + 2 / 3 * (1 - square) * np.exp(-square / 2)
    # The Gaussian ends the time integral at 40 / sigma; up to there the phase B t is resolved.
    end = np.minimum(t, 40.0 / sigma if sigma > 0 else 0.0)
    if np.any(B * end > 0.5 * LEGENDRE_NODES):
        raise ParameterError(
            f"field must not turn a spin more than {LEGENDRE_NODES // 2} radians within 40 / sigma "
            f"and the times, got field={B:g} and strength={sigma:g}; take a smaller field."
        )
    x, weight = gauss_rule(LEGENDRE_NODES)
    u = 0.5 * end[:, None] * (x + 1)
    integral = 0.5 * end * (np.sin(B * u) * np.exp(-0.5 * (sigma * u) ** 2) @ weight)
    decay = 1 - np.exp(-0.5 * square) * np.cos(B * t)
    ratio = (sigma / B) ** 2
    return 1 - 2 * ratio * decay + 2 * ratio * sigma**2 / B * integral


def memory_of_a_site(rate: ArrayLike, strength: float, field: float = 0.0) -> np.ndarray:
    """Mean time that a spin along the field survives at a site, left at the given rate.

    Equation [nuclei 4], phi(a) = int_0^inf P(t) exp(-a t) dt with P of `kubo_toyabe`::

        phi = 1/(3a) + (2/3) (a/sigma^2) [1 - y sqrt(pi/2) erfcx(y / sqrt 2)],  y = a / sigma

    and in a field phi = (1/a) <c e^c E_1(c)>, c = (a^2 + (B + sigma x)^2) / (2 sigma^2), the mean
    over a normal x.

    Parameters
    ----------
    rate : array_like, in 1/tau_0
        a > 0, the rate of leaving.
    strength : float, in 1/tau_0
        sigma.
    field : float, in 1/tau_0
        External field along the spin.

    Returns
    -------
    float64[n_rates], in tau_0
    """
    a = array_of("rate", rate, low=1e-150, high=1e150, hint="give rates in 1/tau_0")
    sigma = number("strength", strength, low=0.0, high=1e100, unit="in 1/tau_0")
    B = number("field", field, unit="in 1/tau_0")
    if sigma == 0.0:
        return 1.0 / a
    if B == 0.0:
        return (1.0 - turned_share(a / sigma)) / a
    x, weight = normal_quadrature(-B / sigma)
    c = 0.5 * ((a[:, None] / sigma) ** 2 + (B / sigma + x) ** 2)
    small = np.minimum(c, SERIES)
    exact = small * np.exp(small) * exp1(small)
    series = 1 - 1 / c + 2 / c**2
    return (np.where(c > SERIES, series, exact) @ weight) / a


def normal_quadrature(centre: float) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of a mean over a normal variable, dense around ``centre``."""
    fine = np.append(10.0 ** np.arange(-6, 0), 0.5)
    edge = np.concatenate([np.arange(-RANGE, RANGE + 1), centre + fine, [centre], centre - fine])
    edge = np.unique(np.clip(edge, -RANGE, RANGE))
    node, weight = gauss_rule(PANEL_NODES)
    half = 0.5 * np.diff(edge)
    x = (edge[:-1] + half)[:, None] + half[:, None] * node
    share = half[:, None] * weight * np.exp(-0.5 * x**2)
    return x.ravel(), share.ravel() / share.sum()


def turned_share(y: np.ndarray) -> np.ndarray:
    """Fraction 1 - a phi(a) of the spin that is lost at a site before the hop, at y = a / sigma.

    It is 1 - 1/3 - (2/3) y^2 [1 - y sqrt(pi/2) erfcx(y / sqrt 2)]. For large y, where the bracket
    would lose digits, the series 2/y^2 - 8/y^4 + ... is used.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        bracket = 1.0 - y * np.sqrt(np.pi / 2) * erfcx(y / np.sqrt(2))
        direct = (2.0 / 3.0) * (1.0 - y**2 * bracket)
        s = 1.0 / y**2
        # bracket = s - 3 s^2 + 15 s^3 - 105 s^4 + 945 s^5 - ...
        series = (2.0 / 3.0) * s * (3 - s * (15 - s * (105 - s * (945 - s * 10395))))
    return np.where(y > LARGE_RATIO, series, direct)


def rate_of_a_site(rate: ArrayLike, strength: float) -> np.ndarray:
    """Relaxation rate of the spin at a site that electrons leave at the rate a.

    Equation [nuclei 5], the self-energy gamma(a) = 1/phi(a) - a: 2 sigma^2 / a where hops are fast,
    2a where they are slow (a third of the spin survives a visit), and at most 0.777 sigma, at
    a = 0.967 sigma.

    Parameters
    ----------
    rate : array_like, in 1/tau_0
        a > 0.
    strength : float, in 1/tau_0
        sigma, the standard deviation of one component.

    Returns
    -------
    float64[n_rates], in 1/tau_0
    """
    a = array_of("rate", rate, low=1e-150, high=1e150, hint="give rates in 1/tau_0")
    sigma = number("strength", strength, low=0.0, high=1e100, unit="in 1/tau_0")
    if sigma == 0.0:
        return np.zeros_like(a)
    taken = turned_share(a / sigma)
    return a * taken / (1.0 - taken)
