"""Textures in files: one ``.npz`` per texture, checked before any of its arrays is allocated."""

from __future__ import annotations

import dataclasses
import math
import os
import zipfile
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hopnet.checks import shown
from hopnet.errors import ParameterError
from hopnet.pumping.inputs import instance
from hopnet.pumping.texture import PeriodicTexture, RigidTexture, Texture, TimeSeries
from hopnet.records import save_arrays

__all__ = ["load_texture", "save_texture"]

# Bytes that the arrays of one file may take in memory, 4 GiB. It is as much as the largest grid
# that the textures themselves accept; a larger limit would let a small compressed file fill the
# memory of the machine.
MOST_BYTES = 2**32
# Largest ratio of the size in memory to the size of the file. A compressed texture that is uniform
# over most of its box reaches some 200; a file that was made to exhaust memory exceeds 1000.
MOST_EXPANSION = 500
# Files below this size in memory (16 MiB) are loaded whatever their compression.
ALWAYS_LOADED = 2**24


class Form(NamedTuple):
    """Arrays in a file of one kind of texture: type and number of axes, by name.

    Attributes
    ----------
    make : class
        The texture that the arrays make.
    needed, optional : dict of str to tuple of str and tuple of int
        Kinds of NumPy type allowed, and the numbers of axes allowed.
    """

    make: type
    needed: dict[str, tuple[str, tuple[int, ...]]]
    optional: dict[str, tuple[str, tuple[int, ...]]]


NUMBER, LIST, CENTRED = ("iuf", (0,)), ("iuf", (0, 1)), ("b", (0,))
SPIN = ("iuf", (3, 4, 5))
FORMS = (
    Form(
        RigidTexture,
        {"plus": ("iufc", (1, 2, 3)), "z": ("iuf", (1, 2, 3)), "lengths": LIST},
        {"frequency": NUMBER, "velocity": LIST, "cell_centred": CENTRED},
    ),
    Form(
        PeriodicTexture,
        {"spin": SPIN, "lengths": LIST, "period": NUMBER},
        {"cell_centred": CENTRED},
    ),
    Form(TimeSeries, {"spin": SPIN, "lengths": LIST, "time": ("iuf", (1,))}, {"rate": SPIN}),
)


def save_texture(path: str | os.PathLike, texture: Texture) -> None:
    """Write a texture to one ``.npz`` file, completely or not at all.

    Parameters
    ----------
    path : path-like
        Name of the file.
    texture : RigidTexture, PeriodicTexture or TimeSeries
        What is written.

    Raises
    ------
    ParameterError
        If `texture` is not a texture, or the file cannot be written.
    """
    instance("path", path, (str, os.PathLike), "give the name of a file")
    instance("texture", texture, (RigidTexture, PeriodicTexture, TimeSeries), "build one first")
    arrays = {field.name: getattr(texture, field.name) for field in dataclasses.fields(texture)}
    try:
        save_arrays(Path(path), type(texture).__name__, arrays)
    except (OSError, ValueError) as failure:
        raise ParameterError(
            f"{str(path)!r} cannot be written ({failure}); give a file in a folder that exists."
        ) from None


def load_texture(path: str | os.PathLike) -> Texture:
    """Read a texture from a file of `save_texture`, or any ``.npz`` with the same names.

    A file made by hand holds ``lengths`` and either ``plus``, ``z`` (with ``frequency``,
    ``velocity``), or ``spin`` with ``period`` or with ``time`` (and ``rate``). ``cell_centred`` may
    be added, see `RigidTexture`.

    Parameters
    ----------
    path : path-like
        Name of the file.

    Returns
    -------
    RigidTexture, PeriodicTexture or TimeSeries

    Raises
    ------
    ParameterError
        If the file cannot be read, holds other names, types or numbers of axes, or is too large
        for memory.
    """
    instance("path", path, (str, os.PathLike), "give the name of a file")
    try:
        with zipfile.ZipFile(path) as archive:
            found = {name: described(archive, name) for name in archive.namelist()}
            form = form_of(path, found)
            refuse_bomb(path, found)
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files if name != "kind"}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as failure:
        if isinstance(failure, ParameterError):
            raise
        raise unreadable(path, failure) from None
    except (KeyError, NotImplementedError, RuntimeError, MemoryError, SyntaxError) as failure:
        raise unreadable(path, failure) from None  # damaged headers, encryption, odd compression
    plain = {name: a.item() if a.ndim == 0 else a for name, a in arrays.items()}
    return form.make(**plain)


def unreadable(path: str | os.PathLike, failure: BaseException) -> ParameterError:
    """The error for a file that is not an undamaged ``.npz`` file."""
    return ParameterError(
        f"{str(path)!r} must be a readable .npz file, got {type(failure).__name__} "
        f"({failure}); save the texture again with save_texture or numpy.savez."
    )


class Described(NamedTuple):
    """Type, shape and bytes in memory of one array of a file, from its header alone."""

    dtype: np.dtype
    shape: tuple[int, ...]
    bytes: int


def described(archive: zipfile.ZipFile, name: str) -> Described:
    """Read the header of one array of a file, and nothing of its data."""
    if not name.endswith(".npy"):
        raise ValueError(f"it holds {shown(name)}, which is no array")
    with archive.open(name) as member:
        version = np.lib.format.read_magic(member)
        if version == (1, 0):
            shape, _, dtype = np.lib.format.read_array_header_1_0(member)
        elif version == (2, 0):
            shape, _, dtype = np.lib.format.read_array_header_2_0(member)
        else:
            raise ValueError(f"{shown(name)} has format version {version}")
    size = math.prod(shape) * dtype.itemsize
    if size > archive.getinfo(name).file_size:
        raise ValueError(f"{shown(name)} is shorter than its header says")
    return Described(dtype, shape, size)


def form_of(path: str | os.PathLike, found: dict[str, Described]) -> Form:
    """The kind of texture that a file holds, or the sentence that says why it holds none."""
    arrays = {name.removesuffix(".npy"): what for name, what in found.items()}
    kind = arrays.pop("kind", None)
    if kind is not None and kind.dtype.kind != "U":
        raise ParameterError(
            f"'kind' in {str(path)!r} must be a text, got type {kind.dtype}; leave it out."
        )
    for form in FORMS:
        allowed = form.needed | form.optional
        if not set(form.needed) <= set(arrays) <= set(allowed):
            continue
        for name, what in arrays.items():
            kinds, axes = allowed[name]
            if what.dtype.kind not in kinds or len(what.shape) not in axes:
                raise ParameterError(
                    f"{name!r} in {str(path)!r} must hold "
                    f"{'True or False' if kinds == 'b' else 'numbers'} on "
                    f"{' or '.join(map(str, axes))} axes, got type {what.dtype} and shape "
                    f"{what.shape}; save it in this form."
                )
        return form
    raise ParameterError(
        f"{str(path)!r} must hold lengths with plus and z, or spin and period, or spin and time, "
        f"got {sorted(arrays)}; rename its arrays."
    )


def refuse_bomb(path: str | os.PathLike, found: dict[str, Described]) -> None:
    """Refuse a file whose arrays would take far more memory than a texture can need."""
    size = sum(what.bytes for what in found.values())
    allowed = min(MOST_BYTES, max(ALWAYS_LOADED, MOST_EXPANSION * Path(path).stat().st_size))
    if size > allowed:
        raise ParameterError(
            f"the arrays of {str(path)!r} must take at most {allowed / 1e6:.0f} MB, "
            f"got {size / 1e6:.0f} MB; save the texture uncompressed on a coarser grid."
        )
