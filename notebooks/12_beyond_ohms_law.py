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
# # Beyond Ohm's law
#
# In a weak field the current is proportional to the field. Hopping conductors leave this regime
# early. Every dead end of the network is a trap for carriers that the field has driven into it, so
# the drift velocity can even *fall* when the field grows. Such questions are usually left to Monte
# Carlo simulations, in which the carriers spend their time in traps. Here the steady state is
# solved exactly, sample by sample, at any field.
#
# Lengths are in units of $a_b$, times in $\tau_0$, fields in $k_BT/(e a_b)$. The equations are
# derived on the page [Strong fields](../strong_fields).

# %%
import os
import warnings

import matplotlib.pyplot as plt
import numpy as np

import hopnet as hn
from hopnet.plots.field import plot_field_curve, plot_flow_maps

SMALL = os.environ.get("HOPNET_SMALL") == "1"
warnings.simplefilter("ignore", hn.ValidityWarning)


def take(figure):
    """Let pyplot show a figure of hopnet.plots."""
    manager = plt.figure().canvas.manager
    figure.set_canvas(manager.canvas)
    manager.canvas.figure = figure


def torus(n_sites, density, seed=3, sigma=0.0, **options):
    """Random sites on a torus, with Gaussian energies of standard deviation sigma (in kT)."""
    sites = hn.random_sites(n_sites, density=density, seed=seed, geometry="torus")
    if sigma > 0:
        sites = hn.with_energies(sites, "gaussian", width=sigma, seed=seed + 100)
        options |= {"kT": 1.0, "bath": "miller_abrahams"}
    return hn.build_network(sites, **options)


# %% [markdown]
# ## The velocity has a peak
#
# A torus has no contacts: a carrier drifts around it for ever. `hn.field_curve` gives the mean
# velocity $v$, the mobility $v/F$ and the diffusion constant $D$ at every field. At first $v$
# grows, then it has a peak, and then it falls: the differential mobility $dv/dF$ is negative. The
# Einstein relation $D = \mu k_BT$ holds in a weak field only. In a strong field $D$ is far larger,
# because the carriers wait for very different times in the dead ends.
#
# Links reach 2.5 critical lengths $l_c$ here, not 1.5: in a strong field a carrier leaves a dead
# end by one long hop along the field instead of going back. The column `long_share` shows whether
# the longest links matter.

# %%
density = 0.1
l_c = hn.critical_length(density)
network = torus(800 if SMALL else 6000, density, cutoff=2.5)
fields = np.geomspace(0.01, 30.0, 12 if SMALL else 20) / l_c
curve = hn.field_curve(network, fields, bath="miller_abrahams")
take(plot_field_curve(curve, l_c))
plt.show()
peak = curve["velocity"].idxmax()
print(f"peak of v at e F l_c = {fields[peak] * l_c:.1f} kT")
weak = np.interp(0.1 / l_c, fields, curve["mobility"]) / curve["mobility"][0]
print(f"mobility at e F l_c = 0.1 kT: {weak:.3f} of that of Ohm's law")

# %% [markdown]
# ## Where the carriers flow
#
# In a weak field the current follows the paths of least resistance, also where they lead against
# the field for a while. In a strong field those detours are closed: the current concentrates on
# filaments that run along the field.

# %%
few = torus(300 if SMALL else 900, 0.05, seed=8, cutoff=2.5)
length = hn.critical_length(0.05)
maps = [hn.solve_drift(few, F / length, bath="miller_abrahams") for F in (0.01, 1.0, 10.0)]
take(plot_flow_maps(maps, length))
plt.show()

# %% [markdown]
# ## Between contacts
#
# `hn.solve_bias` solves a sample with contacts. The carriers that come from the source and end in
# the drain carry $J_{sd}$, those on the way back $J_{ds}$. Their ratio is $e^{eV/k_BT}$ in every
# sample and at every voltage, so the current is $J_{sd}(1 - e^{-eV/k_BT})$. For few carriers the
# sum of the two is the noise: Johnson noise at a small voltage, shot noise at a large one.

# %%
sites = hn.random_sites(500 if SMALL else 3000, density=0.05, seed=5)
between = hn.build_network(sites, cutoff=2.5)
voltages = np.geomspace(0.01, 100.0, 13)
bias = hn.voltage_curve(between, voltages, bath="miller_abrahams")
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6))
left.loglog(voltages, bias["current"], "o-", markersize=4, label="current")
left.loglog(voltages, voltages * bias["conductance"][0], "--", color="0.5", label="Ohm's law")
left.set(xlabel="$eV/k_BT$", ylabel="$J$")
left.legend()
right.semilogx(voltages, bias["noise"] / bias["current"], "o", markersize=4, label="$S/2eJ$")
right.semilogx(voltages, 1 / np.tanh(voltages / 2), "-", color="0.5", label=r"$\coth(eV/2k_BT)$")
right.set(xlabel="$eV/k_BT$", ylim=(0, 12))
right.legend()
figure.tight_layout()
plt.show()

# %% [markdown]
# ## Carriers that block each other
#
# At most one carrier fits on a site. With `concentration=` the mean field of this blocking is
# solved by Newton's method. Each step is a chain of single carriers with the empty places held
# fixed, so it keeps all digits even where pairs of sites exchange carriers $10^{40}$ times faster
# than the current flows. With more carriers the deep traps are filled, the mobility is larger, and
# the field heats the carriers: the occupation of sites against their energy is no Fermi function
# any more.

# %%
sigma = 3.0
warm = torus(300 if SMALL else 1500, density, seed=4, sigma=sigma, cutoff_radius=2.5 * l_c)
strengths = np.array([0.01, 0.1, 0.3, 1.0, 3.0]) / l_c
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6))
mobility = {}
for c in (0.001, 0.01, 0.1, 0.5):
    found = hn.field_curve(warm, strengths, concentration=c)
    mobility[c] = found["mobility"].to_numpy()
    left.loglog(strengths * l_c, mobility[c], "o-", markersize=4, label=f"c = {c:g}")
left.set(xlabel="$eFl_c/k_BT$", ylabel=r"mobility ($a_b^2/\tau_0 k_BT$)")
left.legend(fontsize=8)
start = None
for F in (0.01, 1.0, 3.0):
    start = hn.solve_drift(warm, F / l_c, concentration=0.1, start=start)
    inside = start.occupation > 0
    energy = warm.sites.energy[inside]
    right.plot(energy, start.log_odds[inside], ".", markersize=2, label=f"$eFl_c = {F:g}\\,k_BT$")
right.set(xlabel="$e/k_BT$", ylabel=r"$\ln\, p/(1-p)$")
right.legend(fontsize=8, markerscale=5)
figure.tight_layout()
plt.show()
print(f"Newton steps of the last field: {start.steps}, imbalance {start.imbalance:.0e}")

# %% [markdown]
# ## For any Markov chain
#
# The tool behind this lesson serves every Markov chain on a spatial graph. It is the algorithm of
# Grassmann, Taksar and Heyman (GTH), called *graph transformation* in chemical kinetics, on the
# elimination tree of nested dissection. It never subtracts, so each probability and each time is
# accurate relative to itself, however many decades the rates span. `hn.stationary_occupation`
# takes the logarithms of the rates; `hn.first_passage` gives the probability to reach one set of
# nodes before another, and the mean time until then.

# %%
n = 40 if SMALL else 120
x = np.arange(n, dtype=float)
i, j = np.arange(n - 1), np.arange(1, n)
energy = 60.0 * np.random.default_rng(2).random(n)
position = np.stack([x, 0 * x], axis=1)
up, down = -np.maximum(energy[j] - energy[i], 0.0), -np.maximum(energy[i] - energy[j], 0.0)
p = hn.stationary_occupation(i, j, up, down, position)
probability, mean_time = hn.first_passage(i, j, up, down, position, [n - 1], avoid=[0])
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2))
left.semilogy(x, p, ".", label="stationary occupation")
left.semilogy(x, np.exp(energy.min() - energy) * p.max(), "-", linewidth=0.7, label="Boltzmann")
left.legend(fontsize=8)
right.semilogy(x[1:-1], mean_time[1:-1], ".", label="mean time to an end")
right.semilogy(x[1:-1], probability[1:-1], ".", label="probability of the right end")
right.legend(fontsize=8)
figure.tight_layout()
plt.show()

# %% [markdown]
# ## What to keep in mind
#
# - Ohm's law ends early: at $eFl_c = 0.1\,k_BT$ the mobility of dilute samples has already fallen.
# - The velocity of few carriers has a peak. Beyond it the result depends on the size of the sample,
#   because rare traps decide: average $1/v$ over samples, and state the size.
# - With contacts the two directions of the current differ by $e^{eV/k_BT}$ exactly.
# - Blocking is a mean field: it conserves the number of carriers, but leaves out correlations
#   between neighbouring sites.

# %%
assert 0 < peak < len(curve) - 1, "the velocity has a peak inside the range"
assert curve["diffusion_ratio"].iloc[-1] > 10 * curve["diffusion_ratio"][0]
assert np.abs(bias["forward"] / bias["backward"] / np.exp(voltages) - 1).max() < 1e-9
assert np.abs(bias["noise"] / bias["current"] * np.tanh(voltages / 2) - 1).max() < 1e-9
assert np.all(np.diff([mobility[c][0] for c in (0.001, 0.01, 0.1)]) > 0), "filled traps"
assert start.imbalance < 1e-12
assert np.abs(p / (np.exp(energy.min() - energy) * p.max()) - 1).max() < 1e-9
