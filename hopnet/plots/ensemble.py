"""Figures of ensembles: f and its parts, their spread, limits, histograms, convergence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import (
    FormatStrFormatter,
    MaxNLocator,
    NullFormatter,
    NullLocator,
)

from hopnet.ensemble.statistics import split_points
from hopnet.percolation.scaling import extrapolate
from hopnet.plots.dynamics import temperature_figures
from hopnet.plots.field import fields_of, plot_effective_temperature, plot_field_run
from hopnet.plots.frame import (
    BLACK,
    BLUE,
    CHOSEN,
    GREEN,
    GREY,
    ORANGE,
    RED,
    finish,
    new_figure,
)
from hopnet.plots.hall import plot_hall_law
from hopnet.plots.nuclei import (
    external_fields,
    plot_magnetoresistance_run,
    plot_nuclear_run,
    plot_site_rates_run,
)

__all__ = [
    "plot_against",
    "plot_convergence",
    "plot_f_curves",
    "plot_histograms",
    "plot_low_density",
    "plot_margin",
    "plot_spin_currents",
    "run_figures",
]

RATE_LABEL = r"$\tau_0/\tau_s$"
TIME_LABEL = r"$\tau_s/\tau_0$"
DENSITY_LABEL = r"$n_s a_b^2$"
FEW = 20  # number of samples up to which each one is drawn, and axes of that number are linear
DILUTE = 0.005  # the limit n_s -> 0 is drawn only if some density is at most this
SYMBOL = {
    "sites.density": DENSITY_LABEL,
    "sites.n_sites": "$N$",
    "sites.geometry": "geometry",
    "network.cutoff": r"cutoff$/l_c$",
    "sites.aspect": "aspect",
    "network.cutoff_radius": r"cutoff$/a_b$",
    "network.cutoff_margin": r"margin$/a_b$",
    "network.contact_width": r"contact width$/a_b$",
    "sites.min_distance": r"$d_{\min}/a_b$",
    "network.contacts": "contacts",
    "network.kT": "$k_BT$",
    "network.bath": "bath",
    "network.chemical_potential": r"$\mu$",
    "sites.density_of_states": "energies",
    "sites.energy_width": "width",
    "nuclei.strength": r"$\sigma\tau_0$",
    "traps.fraction": "traps",
}


# Lower end of an axis of relative errors: smaller ones are of no interest, and rounding begins.
LEAST = 1e-8
# Scanned keys that are the horizontal axis of a figure of their own.
AXES = ("sites.n_sites", "network.cutoff", "network.cutoff_radius", "network.cutoff_margin")


def symbol(key):
    """The symbol of a scanned key, or its name in words."""
    return SYMBOL.get(key, key.partition(".")[2].replace("_", " "))


def point_label(scanned, coordinates):
    """The scanned values of a point, in symbols."""
    return ", ".join(
        f"{symbol(key)} = {value:g}" if isinstance(value, float) else f"{symbol(key)} = {value}"
        for key, value in zip(scanned, coordinates)
    )


def number(value):
    """A number in mathtext: 0.1, 100, 10^10."""
    if value == 0 or 1e-3 <= abs(value) < 1e4:
        return f"{value:.4g}"
    if np.isinf(value):
        return r"\infty"
    mantissa, _, exponent = f"{value:.2e}".partition("e")
    mantissa = mantissa.rstrip("0").rstrip(".")
    power = f"10^{{{int(exponent)}}}"
    return power if mantissa == "1" else rf"{mantissa} \times {power}"


def time_label(tau_s):
    """The relaxation time as a formula."""
    return rf"$\tau_s = {number(tau_s)}\,\tau_0$" if tau_s else r"$\tau_s = 0$"


def colours(count):
    """One colour per point, dark to light along the scan."""
    if count == 1:
        return [BLUE]
    return [matplotlib.colormaps["viridis"](x) for x in np.linspace(0.05, 0.85, count)]


def finite(rows):
    """Rows with tau_s neither 0 nor inf: those a logarithmic axis can show."""
    return rows[(rows["tau_s"] > 0) & np.isfinite(rows["tau_s"])]


def rate_axis(axes):
    """The axis of relaxation rates, slow relaxation on the left as in the letter's Fig. 4.

    In a look with times it is the axis of relaxation times.
    """
    axes.set_xscale("log")
    axes.set_xlabel(RATE_LABEL if CHOSEN.get().times == "rate" else TIME_LABEL)


def place_of(tau_s):
    """The places of relaxation times on the axis that `rate_axis` makes."""
    return 1.0 / tau_s if CHOSEN.get().times == "rate" else tau_s


def band(axes, rows, name, colour, label, **line):
    """A mean with its spread from sample to sample (standard deviation) around it."""
    rate = place_of(rows["tau_s"].to_numpy())
    mean = rows[name].to_numpy()
    spread = rows[f"{name}_standard_error"].to_numpy() * np.sqrt(rows["n_done"].to_numpy())
    axes.fill_between(rate, mean - spread, mean + spread, color=colour, alpha=0.18, linewidth=0)
    axes.plot(rate, mean, color=colour, label=label, **line)


def plot_spin_currents(
    statistics: pd.DataFrame,
    scanned: Sequence[str] = (),
    coordinates: tuple[Any, ...] = (),
    *,
    samples: pd.DataFrame | None = None,
) -> Figure:
    """Drift, diffusion and total spin current of one point, as in the letter's Fig. 4.

    Parameters
    ----------
    statistics : pandas.DataFrame
        Rows of one point.
    scanned, coordinates : sequence
        The scanned keys and their values at this point, for the labels.
    samples : pandas.DataFrame, optional
        Its long table: each sample is drawn as a thin line.

    Returns
    -------
    matplotlib Figure
    """
    rows = finite(statistics)
    figure = new_figure(6.4, 4.4)
    axes = figure.add_subplot()
    if samples is not None and samples["sample"].nunique() <= 60:
        for _, own in finite(samples[samples["status"] == "done"]).groupby("sample"):
            axes.plot(place_of(own["tau_s"]), own["f"], color=BLACK, alpha=0.25, linewidth=0.6)
    band(axes, rows, "f_drift", BLUE, "drift", linestyle="--")
    band(axes, rows, "f_diffusion", ORANGE, "diffusion", linestyle="-.")
    band(axes, rows, "f", BLACK, r"total, $f(n_s, \tau_s)$", linewidth=2)
    axes.axhline(0.0, color=GREY, linewidth=0.6)
    rate_axis(axes)
    axes.set_ylabel(r"spin current, in units of $f$")
    n = int(statistics["n_done"].iloc[0])
    words = f"{n} sample{'s' * (n > 1)}" + (", bands: standard deviation" if n > 1 else "")
    title = point_label(scanned, coordinates)
    axes.set_title(f"{title}\n{words}" if title else words, fontsize=10)
    axes.legend(frameon=False)
    finish(axes)
    return figure


def plot_f_curves(statistics: pd.DataFrame, scanned: Sequence[str]) -> Figure:
    """f against tau_0/tau_s, with one band per point.

    Parameters
    ----------
    statistics : pandas.DataFrame
    scanned : sequence of str

    Returns
    -------
    matplotlib Figure
        Lines: means; bands: standard deviation from sample to sample; bars: 95 % interval.
    """
    figure = new_figure(6.8, 4.6)
    axes = figure.add_subplot()
    points = split_points(statistics, scanned)
    for colour, (coordinates, rows) in zip(colours(len(points)), points):
        rows = finite(rows)
        label = point_label(scanned, coordinates) or r"$f(n_s, \tau_s)$"
        band(axes, rows, "f", colour, f"{label} ({rows['n_done'].iloc[0]})")
        rate, f = place_of(rows["tau_s"]), rows["f"]
        interval = np.abs([f - rows["f_low"], rows["f_high"] - f])
        axes.errorbar(rate, f, yerr=interval, fmt="none", ecolor=colour, elinewidth=0.9)
    rate_axis(axes)
    axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
    axes.set_ylabel(r"$f(n_s, \tau_s)$")
    words = "band: standard deviation, bar: 95 %\n(number of samples)"
    axes.legend(frameon=False, fontsize=8, title=words, title_fontsize=7)
    finish(axes)
    return figure


def plot_low_density(statistics: pd.DataFrame, scanned: Sequence[str]) -> Figure:
    """f at the shortest and at the longest tau_s against density, with 95 % intervals.

    Parameters
    ----------
    statistics : pandas.DataFrame
        The statistics of a run with ``sites.density`` among the scanned keys.
    scanned : sequence of str

    Returns
    -------
    matplotlib Figure
        Left the drift limit, extrapolated to n_s -> 0 from all its densities (four or more, the
        window in the error: `hopnet.percolation.scaling.extrapolate`); right the
        value at the longest time with width / sqrt(D tau_s) written beside each point: only
        where that is large are the edges far enough for it to be the plateau of the bulk.
    """
    figure = new_figure(9.6, 4.2)
    left, right = figure.subplots(1, 2)
    others = [key for key in scanned if key != "sites.density"]
    groups = split_points(statistics, others)
    for colour, (coordinates, rows) in zip(colours(len(groups)), groups):
        label = point_label(others, coordinates)
        fast, slow = (rows[rows["tau_s"] == t] for t in (rows["tau_s"].min(), rows["tau_s"].max()))
        for axes, part in ((left, fast), (right, slow)):
            n_s, f = part["sites.density"], part["f"]
            interval = np.abs([f - part["f_low"], part["f_high"] - f])
            axes.errorbar(
                n_s,
                f,
                yerr=interval,
                fmt="o-",
                markersize=4,
                color=colour,
                linewidth=0.8,
                capsize=2,
                label=label or None,
            )
        for _, row in slow.iterrows():
            right.annotate(
                f"${number(float(np.format_float_scientific(row['reach'], precision=1)))}$",
                (row["sites.density"], row["f"]),
                fontsize=7,
                xytext=(4, 4),
                textcoords="offset points",
                color=GREY,
            )
        draw_low_density_limit(left, fast, colour)
    left.set_title(f"shortest time of the run: {time_label(rows['tau_s'].min())}", fontsize=10)
    right.set_title(
        f"longest time of the run: {time_label(rows['tau_s'].max())}"
        "\n"
        r"beside the points: width over the diffusion length, $L/\sqrt{D\tau_s}$",
        fontsize=10,
    )
    for axes in (left, right):
        axes.set_xscale("log")
        axes.xaxis.set_minor_formatter(NullFormatter())
        ticks = np.unique(statistics["sites.density"])
        if ticks.size <= 9:
            axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
            axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xlabel(DENSITY_LABEL)
        axes.set_ylabel(r"$f(n_s, \tau_s)$")
        finish(axes)
    if any(axes.get_legend_handles_labels()[1] for axes in (left, right)):
        left.legend(frameon=False, fontsize=8)
    return figure


def draw_low_density_limit(axes, rows, colour):
    """The extrapolation n_s -> 0 of f, as a dotted line with its error as a band."""
    known = rows[np.isfinite(rows["f_standard_error"]) & (rows["f_standard_error"] > 0)]
    if len(known) < 4 or known["sites.density"].min() > DILUTE:
        return
    limit = extrapolate(known["sites.density"], known["f"], known["f_standard_error"])
    axes.axhline(limit.value, color=colour, linestyle=":", linewidth=1)
    axes.axhspan(limit.value - limit.error, limit.value + limit.error, color=colour, alpha=0.12)
    digits = max(0, 1 - int(np.floor(np.log10(limit.error))))  # two digits of the error
    words = rf"dotted: $n_s \to 0$, {limit.value:.{digits}f} $\pm$ {limit.error:.{digits}f}"
    axes.text(0.04, 0.05, words, transform=axes.transAxes, fontsize=9)


def plot_histograms(table: pd.DataFrame, scanned: Sequence[str], tau_s: Any = None) -> Figure:
    """Histograms over samples: f at one tau_s, and ln(conductance).

    Parameters
    ----------
    table : pandas.DataFrame
        The long table.
    scanned : sequence of str
    tau_s : float, optional
        Default: the shortest.

    Returns
    -------
    matplotlib Figure
    """
    tau_s = table["tau_s"].min() if tau_s is None else tau_s
    rows = table[(table["tau_s"] == tau_s) & (table["status"] == "done")]
    points = split_points(rows, scanned)
    figure = new_figure(9.6, 2.2 + 0.7 * len(points))
    left, right = figure.subplots(1, 2, sharey=True)
    labels = []
    for level, (colour, (coordinates, own)) in enumerate(zip(colours(len(points)), points)):
        labels.append(f"{point_label(scanned, coordinates)} ({len(own)})".lstrip())
        for axes, name in ((left, "f"), (right, "log_conductance")):
            value = own[name].to_numpy()
            mean = value.mean()
            axes.plot([mean, mean], [level, level + 0.85], color=colour, linestyle="--")
            if value.size <= FEW:  # a histogram of few values would show its bins
                axes.plot(value, np.full(value.size, level + 0.4), "o", color=colour, alpha=0.6)
                continue
            bins = int(np.clip(np.sqrt(value.size) * 1.5, 3, 40))
            count, edge = np.histogram(value, bins=bins)
            height = level + 0.85 * count / max(count.max(), 1)
            axes.stairs(height, edge, baseline=level, fill=True, color=colour, alpha=0.3)
            axes.stairs(height, edge, baseline=level, color=colour)
    left.set_yticks(np.arange(len(points)) + 0.4, labels)
    left.set_xlabel(rf"$f(n_s, \tau_s)$ at {time_label(tau_s)}")
    right.set_xlabel(r"$\ln(G \rho_0)$")
    words = "each dot is a sample" if rows["sample"].nunique() <= FEW else "each row to its scale"
    left.set_title(f"{words}; dashed: mean", fontsize=10)
    for axes in (left, right):
        finish(axes)
        axes.tick_params(axis="y", length=0)
    return figure


def plot_convergence(table: pd.DataFrame, scanned: Sequence[str], tau_s: Any = None) -> Figure:
    """Mean of f over the first samples, against their number.

    Parameters
    ----------
    table : pandas.DataFrame
        The long table.
    scanned : sequence of str
    tau_s : float, optional
        Default: the shortest.

    Returns
    -------
    matplotlib Figure
        Left the running mean with its standard error, right that error, relative, with 1/sqrt(n).
    """
    tau_s = table["tau_s"].min() if tau_s is None else tau_s
    rows = table[(table["tau_s"] == tau_s) & (table["status"] == "done")]
    figure = new_figure(9.6, 4.0)
    left, right = figure.subplots(1, 2)
    points = split_points(rows, scanned)
    for colour, (coordinates, own) in zip(colours(len(points)), points):
        f = own.sort_values("sample")["f"].to_numpy()
        n = np.arange(1, f.size + 1)
        mean = np.cumsum(f) / n
        variance = np.maximum(np.cumsum(f**2) / n - mean**2, 0.0)
        error = np.sqrt(variance[1:] / np.maximum(n[1:] - 1, 1))
        label = point_label(scanned, coordinates) or None
        left.plot(n, mean, color=colour, label=label, marker="." if f.size < 20 else None)
        left.fill_between(n[1:], mean[1:] - error, mean[1:] + error, color=colour, alpha=0.2)
        right.plot(n[1:], error / np.abs(mean[1:]), color=colour)
        if f.size > 2:
            last = error[-1] / abs(mean[-1]) * np.sqrt(f.size)
            right.plot(n[1:], last / np.sqrt(n[1:]), color=colour, linestyle=":", linewidth=0.8)
    left.set_ylabel(f"mean of $f$ at {time_label(tau_s)}")
    right.set_ylabel("standard error / mean")
    right.set_title(r"dotted: $\propto 1/\sqrt{\mathrm{samples}}$", fontsize=10)
    for axes in (left, right):
        axes.set_xlabel("number of samples")
        if rows["sample"].nunique() > FEW:
            axes.set_xscale("log")
            axes.xaxis.set_major_formatter(FormatStrFormatter("%d"))
            axes.xaxis.set_minor_formatter(NullFormatter())
        else:
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        finish(axes)
    if rows["f"].size and np.all(rows["f"] != 0):
        right.set_yscale("log")
    if scanned:
        figure.legend(loc="outside right upper", frameon=False, fontsize=8)
    return figure


def plot_against(statistics: pd.DataFrame, scanned: Sequence[str], key: Any) -> Figure:
    """f at three relaxation times against one scanned key: convergence with N or the cutoff.

    Parameters
    ----------
    statistics : pandas.DataFrame
    scanned : sequence of str
    key : str
        One of them, ``sites.n_sites`` or ``network.cutoff`` for example.

    Returns
    -------
    matplotlib Figure
        Bars are 95 % intervals. Against N the
        axis is 1/sqrt(N): the contact strips lower f by a part of about 3/sqrt(N); open symbols
        are limits N -> inf, with twice their error.
    """
    if key == "network.cutoff_margin":
        return plot_margin(statistics, scanned)
    times = np.unique(statistics["tau_s"])
    times = times[[0, len(times) // 2, -1]] if len(times) > 2 else times
    figure = new_figure(6.8, 4.4)
    axes = figure.add_subplot()
    others = [name for name in scanned if name != key]
    markers = "osD^v<>"
    for marker, (coordinates, rows) in zip(markers, split_points(statistics, others)):
        for colour, tau_s in zip((BLUE, GREEN, RED), times):
            own = rows[rows["tau_s"] == tau_s].sort_values(key)
            x = own[key].to_numpy(dtype=float)
            x = 1.0 / np.sqrt(x) if key == "sites.n_sites" else x
            f, low, high = (own[name].to_numpy() for name in ("f", "f_low", "f_high"))
            label = f"{point_label(others, coordinates)} {time_label(tau_s)}"
            axes.errorbar(
                x,
                f,
                yerr=np.abs([f - low, high - f]),
                fmt=f"{marker}-",
                color=colour,
                markersize=4,
                linewidth=0.8,
                capsize=2,
                label=label.strip(),
            )
            error = own["f_standard_error"].to_numpy()
            if key == "sites.n_sites" and len(own) > 2 and np.all(error > 0):
                limit = extrapolate(x, f, error, exponent=1.0)
                axes.errorbar(
                    0.0,
                    limit.value,
                    yerr=2 * limit.error,
                    fmt=marker,
                    color=colour,
                    markerfacecolor="white",
                    markersize=5,
                    capsize=2,
                    clip_on=False,
                )
    axes.set_xlabel(r"$1/\sqrt{N}$" if key == "sites.n_sites" else symbol(key))
    axes.set_ylabel(r"$f(n_s, \tau_s)$")
    if key == "sites.n_sites":
        axes.set_xlim(left=0.0)
    figure.legend(loc="outside upper center", ncols=3, frameon=False, fontsize=8)
    finish(axes)
    return figure


def plot_margin(statistics: pd.DataFrame, scanned: Sequence[str]) -> Figure:
    """Effect of longer links against the margin; f at the largest margin is the reference.

    Parameters
    ----------
    statistics : pandas.DataFrame
        The statistics of a run with the same samples at every margin (``common_random``).
    scanned : sequence of str

    Returns
    -------
    matplotlib Figure
        Symbols: the difference to the largest margin, relative to f_drift. Lines: the stated error
        of the cutoff, relative to f_drift.
    """
    key = "network.cutoff_margin"
    others = [name for name in scanned if name != key]
    points = split_points(statistics, others)
    times = np.unique(statistics["tau_s"])
    times = times[[0, len(times) // 2, -1]] if len(times) > 2 else times
    figure = new_figure(6.8, 4.6)
    axes = figure.add_subplot()
    for colour, (coordinates, rows) in zip(colours(len(points)), points):
        last = rows[rows[key] == rows[key].max()].set_index("tau_s")
        shown = rows[rows[key] < rows[key].max()]
        for marker, tau_s in zip("osD", times):
            own = shown[shown["tau_s"] == tau_s].sort_values(key)
            change = np.abs(own["f"] - last["f"][tau_s]) / last["f_drift"][tau_s]
            axes.plot(own[key], change, marker, color=colour, markersize=4)
        own = shown[shown["tau_s"] == times[0]].sort_values(key)
        stated = own["f_cutoff_error"] / last["f_drift"].iloc[0]
        axes.plot(own[key], stated, color=colour, label=point_label(others, coordinates))
    for marker, tau_s in zip("osD", times):
        axes.plot([], [], marker, color="0.4", markersize=4, label=time_label(tau_s))
    axes.set(
        yscale="log",
        xlabel=symbol(key),
        ylabel=r"$|f - f_\mathrm{largest}|\,/\,f_\mathrm{drift}$; lines: stated error",
    )
    axes.set_ylim(bottom=max(axes.get_ylim()[0], LEAST))
    figure.legend(loc="outside upper center", ncols=4, frameon=False, fontsize=8)
    finish(axes)
    return figure


def field_figures(
    table: pd.DataFrame, statistics: pd.DataFrame, scanned: Sequence[str]
) -> Iterator[tuple[str, Figure]]:
    """The figures of a run over fields."""
    points = split_points(statistics, scanned)
    labels = [point_label(scanned, coordinates) for coordinates, _ in points]
    density = [float(rows["density"].max()) for _, rows in split_points(table, scanned)]
    yield "fields", plot_field_run(statistics, scanned, labels, density)
    if tuple(scanned) == ("network.kT",) and len(points) > 2:
        yield "effective_temperature", plot_effective_temperature(statistics, density[0])


def nuclear_figures(
    statistics: pd.DataFrame, scanned: Sequence[str]
) -> Iterator[tuple[str, Figure]]:
    """The figures of a run in nuclear fields."""
    if "nuclear_ratio_of_means" in statistics:
        others = [key for key in scanned if key != "nuclei.strength"]
        labels = [point_label(others, values) for values, _ in split_points(statistics, others)]
        yield "nuclear_f", plot_nuclear_run(statistics, scanned, labels)
        yield "nuclear_site_rates", plot_site_rates_run(statistics, scanned, labels)
    if external_fields(statistics).size:
        labels = [point_label(scanned, values) for values, _ in split_points(statistics, scanned)]
        yield "magnetoresistance", plot_magnetoresistance_run(statistics, scanned, labels)


def run_figures(
    table: pd.DataFrame, statistics: pd.DataFrame, scanned: Sequence[str]
) -> Iterator[tuple[str, Figure]]:
    """All figures that suit a run.

    Parameters
    ----------
    table, statistics : pandas.DataFrame
        As `hopnet.read_results` gives them.
    scanned : sequence of str

    Yields
    ------
    name, matplotlib Figure
    """
    if "f" not in statistics or not statistics["n_done"].any():
        return
    statistics = statistics[statistics["n_done"] > 0]
    if fields_of(table).size:
        yield from field_figures(table, statistics, scanned)
        return
    if "network.kT" in scanned:
        yield from temperature_figures(table, scanned)
    if "hall_tangent" in table:
        yield "hall_law", plot_hall_law(table, scanned)
    yield from nuclear_figures(statistics, scanned)
    if not statistics["f"].isna().all():
        yield from spin_figures(table, statistics, scanned)


def spin_figures(
    table: pd.DataFrame, statistics: pd.DataFrame, scanned: Sequence[str]
) -> Iterator[tuple[str, Figure]]:
    """The figures of a run for f."""
    points = split_points(statistics, scanned)
    several_times = statistics["tau_s"].nunique() > 2
    if several_times:
        samples = dict(split_points(table, scanned))
        for place, (coordinates, rows) in enumerate(points[:12]):
            name = "spin_currents" if len(points) == 1 else f"spin_currents_{place:02d}"
            yield name, plot_spin_currents(rows, scanned, coordinates, samples=samples[coordinates])
        if len(points) > 1:
            yield "f_curves", plot_f_curves(statistics, scanned)
    if "sites.density" in scanned:
        yield "low_density", plot_low_density(statistics, scanned)
    for key in AXES:
        if key in scanned:
            yield f"against_{key.partition('.')[2]}", plot_against(statistics, scanned, key)
    if statistics["n_done"].max() >= 2:
        yield "convergence", plot_convergence(table, scanned)
        yield "histograms", plot_histograms(table, scanned)
