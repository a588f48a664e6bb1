"""Figures of a material in SI units, and the page that shows them together."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter
from scipy.constants import e, k

from hopnet.files import atomic_write
from hopnet.material import Material, quiet_limits
from hopnet.percolation.backbone import find_backbone
from hopnet.plots.frame import BLACK, BLUE, GREEN, GREY, ORANGE, finish, new_figure, save_figure
from hopnet.plots.percolation import draw_backbone
from hopnet.spin.hanle import hanle_curve
from hopnet.spin.laboratory import charge_network, sample_of, spin_network

__all__ = [
    "plot_field",
    "plot_hanle_tesla",
    "plot_map",
    "plot_temperatures",
    "report_figures",
    "write_report",
]

# Largest number of sites of the map and of the Hanle curve. More sites are too small to be seen.
MAP_SITES = 3000
# The Hanle curve reaches this many times the field at which spins turn by one radian in tau_s.
HANLE_REACH = 5.0

STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; display: block; overflow-x: auto; }
td, th { padding: 0.2rem 0.8rem; border-bottom: 1px solid #8888; text-align: left; }
img { max-width: 100%; background: white; border-radius: 4px; }
figure { margin: 1.5rem 0; } figcaption { font-size: 0.9rem; }
"""


def plot_temperatures(table: pd.DataFrame, *, title: str = "") -> Figure:
    """Sheet resistance, local activation energy and polarisation against temperature.

    Parameters
    ----------
    table : DataFrame
        As `hopnet.laboratory_table` returns it.
    title : str

    Returns
    -------
    matplotlib Figure
    """
    spin = "polarisation" in table
    figure = new_figure(6.4, 7.4 if spin else 5.6)
    panels = figure.subplots(3 if spin else 2, 1, sharex=True, height_ratios=[2, 1, 1][: 2 + spin])
    T, rho = table["T_K"], table["resistance_Ohm"]
    error = np.nan_to_num(table["relative_standard_error"])
    panels[0].errorbar(T, rho, rho * error, fmt="o-", color=BLUE, linewidth=1, markersize=4)
    panels[0].set(xscale="log", yscale="log", ylabel=r"sheet resistance ($\Omega$)", title=title)
    panels[1].plot(T, table["w"], "o-", color=ORANGE, linewidth=1, markersize=4)
    panels[1].set_ylabel(r"$w = -\mathrm{d}\,\ln\rho\,/\,\mathrm{d}\,\ln T$")
    if spin:
        s = 100 * table["polarisation"]
        bar = 100 * np.nan_to_num(table["polarisation_standard_error"])
        panels[2].errorbar(T, s, bar, fmt="o-", color=GREEN, linewidth=1, markersize=4)
        panels[2].set(yscale="log", ylabel="polarisation (%)")
    panels[-1].set_xlabel("temperature (K); bars: standard error over samples")
    middle, half = (table["w"].max() + table["w"].min()) / 2, np.ptp(table["w"]) / 2
    panels[1].set_ylim(middle - 1.1 * half - 0.05, middle + 1.1 * half + 0.05)
    for axes in panels:
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter("{x:g}" if np.ptp(np.log10(T)) < 1.2 else NullFormatter())
        finish(axes)
    return figure


def plot_field(polarisation: float, field: float, material: Material) -> Figure:
    """Polarisation against the electric field, with the end of the linear response.

    Parameters
    ----------
    polarisation : float
        s at ``field``.
    field : float, V/m
    material : Material

    Returns
    -------
    matplotlib Figure
    """
    end = k * float(material.T or 0.0) / (e * material.critical_length)
    E = np.geomspace(min(field, end) / 30, 10 * max(field, end), 200)
    s = 100 * polarisation * E / field
    figure = new_figure(6.4, 4.2)
    axes = figure.add_subplot()
    axes.loglog(E[end >= E] * 1e-5, s[end >= E], color=BLUE, label="linear response")
    axes.loglog(E[end < E] * 1e-5, s[end < E], "--", color=BLUE, label="extrapolated")
    axes.axvline(end * 1e-5, color=GREY, linewidth=1)
    axes.annotate(
        r"$eEl_c = k_BT$",
        (end * 1e-5, s.min()),
        xytext=(5, 8),
        textcoords="offset points",
        color=GREY,
    )
    axes.plot([field * 1e-5], [100 * polarisation], "o", color=BLACK, label="the answer")
    axes.set(xlabel="electric field (kV/cm)", ylabel="polarisation (%)")
    axes.legend(frameon=False)
    finish(axes)
    return figure


def plot_map(material: Material, seed: int, n_sites: int) -> Figure:
    """The backbone of one sample at its threshold.

    Parameters
    ----------
    material : Material
    seed : int
        The sample is the first of `hopnet.laboratory_numbers` with this seed and ``n_sites``.
    n_sites : int

    Returns
    -------
    matplotlib Figure
    """
    sites = sample_of(material, n_sites, seed)
    with quiet_limits():
        backbone = find_backbone(charge_network(material, sites))
    figure = new_figure(6.4, 6.0)
    axes = figure.add_subplot()
    draw_backbone(axes, backbone)
    nm = material.a_b * 1e9
    axes.set_title(
        f"One sample of {n_sites} sites at its threshold; the side is "
        f"{sites.length * nm:.3g} nm ($a_b$ = {nm:.3g} nm)",
        fontsize=10,
    )
    return figure


def plot_hanle_tesla(material: Material, seed: int, n_sites: int) -> Figure:
    """The three Hanle curves of one sample against the magnetic field in mT.

    Parameters
    ----------
    material : Material
        With ``g_factor``.
    seed, n_sites : int
        As in `plot_map`.

    Returns
    -------
    matplotlib Figure
    """
    with quiet_limits():
        network = spin_network(material, sample_of(material, n_sites, seed))
        per_tesla = abs(material.precession(1.0, float(material.g_factor or 0.0)))
        tau_s = material.tau_s / material.tau_0
        tesla = np.linspace(0.0, HANLE_REACH / (per_tesla * tau_s), 101)
        curve = hanle_curve(network, tau_s, per_tesla * tesla)
    figure = new_figure(6.4, 4.2)
    axes = figure.add_subplot()
    for value, label, colour in (
        (curve.field_along, "field along the current", BLUE),
        (curve.field_across, "field across it, in the plane", ORANGE),
        (curve.field_normal, "field normal to the plane", GREEN),
    ):
        axes.plot(1e3 * tesla, value, color=colour, label=label)
    axes.set(
        xlabel="magnetic field (mT)",
        ylabel="induced spin / spin without field",
        title=f"one sample of {n_sites} sites, g = {material.g_factor:g}",
    )
    axes.legend(frameon=False)
    finish(axes)
    return figure


def report_figures(
    material: Material, table: pd.DataFrame, answer: Mapping[str, Any], given: Mapping[str, int]
) -> dict[str, tuple[Figure, str]]:
    """The figures of a report, each with its caption."""
    n_sites, seed, samples = given["n_sites"], given["seed"], given["samples"]
    few = min(n_sites, MAP_SITES)
    per_square = rf"$n_s a_b^2$ = {material.density:.3g}"
    title = f"{samples} samples of {n_sites} sites (cylinder), {per_square}"
    found = {
        "resistance": (
            plot_temperatures(table, title=title),
            "Sheet resistance and local activation energy against temperature. A line of slope "
            "1/3 in the logarithm of w against that of T is Mott's law.",
        ),
        "map": (
            plot_map(material, seed, few),
            "The percolating cluster of one sample at its threshold. Blue and orange links carry "
            "current (orange: the shortest path). Cutting any red link stops the current. Grey "
            "links are dead ends.",
        ),
    }
    s = answer["polarisation_per_cent"]
    if s is not None:
        field = answer["field_kV_cm"] * 1e5
        found["field"] = (
            plot_field(s / 100, field, material),
            "Spin polarisation against the electric field.",
        )
    if s is not None and material.g_factor:
        found["hanle"] = (
            plot_hanle_tesla(material, seed, few),
            "Induced spin against the magnetic field (Hanle effect). Its width gives tau_s.",
        )
    return found


def write_report(
    folder: Path,
    material: Material,
    table: pd.DataFrame,
    answer: Mapping[str, Any],
    given: Mapping[str, int],
) -> list[Path]:
    """Write the page ``report.html``, its figures and the table of temperatures.

    Parameters
    ----------
    folder : path
        It is made if missing.
    material : Material
    table : DataFrame
        As `hopnet.laboratory_table` returns it.
    answer : dict
        The numbers that ``hopnet material --json`` prints.
    given : dict
        n_sites, seed and samples.

    Returns
    -------
    list of path
    """
    folder.mkdir(parents=True, exist_ok=True)
    parts = []
    for name, (figure, caption) in report_figures(material, table, answer, given).items():
        save_figure(figure, folder / f"{name}.png")
        data = base64.b64encode((folder / f"{name}.png").read_bytes()).decode()
        parts.append(
            f'<figure><img alt="{html.escape(caption)}" src="data:image/png;base64,{data}">'
            f"<figcaption>{html.escape(caption)}</figcaption></figure>"
        )
    with atomic_write(folder / "temperatures.csv") as file:
        file.write(table.to_csv(index=False).encode())
    with atomic_write(folder / "report.html") as file:
        file.write(page_of(answer, parts, material).encode())
    return [folder / "report.html", folder / "temperatures.csv"]


def page_of(answer: Mapping[str, Any], parts: list[str], material: Material) -> str:
    """The text of the page."""
    rows = "".join(
        f"<tr><th>{html.escape(name)}</th><td>{html.escape(text)}</td></tr>"
        for name, text in answer["lines"]
    )
    warnings = list(answer["warnings"])
    if material.g_factor is None:
        warnings.append("no Hanle curve: the file has no g_factor")
    faults = "".join(f"<li>{html.escape(text)}</li>" for text in warnings)
    page = io.StringIO()
    page.write("<!doctype html><html lang='en'><head><meta charset='utf-8'>")
    page.write("<meta name='viewport' content='width=device-width, initial-scale=1'>")
    page.write(f"<title>{html.escape(answer['material'])}</title><style>{STYLE}</style></head>")
    page.write(f"<body><h1>{html.escape(answer['material'])}</h1><table>{rows}</table>")
    page.write(f"<h2>Warnings</h2><ul>{faults or '<li>none</li>'}</ul>")
    page.write(f"{''.join(parts)}</body></html>")
    return page.getvalue()
