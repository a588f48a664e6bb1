"""The command ``hopnet berry``: its output, curves, pictures, and the rows of the bench."""

import csv
import json

import numpy as np
import pytest

from hopnet.berry import cutoff_curves, insulator_curves, well_energy_curves, well_field_curves
from hopnet.cli.main import main
from hopnet.errors import ParameterError
from hopnet.plots import berry as plots
from hopnet.plots.frame import save_figure


@pytest.fixture
def run(capsys, monkeypatch):
    """Exit code, standard output and standard error of a command line."""
    import typer

    from hopnet.cli import berry
    from hopnet.cli import main as entry

    app = typer.Typer(pretty_exceptions_enable=False)
    app.callback()(lambda: None)
    berry.add_to(app)
    monkeypatch.setattr(entry, "app", app)
    monkeypatch.setattr(entry, "add_topics", lambda: None)

    def call(*words):
        code = main(["berry", *words])
        out = capsys.readouterr()
        return code, out.out, out.err

    return call


def test_forms_say_which_is_which(run):
    code, out, _ = run("forms", "bhz", "--points", "32", "--json")
    report = json.loads(out)
    assert code == 0
    unit = report["unit"]
    assert unit == "e/8pi"
    for name in ("lcc", "xn", "conventional", "conserved"):
        assert report[name] == pytest.approx(-4.0, abs=1e-3)  # -2 e/2pi, spin in hbar/2
    code, out, _ = run("forms", "rashba", "--mu", "4", "--kT", "0.15")
    assert code == 0
    assert "conserved" in out
    assert "-0.977008" in out


def test_chern_and_pieces(run):
    code, out, _ = run("chern", "haldane", "--json")
    assert code == 0
    assert json.loads(out)["chern"] == pytest.approx(-1.0, abs=1e-6)
    code, out, _ = run("pieces", "qwz", "--points", "48", "--json")
    parts = json.loads(out)
    assert parts["total_direct"] == pytest.approx(-0.0112608, abs=1e-6)
    assert parts["total_printed"] == pytest.approx(0.0112608, abs=1e-6)


def test_well(run):
    code, out, _ = run("well", "--json")
    report = json.loads(out)
    assert code == 0
    assert report["lcc"] == pytest.approx(-9.577939, abs=1e-5)
    assert report["conventional"] == pytest.approx(12.544554, abs=1e-5)


@pytest.mark.parametrize(
    "words",
    [
        ("forms", "graphene"),
        ("well", "--material", "Si"),
        ("forms", "qwz", "--kT", "-1"),
        ("figures", "--out", "nowhere", "--which", "3"),
        ("figures", "--out", "nowhere", "--points", "1"),
    ],
    ids=" ".join,
)
def test_bad_input_is_one_sentence(run, words):
    code, _, err = run(*words)
    assert code == 2
    assert err.startswith("error: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize("which", ["2a", "splitting"])
def test_figures_are_written(run, tmp_path, which):
    code, _, _ = run("figures", "--out", str(tmp_path), "--which", which, "--points", "4")
    assert code == 0
    assert (tmp_path / f"berry_{which}.png").read_bytes()[:4] == b"\x89PNG"
    rows = list(csv.DictReader((tmp_path / f"berry_{which}.csv").open()))
    assert len(rows) == (8 if which == "2a" else 4)


def test_insulator_curves_and_picture(tmp_path):
    """In the gap the two directions of m give different values, and whole doublets give 0."""
    curves = insulator_curves([-0.2, 0.1], levels=2, panels=4)
    values = {c.label: c.lcc[1] for c in curves}
    assert values["m || x"] == pytest.approx(1703.7, rel=0.04)
    assert values["m || z"] == pytest.approx(1578.0, rel=0.03)
    assert values["m || y"] == pytest.approx(0.0, abs=1.0)
    assert values["whole doublets"] == pytest.approx(0.0, abs=1.0)
    assert curves[-1].conventional[1] == pytest.approx(-8259.4, rel=1e-3)
    assert curves[-1].conserved[1] == pytest.approx(17624.7, rel=1e-3)
    figure = plots.plot_insulator(curves)
    save_figure(figure, tmp_path / "one.png")
    assert "meV" in figure.axes[0].get_xlabel()


def test_cutoff_curves_and_picture(tmp_path):
    curves = cutoff_curves([0.15, 1.0], directions="z", levels=3)
    np.testing.assert_allclose(curves[-1].lcc, [3727.7, 811.0], rtol=1e-3)
    np.testing.assert_allclose(curves[0].conventional, [-1277.9, -6905.9], rtol=1e-3)
    save_figure(plots.plot_cutoff(curves), tmp_path / "cutoff.png")


def test_well_curves_and_picture(tmp_path):
    energy = well_energy_curves([5.0, 15.0, 30.0])
    np.testing.assert_allclose(energy[0].lcc, [-3.077450, -9.577939, -9.872643], atol=1e-5)
    assert np.all(np.diff(energy[0].lcc) < 0)  # rises in size and saturates
    field = well_field_curves([0.05, 0.5, 20.0], materials=("GaAs", "Ge"), conserved=False)
    assert abs(field[0].lcc[1]) > max(abs(field[0].lcc[0]), abs(field[0].lcc[2]))
    figure = plots.plot_well(field, xlabel="F", logarithmic=True)
    save_figure(figure, tmp_path / "wells.png")
    with pytest.raises(ParameterError, match="materials"):
        well_field_curves([1.0], materials=("Si",))
    with pytest.raises(ParameterError, match="kmax"):
        cutoff_curves([0.0])
    with pytest.raises(ParameterError, match="direction"):
        insulator_curves([0.1], directions="w")


def test_bench_rows_without_peers(monkeypatch):
    """A peer that is not installed has a row that says so."""
    import builtins

    from hopnet.bench import berry as bench

    real = builtins.__import__

    def refuse(name, *rest, **more):
        if name.split(".")[0] in ("wannierberri", "pythtb"):
            raise ImportError(f"no {name}")
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", refuse)
    rows = bench.measure(n=16, repeats=1, start_up=False, sweep_points=4000, threads=1)
    notes = [r["note"] for r in rows if "note" in r]
    assert len(notes) == 3
    assert all("not run" in note for note in notes)
    assert rows[-1]["reference"] == "numpy.linalg.eigh"
    assert rows[-1]["ratio"] > 0
