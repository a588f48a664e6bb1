"""Sites: placed at random, on lattices, given by a user."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.spatial import cKDTree

import hopnet as hn


def test_same_seed_same_bits_and_the_density_asked_for():
    a = hn.random_sites(5000, density=0.02, seed=77, aspect=2.0)
    b = hn.random_sites(5000, density=0.02, seed=77, aspect=2.0)
    assert np.array_equal(a.position, b.position)
    assert not np.array_equal(a.position, hn.random_sites(5000, density=0.02, seed=78).position)
    assert a.density == pytest.approx(0.02)
    assert a.length == pytest.approx(2 * a.width)
    assert not a.position.flags.writeable
    # uniform: chi-square over 10 x 10 cells, 99 degrees of freedom, six standard deviations
    count, _, _ = np.histogram2d(*a.position.T, bins=10, range=[[0, a.length], [0, a.width]])
    assert abs(((count - 50) ** 2 / 50).sum() - 99) < 6 * np.sqrt(2 * 99)


@pytest.mark.parametrize("geometry", ["open", "cylinder", "torus"])
def test_hard_core_keeps_distance_also_across_the_seam(geometry):
    sites = hn.random_sites(3000, density=0.05, seed=5, geometry=geometry, min_distance=2.8)
    box = [max(p, 0) for p in sites.period]
    distance, _ = cKDTree(sites.position, boxsize=box if any(box) else None).query(
        sites.position, k=2
    )
    assert sites.n_sites == 3000
    assert 2.8 <= distance[:, 1].min() < 2.81


@pytest.mark.parametrize(("kind", "neighbours"), [("square", 4), ("triangular", 6)])
@pytest.mark.parametrize("geometry", ["open", "torus"])
def test_lattices_have_their_coordination(kind, neighbours, geometry):
    sites = hn.lattice_sites(kind, 8, 6, spacing=4.0, geometry=geometry)
    assert sites.density == pytest.approx({"square": 1, "triangular": 2 / 3**0.5}[kind] / 16)
    network = hn.build_network(sites, cutoff_radius=4.01, contact_width=4.01)
    degree = np.diff(network.row_start)
    assert degree.max() == neighbours
    if geometry == "torus":
        assert degree.min() == neighbours


def test_own_sites_from_array_and_frame_with_energies(tmp_path):
    position = np.random.default_rng(3).uniform(0, 30, (20, 2))
    frame = pd.DataFrame({"x": position[:, 0], "y": position[:, 1], "energy": np.arange(20.0)})
    sites = hn.sites_from_positions(frame, length=30, width=30, geometry="cylinder")
    assert np.array_equal(sites.position, position)
    assert np.array_equal(sites.energy, np.arange(20.0))
    pd.testing.assert_frame_equal(sites.to_frame(), frame)
    sites.save(tmp_path / "sites.npz")
    again = hn.Sites.load(tmp_path / "sites.npz")
    assert np.array_equal(again.position, position)
    assert np.array_equal(again.energy, sites.energy)
    assert (again.length, again.width, again.geometry) == (30, 30, "cylinder")


@pytest.mark.parametrize(
    "change",
    [
        {"density": 0},
        {"density": -1},
        {"density": float("nan")},
        {"n_sites": 2},
        {"n_sites": 2.5},
        {"aspect": 0},
        {"geometry": "sphere"},
        {"min_distance": 20.0},
        {"min_distance": -1},
        {"min_distance": float("nan")},
    ],
)
def test_bad_numbers_for_random_sites(change):
    with pytest.raises(hn.ParameterError, match="got"):
        hn.random_sites(**{"n_sites": 100, "density": 0.01, "seed": 4} | change)


def test_seed_has_no_default():
    with pytest.raises(TypeError, match="seed"):
        hn.random_sites(100, density=0.01)


def test_high_density_warns_where_rates_are_made_from_a_b():
    sites = hn.random_sites(100, density=0.2, seed=4)
    with pytest.warns(hn.ValidityWarning, match=r"above 0\.1"):
        hn.build_network(sites)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        lattice = hn.lattice_sites("square", 3, 3, spacing=1.0)
        hn.network_from_links(lattice, [0, 1], [1, 2], [0.0, 0.0], contacts=([0], [2]))


GOOD = np.random.default_rng(2).uniform(0, 30, (20, 2))


@pytest.mark.parametrize(
    ("position", "more", "message"),
    [
        (GOOD[:2], {}, "at least 3"),
        (np.where(np.arange(40).reshape(20, 2) == 7, np.nan, GOOD), {}, r"nan at index \(3, 1\)"),
        (GOOD.ravel(), {}, r"shape \(n, 2\)"),
        (GOOD + 1, {}, "lie in"),
        (GOOD, {"length": 0}, "length"),
        (GOOD, {"width": np.inf}, "width"),
        (GOOD, {"energy": np.zeros(19)}, "energy"),
        (GOOD, {"energy": np.full(20, np.nan)}, "energy"),
        (pd.DataFrame(GOOD, columns=["x", "z"]), {}, "columns"),
    ],
)
def test_bad_own_sites(position, more, message):
    with pytest.raises(hn.ParameterError, match=message):
        hn.sites_from_positions(position, **{"length": 30, "width": 30} | more)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "cubic"},
        {"n_x": 1, "n_y": 2},
        {"spacing": 0},
        {"n_y": 5, "geometry": "torus"},
    ],
)
def test_bad_lattices(change):
    given = {"kind": "triangular", "n_x": 4, "n_y": 4, "spacing": 4.0} | change
    with pytest.raises(hn.ParameterError):
        hn.lattice_sites(given.pop("kind"), given.pop("n_x"), given.pop("n_y"), **given)


def test_a_file_of_something_else_is_refused(tmp_path):
    (tmp_path / "broken.npz").write_bytes(b"PK\x03\x04 half a file")
    for name in ("broken.npz", "absent.npz"):
        with pytest.raises(hn.DataError):
            hn.Sites.load(tmp_path / name)


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    sites = hn.random_sites(10, density=0.01, seed=4)
    sites.save(tmp_path / "sites.npz")
    before = (tmp_path / "sites.npz").read_bytes()

    def full_disk(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(hn.DataError, match="No space"):
        hn.random_sites(10, density=0.01, seed=5).save(tmp_path / "sites.npz")
    assert (tmp_path / "sites.npz").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["sites.npz"]
