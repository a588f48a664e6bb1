"""Readers: sites from tables (CSV, Parquet) and from extended XYZ files."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import pandas as pd

from hopnet.checks import instance_of, number, one_of, path_of
from hopnet.errors import DataError, ParameterError
from hopnet.network.sites import Sites, sites_from_positions

__all__ = ["LARGEST_FILE", "read_sites"]

# Largest file that is read, in bytes: about 2e7 sites as text. With a larger limit a wrong file
# could fill the memory before it is checked; a smaller one would refuse large samples.
LARGEST_FILE = 2_000_000_000


def read_sites(
    path: str | Path,
    *,
    length: float | None = None,
    width: float | None = None,
    geometry: str = "open",
    unit: float = 1.0,
    x: str = "x",
    y: str = "y",
    energy: str | None = None,
    radius: str | None = None,
) -> Sites:
    """Sites from a file: CSV, Parquet or extended XYZ.

    Parameters
    ----------
    path : path-like
        ``.csv`` (or ``.txt``, ``.dat``: columns separated by commas, semicolons or white space, the
        first line with the names), ``.parquet``, or ``.xyz`` with a ``Lattice`` and ``Properties``.
    length, width : float, optional
        Sides of the rectangle, in the unit of the file. Default: the first two vectors of the
        Lattice of an XYZ file; else the extent of the positions, widened by half a mean distance
        on every side.
    geometry : {"open", "cylinder", "torus"}
        Periodic geometries need the sides.
    unit : float
        The localisation radius a_b in the unit of the file: positions are divided by it.
    x, y : str
        Names of the columns with the positions.
    energy : str, optional
        Name of the column with the energies. Default: "energy" if there is one.
    radius : str, optional
        Name of the column with the localisation radius of each site, in the unit of the file.
        Default: "radius" if there is one; else all radii are a_b.

    Returns
    -------
    Sites
        In the order of the file. Where no sides are given, positions are shifted so that the
        rectangle begins at zero.

    Raises
    ------
    DataError
        If the file cannot be read or holds no such columns.
    ParameterError
        If sides or geometry do not fit the positions.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "sites.csv"
    >>> _ = path.write_text("x,y,energy\\n1,1,0.1\\n4,2,0.2\\n2,5,0.3\\n")
    >>> read_sites(path, length=6, width=6).n_sites
    3
    """
    one_of("geometry", geometry, ("open", "cylinder", "torus"))
    scale = number("unit", unit, low=0.0, above=True)
    path = path_of("path", path)
    for name, column in (("x", x), ("y", y), ("energy", energy), ("radius", radius)):
        if column is not None or name in ("x", "y"):
            instance_of(name, column, str, "give the name of a column")
    table, box = read_table(path)
    for name in (x, y):
        if name not in table.columns:
            raise DataError(
                f"{str(path)!r} has no column {name!r}, it has "
                f"{', '.join(map(str, table.columns))}; name the columns of the positions with x= "
                "and y=."
            )
    energy = optional_column(path, table, energy, "energy", "energies")
    radius = optional_column(path, table, radius, "radius", "localisation radii")
    columns = numeric_columns(path, table, [x, y, *(name for name in (energy, radius) if name)])
    position = np.stack([columns[x], columns[y]], axis=1)
    if length is None and width is None and box is not None:
        length, width = box
    if length is None or width is None:
        if geometry != "open":
            raise ParameterError(
                f"a {geometry} needs its sides, this file gives none; pass length= and width=."
            )
        position, length, width = framed(position, length, width)
    return sites_from_positions(
        position / scale,
        length=number("length", length, low=0.0, above=True) / scale,
        width=number("width", width, low=0.0, above=True) / scale,
        geometry=geometry,
        energy=None if energy is None else columns[energy],
        radius=None if radius is None else columns[radius] / scale,
    )


def optional_column(
    path: Path, table: pd.DataFrame, name: str | None, usual: str, what: str
) -> str | None:
    """The name of a column that may be left out: the one given, else the usual one if it exists."""
    if name is not None and name not in table.columns:
        raise DataError(f"{str(path)!r} has no column {name!r}; name that of the {what}.")
    return usual if name is None and usual in table.columns else name


def framed(
    position: np.ndarray, length: float | None, width: float | None
) -> tuple[np.ndarray, float, float]:
    """Positions and sides of a rectangle around them, half a mean distance wider on each side."""
    low, high = position.min(axis=0), position.max(axis=0)
    span = np.maximum(high - low, 1e-300)
    margin = 0.5 * np.sqrt(span[0] * span[1] / max(position.shape[0], 1))
    moved = position - low + margin
    sides = span + 2.0 * margin
    return (
        moved,
        float(sides[0] if length is None else length),
        float(sides[1] if width is None else width),
    )


def read_table(path: Path) -> tuple[pd.DataFrame, tuple[float, float] | None]:
    """The table of a file, and the sides of its box if the file gives them."""
    try:
        size = path.stat().st_size
        if size > LARGEST_FILE:
            raise DataError(
                f"{str(path)!r} has {size / 1e9:.1f} GB, at most {LARGEST_FILE / 1e9:.0f} GB are "
                "read; store it as Parquet with the columns that are needed."
            )
        if path.suffix == ".parquet":
            return pd.read_parquet(path), None
        if path.suffix == ".xyz":
            return read_xyz(path)
        if path.suffix in (".csv", ".txt", ".dat"):
            return pd.read_csv(path, sep=None, engine="python", skipinitialspace=True), None
    except FileNotFoundError:
        raise DataError(f"there is no file {str(path)!r}; check the path.") from None
    except (OSError, ValueError, csv.Error, pd.errors.ParserError) as failure:
        raise DataError(
            f"{str(path)!r} is not a readable table of sites ({failure}); correct it there."
        ) from failure
    raise DataError(
        f"a file of sites must end in .csv, .txt, .dat, .parquet or .xyz, got {path.suffix!r}; "
        "rename it."
    )


def numeric_columns(path: Path, table: pd.DataFrame, names: list[str]) -> dict[str, np.ndarray]:
    """The named columns as finite floats."""
    out = {}
    for name in names:
        values = pd.to_numeric(table[name], errors="coerce").to_numpy(dtype=np.float64)
        wrong = np.flatnonzero(~np.isfinite(values))
        if wrong.size:
            raise DataError(
                f"{str(path)!r}: column {name!r} must hold finite numbers, row {int(wrong[0]) + 1} "
                f"holds {table[name].iloc[int(wrong[0])]!r}; correct it there."
            )
        out[name] = values
    return out


def read_xyz(path: Path) -> tuple[pd.DataFrame, tuple[float, float] | None]:
    """The first frame of an extended XYZ file: x, y (z left out) and the other columns."""
    with path.open(encoding="utf-8") as file:
        first = file.readline().strip()
        comment = file.readline()
        if not first.isdigit():
            raise ValueError(f"its first line must be the number of sites, got {first!r}")
        n = int(first)
        rows = [line.split() for line, _ in zip(file, range(n))]
    if len(rows) < n:
        raise ValueError(f"it states {n} sites but holds {len(rows)}")
    names = xyz_columns(comment, len(rows[0]) if rows else 4)
    if any(len(row) < len(names) for row in rows):
        raise ValueError(f"every line must have {len(names)} columns")
    table = pd.DataFrame([row[: len(names)] for row in rows], columns=names)
    lattice = re.search(r'Lattice="([^"]*)"', comment)
    if lattice is None:
        return table, None
    cell = [float(word) for word in lattice[1].split()]
    if len(cell) != 9 or cell[1] != 0.0 or cell[3] != 0.0:
        raise ValueError("its Lattice must be a rectangle along x and y")
    return table, (cell[0], cell[4])


def xyz_columns(comment: str, n_columns: int) -> list[str]:
    """Names of the columns from the Properties of an extended XYZ file; default: species x y z."""
    properties = re.search(r"Properties=(\S+)", comment)
    if properties is None:
        return ["species", "x", "y", "z", *(f"column_{k}" for k in range(5, n_columns + 1))]
    parts = properties[1].split(":")
    names: list[str] = []
    for name, _, count in zip(parts[::3], parts[1::3], parts[2::3]):
        if name == "pos":
            names += ["x", "y", "z"][: int(count)]
        elif int(count) == 1:
            names.append(name)
        else:
            names += [f"{name}_{k}" for k in range(1, int(count) + 1)]
    return names
