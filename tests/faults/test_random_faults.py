"""Faults at random: bytes and answers as without them, or one sentence."""

import shutil
import signal
import time

import pandas as pd
import pytest

import hopnet as hn
from faults.injector import disturb, flip, mutated, seeds, start_run
from hopnet.ensemble.batches import batch_of
from hopnet.ensemble.config import as_toml, config_from_dict, config_from_text
from hopnet.ensemble.results import collect, directory_config, run_status
from hopnet.errors import HopnetError
from run_samples import Recorder, files_of, run_file, tables_of


def diagnostics_refused(directory, stem):
    """Whether a changed file of diagnostics is left out: nothing else reads it."""
    batch = batch_of(f"{stem}.parquet")
    return directory_config(directory)[0].diagnostics(batch) is None


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    directory = tmp_path_factory.mktemp("finished") / "run"
    hn.run_ensemble(run_file(n_sites=300, samples=3, ensemble={"batch": 2}), directory)
    return directory


def same(frame, other):
    pd.testing.assert_frame_equal(frame, other, check_exact=True)


def test_no_flip_is_read_silently(finished, tmp_path):
    """One bit of any file: every reader refuses, reports, or gives the same numbers."""
    table = hn.read_results(finished)
    means = hn.read_results(finished, what="statistics")
    paths = sorted(p.relative_to(finished) for p in finished.rglob("*") if p.is_file())
    silent = []
    for trial, generator in enumerate(seeds(60, "flip")):
        copy = tmp_path / "copy"
        shutil.copytree(finished, copy)
        path = paths[trial % len(paths)]
        place = flip(copy / path, generator)
        noticed = False
        try:
            facts = run_status(copy)
            noticed = bool(facts["tables"]) or facts["n_damaged"] > 0
        except HopnetError:
            noticed = True
        for what, good in (("table", table), ("statistics", means)):
            try:
                same(hn.read_results(copy, what=what), good)
            except HopnetError:
                noticed = True
        recorder = Recorder()
        try:
            again = collect(copy, listener=recorder)
            if recorder.ends[-1]["n_missing"] == 0:
                pd.testing.assert_frame_equal(again, table, check_exact=True)
        except HopnetError:
            noticed = True
        if path.suffix == ".json" and path.parts[0] == "samples":
            noticed = diagnostics_refused(copy, path.stem)
        if not noticed:
            silent.append((str(path), place))
        shutil.rmtree(copy)
    assert not silent
    print(f"{trial + 1} flips", flush=True)


TEXTS = [
    as_toml(config_from_dict(run_file())),
    as_toml(config_from_dict(run_file(cluster={"system": "pbs", "queue": "short"}))),
    '[sites]\nn_sites = 100\ndensity = 0.1\nseed = 3\ndensity_of_states = "uniform"\n[network]\n'
    'kT = 0.1\n[spin]\ntau_s = { start = 1.0, stop = 9.0, n = 3 }\n[scan]\nmode = "list"\n'
    '"network.kT" = [0.1, 0.2]\n"ensemble.samples" = [1, 2]\n',
]


def test_mutated_run_files_are_read_or_refused_in_one_sentence():
    for trial, generator in enumerate(seeds(400, "text")):
        text = mutated(TEXTS[trial % len(TEXTS)], generator)
        start = time.monotonic()
        words = ""
        try:
            config = config_from_text(text)
            assert config.points()
            as_toml(config)
        except HopnetError as failure:
            words = str(failure)
        assert "\n" not in words, repr(text)
        assert len(words) < 2000, repr(text)
        assert time.monotonic() - start < 10, repr(text)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """(run file, files, tables) with one sample per file, with four, and with ten."""
    found = []
    for batch in (1, 4, 10):
        table = run_file(n_sites=2000, samples=10, ensemble={"batch": batch})
        directory = tmp_path_factory.mktemp("undisturbed") / "run"
        hn.run_ensemble(table, directory)
        found.append((table, files_of(directory), tables_of(directory)))
    assert found[0][2] == found[1][2] == found[2][2]
    return found


def test_killed_at_random_the_bytes_are_those_of_an_undisturbed_run(undisturbed, tmp_path):
    path = tmp_path / "x.toml"
    for trial, generator in enumerate(seeds(2, "kill")):
        table, files, tables = undisturbed[trial % len(undisturbed)]
        path.write_text(as_toml(config_from_dict(table)))
        directory = tmp_path / f"run{trial}"
        for _ in range(2):
            process = start_run(path, directory, generator.choice([1, 2, 2]))
            disturb(process, generator)
            if generator.random() < 0.7:
                process.kill()
            words = process.communicate(timeout=120)[0]
            assert "Traceback" not in words, words
        hn.run_ensemble(table, directory)
        assert files_of(directory) == files
        assert tables_of(directory) == tables
        assert not list(directory.rglob("*.part"))
        assert not list((directory / "running").iterdir())
        shutil.rmtree(directory)
        print(f"trial {trial}", flush=True)


@pytest.mark.slow
def test_several_drivers_at_the_same_time_lose_nothing(undisturbed, tmp_path):
    """The same file, fewer samples, shards: each driver ends in a table or is refused."""
    path, fewer = tmp_path / "x.toml", tmp_path / "fewer.toml"
    for trial, generator in enumerate(seeds(1, "race")):
        table, files, tables = undisturbed[trial % len(undisturbed)]
        path.write_text(as_toml(config_from_dict(table)))
        few = table["ensemble"] | {"samples": 3}
        fewer.write_text(as_toml(config_from_dict(table | {"ensemble": few})))
        directory = tmp_path / f"run{trial}"
        drivers = []
        for _ in range(generator.choice([2, 3])):
            which = generator.choice([path, path, fewer])
            shard = generator.choice([(), (), ("--shard", "0/2"), ("--shard", "1/2")])
            n_workers = 1 if shard else generator.choice([1, 2])
            drivers.append(start_run(which, directory, n_workers, *shard))
            time.sleep(generator.choice([0.0, generator.uniform(0.0, 6.0)]))
        if generator.random() < 0.3:
            disturb(generator.choice(drivers), generator)
        for driver in drivers:
            words = driver.communicate(timeout=300)[0]
            assert "Traceback" not in words, words
            # An answer, a refusal, or ended by a signal (SIGKILL leaves a negative number).
            code = driver.returncode
            assert code in (0, 2, 128 + signal.SIGTERM, 128 + signal.SIGINT) or code < 0, words
        if table["ensemble"]["batch"] == 1:  # a larger batch may be there in part
            assert files_of(directory).items() <= files.items()
        hn.run_ensemble(table, directory)
        assert files_of(directory) == files
        assert tables_of(directory) == tables
        assert not list(directory.rglob("*.part"))
        assert not list((directory / "running").iterdir())
        shutil.rmtree(directory)
        print(f"trial {trial}", flush=True)
