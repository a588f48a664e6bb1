"""The picture of the README: one sample with its current and spin, and f(n_s, tau_s).

Run it to draw docs/_static/overview.png again: python docs/overview.py
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import hopnet as hn
from hopnet.plots.frame import BLUE, GREEN, ORANGE, RED, finish
from hopnet.plots.network import draw_flow, draw_spin

PICTURE = Path(__file__).parent / "_static" / "overview.png"


def draw_one_sample(axes):
    """Left: 2500 sites at n_s a_b^2 = 0.02, the current through them, the spin they end up with."""
    network = hn.build_network(hn.random_sites(2500, density=0.02, seed=7))
    current = hn.solve_current(network)
    spin = hn.solve_spin(network, tau_s=10.0, current=current)
    position = network.sites.position
    axes.scatter(*position.T, s=1.2, color="#999999", linewidth=0)
    draw_flow(axes, network, current, np.ones(network.n_sites, bool))
    draw_spin(axes, position, spin.spin)
    axes.set(
        xlim=(0, network.sites.length),
        ylim=(0, network.sites.width),
        aspect="equal",
        xlabel=r"$x/a_b$",
        ylabel=r"$y/a_b$",
    )
    axes.set_title("current (dark: strong) and spin (red up, blue down)", fontsize=10)


def draw_curves(axes):
    """Right: f against tau_0/tau_s, one sample of 2e5 sites per density."""
    tau_s = np.logspace(-2, 11, 40)
    for density, colour in ((0.1, BLUE), (0.05, GREEN), (0.02, ORANGE), (0.005, RED)):
        for geometry, style in (("open", "-"), ("cylinder", "--")):
            sites = hn.random_sites(200_000, density=density, seed=3, geometry=geometry)
            curve = hn.f_curve(hn.build_network(sites), tau_s)
            label = rf"$n_s a_b^2 = {density}$" if geometry == "open" else None
            axes.plot(1 / tau_s, curve.f, style, color=colour, label=label)
    axes.plot([], [], "--", color="0.4", label="cylinder: the bulk")
    axes.set(
        xscale="log",
        xlim=(1e-11, 1e2),
        ylim=(0, None),
        xlabel=r"$\tau_0/\tau_s$",
        ylabel=r"$f(n_s, \tau_s)$",
    )
    axes.legend(fontsize=9)
    finish(axes)


def main():
    """Draw both and write the file."""
    figure = Figure(figsize=(10.4, 4.6), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.12))
    draw_one_sample(left)
    draw_curves(right)
    figure.savefig(PICTURE, dpi=110)


if __name__ == "__main__":
    main()
