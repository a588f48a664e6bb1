"""Outcomes: what becomes of a task that has ended on a worker, or whose worker has died."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hopnet.ensemble.marks import read_mark
from hopnet.ensemble.tasks import Report, Task, record_failure, report_from_file
from hopnet.ensemble.workers import DEATHS, dask_modules
from hopnet.errors import DataError, HopnetError

__all__ = ["reports_of", "scheduler_gone", "set_apart"]


def set_apart(
    task: Task, status: str, reason: str, waiting: list[Task], *, certain: bool = True
) -> Iterator[Report]:
    """Record the failure of the sample that a worker was computing when it ended.

    The other samples of its batch go back to those that wait.

    Parameters
    ----------
    task : Task
    status, reason : str
    waiting : list of Task
    certain : bool
        False: other samples may have been computed when the workers before died. Then the sample
        has failed only if all died on it.
    """
    mark = read_mark(task.ledger.mark(task.batch))
    number = task.numbers[0]
    if mark is not None and mark.number in task.numbers:
        number = mark.number
        certain = certain or mark.deaths_if_dead() > DEATHS
    if certain or len(task.numbers) == 1:
        yield record_failure(task, number, status, reason)
        rest = [other for other in task.numbers if other != number]
    else:
        rest = list(task.numbers)
    if rest:
        waiting.append(task.only(rest))


def reports_of(future: Any, task: Task, n_left: int, waiting: list[Task]) -> Iterator[Report]:
    """The reports of a future that has ended; an error that stops the whole run is raised.

    Samples that can still be computed are put back to those that wait.
    """
    _, distributed = dask_modules()
    if future.status == "finished":
        future.release()
        yield stored_report(task)
        return
    if future.status in ("cancelled", "lost"):
        raise scheduler_gone(n_left)
    failure = future.exception()
    if isinstance(failure, distributed.KilledWorker):
        words = f"{DEATHS + 1} workers died while they computed it, perhaps for lack of memory"
        yield from set_apart(task, "WorkerDied", words, waiting, certain=False)
        return
    if isinstance(failure, HopnetError):
        raise failure
    yield lost_report(task, f"{type(failure).__name__}: {failure}")


def lost_report(task: Task, reason: str) -> Report:
    """The report of a task whose samples have no file."""
    return Report(task, {"lost": len(task.numbers)}, 0.0, reason)


def stored_report(task: Task) -> Report:
    """The report of a finished task from its files.

    The report itself is not fetched: the worker that holds it may have died.
    """
    path = task.ledger.path(task.batch)
    if not path.exists():
        raise HopnetError(
            f"a worker has finished a sample, but {path} cannot be seen from here; give --out a "
            "directory on a file system that all machines share."
        )
    try:
        return report_from_file(task)
    except DataError as failure:
        return lost_report(task, str(failure))


def scheduler_gone(n_left: int | None) -> HopnetError:
    """The error for a scheduler that no longer answers."""
    words = "" if n_left is None else f" with {n_left} samples to do"
    return HopnetError(
        f"the Dask scheduler is gone{words}; finished samples are kept, run again for the rest."
    )
