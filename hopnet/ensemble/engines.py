"""Engines compute tasks: in this process, in several processes, or on several machines.

An engine takes tasks and gives one `Report` per task, in the order in which the tasks end. Results
stay on disk, where the process that computes a sample writes them.
"""

from __future__ import annotations

import contextlib
import importlib.util
import queue
import shlex
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import psutil

from hopnet.ensemble.config import RunConfig
from hopnet.ensemble.ledger import Ledger
from hopnet.ensemble.listener import Listener
from hopnet.ensemble.outcomes import reports_of, scheduler_gone, set_apart
from hopnet.ensemble.sections import ClusterSection
from hopnet.ensemble.tasks import (
    Report,
    Task,
    check_versions,
    do_task,
    run_here,
)
from hopnet.ensemble.workers import (
    NO_PAGES,
    WATCH,
    WORKER_SETTINGS,
    LocalWorkers,
    dask_modules,
    local_processes,
    quiet_dask,
)
from hopnet.errors import HopnetError, ParameterError
from hopnet.machine import versions

__all__ = [
    "DaskEngine",
    "Engine",
    "ProcessEngine",
    "batch_system",
    "check_batch_system",
    "connected",
    "do_task_alone",
    "open_jobqueue",
    "run_with_dask",
    "start_engine",
]

# Seconds until a scheduler that does not answer counts as gone. Smaller: a busy network ends runs.
PATIENCE = 10.0
# Seconds without a single worker after which the run prints a note. Smaller: notes at each short
# interruption. Larger: the user waits without a reason being shown.
NO_WORKERS = 30.0
# Seconds between two requests to a scheduler elsewhere for the number of its workers.
ASK = 5.0


class Engine(Protocol):
    """An object that computes tasks.

    Attributes
    ----------
    width : int
        Number of tasks that it computes at the same time, as far as is known.
    """

    @property
    def width(self) -> int:
        """Number of tasks that it computes at the same time, 1 if unknown."""

    def compute(self, tasks: Sequence[Task]) -> Iterator[Report]:
        """Compute tasks; one report per task, in the order in which they end."""


@dataclass(frozen=True)
class ProcessEngine:
    """Computes tasks one after the other in this process.

    Attributes
    ----------
    threads : int or None
        Threads of each sample; None: all.
    width : int
    """

    threads: int | None = None
    width: int = 1

    def compute(self, tasks: Sequence[Task]) -> Iterator[Report]:
        """Compute tasks; see `Engine`."""
        return run_here(tasks, threads=self.threads)


@dataclass(frozen=True)
class DaskEngine:
    """Computes tasks on the workers of a Dask client.

    Attributes
    ----------
    client : distributed.Client
    listener : Listener
    workers : LocalWorkers or None
        The workers, if they are our own processes.
    """

    client: Any
    listener: Listener
    workers: LocalWorkers | None = None

    @property
    def width(self) -> int:
        """Number of workers."""
        if self.workers is not None:
            return len(self.workers.lives)
        return max(1, len(self.client.nthreads()))

    def compute(self, tasks: Sequence[Task]) -> Iterator[Report]:
        """Compute tasks; see `Engine`."""
        return run_with_dask(self.client, tasks, self.listener, workers=self.workers)


@contextlib.contextmanager
def start_engine(
    config: RunConfig,
    workers: int,
    scheduler: str | None,
    threads: int | None,
    ledger: Ledger,
    listener: Listener,
) -> Iterator[Engine]:
    """The engine that the options of a run ask for; it ends with the context.

    Parameters
    ----------
    config : RunConfig
        Its ``[cluster]`` asks for a batch system.
    workers : int
        Number of processes of this machine.
    scheduler : str, optional
        Address of a Dask scheduler.
    threads : int, optional
        Threads of each sample in this process.
    ledger : Ledger
    listener : Listener

    Yields
    ------
    Engine
    """
    if scheduler is not None:
        with connected(scheduler, listener) as client:
            yield DaskEngine(client, listener)
    elif config.cluster is not None:
        with batch_system(config.cluster, ledger.running, listener) as client:
            yield DaskEngine(client, listener)
    elif workers > 1:
        with local_processes(workers, listener) as (client, processes):
            yield DaskEngine(client, listener, processes)
    else:
        yield ProcessEngine(threads)


def do_task_alone(task: Task) -> Report:
    """Run `do_task` on one thread, whatever the environment of the worker says."""
    return do_task(task, threads=1, marked=True)


@contextlib.contextmanager
def connected(
    address: str,
    listener: Listener,
    watch: Callable[[], None] | None = None,
    security: Any = None,
) -> Iterator[Any]:
    """A Dask client of an existing scheduler whose workers have the versions of this process.

    Parameters
    ----------
    address : str
        ``tcp://host:port``, or ``tls://host:port`` with the certificates that Dask's settings
        name (distributed.comm.tls).
    listener : Listener
    watch : callable, optional
        Called while no worker has joined, for as long as that takes; raises if none ever will.
    security : distributed.Security, optional
        Certificates of a scheduler of our own.

    Yields
    ------
    distributed.Client

    Raises
    ------
    HopnetError
        If no scheduler answers within 10 s, or no worker joins within a minute (without ``watch``).
    ParameterError
        If a worker has other versions (names both).
    """
    _, distributed = dask_modules()
    with quiet_dask():
        try:
            client = distributed.Client(
                address, timeout=PATIENCE, set_as_default=False, security=security
            )
        except (OSError, ValueError, TypeError, RuntimeError) as failure:
            raise HopnetError(
                f"no Dask scheduler answers at {address!r} ({type(failure).__name__}); start one "
                "with `dask scheduler` (for tls:// both sides need the certificates), or leave "
                "--scheduler out. Nothing was lost."
            ) from None
        try:
            if not address.startswith("tls://"):
                listener.note(
                    f"the scheduler at {address} is not protected: anybody who reaches its port "
                    "can run code in the name of its workers and of this process; use tls:// on "
                    "a machine or network that you share"
                )
            wait_for_workers(client, listener, watch)
            try:
                found = client.run(worker_versions())
            except OSError:
                raise scheduler_gone(None) from None
            for worker, theirs in found.items():
                check_versions(versions(), theirs, f"the worker {worker} of {address}")
            yield client
        finally:
            # A scheduler that is gone must not hide the reason.
            with contextlib.suppress(Exception):
                client.close(timeout=2)


def wait_for_workers(
    client: Any,
    listener: Listener,
    watch: Callable[[], None] | None = None,
    patience: float = 60.0,
) -> None:
    """Wait until a worker has joined; see `connected`."""
    end = time.monotonic() + patience
    told = False
    while not n_workers_of(client):
        if client.status != "running":
            raise scheduler_gone(None)
        if not told:
            listener.note("waiting for workers to join the scheduler ...")
            told = True
        if watch is not None:
            watch()
        elif time.monotonic() > end:
            raise HopnetError(
                f"no worker has joined the scheduler within {patience:.0f} s; start some with "
                "`dask worker ADDRESS --nthreads 1`. Nothing was lost."
            )
        time.sleep(0.2)


def n_workers_of(client: Any) -> int:
    """Number of workers of a client; 0 if its scheduler does not answer."""
    with contextlib.suppress(OSError):  # Dask's errors of communication are such
        return len(client.scheduler_info(n_workers=-1)["workers"])
    return 0


def worker_versions() -> Callable[[], dict[str, str]]:
    """A function that finds the versions of a worker, even of one without hopnet."""

    def found() -> dict[str, str]:
        import importlib
        import platform

        out = {"python": platform.python_version()}
        for name in ("hopnet", "numpy", "scipy", "numba"):
            try:
                out[name] = importlib.import_module(name).__version__
            except ImportError:
                out[name] = "not installed"
        return out

    return found


def check_batch_system(cluster: ClusterSection) -> str:
    """Raise unless this machine can submit the jobs; the name of the command that submits."""
    command = {"slurm": "sbatch", "pbs": "qsub"}[cluster.system]
    try:
        found = importlib.util.find_spec("dask_jobqueue")
    except (ImportError, ValueError):
        found = None
    if found is None:
        raise ParameterError(
            "[cluster] needs dask-jobqueue, which is not installed; pip install 'hopnet[cluster]'."
        )
    if shutil.which(command) is None:
        raise ParameterError(
            f"[cluster] asks for system = {cluster.system!r}, but this machine has no {command}; "
            "run where jobs are submitted, or take [cluster] out."
        )
    interfaces = sorted(psutil.net_if_addrs())
    if cluster.interface is not None and cluster.interface not in interfaces:
        raise ParameterError(
            f"cluster.interface must be one of {', '.join(interfaces)} on this machine, got "
            f"{cluster.interface!r}; correct it or leave it out."
        )
    return command


@contextlib.contextmanager
def batch_system(cluster: ClusterSection, folder: Path, listener: Listener) -> Iterator[Any]:
    """Workers as jobs of a batch system, by dask-jobqueue.

    Parameters
    ----------
    cluster : hopnet.ensemble.sections.ClusterSection
    folder : pathlib.Path
        A folder that all machines see: the certificate of this run is kept there, readable by
        this user alone, until the run ends.
    listener : Listener

    Yields
    ------
    distributed.Client

    Raises
    ------
    ParameterError
        If dask-jobqueue or the batch system's own command is not installed.
    HopnetError
        If the batch system refuses the jobs.

    Notes
    -----
    Jobs may wait in their queue for hours; so does this process.
    """
    command = check_batch_system(cluster)
    dask, distributed = dask_modules()
    security = distributed.Security.temporary() if cluster.tls else None

    def watch() -> None:
        # A job that was refused does not run.
        submitted = list(workers.workers.values())
        running = distributed.Status.running
        if submitted and not any(job.status == running for job in submitted):
            raise HopnetError(
                f"{command} has refused the jobs; look at queue, account, memory, walltime and "
                f"directives in [cluster]. The script was:\n{workers.job_script()}"
            )

    with quiet_dask(), dask.config.set(NO_PAGES):
        workers = open_jobqueue(cluster, security, folder)
        try:
            workers.scale(jobs=cluster.jobs)
            with connected(workers.scheduler_address, listener, watch, security) as client:
                yield client
        finally:
            # Dask asserts that every job has run.
            with contextlib.suppress(AssertionError):
                workers.close()


def open_jobqueue(
    cluster: ClusterSection, security: Any = None, folder: str | Path | None = None
) -> Any:
    """The dask-jobqueue cluster that a ``[cluster]`` table describes."""
    dask_modules()
    import dask_jobqueue

    kind = {"slurm": dask_jobqueue.SLURMCluster, "pbs": dask_jobqueue.PBSCluster}[cluster.system]
    cache = 'export NUMBA_CACHE_DIR="${TMPDIR:-/tmp}/hopnet-numba-$(id -u)"'
    settings = [f"export {name}={shlex.quote(value)}" for name, value in WORKER_SETTINGS.items()]
    return kind(
        queue=cluster.queue,
        account=cluster.account,
        cores=cluster.workers_per_job,
        processes=cluster.workers_per_job,
        memory=cluster.memory,
        walltime=cluster.walltime,
        interface=cluster.interface,
        security=security,
        protocol="tls://" if security is not None else "tcp://",
        shared_temp_directory=None if folder is None else str(folder),
        job_extra_directives=list(cluster.directives),
        job_script_prologue=[*settings, cache, *cluster.prologue],
        scheduler_options={"dashboard_address": None},
    )


def run_with_dask(
    client: Any,
    tasks: Sequence[Task],
    listener: Listener,
    *,
    workers: LocalWorkers | None = None,
    do: Callable[[Task], Report] = do_task_alone,
) -> Iterator[Report]:
    """Compute tasks on the workers of a client.

    Only a few tasks per worker are given out at a time and their results are released when they
    arrive, so neither scheduler nor driver grows with the number of tasks.

    Parameters
    ----------
    client : distributed.Client
    tasks : sequence of Task
    listener : Listener
    workers : LocalWorkers, optional
        Workers to watch over.
    do : callable
        The function that a worker calls with a task.

    Yields
    ------
    Report

    Raises
    ------
    HopnetError
        If the scheduler goes away, workers keep dying, or a file cannot be written.
    """
    waiting = list(reversed(tasks))
    ended: queue.SimpleQueue = queue.SimpleQueue()
    in_flight: dict[str, tuple[Any, Task]] = {}
    crew = Crew(client, workers, listener)
    n_left = sum(len(task.numbers) for task in tasks)
    while waiting or in_flight:
        while waiting and client.status == "running" and len(in_flight) < 2 * crew.size() + 2:
            task = waiting.pop()
            key = f"hopnet-{task.batch.label}-{uuid.uuid4().hex[:8]}"
            future = client.submit(do, task, key=key, pure=False)
            in_flight[key] = future, task
            future.add_done_callback(ended.put)
        reports: list[Report] = []
        for key in crew.look({k: t for k, (_, t) in in_flight.items()}, n_left):
            future, task = in_flight.pop(key)
            future.cancel()
            words = f"it took more than {task.time_limit:g} s and its worker was ended"
            reports += set_apart(task, "TimeLimitError", words, waiting)
        with contextlib.suppress(queue.Empty):
            future = ended.get(timeout=0.5)
            if future.key in in_flight:
                task = in_flight.pop(future.key)[1]
                reports += reports_of(future, task, n_left, waiting)
        for report in reports:
            n_left -= sum(report.counts.values())
            yield report


class Crew:
    """The workers of a client: their number, and checks that they still work."""

    def __init__(self, client: Any, workers: LocalWorkers | None, listener: Listener) -> None:
        self.client = client
        self.workers = workers
        self.listener = listener
        self.count = 1
        now = time.monotonic()
        self.asked = now - 2 * ASK
        self.looked = now
        self.last_contact = now
        self.last_worker = now
        self.told = False

    def size(self) -> int:
        """Number of workers, at least 1: our own, or asked from the scheduler now and then."""
        if self.workers is not None:
            return len(self.workers.lives)
        now = time.monotonic()
        if now - self.asked > ASK:
            self.asked = now
            found = n_workers_of(self.client)
            if found:
                self.last_worker = now
                if self.told:
                    self.listener.note(f"{found} workers are connected again")
                self.told = False
            self.count = found or self.count
        return max(1, self.count)

    def look(self, tasks: dict[str, Task], n_left: int) -> set[str]:
        """Check the workers, at most once per second.

        Parameters
        ----------
        tasks : dict of str to Task
            The tasks in flight, by their keys.
        n_left : int
            Number of samples to compute, for messages.

        Returns
        -------
        set of str
            Keys of the tasks that were ended because a sample took too long.
        """
        now = time.monotonic()
        if now - self.looked < WATCH:
            return set()
        self.looked = now
        if self.client.status == "running":
            self.last_contact = now
        elif now - self.last_contact > PATIENCE:
            raise scheduler_gone(n_left)
        if self.workers is not None:
            given = {
                key: (task.time_limit, task.ledger.mark(task.batch))
                for key, task in tasks.items()
                if task.time_limit is not None
            }
            ended = self.workers.overdue(given) if given else set()
            self.workers.watch()
            return ended
        self.size()
        if now - self.last_worker > NO_WORKERS and not self.told:
            self.told = True
            self.listener.note(
                f"no worker has been connected for {NO_WORKERS:.0f} s, {n_left} samples wait; "
                "start some with `dask worker ADDRESS --nthreads 1`, or interrupt this run: "
                "finished samples are kept"
            )
        return set()
