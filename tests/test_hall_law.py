"""Hall mobility against conductivity: local slopes, optimal triad, figure, commands. [hall 7]"""

import json

import numpy as np
import pandas as pd
import pytest

import hopnet as hn
from hopnet.cli.main import main
from hopnet.ensemble.hall_law import hall_law, local_slopes, optimal_triad
from hopnet.network.triads import find_triads
from hopnet.plots.hall import plot_hall_law, plot_hall_triads
from test_observables import hall_run

pytestmark = pytest.mark.filterwarnings("ignore:longer links would change the Hall angle")


def test_the_optimal_triad_is_the_triangular_lattice():
    spacing = 5.0
    sites = hn.lattice_sites("triangular", 12, 12, spacing=spacing, geometry="torus")
    hall = hn.hall_angle(
        hn.build_network(sites, cutoff_radius=1.1 * spacing, contact_width=1.1 * spacing)
    )
    assert float(optimal_triad(spacing)) == pytest.approx(hall.tangent, rel=1e-12)
    assert optimal_triad([1.0, 2.0]).shape == (2,)


def test_slopes_of_an_exact_power_law():
    x = np.array([-9.0, -4.0, -1.0])
    middle, slope, error = local_slopes(x, 0.5 * x + 3.0, [0.3, 0.4, 0.0])
    assert middle.tolist() == [-6.5, -2.5]
    assert slope == pytest.approx(0.5, rel=1e-14)
    assert error == pytest.approx([0.1, 0.4 / 3], rel=1e-14)
    with pytest.raises(hn.ParameterError, match="two or more points"):
        local_slopes([1.0], [2.0], [0.1])
    with pytest.raises(hn.ParameterError, match="different x"):
        local_slopes([1.0, 1.0], [2.0, 3.0], [0.1, 0.1])


def made_table():
    """Two densities, 5 samples each, tan = sigma^(1/2) with a spread of (0.5, 1, 1, 1, 4)."""
    rows = []
    for density, log_sigma in ((0.1, -7.0), (0.01, -24.0)):
        for sample, factor in enumerate((0.5, 1.0, 1.0, 1.0, 4.0)):
            rows.append(
                {
                    "sites.density": density,
                    "density": density,
                    "sample": sample,
                    "tau_s": 0.0,
                    "hall_tangent": factor * np.exp(0.5 * log_sigma),
                    "hall_log_sigma_xx": log_sigma,
                    "hall_cutoff_error": 0.0,
                    "hall_n_effective": 10.0,
                    "hall_negative_share": 0.0,
                    "status": "done",
                }
            )
    return pd.DataFrame([*rows, rows[0] | {"status": "MemoryError", "hall_tangent": np.nan}])


def test_the_law_of_a_made_table():
    law = hall_law(made_table(), ["sites.density"])
    assert law["log_sigma"].tolist() == [-24.0, -7.0]
    assert law["n_samples"].tolist() == [5, 5]
    assert law["median"].tolist() == pytest.approx(np.exp([-12.0, -3.5]), rel=1e-14)
    assert law["tangent"].tolist() == pytest.approx(1.5 * np.exp([-12.0, -3.5]), rel=1e-14)
    assert np.isnan(law["tangent_slope"].iloc[0])
    assert law["tangent_slope"].iloc[1] == pytest.approx(0.5, rel=1e-13)
    assert law["median_slope"].iloc[1] == pytest.approx(0.5, rel=1e-13)
    lengths = [float(hn.critical_length(d)) for d in (0.01, 0.1)]
    assert law["critical_length"].tolist() == pytest.approx(lengths, rel=1e-13)
    step = 2 * (lengths[0] - lengths[1])
    assert law["tangent_slope_xi_c"].iloc[1] == pytest.approx(-8.5 / step, rel=1e-13)
    with pytest.raises(hn.ParameterError, match="hall_angle = true"):
        hall_law(made_table().drop(columns="hall_tangent"), ["sites.density"])


def test_figures():
    figure = plot_hall_law(made_table(), ["sites.density"])
    upper, lower = figure.axes
    assert upper.get_yscale() == "log"
    assert "eta b" in upper.get_ylabel()
    assert "sigma" in lower.get_xlabel()
    sites = hn.random_sites(400, density=0.02, seed=3, geometry="cylinder")
    network = hn.build_network(sites, cutoff_radius=12.0, contact_width=12.0)
    triads = find_triads(network)
    with pytest.warns(hn.ValidityWarning, match="carried by"):
        hall = hn.hall_angle(network, triads=triads)
    left, right = plot_hall_triads(hall, triads).axes
    assert len(left.patches) > 3
    carried = right.lines[0].get_ydata()
    assert carried[-1] == pytest.approx(1.0, rel=1e-12)
    assert np.all(np.diff(carried) >= 0)


def test_command_of_one_sample(tmp_path, capsys):
    words = ["hall", "sample", "--n-sites", "2000", "--density", "0.05", "--seed", "7", "--json"]
    assert main([*words, "--out", str(tmp_path)]) == 0
    answer = json.loads(capsys.readouterr().out)
    sites = hn.random_sites(2000, density=0.05, seed=np.random.SeedSequence(7), geometry="cylinder")
    hall = hn.hall_angle(hn.build_network(sites))
    assert answer["tan_theta_H_over_eta_b"] == pytest.approx(hall.tangent, rel=1e-12)
    assert answer["rho_yx_over_eta_b"] == pytest.approx(hall.resistivity_yx, rel=1e-12)
    assert (tmp_path / "hall_triads.png").stat().st_size > 5000
    thermal = [*words, "--geometry", "torus", "--kT", "0.2", "--chemical-potential", "0"]
    assert main(thermal) == 0
    assert json.loads(capsys.readouterr().out)["tan_theta_H_over_eta_b"] > 0


@pytest.mark.filterwarnings("ignore:density")
def test_command_in_si_units(capsys):
    words = ["hall", "sample", "--n-sites", "1500", "--seed", "7", "--json"]
    assert main([*words, "--material", "runs/material_letter.toml"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["density"] == pytest.approx(0.2)
    assert answer["R_H_m2_per_C"] < 0  # electrons, bonding states: the ordinary sign
    per_tesla = answer["tan_theta_H_per_tesla"]
    assert answer["hall_mobility_cm2_per_Vs"] == pytest.approx(1e4 * per_tesla, rel=1e-12)
    unit = 6.582e-3 * 0.15193  # eta b of the letter's material at one tesla
    assert per_tesla == pytest.approx(unit * answer["tan_theta_H_over_eta_b"], rel=1e-3)


def test_command_over_a_run(tmp_path, capsys):
    run = hn.run_ensemble(
        hall_run(scan={"sites.density": [0.1, 0.05]}), tmp_path / "run", workers=1
    )
    assert len(run) == 10
    words = ["hall", "law", str(tmp_path / "run")]
    assert main([*words, "--json", "--out", str(tmp_path)]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [row["sites.density"] for row in rows] == [0.05, 0.1]
    assert rows[0]["tangent_slope"] is None
    assert 0.3 < rows[1]["tangent_slope"] < 0.9
    assert (tmp_path / "hall_law.png").stat().st_size > 5000
    assert main(words) == 0
    assert "optimal triad" in capsys.readouterr().out
    assert main(["plot", str(tmp_path / "run")]) == 0
    assert "hall_law.png" in capsys.readouterr().out


def test_bad_input(tmp_path, capsys):
    assert main(["hall", "sample", "--seed", "1", "--geometry", "open"]) == 2
    assert "hall_resistance" in capsys.readouterr().err
    assert main(["hall", "law", str(tmp_path)]) == 2
    assert "holds no run" in capsys.readouterr().err
    assert main(["hall", "sample", "--seed", "1", "--kT", "-1"]) == 2
    assert "kT" in capsys.readouterr().err
    assert main(["hall", "sample", "--seed", "1", "--material", "none.toml"]) == 2
    assert "none.toml" in capsys.readouterr().err
