"""From diffusive to ballistic: which share of the pumped current is local, for any free path."""

from __future__ import annotations

import numpy as np

from hopnet.errors import ParameterError
from hopnet.pumping.diffusion import Field, build_frame
from hopnet.pumping.texture import TimeSeries, interface


def kinetic_deficit(q_ell, frequency_tau, dimension):
    """``1 - a I`` with ``I = <1/(a + i q_ell cos)>`` over directions, ``a = 1 + i frequency_tau``.

    Formed without cancellation: ``(q_ell)^2/d`` for small ``q_ell``; the exact counterpart of
    ``D q^2 tau`` in the ladder [pumping 4], [pumping A13].

    Parameters
    ----------
    q_ell, frequency_tau : float or array
    dimension : int
        1, 2 or 3.

    Returns
    -------
    complex or array
    """
    y2 = (np.asarray(q_ell, dtype=float) / (1 + 1j * np.asarray(frequency_tau, dtype=float))) ** 2
    if dimension == 1:
        return y2 / (1 + y2)
    if dimension == 2:
        root = np.sqrt(1 + y2)
        return y2 / (root * (1 + root))
    if dimension != 3:
        raise ParameterError(f"dimension must be 1, 2 or 3, got {dimension!r}; choose one of them.")
    series = np.zeros_like(y2)
    for n in range(9, 0, -1):  # y^2/3 - y^4/5 + ...
        series = y2 * (1 / (2 * n + 1) - series)
    large = np.abs(y2) > 0.01
    y = np.sqrt(np.where(large, y2, 1.0))
    return np.where(large, 1 - np.arctan(y) / y, series)


def angular_average(q_ell, frequency_tau, dimension):
    """``I``: the ladder's rung for one mode, ``Pi = 1/(1 - I)``, beyond [pumping A13].

    ``a/(a^2 + x^2)``, ``(a^2 + x^2)^(-1/2)`` and ``arctan(x/a)/x`` in one, two and three
    dimensions, with ``x = q_ell``.

    Parameters
    ----------
    q_ell, frequency_tau : float or array
    dimension : int

    Returns
    -------
    complex or array

    Examples
    --------
    >>> complex(angular_average(1.0, 0.0, 1))
    (0.5+0j)
    """
    deficit = kinetic_deficit(q_ell, frequency_tau, dimension)
    return (1 - deficit) / (1 + 1j * np.asarray(frequency_tau, dtype=float))


def local_to_diffusive(q_ell, frequency_tau=0.0, dimension=3, *, kernel="boltzmann"):
    """Local over diffusive first-order spin current of one mode.

    ``(1 - I)/I`` exactly; ``(q_ell)^2/d + i frequency_tau`` to leading order. The paper writes
    ``O((ell/lambda)^2)``: with ``lambda = 2 pi/q`` the prefactor is ``4 pi^2/3``, and the frequency
    sets a floor.

    Parameters
    ----------
    q_ell, frequency_tau : float or array
    dimension : int
    kernel : {"boltzmann", "diffusive"}

    Returns
    -------
    complex or array

    Examples
    --------
    >>> print(round(abs(local_to_diffusive(2 * np.pi * 0.1)), 5))  # ell / lambda = 0.1
    0.12003
    """
    frequency_tau = np.asarray(frequency_tau, dtype=float)
    if kernel == "diffusive":
        return np.asarray(q_ell, dtype=float) ** 2 / dimension + 1j * frequency_tau
    deficit = kinetic_deficit(q_ell, frequency_tau, dimension)
    return (1j * frequency_tau + deficit) / (1 - deficit)


def local_share(q_ell, frequency_tau=0.0, dimension=3):
    """Local share ``1 - I`` of the first-order spin current of one mode.

    Parameters
    ----------
    q_ell, frequency_tau : float or array
    dimension : int

    Returns
    -------
    complex or array

    Examples
    --------
    >>> print(round(abs(local_share(2 * np.pi * 0.1)), 5))
    0.10717
    """
    turn = 1j * np.asarray(frequency_tau, dtype=float)
    return (turn + kinetic_deficit(q_ell, frequency_tau, dimension)) / (1 + turn)


def crossover_point(dimension):
    """The ``q_ell`` at which a slow texture drives as much local as diffusive current.

    Parameters
    ----------
    dimension : int

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

    return brentq(lambda x: abs(local_to_diffusive(x, 0.0, dimension)) - 1, 0.1, 10, xtol=1e-14)


def kinetic_current(texture, medium, *, dealias=False, threads=1):
    """First-order spin current from kinetics with a free path, split as in the paper's Fig. 3.

    Electrons of speed v_F in d dimensions, relaxing to the local equilibrium ``chi S``::

        (d_t + v.grad + 1/tau) f = (1/tau - 1/tau_s) <f> - chi dS/dt
        total  = - chi (W/k) (1 - a I) / (1 - (1 - tau/tau_s) I) S
        local  = (1 - (1 - tau/tau_s) I) total

    `local` is what flows before any scattering back, the rest the diffusive current: [pumping 5]
    for ``q ell << 1``. Valid for any ``q ell`` and ``W tau``, at first order in the exchange.

    Parameters
    ----------
    texture : RigidTexture or PeriodicTexture
    medium : Medium
    dealias : bool
    threads : int

    Returns
    -------
    tuple of two Fields
        The local and the diffusive current, rows by axis of the grid.
    """
    if isinstance(texture, TimeSeries):
        raise ParameterError(
            "kinetic_current works harmonic by harmonic, got a TimeSeries; "
            "sample a PeriodicTexture."
        )
    frame, spin = build_frame(texture, dealias=dealias, threads=threads)
    n_axes = len(frame.shape)
    local = [[] for _ in range(n_axes)]
    ladder = [[] for _ in range(n_axes)]
    for modes, component in zip(frame.vector, spin):
        frequency = modes.omega[None, :] + modes.drift[:, None]
        k = np.sqrt(modes.square)[:, None]
        turn = 1j * frequency * medium.tau
        deficit = kinetic_deficit(k * medium.mean_free_path, turn.imag, medium.dimension)
        rung = (1 - medium.tau * medium.relaxation) * (1 - deficit) / (1 + turn)
        square = np.where(modes.square > 0, modes.square, 1.0)[:, None]
        bare = -medium.equilibrium_density * frequency / square * deficit * modes.forward(component)
        remainder = 1 - rung
        remainder[0, np.abs(remainder[0]) == 0] = 1.0  # no wave number: no current
        for axis in range(n_axes):
            direct = modes.wave_number[axis][:, None] * bare
            local[axis].append(modes.backward(direct))
            ladder[axis].append(modes.backward(direct * rung / remainder))
    return tuple(
        Field(frame, tuple(tuple(row) for row in rows), vector=True, single=False)
        for rows in (local, ladder)
    )


def interface_split(medium, frequency, width_over_ell):
    """Local and diffusive part of the current at an interface, smooth to sharp: the paper's Fig. 3.

    Parameters
    ----------
    medium : Medium
        With spin relaxation, which bounds the region that is pumped.
    frequency : float
    width_over_ell : list of float
        Widths of the tanh profile over the mean free path.

    Returns
    -------
    list of dict
        ``width_over_ell``, and ``local`` and ``diffusive`` as parts of the whole first-order
        current at the centre of the interface (moduli).
    """
    if not medium.relaxation:
        raise ParameterError(
            "interface_split needs a finite tau_s, got none; give one: it bounds the pumped region."
        )
    rows = []
    for ratio in width_over_ell:
        width = ratio * medium.mean_free_path
        length = 60 * (width + medium.spin_diffusion_length)
        texture = interface(
            (8192,),
            (length,),
            edges=(0.25 * length, 0.75 * length),
            width=width,
            frequency=frequency,
        )
        local, diffusive = (f.rows[0][0][3 * 2048] for f in kinetic_current(texture, medium))
        whole = abs(local + diffusive)
        rows.append(
            {
                "width_over_ell": float(ratio),
                "local": float(abs(local) / whole),
                "diffusive": float(abs(diffusive) / whole),
            }
        )
    return rows
