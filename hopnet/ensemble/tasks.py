"""Jobs: one task computed and written, on whatever process; what a worker does.

`hopnet.ensemble.engines` hands jobs to many processes, `run_here` does them in this one. Results go
to disk
where they are computed; only a few words come back.
"""

from __future__ import annotations

import math
import os
import platform
import time
import warnings
from dataclasses import dataclass, field

from hopnet.ensemble.config import Point
from hopnet.ensemble.ledger import Ledger, Task
from hopnet.ensemble.sample import FAILURES, run_realisation, sample_records
from hopnet.errors import HopnetError, ParameterError, ValidityWarning
from hopnet.machine import peak_memory, processor_name, versions


@dataclass(frozen=True)
class Job:
    """A task with all that a worker needs to do it.

    Attributes
    ----------
    ledger : Ledger
    point : Point
    realisation : int
    versions : dict
        Of the driver: a worker with other ones would not give the same bits.
    snapshot : bool
        Keep network, current and spin of this sample as .npz files.
    """

    ledger: Ledger
    point: Point
    realisation: int
    versions: dict
    snapshot: bool = False

    @property
    def task(self):
        """What the ledger calls it."""
        return Task(self.point.name, self.realisation)


@dataclass(frozen=True)
class Report:
    """How a job ended: ``status`` is "done", the name of a failure, or "lost"."""

    job: Job
    status: str
    seconds: float
    reason: str = ""
    warnings: tuple = field(default=())


def do_job(job, threads=1):
    """Compute one job and write its file; this is what runs on a worker.

    Parameters
    ----------
    job : Job
    threads : int, optional

    Returns
    -------
    Report

    Raises
    ------
    HopnetError
        If this process has other versions than the driver, or the file cannot be written.
    """
    check_versions(job.versions, versions(), "this worker")
    start = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ValidityWarning)
        result = run_realisation(job.point, job.realisation, threads=threads)
    words = tuple(dict.fromkeys(str(w.message) for w in caught))
    status = str(result.columns["status"][0])
    seconds = time.perf_counter() - start
    diagnostics = {
        "point": job.point.physical,
        "realisation": job.realisation,
        "status": status,
        "seconds": seconds,
        "stages": result.seconds,
        "peak_memory": peak_memory(),
        "threads": threads,
        "host": platform.node(),
        "processor": processor_name(),
        "pid": os.getpid(),
        "ended": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "versions": job.versions,
        "warnings": words,
    }
    try:
        if job.snapshot:
            save_snapshot(job, threads)
        job.ledger.write(job.task, result.columns, diagnostics)
    except OSError as failure:
        raise cannot_write(job.ledger, failure) from None
    return Report(job, status, seconds, warnings=words)


def save_snapshot(job, threads):
    """Network, current and spin (at the middle tau_s) of a sample, as .npz files."""
    times = [t for t in job.point.tau_s if 0 < t < math.inf] or [1.0]
    folder = job.ledger.directory / "snapshots"
    folder.mkdir(exist_ok=True)
    try:
        records = sample_records(
            job.point, job.realisation, times[len(times) // 2], threads=threads
        )
    except FAILURES:
        return
    for record in records:
        kind = type(record).__name__.lower()
        record.save(folder / f"{job.point.name}-{job.realisation:06d}.{kind}.npz")


def cannot_write(ledger, failure):
    """The error for a disk that is full or gone."""
    return HopnetError(
        f"cannot write to {str(ledger.directory)!r} ({failure.strerror or failure}); finished "
        "realisations are kept: make room, then run again."
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


def run_here(jobs, *, threads=None):
    """Compute the jobs one by one in this process, on all its threads.

    Parameters
    ----------
    jobs : sequence of Job
    threads : int, optional

    Yields
    ------
    Report
    """
    for job in jobs:
        yield do_job(job, threads)
