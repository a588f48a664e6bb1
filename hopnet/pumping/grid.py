"""How far a finite grid changes a result: the same calculation on half as many samples.

The samples of a texture do not say what lies between them. What can be seen is how much a result
changes when every second sample is dropped, and how much it changed when that was done once
before. From these two changes follows an estimate of the error that remains.

    samples   x . x . x . x . x     fine:    the texture as given
              x   .   x   .   x     half:    every second sample
              x       .       x     quarter: every second sample of those

An odd number of points n is first interpolated to n + 1 points by its own Fourier series, so that
every second point exists.
"""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from hopnet.checks import shown
from hopnet.errors import ParameterError, ValidityWarning
from hopnet.pumping.check import Typical, typical
from hopnet.pumping.fields import Field
from hopnet.pumping.medium import Medium
from hopnet.pumping.texture import PeriodicTexture, RigidTexture, Texture, TimeSeries

if TYPE_CHECKING:
    from hopnet.pumping.currents import Pumping

__all__ = [
    "NOISE",
    "WARNED",
    "error_bound",
    "halved",
    "natural_sizes",
    "numerical_error",
    "relative_error",
    "warn_grid",
]

# The estimate is SAFETY times the change from half the grid to the whole one. The next finer grid
# changes a result less than the last refinement did, so 1 would do for smooth textures. In a
# survey of 1000 random textures (kinks, tanh profiles, noise; tests/test_pumping_grid.py) the
# estimate with 6 was at least 2.7 times the error, and 200 times in the median. A smaller number
# leaves less room for what the survey did not see; a larger one warns about grids that are fine.
SAFETY = 6.0
# The last change over the change before it measures the convergence. Near 1 there is none and the
# estimate is multiplied by 1/(1 - CONVERGENCE) = 4. Its pole at 1 is avoided, because two changes
# may be equal by chance on a fine grid.
CONVERGENCE = 0.75
# A last change above this part of the result means that no digit is certain: the estimate is then
# infinite. A larger part would give estimates that do not cover narrow spikes.
UNCERTAIN = 0.3
# Changes below this part of the result are rounding, and so is the least estimate returned.
ROUNDING = 1e-12
# A field below this part of its natural size is the rounding of terms that cancel, and counts as 0.
# Rounding leaves 1e-16 times the number of modes; real fields that small would not be visible.
NOISE = 1e-10
# Axes with fewer points are not halved but reduced to their mean: on 7 points or fewer a texture
# that varies cannot be distinguished from a coarser one with half as many.
FEWEST_POINTS = 8
# The same for the samples of a period: precession itself needs 5, and half of 5 is the 3 that a
# period must have at least.
FEWEST_TIMES = 5
# A result whose estimated relative error exceeds this is warned about. The true error is typically
# some 100 times smaller than the estimate and at most equal to it. A smaller limit would warn of
# grids that serve most purposes, a larger one would accept results wrong by tens of per cent.
WARNED = 0.05
# The error is computed when more than this part of the varying texture lies on the upper half of
# the wave numbers (or time changes by more than STEP_CHANGE from step to step). Below it no
# estimate exceeds WARNED. A smaller part would compute the error of every texture, which takes
# as long as the result itself.
TAIL = 1e-4
# Relative change of dS/dt from step to step, in a time series, above which the error is computed.
STEP_CHANGE = 0.05


def error_bound(
    size: float, change: float, change_before: float, safety: float = SAFETY, noise: float = 0.0
) -> float:
    """Estimate of an error from the last two changes under refinement, in the unit of the result.

    Parameters
    ----------
    size : float
        Largest modulus of the result.
    change, change_before : float
        Largest change from half the grid to the grid, and from a quarter to half of it.
    safety : float
        Factor on the last change.
    noise : float
        Size below which a result is rounding of larger terms.

    Returns
    -------
    float
        Infinite where no digit of the result is certain.
    """
    if size <= noise:
        return noise
    least = ROUNDING * size
    if change <= least:
        return least
    if not change <= UNCERTAIN * size:
        return math.inf
    ratio = min(change / change_before, 1.0) if change_before > 0 else 1.0
    return safety * change / (1 - CONVERGENCE * ratio) + least


def numerical_error(pumping: Pumping, field: Callable[[Pumping], Field]) -> float:
    """Estimate of the error of a field that comes from the finite grid.

    Parameters
    ----------
    pumping : Pumping
        The result.
    field : callable
        Takes a Pumping and returns the `Field` in question, for example
        ``lambda p: p.pumped_current(2)``.

    Returns
    -------
    float
        Bound of the change at any point and time, in the unit of the field. It is infinite where no
        digit is certain.

    Raises
    ------
    ParameterError
        If `field` is not a function that returns a Field.

    Notes
    -----
    The estimate is `SAFETY` times the change from half the samples, see the head of the file. It
    covers textures without features narrower than a step of the grid: the samples do not show
    these. It costs as much as the field itself on one axis, and less on several.
    """
    check_pumping(pumping)
    if not callable(field) or isinstance(field, type):
        raise wrong_field(field)
    size, change, change_before = changes(pumping, field)
    return error_bound(size, change, change_before)


def check_pumping(pumping: Pumping) -> None:
    """Raise a ParameterError unless the argument is a result of `pump`."""
    if not hasattr(pumping, "spin_hat"):
        raise ParameterError(
            f"pumping must be a Pumping, got {shown(pumping)}; take the result of pump."
        )


def wrong_field(got: object) -> ParameterError:
    """The error for a field that is not a function from a Pumping to a Field."""
    return ParameterError(
        f"field must be a function that takes a Pumping and returns a Field, got {shown(got)}; "
        "give for example lambda p: p.pumped_current()."
    )


def relative_error(pumping: Pumping) -> float:
    """Largest relative error of density and pumped current of either order, from the grid.

    Parameters
    ----------
    pumping : Pumping
        The result.

    Returns
    -------
    float
        Error of a field over its own largest modulus; infinite where no digit is certain.
    """
    check_pumping(pumping)
    found = typical(pumping)
    if found is None:
        return 0.0
    levels = refinement(pumping)
    worst = 0.0
    for name, order, natural in natural_sizes(pumping.medium, found):

        def field(p: Pumping, name: str = name, order: int = order) -> Field:
            return getattr(p, name)(order)

        size, change, before = compare(pumping, levels, field)
        if size > NOISE * natural:
            worst = max(worst, error_bound(size, change, before) / size)
    return worst


def natural_sizes(medium: Medium, found: Typical) -> list[tuple[str, int, float]]:
    """Sizes that density and pumped current of either order have unless their terms cancel.

    Returns
    -------
    list of (name, order, size)
    """
    k, frequency, _, spin = found
    rate = medium.diffusion * k**2 + medium.relaxation + frequency
    first = abs(medium.equilibrium_density) * spin
    second = medium.torque_coefficient * spin**2 * frequency / rate if rate > 0 else 0.0
    return [
        ("density", 1, first),
        ("pumped_current", 1, medium.diffusion * k * first),
        ("density", 2, second),
        ("pumped_current", 2, medium.diffusion * k * second),
    ]


def changes(pumping: Pumping, field: Callable[[Pumping], Field]) -> tuple[float, float, float]:
    """Size of a field, its last change under refinement, and the change before that."""
    return compare(pumping, refinement(pumping), field)


def refinement(pumping: Pumping) -> tuple[Pumping, Pumping]:
    """The same calculation on half and on a quarter of the samples."""
    half = pumping.on(halved(pumping.texture))
    return half, pumping.on(halved(half.texture))


def compare(
    pumping: Pumping, levels: tuple[Pumping, Pumping], field: Callable[[Pumping], Field]
) -> tuple[float, float, float]:
    """Size of a field, and its changes between the grid, half of it and a quarter of it."""
    with np.errstate(over="ignore", invalid="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", ValidityWarning)  # the result itself has warned already
        results = []
        for level in (pumping, *levels):
            try:
                results.append(field(level))
            except (TypeError, AttributeError):  # a function of something else
                raise wrong_field(field) from None
            if not isinstance(results[-1], Field):
                raise wrong_field(results[-1])
        fine, half, quarter = (stacked(result) for result in results)
        return largest(fine), difference(fine, half), difference(half, quarter)


def halved(texture: Texture) -> Texture:
    """The texture on half of its samples along every axis of the grid, and in time.

    Axes that are too short for that are replaced by their mean, see `FEWEST_POINTS`.
    """
    if isinstance(texture, RigidTexture):
        axes = range(texture.plus.ndim)
        return replace(texture, plus=thinned(texture.plus, axes), z=thinned(texture.z, axes))
    axes = range(1, texture.spin.ndim - 1)
    if isinstance(texture, PeriodicTexture):
        spin = thinned(texture.spin, axes)
        n = spin.shape[-1]
        if n >= FEWEST_TIMES:
            # Half of a period may end as it began by chance, which the texture would refuse.
            with contextlib.suppress(ParameterError):
                return replace(texture, spin=every_second(spin, -1))
        return replace(texture, spin=spread_mean(spin, -1))
    return halved_series(texture, axes)


def halved_series(texture: TimeSeries, axes: Sequence[int]) -> TimeSeries:
    """A time series on half of its samples; the last time is kept."""
    chosen = np.unique(np.append(np.arange(0, len(texture.time), 2), len(texture.time) - 1))
    if len(chosen) < 3:
        return replace(texture, spin=thinned(texture.spin, axes), rate=0 * texture.spin)
    spin, rate = texture.spin, np.asarray(texture.rate)
    by_differences = np.array_equal(rate, np.gradient(spin, texture.time, axis=-1, edge_order=2))
    return TimeSeries(
        thinned(spin[..., chosen], axes),
        texture.lengths,
        texture.time[chosen],
        None if by_differences else thinned(rate[..., chosen], axes),
    )


def thinned(array: np.ndarray, axes: Sequence[int]) -> np.ndarray:
    """Every second sample along some axes; short axes are replaced by their mean."""
    for axis in axes:
        n = array.shape[axis]
        array = every_second(array, axis) if n >= FEWEST_POINTS else spread_mean(array, axis)
    return array


def every_second(array: np.ndarray, axis: int) -> np.ndarray:
    """Every second sample along an axis; an odd number of samples is interpolated first."""
    n = array.shape[axis]
    if n % 2:
        hat = np.fft.fftshift(np.fft.fft(array, axis=axis), axes=axis)
        room = [(0, 0)] * array.ndim
        room[axis] = (1, 0)  # the Nyquist mode of n + 1 points, which stays 0
        hat = np.fft.ifftshift(np.pad(hat, room), axes=axis)
        finer = np.fft.ifft(hat, axis=axis) * ((n + 1) / n)
        array = finer if np.iscomplexobj(array) else finer.real
    return array[(slice(None),) * (axis % array.ndim) + (slice(None, None, 2),)]


def spread_mean(array: np.ndarray, axis: int) -> np.ndarray:
    """The mean along an axis, at every point of it."""
    if array.shape[axis] == 1:
        return array
    return np.broadcast_to(array.mean(axis=axis, keepdims=True), array.shape)


def stacked(field: Field) -> tuple[list[list[np.ndarray]], Field]:
    """The rows of a field as lists, with the field they belong to."""
    return [list(row) for row in field.rows], field


def largest(result: tuple[list[list[np.ndarray]], Field]) -> float:
    """Largest modulus of a field at any point and time."""
    rows, field = result
    return max(largest_modulus(row, field.vector) for row in rows)


def difference(
    fine: tuple[list[list[np.ndarray]], Field], coarse: tuple[list[list[np.ndarray]], Field]
) -> float:
    """Largest modulus of the change between a field and the same field on half the grid."""
    rows, field = fine
    worst = 0.0
    for row, other in zip(rows, coarse[0]):
        change = [matched(a, field, b, coarse[1]) - b for a, b in zip(row, other)]
        worst = max(worst, largest_modulus(change, field.vector))
    return worst


def largest_modulus(row: list[np.ndarray], vector: bool) -> float:
    """Largest modulus of a spin vector, or of a charge at the time when it is largest."""
    if vector:
        return float(np.sqrt(np.max(sum(np.abs(a) ** 2 for a in row))))
    return float(np.max(sum(np.abs(a) for a in row)))


def matched(array: np.ndarray, field: Field, coarse: np.ndarray, other: Field) -> np.ndarray:
    """A component of the fine grid at the points (and times) of the coarse one."""
    for axis, (n, m) in enumerate(zip(array.shape, coarse.shape)):
        if n == m:
            continue
        if field.frame.kind == "series" and axis == array.ndim - 1:
            index = np.searchsorted(np.asarray(field.frame.time), np.asarray(other.frame.time))
            array = array[..., index]
        else:
            array = every_second(array, axis)
    return array


def tail(pumping: Pumping) -> float:
    """Part of the varying texture on the upper half of the wave numbers and harmonics.

    It is the norm of these amplitudes over the norm of all amplitudes that vary in space or time.
    """
    upper = total = 0.0
    for number, (modes, hat) in enumerate(zip(pumping.frame.vector, pumping.spin_hat)):
        power = (np.abs(hat) ** 2).reshape(hat.shape[0], -1)
        power = (power.reshape(modes.hat_shape) * modes.multiplicity()).reshape(hat.shape)
        high = np.zeros(hat.shape[0], dtype=bool)
        for axis, (k, length) in enumerate(zip(modes.wave_number, pumping.texture.lengths)):
            high |= is_high(k * length / (2 * np.pi), modes.shape[axis], FEWEST_POINTS)
        varying = np.ones(hat.shape, dtype=bool)
        late = np.zeros(hat.shape[1], dtype=bool)
        if modes.time is None:
            varying = (modes.square > 0)[:, None] | (modes.omega > 0)[None, :]
            if pumping.frame.period is not None:
                harmonics = np.arange(hat.shape[1])
                late = is_high(harmonics, modes.shape[-1], FEWEST_TIMES)
        else:
            varying = np.broadcast_to((modes.square > 0)[:, None], hat.shape)
            if pumping.spin_rate_hat is not None and rough(pumping.spin_rate_hat[number]):
                return 1.0
        upper += float(power[(high[:, None] | late[None, :])].sum())
        total += float(power[varying].sum())
    return math.sqrt(upper / total) if total > 0 else 0.0


def is_high(number: np.ndarray, n: int, fewest: int) -> np.ndarray:
    """Whether wave numbers lie on the upper half of the band of an axis of `n` points."""
    limit = n / 4 if n >= fewest else 0.5
    return np.abs(np.rint(number)) >= limit


def rough(rate: np.ndarray) -> bool:
    """Whether dS/dt changes from step to step by more than `STEP_CHANGE` of its size."""
    size = float(np.linalg.norm(rate))
    return size > 0 and float(np.linalg.norm(np.diff(rate, axis=-1))) > STEP_CHANGE * size


def warn_grid(pumping: Pumping, strict: bool = False) -> None:
    """Warn of a grid that is too coarse, or (`strict`) raise a ParameterError.

    The error itself is computed only for a texture that reaches into the upper half of the mode
    numbers of its grid, see `TAIL`.
    """
    if tail(pumping) <= TAIL:
        return
    error = relative_error(pumping)
    if error <= WARNED:
        return
    found = f"up to {error:.2g}" if math.isfinite(error) else "of the size of the result itself"
    message = (
        f"the relative error from the finite grid should stay below {WARNED:g}, got an estimate "
        f"{found} for the grid {pumping.texture.shape}; sample the texture more finely."
    )
    if strict:
        raise ParameterError(message)
    warnings.warn(message, ValidityWarning, stacklevel=3)
