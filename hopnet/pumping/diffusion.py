"""Diffusion of spin and of charge: modes of the grid, propagators, zero modes, fields."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from scipy import fft

from hopnet.errors import ParameterError
from hopnet.kernels.pumping import (
    fill_cross,
    fill_march,
    fill_rate,
    fill_response,
    fill_rigid_cross,
    fill_scaled,
)
from hopnet.pumping.texture import PeriodicTexture, RigidTexture, TimeSeries


@dataclass(frozen=True, eq=False, repr=False)
class Modes:
    """Plane waves of one component: how to get to them, and what each of them is.

    An amplitude has shape [n_space, n_omega]: the grid flattened, then the harmonics in time (one
    for a rigid texture, the samples themselves for a time series).

    Parameters
    ----------
    shape : tuple of int
        Of the component in real space, time last where there is one.
    n_axes : int
        Axes of the grid.
    real : bool
        Whether the component is real (half the spectrum is kept).
    wave_number : tuple of float64[n_space]
    square : float64[n_space]
    drift : float64[n_space]
        ``- k . velocity``.
    omega : float64[n_omega]
    keep : bool[n_space, n_omega] or None
        Modes that are represented: not the Nyquist planes, nor the upper third when dealiasing.
    time : float64[n_times] or None
        For a time series.
    threads : int
    """

    shape: tuple
    n_axes: int
    real: bool
    wave_number: tuple
    square: np.ndarray
    drift: np.ndarray
    omega: np.ndarray
    keep: np.ndarray | None
    time: np.ndarray | None = None
    threads: int = 1

    @property
    def axes(self):
        """The axes that are transformed."""
        return tuple(range(self.n_axes if self.time is not None else len(self.shape)))

    @property
    def hat_shape(self):
        """Of the amplitudes before flattening."""
        shape = list(self.shape)
        if self.real:
            last = self.axes[-1]
            shape[last] = shape[last] // 2 + 1
        return tuple(shape)

    def forward(self, component):
        """Amplitudes of a component, projected on the modes kept: complex128[n_space, n_omega]."""
        hat = self._transform(component)
        if self.keep is not None:
            hat *= self.keep
        return hat

    def project(self, component):
        """The amplitudes of `forward`, and the squared norm of what was left out."""
        hat = self._transform(component)
        if self.keep is None:
            return hat, 0.0
        power = np.abs(np.where(self.keep, 0.0, hat)).reshape(self.hat_shape) ** 2
        if self.real:  # each mode kept stands for its mirror image too, but on the edge planes
            last = self.axes[-1]
            index = np.arange(self.hat_shape[last])
            edge = (index == 0) | (2 * index == self.shape[last])
            shape = [1] * len(self.hat_shape)
            shape[last] = -1
            power *= np.where(edge, 1.0, 2.0).reshape(shape)
        hat *= self.keep
        return hat, float(power.sum()) / math.prod(self.shape[a] for a in self.axes)

    def _transform(self, component):
        transform = fft.rfftn if self.real else fft.fftn
        hat = transform(component, axes=self.axes, workers=self.threads)
        return hat.reshape(len(self.square), -1)

    def backward(self, hat):
        """The component of given amplitudes, on the grid."""
        hat = hat.reshape(self.hat_shape)
        if not self.real:
            return fft.ifftn(hat, axes=self.axes, workers=self.threads)
        size = [self.shape[a] for a in self.axes]
        return fft.irfftn(hat, s=size, axes=self.axes, workers=self.threads)

    def gradient(self, hat, axis):
        """``i k hat`` along one axis of the grid."""
        out = np.empty_like(hat)
        fill_scaled(hat, self.wave_number[axis], 1j, out)
        return out

    def laplacian(self, hat):
        """``- k^2 hat``."""
        out = np.empty_like(hat)
        fill_scaled(hat, self.square, -1.0 + 0j, out)
        return out

    def rate(self, hat):
        """Time derivative: ``+ i W hat``, or second-order differences of a time series."""
        if self.time is not None:
            return np.gradient(hat, self.time, axis=-1, edge_order=2)
        out = np.empty_like(hat)
        fill_rate(hat, self.drift, self.omega, out)
        return out

    def respond(
        self,
        spin,
        spin_rate,
        source,
        diffusion,
        relaxation,
        *,
        rate=0.0,
        static=0.0,
        drive=0.0,
        relaxed=True,
    ):
        """The diffusive response ``[rate d_t + static (relaxation - D lap)] spin + drive source``.

        Equation [pumping 6]: every term is divided by ``D k^2 + i W + relaxation``; that is
        ``tau <A>`` for a source A. Where this vanishes (no wave number, no frequency, no
        relaxation) the mode is ``static spin`` if `relaxed`, else 0: a periodic solution has no
        other value. For a time series the same equation is marched from equilibrium.

        Parameters
        ----------
        spin, source : complex128[n_space, n_omega]
        spin_rate : complex128[n_space, n_omega] or None
            dS/dt, for a time series only.
        diffusion, relaxation : float
        rate, static, drive : float
        relaxed : bool

        Returns
        -------
        complex128[n_space, n_omega]
        """
        out = np.empty(source.shape, dtype=np.complex128)
        if self.time is not None:
            total = drive * source
            if spin_rate is not None:
                total += (rate - static) * spin_rate
            fill_march(total, self.square, self.time, diffusion, relaxation, out)
            return out if static == 0 else out + static * spin
        pole = relaxation == 0 and self.omega[0] == 0
        zero = static * spin[0, 0] if pole and relaxed else 0.0
        fill_response(
            spin,
            source,
            self.square,
            self.drift,
            self.omega,
            diffusion,
            relaxation,
            rate,
            static,
            drive,
            pole,
            out,
        )
        if pole:
            out[0, 0] = zero
        return out


def build_modes(
    shape,
    lengths,
    *,
    real=True,
    period=None,
    frequency=0.0,
    velocity=None,
    time=None,
    dealias=False,
    threads=1,
):
    """The modes of a periodic box.

    Parameters
    ----------
    shape : tuple of int
        Of the grid, with the samples of one period last when `period` is given, and those of the
        series when `time` is.
    lengths : tuple of float
    real : bool
    period : float, optional
    frequency : float
        The one frequency of a rigid texture.
    velocity : tuple of float, optional
    time : float64[n_times], optional
    dealias : bool
        Keep only wave numbers (and harmonics) below a third of the sampling: products of two
        fields are then exact on the modes kept.
    threads : int
        Of the Fourier transforms.

    Returns
    -------
    Modes
    """
    n_axes = len(lengths)
    grid = shape[:n_axes]
    half = real and period is None
    numbers = [
        np.arange(n // 2 + 1) if half and a == n_axes - 1 else np.rint(fft.fftfreq(n) * n)
        for a, n in enumerate(grid)
    ]
    keep = [_kept(m, n, dealias) for m, n in zip(numbers, grid)]
    mesh = np.meshgrid(
        *(2 * np.pi * m / length for m, length in zip(numbers, lengths)), indexing="ij"
    )
    wave_number = tuple(np.ascontiguousarray(k.ravel()) for k in mesh)
    square = sum(k**2 for k in wave_number)
    velocity = velocity or (0.0,) * n_axes
    drift = -sum(k * v for k, v in zip(wave_number, velocity)) + 0.0
    kept = np.array([True])
    for flags in keep:
        kept = np.logical_and.outer(kept, flags)
    kept = kept.reshape(-1, 1)
    omega = np.array([float(frequency)])
    if period is not None:
        n_times = shape[-1]
        harmonic = np.arange(n_times // 2 + 1)
        omega = 2 * np.pi * harmonic / period
        kept = kept & _kept(harmonic, n_times, dealias)
    return Modes(
        tuple(shape),
        n_axes,
        real,
        wave_number,
        square,
        drift,
        omega,
        None if kept.all() else kept,
        time,
        threads,
    )


def _kept(number, n, dealias):
    kept = 2 * np.abs(number) != n
    return kept & (3 * np.abs(number) < n) if dealias and n > 1 else kept


@dataclass(frozen=True, eq=False, repr=False)
class Frame:
    """How vector and scalar fields of a texture are stored.

    Rigid: a vector is (``A_x + i A_y``, ``A_z``), a scalar the pair (amplitude at the frequency,
    constant). Otherwise: three real components with time last, and one.
    """

    kind: str
    vector: tuple
    scalar: tuple
    frequency: float = 0.0
    period: float | None = None
    time: np.ndarray | None = None
    moves: bool = False
    shape: tuple = field(default=())

    def cross(self, a, b, *, spend=False):
        """Cross product of two vector fields on the grid, point by point.

        With `spend` the product takes the place of `b`, whose arrays must be the caller's own.
        """
        out = b if spend else tuple(np.empty_like(x) for x in a)
        kernel = fill_rigid_cross if self.kind == "rigid" else fill_cross
        kernel(*(np.ascontiguousarray(x).ravel() for x in (*a, *b)), *(x.ravel() for x in out))
        return out

    def contract(self, weight, vector):
        """The scalar ``sum_a weight_a A_a``; weights are numbers or real arrays on the grid."""
        wx, wy, wz = (self.spread(w) for w in weight)
        if self.kind == "rigid":
            plus, z = vector
            return (wx - 1j * wy) * plus, wz * z
        return (wx * vector[0] + wy * vector[1] + wz * vector[2],)

    def spread(self, weight):
        """A number as it is; an array on the grid made to fit the fields."""
        if np.ndim(weight) == 0 or self.kind == "rigid":
            return weight
        return np.asarray(weight)[..., None]


def build_frame(texture, *, dealias=False, threads=1):
    """The frame of a texture and its components there.

    Parameters
    ----------
    texture : RigidTexture, PeriodicTexture or TimeSeries
    dealias : bool
    threads : int

    Returns
    -------
    Frame
    tuple of arrays
        The components of S.
    """
    options = {"dealias": dealias, "threads": threads}
    if isinstance(texture, RigidTexture):
        options |= {"velocity": texture.velocity}
        plus = build_modes(
            texture.shape, texture.lengths, real=False, frequency=texture.frequency, **options
        )
        z = build_modes(texture.shape, texture.lengths, **options)
        frame = Frame(
            "rigid",
            (plus, z),
            (plus, z),
            texture.frequency,
            moves=texture.moves,
            shape=texture.shape,
        )
        return frame, (texture.plus, texture.z)
    if isinstance(texture, PeriodicTexture):
        modes = build_modes(
            texture.spin.shape[1:], texture.lengths, period=texture.period, **options
        )
        frame = Frame(
            "periodic", (modes,) * 3, (modes,), period=texture.period, shape=texture.shape
        )
        return frame, tuple(texture.spin)
    if isinstance(texture, TimeSeries):
        modes = build_modes(texture.spin.shape[1:], texture.lengths, time=texture.time, **options)
        frame = Frame("series", (modes,) * 3, (modes,), time=texture.time, shape=texture.shape)
        return frame, tuple(texture.spin)
    raise ParameterError(
        "a texture is a RigidTexture, PeriodicTexture or TimeSeries, "
        f"got {type(texture).__name__}; build one with hopnet.pumping.texture."
    )


@dataclass(frozen=True, eq=False, repr=False)
class Field:
    """A result on the grid, whatever the way the texture moves.

    Parameters
    ----------
    frame : Frame
    rows : tuple of tuples of arrays
        Components of each row; a current has one row a direction of flow.
    vector : bool
        Spin vectors (three components) or charge scalars.
    single : bool
        One row only, and no index for it.
    """

    frame: Frame
    rows: tuple
    vector: bool
    single: bool = True

    def at(self, time=0.0):
        """The field at one time.

        Parameters
        ----------
        time : float
            Any for rigid and periodic textures; one of the samples for a time series.

        Returns
        -------
        float64[(flow,) (3,) *shape]
            The flow index for currents, the spin index for spin fields.
        """
        return self._shaped(_row_at(self.frame, row, self.vector, time) for row in self.rows)

    def mean(self):
        """Time average over a period (rigid, periodic) or over the samples (time series)."""
        return self._shaped(_row_mean(self.frame, row, self.vector) for row in self.rows)

    @property
    def array(self):
        """All samples in time, float64[(flow,) (3,) *shape, n_times]; not for rigid textures."""
        if self.frame.kind == "rigid":
            raise ParameterError(
                "a rigid texture has no samples in time, got a request for them; use at(time)."
            )
        return self._shaped(np.stack(row) if self.vector else row[0] for row in self.rows)

    def _shaped(self, rows):
        rows = list(rows)
        return rows[0] if self.single else np.stack(rows)


def _row_at(frame, row, vector, time):
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
        phase = np.exp(2j * np.pi * np.arange(hat.shape[-1]) * time / frame.period)
        return (hat * (weight * phase)).real.sum(axis=-1)
    index = int(np.argmin(np.abs(frame.time - time)))
    spacing = np.diff(frame.time).min()
    if abs(frame.time[index] - time) > 1e-6 * spacing:
        raise ParameterError(
            f"time must be one of the samples of the series, got {time!r}; the nearest is "
            f"{frame.time[index]:g}."
        )
    return np.stack([a[..., index] for a in row]) if vector else row[0][..., index]


def _row_mean(frame, row, vector):
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


def propagate(values, medium, lengths, *, period=None, time=None, charge=False, threads=1):
    """Diffusion-averaged field ``<A>``, equation [pumping 6].

    ``tau (d_t - D lap + 1/tau_s) <A> = A`` on a periodic box; the spin relaxes with ``1/tau_s``,
    the charge never does. (The paper prints the case without relaxation, and leaves out a
    factor 1/T in front of the sum over frequencies.)

    Parameters
    ----------
    values : float64[*shape, n_times]
        Periodic samples with `period`; samples at `time`, from ``<A> = 0`` at the first, else.
    medium : Medium
    lengths : tuple of float
    period : float, optional
    time : float64[n_times], optional
    charge : bool
        Propagate a charge: no relaxation.
    threads : int

    Returns
    -------
    float64[*shape, n_times]
        Without relaxation the mean of a periodic A has no periodic answer; its mode is left out.

    Examples
    --------
    >>> from hopnet.pumping.medium import Medium
    >>> medium = Medium(exchange=0.3, tau=0.5, density_of_states=1.0, fermi_energy=3.0)
    >>> x = np.arange(8) * np.pi / 4
    >>> A = np.cos(x)[:, None] * np.ones(3)
    >>> bool(np.allclose(propagate(A, medium, (2 * np.pi,), period=1.0), A / 0.5))  # D tau = 1/2
    True
    """
    values = np.asarray(values)
    lengths = tuple(float(x) for x in np.atleast_1d(lengths))
    if np.iscomplexobj(values) or not np.all(np.isfinite(values)):
        raise ParameterError("values must be finite and real, got others; give real samples.")
    if (period is None) == (time is None):
        raise ParameterError("propagate takes period or time, got both or none; give one.")
    if values.ndim != len(lengths) + 1:
        raise ParameterError(
            f"values needs {len(lengths)} grid axes and time last, got {values.ndim} axes; "
            "give a length for each grid axis."
        )
    if not all(0 < x < math.inf for x in lengths) or (period is not None and not period > 0):
        raise ParameterError("lengths and period must be positive, got others; give positive ones.")
    if time is not None:
        time = np.asarray(time, dtype=float)
    modes = build_modes(values.shape, lengths, period=period, time=time, threads=threads)
    hat = modes.forward(np.ascontiguousarray(values, dtype=float))
    relaxation = 0.0 if charge else medium.relaxation
    out = modes.respond(
        hat, None, hat, medium.diffusion, relaxation, drive=1 / medium.tau, relaxed=False
    )
    return modes.backward(out)
