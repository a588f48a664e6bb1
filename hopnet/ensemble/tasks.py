"""Tasks: one sample computed and written, on whatever process; what a worker does.

`hopnet.ensemble.engines` hands tasks to many processes, `run_here` does them in this one. The
process that computes a sample writes it to disk; only a short report travels back.
"""

from __future__ import annotations

import math
import os
import platform
import time
import warnings
from dataclasses import dataclass, field

from hopnet.ensemble.config import Point
from hopnet.ensemble.ledger import Ledger, Sample
from hopnet.ensemble.sample import FAILURES, compute_sample, sample_records
from hopnet.errors import HopnetError, ParameterError, ValidityWarning
from hopnet.machine import peak_memory, processor_name, versions


@dataclass(frozen=True)
class Task:
    """A task with all that a worker needs to do it.

    Attributes
    ----------
    ledger : Ledger
    point : Point
    number : int
        The number of the sample, from 0.
    versions : dict
        Of the driver: a worker with other ones would not give the same bits.
    snapshot : bool
        Keep network, current and spin of this sample as .npz files.
    """

    ledger: Ledger
    point: Point
    number: int
    versions: dict
    snapshot: bool = False

    @property
    def sample(self):
        """What the ledger calls it."""
        return Sample(self.point.name, self.number)


@dataclass(frozen=True)
class Report:
    """How a task ended: ``status`` is "done", the name of a failure, or "lost"."""

    task: Task
    status: str
    seconds: float
    reason: str = ""
    warnings: tuple = field(default=())


def do_task(task, threads=1):
    """Compute one task and write its file; this is what runs on a worker.

    Parameters
    ----------
    task : Task
    threads : int, optional

    Returns
    -------
    Report

    Raises
    ------
    HopnetError
        If this process has other versions than the driver, or the file cannot be written.
    """
    check_versions(task.versions, versions(), "this worker")
    start = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ValidityWarning)
        result = compute_sample(task.point, task.number, threads=threads)
    words = tuple(dict.fromkeys(str(w.message) for w in caught))
    status = str(result.columns["status"][0])
    seconds = time.perf_counter() - start
    diagnostics = {
        "point": task.point.physical,
        "sample": task.number,
        "status": status,
        "seconds": seconds,
        "stages": result.seconds,
        "peak_memory": peak_memory(),
        "threads": threads,
        "host": platform.node(),
        "processor": processor_name(),
        "pid": os.getpid(),
        "ended": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "versions": task.versions,
        "warnings": words,
    }
    try:
        if task.snapshot:
            save_snapshot(task, threads)
        task.ledger.write(task.sample, result.columns, diagnostics)
    except OSError as failure:
        raise cannot_write(task.ledger, failure) from None
    return Report(task, status, seconds, warnings=words)


def save_snapshot(task, threads):
    """Network, current and spin (at the middle tau_s) of a sample, as .npz files."""
    times = [t for t in task.point.tau_s if 0 < t < math.inf] or [1.0]
    folder = task.ledger.directory / "snapshots"
    folder.mkdir(exist_ok=True)
    try:
        records = sample_records(task.point, task.number, times[len(times) // 2], threads=threads)
    except FAILURES:
        return
    for record in records:
        kind = type(record).__name__.lower()
        record.save(folder / f"{task.point.name}-{task.number:06d}.{kind}.npz")


def cannot_write(ledger, failure):
    """The error for a disk that is full or gone."""
    return HopnetError(
        f"cannot write to {str(ledger.directory)!r} ({failure.strerror or failure}); finished "
        "samples are kept: make room, then run again."
    )


def check_versions(wanted, found, where):
    """Raise unless the versions that decide the bits are the same; names both."""
    different = [
        f"{name} {found.get(name, 'not installed')} (here {wanted[name]})"
        for name in ("hopnet", "numba", "numpy", "scipy")
        if found.get(name) != wanted[name]
    ]
    if different:
        raise ParameterError(
            f"{where} has {', '.join(different)}; start the workers from the same environment."
        )


def run_here(tasks, *, threads=None):
    """Compute the tasks one by one in this process, on all its threads.

    Parameters
    ----------
    tasks : sequence of Task
    threads : int, optional

    Yields
    ------
    Report
    """
    for task in tasks:
        yield do_task(task, threads)
