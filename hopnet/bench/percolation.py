"""Percolation against scipy and networkx: threshold and clusters of given links."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order, connected_components, minimum_spanning_tree

from hopnet.bench import paired, row
from hopnet.errors import ParameterError
from hopnet.network.build import build_network
from hopnet.network.sites import random_sites
from hopnet.percolation.backbone import find_backbone
from hopnet.percolation.clusters import sweep_clusters
from hopnet.percolation.thresholds import percolation_threshold

__all__ = ["measure"]


def measure(
    n_sites: int = 1_000_000,
    networkx_sites: int = 100_000,
    repeats: int = 3,
    seed: int = 1,
    cutoff: float = 1.5,
    memory: bool = True,
) -> list[dict[str, Any]]:
    """Time thresholds, whole sweeps and backbones.

    Parameters
    ----------
    n_sites : int
        Number of sites of the network for the comparison with scipy.
    networkx_sites : int
        The same for the comparison with networkx; 0 leaves it out.
    repeats : int
        Rounds of the comparison with scipy; networkx is timed once.
    seed : int
    cutoff : float
        Longest link in units of l_c.
    memory : bool
        Also the peak memory of each route, each in a process of its own.

    Returns
    -------
    list of dict

    Notes
    -----
    The scipy routes give the threshold only: what the sweep adds (sizes and radii at every
    threshold) has no counterpart there, and is not counted in their time.
    """
    network = make_network(n_sites, seed, cutoff)
    wanted = percolation_threshold(network).threshold_length
    routes = {name: (lambda call=ROUTES[name]: call(network)) for name in SCIPY + OURS}
    for name, call in routes.items():
        if call() != wanted:
            raise ParameterError(f"{name} finds another threshold: {call()} and {wanted}.")
    seconds = paired(routes, repeats=repeats, warm_up=0)
    peak = {
        name: peak_memory(name, n_sites, seed, cutoff) for name in [*routes, "backbone"] if memory
    }
    facts = {"n_sites": n_sites, "n_links": network.n_links}
    rows = [
        row(own, seconds[own], other, seconds[other], **facts)
        | {"peak_MB": peak.get(own), "reference_peak_MB": peak.get(other)}
        for own in OURS
        for other in SCIPY
    ]
    backbone = paired({"b": lambda: find_backbone(network)}, repeats=repeats)["b"]
    rows.append(
        row("backbone, red bonds, shortest path", backbone, **facts)
        | {"peak_MB": peak.get("backbone")}
    )
    if networkx_sites:
        rows += against_networkx(networkx_sites, seed, cutoff, memory)
    return rows


def make_network(n_sites, seed, cutoff):
    """The network that all routes are given."""
    return build_network(random_sites(n_sites, density=0.01, seed=seed), cutoff=cutoff)


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


def graph_of(network):
    """The links and two nodes for the contacts as a networkx graph."""
    import networkx

    weight, i, j, _ = with_contacts(network)
    graph = networkx.Graph()
    graph.add_weighted_edges_from(zip(i.tolist(), j.tolist(), weight.tolist()))
    return graph


def closed_graph(network):
    """networkx graph of the links up to the threshold, a link joining the contacts added."""
    import networkx

    weight, i, j, n = with_contacts(network)
    keep = weight <= -percolation_threshold(network).log_conductance
    graph = networkx.Graph()
    graph.add_edges_from(zip(i[keep].tolist(), j[keep].tolist()))
    graph.add_edge(n - 2, n - 1)
    return graph


def graph_threshold(graph, n_sites):
    """Threshold as the worst link between the contacts on networkx's minimum spanning tree."""
    import networkx

    tree = networkx.minimum_spanning_tree(graph)
    path = networkx.shortest_path(tree, n_sites, n_sites + 1)
    return 0.5 * max(tree.edges[a, b]["weight"] for a, b in pairwise(path))


def graph_backbone(graph, n_sites):
    """Nodes of networkx's biconnected component of the link that joins the contacts."""
    import networkx

    contacts = {n_sites, n_sites + 1}
    return next(p for p in networkx.biconnected_components(graph) if contacts <= p)


def against_networkx(n_sites, seed, cutoff, memory):
    """Threshold by networkx's spanning tree, backbone by its biconnected components."""
    network = make_network(n_sites, seed, cutoff)
    threshold = percolation_threshold(network)
    graph, closed = graph_of(network), closed_graph(network)
    if graph_threshold(graph, n_sites) != threshold.threshold_length:
        raise ParameterError(f"networkx finds another threshold than {threshold.threshold_length}.")
    pairs = {
        "threshold and sweep": lambda: sweep_clusters(network),
        "networkx spanning tree": lambda: graph_threshold(graph, n_sites),
        "backbone": lambda: find_backbone(network, threshold.threshold_length),
        "networkx biconnected": lambda: graph_backbone(closed, n_sites),
    }
    seconds = paired(pairs, repeats=1, warm_up=1)
    peak = {name: peak_memory(name, n_sites, seed, cutoff) for name in pairs if memory}
    return [
        row(name, seconds[own], other, seconds[other], n_sites=n_sites, n_links=network.n_links)
        | {"peak_MB": peak.get(own), "reference_peak_MB": peak.get(other)}
        for own, name, other in (
            ("threshold and sweep", "threshold and sweep", "networkx spanning tree"),
            ("backbone", "backbone, red bonds, path", "networkx biconnected"),
        )
    ]


SCIPY = ("scipy connected_components", "scipy minimum_spanning_tree")
OURS = ("threshold and sweep", "threshold alone")
ROUTES = {
    "scipy connected_components": lambda network: bisected_threshold(network),
    "scipy minimum_spanning_tree": lambda network: tree_threshold(network),
    "threshold and sweep": lambda network: (
        sweep_clusters(network).thresholds["contacts"].threshold_length
    ),
    "threshold alone": lambda network: percolation_threshold(network).threshold_length,
    "backbone": lambda network: find_backbone(network),
    "networkx spanning tree": lambda w: graph_threshold(graph_of(w), w.n_sites),
    "networkx biconnected": lambda w: graph_backbone(closed_graph(w), w.n_sites),
}


def peak_memory(name, n_sites, seed, cutoff):
    """Megabytes that a route needs on top of the network; None where the system does not report it.

    In a process of its own, in which every freed array goes back to the system immediately: memory
    kept for later use would hide what a call needs. the graph of networkx counts as its memory.
    """
    code = (
        "from hopnet.bench.percolation import print_peak; "
        f"print_peak({name!r}, {n_sites!r}, {seed!r}, {cutoff!r})"
    )
    # glibc: large arrays in maps of their own, given back when freed
    environment = os.environ | {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "0"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def print_peak(name, n_sites, seed, cutoff):
    """Print what `peak_memory` returns, as JSON; only Linux reports it."""
    clear, status = Path("/proc/self/clear_refs"), Path("/proc/self/status")
    ROUTES[name](make_network(min(n_sites, 2000), seed, cutoff))  # load code and kernels
    network = make_network(n_sites, seed, cutoff)
    if not clear.exists():
        print("null")
        return
    clear.write_text("5")  # begin a new high-water mark
    before = memory_mark(status, "VmRSS")
    ROUTES[name](network)
    print(round((memory_mark(status, "VmHWM") - before) / 1024, 1))


def memory_mark(status, name):
    """Kilobytes in a line of /proc/self/status."""
    return next(int(w.split()[1]) for w in status.read_text().splitlines() if w.startswith(name))
