"""Magnetisation textures S(x, t): rigidly turning or moving, periodic in time, or sampled."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from hopnet.checks import flag, shown, whole
from hopnet.errors import ParameterError
from hopnet.pumping.inputs import (
    calculation,
    complex_array,
    finite,
    instance,
    positive,
    positive_numbers,
    real_array,
    real_numbers,
    settle,
)
from hopnet.records import Record

__all__ = [
    "PeriodicTexture",
    "RigidTexture",
    "Texture",
    "TimeSeries",
    "checked_shape",
    "grid_points",
    "sample_texture",
]

# Most points of a grid, times included. One complex component of 2**28 points takes 4 GB; larger
# grids would end in a MemoryError halfway through a calculation.
MOST_POINTS = 2**28
# Two frames are taken as one when they differ by less than this part of the change from frame to
# frame. It must exceed the rounding of the user's own sampling (1e-15) by far.
SAME_FRAME = 1e-9


@dataclass(frozen=True, eq=False, repr=False)
class RigidTexture(Record):
    """A texture that turns about z and moves without changing its form; it has no time axis.

    ``S_x + i S_y = plus(x - velocity t) exp(i frequency t)``, ``S_z = z(x - velocity t)``.
    Every response to it turns and moves in the same way, so each is one array [pumping 1].

    Parameters
    ----------
    plus : complex128[*shape]
        In-plane components ``S_x + i S_y`` at t = 0.
    z : float64[*shape]
        Component along z at t = 0.
    lengths : tuple of float
        Period of the box along each axis of the grid.
    frequency : float, 1/time
        Angular frequency of the turning, of either sign.
    velocity : tuple of float, length/time, optional
        Velocity along each axis of the grid. The default is a texture at rest.
    cell_centred : bool, optional
        Whether the samples lie at the centres of the cells (True) or at their left edges (False).
        A junction with contacts refuses False. None means that the samples come without this
        information; a junction then takes them as cell centres.

    Raises
    ------
    ParameterError
        For unequal shapes, a complex z, numbers that are not finite, or a wrong count of lengths.

    Examples
    --------
    >>> texture = RigidTexture([1j, 1j], [0.0, 0.0], lengths=(4.0,), frequency=0.5)
    >>> texture.shape
    (2,)
    """

    plus: np.ndarray
    z: np.ndarray
    lengths: tuple[float, ...]
    frequency: float = 0.0
    velocity: tuple[float, ...] | None = None
    cell_centred: bool | None = None

    def __post_init__(self) -> None:
        plus, z = complex_array("plus", self.plus), real_array("z", self.z)
        if plus.shape != z.shape:
            raise ParameterError(
                f"plus and z must have one shape, got {plus.shape} and {z.shape}; "
                "sample both on the same grid."
            )
        velocity = real_numbers(
            "velocity", (0.0,) * plus.ndim if self.velocity is None else self.velocity
        )
        if len(velocity) != plus.ndim:
            raise ParameterError(
                f"velocity must hold one number per axis of the grid ({plus.ndim}), "
                f"got {len(velocity)}; give one for each axis."
            )
        settle(
            self,
            plus=frozen(plus),
            z=frozen(z),
            lengths=checked_lengths(self.lengths, plus.shape),
            velocity=velocity,
            frequency=finite("frequency", self.frequency),
            cell_centred=checked_centring(self.cell_centred),
        )

    @property
    def shape(self) -> tuple[int, ...]:
        """Points along each axis of the grid."""
        return self.plus.shape

    @property
    def moves(self) -> bool:
        """Whether the texture is carried along, in addition to turning."""
        return any(v != 0 for v in self.velocity or ())


@dataclass(frozen=True, eq=False, repr=False)
class PeriodicTexture(Record):
    """A texture sampled over one period in time and one period of the box in space.

    Parameters
    ----------
    spin : float64[3, *shape, n_times]
        Samples of S. The last one lies one step before the end of the period: do not repeat the
        first.
    lengths : tuple of float
        Period of the box along each axis of the grid.
    period : float, time
        Period in time.
    cell_centred : bool, optional
        As in `RigidTexture`.

    Raises
    ------
    ParameterError
        For a wrong shape, two samples in time (no derivative), numbers that are complex or not
        finite, or a last frame that repeats the first.
    """

    spin: np.ndarray
    lengths: tuple[float, ...]
    period: float
    cell_centred: bool | None = None

    def __post_init__(self) -> None:
        spin = checked_spin("spin", self.spin)
        if spin.shape[-1] == 2:
            raise ParameterError(
                "a period must have 1 sample (static) or at least 3, got 2; sample it more finely."
            )
        period = positive("period", self.period)
        refuse_repeated_frame(spin)
        settle(
            self,
            spin=frozen(spin),
            lengths=checked_lengths(self.lengths, spin.shape[1:-1]),
            period=period,
            cell_centred=checked_centring(self.cell_centred),
        )

    @property
    def shape(self) -> tuple[int, ...]:
        """Points along each axis of the grid."""
        return self.spin.shape[1:-1]


@dataclass(frozen=True, eq=False, repr=False)
class TimeSeries(Record):
    """A texture sampled at increasing times, periodic in space only.

    Before the first sample the electrons are in equilibrium with it.

    Parameters
    ----------
    spin : float64[3, *shape, n_times]
        Samples of S.
    lengths : tuple of float
        Period of the box along each axis of the grid.
    time : float64[n_times]
        Times of the samples.
    rate : float64[3, *shape, n_times], optional
        Time derivative dS/dt. The default is second-order differences of `spin`.

    Raises
    ------
    ParameterError
        For a wrong shape, fewer than three times, times that do not increase, or numbers that are
        complex or not finite.
    """

    spin: np.ndarray
    lengths: tuple[float, ...]
    time: np.ndarray
    rate: np.ndarray | None = None

    def __post_init__(self) -> None:
        spin = checked_spin("spin", self.spin)
        time = real_array("time", self.time)
        if time.shape != spin.shape[-1:] or len(time) < 3 or not np.all(np.diff(time) > 0):
            raise ParameterError(
                "time must hold at least 3 increasing values, one per sample "
                f"({spin.shape[-1]}), got shape {time.shape}; sort them and drop repeated ones."
            )
        if self.rate is None:
            with calculation("dS/dt", "give times and spins of ordinary size") as check:
                rate = np.gradient(spin, time, axis=-1, edge_order=2)
                check(rate)
        else:
            rate = checked_spin("rate", self.rate)
            if rate.shape != spin.shape:
                raise ParameterError(
                    f"rate must have the shape of spin {spin.shape}, got {rate.shape}; leave it "
                    "out for differences."
                )
        settle(
            self,
            spin=frozen(spin),
            time=frozen(time),
            rate=frozen(rate),
            lengths=checked_lengths(self.lengths, spin.shape[1:-1]),
        )

    @property
    def shape(self) -> tuple[int, ...]:
        """Points along each axis of the grid."""
        return self.spin.shape[1:-1]


Texture: TypeAlias = RigidTexture | PeriodicTexture | TimeSeries


def frozen(array: np.ndarray) -> np.ndarray:
    """The same array, C-contiguous and marked as read-only."""
    array = np.ascontiguousarray(array)
    array.flags.writeable = False
    return array


def checked_centring(cell_centred: bool | None) -> bool | None:
    """Whether samples lie at cell centres: True, False, or None for unknown."""
    return None if cell_centred is None else flag("cell_centred", cell_centred)


def checked_spin(name: str, spin: npt.ArrayLike) -> np.ndarray:
    """Samples of a spin vector, float64[3, *shape, n_times]."""
    spin = real_array(name, spin)
    if not 3 <= spin.ndim <= 5 or spin.shape[0] != 3 or 0 in spin.shape:
        raise ParameterError(
            f"{name} must have shape (3, grid of 1 to 3 axes, times), "
            f"got {spin.shape}; put the component first and time last."
        )
    return spin


def checked_lengths(lengths: npt.ArrayLike, shape: tuple[int, ...]) -> tuple[float, ...]:
    """Positive lengths of the box, one per axis of the grid."""
    if not 1 <= len(shape) <= 3 or 0 in shape:
        raise ParameterError(
            f"the grid must have 1 to 3 axes with at least one point each, got shape {shape}; "
            "change the arrays."
        )
    numbers = positive_numbers("lengths", lengths)
    if len(numbers) != len(shape):
        raise ParameterError(
            f"lengths must hold one number per axis of the grid ({len(shape)}), "
            f"got {len(numbers)}; give one for each axis."
        )
    return numbers


def checked_shape(shape: npt.ArrayLike) -> tuple[int, ...]:
    """Points along each axis of a grid that fits into memory."""
    if isinstance(shape, str | bytes):
        raise ParameterError(
            f"shape must hold whole numbers, got {shown(shape)}; give the points along each axis."
        )
    try:
        entries: tuple[Any, ...] = tuple(shape) if np.ndim(shape) else (shape,)  # type: ignore[arg-type]
    except Exception:  # ragged lists and foreign objects fail in their own ways
        entries = (shape,)
    points = tuple(whole("shape", n, low=1) for n in entries)
    if not 1 <= len(points) <= 3:
        raise ParameterError(
            f"the grid must have 1 to 3 axes, got {len(points)}; change the shape."
        )
    if math.prod(points) > MOST_POINTS:
        raise ParameterError(
            f"a grid must have at most {MOST_POINTS} points, got {math.prod(points)}; coarsen it."
        )
    return points


def refuse_repeated_frame(spin: np.ndarray) -> None:
    """Refuse a period whose last frame is the first one again."""
    n = spin.shape[-1]
    if n < 3:
        return
    step = np.abs(np.diff(spin, axis=-1)).max()
    if step > 0 and np.abs(spin[..., -1] - spin[..., 0]).max() <= SAME_FRAME * step:
        raise ParameterError(
            "a period must end one step before it begins again, got a last sample that repeats "
            "the first; drop the last frame."
        )


def grid_points(
    shape: npt.ArrayLike, lengths: npt.ArrayLike, *, cell_centred: bool = False
) -> list[np.ndarray]:
    """Coordinates of the grid, one open array per axis.

    Parameters
    ----------
    shape : tuple of int
        Points along each axis.
    lengths : tuple of float
        Length of the box along each axis.
    cell_centred : bool
        Start half a step from 0, for junctions with contacts, whose walls lie at 0 and at the
        length. By default the first point lies at 0.

    Returns
    -------
    list of float64

    Examples
    --------
    >>> grid_points((4,), (2.0,))[0]
    array([0. , 0.5, 1. , 1.5])
    """
    shape = checked_shape(shape)
    lengths = checked_lengths(lengths, shape)
    shift = 0.5 if flag("cell_centred", cell_centred) else 0.0
    with calculation("the positions", "give lengths of ordinary size") as check:
        points = [(np.arange(n) + shift) * length / n for n, length in zip(shape, lengths)]
        check(*points)
    return list(np.ix_(*points))


def sample_texture(
    function: Callable[..., npt.ArrayLike],
    shape: npt.ArrayLike,
    lengths: npt.ArrayLike,
    *,
    period: float | None = None,
    n_times: int | None = None,
    time: npt.ArrayLike | None = None,
    cell_centred: bool = False,
) -> PeriodicTexture | TimeSeries:
    """Sample a callable ``S(x, [y, [z,]] t)`` on a grid.

    Parameters
    ----------
    function : callable
        Takes broadcastable coordinate arrays and the time, and returns three components.
    shape, lengths : tuple
        Points and length of the box along each axis.
    period : float, optional
        Period in time; with `n_times` the result is a `PeriodicTexture`.
    n_times : int, optional
        Samples per period.
    time : float64[n_times], optional
        Times of the samples, instead of `period` and `n_times`; the result is a `TimeSeries`.
    cell_centred : bool
        As in `grid_points`.

    Returns
    -------
    PeriodicTexture or TimeSeries

    Examples
    --------
    >>> texture = sample_texture(lambda x, t: (np.cos(t - x), np.sin(t - x), 0 * x),
    ...                          (8,), (2 * np.pi,), period=2 * np.pi, n_times=5)
    >>> texture.spin.shape
    (3, 8, 5)
    """
    if not callable(function):
        raise ParameterError(
            f"function must be callable as S(x, t), got {shown(function)}; give a function."
        )
    if (time is None) == (period is None or n_times is None):
        raise ParameterError(
            "sample_texture needs either period and n_times, or time, "
            f"got period={shown(period)}, n_times={shown(n_times)}; give one of the two."
        )
    if time is None:
        period = positive("period", period)
        n_times = whole("n_times", n_times, low=1, high=MOST_POINTS)
        with calculation("the times", "give a period of ordinary size") as check:
            instants = period * np.arange(n_times) / n_times
            check(instants)
    else:
        instants = np.atleast_1d(real_array("time", time))
    points = [x[..., None] for x in grid_points(shape, lengths, cell_centred=cell_centred)]
    whole_shape = checked_shape(shape) + instants.shape
    if math.prod(whole_shape) > MOST_POINTS:
        raise ParameterError(
            f"a grid with its times must have at most {MOST_POINTS} points, "
            f"got {math.prod(whole_shape)}; coarsen it."
        )
    try:
        components = function(*points, instants)
    except TypeError as failure:
        raise ParameterError(
            f"function must take {len(points)} coordinate arrays and the times, got {failure}; "
            "write it as S(x, t), S(x, y, t) or S(x, y, z, t)."
        ) from failure
    spin = sampled(components, whole_shape)
    box = positive_numbers("lengths", lengths)
    if time is None and period is not None:
        return PeriodicTexture(spin, box, period, cell_centred=cell_centred)
    return TimeSeries(spin, box, instants)


def sampled(components: npt.ArrayLike, shape: tuple[int, ...]) -> np.ndarray:
    """Three components of a sampled function, each spread over the grid and the times."""
    instance("the value of function", components, (tuple, list, np.ndarray), "return (x, y, z)")
    rows = list(components)  # type: ignore[arg-type]
    if len(rows) != 3:
        raise ParameterError(
            f"function must return three components, got {len(rows)}; return (x, y, z)."
        )
    try:
        return np.stack([np.broadcast_to(s, shape) for s in rows])
    except ValueError as failure:
        raise ParameterError(
            f"each component of function must fit the grid and times {shape}, got {failure}; "
            "build it from the arrays that function is given."
        ) from None
