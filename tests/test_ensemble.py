"""Ensembles: pure tasks, resuming, kills of every kind; nothing lost, nothing counted twice."""

import os
import signal
import socket
import subprocess
import sys
import time
import tomllib
from importlib.metadata import version
from pathlib import Path

import numpy as np
import psutil
import pytest

import hopnet as hn
from hopnet import engines
from hopnet.config import config_from_dict
from hopnet.ensemble import as_toml, collect, run_status
from hopnet.errors import DataError, HopnetError, ParameterError
from hopnet.jobs import Job, run_here
from hopnet.ledger import Heartbeat, Task, existing_ledger, open_ledger
from hopnet.realisation import run_realisation, sample_network

RUNS = [
    path
    for path in sorted((Path(__file__).resolve().parents[1] / "runs").glob("*.toml"))
    if "sites" in tomllib.loads(path.read_text())
]
TABLES = ("summary.parquet", "summary.csv", "statistics.parquet", "statistics.csv")


def run_file(n_sites=600, realisations=6, **tables):
    out = {
        "sites": {"n_sites": n_sites, "density": 0.1, "seed": 40487},
        "spin": {"tau_s": [0.0, 10.0, 1e4]},
        "ensemble": {"realisations": realisations},
        "scan": {"sites.density": [0.1, 0.05]},
    }
    for name, entries in tables.items():
        out[name] = {**out.get(name, {}), **entries}
    return out


def tables_of(directory):
    return {name: (Path(directory) / name).read_bytes() for name in TABLES}


def files_of(directory):
    return {p.name: p.read_bytes() for p in Path(directory, "realisations").glob("*.parquet")}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """A run without any trouble, in this process."""
    directory = tmp_path_factory.mktemp("undisturbed") / "run"
    hn.run_ensemble(run_file(), directory)
    return directory


@pytest.fixture(scope="module")
def larger(tmp_path_factory):
    """(run file, tables): some 28 realisations that take long enough to be disturbed."""
    table = run_file(n_sites=3000, realisations=14)
    directory = tmp_path_factory.mktemp("larger") / "run"
    hn.run_ensemble(table, directory)
    return table, tables_of(directory)


# One realisation.


def test_a_realisation_is_a_pure_function_of_point_and_number():
    point = config_from_dict(run_file()).points()[0]
    one, again, other = (run_realisation(point, r).columns for r in (3, 3, 4))
    for name in one:
        np.testing.assert_array_equal(one[name], again[name])
    assert one["f"][0] != other["f"][0]
    network = sample_network(point, 3)
    curve = hn.f_curve(network, point.tau_s)
    np.testing.assert_allclose(one["f"], curve.f, rtol=1e-12)
    np.testing.assert_allclose(one["numerator"] / one["conductance"], one["f"], rtol=1e-12)


def test_threads_do_not_change_a_bit():
    table = run_file(n_sites=25_000)
    point = config_from_dict(table).points()[0]
    one, two = (run_realisation(point, 0, threads=t).columns for t in (1, 2))
    for name in one:
        np.testing.assert_array_equal(one[name], two[name])


def test_seeds_depend_on_the_point_and_not_on_the_scan():
    first, second = config_from_dict(run_file()).points()
    alone = config_from_dict(run_file(scan={"sites.density": [0.05]})).points()[0]

    def words(point, realisation, common=False):
        seed = hn.realisation_seed(5, point.physical, realisation, common_random=common)
        return seed.generate_state(2).tolist()

    assert words(second, 1) == words(alone, 1)
    assert words(first, 1) != words(second, 1) != words(second, 2)
    assert words(first, 1, common=True) == words(second, 1, common=True)


def test_common_random_throws_the_same_sites_at_every_cutoff():
    scan = {"network.cutoff": [1.2, 1.5]}
    table = run_file(ensemble={"common_random": True})
    table["scan"] = scan
    one, two = (sample_network(p, 0).sites.position for p in config_from_dict(table).points())
    np.testing.assert_array_equal(one, two)


def test_a_sample_that_does_not_percolate_is_an_outcome(tmp_path):
    table = run_file(n_sites=60, network={"cutoff": 0.75})
    del table["scan"]
    frame = hn.run_ensemble(table, tmp_path / "run")
    by_status = frame.groupby("status")["realisation"].nunique()
    assert by_status["NotPercolatingError"] >= 1
    statistics = hn.read_results(tmp_path / "run", what="statistics")
    assert statistics["n_failed"].iloc[0] == by_status["NotPercolatingError"]
    assert statistics["n_done"].iloc[0] + statistics["n_failed"].iloc[0] == 6
    assert run_status(tmp_path / "run")["failures"] == {
        "NotPercolatingError": by_status["NotPercolatingError"]
    }


# The table and resuming.


def test_results_read_back(undisturbed):
    frame = hn.read_results(undisturbed)
    assert len(frame) == 2 * 6 * 3
    assert frame.attrs["scanned"] == ["sites.density"]
    assert (frame["status"] == "done").all()
    assert not frame.duplicated(["sites.density", "realisation", "tau_s"]).any()
    statistics = hn.read_results(undisturbed, what="statistics")
    dense = frame[(frame["sites.density"] == 0.1) & (frame["tau_s"] == 10.0)]["f"]
    row = statistics.iloc[1]
    assert row["f"] == pytest.approx(dense.mean(), rel=1e-14)
    assert row["f_error"] == pytest.approx(dense.std() / np.sqrt(6), rel=1e-12)
    curves = hn.read_results(undisturbed, what="curves")
    assert len(curves) == 12
    assert isinstance(curves["curve"].iloc[0], hn.FCurve)
    with pytest.raises(ParameterError, match="'curves'"):
        hn.read_results(undisturbed, what="all")
    with pytest.raises(DataError, match="holds no run"):
        hn.read_results(undisturbed.parent)


def test_a_finished_run_computes_nothing(undisturbed, monkeypatch):
    before = tables_of(undisturbed)
    monkeypatch.setattr("hopnet.jobs.run_realisation", None)
    hn.run_ensemble(run_file(), undisturbed)
    assert tables_of(undisturbed) == before


def test_points_and_realisations_can_be_added(undisturbed, tmp_path):
    small = run_file(realisations=4, scan={"sites.density": [0.1]})
    hn.run_ensemble(small, tmp_path / "run")
    first = files_of(tmp_path / "run")
    stamp = {p: p.stat().st_mtime_ns for p in (tmp_path / "run/realisations").glob("*.parquet")}
    hn.run_ensemble(run_file(), tmp_path / "run")
    assert tables_of(tmp_path / "run") == tables_of(undisturbed)
    assert first.items() <= files_of(tmp_path / "run").items()
    assert all(p.stat().st_mtime_ns == t for p, t in stamp.items())


def test_other_physics_is_refused(undisturbed):
    with pytest.raises(ParameterError, match=r"spin.tau_s \(3 times 0 .. 10000 there, 1 times"):
        hn.run_ensemble(run_file(spin={"tau_s": [1.0]}), undisturbed)
    with pytest.raises(ParameterError, match="n_sites"):
        hn.run_ensemble(run_file(n_sites=601), undisturbed)


def test_damage_is_found_and_mended(undisturbed, tmp_path):
    """A file truncated, one of another run copied in, one missing: same tables afterwards."""
    directory = tmp_path / "run"
    hn.run_ensemble(run_file(), directory)
    files = sorted((directory / "realisations").glob("*.parquet"))
    files[0].write_bytes(files[0].read_bytes()[:500])
    other = run_file(sites={"seed": 99})
    hn.run_ensemble(other, tmp_path / "other")
    same_name = tmp_path / "other" / "realisations" / files[1].name
    files[1].write_bytes(same_name.read_bytes())
    files[2].unlink()
    events = []
    frame = collect(directory, listener=lambda event, **facts: events.append((event, facts)))
    assert len(frame) == (12 - 3) * 3
    assert [e for e, _ in events].count("set_aside") == 2
    assert events[-1][1]["n_missing"] == 3
    hn.run_ensemble(run_file(), directory)
    assert tables_of(directory) == tables_of(undisturbed)
    assert len(list((directory / "aside").glob("*.parquet"))) == 2


def test_shards_share_the_work(undisturbed, tmp_path):
    for i in (3, 0, 2, 1):
        hn.run_ensemble(run_file(), tmp_path / "run", shard=(i, 4))
    assert tables_of(tmp_path / "run") == tables_of(undisturbed)
    counts = [len(run_here_jobs(tmp_path / f"shard{i}", (i, 4))) for i in range(4)]
    assert sum(counts) == 12
    assert max(counts) - min(counts) <= 2  # one a point


def run_here_jobs(directory, shard):
    hn.run_ensemble(run_file(), directory, shard=shard)
    return files_of(directory)


def test_target_error_decides_once_how_many(tmp_path):
    table = run_file(realisations=4)
    table["ensemble"] |= {"target_error": 0.02, "max_realisations": 12}
    frame = hn.run_ensemble(table, tmp_path / "run")
    taken = frame.groupby("sites.density")["realisation"].nunique()
    assert taken.between(4, 12).all()
    assert taken.max() > 4
    stamp = tables_of(tmp_path / "run")
    hn.run_ensemble(table, tmp_path / "run")
    assert tables_of(tmp_path / "run") == stamp
    for i in (0, 1, 0, 1):  # shards meet once the first samples are there
        hn.run_ensemble(table, tmp_path / "shards", shard=(i, 2))
    assert tables_of(tmp_path / "shards") == stamp


def test_snapshots(tmp_path):
    table = run_file(realisations=2, output={"snapshot": True})
    hn.run_ensemble(table, tmp_path / "run")
    stored = sorted((tmp_path / "run" / "snapshots").iterdir())
    assert len(stored) == 2 * 3
    network = hn.Network.load(next(p for p in stored if ".network." in p.name))
    assert network.n_sites == 600


@pytest.mark.parametrize("path", RUNS, ids=lambda path: path.stem)
def test_run_files_of_the_house_run_in_small(tmp_path, path):
    table = tomllib.loads(path.read_text())
    table.pop("cluster", None)
    table["ensemble"] = {"realisations": 2}
    table["sites"] |= {"n_sites": 1500, "density": 0.1}
    scan = {k: v for k, v in table.get("scan", {}).items() if k.startswith("network")}
    table["scan"] = {k: v[::2] if isinstance(v, list) else v | {"n": 2} for k, v in scan.items()}
    frame = hn.run_ensemble(table, tmp_path / "run")
    assert (frame["status"] == "done").all()
    assert frame["f" if "spin" in table else "log_resistivity"].notna().all()


# Bad input.


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"workers": 0}, "workers must be 1 or more"),
        ({"workers": -2}, "workers must be 1 or more"),
        ({"shard": (4, 4)}, "0 <= I < N, got 4/4"),
        ({"shard": (0, 0)}, "0 <= I < N"),
        ({"shard": 3}, r"two whole numbers \(i, n\), got 3"),
        ({"shard": (0.5, 2)}, "two whole numbers"),
        ({"workers": 1.5}, "workers must be 1 or more, got 1.5"),
        ({"threads": 0}, "threads must be 1 or more, got 0"),
        ({"threads": 2, "workers": 2}, "leave out --threads or --workers"),
        ({"scheduler": "nonsense"}, "takes an address tcp://HOST:PORT, got 'nonsense'"),
        ({"scheduler": "http://127.0.0.1:8786"}, "takes an address tcp://HOST:PORT"),
        ({"scheduler": "tcp://127.0.0.1:8786", "workers": 2}, "--workers .* exclude each other"),
        ({"scheduler": "tcp://127.0.0.1:8786", "threads": 2}, "leave out --threads or --sched"),
    ],
)
def test_numbers_that_do_not_fit(tmp_path, options, words):
    with pytest.raises(ParameterError, match=words):
        hn.run_ensemble(run_file(), tmp_path / "run", **options)
    assert not (tmp_path / "run").exists()


def test_more_than_the_memory_is_refused_with_what_fits(tmp_path):
    table = run_file(n_sites=10**10)
    with pytest.raises(ParameterError, match=r"the largest n_sites that fits is \d+") as caught:
        hn.run_ensemble(table, tmp_path / "run")
    assert "--force" in str(caught.value)
    with pytest.raises(ParameterError, match=r"\d+ workers? of that size fit"):
        hn.run_ensemble(run_file(), tmp_path / "run", workers=10**6)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"workers": 4}, r"--workers \(4\) and \[cluster\] exclude each other"),
        ({"shard": (0, 2)}, r"take \[cluster\] out of the run file"),
        ({"threads": 2}, r"leave out --threads or \[cluster\]"),
        ({}, r"a job of \[cluster\] has 1 GB; 3 workers of that size fit: give "
             r"cluster.workers_per_job = 3"),
    ],
)  # fmt: skip
def test_options_that_a_batch_system_excludes(tmp_path, options, words):
    cluster = {"system": "slurm", "workers_per_job": 4, "memory": "1GB"}
    with pytest.raises(ParameterError, match=words):
        hn.run_ensemble(run_file(cluster=cluster), tmp_path / "run", **options)
    assert not (tmp_path / "run").exists()


def test_a_cutoff_beyond_the_sample_links_everybody_once():
    from hopnet.plan import links_per_site

    point = config_from_dict(run_file(network={"cutoff": 1e6})).points()[0]
    assert links_per_site(point.physical) == 599 / 2


def test_the_size_named_as_fitting_fits():
    from hopnet.plan import check_memory, task_memory

    point = config_from_dict(run_file(n_sites=10**9)).points()[0]
    with pytest.raises(ParameterError) as caught:
        check_memory([point], 1, limit=8e9)
    named = int(str(caught.value).split("fits is ")[1].split(":")[0])
    physical = point.physical | {"sites.n_sites": named}
    assert 0.85 * 8e9 < task_memory(physical) <= 8e9
    check_memory([point], 1, limit=8e9, force=True)


def test_a_worker_with_other_versions_is_refused(tmp_path):
    config = config_from_dict(run_file())
    ledger = open_ledger(tmp_path / "run", config.identity(), "")
    wanted = {"hopnet": "9.9.9", "numba": "1", "numpy": "1", "scipy": "1"}
    job = Job(ledger, config.points()[0], 0, wanted)
    with pytest.raises(ParameterError, match=r"hopnet 0\.\S+ \(here 9\.9\.9\)"):
        list(run_here([job]))
    assert ledger.finished() == set()


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:{port}", "127.0.0.1:{port}"])
def test_an_unreachable_scheduler_is_named(undisturbed, monkeypatch, address):
    monkeypatch.setattr(engines, "PATIENCE", 1.0)
    address = address.format(port=free_port())
    (undisturbed / "realisations").joinpath(sorted(files_of(undisturbed))[0]).unlink()
    start = time.monotonic()
    with pytest.raises(HopnetError, match=address):
        hn.run_ensemble(run_file(), undisturbed, scheduler=address)
    assert time.monotonic() - start < 15
    assert len(files_of(undisturbed)) == 11
    hn.run_ensemble(run_file(), undisturbed)


# Kills. Everything below starts processes of its own.


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
    """One worker killed, later two at once, while jobs are with them."""
    table, tables = larger
    reports, notes, killed = [], [], []

    def disturb(event, **facts):
        if event == "note":
            notes.append(facts["text"])
        if event != "report":
            return
        reports.append(facts["report"])
        if len(reports) in (3, 10):
            victims = workers_of()[: 1 if len(reports) == 3 else 2]
            for victim in victims:
                victim.kill()
                killed.append(victim.pid)

    hn.run_ensemble(table, tmp_path / "run", workers=2, listener=disturb)
    assert len(killed) >= 2
    assert any("died (signal 9), started another" in note for note in notes)
    tasks = [report.job.task for report in reports]
    assert len(set(tasks)) == len(tasks) == 28
    assert tables_of(tmp_path / "run") == tables
    assert workers_of() == []


def hopnet(*words, **options):
    """A `hopnet` command in a process of its own."""
    command = [sys.executable, "-m", "hopnet.cli.main", *map(str, words)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            **options)  # fmt: skip


def wait_until(condition, seconds=90):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
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
        driver.send_signal(signal.SIGSTOP)  # so that it cannot finish under our hands
        status = run_status(directory)
        assert [p["pid"] for p in status["processes"] if p["alive"]] == [driver.pid]
        with pytest.raises(ParameterError, match=f"pid {driver.pid}"):  # two runs at once
            hn.run_ensemble(table, directory)
        workers = workers_of(psutil.Process(driver.pid))
        assert workers
    finally:
        driver.kill()
        driver.communicate()
    status = run_status(directory)
    assert not any(p["alive"] for p in status["processes"])
    assert status["n_running"] == 0
    wait_until(lambda: not any(w.is_running() and w.status() != "zombie" for w in workers))
    ledger, _ = existing_ledger(directory)
    assert ledger.inspect() == []
    kept = files_of(directory)
    assert 4 <= len(kept) < 28
    hn.run_ensemble(table, directory)
    assert kept.items() <= files_of(directory).items()
    assert tables_of(directory) == tables


def limit_files():
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))


def test_a_disk_that_fills(tmp_path):
    """No file may grow beyond 4000 bytes: manifests fit, results do not."""
    table = run_file(realisations=2)
    path, directory = tmp_path / "x.toml", tmp_path / "run"
    path.write_text(as_toml(config_from_dict(table)))
    failed = hopnet("run", path, "--out", directory, "--threads", 1, preexec_fn=limit_files)
    words = failed.communicate(timeout=120)[0]
    assert failed.returncode == 2, words
    assert "cannot write to" in words
    assert "Traceback" not in words
    assert list((directory / "realisations").iterdir()) == []
    hn.run_ensemble(table, directory)
    assert len(files_of(directory)) == 4


@pytest.fixture
def dask_processes():
    """Start Dask processes; end them afterwards."""
    started = []
    environment = os.environ | engines.ONE_THREAD

    def start(kind, *words, **more):
        command = [sys.executable, "-P", "-m", f"distributed.cli.dask_{kind}", *map(str, words)]
        process = subprocess.Popen(command, env=environment | more, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)  # fmt: skip
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
    return start("worker", address, "--nthreads", 1, "--no-nanny", "--no-dashboard",
                 "--host", "127.0.0.1", "--local-directory", folder, **environment)  # fmt: skip


def test_killed_scheduler(tmp_path, larger, dask_processes, monkeypatch):
    monkeypatch.setattr(engines, "PATIENCE", 5.0)
    table, tables = larger
    scheduler, address = start_scheduler(dask_processes)
    start_worker(dask_processes, address, tmp_path)
    n_reports = 0

    def disturb(event, **facts):
        nonlocal n_reports
        n_reports += event == "report"
        if n_reports == 3:
            scheduler.kill()

    with pytest.raises(HopnetError, match=r"scheduler is gone with \d+ real"):
        hn.run_ensemble(table, tmp_path / "run", scheduler=address, listener=disturb)
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
def test_a_task_that_kills_every_worker_is_lost_and_the_rest_is_done(tmp_path, monkeypatch):
    """A task under which workers die, for want of memory say: named, the others finish."""
    config = config_from_dict(run_file(realisations=3))
    ledger = open_ledger(tmp_path / "run", config.identity(), "")
    jobs = [Job(ledger, p, r, engines.versions()) for p in config.points() for r in range(3)]
    monkeypatch.setattr(engines, "DEATHS", 1)

    def deadly(job):
        if job.realisation == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return engines.do_job_alone(job)

    with Heartbeat(ledger), engines.local_processes(2, lambda event, **facts: None) as (c, w):
        reports = list(engines.run_with_dask(c, jobs, workers=w, do=deadly))
    lost = [report for report in reports if report.status == "lost"]
    assert {report.job.realisation for report in lost} == {1}
    assert "workers died over it" in lost[0].reason
    assert len(reports) == 6
    assert len(ledger.finished()) == 4


def test_local_workers_listen_on_this_machine_alone_and_show_no_dashboard():
    def addresses(process):
        return {c.laddr.ip for c in process.net_connections("tcp") if c.status == "LISTEN"}

    before = addresses(psutil.Process())
    with engines.local_processes(1, lambda event, **facts: None) as (client, _):
        found = (addresses(psutil.Process()) - before) | {"127.0.0.1"}
        for worker in workers_of():
            found |= addresses(worker)
        assert found == {"127.0.0.1"}
        assert client.run(lambda: os.environ["NUMBA_NUM_THREADS"]).popitem()[1] == "1"


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2, 4])
def test_any_number_of_workers_gives_the_same_bytes(undisturbed, tmp_path, workers):
    hn.run_ensemble(run_file(), tmp_path / "run", workers=workers)
    assert tables_of(tmp_path / "run") == tables_of(undisturbed)


@pytest.mark.slow
def test_unreachable_scheduler_within_fifteen_seconds(tmp_path):
    start = time.monotonic()
    with pytest.raises(HopnetError, match="no Dask scheduler answers"):
        hn.run_ensemble(run_file(), tmp_path / "x", scheduler=f"tcp://127.0.0.1:{free_port()}")
    assert time.monotonic() - start < 15


@pytest.mark.slow
def test_a_disk_that_fills_under_workers(tmp_path):
    table = run_file(realisations=2)
    path, directory = tmp_path / "x.toml", tmp_path / "run"
    path.write_text(as_toml(config_from_dict(table)))
    failed = hopnet("run", path, "--out", directory, "--workers", 2, preexec_fn=limit_files)
    words = failed.communicate(timeout=180)[0]
    assert failed.returncode == 2, words
    assert "cannot write to" in words or "keep dying" in words
    assert files_of(directory) == {}


@pytest.mark.slow
def test_jobqueue_script_asks_for_what_the_run_file_says():
    pytest.importorskip("dask_jobqueue")
    table = run_file(cluster={
        "system": "slurm", "jobs": 3, "workers_per_job": 2, "memory": "8GB", "queue": "short",
        "walltime": "00:30:00", "directives": ["--constraint=amd"], "prologue": ["module load x"],
    })  # fmt: skip
    with engines.open_jobqueue(config_from_dict(table).cluster) as cluster:
        script = cluster.job_script()
    for line in ("-p short", "--constraint=amd", "module load x", "NUMBA_NUM_THREADS=1",
                 "-t 00:30:00", "NUMBA_CACHE_DIR"):  # fmt: skip
        assert line in script


def test_a_batch_system_without_its_library_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "dask_jobqueue", None)
    with pytest.raises(ParameterError, match=r"pip install 'hopnet\[cluster\]'"):
        hn.run_ensemble(run_file(cluster={"system": "pbs"}), tmp_path / "run")


def test_tasks_have_names_that_sort():
    assert Task("0123456789ab", 7).file_name == "0123456789ab-000007.parquet"
