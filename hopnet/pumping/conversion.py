"""Charge from pumped spin: Rashba coupling and impurity spin-orbit scattering."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from hopnet.errors import ParameterError
from hopnet.pumping.crossover import kinetic_deficit
from hopnet.pumping.currents import Pumping
from hopnet.pumping.diffusion import Field

LEVI_CIVITA = np.zeros((3, 3, 3))
LEVI_CIVITA[0, 1, 2] = LEVI_CIVITA[1, 2, 0] = LEVI_CIVITA[2, 0, 1] = 1.0
LEVI_CIVITA[0, 2, 1] = LEVI_CIVITA[2, 1, 0] = LEVI_CIVITA[1, 0, 2] = -1.0


@dataclass(frozen=True, eq=False, repr=False)
class ChargeResponse:
    """Charge moved by spin: a local current, and the density that diffuses from it.

    The charge is the diffusive one, unscreened; `screened_current` is the other limit. Its
    propagator never holds 1/tau_s.

    Attributes
    ----------
    pumping : Pumping
    local_hat : tuple of 3 rows of amplitudes
        The local current along x, y and z: it may flow along an axis that the grid does not have.
    """

    pumping: Pumping
    local_hat: tuple

    def density_hat(self):
        """Amplitudes of the charge density ``- tau div<j_loc>`` [pumping B5]; their mean is 0."""
        return [
            modes.respond(hat, None, hat, self._diffusion, 0.0, drive=-1.0, relaxed=False)
            for modes, hat in zip(self._modes, self._divergence_hat())
        ]

    def local(self):
        """The local current, first term of [pumping 25] or [pumping 30].

        Returns
        -------
        Field
            Three rows, charge / (time area).
        """
        return self._field(self.local_hat)

    def density(self):
        """The charge density, [pumping 26] or [pumping 31].

        Returns
        -------
        Field
            charge / volume.
        """
        return Field(
            self._frame,
            (tuple(m.backward(a) for m, a in zip(self._modes, self.density_hat())),),
            vector=False,
        )

    def diffusive(self):
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

    def current(self, electric_field=(0.0, 0.0, 0.0)):
        """The whole charge current, equation [pumping 18] with what the spin drives beside it.

        ``sigma_c E + j_loc - D grad rho_c``.

        Parameters
        ----------
        electric_field : three floats
            Uniform and static.

        Returns
        -------
        Field
        """
        local, diffusive = self.local(), self.diffusive()
        ohmic = self.pumping.medium.conductivity * np.asarray(electric_field, dtype=float)
        rows = []
        for push, a, b in zip(ohmic, local.rows, diffusive.rows):
            row = [x + y for x, y in zip(a, b)]
            row[-1] = row[-1] + push
            rows.append(tuple(row))
        return Field(self._frame, tuple(rows), vector=False, single=False)

    def screened_current(self):
        """The current of a perfectly screening metal: no charge, ``j_loc - grad lap^-1 div j_loc``.

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

    def residual(self):
        """Relative residual of the conservation of charge, equation [pumping B6].

        Returns
        -------
        float
            Rounding for rigid and periodic textures; of second order in the step for a series.
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
    def _frame(self):
        return self.pumping.frame

    @property
    def _modes(self):
        return self.pumping.frame.scalar

    @property
    def _diffusion(self):
        return self.pumping.medium.diffusion

    def _divergence_hat(self):
        return [
            sum(modes.gradient(row[n], axis) for axis, row in self._grid_rows())
            for n, modes in enumerate(self._modes)
        ]

    def _grid_rows(self):
        """The local current along the axes that the grid has."""
        return enumerate(self.local_hat[: len(self._frame.shape)])

    def _field(self, rows):
        return Field(
            self._frame,
            tuple(tuple(m.backward(a) for m, a in zip(self._modes, row)) for row in rows),
            vector=False,
            single=False,
        )


def rashba(pumping, field=None):
    """The charge current of Rashba coupling, equations [pumping 24]-[pumping 26].

    ``j_loc = a_R x T_dy``, ``rho_c = - tau div<j_loc>_c``, ``j = j_loc - D grad rho_c``. The
    divergence form conserves charge for a coupling that varies in space too; the printed curl form
    of the density holds for a uniform one only. Not included: the current of first order in the
    exchange that a coupling varying in space adds, which the paper mentions without giving it.

    Parameters
    ----------
    pumping : Pumping
        Its vertex gives the torque.
    field : three floats or float64[3, *shape], energy length, optional
        E_so in place of that of the medium.

    Returns
    -------
    ChargeResponse

    Raises
    ------
    ParameterError
        For a wrong shape, or a coupling that varies in space under a texture stored moving.
    """
    medium, frame = pumping.medium, pumping.frame
    field = np.asarray(medium.rashba if field is None else field, dtype=float)
    if field.shape not in {(3,), (3, *frame.shape)} or not np.all(np.isfinite(field)):
        raise ParameterError(
            f"field must hold 3 finite numbers or have shape {(3, *frame.shape)}, "
            f"got shape {field.shape}; give E_so on the grid of the texture."
        )
    if field.ndim > 1 and frame.moves:
        raise ParameterError(
            "a Rashba coupling that varies in space does not move with the texture, got shape "
            f"{field.shape}; sample a PeriodicTexture."
        )
    medium.warn_rashba(float(np.sqrt((field**2).sum(axis=0)).max()))
    a = medium.rashba_factor * field
    torque = pumping.dynamic_torque().rows[0]
    rows = []
    for i in range(3):
        # (a x T)_i = eps_{i j alpha} a_j T_alpha
        weight = [sum(LEVI_CIVITA[i, j, alpha] * a[j] for j in range(3)) for alpha in range(3)]
        local = frame.contract(weight, torque)
        rows.append(tuple(m.forward(c) for m, c in zip(frame.scalar, local)))
    return ChargeResponse(pumping, tuple(rows))


def rashba_density_from_current(pumping):
    """The charge density from the pumped spin current, equation [pumping 27].

    ``rho_c = - (1/D) eps_{i j alpha} a_i j(2)_{j alpha}``: equal to that of `rashba` for a uniform
    coupling and no spin relaxation; with 1/tau_s the spin current decays and the charge does not.

    Parameters
    ----------
    pumping : Pumping

    Returns
    -------
    Field
    """
    frame, medium = pumping.frame, pumping.medium
    a = medium.rashba_conversion
    total = None
    for j, row in enumerate(pumping.pumped_current(order=2).rows):
        weight = [-sum(LEVI_CIVITA[i, j, b] * a[i] for i in range(3)) for b in range(3)]
        part = frame.contract([w / medium.diffusion for w in weight], row)
        total = part if total is None else tuple(x + y for x, y in zip(total, part))
    return Field(frame, (total,), vector=False)


def impurity(pumping):
    """The charge current of spin-orbit scattering at impurities, [pumping 30], [pumping 31].

    ``j_i = a_imp eps_{i j alpha} j^local_{j alpha} - D d_i rho_c`` with the local spin current as
    printed (vertex "single" whatever that of the pumping). The paper takes this result, and the
    size of a_imp, from an earlier work; neither is derived again here.

    Parameters
    ----------
    pumping : Pumping

    Returns
    -------
    ChargeResponse
    """
    frame = pumping.frame
    local = pumping.local_current().rows
    rows = []
    for i in range(3):
        total = None
        for j, row in enumerate(local):
            weight = pumping.medium.impurity_conversion * LEVI_CIVITA[i, j]
            part = frame.contract([float(w) for w in weight], row)
            total = part if total is None else tuple(x + y for x, y in zip(total, part))
        rows.append(tuple(m.forward(c) for m, c in zip(frame.scalar, total)))
    return ChargeResponse(pumping, tuple(rows))


def impurity_density_printed(pumping):
    """The charge density of impurity scattering by the printed formula, [pumping 31].

    ``rho_c = 2 nu J^2 tau^3 D a_imp eps_{i j alpha} <[d_i S x d_j dS/dt]_alpha>_c``. Equal to
    ``impurity(pumping).density()`` for textures resolved by the grid; kept as a check.

    Parameters
    ----------
    pumping : Pumping

    Returns
    -------
    Field
    """
    frame, medium = pumping.frame, pumping.medium
    n_axes = len(frame.shape)
    spin = pumping.spin_hat
    rate = [pumping._spin_rate_hat(n) for n in range(len(spin))]

    def slope(hats, axis):
        return tuple(m.backward(m.gradient(a, axis)) for m, a in zip(frame.vector, hats))

    total = None
    for i in range(n_axes):
        for j in range(n_axes):
            product = frame.cross(slope(spin, i), slope(rate, j))
            part = frame.contract([float(w) for w in LEVI_CIVITA[i, j]], product)
            total = part if total is None else tuple(x + y for x, y in zip(total, part))
    size = medium.torque_coefficient * medium.tau * medium.diffusion * medium.impurity_conversion
    row = []
    for modes, source in zip(frame.scalar, total):
        hat = modes.forward(np.ascontiguousarray(source))
        out = modes.respond(hat, None, hat, medium.diffusion, 0.0, drive=size, relaxed=False)
        row.append(modes.backward(out))
    return Field(frame, (tuple(row),), vector=False)


def conversion_efficiency(
    medium, wave_number, frequency, *, kind, direction="transverse", kernel="diffusive"
):
    """Charge current over spin current for one Fourier mode.

    From [pumping 25] (over the second-order spin current [pumping 7]) and [pumping 30] (over the
    first-order one [pumping 5]); the two ratios are of different orders in the exchange::

        rashba, transverse to q    |a_R| |D q^2 + i W| / (D q)
        rashba, along q            that times |W| / |D q^2 + i W|
        impurity                   a_imp |D q^2 tau + i W tau|

    With ``kernel="boltzmann"`` the diffusion of spin and charge is that of electrons with a free
    path (`crossover.angular_average`): ``D q^2 tau -> 1 - a I`` and so on, good for any ``q ell``
    as far as the propagation goes; the local conversion factors stay those of ``q ell << 1``.

    Parameters
    ----------
    medium : Medium
        No spin relaxation enters.
    wave_number : float or array, 1/length
    frequency : float or array, 1/time
    kind : {"rashba", "impurity"}
    direction : {"transverse", "longitudinal"}
        Of the charge current to q, for Rashba coupling.
    kernel : {"diffusive", "boltzmann"}

    Returns
    -------
    float or array
        Charge per [hbar].

    Examples
    --------
    >>> from hopnet.pumping.medium import Medium
    >>> gas = Medium(exchange=0.01, tau=0.1, density_of_states=1, fermi_energy=2, rashba=(0, 0, 1))
    >>> bool(np.isclose(conversion_efficiency(gas, 0.3, 0.0, kind="rashba"), 0.2 * 0.3))
    True
    """
    choices = {"kind": (kind, ("rashba", "impurity"))}
    choices |= {"direction": (direction, ("transverse", "longitudinal"))}
    choices |= {"kernel": (kernel, ("diffusive", "boltzmann"))}
    for name, (value, allowed) in choices.items():
        if value not in allowed:
            raise ParameterError(
                f"{name} must be one of {', '.join(allowed)}, got {value!r}; choose one of them."
            )
    q = np.asarray(wave_number, dtype=float)
    turn = 1j * np.asarray(frequency, dtype=float) * medium.tau
    if np.any(q <= 0):
        raise ParameterError("wave_number must be positive, got others; give positive numbers.")
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
