"""Runs that go wrong: storage, hostile input, other users, samples that fail or never end."""

import contextlib
import os
import re
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

import hopnet as hn
from hopnet.cli import main
from hopnet.ensemble import engines, sample, tasks, workers
from hopnet.ensemble.config import as_toml, config_from_dict, config_from_text
from hopnet.ensemble.ledger import Ledger, open_ledger
from hopnet.ensemble.results import collect, read_results, run_status
from hopnet.ensemble.tasks import Task
from hopnet.errors import DataError, HopnetError, ParameterError
from hopnet.machine import versions
from hopnet.threads import thread_count
from run_samples import Recorder, files_of, run_file, tables_of

# Storage.


@pytest.fixture
def finished(tmp_path):
    hn.run_ensemble(run_file(n_sites=300, samples=3), tmp_path / "run")
    return tmp_path / "run"


def test_a_refused_second_driver_changes_nothing(tmp_path):
    """The first one computes all its samples although a smaller run file was refused meanwhile."""
    table, refused = run_file(n_sites=300, samples=6), []

    def second(recorder):
        if len(recorder.reports) == 3:
            try:
                hn.run_ensemble(run_file(n_sites=300, samples=2), tmp_path / "run")
            except ParameterError as failure:
                refused.append(str(failure))

    frame = hn.run_ensemble(table, tmp_path / "run", listener=Recorder(second))
    assert "Nothing was changed" in refused[0]
    assert len(frame) == 2 * 6 * 3
    assert run_status(tmp_path / "run")["n_tasks"] == 12


def test_one_digit_of_the_manifest_sets_nothing_aside(finished):
    path = finished / "manifest.json"
    whole, files = path.read_text(), files_of(finished)
    path.write_text(whole.replace('"sites.seed": 40487', '"sites.seed": 40488'))
    for command in (collect, run_status, read_results):
        with pytest.raises(DataError, match=r"damaged manifest\.json"):
            command(finished)
    assert files_of(finished) == files
    hn.run_ensemble(run_file(n_sites=300, samples=3), finished)
    assert files_of(finished) == files
    assert not (finished / "aside").exists()


def test_a_run_file_edited_in_place_is_refused(finished):
    path = finished / "run.toml"
    path.write_text(path.read_text().replace("samples = 3", "samples = 2"))
    for command in (collect, run_status, read_results):
        with pytest.raises(DataError, match=r"run\.toml that was changed"):
            command(finished)
    hn.run_ensemble(run_file(n_sites=300, samples=3), finished)
    assert run_status(finished)["n_done"] == 6


def test_tables_of_another_run_are_refused(finished, tmp_path):
    hn.run_ensemble(run_file(n_sites=300, samples=3, sites={"seed": 7}), tmp_path / "other")
    for name, what in (("summary", "table"), ("statistics", "statistics")):
        path = finished / f"{name}.parquet"
        path.write_bytes((tmp_path / "other" / path.name).read_bytes())
        with pytest.raises(DataError, match="another run"):
            read_results(finished, what=what)
    (finished / "summary.parquet").write_bytes((finished / "statistics.parquet").read_bytes())
    assert len(run_status(finished)["tables"]) == 2
    collect(finished)
    assert run_status(finished)["tables"] == []


def test_a_changed_csv_is_reported(finished):
    path = finished / "statistics.csv"
    path.write_text(path.read_text().replace("1", "2", 1))
    (fault,) = run_status(finished)["tables"]
    assert "statistics.csv is not as it was written" in fault


def test_a_relative_directory_means_the_same_everywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ledger = open_ledger("run", {"a": 1})
    assert ledger.directory == tmp_path / "run"


def test_status_counts_what_the_tables_say(finished):
    """The diagnostics beside the tables are not protected."""
    for path in (finished / "samples").glob("*.json"):
        path.write_text('{"status": ["x"]}')
    facts = run_status(finished)
    assert (facts["n_done"], facts["n_failed"], facts["n_tasks"]) == (6, 0, 6)
    hn.run_ensemble(run_file(n_sites=300, samples=1), finished)
    facts = run_status(finished)
    assert (facts["n_done"], facts["n_failed"], facts["n_missing"]) == (2, 0, 0)


def test_a_run_that_is_refused_leaves_no_directory(tmp_path, monkeypatch):
    monkeypatch.setattr(engines, "PATIENCE", 0.5)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
    with pytest.raises(HopnetError, match="no Dask scheduler"):
        hn.run_ensemble(run_file(), tmp_path / "run", scheduler=address)
    assert not (tmp_path / "run").exists()


def test_the_umask_is_respected_and_never_changed(tmp_path):
    """Two threads write together: each file gets its permissions, the process keeps its umask."""
    from hopnet.files import atomic_write

    def write(name):
        for _ in range(300):
            with atomic_write(tmp_path / name) as file:
                file.write(b"x")

    before = os.umask(0o027)
    try:
        threads = [threading.Thread(target=write, args=(name,)) for name in ("a", "b")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        found = os.umask(before)
    assert found == 0o027
    assert {p.stat().st_mode & 0o777 for p in tmp_path.iterdir()} == {0o640}


def test_temporary_folders_of_dead_runs_are_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    dead = tmp_path / "hopnet-999999999-1-abc"
    alive = tmp_path / f"{workers.folder_prefix()}abc"
    other = tmp_path / "hopnet-notes"
    for folder in (dead, alive, other):
        folder.mkdir()
    assert workers.sweep_temporary_folders() == 1
    assert not dead.exists()
    assert alive.exists()
    assert other.exists()


# Samples that fail.


def poisoned(monkeypatch, failure, number=1):
    """Let one sample of each point raise."""
    plain = sample.sample_network

    def network(point, k):
        if k == number:
            raise failure
        return plain(point, k)

    monkeypatch.setattr(sample, "sample_network", network)


@pytest.mark.parametrize(
    "failure",
    [MemoryError(), ParameterError("no such thing"), ZeroDivisionError("x"), OSError("y")],
)
def test_any_error_of_a_sample_is_its_outcome(tmp_path, monkeypatch, failure):
    poisoned(monkeypatch, failure)
    recorder = Recorder()
    table = hn.run_ensemble(run_file(n_sites=300, samples=3), tmp_path / "run", listener=recorder)
    name = type(failure).__name__
    assert len(recorder.reports) == 6
    assert {r.status for r in recorder.reports if r.task.numbers[0] == 1} == {name}
    assert table["f"].isna().sum() == 2 * 3
    facts = run_status(tmp_path / "run")
    assert facts["failures"] == {name: 2}
    assert f"density = 0.1 #1: {name}" in facts["failed"]
    before = files_of(tmp_path / "run")
    recorder = Recorder()
    hn.run_ensemble(run_file(n_sites=300, samples=3), tmp_path / "run", listener=recorder)
    assert files_of(tmp_path / "run") == before
    assert any("--retry" in note for note in recorder.notes)
    monkeypatch.undo()
    table = hn.run_ensemble(run_file(n_sites=300, samples=3), tmp_path / "run", retry=True)
    assert (table["status"] == "done").all()


def test_interrupts_are_no_outcome(tmp_path, monkeypatch):
    poisoned(monkeypatch, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        hn.run_ensemble(run_file(n_sites=300, samples=3), tmp_path / "run")


def test_a_sample_that_takes_too_long_is_an_outcome(tmp_path, monkeypatch):
    plain = sample.sample_network

    def network(point, k):
        end = time.monotonic() + (60 if k == 1 else 0)
        while time.monotonic() < end:
            pass
        return plain(point, k)

    monkeypatch.setattr(sample, "sample_network", network)
    table = run_file(n_sites=300, samples=3, ensemble={"time_limit": 1.0})
    start = time.monotonic()
    frame = hn.run_ensemble(table, tmp_path / "run")
    assert time.monotonic() - start < 30
    assert set(frame[frame["sample"] == 1]["status"]) == {"TimeLimitError"}
    assert set(frame[frame["sample"] != 1]["status"]) == {"done"}


def test_a_time_limit_leaves_nothing_behind():
    for k in range(200):
        # The limit may act while the context ends, but never after it has ended.
        with contextlib.suppress(sample.TimeLimitError), sample.limit_time(1e-5 * k):
            sum(range(1000))
        assert sum(range(10_000)) == 49995000

    def endless():
        with sample.limit_time(1e-3):
            while True:
                pass

    with pytest.raises(sample.TimeLimitError, match=r"more than 0\.001 s"):
        endless()
    assert threading.active_count() < 20


# Workers.


def test_tasks_on_workers_use_one_thread(tmp_path):
    """Whatever the environment of the worker says: counted inside a task."""
    config = config_from_dict(run_file(n_sites=300, samples=1))
    ledger = open_ledger(tmp_path / "run", config.identity())
    task = Task(ledger, config.points()[0], (0,), versions())
    counted = []
    plain = sample.sample_network

    def counting(point, k):
        counted.append(thread_count())
        return plain(point, k)

    sample.sample_network = counting
    try:
        engines.do_task_alone(task)
        (tmp_path / "run" / "samples" / task.batch.file_name).unlink()
        list(tasks.run_here([task], threads=1))
    finally:
        sample.sample_network = plain
    assert counted == [1, 1]


def talk_without_certificate(host, port):
    """Speak TLS without showing a certificate; an error if the other side does not answer."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection((host, port), 5) as plain,
        context.wrap_socket(plain) as protected,
    ):
        protected.sendall(b"x")
        if protected.recv(1) == b"":
            raise ConnectionResetError


def test_a_client_without_the_certificate_is_refused(tmp_path):
    """Another user of the machine can reach the port, and gets nothing."""
    from distributed import Client, Security

    with workers.local_processes(1, Recorder()) as (client, own):
        assert own.address.startswith("tls://127.0.0.1:")
        host, port = own.address.removeprefix("tls://").split(":")
        for address, security in (
            (f"tcp://{host}:{port}", None),
            (own.address, Security.temporary()),
        ):
            with pytest.raises(OSError, match=r"."):
                Client(address, security=security, timeout=2, set_as_default=False)
        with pytest.raises((OSError, ssl.SSLError)):
            talk_without_certificate(host, int(port))
        for path in own.folder.glob("*.pem"):
            assert path.stat().st_mode & 0o077 == 0
        assert client.submit(os.getpid).result() == own.processes[0].pid


def as_another_user(call):
    """The text that ``call()`` returns in a copy of this process that belongs to user 65534."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            os.write(writing, call().encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        text = answer.read()
    os.waitpid(child, 0)
    return text


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become another user"
)
def test_another_user_gets_nothing(tmp_path):
    """Another user reads no key and reaches no worker: without TLS, with it, with own keys."""
    from distributed import Security

    tmp_path.chmod(0o755)
    with workers.local_processes(1, Recorder()) as (client, own):
        host, port = own.address.removeprefix("tls://").split(":")
        worker = next(iter(client.scheduler_info(n_workers=-1)["workers"]))
        ports = [int(port), int(worker.rsplit(":", 1)[1])]
        other = Security.temporary().get_connection_args("client")["ssl_context"]
        other.check_hostname, other.verify_mode = False, ssl.CERT_NONE
        bare = ssl.create_default_context()
        bare.check_hostname, bare.verify_mode = False, ssl.CERT_NONE
        command = " ".join(psutil.Process(own.processes[0].pid).cmdline())
        assert "PRIVATE" not in command

        def attack():
            found = [f"uid {os.getuid()}"]
            try:
                found += [f"listed {p.name}" for p in own.folder.iterdir()]
            except PermissionError:
                found.append("folder refused")
            for number in ports:
                for name, context in (("plain", None), ("bare", bare), ("other", other)):
                    try:
                        with socket.create_connection((host, number), 5) as link:
                            if context is not None:
                                link = context.wrap_socket(link)
                            link.settimeout(5)
                            link.sendall(b"\x00" * 64)
                            answer = link.recv(100)
                        # A server of TLS answers plain bytes with an alert (15) or not at all.
                        taken = answer not in (b"",) and answer[:1] != b"\x15"
                        found.append(f"{name} {number}: {'ANSWERED' if taken else 'refused'}")
                    except (OSError, ssl.SSLError):
                        found.append(f"{name} {number}: refused")
            return "\n".join(found)

        said = as_another_user(attack).splitlines()
        assert said[:2] == ["uid 65534", "folder refused"]
        assert len(said) == 8
        assert all(line.endswith("refused") for line in said[2:]), said
        assert client.submit(os.getpid).result() == own.processes[0].pid


def test_a_worker_that_stopped_is_replaced(tmp_path, monkeypatch):
    """SIGSTOP: it lives, but sends nothing and computes nothing."""
    import signal

    monkeypatch.setattr(workers, "SILENCE", 4.0)
    table = run_file(n_sites=2000, samples=8)
    stopped = []

    def stop_one(recorder):
        if len(recorder.reports) == 3:
            import psutil

            family = psutil.Process().children()
            victim = next(c for c in family if "dask_worker" in " ".join(c.cmdline()))
            victim.send_signal(signal.SIGSTOP)
            stopped.append(victim.pid)

    recorder = Recorder(stop_one)
    hn.run_ensemble(table, tmp_path / "run", workers=2, listener=recorder)
    assert any("no sign of life" in note for note in recorder.notes)
    hn.run_ensemble(table, tmp_path / "here")
    assert tables_of(tmp_path / "run") == tables_of(tmp_path / "here")


class NoWorkers:
    """A client of a scheduler without workers."""

    status = "running"

    def scheduler_info(self, n_workers):
        return {"workers": {}}


def test_a_run_without_workers_says_so(monkeypatch):
    recorder = Recorder()
    monkeypatch.setattr(engines, "NO_WORKERS", 0.2)
    monkeypatch.setattr(engines, "WATCH", 0.0)
    crew = engines.Crew(NoWorkers(), None, recorder)
    for _ in range(5):
        time.sleep(0.1)
        crew.look({}, 7)
    assert len(recorder.notes) == 1
    assert "7 samples wait" in recorder.notes[0]


def test_broken_settings_of_dask_are_one_sentence(tmp_path):
    (tmp_path / "bad.yaml").write_text("distributed: [1, {")
    path = tmp_path / "x.toml"
    path.write_text(as_toml(config_from_dict(run_file(n_sites=300, samples=2))))
    command = [sys.executable, "-m", "hopnet.cli.main", "run", path, "--out", tmp_path / "run"]
    done = subprocess.run(
        [*command, "--workers", "2"],
        env=os.environ | {"DASK_CONFIG": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 2
    assert "Dask cannot start" in done.stderr
    assert "Traceback" not in done.stderr


# Batch systems.


BAD_CLUSTER = {
    "queue": ["short\nrm -rf x", "a b", "", "$(id)", "x;y", "q`id`"],
    "account": ["x\ny", "x y", "'"],
    "interface": ["lo\nx", "a b"],
    "directives": [["--a\nrm x"], ["--a\u2028x"], ["\x07"], [""], ["  "]],
    "prologue": [["module load\x00"], ["a\r\nb"]],
    "walltime": ["1:00\n", "\u0661:00", "01:00:00x"],
    "memory": ["0GB", "1e3GB", "9" * 400 + "GB", "\uff14GB"],
    "jobs": [0, 10**9],
    "workers_per_job": [0, 10**9],
}


@pytest.mark.parametrize("key", BAD_CLUSTER)
def test_values_that_would_change_the_batch_script_are_refused(key):
    for value in BAD_CLUSTER[key]:
        with pytest.raises(ParameterError, match=f"cluster.{key}"):
            config_from_dict(run_file(cluster={"system": "slurm", key: value}))


def test_an_interface_that_does_not_exist_is_named(tmp_path, monkeypatch):
    pytest.importorskip("dask_jobqueue")
    (tmp_path / "sbatch").write_text("")
    (tmp_path / "sbatch").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    table = run_file(cluster={"system": "slurm", "interface": "nonsense"})
    with pytest.raises(ParameterError, match=r"cluster\.interface must be one of"):
        hn.run_ensemble(table, tmp_path / "run")
    assert not (tmp_path / "run").exists()


# Run files.


BASE = "[sites]\nn_sites = 100\ndensity = 0.1\nseed = 3\n[spin]\ntau_s = [1.0]\n"
HOSTILE = {
    "nested lists": BASE + "[scan]\n'sites.density' = " + "[" * 500 + "]" * 500,
    "deeply nested lists": "x = " + "[" * 100_000,
    "number of 4301 digits": BASE.replace("seed = 3", f"seed = {'9' * 4301}"),
    "n_sites of 400 digits": BASE.replace("100", "9" * 400),
    "cutoff 1e400": BASE + "[network]\ncutoff = 1e400\n",
    "cutoff 1e155": BASE + "[network]\ncutoff = 1e155\n",
    "cutoff_radius 1e300": BASE + "[network]\ncutoff_radius = 1e300\n",
    "min_distance 1e300": BASE.replace("seed", "min_distance = 1e300\nseed"),
    "density 1e-320": BASE.replace("0.1", "1e-320"),
    "key func at the top": 'function-before = 1\n"func" = 2\n' + BASE,
    "samples beyond memory": BASE
    + "[ensemble]\nsamples = 1_000_000\n[scan]\n'sites.density' = [0.1, 0.2]\n",
    "dotted keys": ".".join("a" * 20_000) + " = 1",
    "dotted keys on many lines": "\n".join(".".join("b" * 2400) + f".c{k} = 1" for k in range(8)),
    "5 MB": "x = [" + "1," * 2_500_000 + "]",
    "both cutoffs": BASE + "[scan]\nmode = 'list'\n'network.cutoff' = [1.0, 1.5]\n"
    "'network.cutoff_radius' = [9.0, 8.0]\n",
    "a cutoff that is not used": BASE
    + "[network]\ncutoff_radius = 9.0\n[scan]\n'network.cutoff' = [1.0, 1.5]\n",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_run_files_are_refused_in_one_sentence(tmp_path, text):
    path = tmp_path / "x.toml"
    path.write_text(text)
    start = time.monotonic()
    with pytest.raises(ParameterError) as caught:
        hn.run_ensemble(path, tmp_path / "run")
    assert "\n" not in str(caught.value)
    assert time.monotonic() - start < 10
    assert not (tmp_path / "run").exists()


def test_many_points_are_computed_once():
    values = np.linspace(0.01, 0.1, 100_000)
    table = run_file(samples=1, scan={"sites.density": values})
    start = time.monotonic()
    config = config_from_dict(table)
    assert config.points() is config.points()
    assert len(config.points()) == 100_000
    assert config.identity()["scan"] == ["sites.density"]
    assert time.monotonic() - start < 30


def test_a_dict_with_numpy_numbers_ranges_and_any_character(tmp_path):
    table = run_file(samples=np.int64(2))
    table["question"] = 'Wie groß? 🙂 \\ " \t end'
    table["sites"]["n_sites"] = np.int32(300)
    table["spin"]["tau_s"] = np.array([0.0, 10.0])
    table["scan"] = {"sites.n_sites": range(300, 501, 200), "sites.density": (np.float32(0.1),)}
    frame = hn.run_ensemble(table, tmp_path / "run")
    assert len(frame) == 2 * 2 * 2
    assert read_results(tmp_path / "run").attrs["question"] == table["question"]
    again = config_from_text((tmp_path / "run" / "run.toml").read_text(encoding="utf-8"))
    assert again.points() == config_from_dict(table).points()


@pytest.mark.parametrize(
    "change",
    [
        {"question": "\ud800"},
        {"scan": {"sites.density": np.ma.array([0.1, 0.2], mask=[0, 1])}},
        {"scan": {"sites.density": [None]}},
        {"scan": {3: [0.1]}},
        {"scan": {"sites.density": np.array([0.1, "x"], dtype=object)}},
        {"spin": {"tau_s": np.array([1 + 2j])}},
        {"sites": {"density": np.datetime64("2026-01-01")}},
        {"scan": {"sites.density": range(10**9)}},
    ],
    ids=str,
)
def test_dicts_that_are_no_run_file(change):
    table = run_file() | change
    with pytest.raises(ParameterError):
        config_from_dict(table)
    circle = run_file()
    circle["scan"] = circle
    with pytest.raises(ParameterError):
        config_from_dict(circle)


@pytest.mark.parametrize("thing", [None, 3, b"x.toml", ["x.toml"], object()], ids=repr)
def test_things_that_are_no_run_file(thing, tmp_path):
    with pytest.raises(ParameterError):
        hn.run_ensemble(thing, tmp_path / "run")
    with pytest.raises(ParameterError, match="out must be"):
        hn.run_ensemble(run_file(), 3)
    with pytest.raises(ParameterError, match="listener must be"):
        hn.run_ensemble(run_file(), tmp_path / "run", listener=print)


def test_a_run_file_from_a_pipe_is_read_once(tmp_path):
    text = as_toml(config_from_dict(run_file(n_sites=300, samples=2)))
    pipe = tmp_path / "pipe.toml"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=(text,), daemon=True)
    writer.start()
    code = main.main(["run", str(pipe), "--out", str(tmp_path / "run"), "--no-figures"])
    writer.join()
    assert code == 0
    assert run_status(tmp_path / "run")["n_done"] == 4


def test_a_terminal_without_umlauts_still_shows_the_run(tmp_path):
    table = run_file(n_sites=300, samples=2)
    table["question"] = "Wie groß ist f?"
    path = tmp_path / "x.toml"
    path.write_text(as_toml(config_from_dict(table)), encoding="utf-8")
    hn.run_ensemble(path, tmp_path / "größe")
    done = subprocess.run(
        [sys.executable, "-m", "hopnet.cli.main", "status", tmp_path / "größe"],
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert re.search("Wie gro. ist f", done.stdout)


def test_a_ledger_travels_with_an_absolute_directory(tmp_path):
    assert isinstance(open_ledger(tmp_path / "x", {"a": 1}), Ledger)
    assert Path(open_ledger(tmp_path / "y" / ".." / "y", {"a": 1}).directory).is_absolute()


@pytest.mark.slow
def test_a_scheduler_with_certificates(tmp_path, monkeypatch):
    """As docs/clusters.md says: the certificates come from the settings of Dask."""
    from distributed import Security

    content = Security.temporary().get_tls_config_for_role("worker")
    for name in ("ca_file", "cert", "key"):
        (tmp_path / f"{name}.pem").write_text(content[name])
    files = [str(tmp_path / f"{name}.pem") for name in ("ca_file", "cert", "key")]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tls://127.0.0.1:{free.getsockname()[1]}"
    options = ["--tls-ca-file", files[0], "--tls-cert", files[1], "--tls-key", files[2]]
    start = [sys.executable, "-P", "-m"]
    port = address.rpartition(":")[2]
    scheduler = subprocess.Popen(
        [
            *(*start, "distributed.cli.dask_scheduler", "--host", "tls://127.0.0.1"),
            *("--port", port, "--no-dashboard", *options),
        ]
    )
    worker = subprocess.Popen(
        [
            *(*start, "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-nanny"),
            *("--no-dashboard", "--local-directory", str(tmp_path), *options),
        ]
    )
    table = run_file(n_sites=300, samples=2)
    try:
        time.sleep(3)
        with pytest.raises(HopnetError, match="no Dask scheduler answers"):
            hn.run_ensemble(table, tmp_path / "refused", scheduler=address)
        import dask

        names = ("ca-file", "client.cert", "client.key")
        settings = {f"distributed.comm.tls.{n}": f for n, f in zip(names, files)}
        with dask.config.set(settings):
            recorder = Recorder()
            hn.run_ensemble(table, tmp_path / "run", scheduler=address, listener=recorder)
        assert not any("not protected" in note for note in recorder.notes)
    finally:
        for process in (worker, scheduler):
            process.kill()
            process.wait()
    assert run_status(tmp_path / "run")["n_done"] == 4
