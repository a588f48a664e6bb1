"""Neighbour search on a grid of cells, and the rows of a graph from its links.

The box of the sample is cut into cells whose sides are at least the search radius. All neighbours
of a site then lie in its own cell and in the cells around it, 8 in the plane and 26 in space. One
more layer of cells, the *padding*, surrounds the grid::

    . . . . . .
    . +---+---+---+---+ .
    . |   | o | o | o | .      x: the site
    . +---+---+---+---+ .      o: the cells that are searched
    . |   | o | x | o | .      .: padding
    . +---+---+---+---+ .
    . |   | o | o | o | .      cell c holds the sites member[start[c]:start[c+1]], ascending
    . +---+---+---+---+ .
    . . . . . .

Cells are numbered with the last axis fastest, padding included. No site lies in the padding.
``alias[c]`` is the cell to search in place of cell c: for a cell of the grid itself, for the
padding of a periodic axis the cell at the opposite side, for the padding of hard edges an empty
one. So no kernel treats edges apart.

The number of axes is the length of a tuple, which is known when a kernel is compiled: loops over
axes cost nothing.
"""

from typing import NamedTuple

import numpy as np
from numba import njit


class Cells(NamedTuple):
    """Sites sorted into cells, and the lengths that decide which of them are neighbours.

    Attributes
    ----------
    position : float64[n_sites, dim]
    shape : tuple of dim int64
        Number of cells along each axis, without padding: at least 3 along a periodic axis.
    side : tuple of dim float64
        Sides of a cell: at least ``radius``, unless an axis has so few cells that all are searched.
    period : tuple of dim float64
        Length after which each axis repeats; 0 for hard edges.
    radius : float64
        Sites at most this far apart are neighbours.
    start : int64[n_cells + 1]
    member : int64[n_sites]
        The cells of `fill_cells`.
    alias : int64[n_cells]
        The cell that is searched in place of each cell.
    offset : int64[3**(dim - 1)]
        Steps in the number of a cell to the rows of cells around its own row, and 0.
    """

    position: np.ndarray
    shape: tuple[int, ...]
    side: tuple[float, ...]
    period: tuple[float, ...]
    radius: float
    start: np.ndarray
    member: np.ndarray
    alias: np.ndarray
    offset: np.ndarray


@njit(cache=True)
def _cell_along(coordinate, side, n):
    """The cell of a coordinate along one axis; beyond the ends the first or the last cell."""
    return min(max(int(coordinate / side), 0), n - 1)


@njit(cache=True)
def _cell_of(position, i, shape, side):
    """The number of the cell of site i; the last axis runs fastest."""
    cell = 0
    for axis in range(len(shape)):
        along = _cell_along(position[i, axis], side[axis], shape[axis])
        cell = cell * (shape[axis] + 2) + along + 1
    return cell


@njit(cache=True)
def fill_cells(position, shape, side, start, member):
    """Sort sites into cells: ``member[start[c]:start[c+1]]`` are the sites of cell c.

    Parameters
    ----------
    position : float64[n_sites, dim]
    shape : tuple of dim int64
        Number of cells along each axis, without padding.
    side : tuple of dim float64
        Sides of a cell. Sites beyond the last cell belong to the last cell.
    start : int64[n_cells + 1]
        Overwritten; n_cells counts the padding too.
    member : int64[n_sites]
        Overwritten; ascending within a cell.
    """
    # Count the sites of each cell, and sum the counts to where each cell begins.
    start[:] = 0
    for i in range(position.shape[0]):
        start[_cell_of(position, i, shape, side) + 1] += 1
    for c in range(start.shape[0] - 1):
        start[c + 1] += start[c]
    # Write each site at the next free place of its cell; start[c] moves to the end of cell c.
    for i in range(position.shape[0]):
        c = _cell_of(position, i, shape, side)
        member[start[c]] = i
        start[c] += 1
    # Shift the ends by one cell, so that start[c] is the beginning of cell c again.
    for c in range(start.shape[0] - 1, 0, -1):
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
def _square_distance(position, i, j, period):
    """Squared distance of site i and the nearest image of site j."""
    square = 0.0
    for axis in range(len(period)):
        step = _wrapped(position[j, axis] - position[i, axis], period[axis])
        square += step * step
    return square


@njit(cache=True)
def _scan_site(i, cells, write, found):
    """Count the neighbours ``j > i`` of site i; list them in ``found`` if ``write`` is set."""
    cell = _cell_of(cells.position, i, cells.shape, cells.side)
    # Three cells of a row follow one another in `member` and are searched together (wide = 1). Next
    # to the seam of a periodic last axis they do not, and are searched one by one.
    last = len(cells.shape) - 1
    along = _cell_along(cells.position[i, last], cells.side[last], cells.shape[last])
    at_seam = cells.period[last] > 0.0 and (along == 0 or along == cells.shape[last] - 1)
    wide = 0 if at_seam else 1
    count = 0
    for row in range(cells.offset.shape[0]):
        for step in range(wide - 1, 2 - wide):
            middle = cell + cells.offset[row] + step
            first = cells.start[cells.alias[middle - wide]]
            end = cells.start[cells.alias[middle + wide] + 1]
            for m in range(first, end):
                j = cells.member[m]
                if j > i:
                    square = _square_distance(cells.position, i, j, cells.period)
                    if square <= cells.radius * cells.radius:
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
def fill_separation(position, period, link_i, link_j, out):
    """Vector from site i to the nearest image of site j, for each link.

    Parameters
    ----------
    position : float64[n_sites, dim]
    period : tuple of dim float64
        Length after which each axis repeats; 0 for hard edges.
    link_i, link_j : int64[n_links]
    out : float64[n_links, dim]
        Overwritten.

    Notes
    -----
    Iteration ``l`` writes ``out[l]`` only: parts of the links can run in parallel.
    """
    for l in range(link_i.shape[0]):
        for axis in range(len(period)):
            step = position[link_j[l], axis] - position[link_i[l], axis]
            out[l, axis] = _wrapped(step, period[axis])


class Kept(NamedTuple):
    """The sites kept so far by `mark_apart`, as one linked list per cell.

    Attributes
    ----------
    shape, side, period, alias, offset
        As in `Cells`; a side is at least the smallest distance of two sites.
    head : int64[n_cells]
        The site that was kept last in each cell; -1 in an empty cell.
    following : int64[n_candidates]
        The site that was kept before this one in the same cell; -1 ends the list.
    """

    shape: tuple[int, ...]
    side: tuple[float, ...]
    period: tuple[float, ...]
    alias: np.ndarray
    offset: np.ndarray
    head: np.ndarray
    following: np.ndarray


@njit(cache=True)
def mark_apart(position, taken, kept, distance, out):
    """Keep candidates one after another if no site kept before lies within ``distance``.

    Parameters
    ----------
    position : float64[n_candidates, dim]
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
        cell = _cell_of(position, i, kept.shape, kept.side)
        free = True
        # Look through the lists of the cells around the candidate.
        for row in range(kept.offset.shape[0]):
            for step in range(-1, 2):
                j = kept.head[kept.alias[cell + kept.offset[row] + step]]
                while j >= 0 and free:
                    square = _square_distance(position, i, j, kept.period)
                    free = square >= distance * distance
                    j = kept.following[j]
        # A candidate that is kept becomes the head of the list of its cell.
        out[i] = free
        if free:
            kept.following[i] = kept.head[cell]
            kept.head[cell] = i
