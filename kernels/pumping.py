"""Loops of spin pumping: spectral responses, derivatives, cross products, marching in time."""

import math
from typing import NamedTuple

import numpy as np
from numba import njit


class ModeNumbers(NamedTuple):
    """The plane waves of one component: n_space wave vectors and n_omega harmonics in time.

    Attributes
    ----------
    square : float64[n_space]
        Squared wave number ``k^2``.
    drift : float64[n_space]
        Frequency ``- k . velocity`` that the motion of the texture adds.
    omega : float64[n_omega]
        Angular frequency of each harmonic.
    """

    square: np.ndarray
    drift: np.ndarray
    omega: np.ndarray


class Strength(NamedTuple):
    """Coefficients of the sources of a diffusive response, see `fill_response`.

    Attributes
    ----------
    rate : float
        Coefficient of the time derivative of the spin.
    static : float
        Coefficient of ``(relaxation - D lap)`` applied to the spin.
    drive : float
        Coefficient of the source.
    """

    rate: float
    static: float
    drive: float


@njit(cache=True)
def fill_response(spin, source, modes, diffusion, relaxation, strength, pole, out):
    """Write the diffusive response of every mode, equations [pumping 6], [pumping 10].

    ``out = [(rate i W + static (D k^2 + 1/tau_s)) spin + drive source] / (D k^2 + i W + 1/tau_s)``
    with ``W = omega + drift``. Where the mode [0, 0] is a pole it is set to 0.

    Parameters
    ----------
    spin, source : complex128[n_space, n_omega]
        Amplitudes of the spin and of the source.
    modes : ModeNumbers
        Wave numbers and frequencies.
    diffusion, relaxation : float64
        Diffusion constant D and relaxation rate 1/tau_s.
    strength : Strength
        The coefficients ``rate``, ``static`` and ``drive``.
    pole : bool
        Whether the mode [0, 0] has neither wave number, frequency nor relaxation.
    out : complex128[n_space, n_omega]
        Overwritten. It may be ``spin`` or ``source`` itself.
    """
    for s in range(modes.square.shape[0]):
        stiffness = diffusion * modes.square[s] + relaxation
        for w in range(modes.omega.shape[0]):
            if pole and s == 0 and w == 0:
                out[s, w] = 0.0
                continue
            frequency = modes.omega[w] + modes.drift[s]
            numerator = complex(strength.static * stiffness, strength.rate * frequency)
            numerator *= spin[s, w]
            numerator += strength.drive * source[s, w]
            # Division by stiffness + i frequency, as a product with its conjugate.
            inverse = 1.0 / (stiffness * stiffness + frequency * frequency)
            out[s, w] = numerator * complex(stiffness * inverse, -frequency * inverse)


@njit(cache=True)
def fill_scaled(field, weight, factor, out):
    """Write ``factor weight[s] field[s, w]``: gradients and Laplacians, [pumping 5].

    Parameters
    ----------
    field : complex128[n_space, n_omega]
        Amplitudes of a field.
    weight : float64[n_space]
        A component of the wave vector, or its square.
    factor : complex128
        Common factor.
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
        Amplitudes of a field.
    drift : float64[n_space]
        Frequency that the motion of the texture adds.
    omega : float64[n_omega]
        Angular frequency of each harmonic.
    out : complex128[n_space, n_omega]
        Overwritten.
    """
    for s in range(drift.shape[0]):
        for w in range(omega.shape[0]):
            out[s, w] = complex(0.0, omega[w] + drift[s]) * field[s, w]


@njit(cache=True)
def fill_cross(ax, ay, az, bx, by, bz, out_x, out_y, out_z):
    """Write the cross product of two vector fields at every point, [pumping 7].

    Parameters
    ----------
    ax, ay, az, bx, by, bz : float64[n]
        Components of the two factors.
    out_x, out_y, out_z : float64[n]
        Overwritten. They may be the components of a factor themselves.
    """
    for p in range(ax.shape[0]):
        x = ay[p] * bz[p] - az[p] * by[p]
        y = az[p] * bx[p] - ax[p] * bz[p]
        z = ax[p] * by[p] - ay[p] * bx[p]
        out_x[p], out_y[p], out_z[p] = x, y, z


@njit(cache=True)
def fill_rigid_cross(a_plus, a_z, b_plus, b_z, out_plus, out_z):
    """Write the cross product of two vector fields that turn rigidly about z, [pumping 7].

    With ``A_+ = A_x + i A_y``: ``(A x B)_+ = i (A_z B_+ - B_z A_+)`` and
    ``(A x B)_z = Im(A_+^* B_+)``.

    Parameters
    ----------
    a_plus, b_plus : complex128[n]
        In-plane components of the two factors.
    a_z, b_z : float64[n]
        Components along z.
    out_plus : complex128[n]
        Overwritten. It may be a component of a factor itself, as may `out_z`.
    out_z : float64[n]
        Overwritten.
    """
    for p in range(a_plus.shape[0]):
        difference = a_z[p] * b_plus[p] - b_z[p] * a_plus[p]
        z = a_plus[p].real * b_plus[p].imag - a_plus[p].imag * b_plus[p].real
        # Multiplication by i turns (re, im) into (-im, re).
        out_plus[p] = complex(-difference.imag, difference.real)
        out_z[p] = z


@njit(cache=True)
def fill_march(source, square, time, diffusion, relaxation, out):
    """March every mode through time with its source linear between samples, [pumping 12].

    Solves ``d_t out + (D k^2 + 1/tau_s) out = source`` from ``out = 0`` at the first time. Each
    step is exact for the decay (an exponential integrator) and of second order in the source.

    Parameters
    ----------
    source : complex128[n_space, n_time]
        Amplitudes of the source at each time.
    square : float64[n_space]
        Squared wave number.
    time : float64[n_time]
        Increasing times.
    diffusion, relaxation : float64
        Diffusion constant and relaxation rate.
    out : complex128[n_space, n_time]
        Overwritten.
    """
    for s in range(square.shape[0]):
        decay = diffusion * square[s] + relaxation
        out[s, 0] = 0.0
        for t in range(1, time.shape[0]):
            step = time[t] - time[t - 1]
            x = decay * step
            # first = (1 - exp(-x))/x and second = (1 - first)/x are the integrals of the decay
            # over the step with weights 1 and position. Below x = 0.02 the differences would lose
            # digits; their series to x^5 are exact to rounding there.
            if x < 0.02:
                first = 1 - x / 2 * (1 - x / 3 * (1 - x / 4 * (1 - x / 5 * (1 - x / 6))))
                second = 0.5 - x / 6 * (1 - x / 4 * (1 - x / 5 * (1 - x / 6 * (1 - x / 7))))
            else:
                first = -math.expm1(-x) / x
                second = (1 - first) / x
            out[s, t] = math.exp(-x) * out[s, t - 1] + step * (
                (first - second) * source[s, t - 1] + second * source[s, t]
            )
