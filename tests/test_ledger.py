"""The ledger: whole files or none, no stranger counted, one process a shard."""

import json
import os
import subprocess
import sys
import time

import numpy as np
import pytest

from hopnet.ensemble import heartbeat
from hopnet.ensemble import ledger as ledgers
from hopnet.ensemble.heartbeat import Heartbeat
from hopnet.ensemble.ledger import Sample, existing_ledger, open_ledger, overlap
from hopnet.errors import DataError, ParameterError
from hopnet.machine import process_start

IDENTITY = {"sites.seed": 5, "spin.tau_s": [0.0, 1.0], "sites.density": 0.1}
TASK = Sample("0123456789ab", 7)
COLUMNS = {
    "tau_s": np.array([0.0, 1.0]),
    "f": np.array([1.5, np.nan]),
    "sample": np.array([7, 7]),
    "status": np.array(["done", "done"]),
}


@pytest.fixture
def ledger(tmp_path):
    return open_ledger(tmp_path / "run", IDENTITY, "question = 'x'\n")


@pytest.fixture
def written(ledger):
    ledger.write(TASK, COLUMNS, {"seconds": 1.0})
    return ledger


def test_what_is_written_is_read(written):
    table = written.read(TASK)
    for name, values in COLUMNS.items():
        np.testing.assert_array_equal(table[name].to_numpy(), values)
    assert table.schema.field("tau_s").metadata == {b"unit": b"tau_0"}
    assert written.finished() == {"0123456789ab-000007.parquet"}
    assert written.diagnostics() == [{"seconds": 1.0}]
    again, text = existing_ledger(written.directory)
    assert again == written
    assert text == "question = 'x'\n"


def test_same_rows_same_bytes(written, tmp_path):
    other = open_ledger(tmp_path / "other", IDENTITY, "")
    other.write(TASK, COLUMNS, {"seconds": 2.0})
    assert other.path(TASK).read_bytes() == written.path(TASK).read_bytes()


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_truncated_file_is_set_aside(written, share):
    path = written.path(TASK)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(DataError, match="damaged"):
        written.read(TASK)
    (reason,) = written.inspect()
    assert "damaged" in reason
    assert written.finished() == set()
    assert len(list((written.directory / "aside").iterdir())) == 2  # rows and diagnostics


def test_no_flipped_bit_is_believed_with_other_numbers(written):
    """Flip bits all over the file: it is refused, or the numbers are untouched."""
    path = written.path(TASK)
    original = path.read_bytes()
    good = ledgers.rows_digest(written.read(TASK))
    refused = 0
    for place in range(4, len(original) - 4, 61):
        changed = bytearray(original)
        changed[place] ^= 0x10
        path.write_bytes(changed)
        try:
            assert ledgers.rows_digest(written.read(TASK)) == good, place
        except DataError:
            refused += 1
    assert refused > 5


def test_numbers_changed_by_hand_are_refused(written, tmp_path):
    """A valid Parquet file with the right labels but other numbers: only the digest can tell."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(written.path(TASK))
    forged = table.set_column(1, "f", pa.array([1.5, 2.5]))
    pq.write_table(forged.replace_schema_metadata(table.schema.metadata), written.path(TASK))
    with pytest.raises(DataError, match="digest"):
        written.read(TASK)


def test_files_of_another_run_or_task_are_strangers(written, tmp_path):
    other = open_ledger(tmp_path / "other", IDENTITY | {"sites.seed": 6}, "")
    other.write(TASK, COLUMNS, {})
    written.path(TASK).write_bytes(other.path(TASK).read_bytes())
    with pytest.raises(DataError, match="another run"):
        written.read(TASK)
    written.write(TASK, COLUMNS, {})
    moved = Sample(TASK.point, 8)
    os.rename(written.path(TASK), written.path(moved))
    with pytest.raises(DataError, match="not the one it is named for"):
        written.read(moved)
    (written.samples / "notes.parquet").write_bytes(b"")
    assert len(written.inspect()) == 2
    assert written.finished() == set()


def test_a_write_that_fails_half_way_leaves_nothing(ledger, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        ledger.write(TASK, COLUMNS, {})
    assert list(ledger.samples.iterdir()) == []


def test_a_process_killed_while_writing_leaves_no_result(ledger):
    """What a killed writer leaves behind is not taken for a result."""
    (ledger.samples / f".{TASK.file_name}.abc.part").write_bytes(b"PAR1")
    assert ledger.finished() == set()
    assert ledger.inspect() == []


def test_another_run_is_refused_and_the_difference_named(ledger):
    other = IDENTITY | {"sites.density": 0.2, "spin.tau_s": [0.0, 2.0, 3.0]}
    with pytest.raises(ParameterError) as caught:
        open_ledger(ledger.directory, other, "")
    message = str(caught.value)
    assert "sites.density (0.1 there, 0.2 here)" in message
    assert "spin.tau_s (2 times 0 .. 1 there, 3 times 0 .. 3 here)" in message
    assert "sites.seed" not in message
    assert open_ledger(ledger.directory, IDENTITY, "").identity_digest == ledger.identity_digest


def test_directories_that_cannot_serve(tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("x")
    with pytest.raises(ParameterError, match="holds files but no run"):
        open_ledger(tmp_path / "full", IDENTITY, "")
    with pytest.raises(ParameterError, match="is a file"):
        open_ledger(tmp_path / "full" / "thesis.tex", IDENTITY, "")
    with pytest.raises(ParameterError, match="cannot write"):
        open_ledger("/dev/null/results", IDENTITY, "")
    with pytest.raises(DataError, match="holds no run"):
        existing_ledger(tmp_path)


def test_read_only_directory(tmp_path):
    if os.geteuid() == 0:
        folder = "/proc/results"  # root may write anywhere else
    else:
        folder = tmp_path / "locked"
        folder.mkdir(mode=0o500)
    with pytest.raises(ParameterError, match="cannot write"):
        open_ledger(folder, IDENTITY, "")


@pytest.mark.parametrize(
    "text", ["{", "[1]", "{}", '{"identity": 3, "history": []}', '{"identity": {}, "history": [3]}']
)
def test_damaged_manifest(ledger, text):
    (ledger.directory / "manifest.json").write_text(text)
    for attempt in (existing_ledger, lambda directory: open_ledger(directory, IDENTITY, "")):
        with pytest.raises(DataError, match=r"damaged manifest\.json"):
            attempt(ledger.directory)


def test_a_manifest_that_is_removed_is_made_again_and_results_are_kept(written):
    (written.directory / "manifest.json").unlink()
    again = open_ledger(written.directory, IDENTITY, "")
    assert again.inspect() == []
    assert again.finished() == {TASK.file_name}


def test_other_damage_beside_the_results(written, monkeypatch):
    """A run.toml of bytes, marks and diagnoses that are not of their form, a file that stays."""
    ledger = written
    (ledger.directory / "run.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match=r"lost its run\.toml"):
        existing_ledger(ledger.directory)
    (ledger.running / "0-of-1.json").write_text("[]")
    assert heartbeat.heartbeats(ledger) == []
    path = next(ledger.samples.glob("*.parquet"))
    path.with_suffix(".json").write_text("3")
    assert ledger.diagnostics() == []
    path.write_bytes(b"nothing")

    def refuse(*words):
        raise PermissionError(1, "not allowed")

    monkeypatch.setattr(ledgers.os, "replace", refuse)
    with pytest.raises(DataError, match=r"could not be set aside \(not allowed\); remove it"):
        ledger.inspect()


def test_a_file_system_without_hard_links(ledger, monkeypatch):
    def refuse(*words):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(ledgers.os, "link", refuse)
    with heartbeat.Heartbeat(ledger) as heart:
        assert [path for path, _ in heartbeat.heartbeats(ledger)] == [heart.path]
    assert heartbeat.heartbeats(ledger) == []


def test_manifest_keeps_the_history_of_versions(ledger, monkeypatch):
    monkeypatch.setattr(ledgers, "versions", lambda: {"hopnet": "9.9"})
    open_ledger(ledger.directory, IDENTITY, "")
    open_ledger(ledger.directory, IDENTITY, "")
    history = ledgers.read_manifest(ledger.directory)["history"]
    assert [entry["versions"].get("hopnet") for entry in history][1:] == ["9.9"]


@pytest.mark.parametrize(
    ("a", "b", "shared"),
    [
        ((0, 1), (3, 4), True),
        ((0, 2), (1, 2), False),
        ((1, 4), (3, 6), True),
        ((0, 4), (1, 6), False),
    ],
)
def test_shards_that_share_tasks(a, b, shared):
    assert overlap(a, b) is shared
    assert shared == any(k % a[1] == a[0] and k % b[1] == b[0] for k in range(24))


@pytest.fixture
def stranger():
    """Another living process."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate()


def beat_of(process, ledger, shard=(0, 1)):
    beat = Heartbeat(ledger, shard)
    beat.content |= {"pid": process.pid, "started": process_start(process.pid)}
    beat._create()
    return beat


def test_two_processes_do_not_share_a_shard(ledger, stranger):
    beat_of(stranger, ledger)
    with pytest.raises(ParameterError, match=f"pid {stranger.pid}"), Heartbeat(ledger):
        pass
    with pytest.raises(ParameterError, match="at work"), Heartbeat(ledger, (1, 3)):
        pass
    stranger.kill()
    stranger.wait()
    with Heartbeat(ledger) as heart:  # the dead do not hold a directory
        heart.beat(n_running=1)
        assert json.loads(heart.path.read_text())["n_running"] == 1
    assert list(ledger.running.iterdir()) == []


def test_disjoint_shards_work_side_by_side(ledger, stranger):
    beat_of(stranger, ledger, (0, 2))
    with Heartbeat(ledger, (1, 2)):
        assert len(heartbeat.heartbeats(ledger)) == 2


def test_the_first_of_two_wins_a_race(ledger, stranger):
    """Both have seen an empty directory; the file system decides."""
    beat_of(stranger, ledger)
    with pytest.raises(ParameterError, match="at work"):
        Heartbeat(ledger)._create()


def test_processes_of_other_machines_are_judged_by_their_age(ledger):
    beat = Heartbeat(ledger)
    beat.content |= {"host": "elsewhere"}
    beat._create()
    with pytest.raises(ParameterError, match="on elsewhere"), Heartbeat(ledger):
        pass
    old = time.time() - 2 * heartbeat.STALE
    os.utime(beat.path, (old, old))
    with Heartbeat(ledger):
        pass


def test_a_reused_pid_is_not_the_process_that_had_it(ledger, stranger):
    beat = beat_of(stranger, ledger)
    content = json.loads(beat.path.read_text())
    assert heartbeat.is_alive(beat.path, content)
    assert not heartbeat.is_alive(beat.path, content | {"started": content["started"] - 1})
