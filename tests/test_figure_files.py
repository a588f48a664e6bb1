"""`hopnet plot`: formats, looks and the axis of relaxation."""

import re

import pytest

import hopnet as hn
from hopnet.cli.main import main
from hopnet.plots.ensemble import run_figures
from hopnet.plots.frame import looking, new_figure

RUN = {
    "sites": {"n_sites": 80, "density": 0.05, "seed": 1, "geometry": "cylinder"},
    "spin": {"tau_s": [0.0, 1.0, 10.0, 100.0]},
    "ensemble": {"samples": 3},
}


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    out = tmp_path_factory.mktemp("figures") / "run"
    hn.run_ensemble(RUN, out)
    return out


@pytest.mark.parametrize(
    ("ending", "start"), [("pdf", b"%PDF"), ("svg", b"<?xml"), ("png", b"\x89PNG")]
)
def test_formats_of_files(directory, ending, start):
    assert main(["plot", str(directory), "--format", ending]) == 0
    file = directory / "figures" / f"spin_currents.{ending}"
    first = file.read_bytes()
    assert first.startswith(start)
    assert main(["plot", str(directory), "--format", ending]) == 0
    assert ending == "svg" or file.read_bytes() == first  # ids in SVG files are random


def test_a_figure_for_paper_fits_a_column(directory):
    assert main(["plot", str(directory), "--format", "svg", "--style", "paper"]) == 0
    text = (directory / "figures" / "spin_currents.svg").read_text()
    width = float(re.search(r'width="([\d.]+)pt"', text)[1]) / 72
    assert width == pytest.approx(3.4, abs=0.05)
    assert "N = 80" in text
    assert "cylinder" in text


def test_times_instead_of_rates(directory):
    table, statistics = hn.read_results(directory), hn.read_results(directory, what="statistics")
    with looking("screen", "tau_s"):
        figures = dict(run_figures(table, statistics, ()))
    axes = figures["spin_currents"].axes[0]
    assert axes.get_xlabel() == r"$\tau_s/\tau_0$"
    assert axes.lines[-2].get_xdata().tolist() == [1.0, 10.0, 100.0]
    assert new_figure(6.4, 4.4).get_size_inches().tolist() == [6.4, 4.4]


def test_unknown_looks_are_refused(directory, capsys):
    for words, what in (
        (["--format", "gif"], "format must be one of 'png', 'pdf', 'svg', got 'gif'"),
        (["--style", "poster"], "style must be one of 'screen', 'paper', got 'poster'"),
        (["--x", "time"], "x must be one of 'rate', 'tau_s', got 'time'"),
    ):
        assert main(["plot", str(directory), *words]) == 2
        assert what in capsys.readouterr().err
