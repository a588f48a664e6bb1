"""Figures of runs over samples in nuclear fields: f and its ratio, and magnetoresistance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from hopnet.ensemble.statistics import split_points
from hopnet.plots.frame import BLACK, BLUE, GREY, ORANGE, finish, new_figure
from hopnet.spin.blocking import LineShape, fit_line_shapes

__all__ = [
    "external_fields",
    "plot_magnetoresistance_run",
    "plot_nuclear_run",
    "plot_site_rates_run",
]

STRENGTH = "nuclei.strength"
STRENGTH_LABEL = r"strength of the nuclear fields $\sigma\tau_0$"
# Points of a run that are drawn with a panel each, and panels side by side. More would be too
# small to read.
MOST_PANELS, ACROSS = 12, 4


def external_fields(table: pd.DataFrame) -> np.ndarray:
    """External fields of the columns ``mr_at_X``, in units of the strength; empty without them."""
    start = "mr_at_"
    names = [name.removeprefix(start) for name in map(str, table) if name.startswith(start)]
    return np.array([float(name) for name in names if "_" not in name])


def groups_of(statistics: pd.DataFrame, scanned: Sequence[str]) -> list[tuple[Any, pd.DataFrame]]:
    """The rows of each value of the other scanned keys, in the order of the strength."""
    others = [key for key in scanned if key != STRENGTH]
    groups = split_points(statistics, others)
    if STRENGTH not in scanned:
        return groups
    return [(coordinates, rows.sort_values(STRENGTH)) for coordinates, rows in groups]


def shades_of(count: int) -> list[Any]:
    """One colour per group, dark to light."""
    if count == 1:
        return [BLUE]
    return [matplotlib.colormaps["viridis"](x) for x in np.linspace(0.05, 0.85, count)]


def strengths_of(rows: pd.DataFrame, scanned: Sequence[str]) -> np.ndarray:
    """The horizontal places of the rows of a group: strengths, or 1, 2, ... if all are equal."""
    if STRENGTH in scanned:
        return rows[STRENGTH].to_numpy(float)
    return np.arange(1.0, len(rows) + 1.0)


def strength_axis(axes: Any, scanned: Sequence[str]) -> None:
    """The horizontal axis of the strength of the fields."""
    if STRENGTH in scanned:
        axes.set_xscale("log")
        axes.set_xlabel(STRENGTH_LABEL)
    finish(axes)


def plot_nuclear_run(
    statistics: pd.DataFrame, scanned: Sequence[str], labels: Sequence[str]
) -> Figure:
    """f in nuclear fields and f of the one time that a pump measures, and the ratio of both.

    Parameters
    ----------
    statistics : pandas.DataFrame
        As `hopnet.read_results` gives them.
    scanned : sequence of str
    labels : sequence of str
        One for each value of the scanned keys other than the strength.

    Returns
    -------
    matplotlib Figure
        Left the means over samples of both, right the mean of the ratio of each sample (filled)
        and the ratio of the means over samples (open). Bars are standard errors.
    """
    figure = new_figure(10.4, 4.2)
    left, right = figure.subplots(1, 2)
    groups = groups_of(statistics, scanned)
    for (_, rows), label, shade in zip(groups, labels, shades_of(len(groups))):
        x = strengths_of(rows, scanned)
        for name, style in (("nuclear_f", "o-"), ("nuclear_f_of_one_time", "s--")):
            error = rows[f"{name}_standard_error"]
            left.errorbar(x, rows[name], error, fmt=style, color=shade, markersize=4, linewidth=1)
        for name, face in (("nuclear_ratio", shade), ("nuclear_ratio_of_means", "white")):
            right.errorbar(
                x,
                rows[name],
                rows[f"{name}_standard_error"],
                fmt="o-" if face is shade else "o",
                color=shade,
                markerfacecolor=face,
                markersize=4,
                linewidth=1,
                label=(label or None) if face is shade else None,
            )
    left.plot([], [], "o-", color=GREY, label=r"$\tau_f / \tau_\mathrm{eff}$, fields")
    left.plot([], [], "s--", color=GREY, label=r"$f(\tau_\mathrm{eff})$, one relaxation time")
    right.plot([], [], "o", color=GREY, label="mean of the ratios of the samples")
    right.plot([], [], "o", color=GREY, markerfacecolor="white", label="ratio of the means")
    right.axhline(1.0, color=BLACK, linewidth=0.8, linestyle=":")
    left.set_ylabel("f")
    right.set_ylabel(r"$\tau_f\,/\,[\tau_\mathrm{eff}\,f(\tau_\mathrm{eff})]$")
    for axes in (left, right):
        axes.set_ylim(bottom=0.0)
        strength_axis(axes, scanned)
        axes.legend(frameon=False, fontsize=8)
    return figure


def plot_site_rates_run(
    statistics: pd.DataFrame, scanned: Sequence[str], labels: Sequence[str]
) -> Figure:
    """Both times with one rate for each site, over those of the fields: ratios of means.

    Parameters
    ----------
    statistics : pandas.DataFrame
    scanned, labels
        As in `plot_nuclear_run`.

    Returns
    -------
    matplotlib Figure
    """
    figure = new_figure(6.4, 4.2)
    axes = figure.add_subplot()
    groups = groups_of(statistics, scanned)
    for (_, rows), label, shade in zip(groups, labels, shades_of(len(groups))):
        x = strengths_of(rows, scanned)
        for name, style in (("tau_f", "o-"), ("tau_eff", "s--")):
            share = f"nuclear_sites_share_{name}"
            error = rows[f"{share}_standard_error"]
            own = (label or None) if name == "tau_f" else None
            axes.errorbar(x, rows[share], error, fmt=style, color=shade, markersize=4, label=own)
    axes.plot([], [], "o-", color=GREY, label=r"$\tau_f$")
    axes.plot([], [], "s--", color=GREY, label=r"$\tau_\mathrm{eff}$")
    axes.axhline(1.0, color=BLACK, linewidth=0.8, linestyle=":")
    axes.set_ylabel("one rate for each site, over the full fields")
    strength_axis(axes, scanned)
    axes.legend(frameon=False, fontsize=8)
    return figure


def plot_magnetoresistance_run(
    statistics: pd.DataFrame, scanned: Sequence[str], labels: Sequence[str]
) -> Figure:
    """Mean magnetoresistance of every point with both laws fitted, one panel for each point.

    Parameters
    ----------
    statistics : pandas.DataFrame
    scanned : sequence of str
    labels : sequence of str
        One for each point.

    Returns
    -------
    matplotlib Figure
        Bars are standard errors over samples. The legends give the misfit of each law, in percent
        of the largest value.
    """
    B = external_fields(statistics)
    points = split_points(statistics, scanned)[:MOST_PANELS]
    across = min(ACROSS, len(points))
    down = -(-len(points) // across)
    figure = new_figure(max(3.3 * across, 5.0), 2.9 * down + 0.3)
    panels = np.atleast_1d(figure.subplots(down, across)).ravel()
    for axes in panels[len(points) :]:
        axes.set_axis_off()
    for axes, (_, rows), label in zip(panels, points, labels):
        row = rows.iloc[0]
        mean = np.array([row[f"mr_at_{x:g}"] for x in B], float)
        error = np.array([row[f"mr_at_{x:g}_standard_error"] for x in B], float)
        axes.errorbar(B, 100 * mean, 100 * error, fmt="o", color=BLACK, markersize=4)
        draw_laws(axes, B, mean)
        axes.set(xscale="log", xlabel=r"$B/\sigma$", ylabel="magnetoresistance (%)")
        axes.set_title(f"{label}\n({int(row['n_done'])} samples)".lstrip(), fontsize=8)
        finish(axes)
    return figure


def draw_laws(axes: Any, external: np.ndarray, mean: np.ndarray) -> None:
    """Both laws fitted to a mean curve, and their misfits in the legend."""
    if not np.all(np.isfinite(mean)) or not np.any(mean):
        return
    fine = np.geomspace(external.min(), external.max(), 300)
    names = (r"$B^2/(B^2+B_0^2)$", r"$B^2/(|B|+B_0)^2$")
    for fit, name, colour in zip(fit_line_shapes(external, mean), names, (BLUE, ORANGE)):
        label = f"{name}: {100 * fit.residual:.1f} %"
        axes.plot(fine, 100 * law_of(fit, fine), color=colour, linewidth=1.2, label=label)
    axes.legend(frameon=False, fontsize=7)


def law_of(fit: LineShape, field: np.ndarray) -> np.ndarray:
    """The values of a fitted law."""
    if fit.law == "lorentzian":
        return fit.saturation * field**2 / (field**2 + fit.width**2)
    return fit.saturation * field**2 / (field + fit.width) ** 2
