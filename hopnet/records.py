"""Frozen records: read-only arrays in, one .npz file out, nothing pickled."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from pathlib import Path

import numpy as np

from hopnet.errors import DataError, ParameterError


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


def digest(keys):
    """SHA-256, in hexadecimal, of a dict of plain values, written as canonical JSON."""
    text = json.dumps(keys, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


@contextlib.contextmanager
def atomic_write(path):
    """Open a temporary file beside ``path``; it takes the name ``path`` only when complete.

    The file is flushed to disk before it is renamed. When anything fails inside the
    block the temporary file is removed and an older ``path`` stays as it was.

    Parameters
    ----------
    path : path-like

    Yields
    ------
    binary file object
    """
    path = Path(path)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


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


Seed = int | np.random.SeedSequence | np.random.Generator


def check_seed(seed):
    """A seed as it was given: a whole number >= 0, or a SeedSequence."""
    whole = isinstance(seed, int | np.integer) and not isinstance(seed, bool) and seed >= 0
    if not (whole or isinstance(seed, np.random.SeedSequence)):
        raise ParameterError(
            f"seed must be a whole number >= 0 (or a numpy SeedSequence), got {seed!r}; any such "
            "number will do, note it down."
        )
    return seed


def random_stream(seed, *key):
    """A Philox generator of a seed and further whole numbers; a Generator is passed through."""
    if isinstance(seed, np.random.Generator):
        return seed
    if not isinstance(check_seed(seed), np.random.SeedSequence):
        seed = np.random.SeedSequence(seed, spawn_key=key)
    return np.random.Generator(np.random.Philox(seed))
