"""Marks: which sample of its batch a worker computes at this moment, for the case that it dies.

A worker writes the number of each sample into a small file before it begins. When the worker dies,
the next one that takes the batch reads the mark, and so does the driver: a sample on which workers
keep dying is known by its number, and does not take the rest of its batch with it.
"""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Mark", "Marker", "read_mark"]

LINE = 80  # bytes of a mark, always the same so that a newer mark covers an older one


@dataclass(frozen=True)
class Mark:
    """The content of a mark.

    Attributes
    ----------
    number : int
        The sample that is computed.
    since : float
        When it began, by ``time.monotonic`` of its machine, in s.
    pid : int
        The process of the worker.
    suspect : int
        The sample that was computed when the last worker of this batch died; -1 for none.
    deaths : int
        How many workers have died one after the other on the suspect.
    """

    number: int
    since: float
    pid: int
    suspect: int = -1
    deaths: int = 0

    def deaths_if_dead(self) -> int:
        """Number of deaths in a row on the sample of this mark, if its worker has died."""
        return 1 + (self.deaths if self.suspect == self.number else 0)


def read_mark(path: Path) -> Mark | None:
    """The mark in a file; None if there is none that can be read."""
    try:
        words = path.read_bytes()[:LINE].split()
        number, pid, suspect, deaths = (int(words[k]) for k in (0, 2, 3, 4))
        return Mark(number, float(words[1]), pid, suspect, deaths)
    except (OSError, ValueError, IndexError):
        return None


class Marker:
    """Writes the marks of one batch; use it as a context manager.

    Attributes
    ----------
    path : pathlib.Path
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.handle = -1
        self.suspect, self.deaths = -1, 0

    def __enter__(self) -> Marker:
        left = read_mark(self.path)
        if left is not None:
            self.suspect, self.deaths = left.number, left.deaths_if_dead()
        # Without a mark the batch is computed all the same.
        with contextlib.suppress(OSError):
            self.handle = os.open(self.path, os.O_WRONLY | os.O_CREAT, 0o666)
        return self

    def at(self, number: int) -> None:
        """Say that a sample begins. Not flushed to disk: a dead process needs no more."""
        if self.handle >= 0:
            words = f"{number} {time.monotonic():.3f} {os.getpid()} {self.suspect} {self.deaths}"
            with contextlib.suppress(OSError):
                os.lseek(self.handle, 0, os.SEEK_SET)
                os.write(self.handle, words.ljust(LINE).encode())

    def __exit__(self, *failure: object) -> None:
        if self.handle >= 0:
            os.close(self.handle)
            with contextlib.suppress(OSError):
                os.unlink(self.path)
