"""Draws docs/_static/star_mesh.png: one site eliminated, and why nothing is subtracted."""

from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

TARGET = Path(__file__).parent / "_static" / "star_mesh.png"
BLUE, RED, GREY = "#2060a8", "#b03a48", "#777777"


def line(axes, a, b, text, colour, width):
    """A resistor with its conductance."""
    axes.plot(*np.transpose([a, b]), color=colour, linewidth=width, zorder=1)
    middle = 0.5 * (np.asarray(a) + b)
    axes.text(
        *middle, text, ha="center", va="center", fontsize=11,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5},
    )  # fmt: skip


def dots(axes, places, names, colour):
    """Sites with their names."""
    for place, name in zip(places, names):
        axes.plot(*place, "o", markersize=17, color=colour, zorder=2)
        axes.text(*place, name, color="white", ha="center", va="center", zorder=3)


def main():
    """Write the picture."""
    figure = Figure(figsize=(9.6, 3.4), layout="constrained")
    FigureCanvasAgg(figure)
    star, mesh = figure.subplots(1, 2)
    angle = np.pi / 2 + 2 * np.pi / 3 * np.arange(3)
    corner = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    for k in range(3):
        line(star, (0, 0), corner[k], f"$g_{{k{k + 1}}}$", BLUE, 2.0)
    dots(star, [(0, 0)], "k", RED)
    for a, b in ((0, 1), (1, 2), (2, 0)):
        text = rf"$+\,g_{{k{a + 1}}}\,g_{{k{b + 1}}}/d_k$"
        line(mesh, corner[a], corner[b], text, BLUE, 2.0)
    for axes, title in (
        (star, r"star: site $k$, $d_k = g_{k1}+g_{k2}+g_{k3}$"),
        (mesh, "mesh: the same currents for any voltages at 1, 2, 3"),
    ):
        dots(axes, corner, "123", GREY)
        axes.set(xlim=(-1.5, 1.5), ylim=(-0.85, 1.25), aspect="equal", title=title)
        axes.set_axis_off()
    figure.savefig(TARGET, dpi=160)


if __name__ == "__main__":
    main()
