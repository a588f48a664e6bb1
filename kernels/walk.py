"""Kinetic Monte Carlo: single carriers with spin, hop by hop, no hop rejected."""

import numpy as np
from numba import njit


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


@njit(cache=True, nogil=True)
def walk_carriers(
    row_start,
    row_neighbour,
    running_rate,
    step,
    turn,
    time,
    start,
    first_spin,
    generator,
    site,
    displacement,
    spin,
):
    """Follow carriers, one after another, and note where they are at given times.

    The master equations of [hopping 5a] and [hopping 5b] without a current: from site i a carrier
    hops to j after an exponential time, at the rate 1/tau_ji, and its spin turns with the hop.

    Parameters
    ----------
    row_start, row_neighbour : int64 arrays
        Rows of the graph.
    running_rate : float64[2 n_links]
        Running sum of the rates out of a site, within its row.
    step : float64[2 n_links, 2]
        Vector to the neighbour.
    turn : float64[2 n_links, 4]
        Unit quaternion of the spin's rotation in the hop to the neighbour.
    time : float64[n_times]
        Ascending, not negative.
    start : int64[n_carriers]
        First sites.
    first_spin : float64[3]
    generator : numpy.random.Generator
        Two numbers a hop.
    site : int64[n_carriers, n_times]
        Overwritten, as are:
    displacement : float64[n_carriers, n_times, 2]
    spin : float64[n_carriers, n_times, 3]
    """
    now_spin = np.empty(3)
    for c in range(start.shape[0]):
        i = start[c]
        x = 0.0
        y = 0.0
        now_spin[:] = first_spin
        k = 0
        t = 0.0
        while k < time.shape[0]:
            begin = row_start[i]
            end = row_start[i + 1]
            total = running_rate[end - 1] if end > begin else 0.0
            t = t - np.log1p(-generator.random()) / total if total > 0.0 else np.inf
            while k < time.shape[0] and time[k] < t:
                site[c, k] = i
                displacement[c, k, 0] = x
                displacement[c, k, 1] = y
                spin[c, k, 0] = now_spin[0]
                spin[c, k, 1] = now_spin[1]
                spin[c, k, 2] = now_spin[2]
                k += 1
            if k == time.shape[0]:
                break
            aim = generator.random() * total
            a = begin
            while a < end - 1 and running_rate[a] <= aim:
                a += 1
            x += step[a, 0]
            y += step[a, 1]
            _turn(turn[a, 0], turn[a, 1], turn[a, 2], turn[a, 3], now_spin)
            i = row_neighbour[a]
