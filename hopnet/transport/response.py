"""Link response: how the conductance changes when its links change.

The conductance is the minimum of the dissipated power over the potentials. The effect of a small
change of a link is therefore proportional to the power that the link dissipates (Cohn's theorem)
[response 1]:

    d ln G = sum over links of p_l d ln g_l        p_l = flow_l drop_l / G        sum p_l = 1

From this one sum follow the activation energy at one temperature, the magnetoresistance by
shrinkage of wave functions, the strain response, the response to a charge near each site, and 1/f
noise. Nothing is differentiated numerically.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit

from hopnet.checks import array_of, flag, instance_of, number, one_of, whole
from hopnet.errors import ParameterError, ValidityWarning
from hopnet.network.energies import FAULTS_OF_A_FORMULA, MARCUS, MarcusBath
from hopnet.network.network import Network
from hopnet.network.triads import separation_across
from hopnet.transport.current import Current

__all__ = [
    "activation_energy",
    "activation_terms",
    "bath_cooling",
    "bath_log_slope",
    "effective_links",
    "effective_number",
    "link_power",
    "link_response",
    "log_noise",
    "mean_hop",
    "noise",
    "shrinkage",
    "shrinkage_terms",
    "site_response",
    "strain_response",
]

# Largest theta: products with logarithms of conductances stay exact to machine precision. Measured
# exponents lie between -1 and 3.
LARGEST_THETA = 1e6
# Logarithms beyond this leave the range of floats.
LARGEST_LOG = 700.0
# Energy differences over kT below this take the series of the slope of the ohmic bath. There the
# closed form loses two digits; the series is right to 1e-16 up to this value.
SMALL = 0.01

Slope = Callable[[np.ndarray], np.ndarray]


def link_power(current: Current) -> np.ndarray:
    """float64[n_links]: share p_l of each link in the dissipated power [response 1]; sum 1."""
    instance_of("current", current, Current, "make it with hopnet.solve_current")
    return current.relative_flow * current.drop


def link_response(current: Current, change: ArrayLike) -> np.ndarray | float:
    """Relative change of the conductance for small relative changes of the links.

    Equation [response 1]: d ln G = sum over links of p_l d ln g_l.

    Parameters
    ----------
    current : Current
    change : array_like[n_links] or [n_links, n]
        d ln g of each link, for one change or for n of them.

    Returns
    -------
    float or float64[n]
        d ln G, to first order.

    Notes
    -----
    Exact to first order; every p_l is accurate relative to G. Removing a link is not a small
    change: dG/G = -p_l / (1 - g_l r_l) with r_l the resistance between its two sites while the
    contacts are joined.
    Cost: O(n_links).
    """
    instance_of("current", current, Current, "make it with hopnet.solve_current")
    n_links = current.network.n_links
    one = not (isinstance(change, np.ndarray) and change.ndim == 2)
    columns = array_of(
        "change",
        change,
        shape=(n_links,) if one else (n_links, None),
        empty=True,
        hint="give d ln g of every link",
    )
    total = link_power(current) @ columns
    return float(total) if one else total


def mean_hop(current: Current, power: float = 1.0) -> float:
    """Mean of R^power over the links, weighted by the dissipated power, in a_b^power.

    Parameters
    ----------
    current : Current
    power : float

    Returns
    -------
    float
        With power 1 it is half of d ln G / d ln a_b.
    """
    power = number("power", power)
    return float((link_power(current) * current.network.distance**power).sum())


def ohmic_slope(x: np.ndarray) -> np.ndarray:
    """x s'(x) / s(x) of s = x / (1 - exp(-x)), that is 1 - x / (exp(x) - 1)."""
    small = np.flatnonzero(x <= SMALL)
    growth = np.minimum(x, LARGEST_LOG)
    np.expm1(growth, out=growth)
    growth[small] = 1.0
    slope = x / growth
    np.subtract(1.0, slope, out=slope)
    y = x[small]
    slope[small] = 0.5 * y - y**2 / 12.0 + y**4 / 720.0
    return slope


def heat_bath_slope(x: np.ndarray) -> np.ndarray:
    """x s'(x) / s(x) of s = 2 / (1 + exp(-x)), that is x / (1 + exp(x))."""
    return x * np.exp(-x) / (1.0 + np.exp(-x))


# d ln s / d ln x of each bath by name that is a function of x alone.
SLOPES: dict[str, Slope] = {
    "ohmic": ohmic_slope,
    "miller_abrahams": np.zeros_like,
    "heat_bath": heat_bath_slope,
}


def energies_of(network: Network) -> tuple[np.ndarray, float]:
    """The site energies and kT of a network that was built with them."""
    if network.kT is None or network.sites.energy is None:
        raise ParameterError(
            "the response to temperature or energies needs a network built with energies and kT, "
            "this one is the R-model or was given by its links; use build_network(sites, kT=...)."
        )
    return network.sites.energy, network.kT


def bath_log_slope(network: Network, slope: Slope | None = None) -> np.ndarray:
    """x s'(x) / s(x) of the bath of a network at every link, x = abs(e_i - e_j) / kT.

    Parameters
    ----------
    network : Network
        Built with energies and kT.
    slope : callable, optional
        The slope of a user-defined bath, which must be a function of x alone. The callable takes
        float64[n] x >= 0.

    Returns
    -------
    float64[n_links]

    Raises
    ------
    ParameterError
        If the network has no temperature, or if its bath is a function whose slope is not given.
    """
    x = energy_differences(network)
    if slope is None and network.bath == MARCUS:
        return 0.5 * x - 0.5 * x**2 / marcus_of(network).reorganisation
    if slope is not None:
        return array_of("bath_slope(x)", answer_of(slope, x), shape=(network.n_links,), empty=True)
    if not (isinstance(network.bath, str) and network.bath in SLOPES):
        raise ParameterError(
            f"the bath {network.bath!r} is a function whose slope is not known; give "
            "bath_slope=, a function of x that returns x s'(x) / s(x)."
        )
    return SLOPES[network.bath](x)


def energy_differences(network: Network) -> np.ndarray:
    """float64[n_links]: x = abs(e_i - e_j) / kT of each link."""
    energy, kT = energies_of(network)
    return np.abs(energy[network.link_i] - energy[network.link_j]) / kT


def marcus_of(network: Network) -> MarcusBath:
    """Marcus' bath of a network, with its reorganisation energy over kT."""
    if network.reorganisation_energy is None or network.kT is None:
        raise ParameterError(
            "bath='marcus' needs its reorganisation energy, this network does not hold it; build "
            "it with build_network(..., reorganisation_energy=)."
        )
    return MarcusBath(network.reorganisation_energy / network.kT)


def bath_cooling(network: Network, slope: Slope | None = None) -> np.ndarray:
    """-d ln s / d ln T of the bath at every link, at fixed energies [response 2].

    It is x s'(x) / s(x) for a bath that is a function of x = abs(e_i - e_j) / kT alone. The bath of
    Marcus depends on kT beside x, ln s = (D/2 - D^2 / 4 lambda) / kT with the energy D = x kT, so
    that it is ln s there.

    Parameters
    ----------
    network, slope
        As in `bath_log_slope`.

    Returns
    -------
    float64[n_links]
    """
    if slope is None and network.bath == MARCUS:
        return marcus_of(network).log(energy_differences(network))
    return bath_log_slope(network, slope)


def answer_of(slope: Slope, x: np.ndarray) -> Any:
    """The values of a user's function at x, or a ParameterError if the call fails."""
    try:
        return slope(x)
    except FAULTS_OF_A_FORMULA as failure:
        raise ParameterError(
            f"bath_slope must be a function of one array x, it raises {type(failure).__name__} "
            f"({failure!s:.100}); return x s'(x) / s(x)."
        ) from failure


def fermi(u: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(u)) without overflow."""
    return expit(-u)


def level_of(network: Network) -> float:
    """The level from which energies count: mu with exclusion, else the lowest energy."""
    energy, _ = energies_of(network)
    return float(energy.min()) if network.chemical_potential is None else network.chemical_potential


def activation_energy(
    current: Current, *, fixed: str = "level", bath_slope: Slope | None = None
) -> float:
    """Local activation energy over kT, w = -d ln(rho/rho_0) / d ln T, from one temperature.

    Equation [response 2]: w = sum over links of p_l d ln K_l / d ln T. Let x = abs(e_i - e_j) / kT,
    let h and l be the higher and the lower energy of the link over kT, and F(u) = 1 / (1 + exp(u)):

        Boltzmann:  d ln K / d ln T = -x s'/s + h                  h from the lowest level
        exclusion:  d ln K / d ln T = -x s'/s + h F(-h) - l F(l)   h, l from mu

    Parameters
    ----------
    current : Current
        Of a network built with energies and kT.
    fixed : {"level", "electrons"}
        What stays constant as T changes: the level (mu, or the lowest level for Boltzmann
        occupations), as in `temperature_curve`, or the number of electrons.
    bath_slope : callable, optional
        x s'(x) / s(x) of a user-defined bath, which must be a function of x alone.

    Returns
    -------
    float
        It refers to rho / rho_0. For the resistivity in Ohm subtract d ln rho_0 / d ln T =
        1 + d ln tau_0 / d ln T, which is 0 for ohmic phonons (1/tau_0 ~ T), 1 for a constant
        tau_0, and 3/2 - lambda / (4 kT) for Marcus' rates.

    Notes
    -----
    The links are those of the network: links that a change of temperature would add are not
    counted. Cost: O(n_links).
    """
    fixed = one_of("fixed", fixed, ("level", "electrons"))
    w = float(activation_terms(current, bath_slope).sum())
    network = current.network
    energy, kT = energies_of(network)
    if network.chemical_potential is None:
        if fixed == "electrons":
            n = network.occupation
            w -= float((n * (energy - energy.min())).sum() / n.sum() / kT)
        return w
    if fixed == "electrons":
        above = energy - network.chemical_potential
        filled = fermi(above / kT)
        # kT d ln K / d mu = F(-h) - F(l) of each link, which is 1 less F at both ends.
        to_level = 1.0 - filled[network.link_i] - filled[network.link_j]
        capacity = np.exp(network.log_capacity)
        drift = float((capacity * above).sum() / capacity.sum() / kT)
        w -= float((link_power(current) * to_level).sum()) * drift
    return w


def activation_terms(current: Current, bath_slope: Slope | None = None) -> np.ndarray:
    """float64[n_links]: what each link adds to w at a fixed level [response 2]."""
    instance_of("current", current, Current, "make it with hopnet.solve_current")
    network = current.network
    energy, kT = energies_of(network)
    above = (energy - level_of(network)) / kT
    e_i, e_j = above[network.link_i], above[network.link_j]
    if network.chemical_potential is None:
        change = np.maximum(e_i, e_j)
    else:
        # h F(-h) - l F(l) is the sum of e F(-e) over both sites, less the lower of the energies.
        each = above * fermi(-above)
        change = each[network.link_i] + each[network.link_j]
        change -= np.minimum(e_i, e_j)
    change -= bath_cooling(network, bath_slope)
    change *= link_power(current)
    return change


def shrinkage(current: Current, *, field: str = "z", finite_length: bool = False) -> float:
    """Magnetoresistance by shrinkage of wave functions: d ln rho / d beta, beta = (a_b / lambda)^4.

    Equation [response 3], lambda^2 = hbar / (e B), theta the angle between hop and field, which is
    90 degrees in a plane:

        ln J(R) = -R / a_b - a_b R^3 sin^2(theta) / (24 lambda^4)

        d ln rho / d beta = <R^3 sin^2(theta)> / 12

    Parameters
    ----------
    current : Current
    field : {"x", "y", "z"}
        Axis of the magnetic field. Sites in a plane take "z" only.
    finite_length : bool
        Multiply each R^3 by 1 + 3 a_b / (2 R), the next term of the exact Green function of a
        zero-range centre in the plane at fixed energy: 17 % at R = 10 a_b. It is not known for
        sites in space.

    Returns
    -------
    float
        In dilute samples of the R-model it tends to l_c^3 / 12. With a localisation radius per
        site, R^3 (a_i + a_j) / 2 a_b stands for R^3.
    """
    return float(shrinkage_terms(current, field=field, finite_length=finite_length).sum())


def shrinkage_terms(
    current: Current, *, field: str = "z", finite_length: bool = False
) -> np.ndarray:
    """float64[n_links]: what each link adds to `shrinkage`."""
    power = link_power(current)
    network = current.network
    distance, radius = network.distance, network.sites.radius
    cube, square = distance**3, 1.5 * distance**2
    across = separation_across(network, field)
    if network.sites.dimension == 3:
        if finite_length:
            raise ParameterError(
                "finite_length needs sites in a plane, these have 3 coordinates; the next term of "
                "the exponent is known there only, leave it out."
            )
        cube = distance * np.sum(across**2, axis=1)
    if radius is not None:
        # Each of the two states adds a R^3 / 24 to the exponent of the rate.
        cube *= 0.5 * (radius[network.link_i] + radius[network.link_j])
        square *= 0.5 * (radius[network.link_i] ** 2 + radius[network.link_j] ** 2)
    if flag("finite_length", finite_length):
        cube = cube + square
    return power * cube / 12.0


def strain_response(current: Current) -> np.ndarray:
    """Response of the conductance to a homogeneous strain at fixed a_b.

    Equation [response 4], c and s the direction cosines of the link:

        d ln G = -2 sum over links of p R (c^2 e_xx + s^2 e_yy + 2 c s e_xy)

    Parameters
    ----------
    current : Current

    Returns
    -------
    float64[dim, dim]
        d ln G / d e, symmetric: multiply by the strain tensor element by element and add. The
        gauge factor of the resistance along x is minus the element xx. For the resistivity add
        d ln(width / length).
    """
    network = current.network
    R = network.separation
    length = np.where(network.distance > 0, network.distance, 1.0)
    inverse = network.sites.effective_length(network.link_i, network.link_j, 1.0)
    weight = -2.0 * link_power(current) / length * inverse
    axes = range(R.shape[1])
    pairs = {
        (a, b): float((weight * R[:, a] * R[:, b]).sum()) for a in axes for b in axes if a <= b
    }
    return np.array([[pairs[min(a, b), max(a, b)] for b in axes] for a in axes])


def site_response(current: Current, *, bath_slope: Slope | None = None) -> np.ndarray:
    """Response of the conductance to a shift of the energy of each site: d ln G / d e_i.

    Equation [response 5], with u = s'(x) / s(x), and h and l as in `activation_energy`:

        kT d ln K / d e_high = u - 1  (exclusion: u - F(-h))
        kT d ln K / d e_low  = -u     (exclusion: -u + F(l))

    A nearby charge shifts the energy of each site by its potential U_i. Let S_i be the value
    returned for site i. Then d ln G = sum_i S_i U_i, so a scanning-gate map is a convolution of S.

    Parameters
    ----------
    current : Current
        Of a network built with energies and kT.
    bath_slope : callable, optional

    Returns
    -------
    float64[n_sites], in one over the unit of energy
        Their sum is -1 / kT for Boltzmann occupations, and -d ln G / d mu with exclusion.

    Notes
    -----
    With Miller and Abrahams' rates the conductance of a link has a kink at equal energies. The mean
    of the derivatives on both sides is taken there.
    """
    network = current.network
    energy, kT = energies_of(network)
    n, i, j = network.n_sites, network.link_i, network.link_j
    power = link_power(current)
    step = (energy[i] - energy[j]) / kT
    smooth = network.bath != "miller_abrahams"
    equal = np.flatnonzero(step == 0)
    if not smooth and np.any(current.relative_flow[equal] != 0):
        warnings.warn(
            "with Miller and Abrahams' rates the conductance has a kink where two linked sites "
            "have equal energies: the mean of both slopes is returned there.",
            ValidityWarning,
            stacklevel=2,
        )
    # Each end of a link has -1/2, and (u - 1/2) with the sign of its energy above the other end.
    step[equal] = 1.0
    skew = power * (bath_log_slope(network, bath_slope) - 0.5 * np.abs(step)) / step
    skew[equal] = 0.0
    total = np.bincount(i, skew, n) - np.bincount(j, skew, n)
    # With exclusion F of its energy is added at each end, because -F(-h) = F(h) - 1.
    filled = np.zeros(n)
    if network.chemical_potential is not None:
        filled = fermi((energy - network.chemical_potential) / kT)
    total += (filled - 0.5) * (np.bincount(i, power, n) + np.bincount(j, power, n))
    return total / kT


def noise(current: Current, *, theta: float = 0.0, moment: int = 2) -> float:
    """1/f noise of the sample, divided by that of one link with the conductance of the sample.

    Equation [response 6]: independent fluctuations of ln g_l with a spectrum g_l^-theta,

        S_V / V^2 = sum over links of p_l^2 (g_l / G)^-theta

    Parameters
    ----------
    current : Current
    theta : float
        0: all links have the same fluctuations of ln g. Positive: weak links are noisier.
    moment : int
        2 is the noise; higher moments are those of the multifractal current distribution.

    Returns
    -------
    float
        The sum of p^moment (g / G)^(-theta moment / 2). For moment 2, the product with the number
        of sites does not depend on the size of the sample; in dilute samples it grows as
        n_s^(-m/2) with m from 2.57 to 2.83 (links up to l_c + 6 a_b, theta 0), near 8/3;
        with the shorter cutoff of 1.5 l_c it is 2.2 to 2.5, the 2.3 of the literature.
    """
    found = log_noise(current, theta=theta, moment=moment)
    if not abs(found) < LARGEST_LOG:
        raise ParameterError(
            f"the noise leaves the range of floats: with theta {theta:g} and moment {moment} its "
            f"logarithm is {found:.4g}; take theta nearer to 0, or hopnet.transport.log_noise."
        )
    return float(np.exp(found))


def log_noise(current: Current, *, theta: float = 0.0, moment: int = 2) -> float:
    """Logarithm of `noise`, which no theta and no contrast takes out of the range of floats.

    Parameters
    ----------
    current, theta, moment
        As in `noise`.

    Returns
    -------
    float
    """
    theta = number("theta", theta, low=-LARGEST_THETA, high=LARGEST_THETA)
    moment = whole("moment", moment, low=1, high=1000)
    power = np.abs(link_power(current))
    carries = power > 0
    log_weight = -0.5 * theta * (current.network.log_conductance - current.log_conductance)
    log_terms = moment * (np.log(power[carries]) + log_weight[carries])
    largest = float(log_terms.max())
    return largest + float(np.log(np.exp(log_terms - largest).sum()))


def effective_number(terms: np.ndarray) -> float:
    """Number of equal terms that would scatter as these do: (sum abs t)^2 / sum t^2.

    Parameters
    ----------
    terms : float64[n]
        What each link, or each triad, adds to a result.

    Returns
    -------
    float
        1 if one term carries everything, n if all are equal; 0 if all are zero. A result that few
        terms carry differs much from sample to sample.
    """
    size = np.abs(terms)
    largest = float(size.max(initial=0.0))
    if largest == 0.0:
        return 0.0
    share = size / largest
    return float(share.sum() ** 2 / (share**2).sum())


def effective_links(current: Current, *, theta: float = 0.0) -> float:
    """Effective number of links that carry the noise, (sum t)^2 / sum t^2 with t its terms."""
    second = log_noise(current, theta=theta)
    return float(np.exp(2.0 * second - log_noise(current, theta=theta, moment=4)))
