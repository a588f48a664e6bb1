"""Plan: estimates of the time, memory and disk space of a run, before and during the run."""

from __future__ import annotations

import bisect
import math
import threading
import time
import warnings
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hopnet.constants import PERCOLATION_RADII
from hopnet.ensemble.config import Point, RunConfig
from hopnet.ensemble.sample import compute_sample
from hopnet.ensemble.statistics import LARGEST
from hopnet.ensemble.tables import table_bytes, table_of
from hopnet.errors import ParameterError, ValidityWarning
from hopnet.kernels.elimination import factor_fronts
from hopnet.machine import machine_memory
from hopnet.network.build import build_network
from hopnet.network.sites import random_sites
from hopnet.spin.curve import f_curve
from hopnet.transport.current import solve_current

__all__ = [
    "Progress",
    "batch_size",
    "check_memory",
    "estimate_run",
    "kernels_are_cached",
    "largest_sample",
    "links_per_site",
    "task_cost",
    "task_memory",
    "warm_up",
]

# Mean number of links per site at cutoff 1.5, pi (1.5 * 1.19847)^2 / 2: the cutoff at which the
# costs below were measured.
LINKS_PER_SITE = 5.08
# The cost of a sample in s on one core of 2024, measured from 1e4 to 5e5 sites. Only ratios are
# used, for progress and order; a wrong value makes the predicted time wrong, nothing else.
SECONDS_PER_SAMPLE = 2e-3  # the part that does not depend on the size: calls, files
SECONDS_PER_SITE = 11e-6  # links, order of elimination and Kirchhoff's laws
SECONDS_PER_FACTOR = 1e-6  # per site and relaxation time that needs a factor of its own
LINKS_POWER = 1.3  # the cost grows as links_per_site to this power (cutoffs 1.2 to 2)
INTERPOLATED = 14  # cost of a long curve in factors, slopes included; see hopnet.f_curve
# Sites with energies cost up to this much more, because xi_c is searched for. In the cold fewer
# sites take part: below kT = width / 100 the cost falls as (kT / width)^0.4 (measured, 1e-3 to 1).
ENERGIES_COST = 1.7
COLD = 100.0
COLD_POWER = 0.4
# Peak memory of a sample in bytes. Measured at cutoffs 1.2, 1.5 and 2: 840, 1280 and 2660 bytes
# per site, the same from 3e4 to 1e6 sites. That is links * (215 + 8.5 links) per site, links being
# the mean number of links per site. Sites with energies need up to 1.6 times as much, at kT = a
# hundredth of the width, where many pairs are examined to find xi_c.
BYTES_PER_LINK = 215.0
BYTES_PER_LINK_SQUARED = 8.5
ENERGIES_MEMORY = 1.6
# Factor of safety of the memory: samples of one size differ by some 10 %. A smaller one risks a
# process that the system kills, a larger one refuses runs that fit.
RESERVE = 1.25
BASE_MEMORY = 300e6  # bytes: Python, its libraries and the compiled kernels
# Sites in space: seconds of the factor per site squared, and its entries per site^(4/3), with the
# mean number of links of a cutoff of 1.5 l_c. The seconds grow as the links to the power
# POWER_IN_SPACE, the entries to 5/3. Each entry takes 8 bytes, and about as much again while
# fronts are summed. Measured from 1e4 to 1e6 sites at n_s a_b^3 = 0.01.
LINKS_IN_SPACE = 4.62
SECONDS_IN_SPACE = 3.5e-11
POWER_IN_SPACE = 7.7 / 3
ENTRIES_IN_SPACE = 2.65
PROBE_SITES = 40_000  # sites of the measured sample of an estimate: about half a second
# Memory access slows down as arrays outgrow the CPU caches: about 5 % per factor e in size,
# measured from 4e4 to 5e5 sites.
CACHE_POWER = 0.05
# Disk space of a run in bytes. In this order: the block size of a file system, the labels and the
# schema of one file, one more row (a sample and a relaxation time) in the file of a batch, a row in
# summary.csv and summary.parquet, the statistics and figures.
BLOCK = 4096
FILE_OVERHEAD = 1500
BYTES_PER_ROW = 150
BYTES_IN_TABLES = 600
TABLES_AND_FIGURES = 4e5

# Seconds that a task should take on one core, by the estimated cost of its samples. Smaller: more
# files, and 10 ms of each task are spent on its file. Larger: workers end at different times.
TASK_SECONDS = 5.0
# A run has at least this many tasks, if it has as many samples, so that all workers and shards
# have work. Larger: more files for cheap samples.
FEWEST_TASKS = 128
# A run has at most this many files of rows for one point (and as many of diagnostics). Larger: slow
# directories, and a longer collecting. Smaller: long tasks for expensive samples.
MOST_FILES = 1000


# Time of one field per site, in s, with the links of a cutoff of 1.5, and Newton steps of blocking.
# Both only order the samples and estimate the time.
SECONDS_PER_FIELD = 1.2e-5
STEPS_OF_BLOCKING = 15.0
# Memory of a run over fields over that of a run for f, with two weights per entry.
FIELDS_MEMORY = 1.8


def links_per_site(physical: Mapping[str, Any]) -> float:
    """Mean number of links per site, from the cutoff."""
    dimension, density = physical.get("sites.dimension", 2), physical["sites.density"]
    l_c = PERCOLATION_RADII[dimension] / density ** (1 / dimension)
    if physical["network.cutoff_radius"] is not None:
        radius = physical["network.cutoff_radius"]
    elif physical["network.cutoff"] is not None:
        radius = physical["network.cutoff"] * l_c
    else:
        radius = l_c + physical["network.cutoff_margin"]
    everybody = 0.5 * (physical["sites.n_sites"] - 1)
    unit_ball = {2: math.pi, 3: 4.0 * math.pi / 3.0}[dimension]
    return min(0.5 * unit_ball * density * radius**dimension, everybody)


def task_cost(point: Point) -> float:
    """Relative cost of one sample, in units of about one second on one core."""
    relative_links = links_per_site(point.physical) / LINKS_PER_SITE
    n_factors = len(point.tau_s)
    if point.fields:
        # Both signs; with blocking some ten steps of two eliminations each.
        crowded = "field.concentration" in point.physical
        return (
            SECONDS_PER_SAMPLE
            + point.physical["sites.n_sites"]
            * SECONDS_PER_FIELD
            * 2
            * len(point.fields)
            * (STEPS_OF_BLOCKING if crowded else 1)
            * relative_links**LINKS_POWER
        )
    if point.tolerance > 0 and n_factors > INTERPOLATED:
        n_factors = INTERPOLATED
    per_site = SECONDS_PER_SITE + SECONDS_PER_FACTOR * n_factors
    if "sites.density_of_states" in point.physical:
        relative_kT = point.physical["network.kT"] / point.physical["sites.energy_width"]
        per_site *= ENERGIES_COST * min(1.0, (COLD * relative_kT) ** COLD_POWER)
    n_sites = point.physical["sites.n_sites"]
    plain = SECONDS_PER_SAMPLE + n_sites * per_site * relative_links**LINKS_POWER
    if "sites.dimension" in point.physical:
        thicker = links_per_site(point.physical) / LINKS_IN_SPACE
        plain += SECONDS_IN_SPACE * float(n_sites) ** 2 * thicker**POWER_IN_SPACE
    return plain


def batch_size(config: RunConfig, point: Point, n_samples: int) -> int:
    """Number of samples of one task of a point.

    Parameters
    ----------
    config : RunConfig
        ``ensemble.batch`` decides if it is given.
    point : Point
    n_samples : int
        Number of samples of the whole run.

    Returns
    -------
    int
        By default a task takes about five seconds. A short run has smaller batches, so that all
        workers have work; a run of very many samples has larger ones, so that a point has at most
        1000 files.
    """
    if config.ensemble.batch is not None:
        return config.ensemble.batch
    by_cost = int(TASK_SECONDS / task_cost(point))
    by_number = n_samples // FEWEST_TASKS
    return max(1, -(-point.n_samples // MOST_FILES), min(by_cost, by_number))


def bytes_per_site(physical: Mapping[str, Any]) -> float:
    """Estimated peak memory per site, without the reserve."""
    links = links_per_site(physical)
    energies = ENERGIES_MEMORY if "sites.density_of_states" in physical else 1.0
    fields = FIELDS_MEMORY if physical["sites.geometry"] == "torus" else 1.0
    return links * (BYTES_PER_LINK + BYTES_PER_LINK_SQUARED * links) * energies * fields


def task_memory(physical: Mapping[str, Any]) -> float:
    """Estimated peak memory of one sample, in bytes, the libraries included."""
    if "sites.dimension" in physical:
        thicker = links_per_site(physical) / LINKS_IN_SPACE
        n_sites = float(physical["sites.n_sites"])
        entries = ENTRIES_IN_SPACE * n_sites ** (4 / 3) * thicker ** (5 / 3)
        return BASE_MEMORY + RESERVE * (n_sites * bytes_per_site(physical) + 16.0 * entries)
    return BASE_MEMORY + RESERVE * physical["sites.n_sites"] * bytes_per_site(physical)


def largest_sample(memory: float) -> float:
    """Number of sites of the largest sample, at cutoff 1.5, that fits into a memory in bytes."""
    links = LINKS_PER_SITE
    per_site = links * (BYTES_PER_LINK + BYTES_PER_LINK_SQUARED * links)
    return max(0.0, memory - BASE_MEMORY) / (RESERVE * per_site)


def check_memory(
    points: Sequence[Point],
    workers: int,
    *,
    force: bool = False,
    here: bool = True,
    limit: float | None = None,
    owner: str = "this machine",
    option: str = "--workers",
) -> None:
    """Refuse a run whose workers would not fit in memory together.

    Parameters
    ----------
    points : sequence of Point
    workers : int
        Number of workers on this machine.
    force : bool
        Do not refuse.
    here : bool
        False when the work is done on other machines, whose memory is unknown.
    limit : float, bytes, optional
        Available memory; default: that of this machine.
    owner, option : str
        Owner of this memory, and the option that sets the number of workers, for the message.

    Raises
    ------
    ParameterError
        Names the largest number of sites, or of workers, that fits.
    """
    limit = machine_memory() if limit is None else limit
    largest = max((point.physical for point in points), key=task_memory)
    need = workers * task_memory(largest)
    if force or not here or need <= limit:
        return
    fitting = int(limit // task_memory(largest))
    if fitting >= 1:
        advice = f"{fitting} worker{'s' * (fitting > 1)} of that size fit: give {option} {fitting}"
    else:
        sizes = range(largest["sites.n_sites"])
        memory = limit / workers
        place = bisect.bisect(
            sizes, memory, key=lambda n: task_memory(largest | {"sites.n_sites": n})
        )
        n_sites = round_down(max(place - 1, 0))
        advice = f"the largest n_sites that fits is {n_sites}: set it in the run file"
        if n_sites < 3:
            advice = "no n_sites fits: take a smaller cutoff or fewer workers"
    raise ParameterError(
        f"{workers} worker{'s' * (workers > 1)} with n_sites = {largest['sites.n_sites']} need an "
        f"estimated {need / 1e9:.3g} GB, {owner} has {limit / 1e9:.3g} GB; {advice}, or "
        "compute anyway with --force."
    )


def round_down(n: int) -> int:
    """A whole number rounded down to two digits."""
    step = 10 ** max(0, len(str(n)) - 2)
    return n // step * step


class Progress:
    """The progress of a list of tasks, and the time left, from the costs of their samples.

    ``cost`` has the cost of a sample and the number of samples of each task, by its key. The rate
    is measured from the moment when every worker has ended one task: before that, starting and
    loading would count as computing.
    """

    def __init__(self, cost: Mapping[Any, tuple[float, int]], width: int = 1) -> None:
        self.cost = {key: one for key, (one, _) in cost.items()}
        self.total = sum(one * number for one, number in cost.values())
        self.n_samples = sum(number for _, number in cost.values())
        self.left = self.total
        self.started = time.time()
        self.by_status: dict[str, int] = {}
        self.n_ended = self.n_reports = 0
        self.width = width
        self.lock = threading.Lock()
        self.mark: tuple[float, float, int] | None = None  # time, cost left, samples ended

    def count(self, task: Hashable, counts: Mapping[str, int]) -> None:
        """Count the samples of a task that have ended, by their status."""
        with self.lock:
            number = sum(counts.values())
            for status, some in counts.items():
                self.by_status[status] = self.by_status.get(status, 0) + some
            self.n_ended += number
            self.n_reports += 1
            self.left = max(0.0, self.left - number * self.cost[task])
            if self.mark is None and self.n_reports >= self.width:
                self.mark = (time.time(), self.left, self.n_ended)

    def facts(self) -> dict[str, Any]:
        """Numbers for a heartbeat or a progress bar.

        Returns
        -------
        dict
            ``seconds_left`` and ``tasks_per_hour`` are None until the rate can be estimated.
        """
        with self.lock:
            now = time.time()
            waiting = self.n_samples - self.n_ended
            seconds_left: float | None = None
            per_hour: float | None = None
            if self.mark is not None and now > self.mark[0] and self.n_ended > self.mark[2]:
                elapsed = now - self.mark[0]
                seconds_left = elapsed * self.left / max(self.mark[1] - self.left, 1e-300)
                per_hour = 3600.0 * (self.n_ended - self.mark[2]) / elapsed
            return {
                "n_tasks": self.n_samples,
                "n_ended": self.n_ended,
                "by_status": dict(self.by_status),
                "n_running": min(self.width, waiting),
                "elapsed": now - self.started,
                "fraction": 1.0 - self.left / self.total if self.total else 1.0,
                "seconds_left": seconds_left if waiting else 0.0,
                "tasks_per_hour": per_hour,
            }


def estimate_run(config: RunConfig, workers: int) -> dict[str, Any]:
    """Time, memory and disk of a run, from one short measured sample.

    Parameters
    ----------
    config : hopnet.ensemble.config.RunConfig
    workers : int
        Number of workers; with ``[cluster]`` those of all its jobs count instead.

    Returns
    -------
    dict
        Plain numbers: n_points, n_tasks, seconds_per_task (of the costliest point), seconds_total,
        memory_per_worker, machine_memory (with ``[cluster]`` the share of one worker in its job),
        disk (bytes), and ``up_to``, words for what ``target_error`` may add.
    """
    points = config.points()
    costliest = max(points, key=task_cost)
    threads = None if workers == 1 and config.cluster is None else 1
    memory = machine_memory()
    if config.cluster is not None:
        workers = config.cluster.jobs * config.cluster.workers_per_job
        memory = config.cluster.job_memory / config.cluster.workers_per_job
    n_probe = min(costliest.physical["sites.n_sites"], PROBE_SITES)
    physical = costliest.physical | {"sites.n_sites": n_probe}
    probe = replace(costliest, physical=physical)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ValidityWarning)
        compute_sample(probe, 0, threads=threads)  # so that pages and caches are warm
        start = time.perf_counter()
        result = compute_sample(probe, 1, threads=threads)
        seconds = time.perf_counter() - start
    larger = costliest.physical["sites.n_sites"] / n_probe
    per_cost = seconds / task_cost(probe) * larger**CACHE_POWER
    total = sum(point.n_samples * task_cost(point) * per_cost for point in points)
    n_tasks = sum(point.n_samples for point in points)
    size = len(table_bytes(table_of(result.columns), {})) + FILE_OVERHEAD
    size += (batch_size(config, costliest, n_tasks) - 1) * BYTES_PER_ROW * len(costliest.tau_s)
    per_file = BLOCK * -(-size // BLOCK) + BLOCK  # and a block for the diagnostics
    n_files = sum(-(-point.n_samples // batch_size(config, point, n_tasks)) for point in points)
    rows = n_tasks * len(costliest.tau_s)
    most = config.ensemble.max_samples
    up_to = f", up to {most or LARGEST} at each point for target_error"
    return {
        "question": config.question,
        "n_points": len(points),
        "n_tasks": n_tasks,
        "up_to": up_to if config.ensemble.target_error else "",
        "workers": workers,
        "seconds_per_task": task_cost(costliest) * per_cost,
        "seconds_total": total / min(workers, n_tasks),
        "memory_per_worker": max(task_memory(point.physical) for point in points),
        "machine_memory": memory,
        "disk": n_files * per_file + rows * BYTES_IN_TABLES + TABLES_AND_FIGURES,
        "probe_sites": n_probe,
        "probe_seconds": seconds,
    }


def kernels_are_cached() -> bool:
    """Whether the heaviest kernel has been compiled before, for this processor and version."""
    stats = getattr(factor_fronts, "stats", None)
    if stats is None or stats.cache_path is None:
        return stats is None  # compiling is switched off: nothing to wait for
    return any(Path(stats.cache_path).glob("elimination.factor_fronts*.nbc"))


def warm_up() -> None:
    """Compile every kernel of a run on a small sample; the result stays in Numba's cache."""
    for geometry in ("open", "cylinder"):
        sites = random_sites(400, density=0.1, seed=5, geometry=geometry)
        network = build_network(sites)
        current = solve_current(network, threads=1)
        f_curve(network, [0.0, 10.0], current=current, threads=1)
