"""Lattices: square, triangular and cubic."""

from __future__ import annotations

import math

import numpy as np

from hopnet.checks import number, one_of, shown, whole
from hopnet.errors import ParameterError
from hopnet.network.sites import BYTES_PER_SITE, GEOMETRIES, Sites, check_memory, sites_in_box
from hopnet.records import read_only

__all__ = ["lattice_sites"]


def lattice_sites(
    kind: str,
    n_x: int,
    n_y: int,
    *,
    spacing: float,
    geometry: str = "open",
    n_z: int | None = None,
) -> Sites:
    """Sites of a square, triangular or cubic lattice.

    Parameters
    ----------
    kind : {"square", "triangular", "cubic"}
        The triangular lattice has its close-packed rows along x. The cubic lattice fills space.
    n_x, n_y : int
        Number of sites along x and number of rows along y. A triangular lattice that is periodic
        along y needs an even n_y.
    spacing : float, in a_b
        Distance of nearest neighbours.
    geometry : {"open", "cylinder", "torus"}
        Hard edges; hard edges along x and periodic along y (and z); periodic along all axes.
    n_z : int, optional
        Number of layers along z, for the cubic lattice only.

    Returns
    -------
    Sites
        Sites in a rectangle of n_x n_y or a box of n_x n_y n_z cells, each in the middle of its
        own cell.

    Raises
    ------
    ParameterError
        If an argument is out of its range, or the sites do not fit into memory.
    """
    geometry = one_of("geometry", geometry, GEOMETRIES)
    kind = one_of("kind", kind, ("square", "triangular", "cubic"))
    if (kind == "cubic") != (n_z is not None):
        raise ParameterError(
            f"n_z goes with kind='cubic', and only with it, got kind={kind!r} and "
            f"n_z={shown(n_z)}; {'give' if n_z is None else 'leave out'} n_z."
        )
    given = {"n_x": n_x, "n_y": n_y} | ({} if n_z is None else {"n_z": n_z})
    counts = [whole(name, value, low=1, high=1e9) for name, value in given.items()]
    n_sites = math.prod(counts)
    if n_sites < 3:
        shape = " x ".join(map(str, counts))
        raise ParameterError(f"a lattice needs at least 3 sites, got {shape}; take more.")
    spacing = number("spacing", spacing, low=1e-50, high=1e50, hint="give it in a_b")
    if kind == "triangular" and geometry != "open" and n_y % 2:
        raise ParameterError(
            f"a triangular lattice that is periodic along y needs an even n_y, got {n_y}; add one."
        )
    shape = " by ".join(map(str, counts))
    check_memory(f"a lattice of {shape} sites", BYTES_PER_SITE * float(n_sites))
    if kind == "cubic":
        # The numbers of the sites run along x first, then along y, then along z.
        cell = np.stack(np.unravel_index(np.arange(n_sites), counts[::-1])[::-1], axis=1)
        position = (cell + 0.5) * spacing
        box = [n * spacing for n in counts]
    else:
        row, column = np.divmod(np.arange(n_sites), counts[0])
        height = spacing if kind == "square" else spacing * np.sqrt(3) / 2
        offset = 0.5 if kind == "square" else 0.25 + 0.5 * (row % 2)
        position = np.stack([(column + offset) * spacing, (row + 0.5) * height], axis=1)
        box = [counts[0] * spacing, float(counts[1] * height)]
    return sites_in_box(read_only(position), box, geometry)
