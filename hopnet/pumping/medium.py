"""The electron gas that is pumped: one frozen record, its coefficients, where they hold."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, replace

import numpy as np
from scipy import constants

from hopnet.errors import ParameterError, ValidityWarning


@dataclass(frozen=True)
class Medium:
    """A disordered electron gas coupled to a magnetisation, in any consistent set of units.

    Hamiltonian [pumping 1]: free electrons, impurities, and ``H_ex = - J sigma . S``, so that a
    positive `exchange` turns the electron spin parallel to the dimensionless ``S``. In front of it
    may stand the Rashba coupling ``- E_so . (k x sigma)`` and that of the impurities.

    Parameters
    ----------
    exchange : float, energy
        J, of either sign.
    tau : float, time
        Elastic lifetime.
    density_of_states : float, 1 / (energy volume)
        nu, at the Fermi level, **per spin**.
    fermi_energy : float, energy
    mass : float
    dimension : int
        Of the electron gas (1, 2 or 3), whatever the grid of the texture is: a texture that varies
        along one axis of a bulk metal has ``dimension=3``. The paper is written for 3.
    tau_s : float, time
        Spin relaxation time; infinite is the paper's.
    rashba : tuple of 3 floats, energy length
        E_so.
    impurity : float, length**2
        lambda_so of the spin-orbit scattering.
    hbar, charge : float
        1 and 1, or those of SI (`Medium.from_lab`).

    Raises
    ------
    ParameterError
        If a time, energy, mass or density is not positive, or `dimension` is not 1, 2 or 3.

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

    def __post_init__(self):
        for name in ("tau", "density_of_states", "fermi_energy", "mass", "hbar", "charge"):
            value = getattr(self, name)
            if not 0 < value < math.inf:
                raise ParameterError(
                    f"{name} must be positive and finite, got {value!r}; give such a number."
                )
        if not self.tau_s > 0:
            raise ParameterError(
                f"tau_s must be positive, got {self.tau_s!r}; leave it out for no relaxation."
            )
        if self.dimension not in (1, 2, 3):
            raise ParameterError(
                f"dimension of the electron gas must be 1, 2 or 3, got {self.dimension!r}; "
                "it is not that of the grid."
            )
        if not (math.isfinite(self.exchange) and math.isfinite(self.impurity)):
            raise ParameterError(
                f"exchange and impurity must be finite, got {self.exchange!r}, {self.impurity!r}; "
                "give numbers."
            )
        field = tuple(float(x) for x in np.ravel(self.rashba))
        if len(field) != 3 or not all(map(math.isfinite, field)):
            raise ParameterError(
                f"rashba must be three finite numbers, got {self.rashba!r}; give (x, y, z)."
            )
        object.__setattr__(self, "rashba", field)

    @classmethod
    def from_lab(
        cls,
        *,
        exchange_meV,
        fermi_energy_eV,
        mean_free_path_nm=None,
        tau_fs=None,
        mass=1.0,
        dimension=3,
        tau_s_ps=math.inf,
        spin_diffusion_length_nm=None,
        density_of_states=None,
        rashba_meV_nm=(0.0, 0.0, 0.0),
        impurity_nm2=0.0,
    ):
        """The record in SI from numbers as a laboratory quotes them.

        Parameters
        ----------
        exchange_meV, fermi_energy_eV : float
        mean_free_path_nm, tau_fs : float
            One of the two.
        mass : float, electron masses
        dimension : int
        tau_s_ps, spin_diffusion_length_nm : float
            At most one of the two.
        density_of_states : float, 1 / (J m**dimension), optional
            Per spin; that of free electrons where it is left out.
        rashba_meV_nm : three floats
        impurity_nm2 : float

        Returns
        -------
        Medium
            In SI: J, s, m, kg, C.

        Examples
        --------
        >>> medium = Medium.from_lab(exchange_meV=3, fermi_energy_eV=5, mean_free_path_nm=0.5)
        >>> f"{medium.tau:.2e} s, {medium.diffusion:.2e} m2/s"
        '3.77e-16 s, 2.21e-04 m2/s'
        """
        if (mean_free_path_nm is None) == (tau_fs is None):
            raise ParameterError(
                "a medium needs one of mean_free_path_nm and tau_fs, "
                f"got {mean_free_path_nm!r} and {tau_fs!r}; give exactly one."
            )
        given = {"mass": mass, "fermi_energy_eV": fermi_energy_eV}
        given |= {"mean_free_path_nm": mean_free_path_nm, "tau_fs": tau_fs}
        given |= {"spin_diffusion_length_nm": spin_diffusion_length_nm}
        for name, value in given.items():
            if value is not None and not value > 0:
                raise ParameterError(
                    f"{name} must be positive, got {value!r}; give a positive one."
                )
        if spin_diffusion_length_nm is not None and math.isfinite(tau_s_ps):
            raise ParameterError(
                "spin relaxation is given twice, by tau_s_ps and spin_diffusion_length_nm; "
                "leave one out."
            )
        mass_si = mass * constants.m_e
        energy = fermi_energy_eV * constants.eV
        speed = math.sqrt(2 * energy / mass_si)
        tau = tau_fs * 1e-15 if tau_fs is not None else mean_free_path_nm * 1e-9 / speed
        tau_s = tau_s_ps * 1e-12
        if spin_diffusion_length_nm is not None:
            tau_s = (spin_diffusion_length_nm * 1e-9) ** 2 / (speed**2 * tau / dimension)
        if density_of_states is None:
            density_of_states = free_density_of_states(energy, mass_si, dimension, constants.hbar)
        return cls(
            exchange=exchange_meV * 1e-3 * constants.eV,
            tau=tau,
            density_of_states=density_of_states,
            fermi_energy=energy,
            mass=mass_si,
            dimension=dimension,
            tau_s=tau_s,
            rashba=tuple(x * 1e-12 * constants.eV for x in rashba_meV_nm),
            impurity=impurity_nm2 * 1e-18,
            hbar=constants.hbar,
            charge=constants.e,
        )

    def with_(self, **changes):
        """The same medium with some entries changed."""
        return replace(self, **changes)

    @property
    def fermi_velocity(self):
        """``v_F = sqrt(2 e_F / m)``."""
        return math.sqrt(2 * self.fermi_energy / self.mass)

    @property
    def fermi_wave_number(self):
        """``k_F = m v_F / hbar``."""
        return self.mass * self.fermi_velocity / self.hbar

    @property
    def mean_free_path(self):
        """``ell = v_F tau``."""
        return self.fermi_velocity * self.tau

    @property
    def diffusion(self):
        """Diffusion constant ``D = 2 e_F tau / (d m)``; [pumping 5] prints d = 3."""
        return 2 * self.fermi_energy * self.tau / (self.dimension * self.mass)

    @property
    def relaxation(self):
        """``1 / tau_s``, 0 where there is none."""
        return 1 / self.tau_s

    @property
    def spin_diffusion_length(self):
        """``sqrt(D tau_s)``."""
        return math.sqrt(self.diffusion * self.tau_s)

    @property
    def equilibrium_density(self):
        """``chi = hbar nu J``: equilibrium spin density a unit of S, the Pauli value."""
        return self.hbar * self.density_of_states * self.exchange

    @property
    def torque_coefficient(self):
        """``g = 2 nu J^2 tau``: the torque on the electrons is ``g S x dS/dt`` [pumping 26]."""
        return 2 * self.density_of_states * self.exchange**2 * self.tau

    @property
    def exchange_stiffness(self):
        """``(d - 2) hbar^2 nu J^2 / (12 m e_F)`` of the supercurrent [pumping 8].

        The paper prints the value for d = 3. From the logarithmic derivative of the density of
        states, (d - 2) / 2 e_F: none in two dimensions, the opposite sign in one. That of three
        comes from the sum [pumping A18].
        """
        size = self.hbar**2 * self.density_of_states * self.exchange**2
        return (self.dimension - 2) * size / (12 * self.mass * self.fermi_energy)

    @property
    def rashba_conversion(self):
        """``a_R = - 2 e tau E_so / hbar^2`` [pumping 25], three numbers."""
        return self.rashba_factor * np.array(self.rashba)

    @property
    def rashba_factor(self):
        """``a_R / E_so``."""
        return -2 * self.charge * self.tau / self.hbar**2

    @property
    def impurity_conversion(self):
        """``a_imp = 2 e lambda_so k_F^2 / (e_F tau)`` [pumping 30], taken from the paper."""
        size = 2 * self.charge * self.impurity * self.fermi_wave_number**2
        return size / (self.fermi_energy * self.tau)

    @property
    def conductivity(self):
        """Drude conductivity ``2 e^2 nu D`` of both spins, for [pumping 18]."""
        return 2 * self.charge**2 * self.density_of_states * self.diffusion

    def charge_equivalent(self, spin_current):
        """``(2e/hbar) j_s``: the charge current of as many electrons, A/m^2 in SI.

        Parameters
        ----------
        spin_current : float or array

        Returns
        -------
        float or array
        """
        return 2 * self.charge / self.hbar * spin_current

    def electrons(self, spin_density):
        """``(2/hbar) rho_s``: electrons of one spin in excess of the other, per volume.

        Parameters
        ----------
        spin_density : float or array

        Returns
        -------
        float or array
        """
        return 2 / self.hbar * spin_density

    def validity(self, wave_number, frequency, size=1.0):
        """The small parameters of the theory for one mode.

        Parameters
        ----------
        wave_number : float, 1/length
        frequency : float, 1/time
        size : float
            Largest ``|S|``.

        Returns
        -------
        dict of str to float
            ``q_ell``, ``frequency_tau``, ``exchange`` (J tau / hbar), ``rashba``
            (E_so k_F tau / hbar), ``ladder`` (2J/hbar over |D q^2 + i Omega + 1/tau_s|) and
            ``relaxation`` (tau / tau_s). All should be well below 1.
        """
        rate = abs(complex(self.diffusion * wave_number**2 + self.relaxation, frequency))
        turning = 2 * abs(self.exchange) * size / self.hbar
        field = math.hypot(*self.rashba)
        return {
            "q_ell": abs(wave_number) * self.mean_free_path,
            "frequency_tau": abs(frequency) * self.tau,
            "exchange": abs(self.exchange) * size * self.tau / self.hbar,
            "rashba": field * self.fermi_wave_number * self.tau / self.hbar,
            "ladder": turning / rate if rate > 0 else (math.inf if turning > 0 else 0.0),
            "relaxation": self.tau * self.relaxation,
        }

    def warn(self, wave_number, frequency, slowest_rate, size=1.0):
        """Issue one `ValidityWarning` for each small parameter that is not small.

        Parameters
        ----------
        wave_number, frequency : float
            Typical for the texture.
        slowest_rate : float, 1/time
            Smallest ``|D q^2 + i Omega + 1/tau_s|`` among the modes that matter.
        size : float
            Largest ``|S|``.
        """
        number = self.validity(wave_number, frequency, size)
        turning = 2 * abs(self.exchange) * size / self.hbar
        ladder = turning / slowest_rate if slowest_rate > 0 else 0.0
        advice = {
            "q_ell": (number["q_ell"], 1.0, "q ell", "use the kinetic kernel of crossover"),
            "frequency_tau": (number["frequency_tau"], 1.0, "Omega tau", "slow the texture down"),
            "relaxation": (number["relaxation"], 1.0, "tau / tau_s", "diffusion needs tau_s > tau"),
            "exchange": (number["exchange"], 0.1, "J tau / hbar", "the expansion in J needs it"),
            "ladder": (
                ladder,
                0.1,
                "(2J/hbar) / |D q^2 + i Omega + 1/tau_s|",
                "second order in J is off by about as much; see solve_all_orders",
            ),
        }
        for value, limit, name, what in advice.values():
            if value > limit:
                warnings.warn(
                    f"{name} should stay below {limit:g}, got {value:.3g}; {what}.",
                    ValidityWarning,
                    stacklevel=4,
                )

    def warn_rashba(self, largest_field):
        """Warn unless ``E_so k_F << hbar / tau``, the condition of [pumping 21]-[pumping 27]."""
        value = largest_field * self.fermi_wave_number * self.tau / self.hbar
        if value > 0.1:
            warnings.warn(
                "E_so k_F tau / hbar should stay below 0.1 for first order in the Rashba coupling, "
                f"got {value:.3g}; lower E_so or tau.",
                ValidityWarning,
                stacklevel=4,
            )


def free_density_of_states(energy, mass, dimension, hbar=1.0):
    """Density of states per spin of free electrons in one, two or three dimensions.

    Parameters
    ----------
    energy, mass : float
    dimension : int
    hbar : float

    Returns
    -------
    float, 1 / (energy length**dimension)

    Examples
    --------
    >>> bool(np.isclose(free_density_of_states(0.5, 1.0, 2), 1 / (2 * np.pi)))
    True
    """
    k = math.sqrt(2 * mass * energy) / hbar
    shell = {1: 1 / math.pi, 2: k / (2 * math.pi), 3: k**2 / (2 * math.pi**2)}[dimension]
    return shell * mass / (hbar**2 * k)
