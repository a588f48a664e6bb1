"""Generation: the spin that the electric current generates in the triads of a network."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from hopnet.checks import array_of, instance_of, one_of
from hopnet.elimination.scaling import ScaledRates, scaled_rates
from hopnet.kernels import triads as kernels
from hopnet.network.network import Network
from hopnet.network.triads import Triads, amplitudes, list_triads, parts_of
from hopnet.records import Record, read_only
from hopnet.transport.current import Current, in_unit, own_current

__all__ = [
    "Generation",
    "TriadGeneration",
    "check_tau_s",
    "generation_in_triads",
    "rates_of",
    "ratio_to_letter",
    "scaled_generation",
    "spin_generation",
    "triad_lists",
]


@dataclass(frozen=True, eq=False)
class Generation(Record):
    """The generation of spin by the current, without relaxation or diffusion of the spins.

    Attributes
    ----------
    gamma : float64[n_sites]
        Rate of spin generation at unit bias [hopping S44]; it adds up to zero over each triad.
    f_drift : float
        f at tau_s = 0 [hopping S42].
    prefactor : float
        The constant c, which turns a moment of gamma into f.
    outer_drift : float
        The part of ``f_drift`` from triads with an outermost link (`Network.outermost`).
    """

    table_row: ClassVar[str] = "site"
    table_columns: ClassVar[tuple[str, ...]] = ("gamma",)

    gamma: np.ndarray
    f_drift: float
    prefactor: float
    outer_drift: float


def spin_generation(
    network: Network,
    current: Current,
    triads: Triads | None = None,
    *,
    normalisation: str = "bulk",
) -> Generation:
    """Generation of spin by the current in all triads, and the drift part of f.

    Equations [hopping S44] and [hopping S42], in code units, for each triad and its two cyclic
    images, X being the potential and q the strength n_j Q'_ikj / eta of [hopping S21]::

        gamma_i = -(3/2) q 2 A_ikj (X_j - X_k)
        f_drift = c sum_i y_i gamma_i        c = -2 L tau_0 / (N a_b^2 I)

    With equal energies q = exp(-(R_ij + R_jk + R_ki) / a_b) / 8. The three gamma of a triad add up
    to zero, so y may be counted from one of its sites. Nothing depends on the origin of y, also not
    in a sample that is periodic in y.

    Parameters
    ----------
    network : Network
    current : Current
        The current of this network at unit bias.
    triads : Triads, optional
        The triads of this network. By default they are listed part by part and not stored.
    normalisation : {"bulk", "letter"}
        That of ``f_drift`` and of c, as in `hopnet.f_curve`. The equations above are those of the
        letter; "bulk" multiplies c by the distance of the contact edges over the length along which
        the current flows (`Current.effective_length`).

    Returns
    -------
    Generation

    Notes
    -----
    Leading order in spin-orbit coupling; any site energies; small occupations (no exclusion).
    """
    instance_of("current", current, Current, "make it with hopnet.solve_current")
    own_current(network, current)
    ratio = ratio_to_letter(network, current.effective_length, normalisation)
    log_scale = rates_of(network).log_scale
    scaled = scaled_generation(current, triads, log_scale)
    return Generation(
        gamma=read_only(in_unit(scaled.gamma, log_scale)),
        f_drift=scaled.f_drift * ratio,
        prefactor=float(in_unit(np.float64(scaled.prefactor * ratio), -log_scale)),
        outer_drift=scaled.outer_drift * ratio,
    )


def ratio_to_letter(network: Network, effective_length: float, normalisation: str) -> float:
    """Ratio of f in a normalisation, "bulk" or "letter", to f in the letter's [f 1].

    The letter divides by the current times the distance of the contact edges, "bulk" by the
    current times the length along which it flows.
    """
    if one_of("normalisation", normalisation, ("bulk", "letter")) == "letter":
        return 1.0
    return network.length_along_current / effective_length


def rates_of(network: Network) -> ScaledRates:
    """K_ij and n_i of a network without exclusion, as floats in units of exp(log_scale)."""
    network.check_plane("a function for spins")
    network.check_dilute()
    return scaled_rates(
        network.link_i,
        network.link_j,
        network.log_conductance,
        network.log_occupation,
        network.terminals,
    )


def scaled_generation(current: Current, triads: Triads | None, log_scale: float) -> Generation:
    """`spin_generation` of the letter, rates, gamma and current in units of exp(log_scale)."""
    network = current.network
    gamma = np.zeros(network.n_sites)
    factors = (
        network.separation,
        *amplitudes(network, log_scale),
        current.drop,
        network.direction_across,
        network.outermost,
        gamma,
    )
    moment = outer = 0.0
    for site, link in triad_lists(network, triads):
        part, outer_part = kernels.sum_generation(site, link, *factors)
        moment += part
        outer += outer_part
    conductance = current.conductance
    if log_scale != 0.0:  # the current itself may lie outside the range of floats
        conductance = float(np.exp(current.log_conductance - log_scale))
    c = -2.0 * network.width_across_current / (network.n_sites * conductance)
    return Generation(read_only(gamma), float(c * moment), c, float(c * outer))


def triad_lists(network: Network, triads: Triads | None) -> Iterable[tuple[np.ndarray, np.ndarray]]:
    """Sites and links of the triads, in one list if they are stored, or else part by part."""
    if triads is None:
        return (list_triads(network, *task) for task in parts_of(network))
    instance_of("triads", triads, Triads, "make them with hopnet.find_triads")
    network.check_owns(triads)
    return [(triads.site, triads.link)]


class TriadGeneration(NamedTuple):
    """The generation of spin by each triad i < j < k at its sites j and k.

    Site i gets minus the sum of the two.

    Attributes
    ----------
    at_j, at_k : float64[n_triads]
        gamma of [hopping S44].
    """

    at_j: np.ndarray
    at_k: np.ndarray


def generation_in_triads(
    current: Current, triads: Triads, log_scale: float = 0.0
) -> TriadGeneration:
    """The generation of spin by each triad on its own [hopping S44]; `spin_generation` adds it up.

    Parameters
    ----------
    current : Current
    triads : Triads
        The triads of the network that the current flows in.
    log_scale : float
        The generation is divided by exp(log_scale).

    Returns
    -------
    TriadGeneration
    """
    ij, ik, jk = triads.link.T
    hop, overlap = amplitudes(current.network, log_scale)
    interference = (
        hop[ik] * hop[jk] * overlap[ij]
        + hop[ij] * hop[jk] * overlap[ik]
        + hop[ij] * hop[ik] * overlap[jk]
    )
    strength = -0.125 * triads.area * interference
    return TriadGeneration(-strength * current.drop[ik], strength * current.drop[ij])


def check_tau_s(tau_s: ArrayLike) -> np.ndarray:
    """Spin relaxation times as a float array: not negative and not NaN; inf is allowed."""
    return array_of("tau_s", tau_s, low=0.0, infinite=True, hint="give one or more times in tau_0")
