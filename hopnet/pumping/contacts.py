"""One dimension between two contacts: finite volumes, one tridiagonal solve per harmonic."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from hopnet.checks import one_of
from hopnet.errors import ParameterError, ValidityWarning
from hopnet.pumping.cells import (
    Walls,
    coarsened,
    components,
    components_at,
    harmonics,
    interpolated,
    modulus,
    solve_part,
    time_derivative,
    wall_conductance,
)
from hopnet.pumping.check import Typical
from hopnet.pumping.conversion import LEVI_CIVITA
from hopnet.pumping.currents import orders_asked
from hopnet.pumping.fields import Frame
from hopnet.pumping.grid import NOISE, WARNED, error_bound, natural_sizes
from hopnet.pumping.inputs import calculation, finite, instance, not_negative, real_numbers
from hopnet.pumping.medium import Medium
from hopnet.pumping.texture import PeriodicTexture, RigidTexture, grid_points
from hopnet.records import Record

__all__ = ["INSULATING", "RESERVOIR", "Junction", "solve_junction"]

INSULATING, RESERVOIR = 0.0, math.inf
# Factor on the change from half of the cells to all of them. For a scheme of second order the
# error is a third of that change. In a survey of 1000 random junctions (tests/test_pumping_grid.py)
# the estimate with 6 was at least 2.3 times the error, for textures as steep as one cell. A smaller
# number leaves less room, a larger one warns about cells that are fine enough.
JUNCTION_SAFETY = 6.0
# Fewest cells that can be halved twice and still hold two cells.
FEWEST_CELLS = 8
# Fields whose error a junction can estimate by name.
FIELDS = ("potential", "density", "pumped_current")


@dataclass(frozen=True, eq=False, repr=False)
class Junction(Record):
    """Pumped spin between two contacts, see `solve_junction`.

    Components are those of the frame: (``A_+``, ``A_z``) for a rigid texture, otherwise x, y, z
    with time last. The first axis of each array counts the cells (n) or the faces (n + 1, the
    walls included).

    Attributes
    ----------
    texture, medium, vertex
        As given to `solve_junction`.
    left, right : float, 1/length
        Conductance of the contacts.
    frame : Frame
        How fields of this texture are stored.
    position, face : float64[n], float64[n + 1]
        Centres of the cells, and their faces from one wall to the other.
    first, second : tuple of arrays
        Components of the potential in the cells, of first and of second order.
    source : tuple of arrays
        Components of N in the cells.
    secular_rate : float64[3]
        Rate at which the mean spin grows when nothing removes it: no relaxation and two insulating
        walls.
    """

    table_row: ClassVar[str] = "position"
    table_columns: ClassVar[tuple[str, ...]] = ("position", "face")

    texture: RigidTexture | PeriodicTexture
    medium: Medium
    vertex: str
    left: float
    right: float
    frame: Frame
    position: np.ndarray
    face: np.ndarray
    first: tuple[np.ndarray, ...]
    second: tuple[np.ndarray, ...]
    source: tuple[np.ndarray, ...]
    secular_rate: np.ndarray

    def potential(self, order: int | None = None, time: float = 0.0) -> np.ndarray:
        """The spin potential [pumping 10] in the cells, float64[3, n]."""
        return self._vector(self.potential_parts(order), time)

    def potential_parts(self, order: int | None = None) -> tuple[np.ndarray, ...]:
        """Components of the spin potential in the cells."""
        orders_asked(order)
        if order is None:
            return tuple(a + b for a, b in zip(self.first, self.second))
        return self.first if order == 1 else self.second

    def density(self, order: int | None = None, time: float = 0.0) -> np.ndarray:
        """The spin density ``mu/D + chi S`` [pumping 14] in the cells, float64[3, n]."""
        return self._vector(self.density_parts(order), time)

    def density_parts(self, order: int | None = None) -> tuple[np.ndarray, ...]:
        """Components of the spin density in the cells."""
        rho = [p / self.medium.diffusion for p in self.potential_parts(order)]
        if order != 2:
            chi = self.medium.equilibrium_density
            rho = [r + chi * s for r, s in zip(rho, components(self.texture))]
        return tuple(rho)

    def pumped_current(self, order: int | None = None, time: float = 0.0) -> np.ndarray:
        """The pumped current ``- d_x mu`` [pumping 9] through the faces, float64[3, n + 1].

        At the walls it is the current into the contacts: ``-G mu`` on the left, ``G mu`` on the
        right.
        """
        return self._vector(self.pumped_current_parts(order), time)

    def pumped_current_parts(self, order: int | None = None) -> tuple[np.ndarray, ...]:
        """Components of the pumped current through the faces."""
        step = self.position[1] - self.position[0]
        out, into = wall_conductance(self.left, step), wall_conductance(self.right, step)
        rows = []
        for mu in self.potential_parts(order):
            inner = -np.diff(mu, axis=0) / step
            rows.append(np.concatenate([-out * mu[:1], inner, into * mu[-1:]]))
        return tuple(rows)

    def supercurrent(self, time: float = 0.0) -> np.ndarray:
        """The equilibrium current [pumping 8] through the inner faces, float64[3, n - 1]."""
        step = self.position[1] - self.position[0]
        spin = components(self.texture)
        middle = tuple(0.5 * (s[1:] + s[:-1]) for s in spin)
        slope = tuple(np.diff(s, axis=0) / step for s in spin)
        product = self.frame.cross(middle, slope)
        return self._vector([-self.medium.exchange_stiffness * p for p in product], time)

    def dynamic_torque(self, time: float = 0.0) -> np.ndarray:
        """The dynamic torque [pumping 26] in the cells, float64[3, n]."""
        return self._vector([self.medium.torque_coefficient * n for n in self.source], time)

    def balance(self, order: int | None = None) -> float:
        """Relative error of the spin balance of the whole junction, averaged over a period.

        What the torque adds must leave through the contacts or relax:
        ``g int N_z - (rho_z - chi S_z)/tau_s dx = j_z(right) - j_z(left)`` for the z component.
        """
        step = self.position[1] - self.position[0]
        current = self._mean_z(self.pumped_current_parts(order))
        given = growing = 0.0
        if order != 1:
            given = self.medium.torque_coefficient * self._mean_z(self.source).sum() * step
            growing = self.secular_rate[2] * self.face[-1]
        lost = self.medium.relaxation / self.medium.diffusion
        lost *= self._mean_z(self.potential_parts(order)).sum() * step
        scale = max(abs(given), abs(current[-1]), abs(current[0]), abs(lost))
        error = abs(given - growing - lost - current[-1] + current[0])
        return float(error / scale) if scale > 0 else 0.0

    def rashba(
        self, field: npt.ArrayLike | None = None, time: float = 0.0
    ) -> tuple[np.ndarray, np.ndarray]:
        """Rashba charge between walls that carry no charge current [pumping 25], [pumping 26].

        ``i W rho_c + d_x (j_loc - D d_x rho_c) = 0`` with no flow through either wall.

        Parameters
        ----------
        field : three floats, optional
            Rashba vector E_so, instead of that of the medium.
        time : float
            Time at which the charge is returned.

        Returns
        -------
        float64[n], float64[3, n + 1]
            Charge density in the cells, and charge current through the faces. Along x it is the
            whole current; along y and z it is the local one, with the mean of two cells at a face.
        """
        medium = self.medium
        vector = real_numbers("field", medium.rashba if field is None else field, 3)
        rashba_field = np.asarray(vector, dtype=float)
        with calculation("the Rashba coupling", "give a smaller field") as check:
            largest = float(np.linalg.norm(rashba_field))
            check(largest, medium.rashba_factor * largest)
        medium.warn_rashba(largest)
        a = medium.rashba_factor * rashba_field
        torque = [medium.torque_coefficient * n for n in self.source]
        step = self.position[1] - self.position[0]
        local = []
        for i in range(3):
            weight = [LEVI_CIVITA[i, :, alpha] @ a for alpha in range(3)]
            parts = self.frame.contract([float(w) for w in weight], torque)
            edges = [np.concatenate([p[:1], 0.5 * (p[1:] + p[:-1]), p[-1:]]) for p in parts]
            local.append(edges)
        density, flow = [], []
        closed = Walls(step, medium.diffusion, 0.0, INSULATING, INSULATING)  # charge never relaxes
        for part, omega, j in zip(range(len(local[0])), self._omegas(scalar=True), local[0]):
            j = j.copy()
            j[0] = j[-1] = 0.0  # the walls carry nothing
            divergence = np.diff(j, axis=0) / step
            rho, _ = solve_part(-divergence, omega, self.frame, closed, part)
            spread = np.zeros_like(j)
            spread[1:-1] = -medium.diffusion * np.diff(rho, axis=0) / step
            density.append(rho)
            flow.append(j + spread)
        current = [self._scalar(flow, time)] + [self._scalar(j, time) for j in local[1:]]
        return self._scalar(density, time), np.stack(current)

    def numerical_error(self, field: str | None = None, order: int | None = None) -> float:
        """Estimate of the error that comes from the finite cells.

        The same junction is solved with half and with a quarter of the cells, see `grid`.

        Parameters
        ----------
        field : {"potential", "density", "pumped_current"}, optional
            The field in question; the answer is then its largest error in its own unit. By default
            the answer is the largest relative error of the density and the pumped current of either
            order.
        order : int, optional
            1 or 2; None is the sum of both. It is used with `field` only.

        Returns
        -------
        float
            Infinite where no digit is certain.
        """
        if field is not None:
            one_of("field", field, FIELDS)
            orders_asked(order)
            noise = NOISE * max(
                (
                    size * (self.medium.diffusion if field == "potential" else 1.0)
                    for name, number, size in self._natural_sizes()
                    if name == ("density" if field == "potential" else field)
                    and order in (None, number)
                ),
                default=0.0,
            )
            return error_bound(*self._changes(field, order), JUNCTION_SAFETY, noise)
        worst = 0.0
        for name, number, natural in self._natural_sizes():
            size, change, before = self._changes(name, number)
            if size > NOISE * natural:
                worst = max(worst, error_bound(size, change, before, JUNCTION_SAFETY) / size)
        return worst

    def _natural_sizes(self) -> list[tuple[str, int, float]]:
        found = typical(self.texture, self.medium, closed=self.left == self.right == 0)
        return [] if found is None else natural_sizes(self.medium, found)

    @cached_property
    def _coarser(self) -> tuple[Junction, Junction]:
        """The same junction with half and with a quarter of the cells."""
        half = respond_between(coarsened(self.texture), self.medium, self.vertex, *self._contacts)
        quarter = coarsened(half.texture)
        return half, respond_between(quarter, self.medium, self.vertex, *self._contacts)

    @property
    def _contacts(self) -> tuple[float, float]:
        return self.left, self.right

    def _changes(self, name: str, order: int | None) -> tuple[float, float, float]:
        """Size of a field, and its changes between all cells, half of them and a quarter."""
        fine = getattr(self, f"{name}_parts")(order)
        size = modulus(fine)
        if len(self.position) < FEWEST_CELLS:
            return size, size, size
        levels = [(self, fine)]
        levels += [(j, getattr(j, f"{name}_parts")(order)) for j in self._coarser]
        change = []
        for (one, parts), (other, coarse) in pairwise(levels):
            faces = name == "pumped_current"
            here = one.face if faces else one.position
            there = other.face if faces else other.position
            change.append(
                modulus([interpolated(a, here, there) - b for a, b in zip(parts, coarse)])
            )
        return size, change[0], change[1]

    def _omegas(self, scalar: bool = False) -> list[np.ndarray]:
        return harmonics(self.texture, scalar)

    def _vector(self, parts: Sequence[np.ndarray], time: float) -> np.ndarray:
        return checked_output(np.stack(components_at(self.frame, parts, finite("time", time))))

    def _scalar(self, parts: Sequence[np.ndarray], time: float) -> np.ndarray:
        at = components_at(self.frame, parts, finite("time", time))
        return checked_output(at[0] + at[2] if self.frame.kind == "rigid" else at[0])

    def _mean_z(self, parts: Sequence[np.ndarray]) -> np.ndarray:
        z = parts[-1]
        return z if self.frame.kind == "rigid" else z.mean(axis=-1)


def checked_output(array: np.ndarray) -> np.ndarray:
    """The array, or the sentence that says that it overflows."""
    with calculation("a field", "give a texture and a medium of ordinary size") as check:
        check(array)
    return array


def solve_junction(
    texture: RigidTexture | PeriodicTexture,
    medium: Medium,
    *,
    left: float = INSULATING,
    right: float = INSULATING,
    vertex: str = "single",
) -> Junction:
    """Pumped spin in one dimension between two contacts, by finite volumes.

    The boundary condition holds for the potential, not for the density::

        (d_t + 1/tau_s) mu - D mu'' = - chi D dS/dt + D g N        [pumping 10], [pumping 12]
        outward current at a wall = G mu

    ``G = 0`` is an insulating wall, ``G = inf`` a reservoir in local equilibrium (``rho = chi S``).

    Parameters
    ----------
    texture : RigidTexture or PeriodicTexture
        Magnetisation on one axis, sampled at the centres of the cells (``cell_centred=True``). It
        need not be periodic in space, and must not move (`velocity`).
    medium : Medium
        The electron gas.
    left, right : float, 1/length
        Conductance of the contacts at 0 and at the length.
    vertex : {"single", "full"}
        As in `pump`.

    Returns
    -------
    Junction

    Raises
    ------
    ParameterError
        For a grid of several axes, a texture that moves or is not sampled at the centres of the
        cells, fewer than 2 cells, or a negative conductance.

    Warns
    -----
    ValidityWarning
        If a small parameter of the theory is not small, or if the estimated error from the finite
        cells exceeds 5 % (`Junction.numerical_error`).

    Notes
    -----
    The error is of second order in the size of a cell. Without relaxation, between two insulating
    walls, the mean spin grows at `secular_rate`, and the stationary part is returned with zero
    mean.

    Examples
    --------
    >>> from hopnet.pumping.medium import Medium
    >>> from hopnet.pumping import interface
    >>> gas = Medium(exchange=0.01, tau=0.1, density_of_states=1.0, fermi_energy=2.0, tau_s=5.0)
    >>> texture = interface((200,), (20.0,), edges=8.0, width=0.5, frequency=0.4, cell_centred=True)
    >>> junction = solve_junction(texture, gas, right=RESERVOIR)
    >>> junction.pumped_current().shape, junction.balance() < 1e-10
    ((3, 201), True)
    """
    check_texture(texture)
    instance("medium", medium, (Medium,), "build one with hopnet.pumping.Medium")
    one_of("vertex", vertex, ("single", "full"))
    left = not_negative("left conductance", left, infinite=True)
    right = not_negative("right conductance", right, infinite=True)
    warn_validity(texture, medium, closed=left == right == 0)
    junction = respond_between(texture, medium, vertex, left, right)
    error = junction.numerical_error()
    if error > WARNED:
        found = f"up to {error:.2g}" if math.isfinite(error) else "of the size of the result itself"
        warnings.warn(
            f"the relative error from the finite cells should stay below {WARNED:g}, got an "
            f"estimate {found} for {texture.shape[0]} cells; take more cells.",
            ValidityWarning,
            stacklevel=2,
        )
    return junction


def check_texture(texture: RigidTexture | PeriodicTexture) -> None:
    """Refuse a texture that does not fit between contacts."""
    if not isinstance(texture, RigidTexture | PeriodicTexture) or len(texture.shape) != 1:
        raise ParameterError(
            "a junction needs a rigid or periodic texture on one axis, got "
            f"{type(texture).__name__} of shape {getattr(texture, 'shape', None)}; drop the others."
        )
    if isinstance(texture, RigidTexture) and texture.moves:
        raise ParameterError(
            "the texture of a junction must stand still, as the contacts do, got the velocity "
            f"{texture.velocity}; sample it in time."
        )
    if texture.shape[0] < 2:
        raise ParameterError(
            f"a junction must have at least 2 cells, got {texture.shape[0]}; take more."
        )
    if texture.cell_centred is False:
        raise ParameterError(
            "the texture of a junction must be sampled at the centres of the cells, got samples at "
            "their left edges; build it with cell_centred=True."
        )


def respond_between(
    texture: RigidTexture | PeriodicTexture,
    medium: Medium,
    vertex: str,
    left: float,
    right: float,
) -> Junction:
    """Solve a junction without any warning, see `solve_junction`."""
    length = texture.lengths[0]
    position = grid_points(texture.shape, texture.lengths, cell_centred=True)[0]
    face = np.linspace(0.0, length, len(position) + 1)
    kind = "rigid" if isinstance(texture, RigidTexture) else "periodic"
    frame = Frame(
        kind,
        (),
        (),
        getattr(texture, "frequency", 0.0),
        period=getattr(texture, "period", None),
        shape=texture.shape,
    )
    omegas, spin = harmonics(texture), components(texture)
    walls = Walls(float(face[1]), medium.diffusion, medium.relaxation, left, right)

    def solved(source: Sequence[np.ndarray]) -> tuple[list, list]:
        pairs = [
            solve_part(s, w, frame, walls, part) for part, (s, w) in enumerate(zip(source, omegas))
        ]
        return [u for u, _ in pairs], [mean for _, mean in pairs]

    with calculation("the junction", "give numbers of ordinary size") as check:
        rate = [time_derivative(frame, s, w) for s, w in zip(spin, omegas)]
        averaged, _ = solved([r / medium.tau for r in rate])  # <dS/dt>
        source = frame.cross(spin, tuple(averaged if vertex == "full" else rate))
        size = -medium.equilibrium_density * medium.tau * medium.diffusion
        first = [size * a for a in averaged]
        drive = medium.torque_coefficient
        second, growing = solved([medium.diffusion * drive * n for n in source])
        mean = np.asarray(growing) / medium.diffusion
        check(*first, *second, *source, mean)
    if kind == "rigid":
        mean = np.array([mean[0].real, mean[0].imag, mean[1].real])
    return Junction(
        texture,
        medium,
        vertex,
        left,
        right,
        frame,
        position,
        face,
        tuple(first),
        tuple(second),
        source,
        np.real(mean) + 0.0,
    )


def warn_validity(texture: RigidTexture | PeriodicTexture, medium: Medium, closed: bool) -> None:
    """Warn of each small parameter of the theory that is large for a texture between contacts."""
    found = typical(texture, medium, closed)
    if found is not None:
        medium.warn(*found)


def typical(
    texture: RigidTexture | PeriodicTexture, medium: Medium, closed: bool
) -> Typical | None:
    """Steepest slope, frequency and slowest rate of a texture between contacts.

    The slowest rate is that of the longest wave, which has a quarter of its length between the
    walls, or is uniform if both insulate. A texture that vanishes gives None.
    """
    spin, omegas = components(texture), harmonics(texture)
    length = texture.lengths[0]
    step = length / texture.shape[0]
    with calculation("the texture", "give spins of ordinary size") as check:
        size = float(np.sqrt(sum(np.abs(s) ** 2 for s in spin).max()))
        check(size)
    if size == 0:
        return None
    slope = max(float(np.abs(np.diff(s, axis=0)).max()) for s in spin) / (step * size)
    frequency = max(abs(float(w[min(1, len(w) - 1)])) for w in omegas)
    longest = 0.0 if closed else 0.5 * math.pi / length
    slowest = abs(complex(medium.diffusion * longest**2 + medium.relaxation, frequency))
    return Typical(slope, frequency, slowest, size)
