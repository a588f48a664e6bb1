"""The band with uniform Rashba coupling, and the relaxation rates of its Fermi circle.

Units: hbar = e = 1. The Rashba velocity alpha of ``H_R = alpha (sigma_x p_y - sigma_y p_x)`` is
half of the splitting coefficient of `hopnet.boltzmann.gas.RashbaGas`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from hopnet import checks
from hopnet.boltzmann.checks import SMALLEST, check_instance, check_shapes, owned
from hopnet.boltzmann.collisions import Disorder
from hopnet.boltzmann.conventions import Convention, resolve_convention
from hopnet.errors import ParameterError
from hopnet.records import Record

__all__ = [
    "Electrons",
    "RelaxationRates",
    "angular_means",
    "check_medium",
    "check_single",
    "relaxation_rates",
]


@dataclass(frozen=True)
class Electrons(Record):
    """A parabolic band with uniform Rashba coupling, Hamiltonian [qbe 1].

    Attributes
    ----------
    mass : float or float64[...]
        Effective mass, positive.
    rashba : float or float64[...]
        Rashba velocity alpha of ``alpha (sigma_x p_y - sigma_y p_x)``. It may include the shift of
        `hopnet.boltzmann.microscopic.rashba_renormalisation`, [qbe 20].
    fermi_momentum : float or float64[...]
        Fermi momentum p_F without splitting, positive.
    drude_time : float or float64[...]
        Drude time ``tau_D = 1 / (2 pi n_s v_0**2 N_0)``, positive; [qbe 18].
    """

    mass: Any = 1.0
    rashba: Any = 0.0
    fermi_momentum: Any = 1.0
    drude_time: Any = 1.0

    def __post_init__(self) -> None:
        for name in ("mass", "rashba", "fermi_momentum", "drude_time"):
            value = owned(name, getattr(self, name))
            if name != "rashba" and not np.all(np.asarray(value) >= SMALLEST):
                raise ParameterError(
                    f"{name} must be positive and at least {SMALLEST:g}, got "
                    f"{checks.shown(getattr(self, name))}; correct its sign or unit."
                )
            object.__setattr__(self, name, value)
        check_shapes(**vars(self))

    @property
    def fermi_velocity(self) -> Any:
        """Fermi velocity ``v_F = p_F / m``."""
        return self.fermi_momentum / self.mass

    @property
    def fermi_energy(self) -> Any:
        """Fermi energy ``eps_F = p_F**2 / 2m``."""
        return self.fermi_momentum**2 / (2 * self.mass)

    @property
    def density_of_states(self) -> Any:
        """Density of states per spin, ``N_0 = m / 2 pi``."""
        return self.mass / (2 * math.pi)

    @property
    def density(self) -> Any:
        """Density per spin, ``n = N_0 eps_F``."""
        return self.density_of_states * self.fermi_energy


@dataclass(frozen=True)
class RelaxationRates(Record):
    """Relaxation rates of the averages over the Fermi circle, in 1/time.

    Attributes
    ----------
    transport : float
        Rate of the charge current, ``<1 - cos> / tau_D``.
    elliott_yafet : tuple (x, y, z)
        Elliott-Yafet rates of the three spin components.
    dyakonov_perel : tuple (x, y, z)
        Dyakonov-Perel rates: motional narrowing in the Rashba field minus the gain by precession
        scattering.
    """

    transport: Any
    elliott_yafet: tuple[Any, Any, Any]
    dyakonov_perel: tuple[Any, Any, Any]

    @property
    def total(self) -> tuple[Any, ...]:
        """Sums of the Elliott-Yafet and Dyakonov-Perel rates, (x, y, z); equation [qbe 27]."""
        return tuple(a + b for a, b in zip(self.elliott_yafet, self.dyakonov_perel))


def relaxation_rates(
    electrons: Electrons, disorder: Disorder, convention: str | Convention = "consistent"
) -> RelaxationRates:
    """All relaxation rates; equations [qbe 18], [qbe 19], [qbe 27].

    ::

        1/tau_EY^z     = 4 lambda_xy**2 <1 + cos> / tau_D
        1/tau_EY^{x,y} = (2 lambda_xy**2 <1 + cos> + 2 lambda_z**2 <sin**2>) / tau_D
        1/tau_DP^{x,y} = 2 tau_tr ((alpha p_F)**2 - (2 lambda_xy lambda_z <sin**2> / tau_D)**2)
        1/tau_DP^z     = 4 tau_tr (alpha p_F)**2

    where ``<1 + cos> = 1`` and ``<sin**2> = 1/2`` for s-wave. The in-plane sum is the
    projection of [qbe B16] and [qbe B17] on the uniform spin; the paper has ``6 lambda_xy**2`` in
    [qbe 19], a number that no mode with ``|l| <= 1`` has.

    Parameters
    ----------
    electrons : Electrons
        Band.
    disorder : Disorder
        Disorder.
    convention : str or Convention
        Formulas as derived or as in the paper.

    Returns
    -------
    RelaxationRates

    Examples
    --------
    >>> from hopnet.boltzmann.collisions import Disorder
    >>> rates = relaxation_rates(Electrons(drude_time=2.0), Disorder(lambda_xy=0.1))
    >>> [round(float(rate), 12) for rate in rates.elliott_yafet]
    [0.01, 0.01, 0.02]
    """
    chosen = resolve_convention(convention)
    check_medium(electrons, disorder)
    cosine, sine_squared = angular_means(disorder)
    xy, z, tau = disorder.lambda_xy, disorder.lambda_z, electrons.drude_time
    flips = 6 if chosen.elliott_yafet else 2
    in_plane = (flips * xy**2 * (1 + cosine) + 2 * z**2 * sine_squared) / tau
    out_of_plane = 4 * xy**2 * (1 + cosine) / tau
    transport = (1 - cosine) / tau
    twice = 1 if chosen.magnetisation_row else 2
    field = electrons.rashba * electrons.fermi_momentum
    if chosen.precession_size:
        gain = (4 * xy * z / tau) ** 2 / transport
    else:
        gain = twice * (2 * xy * z * sine_squared / tau) ** 2 / transport
    narrowing = twice * field**2 / transport
    dyakonov_perel = (narrowing - gain, narrowing - gain, 2 * narrowing)
    return RelaxationRates(transport, (in_plane, in_plane, out_of_plane), dyakonov_perel)


def check_medium(electrons: Electrons, disorder: Disorder) -> None:
    """Refuse anything but a band and a disorder whose arrays fit together."""
    check_instance("electrons", electrons, Electrons)
    check_instance("disorder", disorder, Disorder)
    check_shapes(
        **vars(electrons),
        lambda_xy=disorder.lambda_xy,
        lambda_z=disorder.lambda_z,
        strength=disorder.strength,
    )


def check_single(electrons: Electrons, disorder: Disorder) -> None:
    """Refuse anything but a band and a disorder of single numbers."""
    check_medium(electrons, disorder)
    numbers = [*vars(electrons).values(), disorder.lambda_xy, disorder.lambda_z, disorder.strength]
    if any(np.ndim(value) for value in numbers):
        raise ParameterError(
            "electrons and disorder must hold single numbers here, got arrays; use a loop."
        )


def angular_means(disorder: Disorder) -> tuple[float, float]:
    """Means ``<cos>`` and ``<sin**2>`` with the scattering weight of the disorder."""
    weight = (*disorder.weight, 0.0, 0.0)
    return weight[1] / 2, 0.5 - weight[2] / 4
