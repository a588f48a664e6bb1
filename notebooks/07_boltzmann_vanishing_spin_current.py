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
# # Boltzmann: the spin current that vanishes
#
# Electrons of one layer have a Rashba coupling,
# $H = p^2/2m + (\alpha/2)(\sigma_x p_y - \sigma_y p_x)$, and a field $E$ acts along x.
# In a clean layer theory predicts a spin current across the field (spin z along y) of the universal
# size $q_{yz} = eE/8\pi$, for any $\alpha$ and any density. A. Khaetskii (Phys. Rev. Lett.
# **96**, 056602 (2006)) derived the kinetic equation of the whole spin density matrix and found
# that the current vanishes. This lesson solves his equation for any splitting and any scattering
# rate.
#
# Units: $\hbar = e = m = 1$, $E_F = 1/2$, so that momenta are in $\sqrt{2mE_F}$, times in
# $\hbar/2E_F$, and the field is 1.

# %%
import os
import warnings

import matplotlib.pyplot as plt
import numpy as np

from hopnet.boltzmann.potentials import delta_potential, gaussian_potential, yukawa_potential
from hopnet.boltzmann.rashba import UNIVERSAL, RashbaGas, observe, solve_rashba
from hopnet.errors import ValidityWarning

small = os.environ.get("HOPNET_SMALL") == "1"
warnings.simplefilter("ignore", ValidityWarning)  # E_F tau < 1 is shown on purpose
blue, orange, green, red, grey = "#2060a8", "#d9822b", "#2e8b57", "#b03a48", "#777777"

gas = RashbaGas(splitting=0.4)
plus, minus = gas.fermi_momenta
print(f"Fermi momenta {plus:.4f} (helicity +) and {minus:.4f} (helicity -)")
print(f"their distance m alpha = {gas.momentum_splitting:.4f}")

# %% [markdown]
# ## Two helicity bands, and a chain of momenta
#
# An impurity conserves the energy but not the helicity. From $p$ in the upper band an electron can
# be scattered to $p + m\alpha$ in the lower one. A coherence $f_{+-}(p)$ has two energies, so it is
# coupled to both $p + m\alpha$ and $p - m\alpha$. These are coupled to the next, and so on: the
# kinetic equation closes on a *chain* of momenta, which continues beyond the bottom of the lower
# band (open circles: its other half). The left figure shows the bands and the chain through both
# Fermi momenta. The right figure shows what the field drives: it shifts the two Fermi circles
# (arrow), and it tilts every spin in the shaded ring between them, where one band is filled and the
# other is empty.

# %%
step = gas.momentum_splitting
p = np.linspace(0, minus + 1.4 * step, 300)
chain = plus % step + step * np.arange(-6, 6)
chain = chain[np.abs(chain) < p[-1]]

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.6), layout="constrained")
for sign, name, colour in ((1, "helicity +", orange), (-1, "helicity -", blue)):
    left.plot(p, p**2 / 2 + sign * gas.splitting * p / 2, color=colour, label=name)
    for part, face in ((chain[chain > 0], colour), (-chain[chain < 0], "white")):
        energy = part**2 / 2 + sign * gas.splitting * part / 2
        left.plot(part, energy, "o", color=colour, markerfacecolor=face, markersize=5)
left.axhline(gas.fermi_energy, color=grey, linestyle="--", linewidth=1)
left.text(0.02, gas.fermi_energy + 0.02, "$E_F$", color=grey)
left.set(xlabel=r"momentum $p$  [$\sqrt{2mE_F}$]", ylabel="energy  [$2E_F$]", ylim=(-0.05, 1.3))
left.legend(frameon=False)

angle = np.linspace(0, 2 * np.pi, 200)
right.fill(*(minus * np.array([np.cos(angle), np.sin(angle)])), color=blue, alpha=0.15)
right.fill(*(plus * np.array([np.cos(angle), np.sin(angle)])), color="white")
for radius, colour, sign in ((plus, orange, 1), (minus, blue, -1)):
    right.plot(radius * np.cos(angle), radius * np.sin(angle), color=colour)
    at = angle[:-1:18]  # spin of the band: along (p_y, -p_x) for helicity +
    right.quiver(
        radius * np.cos(at),
        radius * np.sin(at),
        sign * np.sin(at),
        -sign * np.cos(at),
        color=colour,
        scale=14,
        width=0.006,
    )
right.annotate("", (0.45, 0), (-0.45, 0), arrowprops={"arrowstyle": "->", "color": red})
right.text(0, 0.06, "field", color=red, ha="center")
right.set(xlabel=r"$p_x$  [$\sqrt{2mE_F}$]", ylabel=r"$p_y$  [$\sqrt{2mE_F}$]", aspect="equal")
right.set_title("Fermi circles and their spins", fontsize=10)
plt.show()

# %% [markdown]
# ## Two contributions cancel
#
# The linear response is the sum of two contributions: of the shifted circles and of the tilted
# spins. The next cell computes both for short-range, Gaussian and screened-charge impurities, from
# hardly resolved bands ($\Delta\tau \ll 1$) to well split ones. The shifted circles contribute
# $+eE/8\pi$ and the tilted spins $-eE/8\pi$ in every case. The sum is zero to machine precision.

# %%
potentials = {
    "short range": delta_potential,
    "Gaussian, R = 1": lambda time: gaussian_potential(time, 1.0),
    "screened charges, k = 0.5": lambda time: yukawa_potential(time, 0.5),
}
times = np.geomspace(0.3, 300, 8 if small else 19)
answers = {
    name: [solve_rashba(gas, make(time), tolerance=1e-8) for time in times]
    for name, make in potentials.items()
}

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.4), layout="constrained")
for (name, rows), marker, colour in zip(answers.items(), "osd", (blue, orange, green)):
    current = np.array([row.spin_current for row in rows]) / UNIVERSAL
    for part in current.T:
        left.plot(gas.splitting * times, part, marker, color=colour, markersize=6, fillstyle="none")
    left.plot(gas.splitting * times, current.sum(axis=1), marker, color=colour, label=name)
    density = [row.s_y / rows[-1].s_y * times[-1] / t for row, t in zip(rows, times)]
    right.plot(gas.splitting * times, density, marker + "-", color=colour, label=name)
left.text(0.2, 1.08, "from the shifted circles", color=grey)
left.text(0.2, -0.92, "from the tilted spins", color=grey)
left.text(0.2, 0.08, "sum", color=grey)
left.set(
    xscale="log",
    xlabel=r"splitting times lifetime  $\Delta\tau_0/\hbar$",
    ylabel=r"spin current $q_{yz}$  [$eE/8\pi$]",
    ylim=(-1.4, 1.6),
)
right.set(
    xscale="log",
    xlabel=r"splitting times lifetime  $\Delta\tau_0/\hbar$",
    ylabel=r"$S_y/\tau_0$ over its value at the right end",
)
right.set_title("what does not vanish: the spin density along y", fontsize=10)
left.legend(frameon=False, loc="center right", bbox_to_anchor=(1, 0.68))
plt.show()
largest = max(abs(row.q_yz) for rows in answers.values() for row in rows) / UNIVERSAL
print(f"largest |q_yz| of all: {largest:.1e} e/8pi")

# %% [markdown]
# ## Why it vanishes, and why the zero is no test of a solver
#
# The operator identity $\dot S_y = -m\alpha\, q_{yz}$ holds for any impurity that does not act on
# the spin: the spin density is steady only if the spin current is zero. The kinetic equation obeys
# the identity chain by chain. A solver whose chain is far too short still gives zero, while
# all other results are wrong. Convergence must therefore be judged by $S_y$.

# %%
hard, impurities = RashbaGas(splitting=0.1), delta_potential(0.5)
right_answer = solve_rashba(hard, impurities).s_y
lengths = np.arange(1, 12 if small else 26, 2)
short = np.array([observe(hard, impurities, n, 16)[0].sum(axis=1) for n in lengths])

figure, axes = plt.subplots(figsize=(7.5, 4.4), layout="constrained")
axes.semilogy(
    lengths,
    np.abs(short[:, 1] / right_answer - 1),
    "o-",
    color=blue,
    label="relative error of $S_y$",
)
axes.semilogy(
    lengths,
    np.maximum(np.abs(short[:, 0]) / UNIVERSAL, 1e-17),
    "s-",
    color=red,
    label=r"$|q_{yz}|$  [$eE/8\pi$]",
)
axes.set(xlabel=r"momenta kept on the chain beyond $p_F^-$", ylabel="error")
axes.set_title(r"$\alpha$ = 0.1, $\tau_0$ = 0.5: the current is zero on any chain", fontsize=10)
axes.legend(frameon=False)
plt.show()

# %% [markdown]
# ## A resonance at the band bottom
#
# For short-range impurities and well split bands $S_y = N_0(\alpha/2)\tau_0 E$ holds exactly, at
# any splitting except one. Where $p_F^+ = m\alpha/2$, the Fermi circle of the upper band has
# the momentum at which the lower band has its bottom and its velocity vanishes. Two momenta of the
# chain coincide there, a coherence decays slowly, and $S_y$ is larger by two thirds, on a range of
# $\alpha$ that shrinks as $1/\tau_0^2$. The paper does not mention this. The spin current is zero
# there too.

# %%
critical = 2 / np.sqrt(3)
away = np.geomspace(1e-7, 3e-2, 8 if small else 24)
shift = np.concatenate([-away[::-1], [0.0], away])
figure, axes = plt.subplots(figsize=(7.5, 4.4), layout="constrained")
peaks = {}
for time, colour in ((10.0, blue), (30.0, orange), (100.0, green)):
    ratio = []
    for x in shift:
        near = RashbaGas(critical * (1 + x))
        answer = solve_rashba(near, delta_potential(time), tolerance=1e-6)
        ratio.append(answer.s_y / near.edelstein(time))
    peaks[time] = np.array(ratio)
    axes.plot(1e3 * shift, ratio, ".-", color=colour, label=rf"$\tau_0$ = {time:g}")
axes.axhline(1, color=grey, linewidth=0.8)
axes.set_xscale("symlog", linthresh=1e-3)
axes.set(
    xlabel=r"distance of $\alpha$ from $2 p_F/\sqrt{3} m$  [1/1000]",
    ylabel=r"$S_y\, /\, N_0(\alpha/2)\tau_0 E$",
)
axes.legend(frameon=False)
plt.show()

# %% [markdown]
# ## Which impurities allow a current
#
# The identity does not hold when the impurities themselves have spin-orbit coupling: then spin
# relaxes not only by precession, and a steady current can balance this relaxation.

# %%
time = 20.0
for xy in (0.0, 0.05, 0.1):
    answer = solve_rashba(RashbaGas(0.05, lambda_xy=xy), delta_potential(time))
    print(f"lambda_xy = {xy:4.2f}: q_yz = {answer.q_yz / UNIVERSAL:+.6f} e/8pi")
kept = answer.q_yz / UNIVERSAL

# %% [markdown]
# ## Checks
#
# - The contributions are $+1$ and $-1$ and their sum is $0$, in $eE/8\pi$, for three kinds of
#   impurities and all lifetimes.
# - $S_y$ of a short chain is wrong although its $q_{yz}$ is zero.
# - $S_y = N_0(\alpha/2)\tau_0 E$ holds away from the resonance. At the resonance two methods of
#   solution give the same value, 1.651 for $\tau_0 = 10$.
# - With spin-orbit disorder, $q_{yz} = 0.0607\, eE/8\pi$ at $\lambda_{xy} = 0.1$.

# %%
for rows in answers.values():
    current = np.array([row.spin_current for row in rows]) / UNIVERSAL
    assert np.abs(current - [1, -1]).max() < 1e-11
assert abs(short[0, 1] / right_answer - 1) > 0.1 > 1e-12 > abs(short[0, 0]) / UNIVERSAL
well_split = solve_rashba(RashbaGas(1.0), delta_potential(1e5))
assert abs(well_split.s_y / RashbaGas(1.0).edelstein(1e5) - 1) < 1e-8
assert abs(peaks[10.0].max() - 1.65106) < 2e-5
assert peaks[100.0][0] < 1.01 < 1.6 < peaks[100.0].max()
assert abs(kept - 0.06066) < 2e-5
