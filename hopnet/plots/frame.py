"""Parts that all figures share: the figure, its axes, its file."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from hopnet.files import atomic_write

__all__ = ["BLACK", "BLUE", "GREEN", "GREY", "ORANGE", "RED", "finish", "new_figure", "save_figure"]

BLUE, ORANGE, GREEN, RED = "#2060a8", "#d9822b", "#2e8b57", "#b03a48"
BLACK, GREY = "#222222", "#777777"


def new_figure(width: float, height: float) -> Figure:
    """A Figure of its own, in inches, with a canvas that writes PNG."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def finish(axes: Any) -> None:
    """Light grid, no box above and on the right."""
    axes.grid(alpha=0.25, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def save_figure(figure: Any, path: str | Path) -> None:
    """Write a Figure as PNG, whole or not at all.

    Parameters
    ----------
    figure : matplotlib Figure
    path : path-like
    """
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=160, format="png")
    with atomic_write(path) as file:
        file.write(buffer.getvalue())
