"""The table of f that ships, and the interpolation in it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import hopnet as hn
from hopnet.spin.table import f_between, grid_of, smooth_between

RESULTS = Path(__file__).parents[1] / "runs" / "results"
POINTS = [(0.02, 0.0), (0.02, 30.0), (0.02, 3e5), (0.01, 1e3)]


def test_the_table_says_where_it_comes_from():
    table = hn.f_table()
    assert set(table["geometry"]) == {"bulk", "open"}
    assert {"density", "tau_s", "f", "standard_error", "cutoff_error"} <= set(table.columns)
    assert table["density"].min() == 0.0005
    assert table["density"].max() == 0.2
    assert np.isinf(table["tau_s"]).any()
    assert np.all(table["n_samples"] >= 2)
    assert np.all(np.isfinite(table[["f", "standard_error", "cutoff_error"]]))
    assert "runs/f_surface.toml" in table.attrs["run_files"]
    table.loc[:, "f"] = 0.0  # a copy: nobody can change what others read
    assert hn.f_table()["f"].max() > 1.0


def test_f_of_the_table_is_the_table_at_its_points():
    for row in hn.f_table().itertuples():
        found = hn.f(row.density, row.tau_s, row.geometry)
        assert found.value == pytest.approx(row.f, rel=1e-12)
        assert found.error == pytest.approx(np.hypot(row.standard_error, row.cutoff_error))


def test_the_error_of_the_interpolation_covers_points_that_were_left_out():
    """Without one point the cell is twice as wide, and the error still covers it."""
    grid = grid_of("bulk")
    x, t = np.log(grid.density), np.log(grid.tau_s[1:-1])
    ratios = []
    for k in range(1, x.size - 1):
        kept = np.arange(x.size) != k
        for column, error in zip(grid.f.T, grid.error.T):
            found, bend = f_between(x[kept], column[kept], grid.f[kept, -1], x[k])
            own = np.hypot(error[k], np.interp(x[k], x[kept], error[kept]))
            ratios.append(abs(found - column[k]) / np.hypot(bend, own))
    for k in range(1, t.size - 1):
        kept = np.arange(t.size) != k
        for row, error in zip(grid.f[:, 1:-1], grid.error[:, 1:-1]):
            found, bend = smooth_between(t[kept], row[kept], t[k])
            ratios.append(abs(found - row[k]) / np.hypot(bend, error[k]))
    assert np.mean(np.array(ratios) > 1) < 0.25
    assert np.max(ratios) < 4


def test_f_falls_with_tau_s_and_tends_to_its_limits():
    times = np.concatenate([[0.0], np.geomspace(1e-3, 1e13, 60), [np.inf]])
    for density in (0.15, 0.04, 0.007):
        f = np.array([hn.f(density, t).value for t in times])
        assert np.all(np.diff(f) <= 1e-3)  # within the errors of the table
    assert hn.f(0.1, np.inf).value > 0.25
    assert abs(hn.f(0.1, np.inf, "open").value) < 1e-3


def test_bulk_and_open_agree_at_short_times():
    """At tau_s = 0 they differ by the sites at the edges alone."""
    for density in (0.1, 0.05, 0.02):
        bulk, edges = hn.f(density, 0.0), hn.f(density, 0.0, "open")
        assert bulk.value == pytest.approx(
            edges.value, abs=4 * np.hypot(bulk.error, edges.error) + 0.01 * bulk.value
        )


def test_the_plateau_agrees_with_the_stored_hall_angles():
    """f_inf n_s a_b^2 is the Hall angle; these samples are a part of what the table is made of."""
    stored = pd.read_csv(RESULTS / "hall_density" / "statistics.csv", comment="#")
    assert len(stored) == 7
    for density, row in zip(stored["sites.density"], stored.itertuples()):
        found = hn.f(density, np.inf)
        plateau = row.hall_tangent / density
        scatter = max(row.hall_tangent_standard_error / density, 0.01 * plateau)  # two samples
        error = np.hypot(found.error, scatter) + row.hall_cutoff_error / density
        assert found.value == pytest.approx(plateau, abs=4 * error), density


def test_neither_normalisation_nor_size_is_left_in_the_table():
    """f(0) and f(1e4) at 0.02 from stored samples of 2e3 to 5e5 sites."""
    stored = pd.read_csv(RESULTS / "finite_size" / "statistics.csv", comment="#")
    for row in stored.itertuples():
        found = hn.f(0.02, row.tau_s)
        error = np.hypot(found.error, row.f_standard_error)
        assert row.f == pytest.approx(found.value, abs=4 * error)


@pytest.mark.parametrize(("density", "tau_s"), POINTS)
def test_the_table_agrees_with_new_samples(density, tau_s):
    """Four small samples of other random numbers."""
    f = []
    for seed in range(4):
        sites = hn.random_sites(8000, density=density, seed=9000 + seed, geometry="cylinder")
        f.append(hn.f_curve(hn.build_network(sites), [tau_s], tolerance=0).f[0])
    found = hn.f(density, tau_s)
    error = np.hypot(np.std(f, ddof=1) / 2.0, found.error)
    assert np.mean(f) == pytest.approx(found.value, abs=5 * error)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((0.3, 0.0), "densities n_s a_b\\^2 from 0.0005 to 0.2"),
        ((1e-4, 0.0), "densities n_s a_b\\^2 from 0.0005 to 0.2"),
        ((float("nan"), 0.0), "density must be"),
        ((0.01, -1.0), "tau_s must be"),
        ((0.01, "long"), "tau_s must be"),
        ((0.01, 0.0, "cylinder"), "geometry must be"),
    ],
)
def test_wrong_arguments_are_one_sentence(arguments, says):
    with pytest.raises(hn.ParameterError, match=says):
        hn.f(*arguments)
