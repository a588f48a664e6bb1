"""Triads: every triangle of the graph once, i < j < k, and sums over them.

Row i and row j of the graph are merged for each link i < j; what they share beyond j is a triad.
"""

from numba import njit


@njit(cache=True, nogil=True)
def count_triads(row_start, row_neighbour, first, out):
    """Number of triads i < j < k of each lowest site i.

    Parameters
    ----------
    row_start, row_neighbour : int64[n_sites + 1], int64[2 n_links]
        Ascending rows.
    first : int64
        Sites ``first .. first + out.shape[0] - 1`` are counted.
    out : int64[n]
        Overwritten.
    """
    for i in range(first, first + out.shape[0]):
        total = 0
        for a in range(row_start[i], row_start[i + 1]):
            j = row_neighbour[a]
            if j < i:
                continue
            b = a + 1
            c = row_start[j]
            while b < row_start[i + 1] and c < row_start[j + 1]:
                if row_neighbour[b] < row_neighbour[c]:
                    b += 1
                elif row_neighbour[b] > row_neighbour[c]:
                    c += 1
                else:
                    total += 1
                    b += 1
                    c += 1
        out[i - first] = total


@njit(cache=True, nogil=True)
def fill_triads(row_start, row_neighbour, row_link, start, site, link):
    """Write the triads: sites i < j < k and links ij, ik, jk.

    Parameters
    ----------
    row_start, row_neighbour, row_link : int64 arrays
        Ascending rows of the graph.
    start : int64[n_sites + 1]
        Running sum of `count_triads`.
    site : int64[n_triads, 3]
        Overwritten, sorted.
    link : int64[n_triads, 3]
        Overwritten: the links ij, ik, jk.
    """
    for i in range(row_start.shape[0] - 1):
        t = start[i]
        for a in range(row_start[i], row_start[i + 1]):
            j = row_neighbour[a]
            if j < i:
                continue
            b = a + 1
            c = row_start[j]
            while b < row_start[i + 1] and c < row_start[j + 1]:
                if row_neighbour[b] < row_neighbour[c]:
                    b += 1
                elif row_neighbour[b] > row_neighbour[c]:
                    c += 1
                else:
                    site[t, 0] = i
                    site[t, 1] = j
                    site[t, 2] = row_neighbour[b]
                    link[t, 0] = row_link[a]
                    link[t, 1] = row_link[b]
                    link[t, 2] = row_link[c]
                    t += 1
                    b += 1
                    c += 1


@njit(cache=True, nogil=True)
def _add_triad(i, j, k, ij, ik, jk, separation, hop, overlap, drop, across, generation):
    """Add the generation [hopping S44] of one triad at its three sites; return its drift."""
    cross = separation[ij, 0] * separation[ik, 1] - separation[ij, 1] * separation[ik, 0]
    interference = (
        hop[ik] * hop[jk] * overlap[ij]
        + hop[ij] * hop[jk] * overlap[ik]
        + hop[ij] * hop[ik] * overlap[jk]
    )
    strength = -0.0625 * cross * interference
    at_i = strength * drop[jk]  # X_j - X_k
    at_j = -strength * drop[ik]  # X_k - X_i
    at_k = strength * drop[ij]  # X_i - X_j
    generation[i] += at_i
    generation[j] += at_j
    generation[k] += at_k
    y_ij = separation[ij, 0] * across[0] + separation[ij, 1] * across[1]
    y_ik = separation[ik, 0] * across[0] + separation[ik, 1] * across[1]
    return y_ij * at_j + y_ik * at_k


@njit(cache=True, nogil=True)
def sum_generation(row_start, row_neighbour, row_link, separation, hop, overlap, drop, across,
                   generation):  # fmt: skip
    """Spin generation of all triads of the graph, [hopping S44], without storing a triad.

    Parameters
    ----------
    row_start, row_neighbour, row_link : int64 arrays
        Ascending rows of the graph.
    separation : float64[n_links, 2]
        From site i to site j > i, nearest image.
    hop : float64[n_links]
        K_ij exp(R_ij / a_b) / sqrt(n_i n_j): with equal energies exp(-R_ij / a_b).
    overlap : float64[n_links]
        exp(-R_ij / a_b) sqrt(n_i n_j).
    drop : float64[n_links]
        X_i - X_j.
    across : float64[2]
        Unit vector across the current.
    generation : float64[n_sites]
        Overwritten: gamma.

    Returns
    -------
    float64
        sum over triads and their sites of y gamma, y counted from the lowest site of the triad
        (the three gamma of a triad add up to zero).
    """
    generation[:] = 0.0
    total = 0.0
    for i in range(row_start.shape[0] - 1):
        of_site = 0.0
        for a in range(row_start[i], row_start[i + 1]):
            j = row_neighbour[a]
            if j < i:
                continue
            b = a + 1
            c = row_start[j]
            while b < row_start[i + 1] and c < row_start[j + 1]:
                if row_neighbour[b] < row_neighbour[c]:
                    b += 1
                elif row_neighbour[b] > row_neighbour[c]:
                    c += 1
                else:
                    of_site += _add_triad(i, j, row_neighbour[b], row_link[a], row_link[b],
                                          row_link[c], separation, hop, overlap, drop, across,
                                          generation)  # fmt: skip
                    b += 1
                    c += 1
        total += of_site
    return total


@njit(cache=True, nogil=True)
def sum_generation_of(site, link, separation, hop, overlap, drop, across, generation):
    """As `sum_generation`, [hopping S44], over stored triads.

    Parameters
    ----------
    site, link : int64[n_triads, 3]
        From `fill_triads`.
    separation, hop, overlap, drop, across, generation
        As in `sum_generation`.

    Returns
    -------
    float64
    """
    generation[:] = 0.0
    total = 0.0
    for t in range(site.shape[0]):
        total += _add_triad(site[t, 0], site[t, 1], site[t, 2], link[t, 0], link[t, 1],
                            link[t, 2], separation, hop, overlap, drop, across,
                            generation)  # fmt: skip
    return total
