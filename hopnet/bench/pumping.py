"""``hopnet bench pumping``: spin pumping against the bare Fourier transforms that it needs."""

from __future__ import annotations

import tracemalloc
import warnings

import numpy as np
from scipy import fft

from hopnet.bench import paired, row
from hopnet.errors import ValidityWarning


def measure(n=256, n_times=32, repeats=5, threads=1):
    """Time rigid precession on n x n, and space-time on n x n x n_times.

    Each case is compared with the transforms its results cannot do without, counted one by one and
    run alone on arrays of the same shape; the rest is multiplication, products and allocation. Peak
    memory is that of all arrays alive at once, the texture and the results included.

    Parameters
    ----------
    n, n_times : int
    repeats : int
    threads : int
        Of the transforms, on both sides.

    Returns
    -------
    list of dict
    """
    from hopnet.pumping.currents import pump
    from hopnet.pumping.medium import Medium
    from hopnet.pumping.texture import PeriodicTexture, skyrmion

    medium = Medium(exchange=0.01, tau=0.1, density_of_states=1, fermi_energy=2, tau_s=3.0)
    rigid = skyrmion((n, n), (24.0, 24.0), radius=1.5, frequency=0.4)
    phase = np.exp(2j * np.pi * np.arange(n_times) / n_times)
    turned = rigid.plus[..., None] * phase
    spin = np.empty((3, n, n, n_times))
    spin[0], spin[1], spin[2] = turned.real, turned.imag, rigid.z[..., None]
    sampled = PeriodicTexture(spin, rigid.lengths, 2 * np.pi / 0.4)
    del turned

    def pumped(texture):
        pumping = pump(texture, medium, threads=threads)
        return pumping, pumping.pumped_current(), pumping.density(), pumping.dynamic_torque()

    def whole(texture):
        answer = pumped(texture)
        return *answer, answer[0].supercurrent(), answer[0].torque(), answer[0].spin_relaxation()

    # one of a kind: S there; S, dS/dt back; N there; two rows of current, density, torque back
    rigid_counts = [(2, 6), (2, 6)]  # forward and backward, complex and real
    sampled_counts = [(0, 0), (6, 18)]
    # and: two slopes and lap S back, three products there; two rows of supercurrent, torque, back
    whole_counts = [(0, 0), (6 + 9, 18 + 21)]
    transforms = {
        "rigid": bare_transforms((n, n), rigid_counts, threads),
        "sampled": bare_transforms((n, n, n_times), sampled_counts, threads),
        "whole": bare_transforms((n, n, n_times), whole_counts, threads),
    }
    rows = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ValidityWarning)
        for what, call, name, texture, rounds in (
            (f"rigid {n}x{n}: current, density, torque", pumped, "rigid", rigid, 4 * repeats),
            (f"{n}x{n}x{n_times}: current, density, torque", pumped, "sampled", sampled, repeats),
            (f"{n}x{n}x{n_times}: all spin fields", whole, "whole", sampled, repeats),
        ):
            reference = f"{transforms[name].count} bare FFTs"
            seconds = paired(
                {what: lambda c=call, t=texture: c(t), reference: transforms[name]},
                repeats=rounds,
            )
            peak = peak_memory(lambda c=call, t=texture: c(t)) + texture_bytes(texture)
            rows.append(
                row(
                    what,
                    seconds[what],
                    reference,
                    seconds[reference],
                    peak_MB=round(peak / 1e6, 1),
                )
            )
    return rows


def bare_transforms(shape, counts, threads):
    """A callable that runs a number of transforms; its ``count`` says how many.

    Parameters
    ----------
    shape : tuple of int
    counts : two pairs of int
        Forward and backward: complex, then real.
    threads : int
    """
    values = np.random.default_rng(7).normal(size=shape)
    complex_values = values + 1j * values[::-1]
    half = fft.rfftn(values)
    (forward, backward), (real_forward, real_backward) = counts

    def run():
        for _ in range(forward):
            fft.fftn(complex_values, workers=threads)
        for _ in range(backward):
            fft.ifftn(complex_values, workers=threads)
        for _ in range(real_forward):
            fft.rfftn(values, workers=threads)
        for _ in range(real_backward):
            fft.irfftn(half, s=shape, workers=threads)

    run.count = sum(map(sum, counts))
    return run


def peak_memory(call):
    """Bytes of arrays alive at the worst moment of a call, above those alive before it."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        answer = call()
        peak = tracemalloc.get_traced_memory()[1] - before
        del answer
    finally:
        tracemalloc.stop()
    return peak


def texture_bytes(texture):
    """Bytes of the texture itself."""
    return sum(
        getattr(texture, name).nbytes for name in ("plus", "z", "spin") if hasattr(texture, name)
    )
