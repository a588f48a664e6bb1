"""Files: written completely or not at all, and recognised by their digest."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

__all__ = ["atomic_write", "digest"]


def digest(keys: Any) -> str:
    """SHA-256, in hexadecimal, of a dict of plain values, written as canonical JSON."""
    text = json.dumps(keys, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


@contextlib.contextmanager
def atomic_write(path: str | Path) -> Iterator[BinaryIO]:
    """Open a temporary file beside ``path`` that gets the name ``path`` only when it is complete.

    The file is flushed to disk before it is renamed. If anything fails inside the block, the
    temporary file is removed and an older ``path`` stays as it was.

    Parameters
    ----------
    path : path-like
        Name of the file.

    Yields
    ------
    binary file object

    Notes
    -----
    The operating system applies the umask when it creates the temporary file. Python cannot read
    the umask without changing it for a moment, which would affect other threads.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.part")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    handle = os.open(temporary, flags, 0o666)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
