"""Chains of momenta that are coupled to their neighbours: blocks, solutions, Bessel functions.

A chain is a list of points k = 0 ... n - 1 with four unknowns each, so that its matrix is block
tridiagonal, with blocks of 4 by 4::

    diagonal[0]  upper[0]
    lower[1]     diagonal[1]  upper[1]
                 lower[2]     diagonal[2]  ...
"""

from numba import njit


@njit(cache=True)
def fill_chain_solution(lower, diagonal, upper, source, work, out, residual, sign):
    """Solve many block-tridiagonal systems: the closed form of [rashba 5] on momentum chains.

    ``lower[c, k] x[k-1] + diagonal[c, k] x[k] + upper[c, k] x[k+1] = source[c, k]``

    Parameters
    ----------
    lower, diagonal, upper : float64[n_chains, n_points, 4, 4]
        Blocks of each chain; ``lower[:, 0]`` and ``upper[:, -1]`` are not used.
    source : float64[n_chains, n_points, 4]
        Right side of each chain.
    work : float64[n_points, 4, 9]
        Overwritten: per point the diagonal block, the upper block and the source, eliminated.
    out : float64[n_chains, n_points, 4]
        Overwritten: the solutions.
    residual : float64[n_chains]
        Overwritten: the largest true residual of a chain over its largest source.
    sign : float64[n_chains]
        Overwritten: the sign of the determinant of each chain, 1 or -1.

    Notes
    -----
    Serial. Each block row is eliminated with row exchanges inside the block. A zero pivot gives
    infinities, which the residual shows; the sign then has no meaning.
    """
    n_chains, n_points = source.shape[0], source.shape[1]
    for c in range(n_chains):
        sign[c] = 1.0
        # Forward: subtract the contribution of the point before, then solve the diagonal block.
        for k in range(n_points):
            row = work[k]
            for i in range(4):
                for j in range(4):
                    row[i, j] = diagonal[c, k, i, j]
                    row[i, 4 + j] = upper[c, k, i, j]
                row[i, 8] = source[c, k, i]
            if k > 0:
                before = work[k - 1]
                for i in range(4):
                    for l in range(4):
                        factor = lower[c, k, i, l]
                        if factor != 0.0:
                            for j in range(4):
                                row[i, j] -= factor * before[l, 4 + j]
                            row[i, 8] -= factor * before[l, 8]
            sign[c] *= _solve_block(row)
        # Backward: insert the solution of the point after.
        for k in range(n_points - 1, -1, -1):
            for i in range(4):
                total = work[k, i, 8]
                if k < n_points - 1:
                    for j in range(4):
                        total -= work[k, i, 4 + j] * out[c, k + 1, j]
                out[c, k, i] = total
        residual[c] = _largest_miss(lower[c], diagonal[c], upper[c], source[c], out[c])


@njit(cache=True, error_model="numpy")
def _solve_block(row):
    """Overwrite ``[block, right, value]``, 4x9, by ``block**-1 [block, right, value]``.

    Returns the sign of the determinant of the block.
    """
    # Gauss-Jordan elimination with row exchanges; each exchange and each negative pivot changes the
    # sign of the determinant.
    sign = 1.0
    for i in range(4):
        best = i
        for k in range(i + 1, 4):
            if abs(row[k, i]) > abs(row[best, i]):
                best = k
        if best != i:
            sign = -sign
            for j in range(9):
                row[i, j], row[best, j] = row[best, j], row[i, j]
        if row[i, i] < 0.0:
            sign = -sign
        scale = 1.0 / row[i, i]
        for j in range(9):
            row[i, j] *= scale
        for k in range(4):
            if k != i:
                factor = row[k, i]
                for j in range(9):
                    row[k, j] -= factor * row[i, j]
    return sign


@njit(cache=True, error_model="numpy")
def _largest_miss(lower, diagonal, upper, source, solution):
    """Largest residual of one chain over its largest source; NaN stays NaN."""
    n_points = source.shape[0]
    largest, size = 0.0, 1e-300
    for k in range(n_points):
        for i in range(4):
            miss = -source[k, i]
            for j in range(4):
                miss += diagonal[k, i, j] * solution[k, j]
            if k > 0:
                for j in range(4):
                    miss += lower[k, i, j] * solution[k - 1, j]
            if k < n_points - 1:
                for j in range(4):
                    miss += upper[k, i, j] * solution[k + 1, j]
            if not abs(miss) <= largest:
                largest = abs(miss)
                if largest != largest:
                    return largest
            size = max(size, abs(source[k, i]))
    return largest / size


@njit(cache=True)
def fill_chain_blocks(momentum, bottom, here, link, mass, alpha, interband, lower, diagonal, upper):
    """Blocks of the kinetic equation on momentum chains, equation [rashba 5].

    Parameters
    ----------
    momentum : float64[n_chains, n_points]
        Signed momenta, which rise by ``mass * alpha``.
    bottom : float64[n_chains, n_points]
        Distance ``| |momentum| - mass alpha / 2 |`` from the bottom of the lower band.
    here : float64[n_chains, n_points, 10]
        Scattering numbers of a momentum with itself. First harmonics of the kernel: (0-2) both
        helicities kept, ++, --, +-; (3) both flipped; (4, 5) one flipped, the one kept being +, -;
        (6) the imaginary skew part of the latter. Outflow rates: (7, 8) those that keep +, -;
        (9) the one that flips.
    link : float64[n_chains, n_points + 1, 10]
        The same numbers between neighbours: entry k couples point ``k - 1`` to point k. Both ends
        are zero.
    mass, alpha : float64
        Effective mass; splitting coefficient, positive.
    interband : bool
        False: only the scattering of a momentum with itself.
    lower, diagonal, upper : float64[n_chains, n_points, 4, 4]
        Overwritten. The unknowns are ``(f_++, f_--, Re f_+-, Im f_+-)``; each row is multiplied
        by its velocity.

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
            v_plus, v_minus = p / mass + 0.5 * alpha, bottom[c, k] / mass
            mixed = v_minus / v_plus
            block = diagonal[c, k]
            loss_plus, loss_minus = p * here[c, k, 7], p * here[c, k, 8]
            _add_gain(block, here[c, k], p, mixed, 1.0, 0.0, 0.0, 1.0)
            if interband:
                # The partner of (+, p) is (-, p + step), that of (-, p) is (+, p - step). Along
                # the signed momentum they are the neighbours above and below, or the reverse.
                if s > 0:
                    up, down, p_up, p_down = k + 1, k, abs(s + step), abs(s - step)
                    above, below = upper[c, k], lower[c, k]
                else:
                    up, down, p_up, p_down = k, k + 1, abs(s - step), abs(s + step)
                    above, below = lower[c, k], upper[c, k]
                _add_gain(above, link[c, up], p_up, mixed, 0.0, 1.0, 0.0, 0.0)
                loss_plus += p_up * link[c, up, 9]
                if p < step:  # the partner of (-, p) is (-, step - p)
                    _add_gain(below, link[c, down], p_down, mixed, 0.0, 0.0, 0.0, 1.0)
                    loss_minus += p_down * link[c, down, 8]
                else:
                    _add_gain(below, link[c, down], p_down, mixed, 0.0, 0.0, 1.0, 0.0)
                    loss_minus += p_down * link[c, down, 9]
            # Loss on the diagonal; precession in the Rashba field turns Re f_+- into Im f_+-.
            block[0, 0] += loss_plus
            block[1, 1] += loss_minus
            block[2, 2] += 0.5 * (loss_plus * mixed + loss_minus)
            block[3, 3] += 0.5 * (loss_plus * mixed + loss_minus)
            block[2, 3] -= alpha * p * v_minus
            block[3, 2] += alpha * p * v_minus


@njit(cache=True)
def _add_gain(block, number, p1, mixed, pp, pm, mp, mm):
    """Subtract the in-scattering from p1; ``ab`` is 1 if band b at p1 has the energy of band a.

    Columns 2 and 3 collect f_+- and f_-+ = -conj(f_+-). The mixed row counts its first band with
    the ratio of the velocities.
    """
    keep_pp, keep_mm, keep_pm, flip = number[0], number[1], number[2], number[3]
    bend_plus, bend_minus, skew = number[4], number[5], number[6]
    plus, minus = p1 * (pp + pm), p1 * (mp + mm)
    block[0, 0] -= p1 * pp * keep_pp
    block[0, 1] -= p1 * pm * flip
    block[0, 2] -= plus * bend_plus
    block[0, 3] += plus * skew
    block[1, 0] -= p1 * mp * flip
    block[1, 1] -= p1 * mm * keep_mm
    block[1, 2] += minus * bend_minus
    block[1, 3] += minus * skew
    from_plus, from_minus = 0.5 * p1 * (mixed * pp + mp), 0.5 * p1 * (mixed * pm + mm)
    kept, flipped = 0.5 * p1 * (mixed * pp + mm), 0.5 * p1 * (mixed * pm + mp)
    block[2, 0] -= from_plus * bend_plus
    block[3, 0] -= from_plus * skew
    block[2, 1] += from_minus * bend_minus
    block[3, 1] -= from_minus * skew
    block[2, 2] -= kept * keep_pm - flipped * flip
    block[3, 3] -= kept * keep_pm + flipped * flip


@njit(cache=True)
def fill_scaled_bessel(x, table, scale, out):
    """Write ``exp(-x) I_l(x)``, of which the moments of [rashba 6] for a Gaussian consist.

    Parameters
    ----------
    x : float64[n]
        Arguments, not negative.
    table : float64[n_pieces, n_orders, n_powers]
        Polynomials of ``(1 + x)**0.5 exp(-x) I_l(x)`` on equal pieces of ``u = scale / (x +
        scale)``: coefficients of the powers of the place in a piece, which runs from -1 to 1.
    scale : float64
        The x at which u is 1/2.
    out : float64[n_orders, n]
        Overwritten.

    Notes
    -----
    Serial.
    """
    n_pieces, n_orders, n_powers = table.shape
    for i in range(x.shape[0]):
        u = n_pieces * scale / (x[i] + scale)
        piece = max(0, min(int(u), n_pieces - 1))  # a NaN gets a piece too; its value is NaN
        place = 2.0 * (u - piece) - 1.0
        size = 1.0 / (1.0 + x[i]) ** 0.5
        for l in range(n_orders):
            value = 0.0
            for k in range(n_powers - 1, -1, -1):
                value = value * place + table[piece, l, k]
            out[l, i] = value * size
