"""From diffusive to ballistic: which share of the pumped current is local, for any free path."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hopnet.checks import one_of, whole
from hopnet.errors import ParameterError
from hopnet.pumping.fields import Field, build_frame
from hopnet.pumping.inputs import calculation, finite, instance, real_array, real_numbers
from hopnet.pumping.medium import Medium
from hopnet.pumping.named_textures import interface
from hopnet.pumping.texture import PeriodicTexture, RigidTexture, TimeSeries

__all__ = [
    "InterfaceSplit",
    "angular_average",
    "crossover_point",
    "interface_split",
    "kinetic_current",
    "kinetic_deficit",
    "local_share",
    "local_to_diffusive",
]

ADVICE = "give q_ell and frequency_tau of ordinary size"
# Points along the axis of `interface_split`, and the length of its box in units of the width plus
# the spin diffusion length. 8192 points leave 40 or more per width down to a tenth of a free path;
# in a box of 60 such lengths the two interfaces do not affect each other (exp(-30)).
SPLIT_POINTS, SPLIT_BOX = 8192, 60


def kinetic_deficit(
    q_ell: npt.ArrayLike, frequency_tau: npt.ArrayLike, dimension: int
) -> np.ndarray:
    """``1 - a I`` with ``I = <1/(a + i q_ell cos)>`` over directions, ``a = 1 + i frequency_tau``.

    It is formed without cancellation: ``(q_ell)^2/d`` for small ``q_ell``. In kinetics it takes the
    place of ``D q^2 tau`` in the ladder [pumping 4], [pumping A13].

    Parameters
    ----------
    q_ell, frequency_tau : float or array
        Wave number times mean free path, and angular frequency times elastic lifetime.
    dimension : int
        Dimension of the electron gas: 1, 2 or 3.

    Returns
    -------
    complex or array

    Raises
    ------
    ParameterError
        For another dimension, numbers that are not finite, or an overflow.
    """
    x, turn = arguments(q_ell, frequency_tau, dimension)
    with calculation("the kinetic deficit", ADVICE) as check:
        deficit = deficit_of(x, turn, dimension)
        check(deficit)
    return deficit


def arguments(
    q_ell: npt.ArrayLike, frequency_tau: npt.ArrayLike, dimension: int
) -> tuple[np.ndarray, np.ndarray]:
    """Checked arrays of ``q_ell`` and ``frequency_tau``, of one shape or broadcastable."""
    whole("dimension", dimension, low=1, high=3)
    x, turn = real_array("q_ell", q_ell), real_array("frequency_tau", frequency_tau)
    try:
        np.broadcast_shapes(x.shape, turn.shape)
    except ValueError:
        raise ParameterError(
            f"q_ell and frequency_tau must have one shape, got {x.shape} and {turn.shape}; give "
            "one number for either."
        ) from None
    return x, turn


def deficit_of(x: np.ndarray, turn: np.ndarray, dimension: int) -> np.ndarray:
    """The formulas of `kinetic_deficit`, without checks."""
    y2 = (x / (1 + 1j * turn)) ** 2
    if dimension == 1:
        return y2 / (1 + y2)
    if dimension == 2:
        root = np.sqrt(1 + y2)
        return y2 / (root * (1 + root))
    # Below y^2 = 0.01 the difference 1 - arctan(y)/y would lose digits. Nine terms of its series
    # y^2/3 - y^4/5 + ... are exact to rounding there.
    series = np.zeros_like(y2)
    for n in range(9, 0, -1):
        series = y2 * (1 / (2 * n + 1) - series)
    large = np.abs(y2) > 0.01
    y = np.sqrt(np.where(large, y2, 1.0))
    return np.where(large, 1 - np.arctan(y) / y, series)


def angular_average(
    q_ell: npt.ArrayLike, frequency_tau: npt.ArrayLike, dimension: int
) -> np.ndarray:
    """The rung ``I`` of the ladder for one mode, ``Pi = 1/(1 - I)``, beyond [pumping A13].

    With ``x = q_ell`` it is ``a/(a^2 + x^2)``, ``(a^2 + x^2)^(-1/2)`` and ``arctan(x/a)/x`` in one,
    two and three dimensions.

    Parameters
    ----------
    q_ell, frequency_tau, dimension
        As in `kinetic_deficit`.

    Returns
    -------
    complex or array

    Examples
    --------
    >>> complex(angular_average(1.0, 0.0, 1))
    (0.5+0j)
    """
    x, turn = arguments(q_ell, frequency_tau, dimension)
    with calculation("the angular average", ADVICE) as check:
        average = (1 - deficit_of(x, turn, dimension)) / (1 + 1j * turn)
        check(average)
    return average


def local_to_diffusive(
    q_ell: npt.ArrayLike,
    frequency_tau: npt.ArrayLike = 0.0,
    dimension: int = 3,
    *,
    kernel: str = "boltzmann",
) -> np.ndarray:
    """Local over diffusive first-order spin current of one mode.

    It is ``(1 - I)/I`` exactly, and ``(q_ell)^2/d + i frequency_tau`` to leading order. The paper
    writes ``O((ell/lambda)^2)``: with ``lambda = 2 pi/q`` the prefactor is ``4 pi^2/3``, and the
    frequency sets the smallest value.

    Parameters
    ----------
    q_ell, frequency_tau, dimension
        As in `kinetic_deficit`.
    kernel : {"boltzmann", "diffusive"}
        The exact ratio, or its leading order.

    Returns
    -------
    complex or array

    Examples
    --------
    >>> print(round(abs(local_to_diffusive(2 * np.pi * 0.1)), 5))  # ell / lambda = 0.1
    0.12003
    """
    x, turn = arguments(q_ell, frequency_tau, dimension)
    one_of("kernel", kernel, ("boltzmann", "diffusive"))
    with calculation("the ratio of the currents", ADVICE) as check:
        if kernel == "diffusive":
            ratio = x**2 / dimension + 1j * turn
        else:
            deficit = deficit_of(x, turn, dimension)
            ratio = (1j * turn + deficit) / (1 - deficit)
        check(ratio)
    return ratio


def local_share(
    q_ell: npt.ArrayLike, frequency_tau: npt.ArrayLike = 0.0, dimension: int = 3
) -> np.ndarray:
    """Local share ``1 - I`` of the first-order spin current of one mode.

    Parameters
    ----------
    q_ell, frequency_tau, dimension
        As in `kinetic_deficit`.

    Returns
    -------
    complex or array

    Examples
    --------
    >>> print(round(abs(local_share(2 * np.pi * 0.1)), 5))
    0.10717
    """
    x, frequency = arguments(q_ell, frequency_tau, dimension)
    with calculation("the local share", ADVICE) as check:
        turn = 1j * frequency
        share = (turn + deficit_of(x, frequency, dimension)) / (1 + turn)
        check(share)
    return share


def crossover_point(dimension: int) -> float:
    """The ``q_ell`` at which a slow texture drives as much local as diffusive current.

    Parameters
    ----------
    dimension : int
        Dimension of the electron gas: 1, 2 or 3.

    Returns
    -------
    float
        1, sqrt(3) and 2.3311 in one, two and three dimensions.

    Examples
    --------
    >>> round(crossover_point(3), 6)
    2.331122
    """
    from scipy.optimize import brentq

    whole("dimension", dimension, low=1, high=3)
    return brentq(lambda x: abs(local_to_diffusive(x, 0.0, dimension)) - 1, 0.1, 10, xtol=1e-14)


def kinetic_current(
    texture: RigidTexture | PeriodicTexture,
    medium: Medium,
    *,
    dealias: bool = False,
    threads: int = 1,
) -> tuple[Field, Field]:
    """First-order spin current from kinetics with a free path, split as in the paper's Fig. 3.

    Electrons of speed v_F in d dimensions relax to the local equilibrium ``chi S``::

        (d_t + v.grad + 1/tau) f = (1/tau - 1/tau_s) <f> - chi dS/dt
        total  = - chi (W/k) (1 - a I) / (1 - (1 - tau/tau_s) I) S
        local  = (1 - (1 - tau/tau_s) I) total

    The local part flows before any electron has scattered back. The rest is the diffusive current,
    which is [pumping 5] for ``q ell << 1``. Both hold for any ``q ell`` and ``W tau``, at first
    order in the exchange.

    Parameters
    ----------
    texture : RigidTexture or PeriodicTexture
        The magnetisation.
    medium : Medium
        The electron gas.
    dealias : bool
        As in `pump`.
    threads : int
        Threads of the Fourier transforms.

    Returns
    -------
    tuple of two Fields
        The local and the diffusive current, one row per axis of the grid.

    Raises
    ------
    ParameterError
        For a time series, which has no harmonics.
    """
    if isinstance(texture, TimeSeries):
        raise ParameterError(
            "kinetic_current needs a texture with harmonics in time, got a TimeSeries; "
            "sample a PeriodicTexture."
        )
    instance("medium", medium, (Medium,), "build one with hopnet.pumping.Medium")
    frame, spin = build_frame(texture, dealias=dealias, threads=threads)
    n_axes = len(frame.shape)
    local: list[list[np.ndarray]] = [[] for _ in range(n_axes)]
    ladder: list[list[np.ndarray]] = [[] for _ in range(n_axes)]
    for modes, component in zip(frame.vector, spin):
        frequency = modes.omega[None, :] + modes.drift[:, None]
        k = np.sqrt(modes.square)[:, None]
        turn = 1j * frequency * medium.tau
        deficit = kinetic_deficit(k * medium.mean_free_path, turn.imag, medium.dimension)
        rung = (1 - medium.tau * medium.relaxation) * (1 - deficit) / (1 + turn)
        square = np.where(modes.square > 0, modes.square, 1.0)[:, None]
        with calculation("the current", "give a frequency and lengths of ordinary size") as check:
            bare = -medium.equilibrium_density * frequency / square * deficit
            bare = bare * modes.forward(component)
            check(bare)
        remainder = 1 - rung
        remainder[0, np.abs(remainder[0]) == 0] = 1.0  # no wave number: no current
        for axis in range(n_axes):
            direct = modes.wave_number[axis][:, None] * bare
            local[axis].append(modes.backward(direct))
            ladder[axis].append(modes.backward(direct * rung / remainder))
    first, second = (
        Field(frame, tuple(tuple(row) for row in rows), vector=True, single=False)
        for rows in (local, ladder)
    )
    return first, second


class InterfaceSplit(NamedTuple):
    """Parts of the first-order current at the centre of an interface, see `interface_split`.

    Attributes
    ----------
    width_over_ell : float
        Width of the tanh profile over the mean free path.
    local, diffusive : float
        Moduli of the two parts over that of the whole current.
    """

    width_over_ell: float
    local: float
    diffusive: float


def interface_split(
    medium: Medium, frequency: float, width_over_ell: npt.ArrayLike
) -> list[InterfaceSplit]:
    """Local and diffusive part of the current at an interface, smooth to sharp: the paper's Fig. 3.

    Parameters
    ----------
    medium : Medium
        The electron gas, with spin relaxation, which bounds the region that is pumped.
    frequency : float
        Angular frequency, not 0.
    width_over_ell : list of float
        Widths of the tanh profile over the mean free path.

    Returns
    -------
    list of InterfaceSplit

    Raises
    ------
    ParameterError
        Without spin relaxation, or for a width or frequency at which no current flows.
    """
    instance("medium", medium, (Medium,), "build one with hopnet.pumping.Medium")
    if not medium.relaxation:
        raise ParameterError(
            "interface_split needs a finite tau_s, which bounds the pumped region, got none; give "
            "one."
        )
    frequency = finite("frequency", frequency)
    rows = []
    for ratio in real_numbers("width_over_ell", width_over_ell):
        width = ratio * medium.mean_free_path
        length = SPLIT_BOX * (width + medium.spin_diffusion_length)
        texture = interface(
            (SPLIT_POINTS,),
            (length,),
            edges=(0.25 * length, 0.75 * length),
            width=width,
            frequency=frequency,
        )
        at = 3 * SPLIT_POINTS // 4
        local, diffusive = (f.rows[0][0][at] for f in kinetic_current(texture, medium))
        with calculation("the split", "give a frequency of ordinary size, not 0") as check:
            whole = abs(local + diffusive)
            row = InterfaceSplit(ratio, float(abs(local) / whole), float(abs(diffusive) / whole))
            check(row)
        rows.append(row)
    return rows
