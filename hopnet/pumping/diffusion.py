"""Diffusion of spin and of charge: modes of the grid, propagators, poles."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import fft

from hopnet.checks import flag, whole
from hopnet.errors import ParameterError
from hopnet.kernels.pumping import (
    ModeNumbers,
    Strength,
    fill_march,
    fill_rate,
    fill_response,
    fill_scaled,
)
from hopnet.pumping.inputs import calculation, instance, positive, positive_numbers, real_array
from hopnet.pumping.medium import Medium
from hopnet.records import Record

__all__ = ["MOST_THREADS", "Modes", "build_modes", "propagate"]

# Threads that a Fourier transform may be asked for. More are never useful on one grid; the limit
# turns a mistyped number into a sentence.
MOST_THREADS = 1024


# Slowest rate of a mode that is not 0. The square of a slower one leaves the range of
# floating-point numbers.
SLOWEST = 1e-150


@dataclass(frozen=True, eq=False, repr=False)
class Modes(Record):
    """Plane waves of one component: the transforms to and from them, and their wave vectors.

    An amplitude has shape [n_space, n_omega]: the wave vectors of the grid in one list, then the
    harmonics in time (one for a rigid texture; the samples themselves for a time series).

    Parameters
    ----------
    shape : tuple of int
        Shape of the component in real space, time last where there is one.
    n_axes : int
        Number of axes of the grid.
    real : bool
        Whether the component is real. Half the spectrum is kept then.
    wave_number : tuple of float64[n_space]
        Components of the wave vector along each axis of the grid.
    square : float64[n_space]
        Squared wave number ``k^2``.
    drift : float64[n_space]
        Frequency ``- k . velocity`` that the motion of the texture adds.
    omega : float64[n_omega]
        Angular frequency of each harmonic.
    keep : bool[n_space, n_omega] or None
        Modes that are represented: not the Nyquist planes, and not the upper third when
        dealiasing. None means all.
    time : float64[n_times] or None
        Times of a time series.
    threads : int
        Threads of the Fourier transforms.
    """

    shape: tuple[int, ...]
    n_axes: int
    real: bool
    wave_number: tuple[np.ndarray, ...]
    square: np.ndarray
    drift: np.ndarray
    omega: np.ndarray
    keep: np.ndarray | None
    time: np.ndarray | None = None
    threads: int = 1

    @property
    def axes(self) -> tuple[int, ...]:
        """Axes that are transformed."""
        return tuple(range(self.n_axes if self.time is not None else len(self.shape)))

    @property
    def hat_shape(self) -> tuple[int, ...]:
        """Shape of the amplitudes before the wave vectors are put into one list."""
        shape = list(self.shape)
        if self.real:
            last = self.axes[-1]
            shape[last] = shape[last] // 2 + 1
        return tuple(shape)

    @property
    def numbers(self) -> ModeNumbers:
        """Wave numbers and frequencies as the kernels take them."""
        return ModeNumbers(self.square, self.drift, self.omega)

    def forward(self, component: np.ndarray) -> np.ndarray:
        """Amplitudes of a component on the modes kept, complex128[n_space, n_omega]."""
        hat = self._transform(component)
        if self.keep is not None:
            hat *= self.keep
        return hat

    def project(self, component: np.ndarray) -> tuple[np.ndarray, float]:
        """The amplitudes of `forward`, and the squared norm of what was left out."""
        hat = self._transform(component)
        if self.keep is None:
            return hat, 0.0
        power = np.abs(np.where(self.keep, 0.0, hat)).reshape(self.hat_shape) ** 2
        power *= self.multiplicity()
        hat *= self.keep
        return hat, float(power.sum()) / math.prod(self.shape[a] for a in self.axes)

    def multiplicity(self) -> np.ndarray:
        """Number of modes that each amplitude represents; its shape broadcasts to `hat_shape`.

        The transform of a real component keeps one of each pair of mirror images, except on the
        planes that are their own mirror image.
        """
        shape = [1] * len(self.hat_shape)
        if not self.real:
            return np.ones(shape)
        last = self.axes[-1]
        index = np.arange(self.hat_shape[last])
        edge = (index == 0) | (2 * index == self.shape[last])
        shape[last] = -1
        return np.where(edge, 1.0, 2.0).reshape(shape)

    def _transform(self, component: np.ndarray) -> np.ndarray:
        transform = fft.rfftn if self.real else fft.fftn
        hat = transform(component, axes=self.axes, workers=self.threads)
        return hat.reshape(len(self.square), -1)

    def backward(self, hat: np.ndarray) -> np.ndarray:
        """The component of given amplitudes, on the grid."""
        hat = hat.reshape(self.hat_shape)
        if not self.real:
            return fft.ifftn(hat, axes=self.axes, workers=self.threads)
        size = [self.shape[a] for a in self.axes]
        return fft.irfftn(hat, s=size, axes=self.axes, workers=self.threads)

    def gradient(self, hat: np.ndarray, axis: int) -> np.ndarray:
        """Amplitudes ``i k hat`` of the derivative along one axis of the grid."""
        out = np.empty_like(hat)
        fill_scaled(hat, self.wave_number[axis], 1j, out)
        return out

    def laplacian(self, hat: np.ndarray) -> np.ndarray:
        """Amplitudes ``- k^2 hat`` of the Laplacian."""
        out = np.empty_like(hat)
        fill_scaled(hat, self.square, -1.0 + 0j, out)
        return out

    def rate(self, hat: np.ndarray) -> np.ndarray:
        """Time derivative: ``+ i W hat``, or second-order differences of a time series."""
        if self.time is not None:
            return np.gradient(hat, self.time, axis=-1, edge_order=2)
        out = np.empty_like(hat)
        fill_rate(hat, self.drift, self.omega, out)
        return out

    def respond(
        self,
        spin: np.ndarray,
        spin_rate: np.ndarray | None,
        source: np.ndarray,
        diffusion: float,
        relaxation: float,
        *,
        rate: float = 0.0,
        static: float = 0.0,
        drive: float = 0.0,
        relaxed: bool = True,
    ) -> np.ndarray:
        """The diffusive response ``[rate d_t + static (relaxation - D lap)] spin + drive source``.

        Equation [pumping 6]: every term is divided by ``D k^2 + i W + relaxation``. For a source A
        this is ``tau <A>``. Where the divisor vanishes (no wave number, no frequency, no
        relaxation) the amplitude is ``static spin`` if `relaxed`, else 0, since a periodic solution
        does not determine it. For a time series the same equation is marched from equilibrium.

        Parameters
        ----------
        spin, source : complex128[n_space, n_omega]
            Amplitudes of the spin and of the source.
        spin_rate : complex128[n_space, n_omega] or None
            Amplitudes of dS/dt; used for a time series only.
        diffusion, relaxation : float
            Diffusion constant and relaxation rate.
        rate, static, drive : float
            Coefficients of the terms above.
        relaxed : bool
            Value of the undetermined amplitude, see above.

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
        self._check_rates(diffusion, relaxation)
        pole = bool(relaxation == 0 and self.omega[0] == 0)
        zero = static * spin[0, 0] if pole and relaxed else 0.0
        strength = Strength(float(rate), float(static), float(drive))
        fill_response(
            spin, source, self.numbers, float(diffusion), float(relaxation), strength, pole, out
        )
        if pole:
            out[0, 0] = zero
        return out

    def _check_rates(self, diffusion: float, relaxation: float) -> None:
        """Refuse rates of a mode whose squares underflow: the response divides by them."""
        rates = (
            diffusion * self.square[self.square > 0] + relaxation,
            np.abs(self.omega[self.omega != 0]),
        )
        slowest = min(float(rate.min(initial=np.inf)) for rate in rates)
        if slowest < SLOWEST:
            raise ParameterError(
                f"the rates D q^2 + 1/tau_s and frequencies of a texture must be at least "
                f"{SLOWEST:g} or 0, got {slowest:.3g}; give lengths and a frequency of ordinary "
                "size."
            )


def build_modes(
    shape: tuple[int, ...],
    lengths: tuple[float, ...],
    *,
    real: bool = True,
    period: float | None = None,
    frequency: float = 0.0,
    velocity: tuple[float, ...] | None = None,
    time: np.ndarray | None = None,
    dealias: bool = False,
    threads: int = 1,
) -> Modes:
    """The modes of a periodic box.

    Parameters
    ----------
    shape : tuple of int
        Shape of the grid, followed by the samples of one period when `period` is given, or those
        of the series when `time` is.
    lengths : tuple of float
        Length of the box along each axis.
    real : bool
        Whether the component is real.
    period : float, optional
        Period in time.
    frequency : float
        The one frequency of a rigid texture.
    velocity : tuple of float, optional
        Velocity of a rigid texture.
    time : float64[n_times], optional
        Times of a time series.
    dealias : bool
        Keep only wave numbers (and harmonics) below a third of the sampling. Products of two
        fields are then exact on the modes kept.
    threads : int
        Threads of the Fourier transforms.

    Returns
    -------
    Modes

    Raises
    ------
    ParameterError
        If squared wave numbers or frequencies leave the range of floating-point numbers.
    """
    n_axes = len(lengths)
    grid = shape[:n_axes]
    half = real and period is None
    numbers = [
        np.arange(n // 2 + 1) if half and a == n_axes - 1 else np.rint(fft.fftfreq(n) * n)
        for a, n in enumerate(grid)
    ]
    keep = [kept_numbers(m, n, dealias) for m, n in zip(numbers, grid)]
    with calculation("wave numbers", "give lengths and velocities of ordinary size") as check:
        mesh = np.meshgrid(
            *(2 * np.pi * m / length for m, length in zip(numbers, lengths)), indexing="ij"
        )
        wave_number = tuple(np.ascontiguousarray(k.ravel()) for k in mesh)
        square = np.asarray(sum(k**2 for k in wave_number))
        velocity = velocity or (0.0,) * n_axes
        drift = -sum(k * v for k, v in zip(wave_number, velocity)) + 0.0
        # A nonzero wave number whose square underflows would become a second, false pole.
        lost = (square == 0) & np.any(
            [m != 0 for m in np.meshgrid(*numbers, indexing="ij")], axis=0
        ).ravel()
        check(square, drift, np.where(lost, np.nan, 0.0))
    kept = np.array([True])
    for flags in keep:
        kept = np.logical_and.outer(kept, flags)
    kept = kept.reshape(-1, 1)
    omega = np.array([float(frequency)])
    if period is not None:
        n_times = shape[-1]
        harmonic = np.arange(n_times // 2 + 1)
        with calculation("frequencies", "give a period of ordinary size") as check:
            omega = 2 * np.pi * harmonic / period
            check(omega)
        kept = kept & kept_numbers(harmonic, n_times, dealias)
    return Modes(
        tuple(shape),
        n_axes,
        real,
        wave_number,
        square,
        np.asarray(drift),
        omega,
        None if kept.all() else kept,
        time,
        threads,
    )


def kept_numbers(number: np.ndarray, n: int, dealias: bool) -> np.ndarray:
    """Which of the wave numbers (or harmonics) along an axis of `n` points are represented."""
    kept = 2 * np.abs(number) != n
    return kept & (3 * np.abs(number) < n) if dealias and n > 1 else kept


def propagate(
    values: npt.ArrayLike,
    medium: Medium,
    lengths: npt.ArrayLike,
    *,
    period: float | None = None,
    time: npt.ArrayLike | None = None,
    charge: bool = False,
    threads: int = 1,
) -> np.ndarray:
    """The diffusion average ``<A>`` of a field, equation [pumping 6].

    It solves ``tau (d_t - D lap + 1/tau_s) <A> = A`` on a periodic box. The spin relaxes with
    ``1/tau_s``, the charge never does. (The paper prints the case without relaxation, and leaves
    out a factor 1/T in front of the sum over frequencies.)

    Parameters
    ----------
    values : float64[*shape, n_times]
        Samples of A. They are periodic in time when `period` is given. When `time` is given,
        ``<A>`` starts from 0 at the first time.
    medium : Medium
        The electron gas.
    lengths : tuple of float
        Length of the box along each axis.
    period : float, optional
        Period in time.
    time : float64[n_times], optional
        Times of the samples.
    charge : bool
        Propagate a charge, which does not relax.
    threads : int
        Threads of the Fourier transforms.

    Returns
    -------
    float64[*shape, n_times]
        Without relaxation the mean of a periodic A has no periodic answer; that mode is left out.

    Raises
    ------
    ParameterError
        For values that are complex or not finite, shapes that do not fit, or both or none of
        `period` and `time`.

    Examples
    --------
    >>> from hopnet.pumping.medium import Medium
    >>> medium = Medium(exchange=0.3, tau=0.5, density_of_states=1.0, fermi_energy=3.0)
    >>> x = np.arange(8) * np.pi / 4
    >>> A = np.cos(x)[:, None] * np.ones(3)
    >>> bool(np.allclose(propagate(A, medium, (2 * np.pi,), period=1.0), A / 0.5))  # D tau = 1/2
    True
    """
    values = real_array("values", values)
    instance("medium", medium, (Medium,), "build one with hopnet.pumping.Medium")
    box = positive_numbers("lengths", lengths)
    charge = flag("charge", charge)
    threads = whole("threads", threads, low=1, high=MOST_THREADS)
    if (period is None) == (time is None):
        raise ParameterError(
            "propagate needs either period or time, got both or none of them; give one."
        )
    if values.ndim != len(box) + 1 or not 1 <= len(box) <= 3 or 0 in values.shape:
        raise ParameterError(
            f"values must have {len(box)} grid axes (1 to 3) and time last, got shape "
            f"{values.shape}; give one length per grid axis, and one axis for the time."
        )
    if period is not None:
        period = positive("period", period)
    instants = None
    if time is not None:
        instants = real_array("time", time)
        if instants.shape != values.shape[-1:] or not np.all(np.diff(instants) > 0):
            raise ParameterError(
                f"time must hold {values.shape[-1]} increasing values, one per sample, got shape "
                f"{instants.shape}; sort them and drop repeated ones."
            )
    modes = build_modes(values.shape, box, period=period, time=instants, threads=threads)
    with calculation("the average", "give values and a medium of ordinary size") as check:
        hat = modes.forward(values)
        relaxation = 0.0 if charge else medium.relaxation
        out = modes.respond(
            hat, None, hat, medium.diffusion, relaxation, drive=1 / medium.tau, relaxed=False
        )
        answer = modes.backward(out)
        check(answer)
    return answer
