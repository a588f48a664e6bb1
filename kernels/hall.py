"""Hall effect: the contribution of each triad to the conductance linear in the magnetic field."""

from numba import njit


@njit(cache=True, nogil=True)
def fill_hall_terms(link, separation, hop, overlap, log_conductance, drop_a, drop_b, out):
    """Write w {a ^ b} of each listed triad [hall 4].

    Parameters
    ----------
    link : int64[n_triads, 3]
        The links ij, ik, jk of each triad i < j < k.
    separation : float64[n_links, 2]
        From site i to site j > i, nearest image.
    hop, overlap : float64[n_links]
        From `hopnet.network.triads.amplitudes`.
    log_conductance : float64[n_links]
    drop_a, drop_b : float64[n_links]
        Differences x_i - x_j of two functions of the sites.
    out : float64[n_triads]
        Overwritten: w (da_ij db_ik - da_ik db_ij), with w the oriented area times the sum over
        the three sites of hop hop overlap, divided by 4.

    Notes
    -----
    The bracket is the same for any two links of the triad taken in the order ij, ik, jk. The
    weakest of the three links is left out, because its drop is the sum of the two others. The drops
    of the two stronger links are small, and accurate relative to themselves.
    """
    for t in range(link.shape[0]):
        ij = link[t, 0]
        ik = link[t, 1]
        jk = link[t, 2]
        area = separation[ij, 0] * separation[ik, 1] - separation[ij, 1] * separation[ik, 0]
        interference = (
            hop[ik] * hop[jk] * overlap[ij]
            + hop[ij] * hop[jk] * overlap[ik]
            + hop[ij] * hop[ik] * overlap[jk]
        )
        first, second = ij, ik
        weakest = log_conductance[jk]
        if log_conductance[ik] < weakest:
            second = jk
            weakest = log_conductance[ik]
        if log_conductance[ij] < weakest:
            first, second = ik, jk
        bracket = drop_a[first] * drop_b[second] - drop_a[second] * drop_b[first]
        out[t] = 0.125 * area * interference * bracket
