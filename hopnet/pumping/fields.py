"""Fields of a texture: how vectors and scalars are stored, and how they are read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import fft

from hopnet.checks import flag, whole
from hopnet.errors import ParameterError
from hopnet.kernels.pumping import fill_cross, fill_rigid_cross
from hopnet.pumping.diffusion import MOST_THREADS, Modes, build_modes
from hopnet.pumping.inputs import calculation, finite, instance
from hopnet.pumping.texture import PeriodicTexture, RigidTexture, Texture, TimeSeries
from hopnet.records import Record

__all__ = ["Field", "Frame", "build_frame"]

# A time counts as a sample of a series when it is nearer than this part of the smallest step.
# It must exceed the rounding of a time the user computes (1e-15) by far.
SAME_TIME = 1e-6


@dataclass(frozen=True, eq=False, repr=False)
class Frame(Record):
    """How vector and scalar fields of a texture are stored.

    Rigid: a vector is (``A_x + i A_y``, ``A_z``), a scalar the pair (amplitude at the frequency,
    constant). Otherwise a vector is three real components with time last, and a scalar is one.

    Attributes
    ----------
    kind : {"rigid", "periodic", "series"}
        Kind of the texture.
    vector, scalar : tuple of Modes
        Waves of each component of a vector and of a scalar.
    frequency : float
        Angular frequency of a rigid texture.
    period : float or None
        Period of a periodic texture.
    time : float64[n_times] or None
        Times of a time series.
    moves : bool
        Whether a rigid texture is carried along.
    shape : tuple of int
        Points along each axis of the grid.
    """

    kind: str
    vector: tuple[Modes, ...]
    scalar: tuple[Modes, ...]
    frequency: float = 0.0
    period: float | None = None
    time: np.ndarray | None = None
    moves: bool = False
    shape: tuple[int, ...] = ()

    def cross(
        self, a: Sequence[np.ndarray], b: Sequence[np.ndarray], *, spend: bool = False
    ) -> tuple[np.ndarray, ...]:
        """Cross product of two vector fields at every point of the grid.

        With `spend` the product is written into the arrays of `b`, which the caller must own.
        """
        out = tuple(b) if spend else tuple(np.empty_like(x) for x in a)
        kernel = fill_rigid_cross if self.kind == "rigid" else fill_cross
        kernel(*(np.ascontiguousarray(x).ravel() for x in (*a, *b)), *(x.ravel() for x in out))
        return out

    def contract(
        self, weight: Sequence[Any], vector: Sequence[np.ndarray]
    ) -> tuple[np.ndarray, ...]:
        """The scalar ``sum_a weight_a A_a``; weights are numbers or real arrays on the grid."""
        wx, wy, wz = (self.spread(w) for w in weight)
        if self.kind == "rigid":
            plus, z = vector
            return (wx - 1j * wy) * plus, wz * z
        return (wx * vector[0] + wy * vector[1] + wz * vector[2],)

    def spread(self, weight: Any) -> Any:
        """A number unchanged; an array on the grid with a time axis where the fields have one."""
        if np.ndim(weight) == 0 or self.kind == "rigid":
            return weight
        return np.asarray(weight)[..., None]


def build_frame(
    texture: Texture, *, dealias: bool = False, threads: int = 1
) -> tuple[Frame, tuple[np.ndarray, ...]]:
    """The frame of a texture and its components there.

    Parameters
    ----------
    texture : RigidTexture, PeriodicTexture or TimeSeries
        The magnetisation.
    dealias : bool
        As in `build_modes`.
    threads : int
        Threads of the Fourier transforms.

    Returns
    -------
    Frame
    tuple of arrays
        The components of S.

    Raises
    ------
    ParameterError
        If `texture` is not a texture, or an option has a wrong type.
    """
    instance(
        "texture",
        texture,
        (RigidTexture, PeriodicTexture, TimeSeries),
        "build one with hopnet.pumping.texture",
    )
    dealias = flag("dealias", dealias)
    threads = whole("threads", threads, low=1, high=MOST_THREADS)
    if isinstance(texture, RigidTexture):
        plus, z = (
            build_modes(
                texture.shape,
                texture.lengths,
                real=real,
                frequency=0.0 if real else texture.frequency,
                velocity=texture.velocity,
                dealias=dealias,
                threads=threads,
            )
            for real in (False, True)
        )
        frame = Frame(
            "rigid",
            (plus, z),
            (plus, z),
            texture.frequency,
            moves=texture.moves,
            shape=texture.shape,
        )
        return frame, (texture.plus, texture.z)
    period = texture.period if isinstance(texture, PeriodicTexture) else None
    time = texture.time if isinstance(texture, TimeSeries) else None
    modes = build_modes(
        texture.spin.shape[1:],
        texture.lengths,
        period=period,
        time=time,
        dealias=dealias,
        threads=threads,
    )
    frame = Frame(
        "periodic" if time is None else "series",
        (modes,) * 3,
        (modes,),
        period=period,
        time=time,
        shape=texture.shape,
    )
    return frame, tuple(texture.spin)


@dataclass(frozen=True, eq=False, repr=False)
class Field(Record):
    """A result on the grid, in one form for every kind of texture.

    Parameters
    ----------
    frame : Frame
        How the rows are stored.
    rows : tuple of tuples of arrays
        Components of each row. A current has one row per direction of flow.
    vector : bool
        Whether the rows are spin vectors (three components) or charge scalars.
    single : bool
        Whether there is one row only, and no index for it.
    """

    frame: Frame
    rows: tuple[tuple[np.ndarray, ...], ...]
    vector: bool
    single: bool = True

    def at(self, time: float = 0.0) -> np.ndarray:
        """The field at one time.

        Parameters
        ----------
        time : float
            Any time for rigid and periodic textures; one of the samples for a time series.

        Returns
        -------
        float64[(flow,) (3,) *shape]
            The flow index exists for currents, the spin index for spin fields.

        Raises
        ------
        ParameterError
            For a time that is not a sample of a series, or a field that overflows.
        """
        time = finite("time", time)
        return self._shaped(row_at(self.frame, row, self.vector, time) for row in self.rows)

    def mean(self) -> np.ndarray:
        """Time average over a period (rigid, periodic) or over the samples (time series)."""
        return self._shaped(row_mean(self.frame, row, self.vector) for row in self.rows)

    @property
    def array(self) -> np.ndarray:
        """All samples in time, float64[(flow,) (3,) *shape, n_times]; not for rigid textures."""
        if self.frame.kind == "rigid":
            raise ParameterError(
                "samples in time must come from a sampled texture, got a rigid one; use at(time)."
            )
        return self._shaped(np.stack(row) if self.vector else row[0] for row in self.rows)

    def _shaped(self, rows: Iterable[np.ndarray]) -> np.ndarray:
        with calculation("a field", "give a texture and a medium of ordinary size") as check:
            parts = list(rows)
            out = parts[0] if self.single else np.stack(parts)
            check(out)
        return out


def row_at(frame: Frame, row: Sequence[np.ndarray], vector: bool, time: float) -> np.ndarray:
    """One row of a field at one time."""
    if frame.kind == "rigid":
        modes = frame.vector if vector else frame.scalar
        if frame.moves:
            row = tuple(
                m.backward(m.forward(a) * np.exp(1j * (m.omega + m.drift[:, None]) * time))
                for m, a in zip(modes, row)
            )
        else:
            row = (row[0] * np.exp(1j * frame.frequency * time), row[1])
        if vector:
            return np.stack([row[0].real, row[0].imag, row[1]])
        return row[0].real + row[1]
    if frame.kind == "periodic":
        n = row[0].shape[-1]
        hat = fft.rfft(np.stack(row) if vector else row[0], axis=-1) / n
        weight = np.full(hat.shape[-1], 2.0)
        weight[0] = 1.0
        if n % 2 == 0:
            weight[-1] = 1.0
        phase = np.exp(2j * np.pi * np.arange(hat.shape[-1]) * time / float(frame.period or 1.0))
        return (hat * (weight * phase)).real.sum(axis=-1)
    samples = np.asarray(frame.time)
    index = int(np.argmin(np.abs(samples - time)))
    spacing = np.diff(samples).min()
    if abs(samples[index] - time) > SAME_TIME * spacing:
        raise ParameterError(
            f"time must be one of the samples of the series, got {time!r}; the nearest is "
            f"{samples[index]:g}."
        )
    return np.stack([a[..., index] for a in row]) if vector else row[0][..., index]


def row_mean(frame: Frame, row: Sequence[np.ndarray], vector: bool) -> np.ndarray:
    """Time average of one row of a field."""
    if frame.kind != "rigid":
        mean = [a.mean(axis=-1) for a in row]
        return np.stack(mean) if vector else mean[0]
    modes = frame.vector if vector else frame.scalar
    parts = []
    for m, a in zip(modes, row):
        if frame.moves:
            still = (m.omega + m.drift[:, None]) == 0
            parts.append(m.backward(m.forward(a) * still))
        else:
            parts.append(a if m.omega[0] == 0 else np.zeros_like(a))
    if vector:
        return np.stack([parts[0].real, parts[0].imag, parts[1]])
    return parts[0].real + parts[1]
