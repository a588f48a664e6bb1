"""Spin pumped by a moving texture: density, currents, potential and torques, each on request."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from hopnet.checks import flag, one_of, whole
from hopnet.errors import ParameterError, ValidityWarning
from hopnet.pumping.check import residuals, warn_secular, warn_validity
from hopnet.pumping.fields import Field, Frame, build_frame
from hopnet.pumping.grid import numerical_error, relative_error, warn_grid
from hopnet.pumping.inputs import calculation, finite, instance, real_numbers
from hopnet.pumping.medium import Medium
from hopnet.pumping.texture import RigidTexture, Texture, TimeSeries
from hopnet.records import Record

__all__ = ["Pumping", "orders_asked", "pump", "spin_hall_current"]

VERTICES = ("single", "full")
ZERO_MODES = ("relaxed", "isolated")
# Largest part of the texture (its norm) that may lie on modes that are left out without a warning.
# Rounding leaves some 1e-15 there; a texture that does not close leaves 1e-3 and more.
REMOVED = 1e-10


@dataclass(frozen=True, eq=False, repr=False)
class Pumping(Record):
    """The electrons' response to a texture to second order in the exchange, see `pump`.

    Only the amplitudes of S and of the pumping source are kept. Every method computes its field
    again. ``order`` is 1 or 2 in the exchange, or None for the sum of both.

    Attributes
    ----------
    texture, medium, vertex, zero_mode, dealias, threads
        As given to `pump`.
    frame : Frame
        How fields of this texture are stored.
    spin_hat : tuple of complex128[n_space, n_omega]
        Amplitudes of S on the modes kept.
    spin_rate_hat : tuple of complex128[n_space, n_times] or None
        Amplitudes of dS/dt, for a time series only.
    removed : float
        Norm of what was projected out of S (Nyquist planes; the upper third when dealiasing),
        relative to that of S.
    """

    texture: Texture
    medium: Medium
    vertex: str
    zero_mode: str
    frame: Frame
    spin_hat: tuple[np.ndarray, ...]
    spin_rate_hat: tuple[np.ndarray, ...] | None
    removed: float
    dealias: bool = False
    threads: int = 1

    @cached_property
    def source_hat(self) -> tuple[np.ndarray, ...]:
        """Amplitudes of N: ``S x dS/dt`` (vertex "single") or ``S x <dS/dt>`` ("full")."""
        return self._source_hat(self.vertex)

    def _source_hat(self, vertex: str) -> tuple[np.ndarray, ...]:
        rate = []
        for number, (modes, spin) in enumerate(zip(self.frame.vector, self.spin_hat)):
            spin_rate = self.rate_hat(number)
            if vertex == "full":
                spin_rate = self._respond(number, spin, spin_rate, rate=1 / self.medium.tau)
            rate.append(modes.backward(spin_rate))
        product = self.frame.cross(self.spin(), tuple(rate), spend=True)
        return tuple(m.forward(a) for m, a in zip(self.frame.vector, product))

    def rate_hat(self, number: int) -> np.ndarray:
        """Amplitudes of one component of dS/dt."""
        if self.spin_rate_hat is not None:
            return self.spin_rate_hat[number]
        return self.frame.vector[number].rate(self.spin_hat[number])

    def _respond(
        self,
        number: int,
        spin: np.ndarray,
        source: np.ndarray,
        *,
        rate: float = 0.0,
        static: float = 0.0,
        drive: float = 0.0,
    ) -> np.ndarray:
        medium = self.medium
        spin_rate = self.spin_rate_hat[number] if self.spin_rate_hat is not None else None
        return self.frame.vector[number].respond(
            spin,
            spin_rate if rate or static else None,
            source,
            medium.diffusion,
            medium.relaxation,
            rate=rate,
            static=static,
            drive=drive,
            relaxed=self.zero_mode == "relaxed",
        )

    def on(self, texture: Texture) -> Pumping:
        """The same calculation for another texture, without warnings."""
        return respond_to(
            texture, self.medium, self.vertex, self.zero_mode, self.dealias, self.threads
        )

    def spin(self) -> tuple[np.ndarray, ...]:
        """Components of S on the grid, projected on the modes kept."""
        return tuple(m.backward(a) for m, a in zip(self.frame.vector, self.spin_hat))

    def potential_hat(self, number: int, order: int | None = None) -> np.ndarray:
        """Amplitudes of one component of the spin potential [pumping 10]."""
        medium, spin = self.medium, self.spin_hat[number]
        first, second = orders_asked(order)
        return self._respond(
            number,
            spin,
            self.source_hat[number] if second else spin,
            rate=-first * medium.equilibrium_density * medium.diffusion,
            drive=second * medium.torque_coefficient * medium.diffusion,
        )

    def density_hat(self, number: int, order: int | None = None) -> np.ndarray:
        """Amplitudes of one component of the spin density [pumping 11], [pumping 14].

        The first order is [pumping A14], the second [pumping A19].

        The first order of ``rho = mu/D + chi S`` is formed as one multiplier of S,
        ``chi (D k^2 + 1/tau_s)/(D k^2 + i W + 1/tau_s)``. The difference of the two terms would
        lose digits where ``D k^2 << W``.
        """
        medium, spin = self.medium, self.spin_hat[number]
        first, second = orders_asked(order)
        return self._respond(
            number,
            spin,
            self.source_hat[number] if second else spin,
            static=first * medium.equilibrium_density,
            drive=second * medium.torque_coefficient,
        )

    def potential(self, order: int | None = None) -> Field:
        """The effective spin potential mu_s, equation [pumping 10].

        Returns
        -------
        Field
            Spin vector, in units of hbar length**2 / (time volume).
        """
        return self._vector_field(lambda n: self.potential_hat(n, order))

    def density(self, order: int | None = None) -> Field:
        """The spin density rho_s, equations [pumping 11] and [pumping 14].

        Relaxation acts on the excess over the equilibrium ``chi S``. A static density therefore
        relaxes to ``chi S``, not to 0.

        Returns
        -------
        Field
            Spin vector, in units of hbar / volume.
        """
        return self._vector_field(lambda n: self.density_hat(n, order))

    def pumped_current(self, order: int | None = None) -> Field:
        """The pumped (diffusive) spin current ``- grad mu``, equation [pumping 9].

        Its first order is [pumping 5], its second [pumping 7]. Both contain the local part (the
        zeroth rung of the ladder) already, so `local_current` must not be added.

        Returns
        -------
        Field
            One row per axis of the grid (the flow). Each is a spin vector, in units of
            hbar length / (time volume).
        """
        orders_asked(order)
        return self._current_field(lambda n: self.potential_hat(n, order), -1.0)

    def supercurrent(self) -> Field:
        """The equilibrium current ``- K S x grad S`` of second order, equation [pumping 8].

        ``K = (d - 2) hbar^2 nu J^2 / (12 m e_F)``: the printed value in three dimensions.

        Returns
        -------
        Field
        """
        spin, stiffness = self.spin(), self.medium.exchange_stiffness
        rows = []
        for axis in range(len(self.frame.shape)):
            slope = tuple(
                m.backward(m.gradient(a, axis)) for m, a in zip(self.frame.vector, self.spin_hat)
            )
            product = self.frame.cross(spin, slope, spend=True)
            rows.append(
                tuple(
                    m.backward(-stiffness * m.forward(p))
                    for m, p in zip(self.frame.vector, product)
                )
            )
        return Field(self.frame, tuple(rows), vector=True, single=False)

    def equilibrium_current(self) -> Field:
        """The equilibrium current ``chi D grad S - K S x grad S``, equation [pumping 17].

        Returns
        -------
        Field
        """
        size = self.medium.equilibrium_density * self.medium.diffusion
        return sum_of(self._current_field(lambda n: self.spin_hat[n], size), self.supercurrent())

    def current(self, order: int | None = None) -> Field:
        """The whole spin current ``j_sc(2) - grad mu``, equation [pumping 15].

        It equals ``j_sc - D grad rho`` [pumping 16]; `residuals` compares the two.

        Returns
        -------
        Field
        """
        pumped = self.pumped_current(order)
        return pumped if order == 1 else sum_of(pumped, self.supercurrent())

    def hall_driven_current(
        self, electric_field: npt.ArrayLike, spin_hall_conductivity: float
    ) -> Field:
        """The spin current in an electric field, equation [pumping 19].

        ``sigma_SH eps_{i j alpha} E_j + j_sc - D grad rho``.

        Parameters
        ----------
        electric_field : three floats
            Uniform electric field.
        spin_hall_conductivity : float
            Spin Hall conductivity, in the unit of a spin current over that of the field.

        Returns
        -------
        Field
            Flow along the axes of the grid. Along other directions only the Hall part
            `spin_hall_current` flows.

        Raises
        ------
        ParameterError
            For a static current polarised in the plane of a texture that turns rigidly.
        """
        hall = spin_hall_current(electric_field, spin_hall_conductivity)
        plain = self.current()
        rows = []
        for axis, row in enumerate(plain.rows):
            push = hall[axis]
            if self.frame.kind == "rigid":
                if np.any(push[:2]) and (self.frame.frequency or self.frame.moves):
                    raise ParameterError(
                        "the Hall current of a rigid texture must be polarised along z, because a "
                        f"static one in the plane does not turn with it, got {push[:2]} along axis "
                        f"{axis}; sample a PeriodicTexture."
                    )
                row = (row[0] + push[0] + 1j * push[1], row[1] + push[2])
            else:
                row = tuple(a + p for a, p in zip(row, push))
            rows.append(row)
        return Field(self.frame, tuple(rows), vector=True, single=False)

    def local_current(self, order: int | None = None) -> Field:
        """The local spin current, without diffusion, as printed below [pumping 31].

        ``chi tau D (grad dS/dt - (2 J tau/hbar) {grad(S x dS/dt) + S x grad dS/dt})``.
        It is the zeroth rung of the ladder. All of it except its last term is contained in
        `pumped_current`, and by itself it does not conserve spin.

        Returns
        -------
        Field
        """
        first, second = orders_asked(order)
        medium = self.medium
        size = medium.equilibrium_density * medium.tau * medium.diffusion
        turn = medium.torque_coefficient * medium.tau * medium.diffusion
        source = self.printed_source_hat if second else None
        rows = []
        for axis in range(len(self.frame.shape)):
            slope: list[np.ndarray] = []
            row: list[np.ndarray] = []
            for number, modes in enumerate(self.frame.vector):
                slope.append(modes.gradient(self.rate_hat(number), axis))
            if second:
                on_grid = tuple(m.backward(a) for m, a in zip(self.frame.vector, slope))
                product = self.frame.cross(self.spin(), on_grid, spend=True)
            for number, modes in enumerate(self.frame.vector):
                hat = first * size * slope[number]
                if second and source is not None:
                    hat = hat - turn * modes.gradient(source[number], axis)
                    hat -= turn * modes.forward(product[number])
                row.append(modes.backward(hat))
            rows.append(tuple(row))
        return Field(self.frame, tuple(rows), vector=True, single=False)

    @cached_property
    def printed_source_hat(self) -> tuple[np.ndarray, ...]:
        """Amplitudes of ``S x dS/dt`` whatever the vertex."""
        return self.source_hat if self.vertex == "single" else self._source_hat("single")

    def dynamic_torque(self) -> Field:
        """The dynamic spin relaxation torque ``g N``, equation [pumping 26].

        Returns
        -------
        Field
            Spin vector, in units of hbar / (time volume).
        """
        strength = self.medium.torque_coefficient
        return self._vector_field(lambda n: strength * self.source_hat[n])

    def spin_relaxation(self) -> Field:
        """The term ``tau_rho = - chi D lap S + g N`` that drives the diffusion, [pumping 13].

        Returns
        -------
        Field
        """
        medium = self.medium
        size = medium.equilibrium_density * medium.diffusion
        return self._vector_field(
            lambda n: (
                -size * self.frame.vector[n].laplacian(self.spin_hat[n])
                + medium.torque_coefficient * self.source_hat[n]
            )
        )

    def torque(self) -> Field:
        """The whole torque ``- K S x lap S + g N`` on the electrons, equation [pumping A21].

        Returns
        -------
        Field
        """
        medium = self.medium
        bend = tuple(m.backward(m.laplacian(a)) for m, a in zip(self.frame.vector, self.spin_hat))
        product = self.frame.cross(self.spin(), bend, spend=True)
        return self._vector_field(
            lambda n: (
                -medium.exchange_stiffness * self.frame.vector[n].forward(product[n])
                + medium.torque_coefficient * self.source_hat[n]
            )
        )

    @cached_property
    def secular_rate(self) -> np.ndarray:
        """Rate ``g mean(N)`` at which the mean spin grows without bound, float64[3].

        It is zero where the spin relaxes, and for a time series, whose result shows the growth.
        """
        if self.medium.relaxation > 0 or self.frame.kind == "series":
            return np.zeros(3)
        strength = self.medium.torque_coefficient
        mean = [
            strength * hat[0, 0] / np.prod(m.shape)
            for m, hat in zip(self.frame.vector, self.source_hat)
        ]
        if self.frame.kind == "rigid":
            plus = mean[0] if self.frame.frequency == 0 else 0.0
            return np.array([np.real(plus), np.imag(plus), np.real(mean[1])])
        return np.real(mean)

    def residuals(self) -> dict[str, float]:
        """Relative residuals of the laws of the paper; see `check.residuals`."""
        return residuals(self)

    def numerical_error(self, field: Callable[[Pumping], Field] | None = None) -> float:
        """Estimate of the error that comes from the finite grid, see `grid.numerical_error`.

        Parameters
        ----------
        field : callable, optional
            Takes a Pumping and returns a Field. The answer is then the largest error of this field,
            in its own unit. By default the answer is the largest relative error of the density and
            the pumped current of either order.

        Returns
        -------
        float
            Infinite where no digit is certain.
        """
        return relative_error(self) if field is None else numerical_error(self, field)

    def _vector_field(self, hat_of: Callable[[int], np.ndarray]) -> Field:
        row = tuple(m.backward(hat_of(n)) for n, m in enumerate(self.frame.vector))
        return Field(self.frame, (row,), vector=True)

    def _current_field(self, hat_of: Callable[[int], np.ndarray], factor: float) -> Field:
        hats = [hat_of(n) for n in range(len(self.frame.vector))]
        rows = tuple(
            tuple(m.backward(factor * m.gradient(a, axis)) for m, a in zip(self.frame.vector, hats))
            for axis in range(len(self.frame.shape))
        )
        return Field(self.frame, rows, vector=True, single=False)


def orders_asked(order: int | None) -> tuple[float, float]:
    """Weights (1 or 0) of the first and the second order in the exchange."""
    if order is not None:
        whole("order", order, low=1, high=2, hint="None is the sum of both")
    return float(order != 2), float(order != 1)


def sum_of(a: Field, b: Field) -> Field:
    """The sum of two fields of one form."""
    rows = tuple(tuple(x + y for x, y in zip(p, q)) for p, q in zip(a.rows, b.rows))
    return Field(a.frame, rows, a.vector, a.single)


def spin_hall_current(electric_field: npt.ArrayLike, spin_hall_conductivity: float) -> np.ndarray:
    """The first term of equation [pumping 19], ``sigma_SH eps_{i j alpha} E_j``.

    Parameters
    ----------
    electric_field : three floats
        Uniform electric field.
    spin_hall_conductivity : float
        Spin Hall conductivity.

    Returns
    -------
    float64[3, 3]
        First index: direction of the flow i. Second index: polarisation alpha.

    Examples
    --------
    >>> spin_hall_current((0, 0, 1.0), 2.0)[0]  # flow along x, field along z: along - y
    array([ 0., -2.,  0.])
    """
    x, y, z = real_numbers("electric_field", electric_field, 3)
    conductivity = finite("spin_hall_conductivity", spin_hall_conductivity)
    with calculation("the Hall current", "give a smaller field") as check:
        current = conductivity * np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]]) + 0.0
        check(current)
    return current


def pump(
    texture: Texture,
    medium: Medium,
    *,
    vertex: str = "single",
    zero_mode: str = "relaxed",
    dealias: bool = False,
    strict: bool = False,
    threads: int = 1,
) -> Pumping:
    """Pump spin with a texture: the electrons' response to second order in the exchange.

    Equations [pumping 5]-[pumping 17]: a gas that diffuses on a periodic box. It is driven at first
    order by ``dS/dt`` and at second order by N.

    Parameters
    ----------
    texture : RigidTexture, PeriodicTexture or TimeSeries
        The magnetisation.
    medium : Medium
        The electron gas.
    vertex : {"single", "full"}
        ``N = S x dS/dt`` as printed (default), or ``N = S x <dS/dt>``. The definition of the
        torque, ``(2J/hbar) rho_s x S``, with the paper's own first-order density gives the second
        form; the paper keeps only the first rung of its ladder there. Only ``"full"`` is the limit
        of small J of `solve_all_orders`. The difference grows as ``1/(D q^2 tau)``.
    zero_mode : {"relaxed", "isolated"}
        Value of the mean first-order density where the spin does not relax: the limit of slow
        relaxation, ``chi mean(S)``, or that of an isolated sample, 0.
    dealias : bool
        Truncate fields and products to a third of the sampling, where products are exact.
    strict : bool
        Raise an error, instead of a warning, when the mean spin grows without bound or the grid is
        too coarse.
    threads : int
        Threads of the Fourier transforms.

    Returns
    -------
    Pumping

    Raises
    ------
    ParameterError
        For a wrong type or an unknown option, for numbers that overflow, and (`strict`) for secular
        growth or a grid that is too coarse.

    Warns
    -----
    ValidityWarning
        If a small parameter of the theory is not small, if the mean spin grows without bound, if
        the texture does not fit its grid, or if the estimated error from the grid exceeds 5 %
        (`Pumping.numerical_error`).

    Notes
    -----
    The result holds for ``q ell << 1``, ``Omega tau << 1`` and
    ``2J/hbar << |D q^2 + i Omega + 1/tau_s|`` for every mode that matters. The condition
    ``J << hbar/tau`` of the paper is not sufficient.

    Examples
    --------
    >>> from hopnet.pumping import spiral
    >>> medium = Medium(exchange=0.01, tau=0.1, density_of_states=1.0, fermi_energy=2.0, tau_s=5.0)
    >>> pumping = pump(spiral((16,), (10.0,), frequency=0.4), medium)
    >>> pumping.current().at(0.0).shape  # flow, polarisation, grid
    (1, 3, 16)
    """
    instance("medium", medium, (Medium,), "build one with hopnet.pumping.Medium")
    one_of("vertex", vertex, VERTICES)
    one_of("zero_mode", zero_mode, ZERO_MODES)
    strict = flag("strict", strict)
    pumping = respond_to(texture, medium, vertex, zero_mode, dealias, threads)
    if pumping.removed > REMOVED:
        warnings.warn(
            f"a part {pumping.removed:.2g} of the texture lies on modes that are left out (Nyquist,"
            " or above a third of the sampling when dealiasing); sample it more finely, or make it "
            "periodic on its box.",
            ValidityWarning,
            stacklevel=2,
        )
    warn_validity(pumping)
    warn_secular(pumping, strict)
    warn_grid(pumping, strict)
    return pumping


def respond_to(
    texture: Texture, medium: Medium, vertex: str, zero_mode: str, dealias: bool, threads: int
) -> Pumping:
    """The response to a texture without any warning, see `pump`."""
    frame, spin = build_frame(texture, dealias=dealias, threads=threads)
    with calculation("the texture", "give spins of ordinary size") as check:
        hats, removed = [], 0.0
        for modes, component in zip(frame.vector, spin):
            hat, lost = modes.project(component)
            hats.append(hat)
            removed += lost
        total = sum(float(np.vdot(c, c).real) for c in spin)
        removed = (removed / total) ** 0.5 if total > 0 else 0.0
        # The squares of S enter at second order, so they must not overflow either.
        check(removed, total, [np.vdot(h, h).real for h in hats])
        if isinstance(texture, RigidTexture):
            check(texture.frequency * np.sqrt(total))
    rates = None
    if isinstance(texture, TimeSeries):
        rates = tuple(m.forward(r) for m, r in zip(frame.vector, np.asarray(texture.rate)))
    return Pumping(
        texture,
        medium,
        vertex,
        zero_mode,
        frame,
        tuple(hats),
        rates,
        removed,
        bool(dealias),
        int(threads),
    )
