"""Figures of spins in nuclear fields: spin memory, noise, map of spin, f, magnetoresistance."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from hopnet.plots.frame import BLACK, BLUE, GREEN, GREY, ORANGE, RED, finish, new_figure

__all__ = [
    "plot_magnetoresistance",
    "plot_memory",
    "plot_nuclear_f",
    "plot_spin_map",
    "plot_spin_noise",
]

# Smallest value on the logarithmic axis of the memory.
SMALLEST = 1e-4


def plot_memory(
    time: ArrayLike,
    curves: dict[str, ArrayLike],
    *,
    site: ArrayLike | None = None,
    tail: ArrayLike | None = None,
    order: int = 16,
    title: str = "",
) -> Figure:
    """P(t) on two logarithmic axes, with the curve of one site and the law of the tail.

    Parameters
    ----------
    time : float64[n], in tau_0
    curves : dict of str to float64[n]
        P(t), by the names for the legend.
    site : float64[n], optional
        A site without hops (Kubo-Toyabe).
    tail : float64[n], optional
        The law of the tail; drawn where it lies below 0.25.
    order : int
        Order of the mean over log time, for the label.
    title : str

    Returns
    -------
    matplotlib Figure
    """
    t = np.asarray(time)
    figure = new_figure(6.4, 4.4)
    axes = figure.subplots()
    for (name, curve), colour in zip(curves.items(), (BLUE, ORANGE, GREEN, RED, BLACK) * 9):
        axes.loglog(t, np.maximum(curve, 1e-12), color=colour, label=name)
    if site is not None:
        axes.loglog(t, site, color=GREY, linewidth=0.9, linestyle="--", label="one frozen site")
    if tail is not None:
        law = np.where(np.asarray(tail) < 0.25, tail, np.nan)
        axes.loglog(t, law, color=BLACK, linewidth=0.9, linestyle=":", label="law of the tail")
    axes.set_ylim(SMALLEST, 1.4)
    axes.set_xlabel(r"time $t/\tau_0$")
    axes.set_ylabel(rf"spin that is left, $P_{{{order}}}(t)$")
    axes.legend(frameon=False)
    axes.set_title(title)
    finish(axes)
    return figure


def plot_spin_noise(
    frequency: ArrayLike, curves: dict[str, ArrayLike], *, strength: float, title: str = ""
) -> Figure:
    """Spectrum of the spin noise on two logarithmic axes, in units of the nuclear fields.

    Parameters
    ----------
    frequency : float64[n], in 1/tau_0
    curves : dict of str to float64[n]
        S(Omega) per N_e / 4, in tau_0.
    strength : float, in 1/tau_0
        sigma.
    title : str

    Returns
    -------
    matplotlib Figure
    """
    figure = new_figure(6.4, 4.2)
    axes = figure.subplots()
    for (name, curve), colour in zip(curves.items(), (BLUE, ORANGE, GREEN, RED) * 9):
        x = np.asarray(frequency) / strength
        axes.loglog(x, np.asarray(curve) * strength, color=colour, label=name)
    axes.axvline(1.0, color=GREY, linewidth=0.8, linestyle=":")
    axes.set_xlabel(r"frequency $\Omega/\sigma$")
    axes.set_ylabel(r"spin noise $\sigma S(\Omega)$, per $N_e/4$")
    axes.legend(frameon=False)
    axes.set_title(title)
    finish(axes)
    return figure


def plot_spin_map(network: Any, current: Any, share: ArrayLike, *, title: str = "") -> Figure:
    """Map of the sites where spin lives long, with the links that carry the current.

    Parameters
    ----------
    network : Network
    current : Current
    share : float64[n_sites]
        Lifetime of a spin at each site, in tau_0.
    title : str

    Returns
    -------
    matplotlib Figure
    """
    position = network.sites.position
    flow = np.abs(current.flow)
    strong = np.flatnonzero(flow > 0.02 * flow.max())
    short = network.distance[strong] < 0.5 * min(network.sites.length, network.sites.width)
    strong = strong[
        short
        & (
            np.hypot(*(position[network.link_i[strong]] - position[network.link_j[strong]]).T)
            < 1.01 * network.distance[strong]
        )
    ]
    ends = np.stack([position[network.link_i[strong]], position[network.link_j[strong]]], axis=1)
    figure = new_figure(6.6, 5.2)
    axes = figure.subplots()
    width = 0.3 + 3.0 * flow[strong] / flow.max()
    axes.add_collection(LineCollection(list(ends), colors=GREY, linewidths=width, alpha=0.6))
    value = np.log10(np.maximum(np.asarray(share), 1e-300))
    points = axes.scatter(
        position[:, 0], position[:, 1], c=value, s=14, cmap="viridis", zorder=3, linewidths=0
    )
    figure.colorbar(points, label=r"$\log_{10}$ of the time a spin is remembered, in $\tau_0$")
    axes.set_aspect("equal")
    axes.set_xlabel(r"$x/a_b$")
    axes.set_ylabel(r"$y/a_b$")
    axes.set_title(title)
    finish(axes)
    return figure


def plot_nuclear_f(
    strength: ArrayLike,
    f: ArrayLike,
    f_of_one_time: ArrayLike,
    *,
    errors: tuple[ArrayLike, ArrayLike] | None = None,
    title: str = "",
) -> Figure:
    """f in nuclear fields, and f at the single relaxation time that a pump would measure.

    Parameters
    ----------
    strength : float64[n], in 1/tau_0
    f, f_of_one_time : float64[n]
    errors : pair of float64[n], optional
        Their standard errors.
    title : str

    Returns
    -------
    matplotlib Figure
    """
    figure = new_figure(6.0, 4.0)
    axes = figure.subplots()
    first, second = errors if errors is not None else (None, None)
    axes.errorbar(
        strength, f, first, color=BLUE, marker="o", label=r"$\tau f / \tau_\mathrm{eff}$, fields"
    )
    axes.errorbar(
        strength,
        f_of_one_time,
        second,
        color=ORANGE,
        marker="s",
        linestyle="--",
        label=r"$f(\tau_\mathrm{eff})$, one relaxation time",
    )
    axes.set_xscale("log")
    axes.set_ylim(bottom=0.0)
    axes.set_xlabel(r"strength of the nuclear fields $\sigma\tau_0$")
    axes.set_ylabel("f")
    axes.legend(frameon=False)
    axes.set_title(title)
    finish(axes)
    return figure


def plot_magnetoresistance(
    external: ArrayLike,
    curves: dict[str, ArrayLike],
    *,
    fits: dict[str, tuple[Any, Any]] | None = None,
    title: str = "",
) -> Figure:
    """Magnetoresistance over its largest value, with both laws.

    Parameters
    ----------
    external : float64[n]
        External field in units of the strength of the nuclear fields.
    curves : dict of str to float64[n]
        R(B) / R(0) - 1.
    fits : dict of str to (LineShape, LineShape), optional
        Fits of both laws to some of the curves, with widths in the same unit.
    title : str

    Returns
    -------
    matplotlib Figure
    """
    x = np.asarray(external)
    fine = np.geomspace(x[x > 0].min(), x.max(), 300)
    figure = new_figure(6.4, 4.4)
    axes = figure.subplots()
    for (name, curve), colour in zip(curves.items(), (BLUE, ORANGE, GREEN, RED) * 9):
        y = np.asarray(curve)
        axes.semilogx(x, y / y[-1], "o", color=colour, label=f"{name}: {100 * y[-1]:.2g} %")
        if fits is not None and name in fits:
            for fit, style in zip(fits[name], ("-", "--")):
                power = fine**2 + fit.width**2
                law = fine**2 / (power if fit.law == "lorentzian" else (fine + fit.width) ** 2)
                axes.semilogx(fine, fit.saturation * law / y[-1], style, color=colour, lw=1.0)
    axes.plot([], [], "-", color=GREY, label=r"$B^2/(B^2+B_0^2)$")
    axes.plot([], [], "--", color=GREY, label=r"$B^2/(|B|+B_0)^2$")
    axes.set_xlabel(r"external field $B/\sigma$")
    axes.set_ylabel("magnetoresistance over its largest value")
    axes.legend(frameon=False)
    axes.set_title(title)
    finish(axes)
    return figure
