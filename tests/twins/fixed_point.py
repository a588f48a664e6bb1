"""The fixed-point iteration written as its formula."""

__all__ = ["sweep_occupations"]


def sweep_occupations(row_start, row_neighbour, leaving, arriving, n_sweeps, p):
    """p_i = sum_j p_j a_ji / sum_j [a_ij (1 - p_j) + a_ji p_j], newest values."""
    for _ in range(n_sweeps):
        for i in range(len(p)):
            row = slice(row_start[i], row_start[i + 1])
            other = p[row_neighbour[row]]
            gain = (arriving[row] * other).sum()
            loss = (leaving[row] * (1 - other) + arriving[row] * other).sum()
            if loss > 0:
                p[i] = gain / loss
