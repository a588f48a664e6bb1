"""Loops of spin pumping: spectral responses, derivatives, cross products, time marching."""

import math

from numba import njit


@njit(cache=True)
def fill_response(
    spin, source, square, drift, omega, diffusion, relaxation, rate, static, drive, pole, out
):
    """Write the diffusive response of every mode, equations [pumping 6], [pumping 10].

    ``out = [(rate i W + static (D k^2 + 1/tau_s)) spin + drive source] / (D k^2 + i W + 1/tau_s)``
    with ``W = omega + drift``. The mode [0, 0] is set to 0 where it is a pole.

    Parameters
    ----------
    spin, source : complex128[n_space, n_omega]
    square, drift : float64[n_space]
        ``k^2`` and ``- k . velocity``.
    omega : float64[n_omega]
    diffusion, relaxation, rate, static, drive : float64
    pole : bool
        Whether the mode [0, 0] has neither wave number, frequency nor relaxation.
    out : complex128[n_space, n_omega]
        Overwritten; may be ``spin`` or ``source`` itself.
    """
    for s in range(square.shape[0]):
        stiffness = diffusion * square[s] + relaxation
        for w in range(omega.shape[0]):
            if pole and s == 0 and w == 0:
                out[s, w] = 0.0
                continue
            frequency = omega[w] + drift[s]
            numerator = complex(static * stiffness, rate * frequency) * spin[s, w]
            numerator += drive * source[s, w]
            inverse = 1.0 / (stiffness * stiffness + frequency * frequency)
            out[s, w] = numerator * complex(stiffness * inverse, -frequency * inverse)


@njit(cache=True)
def fill_scaled(field, weight, factor, out):
    """Write ``factor weight[s] field[s, w]``: gradients and Laplacians, [pumping 5].

    Parameters
    ----------
    field : complex128[n_space, n_omega]
    weight : float64[n_space]
        A wave number, or a square of one.
    factor : complex128
    out : complex128[n_space, n_omega]
        Overwritten.
    """
    for s in range(weight.shape[0]):
        scale = factor * weight[s]
        for w in range(field.shape[1]):
            out[s, w] = scale * field[s, w]


@njit(cache=True)
def fill_rate(field, drift, omega, out):
    """Write the time derivative ``i (omega + drift) field`` of every mode, as [pumping 6] needs.

    Parameters
    ----------
    field : complex128[n_space, n_omega]
    drift : float64[n_space]
    omega : float64[n_omega]
    out : complex128[n_space, n_omega]
        Overwritten.
    """
    for s in range(drift.shape[0]):
        for w in range(omega.shape[0]):
            out[s, w] = complex(0.0, omega[w] + drift[s]) * field[s, w]


@njit(cache=True)
def fill_cross(ax, ay, az, bx, by, bz, out_x, out_y, out_z):
    """Write the cross product of two vector fields, point by point, [pumping 7].

    Parameters
    ----------
    ax, ay, az, bx, by, bz : float64[n]
    out_x, out_y, out_z : float64[n]
        Overwritten; may be the factors themselves.
    """
    for p in range(ax.shape[0]):
        x = ay[p] * bz[p] - az[p] * by[p]
        y = az[p] * bx[p] - ax[p] * bz[p]
        z = ax[p] * by[p] - ay[p] * bx[p]
        out_x[p], out_y[p], out_z[p] = x, y, z


@njit(cache=True)
def fill_rigid_cross(a_plus, a_z, b_plus, b_z, out_plus, out_z):
    """Write the cross product of two rigidly turning vector fields, [pumping 7].

    With ``A_+ = A_x + i A_y``: ``(A x B)_+ = i (A_z B_+ - B_z A_+)`` and
    ``(A x B)_z = Im(A_+^* B_+)``.

    Parameters
    ----------
    a_plus, b_plus : complex128[n]
    a_z, b_z : float64[n]
    out_plus : complex128[n]
        Overwritten; may be a factor itself, as `out_z` may.
    out_z : float64[n]
        Overwritten.
    """
    for p in range(a_plus.shape[0]):
        difference = a_z[p] * b_plus[p] - b_z[p] * a_plus[p]
        z = a_plus[p].real * b_plus[p].imag - a_plus[p].imag * b_plus[p].real
        out_plus[p] = complex(-difference.imag, difference.real)
        out_z[p] = z


@njit(cache=True)
def fill_march(source, square, time, diffusion, relaxation, out):
    """March every mode through time with its source linear between samples, [pumping 12].

    ``d_t out + (D k^2 + 1/tau_s) out = source`` from ``out = 0`` at the first time; each step is
    exact for the decay (an exponential integrator), of second order in the source.

    Parameters
    ----------
    source : complex128[n_space, n_time]
    square : float64[n_space]
    time : float64[n_time]
    diffusion, relaxation : float64
    out : complex128[n_space, n_time]
        Overwritten.
    """
    for s in range(square.shape[0]):
        decay = diffusion * square[s] + relaxation
        out[s, 0] = 0.0
        for t in range(1, time.shape[0]):
            step = time[t] - time[t - 1]
            x = decay * step
            if x < 0.02:
                first = 1 - x / 2 * (1 - x / 3 * (1 - x / 4 * (1 - x / 5 * (1 - x / 6))))
                second = 0.5 - x / 6 * (1 - x / 4 * (1 - x / 5 * (1 - x / 6 * (1 - x / 7))))
            else:
                first = -math.expm1(-x) / x
                second = (1 - first) / x
            out[s, t] = math.exp(-x) * out[s, t - 1] + step * (
                (first - second) * source[s, t - 1] + second * source[s, t]
            )
