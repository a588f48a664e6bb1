"""Heartbeats: which processes work on a result directory at this moment."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import tempfile
import time
import uuid

from hopnet.ensemble.ledger import overlap
from hopnet.errors import ParameterError
from hopnet.files import atomic_write
from hopnet.machine import process_start

STALE = 60.0  # s without a heartbeat after which a process on another machine counts as dead


class Heartbeat:
    """The mark that this process is at work on a shard of a directory; removed when it ends.

    Use as a context manager. Entering raises `ParameterError` if another living process works on
    tasks of the same shard: two processes would compute the same files.
    """

    def __init__(self, ledger, shard=(0, 1)):
        self.ledger = ledger
        self.shard = shard
        self.path = ledger.running / f"{shard[0]}-of-{shard[1]}.json"
        self.content = {
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "started": process_start(os.getpid()),
            "shard": list(shard),
            "since": time.time(),
        }

    def __enter__(self):
        for path, other in heartbeats(self.ledger):
            if not overlap(self.shard, other["shard"]):
                continue
            if is_alive(path, other):
                self._refuse(other)
            retire(path, other)
        self._create()
        return self

    def _create(self):
        handle, temporary = tempfile.mkstemp(prefix=".beat.", dir=self.ledger.running)
        with os.fdopen(handle, "w") as file:
            json.dump(self.content, file)
        try:
            try:
                os.link(temporary, self.path)  # fails if another process was first
            except (PermissionError, NotImplementedError):  # no hard links on this file system
                with open(self.path, "x") as file:
                    json.dump(self.content, file)
        except FileExistsError:
            other = next((o for p, o in heartbeats(self.ledger) if p == self.path), self.content)
            self._refuse(other)
        finally:
            os.unlink(temporary)

    def _refuse(self, other):
        raise ParameterError(
            f"another process (pid {other['pid']} on {other['host']}, shard "
            f"{other['shard'][0]}/{other['shard'][1]}) is at work in "
            f"{str(self.ledger.directory)!r}; wait for it, stop it, or share the work with "
            "--shard I/N. Nothing was changed."
        )

    def beat(self, **progress):
        """Say that the process lives and how far it is; a full disk only makes it silent."""
        self.content |= progress
        with contextlib.suppress(OSError), atomic_write(self.path) as file:
            file.write(json.dumps(self.content).encode())

    def __exit__(self, *failure):
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)


def heartbeats(ledger):
    """Every (path, content) under ``running/`` that can be read."""
    out = []
    for path in sorted(ledger.running.glob("*-of-*.json")):
        try:
            content = json.loads(path.read_text())
        except (OSError, ValueError):
            continue
        if isinstance(content, dict) and {"host", "pid", "started", "shard"} <= content.keys():
            out.append((path, content))
    return out


def is_alive(path, content):
    """Whether the process of a heartbeat lives: asked on its own machine, else judged by age."""
    if content["host"] == socket.gethostname():
        started = process_start(content["pid"])
        return started is not None and abs(started - content["started"]) < 0.5
    try:
        return file_system_time(path.parent) - path.stat().st_mtime < STALE
    except FileNotFoundError:
        return False


def file_system_time(folder):
    """Now, by the clock of the file system: comparable with what other machines wrote."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            return os.fstat(file.fileno()).st_mtime
    except OSError:
        return time.time()


def retire(path, content):
    """Remove the heartbeat of a dead process, unless somebody has renewed it meanwhile."""
    moved = path.with_name(f".dead.{uuid.uuid4().hex}")
    try:
        os.rename(path, moved)
    except FileNotFoundError:
        return
    try:
        renewed = json.loads(moved.read_text()).get("since") != content.get("since")
        if renewed:
            os.link(moved, path)
    except (OSError, ValueError):
        pass
    moved.unlink(missing_ok=True)
