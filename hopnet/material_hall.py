"""Hall mobility and Hall coefficient of a material in SI units."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.constants import e, hbar

from hopnet.checks import instance_of, is_real, number, one_of, shown
from hopnet.errors import ParameterError
from hopnet.material import LARGEST, Material, check_in_range, sheet_resistivity
from hopnet.records import Record

__all__ = ["LARGEST_FLUX", "HallResponse", "hall_response"]

# Flux through an equilateral triad of side l_c, in radian, up to which the Hall effect counts as
# linear: sin(0.1) differs from 0.1 by 0.2 %. A larger bound would hide the orders that are left
# out.
LARGEST_FLUX = 0.1


@dataclass(frozen=True)
class HallResponse(Record):
    """Hall response of a material in SI units, to first order in the magnetic field.

    Attributes
    ----------
    angle_per_tesla : float, 1/T
        tan(theta_H) / B. Positive: charge flowing along +x is deflected to +y by B along +z.
    mobility : float, m^2/(V s)
        Hall mobility, the modulus of ``angle_per_tesla``.
    coefficient : float, m^2/C
        Sheet Hall coefficient R_H = E_y / (j_x B), 1/(q n) for free carriers of charge q.
    resistivity : float, Ohm
        The sheet resistivity that was used.
    apparent_density : float, 1/m^2
        1 / (e abs(R_H)): the density that a Hall measurement seems to show.
    """

    angle_per_tesla: float
    mobility: float
    coefficient: float
    resistivity: float
    apparent_density: float


def hall_response(
    material: Material,
    tangent: float,
    *,
    resistivity: str | float = "percolation",
    carrier: str = "electron",
    amplitude_sign: int = -1,
    field: float | None = None,
) -> HallResponse:
    """Hall mobility and Hall coefficient of a material.

    Equation [hall 6], with t = tan(theta_H) / (eta b) of `hopnet.hall_angle`, q the charge of the
    carriers and J_0 with its sign::

        tan(theta_H) = (hbar / (J_0 tau_0)) (q B a_b^2 / hbar) t = (q a_b^2 / (J_0 tau_0)) B t
        mu_H = abs(tan(theta_H)) / B        R_H = - rho tan(theta_H) / B

    Parameters
    ----------
    material : Material
        The material in SI units. Its J_0 is the modulus of the amplitude.
    tangent : float
        tan(theta_H) / (eta b), from `hopnet.hall_angle`; n_s a_b^2 times the plateau of f.
    resistivity : float or str
        Sheet resistivity as in `conductivities`.
    carrier : {"electron", "hole"}
        Electrons carry -e, holes +e.
    amplitude_sign : {-1, 1}
        Sign of J_0. Bonding s states have a negative amplitude (-1): R_H then has the sign of free
        carriers of the same charge, the ordinary one. With a positive amplitude it is opposite, the
        anomalous Hall sign.
    field : float, T, optional
        Magnetic field, to check that the response is linear.

    Returns
    -------
    HallResponse

    Raises
    ------
    ParameterError
        If an argument is out of range, or if ``field`` puts more than 0.1 radian of flux through a
        triad of side l_c: the effect is then not linear in the field, and no other order is known.

    Notes
    -----
    Weak coupling to phonons. For classical white noise the angle doubles. The magnetoresistance of
    shrinking wave functions is `hopnet.transport.shrinkage`; other even orders are not computed.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.constants import e, m_e
    >>> letter = Material(a_b=10e-9, J_0=10e-3 * e, tau_0=10e-12, tau_s=100e-9, m=0.1 * m_e,
    ...                   n=1e14, n_s=2e15, beta=1e-12 * e * np.array([[0, 1], [1, 0]]), rho_0=50e3)
    >>> hall = hall_response(letter, 0.123)
    >>> round(hall.mobility * 1e4, 2), hall.coefficient < 0
    (1.23, True)
    """
    instance_of("material", material, Material, "make it with hopnet.Material")
    tangent = number("tangent", tangent, low=-LARGEST, high=LARGEST, hint="take it from hall_angle")
    one_of("carrier", carrier, ("electron", "hole"))
    if not is_real(amplitude_sign) or amplitude_sign not in (-1, 1):
        raise ParameterError(
            "amplitude_sign must be -1 or 1, the sign of J_0, got "
            f"{shown(amplitude_sign)}; bonding s states have -1."
        )
    if field is not None:
        field = number("field", field, low=-LARGEST, high=LARGEST, unit="T")
        flux = e * abs(field) / hbar * np.sqrt(3.0) / 4.0 * material.critical_length**2
        if flux > LARGEST_FLUX:
            raise ParameterError(
                f"the flux e B A / hbar through a triad of side l_c must be at most {LARGEST_FLUX} "
                f"for a linear Hall effect, got {flux:.3g} at {shown(field)} T; take a smaller "
                "field."
            )
    rho = sheet_resistivity(material, resistivity)
    charge = e if carrier == "hole" else -e
    unit = charge * material.a_b**2 / (amplitude_sign * material.J_0 * material.tau_0)
    per_tesla = unit * tangent
    coefficient = -rho * per_tesla
    check_in_range("R_H", coefficient, zero=True)
    return HallResponse(
        angle_per_tesla=per_tesla,
        mobility=abs(per_tesla),
        coefficient=coefficient,
        resistivity=rho,
        apparent_density=1.0 / (e * abs(coefficient)) if coefficient else np.inf,
    )
