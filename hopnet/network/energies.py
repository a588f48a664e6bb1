"""Site energies: densities of states, occupations and phonon-assisted rates.

With energies, a hop is limited by two factors: the overlap of the two states, and the energy that a
phonon must provide. Everything is kept in logarithms, so that low temperature neither underflows
nor overflows.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from hopnet.checks import array_of, instance_of, number, one_of, shown
from hopnet.errors import ParameterError
from hopnet.network.sites import Sites
from hopnet.records import Record, read_only
from hopnet.seeds import Seed, random_stream

__all__ = [
    "BATHS",
    "FAULTS_OF_A_FORMULA",
    "MARCUS",
    "Bath",
    "MarcusBath",
    "RateLaw",
    "barriers",
    "bath_factor",
    "check_bath",
    "check_chemical_potential",
    "check_range",
    "check_temperature",
    "least_barriers",
    "log_bath",
    "log_hops",
    "log_occupations",
    "named_bath",
    "with_energies",
]

DENSITIES_OF_STATES = ("uniform", "gaussian", "exponential", "coulomb_gap")

Bath = str | Callable[[np.ndarray], ArrayLike]


def with_energies(
    sites: Sites,
    density_of_states: str | ArrayLike = "uniform",
    *,
    width: float | None = None,
    seed: Seed | None = None,
) -> Sites:
    """The same sites with energies drawn from a density of states around zero.

    Parameters
    ----------
    sites : Sites
    density_of_states : {"uniform", "gaussian", "exponential", "coulomb_gap"} or array_like
        "uniform": constant from -width/2 to width/2. "gaussian": standard deviation ``width``.
        "exponential": the tail exp(e / width) of states below zero. "coulomb_gap": proportional to
        abs(e), the soft gap of two dimensions, up to abs(e) = width/2, but without correlations
        (see Notes). An array gives the energies themselves.
    width : float
        Width of the density of states, in the unit in which kT will be given. Not used for given
        energies.
    seed : int, numpy.random.SeedSequence or numpy.random.Generator
        Seed of the energies. Not used for given energies.

    Returns
    -------
    Sites

    Raises
    ------
    ParameterError
        If an argument is missing, of a wrong type or out of its range.

    Notes
    -----
    Energies of different sites are independent of each other and of the positions of the sites. For
    "coulomb_gap" this is a model, not a Coulomb glass. The one-electron density of states has the
    gap of Efros and Shklovskii (J. Phys. C 8, L49 (1975)), fixed in width and not filled up by
    temperature, but there is no interaction. In a Coulomb glass, a hop from i to j costs
    e_j - e_i - e^2 / (kappa R_ij), which is positive for every such pair in the ground state, and
    occupations of neighbours are correlated; the model leaves this out. It shows how a gap bends
    ln rho from T^(-1/3) to T^(-1/2); its number in the T^(-1/2) law is not that of interacting
    electrons. For those, give the energies of a relaxed Coulomb glass.

    Examples
    --------
    >>> import hopnet as hn
    >>> sites = hn.random_sites(1000, density=0.01, seed=7)
    >>> warm = hn.with_energies(sites, "uniform", width=1.0, seed=8)
    >>> bool(abs(warm.energy).max() <= 0.5)
    True
    """
    instance_of("sites", sites, Sites, "make them with hopnet.random_sites")
    if not isinstance(density_of_states, str):
        energy = array_of(
            "density_of_states",
            density_of_states,
            shape=(sites.n_sites,),
            hint=f"give one of {', '.join(DENSITIES_OF_STATES)} or one energy per site",
        )
        return dataclasses.replace(sites, energy=read_only(energy, copy=False))
    one_of("density_of_states", density_of_states, DENSITIES_OF_STATES, "or give an array")
    width = number("width", width, low=0.0, high=1e300, hint="give it in the unit of kT")
    if seed is None:
        raise ParameterError(
            "seed must be a whole number >= 0, got None; energies that cannot be reproduced are of "
            "no use."
        )
    generator = random_stream(seed)
    if density_of_states == "gaussian":
        energy = width * generator.standard_normal(sites.n_sites)
    elif density_of_states == "exponential":
        energy = -width * generator.exponential(size=sites.n_sites)
    else:
        part = 2.0 * generator.random(sites.n_sites) - 1.0
        if density_of_states == "coulomb_gap":
            part = np.sign(part) * np.sqrt(np.abs(part))
        energy = 0.5 * width * part
    return dataclasses.replace(sites, energy=read_only(energy, copy=False))


def ohmic(x: np.ndarray) -> np.ndarray:
    """x / (1 - exp(-x)): density of phonons times coupling proportional to energy; 1 at x = 0."""
    small = np.where(x > 0, x, 1.0)
    return np.where(x > 0, small / -np.expm1(-small), 1.0)


def miller_abrahams(x: np.ndarray) -> np.ndarray:
    """1: every hop down in energy has the rate of a hop at equal energies."""
    return np.ones_like(x)


def heat_bath(x: np.ndarray) -> np.ndarray:
    """2 / (1 + exp(-x)): rates limited by the speed of the bath (Glauber); 1 at x = 0."""
    return 2.0 / (1.0 + np.exp(-x))


# The named baths: s(x), the rate of a hop down by x kT over that of a hop at equal energies.
BATHS = {"ohmic": ohmic, "miller_abrahams": miller_abrahams, "heat_bath": heat_bath}

# The named bath whose s depends on kT in addition to x; see `MarcusBath`.
MARCUS = "marcus"

# Energies over kT at which detailed balance of a rate law is checked. They are incommensurate, so
# that a law that is right at one of them by chance is wrong at another.
CHECKED = np.array([0.37, 1.9, 5.3])
# Largest relative error of detailed balance. Rounding and interpolated tables give about 1e-8; a
# wrong factor changes the rate by more than this.
BALANCE = 1e-6

# Exceptions that a user-defined formula may raise on wrong input.
FAULTS_OF_A_FORMULA = (TypeError, ValueError, ArithmeticError, LookupError, AttributeError)


@dataclass(frozen=True)
class MarcusBath(Record):
    """Marcus' rates of small polarons as a bath s(x).

    Equation [rates 1], from the rate exp(-(lambda + e_j - e_i)^2 / 4 lambda kT)::

        ln s(x) = x / 2 - x^2 kT / (4 lambda)

    Hops down by more than lambda become slower (the inverted region). At equal energies the rate
    is 1/tau_0, which holds the factor exp(-lambda / 4 kT) / sqrt(kT).

    Attributes
    ----------
    reorganisation : float
        Reorganisation energy lambda over kT.
    """

    reorganisation: float

    def __post_init__(self) -> None:
        value = number(
            "the reorganisation energy over kT", self.reorganisation, low=0.0, above=True
        )
        object.__setattr__(self, "reorganisation", value)

    def log(self, x: np.ndarray) -> np.ndarray:
        """ln s(x)."""
        return 0.5 * x - 0.25 * x**2 / self.reorganisation

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """s(x)."""
        return np.exp(self.log(x))


@dataclass(frozen=True)
class RateLaw(Record):
    """A bath from a rate law of both directions, which is checked for detailed balance [rates 2].

    Attributes
    ----------
    rate : callable
        ``rate(u)`` takes float64[n] u = (e_final - e_initial) / kT of either sign and returns the
        rate of the hop in any one unit. It must satisfy rate(u) = exp(-u) rate(-u).

    Raises
    ------
    ParameterError
        If detailed balance is broken at one of three energies.

    Examples
    --------
    The heat bath:

    >>> law = RateLaw(lambda u: 1 / (1 + np.exp(u)))
    >>> law(np.array([0.0])).tolist()
    [1.0]
    """

    rate: Callable[[np.ndarray], ArrayLike]

    def __post_init__(self) -> None:
        if not callable(self.rate):
            raise ParameterError(
                "rate must be a function of (e_final - e_initial) / kT, got "
                f"{shown(self.rate)}; give a function."
            )
        down, up = values_of_bath(self.rate, -CHECKED), values_of_bath(self.rate, CHECKED)
        error = np.abs(up * np.exp(CHECKED) / down - 1.0)
        worst = int(np.argmax(error))
        if error[worst] > BALANCE:
            u = CHECKED[worst]
            raise ParameterError(
                f"a rate law must obey detailed balance, rate(u) = exp(-u) rate(-u): at u = {u:g} "
                f"the ratio rate(u) / rate(-u) must be {np.exp(-u):.4g}, it is "
                f"{up[worst] / down[worst]:.4g}; correct the law."
            )

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """s(x): the rate of a hop down by x kT over that at equal energies."""
        zero = values_of_bath(self.rate, np.zeros(1))[0]
        return values_of_bath(self.rate, -np.asarray(x, dtype=np.float64)) / zero


def check_bath(bath: Any) -> Bath:
    """The name of a bath or a function, or a ParameterError."""
    if callable(bath):
        return bath
    return one_of("bath", bath, (*BATHS, MARCUS), "or give a function of energy over kT")


def named_bath(bath: Any, kT: float | None, reorganisation_energy: float | None) -> Bath:
    """The bath as `bath_factor` takes it: "marcus" with its reorganisation energy over kT.

    Parameters
    ----------
    bath : str or callable
    kT : float or None
        Thermal energy; None for the R-model.
    reorganisation_energy : float or None
        Reorganisation energy in the unit of kT; only "marcus" needs it.
    """
    bath = check_bath(bath)
    if bath != MARCUS:
        if reorganisation_energy is not None:
            raise ParameterError(
                f"reorganisation_energy belongs to bath='marcus', got bath={shown(bath)}; leave it "
                "out."
            )
        return bath
    if reorganisation_energy is None or kT is None:
        raise ParameterError(
            "bath='marcus' needs kT and its reorganisation energy; give kT= and "
            "reorganisation_energy=, or a hopnet.network.MarcusBath."
        )
    energy = number(
        "reorganisation_energy", reorganisation_energy, low=0.0, above=True, unit="unit of kT"
    )
    return MarcusBath(energy / kT)


def bath_factor(bath: Bath, x: np.ndarray) -> np.ndarray:
    """Rate of a hop down by x kT over that of a hop at equal energies.

    This is the factor D(e) (N_e + Theta) q / e^2 of [hopping S9] as one function: s(x) for a hop
    down and exp(-x) s(x) for a hop up, which is detailed balance.

    Parameters
    ----------
    bath : {"ohmic", "miller_abrahams", "heat_bath"}, MarcusBath, RateLaw or callable
        A callable takes float64[n] x >= 0 and returns s(x) > 0; at x = 0 it returns the limit. It
        must be a function of each x alone. Detailed balance then holds by construction. A rate law
        that is known in both directions goes into `RateLaw`, which checks it.
    x : float64[n]
        Energy difference of the two sites over kT, >= 0.

    Returns
    -------
    float64[n]

    Raises
    ------
    ParameterError
        If the bath is unknown, the callable does not return finite positive numbers, or its value
        at one energy depends on the other energies.
    """
    bath = named_bath(bath, None, None)
    if isinstance(bath, str):
        return BATHS[bath](x)
    check_alone(bath)
    return values_of_bath(bath, x)


def log_bath(bath: Bath, x: np.ndarray) -> np.ndarray:
    """ln s(x) of a bath as `bath_factor` takes it; that of Marcus cannot underflow."""
    return bath.log(x) if isinstance(bath, MarcusBath) else np.log(bath_factor(bath, x))


def check_alone(bath: Callable[[np.ndarray], ArrayLike]) -> None:
    """Raise unless a callable bath gives the same s(x) at three energies together and alone.

    Detailed balance needs the same s for a hop and for its reverse, so s must not depend on the
    other links, on the order of the calls or on random numbers.
    """
    together = values_of_bath(bath, CHECKED)
    alone = np.concatenate([values_of_bath(bath, CHECKED[k : k + 1]) for k in (2, 1, 0)])[::-1]
    error = np.abs(together / alone - 1.0)
    worst = int(np.argmax(error))
    if error[worst] > BALANCE:
        raise ParameterError(
            "a bath function must be a function of each x alone, or detailed balance is broken: at "
            f"x = {CHECKED[worst]:g} it returns {together[worst]:.4g} in an array and "
            f"{alone[worst]:.4g} alone; correct it."
        )


def values_of_bath(bath: Callable[[np.ndarray], ArrayLike], x: np.ndarray) -> np.ndarray:
    """The values of a user's bath at x as finite positive floats, or a ParameterError."""
    try:
        value = np.asarray(bath(x.copy()), dtype=np.float64)
    except FAULTS_OF_A_FORMULA as failure:
        raise ParameterError(
            f"a bath function must return one number for every x >= 0, it raised {shown(failure)}; "
            "correct it."
        ) from failure
    if value.shape != x.shape or not np.all(np.isfinite(value)) or np.any(value <= 0):
        raise ParameterError(
            "a bath function must return a finite positive number for every x >= 0, at x = 0 the "
            f"limit, got {shown(value)}; correct it."
        )
    return value


def check_temperature(kT: Any) -> float:
    """kT as a float, or a ParameterError."""
    return number(
        "kT",
        kT,
        low=0.0,
        above=True,
        unit="in the unit of the energies",
        hint="hopping with phonons stops at T = 0",
    )


def check_chemical_potential(chemical_potential: Any, kT: float | None) -> float | None:
    """The chemical potential as a float or None, or a ParameterError."""
    if chemical_potential is None:
        return None
    value = number("chemical_potential", chemical_potential, hint="give an energy, or leave it out")
    if kT is None:
        raise ParameterError(
            f"chemical_potential needs kT, got {shown(value)} without kT; give both or neither."
        )
    return value


def check_range(energy: np.ndarray, kT: float) -> None:
    """Raise if energies over kT leave the range of floats."""
    with np.errstate(over="ignore"):
        span = (energy.max() / kT) - (energy.min() / kT)
    if not span < 1e15:
        raise ParameterError(
            f"energies must span less than 1e15 kT, they span {span:.3g} kT; raise kT."
        )


def log_occupations(
    energy: np.ndarray,
    kT: float,
    chemical_potential: float | None = None,
    *,
    level: float | None = None,
) -> np.ndarray:
    """ln n_i, of Boltzmann [hopping S22] or of Fermi and Dirac.

    Parameters
    ----------
    energy : float64[n_sites]
        Site energies.
    kT : float
        Thermal energy, in the unit of the energies.
    chemical_potential : float, optional
        If it is given, ln f_i of Fermi and Dirac.
    level : float, optional
        The energy at which n_i of Boltzmann is 1; by default the lowest energy.

    Returns
    -------
    float64[n_sites]
    """
    if chemical_potential is None:
        return -(energy - (energy.min() if level is None else level)) / kT
    return -np.logaddexp(0.0, (energy - chemical_potential) / kT)


def log_hops(
    link_i: np.ndarray,
    link_j: np.ndarray,
    distance: np.ndarray,
    energy: np.ndarray,
    kT: float,
    *,
    bath: Bath = "ohmic",
    chemical_potential: float | None = None,
    level: float | None = None,
) -> np.ndarray:
    """ln K_ij of every link: equilibrium flow from j to i, which equals that from i to j.

    Equations [hopping S9], [hopping S26], code units, x = abs(e_i - e_j) / kT, s the bath factor::

        1/tau_ij = exp(-2 R_ij) s(x) exp(-(e_i - e_j)_+ / kT)
        K_ij = n_j / tau_ij                                        Boltzmann
        K_ij = f_j (1 - f_i) / tau_ij                              with exclusion

    Parameters
    ----------
    link_i, link_j : int64[n_links]
        The two sites of each link.
    distance : float64[n_links], in a_b
        Length of each link; with a localisation radius per site, `Sites.effective_length`.
    energy : float64[n_sites]
        Site energies.
    kT : float
        Thermal energy, in the unit of the energies.
    bath : str or callable
        As in `bath_factor`.
    chemical_potential : float, optional
        If it is given, electrons exclude each other.
    level : float, optional
        The energy at which n_i of Boltzmann is 1; by default the lowest energy.

    Returns
    -------
    float64[n_links]

    Notes
    -----
    tau_0 is the time of a hop at equal energies at this temperature. K is symmetric to rounding by
    construction: n_j exp(-(e_i - e_j)_+ / kT) = exp(-(max(e_i, e_j) - e_0) / kT).
    """
    e_i, e_j = energy[link_i], energy[link_j]
    x = np.abs(e_i - e_j) / kT
    overlap = -2.0 * distance + log_bath(bath, x)
    if chemical_potential is None:
        return overlap - (np.maximum(e_i, e_j) - (energy.min() if level is None else level)) / kT
    high = (np.maximum(e_i, e_j) - chemical_potential) / kT
    low = (np.minimum(e_i, e_j) - chemical_potential) / kT
    # f_low (1 - f_high) exp(-(high - low)) = f_high (1 - f_low)
    return overlap - np.logaddexp(0.0, high) - np.logaddexp(0.0, -low)


def barriers(
    link_i: np.ndarray,
    link_j: np.ndarray,
    energy: np.ndarray,
    kT: float,
    chemical_potential: float | None = None,
    *,
    level: float | None = None,
) -> np.ndarray:
    """Energy part of the exponent of every link, >= 0, without the bath factor.

    It is (max(e_i, e_j) - e_0)_+ / kT for Boltzmann occupations, and with exclusion
    (abs(e_i - mu) + abs(e_j - mu) + abs(e_i - e_j)) / 2 kT, the limit of energies that are large
    compared with kT.

    Parameters
    ----------
    link_i, link_j : int64[n_links]
        The two sites of each link.
    energy : float64[n_sites]
        Site energies.
    kT : float
        Thermal energy, in the unit of the energies.
    chemical_potential : float, optional
        mu, if electrons exclude each other.
    level : float, optional
        e_0; by default the lowest energy.

    Returns
    -------
    float64[n_links]
    """
    e_i, e_j = energy[link_i], energy[link_j]
    if chemical_potential is None:
        lowest = energy.min() if level is None else level
        return np.maximum(np.maximum(e_i, e_j) - lowest, 0.0) / kT
    from_level = np.abs(e_i - chemical_potential) + np.abs(e_j - chemical_potential)
    return 0.5 * (from_level + np.abs(e_i - e_j)) / kT


def least_barriers(
    energy: np.ndarray,
    kT: float,
    chemical_potential: float | None = None,
    *,
    level: float | None = None,
) -> np.ndarray:
    """The smallest barrier that a link of each site can have: float64[n_sites].

    Parameters
    ----------
    energy, kT, chemical_potential, level
        As in `barriers`.
    """
    if chemical_potential is None:
        return np.maximum(energy - (energy.min() if level is None else level), 0.0) / kT
    return np.abs(energy - chemical_potential) / kT
