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
# # Pumping: diffusive against local
#
# A magnetisation that moves transfers spin to the conduction electrons, and the electrons carry it
# away. A. Takeuchi, K. Hosono and G. Tatara (Phys. Rev. B **81**, 144405 (2010)) divide this spin
# current into two parts: one flows *locally*, before the electrons have scattered again, and the
# other *diffuses* away through many collisions. Which of the two reaches a neighbouring metal? They
# answer: the diffusive one, as long as the magnetisation varies slowly on the scale of the mean
# free path $\ell$; the local one at a sharp interface. This lesson computes both cases. The second
# answer turns out to need a condition.

# %%
import os
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np

from hopnet.pumping import (
    Medium,
    conversion_efficiency,
    crossover_point,
    interface,
    kinetic_current,
    local_share,
    local_to_diffusive,
    pump,
)
from hopnet.pumping.crossover import interface_split

small = os.environ.get("HOPNET_SMALL") == "1"
blue, orange, green, red, grey = "#2060a8", "#d9822b", "#2e8b57", "#b03a48", "#777777"
nm = 1e-9

metal = Medium.from_lab(
    exchange_meV=0.03,
    fermi_energy_eV=5.0,
    mean_free_path_nm=5.0,
    spin_diffusion_length_nm=40.0,
    rashba_meV_nm=(0.0, 0.0, 5.0),
    impurity_nm2=2e-5,
)
frequency = 2 * np.pi * 10e9
print(f"lifetime {metal.tau * 1e15:.2f} fs, diffusion {metal.diffusion * 1e4:.1f} cm^2/s")
print(f"spin lives {metal.tau_s * 1e12:.2f} ps; one precession takes 100 ps")

# %% [markdown]
# ## One wave
#
# Let the magnetisation be a single wave of wave number $q$ that precesses slowly. Electrons with a
# free path then carry the two currents in the ratio $(1 - I)/I$, where $I$ is the average of
# $1/(1 + iq\ell\cos\theta)$ over the directions of flight. The paper gives its leading term,
# $(q\ell)^2/d$ (dotted lines). The two currents are equal at $q\ell = 1$, $\sqrt 3$ and 2.33 in
# one, two and three dimensions. The wavelengths there are 6.3, 3.6 and 2.7 free paths.

# %%
q_ell = np.geomspace(1e-2, 1e2, 200)
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
for dimension, colour in ((1, green), (2, orange), (3, blue)):
    ratio = np.abs(local_to_diffusive(q_ell, 0.0, dimension))
    point = crossover_point(dimension)
    left.loglog(q_ell, ratio, color=colour, label=f"d = {dimension}")
    left.loglog(q_ell, q_ell**2 / dimension, ":", color=colour, linewidth=1)
    left.plot(point, 1, "o", color=colour)
    right.semilogx(
        q_ell, np.abs(local_share(q_ell, 0.0, dimension)), color=colour, label=f"d = {dimension}"
    )
left.axhline(1, color=grey, linewidth=0.7)
left.set(
    xlabel=r"wave number times mean free path  $q\ell$",
    ylabel="local / diffusive current",
    ylim=(1e-5, 1e3),
)
right.set(
    xlabel=r"wave number times mean free path  $q\ell$",
    ylabel="local share of the spin current",
    ylim=(0, 1.02),
)
left.legend(frameon=False)
plt.show()

# %% [markdown]
# ## An interface
#
# Now a slab of ferromagnet precesses at 10 GHz inside a metal. Its magnetisation ends in a profile
# $\tanh(x/w)$. The figure shows the spin current at its right edge, computed by kinetics with a
# free path. It is polarised against $\dot{\mathbf S}$, which turns with the magnetisation. The
# black line is the result of the diffusion equation. At a smooth edge the local current (red) is
# very small. At a sharp edge it is hardly larger: a step contains waves of all lengths, and those
# as long as the spin diffusion length, 40 nm, carry the current. Only if the spins relax within
# about one free path (right) do no long waves remain. Then two fifths of the current are carried by
# electrons that have not scattered yet. Even there the error of the diffusion equation is only a
# few per cent.

# %%
length, edge = 1200 * nm, 900 * nm
n = 2048 if small else 8192
x = np.arange(n) * length / n
dying = replace(metal, tau_s=4 * metal.tau)
cases = {"smooth": (20 * nm, metal), "sharp": (1 * nm, metal), "dying": (1 * nm, dying)}
titles = (
    "edge 20 nm, spins diffuse 40 nm",
    "edge 1 nm, spins diffuse 40 nm",
    f"edge 1 nm, spins diffuse {dying.spin_diffusion_length / nm:.1f} nm",
)
answers = {}
figure, panels = plt.subplots(1, 3, figsize=(12, 4.4), layout="constrained")
for axes, title, (name, (width, gas)) in zip(panels, titles, cases.items()):
    texture = interface(
        (n,), (length,), edges=(length - edge, edge), width=width, frequency=frequency
    )
    local, diffusive = (
        -gas.charge_equivalent(field.at(0.0)[0, 1]) for field in kinetic_current(texture, gas)
    )
    equation = -gas.charge_equivalent(pump(texture, gas).pumped_current(1).at(0.0)[0, 1])
    answers[name] = local, diffusive, equation
    where, unit = (x - edge) / nm, 1e-6
    profile = 0.5 * (1 - np.tanh((x - edge) / width)) * (local + diffusive).max()
    axes.fill_between(
        where, 0, unit * profile, color=grey, alpha=0.15, linewidth=0, label="magnetisation"
    )
    axes.plot(where, unit * diffusive, color=blue, label="diffusive")
    axes.plot(where, unit * local, color=red, label="local")
    axes.plot(where, unit * (diffusive + local), color=green, linestyle="--", label="both")
    axes.plot(where, unit * equation, color="black", linewidth=0.8, label="diffusion equation")
    reach = 100 if gas is metal else 25
    axes.set(xlim=(-reach, reach), xlabel="distance from the edge  [nm]", ylim=(0, None))
    axes.set_title(title, fontsize=10)
panels[0].set_ylabel(r"spin current $(2e/\hbar)\, j_s$  [A/mm$^2$]")
panels[0].legend(frameon=False, fontsize=8)
plt.show()

# %% [markdown]
# ## From smooth to sharp
#
# The figure shows the local share at the middle of the edge, for widths from a tenth of a free path
# to thirty, and for spins that diffuse one, two, four and eight free paths. A sharp edge alone does
# not make the current local. At smooth edges the share tends to $\tau/\tau_s$, because a spin may
# relax before its electron scatters.

# %%
ratios = np.geomspace(0.1, 30, 6 if small else 21)
reaches = (1, 2, 4, 8)
shares = {}
figure, axes = plt.subplots(figsize=(7.5, 4.4), layout="constrained")
for reach, shade in zip(reaches, (1.0, 0.75, 0.5, 0.3)):
    gas = replace(metal, tau_s=3 * reach**2 * metal.tau)  # l_s = (D tau_s)^(1/2), D = ell^2/3 tau
    shares[reach] = np.array([row.local for row in interface_split(gas, frequency, ratios)])
    axes.semilogx(
        ratios,
        shares[reach],
        "o-",
        color=red,
        alpha=shade,
        label=f"spins diffuse {reach} free path" + "s" * (reach > 1),
    )
axes.set(
    xlabel=r"width of the edge over the mean free path  $w/\ell$",
    ylabel="local share of the spin current at the edge",
    ylim=(0, None),
)
axes.legend(frameon=False)
plt.show()

# %% [markdown]
# ## What a voltmeter sees
#
# A spin current is measured as a charge current. A Rashba field converts the steady, second-order
# current, with a yield that grows as $q$. Spin-orbit scattering by impurities acts on the
# first-order current, and converts its *local* part only, so that its yield grows as $q^2$. The
# diffusive current carries nearly all the spin in a smooth sample, but the impurities convert
# almost nothing of it. (Below $q\ell = 0.05$ the precession is faster than the diffusion over a
# wavelength.)

# %%
q = q_ell[q_ell < 3] / metal.mean_free_path
yields = {}
figure, axes = plt.subplots(figsize=(7.5, 4.4), layout="constrained")
for kind, colour in (("rashba", blue), ("impurity", red)):
    for kernel, style in (("boltzmann", "-"), ("diffusive", ":")):
        value = conversion_efficiency(metal, q, frequency, kind=kind, kernel=kernel)
        yields[kind, kernel] = value * metal.hbar / (2 * metal.charge)
        label = {"boltzmann": kind, "diffusive": f"{kind}, diffusion only"}[kernel]
        axes.loglog(
            q * metal.mean_free_path, yields[kind, kernel], style, color=colour, label=label
        )
axes.set(
    xlabel=r"wave number times mean free path  $q\ell$",
    ylabel=r"charge current / spin current  [$2e/\hbar$]",
)
axes.legend(frameon=False)
plt.show()

# %% [markdown]
# ## Checks
#
# - The crossover points are 1, $\sqrt 3$ and 2.331, and the paper's $(q\ell)^2/d$ holds far below
#   them.
# - At a smooth edge kinetics and the diffusion equation agree to half a per cent. Where spins relax
#   within a free path they differ by more than three per cent.
# - Away from the edge the current falls by a factor e in a spin diffusion length, for a sharp edge
#   as for a smooth one.
# - The local share grows as the edge becomes sharper. At a sharp edge it is a few per cent where
#   spins diffuse eight free paths, and a half where they diffuse one. At smooth edges it is
#   $\tau/\tau_s$.
# - The yield of the impurities grows as $q^2$, that of the Rashba field as $q$.

# %%
assert np.allclose([crossover_point(d) for d in (1, 2, 3)], [1, 3**0.5, 2.331122], atol=1e-6)
for dimension in (1, 2, 3):
    leading = abs(local_to_diffusive(0.01, 0.0, dimension)) * dimension / 1e-4
    assert abs(leading - 1) < 1e-3
error = {
    name: np.abs(local + diffusive - equation).max() / equation.max()
    for name, (local, diffusive, equation) in answers.items()
}
print({name: round(float(value), 4) for name, value in error.items()})
assert error["smooth"] < 0.005 < 0.03 < error["dying"] < 0.1
for name in ("smooth", "sharp"):
    both = answers[name][0] + answers[name][1]
    here, there = (np.argmin(np.abs(x - edge - d)) for d in (100 * nm, 140 * nm))
    fall = np.log(both[here] / both[there]) * metal.spin_diffusion_length / (x[there] - x[here])
    assert abs(fall - 1) < 0.02
assert all(np.all(np.diff(share) < 0) for share in shares.values())
assert shares[8][0] < 0.07 < 0.45 < shares[1][0]
assert all(abs(3 * reach**2 * shares[reach][-1] - 1) < 0.15 for reach in reaches)
wave = slice(len(q) // 2, 2 * len(q) // 3)
slopes = {
    kind: np.polyfit(np.log(q[wave]), np.log(yields[kind, "diffusive"][wave]), 1)[0]
    for kind in ("rashba", "impurity")
}
assert abs(slopes["impurity"] - 2) < 0.1
assert abs(slopes["rashba"] - 1) < 0.1
