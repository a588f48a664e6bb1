"""Results: make the tables of a run from its samples, read them, report the state of a run."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from hopnet.checks import one_of, path_of
from hopnet.ensemble.config import RunConfig, config_from_text
from hopnet.ensemble.fields import field_columns
from hopnet.ensemble.heartbeat import heartbeats, is_alive
from hopnet.ensemble.ledger import Ledger, Sample, cannot_write
from hopnet.ensemble.listener import Listener
from hopnet.ensemble.manifest import read_manifest, read_run_text
from hopnet.ensemble.observables import observable_columns, observable_summaries
from hopnet.ensemble.stages import planned, required
from hopnet.ensemble.statistics import curves_by_sample, summarise
from hopnet.ensemble.tables import MissingFileError, read_table, write_table
from hopnet.errors import DataError, HopnetError
from hopnet.files import atomic_write, digest

__all__ = [
    "collect",
    "directory_config",
    "gather",
    "missing_samples",
    "read_results",
    "run_status",
]

NAMED_FAILURES = 20  # failed samples that `run_status` names; all are counted


def directory_config(directory: str | Path) -> tuple[Ledger, RunConfig]:
    """The ledger of a result directory and its run file, both believed only if they fit.

    Raises
    ------
    DataError
        If there is no run, or manifest.json or run.toml is damaged, changed or of another run.
    """
    directory = path_of("directory", directory)
    manifest = read_manifest(directory)
    ledger = Ledger(directory, manifest.identity_digest)
    text = read_run_text(directory, ledger.identity_digest)
    config = config_from_text(text, source=str(directory / "run.toml"))
    if digest(config.identity()) != ledger.identity_digest:
        raise DataError(
            f"run.toml and manifest.json of {str(directory)!r} are of different runs; run "
            "`hopnet run` again with the run file: finished samples are kept."
        )
    return ledger, config


def collect(
    directory: str | Path, *, listener: Listener | None = None, restore: bool = False
) -> pd.DataFrame:
    """Gather the finished samples of a directory into its tables.

    Parameters
    ----------
    directory : path-like
    listener : Listener, optional
    restore : bool
        First put back the files that were set aside and can be believed now.

    Returns
    -------
    pandas.DataFrame
        The long table, in the order of the run file; written as summary.parquet and summary.csv,
        its statistics as statistics.parquet and statistics.csv.

    Raises
    ------
    DataError
        If run.toml or manifest.json cannot be believed, or no file belongs to this run.
    HopnetError
        If a file cannot be read or written.

    Notes
    -----
    Files that cannot be believed are set aside and count as missing. The tables are the same,
    byte for byte, however the samples were computed.
    """
    listener = listener or Listener()
    ledger, config = directory_config(directory)
    if restore:
        try:
            restored, left = ledger.restore()
        except OSError as failure:
            raise cannot_write(ledger, failure) from None
        listener.note(f"{len(restored)} files put back from {str(ledger.aside)!r}")
        for reason in left:
            listener.note(f"left aside: {reason}")
    return gather(config, ledger, listener)


def gather(config: RunConfig, ledger: Ledger, listener: Listener) -> pd.DataFrame:
    """`collect` for a configuration that is known already."""
    found = ledger.examine()
    for reason in ledger.clean(found):
        listener.set_aside(reason)
    samples = planned(required(config, ledger, found.tables.keys(), found.tables))
    tables = [found.tables[s.file_name] for s in samples if s.file_name in found.tables]
    n_missing = len(samples) - len(tables)
    if not tables:
        listener.collected(ledger.directory, None, len(samples), n_missing)
        return pd.DataFrame()
    if len(found.tables) > len(tables):
        listener.note(
            f"{len(found.tables) - len(tables)} finished samples are not part of this run file; "
            "they are kept and not counted"
        )
    long_table = pa.concat_tables([table.replace_schema_metadata(None) for table in tables])
    frame = long_table.to_pandas()
    statistics = statistics_of(config, frame)
    try:
        write_both(ledger, "summary", long_table, config.question)
        means = pa.Table.from_pandas(statistics, preserve_index=False)
        write_both(ledger, "statistics", means, config.question)
    except OSError as failure:
        raise cannot_write(ledger, failure) from None
    listener.collected(ledger.directory, statistics, len(samples), n_missing)
    report_target(config, statistics, listener)
    return frame


def table_label(ledger: Ledger, name: str) -> dict[str, str]:
    """The metadata that a table of a run must have."""
    return {"hopnet.identity": ledger.identity_digest, "hopnet.table": name}


def write_both(ledger: Ledger, name: str, table: pa.Table, question: str) -> None:
    """Write a table as .csv and as .parquet, which holds the digest of the .csv."""
    table = table.replace_schema_metadata(None)
    text = table.to_pandas().to_csv(index=False).encode()
    with atomic_write(ledger.directory / f"{name}.csv") as file:
        file.write(text)
    label = table_label(ledger, name) | {
        "hopnet.question": question,
        "hopnet.csv": hashlib.sha256(text).hexdigest(),
    }
    write_table(ledger.directory / f"{name}.parquet", table, label)


def statistics_of(config: RunConfig, frame: pd.DataFrame) -> pd.DataFrame:
    """The statistics of a long table, as its run file asks for them."""
    pilot = None
    if config.ensemble.target_error:
        pilot = {point.coordinates: point.n_samples for point in config.points()}
    return summarise(
        frame,
        config.scanned,
        pilot=pilot,
        observables=(
            *observable_columns(config.observables.chosen),
            *field_columns(config.field.values or ()),
        ),
        further=observable_summaries,
    )


def report_target(config: RunConfig, statistics: pd.DataFrame, listener: Listener) -> None:
    """Report for each point whether ``target_error`` has been reached."""
    target = config.ensemble.target_error
    if target is None or "f" not in statistics:
        return
    first = statistics[statistics["tau_s"] == config.spin.tau_s[0]]
    reached = (first["f_standard_error"] / first["f"].abs()).to_numpy()
    for (_, row), error in zip(first.iterrows(), reached):
        label = ", ".join(f"{key} = {row[key]}" for key in config.scanned)
        listener.target(label, target, float(error), int(row["n_done"]))


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
        ``.attrs["scanned"]`` names the columns that distinguish the points.

    Raises
    ------
    DataError
        If the directory holds no run, has not been collected, or a table cannot be believed.
    """
    what = one_of("what", what, ("table", "statistics", "curves"))
    ledger, config = directory_config(directory)
    name = "statistics" if what == "statistics" else "summary"
    path = ledger.directory / f"{name}.parquet"
    try:
        table = read_table(path, table_label(ledger, name), hint="run `hopnet collect` again")
    except MissingFileError:
        raise DataError(f"{path} is not there yet; run `hopnet collect` first.") from None
    frame = table.replace_schema_metadata(None).to_pandas()
    if what == "curves":
        frame = curves_by_sample(frame, config.scanned)
    frame.attrs["scanned"] = list(config.scanned)
    frame.attrs["question"] = config.question
    return frame


def run_status(directory: str | Path) -> dict[str, Any]:
    """State of a run, read from its directory; works on any machine that can read it.

    Parameters
    ----------
    directory : path-like

    Returns
    -------
    dict
        n_points, n_tasks (samples that the run file asks for), n_done, n_failed (with
        ``failures`` by class, and ``failed``, the labels of the first ones), n_running,
        n_missing, n_damaged (files that cannot be believed; they count as missing), n_aside (files
        that were set aside), ``tables`` (what is wrong with the collected tables), processes
        (living and dead), tasks_per_hour and seconds_left (None while nobody works).
    """
    ledger, config = directory_config(directory)
    found = ledger.examine()
    plan = required(config, ledger, found.tables.keys(), found.tables)
    failures: dict[str, int] = {}
    failed: list[str] = []
    n_tasks = n_finished = 0
    for point, number in plan:
        n_tasks += number
        for r in range(number):
            table = found.tables.get(Sample(point.name, r).file_name)
            if table is None:
                continue
            n_finished += 1
            status = str(table["status"][0].as_py())
            if status != "done":
                failures[status] = failures.get(status, 0) + 1
                if len(failed) < NAMED_FAILURES:
                    failed.append(f"{point.label() or 'sample'} #{r}: {status}")
    processes = [(beat, is_alive(beat)) for beat in heartbeats(ledger) if beat.readable]
    alive = [beat for beat, lives in processes if lives]
    n_running = sum(beat.n_running for beat in alive)
    left = [beat.seconds_left for beat in alive if beat.seconds_left is not None]
    return {
        "directory": str(ledger.directory),
        "question": config.question,
        "n_points": len(plan),
        "n_tasks": n_tasks,
        "n_done": n_finished - sum(failures.values()),
        "n_failed": sum(failures.values()),
        "failures": dict(sorted(failures.items())),
        "failed": failed,
        "n_running": n_running,
        "n_missing": max(0, n_tasks - n_finished - n_running),
        "n_damaged": len(found.damaged) + len(found.foreign),
        "n_aside": len(ledger.set_aside_files()),
        "tables": table_faults(ledger),
        "tasks_per_hour": sum(beat.tasks_per_hour or 0.0 for beat in alive),
        "seconds_left": max(left) if left else None,
        "processes": [
            {"host": b.host, "pid": b.pid, "shard": list(b.shard), "since": b.since, "alive": lives}
            for b, lives in processes
        ],
    }


def table_faults(ledger: Ledger) -> list[str]:
    """A sentence on each fault of the collected tables; none if they have not been made yet."""
    faults = []
    for name in ("summary", "statistics"):
        try:
            table = read_table(
                ledger.directory / f"{name}.parquet",
                table_label(ledger, name),
                hint="run `hopnet collect` again",
            )
            written = (ledger.directory / f"{name}.csv").read_bytes()
        except MissingFileError:
            continue
        except HopnetError as failure:
            faults.append(str(failure))
            continue
        except OSError as failure:
            faults.append(f"{ledger.directory / f'{name}.csv'}: {failure.strerror}")
            continue
        label = hashlib.sha256(written).hexdigest().encode()
        if table.schema.metadata.get(b"hopnet.csv") != label:
            faults.append(
                f"{ledger.directory / f'{name}.csv'} is not as it was written; run `hopnet "
                "collect` again."
            )
    return faults


def missing_samples(directory: str | Path) -> list[Sample]:
    """Number of samples of a result directory that have no file yet."""
    ledger, config = directory_config(directory)
    finished = ledger.finished()
    plan = planned(required(config, ledger, finished))
    return [sample for sample in plan if sample.file_name not in finished]
