"""Grids of cells for the neighbour search, in two and three dimensions."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

__all__ = ["Grid", "grid_of_cells"]


class Grid(NamedTuple):
    """A grid of cells with padding, as the kernels of `hopnet.kernels.neighbours` take it.

    Attributes
    ----------
    shape : tuple of int
        Number of cells along each axis, without padding.
    side : tuple of float, in a_b
        Sides of a cell.
    alias : int64[n_cells]
        The cell that is searched in place of each cell, padding included.
    offset : int64[3**(dim - 1)]
        Steps in the number of a cell to the rows of cells around its own row, and 0.
    """

    shape: tuple[int, ...]
    side: tuple[float, ...]
    alias: np.ndarray
    offset: np.ndarray


def grid_of_cells(
    size: tuple[float, ...], period: tuple[float, ...], radius: float, n_sites: int
) -> Grid:
    """Cells whose sides are at least ``radius``, in a box with hard edges or periodic axes.

    Parameters
    ----------
    size : tuple of float, in a_b
        Sides of the box.
    period : tuple of float, in a_b
        Length after which each axis repeats; 0 for hard edges.
    radius : float, in a_b
        The search radius.
    n_sites : int
        Number of sites that the grid is for.

    Returns
    -------
    Grid

    Notes
    -----
    There is at most about one cell per site: smaller cells cost more to visit than they save. A
    periodic axis needs three cells, or a pair would be found twice.
    """
    box, dim = np.array(size, dtype=float), len(size)
    least = np.where(np.array(period) > 0, 3, 1)
    most = max(n_sites ** (1 / dim) + 1, 3)
    shape = np.clip(box // radius, least, most).astype(np.int64)
    padded = shape + 2
    alias = np.arange(padded.prod()).reshape(padded)
    for axis in range(dim):
        # A view with this axis first: row 0 and row -1 are its padding.
        along = np.moveaxis(alias, axis, 0)
        if period[axis]:
            along[0], along[-1] = along[-2], along[1]
        elif axis < dim - 1:
            along[0] = along[-1] = 0  # cell 0 is a corner of the padding: it is always empty
    # The padding at hard edges of the last axis keeps its own cells, which are empty too: then
    # three cells of a row always follow one another.
    stride = np.append(np.cumprod(padded[:0:-1])[::-1], 1)
    step = np.stack(np.meshgrid(*[[-1, 0, 1]] * (dim - 1), indexing="ij"), axis=-1)
    offset = step.reshape(-1, dim - 1) @ stride[:-1]
    side = tuple(float(length) for length in box / shape)
    return Grid(tuple(int(n) for n in shape), side, alias.ravel(), offset)
