"""Hanle laws and alternating currents: the induced spin in a field and at a frequency."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from hopnet.checks import one_of
from hopnet.errors import ParameterError
from hopnet.network.network import Network
from hopnet.records import Record, read_only
from hopnet.spin.coefficients import check_spin_orbit
from hopnet.spin.equations import check_generation, spin_equations
from hopnet.spin.response import (
    LARGEST,
    FrequencyCurve,
    check_one_time,
    check_range,
    check_tolerance,
    response_and_error,
)
from hopnet.transport.current import Current

__all__ = ["HanleCurve", "ac_response", "hanle_curve"]


@dataclass(frozen=True, eq=False)
class HanleCurve(Record):
    """The induced spin across the current in a magnetic field, relative to that without a field.

    Attributes
    ----------
    field : float64[n], in 1/tau_0
        Precession frequencies omega = g mu_B B / hbar.
    tau_s : float, in tau_0
        The spin relaxation time.
    field_along : float64[n]
        The spin in a field along the current: Re [F / (1 + i omega tau_s)] / f, which is not a
        Lorentzian.
    field_across : float64[n]
        The spin in a field across the current, along the induced spin: Re F / f, which rises to
        f_drift / f.
    field_normal : float64[n]
        The spin in a field normal to the plane: the Lorentzian 1 / (1 + (omega tau_s)^2), and the
        rotation of the spin along the current if ``spin_orbit`` was given.
    f, f_drift : float
        f at tau_s and at 0.
    f_along_current : float
        F(1/tau_s) of the moment along the current.
    numerical_error : float64[n]
        Absolute error of ``field_along`` and ``field_across``.
    """

    table_row: ClassVar[str] = "field"
    table_columns: ClassVar[tuple[str, ...]] = (
        "field",
        "field_along",
        "field_across",
        "field_normal",
        "numerical_error",
    )

    field: np.ndarray
    tau_s: float
    field_along: np.ndarray
    field_across: np.ndarray
    field_normal: np.ndarray
    f: float
    f_drift: float
    f_along_current: float
    numerical_error: np.ndarray


def hanle_curve(
    network: Network,
    tau_s: float,
    field: ArrayLike,
    *,
    current: Current | None = None,
    spin_orbit: ArrayLike | None = None,
    method: str = "model",
    tolerance: float = 1e-5,
    threads: int | None = None,
) -> HanleCurve:
    """The three Hanle laws of current-induced spin.

    With z = 1/tau_s + i omega and s the spin across the current, to leading order in spin-orbit
    coupling::

        B along the current    s / s_0 = Re [F(z) / (1 + i omega tau_s)] / f
        B across it            s / s_0 = Re F(z) / f
        B normal to the plane  s / s_0 = (1 + omega tau_s s_x0 / s_0) / (1 + (omega tau_s)^2)

    Parameters
    ----------
    network : Network
        An open sample or a cylinder, with any energies.
    tau_s : float, in tau_0
        The spin relaxation time.
    field : array_like, in 1/tau_0
        Precession frequencies of either sign.
    current : Current, optional
        The current of this network; it is solved for if it is not given.
    spin_orbit : array_like[2, 2], optional
        M with zero diagonal, in axes along and across the current. It gives the spin along the
        current, s_x0 / s_0 = -(M_yx f_along_current) / (M_xy f). By default this part is left
        out, because it vanishes in large samples.
    method : {"model", "exact"}
        "model" takes the reduced model of `spin_response`, and "exact" one complex factor per
        field. Exact factors replace the model where it does not reach ``tolerance``.
    tolerance : float
        Error that the model may have, in units of f_drift.
    threads : int, optional
        Number of threads. The result does not depend on it.

    Returns
    -------
    HanleCurve

    Notes
    -----
    Valid for tau_s much shorter than the Dyakonov-Perel time, and in axes in which M has no
    diagonal (Rashba; Rashba and Dresselhaus in axes along <110>).

    Examples
    --------
    >>> import hopnet as hn
    >>> network = hn.build_network(hn.random_sites(1000, density=0.05, seed=1))
    >>> curve = hn.hanle_curve(network, 100, [0, 0.1, 1])
    >>> bool(curve.field_across[2] > curve.field_across[1] > 1 > curve.field_along[1])
    True
    """
    tau_s = check_one_time(tau_s)
    omega = check_range("field", field, low=-LARGEST)
    one_of("method", method, ("model", "exact"))
    tolerance = check_tolerance(tolerance)
    matrix = None if spin_orbit is None else check_spin_orbit(spin_orbit)
    equations = spin_equations(network, current, threads=threads)
    check_generation(equations)
    rate = np.append(1.0 / tau_s + 1j * omega, 1.0 / tau_s)
    F, along_current, error = response_and_error(equations, rate, method, tolerance)
    f, f_along_current = float(F[-1].real), float(along_current[-1].real)
    turned = 0.0
    if matrix is not None:
        M_yx, M_xy = couplings_of_axes(matrix, network.axis)
        turned = -(M_yx * f_along_current) / (M_xy * f)
    precession = omega * tau_s
    return HanleCurve(
        field=read_only(omega),
        tau_s=tau_s,
        field_along=read_only((F[:-1] / (1 + 1j * precession)).real / f),
        field_across=read_only(F[:-1].real / f),
        field_normal=read_only((1 + turned * precession) / (1 + precession**2)),
        f=f,
        f_drift=equations.generation.f_drift,
        f_along_current=f_along_current,
        numerical_error=read_only(error[:-1] / abs(f)),
    )


def couplings_of_axes(matrix: np.ndarray, axis: str) -> tuple[float, float]:
    """M_yx and M_xy in axes along and across the current, for a matrix M without a diagonal."""
    if matrix[0, 0] or matrix[1, 1] or not (matrix[0, 1] and matrix[1, 0]):
        raise ParameterError(
            "the Hanle laws need spin_orbit with a zero diagonal and two other elements that are "
            f"not zero, got {matrix.tolist()}; turn the axes, or use solve_kinetics(field=)."
        )
    if axis == "y":  # the same matrix in axes that are turned with the current
        return float(matrix[0, 1]), float(matrix[1, 0])
    return float(matrix[1, 0]), float(matrix[0, 1])


def ac_response(
    network: Network,
    tau_s: float,
    frequency: ArrayLike,
    *,
    current: Current | None = None,
    tolerance: float = 1e-5,
    threads: int | None = None,
) -> FrequencyCurve:
    """Amplitude of the induced spin under an alternating current, relative to a steady one.

    s(omega) / s(0) = F(1/tau_s - i omega) / [f (1 - i omega tau_s)], time factor exp(-i omega t).

    Parameters
    ----------
    network : Network
    tau_s : float, in tau_0
        The spin relaxation time.
    frequency : array_like >= 0, in 1/tau_0
        Frequencies omega. They must be below the rate at which Coulomb forces restore neutrality,
        because the current is assumed to follow without delay. Without such forces charge follows
        no faster than spins hop, and the law holds for the slowest currents only.
    current : Current, optional
        The current of this network; it is solved for if it is not given.
    tolerance : float
        Error that F may have, in units of f_drift.
    threads : int, optional
        Number of threads. The result does not depend on it.

    Returns
    -------
    FrequencyCurve
    """
    tau_s = check_one_time(tau_s)
    omega = check_range("frequency", frequency)
    tolerance = check_tolerance(tolerance)
    equations = spin_equations(network, current, threads=threads)
    check_generation(equations)
    rate = np.append(1.0 / tau_s - 1j * omega, 1.0 / tau_s)
    F, _, error = response_and_error(equations, rate, "model", tolerance)
    value = F[:-1] / (F[-1].real * (1 - 1j * omega * tau_s))
    relative = error[-1] / abs(F[-1].real)
    own = error[:-1] / np.abs(F[-1].real * (1 - 1j * omega * tau_s))
    return FrequencyCurve(
        frequency=read_only(omega),
        value=read_only(value, np.complex128),
        numerical_error=read_only(own + relative * np.abs(value)),
    )
