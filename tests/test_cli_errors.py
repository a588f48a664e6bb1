"""Mistakes at the command line: one sentence, exit code 2, never a traceback."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer

import hopnet
from hopnet.cli.main import add_topics, app, main

RUNS = Path(__file__).resolve().parents[1] / "runs"

# What is typed, and words that its answer must hold.
MISTAKES = [
    ("percolation smaple", "Did you mean 'sample'"),
    ("percolation sample", "Missing option '--seed'"),
    ("percolation sample --seed -1", "whole number >= 0"),
    ("percolation sample --seed 1 --n-sites 2", "at least 3, got 2"),
    ("percolation sample --seed 1 --n-sites 300 --geometry ball", "'open', 'cylinder', 'torus'"),
    ("percolation threshold --seed 1 --sizes abc", "abc"),
    ("percolation threshold --seed -1 --sizes 100 --samples 2", "whole number >= 0"),
    ("percolation resistivity --seed 1 --densities 0 --n-sites 100 --samples 1", "numbers above 0"),
    ("material absent.toml --seed 1", "no material file 'absent.toml'"),
    ("material RUNS --seed 1", "a directory"),
    ("material RUNS/f_curve.toml --seed 1", "must hold the table [material]"),
    ("material RUNS/material_letter.toml --seed 1 --f nan", "finite number"),
    ("material RUNS/material_letter.toml --seed 1 --f 1 --field-kV-cm inf", "finite number"),
    (
        "material RUNS/material_letter.toml --seed 1 --f 1 --signs mine",
        "'consistent', 'printed'",
    ),
    ("kinetics --seed 1 --n-sites 100 --tau-s 0", "finite numbers above 0, got 0.0"),
    ("kinetics --seed 1 --n-sites 100 --eta 0", "--eta must be"),
    ("kinetics --seed 1 --n-sites 100 --angles nan", "--angles takes numbers"),
    ("hanle --seed 1 --n-sites 100 --tau-s -1", "--tau-s must be"),
    ("hanle --seed 1 --n-sites 100 --geometry torus", "needs two contacts"),
    ("temperature --seed -7 --n-sites 100", "whole number >= 0"),
    ("temperature --seed 7 --n-sites 100 --temperatures 1:0:5", "positive ends"),
    ("walk --seed -7 --carriers 10 --longest 10", "whole number >= 0"),
    ("walk --seed 7 --carriers 0", "at least 1, got 0"),
    ("boltzmann response --mass 0", "mass must be positive"),
    ("boltzmann response --convention other", "'consistent', 'printed'"),
    ("boltzmann rashba --potential magic", "delta, gaussian"),
    ("berry forms nomodel", "must be one of 'qwz', 'bhz'"),
    ("berry forms qwz --kT -1", "kT must be a finite number from 0"),
    ("berry well --width 0", "width_nm must be a finite number from 0.1"),
    ("pumping run absent.toml", "absent.toml"),
    ("pumping run RUNS/f_curve.toml", "unknown key 'sites'"),
    ("percolation sample --seed 1 --n-sites 100 --geometry torus --tau-s 9", "does not carry"),
    ("boltzmann rashba --range 2", "delta has none"),
    ("berry forms qwz --kmax 3", "has a Brillouin zone"),
    (
        "pumping efficiency --frequency-GHz nan",
        "must be a finite number from 0 to 1e+09 (GHz), got nan",
    ),
    ("pumping orders --cone-angle-deg 400", "from 0.01 to 179.99, got 400"),
    ("bench kinetics --set tau_s=5", "must be a list such as"),
    ("bench nothing", "one of berry, boltzmann"),
    ("bench solve --set n_sites", "NAME=VALUE"),
    ("bench solve --set n_sites=abc", "whole number from 1 to 1e+12, got 'abc'"),
    ("bench solve --set n_sites=1e400", "whole number from 1 to 1e+12, got inf"),
    ("bench solve --set density=true", "density must be a finite number"),
    ("bench solve --set densities=[NaN]", "densities must be a finite number"),
    ("bench solve --set n_sitez=100", "this bench has the options n_sites"),
    ("doctor extra", "unexpected extra argument"),
    ("nonsense", "No such command 'nonsense'"),
]


@pytest.mark.filterwarnings("ignore::hopnet.ValidityWarning")
@pytest.mark.parametrize(("typed", "words"), MISTAKES, ids=[typed for typed, _ in MISTAKES])
def test_a_mistake_is_one_sentence_and_exit_code_2(typed, words, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "250")
    assert main(shlex.split(typed.replace("RUNS", str(RUNS)))) == 2
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert words in " ".join(said.replace("│", " ").split())


def test_a_place_that_cannot_be_written(capsys, tmp_path):
    (tmp_path / "file").write_text("a file, not a folder")
    typed = ["percolation", "sample", "--seed", "1", "--n-sites", "200", "--out"]
    assert main([*typed, str(tmp_path / "file" / "below")]) == 2
    assert "give a place that can be read or written" in capsys.readouterr().err


def test_a_current_that_is_refused_costs_only_its_own_part_of_the_answer(capsys):
    """At this density links span more than the range of floating-point numbers."""
    typed = "percolation sample --n-sites 600 --density 1e-5 --seed 1 --json"
    assert main(typed.split()) == 2
    out, err = capsys.readouterr()
    assert err.startswith("error: links must lie below")
    assert json.loads(out)["l_c_sqrt_density"] == pytest.approx(1.20891, abs=1e-5)
    assert "log_resistivity" not in json.loads(out)


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"hopnet {hopnet.__version__}\n"


def test_help_starts_without_the_heavy_libraries():
    words = "import sys; from hopnet.cli.main import main; main(['--help']); print(*sys.modules)"
    out = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    loaded = set(out.stdout.split())
    assert not loaded & {"numpy", "numba", "scipy", "pandas", "matplotlib", "dask"}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("nosuch", "error: No such command 'nosuch'; `hopnet --help` lists what it takes.\n"),
        (
            "berry figures",
            "error: Missing option '--out'; `hopnet berry figures --help` lists what it takes.\n",
        ),
    ],
)
def test_usage_errors_are_one_sentence_too(capsys, words, expected):
    assert main(words.split()) == 2
    assert capsys.readouterr().err == expected


def test_no_help_text_loses_words_in_square_brackets():
    """The terminal takes words in square brackets as colours and leaves them out."""
    add_topics()

    def helps(command):
        yield command.help or ""
        yield from (getattr(one, "help", None) or "" for one in command.params)
        for below in getattr(command, "commands", {}).values():
            yield from helps(below)

    texts = list(helps(typer.main.get_command(app)))
    assert len(texts) > 150
    assert not [text for text in texts if re.search(r"(?<!\\)\[", text)]
