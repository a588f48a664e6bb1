"""Stages: how many samples each point needs, and which are still missing.

With ``target_error`` a run has two stages. The first samples of a point are always taken; their
spread decides once how many more follow (see `hopnet.ensemble.statistics`). All functions here
depend on the run file and on what is on disk alone, so every worker and shard gets the same answer.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from hopnet.ensemble.batches import Batch, column_of
from hopnet.ensemble.config import Point, RunConfig
from hopnet.ensemble.ledger import Examination, Ledger
from hopnet.ensemble.plan import batch_size, task_cost
from hopnet.ensemble.statistics import LARGEST, samples_for_error
from hopnet.ensemble.tasks import Task
from hopnet.machine import versions

__all__ = ["NOTHING", "Finished", "finished_samples", "missing_tasks", "required", "rows_of"]

# Files whose rows are kept while rows are gathered. More than one is needed only where the samples
# of several files alternate, after a change of the batch size or a repetition of failed samples.
KEPT_FILES = 8


@dataclass(frozen=True)
class Finished:
    """The samples of one point that are on disk.

    Attributes
    ----------
    numbers : int64[n]
        Their numbers, in rising order.
    file : list of str
        Names of the files that hold them.
    place : int64[n]
        Which file of the list holds each sample.
    failed : dict of int to str
        The samples that failed, with the class of the failure.
    """

    numbers: np.ndarray
    file: list[str]
    place: np.ndarray
    failed: dict[int, str]

    def first(self, number: int) -> np.ndarray:
        """Those of the samples 0 to ``number`` - 1 that are there."""
        return self.numbers[: np.searchsorted(self.numbers, number)]


NOTHING = Finished(np.empty(0, dtype=np.int64), [], np.empty(0, dtype=np.int64), {})


def finished_samples(found: Examination) -> dict[str, Finished]:
    """The samples of each point (by its hash) that are on disk.

    A sample that stands in two files, because failed samples were computed again with another
    batch size, is taken from one where it is done; else from the first one by name.
    """
    by_point: dict[str, list[str]] = {}
    for name, content in found.contents.items():
        by_point.setdefault(content.batch.point, []).append(name)
    return {
        point: finished_of(sorted(files), [found.contents[name] for name in sorted(files)])
        for point, files in by_point.items()
    }


def finished_of(files: list[str], contents: list) -> Finished:
    """`finished_samples` of one point."""
    number = np.concatenate([c.numbers for c in contents])
    place = np.repeat(np.arange(len(files)), [c.numbers.size for c in contents])
    bad = np.zeros(number.size, dtype=bool)
    start = 0
    for content in contents:
        if content.failed:
            own = slice(start, start + content.numbers.size)
            bad[own] = np.isin(content.numbers, list(content.failed))
        start += content.numbers.size
    order = np.lexsort((place, bad, number))
    number, place, bad = number[order], place[order], bad[order]
    chosen = np.concatenate([[True], number[1:] != number[:-1]])
    number, place, bad = number[chosen], place[chosen], bad[chosen]
    failed = {int(n): contents[p].failed[int(n)] for n, p in zip(number[bad], place[bad])}
    return Finished(number, files, place, failed)


def required(
    config: RunConfig, ledger: Ledger, found: Examination, finished: dict[str, Finished]
) -> list[tuple[Point, int]]:
    """Number of samples that each point needs, estimated from its finished samples.

    Parameters
    ----------
    config : RunConfig
    ledger : Ledger
    found : Examination
    finished : dict of str to Finished
        As from `finished_samples`.

    Returns
    -------
    list of (Point, int)
        The first stage while it is not complete; with ``target_error`` then the number that its
        spread asks for.
    """
    out = []
    for point in config.points():
        number = point.n_samples
        there = finished.get(point.name, NOTHING)
        if config.ensemble.target_error and there.first(number).size == number:
            number = second_stage(config, ledger, found, there, number)
        out.append((point, number))
    return out


def second_stage(
    config: RunConfig, ledger: Ledger, found: Examination, there: Finished, number: int
) -> int:
    """The number of samples that follows from the spread of the first ones."""
    f: list[float] = []
    for rows in rows_of(ledger, found, there, number):
        sample, done = column_of(rows, "sample"), column_of(rows, "status") == "done"
        begins = np.concatenate([[True], sample[1:] != sample[:-1]])
        f += column_of(rows, "f")[begins & done].tolist()
    if len(f) < 2:
        return number
    largest = max(config.ensemble.max_samples or LARGEST, number)
    wanted = samples_for_error(f, config.ensemble.target_error, largest)
    # Some samples fail: the number is increased in proportion to their share.
    return min(largest, max(number, -(-wanted * number // len(f))))


def rows_of(ledger: Ledger, found: Examination, there: Finished, number: int) -> Iterator[pa.Table]:
    """The rows of the samples 0 to ``number`` - 1 of a point, in order, piece by piece.

    Parameters
    ----------
    ledger : Ledger
    found : Examination
        Its tables are used as far as they are kept; other files are read again.
    there : Finished
    number : int

    Yields
    ------
    pyarrow.Table
        Rows of one file whose samples follow each other.

    Raises
    ------
    DataError
        If a file was damaged or removed since the examination.
    """
    numbers = there.first(number)
    place = there.place[: numbers.size]
    recent: OrderedDict[str, pa.Table] = OrderedDict()
    begins = np.flatnonzero(np.concatenate([[True], place[1:] != place[:-1]]))
    for start, stop in zip(begins, [*begins[1:], numbers.size]):
        if start == stop:
            return
        name = there.file[place[start]]
        table = found.tables.get(name) or recent.get(name)
        if table is None:
            table = ledger.read(found.contents[name].batch)
            recent[name] = table
            if len(recent) > KEPT_FILES:
                recent.popitem(last=False)
        yield select_rows(table, numbers[start:stop])


def select_rows(table: pa.Table, numbers: np.ndarray) -> pa.Table:
    """The rows of some samples of a file."""
    sample = column_of(table, "sample")
    low = np.searchsorted(sample, numbers[0], side="left")
    high = np.searchsorted(sample, numbers[-1], side="right")
    rows = table.slice(low, high - low)
    wanted = np.isin(sample[low:high], numbers)
    return rows if wanted.all() else rows.filter(pa.array(wanted))


def missing_tasks(
    config: RunConfig,
    ledger: Ledger,
    found: Examination,
    shard: tuple[int, int],
    *,
    retry: bool = False,
) -> list[Task]:
    """The tasks of a shard whose samples are not all on disk.

    Parameters
    ----------
    config : RunConfig
    ledger : Ledger
    found : Examination
    shard : (i, n)
        Only every n-th batch, starting at the i-th.
    retry : bool
        Failed samples count as missing.

    Returns
    -------
    list of Task
        First samples first, costly points first.
    """
    finished = finished_samples(found)
    known = versions()
    n_samples = sum(point.n_samples for point in config.points())
    tasks = []
    for place, (point, number) in enumerate(required(config, ledger, found, finished)):
        cost = -task_cost(point)
        size = batch_size(config, point, n_samples)
        there = finished.get(point.name, NOTHING)
        done = np.zeros(number, dtype=bool)
        done[there.first(number)] = True
        if retry:
            done[[n for n in there.failed if n < number]] = False
        for k in range(-(-number // size)):
            if (place + k) % shard[1] != shard[0]:
                continue
            wanted = missing_numbers(done, k * size, min((k + 1) * size, number))
            if not wanted:
                continue
            batch = Batch(point.name, k * size, (k + 1) * size - 1)
            keep = config.output.snapshot and wanted[0] == 0
            limit = config.ensemble.time_limit
            task = Task(ledger, point, wanted, known, keep, limit, batch, retry)
            tasks.append((wanted[0], cost, task))
    return [task for _, _, task in sorted(tasks, key=lambda entry: entry[:2])]


def missing_numbers(done: np.ndarray, start: int, stop: int) -> Sequence[int]:
    """The numbers from ``start`` to ``stop`` - 1 that are not done."""
    part = done[start:stop]
    if not part.any():
        return range(start, stop)  # a short form: a run may have millions of samples
    return tuple((start + np.flatnonzero(~part)).tolist())
