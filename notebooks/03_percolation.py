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
# # Percolation, and why $\rho = \rho_0\, e^{2 l_c/a_b}$
#
# The resistors of a hopping conductor differ by tens of decades. The resistance of the sample is
# not their average: the current follows the best path, and the worst hop on this path determines
# the resistance. How long is this hop? Join sites by longer and longer links until a path leads
# from contact to contact. This happens at the percolation threshold $l_c$, and it leads to the law
# above. Lengths are in units of the localisation radius $a_b$ or of the mean distance
# $n_s^{-1/2}$.

# %%
import os

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import hopnet as hn
from hopnet.network.network import join_sites
from hopnet.percolation.criticality import sample_resistivities, sample_thresholds
from hopnet.percolation.literature import PLANE
from hopnet.percolation.wrapping import combined_threshold
from hopnet.plots.percolation import draw_backbone

small = os.environ.get("HOPNET_SMALL") == "1"
blue, orange, green, red = "#2060a8", "#d9822b", "#2e8b57", "#b03a48"

sites = hn.random_sites(2500 if small else 6000, density=0.01, seed=8)
network = hn.build_network(sites, cutoff=1.5)
threshold = hn.percolation_threshold(network)
backbone = hn.find_backbone(network)
print(f"{sites.n_sites} sites percolate at {threshold.threshold_length:.3f} a_b,")
print(f"an infinite sample at {hn.critical_length(sites.density):.3f} a_b")

# %% [markdown]
# ## The incipient cluster
#
# When the last link of the first path is added, most sites of the cluster are dead ends, where no
# current flows. The other sites form the *backbone*. It consists of blobs, within which the current
# has more than one path, and of single *red bonds* between them. If one red bond is cut, no current
# flows. With the side $L$ of the sample, the number of sites of the cluster grows as $L^{91/48}$,
# that of the backbone as $L^{1.643}$, the length of the shortest path as $L^{1.131}$, and the
# number of red bonds as $L^{3/4}$. All of these powers are smaller than that of the plane, $L^2$.

# %%
figure, axes = plt.subplots(figsize=(7.6, 8.0), layout="constrained")
draw_backbone(axes, backbone)
figure.legend(loc="outside lower center", ncols=4, fontsize=9, frameon=False)
plt.show()

cluster = backbone.n_sites + int(backbone.dead_end.sum())
print(f"of {sites.n_sites} sites {cluster} are in the cluster, {backbone.n_sites} on the backbone")
print(f"{backbone.link.size} links of it can carry current, {backbone.red_link.size} must")

# %% [markdown]
# ## The longest hop determines the resistance
#
# Now solve Kirchhoff's laws on the same sites, with links only up to some length (left). Below
# $l_c$ the sample insulates. At $l_c$ it conducts, and its resistivity is within a small factor of
# that with all links: a link that is longer by $a_b$ conducts $e^2$ times less, and it lies in
# parallel to a path that exists already. The right panel shows many samples at four densities. Each
# is drawn at its *own* threshold. They follow the line over more than fifteen decades, without an
# adjustable number. The law leaves out a factor of order one, which changes little compared with
# the exponential. At low density, where hops are many $a_b$ long, the threshold of a sample even
# predicts by how much its resistivity differs from that of other samples. At $n_s a_b^2 = 0.1$ hops
# a little longer than $l_c$ also carry current, and such differences average out.

# %%
contacts = network.source, network.drain
full = hn.solve_current(network).resistivity
reach = np.concatenate([[1e-9], np.linspace(0.1, 4.0, 14 if small else 40)])
cut = []
for excess in reach:
    up_to = hn.build_network(
        sites, cutoff_radius=threshold.threshold_length + excess, contacts=contacts
    )
    cut.append(hn.solve_current(up_to).resistivity / full)
cut = np.array(cut)

densities = (0.1, 0.03, 0.01, 0.003)
samples = sample_resistivities(
    1000 if small else 4000, 8 if small else 40, densities=densities, seed=33
)
samples["left_out"] = samples["log_resistivity"] - 2 * samples["threshold_length"]

figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4.8), layout="constrained")
left.plot(reach, cut, "o-", color=blue, markersize=3)
left.axvspan(-1, 0, color="#777777", alpha=0.2, linewidth=0)
left.annotate("no path:\ninsulator", (-0.5, 0.5 * (1 + cut[0])), ha="center", va="center")
left.axhline(1, color="#777777", linewidth=0.7)
left.set(xlim=(-1, reach[-1]), xlabel="(longest link $- l_c)/a_b$")
left.set(ylabel=r"resistivity / that with all links")
for density, colour in zip(densities, (red, orange, green, blue)):
    own = samples[samples["density"] == density]
    right.plot(
        2 * own["threshold_length"],
        own["log_resistivity"],
        ".",
        color=colour,
        label=f"$n_s a_b^2$ = {density:g}",
    )
ends = 2 * np.array([samples["threshold_length"].min(), samples["threshold_length"].max()])
right.plot(ends, ends, color="#777777", linewidth=0.9, label=r"$\rho = \rho_0\,e^{2l_c/a_b}$")
right.set(xlabel="$2 l_c/a_b$ of the sample", ylabel=r"$\ln(\rho/\rho_0)$ of the sample")
right.legend(frameon=False)
plt.show()

for density, own in samples.groupby("density"):
    spread = own["log_resistivity"].std(), own["left_out"].std()
    print(
        f"density {density:5g}: ln(rho/rho_0) = {own['log_resistivity'].mean():6.2f}, less 2 l_c"
        f" {own['left_out'].mean():5.2f}; scatter {spread[0]:.2f}, less 2 l_c {spread[1]:.2f}"
    )

# %% [markdown]
# ## Why this is a phase transition
#
# $l_c$ scatters from sample to sample, and the scatter decreases only as $L^{-3/4}$. A torus has no
# contacts. Its thresholds are the length at which a cluster first wraps around the sample, and the
# length at which one wraps in a second direction (left). Scaled by $L^{3/4}$ around one common
# $l_c$, the curves of all sizes coincide. At this $l_c$ there are clusters of all sizes, and the
# number of clusters with $s$ sites falls as a power, $s^{-187/91}$ (right, without the largest
# cluster of each sample). At lengths a tenth smaller or larger there are no large clusters: they
# are not yet formed, or they are already part of the largest cluster.

# %%
counts = {1000: 150, 4000: 60} if small else {1000: 2000, 4000: 700, 16000: 250}
table = pd.concat([sample_thresholds(n, k, seed=4) for n, k in counts.items()])
l_c, error, _ = combined_threshold(table)
print(f"l_c sqrt(n_s) = {l_c:.5f} +- {error:.5f}, in the literature {PLANE.l_c:.5f}")

n_sites, n_tori = (20_000, 6) if small else (100_000, 30)
share = np.array([0.9, 1.0, 1.1])
number = 0
for seed in range(n_tori):
    torus = hn.random_sites(n_sites, density=0.01, seed=seed, geometry="torus")
    sweep = hn.sweep_clusters(hn.build_network(torus, cutoff=1.15))
    length = share * hn.critical_length(0.01)
    size, found = sweep.size_distribution(length)
    octave = np.log2(sweep.at(length)["largest"]).astype(int)
    found[np.arange(3), octave] -= 1  # the largest of each
    number = number + found
middle = np.sqrt(2.0) * size
per_size = number / size / (n_sites * n_tori)

figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4.8), layout="constrained")
for (length, own), colour in zip(table.groupby("size"), (red, orange, blue)):
    for column, style in (("first", "-"), ("second", "--")):
        scaled = (np.sort(own[column]) - PLANE.l_c) * length**0.75
        probability = (np.arange(scaled.size) + 0.5) / scaled.size
        label = f"$L$ = {length:.0f} $n_s^{{-1/2}}$" if style == "-" else None
        left.plot(scaled, probability, style, color=colour, linewidth=1.1, label=label)
for level in (0.690473725, 0.309526275):
    left.axhline(level, color="#777777", linewidth=0.6, linestyle=":")
left.axvline(0, color="#777777", linewidth=0.6, linestyle=":")
left.set(xlim=(-2.5, 2.5), xlabel=r"$(l - l_c)\,n_s^{1/2}\,(L\,n_s^{1/2})^{3/4}$")
left.set(ylabel="probability to wrap in one direction (-), in two (- -)")
left.legend(frameon=False)
for row, colour, name in zip(per_size, (blue, red, green), ("0.9", "", "1.1")):
    some = row > 0
    right.loglog(middle[some], row[some], "o-", color=colour, markersize=4, label=f"{name} $l_c$")
right.loglog(
    middle[3:],
    per_size[1, 3] * (middle[3:] / middle[3]) ** (-187 / 91),
    "--",
    color="#777777",
    label="$s^{-187/91}$",
)
right.set(xlabel="sites $s$ of a cluster", ylabel="clusters $n(s)$ with $s$ sites, per site")
right.legend(frameon=False)
plt.show()

# %% [markdown]
# ## Checks
#
# - If one red bond is cut, no path joins the contacts. The critical link is a red bond. All red
#   bonds lie on the shortest path, and the shortest path lies on the backbone.
# - The resistance decreases with every link added. Three $a_b$ above $l_c$ it is within 3 % of that
#   with all links.
# - $\ln(\rho/\rho_0)$ of the samples follows $2 l_c/a_b$ of the same samples: a straight line
#   through them has the slope 1 within 5 %, over more than fifteen decades.
# - $l_c$ of the plane agrees with the literature within three standard errors.
# - $n(s)$ at $l_c$ falls with the exponent 187/91 = 2.055 within 0.05.

# %%
assert threshold.link in backbone.red_link
assert set(backbone.red_link) <= set(backbone.path_link) <= set(backbone.link)
assert hn.find_clusters(network, threshold.threshold_length).percolates.any()
occupied = network.log_conductance >= threshold.log_conductance
occupied[backbone.red_link[0]] = False
link_i, link_j = network.link_i[occupied], network.link_j[occupied]
separate = join_sites(sites, link_i, link_j, network.log_conductance[occupied], contacts=contacts)
assert not hn.find_clusters(separate).percolates.any()
assert np.all(np.diff(cut) <= 1e-12)
assert cut[reach >= 3][0] < 1.03
slope = np.polyfit(2 * samples["threshold_length"], samples["log_resistivity"], 1)[0]
assert np.ptp(samples["log_resistivity"]) > 15 * np.log(10)
assert abs(slope - 1) < 0.05
assert abs(l_c - PLANE.l_c) < 3 * error
used = slice(3, 9 if small else 11)
tau = -np.polyfit(np.log(middle[used]), np.log(per_size[1, used]), 1)[0]
print(f"slope {slope:.3f}, tau {tau:.3f}")
assert abs(tau - 187 / 91) < 0.05
print("all checks passed")
