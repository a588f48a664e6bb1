"""Generation: the spin that the current alone makes in the triads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hopnet.errors import ParameterError
from hopnet.kernels import triads as kernels
from hopnet.network.network import Network
from hopnet.network.triads import Triads, amplitudes, list_triads, parts_of
from hopnet.records import read_only
from hopnet.transport.current import Current


@dataclass(frozen=True, eq=False)
class Generation:
    """What the current alone does to the spins.

    Attributes
    ----------
    gamma : float64[n_sites]
        Rate of spin generation at unit bias [hopping S44]; adds up to zero over each triad.
    f_drift : float
        f at tau_s = 0 [hopping S42].
    factor : float
        c = -2 L tau_0 / (N a_b^2 I): what turns a moment of gamma into f.
    """

    gamma: np.ndarray
    f_drift: float
    factor: float


def spin_generation(network: Network, current: Current, triads: Triads | None = None) -> Generation:
    """Generation of spin by the current in all triads, and the drift part of f.

    Equations [hopping S44] and [hopping S42], in code units, for each triad and its two cyclic
    images, X being the potential and q the strength n_j Q'_ikj / eta of [hopping S21]::

        gamma_i = -(3/2) q 2 A_ikj (X_j - X_k)
        f_drift = c sum_i y_i gamma_i        c = -2 L tau_0 / (N a_b^2 I)

    With equal energies q = exp(-(R_ij + R_jk + R_ki) / a_b) / 8. The three gamma of a triad add up
    to zero, so y may be counted from one of its sites: nothing depends on the origin, and a sample
    that is periodic in y is no exception.

    Parameters
    ----------
    network : Network
    current : Current
        At unit bias, on this network.
    triads : Triads, optional
        Of this network, if you have them; else the triads are walked over, not stored.

    Returns
    -------
    Generation

    Notes
    -----
    Leading order in spin-orbit coupling; any site energies, occupations small (no exclusion).
    """
    network.check_owns(current)
    network.check_dilute()
    gamma = np.zeros(network.n_sites)
    factors = (
        network.separation,
        *amplitudes(network),
        current.drop,
        network.direction_across,
        gamma,
    )
    if triads is None:
        lists = (list_triads(network, *task) for task in parts_of(network))
    else:
        network.check_owns(triads)
        lists = [(triads.site, triads.link)]
    moment = sum(kernels.sum_generation(site, link, *factors) for site, link in lists)
    c = -2.0 * network.width_across_current / (network.n_sites * current.conductance)
    return Generation(read_only(gamma), float(c * moment), c)


def check_tau_s(tau_s):
    """Spin relaxation times as a float array: not negative, not NaN; inf is allowed."""
    tau_s = np.atleast_1d(np.asarray(tau_s, dtype=np.float64))
    if tau_s.ndim != 1 or tau_s.size == 0 or not np.all(tau_s >= 0):
        raise ParameterError(
            "tau_s must be one or more times from 0 to inf, in tau_0, got "
            f"{np.array2string(tau_s, threshold=5)}; remove what is negative or not a number."
        )
    return tau_s
