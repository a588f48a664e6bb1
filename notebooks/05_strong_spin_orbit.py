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
# # Strong spin-orbit coupling, Onsager, Hanle
#
# The function $f(n_s, \tau_s)$ is the answer to leading order in spin-orbit coupling. This lesson
# solves the full coupled equations of occupation and spin, at any strength of the coupling, and
# asks three questions. How far does $f$ hold? Is the spin that a current induces reciprocal to the
# current that spins drive? And how does a magnetic field change the induced spin, along each of the
# three axes?
#
# Lengths are in units of $a_b$, times in $\tau_0$. A hop over $\mathbf R$ turns a spin by twice
# the angle $|M\mathbf R|$, $M = m a_b\beta/\hbar^2$; $\varphi$ is the largest half-angle of a hop
# of one $a_b$.

# %%
import os

import matplotlib.pyplot as plt
import numpy as np

import hopnet as hn
from hopnet.spin.coefficients import hop_table
from hopnet.spin.kinetics import solve_kinetics
from hopnet.spin.kinetics.frames import find_frames
from hopnet.spin.kinetics.scan import full_over_leading

SMALL = os.environ.get("HOPNET_SMALL") == "1"
ETA = 6.58e-3  # hbar / (J_0 tau_0) of 10 meV and 10 ps
FORM = np.array([[0.0, 1.0], [0.6, 0.0]])  # Rashba and Dresselhaus together, axes along <110>
COLOURS = ["tab:blue", "tab:orange", "tab:green", "tab:red"]

network = hn.build_network(hn.random_sites(1500 if SMALL else 10_000, density=0.02, seed=5))
current = hn.solve_current(network)
print(f"{network.n_sites} sites, {network.n_links} links, n_s a_b^2 = {network.sites.density:.3g}")

# %% [markdown]
# ## How far does $f$ hold?
#
# The Dyakonov-Perel time $\tau_{DP}$ is the time in which precession in random hops destroys a
# spin, and the leading order is valid for $\tau_s \ll \tau_{DP}$. The left picture shows the
# polarisation of the full equations over that of the leading order, against $\tau_s/\tau_{DP}$,
# with the mean rate of precession of all hops. The curves for different couplings lie decades
# apart: at weak coupling $f$ is accurate far beyond $\tau_{DP}$.
#
# The reason is that most hops go forth and back between two close sites, and the second hop undoes
# the rotation of the first. In frames that follow the rotation along the strongest links, only the
# rotation around closed loops is left. It is of second order in the angle and proportional to the
# area of the loop, so it dephases a spin at a rate proportional to the *fourth* power of
# $\varphi$. The right picture shows the same ratio over its value at small $\tau_s$, against
# $\tau_s$ times that rate: now the curves for all couplings lie close together. So $f$ fails where
# loops dephase the spin, not where hops do. (The deviation that remains at small $\tau_s$ is of
# order $\varphi^2$: long hops turn a spin by more than a small angle.)

# %%
angles = (0.01, 0.03, 0.1, 0.3)
times = np.logspace(1, 9, 9 if SMALL else 13)
table = full_over_leading(network, FORM, eta=ETA, angles=angles, tau_s=times, current=current)
loop_rate = {
    angle: find_frames(network, hop_table(network, angle * FORM)).dephasing.mean()
    for angle in angles
}

figure, (left, right) = plt.subplots(1, 2, figsize=(11.5, 4.6), layout="constrained")
for colour, (angle, part) in zip(COLOURS, table.groupby("angle")):
    part = part.sort_values("tau_s")
    left.semilogx(
        part["tau_s"] / part["tau_DP"],
        part["ratio"],
        "o-",
        color=colour,
        markersize=4,
        label=rf"$\varphi$ = {angle:g}",
    )
    right.semilogx(
        part["tau_s"] * loop_rate[angle],
        part["ratio"] / part["ratio"].iloc[0],
        "o-",
        color=colour,
        markersize=4,
    )
left.set(
    xlabel=r"$\tau_s/\tau_{DP}$, all hops", ylabel="full equations / leading order", ylim=(0, 1.08)
)
right.set(
    xlabel=r"$\tau_s$ x rate of dephasing in loops",
    ylim=(0, 1.08),
    ylabel=r"the same, over its value at $\tau_s = 10\,\tau_0$",
)
for axes in (left, right):
    axes.axhline(1, color="0.6", linewidth=0.8)
    axes.axvline(1, color="0.6", linewidth=0.8, linestyle=":")
left.legend(frameon=False, title="half-angle of a hop of $a_b$")
plt.show()

# %% [markdown]
# ## Onsager: the current that spins drive
#
# Drive a current and spins appear (CISP): $s$ per unit of $X = eU/kT$. Generate spins instead, at
# the rate $s_0/\tau_s$ per electron with the contacts short-circuited, and a current $J$ appears
# (spin-galvanic effect). Reciprocity relates the two, for each component and each sample:
#
# $$J/s_0 = 4 N_e\, s/(\tau_s X), \qquad \mathbf B \to -\mathbf B \text{ in one of the two.}$$
#
# Below are samples with random positions, random couplings as strong as one radian a hop (with and
# without a trace), half of them with random site energies, all in a magnetic field. The currents
# differ from sample to sample by orders of magnitude, and the relation holds in each of them to
# machine precision. It does not hold if the field is not reversed (open symbols).

# %%
rng = np.random.default_rng(11)
records = []
for number in range(6 if SMALL else 12):
    sites = hn.random_sites(200 if SMALL else 500, density=0.05, seed=100 + number)
    kT = None
    if number % 2:
        sites = hn.sites_from_positions(
            sites.position,
            length=sites.length,
            width=sites.width,
            energy=rng.uniform(-0.5, 0.5, sites.n_sites),
        )
        kT = 0.25
    sample = hn.build_network(sites, kT=kT)
    drive = hn.solve_current(sample)
    matrix = 0.1 * rng.normal(size=(2, 2))
    tau_s = 10 ** rng.uniform(1, 4)
    field = rng.normal(size=3) / tau_s
    options = {"eta": ETA, "tau_s": tau_s, "current": drive}
    n_electrons = np.exp(sample.log_occupation).sum()
    spin = solve_kinetics(sample, matrix, field=field, **options).polarisation
    for component in range(3):
        generation = np.eye(3)[component] / tau_s
        flow = {
            sign: solve_kinetics(
                sample, matrix, field=sign * field, bias=0.0, generation=generation, **options
            ).current
            for sign in (-1, 1)
        }
        expected = 4 * n_electrons * spin[component] / tau_s
        size = 4 * n_electrons * np.linalg.norm(spin) / tau_s
        records.append((number, component, expected, flow[-1], flow[1], size))
number, component, expected, reversed_field, same_field, size = np.array(records).T
error = np.abs(reversed_field - expected) / size
wrong = np.abs(same_field - expected) / size

figure, (left, right) = plt.subplots(1, 2, figsize=(11.5, 4.6), layout="constrained")
for colour, axis in zip(COLOURS, range(3)):
    here = component == axis
    style = {"color": colour, "linestyle": "none", "markersize": 6}
    left.loglog(
        np.abs(expected[here]),
        np.abs(reversed_field[here]),
        "o",
        **style,
        label=f"spin along {'xyz'[axis]}",
    )
    left.loglog(np.abs(expected[here]), np.abs(same_field[here]), "o", **style, fillstyle="none")
    right.semilogy(number[here] + 1, np.maximum(error[here], 1e-17), "o", **style)
    right.semilogy(number[here] + 1, wrong[here], "o", **style, fillstyle="none")
ends = [np.abs(expected).min(), np.abs(expected).max()]
left.loglog(ends, ends, color="0.6", linewidth=0.8, zorder=0)
left.set(
    xlabel=r"$4 N_e\,|s|/(\tau_s X)$ of current-induced spin  [$1/\tau_0$]",
    ylabel=r"$|J|/s_0$ driven by spins  [$1/\tau_0$]",
)
right.set(
    xlabel="sample",
    ylabel="|difference| / size of the three components",
    xticks=np.unique(number) + 1,
)
left.legend(frameon=False, title="filled: field reversed\nopen: the same field")
plt.show()

# %% [markdown]
# ## Three Hanle laws
#
# Spins of electrons that do not hop follow a Lorentzian $1/(1 + \omega^2\tau_s^2)$ in any field
# perpendicular to them. Here only the field normal to the plane gives a Lorentzian. A field along
# the induced spin (across the current) cannot turn that spin. But it turns the normal spin $S^z$,
# whose diffusion *reduces* the induced spin: the polarisation **rises**, towards its drift part
# $f_{drift}/f$. A field along the current has both effects. To leading order all three curves
# follow from one function of a complex rate, $F(1/\tau_s + i\omega)$ (lines). The full equations
# in a field (dots) do not use this function. The crosses are the full equations at
# $\varphi = 0.3$, where spins turn by radians in a long hop: little of the rise is left.

# %%
tau_s = 1e3
turning = np.logspace(-1.5, 1.5, 61)
measured = np.logspace(-1.2, 1.4, 4 if SMALL else 8)
laws = hn.hanle_curve(network, tau_s, turning / tau_s, current=current, spin_orbit=FORM)
NAMES = ("along the current", "across it, along the spin", "normal to the plane")
ratio = {}
for angle in (1e-3, 0.3):

    def polarisation(field, angle=angle):
        full = solve_kinetics(
            network,
            angle * FORM,
            eta=ETA,
            tau_s=tau_s,
            field=field,
            current=current,
            feedback=False,
        )
        return full.polarisation

    zero = polarisation(np.zeros(3))
    ratio[angle] = np.array(
        [
            [polarisation(axis * omega / tau_s) @ zero / (zero @ zero) for omega in measured]
            for axis in np.eye(3)
        ]
    )

figure, axes = plt.subplots(figsize=(8.2, 5.0), layout="constrained")
curves = (laws.field_along, laws.field_across, laws.field_normal)
for colour, name, curve, weak, strong in zip(COLOURS, NAMES, curves, ratio[1e-3], ratio[0.3]):
    axes.semilogx(turning, curve, color=colour, label=name)
    axes.semilogx(measured, weak, "o", color=colour, markersize=5)
    axes.semilogx(measured, strong, "x", color=colour, markersize=6)
axes.axhline(laws.f_drift / laws.f, color="0.6", linewidth=0.8, linestyle=":")
axes.text(0.035, laws.f_drift / laws.f, r"$f_{drift}/f$", va="bottom", color="0.4")
axes.axhline(0, color="0.6", linewidth=0.8)
axes.set(
    xlabel=r"$\omega\tau_s$,  $\omega = g\mu_B B/\hbar$",
    ylabel="induced spin / its value at B = 0",
    title=rf"$\tau_s = 10^3\,\tau_0$, $n_s a_b^2$ = {network.sites.density:.2g}",
)
axes.legend(frameon=False, title="magnetic field", loc="center left")
plt.show()

# %% [markdown]
# ## Checks
#
# The full equations meet the leading order at weak coupling and fall below it at strong coupling;
# the residual of every significant row is below $10^{-8}$ of its terms. Onsager's relation holds
# to $10^{-10}$ in each sample and component, and fails where the field is not reversed. The dots
# lie on the three Hanle laws to $5 \times 10^{-3}$, and the field along the induced spin raises
# it, up to its drift part.

# %%
weakest = table[table["angle"] == angles[0]].sort_values("tau_s")
assert np.all(np.abs(weakest["ratio"].iloc[:3] - 1) < 5e-3)
assert np.all(np.diff(weakest["ratio"]) < 0)
assert table["residual"].max() < 1e-8
by_hops, by_loops = [], []
for angle, part in table[table["angle"] < 0.2].groupby("angle"):
    fallen = part["ratio"] / part["ratio"].iloc[0]
    half = 10 ** np.interp(-0.5, -fallen, np.log10(part["tau_s"]))
    by_hops.append(half / part["tau_DP"].iloc[0])
    by_loops.append(half * loop_rate[angle])
print("half of the ratio is left at tau_s / tau_DP =", np.round(by_hops), "for the three weaker")
print("couplings, at tau_s x dephasing rate in loops =", np.round(by_loops, 2))
assert max(by_hops) / min(by_hops) > 10
assert max(by_loops) / min(by_loops) < 4

print(f"Onsager: largest deviation {error.max():.1e}; field not reversed: {wrong.max():.1g}")
assert error.max() < 1e-10
assert wrong.max() > 0.1

expected = [np.interp(np.log(measured), np.log(turning), curve) for curve in curves]
deviation = np.abs(ratio[1e-3] - expected).max()
print(f"Hanle: dots and lines differ by at most {deviation:.1e}")
assert deviation < 5e-3
assert 1 < ratio[1e-3][1, -1] < laws.f_drift / laws.f
assert ratio[0.3][1, -1] < ratio[1e-3][1, -1]
