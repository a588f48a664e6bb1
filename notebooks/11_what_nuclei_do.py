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
# # What nuclei do
#
# The spin of an electron at a site precesses in the field of some $10^5$ nuclear spins. On the time
# scale of hops this field is frozen, and it is random from site to site. Usually its effect is
# described by one number, the spin relaxation time $\tau_s$. This lesson computes the effect of the
# frozen fields themselves: how long a spin polarisation lasts, what its noise looks like, when one
# number is enough, and why the resistance depends on a magnetic field without any magnetic
# material.
#
# Times are in units of $\tau_0$, lengths in units of $a_b$. The strength $\sigma$ is the standard
# deviation of one component of the precession frequency. The equations are derived on the page
# [Nuclear fields](../nuclear_fields).

# %%
import os

import matplotlib.pyplot as plt
import numpy as np

import hopnet as hn
from hopnet.plots.memory import (
    plot_magnetoresistance,
    plot_memory,
    plot_nuclear_f,
    plot_spin_map,
    plot_spin_noise,
)
from hopnet.spin import choose_traps, fit_line_shapes, site_rates
from hopnet.spin.memory_file import tail_law

SMALL = os.environ.get("HOPNET_SMALL") == "1"


def take(figure):
    """Let pyplot show a figure of hopnet.plots."""
    manager = plt.figure().canvas.manager
    figure.set_canvas(manager.canvas)
    manager.canvas.figure = figure


def sample(n_sites, density, seed=3):
    """A cylinder of random sites."""
    sites = hn.random_sites(n_sites, density=density, seed=seed, geometry="cylinder")
    return hn.build_network(sites)


# %% [markdown]
# ## The spin memory
#
# All spins point along $z$ at first. The spin memory $P(t)$ is the part of this polarisation that
# is left after a time $t$. At a site that is never left, the spin turns about the local field.
# Averaged over the random directions of the fields, two thirds of the spin are lost after a time
# $1/\sigma$, and one third, the part along the local field, stays for ever. This is the dashed
# curve. Hops have two effects. Where they are fast, an electron visits many sites before its spin
# turns; the fields average out, and the spin lives longer (motional narrowing). Where hops are
# slow, the third that is left survives until the first hop, and then a third of that until the next
# one.
#
# In a dilute sample the waiting times span many decades, and so does the decay of the spin memory.
# Its tail is a third of the probability not to have hopped yet, without any fit parameter (dotted).
# An external field of $3\sigma$ along the spin preserves most of the polarisation.

# %%
n_sites = 1000 if SMALL else 10_000
time = np.geomspace(1.0, 1e9, 55)
network, sigma = sample(n_sites, 0.03), 0.01
nuclei = hn.overhauser_fields(network, sigma, seed=5)
along = np.array([0.0, 0.0, 3 * sigma])
options = {"tolerance": 2e-3}
decay = hn.spin_relaxation(network, time, field=nuclei, **options)
kept = hn.spin_relaxation(network, time, field=nuclei + along, **options)
law = tail_law(time, 0.03)
take(
    plot_memory(
        time,
        {"no external field": decay.remaining, r"$B = 3\sigma$ along the spin": kept.remaining},
        site=hn.kubo_toyabe(time, sigma),
        tail=law,
        title=rf"{n_sites} sites, $n_sa_b^2$ = 0.03, $\sigma\tau_0$ = 0.01",
    )
)
plt.show()

# %% [markdown]
# ## The noise of the spins
#
# Even without a pump, the spins of a sample fluctuate. The spectrum of this noise is the Fourier
# transform of the spin memory: a peak at low frequency from spins that live long, and a shoulder
# near $\sigma$ from spins that turn about their local field. Its area is fixed: the integral over
# all frequencies counts the spins.

# %%
frequency = sigma * np.geomspace(1e-3, 10, 9 if SMALL else 25)
spectra = {}
for density in (0.1, 0.03):
    here = network if density == 0.03 else sample(n_sites, density)
    field = hn.overhauser_fields(here, sigma, seed=5)
    noise = hn.spin_noise(here, frequency, field=field, resolution=0.03 * sigma)
    spectra[f"$n_sa_b^2$ = {density:g}"] = noise.power
take(plot_spin_noise(frequency, spectra, strength=sigma, title=r"resolution 0.03$\,\sigma$"))
plt.show()

# %% [markdown]
# ## Where spin lives
#
# Each site can be given a relaxation rate of its own. It depends on how fast an electron leaves the
# site for good: an electron that hops to a close neighbour returns many times. Spins live long at
# sites that are far from all others (green and yellow). The current, shown in grey, flows
# elsewhere. A pump polarises mainly the long-lived spins; the current induces spin where it flows.

# %%
few = sample(350, 0.05, seed=2)
current = hn.solve_current(few)
rates = site_rates(few, 0.01, tau_s=1e6)
take(plot_spin_map(few, current, rates.site_times, title=r"350 sites, $\sigma\tau_0$ = 0.01"))
plt.show()

# %% [markdown]
# ## Is one relaxation time enough?
#
# Let $\tau_\mathrm{eff}$ be the lifetime of a pumped spin: the polarisation over the pumping rate.
# If this one number described the nuclei, the current would induce the spin that belongs to
# $f(\tau_\mathrm{eff})$. In weak fields it does. Once the fields are stronger than the hop rates
# that matter, it does not: much of $\tau_\mathrm{eff}$ comes from traps, which carry no current.
#
# One configuration of the fields would not show this. The triads also make spin along $z$, of lower
# order in the spin-orbit coupling. The frozen fields turn it into the plane, with random signs. In
# the configuration turned by half a turn about $z$ this leakage has the opposite sign. `nuclear_f`
# takes the mean of both; for all orders, use `nuclear_average`.

# %%
strength = np.array([1e-3, 1e-2, 1e-1])
n_samples = 3 if SMALL else 12
table = np.array(
    [
        [
            hn.nuclear_f(
                network_k, tau_s=1e6, field=hn.overhauser_fields(network_k, s, seed=20 + k)
            )
            for s in strength
        ]
        for k in range(n_samples)
        for network_k in (sample(600 if SMALL else 1500, 0.1, seed=k),)
    ]
)
f = np.array([[one.f for one in row] for row in table])
f_one = np.array([[one.f_of_one_time for one in row] for row in table])
root = np.sqrt(n_samples)
take(
    plot_nuclear_f(
        strength,
        f.mean(axis=0),
        f_one.mean(axis=0),
        errors=(f.std(axis=0, ddof=1) / root, f_one.std(axis=0, ddof=1) / root),
        title=rf"$n_sa_b^2$ = 0.1, {n_samples} samples",
    )
)
plt.show()
leakage = np.array([[one.leakage for one in row] for row in table])
tau_f = np.array([[one.tau_f for one in row] for row in table])
print("leakage at a half-angle of 0.01 over the mean:", np.round(leakage[0] / 0.01 / tau_f[0], 2))

# %% [markdown]
# ## A resistance that depends on a magnetic field
#
# Now let a fifth of the sites hold one electron each. A second electron can hop onto such a trap
# only if both spins form a singlet. If not, it waits until the fields of the nuclei have turned the
# two spins differently. A large external field suppresses most of this, and the resistance grows by
# some per cent. Each trap becomes a small mesh of resistors, and the sample is solved as any other.
#
# On a lattice all hops have one rate, and the curve is a Lorentzian in $B$. On random sites the
# rates span decades, and the curve is the broader one that is measured in organic semiconductors.

# %%
external = np.geomspace(0.3, 100, 9)
lattice = hn.build_network(hn.lattice_sites("square", 16, 16, spacing=4.0), cutoff_radius=4.2)
curves = {"lattice": [], "random sites": []}
for k in range(4 if SMALL else 12):
    random = hn.build_network(hn.random_sites(256, density=0.1, seed=k))
    for name, here, width in (("lattice", lattice, 0.01), ("random sites", random, 0.01)):
        trap = choose_traps(here, 0.2, seed=k)
        field = hn.overhauser_fields(here, width, seed=k)
        found = hn.magnetoresistance(here, trap, width * external, field=field)
        curves[name].append(found.change)
mean = {name: np.mean(each, axis=0) for name, each in curves.items()}
fits = {name: fit_line_shapes(external, curve) for name, curve in mean.items()}
take(plot_magnetoresistance(external, mean, fits=fits, title="20 % of the sites are traps"))
plt.show()

# %% [markdown]
# ## What to keep in mind
#
# - A third of the spin survives each visit to a site that is left slowly. The spin memory of a
#   dilute sample decays over many decades of time.
# - One relaxation time describes the nuclei as long as their fields are weak against the hop rates
#   that matter.
# - One configuration of frozen fields does not show the current-induced spin; the mean with its
#   turned copy does.
# - Spin blocking at singly occupied sites causes a magnetoresistance. Its dependence on the field
#   shows whether the hop rates are broadly distributed.

# %%
late = (time > 1e4) & (time < 1e6)
assert np.abs(decay.remaining[late] / law[late] - 1).max() < 0.8, "the tail follows its law"
assert np.all(kept.remaining[late] > decay.remaining[late])
assert np.all(f.mean(axis=0)[2] < 0.9 * f_one.mean(axis=0)[2]), "one time fails in strong fields"
assert f.mean(axis=0)[0] > 0.6 * f_one.mean(axis=0)[0], "one time is enough in weak fields"
assert fits["lattice"][0].residual < fits["lattice"][1].residual, "a Lorentzian on the lattice"
assert mean["random sites"][-1] > 0.005, "the resistance grows by some per cent"
