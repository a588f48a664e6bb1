"""Figures of records, drawn by their method ``plot``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from hopnet.checks import array_of
from hopnet.errors import ParameterError
from hopnet.plots.dynamics import plot_hanle
from hopnet.plots.frame import BLACK, BLUE, GREY, ORANGE, finish, new_figure
from hopnet.plots.kinetics import plot_spin_map
from hopnet.plots.memory import plot_memory, plot_spin_noise
from hopnet.plots.network import LARGEST, draw_flow, draw_spin, window
from hopnet.plots.percolation import plot_backbone, plot_flow, plot_triads, segments
from hopnet.records import Record

__all__ = ["plot_record"]

# Number of clusters with a colour of their own, largest first. More colours are hard to
# distinguish.
COLOURED = 10


def plot_record(record: Record, *, slab: Any = None) -> Figure:
    """The picture of a record.

    Parameters
    ----------
    record : Record
        One of the kinds in `PICTURES`.
    slab : (float, float), a_b, optional
        Two heights; of the kinds in `SLICED`.

    Returns
    -------
    matplotlib Figure

    Raises
    ------
    ParameterError
        If there is no picture of this kind, or no slice of it.
    """
    kind = type(record).__name__
    if kind not in PICTURES:
        raise ParameterError(
            f"there is no picture of {kind}; those with one are {', '.join(sorted(PICTURES))}."
        )
    if slab is None:
        return PICTURES[kind](record)
    if kind not in SLICED:
        raise ParameterError(
            f"slab is known for {', '.join(sorted(SLICED))}, this is a {kind}; leave it out."
        )
    return SLICED[kind](record, check_slab(record, slab))


def check_slab(record: Any, slab: Any) -> tuple[float, float]:
    """Two heights, the lower one first, or a ParameterError."""
    sites = record if hasattr(record, "position") else getattr(record, "network", record)
    sites = getattr(sites, "sites", sites)
    if sites.height is None:
        raise ParameterError(
            "a slab needs sites in space, these lie in a plane; leave slab out, or take "
            "random_sites(..., dimension=3)."
        )
    low, high = array_of("slab", slab, shape=(2,)).tolist()
    if not 0.0 <= low < high <= sites.height:
        raise ParameterError(
            f"slab must be two heights from 0 to {sites.height:.4g} a_b, the lower one first, got "
            f"{low:g} and {high:g}; take ({sites.height / 3:.4g}, {2 * sites.height / 3:.4g}), "
            "the middle."
        )
    return low, high


Slab = tuple[float, float] | None


def sites_inside(sites: Any, box: np.ndarray, slab: Slab) -> np.ndarray:
    """bool[n_sites]: which sites lie in a window, and between two heights."""
    place = sites.position
    inside = np.all((place[:, :2] >= box[:, 0]) & (place[:, :2] <= box[:, 1]), axis=1)
    return inside if slab is None else inside & (slab[0] <= place[:, 2]) & (place[:, 2] <= slab[1])


def slab_words(slab: Slab) -> str:
    """The heights between which a picture shows a sample."""
    return "" if slab is None else rf", ${slab[0]:.4g} \leq z/a_b \leq {slab[1]:.4g}$"


def plane(network: Any, title: str, slab: Slab = None) -> tuple[Figure, Any, np.ndarray]:
    """Figure and axes of the plane of a sample, and the sites in the part that is drawn.

    Samples of more than `LARGEST` sites are cut to a window around the middle.
    """
    sites = network.sites
    box = window(sites, LARGEST)
    inside = sites_inside(sites, box, slab)
    figure = new_figure(7.6, 7.0)
    axes = figure.add_subplot()
    axes.set(xlim=box[0], ylim=box[1], aspect="equal", xlabel=r"$x/a_b$", ylabel=r"$y/a_b$")
    part = "" if inside.all() else f" ({inside.sum()} of them shown)"
    axes.set_title(
        rf"{title}$N$ = {sites.n_sites}{part}, $n_s a_b^{sites.dimension}$ = {sites.density:.4g}, "
        f"{sites.geometry}{slab_words(slab)}",
        fontsize=10,
    )
    return figure, axes, inside


def draw_sites(axes: Any, network: Any, inside: np.ndarray) -> None:
    """The sites as grey dots."""
    axes.scatter(*network.sites.position[inside, :2].T, s=2.0, color=GREY, linewidth=0, zorder=1)


def plot_sites(sites: Any, slab: Slab = None) -> Figure:
    """The sites of a sample, coloured by their energy if they have one."""
    box = window(sites, 10 * LARGEST)
    inside = sites_inside(sites, box, slab)
    figure = new_figure(7.0, 6.4)
    axes = figure.add_subplot()
    x, y = sites.position[inside, :2].T
    size = float(np.clip(300.0 / np.sqrt(inside.sum() + 1.0), 0.6, 8.0))
    if sites.energy is None:
        axes.scatter(x, y, s=size, color=BLUE, linewidth=0)
    else:
        dots = axes.scatter(x, y, s=size, c=sites.energy[inside], cmap="coolwarm", linewidth=0)
        figure.colorbar(dots, ax=axes, label="energy", shrink=0.85)
    axes.set(xlim=box[0], ylim=box[1], aspect="equal", xlabel=r"$x/a_b$", ylabel=r"$y/a_b$")
    axes.set_title(
        rf"$N$ = {sites.n_sites}, $n_s a_b^{sites.dimension}$ = {sites.density:.4g}, "
        f"{sites.geometry}{slab_words(slab)}",
        fontsize=10,
    )
    return figure


def plot_network(network: Any, slab: Slab = None) -> Figure:
    """The links of a network, coloured by conductance, and the contacts."""
    figure, axes, inside = plane(network, "", slab)
    seen = np.flatnonzero(inside[network.link_i] | inside[network.link_j])
    seen = seen[np.argsort(network.log_conductance[seen])]  # strong links on top
    decades = network.log_conductance[seen] / np.log(10)
    lines = LineCollection(
        list(segments(network, seen)), cmap="viridis_r", linewidths=0.6, capstyle="round", zorder=2
    )
    lines.set_array(decades)
    axes.add_collection(lines)
    figure.colorbar(lines, ax=axes, shrink=0.85, label=r"$\log_{10}$ of conductance $\times\rho_0$")
    draw_sites(axes, network, inside)
    for contact, colour in zip(network.contacts, (ORANGE, BLUE)):
        place = network.sites.position[contact[inside[contact]], :2]
        axes.scatter(*place.T, s=6.0, color=colour, linewidth=0, zorder=3)
    return figure


def plot_current(current: Any, slab: Slab = None) -> Figure:
    """The links that carry current, coloured by their share of it."""
    network = current.network
    title = rf"$\ln(G\rho_0)$ = {current.log_conductance:.4g}; "
    figure, axes, inside = plane(network, title, slab)
    draw_sites(axes, network, inside)
    lines = draw_flow(axes, network, current, inside)
    if lines is not None:
        figure.colorbar(lines, ax=axes, shrink=0.85, label="flow along the link / total current")
    return figure


def plot_spin(spin: Any) -> Figure:
    """The spin of each site: red up, blue down, area by size."""
    title = rf"$\tau_s$ = {spin.tau_s:.3g} $\tau_0$, $f$ = {spin.f:.4g}; "
    figure, axes, inside = plane(spin.network, title)
    draw_sites(axes, spin.network, inside)
    draw_spin(axes, spin.network.sites.position[inside], spin.spin[inside])
    axes.text(0.01, 0.99, "spin up (red), down (blue)", transform=axes.transAxes, va="top")
    return figure


def plot_clusters(clusters: Any, slab: Slab = None) -> Figure:
    """The sites, in colours of the largest clusters; those of all others are grey."""
    network = clusters.network
    longest = clusters.threshold_length
    figure, axes, inside = plane(network, rf"links up to {longest:.4g} $a_b$; ", slab)
    rank = np.full(clusters.size.size, COLOURED)
    largest = np.argsort(-clusters.size)[:COLOURED]
    rank[largest] = np.arange(largest.size)
    place, of_site = network.sites.position[:, :2], rank[clusters.label]
    other = inside & (of_site == COLOURED)
    axes.scatter(*place[other].T, s=1.5, color="#c8c8c8", linewidth=0)
    for k in range(largest.size):
        mine = inside & (of_site == k)
        label = f"{clusters.size[largest[k]]} sites"
        axes.scatter(*place[mine].T, s=6.0, color=f"C{k}", linewidth=0, label=label)
    axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
    return figure


def plot_curve(curve: Any) -> Figure:
    """f against tau_s, with its part from the generation of spin."""
    figure = new_figure(6.4, 4.2)
    axes = figure.subplots()
    shown = np.isfinite(curve.tau_s) & (curve.tau_s > 0)
    order = np.flatnonzero(shown)[np.argsort(curve.tau_s[shown])]
    tau_s, f = curve.tau_s[order], curve.f[order]
    axes.semilogx(tau_s, f, "o-", color=BLUE, markersize=4, label=r"$f(\tau_s)$")
    axes.fill_between(
        tau_s, f - curve.cutoff_error, f + curve.cutoff_error, color=BLUE, alpha=0.2, linewidth=0
    )
    axes.axhline(curve.f_drift, color=GREY, linestyle="--", label=r"$f(0)$: drift alone")
    for value in curve.f[np.isinf(curve.tau_s)]:
        axes.axhline(value, color=BLACK, linestyle=":", label=r"$f(\infty)$")
    axes.set(xlabel=r"$\tau_s/\tau_0$", ylabel=r"$f$ of this sample")
    axes.legend(frameon=False)
    finish(axes)
    return figure


def plot_response(curve: Any) -> Figure:
    """A response in time, with its numerical error as a band."""
    figure = new_figure(6.4, 4.2)
    axes = figure.subplots()
    value, error = curve.value, curve.numerical_error
    axes.plot(curve.time, value, color=BLUE)
    axes.fill_between(curve.time, value - error, value + error, color=BLUE, alpha=0.25, linewidth=0)
    if np.any(curve.time > 0):
        axes.set_xscale("symlog", linthresh=float(curve.time[curve.time > 0].min()))
    axes.set(xlabel=r"$t/\tau_0$", ylabel="response")
    finish(axes)
    return figure


def plot_relaxation(decay: Any) -> Figure:
    """P(t) of one sample."""
    return plot_memory(decay.time, {"this sample": decay.remaining}, order=decay.order)


def plot_noise(noise: Any) -> Figure:
    """The spectrum of spin noise of one sample."""
    return plot_spin_noise(
        noise.frequency, {"this sample": noise.power}, strength=float(noise.resolution)
    )


PICTURES: dict[str, Callable[[Any], Figure]] = {
    "Backbone": plot_backbone,
    "Clusters": plot_clusters,
    "Current": plot_current,
    "FCurve": plot_curve,
    "FlowStatistics": plot_flow,
    "HanleCurve": plot_hanle,
    "Kinetics": plot_spin_map,
    "Network": plot_network,
    "Sites": plot_sites,
    "Spin": plot_spin,
    "SpinNoise": plot_noise,
    "SpinRelaxation": plot_relaxation,
    "TimeCurve": plot_response,
    "TriadShares": plot_triads,
}

SLICED: dict[str, Callable[[Any, Slab], Figure]] = {
    "Clusters": plot_clusters,
    "Current": plot_current,
    "Network": plot_network,
    "Sites": plot_sites,
}
