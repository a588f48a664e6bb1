"""The Rashba gas: a parabolic band with Rashba splitting and spin-orbit disorder.

Units: hbar = e = 1 and the field is 1 along x. The Hamiltonian is ``H = p**2/2m +
(alpha/2)(sigma_x p_y - sigma_y p_x)``. The splitting coefficient alpha of this half of the room
is twice the Rashba velocity of `hopnet.boltzmann.response.Electrons`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from hopnet import checks
from hopnet.boltzmann.checks import number, positive
from hopnet.errors import ParameterError
from hopnet.records import Record

__all__ = ["UNIVERSAL", "RashbaGas"]

UNIVERSAL = 1 / (8 * math.pi)  # e E / 8 pi: the size of each of the two parts of q_yz


@dataclass(frozen=True)
class RashbaGas(Record):
    """A parabolic band with Rashba splitting and its spin-orbit disorder; [rashba 1].

    Attributes
    ----------
    splitting : float, velocity
        Coefficient alpha of ``(alpha/2)(sigma_x p_y - sigma_y p_x)``: the two bands are split by
        ``alpha p``. It is twice the ``rashba`` of `hopnet.boltzmann.response.Electrons`.
    fermi_energy : float, energy
        Fermi energy above the crossing of the bands. It must be positive: both bands are occupied.
    mass : float
        Effective mass.
    lambda_xy, lambda_z : float
        Strengths of the Rashba and of the Mott vertex of the disorder on unit momenta (see
        `hopnet.boltzmann.collisions.Disorder`), to all orders in the gain and in the loss. The
        field (side-jump) terms of the spin-orbit disorder are not in this kernel. With
        ``lambda_z > 0``, or with ``lambda_xy`` of the sign opposite to the splitting, a relaxation
        rate can become negative at small momenta. The response is then a principal value; see
        `hopnet.boltzmann.rashba.solve_rashba`.
    skew : float
        Coefficient kappa of an amplitude ``U (1 + kappa sin(theta) sigma_z)``, to first order in
        the gain only. Beyond 1/2 the probability becomes negative, and `solve_rashba` warns.
    interband : bool
        True: scattering within and between the bands. False: the smooth limit, in which
        electrons are scattered within a band only.

    Raises
    ------
    ParameterError
        If a number is not real and finite, or if the mass or the Fermi energy is not positive.
    """

    splitting: float
    fermi_energy: float = 0.5
    mass: float = 1.0
    lambda_xy: float = 0.0
    lambda_z: float = 0.0
    skew: float = 0.0
    interband: bool = True

    def __post_init__(self) -> None:
        for name in ("splitting", "lambda_xy", "lambda_z", "skew"):
            object.__setattr__(self, name, number(name, getattr(self, name)))
        object.__setattr__(self, "mass", positive("mass", self.mass))
        if not number("fermi_energy", self.fermi_energy) > 0:
            raise ParameterError(
                "fermi_energy must be positive, so that both bands are occupied, got "
                f"{self.fermi_energy!r}; the single-band case is not treated."
            )
        object.__setattr__(self, "fermi_energy", positive("fermi_energy", self.fermi_energy))
        object.__setattr__(self, "interband", checks.flag("interband", self.interband))

    @property
    def absolute_splitting(self) -> float:
        """Modulus of the splitting coefficient, ``|alpha|``."""
        return abs(self.splitting)

    @property
    def momentum_splitting(self) -> float:
        """Difference of the two Fermi momenta, ``d = m |alpha| = p_F^- - p_F^+``."""
        return self.mass * self.absolute_splitting

    @property
    def fermi_momenta(self) -> tuple[float, float]:
        """Fermi momenta p_F^+ and p_F^-, ``-+ d/2 + (2 m E_F + d**2/4)**0.5``."""
        root = math.sqrt(2 * self.mass * self.fermi_energy + self.momentum_splitting**2 / 4)
        half = self.momentum_splitting / 2
        plus = 2 * self.mass * self.fermi_energy / (root + half)
        return plus, root + half

    @property
    def density(self) -> float:
        """Density of electrons of both spins, ``(p_F^+**2 + p_F^-**2) / 4 pi``."""
        plus, minus = self.fermi_momenta
        return (plus**2 + minus**2) / (4 * math.pi)

    def edelstein(self, time: float) -> float:
        """Spin density of weak coupling, ``N_0 (alpha/2) tau``: the natural unit of S_y.

        Parameters
        ----------
        time : float
            Lifetime tau.
        """
        return self.mass / (2 * math.pi) * self.splitting / 2 * number("time", time)
