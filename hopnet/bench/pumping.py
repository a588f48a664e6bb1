"""``hopnet bench pumping``: spin pumping against the bare Fourier transforms that it needs."""

from __future__ import annotations

import tracemalloc
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy import fft

from hopnet.bench import paired, row
from hopnet.errors import ValidityWarning

__all__ = ["measure"]


class Case(NamedTuple):
    """One calculation and the transforms that it is compared with.

    Attributes
    ----------
    what : str
        Name of the row.
    call : callable
        The calculation.
    transforms : Transforms
        The transforms alone.
    texture_bytes : int
        Memory of the texture itself.
    repeats : int
        Rounds of the measurement.
    """

    what: str
    call: Callable[[], Any]
    transforms: Transforms
    texture_bytes: int
    repeats: int


def measure(
    n: int = 256, n_times: int = 32, repeats: int = 5, threads: int = 1
) -> list[dict[str, Any]]:
    """Time rigid precession on n x n, and a sampled texture on n x n x n_times.

    Each case is compared with the transforms that its results need, counted one by one and run
    alone on arrays of the same shape. The rest of the time is multiplication, products and
    allocation. Peak memory is that of all arrays alive at the same time, the texture and the
    results included.

    Parameters
    ----------
    n, n_times : int
        Points along each of two axes, and samples of a period.
    repeats : int
        Rounds of the slow cases; the fast one has four times as many.
    threads : int
        Threads of the transforms, on both sides.

    Returns
    -------
    list of dict
    """
    rows = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ValidityWarning)
        for case in cases(n, n_times, repeats, threads):
            reference = f"{case.transforms.count} bare FFTs"
            seconds = paired(
                {case.what: case.call, reference: case.transforms}, repeats=case.repeats
            )
            peak = peak_bytes(case.call) + case.texture_bytes
            rows.append(
                row(
                    case.what,
                    seconds[case.what],
                    reference,
                    seconds[reference],
                    peak_MB=round(peak / 1e6, 1),
                )
            )
    return rows


def cases(n: int, n_times: int, repeats: int, threads: int) -> list[Case]:
    """The calculations that are measured."""
    from hopnet.pumping import Medium, PeriodicTexture, pump, skyrmion

    medium = Medium(exchange=0.01, tau=0.1, density_of_states=1, fermi_energy=2, tau_s=3.0)
    rigid = skyrmion((n, n), (24.0, 24.0), radius=1.5, frequency=0.4)
    turned = rigid.plus[..., None] * np.exp(2j * np.pi * np.arange(n_times) / n_times)
    spin = np.empty((3, n, n, n_times))
    spin[0], spin[1], spin[2] = turned.real, turned.imag, rigid.z[..., None]
    sampled = PeriodicTexture(spin, rigid.lengths, 2 * np.pi / 0.4)

    def pumped(texture: Any) -> tuple:
        pumping = pump(texture, medium, threads=threads)
        return pumping, pumping.pumped_current(), pumping.density(), pumping.dynamic_torque()

    def whole(texture: Any) -> tuple:
        results = pumped(texture)
        pumping = results[0]
        return *results, pumping.supercurrent(), pumping.torque(), pumping.spin_relaxation()

    # One of each kind (complex and real): S forward; S and dS/dt backward; N forward; two rows of
    # current, density and torque backward.
    on_plane = Transforms((n, n), (2, 6), (2, 6), threads)
    in_time = Transforms((n, n, n_times), (0, 0), (6, 18), threads)
    # In addition: two slopes and lap S backward, three products forward; two rows of supercurrent,
    # torque and relaxation backward.
    every_field = Transforms((n, n, n_times), (0, 0), (6 + 9, 18 + 21), threads)
    rigid_bytes = rigid.plus.nbytes + rigid.z.nbytes
    return [
        Case(
            f"rigid {n}x{n}: current, density, torque",
            lambda: pumped(rigid),
            on_plane,
            rigid_bytes,
            4 * repeats,
        ),
        Case(
            f"{n}x{n}x{n_times}: current, density, torque",
            lambda: pumped(sampled),
            in_time,
            sampled.spin.nbytes,
            repeats,
        ),
        Case(
            f"{n}x{n}x{n_times}: all spin fields",
            lambda: whole(sampled),
            every_field,
            sampled.spin.nbytes,
            repeats,
        ),
    ]


class Transforms:
    """A callable that runs a number of transforms.

    Parameters
    ----------
    shape : tuple of int
        Shape of the arrays.
    complex_counts, real_counts : pair of int
        Numbers of forward and of backward transforms.
    threads : int
        Threads of each transform.

    Attributes
    ----------
    count : int
        Number of transforms of a call.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        complex_counts: tuple[int, int],
        real_counts: tuple[int, int],
        threads: int,
    ) -> None:
        self.shape, self.threads = shape, threads
        self.values = np.random.default_rng(7).normal(size=shape)
        self.complex_values = self.values + 1j * self.values[::-1]
        self.half = fft.rfftn(self.values)
        self.complex_counts, self.real_counts = complex_counts, real_counts
        self.count = sum(complex_counts) + sum(real_counts)

    def __call__(self) -> None:
        """Run all transforms."""
        for _ in range(self.complex_counts[0]):
            fft.fftn(self.complex_values, workers=self.threads)
        for _ in range(self.complex_counts[1]):
            fft.ifftn(self.complex_values, workers=self.threads)
        for _ in range(self.real_counts[0]):
            fft.rfftn(self.values, workers=self.threads)
        for _ in range(self.real_counts[1]):
            fft.irfftn(self.half, s=self.shape, workers=self.threads)


def peak_bytes(call: Callable[[], Any]) -> int:
    """Bytes of arrays alive at the peak of a call, above those alive before it."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        answer = call()
        peak = tracemalloc.get_traced_memory()[1] - before
        del answer
    finally:
        tracemalloc.stop()
    return peak
