"""Sites: where electrons can sit."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from hopnet.constants import PERCOLATION_RADIUS
from hopnet.errors import ParameterError, ValidityWarning
from hopnet.kernels.neighbours import mark_apart
from hopnet.records import load_arrays, read_only, save_arrays
from hopnet.seeds import Seed, random_stream

if TYPE_CHECKING:
    pass

GEOMETRIES = ("open", "cylinder", "torus")
JAMMING = 0.6966  # n d^2 at which random sequential discs jam: coverage 0.5471 / (pi/4)


@dataclass(frozen=True, eq=False)
class Sites:
    """Sites in a rectangle; lengths in units of the localisation radius a_b.

    Attributes
    ----------
    position : float64[n_sites, 2]
        x along the length (usually the current), y along the width.
    length, width : float
        Sides of the rectangle.
    geometry : {"open", "cylinder", "torus"}
        Hard edges; periodic in y; periodic in both.
    energy : float64[n_sites] or None
        Site energies, in the unit in which kT will be given.
    """

    position: np.ndarray
    length: float
    width: float
    geometry: str = "open"
    energy: np.ndarray | None = None

    @property
    def n_sites(self) -> int:
        """Number of sites, contacts and isolated ones included."""
        return self.position.shape[0]

    @property
    def density(self) -> float:
        """Sites per area, n_s a_b^2."""
        return self.n_sites / (self.length * self.width)

    @property
    def period(self) -> tuple[float, float]:
        """(x, y) after which the plane repeats; 0 along an axis with hard edges."""
        return (
            self.length if self.geometry == "torus" else 0.0,
            self.width if self.geometry != "open" else 0.0,
        )

    def to_frame(self) -> pd.DataFrame:
        """A DataFrame with columns x, y and, if there are energies, energy."""
        frame = pd.DataFrame({"x": self.position[:, 0], "y": self.position[:, 1]})
        return frame if self.energy is None else frame.assign(energy=self.energy)

    def save(self, path: str | Path) -> None:
        """Write to one .npz file."""
        save_arrays(path, "Sites", vars(self))

    @classmethod
    def load(cls, path: str | Path) -> Sites:
        """Read what `save` wrote."""
        stored = load_arrays(path, "Sites")
        return sites_from_positions(
            stored["position"],
            length=float(stored["length"]),
            width=float(stored["width"]),
            geometry=str(stored["geometry"]),
            energy=stored.get("energy"),
        )


def check_geometry(geometry):
    """Raise unless ``geometry`` is one of the three names."""
    if geometry not in GEOMETRIES:
        raise ParameterError(
            f"geometry must be one of {', '.join(GEOMETRIES)}, got {geometry!r}; choose one."
        )


def check_density(density):
    """Raise unless positive; warn above 0.1, where a_b is no longer short beside the distances."""
    if not (np.isfinite(density) and density > 0):
        raise ParameterError(
            f"density (n_s a_b^2) must be a positive number, got {density!r}; "
            "hopping conduction is meant for 0.0005 to 0.1."
        )
    if density > 0.1:
        warnings.warn(
            f"density n_s a_b^2 = {density:g} is above 0.1: the states of neighbouring sites "
            "overlap and hopping between separate sites is a rough picture.",
            ValidityWarning,
            stacklevel=3,
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
    """Uniformly random sites.

    Parameters
    ----------
    n_sites : int
        At least 3.
    density : float
        n_s a_b^2.
    seed : int, numpy.random.SeedSequence or numpy.random.Generator
        Integers and sequences start a Philox generator. There is no default: a sample that
        cannot be thrown again is of no use.
    aspect : float
        length / width.
    geometry : {"open", "cylinder", "torus"}
    min_distance : float, in a_b
        Hard core: sites closer than this to an earlier one are thrown again (random sequential
        addition, which jams at ``density * min_distance**2`` = 0.697; 90 % of it are allowed).

    Returns
    -------
    Sites
        Numbered along a space-filling (Morton) curve, so that neighbours are near in memory.

    Raises
    ------
    ParameterError
        If a number is out of its range.

    Examples
    --------
    >>> sites = random_sites(1000, density=0.01, seed=7)
    >>> round(sites.length, 3), sites.geometry
    (316.228, 'open')
    """
    check_geometry(geometry)
    check_density(density)
    if not n_sites >= 3 or int(n_sites) != n_sites:
        raise ParameterError(
            f"n_sites must be a whole number of at least 3 (a triad), got {n_sites!r}; throw more."
        )
    if not (np.isfinite(aspect) and aspect > 0):
        raise ParameterError(f"aspect (length / width) must be positive, got {aspect!r}; try 1.")
    if not (min_distance >= 0.0 and density * min_distance**2 <= 0.9 * JAMMING):
        raise ParameterError(
            f"density * min_distance^2 must lie in 0 .. {0.9 * JAMMING:.3f} (random discs jam "
            f"soon after), got {density * min_distance**2:.3f}; take a smaller min_distance."
        )
    n_sites = int(n_sites)
    width = float(np.sqrt(n_sites / (density * aspect)))
    length = aspect * width
    seed = random_stream(seed)
    sites = Sites(np.empty((0, 2)), length, width, geometry)
    if min_distance > 0.0:
        position = distant_positions(sites, n_sites, min_distance, seed)
    else:
        position = seed.random((n_sites, 2)) * (length, width)
    position = position[np.argsort(morton_code(position, length, width), kind="stable")]
    return Sites(read_only(position), length, width, geometry)


def distant_positions(sites, n_sites, min_distance, generator):
    """Positions thrown one by one, each at least ``min_distance`` from all before it."""
    size = np.array([sites.length, sites.width])
    n_x, n_y = np.maximum((size // min_distance).astype(int), 1)
    if n_sites < 9 or min(n_x, n_y) < 3:
        raise ParameterError(
            f"min_distance must be below a third of the sample's sides {size}, got "
            f"{min_distance!r}; throw more sites or take a smaller distance."
        )
    kept = np.empty((0, 2))
    while kept.shape[0] < n_sites:
        offered = np.concatenate([kept, generator.random((n_sites, 2)) * size])
        out = np.empty(offered.shape[0], np.bool_)
        out[: kept.shape[0]] = True
        head = np.full(n_x * n_y, -1)
        following = np.full(offered.shape[0], -1)
        mark_apart(
            offered,
            0,
            n_x,
            n_y,
            size / (n_x, n_y),
            *sites.period,
            float(min_distance),
            head,
            following,
            out,
        )
        kept = offered[out]
    return kept[:n_sites]


def morton_code(position, length, width):
    """Place of each position on a Morton curve through a grid of 2^16 x 2^16 cells."""
    cell = np.clip(position / (length, width) * 65536, 0, 65535).astype(np.uint64)
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
        Sites along x and rows along y. A triangular lattice that wraps in y needs even n_y.
    spacing : float, in a_b
        Distance of nearest neighbours.
    geometry : {"open", "cylinder", "torus"}

    Returns
    -------
    Sites
        In a rectangle of n_x n_y cells; every site sits in the middle of its own cell.
    """
    check_geometry(geometry)
    if kind not in ("square", "triangular"):
        raise ParameterError(f"kind must be 'square' or 'triangular', got {kind!r}; choose one.")
    if not (n_x >= 1 and n_y >= 1 and n_x * n_y >= 3):
        raise ParameterError(f"a lattice needs at least 3 sites, got {n_x} x {n_y}; take more.")
    if not (np.isfinite(spacing) and spacing > 0):
        raise ParameterError(f"spacing must be positive, got {spacing!r}; give it in a_b.")
    if kind == "triangular" and geometry != "open" and n_y % 2:
        raise ParameterError(f"a triangular lattice that wraps needs even n_y, got {n_y}; add one.")
    row, column = np.divmod(np.arange(n_x * n_y), n_x)
    height = spacing if kind == "square" else spacing * np.sqrt(3) / 2
    offset = 0.5 if kind == "square" else 0.25 + 0.5 * (row % 2)
    position = np.stack([(column + offset) * spacing, (row + 0.5) * height], axis=1)
    sites = Sites(read_only(position), n_x * spacing, float(n_y * height), geometry)
    check_density(sites.density)
    return sites


def sites_from_positions(
    position: ArrayLike | pd.DataFrame,
    *,
    length: float,
    width: float,
    geometry: str = "open",
    energy: ArrayLike | None = None,
) -> Sites:
    """A user's own sites.

    Parameters
    ----------
    position : array_like[n_sites, 2] or DataFrame with columns x, y (and energy)
        In a_b, inside the rectangle ``0 .. length`` by ``0 .. width``.
    length, width : float
        Sides of the rectangle; N / (length width) is the density that f refers to.
    geometry : {"open", "cylinder", "torus"}
    energy : array_like[n_sites], optional
        Taken from the DataFrame if it has such a column.

    Returns
    -------
    Sites
        In the order given.

    Raises
    ------
    ParameterError
        Fewer than 3 sites, positions that are not finite or lie outside, wrong shapes.
    """
    check_geometry(geometry)
    if isinstance(position, pd.DataFrame):
        missing = {"x", "y"} - set(position.columns)
        if missing:
            raise ParameterError(
                f"a table of sites needs columns x and y, lacks {sorted(missing)}; rename them."
            )
        if energy is None and "energy" in position.columns:
            energy = position["energy"].to_numpy()
        position = position[["x", "y"]].to_numpy()
    position = np.asarray(position, dtype=np.float64)
    if position.ndim != 2 or position.shape[1] != 2 or position.shape[0] < 3:
        raise ParameterError(
            f"positions must be an array [n_sites, 2] with at least 3 sites, got shape "
            f"{position.shape}; give one row (x, y) per site."
        )
    for name, side in (("length", length), ("width", width)):
        if not (np.isfinite(side) and side > 0):
            raise ParameterError(f"{name} must be positive, got {side!r}; give it in a_b.")
    if not np.all(np.isfinite(position)):
        bad = int(np.flatnonzero(~np.isfinite(position).all(axis=1))[0])
        raise ParameterError(
            f"positions must be finite numbers, site {bad} has {position[bad]}; remove or mend it."
        )
    if np.any(position < 0) or np.any(position > (length, width)):
        raise ParameterError(
            f"positions must lie in 0 .. {length:g} by 0 .. {width:g}, they span "
            f"{position.min(axis=0)} to {position.max(axis=0)}; shift them or enlarge the sides."
        )
    if energy is not None:
        energy = read_only(energy)
        if energy.shape != position.shape[:1] or not np.all(np.isfinite(energy)):
            raise ParameterError(
                f"energy must hold one finite number for each of the {position.shape[0]} sites, "
                f"got shape {energy.shape}; mend the array."
            )
    sites = Sites(read_only(position), float(length), float(width), geometry, energy)
    check_density(sites.density)
    return sites


def critical_length(density: float) -> float:
    """Percolation length of random sites, l_c = 1.19847 / sqrt(n_s) [hopping].

    Sites joined whenever they are closer than l_c just percolate; the letter rounds to 1.2.
    Source: 4 r^2 n_s pi / 4 = 1.12808737 at threshold (Mertens and Moore, Phys. Rev. E 86,
    061109 (2012)), so l_c sqrt(n_s) = 2 sqrt(1.12808737 / pi).
    """
    return PERCOLATION_RADIUS / np.sqrt(density)
