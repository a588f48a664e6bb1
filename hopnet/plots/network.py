"""Figure of one sample: sites, links by flow, spin by sign and size."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from hopnet.network.network import Network
from hopnet.network.sites import Sites
from hopnet.plots.frame import BLUE, GREY, RED, depth_fade, new_figure
from hopnet.transport.current import Current

__all__ = ["LARGEST", "draw_flow", "draw_spin", "plot_sample", "window"]

DECADES = 4.0  # of flow that are drawn
LARGEST = 4000  # largest number of sites drawn: those in a window around the middle


def plot_sample(network: Network, current: Current, spin: Any, *, n_shown: Any = LARGEST) -> Figure:
    """One sample: links coloured by the modulus of their flow, sites by their spin.

    Parameters
    ----------
    network : Network
    current : Current
    spin : Spin
    n_shown : int
        Of larger samples only a square window in the middle with about this many sites is drawn.

    Returns
    -------
    matplotlib Figure
        Links with less than 1e-4 of the largest flow are left out. Discs: red for spin up, blue
        for spin down, area by modulus; grey dots: the other sites; contact strips shaded.
    """
    sites = network.sites
    position = sites.position[:, :2]
    box = window(sites, n_shown)
    inside = np.all((position >= box[:, 0]) & (position <= box[:, 1]), axis=1)
    figure = new_figure(8.2, 7.2)
    axes = figure.add_subplot()
    axes.scatter(position[inside, 0], position[inside, 1], s=1.5, color=GREY, linewidth=0, zorder=1)
    lines = draw_flow(axes, network, current, inside)
    if lines is not None:
        bar = figure.colorbar(lines, ax=axes, shrink=0.85, pad=0.02)
        bar.set_label("flow along the link / total current")
    draw_spin(axes, position[inside], spin.spin[inside])
    for contact in network.contacts:
        low = position[contact].min(axis=0)
        high = position[contact].max(axis=0)
        along = 0 if network.axis == "x" else 1
        span = axes.axvspan if along == 0 else axes.axhspan
        span(low[along], high[along], color="black", alpha=0.06, linewidth=0, zorder=0)
    axes.set_xlim(*box[0])
    axes.set_ylim(*box[1])
    axes.set_aspect("equal")
    axes.set_xlabel(r"$x/a_b$")
    axes.set_ylabel(r"$y/a_b$")
    whole = "" if inside.all() else f", {inside.sum()} of them shown"
    axes.set_title(
        rf"$N$ = {network.n_sites} sites{whole}, $n_s a_b^2$ = {sites.density:.4g}, "
        rf"$\tau_s$ = {spin.tau_s:.3g} $\tau_0$, $f$ = {spin.f:.4g}"
        "\n"
        "discs: spin up (red), down (blue), area by size",
        fontsize=10,
    )
    return figure


def window(sites: Sites, n_shown: int) -> np.ndarray:
    """[[x_low, x_high], [y_low, y_high]] of the part that is drawn."""
    size = np.array([sites.length, sites.width])
    share = min(1.0, np.sqrt(n_shown / sites.n_sites))
    half = 0.5 * np.minimum(share * size, size)
    return np.stack([0.5 * size - half, 0.5 * size + half], axis=1)


def draw_flow(
    axes: Any, network: Network, current: Current, inside: np.ndarray
) -> LineCollection | None:
    """The links as segments in colours of a logarithmic scale; None if nothing flows."""
    flow = np.abs(current.flow) / current.conductance
    seen = inside[network.link_i] | inside[network.link_j]
    largest = flow[seen].max(initial=0.0)
    if largest == 0.0:
        return None
    drawn = np.flatnonzero(seen & (flow > largest * 10**-DECADES))
    drawn = drawn[np.argsort(flow[drawn])]  # strong links on top
    start = network.sites.position[network.link_i[drawn]]
    segments = np.stack([start, start + network.separation[drawn]], axis=1)[..., :2]
    decade = np.log10(flow[drawn] / largest) + DECADES
    lines = LineCollection(
        list(segments),
        cmap="viridis_r",
        norm=LogNorm(largest * 10**-DECADES, largest),
        linewidths=0.3 + 0.45 * decade,
        capstyle="round",
        zorder=2,
    )
    lines.set_array(flow[drawn])
    if network.sites.height is not None:
        lines.set_alpha(depth_fade(network.sites, network.link_i[drawn]).tolist())
    return axes.add_collection(lines)


def draw_spin(axes: Any, position: np.ndarray, spin: np.ndarray) -> None:
    """Discs whose area is the modulus of the spin, whose colour is its sign."""
    size = np.abs(spin)
    largest = np.quantile(size, 0.999) if size.size else 0.0
    if largest == 0.0:
        return
    area = 120.0 * np.minimum(size / largest, 1.0)
    shown = area > 0.3
    axes.scatter(
        *position[shown].T,
        s=area[shown],
        c=np.where(spin[shown] > 0, RED, BLUE),
        alpha=0.75,
        linewidth=0.2,
        edgecolor="white",
        zorder=3,
    )
