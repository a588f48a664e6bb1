"""Neighbours: all pairs of sites within a radius, by a grid of cells."""

from __future__ import annotations

import numpy as np

from hopnet.kernels import neighbours
from hopnet.network.sites import Sites
from hopnet.threads import run_in_parts

# Sites per task when neighbours are found in parallel: some milliseconds of work.
SITES_PER_TASK = 10_000


def find_links(sites, radius):
    """All pairs of sites within ``radius``: int64 arrays link_i < link_j, sorted."""
    position = sites.position
    size = np.array([sites.length, sites.width])
    # about a site a cell at least: smaller cells cost more to visit than they save; but three
    # cells round a ring, or a pair would be met twice
    n_x, n_y = np.clip(size // radius, 1, max(np.sqrt(sites.n_sites) + 1, 3)).astype(int)
    cell_x, cell_y = size / (n_x, n_y)
    start = np.empty(n_x * n_y + 1, np.int64)
    member = np.empty(sites.n_sites, np.int64)
    neighbours.fill_cells(position, n_x, n_y, cell_x, cell_y, start, member)
    cells = (position, n_x, n_y, cell_x, cell_y, *sites.period, radius, start, member)
    count = np.empty(sites.n_sites, np.int64)
    run_in_parts(
        lambda part: neighbours.count_neighbours(part.start, part.stop, *cells, count),
        sites.n_sites,
        SITES_PER_TASK,
    )
    first = np.concatenate([[0], np.cumsum(count)])
    link_i = np.empty(first[-1], np.int64)
    link_j = np.empty(first[-1], np.int64)
    run_in_parts(
        lambda part: neighbours.fill_neighbours(
            part.start, part.stop, *cells, first, link_i, link_j
        ),
        sites.n_sites,
        SITES_PER_TASK,
    )
    return link_i, link_j


def candidate_links(sites, eligible, radius):
    """Pairs of eligible sites within ``radius`` and their distances."""
    kept = np.flatnonzero(eligible)
    part = Sites(sites.position[kept], sites.length, sites.width, sites.geometry)
    i, j = find_links(part, radius)
    step = part.position[j] - part.position[i]
    for axis, period in enumerate(sites.period):
        if period:
            step[:, axis] -= period * np.round(step[:, axis] / period)
    return kept[i], kept[j], np.hypot(step[:, 0], step[:, 1])
