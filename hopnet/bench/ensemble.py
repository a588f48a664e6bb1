"""The Dask engine against bare copies of the task: overhead, throughput, memory of the driver."""

from __future__ import annotations

import itertools
import json
import multiprocessing
import os
import statistics
import tempfile
import time
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from hopnet.bench import row
from hopnet.ensemble.config import Point, RunConfig, as_toml, config_from_dict
from hopnet.ensemble.engines import do_task_alone, run_with_dask
from hopnet.ensemble.ledger import open_ledger
from hopnet.ensemble.listener import Listener
from hopnet.ensemble.sample import compute_sample
from hopnet.ensemble.tasks import Report, Task
from hopnet.ensemble.workers import ONE_THREAD, local_processes
from hopnet.errors import ParameterError
from hopnet.machine import versions

__all__ = ["measure"]


@dataclass
class Turns:
    """Times measured in turns, of the engine and of bare copies of its task.

    Attributes
    ----------
    bare : list of float, s
        Time of each bare task.
    bare_rate, rate : list of float, 1/s
        Tasks per second in each turn of the bare copies and of the engine.
    memory : array of float
        Resident memory of the driver in bytes after each task.
    driver : list of float, s
        Computing time of the driver per task, in each turn of the engine.
    cycles : list of float64[n, 3], s
        For each task on a worker: time to the next start, computing time, writing time. These
        arrays keep the bench's own memory below 40 bytes per task.
    """

    bare: list[float] = field(default_factory=list)
    bare_rate: list[float] = field(default_factory=list)
    rate: list[float] = field(default_factory=list)
    memory: array = field(default_factory=lambda: array("d"))
    driver: list[float] = field(default_factory=list)
    cycles: list[np.ndarray] = field(default_factory=list)


def measure(
    n_sites: int = 20_000,
    n_tasks: int = 500,
    n_bare: int = 100,
    workers: int = 2,
    rounds: int = 4,
) -> list[dict[str, Any]]:
    """Compute tasks with the Dask engine and as bare copies on as many processes, in turns.

    Parameters
    ----------
    n_sites, n_tasks : int
        Size of a sample, and number of tasks of the engine.
    n_bare : int
        Tasks that each bare process computes, shared among ``rounds + 1`` turns.
    workers : int
        Number of processes.
    rounds : int
        Turns of the engine; each is compared with the bare turns before and after it.

    Returns
    -------
    list of dict
        Seconds of a task, bare and on a worker. Overhead per task: time on a worker from the
        start of a task to the start of the next, less computing; of it, writing the files.
        Throughput of the engine over that of the bare copies (``ratio``, median over the turns;
        of each turn in ``ratios``). Growth of the driver's memory from the first quarter of the
        tasks to the last, and per task. Computing time of the driver per task, which other work
        on the machine hardly changes.
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
    turns = take_turns(config, n_bare // (rounds + 1), workers, rounds)
    return rows_of(turns, workers, n_sites)


def take_turns(config: RunConfig, n_bare: int, workers: int, rounds: int) -> Turns:
    """Let the engine and the bare copies compute in turns."""
    point = config.points()[0]
    n_tasks = point.n_samples
    turns = Turns()
    with (
        tempfile.TemporaryDirectory() as folder,
        start_bare(workers) as pool,
        local_processes(workers, Listener()) as (client, processes),
    ):
        ledger = open_ledger(Path(folder) / "run", config.identity())
        ledger.record(config.identity(), as_toml(config))
        cycles = ledger.directory / "cycles"
        cycles.mkdir()
        tasks = [Task(ledger, point, (r,), versions()) for r in range(n_tasks + 4 * workers)]

        def engine_turn(some: Sequence[Task]) -> None:
            start, used = time.perf_counter(), time.process_time()
            for _ in run_with_dask(client, some, Listener(), workers=processes, do=timed_task):
                turns.memory.append(resident_memory())
            turns.rate.append(len(some) / (time.perf_counter() - start))
            turns.driver.append((time.process_time() - used) / len(some))

        def bare_turn(number: int) -> None:
            # The same samples as those of the engine, a part of them.
            parts = [(point, r * number, number) for r in range(workers)]
            found = pool.map(compute_bare, parts, chunksize=1)
            turns.bare.extend(s for seconds in found for s in seconds)
            turns.bare_rate.append(sum(number / sum(seconds) for seconds in found))

        # Every process loads its kernels; what this measures is dropped.
        engine_turn(tasks[n_tasks:])
        bare_turn(2)
        read_cycles(cycles)
        turns = Turns()
        bare_turn(n_bare)
        for turn in range(rounds):
            engine_turn(tasks[turn * n_tasks // rounds : (turn + 1) * n_tasks // rounds])
            bare_turn(n_bare)
            turns.cycles.append(np.array(read_cycles(cycles)).reshape(-1, 3))
    return turns


def rows_of(turns: Turns, workers: int, n_sites: int) -> list[dict[str, Any]]:
    """The table of `measure`."""
    n_tasks = len(turns.memory)
    rates = zip(turns.rate, turns.bare_rate, turns.bare_rate[1:])
    ratios = [2.0 * e / (b + c) for e, b, c in rates]
    cycle, compute, writing = np.concatenate(turns.cycles).T.tolist()
    overhead = [whole - part for whole, part in zip(cycle, compute)]
    quarter = n_tasks // 4
    first, last = statistics.mean(turns.memory[:quarter]), statistics.mean(turns.memory[-quarter:])
    return [
        row(
            f"bare task, {workers} copies together",
            turns.bare,
            n_tasks=len(turns.bare),
            n_sites=n_sites,
        ),
        row(f"task on one of {workers} workers", compute, n_tasks=n_tasks),
        row(
            "engine overhead per task",
            overhead,
            seconds_mean=statistics.mean(overhead),
            asked="median <= 0.02",
        ),
        row("of it, writing the files", writing),
        {
            "what": f"throughput of {workers} workers",
            "reference": f"{workers} bare copies",
            "ratio": statistics.median(ratios),
            "ratios": ", ".join(f"{r:.3f}" for r in ratios),
            "tasks_per_second": statistics.mean(turns.rate),
            "asked": "ratio >= 0.9",
        },
        {
            "what": f"driver's memory over {n_tasks} tasks",
            "megabytes": last / 1e6,
            "megabytes_grown": (last - first) / 1e6,
            # The middles of the two quarters lie three quarters of all tasks apart.
            "bytes_per_task": (last - first) / (0.75 * n_tasks),
            "asked": "bytes_per_task <= 1500",
        },
        row("computing time of the driver per task", turns.driver, asked="about 0.005"),
    ]


def start_bare(n_copies: int) -> Any:
    """A pool of processes started as workers are: one thread, a session of its own."""
    before = dict(os.environ)
    os.environ.update(ONE_THREAD)
    try:
        return multiprocessing.get_context("spawn").Pool(n_copies, initializer=os.setsid)
    finally:
        os.environ.clear()
        os.environ.update(before)


def timed_task(task: Task) -> Report:
    """`do_task_alone`; writes start, computing time and writing time to a file of this worker."""
    start = time.time()
    report = do_task_alone(task)
    writing = time.time() - start - report.seconds
    with open(task.ledger.directory / "cycles" / str(os.getpid()), "a") as file:
        file.write(json.dumps((start, report.seconds, writing)) + "\n")
    return report


def read_cycles(folder: Path) -> list[tuple[float, float, float]]:
    """For each task but the last of each worker: seconds to the next start, computing, writing.

    The files are removed, so that the pause between two turns counts for neither.
    """
    out = []
    for file in folder.iterdir():
        tasks = [json.loads(line) for line in file.read_text().splitlines()]
        file.unlink()
        out += [(b[0] - a[0], a[1], a[2]) for a, b in itertools.pairwise(tasks)]
    return out


def compute_bare(part: tuple[Point, int, int]) -> list[float]:
    """Compute a few samples and nothing else; the seconds that each took."""
    point, first, number = part
    seconds = []
    for sample in range(first, first + number):
        start = time.perf_counter()
        compute_sample(point, sample, threads=1)
        seconds.append(time.perf_counter() - start)
    return seconds


def resident_memory() -> int:
    """Resident memory of this process, in bytes."""
    import psutil

    return psutil.Process().memory_info().rss
