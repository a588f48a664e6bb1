"""Parquet tables that carry their units, the run they belong to and a digest of their numbers.

A table is believed only if the digest of all its bytes, its label and the digest of its values fit.
The digest of the bytes stands in the file itself; it is taken with zeros in its own place.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hopnet.ensemble.fields import field_units
from hopnet.ensemble.linear_response import admittance_units
from hopnet.ensemble.observables import observable_units
from hopnet.errors import DataError, HopnetError
from hopnet.files import atomic_write
from hopnet.machine import machine_memory

__all__ = [
    "ForeignFileError",
    "MissingFileError",
    "UnreadableFileError",
    "check_file",
    "is_sealed",
    "read_table",
    "rows_digest",
    "seal_place",
    "table_bytes",
    "table_of",
    "write_pieces",
    "write_table",
]

UNITS = {
    "density": "n_s a_b^2",
    "sites.density": "n_s a_b^2",
    "tau_s": "tau_0",
    "f": "1",
    "f_drift": "1",
    "f_diffusion": "1",
    "f_numerical_error": "1 (absolute, of one sample)",
    "f_cutoff_error": "1 (absolute, of one sample)",
    "f_standard_error": "1 (absolute, over samples)",
    "numerator": "1/rho_0",
    "conductance": "1/rho_0",
    "log_conductance": "ln(1/rho_0)",
    "resistivity": "rho_0 per square",
    "resistivity_cutoff_error": "1 (relative)",
    "network.cutoff": "l_c",
    "network.cutoff_margin": "a_b",
    "network.contact_width": "a_b",
    "network.cutoff_radius": "a_b",
    "sites.min_distance": "a_b",
    "length": "a_b",
    "width": "a_b",
    "width_across_current": "a_b",
    "log_resistivity": "ln(rho_0)",
    "critical_exponent": "1",
    "mean_occupation": "1 (largest is 1)",
    "network.kT": "of the energies",
    "sites.energy_width": "of the energies",
    "network.chemical_potential": "of the energies",
    "network.reorganisation_energy": "of the energies",
    "nuclei.strength": "1/tau_0",
    "nuclei.background_time": "tau_0",
    "traps.fraction": "1",
} | observable_units()

# Units that differ in space, where the tables of the samples have a column ``height``.
UNITS_IN_SPACE = {
    "height": "a_b",
    "density": "n_s a_b^3",
    "sites.density": "n_s a_b^3",
    "width_across_current": "a_b^2 (cross-section)",
    "resistivity": "rho_0 a_b",
    "log_resistivity": "ln(rho_0 a_b)",
}


class MissingFileError(DataError):
    """There is no such file."""


class ForeignFileError(DataError):
    """A whole file that belongs to another run or another sample."""


class UnreadableFileError(HopnetError):
    """A file that the system could not read: nothing is known about its content."""


# Where the digest of all bytes of a file stands: the name of the entry, the two bytes by which the
# encoding of Parquet (Thrift's compact protocol) announces a text of 64 characters, the digest.
SEAL = "hopnet.seal"
SEAL_PLACE = re.compile(re.escape(SEAL.encode()) + rb"\x18\x40([0-9a-f]{64})")
BLANK = "0" * 64
# Rows of a group of a long table: what is in memory at a time while it is written. Larger: more
# memory (some 3 kB per row, in several forms). Smaller: a larger file, slower to read.
GROUP = 16_384
# Bytes at the end of a Parquet file among which its digest stands: behind the list of its groups.
LARGEST_FOOTER = 1_000_000
PIECE = 1_000_000  # bytes that are read at a time to check a file


def table_of(columns: dict) -> pa.Table:
    """A table from a dict of arrays of equal length."""
    return pa.table({name: pa.array(values) for name, values in columns.items()})


def rows_digest(table: pa.Table) -> str:
    """SHA-256 of the names, types and values of a table."""
    state = hashlib.sha256()
    for name in table.column_names:
        values = table.column(name)
        state.update(f"{name}:{values.type}:".encode())
        if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
            state.update("\0".join(map(str, values.to_pylist())).encode())
        else:
            state.update(np.ascontiguousarray(values.to_numpy()).tobytes())
    return state.hexdigest()


def table_bytes(table: pa.Table, label: dict[str, str]) -> bytes:
    """A Parquet file with a label, its digests, and a unit with every column that has one."""
    label = label | {"hopnet.digest": rows_digest(table), SEAL: BLANK}
    sink = pa.BufferOutputStream()
    marked = table.cast(with_units(table.schema).with_metadata(label))
    pq.write_table(marked, sink, compression="zstd", write_page_checksum=True)
    data = sink.getvalue().to_pybytes()
    place = seal_place(data)
    return data[: place.start] + hashlib.sha256(data).hexdigest().encode() + data[place.stop :]


def with_units(schema: pa.Schema) -> pa.Schema:
    """A schema in which each column that has a unit carries it, without other metadata."""
    in_space = UNITS_IN_SPACE if "height" in schema.names else {}
    units = UNITS | in_space | field_units(schema.names) | admittance_units(schema.names)
    return pa.schema(
        [
            pa.field(field.name, field.type, metadata={"unit": units[field.name]})
            if field.name in units
            else pa.field(field.name, field.type)
            for field in schema
        ]
    )


def seal_place(data: bytes) -> slice:
    """The place of the digest of all bytes in a Parquet file of ours.

    Raises
    ------
    ValueError
        If the file does not hold exactly one such digest.
    """
    found = list(SEAL_PLACE.finditer(data))
    if len(found) != 1:
        raise ValueError("the digest of its bytes is missing")
    return slice(*found[0].span(1))


def is_sealed(data: bytes) -> bool:
    """Whether a Parquet file has the bytes with which it was written."""
    try:
        place = seal_place(data)
    except ValueError:
        return False
    state = hashlib.sha256(memoryview(data)[: place.start])
    state.update(BLANK.encode())
    state.update(memoryview(data)[place.stop :])
    return state.hexdigest().encode() == data[place]


def write_table(path: str | Path, table: pa.Table, label: dict[str, str]) -> None:
    """Write a Parquet file with its label and digest, whole or not at all."""
    data = table_bytes(table, label)
    with atomic_write(path) as file:
        file.write(data)


class SealedSink:
    """A file that is written once from beginning to end, and gets the digest of its bytes then.

    Only its last bytes are kept in memory: the place of the digest is among them.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.state = hashlib.sha256()
        self.size = 0
        self.tail = b""
        self.closed = False

    def write(self, data: Any) -> int:
        """Write bytes."""
        piece = bytes(data)
        self.state.update(piece)
        self.size += len(piece)
        self.tail = (self.tail + piece)[-LARGEST_FOOTER:]
        return self.file.write(piece)

    def tell(self) -> int:
        """Number of bytes written."""
        return self.size

    def flush(self) -> None:
        """Nothing: the file is flushed when it is complete."""

    def close(self) -> None:
        """Nothing more is written."""
        self.closed = True

    def seal(self) -> None:
        """Write the digest into its place."""
        place = seal_place(self.tail)
        self.file.seek(self.size - len(self.tail) + place.start)
        self.file.write(self.state.hexdigest().encode())


def write_pieces(path: str | Path, pieces: Iterable[pa.Table], label: dict[str, str]) -> int:
    """Write a long table as ``path``.csv and ``path``.parquet from its pieces; the number of rows.

    Parameters
    ----------
    path : path-like
        Without the ending.
    pieces : iterable of pyarrow.Table
        Pieces of any length with the same columns; none of them is kept. The files depend on the
        rows, not on how they are cut into pieces.
    label : dict of str to str

    Raises
    ------
    DataError
        If the pieces have different columns.

    Notes
    -----
    The Parquet file holds the digest of the .csv. Its rows stand in groups of `GROUP`.
    """
    path = Path(path)
    groups = regrouped(pieces)
    first = next(groups)
    schema = with_units(first.schema)
    text = hashlib.sha256()
    n_rows = 0
    with (
        atomic_write(path.with_suffix(".csv")) as lines,
        atomic_write(path.with_suffix(".parquet")) as file,
    ):
        sink = SealedSink(file)
        stream = pa.PythonFile(sink, mode="w")
        options = {"compression": "zstd", "write_page_checksum": True}
        with pq.ParquetWriter(stream, schema, **options) as writer:
            for group in itertools.chain([first], groups):
                writer.write_table(group.cast(schema), row_group_size=GROUP)
                words = group.to_pandas().to_csv(index=False, header=n_rows == 0).encode()
                lines.write(words)
                text.update(words)
                n_rows += group.num_rows
            more = label | {"hopnet.csv": text.hexdigest(), SEAL: BLANK}
            writer.add_key_value_metadata(more)
        sink.seal()
    return n_rows


def regrouped(pieces: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The rows of some tables in tables of `GROUP` rows each, the last one shorter."""
    waiting: list[pa.Table] = []
    n_waiting = 0
    names: list[str] | None = None
    for piece in pieces:
        names = names or piece.column_names
        if piece.column_names != names:
            raise DataError(
                "the files of the samples have different columns, because different versions have "
                "written them; compute them again with one version, in another directory."
            )
        waiting.append(piece.replace_schema_metadata(None))
        n_waiting += piece.num_rows
        while n_waiting >= GROUP:
            rows = pa.concat_tables(waiting).combine_chunks()
            yield rows.slice(0, GROUP)
            waiting, n_waiting = [rows.slice(GROUP)], n_waiting - GROUP
    if n_waiting:
        yield pa.concat_tables(waiting).combine_chunks()


def check_file(path: str | Path, label: dict[str, str], *, hint: str = "run again") -> dict:
    """Raise unless a Parquet file has the bytes with which it was written and a label.

    Its rows are not read, so that a file of any size needs little memory.

    Returns
    -------
    dict of str to str
        Its metadata.

    Raises
    ------
    DataError
        As `read_table`.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - LARGEST_FOOTER))
            begin = file.tell()
            place = seal_place(file.read())
            at = begin + place.start
            file.seek(0)
            state = hashlib.sha256()
            for number in pieces_of(at):
                state.update(file.read(number))
            found = file.read(len(BLANK))
            state.update(BLANK.encode())
            while piece := file.read(PIECE):
                state.update(piece)
        whole = state.hexdigest().encode() == found
        metadata = metadata_of(pq.ParquetFile(path)) if whole else {}
    except (FileNotFoundError, IsADirectoryError):
        raise MissingFileError(f"{path} is missing; {hint}.") from None
    except OSError as failure:
        raise unreadable(path, failure) from None
    except (pa.ArrowException, ValueError):
        whole = False
    if not whole:
        raise DataError(f"{path} is damaged (its digest does not fit); {hint}.")
    check_label(path, metadata, label, hint)
    return metadata


def pieces_of(number: int) -> Iterator[int]:
    """Sizes of pieces that make up a number of bytes."""
    while number > 0:
        yield min(number, PIECE)
        number -= PIECE


def metadata_of(file: pq.ParquetFile) -> dict[str, str]:
    """The labels of a Parquet file."""
    return {k.decode(): v.decode() for k, v in (file.metadata.metadata or {}).items()}


def check_label(path: Path, found: dict[str, str], label: dict[str, str], hint: str) -> None:
    """Raise unless the metadata of a whole file says what is expected."""
    for key, value in label.items():
        if found.get(key) != value:
            what = key.removeprefix("hopnet.").replace("identity", "run")
            raise ForeignFileError(
                f"{path} belongs to another {what}; it is not counted, move it away or {hint}."
            )


def unreadable(path: Path, failure: OSError) -> UnreadableFileError:
    """The error for a file that the system cannot read."""
    return UnreadableFileError(
        f"cannot read {path} ({failure.strerror or failure}); nothing was moved: correct "
        "permissions or disk, then repeat the command."
    )


def read_table(path: str | Path, label: dict[str, str], *, hint: str = "run again") -> pa.Table:
    """The table of a Parquet file, believed only if it is whole and has the expected label.

    Parameters
    ----------
    path : path-like
    label : dict of str to str
        Entries that its metadata must have.
    hint : str
        What to do about a damaged file, for the message.

    Returns
    -------
    pyarrow.Table

    Raises
    ------
    MissingFileError
        If there is no such file.
    UnreadableFileError
        If the system cannot read it (permissions, a failing disk, too many open files).
    ForeignFileError
        If it is whole but has another label.
    DataError
        If it is damaged.
    """
    path = Path(path)
    try:
        # The whole file first: an open file could not be removed on a network file system.
        data = path.read_bytes()
    except (FileNotFoundError, IsADirectoryError):
        raise MissingFileError(f"{path} is missing; {hint}.") from None
    except OSError as failure:
        raise unreadable(path, failure) from None
    if not is_sealed(data):
        raise DataError(f"{path} is damaged (its digest does not fit); {hint}.")
    try:
        file = pq.ParquetFile(pa.BufferReader(data), page_checksum_verification=True)
        # A small file can claim to hold any number of rows: check before memory is taken.
        n_values = file.metadata.num_rows * file.metadata.num_columns
        if 8 * n_values > machine_memory() or file.metadata.num_columns > 10_000:
            raise DataError(f"{path} claims {n_values} values, more than fit in memory; {hint}.")
        table = file.read(use_threads=False)
        found = metadata_of(file)
        # A long table has no digest of its values beside that of its bytes.
        fits = found.get("hopnet.digest", "") == rows_digest(table)
        fits = fits or ("hopnet.digest" not in found and "hopnet.csv" in found)
    except (pa.ArrowException, OSError, ValueError, TypeError, MemoryError, RecursionError) as why:
        first_line = str(why).splitlines()[0][:200] if str(why) else type(why).__name__
        raise DataError(f"{path} is damaged ({first_line}); {hint}.") from None
    if not fits:
        raise DataError(f"{path} is damaged (its digest does not fit); {hint}.")
    check_label(path, found, label, hint)
    return table
