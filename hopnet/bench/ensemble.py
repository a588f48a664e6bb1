"""Engine against bare copies of the task: overhead, efficiency of two workers, driver memory."""

from __future__ import annotations

import multiprocessing
import statistics
import tempfile
import time
from pathlib import Path

from hopnet.bench import row
from hopnet.config import config_from_dict
from hopnet.engines import ONE_THREAD, local_processes, run_with_dask
from hopnet.jobs import Job
from hopnet.ledger import Task, open_ledger, versions
from hopnet.realisation import run_realisation


def measure(n_sites=20_000, n_tasks=500, n_bare=40, workers=2):
    """500 tasks through the Dask engine, and bare copies of the task on as many processes.

    Parameters
    ----------
    n_sites, n_tasks : int
    n_bare : int
        Tasks that each bare process computes, half before and half after the engine.
    workers : int

    Returns
    -------
    list of dict
        ``seconds`` per task; overhead of writing and of handing out; throughput against bare
        copies (``ratio``); growth of the driver's memory from the first quarter of tasks to the
        last, in MB.
    """
    config = config_from_dict({
        "sites": {"n_sites": n_sites, "density": 0.02, "seed": 8191},
        "spin": {"tau_s": [0.0, 1e2, 1e4]},
        "ensemble": {"realisations": n_tasks},
    })  # fmt: skip
    point = config.points()[0]
    before = bare_copies(point, workers, n_bare // 2)
    with tempfile.TemporaryDirectory() as folder:
        ledger = open_ledger(Path(folder) / "run", config.identity(), "")
        jobs = [Job(ledger, point, r, versions()) for r in range(n_tasks)]
        with local_processes(workers, lambda event, **facts: None) as (client, processes):
            for _ in run_with_dask(client, jobs[: 2 * workers], workers=processes):
                pass  # every worker has loaded its kernels
            start = time.perf_counter()
            memory, work = [], []
            for report in run_with_dask(client, jobs[2 * workers :], workers=processes):
                memory.append(resident_memory())
                work.append(report.seconds)
            elapsed = time.perf_counter() - start
        written = write_overhead(ledger, point)
    after = bare_copies(point, workers, n_bare // 2)
    bare = before + after
    rate_bare = workers / statistics.median(bare)  # the slower start of a process left out
    rate = len(work) / elapsed
    idle = [max(0.0, elapsed * workers / len(work) - statistics.mean(work))]
    quarter = len(memory) // 4
    growth = statistics.mean(memory[-quarter:]) - statistics.mean(memory[:quarter])
    return [
        row(f"bare task, {workers} copies at once", bare),
        row("task on a worker, with writing", work, n_tasks=len(work)),
        row("overhead: writing the files", written),
        row("overhead: handing out, per task", idle),
        {"what": f"throughput of {workers} workers", "reference": f"{workers} bare copies",
         "ratio": rate / rate_bare, "tasks_per_second": rate},
        {"what": "growth of the driver's memory", "megabytes": growth / 1e6},
    ]  # fmt: skip


def bare_copies(point, n_copies, n_tasks):
    """Seconds per task of processes that compute realisations and nothing else, side by side."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(n_copies, initializer=set_one_thread) as pool:
        pool.map(compute_bare, [(point, 10_000 + r, 2) for r in range(n_copies)], chunksize=1)
        tasks = [(point, 20_000 + r, n_tasks) for r in range(n_copies)]
        return [s for seconds in pool.map(compute_bare, tasks, chunksize=1) for s in seconds]


def set_one_thread():
    """The environment of a worker."""
    import os

    os.environ.update(ONE_THREAD)


def compute_bare(task):
    """Compute a few realisations; the seconds that each took."""
    point, first, number = task
    seconds = []
    for realisation in range(first, first + number):
        start = time.perf_counter()
        run_realisation(point, realisation, threads=1)
        seconds.append(time.perf_counter() - start)
    return seconds


def write_overhead(ledger, point, n=30):
    """Seconds that writing the files of a task takes, in this process."""
    out = []
    for realisation in range(50_000, 50_000 + n):
        columns = run_realisation(point, realisation, threads=1).columns
        start = time.perf_counter()
        ledger.write(Task(point.name, realisation), columns, {"stages": {}})
        out.append(time.perf_counter() - start)
    return out


def resident_memory():
    """Resident memory of this process, in bytes."""
    import psutil

    return psutil.Process().memory_info().rss
