"""Engine against bare copies of the task: overhead, throughput of two workers, driver memory."""

from __future__ import annotations

import itertools
import json
import multiprocessing
import os
import statistics
import tempfile
import time
from pathlib import Path

from hopnet.bench import row
from hopnet.ensemble.config import config_from_dict
from hopnet.ensemble.engines import do_task_alone, run_with_dask
from hopnet.ensemble.ledger import open_ledger
from hopnet.ensemble.listener import Listener
from hopnet.ensemble.sample import compute_sample
from hopnet.ensemble.tasks import Task
from hopnet.ensemble.workers import ONE_THREAD, local_processes
from hopnet.errors import ParameterError
from hopnet.machine import versions


def measure(n_sites=20_000, n_tasks=500, n_bare=100, workers=2, rounds=4):
    """Tasks through the Dask engine and bare copies of the task on as many processes, in turn.

    Parameters
    ----------
    n_sites, n_tasks : int
    n_bare : int
        Tasks that each bare process computes, shared among ``rounds + 1`` turns.
    workers : int
    rounds : int
        Turns of the engine; each is compared with the bare turns before and after it.

    Returns
    -------
    list of dict
        Seconds of a task, bare and on a worker. Overhead per task: what passes on a worker from
        the start of a task to the start of the next, less computing; of it, writing the files.
        Throughput of the engine over that of the bare copies (``ratio``, median over the turns;
        of each turn in ``ratios``). Growth of the driver's memory from the first quarter of the
        tasks to the last.
    """
    if n_tasks < 4 * workers * rounds or n_bare < 2 * (rounds + 1):
        raise ParameterError(
            f"{rounds} rounds with {workers} workers need n_tasks >= {4 * workers * rounds} and "
            f"n_bare >= {2 * (rounds + 1)}, got {n_tasks} and {n_bare}; take more, or fewer rounds."
        )
    config = config_from_dict(
        {
            "sites": {"n_sites": n_sites, "density": 0.02, "seed": 8191},
            "spin": {"tau_s": [0.0, 1e2, 1e4]},
            "ensemble": {"samples": n_tasks},
        }
    )
    point = config.points()[0]
    bare, bare_rate, rate, memory = [], [], [], []
    with (
        tempfile.TemporaryDirectory() as folder,
        start_bare(workers) as pool,
        local_processes(workers, Listener()) as (client, processes),
    ):
        ledger = open_ledger(Path(folder) / "run", config.identity())
        (ledger.directory / "cycles").mkdir()
        tasks = [Task(ledger, point, r, versions()) for r in range(n_tasks + 4 * workers)]

        def engine_turn(tasks):
            start = time.perf_counter()
            for _ in run_with_dask(client, tasks, Listener(), workers=processes, do=timed_task):
                memory.append(resident_memory())
            rate.append(len(tasks) / (time.perf_counter() - start))

        def bare_turn(number):
            # the same samples as the engine's, a part of them
            tasks = [(point, r * number, number) for r in range(workers)]
            turns = pool.map(compute_bare, tasks, chunksize=1)
            bare.extend(s for seconds in turns for s in seconds)
            bare_rate.append(sum(number / sum(seconds) for seconds in turns))

        engine_turn(tasks[n_tasks:])  # every process has loaded its kernels
        bare_turn(2)
        for file in (ledger.directory / "cycles").iterdir():
            file.unlink()
        for kept in (bare, bare_rate, rate, memory):
            kept.clear()
        bare_turn(n_bare // (rounds + 1))
        cycles = []
        for turn in range(rounds):
            engine_turn(tasks[turn * n_tasks // rounds : (turn + 1) * n_tasks // rounds])
            bare_turn(n_bare // (rounds + 1))
            cycles += read_cycles(ledger.directory / "cycles")
    ratios = [2.0 * e / (b + c) for e, b, c in zip(rate, bare_rate, bare_rate[1:])]
    overhead = [cycle - compute for cycle, compute, _ in cycles]
    quarter = len(memory) // 4
    first, last = statistics.mean(memory[:quarter]), statistics.mean(memory[-quarter:])
    return [
        row(f"bare task, {workers} copies at once", bare, n_tasks=len(bare), n_sites=n_sites),
        row(f"task on one of {workers} workers", [c for _, c, _ in cycles], n_tasks=n_tasks),
        row(
            "engine overhead per task",
            overhead,
            seconds_mean=statistics.mean(overhead),
            asked="median <= 0.02",
        ),
        row("of it, writing the files", [writing for *_, writing in cycles]),
        {
            "what": f"throughput of {workers} workers",
            "reference": f"{workers} bare copies",
            "ratio": statistics.median(ratios),
            "ratios": ", ".join(f"{r:.3f}" for r in ratios),
            "tasks_per_second": statistics.mean(rate),
            "asked": "ratio >= 0.9",
        },
        {
            "what": f"driver's memory over {n_tasks} tasks",
            "megabytes": last / 1e6,
            "megabytes_grown": (last - first) / 1e6,
            "asked": "flat",
        },
    ]


def start_bare(n_copies):
    """A pool of processes started as workers are: one thread, a session of its own."""
    before = dict(os.environ)
    os.environ.update(ONE_THREAD)
    try:
        return multiprocessing.get_context("spawn").Pool(n_copies, initializer=os.setsid)
    finally:
        os.environ.clear()
        os.environ.update(before)


def timed_task(task):
    """`do_task_alone`; when it started, computed and wrote goes into a file of this worker."""
    start = time.time()
    report = do_task_alone(task)
    writing = time.time() - start - report.seconds
    with open(task.ledger.directory / "cycles" / str(os.getpid()), "a") as file:
        file.write(json.dumps((start, report.seconds, writing)) + "\n")
    return report


def read_cycles(folder):
    """Of each task but the last of each worker: (seconds to the next start, computing, writing).

    The files are removed, so that the pause between two turns counts for neither.
    """
    out = []
    for file in folder.iterdir():
        tasks = [json.loads(line) for line in file.read_text().splitlines()]
        file.unlink()
        out += [(b[0] - a[0], a[1], a[2]) for a, b in itertools.pairwise(tasks)]
    return out


def compute_bare(task):
    """Compute a few samples, nothing else; the seconds that each took."""
    point, first, number = task
    seconds = []
    for sample in range(first, first + number):
        start = time.perf_counter()
        compute_sample(point, sample, threads=1)
        seconds.append(time.perf_counter() - start)
    return seconds


def resident_memory():
    """Resident memory of this process, in bytes."""
    import psutil

    return psutil.Process().memory_info().rss
