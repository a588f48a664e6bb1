"""Figures of transport in strong fields."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from hopnet.ensemble.statistics import split_points
from hopnet.network.sites import critical_length
from hopnet.plots.frame import BLACK, BLUE, finish, new_figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from hopnet.transport.drift import Drift

__all__ = [
    "effective_temperatures",
    "fields_of",
    "plot_effective_temperature",
    "plot_field_curve",
    "plot_field_run",
    "plot_flow_maps",
]

# Links that carry less than this share of the strongest flow are not drawn: they would hide the
# others. A smaller share draws more links without changing the picture.
WEAKEST = 1e-3


def plot_field_curve(curve: pd.DataFrame, critical_length: float) -> Figure:
    """Velocity, mobility and diffusion constant against the field, three panels.

    Parameters
    ----------
    curve : pandas.DataFrame
        The result of `hopnet.transport.field_curve.field_curve`.
    critical_length : float, in a_b
        l_c, the unit of length of the field axis.
    """
    figure = new_figure(11, 3.6)
    panels = figure.subplots(1, 3)
    field = curve["field"] * critical_length
    columns = [
        ("velocity", "velocity $v$ ($a_b/\\tau_0$)"),
        ("mobility", "mobility $v/F$ ($a_b^2/\\tau_0 k_BT$)"),
        ("diffusion_ratio", "$D / (\\mu k_BT)$"),
    ]
    for axes, (name, label) in zip(panels, columns):
        axes.loglog(field, curve[name], "o-", markersize=4, color=BLUE)
        axes.set_xlabel("field $eF l_c / k_BT$")
        axes.set_ylabel(label)
        finish(axes)
    return figure


def plot_flow_maps(solutions: list[Drift], critical_length: float) -> Figure:
    """Net flows on the sites of one sample at several fields, one panel each.

    Parameters
    ----------
    solutions : list of Drift
    critical_length : float, in a_b
    """
    figure = new_figure(4 * len(solutions), 4.2)
    panels = np.atleast_1d(figure.subplots(1, len(solutions)))
    for axes, drift in zip(panels, solutions):
        network = drift.network
        size = np.abs(drift.flow) / np.abs(drift.flow).max()
        drawn = np.flatnonzero(size > WEAKEST)
        drawn = drawn[np.argsort(size[drawn])]
        start = network.sites.position[network.link_i[drawn]]
        lines = np.stack([start, start + network.separation[drawn]], axis=1)
        level = np.log10(size[drawn])
        links = LineCollection(list(lines), array=level, cmap="viridis", linewidths=3 + level)
        axes.add_collection(links)
        axes.set(xlim=(0, network.sites.length), ylim=(0, network.sites.width), aspect="equal")
        axes.set_xlabel("$x$ ($a_b$)")
        axes.set_title(f"$eF l_c = {abs(drift.field) * critical_length:.3g}\\,k_BT$")
    panels[0].set_ylabel("$y$ ($a_b$)")
    figure.colorbar(links, ax=panels, label="log$_{10}$ of flow over the strongest flow")
    return figure


def fields_of(table: pd.DataFrame) -> np.ndarray:
    """Fields in kT/(e l_c) of the columns of a run over fields; empty for other runs."""
    start = "log_velocity_at_"
    names = [name.removeprefix(start) for name in table if str(name).startswith(start)]
    return np.array([float(name) for name in names if name.replace("_", "") == name])


def of_each_field(row: pd.Series, name: str, fields: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean over samples and standard error of one quantity at each field."""
    mean = [row[f"{name}_at_{F:g}"] for F in fields]
    error = [row[f"{name}_at_{F:g}_standard_error"] for F in fields]
    return np.array(mean, float), np.array(error, float)


def plot_field_run(
    statistics: pd.DataFrame,
    scanned: Sequence[str],
    labels: Sequence[str],
    density: Sequence[float],
) -> Figure:
    """Velocity and mobility of every point of a run over fields, and D / (mu kT).

    The velocity is one over the mean of 1/v over samples, since times add along a path; dashed
    lines are exp of the mean of ln v.

    Parameters
    ----------
    statistics : pandas.DataFrame
        As `hopnet.read_results` gives them.
    scanned : sequence of str
    labels : sequence of str
        One for each point.
    density : sequence of float
        n_s a_b^2 of each point.
    """
    import matplotlib

    fields = fields_of(statistics)
    points = split_points(statistics, scanned)
    shades = matplotlib.colormaps["viridis"](np.linspace(0.05, 0.85, len(points)))
    figure = new_figure(12, 4)
    panels = figure.subplots(1, 3)
    for (_, rows), label, n_s, shade in zip(points, labels, density, shades):
        row = rows.iloc[0]
        field = fields / critical_length(n_s)
        inverse, error = of_each_field(row, "inverse_velocity", fields)
        typical = np.exp(of_each_field(row, "log_velocity", fields)[0])
        diffusion, _ = of_each_field(row, "diffusion", fields)
        mean = 1.0 / inverse
        panels[0].errorbar(
            fields, mean, mean * error / inverse, fmt="o-", markersize=3, color=shade, label=label
        )
        panels[0].plot(fields, typical, "--", color=shade, linewidth=0.8)
        weakest = mean[0] / field[0]
        panels[1].plot(fields, mean / field / weakest, "o-", markersize=3, color=shade)
        panels[2].plot(fields, diffusion * field / typical, "o-", markersize=3, color=shade)
    names = ["velocity $v$ ($a_b/\\tau_0$)", "$\\mu(F)/\\mu(F_{min})$", "$D/(\\mu k_BT)$"]
    for axes, name in zip(panels, names):
        axes.set(xscale="log", yscale="log", ylabel=name)
        axes.set_xlabel("field $eFl_c/k_BT$")
        finish(axes)
    panels[0].plot([], [], "--", color=BLACK, linewidth=0.8, label=r"$\exp\langle\ln v\rangle$")
    panels[0].legend(fontsize=7)
    return figure


def effective_temperatures(
    temperature: np.ndarray, log_mobility: np.ndarray, own: float, at_field: np.ndarray
) -> np.ndarray:
    """Temperatures at which the mobility of a weak field equals that of a field at ``own``.

    Parameters
    ----------
    temperature : float64[n]
        Rising.
    log_mobility : float64[n]
        ln of J / F in the weak field at each temperature, rising.
    own : float
        The temperature of the fields.
    at_field : float64[m]
        ln of J / F at each field.

    Returns
    -------
    float64[m]
        NaN where no temperature of the run reaches the value, or where it is below ``own``.
    """
    rising = np.maximum.accumulate(log_mobility)
    found = np.interp(at_field, rising, temperature, left=np.nan, right=np.nan)
    return np.where(found >= own * (1.0 - 1e-9), found, np.nan)


def plot_effective_temperature(
    statistics: pd.DataFrame, density: float, width: float = 1.0
) -> Figure:
    """T_eff of every temperature against the field, and gamma of T_eff^2 = T^2 + (gamma e F a)^2.

    The law of an exponential tail would make gamma one constant, about 0.67 in three dimensions
    with a the localisation length.

    Parameters
    ----------
    statistics : pandas.DataFrame
        The statistics of a run over network.kT and fields, at one density.
    density : float
        n_s a_b^2.
    width : float
        Width of the density of states, in the unit of kT.
    """
    fields = fields_of(statistics)
    rows = statistics[statistics["tau_s"] == statistics["tau_s"].iloc[0]].sort_values("network.kT")
    kT = rows["network.kT"].to_numpy(float)
    l_c = critical_length(density)
    log_velocity = np.array(
        [of_each_field(row, "log_velocity", fields)[0] for _, row in rows.iterrows()]
    )
    # J / F in units without kT: velocity over e F a_b in the unit of the energies.
    force = fields / l_c * kT[:, None]
    log_ratio = log_velocity - np.log(force)
    figure = new_figure(9, 4)
    panels = figure.subplots(1, 2)
    for T, ratio, eFa in zip(kT, log_ratio, force):
        found = effective_temperatures(kT, log_ratio[:, 0], T, ratio)
        panels[0].plot(eFa / width, found / width, "o-", markersize=3, label=f"$k_BT={T:g}$")
        gamma = np.sqrt(np.maximum(found**2 - T**2, 0.0)) / eFa
        panels[1].plot(eFa / width, np.where(gamma > 0, gamma, np.nan), "o-", markersize=3)
    panels[1].axhline(0.67, color=BLACK, linestyle="--", linewidth=0.8)
    panels[0].set(xscale="log", yscale="log", ylabel="$k_BT_{eff}$ / width")
    panels[1].set(xscale="log", ylabel="$\\gamma = (T_{eff}^2-T^2)^{1/2}/(eFa_b)$", ylim=(0, 3))
    panels[0].legend(fontsize=7, loc="upper left")
    for axes in panels:
        axes.set_xlabel("field $eFa_b$ / width")
        finish(axes)
    return figure
