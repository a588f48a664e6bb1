"""Sites with energies in run files: what is read and refused, what old runs keep, the figures."""

import copy
import json
from pathlib import Path

import numpy as np
import pytest

from hopnet.ensemble.config import as_toml, config_from_dict, config_from_text, read_config
from hopnet.ensemble.results import read_results
from hopnet.ensemble.run import run_ensemble
from hopnet.ensemble.sample import sample_network
from hopnet.files import digest
from hopnet.plots.ensemble import run_figures
from hopnet.spin.temperature import temperature_curve
from test_config import assert_refused_in_one_sentence

RUNS = Path(__file__).resolve().parents[1] / "runs"
BASE = {
    "sites": {"n_sites": 1500, "density": 0.02, "seed": 11, "density_of_states": "uniform"},
    "network": {"kT": 0.1},
    "spin": {"tau_s": [0.0, 100.0]},
}
CHARGE = {
    "sites": {"n_sites": 1500, "density": 0.02, "seed": 11, "density_of_states": "uniform"},
    "network": {"chemical_potential": 0.0},
    "ensemble": {"samples": 2, "common_random": True},
    "scan": {"network.kT": [0.003, 0.01, 0.03]},
}


def changed(base=BASE, **tables):
    table = copy.deepcopy(base)
    for name, entries in tables.items():
        table[name] = {**table.get(name, {}), **entries}
    return table


STORED = sorted((RUNS / "results").glob("*/manifest.json"))


@pytest.mark.parametrize("manifest", STORED, ids=lambda path: path.parent.name)
def test_runs_without_energies_are_the_runs_they_were(manifest):
    """Results stored before energies came: the same identity, so they can be read and grown."""
    config = read_config(manifest.parent / "run.toml")
    stored = json.loads(manifest.read_text())
    assert config.identity() == stored["identity"]
    assert digest(config.identity()) == stored["config_hash"]


def test_points_without_energies_keep_their_names():
    """Names seed the samples and name their files: recorded before energies came."""
    names = {"fig4": "dffc337a00e3", "density_sweep": "400cc0a4b4d6"}
    for file, name in names.items():
        assert read_config(RUNS / "results" / file / "run.toml").points()[0].name == name


def test_keys_and_defaults():
    (point,) = config_from_dict(BASE).points()
    assert point.physical["sites.energy_width"] == 1.0
    assert point.physical["network.bath"] == "ohmic"
    assert not point.charge_alone
    same = changed(sites={"energy_width": 1.0}, network={"bath": "ohmic"})
    assert config_from_dict(same).points()[0].name == point.name
    other = changed(sites={"density_of_states": "gaussian"}), changed(network={"bath": "heat_bath"})
    assert len({point.name, *(config_from_dict(o).points()[0].name for o in other)}) == 3
    config = config_from_dict(CHARGE)
    assert [p.physical["network.kT"] for p in config.points()] == [0.003, 0.01, 0.03]
    assert config.points()[0].charge_alone
    again = config_from_text(as_toml(config))
    assert again.points() == config.points()
    assert again.identity() == config.identity()


NO_ENERGIES = {name: BASE[name] for name in ("network", "spin")} | {
    "sites": {"n_sites": 1500, "density": 0.02, "seed": 11}
}
REFUSED = {
    "kT alone": (NO_ENERGIES, ["network.kT", "sites.density_of_states"]),
    "bath alone": (NO_ENERGIES | {"network": {"bath": "ohmic"}}, ["network.bath"]),
    "width alone": (
        changed(NO_ENERGIES, sites={"energy_width": 2.0}, network={"kT": 1.0}),
        ["sites.energy_width", "leave it out"],
    ),
    "no kT": (changed() | {"network": {}}, ["network.kT", "scan"]),
    "kT = 0": (changed(network={"kT": 0.0}), ["network.kT", "greater than 0", "0.0"]),
    "a cold scan": (changed(scan={"network.kT": [0.1, -0.1]}), ["scan.network.kT", "-0.1"]),
    "unknown density of states": (
        changed(sites={"density_of_states": "flat"}),
        ["sites.density_of_states", "'gaussian'", "'flat'"],
    ),
    "unknown bath": (changed(network={"bath": "warm"}), ["network.bath", "'heat_bath'", "'warm'"]),
    "misspelt": (changed(network={"kt": 1.0}), ["'kt'", "[network]", "'kT'"]),
    "infinite level": (
        changed(CHARGE, network={"chemical_potential": np.inf}),
        ["network.chemical_potential", "finite"],
    ),
    "spins with exclusion": (
        changed(network={"chemical_potential": 0.0}),
        ["network.chemical_potential", "[spin]"],
    ),
    "no spin": ({k: BASE[k] for k in ("sites", "network")}, ["spin is missing"]),
    "error of no f": (
        changed(CHARGE, ensemble={"samples": 3, "target_error": 0.1}),
        ["ensemble.target_error", "network.chemical_potential"],
    ),
}


@pytest.mark.parametrize(("table", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_what_does_not_fit_is_refused_in_one_sentence(table, words):
    assert_refused_in_one_sentence(table, words)


def test_resistivity_of_charge_alone(tmp_path):
    """A run file gives what `temperature_curve` gives, on the same sites."""
    table = run_ensemble(CHARGE, tmp_path / "run")
    assert table["f"].isna().all()
    assert (table["status"] == "done").all()
    assert table["log_resistivity"].tolist() == pytest.approx(-table["log_conductance"].to_numpy())
    point = config_from_dict(CHARGE).points()[0]
    sites = sample_network(point, 1).sites
    direct = temperature_curve(sites, [0.003, 0.01, 0.03], chemical_potential=0.0)
    own = table[table["sample"] == 1].sort_values("network.kT")
    np.testing.assert_allclose(own["log_resistivity"], direct["log_resistivity"], rtol=1e-12)
    np.testing.assert_allclose(own["critical_exponent"], direct["xi_c"], rtol=1e-12)
    statistics = read_results(tmp_path / "run", what="statistics")
    pictures = dict(run_figures(table, statistics, ["network.kT"]))
    assert set(pictures) == {"mott_law"}
    cold, _, warm = statistics.sort_values("network.kT")["log_resistivity"]
    assert cold > warm + 20


def test_figures_of_a_run_over_margins(tmp_path):
    """Any scanned key can be drawn; the margin has a figure of its own."""
    run = {
        "sites": {"n_sites": 400, "density": 0.05, "seed": 11, "geometry": "cylinder"},
        "spin": {"tau_s": [0.0, 1e4, float("inf")]},
        "scan": {"network.cutoff_margin": [3.0, 10.0], "network.contact_width": [8.0, 9.0]},
        "ensemble": {"samples": 2, "common_random": True},
    }
    table = run_ensemble(run, tmp_path / "run")
    statistics = read_results(tmp_path / "run", what="statistics")
    scanned = ["network.cutoff_margin", "network.contact_width"]
    pictures = dict(run_figures(table, statistics, scanned))
    assert {"against_cutoff_margin", "f_curves", "spin_currents_00"} <= set(pictures)
    texts = [text.get_text() for text in pictures["against_cutoff_margin"].legends[0].get_texts()]
    assert any("contact width" in text for text in texts)


def test_f_against_temperature(tmp_path):
    """f of few electrons; D by Einstein's relation with the electrons there are."""
    run = changed(
        network={"bath": "miller_abrahams"},
        scan={"network.kT": [0.1, 0.3, 3.0]},
        ensemble={"samples": 2, "common_random": True},
    )
    table = run_ensemble(run, tmp_path / "run")
    statistics = read_results(tmp_path / "run", what="statistics")
    pictures = dict(run_figures(table, statistics, ["network.kT"]))
    assert {"mott_law", "f_of_temperature", "histograms"} <= set(pictures)
    drift = statistics[statistics["tau_s"] == 0.0]["f"].to_numpy()
    assert np.all(np.diff(drift) > 0), "the colder, the smaller f"
    point = config_from_dict(run).points()[1]
    direct = temperature_curve(
        sample_network(point, 1).sites, [0.3], tau_s=100.0, bath="miller_abrahams"
    ).iloc[0]
    rows = table[(table["network.kT"] == 0.3) & (table["sample"] == 1)]
    assert rows["f"].to_numpy()[1] == pytest.approx(direct.f, rel=1e-12)
    one = statistics[(statistics["network.kT"] == 0.3) & (statistics["tau_s"] == 100.0)].iloc[0]
    both = table[(table["network.kT"] == 0.3) & (table["tau_s"] == 0.0)]
    D = 1 / (both["resistivity"].mean() * 0.02 * both["mean_occupation"].mean())
    assert one["reach"] == pytest.approx(rows["width"].iloc[0] / np.sqrt(100.0 * D), rel=1e-12)
    assert D == pytest.approx(direct.diffusion, rel=1.0)
