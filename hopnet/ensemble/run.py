"""Ensembles: many samples of the points of a run file, nothing computed twice, nothing lost."""

from __future__ import annotations

import contextlib
import operator
import os
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from hopnet.checks import flag, path_of, shown
from hopnet.ensemble.config import RunConfig, as_toml, config_from_dict, config_from_text
from hopnet.ensemble.engines import Engine, check_batch_system, start_engine
from hopnet.ensemble.heartbeat import Heartbeat
from hopnet.ensemble.ledger import Examination, Ledger, open_ledger
from hopnet.ensemble.listener import Listener, listener_for
from hopnet.ensemble.manifest import read_manifest
from hopnet.ensemble.plan import Progress, check_memory, task_cost
from hopnet.ensemble.results import Gathered, gather, long_table
from hopnet.ensemble.stages import missing_tasks
from hopnet.ensemble.tasks import Report, Task
from hopnet.errors import HopnetError, ParameterError
from hopnet.files import digest
from hopnet.toml import read_text

__all__ = [
    "RunFile",
    "check_fit",
    "check_options",
    "complete_run",
    "load_run",
    "run_ensemble",
]

# Address of a scheduler: a protocol may stand before the host.
ADDRESS = re.compile(r"((tcp|tls)://)?(\[[0-9a-fA-F:.]+\]|[^\s:/\[\]]+):[0-9]{1,5}")
# Seconds between heartbeats. Smaller: more writes on a network file system. Larger: `hopnet
# status` is older, and must stay well below `hopnet.ensemble.heartbeat.STALE`.
BEAT = 2.0


@dataclass(frozen=True)
class RunFile:
    """A run file that has been read once.

    Attributes
    ----------
    config : RunConfig
    text : str
        Its text; the result directory keeps it.
    name : str
        Its name without the ending; the default result directory is ``results/NAME``.
    """

    config: RunConfig
    text: str
    name: str


def run_ensemble(
    file: str | Path | Mapping[str, Any] | RunConfig | RunFile,
    out: str | Path | None = None,
    workers: int = 1,
    *,
    scheduler: str | None = None,
    shard: tuple[int, int] | str | None = None,
    threads: int | None = None,
    force: bool = False,
    retry: bool = False,
    listener: Listener | None = None,
    progress: bool | None = None,
) -> pd.DataFrame:
    """Compute the samples of a run file that are still missing, and collect the table.

    The whole table is read into memory at the end; `complete_run` leaves it on disk.

    Parameters
    ----------
    file : path-like, dict or RunConfig
        A TOML file, or the same as a nested dict.
    out : path-like, optional
        Result directory; default ``results/NAME`` for ``NAME.toml``. If it holds finished
        samples of this run they are kept and only the rest is computed.
    workers : int
        With 1, samples are computed here, one after the other; with more, in as many
        processes of one thread each. Not used with ``scheduler`` or a ``[cluster]``.
    scheduler : str, optional
        Address of a Dask scheduler whose workers see this file system. Anybody who reaches the
        port of a ``tcp://`` scheduler can run code in your name; ``tls://`` protects it.
    shard : (i, n) or "i/n", optional
        Only every n-th batch of samples, starting at the i-th (from 0): for job arrays without a
        scheduler. Shards do not collect; call `collect` when all have ended.
    threads : int, optional
        Number of threads of each sample when it is computed here; default all.
    force : bool
        Compute even if the estimated memory exceeds that of this machine.
    retry : bool
        Compute failed samples again.
    listener : Listener, optional
        Receives the events of the run, in place of the progress bar.
    progress : bool, optional
        Show a progress bar; by default in notebooks only.

    Returns
    -------
    pandas.DataFrame
        The long table; see `read_results`. It is the same to the bit for any workers, threads and
        batches. With ``shard`` it is empty.

    Raises
    ------
    ParameterError
        If the run file, the directory, a number or the memory does not fit.
    HopnetError
        If results cannot be written or read, or tasks were lost (says which and why); finished
        samples are kept.
    """
    run = load_run(file)
    gathered = complete_run(
        run,
        out,
        workers,
        scheduler=scheduler,
        shard=shard,
        threads=threads,
        force=force,
        retry=retry,
        listener=listener,
        progress=progress,
    )
    if gathered is None:
        return pd.DataFrame()
    return long_table(directory_of(run, out), gathered)


def complete_run(
    file: str | Path | Mapping[str, Any] | RunConfig | RunFile,
    out: str | Path | None = None,
    workers: int = 1,
    *,
    scheduler: str | None = None,
    shard: tuple[int, int] | str | None = None,
    threads: int | None = None,
    force: bool = False,
    retry: bool = False,
    listener: Listener | None = None,
    progress: bool | None = None,
) -> Gathered | None:
    """`run_ensemble` without the long table in memory.

    Returns
    -------
    Gathered or None
        How much has been gathered into the tables; None with ``shard``: shards do not collect.
    """
    run = load_run(file)
    config = run.config
    listener = listener_for(listener, progress)
    flag("retry", retry)
    flag("force", force)
    directory = directory_of(run, out)
    part = check_options(config, workers, scheduler, shard, threads)
    check_fit(config, workers, scheduler, force=force)
    if config.cluster is not None and scheduler is None:
        check_batch_system(config.cluster)
    is_new = not directory.exists()
    ledger = open_ledger(directory, config.identity())
    lost: list[Report] = []
    with withdrawn(ledger, is_new) as began, Heartbeat(ledger, part, plan_of(config)) as heart:
        found = enter(run, ledger, heart, listener, retry=retry)
        tasks = missing_tasks(config, ledger, found, part, retry=retry)
        if tasks:
            with start_engine(config, workers, scheduler, threads, ledger, listener) as engine:
                began.set()
                lost += follow(engine, tasks, found.n_samples, heart, listener)
                # With target_error the spread of the first stage says how many more follow.
                found = ledger.examine() if config.ensemble.target_error else found
                rest = [] if lost else second_tasks(config, ledger, found, part)
                if rest:
                    lost += follow(engine, rest, found.n_samples, heart, listener)
    gathered = None if shard is not None else gather(config, ledger, listener)
    if lost:
        number = sum(report.counts["lost"] for report in lost)
        names = ", ".join(report.task.label for report in lost[:3])
        raise HopnetError(
            f"{number} samples were lost ({names}{' ...' * (len(lost) > 3)}): "
            f"{lost[0].reason}; finished samples are kept, run again for the rest."
        )
    return gathered


def second_tasks(
    config: RunConfig, ledger: Ledger, found: Examination, shard: tuple[int, int]
) -> list[Task]:
    """The tasks that the spread of the first samples asks for."""
    if not config.ensemble.target_error:
        return []
    return missing_tasks(config, ledger, found, shard)


def directory_of(run: RunFile, out: str | Path | None) -> Path:
    """The result directory of a run; by default ``results/NAME``."""
    return Path("results") / run.name if out is None else path_of("out", out)


def plan_of(config: RunConfig) -> str:
    """Digest of the points and numbers of samples that a run file asks for."""
    ensemble = config.ensemble
    return digest(
        {
            "points": [(point.name, point.n_samples) for point in config.points()],
            "stop": [ensemble.target_error, ensemble.max_samples],
            "batch": ensemble.batch,
        }
    )


@contextlib.contextmanager
def withdrawn(ledger: Ledger, is_new: bool) -> Iterator[threading.Event]:
    """A context that removes a new directory again if the run is refused before it begins.

    Yields
    ------
    threading.Event
        Set it when computing begins.
    """
    began = threading.Event()
    try:
        yield began
    except HopnetError:
        if is_new and not began.is_set():
            ledger.discard()
        raise


def enter(
    run: RunFile, ledger: Ledger, heart: Heartbeat, listener: Listener, *, retry: bool
) -> Examination:
    """Clean a directory, write its manifest and run file; what the directory holds.

    Failed samples are named, unless they are computed again with ``retry``.
    """
    if heart.is_alone:
        ledger.sweep()
    found = ledger.examine()
    for reason in ledger.clean(found):
        listener.set_aside(reason)
    ledger.record(run.config.identity(), run.text)
    report_history(ledger, bool(found.contents), listener)
    n_failed = sum(len(content.failed) for content in found.contents.values())
    if n_failed and not retry:
        listener.note(f"{n_failed} samples have failed before; --retry computes them again")
    return found


def report_history(ledger: Ledger, has_samples: bool, listener: Listener) -> None:
    """Report if the directory has results of other versions or of another processor."""
    history = read_manifest(ledger.directory).history
    if len(history) > 1 and has_samples:
        old, new = (h["versions"] | {"on": h["processor"]} for h in (history[0], history[-1]))
        changed = ", ".join(f"{k} {old.get(k)}, then {new[k]}" for k in new if old.get(k) != new[k])
        text = f"versions or processor have changed since the first samples ({changed})"
        listener.note(f"{text}: last digits may differ between old and new ones")


def load_run(file: str | Path | Mapping[str, Any] | RunConfig | RunFile) -> RunFile:
    """The run file from a path, a dict or a RunConfig; a file is read once."""
    if isinstance(file, RunFile):
        return file
    if isinstance(file, RunConfig | Mapping):
        config = file if isinstance(file, RunConfig) else config_from_dict(file)
        return RunFile(config, as_toml(config), "run")
    if not isinstance(file, str | os.PathLike):
        raise ParameterError(
            f"a run file is a path, a dict or a RunConfig, got {type(file).__name__}; give one."
        )
    text = read_text(file)
    return RunFile(config_from_text(text, source=str(file)), text, Path(file).stem)


def check_shard(shard: tuple[int, int] | str | None) -> tuple[int, int]:
    """The shard (i, n), checked; (0, 1) for None."""
    try:
        if isinstance(shard, str):
            i, n = (int(word) for word in shard.split("/"))
        else:
            i, n = (0, 1) if shard is None else (operator.index(number) for number in shard)
    except (TypeError, ValueError):
        raise ParameterError(
            f"a shard is two whole numbers (i, n) or a text I/N, got {shown(shard)}; (0, 4) or "
            "'0/4' is the first of four."
        ) from None
    if not 0 <= i < n < 2**31:
        raise ParameterError(
            f"a shard I/N needs 0 <= I < N, got {i}/{n}; the shards of a run are 0/{max(n, 1)} "
            f"to {max(n, 1) - 1}/{max(n, 1)}."
        )
    return i, n


def check_options(
    config: RunConfig,
    workers: int = 1,
    scheduler: str | None = None,
    shard: tuple[int, int] | str | None = None,
    threads: int | None = None,
) -> tuple[int, int]:
    """Raise for options that do not fit or exclude each other; the shard (i, n)."""
    if not is_count(workers):
        raise ParameterError(f"workers must be 1 or more, got {shown(workers)}; give --workers 1.")
    checked = check_shard(shard)
    if scheduler is not None and not (isinstance(scheduler, str) and ADDRESS.fullmatch(scheduler)):
        raise ParameterError(
            "--scheduler takes an address tcp://HOST:PORT or tls://HOST:PORT, got "
            f"{shown(scheduler)}; a Dask scheduler prints its address when it starts."
        )
    elsewhere = "[cluster]" if config.cluster is not None else None
    elsewhere = "--scheduler" if scheduler is not None else elsewhere
    if elsewhere and workers != 1:
        raise ParameterError(
            f"--workers ({workers}) and {elsewhere} exclude each other: the workers are those "
            "that join there; leave one out."
        )
    if elsewhere == "[cluster]" and shard is not None:
        raise ParameterError(
            f"--shard ({checked[0]}/{checked[1]}) and [cluster] exclude each other: each shard "
            "would ask for jobs of its own; take [cluster] out of the run file of a job array."
        )
    if threads is not None and not is_count(threads):
        raise ParameterError(
            f"threads must be 1 or more, got {shown(threads)}; leave it out to use all there are."
        )
    if threads is not None and (elsewhere or workers > 1):
        raise ParameterError(
            f"--threads ({threads}) is for one worker in this process, others have one thread "
            f"each; leave out --threads or {elsewhere or '--workers'}."
        )
    return checked


def is_count(number: Any) -> bool:
    """Whether a value is a whole number of at least 1."""
    return isinstance(number, int) and not isinstance(number, bool) and 1 <= number < 2**31


def check_fit(
    config: RunConfig, workers: int, scheduler: str | None = None, *, force: bool = False
) -> None:
    """Raise if the workers do not fit in memory together, here or in a job of ``[cluster]``."""
    if config.cluster is None or scheduler is not None:
        check_memory(config.points(), workers, force=force, here=scheduler is None)
        return
    check_memory(
        config.points(),
        config.cluster.workers_per_job,
        force=force,
        limit=config.cluster.job_memory,
        owner="a job of [cluster]",
        option="cluster.workers_per_job =",
    )


def follow(
    engine: Engine,
    tasks: Sequence[Task],
    n_finished: int,
    heart: Heartbeat,
    listener: Listener,
) -> list[Report]:
    """Let an engine compute tasks until all have ended; the reports of those that were lost.

    A thread renews the heartbeat while the engine computes.
    """
    cost = {task.batch: (task_cost(task.point), len(task.numbers)) for task in tasks}
    progress = Progress(cost, engine.width)
    listener.start(progress.n_samples, n_finished)
    over = threading.Event()

    def keep_beating() -> None:
        while not over.wait(BEAT):
            heart.beat(**progress.facts())

    heart.beat(**progress.facts())
    thread = threading.Thread(target=keep_beating, daemon=True)
    thread.start()
    lost = []
    try:
        for report in engine.compute(tasks):
            progress.count(report.task.batch, report.counts)
            listener.report(report, progress.facts())
            if "lost" in report.counts:
                lost.append(report)
    finally:
        over.set()
        thread.join()
        heart.beat(**progress.facts())
    return lost
