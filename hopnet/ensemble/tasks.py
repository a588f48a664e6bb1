"""Tasks: a worker computes a batch of samples and writes its file.

`hopnet.ensemble.engines` gives tasks to many processes, `run_here` computes them in this one. The
process that computes a batch writes it to disk, at the end and every few seconds before; only a
short report travels back.
"""

from __future__ import annotations

import contextlib
import math
import os
import platform
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa

from hopnet.ensemble.batches import Batch, column_of, number_words
from hopnet.ensemble.config import Point
from hopnet.ensemble.ledger import Ledger, cannot_write
from hopnet.ensemble.marks import Marker
from hopnet.ensemble.sample import SampleResult, compute_sample, failed_sample, sample_records
from hopnet.errors import ParameterError, ValidityWarning
from hopnet.machine import peak_memory, processor_name, versions

__all__ = [
    "Report",
    "Task",
    "check_versions",
    "do_task",
    "record_failure",
    "report_from_file",
    "run_here",
]

# Seconds of computing after which the samples of a batch are written although it is not complete:
# what a killed process loses. Smaller: more time for writing (about 15 ms each). Larger: more loss.
WRITE_EVERY = 5.0
# Failed samples of a batch that its diagnostics name; all are counted.
NAMED_FAILURES = 100


@dataclass(frozen=True)
class Task:
    """The job that computes the samples of a batch, with all that a worker needs for it.

    Attributes
    ----------
    ledger : Ledger
    point : Point
    numbers : sequence of int
        Numbers of the samples to compute, from 0, in rising order.
    versions : dict
        Versions of the driver: a worker with other versions would not give the same bits.
    snapshot : bool
        Whether network, current and spin of the first sample are kept as .npz files.
    time_limit : float, s, or None
        Longest time that a sample may take.
    whole : Batch or None
        The batch to which the samples belong; None: they are the whole batch.
    retry : bool
        Whether samples that have failed before are computed again.
    """

    ledger: Ledger
    point: Point
    numbers: Sequence[int]
    versions: dict[str, str]
    snapshot: bool = False
    time_limit: float | None = None
    whole: Batch | None = None
    retry: bool = False

    @property
    def batch(self) -> Batch:
        """The batch as the ledger names it."""
        if self.whole is not None:
            return self.whole
        return Batch(self.point.name, self.numbers[0], self.numbers[-1])

    @property
    def label(self) -> str:
        """The samples in words, ``density = 0.01 #3``."""
        return f"{self.point.label() or 'sample'} {number_words(self.numbers)}"

    def only(self, numbers: Sequence[int]) -> Task:
        """The same task for some of its samples."""
        return replace(self, numbers=tuple(numbers), whole=self.batch)


@dataclass(frozen=True)
class Report:
    """The report that a task returns.

    Attributes
    ----------
    task : Task
    counts : dict of str to int
        Number of its samples by status: "done", the class of a failure, or "lost" if there is no
        file.
    seconds : float
        Wall time of computing, without that of writing.
    reason : str
        The message of the first failure.
    warnings : tuple of str
        Warnings of validity.
    """

    task: Task
    counts: dict[str, int]
    seconds: float
    reason: str = ""
    warnings: tuple[str, ...] = field(default=())

    @property
    def status(self) -> str:
        """ "done" if all samples are, else the most frequent of their failures."""
        bad = {name: count for name, count in self.counts.items() if name != "done"}
        return max(bad, key=lambda name: bad[name]) if bad else "done"


class Progressing:
    """The samples of a batch that are computed, and the facts about computing them."""

    def __init__(self, task: Task, threads: int | None) -> None:
        self.task = task
        self.threads = threads
        self.results: list[SampleResult] = []
        self.reasons: dict[int, str] = {}
        self.stages: dict[str, float] = {}
        self.words: dict[str, None] = {}
        self.seconds = 0.0
        self.written = time.perf_counter()
        self.rows: pa.Table | None = None

    def settled(self) -> set[int]:
        """Samples of the batch that are on disk already: this task was begun before."""
        if not self.task.ledger.path(self.task.batch).exists():
            return set()
        self.rows = self.task.ledger.present(self.task.batch)
        if self.rows is None:
            return set()
        before = self.task.ledger.diagnostics(self.task.batch) or {}
        self.reasons |= {int(number): text for number, text in before.get("reasons", {}).items()}
        self.words |= dict.fromkeys(before.get("warnings", ()))
        number = column_of(self.rows, "sample")
        if self.task.retry:
            number = number[column_of(self.rows, "status") == "done"]
        return set(number.tolist())

    def add(self, number: int, result: SampleResult) -> None:
        """Keep the result of a sample."""
        self.results.append(result)
        if result.reason and len(self.reasons) < NAMED_FAILURES:
            self.reasons[number] = result.reason
        for stage, seconds in result.seconds.items():
            self.stages[stage] = self.stages.get(stage, 0.0) + seconds

    def write(self) -> None:
        """Add what has been computed since the last time to the file of the batch."""
        if not self.results:
            return
        parts = [result.columns for result in self.results]
        columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        try:
            self.rows = self.task.ledger.add(self.task.batch, columns, self.diagnostics())
        except OSError as failure:
            raise cannot_write(self.task.ledger, failure) from None
        self.results = []
        self.written = time.perf_counter()

    def diagnostics(self) -> dict[str, Any]:
        """Facts about the computing of the batch, which need not be the same in the next run."""
        return {
            **self.facts(),
            "point": self.task.point.physical,
            "samples": [self.task.numbers[0], self.task.numbers[-1], len(self.task.numbers)],
            "stages": self.stages,
            "peak_memory": peak_memory(),
            "threads": self.threads,
            "host": platform.node(),
            "processor": processor_name(),
            "pid": os.getpid(),
            "ended": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "versions": self.task.versions,
        }

    def facts(self) -> dict[str, Any]:
        """What the report of a task says about its computing."""
        return {
            "reasons": {str(number): reason for number, reason in self.reasons.items()},
            "seconds": self.seconds,
            "warnings": list(self.words),
        }


def do_task(task: Task, threads: int | None = 1, *, marked: bool = False) -> Report:
    """Compute the samples of a task and write their file. A worker calls this function.

    Parameters
    ----------
    task : Task
    threads : int, optional
    marked : bool
        Whether to say on disk which sample is computed, in case that this process dies.

    Returns
    -------
    Report

    Raises
    ------
    HopnetError
        If this process has other versions than the driver, or the file cannot be written.

    Notes
    -----
    Samples that the file holds already are not computed again. Whatever ends this function, what
    it has computed is written before.
    """
    check_versions(task.versions, versions(), "this worker")
    work = Progressing(task, threads)
    settled = work.settled()
    with Marker(task.ledger.mark(task.batch)) if marked else contextlib.nullcontext() as marker:
        try:
            for number in task.numbers:
                if number in settled:
                    continue
                if marker is not None:
                    marker.at(number)
                start = time.perf_counter()
                work.add(number, one_result(task, number, threads, work.words))
                work.seconds += time.perf_counter() - start
                if time.perf_counter() - work.written > WRITE_EVERY:
                    work.write()
        finally:
            work.write()
    return report_of_rows(task, work.rows, work.facts())


def one_result(
    task: Task, number: int, threads: int | None, words: dict[str, None]
) -> SampleResult:
    """The result of one sample; its warnings go into ``words``."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ValidityWarning)
        result = compute_sample(task.point, number, threads=threads, time_limit=task.time_limit)
    words |= dict.fromkeys(str(w.message) for w in caught)
    if task.snapshot and number == 0 and result.columns["status"][0] == "done":
        try:
            words |= dict.fromkeys(save_snapshot(task, number, threads))
        except OSError as failure:
            raise cannot_write(task.ledger, failure) from None
    return result


def report_of_rows(task: Task, rows: pa.Table | None, facts: dict[str, Any]) -> Report:
    """The report of a task from the rows and the diagnostics of its file."""
    counts: dict[str, int] = {}
    reason = ""
    if rows is not None:
        sample, status = column_of(rows, "sample"), column_of(rows, "status")
        first = np.concatenate([[True], sample[1:] != sample[:-1]])
        first &= np.isin(sample, np.asarray(task.numbers))
        names, numbers = np.unique(status[first].astype(str), return_counts=True)
        counts = dict(zip(names.tolist(), numbers.tolist()))
        failed = sample[first & (status != "done")].tolist()
        reason = next((facts["reasons"].get(str(n)) or "" for n in failed), "")
    lost = len(task.numbers) - sum(counts.values())
    if lost > 0:
        counts["lost"] = lost
        reason = reason or f"{task.ledger.path(task.batch)} does not hold them"
    return Report(task, counts, facts["seconds"], reason, tuple(facts["warnings"]))


def report_from_file(task: Task) -> Report:
    """The report of a finished task from its files; see `report_of_rows`."""
    rows = task.ledger.read(task.batch)
    facts = {"reasons": {}, "seconds": 0.0, "warnings": []}
    # No number of a table depends on the diagnostics.
    return report_of_rows(task, rows, facts | (task.ledger.diagnostics(task.batch) or {}))


def record_failure(task: Task, number: int, status: str, reason: str) -> Report:
    """Write the outcome of a sample whose worker can no longer write it.

    Parameters
    ----------
    task : Task
    number : int
        The sample.
    status : str
        The class of the failure.
    reason : str

    Returns
    -------
    Report
        The report of this sample alone.
    """
    alone = task.only([number])
    work = Progressing(alone, None)
    work.add(number, failed_sample(task.point, number, status, reason))
    work.write()
    with contextlib.suppress(OSError):
        os.unlink(task.ledger.mark(task.batch))
    return Report(alone, {status: 1}, 0.0, reason)


def save_snapshot(task: Task, number: int, threads: int | None) -> list[str]:
    """Write network, current and spin (at the middle tau_s) of a sample as .npz files.

    Returns
    -------
    list of str
        A warning if they could not be computed.
    """
    times = [t for t in task.point.tau_s if 0 < t < math.inf] or [1.0]
    try:
        records = sample_records(task.point, number, times[len(times) // 2], threads=threads)
    except Exception as failure:  # the sample itself is done; only its snapshot is missing
        return [f"no snapshot of sample {number} ({type(failure).__name__}: {failure})"]
    folder = task.ledger.directory / "snapshots"
    folder.mkdir(exist_ok=True)
    for record in records:
        kind = type(record).__name__.lower()
        record.save(folder / f"{task.point.name}-{number:06d}.{kind}.npz")
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
