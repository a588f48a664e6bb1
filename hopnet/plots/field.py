"""Figures of transport in strong fields."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from hopnet.plots.frame import BLUE, finish, new_figure

if TYPE_CHECKING:
    import pandas as pd

    from hopnet.transport.drift import Drift

__all__ = ["plot_field_curve", "plot_flow_maps"]

# Links that carry less than this share of the strongest flow are not drawn: they would hide the
# others. A smaller share draws more links without changing the picture.
WEAKEST = 1e-3


def plot_field_curve(curve: pd.DataFrame, critical_length: float) -> Figure:
    """Velocity, mobility and diffusion constant against the field, three panels.

    Parameters
    ----------
    curve : pandas.DataFrame
        From `hopnet.transport.field_curve.field_curve`.
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
