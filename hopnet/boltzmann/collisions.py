"""Collision integrals on the Fermi circle, as matrices on spin x angular harmonics.

The distribution at the Fermi energy is ``n(theta) = sum_a n_a(theta) sigma_a`` with
``a = 0 (charge), x, y, z``, and each ``n_a`` is a sum over ``1, cos, sin, cos 2, sin 2, ...``.
A collision integral is then a real matrix of order ``4 (2 L + 1)``; index ``4 h + a`` holds
harmonic ``h`` (0: constant, ``2 l - 1``: ``cos(l theta)``, ``2 l``: ``sin(l theta)``) and spin
component ``a``. Rates are in units of the Drude rate ``1/tau_D``.

Notation: ``P = p^ + p'^``, ``G_M = Gamma_M(p^, p'^) = sin(theta' - theta) sigma_z``,
``G_R = Gamma_R(P)`` with ``Gamma_R(v) = sigma_x v_y - sigma_y v_x``, ``<...>`` the mean over
theta' with the weight w(theta - theta').
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np

from hopnet.boltzmann.conventions import resolve_convention
from hopnet.errors import ParameterError
from hopnet.records import read_only

PAULI = np.array(
    [[[1, 0], [0, 1]], [[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]], dtype=complex
)
GRID = 8  # angles that resolve kernels of degree up to 3 in each angle; theirs is 2


@dataclass(frozen=True)
class Disorder:
    """Random potential with its two spin-orbit parts, matrix element [qbe 3].

    Attributes
    ----------
    lambda_xy, lambda_z : float, 1
        Strength of the Rashba and of the Mott vertex. The Born terms keep the second
        order; beyond about 0.3 the response functions warn.
    strength : float, 1
        ``v_0 N_0``, potential times density of states per spin: the third moment [qbe 7]
        over the second [qbe 6].
    weight : tuple of float
        Cosine coefficients of the scattering weight, ``w(D) = sum_k weight[k] cos(k D)``,
        with ``weight[0] = 1`` so that 1/tau_D stays the total rate. ``(1.0,)`` is s-wave.

    Raises
    ------
    ParameterError
        If a number is complex or not finite, ``weight[0]`` is not 1, the weight is
        negative somewhere, or ``strength`` is given with a weight that is not s-wave (the
        third-order terms are derived for s-wave scatterers only).
    """

    lambda_xy: float = 0.0
    lambda_z: float = 0.0
    strength: float = 0.0
    weight: tuple = (1.0,)

    def __post_init__(self):
        for name in ("lambda_xy", "lambda_z", "strength"):
            check_real(name, getattr(self, name))
        weight = tuple(np.asarray(check_real("weight", self.weight), dtype=float).ravel())
        object.__setattr__(self, "weight", weight)
        if not weight or weight[0] != 1.0:
            raise ParameterError(
                f"weight[0] must be 1 (the mean of w), got {weight!r}; divide w by its mean."
            )
        angle = np.linspace(0.0, math.pi, 721)
        lowest = float(np.min(weight @ np.cos(np.outer(np.arange(len(weight)), angle))))
        if lowest < -1e-12:
            raise ParameterError(
                f"the weight w(theta) must not be negative, got a minimum of {lowest:.3g}; "
                "use |v(theta)|**2 or keep more of its cosine coefficients."
            )
        if any(weight[1:]) and np.any(np.asarray(self.strength) != 0):
            raise ParameterError(
                "skew and Rashba scattering are derived for s-wave disorder only, got "
                f"strength={self.strength!r} with a weight of {len(weight)} harmonics; set "
                "strength=0 or weight=(1.0,)."
            )


def check_real(name, value):
    """``value`` as float64, if it is real and finite."""
    array = np.asarray(value)
    if array.dtype.kind not in "iuf" or not np.isfinite(array).all():
        raise ParameterError(f"{name} must be real and finite, got {value!r}; give a number.")
    return array.astype(float)


def weight_harmonics(weight, harmonics=8):
    """Cosine coefficients of any even scattering weight, for `Disorder.weight`.

    Parameters
    ----------
    weight : callable
        ``weight(theta) -> float64`` of an array of angles; only its even part counts.
    harmonics : int
        Highest harmonic kept.

    Returns
    -------
    tuple of float
        ``weight[0] = 1`` after division by the mean.

    Examples
    --------
    >>> np.round(weight_harmonics(lambda theta: 2 + np.cos(theta), harmonics=2), 12).tolist()
    [1.0, 0.5, 0.0]
    """
    points = 64 * (harmonics + 1)
    angle = 2 * math.pi * np.arange(points) / points
    value = np.broadcast_to(np.asarray(weight(angle), dtype=float), angle.shape)
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


def drude_term(disorder, harmonics):
    """Drude relaxation, ``<n' - n>``; equation [qbe B2], self-energy [qbe B1].

    Parameters
    ----------
    disorder : Disorder
    harmonics : int
        Highest harmonic L.

    Returns
    -------
    float64[4 (2L+1), 4 (2L+1)], 1/tau_D
    """
    return assemble(templates()["drude"], disorder.weight, harmonics)


def elliott_yafet_rashba_term(disorder, harmonics):
    """Spin relaxation by the Rashba vertex; equation [qbe B16], self-energy [qbe B14].

    ``lambda_xy**2 <G_R n' G_R - {G_R**2, n}/2>``; arguments as in `drude_term`.
    """
    matrix = assemble(templates()["rashba_rashba"], disorder.weight, harmonics)
    return disorder.lambda_xy**2 * matrix


def elliott_yafet_mott_term(disorder, harmonics):
    """Spin relaxation by the Mott vertex; equation [qbe B17], self-energy [qbe B15].

    ``lambda_z**2 <G_M n' G_M - {G_M**2, n}/2>``; arguments as in `drude_term`.
    """
    matrix = assemble(templates()["mott_mott"], disorder.weight, harmonics)
    return disorder.lambda_z**2 * matrix


def precession_term(disorder, harmonics, convention="consistent"):
    """Anisotropic spin precession scattering; equation [qbe B4], self-energy [qbe B3].

    ``i lambda_xy lambda_z <G_M n' G_R - G_R n' G_M - {[G_M, G_R], n}/2>`` is what [qbe 3]
    and [qbe B3] give; [qbe B4] is printed with the opposite sign. Its sum over the circle
    is [qbe B5]. Arguments as in `drude_term`; ``convention`` looks at ``precession_term``.
    """
    sign = -1.0 if resolve_convention(convention).precession_term else 1.0
    matrix = assemble(templates()["mott_rashba"], disorder.weight, harmonics)
    return sign * disorder.lambda_xy * disorder.lambda_z * matrix


def star_term(disorder, harmonics, convention="consistent"):
    """The star diagram, scalar times Rashba; equation [qbe B9], self-energy [qbe B8].

    ``-lambda_xy <{G_R, n' - n}>`` is what [qbe 3] and [qbe B8] give; [qbe B9] is printed
    with the opposite sign. It vanishes inside ``|l| <= 1`` but leaks into ``l = 2``, and
    with a uniform Rashba field it comes back as a shift ``-2 lambda_xy alpha p_F tau_D`` of
    the spin-Hall angle. Its field part [qbe B10] is zero on an unpolarised ground state.
    Arguments as in `drude_term`; ``convention`` looks at ``star_term``.
    """
    sign = -1.0 if resolve_convention(convention).star_term else 1.0
    matrix = assemble(templates()["scalar_rashba"], disorder.weight, harmonics)
    return sign * disorder.lambda_xy * matrix


def swap_term(disorder, harmonics):
    """Swap of spin currents, ``i lambda_z <[n', G_M]>``; the term I0_SJ after [qbe B19].

    It couples ``J^x`` and ``J^y`` only. Self-energy [qbe B18]; arguments as in `drude_term`.
    """
    return disorder.lambda_z * assemble(templates()["scalar_mott"], disorder.weight, harmonics)


def skew_term(disorder, harmonics):
    """Mott skew scattering; equation [qbe B20].

    ``-pi v_0 N_0 lambda_z <{Gamma_M(p'^, p^), n'}>``, s-wave; arguments as in `drude_term`.
    """
    size = math.pi * disorder.strength * disorder.lambda_z
    return size * assemble(templates()["skew"], disorder.weight, harmonics)


def rashba_scattering_term(disorder, harmonics):
    """Third-order precession, ``i pi v_0 N_0 lambda_xy [n, Gamma_R(p^)]``; equation [qbe B12].

    Self-energy [qbe B11]. It renormalises alpha [qbe 20] and is therefore left out of
    `collision_integral`. Arguments as in `drude_term`.
    """
    size = math.pi * disorder.strength * disorder.lambda_xy
    return size * precession_matrix(harmonics)


def side_jump_source(harmonics, ratio):
    """Source of spin current in the field; the integral of [qbe B19] over energy.

    Parameters
    ----------
    harmonics : int
    ratio : float
        ``sigma_SJ / sigma_D``, see `hopnet.boltzmann.response.coefficients`; minus
        ``lambda_z / (2 eps_F tau_D)`` when derived, plus the same as [qbe B19] is printed.

    Returns
    -------
    float64[4 (2L+1)]
        Unit drive is ``cos(theta)`` of the charge.
    """
    source = np.zeros(4 * (2 * harmonics + 1))
    source[4 * 2 + 3] = ratio
    return source


def collision_integral(disorder, harmonics=4, *, star=True, convention="consistent"):
    """Sum of the collision integrals that are not absorbed elsewhere; right side of [qbe 11].

    The Born terms and skew scattering. Rashba scattering [qbe B12] and the real part
    [qbe B6] of the precession term renormalise alpha instead (`rashba_renormalisation`);
    the side jump is a source (`side_jump_source`).

    Parameters
    ----------
    disorder : Disorder
    harmonics : int
        Highest harmonic L, at least 1.
    star : bool
        Keep the star diagram. (The paper drops it.)
    convention : str or Convention

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
    check_harmonics(harmonics)
    chosen = resolve_convention(convention)
    kernels = templates()
    asp = -1.0 if chosen.precession_term else 1.0
    leak = (-1.0 if chosen.star_term else 1.0) if star else 0.0
    parts = (
        ("drude", 1.0),
        ("rashba_rashba", disorder.lambda_xy**2),
        ("mott_mott", disorder.lambda_z**2),
        ("mott_rashba", asp * disorder.lambda_xy * disorder.lambda_z),
        ("scalar_rashba", leak * disorder.lambda_xy),
        ("scalar_mott", disorder.lambda_z),
        ("skew", math.pi * disorder.strength * disorder.lambda_z),
    )
    gain = sum(size * kernels[name][0] for name, size in parts)
    loss = sum(size * kernels[name][1] for name, size in parts)
    return assemble((gain, loss), disorder.weight, harmonics)


def born_kernel(disorder, harmonics=4):
    """The whole second-order integral at once, ``<A n' A^+ - {A A^+, n}/2>``; equation [qbe 3].

    ``A = 1 - i lambda_z G_M - lambda_xy G_R`` is the spin part of the matrix element. The
    sum of the Drude, Elliott-Yafet, precession, star and swap terms must equal it.

    Parameters
    ----------
    disorder : Disorder
    harmonics : int

    Returns
    -------
    float64[4 (2L+1), 4 (2L+1)], 1/tau_D
    """
    mott, rashba, one = vertices()
    amplitude = one - 1j * disorder.lambda_z * mott - disorder.lambda_xy * rashba
    adjoint = np.conj(np.swapaxes(amplitude, -1, -2))
    product = amplitude @ adjoint
    gain = sandwich(amplitude, adjoint)
    loss = -0.5 * (sandwich(product, one) + sandwich(one, product))
    return assemble((double_fourier(gain), double_fourier(loss)), disorder.weight, harmonics)


@functools.lru_cache(maxsize=8)
def precession_matrix(harmonics):
    """Commutator ``i [n, Gamma_R(p^)] = -i [Gamma_R(p^), n]`` on all harmonics, read-only.

    Left side of [qbe 11] per unit of ``alpha p_F``: precession in the Rashba field.
    """
    return read_only(assemble(templates()["rashba_precession"], (1.0,), harmonics))


# --- from 2x2 kernels to matrices ------------------------------------------------------


def check_harmonics(harmonics):
    """Refuse anything but a whole number from 1 to 512."""
    if not (isinstance(harmonics, int | np.integer) and 1 <= harmonics <= 512):
        raise ParameterError(
            f"harmonics must be a whole number from 1 to 512, got {harmonics!r}; 4 is enough "
            "for s-wave disorder."
        )


def sandwich(left, right):
    """Superoperator ``n -> left n right`` on Pauli components, for any leading axes."""
    return 0.5 * np.einsum("aij,...jk,bkl,...li->...ab", PAULI, left, PAULI, right, optimize=True)


def vertices():
    """``G_M``, ``G_R`` and 1 on the grid of angles: complex[GRID, GRID, 2, 2]."""
    angle = 2 * math.pi * np.arange(GRID) / GRID
    theta, theta_1 = np.meshgrid(angle, angle, indexing="ij")
    _, sigma_x, sigma_y, sigma_z = PAULI
    mott = np.sin(theta_1 - theta)[..., None, None] * sigma_z
    rashba = (np.sin(theta) + np.sin(theta_1))[..., None, None] * sigma_x
    rashba = rashba - (np.cos(theta) + np.cos(theta_1))[..., None, None] * sigma_y
    return mott, rashba, np.broadcast_to(PAULI[0], mott.shape)


def double_fourier(kernel):
    """Coefficients ``s[a+2, b+2]`` of ``exp(i a theta + i b theta')``, ``|a|, |b| <= 2``."""
    coefficient = np.fft.fft2(kernel, axes=(0, 1)) / GRID**2
    order = np.arange(-2, 3)
    return coefficient[np.ix_(order % GRID, order % GRID)]


@functools.cache
def templates():
    """Double Fourier coefficients (gain, loss) of every term at unit strength."""
    mott, rashba, one = vertices()
    angle = 2 * math.pi * np.arange(GRID) / GRID
    field = np.sin(angle)[:, None, None] * PAULI[1] - np.cos(angle)[:, None, None] * PAULI[2]
    field = np.broadcast_to(field[:, None], mott.shape)
    identity = sandwich(one, one)
    commutator = mott @ rashba - rashba @ mott
    terms = {
        "drude": (identity, -identity),
        "rashba_rashba": (sandwich(rashba, rashba), -anticommutator(rashba @ rashba, one) / 2),
        "mott_mott": (sandwich(mott, mott), -anticommutator(mott @ mott, one) / 2),
        "mott_rashba": (
            1j * (sandwich(mott, rashba) - sandwich(rashba, mott)),
            -0.5j * anticommutator(commutator, one),
        ),
        "scalar_rashba": (-anticommutator(rashba, one), anticommutator(rashba, one)),
        "scalar_mott": (1j * (sandwich(one, mott) - sandwich(mott, one)), 0 * identity),
        # Gamma_M(p'^, p^) = -G_M, so the two signs of [qbe B20] cancel
        "skew": (anticommutator(mott, one), 0 * identity),
        "rashba_precession": (0 * identity, 1j * (sandwich(one, field) - sandwich(field, one))),
    }
    return {name: tuple(double_fourier(part) for part in pair) for name, pair in terms.items()}


def anticommutator(matrix, one):
    """Superoperator ``n -> {matrix, n}``."""
    return sandwich(matrix, one) + sandwich(one, matrix)


def assemble(pair, weight, harmonics):
    """Matrix of a term from its double Fourier coefficients, exact for any weight.

    With ``w(D) = sum_k w_k exp(i k D)`` the block from harmonic ``l'`` to ``l`` is
    ``sum_{a+b=l-l'} (gain[a, b] w_{l-a} + loss[a, b] w_b)``.
    """
    gain, loss = pair
    top = harmonics
    w = np.zeros(2 * (max(top, len(weight)) + 4) + 1)  # w_k at middle + k
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


def add_real(out, row, column, block):
    """Add complex blocks ``n_l <- n_l'`` to the real matrix on (1, cos, sin, ...) x spin.

    With ``n_l = (c_l - i s_l)/2`` and ``n_-l`` its conjugate, rows ``l >= 0`` suffice::

        c_l <- c_l': Re,  s_l <- c_l': -Im,  c_l <- s_l': +-Im,  s_l <- s_l': +-Re

    with the sign of l', half of it in the row and twice of it in the column of l = 0.
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
