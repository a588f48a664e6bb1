"""Holes in a two-dimensional well: variational subbands and the 4 x 4 Luttinger Hamiltonian."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hopnet.berry.models import finite, from_terms, positive
from hopnet.errors import ParameterError
from hopnet.records import read_only

HALF_HBAR2_OVER_M0 = 3.80998212  # hbar^2 / 2 m0, eV Angstrom^2

# gamma_1, gamma_2, gamma_3. "Ge" has the values of common use, "Ge printed" those of the paper.
LUTTINGER = {
    "GaAs": (6.85, 2.10, 2.90),
    "InAs": (20.40, 8.30, 9.10),
    "InSb": (37.10, 16.50, 17.70),
    "Ge": (13.38, 4.24, 5.69),
    "Ge printed": (13.38, 5.24, 4.69),
}
JZ = np.diag([1.5, -1.5, 0.5, -0.5]).astype(complex)


@dataclass(frozen=True)
class Subbands:
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
    field : float, V/Angstrom
    """

    beta_heavy: float
    beta_light: float
    energy_heavy: float
    energy_light: float
    overlap: float
    slope: float
    width: float
    field: float


def luttinger_parameters(material):
    """(gamma_1, gamma_2, gamma_3) of a material by name, or the three numbers checked.

    Table I of the paper prints 13.38, 5.24, 4.69 for Ge; in common use are 13.38, 4.24, 5.69.
    Both are offered, as ``"Ge printed"`` and ``"Ge"``.
    """
    if isinstance(material, str):
        if material not in LUTTINGER:
            raise ParameterError(
                f"material must be one of {', '.join(LUTTINGER)}, got {material!r}; "
                "choose one of them or give three Luttinger parameters."
            )
        return LUTTINGER[material]
    gammas = tuple(float(g) for g in material)
    if len(gammas) != 3 or not np.all(np.isfinite(gammas)):
        raise ParameterError(
            f"Luttinger parameters must be three finite numbers, got {material!r}; "
            "give (gamma_1, gamma_2, gamma_3)."
        )
    if gammas[0] <= 2.0 * abs(gammas[1]):
        raise ParameterError(
            f"gamma_1 must exceed 2 gamma_2 for a hole mass of one sign, got {gammas}; "
            "check the order of the three numbers."
        )
    return gammas


def mean_position(beta):
    """``<z> / d`` of [berry 12]: ``1/(2 b) + b/(pi^2 + b^2) - coth(b)/2``; odd, 0 at b = 0."""
    if abs(beta) < 1e-2:
        # 1/(2b) - coth(b)/2 = -b/6 + b^3/90 - b^5/945
        return beta / (np.pi**2 + beta**2) - beta / 6.0 + beta**3 / 90.0 - beta**5 / 945.0
    return 0.5 / beta + beta / (np.pi**2 + beta**2) - 0.5 / np.tanh(beta)


def subband_function(z, beta, width):
    """Modified infinite-well function, equation [berry 12], zero outside the well.

    Written relative to its largest exponent, so that |beta| of hundreds does not overflow.

    Parameters
    ----------
    z : float64[...], Angstrom
        From the middle of the well.
    beta : float
    width : float, Angstrom

    Returns
    -------
    float64[...], Angstrom^-1/2
        Normalised to 1.
    """
    u = np.asarray(z) / width + 0.5
    shift = 0.0 if beta >= 0 else -beta
    envelope = np.exp(-beta * u - shift)
    b = abs(beta)
    # integral of sin^2(pi u) exp(-2 beta u) du = pi^2 (1 - exp(-2b)) / (4 b (pi^2 + b^2)), b > 0
    shape = -np.expm1(-2.0 * b) / (2.0 * b) if b > 1e-12 else 1.0
    norm = np.sqrt(width * np.pi**2 * shape / (2.0 * (np.pi**2 + b**2)))
    inside = (u >= 0.0) & (u <= 1.0)
    return np.where(inside, np.sin(np.pi * u) * envelope / norm, 0.0)


def subbands(material="GaAs", field_MV_per_m=1.0, width_nm=25.0):
    """Variational heavy- and light-hole subbands at k = 0, equation [berry 12].

    Each beta minimises ``hbar^2/(2 m0) (gamma_1 -+ 2 gamma_2) (pi^2 + beta^2)/d^2 - F <z>``.

    Parameters
    ----------
    material : str or 3 floats
        As in `luttinger_parameters`.
    field_MV_per_m : float, MV/m
        Gate field F_z; its sign only mirrors the well.
    width_nm : float, nm

    Returns
    -------
    Subbands

    Examples
    --------
    >>> from hopnet.berry.hole_well import subbands
    >>> round(subbands("GaAs", 1.0).beta_heavy, 6)
    -3.435557
    """
    from scipy.optimize import minimize_scalar  # not paid for by those without wells

    g1, g2, _ = luttinger_parameters(material)
    finite(field_MV_per_m=field_MV_per_m)
    positive(width_nm=width_nm)
    width = 10.0 * width_nm
    field = 1e-4 * field_MV_per_m

    def lowest(inverse_mass):
        kinetic = HALF_HBAR2_OVER_M0 * inverse_mass / width**2
        push = abs(field) * width

        def energy(b):
            return kinetic * (np.pi**2 + b**2) - push * mean_position(b)

        if push == 0.0:
            return 0.0, kinetic * np.pi**2
        # d<z>/db lies between -1/6 + 1/pi^2 and 0, so |b| < push / (29 kinetic)
        bound = push / kinetic + 1.0
        found = minimize_scalar(
            energy, bounds=(-bound, 0.0), method="bounded", options={"xatol": 1e-12 * bound}
        )
        beta = polish(found.x, kinetic, push)
        return np.sign(field) * beta, energy(beta)

    beta_h, energy_h = lowest(g1 - 2.0 * g2)
    beta_l, energy_l = lowest(g1 + 2.0 * g2)
    overlap, slope = overlaps(beta_h, beta_l, width)
    numbers = (beta_h, beta_l, energy_h, energy_l, overlap, slope, width, field)
    return Subbands(*(float(number) for number in numbers))


def polish(beta, kinetic, push):
    """Newton steps on the derivative of the variational energy (analytic, by parts)."""
    for _ in range(50):
        h = 1e-4 * max(abs(beta), 1e-3)
        z_up, z_down = mean_slope(beta + h), mean_slope(beta - h)
        force = 2.0 * kinetic * beta - push * mean_slope(beta)
        stiffness = 2.0 * kinetic - push * (z_up - z_down) / (2.0 * h)
        step = force / stiffness
        beta -= step
        if abs(step) <= 1e-15 * abs(beta):
            break
    return beta


def mean_slope(b):
    """Derivative of `mean_position`."""
    square = np.pi**2 + b**2
    inner = (np.pi**2 - b**2) / square**2
    if abs(b) < 5e-2:
        return inner - 1.0 / 6.0 + b**2 / 30.0 - b**4 / 189.0 + b**6 / 1350.0
    # 1/sinh^2 from the decaying exponential: no overflow at large |b|
    decay = np.exp(-2.0 * abs(b))
    return inner - 0.5 / b**2 + 2.0 * decay / (1.0 - decay) ** 2


def overlaps(beta_h, beta_l, width):
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


def luttinger_well(
    material="GaAs",
    field_MV_per_m=1.0,
    width_nm=25.0,
    *,
    magnetisation=1e-3,
    zeeman="Jz",
    warping=False,
):
    """Holes of a well: [berry 11] between the functions of [berry 12] plus a Zeeman term.

    Parameters
    ----------
    material, field_MV_per_m, width_nm
        As in `subbands`.
    magnetisation : float, eV
        m_z.
    zeeman : {"Jz", "sigma"}
        Whether m_z multiplies J_z (default) or diag(1, -1, 1, -1); the paper does not say.
    warping : bool
        Whether M keeps its ``delta k_+^2`` term; the axial model drops it.

    Returns
    -------
    Model
        Basis +3/2, -3/2, +1/2, -1/2; hole energies counted upwards; spin z = J_z in hbar.
        ``parameters["bottom"]`` is the lowest level at k = 0.

    Notes
    -----
    Valid while only the lowest heavy and light subband matter. The spin current is that of the
    paper, with the electron's charge -e; for holes of charge +e its sign turns.
    """
    g1, g2, g3 = luttinger_parameters(material)
    finite(magnetisation=magnetisation)
    if zeeman not in ("Jz", "sigma"):
        raise ParameterError(f"zeeman must be 'Jz' or 'sigma', got {zeeman!r}; choose one of them.")
    well = subbands(material, field_MV_per_m, width_nm)
    h = HALF_HBAR2_OVER_M0
    axial, cubic = 0.5 * (g2 + g3), 0.5 * (g2 - g3) if warping else 0.0
    # L = -sqrt3 (hbar^2/m0) g3 k_- kz between h and l; <h|kz|l> = -i slope
    linear = -np.sqrt(3.0) * 2.0 * h * g3 * (-1j * well.slope)
    square = -0.5 * np.sqrt(3.0) * 2.0 * h * well.overlap

    def unit(row, column, value):
        out = np.zeros((4, 4), dtype=complex)
        out[row, column] = value
        return out + out.conj().T

    # L at (0, 2), -L^+ at (1, 3): there k_- turns to k_+ while <h|kz|l> stays; kx and ky parts
    in_x = unit(0, 2, linear) + unit(1, 3, -linear)
    in_y = unit(0, 2, -1j * linear) + unit(1, 3, -1j * linear)
    # M at (0, 3), M^+ at (1, 2): k_-^2 = (kx^2 - ky^2) - 2i kx ky
    even = unit(0, 3, square * (axial + cubic)) + unit(1, 2, square * (axial + cubic))
    odd = unit(0, 3, -1j * square * (axial - cubic)) + unit(1, 2, 1j * square * (axial - cubic))
    kinetic = h * np.diag([g1 + g2, g1 + g2, g1 - g2, g1 - g2]).astype(complex)
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
        [base, kinetic, in_x, in_y, even, odd],
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


def rashba_splitting(material, field_MV_per_m, wave_vector, width_nm=25.0):
    """Spin splitting of the lowest heavy-hole subband without magnetisation, from [berry 11].

    Parameters
    ----------
    material : str or 3 floats
    field_MV_per_m : float or float[n], MV/m
    wave_vector : float, 1/Angstrom
        Along x.
    width_nm : float, nm

    Returns
    -------
    float64[n], eV
        Distance of the two lowest bands.
    """
    finite(wave_vector=wave_vector)
    fields = np.atleast_1d(np.asarray(field_MV_per_m, dtype=float))
    k = np.array([[wave_vector, 0.0]])
    out = np.empty(len(fields))
    for row, strength in enumerate(fields):
        model = luttinger_well(material, strength, width_nm, magnetisation=0.0)
        energy = np.linalg.eigvalsh(model.hamiltonian(k))[0]
        out[row] = energy[1] - energy[0]
    return read_only(out)
