"""Spin of the Rashba gas by momentum; conventions of `hopnet.boltzmann.rashba`."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from hopnet.boltzmann.chain import acceleration_source, coherence_source, solve_matrix
from hopnet.boltzmann.collisions import check_real
from hopnet.boltzmann.rashba import check_scattering
from hopnet.errors import ParameterError
from hopnet.records import read_only


@dataclass(frozen=True)
class SpinTexture:
    """Spin of the electrons by momentum, first harmonic, per unit field; [rashba 13].

    Attributes
    ----------
    momentum : float64[n]
        The momenta asked for: smooth part, driven by the interband coherence.
    spin_z, spin_along_momentum : float64[n]
        Amplitudes of ``sin(phi)`` of ``<S_z>`` and of ``<S.p>/p``.
    spin_along_field : float64[n]
        Amplitude of ``cos(phi)`` of ``<S.Omega>/|Omega|``, Omega the direction
        ``(p_y, -p_x)/p`` of the helicity +.
    line_momentum, line_spin_z, line_spin_along_momentum, line_spin_along_field : float64[k]
        The part driven by the acceleration: delta functions in p with these weights.
    """

    momentum: np.ndarray
    spin_z: np.ndarray
    spin_along_momentum: np.ndarray
    spin_along_field: np.ndarray
    line_momentum: np.ndarray
    line_spin_z: np.ndarray
    line_spin_along_momentum: np.ndarray
    line_spin_along_field: np.ndarray


def spin_texture(gas, potential, momentum, *, beyond=24):
    """Momentum-resolved spin, ``<S_z>``, ``<S.p>`` and ``<S.Omega>``; equation [rashba 13].

    Parameters
    ----------
    gas : RashbaGas
        ``rashba`` positive.
    potential : Potential
    momentum : float64[n]
        Positive; each is a point of one chain.
    beyond : int
        Momenta kept beyond p_F- (and beyond each momentum asked for).

    Returns
    -------
    SpinTexture
    """
    momentum = np.atleast_1d(check_real("momentum", momentum))
    if not (gas.splitting > 0 and np.all(momentum > 0)):
        raise ParameterError(
            "spin_texture needs rashba > 0 and positive momenta, got rashba="
            f"{gas.splitting!r}; mirror the spins for a negative rashba."
        )
    check_scattering(gas, potential)
    step = gas.momentum_splitting
    farthest = max(gas.fermi_momenta[1], float(np.max(momentum)))
    below = int(farthest / step) + 1 + beyond
    rung = step * np.arange(-below, below + 1)
    residue = np.mod(momentum, step)
    index = below + np.rint((momentum - residue) / step).astype(int)
    chain = residue[:, None] + rung
    solution = solve_matrix(chain, gas, potential, coherence_source(chain, gas)).matrix
    at = solution[np.arange(momentum.size), index]
    fermi = math.fmod(gas.fermi_momenta[0], step)
    if abs(fermi - step / 2) < 1e-6 * step:  # see fermi_origins
        fermi = step / 2 * (1 - 2e-6)
    chain = fermi + rung[None]
    line = solve_matrix(chain, gas, potential, acceleration_source(chain, gas)).matrix
    return SpinTexture(
        read_only(momentum),
        *spin_amplitudes(at),
        read_only(np.abs(chain[0])),
        *spin_amplitudes(line[0]),
    )


def spin_amplitudes(solution):
    """``2 Im f_+-``, ``-2 Re f_+-``, ``f_++ - f_--`` of an array of density matrices."""
    plus, minus, real, imaginary = np.moveaxis(solution, -1, 0)
    return read_only(2 * imaginary), read_only(-2 * real), read_only(plus - minus)
