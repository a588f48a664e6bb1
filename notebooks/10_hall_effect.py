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
# # The Hall effect of hopping electrons
#
# A magnetic field deflects a current. For free carriers the Lorentz force does this. There is no
# such force on an electron that hops between two sites: it is either here or there. Between *three*
# sites there is an effect. The direct hop interferes with the hop through the third site, and the
# magnetic flux through the triangle changes the phase between the two paths. So the Hall effect of
# hopping electrons comes from *triads*, three sites of which every two are linked. The same
# interference polarises spins, with the spin-orbit coupling in place of the flux.
#
# This lesson computes the Hall angle as the exact sum over all triads. It shows that this sum is
# known already: the plateau of $f(\tau_s)$ at slow spin relaxation *is* the Hall angle,
#
# $$ \tan\theta_H = \frac{\hbar}{J_0\tau_0}\,\frac{qBa_b^2}{\hbar}\; n_s a_b^2\, f_\infty . $$
#
# Then it asks how the Hall mobility falls with the conductivity, and whether one typical triad
# explains it, as textbooks assume. In units of the code the two factors in front are
# $\eta = \hbar/J_0\tau_0$ and $b = qBa_b^2/\hbar$. All pictures show $\tan\theta_H/(\eta b)$.

# %%
import os
import warnings

import matplotlib.pyplot as plt
import numpy as np

import hopnet as hn
from hopnet.ensemble.hall_law import optimal_triad
from hopnet.spin.equations import local_diffusion, spin_equations

# Small samples are carried by few triads; this lesson averages over many samples.
warnings.filterwarnings("ignore", "the Hall angle of this sample is carried by")
warnings.filterwarnings("ignore", "longer links would change the Hall angle")
warnings.filterwarnings("ignore", "density")

small = os.environ.get("HOPNET_SMALL") == "1"
blue, orange, green, red, grey = "#2060a8", "#d9822b", "#2e8b57", "#b03a48", "#777777"


def cylinder(n_sites, density, seed, reach=4.0):
    """A cylinder whose links reach some a_b beyond l_c."""
    sites = hn.random_sites(n_sites, density=density, seed=seed, geometry="cylinder")
    return hn.build_network(sites, cutoff_radius=hn.critical_length(density) + reach)


# %% [markdown]
# ## Which triads carry it
#
# A cylinder is periodic in the direction across the current, so a Hall current can flow around it.
# Let $X$ be the potential of the current along $x$, and $D^y$ the voltage differences that a
# uniform field around the ring would make. Each triad $T$ of the oriented area $A$ adds
# $w_T\,(D^y_{ij}X_{ik} - D^y_{ik}X_{ij})$, where $X_{ij}$ is the difference of the potential along
# a link and $w_T$ is the area times the interference of the triad. The triads that count are those
# in which both fields are strong and have different directions. They are found where the current
# has several paths: in the blobs of the percolating cluster. In a long chain of single links there
# is no Hall effect.

# %%
network = cylinder(800 if small else 1600, 0.03, 5)
triads = hn.find_triads(network)
hall = hn.hall_angle(network, triads=triads)
share = np.abs(hall.contribution) / np.abs(hall.contribution).sum()
order = np.argsort(-share)
carried = np.cumsum(share[order])
drawn = order[: int(np.searchsorted(carried, 0.95)) + 1]

figure, (left, right) = plt.subplots(
    1, 2, figsize=(11, 5), width_ratios=[1.1, 1], layout="constrained"
)
position = network.sites.position
power = hn.solve_current(network)
strong = np.flatnonzero(np.abs(power.relative_flow) > 0.02)
begin = position[network.link_i[strong]]
end = begin + network.separation[strong]
left.plot(
    *np.stack([begin, end, np.full_like(begin, np.nan)], axis=1).reshape(-1, 2).T,
    color=grey,
    linewidth=0.8,
)
corner = position[triads.site[drawn, 0]]
shape = np.stack(
    [
        corner,
        corner + network.separation[triads.link[drawn, 0]],
        corner + network.separation[triads.link[drawn, 1]],
    ],
    axis=1,
)
for triangle, weight in zip(shape, share[drawn] / share.max()):
    left.fill(*triangle.T, color=red, alpha=float(0.2 + 0.8 * np.sqrt(weight)), linewidth=0)
left.set(xlabel="$x/a_b$", ylabel="$y/a_b$ (periodic)", aspect="equal")
left.set_title("links with current (grey), triads with 95 % of the Hall angle (red)", fontsize=9)
right.plot(np.arange(1, carried.size + 1), carried, color=blue)
right.axvline(hall.n_effective, color=grey, linestyle="--", linewidth=1)
right.set(xscale="log", xlabel="number of triads, the largest first", ylabel="share of the angle")
plt.show()

print(f"tan(theta_H)/(eta b) = {hall.tangent:.4g}, a sum over {hall.n_triads} triads")
print(f"{hall.n_effective:.0f} of them carry it; {hall.negative_share:.2%} has the opposite sign")

# %% [markdown]
# ## The plateau of f is the Hall angle
#
# In the theory of spins, $f(n_s,\tau_s)$ says how many spins the current makes. On a cylinder $f$
# keeps a plateau $f_\infty$ when the spins live for ever. The source of spins at a site and the
# source of Hall current there are the same sum over triads. The spins that do not relax flow
# around the ring just as the Hall current does. Therefore $n_sa_b^2 f_\infty$ and the Hall angle
# are equal in every sample, not only on average. The left panel compares the two. There
# $f_\infty$ is computed from spins alone: the drift part minus the part that diffuses back along
# each link, at a very slow relaxation. The right panel shows $f(\tau_s)$ of one sample, and its
# Hall angle as a line. At low density drift and diffusion nearly cancel, and only the sum over
# triads keeps its digits: `f_curve` uses it for the plateau.


# %%
def plateau_of_spins(network, current, rate=1e-24):
    """f at a very slow relaxation rate, from drift and diffusion along the links."""
    equations = spin_equations(network, current=current)
    factored = equations.factor(equations.occupation_at(rate) * rate)
    f = equations.generation.f_drift + local_diffusion(equations, factored)
    return f


pairs = []
for density in (0.1, 0.05, 0.03, 0.02):
    for seed in range(4):
        own = cylinder(400 if small else 1500, density, 10 + seed)
        current = hn.solve_current(own)
        spins = density * plateau_of_spins(own, current)
        pairs.append((hn.hall_angle(own, current=current).tangent, spins))
tangent, from_f = np.array(pairs).T
difference = np.abs(from_f / tangent - 1).max()

own = cylinder(3000 if small else 20_000, 0.1, 3)
tau_s = np.logspace(0, 9, 19)
curve = hn.f_curve(own, tau_s, normalisation="bulk")
angle = hn.hall_angle(own)

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
left.loglog(tangent, from_f, "o", color=blue)
left.loglog(tangent, tangent, color=grey, linewidth=1)
left.set(xlabel=r"Hall angle, $\tan\theta_H/(\eta b)$", ylabel=r"$n_s a_b^2\, f_\infty$")
right.semilogx(tau_s, curve.f, "o-", color=blue, markersize=4, label=r"$f(\tau_s)$")
right.axhline(
    angle.f_plateau, color=red, linestyle="--", label=r"$\tan\theta_H/(\eta b\, n_s a_b^2)$"
)
right.set(xlabel=r"$\tau_s/\tau_0$", ylabel="$f$", ylim=(0, None))
right.legend(frameon=False)
plt.show()
print(f"largest relative difference of the two: {difference:.1e}")

# %% [markdown]
# ## Mobility against conductivity
#
# The conductivity falls as $e^{-2l_c}$, where $l_c$ is the critical hop of percolation. The weight
# of a triad falls as $e^{-(R_{ij}+R_{jk}+R_{ki})}$. If all three sides are about $l_c$, this weight
# divided by the conductance of a link is $e^{-l_c}$. So one expects $\mu_H \sim \sigma^{1/2}$ with
# a prefactor. The textbook estimate goes further: it assumes that the current passes only *optimal*
# triads, equilateral ones of the side $l_c$. This is a triangular lattice, which gives
# $\tan\theta_H = \frac38\, l_c^2\, e^{-l_c}\,\eta b$.
#
# The sum over all triads agrees with neither. The slope $d\ln\tan\theta_H/d\ln\sigma$ is 0.6 rather
# than 0.5, so the prefactor keeps falling. And the optimal triad is too large, by a factor of 1.5
# at $n_s a_b^2 = 0.2$ and of 1000 at 0.005: near the threshold most of the current runs through
# links that belong to no such triad. `runs/hall_samples.toml` and `runs/hall_density.toml` compute
# this with many and with large samples.

# %%
densities = np.array([0.1, 0.05, 0.02, 0.01])
n_samples = 3 if small else 10
log_sigma, log_angle, error = [], [], []
for density in densities:
    found = [
        hn.hall_angle(cylinder(1500 if small else 8000, density, 100 + seed))
        for seed in range(n_samples)
    ]
    values = np.array([one.tangent for one in found])
    log_sigma.append(np.mean([one.log_conductivity_xx for one in found]))
    log_angle.append(np.log(values.mean()))
    error.append(values.std(ddof=1) / np.sqrt(n_samples) / values.mean())
log_sigma, log_angle, error = map(np.array, (log_sigma, log_angle, error))
estimate = np.log(optimal_triad([hn.critical_length(d) for d in densities]))
slope = np.diff(log_angle) / np.diff(log_sigma)
slope_error = np.hypot(error[1:], error[:-1]) / np.abs(np.diff(log_sigma))

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
left.errorbar(log_sigma, log_angle, error, fmt="o", color=blue, label="sum over all triads")
left.plot(
    log_sigma,
    log_angle[0] + 0.5 * (log_sigma - log_sigma[0]),
    "--",
    color=grey,
    label=r"$\sigma^{1/2}$",
)
left.plot(log_sigma, estimate, ":", color=orange, label="one optimal triad")
left.set(xlabel=r"$\ln(\sigma\rho_0)$", ylabel=r"$\ln[\tan\theta_H/(\eta b)]$")
left.legend(frameon=False)
middle = 0.5 * (log_sigma[1:] + log_sigma[:-1])
right.errorbar(middle, slope, slope_error, fmt="o", color=blue)
right.axhline(0.5, color=grey, linestyle="--")
right.plot(middle, np.diff(estimate) / np.diff(log_sigma), ":", color=orange)
right.set(xlabel=r"$\ln(\sigma\rho_0)$", ylabel=r"$d\ln\tan\theta_H\,/\,d\ln\sigma$")
plt.show()

# %% [markdown]
# ## Colder: a few triads, so mean and median
#
# With site energies in a band and the Fermi level in its middle, hops become longer as it gets
# colder (variable-range hopping). Electrons exclude each other, so a triad has states with one
# electron and states with one hole. Both paths add to the Hall angle with the *same* sign. If all
# energies change their sign, the angle does not: a Hall measurement of hopping carriers cannot show
# whether the band is nearly empty or nearly full. At low temperature the whole effect comes from a
# few triads. Samples then differ by large factors, and the mean exceeds the median. Over the whole
# range the Hall angle falls more slowly than $\sigma^{1/2}$: `runs/hall_temperature.toml` finds
# slopes of 0.3 to 0.4.

# %%
temperatures = np.array([0.3, 0.1, 0.03, 0.01, 0.004])
count = 4 if small else 12
angles = np.empty((temperatures.size, count))
effective = np.empty_like(angles)
for k in range(count):
    sites = hn.random_sites(1500 if small else 6000, density=0.05, seed=k, geometry="cylinder")
    sites = hn.with_energies(sites, "uniform", width=1.0, seed=500 + k)
    for row, kT in enumerate(temperatures):
        own = hn.hall_angle(hn.build_network(sites, cutoff=1.5, kT=kT, chemical_potential=0.0))
        angles[row, k], effective[row, k] = own.tangent, own.n_effective

mirrored = hn.with_energies(sites, -np.asarray(sites.energy))
mirror = hn.hall_angle(
    hn.build_network(mirrored, cutoff=1.5, kT=temperatures[-1], chemical_potential=0.0)
).tangent

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
left.loglog(temperatures, angles, ".", color=grey, markersize=4)
left.loglog(temperatures, angles.mean(axis=1), "o-", color=blue, label="mean")
left.loglog(temperatures, np.median(angles, axis=1), "s--", color=red, label="median")
left.set(xlabel="$kT$ / width of the band", ylabel=r"$\tan\theta_H/(\eta b)$")
left.legend(frameon=False)
right.loglog(temperatures, np.median(effective, axis=1), "o-", color=blue)
right.set(xlabel="$kT$ / width of the band", ylabel="triads that carry the effect")
plt.show()
print(f"all energies reversed: {mirror / angles[-1, -1] - 1:.1e} relative change")

# %% [markdown]
# ## Measuring it: Hall bars
#
# A laboratory sample has contacts. `hall_resistance` computes the Hall voltage over the current for
# any of them. On a triangular lattice the exact answer is known, $R_H = \rho\tan\theta_H$. Point
# contacts at the middles of the four edges approach it as $1/n$ with the number of rows, because
# sites at an edge lack half of their triads. A wide contact strip is an equipotential. It
# short-circuits the Hall voltage near it, so a sample as long as it is wide shows only two thirds
# of the effect. A Hall bar must be long. Exchanging the pairs of current and voltage reverses the
# sign (Onsager).

# %%
spacing = 4.0
rho_tan = 0.375 * spacing**2 * np.exp(-spacing) / (np.sqrt(3) * np.exp(-2 * spacing))


def lattice(columns, rows):
    """A triangular lattice, and the site nearest to any place."""
    sites = hn.lattice_sites("triangular", columns, rows, spacing=spacing)
    network = hn.build_network(sites, cutoff_radius=1.1 * spacing, contacts=([0], [1]))
    x, y = sites.position.T
    return network, x, y, lambda a, b: [int(np.argmin(np.hypot(x - a, y - b)))]


def point_contacts(n):
    network, x, y, at = lattice(n, n)
    middle = 0.5 * (x.min() + x.max()), 0.5 * (y.min() + y.max())
    groups = [
        at(x.min(), middle[1]),
        at(x.max(), middle[1]),
        at(middle[0], y.max()),
        at(middle[0], y.min()),
    ]
    return hn.solve_terminals(network, groups)


def bar(columns, rows):
    network, x, y, at = lattice(columns, rows)
    strips = [np.flatnonzero(x < x.min() + 2.1), np.flatnonzero(x > x.max() - 2.1)]
    middle = 0.5 * (x.min() + x.max())
    terminals = hn.solve_terminals(network, [*strips, at(middle, y.max()), at(middle, y.min())])
    return np.ptp(x) / np.ptp(y), hn.hall_resistance(terminals, (0, 1), (2, 3)) / rho_tan


sizes = np.array([12, 24, 48] if small else [12, 24, 48, 96])
shortfall = []
for n in sizes:
    terminals = point_contacts(int(n))
    shortfall.append(1 - hn.hall_resistance(terminals, (0, 1), (2, 3)) / rho_tan)
reversed_pairs = hn.hall_resistance(terminals, (2, 3), (0, 1)) / rho_tan
bars = np.array([bar(columns, 28) for columns in (12, 24, 36, 48, 72, 96)])

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
left.loglog(sizes, shortfall, "o", color=blue)
left.loglog(sizes, shortfall[-1] * sizes[-1] / sizes, color=grey, linewidth=1, label="$1/n$")
left.set(xlabel="rows $n$ of the sample", ylabel=r"$1 - R_H/(\rho\tan\theta_H)$")
left.legend(frameon=False)
right.plot(*bars.T, "o-", color=blue)
right.axhline(1, color=grey, linewidth=1)
right.set(xlabel="length / width of the bar", ylabel=r"$R_H/(\rho\tan\theta_H)$", ylim=(0, 1.05))
plt.show()

# %% [markdown]
# ## In the laboratory
#
# For the typical numbers of the letter, $a_b$ = 10 nm, $J_0$ = 10 meV, $\tau_0$ = 10 ps, the small
# parameters are $\eta = 6.6\times10^{-3}$ and $b = 0.15$ per tesla. The Hall mobility is about
# 1 cm$^2$/Vs. The sign deserves care. Bonding $s$ states have a negative amplitude $J_0$, and give
# the sign of free carriers of the same charge. A positive amplitude gives the opposite sign. The
# density that one would read off, $1/eR_H$, is not the density of the carriers.

# %%
letter = hn.Material(
    a_b=10e-9,
    J_0=10e-3 * 1.602176634e-19,
    tau_0=10e-12,
    tau_s=100e-9,
    m=0.1 * 9.1093837e-31,
    n=1e14,
    n_s=2e15,
    beta=1.602e-31 * np.array([[0.0, 1.0], [1.0, 0.0]]),
    rho_0=50e3,
)
lab = hn.hall_angle(cylinder(1500 if small else 4000, letter.density, 1, reach=5.0))
response = hn.hall_response(letter, lab.tangent, resistivity=1 / lab.conductivity_xx)
print(f"tan(theta_H) = {response.angle_per_tesla:.2e} per tesla, so mu_H =", end=" ")
print(f"{1e4 * response.mobility:.2f} cm^2/Vs; R_H = {response.coefficient:.0f} m^2/C")
print(f"apparent density {1e-4 * response.apparent_density:.2g} per cm^2,", end=" ")
print(f"carriers {1e-4 * letter.n:.2g}, sites {1e-4 * letter.n_s:.2g}")

# %% [markdown]
# ## Checks

# %%
assert hall.negative_share < 0.02, "nearly all triads have one sign"
assert difference < 1e-10, "the plateau of f is the Hall angle, sample by sample"
assert abs(curve.f[-1] / angle.f_plateau - 1) < 0.02, "f reaches its plateau"
assert np.all(slope > 0.5), "the Hall mobility falls faster than the root of the conductivity"
assert abs(slope.mean() - 0.6) < 0.06
assert np.all(np.diff(estimate - log_angle) > 0), "the optimal triad is worse when hops are longer"
assert abs(mirror / angles[-1, -1] - 1) < 1e-9, "electrons and holes: the same sign"
assert np.median(effective[-1]) < 0.05 * np.median(effective[0]), "few triads at low temperature"
assert abs(shortfall[-1] * sizes[-1] - shortfall[-2] * sizes[-2]) < 0.05, "1/n"
assert abs(reversed_pairs + 1 - shortfall[-1]) < 1e-9, "Onsager's relation"
assert 0.6 < np.interp(1.0, *bars.T) < 0.7, "wide contacts short-circuit the Hall voltage"
assert bars[-1, 1] > 0.95, "a long bar shows it"
assert 0.8 < 1e4 * response.mobility < 1.6, "about 1 cm^2/Vs"
assert response.coefficient < 0, "electrons, bonding states: the ordinary sign"
