"""Frozen records: arrays that nobody can write to, and one .npz file per record, never pickled."""

from __future__ import annotations

import contextlib
import math
import os
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np
import numpy.typing as npt

from hopnet.checks import path_of
from hopnet.errors import DataError
from hopnet.files import atomic_write

__all__ = ["is_owned", "load_arrays", "read_only", "save_arrays", "write_for_user"]

# A file may declare arrays of at most this many times its own size, and always SMALL bytes.
# `save_arrays` does not compress, so the sizes are equal there; numpy.savez_compressed reaches
# about 1000 on constant arrays only. A larger factor lets a small file fill the memory.
LARGEST_RATIO = 100
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
