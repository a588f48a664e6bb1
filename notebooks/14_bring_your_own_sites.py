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
# # Bring your own sites
#
# You have positions from a microscope or from another program, perhaps with energies and with a
# localisation radius for each state. This lesson reads them from a CSV file, finds the path of the
# current and the threshold, and then does the same for links of your own.

# %%
import os
import tempfile
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import hopnet as hn

SMALL = os.environ.get("HOPNET_SMALL") == "1"
warnings.simplefilter("ignore", hn.ValidityWarning)


def take(figure):
    """Let pyplot show a figure of hopnet."""
    manager = plt.figure().canvas.manager
    figure.set_canvas(manager.canvas)
    manager.canvas.figure = figure


# %% [markdown]
# ## A table of sites
#
# The file has one row per site: `x` and `y` in nm, `energy` in meV and `radius` in nm. Here we
# write one ourselves, with states on a square of 300 nm. A few of them are wide.

# %%
rng = np.random.default_rng(4)
n = 400 if SMALL else 600
table = pd.DataFrame(
    {
        "x": rng.uniform(0, 300, n),
        "y": rng.uniform(0, 300, n),
        "energy": rng.normal(0, 2.0, n),
        "radius": np.where(rng.random(n) < 0.1, 4.0, 2.0),
    }
)
file = Path(tempfile.mkdtemp()) / "sites.csv"
table.to_csv(file, index=False)
print(table.head(3).round(2).to_string(index=False))

# %% [markdown]
# `unit` is the unit of length of the file, here a radius of 2 nm. Inside, lengths are in this unit.
# Energies and kT may have any unit, as long as it is the same one. At 10 K, kT is 0.86 meV.

# %%
sites = hn.read_sites(file, unit=2.0, length=300.0, width=300.0)
network = hn.build_network(sites, kT=0.86, bath="miller_abrahams", chemical_potential=0.0)
current = hn.solve_current(network)
print(sites)
print(network)
print(f"ln(rho / rho_0) = {current.log_resistivity:.3f}, imbalance {current.imbalance:.1e}")

# %% [markdown]
# The current follows a few paths. Every record draws itself.

# %%
take(current.plot())
plt.show()

# %% [markdown]
# ## The threshold and the backbone
#
# Links are occupied from strong to weak. At the threshold they join the two contacts for the first
# time, and the red links of the backbone are those without which the current would stop.

# %%
threshold = hn.percolation_threshold(network)
backbone = hn.find_backbone(network)
print(threshold)
print(f"{backbone.link.size} links of the backbone, {backbone.red_link.size} of them red")
take(backbone.plot())
plt.show()

# %% [markdown]
# ## One radius or many
#
# With the radius of the narrow states everywhere, the sample conducts far worse: the wide states
# are the bridges.

# %%
narrow = hn.sites_from_positions(
    sites.position, length=sites.length, width=sites.width, energy=sites.energy
)
same = hn.build_network(narrow, kT=0.86, bath="miller_abrahams", chemical_potential=0.0)
without = hn.solve_current(same)
print(f"with wide states:    ln(rho / rho_0) = {current.log_resistivity:.2f}")
print(f"without wide states: ln(rho / rho_0) = {without.log_resistivity:.2f}")

# %% [markdown]
# ## Links of your own
#
# If you know the conductances, give the two sites of each link and the logarithm of its
# conductance. Logarithms hold any contrast. Here is a ladder of four sites whose answer is known:
# two paths of two links each, side by side.

# %%
position = np.array([[0.5, 5.0], [5.0, 2.0], [5.0, 8.0], [9.5, 5.0]])
link_i, link_j = [0, 0, 1, 2], [1, 2, 3, 3]
corners = hn.sites_from_positions(position, length=10.0, width=10.0)
logs = np.log([1.0, 1e-3, 1.0, 1e-3])
ladder = hn.network_from_links(corners, link_i, link_j, logs, contacts=([0], [3]))
found = hn.solve_current(ladder)
expected = 0.5 + 0.5e-3
print(f"conductance {found.conductance:.6f}, by hand {expected:.6f}")
print(found.to_frame()[["i", "j", "drop", "flow"]].round(6).to_string(index=False))

# %% [markdown]
# A graph of networkx goes in with `hn.Network.from_networkx`, and a matrix of another program with
# `hn.read_matrix_market`. The page [Own sites and own links](../own_networks) has the details.

# %% [markdown]
# ## Checks

# %%
assert sites.n_sites == n
assert current.imbalance < 1e-12
assert threshold.threshold_length > 0
assert backbone.red_link.size > 0
assert without.log_resistivity > current.log_resistivity + 0.2
assert abs(found.conductance / expected - 1) < 1e-12
print("all checks passed")
