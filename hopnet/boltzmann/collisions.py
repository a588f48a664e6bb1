"""Collision integrals on the Fermi circle, as matrices on spin x angular harmonics.

The distribution at the Fermi energy is ``n(theta) = sum_a n_a(theta) sigma_a`` with
``a = 0 (charge), x, y, z``, and each ``n_a`` is a sum over ``1, cos, sin, cos 2, sin 2, ...``.
A collision integral is then a real matrix of order ``4 (2 L + 1)``. Its index ``4 h + a`` belongs
to harmonic ``h`` (0: constant, ``2 l - 1``: ``cos(l theta)``, ``2 l``: ``sin(l theta)``) and spin
component ``a``. Rates are in units of the Drude rate ``1/tau_D``.

Notation: ``P = p^ + p'^``, ``G_M = Gamma_M(p^, p'^) = sin(theta' - theta) sigma_z``,
``G_R = Gamma_R(P)`` with ``Gamma_R(v) = sigma_x v_y - sigma_y v_x``; ``<...>`` is the mean over
theta' with the weight w(theta - theta').
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from hopnet import checks
from hopnet.boltzmann.checks import (
    MOST_HARMONICS,
    call_profile,
    check_harmonics,
    check_instance,
    check_shapes,
    number,
    owned,
    real_array,
)
from hopnet.boltzmann.conventions import Convention, resolve_convention
from hopnet.errors import ParameterError
from hopnet.records import Record, read_only

__all__ = [
    "Collisions",
    "Disorder",
    "assemble",
    "born_kernel",
    "collision_integral",
    "drude_term",
    "elliott_yafet_mott_term",
    "elliott_yafet_rashba_term",
    "precession_matrix",
    "precession_template",
    "precession_term",
    "rashba_scattering_term",
    "side_jump_source",
    "skew_term",
    "star_term",
    "strengths",
    "swap_term",
    "templates",
    "weight_harmonics",
]

# A pair of double Fourier coefficients, complex128[5, 5, 4, 4] each: gain and loss of a term.
Pair = tuple[np.ndarray, np.ndarray]

PAULI = np.array(
    [[[1, 0], [0, 1]], [[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]], dtype=complex
)

# Number of angles of a grid on the circle. It resolves kernels of degree up to 3 in each angle;
# theirs is 2. A larger grid gives the same coefficients.
GRID = 8

# Angles from 0 to pi at which a scattering weight is checked, and the most negative value that
# counts as rounding of zero.
WEIGHT_ANGLES, WEIGHT_ROUNDING = 721, -1e-12


@dataclass(frozen=True)
class Disorder(Record):
    """Random potential with its two spin-orbit parts, matrix element [qbe 3].

    Attributes
    ----------
    lambda_xy, lambda_z : float or float64[...], 1
        Strengths of the Rashba and of the Mott vertex. The Born terms keep the second
        order; beyond about 0.3 the response functions warn.
    strength : float or float64[...], 1
        Potential times density of states per spin, ``v_0 N_0``: the third moment [qbe 7]
        over the second [qbe 6].
    weight : tuple of float
        Cosine coefficients of the scattering weight, ``w(D) = sum_k weight[k] cos(k D)``,
        with ``weight[0] = 1`` so that 1/tau_D is the total rate. ``(1.0,)`` is s-wave.

    Raises
    ------
    ParameterError
        If a number is complex or not finite, ``weight[0]`` is not 1, the weight is
        negative somewhere, or ``strength`` is given with a weight that is not s-wave (the
        third-order terms are derived for s-wave scatterers only).
    """

    lambda_xy: Any = 0.0
    lambda_z: Any = 0.0
    strength: Any = 0.0
    weight: tuple[float, ...] = (1.0,)

    def __post_init__(self) -> None:
        for name in ("lambda_xy", "lambda_z", "strength"):
            object.__setattr__(self, name, owned(name, getattr(self, name)))
        check_shapes(lambda_xy=self.lambda_xy, lambda_z=self.lambda_z, strength=self.strength)
        weight = tuple(real_array("weight", self.weight).ravel().tolist())
        object.__setattr__(self, "weight", weight)
        if not weight or weight[0] != 1.0:
            raise ParameterError(
                f"weight[0] must be 1 (the mean of w), got {checks.shown(weight)}; divide w by "
                "its mean."
            )
        if len(weight) > MOST_HARMONICS:
            raise ParameterError(
                f"weight has {len(weight)} coefficients, at most {MOST_HARMONICS} are allowed; "
                "leave out the small ones."
            )
        angle = np.linspace(0.0, math.pi, WEIGHT_ANGLES)
        lowest = float(np.min(weight @ np.cos(np.outer(np.arange(len(weight)), angle))))
        if lowest < WEIGHT_ROUNDING:
            raise ParameterError(
                f"the weight w(theta) must not be negative, got a minimum of {lowest:.3g}; "
                "use |v(theta)|**2 or keep more of its cosine coefficients."
            )
        if any(weight[1:]) and np.any(np.asarray(self.strength) != 0):
            raise ParameterError(
                "skew and Rashba scattering are derived for s-wave disorder only, got "
                f"strength={checks.shown(self.strength)} with a weight of {len(weight)} harmonics; "
                "set strength=0 or weight=(1.0,)."
            )


def weight_harmonics(
    weight: Callable[[np.ndarray], np.ndarray], harmonics: int = 8
) -> tuple[float, ...]:
    """Cosine coefficients of any even scattering weight, for `Disorder.weight`.

    Parameters
    ----------
    weight : callable
        Function ``weight(theta) -> float64`` of an array of angles; only its even part is used.
    harmonics : int
        Highest harmonic kept, from 0 to 512.

    Returns
    -------
    tuple of float
        ``weight[0] = 1`` after division by the mean.

    Examples
    --------
    >>> np.round(weight_harmonics(lambda theta: 2 + np.cos(theta), harmonics=2), 12).tolist()
    [1.0, 0.5, 0.0]
    """
    harmonics = checks.whole("harmonics", harmonics, low=0, high=MOST_HARMONICS)
    points = 64 * (harmonics + 1)
    angle = 2 * math.pi * np.arange(points) / points
    value = call_profile("weight", weight, (angle,))
    order = np.arange(harmonics + 1)
    cosine = np.cos(np.outer(order, angle)) @ value / points
    if not (np.all(np.isfinite(cosine)) and cosine[0] > 0):
        raise ParameterError(
            f"the weight must be finite with a positive mean, got a mean of {cosine[0]!r}; "
            "give the scattering probability as a function of the angle."
        )
    ratio = np.where(order == 0, 1.0, 2.0) * cosine / cosine[0]
    return tuple(np.where(np.abs(ratio) < 1e-15, 0.0, ratio).tolist())


# --- the terms -------------------------------------------------------------------------


class Collisions(NamedTuple):
    """One entry for each collision integral: a prefactor, or a pair of Fourier coefficients.

    Attributes
    ----------
    drude
        Drude relaxation [qbe B2].
    rashba_rashba, mott_mott
        Elliott-Yafet relaxation by the Rashba vertex [qbe B16] and by the Mott vertex [qbe B17].
    mott_rashba
        Anisotropic spin precession scattering [qbe B4].
    scalar_rashba
        Star diagram [qbe B9].
    scalar_mott
        Swap term, after [qbe B19].
    skew
        Skew scattering [qbe B20].
    """

    drude: Any
    rashba_rashba: Any
    mott_mott: Any
    mott_rashba: Any
    scalar_rashba: Any
    scalar_mott: Any
    skew: Any


def strengths(
    disorder: Disorder, chosen: Convention, *, star: bool = True, swap: bool = True
) -> Collisions:
    """Prefactor of each collision integral, in 1/tau_D; without the star or swap term if asked."""
    xy, z = disorder.lambda_xy, disorder.lambda_z
    return Collisions(
        drude=1.0,
        rashba_rashba=xy * xy,
        mott_mott=z * z,
        mott_rashba=-xy * z if chosen.precession_term else xy * z,
        scalar_rashba=(-xy if chosen.star_term else xy) if star else 0.0,
        scalar_mott=z if swap else 0.0,
        skew=math.pi * disorder.strength * z,
    )


def term(
    name: str, disorder: Disorder, harmonics: int, convention: str | Convention = "consistent"
) -> np.ndarray:
    """Matrix of one collision integral, a field of `Collisions`, with its prefactor."""
    check_instance("disorder", disorder, Disorder)
    harmonics = check_harmonics(harmonics)
    size = getattr(strengths(disorder, resolve_convention(convention)), name)
    return size * assemble(getattr(templates(), name), disorder.weight, harmonics)


def drude_term(disorder: Disorder, harmonics: int) -> np.ndarray:
    """Drude relaxation, ``<n' - n>``; equation [qbe B2], self-energy [qbe B1].

    Parameters
    ----------
    disorder : Disorder
        Disorder, with single numbers.
    harmonics : int
        Highest harmonic L.

    Returns
    -------
    float64[4 (2L+1), 4 (2L+1)], 1/tau_D
    """
    return term("drude", disorder, harmonics)


def elliott_yafet_rashba_term(disorder: Disorder, harmonics: int) -> np.ndarray:
    """Spin relaxation by the Rashba vertex; equation [qbe B16], self-energy [qbe B14].

    ``lambda_xy**2 <G_R n' G_R - {G_R**2, n}/2>``. The arguments are those of `drude_term`.
    """
    return term("rashba_rashba", disorder, harmonics)


def elliott_yafet_mott_term(disorder: Disorder, harmonics: int) -> np.ndarray:
    """Spin relaxation by the Mott vertex; equation [qbe B17], self-energy [qbe B15].

    ``lambda_z**2 <G_M n' G_M - {G_M**2, n}/2>``. The arguments are those of `drude_term`.
    """
    return term("mott_mott", disorder, harmonics)


def precession_term(
    disorder: Disorder, harmonics: int, convention: str | Convention = "consistent"
) -> np.ndarray:
    """Anisotropic spin precession scattering; equation [qbe B4], self-energy [qbe B3].

    ``i lambda_xy lambda_z <G_M n' G_R - G_R n' G_M - {[G_M, G_R], n}/2>`` follows from [qbe 3]
    and [qbe B3]; [qbe B4] has the opposite sign in the paper. Its sum over the circle
    is [qbe B5]. The arguments are those of `drude_term`; of the ``convention`` the switch
    ``precession_term`` is used.
    """
    return term("mott_rashba", disorder, harmonics, convention)


def star_term(
    disorder: Disorder, harmonics: int, convention: str | Convention = "consistent"
) -> np.ndarray:
    """Star diagram, scalar times Rashba; equation [qbe B9], self-energy [qbe B8].

    ``-lambda_xy <{G_R, n' - n}>`` follows from [qbe 3] and [qbe B8]; [qbe B9] has the opposite
    sign in the paper. It vanishes inside ``|l| <= 1`` but couples to ``l = 2``, and
    with a uniform Rashba field this changes the spin-Hall angle by ``-2 lambda_xy alpha p_F
    tau_D``. Its field part [qbe B10] is zero on an unpolarised ground state. The arguments are
    those of `drude_term`; of the ``convention`` the switch ``star_term`` is used.
    """
    return term("scalar_rashba", disorder, harmonics, convention)


def swap_term(disorder: Disorder, harmonics: int) -> np.ndarray:
    """Swap of spin currents, ``i lambda_z <[n', G_M]>``; the term I0_SJ after [qbe B19].

    It couples ``J^x`` and ``J^y`` only. Self-energy [qbe B18]. The arguments are those of
    `drude_term`.
    """
    return term("scalar_mott", disorder, harmonics)


def skew_term(disorder: Disorder, harmonics: int) -> np.ndarray:
    """Mott skew scattering; equation [qbe B20].

    ``-pi v_0 N_0 lambda_z <{Gamma_M(p'^, p^), n'}>``, for s-wave disorder. The arguments are
    those of `drude_term`.
    """
    return term("skew", disorder, harmonics)


def rashba_scattering_term(disorder: Disorder, harmonics: int) -> np.ndarray:
    """Third-order precession, ``i pi v_0 N_0 lambda_xy [n, Gamma_R(p^)]``; equation [qbe B12].

    Self-energy [qbe B11]. It renormalises alpha [qbe 20] and is therefore left out of
    `collision_integral`. The arguments are those of `drude_term`.
    """
    check_instance("disorder", disorder, Disorder)
    harmonics = check_harmonics(harmonics)
    size = math.pi * disorder.strength * disorder.lambda_xy
    return size * precession_matrix(harmonics)


def side_jump_source(harmonics: int, ratio: float) -> np.ndarray:
    """Source of spin current in the field; the integral of [qbe B19] over energy.

    Parameters
    ----------
    harmonics : int
        Highest harmonic L, from 1 to 512.
    ratio : float
        Ratio ``sigma_SJ / sigma_D``, see `hopnet.boltzmann.response.coefficients`: minus
        ``lambda_z / (2 eps_F tau_D)`` as derived, plus the same in the paper [qbe B19].

    Returns
    -------
    float64[4 (2L+1)]
        Source in units of the drive ``cos(theta)`` of the charge.
    """
    harmonics = check_harmonics(harmonics)
    ratio = number("ratio", ratio)
    source = np.zeros(4 * (2 * harmonics + 1))
    source[4 * 2 + 3] = ratio
    return source


def collision_integral(
    disorder: Disorder,
    harmonics: int = 4,
    *,
    star: bool = True,
    convention: str | Convention = "consistent",
) -> np.ndarray:
    """Sum of the collision integrals that are not absorbed elsewhere; right side of [qbe 11].

    It contains the Born terms and skew scattering. Rashba scattering [qbe B12] and the real part
    [qbe B6] of the precession term renormalise alpha instead (`rashba_renormalisation`);
    the side jump is a source (`side_jump_source`).

    Parameters
    ----------
    disorder : Disorder
        Disorder, with single numbers.
    harmonics : int
        Highest harmonic L, from 1 to 512.
    star : bool
        Whether to keep the star diagram. (The paper leaves it out.)
    convention : str or Convention
        Formulas as derived or as in the paper.

    Returns
    -------
    float64[4 (2L+1), 4 (2L+1)], 1/tau_D

    Examples
    --------
    In-plane spin relaxes at ``2 lambda_xy**2 + lambda_z**2``, its z part at ``4 lambda_xy**2``:

    >>> matrix = collision_integral(Disorder(lambda_xy=0.1, lambda_z=0.2), harmonics=1)
    >>> np.round(-np.diag(matrix)[:4], 12).tolist()
    [-0.0, 0.06, 0.06, 0.04]
    """
    check_instance("disorder", disorder, Disorder)
    harmonics = check_harmonics(harmonics)
    checks.flag("star", star)
    sizes = strengths(disorder, resolve_convention(convention), star=star)
    gain = sum(size * pair[0] for size, pair in zip(sizes, templates()))
    loss = sum(size * pair[1] for size, pair in zip(sizes, templates()))
    return assemble((gain, loss), disorder.weight, harmonics)


def born_kernel(disorder: Disorder, harmonics: int = 4) -> np.ndarray:
    """The whole second-order integral, ``<A n' A^+ - {A A^+, n}/2>``; equation [qbe 3].

    ``A = 1 - i lambda_z G_M - lambda_xy G_R`` is the spin part of the matrix element. The
    sum of the Drude, Elliott-Yafet, precession, star and swap terms must equal it.

    Parameters
    ----------
    disorder : Disorder
        Disorder, with single numbers.
    harmonics : int
        Highest harmonic L, from 1 to 512.

    Returns
    -------
    float64[4 (2L+1), 4 (2L+1)], 1/tau_D
    """
    check_instance("disorder", disorder, Disorder)
    harmonics = check_harmonics(harmonics)
    mott, rashba, one = vertices()
    amplitude = one - 1j * disorder.lambda_z * mott - disorder.lambda_xy * rashba
    adjoint = np.conj(np.swapaxes(amplitude, -1, -2))
    product = amplitude @ adjoint
    gain = sandwich(amplitude, adjoint)
    loss = -0.5 * (sandwich(product, one) + sandwich(one, product))
    return assemble((double_fourier(gain), double_fourier(loss)), disorder.weight, harmonics)


@functools.lru_cache(maxsize=8)
def precession_matrix(harmonics: int) -> np.ndarray:
    """Commutator ``i [n, Gamma_R(p^)] = -i [Gamma_R(p^), n]`` on all harmonics, read-only.

    Left side of [qbe 11] per unit of ``alpha p_F``: precession in the Rashba field.
    """
    harmonics = check_harmonics(harmonics)
    return read_only(assemble(precession_template(), (1.0,), harmonics))


# --- from 2x2 kernels to matrices ------------------------------------------------------


def sandwich(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Superoperator ``n -> left n right`` on Pauli components, for any leading axes."""
    return 0.5 * np.einsum("aij,...jk,bkl,...li->...ab", PAULI, left, PAULI, right, optimize=True)


def vertices() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertices ``G_M``, ``G_R`` and 1 on the grid of angles: complex128[GRID, GRID, 2, 2]."""
    angle = 2 * math.pi * np.arange(GRID) / GRID
    theta, theta_1 = np.meshgrid(angle, angle, indexing="ij")
    _, sigma_x, sigma_y, sigma_z = PAULI
    mott = np.sin(theta_1 - theta)[..., None, None] * sigma_z
    rashba = (np.sin(theta) + np.sin(theta_1))[..., None, None] * sigma_x
    rashba = rashba - (np.cos(theta) + np.cos(theta_1))[..., None, None] * sigma_y
    return mott, rashba, np.broadcast_to(PAULI[0], mott.shape)


def double_fourier(kernel: np.ndarray) -> np.ndarray:
    """Coefficients ``s[a+2, b+2]`` of ``exp(i a theta + i b theta')``, ``|a|, |b| <= 2``."""
    coefficient = np.fft.fft2(kernel, axes=(0, 1)) / GRID**2
    order = np.arange(-2, 3)
    return coefficient[np.ix_(order % GRID, order % GRID)]


@functools.cache
def templates() -> Collisions:
    """Double Fourier coefficients (gain, loss) of every collision integral without prefactor."""
    mott, rashba, one = vertices()
    identity = sandwich(one, one)
    commutator = mott @ rashba - rashba @ mott
    terms = Collisions(
        drude=(identity, -identity),
        rashba_rashba=(sandwich(rashba, rashba), -anticommutator(rashba @ rashba, one) / 2),
        mott_mott=(sandwich(mott, mott), -anticommutator(mott @ mott, one) / 2),
        mott_rashba=(
            1j * (sandwich(mott, rashba) - sandwich(rashba, mott)),
            -0.5j * anticommutator(commutator, one),
        ),
        scalar_rashba=(-anticommutator(rashba, one), anticommutator(rashba, one)),
        scalar_mott=(1j * (sandwich(one, mott) - sandwich(mott, one)), 0 * identity),
        # Gamma_M(p'^, p^) = -G_M, so the two signs of [qbe B20] cancel
        skew=(anticommutator(mott, one), 0 * identity),
    )
    return Collisions(*((double_fourier(gain), double_fourier(loss)) for gain, loss in terms))


@functools.cache
def precession_template() -> Pair:
    """Double Fourier coefficients (gain, loss) of the precession in the Rashba field."""
    angle = 2 * math.pi * np.arange(GRID) / GRID
    field = np.sin(angle)[:, None, None] * PAULI[1] - np.cos(angle)[:, None, None] * PAULI[2]
    one = vertices()[2]
    field = np.broadcast_to(field[:, None], one.shape)
    turn = 1j * (sandwich(one, field) - sandwich(field, one))
    return double_fourier(0 * sandwich(one, one)), double_fourier(turn)


def anticommutator(matrix: np.ndarray, one: np.ndarray) -> np.ndarray:
    """Superoperator ``n -> {matrix, n}``."""
    return sandwich(matrix, one) + sandwich(one, matrix)


def assemble(pair: Pair, weight: tuple[float, ...], harmonics: int) -> np.ndarray:
    """Matrix of a term from its double Fourier coefficients, exact for any weight.

    With ``w(D) = sum_k w_k exp(i k D)`` the block from harmonic ``l'`` to ``l`` is
    ``sum_{a+b=l-l'} (gain[a, b] w_{l-a} + loss[a, b] w_b)``.
    """
    gain, loss = pair
    top = harmonics
    w = np.zeros(2 * (max(top, len(weight)) + 4) + 1)  # w_k is at middle + k
    middle = w.size // 2
    for k, value in enumerate(weight):
        w[middle + k] += value / 2
        w[middle - k] += value / 2
    out = np.zeros((2 * top + 1, 4, 2 * top + 1, 4))
    for shift in range(-4, 5):
        row = np.arange(max(0, shift - top), min(top, top + shift) + 1)
        if row.size == 0:
            continue
        a = np.arange(max(-2, shift - 2), min(2, shift + 2) + 1)
        b = shift - a
        block = np.tensordot(w[middle + row[:, None] - a], gain[a + 2, b + 2], axes=1)
        block += np.tensordot(w[middle + b], loss[a + 2, b + 2], axes=1)
        add_real(out, row, row - shift, block)
    return out.reshape(8 * top + 4, 8 * top + 4)


def add_real(out: np.ndarray, row: np.ndarray, column: np.ndarray, block: np.ndarray) -> None:
    """Add complex blocks ``n_l <- n_l'`` to the real matrix on (1, cos, sin, ...) x spin.

    With ``n_l = (c_l - i s_l)/2`` and ``n_-l`` its conjugate, rows ``l >= 0`` suffice::

        c_l <- c_l': Re,  s_l <- c_l': -Im,  c_l <- s_l': +-Im,  s_l <- s_l': +-Re

    with the sign of l'; half as much in the row and twice as much in the column of l = 0.
    """
    size = np.where(row == 0, 0.5, 1.0) * np.where(column == 0, 2.0, 1.0)
    block = block * size[:, None, None]
    sign = np.sign(column)[:, None, None]
    cosine, sine = np.maximum(2 * row - 1, 0), 2 * row
    from_cosine, from_sine = np.maximum(2 * np.abs(column) - 1, 0), 2 * np.abs(column)
    out[cosine, :, from_cosine] += block.real
    curved, moving = row > 0, column != 0
    both = curved & moving
    out[sine[curved], :, from_cosine[curved]] -= block.imag[curved]
    out[cosine[moving], :, from_sine[moving]] += (sign * block.imag)[moving]
    out[sine[both], :, from_sine[both]] += (sign * block.real)[both]
