"""Triads: every triangle of the graph once, i < j < k, and the generation of spin on them.

For each link i < j, row i and row j of the graph are merged. Each neighbour k > j that they share
forms a triad::

    row i    ..  j  5  8  9        neighbours of i after j
    row j    ..     6  8  9  12    neighbours of j after j
                       k  k        two triads: (i, j, 8) and (i, j, 9)

The triads of some thousand sites are listed at a time, so that the list stays in the CPU cache
while the sums are taken.
"""

from numba import njit


@njit(cache=True, nogil=True)
def fill_triads(lowest, upper_start, row_start, row_neighbour, row_link, site, link):
    """Write the triads whose lowest site is one of those listed: sites i < j < k, their links.

    Parameters
    ----------
    lowest : int64[n]
        The lowest sites, each once.
    upper_start : int64[n_sites]
        Where in each row the neighbours with higher numbers begin.
    row_start, row_neighbour, row_link : int64 arrays
        Ascending rows of the graph.
    site : int64[at least the number of triads, 3]
        Overwritten, sorted.
    link : int64[same, 3]
        Overwritten: the links ij, ik, jk.

    Returns
    -------
    int64
        Number of triads. A site with m higher neighbours has at most m (m - 1) / 2.
    """
    t = 0
    for i in lowest:
        end = row_start[i + 1]
        for a in range(upper_start[i], end):
            j = row_neighbour[a]
            # Merge the part of row i after j with the part of row j after j.
            b = a + 1
            c = upper_start[j]
            end_j = row_start[j + 1]
            while b < end and c < end_j:
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
    return t


@njit(cache=True, nogil=True)
def add_to_sites(site, value, out):
    """Add the contributions of the listed triads to their three sites, in the order of the list.

    Parameters
    ----------
    site : int64[n_triads, 3]
    value : float64[n_triads, 3, n_parts]
    out : float64[n_sites, n_parts]
        Added to.
    """
    for t in range(site.shape[0]):
        for place in range(3):
            row = out[site[t, place]]
            for x in range(row.shape[0]):
                row[x] += value[t, place, x]


@njit(cache=True, nogil=True)
def sum_generation(site, link, separation, hop, overlap, drop, across, outermost, generation):
    """Add the spin generation of the listed triads to their sites, [hopping S44].

    Parameters
    ----------
    site, link : int64[n_triads, 3]
        From `fill_triads`.
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
    outermost : bool[n_links]
        Links whose triads are also summed apart.
    generation : float64[n_sites]
        gamma of these triads is added to it.

    Returns
    -------
    float64
        sum over triads and their sites of y gamma. y is counted from the lowest site of the
        triad; this is allowed because the three gamma of a triad add up to zero.
    float64
        The part of this sum from triads with an outermost link.
    """
    total = 0.0
    outer = 0.0
    for t in range(site.shape[0]):
        ij = link[t, 0]
        ik = link[t, 1]
        jk = link[t, 2]
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
        generation[site[t, 0]] += at_i
        generation[site[t, 1]] += at_j
        generation[site[t, 2]] += at_k
        # The sum of y gamma over the three sites, with y = 0 at site i.
        y_ij = separation[ij, 0] * across[0] + separation[ij, 1] * across[1]
        y_ik = separation[ik, 0] * across[0] + separation[ik, 1] * across[1]
        moment = y_ij * at_j + y_ik * at_k
        total += moment
        if outermost[ij] or outermost[ik] or outermost[jk]:
            outer += moment
    return total, outer
