"""Triads: the triangles of sites on which hopping paths interfere, and their kinetic coefficients.

In an ordered process X_ikj a hop goes from the source j (last) to the target i (first), and
interferes with the way through the auxiliary site k (middle). Code units: a_b = tau_0 = 1;
`spin_orbit` is the 2x2 matrix M = m a_b beta / hbar^2 (row: spin, column: wave vector), so that
d_ij = M (R_i - R_j) is half the angle by which a spin turns in the hop j -> i; `eta` is
hbar / (J_0 tau_0). J_ij = J_0 exp(-R_ij / a_b), K_ij = n_j / tau_ij = n_i / tau_ji.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hopnet.errors import ParameterError
from hopnet.kernels import coefficients as coefficient_kernels
from hopnet.records import read_only
from hopnet.threads import run_side_by_side

LINKS_AT_ONCE = 100_000


# target, auxiliary, source of the six processes, as places in a triad, and the sense of the loop
# target <- source <- auxiliary <- target: + for i <- j <- k <- i
PROCESSES = np.array([[0, 2, 1], [1, 0, 2], [2, 1, 0], [0, 1, 2], [1, 2, 0], [2, 0, 1]])
SENSE = np.array([1.0, 1.0, 1.0, -1.0, -1.0, -1.0])


@dataclass(frozen=True, eq=False)
class KineticCoefficients:
    """Kinetic coefficients of the six ordered processes of every triad.

    Attributes
    ----------
    process : int64[n_triads, 6, 3]
        Target i, auxiliary k, source j.
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

    process: np.ndarray
    strength: np.ndarray
    torque: np.ndarray
    galvanic: np.ndarray
    flip: np.ndarray
    separation: np.ndarray


def check_spin_orbit(spin_orbit):
    """The 2x2 matrix M as float64, or a ParameterError."""
    try:
        matrix = np.asarray(spin_orbit, dtype=np.float64)
    except (TypeError, ValueError):
        matrix = np.empty(0)
    if matrix.shape != (2, 2) or not np.all(np.isfinite(matrix)):
        raise ParameterError(
            "spin_orbit must be a 2x2 matrix of finite numbers (half-angles per a_b; row: spin, "
            f"column: wave vector), got {spin_orbit!r}; the Rashba form is [[0, r], [-r, 0]]."
        )
    return matrix


def spin_orbit_determinant(matrix):
    """det M, exactly zero for a persistent helix."""
    return float(matrix[0, 0] * matrix[1, 1] - matrix[0, 1] * matrix[1, 0])


def check_eta(eta):
    """hbar / (J_0 tau_0) as a float, or a ParameterError."""
    if not (np.ndim(eta) == 0 and np.isfinite(eta) and eta >= 0):
        raise ParameterError(
            f"eta = hbar / (J_0 tau_0) must be a number of at least 0, got {eta!r}; "
            "10 meV and 10 ps give 6.58e-3."
        )
    return float(eta)


def hop_table(network, spin_orbit, threads=1):
    """What the loops need of every link i < j, for the vector from i to j.

    Parameters
    ----------
    network : Network
    spin_orbit : float64[2, 2]
    threads : int

    Returns
    -------
    float64[n_links, 6]
        Half-angle d = M (R_j - R_i): x, y, cosine and sinc of its length; then `amplitudes`.
    """
    table = np.empty((network.n_links, 6))

    def fill(first):
        coefficient_kernels.fill_hops(
            first,
            min(first + LINKS_AT_ONCE, network.n_links),
            network.separation,
            spin_orbit,
            network.log_conductance,
            network.log_occupation,
            network.link_i,
            network.link_j,
            table,
        )

    run_side_by_side(fill, range(0, network.n_links, LINKS_AT_ONCE), threads)
    return table


def spin_loops(triads, spin_orbit, *, eta):
    """Strength and spin rotation of every triad, without loss of digits at any coupling.

    Equations [hopping S21] and, for the loops, [hopping S15], [hopping S16]::

        n_j Q'_ikj = (n_j hbar / 24) [ J_ij / (J_kj J_ki tau_ik tau_kj) + two more ]
        L_i = vector part of U_ij U_jk U_ki         U_ij = exp(-i d_ij . sigma)

    Parameters
    ----------
    triads : Triads
    spin_orbit : array_like[2, 2]
    eta : float

    Returns
    -------
    strength : float64[n_triads], in 1/tau_0
        n_j Q'_ikj, the same for the six processes (detailed balance).
    loop : float64[n_triads, 3, 3]
        L_i, L_j, L_k: based at the three sites, in the sense i <- j <- k <- i. They are
        proportional to det M times the area, exactly zero for a persistent helix.
    """
    matrix = check_spin_orbit(spin_orbit)
    network = triads.network
    strength = np.empty(triads.n_triads)
    loop = np.empty((triads.n_triads, 3, 3))
    coefficient_kernels.fill_coefficients(
        triads.link,
        network.separation,
        spin_orbit_determinant(matrix),
        hop_table(network, matrix),
        check_eta(eta),
        strength,
        loop,
    )
    return strength, loop


def kinetic_coefficients(triads, spin_orbit, *, eta, order="exact"):
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
        "printed" is "lowest" with Tr M^2 in place of -2 det M, as in the letter: the same if
        Tr M = 0, wrong by terms of order one if not.

    Returns
    -------
    KineticCoefficients

    Notes
    -----
    Relative error of the lowest order: that of d^2, 5e-5 at a half-angle of 0.01 a hop of a_b.
    Rates are for n_i electrons on a site, n_i / 2 of each spin; the definitions by up and down
    rates in the letter's text are twice as large (four times for G and W).
    """
    if order not in ("exact", "lowest", "printed"):
        raise ParameterError(
            f"order must be 'exact', 'lowest' or 'printed', got {order!r}; choose one."
        )
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


def lowest_order(triads, matrix, rate_T):
    """G and W of [hopping 9a] and [hopping 9b]; ``rate_T[n_triads, 6]`` is Q' T."""
    to_j = triads.network.separation[triads.link[:, 0]]
    to_k = triads.network.separation[triads.link[:, 1]]
    place = np.stack([np.zeros_like(to_j), to_j, to_k], axis=1)  # seen from site i
    target, auxiliary, source = (place[:, PROCESSES[:, x]] for x in range(3))
    area = triads.area[:, None] * SENSE
    R_ij = target - source
    R_jk_ik = source + target - 2.0 * auxiliary

    def area_cross(v):
        v = v @ matrix.T
        return np.stack([-area * v[..., 1], area * v[..., 0], np.zeros_like(area)], axis=-1)

    flip = 3.0 * rate_T[:, :, None] * area_cross(R_ij)
    separation = rate_T[:, :, None] * area_cross(R_jk_ik)
    separation[..., 2] = -3.0 * rate_T * area
    return flip, separation


def interference_amplitude(position, spin_orbit, *, energy_difference):
    """Amplitude of tunnelling from site 1 to site 3, directly and through site 2.

    Equation [hopping 8]::

        J_31 [ 1 + (J_32 J_21 / (J_31 dE)) exp(i d_31.s) exp(-i d_32.s) exp(-i d_21.s) ]

    times exp(-i d_31.s), which is J^_31 + J^_32 J^_21 / dE with s the Pauli matrices.

    Parameters
    ----------
    position : array_like[3, 2], in a_b
        Sites 1, 2, 3.
    spin_orbit : array_like[2, 2]
    energy_difference : float, in J_0
        dE_12 between states 1 and 2, phonon included; not zero.

    Returns
    -------
    complex128[2, 2], in J_0
    """
    position = np.asarray(position, dtype=np.float64)
    if position.shape != (3, 2) or energy_difference == 0:
        raise ParameterError(
            f"a triad needs three positions (x, y) and an energy difference that is not zero, got "
            f"shape {position.shape} and {energy_difference!r}; mend them."
        )
    matrix = check_spin_orbit(spin_orbit)
    direct = hop_amplitude(position[2] - position[0], matrix)
    through = hop_amplitude(position[2] - position[1], matrix) @ hop_amplitude(
        position[1] - position[0], matrix
    )
    return direct + through / energy_difference


def hop_amplitude(R, matrix):
    """exp(-|R|) exp(-i d.sigma), d = M R [hopping 4]: a complex 2x2 matrix, in J_0."""
    d = matrix @ R
    angle = np.hypot(*d)
    pauli = np.array([[0.0, d[0] - 1j * d[1]], [d[0] + 1j * d[1], 0.0]])
    return np.exp(-np.hypot(*R)) * (np.cos(angle) * np.eye(2) - 1j * np.sinc(angle / np.pi) * pauli)
