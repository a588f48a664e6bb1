"""Run files: what is read, what is refused and in which words."""

import copy
import math
import tomllib
from pathlib import Path

import pytest

from hopnet.ensemble.config import as_toml, config_from_dict, config_from_text, read_config
from hopnet.errors import ParameterError

RUNS = sorted((Path(__file__).resolve().parents[1] / "runs").glob("*.toml"))
ENSEMBLES = [path for path in RUNS if "sites" in tomllib.loads(path.read_text())]
BASE = {
    "sites": {"n_sites": 1000, "density": 0.05, "seed": 11},
    "spin": {"tau_s": [0.0, 100.0]},
}


def changed(**tables):
    table = copy.deepcopy(BASE)
    for name, entries in tables.items():
        table[name] = {**table.get(name, {}), **entries} if isinstance(entries, dict) else entries
    return table


def test_defaults_and_ranges():
    config = config_from_dict(changed(spin={"tau_s": {"start": 1e-2, "stop": 1e12, "n": 8}}))
    assert config.spin.tau_s == (0.01, 1.0, 100.0, 1e4, 1e6, 1e8, 1e10, 1e12)
    (point,) = config.points()
    assert point.physical["network.cutoff"] is None
    assert point.physical["network.cutoff_margin"] == 6.0
    assert point.scanned == ()
    assert point.label() == ""
    assert config_from_dict(changed(spin={"tau_s": [math.inf]})).spin.tau_s == (math.inf,)


def test_scan_makes_a_grid_in_the_order_of_the_file():
    scan = {"sites.density": [0.02, 0.01], "network.cutoff": [1.2, 1.5]}
    config = config_from_dict(changed(scan=scan))
    found = [(p.physical["sites.density"], p.physical["network.cutoff"]) for p in config.points()]
    assert found == [(0.02, 1.2), (0.02, 1.5), (0.01, 1.2), (0.01, 1.5)]
    assert config.points()[0].label() == "density = 0.02, cutoff = 1.2"


def test_scan_as_a_list_walks_the_keys_together():
    scan = {"mode": "list", "sites.density": [0.02, 0.01], "ensemble.samples": [3, 9]}
    points = config_from_dict(changed(scan=scan)).points()
    assert [p.n_samples for p in points] == [3, 9]
    assert points[0].scanned == ("sites.density",)


def test_scan_takes_ranges_and_rounds_whole_numbers():
    scan = {"sites.n_sites": {"start": 100, "stop": 10000, "n": 3}}
    found = [p.physical["sites.n_sites"] for p in config_from_dict(changed(scan=scan)).points()]
    assert found == [100, 1000, 10000]


def test_point_names_depend_on_physics_alone():
    one = config_from_dict(BASE).points()[0]
    more = config_from_dict(changed(ensemble={"samples": 7}, spin={"tau_s": [1.0]})).points()
    assert more[0].name == one.name
    other = config_from_dict(changed(sites={"density": 0.06})).points()[0]
    assert other.name != one.name


def test_the_default_margin_has_the_name_of_the_same_margin_given():
    one, other = (
        config_from_dict(changed(network=network)).points()[0]
        for network in ({}, {"cutoff_margin": 6.0})
    )
    assert one.name == other.name


REFUSED = {
    "unknown key": (changed(sites={"densty": 1.0}), ["'densty'", "[sites]", "'density'"]),
    "unknown section": (changed(network_={}), ["'network_'", "'network'"]),
    "unknown key of a range": (
        changed(spin={"tau_s": {"start": 1.0, "stop": 2.0, "n": 3, "spacng": "log"}}),
        ["'spacng'", "'spacing'"],
    ),
    "missing": ({"sites": BASE["sites"]}, ["spin is missing"]),
    "missing key": (
        {"sites": {"n_sites": 10, "density": 0.1}, "spin": BASE["spin"]},
        ["sites.seed is missing"],
    ),
    "text for a number": (changed(sites={"density": "low"}), ["sites.density", "'low'"]),
    "number with a fraction": (changed(sites={"n_sites": 10.0}), ["sites.n_sites", "10.0"]),
    "number for a table": (changed(sites=3), ["sites must be a table of its own, got 3"]),
    "table for a number": (
        changed(sites={"density": {"start": 1.0}}),
        ["sites.density must be a number", "a table"],
    ),
    "truth for a number": (changed(ensemble={"samples": True}), ["whole number", "True"]),
    "number for truth": (changed(output={"snapshot": 1}), ["must be true or false, got 1"]),
    "number for a text": (changed(question=3), ["question must be a text, in quotes, got 3"]),
    "misspelt key in a key that is needed": (
        {"sites": {"n_sites": 10, "densty": 0.1, "seed": 1}, "spin": BASE["spin"]},
        ["unknown key 'densty' in [sites]", "'density'"],
    ),
    "density": (changed(sites={"density": 0.0}), ["sites.density", "greater than 0", "0.0"]),
    "density is no number": (changed(sites={"density": math.nan}), ["sites.density", "nan"]),
    "few sites": (changed(sites={"n_sites": 2}), ["sites.n_sites", "3", "2"]),
    "cutoff": (changed(network={"cutoff": -1.0}), ["network.cutoff", "-1.0"]),
    "torus": (changed(sites={"geometry": "torus"}), ["'open' or 'cylinder'", "'torus'"]),
    "negative time": (changed(spin={"tau_s": [-1.0]}), ["spin.tau_s", "0 .. inf", "-1.0"]),
    "a time twice": (changed(spin={"tau_s": [1.0, 1.0]}), ["spin.tau_s", "got 1.0 twice"]),
    "a time that is none": (changed(spin={"tau_s": [math.nan]}), ["spin.tau_s", "got nan"]),
    "one time without brackets": (changed(spin={"tau_s": 3.0}), ["square brackets", "3.0"]),
    "no time": (changed(spin={"tau_s": []}), ["spin.tau_s must hold at least one value"]),
    "text among times": (changed(spin={"tau_s": ["1"]}), ["spin.tau_s.0 must be a number", "'1'"]),
    "range without a length": (
        changed(spin={"tau_s": {"start": 1.0, "stop": 1.0, "n": 3}}),
        ["two different ends", "1.0"],
    ),
    "range of a billion": (
        changed(spin={"tau_s": {"start": 1.0, "stop": 2.0, "n": 10**9}}),
        ["spin.tau_s.n must be at most 10000", "1000000000"],
    ),
    "logarithm of zero": (
        changed(spin={"tau_s": {"start": 0.0, "stop": 1.0, "n": 3}}),
        ["spin.tau_s", "positive", "0.0"],
    ),
    "no samples": (changed(ensemble={"samples": 0}), ["ensemble.samples", "1"]),
    "target_error": (
        changed(ensemble={"target_error": 0.0, "samples": 4}),
        ["ensemble.target_error", "greater than 0", "0.0"],
    ),
    "target_error without a spread": (
        changed(ensemble={"target_error": 0.1, "samples": 2}),
        ["at least 3 samples", "2"],
    ),
    "more samples than anybody wants": (
        changed(ensemble={"samples": 10**9}),
        ["at most 1e+06", "1000000000"],
    ),
    "target_error in words": (
        changed(ensemble={"target_error": "1%", "samples": 4}),
        ["ensemble.target_error must be a number, without quotes, got '1%'"],
    ),
    "max_samples alone": (changed(ensemble={"max_samples": 9}), ["target_error"]),
    "scan of an unknown key": (changed(scan={"sites.densty": [1]}), ["'sites.density'"]),
    "scan of the time": (changed(scan={"spin.tau_s": [1.0]}), ["'spin.tau_s'", "sites.density"]),
    "scan of a wrong value": (changed(scan={"sites.density": [-1.0]}), ["scan.sites.density"]),
    "scan without quotes": (changed(scan={"sites": {"density": [1]}}), ['"sites.density"']),
    "scan of one value": (changed(scan={"sites.density": 0.1}), ["list", "got 0.1"]),
    "scan of nothing": (changed(scan={"sites.density": []}), ["scan.sites.density", "got []"]),
    "scan of lists": (changed(scan={"sites.density": [[0.1]]}), ["scan.sites.density", "[0.1]"]),
    "scan of the seed": (changed(scan={"sites.seed": [1, 2]}), ["'sites.seed' cannot be scanned"]),
    "scan that is no table": (changed(scan=3), ["scan must be a table of its own, got 3"]),
    "scan in an unknown mode": (changed(scan={"mode": "all"}), ["'grid' or 'list'", "'all'"]),
    "scan over half a range": (
        changed(scan={"sites.density": {"start": 0.1, "stop": 0.2}}),
        ["scan.sites.density.n is missing"],
    ),
    "scan over a range in unknown steps": (
        changed(scan={"sites.density": {"start": 0.1, "stop": 0.2, "n": 2, "spacing": "lin"}}),
        ["scan.sites.density.spacing must be 'log' or 'linear', got 'lin'"],
    ),
    "scan of too many points": (
        changed(
            scan={
                key: {"start": 0.1, "stop": 0.2, "n": 1000}
                for key in ("sites.density", "sites.aspect")
            }
        ),
        ["1000000 points, at most 100000"],
    ),
    "batch system": (changed(cluster={"system": "lsf"}), ["'slurm' or 'pbs'", "'lsf'"]),
    "memory of a job": (changed(cluster={"system": "pbs", "memory": "lots"}), ["'16GB'", "'lots'"]),
    "memory without a unit": (changed(cluster={"system": "pbs", "memory": "16"}), ["'16'"]),
    "time of a job": (
        changed(cluster={"system": "slurm", "walltime": "long"}),
        ["hours:minutes", "'long'"],
    ),
    "scan of unequal lists": (
        changed(scan={"mode": "list", "sites.density": [0.1], "network.cutoff": [1.0, 2.0]}),
        ["same number"],
    ),
    "a point twice": (changed(scan={"sites.density": [0.1, 0.1]}), ["density = 0.1", "twice"]),
}


def assert_refused_in_one_sentence(table, words):
    with pytest.raises(ParameterError) as caught:
        config_from_dict(table, source="runs/x.toml")
    message = str(caught.value)
    assert message.startswith("runs/x.toml: ")
    assert "\n" not in message
    for word in words:
        assert word in message


@pytest.mark.parametrize(("table", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_what_does_not_fit_is_refused_in_one_sentence(table, words):
    assert_refused_in_one_sentence(table, words)


def test_files_that_are_not_there_or_not_toml(tmp_path):
    with pytest.raises(ParameterError, match="no run file"):
        read_config(tmp_path / "none.toml")
    with pytest.raises(ParameterError, match=r"a directory; give a \.toml file"):
        read_config(tmp_path)
    path = tmp_path / "bad.toml"
    path.write_text("[sites\n")
    with pytest.raises(ParameterError, match="not valid TOML"):
        read_config(path)
    path.write_bytes(b"\xef\xbb\xbfquestion = 'What do editors put before a text?'\n")
    with pytest.raises(ParameterError, match="sites is missing"):
        read_config(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ParameterError, match="not a readable run file"):
        read_config(path)


@pytest.mark.parametrize("path", ENSEMBLES, ids=lambda p: p.name)
def test_run_files_of_the_project_are_valid_and_survive_writing(path):
    config = read_config(path)
    again = config_from_text(as_toml(config))
    assert again.points() == config.points()
    assert again.identity() == config.identity()
    assert config.question


def test_there_are_the_run_files_a_user_asks_for():
    wanted = {"f_curve", "fig4", "density_sweep", "finite_size", "cutoff", "bulk_plateau"}
    assert wanted <= {path.stem for path in ENSEMBLES}


def test_identity_allows_points_and_samples_but_no_other_physics():
    few = config_from_dict(changed(scan={"sites.density": [0.1]}))
    more = config_from_dict(changed(scan={"sites.density": [0.05, 0.1]}, ensemble={"samples": 9}))
    assert few.identity() == more.identity()
    for other in (
        changed(scan={"sites.density": [0.1]}, spin={"tau_s": [1.0]}),
        changed(scan={"sites.density": [0.1]}, network={"cutoff": 1.4}),
        changed(scan={"sites.density": [0.1]}, sites={"seed": 12}),
        changed(scan={"sites.density": [0.1], "network.cutoff": [1.5]}),
        changed(scan={"sites.density": [0.1]}, ensemble={"common_random": True}),
    ):
        assert config_from_dict(other).identity() != few.identity()
