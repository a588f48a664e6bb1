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
# # Variable-range hopping and Mott's law
#
# Sites differ in energy. The exponent of a hop then has two terms: $2R/a_b$ from the overlap of the
# two states, and $\Delta/k_BT$ from the phonon that supplies the difference of energy. At high
# temperature the second term is small, and an electron hops to a near neighbour. At low temperature
# a longer hop can be easier, because among more sites there is one at nearly the same energy. The
# best compromise between distance and energy gives Mott's law, $\ln\rho \propto T^{-1/3}$ in the
# plane.
#
# Lengths are in units of $a_b$, times in $\tau_0$, resistivities in $\rho_0$, energies in units of
# the width of a band of constant density of states, with the Fermi level in its middle.

# %%
import os

import matplotlib.pyplot as plt
import numpy as np

import hopnet as hn
from hopnet.network.energies import barriers
from hopnet.percolation.mott import sample_mott_numbers
from hopnet.percolation.wrapping import dual_threshold
from hopnet.plots.network import draw_flow
from hopnet.spin.monte_carlo import expected_walk, walk
from hopnet.spin.temperature import temperature_curve
from hopnet.transport.diffusion import diffusion_tensor
from hopnet.transport.variable_range import fit_mott_law

SMALL = os.environ.get("HOPNET_SMALL") == "1"
BLUE, ORANGE, GREY = "#2060a8", "#d9822b", "#777777"
density = 0.02


def warm_sites(n_sites, seed, density_of_states="uniform"):
    """Sites with random positions in the plane and random energies."""
    sites = hn.random_sites(n_sites, density=density, seed=seed)
    return hn.with_energies(sites, density_of_states, width=1.0, seed=seed + 1000)


# %% [markdown]
# ## The resistivity
#
# Each temperature is a network of its own on the same sites, with $\ln G_{ij} = -2R_{ij}/a_b -
# (|e_i| + |e_j| + |e_i - e_j|)/2k_BT$ up to the prefactor of the phonons. Links whose exponent is
# too large to matter are left out. The resistivity grows by 25 powers of ten over one and a half
# decades of temperature. Kirchhoff's laws are solved in the unit of the conductances that carry the
# current, so nothing underflows.
#
# The second curve is for a band with a gap at the Fermi level, with a density of states
# $\propto |e|$ as Coulomb forces would make it (energies of different sites are independent here).
# It is steeper.

# %%
n_sites, n_samples = (4000, 3) if SMALL else (30_000, 4)
kT = np.geomspace(1e-3, 3e-2, 5 if SMALL else 8)
log_rho, xi_c = {}, {}
for name in ("uniform", "coulomb_gap"):
    curves = [
        temperature_curve(warm_sites(n_sites, 70 + k, name), kT, chemical_potential=0.0)
        for k in range(n_samples)
    ]
    log_rho[name] = np.array([curve.log_resistivity for curve in curves])
    xi_c[name] = np.mean([curve.xi_c for curve in curves], axis=0)
mean = {name: value.mean(axis=0) for name, value in log_rho.items()}
law = fit_mott_law(kT, mean["uniform"])
print(f"kT_0 g a_b^2 = {law.kT_0 * density:.1f}, g = n_s / width the density of states")

figure, axes = plt.subplots(figsize=(7, 4.8), layout="constrained")
x = kT ** (-1 / 3)
for name, colour, label in (
    ("uniform", BLUE, "constant density of states"),
    ("coulomb_gap", ORANGE, "gap at the Fermi level"),
):
    error = log_rho[name].std(axis=0, ddof=1) / np.sqrt(n_samples)
    axes.errorbar(x, mean[name], error, fmt="o", color=colour, label=label)
axes.plot(
    x,
    law.prefactor + (law.kT_0 / kT) ** (1 / 3),
    color=BLUE,
    linewidth=1,
    label=rf"$(T_0/T)^{{1/3}}$, $k_BT_0\,g\,a_b^2$ = {law.kT_0 * density:.1f}",
)
axes.plot(x, xi_c["uniform"], "+", color=GREY, label=r"percolation alone, $\xi_c$")
axes.set(xlabel=r"$(k_BT/\mathrm{width})^{-1/3}$", ylabel=r"$\ln(\rho/\rho_0)$")
axes.legend(frameon=False)
axes.grid(alpha=0.25)
plt.show()

# %% [markdown]
# ## Mott's number
#
# $k_BT_0\,g\,a_b^2$ is a pure number, the same for every material. It follows from percolation
# without a fit and without a prefactor: add links in the order of their exponents until a cluster
# wraps around the sample. The commonly used value is 13.8. The slope above is a little smaller,
# because it includes the change of the prefactor over one and a half decades of temperature.

# %%
table = sample_mott_numbers(15, 150 if SMALL else 1500, seed=3)
number, number_error = dual_threshold(table["first"], table["second"])
print(f"Mott's number of the plane: {number:.2f} +- {number_error:.2f}")

# %% [markdown]
# ## Where the current flows
#
# One sample at a high and at a low temperature (links with less than $10^{-4}$ of the largest flow
# are not drawn). At the high temperature nearly all sites carry current and hops are short. At the
# low temperature only sites near the Fermi level do, the hops between them are long, and the
# current follows a few paths.

# %%
sites = warm_sites(1500, 29)
temperatures = {"warm": 0.3, "cold": 0.003}
figure, panels = plt.subplots(1, 2, figsize=(13, 5.6), layout="constrained")
used = {}
for axes, (name, one) in zip(panels, temperatures.items()):
    network = hn.build_network(sites, kT=one, chemical_potential=0.0)
    current = hn.solve_current(network)
    used[name] = np.mean(current.throughput > 1e-3 * current.conductance)
    axes.scatter(*sites.position.T, s=2, color="#bbbbbb")
    lines = draw_flow(axes, network, current, np.full(sites.n_sites, True))
    figure.colorbar(lines, ax=axes, label="flow along the link / total current")
    axes.set(xlabel="$x/a_b$", ylabel="$y/a_b$", aspect="equal")
    axes.set(xlim=(0, sites.length), ylim=(0, sites.width))
    axes.set_title(rf"{name}: $k_BT$ = {one:g} widths, {100 * used[name]:.0f} % of the sites used")
plt.show()

# %% [markdown]
# ## Distance and barrier of the hops
#
# The distance and the barrier of a hop are averaged over links, weighted by the heat that is made
# in each link, and over three samples. In Mott's regime both follow from one length: $R \propto
# T^{-1/3}$ and barrier $\propto T^{2/3}$ (dashed lines, through the third point). At high
# temperature the distance approaches that of neighbours, and the barrier a fraction of the width
# of the band.

# %%
kT_far = np.geomspace(1e-3, 1.0, 6 if SMALL else 10)
distance, barrier = np.zeros(kT_far.size), np.zeros(kT_far.size)
for k in range(3):
    sites = warm_sites(3000 if SMALL else 10_000, 71 + k)
    for place, one in enumerate(kT_far):
        network = hn.build_network(sites, kT=one, chemical_potential=0.0)
        current = hn.solve_current(network)
        heat = current.flow * current.drop / current.conductance
        step = barriers(network.link_i, network.link_j, sites.energy, one, 0.0)
        distance[place] += heat @ network.distance / 3
        barrier[place] += one * (heat @ step) / 3

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
left.loglog(kT_far, distance, "o", color=BLUE)
left.loglog(
    kT_far, distance[2] * (kT_far / kT_far[2]) ** (-1 / 3), "--", color=GREY, label=r"$T^{-1/3}$"
)
left.axhline(
    hn.critical_length(density),
    color=GREY,
    linewidth=0.8,
    linestyle=":",
    label="$l_c$, longest link at equal energies",
)
left.set(ylabel="length of a hop, $R/a_b$", ylim=(6, 50))
left.set_yticks([6, 10, 20, 40], ["6", "10", "20", "40"])
left.minorticks_off()
right.loglog(kT_far, barrier, "o", color=ORANGE)
right.loglog(
    kT_far, barrier[2] * (kT_far / kT_far[2]) ** (2 / 3), "--", color=GREY, label=r"$T^{2/3}$"
)
right.set(ylabel="barrier of a hop / width of the band")
for axes in (left, right):
    axes.set(xlabel=r"$k_BT$ / width of the band")
    axes.legend(frameon=False)
    axes.grid(alpha=0.25, which="both")
plt.show()

# %% [markdown]
# ## One electron at a time
#
# All results so far follow from equations for averages. Kinetic Monte Carlo does not use them:
# single carriers hop at random on a torus. The left figure shows how far they move. At first they
# hop back and forth between close sites; later they diffuse with the $D$ of linear response. The
# right figure compares their number on each site at the end with the Boltzmann distribution.

# %%
torus = hn.random_sites(150, density=0.1, seed=63, geometry="torus", min_distance=2.0)
torus = hn.build_network(hn.with_energies(torus, width=1.0, seed=64), kT=0.5)
time = (3e3 if SMALL else 1e4) * np.logspace(-3, 0, 10)
n_carriers = 2000 if SMALL else 8000
carriers = walk(torus, time, n_carriers=n_carriers, seed=5)
expected, _ = expected_walk(torus, time)
D = np.trace(diffusion_tensor(torus)) / 2
r2 = (carriers.displacement**2).sum(axis=2)
r2_error = r2.std(axis=0) / np.sqrt(n_carriers)
n = torus.occupation
share = n_carriers * n / n.sum()
found = np.bincount(carriers.site[:, -1], minlength=n.size)

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
left.errorbar(time, r2.mean(axis=0), r2_error, fmt="o", color=BLUE, label="carriers")
left.plot(time, expected, color="black", linewidth=1, label="master equation")
left.plot(time, 4 * D * time, "--", color=GREY, label="$4Dt$, linear response")
left.set(xscale="log", yscale="log", xlabel=r"$t/\tau_0$", ylabel=r"$\langle r^2\rangle/a_b^2$")
left.legend(frameon=False)
right.errorbar(
    share,
    found,
    np.sqrt(share),
    fmt="o",
    color=BLUE,
    markersize=4,
    elinewidth=0.8,
    label="one point per site",
)
right.plot([0, share.max()], [0, share.max()], color="black", linewidth=1)
right.set(xlabel="carriers expected on a site", ylabel="carriers found there at the end")
right.legend(frameon=False, loc="upper left")
for axes in (left, right):
    axes.grid(alpha=0.25)
plt.show()

# %% [markdown]
# ## Checks
#
# $\ln\rho$ is a straight line against $T^{-1/3}$ and not against $1/T$. The gap makes it steeper,
# more so at lower temperature. Percolation gives Mott's number within its error, and the slope
# gives it roughly. At lower temperature hops are longer, their barriers are lower, and fewer sites
# carry the current. Single carriers move as far as the master equation says, and are distributed
# over the sites as Boltzmann's law says.

# %%
assert law.residual < 0.5 * fit_mott_law(kT, mean["uniform"], power=1).residual
steeper = mean["coulomb_gap"] / mean["uniform"]
assert np.all(np.diff(steeper) < 0)
assert abs(number - 13.86) < 4 * number_error + 0.1
assert abs(law.kT_0 * density / 13.86 - 1) < (0.5 if SMALL else 0.2)
assert used["cold"] < 0.5 * used["warm"]
assert distance[0] > 1.5 * distance[-1]
assert barrier[0] < 0.3 * barrier[-1]
assert np.all(np.abs(r2.mean(axis=0) - expected) < 4.5 * r2_error)
assert np.sum((found - share) ** 2 / share) < n.size + 6 * np.sqrt(2 * n.size)
print("all checks passed")
