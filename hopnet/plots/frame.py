"""Parts that all figures share: the figure, its axes, its file."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text

from hopnet.checks import one_of
from hopnet.files import atomic_write
from hopnet.network.sites import Sites

__all__ = [
    "BLACK",
    "BLUE",
    "CHOSEN",
    "FORMATS",
    "GREEN",
    "GREY",
    "ORANGE",
    "RED",
    "depth_fade",
    "finish",
    "looking",
    "new_figure",
    "save_figure",
]

BLUE, ORANGE, GREEN, RED = "#2060a8", "#d9822b", "#2e8b57", "#b03a48"
BLACK, GREY = "#222222", "#777777"
FORMATS = ("png", "pdf", "svg")
# Opacity of what lies at the back of a sample in space. A smaller number hides it, a larger one
# makes the front harder to see.
FAINT = 0.15
UNDATED = {"png": None, "pdf": {"CreationDate": None}, "svg": {"Date": None}}


class Look(NamedTuple):
    """Layout of all figures: their size, and the axis of relaxation times."""

    scale: float  # of width and height
    text: float  # of text and lines
    times: str  # "rate": tau_0 / tau_s; "tau_s": tau_s / tau_0


# A figure for a screen is about as wide as a page of text. One for paper fits a column of a
# journal, 3.4 inches, and its text of 7 points is as large as that of the caption.
LOOKS = {"screen": Look(1.0, 1.0, "rate"), "paper": Look(0.53, 0.7, "rate")}
CHOSEN = ContextVar("look", default=LOOKS["screen"])


@contextlib.contextmanager
def looking(style: str, times: str = "rate") -> Iterator[None]:
    """Draw the figures of a block in one look.

    Parameters
    ----------
    style : {"screen", "paper"}
    times : {"rate", "tau_s"}
        Quantity on the axis of relaxation times.
    """
    one_of("style", style, LOOKS)
    one_of("x", times, ("rate", "tau_s"))
    token = CHOSEN.set(LOOKS[style]._replace(times=times))
    try:
        yield
    finally:
        CHOSEN.reset(token)


def new_figure(width: float, height: float) -> Figure:
    """A Figure of its own, in inches on a screen, with a canvas that writes files."""
    scale = CHOSEN.get().scale
    figure = Figure(figsize=(scale * width, scale * height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def finish(axes: Any) -> None:
    """Light grid, no box above and on the right."""
    axes.grid(alpha=0.25, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def save_figure(figure: Any, path: str | Path) -> None:
    """Write a Figure, whole or not at all.

    Parameters
    ----------
    figure : matplotlib Figure
    path : path-like
        Its ending, .png, .pdf or .svg, chooses the format.
    """
    ending = Path(path).suffix.lstrip(".") or "png"
    one_of("format", ending, FORMATS)
    look = CHOSEN.get()
    for text in figure.findobj(Text):
        text.set_fontsize(look.text * text.get_fontsize())
    for line in figure.findobj(Line2D):
        line.set_linewidth(look.text * line.get_linewidth())
    buffer = io.BytesIO()
    # Vector files keep text as text, so that an editor can change it, and hold no date.
    with matplotlib.rc_context({"pdf.fonttype": 42, "svg.fonttype": "none"}):
        dpi = 160 / look.scale
        figure.savefig(buffer, dpi=dpi, format=ending, metadata=UNDATED[ending])
    with atomic_write(path) as file:
        file.write(buffer.getvalue())


def depth_fade(sites: Sites, site: np.ndarray) -> np.ndarray:
    """Opacity of what is drawn at each site: 1 at the front (largest z), FAINT at the back."""
    if sites.height is None:
        return np.ones(site.size)
    return FAINT + (1.0 - FAINT) * sites.position[site, 2] / sites.height
