"""Threads: one place for the number of threads, of BLAS and of our own pool.

Two runtimes start threads in this package: BLAS, and the pool of `run_side_by_side`, whose tasks
are compiled kernels that release the interpreter lock. `limit_threads` limits both together. No
result depends on the number of threads. BLAS always runs on one thread, because it adds in another
order on more.

Kernels do not use the parallel loops of Numba, whose threads exist as long as the process. With GNU
OpenMP a child process made by fork (`multiprocessing.Pool` on Linux) is ended at its first parallel
loop, and the pool waits for ever. With Numba's own layer two Python threads in parallel loops end
the process. Our pool exists as long as one call, so it works in both cases.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController

from hopnet.checks import whole

__all__ = ["limit_threads", "one_blas_thread", "run_in_parts", "run_side_by_side", "thread_count"]

# The number of threads that an enclosing `limit_threads` allows, or None outside of any.
LIMIT: ContextVar[int | None] = ContextVar("LIMIT", default=None)


@cache
def blas_libraries() -> list[Any]:
    """The BLAS libraries of this process, as threadpoolctl controls them; found once."""
    return ThreadpoolController().select(user_api="blas").lib_controllers


def setter_of(library: Any) -> Callable[[int], Any]:
    """The function that sets the number of threads of a BLAS library, from any Python thread."""
    return getattr(library, "_real_set_num_threads", library.set_num_threads)


class BlasLimit:
    """The limit of BLAS to one thread, shared by all Python threads of this process.

    The libraries have one limit per process. The first thread that needs the limit sets it, and the
    last one restores the former numbers; otherwise one thread would end it for the others. The
    limits of threadpoolctl cannot be used for the same reason: of several Python threads only one
    may set them.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.users = 0
        self.before: list[tuple[Callable[[int], Any], int]] = []

    def enter(self) -> None:
        """Limit BLAS to one thread, if no other thread has done so."""
        with self.lock:
            if self.users == 0:
                self.before = [
                    (setter_of(library), library.num_threads) for library in blas_libraries()
                ]
                for set_threads, _ in self.before:
                    set_threads(1)
            self.users += 1

    def leave(self) -> None:
        """Restore the former numbers of threads, if no other thread needs the limit."""
        with self.lock:
            self.users -= 1
            if self.users == 0:
                for set_threads, number in self.before:
                    set_threads(number)

    def begin_child(self) -> None:
        """Make a new lock in a child of fork: another thread may have held the old one."""
        self.lock = threading.Lock()


BLAS_LIMIT = BlasLimit()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=BLAS_LIMIT.begin_child)


@contextlib.contextmanager
def one_blas_thread() -> Iterator[None]:
    """A context in which BLAS runs on one thread."""
    BLAS_LIMIT.enter()
    try:
        yield
    finally:
        BLAS_LIMIT.leave()


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
    """Limit BLAS and our own pool together.

    Parameters
    ----------
    threads : int, optional
        The largest number of threads; default: that of `thread_count`.

    Yields
    ------
    int
        The number of threads that code inside the context uses. BLAS uses one.
    """
    allowed = thread_count(threads)
    token = LIMIT.set(allowed)
    try:
        with one_blas_thread():
            yield allowed
    finally:
        LIMIT.reset(token)


def run_side_by_side(
    call: Callable[[Any], Any], tasks: Sequence[Any], threads: int | None = None
) -> list[Any]:
    """Run ``call`` on every task, several at a time.

    Parameters
    ----------
    call : callable
        Takes one task. It must release the interpreter lock, or the tasks run one by one.
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


def run_in_parts(
    call: Callable[[slice], Any], n: int, at_once: int, threads: int | None = None
) -> None:
    """Run ``call`` on all parts of a range, several at a time.

    Parameters
    ----------
    call : callable
        Takes one slice. It must release the interpreter lock, or the parts run one by one.
    n : int
        Length of the range.
    at_once : int
        Length of a part. A range of one part runs without a thread.
    threads : int, optional
    """
    parts = [slice(first, min(first + at_once, n)) for first in range(0, n, at_once)]
    if len(parts) == 1:
        call(parts[0])
    else:
        run_side_by_side(call, parts, threads)
