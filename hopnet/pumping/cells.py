"""Cells between two walls: the equation of one harmonic, and components on the cells.

::

    wall                                              wall
     |  cell 0  |  cell 1  |   ...   |  cell n - 1  |
     |    o     |    o     |         |      o       |      o  potential, texture
     ^          ^          ^         ^              ^      ^  current through each face
    G_left                                        G_right
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from scipy import fft
from scipy.linalg import solve_banded

from hopnet.errors import ParameterError
from hopnet.pumping.fields import Frame
from hopnet.pumping.texture import PeriodicTexture, RigidTexture, grid_points

__all__ = [
    "Walls",
    "coarsened",
    "components",
    "components_at",
    "harmonics",
    "interpolated",
    "modulus",
    "solve_harmonic",
    "solve_part",
    "time_derivative",
    "wall_conductance",
]

# A time counts as a sample of the period when it is nearer than this part of a step. It must
# exceed the rounding of a time the user computes (1e-15) by far.
SAME_TIME = 1e-6


class Walls(NamedTuple):
    """Properties of cells, medium and contacts in the equation of one harmonic.

    Attributes
    ----------
    step : float
        Size of a cell.
    diffusion, relaxation : float
        Diffusion constant and relaxation rate.
    left, right : float
        Conductance of the contacts.
    """

    step: float
    diffusion: float
    relaxation: float
    left: float
    right: float


def wall_conductance(conductance: float, step: float) -> float:
    """Conductance from the centre of a cell to the contact: half a cell in series with it."""
    return 2 / step if math.isinf(conductance) else conductance / (1 + 0.5 * conductance * step)


def solve_harmonic(source: np.ndarray, omega: float, walls: Walls) -> tuple[np.ndarray, complex]:
    """Solve ``(i W + 1/tau_s) u - D u'' = source`` between two contacts.

    Returns
    -------
    complex128[n]
        The solution; its mean is 0 where nothing removes the spin.
    complex
        The part of the source that has no stationary answer.
    """
    n = len(source)
    step, diffusion, relaxation, left, right = walls
    rate = complex(relaxation, omega)
    hop = diffusion / step**2
    diagonal = np.full(n, rate + 2 * hop)
    diagonal[0] += -hop + diffusion * wall_conductance(left, step) / step
    diagonal[-1] += -hop + diffusion * wall_conductance(right, step) / step
    growing: complex = 0.0
    closed = omega == 0 and relaxation == 0 and left == 0 and right == 0
    bands = np.zeros((3, n), dtype=complex)
    bands[0, 1:] = bands[2, :-1] = -hop
    bands[1] = diagonal
    if closed:
        growing = source.mean()
        source = source - growing
        bands[1, 0] += hop  # fixes the first cell; the balanced equations remain solved
    try:
        u = solve_banded((1, 1), bands, source)
    except ValueError as failure:  # scipy refuses infinities in bands or source
        raise OverflowError(str(failure)) from None
    return (u - u.mean() if closed else u), growing


def solve_part(
    source: np.ndarray, omega: np.ndarray, frame: Frame, walls: Walls, part: int
) -> tuple[np.ndarray, np.ndarray | float]:
    """`solve_harmonic` for every harmonic of one component, [n] or [n, n_times]."""
    growing: complex = 0.0
    if frame.kind == "rigid":
        u, growing = solve_harmonic(source, float(omega[0]), walls)
        return (u if part == 0 else u.real), growing  # type: ignore[return-value]
    n_times = source.shape[-1]
    hat = fft.rfft(source, axis=-1)
    out = np.empty_like(hat)
    for w, frequency in enumerate(omega):
        if 2 * w == n_times:
            out[:, w] = 0.0  # the Nyquist harmonic has no derivative
            continue
        out[:, w], mean = solve_harmonic(hat[:, w], float(frequency), walls)
        growing = growing + mean / n_times
    return fft.irfft(out, n=n_times, axis=-1), np.real(growing)


def time_derivative(frame: Frame, spin: np.ndarray, omega: np.ndarray) -> np.ndarray:
    """Time derivative of one component of S; the Nyquist harmonic has none."""
    if frame.kind == "rigid":
        rate = 1j * omega[0] * spin
        return rate if np.iscomplexobj(spin) else np.zeros_like(spin)
    hat = 1j * omega * fft.rfft(spin, axis=-1)
    n = spin.shape[-1]
    if n % 2 == 0:
        hat[:, -1] = 0.0
    return fft.irfft(hat, n=n, axis=-1)


def harmonics(texture: RigidTexture | PeriodicTexture, scalar: bool = False) -> list[np.ndarray]:
    """Angular frequencies of every component of a vector, or of a scalar."""
    if isinstance(texture, RigidTexture):
        return [np.array([texture.frequency]), np.array([0.0])]
    n = texture.spin.shape[-1]
    omega = 2 * np.pi * np.arange(n // 2 + 1) / texture.period
    return [omega] * (1 if scalar else 3)


def components(texture: RigidTexture | PeriodicTexture) -> tuple[np.ndarray, ...]:
    """Components of S in the frame of the texture."""
    if isinstance(texture, RigidTexture):
        return texture.plus, texture.z
    return tuple(texture.spin)


def components_at(frame: Frame, parts: Sequence[np.ndarray], time: float) -> list[np.ndarray]:
    """Components x, y, z of a vector at one time; the one component of a sampled scalar."""
    if frame.kind == "rigid":
        turned = parts[0] * np.exp(1j * frame.frequency * time)
        return [turned.real, turned.imag, parts[1]]
    n = parts[0].shape[-1]
    index = time / float(frame.period or 1.0) * n
    if not math.isfinite(index) or abs(index - round(index)) > SAME_TIME:
        raise ParameterError(
            f"time must be one of the {n} samples of the period, got {time!r}; give k/{n} of it."
        )
    return [p[..., round(index) % n] for p in parts]


def modulus(parts: Sequence[np.ndarray]) -> float:
    """Largest modulus of a vector field at any point and time."""
    return float(np.sqrt(np.max(sum(np.abs(p) ** 2 for p in parts))))


def interpolated(array: np.ndarray, here: np.ndarray, there: np.ndarray) -> np.ndarray:
    """Cubic interpolation along the first axis, from equally spaced points to others between them.

    Its error is of fourth order in the step. That of linear interpolation would be of second order,
    as the error of the cells is, and could hide it.
    """
    position = (there - here[0]) / (here[1] - here[0])
    first = np.clip(np.floor(position).astype(int) - 1, 0, len(here) - 4)
    x = (position - first).reshape((-1,) + (1,) * (array.ndim - 1))
    # Lagrange polynomials of the four points 0, 1, 2, 3.
    weight = (
        -(x - 1) * (x - 2) * (x - 3) / 6,
        x * (x - 2) * (x - 3) / 2,
        -x * (x - 1) * (x - 3) / 2,
        x * (x - 1) * (x - 2) / 6,
    )
    total = weight[0] * array[first]
    for k in (1, 2, 3):
        total = total + weight[k] * array[first + k]
    return total


def coarsened(texture: RigidTexture | PeriodicTexture) -> RigidTexture | PeriodicTexture:
    """The texture in half as many cells, by cubic interpolation to their centres."""
    n = texture.shape[0]
    fine = grid_points(n, texture.lengths, cell_centred=True)[0]
    coarse = grid_points(n // 2, texture.lengths, cell_centred=True)[0]
    if isinstance(texture, RigidTexture):
        return replace(
            texture,
            plus=interpolated(texture.plus, fine, coarse),
            z=interpolated(texture.z, fine, coarse),
        )
    spin = np.stack([interpolated(s, fine, coarse) for s in texture.spin])
    return replace(texture, spin=spin)
