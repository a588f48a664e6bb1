"""Charge from pumped spin: Rashba coupling and impurity spin-orbit scattering."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hopnet.checks import one_of
from hopnet.errors import ParameterError
from hopnet.pumping.crossover import kinetic_deficit
from hopnet.pumping.currents import Pumping
from hopnet.pumping.diffusion import Modes
from hopnet.pumping.fields import Field, Frame
from hopnet.pumping.inputs import calculation, instance, real_array, real_numbers
from hopnet.pumping.medium import Medium
from hopnet.records import Record

__all__ = [
    "LEVI_CIVITA",
    "ChargeResponse",
    "conversion_efficiency",
    "impurity",
    "impurity_density_printed",
    "rashba",
    "rashba_density_from_current",
]

# The antisymmetric tensor eps_{i j alpha}: flow i, field or flow of spin j, polarisation alpha.
LEVI_CIVITA = np.zeros((3, 3, 3))
LEVI_CIVITA[0, 1, 2] = LEVI_CIVITA[1, 2, 0] = LEVI_CIVITA[2, 0, 1] = 1.0
LEVI_CIVITA[0, 2, 1] = LEVI_CIVITA[2, 1, 0] = LEVI_CIVITA[1, 0, 2] = -1.0


@dataclass(frozen=True, eq=False, repr=False)
class ChargeResponse(Record):
    """Charge moved by spin: a local current, and the density that diffuses from it.

    The charge is that of diffusion, without screening; `screened_current` is the other limit. The
    propagator of charge never contains 1/tau_s.

    Attributes
    ----------
    pumping : Pumping
        The pumped spin that moves the charge.
    local_hat : tuple of 3 rows of amplitudes
        Local current along x, y and z. It may flow along an axis that the grid does not have.
    """

    pumping: Pumping
    local_hat: tuple[tuple[np.ndarray, ...], ...]

    def density_hat(self) -> list[np.ndarray]:
        """Amplitudes of the charge density ``- tau div<j_loc>`` [pumping B5]; their mean is 0."""
        return [
            modes.respond(hat, None, hat, self._diffusion, 0.0, drive=-1.0, relaxed=False)
            for modes, hat in zip(self._modes, self._divergence_hat())
        ]

    def local(self) -> Field:
        """The local current, first term of [pumping 25] or [pumping 30].

        Returns
        -------
        Field
            Three rows, in units of charge / (time area).
        """
        return self._field(self.local_hat)

    def density(self) -> Field:
        """The charge density, [pumping 26] or [pumping 31].

        Returns
        -------
        Field
            In units of charge / volume.
        """
        return Field(
            self._frame,
            (tuple(m.backward(a) for m, a in zip(self._modes, self.density_hat())),),
            vector=False,
        )

    def diffusive(self) -> Field:
        """The diffusive current ``- D grad rho_c``, last term of [pumping 25], [pumping 30]."""
        density = self.density_hat()
        rows = []
        for axis in range(3):
            if axis < len(self._frame.shape):
                rows.append(
                    [-self._diffusion * m.gradient(a, axis) for m, a in zip(self._modes, density)]
                )
            else:
                rows.append([np.zeros_like(a) for a in density])
        return self._field(rows)

    def current(self, electric_field: npt.ArrayLike = (0.0, 0.0, 0.0)) -> Field:
        """The whole charge current: Ohmic [pumping 18], plus the part driven by the spin.

        ``sigma_c E + j_loc - D grad rho_c``.

        Parameters
        ----------
        electric_field : three floats
            Uniform and static electric field.

        Returns
        -------
        Field
        """
        local, diffusive = self.local(), self.diffusive()
        ohmic = self.pumping.medium.conductivity * np.array(
            real_numbers("electric_field", electric_field, 3)
        )
        rows = []
        for push, a, b in zip(ohmic, local.rows, diffusive.rows):
            row = [x + y for x, y in zip(a, b)]
            row[-1] = row[-1] + push
            rows.append(tuple(row))
        return Field(self._frame, tuple(rows), vector=False, single=False)

    def screened_current(self) -> Field:
        """The current ``j_loc - grad lap^-1 div j_loc`` of a metal that screens all charge.

        Returns
        -------
        Field
        """
        source = self._divergence_hat()
        rows = [list(row) for row in self.local_hat]
        for n, modes in enumerate(self._modes):
            inverse = np.divide(1.0, modes.square, where=modes.square > 0, out=0 * modes.square)
            potential = -inverse[:, None] * source[n]
            for axis in range(len(self._frame.shape)):
                rows[axis][n] = rows[axis][n] - modes.gradient(potential, axis)
        return self._field(rows)

    def residual(self) -> float:
        """Relative residual of the conservation of charge, equation [pumping B6].

        Returns
        -------
        float
            It is rounding for rigid and periodic textures, and of second order in the time step
            for a series.
        """
        density, current = self.density(), self.current()
        total = largest = 0.0
        for n, modes in enumerate(self._modes):
            rate = modes.rate(modes.forward(density.rows[0][n]))
            flow = [
                modes.gradient(modes.forward(current.rows[axis][n]), axis)
                for axis in range(len(self._frame.shape))
            ]
            local = [modes.gradient(row[n], axis) for axis, row in self._grid_rows()]
            inner = slice(1, -1) if modes.time is not None else slice(None)
            total += np.sum(np.abs((rate + sum(flow))[:, inner]) ** 2)
            terms = [rate[:, inner], *(f[:, inner] for f in flow), *(f[:, inner] for f in local)]
            largest += max(np.sum(np.abs(term) ** 2) for term in terms)
        return float(np.sqrt(total / largest)) if largest > 0 else 0.0

    @property
    def _frame(self) -> Frame:
        return self.pumping.frame

    @property
    def _modes(self) -> tuple[Modes, ...]:
        return self.pumping.frame.scalar

    @property
    def _diffusion(self) -> float:
        return self.pumping.medium.diffusion

    def _divergence_hat(self) -> list[np.ndarray]:
        return [
            np.asarray(sum(modes.gradient(row[n], axis) for axis, row in self._grid_rows()))
            for n, modes in enumerate(self._modes)
        ]

    def _grid_rows(self) -> Iterable[tuple[int, tuple[np.ndarray, ...]]]:
        """Local current along the axes that the grid has, with the number of the axis."""
        return enumerate(self.local_hat[: len(self._frame.shape)])

    def _field(self, rows: Iterable[Sequence[np.ndarray]]) -> Field:
        return Field(
            self._frame,
            tuple(tuple(m.backward(a) for m, a in zip(self._modes, row)) for row in rows),
            vector=False,
            single=False,
        )


def rashba(pumping: Pumping, field: npt.ArrayLike | None = None) -> ChargeResponse:
    """The charge current of Rashba coupling, equations [pumping 24]-[pumping 26].

    ``j_loc = a_R x T_dy``, ``rho_c = - tau div<j_loc>_c``, ``j = j_loc - D grad rho_c``. The
    divergence form also conserves charge for a coupling that varies in space; the printed curl form
    of the density holds for a uniform one only. Not included is the current of first order in the
    exchange that a coupling varying in space adds: the paper mentions it without giving it.

    Parameters
    ----------
    pumping : Pumping
        The pumped spin. Its vertex gives the torque.
    field : three floats or float64[3, *shape], energy length, optional
        Rashba vector E_so, instead of that of the medium.

    Returns
    -------
    ChargeResponse

    Raises
    ------
    ParameterError
        For a wrong shape, or a coupling that varies in space under a texture stored as moving.
    """
    instance("pumping", pumping, (Pumping,), "take the result of pump")
    medium, frame = pumping.medium, pumping.frame
    field = real_array("field", medium.rashba if field is None else field)
    if field.shape not in {(3,), (3, *frame.shape)}:
        raise ParameterError(
            f"field must hold 3 finite numbers or have shape {(3, *frame.shape)}, "
            f"got shape {field.shape}; give E_so on the grid of the texture."
        )
    if field.ndim > 1 and frame.moves:
        raise ParameterError(
            "a Rashba coupling under a moving texture must be uniform, because one that varies in "
            f"space does not move with it, got shape {field.shape}; sample a PeriodicTexture."
        )
    with calculation("the Rashba coupling", "give a smaller field") as check:
        largest_field = float(np.sqrt((field**2).sum(axis=0)).max())
        check(largest_field, medium.rashba_factor * largest_field)
    medium.warn_rashba(largest_field)
    a = medium.rashba_factor * field
    torque = pumping.dynamic_torque().rows[0]
    rows = []
    for i in range(3):
        # (a x T)_i = eps_{i j alpha} a_j T_alpha
        weight = [sum(LEVI_CIVITA[i, j, alpha] * a[j] for j in range(3)) for alpha in range(3)]
        local = frame.contract(weight, torque)
        rows.append(tuple(m.forward(c) for m, c in zip(frame.scalar, local)))
    return ChargeResponse(pumping, tuple(rows))


def rashba_density_from_current(pumping: Pumping) -> Field:
    """The charge density from the pumped spin current, equation [pumping 27].

    ``rho_c = - (1/D) eps_{i j alpha} a_i j(2)_{j alpha}``. It equals that of `rashba` for a uniform
    coupling and no spin relaxation. With 1/tau_s the spin current decays and the charge does not.

    Parameters
    ----------
    pumping : Pumping
        The pumped spin.

    Returns
    -------
    Field
    """
    instance("pumping", pumping, (Pumping,), "take the result of pump")
    frame, medium = pumping.frame, pumping.medium
    a = medium.rashba_conversion
    total: tuple[np.ndarray, ...] | None = None
    for j, row in enumerate(pumping.pumped_current(order=2).rows):
        weight = [-sum(LEVI_CIVITA[i, j, b] * a[i] for i in range(3)) for b in range(3)]
        part = frame.contract([w / medium.diffusion for w in weight], row)
        total = part if total is None else tuple(x + y for x, y in zip(total, part))
    return Field(frame, (total or (),), vector=False)


def impurity(pumping: Pumping) -> ChargeResponse:
    """The charge current of spin-orbit scattering at impurities, [pumping 30], [pumping 31].

    ``j_i = a_imp eps_{i j alpha} j^local_{j alpha} - D d_i rho_c`` with the local spin current as
    printed (vertex "single" for either vertex of the pumping). The paper takes this result, and the
    size of a_imp, from an earlier work; neither is derived again here.

    Parameters
    ----------
    pumping : Pumping
        The pumped spin.

    Returns
    -------
    ChargeResponse
    """
    instance("pumping", pumping, (Pumping,), "take the result of pump")
    frame = pumping.frame
    local = pumping.local_current().rows
    rows = []
    for i in range(3):
        total: tuple[np.ndarray, ...] | None = None
        for j, row in enumerate(local):
            weight = pumping.medium.impurity_conversion * LEVI_CIVITA[i, j]
            part = frame.contract([float(w) for w in weight], row)
            total = part if total is None else tuple(x + y for x, y in zip(total, part))
        rows.append(tuple(m.forward(c) for m, c in zip(frame.scalar, total or ())))
    return ChargeResponse(pumping, tuple(rows))


def impurity_density_printed(pumping: Pumping) -> Field:
    """The charge density of impurity scattering by the printed formula, [pumping 31].

    ``rho_c = 2 nu J^2 tau^3 D a_imp eps_{i j alpha} <[d_i S x d_j dS/dt]_alpha>_c``. It equals
    ``impurity(pumping).density()`` for textures that the grid resolves, and serves as a check.

    Parameters
    ----------
    pumping : Pumping
        The pumped spin.

    Returns
    -------
    Field
    """
    instance("pumping", pumping, (Pumping,), "take the result of pump")
    frame, medium = pumping.frame, pumping.medium
    n_axes = len(frame.shape)
    spin = pumping.spin_hat
    rate = [pumping.rate_hat(n) for n in range(len(spin))]

    def slope(hats: Sequence[np.ndarray], axis: int) -> tuple[np.ndarray, ...]:
        return tuple(m.backward(m.gradient(a, axis)) for m, a in zip(frame.vector, hats))

    total: tuple[np.ndarray, ...] | None = None
    for i in range(n_axes):
        for j in range(n_axes):
            product = frame.cross(slope(spin, i), slope(rate, j))
            part = frame.contract([float(w) for w in LEVI_CIVITA[i, j]], product)
            total = part if total is None else tuple(x + y for x, y in zip(total, part))
    size = medium.torque_coefficient * medium.tau * medium.diffusion * medium.impurity_conversion
    row = []
    for modes, source in zip(frame.scalar, total or ()):
        hat = modes.forward(np.ascontiguousarray(source))
        out = modes.respond(hat, None, hat, medium.diffusion, 0.0, drive=size, relaxed=False)
        row.append(modes.backward(out))
    return Field(frame, (tuple(row),), vector=False)


def conversion_efficiency(
    medium: Medium,
    wave_number: npt.ArrayLike,
    frequency: npt.ArrayLike,
    *,
    kind: str,
    direction: str = "transverse",
    kernel: str = "diffusive",
) -> np.ndarray:
    """Charge current over spin current for one Fourier mode.

    It follows from [pumping 25] (over the second-order spin current [pumping 7]) and [pumping 30]
    (over the first-order one [pumping 5]). The two ratios are of different orders in the exchange::

        rashba, transverse to q    |a_R| |D q^2 + i W| / (D q)
        rashba, along q            that times |W| / |D q^2 + i W|
        impurity                   a_imp |D q^2 tau + i W tau|

    With ``kernel="boltzmann"`` the diffusion of spin and charge is that of electrons with a free
    path (`crossover.angular_average`): ``D q^2 tau -> 1 - a I`` and so on. The propagation then
    holds for any ``q ell``; the local conversion factors remain those of ``q ell << 1``.

    Parameters
    ----------
    medium : Medium
        The electron gas. Its spin relaxation does not enter.
    wave_number : float or array, 1/length
        Positive wave numbers q.
    frequency : float or array, 1/time
        Angular frequencies W.
    kind : {"rashba", "impurity"}
        Coupling that converts spin into charge.
    direction : {"transverse", "longitudinal"}
        Direction of the charge current relative to q, for Rashba coupling.
    kernel : {"diffusive", "boltzmann"}
        Propagation of spin and charge.

    Returns
    -------
    float or array
        Charge current over spin current, in units of charge per hbar.

    Raises
    ------
    ParameterError
        For an unknown option, a wave number that is not positive, or numbers that overflow.

    Examples
    --------
    >>> from hopnet.pumping.medium import Medium
    >>> gas = Medium(exchange=0.01, tau=0.1, density_of_states=1, fermi_energy=2, rashba=(0, 0, 1))
    >>> bool(np.isclose(conversion_efficiency(gas, 0.3, 0.0, kind="rashba"), 0.2 * 0.3))
    True
    """
    instance("medium", medium, (Medium,), "build one with hopnet.pumping.Medium")
    one_of("kind", kind, ("rashba", "impurity"))
    one_of("direction", direction, ("transverse", "longitudinal"))
    one_of("kernel", kernel, ("diffusive", "boltzmann"))
    q, omega = real_array("wave_number", wave_number), real_array("frequency", frequency)
    if np.any(q <= 0):
        raise ParameterError(
            f"wave_number must be positive, got {float(q.min()):g}; give positive numbers."
        )
    if q.ndim and omega.ndim and q.shape != omega.shape:
        raise ParameterError(
            f"wave_number and frequency must have one shape, got {q.shape} and {omega.shape}; give "
            "one number for either."
        )
    with calculation("the efficiency", "give wave_number and frequency of ordinary size") as check:
        efficiency = efficiency_of(medium, q, omega, kind, direction, kernel)
        check(efficiency)
    return efficiency


def efficiency_of(
    medium: Medium, q: np.ndarray, omega: np.ndarray, kind: str, direction: str, kernel: str
) -> np.ndarray:
    """The formulas of `conversion_efficiency`, without checks."""
    turn = 1j * omega * medium.tau
    if kernel == "diffusive":
        spread = medium.diffusion * medium.tau * q**2  # 1 - a I
        ladder = spread + turn  # (1 - I) a
        scale = np.ones_like(ladder)
    else:
        spread = kinetic_deficit(q * medium.mean_free_path, turn.imag, medium.dimension)
        ladder = spread + turn
        scale = 1 + turn  # a
    if kind == "impurity":
        return medium.impurity_conversion * np.abs(ladder / scale)
    size = math.hypot(*medium.rashba_conversion)
    if direction == "transverse":
        return size * q * np.abs(ladder / (scale * spread))
    averaged = 1.0 if kernel == "diffusive" else np.abs((1 - spread) / scale)
    return size * q * np.abs(turn) / np.abs(spread) * averaged
