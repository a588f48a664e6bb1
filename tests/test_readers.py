"""Readers: tables and XYZ files of sites, and what is wrong with them."""

import numpy as np
import pandas as pd
import pytest

import hopnet as hn
from hopnet.network.readers import read_sites

POSITION = np.array([[1.0, 2.0], [4.0, 3.0], [2.5, 6.0], [7.0, 5.5]])
ENERGY = np.array([0.1, -0.2, 0.3, 0.0])


def table():
    return pd.DataFrame({"x": POSITION[:, 0], "y": POSITION[:, 1], "energy": ENERGY})


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".txt", ".dat"])
def test_tables_round_trip(suffix, tmp_path):
    path = tmp_path / f"sites{suffix}"
    if suffix == ".parquet":
        table().to_parquet(path)
    else:
        table().to_csv(path, index=False, sep={".csv": ",", ".txt": ";", ".dat": " "}[suffix])
    sites = read_sites(path, length=8, width=7)
    np.testing.assert_array_equal(sites.position, POSITION)
    np.testing.assert_array_equal(sites.energy, ENERGY)
    assert (sites.length, sites.width, sites.geometry) == (8, 7, "open")


def test_units_and_names(tmp_path):
    path = tmp_path / "nm.csv"
    table().rename(columns={"x": "X_nm", "y": "Y_nm", "energy": "e_meV"}).to_csv(path, index=False)
    sites = read_sites(
        path, x="X_nm", y="Y_nm", energy="e_meV", unit=0.5, length=8, width=7, geometry="torus"
    )
    np.testing.assert_allclose(sites.position, POSITION / 0.5)
    assert (sites.length, sites.width) == (16, 14)


def test_a_frame_of_its_own(tmp_path):
    path = tmp_path / "sites.csv"
    table().to_csv(path, index=False)
    sites = read_sites(path)
    assert np.all(sites.position > 0)
    assert np.all(sites.position < [sites.length, sites.width])
    np.testing.assert_allclose(np.diff(sites.position, axis=0), np.diff(POSITION, axis=0))


def test_extended_xyz(tmp_path):
    path = tmp_path / "sites.xyz"
    lines = [f"C {x} {y} 0.0 {e}" for (x, y), e in zip(POSITION, ENERGY)]
    head = 'Lattice="8 0 0 0 7 0 0 0 1" Properties=species:S:1:pos:R:3:energy:R:1 pbc="T T F"'
    path.write_text("\n".join(["4", head, *lines]) + "\n")
    sites = read_sites(path, geometry="cylinder")
    np.testing.assert_array_equal(sites.position, POSITION)
    np.testing.assert_array_equal(sites.energy, ENERGY)
    assert (sites.length, sites.width, sites.geometry) == (8, 7, "cylinder")


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.csv", "a,b\n1,2\n", "no column 'x'"),
        ("a.csv", "x,y\n1,2\n3,word\n4,5\n", "row 2 holds 'word'"),
        ("a.csv", "x,y\n1,2\n3,\n4,5\n", "finite numbers"),
        ("a.csv", "", "not a readable table"),
        ("a.json", "{}", "must end in"),
        ("a.xyz", "four\n\n", "number of sites"),
        ("a.xyz", "4\n\nC 1 2 0\n", "holds 1"),
        ("a.xyz", '1\nLattice="8 1 0 0 7 0 0 0 1"\nC 1 2 0\n', "rectangle"),
    ],
)
def test_files_that_are_not_sites(name, text, words, tmp_path):
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(hn.DataError, match=words):
        read_sites(path, length=8, width=7)


def test_other_bad_input(tmp_path):
    with pytest.raises(hn.DataError, match="no file"):
        read_sites(tmp_path / "absent.csv")
    path = tmp_path / "sites.csv"
    table().to_csv(path, index=False)
    with pytest.raises(hn.ParameterError, match="needs its sides"):
        read_sites(path, geometry="torus")
    with pytest.raises(hn.ParameterError, match="unit must be"):
        read_sites(path, unit=0)
    with pytest.raises(hn.ParameterError):
        read_sites(path, length=3, width=3)
    with pytest.raises(hn.DataError, match="no column 'e'"):
        read_sites(path, energy="e")
