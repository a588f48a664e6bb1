"""``hopnet transport``: the table, its errors, its figures, its refusals.

[response 7]
"""

import json
import warnings

import numpy as np
import pytest

import hopnet as hn
from hopnet.cli.main import main
from hopnet.plots.transport import gate_map
from hopnet.transport.response import mean_hop, noise, site_response
from hopnet.transport.summary import transport_table

SITES = hn.with_energies(hn.random_sites(700, density=0.02, seed=3), width=1.0, seed=4)


@pytest.fixture
def table_of_sites(tmp_path):
    SITES.to_frame().to_csv(tmp_path / "sites.csv", index=False)
    return [str(tmp_path / "sites.csv"), f"--length={SITES.length}", f"--width={SITES.width}"]


def test_the_table_is_that_of_the_functions(table_of_sites, capsys):
    options = ["--kT", "0.1", "--chemical-potential", "0.05", "--frequencies", "1e-6,1e-3"]
    assert main(["transport", *table_of_sites, *options, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    rows = {row["quantity"]: row for row in answer["rows"]}
    network = hn.build_network(SITES, kT=0.1, chemical_potential=0.05)
    current = hn.solve_current(network)
    expected = {
        "ln resistivity": current.log_resistivity,
        "mean hop": mean_hop(current),
        "activation energy, level fixed": hn.activation_energy(current),
        "Seebeck coefficient": hn.seebeck_coefficient(current),
        "ln noise": np.log(noise(current)),
    }
    for name, value in expected.items():
        assert rows[name]["value"] == pytest.approx(value, rel=1e-9)
        assert rows[name]["cutoff_error"] > 0
        assert rows[name]["n_effective"] > 1
    at = [row["real"] + 1j * row["imaginary"] for row in answer["admittance"]]
    np.testing.assert_allclose(at, hn.admittance(network, [1e-6, 1e-3]), rtol=1e-9)


def test_figures_and_the_other_files(table_of_sites, tmp_path, capsys):
    out = tmp_path / "figures"
    options = ["--kT", "0.1", "--bath", "marcus", "--reorganisation-energy", "2", "--out", str(out)]
    assert main(["transport", *table_of_sites, *options]) == 0
    assert {path.name for path in out.iterdir()} == {
        "power_map.png",
        "gate_map.png",
        "spectrum.png",
    }
    cylinder = hn.random_sites(900, density=0.02, seed=3, geometry="cylinder")
    network = hn.build_network(cylinder)
    network.save(tmp_path / "network.npz")
    assert main(["transport", str(tmp_path / "network.npz")]) == 0
    assert "Hall angle" in capsys.readouterr().out
    hn.write_matrix_market(network, tmp_path / "links.mtx")
    conductances = tmp_path / "conductances.mtx"
    hn.write_matrix_market(network, conductances, logarithms=False)
    with warnings.catch_warnings():
        warnings.simplefilter("default")  # the command prints the warning
        assert main(["transport", str(conductances), "--contacts", "0:899"]) == 0
    assert "no positions" in capsys.readouterr().err


def test_errors_cover_longer_links():
    """Each value with links up to l_c + 4 a_b against l_c + 10 a_b."""
    for density, seed in ((0.05, 1), (0.02, 2), (0.01, 3)):
        sites = hn.random_sites(1200, density=density, seed=seed)
        width = 1.5 * hn.critical_length(density)
        short, long = (
            transport_table(hn.build_network(sites, cutoff_margin=margin, contact_width=width))
            for margin in (4.0, 10.0)
        )
        error = np.abs(short["value"] - long["value"])
        assert np.all(error <= short["cutoff_error"])
        assert np.all(error > 1e-5 * short["cutoff_error"]), "the error is not empty"


def test_the_gate_map_is_a_convolution():
    network = hn.build_network(SITES, kT=0.1)
    response = 0.1 * site_response(hn.solve_current(network))
    found, pixel = gate_map(network, response, 5.0)
    assert found.shape == (256, 256)
    for row, column in ((10, 20), (128, 77), (250, 3)):
        tip = (np.array([column, row]) + 0.5) * pixel
        far = np.sum((SITES.position - tip) ** 2, axis=1)
        direct = np.sum(response / (1 + far / 25.0))
        assert found[row, column] == pytest.approx(direct, abs=0.05 * np.abs(found).max())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--contacts", "1,2"], "two lists"),
        (["--contacts", "0:5000"], "site"),
        (["--kT", "-1"], "kT"),
        (["--kT", "0.1", "--bath", "marcus"], "reorganisation"),
        (["--kT", "0.1", "--bath", "polaron"], "bath"),
        (["--cutoff-margin", "0"], "cutoff_margin"),
        (["--kT", "0.1", "--frequencies", "-1"], "frequency"),
        (["--kT", "0.1", "--frequencies", "fast"], "--frequencies"),
        (["--unit", "0"], "unit"),
        (["--geometry", "ring"], "geometry"),
        (["--chemical-potential", "0"], "kT"),
    ],
)
def test_bad_options(table_of_sites, options, words, capsys):
    assert main(["transport", *table_of_sites, *options]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert "Traceback" not in error


def test_bad_files(tmp_path, capsys):
    hn.build_network(hn.random_sites(300, density=0.02, seed=3)).save(tmp_path / "network.npz")
    SITES.save(tmp_path / "sites.npz")
    (tmp_path / "broken.npz").write_bytes(b"no")
    (tmp_path / "sites.doc").write_text("x,y")
    for arguments, words in (
        (["none.csv"], "no file"),
        (["none.mtx"], "contacts"),
        (["broken.npz"], "broken.npz"),
        (["network.npz", "--kT", "0.1"], "--kT belongs to"),
        (["network.npz", "--contacts", "y"], "--contacts belongs to"),
        (["sites.npz", "--unit", "2"], "--unit belongs to"),
        (["sites.doc"], "must end in"),
    ):
        assert main(["transport", str(tmp_path / arguments[0]), *arguments[1:]]) == 2
        assert words in capsys.readouterr().err
