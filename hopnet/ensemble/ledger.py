"""The ledger of a run: one Parquet file per batch of samples, whole or absent, never pickled.

A result directory::

    run.toml                      the run file as read, with a digest in its last line
    manifest.json                 identity (what all files share), versions, processor, digest
    samples/POINT-*.parquet       rows of the samples of one batch (see `hopnet.ensemble.batches`);
                                  .json beside it: wall time, memory, host
    running/*.json                heartbeats of the processes at work
    running/.at.*                 which sample of its batch a worker computes at this moment
    aside/001/...                 damaged and foreign files under their own names, never averaged
    summary.*  statistics.*  figures/   written by collecting

A file is written under a temporary name, flushed, then renamed. It carries the identity of its
run, its batch and a digest of its numbers, and is accepted only if all three fit. A file may hold
a part of its batch; `Ledger.add` adds samples to it, by writing it again.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from hopnet.ensemble.batches import Batch, Content, batch_of, content_of, merge_rows
from hopnet.ensemble.manifest import (
    check_identity,
    read_manifest,
    write_manifest,
    write_run_text,
)
from hopnet.ensemble.tables import (
    ForeignFileError,
    MissingFileError,
    read_table,
    table_of,
    write_table,
)
from hopnet.errors import DataError, HopnetError, ParameterError
from hopnet.files import digest

__all__ = ["Examination", "Ledger", "cannot_write", "open_ledger"]

# Names that a run makes in its directory. A directory that has no manifest.json and holds only
# these was left by a crash: the next run uses it. Any other content is not ours: it is refused.
OWN_FOLDERS = ("samples", "running", "aside", "snapshots")
TABLES = ("summary.parquet", "summary.csv", "statistics.parquet", "statistics.csv")
OWN_NAMES = {*OWN_FOLDERS, *TABLES, "figures", "run.toml"}
# Bytes of rows that an examination keeps, so that collecting a small run reads its files once.
# Larger: more memory in large runs. Smaller: files are read twice.
KEPT_ROWS = 10_000_000
# Largest file of diagnostics that is read, in bytes.
LARGEST_DIAGNOSTICS = 10_000_000


@dataclass(frozen=True)
class Examination:
    """The result of reading all files of a ledger; each name stands in ``contents``, ``damaged`` or
    ``foreign``.

    Attributes
    ----------
    contents : dict of str to Content
        Files that are accepted, and the samples in each.
    tables : dict of str to pyarrow.Table
        The rows of the first of these files, as many as fit into a fixed memory.
    damaged : dict of str to str
        Files that are not whole, with the reason.
    foreign : dict of str to str
        Whole files of another run or batch, with the reason.
    """

    contents: dict[str, Content] = field(default_factory=dict)
    tables: dict[str, pa.Table] = field(default_factory=dict)
    damaged: dict[str, str] = field(default_factory=dict)
    foreign: dict[str, str] = field(default_factory=dict)

    @property
    def n_samples(self) -> int:
        """Number of samples in the files that are accepted."""
        return sum(content.numbers.size for content in self.contents.values())


@dataclass(frozen=True)
class Ledger:
    """A result directory that belongs to one identity.

    Attributes
    ----------
    directory : pathlib.Path
        Absolute, so that it means the same on every worker.
    identity_digest : str
    """

    directory: Path
    identity_digest: str

    @property
    def samples(self) -> Path:
        """Folder of the files of the samples."""
        return self.directory / "samples"

    @property
    def running(self) -> Path:
        """Folder of the heartbeats."""
        return self.directory / "running"

    @property
    def aside(self) -> Path:
        """Folder of the files that were set aside."""
        return self.directory / "aside"

    def path(self, batch: Batch) -> Path:
        """The file of a batch."""
        return self.samples / batch.file_name

    def mark(self, batch: Batch) -> Path:
        """The file that says which sample of a batch a worker computes."""
        return self.running / f".at.{batch.label}"

    def finished(self) -> set[str]:
        """Names of the files of samples, without reading them.

        Only regular files count: a link that leads nowhere is replaced by the next run.
        """
        try:
            with os.scandir(self.samples) as entries:
                return {e.name for e in entries if e.name.endswith(".parquet") and e.is_file()}
        except FileNotFoundError:
            return set()
        except OSError as failure:
            raise HopnetError(
                f"cannot read {str(self.samples)!r} ({failure.strerror or failure}); correct "
                "permissions or disk, then repeat the command."
            ) from None

    def label(self, batch: Batch) -> dict[str, str]:
        """The metadata that the file of a batch must have."""
        return {"hopnet.identity": self.identity_digest, "hopnet.sample": batch.label}

    def write(self, batch: Batch, rows: pa.Table, diagnostics: dict) -> None:
        """Write the rows of a batch, then its diagnostics beside them.

        Parameters
        ----------
        batch : Batch
        rows : pyarrow.Table
            The rows of all its samples that are done, in order.
        diagnostics : dict
            Plain numbers and texts that need not be the same in the next run.
        """
        write_table(self.path(batch), rows, self.label(batch))
        # Not flushed to disk: an incomplete file of diagnostics is ignored.
        content = diagnostics | {"digest": digest(diagnostics)}
        self.path(batch).with_suffix(".json").write_text(json.dumps(content, indent=1) + "\n")

    def add(self, batch: Batch, columns: dict, diagnostics: dict) -> pa.Table:
        """Add samples to the file of a batch; the rows that it then holds.

        Parameters
        ----------
        batch : Batch
        columns : dict of str to array
            Rows of the new samples: columns of equal length, numbers or texts.
        diagnostics : dict

        Raises
        ------
        DataError
            If the file holds other columns, because another version has written it.

        Notes
        -----
        What the file holds at this moment is kept. A worker that was believed to be dead may go
        on and write late: it can add samples, but not remove any.
        """
        new = table_of(columns)
        try:
            rows = merge_rows(self.present(batch), new)
        except (KeyError, pa.ArrowException):
            raise DataError(
                f"{self.path(batch)} holds other columns than this version writes; give --out "
                "another directory, or the version that began this run."
            ) from None
        self.write(batch, rows, diagnostics)
        return rows

    def present(self, batch: Batch) -> pa.Table | None:
        """The rows that the file of a batch holds; None without a file.

        A file that has become damaged is set aside.
        """
        try:
            return self.read(batch)
        except MissingFileError:
            return None
        except DataError:
            self.set_aside([batch.file_name])
            return None

    def diagnostics(self, batch: Batch) -> dict[str, Any] | None:
        """The diagnostics stored beside the rows of a batch; None if missing or changed."""
        try:
            with self.path(batch).with_suffix(".json").open("rb") as file:
                content = json.loads(file.read(LARGEST_DIAGNOSTICS))
            found = content.pop("digest")
            return content if found == digest(content) else None
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None

    def read(self, batch: Batch, path: Path | None = None) -> pa.Table:
        """The rows of one batch, accepted only if file, run, batch and numbers fit.

        Parameters
        ----------
        batch : Batch
        path : pathlib.Path, optional
            Where to look; default: its own place.

        Returns
        -------
        pyarrow.Table

        Raises
        ------
        DataError
            If the file is missing or damaged, or belongs to another run or batch.
        HopnetError
            If the system cannot read it.
        """
        return read_table(self.path(batch) if path is None else path, self.label(batch))

    def examine(self) -> Examination:
        """Read every finished file once and judge it; nothing is moved.

        Raises
        ------
        HopnetError
            If the system cannot read a file, so that its content cannot be judged.
        """
        found = Examination()
        room = KEPT_ROWS
        for name in sorted(self.finished()):
            batch = batch_of(name)
            if batch is None:
                found.foreign[name] = f"{self.samples / name} is not named as a sample."
                continue
            try:
                table = self.read(batch)
                found.contents[name] = content_of(batch, table)
            except ForeignFileError as failure:
                found.foreign[name] = str(failure)
            except MissingFileError:  # removed meanwhile
                continue
            except DataError as failure:
                found.damaged[name] = str(failure)
            except (ValueError, KeyError) as failure:
                found.damaged[name] = f"{self.samples / name} is damaged ({failure})."
            else:
                room -= table.nbytes
                if room > 0:
                    found.tables[name] = table
        return found

    def clean(self, found: Examination) -> list[str]:
        """Set aside the files that are not accepted.

        Parameters
        ----------
        found : Examination

        Returns
        -------
        list of str
            Why each file was set aside.

        Raises
        ------
        DataError
            If no file is of this run and some are of another one: then the directory is probably
            the wrong one, and nothing is moved.
        """
        if found.foreign and not found.contents:
            raise DataError(
                f"none of the {len(found.foreign) + len(found.damaged)} files in "
                f"{str(self.samples)!r} belongs to this run "
                f"({next(iter(found.foreign.values()))}); nothing was moved: give --out another "
                "directory, or move this folder away."
            )
        reasons = found.damaged | found.foreign
        if reasons:
            self.set_aside(list(reasons))
        return list(reasons.values())

    def set_aside(self, names: list[str]) -> None:
        """Move files with their diagnostics into a new folder of ``aside/``, names unchanged."""
        try:
            self.aside.mkdir(exist_ok=True)
            taken = [int(p.name) for p in self.aside.iterdir() if re.fullmatch("[0-9]+", p.name)]
            folder = self.aside / f"{max(taken, default=0) + 1:03d}"
            folder.mkdir()
            for name in names:
                rows = self.samples / name
                for path in (rows, rows.with_suffix(".json")):
                    with contextlib.suppress(FileNotFoundError):
                        os.rename(path, folder / path.name)
        except OSError as why:
            raise DataError(
                f"{len(names)} files in {str(self.samples)!r} cannot be believed and could not "
                f"be set aside ({why.strerror or why}); correct permissions or disk, then repeat "
                "the command."
            ) from None

    def set_aside_files(self) -> list[Path]:
        """The files of samples that were set aside."""
        return sorted(self.aside.glob("*/*.parquet")) if self.aside.is_dir() else []

    def restore(self) -> tuple[list[str], list[str]]:
        """Put back every file that was set aside and is accepted now.

        Returns
        -------
        restored : list of str
            File names.
        left : list of str
            Why each other file stays aside.
        """
        restored, left = [], []
        for path in self.set_aside_files():
            batch = batch_of(path.name)
            if batch is None:
                left.append(f"{path} is not named as a sample.")
                continue
            if self.path(batch).is_file():
                left.append(f"{path}: the sample has been computed again, both files are kept.")
                continue
            try:
                self.read(batch, path)
            except DataError as failure:
                left.append(str(failure))
                continue
            self.samples.mkdir(exist_ok=True)
            with contextlib.suppress(FileNotFoundError):
                os.rename(path.with_suffix(".json"), self.path(batch).with_suffix(".json"))
            os.rename(path, self.path(batch))
            restored.append(path.name)
        for folder in [*self.aside.glob("*"), self.aside]:
            with contextlib.suppress(OSError):  # not empty, or not a folder
                folder.rmdir()
        return restored, left

    def record(self, identity: dict, run_text: str) -> None:
        """Write manifest.json and run.toml; call it only while holding the heartbeat.

        Parameters
        ----------
        identity : dict
        run_text : str
            The run file, kept as ``run.toml``.
        """
        with contextlib.suppress(DataError):  # there is none yet, or it is damaged
            check_identity(self.directory, read_manifest(self.directory).identity, identity)
        try:
            write_manifest(self.directory, identity)
            write_run_text(self.directory, run_text, self.identity_digest)
        except OSError as failure:
            raise cannot_write(self, failure) from None

    def sweep(self) -> int:
        """Remove unfinished files of processes that died; the number of files removed.

        Call it only when no other process works on the directory.
        """
        removed = 0
        for path in self.litter():
            with contextlib.suppress(OSError):
                path.unlink()
                removed += 1
        return removed

    def litter(self) -> Iterator[Path]:
        """Files under temporary names."""
        folders = [self.directory, *(self.directory / n for n in (*OWN_FOLDERS, "figures"))]
        for folder in folders:
            for pattern in (".*.part", ".beat.*", ".dead.*", ".at.*", ".dask-jobqueue.*"):
                yield from folder.glob(pattern)

    def discard(self) -> None:
        """Remove a directory in which a run began and was refused before it computed anything."""
        if self.finished() or any(self.running.glob("*-of-*.json")):
            return
        self.sweep()
        with contextlib.suppress(OSError):
            for name in ("run.toml", "manifest.json"):
                (self.directory / name).unlink(missing_ok=True)
            for folder in (self.samples, self.running, self.directory):
                folder.rmdir()


def cannot_write(ledger: Ledger, failure: OSError) -> HopnetError:
    """The error for a disk that is full or gone."""
    return HopnetError(
        f"cannot write to {str(failure.filename or ledger.directory)!r} "
        f"({failure.strerror or failure}); finished samples are kept: make room there, then run "
        "again."
    )


def open_ledger(directory: str | Path, identity: dict) -> Ledger:
    """Open a result directory for writing: a new one, or one of the same identity.

    Only its folders are made; `Ledger.record` writes the rest.

    Parameters
    ----------
    directory : path-like
        Made if it does not exist.
    identity : dict
        What all its files share; see `hopnet.ensemble.config.RunConfig.identity`.

    Returns
    -------
    Ledger

    Raises
    ------
    ParameterError
        If the directory holds another run (says what differs), holds something else, or cannot be
        written.
    """
    try:
        directory = Path(os.path.abspath(directory))
        if directory.exists() and not directory.is_dir():
            raise ParameterError(f"{str(directory)!r} is a file, not a directory; give another.")
        if directory.is_dir():
            check_content(directory, identity)
        for folder in ("samples", "running"):
            (directory / folder).mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as failure:
        if isinstance(failure, HopnetError):
            raise
        raise ParameterError(
            f"cannot write to {str(directory)!r} ({getattr(failure, 'strerror', None) or failure}"
            "); give --out a directory with room that you may write to."
        ) from None
    return Ledger(directory, digest(identity))


def check_content(directory: Path, identity: dict) -> None:
    """Raise unless a directory holds a run of this identity, the beginning of one, or nothing."""
    try:
        check_identity(directory, read_manifest(directory).identity, identity)
        return
    except DataError:
        if (directory / "manifest.json").exists():
            return  # damaged: the files of the samples say whether they belong to this run
    names = {path.name for path in directory.iterdir()}
    names = {name for name in names if not name.endswith(".part")}
    # A crash between the first folder and the manifest leaves folders alone.
    began = names <= set(OWN_FOLDERS)
    lost_its_manifest = "samples" in names and names <= OWN_NAMES
    if not (began or lost_its_manifest):
        raise ParameterError(
            f"{str(directory)!r} holds files but no run (no manifest.json); "
            "give --out a new or empty directory."
        )
