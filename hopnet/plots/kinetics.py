"""Figures of the full kinetics: ratio to leading order, spins that turn, polarisation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from hopnet.plots.frame import BLUE, GREEN, GREY, ORANGE, RED, finish, new_figure

__all__ = ["plot_cisp_density", "plot_full_over_leading", "plot_spin_map"]

COLOURS = (BLUE, ORANGE, GREEN, RED)


def plot_full_over_leading(table: pd.DataFrame, *, title: str = "") -> Figure:
    """Full solution over leading order, against tau_s / tau_DP.

    Parameters
    ----------
    table : DataFrame
        Result of `hopnet.spin.kinetics.scan.full_over_leading`.
    title : str

    Returns
    -------
    matplotlib Figure
        Left: the ratio. Right: its distance from one on logarithmic axes; the level at the left
        is of second order in the angle.
    """
    figure = new_figure(10.0, 4.2)
    left, right = figure.subplots(1, 2)
    for colour, (angle, part) in zip(COLOURS, table.groupby("angle")):
        part = part.sort_values("tau_s")
        x = part["tau_s"] / part["tau_DP"]
        label = rf"$\varphi$ = {angle:g}"
        left.plot(x, part["ratio"], "o-", color=colour, label=label, markersize=4)
        right.plot(x, np.abs(part["ratio"] - 1), "o-", color=colour, label=label, markersize=4)
    left.axhline(1.0, color=GREY, linewidth=0.8)
    left.set_ylabel(r"$f$(full equations) / $f$(leading order)")
    right.set_ylabel(r"|ratio $-$ 1|")
    right.set_yscale("log")
    for axes in (left, right):
        axes.set_xscale("log")
        axes.set_xlabel(r"$\tau_s/\tau_{DP}$ (mean rate of precession in hops)")
        finish(axes)
    left.legend(frameon=False, title="half-angle of a hop of $a_b$")
    figure.suptitle(title, fontsize=10)
    return figure


def plot_spin_map(kinetics: Any, *, title: str = "", decades: float = 3.0) -> Figure:
    """One sample with every site as a disc that shows direction and length of its spin.

    Parameters
    ----------
    kinetics : Kinetics
    title : str
    decades : float
        Spins shorter than the longest by more than this many powers of ten are grey dots.

    Returns
    -------
    matplotlib Figure
        Colour: S_z / |S|. Area: logarithm of |S|. Arrow: direction of the in-plane part.
    """
    position, spin = kinetics.network.sites.position, kinetics.spin
    length = np.linalg.norm(spin, axis=1)
    figure = new_figure(8.4, 7.0)
    axes = figure.add_subplot()
    largest = length.max(initial=0.0)
    size = np.clip(
        1.0 + np.log10(np.maximum(length, 1e-300) / max(largest, 1e-300)) / decades, 0.0, 1.0
    )
    shown = np.flatnonzero((size > 0.0) & (length > 0.0))
    axes.scatter(position[:, 0], position[:, 1], s=1.5, color=GREY, linewidth=0)
    if shown.size:
        order = shown[np.argsort(size[shown])]
        unit = spin[order] / length[order, None]
        typical = np.sqrt(
            kinetics.network.sites.length * kinetics.network.sites.width / kinetics.network.n_sites
        )
        dots = axes.scatter(
            position[order, 0],
            position[order, 1],
            c=unit[:, 2],
            s=4 + 55 * size[order] ** 2,
            cmap="coolwarm",
            vmin=-1,
            vmax=1,
            linewidth=0.2,
            edgecolor="white",
        )
        arrows = 1.1 * typical * size[order, None] * unit[:, :2]
        axes.quiver(
            position[order, 0],
            position[order, 1],
            *arrows.T,
            angles="xy",
            scale_units="xy",
            scale=1,
            width=0.0016,
            headwidth=3.5,
            color="black",
            alpha=0.75,
        )
        bar = figure.colorbar(dots, ax=axes, shrink=0.85, pad=0.02)
        bar.set_label(r"$S_z/|S|$;  arrows: in-plane direction;  area: $\log |S|$")
    axes.set_aspect("equal")
    axes.set_xlabel(r"$x/a_b$")
    axes.set_ylabel(r"$y/a_b$")
    axes.set_title(title, fontsize=10)
    return figure


def plot_cisp_density(table: pd.DataFrame, *, field: Any, title: str = "") -> Figure:
    """Current-induced polarisation, and f, against the density of sites.

    Parameters
    ----------
    table : DataFrame
        Result of `hopnet.spin.kinetics.scan.cisp_against_density`.
    field : float, V/m
    title : str

    Returns
    -------
    matplotlib Figure
    """
    figure = new_figure(7.0, 5.6)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(2.2, 1))
    upper.semilogy(
        table["density"],
        table["s"],
        "o-",
        color=BLUE,
        markersize=4,
        label="resistivity of the sample",
    )
    upper.semilogy(
        table["density"],
        table["s_percolation"],
        "--",
        color=ORANGE,
        label=r"$\rho_0\,\exp(2 l_c/a_b)$, $l_c = 1.198/\sqrt{n_s}$",
    )
    upper.set_ylabel(rf"$s$ at {field * 1e-5:g} kV/cm")
    upper.legend(frameon=False)
    lower.plot(table["density"], table["f"], "o-", color=GREEN, markersize=4)
    lower.set_ylim(0, 1.15 * table["f"].max())
    lower.set_ylabel(r"$f(n_s, \tau_s)$")
    lower.set_xlabel(r"$n_s a_b^2$")
    lower.yaxis.set_major_formatter("{x:.2f}")
    for axes in (upper, lower):
        finish(axes)
    figure.suptitle(title, fontsize=10)
    return figure
