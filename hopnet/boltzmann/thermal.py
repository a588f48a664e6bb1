"""Finite temperature: the response averaged over the energy shells."""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hopnet import checks
from hopnet.boltzmann.approximation import approximate_response
from hopnet.boltzmann.checks import SMALLEST, number
from hopnet.boltzmann.collisions import Disorder
from hopnet.boltzmann.conventions import Convention, resolve_convention
from hopnet.boltzmann.electrons import Electrons, check_single
from hopnet.boltzmann.response import coefficients, linear_response
from hopnet.errors import ParameterError, ValidityWarning
from hopnet.records import Record

__all__ = ["ThermalResponse", "energy_average", "mechanism_ratio", "thermal_response"]

# Farthest energy from the chemical potential, in kT. A weight of exp(-40) = 4e-18 is left out,
# below machine precision; a larger distance wastes nodes.
FARTHEST = 40.0

# Largest kT over the Fermi energy. Beyond it the density fixes the chemical potential to fewer than
# six digits of kT.
HOTTEST = 1e6


@dataclass(frozen=True)
class ThermalResponse(Record):
    """Energy average of the response.

    Attributes
    ----------
    charge_current : float
        Charge current J_x.
    spin_current : float
        Spin current J^z_y.
    spin_density : float
        Spin density ``m_y`` (not times v_F, which differs between the shells).
    chemical_potential : float
        Chemical potential at that temperature, for the density of the band.
    """

    charge_current: float
    spin_current: float
    spin_density: float
    chemical_potential: float


def thermal_response(
    electrons: Electrons,
    disorder: Disorder,
    kT: float,
    *,
    convention: str | Convention = "consistent",
    nodes: int = 160,
) -> ThermalResponse:
    """Response at a finite temperature: the average of the response over energy; [qbe 16].

    Elastic scattering does not mix energy shells, so ``X(T) = int (-df/deps) X(eps) deps``
    with ``p = (2 m eps)**0.5``, ``lambda_xy`` proportional to p and ``lambda_z`` to p**2
    [qbe 3], ``tau_D`` and ``v_0 N_0`` constant in two dimensions. The chemical potential keeps
    the density: ``mu = kT ln(exp(eps_F/kT) - 1)``. An average of the rates would be wrong, since
    the response is not linear in them.

    Parameters
    ----------
    electrons : Electrons
        Band, with single numbers; ``fermi_momentum`` sets the density.
    disorder : Disorder
        Disorder, with the lambdas at the Fermi momentum.
    kT : float, energy
        Thermal energy, zero or positive.
    convention : str or Convention
        Formulas as derived or as in the paper.
    nodes : int
        Number of Gauss nodes on each side of the Fermi edge, from 2 to 2000.

    Returns
    -------
    ThermalResponse
    """

    chosen = resolve_convention(convention)

    def moments(shell: Electrons, scaled: Disorder) -> tuple:
        answer = linear_response(coefficients(shell, scaled, chosen))
        spin = answer.magnetisation / shell.fermi_velocity
        return answer.charge_current, answer.spin_current, spin

    (charge, spin, density), mu = energy_average(electrons, disorder, kT, moments, nodes)
    return ThermalResponse(charge, spin, density, mu)


def mechanism_ratio(
    electrons: Electrons,
    disorder: Disorder,
    kT: float,
    *,
    convention: str | Convention = "consistent",
    nodes: int = 160,
) -> float:
    """Ratio ``sigma_DMC / sigma_EE`` of [qbe 26], each averaged over energy.

    At zero temperature it is ``alpha_asp / (alpha_R theta_sH)`` with the side jump in
    theta_sH. It falls with alpha, since both alpha_R and the intrinsic angle grow with it.
    The arguments are those of `thermal_response`.

    Returns
    -------
    float
    """

    chosen = resolve_convention(convention)

    def parts(shell: Electrons, scaled: Disorder) -> tuple:
        rough = approximate_response(coefficients(shell, scaled, chosen), chosen)
        return rough.direct / shell.fermi_velocity, rough.edelstein / shell.fermi_velocity

    (direct, edelstein), _ = energy_average(electrons, disorder, kT, parts, nodes)
    if edelstein == 0:
        raise ParameterError(
            "sigma_EE is zero, so that the ratio is not defined; give an alpha that is not zero."
        )
    return direct / edelstein


def energy_average(
    electrons: Electrons,
    disorder: Disorder,
    kT: float,
    quantities: Callable[[Electrons, Disorder], tuple],
    nodes: int = 160,
) -> tuple[list[float], float]:
    """Averages with ``-df/deps`` of ``quantities(electrons, disorder)`` on the energy shells.

    Returns
    -------
    averages : list of float
        Averages of the quantities.
    chemical_potential : float
        Chemical potential.
    """
    check_single(electrons, disorder)
    nodes = checks.whole("nodes", nodes, low=2, high=2000)
    kT = number("kT", kT)
    if not (kT == 0 or SMALLEST <= kT <= HOTTEST * electrons.fermi_energy):
        raise ParameterError(
            f"kT must be zero, or positive and at most {HOTTEST:g} Fermi energies, got {kT!r}; "
            "give a thermal energy."
        )
    if kT == 0:
        return [float(x) for x in quantities(electrons, disorder)], electrons.fermi_energy
    coefficients(electrons, disorder)  # warns once, for the shell at p_F
    mu = electrons.fermi_energy + kT * math.log(-math.expm1(-electrons.fermi_energy / kT))
    x, w = edge_nodes(mu / kT, nodes)
    momentum = np.sqrt(2 * electrons.mass * (mu + kT * x))
    scale = momentum / electrons.fermi_momentum
    shell = Electrons(electrons.mass, electrons.rashba, momentum, electrons.drude_time)
    scaled = Disorder(
        disorder.lambda_xy * scale,
        disorder.lambda_z * scale**2,
        disorder.strength,
        disorder.weight,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ValidityWarning)
        values = quantities(shell, scaled)
    return [float(w @ np.broadcast_to(value, w.shape)) for value in values], mu


def edge_nodes(fugacity_exponent: float, nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes ``(eps - mu)/kT`` above the band bottom, and their weights times ``-df/dx``."""
    node, weight = np.polynomial.legendre.leggauss(nodes)
    lowest = max(-fugacity_exponent, -FARTHEST)
    edges = [lowest, 0.0, FARTHEST] if lowest < 0 else [lowest, lowest + FARTHEST]
    pieces = list(itertools.pairwise(edges))
    x = np.concatenate([a + (b - a) * (node + 1) / 2 for a, b in pieces])
    w = np.concatenate([(b - a) / 2 * weight for a, b in pieces])
    return x, w / (2 + 2 * np.cosh(x))
