"""Potentials with many digits, from the root of an elimination down, and the flows they drive.

A potential is a row of *limbs*: limb c is a multiple of 2^(-48 (c + 1)), and all limbs are added::

    V = limb 0 + limb 1 + limb 2 + ...
        unit 2^-48  unit 2^-96  unit 2^-144

A float holds 53 bits, so a limb of 48 bits leaves room for a sign and a carry. The difference of
two limbs is exact, and the difference of two potentials, added from the first limb on, is exact up
to its last rounding. So drops along links are accurate relative to themselves even where they are
tens of decades smaller than the potentials, and the drops around every loop add up to zero.
"""

import numpy as np
from numba import njit

# Bits of a limb. A larger number leaves less room for carries, a smaller one needs more limbs.
BITS = 48

# Adding and subtracting 1.5 2^52 units rounds a float to a multiple of the unit.
ROUNDER = 6755399441055744.0

# A difference of the first h limbs is used as it is from 2^ENOUGH units of limb h - 1 on: what the
# other limbs add is then below half of its last bit. A larger number adds limbs without use.
ENOUGH = 54


@njit(cache=True, nogil=True)
def _carry(limb, n_changed):
    """Round the limbs that were changed to their own digits; the rest goes to the limb before."""
    for c in range(n_changed - 1, 0, -1):
        rounder = ROUNDER * 2.0 ** (-BITS * c)
        carry = (limb[c] + rounder) - rounder
        limb[c] -= carry
        limb[c - 1] += carry


@njit(cache=True, nogil=True)
def _add_number(limb, number):
    """Add a float to a row of limbs; what is smaller than the unit of the last limb is dropped."""
    c = 0
    while number != 0.0 and c < limb.shape[0]:
        rounder = ROUNDER * 2.0 ** (-BITS * (c + 1))
        part = (number + rounder) - rounder
        number -= part
        limb[c] += part
        c += 1
    _carry(limb, c)


@njit(cache=True, nogil=True)
def _strongest(weight):
    """The place of the largest weight, of equal ones the first; weights are not negative."""
    # Floats that are not negative have the order of their bits, which compile to faster code.
    bits = weight.view(np.int64)
    largest = bits[0]
    for j in range(1, bits.shape[0]):
        largest = max(largest, bits[j])
    for j in range(bits.shape[0]):
        if bits[j] == largest:
            return j
    return 0


@njit(cache=True, nogil=True)
def _difference(limb, value, rank, first, r, out):
    """``out[j] = V_(first + j) - V_(first + r)``, exact to the last bit.

    ``limb`` holds the first limbs of all columns, and ``value[rank[column]]`` all limbs of each.
    """
    n = out.shape[0]
    n_first = limb.shape[0]
    row = limb[0, first : first + n]
    own = row[r]
    for j in range(n):
        out[j] = row[j] - own
    for c in range(1, n_first):
        row = limb[c, first : first + n]
        own = row[r]
        for j in range(n):
            out[j] += row[j] - own
    # All limbs where two potentials are so close that the first limbs do not settle the last bit.
    enough = 2.0 ** (ENOUGH - BITS * n_first)
    out[r] = np.inf
    least = np.int64(2**62)
    bits = out.view(np.int64)
    for j in range(n):
        least = min(least, bits[j] & np.int64(0x7FFFFFFFFFFFFFFF))
    if least < np.float64(enough).view(np.int64):
        b = rank[first + r]
        for j in range(n):
            if abs(out[j]) < enough:
                a = rank[first + j]
                total = 0.0
                for c in range(value.shape[1]):
                    total += value[a, c] - value[b, c]
                out[j] = total
    out[r] = 0.0


@njit(cache=True, nogil=True)
def _sum_of_products(weight, difference):
    """``sum_j weight_j difference_j``, in four sums that are added at the end."""
    n = weight.shape[0]
    a = 0.0
    b = 0.0
    c = 0.0
    d = 0.0
    for j in range(0, n - 3, 4):
        a += weight[j] * difference[j]
        b += weight[j + 1] * difference[j + 1]
        c += weight[j + 2] * difference[j + 2]
        d += weight[j + 3] * difference[j + 3]
    for j in range(n - n % 4, n):
        a += weight[j] * difference[j]
    return (a + b) + (c + d)


@njit(cache=True, nogil=True)
def potential_fronts(which, fronts, weight, source, n_first, value):
    """Potentials ``V_k = V_r + source_k + sum_j w_kj (V_j - V_r)``, from the root down.

    Here r is the later column with the largest weight w_kr. The sum is rounded relative to the
    differences between the neighbours of k, and never to the potentials.

    Parameters
    ----------
    which : int64[n]
        Numbers of the fronts, ascending; they are taken from the end.
    fronts : Fronts
    weight : float64[n_weights]
        The weights of the factor.
    source : float64[n_eliminated]
        ``b_k / d_k`` after the forward pass; zeros for Kirchhoff's laws at given potentials.
    n_first : int64
        Number of limbs that are subtracted for every column; the other limbs are used only where
        they matter. It changes no result.
    value : float64[n_eliminated + n_terminals + 1, n_limbs]
        In: limbs of the terminals and of the ground. Out: also those of the eliminated nodes of
        these fronts. All potentials must lie within +-8, in units of the first limb's range.
    """
    n_limbs = value.shape[1]
    largest = 1
    for t in which:
        n_pivots = fronts.front_start[t + 1] - fronts.front_start[t]
        n_boundary = fronts.boundary_start[t + 1] - fronts.boundary_start[t]
        largest = max(largest, n_pivots + n_boundary)
    limb = np.empty((n_first, largest))
    rank = np.empty(largest, np.int64)
    difference = np.empty(largest)
    for a in range(which.shape[0] - 1, -1, -1):
        t = which[a]
        first = fronts.front_start[t]
        n_pivots = fronts.front_start[t + 1] - first
        begin = fronts.boundary_start[t]
        n_boundary = fronts.boundary_start[t + 1] - begin
        m = n_pivots + n_boundary
        for k in range(n_pivots):
            rank[k] = first + k
        for b in range(n_boundary):
            q = fronts.boundary[begin + b]
            rank[n_pivots + b] = q
            for c in range(n_first):
                limb[c, n_pivots + b] = value[q, c]
        own = weight[fronts.weight_start[t] : fronts.weight_start[t] + n_pivots * m]
        w = own.reshape(n_pivots, m)
        # The last pivot first: all later potentials are known when pivot k needs them.
        for k in range(n_pivots - 1, -1, -1):
            row = w[k, k + 1 :]
            r = _strongest(row)
            apart = difference[: m - 1 - k]
            _difference(limb, value, rank, k + 1, r, apart)
            step = source[first + k] + _sum_of_products(row, apart)
            new = value[first + k]
            q = rank[k + 1 + r]
            for c in range(n_limbs):
                new[c] = value[q, c]
            _add_number(new, step)
            for c in range(n_first):
                limb[c, k] = new[c]


@njit(cache=True, nogil=True)
def add_potentials(which, fronts, change, shift, value):
    """Add changes of potentials: ``value += 2^(-48 shift) change`` for the nodes of some fronts.

    Parameters
    ----------
    which : int64[n]
        Numbers of the fronts.
    fronts : Fronts
    change : float64[n_nodes, n_limbs - shift or more]
        What `potential_fronts` filled.
    shift : int64
        Number of limbs by which the change is smaller.
    value : float64[n_nodes, n_limbs]
        Changed.
    """
    scale = 2.0 ** (-BITS * shift)
    n_added = min(change.shape[1], value.shape[1] - shift)
    for t in which:
        for k in range(fronts.front_start[t], fronts.front_start[t + 1]):
            for c in range(n_added):
                value[k, c + shift] += scale * change[k, c]
            _carry(value[k], value.shape[1])


@njit(cache=True, nogil=True)
def fill_flows(link_i, link_j, rank, value, conductance, drop, flow, at_site):
    """Drops and flows of all links from potentials, and the sums of the flows at each site.

    Parameters
    ----------
    link_i, link_j : int64[n_links]
        The two sites of each link.
    rank : int64[n_sites]
        The row of each site in ``value``; negative for a site that is left out.
    value : float64[n_nodes, n_limbs]
        Limbs of the potentials.
    conductance : float64[n_links]
        Conductance of each link.
    drop, flow : float64[n_links]
        Overwritten: V_i - V_j and conductance * drop; 0 where a site is left out. On entry
        ``flow`` holds the flows with which the new ones are compared.
    at_site : float64[4, n_sites]
        Overwritten: sums of the flow over the links that a site begins and over those that it
        ends, and the same sums of the moduli, as in `kernels.balance.sum_flows`.

    Returns
    -------
    change, largest : float64
        Largest modulus of the change of a flow, and of the flows on entry.
    """
    at_site[:] = 0.0
    leaving, entering, size_i, size_j = at_site
    change = 0.0
    largest = 0.0
    for l in range(link_i.shape[0]):
        i = link_i[l]
        j = link_j[l]
        a = rank[i]
        b = rank[j]
        total = 0.0
        if a >= 0 and b >= 0 and a != b:
            for c in range(value.shape[1]):
                total += value[a, c] - value[b, c]
        new = conductance[l] * total
        change = max(change, abs(new - flow[l]))
        largest = max(largest, abs(flow[l]))
        drop[l] = total
        flow[l] = new
        leaving[i] += new
        entering[j] += new
        size_i[i] += abs(new)
        size_j[j] += abs(new)
    return change, largest
