"""Meshes of resistors that replace singly occupied traps: spin blocking, [nuclei 12].

The live sites of a trap l are the mobile sites that exchange electrons with it fast: first its
neighbours (the partners), then theirs. At each live site the correlation C between the spin of an
electron there and that of the electron in the trap is a 3x3 matrix C_ab, with a for the former. A
linear system of 9 numbers per live site gives the trace of C at every partner per flow into the
trap.
"""

from typing import NamedTuple

import numpy as np
from numba import njit


class Surroundings(NamedTuple):
    """The network around traps, as the kernels of this file take it."""

    row_start: np.ndarray  # int64[n_sites + 1]: rows of the graph
    row_neighbour: np.ndarray  # int64[2 n_links]
    row_link: np.ndarray  # int64[2 n_links]
    conductance: np.ndarray  # float64[n_links]: K_ij, which is the bare hop rate
    kind: np.ndarray  # int64[n_sites]: MOBILE, TRAP or HELD (a contact)
    total: np.ndarray  # float64[n_sites]: rate of leaving a mobile site by all its links
    field: np.ndarray  # float64[n_sites, 3]: precession frequency of each site


class Reach(NamedTuple):
    """How far correlations are followed."""

    shells: int  # 1: the neighbours of a trap; 2: theirs too
    keep: float  # links below this fraction of the rate of leaving their mobile site are left out
    loss: float  # 1/tau_s of the correlations
    floor: float  # least loss, over the rate of leaving


# Kinds of sites; hopnet/spin/blocking.py names them too, and a test compares both.
MOBILE, TRAP, HELD = 0, 1, 2


@njit(cache=True, nogil=True)
def count_partners(around, trap, keep, out):
    """Number of mobile neighbours whose correlation with each trap is followed.

    Parameters
    ----------
    around : Surroundings
    trap : int64[n_traps]
    keep : float64
    out : int64[n_traps]
        Overwritten.
    """
    for t in range(trap.shape[0]):
        out[t] = 0
        for a in range(around.row_start[trap[t]], around.row_start[trap[t] + 1]):
            i = around.row_neighbour[a]
            K = around.conductance[around.row_link[a]]
            if around.kind[i] == MOBILE and K > keep * around.total[i]:
                out[t] += 1


@njit(cache=True, nogil=True)
def _find_live(around, l, reach, place, live):
    """List the live sites of trap l, partners first; returns how many in all, how many partners."""
    m = 0
    for a in range(around.row_start[l], around.row_start[l + 1]):
        i = around.row_neighbour[a]
        K = around.conductance[around.row_link[a]]
        if around.kind[i] == MOBILE and K > reach.keep * around.total[i]:
            place[i] = m
            live[m] = i
            m += 1
    partners = m
    begin = 0
    for _ in range(1, reach.shells):
        end = m
        for b in range(begin, end):
            i = live[b]
            for a in range(around.row_start[i], around.row_start[i + 1]):
                k = around.row_neighbour[a]
                K = around.conductance[around.row_link[a]]
                if around.kind[k] == MOBILE and place[k] < 0 and K > reach.keep * around.total[i]:
                    place[k] = m
                    live[m] = k
                    m += 1
        begin = end
    return m, partners


@njit(cache=True, nogil=True)
def _add_cross(w, r, stride, A):
    """Subtract w x from the block of A at r, acting on the index of the given stride."""
    other = 4 - stride  # the strides of the two indices are 3 and 1
    for s in range(3):
        o = r + other * s
        for a in range(3):
            b = (a + 1) % 3
            c = (a + 2) % 3
            # -(w x C)_a = w_c C_b - w_b C_c
            A[o + stride * a, o + stride * b] += w[c]
            A[o + stride * a, o + stride * c] -= w[b]


@njit(cache=True, nogil=True)
def _fill_matrix(around, l, reach, live, place, A):
    """The rates at which the correlations with trap l leave, turn and move: A C = source."""
    A[:, :] = 0.0
    for p in range(live.shape[0]):
        i = live[p]
        r = 9 * p
        out = reach.loss + reach.floor * around.total[i]
        anti = 0.0
        for a in range(around.row_start[i], around.row_start[i + 1]):
            k = around.row_neighbour[a]
            K = around.conductance[around.row_link[a]]
            if k == l:
                anti += 0.5 * K
            elif around.kind[k] == TRAP:
                out += 0.5 * K
            else:
                out += K
                if place[k] >= 0:
                    for x in range(9):
                        A[r + x, 9 * place[k] + x] -= K
        for x in range(3):
            for y in range(3):
                A[r + 3 * x + y, r + 3 * x + y] += out + anti
                A[r + 3 * x + y, r + 3 * y + x] -= anti
        _add_cross(around.field[i], r, 3, A)
        _add_cross(around.field[l], r, 1, A)


@njit(cache=True, nogil=True)
def fill_meshes(around, trap, reach, start, first, second, out):
    """Conductances of the meshes of some traps [nuclei 12].

    Between partners i < k of trap l the mesh has -Y_ik, and from partner i to the doubly occupied
    state sum_k Y_ik, with Y = (1/kappa + h)^-1, kappa = K_il / 2 and h the traces of C per flow. Y
    is taken symmetric, which it is without a field.

    Parameters
    ----------
    around : Surroundings
    trap : int64[n_traps]
    reach : Reach
    start : int64[n_traps + 1]
        The entries of trap t are ``start[t]`` to ``start[t + 1] - 1``: m (m - 1) / 2 pairs of its m
        partners, then m entries to the trap itself.
    first, second : int64[n_entries]
        Overwritten: the two sites of each entry.
    out : float64[n_entries]
        Overwritten: the conductance of each entry. A field can make it slightly negative.
    """
    n = around.row_start.shape[0] - 1
    place = np.full(n, -1)
    live = np.empty(n, np.int64)
    for t in range(trap.shape[0]):
        l = trap[t]
        m, partners = _find_live(around, l, reach, place, live)
        if partners > 0:
            A = np.empty((9 * m, 9 * m))
            _fill_matrix(around, l, reach, live[:m], place, A)
            source = np.zeros((9 * m, partners))
            for b in range(partners):
                for x in range(3):
                    source[9 * b + 4 * x, b] = 1.0
            C = np.linalg.solve(A, source)
            # kappa^(1/2) (1 + kappa^(1/2) h kappa^(1/2))^-1 kappa^(1/2), well conditioned
            root = np.empty(partners)
            for a in range(around.row_start[l], around.row_start[l + 1]):
                p = place[around.row_neighbour[a]]
                if 0 <= p < partners:
                    root[p] = np.sqrt(0.5 * around.conductance[around.row_link[a]])
            Z = np.empty((partners, partners))
            for a in range(partners):
                for b in range(partners):
                    h = C[9 * a, b] + C[9 * a + 4, b] + C[9 * a + 8, b]
                    Z[a, b] = root[a] * h * root[b]
                Z[a, a] += 1.0
            Y = np.linalg.inv(Z)
            e = start[t]
            for a in range(partners):
                for b in range(a + 1, partners):
                    first[e] = live[a]
                    second[e] = live[b]
                    out[e] = -0.5 * root[a] * root[b] * (Y[a, b] + Y[b, a])
                    e += 1
            for a in range(partners):
                first[e] = live[a]
                second[e] = l
                out[e] = 0.0
                for b in range(partners):
                    out[e] += 0.5 * root[a] * root[b] * (Y[a, b] + Y[b, a])
                e += 1
        for p in range(m):
            place[live[p]] = -1
