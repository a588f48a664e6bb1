"""Runs over fields: one sample gives one whole curve; its statistics, its figures, bad input."""

import json

import numpy as np
import pytest

import hopnet as hn
from hopnet.cli.main import main
from hopnet.ensemble.config import as_toml, config_from_dict
from hopnet.ensemble.sample import compute_sample, sample_network
from hopnet.plots.ensemble import run_figures
from hopnet.plots.field import effective_temperatures

RUN = {
    "sites": {"n_sites": 400, "density": 0.05, "geometry": "torus", "seed": 5},
    "network": {"bath": "miller_abrahams"},
    "field": {"values": [0.01, 0.3, 2.0]},
    "ensemble": {"samples": 3},
}
WARM = {
    "sites": RUN["sites"] | {"density_of_states": "gaussian", "energy_width": 1.0},
    "network": {"kT": 0.5, "bath": "miller_abrahams"},
    "field": {"values": [0.01, 0.3], "concentration": 0.1},
    "ensemble": {"samples": 2},
    "scan": {"network.kT": [0.4, 0.6, 0.9]},
}


def test_a_sample_is_a_curve():
    (point,) = config_from_dict(RUN).points()
    columns = compute_sample(point, 1, threads=1).columns
    network = sample_network(point, 1)
    l_c = hn.critical_length(0.05)
    assert network.cutoff_radius == pytest.approx(l_c + 1.5 * l_c, rel=1e-12)
    curve = hn.field_curve(network, np.array([0.01, 0.3, 2.0]) / l_c, bath="miller_abrahams")
    for k, value in enumerate((0.01, 0.3, 2.0)):
        for name in ("log_velocity", "inverse_velocity", "diffusion", "current_density"):
            assert columns[f"{name}_at_{value:g}"][0] == pytest.approx(curve[name][k], rel=1e-12)
    assert columns["status"][0] == "done"
    assert columns["long_share_at_2"][0] < 1e-3
    assert np.isnan(columns["f"][0])


def test_a_run_with_its_statistics_and_figures(tmp_path):
    hn.run_ensemble(WARM, tmp_path, workers=1)
    statistics = hn.read_results(tmp_path, what="statistics")
    table = hn.read_results(tmp_path)
    assert len(statistics) == 3
    mean = table.groupby("network.kT")["inverse_velocity_at_0.3"].mean()
    found = statistics.set_index("network.kT")["inverse_velocity_at_0.3"]
    assert np.allclose(mean, found, rtol=1e-12)
    assert np.all(statistics["log_velocity_at_0.3_standard_error"] > 0)
    names = [name for name, _ in run_figures(table, statistics, table.attrs["scanned"])]
    assert names == ["fields", "effective_temperature"]


def test_the_seed_of_a_sample_does_not_depend_on_the_fields():
    one = config_from_dict(RUN).points()[0]
    other = config_from_dict(RUN | {"field": {"values": [0.02, 2.0]}}).points()[0]
    assert one.name == other.name
    assert (
        config_from_dict(RUN).identity()
        != config_from_dict(RUN | {"field": {"values": [0.02, 2.0]}}).identity()
    )


def test_effective_temperature_of_a_mobility_that_depends_on_it_alone():
    T = np.geomspace(0.1, 1.0, 200)
    eFa = np.array([0.0, 0.2, 0.5, 3.0])
    T_eff = np.sqrt(0.1**2 + (0.67 * eFa) ** 2)
    found = effective_temperatures(T, -1.0 / T, 0.1, -1.0 / T_eff)
    assert np.allclose(found[:3], T_eff[:3], rtol=1e-3)
    assert np.isnan(found[3])  # warmer than any temperature of the run


def changed(section, **keys):
    return RUN | {section: RUN.get(section, {}) | keys}


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (changed("sites", geometry="open"), "periodic along the field"),
        (changed("field", values=[0.3, 0.1]), "must rise"),
        (changed("field", values=[0.0, 0.1]), "1e-12"),
        (changed("field", values=[float("nan")]), "1e-12"),
        (changed("field", values=[]), "field.values"),
        (changed("field", concentration=1.5), "field.concentration"),
        (changed("field", colour=1), "colour"),
        (changed("field", values=[0.1, 0.1000000001]), "six digits"),
        (
            RUN | {"network": {}, "field": {"concentration": 0.1}, "spin": {"tau_s": [1.0]}},
            "torus",
        ),
        (
            RUN
            | {
                "sites": RUN["sites"] | {"geometry": "cylinder"},
                "network": {},
                "field": {"concentration": 0.1},
                "spin": {"tau_s": [1.0]},
            },
            "needs field.values",
        ),
        (RUN | {"spin": {"tau_s": [1.0]}}, "leave .spin. and .observables. out"),
        (RUN | {"observables": {"f": False, "noise": True}}, "leave .spin. and .observables. out"),
        (WARM | {"network": {"kT": 1.0, "chemical_potential": 0.0}, "scan": {}}, "concentration"),
    ],
)
def test_bad_input(table, words):
    with pytest.raises(hn.ParameterError, match=words):
        config_from_dict(table)


def test_the_command_takes_a_run_file_or_a_seed(tmp_path, capsys):
    path = tmp_path / "field.toml"
    path.write_text(as_toml(config_from_dict(WARM)))
    assert main(["field", str(path), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    point = config_from_dict(WARM).points()[0]
    columns = compute_sample(point, 0, threads=1).columns
    assert [row["field_l_c"] for row in rows] == [0.01, 0.3]
    assert np.log(rows[1]["velocity"]) == pytest.approx(columns["log_velocity_at_0.3"][0], rel=1e-9)
    words = ["field", "--seed", "3", "--n-sites", "300", "--n", "3", "--concentration", "0.1"]
    assert main([*words, "--stop", "1", "--out", str(tmp_path)]) == 0
    assert (tmp_path / "field_curve.png").exists()
    assert (tmp_path / "field_flow.png").exists()
    capsys.readouterr()
    assert main(["field"]) == 2
    assert "--seed or a run file" in capsys.readouterr().err
    assert main(["field", "--seed", "3", "--concentration", "2"]) == 2
    assert "concentration" in capsys.readouterr().err
    assert main(["field", "--seed", "3", "--n-sites", "40", "--density", "0.001"]) == 2
