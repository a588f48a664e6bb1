"""Plain twins of kernels/pumping.py, written from the equations."""

import numpy as np


def fill_response(spin, source, modes, diffusion, relaxation, strength, pole, out):
    """[pumping 6], [pumping 10] in whole-array form."""
    frequency = modes.omega[None, :] + modes.drift[:, None]
    stiffness = (diffusion * modes.square + relaxation)[:, None]
    denominator = stiffness + 1j * frequency
    if pole and out.size:
        denominator = denominator.copy()
        denominator[0, 0] = 1
    driven = (strength.rate * 1j * frequency + strength.static * stiffness) * spin
    result = (driven + strength.drive * source) / denominator
    if pole and out.size:
        result[0, 0] = 0
    out[...] = result


def fill_scaled(field, weight, factor, out):
    """[pumping 5]: multiplication by a function of the wave number."""
    out[...] = np.einsum("s,sw->sw", factor * weight, field)


def fill_rate(field, drift, omega, out):
    """[pumping 6]: d/dt is + i W."""
    out[...] = 1j * np.add.outer(drift, omega) * field


def fill_cross(ax, ay, az, bx, by, bz, out_x, out_y, out_z):
    """[pumping 7]: numpy's cross product."""
    a, b = np.stack([ax, ay, az], axis=-1), np.stack([bx, by, bz], axis=-1)
    product = np.cross(a, b)
    out_x[...], out_y[...], out_z[...] = product[..., 0], product[..., 1], product[..., 2]


def fill_rigid_cross(a_plus, a_z, b_plus, b_z, out_plus, out_z):
    """[pumping 7]: in Cartesian components."""
    a = np.stack([a_plus.real, a_plus.imag, a_z], axis=-1)
    b = np.stack([b_plus.real, b_plus.imag, b_z], axis=-1)
    product = np.cross(a, b)
    out_plus[...] = product[..., 0] + 1j * product[..., 1]
    out_z[...] = product[..., 2]


def fill_march(source, square, time, diffusion, relaxation, out):
    """[pumping 12]: the convolution integral over each step by Gauss-Legendre quadrature."""
    node, weight = np.polynomial.legendre.leggauss(60)
    out[:, 0] = 0
    for s in range(len(square)):
        decay = diffusion * square[s] + relaxation
        for t in range(1, len(time)):
            step = time[t] - time[t - 1]
            moment = 0.5 * (node + 1)
            between = source[s, t - 1] * (1 - moment) + source[s, t] * moment
            gained = 0.5 * step * np.sum(weight * np.exp(-decay * step * (1 - moment)) * between)
            out[s, t] = np.exp(-decay * step) * out[s, t - 1] + gained
