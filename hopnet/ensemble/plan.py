"""Plan: what a run will cost, before and while it runs."""

from __future__ import annotations

import math
import threading
import time
import warnings
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from hopnet.constants import PERCOLATION_RADIUS
from hopnet.ensemble.sample import compute_sample
from hopnet.ensemble.statistics import LARGEST
from hopnet.errors import ParameterError, ValidityWarning
from hopnet.kernels.elimination import factor_fronts
from hopnet.machine import machine_memory
from hopnet.network.build import build_network
from hopnet.network.sites import random_sites
from hopnet.spin.curve import f_curve
from hopnet.transport.current import solve_current

LINKS_PER_SITE = 5.08  # at cutoff 1.5: pi (1.5 * 1.19847)^2 / 2
BASE_MEMORY = 300e6  # bytes: Python, its libraries and the compiled kernels
PROBE_SITES = 40_000
INTERPOLATED = 14  # factors that a long curve costs, counting its slopes, see hopnet.f_curve


def links_per_site(physical):
    """Mean number of links a site has, from the cutoff."""
    cutoff = physical["network.cutoff"]
    if physical["network.cutoff_radius"] is not None:
        cutoff = (
            physical["network.cutoff_radius"]
            * math.sqrt(physical["sites.density"])
            / PERCOLATION_RADIUS
        )
    everybody = 0.5 * (physical["sites.n_sites"] - 1)
    return min(0.5 * math.pi * (PERCOLATION_RADIUS * cutoff) ** 2, everybody)


def task_cost(point):
    """Relative cost of one sample: what the progress of a run is measured in.

    About seconds on one core of 2024: 11 us a site for links, order and Kirchhoff's laws, 1 us a
    site and relaxation time; only ratios are used.
    """
    density_of_links = links_per_site(point.physical) / LINKS_PER_SITE
    n_factors = len(point.tau_s)
    if point.tolerance > 0 and n_factors > INTERPOLATED:
        n_factors = INTERPOLATED
    per_site = 11e-6 + 1e-6 * n_factors
    if (
        "sites.density_of_states" in point.physical
    ):  # finding xi_c; few sites take part when it is cold
        width = point.physical["sites.energy_width"]
        per_site *= 1.7 * min(1.0, (100.0 * point.physical["network.kT"] / width) ** 0.4)
    return 2e-3 + point.physical["sites.n_sites"] * per_site * density_of_links**1.3


def task_memory(physical):
    """Estimated peak memory of one sample, in bytes, the libraries included.

    Measured at cutoffs 1.2, 1.5 and 2: 840, 1280 and 2660 bytes a site, the same from 3e4 to 1e6
    sites; a quarter is added. Sites with energies need up to 1.6 times as much, at a hundredth of
    the band's width, where many pairs are looked at to find xi_c.
    """
    links = links_per_site(physical)
    per_site = (
        links * (215.0 + 8.5 * links) * (1.6 if "sites.density_of_states" in physical else 1.0)
    )
    return BASE_MEMORY + 1.25 * physical["sites.n_sites"] * per_site


def check_memory(
    points,
    workers,
    *,
    force=False,
    here=True,
    limit=None,
    owner="this machine",
    knob="--workers",
):
    """Refuse a run whose workers would not fit in memory together.

    Parameters
    ----------
    points : sequence of Point
    workers : int
        On this machine.
    force : bool
        Do not refuse.
    here : bool
        False when the work is done elsewhere: then nothing is known about memory.
    limit : float, bytes, optional
        Default: that of this machine.
    owner, knob : str
        Who has so much, and what sets the number of workers.

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
        advice = f"{fitting} worker{'s' * (fitting > 1)} of that size fit: give {knob} {fitting}"
    else:
        per_site = (task_memory(largest) - BASE_MEMORY) / largest["sites.n_sites"]
        n_sites = round_down(int(max(0.0, limit / workers - BASE_MEMORY) / per_site))
        advice = f"the largest n_sites that fits is {n_sites}: set it in the run file"
        if n_sites < 3:
            advice = "no n_sites fits: take a smaller cutoff or fewer workers"
    raise ParameterError(
        f"{workers} worker{'s' * (workers > 1)} with n_sites = {largest['sites.n_sites']} need an "
        f"estimated {need / 1e9:.3g} GB, {owner} has {limit / 1e9:.3g} GB; {advice}, or "
        "insist with --force."
    )


def round_down(n):
    """To two digits."""
    step = 10 ** max(0, len(str(n)) - 2)
    return n // step * step


class Progress:
    """How far a list of tasks is, and when it will end, in units of their cost."""

    def __init__(self, cost, width=1):
        self.cost = dict(cost)
        self.total = sum(self.cost.values())
        self.waiting = dict(self.cost)
        self.started = time.time()
        self.by_status = {}
        self.width = width
        self.lock = threading.Lock()

    def count(self, task, status):
        """One task has ended."""
        with self.lock:
            self.waiting.pop(task, None)
            self.by_status[status] = self.by_status.get(status, 0) + 1

    def facts(self):
        """Numbers for a heartbeat or a progress bar.

        Returns
        -------
        dict
            ``seconds_left`` is None until a task has ended: nothing is known before.
        """
        with self.lock:
            left = sum(self.waiting.values())
            n_ended = len(self.cost) - len(self.waiting)
            elapsed = time.time() - self.started
            known = n_ended > 0 and elapsed > 0
            return {
                "n_tasks": len(self.cost),
                "n_ended": n_ended,
                "by_status": dict(self.by_status),
                "n_running": min(self.width, len(self.waiting)),
                "elapsed": elapsed,
                "fraction": 1.0 - left / self.total if self.total else 1.0,
                "seconds_left": elapsed * left / (self.total - left) if known else None,
                "tasks_per_hour": 3600.0 * n_ended / elapsed if known else None,
            }


def estimate_run(config, workers):
    """Time, memory and disk of a run, from one short measured sample.

    Parameters
    ----------
    config : hopnet.ensemble.config.RunConfig
    workers : int
        With ``[cluster]`` those of all its jobs count instead.

    Returns
    -------
    dict
        Plain numbers: n_points, n_tasks, seconds_per_task (of the costliest point), seconds_total,
        memory_per_worker, machine_memory (a worker's share of its job, with ``[cluster]``), disk
        (bytes), and ``up_to``, words for what
        ``target_error`` may add.
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
        compute_sample(probe, 0, threads=threads)  # pages and caches warm
        start = time.perf_counter()
        result = compute_sample(probe, 1, threads=threads)
        seconds = time.perf_counter() - start
    # memory gets slower to reach as arrays outgrow the caches: 5 % for each factor e
    larger = costliest.physical["sites.n_sites"] / n_probe
    per_cost = seconds / task_cost(probe) * larger**0.05
    total = sum(point.n_samples * task_cost(point) * per_cost for point in points)
    n_tasks = sum(point.n_samples for point in points)
    table = pa.table({name: pa.array(values) for name, values in result.columns.items()})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    per_file = 4096 * -(-(sink.tell() + 1500) // 4096) + 4096
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
        "disk": n_tasks * (per_file + 200 * len(costliest.tau_s)) + 4e5,
        "probe_sites": n_probe,
        "probe_seconds": seconds,
    }


def kernels_are_cached():
    """Whether the heaviest kernel has been compiled before, for this processor and version."""
    stats = getattr(factor_fronts, "stats", None)
    if stats is None or stats.cache_path is None:
        return stats is None  # uncompiled on purpose: nothing to wait for
    return any(Path(stats.cache_path).glob("elimination.factor_fronts*.nbc"))


def warm_up():
    """Compile every kernel of a run on a small sample, leaving the result in Numba's cache."""
    for geometry in ("open", "cylinder"):
        sites = random_sites(400, density=0.1, seed=5, geometry=geometry)
        network = build_network(sites)
        current = solve_current(network, threads=1)
        f_curve(network, [0.0, 10.0], current=current, threads=1)
