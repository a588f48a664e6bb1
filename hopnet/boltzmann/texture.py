"""Spin of the Rashba gas by momentum, in the conventions of `hopnet.boltzmann.rashba`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from hopnet import checks
from hopnet.boltzmann.chain import acceleration_source, coherence_source, solve_matrix
from hopnet.boltzmann.checks import check_instance, real_array
from hopnet.boltzmann.gas import RashbaGas
from hopnet.boltzmann.potentials import Potential
from hopnet.boltzmann.rashba import LARGEST_RESIDUAL, LONGEST, check_scattering
from hopnet.errors import ConvergenceError, ParameterError
from hopnet.records import Record, read_only

__all__ = ["SpinTexture", "spin_texture"]

# Distance of the Fermi chain from the band bottom, in units of m alpha, within which it is moved
# to that distance: at the bottom itself its equations are singular. A smaller distance loses digits
# to rounding, a larger one changes the answer more.
CLOSEST = 1e-6


@dataclass(frozen=True)
class SpinTexture(Record):
    """Spin of the electrons by momentum, first harmonic, per unit field; [rashba 13].

    Attributes
    ----------
    momentum : float64[n]
        Momenta asked for, at which the smooth part follows: the interband coherence drives it.
    spin_z, spin_along_momentum : float64[n]
        Amplitudes of ``sin(phi)`` of ``<S_z>`` and of ``<S.p>/p``.
    spin_along_field : float64[n]
        Amplitude of ``cos(phi)`` of ``<S.Omega>/|Omega|``, where Omega is the direction
        ``(p_y, -p_x)/p`` of the helicity +.
    line_momentum : float64[k]
        Momenta of the part that the acceleration drives, which consists of delta functions in p.
    line_spin_z, line_spin_along_momentum, line_spin_along_field : float64[k]
        Weights of these delta functions.
    """

    table_row: ClassVar[str] = "momentum"
    table_columns: ClassVar[tuple[str, ...]] = (
        "momentum",
        "spin_z",
        "spin_along_momentum",
        "spin_along_field",
    )

    momentum: np.ndarray
    spin_z: np.ndarray
    spin_along_momentum: np.ndarray
    spin_along_field: np.ndarray
    line_momentum: np.ndarray
    line_spin_z: np.ndarray
    line_spin_along_momentum: np.ndarray
    line_spin_along_field: np.ndarray


def spin_texture(
    gas: RashbaGas, potential: Potential, momentum: npt.ArrayLike, *, beyond: int = 24
) -> SpinTexture:
    """Momentum-resolved spin, ``<S_z>``, ``<S.p>`` and ``<S.Omega>``; equation [rashba 13].

    Parameters
    ----------
    gas : RashbaGas
        Band and disorder, with a positive splitting.
    potential : Potential
        Scattering potential.
    momentum : float64[n]
        Positive momenta; each is a point of one chain.
    beyond : int
        Number of momenta kept beyond p_F- (and beyond each momentum asked for), from 1 to 10000.

    Returns
    -------
    SpinTexture
    """
    check_instance("gas", gas, RashbaGas)
    check_instance("potential", potential, Potential)
    beyond = checks.whole("beyond", beyond, low=1, high=10_000)
    momentum = np.atleast_1d(real_array("momentum", momentum))
    if not (gas.splitting > 0 and momentum.ndim == 1 and momentum.size and np.all(momentum > 0)):
        raise ParameterError(
            "spin_texture needs splitting > 0 and a list of positive momenta, got splitting="
            f"{gas.splitting!r} and shape {momentum.shape}; for a negative splitting, change the "
            "sign of the in-plane spin."
        )
    check_scattering(gas, potential)
    step = gas.momentum_splitting
    farthest = max(gas.fermi_momenta[1], float(np.max(momentum)))
    if farthest > LONGEST * step:
        raise ParameterError(
            f"a momentum of {farthest:.3g} is too large for m alpha = {step:.3g}: a chain would "
            f"exceed {LONGEST} momenta; give a smaller momentum or a larger splitting."
        )
    below = int(farthest / step) + 1 + beyond
    rung = step * np.arange(-below, below + 1)
    residue = np.mod(momentum, step)
    index = below + np.rint((momentum - residue) / step).astype(int)
    chain = residue[:, None] + rung
    smooth = solve_matrix(chain, gas, potential, coherence_source(chain, gas))
    at = smooth.matrix[np.arange(momentum.size), index]
    fermi = math.fmod(gas.fermi_momenta[0], step)
    if abs(fermi - step / 2) < CLOSEST * step:
        fermi = step / 2 * (1 - 2 * CLOSEST)
    chain = fermi + rung[None]
    line = solve_matrix(chain, gas, potential, acceleration_source(chain, gas))
    residual = max(np.max(smooth.residual), np.max(line.residual))
    if not residual < LARGEST_RESIDUAL:
        raise ConvergenceError(
            f"a chain left a residual of {residual:.2g}, allowed {LARGEST_RESIDUAL:g}; change the "
            "momentum or the splitting slightly.",
            residual=float(residual),
        )
    return SpinTexture(
        read_only(momentum),
        *spin_amplitudes(at),
        read_only(np.abs(chain[0])),
        *spin_amplitudes(line.matrix[0]),
    )


def spin_amplitudes(solution: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Amplitudes ``2 Im f_+-``, ``-2 Re f_+-``, ``f_++ - f_--`` of an array of density matrices."""
    plus, minus, real, imaginary = np.moveaxis(solution, -1, 0)
    return read_only(2 * imaginary), read_only(-2 * real), read_only(plus - minus)
