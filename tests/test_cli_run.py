"""The commands run, estimate, status, collect, plot: what they print, write and refuse."""

import contextlib
import io
import json
import os
import pty
import re
import subprocess
import sys

import pytest

from hopnet.cli import main
from hopnet.cli import run as commands
from hopnet.cli.run import duration
from hopnet.ensemble.run import check_shard
from hopnet.errors import ParameterError

TEXT = """
question = "A small question"
[sites]
n_sites = 500
density = 0.1
seed = 777
[spin]
tau_s = { start = 1e-1, stop = 1e5, n = 4 }
[ensemble]
samples = 3
[scan]
"sites.density" = [0.1, 0.05]
"""


def hopnet(*words):
    """Run the command in this process: (exit code, standard output, standard error)."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main.main([str(word) for word in words])
    return code, out.getvalue(), err.getvalue()


def is_png(path):
    return path.read_bytes().startswith(b"\x89PNG") and path.stat().st_size > 10_000


@pytest.fixture
def run_file(tmp_path):
    path = tmp_path / "small.toml"
    path.write_text(TEXT)
    return path


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """(directory, printed lines) of a finished run."""
    folder = tmp_path_factory.mktemp("cli")
    (folder / "small.toml").write_text(TEXT)
    code, out, err = hopnet("run", folder / "small.toml", "--out", folder / "run")
    assert (code, err) == (0, "")
    return folder / "run", out


def test_run_ends_in_a_table_and_pictures(finished):
    directory, out = finished
    assert "6 samples to compute" in out
    assert re.search(r"6/6 samples, \d+ s, 0 s left", out)
    assert re.search(r"density +tau_s +samples +failed +f +standard error", out)
    for name in ("summary.csv", "summary.parquet", "statistics.csv", "manifest.json", "run.toml"):
        assert (directory / name).stat().st_size > 100
    figures = {path.stem for path in (directory / "figures").iterdir()}
    assert figures == {
        "spin_currents_00",
        "spin_currents_01",
        "f_curves",
        "low_density",
        "convergence",
        "histograms",
    }
    assert all(is_png(path) for path in (directory / "figures").iterdir())


def test_run_again_computes_nothing(finished, run_file):
    directory, _ = finished
    code, out, _ = hopnet("run", run_file, "--out", directory, "--no-figures")
    assert code == 0
    assert "to compute" not in out
    assert "wrote" in out


def test_status_collect_and_estimate_for_machines(finished, run_file):
    directory, _ = finished
    code, out, _ = hopnet("status", directory, "--json")
    facts = json.loads(out)
    assert code == 0
    assert (facts["n_tasks"], facts["n_done"], facts["n_missing"]) == (6, 6, 0)
    assert json.loads(hopnet("collect", directory, "--json")[1]) == {"rows": 24, "n_missing": 0}
    facts = json.loads(hopnet("estimate", run_file, "--json")[1])
    assert facts["n_tasks"] == 6
    assert 0 < facts["seconds_per_task"] < 60
    assert 1e8 < facts["memory_per_worker"] < facts["machine_memory"]
    assert facts["seconds_total"] > facts["seconds_per_task"]


def test_status_collect_and_estimate_for_people(finished, run_file):
    directory, _ = finished
    assert re.search(r"done +6 of 6 \(2 points\)", hopnet("status", directory)[1])
    assert "wrote" in hopnet("collect", directory)[1]
    out = hopnet("estimate", run_file, "--workers", 2)[1]
    for word in ("samples             6", "memory per worker", "on 2 workers", "disk"):
        assert word in out


def test_plot_one_sample(finished):
    directory, _ = finished
    code, out, _ = hopnet("plot", directory, "--sample", 1, "--point", 1, "--tau-s", 50)
    path = directory / "figures" / "sample_01_0001.png"
    assert code == 0
    assert str(path) in out
    assert is_png(path)
    code, _, err = hopnet("plot", directory, "--sample", 0, "--point", 2)
    assert code == 2
    assert "--point must lie in 0 .. 1" in err
    for number in (-1, 3, 5000):
        code, _, err = hopnet("plot", directory, "--sample", number)
        assert code == 2
        assert f"--sample must lie in 0 .. 2 for this point, got {number}" in err
    code, _, err = hopnet("plot", directory, "--sample", 0, "--tau-s", -1)
    assert code == 2
    assert "numbers of at least 0" in err
    blocked = directory / "figures" / "sample_00_0002.png"
    blocked.mkdir()  # as a disk that is full or read only: the picture cannot be put there
    code, _, err = hopnet("plot", directory, "--sample", 2)
    blocked.rmdir()
    assert code == 2
    assert f"cannot write '{blocked}'" in err


def test_damaged_tables_are_named(finished):
    directory, _ = finished
    for name in ("summary", "statistics"):
        path = directory / f"{name}.parquet"
        whole = path.read_bytes()
        path.write_bytes(whole[:100])
        code, _, err = hopnet("plot", directory)
        path.write_bytes(whole)
        assert code == 2
        assert f"{name}.parquet is damaged" in err
        assert "run `hopnet collect` again" in err


def test_estimate_comes_true_within_a_factor_of_three(run_file, finished):
    """On a machine that does other things too; the estimate itself claims 1.5."""
    from hopnet.ensemble.config import config_from_text
    from hopnet.ensemble.plan import estimate_run
    from hopnet.ensemble.sample import compute_sample

    text = TEXT.replace("n_sites = 500", "n_sites = 30_000").replace("[0.1, 0.05]", "[0.1]")
    config = config_from_text(text)
    facts = estimate_run(config, 2)
    seconds = min(
        sum(compute_sample(config.points()[0], r, threads=1).seconds.values()) for r in range(3)
    )
    assert 1 / 3 < facts["seconds_per_task"] / seconds < 3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "none.toml"], "no run file 'none.toml'"),
        (["run", "{file}", "--workers", "0"], "workers must be 1 or more, got 0"),
        (["run", "{file}", "--shard", "3/3"], "0 <= I < N, got 3/3"),
        (["run", "{file}", "--shard", "3/2"], "0 <= I < N, got 3/2"),
        (["run", "{file}", "--shard", "-1/2"], "0 <= I < N, got -1/2"),
        (["run", "{file}", "--shard", "x"], "a text I/N"),
        (["run", "{file}", "--shard", "1/2/3"], "a text I/N"),
        (["run", "{file}", "--threads", "0"], "threads must be 1 or more, got 0"),
        (["run", "{file}", "--threads", "2", "--workers", "2"], "leave out --threads"),
        (["run", "{file}", "--scheduler", "nonsense"], "takes an address tcp://HOST:PORT"),
        (["run", "{file}", "--scheduler", ""], "takes an address tcp://HOST:PORT"),
        (["run", "{folder}"], "a directory; give a .toml file"),
        (["run", "{broken}"], "not valid TOML"),
        (["estimate", "{broken}"], "not valid TOML"),
        (["estimate", "none.toml"], "no run file 'none.toml'"),
        (["estimate", "{file}", "--workers", "0"], "workers must be 1 or more, got 0"),
        (["estimate", "{wide}"], "3 workers of that size fit"),
        (["run", "{file}", "--out", "{file}"], "is a file, not a directory"),
        (["run", "{file}", "--workers", "2", "--scheduler", "tcp://x:1"], "exclude each other"),
        (["run", "{file}", "--out", "/dev/null/x"], "cannot write to"),
        (["run", "{file}", "--out", "{folder}"], "holds files but no run"),
        (["run", "{file}", "--workers", "many"], "--workers"),
        (["estimate", "{file}", "--workers", "100000"], "--workers"),
        (["estimate", "{huge}"], "the largest n_sites that fits is"),
        (["run", "{huge}", "--out", "{folder}/x"], "--force"),
        (["status", "{folder}"], "holds no run"),
        (["collect", "{folder}"], "holds no run"),
        (["plot", "{folder}"], "holds no run"),
        (["status", "{folder}/none"], "is not there, a result directory is needed"),
        (["collect", "{file}"], "is a file, a result directory is needed"),
        (["plot", "{file}"], "is a file, a result directory is needed"),
        (["plot", "{folder}", "--point", "1"], "add --sample 0"),
        (["plot", "{folder}", "--tau-s", "1"], "add --sample 0"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(run_file, tmp_path, words, message):
    huge = tmp_path / "huge.toml"
    huge.write_text(TEXT.replace("n_sites = 500", "n_sites = 500_000_000_000"))
    broken = tmp_path / "broken.toml"
    broken.write_text(TEXT.replace("[spin]", "[spin"))
    wide = tmp_path / "wide.toml"
    wide.write_text(f'{TEXT}[cluster]\nsystem = "pbs"\nmemory = "1GB"\nworkers_per_job = 9\n')
    places = {"file": run_file, "folder": tmp_path, "huge": huge, "broken": broken, "wide": wide}
    words = [w.format(**places) for w in words]
    code, _, err = hopnet(*words)
    assert code == 2
    assert message in err
    assert "Traceback" not in err
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("name", ["run", "estimate", "status", "collect", "plot"])
def test_help_carries_an_example_that_can_be_parsed(name):
    code, out, _ = hopnet(name, "--help")
    assert code == 0
    example = re.search(r"Example: hopnet (.+)", out.replace("│", " "))
    assert example[1].split()[0] == name


def test_a_run_without_one_good_sample_has_no_figures_and_says_so(tmp_path):
    path = tmp_path / "apart.toml"
    path.write_text(TEXT.replace("[spin]", "[network]\ncutoff = 0.4\n[spin]"))
    code, out, _ = hopnet("run", path, "--out", tmp_path / "run")
    assert code == 0
    assert "NotPercolatingError" in out
    assert "no figures: no sample has succeeded" in out


def test_estimate_counts_the_workers_of_a_batch_system(tmp_path):
    path = tmp_path / "cluster.toml"
    path.write_text(f'{TEXT}[cluster]\nsystem = "slurm"\njobs = 3\nworkers_per_job = 2\n')
    facts = json.loads(hopnet("estimate", path, "--json")[1])
    assert facts["workers"] == 6
    assert facts["machine_memory"] == 2e9  # a worker's half of the job


def test_another_run_in_the_directory_is_named(finished, tmp_path):
    directory, _ = finished
    path = tmp_path / "other.toml"
    path.write_text(TEXT.replace("seed = 777", "seed = 778"))
    code, _, err = hopnet("run", path, "--out", directory)
    assert code == 2
    assert "sites.seed (777 there, 778 here)" in err


def test_shards_do_not_collect(run_file, tmp_path):
    code, out, _ = hopnet("run", run_file, "--out", tmp_path / "run", "--shard", "0/2")
    assert code == 0
    assert "3 samples to compute" in out
    assert "shard 0/2 is done; `hopnet collect" in out
    assert not (tmp_path / "run" / "summary.csv").exists(), "shards do not collect"
    assert "3 of 6 samples are missing" in hopnet("collect", tmp_path / "run")[1]
    out = hopnet("run", run_file, "--out", tmp_path / "run", "--shard", "1/2")[1]
    assert "3 finished before are kept" in out
    assert "missing" not in hopnet("collect", tmp_path / "run")[1]
    assert "low_density.png" in hopnet("plot", tmp_path / "run")[1]


def test_compiling_is_announced_before_it_happens(run_file, tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr("hopnet.ensemble.plan.kernels_are_cached", lambda: False)
    monkeypatch.setattr("hopnet.ensemble.plan.warm_up", lambda: said.append("warm"))
    monkeypatch.setattr(commands, "say", said.append)
    commands.compile_kernels()
    assert "compiling, once" in said[0]
    assert said[1] == "warm"


def test_progress_bar_on_a_terminal(run_file, tmp_path):
    """On a terminal there is a bar with counts and time left."""
    master, slave = pty.openpty()
    command = [
        sys.executable,
        "-m",
        "hopnet.cli.main",
        "run",
        run_file,
        "--out",
        tmp_path / "run",
        "--no-figures",
    ]
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "100"}
    process = subprocess.Popen(command, stdout=slave, stderr=slave, env=environment)
    os.close(slave)
    shown = b""
    with contextlib.suppress(OSError):  # the terminal closes with the process
        while chunk := os.read(master, 4096):
            shown += chunk
    assert process.wait(60) == 0
    text = shown.decode()
    assert "6/6" in text
    assert "0 s left" in text
    assert "━" in text


def test_interrupt_keeps_what_is_finished(run_file, tmp_path, monkeypatch):
    from hopnet.ensemble import tasks

    plain, calls = tasks.compute_sample, []

    def interrupted(*words, **options):
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return plain(*words, **options)

    monkeypatch.setattr(tasks, "compute_sample", interrupted)
    code, _, err = hopnet("run", run_file, "--out", tmp_path / "run")
    assert code == 130
    assert "what was finished is kept" in err
    assert json.loads(hopnet("status", tmp_path / "run", "--json")[1])["n_done"] == 2
    assert hopnet("run", run_file, "--out", tmp_path / "run", "--no-figures")[0] == 0


def test_words_for_times_and_shards():
    assert [duration(s) for s in (0.123, 61.2, 3000, 10000, 1e6)] == [
        "0.12 s",
        "61 s",
        "50 min",
        "2.8 h",
        "11.6 days",
    ]
    assert check_shard("2/8") == check_shard((2, 8)) == (2, 8)
    assert check_shard(None) == (0, 1)
    with pytest.raises(ParameterError, match="a text I/N"):
        check_shard("1of2")
