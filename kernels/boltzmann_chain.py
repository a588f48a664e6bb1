"""Chains of momenta coupled to their neighbours: batched block-tridiagonal elimination."""

from numba import njit


@njit(cache=True)
def fill_chain_solution(lower, diagonal, upper, source, out):
    """Solve many block-tridiagonal systems; the closed form of [rashba 5] on momentum chains.

    ``lower[c, k] x[k-1] + diagonal[c, k] x[k] + upper[c, k] x[k+1] = source[c, k]``

    Parameters
    ----------
    lower, diagonal, upper : float64[n_chains, n_points, 4, 4]
        ``diagonal`` and ``upper`` are overwritten; ``lower[:, 0]`` and ``upper[:, -1]`` are
        not used.
    source : float64[n_chains, n_points, 4]
        Overwritten.
    out : float64[n_chains, n_points, 4]

    Notes
    -----
    Serial. Each block row is eliminated with row exchanges inside the block; a zero pivot
    leaves infinities, which the caller's residual check catches.
    """
    n_chains, n_points = source.shape[0], source.shape[1]
    for c in range(n_chains):
        for k in range(n_points):
            block = diagonal[c, k]
            right = upper[c, k]
            value = source[c, k]
            if k > 0:
                before = lower[c, k]
                right_before = upper[c, k - 1]
                value_before = source[c, k - 1]
                for i in range(4):
                    for l in range(4):
                        factor = before[i, l]
                        value[i] -= factor * value_before[l]
                        for j in range(4):
                            block[i, j] -= factor * right_before[l, j]
            _solve_block(block, right, value)
        for i in range(4):
            out[c, n_points - 1, i] = source[c, n_points - 1, i]
        for k in range(n_points - 2, -1, -1):
            for i in range(4):
                total = source[c, k, i]
                for j in range(4):
                    total -= upper[c, k, i, j] * out[c, k + 1, j]
                out[c, k, i] = total


@njit(cache=True, error_model="numpy")
def _solve_block(block, right, value):
    """Overwrite ``right`` and ``value`` by ``block**-1 right`` and ``block**-1 value``, 4x4."""
    for i in range(4):
        best = i
        for k in range(i + 1, 4):
            if abs(block[k, i]) > abs(block[best, i]):
                best = k
        if best != i:
            for j in range(4):
                block[i, j], block[best, j] = block[best, j], block[i, j]
                right[i, j], right[best, j] = right[best, j], right[i, j]
            value[i], value[best] = value[best], value[i]
        scale = 1.0 / block[i, i]
        for k in range(4):
            if k == i:
                continue
            factor = block[k, i] * scale
            for j in range(i, 4):
                block[k, j] -= factor * block[i, j]
            for j in range(4):
                right[k, j] -= factor * right[i, j]
            value[k] -= factor * value[i]
    for i in range(4):
        scale = 1.0 / block[i, i]
        for j in range(4):
            right[i, j] *= scale
        value[i] *= scale
