"""Figures of the temperature, field and time dependence, and of the walks of carriers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from hopnet.ensemble.statistics import split_points
from hopnet.plots.frame import BLACK, BLUE, GREEN, GREY, ORANGE, RED, finish, new_figure
from hopnet.transport.variable_range import fit_mott_law

__all__ = [
    "plot_f_of_temperature",
    "plot_hanle",
    "plot_mott_law",
    "plot_step",
    "plot_walk",
    "temperature_figures",
]


def plot_mott_law(
    kT: ArrayLike,
    log_resistivity: ArrayLike,
    law: Any,
    *,
    exponent: Any = None,
    error: ArrayLike | None = None,
    unit: str = "width",
    title: str = "",
) -> Figure:
    """ln rho against T^-p, p = 1/3 in the plane, with the line and the distances from it.

    Parameters
    ----------
    kT, log_resistivity : float64[n]
    law : hopnet.transport.variable_range.MottLaw
    exponent : float64[n], optional
        xi_c at the same temperatures.
    error : float64[n], optional
        Standard error of ln rho.
    unit : str
        Unit of kT, as written at the axes; empty: that of the energies.
    title : str

    Returns
    -------
    matplotlib Figure
    """
    kT, log_resistivity = np.asarray(kT), np.asarray(log_resistivity)
    x = kT**-law.power
    line = law.prefactor + law.kT_0**law.power * x
    figure = new_figure(6.4, 5.4)
    axes, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    axes.errorbar(x, log_resistivity, error, fmt="o", color=BLUE, label=r"$\ln(\rho/\rho_0)$")
    order = np.argsort(x)
    fraction = Fraction(law.power).limit_denominator(4)
    power = str(fraction) if abs(law.power - fraction) < 1e-9 else f"{law.power:.3g}"
    axes.plot(
        x[order],
        line[order],
        color=BLUE,
        linewidth=1,
        label=rf"$(T_0/T)^{{{power}}}$, $k_BT_0$ = {law.kT_0:.4g} {unit}",
    )
    if exponent is not None:
        axes.plot(x, exponent, "s", color=ORANGE, markersize=4, label=r"$\xi_c$ of percolation")
    axes.set_ylabel(r"$\ln(\rho/\rho_0)$, $\xi_c$")
    axes.legend(frameon=False)
    top = axes.secondary_xaxis(
        "top",
        functions=(
            lambda v: np.maximum(v, 1e-9) ** (-1 / law.power),
            lambda v: np.maximum(v, 1e-9) ** -law.power,
        ),
    )
    per = rf"/\mathrm{{{unit}}}" if unit else ""
    top.set_xlabel(rf"$k_BT{per}$")
    ticks = [t for t in (10, 1, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001) if kT.min() <= t <= kT.max()]
    top.set_xticks(ticks, [f"{t:g}" for t in ticks])
    below.errorbar(x, log_resistivity - line, error, fmt="o", color=BLUE, markersize=4)
    below.axhline(0, color=GREY, linewidth=0.8)
    below.set_ylabel("distance\nfrom the line")
    below.set_xlabel(rf"$(k_BT{per})^{{-{power}}}$")
    for each in (axes, below):
        finish(each)
    figure.suptitle(title, fontsize=10)
    return figure


def temperature_figures(
    table: pd.DataFrame, scanned: Sequence[str]
) -> Iterator[tuple[str, Figure]]:
    """Figures of a run over temperatures: Mott's law, and f(T) if there is an f.

    Parameters
    ----------
    table : pandas.DataFrame
        The long table of a run with ``network.kT`` among the scanned keys.
    scanned : sequence of str

    Yields
    ------
    name, matplotlib Figure
    One figure for every point of the other scanned keys. ln rho is averaged over samples.
    """
    done = table[table["status"] == "done"]
    others = [key for key in scanned if key != "network.kT"]
    for place, (coordinates, rows) in enumerate(split_points(done, others)):
        tail = f"_{place:02d}" if others else ""
        label = ", ".join(f"{k.partition('.')[2]} = {v}" for k, v in zip(others, coordinates))
        first = rows.drop_duplicates(["network.kT", "sample"])  # every sample has a row per tau_s
        one = first.groupby("network.kT")
        log_rho = one["log_resistivity"]
        kT, mean = log_rho.mean().index.to_numpy(), log_rho.mean().to_numpy()
        if kT.size >= 3:
            xi = one["critical_exponent"].mean().to_numpy()
            n = int(log_rho.count().max())
            yield (
                f"mott_law{tail}",
                plot_mott_law(
                    kT,
                    mean,
                    fit_mott_law(kT, mean, power=1 / 4 if "height" in rows else 1 / 3),
                    exponent=xi if np.all(np.isfinite(xi)) else None,
                    error=log_rho.sem().to_numpy() if n > 1 else None,
                    unit="",
                    title=f"{label}{', ' * bool(label)}{n} sample{'s' * (n > 1)}",
                ),
            )
        if rows["f"].notna().any():
            yield f"f_of_temperature{tail}", plot_f_of_temperature(rows, title=label)


def plot_f_of_temperature(rows: pd.DataFrame, *, title: str = "") -> Figure:
    """f against temperature, with one line per relaxation time.

    Parameters
    ----------
    rows : pandas.DataFrame
        Rows of a long table with network.kT, tau_s and f of several samples.
    title : str

    Returns
    -------
    matplotlib Figure
        Points: means; bars: standard errors.
    """
    figure = new_figure(6.4, 4.2)
    axes = figure.subplots()
    times = np.unique(rows["tau_s"])
    for colour, tau_s in zip((BLUE, ORANGE, GREEN, RED, BLACK, GREY), times):
        one = rows[rows["tau_s"] == tau_s].groupby("network.kT")["f"]
        error = one.sem().to_numpy() if one.count().max() > 1 else None
        axes.errorbar(
            one.mean().index,
            one.mean(),
            error,
            fmt="o-",
            color=colour,
            markersize=4,
            linewidth=0.8,
            label=rf"$\tau_s/\tau_0$ = {tau_s:g}",
        )
    axes.set_xscale("log")
    axes.set_xlabel(r"$k_BT$, in the unit of the energies")
    axes.set_ylabel(r"$f$")
    axes.legend(frameon=False)
    finish(axes)
    figure.suptitle(title, fontsize=10)
    return figure


def plot_hanle(curve: Any, *, full: Any = None, title: str = "") -> Figure:
    """The three Hanle laws in one figure.

    Parameters
    ----------
    curve : hopnet.spin.HanleCurve
    full : dict of name -> (field, value), optional
        Points of the full equations for "along", "across", "normal".
    title : str

    Returns
    -------
    matplotlib Figure
    """
    figure = new_figure(6.8, 4.4)
    axes = figure.subplots()
    x = curve.field * curve.tau_s
    laws = (
        ("across", RED, "field along the spin: rises to $f_{dr}/f$"),
        ("along", BLUE, "field along the current: no Lorentzian"),
        ("normal", GREEN, "field normal to the plane: Lorentzian"),
    )
    for name, colour, label in laws:
        axes.plot(x, getattr(curve, f"field_{name}"), color=colour, label=label)
        if full and name in full:
            at, value = full[name]
            axes.plot(
                np.asarray(at) * curve.tau_s,
                value,
                "o",
                color=colour,
                markersize=5,
                markerfacecolor="none",
            )
    axes.axhline(curve.f_drift / curve.f, color=RED, linewidth=0.8, linestyle=":")
    if full:
        axes.plot([], [], "o", color=BLACK, markerfacecolor="none", label="full equations")
    axes.set_xlabel(r"$\omega_L\tau_s$")
    axes.set_ylabel(r"$s(B)/s(0)$")
    axes.set_ylim(min(0.0, 1.05 * float(np.min(curve.field_along))), 1.08 * curve.f_drift / curve.f)
    axes.annotate(
        r"$f_{dr}/f$", (x.max(), curve.f_drift / curve.f), ha="right", va="bottom", color=RED
    )
    axes.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    finish(axes)
    figure.suptitle(title, fontsize=10)
    return figure


def plot_step(time: ArrayLike, response: Any, tau_s: Any, *, title: str = "") -> Figure:
    """Growth of the induced spin after the current is switched on.

    Parameters
    ----------
    time : float64[n], in tau_0
    response : dict of label -> float64[n]
    tau_s : float
        Relaxation time of the plain exponential that is drawn for comparison.
    title : str

    Returns
    -------
    matplotlib Figure
    """
    time = np.asarray(time)
    figure = new_figure(6.4, 4.2)
    axes = figure.subplots()
    for colour, (label, value) in zip((BLUE, ORANGE, GREEN, RED), response.items()):
        axes.plot(time, value, color=colour, label=label)
    axes.plot(time, -np.expm1(-time / tau_s), "--", color=GREY, label=r"$1-\exp(-t/\tau_s)$")
    axes.axvline(tau_s, color=GREY, linewidth=0.8, linestyle=":")
    axes.annotate(r" $\tau_s$", (tau_s, 0.02), color=GREY)
    axes.set_xscale("log")
    axes.set_xlabel(r"time after switching on, $t/\tau_0$")
    axes.set_ylabel(r"$s(t)/s(\infty)$")
    axes.legend(frameon=False)
    finish(axes)
    figure.suptitle(title, fontsize=10)
    return figure


def plot_walk(
    walk: Any,
    exact_square: Any,
    *,
    diffusion: Any,
    spin: Any = None,
    exact_spin: Any = None,
    title: str = "",
) -> Figure:
    """Walks of carriers (points) compared with the equations (lines).

    Parameters
    ----------
    walk : hopnet.spin.monte_carlo.Walk
    exact_square : float64[n_times]
        x^2 + y^2 of the master equation.
    diffusion : float
        D of linear response, in a_b^2 / tau_0.
    spin : float64[n_times, 3], optional
        Mean spin of the carriers (default: of ``walk``).
    exact_spin : float64[n_times, 3], optional
    title : str

    Returns
    -------
    matplotlib Figure
    """
    figure = new_figure(10.0, 4.2)
    left, right = figure.subplots(1, 2)
    later = walk.time > 0
    time = walk.time[later]
    square = (walk.displacement**2).sum(axis=2)[:, later]
    n_carriers = square.shape[0]
    error = square.std(axis=0) / np.sqrt(n_carriers)
    left.errorbar(
        time,
        square.mean(axis=0),
        error,
        fmt="o",
        color=BLUE,
        markersize=4,
        label=f"{n_carriers} carriers",
    )
    left.plot(
        time, np.asarray(exact_square)[later], color=BLACK, linewidth=1, label="master equation"
    )
    left.plot(time, 4 * diffusion * time, "--", color=GREY, label=r"$4Dt$, linear response")
    left.set(xscale="log", yscale="log", xlabel=r"$t/\tau_0$", ylabel=r"$\langle r^2\rangle/a_b^2$")
    left.legend(frameon=False)
    mean = walk.spin.mean(axis=0) if spin is None else np.asarray(spin)
    error = walk.spin.std(axis=0) / np.sqrt(n_carriers)
    for x, colour in enumerate((RED, GREEN, BLUE)):
        right.errorbar(
            time,
            mean[later, x],
            error[later, x],
            fmt="o",
            color=colour,
            markersize=4,
            label=f"$s_{'xyz'[x]}$",
        )
        if exact_spin is not None:
            right.plot(time, np.asarray(exact_spin)[later, x], color=colour, linewidth=1)
    right.set(xscale="log", xlabel=r"$t/\tau_0$", ylabel="mean spin")
    right.legend(frameon=False)
    for axes in (left, right):
        finish(axes)
    figure.suptitle(title, fontsize=10)
    return figure
