"""The command ``hopnet boltzmann``, its figures and its bench."""

import json

import pytest

from hopnet.cli.main import main


def run(capsys, *words):
    code = main(["boltzmann", *words])
    caught = capsys.readouterr()
    return code, caught.out, caught.err


def test_response_agrees_with_itself(capsys):
    code, out, _ = run(capsys, "response", "--no-star", "--harmonics", "1", "--json")
    assert code == 0
    table = json.loads(out)
    assert table["exact_3x3"]["M_y"] == pytest.approx(table["harmonics"]["M_xyz"][1], rel=2e-2)
    assert table["harmonics"]["residual"] < 1e-12


def test_response_chooses_its_harmonics_and_states_their_error(capsys):
    code, out, _ = run(capsys, "response", "--json")
    assert code == 0
    chosen = json.loads(out)["harmonics"]
    assert chosen["truncation_error"] <= 1e-9
    code, out, _ = run(capsys, "response", "--harmonics", "1", "--json")
    one = json.loads(out)["harmonics"]
    assert one["highest"] == 1 < chosen["highest"]
    assert one["truncation_error"] > 0.05, "the star diagram couples to l = 2"
    moved = abs(one["M_xyz"][1] - chosen["M_xyz"][1]) / abs(chosen["J"][0])
    assert moved <= one["truncation_error"]


@pytest.mark.filterwarnings("ignore::hopnet.ValidityWarning")
def test_rashba_states_where_a_mode_grows(capsys):
    code, out, _ = run(capsys, "rashba", "--alpha", "0.1", "--lambda-z", "0.2", "--json")
    assert code == 0
    # ERRATA.md: the rate changes its sign at p = 0.16286 m alpha. The output gives the distance
    # from p = m alpha / 2, which is 1/2 - 0.16286.
    assert json.loads(out)["growing"] == pytest.approx([0.5 - 0.16286], abs=1e-5)


def test_response_prints_complex_numbers_at_a_frequency(capsys):
    code, out, _ = run(capsys, "response", "--frequency", "0.1", "--json")
    assert code == 0
    assert len(json.loads(out)["exact_3x3"]["J_x"]) == 2


def test_rashba_prints_both_sources(capsys):
    code, out, _ = run(capsys, "rashba", "--potential", "gaussian", "--range", "0.5", "--json")
    assert code == 0
    table = json.loads(out)
    assert abs(table["q_yz"]["sum_in_e_over_8pi"]) < 1e-12
    assert table["S_y"]["sum_in_N0_alpha_tau_over_2"] == pytest.approx(2.1743655115, abs=5e-9)


def test_insb_states_what_cannot_be_reproduced(capsys):
    code, out, _ = run(capsys, "insb")
    assert code == 0
    assert "does not follow" in out
    code, out, _ = run(capsys, "insb", "--json")
    assert len(json.loads(out)) == 4


BAD = {
    "single band": (["rashba", "--fermi-energy", "-1"], "fermi_energy"),
    "potential": (["rashba", "--potential", "coulomb"], "potential must be"),
    "time": (["response", "--time", "0"], "drude_time"),
    "convention": (["response", "--convention", "mine"], "convention"),
    "width alone": (["response", "--width", "10"], "--out"),
}


@pytest.mark.parametrize("name", list(BAD))
def test_bad_input_is_one_sentence(capsys, name):
    words, part = BAD[name]
    code, _, err = run(capsys, *words)
    assert code == 2
    assert part in err
    assert err.startswith("error: ")
    assert "Traceback" not in err


@pytest.mark.parametrize("command", ["response", "rashba", "insb"])
def test_help_carries_an_example(capsys, command):
    code, out, _ = run(capsys, command, "--help")
    assert code == 0
    assert f"hopnet boltzmann {command}" in out


def test_figures_of_the_response(capsys, tmp_path):
    code, _, _ = run(
        capsys, "response", "--harmonics", "2", "--width", "100", "--out", str(tmp_path)
    )
    assert code == 0
    drawn = {path.name for path in tmp_path.glob("*.png")}
    assert drawn == {"conversion.png", "hanle.png", "mechanisms.png", "strip.png"}


def test_figures_of_the_rashba_gas(capsys, tmp_path):
    code, _, _ = run(capsys, "rashba", "--out", str(tmp_path))
    assert code == 0
    drawn = {path.name for path in tmp_path.glob("*.png")}
    assert drawn == {"bands.png", "cancellation.png", "spin_density.png", "texture.png"}


def test_figures_carry_their_numbers():
    from hopnet.boltzmann.rashba import RashbaGas
    from hopnet.plots.boltzmann import bands_figure, cancellation_figure

    figure = cancellation_figure(0.4, times=[1.0, 10.0])
    lines = figure.axes[0].get_lines()
    assert [line.get_ydata()[1] for line in lines] == pytest.approx([1, -1, 0], abs=1e-12)
    assert all(ax.get_xlabel() and ax.get_ylabel() for ax in bands_figure(RashbaGas(0.4)).axes)


def test_bench_rows():
    from hopnet.bench.boltzmann import measure

    rows = measure(n_sets=200, repeats=1)
    compared = [row for row in rows if "ratio" in row]
    assert len(compared) >= 3
    assert all(row["seconds_min"] > 0 and row["ratio"] > 0 for row in compared)
