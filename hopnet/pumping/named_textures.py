"""Textures of known form: spiral, standing wave, interface, domain walls, skyrmion."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from hopnet.checks import shown
from hopnet.errors import ParameterError
from hopnet.pumping.inputs import finite, positive, positive_numbers, real_numbers
from hopnet.pumping.texture import RigidTexture, checked_shape, grid_points

__all__ = ["interface", "moving_wall", "skyrmion", "spiral", "standing_wave"]

# Images of a domain wall summed on either side of the box. The next image contributes
# exp(-3 length / width), which is below rounding for every wall that fits into the box.
FIRST_IMAGE, LAST_IMAGE = -6, 7
# A width of exactly one step may come out smaller by rounding (1e-16) and is accepted.
SLACK = 1e-9


def refuse_coarse_grid(name: str, size: float, shape: tuple[int, ...], lengths: tuple) -> None:
    """Raise a ParameterError if a step of the grid exceeds the size of the texture.

    Between the points of such a grid the feature is invisible, so no estimate made from the
    samples could report the error.
    """
    step = max(length / n for n, length in zip(shape, lengths))
    if step > size * (1 + SLACK):
        raise ParameterError(
            f"{name} must be at least one step of the grid ({step:.3g}), got {size:.3g}; take more "
            "points or a shorter box."
        )


def spiral(
    shape: npt.ArrayLike,
    lengths: npt.ArrayLike,
    *,
    frequency: float,
    turns: npt.ArrayLike = 1,
    cone_angle: float = math.pi / 2,
    cell_centred: bool = False,
) -> RigidTexture:
    """A plane-wave spiral ``S_+ = sin(angle) exp(i (frequency t - q.x))``, ``S_z = cos(angle)``.

    Parameters
    ----------
    shape, lengths : tuple
        Points and length of the box along each axis.
    frequency : float, 1/time
        Angular frequency.
    turns : int or tuple of int
        Whole turns along each axis: ``q = 2 pi turns / length``. One number means the first axis.
    cone_angle : float
        Angle between S and the z axis.
    cell_centred : bool
        As in `grid_points`.

    Returns
    -------
    RigidTexture

    Examples
    --------
    >>> texture = spiral((8,), (2 * np.pi,), frequency=0.4)
    >>> bool(np.isclose(texture.plus[2], -1j))  # a quarter turn
    True
    """
    cone_angle = finite("cone_angle", cone_angle)
    phase = whole_turns(shape, lengths, turns, cell_centred)
    plus = np.sin(cone_angle) * np.exp(-1j * phase)
    z = np.full(plus.shape, np.cos(cone_angle))
    return RigidTexture(
        plus, z, positive_numbers("lengths", lengths), frequency, cell_centred=cell_centred
    )


def standing_wave(
    shape: npt.ArrayLike,
    lengths: npt.ArrayLike,
    *,
    frequency: float,
    turns: npt.ArrayLike = 1,
    amplitude: float = 1.0,
    cell_centred: bool = False,
) -> RigidTexture:
    """A standing wave ``S_+ = amplitude cos(q.x) exp(i frequency t)``, ``S_z = 0``.

    Parameters
    ----------
    shape, lengths, frequency, turns, cell_centred
        As in `spiral`.
    amplitude : float
        Largest ``|S|``.

    Returns
    -------
    RigidTexture
    """
    plus = finite("amplitude", amplitude) * np.cos(whole_turns(shape, lengths, turns, cell_centred))
    z = np.zeros(plus.shape)
    return RigidTexture(
        plus.astype(complex),
        z,
        positive_numbers("lengths", lengths),
        frequency,
        cell_centred=cell_centred,
    )


def whole_turns(
    shape: npt.ArrayLike, lengths: npt.ArrayLike, turns: npt.ArrayLike, cell_centred: bool
) -> np.ndarray:
    """Phase ``q.x`` of a wave with whole turns along each axis, float64[*shape]."""
    points = grid_points(shape, lengths, cell_centred=cell_centred)
    numbers = real_numbers("turns", turns)
    numbers = numbers + (0.0,) * (len(points) - len(numbers))
    if len(numbers) != len(points) or any(n != round(n) for n in numbers):
        raise ParameterError(
            f"turns must hold whole numbers, at most one per axis ({len(points)}), "
            f"got {shown(turns)}; change the length of the box for another wave number."
        )
    whole_shape = checked_shape(shape)
    if any(m != 0 and 2 * abs(m) >= n for m, n in zip(numbers, whole_shape)):
        raise ParameterError(
            f"turns must stay below half the points along each axis {whole_shape}, "
            f"got {shown(turns)}; take more points."
        )
    lengths = positive_numbers("lengths", lengths)
    phase = sum(2 * np.pi * n * x / length for n, x, length in zip(numbers, points, lengths))
    return np.broadcast_to(phase, whole_shape)


def interface(
    shape: npt.ArrayLike,
    lengths: npt.ArrayLike,
    *,
    edges: npt.ArrayLike,
    width: float,
    frequency: float,
    amplitude: float = 1.0,
    cone_angle: float = math.pi / 2,
    cell_centred: bool = False,
) -> RigidTexture:
    """A ferromagnet that meets a normal metal along the first axis, with a tanh profile.

    ``S = amplitude f(x) (sin a cos Wt, sin a sin Wt, cos a)``. With one edge
    ``f = (1 - tanh((x - edge)/width))/2`` (for a junction with contacts), with two edges
    ``f = (tanh((x - left)/width) - tanh((x - right)/width))/2`` (a slab in a periodic box).

    Parameters
    ----------
    shape, lengths : tuple
        Points and length of the box along each axis.
    edges : float or two floats, length
        Positions of the interfaces.
    width : float, length
        Width of the tanh profile, at least one step of the grid: for a sharp edge give one step.
    frequency : float, 1/time
        Angular frequency.
    amplitude : float
        Largest ``|S|``.
    cone_angle : float
        Angle between S and the z axis.
    cell_centred : bool
        As in `grid_points`.

    Returns
    -------
    RigidTexture

    Raises
    ------
    ParameterError
        If the profile is narrower than one step of the grid.
    """
    width = positive("width", width)
    cone_angle, amplitude = finite("cone_angle", cone_angle), finite("amplitude", amplitude)
    x = grid_points(shape, lengths, cell_centred=cell_centred)[0]
    whole_shape, box = checked_shape(shape), positive_numbers("lengths", lengths)
    refuse_coarse_grid("width", width, whole_shape[:1], box[:1])
    edge = real_numbers("edges", edges)
    with np.errstate(over="ignore"):  # tanh of infinity is 1, which is what a sharp edge gives
        if len(edge) == 1:
            profile = 0.5 * (1 - np.tanh((x - edge[0]) / width))
        elif len(edge) == 2:
            profile = 0.5 * (np.tanh((x - edge[0]) / width) - np.tanh((x - edge[1]) / width))
        else:
            raise ParameterError(
                f"edges must be one or two numbers, got {len(edge)}; give the interfaces."
            )
    size = amplitude * np.broadcast_to(profile, whole_shape)
    return RigidTexture(
        np.sin(cone_angle) * size,
        np.cos(cone_angle) * size,
        box,
        frequency,
        cell_centred=cell_centred,
    )


def moving_wall(
    shape: npt.ArrayLike,
    lengths: npt.ArrayLike,
    *,
    width: float,
    velocity: float,
    angle: float = 0.0,
    cell_centred: bool = False,
) -> RigidTexture:
    """Two domain walls half a box apart that move along the first axis.

    Each wall has ``d Theta/dx = sech(x/width)/width`` in the plane of azimuth `angle`. The second
    wall turns S further in the same sense, so that the box closes after a full turn. The first wall
    is centred at a quarter of the box.

    Parameters
    ----------
    shape, lengths : tuple
        Points and length of the box along each axis.
    width : float, length
        Width of a wall, at least one step of the grid.
    velocity : float, length/time
        Velocity of both walls.
    angle : float
        Azimuth of the plane in which S turns.
    cell_centred : bool
        As in `grid_points`.

    Returns
    -------
    RigidTexture
        The texture in the frame that moves with the walls; it has no time axis.

    Raises
    ------
    ParameterError
        If the walls are narrower than one step of the grid.
    """
    width = positive("width", width)
    velocity, angle = finite("velocity", velocity), finite("angle", angle)
    x = grid_points(shape, lengths, cell_centred=cell_centred)[0]
    whole_shape = checked_shape(shape)
    box = positive_numbers("lengths", lengths)
    length = box[0]
    refuse_coarse_grid("width", width, whole_shape[:1], box[:1])
    tilt = np.zeros(())
    with np.errstate(over="ignore"):  # arctan of infinity is pi/2, which is what a far wall gives
        for image in range(FIRST_IMAGE, LAST_IMAGE + 1):
            tilt = tilt + 2 * np.arctan(np.exp((x - (0.25 + 0.5 * image) * length) / width))
    tilt = np.broadcast_to(tilt, whole_shape)
    motion = (velocity,) + (0.0,) * (tilt.ndim - 1)
    return RigidTexture(
        np.sin(tilt) * np.exp(1j * angle),
        np.cos(tilt),
        box,
        0.0,
        motion,
        cell_centred=cell_centred,
    )


def skyrmion(
    shape: npt.ArrayLike,
    lengths: npt.ArrayLike,
    *,
    radius: float,
    frequency: float,
    centre: npt.ArrayLike | None = None,
    cell_centred: bool = False,
) -> RigidTexture:
    """A skyrmion whose azimuth precesses: ``cos Theta = 1 - 2 exp(-r^2/radius^2)``.

    Parameters
    ----------
    shape, lengths : tuple
        Points and length of the box along at least two axes. The texture is uniform along a third.
    radius : float, length
        Radius of the skyrmion, at least one step of the grid.
    frequency : float, 1/time
        Angular frequency of the azimuth.
    centre : two floats, optional
        Position of the centre. The default is the middle of the box.
    cell_centred : bool
        As in `grid_points`.

    Returns
    -------
    RigidTexture

    Raises
    ------
    ParameterError
        If the grid has one axis, or the skyrmion is smaller than one step of the grid.

    Examples
    --------
    >>> texture = skyrmion((64, 64), (16.0, 16.0), radius=1.0, frequency=0.4)
    >>> rate = (texture.frequency * np.abs(texture.plus) ** 2).sum() / 16  # d2r = 1/16
    >>> bool(np.isclose(rate, 2 * np.pi * 0.4))
    True
    """
    radius = positive("radius", radius)
    points = grid_points(shape, lengths, cell_centred=cell_centred)
    if len(points) < 2:
        raise ParameterError("a skyrmion needs at least two axes, got 1; give shape=(n, n).")
    whole_shape, box = checked_shape(shape), positive_numbers("lengths", lengths)
    refuse_coarse_grid("radius", radius, whole_shape[:2], box[:2])
    middle = (0.5 * box[0], 0.5 * box[1])
    if centre is not None:
        x_centre, y_centre = real_numbers("centre", centre, 2)
        middle = (x_centre, y_centre)
    x, y = points[0] - middle[0], points[1] - middle[1]
    r = np.hypot(x, y)
    with np.errstate(over="ignore", under="ignore"):
        u = np.exp(-((r / radius) ** 2))
        tilt = 2 * np.sqrt(u * -np.expm1(-((r / radius) ** 2)))
    plus = tilt * (x + 1j * y) / np.where(r > 0, r, 1.0)
    if len(whole_shape) == 3:
        plus, u = plus.reshape((*whole_shape[:2], 1)), u.reshape((*whole_shape[:2], 1))
    return RigidTexture(
        np.broadcast_to(plus, whole_shape),
        np.broadcast_to(1 - 2 * u, whole_shape),
        box,
        frequency,
        cell_centred=cell_centred,
    )
