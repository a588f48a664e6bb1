"""Kinetic coefficients of triads: spin rotation round a loop of three hops, torque, feedback.

The spin that hops round the triad i <- j <- k <- i is rotated by U_ij U_jk U_ki, where
U = exp(-i d.sigma) and the three half-angles a = d_ij, b = d_jk, d_ki = -(a + b) lie in the
plane. The vector part of that product is all that any coefficient needs. Taken as a product of
quaternions it is a small difference of large terms: its z part is of second, its in-plane part
of third order in d. Here it is written so that the area of the triad stands in front::

    omega = (a x b)_z = det(M) (R_ij x R_ik)_z
    V_z   = omega [ C s_a s_b + s_c (A s_b - B s_a) ]
    V_xy  = omega [ 2 C S1 z x (a - b) - s_a s_b s_c z x (a + b)
                    + 4 omega (C S2 - s_c C2) (a + b) ]

with A = cos |a|, s_a = sin |a| / |a|, likewise B, s_b for b and C, s_c for a + b; S1 is the first
divided difference of sin(sqrt t) / sqrt t at t = (|a| + |b|)^2, (|a| - |b|)^2, and S2, C2 are the
second ones of that function and of cos(sqrt t), with |a + b|^2 as third point. This is exact, and
every part is accurate relative to itself however weak the coupling or thin the triad.
"""

import numpy as np
from numba import njit

# columns of the table `leg`, one row a link i < j
D_X, D_Y, ANGLE, COSINE, SINC, LOG_G, DISTANCE = range(7)


@njit(cache=True, nogil=True)
def _loop_vector(ax, ay, angle_a, cos_a, sinc_a, bx, by, angle_b, cos_b, sinc_b, angle_c, cos_c,
                 sinc_c, omega):  # fmt: skip
    """Vector part of U_a U_b U_-(a+b), see the head of this file."""
    if omega == 0.0:  # a straight triad, or det M = 0
        return 0.0, 0.0, 0.0
    p = (angle_a + angle_b) * (angle_a + angle_b)
    if p > 25.0:  # nothing is small: multiply the quaternions
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
    m = (angle_a - angle_b) * (angle_a - angle_b)
    c = angle_c * angle_c
    coefficient = -1.0 / 6.0  # (-1)^k / (2k + 1)!
    power = 1.0
    two = 1.0  # complete homogeneous polynomials of p, m and of p, m, c
    three = 1.0
    sum_s1 = coefficient
    sum_s2 = 0.0
    sum_c2 = 0.0
    for k in range(2, 40):
        coefficient /= -2.0 * k * (2.0 * k + 1.0)
        sum_s2 += coefficient * three
        sum_c2 += coefficient * (2.0 * k + 1.0) * three
        power *= p
        two = power + m * two
        sum_s1 += coefficient * two
        three = two + c * three
        if abs(coefficient * three) < 1e-19:
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
def _fill_loop(ij, ik, jk, separation, determinant, leg, out):
    """Write the loop vectors of one triad based at i, j and k (orientation i, j, k) into out[3, 3].

    The table ``leg`` holds d of R_j - R_i, i < j, so d_ij = -leg, d_jk = -leg, d_ki = +leg.
    """
    omega = determinant * (
        separation[ij, 0] * separation[ik, 1] - separation[ij, 1] * separation[ik, 0]
    )
    p = leg[ij]
    q = leg[jk]
    r = leg[ik]
    ax, ay = -p[D_X], -p[D_Y]
    bx, by = -q[D_X], -q[D_Y]
    cx, cy = r[D_X], r[D_Y]
    out[0, 0], out[0, 1], out[0, 2] = _loop_vector(
        ax, ay, p[ANGLE], p[COSINE], p[SINC], bx, by, q[ANGLE], q[COSINE], q[SINC],
        r[ANGLE], r[COSINE], r[SINC], omega)  # fmt: skip
    out[1, 0], out[1, 1], out[1, 2] = _loop_vector(
        bx, by, q[ANGLE], q[COSINE], q[SINC], cx, cy, r[ANGLE], r[COSINE], r[SINC],
        p[ANGLE], p[COSINE], p[SINC], omega)  # fmt: skip
    out[2, 0], out[2, 1], out[2, 2] = _loop_vector(
        cx, cy, r[ANGLE], r[COSINE], r[SINC], ax, ay, p[ANGLE], p[COSINE], p[SINC],
        q[ANGLE], q[COSINE], q[SINC], omega)  # fmt: skip


@njit(cache=True, nogil=True)
def _strength(i, j, k, ij, ik, jk, leg, log_occupation, eta):
    """n_j Q'_ikj [hopping S21], the same for the six processes of the triad."""
    g_ij = leg[ij, LOG_G]
    g_ik = leg[ik, LOG_G]
    g_jk = leg[jk, LOG_G]
    return (eta / 24.0) * (
        np.exp(g_ik + g_jk - leg[ij, DISTANCE] - log_occupation[k])
        + np.exp(g_ij + g_ik - leg[jk, DISTANCE] - log_occupation[i])
        + np.exp(g_ij + g_jk - leg[ik, DISTANCE] - log_occupation[j])
    )


@njit(cache=True, nogil=True)
def fill_coefficients(site, link, separation, determinant, leg, log_occupation, eta, strength,
                      loop):  # fmt: skip
    """Strength [hopping S21] and loop vectors [hopping S15] [hopping S16] of stored triads.

    Parameters
    ----------
    site, link : int64[n_triads, 3]
    separation : float64[n_links, 2]
        From site i to site j > i.
    determinant : float64
        det M.
    leg : float64[n_links, 7]
        Of the vector from i to j: half-angle d (x, y), its length, cosine and sinc;
        ln(K_ij J_0 / J_ij); distance.
    log_occupation : float64[n_sites]
    eta : float64
        hbar / (J_0 tau_0).
    strength : float64[n_triads]
        Overwritten: n_j Q'_ikj.
    loop : float64[n_triads, 3, 3]
        Overwritten: vector part of the loops based at i, j, k, in the sense i <- j <- k <- i.
    """
    for t in range(site.shape[0]):
        strength[t] = _strength(site[t, 0], site[t, 1], site[t, 2], link[t, 0], link[t, 1],
                                link[t, 2], leg, log_occupation, eta)  # fmt: skip
        _fill_loop(link[t, 0], link[t, 1], link[t, 2], separation, determinant, leg, loop[t])


@njit(cache=True, nogil=True)
def sum_torque(row_start, row_neighbour, row_link, separation, determinant, leg, log_occupation,
               eta, drop, torque, moment):  # fmt: skip
    """Torque of the current on all spins, [hopping S27], without storing a triad.

    Parameters
    ----------
    row_start, row_neighbour, row_link : int64 arrays
        Ascending rows of the graph.
    separation ... eta
        As in `fill_coefficients`.
    drop : float64[n_links]
        X_i - X_j.
    torque : float64[n_sites, 3]
        Overwritten: sum of Gamma_ikj n_j (X_j - X_k), each pair (k, j) once.
    moment : float64[2]
        Overwritten: sum over triads of R_i torque_z, R counted from the lowest site of the triad.
    """
    torque[:] = 0.0
    moment[:] = 0.0
    loop = np.empty((3, 3))
    for i in range(row_start.shape[0] - 1):
        for a in range(row_start[i], row_start[i + 1]):
            j = row_neighbour[a]
            if j < i:
                continue
            ij = row_link[a]
            b = a + 1
            c = row_start[j]
            while b < row_start[i + 1] and c < row_start[j + 1]:
                if row_neighbour[b] < row_neighbour[c]:
                    b += 1
                elif row_neighbour[b] > row_neighbour[c]:
                    c += 1
                else:
                    k = row_neighbour[b]
                    ik = row_link[b]
                    jk = row_link[c]
                    b += 1
                    c += 1
                    if drop[ij] == 0.0 and drop[ik] == 0.0 and drop[jk] == 0.0:
                        continue
                    q = 3.0 * _strength(i, j, k, ij, ik, jk, leg, log_occupation, eta)
                    _fill_loop(ij, ik, jk, separation, determinant, leg, loop)
                    for x in range(3):
                        torque[i, x] += q * loop[0, x] * drop[jk]
                        torque[j, x] -= q * loop[1, x] * drop[ik]
                        torque[k, x] += q * loop[2, x] * drop[ij]
                    for x in range(2):
                        moment[x] -= q * loop[1, 2] * drop[ik] * separation[ij, x]
                        moment[x] += q * loop[2, 2] * drop[ij] * separation[ik, x]


@njit(cache=True, nogil=True)
def sum_feedback(row_start, row_neighbour, row_link, separation, determinant, leg,
                 log_occupation, eta, drop, sigma, source, current):  # fmt: skip
    """Particle flow that spins drive through triads, Lambda of [hopping 5a], site by site.

    Parameters
    ----------
    row_start ... eta
        As in `sum_torque`.
    drop : float64[n_links]
        phi_i - phi_j of the network's own potential at unit bias.
    sigma : float64[n_sites, 3]
        S_i / n_i.
    source : float64[n_sites]
        Overwritten: sum over (k, j) of Lambda_ikj . S_j, the flow into site i.
    current : float64[3]
        Overwritten: the current from source to drain contact held at equal potentials, as driven
        by the x, y, z parts of the spins: - sum of (flow j -> i) (phi_i - phi_j).
    """
    source[:] = 0.0
    current[:] = 0.0
    loop = np.empty((3, 3))
    for i in range(row_start.shape[0] - 1):
        for a in range(row_start[i], row_start[i + 1]):
            j = row_neighbour[a]
            if j < i:
                continue
            ij = row_link[a]
            b = a + 1
            c = row_start[j]
            while b < row_start[i + 1] and c < row_start[j + 1]:
                if row_neighbour[b] < row_neighbour[c]:
                    b += 1
                elif row_neighbour[b] > row_neighbour[c]:
                    c += 1
                else:
                    k = row_neighbour[b]
                    ik = row_link[b]
                    jk = row_link[c]
                    b += 1
                    c += 1
                    q = 12.0 * _strength(i, j, k, ij, ik, jk, leg, log_occupation, eta)
                    _fill_loop(ij, ik, jk, separation, determinant, leg, loop)
                    for x in range(3):
                        # source site s pushes from its successor-but-one to its predecessor
                        from_i = q * loop[0, x] * sigma[i, x]
                        from_j = q * loop[1, x] * sigma[j, x]
                        from_k = q * loop[2, x] * sigma[k, x]
                        source[k] += from_i
                        source[j] -= from_i
                        source[i] += from_j
                        source[k] -= from_j
                        source[j] += from_k
                        source[i] -= from_k
                        current[x] += from_i * drop[jk] - from_j * drop[ik] + from_k * drop[ij]
