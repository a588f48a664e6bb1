"""Figures, tables, command and bench of the full coupled equations."""

import json

import numpy as np
import pytest
from scipy.constants import e, m_e

import hopnet as hn
from hopnet.cli.main import main
from hopnet.errors import ParameterError
from hopnet.spin.kinetics.scan import cisp_against_density, full_over_leading

FORM = [[0.0, 1.0], [0.6, 0.0]]


@pytest.fixture
def network():
    return hn.build_network(hn.random_sites(300, density=0.05, seed=4), cutoff=1.5)


def test_ratio_table_and_figure(network):
    from hopnet.plots.kinetics import plot_full_over_leading

    table = full_over_leading(network, FORM, eta=0.01, angles=[0.001, 0.1], tau_s=[1.0, 1e4])
    assert len(table) == 4
    weak = table[table["angle"] == 0.001]
    np.testing.assert_allclose(weak["ratio"], 1, atol=1e-3)
    slope = table["tau_DP"].max() / table["tau_DP"].min()
    assert slope == pytest.approx(100**2, rel=0.2)  # second order in the angle
    figure = plot_full_over_leading(table, title="ratio")
    lines = figure.axes[0].get_lines()[:2]
    np.testing.assert_allclose(lines[0].get_ydata(), weak.sort_values("tau_s")["ratio"])
    with pytest.raises(ParameterError, match="must not vanish"):
        full_over_leading(network, np.zeros((2, 2)), eta=0.01, angles=[0.1], tau_s=[1.0])


def test_spin_map_shows_every_spin_of_some_length(network):
    from hopnet.plots.kinetics import plot_spin_map

    spins = hn.solve_kinetics(
        network, 0.05 * np.array(FORM), eta=0.01, tau_s=1e3, generation=(0, 0, 1e-3)
    )
    figure = plot_spin_map(spins, title="map")
    dots = figure.axes[0].collections[1]
    length = np.linalg.norm(spins.spin, axis=1)
    assert len(dots.get_offsets()) == np.sum(length > 1e-3 * length.max())
    assert np.abs(dots.get_array()).max() <= 1
    quiet = hn.solve_kinetics(network, FORM, eta=0.01, tau_s=1.0, bias=0.0)
    assert plot_spin_map(quiet).axes  # a sample without spins gives an empty map, not an error


def test_polarisation_grows_exponentially_with_density():
    from hopnet.plots.kinetics import plot_cisp_density

    material = hn.Material(
        a_b=1e-8,
        J_0=1e-2 * e,
        tau_0=1e-11,
        tau_s=1e-9,
        m=0.1 * m_e,
        n=2.5e13,
        n_s=5e14,
        beta=1e-13 * e * np.array(FORM),
        rho_0=5e4,
    )
    table = cisp_against_density(material, [0.01, 0.03, 0.1], n_sites=1500, seed=3, field=1e4)
    assert np.all(np.diff(np.log(table["s"])) > 2)
    # s is proportional to f / rho. With rho_0 unchanged only f, rho and n_s a_b / n change.
    ratio = table["s"] / (table["f"] / table["resistivity"])
    np.testing.assert_allclose(ratio, ratio[0], rtol=1e-12)
    figure = plot_cisp_density(table, field=1e4, title="s(n_s)")
    np.testing.assert_allclose(figure.axes[0].get_lines()[0].get_ydata(), table["s"])


def test_command_kinetics(tmp_path, capsys):
    out = tmp_path / "kinetics"
    arguments = [
        "kinetics",
        "--seed",
        "1",
        "--n-sites",
        "300",
        "--density",
        "0.05",
        "--tau-s",
        "10",
        "--angles",
        "0.003",
    ]
    assert main([*arguments, "--json", "--out", str(out)]) == 0
    (line,) = json.loads(capsys.readouterr().out)
    assert line["ratio"] == pytest.approx(1, abs=1e-3)
    for name in ("ratio.png", "precession.png"):
        assert (out / name).read_bytes().startswith(b"\x89PNG")
    assert main([*arguments]) == 0
    assert "tau DP" in capsys.readouterr().out
    assert main(["kinetics", "--seed", "1", "--anisotropy", "0"]) == 2
    assert "persistent helix" in capsys.readouterr().err


def test_bench_rows():
    from hopnet.bench import peak_apart
    from hopnet.bench.kinetics import measure

    rows = measure(
        n_sites=400, density=0.1, tau_s=(10.0,), repeats=1, matrix_sites=200, memory=False
    )
    assert [row["reference"] for row in rows] == ["Kirchhoff's laws"] * 4 + ["sparse LU of 4N"]
    options = {"eta": 0.01, "tau_s": 10.0}
    assert 20 < peak_apart("kinetics", "solve_once", 400, 0.1, 0.013, options) < 2000
    assert peak_apart("kinetics", "solve_once", 0, 0.1, 0.013, options) is None
    assert all(row["ratio"] > 0 and row["row_residual"] < 1e-8 for row in rows)
    assert rows[-1]["difference"] < 1e-6
