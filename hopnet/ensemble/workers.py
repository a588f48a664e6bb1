"""Worker processes of this machine: started, watched, replaced when they die or hang.

They communicate with the scheduler in this process through TLS on 127.0.0.1, with a certificate
that is made for this run and kept in a folder that only its user can read. Without it any other
user of the machine could connect to the port and run code under this account.
"""

from __future__ import annotations

import contextlib
import logging
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from hopnet.ensemble.listener import Listener
from hopnet.ensemble.marks import read_mark
from hopnet.errors import HopnetError
from hopnet.machine import process_start

__all__ = [
    "DEATHS",
    "NO_PAGES",
    "ONE_THREAD",
    "WATCH",
    "WORKER_SETTINGS",
    "LocalWorkers",
    "dask_modules",
    "local_processes",
    "quiet_dask",
    "sweep_temporary_folders",
]

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
# Dask serves web pages about a run (logs, call stacks, names of tasks) to everybody who reaches a
# port, without encryption even where the connections between the processes have it. None is served.
NO_PAGES: dict[str, Any] = {"distributed.scheduler.http.routes": []}
# Environment variables of every worker that we start.
WORKER_SETTINGS = ONE_THREAD | {"DASK_DISTRIBUTED__WORKER__HTTP__ROUTES": "[]"}
# Number of workers that may die while they compute the same task. After one more it has failed.
DEATHS = 3
# Seconds without a sign of life (a message or computing time) after which a worker is replaced.
# A sample in a compiled loop sends no messages but uses computing time. Smaller: a busy machine
# costs samples that are computed twice. Larger: a stopped worker holds up the end of a run.
SILENCE = 60.0
# Seconds between two checks of the workers. A pause of this process counts as one such interval.
WATCH = 1.0
# A task and its worker are ended when the task takes this many times its limit: the limit itself
# acts between two steps of Python only, and a compiled loop may hang.
OVERTIME = 2.0
OVERTIME_SECONDS = 30.0
# Names of our temporary folders: hopnet-PID-START-..., START in hundredths of a second.
FOLDER = re.compile(r"hopnet-([0-9]{1,10})-([0-9]{1,12})-.*")
PEM_FILES = {"ca_file": "ca.pem", "cert": "cert.pem", "key": "key.pem"}


def dask_modules() -> tuple[Any, Any]:
    """The modules dask and distributed, or a HopnetError if Dask's own settings are broken."""
    try:
        import dask
        import distributed
    except Exception as failure:  # whatever a broken settings file of the user makes Dask raise
        words = " ".join(str(failure).split())[:300]
        raise HopnetError(
            f"Dask cannot start ({type(failure).__name__}: {words}); correct its settings in "
            "~/.config/dask or in DASK_ variables, or use --workers 1 without Dask."
        ) from None
    return dask, distributed


@contextlib.contextmanager
def quiet_dask() -> Iterator[None]:
    """A context in which Dask logs fatal errors only: the run reports all other faults itself."""
    names = {"distributed", "tornado", "tornado.application", "asyncio"}
    names |= {n for n in logging.root.manager.loggerDict if n.startswith("distributed.")}
    before = {name: logging.getLogger(name).level for name in names}
    try:
        for name in names:
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)


def sweep_temporary_folders() -> int:
    """Remove the temporary folders of runs that were killed; the number of folders removed."""
    removed = 0
    with contextlib.suppress(OSError):
        for path in Path(tempfile.gettempdir()).iterdir():
            match = FOLDER.fullmatch(path.name)
            if match is None or path.is_symlink():
                continue
            with contextlib.suppress(OSError, AttributeError):
                if path.stat().st_uid != os.getuid():
                    continue
                started = process_start(int(match[1]))
                if started is not None and abs(100 * started - int(match[2])) < 100:
                    continue
                shutil.rmtree(path, ignore_errors=True)
                removed += 1
    return removed


def folder_prefix() -> str:
    """The beginning of the name of our temporary folder, which contains our process number."""
    started = process_start(os.getpid()) or 0.0
    return f"hopnet-{os.getpid()}-{round(100 * started)}-"


@contextlib.contextmanager
def local_processes(n_workers: int, listener: Listener) -> Iterator[tuple[Any, LocalWorkers]]:
    """A scheduler in this process, on 127.0.0.1, with workers as subprocesses.

    Parameters
    ----------
    n_workers : int
    listener : Listener

    Yields
    ------
    distributed.Client, LocalWorkers

    Notes
    -----
    Workers are plain subprocesses of ``python -m``: a script that calls this needs no main guard.
    They end by themselves when this process dies.
    """
    dask, distributed = dask_modules()
    sweep_temporary_folders()
    settings = {
        "distributed.scheduler.allowed-failures": DEATHS,
        "distributed.scheduler.worker-ttl": None,  # `LocalWorkers.watch` replaces silent workers
        "distributed.admin.tick.limit": "60s",
        "distributed.admin.low-level-log-length": 100,  # messages kept in memory
        "distributed.diagnostics.computations.nframes": 0,
    } | NO_PAGES
    security = distributed.Security.temporary()
    with (
        quiet_dask(),
        dask.config.set(settings),
        tempfile.TemporaryDirectory(prefix=folder_prefix(), ignore_cleanup_errors=True) as folder,
        distributed.LocalCluster(
            n_workers=0,
            processes=True,
            host="127.0.0.1",
            protocol="tls://",
            security=security,
            dashboard_address="127.0.0.1:0",
            scheduler_kwargs={"dashboard": False},
            silence_logs=logging.CRITICAL,
        ) as cluster,
        distributed.Client(cluster, security=security, set_as_default=False) as client,
    ):
        write_certificate(security, Path(folder))
        workers = LocalWorkers(cluster, n_workers, Path(folder), listener)
        try:
            while not client.scheduler_info(n_workers=-1)["workers"]:
                workers.watch()
                time.sleep(0.05)
            yield client, workers
        finally:
            workers.stop()


def write_certificate(security: Any, folder: Path) -> None:
    """Write the certificate of a run for its workers, readable by this user alone."""
    for name, content in security.get_tls_config_for_role("worker").items():
        if name in PEM_FILES:
            handle = os.open(folder / PEM_FILES[name], os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w") as file:
                file.write(content)


@dataclass
class Life:
    """State of one worker process.

    Attributes
    ----------
    process : subprocess.Popen
    silent : float
        Seconds of our own time without a sign of life.
    sign : tuple
        Time of its last message and its computing time, when we looked last.
    """

    process: subprocess.Popen
    silent: float = 0.0
    sign: tuple = ()


class LocalWorkers:
    """Worker processes of this machine: started, watched, replaced when they die or hang.

    Attributes
    ----------
    address : str
        Address of the scheduler.
    lives : list of Life
        The workers that there are.
    """

    def __init__(self, cluster: Any, n_workers: int, folder: Path, listener: Listener) -> None:
        self.cluster = cluster
        self.address = cluster.scheduler_address
        self.folder = folder
        self.listener = listener
        self.n_started = 0
        self.deaths_left = 4 + 4 * n_workers
        self.last_look = time.monotonic()
        self.lives = [Life(self.start()) for _ in range(n_workers)]

    @property
    def processes(self) -> list[subprocess.Popen]:
        """The processes of the workers."""
        return [life.process for life in self.lives]

    def start(self) -> subprocess.Popen:
        """Start one more worker process."""
        name = f"worker-{self.n_started}"
        self.n_started += 1
        options = {
            "--nthreads": "1",
            "--memory-limit": "0",
            "--death-timeout": "30",
            "--host": "127.0.0.1",
            "--protocol": "tls://",
            "--dashboard-address": "127.0.0.1:0",
            "--name": name,
            "--local-directory": str(self.folder),
            "--tls-ca-file": str(self.folder / PEM_FILES["ca_file"]),
            "--tls-cert": str(self.folder / PEM_FILES["cert"]),
            "--tls-key": str(self.folder / PEM_FILES["key"]),
        }
        command = [
            *(sys.executable, "-P", "-m", "distributed.cli.dask_worker", self.address),
            *("--no-nanny", "--no-dashboard"),
            *(word for option in options.items() for word in option),
        ]
        ttl = {"DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "null"}
        with open(self.folder / f"{name}.log", "wb") as log:
            return subprocess.Popen(
                command,
                env=os.environ | WORKER_SETTINGS | ttl,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def watch(self) -> None:
        """Replace workers that have died or give no sign of life; raise when they keep dying."""
        now = time.monotonic()
        # A long pause of this process itself (a sleeping machine) is no silence of the workers.
        passed, self.last_look = min(now - self.last_look, 2 * WATCH), now
        seen = self.last_seen()
        for life in self.lives:
            code = life.process.poll()
            if code is not None:
                self.replace(life, f"died ({death(code)})")
                continue
            sign = (seen.get(life.process.pid), computing_time(life.process.pid))
            life.silent = 0.0 if sign != life.sign else life.silent + passed
            life.sign = sign
            if life.silent > SILENCE:
                life.process.kill()
                life.process.wait()
                self.replace(life, f"gave no sign of life for {SILENCE:.0f} s")

    def replace(self, life: Life, words: str) -> None:
        """Start another worker in place of one that is gone."""
        self.deaths_left -= 1
        if self.deaths_left < 0:
            raise HopnetError(
                f"workers keep dying (exit code {life.process.returncode}; {self.last_words()}); "
                "finished samples are kept. Fewer --workers or smaller samples may help."
            )
        self.listener.note(
            f"worker {life.process.pid} {words}, started another; its sample is computed again"
        )
        life.process, life.silent, life.sign = self.start(), 0.0, ()

    def last_seen(self) -> dict[int, float]:
        """When the scheduler has heard of each worker process, by its pid."""
        # The scheduler changes its list in another thread; the next look comes soon.
        with contextlib.suppress(RuntimeError):
            return {w.pid: w.last_seen for w in self.scheduler_workers()}
        return {}

    def scheduler_workers(self) -> list[Any]:
        """The workers that are registered at the scheduler in this process."""
        return list(self.cluster.scheduler.workers.values())

    def overdue(self, limits: dict[str, tuple[float, Path]]) -> set[str]:
        """End workers on which a sample takes much longer than its limit.

        Parameters
        ----------
        limits : dict of str to (float, pathlib.Path)
            Time limit of a sample in s, and the mark of the batch, of each task in flight, by its
            key.

        Returns
        -------
        set of str
            Keys of the tasks that were ended.
        """
        ended = set()
        with contextlib.suppress(RuntimeError):
            for worker in self.scheduler_workers():
                for state, seconds in list(worker.executing.items()):
                    limit, path = limits.get(state.key, (math.inf, None))
                    longest = OVERTIME * limit + OVERTIME_SECONDS
                    if seconds < longest or time_of_sample(path, worker.pid, seconds) < longest:
                        continue
                    life = next((x for x in self.lives if x.process.pid == worker.pid), None)
                    if life is not None and life.process.poll() is None:
                        life.process.kill()
                        life.process.wait()
                        self.deaths_left += 1  # it was ended on purpose
                        ended.add(state.key)
        return ended

    def last_words(self) -> str:
        """The last line of the newest log, for the error message."""
        logs = sorted(self.folder.glob("worker-*.log"), key=lambda path: path.stat().st_mtime)
        lines = logs[-1].read_text(errors="replace").split("\n") if logs else []
        lines = [line for line in lines if line.strip()]
        return lines[-1][-200:] if lines else "its log is empty"

    def stop(self) -> None:
        """End all workers."""
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def time_of_sample(path: Path | None, pid: int, seconds: float) -> float:
    """Time in s since a worker began its sample; ``seconds`` if that is not known."""
    mark = None if path is None else read_mark(path)
    return time.monotonic() - mark.since if mark is not None and mark.pid == pid else seconds


def computing_time(pid: int) -> float | None:
    """Computing time of a process so far in s; None if the system does not report it."""
    try:
        used = psutil.Process(pid).cpu_times()
        return used.user + used.system
    except psutil.Error:
        return None


def death(code: int) -> str:
    """How a process ended, ``signal 9`` or ``exit code 1``."""
    return f"signal {-code}" if code < 0 else f"exit code {code}"
