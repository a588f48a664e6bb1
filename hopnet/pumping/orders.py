"""All orders in the exchange: the diffusion equation with the torque (2J/hbar) rho x S itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse.linalg import LinearOperator, gmres

from hopnet.errors import ConvergenceError, ParameterError
from hopnet.pumping.diffusion import Modes
from hopnet.pumping.fields import Field, Frame, build_frame
from hopnet.pumping.inputs import calculation, finite, instance, positive, real_numbers
from hopnet.pumping.medium import Medium
from hopnet.pumping.texture import PeriodicTexture, RigidTexture, TimeSeries
from hopnet.records import Record

__all__ = [
    "AllOrders",
    "OrderRatios",
    "compare_orders",
    "solve_all_orders",
    "spiral_all_orders",
]

# Krylov vectors kept by GMRES between restarts, and restarts. 60 vectors take 120 times the memory
# of the density; fewer would need more iterations. 20 restarts (1200 iterations) are far beyond
# what converges at all; fewer would stop hard cases too early.
KRYLOV_VECTORS, RESTARTS = 60, 20
# The residual that GMRES minimises is a tenth of the tolerance, since the true residual, which is
# computed at the end, may exceed it by rounding.
INNER = 0.1


@dataclass(frozen=True, eq=False, repr=False)
class AllOrders(Record):
    """Spin density and torque at all orders in the exchange.

    Attributes
    ----------
    density : Field
        Spin density rho_s.
    torque : Field
        Torque ``(2J/hbar) rho_s x S``, the definition [pumping A1].
    residual : float
        Relative residual of the diffusion equation.
    iterations : int
        Iterations of GMRES.
    """

    density: Field
    torque: Field
    residual: float
    iterations: int


def spiral_all_orders(
    medium: Medium, wave_number: float, frequency: float, cone_angle: float
) -> tuple[complex, float]:
    """The density under a spiral at all orders in the exchange: three linear equations.

    ``rho_+ = plus exp(i (frequency t - q x))`` and a constant ``rho_z`` solve::

        (D q^2 + i W + 1/tau_s) rho_+ = chi (D q^2 + 1/tau_s) s + i w (rho_z s - c rho_+)
                     (1/tau_s) rho_z = chi c / tau_s + w Im(rho_+^* s)

    with ``w = 2J/hbar``, ``s = sin(cone_angle)``, ``c = cos(cone_angle)``: the diffusion equation
    [pumping 12] with the torque of [pumping A1].

    Parameters
    ----------
    medium : Medium
        The electron gas.
    wave_number : float, 1/length
        Wave number q of the spiral.
    frequency : float, 1/time
        Angular frequency W.
    cone_angle : float
        Angle between S and the z axis.

    Returns
    -------
    complex, float
        The amplitude ``plus`` and ``rho_z``.

    Raises
    ------
    ParameterError
        If the equations have no unique solution, or overflow.

    Examples
    --------
    >>> from hopnet.pumping.medium import Medium
    >>> medium = Medium(exchange=0.3, tau=0.7, density_of_states=1.3, fermi_energy=2.0, tau_s=3.0)
    >>> plus, z = spiral_all_orders(medium, 1.0, 0.0, np.pi / 3)  # at rest: chi S
    >>> round(abs(plus), 6), round(z, 6)
    (0.33775, 0.195)
    """
    instance("medium", medium, (Medium,), "build one with hopnet.pumping.Medium")
    wave_number, frequency = finite("wave_number", wave_number), finite("frequency", frequency)
    cone_angle = finite("cone_angle", cone_angle)
    s, c = math.sin(cone_angle), math.cos(cone_angle)
    w, chi = 2 * medium.exchange / medium.hbar, medium.equilibrium_density
    relaxation = medium.relaxation
    with calculation("the density", "give numbers of ordinary size, and tau_s") as check:
        stiffness = medium.diffusion * wave_number**2 + relaxation
        # Unknowns: Re rho_+, Im rho_+, rho_z.
        matrix = np.array(
            [
                [stiffness, -frequency - w * c, 0.0],
                [frequency + w * c, stiffness, -w * s],
                [0.0, w * s, relaxation],
            ]
        )
        right = [chi * stiffness * s, 0.0, chi * relaxation * c]
        check(matrix, right)
        real, imaginary, z = np.linalg.solve(matrix, right)
        check(real, imaginary, z)
    return complex(real, imaginary), float(z)


class ImplicitTorque:
    """The equation ``u - <(2J/hbar) u x S> = start`` as GMRES takes it: vectors of real numbers.

    Parameters
    ----------
    frame : Frame
        How fields of the texture are stored.
    spin : tuple of arrays
        Components of S on the grid.
    medium : Medium
        The electron gas.
    like : list of arrays
        Components of a density, whose shapes and types those of every density are.
    """

    def __init__(
        self, frame: Frame, spin: tuple[np.ndarray, ...], medium: Medium, like: list[np.ndarray]
    ) -> None:
        self.frame, self.spin, self.medium = frame, spin, medium
        self.shapes = [(a.shape, a.dtype) for a in like]
        self.turning = 2 * medium.exchange / medium.hbar

    def packed(self, parts: Sequence[np.ndarray]) -> np.ndarray:
        """The components in one vector of real numbers."""
        return np.concatenate([np.ascontiguousarray(a).ravel().view(float) for a in parts])

    def unpacked(self, vector: np.ndarray) -> tuple[np.ndarray, ...]:
        """The components that a vector holds."""
        parts, first = [], 0
        for shape, dtype in self.shapes:
            n = math.prod(shape) * (2 if dtype.kind == "c" else 1)
            parts.append(vector[first : first + n].view(dtype).reshape(shape))
            first += n
        return tuple(parts)

    def __call__(self, vector: np.ndarray) -> np.ndarray:
        """The left-hand side for a vector."""
        u = self.unpacked(np.ascontiguousarray(vector))
        torque = self.frame.cross(u, self.spin)
        return vector - self.packed(
            [
                diffused(m.forward(t), m, self.medium, drive=self.turning)
                for m, t in zip(self.frame.vector, torque)
            ]
        )


def diffused(
    hat: np.ndarray, modes: Modes, medium: Medium, *, rate: float = 0.0, drive: float = 0.0
) -> np.ndarray:
    """The diffusive response [pumping 6] to given amplitudes, on the grid."""
    return modes.backward(
        modes.respond(hat, None, hat, medium.diffusion, medium.relaxation, rate=rate, drive=drive)
    )


def solve_all_orders(
    texture: RigidTexture | PeriodicTexture,
    medium: Medium,
    *,
    tolerance: float = 1e-10,
    dealias: bool = False,
    threads: int = 1,
) -> AllOrders:
    """The spin density under any texture at all orders in the exchange, by GMRES.

    The departure from equilibrium, ``rho = chi S + u``, obeys [pumping 12] with the torque of
    [pumping A1] instead of its expansion::

        d_t u - D lap u + u/tau_s = - chi dS/dt + (2J/hbar) u x S

    Each step of GMRES applies the diffusion propagator [pumping 6] to the torque.

    Parameters
    ----------
    texture : RigidTexture or PeriodicTexture
        The magnetisation.
    medium : Medium
        The electron gas, with spin relaxation: without it the mean spin has no unique value.
    tolerance : float
        Largest relative residual.
    dealias : bool
        As in `pump`.
    threads : int
        Threads of the Fourier transforms.

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
    instance("medium", medium, (Medium,), "build one with hopnet.pumping.Medium")
    tolerance = positive("tolerance", tolerance)
    if isinstance(texture, TimeSeries) or not medium.relaxation:
        raise ParameterError(
            "solve_all_orders needs a rigid or periodic texture and a finite tau_s, got "
            f"{type(texture).__name__} and tau_s={medium.tau_s!r}; give tau_s."
        )
    frame, spin = build_frame(texture, dealias=dealias, threads=threads)
    with calculation("the density", "give spins of ordinary size") as check:
        hats = [m.forward(a) for m, a in zip(frame.vector, spin)]
        spin = tuple(m.backward(a) for m, a in zip(frame.vector, hats))
        rate = -medium.equilibrium_density
        start = [diffused(h, m, medium, rate=rate) for m, h in zip(frame.vector, hats)]
        equation = ImplicitTorque(frame, spin, medium, start)
        right = equation.packed(start)
        size = float(np.linalg.norm(right))
        check(size)
        u, iterations = by_gmres(equation, right, tolerance)
        residual = float(np.linalg.norm(equation(u) - right)) / size if size > 0 else 0.0
    rho = tuple(p + medium.equilibrium_density * s for p, s in zip(equation.unpacked(u), spin))
    torque = tuple(equation.turning * t for t in frame.cross(rho, spin))
    result = AllOrders(
        Field(frame, (rho,), vector=True),
        Field(frame, (torque,), vector=True),
        residual,
        iterations,
    )
    if not residual <= tolerance:
        raise ConvergenceError(
            f"the density at all orders must converge to {tolerance:.1g}, got {residual:.2g} after "
            f"{iterations} iterations; lower the exchange or raise 1/tau_s.",
            estimate=result,
            residual=residual,
            iterations=iterations,
        )
    return result


def by_gmres(
    equation: ImplicitTorque, right: np.ndarray, tolerance: float
) -> tuple[np.ndarray, int]:
    """Solution of an equation by GMRES, and the number of iterations."""
    count: list[float] = []
    operator = LinearOperator((right.size, right.size), matvec=equation, dtype=float)
    u, _ = gmres(
        operator,
        right,
        rtol=INNER * tolerance,
        restart=KRYLOV_VECTORS,
        maxiter=RESTARTS,
        callback=count.append,
        callback_type="pr_norm",
    )
    return u, len(count)


class OrderRatios(NamedTuple):
    """The steady torque on a spiral to second order, over that at all orders in the exchange.

    Attributes
    ----------
    strength : float
        Value of ``(2J/hbar) / |D q^2 + i Omega + 1/tau_s|``.
    rate_tau : float
        The modulus ``|D q^2 + i Omega + 1/tau_s|`` times tau.
    single, full : float
        Ratio for each vertex. As the strength falls "full" tends to 1, and "single" to
        ``|D q^2 + i Omega + 1/tau_s|^2 tau / (D q^2 + 1/tau_s)``.
    """

    strength: float
    rate_tau: float
    single: float
    full: float


def compare_orders(
    medium: Medium,
    wave_number: float,
    frequency: float,
    cone_angle: float,
    strengths: npt.ArrayLike,
) -> list[OrderRatios]:
    """The steady torque on a spiral, second order over all orders in the exchange.

    Parameters
    ----------
    medium : Medium
        The electron gas, with relaxation; its exchange is replaced.
    wave_number, frequency, cone_angle : float
        As in `spiral_all_orders`; none of them may be such that no torque acts.
    strengths : list of float
        Positive values of ``(2J/hbar) / |D q^2 + i Omega + 1/tau_s|``.

    Returns
    -------
    list of OrderRatios

    Raises
    ------
    ParameterError
        If the torque vanishes or underflows, so that a ratio is not a number.

    Examples
    --------
    >>> from hopnet.pumping.medium import Medium
    >>> medium = Medium(exchange=0.3, tau=0.1, density_of_states=1.3, fermi_energy=2.0, tau_s=3.0)
    >>> row = compare_orders(medium, 1.0, 0.4, np.pi / 2, [1e-3])[0]
    >>> round(row.full, 4), round(row.single, 4)
    (1.0, 0.081)
    """
    instance("medium", medium, (Medium,), "build one with hopnet.pumping.Medium")
    wave_number, frequency = finite("wave_number", wave_number), finite("frequency", frequency)
    cone_angle = finite("cone_angle", cone_angle)
    advice = "give a frequency and a cone_angle at which a torque acts"
    with calculation("the ratio of the torques", advice) as check:
        real = medium.diffusion * wave_number**2 + medium.relaxation
        modulus = abs(complex(real, frequency))
        s = math.sin(cone_angle)
        rows = []
        for strength in real_numbers("strengths", strengths):
            exchange = 0.5 * medium.hbar * strength * modulus
            gas = replace(medium, exchange=exchange)
            plus, _ = spiral_all_orders(gas, wave_number, frequency, cone_angle)
            exact = strength * modulus * s * -plus.imag
            single = gas.torque_coefficient * frequency * s**2
            full = single * real / (gas.tau * modulus**2)
            row = OrderRatios(strength, modulus * medium.tau, single / exact, full / exact)
            # A torque of 0 or of few digits makes the ratio wrong without making it infinite.
            lost = min(abs(single), abs(full), abs(exact)) < np.finfo(float).tiny
            check(row, math.nan if lost else 0.0)
            rows.append(row)
    return rows
