"""Batches: which samples one task computes and one file holds.

The samples of a point are cut into batches of equal size, from sample 0 on. A batch of one sample
has a file ``POINT-NUMBER.parquet``, a larger one ``POINT-FIRST-LAST.parquet``. A file may hold a
part of its batch only: the column ``sample`` of its rows says which samples are there. The size of
the batches is a matter of speed. Tables do not depend on it, and it may change between two runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

__all__ = [
    "Batch",
    "Content",
    "batch_of",
    "column_of",
    "content_of",
    "merge_rows",
    "number_words",
]


@dataclass(frozen=True)
class Batch:
    """A range of samples of one point: what one file may hold.

    Attributes
    ----------
    point : str
        The hash of the physical keys.
    first, last : int
        Numbers of the first and the last sample of the range.
    """

    point: str
    first: int
    last: int

    @property
    def file_name(self) -> str:
        """The name of its file, under ``samples/``."""
        if self.first == self.last:
            return f"{self.point}-{self.first:06d}.parquet"
        return f"{self.point}-{self.first:06d}-{self.last:06d}.parquet"

    @property
    def label(self) -> str:
        """The label of the batch in the metadata of its file."""
        if self.first == self.last:
            return f"{self.point}-{self.first}"
        return f"{self.point}-{self.first}-{self.last}"


def batch_of(file_name: str) -> Batch | None:
    """The batch that a file is named for, or None."""
    match = re.fullmatch(r"([0-9a-f]{12})-([0-9]{6,9})(?:-([0-9]{6,9}))?\.parquet", file_name)
    if match is None:
        return None
    first = int(match[2])
    batch = Batch(match[1], first, int(match[3]) if match[3] else first)
    return batch if batch.first <= batch.last and batch.file_name == file_name else None


@dataclass(frozen=True)
class Content:
    """The samples that a file of rows holds.

    Attributes
    ----------
    batch : Batch
    numbers : int64[n]
        Its samples, in rising order.
    failed : dict of int to str
        The samples that failed, with the class of the failure.
    """

    batch: Batch
    numbers: np.ndarray
    failed: dict[int, str]


def content_of(batch: Batch, table: pa.Table) -> Content:
    """The samples in the rows of a file.

    Raises
    ------
    ValueError
        If the rows are not those of samples of this batch, each with equally many rows, in order.
    """
    rows = table.column("sample").to_numpy()
    if rows.dtype.kind != "i" or rows.size == 0:
        raise ValueError("it has no samples")
    numbers, start, count = np.unique(rows, return_index=True, return_counts=True)
    in_order = np.array_equal(rows, np.repeat(numbers, count))
    if not in_order or (count != count[0]).any():
        raise ValueError("its rows are not in order")
    if numbers[0] < batch.first or numbers[-1] > batch.last:
        raise ValueError("it holds samples of another batch")
    status = table.column("status").take(pa.array(start)).to_pylist()
    failed = {int(n): str(word) for n, word in zip(numbers, status) if word != "done"}
    return Content(batch, numbers, failed)


def merge_rows(old: pa.Table | None, new: pa.Table) -> pa.Table:
    """The rows of two tables of one batch, sorted by sample.

    A sample that stands in both is taken from ``new``, unless it was done before and has failed
    now.
    """
    parts = [new]
    if old is not None:
        late = column_of(new, "sample")
        done_before = column_of(old, "sample")[column_of(old, "status") == "done"]
        worse = np.isin(late, done_before) & (column_of(new, "status") != "done")
        parts = [new.filter(pa.array(~worse))]
        kept = ~np.isin(column_of(old, "sample"), column_of(parts[0], "sample"))
        parts.insert(0, old.filter(pa.array(kept)).select(new.column_names))
    both = pa.concat_tables([part.replace_schema_metadata(None) for part in parts])
    order = np.argsort(column_of(both, "sample"), kind="stable")
    return both.take(pa.array(order)).combine_chunks()


def column_of(table: pa.Table, name: str) -> np.ndarray:
    """One column as an array."""
    return table.column(name).to_numpy(zero_copy_only=False)


def number_words(numbers: Sequence[int] | Iterable[int]) -> str:
    """Numbers of samples as a short text, ``#3`` or ``#0 to #499 (500 samples)``."""
    numbers = list(numbers)
    if len(numbers) == 1:
        return f"#{numbers[0]}"
    return f"#{numbers[0]} to #{numbers[-1]} ({len(numbers)} samples)"
