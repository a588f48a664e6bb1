"""What follows from a steady state: spin currents, f, the rate at which hops turn spins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hopnet.elimination.symbolic import analyse
from hopnet.elimination.symmetric import factor
from hopnet.errors import ParameterError
from hopnet.records import read_only
from hopnet.spin.coefficients import check_spin_orbit, spin_orbit_determinant
from hopnet.spin.kinetics.coupling import find_coupling
from hopnet.spin.kinetics.frames import hop_rotations


@dataclass(frozen=True, eq=False)
class SpinCurrent:
    """Flow of z spin through a sample, whole sample, in a_b / tau_0 [hopping 11].

    Attributes
    ----------
    drift, diffusion, total : float64[2]
        Its two parts, from separation W and from hops of polarised electrons, and their sum.
    from_spin : float64[2]
        sum R_i S_i^z / tau_s [hopping 12], to leading order the total; only with hard edges
        (NaN across a sample that wraps).
    polarisation : float64[3]
        What the total turns into by precession: - (2 tau_s / N_e) z x (M J) [hopping 10].
    """

    drift: np.ndarray
    diffusion: np.ndarray
    total: np.ndarray
    from_spin: np.ndarray
    polarisation: np.ndarray


def precession_rate(network, spin_orbit):
    """Mean Dyakonov-Perel rate of an electron, 1/tau_DP, in 1/tau_0, along the s direction.

    Site mean of sum_j (1 - R_ij) / tau_ij, along z x (M y), the direction of current-induced
    spin. It counts harmless to-and-fro hops of close pairs, hence is an upper bound in practice;
    the letter's phi^2 / tau_0 [hopping S28] is its order of magnitude near n_s a_b^2 = 1.

    Parameters
    ----------
    network : Network
    spin_orbit : array_like[2, 2]

    Returns
    -------
    float
    """
    matrix = check_spin_orbit(spin_orbit)
    v = hop_rotations(network, matrix)[:, 1:]
    axis = induced_direction(network, matrix)
    norm = np.linalg.norm(axis)
    if norm == 0:
        return 0.0
    across = (v**2).sum(axis=1) - (v @ (axis / norm)) ** 2
    loss = 2.0 * network.conductance * across
    return float(2.0 * loss.sum() / network.occupation.sum())


def induced_direction(network, matrix):
    """z x (M y'), y' across the current: the direction of s, with the length of M y'."""
    x, y = matrix @ network.direction_across
    return np.array([-y, x, 0.0])


def f_from_polarisation(kinetics):
    """f that belongs to the polarisation of a full solution [hopping 13].

    In code units s = tau_s T eta (N / N_e) (I / L) f z x (M y'), T = -2 det M; the component
    along z x (M y') is used. Equals f_drift + f_diffusion up to terms of order d^2 and
    tau_s / tau_DP.

    Parameters
    ----------
    kinetics : Kinetics
        Driven by a bias, with one tau_s.

    Returns
    -------
    float
    """
    network = kinetics.network
    unit = polarisation_unit(kinetics)
    if not np.any(unit):
        raise ParameterError(
            "f is defined where the leading order does not vanish: a bias and det M != 0, got "
            f"bias={kinetics.bias!r} and M={kinetics.spin_orbit.tolist()}; set both."
        )
    if np.any(kinetics.tau_s != kinetics.tau_s[0]) or network.n_sites == 0:
        raise ParameterError("f belongs to one tau_s, this sample has several; use one.")
    return float(kinetics.polarisation @ unit / (unit @ unit))


def polarisation_unit(kinetics):
    """s at f = 1 to leading order: float64[3]."""
    network, matrix = kinetics.network, kinetics.spin_orbit
    T = -2.0 * spin_orbit_determinant(matrix)
    n_electrons = network.occupation.sum()
    strength = kinetics.tau_s[0] * T * kinetics.eta * network.n_sites / n_electrons
    return (
        strength
        * kinetics.current
        / network.width_across_current
        * induced_direction(network, matrix)
    )


def spin_current(kinetics, *, threads=None):
    """Flow of z spin: drift, diffusion, total [hopping 11], and the moment of S^z [hopping 12].

    Between two sites it is [hopping 6]: S_j / tau_ij - S_i / tau_ji and what W separates.

    Parameters
    ----------
    kinetics : Kinetics
    threads : int, optional

    Returns
    -------
    SpinCurrent

    Notes
    -----
    The differences of S^z along links come from one more scalar elimination, with all that is
    not hopping of z spin on the right side: no digits are lost at low density, on a cylinder
    either.
    """
    network, matrix = kinetics.network, kinetics.spin_orbit
    occupation = network.occupation
    sigma = kinetics.spin / occupation[:, None]
    coupling = find_coupling(network, matrix, kinetics.eta, threads)
    torque, _, drift = coupling.torque(kinetics.drop)
    conductance = network.conductance
    precessing = coupling.precession(conductance, sigma)
    rate = occupation / kinetics.tau_s
    local = sigma @ kinetics.anisotropy[2]
    local -= sigma[:, 2] * kinetics.anisotropy[2, 2]
    terminal = np.full(network.n_sites, -1)
    if kinetics.absorbing_contacts:
        terminal[np.union1d(network.source, network.drain)] = 0
    symbolic = analyse(network.dissection, network.link_i, network.link_j, terminal)
    excess = rate * kinetics.anisotropy[2, 2]
    source = torque[:, 2] + precessing[:, 2] - rate * local
    source += occupation * np.cross(kinetics.field, sigma)[:, 2]
    source += occupation * kinetics.generation[:, 2]
    factored = factor(symbolic, conductance, excess, threads=threads)
    ends = (0.0,) if kinetics.absorbing_contacts else ()
    difference = factored.link_drops(network.n_links, ends, rhs=source)
    diffusion = network.separation.T @ (conductance * difference)
    position = network.sites.position - network.sites.position.mean(axis=0)
    from_spin = position.T @ (kinetics.spin[:, 2] / kinetics.tau_s)
    if network.sites.period[1]:
        from_spin[1] = np.nan
    total = drift + diffusion
    x, y = matrix @ total
    turned = -(2.0 * kinetics.tau_s.mean() / occupation.sum()) * np.array([-y, x, 0.0])
    return SpinCurrent(
        read_only(drift),
        read_only(diffusion),
        read_only(total),
        read_only(from_spin),
        read_only(turned),
    )
