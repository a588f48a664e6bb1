"""Figures of percolation: the incipient cluster, flows, triads that carry f, scaling, collapse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from hopnet.constants import PERCOLATION_RADII
from hopnet.network.network import Network
from hopnet.percolation.literature import CONSTANTS, PLANE
from hopnet.percolation.scaling import Exponents, by_size
from hopnet.plots.frame import BLACK, BLUE, GREEN, GREY, ORANGE, RED, depth_fade, finish, new_figure

__all__ = [
    "draw_backbone",
    "plot_backbone",
    "plot_collapse",
    "plot_exponents",
    "plot_flow",
    "plot_resistivity",
    "plot_triads",
    "segments",
]


def segments(network: Network, link: np.ndarray) -> np.ndarray:
    """float64[n, 2, 2]: ends of links, drawn from site i to the nearest image of site j.

    Links in space are projected along z.
    """
    start = network.sites.position[network.link_i[link]]
    return np.stack([start, start + network.separation[link]], axis=1)[..., :2]


def plot_backbone(backbone: Any) -> Figure:
    """The percolating cluster with dead ends, backbone, shortest path and red bonds.

    Parameters
    ----------
    backbone : Backbone

    Returns
    -------
    matplotlib Figure
    """
    figure = new_figure(7.6, 7.9)
    draw_backbone(figure.add_subplot(), backbone)
    figure.legend(loc="outside lower center", ncols=4, fontsize=9, frameon=False)
    return figure


def draw_backbone(axes: Any, backbone: Any) -> None:
    """Draw the content of `plot_backbone` into axes, without a legend."""
    from matplotlib.collections import LineCollection
    from matplotlib.colors import to_rgba_array

    network = backbone.network
    sites = network.sites
    occupied = -0.5 * network.log_conductance <= backbone.threshold_length
    cluster = backbone.site | backbone.dead_end
    inside = occupied & cluster[network.link_i] & cluster[network.link_j]
    on_backbone = np.zeros(network.n_links, np.bool_)
    on_backbone[backbone.link] = True
    small = np.clip(150.0 / np.sqrt(sites.n_sites), 0.5, 3.0)
    other = ~cluster
    place = sites.position[other, :2].T
    axes.scatter(*place, s=small, color="#d9d9d9", linewidth=0, zorder=0)
    layers = (
        ("dead ends", np.flatnonzero(inside & ~on_backbone), "#a8a8a8", 0.7),
        (f"backbone, {backbone.link.size} links", backbone.link, BLUE, 0.9),
        (f"shortest path, {backbone.path_link.size}", backbone.path_link, ORANGE, 1.6),
        (f"red bonds, {backbone.red_link.size}", backbone.red_link, RED, 3.2),
    )
    for order, (name, link, colour, width) in enumerate(layers):
        lines = LineCollection(
            list(segments(network, link)),
            colors=to_rgba_array(colour, depth_fade(sites, network.link_i[link])),
            linewidths=width,
            capstyle="round",
            zorder=1 + order,
        )
        axes.add_collection(lines)
        axes.plot([], [], color=colour, linewidth=max(width, 1.5), label=name)
    if sites.geometry != "torus" and network.axis in "xy":
        for contact in network.contacts:
            low, high = sites.position[contact].min(axis=0), sites.position[contact].max(axis=0)
            span = axes.axvspan if network.axis == "x" else axes.axhspan
            along = sites.axes.index(network.axis)
            span(low[along], high[along], color="black", alpha=0.07, linewidth=0)
    axes.set_xlim(0, sites.length)
    axes.set_ylim(0, sites.width)
    axes.set_aspect("equal")
    axes.set_xlabel(r"$x/a_b$")
    axes.set_ylabel(r"$y/a_b$")
    longest = backbone.threshold_length
    scaled = longest * sites.density ** (1 / sites.dimension)
    axes.set_title(
        rf"{sites.geometry}, $N$ = {sites.n_sites}: links up to {longest:.4g} $a_b$ "
        rf"= {scaled:.4f} $n_s^{{-1/{sites.dimension}}}$",
        fontsize=10,
    )


def plot_flow(statistics: pd.DataFrame) -> Figure:
    """Distribution of flows, of the power over link lengths, and of paths over cuts.

    Parameters
    ----------
    statistics : FlowStatistics

    Returns
    -------
    matplotlib Figure
    """
    network = statistics.current.network
    dimension = network.sites.dimension
    unit, l_c = network.sites.density ** (1 / dimension), PERCOLATION_RADII[dimension]
    figure = new_figure(12.5, 4.0)
    left, middle, right = figure.subplots(1, 3)
    edges = np.linspace(-16, 0.0, 65)
    share = np.log10(np.maximum(statistics.share, 1e-300))
    power = np.log10(np.maximum(statistics.power, 1e-300))
    left.hist(share, edges, color=BLUE, alpha=0.75, label="flow")
    left.hist(power, edges, histtype="step", color=RED, linewidth=1.5, label="power")
    left.set_yscale("log")
    left.set_xlabel(r"$\log_{10}$ of the share of the total")
    left.set_ylabel("links in a quarter of a decade")
    left.legend(fontsize=8, frameon=False, loc="upper left")
    length, running = statistics.power_by_length()
    middle.plot(length * unit, running, color=RED)
    middle.axvline(l_c, color=BLACK, linewidth=0.9, linestyle="--")
    middle.annotate(r"$l_c$", (l_c, 0.03), xytext=(4, 0), textcoords="offset points")
    middle.set_xlabel(rf"length of links, in $n_s^{{-1/{dimension}}}$")
    middle.set_ylabel("power dissipated in shorter links")
    along = network.length_along_current
    right.step(statistics.cut / along, statistics.cut_paths, where="mid", color=GREEN)
    right.axhline(statistics.n_paths, color=BLACK, linewidth=0.9, linestyle="--")
    right.set_ylim(0, None)
    right.set_xlabel("place of the cut / length of the sample")
    right.set_ylabel("effective number of paths")
    right.set_title(f"{statistics.n_paths:.3g} paths", fontsize=10)
    for axes in (left, middle, right):
        finish(axes)
    return figure


def plot_triads(shares: Any) -> Figure:
    """Running share of f over triads sorted by perimeter and by their sides.

    Parameters
    ----------
    shares : TriadShares

    Returns
    -------
    matplotlib Figure
    """
    network = shares.triads.network
    side = shares.side
    figure = new_figure(6.6, 4.4)
    axes = figure.add_subplot()
    f = shares.contribution.sum()
    grid = np.linspace(0.0, shares.triads.perimeter.max(initial=1.0), 400)
    curves = (
        ("shortest side", side[:, 0], BLUE, "-"),
        ("middle side", side[:, 1], GREEN, "-"),
        ("longest side", side[:, 2], ORANGE, "-"),
        ("perimeter", shares.triads.perimeter, RED, "--"),
    )
    for name, measure, colour, style in curves:
        axes.plot(grid, shares.accumulate(measure, grid) / f, style, color=colour, label=name)
    axes.axvspan(0, 3, color=GREY, alpha=0.15, linewidth=0)
    axes.annotate("size $\\sim a_b$", (1.5, 0.93), ha="center", fontsize=8, color=BLACK)
    axes.axhline(1.0, color=GREY, linewidth=0.7)
    axes.set_xlabel(r"size of the triad, in $a_b$")
    axes.set_ylabel("share of $f$ from smaller triads")
    axes.set_title(
        rf"$n_s a_b^2$ = {network.sites.density:.3g}, $N$ = {network.n_sites}, "
        rf"$\tau_s$ = {shares.tau_s:.3g} $\tau_0$, $f$ = {f:.3f}",
        fontsize=10,
    )
    axes.legend(fontsize=8, frameon=False, loc="lower right")
    finish(axes)
    return figure


LAWS = (
    ("largest", "D_f", "largest cluster at $l_c$", BLUE, "s"),
    ("backbone", "D_backbone", "backbone", GREEN, "o"),
    ("chemical", "D_min", "shortest path", ORANGE, "^"),
    ("red", "D_red", "red bonds", RED, "D"),
)


def plot_exponents(table: pd.DataFrame, estimates: Exponents, *, dimension: int = 2) -> Figure:
    """Masses against size, and the same over the known powers: a flat line is agreement.

    Parameters
    ----------
    table : DataFrame
        The samples, as `hopnet.percolation.criticality.sample_critical` makes them.
    estimates : Exponents
        Result of `hopnet.percolation.scaling.critical_exponents` for the same samples.
    dimension : {2, 3}
        Dimension of the samples.

    Returns
    -------
    matplotlib Figure
    """
    known = CONSTANTS[dimension]
    figure = new_figure(11.0, 4.6)
    left, right = figure.subplots(1, 2)
    gap = table.assign(gap=table["second"] - table["first"])
    laws = [(table, *law) for law in LAWS]
    laws.append((gap, "gap", "nu", "gap between wrappings", BLACK, "v"))
    for rows, column, name, label, colour, marker in laws:
        size, value, error = by_size(rows, column, dimension)
        exponent = -1.0 / known.nu if name == "nu" else getattr(known, name)
        exact = value[0] * (size / size[0]) ** exponent
        measured = getattr(estimates, name)
        symbol = r"\nu" if name == "nu" else f"D_{{{name[2:]}}}"
        left.errorbar(
            size,
            value,
            error,
            fmt=marker,
            color=colour,
            markersize=4,
            capsize=2,
            label=rf"{label}: ${symbol}$ = {measured.value:.4f} $\pm$ {measured.error:.4f}",
        )
        left.plot(size, exact, color=colour, linewidth=0.8)
        right.errorbar(
            size * 1.02 ** (len(label) % 5 - 2),
            value / exact,
            error / exact,
            fmt=marker,
            color=colour,
            markersize=4,
            capsize=2,
            linewidth=0.9,
        )
    left.set_yscale("log")
    left.set_ylim(None, 1e3 * left.get_ylim()[1])  # room for the legend
    left.set_ylabel("mean over samples")
    left.legend(fontsize=7.5, frameon=False)
    right.axhline(1.0, color=GREY, linewidth=0.8)
    right.set_ylabel("mean / (size to the known power), smallest size = 1")
    sizes = sorted(table["size"].unique())
    for axes in (left, right):
        axes.set_xscale("log")
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xticks(sizes, [f"{size:.4g}" for size in sizes])
        axes.set_xlabel(rf"size $L$, in $n_s^{{-1/{dimension}}}$")
        finish(axes)
    return figure


def plot_collapse(
    table: pd.DataFrame, *, nu: Any = None, l_c: Any = None, dimension: int = 2
) -> Figure:
    """Probability of a first and of a second wrapping against length, bare and scaled.

    Parameters
    ----------
    table : DataFrame
        Table of samples with the columns size, first, second.
    nu, l_c : float, optional
        Exponent and threshold with which the right picture is scaled; default: those of the
        literature.
    dimension : {2, 3}
        Dimension of the samples.

    Returns
    -------
    matplotlib Figure
    """
    known = CONSTANTS[dimension]
    nu, l_c = known.nu if nu is None else nu, known.l_c if l_c is None else l_c
    figure = new_figure(11.0, 4.4)
    left, right = figure.subplots(1, 2, sharey=True)
    sizes = sorted(table["size"].unique())
    colours = [BLUE, GREEN, ORANGE, RED, BLACK, GREY]
    for number, size in enumerate(sizes):
        rows = table[table["size"] == size]
        colour = colours[number % len(colours)]
        for column, style in (("first", "-"), ("second", "--")):
            threshold = np.sort(rows[column].to_numpy())
            share = (np.arange(threshold.size) + 0.5) / threshold.size
            label = f"$L$ = {size:.0f} ({threshold.size})" if column == "first" else None
            left.plot(threshold, share, style, color=colour, linewidth=1.0)
            scaled = (threshold - l_c) * size ** (1.0 / nu)
            right.plot(scaled, share, style, color=colour, linewidth=1.0, label=label)
    names = {"once": "first", "twice": "second"}
    for name, level in ((names[key], level) for key, level in known.wrapping.items()):
        for axes in (left, right):
            axes.axhline(level, color=GREY, linewidth=0.6, linestyle=":")
        left.annotate(
            f"{name}: {level:.4f}",
            (0.01, level + 0.01),
            fontsize=7,
            xycoords=("axes fraction", "data"),
        )
    left.axvline(l_c, color=GREY, linewidth=0.6, linestyle=":")
    right.axvline(0.0, color=GREY, linewidth=0.6, linestyle=":")
    left.set_xlabel(rf"length of links, in $n_s^{{-1/{dimension}}}$")
    left.set_ylabel("probability that clusters wrap around the torus")
    right.set_xlabel(rf"$(l - l_c)\,L^{{1/\nu}}$, $l_c$ = {l_c:.5f}, $\nu$ = {nu:.4g}")
    right.set_xlim(-2.6, 2.6)
    right.legend(fontsize=7.5, frameon=False, title="size (samples)", title_fontsize=8)
    for axes in (left, right):
        finish(axes)
    return figure


def plot_resistivity(table: pd.DataFrame) -> Figure:
    """Resistivity of each sample against its own percolation estimate.

    Parameters
    ----------
    table : DataFrame
        Columns density, length (l_c of the sample, in a_b), log_resistivity.

    Returns
    -------
    matplotlib Figure
    """
    figure = new_figure(10.0, 4.2)
    left, right = figure.subplots(1, 2)
    colours = [BLUE, GREEN, ORANGE, RED, BLACK, GREY]
    estimate = 2.0 * table["threshold_length"]
    for number, (density, rows) in enumerate(table.groupby("density")):
        colour = colours[number % len(colours)]
        exponent = estimate[rows.index]
        left.plot(exponent, rows["log_resistivity"], ".", color=colour, markersize=5)
        right.plot(
            np.sqrt(density) * rows["threshold_length"],
            rows["log_resistivity"] - exponent,
            ".",
            color=colour,
            markersize=5,
            label=rf"$n_s a_b^2$ = {density:g}",
        )
    ends = np.array([estimate.min(), estimate.max()])
    left.plot(ends, ends, color=GREY, linewidth=0.9)
    left.set_xlabel(r"$2 l_c / a_b$ of the sample")
    left.set_ylabel(r"$\ln(\rho/\rho_0)$")
    right.axhline(0.0, color=GREY, linewidth=0.9)
    right.axvline(PLANE.l_c, color=GREY, linewidth=0.6, linestyle=":")
    right.set_xlabel(r"$l_c\,n_s^{1/2}$ of the sample")
    right.set_ylabel(r"$\ln(\rho/\rho_0) - 2 l_c/a_b$")
    right.legend(fontsize=8, frameon=False)
    for axes in (left, right):
        finish(axes)
    return figure
