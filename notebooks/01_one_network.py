# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # One network, from sites to spin
#
# An electron in a cold, disordered semiconductor layer is bound to a donor and sometimes hops to
# another one. This lesson follows one such sample, from the random sites to the spin that an
# electric current generates on each of them. Lengths are in units of the localisation radius $a_b$,
# times in $\tau_0$, conductances in $1/\rho_0$, and the voltage between the contacts is 1.

# %%
import os

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.collections import LineCollection

import hopnet as hn
from hopnet.plots.network import draw_flow, draw_spin

small = os.environ.get("HOPNET_SMALL") == "1"

sites = hn.random_sites(3000, density=0.01, seed=17)
network = hn.build_network(sites, cutoff=1.5)
threshold = hn.percolation_threshold(network)
print(f"{sites.n_sites} sites in {sites.length:.0f} x {sites.width:.0f} a_b^2")
print(f"{network.n_links} links up to {network.cutoff_radius:.1f} a_b long")
print(f"this sample percolates at {threshold.threshold_length:.2f} a_b;")
print(f"an infinite one at {hn.critical_length(sites.density):.2f} a_b")

# %% [markdown]
# ## Resistors that differ by ten decades
#
# A hop over $R$ succeeds at a rate $\propto e^{-2R/a_b}$, so each pair of sites is a resistor with
# conductance $G_{ij} = e^{-2R_{ij}/a_b}/\rho_0$. If pairs are joined in the order of their
# distance, clusters appear and grow, and at the length $l_c$ one of them connects the contacts. The
# left picture shows the clusters just before that: the two that are joined next are in colour, and
# the link that joins them is black. The right picture shows how many links there are of each
# conductance, and where the heat is made. Most links conduct almost nothing. The strongest links
# lie within clusters and have almost no voltage drop. Most heat is made near the critical link.

# %%
before = hn.find_clusters(network, threshold.threshold_length * (1 - 1e-9))
ends = [int(network.link_i[threshold.link]), int(network.link_j[threshold.link])]
cluster = [before.label == before.label[end] for end in ends]
current = hn.solve_current(network)
decade = network.log_conductance / np.log(10)
heat = current.flow * current.drop / current.conductance

figure, (left, right) = plt.subplots(1, 2, figsize=(12, 5.4), layout="constrained")
short = network.log_conductance > threshold.log_conductance
start = sites.position[network.link_i[short]]
segments = np.stack([start, start + network.separation[short]], axis=1)
left.add_collection(LineCollection(segments, colors="#bbbbbb", linewidths=0.6))
left.scatter(*sites.position.T, s=2, color="#999999")
for mask, colour in zip(cluster, ["#2060a8", "#d9822b"]):
    left.scatter(*sites.position[mask].T, s=9, color=colour)
left.plot(*sites.position[ends].T, color="black", linewidth=4)
left.set(xlabel="$x/a_b$", ylabel="$y/a_b$", title="clusters just below the threshold")
left.set(aspect="equal", xlim=(0, sites.length), ylim=(0, sites.width))
bins = np.arange(np.floor(decade.min()), 0.25, 0.25)
right.hist(
    decade,
    bins,
    weights=np.full(decade.size, 1 / decade.size),
    color="#bbbbbb",
    label="share of the links",
)
right.hist(
    decade,
    bins,
    weights=heat,
    histtype="step",
    linewidth=2,
    color="#b03a48",
    label="share of the heat",
)
right.axvline(
    threshold.log_conductance / np.log(10), color="black", linestyle="--", label="critical link"
)
right.set(xlabel=r"$\log_{10}(G_{ij}\,\rho_0)$", ylabel="share")
right.legend(frameon=False)
plt.show()

# %% [markdown]
# ## The current
#
# Kirchhoff's laws give the current of every link. At every site the inflow equals the outflow to
# machine precision: the solver eliminates sites without a single subtraction, so that no weak link
# is lost to rounding beside a strong one. The voltage falls in steps from cluster to cluster
# (left), and the current flows through the few good links between them (right; links with less than
# $10^{-4}$ of the largest flow are not drawn). The logarithm of the resistance is close to $2
# l_c/a_b$ of the same sample.

# %%
potential = np.full(sites.n_sites, np.nan)
potential[network.source] = 1.0
reached = list(network.source)
while reached:  # V from the drops, site by site outwards from the source
    i = reached.pop()
    row = slice(network.row_start[i], network.row_start[i + 1])
    for j, link in zip(network.row_neighbour[row], network.row_link[row]):
        if np.isnan(potential[j]):
            potential[j] = potential[i] - current.drop[link] * (1 if i < j else -1)
            reached.append(j)

figure, (left, right) = plt.subplots(1, 2, figsize=(13, 5.4), layout="constrained")
dots = left.scatter(*sites.position.T, s=9, c=potential, cmap="viridis")
figure.colorbar(dots, ax=left, label="potential / voltage")
lines = draw_flow(right, network, current, np.full(sites.n_sites, True))
figure.colorbar(lines, ax=right, label="flow along the link / total current")
for axes in (left, right):
    axes.set(xlabel="$x/a_b$", ylabel="$y/a_b$", aspect="equal")
    axes.set(xlim=(0, sites.length), ylim=(0, sites.width))
plt.show()
print(f"resistivity {current.resistivity:.4g} rho_0 = {np.log(current.resistivity):.2f} nepers;")
print(f"2 l_c = {2 * threshold.threshold_length:.2f}; imbalance {current.imbalance:.0e}")

# %% [markdown]
# ## The spin
#
# An electron can hop from site to site directly or through a third one, and with spin-orbit
# coupling its spin is turned differently along the two paths. Because the two paths interfere, a
# current through a *triad* of sites separates spins: up to one side, down to the other. So each
# triad is a pair of spin sources of opposite sign. It is strongest where three sites on the path of
# the current lie within about one $a_b$ of each other. The spins then hop from site to site along
# the same resistors, until they relax after $\tau_s$. The picture shows the part of the sample in
# which most current flows. Red discs are spin up, blue ones spin down; the area is the size.

# %%
figure, panels = plt.subplots(1, 2, figsize=(12.5, 5.6), layout="constrained")
middle = np.abs(sites.position - 0.5 * sites.length).max(axis=1) < 0.35 * sites.length
busiest = sites.position[np.argmax(np.where(middle, current.throughput, 0))]
half = 0.14 * sites.length
inside = np.all(np.abs(sites.position - busiest) < half, axis=1)
spins = {tau_s: hn.solve_spin(network, tau_s, current=current) for tau_s in (1e1, 1e6)}
for axes, (tau_s, spin) in zip(panels, spins.items()):
    draw_flow(axes, network, current, inside)
    axes.scatter(*sites.position[inside].T, s=2, color="#999999")
    draw_spin(axes, sites.position[inside], spin.spin[inside])
    axes.set(xlabel="$x/a_b$", ylabel="$y/a_b$", aspect="equal")
    axes.set_xlim(busiest[0] - half, busiest[0] + half)
    axes.set_ylim(busiest[1] - half, busiest[1] + half)
    what = "stay where they are made" if tau_s < 1e3 else "have wandered along"
    axes.set_title(rf"$\tau_s = 10^{{{np.log10(tau_s):.0f}}}\,\tau_0$: spins {what}")
plt.show()

# %% [markdown]
# ## From noise to the spin-Hall effect
#
# In one sample the spin looks like noise. The mean over samples is the spin-Hall effect: opposite
# signs at the two edges. Spins that relax fast accumulate only at the edges; spins that relax
# slowly diffuse towards the middle. The sample is divided into 24 strips across it.

# %%
n_samples = 150 if small else 1500
times = (1e1, 1e3, 1e5)
profile = {tau_s: [] for tau_s in times}
for seed in range(n_samples):
    one = hn.build_network(hn.random_sites(1500, density=0.1, seed=1000 + seed))
    flow = hn.solve_current(one)
    for tau_s in times:
        centre, height = hn.solve_spin(one, tau_s, current=flow).edge_profile(24)
        profile[tau_s].append(height / flow.conductance)

figure, axes = plt.subplots(figsize=(7.5, 4.6), layout="constrained")
edge = {}
for (tau_s, rows), colour in zip(profile.items(), ["#2060a8", "#2e8b57", "#d9822b"]):
    mean = np.mean(rows, axis=0)
    error = np.std(rows, axis=0, ddof=1) / np.sqrt(n_samples)
    edge[tau_s] = mean, error
    axes.errorbar(
        centre,
        mean / np.abs(mean).max(),
        error / np.abs(mean).max(),
        color=colour,
        marker="o",
        markersize=4,
        capsize=2,
        label=rf"$\tau_s = 10^{{{np.log10(tau_s):.0f}}}\,\tau_0$",
    )
axes.axhline(0, color="#777777", linewidth=0.6)
axes.set(xlabel="$y/a_b$, across the current", ylabel="mean spin of a strip / its largest")
axes.set_title(f"{n_samples} samples of 1500 sites, $n_s a_b^2$ = 0.1")
axes.legend(frameon=False)
plt.show()

# %% [markdown]
# ## Checks
#
# - The current that enters is the one that leaves, and the heat of all links is voltage times
#   current.
# - The critical link of the sample sets the scale of its resistance.
# - Each triad makes as much spin up as down: the generation adds up to zero.
# - In the steady state as much spin relaxes as is generated. The generation adds up to zero, so the
#   sum of the spins is zero too.
# - The edges carry opposite spin, by more than five standard errors each.

# %%
generation = hn.spin_generation(network, current)
assert abs(current.source_current / current.drain_current - 1) < 1e-12
assert abs(heat.sum() - 1) < 1e-12
assert current.imbalance < 1e-14
assert abs(np.log(current.resistivity) / (2 * threshold.threshold_length) - 1) < 0.15
assert abs(generation.gamma.sum()) < 1e-12 * np.abs(generation.gamma).sum()
for spin in spins.values():
    assert abs(spin.spin.sum()) < 1e-9 * np.abs(spin.spin).sum()
for mean, error in edge.values():
    assert mean[0] > 5 * error[0] > 0
    assert mean[-1] < -5 * error[-1] < 0
print("all checks hold")
