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


@njit(cache=True)
def fill_chain_blocks(momentum, here, link, mass, alpha, interband, lower, diagonal, upper):
    """Blocks of the kinetic equation on momentum chains, equation [rashba 5].

    Parameters
    ----------
    momentum : float64[n_chains, n_points]
        Signed, rising by ``mass * alpha``.
    here : float64[10, n_chains, n_points]
        Scattering numbers of a momentum with itself: first harmonics of the kernel for (0-2)
        both helicities kept, ++, --, +-; (3) both flipped; (4, 5) the one kept being +, -, the
        other flipped; (6) the imaginary skew part of the latter; then the outflow rates
        (7, 8) that keep +, - and (9) that flip.
    link : float64[10, n_chains, n_points + 1]
        The same between neighbours; column k couples point ``k - 1`` to point k, zero at both
        ends.
    mass, alpha : float64
    interband : bool
    lower, diagonal, upper : float64[n_chains, n_points, 4, 4]
        Overwritten; unknowns ``(f_++, f_--, Re f_+-, Im f_+-)``, rows times the velocity.

    Notes
    -----
    Serial. Each point writes its own three blocks.
    """
    step = mass * alpha
    lower[:] = 0.0
    diagonal[:] = 0.0
    upper[:] = 0.0
    for c in range(momentum.shape[0]):
        for k in range(momentum.shape[1]):
            s = momentum[c, k]
            p = abs(s)
            v_plus, v_minus = p / mass + 0.5 * alpha, abs(p / mass - 0.5 * alpha)
            mixed = v_minus / v_plus
            block = diagonal[c, k]
            loss_plus, loss_minus = p * here[7, c, k], p * here[8, c, k]
            _add_gain(block, here[:, c, k], p, mixed, 1.0, 0.0, 0.0, 1.0)
            if interband:
                if s > 0:
                    up, down, p_up, p_down = k + 1, k, abs(s + step), abs(s - step)
                    above, below = upper[c, k], lower[c, k]
                else:
                    up, down, p_up, p_down = k, k + 1, abs(s - step), abs(s + step)
                    above, below = lower[c, k], upper[c, k]
                _add_gain(above, link[:, c, up], p_up, mixed, 0.0, 1.0, 0.0, 0.0)
                loss_plus += p_up * link[9, c, up]
                if p < step:  # the partner of (-, p) is (-, step - p)
                    _add_gain(below, link[:, c, down], p_down, mixed, 0.0, 0.0, 0.0, 1.0)
                    loss_minus += p_down * link[8, c, down]
                else:
                    _add_gain(below, link[:, c, down], p_down, mixed, 0.0, 0.0, 1.0, 0.0)
                    loss_minus += p_down * link[9, c, down]
            block[0, 0] += loss_plus
            block[1, 1] += loss_minus
            block[2, 2] += 0.5 * (loss_plus * mixed + loss_minus)
            block[3, 3] += 0.5 * (loss_plus * mixed + loss_minus)
            block[2, 3] -= alpha * p * v_minus
            block[3, 2] += alpha * p * v_minus


@njit(cache=True)
def _add_gain(block, number, p1, mixed, from_pp, from_pm, from_mp, from_mm):
    """Subtract the in-scattering from p1; ``from_ab``: band b at p1 has the energy of band a."""
    for row in range(3):
        a = 1 if row == 1 else 0
        b = 0 if row == 0 else 1
        first = mixed if row == 2 else 1.0
        for source in range(4):
            d = 1 if source == 1 or source == 3 else 0
            e = 1 if source == 1 or source == 2 else 0
            into_a = (from_pm if d == 1 else from_pp) if a == 0 else from_mm if d == 1 else from_mp
            into_b = (from_pm if e == 1 else from_pp) if b == 0 else from_mm if e == 1 else from_mp
            size = 0.5 * p1 * (first * into_a + into_b)
            if size == 0.0:
                continue
            keeps_a, keeps_b = a == d, b == e
            if keeps_a and keeps_b:
                value = number[2] if a != b else number[a]
            elif not keeps_a and not keeps_b:
                value = number[3]
            else:
                value = number[4 + a] if keeps_a else -number[4 + b]
            column = min(source, 2)
            sign = -1.0 if source == 3 else 1.0
            block[row, column] -= sign * size * value
            if row == 2 and column == 2:
                block[3, 3] -= size * value
            if keeps_a != keeps_b:
                if column == 2:
                    block[row, 3] += size * number[6]
                if row == 2:
                    block[3, column] -= sign * size * number[6]
