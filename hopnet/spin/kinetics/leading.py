"""Leading order in spin-orbit coupling: the polarisation step by step, and the same through f.

S^z is of second order: one scalar per site. The in-plane spin is of third order. The coefficients
are those of the exact formulae at a coupling so weak that higher orders are below rounding; the
exact formulae lose no digits there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from hopnet.checks import number
from hopnet.elimination.symbolic import analyse
from hopnet.elimination.symmetric import factor
from hopnet.network.network import Network
from hopnet.records import Record, read_only
from hopnet.spin.coefficients import check_eta, check_spin_orbit, spin_orbit_determinant
from hopnet.spin.generation import ratio_to_letter
from hopnet.spin.kinetics.checks import check_site_times
from hopnet.spin.kinetics.coupling import find_coupling
from hopnet.spin.kinetics.observables import induced_direction, z_cross
from hopnet.spin.kinetics.unit import count_electrons, current_in_unit
from hopnet.threads import one_blas_thread
from hopnet.transport.current import Current, in_unit, own_current

__all__ = ["ORDER", "WEAK", "LeadingOrder", "solve_leading_order"]

# Half-angle per a_b of the rescaled coupling. Its square, the relative size of the next order, is
# below rounding; a smaller value gains nothing.
WEAK = 1e-7
# Order in spin-orbit coupling of the x, y, z components of the torque.
ORDER = np.array([3, 3, 2])


@dataclass(frozen=True, eq=False)
class LeadingOrder(Record):
    """Leading order of current-induced spin, at unit bias.

    Attributes
    ----------
    network : Network
    tau_s : float, in tau_0
    spin_z : float64[n_sites]
        S_i^z, of second order.
    polarisation_drift, polarisation_diffusion : float64[3]
        s_dr, generated in triads [hopping S40]; s_diff, turned from S^z by precession
        [hopping S41].
    spin_current_drift, spin_current_diffusion : float64[2]
        The two parts of the spin current of the sample [hopping 11].
    spin_current_from_spin : float64[2]
        (1/tau_s) sum R_i S_i^z [hopping 12]; NaN along a direction in which the sample wraps.
    polarisation_from_current : float64[3]
        Polarisation that the total spin current gives by precession [hopping 10].
    f, f_drift : float
        From the spin current across the electric current: the total [hopping 12], or the drift
        part alone [hopping 16].
    polarisation_from_f : float64[3]
        Polarisation of the whole sample, contact strips included, by f alone [hopping 13], with f
        in the letter's normalisation. It lacks the small part that f of the perpendicular
        direction, which is zero on average, adds in one sample.
    """

    table_row: ClassVar[str] = "site"
    table_columns: ClassVar[tuple[str, ...]] = ("spin_z",)

    network: Network
    tau_s: float
    spin_z: np.ndarray
    polarisation_drift: np.ndarray
    polarisation_diffusion: np.ndarray
    spin_current_drift: np.ndarray
    spin_current_diffusion: np.ndarray
    spin_current_from_spin: np.ndarray
    polarisation_from_current: np.ndarray
    f: float
    f_drift: float
    polarisation_from_f: np.ndarray


@one_blas_thread()  # sums have the same bits on any number of cores
def solve_leading_order(
    network: Network,
    spin_orbit: ArrayLike,
    *,
    eta: float,
    tau_s: float,
    current: Current | None = None,
    normalisation: str = "bulk",
    threads: int | None = None,
) -> LeadingOrder:
    """Polarisation, spin current and f to leading order in spin-orbit coupling.

    Equations [hopping S40], [hopping S41]; [hopping 10] to [hopping 13], at unit bias::

        (K + n / tau_s) sigma^z = Upsilon^z         Upsilon_i = sum' Gamma_ikj n_j (X_j - X_k)
        s_dr = (tau_s / N_e) sum Upsilon_i          (its x and y components)
        s_diff = (tau_s / N_e) sum over links of 2 d_ij x z K_ij (sigma_j^z - sigma_i^z)
        J = sum over links of (R_i - R_j) K_ij (sigma_j^z - sigma_i^z) + sum R_i Upsilon_i^z
        s = - (2 tau_s / N_e) z x (M J)

    Parameters
    ----------
    network : Network
        Open or cylinder, with any energies.
    spin_orbit : array_like[2, 2]
        M = m a_b beta / hbar^2.
    eta : float
        hbar / (J_0 tau_0).
    tau_s : float, in tau_0
    current : Current, optional
        The current of this network; solved for if it is not given.
    normalisation : {"bulk", "letter"}
        That of ``f`` and ``f_drift``, as in `hopnet.f_curve`.
    threads : int, optional

    Returns
    -------
    LeadingOrder

    Raises
    ------
    ParameterError
        If an argument is not of the kind described.
    """
    current = own_current(network, current, threads)
    ratio_of_f = ratio_to_letter(network, current.effective_length, normalisation)
    network.check_plane("a function for spins")
    network.check_dilute()
    matrix, eta = check_spin_orbit(spin_orbit), check_eta(eta)
    tau_s = float(check_site_times(network, number("tau_s", tau_s))[0])
    rescaled_coupling, ratio = rescale(matrix)
    coupling = find_coupling(network, rescaled_coupling, eta, threads)
    torque, _, drift = coupling.torque(current.drop)
    torque *= ratio**ORDER
    drift *= ratio**2

    # S^z of every site, and its differences along the links, by one scalar elimination.
    conductance, occupation, log_scale = coupling.rates
    n_electrons = count_electrons(network, coupling.rates)
    symbolic = analyse(network.dissection, network.link_i, network.link_j)
    factored = factor(symbolic, conductance, occupation / tau_s, threads=threads)
    sigma_z = factored.solve(torque[:, 2])
    difference = factored.link_drops(network.n_links, rhs=torque[:, 2])  # sigma_i - sigma_j

    # The parts of the polarisation and of the spin current.
    hop = conductance * difference
    d = -(network.separation @ matrix.T)
    precession = -2.0 * np.array([d[:, 1] @ hop, -(d[:, 0] @ hop), 0.0])  # 2 d x z (s_j - s_i)
    diffusion = network.separation.T @ hop
    total = drift + diffusion
    position = network.sites.position - network.sites.position.mean(axis=0)
    from_spin = position.T @ (occupation * sigma_z) / tau_s
    if network.sites.period[1]:
        from_spin[1] = np.nan

    # f, from J across = -(T/2) eta (N / L) I f.
    T = -2.0 * spin_orbit_determinant(matrix)
    conducted = current_in_unit(network, coupling.rates, current).conductance
    unit = -0.5 * T * eta * network.n_sites / network.width_across_current * conducted
    across = network.direction_across
    f, f_drift = ((part @ across) / unit if unit else 0.0 for part in (total, drift))
    axis = induced_direction(network, matrix)
    by_f = -(2.0 * tau_s / n_electrons) * unit * f * axis
    generated = torque.sum(axis=0) * np.array([1.0, 1.0, 0.0])
    by_current = -(2.0 * tau_s / n_electrons) * z_cross(matrix @ total)
    return LeadingOrder(
        network=network,
        tau_s=tau_s,
        spin_z=read_only(in_unit(occupation * sigma_z, log_scale)),
        polarisation_drift=read_only(tau_s / n_electrons * generated),
        polarisation_diffusion=read_only(tau_s / n_electrons * precession),
        spin_current_drift=read_only(in_unit(drift, log_scale)),
        spin_current_diffusion=read_only(in_unit(diffusion, log_scale)),
        spin_current_from_spin=read_only(in_unit(from_spin, log_scale)),
        polarisation_from_current=read_only(by_current),
        f=float(f * ratio_of_f),
        f_drift=float(f_drift * ratio_of_f),
        polarisation_from_f=read_only(by_f),
    )


def rescale(matrix: np.ndarray) -> tuple[np.ndarray, float]:
    """The same coupling with `WEAK` as its largest element, and the ratio of the two."""
    strength = float(np.abs(matrix).max())
    if strength == 0.0:
        return matrix, 1.0
    return matrix * (WEAK / strength), strength / WEAK
