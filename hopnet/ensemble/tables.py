"""Parquet tables that carry their units, the run they belong to and a digest of their numbers.

A table is believed only if the digest of all its bytes, its label and the digest of its values fit.
The digest of the bytes stands in the file itself; it is taken with zeros in its own place.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

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
    "is_sealed",
    "read_table",
    "rows_digest",
    "seal_place",
    "table_bytes",
    "table_of",
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
    units = UNITS | field_units(table.column_names) | admittance_units(table.column_names)
    fields = [
        pa.field(field.name, field.type, metadata={"unit": units[field.name]})
        if field.name in units
        else pa.field(field.name, field.type)
        for field in table.schema
    ]
    sink = pa.BufferOutputStream()
    marked = table.cast(pa.schema(fields, metadata=label))
    pq.write_table(marked, sink, compression="zstd", write_page_checksum=True)
    data = sink.getvalue().to_pybytes()
    place = seal_place(data)
    return data[: place.start] + hashlib.sha256(data).hexdigest().encode() + data[place.stop :]


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
    blank = data[: place.start] + BLANK.encode() + data[place.stop :]
    return hashlib.sha256(blank).hexdigest().encode() == data[place]


def write_table(path: str | Path, table: pa.Table, label: dict[str, str]) -> None:
    """Write a Parquet file with its label and digest, whole or not at all."""
    data = table_bytes(table, label)
    with atomic_write(path) as file:
        file.write(data)


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
        raise UnreadableFileError(
            f"cannot read {path} ({failure.strerror or failure}); nothing was moved: correct "
            "permissions or disk, then repeat the command."
        ) from None
    if not is_sealed(data):
        raise DataError(f"{path} is damaged (its digest does not fit); {hint}.")
    try:
        file = pq.ParquetFile(pa.BufferReader(data), page_checksum_verification=True)
        # A small file can claim to hold any number of rows: check before memory is taken.
        n_values = file.metadata.num_rows * file.metadata.num_columns
        if 8 * n_values > machine_memory() or file.metadata.num_columns > 10_000:
            raise DataError(f"{path} claims {n_values} values, more than fit in memory; {hint}.")
        table = file.read(use_threads=False)
        found = {k.decode(): v.decode() for k, v in (table.schema.metadata or {}).items()}
        fits = found.get("hopnet.digest") == rows_digest(table)
    except (pa.ArrowException, OSError, ValueError, TypeError, MemoryError, RecursionError) as why:
        first_line = str(why).splitlines()[0][:200] if str(why) else type(why).__name__
        raise DataError(f"{path} is damaged ({first_line}); {hint}.") from None
    if not fits:
        raise DataError(f"{path} is damaged (its digest does not fit); {hint}.")
    for key, value in label.items():
        if found.get(key) != value:
            what = key.removeprefix("hopnet.").replace("identity", "run")
            raise ForeignFileError(
                f"{path} belongs to another {what}; it is not counted, move it away or {hint}."
            )
    return table
