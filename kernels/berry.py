"""Loops over wave vectors: interband pairs, their sums over filled states, finite-q response."""

import numpy as np
from numba import njit


@njit(cache=True)
def _diagonalise(matrix, energy, vector):
    """Eigenvalues (ascending) and eigenvectors (columns) of one Hermitian matrix, in place.

    Cyclic Jacobi rotations up to order 8, LAPACK above.
    """
    order = matrix.shape[0]
    if order > 8:
        values, vectors = np.linalg.eigh(matrix)
        energy[:] = values
        vector[:, :] = vectors
        return
    # The eigenvectors start as the unit matrix and collect every rotation.
    for p in range(order):
        for q in range(order):
            vector[p, q] = 0.0
        vector[p, p] = 1.0
    # Sweeps over all pairs (p, q) until the squares outside the diagonal are below rounding.
    for _sweep in range(40):
        outside = 0.0
        inside = 0.0
        for p in range(order):
            inside += matrix[p, p].real ** 2
            for q in range(p + 1, order):
                outside += matrix[p, q].real ** 2 + matrix[p, q].imag ** 2
        if not outside > 1e-36 * inside:
            break
        for p in range(order - 1):
            for q in range(p + 1, order):
                _rotate(matrix, vector, p, q)
    for p in range(order):
        energy[p] = matrix[p, p].real
    # Sort the bands in ascending order, by selection.
    for p in range(order - 1):
        least = p
        for q in range(p + 1, order):
            if energy[q] < energy[least]:
                least = q
        if least != p:
            swap = energy[p]
            energy[p] = energy[least]
            energy[least] = swap
            for r in range(order):
                column = vector[r, p]
                vector[r, p] = vector[r, least]
                vector[r, least] = column


@njit(cache=True)
def _rotate(matrix, vector, p, q):
    """One Jacobi rotation that makes element (p, q) zero."""
    # The tangent of the smaller rotation angle, by a form that does not overflow.
    size = np.sqrt(matrix[p, q].real ** 2 + matrix[p, q].imag ** 2)
    if size == 0.0:
        return
    difference = matrix[q, q].real - matrix[p, p].real
    if abs(difference) + size == abs(difference):
        tangent = size / difference
    else:
        theta = 0.5 * difference / size
        tangent = 1.0 / (abs(theta) + np.sqrt(1.0 + theta * theta))
        if theta < 0.0:
            tangent = -tangent
    cosine = 1.0 / np.sqrt(1.0 + tangent * tangent)
    share = tangent * cosine / size
    sine = complex(share * matrix[p, q].real, share * matrix[p, q].imag)
    conjugate = sine.conjugate()
    # The two diagonal elements, then the other elements of rows and columns p and q.
    matrix[p, p] = matrix[p, p].real - tangent * size
    matrix[q, q] = matrix[q, q].real + tangent * size
    matrix[p, q] = 0.0
    matrix[q, p] = 0.0
    for r in range(matrix.shape[0]):
        if r != p and r != q:
            left = matrix[r, p]
            right = matrix[r, q]
            matrix[r, p] = cosine * left - conjugate * right
            matrix[r, q] = sine * left + cosine * right
            matrix[p, r] = matrix[r, p].conjugate()
            matrix[q, r] = matrix[r, q].conjugate()
        left = vector[r, p]
        right = vector[r, q]
        vector[r, p] = cosine * left - conjugate * right
        vector[r, q] = sine * left + cosine * right


@njit(cache=True)
def _to_bands(operator, vector, work, out):
    """``out = vector^+ operator vector`` of a Hermitian operator."""
    # work = operator vector, then one half of the Hermitian product; the other half mirrors it.
    order = operator.shape[0]
    for p in range(order):
        for n in range(order):
            total = 0.0j
            for q in range(order):
                total += operator[p, q] * vector[q, n]
            work[p, n] = total
    for m in range(order):
        for n in range(m, order):
            total = 0.0j
            for p in range(order):
                total += vector[p, m].conjugate() * work[p, n]
            out[m, n] = total
            out[n, m] = total.conjugate()


@njit(cache=True)
def _fermi(energy, mu, kT):
    """Fermi function; the step with f(mu) = 1/2 when ``kT`` is 0."""
    if kT <= 0.0:
        if energy < mu:
            return 1.0
        return 0.5 if energy == mu else 0.0
    x = (energy - mu) / kT
    if x > 0.0:
        small = np.exp(-x)
        return small / (1.0 + small)
    return 1.0 / (1.0 + np.exp(x))


@njit(cache=True)
def _occupy(energy, group, mu, kT, occupation):
    """Occupations of the bands at one wave vector, averaged inside degenerate groups."""
    order = energy.shape[0]
    start = 0
    while start < order:
        stop = start
        mean = 0.0
        while stop < order and group[stop] == start:
            mean += _fermi(energy[stop], mu, kT)
            stop += 1
        mean /= stop - start
        for m in range(start, stop):
            occupation[m] = mean
        start = stop


@njit(cache=True)
def _sum_pairs(pair, occupation, value):
    """The six sums over pairs m < n of one wave vector, written into ``value``."""
    order = occupation.shape[0]
    for q in range(6):
        value[q] = 0.0
    for m in range(order):
        for n in range(m + 1, order):
            f_m = occupation[m]
            f_n = occupation[n]
            if f_m == 0.0 and f_n == 0.0:
                continue
            value[0] -= f_n * pair[0, m, n] + f_m * pair[0, n, m]
            value[1] += f_m * pair[0, m, n] + f_n * pair[0, n, m]
            value[2] += (f_m - f_n) * pair[1, m, n]
            value[3] += (f_m - f_n) * pair[2, m, n]
            value[4] += (f_m - f_n) * pair[3, m, n]
            value[5] += (f_m + f_n) * pair[4, m, n]


@njit(cache=True, nogil=True)
def fill_terms(table, matrix, out):
    """Matrices ``out[i] = sum_t table[i, t] matrix[t]``: the Hamiltonian of a model of terms.

    Parameters
    ----------
    table : float64[n, T]
    matrix : complex128[T, N, N]
    out : complex128[n, N, N]
        Overwritten.

    Notes
    -----
    Iteration ``i`` writes ``out[i]`` only: parts of the rows can run in parallel.
    """
    order = matrix.shape[1]
    for i in range(table.shape[0]):
        for p in range(order):
            for q in range(order):
                real = 0.0
                imag = 0.0
                for t in range(table.shape[1]):
                    real += table[i, t] * matrix[t, p, q].real
                    imag += table[i, t] * matrix[t, p, q].imag
                out[i, p, q] = complex(real, imag)


@njit(cache=True, error_model="numpy")
def _weighted(s, a, b, e, g, m, n):
    """Spin times curvature of the pair (m, n): element (m, m), summed over the group of m."""
    total = 0.0
    for p in range(e.shape[0]):
        if g[p] == g[m]:
            cross = a[p, n] * b[n, m] - b[p, n] * a[n, m]
            total -= (s[m, p] * cross).imag / ((e[p] - e[n]) * (e[m] - e[n]))
    return total


@njit(cache=True, error_model="numpy")
def _fill_pair(s, a, b, e, g, pair):
    """Pair quantities of one wave vector from the matrices in the band basis."""
    order = e.shape[0]
    for m in range(order):
        for q in range(5):
            pair[q, m, m] = 0.0
        for n in range(m + 1, order):
            if g[m] == g[n]:
                for q in range(5):
                    pair[q, m, n] = 0.0
                    pair[q, n, m] = 0.0
                continue
            # The five quantities of a pair from different groups. A band that is alone in its group
            # has the diagonal element of the spin; in a group `_weighted` sums over its bands.
            inverse = 1.0 / (e[m] - e[n])
            flow = 0.0j  # {s, b}
            for p in range(order):
                flow += s[m, p] * b[p, n] + b[m, p] * s[p, n]
            curvature = -2.0 * (a[m, n] * b[n, m]).imag * inverse * inverse
            current = (flow * a[n, m]).imag * inverse * inverse
            torque = 2.0 * (s[m, n] * a[n, m]).real * inverse
            alone = (m + 1 == order or g[m + 1] != g[m]) and g[m] == m
            pair[0, m, n] = s[m, m].real * curvature if alone else _weighted(s, a, b, e, g, m, n)
            alone = (n + 1 == order or g[n + 1] != g[n]) and g[n] == n
            pair[0, n, m] = -s[n, n].real * curvature if alone else _weighted(s, a, b, e, g, n, m)
            pair[1, m, n] = current
            pair[1, n, m] = -current
            pair[2, m, n] = torque
            pair[2, n, m] = -torque
            pair[3, m, n] = curvature
            pair[3, n, m] = -curvature
            pair[4, m, n] = 0.5 * curvature / inverse
            pair[4, n, m] = pair[4, m, n]


@njit(cache=True, nogil=True, error_model="numpy")
def fill_pairs(hamiltonian, field, current, spin, absolute, relative, block, energy, group, pair):
    """Interband pair quantities at each wave vector, equations [berry 2], [berry 9], [berry C7].

    Parameters
    ----------
    hamiltonian, field, current : complex128[n, N, N]
        H and its derivatives along the field (a) and along the current (b).
    spin : complex128[N, N]
    absolute, relative : float64
        Bands closer than ``max(absolute, relative max|e|)`` belong to one group.
    block : bool
        Whether groups are formed at all; if not, every band is its own.
    energy : float64[n, N]
        Overwritten, ascending.
    group : int64[n, N]
        Overwritten: index of the first band of the group.
    pair : float64[n, 5, N, N]
        Overwritten; 0 inside a group. First index: spin of m times the curvature of the pair,
        conventional spin current, mean torque, Berry curvature Om_mn, orbital moment.

    Notes
    -----
    Iteration ``i`` writes row ``i`` of the outputs only: parts of the wave vectors can run in
    parallel.
    """
    order = hamiltonian.shape[1]
    rows = hamiltonian.shape[0]
    u = np.empty((order, order), np.complex128)
    work = np.empty((order, order), np.complex128)
    a = np.empty((order, order), np.complex128)
    b = np.empty((order, order), np.complex128)
    s = np.empty((order, order), np.complex128)
    for i in range(rows):
        e = energy[i]
        g = group[i]
        a[:, :] = hamiltonian[i]
        _diagonalise(a, e, u)
        _to_bands(field[i], u, work, a)
        _to_bands(current[i], u, work, b)
        _to_bands(spin, u, work, s)
        # Neighbouring bands closer than the tolerance share a group, named by its first band.
        close = max(absolute, relative * max(abs(e[0]), abs(e[order - 1])))
        g[0] = 0
        for m in range(1, order):
            g[m] = g[m - 1] if block and e[m] - e[m - 1] <= close else m
        _fill_pair(s, a, b, e, g, pair[i])


@njit(cache=True, nogil=True)
def fill_values(energy, group, pair, mu, kT, value):
    """Sums over filled states at each wave vector, pair by pair, equations [berry 1], [berry 9].

    Parameters
    ----------
    energy : float64[n, N]
    group : int64[n, N]
    pair : float64[n, 5, N, N]
        From `fill_pairs`.
    mu, kT : float64
    value : float64[n, 6]
        Overwritten: LCC, XN, conventional, mean torque, Berry curvature, orbital moment.

    Notes
    -----
    Iteration ``i`` writes ``value[i]`` only: parts of the wave vectors can run in parallel.
    Differences are taken as (f_m - f_n) per pair, so filled pairs that nearly touch do not leave
    rounding behind.
    """
    order = energy.shape[1]
    for i in range(energy.shape[0]):
        occupation = np.empty(order)
        _occupy(energy[i], group[i], mu, kT, occupation)
        _sum_pairs(pair[i], occupation, value[i])


@njit(cache=True, nogil=True)
def add_filled(energy, pair, weight, mu, total):
    """Add the T = 0 sums of many wave vectors at many Fermi energies, equation [berry 1].

    Parameters
    ----------
    energy : float64[n, N]
        Ascending in each row.
    pair : float64[n, 5, N, N]
        From `fill_pairs`.
    weight : float64[n, W]
        Quadrature weights: the fine rule and its coarse companions.
    mu : float64[M]
        Ascending.
    total : float64[C, M + 1, W, 6]
        Differences along the second axis, added to: their cumulative sum is the result (its
        last entry, above every ``mu``, is not valid). Companions: the first three sums only.

    Notes
    -----
    The rows are divided among C chunks, and chunk ``c`` adds to ``total[c]`` only: the chunks can
    be added in parallel, one per call. A filling at which no ``mu`` lies is skipped, so a pair of
    bands that nearly touch contributes only where ``mu`` lies between them.
    """
    chunks = total.shape[0]
    rows = energy.shape[0]
    order = energy.shape[1]
    last = mu.shape[0]
    for c in range(chunks):
        occupation = np.empty(order)
        value = np.empty(6)
        before = np.empty(6)
        for i in range(c * rows // chunks, (c + 1) * rows // chunks):
            occupation[:] = 0.0
            before[:] = 0.0
            # Fill the bands one after another. The sums for m + 1 filled bands hold for the ``mu``
            # from start to stop; their change is added at start.
            start = np.searchsorted(mu, energy[i, 0])
            for m in range(order):
                occupation[m] = 1.0
                stop = last
                if m + 1 < order:
                    stop = start + np.searchsorted(mu[start:], energy[i, m + 1])
                if stop > start:
                    _sum_pairs(pair[i], occupation, value)
                    for q in range(6):
                        change = value[q] - before[q]
                        before[q] = value[q]
                        total[c, start, 0, q] += weight[i, 0] * change
                        if q < 3:
                            for w in range(1, weight.shape[1]):
                                total[c, start, w, q] += weight[i, w] * change
                start = stop


@njit(cache=True, nogil=True)
def add_thermal(energy, group, pair, weight, mu, kT, total):
    """Add the sums of many wave vectors at many chemical potentials, kT > 0, [berry 1].

    Parameters
    ----------
    energy, group, pair, weight, mu
        As in `add_filled`; ``mu`` in any order.
    kT : float64
    total : float64[C, M, W, 6]
        Added to; companions: the first three sums only.

    Notes
    -----
    The rows are divided among C chunks, and chunk ``c`` adds to ``total[c]`` only: the chunks can
    be added in parallel, one per call.
    """
    chunks = total.shape[0]
    rows = energy.shape[0]
    for c in range(chunks):
        occupation = np.empty(energy.shape[1])
        value = np.empty(6)
        for i in range(c * rows // chunks, (c + 1) * rows // chunks):
            for j in range(mu.shape[0]):
                _occupy(energy[i], group[i], mu[j], kT, occupation)
                _sum_pairs(pair[i], occupation, value)
                for w in range(weight.shape[1]):
                    for q in range(6 if w == 0 else 3):
                        total[c, j, w, q] += weight[i, w] * value[q]


@njit(cache=True, nogil=True)
def fill_conserved(minus, plus, field, spin, mu, kT, value):
    """Spin response at wave vector q to a field along a, per wave vector k.

    ``Im sum_{n != m} (f_n - f_m) / (e_n - e_m) <n|s|m> <m|d_a H|n>`` with ``n`` an eigenstate of
    H(k - q/2) and ``m`` one of H(k + q/2); its slope in q is the conserved spin current whose
    conventional and torque-dipole parts are [berry 4].

    Parameters
    ----------
    minus, plus : complex128[n, N, N]
        H at k - q/2 and k + q/2.
    field : complex128[n, N, N]
        Derivative of H along the field between them.
    spin : complex128[N, N]
    mu, kT : float64
    value : float64[n]
        Overwritten.

    Notes
    -----
    Iteration ``i`` writes ``value[i]`` only: parts of the wave vectors can run in parallel.
    """
    order = minus.shape[1]
    for i in range(minus.shape[0]):
        e = np.empty(order)
        d = np.empty(order)
        u = np.empty((order, order), np.complex128)
        v = np.empty((order, order), np.complex128)
        work = np.empty((order, order), np.complex128)
        # Eigenstates at k - q/2 (energies e) and at k + q/2 (energies d).
        work[:, :] = minus[i]
        _diagonalise(work, e, u)
        work[:, :] = plus[i]
        _diagonalise(work, d, v)
        total = 0.0
        for n in range(order):
            f_n = _fermi(e[n], mu, kT)
            for m in range(order):
                difference = f_n - _fermi(d[m], mu, kT)
                if m == n or difference == 0.0 or e[n] == d[m]:
                    continue
                up = 0.0j
                down = 0.0j
                for p in range(order):
                    for q in range(order):
                        up += u[p, n].conjugate() * spin[p, q] * v[q, m]
                        down += v[p, m].conjugate() * field[i, p, q] * u[q, n]
                total += difference / (e[n] - d[m]) * (up * down).imag
        value[i] = total
