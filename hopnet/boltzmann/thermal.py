"""Finite temperature: the response averaged over energy, shell by shell."""

from __future__ import annotations

import itertools
import math
import warnings
from dataclasses import dataclass

import numpy as np

from hopnet.boltzmann.approximation import approximate_response
from hopnet.boltzmann.collisions import Disorder, check_real
from hopnet.boltzmann.response import Electrons, coefficients, linear_response
from hopnet.errors import ParameterError, ValidityWarning

FARTHEST = 40.0  # in kT from the chemical potential: exp(-40) of the weight is left out


@dataclass(frozen=True)
class ThermalResponse:
    """Energy average of the response.

    Attributes
    ----------
    charge_current, spin_current : float
        J_x, J^z_y.
    spin_density : float
        ``m_y`` (not times v_F, which now has a spread).
    chemical_potential : float
    """

    charge_current: float
    spin_current: float
    spin_density: float
    chemical_potential: float


def thermal_response(electrons, disorder, kT, *, convention="consistent", nodes=160):
    """Response at a finite temperature: the average of the response over energy; [qbe 16].

    Elastic scattering does not mix energy shells, so ``X(T) = int (-df/deps) X(eps) deps``
    with ``p = (2 m eps)**0.5``, ``lambda_xy`` proportional to p and ``lambda_z`` to p**2
    [qbe 3], ``tau_D`` and ``v_0 N_0`` constant in two dimensions. The chemical potential keeps
    the density: ``mu = kT ln(exp(eps_F/kT) - 1)``. Averaging the rates instead is wrong, since
    the response is not linear in them.

    Parameters
    ----------
    electrons : Electrons
        ``fermi_momentum`` fixes the density.
    disorder : Disorder
        Lambdas at the Fermi momentum.
    kT : float
        Zero or positive.
    convention : str or Convention
    nodes : int
        Gauss nodes on each side of the Fermi edge.

    Returns
    -------
    ThermalResponse
    """

    def moments(shell, scaled):
        answer = linear_response(coefficients(shell, scaled, convention))
        spin = answer.magnetisation / shell.fermi_velocity
        return answer.charge_current, answer.spin_current, spin

    averages, mu = energy_average(electrons, disorder, kT, moments, nodes)
    return ThermalResponse(*averages, mu)


def mechanism_ratio(electrons, disorder, kT, *, convention="consistent", nodes=160):
    """``sigma_DMC / sigma_EE`` of [qbe 26], each averaged over energy.

    At zero temperature it is ``alpha_asp / (alpha_R theta_sH)`` with the side jump in
    theta_sH; it falls with alpha, since both alpha_R and the intrinsic angle grow with it.
    Arguments as in `thermal_response`.

    Returns
    -------
    float
    """

    def parts(shell, scaled):
        rough = approximate_response(coefficients(shell, scaled, convention), convention)
        return rough.direct / shell.fermi_velocity, rough.edelstein / shell.fermi_velocity

    (direct, edelstein), _ = energy_average(electrons, disorder, kT, parts, nodes)
    return direct / edelstein


def energy_average(electrons, disorder, kT, quantities, nodes=160):
    """Averages with ``-df/deps`` of ``quantities(electrons, disorder)`` on the energy shells.

    Returns
    -------
    list of float
    chemical_potential : float
    """
    if not float(check_real("kT", kT)) >= 0:
        raise ParameterError(f"kT must be zero or positive, got {kT!r}; give an energy.")
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


def edge_nodes(fugacity_exponent, nodes):
    """Nodes ``(eps - mu)/kT`` above the band bottom, and their weights times ``-df/dx``."""
    node, weight = np.polynomial.legendre.leggauss(nodes)
    lowest = max(-fugacity_exponent, -FARTHEST)
    edges = [lowest, 0.0, FARTHEST] if lowest < 0 else [lowest, lowest + FARTHEST]
    pieces = list(itertools.pairwise(edges))
    x = np.concatenate([a + (b - a) * (node + 1) / 2 for a, b in pieces])
    w = np.concatenate([(b - a) / 2 * weight for a, b in pieces])
    return x, w / (2 + 2 * np.cosh(x))
