"""Heartbeats: which processes work on a result directory at this moment.

Each process at work on a shard keeps one small file in ``running/`` and renews it every few
seconds. A file that cannot be read (a power cut may leave an empty one) is judged by its age alone.
"""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import socket
import tempfile
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hopnet.ensemble.ledger import Ledger, cannot_write
from hopnet.errors import ParameterError
from hopnet.files import atomic_write
from hopnet.machine import process_start

__all__ = ["STALE", "Beat", "Heartbeat", "heartbeats", "is_alive", "overlap"]

# Seconds without a heartbeat after which a process counts as dead if its state cannot be queried
# (it runs on another machine, or its file cannot be read). Smaller: a slow network file system
# makes a living process look dead. Larger: after a crash on another machine one waits longer.
STALE = 60.0
# What a file system without hard links answers to os.link.
NO_LINKS = {
    getattr(errno, name)
    for name in ("EPERM", "EACCES", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EINVAL", "EMLINK", "EXDEV")
}
LARGEST_BEAT = 100_000  # bytes; a heartbeat has some 500


@dataclass(frozen=True)
class Beat:
    """The content of a heartbeat.

    Attributes
    ----------
    path : pathlib.Path
    host : str
        Name of the machine; empty if the file cannot be read.
    pid : int
    started : float
        When the process started, in s after the boot of its machine.
    shard : tuple of int
        (i, n): sample numbers k with k = i mod n.
    since : float
        Time at which the process began to work, in s since 1970.
    plan : str
        Digest of the points and samples that the process was asked for.
    n_running : int
        Samples that it computes now.
    tasks_per_hour, seconds_left : float or None
        Rate of its tasks, and estimated time until it has finished.
    readable : bool
        False if the file is empty, incomplete or cannot be read.
    """

    path: Path
    host: str = ""
    pid: int = 0
    started: float = 0.0
    shard: tuple[int, int] = (0, 1)
    since: float = 0.0
    plan: str = ""
    n_running: int = 0
    tasks_per_hour: float | None = None
    seconds_left: float | None = None
    readable: bool = False


class Heartbeat:
    """A small file that shows that this process works on a shard; removed when the work ends.

    Use as a context manager. Entering raises `ParameterError` if another living process works on
    samples of the same shard (two processes would compute the same files), or on another shard
    of another plan (they would overwrite each other's run.toml).
    """

    def __init__(self, ledger: Ledger, shard: tuple[int, int] = (0, 1), plan: str = "") -> None:
        self.ledger = ledger
        self.shard = shard
        self.path = ledger.running / f"{shard[0]}-of-{shard[1]}.json"
        self.content: dict[str, Any] = {
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "started": process_start(os.getpid()),
            "shard": list(shard),
            "since": time.time(),
            "plan": plan,
        }
        self.is_alone = True

    def __enter__(self) -> Heartbeat:
        for other in heartbeats(self.ledger):
            alive = is_alive(other)
            meets = overlap(self.shard, other.shard) or not other.readable
            if alive and meets:
                self._refuse(other)
            if alive and other.plan != self.content["plan"]:
                raise ParameterError(
                    f"another process (pid {other.pid} on {other.host}) works in "
                    f"{str(self.ledger.directory)!r} with other points or numbers of samples; all "
                    "shards need the same run file. Nothing was changed."
                )
            if alive:
                self.is_alone = False
            elif meets:
                retire(other)
        try:
            self._create()
        except OSError as failure:
            raise cannot_write(self.ledger, failure) from None
        return self

    def _create(self) -> None:
        handle, temporary = tempfile.mkstemp(prefix=".beat.", dir=self.ledger.running)
        try:
            with os.fdopen(handle, "w") as file:
                json.dump(self.content, file)
                file.flush()
                os.fsync(file.fileno())
            try:
                link(temporary, self.path)  # fails if another process was first
            except FileExistsError:
                there = (b for b in heartbeats(self.ledger) if b.path == self.path)
                self._refuse(next(there, Beat(self.path)))
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)

    def _refuse(self, other: Beat) -> None:
        if not other.readable:
            raise ParameterError(
                f"{str(other.path)!r} cannot be read; it is the heartbeat of a process that is "
                f"just beginning or has died. Run again in {STALE:.0f} s. Nothing was changed."
            )
        raise ParameterError(
            f"another process (pid {other.pid} on {other.host}, shard "
            f"{other.shard[0]}/{other.shard[1]}) is at work in "
            f"{str(self.ledger.directory)!r}; wait for it, stop it, or share the work with "
            "--shard I/N. Nothing was changed."
        )

    def beat(self, **progress: Any) -> None:
        """Write the progress of the process into the file; a full disk does not stop the run."""
        self.content |= progress
        with contextlib.suppress(OSError), atomic_write(self.path) as file:
            file.write(json.dumps(self.content).encode())

    def __exit__(self, *failure: object) -> None:
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)


def link(source: str | Path, target: Path) -> None:
    """Give a file a second name; FileExistsError if the name is taken.

    On a file system without hard links the content is copied into a new file.
    """
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except (OSError, NotImplementedError) as failure:
        if getattr(failure, "errno", None) not in NO_LINKS | {None}:
            raise
        data = Path(source).read_bytes()
        with open(target, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())


def heartbeats(ledger: Ledger) -> list[Beat]:
    """Every heartbeat under ``running/``, those that cannot be read included."""
    out = []
    for path in sorted(ledger.running.glob("*-of-*.json")):
        beat = read_beat(path)
        if beat is not None:
            out.append(beat)
    return out


def read_beat(path: Path) -> Beat | None:
    """The content of a heartbeat; None if the file has been removed."""
    try:
        with path.open("rb") as file:
            content = json.loads(file.read(LARGEST_BEAT))
        host, pid, since = content["host"], content["pid"], content["since"]
        started, (i, n) = content["started"], content["shard"]
        whole = all(type(number) is int for number in (pid, i, n)) and 0 < pid < 2**31
        good = whole and 0 <= i < n and isinstance(host, str) and host
        if not good or finite(started) is None or finite(since) is None:
            return Beat(path)
        running = content.get("n_running")
        return Beat(
            path=path,
            host=host,
            pid=pid,
            started=float(started),
            shard=(i, n),
            since=float(since),
            plan=str(content.get("plan", "")),
            n_running=running if type(running) is int and running >= 0 else 0,
            tasks_per_hour=finite(content.get("tasks_per_hour")),
            seconds_left=finite(content.get("seconds_left")),
            readable=True,
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return Beat(path)


def finite(value: Any) -> float | None:
    """The value if it is a finite number, else None."""
    try:
        real = isinstance(value, int | float) and not isinstance(value, bool)
        return float(value) if real and math.isfinite(value) else None
    except OverflowError:
        return None


def is_alive(beat: Beat) -> bool:
    """Whether the process of a heartbeat runs; on other machines, the age of the file decides."""
    if beat.readable and beat.host == socket.gethostname():
        started = process_start(beat.pid)
        return started is not None and abs(started - beat.started) < 0.5
    try:
        # abs: a date in the future (from a wrong clock) must not lock the directory for ever.
        return abs(file_system_time(beat.path.parent) - beat.path.stat().st_mtime) < STALE
    except OSError:
        return False


def file_system_time(folder: Path) -> float:
    """The time by the clock of the file system, comparable with files of other machines."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            return os.fstat(file.fileno()).st_mtime
    except OSError:
        return time.time()


def retire(beat: Beat) -> None:
    """Remove the heartbeat of a dead process, unless somebody has renewed it meanwhile."""
    moved = beat.path.with_name(f".dead.{uuid.uuid4().hex}")
    try:
        os.rename(beat.path, moved)
    except FileNotFoundError:
        return
    except OSError as failure:
        raise ParameterError(
            f"cannot remove {str(beat.path)!r}, the heartbeat of a process that has died "
            f"({failure.strerror or failure}); remove it. Nothing was changed."
        ) from None
    found = read_beat(moved)
    if found is not None and found.readable and found.since != beat.since:
        with contextlib.suppress(OSError):
            link(moved, beat.path)
    with contextlib.suppress(OSError):
        moved.unlink(missing_ok=True)


def overlap(a: tuple[int, int], b: tuple[int, int]) -> bool:
    """Whether two shards (i, n) share a batch: shard i of n has the batches k = i mod n."""
    return (a[0] - b[0]) % math.gcd(a[1], b[1]) == 0
