"""Threads: one place that decides how many run, for BLAS, for Numba and for our own pool.

Three runtimes start threads in this package: BLAS, the parallel loops of Numba, and the pool of
`run_side_by_side`. `limit_threads` limits all three together. No result depends on the number of
threads: BLAS always runs on one, because it adds in another order on more.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from functools import cache
from typing import Any

import numba
from threadpoolctl import ThreadpoolController

from hopnet.checks import whole

__all__ = ["limit_threads", "one_blas_thread", "run_side_by_side", "thread_count"]

# The number of threads that an enclosing `limit_threads` allows, or None outside of any.
LIMIT: ContextVar[int | None] = ContextVar("LIMIT", default=None)


@cache
def blas_controller() -> ThreadpoolController:
    """The controller of the BLAS libraries of this process, looked up once."""
    return ThreadpoolController()


def one_blas_thread() -> contextlib.AbstractContextManager[Any]:
    """A context in which BLAS runs on one thread."""
    return blas_controller().limit(limits=1, user_api="blas")


def available_cores() -> int:
    """Number of cores that this process may use (its affinity, where the system has one)."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def thread_count(threads: int | None = None) -> int:
    """Number of threads to use.

    Parameters
    ----------
    threads : int, optional
        The number that the caller asks for.

    Returns
    -------
    int
        ``threads`` if it is given; else the limit of an enclosing `limit_threads`; else
        NUMBA_NUM_THREADS if that is set; else the number of cores that this process may use.
    """
    if threads is not None:
        return whole("threads", threads, low=1)
    limit = LIMIT.get()
    if limit is not None:
        return limit
    with contextlib.suppress(ValueError):
        return max(int(os.environ.get("NUMBA_NUM_THREADS", "")), 1)
    return available_cores()


@contextlib.contextmanager
def limit_threads(threads: int | None = None) -> Iterator[int]:
    """Limit BLAS, the parallel loops of Numba and our own pool together.

    Parameters
    ----------
    threads : int, optional
        The largest number of threads; default: as `thread_count` says.

    Yields
    ------
    int
        The number of threads that code inside the context uses. BLAS uses one.
    """
    allowed = thread_count(threads)
    before = numba.get_num_threads()
    token = LIMIT.set(allowed)
    numba.set_num_threads(min(allowed, numba.config.NUMBA_NUM_THREADS))
    try:
        with one_blas_thread():
            yield allowed
    finally:
        numba.set_num_threads(before)
        LIMIT.reset(token)


def run_side_by_side(
    call: Callable[[Any], Any], tasks: Sequence[Any], threads: int | None = None
) -> list[Any]:
    """Run ``call`` on every task, several at a time.

    Parameters
    ----------
    call : callable
        Takes one task. It must release the interpreter lock to gain anything.
    tasks : sequence
        They are started in the order given.
    threads : int, optional

    Returns
    -------
    list
        The results in the order of the tasks, whatever the number of threads.
    """
    threads = thread_count(threads)
    with one_blas_thread():
        if threads == 1 or len(tasks) < 2:
            return [call(task) for task in tasks]
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(call, tasks))
