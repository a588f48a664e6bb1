"""Neighbours: all pairs of sites within a radius, found with a grid of cells."""

from __future__ import annotations

import math
from functools import reduce

import numpy as np

from hopnet.checks import instance_of, number
from hopnet.kernels import neighbours
from hopnet.kernels.neighbours import Cells
from hopnet.network.cells import grid_of_cells
from hopnet.network.sites import Sites, check_memory
from hopnet.threads import run_in_parts

__all__ = ["SLACK", "candidate_links", "find_links", "lengths", "link_separation"]

# Relative slack with which lengths are compared: a pair at just the radius is a link, whatever the
# rounding of its positions. Rounding changes a position by a relative 1e-15, which is up to 1e-12
# of a distance in large samples. A larger slack would link pairs that lie beyond the radius.
SLACK = 1e-9

# Sites per task when neighbours are found in parallel: some milliseconds of work. Smaller tasks
# cost more calls, larger ones leave threads idle at the end.
SITES_PER_TASK = 10_000

# Memory in bytes that one link needs in a network: ends, rates, separation and rows.
BYTES_PER_LINK = 100


def find_links(sites: Sites, radius: float) -> tuple[np.ndarray, np.ndarray]:
    """All pairs of sites within a radius.

    Parameters
    ----------
    sites : Sites
    radius : float, in a_b
        Largest distance; a relative 1e-9 beyond it is accepted.

    Returns
    -------
    link_i, link_j : int64[n_links]
        The two sites of each pair, link_i < link_j, sorted.

    Raises
    ------
    ParameterError
        If the radius is not positive, or the links do not fit into memory.
    """
    instance_of("sites", sites, Sites, "make them with hopnet.random_sites")
    radius = number("radius", radius, low=0.0, above=True, unit="a_b")
    return pairs_within(sites.position, sites.size, sites.period, radius)


def pairs_within(
    position: np.ndarray, size: tuple[float, ...], period: tuple[float, ...], radius: float
) -> tuple[np.ndarray, np.ndarray]:
    """`find_links` for positions in a box."""
    n = position.shape[0]
    reach = radius * (1.0 + SLACK)
    share = math.prod(2.0 * min(reach / side, 1.0) for side in size)
    expected = 0.5 * n * n * min(share, 1.0)
    check_memory(f"a network of about {expected:.1e} links", BYTES_PER_LINK * expected)
    grid = grid_of_cells(size, period, reach, n)
    start = np.empty(grid.alias.size + 1, np.int64)
    member = np.empty(n, np.int64)
    neighbours.fill_cells(position, grid.shape, grid.side, start, member)
    cells = Cells(
        position, grid.shape, grid.side, period, reach, start, member, grid.alias, grid.offset
    )
    count = np.empty(n, np.int64)
    run_in_parts(
        lambda part: neighbours.count_neighbours(part.start, part.stop, cells, count),
        n,
        SITES_PER_TASK,
    )
    first = np.concatenate([[0], np.cumsum(count)])
    link_i = np.empty(first[-1], np.int64)
    link_j = np.empty(first[-1], np.int64)
    run_in_parts(
        lambda part: neighbours.fill_neighbours(
            part.start, part.stop, cells, first, link_i, link_j
        ),
        n,
        SITES_PER_TASK,
    )
    return link_i, link_j


def candidate_links(
    sites: Sites, eligible: np.ndarray, radius: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of eligible sites within a radius, and their distances.

    Parameters
    ----------
    sites : Sites
    eligible : bool[n_sites]
        The sites that may be joined.
    radius : float, in a_b
        Largest distance.

    Returns
    -------
    link_i, link_j : int64[n_links]
        The two sites of each pair, link_i < link_j, sorted.
    distance : float64[n_links], in a_b
    """
    kept = np.flatnonzero(eligible)
    position = sites.position[kept]
    i, j = pairs_within(position, sites.size, sites.period, radius)
    step = position[j] - position[i]
    for axis, period in enumerate(sites.period):
        if period:
            step[:, axis] -= period * np.round(step[:, axis] / period)
    return kept[i], kept[j], lengths(step)


def link_separation(sites: Sites, link_i: np.ndarray, link_j: np.ndarray) -> np.ndarray:
    """Vectors from site i to the nearest image of site j.

    Parameters
    ----------
    sites : Sites
    link_i, link_j : int64[n_links]
        The two sites of each link.

    Returns
    -------
    float64[n_links, dim], in a_b
    """
    out = np.empty((link_i.shape[0], sites.dimension))
    neighbours.fill_separation(sites.position, sites.period, link_i, link_j, out)
    return out


def lengths(vector: np.ndarray) -> np.ndarray:
    """float64[n]: lengths of the rows of ``vector``, float64[n, dim], without overflow."""
    return reduce(np.hypot, vector.T)
