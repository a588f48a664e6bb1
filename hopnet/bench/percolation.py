"""Percolation against scipy and networkx: links given, threshold and clusters asked for."""

from __future__ import annotations

import ctypes
from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order, connected_components, minimum_spanning_tree

from hopnet.backbone import find_backbone
from hopnet.bench import paired, row
from hopnet.errors import ParameterError
from hopnet.network import build_network
from hopnet.percolation import percolation_threshold, sweep_clusters
from hopnet.sites import random_sites


def measure(n_sites=1_000_000, networkx_sites=100_000, repeats=3, seed=1, cutoff=1.5):
    """Time thresholds, whole sweeps and backbones.

    Parameters
    ----------
    n_sites : int
        Against scipy.
    networkx_sites : int
        Against networkx; 0 leaves it out.
    repeats : int
        Of scipy; networkx is timed once.
    seed : int
    cutoff : float
        Links up to so many l_c.

    Returns
    -------
    list of dict

    Notes
    -----
    The scipy routes give the threshold only: what the sweep adds (sizes and radii at every
    threshold) has no counterpart there, and is not charged to them.
    """
    network = build_network(random_sites(n_sites, density=0.01, seed=seed), cutoff=cutoff)
    wanted = percolation_threshold(network)
    routes = {
        "threshold and sweep": lambda: sweep_clusters(network).thresholds["contacts"].length,
        "threshold": lambda: percolation_threshold(network).length,
        "scipy connected_components": lambda: bisected_threshold(network),
        "scipy minimum_spanning_tree": lambda: tree_threshold(network),
    }
    for name, call in routes.items():
        if call() != wanted.length:
            raise ParameterError(f"{name} finds another threshold: {call()} and {wanted.length}.")
    seconds = paired(routes, repeats=repeats, warm_up=0)
    facts = {"n_sites": n_sites, "n_links": network.n_links}
    rows = [
        row(name, seconds[own], reference, seconds[reference], **facts)
        for own, name in (
            ("threshold and sweep", "threshold and whole sweep"), ("threshold", "threshold alone")
        )
        for reference in ("scipy connected_components", "scipy minimum_spanning_tree")
    ]  # fmt: skip
    rows[0]["peak_MB"] = peak_memory(routes["threshold and sweep"])
    rows[0]["reference_peak_MB"] = peak_memory(routes["scipy connected_components"])
    rows[1]["reference_peak_MB"] = peak_memory(routes["scipy minimum_spanning_tree"])
    rows[2]["peak_MB"] = peak_memory(routes["threshold"])
    backbone = paired({"b": lambda: find_backbone(network)}, repeats=1)["b"]
    rows.append(row("backbone, red bonds, shortest path", backbone, **facts) | {
        "peak_MB": peak_memory(lambda: find_backbone(network))})  # fmt: skip
    return rows + (against_networkx(networkx_sites, seed, cutoff) if networkx_sites else [])


def with_contacts(network, keep=None):
    """(weight, i, j, n) of links and two nodes for the contacts; weights are positive."""
    link = slice(None) if keep is None else keep
    n = network.n_sites
    i = np.concatenate([network.link_i[link], network.source, network.drain])
    ends = np.full(network.source.size, n), np.full(network.drain.size, n + 1)
    j = np.concatenate([network.link_j[link], *ends])
    contacts = np.full(network.source.size + network.drain.size, 1e-300)
    weight = np.concatenate([-network.log_conductance[link], contacts])
    return weight, i, j, n + 2


def bisected_threshold(network):
    """Threshold by bisection on the length with scipy's connected components."""
    length = -0.5 * network.log_conductance
    low, high = 0.5 * network.cutoff_radius, network.cutoff_radius
    while True:
        between = (length > low) & (length <= high)
        if np.count_nonzero(between) == 1:
            return float(length[between][0])
        middle = 0.5 * (low + high)
        _, i, j, n = with_contacts(network, length <= middle)
        graph = coo_array((np.ones(i.size, np.int8), (i, j)), shape=(n, n))
        label = connected_components(graph, directed=False)[1]
        low, high = (low, middle) if label[n - 2] == label[n - 1] else (middle, high)


def tree_threshold(network):
    """Threshold as the worst link between the contacts on scipy's minimum spanning tree."""
    weight, i, j, n = with_contacts(network)
    tree = minimum_spanning_tree(coo_array((weight, (i, j)), shape=(n, n)))
    _, before = breadth_first_order(tree, n - 2, directed=False)
    node, worst = n - 1, 0.0
    while node != n - 2:
        up = before[node]
        worst = max(worst, tree[node, up], tree[up, node])
        node = up
    return float(0.5 * worst)


def against_networkx(n_sites, seed, cutoff):
    """Threshold by networkx's spanning tree, backbone by its biconnected components."""
    import networkx

    network = build_network(random_sites(n_sites, density=0.01, seed=seed), cutoff=cutoff)
    threshold = percolation_threshold(network)
    weight, i, j, n = with_contacts(network)
    graph = networkx.Graph()
    graph.add_weighted_edges_from(zip(i.tolist(), j.tolist(), weight.tolist()))
    closed = networkx.Graph()
    keep = weight <= -threshold.log_conductance
    closed.add_edges_from(zip(i[keep].tolist(), j[keep].tolist()))
    closed.add_edge(n - 2, n - 1)

    def tree():
        found = networkx.minimum_spanning_tree(graph)
        path = networkx.shortest_path(found, n - 2, n - 1)
        return 0.5 * max(found.edges[a, b]["weight"] for a, b in pairwise(path))

    def block():
        parts = networkx.biconnected_components(closed)
        return next(len(p) for p in parts if {n - 2, n - 1} <= p)

    if tree() != threshold.length:
        raise ParameterError(f"networkx finds another threshold than {threshold.length}.")
    find_backbone(network)
    seconds = paired(
        {
            "sweep": lambda: sweep_clusters(network), "networkx spanning tree": tree,
            "backbone": lambda: find_backbone(network, threshold.length),
            "networkx biconnected": block,
        },
        repeats=1, warm_up=0,
    )  # fmt: skip
    facts = {"n_sites": n_sites, "n_links": network.n_links}
    return [
        row(name, seconds[own], reference, seconds[reference], **facts)
        for own, name, reference in (
            ("sweep", "threshold and whole sweep", "networkx spanning tree"),
            ("backbone", "backbone, red bonds, path", "networkx biconnected"),
        )
    ]


def peak_memory(call):
    """Megabytes that a call needs on top of what is there; None where the system does not tell."""
    clear, status = Path("/proc/self/clear_refs"), Path("/proc/self/status")
    try:
        ctypes.CDLL(None).malloc_trim(0)  # glibc: give back what earlier calls left
        clear.write_text("5")  # Linux: begin a new high-water mark
        before = memory_mark(status, "VmRSS")
        call()
        return round((memory_mark(status, "VmHWM") - before) / 1024, 1)
    except (OSError, AttributeError, StopIteration):
        return None


def memory_mark(status, name):
    """Kilobytes in a line of /proc/self/status."""
    return next(int(w.split()[1]) for w in status.read_text().splitlines() if w.startswith(name))
