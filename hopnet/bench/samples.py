"""Many small samples: overhead of a batch over bare computation; time and memory of collecting."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from hopnet.bench import row
from hopnet.ensemble.batches import Batch
from hopnet.ensemble.config import Point, RunConfig, as_toml, config_from_dict
from hopnet.ensemble.ledger import Ledger, open_ledger
from hopnet.ensemble.plan import batch_size
from hopnet.ensemble.sample import compute_sample
from hopnet.ensemble.tables import table_of
from hopnet.ensemble.tasks import Task, do_task
from hopnet.machine import versions

__all__ = ["measure"]

# Columns that are the same in all samples of a point; the others are varied.
SAME = ("tau_s", "density", "length", "width", "width_across_current", "sample", "seed_word")


def measure(
    n_sites: int = 1000,
    n_samples: int = 1_000_000,
    batch: int = 200,
    rounds: int = 5,
) -> list[dict[str, Any]]:
    """Overhead of batches, and what a run of very many samples costs beside computing.

    Parameters
    ----------
    n_sites : int
        Size of a sample.
    n_samples : int
        Samples that are collected. Their files are real, their numbers are drawn around those of
        one computed sample.
    batch : int
        Samples that are computed in each turn: bare, and as one task with its file.
    rounds : int
        Turns.

    Returns
    -------
    list of dict
        Computing time of a sample, bare and in a batch (``ratio``: batch over bare, median of the
        turns; computing time, which other work on the machine changes less than wall time). Then
        ``hopnet run`` with one batch missing, ``hopnet collect`` and ``hopnet status`` of all
        samples: seconds, computing time and largest memory of the process, and number of files.
    """
    config = config_from_dict(
        {
            "sites": {"n_sites": n_sites, "density": 0.05, "seed": 8191},
            "spin": {"tau_s": [10.0]},
            "ensemble": {"samples": n_samples},
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        rows = compare(config, Path(folder) / "compared", batch, rounds)
        directory = Path(folder) / "run"
        (Path(folder) / "run.toml").write_text(as_toml(config))
        fill(config, directory)
        command = ["run", str(Path(folder) / "run.toml"), "--out", str(directory), "--no-figures"]
        rows.append(call("hopnet run, one batch missing", command))
        rows.append(call("hopnet collect", ["collect", str(directory)]))
        rows.append(call("hopnet status", ["status", str(directory)]))
        files = [path.stat().st_size for path in (directory / "samples").iterdir()]
        rows.append(
            {"what": "files of samples", "files": len(files), "megabytes": sum(files) / 1e6}
        )
    return rows


def compare(config: RunConfig, directory: Path, batch: int, rounds: int) -> list[dict[str, Any]]:
    """Compute the same samples bare and as tasks, in turns."""
    point = config.points()[0]
    ledger = open_ledger(directory, config.identity())
    bare: list[float] = []
    task: list[float] = []
    compute_bare(point, range(5))
    for turn in range(rounds):
        numbers = range(turn * batch, (turn + 1) * batch)
        start = time.process_time()
        compute_bare(point, numbers)
        bare.append((time.process_time() - start) / batch)
        start = time.process_time()
        do_task(Task(ledger, point, numbers, versions()))
        task.append((time.process_time() - start) / batch)
    name = f"sample of {point.physical['sites.n_sites']} sites"
    return [
        row(f"{name}, bare", bare),
        row(f"{name}, in a batch of {batch}", task, "bare", bare, asked="ratio <= 1.05"),
    ]


def compute_bare(point: Point, numbers: range) -> None:
    """Compute samples and nothing else."""
    for number in numbers:
        compute_sample(point, number, threads=1)


def fill(config: RunConfig, directory: Path) -> None:
    """Write the files of all samples but those of the last batch."""
    point = config.points()[0]
    ledger = open_ledger(directory, config.identity())
    ledger.record(config.identity(), as_toml(config))
    one = compute_sample(point, 0, threads=1).columns
    size = batch_size(config, point, point.n_samples)
    random = np.random.default_rng(2718)
    for first in range(0, point.n_samples - size, size):
        write_drawn(ledger, Batch(point.name, first, first + size - 1), one, random)


def write_drawn(
    ledger: Ledger, batch: Batch, one: dict[str, np.ndarray], random: np.random.Generator
) -> None:
    """Write a batch whose numbers are drawn around those of one sample."""
    n = batch.last - batch.first + 1
    columns = {name: np.repeat(values, n) for name, values in one.items()}
    columns["sample"] = np.arange(batch.first, batch.last + 1)
    columns["seed_word"] = random.integers(0, 2**63, n).astype(np.uint64)
    for name, values in columns.items():
        if values.dtype.kind == "f" and name not in SAME:
            columns[name] = values * (1.0 + 0.1 * random.standard_normal(n))
    ledger.write(batch, table_of(columns), {"seconds": 0.0})


def call(what: str, words: list[str]) -> dict[str, Any]:
    """Run a hopnet command; its time and its largest memory."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "hopnet.cli.main", *words]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command, stdout=log, stderr=log, env=os.environ | {"COLUMNS": "99"}
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            log.seek(0)
            raise RuntimeError(log.read().decode(errors="replace")[-2000:])
    return {
        "what": what,
        "seconds": time.perf_counter() - start,
        "seconds_of_computing": used.ru_utime + used.ru_stime,
        "megabytes": used.ru_maxrss / (1e3 if sys.platform != "darwin" else 1e6),
        "asked": "megabytes < 500",
    }
