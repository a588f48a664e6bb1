"""Neighbour search on a grid of cells, and the rows of a graph from its links."""

import numpy as np
from numba import njit


@njit(cache=True)
def fill_cells(position, n_x, n_y, cell_x, cell_y, start, member):
    """Sort sites into cells, row by row: ``member[start[c]:start[c+1]]`` are the sites of cell c.

    Parameters
    ----------
    position : float64[n_sites, 2]
    n_x, n_y : int64
        Cells along x and y; cell ``c = iy * n_x + ix``.
    cell_x, cell_y : float64
        Sides of a cell. Sites beyond the last cell count to the last cell.
    start : int64[n_x * n_y + 1]
        Overwritten.
    member : int64[n_sites]
        Overwritten; ascending within a cell.
    """
    start[:] = 0
    for i in range(position.shape[0]):
        ix = min(max(int(position[i, 0] / cell_x), 0), n_x - 1)
        iy = min(max(int(position[i, 1] / cell_y), 0), n_y - 1)
        start[iy * n_x + ix + 1] += 1
    for c in range(n_x * n_y):
        start[c + 1] += start[c]
    for i in range(position.shape[0]):
        ix = min(max(int(position[i, 0] / cell_x), 0), n_x - 1)
        iy = min(max(int(position[i, 1] / cell_y), 0), n_y - 1)
        member[start[iy * n_x + ix]] = i
        start[iy * n_x + ix] += 1
    for c in range(n_x * n_y, 0, -1):
        start[c] = start[c - 1]
    start[0] = 0


@njit(cache=True)
def _wrapped(shift, period):
    """The shortest image of a coordinate difference; ``period`` is 0 where nothing wraps."""
    if period > 0.0:
        if shift > 0.5 * period:
            return shift - period
        if shift < -0.5 * period:
            return shift + period
    return shift


@njit(cache=True)
def _scan_site(
    i, position, n_x, n_y, cell_x, cell_y, period_x, period_y, radius, start, member, write, found
):
    """Count the neighbours ``j > i`` of site i; list them in ``found`` if asked."""
    x = position[i, 0]
    y = position[i, 1]
    ix = min(max(int(x / cell_x), 0), n_x - 1)
    iy = min(max(int(y / cell_y), 0), n_y - 1)
    count = 0
    for step_y in range(-1, 2):
        jy = iy + step_y
        if period_y > 0.0:
            jy = (jy + n_y) % n_y
        elif jy < 0 or jy >= n_y:
            continue
        for step_x in range(-1, 2):
            jx = ix + step_x
            if period_x > 0.0:
                jx = (jx + n_x) % n_x
            elif jx < 0 or jx >= n_x:
                continue
            cell = jy * n_x + jx
            for m in range(start[cell], start[cell + 1]):
                j = member[m]
                if j > i:
                    dx = _wrapped(position[j, 0] - x, period_x)
                    dy = _wrapped(position[j, 1] - y, period_y)
                    if dx * dx + dy * dy <= radius * radius:
                        if write:
                            found[count] = j
                        count += 1
    return count


@njit(cache=True, nogil=True)
def count_neighbours(
    low, high, position, n_x, n_y, cell_x, cell_y, period_x, period_y, radius, start, member, out
):
    """Number of neighbours ``j > i`` within ``radius`` of the sites low .. high - 1.

    Parameters
    ----------
    low, high : int64
    position : float64[n_sites, 2]
    n_x, n_y, cell_x, cell_y, start, member
        The cells of `fill_cells`; sides at least ``radius``; at least 3 cells along an axis
        that wraps.
    period_x, period_y : float64
        Length after which an axis wraps, 0 for hard edges.
    radius : float64
    out : int64[n_sites]
        Overwritten.

    Notes
    -----
    Iteration ``i`` writes ``out[i]`` only: parts of the sites can run in parallel.
    """
    nowhere = np.empty(0, np.int64)
    for i in range(low, high):
        out[i] = _scan_site(
            i,
            position,
            n_x,
            n_y,
            cell_x,
            cell_y,
            period_x,
            period_y,
            radius,
            start,
            member,
            False,
            nowhere,
        )


@njit(cache=True, nogil=True)
def fill_neighbours(
    low,
    high,
    position,
    n_x,
    n_y,
    cell_x,
    cell_y,
    period_x,
    period_y,
    radius,
    start,
    member,
    first,
    link_i,
    link_j,
):
    """Write the links ``i < j`` within ``radius`` of the sites low .. high - 1, sorted by i and j.

    Parameters
    ----------
    low, high, position ... member
        As in `count_neighbours`.
    first : int64[n_sites + 1]
        Where the links of each site begin: the running sum of `count_neighbours`.
    link_i, link_j : int64[n_links]
        Overwritten.

    Notes
    -----
    Iteration ``i`` writes ``link_i, link_j[first[i]:first[i+1]]`` only: parts of the sites can run
    in parallel.
    """
    for i in range(low, high):
        row = link_j[first[i] : first[i + 1]]
        _scan_site(
            i,
            position,
            n_x,
            n_y,
            cell_x,
            cell_y,
            period_x,
            period_y,
            radius,
            start,
            member,
            True,
            row,
        )
        for a in range(1, row.shape[0]):
            j = row[a]
            b = a
            while b > 0 and row[b - 1] > j:
                row[b] = row[b - 1]
                b -= 1
            row[b] = j
        for l in range(first[i], first[i + 1]):
            link_i[l] = i


@njit(cache=True)
def fill_rows(link_i, link_j, start, neighbour, link):
    """Rows of a graph from its links: the neighbours of each site, and by which link.

    Parameters
    ----------
    link_i, link_j : int64[n_links]
        ``i < j``. Sorted by (i, j) they give ascending rows.
    start : int64[n_sites + 1]
        Overwritten: site i owns ``neighbour[start[i]:start[i+1]]``.
    neighbour, link : int64[2 n_links]
        Overwritten.
    """
    start[:] = 0
    for l in range(link_i.shape[0]):
        start[link_i[l] + 1] += 1
        start[link_j[l] + 1] += 1
    for i in range(start.shape[0] - 1):
        start[i + 1] += start[i]
    for l in range(link_i.shape[0]):
        i = link_i[l]
        j = link_j[l]
        neighbour[start[i]] = j
        link[start[i]] = l
        start[i] += 1
        neighbour[start[j]] = i
        link[start[j]] = l
        start[j] += 1
    for i in range(start.shape[0] - 1, 0, -1):
        start[i] = start[i - 1]
    start[0] = 0


@njit(cache=True, nogil=True)
def fill_separation(position, period_x, period_y, link_i, link_j, out):
    """Vector from site i to the nearest image of site j, for each link.

    Parameters
    ----------
    position : float64[n_sites, 2]
    period_x, period_y : float64
        0 for hard edges.
    link_i, link_j : int64[n_links]
    out : float64[n_links, 2]
        Overwritten.

    Notes
    -----
    Iteration ``l`` writes ``out[l]`` only: parts of the links can run in parallel.
    """
    for l in range(link_i.shape[0]):
        i = link_i[l]
        j = link_j[l]
        out[l, 0] = _wrapped(position[j, 0] - position[i, 0], period_x)
        out[l, 1] = _wrapped(position[j, 1] - position[i, 1], period_y)


@njit(cache=True)
def mark_apart(position, taken, n_x, n_y, cell, period_x, period_y, distance, head, following, out):
    """Keep candidates one after another if no site kept before lies within ``distance``.

    Parameters
    ----------
    position : float64[n_candidates, 2]
        In the order in which they are offered.
    taken : int64
        Candidates before this one are kept already and marked so in ``out``.
    n_x, n_y : int64
    cell : float64[2]
        Sides of a cell, at least ``distance``.
    period_x, period_y : float64
        0 for hard edges.
    distance : float64
    head : int64[n_x * n_y], following : int64[n_candidates]
        Linked lists of the sites kept in each cell; -1 ends a list. Updated.
    out : bool[n_candidates]
        ``out[taken:]`` is overwritten.
    """
    for i in range(taken, position.shape[0]):
        x = position[i, 0]
        y = position[i, 1]
        ix = min(max(int(x / cell[0]), 0), n_x - 1)
        iy = min(max(int(y / cell[1]), 0), n_y - 1)
        free = True
        for step in range(9):
            jx = ix + step % 3 - 1
            jy = iy + step // 3 - 1
            if period_x > 0.0:
                jx = (jx + n_x) % n_x
            if period_y > 0.0:
                jy = (jy + n_y) % n_y
            if jx < 0 or jx >= n_x or jy < 0 or jy >= n_y:
                continue
            j = head[jy * n_x + jx]
            while j >= 0 and free:
                dx = _wrapped(position[j, 0] - x, period_x)
                dy = _wrapped(position[j, 1] - y, period_y)
                free = dx * dx + dy * dy >= distance * distance
                j = following[j]
        out[i] = free
        if free:
            following[i] = head[iy * n_x + ix]
            head[iy * n_x + ix] = i
