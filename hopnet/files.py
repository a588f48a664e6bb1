"""Files: written whole or not at all, and recognised by their digest."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from pathlib import Path


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
