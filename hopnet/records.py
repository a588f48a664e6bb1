"""Frozen records: read-only arrays in, one .npz file out, nothing pickled."""

from __future__ import annotations

import numpy as np

from hopnet.errors import DataError
from hopnet.files import atomic_write


def read_only(array, dtype=np.float64):
    """A C-contiguous array of ``dtype`` that cannot be written to.

    Parameters
    ----------
    array : array_like
    dtype : numpy dtype

    Returns
    -------
    ndarray
        A view of ``array`` where it fits already, else a copy.
    """
    out = np.ascontiguousarray(array, dtype=dtype).view()
    out.flags.writeable = False
    return out


def save_arrays(path, kind, arrays):
    """Write named arrays to one ``.npz`` file, atomically.

    Parameters
    ----------
    path : path-like
        Written as given; ``.npz`` is customary.
    kind : str
        Name of the record, checked by `load_arrays`.
    arrays : dict of str to array_like
        Plain numbers, texts and arrays; ``None`` entries are left out.
    """
    present = {name: np.asarray(value) for name, value in arrays.items() if value is not None}
    for name, value in present.items():
        if value.dtype == object:
            raise TypeError(f"{kind}.{name} is not a plain array")
    with atomic_write(path) as file:
        np.savez(file, kind=np.asarray(kind), **present)


def load_arrays(path, kind):
    """Read a file written by `save_arrays`.

    Parameters
    ----------
    path : path-like
    kind : str
        The record expected.

    Returns
    -------
    dict of str to ndarray

    Raises
    ------
    DataError
        If there is no such file, it is damaged, or it holds another record.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
    except FileNotFoundError:
        raise DataError(f"There is no file {str(path)!r}; give that of a saved {kind}.") from None
    except Exception as failure:  # zipfile, zlib, numpy and the system each have their own
        raise DataError(
            f"{str(path)!r} is not a readable {kind} file ({failure}); save the {kind} again."
        ) from failure
    found = str(arrays.pop("kind", "nothing known"))
    if found != kind:
        raise DataError(f"{str(path)!r} holds a {found}, not a {kind}; load it as what it is.")
    return arrays
