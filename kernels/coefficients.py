"""Kinetic coefficients of triads: spin rotation around a loop of three hops, torque, feedback.

The spin that hops around the triad i <- j <- k <- i is rotated by U_ij U_jk U_ki, where
U = exp(-i d.sigma) and the three half-angles a = d_ij, b = d_jk, d_ki = -(a + b) lie in the
plane. Every coefficient follows from the vector part of that product. As a product of quaternions
it is a small difference of large terms: its z part is of second order in d, its in-plane part of
third order. Here the area of the triad is a common factor of all terms::

    omega = (a x b)_z = det(M) (R_ij x R_ik)_z
    V_z   = omega [ C s_a s_b + s_c (A s_b - B s_a) ]
    V_xy  = omega [ 2 C S1 z x (a - b) - s_a s_b s_c z x (a + b)
                    + 4 omega (C S2 - s_c C2) (a + b) ]

with A = cos |a|, s_a = sin |a| / |a|, likewise B, s_b for b and C, s_c for a + b; S1 is the first
divided difference of sin(sqrt t) / sqrt t at t = (|a| + |b|)^2, (|a| - |b|)^2, and S2, C2 are the
second ones of that function and of cos(sqrt t), with |a + b|^2 as third point. This is exact.
Every part is accurate relative to itself, for any coupling, however weak, and any triad, however
thin. The loops based at j and k are the same vector, turned by -2 d_ij and by 2 d_ki.
"""

from math import cos, exp, sin, sqrt

import numpy as np
from numba import njit

# Columns of the table `hops`, which has one row per link i < j. kernels/kinetics.py reads the
# first four.
D_X, D_Y, COSINE, SINC, HOP, OVERLAP = range(6)

# (-1)^k / (2 k + 1)!, the coefficients of sin(sqrt t) / sqrt t. The largest argument of the series
# is 16, where 40 terms are more than double precision needs.
SERIES = np.cumprod(np.array([1.0] + [-1.0 / (2 * k * (2 * k + 1)) for k in range(1, 40)]))


@njit(cache=True, nogil=True)
def fill_hops(
    first, last, separation, spin_orbit, log_conductance, log_occupation, link_i, link_j, hops
):
    """Write rows first .. last - 1 of the table `hops`, which a triad reads for each of its links.

    Parameters
    ----------
    first, last : int64
    separation : float64[n_links, 2]
        R_j - R_i.
    spin_orbit : float64[2, 2]
        The matrix M.
    log_conductance : float64[n_links]
    log_occupation : float64[n_sites]
    link_i, link_j : int64[n_links]
    hops : float64[n_links, 6]
        For the vector from i to j: half-angle d (x, y), cosine and sinc of its length;
        K_ij exp(R_ij) / sqrt(n_i n_j); exp(-R_ij) sqrt(n_i n_j).
    """
    for l in range(first, last):
        x = separation[l, 0]
        y = separation[l, 1]
        d_x = spin_orbit[0, 0] * x + spin_orbit[0, 1] * y
        d_y = spin_orbit[1, 0] * x + spin_orbit[1, 1] * y
        angle = sqrt(d_x * d_x + d_y * d_y)
        R = sqrt(x * x + y * y)
        log_pair = 0.5 * (log_occupation[link_i[l]] + log_occupation[link_j[l]])
        hops[l, D_X] = d_x
        hops[l, D_Y] = d_y
        hops[l, COSINE] = cos(angle)
        hops[l, SINC] = sin(angle) / angle if angle > 0.0 else 1.0
        hops[l, HOP] = exp(log_conductance[l] + R - log_pair)
        hops[l, OVERLAP] = exp(log_pair - R)


@njit(cache=True, nogil=True)
def _loop_vector(a, b, cos_c, sinc_c, omega):
    """Vector part of U_a U_b U_-(a+b), as defined at the head of this file.

    ``a`` and ``b`` are tuples: x and y of the vector, cosine and sinc of its length.
    """
    ax, ay, cos_a, sinc_a = a
    bx, by, cos_b, sinc_b = b
    if omega == 0.0:  # a straight triad, or det M = 0
        return 0.0, 0.0, 0.0
    square_a = ax * ax + ay * ay
    square_b = bx * bx + by * by
    # The sum and the product of (|a| + |b|)^2 and (|a| - |b|)^2.
    total = 2.0 * (square_a + square_b)
    product = (square_a - square_b) * (square_a - square_b)
    if total > 16.0:  # no part is a small difference: multiply quaternions
        scalar = cos_a * cos_b - sinc_a * sinc_b * (ax * bx + ay * by)
        x = cos_a * sinc_b * bx + cos_b * sinc_a * ax
        y = cos_a * sinc_b * by + cos_b * sinc_a * ay
        z = sinc_a * sinc_b * omega
        cx = -sinc_c * (ax + bx)
        cy = -sinc_c * (ay + by)
        return (
            scalar * cx + cos_c * x - z * cy,
            scalar * cy + cos_c * y + z * cx,
            cos_c * z + x * cy - y * cx,
        )
    c = (ax + bx) * (ax + bx) + (ay + by) * (ay + by)
    # The divided differences S1, S2, C2 as power series. `two` and `last` are the complete
    # homogeneous polynomials of the two squares, `three` those of the two squares and c.
    last = 1.0
    two = total
    three = 1.0
    sum_s1 = SERIES[1] + SERIES[2] * total
    sum_s2 = SERIES[2]
    sum_c2 = 5.0 * SERIES[2]
    for k in range(3, SERIES.shape[0]):
        three = two + c * three
        term = SERIES[k] * three
        sum_s2 += term
        sum_c2 += (2.0 * k + 1.0) * term
        last, two = two, total * two - product * last
        sum_s1 += SERIES[k] * two
        if abs(term) < 1e-18:
            break
    straight = 2.0 * cos_c * sum_s1
    bent = sinc_a * sinc_b * sinc_c
    second = 4.0 * omega * (cos_c * sum_s2 - sinc_c * sum_c2)
    return (
        omega * (-straight * (ay - by) + bent * (ay + by) + second * (ax + bx)),
        omega * (straight * (ax - bx) - bent * (ax + bx) + second * (ay + by)),
        omega * (cos_c * sinc_a * sinc_b + sinc_c * (cos_a * sinc_b - cos_b * sinc_a)),
    )


@njit(cache=True, nogil=True)
def _turn(cosine, x, y, vx, vy, vz):
    """Change of a vector v when it is turned by 2 d, from cos |d| and d sin |d| / |d| = (x, y)."""
    along = x * vx + y * vy
    square = x * x + y * y
    return (
        2.0 * (cosine * y * vz + x * along - square * vx),
        2.0 * (-cosine * x * vz + y * along - square * vy),
        2.0 * (cosine * (x * vy - y * vx) - square * vz),
    )


@njit(cache=True, nogil=True, inline="always")  # a call with rows would cost more than this
def _loops(p, q, r, omega):
    """The loop vectors of one triad (orientation i, j, k) based at i, at j and at k.

    The rows p, q, r of the table ``hops`` hold d of R_j - R_i, R_k - R_j and R_k - R_i. So d_ij and
    d_jk are minus those of p and q, and d_ki is that of r.
    """
    x, y, z = _loop_vector(
        (-p[D_X], -p[D_Y], p[COSINE], p[SINC]),
        (-q[D_X], -q[D_Y], q[COSINE], q[SINC]),
        r[COSINE],
        r[SINC],
        omega,
    )
    at_j = _turn(p[COSINE], p[SINC] * p[D_X], p[SINC] * p[D_Y], x, y, z)
    at_k = _turn(r[COSINE], r[SINC] * r[D_X], r[SINC] * r[D_Y], x, y, z)
    return (
        (x, y, z),
        (x + at_j[0], y + at_j[1], z + at_j[2]),
        (x + at_k[0], y + at_k[1], z + at_k[2]),
    )


@njit(cache=True, nogil=True)
def _omega(ij, ik, separation, determinant):
    """det(M) (R_ij x R_ik)_z, twice the area of the triad times det(M)."""
    return determinant * (
        separation[ij, 0] * separation[ik, 1] - separation[ij, 1] * separation[ik, 0]
    )


@njit(cache=True, nogil=True)
def _strength(ij, ik, jk, hops, eta):
    """n_j Q'_ikj [hopping S21], the same for the six processes of the triad."""
    p = hops[ij]
    q = hops[jk]
    r = hops[ik]
    return (eta / 24.0) * (
        r[HOP] * q[HOP] * p[OVERLAP] + p[HOP] * r[HOP] * q[OVERLAP] + p[HOP] * q[HOP] * r[OVERLAP]
    )


@njit(cache=True, nogil=True)
def fill_coefficients(link, separation, determinant, hops, eta, strength, loop):
    """Strength [hopping S21] and loop vectors [hopping S15] [hopping S16] of the listed triads.

    Parameters
    ----------
    link : int64[n_triads, 3]
        The links ij, ik, jk of each triad.
    separation : float64[n_links, 2]
        The vector from site i to site j > i.
    determinant : float64
        det M.
    hops : float64[n_links, 6]
        The table from `fill_hops`.
    eta : float64
        hbar / (J_0 tau_0).
    strength : float64[n_triads]
        Overwritten: n_j Q'_ikj.
    loop : float64[n_triads, 3, 3]
        Overwritten: vector part of the loops based at i, j, k, in the sense i <- j <- k <- i.
    """
    for t in range(link.shape[0]):
        ij = link[t, 0]
        ik = link[t, 1]
        jk = link[t, 2]
        strength[t] = _strength(ij, ik, jk, hops, eta)
        omega = _omega(ij, ik, separation, determinant)
        at_i, at_j, at_k = _loops(hops[ij], hops[jk], hops[ik], omega)
        for x in range(3):
            loop[t, 0, x] = at_i[x]
            loop[t, 1, x] = at_j[x]
            loop[t, 2, x] = at_k[x]


@njit(cache=True, nogil=True)
def fill_torque(link, separation, determinant, hops, eta, drop, torque, moment):
    """Torque of the current on the spins of the listed triads, [hopping S27].

    Parameters
    ----------
    link ... eta
        As in `fill_coefficients`.
    drop : float64[n_links]
        X_i - X_j.
    torque : float64[n_triads, 3, 4]
        Overwritten. In the first three columns: sum of Gamma_ikj n_j (X_j - X_k) on i, j and k,
        each pair once. In the last column: the largest flow into each of these sites that spins
        sigma of length 1 could drive.
    moment : float64[2]
        Overwritten: sum over triads of R_i torque_z, R counted from the lowest site of the triad.
    """
    moment[:] = 0.0
    for t in range(link.shape[0]):
        ij = link[t, 0]
        ik = link[t, 1]
        jk = link[t, 2]
        omega = _omega(ij, ik, separation, determinant)
        at_i, at_j, at_k = _loops(hops[ij], hops[jk], hops[ik], omega)
        q = 3.0 * _strength(ij, ik, jk, hops, eta)
        to_i = q * drop[jk]
        to_j = -q * drop[ik]
        to_k = q * drop[ij]
        reach = 8.0 * q * sqrt(at_i[0] * at_i[0] + at_i[1] * at_i[1] + at_i[2] * at_i[2])
        for x in range(3):
            torque[t, 0, x] = to_i * at_i[x]
            torque[t, 1, x] = to_j * at_j[x]
            torque[t, 2, x] = to_k * at_k[x]
            torque[t, x, 3] = reach
        for x in range(2):
            moment[x] += separation[ij, x] * to_j * at_j[2] + separation[ik, x] * to_k * at_k[2]


@njit(cache=True, nogil=True)
def fill_feedback(site, link, separation, determinant, hops, eta, drop, sigma, source, current):
    """Particle flow that spins drive through the listed triads, Lambda of [hopping 5a].

    Parameters
    ----------
    site : int64[n_triads, 3]
    link ... eta
        As in `fill_coefficients`.
    drop : float64[n_links]
        phi_i - phi_j, with the potential phi of the network at unit bias.
    sigma : float64[n_sites, 3]
        S_i / n_i.
    source : float64[n_triads, 3, 1]
        Overwritten: the flows into i, j and k; into i it is the sum over (k, j) of
        Lambda_ikj . S_j.
    current : float64[3]
        Overwritten: the current that the x, y, z parts of the spins drive from source to drain
        while both are held at equal potentials, - sum of (flow j -> i) (phi_i - phi_j).
    """
    current[:] = 0.0
    for t in range(link.shape[0]):
        ij = link[t, 0]
        ik = link[t, 1]
        jk = link[t, 2]
        omega = _omega(ij, ik, separation, determinant)
        at_i, at_j, at_k = _loops(hops[ij], hops[jk], hops[ik], omega)
        q = 12.0 * _strength(ij, ik, jk, hops, eta)
        all_i = 0.0
        all_j = 0.0
        all_k = 0.0
        for x in range(3):
            # The spin of a site drives a flow between the two other sites of the triad.
            from_i = q * at_i[x] * sigma[site[t, 0], x]
            from_j = q * at_j[x] * sigma[site[t, 1], x]
            from_k = q * at_k[x] * sigma[site[t, 2], x]
            all_i += from_i
            all_j += from_j
            all_k += from_k
            current[x] += from_i * drop[jk] - from_j * drop[ik] + from_k * drop[ij]
        source[t, 0, 0] = all_j - all_k
        source[t, 1, 0] = all_k - all_i
        source[t, 2, 0] = all_i - all_j


@njit(cache=True, nogil=True)
def sum_precession(link_i, link_j, conductance, hops, sigma, out):
    """Torque of the precession during hops at every site, sum_j K_ij (R_ij - 1) sigma_j.

    Parameters
    ----------
    link_i, link_j : int64[n_links]
    conductance : float64[n_links]
    hops : float64[n_links, 6]
    sigma : float64[n_sites, 3]
    out : float64[n_sites, 3]
        Overwritten.
    """
    out[:] = 0.0
    for l in range(link_i.shape[0]):
        i = link_i[l]
        j = link_j[l]
        K = conductance[l]
        cosine = hops[l, COSINE]
        x = hops[l, SINC] * hops[l, D_X]
        y = hops[l, SINC] * hops[l, D_Y]
        a, b, c = _turn(cosine, -x, -y, sigma[j, 0], sigma[j, 1], sigma[j, 2])  # j -> i: 2 d_ij
        out[i, 0] += K * a
        out[i, 1] += K * b
        out[i, 2] += K * c
        a, b, c = _turn(cosine, x, y, sigma[i, 0], sigma[i, 1], sigma[i, 2])
        out[j, 0] += K * a
        out[j, 1] += K * b
        out[j, 2] += K * c
