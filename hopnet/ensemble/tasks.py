"""Tasks: a worker computes one sample and writes its file.

`hopnet.ensemble.engines` hands tasks to many processes, `run_here` computes them in this one. The
process that computes a sample writes it to disk; only a short report travels back.
"""

from __future__ import annotations

import math
import os
import platform
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from hopnet.ensemble.config import Point
from hopnet.ensemble.ledger import Ledger, Sample, cannot_write
from hopnet.ensemble.sample import SampleResult, compute_sample, failed_sample, sample_records
from hopnet.errors import ParameterError, ValidityWarning
from hopnet.machine import peak_memory, processor_name, versions

__all__ = ["Report", "Task", "check_versions", "do_task", "record_failure", "run_here"]


@dataclass(frozen=True)
class Task:
    """The job that computes one sample, with all that a worker needs for it.

    Attributes
    ----------
    ledger : Ledger
    point : Point
    number : int
        Number of the sample, from 0.
    versions : dict
        Versions of the driver: a worker with other versions would not give the same bits.
    snapshot : bool
        Whether network, current and spin of this sample are kept as .npz files.
    time_limit : float, s, or None
        Longest time that the sample may take.
    """

    ledger: Ledger
    point: Point
    number: int
    versions: dict[str, str]
    snapshot: bool = False
    time_limit: float | None = None

    @property
    def sample(self) -> Sample:
        """The sample as the ledger names it."""
        return Sample(self.point.name, self.number)

    @property
    def label(self) -> str:
        """The sample in words, ``density = 0.01 #3``."""
        return f"{self.point.label() or 'sample'} #{self.number}"


@dataclass(frozen=True)
class Report:
    """The report that a task returns.

    Attributes
    ----------
    task : Task
    status : str
        "done", the class of a failure, or "lost" if there is no file.
    seconds : float
        Wall time of the task.
    reason : str
        The message of the failure.
    warnings : tuple of str
        Warnings of validity.
    """

    task: Task
    status: str
    seconds: float
    reason: str = ""
    warnings: tuple[str, ...] = field(default=())


def do_task(task: Task, threads: int | None = 1) -> Report:
    """Compute one sample and write its file. A worker calls this function.

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
        result = compute_sample(
            task.point, task.number, threads=threads, time_limit=task.time_limit
        )
    words = list(dict.fromkeys(str(w.message) for w in caught))
    status = str(result.columns["status"][0])
    seconds = time.perf_counter() - start
    try:
        if task.snapshot and status == "done":
            words += save_snapshot(task, threads)
        write_result(task, result, status, seconds, threads, words)
    except OSError as failure:
        raise cannot_write(task.ledger, failure) from None
    return Report(task, status, seconds, result.reason, tuple(words))


def write_result(
    task: Task,
    result: SampleResult,
    status: str,
    seconds: float,
    threads: int | None,
    words: Sequence[str],
) -> None:
    """Write the rows of a sample and its diagnostics."""
    diagnostics: dict[str, Any] = {
        "point": task.point.physical,
        "sample": task.number,
        "status": status,
        "reason": result.reason,
        "seconds": seconds,
        "stages": result.seconds,
        "peak_memory": peak_memory(),
        "threads": threads,
        "host": platform.node(),
        "processor": processor_name(),
        "pid": os.getpid(),
        "ended": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "versions": task.versions,
        "warnings": list(words),
    }
    task.ledger.write(task.sample, result.columns, diagnostics)


def record_failure(task: Task, status: str, reason: str) -> Report:
    """Write the outcome of a sample whose worker can no longer write it.

    Parameters
    ----------
    task : Task
    status : str
        The class of the failure.
    reason : str

    Returns
    -------
    Report
    """
    result = failed_sample(task.point, task.number, status, reason)
    try:
        write_result(task, result, status, 0.0, None, ())
    except OSError as failure:
        raise cannot_write(task.ledger, failure) from None
    return Report(task, status, 0.0, reason)


def save_snapshot(task: Task, threads: int | None) -> list[str]:
    """Write network, current and spin (at the middle tau_s) of a sample as .npz files.

    Returns
    -------
    list of str
        A warning if they could not be computed.
    """
    times = [t for t in task.point.tau_s if 0 < t < math.inf] or [1.0]
    try:
        records = sample_records(task.point, task.number, times[len(times) // 2], threads=threads)
    except Exception as failure:  # the sample itself is done; only its snapshot is missing
        return [f"no snapshot of {task.label} ({type(failure).__name__}: {failure})"]
    folder = task.ledger.directory / "snapshots"
    folder.mkdir(exist_ok=True)
    for record in records:
        kind = type(record).__name__.lower()
        record.save(folder / f"{task.point.name}-{task.number:06d}.{kind}.npz")
    return []


def check_versions(wanted: dict[str, str], found: dict[str, str], where: str) -> None:
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


def run_here(tasks: Sequence[Task], *, threads: int | None = None) -> Iterator[Report]:
    """Compute the tasks one by one in this process.

    Parameters
    ----------
    tasks : sequence of Task
    threads : int, optional
        Threads of each sample; default all.

    Yields
    ------
    Report
    """
    for task in tasks:
        yield do_task(task, threads)
