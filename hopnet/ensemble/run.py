"""Ensembles: many samples of the points of a run file, nothing computed twice, none lost."""

from __future__ import annotations

import contextlib
import operator
import re
import threading
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa

from hopnet.ensemble.config import (
    RunConfig,
    config_from_dict,
    config_from_text,
    read_config,
)
from hopnet.ensemble.engines import batch_system, connected, local_processes, run_with_dask
from hopnet.ensemble.heartbeat import Heartbeat, heartbeats, is_alive
from hopnet.ensemble.ledger import (
    Sample,
    existing_ledger,
    open_ledger,
    read_manifest,
    with_units,
    write_table,
)
from hopnet.ensemble.plan import Progress, check_memory, task_cost
from hopnet.ensemble.statistics import LARGEST, curves_by_sample, samples_for_error, summarise
from hopnet.ensemble.tasks import Task, cannot_write, run_here
from hopnet.errors import DataError, HopnetError, ParameterError
from hopnet.files import atomic_write
from hopnet.machine import versions
from hopnet.toml import read_text, to_toml

ADDRESS = re.compile(r"((tcp|tls)://)?(\[[0-9a-fA-F:.]+\]|[^\s:/\[\]]+):\d{1,5}")  # of a scheduler
BEAT = 2.0  # s between heartbeats


def run_ensemble(
    file: str | Path,
    out: str | Path | None = None,
    workers: int = 1,
    *,
    scheduler: str | None = None,
    shard: str | None = None,
    threads: int | None = None,
    force: bool = False,
    listener: Callable | None = None,
) -> pd.DataFrame:
    """Run a run file, or what is missing of it, and collect the table.

    Parameters
    ----------
    file : path-like, dict or RunConfig
        A TOML file, or the same as a nested dict.
    out : path-like, optional
        Result directory; default ``results/NAME`` for ``NAME.toml``. If it holds finished
        samples of this run they are kept and only the rest is computed.
    workers : int
        With one, samples are computed here, one after the other; with more, in as many
        processes of one thread each. Not used with ``scheduler`` or a ``[cluster]``.
    scheduler : str, optional
        Address of a Dask scheduler whose workers see this file system.
    shard : (i, n), optional
        Only every n-th task, starting at the i-th (from 0): for job arrays without a scheduler.
    threads : int, optional
        Of each sample when it is computed here; default all.
    force : bool
        Go on although the estimated memory exceeds that of this machine.
    listener : callable, optional
        Called as ``listener(event, **facts)`` while the run goes on; see `hopnet.cli.run`.

    Returns
    -------
    pandas.DataFrame
        The long table; see `read_results`. The same bits for any workers, threads and shards.

    Raises
    ------
    ParameterError
        If the run file, the directory, a number or the memory does not fit.
    HopnetError
        If samples were lost (says which and why); what is finished is kept.
    """
    config, text, name = load_run(file)
    directory = Path("results") / name if out is None else Path(out)
    shard = check_options(config, workers, scheduler, shard, threads)
    check_fit(config, workers, scheduler, force=force)
    tell = listener or announce_nothing
    ledger = open_ledger(directory, config.identity(), text)
    with Heartbeat(ledger, shard) as heart:
        for reason in ledger.inspect():
            tell("set_aside", reason=reason)
        tell_history(ledger, tell)
        if missing_tasks(config, ledger, shard):
            with engine(config, workers, scheduler, threads, tell) as (compute, width):
                for _ in ("first", "rest"):  # the rest is nothing unless target_error is set
                    tasks = missing_tasks(config, ledger, shard)
                    if tasks:
                        follow(compute(tasks), tasks, width, ledger, heart, tell)
    return collect(directory, listener=listener)


def tell_history(ledger, tell):
    """Say so if the directory has been worked on with other versions or on another processor."""
    history = read_manifest(ledger.directory)["history"]
    if len(history) > 1 and ledger.finished():
        old, new = (h["versions"] | {"on": h["processor"]} for h in (history[0], history[-1]))
        changed = ", ".join(f"{k} {old.get(k)}, then {new[k]}" for k in new if old.get(k) != new[k])
        text = f"versions or processor have changed since the first samples ({changed})"
        tell("note", text=f"{text}: last digits may differ between old and new ones")


def announce_nothing(event, **facts):
    """The listener of who does not listen."""


@contextlib.contextmanager
def engine(config, workers, scheduler, threads, tell):
    """The engine that fits, ready to work: a function from tasks to reports, and its width."""
    if scheduler is not None:
        with connected(scheduler, tell) as client:
            yield lambda tasks: run_with_dask(client, tasks), len(client.nthreads())
    elif config.cluster is not None:
        with batch_system(config.cluster, tell) as client:
            yield lambda tasks: run_with_dask(client, tasks), len(client.nthreads())
    elif workers > 1:
        with local_processes(workers, tell) as (client, processes):
            yield lambda tasks: run_with_dask(client, tasks, workers=processes), workers
    else:
        yield lambda tasks: run_here(tasks, threads=threads), 1


def load_run(file):
    """(RunConfig, text of its TOML, name) of whatever a user gives as a run file."""
    if not isinstance(file, RunConfig | dict):
        return read_config(file), read_text(file), Path(file).stem
    config = file if isinstance(file, RunConfig) else config_from_dict(file)
    return config, as_toml(config), "run"


def as_toml(config):
    """The text of a run file that says what ``config`` says."""
    table = config.model_dump(exclude_none=True)
    return to_toml({key: value for key, value in table.items() if value != {}})


def check_workers(workers):
    """Raise unless there is at least one worker."""
    if not isinstance(workers, int) or workers < 1:
        raise ParameterError(f"workers must be 1 or more, got {workers!r}; give --workers 1.")


def check_shard(shard):
    """The shard (i, n), checked; (0, 1) for None."""
    try:
        i, n = (0, 1) if shard is None else map(operator.index, shard)
    except (TypeError, ValueError):
        raise ParameterError(
            f"a shard is two whole numbers (i, n), got {shard!r}; (0, 4) is the first of four."
        ) from None
    if not 0 <= i < n:
        raise ParameterError(
            f"a shard I/N needs 0 <= I < N, got {i}/{n}; the shards of a run are 0/{max(n, 1)} "
            f"to {max(n, 1) - 1}/{max(n, 1)}."
        )
    return i, n


def check_options(config, workers=1, scheduler=None, shard=None, threads=None):
    """Raise for options that do not fit or exclude each other; the shard (i, n)."""
    check_workers(workers)
    checked = check_shard(shard)
    if scheduler is not None and not ADDRESS.fullmatch(scheduler):
        raise ParameterError(
            f"--scheduler takes an address tcp://HOST:PORT, got {scheduler!r}; a Dask scheduler "
            "says its own when it starts."
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
    if threads is not None and (not isinstance(threads, int) or threads < 1):
        raise ParameterError(
            f"threads must be 1 or more, got {threads!r}; leave it out to use all there are."
        )
    if threads is not None and (elsewhere or workers > 1):
        raise ParameterError(
            f"--threads ({threads}) is for one worker in this process, others have one thread "
            f"each; leave out --threads or {elsewhere or '--workers'}."
        )
    return checked


def check_fit(config, workers, scheduler=None, *, force=False):
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
        knob="cluster.workers_per_job =",
    )


def required(config, ledger):
    """How many samples each point needs, as far as its finished ones can tell.

    Parameters
    ----------
    config : RunConfig
    ledger : Ledger

    Returns
    -------
    list of (Point, int)
        The first stage while it is not complete; with ``target_error`` then the number that its
        spread asks for. A function of what is on disk, the same for every worker and shard.
    """
    ensemble = config.ensemble
    out = []
    finished = ledger.finished()
    for point in config.points():
        first = [Sample(point.name, r) for r in range(point.n_samples)]
        number = len(first)
        if ensemble.target_error and all(sample.file_name in finished for sample in first):
            tables = [ledger.read(sample) for sample in first]
            f = [t["f"][0].as_py() for t in tables if t["status"][0].as_py() == "done"]
            largest = max(ensemble.max_samples or LARGEST, number)
            if len(f) >= 2:
                wanted = samples_for_error(f, ensemble.target_error, largest)
                number = min(largest, max(number, -(-wanted * number // len(f))))
        out.append((point, number))
    return out


def missing_tasks(config, ledger, shard):
    """The tasks of a shard that have no file yet; first samples first, costly points first."""
    finished = ledger.finished()
    known = versions()
    tasks = []
    for place, (point, number) in enumerate(required(config, ledger)):
        for sample in range(number):
            keep = config.output.snapshot and sample == 0
            task = Task(ledger, point, sample, known, keep)
            mine = (place + sample) % shard[1] == shard[0]
            if mine and task.sample.file_name not in finished:
                tasks.append(task)
    return sorted(tasks, key=lambda task: (task.number, -task_cost(task.point)))


def follow(reports, tasks, width, ledger, heart, tell):
    """Listen to an engine until all tasks have ended; raise if some were lost.

    A thread renews the heartbeat while the engine computes.
    """
    progress = Progress({task.sample: task_cost(task.point) for task in tasks}, width)
    tell("start", n_tasks=len(tasks), n_finished=len(ledger.finished()))
    over = threading.Event()

    def keep_beating():
        while not over.wait(BEAT):
            heart.beat(**progress.facts())

    heart.beat(**progress.facts())
    thread = threading.Thread(target=keep_beating, daemon=True)
    thread.start()
    lost = []
    try:
        for report in reports:
            progress.count(report.task.sample, report.status)
            tell("report", report=report, progress=progress.facts())
            if report.status == "lost":
                lost.append(report)
    finally:
        over.set()
        thread.join()
        heart.beat(**progress.facts())
    if lost:
        tasks_lost = [report.task for report in lost[:3]]
        names = ", ".join(f"{t.point.label() or 'sample'} #{t.number}" for t in tasks_lost)
        raise HopnetError(
            f"{len(lost)} of {len(tasks)} samples were lost ({names}"
            f"{' ...' * (len(lost) > 3)}): {lost[0].reason}; what is finished is kept, run again "
            "for the rest."
        )


def collect(directory, *, listener=None):
    """Gather the finished samples of a directory into its tables.

    Parameters
    ----------
    directory : path-like
    listener : callable, optional

    Returns
    -------
    pandas.DataFrame
        The long table, in the order of the run file; written as summary.parquet and summary.csv,
        its statistics as statistics.parquet and statistics.csv.

    Notes
    -----
    Files that cannot be believed are set aside and count as missing. The tables are the same,
    byte for byte, for every way in which the samples were computed.
    """
    tell = listener or announce_nothing
    ledger, text = existing_ledger(directory)
    config = config_from_text(text, source=str(ledger.directory / "run.toml"))
    for reason in ledger.inspect():
        tell("set_aside", reason=reason)
    finished = ledger.finished()
    plan = required(config, ledger)
    samples = [Sample(point.name, r) for point, number in plan for r in range(number)]
    tables = [ledger.read(sample) for sample in samples if sample.file_name in finished]
    facts = {"n_tasks": len(samples), "n_missing": len(samples) - len(tables)}
    if not tables:
        tell("collected", directory=ledger.directory, statistics=None, **facts)
        return pd.DataFrame()
    long_table = pa.concat_tables([table.replace_schema_metadata(None) for table in tables])
    frame = long_table.to_pandas()
    statistics = statistics_of(config, frame)
    note = {"hopnet.question": config.question, "hopnet.config_hash": ledger.identity_digest}
    try:
        for name, table in (
            ("summary", long_table),
            ("statistics", pa.Table.from_pandas(statistics, preserve_index=False)),
        ):
            table = table.replace_schema_metadata(None)
            write_table(ledger.directory / f"{name}.parquet", with_units(table, note))
            with atomic_write(ledger.directory / f"{name}.csv") as file:
                file.write(table.to_pandas().to_csv(index=False).encode())
    except OSError as failure:
        raise cannot_write(ledger, failure) from None
    tell("collected", directory=ledger.directory, statistics=statistics, **facts)
    tell_target(config, statistics, tell)
    return frame


def statistics_of(config, frame):
    """The statistics of a long table, as its run file asks for them."""
    pilot = None
    if config.ensemble.target_error:
        pilot = {point.coordinates: point.n_samples for point in config.points()}
    return summarise(frame, config.scanned, pilot=pilot)


def tell_target(config, statistics, tell):
    """Say which points have missed ``target_error``."""
    target = config.ensemble.target_error
    if target is None:
        return
    first = statistics[statistics["tau_s"] == config.spin.tau_s[0]]
    reached = (first["f_standard_error"] / first["f"].abs()).to_numpy()
    for (_, row), error in zip(first.iterrows(), reached):
        label = ", ".join(f"{key} = {row[key]}" for key in config.scanned)
        tell("target", label=label, target=target, reached=error, n=int(row["n_done"]))


def read_results(directory: str | Path, *, what: str = "table") -> pd.DataFrame:
    """Read the results of a run.

    Parameters
    ----------
    directory : path-like
        As written by `run_ensemble` or ``hopnet run``.
    what : {"table", "statistics", "curves"}
        The long table, one row per point, sample and tau_s; the statistics of each point and
        tau_s; or one row per point and sample with its `FCurve` in the column ``curve``.

    Returns
    -------
    pandas.DataFrame
        ``.attrs["scanned"]`` names the columns that tell points apart.

    Raises
    ------
    DataError
        If the directory holds no run or has not been collected.
    """
    ledger, text = existing_ledger(directory)
    config = config_from_text(text, source=str(ledger.directory / "run.toml"))
    if what not in ("table", "statistics", "curves"):
        raise ParameterError(
            f"what must be 'table', 'statistics' or 'curves', got {what!r}; choose one."
        )
    path = ledger.directory / f"{'statistics' if what == 'statistics' else 'summary'}.parquet"
    try:
        frame = pd.read_parquet(path)
    except FileNotFoundError:
        raise DataError(f"{path} is not there yet; run `hopnet collect` first.") from None
    except (pa.ArrowException, OSError, ValueError) as failure:
        raise DataError(f"{path} is damaged ({failure}); run `hopnet collect` again.") from None
    if what == "curves":
        frame = curves_by_sample(frame, config.scanned)
    frame.attrs["scanned"] = list(config.scanned)
    frame.attrs["question"] = config.question
    return frame


def run_status(directory):
    """Where a run stands, from what is on disk: works from any machine that sees it.

    Parameters
    ----------
    directory : path-like

    Returns
    -------
    dict
        n_tasks, n_done, n_failed (with ``failures`` by reason), n_running, n_missing, processes
        (living and dead), tasks_per_hour and seconds_left (None while nobody works).
    """
    ledger, text = existing_ledger(directory)
    config = config_from_text(text, source=str(ledger.directory / "run.toml"))
    finished = ledger.finished()
    plan = required(config, ledger)
    names = [Sample(point.name, r).file_name for point, number in plan for r in range(number)]
    failures = {}
    for entry in ledger.diagnostics():
        if entry.get("status", "done") != "done":
            failures[entry["status"]] = failures.get(entry["status"], 0) + 1
    processes = []
    for path, content in heartbeats(ledger):
        processes.append(content | {"alive": is_alive(path, content)})
    alive = [p for p in processes if p["alive"]]
    n_finished = sum(name in finished for name in names)
    n_running = sum(p.get("n_running", 0) for p in alive)
    left = [p["seconds_left"] for p in alive if p.get("seconds_left") is not None]
    return {
        "directory": str(ledger.directory),
        "question": config.question,
        "n_points": len(plan),
        "n_tasks": len(names),
        "n_done": n_finished - sum(failures.values()),
        "n_failed": sum(failures.values()),
        "failures": failures,
        "n_running": n_running,
        "n_missing": len(names) - n_finished - n_running,
        "tasks_per_hour": sum(p.get("tasks_per_hour") or 0.0 for p in alive),
        "seconds_left": max(left) if left else None,
        "processes": processes,
    }


def directory_config(directory):
    """The RunConfig of a result directory."""
    ledger, text = existing_ledger(directory)
    return config_from_text(text, source=str(ledger.directory / "run.toml"))


def missing_samples(directory):
    """Samples of a result directory that have no file yet, as far as is known: a list."""
    ledger, text = existing_ledger(directory)
    config = config_from_text(text, source=str(ledger.directory / "run.toml"))
    finished = ledger.finished()
    return [
        sample
        for point, number in required(config, ledger)
        for sample in (Sample(point.name, r) for r in range(number))
        if sample.file_name not in finished
    ]
