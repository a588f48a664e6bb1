"""Plain twins of kernels/neighbours.py: every pair of sites is compared."""

import numpy as np


def nearest_image(a, b, period):
    """Vector from a to the nearest image of b."""
    step = np.asarray(b, float) - np.asarray(a, float)
    for axis in (0, 1):
        if period[axis]:
            step[axis] -= period[axis] * np.round(step[axis] / period[axis])
    return step


def fill_cells(position, n_x, n_y, cell_x, cell_y):
    """The list of sites of each cell."""
    cells = [[] for _ in range(n_x * n_y)]
    for i, (x, y) in enumerate(position):
        ix = min(max(int(x // cell_x), 0), n_x - 1)
        iy = min(max(int(y // cell_y), 0), n_y - 1)
        cells[iy * n_x + ix].append(i)
    return cells


def fill_neighbours(position, period, radius):
    """All pairs i < j within ``radius``, sorted."""
    n = len(position)
    return [
        (i, j)
        for i in range(n)
        for j in range(i + 1, n)
        if np.hypot(*nearest_image(position[i], position[j], period)) <= radius
    ]


def count_neighbours(position, period, radius):
    """How many of the pairs begin at each site."""
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
    ).reshape(-1, 2)


def mark_apart(position, period, distance):
    """Which candidates survive, one after another."""
    kept = []
    out = []
    for p in position:
        free = all(np.hypot(*nearest_image(p, q, period)) >= distance for q in kept)
        out.append(free)
        if free:
            kept.append(p)
    return out
