"""Sites: the places where electrons are localised."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from hopnet.checks import array_of, number, one_of, shown, whole
from hopnet.constants import PERCOLATION_RADIUS
from hopnet.errors import DataError, ParameterError, ValidityWarning
from hopnet.kernels.neighbours import Kept, mark_apart
from hopnet.machine import machine_memory
from hopnet.records import Record, is_owned, load_arrays, read_only, save_arrays
from hopnet.seeds import Seed, random_stream

__all__ = [
    "GEOMETRIES",
    "SITE_ARRAYS",
    "Sites",
    "check_memory",
    "critical_length",
    "lattice_sites",
    "random_sites",
    "sites_from_arrays",
    "sites_from_positions",
    "warn_if_dense",
]

# Hard edges everywhere; periodic along y; periodic along x and y.
GEOMETRIES = ("open", "cylinder", "torus")

# n d^2 at which random sequential discs of diameter d jam: their coverage is 0.5471, and a disc
# covers pi d^2 / 4. Up to the share ROOM of this value the discs are placed in about ten rounds.
# The number of rounds grows without bound as the share approaches 1.
JAMMING = 0.6966
ROOM = 0.9

# Lengths and densities in units of a_b that are accepted: their squares and products stay within
# the range of floats. No physical sample comes near these bounds.
SHORTEST, LONGEST = 1e-60, 1e60

# Density n_s a_b^2 above which the states of neighbouring sites overlap (a warning, no error).
DENSE = 0.1

# Memory in bytes that one site needs while sites are placed and sorted: position, order, code and
# their copies. A larger number refuses samples that would just fit.
BYTES_PER_SITE = 64

# Names in the file of a saved record: those that must be there, and those that may be there.
SITE_ARRAYS = (("position", "length", "width", "geometry"), ("energy", "radius"))

# Localisation radii in units of a_b that are accepted. Exponents 2 R / a stay within the range of
# floats. Physical radii of one material differ by less than a factor of a hundred.
SMALLEST_RADIUS, LARGEST_RADIUS = 1e-30, 1e30


@dataclass(frozen=True, eq=False)
class Sites(Record):
    """Sites in a rectangle. Lengths are in units of the localisation radius a_b.

    The record checks and copies its arguments, in whatever way it is made.

    Attributes
    ----------
    position : float64[n_sites, 2], in a_b
        x along the length (usually the current), y along the width.
    length, width : float, in a_b
        Sides of the rectangle along x and along y.
    geometry : {"open", "cylinder", "torus"}
        Hard edges; periodic along y; periodic along x and y.
    energy : float64[n_sites] or None
        Site energies, in the unit in which kT will be given.
    radius : float64[n_sites] or None, in a_b
        Localisation radius a_i of each site, where it differs between sites; None: a_b everywhere.
        The amplitude between two sites then falls as exp(-R/2a_i - R/2a_j), and the rate as its
        square, exp(-R/a_i - R/a_j).
    """

    position: np.ndarray
    length: float
    width: float
    geometry: str = "open"
    energy: np.ndarray | None = None
    radius: np.ndarray | None = None

    def __post_init__(self) -> None:
        # A frozen record sets its checked values through object.__setattr__, only here.
        def put(name: str, value: Any) -> None:
            object.__setattr__(self, name, value)

        put("geometry", one_of("geometry", self.geometry, GEOMETRIES))
        for name in ("length", "width"):
            put(name, check_length(name, getattr(self, name)))
        hint = "give one row (x, y) of finite numbers per site, in a_b"
        position = array_of("position", self.position, shape=(None, 2), empty=True, hint=hint)
        if np.any(position < 0) or np.any(position > (self.length, self.width)):
            raise ParameterError(
                f"positions must lie in 0 .. {self.length:g} by 0 .. {self.width:g}, they span "
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
    def density(self) -> float:
        """Number of sites per area, n_s a_b^2."""
        return self.n_sites / (self.length * self.width)

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

    @property
    def period(self) -> tuple[float, float]:
        """Lengths (x, y) after which the plane repeats, in a_b; 0 along an axis with hard edges."""
        return (
            self.length if self.geometry == "torus" else 0.0,
            self.width if self.geometry != "open" else 0.0,
        )

    def describe(self) -> str:
        """What the record holds, in one line."""
        energies = "" if self.energy is None else ", with energies"
        return (
            f"{self.n_sites} sites on {self.length:.6g} x {self.width:.6g} a_b, n_s a_b^2 = "
            f"{self.density:.4g}, {self.geometry}{energies}"
        )

    def to_frame(self) -> pd.DataFrame:
        """A DataFrame with the columns x, y and, where they are given, energy and radius."""
        columns = {"x": self.position[:, 0], "y": self.position[:, 1]}
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
        )
    except ParameterError as failure:
        raise DataError(f"{str(path)!r} does not hold valid sites: {failure}") from None


def check_length(name: str, value: Any) -> float:
    """A side of a sample as a float, or a ParameterError."""
    return number(
        name, value, low=SHORTEST, high=LONGEST, hint="give the side of the sample in a_b"
    )


def check_density(density: Any) -> float:
    """A density as a float, or a ParameterError."""
    return number(
        "density (n_s a_b^2)",
        density,
        low=SHORTEST,
        high=LONGEST,
        hint="hopping conduction is meant for 0.0005 to 0.1",
    )


def warn_if_dense(density: float, *, stacklevel: int) -> None:
    """Warn above 0.1: a_b is then no longer short compared with the distances of sites.

    Only functions that compute rates from a_b call this. Sites of given links need no a_b.
    """
    if density > DENSE:
        warnings.warn(
            f"density n_s a_b^2 = {density:g} is above {DENSE:g}: the states of neighbouring sites "
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
) -> Sites:
    """Sites placed at random, uniformly and independently of each other.

    Parameters
    ----------
    n_sites : int
        Number of sites, at least 3.
    density : float
        Number of sites per area, n_s a_b^2.
    seed : int, numpy.random.SeedSequence or numpy.random.Generator
        Integers and sequences start a Philox generator. There is no default: a sample that cannot
        be reproduced is of no use.
    aspect : float
        length / width, from 1e-6 to 1e6.
    geometry : {"open", "cylinder", "torus"}
        Hard edges; periodic along y; periodic along x and y.
    min_distance : float, in a_b
        Smallest distance of two sites. A site that is closer to an earlier one is drawn again
        (random sequential addition). This jams at ``density * min_distance**2`` = 0.697; at most
        90 % of that are allowed.

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
    """
    geometry = one_of("geometry", geometry, GEOMETRIES)
    density = check_density(density)
    n_sites = whole("n_sites", n_sites, low=3, hint="a triad needs three sites")
    aspect = number("aspect (length / width)", aspect, low=1e-6, high=1e6, hint="try 1")
    min_distance = number(
        "min_distance",
        min_distance,
        low=0.0,
        high=float(np.sqrt(ROOM * JAMMING / density)),
        unit="a_b",
        hint=f"random discs jam soon after density * min_distance^2 = {ROOM * JAMMING:.3f}",
    )
    generator = random_stream(seed)
    check_memory(f"a sample of {n_sites} sites", BYTES_PER_SITE * n_sites)
    width = float(np.sqrt(n_sites / (density * aspect)))
    length = aspect * width
    if min_distance > 0.0:
        size = np.array([length, width])
        period = (length if geometry == "torus" else 0.0, width if geometry != "open" else 0.0)
        position = distant_positions(n_sites, size, period, min_distance, generator)
    else:
        position = generator.random((n_sites, 2)) * (length, width)
    position = position[np.argsort(morton_code(position, length, width), kind="stable")]
    return Sites(read_only(position, copy=False), length, width, geometry)


def distant_positions(
    n_sites: int,
    size: np.ndarray,
    period: tuple[float, float],
    min_distance: float,
    generator: np.random.Generator,
) -> np.ndarray:
    """Positions drawn one by one, each at least ``min_distance`` from all before it."""
    # At most about one cell per site: more cells cost memory and save nothing.
    n_x, n_y = (int(n) for n in np.clip(size // min_distance, 1, np.sqrt(n_sites) + 3))
    if n_sites < 9 or min(n_x, n_y) < 3:
        raise ParameterError(
            f"min_distance must be below a third of both sides of the sample, {size} a_b, and "
            f"needs at least 9 sites, got {shown(min_distance)} with {n_sites} sites; take more "
            "sites or a smaller distance."
        )
    cell_x, cell_y = (float(side) for side in size / (n_x, n_y))
    kept = np.empty((0, 2))
    # Each round tests as many new candidates as there are sites, after those that are kept already.
    while kept.shape[0] < n_sites:
        offered = np.concatenate([kept, generator.random((n_sites, 2)) * size])
        out = np.empty(offered.shape[0], np.bool_)
        out[: kept.shape[0]] = True
        lists = Kept(
            n_x,
            n_y,
            cell_x,
            cell_y,
            *period,
            head=np.full(n_x * n_y, -1),
            following=np.full(offered.shape[0], -1),
        )
        mark_apart(offered, 0, lists, min_distance, out)
        kept = offered[out]
    return kept[:n_sites]


def morton_code(position: np.ndarray, length: float, width: float) -> np.ndarray:
    """Rank of each position on a Morton curve through a grid of 2^16 by 2^16 cells."""
    cell = np.clip(position / (length, width) * 65536, 0, 65535).astype(np.uint64)
    # Spread the 16 bits of each coordinate over the even bits, then interleave x and y.
    for shift, mask in ((8, 0x00FF00FF), (4, 0x0F0F0F0F), (2, 0x33333333), (1, 0x55555555)):
        cell = (cell | (cell << np.uint64(shift))) & np.uint64(mask)
    return cell[:, 0] | (cell[:, 1] << np.uint64(1))


def lattice_sites(
    kind: str,
    n_x: int,
    n_y: int,
    *,
    spacing: float,
    geometry: str = "open",
) -> Sites:
    """Sites of a square or triangular lattice.

    Parameters
    ----------
    kind : {"square", "triangular"}
        The triangular lattice has its close-packed rows along x.
    n_x, n_y : int
        Number of sites along x and number of rows along y. A triangular lattice that is periodic
        along y needs an even n_y.
    spacing : float, in a_b
        Distance of nearest neighbours.
    geometry : {"open", "cylinder", "torus"}
        Hard edges; periodic along y; periodic along x and y.

    Returns
    -------
    Sites
        In a rectangle of n_x n_y cells; every site sits in the middle of its own cell.

    Raises
    ------
    ParameterError
        If an argument is out of its range, or the sites do not fit into memory.
    """
    geometry = one_of("geometry", geometry, GEOMETRIES)
    kind = one_of("kind", kind, ("square", "triangular"))
    n_x = whole("n_x", n_x, low=1, high=1e9)
    n_y = whole("n_y", n_y, low=1, high=1e9)
    if n_x * n_y < 3:
        raise ParameterError(f"a lattice needs at least 3 sites, got {n_x} x {n_y}; take more.")
    spacing = number("spacing", spacing, low=1e-50, high=1e50, hint="give it in a_b")
    if kind == "triangular" and geometry != "open" and n_y % 2:
        raise ParameterError(
            f"a triangular lattice that is periodic along y needs an even n_y, got {n_y}; add one."
        )
    check_memory(f"a lattice of {n_x} by {n_y} sites", BYTES_PER_SITE * float(n_x) * n_y)
    row, column = np.divmod(np.arange(n_x * n_y), n_x)
    height = spacing if kind == "square" else spacing * np.sqrt(3) / 2
    offset = 0.5 if kind == "square" else 0.25 + 0.5 * (row % 2)
    position = np.stack([(column + offset) * spacing, (row + 0.5) * height], axis=1)
    return Sites(read_only(position), n_x * spacing, float(n_y * height), geometry)


def sites_from_positions(
    position: ArrayLike | pd.DataFrame,
    *,
    length: float,
    width: float,
    geometry: str = "open",
    energy: ArrayLike | None = None,
    radius: ArrayLike | None = None,
) -> Sites:
    """Sites at given positions, with or without given energies and localisation radii.

    Parameters
    ----------
    position : array_like[n_sites, 2] or DataFrame with columns x, y (and energy, radius)
        Positions in a_b, inside the rectangle ``0 .. length`` by ``0 .. width``. They are copied.
    length, width : float, in a_b
        Sides of the rectangle; N / (length width) is the density that f refers to.
    geometry : {"open", "cylinder", "torus"}
        Hard edges; periodic along y; periodic along x and y.
    energy : array_like[n_sites], optional
        Site energies; by default those of the DataFrame, if it has such a column.
    radius : array_like[n_sites], in a_b, optional
        Localisation radius of each site; by default the column of the DataFrame, if there is one,
        else a_b for all. The rate of a hop falls as exp(-R/a_i - R/a_j).

    Returns
    -------
    Sites
        In the order given.

    Raises
    ------
    ParameterError
        If there are fewer than 3 sites, or an array is masked, of a wrong type or shape, not
        finite, or outside the rectangle.
    """
    if isinstance(position, pd.DataFrame):
        missing = {"x", "y"} - set(position.columns)
        if missing or not position.columns.is_unique:
            raise ParameterError(
                "a table of sites needs the columns x and y, each once, it has "
                f"{list(position.columns)[:10]}; rename them."
            )
        if energy is None and "energy" in position.columns:
            energy = position["energy"].to_numpy()
        if radius is None and "radius" in position.columns:
            radius = position["radius"].to_numpy()
        position = position[["x", "y"]].to_numpy()
    # The record checks and copies. Only the functions refuse samples of fewer than three sites.
    sites = Sites(position, length, width, geometry, energy, radius)  # type: ignore[arg-type]
    if sites.n_sites < 3:
        raise ParameterError(
            f"position must hold at least 3 sites, got {sites.n_sites}; a triad needs three."
        )
    return sites


def critical_length(density: float) -> float:
    """Percolation length of random sites, l_c = 1.19847 / sqrt(n_s) [hopping].

    Random sites that are joined whenever they are closer than l_c just percolate; the letter
    rounds the number to 1.2. Source: pi r^2 n_s = 1.12808737 at the threshold of discs of radius
    r = l_c / 2 (Mertens and Moore, Phys. Rev. E 86, 061109 (2012)), so
    l_c sqrt(n_s) = 2 sqrt(1.12808737 / pi).

    Parameters
    ----------
    density : float
        Number of sites per area, n_s a_b^2.

    Returns
    -------
    float, in a_b
    """
    return PERCOLATION_RADIUS / float(np.sqrt(check_density(density)))
