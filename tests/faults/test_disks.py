"""Disks that fill or fail under a run: one sentence, and the same command continues the run."""

import os
import shutil
import subprocess
import sys

import pytest

import hopnet as hn
from faults.injector import seeds
from hopnet.ensemble.config import as_toml, config_from_dict
from run_samples import files_of, run_file, tables_of

MAIN = [sys.executable, "-m", "hopnet.cli.main"]
TABLE = run_file(n_sites=300, samples=12)


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """(run file on disk, files of the samples, tables) of an undisturbed run."""
    folder = tmp_path_factory.mktemp("good")
    (folder / "x.toml").write_text(as_toml(config_from_dict(TABLE)))
    hn.run_ensemble(TABLE, folder / "run")
    return folder / "x.toml", files_of(folder / "run"), tables_of(folder / "run")


def call(*words, before=()):
    command = [*map(str, before), *MAIN, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def disk(tmp_path):
    """A file system in memory of 96 kB; only the administrator can make one."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=96k", "tmpfs", str(place)]
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("only the administrator may mount a file system")
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("this system does not allow to mount a file system")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.slow
@pytest.mark.parametrize("n_workers", [1, 2])
def test_a_full_disk_stops_a_run_that_continues_with_room(good, disk, n_workers):
    path, files, tables = good
    words = ["run", path, "--out", disk / "run", "--workers", n_workers, "--no-figures"]
    code, said = call(*words)
    assert code == 2
    assert "cannot write to" in said
    assert "No space left" in said
    kept = files_of(disk / "run")
    assert 0 < len(kept) < len(files)
    assert kept.items() <= files.items(), "what is there is whole"
    assert call("status", disk / "run")[0] == 0
    assert call(*words)[0] == 2, "the same sentence again, nothing worse"
    subprocess.run(["mount", "-o", "remount,size=20m", str(disk)], check=True)
    assert call(*words)[0] == 0
    assert files_of(disk / "run") == files
    assert tables_of(disk / "run") == tables
    assert not list(disk.rglob("*.part"))
    assert not list((disk / "run" / "running").iterdir())


def failing(tmp_path, fault, path=None):
    """The beginning of a command whose system calls fail."""
    if not shutil.which("strace"):
        pytest.skip("needs strace")
    begin = ["strace", "-f", "-qq", "-o", tmp_path / "log", "-e", f"trace={fault.split(':')[0]}"]
    begin += ["-e", f"inject={fault}", *(["-P", path] if path else [])]
    if subprocess.run([*map(str, begin), "true"], capture_output=True, check=False).returncode:
        pytest.skip("this system does not allow to trace a process")
    return begin


CALLS = ["fsync", "rename", "link", "mkdir", "unlink", "fsync,rename"]


@pytest.mark.slow
def test_system_calls_that_fail_lose_nothing(good, tmp_path):
    """EIO or ENOSPC from a random call that writes: the next run completes the work."""
    path, files, tables = good
    codes = []
    for trial, generator in enumerate(seeds(3, "disk")):
        directory = tmp_path / f"run{trial}"
        names, kind = generator.choice(CALLS), generator.choice(["EIO", "ENOSPC"])
        # From the nth call on all calls fail, or one in three does.
        when = generator.choice([f"{generator.randint(1, 30)}+", f"{generator.randint(1, 9)}+3"])
        n_workers = generator.choice([1, 1, 2])
        words = ["run", path, "--out", directory, "--workers", n_workers, "--no-figures"]
        begin = failing(tmp_path, f"{names}:error={kind}:when={when}")
        code, said = call(*words, before=begin)
        codes.append(code)
        assert code in (0, 2), said
        if code == 2:
            assert said.count("error: ") == 1, said
        assert files_of(directory).items() <= files.items() if directory.exists() else True
        assert call(*words)[0] == 0
        assert files_of(directory) == files
        assert tables_of(directory) == tables
        assert not list(directory.rglob("*.part"))
        assert not list((directory / "running").iterdir())
        shutil.rmtree(directory)
    assert 2 in codes


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["EIO", "EACCES", "EMFILE"])
def test_a_sample_that_cannot_be_read_is_not_moved(good, tmp_path, kind):
    path, files, _ = good
    hn.run_ensemble(TABLE, tmp_path / "run")
    one = sorted((tmp_path / "run" / "samples").glob("*.parquet"))[3]
    for name in ("openat", "read"):
        begin = failing(tmp_path, f"{name}:error={kind}", one)
        for words in (("collect",), ("status",), ("run", path, "--no-figures", "--out")):
            code, said = call(*words, tmp_path / "run", before=begin)
            assert code == 2, said
            assert f"cannot read {one}" in said
            assert files_of(tmp_path / "run") == files
    assert not (tmp_path / "run" / "aside").exists() or not list(
        (tmp_path / "run" / "aside").iterdir()
    )
    assert call("collect", tmp_path / "run")[0] == 0
