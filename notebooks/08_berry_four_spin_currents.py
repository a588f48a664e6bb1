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
# # Berry: four spin currents side by side
#
# An electric field makes electrons move sideways and carry their spin with them. How large is this
# spin current? If the spin is conserved there is one answer. If it is not, four definitions are in
# use. This lesson computes all four, in units where a spin 1/2 counts as $s = \pm 1$:
#
# - *conventional*: the Kubo formula for the operator $\{s, v\}/2$;
# - *LCC*: the "proper" spin current that H. Liu, J. H. Cullen and D. Culcer print (Phys. Rev. B
#   **108**, 195434 (2023)), the Berry curvature of a pair of bands times the spin of the *other*;
# - *XN*: the spin of the band times its own Berry curvature (C. Xiao and Q. Niu);
# - *conserved*: $d(\mathbf r s)/dt$ of J. Shi and others (Phys. Rev. Lett. **96**, 076604 (2006)),
#   from the response to a field that varies slowly in space.

# %%
import os

import matplotlib.pyplot as plt
import numpy as np

from hopnet.berry import (
    PeriodicGrid,
    bhz,
    conserved_current,
    cutoff_curves,
    decompose,
    from_callables,
    kane_mele,
    spin_hall,
)

small = os.environ.get("HOPNET_SMALL") == "1"
grid = PeriodicGrid(48 if small else 96)
FORMS = {
    "conventional": ("#2060a8", "conventional (Kubo)"),
    "lcc": ("#d9822b", "LCC, as printed"),
    "xn": ("#2e8b57", "XN, spin of the band times its curvature"),
    "conserved": ("#b03a48", "conserved (Shi et al.)"),
}


def four(model, mu=0.0, kT=0.0):
    """The four spin-Hall conductivities, field along x and current along y, in e/2pi, s = +-1."""
    forms = spin_hall(model, grid, mu=mu, kT=kT)
    out = {name: 2 * np.pi * getattr(forms, name)[0] for name in ("conventional", "lcc", "xn")}
    conserved = conserved_current(model, grid, mu=mu, kT=kT)
    return out | {"conserved": 2 * np.pi * conserved.value[0]}


# %% [markdown]
# ## They are equal as long as the spin is conserved
#
# The model of Bernevig, Hughes and Zhang consists of a Chern insulator for spin up and its mirror
# image for spin down. Each has one edge channel, and the spin current is $-2$. Now a term is added
# that mixes the spins. The gap stays open, and the four currents are no longer equal. The conserved
# current obeys a conservation law, but it is not quantised any more. LCC and XN jump to 0 even for
# the weakest mixing: it splits the doublets into bands without spin z, and LCC and XN contain the
# spin *of a band*.

# %%
mixing = np.linspace(0.0, 0.8, 5 if small else 17)
table = [four(bhz(-1.0, x)) for x in mixing]

figure, axes = plt.subplots(figsize=(7.5, 4.6), layout="constrained")
for name, (colour, label) in FORMS.items():
    size = 9 if name == "lcc" else 4
    axes.plot(
        mixing,
        [row[name] for row in table],
        "o-",
        color=colour,
        label=label,
        markersize=size,
        fillstyle="none",
    )
axes.axhline(-2, color="#777777", linewidth=0.6)
axes.set(
    xlabel="strength of the term that mixes spins  [hopping]",
    ylabel=r"$\sigma^z_{yx}$ in the gap  [$e/2\pi$]",
)
axes.set_title("Bernevig-Hughes-Zhang model", fontsize=10)
axes.legend(frameon=False)
plt.show()

# %% [markdown]
# ## A quantum spin Hall insulator and its metal
#
# Kane and Mele's honeycomb with Rashba coupling mixes the spins from the start. In the gap the four
# forms give 2.05, 1.89, 1.07 and 1.84. Within the bands they even differ in sign at some energies.
# The conventional and the conserved current vanish when all bands are full, as a current must. LCC
# and XN do not.

# %%
model = kane_mele()
kT = 0.05
mu = np.linspace(-4.5, 4.5, 61)
forms = spin_hall(model, PeriodicGrid(96 if small else 256), mu=mu, kT=kT)
levels = np.linspace(-4.5, 4.5, 7 if small else 31)
conserved = [conserved_current(model, grid, mu=x, kT=kT).value[0] for x in levels]
full = spin_hall(model, grid, mu=20.0)

figure, axes = plt.subplots(figsize=(7.5, 4.6), layout="constrained")
for name, (colour, label) in FORMS.items():
    if name == "conserved":
        axes.plot(
            levels, 2 * np.pi * np.array(conserved), "o-", color=colour, label=label, markersize=4
        )
    else:
        axes.plot(mu, 2 * np.pi * getattr(forms, name), color=colour, label=label)
axes.axhline(0, color="#777777", linewidth=0.6)
axes.set(xlabel="chemical potential  [hopping]", ylabel=r"$\sigma^z_{yx}$  [$e/2\pi$]")
axes.set_title(f"Kane-Mele model, kT = {kT} hoppings", fontsize=10)
axes.legend(frameon=False, fontsize=9)
plt.show()

# %% [markdown]
# ## Where the printed sign comes from
#
# The paper adds up four pieces: $J_1$ and $J_2$, the conventional current of the spin diagonal and
# off-diagonal in the bands, and two torque dipoles, $I_1$ and $I_2$. Each of them can be computed
# from the kinetic equation itself, in a basis that does not depend on k, without the algebra of the
# paper. $I_1 = -J_2$ agrees with the paper. $I_2$ has the opposite sign: between two lines of the
# derivation the indices of field and current are exchanged. With the sign corrected the sum is XN.
# (A Zeeman term keeps the bands apart here: where time reversal makes them touch, quantities of
# single bands jump.)

# %%
zeeman = 0.6 * model.operator("z")
magnet = from_callables(
    "Kane-Mele in a magnet",
    lambda k: model.hamiltonian(k) + zeeman,
    model.spin,
    dimension=2,
    reciprocal=model.reciprocal,
    derivative=model.derivative,
)
filled = {"mu": -1.5, "kT": 0.2}
parts = decompose(magnet, grid, **filled)
closed = spin_hall(magnet, grid, **filled)
names = ["$J_1$", "$J_2$", "$I_1$", "$I_2$ direct", "$I_2$ printed", "sum, direct", "sum, printed"]
values = np.array(
    [
        parts.j1,
        parts.j2,
        parts.i1,
        parts.i2_direct,
        parts.i2_printed,
        parts.total_direct,
        parts.total_printed,
    ]
)

figure, axes = plt.subplots(figsize=(8.5, 4.2), layout="constrained")
colours = ["#777777"] * 3 + ["#2e8b57", "#d9822b"] * 2
axes.bar(names, values, color=colours)
for value, colour, label in ((closed.xn[0], "#2e8b57", "XN"), (closed.lcc[0], "#d9822b", "LCC")):
    axes.axhline(value, color=colour, linestyle="--", linewidth=1, label=label)
axes.axhline(0, color="black", linewidth=0.6)
axes.set(ylabel=r"spin-Hall conductivity  [$e/\hbar$]")
axes.tick_params(axis="x", labelsize=8)
axes.set_title("Kane-Mele model with a Zeeman term, chemical potential -1.5 hoppings", fontsize=10)
axes.legend(frameon=False, loc="lower left")
plt.show()

# %% [markdown]
# ## Bulk Bi$_2$Se$_3$, and the cutoff that was not printed
#
# The paper's headline is $10^3\,(\hbar/2e)\,\Omega^{-1}\mathrm m^{-1}$ in the gap of Bi$_2$Se$_3$,
# for a magnetisation $m$ of 1 meV. It splits doublets by 2 meV, and the result depends on their
# treatment: the paper keeps only the diagonal elements of the spin (m along z); keeping the whole
# block of each doublet gives a result that does not depend on the basis. In a $k\cdot p$ model the
# result depends on the cutoff as well. The right picture shows the same with the warping terms of
# the crystal. With them LCC and XN differ by more than their sign.

# %%
kmax = np.geomspace(0.05, 5.0, 4 if small else 12)
plain = cutoff_curves(kmax, directions="z", levels=3)
warped = cutoff_curves(kmax, directions="z", levels=2 if small else 3, warping=True)

figure, panels = plt.subplots(1, 2, figsize=(11, 4.6), sharey=True, layout="constrained")
titles = ("as printed", "with the warping terms")
for axes, title, (split, block) in zip(panels, titles, (plain, warped)):
    axes.semilogx(kmax, split.lcc, color="#d9822b", label="LCC, diagonal elements")
    axes.semilogx(kmax, -split.xn, color="#2e8b57", linestyle=":", label="-XN, diagonal elements")
    axes.semilogx(kmax, block.lcc, color="#d9822b", linestyle="--", label="LCC, whole doublets")
    axes.semilogx(kmax, -block.xn, color="#2e8b57", linestyle="-.", label="-XN, whole doublets")
    axes.semilogx(kmax, -block.conventional, color="#2060a8", label="-conventional")
    axes.axhspan(800, 1200, color="#777777", alpha=0.2, linewidth=0)
    axes.set(xlabel=r"cutoff $k_\mathrm{max}$  [1/$\mathrm{\AA}$]", title=title)
panels[0].text(0.052, 1230, r"paper: $10^3$", fontsize=9)
panels[0].set_ylabel(r"$\sigma^y_{zx}$  [$(\hbar/2e)\,\Omega^{-1}\mathrm{m}^{-1}$]")
panels[0].legend(frameon=False, fontsize=9)
plt.show()

# %% [markdown]
# ## Checks
#
# - All four forms are $-2$ where the spin is conserved, and differ where it is not.
# - Kane-Mele in the gap: the conventional current of a public Wannier code, 2.054; LCC 1.888, XN
#   1.066, and 1.841 for the conserved one.
# - In full bands the conventional and the conserved current are zero; LCC and XN are not.
# - The pieces from the kinetic equation add up to XN; with the printed sign of $I_2$, to LCC.
# - Whole doublets without warping give 0 for a large cutoff; with it, LCC is not -XN.

# %%
assert all(abs(value + 2) < 1e-6 for value in table[0].values())
assert max(table[-1].values()) - min(table[-1].values()) > 0.1
gap = four(model, kT=0.01)
expected = {"conventional": 2.05432, "lcc": 1.88751, "xn": 1.06570, "conserved": 1.84130}
assert all(abs(gap[name] - value) < 2e-3 for name, value in expected.items())
assert abs(full.conventional[0]) < 1e-12 < 0.05 < abs(full.lcc[0])
assert abs(conserved[-1]) < 1e-3
assert abs(parts.total_direct - closed.xn[0]) < (1e-3 if small else 1e-5)
assert abs(parts.total_printed - closed.lcc[0]) < (1e-3 if small else 1e-5)
assert abs(closed.xn[0] - closed.lcc[0]) > 0.05
assert abs(plain[1].lcc[-1]) < 0.06 * plain[1].lcc.max()
assert warped[1].lcc[-1] + warped[1].xn[-1] > 500
