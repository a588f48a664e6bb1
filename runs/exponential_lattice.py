"""Square lattices of bonds exp(-a x), from weak to infinite disorder, on one axis.

Each bond of an n x n lattice has the conductance g = exp(-a x), x uniform between 0 and 1. For each
a this script solves Kirchhoff's laws between two opposite edges with `hopnet.network_from_links`,
and finds the path of least resistance with exact integers:

- ln G and ln noise of the sample, and the effective number of bonds that carry the power;
- the number of bonds of the optimal path, which grows from n to about n^1.22;
- the share of its bonds that lie on the path of the minimum spanning tree (x as the weight);
- the mean share of the current that its bonds carry.

At a = 1e4 floats hold neither the conductances nor the flows. `solve_current` uses numbers with an
exponent of their own there, and the optimal path is the path of the minimum spanning tree.

    python runs/exponential_lattice.py --side 250 --out runs/results/exponential_lattice

writes ``lattice_250.csv`` and ``lattice_250.png``. On one core the strengths that floats hold take
one to three seconds each, also at --side 500. The two beyond took three minutes each at 250, and 16
and 30 minutes at 500, on a machine that others used.
"""

from __future__ import annotations

import argparse
import heapq
import math
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.collections import LineCollection

import hopnet as hn
from hopnet.network.network import Network
from hopnet.plots.frame import BLUE, GREY, RED, finish, new_figure, save_figure
from hopnet.transport.response import effective_number, link_power, log_noise

# Floats hold the first seven, the last two take wide numbers, which are slower.
DISORDER = (0.0, 1.0, 3.0, 10.0, 30.0, 100.0, 200.0, 1e4, 1e3)
# The values of a whose currents are drawn.
DRAWN = (3.0, 30.0, 1e4)
# Bits below the weakest bond of the tree path that a resistance keeps: sums of a million terms stay
# exact to 1e-9 of the smallest of them.
SPARE_BITS = 60


class Lattice(NamedTuple):
    """A square lattice of bonds between two opposite edges.

    Attributes
    ----------
    sites : Sites
    link_i, link_j : int64[n_links]
    x : float64[n_links]
        The random number of each bond.
    contacts : (source, drain)
        The first and the last column.
    """

    sites: hn.Sites
    link_i: np.ndarray
    link_j: np.ndarray
    x: np.ndarray
    contacts: tuple[np.ndarray, np.ndarray]

    def network(self, a: float) -> Network:
        """The network at one strength of the disorder."""
        return hn.network_from_links(
            self.sites, self.link_i, self.link_j, -a * self.x, contacts=self.contacts
        )


def square_lattice(side: int, seed: int) -> Lattice:
    """The lattice of one seed; all strengths of the disorder share its random numbers."""
    number = np.arange(side * side).reshape(side, side)
    sites = hn.lattice_sites("square", side, side, spacing=1.0)
    i = np.concatenate([number[:, :-1].ravel(), number[:-1].ravel()])
    j = np.concatenate([number[:, 1:].ravel(), number[1:].ravel()])
    order = np.lexsort((j, i))
    x = np.random.default_rng(seed).random(i.size)
    return Lattice(sites, i[order], j[order], x, (number[:, 0], number[:, -1]))


def merged_ends(lattice: Lattice) -> tuple[np.ndarray, np.ndarray, int]:
    """The ends of the bonds with each contact as one node, and the number of nodes."""
    n = lattice.sites.n_sites
    name = np.arange(n)
    name[lattice.contacts[0]], name[lattice.contacts[1]] = n, n + 1
    return name[lattice.link_i], name[lattice.link_j], n + 2


def optimal_path(lattice: Lattice, cost: list[int] | list[float]) -> np.ndarray:
    """The bonds of the path of least total cost between the contacts (Dijkstra).

    Parameters
    ----------
    lattice : Lattice
    cost : list
        Cost of each bond; integers of any size are added exactly. Bonds of infinite cost are left
        out.
    """
    i, j, n = merged_ends(lattice)
    start, end = n - 2, n - 1
    around: list[list[tuple[int, int]]] = [[] for _ in range(n)]
    for l, (p, q) in enumerate(zip(i.tolist(), j.tolist())):
        if p != q and cost[l] != math.inf:
            around[p].append((q, l))
            around[q].append((p, l))
    best: dict[int, Any] = {start: 0}
    came: dict[int, tuple[int, int]] = {}
    done = set()
    heap: list[tuple[Any, int]] = [(0, start)]
    while heap:
        distance, p = heapq.heappop(heap)
        if p in done:
            continue
        done.add(p)
        if p == end:
            break
        for q, l in around[p]:
            longer = distance + cost[l]
            if q not in best or longer < best[q]:
                best[q], came[q] = longer, (p, l)
                heapq.heappush(heap, (longer, q))
    path = []
    while end != start:
        end, l = came[end]
        path.append(l)
    return np.sort(np.array(path))


def exact_resistances(lattice: Lattice, a: float, bottleneck: float) -> list[Any]:
    """exp(a x) as integers in units far below the strongest bond.

    A path over a bond that is weaker than the bottleneck by more than the number of bonds cannot be
    the best one; such bonds are left out.
    """
    bits = a / math.log(2.0) + SPARE_BITS
    out: list[Any] = []
    most = bottleneck + math.log(lattice.x.size) / a if a > 0 else math.inf
    for x in lattice.x.tolist():
        if x > most:
            out.append(math.inf)
            continue
        whole, part = divmod(a * x / math.log(2.0) + bits - a / math.log(2.0), 1.0)
        out.append((int(2.0 ** (52 + part)) << int(whole)) >> 52)
    return out


def tree_path(lattice: Lattice) -> np.ndarray:
    """The bonds between the contacts in the minimum spanning tree of x (Kruskal)."""
    i, j, n = merged_ends(lattice)
    parent = list(range(n))

    def root(k: int) -> int:
        while parent[k] != k:
            parent[k] = parent[parent[k]]
            k = parent[k]
        return k

    in_tree = np.zeros(lattice.x.size, np.bool_)
    for l in np.argsort(lattice.x, kind="stable").tolist():
        p, q = root(int(i[l])), root(int(j[l]))
        if p != q:
            parent[p], in_tree[l] = q, True
        if root(n - 2) == root(n - 1):
            break
    return optimal_path(lattice, np.where(in_tree, 1.0, math.inf).tolist())


def measure(lattice: Lattice, a: float, tree: np.ndarray) -> tuple[dict[str, Any], Any]:
    """One row of the table, and the current."""
    begin = time.perf_counter()
    network = lattice.network(a)
    current = hn.solve_current(network)
    seconds = time.perf_counter() - begin
    bottleneck = float(lattice.x[tree].max())
    path = optimal_path(lattice, exact_resistances(lattice, a, bottleneck))
    row = {
        "a": a,
        "log_conductance": current.log_conductance,
        "bottleneck": bottleneck,
        "log_noise": log_noise(current),
        "n_links": effective_number(link_power(current)),
        "path_length": path.size,
        "share_on_tree": float(np.isin(path, tree).mean()),
        "current_on_path": float(np.abs(current.relative_flow[path]).mean()),
        "imbalance": current.imbalance,
        "seconds": seconds,
    }
    return row, (current.relative_flow, path)


def draw(table: pd.DataFrame, lattice: Lattice, drawn: dict[float, Any], path: Path) -> None:
    """Three curves over a, and three maps of the current with its optimal path."""
    figure = new_figure(11.0, 7.4)
    grid = figure.subplots(2, 3)
    a = table["a"].to_numpy()
    shown = a > 0
    side = round(math.sqrt(lattice.sites.n_sites))
    top = grid[0]
    top[0].plot(a[shown], -table["log_conductance"][shown] / a[shown], "o-", color=BLUE)
    weakest = table["bottleneck"].iloc[0]
    top[0].axhline(weakest, color=GREY, linestyle="--", linewidth=1, label="weakest on the tree")
    top[0].legend(frameon=False, fontsize=8, loc="best")
    top[0].set_ylabel(r"$-\ln G\,/\,a$")
    top[1].plot(a[shown], np.exp(table["log_noise"][shown]), "o-", color=BLUE)
    top[1].set_yscale("log")
    top[1].set_ylabel(r"noise $S_V/V^2 = \sum p^2$ (1: one bond)")
    top[2].plot(a[shown], table["path_length"][shown] / side, "o-", color=BLUE,
                label="bonds of the optimal path / n")  # fmt: skip
    top[2].plot(a[shown], table["share_on_tree"][shown], "s-", color=RED,
                label="its share on the tree path")  # fmt: skip
    top[2].plot(a[shown], table["current_on_path"][shown], "^-", color=GREY,
                label="mean current on it")  # fmt: skip
    top[2].legend(frameon=False, fontsize=8)
    for axes in top:
        axes.set_xscale("log")
        axes.set_xlabel("disorder $a$")
        finish(axes)
    for axes, (strength, (flow, links)) in zip(grid[1], drawn.items()):
        draw_current(axes, lattice, np.abs(flow), links)
        axes.set_title(f"$a$ = {strength:g}", fontsize=10)
    save_figure(figure, path)


def draw_current(axes: Any, lattice: Lattice, flow: np.ndarray, path: np.ndarray) -> None:
    """The bonds that carry current, darker the more, and the optimal path in red."""
    position = lattice.sites.position
    ends = np.stack([position[lattice.link_i], position[lattice.link_j]], axis=1)
    seen = np.flatnonzero(flow > 1e-3 * flow.max())
    seen = seen[np.argsort(flow[seen])]
    strength = np.clip(1.0 + np.log10(flow[seen] / flow.max()) / 3.0, 0.0, 1.0)
    colour = np.zeros((seen.size, 4))
    colour[:, :3], colour[:, 3] = (0.13, 0.38, 0.66), strength
    axes.add_collection(LineCollection(list(ends[seen]), colors=colour, linewidths=0.5))
    axes.add_collection(LineCollection(list(ends[path]), colors=RED, linewidths=1.2))
    axes.set_xlim(0, lattice.sites.length)
    axes.set_ylim(0, lattice.sites.width)
    axes.set_aspect("equal")
    axes.set_xlabel("x")


def main() -> None:
    """Measure all strengths of the disorder on one lattice."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--side", type=int, default=250)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("runs/results/exponential_lattice"))
    chosen = parser.parse_args()
    lattice = square_lattice(chosen.side, chosen.seed)
    tree = tree_path(lattice)
    chosen.out.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    drawn: dict[float, Any] = {}
    for a in DISORDER:
        row, maps = measure(lattice, a, tree)
        rows.append(row)
        if a in DRAWN:
            drawn[a] = maps
        print(" ".join(f"{name}={value:.6g}" for name, value in row.items()), flush=True)
        table = pd.DataFrame(rows).sort_values("a")
        table.to_csv(chosen.out / f"lattice_{chosen.side}.csv", index=False)
        if len(drawn) == len(DRAWN):
            draw(table, lattice, drawn, chosen.out / f"lattice_{chosen.side}.png")
    flow, path = drawn[max(DISORDER)]
    if not np.array_equal(path, tree):
        raise SystemExit("the optimal path differs from that of the spanning tree")
    if not np.array_equal(np.flatnonzero(np.abs(flow) > 0.5), tree):
        raise SystemExit("the current does not follow the spanning tree")


if __name__ == "__main__":
    main()
