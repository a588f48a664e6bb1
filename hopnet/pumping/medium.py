"""The electron gas that is pumped: its parameters, its coefficients, and where they are valid."""

from __future__ import annotations

import math
import sys
import warnings
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import constants

from hopnet.checks import shown, whole
from hopnet.errors import ParameterError, ValidityWarning
from hopnet.pumping.inputs import (
    calculation,
    finite,
    not_negative,
    positive,
    real_array,
    real_numbers,
    settle,
)
from hopnet.records import Record

__all__ = ["Medium", "Validity", "free_density_of_states"]

# Parameters in which the theory is of first order: a result is warned about above this value.
# At 0.1 the next order changes the result by some 10 %. A smaller value would warn about nearly
# every metal, a larger one would stay silent about errors of tens of per cent.
SMALL = 0.1
# Limit of the parameters that only need to stay below one: q ell, Omega tau and tau / tau_s enter
# through the diffusion approximation, whose form is wrong by a factor of about 2 at 1.
ONE = 1.0


class Validity(NamedTuple):
    """Small parameters of the theory for one mode of the texture; all should be well below 1.

    Attributes
    ----------
    q_ell : float
        Wave number times mean free path.
    frequency_tau : float
        Angular frequency times elastic lifetime.
    exchange : float
        ``J |S| tau / hbar``.
    rashba : float
        ``E_so k_F tau / hbar``.
    ladder : float
        ``(2 J |S| / hbar) / |D q^2 + i Omega + 1/tau_s|``: the ratio that orders the series in J.
    relaxation : float
        ``tau / tau_s``.
    """

    q_ell: float
    frequency_tau: float
    exchange: float
    rashba: float
    ladder: float
    relaxation: float


@dataclass(frozen=True)
class Medium(Record):
    """A disordered electron gas coupled to a magnetisation, in any consistent set of units.

    The Hamiltonian [pumping 1] describes free electrons, impurities, and the exchange coupling
    ``H_ex = - J sigma . S``. A positive `exchange` turns the electron spin parallel to the
    dimensionless ``S``. The Rashba coupling ``- E_so . (k x sigma)`` and the spin-orbit coupling of
    the impurities may be added.

    Parameters
    ----------
    exchange : float, energy
        Exchange energy J, of either sign.
    tau : float, time
        Elastic lifetime.
    density_of_states : float, 1 / (energy volume)
        Density of states nu at the Fermi level, **per spin**.
    fermi_energy : float, energy
        Fermi energy.
    mass : float
        Effective mass.
    dimension : int
        Dimension of the electron gas (1, 2 or 3). It is independent of the grid of the texture: a
        texture that varies along one axis of a bulk metal has ``dimension=3``. The paper is
        written for 3.
    tau_s : float, time
        Spin relaxation time. The paper has no relaxation, which is the default (infinity).
    rashba : tuple of 3 floats, energy length
        Rashba vector E_so.
    impurity : float, length**2
        Strength lambda_so of the spin-orbit scattering.
    hbar, charge : float
        Reduced Planck constant and elementary charge: 1 and 1, or those of SI
        (`Medium.from_lab`).

    Raises
    ------
    ParameterError
        If a time, energy, mass or density is not a positive number, `dimension` is not 1, 2 or 3,
        or a coefficient leaves the range of floating-point numbers.

    Notes
    -----
    ``dataclasses.replace(medium, tau_s=3.0)`` gives the same medium with one entry changed.

    References
    ----------
    .. [1] A. Takeuchi, K. Hosono, G. Tatara, Phys. Rev. B 81, 144405 (2010).

    Examples
    --------
    >>> medium = Medium(exchange=0.3, tau=0.7, density_of_states=1.3, fermi_energy=2.0)
    >>> round(medium.diffusion, 6), round(medium.mean_free_path, 6)
    (0.933333, 1.4)
    """

    exchange: float
    tau: float
    density_of_states: float
    fermi_energy: float
    mass: float = 1.0
    dimension: int = 3
    tau_s: float = math.inf
    rashba: tuple[float, float, float] = (0.0, 0.0, 0.0)
    impurity: float = 0.0
    hbar: float = 1.0
    charge: float = 1.0

    def __post_init__(self) -> None:
        names = ("tau", "density_of_states", "fermi_energy", "mass", "hbar", "charge")
        settle(self, **{name: positive(name, getattr(self, name)) for name in names})
        settle(
            self,
            tau_s=positive("tau_s", self.tau_s, infinite=True),
            dimension=whole("dimension of the electron gas", self.dimension, low=1, high=3),
            exchange=finite("exchange", self.exchange),
            impurity=finite("impurity", self.impurity),
            rashba=real_numbers("rashba", self.rashba, 3),
        )
        check_coefficients(self)

    @classmethod
    def from_lab(
        cls,
        *,
        exchange_meV: float,
        fermi_energy_eV: float,
        mean_free_path_nm: float | None = None,
        tau_fs: float | None = None,
        mass: float = 1.0,
        dimension: int = 3,
        tau_s_ps: float = math.inf,
        spin_diffusion_length_nm: float | None = None,
        density_of_states: float | None = None,
        rashba_meV_nm: tuple[float, float, float] = (0.0, 0.0, 0.0),
        impurity_nm2: float = 0.0,
    ) -> Medium:
        """The medium in SI units, from numbers as a laboratory quotes them.

        Parameters
        ----------
        exchange_meV : float, meV
            Exchange energy.
        fermi_energy_eV : float, eV
            Fermi energy.
        mean_free_path_nm : float, nm
            Mean free path. Give either this or `tau_fs`.
        tau_fs : float, fs
            Elastic lifetime.
        mass : float, electron masses
            Effective mass.
        dimension : int
            Dimension of the electron gas.
        tau_s_ps : float, ps
            Spin relaxation time. Give at most one of this and `spin_diffusion_length_nm`.
        spin_diffusion_length_nm : float, nm
            Spin diffusion length.
        density_of_states : float, 1 / (J m**dimension), optional
            Density of states per spin. The default is that of free electrons.
        rashba_meV_nm : three floats, meV nm
            Rashba vector.
        impurity_nm2 : float, nm**2
            Strength of the spin-orbit scattering.

        Returns
        -------
        Medium
            In SI units: J, s, m, kg, C.

        Raises
        ------
        ParameterError
            If a number is missing, given twice, or not positive.

        Examples
        --------
        >>> medium = Medium.from_lab(exchange_meV=3, fermi_energy_eV=5, mean_free_path_nm=0.5)
        >>> f"{medium.tau:.2e} s, {medium.diffusion:.2e} m2/s"
        '3.77e-16 s, 2.21e-04 m2/s'
        """
        if (mean_free_path_nm is None) == (tau_fs is None):
            raise ParameterError(
                "a medium needs one of mean_free_path_nm and tau_fs, "
                f"got {shown(mean_free_path_nm)} and {shown(tau_fs)}; give exactly one."
            )
        mass_si = positive("mass", mass) * constants.m_e
        energy = positive("fermi_energy_eV", fermi_energy_eV) * constants.eV
        dimension = whole("dimension of the electron gas", dimension, low=1, high=3)
        with calculation("the medium", "give numbers of ordinary size") as check:
            speed = math.sqrt(2 * energy / mass_si)
            if tau_fs is not None:
                tau = positive("tau_fs", tau_fs) * 1e-15
            else:
                tau = positive("mean_free_path_nm", mean_free_path_nm) * 1e-9 / speed
            tau_s = positive("tau_s_ps", tau_s_ps, infinite=True) * 1e-12
            if spin_diffusion_length_nm is not None:
                length = positive("spin_diffusion_length_nm", spin_diffusion_length_nm) * 1e-9
                if math.isfinite(tau_s):
                    raise ParameterError(
                        "spin relaxation must be given once, got tau_s_ps and "
                        "spin_diffusion_length_nm; the relaxation is given twice, so leave one out."
                    )
                tau_s = length**2 / (speed**2 * tau / dimension)
            if density_of_states is None:
                density_of_states = free_density_of_states(
                    energy, mass_si, dimension, constants.hbar
                )
            check(speed, tau)
        return cls(
            exchange=finite("exchange_meV", exchange_meV) * 1e-3 * constants.eV,
            tau=tau,
            density_of_states=density_of_states,
            fermi_energy=energy,
            mass=mass_si,
            dimension=dimension,
            tau_s=tau_s,
            rashba=rashba_in_si(rashba_meV_nm),
            impurity=finite("impurity_nm2", impurity_nm2) * 1e-18,
            hbar=constants.hbar,
            charge=constants.e,
        )

    @property
    def fermi_velocity(self) -> float:
        """Fermi velocity ``v_F = sqrt(2 e_F / m)``."""
        return math.sqrt(2 * self.fermi_energy / self.mass)

    @property
    def fermi_wave_number(self) -> float:
        """Fermi wave number ``k_F = m v_F / hbar``."""
        return self.mass * self.fermi_velocity / self.hbar

    @property
    def mean_free_path(self) -> float:
        """Mean free path ``ell = v_F tau``."""
        return self.fermi_velocity * self.tau

    @property
    def diffusion(self) -> float:
        """Diffusion constant ``D = 2 e_F tau / (d m)``; [pumping 5] prints it for d = 3."""
        return 2 * self.fermi_energy * self.tau / (self.dimension * self.mass)

    @property
    def relaxation(self) -> float:
        """Spin relaxation rate ``1 / tau_s``; 0 where spins do not relax."""
        return 1 / self.tau_s

    @property
    def spin_diffusion_length(self) -> float:
        """Spin diffusion length ``sqrt(D tau_s)``; infinite where spins do not relax."""
        return math.sqrt(self.diffusion * self.tau_s)

    @property
    def equilibrium_density(self) -> float:
        """Equilibrium spin density per unit of S, ``chi = hbar nu J`` (the Pauli value)."""
        return self.hbar * self.density_of_states * self.exchange

    @property
    def torque_coefficient(self) -> float:
        """Coefficient ``g = 2 nu J^2 tau`` of the torque ``g S x dS/dt`` [pumping 26]."""
        return 2 * self.density_of_states * self.exchange**2 * self.tau

    @property
    def exchange_stiffness(self) -> float:
        """Coefficient ``K = (d - 2) hbar^2 nu J^2 / (12 m e_F)`` of the supercurrent [pumping 8].

        The paper prints the value for d = 3. The factor is the logarithmic derivative of the
        density of states, (d - 2) / 2 e_F: it vanishes in two dimensions and has the opposite sign
        in one. The value for three dimensions comes from the sum [pumping A18].
        """
        size = self.hbar**2 * self.density_of_states * self.exchange**2
        return (self.dimension - 2) * size / (12 * self.mass * self.fermi_energy)

    @property
    def rashba_conversion(self) -> np.ndarray:
        """Rashba conversion ``a_R = - 2 e tau E_so / hbar^2`` [pumping 25], float64[3]."""
        return self.rashba_factor * np.array(self.rashba)

    @property
    def rashba_factor(self) -> float:
        """Ratio ``a_R / E_so = - 2 e tau / hbar^2``."""
        return -2 * self.charge * self.tau / self.hbar**2

    @property
    def impurity_conversion(self) -> float:
        """Conversion ``a_imp = 2 e lambda_so k_F^2 / (e_F tau)`` [pumping 30], from the paper."""
        size = 2 * self.charge * self.impurity * self.fermi_wave_number**2
        return size / (self.fermi_energy * self.tau)

    @property
    def conductivity(self) -> float:
        """Drude conductivity ``2 e^2 nu D`` of both spins, for [pumping 18]."""
        return 2 * self.charge**2 * self.density_of_states * self.diffusion

    def charge_equivalent(self, spin_current: npt.ArrayLike) -> np.ndarray | float:
        """Charge current of as many electrons, ``(2e/hbar) j_s``; in SI in A/m^2.

        Parameters
        ----------
        spin_current : float or array
            Spin current in units of hbar length / (time volume).

        Returns
        -------
        float or array
        """
        return scaled("spin_current", spin_current, 2 * self.charge / self.hbar)

    def electrons(self, spin_density: npt.ArrayLike) -> np.ndarray | float:
        """Excess of electrons of one spin over the other per volume, ``(2/hbar) rho_s``.

        Parameters
        ----------
        spin_density : float or array
            Spin density in units of hbar / volume.

        Returns
        -------
        float or array
        """
        return scaled("spin_density", spin_density, 2 / self.hbar)

    def validity(self, wave_number: float, frequency: float, size: float = 1.0) -> Validity:
        """The small parameters of the theory for one mode of the texture.

        Parameters
        ----------
        wave_number : float, 1/length
            Wave number of the mode.
        frequency : float, 1/time
            Angular frequency of the mode.
        size : float
            Largest ``|S|``.

        Returns
        -------
        Validity
        """
        wave_number = finite("wave_number", wave_number)
        frequency = finite("frequency", frequency)
        size = not_negative("size", size)
        with calculation("the small parameters", "give a smaller wave_number and frequency"):
            rate = abs(complex(self.diffusion * wave_number**2 + self.relaxation, frequency))
        turning = 2 * abs(self.exchange) * size / self.hbar
        field = math.hypot(*self.rashba)
        return Validity(
            q_ell=abs(wave_number) * self.mean_free_path,
            frequency_tau=abs(frequency) * self.tau,
            exchange=abs(self.exchange) * size * self.tau / self.hbar,
            rashba=field * self.fermi_wave_number * self.tau / self.hbar,
            ladder=turning / rate if rate > 0 else (math.inf if turning > 0 else 0.0),
            relaxation=self.tau * self.relaxation,
        )

    def warn(
        self, wave_number: float, frequency: float, slowest_rate: float, size: float = 1.0
    ) -> None:
        """Issue one `ValidityWarning` for each small parameter that is not small.

        Parameters
        ----------
        wave_number : float, 1/length
            Typical wave number of the texture.
        frequency : float, 1/time
            Typical angular frequency of the texture.
        slowest_rate : float, 1/time
            Smallest ``|D q^2 + i Omega + 1/tau_s|`` among the modes that matter.
        size : float
            Largest ``|S|``.
        """
        number = self.validity(wave_number, frequency, size)
        slowest_rate = not_negative("slowest_rate", slowest_rate, infinite=True)
        turning = 2 * abs(self.exchange) * size / self.hbar
        ladder = turning / slowest_rate if slowest_rate > 0 else 0.0
        for value, limit, name, advice in (
            (number.q_ell, ONE, "q ell", "use kinetic_current, which holds for any free path"),
            (number.frequency_tau, ONE, "Omega tau", "lower the frequency of the texture"),
            (number.relaxation, ONE, "tau / tau_s", "diffusion needs tau_s > tau"),
            (number.exchange, SMALL, "J tau / hbar", "the expansion in J needs a smaller exchange"),
            (
                ladder,
                SMALL,
                "(2J/hbar) / |D q^2 + i Omega + 1/tau_s|",
                "second order in J is off by about as much; see solve_all_orders",
            ),
        ):
            if value > limit:
                warnings.warn(
                    f"{name} should stay below {limit:g}, got {value:.3g}; {advice}.",
                    ValidityWarning,
                    stacklevel=4,
                )

    def warn_rashba(self, largest_field: float) -> None:
        """Warn unless ``E_so k_F << hbar / tau``, the condition of [pumping 21]-[pumping 27].

        Parameters
        ----------
        largest_field : float, energy length
            Largest ``|E_so|``.
        """
        largest_field = not_negative("largest_field", largest_field)
        value = largest_field * self.fermi_wave_number * self.tau / self.hbar
        if value > SMALL:
            warnings.warn(
                f"E_so k_F tau / hbar should stay below {SMALL:g} for first order in the Rashba "
                f"coupling, got {value:.3g}; lower E_so or tau.",
                ValidityWarning,
                stacklevel=3,
            )


def scaled(name: str, value: npt.ArrayLike, factor: float) -> np.ndarray | float:
    """A checked number or array times a factor."""
    array = real_array(name, value)
    with calculation(name, "give a smaller one") as check:
        product = factor * array if array.ndim else factor * float(array)
        check(product)
    return product


def rashba_in_si(rashba_meV_nm: npt.ArrayLike) -> tuple[float, float, float]:
    """The Rashba vector in J m from one in meV nm."""
    x, y, z = (x * 1e-12 * constants.eV for x in real_numbers("rashba_meV_nm", rashba_meV_nm, 3))
    return x, y, z


def check_coefficients(medium: Medium) -> None:
    """Refuse a medium whose coefficients overflow, or underflow to zero or to few digits."""
    with calculation("the coefficients of a medium", "give numbers of ordinary size") as check:
        positive_ones = [
            medium.fermi_velocity,
            medium.fermi_wave_number,
            medium.mean_free_path,
            medium.diffusion,
            medium.conductivity,
            abs(medium.rashba_factor),
            medium.hbar / medium.tau,
        ]
        if medium.tau_s < math.inf:
            positive_ones += [medium.relaxation, medium.spin_diffusion_length]
        if medium.exchange:
            positive_ones += [abs(medium.equilibrium_density), abs(medium.torque_coefficient)]
        if medium.impurity:
            positive_ones.append(abs(medium.impurity_conversion))
        check(positive_ones, medium.rashba_conversion, medium.exchange_stiffness)
        # Below the smallest normal number digits are lost, and the check reports that as well.
        check([1.0 if x >= sys.float_info.min else math.nan for x in positive_ones])


def free_density_of_states(energy: float, mass: float, dimension: int, hbar: float = 1.0) -> float:
    """Density of states per spin of free electrons in one, two or three dimensions.

    Parameters
    ----------
    energy : float
        Energy above the bottom of the band.
    mass : float
        Effective mass.
    dimension : int
        1, 2 or 3.
    hbar : float
        Reduced Planck constant in the units of the other numbers.

    Returns
    -------
    float, 1 / (energy length**dimension)

    Raises
    ------
    ParameterError
        If a number is not positive, or `dimension` is not 1, 2 or 3.

    Examples
    --------
    >>> bool(np.isclose(free_density_of_states(0.5, 1.0, 2), 1 / (2 * np.pi)))
    True
    """
    energy, mass = positive("energy", energy), positive("mass", mass)
    hbar = positive("hbar", hbar)
    dimension = whole("dimension of the electron gas", dimension, low=1, high=3)
    with calculation("the density of states", "give numbers of ordinary size") as check:
        k = math.sqrt(2 * mass * energy) / hbar
        shell = {1: 1 / math.pi, 2: k / (2 * math.pi), 3: k**2 / (2 * math.pi**2)}[dimension]
        density = shell * mass / (hbar**2 * k)
        check(density)
    return density
