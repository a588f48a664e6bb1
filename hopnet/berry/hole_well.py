"""Holes in a two-dimensional well: variational subbands and the 4 x 4 Luttinger Hamiltonian."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hopnet.berry.arguments import number, real_array, real_list
from hopnet.berry.models import Model, from_terms
from hopnet.checks import flag, one_of
from hopnet.errors import ParameterError
from hopnet.records import Record, read_only

__all__ = [
    "LUTTINGER",
    "Subbands",
    "luttinger_parameters",
    "luttinger_well",
    "mean_position",
    "rashba_splitting",
    "subband_function",
    "subbands",
]

HALF_HBAR2_OVER_M0 = 3.80998212  # hbar^2 / 2 m0 in eV Angstrom^2, CODATA 2018

# Ranges that are accepted, far beyond the validity of the model. Outside them the variational
# energy or the levels lose all digits, and the answer would be noise.
WIDTHS = (0.1, 1e4)  # nm: below 0.1 there is no atom, above 1e4 the levels fall below 1e-9 eV
LARGEST_FIELD = 1e5  # MV/m: a hundred times the field at which semiconductors break down
LARGEST_ZEEMAN = 1e3  # eV
LARGEST_WAVE_VECTOR = 1e3  # 1/Angstrom: a thousand Brillouin zones
LARGEST_GAMMA = 1e6  # Luttinger parameters: a mass of 1e-6 electron masses
NEWTON_STEPS = 50  # of `polish`: about 5 are needed; more cost microseconds

# gamma_1, gamma_2, gamma_3. "Ge" has the values of common use, "Ge printed" those of the paper.
LUTTINGER = {
    "GaAs": (6.85, 2.10, 2.90),
    "InAs": (20.40, 8.30, 9.10),
    "InSb": (37.10, 16.50, 17.70),
    "Ge": (13.38, 4.24, 5.69),
    "Ge printed": (13.38, 5.24, 4.69),
}
# J_z in hbar, in the basis +3/2, -3/2, +1/2, -1/2.
JZ = np.diag([1.5, -1.5, 0.5, -0.5]).astype(complex)


@dataclass(frozen=True)
class Subbands(Record):
    """Lowest heavy- and light-hole functions of a biased well.

    Attributes
    ----------
    beta_heavy, beta_light : float
        Variational parameters of [berry 12].
    energy_heavy, energy_light : float, eV
        Energies at k = 0, measured from V(z = 0).
    overlap : float
        ``<h|l>``.
    slope : float, 1/Angstrom
        ``integral phi_h phi_l' dz``; ``<h|kz|l> = -i slope``.
    width : float, Angstrom
        Width of the well.
    field : float, V/Angstrom
        Gate field F_z.
    """

    beta_heavy: float
    beta_light: float
    energy_heavy: float
    energy_light: float
    overlap: float
    slope: float
    width: float
    field: float


def luttinger_parameters(material: str | Sequence[float]) -> tuple[float, float, float]:
    """The Luttinger parameters (gamma_1, gamma_2, gamma_3) of a material, by name or as numbers.

    Table I of the paper prints 13.38, 5.24, 4.69 for Ge; in common use are 13.38, 4.24, 5.69.
    Both are offered, as ``"Ge printed"`` and ``"Ge"``.
    """
    if isinstance(material, str):
        hint = "correct the name or give three Luttinger parameters"
        return LUTTINGER[one_of("material", material, LUTTINGER, hint)]
    hint = "give a name or (gamma_1, gamma_2, gamma_3)"
    given = real_array("Luttinger parameters", material, (3,), hint=hint)
    gammas = tuple(
        number("Luttinger parameters", g, low=-LARGEST_GAMMA, high=LARGEST_GAMMA, hint=hint)
        for g in given
    )
    if gammas[0] <= 2.0 * abs(gammas[1]):
        raise ParameterError(
            f"gamma_1 must exceed 2 gamma_2 for a hole mass of one sign, got {gammas}; "
            "check the order of the three numbers."
        )
    return gammas[0], gammas[1], gammas[2]


def mean_position(beta: float) -> float:
    """``<z> / d`` of [berry 12]: ``1/(2 b) + b/(pi^2 + b^2) - coth(b)/2``; odd, 0 at b = 0."""
    if abs(beta) < 1e-2:
        # 1/(2b) - coth(b)/2 = -b/6 + b^3/90 - b^5/945
        return beta / (np.pi**2 + beta**2) - beta / 6.0 + beta**3 / 90.0 - beta**5 / 945.0
    return 0.5 / beta + beta / (np.pi**2 + beta**2) - 0.5 / np.tanh(beta)


def subband_function(z: npt.ArrayLike, beta: float, width: float) -> np.ndarray:
    """Modified infinite-well function, equation [berry 12], zero outside the well.

    The exponential is taken relative to its largest value, so that it does not overflow for
    |beta| of hundreds.

    Parameters
    ----------
    z : float64[...], Angstrom
        Positions, counted from the middle of the well.
    beta : float
        Variational parameter.
    width : float, Angstrom
        Width of the well.

    Returns
    -------
    float64[...], Angstrom^-1/2
        Normalised to 1.
    """
    u = np.asarray(z) / width + 0.5
    largest = 0.0 if beta >= 0 else -beta
    envelope = np.exp(-beta * u - largest)
    b = abs(beta)
    # integral of sin^2(pi u) exp(-2 beta u) du = pi^2 (1 - exp(-2b)) / (4 b (pi^2 + b^2)), b > 0
    shape = -np.expm1(-2.0 * b) / (2.0 * b) if b > 1e-12 else 1.0
    norm = np.sqrt(width * np.pi**2 * shape / (2.0 * (np.pi**2 + b**2)))
    inside = (u >= 0.0) & (u <= 1.0)
    return np.where(inside, np.sin(np.pi * u) * envelope / norm, 0.0)


def subbands(
    material: str | Sequence[float] = "GaAs", field_MV_per_m: float = 1.0, width_nm: float = 25.0
) -> Subbands:
    """Variational heavy- and light-hole subbands at k = 0, equation [berry 12].

    Each beta minimises ``hbar^2/(2 m0) (gamma_1 -+ 2 gamma_2) (pi^2 + beta^2)/d^2 - F <z>``.

    Parameters
    ----------
    material : str or 3 floats
        Name or Luttinger parameters, as in `luttinger_parameters`.
    field_MV_per_m : float, MV/m
        Gate field F_z, at most 1e5; its sign only mirrors the well.
    width_nm : float, nm
        Width of the well, from 0.1 to 1e4.

    Returns
    -------
    Subbands

    Examples
    --------
    >>> from hopnet.berry.hole_well import subbands
    >>> round(subbands("GaAs", 1.0).beta_heavy, 6)
    -3.435557
    """
    g1, g2, _ = luttinger_parameters(material)
    width, field = checked_well(field_MV_per_m, width_nm)
    beta_h, energy_h = lowest_level(g1 - 2.0 * g2, field, width)
    beta_l, energy_l = lowest_level(g1 + 2.0 * g2, field, width)
    overlap, slope = overlaps(beta_h, beta_l, width)
    numbers = (beta_h, beta_l, energy_h, energy_l, overlap, slope, width, field)
    return Subbands(*(float(number) for number in numbers))


def checked_well(field_MV_per_m: float, width_nm: float) -> tuple[float, float]:
    """Width (Angstrom) and gate field (V/Angstrom) of a well, within the ranges accepted."""
    width = number("width_nm", width_nm, low=WIDTHS[0], high=WIDTHS[1], hint="give a width in nm")
    field = number(
        "field_MV_per_m",
        field_MV_per_m,
        low=-LARGEST_FIELD,
        high=LARGEST_FIELD,
        hint="give a field in MV/m",
    )
    return 10.0 * width, 1e-4 * field


def lowest_level(inverse_mass: float, field: float, width: float) -> tuple[float, float]:
    """Variational parameter and energy (eV) of the lowest level of one mass, [berry 12]."""
    from scipy.optimize import minimize_scalar  # slow to import, and needed for wells only

    kinetic = HALF_HBAR2_OVER_M0 * inverse_mass / width**2
    push = abs(field) * width

    def energy(b):
        return kinetic * (np.pi**2 + b**2) - push * mean_position(b)

    if push == 0.0:
        return 0.0, kinetic * np.pi**2
    # d<z>/db lies between -1/6 + 1/pi^2 and 0, so |b| < push / (29 kinetic).
    bound = push / kinetic + 1.0
    found = minimize_scalar(
        energy, bounds=(-bound, 0.0), method="bounded", options={"xatol": 1e-12 * bound}
    )
    beta = polish(found.x, kinetic, push)
    return np.sign(field) * beta, energy(beta)


def polish(beta: float, kinetic: float, push: float) -> float:
    """Root of the derivative of the variational energy near ``beta``, by Newton steps."""
    for _ in range(NEWTON_STEPS):
        h = 1e-4 * max(abs(beta), 1e-3)
        z_up, z_down = mean_slope(beta + h), mean_slope(beta - h)
        force = 2.0 * kinetic * beta - push * mean_slope(beta)
        stiffness = 2.0 * kinetic - push * (z_up - z_down) / (2.0 * h)
        step = force / stiffness
        beta -= step
        if abs(step) <= 1e-15 * abs(beta):
            break
    return beta


def mean_slope(b: float) -> float:
    """Derivative of `mean_position`."""
    square = np.pi**2 + b**2
    inner = (np.pi**2 - b**2) / square**2
    if abs(b) < 5e-2:
        return inner - 1.0 / 6.0 + b**2 / 30.0 - b**4 / 189.0 + b**6 / 1350.0
    # 1/sinh^2 is taken from the decaying exponential, which does not overflow at large |b|.
    decay = np.exp(-2.0 * abs(b))
    return inner - 0.5 / b**2 + 2.0 * decay / (1.0 - decay) ** 2


def overlaps(beta_h: float, beta_l: float, width: float) -> tuple[float, float]:
    """``<h|l>`` and ``integral phi_h phi_l' dz`` in closed form.

    With b the mean of the two betas both are integrals of exponentials times sin^2 and sin cos.
    The derivative is ``phi_l' = (pi cot - beta_l)/d phi_l``, and ``integral sin cos exp(-2 b u)``
    equals ``(b/pi)`` times that of sin^2.
    """

    def shape(b):
        return -np.expm1(-2.0 * b) / (2.0 * b) / (np.pi**2 + b**2) if b > 1e-12 else 1 / np.pi**2

    h, l = abs(beta_h), abs(beta_l)
    mean = 0.5 * (h + l)  # both have the sign of the field
    overlap = shape(mean) / np.sqrt(shape(h) * shape(l))
    slope = overlap * 0.5 * (beta_h - beta_l) / width
    return overlap, slope


class WellMatrices(NamedTuple):
    """Matrices of [berry 11] that multiply functions of k, each complex128[4, 4].

    Attributes
    ----------
    kinetic : complex128[4, 4]
        Factor of ``kx^2 + ky^2``.
    in_x, in_y : complex128[4, 4]
        Factors of kx and ky.
    even, odd : complex128[4, 4]
        Factors of ``kx^2 - ky^2`` and ``2 kx ky``.
    """

    kinetic: np.ndarray
    in_x: np.ndarray
    in_y: np.ndarray
    even: np.ndarray
    odd: np.ndarray


def well_matrices(
    well: Subbands, gammas: tuple[float, float, float], warping: bool
) -> WellMatrices:
    """The matrices of [berry 11] between the functions of [berry 12]."""
    g1, g2, g3 = gammas
    h = HALF_HBAR2_OVER_M0
    axial, cubic = 0.5 * (g2 + g3), 0.5 * (g2 - g3) if warping else 0.0
    # L = -sqrt3 (hbar^2/m0) g3 k_- kz between h and l, with <h|kz|l> = -i slope.
    linear = -np.sqrt(3.0) * 2.0 * h * g3 * (-1j * well.slope)
    square = -0.5 * np.sqrt(3.0) * 2.0 * h * well.overlap

    def unit(row, column, value):
        out = np.zeros((4, 4), dtype=complex)
        out[row, column] = value
        return out + out.conj().T

    # L stands at (0, 2) and -L^+ at (1, 3): there k_- becomes k_+, while <h|kz|l> stays. The
    # parts with kx and with ky are kept apart.
    in_x = unit(0, 2, linear) + unit(1, 3, -linear)
    in_y = unit(0, 2, -1j * linear) + unit(1, 3, -1j * linear)
    # M stands at (0, 3) and M^+ at (1, 2), with k_-^2 = (kx^2 - ky^2) - 2i kx ky.
    even = unit(0, 3, square * (axial + cubic)) + unit(1, 2, square * (axial + cubic))
    odd = unit(0, 3, -1j * square * (axial - cubic)) + unit(1, 2, 1j * square * (axial - cubic))
    kinetic = h * np.diag([g1 + g2, g1 + g2, g1 - g2, g1 - g2]).astype(complex)
    return WellMatrices(kinetic, in_x, in_y, even, odd)


def luttinger_well(
    material: str | Sequence[float] = "GaAs",
    field_MV_per_m: float = 1.0,
    width_nm: float = 25.0,
    *,
    magnetisation: float = 1e-3,
    zeeman: str = "Jz",
    warping: bool = False,
) -> Model:
    """Holes in a well: [berry 11] between the functions of [berry 12] plus a Zeeman term.

    Parameters
    ----------
    material, field_MV_per_m, width_nm
        As in `subbands`.
    magnetisation : float, eV
        Energy m_z of the Zeeman term, at most 1e3.
    zeeman : {"Jz", "sigma"}
        Whether m_z multiplies J_z (default) or diag(1, -1, 1, -1); the paper does not say.
    warping : bool
        Whether M keeps its ``delta k_+^2`` term; the axial model leaves it out.

    Returns
    -------
    Model
        Basis +3/2, -3/2, +1/2, -1/2; hole energies counted upwards; spin z = J_z in hbar.
        ``parameters["bottom"]`` is the lowest level at k = 0.

    Notes
    -----
    The model is valid while only the lowest heavy and light subband matter. The spin current is
    that of the paper, with the electron's charge -e; for holes of charge +e its sign changes.
    """
    g1, g2, g3 = luttinger_parameters(material)
    magnetisation = number(
        "magnetisation",
        magnetisation,
        low=-LARGEST_ZEEMAN,
        high=LARGEST_ZEEMAN,
        hint="give an energy in eV",
    )
    one_of("zeeman", zeeman, ("Jz", "sigma"), "correct the name")
    warping = flag("warping", warping)
    well = subbands(material, field_MV_per_m, width_nm)
    parts = well_matrices(well, (g1, g2, g3), warping)
    splitting = JZ if zeeman == "Jz" else np.diag([1.0, -1.0, 1.0, -1.0]).astype(complex)
    levels = [well.energy_heavy] * 2 + [well.energy_light] * 2
    base = np.diag(levels) + magnetisation * splitting

    def coefficients(k):
        x, y = k[:, 0], k[:, 1]
        return [1.0, x * x + y * y, x, y, x * x - y * y, 2.0 * x * y]

    def slopes(k, axis):
        x, y = k[:, 0], k[:, 1]
        if axis == 0:
            return [0.0, 2.0 * x, 1.0, 0.0, 2.0 * x, 2.0 * y]
        return [0.0, 2.0 * y, 0.0, 1.0, -2.0 * y, 2.0 * x]

    bottom = float(np.diag(base).real.min())
    return from_terms(
        f"{material} well",
        [base, parts.kinetic, parts.in_x, parts.in_y, parts.even, parts.odd],
        coefficients,
        slopes,
        dimension=2,
        spin={"z": JZ},
        spin_unit=1.0,
        scale=read_only(np.full(2, np.pi / well.width)),
        energy_unit="eV",
        length_unit="Angstrom",
        parameters={
            "material": material if isinstance(material, str) else "own",
            "field_MV_per_m": field_MV_per_m,
            "width_nm": width_nm,
            "magnetisation": magnetisation,
            "zeeman": zeeman,
            "warping": warping,
            "bottom": bottom,
        },
    )


def rashba_splitting(
    material: str | Sequence[float],
    field_MV_per_m: npt.ArrayLike,
    wave_vector: float,
    width_nm: float = 25.0,
) -> np.ndarray:
    """Spin splitting of the lowest heavy-hole subband without magnetisation, from [berry 11].

    Parameters
    ----------
    material : str or 3 floats
        Name or Luttinger parameters, as in `luttinger_parameters`.
    field_MV_per_m : float or float[n], MV/m
        Gate fields F_z.
    wave_vector : float, 1/Angstrom
        Wave vector along x, at most 1e3.
    width_nm : float, nm
        Width of the well.

    Returns
    -------
    float64[n], eV
        Distance of the two lowest bands at each field.
    """
    wave_vector = number(
        "wave_vector",
        wave_vector,
        low=-LARGEST_WAVE_VECTOR,
        high=LARGEST_WAVE_VECTOR,
        hint="give a wave vector in 1/Angstrom",
    )
    fields = real_list("field_MV_per_m", field_MV_per_m, hint="give fields in MV/m")
    k = np.array([[wave_vector, 0.0]])
    out = np.empty(len(fields))
    for row, strength in enumerate(fields):
        model = luttinger_well(material, strength, width_nm, magnetisation=0.0)
        energy = np.linalg.eigvalsh(model.hamiltonian(k))[0]
        out[row] = energy[1] - energy[0]
    return read_only(out)
