"""Figures of intrinsic spin currents: Bi2Se3, hole wells, the cutoff, each in every form."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from hopnet.plots.frame import BLACK, BLUE, GREEN, GREY, ORANGE, RED, finish, new_figure

__all__ = ["plot_cutoff", "plot_insulator", "plot_splitting", "plot_well"]

COLOURS = (BLUE, ORANGE, GREEN, RED, BLACK)
BULK_UNIT = r"$\sigma^y_{zx}$  $[(\hbar/2e)\,\Omega^{-1}\mathrm{m}^{-1}]$"
WELL_UNIT = r"$\sigma^z_{yx}$  $[e/8\pi]$"


def zero_line(axes):
    """Zero line and light grid."""
    axes.axhline(0.0, color=GREY, linewidth=0.7)
    finish(axes)


def plot_insulator(curves: Any) -> Figure:
    """Bi2Se3 against Fermi energy: the paper's Fig. 1, with the other forms beside it.

    Parameters
    ----------
    curves : sequence of Curve
        The curves of `hopnet.berry.insulator_curves`; the last one keeps whole doublets.

    Returns
    -------
    matplotlib Figure
    """
    figure = new_figure(11.0, 4.6)
    left, right = figure.subplots(1, 2)
    *split, block = curves
    for curve, colour in zip(split, COLOURS):
        left.plot(curve.x, curve.lcc, color=colour, label=f"LCC, {curve.label}, split doublets")
        left.plot(curve.x, curve.xn, color=colour, linestyle=":", linewidth=1.1)
    left.plot(block.x, block.lcc, color=BLACK, linestyle="--", label="LCC, whole doublets")
    left.plot([], [], color=GREY, linestyle=":", label="XN (sign-corrected), same colours")
    left.axhspan(800, 1200, color=GREY, alpha=0.18, linewidth=0)
    left.annotate(
        "paper: ~$10^3$",
        (0.02, 1000),
        xycoords=("axes fraction", "data"),
        va="center",
        fontsize=8,
    )
    left.set_title("band-diagonal forms", fontsize=10)
    low, high = left.get_ylim()
    left.set_ylim(low - 0.55 * (high - low), high)  # room for the legend
    right.plot(block.x, block.conventional, color=BLUE, label="conventional (Kubo)")
    if block.conserved is not None:
        right.plot(block.x, block.conserved, color=RED, label="conserved (Shi et al.), kT = 5 meV")
    right.plot(block.x, block.lcc, color=BLACK, linestyle="--", label="LCC, whole doublets")
    for curve, colour in zip(split, COLOURS):
        right.plot(curve.x, curve.lcc, color=colour, linewidth=0.8, alpha=0.7)
    right.axhline(0.15e5, color=GREEN, linewidth=0.8, linestyle="--")
    right.annotate(
        r"measured (quoted): $\sigma^x_{zx}$ 0.15 to 1.6, $\sigma^y_{zx}$ 2, $\times 10^5$",
        (0.8, 0.15e5),
        xycoords=("axes fraction", "data"),
        ha="right",
        va="bottom",
        fontsize=7.5,
        color=GREEN,
    )
    right.set_title("the other forms, same unit", fontsize=10)
    for axes in (left, right):
        axes.axvline(270.0, color=GREY, linewidth=0.8, linestyle="-.")
        axes.annotate(
            "paper: conduction band",
            (270.0, 0.02),
            xycoords=("data", "axes fraction"),
            rotation=90,
            fontsize=7,
            ha="right",
            va="bottom",
            color=GREY,
        )
        axes.set_xlabel(r"Fermi energy  $E_F$  [meV]")
        axes.set_ylabel(BULK_UNIT)
        zero_line(axes)
    left.legend(fontsize=7.5, frameon=False, loc="lower left")
    right.legend(fontsize=7.5, frameon=False, loc="center left", bbox_to_anchor=(0.22, 0.62))
    figure.suptitle("Bulk Bi$_2$Se$_3$: spin current along z, spin y, field along x", fontsize=11)
    return figure


def plot_cutoff(curves: Any, warped: Any = None) -> Figure:
    """Gapped Bi2Se3 in a ball |k| < kmax: dependence of each form on the cutoff.

    Parameters
    ----------
    curves : sequence of Curve
        The curves of `hopnet.berry.cutoff_curves`; the last one keeps whole doublets.
    warped : sequence of Curve, optional
        The same with the warping terms and m along z, in a second panel.

    Returns
    -------
    matplotlib Figure
    """
    figure = new_figure(6.4 if warped is None else 11.0, 4.4)
    panels = figure.subplots(1, 1 if warped is None else 2, sharey=True, squeeze=False)[0]
    panels[0].set_title("Bi$_2$Se$_3$ in the gap, |m| = 1 meV", fontsize=10)
    draw_cutoff(panels[0], curves)
    if warped is not None:
        panels[1].set_title("with the warping terms $R_1$, $R_2$", fontsize=10)
        draw_cutoff(panels[1], warped, xn=True)
        panels[1].set_ylabel("")
    return figure


def draw_cutoff(axes, curves, xn=False):
    """One panel of `plot_cutoff`; without warping XN is the mirror image of LCC."""
    block = curves[-1]
    for curve in curves:
        colour = BLACK if curve is block else dict(zip("xyz", COLOURS))[curve.label[-1]]
        style = "--" if curve is block else "-"
        label = f"LCC, {curve.label}"
        axes.semilogx(curve.x, curve.lcc, color=colour, linestyle=style, label=label)
        if xn:
            axes.semilogx(
                curve.x,
                -curve.xn,
                color=colour,
                linestyle=style,
                linewidth=0.9,
                alpha=0.5,
                label=f"-XN, {curve.label}",
            )
    axes.semilogx(block.x, -block.conventional, color=RED, linestyle=":", label="-conventional")
    axes.axhspan(800, 1200, color=GREY, alpha=0.18, linewidth=0)
    axes.annotate(
        "paper: ~$10^3$",
        (0.02, 1000),
        xycoords=("axes fraction", "data"),
        va="center",
        fontsize=8,
    )
    axes.set_xlabel(r"cutoff  $k_{max}$  [1/$\mathrm{\AA}$]")
    axes.set_ylabel(BULK_UNIT)
    zero_line(axes)
    axes.legend(fontsize=8, frameon=False)


def plot_well(curves: Any, *, xlabel: Any, logarithmic: bool = False, title: str = "") -> Figure:
    """Hole wells as in the paper's Fig. 2, with one panel per form.

    Parameters
    ----------
    curves : sequence of Curve
        The curves of `hopnet.berry.well_energy_curves` or `well_field_curves`.
    xlabel : str
    logarithmic : bool
        Logarithmic axis of x.
    title : str

    Returns
    -------
    matplotlib Figure
    """
    forms = [("lcc", "LCC (printed)"), ("xn", "XN (sign-corrected)")]
    forms.append(("conventional", "conventional (Kubo)"))
    if all(c.conserved is not None for c in curves):
        forms.append(("conserved", "conserved (Shi et al.), kT = 0.2 meV"))
    figure = new_figure(9.0, 3.1 * ((len(forms) + 1) // 2) + 0.4)
    panels = figure.subplots((len(forms) + 1) // 2, 2, sharex=True, squeeze=False).ravel()
    for axes, (name, heading) in zip(panels, forms):
        for curve, colour in zip(curves, COLOURS):
            axes.plot(curve.x, getattr(curve, name), color=colour, label=curve.label)
        if logarithmic:
            axes.set_xscale("log")
        axes.set_title(heading, fontsize=10)
        axes.set_ylabel(WELL_UNIT)
        zero_line(axes)
    for axes in panels[len(forms) :]:
        axes.set_visible(False)
    for axes in panels[max(0, len(forms) - 2) :]:
        axes.set_xlabel(xlabel)
        axes.tick_params(labelbottom=True)
    panels[0].legend(fontsize=8, frameon=False)
    figure.suptitle(title, fontsize=11)
    return figure


def plot_splitting(fields: Any, splittings: Any, wave_vector: Any) -> Figure:
    """Spin splitting of the lowest heavy-hole subband against the gate field.

    Parameters
    ----------
    fields : float64[n], MV/m
    splittings : dict of str to float64[n], eV
    wave_vector : float, 1/Angstrom

    Returns
    -------
    matplotlib Figure
    """
    figure = new_figure(6.0, 4.0)
    axes = figure.subplots()
    for (material, energy), colour in zip(splittings.items(), COLOURS):
        axes.semilogx(fields, 1e3 * np.asarray(energy), color=colour, label=material)
    axes.set_xlabel(r"gate field  $F_z$  [MV/m]")
    axes.set_ylabel("spin splitting  [meV]")
    axes.set_title(rf"lowest heavy holes at k = {wave_vector:g} 1/$\mathrm{{\AA}}$", fontsize=10)
    finish(axes)
    axes.legend(fontsize=8, frameon=False)
    return figure
