"""Batches: many samples per task and per file; the same tables for any size; nothing is lost."""

import contextlib
import os
import signal
import time
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import hopnet as hn
from hopnet.ensemble import engines, stages, tables, tasks
from hopnet.ensemble.batches import Batch, batch_of, content_of, merge_rows, number_words
from hopnet.ensemble.config import as_toml, config_from_dict
from hopnet.ensemble.heartbeat import Heartbeat
from hopnet.ensemble.ledger import open_ledger
from hopnet.ensemble.marks import Marker, read_mark
from hopnet.ensemble.plan import MOST_FILES, Progress, batch_size
from hopnet.ensemble.results import collect, run_status
from hopnet.ensemble.stages import finished_samples
from hopnet.ensemble.tasks import Task, do_task
from hopnet.ensemble.workers import local_processes
from hopnet.errors import DataError, ParameterError
from hopnet.machine import versions
from run_samples import Recorder, files_of, run_file, tables_of


def small(batch=None, samples=12, **tables):
    ensemble = {"batch": batch} if batch else {}
    return run_file(n_sites=300, samples=samples, **{"ensemble": ensemble, **tables})


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The tables of a run with one sample per file."""
    directory = tmp_path_factory.mktemp("undisturbed") / "run"
    hn.run_ensemble(small(1), directory)
    assert len(files_of(directory)) == 24
    return tables_of(directory)


# Names, sizes, rows.


def test_names_of_files_say_what_they_may_hold():
    batch = Batch("0123456789ab", 500, 999)
    assert batch.file_name == "0123456789ab-000500-000999.parquet"
    assert batch_of(batch.file_name) == batch
    assert batch_of("0123456789ab-000007.parquet") == Batch("0123456789ab", 7, 7)
    for name in (
        "0123456789ab-7.parquet",
        "0123456789ab-000009-000003.parquet",
        "0123456789ab-000007-000007.parquet",
        "0123456789ag-000007.parquet",
        "0123456789ab-000007.json",
    ):
        assert batch_of(name) is None
    assert number_words([3]) == "#3"
    assert number_words(range(500)) == "#0 to #499 (500 samples)"


@pytest.mark.parametrize(
    ("n_sites", "samples", "low", "high"),
    [
        (1000, 28, 1, 1),  # all workers have work
        (1000, 10_000, 50, 100),
        (1000, 1_000_000, 1000, 1000),  # at most 1000 files
        (1_000_000, 1000, 1, 1),
        (100_000, 20_000, 20, 20),
    ],
)
def test_a_task_takes_seconds_and_a_run_has_few_files(n_sites, samples, low, high):
    table = small(samples=samples, sites={"n_sites": n_sites})
    del table["scan"]
    config = config_from_dict(table)
    size = batch_size(config, config.points()[0], samples)
    assert low <= size <= high
    assert -(-samples // size) <= max(MOST_FILES, samples // 20)
    assert batch_size(config_from_dict(small(7)), config.points()[0], samples) == 7


def rows(numbers, status="done", f=1.0):
    n = 2 * len(numbers)
    return pa.table(
        {
            "sample": np.repeat(np.array(numbers, dtype=np.int64), 2),
            "tau_s": np.tile([0.0, 1.0], len(numbers)),
            "f": np.full(n, f),
            "status": [status] * n,
        }
    )


def test_rows_are_merged_by_sample_and_what_is_done_stays():
    both = merge_rows(rows([4, 9], f=1.0), rows([2, 9], f=2.0))
    assert both["sample"].to_pylist() == [2, 2, 4, 4, 9, 9]
    assert both["f"].to_pylist() == [2.0, 2.0, 1.0, 1.0, 2.0, 2.0], "the newer one"
    both = merge_rows(rows([4, 9]), rows([9], status="MemoryError"))
    assert both["status"].to_pylist() == ["done"] * 4
    both = merge_rows(rows([4], status="MemoryError"), rows([4]))
    assert both["status"].to_pylist() == ["done"] * 2


@pytest.mark.parametrize(
    "table",
    [
        rows([3, 10]),
        rows([1, 3]),
        rows([]),
        rows([4, 3]),
        rows([3, 4]).slice(0, 3),
        rows([3]).set_column(0, "sample", pa.array([3.0, 3.0])),
    ],
    ids=["above", "below", "empty", "order", "rows", "type"],
)
def test_a_file_with_other_rows_than_its_name_says_is_damaged(tmp_path, table):
    batch = Batch("0123456789ab", 2, 9)
    assert content_of(batch, rows([2, 5, 9])).numbers.tolist() == [2, 5, 9]
    with pytest.raises(ValueError, match=r"."):
        content_of(batch, table)
    ledger = open_ledger(tmp_path / "run", {"a": 1})
    ledger.write(batch, table, {})
    found = ledger.examine()
    assert list(found.damaged) == [batch.file_name]


# The same tables for any size of the batches.


@pytest.mark.parametrize("batch", [2, 5, 12, 100])
def test_tables_do_not_depend_on_the_size_of_the_batches(undisturbed, tmp_path, batch):
    hn.run_ensemble(small(batch), tmp_path / "run")
    assert len(files_of(tmp_path / "run")) == 2 * -(-12 // batch)
    assert tables_of(tmp_path / "run") == undisturbed


def test_tables_do_not_depend_on_how_they_are_gathered(undisturbed, tmp_path, monkeypatch):
    """Row by row from files that are read again, in groups of seven rows."""
    hn.run_ensemble(small(5), tmp_path / "run")
    frame = hn.read_results(tmp_path / "run")
    monkeypatch.setattr("hopnet.ensemble.ledger.KEPT_ROWS", 0)
    collect(tmp_path / "run")
    assert tables_of(tmp_path / "run") == undisturbed
    monkeypatch.setattr(tables, "GROUP", 7)
    collect(tmp_path / "run")
    others = tables_of(tmp_path / "run")
    assert others["summary.csv"] == undisturbed["summary.csv"]
    assert others["statistics.csv"] == undisturbed["statistics.csv"]
    pd.testing.assert_frame_equal(hn.read_results(tmp_path / "run"), frame, check_exact=True)
    assert run_status(tmp_path / "run")["tables"] == []


def test_growth_with_other_batches_keeps_what_is_there(undisturbed, tmp_path, monkeypatch):
    """3 samples in one file each, 7 in batches of 5, 12 in batches of 4: each computed once."""
    counted = []
    plain = tasks.compute_sample

    def counting(point, number, **options):
        counted.append((point.name, number))
        return plain(point, number, **options)

    monkeypatch.setattr(tasks, "compute_sample", counting)
    for batch, samples in ((1, 3), (5, 7), (4, 12), (6, 12)):
        hn.run_ensemble(small(batch, samples), tmp_path / "run")
        facts = run_status(tmp_path / "run")
        assert (facts["n_done"], facts["n_missing"]) == (2 * samples, 0)
    assert len(counted) == len(set(counted)) == 24
    assert tables_of(tmp_path / "run") == undisturbed
    hn.run_ensemble(small(6, 5), tmp_path / "run")
    assert len(hn.read_results(tmp_path / "run")) == 2 * 5 * 3


def test_shards_take_whole_batches_and_do_not_collect(undisturbed, tmp_path):
    for i in (2, 0, 1):
        assert hn.run_ensemble(small(2), tmp_path / "run", shard=(i, 3)).empty
    assert not (tmp_path / "run" / "summary.csv").exists()
    collect(tmp_path / "run")
    assert tables_of(tmp_path / "run") == undisturbed


def test_workers_compute_batches(undisturbed, tmp_path):
    recorder = Recorder()
    hn.run_ensemble(small(3), tmp_path / "run", workers=2, listener=recorder)
    assert tables_of(tmp_path / "run") == undisturbed
    assert [report.counts for report in recorder.reports] == [{"done": 3}] * 8
    assert not list((tmp_path / "run" / "running").iterdir())


def test_target_error_with_batches(tmp_path):
    stop = {"target_error": 0.02, "max_samples": 12}
    for name, batch in (("one", 1), ("five", 5)):
        hn.run_ensemble(small(batch, 4, ensemble={"batch": batch, **stop}), tmp_path / name)
    assert len(hn.read_results(tmp_path / "one")) > 2 * 4 * 3
    assert tables_of(tmp_path / "five") == tables_of(tmp_path / "one")


# Nothing that has been computed is lost.


def stopping(monkeypatch, failure, after):
    """Let a run end with an error of ours after some samples."""
    plain, counted = tasks.compute_sample, []

    def compute(point, number, **options):
        if len(counted) == after:
            raise failure
        counted.append(number)
        return plain(point, number, **options)

    monkeypatch.setattr(tasks, "compute_sample", compute)
    return counted


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), SystemExit(143)], ids=repr)
def test_an_interrupted_batch_keeps_its_samples(undisturbed, tmp_path, monkeypatch, failure):
    stopping(monkeypatch, failure, 7)
    with pytest.raises(type(failure)):
        hn.run_ensemble(small(12), tmp_path / "run")
    monkeypatch.undo()
    assert run_status(tmp_path / "run")["n_done"] == 7
    counted = stopping(monkeypatch, RuntimeError("more than is missing"), 17)
    hn.run_ensemble(small(12), tmp_path / "run")
    assert len(counted) == 17
    assert tables_of(tmp_path / "run") == undisturbed
    assert len(files_of(tmp_path / "run")) == 2


def test_a_batch_is_written_at_intervals(tmp_path, monkeypatch):
    """What is on disk while a batch is computed: a killed process loses no more than the rest."""
    monkeypatch.setattr(tasks, "WRITE_EVERY", 0.0)
    config = config_from_dict(small(12))
    ledger = open_ledger(tmp_path / "run", config.identity())
    ledger.record(config.identity(), as_toml(config))
    seen = []
    plain = tasks.compute_sample

    def looking(point, number, **options):
        seen.append(sum(c.numbers.size for c in ledger.examine().contents.values()))
        return plain(point, number, **options)

    monkeypatch.setattr(tasks, "compute_sample", looking)
    report = do_task(Task(ledger, config.points()[0], range(12), versions()))
    assert seen == list(range(12))
    assert report.counts == {"done": 12}


def test_a_late_writer_adds_and_removes_nothing(tmp_path):
    """A worker that was believed to be dead writes its part after the batch is complete."""
    config = config_from_dict(small(6))
    ledger = open_ledger(tmp_path / "run", config.identity())
    task = Task(ledger, config.points()[0], range(6), versions())
    late = tasks.Progressing(task, 1)
    late.settled()
    late.add(1, tasks.one_result(task, 1, 1, {}))
    do_task(task)
    complete = ledger.path(task.batch).read_bytes()
    late.write()
    assert ledger.path(task.batch).read_bytes() == complete


def test_a_damaged_batch_is_set_aside_and_computed_again(undisturbed, tmp_path):
    hn.run_ensemble(small(5), tmp_path / "run")
    path = sorted((tmp_path / "run" / "samples").glob("*.parquet"))[1]
    path.write_bytes(path.read_bytes()[:-9])
    assert run_status(tmp_path / "run")["n_damaged"] == 1
    hn.run_ensemble(small(5), tmp_path / "run")
    assert tables_of(tmp_path / "run") == undisturbed


def test_failed_samples_of_batches_are_named_and_computed_again(undisturbed, tmp_path, monkeypatch):
    from hopnet.ensemble import sample

    plain = sample.sample_network

    def network(point, number):
        if number in (3, 8):
            raise MemoryError("too large")
        return plain(point, number)

    monkeypatch.setattr(sample, "sample_network", network)
    recorder = Recorder()
    hn.run_ensemble(small(6), tmp_path / "run", listener=recorder)
    assert recorder.reports[0].counts == {"done": 5, "MemoryError": 1}
    assert (recorder.reports[0].status, recorder.reports[0].reason) == ("MemoryError", "too large")
    facts = run_status(tmp_path / "run")
    assert facts["failures"] == {"MemoryError": 4}
    assert facts["failed"][0] == "density = 0.1 #3: MemoryError"
    monkeypatch.undo()
    recorder = Recorder()
    hn.run_ensemble(small(6), tmp_path / "run", listener=recorder)
    assert recorder.reports == [], "only on demand"
    hn.run_ensemble(small(4), tmp_path / "run", retry=True, listener=recorder)
    assert sum(len(report.task.numbers) for report in recorder.reports) == 4
    assert run_status(tmp_path / "run")["n_failed"] == 0
    assert tables_of(tmp_path / "run") == undisturbed


# Marks: which sample a worker computed when it died.


def test_marks_count_the_deaths_on_one_sample(tmp_path):
    path = tmp_path / ".at.x"

    def die_at(*numbers):
        marker = Marker(path).__enter__()
        for number in numbers:
            marker.at(number)
        os.close(marker.handle)

    die_at(0, 1, 2)
    assert (read_mark(path).number, read_mark(path).deaths_if_dead()) == (2, 1)
    die_at(1, 2)
    assert read_mark(path).deaths_if_dead() == 2
    die_at(1)
    assert read_mark(path).deaths_if_dead() == 1, "another one"
    with Marker(path) as marker:
        marker.at(7)
        assert read_mark(path).pid == os.getpid()
    assert read_mark(path) is None
    path.write_text("3 x")
    assert read_mark(path) is None


@pytest.mark.slow
def test_a_deadly_sample_does_not_take_its_batch_with_it(undisturbed, tmp_path, monkeypatch):
    """Workers die on one sample of a batch of twelve: it fails, the eleven others are computed."""
    config = config_from_dict(small(12))
    ledger = open_ledger(tmp_path / "run", config.identity())
    ledger.record(config.identity(), as_toml(config))
    tasks_ = [Task(ledger, point, range(12), versions()) for point in config.points()]

    def deadly(task):
        from hopnet.ensemble import tasks

        plain = tasks.compute_sample

        def compute(point, number, **options):
            if number == 5 and point.n_samples == 12 and point.physical["sites.density"] == 0.1:
                os.kill(os.getpid(), signal.SIGKILL)
            return plain(point, number, **options)

        tasks.compute_sample = compute
        try:
            return engines.do_task_alone(task)
        finally:
            tasks.compute_sample = plain

    recorder = Recorder()
    with Heartbeat(ledger), local_processes(2, recorder) as (client, own):
        reports = list(engines.run_with_dask(client, tasks_, recorder, workers=own, do=deadly))
    assert sum(sum(report.counts.values()) for report in reports) == 24
    assert [r.task.numbers for r in reports if r.status == "WorkerDied"] == [(5,)]
    assert run_status(ledger.directory)["failures"] == {"WorkerDied": 1}
    hn.run_ensemble(config, ledger.directory, retry=True)
    assert tables_of(ledger.directory) == undisturbed


@pytest.mark.slow
def test_a_sample_beyond_its_limit_does_not_take_its_batch_with_it(tmp_path, monkeypatch):
    """It hangs where its time limit does not act: its worker is ended, the others are computed."""
    from hopnet.ensemble import workers

    monkeypatch.setattr(workers, "OVERTIME_SECONDS", 8.0)
    config = config_from_dict(small(6, 6, ensemble={"batch": 6, "time_limit": 1.0}))
    ledger = open_ledger(tmp_path / "run", config.identity())
    ledger.record(config.identity(), as_toml(config))
    one = Task(ledger, config.points()[0], range(6), versions(), False, 1.0)

    def hanging(task):
        from hopnet.ensemble import tasks

        plain = tasks.compute_sample

        def compute(point, number, **options):
            end = time.monotonic() + (200 if number == 2 else 0)
            while time.monotonic() < end:
                with contextlib.suppress(Exception):
                    time.sleep(0.1)
            return plain(point, number, **options)

        tasks.compute_sample = compute
        try:
            return engines.do_task_alone(task)
        finally:
            tasks.compute_sample = plain

    recorder = Recorder()
    with Heartbeat(ledger), local_processes(1, recorder) as (client, own):
        reports = list(engines.run_with_dask(client, [one], recorder, workers=own, do=hanging))
    assert [(r.status, r.task.numbers) for r in reports if r.status != "done"] == [
        ("TimeLimitError", (2,))
    ]
    assert sum(r.counts.get("done", 0) for r in reports) == 5


# Large tables: pieces, digests, statistics by columns.


def test_long_tables_are_written_in_pieces_and_verified(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "GROUP", 5)
    whole = rows(range(9))
    label = {"hopnet.table": "x"}
    for name, pieces in (("one", [whole]), ("many", [whole.slice(k, 2) for k in range(0, 18, 2)])):
        assert tables.write_pieces(tmp_path / name, iter(pieces), label) == 18
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "many.parquet").read_bytes()
    assert (tmp_path / "one.csv").read_text() == whole.to_pandas().to_csv(index=False)
    path = tmp_path / "one.parquet"
    assert tables.read_table(path, label).equals(whole)
    assert tables.check_file(path, label)["hopnet.table"] == "x"
    with pytest.raises(tables.ForeignFileError):
        tables.check_file(path, {"hopnet.table": "y"})
    good = path.read_bytes()
    for place in range(0, len(good), 7):
        path.write_bytes(good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])
        for check in (tables.check_file, tables.read_table):
            with pytest.raises(DataError, match="damaged"):
                check(path, label)
    with pytest.raises(DataError, match="different columns"):
        tables.write_pieces(tmp_path / "odd", iter([whole, whole.select(["f"])]), label)


def test_finished_samples_prefer_what_is_done():
    files = {
        "0123456789ab-000000-000004.parquet": ([0, 1, 2], {1: "MemoryError"}),
        "0123456789ab-000001.parquet": ([1], {}),
        "0123456789ab-000002-000003.parquet": ([2, 3], {}),
    }
    contents = {
        name: SimpleNamespace(batch=batch_of(name), numbers=np.array(n), failed=failed)
        for name, (n, failed) in files.items()
    }
    there = finished_samples(SimpleNamespace(contents=contents))["0123456789ab"]
    assert there.numbers.tolist() == [0, 1, 2, 3]
    assert there.place.tolist() == [0, 1, 0, 2]
    assert there.failed == {}
    assert there.first(2).tolist() == [0, 1]
    assert stages.NOTHING.first(5).size == 0


def test_progress_counts_samples():
    progress = Progress({"a": (1.0, 10), "b": (3.0, 2)}, 1)
    assert progress.facts()["n_tasks"] == 12
    progress.count("a", {"done": 9, "MemoryError": 1})
    facts = progress.facts()
    assert facts["n_ended"] == 10
    assert facts["fraction"] == pytest.approx(10 / 16)
    assert facts["by_status"] == {"done": 9, "MemoryError": 1}
    progress.count("b", {"done": 2})
    assert progress.facts()["seconds_left"] == 0.0


def test_statistics_need_a_row_for_each_sample_and_time(tmp_path):
    frame = rows([0, 1]).to_pandas()
    with pytest.raises(ParameterError, match="one row for each sample and tau_s"):
        hn.ensemble.summarise(frame.iloc[:3], [])
