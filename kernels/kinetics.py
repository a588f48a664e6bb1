"""Spins that hop and rotate: frames along the strongest links, and the rows of the spin equations.

A rotation is a unit quaternion (s, v): x -> x + 2 s v x x + 2 v x (v x x). The quaternion of link
l takes a spin from its upper site j to its lower site i; the inverse rotation is (s, -v).
"""

from typing import NamedTuple

import numpy as np
from numba import njit

# The first four columns of the table of hops, for the vector from i to j. Kernel files stand
# alone, so kernels/coefficients.py, which fills the table, names them too; a test compares both.
D_X, D_Y, COSINE, SINC = range(4)


class SpinTerms(NamedTuple):
    """The terms of the spin rows: the graph, its links and the blocks of the sites."""

    row_start: np.ndarray  # int64[n_sites + 1]: rows of the graph
    row_neighbour: np.ndarray  # int64[2 n_links]
    row_link: np.ndarray  # int64[2 n_links]
    conductance: np.ndarray  # float64[n_links]: K_ij
    transport: np.ndarray  # float64[n_links, 4]: rotation R_ij of the hop j -> i, i < j
    block: np.ndarray  # float64[n_sites, 3, 3]: B_i, relaxation and magnetic field


@njit(cache=True, nogil=True)
def _root(parent, i):
    """Root of site i; each visited site gets its grandparent as parent. A root is its own parent.

    (In kernels/clusters.py a root has a negative parent, which holds the size.)
    """
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@njit(cache=True, nogil=True)
def mark_forest(order, link_i, link_j, n_sites, out):
    """Mark the links of the spanning forest that takes links in the given order (Kruskal).

    Parameters
    ----------
    order : int64[n_links]
        The links, the strongest one first for the maximum spanning forest.
    link_i, link_j : int64[n_links]
    n_sites : int64
    out : bool[n_links]
        Overwritten.
    """
    parent = np.arange(n_sites)
    out[:] = False
    for l in order:
        a = _root(parent, link_i[l])
        b = _root(parent, link_j[l])
        if a != b:
            parent[max(a, b)] = min(a, b)
            out[l] = True


@njit(cache=True, nogil=True)
def _write_product(s, x, y, z, q, out):
    """out = (s, x, y, z) q."""
    out[0] = s * q[0] - x * q[1] - y * q[2] - z * q[3]
    out[1] = s * q[1] + x * q[0] + y * q[3] - z * q[2]
    out[2] = s * q[2] - x * q[3] + y * q[0] + z * q[1]
    out[3] = s * q[3] + x * q[2] - y * q[1] + z * q[0]


@njit(cache=True, nogil=True)
def fill_frames(row_start, row_neighbour, row_link, hops, forest, frame):
    """Frames in which the links of the forest do not rotate: Q_child = q_(child, parent) Q_parent.

    Parameters
    ----------
    row_start, row_neighbour, row_link : int64 arrays
        Ascending rows of the graph.
    hops : float64[n_links, 6]
        Half-angle of every link and its cosine and sinc.
    forest : bool[n_links]
    frame : float64[n_sites, 4]
        Overwritten; the lowest site of every tree has (1, 0, 0, 0).
    """
    n = row_start.shape[0] - 1
    waiting = np.empty(n, np.int64)
    done = np.zeros(n, np.bool_)
    # A depth-first search through every tree of the forest, from its lowest site.
    for root in range(n):
        if done[root]:
            continue
        done[root] = True
        frame[root, 0] = 1.0
        frame[root, 1:] = 0.0
        waiting[0] = root
        top = 1
        while top > 0:
            top -= 1
            i = waiting[top]
            for a in range(row_start[i], row_start[i + 1]):
                l = row_link[a]
                j = row_neighbour[a]
                if forest[l] and not done[j]:
                    done[j] = True
                    sine = hops[l, SINC] if i < j else -hops[l, SINC]  # of the hop i -> j
                    _write_product(
                        hops[l, COSINE],
                        sine * hops[l, D_X],
                        sine * hops[l, D_Y],
                        0.0,
                        frame[i],
                        frame[j],
                    )
                    norm = np.sqrt(
                        frame[j, 0] ** 2 + frame[j, 1] ** 2 + frame[j, 2] ** 2 + frame[j, 3] ** 2
                    )
                    for x in range(4):
                        frame[j, x] /= norm
                    waiting[top] = j
                    top += 1


@njit(cache=True, nogil=True)
def fill_transport(link_i, link_j, conductance, hops, forest, frame, out, dephasing):
    """Rotation of every link between the frames of its ends, and the dephasing that remains.

    The rotation is conj(Q_i) q_ij Q_j.

    Parameters
    ----------
    link_i, link_j : int64[n_links]
    conductance : float64[n_links]
        K_ij.
    hops : float64[n_links, 6]
    forest : bool[n_links]
        The links whose rotation is set to exactly (1, 0, 0, 0).
    frame : float64[n_sites, 4]
    out : float64[n_links, 4]
        Overwritten, with s >= 0: quaternions of the hops j -> i, i < j.
    dephasing : float64[n_sites]
        Overwritten: (1/3) tr sum_j K_ij (1 - R_ij) in these frames.
    """
    # The products of quaternions are taken from the right: first q_ij Q_j, then conj(Q_i).
    half = np.empty(4)
    dephasing[:] = 0.0
    for l in range(link_i.shape[0]):
        if forest[l]:
            out[l, 0] = 1.0
            out[l, 1:] = 0.0
            continue
        sine = -hops[l, SINC]
        _write_product(
            hops[l, COSINE], sine * hops[l, D_X], sine * hops[l, D_Y], 0.0, frame[link_j[l]], half
        )
        p = frame[link_i[l]]
        _write_product(p[0], -p[1], -p[2], -p[3], half, out[l])
        # The same rotation with s >= 0, and the dephasing that it adds at both sites.
        if out[l, 0] < 0.0:
            for x in range(4):
                out[l, x] = -out[l, x]
        square = out[l, 1] ** 2 + out[l, 2] ** 2 + out[l, 3] ** 2
        loss = (4.0 / 3.0) * conductance[l] * square
        dephasing[link_i[l]] += loss
        dephasing[link_j[l]] += loss


@njit(cache=True, nogil=True)
def _unrotated(s, vx, vy, vz, x):
    """(1 - R) x of the rotation R by the quaternion (s, v), without forming R."""
    cx = vy * x[2] - vz * x[1]
    cy = vz * x[0] - vx * x[2]
    cz = vx * x[1] - vy * x[0]
    return (
        -2.0 * (s * cx + vy * cz - vz * cy),
        -2.0 * (s * cy + vz * cx - vx * cz),
        -2.0 * (s * cz + vx * cy - vy * cx),
    )


@njit(cache=True, nogil=True)
def turn_vectors(q, sign, vector, out):
    """Turn each vector by its unit quaternion, or by the inverse of that for sign = -1.

    Parameters
    ----------
    q : float64[n, 4]
    sign : float64
    vector : float64[n, 3]
    out : float64[n, 3]
        Overwritten.
    """
    for i in range(q.shape[0]):
        v = vector[i]
        x, y, z = _unrotated(q[i, 0], sign * q[i, 1], sign * q[i, 2], sign * q[i, 3], v)
        out[i, 0] = v[0] - x
        out[i, 1] = v[1] - y
        out[i, 2] = v[2] - z


@njit(cache=True, nogil=True)
def sum_spin_rows(first, last, terms, sigma, out):
    """Left side of the steady spin equation, [hopping 5b], for sites first .. last - 1.

    out_i = sum_j K_ij [ (sigma_i - sigma_j) + (1 - R_ij) sigma_j ] + B_i sigma_i

    Parameters
    ----------
    first, last : int64
    terms : SpinTerms
    sigma : float64[n_sites, 3]
        S_i / n_i.
    out : float64[n_sites, 3]
        Rows ``first .. last - 1`` are overwritten.
    """
    row_start, row_neighbour, row_link, conductance, transport, block = terms
    for i in range(first, last):
        tx = 0.0
        ty = 0.0
        tz = 0.0
        for a in range(row_start[i], row_start[i + 1]):
            j = row_neighbour[a]
            l = row_link[a]
            sign = 1.0 if i < j else -1.0
            q = transport[l]
            x = sigma[j]
            hx, hy, hz = _unrotated(q[0], sign * q[1], sign * q[2], sign * q[3], x)
            tx += conductance[l] * ((sigma[i, 0] - x[0]) + hx)
            ty += conductance[l] * ((sigma[i, 1] - x[1]) + hy)
            tz += conductance[l] * ((sigma[i, 2] - x[2]) + hz)
        b = block[i]
        out[i, 0] = tx + b[0, 0] * sigma[i, 0] + b[0, 1] * sigma[i, 1] + b[0, 2] * sigma[i, 2]
        out[i, 1] = ty + b[1, 0] * sigma[i, 0] + b[1, 1] * sigma[i, 1] + b[1, 2] * sigma[i, 2]
        out[i, 2] = tz + b[2, 0] * sigma[i, 0] + b[2, 1] * sigma[i, 1] + b[2, 2] * sigma[i, 2]


@njit(cache=True, nogil=True)
def fill_spin_residuals(first, last, terms, sigma, rhs, residual, moduli):
    """Residual of each spin row, and the sum of the moduli of its terms.

    Parameters
    ----------
    first, last, terms, sigma
        As in `sum_spin_rows`.
    rhs : float64[n_sites, 3]
    residual : float64[n_sites, 3]
        Rows ``first .. last - 1`` are overwritten: |left side - rhs|.
    moduli : float64[n_sites, 3]
        Rows ``first .. last - 1`` are overwritten: the sum of the moduli of the terms on both
        sides, to which the residual is compared.
    """
    row_start, row_neighbour, row_link, conductance, transport, block = terms
    h = np.empty(3)
    for i in range(first, last):
        # The right side and the terms of the site itself, then the terms of its links.
        for x in range(3):
            residual[i, x] = -rhs[i, x]
            moduli[i, x] = abs(rhs[i, x])
            for y in range(3):
                term = block[i, x, y] * sigma[i, y]
                residual[i, x] += term
                moduli[i, x] += abs(term)
        for a in range(row_start[i], row_start[i + 1]):
            j = row_neighbour[a]
            l = row_link[a]
            sign = 1.0 if i < j else -1.0
            q = transport[l]
            h[0], h[1], h[2] = _unrotated(q[0], sign * q[1], sign * q[2], sign * q[3], sigma[j])
            for x in range(3):
                residual[i, x] += conductance[l] * ((sigma[i, x] - sigma[j, x]) + h[x])
                moduli[i, x] += conductance[l] * (abs(sigma[i, x]) + abs(sigma[j, x] - h[x]))
        for x in range(3):
            residual[i, x] = abs(residual[i, x])


@njit(cache=True, nogil=True)
def largest_neighbour(row_start, row_neighbour, value, out):
    """Largest value at the neighbours of each site; 0 for a site without neighbours.

    Parameters
    ----------
    row_start, row_neighbour : int64 arrays
    value : float64[n_sites]
        Numbers that are not negative.
    out : float64[n_sites]
        Overwritten.
    """
    for i in range(row_start.shape[0] - 1):
        out[i] = 0.0
        for a in range(row_start[i], row_start[i + 1]):
            out[i] = max(out[i], value[row_neighbour[a]])
