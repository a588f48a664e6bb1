"""Neighbour search on a grid of cells, and the rows of a graph from its links.

The rectangle of the sample is cut into cells whose sides are at least the search radius. All
neighbours of a site then lie in its own cell and in the eight cells around it::

    +----+----+----+----+
    |    | o  | o  | o  |      x: the site
    +----+----+----+----+      o: the cells that are searched
    |    | o  | x  | o  |
    +----+----+----+----+      cell c = iy * n_x + ix holds the sites
    |    | o  | o  | o  |      member[start[c]:start[c+1]], ascending
    +----+----+----+----+
"""

from typing import NamedTuple

import numpy as np
from numba import njit


class Cells(NamedTuple):
    """Sites sorted into cells, and the lengths that decide which of them are neighbours.

    Attributes
    ----------
    position : float64[n_sites, 2]
    n_x, n_y : int64
        Number of cells along x and along y: at least 3 along an axis that repeats.
    cell_x, cell_y : float64
        Sides of a cell: at least ``radius``, unless an axis has so few cells that all are searched.
    period_x, period_y : float64
        Length after which an axis repeats; 0 for hard edges.
    radius : float64
        Sites at most this far apart are neighbours.
    start : int64[n_x * n_y + 1]
    member : int64[n_sites]
        The cells of `fill_cells`.
    """

    position: np.ndarray
    n_x: int
    n_y: int
    cell_x: float
    cell_y: float
    period_x: float
    period_y: float
    radius: float
    start: np.ndarray
    member: np.ndarray


@njit(cache=True)
def _cell_along(coordinate, side, n):
    """The cell of a coordinate along one axis; beyond the ends the first or the last cell."""
    return min(max(int(coordinate / side), 0), n - 1)


@njit(cache=True)
def fill_cells(position, n_x, n_y, cell_x, cell_y, start, member):
    """Sort sites into cells, row by row: ``member[start[c]:start[c+1]]`` are the sites of cell c.

    Parameters
    ----------
    position : float64[n_sites, 2]
    n_x, n_y : int64
        Number of cells along x and along y; cell ``c = iy * n_x + ix``.
    cell_x, cell_y : float64
        Sides of a cell. Sites beyond the last cell belong to the last cell.
    start : int64[n_x * n_y + 1]
        Overwritten.
    member : int64[n_sites]
        Overwritten; ascending within a cell.
    """
    # Count the sites of each cell, and sum the counts to where each cell begins.
    start[:] = 0
    for i in range(position.shape[0]):
        ix = _cell_along(position[i, 0], cell_x, n_x)
        iy = _cell_along(position[i, 1], cell_y, n_y)
        start[iy * n_x + ix + 1] += 1
    for c in range(n_x * n_y):
        start[c + 1] += start[c]
    # Write each site at the next free place of its cell; start[c] moves to the end of cell c.
    for i in range(position.shape[0]):
        ix = _cell_along(position[i, 0], cell_x, n_x)
        iy = _cell_along(position[i, 1], cell_y, n_y)
        member[start[iy * n_x + ix]] = i
        start[iy * n_x + ix] += 1
    # Shift the ends by one cell, so that start[c] is the beginning of cell c again.
    for c in range(n_x * n_y, 0, -1):
        start[c] = start[c - 1]
    start[0] = 0


@njit(cache=True)
def _wrapped(difference, period):
    """The shortest image of a coordinate difference; ``period`` is 0 where nothing repeats."""
    if period > 0.0:
        if difference > 0.5 * period:
            return difference - period
        if difference < -0.5 * period:
            return difference + period
    return difference


@njit(cache=True)
def _scan_site(i, cells, write, found):
    """Count the neighbours ``j > i`` of site i; list them in ``found`` if ``write`` is set."""
    x = cells.position[i, 0]
    y = cells.position[i, 1]
    ix = _cell_along(x, cells.cell_x, cells.n_x)
    iy = _cell_along(y, cells.cell_y, cells.n_y)
    # Search the nine cells around the site; along a periodic axis the cells repeat.
    count = 0
    for step_y in range(-1, 2):
        jy = iy + step_y
        if cells.period_y > 0.0:
            jy = (jy + cells.n_y) % cells.n_y
        elif jy < 0 or jy >= cells.n_y:
            continue
        for step_x in range(-1, 2):
            jx = ix + step_x
            if cells.period_x > 0.0:
                jx = (jx + cells.n_x) % cells.n_x
            elif jx < 0 or jx >= cells.n_x:
                continue
            cell = jy * cells.n_x + jx
            for m in range(cells.start[cell], cells.start[cell + 1]):
                j = cells.member[m]
                if j > i:
                    dx = _wrapped(cells.position[j, 0] - x, cells.period_x)
                    dy = _wrapped(cells.position[j, 1] - y, cells.period_y)
                    if dx * dx + dy * dy <= cells.radius * cells.radius:
                        if write:
                            found[count] = j
                        count += 1
    return count


@njit(cache=True, nogil=True)
def count_neighbours(low, high, cells, out):
    """Number of neighbours ``j > i`` of each of the sites low .. high - 1.

    Parameters
    ----------
    low, high : int64
        The range of sites.
    cells : Cells
    out : int64[n_sites]
        Overwritten.

    Notes
    -----
    Iteration ``i`` writes ``out[i]`` only: parts of the sites can run in parallel.
    """
    nowhere = np.empty(0, np.int64)
    for i in range(low, high):
        out[i] = _scan_site(i, cells, False, nowhere)


@njit(cache=True, nogil=True)
def fill_neighbours(low, high, cells, first, link_i, link_j):
    """Write the links ``i < j`` of the sites i = low .. high - 1, sorted by i, then j.

    Parameters
    ----------
    low, high : int64
        The range of sites.
    cells : Cells
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
        _scan_site(i, cells, True, row)
        # Sort the row by insertion: it holds a few neighbours, cell after cell.
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
    """Rows of a graph from its links: the neighbours of each site, and the links to them.

    Parameters
    ----------
    link_i, link_j : int64[n_links]
        ``i < j``. Links sorted by (i, j) give ascending rows.
    start : int64[n_sites + 1]
        Overwritten: site i owns ``neighbour[start[i]:start[i+1]]``.
    neighbour, link : int64[2 n_links]
        Overwritten.
    """
    # Count the neighbours of each site, and sum the counts to where each row begins.
    start[:] = 0
    for l in range(link_i.shape[0]):
        start[link_i[l] + 1] += 1
        start[link_j[l] + 1] += 1
    for i in range(start.shape[0] - 1):
        start[i + 1] += start[i]
    # Write each link into the rows of its two sites; start[i] moves to the end of row i.
    for l in range(link_i.shape[0]):
        i = link_i[l]
        j = link_j[l]
        neighbour[start[i]] = j
        link[start[i]] = l
        start[i] += 1
        neighbour[start[j]] = i
        link[start[j]] = l
        start[j] += 1
    # Shift the ends by one site, so that start[i] is the beginning of row i again.
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
        Length after which an axis repeats; 0 for hard edges.
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


class Kept(NamedTuple):
    """The sites kept so far by `mark_apart`, as one linked list per cell.

    Attributes
    ----------
    n_x, n_y : int64
        Number of cells along x and along y: at least 3 along an axis that repeats.
    cell_x, cell_y : float64
        Sides of a cell, at least the smallest distance of two sites.
    period_x, period_y : float64
        Length after which an axis repeats; 0 for hard edges.
    head : int64[n_x * n_y]
        The site that was kept last in each cell; -1 in an empty cell.
    following : int64[n_candidates]
        The site that was kept before this one in the same cell; -1 ends the list.
    """

    n_x: int
    n_y: int
    cell_x: float
    cell_y: float
    period_x: float
    period_y: float
    head: np.ndarray
    following: np.ndarray


@njit(cache=True)
def mark_apart(position, taken, kept, distance, out):
    """Keep candidates one after another if no site kept before lies within ``distance``.

    Parameters
    ----------
    position : float64[n_candidates, 2]
        The candidates in the order in which they are tested.
    taken : int64
        Number of candidates at the start that are in the lists and marked in ``out`` already.
    kept : Kept
        Its lists are updated.
    distance : float64
        Smallest distance of two sites that are kept.
    out : bool[n_candidates]
        ``out[taken:]`` is overwritten.
    """
    for i in range(taken, position.shape[0]):
        x = position[i, 0]
        y = position[i, 1]
        ix = _cell_along(x, kept.cell_x, kept.n_x)
        iy = _cell_along(y, kept.cell_y, kept.n_y)
        free = True
        # Look through the lists of the nine cells around the candidate.
        for step in range(9):
            jx = ix + step % 3 - 1
            jy = iy + step // 3 - 1
            if kept.period_x > 0.0:
                jx = (jx + kept.n_x) % kept.n_x
            if kept.period_y > 0.0:
                jy = (jy + kept.n_y) % kept.n_y
            if jx < 0 or jx >= kept.n_x or jy < 0 or jy >= kept.n_y:
                continue
            j = kept.head[jy * kept.n_x + jx]
            while j >= 0 and free:
                dx = _wrapped(position[j, 0] - x, kept.period_x)
                dy = _wrapped(position[j, 1] - y, kept.period_y)
                free = dx * dx + dy * dy >= distance * distance
                j = kept.following[j]
        # A candidate that is kept becomes the head of the list of its cell.
        out[i] = free
        if free:
            kept.following[i] = kept.head[iy * kept.n_x + ix]
            kept.head[iy * kept.n_x + ix] = i
