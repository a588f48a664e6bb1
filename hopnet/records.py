"""Frozen records: arrays that nobody can write to, and one .npz file per record, never pickled."""

from __future__ import annotations

import contextlib
import dataclasses
import html
import importlib
import math
import os
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO, ClassVar

import numpy as np
import numpy.typing as npt

from hopnet.checks import array_of, path_of, site_numbers
from hopnet.errors import DataError, HopnetError, ParameterError
from hopnet.files import atomic_write

if TYPE_CHECKING:
    import pandas as pd
    import xarray

__all__ = [
    "Record",
    "is_owned",
    "load_arrays",
    "owned_numbers",
    "owned_values",
    "read_only",
    "save_arrays",
    "write_for_user",
]

# A file may declare arrays of at most this many times its own size, and always SMALL bytes.
# `save_arrays` does not compress, so the sizes are equal there; numpy.savez_compressed reaches
# about 1000 on constant arrays only. A larger factor lets a small file fill the memory.
LARGEST_RATIO = 100
# Longest text of a record, in characters: two lines of a terminal.
LONGEST_LINE = 160
SMALL = 64_000_000

# Exceptions of zipfile, zlib, numpy and the system for a file that is not a valid archive of
# arrays.
UNREADABLE = (
    OSError,
    ValueError,
    TypeError,
    KeyError,
    EOFError,
    OverflowError,
    MemoryError,
    SyntaxError,
    RecursionError,
    NotImplementedError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
)


# Single numbers of a record, as they go into a table.
SINGLE = (bool, int, float, complex, str, np.generic)
# Rows that have a number and no coordinate of their own.
NUMBERED = (
    "site",
    "link",
    "triad",
    "cluster",
    "merger",
    "mode",
    "point",
    "window",
    "negative_link",
    "backbone_link",
)


class Memory:
    """The memory of an array that `read_only` made. No other object can write to it."""

    def __init__(self, values: np.ndarray):
        self.values = values
        address = values.__array_interface__["data"][0]
        self.__array_interface__ = values.__array_interface__ | {"data": (address, True)}


def is_owned(array: Any, dtype: npt.DTypeLike = np.float64) -> bool:
    """Whether an array is one that `read_only` made, of this type: then it cannot change."""
    return (
        type(array) is np.ndarray
        and type(array.base) is Memory
        and not array.flags.writeable
        and array.flags.c_contiguous
        and array.dtype == np.dtype(dtype)
    )


def read_only(
    array: npt.ArrayLike, dtype: npt.DTypeLike = np.float64, *, copy: bool = True
) -> np.ndarray:
    """A C-contiguous array of ``dtype`` that nobody can write to.

    Parameters
    ----------
    array : array_like
        The values. An array that `read_only` made is returned as it is.
    dtype : numpy dtype
        The type of the elements.
    copy : bool
        False only where the caller has just made ``array`` and keeps no other reference to it.
        By default the values are copied, so that a later change of ``array`` changes nothing.

    Returns
    -------
    ndarray
    """
    if is_owned(array, dtype):
        return array  # type: ignore[return-value]
    return np.asarray(Memory(np.array(array, dtype=dtype, order="C", copy=True if copy else None)))


def owned_numbers(name: str, value: Any, n: int, hint: str) -> np.ndarray:
    """Site numbers as a read-only array; one that is owned already is checked and kept.

    Parameters
    ----------
    name : str
        The name of the argument, as the user wrote it.
    value : array_like
        Site numbers.
    n : int
        Number of sites.
    hint : str
        What to do, for the message.
    """
    if is_owned(value, np.int64) and value.ndim == 1:
        inside = value.size == 0 or (value.min() >= 0 and value.max() < n)
        if inside:
            return value
    return read_only(site_numbers(name, value, n, hint), np.int64, copy=False)


def owned_values(name: str, value: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Finite numbers as a read-only array; one that is owned already is checked and kept."""
    checked = array_of(name, value, shape=shape, empty=True, hint="give finite logarithms")
    return value if is_owned(value) else read_only(checked, copy=False)


class Record:
    """Base of the records: one line as text, a small table in notebooks, a DataFrame of the arrays.

    A class derives from it and is made a frozen dataclass. It may define ``describe``, the text
    after its name; by default that is its numbers and the shapes of its arrays. A class with arrays
    states in ``table_row`` what a row of its table is ("site", "link", "time" ...), and in
    ``table_columns`` which arrays are the columns.
    """

    table_row: ClassVar[str] = ""
    table_columns: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "__repr__" not in cls.__dict__:  # a dataclass keeps what the class itself has
            cls.__repr__ = Record.__repr__  # type: ignore[method-assign]

    def describe(self) -> str:
        """What the record holds, in one line."""
        return ", ".join(f"{name} {text}" for name, text in self.in_words() if text)

    def in_words(self) -> list[tuple[str, str]]:
        """Name and short text of each field, nested records left out."""
        fields = dataclasses.fields(self)  # type: ignore[arg-type]
        found = [(field.name, getattr(self, field.name)) for field in fields]
        return [(name, in_short(value)) for name, value in found if not isinstance(value, Record)]

    def __repr__(self) -> str:
        text = self.describe()
        if len(text) > LONGEST_LINE:
            text = f"{text[: LONGEST_LINE - 4]} ..."
        return f"<{type(self).__name__}: {text}>"

    def _repr_html_(self) -> str:
        """The table that a notebook shows."""
        cells = "".join(
            f"<tr><th style='text-align:left'>{html.escape(name)}</th>"
            f"<td style='text-align:left'>{html.escape(text)}</td></tr>"
            for name, text in self.in_words()
            if text
        )
        return f"<p><b>{type(self).__name__}</b></p><table>{cells}</table>"

    def plot(self, *, slab: Any = None) -> Any:
        """The picture of this record; a ParameterError if its kind has none.

        Samples in space are projected along z, and what lies at the back fades.

        Parameters
        ----------
        slab : (float, float), a_b, optional
            Draw only what lies between these two heights z: a slice of a sample in space. Of
            sites, networks, currents and clusters.

        Returns
        -------
        matplotlib Figure
            A notebook shows it; ``figure.savefig(path)`` writes it.
        """
        # The plots lie above the records, and need Matplotlib, which nothing else does.
        return importlib.import_module("hopnet.plots.records").plot_record(self, slab=slab)

    def to_frame(self) -> pd.DataFrame:
        """A DataFrame with one row per ``table_row`` of the class, or one row of single numbers.

        Rows that are sites or links begin with x and y, or with i and j. Columns of vectors in
        space end with _x, _y, _z; other arrays of two or more axes have numbered columns.

        Raises
        ------
        ParameterError
            If the class holds arrays and does not state what a row is.
        """
        import pandas as pd

        fields = dataclasses.fields(self)  # type: ignore[arg-type]
        values = {field.name: getattr(self, field.name) for field in fields}
        if not self.table_columns:
            held = [k for k, v in values.items() if isinstance(v, np.ndarray) and v.ndim]
            if held:
                raise ParameterError(
                    f"a {type(self).__name__} has no table, because its arrays ({', '.join(held)}) "
                    "have no rows in common; take them one by one."
                )
            return pd.DataFrame([{k: v for k, v in values.items() if isinstance(v, SINGLE)}])
        columns = columns_of_network(values.get("network"), self.table_row)
        for name in self.table_columns:
            if values[name] is not None:
                columns |= columns_of_array(name, np.asarray(values[name]))
        return pd.DataFrame(columns)

    def to_xarray(self) -> xarray.Dataset:
        """An xarray Dataset: one dimension, the ``table_row`` of the class; needs xarray.

        The first column of a curve is the coordinate (``tau_s``, ``field``, ``time`` ...), of sites
        and links it is their number. Single numbers are in ``attrs``.

        Raises
        ------
        HopnetError
            If xarray is not installed.
        ParameterError
            If the record has no table.
        """
        frame = self.to_frame()
        row = self.table_row or "row"
        try:
            from xarray import Dataset
        except ImportError:
            raise HopnetError(
                "to_xarray needs the package xarray; install it (pip install xarray), or take "
                "to_frame."
            ) from None
        first = str(frame.columns[0])
        numbered = row in NUMBERED or not self.table_columns
        at = np.arange(len(frame)) if numbered else frame[first].to_numpy()
        dimension = row if numbered else first
        data = {str(k): (dimension, frame[k].to_numpy()) for k in frame if numbered or k != first}
        fields = dataclasses.fields(self)  # type: ignore[arg-type]
        single = {field.name: getattr(self, field.name) for field in fields}
        attrs = {k: v for k, v in single.items() if isinstance(v, SINGLE)}
        return Dataset(data, coords={dimension: at}, attrs=attrs | {"record": type(self).__name__})


def columns_of_network(network: Any, row: str) -> dict[str, np.ndarray]:
    """The columns that say which site or link a row is; none if the rows are something else."""
    if network is not None and row == "site":
        return dict(zip(network.sites.axes, network.sites.position.T))
    if network is not None and row == "link":
        return {"i": network.link_i, "j": network.link_j}
    return {}


def columns_of_array(name: str, array: np.ndarray) -> dict[str, np.ndarray]:
    """The columns of one array, whose first axis is the rows."""
    if array.ndim == 1:
        return {name: array}
    flat = array.reshape(array.shape[0], -1)
    width = flat.shape[1]
    vector = array.ndim == 2 and width in (2, 3) and array.dtype.kind == "f"
    ends = "xyz"[:width] if vector else [str(k) for k in range(width)]
    return {f"{name}_{end}": flat[:, k] for k, end in enumerate(ends)}


def in_short(value: Any) -> str:
    """A value of a field in a few words; nothing for None, functions and the like."""
    if isinstance(value, np.ndarray) and value.ndim:
        shape = f"{value.dtype}[{', '.join(map(str, value.shape))}]"
        real = value.dtype.kind == "f" and value.size
        if not real or not np.all(np.isfinite(value)):
            return shape
        return f"{shape} from {value.min():.4g} to {value.max():.4g}"
    if isinstance(value, bool | np.bool_ | int | np.integer | str):
        return str(value)
    if isinstance(value, float | np.floating | complex | np.complexfloating):
        return f"{value:.6g}"
    if isinstance(value, tuple) and value and all(isinstance(v, int | float) for v in value):
        return f"({', '.join(f'{v:.6g}' for v in value)})" if len(value) <= 6 else ""
    return ""


def save_arrays(path: str | Path, kind: str, arrays: dict[str, Any]) -> None:
    """Write named arrays to one ``.npz`` file, atomically.

    Parameters
    ----------
    path : path-like
        Name of the file, used as it is given; ``.npz`` is customary.
    kind : str
        Name of the record. `load_arrays` checks it.
    arrays : dict of str to array_like
        Plain numbers, texts and arrays. Entries that are None are left out.
    """
    present = {name: np.asarray(value) for name, value in arrays.items() if value is not None}
    for name, value in present.items():
        if value.dtype == object:
            raise TypeError(f"{kind}.{name} is not a plain array")
    with write_for_user(path) as file:
        np.savez(file, allow_pickle=False, kind=np.asarray(kind), **present)


@contextlib.contextmanager
def write_for_user(path: str | Path) -> Iterator[BinaryIO]:
    """`atomic_write` to a path that a user has given: what fails is one sentence.

    Parameters
    ----------
    path : path-like
        Name of the file, used as it is given.

    Yields
    ------
    binary file object

    Raises
    ------
    ParameterError
        If ``path`` is not the name of a file.
    DataError
        If the file cannot be written there.
    """
    path = path_of("path", path)
    if path.is_dir():
        raise DataError(f"{shorten(path)!r} is a folder; give the name of a file in it.")
    try:
        with atomic_write(path) as file:
            yield file
    except OSError as failure:
        raise DataError(
            f"{shorten(path)!r} cannot be written ({failure.strerror or failure}); choose a folder "
            "that exists and has room."
        ) from failure


def load_arrays(
    path: str | Path,
    kind: str,
    *,
    required: tuple[str, ...] | None = None,
    optional: tuple[str, ...] = (),
) -> dict[str, np.ndarray]:
    """Read a file written by `save_arrays`.

    Parameters
    ----------
    path : path-like
        Name of the file.
    kind : str
        The record that the file must hold.
    required, optional : tuples of str
        The names that the file must hold and may hold. By default any name is allowed.

    Returns
    -------
    dict of str to ndarray

    Raises
    ------
    DataError
        If there is no such file, it is damaged, declares more data than it can hold, holds another
        record, lacks a name or holds an unknown one.
    """
    path = path_of("path", path)
    try:
        with open(path, "rb") as file:
            check_archive(file)
            file.seek(0)
            with np.load(file, allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
        if not all(isinstance(value, np.ndarray) for value in arrays.values()):
            raise ValueError("a member is not an array")
    except FileNotFoundError:
        raise DataError(
            f"there is no file {shorten(path)!r}; give the file of a saved {kind}."
        ) from None
    except UNREADABLE as failure:
        text = " ".join(str(failure).split())[:200] or type(failure).__name__
        raise DataError(
            f"{shorten(path)!r} is not a readable {kind} file ({text}); save the {kind} again."
        ) from failure
    found = shorten(arrays.pop("kind", "nothing known"))
    if found != kind:
        raise DataError(
            f"{shorten(path)!r} must hold a {kind}, it holds a {found}; load it as what it is."
        )
    if required is not None:
        missing = sorted(set(required) - set(arrays))
        extra = sorted(set(arrays) - set(required) - set(optional))
        if missing or extra:
            fault = f"lacks {', '.join(missing)}" if missing else f"also holds {', '.join(extra)}"
            raise DataError(
                f"{shorten(path)!r} must hold the arrays of a {kind}, it {fault}; save it again."
            )
    return arrays


def shorten(value: Any) -> str:
    """A text of one line and at most 200 characters."""
    try:
        text = " ".join(str(value).split())
    except (UnicodeError, ValueError):
        text = f"a {type(value).__name__}"
    return text if len(text) <= 200 else f"{text[:190]} ..."


def check_archive(file: IO[bytes]) -> None:
    """Raise before any array is allocated, unless the declared sizes fit the file.

    Every member of the archive is one array with a header that says its type and shape. The header
    must agree with the size that the archive declares for the member.
    """
    size = os.fstat(file.fileno()).st_size
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        declared = sum(member.file_size for member in members)
        if declared > max(SMALL, LARGEST_RATIO * size):
            raise ValueError(
                f"{size} bytes that claim to hold {declared}, at most {LARGEST_RATIO} times as "
                "many are allowed"
            )
        if len({member.filename for member in members}) < len(members):
            raise ValueError("a name stands twice")
        for member in members:
            with archive.open(member) as stream:
                check_member(stream, member)


def check_member(stream: IO[bytes], member: zipfile.ZipInfo) -> None:
    """Raise unless one member is a plain array of just the declared size."""
    version = np.lib.format.read_magic(stream)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if read is None:
        raise ValueError(f"{member.filename} has the unknown format {version}")
    shape, _, dtype = read(stream)
    if dtype.hasobject or dtype.names or dtype.subdtype:
        raise ValueError(f"{member.filename} is not a plain array")
    header = stream.tell()
    if any(side < 0 for side in shape) or (
        header + math.prod(shape) * dtype.itemsize != member.file_size
    ):
        raise ValueError(f"{member.filename} does not have the size that its header declares")
