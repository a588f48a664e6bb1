"""Kinetic Monte Carlo: single carriers with spin, hop by hop, without rejected hops."""

from typing import NamedTuple

import numpy as np
from numba import njit


class Hops(NamedTuple):
    """Every hop of a network, in rows of the graph.

    Attributes
    ----------
    row_start : int64[n_sites + 1]
        The hops out of site i are numbers ``row_start[i]`` to ``row_start[i + 1] - 1``.
    row_neighbour : int64[2 n_links]
        Target of each hop.
    running_rate : float64[2 n_links]
        Running sum of the rates out of a site, within its row.
    step : float64[2 n_links, dim]
        Vector to the target.
    turn : float64[2 n_links, 4]
        Unit quaternion of the rotation of the spin in the hop.
    field : float64[n_sites or 0, 3]
        Precession frequency of a spin that waits at each site; empty without a magnetic field.
    """

    row_start: np.ndarray
    row_neighbour: np.ndarray
    running_rate: np.ndarray
    step: np.ndarray
    turn: np.ndarray
    field: np.ndarray


class Found(NamedTuple):
    """Sites, displacements and spins of the carriers at the given times.

    Attributes
    ----------
    site : int64[n_carriers, n_times]
    displacement : float64[n_carriers, n_times, dim]
    spin : float64[n_carriers, n_times, 3]
    """

    site: np.ndarray
    displacement: np.ndarray
    spin: np.ndarray


@njit(cache=True)
def _turn(q0, q1, q2, q3, spin):
    """Turn ``spin`` in place by the unit quaternion (q0, q): s + 2 q x (q x s + q0 s)."""
    sx, sy, sz = spin[0], spin[1], spin[2]
    ax = q2 * sz - q3 * sy + q0 * sx
    ay = q3 * sx - q1 * sz + q0 * sy
    az = q1 * sy - q2 * sx + q0 * sz
    spin[0] = sx + 2.0 * (q2 * az - q3 * ay)
    spin[1] = sy + 2.0 * (q3 * ax - q1 * az)
    spin[2] = sz + 2.0 * (q1 * ay - q2 * ax)


@njit(cache=True)
def _precess(omega, duration, spin):
    """Turn ``spin`` in place about the field: ds/dt = omega x s for the given time."""
    speed = np.sqrt(omega[0] ** 2 + omega[1] ** 2 + omega[2] ** 2)
    half = 0.5 * speed * duration
    if half == 0.0:
        return
    s = np.sin(half) / speed
    _turn(np.cos(half), s * omega[0], s * omega[1], s * omega[2], spin)


@njit(cache=True, nogil=True)
def walk_carriers(hops, time, start, first_spin, generator, most_hops, progress, carrier, found):
    """Follow carriers, one after another, and record them at the given times.

    The master equations of [hopping 5a] and [hopping 5b] without a current: from site i a carrier
    hops to j after an exponential time, at the rate 1/tau_ji, and its spin turns with the hop.
    While it waits, its spin turns about the field of the site [nuclei 1].

    The kernel returns after a number of hops, so that the caller can stop it. It continues where it
    stopped when it is called again with the same ``progress`` and ``carrier``::

        progress   [ carrier c | its site i, -1 before its start | next time k ]
        carrier    [ time of its last hop | x  y (z) | spin x  y  z ]

    Parameters
    ----------
    hops : Hops
    time : float64[n_times]
        Ascending times that are not negative.
    start : int64[n_carriers]
        First sites.
    first_spin : float64[3]
        Spin of every carrier at the start.
    generator : numpy.random.Generator
        Source of the random numbers, two per hop.
    most_hops : int64
        Number of hops after which the kernel returns.
    progress : int64[3]
        (0, -1, 0) at first. The walk is complete when ``progress[0]`` is the number of carriers.
    carrier : float64[dim + 4]
        State of the carrier that is followed at present.
    found : Found
        Overwritten.

    Returns
    -------
    int64
        Number of hops made in this call.
    """
    n_hops = 0
    dim = hops.step.shape[1]
    spin = carrier[dim + 1 : dim + 4]
    turning = hops.field.shape[0] > 0
    while progress[0] < start.shape[0]:
        c = progress[0]
        if progress[1] < 0:
            progress[1] = start[c]
            progress[2] = 0
            carrier[: dim + 1] = 0.0
            spin[:] = first_spin
        i = progress[1]
        k = progress[2]
        t = carrier[0]
        while k < time.shape[0] and n_hops < most_hops:
            # Draw the time of the next hop, and record the carrier at all given times before it.
            begin = hops.row_start[i]
            end = hops.row_start[i + 1]
            total = hops.running_rate[end - 1] if end > begin else 0.0
            since = t
            t = t - np.log1p(-generator.random()) / total if total > 0.0 else np.inf
            while k < time.shape[0] and time[k] < t:
                if turning:
                    _precess(hops.field[i], time[k] - since, spin)
                    since = time[k]
                found.site[c, k] = i
                for axis in range(dim):
                    found.displacement[c, k, axis] = carrier[1 + axis]
                found.spin[c, k, 0] = spin[0]
                found.spin[c, k, 1] = spin[1]
                found.spin[c, k, 2] = spin[2]
                k += 1
            if k == time.shape[0]:
                break
            if turning:
                _precess(hops.field[i], t - since, spin)
            # Draw the target in proportion to the rates, and hop.
            aim = generator.random() * total
            a = begin
            while a < end - 1 and hops.running_rate[a] <= aim:
                a += 1
            for axis in range(dim):
                carrier[1 + axis] += hops.step[a, axis]
            _turn(hops.turn[a, 0], hops.turn[a, 1], hops.turn[a, 2], hops.turn[a, 3], spin)
            i = hops.row_neighbour[a]
            n_hops += 1
        progress[1] = i
        progress[2] = k
        carrier[0] = t
        if k < time.shape[0]:
            return n_hops
        progress[0] = c + 1
        progress[1] = -1
    return n_hops
