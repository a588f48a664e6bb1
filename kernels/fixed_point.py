"""The fixed-point iteration of Yu et al. for carriers that exclude each other, for comparison."""

from numba import njit


@njit(cache=True, nogil=True)
def sweep_occupations(row_start, row_neighbour, leaving, arriving, n_sweeps, p):
    """Replace every occupation by its balance with the newest values of its neighbours.

    p_i = sum_j p_j a_ji / sum_j [a_ij (1 - p_j) + a_ji p_j]
    (Z. G. Yu et al., Phys. Rev. B 63, 085202 (2001)).

    Parameters
    ----------
    row_start : int64[n_sites + 1]
        Neighbours of site i are numbers ``row_start[i]`` to ``row_start[i + 1] - 1``.
    row_neighbour : int64[2 n_links]
    leaving, arriving : float64[2 n_links]
        Rates a_ij out of the site of the row, and a_ji into it.
    n_sweeps : int
    p : float64[n_sites]
        Occupations; changed in place.
    """
    for _ in range(n_sweeps):
        for i in range(p.shape[0]):
            gain = 0.0
            loss = 0.0
            for e in range(row_start[i], row_start[i + 1]):
                other = p[row_neighbour[e]]
                gain += arriving[e] * other
                loss += leaving[e] * (1.0 - other) + arriving[e] * other
            if loss > 0.0:
                p[i] = gain / loss
