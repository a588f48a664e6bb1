"""Figures of spin pumping: junctions, charge maps, crossover, efficiency, orders in J."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from hopnet.plots.frame import BLUE, GREEN, GREY, ORANGE, RED, finish, new_figure
from hopnet.pumping.conversion import conversion_efficiency
from hopnet.pumping.crossover import crossover_point, local_share, local_to_diffusive

__all__ = [
    "plot_charge_map",
    "plot_crossover",
    "plot_efficiency",
    "plot_junction",
    "plot_line",
    "plot_orders",
    "plot_periodic_line",
]


def in_amperes(medium, spin_current):
    """A spin current in SI as the charge current of as many electrons, ``2e/hbar`` times it."""
    return medium.charge_equivalent(spin_current)


def per_nm3(medium, density):
    """A spin density in SI as electrons of one spin in excess, per nm**3."""
    return medium.electrons(density) * 1e-27


def plot_line(
    position: Any,
    texture_lines: Any,
    currents: Any,
    densities: Any,
    *,
    title: str = "",
    headings: Any = None,
) -> Figure:
    """Spin current and density along a line, first order (turning) beside second (steady).

    Parameters
    ----------
    position : dict of str to float64[n], nm
        Positions of the points of ``texture``, ``current`` and ``density``.
    texture_lines : dict of str to float64[n]
    currents, densities : pair of dicts of str to float64[n]
        First and second order; currents in A/m^2, densities in nm**-3.
    title : str
    headings : pair of str, optional

    Returns
    -------
    matplotlib Figure
    """
    figure = new_figure(9.2, 7.2)
    grid = figure.add_gridspec(3, 2, height_ratios=[0.7, 1, 1])
    top = figure.add_subplot(grid[0, :])
    for (name, values), colour in zip(texture_lines.items(), (BLUE, RED, GREEN)):
        top.plot(position["texture"], values, color=colour, label=name)
    top.set_ylabel("magnetisation S")
    top.legend(frameon=False, loc="best")
    panels = [top]
    headings = headings or ("first order in J: turns with S", "second order in J: time average")
    for column in (0, 1):
        for line, (fields, unit) in enumerate(
            (
                (currents[column], r"spin current $(2e/\hbar)\,j_s$  [A/m$^2$]"),
                (densities[column], r"excess density $2(\rho_s - \chi S)/\hbar$  [nm$^{-3}$]"),
            )
        ):
            axes = figure.add_subplot(grid[line + 1, column])
            where = position["current" if line == 0 else "density"]
            for (name, values), colour in zip(fields.items(), (BLUE, ORANGE, GREEN)):
                axes.plot(where, values, color=colour, label=name)
            axes.axhline(0, color="k", linewidth=0.5)
            axes.set_ylabel(unit)
            axes.ticklabel_format(axis="y", scilimits=(-2, 3))
            axes.legend(frameon=False)
            if line == 0:
                axes.set_title(headings[column], fontsize=10)
            else:
                axes.set_xlabel("x  [nm]")
            panels.append(axes)
    for axes in panels:
        finish(axes)
        axes.set_xlim(position["texture"][0], position["texture"][-1])
    if title:
        figure.suptitle(title, fontsize=11)
    return figure


def plot_junction(junction: Any, *, title: str = "") -> Figure:
    """Spin current and density through a junction with contacts.

    Parameters
    ----------
    junction : contacts.Junction
        The solution for a rigid or periodic texture, in SI units.
    title : str

    Returns
    -------
    matplotlib Figure
    """
    medium = junction.medium
    cell, face = junction.position * 1e9, junction.face * 1e9
    chi = medium.equilibrium_density
    if junction.frame.kind == "rigid":
        spin = {"in the plane": np.abs(junction.texture.plus), "along z": junction.texture.z}
        steady = junction.pumped_current_parts(2)[1], junction.density_parts(2)[1]
    else:
        mean = junction.texture.spin.mean(axis=-1)
        spin = {"x, mean": mean[0], "z, mean": mean[2]}
        steady = tuple(
            parts[2].mean(axis=-1)
            for parts in (junction.pumped_current_parts(2), junction.density_parts(2))
        )
    first, rho = junction.pumped_current(1), junction.density(1)
    rest = rho - chi * spin_at_zero(junction.texture)
    shown = not_small(first)
    currents = (
        {f"along {'xyz'[a]}, t = 0": in_amperes(medium, first[a]) for a in shown},
        {"along z": in_amperes(medium, steady[0])},
    )
    densities = (
        {f"along {'xyz'[a]}, t = 0": per_nm3(medium, rest[a]) for a in shown},
        {"along z": per_nm3(medium, steady[1])},
    )
    position = {"texture": cell, "current": face, "density": cell}
    return plot_line(position, spin, currents, densities, title=title)


def plot_periodic_line(pumping: Any, *, title: str = "") -> Figure:
    """Spin current and density along the first axis of a periodic box.

    Parameters
    ----------
    pumping : Pumping
        In SI; of several axes the middle line is shown.
    title : str

    Returns
    -------
    matplotlib Figure
    """
    medium, shape = pumping.medium, pumping.frame.shape
    frame = pumping.frame
    start = 0.0 if frame.time is None else float(frame.time[-1])
    steady = frame.time is None and not frame.moves
    x = np.arange(shape[0]) * pumping.texture.lengths[0] / shape[0] * 1e9
    middle = (slice(None), *(n // 2 for n in shape[1:]))

    def line(field, component):
        return field[component][middle]

    spin = field(frame, pumping.spin()).at(start)
    rest = pumping.potential(1).at(start) / medium.diffusion
    first = pumping.pumped_current(1).at(start)[0]
    second, density = pumping.pumped_current(2), pumping.density(2)
    second = (second.mean() if steady else second.at(start))[0]
    density = density.mean() if steady else density.at(start)
    when = "t = 0" if start == 0 else "at the end"
    axes, averaged = not_small(first), not_small(density)
    currents = (
        {f"along {'xyz'[a]}, {when}": in_amperes(medium, line(first, a)) for a in axes},
        {f"along {'xyz'[a]}": in_amperes(medium, line(second, a)) for a in averaged},
    )
    densities = (
        {f"along {'xyz'[a]}, {when}": per_nm3(medium, line(rest, a)) for a in axes},
        {f"along {'xyz'[a]}": per_nm3(medium, line(density, a)) for a in averaged},
    )
    lines = {f"S{'xyz'[a]}, {when}": line(spin, a) for a in range(3)}
    headings = None if steady else (f"first order in J, {when}", f"second order in J, {when}")
    position = {"texture": x, "current": x, "density": x}
    return plot_line(position, lines, currents, densities, title=title, headings=headings)


def not_small(vector):
    """Components of a spin vector that are visible next to the largest one."""
    largest = np.abs(vector).max()
    return [a for a in range(3) if np.abs(vector[a]).max() > 1e-3 * largest]


def field(frame, row):
    from hopnet.pumping.fields import Field

    return Field(frame, (row,), vector=True)


def spin_at_zero(texture):
    if hasattr(texture, "plus"):
        return np.stack([texture.plus.real, texture.plus.imag, texture.z])
    return texture.spin[..., 0]


def plot_charge_map(charge: Any, *, title: str = "") -> Figure:
    """Texture, and the charge density and current it drives, in a plane.

    Parameters
    ----------
    charge : ChargeResponse
        In SI, on at least two axes (the middle plane of a third).
    title : str

    Returns
    -------
    matplotlib Figure
        Texture; charge at t = 0; charge in time average.
    """
    pumping = charge.pumping
    shape, lengths = pumping.frame.shape, pumping.texture.lengths
    plane = (slice(None), slice(None), *(n // 2 for n in shape[2:]))
    start = 0.0 if pumping.frame.time is None else float(pumping.frame.time[-1])
    x, y = (np.arange(n) * length / n * 1e9 for n, length in zip(shape, lengths))
    spin = field(pumping.frame, pumping.spin()).at(start)
    density, current = charge.density(), charge.current()
    figure = new_figure(13.0, 4.6)
    panels = figure.subplots(1, 3, sharex=True, sharey=True)
    ranges = window(spin, plane)
    image = panels[0].pcolormesh(
        x, y, spin[2][plane].T, cmap="PuOr", vmin=-1, vmax=1, rasterized=True
    )
    figure.colorbar(image, ax=panels[0], label="S along z", shrink=0.85)
    some = tuple(slice(a, b, max(1, (b - a) // 22)) for a, b in ranges)
    panels[0].quiver(
        x[some[0]],
        y[some[1]],
        spin[0][plane][some].T,
        spin[1][plane][some].T,
        pivot="mid",
        scale=26,
        width=0.004,
        color="k",
    )
    panels[0].set_title("texture", fontsize=10)
    names = ("charge and current at t = 0", "charge and current, time average")
    rows = ((density.at(start), current.at(start)), (density.mean(), current.mean()))
    for axes, name, (rho, flow) in zip(panels[1:], names, rows):
        rho = rho[plane].T / pumping.medium.charge * 1e-18
        jx, jy = flow[0][plane], flow[1][plane]
        size = np.hypot(jx, jy).max()
        limit = np.abs(rho).max() or 1.0
        image = axes.pcolormesh(x, y, rho, cmap="RdBu_r", vmin=-limit, vmax=limit, rasterized=True)
        figure.colorbar(image, ax=axes, label=r"charge density  [e/$\mu$m$^3$]", shrink=0.85)
        if size > 0:
            axes.quiver(
                x[some[0]],
                y[some[1]],
                (jx[some] / size).T,
                (jy[some] / size).T,
                pivot="mid",
                scale=16,
                width=0.004,
                color="k",
            )
        axes.set_title(f"{name}\nlongest arrow {size:.2g} A/m$^2$", fontsize=10)
    for axes in panels:
        axes.set_aspect("equal")
        axes.set_xlabel("x  [nm]")
        axes.set(xlim=x[[ranges[0][0], ranges[0][1] - 1]], ylim=y[[ranges[1][0], ranges[1][1] - 1]])
    panels[0].set_ylabel("y  [nm]")
    if title:
        figure.suptitle(title, fontsize=11)
    return figure


def window(spin, plane):
    """Index ranges of the region that differs from the corner of the box, with some margin."""
    differs = np.abs(spin - spin[:, :1, :1]).max(axis=0)[plane] > 0.02
    ranges = []
    for axis in (0, 1):
        n = differs.shape[axis]
        found = np.flatnonzero(differs.any(axis=1 - axis))
        if not found.size:
            ranges.append((0, n))
            continue
        room = (found[-1] - found[0] + 1) // 5
        ranges.append((max(0, int(found[0] - room)), min(n, int(found[-1] + room + 1))))
    return ranges


def plot_crossover(interface_rows: Any, *, frequency_tau: float = 0.0) -> Figure:
    """Local and diffusive spin current: one mode against q ell, an interface against its width.

    Parameters
    ----------
    interface_rows : list of InterfaceSplit
        See `crossover.interface_split`.
    frequency_tau : float

    Returns
    -------
    matplotlib Figure
    """
    figure = new_figure(13.0, 4.2)
    ratio, share, sharp = figure.subplots(1, 3)
    q_ell = np.geomspace(1e-2, 1e2, 400)
    for dimension, colour in zip((1, 2, 3), (GREEN, ORANGE, BLUE)):
        exact = np.abs(local_to_diffusive(q_ell, frequency_tau, dimension))
        leading = np.abs(local_to_diffusive(q_ell, frequency_tau, dimension, kernel="diffusive"))
        point = crossover_point(dimension)
        label = rf"d = {dimension}, equal at $q\ell$ = {point:.3g}"
        ratio.loglog(q_ell, exact, color=colour, label=label)
        ratio.loglog(q_ell, leading, color=colour, linestyle=":", linewidth=1)
        ratio.plot(point, 1, "o", color=colour, markersize=5)
        share.semilogx(q_ell, np.abs(local_share(q_ell, frequency_tau, dimension)), color=colour)
    ratio.plot([], [], color=GREY, linestyle=":", label=r"$(q\ell)^2/d$, leading order")
    ratio.axhline(1, color="k", linewidth=0.5)
    ratio.set(xlabel=r"wave number times mean free path  $q\ell$", ylim=(1e-5, 1e3))
    ratio.set_ylabel("local / diffusive spin current")
    ratio.legend(frameon=False, fontsize=9)
    share.set(xlabel=r"wave number times mean free path  $q\ell$", ylim=(0, 1.02))
    share.set_ylabel("local share of the first-order spin current")
    width = [row.width_over_ell for row in interface_rows]
    for name, colour in (("local", RED), ("diffusive", BLUE)):
        part = [getattr(row, name) for row in interface_rows]
        sharp.semilogx(width, part, color=colour, label=name)
    sharp.set(xlabel=r"interface width / mean free path  $w/\ell$", ylim=(0, 1.02))
    sharp.set_ylabel(r"part of the first-order current, d = 3, $\tau_s = 25\tau$")
    sharp.legend(frameon=False)
    for axes in (ratio, share, sharp):
        finish(axes)
    return figure


def plot_efficiency(medium: Any, frequency: Any, *, title: str = "") -> Figure:
    """Charge current over spin current of one mode against q ell: Rashba and impurities.

    Parameters
    ----------
    medium : Medium
        A medium with a Rashba field, an impurity coupling, or both.
    frequency : float, 1/time

    Returns
    -------
    matplotlib Figure
        The conversion in units of 2e/hbar: 1 converts each spin into a charge.
    """
    figure = new_figure(6.6, 4.8)
    axes = figure.subplots()
    q_ell = np.geomspace(1e-3, 30, 400)
    q = q_ell / medium.mean_free_path
    unit = medium.hbar / (2 * medium.charge)
    cases = [
        ("Rashba, across q", "rashba", "transverse", BLUE),
        ("Rashba, along q", "rashba", "longitudinal", GREEN),
        ("impurities", "impurity", "transverse", RED),
    ]
    for name, kind, direction, colour in cases:
        if kind == "rashba" and not any(medium.rashba):
            continue
        if kind == "impurity" and not medium.impurity:
            continue
        for kernel, style in (("diffusive", ":"), ("boltzmann", "-")):
            value = unit * conversion_efficiency(
                medium, q, frequency, kind=kind, direction=direction, kernel=kernel
            )
            label = name if kernel == "boltzmann" else None
            axes.loglog(
                q_ell,
                value,
                style,
                color=colour,
                label=label,
                linewidth=1.1 if style == ":" else 1.6,
            )
    axes.plot([], [], ":", color=GREY, label="diffusive kernel")
    axes.set(xlabel=r"wave number times mean free path  $q\ell$")
    axes.set_ylabel(r"charge current / spin current  [$2e/\hbar$]")
    axes.legend(frameon=False)
    finish(axes)
    if title:
        axes.set_title(title, fontsize=10)
    return figure


def plot_orders(table: pd.DataFrame) -> Figure:
    """Torque on a spiral to second order in J over that at all orders.

    Parameters
    ----------
    table : list of OrderRatios
        See `orders.compare_orders`.

    Returns
    -------
    matplotlib Figure
    """
    figure = new_figure(6.8, 4.8)
    axes = figure.subplots()
    rates = sorted({row.rate_tau for row in table})
    for rate, colour in zip(rates, (RED, ORANGE, BLUE, GREEN)):
        rows = [row for row in table if row.rate_tau == rate]
        strength = [row.strength for row in rows]
        axes.loglog(strength, [row.full for row in rows], "-", color=colour)
        axes.loglog(
            strength,
            [row.single for row in rows],
            "--",
            color=colour,
            label=rf"$|Dq^2 + i\Omega + 1/\tau_s|\,\tau$ = {rate:.3g}",
        )
    axes.plot([], [], "-", color=GREY, label=r"vertex full: $S \times \langle \dot S \rangle$")
    axes.plot([], [], "--", color=GREY, label=r"vertex single: $S \times \dot S$, as printed")
    axes.axhline(1, color="k", linewidth=0.6)
    axes.set_xlabel(r"$(2J/\hbar)\;/\;|Dq^2 + i\Omega + 1/\tau_s|$")
    axes.set_ylabel("steady torque, second order / all orders in J")
    axes.legend(frameon=False, fontsize=8.5)
    finish(axes)
    return figure
