"""Material: a hopping conductor in SI units, and its spin conductivities.

This is the only module where the units of the code (lengths in a_b, times in tau_0, resistances in
rho_0) and SI meet. Axes are those of the letter: x along [1-10], y along [110] of a (001) layer.
"""

from __future__ import annotations

import dataclasses
import warnings
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.constants import e, hbar, k, physical_constants

from hopnet.checks import array_of, instance_of, number, one_of, shown
from hopnet.constants import PERCOLATION_RADIUS, Z_CROSS
from hopnet.errors import ParameterError, ValidityWarning
from hopnet.material_file import DENSITIES_OF_STATES, LARGEST, SMALLEST, read_material_file
from hopnet.records import Record, read_only

__all__ = [
    "LARGEST",
    "LARGEST_ETA",
    "LARGEST_KELVIN",
    "LARGEST_VOLTS",
    "Conductivities",
    "Material",
    "check_in_range",
    "conductivities",
    "high_density_polarisation",
    "kelvin",
    "limits_of",
    "quiet_limits",
    "sheet_resistivity",
    "warn_of_limits",
]

# l_c sqrt(n_s) as the letter rounds it (1.19847 to six digits, `PERCOLATION_RADIUS`).
LETTER_RADIUS = 1.2

# Largest temperature in K and field in V/m of a table; far above any experiment on hopping.
LARGEST_KELVIN, LARGEST_VOLTS = 1e5, 1e11

# hbar / (J_0 tau_0) up to which the interference through a third site counts as a correction. At 1
# it is as large as the direct hop, and the theory has no meaning.
LARGEST_ETA = 1.0


@dataclass(frozen=True, eq=False)
class Material(Record):
    """A two-dimensional hopping conductor, in SI units.

    Parameters
    ----------
    a_b : float, m
        Localisation radius: J = J_0 exp(-R/a_b), tau = tau_0 exp(2R/a_b).
    J_0 : float, J
        Amplitude of a hop of zero length.
    tau_0 : float, s
        Time of a hop of zero length.
    tau_s : float, s
        Spin relaxation time.
    m : float, kg
        Effective mass.
    n, n_s : float, 1/m^2
        Density of carriers and of sites.
    beta : array_like[2, 2], J m
        H = beta_(mu nu) sigma_mu k_nu [hopping 2]; row: spin, column: wave vector.
    T : float, K, optional
    rho_0 : float, Ohm, optional
        Sheet resistance scale of a hop. One of T (the temperature) and rho_0 is given, the other
        follows from rho_0 = k_B T tau_0 n_s / (e^2 n).
    disorder_width : float, J, optional
        Width of the density of states, as in `hopnet.with_energies`. Without it all sites have the
        same energy.
    density_of_states : str
        Its form, as in `hopnet.with_energies`. Used with ``disorder_width`` only.
    g_factor : float, optional
        For magnetic fields in tesla.
    resistance : float, Ohm, optional
        The sheet resistance that was measured at T. `with_resistivity` finds tau_0 from it.

    Raises
    ------
    ParameterError
        If a number is not positive, ``beta`` is not a finite 2x2 matrix, or not exactly one of T
        and rho_0 is given.

    Examples
    --------
    The letter's estimate, without the temperature, which it does not need:

    >>> import numpy as np
    >>> from scipy.constants import e, m_e
    >>> letter = Material(a_b=10e-9, J_0=10e-3 * e, tau_0=10e-12, tau_s=100e-9, m=0.1 * m_e,
    ...                   n=1e14, n_s=2e15, beta=1e-12 * e * np.array([[0, 1], [1, 0]]), rho_0=50e3)
    >>> round(letter.T, 3), round(letter.density, 3), round(letter.angle, 5)
    (0.465, 0.2, 0.01312)
    """

    a_b: float
    J_0: float
    tau_0: float
    tau_s: float
    m: float
    n: float
    n_s: float
    beta: np.ndarray
    T: float | None = None
    rho_0: float | None = None
    disorder_width: float | None = None
    density_of_states: str = "uniform"
    g_factor: float | None = None
    resistance: float | None = None

    def __post_init__(self) -> None:
        # A frozen record sets its checked values through object.__setattr__, only here.
        def put(name: str, value: Any) -> None:
            object.__setattr__(self, name, value)

        optional = ("T", "rho_0", "disorder_width", "resistance")
        for name in ("a_b", "J_0", "tau_0", "tau_s", "m", "n", "n_s", *optional):
            value = getattr(self, name)
            if value is None and name in optional:
                continue
            unit, hint = "in SI units", "correct it"
            put(name, number(name, value, low=SMALLEST, high=LARGEST, unit=unit, hint=hint))
        if (self.T is None) == (self.rho_0 is None):
            raise ParameterError(
                "a material needs exactly one of T and rho_0 (each follows from the other by "
                f"rho_0 = k_B T tau_0 n_s / (e^2 n)), got T={self.T!r} and rho_0={self.rho_0!r}; "
                "leave one out."
            )
        one_of("density_of_states", self.density_of_states, DENSITIES_OF_STATES)
        if self.g_factor is not None:
            put("g_factor", number("g_factor", self.g_factor, low=-1e6, high=1e6))
        beta = array_of(
            "beta",
            self.beta,
            shape=(2, 2),
            low=-LARGEST,
            high=LARGEST,
            hint="give a 2x2 matrix in J m; the letter's form is [[0, beta_xy], [beta_yx, 0]]",
        )
        put("beta", read_only(beta, copy=False))
        per_kelvin = k * self.tau_0 * self.n_s / (e**2 * self.n)
        if self.T is None:
            put("T", self.rho_0 / per_kelvin)
        else:
            put("rho_0", self.T * per_kelvin)

    @property
    def density(self) -> float:
        """n_s a_b^2: number of sites per area, in units of a_b."""
        return self.n_s * self.a_b**2

    @property
    def spin_orbit(self) -> np.ndarray:
        """float64[2, 2]: M = m a_b beta / hbar^2, half-angles of rotation per a_b."""
        return self.m * self.a_b / hbar**2 * self.beta

    @property
    def eta(self) -> float:
        """hbar / (J_0 tau_0): the small parameter of the hops."""
        return hbar / (self.J_0 * self.tau_0)

    @property
    def angle(self) -> float:
        """phi: root mean square over directions of the half-angle of a hop of length a_b."""
        return float(np.linalg.norm(self.spin_orbit) / np.sqrt(2.0))

    @property
    def tau_DP(self) -> float:
        """tau_0 / phi^2, the Dyakonov-Perel time at high density, in s [hopping S28]."""
        return self.tau_0 / self.angle**2 if self.angle else np.inf

    @property
    def critical_length(self) -> float:
        """l_c: percolation length of random sites, in m."""
        return PERCOLATION_RADIUS / np.sqrt(self.n_s)

    @property
    def binding_energy(self) -> float:
        """hbar^2 / (2 m a_b^2): binding energy of a state that falls as exp(-r/a_b), in J."""
        return float(hbar**2 / (2.0 * self.m * self.a_b**2))

    def at(self, temperature: float) -> Material:
        """The same material at another temperature, with the same tau_0.

        Parameters
        ----------
        temperature : float, K

        Returns
        -------
        Material
        """
        return dataclasses.replace(self, T=temperature, rho_0=None)

    def with_resistivity(self, ratio: float) -> Material:
        """The same material with the tau_0 that gives its measured ``resistance`` at T.

        Parameters
        ----------
        ratio : float
            Resistivity of the network in units of rho_0 (`Current.resistivity`).

        Returns
        -------
        Material
            tau_0 = resistance e^2 n / (k_B T n_s ratio).
        """
        if self.resistance is None:
            raise ParameterError(
                "with_resistivity needs the measured resistance of the material, it has none; give "
                "Material(resistance=) or resistance_kOhm in its file."
            )
        ratio = number("ratio", ratio, low=0.0, above=True, unit="in units of rho_0")
        tau_0 = self.resistance / ratio * e**2 * self.n / (k * kelvin(self) * self.n_s)
        return dataclasses.replace(self, tau_0=tau_0, rho_0=None)

    def precession(self, field: float, g_factor: float) -> float:
        """Precession frequency in a magnetic field, g mu_B B tau_0 / hbar, in 1/tau_0.

        For the field of the nuclei it is the strength that `hopnet.overhauser_fields` takes, with
        the standard deviation of one component of that field.

        Parameters
        ----------
        field : float, T
        g_factor : float

        Returns
        -------
        float

        Warns
        -----
        ValidityWarning
            If the Zeeman energy exceeds kT: spins are then polarised in equilibrium, which hopnet
            does not know.
        """
        B = number("field", field, low=-LARGEST, high=LARGEST, unit="T")
        g = number("g_factor", g_factor, low=-1e6, high=1e6)
        zeeman = g * physical_constants["Bohr magneton"][0] * B
        if abs(zeeman) > k * self.T:
            warnings.warn(
                f"the Zeeman energy is {abs(zeeman) / (k * self.T):.2g} kT: spins are polarised in "
                "equilibrium, which is not computed.",
                ValidityWarning,
                stacklevel=2,
            )
        return float(zeeman / hbar * self.tau_0)

    @classmethod
    def from_toml(cls, path: str | Path) -> Material:
        """Read the table [material] of a TOML file; its keys carry their units.

        Needed are a_b_nm, m_m_e, n_per_cm2, n_s_per_cm2, one of T_K and rho_0_kOhm, and either
        J_0_meV and tau_0_ps or resistance_kOhm, the sheet resistance at T_K. For spins: tau_s_ns
        and beta_meV_A, and g_factor for magnetic fields. For site energies: disorder_width_meV or
        states_per_meV_cm2, and density_of_states.

        Parameters
        ----------
        path : path-like
            Name of the file.

        Returns
        -------
        Material
            With a measured resistance, tau_0 is that of exp(2 l_c / a_b) at equal energies;
            `hopnet.read_material` takes it from samples. Without J_0_meV, J_0 is the
            `binding_energy`, an estimate. Without beta_meV_A, beta is zero.

        Raises
        ------
        ParameterError
            If the file cannot be read, or a key is unknown, missing, of a wrong type or range.
        """
        source = str(path)
        given = read_material_file(source)
        try:
            return cls(**given)
        except ParameterError as failure:
            raise ParameterError(f"{source}: {failure}") from None


@dataclass(frozen=True, eq=False)
class Conductivities(Record):
    """Spin conductivities in SI: s = cisp E, j = sge s, J = she E [hopping 1].

    Attributes
    ----------
    cisp : float64[2, 2], m/V
        s per field, [hopping 13].
    sge : float64[2, 2], A/m
        j per spin polarisation, [hopping 14].
    she : float64[2, 2], 1/(V s)
        Spin current density J per field, [hopping 15].
    f : float
        The value of f that was used.
    resistivity : float, Ohm
        The sheet resistivity that was used.
    P : float
        (m a_b / hbar^2)^3 hbar n_s a_b / (e n J_0 tau_0 rho), SI.
    """

    cisp: np.ndarray
    sge: np.ndarray
    she: np.ndarray
    f: float
    resistivity: float
    P: float


def conductivities(
    material: Material,
    f: float,
    *,
    resistivity: str | float = "percolation",
    signs: str = "consistent",
    field: float | None = None,
) -> Conductivities:
    """Spin conductivities of a material from the one function f.

    Equations [hopping 13], [hopping 14], [hopping 15], for any beta, with T = -2 det beta and
    Z v = z x v in the plane::

        sigma_CISP = tau_s T P f Z beta Z        (= tau_s T P f beta^T if Tr beta = 0)
        sigma_SGE  = sigma_CISP^T 4 k_B T n / tau_s
        sigma_SHE  = det(beta) (hbar^2 n P / m) f Z     (= + beta^T Z beta ...)

    Parameters
    ----------
    material : Material
        The material in SI units.
    f : float
        f(n_s, tau_s), see `hopnet.f_curve`; with f(n_s, 0), f_drift, the SHE is that of the drift
        spin current alone [hopping 16].
    resistivity : float or {"percolation", "letter", "crossover"}
        Sheet resistivity in units of rho_0. A number is that of a network (`Current.resistivity`),
        as the theory requires. The names stand for exp(2 l_c / a_b) with l_c sqrt(n_s) = 1.19847
        ("percolation") or 1.2, as the letter rounds it ("letter"), and for 1 ("crossover" to
        diffusive conduction).
    signs : {"consistent", "printed"}
        "printed" takes [hopping 14], [hopping 15] and [hopping S39] as in the paper: no transpose
        in the SGE, the opposite sign of the SHE, Tr beta^2 and beta^T. "consistent", the default,
        follows from the kinetic equations: it obeys Onsager's relation for every beta, and has the
        signs of [hopping 10] and [hopping 11].
    field : float, V/m, optional
        Electric field. It is used only to warn where the response is not linear.

    Returns
    -------
    Conductivities

    Warns
    -----
    ValidityWarning
        If n_s a_b^2 > 0.1, n > n_s / 10, tau_s > tau_DP / 10 or e E l_c > k_B T.
    """
    instance_of("material", material, Material, "make it with hopnet.Material")
    one_of("signs", signs, ("consistent", "printed"))
    f = number("f", f, low=-LARGEST, high=LARGEST, hint="take it from hopnet.f_curve")
    warn_of_limits(material, field)
    rho = sheet_resistivity(material, resistivity)
    beta = material.beta
    check_in_range("P", e * material.n * material.J_0 * material.tau_0 * rho)
    P = (material.m * material.a_b / hbar**2) ** 3 * hbar * material.n_s * material.a_b
    P /= e * material.n * material.J_0 * material.tau_0 * rho
    determinant = float(beta[0, 0] * beta[1, 1] - beta[0, 1] * beta[1, 0])
    spin_current_unit = hbar**2 * material.n * P / material.m * f
    thermal = 4.0 * k * material.T * material.n / material.tau_s
    if signs == "consistent":
        cisp = material.tau_s * (-2.0 * determinant) * P * f * (Z_CROSS @ beta @ Z_CROSS)
        sge = cisp.T * thermal
        she = determinant * spin_current_unit * Z_CROSS
    else:
        cisp = material.tau_s * float(np.trace(beta @ beta)) * P * f * beta.T
        sge = cisp * thermal
        she = -spin_current_unit * (beta.T @ (Z_CROSS @ beta))
    for name, value in (("cisp", cisp), ("sge", sge), ("she", she), ("P", P)):
        check_in_range(name, value, zero=True)
    return Conductivities(read_only(cisp), read_only(sge), read_only(she), float(f), rho, float(P))


def check_in_range(name: str, value: Any, zero: bool = False) -> None:
    """Raise if a product of the given numbers has left the range of floats."""
    if not np.all(np.isfinite(value)) or (not zero and np.any(value == 0)):
        raise ParameterError(
            f"{name} must stay within the range of floats, it becomes {shown(value)}; check the "
            "units of the material."
        )


def quiet_limits() -> AbstractContextManager[Any]:
    """A context without ValidityWarnings, for code that has called `warn_of_limits` before."""
    return warnings.catch_warnings(action="ignore", category=ValidityWarning)


def kelvin(material: Material) -> float:
    """T in K. A material always has it, given or computed from rho_0."""
    return float(material.T)  # type: ignore[arg-type]


def sheet_unit(material: Material) -> float:
    """rho_0 in Ohm. A material always has it, given or computed from T."""
    return float(material.rho_0)  # type: ignore[arg-type]


def sheet_resistivity(material: Material, resistivity: str | float) -> float:
    """Sheet resistivity in Ohm, see `conductivities`."""
    radius = {"percolation": PERCOLATION_RADIUS, "letter": LETTER_RADIUS, "crossover": 0.0}
    if not isinstance(resistivity, str):
        factor = number(
            "resistivity",
            resistivity,
            low=0.0,
            above=True,
            unit="in units of rho_0",
            hint=f"take Current.resistivity, or one of {', '.join(radius)}",
        )
        return sheet_unit(material) * factor
    one_of("resistivity", resistivity, radius, "or give a number in units of rho_0")
    with np.errstate(over="ignore"):
        found = sheet_unit(material) * float(
            np.exp(2.0 * radius[resistivity] / np.sqrt(material.density))
        )
    if not np.isfinite(found):
        raise ParameterError(
            f"exp(2 l_c / a_b) must stay within the range of floats, n_s a_b^2 = "
            f"{shown(material.density)} is too small for that; take a higher density."
        )
    return found


def high_density_polarisation(
    material: Material, field: float, *, resistivity: str | float = "crossover"
) -> float:
    """Estimate of s for n_s a_b^2 of order one, where hops and drift are comparable.

    Equations [hopping S28], [hopping S29], [hopping S30]::

        s = (tau_s / tau_DP) beta k_dr / J_0
        1 / tau_DP = phi^2 / tau_0          j = n e hbar k_dr / m

    beta is the root mean square of the splitting over directions of k.

    Parameters
    ----------
    material : Material
        The material in SI units.
    field : float, V/m
        Electric field.
    resistivity : str or float
        Sheet resistivity as in `conductivities`.

    Returns
    -------
    float
    """
    instance_of("material", material, Material, "make it with hopnet.Material")
    field = number("field", field, low=-LARGEST, high=LARGEST, unit="V/m")
    current = field / sheet_resistivity(material, resistivity)
    k_dr = current * material.m / (material.n * e * hbar)
    beta = float(np.linalg.norm(material.beta) / np.sqrt(2.0))
    return material.tau_s / material.tau_DP * beta * k_dr / material.J_0


def limits_of(material: Material, field: float | None = None) -> list[str]:
    """The limits of the theory that a material exceeds, each as one sentence without its period.

    Parameters
    ----------
    material : Material
        The material in SI units.
    field : float, V/m, optional
        Electric field.

    Returns
    -------
    list of str
    """
    instance_of("material", material, Material, "make it with hopnet.Material")
    if field is not None:
        field = number("field", field, low=-LARGEST, high=LARGEST, unit="V/m")
    limits = []
    if material.density > 0.1:
        limits.append(
            f"n_s a_b^2 = {material.density:.3g} is above 0.1: neighbouring states overlap"
        )
    if material.n > 0.1 * material.n_s:
        limits.append(
            f"n = {material.n / material.n_s:.2g} n_s: the theory assumes that occupations are "
            "small compared with one"
        )
    if material.eta > 0.1 * LARGEST_ETA:
        limits.append(
            f"hbar / (J_0 tau_0) = {material.eta:.2g}: the interference through a third site is "
            "no small correction, and spins and the Hall effect need it to be; check J_0 and tau_0"
        )
    if material.tau_s > 0.1 * material.tau_DP:
        limits.append(
            f"tau_s = {material.tau_s / material.tau_DP:.2g} tau_DP with the estimate "
            "tau_DP = tau_0 / phi^2: f is of leading order, for tau_s << tau_DP; compare "
            "solve_kinetics"
        )
    if field is not None and e * abs(field) * material.critical_length > k * material.T:
        ratio = e * abs(field) * material.critical_length / (k * material.T)
        limits.append(f"e E l_c = {ratio:.3g} k_B T: the response to such a field is not linear")
    return limits


def warn_of_limits(material: Material, field: float | None = None) -> None:
    """Warn (ValidityWarning) of each limit of the theory that the material exceeds.

    Parameters
    ----------
    material : Material
        The material in SI units.
    field : float, V/m, optional
        Electric field.
    """
    for limit in limits_of(material, field):
        warnings.warn(f"{limit}.", ValidityWarning, stacklevel=3)
