"""Material: a hopping conductor in SI units, and its spin conductivities.

The only place where the code's units (lengths in a_b, times in tau_0, resistances in rho_0) and SI
meet. Axes are those of the letter: x along [1-10], y along [110] of a (001) layer.
"""

from __future__ import annotations

import difflib
import tomllib
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.constants import e, hbar, k, m_e

from hopnet.constants import PERCOLATION_RADIUS, Z_CROSS
from hopnet.errors import DataError, ParameterError, ValidityWarning
from hopnet.records import read_only

LETTER_RADIUS = 1.2  # the same as the letter rounds it
TOML_UNITS = {
    "a_b_nm": ("a_b", 1e-9),
    "J_0_meV": ("J_0", 1e-3 * e),
    "tau_0_ps": ("tau_0", 1e-12),
    "tau_s_ns": ("tau_s", 1e-9),
    "m_m_e": ("m", m_e),
    "n_per_cm2": ("n", 1e4),
    "n_s_per_cm2": ("n_s", 1e4),
    "beta_meV_A": ("beta", 1e-13 * e),
    "T_K": ("T", 1.0),
    "rho_0_kOhm": ("rho_0", 1e3),
}


@dataclass(frozen=True, eq=False)
class Material:
    """A two-dimensional hopping conductor, in SI units.

    Parameters
    ----------
    a_b : float, m
        Localisation radius: J = J_0 exp(-R/a_b), tau = tau_0 exp(2R/a_b).
    J_0 : float, J
    tau_0 : float, s
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
        Sheet resistance scale of a hop. One of T and rho_0 is given, the other follows from
        rho_0 = k_B T tau_0 n_s / (e^2 n).

    Raises
    ------
    ParameterError
        If a number is not positive, ``beta`` is no finite 2x2 matrix, or not exactly one of T and
        rho_0 is given.

    Examples
    --------
    The letter's estimate, but for the temperature, which it does not need:

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

    def __post_init__(self):
        for name in ("a_b", "J_0", "tau_0", "tau_s", "m", "n", "n_s", "T", "rho_0"):
            value = getattr(self, name)
            if value is None and name in ("T", "rho_0"):
                continue
            if not (
                np.ndim(value) == 0
                and isinstance(value, int | float | np.number)
                and np.isfinite(value)
                and value > 0
            ):
                raise ParameterError(
                    f"{name} must be a positive number in SI units, got {value!r}; mend it."
                )
            object.__setattr__(self, name, float(value))
        if (self.T is None) == (self.rho_0 is None):
            raise ParameterError(
                "a material needs exactly one of T and rho_0 (each follows from the other by "
                f"rho_0 = k_B T tau_0 n_s / (e^2 n)), got T={self.T!r} and rho_0={self.rho_0!r}; "
                "leave one out."
            )
        try:
            beta = np.asarray(self.beta, dtype=np.float64)
        except (TypeError, ValueError):
            beta = np.empty(0)
        if beta.shape != (2, 2) or not np.all(np.isfinite(beta)):
            raise ParameterError(
                f"beta must be a 2x2 matrix of finite numbers in J m, got {self.beta!r}; the "
                "letter's form is [[0, beta_xy], [beta_yx, 0]]."
            )
        object.__setattr__(self, "beta", read_only(beta))
        per_kelvin = k * self.tau_0 * self.n_s / (e**2 * self.n)
        if self.T is None:
            object.__setattr__(self, "T", self.rho_0 / per_kelvin)
        else:
            object.__setattr__(self, "rho_0", self.T * per_kelvin)

    @property
    def density(self) -> float:
        """n_s a_b^2."""
        return self.n_s * self.a_b**2

    @property
    def spin_orbit(self) -> np.ndarray:
        """float64[2, 2]: M = m a_b beta / hbar^2, half-angles per a_b."""
        return self.m * self.a_b / hbar**2 * self.beta

    @property
    def eta(self) -> float:
        """hbar / (J_0 tau_0)."""
        return hbar / (self.J_0 * self.tau_0)

    @property
    def angle(self) -> float:
        """phi: root mean square of the half-angle of a hop of a_b over directions."""
        return float(np.linalg.norm(self.spin_orbit) / np.sqrt(2.0))

    @property
    def tau_DP(self) -> float:
        """tau_0 / phi^2 in s, the Dyakonov-Perel time at high density [hopping S28]."""
        return self.tau_0 / self.angle**2 if self.angle else np.inf

    @property
    def critical_length(self) -> float:
        """l_c in m."""
        return PERCOLATION_RADIUS / np.sqrt(self.n_s)

    @classmethod
    def from_toml(cls, path: str | Path) -> Material:
        """Read the table [material] of a TOML file; its keys carry their units.

        a_b_nm, J_0_meV, tau_0_ps, tau_s_ns, m_m_e, n_per_cm2, n_s_per_cm2, beta_meV_A and one of
        T_K and rho_0_kOhm.

        Parameters
        ----------
        path : path-like

        Returns
        -------
        Material
        """
        path = Path(path)
        try:
            table = tomllib.loads(path.read_text(encoding="utf-8"))["material"]
        except FileNotFoundError:
            raise DataError(f"There is no file {str(path)!r}; give a material file.") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as failure:
            raise DataError(f"{str(path)!r} is not a TOML file ({failure}); mend it.") from failure
        except KeyError:
            raise DataError(f"{str(path)!r} has no table [material]; add it.") from None
        given = {}
        for key, value in table.items():
            if key not in TOML_UNITS:
                near = difflib.get_close_matches(key, TOML_UNITS, n=1, cutoff=0.3)
                raise ParameterError(
                    f"{path}: [material] has no key {key!r}, nearest is "
                    f"{near[0] if near else 'none'!r}; keys are {', '.join(TOML_UNITS)}."
                )
            name, unit = TOML_UNITS[key]
            try:
                given[name] = (
                    np.asarray(value, dtype=np.float64) * unit
                    if name == "beta"
                    else float(value) * unit
                )
            except (TypeError, ValueError):
                raise ParameterError(
                    f"{path}: {key} must be a number (beta a 2x2 matrix), got {value!r}; mend it."
                ) from None
        missing = [
            key
            for key, (name, _) in TOML_UNITS.items()
            if name not in given and name not in ("T", "rho_0")
        ]
        if missing:
            raise ParameterError(f"{path}: [material] lacks {', '.join(missing)}; add them.")
        return cls(**given)


@dataclass(frozen=True, eq=False)
class Conductivities:
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
    resistivity : float, Ohm
        Sheet resistivity that was used.
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
    f : float
        f(n_s, tau_s), see `hopnet.f_curve`; with f(n_s, 0), f_drift, the SHE is that of the drift
        spin current alone [hopping 16].
    resistivity : float or {"percolation", "letter", "crossover"}
        In units of rho_0: that of a network (`Current.resistivity`), which is what the theory
        means; or exp(2 l_c / a_b) with l_c sqrt(n_s) = 1.19847 or, as the letter rounds it, 1.2;
        or 1, the crossover to diffusive conduction.
    signs : {"consistent", "printed"}
        "printed" takes [hopping 14], [hopping 15] and [hopping S39] as they stand: no transpose
        in the SGE, the opposite sign of the SHE, Tr beta^2 and beta^T. "consistent", the default,
        is what the kinetic equations give: it obeys Onsager's relation for every beta and sign
        (11) and (10).
    field : float, V/m, optional
        Only to warn where the response is not linear.

    Returns
    -------
    Conductivities

    Warns
    -----
    ValidityWarning
        n_s a_b^2 > 0.1; n > n_s / 10; tau_s > tau_DP / 10; e E l_c > k_B T.
    """
    if signs not in ("consistent", "printed"):
        raise ParameterError(f"signs must be 'consistent' or 'printed', got {signs!r}; choose one.")
    if not (np.ndim(f) == 0 and np.isfinite(f)):
        raise ParameterError(f"f must be one finite number, got {f!r}; see hopnet.f_curve.")
    warn_of_limits(material, field)
    rho = sheet_resistivity(material, resistivity)
    beta = material.beta
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
    return Conductivities(read_only(cisp), read_only(sge), read_only(she), float(f), rho, float(P))


def sheet_resistivity(material, resistivity):
    """Sheet resistivity in Ohm, see `conductivities`."""
    radius = {"percolation": PERCOLATION_RADIUS, "letter": LETTER_RADIUS, "crossover": 0.0}
    if isinstance(resistivity, str):
        if resistivity not in radius:
            raise ParameterError(
                f"resistivity must be one of {', '.join(radius)} or a number in rho_0, "
                f"got {resistivity!r}; choose one."
            )
        return material.rho_0 * float(np.exp(2.0 * radius[resistivity] / np.sqrt(material.density)))
    if not (np.ndim(resistivity) == 0 and np.isfinite(resistivity) and resistivity > 0):
        raise ParameterError(
            f"resistivity must be a positive number in units of rho_0, got {resistivity!r}; take "
            "Current.resistivity."
        )
    return material.rho_0 * float(resistivity)


def high_density_polarisation(material, field, *, resistivity="crossover"):
    """Estimate of s for n_s a_b^2 of order one, where hops and drift are comparable.

    Equations [hopping S28], [hopping S29], [hopping S30]::

        s = (tau_s / tau_DP) beta k_dr / J_0
        1 / tau_DP = phi^2 / tau_0          j = n e hbar k_dr / m

    beta being the root mean square of the splitting over directions of k.

    Parameters
    ----------
    material : Material
    field : float, V/m
    resistivity
        As in `conductivities`.

    Returns
    -------
    float
    """
    current = field / sheet_resistivity(material, resistivity)
    k_dr = current * material.m / (material.n * e * hbar)
    beta = float(np.linalg.norm(material.beta) / np.sqrt(2.0))
    return material.tau_s / material.tau_DP * beta * k_dr / material.J_0


def warn_of_limits(material, field=None):
    """A ValidityWarning for each limit of the theory that the material oversteps."""
    limits = []
    if material.density > 0.1:
        limits.append(
            f"n_s a_b^2 = {material.density:.3g} is above 0.1: neighbouring states overlap"
        )
    if material.n > 0.1 * material.n_s:
        limits.append(
            f"n = {material.n / material.n_s:.2g} n_s: the theory takes occupations as small "
            "against one"
        )
    if material.tau_s > 0.1 * material.tau_DP:
        limits.append(
            f"tau_s = {material.tau_s / material.tau_DP:.2g} tau_DP with the estimate "
            "tau_DP = tau_0 / phi^2: f is of leading order, for tau_s << tau_DP; compare "
            "solve_kinetics"
        )
    if field is not None and not np.isfinite(field):
        raise ParameterError(f"field must be a finite number in V/m, got {field!r}; mend it.")
    if field is not None and e * abs(field) * material.critical_length > k * material.T:
        ratio = e * abs(field) * material.critical_length / (k * material.T)
        limits.append(f"e E l_c = {ratio:.3g} k_B T: the response to such a field is not linear")
    for limit in limits:
        warnings.warn(f"{limit}.", ValidityWarning, stacklevel=3)
