"""All orders in the exchange: the diffusion equation with the torque (2J/hbar) rho x S itself."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.sparse.linalg import LinearOperator, gmres

from hopnet.errors import ConvergenceError, ParameterError
from hopnet.pumping.diffusion import Field, build_frame
from hopnet.pumping.texture import TimeSeries


@dataclass(frozen=True, eq=False, repr=False)
class AllOrders:
    """Spin density and torque at all orders in the exchange.

    Attributes
    ----------
    density : Field
        rho_s.
    torque : Field
        ``(2J/hbar) rho_s x S``, the definition [pumping A1].
    residual : float
        Relative, of the diffusion equation.
    iterations : int
    """

    density: Field
    torque: Field
    residual: float
    iterations: int


def spiral_all_orders(medium, wave_number, frequency, cone_angle):
    """The density under a spiral, all orders in the exchange: three linear equations.

    ``rho_+ = plus exp(i (frequency t - q x))`` and a constant ``rho_z`` solve::

        (D q^2 + i W + 1/tau_s) rho_+ = chi (D q^2 + 1/tau_s) s + i w (rho_z s - c rho_+)
                     (1/tau_s) rho_z = chi c / tau_s + w Im(rho_+^* s)

    with ``w = 2J/hbar``, ``s = sin(cone_angle)``, ``c = cos(cone_angle)``: the diffusion equation
    [pumping 12] with the torque of [pumping A1].

    Parameters
    ----------
    medium : Medium
    wave_number, frequency, cone_angle : float

    Returns
    -------
    complex, float
        ``plus`` and ``rho_z``.

    Examples
    --------
    >>> from hopnet.pumping.medium import Medium
    >>> medium = Medium(exchange=0.3, tau=0.7, density_of_states=1.3, fermi_energy=2.0, tau_s=3.0)
    >>> plus, z = spiral_all_orders(medium, 1.0, 0.0, np.pi / 3)  # at rest: chi S
    >>> round(abs(plus), 6), round(z, 6)
    (0.33775, 0.195)
    """
    s, c = math.sin(cone_angle), math.cos(cone_angle)
    w, chi = 2 * medium.exchange / medium.hbar, medium.equilibrium_density
    relaxation = medium.relaxation
    stiffness = medium.diffusion * wave_number**2 + relaxation
    # unknowns Re rho_+, Im rho_+, rho_z
    matrix = np.array(
        [
            [stiffness, -frequency - w * c, 0.0],
            [frequency + w * c, stiffness, -w * s],
            [0.0, w * s, relaxation],
        ]
    )
    real, imaginary, z = np.linalg.solve(matrix, [chi * stiffness * s, 0.0, chi * relaxation * c])
    return complex(real, imaginary), float(z)


def solve_all_orders(texture, medium, *, tolerance=1e-10, dealias=False, threads=1):
    """The spin density under any texture, all orders in the exchange, by GMRES.

    The departure from equilibrium, ``rho = chi S + u``, obeys [pumping 12] with the torque of
    [pumping A1] in place of its expansion::

        d_t u - D lap u + u/tau_s = - chi dS/dt + (2J/hbar) u x S

    Each step of GMRES applies the diffusion propagator [pumping 6] to the torque.

    Parameters
    ----------
    texture : RigidTexture or PeriodicTexture
    medium : Medium
        With spin relaxation: without, the mean spin has no unique value.
    tolerance : float
        Of the relative residual.
    dealias : bool
    threads : int

    Returns
    -------
    AllOrders

    Raises
    ------
    ParameterError
        For a time series, or no relaxation.
    ConvergenceError
        If the residual stays above `tolerance`.

    Notes
    -----
    `pump` with ``vertex="full"`` is its expansion to second order in J; ``"single"`` is not.
    """
    if isinstance(texture, TimeSeries) or not medium.relaxation:
        raise ParameterError(
            "solve_all_orders needs a rigid or periodic texture and a finite tau_s, got "
            f"{type(texture).__name__} and tau_s={medium.tau_s!r}; give tau_s."
        )
    frame, spin = build_frame(texture, dealias=dealias, threads=threads)
    hats = [m.forward(a) for m, a in zip(frame.vector, spin)]
    spin = tuple(m.backward(a) for m, a in zip(frame.vector, hats))
    turning = 2 * medium.exchange / medium.hbar

    def diffused(hat, modes, **strength):
        return modes.backward(
            modes.respond(hat, None, hat, medium.diffusion, medium.relaxation, **strength)
        )

    start = [diffused(h, m, rate=-medium.equilibrium_density) for m, h in zip(frame.vector, hats)]
    shapes = [(a.shape, a.dtype) for a in start]

    def packed(parts):
        return np.concatenate([np.ascontiguousarray(a).ravel().view(float) for a in parts])

    def unpacked(vector):
        parts, first = [], 0
        for shape, dtype in shapes:
            n = math.prod(shape) * (2 if dtype.kind == "c" else 1)
            parts.append(vector[first : first + n].view(dtype).reshape(shape))
            first += n
        return tuple(parts)

    def apply(vector):
        u = unpacked(np.ascontiguousarray(vector))
        torque = frame.cross(u, spin)
        return vector - packed(
            diffused(m.forward(t), m, drive=turning) for m, t in zip(frame.vector, torque)
        )

    right = packed(start)
    count = []
    operator = LinearOperator((right.size, right.size), matvec=apply, dtype=float)
    u, _ = gmres(
        operator,
        right,
        rtol=0.1 * tolerance,
        restart=60,
        maxiter=20,
        callback=count.append,
        callback_type="pr_norm",
    )
    size = float(np.linalg.norm(right))
    residual = float(np.linalg.norm(apply(u) - right)) / size if size > 0 else 0.0
    rho = tuple(p + medium.equilibrium_density * s for p, s in zip(unpacked(u), spin))
    torque = tuple(turning * t for t in frame.cross(rho, spin))
    result = AllOrders(
        Field(frame, (rho,), vector=True),
        Field(frame, (torque,), vector=True),
        residual,
        len(count),
    )
    if not residual <= tolerance:
        raise ConvergenceError(
            f"the density at all orders must converge to {tolerance:.1g}, got {residual:.2g} after "
            f"{len(count)} iterations; lower the exchange or raise 1/tau_s.",
            estimate=result,
            residual=residual,
            iterations=len(count),
        )
    return result


def compare_orders(medium, wave_number, frequency, cone_angle, strengths):
    """The steady torque on a spiral, second order over all orders in the exchange.

    Parameters
    ----------
    medium : Medium
        With relaxation; its exchange is replaced.
    wave_number, frequency, cone_angle : float
    strengths : list of float
        Values of ``(2J/hbar) / |D q^2 + i Omega + 1/tau_s|``.

    Returns
    -------
    list of dict
        ``strength``, ``rate_tau`` (that modulus times tau), and the ratios ``single``, ``full``:
        as the strength falls "full" tends to 1, "single" to
        ``|D q^2 + i Omega + 1/tau_s|^2 tau / (D q^2 + 1/tau_s)``.

    Examples
    --------
    >>> from hopnet.pumping.medium import Medium
    >>> medium = Medium(exchange=0.3, tau=0.1, density_of_states=1.3, fermi_energy=2.0, tau_s=3.0)
    >>> row = compare_orders(medium, 1.0, 0.4, np.pi / 2, [1e-3])[0]
    >>> round(row["full"], 4), round(row["single"], 4)
    (1.0, 0.081)
    """
    real = medium.diffusion * wave_number**2 + medium.relaxation
    modulus = abs(complex(real, frequency))
    s = math.sin(cone_angle)
    rows = []
    for strength in strengths:
        exchange = 0.5 * medium.hbar * strength * modulus
        gas = medium.with_(exchange=exchange)
        plus, _ = spiral_all_orders(gas, wave_number, frequency, cone_angle)
        exact = strength * modulus * s * -plus.imag
        single = gas.torque_coefficient * frequency * s**2
        full = single * real / (gas.tau * modulus**2)
        rows.append(
            {
                "strength": float(strength),
                "rate_tau": modulus * medium.tau,
                "single": single / exact,
                "full": full / exact,
            }
        )
    return rows
