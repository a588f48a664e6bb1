"""Figures of linear response: where the power is dissipated, a scanning gate, the spectrum."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.colors import LogNorm, SymLogNorm
from matplotlib.figure import Figure
from scipy.signal import fftconvolve

from hopnet.network.network import Network
from hopnet.network.sites import critical_length
from hopnet.plots.frame import BLUE, GREY, RED, finish, new_figure
from hopnet.plots.network import LARGEST, window
from hopnet.transport.admittance import AdmittanceModel
from hopnet.transport.current import Current
from hopnet.transport.response import effective_number, link_power

__all__ = ["gate_map", "plot_gate_map", "plot_power_map", "plot_spectrum"]

# Decades of power that are drawn. Links below carry less than a thousandth of the largest share.
DECADES = 3.0
# Points of a scanning-gate map along the longer side, and the width of the tip in l_c: wide enough
# to cover several points, narrow enough to resolve single links.
PIXELS = 256
TIP = 0.4
# The colours of the map are linear up to the largest change over LINEAR, and logarithmic beyond.
LINEAR = 30.0


def plot_power_map(current: Current, *, n_shown: int = LARGEST) -> Figure:
    """The links that dissipate the power, and the share of the n strongest of them.

    Parameters
    ----------
    current : Current
    n_shown : int
        Of larger samples only a window in the middle with about this many sites is drawn.

    Returns
    -------
    matplotlib Figure
        Left: links coloured by their share of the power [response 1]. Right: the share of the power
        in the n strongest links.
    """
    network = current.network
    power = np.abs(link_power(current))
    box = window(network.sites, n_shown)
    position = network.sites.position[:, :2]
    inside = np.all((position >= box[:, 0]) & (position <= box[:, 1]), axis=1)
    figure = new_figure(9.4, 4.6)
    axes, right = figure.subplots(1, 2, width_ratios=[1.25, 1])
    axes.scatter(*position[inside].T, s=1.0, color=GREY, linewidth=0, zorder=1)
    lines = draw_power(axes, network, power, inside)
    if lines is not None:
        figure.colorbar(lines, ax=axes, shrink=0.85, pad=0.02).set_label("share of the power")
    axes.set_xlim(*box[0])
    axes.set_ylim(*box[1])
    axes.set_aspect("equal")
    axes.set_xlabel(r"$x\,/\,a_b$")
    axes.set_ylabel(r"$y\,/\,a_b$")
    carried = np.cumsum(np.sort(power)[::-1])
    right.plot(np.arange(1, carried.size + 1), carried, color=BLUE)
    n = effective_number(power)
    right.axvline(n, color=GREY, linestyle="--", linewidth=1)
    right.text(n, 0.02, f" effective number {n:.3g}", color=GREY, fontsize=8, rotation=90,
               ha="right", va="bottom")  # fmt: skip
    right.set_xscale("log")
    right.set_ylim(0, 1.02)
    right.set_xlabel("number of links, the strongest first")
    right.set_ylabel("share of the power")
    finish(right)
    return figure


def draw_power(
    axes: Any, network: Network, power: np.ndarray, inside: np.ndarray
) -> LineCollection | None:
    """The links as segments in colours of a logarithmic scale; None if no power is dissipated."""
    seen = inside[network.link_i] | inside[network.link_j]
    largest = power[seen].max(initial=0.0)
    if largest == 0.0:
        return None
    drawn = np.flatnonzero(seen & (power > largest * 10**-DECADES))
    drawn = drawn[np.argsort(power[drawn])]
    start = network.sites.position[network.link_i[drawn]]
    decade = np.log10(power[drawn] / largest) + DECADES
    lines = LineCollection(
        list(np.stack([start, start + network.separation[drawn]], axis=1)[..., :2]),
        cmap="inferno_r",
        norm=LogNorm(largest * 10**-DECADES, largest),
        linewidths=0.3 + 0.9 * decade,
        capstyle="round",
        zorder=2,
    )
    lines.set_array(power[drawn])
    return axes.add_collection(lines)


def gate_map(
    network: Network, response: np.ndarray, tip: float
) -> tuple[np.ndarray, tuple[float, float]]:
    """Change of ln G for a charged tip above each point: a convolution of the site response.

    Equation [response 7], S_i of `hopnet.transport.site_response` in units of 1 / kT:

        d ln G(r) = sum over sites of S_i U(r_i - r)        U = kT / (1 + r^2 / tip^2)

    Parameters
    ----------
    network : Network
    response : float64[n_sites]
        kT d ln G / d e_i of each site.
    tip : float, in a_b
        Width of the potential of the tip, whose height is kT (the map is linear in it).

    Returns
    -------
    map : float64[n_y, n_x]
        Rows from y = 0.
    pixel : (float, float), in a_b
        Distance of the points along x and y.
    """
    sites = network.sites
    size = np.array([sites.length, sites.width])
    n_x, n_y = (max(round(PIXELS * s / size.max()), 2) for s in size)
    pixel = size / (n_x, n_y)
    cell = np.minimum((sites.position / pixel).astype(np.int64), (n_x - 1, n_y - 1))
    weight = np.bincount(cell[:, 1] * n_x + cell[:, 0], response, n_x * n_y).reshape(n_y, n_x)
    x, y = (np.arange(-n + 1, n) * step for n, step in zip((n_x, n_y), pixel))
    potential = 1.0 / (1.0 + (x[None, :] ** 2 + y[:, None] ** 2) / tip**2)
    full = fftconvolve(weight, potential)
    return full[n_y - 1 : 2 * n_y - 1, n_x - 1 : 2 * n_x - 1], (float(pixel[0]), float(pixel[1]))


def plot_gate_map(current: Current, response: np.ndarray, *, tip: float | None = None) -> Figure:
    """Scanning-gate map: how the conductance changes with a charged tip above each point.

    Parameters
    ----------
    current : Current
        The current of a network with energies.
    response : float64[n_sites]
        The result of `hopnet.transport.site_response`.
    tip : float, in a_b, optional
        Width of the potential of the tip; by default 0.4 l_c.

    Returns
    -------
    matplotlib Figure
        Left: the map, in per cent for a tip potential of 0.01 kT. Right: the sites, area by the
        size of their response, red where raising the energy raises the conductance.
    """
    network = current.network
    kT = network.kT or 1.0
    sites = network.sites
    width = TIP * critical_length(sites.density) if tip is None else tip
    found, _ = gate_map(network, kT * response, width)
    figure = new_figure(9.4, 4.4)
    axes, right = figure.subplots(1, 2, sharex=True, sharey=True)
    limit = float(np.abs(found).max()) or 1.0
    image = axes.imshow(
        found,
        origin="lower",
        extent=(0, sites.length, 0, sites.width),
        cmap="RdBu_r",
        norm=SymLogNorm(limit / LINEAR, vmin=-limit, vmax=limit),
    )
    bar = figure.colorbar(image, ax=axes, shrink=0.85, pad=0.02)
    bar.set_label(r"change of $G$ in % for a tip of 0.01 $kT$")
    size = np.abs(response)
    area = 90.0 * size / max(float(size.max()), 1e-300)
    seen = area > 0.05
    colour = np.where(response[seen] > 0, RED, BLUE)
    right.scatter(*sites.position.T, s=0.6, color=GREY, linewidth=0)
    right.scatter(*sites.position[seen].T, s=area[seen], c=colour, alpha=0.7, linewidth=0)
    right.set_title("sites by their response: red raises, blue lowers $G$", fontsize=9)
    for each in (axes, right):
        each.set_aspect("equal")
        each.set_xlabel(r"$x\,/\,a_b$")
    axes.set_ylabel(r"$y\,/\,a_b$")
    axes.set_title(f"tip of width {width:.3g} $a_b$", fontsize=9)
    return figure


def plot_spectrum(model: AdmittanceModel, *, n: int = 201) -> Figure:
    """Real and imaginary part of the admittance against frequency, from a rational model.

    Parameters
    ----------
    model : AdmittanceModel
    n : int
        Number of frequencies.

    Returns
    -------
    matplotlib Figure
        Bands: estimated error of the model. Dotted: G(0) and G(inf).
    """
    omega = np.geomspace(model.slowest, model.fastest, n)
    value, error = model(1j * omega), model.numerical_error(1j * omega)
    figure = new_figure(6.2, 4.4)
    axes = figure.add_subplot()
    for part, colour, label in ((value.real, BLUE, "real"), (value.imag, RED, "imaginary")):
        shown = part > 0
        axes.plot(omega[shown], part[shown], color=colour, label=f"{label} part")
        low = np.maximum(part - error, 1e-300)
        axes.fill_between(omega, low, part + error, color=colour, alpha=0.2, linewidth=0)
    for level, name in ((model.static, r"$G(0)$"), (model.high, r"$G(\infty)$")):
        axes.axhline(level, color=GREY, linestyle=":", linewidth=1)
        axes.text(omega[-1], level, name, color=GREY, fontsize=8, va="bottom", ha="right")
    axes.set_xscale("log")
    axes.set_yscale("log")
    largest = max(float(value.real.max()), model.high)
    axes.set_ylim(0.02 * model.static, 3.0 * largest)
    axes.set_xlabel(r"$\omega\,\tau_0$")
    axes.set_ylabel(r"$G\,\rho_0$")
    axes.legend(frameon=False)
    finish(axes)
    return figure
