"""Figures of the Hall effect: mobility against conductivity, and the triads that carry it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from hopnet.ensemble.hall_law import hall_law, local_slopes
from hopnet.network.triads import Triads
from hopnet.plots.frame import BLACK, BLUE, GREEN, GREY, ORANGE, RED, finish, new_figure
from hopnet.transport.hall import HallAngle

__all__ = ["plot_hall_law", "plot_hall_triads"]

COLOURS = (BLUE, RED, GREEN, ORANGE, BLACK)


def plot_hall_law(table: pd.DataFrame, scanned: Sequence[str]) -> Figure:
    """tan(theta_H) against sigma, with the local slopes of mean and median below.

    Parameters
    ----------
    table : pandas.DataFrame
        The long table of a run with Hall angles.
    scanned : sequence of str

    Returns
    -------
    matplotlib Figure
        Filled: means over samples; open: medians; bars: standard errors. The dashed line is
        sigma^(1/2) through the best conductor, the dotted one the estimate from one optimal triad.
    """
    law = hall_law(table, scanned)
    thermal = "network.kT" in scanned
    groups: Any = law.groupby("density", sort=False) if thermal else [("", law)]
    figure = new_figure(6.4, 6.4)
    axes, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 2])
    for colour, (density, rows) in zip(COLOURS, groups):
        label = rf"$n_sa_b^2$ = {density:g}: " if thermal else ""
        draw_points(axes, rows, colour, label)
        if len(rows) > 1:
            draw_slopes(below, rows, colour)
    axes.set_yscale("log")
    axes.set_ylabel(r"$\tan\theta_H\,/\,(\eta b)$")
    axes.legend(frameon=False, fontsize=8)
    below.axhline(0.5, color=GREY, linestyle="--", linewidth=1)
    below.set_ylim(0, 1)
    below.set_ylabel(r"$d\ln\tan\theta_H\,/\,d\ln\sigma$")
    below.set_xlabel(r"$\ln(\sigma\rho_0)$")
    for each in (axes, below):
        finish(each)
    return figure


def draw_points(axes: Any, rows: pd.DataFrame, colour: str, label: str) -> None:
    """Means, medians, the square-root law and the optimal triad of one series of points."""
    x = rows["log_sigma"].to_numpy()
    mean, error = rows["tangent"], rows["tangent_standard_error"]
    axes.errorbar(x, mean, error, fmt="o", color=colour, markersize=5, label=f"{label}mean")
    axes.errorbar(
        x,
        rows["median"],
        rows["median_standard_error"],
        fmt="o",
        color=colour,
        markerfacecolor="white",
        markersize=6,
        zorder=1,
        label=f"{label}median",
    )
    first = float(mean.iloc[-1])
    axes.plot(
        x,
        first * np.exp(0.5 * (x - x[-1])),
        color=colour,
        linestyle="--",
        linewidth=1,
        label=rf"{label}$\sigma^{{1/2}}$",
    )
    axes.plot(
        x,
        rows["optimal"],
        color=colour,
        linestyle=":",
        linewidth=1.4,
        label=f"{label}one optimal triad",
    )


def draw_slopes(axes: Any, rows: pd.DataFrame, colour: str) -> None:
    """Local slopes of the mean and of the median, and of the estimate from one triad."""
    x = rows["log_sigma"].to_numpy()
    middle = 0.5 * (x[1:] + x[:-1])
    for name, face, shift in (("tangent", colour, 0.0), ("median", "white", 0.15)):
        axes.errorbar(
            middle + shift,
            rows[f"{name}_slope"].iloc[1:],
            rows[f"{name}_slope_standard_error"].iloc[1:],
            fmt="o",
            color=colour,
            markerfacecolor=face,
            markersize=5,
        )
    optimal = np.log(rows["optimal"].to_numpy())
    at, slope, _ = local_slopes(x, optimal, np.zeros(x.size))
    axes.plot(at, slope, ":", color=colour, linewidth=1.4)


def plot_hall_triads(hall: HallAngle, triads: Triads, *, share: float = 0.9) -> Figure:
    """A cylinder with the triads that carry its Hall angle, darker the more they carry.

    Parameters
    ----------
    hall : HallAngle
        The Hall angle of a sample, with the contribution of each triad.
    triads : Triads
        The triads of the same network.
    share : float
        Share of the Hall angle that the triads drawn carry.

    Returns
    -------
    matplotlib Figure
        Left: the sample. Right: the share carried by the n largest triads.
    """
    network = hall.network
    size = np.abs(np.asarray(hall.contribution))
    order = np.argsort(-size)
    carried = np.cumsum(size[order]) / size.sum()
    drawn = order[: int(np.searchsorted(carried, share)) + 1]
    figure = new_figure(8.6, 4.2)
    axes, right = figure.subplots(1, 2, width_ratios=[1.1, 1])
    position = network.sites.position
    axes.scatter(*position.T, s=1.5, color=GREY, linewidths=0)
    ij, ik, _ = triads.link[drawn].T
    corner = position[triads.site[drawn, 0]]
    shape = np.stack(
        [corner, corner + network.separation[ij], corner + network.separation[ik]], axis=1
    )
    strength = np.sqrt(size[drawn] / size.max())
    for triangle, alpha in zip(shape[::-1], strength[::-1]):
        axes.fill(*triangle.T, color=RED, alpha=float(0.08 + 0.9 * alpha), linewidth=0.4)
    axes.set_aspect("equal")
    axes.set_xlabel(r"$x\,/\,a_b$")
    axes.set_ylabel(r"$y\,/\,a_b$ (periodic)")
    right.plot(np.arange(1, carried.size + 1), carried, color=BLUE)
    right.axvline(hall.n_effective, color=GREY, linestyle="--", linewidth=1)
    right.text(
        hall.n_effective, 0.99, "effective number ", color=GREY, fontsize=8, rotation=90,
        ha="right", va="top",
    )  # fmt: skip
    right.set_xscale("log")
    right.set_ylim(0, 1.02)
    right.set_xlabel("number of triads, the largest first")
    right.set_ylabel("share of the Hall angle")
    finish(right)
    return figure
