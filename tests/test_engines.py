"""Engines: kills of every kind, full disks, schedulers and batch systems; nothing is lost."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import psutil
import pytest

import hopnet as hn
from hopnet.ensemble import engines, workers
from hopnet.ensemble.config import as_toml, config_from_dict, read_config
from hopnet.ensemble.heartbeat import Heartbeat
from hopnet.ensemble.ledger import open_ledger
from hopnet.ensemble.results import directory_config, run_status
from hopnet.ensemble.tasks import Task
from hopnet.ensemble.workers import local_processes
from hopnet.errors import HopnetError, ParameterError
from hopnet.machine import versions
from run_samples import Recorder, files_of, run_file, tables_of

RUNS = Path(__file__).resolve().parents[1] / "runs"


@pytest.fixture(scope="module")
def larger(tmp_path_factory):
    """(run file, tables): some 28 samples that take long enough to be disturbed."""
    table = run_file(n_sites=3000, samples=14)
    directory = tmp_path_factory.mktemp("larger") / "run"
    hn.run_ensemble(table, directory)
    return table, tables_of(directory)


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:{port}", "127.0.0.1:{port}"])
def test_an_unreachable_scheduler_is_named_and_nothing_is_lost(tmp_path, monkeypatch, address):
    monkeypatch.setattr(engines, "PATIENCE", 1.0)
    address = address.format(port=free_port())
    hn.run_ensemble(run_file(samples=2), tmp_path / "run")
    kept = files_of(tmp_path / "run")
    start = time.monotonic()
    with pytest.raises(HopnetError, match=f"no Dask scheduler answers at '{address}'"):
        hn.run_ensemble(run_file(samples=3), tmp_path / "run", scheduler=address)
    assert time.monotonic() - start < 15
    assert files_of(tmp_path / "run") == kept
    hn.run_ensemble(run_file(samples=3), tmp_path / "run")
    assert kept.items() < files_of(tmp_path / "run").items()


def workers_of(process=None):
    """Dask workers below a process."""
    children = (process or psutil.Process()).children(recursive=True)
    return [c for c in children if "dask_worker" in " ".join(command_of(c))]


def command_of(process):
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def test_killed_workers_are_replaced(tmp_path, larger):
    """One worker is killed, later two together, while they compute tasks."""
    table, tables = larger
    killed = []

    def disturb(recorder):
        number = len(recorder.reports)
        if number in (3, 10):
            for victim in workers_of()[: 1 if number == 3 else 2]:
                victim.kill()
                killed.append(victim.pid)

    recorder = Recorder(disturb)
    hn.run_ensemble(table, tmp_path / "run", workers=2, listener=recorder)
    assert len(killed) >= 2
    assert any("died (signal 9), started another" in note for note in recorder.notes)
    samples = [report.task.batch for report in recorder.reports]
    assert len(set(samples)) == len(samples) == 28
    assert tables_of(tmp_path / "run") == tables
    assert workers_of() == []


def hopnet(*words, **options):
    """A `hopnet` command in a process of its own."""
    command = [sys.executable, "-m", "hopnet.cli.main", *map(str, words)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options
    )


def wait_until(condition, seconds=90):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited without success"
        time.sleep(0.02)


def test_killed_driver(tmp_path, larger):
    """The driver dies; so do its workers; what is finished is kept; a second run completes."""
    table, tables = larger
    path, directory = tmp_path / "x.toml", tmp_path / "run"
    path.write_text(as_toml(config_from_dict(table)))
    driver = hopnet("run", path, "--out", directory, "--workers", 2)
    try:
        wait_until(lambda: len(files_of(directory)) >= 4 or driver.poll() is not None)
        assert driver.poll() is None, driver.stdout.read()
        driver.send_signal(signal.SIGSTOP)  # so that it cannot finish meanwhile
        status = run_status(directory)
        assert [p["pid"] for p in status["processes"] if p["alive"]] == [driver.pid]
        with pytest.raises(ParameterError, match=f"pid {driver.pid}"):  # the same run twice
            hn.run_ensemble(table, directory)
        left = workers_of(psutil.Process(driver.pid))
        assert left
    finally:
        driver.kill()
        driver.communicate()
    status = run_status(directory)
    assert not any(p["alive"] for p in status["processes"])
    assert status["n_running"] == 0
    wait_until(lambda: not any(w.is_running() and w.status() != "zombie" for w in left))
    ledger, _ = directory_config(directory)
    found = ledger.examine()
    assert not found.damaged
    assert not found.foreign
    kept = files_of(directory)
    assert 4 <= len(kept) < 28
    hn.run_ensemble(table, directory)
    assert kept.items() <= files_of(directory).items()
    assert tables_of(directory) == tables


def limit_files(largest=4000):
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))


@pytest.mark.parametrize("largest", [100, 600, 4000])
def test_a_disk_that_fills(tmp_path, largest):
    """No file may grow beyond this many bytes: at 4000 manifests fit, results do not."""
    table = run_file(samples=2)
    path, directory = tmp_path / "x.toml", tmp_path / "run"
    path.write_text(as_toml(config_from_dict(table)))
    failed = hopnet(
        "run", path, "--out", directory, "--threads", 1, preexec_fn=lambda: limit_files(largest)
    )
    words = failed.communicate(timeout=120)[0]
    assert failed.returncode == 2, words
    assert "cannot write to" in words
    assert "Traceback" not in words
    assert files_of(directory) == {}
    hn.run_ensemble(table, directory)
    assert len(files_of(directory)) == 4


@pytest.fixture
def dask_processes():
    """Start Dask processes; end them afterwards."""
    started = []
    environment = os.environ | workers.ONE_THREAD

    def start(kind, *words, **more):
        command = [sys.executable, "-P", "-m", f"distributed.cli.dask_{kind}", *map(str, words)]
        process = subprocess.Popen(
            command, env=environment | more, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def start_scheduler(start):
    port = free_port()
    scheduler = start("scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard")
    address = f"tcp://127.0.0.1:{port}"

    def answers():
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    wait_until(answers)
    return scheduler, address


def start_worker(start, address, folder, **environment):
    return start(
        "worker",
        address,
        "--nthreads",
        1,
        "--no-nanny",
        "--no-dashboard",
        "--host",
        "127.0.0.1",
        "--local-directory",
        folder,
        **environment,
    )


def test_killed_scheduler(tmp_path, larger, dask_processes, monkeypatch):
    monkeypatch.setattr(engines, "PATIENCE", 5.0)
    table, tables = larger
    scheduler, address = start_scheduler(dask_processes)
    start_worker(dask_processes, address, tmp_path)

    def disturb(recorder):
        if len(recorder.reports) == 3:
            scheduler.kill()

    with pytest.raises(HopnetError, match=r"scheduler is gone with \d+ samples"):
        hn.run_ensemble(table, tmp_path / "run", scheduler=address, listener=Recorder(disturb))
    assert 3 <= len(files_of(tmp_path / "run")) < 28
    hn.run_ensemble(table, tmp_path / "run")
    assert tables_of(tmp_path / "run") == tables


@pytest.mark.parametrize("name", ["hopnet", "numba"])
def test_a_scheduler_with_other_versions_is_refused(tmp_path, dask_processes, name):
    """Refused before anything is computed; both versions are named."""
    (tmp_path / "other" / name).mkdir(parents=True)
    (tmp_path / "other" / name / "__init__.py").write_text("__version__ = '7.7.7'\n")
    _, address = start_scheduler(dask_processes)
    start_worker(dask_processes, address, tmp_path, PYTHONPATH=str(tmp_path / "other"))
    with pytest.raises(ParameterError) as caught:
        hn.run_ensemble(run_file(), tmp_path / "run", scheduler=address)
    assert f"of {address} has {name} 7.7.7 (here {version(name)})" in str(caught.value)
    assert "start the workers from the same environment" in str(caught.value)
    assert files_of(tmp_path / "run") == {}


@pytest.mark.slow
def test_a_sample_that_kills_every_worker_is_an_outcome_and_the_rest_is_done(tmp_path, monkeypatch):
    """A task that kills its workers, by its memory for example, is named; the others finish."""
    config = config_from_dict(run_file(samples=3))
    ledger = open_ledger(tmp_path / "run", config.identity())
    tasks = [Task(ledger, p, (r,), versions()) for p in config.points() for r in range(3)]
    monkeypatch.setattr(workers, "DEATHS", 1)

    def deadly(task):
        if task.numbers[0] == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return engines.do_task_alone(task)

    ledger.record(config.identity(), as_toml(config))
    with Heartbeat(ledger), local_processes(2, Recorder()) as (c, w):
        reports = list(engines.run_with_dask(c, tasks, Recorder(), workers=w, do=deadly))
    died = [report for report in reports if report.status == "WorkerDied"]
    assert {report.task.numbers[0] for report in died} == {1}
    assert "workers died while they computed it" in died[0].reason
    assert len(reports) == len(ledger.finished()) == 6
    assert run_status(ledger.directory)["failures"] == {"WorkerDied": 2}
    table = hn.run_ensemble(config, ledger.directory, retry=True)
    assert (table["status"] == "done").all()


@pytest.mark.slow
def test_workers_killed_while_a_sample_is_beyond_its_limit(tmp_path, monkeypatch):
    """A sample hangs where its time limit does not act; workers die meanwhile; the rest is done."""
    monkeypatch.setattr(workers, "OVERTIME_SECONDS", 8.0)
    config = config_from_dict(run_file(samples=6, ensemble={"time_limit": 1.0}))
    ledger = open_ledger(tmp_path / "run", config.identity())
    tasks = [
        Task(ledger, p, (r,), versions(), False, 1.0) for p in config.points() for r in range(6)
    ]
    marks = tmp_path / "marks"
    marks.mkdir()

    def hanging(task):
        if task.numbers[0] == 1 and task.point.name == tasks[0].point.name:
            (marks / str(os.getpid())).touch()
            while True:
                time.sleep(0.1)
        return engines.do_task_alone(task)

    begun = []

    def kill_some(recorder):
        """First the worker that hangs (its sample starts again elsewhere), later another one."""
        if len(recorder.reports) == 6:
            wait_until(lambda: any(marks.iterdir()))
            begun.append(time.monotonic())
            os.kill(int(next(marks.iterdir()).name), signal.SIGKILL)
        if len(recorder.reports) == 9:
            hung = {path.name for path in marks.iterdir()}
            victim = next(w for w in workers_of() if str(w.pid) not in hung)
            victim.kill()

    recorder = Recorder(kill_some)
    ledger.record(config.identity(), as_toml(config))
    with Heartbeat(ledger), local_processes(2, recorder) as (c, w):
        for report in engines.run_with_dask(c, tasks, recorder, workers=w, do=hanging):
            recorder.report(report, {})
    assert len(recorder.reports) == len(tasks) == len(ledger.finished())
    late = [report for report in recorder.reports if report.status != "done"]
    assert [(report.status, report.task.numbers[0]) for report in late] == [("TimeLimitError", 1)]
    assert "its worker was ended" in late[0].reason
    assert time.monotonic() - begun[0] < 120
    again = hn.run_ensemble(config, ledger.directory, retry=True)
    assert (again["status"] == "done").all()
    hn.run_ensemble(config, tmp_path / "here")
    assert tables_of(ledger.directory) == tables_of(tmp_path / "here")


def listening(process):
    return {c.laddr for c in process.net_connections("tcp") if c.status == "LISTEN"}


def page(address, name):
    """The code with which a port answers a request for a web page; None if it does not."""
    link = http.client.HTTPConnection(address.ip, address.port, timeout=5)
    try:
        link.request("GET", f"/{name}")
        return link.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        link.close()


PAGES = ("info/main/workers.html", "info/main/logs.html", "json/counts.json", "metrics", "health")
PAGES += ("proxy/80/127.0.0.1/", "eventstream", "individual-plots.json", "statics/js/anime.min.js")


def test_local_workers_listen_on_this_machine_alone_and_show_no_pages():
    """All ports are on 127.0.0.1 (as `ss -ltnp` shows), and none serves the web pages of Dask."""
    before = listening(psutil.Process())
    with local_processes(1, Recorder()) as (client, _):
        found = listening(psutil.Process()) - before
        for worker in workers_of():
            found |= listening(worker)
        assert len(found) >= 2
        assert {address.ip for address in found} == {"127.0.0.1"}
        for address in found:
            assert {page(address, name) for name in PAGES} <= {None, 404}, address
        assert client.run(lambda: os.environ["NUMBA_NUM_THREADS"]).popitem()[1] == "1"


@pytest.mark.slow
@pytest.mark.parametrize("n_workers", [2, 4])
def test_any_number_of_workers_gives_the_same_bytes(tmp_path, n_workers):
    for name, number in (("one", 1), ("several", n_workers)):
        hn.run_ensemble(run_file(), tmp_path / name, workers=number)
    assert tables_of(tmp_path / "several") == tables_of(tmp_path / "one")


@pytest.mark.slow
def test_unreachable_scheduler_within_fifteen_seconds(tmp_path):
    start = time.monotonic()
    with pytest.raises(HopnetError, match="no Dask scheduler answers"):
        hn.run_ensemble(run_file(), tmp_path / "x", scheduler=f"tcp://127.0.0.1:{free_port()}")
    assert time.monotonic() - start < 15


@pytest.mark.slow
def test_a_disk_that_fills_under_workers(tmp_path):
    table = run_file(samples=2)
    path, directory = tmp_path / "x.toml", tmp_path / "run"
    path.write_text(as_toml(config_from_dict(table)))
    failed = hopnet("run", path, "--out", directory, "--workers", 2, preexec_fn=limit_files)
    words = failed.communicate(timeout=180)[0]
    assert failed.returncode == 2, words
    assert "cannot write to" in words or "keep dying" in words
    assert files_of(directory) == {}


@pytest.mark.parametrize("system", ["slurm", "pbs"])
def test_job_script_asks_for_what_the_run_file_says(system):
    """The example of the project, as it would go to the batch system."""
    pytest.importorskip("dask_jobqueue")
    section = read_config(RUNS / "slurm.toml").cluster.model_copy(update={"system": system})
    with engines.open_jobqueue(section) as cluster:
        script = cluster.job_script()
    asked = {
        "slurm": ["-p short", "-t 04:00:00", "--mem=15G", "--cpus-per-task=8"],  # 16e9 bytes
        "pbs": ["-q short", "-l walltime=04:00:00", "ncpus=8"],
    }
    for line in (
        *asked[system],
        "--constraint=avx2",
        "module load python/3.12",
        "--nworkers 8",
        "export NUMBA_NUM_THREADS=1",
        "--nthreads 1",
        "NUMBA_CACHE_DIR",
    ):
        assert line in script, script


def test_a_batch_system_without_its_library_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "dask_jobqueue", None)
    with pytest.raises(ParameterError, match=r"pip install 'hopnet\[cluster\]'"):
        hn.run_ensemble(run_file(cluster={"system": "pbs"}), tmp_path / "run")


@pytest.fixture
def batch_commands(tmp_path, monkeypatch):
    """Give commands of a batch system to the path: a dict of name to shell script."""
    pytest.importorskip("dask_jobqueue")
    folder = tmp_path / "commands"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")

    def give(scripts):
        for name, script in scripts.items():
            (folder / name).write_text(f"#!/bin/sh\n{script}\n")
            (folder / name).chmod(0o755)
        return folder

    return give


CLUSTER = {"system": "slurm", "interface": "lo", "prologue": ["unset NUMBA_CACHE_DIR"]}


@pytest.mark.skipif(sys.platform != "linux", reason="the loopback interface is lo on Linux")
def test_a_run_on_a_batch_system(tmp_path, batch_commands):
    """From the job script to the table, with a batch system that starts every job immediately."""
    folder = batch_commands(
        {
            "sbatch": 'cp "$1" "$0.job"; setsid sh "$0.job" > /dev/null 2>&1 &\n'
            'echo "Submitted batch job $!"',
            "scancel": 'kill -- -"$1"; echo "$1" >> "$0.log"',
        }
    )
    table = run_file(samples=2)
    hn.run_ensemble(table | {"cluster": CLUSTER}, tmp_path / "batch")
    hn.run_ensemble(table, tmp_path / "here")
    assert tables_of(tmp_path / "batch") == tables_of(tmp_path / "here")
    assert (folder / "scancel.log").exists(), "the job is ended with the run"


def test_a_batch_system_that_refuses_the_jobs_is_named(tmp_path, batch_commands):
    batch_commands({"sbatch": "echo no such partition >&2; exit 1", "scancel": ""})
    with pytest.raises(HopnetError, match="sbatch has refused the jobs; look at queue") as caught:
        hn.run_ensemble(run_file(cluster=CLUSTER), tmp_path / "run")
    assert "#SBATCH -t 01:00:00" in str(caught.value)


def test_a_machine_without_the_batch_system_is_named(tmp_path, monkeypatch):
    pytest.importorskip("dask_jobqueue")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ParameterError, match="this machine has no qsub"):
        hn.run_ensemble(run_file(cluster={"system": "pbs"}), tmp_path / "run")


def test_bench_reports_overhead_throughput_and_memory():
    from hopnet.bench.ensemble import measure

    rows = measure(n_sites=1000, n_tasks=12, n_bare=4, workers=1, rounds=1)
    overhead, writing, rate, memory, driver = rows[2:]
    assert 0 < writing["seconds_median"] < overhead["seconds_median"]
    assert overhead["seconds_mean"] > 0
    assert 0 < rate["ratio"] < 10
    assert 50 < memory["megabytes"] < 5000
    assert np.isfinite(memory["bytes_per_task"])
    assert 0 < driver["seconds_median"] < 10
    with pytest.raises(ParameterError, match="n_tasks >= 32"):
        measure(n_tasks=10)
