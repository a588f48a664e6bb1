"""``hopnet memory``: run files, tables, figures and refusals in one sentence."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import hopnet as hn
from hopnet.cli.main import main
from hopnet.errors import ParameterError, ValidityWarning
from hopnet.plots import memory as plots
from hopnet.plots.ensemble import run_figures
from hopnet.plots.nuclei import external_fields
from hopnet.spin.blocking import fit_line_shapes
from hopnet.spin.memory_file import read_memory_file, run_memory
from samples import random_network

SMALL = """
[sample]
n_sites = 120
density = 0.05
seed = 3

[nuclei]
strength = 0.01
seed = 5

[memory]
time = { start = 1.0, stop = 1e6, n = 7 }

[noise]
frequency = { start = 1e-3, stop = 0.1, n = 3 }
resolution = 1e-3
"""


def test_the_run_file_of_the_project_is_read():
    path = Path(__file__).resolve().parents[1] / "runs" / "spin_memory.toml"
    assert read_memory_file(path).sample.n_sites == 20_000


def test_tables_and_figures(tmp_path, capsys):
    (tmp_path / "m.toml").write_text(SMALL)
    assert main(["memory", str(tmp_path / "m.toml"), "--out", str(tmp_path / "out")]) == 0
    assert "remaining" in capsys.readouterr().out
    table = pd.read_csv(tmp_path / "out" / "memory.csv")
    assert list(table.columns) == ["time", "remaining", "numerical_error", "one_site", "tail_law"]
    assert (np.diff(table["remaining"]) < 0).all()
    assert len(pd.read_csv(tmp_path / "out" / "noise.csv")) == 3
    for name in ("memory", "noise"):
        assert (tmp_path / "out" / f"{name}.png").stat().st_size > 5000


def test_answer_as_json(tmp_path, capsys):
    text = SMALL.split("[noise]")[0] + "\n[spin]\ntau_s = 100.0\n"
    (tmp_path / "m.toml").write_text(text.replace("[memory]", "external = [0, 0, 0.01]\n[memory]"))
    assert main(["memory", str(tmp_path / "m.toml"), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["external"] == [0, 0, 0.01]
    assert answer["remaining"][-1] < 1e-6
    assert "power" not in answer


def test_fields_that_turn_too_soon_warn(tmp_path, capsys):
    """turning_time below the longest time: one warning with the ratio, and the answer."""
    (tmp_path / "m.toml").write_text(
        SMALL.split("[noise]")[0].replace("[memory]", "turning_time = 1e5\n[memory]")
    )
    with pytest.warns(ValidityWarning, match="is 10 times the turning_time"):
        run_memory(read_memory_file(tmp_path / "m.toml"))
    text = (tmp_path / "m.toml").read_text()
    (tmp_path / "m.toml").write_text(text.replace("turning_time = 1e5", "turning_time = 0.0"))
    assert main(["memory", str(tmp_path / "m.toml")]) == 2
    assert "turning_time" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("strength = 0.01", "strength = -1.0", "strength"),
        ("strength = 0.01", "strenght = 1.0", "strength"),
        ("n_sites = 120", "n_sites = 2", "n_sites"),
        ("resolution = 1e-3", "resolution = 0.0", "resolution"),
        ("resolution = 1e-3", "resolution = 1e-30", "rounding of the fields"),
        ("stop = 1e6", "stop = 1e15", "rounding of the fields"),
        ("[memory]", "order = 3\n[memory]", "order"),
        ("seed = 5", "seed = -5", "seed"),
    ],
)
def test_bad_files_are_refused_in_one_sentence(old, new, words, tmp_path, capsys):
    (tmp_path / "m.toml").write_text(SMALL.replace(old, new))
    assert main(["memory", str(tmp_path / "m.toml")]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


def test_a_file_must_ask_for_something(tmp_path):
    (tmp_path / "m.toml").write_text(SMALL.split("[memory]")[0])
    with pytest.raises(ParameterError, match=r"a section \[memory\] or \[noise\]"):
        read_memory_file(tmp_path / "m.toml")


def test_pictures_are_drawn():
    network = random_network(100, 0.1, 81)
    current = hn.solve_current(network)
    share = np.linspace(1.0, 1e4, 100)
    B, change = np.geomspace(0.3, 300, 8), np.linspace(0.01, 0.05, 8)
    figures = [
        plots.plot_spin_map(network, current, share),
        plots.plot_nuclear_f([1e-3, 1e-2], [0.3, 0.4], [0.3, 0.5], errors=([0.1, 0.1], [0, 0])),
        plots.plot_magnetoresistance(
            B, {"sites": change}, fits={"sites": fit_line_shapes(B, change)}
        ),
    ]
    assert all(figure.axes[0].get_xlabel() for figure in figures)


# ---- runs over many samples ----

NUCLEAR_RUN = {
    "sites": {"n_sites": 60, "density": 0.05, "seed": 1, "geometry": "cylinder"},
    "observables": {"nuclear_f": True, "magnetoresistance": True},
    "nuclei": {"strength": 0.01, "background_time": 1e5},
    "traps": {"fraction": 0.1},
    "ensemble": {"samples": 2},
    "scan": {"sites.density": [0.05, 0.03], "nuclei.strength": [0.1, 0.01]},
}


def test_a_run_in_nuclear_fields_draws_its_figures(tmp_path):
    """f and its ratio against the strength, rates of sites, and both laws with their misfits."""
    hn.run_ensemble(NUCLEAR_RUN, tmp_path / "run")
    assert main(["plot", str(tmp_path / "run")]) == 0
    names = {path.stem for path in (tmp_path / "run" / "figures").iterdir()}
    assert names == {"nuclear_f", "nuclear_site_rates", "magnetoresistance"}
    table = hn.read_results(tmp_path / "run")
    statistics = hn.read_results(tmp_path / "run", what="statistics")
    figures = dict(run_figures(table, statistics, table.attrs["scanned"]))
    left, right = figures["nuclear_f"].axes
    # One line per density and quantity, from the weakest strength on.
    own = statistics[statistics["sites.density"] == 0.05].sort_values("nuclei.strength")
    assert left.containers[0].lines[0].get_xdata().tolist() == [0.01, 0.1]
    assert left.containers[0].lines[0].get_ydata().tolist() == own["nuclear_f"].tolist()
    assert right.containers[0].lines[0].get_ydata().tolist() == own["nuclear_ratio"].tolist()
    assert len(left.containers) == 4
    panels = figures["magnetoresistance"].axes
    assert len([axes for axes in panels if axes.axison]) == 4
    row = statistics.iloc[0]
    B = external_fields(statistics)
    mean = [row[f"mr_at_{x:g}"] for x in B]
    for fit, line in zip(fit_line_shapes(B, mean), panels[0].get_lines()[1:]):
        assert line.get_label().endswith(f"{100 * fit.residual:.1f} %")
        # The drawn law is the fitted one: half of its saturation at B_0, or a quarter.
        half = np.interp(fit.width, *line.get_data())
        share = 0.5 if fit.law == "lorentzian" else 0.25
        assert half == pytest.approx(100 * share * fit.saturation, rel=0.02)


def test_files_of_other_commands_are_named(capsys):
    folder = Path(__file__).resolve().parents[1] / "runs"
    for name, command in (("spin_memory", "hopnet memory"), ("pumping_wall", "hopnet pumping run")):
        assert main(["run", str(folder / f"{name}.toml")]) == 2
        assert f"run `{command} " in capsys.readouterr().err
