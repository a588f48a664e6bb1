"""Observables of a steady state: spin currents, f, and the rate at which hops turn spins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hopnet.checks import instance_of
from hopnet.constants import Z_CROSS
from hopnet.elimination.symbolic import analyse
from hopnet.elimination.symmetric import factor
from hopnet.errors import ParameterError
from hopnet.network.network import Network
from hopnet.records import Record, read_only
from hopnet.spin.coefficients import check_spin_orbit, spin_orbit_determinant
from hopnet.spin.generation import ratio_to_letter
from hopnet.spin.kinetics.coupling import find_coupling
from hopnet.spin.kinetics.frames import hop_rotations
from hopnet.spin.kinetics.solve import Kinetics
from hopnet.spin.kinetics.unit import count_electrons, find_rates
from hopnet.threads import one_blas_thread
from hopnet.transport.current import in_unit, length_of_flow

__all__ = [
    "SpinCurrent",
    "f_from_polarisation",
    "induced_direction",
    "precession_rate",
    "spin_current",
    "z_cross",
]


@dataclass(frozen=True, eq=False)
class SpinCurrent(Record):
    """Flow of z spin through a sample, summed over the sample, in a_b / tau_0 [hopping 11].

    Attributes
    ----------
    drift : float64[2]
        The part from spin separation W.
    diffusion : float64[2]
        The part from hops of polarised electrons.
    total : float64[2]
        The sum of both parts.
    from_spin : float64[2]
        sum R_i S_i^z / tau_s [hopping 12]. To leading order it is the total. NaN along a direction
        in which the sample wraps.
    polarisation : float64[3]
        Polarisation that the total gives by precession: - (2 tau_s / N_e) z x (M J) [hopping 10].
    """

    drift: np.ndarray
    diffusion: np.ndarray
    total: np.ndarray
    from_spin: np.ndarray
    polarisation: np.ndarray


def z_cross(v: np.ndarray) -> np.ndarray:
    """float64[3]: z x v of a vector in the plane, float64[2]."""
    return np.append(Z_CROSS @ v, 0.0)


def precession_rate(network: Network, spin_orbit: ArrayLike) -> float:
    """Mean Dyakonov-Perel rate of an electron, 1/tau_DP in 1/tau_0, along the induced spin.

    It is the mean over electrons of sum_j (1 - R_ij) / tau_ij along z x (M y), the direction of
    current-induced spin. It also counts the hops back and forth between close sites, which undo
    their own precession, so in practice it is an upper bound. The letter's phi^2 / tau_0
    [hopping S28] is its order of magnitude near n_s a_b^2 = 1.

    Parameters
    ----------
    network : Network
    spin_orbit : array_like[2, 2]
        M = m a_b beta / hbar^2.

    Returns
    -------
    float
    """
    instance_of("network", network, Network, "make it with hopnet.build_network")
    matrix, rates = check_spin_orbit(spin_orbit), find_rates(network)
    v = hop_rotations(network, matrix)[:, 1:]
    axis = induced_direction(network, matrix)
    norm = np.linalg.norm(axis)
    if norm == 0:
        return 0.0
    across = (v**2).sum(axis=1) - (v @ (axis / norm)) ** 2
    loss = 2.0 * rates.conductance * across
    return float(2.0 * loss.sum() / count_electrons(network, rates))


def induced_direction(network: Network, matrix: np.ndarray) -> np.ndarray:
    """float64[3]: z x (M y'), y' across the current; the direction of current-induced spin."""
    return z_cross(matrix @ network.direction_across)


def f_from_polarisation(kinetics: Kinetics, *, normalisation: str = "bulk") -> float:
    """The f that gives the polarisation of a full solution [hopping 13].

    In code units s = tau_s T eta (N / N_e) (I / L) f z x (M y'), T = -2 det M. The component
    along z x (M y') is used. That gives f in the letter's normalisation. f equals f_drift +
    f_diffusion up to terms of order d^2 and tau_s / tau_DP.

    Parameters
    ----------
    kinetics : Kinetics
        A solution with a bias and with one tau_s.
    normalisation : {"bulk", "letter"}
        As in `hopnet.f_curve`.

    Returns
    -------
    float

    Raises
    ------
    ParameterError
        If there is no bias, det M = 0, a magnetic field, or tau_s differs between sites.
    """
    instance_of("kinetics", kinetics, Kinetics, "solve it with hopnet.solve_kinetics")
    network = kinetics.network
    if np.any(kinetics.generation):
        raise ParameterError(
            "f is defined for spins that the current alone induces, this solution has a "
            "generation; solve without one."
        )
    if np.any(kinetics.field):
        raise ParameterError(
            "f is defined without a magnetic field, this solution has one; solve without it, or "
            "use hn.nuclear_f for the fields of nuclei and hn.hanle_curve for an external field."
        )
    if np.any(kinetics.tau_s != kinetics.tau_s[0]):
        raise ParameterError(
            "f is defined for one tau_s of all sites, this solution has several; solve with one."
        )
    # Total spin, and its value at f = 1, in the unit of the rates: N_e cancels.
    rates = find_rates(network)
    total = (rates.occupation[:, None] * kinetics.sigma).sum(axis=0)
    current = kinetics.relative_current * np.exp(kinetics.log_conductance - rates.log_scale)
    T = -2.0 * spin_orbit_determinant(kinetics.spin_orbit)
    unit = kinetics.tau_s[0] * T * kinetics.eta * network.n_sites * current
    unit /= network.width_across_current
    axis = induced_direction(network, kinetics.spin_orbit)
    size = np.abs(axis).max()
    if unit * size == 0.0:
        raise ParameterError(
            "f is defined where the leading order does not vanish: a bias, eta > 0 and det M != 0, "
            f"got bias={kinetics.bias!r}, eta={kinetics.eta!r} and "
            f"M={kinetics.spin_orbit.tolist()}; set all three."
        )
    direction = axis / size
    f = float(total @ direction / (direction @ direction) / (unit * size))
    length = length_of_flow(network, relative_flow(kinetics))
    return f * ratio_to_letter(network, length, normalisation)


def relative_flow(kinetics: Kinetics) -> np.ndarray:
    """float64[n_links]: flow of particles along each link from i to j, over the current."""
    with np.errstate(divide="ignore"):
        logarithm = np.log(np.abs(kinetics.drop)) + kinetics.network.log_conductance
    flow = np.copysign(np.exp(logarithm - kinetics.log_conductance), kinetics.drop)
    return flow / kinetics.relative_current


@one_blas_thread()  # sums have the same bits on any number of cores
def spin_current(kinetics: Kinetics, *, threads: int | None = None) -> SpinCurrent:
    """Flow of z spin: drift, diffusion, total [hopping 11], and the moment of S^z [hopping 12].

    Between two sites it is [hopping 6]: S_j / tau_ij - S_i / tau_ji, plus spin separation by W.

    Parameters
    ----------
    kinetics : Kinetics
    threads : int, optional

    Returns
    -------
    SpinCurrent

    Notes
    -----
    The differences of S^z along links come from one more scalar elimination, with all terms other
    than hopping of z spin on the right side. No digits are lost at low density.
    """
    instance_of("kinetics", kinetics, Kinetics, "solve it with hopnet.solve_kinetics")
    network, matrix, sigma = kinetics.network, kinetics.spin_orbit, kinetics.sigma
    coupling = find_coupling(network, matrix, kinetics.eta, threads)
    occupation, conductance = coupling.rates.occupation, coupling.rates.conductance
    torque, _, drift = coupling.torque(kinetics.drop)
    # All terms of the z row other than hopping and relaxation of z spin.
    precessing = coupling.precession(sigma)
    rate = occupation / kinetics.tau_s
    local = sigma @ kinetics.anisotropy[2]
    local -= sigma[:, 2] * kinetics.anisotropy[2, 2]
    source = torque[:, 2] + precessing[:, 2] - rate * local
    source += occupation * np.cross(kinetics.field, sigma)[:, 2]
    source += occupation * kinetics.generation[:, 2]
    # The differences of z spin along links, and the spin current.
    terminal = np.full(network.n_sites, -1)
    if kinetics.absorbing_contacts:
        terminal[np.union1d(network.source, network.drain)] = 0
    symbolic = analyse(network.dissection, network.link_i, network.link_j, terminal)
    excess = rate * kinetics.anisotropy[2, 2]
    factored = factor(symbolic, conductance, excess, threads=threads)
    ends = (0.0,) if kinetics.absorbing_contacts else ()
    difference = factored.link_drops(network.n_links, ends, rhs=source)
    diffusion = network.separation.T @ (conductance * difference)
    position = network.sites.position - network.sites.position.mean(axis=0)
    from_spin = position.T @ (occupation * sigma[:, 2] / kinetics.tau_s)
    if network.sites.period[1]:
        from_spin[1] = np.nan
    total = drift + diffusion
    n_electrons = count_electrons(network, coupling.rates)
    turned = -(2.0 * kinetics.tau_s.mean() / n_electrons) * z_cross(matrix @ total)
    scale = coupling.rates.log_scale
    return SpinCurrent(
        read_only(in_unit(drift, scale)),
        read_only(in_unit(diffusion, scale)),
        read_only(in_unit(total, scale)),
        read_only(in_unit(from_spin, scale)),
        read_only(turned),
    )
