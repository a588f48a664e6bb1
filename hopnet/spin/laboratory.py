"""What a material shows in the laboratory: resistance, polarisation and Hall mobility in SI units.

Several random samples with the density of the material are solved, and their numbers are averaged.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.constants import e, k
from scipy.optimize import brentq
from scipy.special import expit

from hopnet.checks import array_of, instance_of, number, whole
from hopnet.errors import ParameterError
from hopnet.material import (
    LARGEST_ETA,
    LARGEST_KELVIN,
    LARGEST_VOLTS,
    Material,
    conductivities,
    kelvin,
    quiet_limits,
)
from hopnet.material_hall import hall_response
from hopnet.network.build import build_network
from hopnet.network.energies import with_energies
from hopnet.network.network import Network
from hopnet.network.sites import Sites, critical_length, random_sites
from hopnet.progress import track
from hopnet.records import Record
from hopnet.seeds import check_seed
from hopnet.spin.curve import f_curve
from hopnet.transport.current import solve_current
from hopnet.transport.hall import hall_angle

__all__ = [
    "Laboratory",
    "charge_network",
    "laboratory_numbers",
    "laboratory_table",
    "read_material",
    "sample_of",
    "spin_network",
]

# Sheet resistance up to which an electrometer measures, in Ohm. A larger one gives currents below
# 1 pA at 1 V. An assumption about the instrument, not a limit of the theory.
LARGEST_RESISTANCE = 1e12
# Spin polarisation from which optical methods see it. An assumption about the instrument:
# optical rotation resolves a few parts in 1e5. Change it by ``detectable``.
DETECTABLE = 1e-5
# Samples are open across the current in experiments; the bulk is computed (cylinder).
GEOMETRY = "cylinder"
# Numbers of sites that are accepted: below, every sample is an exception; above, memory ends.
FEWEST, MOST = 50, 10_000_000


@dataclass(frozen=True, eq=False)
class Laboratory(Record):
    """Numbers of a material at one temperature and field, each with its standard error.

    The polarisation and the Hall mobility are nan if hbar / (J_0 tau_0) is above 1: they come from
    the interference of a hop with one through a third site, as a small correction.

    Errors are over samples of ``n_sites`` sites; they say nothing about the errors of the numbers
    of the material. With one sample they are nan.

    Attributes
    ----------
    temperature : float, K
    field : float, V/m
        The electric field.
    resistance, resistance_standard_error : float, Ohm
        Sheet resistance; a geometric mean over samples.
    critical_length : float, m
        l_c of many sites of equal energy, 1.198 / sqrt(n_s).
    critical_exponent : float
        xi_c: the critical conductance is exp(-xi_c) / rho_0; 2 l_c / a_b at equal energies.
    window : float, J
        k_B T xi_c: the sites whose energies are farther than this from the chemical potential take
        no part in the current at the threshold.
    regime : {"nearest-neighbour", "variable range"}
        "variable range" if ``window`` leaves out more than a tenth of the sites.
    f, f_standard_error : float
        f(n_s, tau_s) of few carriers.
    polarisation, polarisation_standard_error : float
        Spin polarisation s in the field; nan if the material has no spin-orbit coupling.
    hall_mobility, hall_mobility_standard_error : float, m^2/(V s)
    n_samples, n_sites : int
    detectable : float
        The polarisation that counts as measurable.
    """

    temperature: float
    field: float
    resistance: float
    resistance_standard_error: float
    critical_length: float
    critical_exponent: float
    window: float
    regime: str
    f: float
    f_standard_error: float
    polarisation: float
    polarisation_standard_error: float
    hall_mobility: float
    hall_mobility_standard_error: float
    n_samples: int
    n_sites: int
    detectable: float

    @property
    def resistance_is_measurable(self) -> bool:
        """Whether the sheet resistance is at most 1e12 Ohm."""
        return self.resistance <= LARGEST_RESISTANCE

    @property
    def spin_is_measurable(self) -> bool:
        """Whether the polarisation is at least ``detectable``."""
        return abs(self.polarisation) >= self.detectable


class Measured(NamedTuple):
    """One sample at one temperature, in units of the code.

    Attributes
    ----------
    log_ratio : float
        ln(rho / rho_0).
    exponent : float
        xi_c.
    excluded : float
        Share of the sites outside the window of energies.
    f, tangent : float
        f at tau_s, and tan(theta_H) / (eta b); nan if not asked for.
    """

    log_ratio: float
    exponent: float
    excluded: float
    f: float
    tangent: float


def sample_of(material: Material, n_sites: int, seed: int, number: int = 0) -> Sites:
    """Random sites with the density and the energies (in J / disorder_width) of a material."""
    stream = np.random.SeedSequence(check_seed(seed), spawn_key=(number,)).spawn(2)
    sites = random_sites(n_sites, density=material.density, seed=stream[0], geometry=GEOMETRY)
    if material.disorder_width is None:
        return sites
    return with_energies(sites, material.density_of_states, width=1.0, seed=stream[1])


def thermal_energy(material: Material) -> float | None:
    """k_B T over the width of the density of states; None without disorder of the energies."""
    if material.disorder_width is None:
        return None
    return k * kelvin(material) / material.disorder_width


def charge_network(material: Material, sites: Sites) -> Network:
    """The network of charge: electrons fill the sites up to n, and exclude each other."""
    kT = thermal_energy(material)
    if kT is None or sites.energy is None:
        return build_network(sites)
    mu = chemical_potential(sites.energy, kT, material.n / material.n_s)
    return build_network(sites, kT=kT, chemical_potential=mu)


def spin_network(material: Material, sites: Sites) -> Network:
    """The network of spins: few carriers, with the occupations of Boltzmann."""
    return build_network(sites, kT=thermal_energy(material))


def chemical_potential(energy: np.ndarray, kT: float, filling: float) -> float:
    """The chemical potential at which the mean occupation of Fermi and Dirac is ``filling``."""
    if not 0.0 < filling < 1.0:
        raise ParameterError(
            "with site energies the number of electrons must be between none and one per site, got "
            f"n = {filling:.4g} n_s; correct n or n_s."
        )
    # Beyond these ends all occupations lie below, or above, the filling that is sought.
    reach = kT * (abs(math.log(filling)) + abs(math.log1p(-filling)) + 1.0)
    ends = energy.min() - reach, energy.max() + reach
    return float(brentq(lambda mu: expit((mu - energy) / kT).mean() - filling, *ends, xtol=1e-14))


def measure(material: Material, sites: Sites, *, spin: bool, hall: bool) -> Measured:
    """The numbers of one sample; f only with ``spin``, the Hall angle only with ``hall``."""
    network = charge_network(material, sites)
    current = solve_current(network)
    # No current flows inside the contact strips: the resistance belongs to the rest of the length.
    free = network.length_along_current / current.effective_length
    log_ratio, excluded = current.log_resistivity + math.log(free), 0.0
    mu = network.chemical_potential
    if network.kT is not None and mu is not None and sites.energy is not None:
        # hopnet's unit with exclusion is k_B T tau_0 / e^2, which is rho_0 n / n_s.
        log_ratio += math.log(material.n / material.n_s)
        reach = network.kT * (network.critical_exponent or math.inf)
        excluded = float(np.mean(np.abs(sites.energy - mu) > reach))
    f = tangent = math.nan
    if spin:
        few = network if network.kT is None else spin_network(material, sites)
        own = current if few is network else None
        f = float(f_curve(few, material.tau_s / material.tau_0, current=own).f[0])
    if hall:
        tangent = hall_angle(network, current=current).tangent
    exponent = network.critical_exponent
    if exponent is None:  # equal energies
        exponent = 2.0 * critical_length(material.density)
    return Measured(log_ratio, exponent, excluded, f, tangent)


def read_material(
    path: str | Path, *, seed: int, n_sites: int = 10_000, samples: int = 4
) -> Material:
    """A material from its file; tau_0 from a measured resistance, by the resistivity of samples.

    Parameters
    ----------
    path : path-like
        File with a table [material], as `Material.from_toml` takes it.
    seed : int
        Seed of the samples. It is not used without ``resistance_kOhm``.
    n_sites, samples : int
        Size and number of the samples.

    Returns
    -------
    Material
    """
    material = Material.from_toml(path)
    if material.resistance is None:
        return material
    with quiet_limits():
        found = [
            measure(material, sites, spin=False, hall=False).log_ratio
            for sites in samples_of(material, n_sites, seed, samples)
        ]
    return material.with_resistivity(math.exp(np.mean(found)))


def check_field(field: float) -> float:
    """The electric field in V/m, or a ParameterError."""
    return number("field", field, low=0.0, high=LARGEST_VOLTS, above=True, unit="V/m")


def samples_of(material: Material, n_sites: int, seed: int, samples: int) -> Iterator[Sites]:
    """The samples, one after the other."""
    n_sites = whole("n_sites", n_sites, low=FEWEST, high=MOST)
    for sample in range(whole("samples", samples, low=1, high=100_000)):
        yield sample_of(material, n_sites, seed, sample)


def laboratory_numbers(
    material: Material,
    field: float = 1e5,
    *,
    seed: int,
    n_sites: int = 10_000,
    samples: int = 4,
    detectable: float = DETECTABLE,
    progress: bool | None = None,
) -> Laboratory:
    """Resistance, polarisation and Hall mobility of a material, with errors over samples.

    Parameters
    ----------
    material : Material
    field : float, V/m
        Electric field.
    seed : int
        Seed of the samples.
    n_sites, samples : int
        Size and number of the samples.
    detectable : float
        Polarisation that counts as measurable.
    progress : bool, optional
        Show a progress bar; by default in notebooks only.

    Returns
    -------
    Laboratory

    Notes
    -----
    Charge and the Hall effect: with site energies electrons fill the sites up to n and exclude each
    other (mean field). f is that of few carriers with the occupations of Boltzmann. tau_0 does not
    depend on temperature.
    """
    instance_of("material", material, Material, "make it with hopnet.Material")
    field = check_field(field)
    number("detectable", detectable, low=0.0, high=1.0, above=True)
    rows = []
    with quiet_limits():
        every = samples_of(material, n_sites, seed, samples)
        for sites in track(every, "samples", total=samples, progress=progress):
            rows.append(measure(material, sites, spin=True, hall=True))
        return averaged(material, field, rows, n_sites, detectable)


def averaged(
    material: Material, field: float, rows: list[Measured], n_sites: int, detectable: float
) -> Laboratory:
    """The mean over samples of each number, with its standard error, in SI units."""
    ratio, ratio_error = mean_and_error([row.log_ratio for row in rows])
    ratio = math.exp(ratio)
    f, error_of_f = mean_and_error([row.f for row in rows])
    tangent, tangent_error = mean_and_error([row.tangent for row in rows])
    # One field has one s per sample: f and the resistance of a sample belong together.
    each = [polarisation_of(material, row.f, math.exp(row.log_ratio), field) for row in rows]
    s, s_error = mean_and_error(each)
    hall = hall_response(material, tangent, resistivity=ratio)
    if material.eta > LARGEST_ETA:
        tangent = math.nan
    exponent = float(np.mean([row.exponent for row in rows]))
    return Laboratory(
        temperature=kelvin(material),
        field=field,
        resistance=hall.resistivity,
        resistance_standard_error=hall.resistivity * ratio_error,
        critical_length=float(material.critical_length),
        critical_exponent=exponent,
        window=k * kelvin(material) * exponent,
        regime=regime_of(rows),
        f=f,
        f_standard_error=error_of_f,
        polarisation=s,
        polarisation_standard_error=s_error,
        hall_mobility=hall.mobility if material.eta <= LARGEST_ETA else math.nan,
        hall_mobility_standard_error=hall.mobility * abs(tangent_error / tangent),
        n_samples=len(rows),
        n_sites=n_sites,
        detectable=detectable,
    )


def regime_of(rows: list[Measured]) -> str:
    """The regime of the samples: see `Laboratory`."""
    outside = np.mean([row.excluded for row in rows])
    return "variable range" if outside > 0.1 else "nearest-neighbour"


def polarisation_of(material: Material, f: float, ratio: float, field: float) -> float:
    """Spin polarisation in a field along the direction that gives most; nan without coupling."""
    if not np.any(material.beta) or material.eta > LARGEST_ETA:
        return math.nan
    found = conductivities(material, f, resistivity=ratio)
    return float(np.linalg.norm(found.cisp, 2)) * field


def mean_and_error(values: list[float]) -> tuple[float, float]:
    """Mean and standard error; the error of one value is nan."""
    n = len(values)
    error = float(np.std(values, ddof=1)) / math.sqrt(n) if n > 1 else math.nan
    return float(np.mean(values)), error


def laboratory_table(
    material: Material,
    temperatures: ArrayLike,
    field: float = 1e5,
    *,
    seed: int,
    n_sites: int = 10_000,
    samples: int = 4,
    progress: bool | None = None,
) -> pd.DataFrame:
    """Resistance, local activation energy and polarisation of a material against temperature.

    Parameters
    ----------
    material : Material
    temperatures : float64[n], K
        At least two, ascending.
    field, seed, n_sites, samples, progress
        As in `laboratory_numbers`. All temperatures have the same samples.

    Returns
    -------
    DataFrame
        One row per temperature: T_K, resistance_Ohm, relative_standard_error (of the resistance
        over samples), w = -d ln rho / d ln T (from neighbouring temperatures), xi_c, regime and,
        with spin-orbit coupling, polarisation and polarisation_standard_error. ``attrs`` holds
        n_sites, samples, seed and field.
    """
    instance_of("material", material, Material, "make it with hopnet.Material")
    T = array_of("temperatures", temperatures, low=0.0, above=True, high=LARGEST_KELVIN)
    if T.size < 2 or np.any(np.diff(T) <= 0.0):
        raise ParameterError(
            f"temperatures must be at least two in ascending order, got {T.size}; give 1:20:20 for "
            "example."
        )
    field = check_field(field)
    spin = bool(np.any(material.beta))
    rows: list[list[Measured]] = [[] for _ in T]
    alone = material.disorder_width is None  # then no temperature changes the network
    with quiet_limits():
        every = samples_of(material, n_sites, seed, samples)
        for sites in track(every, "samples", total=samples, progress=progress):
            found = measure(material, sites, spin=spin, hall=False) if alone else None
            for place, kelvins in enumerate(T.tolist()):
                here = found or measure(material.at(kelvins), sites, spin=spin, hall=False)
                rows[place].append(here)
        lines = [
            line_of(material.at(kelvins), row, field, spin)
            for kelvins, row in zip(T.tolist(), rows)
        ]
    table = pd.DataFrame(lines)
    slope = -np.gradient(np.log(table["resistance_Ohm"].to_numpy()), np.log(T))
    table.insert(3, "w", slope)
    table.attrs = {"n_sites": n_sites, "samples": samples, "seed": seed, "field_V_per_m": field}
    return table


def line_of(
    material: Material, rows: list[Measured], field: float, spin: bool
) -> dict[str, float | str]:
    """One row of the table of temperatures."""
    log_ratio, error = mean_and_error([row.log_ratio for row in rows])
    rho_0 = k * kelvin(material) * material.tau_0 * material.n_s / (e**2 * material.n)
    line: dict[str, float | str] = {
        "T_K": kelvin(material),
        "resistance_Ohm": rho_0 * math.exp(log_ratio),
        "relative_standard_error": error,
        "xi_c": float(np.mean([row.exponent for row in rows])),
        "regime": regime_of(rows),
    }
    if spin:
        each = [polarisation_of(material, row.f, math.exp(row.log_ratio), field) for row in rows]
        line["polarisation"], line["polarisation_standard_error"] = mean_and_error(each)
    return line
