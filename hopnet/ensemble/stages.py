"""Stages: how many samples each point needs, and which are still missing.

With ``target_error`` a run has two stages. The first samples of a point are always taken; their
spread decides once how many more follow (see `hopnet.ensemble.statistics`). All functions here
depend on the run file and on what is on disk alone, so every worker and shard gets the same answer.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pyarrow as pa

from hopnet.ensemble.config import Point, RunConfig
from hopnet.ensemble.ledger import Ledger, Sample
from hopnet.ensemble.plan import task_cost
from hopnet.ensemble.statistics import LARGEST, samples_for_error
from hopnet.ensemble.tasks import Task
from hopnet.errors import DataError
from hopnet.machine import versions

__all__ = ["missing_tasks", "planned", "required"]


def required(
    config: RunConfig,
    ledger: Ledger,
    finished: Collection[str],
    tables: Mapping[str, pa.Table] | None = None,
) -> list[tuple[Point, int]]:
    """Number of samples that each point needs, estimated from its finished samples.

    Parameters
    ----------
    config : RunConfig
    ledger : Ledger
    finished : collection of str
        Names of the files that are there.
    tables : dict of str to pyarrow.Table, optional
        Files that have been read already.

    Returns
    -------
    list of (Point, int)
        The first stage while it is not complete; with ``target_error`` then the number that its
        spread asks for.
    """
    ensemble = config.ensemble
    out = []
    for point in config.points():
        number = point.n_samples
        if ensemble.target_error:
            first = [Sample(point.name, r) for r in range(number)]
            if all(sample.file_name in finished for sample in first):
                number = second_stage(config, ledger, first, tables or {})
        out.append((point, number))
    return out


def second_stage(
    config: RunConfig, ledger: Ledger, first: list[Sample], tables: Mapping[str, pa.Table]
) -> int:
    """The number of samples that follows from the spread of the first ones."""
    number = len(first)
    try:
        found = [tables.get(s.file_name) or ledger.read(s) for s in first]
    except DataError:
        return number  # a damaged file counts as missing: the first stage is not complete
    f = [t["f"][0].as_py() for t in found if t["status"][0].as_py() == "done"]
    if len(f) < 2:
        return number
    largest = max(config.ensemble.max_samples or LARGEST, number)
    wanted = samples_for_error(f, config.ensemble.target_error, largest)
    # Some samples fail: the number is increased in proportion to their share.
    return min(largest, max(number, -(-wanted * number // len(f))))


def planned(plan: list[tuple[Point, int]]) -> list[Sample]:
    """The samples of a plan, point by point."""
    return [Sample(point.name, r) for point, number in plan for r in range(number)]


def missing_tasks(
    config: RunConfig,
    ledger: Ledger,
    shard: tuple[int, int],
    *,
    again: Collection[str] = (),
    tables: Mapping[str, pa.Table] | None = None,
) -> list[Task]:
    """The tasks of a shard that have no file yet.

    Parameters
    ----------
    config : RunConfig
    ledger : Ledger
    shard : (i, n)
        Only every n-th sample, starting at the i-th.
    again : collection of str
        Names of files that are computed again.
    tables : dict of str to pyarrow.Table, optional
        Files that have been read already.

    Returns
    -------
    list of Task
        First samples first, costly points first.
    """
    finished = ledger.finished()
    known = versions()
    tasks = []
    for place, (point, number) in enumerate(required(config, ledger, finished, tables)):
        cost = -task_cost(point)
        for sample in range(number):
            if (place + sample) % shard[1] != shard[0]:
                continue
            keep = config.output.snapshot and sample == 0
            limit = config.ensemble.time_limit
            task = Task(ledger, point, sample, known, keep, limit)
            name = task.sample.file_name
            if name not in finished or name in again:
                tasks.append((sample, cost, task))
    return [task for _, _, task in sorted(tasks, key=lambda entry: entry[:2])]
