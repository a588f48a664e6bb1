"""Spin pumped by a moving texture: density, currents, potential and torques, on demand."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hopnet.errors import ParameterError, ValidityWarning
from hopnet.pumping.check import residuals, warn_secular, warn_validity
from hopnet.pumping.diffusion import Field, Frame, build_frame
from hopnet.pumping.medium import Medium
from hopnet.pumping.texture import TimeSeries

VERTICES = ("single", "full")
ZERO_MODES = ("relaxed", "isolated")


@dataclass(frozen=True, eq=False, repr=False)
class Pumping:
    """The electrons' response to a texture to second order in the exchange, see `pump`.

    Nothing but the amplitudes of S and of the pumping source is kept; every method computes its
    field anew. ``order`` is 1 or 2 in the exchange, None for their sum.

    Attributes
    ----------
    texture, medium, vertex, zero_mode
        As given to `pump`.
    frame : Frame
    spin_hat : tuple of complex128[n_space, n_omega]
        Amplitudes of S on the modes kept.
    removed : float
        Norm of what was projected out of S (Nyquist planes; the upper third when dealiasing),
        relative to that of S.
    """

    texture: object
    medium: Medium
    vertex: str
    zero_mode: str
    frame: Frame
    spin_hat: tuple
    spin_rate_hat: tuple | None
    removed: float

    @cached_property
    def source_hat(self):
        """Amplitudes of N: ``S x dS/dt`` (vertex "single") or ``S x <dS/dt>`` ("full")."""
        return self._source_hat(self.vertex)

    def _source_hat(self, vertex):
        rate = []
        for number, (modes, spin) in enumerate(zip(self.frame.vector, self.spin_hat)):
            spin_rate = self._spin_rate_hat(number)
            if vertex == "full":
                spin_rate = self._respond(number, spin, spin_rate, rate=1 / self.medium.tau)
            rate.append(modes.backward(spin_rate))
        product = self.frame.cross(self.spin(), tuple(rate), spend=True)
        return tuple(m.forward(a) for m, a in zip(self.frame.vector, product))

    def _spin_rate_hat(self, number):
        if self.spin_rate_hat is not None:
            return self.spin_rate_hat[number]
        return self.frame.vector[number].rate(self.spin_hat[number])

    def _respond(self, number, spin, source, *, rate=0.0, static=0.0, drive=0.0):
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

    def spin(self):
        """Components of S on the grid, projected on the modes kept."""
        return tuple(m.backward(a) for m, a in zip(self.frame.vector, self.spin_hat))

    def potential_hat(self, number, order=None):
        """Amplitudes of one component of the spin potential [pumping 10]."""
        medium, spin = self.medium, self.spin_hat[number]
        first, second = _orders(order)
        return self._respond(
            number,
            spin,
            self.source_hat[number] if second else spin,
            rate=-first * medium.equilibrium_density * medium.diffusion,
            drive=second * medium.torque_coefficient * medium.diffusion,
        )

    def density_hat(self, number, order=None):
        """Amplitudes of one component of the spin density [pumping 11], [pumping 14].

        First order [pumping A14], second [pumping A19].

        ``rho = mu/D + chi S``, formed as one multiplier
        ``chi (D k^2 + 1/tau_s)/(D k^2 + i W + 1/tau_s)`` of S: the difference of the two terms
        would lose digits where ``D k^2 << W``.
        """
        medium, spin = self.medium, self.spin_hat[number]
        first, second = _orders(order)
        return self._respond(
            number,
            spin,
            self.source_hat[number] if second else spin,
            static=first * medium.equilibrium_density,
            drive=second * medium.torque_coefficient,
        )

    def potential(self, order=None):
        """The effective spin potential mu_s, equation [pumping 10].

        Returns
        -------
        Field
            Spin vector, [hbar] length**2 / (time volume).
        """
        return self._vector_field(lambda n: self.potential_hat(n, order))

    def density(self, order=None):
        """The spin density rho_s, equations [pumping 11] and [pumping 14].

        Relaxation acts on the excess over the equilibrium ``chi S``: the relaxed static density is
        ``chi S``, not 0.

        Returns
        -------
        Field
            Spin vector, [hbar] / volume.
        """
        return self._vector_field(lambda n: self.density_hat(n, order))

    def pumped_current(self, order=None):
        """The pumped (diffusive) spin current ``- grad mu``, equations [pumping 9].

        Its first order is [pumping 5], its second [pumping 7]. Both hold the local (zero rung)
        part already: `local_current` must not be added.

        Returns
        -------
        Field
            One row an axis of the grid (the flow), each a spin vector, [hbar] length/(time volume).
        """
        _orders(order)
        return self._current_field(lambda n: self.potential_hat(n, order), -1.0)

    def supercurrent(self):
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

    def equilibrium_current(self):
        """``chi D grad S - K S x grad S``, equation [pumping 17].

        Returns
        -------
        Field
        """
        size = self.medium.equilibrium_density * self.medium.diffusion
        return _sum(self._current_field(lambda n: self.spin_hat[n], size), self.supercurrent())

    def current(self, order=None):
        """The whole spin current ``j_sc(2) - grad mu``, equation [pumping 15].

        It equals ``j_sc - D grad rho`` [pumping 16]; `residuals` compares the two.

        Returns
        -------
        Field
        """
        pumped = self.pumped_current(order)
        return pumped if order == 1 else _sum(pumped, self.supercurrent())

    def hall_driven_current(self, electric_field, spin_hall_conductivity):
        """The spin current with an electric field, equation [pumping 19].

        ``sigma_SH eps_{i j alpha} E_j + j_sc - D grad rho``.

        Parameters
        ----------
        electric_field : three floats
            Uniform.
        spin_hall_conductivity : float
            In the unit of a spin current over that of the field.

        Returns
        -------
        Field
            Flow along the axes of the grid; along others only the Hall part
            `spin_hall_current` flows.
        """
        hall = spin_hall_current(electric_field, spin_hall_conductivity)
        plain = self.current()
        rows = []
        for axis, row in enumerate(plain.rows):
            push = hall[axis]
            if self.frame.kind == "rigid":
                if np.any(push[:2]) and (self.frame.frequency or self.frame.moves):
                    raise ParameterError(
                        "a static Hall current polarised in the plane does not turn with a rigid "
                        f"texture, got {push[:2]} along axis {axis}; sample a PeriodicTexture."
                    )
                row = (row[0] + push[0] + 1j * push[1], row[1] + push[2])
            else:
                row = tuple(a + p for a, p in zip(row, push))
            rows.append(row)
        return Field(self.frame, tuple(rows), vector=True, single=False)

    def local_current(self, order=None):
        """The local spin current, without diffusion, as printed below [pumping 31].

        ``chi tau D (grad dS/dt - (2 J tau/hbar) {grad(S x dS/dt) + S x grad dS/dt})``.
        It is the zeroth rung of the ladder: already inside `pumped_current` but for its last
        term, and it does not conserve spin by itself.

        Returns
        -------
        Field
        """
        first, second = _orders(order)
        medium = self.medium
        size = medium.equilibrium_density * medium.tau * medium.diffusion
        turn = medium.torque_coefficient * medium.tau * medium.diffusion
        source = self.printed_source_hat if second else None
        rows = []
        for axis in range(len(self.frame.shape)):
            slope, row = [], []
            for number, modes in enumerate(self.frame.vector):
                slope.append(modes.gradient(self._spin_rate_hat(number), axis))
            if second:
                on_grid = tuple(m.backward(a) for m, a in zip(self.frame.vector, slope))
                product = self.frame.cross(self.spin(), on_grid, spend=True)
            for number, modes in enumerate(self.frame.vector):
                hat = first * size * slope[number]
                if second:
                    hat = hat - turn * modes.gradient(source[number], axis)
                    hat -= turn * modes.forward(product[number])
                row.append(modes.backward(hat))
            rows.append(tuple(row))
        return Field(self.frame, tuple(rows), vector=True, single=False)

    @cached_property
    def printed_source_hat(self):
        """Amplitudes of ``S x dS/dt`` whatever the vertex."""
        return self.source_hat if self.vertex == "single" else self._source_hat("single")

    def dynamic_torque(self):
        """The dynamic spin relaxation torque ``g N``, equation [pumping 26].

        Returns
        -------
        Field
            Spin vector, [hbar] / (time volume).
        """
        strength = self.medium.torque_coefficient
        return self._vector_field(lambda n: strength * self.source_hat[n])

    def spin_relaxation(self):
        """``tau_rho = - chi D lap S + g N``: what drives the diffusion equation, [pumping 13].

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

    def torque(self):
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
    def secular_rate(self):
        """``g mean(N)``: rate at which the mean spin grows without bound, float64[3].

        Zero where the spin relaxes, and for a time series (whose growth is in the result).
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

    def residuals(self):
        """How well the results obey the laws of the paper; see `check.residuals`."""
        return residuals(self)

    def _vector_field(self, hat_of):
        row = tuple(m.backward(hat_of(n)) for n, m in enumerate(self.frame.vector))
        return Field(self.frame, (row,), vector=True)

    def _current_field(self, hat_of, factor):
        hats = [hat_of(n) for n in range(len(self.frame.vector))]
        rows = tuple(
            tuple(m.backward(factor * m.gradient(a, axis)) for m, a in zip(self.frame.vector, hats))
            for axis in range(len(self.frame.shape))
        )
        return Field(self.frame, rows, vector=True, single=False)


def _orders(order):
    if order not in (1, 2, None):
        raise ParameterError(f"order must be 1, 2 or None, got {order!r}; choose one of them.")
    return float(order != 2), float(order != 1)


def _sum(a, b):
    rows = tuple(tuple(x + y for x, y in zip(p, q)) for p, q in zip(a.rows, b.rows))
    return Field(a.frame, rows, a.vector, a.single)


def spin_hall_current(electric_field, spin_hall_conductivity):
    """The first term of equation [pumping 19], ``sigma_SH eps_{i j alpha} E_j``.

    Parameters
    ----------
    electric_field : three floats
    spin_hall_conductivity : float

    Returns
    -------
    float64[3, 3]
        Flow i, polarisation alpha.

    Examples
    --------
    >>> spin_hall_current((0, 0, 1.0), 2.0)[0]  # flow along x, field along z: along - y
    array([ 0., -2.,  0.])
    """
    x, y, z = (float(e) for e in electric_field)
    return spin_hall_conductivity * np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]]) + 0.0


def pump(
    texture, medium, *, vertex="single", zero_mode="relaxed", dealias=False, strict=False, threads=1
):
    """Pump spin with a texture: the electrons' response to second order in the exchange.

    Equations [pumping 5]-[pumping 17]: a gas that diffuses on a periodic box, driven at first order
    by ``dS/dt``, at second by N.

    Parameters
    ----------
    texture : RigidTexture, PeriodicTexture or TimeSeries
    medium : Medium
    vertex : {"single", "full"}
        ``N = S x dS/dt`` as printed (default), or ``N = S x <dS/dt>``. The definition of the
        torque, ``(2J/hbar) rho_s x S``, with the paper's own first-order density gives the second;
        the paper keeps only the first rung of its ladder there. Only ``"full"`` is the limit of
        small J of `solve_all_orders`. The difference grows as ``1/(D q^2 tau)``.
    zero_mode : {"relaxed", "isolated"}
        Without relaxation, the mean first-order density: the limit of slow relaxation,
        ``chi mean(S)``, or that of an isolated sample, 0.
    dealias : bool
        Truncate fields and products to a third of the sampling, where products are exact.
    strict : bool
        Raise, in place of a warning, when the mean spin grows without bound.
    threads : int
        Of the Fourier transforms.

    Returns
    -------
    Pumping

    Raises
    ------
    ParameterError
        For an unknown option, or (`strict`) secular growth.

    Notes
    -----
    Holds for ``q ell << 1``, ``Omega tau << 1`` and ``2J/hbar << |D q^2 + i Omega + 1/tau_s|`` for
    every mode that matters; a `ValidityWarning` gives the number that is not small. The condition
    ``J << hbar/tau`` of the paper is not sufficient.

    Examples
    --------
    >>> from hopnet.pumping.texture import spiral
    >>> medium = Medium(exchange=0.01, tau=0.1, density_of_states=1.0, fermi_energy=2.0, tau_s=5.0)
    >>> pumping = pump(spiral((16,), (10.0,), frequency=0.4), medium)
    >>> pumping.current().at(0.0).shape  # flow, polarisation, grid
    (1, 3, 16)
    """
    for name, value, allowed in (
        ("vertex", vertex, VERTICES),
        ("zero_mode", zero_mode, ZERO_MODES),
    ):
        if value not in allowed:
            raise ParameterError(
                f"{name} must be one of {', '.join(allowed)}, got {value!r}; choose one of them."
            )
    frame, spin = build_frame(texture, dealias=dealias, threads=threads)
    hats, removed = [], 0.0
    for modes, component in zip(frame.vector, spin):
        hat, lost = modes.project(component)
        hats.append(hat)
        removed += lost
    total = sum(float(np.vdot(c, c).real) for c in spin)
    removed = (removed / total) ** 0.5 if total > 0 else 0.0
    rates = None
    if isinstance(texture, TimeSeries):
        rates = tuple(m.forward(r) for m, r in zip(frame.vector, texture.rate))
    pumping = Pumping(texture, medium, vertex, zero_mode, frame, tuple(hats), rates, removed)
    if removed > 1e-10:
        warnings.warn(
            f"a part {removed:.2g} of the texture lies on modes that are left out (Nyquist, or "
            "above a third of the sampling when dealiasing); sample it more finely, or make it "
            "periodic on its box.",
            ValidityWarning,
            stacklevel=2,
        )
    warn_validity(pumping)
    warn_secular(pumping, strict)
    return pumping
