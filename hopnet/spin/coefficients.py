"""Kinetic coefficients of triads, the triples of sites on which hopping paths interfere.

In an ordered process X_ikj a hop goes from the source j (last) to the target i (first), and
interferes with the path through the auxiliary site k (middle). Code units: a_b = tau_0 = 1;
`spin_orbit` is the 2x2 matrix M = m a_b beta / hbar^2 (row: spin, column: wave vector), so that
d_ij = M (R_i - R_j) is half the angle by which a spin turns in the hop j -> i; `eta` is
hbar / (J_0 tau_0). J_ij = J_0 exp(-R_ij / a_b), K_ij = n_j / tau_ij = n_i / tau_ji.

`kinetic_coefficients`, `lowest_order`, `interference_amplitude` and `hop_amplitude` are reference
formulae: no solver uses them. They are for users who want the coefficients of single triads, and
tests compare the kernels of the solvers with them. The solvers use `hop_table`, `spin_loops` and
the checks of arguments.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from hopnet.checks import array_of, instance_of, number, one_of
from hopnet.elimination.scaling import HIGHEST
from hopnet.errors import ParameterError
from hopnet.kernels import coefficients as coefficient_kernels
from hopnet.network.network import Network
from hopnet.network.triads import Triads
from hopnet.records import Record, read_only
from hopnet.threads import run_side_by_side

__all__ = [
    "KineticCoefficients",
    "check_eta",
    "check_spin_orbit",
    "hop_amplitude",
    "hop_table",
    "interference_amplitude",
    "kinetic_coefficients",
    "spin_loops",
    "spin_orbit_determinant",
]

# Number of links that one task of `hop_table` fills. A larger number leaves threads without work
# on small networks; a smaller one spends more time on starting tasks.
LINKS_AT_ONCE = 100_000

# Target, auxiliary and source of the six processes, as places in a triad (0, 1, 2 for i, j, k), and
# the sense of the loop target <- source <- auxiliary <- target: + for i <- j <- k <- i.
PROCESSES = np.array([[0, 2, 1], [1, 0, 2], [2, 1, 0], [0, 1, 2], [1, 2, 0], [2, 0, 1]])
SENSE = np.array([1.0, 1.0, 1.0, -1.0, -1.0, -1.0])


@dataclass(frozen=True, eq=False)
class KineticCoefficients(Record):
    """Kinetic coefficients of the six ordered processes of every triad.

    Attributes
    ----------
    process : int64[n_triads, 6, 3]
        The target i, the auxiliary site k and the source j of each process.
    strength : float64[n_triads, 6], in 1/tau_0
        Q'_ikj = Q_ikj (hbar^2/m)^3 [hopping S21].
    torque : float64[n_triads, 6, 3], in 1/tau_0
        Gamma: spin brought to the target, spin flip and spin separation together.
    galvanic : float64[n_triads, 6, 3], in 1/tau_0
        Lambda: what a spin at the source adds to the hopping rate.
    flip : float64[n_triads, 6, 3], in 1/tau_0
        G: generation of spin.
    separation : float64[n_triads, 6, 3], in 1/tau_0
        W: flow of spin from source to target.
    """

    table_row: ClassVar[str] = "triad"
    table_columns: ClassVar[tuple[str, ...]] = ("process", "strength")

    process: np.ndarray
    strength: np.ndarray
    torque: np.ndarray
    galvanic: np.ndarray
    flip: np.ndarray
    separation: np.ndarray


def check_spin_orbit(spin_orbit: ArrayLike) -> np.ndarray:
    """The 2x2 matrix M as float64, or a ParameterError."""
    hint = (
        "give a 2x2 matrix of half-angles per a_b (row: spin, column: wave vector); the Rashba "
        "form is [[0, r], [-r, 0]]"
    )
    return array_of("spin_orbit", spin_orbit, shape=(2, 2), hint=hint)


def spin_orbit_determinant(matrix: np.ndarray) -> float:
    """det M, which is exactly zero for a persistent helix."""
    return float(matrix[0, 0] * matrix[1, 1] - matrix[0, 1] * matrix[1, 0])


def check_eta(eta: float) -> float:
    """hbar / (J_0 tau_0) as a float, or a ParameterError."""
    return number(
        "eta = hbar / (J_0 tau_0)", eta, low=0.0, high=1e50, hint="10 meV and 10 ps give 6.58e-3"
    )


def hop_table(
    network: Network, spin_orbit: np.ndarray, threads: int = 1, log_scale: float = 0.0
) -> np.ndarray:
    """The hop table: rotation and amplitudes of every link i < j, for the vector from i to j.

    Parameters
    ----------
    network : Network
    spin_orbit : float64[2, 2]
        The matrix M of half-angles per a_b.
    threads : int
        Number of threads. The result does not depend on it.
    log_scale : float
        Logarithm of the unit of conductances and occupations.

    Returns
    -------
    float64[n_links, 6]
        Columns 0 to 3: the half-angle d = M (R_j - R_i), its x and y, the cosine and the sinc of
        its length. Columns 4 and 5: ``hop`` and ``overlap`` of `hopnet.network.triads.amplitudes`.
    """
    network.check_plane("a rotation of spins in hops")
    table = np.empty((network.n_links, 6))
    log_conductance = network.log_conductance - log_scale
    # A larger occupation, that of a deep trap, would overflow. It cancels from the coefficients.
    log_occupation = np.minimum(network.log_occupation - log_scale, HIGHEST)

    def fill(first: int) -> None:
        coefficient_kernels.fill_hops(
            first,
            min(first + LINKS_AT_ONCE, network.n_links),
            network.separation,
            spin_orbit,
            log_conductance,
            log_occupation,
            network.link_i,
            network.link_j,
            table,
        )

    run_side_by_side(fill, range(0, network.n_links, LINKS_AT_ONCE), threads)
    return table


def spin_loops(
    triads: Triads, spin_orbit: ArrayLike, *, eta: float, log_scale: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Strength and spin rotation of every triad, without loss of digits at any coupling.

    Equations [hopping S21] and, for the loops, [hopping S15], [hopping S16]::

        n_j Q'_ikj = (n_j hbar / 24) [ J_ij / (J_kj J_ki tau_ik tau_kj) + two more ]
        L_i = vector part of U_ij U_jk U_ki         U_ij = exp(-i d_ij . sigma)

    Parameters
    ----------
    triads : Triads
    spin_orbit : array_like[2, 2]
        The matrix M of half-angles per a_b.
    eta : float
        hbar / (J_0 tau_0).
    log_scale : float
        Logarithm of the unit of conductances, occupations and strengths.

    Returns
    -------
    strength : float64[n_triads], in 1/tau_0
        n_j Q'_ikj, the same for the six processes (detailed balance).
    loop : float64[n_triads, 3, 3]
        L_i, L_j, L_k: based at the three sites, in the sense i <- j <- k <- i. They are
        proportional to det M times the area, exactly zero for a persistent helix.
    """
    instance_of("triads", triads, Triads, "make them with hopnet.find_triads")
    matrix = check_spin_orbit(spin_orbit)
    network = triads.network
    strength = np.empty(triads.n_triads)
    loop = np.empty((triads.n_triads, 3, 3))
    coefficient_kernels.fill_coefficients(
        triads.link,
        network.separation,
        spin_orbit_determinant(matrix),
        hop_table(network, matrix, log_scale=log_scale),
        check_eta(eta),
        strength,
        loop,
    )
    return strength, loop


def kinetic_coefficients(
    triads: Triads, spin_orbit: ArrayLike, *, eta: float, order: str = "exact"
) -> KineticCoefficients:
    """Gamma, Lambda, G and W of every ordered triad.

    With the loops L of `spin_loops` based at the target i and at the source j, exactly::

        Gamma_ikj  = 3 Q' L_i    [hopping S16]     W = Gamma/2 + Lambda/8   [hopping S18]
        Lambda_ikj = 12 Q' L_j   [hopping S15]     G = Gamma/2 - Lambda/8   [hopping S17]

    and so Lambda = 4 (W - G) [hopping 7]. To lowest order in spin-orbit coupling, with
    T = -2 det M and the oriented area A_ikj::

        G_ikj = 3 Q' T A x (M R_ij)                      [hopping 9a]
        W_ikj = Q' T [A x M (R_jk + R_ik) - 3 A]         [hopping 9b]

    Parameters
    ----------
    triads : Triads
    spin_orbit : array_like[2, 2]
        M = m a_b beta / hbar^2.
    eta : float
        hbar / (J_0 tau_0).
    order : {"exact", "lowest", "printed"}
        "printed" is "lowest" with Tr M^2 in place of -2 det M, as in the letter. That is the same
        if Tr M = 0, and wrong by terms of order one if not.

    Returns
    -------
    KineticCoefficients

    Notes
    -----
    The relative error of the lowest order is about d^2: 5e-5 where a hop of length a_b has a
    half-angle of 0.01.
    Rates are for n_i electrons on a site, n_i / 2 of each spin; the definitions by up and down
    rates in the letter's text are twice as large (four times for G and W).
    """
    one_of("order", order, ("exact", "lowest", "printed"))
    matrix = check_spin_orbit(spin_orbit)
    strength, loop = spin_loops(triads, matrix, eta=eta)
    process = triads.site[:, PROCESSES]
    occupation = np.exp(triads.network.log_occupation)
    rate = strength[:, None] / occupation[process[:, :, 2]]
    if order == "exact":
        signed = (rate * SENSE)[:, :, None]
        torque = 3.0 * signed * loop[:, PROCESSES[:, 0]]
        galvanic = 12.0 * signed * loop[:, PROCESSES[:, 2]]
        separation = torque / 2 + galvanic / 8
        flip = torque / 2 - galvanic / 8
    else:
        T = -2.0 * spin_orbit_determinant(matrix)
        if order == "printed":
            T = float(np.trace(matrix @ matrix))
        flip, separation = lowest_order(triads, matrix, rate * T)
        torque = flip + separation
        galvanic = 4.0 * (separation - flip)
    return KineticCoefficients(
        read_only(process, np.int64),
        read_only(rate),
        read_only(torque),
        read_only(galvanic),
        read_only(flip),
        read_only(separation),
    )


def lowest_order(
    triads: Triads, matrix: np.ndarray, rate_T: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """G and W of [hopping 9a] and [hopping 9b]; ``rate_T[n_triads, 6]`` is Q' T."""
    to_j = triads.network.separation[triads.link[:, 0]]
    to_k = triads.network.separation[triads.link[:, 1]]
    from_i = np.stack([np.zeros_like(to_j), to_j, to_k], axis=1)  # positions relative to site i
    target, auxiliary, source = (from_i[:, PROCESSES[:, x]] for x in range(3))
    area = triads.area[:, None] * SENSE
    R_ij = target - source
    R_jk_ik = source + target - 2.0 * auxiliary

    def area_cross(v: np.ndarray) -> np.ndarray:
        v = v @ matrix.T
        return np.stack([-area * v[..., 1], area * v[..., 0], np.zeros_like(area)], axis=-1)

    flip = 3.0 * rate_T[:, :, None] * area_cross(R_ij)
    separation = rate_T[:, :, None] * area_cross(R_jk_ik)
    separation[..., 2] = -3.0 * rate_T * area
    return flip, separation


def interference_amplitude(
    position: ArrayLike, spin_orbit: ArrayLike, *, energy_difference: float
) -> np.ndarray:
    """Amplitude of tunnelling from site 1 to site 3, directly and through site 2.

    Equation [hopping 8]::

        J_31 [ 1 + (J_32 J_21 / (J_31 dE)) exp(i d_31.s) exp(-i d_32.s) exp(-i d_21.s) ]

    times exp(-i d_31.s), which is J^_31 + J^_32 J^_21 / dE with s the Pauli matrices.

    Parameters
    ----------
    position : array_like[3, 2], in a_b
        Positions of the sites 1, 2, 3.
    spin_orbit : array_like[2, 2]
        The matrix M of half-angles per a_b.
    energy_difference : float, in J_0
        dE_12 between states 1 and 2, including the phonon; not zero.

    Returns
    -------
    complex128[2, 2], in J_0
    """
    position = array_of("position", position, shape=(3, 2), hint="give three positions (x, y)")
    energy_difference = number("energy_difference", energy_difference, unit="in J_0")
    if energy_difference == 0:
        raise ParameterError(
            "energy_difference of states 1 and 2, with phonon, must not be 0, got 0; correct it."
        )
    matrix = check_spin_orbit(spin_orbit)
    direct = hop_amplitude(position[2] - position[0], matrix)
    through = hop_amplitude(position[2] - position[1], matrix) @ hop_amplitude(
        position[1] - position[0], matrix
    )
    return direct + through / energy_difference


def hop_amplitude(R: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """exp(-|R|) exp(-i d.sigma), d = M R [hopping 4]: a complex 2x2 matrix, in J_0."""
    d = matrix @ R
    angle = np.hypot(*d)
    pauli = np.array([[0.0, d[0] - 1j * d[1]], [d[0] + 1j * d[1], 0.0]])
    return np.exp(-np.hypot(*R)) * (np.cos(angle) * np.eye(2) - 1j * np.sinc(angle / np.pi) * pauli)
