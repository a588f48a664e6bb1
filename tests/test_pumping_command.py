"""The command ``hopnet pumping``, its run files and its pictures: [pumping 25], [pumping 30]."""

import doctest
import importlib
import json
import pkgutil
import tomllib
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

import hopnet.pumping
from hopnet.cli import pumping as command
from hopnet.errors import ParameterError, ValidityWarning
from hopnet.plots import frame
from hopnet.plots import pumping as plots
from hopnet.pumping.contacts import solve_junction
from hopnet.pumping.conversion import rashba
from hopnet.pumping.currents import pump
from hopnet.pumping.medium import Medium
from hopnet.pumping.named_textures import skyrmion
from hopnet.pumping.report import answer
from hopnet.pumping.run_file import RunFile, read_run_file
from hopnet.pumping.texture import PeriodicTexture, TimeSeries
from hopnet.pumping.texture_file import save_texture

RUNS = sorted((Path(__file__).parents[1] / "runs").glob("pumping*.toml"))


def invoke(*words):
    app = typer.Typer()
    command.add_to(app)

    @app.command("other")
    def other():
        """A second command. With one command alone, typer would not expect the word ``pumping``."""

    result = CliRunner().invoke(app, ["pumping", *map(str, words)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize("path", RUNS, ids=lambda p: p.stem)
def test_every_run_file_runs(path, tmp_path):
    """Each run gives no warning, writes all files, and obeys the laws in SI."""
    output = invoke("run", path, "--out", tmp_path / "out", "--json")
    summary = json.loads(output)
    assert summary == json.loads((tmp_path / "out" / "summary.json").read_text())
    for section, entries in summary.items():
        for name, value in entries.items():
            assert np.all(np.isfinite(value)), f"{section}: {name}"
    if "checks" in summary:
        laws = {k: v for k, v in summary["checks"].items() if k != "torque_identity"}
        assert max(laws.values()) < 1e-9
    else:
        assert summary["spin"]["spin balance, residual"] < 1e-10
    assert list((tmp_path / "out").glob("*.png"))
    with np.load(tmp_path / "out" / "fields.npz") as stored:
        assert "kind" in stored.files
        assert len(stored.files) > 5


def test_there_is_a_run_file_for_every_question():
    assert {p.stem for p in RUNS} >= {"pumping_junction", "pumping_skyrmion", "pumping_wall"}


def test_run_prints_for_people(tmp_path):
    text = invoke("run", RUNS[0])
    assert "mean free path [nm]" in text
    assert "0.5" in text


def test_platinum_like_example_has_a_free_path_below_a_nanometre():
    run = read_run_file(next(p for p in RUNS if p.stem == "pumping_junction"))
    medium = run.medium.build()
    assert medium.mean_free_path < 1e-9
    assert medium.spin_diffusion_length == pytest.approx(1.5e-9, rel=1e-12)


def test_si_and_reduced_units_agree():
    """The same junction computed in SI and in units of nm, tau and hbar/tau."""
    run = read_run_file(next(p for p in RUNS if p.stem == "pumping_junction"))
    medium, texture = run.medium.build(), run.texture.build(cell_centred=True)
    left, right = run.contacts.build()
    ours = solve_junction(texture, medium, left=left, right=right)
    nm, tau, hbar = 1e-9, medium.tau, medium.hbar
    energy = hbar / tau
    reduced = Medium(
        exchange=medium.exchange / energy,
        tau=1.0,
        hbar=1.0,
        density_of_states=medium.density_of_states * energy * nm**3,
        fermi_energy=medium.fermi_energy / energy,
        mass=medium.mass * nm**2 / (energy * tau**2),
        tau_s=medium.tau_s / tau,
    )
    scaled = type(texture)(
        texture.plus, texture.z, (texture.lengths[0] / nm,), texture.frequency * tau
    )
    theirs = solve_junction(scaled, reduced, left=left * nm, right=right * nm)
    for order in (1, 2):
        current = theirs.pumped_current(order) * hbar / (nm**2 * tau)
        scale = np.abs(current).max()
        np.testing.assert_allclose(ours.pumped_current(order), current, atol=1e-9 * scale)


@pytest.mark.parametrize(
    "words",
    [
        ("crossover", "--frequency-tau", "1e308"),
        ("crossover", "--frequency-tau", "nan"),
        ("efficiency", "--frequency-GHz", "1e300"),
        ("orders", "--cone-angle-deg", "1e-300"),
    ],
)
def test_numbers_that_overflow_are_refused(words):
    """Numbers that overflow are refused, not printed as NaN."""
    with pytest.raises(ParameterError):
        invoke(*words, "--json")


def test_a_run_does_not_replace_an_ensemble(tmp_path):
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(ParameterError, match="another run"):
        invoke("run", RUNS[0], "--out", tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["manifest.json"]


def test_figures_are_written_whole(tmp_path, monkeypatch):
    """If writing a figure fails, the older file remains unchanged."""
    figure = frame.new_figure(2.0, 2.0)
    path = tmp_path / "figure.png"
    path.write_bytes(b"older")
    monkeypatch.setattr(figure, "savefig", lambda *a, **k: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        frame.save_figure(figure, path)
    assert path.read_bytes() == b"older"
    assert [p.name for p in tmp_path.iterdir()] == ["figure.png"]


def test_crossover_command(tmp_path):
    out = tmp_path
    report = json.loads(invoke("crossover", "--json", "--out", out))
    assert report["crossover_q_ell"]["3d"] == pytest.approx(2.331122, abs=1e-6)
    assert report["rows"][3]["ratio_3d"] == pytest.approx(0.12003, abs=5e-6)
    local = [row["local"] for row in report["interface"]]
    assert all(np.diff(local) < 0)  # a smoother interface has a smaller local part
    assert (out / "crossover.png").stat().st_size > 10_000
    assert "leading" in invoke("crossover")


def test_efficiency_command(tmp_path):
    out = tmp_path
    report = json.loads(invoke("efficiency", "--json", "--out", out))
    last = report["rows"][-1]
    assert last["impurity_boltzmann"] < 0.1 * last["impurity_diffusive"]
    assert (out / "efficiency.png").stat().st_size > 10_000
    junction = next(p for p in RUNS if p.stem == "pumping_junction")
    assert "Rashba" in invoke("efficiency", junction)


def test_orders_command(tmp_path):
    """For J -> 0 the ratio tends to 1 with the vertex "full", to a ratio of rates with "single"."""
    out = tmp_path
    rows = json.loads(invoke("orders", "--json", "--out", out))
    for row in (r for r in rows if r["strength"] < 0.0031):
        assert row["full"] == pytest.approx(1, abs=1e-4)
        assert row["single"] < 0.51
    assert (out / "orders.png").stat().st_size > 10_000
    assert "strength" in invoke("orders")


@pytest.mark.parametrize(
    "words", [["--help"], *([c, "--help"] for c in ("run", "crossover", "efficiency", "orders"))]
)
def test_help_has_an_example(words):
    assert "Example: hopnet pumping" in " ".join(invoke(*words).split())


# run files -------------------------------------------------------------------------------------

GOOD = """
question = "a spiral"
[medium]
exchange_meV = 1.0
fermi_energy_eV = 5.0
mean_free_path_nm = 0.5
tau_s_ps = 0.01
[texture]
kind = "spiral"
shape = [16]
lengths_nm = [40.0]
frequency_GHz = 10.0
[solve]
vertex = "full"
"""


def written(folder, text):
    path = folder / "run.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "frequency_GHz",
            "freqency_GHz",
            r"'freqency_GHz' in \[texture\]; did you mean 'frequency_GHz'",
        ),
        ("tau_s_ps", "tau_s_ns", r"'tau_s_ns' in \[medium\]; did you mean 'tau_s_ps'"),
        ("vertex =", "vertx =", r"'vertx' in \[solve\]; did you mean 'vertex'"),
        ("question", "qestion", r"'qestion' at the top; did you mean 'question'"),
        ('"spiral"', '"helix"', "texture.kind must be one of 'spiral'"),
        ('kind = "spiral"', "", "texture.kind must be one of"),
        ("exchange_meV = 1.0", "", "medium.exchange_meV is missing"),
        ('"full"', '"half"', "solve.vertex"),
        ("[16]", "[0]", "texture.shape.0"),
        ("lengths_nm = [40.0]", "lengths_nm = [-4.0]", "texture.lengths_nm.0"),
        ("fermi_energy_eV = 5.0", "fermi_energy_eV = 'five'", "medium.fermi_energy_eV"),
        ("[medium]", "[medium", "is not valid TOML"),
    ],
)
def test_bad_run_file(old, new, words, tmp_path):
    assert old in GOOD
    with pytest.raises(ParameterError, match=words):
        read_run_file(written(tmp_path, GOOD.replace(old, new)))


def test_missing_run_file(tmp_path):
    with pytest.raises(ParameterError, match="there is no run file"):
        read_run_file(tmp_path / "none.toml")


def test_run_file_is_frozen(tmp_path):
    run = read_run_file(written(tmp_path, GOOD))
    with pytest.raises(ValueError, match="frozen"):
        run.question = "another"


def test_junction_refuses_options_of_the_box(tmp_path):
    text = GOOD + "dealias = true\n[contacts]\nright = 2.5\n"
    with pytest.raises(ParameterError, match=r"solve\.dealias and solve\.zero_mode"):
        answer(read_run_file(written(tmp_path, text)))
    assert read_run_file(written(tmp_path, text)).contacts.build() == (0.0, 2.5e9)


def test_a_junction_with_strong_exchange_warns(tmp_path):
    text = GOOD.replace("exchange_meV = 1.0", "exchange_meV = 100.0") + "[contacts]\n"
    text = text.replace("[16]", "[300]")
    with pytest.warns(ValidityWarning, match="all_orders"):
        answer(read_run_file(written(tmp_path, text)))


@pytest.mark.parametrize("kind", ["standing_wave", "file"])
def test_other_textures(kind, tmp_path):
    text = GOOD.replace('"spiral"', f'"{kind}"')
    if kind == "file":
        table = tomllib.loads(text)["texture"]
        for key in table:
            text = "\n".join(x for x in text.splitlines() if not x.startswith(f"{key} ="))
        text = text.replace("[texture]", '[texture]\nkind = "file"\npath = "mine.npz"')
        time = np.linspace(0, 1e-10, 200)
        turn = 6e10 * time - 2 * np.pi * np.arange(16)[:, None] / 16
        spin = np.stack([np.cos(turn), np.sin(turn), 0 * turn])
        save_texture(tmp_path / "mine.npz", TimeSeries(spin, (4e-8,), time))
    out = tmp_path / "out"
    invoke("run", written(tmp_path, text), "--out", out)
    assert (out / "spin.png").stat().st_size > 10_000


def test_unknown_section_names_the_nearest(tmp_path):
    with pytest.raises(ParameterError, match="did you mean 'contacts'"):
        read_run_file(written(tmp_path, GOOD + "[contact]\nleft = 0.0\n"))
    assert set(RunFile.model_fields) == {"question", "medium", "texture", "contacts", "solve"}


@pytest.mark.parametrize("name", [m.name for m in pkgutil.iter_modules(hopnet.pumping.__path__)])
def test_docstring_examples_run(name):
    module = importlib.import_module(f"hopnet.pumping.{name}")
    outcome = doctest.testmod(module, extraglobs={"np": np})
    assert outcome.failed == 0


# pictures --------------------------------------------------------------------------------------


def test_charge_map_labels_its_axes():
    medium = Medium.from_lab(
        exchange_meV=1,
        fermi_energy_eV=5,
        mean_free_path_nm=0.5,
        spin_diffusion_length_nm=1.5,
        rashba_meV_nm=(4, 0, 9),
    )
    texture = skyrmion((96, 96), (7e-8, 7e-8), radius=5e-9, frequency=6e10)
    figure = plots.plot_charge_map(rashba(pump(texture, medium)), title="here")
    labels = [axes.get_xlabel() + axes.get_ylabel() for axes in figure.axes]
    assert sum("nm" in label for label in labels) >= 3
    assert "A/m" in figure.axes[1].get_title()
    arrows = figure.axes[1].collections[-1]
    assert np.hypot(arrows.U, arrows.V).max() == pytest.approx(1, rel=0.2)


def test_junction_picture_of_a_sampled_texture():
    medium = Medium.from_lab(
        exchange_meV=1, fermi_energy_eV=5, mean_free_path_nm=0.5, spin_diffusion_length_nm=1.5
    )
    phase = 2 * np.pi * np.arange(6) / 6
    fall = np.linspace(1, 0, 60)[:, None]
    spin = np.stack([fall * np.cos(phase), fall * np.sin(phase), fall + 0 * phase])
    junction = solve_junction(PeriodicTexture(spin, (2e-8,), 1e-10), medium, right=np.inf)
    figure = plots.plot_junction(junction)
    line = figure.axes[3].lines[0]
    expected = plots.in_amperes(medium, junction.pumped_current_parts(2)[2].mean(axis=-1))
    shown = [line for axes in figure.axes for line in axes.lines]
    assert any(np.array_equal(line.get_ydata(), expected) for line in shown)
    assert line.get_xdata()[-1] <= 20.001
