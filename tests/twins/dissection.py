"""Plain twin of kernels/dissection.py: the cut of one region by networkx."""

import networkx
import numpy as np
from hopnet.kernels.dissection import STRIP_SHARE


def dissect(rows, coordinate, region, longest, half_width):
    """Size of the smallest set of strip sites that separates left and right of a region."""
    value = np.array([coordinate[v] for v in region])
    median = np.sort(value)[len(region) // 2]
    reach = min(half_width, STRIP_SHARE * (value.max() - value.min()))
    left = {v for v in region if coordinate[v] < median - reach}
    right = {v for v in region if coordinate[v] > median + reach}
    if 2 * reach < longest:
        left -= {v for v in left if any(w in right for w in rows[v])}
    strip = set(region) - left - right
    graph = networkx.DiGraph()
    graph.add_nodes_from(["source", "sink"])
    for v in strip:
        graph.add_edge((v, "in"), (v, "out"), capacity=1)
        for w in rows[v]:
            if w in left:
                graph.add_edge("source", (v, "in"))
            elif w in right:
                graph.add_edge((v, "out"), "sink")
            elif w in strip:
                graph.add_edge((v, "out"), (w, "in"))
    return networkx.maximum_flow_value(graph, "source", "sink")


def fill_longest(link_i, link_j, coordinate, ring):
    """Largest distance along each axis, link by link."""
    longest = []
    for along, period in zip(coordinate, ring, strict=True):
        steps = [abs(along[i] - along[j]) for i, j in zip(link_i, link_j, strict=True)]
        longest.append(max([min(s, period - s) if period else s for s in steps], default=0.0))
    return longest


def join_regions(low, high):
    """Parent of each region in postorder: the first later one that holds it; -1 for the last."""
    n = len(low)
    return [
        next((t for t in range(s + 1, n) if low[t] <= low[s] and high[s] <= high[t]), -1)
        for s in range(n)
    ]
