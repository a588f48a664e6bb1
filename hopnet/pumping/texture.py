"""Magnetisation textures S(x, t): rigidly turning or moving, periodic in time, or sampled."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from hopnet.errors import ParameterError
from hopnet.records import load_arrays, read_only, save_arrays


@dataclass(frozen=True, eq=False, repr=False)
class RigidTexture:
    """A texture that turns about z and moves without changing: no time axis.

    ``S_x + i S_y = plus(x - velocity t) exp(i frequency t)``, ``S_z = z(x - velocity t)``.
    Every response of it turns and moves alike, so each is one array [pumping 1].

    Parameters
    ----------
    plus : complex128[*shape]
    z : float64[*shape]
    lengths : tuple of float
        Period of the box along each axis of the grid.
    frequency : float, 1/time
        Angular frequency, of either sign.
    velocity : tuple of float, length/time, optional
        One a grid axis.

    Examples
    --------
    >>> texture = RigidTexture([1j, 1j], [0.0, 0.0], lengths=(4.0,), frequency=0.5)
    >>> texture.shape
    (2,)
    """

    plus: np.ndarray
    z: np.ndarray
    lengths: tuple
    frequency: float = 0.0
    velocity: tuple | None = None

    def __post_init__(self):
        plus, z = np.asarray(self.plus), np.asarray(self.z)
        if plus.shape != z.shape:
            raise ParameterError(
                f"plus and z must have one shape, got {plus.shape} and {z.shape}; "
                "sample both alike."
            )
        if np.iscomplexobj(z):
            raise ParameterError("z must be real, got complex numbers; give its real part.")
        _check_finite("plus and z", plus, z)
        object.__setattr__(self, "plus", read_only(plus, np.complex128))
        object.__setattr__(self, "z", read_only(z))
        object.__setattr__(self, "lengths", _checked_lengths(self.lengths, plus.shape))
        velocity = self.velocity if self.velocity is not None else (0.0,) * plus.ndim
        velocity = tuple(float(v) for v in np.atleast_1d(velocity))
        if len(velocity) != plus.ndim or not np.all(np.isfinite(velocity)):
            raise ParameterError(
                f"velocity needs one finite number an axis ({plus.ndim}), got {self.velocity!r}; "
                "give as many."
            )
        if not math.isfinite(self.frequency):
            raise ParameterError(
                f"frequency must be finite, got {self.frequency!r}; give a number."
            )
        object.__setattr__(self, "velocity", velocity)
        object.__setattr__(self, "frequency", float(self.frequency))

    @property
    def shape(self):
        """Points along each axis of the grid."""
        return self.plus.shape

    @property
    def moves(self):
        """Whether the texture is carried along, not only turned."""
        return any(v != 0 for v in self.velocity)


@dataclass(frozen=True, eq=False, repr=False)
class PeriodicTexture:
    """A texture sampled over one period in time and one period of the box in space.

    Parameters
    ----------
    spin : float64[3, *shape, n_times]
        The last sample lies one step before the period is over: do not repeat the first.
    lengths : tuple of float
    period : float, time

    Raises
    ------
    ParameterError
        For a wrong shape, two samples in time (no derivative), complex or non-finite numbers, or a
        last frame that repeats the first.
    """

    spin: np.ndarray
    lengths: tuple
    period: float

    def __post_init__(self):
        spin = _checked_spin(self.spin)
        if spin.shape[-1] == 2:
            raise ParameterError(
                "a period needs 1 sample (static) or at least 3, got 2; sample it more finely."
            )
        if not 0 < self.period < math.inf:
            raise ParameterError(
                f"period must be positive, got {self.period!r}; give a positive one."
            )
        _refuse_repeated_frame(spin)
        object.__setattr__(self, "spin", spin)
        object.__setattr__(self, "lengths", _checked_lengths(self.lengths, spin.shape[1:-1]))

    @property
    def shape(self):
        """Points along each axis of the grid."""
        return self.spin.shape[1:-1]


@dataclass(frozen=True, eq=False, repr=False)
class TimeSeries:
    """A texture sampled at increasing times, periodic in space only.

    Before the first sample the electrons are in equilibrium with it.

    Parameters
    ----------
    spin : float64[3, *shape, n_times]
    lengths : tuple of float
    time : float64[n_times]
    rate : float64[3, *shape, n_times], optional
        dS/dt; second-order differences of `spin` where it is left out.
    """

    spin: np.ndarray
    lengths: tuple
    time: np.ndarray
    rate: np.ndarray | None = None

    def __post_init__(self):
        spin = _checked_spin(self.spin)
        time = read_only(self.time)
        if time.shape != spin.shape[-1:] or len(time) < 3 or not np.all(np.diff(time) > 0):
            raise ParameterError(
                "time must hold at least 3 increasing values, one a sample "
                f"({spin.shape[-1]}), got {len(time)}; sort them and drop repeated ones."
            )
        if self.rate is None:
            rate = np.gradient(spin, time, axis=-1, edge_order=2)
        else:
            rate = _checked_spin(self.rate)
            if rate.shape != spin.shape:
                raise ParameterError(
                    f"rate must have the shape of spin {spin.shape}, got {rate.shape}; leave it "
                    "out for differences."
                )
        object.__setattr__(self, "spin", spin)
        object.__setattr__(self, "time", time)
        object.__setattr__(self, "rate", read_only(rate))
        object.__setattr__(self, "lengths", _checked_lengths(self.lengths, spin.shape[1:-1]))

    @property
    def shape(self):
        """Points along each axis of the grid."""
        return self.spin.shape[1:-1]


def _check_finite(name, *arrays):
    if not all(np.all(np.isfinite(a)) for a in arrays):
        raise ParameterError(f"{name} must be finite, got NaN or infinity; repair the texture.")


def _checked_spin(spin):
    spin = np.asarray(spin)
    if np.iscomplexobj(spin):
        raise ParameterError("spin must be real, got complex numbers; give Cartesian components.")
    if not 3 <= spin.ndim <= 5 or spin.shape[0] != 3 or 0 in spin.shape:
        raise ParameterError(
            "spin must have shape (3, grid of 1 to 3 axes, times), "
            f"got {spin.shape}; put the component first and time last."
        )
    _check_finite("spin", spin)
    return read_only(spin)


def _checked_lengths(lengths, shape):
    lengths = tuple(float(x) for x in np.atleast_1d(lengths))
    if not 1 <= len(shape) <= 3:
        raise ParameterError(f"the grid must have 1 to 3 axes, got {len(shape)}; reduce it.")
    if len(lengths) != len(shape):
        raise ParameterError(
            f"lengths needs one number an axis of the grid ({len(shape)}), got {len(lengths)}; "
            "give as many."
        )
    if not all(0 < x < math.inf for x in lengths):
        raise ParameterError(f"lengths must be positive, got {lengths}; give positive ones.")
    return lengths


def _refuse_repeated_frame(spin):
    n = spin.shape[-1]
    if n < 3:
        return
    step = np.abs(np.diff(spin, axis=-1)).max()
    if step > 0 and np.abs(spin[..., -1] - spin[..., 0]).max() <= 1e-9 * step:
        raise ParameterError(
            "the last sample repeats the first; a period ends one step before it begins again: "
            "drop the last frame."
        )


def grid_points(shape, lengths, *, cell_centred=False):
    """Coordinates of the grid, one open array an axis, from 0 or from half a step.

    Parameters
    ----------
    shape : tuple of int
    lengths : tuple of float
    cell_centred : bool
        For junctions with contacts, whose walls lie at 0 and at the length.

    Returns
    -------
    list of float64

    Examples
    --------
    >>> grid_points((4,), (2.0,))[0]
    array([0. , 0.5, 1. , 1.5])
    """
    shape = tuple(np.atleast_1d(shape))
    lengths = _checked_lengths(lengths, shape)
    shift = 0.5 if cell_centred else 0.0
    return list(np.ix_(*((np.arange(n) + shift) * length / n for n, length in zip(shape, lengths))))


def spiral(shape, lengths, *, frequency, turns=1, cone_angle=math.pi / 2):
    """A plane-wave spiral ``S_+ = sin(angle) exp(i (frequency t - q.x))``, ``S_z = cos(angle)``.

    Parameters
    ----------
    shape, lengths : tuple
    frequency : float, 1/time
    turns : int or tuple of int
        Whole turns along each axis: ``q = 2 pi turns / length``; one number means the first axis.
    cone_angle : float

    Returns
    -------
    RigidTexture

    Examples
    --------
    >>> texture = spiral((8,), (2 * np.pi,), frequency=0.4)
    >>> bool(np.isclose(texture.plus[2], -1j))  # a quarter turn
    True
    """
    phase = _whole_turns(shape, lengths, turns)
    plus = np.sin(cone_angle) * np.exp(-1j * phase)
    return RigidTexture(plus, np.full(plus.shape, np.cos(cone_angle)), lengths, frequency)


def standing_wave(shape, lengths, *, frequency, turns=1, amplitude=1.0):
    """A standing wave ``S_+ = amplitude cos(q.x) exp(i frequency t)``, ``S_z = 0``.

    Parameters
    ----------
    shape, lengths, frequency, turns
        As in `spiral`.
    amplitude : float

    Returns
    -------
    RigidTexture
    """
    plus = amplitude * np.cos(_whole_turns(shape, lengths, turns))
    return RigidTexture(plus.astype(complex), np.zeros(plus.shape), lengths, frequency)


def _whole_turns(shape, lengths, turns):
    points = grid_points(shape, lengths)
    turns = tuple(np.atleast_1d(turns))
    turns = turns + (0,) * (len(points) - len(turns))
    if len(turns) != len(points) or any(n != int(n) for n in turns):
        raise ParameterError(
            f"turns needs whole numbers, at most one an axis ({len(points)}), got {turns}; "
            "change the length of the box for another wave number."
        )
    lengths = np.atleast_1d(lengths)
    phase = sum(2 * np.pi * n * x / length for n, x, length in zip(turns, points, lengths))
    return np.broadcast_to(phase, tuple(np.atleast_1d(shape)))


def interface(
    shape,
    lengths,
    *,
    edges,
    width,
    frequency,
    amplitude=1.0,
    cone_angle=math.pi / 2,
    cell_centred=False,
):
    """A ferromagnet that meets a normal metal along the first axis, with a tanh profile.

    ``S = amplitude f(x) (sin a cos Wt, sin a sin Wt, cos a)``; with one edge
    ``f = (1 - tanh((x - edge)/width))/2`` (for a junction with contacts), with two
    ``f = (tanh((x - left)/width) - tanh((x - right)/width))/2`` (a slab in a periodic box).

    Parameters
    ----------
    shape, lengths : tuple
    edges : float or two floats, length
    width : float, length
    frequency, amplitude, cone_angle : float
    cell_centred : bool
        As in `grid_points`.

    Returns
    -------
    RigidTexture
    """
    _positive("width", width)
    x = grid_points(shape, lengths, cell_centred=cell_centred)[0]
    edges = np.atleast_1d(edges)
    if len(edges) == 1:
        profile = 0.5 * (1 - np.tanh((x - edges[0]) / width))
    elif len(edges) == 2:
        profile = 0.5 * (np.tanh((x - edges[0]) / width) - np.tanh((x - edges[1]) / width))
    else:
        raise ParameterError(f"edges must be one or two, got {len(edges)}; give the interfaces.")
    size = amplitude * np.broadcast_to(profile, tuple(np.atleast_1d(shape)))
    return RigidTexture(np.sin(cone_angle) * size, np.cos(cone_angle) * size, lengths, frequency)


def moving_wall(shape, lengths, *, width, velocity, angle=0.0):
    """Two domain walls half a box apart that move along the first axis.

    Each has ``d Theta/dx = sech(x/width)/width`` in the plane of azimuth `angle`; the second goes
    on turning, so that the box closes after a full turn. The first is centred at a quarter of it.

    Parameters
    ----------
    shape, lengths : tuple
    width, velocity, angle : float

    Returns
    -------
    RigidTexture
        In the frame that moves along, so no time axis.
    """
    _positive("width", width)
    x = grid_points(shape, lengths)[0]
    length = float(np.atleast_1d(lengths)[0])
    tilt = 0.0
    for image in range(-6, 8):
        tilt = tilt + 2 * np.arctan(np.exp((x - (0.25 + 0.5 * image) * length) / width))
    tilt = np.broadcast_to(tilt, tuple(np.atleast_1d(shape)))
    motion = (velocity,) + (0.0,) * (tilt.ndim - 1)
    return RigidTexture(np.sin(tilt) * np.exp(1j * angle), np.cos(tilt), lengths, 0.0, motion)


def skyrmion(shape, lengths, *, radius, frequency, centre=None):
    """A skyrmion whose azimuth precesses: ``cos Theta = 1 - 2 exp(-r^2/radius^2)``.

    Parameters
    ----------
    shape, lengths : tuple
        At least two axes; it is uniform along a third.
    radius, frequency : float
    centre : two floats, optional
        The middle of the box by default.

    Returns
    -------
    RigidTexture

    Examples
    --------
    >>> texture = skyrmion((64, 64), (16.0, 16.0), radius=1.0, frequency=0.4)
    >>> rate = (texture.frequency * np.abs(texture.plus) ** 2).sum() / 16  # d2r = 1/16
    >>> bool(np.isclose(rate, 2 * np.pi * 0.4))
    True
    """
    _positive("radius", radius)
    points = grid_points(shape, lengths)
    if len(points) < 2:
        raise ParameterError("a skyrmion needs at least two axes, got 1; give shape=(n, n).")
    middle = centre if centre is not None else (0.5 * lengths[0], 0.5 * lengths[1])
    x, y = points[0] - middle[0], points[1] - middle[1]
    r = np.hypot(x, y)
    u = np.exp(-((r / radius) ** 2))
    tilt = 2 * np.sqrt(u * -np.expm1(-((r / radius) ** 2)))
    plus = tilt * (x + 1j * y) / np.where(r > 0, r, 1.0)
    whole = tuple(shape)
    if len(whole) == 3:
        plus, u = plus.reshape((*whole[:2], 1)), u.reshape((*whole[:2], 1))
    return RigidTexture(
        np.broadcast_to(plus, whole), np.broadcast_to(1 - 2 * u, whole), lengths, frequency
    )


def _positive(name, value):
    if not 0 < value < math.inf:
        raise ParameterError(f"{name} must be positive, got {value!r}; give a positive one.")


def sample_texture(function, shape, lengths, *, period=None, n_times=None, time=None):
    """Sample a callable ``S(x, [y, [z,]] t)`` on a grid.

    Parameters
    ----------
    function : callable
        Takes broadcastable coordinate arrays and the time, gives three components.
    shape, lengths : tuple
    period : float, optional
        With `n_times`: a `PeriodicTexture`.
    n_times : int, optional
    time : float64[n_times], optional
        In place of them: a `TimeSeries`.

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
    if (time is None) == (period is None or n_times is None):
        raise ParameterError(
            "sample_texture takes period and n_times, or time, "
            f"got period={period!r}, n_times={n_times!r}; give one of the two."
        )
    instants = period * np.arange(n_times) / n_times if time is None else np.asarray(time, float)
    points = [x[..., None] for x in grid_points(shape, lengths)]
    whole = tuple(np.atleast_1d(shape)) + instants.shape
    spin = np.stack([np.broadcast_to(s, whole) for s in function(*points, instants)])
    if time is None:
        return PeriodicTexture(spin, lengths, period)
    return TimeSeries(spin, lengths, instants)


def save_texture(path, texture):
    """Write a texture to one ``.npz`` file.

    Parameters
    ----------
    path : path-like
    texture : RigidTexture, PeriodicTexture or TimeSeries
    """
    arrays = {name: getattr(texture, name) for name in texture.__dataclass_fields__}
    save_arrays(path, type(texture).__name__, arrays)


def load_texture(path):
    """Read a texture: a file of `save_texture`, or any ``.npz`` that names its arrays alike.

    A file made by hand holds ``lengths`` and either ``plus``, ``z`` (with ``frequency``,
    ``velocity``), or ``spin`` with ``period`` or with ``time`` (and ``rate``).

    Parameters
    ----------
    path : path-like

    Returns
    -------
    RigidTexture, PeriodicTexture or TimeSeries
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            names = set(stored.files)
            arrays = {name: stored[name] for name in stored.files if name != "kind"}
            kind = str(stored["kind"]) if "kind" in names else None
    except (OSError, ValueError, AttributeError) as failure:
        raise ParameterError(
            f"{str(path)!r} is not a readable .npz file ({failure}); "
            "save the texture with numpy.savez."
        ) from failure
    for make, needed, may in (
        (RigidTexture, {"plus", "z", "lengths"}, {"frequency", "velocity"}),
        (PeriodicTexture, {"spin", "lengths", "period"}, set()),
        (TimeSeries, {"spin", "lengths", "time"}, {"rate"}),
    ):
        if needed <= set(arrays) <= needed | may:
            if kind == make.__name__:
                arrays = load_arrays(path, kind)
            plain = {name: a.item() if a.ndim == 0 else a for name, a in arrays.items()}
            return make(**plain)
    raise ParameterError(
        f"{str(path)!r} must hold lengths with plus and z, or spin and period, or spin and time, "
        f"got {sorted(arrays)}; rename its arrays."
    )
