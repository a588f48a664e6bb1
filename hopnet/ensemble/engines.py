"""Engines: processes that do tasks, here by Dask or on many machines; results stay on disk.

Each engine is a generator: tasks in, one `Report` per task out, in the order in which they end
(`hopnet.ensemble.tasks.run_here` is the engine of this process alone).
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import logging
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

from hopnet.ensemble.tasks import Report, check_versions, do_task
from hopnet.errors import HopnetError, ParameterError
from hopnet.machine import versions

ONE_THREAD = dict.fromkeys(
    (
        "NUMBA_NUM_THREADS",
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
    ),
    "1",
)
PATIENCE = 10.0  # s until a scheduler that does not answer counts as gone
DEATHS = 3  # of a worker under the same task, after which the task is lost


def do_task_alone(task):
    """`do_task` on a worker of its own: one thread, whatever its environment says."""
    os.environ.update(ONE_THREAD)
    return do_task(task, threads=1)


@contextlib.contextmanager
def connected(address, tell, watch=None):
    """A Dask client of an existing scheduler whose workers have our versions.

    Parameters
    ----------
    address : str
        ``tcp://host:port``.
    tell : callable
        The listener of the run.
    watch : callable, optional
        Called while no worker has joined, for as long as that takes; raises if none ever will.

    Yields
    ------
    distributed.Client

    Raises
    ------
    HopnetError
        If nobody answers within 10 s, or no worker joins within a minute (without ``watch``).
    ParameterError
        If a worker has other versions (names both).
    """
    from distributed import Client

    quiet()
    try:
        client = Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError, TypeError) as failure:
        raise HopnetError(
            f"no Dask scheduler answers at {address!r} ({type(failure).__name__}); start one with "
            "`dask scheduler`, or leave --scheduler out. Nothing was lost."
        ) from None
    try:
        wait_for_workers(client, tell, watch)
        for worker, found in client.run(worker_versions()).items():
            check_versions(versions(), found, f"the worker {worker} of {address}")
        yield client
    finally:
        with contextlib.suppress(Exception):  # a scheduler that is gone must not hide the reason
            client.close(timeout=2)


def quiet():
    """Keep Dask's own log to what is fatal: the run says itself what goes wrong."""
    for name in ("distributed", "tornado.application", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def wait_for_workers(client, tell, watch=None, patience=60.0):
    """Wait until a worker has joined; see `connected`."""
    end = time.monotonic() + patience
    told = False
    while not client.scheduler_info(n_workers=-1)["workers"]:
        if not told:
            tell("note", text="waiting for workers to join the scheduler ...")
            told = True
        if watch is not None:
            watch()
        elif time.monotonic() > end:
            raise HopnetError(
                f"no worker has joined the scheduler within {patience:.0f} s; start some with "
                "`dask worker ADDRESS --nthreads 1`. Nothing was lost."
            )
        time.sleep(0.2)


def worker_versions():
    """A function that finds the versions of a worker, even of one without hopnet."""

    def found():
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


@contextlib.contextmanager
def local_processes(n_workers, tell):
    """A scheduler in this process, on 127.0.0.1, with workers as subprocesses.

    Parameters
    ----------
    n_workers : int
    tell : callable

    Yields
    ------
    distributed.Client, LocalWorkers

    Notes
    -----
    Workers are plain subprocesses of ``python -m``: a script that calls this needs no main guard.
    They end by themselves when this process dies.
    """
    import dask
    from distributed import Client, LocalCluster

    quiet()
    settings = {
        "distributed.scheduler.allowed-failures": DEATHS,
        "distributed.admin.tick.limit": "60s",
        "distributed.admin.low-level-log-length": 100,  # of messages: kept in memory
        "distributed.diagnostics.computations.nframes": 0,
    }
    with (
        dask.config.set(settings),
        tempfile.TemporaryDirectory(prefix="hopnet-", ignore_cleanup_errors=True) as folder,
        LocalCluster(
            n_workers=0,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            scheduler_kwargs={"dashboard": False},
            silence_logs=logging.CRITICAL,
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        workers = LocalWorkers(cluster.scheduler_address, n_workers, Path(folder), tell)
        try:
            while not client.scheduler_info(n_workers=-1)["workers"]:
                workers.watch()
                time.sleep(0.05)
            yield client, workers
        finally:
            workers.stop()


class LocalWorkers:
    """Worker processes of this machine: started, watched, replaced when they die."""

    def __init__(self, address, n_workers, folder, tell):
        self.address = address
        self.folder = folder
        self.tell = tell
        self.n_started = 0
        self.deaths_left = 4 + 4 * n_workers
        self.processes = [self.start() for _ in range(n_workers)]

    def start(self):
        """One more worker process."""
        name = f"worker-{self.n_started}"
        self.n_started += 1
        command = [
            sys.executable,
            "-P",
            "-m",
            "distributed.cli.dask_worker",
            self.address,
            "--nthreads",
            "1",
            "--no-nanny",
            "--memory-limit",
            "0",
            "--death-timeout",
            "30",
            "--host",
            "127.0.0.1",
            "--no-dashboard",
            "--dashboard-address",
            "127.0.0.1:0",
            "--name",
            name,
            "--local-directory",
            str(self.folder),
        ]
        with open(self.folder / f"{name}.log", "wb") as log:
            return subprocess.Popen(
                command,
                env=os.environ | ONE_THREAD,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def watch(self):
        """Replace workers that have died; raise when they keep dying."""
        for place, process in enumerate(self.processes):
            if process.poll() is None:
                continue
            self.deaths_left -= 1
            if self.deaths_left < 0:
                raise HopnetError(
                    f"workers keep dying (exit code {process.returncode}; {self.last_words()}); "
                    "what is finished is kept. Fewer --workers or smaller samples may help."
                )
            words = f"worker {process.pid} died ({death(process.returncode)}), started another"
            self.tell("note", text=f"{words}; its sample is computed again")
            self.processes[place] = self.start()

    def last_words(self):
        """The last line of the newest log."""
        logs = sorted(self.folder.glob("worker-*.log"), key=lambda path: path.stat().st_mtime)
        lines = logs[-1].read_text(errors="replace").split("\n") if logs else []
        lines = [line for line in lines if line.strip()]
        return lines[-1][-200:] if lines else "it left no word"

    def stop(self):
        """End all workers."""
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def death(code):
    """``signal 9`` or ``exit code 1``."""
    return f"signal {-code}" if code < 0 else f"exit code {code}"


@contextlib.contextmanager
def batch_system(cluster, tell):
    """Workers as jobs of a batch system, by dask-jobqueue.

    Parameters
    ----------
    cluster : hopnet.ensemble.config.ClusterSection
    tell : callable

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
    from distributed import Status

    command = {"slurm": "sbatch", "pbs": "qsub"}[cluster.system]
    if importlib.util.find_spec("dask_jobqueue") and shutil.which(command) is None:
        raise ParameterError(
            f"[cluster] asks for system = {cluster.system!r}, but this machine has no {command}; "
            "run where jobs are submitted, or take [cluster] out."
        )
    quiet()
    workers = open_jobqueue(cluster)

    def watch():
        submitted = list(workers.workers.values())  # those that were refused do not run
        if submitted and not any(job.status == Status.running for job in submitted):
            raise HopnetError(
                f"{command} has refused the jobs; look at queue, account, memory, walltime and "
                f"directives in [cluster]. The script was:\n{workers.job_script()}"
            )

    try:
        workers.scale(jobs=cluster.jobs)
        with connected(workers.scheduler_address, tell, watch) as client:
            yield client
    finally:
        with contextlib.suppress(AssertionError):  # Dask's, that every job has run
            workers.close()


def open_jobqueue(cluster):
    """The dask-jobqueue cluster that a ``[cluster]`` table describes."""
    try:
        import dask_jobqueue
    except ImportError:
        raise ParameterError(
            "[cluster] needs dask-jobqueue, which is not installed; pip install 'hopnet[cluster]'."
        ) from None
    kind = {"slurm": dask_jobqueue.SLURMCluster, "pbs": dask_jobqueue.PBSCluster}[cluster.system]
    cache = 'export NUMBA_CACHE_DIR="${TMPDIR:-/tmp}/hopnet-numba-$(id -u)"'
    one_thread = [f"export {name}={value}" for name, value in ONE_THREAD.items()]
    return kind(
        queue=cluster.queue,
        account=cluster.account,
        cores=cluster.workers_per_job,
        processes=cluster.workers_per_job,
        memory=cluster.memory,
        walltime=cluster.walltime,
        interface=cluster.interface,
        job_extra_directives=list(cluster.directives),
        job_script_prologue=[*one_thread, cache, *cluster.prologue],
        scheduler_options={"dashboard_address": None},
    )


def run_with_dask(client, tasks, *, workers=None, do=do_task_alone):
    """Compute the tasks on the workers of a client.

    Only a few tasks a worker are handed out at a time and their reports are forgotten at once, so
    neither scheduler nor driver grows with the number of tasks.

    Parameters
    ----------
    client : distributed.Client
    tasks : sequence of Task
    workers : LocalWorkers, optional
        To watch over.
    do : callable
        What to do with a task on a worker.

    Yields
    ------
    Report

    Raises
    ------
    HopnetError
        If the scheduler goes away, workers keep dying, or a file cannot be written.
    """
    waiting = list(reversed(tasks))
    ended = queue.SimpleQueue()
    in_flight = {}
    width = WorkerCount(client, workers)
    last_contact = time.monotonic()
    while waiting or in_flight:
        while waiting and client.status == "running" and len(in_flight) < 2 * width.now() + 2:
            task = waiting.pop()
            key = f"hopnet-{task.sample.point}-{task.sample.number}-{uuid.uuid4().hex[:8]}"
            future = client.submit(do, task, key=key, pure=False)
            in_flight[key] = future, task
            future.add_done_callback(ended.put)
        try:
            future = ended.get(timeout=0.5)
        except queue.Empty:
            if workers is not None:
                workers.watch()
            if client.status == "running":
                last_contact = time.monotonic()
            elif time.monotonic() - last_contact > PATIENCE:
                raise scheduler_gone(len(waiting) + len(in_flight)) from None
            continue
        _, task = in_flight.pop(future.key, (None, None))
        if task is not None:
            yield report_of(future, task, len(waiting) + len(in_flight) + 1)


class WorkerCount:
    """How many workers there are: one's own, or asked for every few seconds."""

    def __init__(self, client, workers):
        self.client = client
        self.workers = workers
        self.count = 1
        self.asked = -10.0

    def now(self):
        """At least 1; the last number known when the scheduler does not answer."""
        if self.workers is not None:
            return len(self.workers.processes)
        if time.monotonic() - self.asked > 5.0:
            self.asked = time.monotonic()
            with contextlib.suppress(OSError):  # Dask's errors of communication are such
                self.count = max(1, len(self.client.scheduler_info(n_workers=-1)["workers"]))
        return self.count


def report_of(future, task, n_left):
    """The report of a future that has ended; what stops the whole run is raised."""
    from distributed import KilledWorker

    if future.status == "finished":
        future.release()
        return stored_report(task)
    if future.status in ("cancelled", "lost"):
        raise scheduler_gone(n_left)
    failure = future.exception()
    if isinstance(failure, KilledWorker):
        reason = f"{DEATHS + 1} workers died over it, for want of memory perhaps"
        return Report(task, "lost", 0.0, reason)
    if isinstance(failure, HopnetError):
        raise failure
    return Report(task, "lost", 0.0, f"{type(failure).__name__}: {failure}")


def stored_report(task):
    """The report of a finished task from its files: a result that stayed on a worker that has died
    meanwhile would be waited for in vain."""
    if not task.ledger.path(task.sample).exists():
        raise HopnetError(
            f"a worker has finished a sample, but {task.ledger.path(task.sample)} is not to be "
            "seen from here; give --out a directory on a file system that all machines share."
        )
    try:
        facts = json.loads(task.ledger.path(task.sample).with_suffix(".json").read_text())
        return Report(task, facts["status"], facts["seconds"], warnings=tuple(facts["warnings"]))
    except (OSError, ValueError, KeyError):
        return Report(task, "done", 0.0)


def scheduler_gone(n_left):
    """The error for a scheduler that no longer answers."""
    return HopnetError(
        f"the Dask scheduler is gone with {n_left} samples to do; what is finished is kept, "
        "run again for the rest."
    )
