"""Plain twins of kernels/neighbours.py: every pair of sites is compared."""

import numpy as np


def nearest_image(a, b, period):
    """Vector from a to the nearest image of b."""
    step = np.asarray(b, float) - np.asarray(a, float)
    for axis in range(len(step)):
        if period[axis]:
            step[axis] -= period[axis] * np.round(step[axis] / period[axis])
    return step


def fill_cells(position, shape, side):
    """The list of sites of each cell, also of the cells of the padding."""
    padded = [n + 2 for n in shape]
    cells = [[] for _ in range(np.prod(padded))]
    for i, place in enumerate(position):
        inside = [min(max(int(p // s), 0), n - 1) + 1 for p, s, n in zip(place, side, shape)]
        cells[np.ravel_multi_index(inside, padded)].append(i)
    return cells


def fill_neighbours(position, period, radius):
    """All pairs i < j within ``radius``, sorted."""
    n = len(position)
    return [
        (i, j)
        for i in range(n)
        for j in range(i + 1, n)
        if np.linalg.norm(nearest_image(position[i], position[j], period)) <= radius
    ]


def count_neighbours(position, period, radius):
    """Number of pairs that begin at each site."""
    count = [0] * len(position)
    for i, _ in fill_neighbours(position, period, radius):
        count[i] += 1
    return count


def fill_rows(link_i, link_j, n_sites):
    """(neighbour, link) pairs of each site, in the order of the links."""
    rows = [[] for _ in range(n_sites)]
    for l, (i, j) in enumerate(zip(link_i, link_j)):
        rows[i].append((j, l))
        rows[j].append((i, l))
    return rows


def fill_separation(position, period, link_i, link_j):
    """Nearest-image vectors along the links."""
    return np.array(
        [nearest_image(position[i], position[j], period) for i, j in zip(link_i, link_j)]
    ).reshape(-1, len(period))


def mark_apart(position, period, distance):
    """Whether each candidate is kept, one after another."""
    kept = []
    out = []
    for p in position:
        free = all(np.linalg.norm(nearest_image(p, q, period)) >= distance for q in kept)
        out.append(free)
        if free:
            kept.append(p)
    return out
