"""Commands and figures of field, time, temperature and single carriers."""

import json

import pytest

from hopnet.cli.main import main

COMMANDS = {
    "hanle": ["hanle", "--n-sites", "400", "--seed", "7", "--full"],
    "step": ["step", "--n-sites", "1000", "--seed", "7"],
    "temperature": [
        "temperature",
        "--n-sites",
        "3000",
        "--seed",
        "7",
        "--samples",
        "2",
        "--temperatures",
        "0.003:0.03:7",
    ],
    "walk": ["walk", "--n-sites", "100", "--carriers", "1000", "--longest", "3000", "--seed", "7"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_commands_and_figures(name, tmp_path, capsys):
    assert main([*COMMANDS[name], "--out", str(tmp_path / "figures")]) == 0
    lines = capsys.readouterr().out
    assert "wrote" in lines
    picture = (tmp_path / "figures" / f"{name}.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert len(picture) > 20_000
    assert main([*COMMANDS[name], "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["seed"] == 7
    if name == "hanle":
        assert answer["full_equations_differ_by"] < 1e-4
        assert answer["across"][1] > answer["across"][0] > 1 > answer["along"][0]
    elif name == "step":
        assert 0 < answer["half_time_over_tau_s"] < 0.6931
    elif name == "temperature":
        assert answer["kT_0_g_a_b2"] == pytest.approx(13.8, rel=0.4)
    else:
        assert (
            abs(answer["D_walk"] - answer["D_linear_response"])
            < 4 * answer["D_walk_standard_error"]
        )


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["hanle", "--seed", "7", "--largest", "0"], "largest must be"),
        (["hanle", "--seed", "7", "--tau-s", "-1"], "--tau-s must be"),
        (["step", "--seed", "7", "--tau-s", "0"], "tau_s must be"),
        (["temperature", "--seed", "7", "--temperatures", "0"], "three or more positive"),
        (["temperature", "--seed", "7", "--density-of-states", "flat"], "density_of_states"),
        (["walk", "--seed", "7", "--kT", "0"], "kT must be a finite number above 0"),
        (["walk", "--seed", "7", "--carriers", "0"], "n_carriers"),
    ],
)
def test_bad_input_is_one_sentence(command, message, capsys):
    assert main(command) == 2
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


def test_bench_rows():
    from hopnet.bench.dynamics import measure

    hanle, hops = measure(n_sites=300, n_fields=5, carriers=50, time=100.0, repeats=1)
    assert hanle["difference"] < 1e-4
    assert hanle["ratio"] > 0
    assert hops["hops_per_second"] > 1e3
