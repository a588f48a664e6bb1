"""Sites: the places where electrons are localised."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from hopnet.checks import array_of, number, one_of, shown, whole
from hopnet.constants import PERCOLATION_RADII
from hopnet.errors import DataError, ParameterError, ValidityWarning
from hopnet.kernels.neighbours import Kept, mark_apart
from hopnet.machine import machine_memory
from hopnet.network.cells import grid_of_cells
from hopnet.records import Record, is_owned, load_arrays, read_only, save_arrays
from hopnet.seeds import Seed, random_stream

__all__ = [
    "BYTES_PER_SITE",
    "GEOMETRIES",
    "SITE_ARRAYS",
    "Sites",
    "check_dimension",
    "check_memory",
    "critical_length",
    "random_sites",
    "root",
    "sites_from_arrays",
    "sites_from_positions",
    "sites_in_box",
    "warn_if_dense",
]

# Hard edges everywhere; hard edges along x and periodic along the other axes; periodic along all
# axes.
GEOMETRIES = ("open", "cylinder", "torus")

# n d^dim at which random sequential discs and spheres of diameter d jam: they cover 0.5471 of the
# plane and 0.3841 of space, a disc covers pi d^2 / 4, and a sphere pi d^3 / 6. Up to the share ROOM
# of this value they are placed in about ten rounds. The number of rounds grows without bound as the
# share approaches 1.
JAMMING = {2: 0.6966, 3: 0.7336}
ROOM = 0.9

# Lengths and densities in units of a_b that are accepted: their squares and products stay within
# the range of floats. No physical sample comes near these bounds.
SHORTEST, LONGEST = 1e-60, 1e60

# Density n_s a_b^dim above which the states of neighbouring sites overlap (a warning, no error).
# In space the metal begins at about n_s a_b^3 = 0.018 (N. F. Mott's criterion).
DENSE = {2: 0.1, 3: 0.02}

# Masks and shifts that spread the bits of a number apart, so that those of dim numbers can be
# interleaved: 16 bits per axis.
SPREAD = {
    2: ((8, 0x00FF00FF), (4, 0x0F0F0F0F), (2, 0x33333333), (1, 0x55555555)),
    3: (
        (32, 0x1F00000000FFFF),
        (16, 0x1F0000FF0000FF),
        (8, 0x100F00F00F00F00F),
        (4, 0x10C30C30C30C30C3),
        (2, 0x1249249249249249),
    ),
}

# Memory in bytes that one site needs while sites are placed and sorted: position, order, code and
# their copies. A larger number refuses samples that would just fit.
BYTES_PER_SITE = 64

# Names in the file of a saved record: those that must be there, and those that may be there.
SITE_ARRAYS = (("position", "length", "width", "geometry"), ("energy", "radius", "height"))

# Localisation radii in units of a_b that are accepted. Exponents 2 R / a stay within the range of
# floats. Physical radii of one material differ by less than a factor of a hundred.
SMALLEST_RADIUS, LARGEST_RADIUS = 1e-30, 1e30


@dataclass(frozen=True, eq=False)
class Sites(Record):
    """Sites in a rectangle or in a box. Lengths are in units of the localisation radius a_b.

    The record checks and copies its arguments, in whatever way it is made.

    Attributes
    ----------
    position : float64[n_sites, dim], in a_b
        x along the length (usually the current), y along the width and, in space, z along the
        height.
    length, width : float, in a_b
        Sides along x and along y.
    geometry : {"open", "cylinder", "torus"}
        Hard edges; hard edges along x and periodic along y (and z); periodic along all axes.
    energy : float64[n_sites] or None
        Site energies, in the unit in which kT will be given.
    radius : float64[n_sites] or None, in a_b
        Localisation radius a_i of each site, where it differs between sites; None: a_b everywhere.
        The amplitude between two sites then falls as exp(-R/2a_i - R/2a_j), and the rate as its
        square, exp(-R/a_i - R/a_j).
    height : float or None, in a_b
        Side along z; None for sites in a plane.
    """

    table_row: ClassVar[str] = "site"
    table_columns: ClassVar[tuple[str, ...]] = ("position", "energy", "radius")

    position: np.ndarray
    length: float
    width: float
    geometry: str = "open"
    energy: np.ndarray | None = None
    radius: np.ndarray | None = None
    height: float | None = None

    def __post_init__(self) -> None:
        # A frozen record sets its checked values through object.__setattr__, only here.
        def put(name: str, value: Any) -> None:
            object.__setattr__(self, name, value)

        put("geometry", one_of("geometry", self.geometry, GEOMETRIES))
        for name in ("length", "width", "height"):
            if name != "height" or self.height is not None:
                put(name, check_length(name, getattr(self, name)))
        axes = ", ".join(self.axes)
        hint = f"give one row ({axes}) of finite numbers per site, in a_b"
        if getattr(self.position, "shape", (0,))[1:] == (5 - self.dimension,):
            hint += ", and height only in space"
        rows = (None, self.dimension)
        position = array_of("position", self.position, shape=rows, empty=True, hint=hint)
        if np.any(position < 0) or np.any(position > self.size):
            sides = " by ".join(f"0 .. {side:g}" for side in self.size)
            raise ParameterError(
                f"positions must lie in {sides}, they span "
                f"{position.min(axis=0)} to {position.max(axis=0)}; shift them or enlarge the "
                "sides."
            )
        if not is_owned(self.position):
            put("position", read_only(position, copy=False))
        if self.energy is not None:
            shape = (position.shape[0],)
            energy = array_of(
                "energy", self.energy, shape=shape, empty=True, hint="give one energy per site"
            )
            if not is_owned(self.energy):
                put("energy", read_only(energy, copy=False))
        if self.radius is not None:
            radius = array_of(
                "radius",
                self.radius,
                shape=(position.shape[0],),
                empty=True,
                low=SMALLEST_RADIUS,
                high=LARGEST_RADIUS,
                hint="give one localisation radius per site, in a_b",
            )
            if not is_owned(self.radius):
                put("radius", read_only(radius, copy=False))

    def __setstate__(self, state: dict[str, Any]) -> None:
        # Arrays can be written to after unpickling; checking the record again freezes them.
        self.__dict__.update(state)
        self.__post_init__()

    @property
    def n_sites(self) -> int:
        """Number of sites, contacts and isolated ones included."""
        return self.position.shape[0]

    @property
    def dimension(self) -> int:
        """Number of axes: 2 in a plane, 3 in space."""
        return 2 if self.height is None else 3

    @property
    def axes(self) -> str:
        """Names of the axes: "xy" or "xyz"."""
        return "xyz"[: self.dimension]

    @property
    def size(self) -> tuple[float, ...]:
        """Sides of the sample along its axes, in a_b."""
        plane = (self.length, self.width)
        return plane if self.height is None else (*plane, self.height)

    @property
    def volume(self) -> float:
        """Product of the sides: the area of a plane sample, in a_b^dim."""
        return math.prod(self.size)

    @property
    def density(self) -> float:
        """Number of sites per area n_s a_b^2, in space per volume n_s a_b^3."""
        return self.n_sites / self.volume

    @property
    def period(self) -> tuple[float, ...]:
        """Length after which each axis repeats, in a_b; 0 along an axis with hard edges."""
        return periods(self.size, self.geometry)

    @property
    def largest_radius(self) -> float:
        """The largest localisation radius, in a_b."""
        return 1.0 if self.radius is None else float(self.radius.max(initial=SMALLEST_RADIUS))

    @property
    def mean_radius(self) -> float:
        """The mean localisation radius, in a_b."""
        return 1.0 if self.radius is None or not self.n_sites else float(self.radius.mean())

    def effective_length(self, i: np.ndarray, j: np.ndarray, distance: Any) -> Any:
        """Half of the exponent of the overlap, R (1/a_i + 1/a_j) / 2, of pairs of sites.

        Where all localisation radii are a_b it is the distance R itself. The rate at equal energies
        falls as exp(-2 R), with this length in place of R [rates 3].

        Parameters
        ----------
        i, j : int64[n]
            The two sites of each pair.
        distance : float64[n] or float, in a_b
            Their distances.

        Returns
        -------
        float64[n] (``distance`` itself where there are no radii of sites)
        """
        if self.radius is None:
            return distance
        return 0.5 * distance * (1.0 / self.radius[i] + 1.0 / self.radius[j])

    def describe(self) -> str:
        """What the record holds, in one line."""
        energies = "" if self.energy is None else ", with energies"
        return (
            f"{self.n_sites} sites on {' x '.join(f'{side:.6g}' for side in self.size)} a_b, "
            f"n_s a_b^{self.dimension} = {self.density:.4g}, {self.geometry}{energies}"
        )

    def to_frame(self) -> pd.DataFrame:
        """A DataFrame with the columns x, y (and z) and, where given, energy and radius."""
        columns = dict(zip(self.axes, self.position.T))
        more = {"energy": self.energy, "radius": self.radius}
        return pd.DataFrame(columns | {k: v for k, v in more.items() if v is not None})

    def save(self, path: str | Path) -> None:
        """Write the sites to one .npz file."""
        required, optional = SITE_ARRAYS
        save_arrays(path, "Sites", {name: getattr(self, name) for name in required + optional})

    @classmethod
    def load(cls, path: str | Path) -> Sites:
        """Read what `save` wrote; a DataError if the file does not hold sites."""
        required, optional = SITE_ARRAYS
        stored = load_arrays(path, "Sites", required=required, optional=optional)
        return sites_from_arrays(stored, path)


def sites_from_arrays(stored: dict[str, np.ndarray], path: str | Path) -> Sites:
    """The sites among the arrays of a file.

    Parameters
    ----------
    stored : dict of str to ndarray
        Arrays by their names, at least those of `SITE_ARRAYS`.
    path : path-like
        Path of the file, for error messages.

    Raises
    ------
    DataError
        If an array is of a wrong type, shape or range.
    """
    try:
        return Sites(
            stored["position"],
            number("length", stored["length"]),
            number("width", stored["width"]),
            str(stored["geometry"]),
            stored.get("energy"),
            stored.get("radius"),
            number("height", stored["height"]) if "height" in stored else None,
        )
    except ParameterError as failure:
        raise DataError(f"{str(path)!r} does not hold valid sites: {failure}") from None


def sites_in_box(position: np.ndarray, size: Sequence[float], geometry: str) -> Sites:
    """Sites without energies in a rectangle or a box, from its sides."""
    height = size[2] if len(size) == 3 else None
    return Sites(position, size[0], size[1], geometry, height=height)


def check_length(name: str, value: Any) -> float:
    """A side of a sample as a float, or a ParameterError."""
    return number(
        name, value, low=SHORTEST, high=LONGEST, hint="give the side of the sample in a_b"
    )


def check_dimension(dimension: Any) -> int:
    """The number of axes, 2 or 3, or a ParameterError."""
    whole_number = isinstance(dimension, int | np.integer) and not isinstance(dimension, bool)
    if not whole_number or dimension not in (2, 3):
        raise ParameterError(
            f"dimension must be 2 (a plane) or 3 (space), got {shown(dimension)}; give one of them."
        )
    return int(dimension)


def periods(size: tuple[float, ...], geometry: str) -> tuple[float, ...]:
    """Length after which each axis of a geometry repeats, in a_b; 0 for hard edges."""
    first = size[0] if geometry == "torus" else 0.0
    return (first, *(side if geometry != "open" else 0.0 for side in size[1:]))


def check_density(density: Any, dimension: int = 2) -> float:
    """A density as a float, or a ParameterError."""
    meant = {2: "0.0005 to 0.1", 3: "1e-5 to 0.02"}[dimension]
    return number(
        f"density (n_s a_b^{dimension})",
        density,
        low=SHORTEST,
        high=LONGEST,
        hint=f"hopping conduction is meant for {meant}",
    )


def warn_if_dense(density: float, dimension: int, *, stacklevel: int) -> None:
    """Warn at densities where a_b is no longer short compared with the distances of sites.

    Only functions that compute rates from a_b call this. Sites of given links need no a_b.
    """
    if density > DENSE[dimension]:
        warnings.warn(
            f"density n_s a_b^{dimension} = {density:g} is above {DENSE[dimension]:g}: the states "
            "of neighbouring sites "
            "overlap, and hopping between separate sites is a rough approximation.",
            ValidityWarning,
            stacklevel=stacklevel + 1,
        )


def check_memory(what: str, need: float) -> None:
    """Raise before anything is allocated if ``need`` bytes exceed the memory of this machine."""
    memory = machine_memory()
    if need > memory:
        raise ParameterError(
            f"{what} must fit into {memory / 1e9:.3g} GB, the memory of this machine, it needs "
            f"about {min(need, 1e300) / 1e9:.3g} GB; take fewer sites or a shorter cutoff."
        )


def random_sites(
    n_sites: int,
    *,
    density: float,
    seed: Seed,
    aspect: float = 1.0,
    geometry: str = "open",
    min_distance: float = 0.0,
    dimension: int = 2,
) -> Sites:
    """Sites placed at random, uniformly and independently of each other.

    Parameters
    ----------
    n_sites : int
        Number of sites, at least 3.
    density : float
        Number of sites per area, n_s a_b^2; in space per volume, n_s a_b^3.
    seed : int, numpy.random.SeedSequence or numpy.random.Generator
        Integers and sequences start a Philox generator. There is no default: a sample that cannot
        be reproduced is of no use.
    aspect : float
        length / width, from 1e-6 to 1e6. In space the height equals the width.
    geometry : {"open", "cylinder", "torus"}
        Hard edges; hard edges along x and periodic along y (and z); periodic along all axes.
    min_distance : float, in a_b
        Smallest distance of two sites. A site that is closer to an earlier one is drawn again
        (random sequential addition). This jams at ``density * min_distance**2`` = 0.697, in space
        at ``density * min_distance**3`` = 0.734; at most 90 % of that are allowed.
    dimension : {2, 3}
        Number of axes.

    Returns
    -------
    Sites
        Numbered along a space-filling (Morton) curve, so that neighbours are near in memory.

    Raises
    ------
    ParameterError
        If an argument is out of its range, or the sites do not fit into memory.

    Examples
    --------
    >>> sites = random_sites(1000, density=0.01, seed=7)
    >>> round(sites.length, 3), sites.geometry
    (316.228, 'open')
    >>> random_sites(1000, density=0.001, seed=7, dimension=3).position.shape
    (1000, 3)
    """
    geometry = one_of("geometry", geometry, GEOMETRIES)
    dimension = check_dimension(dimension)
    density = check_density(density, dimension)
    n_sites = whole("n_sites", n_sites, low=3, hint="a triad needs three sites")
    aspect = number("aspect (length / width)", aspect, low=1e-6, high=1e6, hint="try 1")
    min_distance = number(
        "min_distance",
        min_distance,
        low=0.0,
        high=float(root(ROOM * JAMMING[dimension] / density, dimension)),
        unit="a_b",
        hint=f"random {'discs' if dimension == 2 else 'spheres'} jam soon after "
        f"density * min_distance^{dimension} = {ROOM * JAMMING[dimension]:.3f}",
    )
    generator = random_stream(seed)
    check_memory(f"a sample of {n_sites} sites", BYTES_PER_SITE * n_sites)
    width = float(root(n_sites / (density * aspect), dimension))
    size = (aspect * width, *[width] * (dimension - 1))
    if min_distance > 0.0:
        period = periods(size, geometry)
        position = distant_positions(n_sites, size, period, min_distance, generator)
    else:
        position = generator.random((n_sites, dimension)) * size
    position = position[np.argsort(morton_code(position, size), kind="stable")]
    return sites_in_box(read_only(position, copy=False), size, geometry)


def root(value: float, dimension: int) -> float:
    """The square root of an area, the cube root of a volume."""
    return math.sqrt(value) if dimension == 2 else math.cbrt(value)


def distant_positions(
    n_sites: int,
    size: tuple[float, ...],
    period: tuple[float, ...],
    min_distance: float,
    generator: np.random.Generator,
) -> np.ndarray:
    """Positions drawn one by one, each at least ``min_distance`` from all before it."""
    grid = grid_of_cells(size, period, min_distance, n_sites)
    if n_sites < 9 or min(size) < 3 * min_distance:
        raise ParameterError(
            f"min_distance must be below a third of every side of the sample, {size} a_b, and "
            f"needs at least 9 sites, got {min_distance!r} with {n_sites} sites; take more sites "
            "or a smaller distance."
        )
    kept = np.empty((0, len(size)))
    # Each round tests as many new candidates as there are sites, after those that are kept already.
    while kept.shape[0] < n_sites:
        offered = np.concatenate([kept, generator.random((n_sites, len(size))) * size])
        out = np.empty(offered.shape[0], np.bool_)
        out[: kept.shape[0]] = True
        lists = Kept(
            grid.shape,
            grid.side,
            period,
            grid.alias,
            grid.offset,
            head=np.full(grid.alias.size, -1),
            following=np.full(offered.shape[0], -1),
        )
        mark_apart(offered, 0, lists, min_distance, out)
        kept = offered[out]
    return kept[:n_sites]


def morton_code(position: np.ndarray, size: tuple[float, ...]) -> np.ndarray:
    """Rank of each position on a Morton curve through a grid of 2^16 cells along each axis."""
    dim = len(size)
    cell = np.clip(position / size * 65536, 0, 65535).astype(np.uint64)
    # Spread the 16 bits of each coordinate over every dim-th bit, then interleave the axes.
    for shift, mask in SPREAD[dim]:
        cell = (cell | (cell << np.uint64(shift))) & np.uint64(mask)
    return reduce(np.bitwise_or, [cell[:, axis] << np.uint64(axis) for axis in range(dim)])


def sites_from_positions(
    position: ArrayLike | pd.DataFrame,
    *,
    length: float,
    width: float,
    geometry: str = "open",
    energy: ArrayLike | None = None,
    radius: ArrayLike | None = None,
    height: float | None = None,
) -> Sites:
    """Sites at given positions, with or without given energies and localisation radii.

    Parameters
    ----------
    position : array_like[n_sites, dim] or DataFrame with columns x, y, in space z (energy, radius)
        Positions in a_b, inside the rectangle ``0 .. length`` by ``0 .. width``, in space also
        within ``0 .. height``. They are copied.
    length, width : float, in a_b
        Sides of the sample; N / (length width) is the density that f refers to.
    geometry : {"open", "cylinder", "torus"}
        Hard edges; hard edges along x and periodic along y (and z); periodic along all axes.
    energy : array_like[n_sites], optional
        Site energies; by default those of the DataFrame, if it has such a column.
    radius : array_like[n_sites], in a_b, optional
        Localisation radius of each site; by default the column of the DataFrame, if there is one,
        else a_b for all. The rate of a hop falls as exp(-R/a_i - R/a_j).
    height : float, in a_b, optional
        Side along z. With it the sites lie in space.

    Returns
    -------
    Sites
        The sites in the order of the positions.

    Raises
    ------
    ParameterError
        If there are fewer than 3 sites, or an array is masked, of a wrong type or shape, not
        finite, or outside the rectangle.
    """
    if isinstance(position, pd.DataFrame):
        axes = ["x", "y"] if height is None else ["x", "y", "z"]
        missing = set(axes) - set(position.columns)
        if missing or not position.columns.is_unique:
            names = " and ".join([", ".join(axes[:-1]), axes[-1]])
            raise ParameterError(
                f"a table of sites needs the columns {names}, each once, it has "
                f"{list(position.columns)[:10]}; rename them."
            )
        if height is None and "z" in position.columns:
            raise ParameterError(
                "a table of sites with the column z needs the height of the box, got none; give "
                "height=, or leave the column out."
            )
        if energy is None and "energy" in position.columns:
            energy = position["energy"].to_numpy()
        if radius is None and "radius" in position.columns:
            radius = position["radius"].to_numpy()
        position = position[axes].to_numpy()
    # The record checks and copies. Only the functions refuse samples of fewer than three sites.
    sites = Sites(position, length, width, geometry, energy, radius, height)  # type: ignore[arg-type]
    if sites.n_sites < 3:
        raise ParameterError(
            f"position must hold at least 3 sites, got {sites.n_sites}; a triad needs three."
        )
    return sites


def critical_length(density: float, dimension: int = 2) -> float:
    """Percolation length of random sites, l_c = 1.19847 / sqrt(n_s) [hopping].

    Random sites that are joined whenever they are closer than l_c just percolate; the letter
    rounds the number to 1.2. Source: pi r^2 n_s = 1.12808737 at the threshold of discs of radius
    r = l_c / 2 (Mertens and Moore, Phys. Rev. E 86, 061109 (2012)), so
    l_c sqrt(n_s) = 2 sqrt(1.12808737 / pi). In space l_c = 0.867552 / n_s^(1/3): a sphere of radius
    l_c around a site then holds 8 eta_c = 2.73512 others on average.

    Parameters
    ----------
    density : float
        Number of sites per area, n_s a_b^2; in space per volume, n_s a_b^3.
    dimension : {2, 3}
        Number of axes.

    Returns
    -------
    float, in a_b
    """
    dimension = check_dimension(dimension)
    return PERCOLATION_RADII[dimension] / float(root(check_density(density, dimension), dimension))
