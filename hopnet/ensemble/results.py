"""Results: make the tables of a run from its samples, read them, report the state of a run."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from hopnet.checks import one_of, path_of
from hopnet.ensemble.config import RunConfig, config_from_text
from hopnet.ensemble.fields import field_columns
from hopnet.ensemble.heartbeat import heartbeats, is_alive
from hopnet.ensemble.ledger import Ledger, cannot_write
from hopnet.ensemble.listener import Listener
from hopnet.ensemble.manifest import read_manifest, read_run_text
from hopnet.ensemble.observables import observable_columns, observable_summaries
from hopnet.ensemble.stages import NOTHING, finished_samples, required, rows_of
from hopnet.ensemble.statistics import Columns, Status, curves_by_sample, point_statistics
from hopnet.ensemble.tables import (
    MissingFileError,
    check_file,
    read_table,
    write_pieces,
    write_table,
)
from hopnet.errors import DataError, HopnetError
from hopnet.files import atomic_write, digest

__all__ = [
    "Gathered",
    "collect",
    "directory_config",
    "gather",
    "gather_directory",
    "long_table",
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
    gathered = gather_directory(directory, listener=listener, restore=restore)
    return long_table(directory, gathered)


def gather_directory(
    directory: str | Path, *, listener: Listener | None = None, restore: bool = False
) -> Gathered:
    """`collect` without the long table in memory; how much there is."""
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


def long_table(directory: str | Path, gathered: Gathered) -> pd.DataFrame:
    """The long table that has been written just now; empty if there are no samples."""
    return read_results(directory) if gathered.n_rows else pd.DataFrame()


@dataclass(frozen=True)
class Gathered:
    """How much has been gathered into the tables of a run.

    Attributes
    ----------
    n_rows : int
        Rows of the long table.
    n_missing : int
        Samples that the run file asks for and that are not there.
    """

    n_rows: int
    n_missing: int


def gather(config: RunConfig, ledger: Ledger, listener: Listener) -> Gathered:
    """Write the tables of a run, piece by piece: memory does not grow with the samples."""
    found = ledger.examine()
    for reason in ledger.clean(found):
        listener.set_aside(reason)
    finished = finished_samples(found)
    plan = [
        (finished.get(point.name, NOTHING), number)
        for point, number in required(config, ledger, found, finished)
    ]
    n_samples = sum(number for _, number in plan)
    n_there = sum(there.first(number).size for there, number in plan)
    n_missing = n_samples - n_there
    if not n_there:
        listener.collected(ledger.directory, None, n_samples, n_missing)
        return Gathered(0, n_missing)
    n_more = sum(there.numbers.size for there in finished.values()) - n_there
    if n_more:
        listener.note(
            f"{n_more} finished samples are not part of this run file; they are kept and not "
            "counted"
        )
    label = {"hopnet.question": config.question}
    pieces = (rows for there, n in plan for rows in rows_of(ledger, found, there, n))
    try:
        path = ledger.directory / "summary"
        n_rows = write_pieces(path, pieces, label | table_label(ledger, "summary"))
        n_tau = len(config.spin.tau_s)
        counts = [there.first(number).size * n_tau for there, number in plan]
        statistics = statistics_of(config, path.with_suffix(".parquet"), counts)
        means = pa.Table.from_pandas(statistics, preserve_index=False)
        write_both(ledger, "statistics", means, config.question)
    except OSError as failure:
        raise cannot_write(ledger, failure) from None
    listener.collected(ledger.directory, statistics, n_samples, n_missing)
    report_target(config, statistics, listener)
    return Gathered(n_rows, n_missing)


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


def statistics_of(config: RunConfig, path: Path, counts: Sequence[int]) -> pd.DataFrame:
    """The statistics of a long table, as its run file asks for them.

    Parameters
    ----------
    config : RunConfig
    path : pathlib.Path
        The long table as a Parquet file.
    counts : sequence of int
        Number of its rows that belong to each point.
    """
    names = (
        *observable_columns(config.observables.chosen),
        *field_columns(config.field.values or ()),
    )
    begins = np.concatenate([[0], np.cumsum(counts)])
    parts = []
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        reader = RowReader(file)
        for point, start, stop in zip(config.points(), begins[:-1], begins[1:]):
            if start == stop:
                continue
            pilot = point.n_samples if config.ensemble.target_error else None
            coordinates = dict(zip(config.scanned, point.coordinates))
            columns = reader.columns(int(start), int(stop))
            parts.append(point_statistics(columns, coordinates, pilot, names, observable_summaries))
    return pd.concat(parts, ignore_index=True)


class RowReader:
    """Columns of parts of a Parquet file, one column at a time."""

    def __init__(self, file: pq.ParquetFile) -> None:
        self.file = file
        rows = [file.metadata.row_group(k).num_rows for k in range(file.num_row_groups)]
        self.begin = np.concatenate([[0], np.cumsum(rows)])
        self.recent: tuple[int, pa.Table] | None = None

    def columns(self, start: int, stop: int) -> Columns:
        """The columns of the rows from ``start`` to ``stop`` - 1."""
        first = int(np.searchsorted(self.begin, start, side="right")) - 1
        last = int(np.searchsorted(self.begin, stop, side="left")) - 1
        rows = slice(start - int(self.begin[first]), stop - int(self.begin[first]))
        groups = list(range(first, last + 1))

        def read(name: str) -> pa.Array:
            if len(groups) == 1:  # often the next point stands in the same group
                if self.recent is None or self.recent[0] != first:
                    self.recent = first, self.file.read_row_group(first, use_threads=False)
                table = self.recent[1]
            else:
                table = self.file.read_row_groups(groups, columns=[name], use_threads=False)
            own = table.column(name).slice(rows.start, rows.stop - rows.start)
            return pa.concat_arrays(own.chunks)

        status = read("status").dictionary_encode()
        words = [str(word) for word in status.dictionary.to_pylist()]
        return Columns(
            lambda name: read(name).to_numpy(),
            Status(status.indices.to_numpy(), words),
            tuple(self.file.schema_arrow.names),
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
    finished = finished_samples(found)
    plan = required(config, ledger, found, finished)
    failures: dict[str, int] = {}
    failed: list[str] = []
    n_tasks = n_finished = 0
    for point, number in plan:
        n_tasks += number
        there = finished.get(point.name, NOTHING)
        n_finished += there.first(number).size
        for r in sorted(n for n in there.failed if n < number):
            status = there.failed[r]
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
        path = ledger.directory / f"{name}.csv"
        try:
            label = check_file(
                path.with_suffix(".parquet"),
                table_label(ledger, name),
                hint="run `hopnet collect` again",
            )
            with path.open("rb") as file:
                written = hashlib.file_digest(file, "sha256").hexdigest()
        except MissingFileError:
            continue
        except HopnetError as failure:
            faults.append(str(failure))
            continue
        except OSError as failure:
            faults.append(f"{path}: {failure.strerror}")
            continue
        if label.get("hopnet.csv") != written:
            faults.append(f"{path} is not as it was written; run `hopnet collect` again.")
    return faults
