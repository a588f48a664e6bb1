"""The ledger of a run: one Parquet file a sample, whole or absent, never pickled.

A result directory::

    run.toml                      the run file as read
    manifest.json                 identity (what all files share), versions, processor
    samples/POINT-NUMBER.parquet   rows of one sample;  .json beside it: wall time, memory, host
    running/*.json                heartbeats of the processes at work
    aside/                        damaged and foreign files, kept for a look, never averaged
    summary.*  statistics.*  figures/   written by collecting

A file is written under a temporary name, flushed, then renamed; it carries the identity of its run,
its sample and a digest of its numbers, and is believed only if all three fit.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hopnet.errors import DataError, ParameterError
from hopnet.files import atomic_write, digest
from hopnet.machine import processor_name, versions

UNITS = {
    "density": "n_s a_b^2",
    "sites.density": "n_s a_b^2",
    "tau_s": "tau_0",
    "f": "1",
    "f_drift": "1",
    "f_diffusion": "1",
    "f_numerical_error": "1 (absolute)",
    "numerator": "1/rho_0",
    "conductance": "1/rho_0",
    "log_conductance": "ln(1/rho_0)",
    "resistivity": "rho_0 per square",
    "network.cutoff": "l_c",
    "network.cutoff_radius": "a_b",
    "sites.min_distance": "a_b",
    "length": "a_b",
    "width": "a_b",
    "log_resistivity": "ln(rho_0)",
    "critical_exponent": "1",
    "mean_occupation": "1 (largest is 1)",
    "network.kT": "of the energies",
    "sites.energy_width": "of the energies",
    "network.chemical_potential": "of the energies",
}


@dataclass(frozen=True)
class Sample:
    """One sample: its point (by the hash of the physical keys) and its number."""

    point: str
    number: int

    @property
    def file_name(self):
        """Where it is kept, under ``samples/``."""
        return f"{self.point}-{self.number:06d}.parquet"


def sample_of(file_name):
    """The sample that a file is named for, or None."""
    match = re.fullmatch(r"([0-9a-f]{12})-(\d{6,})\.parquet", file_name)
    return Sample(match[1], int(match[2])) if match else None


@dataclass(frozen=True)
class Ledger:
    """A result directory that belongs to one identity.

    Attributes
    ----------
    directory : pathlib.Path
    identity_digest : str
    """

    directory: Path
    identity_digest: str

    @property
    def samples(self):
        """Folder of the task files."""
        return self.directory / "samples"

    @property
    def running(self):
        """Folder of the heartbeats."""
        return self.directory / "running"

    def path(self, sample):
        """File of a sample."""
        return self.samples / sample.file_name

    def finished(self):
        """Names of the task files there are, without reading them: a set of texts."""
        if not self.samples.is_dir():
            return set()
        return {p.name for p in self.samples.iterdir() if p.suffix == ".parquet"}

    def write(self, sample, columns, diagnostics):
        """Write the rows of one sample, then its diagnostics beside them.

        Parameters
        ----------
        sample : Sample
        columns : dict of str to array
            Equal lengths; numbers, or texts.
        diagnostics : dict
            Plain numbers and texts that need not be the same in the next run.
        """
        table = pa.table({name: pa.array(values) for name, values in columns.items()})
        label = {
            "hopnet.identity": self.identity_digest,
            "hopnet.sample": f"{sample.point}-{sample.number}",
            "hopnet.digest": rows_digest(table),
        }
        write_table(self.path(sample), with_units(table, label))
        # not flushed to disk: half a diagnosis is none, and costs nothing but itself
        self.path(sample).with_suffix(".json").write_text(json.dumps(diagnostics, indent=1) + "\n")

    def read(self, sample):
        """The rows of one sample, believed only if file, run, sample and numbers fit.

        Parameters
        ----------
        sample : Sample

        Returns
        -------
        pyarrow.Table

        Raises
        ------
        DataError
            If the file is damaged, or belongs to another run or sample.
        """
        path = self.path(sample)
        try:
            # through memory: an open file would keep a network file system from removing it
            table = pq.read_table(pa.BufferReader(path.read_bytes()))
        except FileNotFoundError:
            raise DataError(f"{path} is missing; run again to compute it.") from None
        except (pa.ArrowException, OSError, ValueError) as failure:
            raise DataError(f"{path} is damaged ({failure}); run again to replace it.") from None
        found = {k.decode(): v.decode() for k, v in (table.schema.metadata or {}).items()}
        if found.get("hopnet.identity") != self.identity_digest:
            raise DataError(f"{path} belongs to another run; it is not counted.")
        if found.get("hopnet.sample") != f"{sample.point}-{sample.number}":
            raise DataError(
                f"{path} holds sample {found.get('hopnet.sample')}, not the one it is named for; "
                "it is not counted."
            )
        if found.get("hopnet.digest") != rows_digest(table):
            raise DataError(f"{path} is damaged (its digest does not fit); run again.")
        return table

    def inspect(self):
        """Read every finished file; set aside what is damaged or belongs to another run.

        Returns
        -------
        list of str
            Why each file was set aside.
        """
        reasons = []
        for name in sorted(self.finished()):
            try:
                sample = sample_of(name)
                if sample is None:
                    raise DataError(f"{self.samples / name} is not named as a sample.")
                self.read(sample)
            except DataError as failure:
                try:
                    self.set_aside(name)
                except OSError as why:
                    raise DataError(
                        f"{failure} It could not be set aside ({why.strerror}); remove it."
                    ) from None
                reasons.append(str(failure))
        return reasons

    def set_aside(self, name):
        """Move a file that cannot be believed, with its diagnostics, to ``aside/``."""
        folder = self.directory / "aside"
        folder.mkdir(exist_ok=True)
        rows = self.samples / name
        for path in (rows, rows.with_suffix(".json")):
            if path.exists():
                os.replace(path, folder / f"{path.stem}.{uuid.uuid4().hex[:8]}{path.suffix}")

    def diagnostics(self):
        """Diagnostics of all finished tasks: a list of dicts."""
        out = []
        for path in sorted(self.samples.glob("*.json")):
            try:
                entry = json.loads(path.read_text())
            except (OSError, ValueError):
                continue  # half a diagnosis is none; numbers are never kept there
            if isinstance(entry, dict):
                out.append(entry)
        return out


def rows_digest(table):
    """SHA-256 of the names, types and values of a table."""
    state = hashlib.sha256()
    for name in table.column_names:
        values = table.column(name)
        state.update(f"{name}:{values.type}:".encode())
        if pa.types.is_string(values.type):
            state.update("\0".join(map(str, values.to_pylist())).encode())
        else:
            state.update(np.ascontiguousarray(values.to_numpy()).tobytes())
    return state.hexdigest()


def with_units(table, label):
    """The table with ``label`` in its metadata and a unit with every column that has one."""
    fields = [
        field.with_metadata({"unit": UNITS[field.name]}) if field.name in UNITS else field
        for field in table.schema
    ]
    return table.cast(pa.schema(fields, metadata=label))


def write_table(path, table):
    """Write a Parquet file atomically."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    with atomic_write(path) as file:
        file.write(sink.getvalue())


def open_ledger(directory, identity, run_text):
    """Open a result directory for writing: a new one, or one of the same identity.

    Parameters
    ----------
    directory : path-like
        Made if it does not exist.
    identity : dict
        What all its files share; see `hopnet.ensemble.config.RunConfig.identity`.
    run_text : str
        The run file, kept as ``run.toml``.

    Returns
    -------
    Ledger

    Raises
    ------
    ParameterError
        If the directory holds another run (says what differs), holds something else, or cannot be
        written.
    """
    directory = Path(directory)
    try:
        if directory.exists() and not directory.is_dir():
            raise ParameterError(f"{str(directory)!r} is a file, not a directory; give another.")
        manifest = directory / "manifest.json"
        if manifest.exists():
            check_identity(directory, read_manifest(directory)["identity"], identity)
        elif directory.is_dir() and any(directory.iterdir()) and not was_a_run(directory):
            raise ParameterError(
                f"{str(directory)!r} holds files but no run (no manifest.json); "
                "give --out a new or empty directory."
            )
        for folder in ("samples", "running"):
            (directory / folder).mkdir(parents=True, exist_ok=True)
        write_manifest(directory, identity)
        with atomic_write(directory / "run.toml") as file:
            file.write(run_text.encode())
    except (PermissionError, OSError) as failure:
        raise ParameterError(
            f"cannot write to {str(directory)!r} ({failure.strerror or failure}); "
            "give --out a directory with room that you may write to."
        ) from None
    return Ledger(directory, digest(identity))


def was_a_run(directory):
    """Whether a directory without a manifest is a run that lost it; its files know their run."""
    return (directory / "samples").is_dir() and (directory / "run.toml").is_file()


def existing_ledger(directory):
    """Open a result directory for reading.

    Returns
    -------
    ledger : Ledger
    run_text : str
    """
    directory = Path(directory)
    manifest = read_manifest(directory)
    try:
        text = (directory / "run.toml").read_text(encoding="utf-8")
    except (OSError, ValueError):
        raise DataError(
            f"{str(directory)!r} has lost its run.toml, or it is no text; run again into it."
        ) from None
    return Ledger(directory, digest(manifest["identity"])), text


def read_manifest(directory):
    """The manifest of a result directory as a dict."""
    if not Path(directory).is_dir():
        kind = "a file" if Path(directory).exists() else "not there"
        raise DataError(
            f"{str(directory)!r} is {kind}, a result directory is needed; give one that "
            "`hopnet run` has written."
        )
    try:
        manifest = json.loads((Path(directory) / "manifest.json").read_text())
        known = all({"versions", "processor"} <= entry.keys() for entry in manifest["history"])
        if not known or not manifest["identity"].keys():
            raise ValueError("it lacks what a run writes there")
    except FileNotFoundError:
        raise DataError(
            f"{str(directory)!r} holds no run (no manifest.json); give a directory that "
            "`hopnet run` has written."
        ) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as failure:
        why = f"no {failure}" if isinstance(failure, KeyError) else failure
        raise DataError(
            f"{str(directory)!r} has a damaged manifest.json ({why}); remove that file and "
            "run again: finished samples are kept."
        ) from None
    return manifest


def check_identity(directory, found, wanted):
    """Raise and say what differs unless two identities are equal."""
    if digest(found) == digest(wanted):
        return
    differences = []
    for key in sorted(found.keys() | wanted.keys()):
        old, new = found.get(key, "not fixed"), wanted.get(key, "not fixed")
        if old != new:
            if isinstance(old, list) and isinstance(new, list) and key == "spin.tau_s":
                old, new = grid_words(old), grid_words(new)
            differences.append(f"{key} ({old} there, {new} here)")
    raise ParameterError(
        f"{str(directory)!r} holds another run, with other {'; '.join(differences)}; "
        "give --out another directory (samples and scan points may be added to a run, "
        "its physics may not change)."
    )


def grid_words(grid):
    """``33 times 0.01 .. 1e+12``."""
    return f"{len(grid)} times {min(grid):g} .. {max(grid):g}"


def write_manifest(directory, identity):
    """Write manifest.json, or add to its history when versions or processor have changed."""
    path = Path(directory) / "manifest.json"
    now = {"versions": versions(), "processor": processor_name(), "system": platform.platform()}
    history = read_manifest(directory).get("history", []) if path.exists() else []
    known = [{k: v for k, v in entry.items() if k != "since"} for entry in history]
    if now in known:
        return
    history.append({"since": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())} | now)
    content = {"identity": identity, "config_hash": digest(identity), "history": history}
    with atomic_write(path) as file:
        file.write((json.dumps(content, indent=1) + "\n").encode())


# Heartbeats: who is at work in a directory.


def overlap(a, b):
    """Whether two shards (i, n) share a sample: sample numbers k with k = i mod n."""
    return (a[0] - b[0]) % int(np.gcd(a[1], b[1])) == 0
