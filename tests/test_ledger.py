"""The ledger: whole files or none, no foreign file counted, one process per shard."""

import errno
import json
import os
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from hopnet.ensemble import heartbeat
from hopnet.ensemble import manifest as manifests
from hopnet.ensemble.batches import Batch
from hopnet.ensemble.heartbeat import Beat, Heartbeat, overlap
from hopnet.ensemble.ledger import open_ledger
from hopnet.ensemble.manifest import read_manifest, read_run_text
from hopnet.ensemble.tables import UnreadableFileError, table_of
from hopnet.errors import DataError, ParameterError
from hopnet.machine import process_start

IDENTITY = {"sites.seed": 5, "spin.tau_s": [0.0, 1.0], "sites.density": 0.1}
SAMPLE = Batch("0123456789ab", 7, 7)
COLUMNS = {
    "tau_s": np.array([0.0, 1.0]),
    "f": np.array([1.5, np.nan]),
    "sample": np.array([7, 7]),
    "status": np.array(["done", "done"]),
}


def new_ledger(directory, identity):
    ledger = open_ledger(directory, identity)
    ledger.record(identity, "question = 'x'\n")
    return ledger


def clean(ledger):
    return ledger.clean(ledger.examine())


@pytest.fixture
def ledger(tmp_path):
    return new_ledger(tmp_path / "run", IDENTITY)


@pytest.fixture
def written(ledger):
    ledger.write(SAMPLE, table_of(COLUMNS), {"seconds": 1.0})
    return ledger


def test_what_is_written_is_read(written):
    table = written.read(SAMPLE)
    for name, values in COLUMNS.items():
        np.testing.assert_array_equal(table[name].to_numpy(), values)
    assert table.schema.field("tau_s").metadata == {b"unit": b"tau_0"}
    assert written.finished() == {"0123456789ab-000007.parquet"}
    assert written.diagnostics(SAMPLE) == {"seconds": 1.0}
    assert read_manifest(written.directory).identity == IDENTITY
    text = read_run_text(written.directory, written.identity_digest)
    assert text.startswith("question = 'x'\n# hopnet: run ")


def test_same_rows_same_bytes(written, tmp_path):
    other = new_ledger(tmp_path / "other", IDENTITY)
    other.write(SAMPLE, table_of(COLUMNS), {"seconds": 2.0})
    assert other.path(SAMPLE).read_bytes() == written.path(SAMPLE).read_bytes()


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_truncated_file_is_set_aside(written, share):
    path = written.path(SAMPLE)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(DataError, match="damaged"):
        written.read(SAMPLE)
    (reason,) = clean(written)
    assert "damaged" in reason
    assert written.finished() == set()
    aside = sorted(p.name for p in (written.directory / "aside" / "001").iterdir())
    assert aside == [path.with_suffix(".json").name, path.name], "the names are kept"


def test_every_flipped_bit_is_noticed(written):
    """One bit of every byte of the file, also of those that hold units or nothing: refused."""
    path = written.path(SAMPLE)
    original = path.read_bytes()
    for place in range(len(original)):
        changed = bytearray(original)
        changed[place] ^= 1 << (place % 8)
        path.write_bytes(changed)
        with pytest.raises(DataError, match="damaged"):
            written.read(SAMPLE)
    path.write_bytes(original)
    written.read(SAMPLE)


def test_every_flipped_bit_of_the_diagnostics_is_noticed(written):
    """The file of diagnostics is read as it was written, or not at all."""
    path = written.path(SAMPLE).with_suffix(".json")
    original = path.read_bytes()
    good = written.diagnostics(SAMPLE)
    assert good is not None
    for place in range(len(original)):
        changed = bytearray(original)
        changed[place] ^= 1 << (place % 8)
        path.write_bytes(changed)
        assert written.diagnostics(SAMPLE) in (None, good), place


def test_numbers_changed_by_hand_are_refused(written, tmp_path):
    """A valid Parquet file with the right labels but other numbers: only its digest shows it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(written.path(SAMPLE))
    forged = table.set_column(1, "f", pa.array([1.5, 2.5]))
    pq.write_table(forged.replace_schema_metadata(table.schema.metadata), written.path(SAMPLE))
    with pytest.raises(DataError, match="digest"):
        written.read(SAMPLE)


def test_files_of_another_run_or_task_are_strangers(written, tmp_path):
    other = new_ledger(tmp_path / "other", IDENTITY | {"sites.seed": 6})
    other.write(SAMPLE, table_of(COLUMNS), {})
    written.path(SAMPLE).write_bytes(other.path(SAMPLE).read_bytes())
    with pytest.raises(DataError, match="another run"):
        written.read(SAMPLE)
    written.write(SAMPLE, table_of(COLUMNS), {})
    moved = Batch(SAMPLE.point, 8, 8)
    os.rename(written.path(SAMPLE), written.path(moved))
    with pytest.raises(DataError, match="another sample"):
        written.read(moved)
    written.write(SAMPLE, table_of(COLUMNS), {})
    (written.samples / "notes.parquet").write_bytes(b"")
    assert len(clean(written)) == 2
    assert written.finished() == {SAMPLE.file_name}


def test_when_every_file_looks_foreign_nothing_is_moved(written):
    """One digit of a manifest made all files look foreign once, and all were moved."""
    stranger = open_ledger(written.directory.parent / "s", IDENTITY | {"sites.seed": 6})
    for file in written.samples.iterdir():
        (stranger.samples / file.name).write_bytes(file.read_bytes())
    with pytest.raises(DataError, match="nothing was moved"):
        clean(stranger)
    assert stranger.finished() == {SAMPLE.file_name}


def test_set_aside_files_are_put_back_by_one_call(written):
    path = written.path(SAMPLE)
    good = path.read_bytes()
    path.write_bytes(good[:-1])
    clean(written)
    (aside,) = written.set_aside_files()
    restored, left = written.restore()
    assert not restored
    assert "damaged" in left[0]
    aside.write_bytes(good)
    assert written.restore() == ([SAMPLE.file_name], [])
    assert path.read_bytes() == good
    assert path.with_suffix(".json").exists()
    assert not written.aside.exists()


@pytest.mark.parametrize("code", [errno.EIO, errno.EACCES, errno.EMFILE])
def test_a_file_that_cannot_be_read_is_not_damaged(written, monkeypatch, code):
    """A failing disk, missing rights or too many open files say nothing about the content."""

    def fail(path):
        raise OSError(code, os.strerror(code), str(path))

    monkeypatch.setattr(type(written.directory), "read_bytes", fail)
    with pytest.raises(UnreadableFileError, match="nothing was moved"):
        clean(written)
    monkeypatch.undo()
    assert written.finished() == {SAMPLE.file_name}


def test_a_write_that_fails_half_way_leaves_nothing(ledger, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        ledger.write(SAMPLE, table_of(COLUMNS), {})
    assert list(ledger.samples.iterdir()) == []


def test_a_process_killed_while_writing_leaves_no_result(ledger):
    """What a killed writer leaves behind is not taken for a result."""
    (ledger.samples / f".{SAMPLE.file_name}.abc.part").write_bytes(b"PAR1")
    assert ledger.finished() == set()
    assert clean(ledger) == []
    assert ledger.sweep() == 1
    assert list(ledger.samples.iterdir()) == []


def test_another_run_is_refused_and_the_difference_named(ledger):
    other = IDENTITY | {"sites.density": 0.2, "spin.tau_s": [0.0, 2.0, 3.0]}
    with pytest.raises(ParameterError) as caught:
        open_ledger(ledger.directory, other)
    message = str(caught.value)
    assert "sites.density (0.1 there, 0.2 here)" in message
    assert "spin.tau_s (2 times 0 .. 1 there, 3 times 0 .. 3 here)" in message
    assert "sites.seed" not in message
    assert open_ledger(ledger.directory, IDENTITY).identity_digest == ledger.identity_digest
    grids = ([0.0, 1.0, 2.0], [0.0, 1.5, 2.0])
    assert manifests.grid_words(*grids) == ("1.0 in place 1", "1.5 in place 1")


def test_directories_that_cannot_serve(tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("x")
    with pytest.raises(ParameterError, match="holds files but no run"):
        open_ledger(tmp_path / "full", IDENTITY)
    with pytest.raises(ParameterError, match="is a file"):
        open_ledger(tmp_path / "full" / "thesis.tex", IDENTITY)
    with pytest.raises(ParameterError, match="cannot write"):
        open_ledger("/dev/null/results", IDENTITY)
    with pytest.raises(DataError, match="holds no run"):
        read_manifest(tmp_path)


def test_read_only_directory(tmp_path):
    if os.geteuid() == 0:
        folder = "/proc/results"  # root may write anywhere else
    else:
        folder = tmp_path / "locked"
        folder.mkdir(mode=0o500)
    with pytest.raises(ParameterError, match="cannot write"):
        open_ledger(folder, IDENTITY)


MANIFESTS = [
    "{",
    "[1]",
    "{}",
    "[" * 100_000,
    '{"identity": 3, "history": []}',
    '{"identity": {}, "history": [3]}',
    '{"identity": {"a": 1}, "history": {}, "digest": "", "config_hash": ""}',
    '{"identity": {"a": 1}, "history": [{"versions": "x", "processor": "y"}]}',
    '{"identity": {"a": 1}, "history": [], "digest": [], "config_hash": null}',
]


@pytest.mark.parametrize("text", MANIFESTS, ids=range(len(MANIFESTS)))
def test_a_damaged_manifest_is_named_and_made_again(written, text):
    (written.directory / "manifest.json").write_text(text)
    with pytest.raises(DataError, match=r"damaged manifest\.json"):
        read_manifest(written.directory)
    again = open_ledger(written.directory, IDENTITY)
    assert clean(again) == []
    again.record(IDENTITY, "")
    assert read_manifest(written.directory).identity == IDENTITY
    assert again.finished() == {SAMPLE.file_name}


def test_every_changed_digit_of_a_manifest_is_noticed(ledger):
    path = ledger.directory / "manifest.json"
    whole = path.read_text()
    for place, character in enumerate(whole):
        if character.isdigit():
            path.write_text(whole[:place] + str((int(character) + 1) % 10) + whole[place + 1 :])
            with pytest.raises(DataError, match="damaged"):
                read_manifest(ledger.directory)


def test_every_changed_character_of_a_run_file_is_noticed(ledger):
    path = ledger.directory / "run.toml"
    whole = path.read_bytes()
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 1
        path.write_bytes(changed)
        with pytest.raises(DataError, match=r"run\.toml"):
            read_run_text(ledger.directory, ledger.identity_digest)


def test_a_manifest_that_is_removed_is_made_again_and_results_are_kept(written):
    (written.directory / "manifest.json").unlink()
    again = open_ledger(written.directory, IDENTITY)
    assert clean(again) == []
    assert again.finished() == {SAMPLE.file_name}


def test_other_damage_beside_the_results(written, monkeypatch):
    """A run.toml of bytes, a diagnosis that is not of its form, a file that cannot be moved."""
    (written.directory / "run.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match=r"damaged run\.toml"):
        read_run_text(written.directory, written.identity_digest)
    written.path(SAMPLE).with_suffix(".json").write_text("3")
    written.path(SAMPLE).write_bytes(b"nothing")

    def refuse(*words):
        raise PermissionError(1, "not allowed")

    monkeypatch.setattr(os, "rename", refuse)
    with pytest.raises(DataError, match=r"could not be set aside \(not allowed\)"):
        clean(written)


@pytest.mark.parametrize("kind", ["dangling link", "folder", "pipe"])
def test_only_regular_files_are_finished(ledger, kind):
    path = ledger.path(SAMPLE)
    if kind == "dangling link":
        path.symlink_to("nowhere.parquet")
    elif kind == "folder":
        path.mkdir()
    else:
        os.mkfifo(path)
    assert ledger.finished() == set()
    if kind != "folder":
        ledger.write(SAMPLE, table_of(COLUMNS), {})
        assert ledger.finished() == {SAMPLE.file_name}


def test_what_a_crash_leaves_before_the_manifest_is_entered_again(tmp_path):
    for names in ((), ("samples",), ("samples", "running")):
        folder = tmp_path / "-".join(("run", *names))
        for name in names:
            (folder / name).mkdir(parents=True)
        new_ledger(folder, IDENTITY)
    (tmp_path / "mine" / "samples").mkdir(parents=True)
    (tmp_path / "mine" / "thesis.tex").write_text("")
    with pytest.raises(ParameterError, match="holds files but no run"):
        open_ledger(tmp_path / "mine", IDENTITY)


@pytest.mark.parametrize(
    "code", ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EINVAL", "EMLINK"], ids=str
)
def test_a_file_system_without_hard_links(ledger, monkeypatch, code):
    def refuse(*words):
        raise OSError(getattr(errno, code), "no links here")

    monkeypatch.setattr(os, "link", refuse)
    with Heartbeat(ledger) as heart:
        assert [beat.path for beat in heartbeat.heartbeats(ledger)] == [heart.path]
        with pytest.raises(ParameterError, match="at work"):
            Heartbeat(ledger)._create()
    assert heartbeat.heartbeats(ledger) == []


def test_manifest_keeps_the_history_of_versions(ledger, monkeypatch):
    monkeypatch.setattr(manifests, "versions", lambda: {"hopnet": "9.9"})
    ledger.record(IDENTITY, "")
    ledger.record(IDENTITY, "")
    history = read_manifest(ledger.directory).history
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
    beat_of(stranger, ledger)
    (beat,) = heartbeat.heartbeats(ledger)
    assert heartbeat.is_alive(beat)
    assert not heartbeat.is_alive(replace(beat, started=beat.started - 1))


def test_a_heartbeat_dated_ahead_locks_a_directory_for_a_minute_only(ledger):
    beat = Heartbeat(ledger)
    beat.content |= {"host": "elsewhere"}
    beat._create()
    ahead = time.time() + 1e6
    os.utime(beat.path, (ahead, ahead))
    with Heartbeat(ledger):
        pass


UNREADABLE = [
    "",
    "{",
    "[]",
    "[" * 100_000,
    '{"host": "h", "pid": "x", "started": 1, "since": 1, "shard": [0, 1]}',
    '{"host": "h", "pid": null, "started": 1, "since": 1, "shard": [0, 1]}',
    '{"host": "h", "pid": 1099511627776, "started": 1, "since": 1, "shard": [0, 1]}',
    '{"host": "h", "pid": 7, "started": null, "since": 1, "shard": [0, 1]}',
    '{"host": "h", "pid": 7, "started": 1, "since": 1, "shard": []}',
    '{"host": "h", "pid": 7, "started": 1, "since": 1, "shard": null}',
    '{"host": "h", "pid": 7, "started": 1, "since": 1, "shard": [1, 0]}',
    '{"host": 7, "pid": 7, "started": 1, "since": 1e999, "shard": [0, 1]}',
]


@pytest.mark.parametrize("text", UNREADABLE, ids=range(len(UNREADABLE)))
def test_a_heartbeat_that_cannot_be_read_counts_by_its_age(ledger, text):
    """A power cut may leave an empty one; it must not lock the directory for ever."""
    path = ledger.running / "0-of-1.json"
    path.write_text(text)
    assert heartbeat.heartbeats(ledger) == [Beat(path)]
    with pytest.raises(ParameterError, match="cannot be read"), Heartbeat(ledger):
        pass
    old = time.time() - 2 * heartbeat.STALE
    os.utime(path, (old, old))
    with Heartbeat(ledger):
        pass


def test_shards_of_another_plan_are_refused(ledger, stranger):
    """They would overwrite each other's run.toml."""
    beat = Heartbeat(ledger, (0, 2), "one")
    beat.content |= {"pid": stranger.pid, "started": process_start(stranger.pid)}
    beat._create()
    with pytest.raises(ParameterError, match="same run file"), Heartbeat(ledger, (1, 2), "two"):
        pass
    with Heartbeat(ledger, (1, 2), "one"):
        pass
