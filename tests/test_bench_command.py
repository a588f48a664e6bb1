"""``hopnet bench``: each topic is stored when it is measured, and one page shows all topics."""

import importlib
import json
import pkgutil
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.sparse import csr_array

import hopnet.bench
from hopnet.bench import (
    cutoff,
    percolation,
    solve,
)
from hopnet.cli import bench
from hopnet.cli.main import main
from hopnet.errors import ParameterError

# Every file of hopnet/bench is a topic: with one missing here, `bench all` would measure it.
TOPICS = tuple(
    importlib.import_module(f"hopnet.bench.{module.name}")
    for module in pkgutil.iter_modules(hopnet.bench.__path__)
)


def test_all_topics_are_stored_and_one_failure_costs_no_other(tmp_path, monkeypatch):
    asked = {}
    for module in TOPICS:
        name = module.__name__.rpartition(".")[2]

        def measure(name=name, **options):
            asked[name] = options
            if name == "berry":
                raise OSError("no such peer")
            return [
                hopnet.bench.row(f"{name} row", [0.2, 0.1], "peer", [0.4, 0.4]),
                {"what": f"{name} throughput", "reference": "bare", "ratio": 0.95},
                {"what": f"{name} memory", "peak_MB": 7.0},
            ]

        monkeypatch.setattr(module, "measure", measure)
    assert main(["bench", "all", "--out", str(tmp_path)]) == 0
    names = sorted(asked)
    assert [path.stem for path in sorted(tmp_path.glob("*.json"))] == names
    assert asked["solve"]["densities"], "the whole bench scans densities"
    stored = json.loads((tmp_path / "solve.json").read_text())
    assert stored["rows"][0]["seconds_min"] == 0.1
    assert stored["rows"][0]["ratio"] == pytest.approx(0.375)
    assert stored["machine"]["versions"]["hopnet"]
    page = (tmp_path / "README.md").read_text()
    assert page.count("\n## ") == len(names)
    assert "| solve row | 0.1 | 0.375 | peer |  |" in page
    assert "| solve throughput |  | 0.95 | bare |  |" in page
    assert "memory" not in page.partition("## berry")[2]
    assert "| berry | failed: OSError: no such peer | | | |" in page


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nonsense"], "one of berry, boltzmann"),
        (["all", "--set", "n_sites=3"], "belong to one topic"),
        (["solve", "--set", "n_sites"], "NAME=VALUE"),
    ],
)
def test_wrong_words_are_refused_by_name(words, message, capsys):
    assert main(["bench", *words]) == 2
    assert message in " ".join(capsys.readouterr().err.split())


def test_fill_in_counts_what_elimination_leaves():
    """A path eliminated from its middle fills one entry; from its end none."""
    problem = SimpleNamespace()
    dense = np.diag([1.0, 2.0, 1.0]) - np.eye(3, k=1) - np.eye(3, k=-1)
    problem.matrix = csr_array(dense)
    assert solve.fill_in(problem, [0, 1, 2]) == {"entries": 2, "multiply_adds": 1.0}
    assert solve.fill_in(problem, [1, 0, 2]) == {"entries": 3, "multiply_adds": 2.5}


def test_a_peer_may_be_left_out_and_a_seed_be_zero():
    given = {"seed": 0, "networkx_sites": 0}
    assert bench.checked(given, percolation.measure) == given
    with pytest.raises(ParameterError, match="n_sites must be a whole number from 1 to"):
        bench.checked({"n_sites": 0}, percolation.measure)


def test_the_margin_beside_the_cutoff_of_the_letter():
    """At n_s a_b^2 = 0.001 the margin leaves out links that change nothing."""
    letter, margin = cutoff.measure(n_sites=2000, densities=(0.001,), repeats=1, threads=1)
    assert margin["reference"] == "links up to 1.5 l_c"
    assert margin["links_per_site"] < 0.7 * letter["links_per_site"]
    assert margin["f_of_0"] == pytest.approx(letter["f_of_0"], abs=margin["cutoff_error"])
