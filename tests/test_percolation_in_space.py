"""Percolation in space: the threshold without a fit, exponents, conductance at the threshold."""

import json

import numpy as np
import pandas as pd
import pytest

import hopnet as hn
from hopnet.cli import main as command
from hopnet.percolation.criticality import (
    sample_conductances,
    sample_critical,
    sample_thresholds,
)
from hopnet.percolation.literature import CONSTANTS, PLANE, SPACE
from hopnet.percolation.scaling import conductivity_exponent, critical_exponents
from hopnet.percolation.wrapping import (
    canonical_threshold,
    combined_threshold,
    infinite_threshold,
    wrapping_probability,
    wrapping_threshold,
)

SEED = 20261128
SIZES = ((250, 300), (1000, 150), (4000, 40))


@pytest.fixture(scope="module")
def critical():
    parts = [sample_critical(n, k, seed=SEED, dimension=3) for n, k in SIZES]
    return pd.concat(parts, ignore_index=True)


def within(value, error, exact, sigmas=3.0):
    return abs(value - exact) <= sigmas * error


def test_threshold_of_space(critical):
    """l_c n_s^(1/3) = 0.867552 from 490 samples, all of fixed size, without a fit."""
    value, error, chi_squared = combined_threshold(critical, dimension=3)
    assert error < 1.5e-3
    assert within(value, error, SPACE.l_c)
    assert chi_squared < 5


def test_samples_of_fixed_size_alone_are_biased():
    """Invented thresholds: with a varying number of sites they wrap at l = 1 with 0.46.

    Thresholds of samples of N sites scatter by s about m. With a Poissonian N they scatter by
    hypot(s, 1 / (3 sqrt(N))), so that m = 1 - z hypot(...), where z is the quantile of 0.46.
    """
    n_sites, scatter, quantile = 100, 0.01, -0.10043372051146976
    mean = 1.0 - quantile * np.hypot(scatter, 1 / (3 * np.sqrt(n_sites)))
    values = np.random.default_rng(3).normal(mean, scatter, 40_000)
    found, error = canonical_threshold(values, n_sites, 0.46, 3)
    assert error < 1e-4
    assert within(found, error, 1.0, 5.0)
    assert wrapping_probability(values, n_sites, found, 3).mean() == pytest.approx(0.46, abs=1e-10)
    plain, plain_error = wrapping_threshold(values, 0.46)
    assert not within(plain, plain_error, 1.0, 10.0)
    with pytest.raises(hn.ParameterError, match="10 samples"):
        canonical_threshold(values[:9], n_sites, 0.46, 3)


def test_events_are_in_order(critical):
    axes = critical[["x", "y", "z"]].to_numpy()
    assert np.all(critical["first"] <= critical["second"])
    assert np.all(critical["second"] <= critical["third"])
    assert np.all(axes.min(axis=1) >= critical["first"] - 1e-12)
    assert np.all(axes.max(axis=1) <= critical["third"] + 1e-12)
    np.testing.assert_allclose(critical["size"] ** 3, critical["n_sites"], rtol=1e-12)
    again = sample_thresholds(1000, 2, seed=SEED, first=5, dimension=3)
    same = critical[critical["n_sites"] == 1000].reset_index(drop=True)[again.columns][5:7]
    pd.testing.assert_frame_equal(again, same.reset_index(drop=True))


def test_exponents_of_space(critical):
    found = critical_exponents(critical, dimension=3)
    for name, largest in (("D_f", 0.2), ("D_min", 0.15), ("D_backbone", 0.3), ("D_red", 0.3)):
        estimate = getattr(found, name)
        assert estimate.error < largest, name
        assert within(estimate.value, estimate.error, getattr(SPACE, name), 4.0), name


@pytest.mark.parametrize("dimension", [2, 3])
def test_exponents_of_exact_power_laws(dimension):
    """Invented samples that follow the laws of each dimension give its exponents."""
    known = CONSTANTS[dimension]
    rng = np.random.default_rng(dimension)
    parts = []
    for size in (8.0, 16.0, 32.0, 64.0):
        noise = 1 + 0.01 * rng.normal(size=(400, 6))
        slope = dimension - 2 - 2.28
        parts.append(
            pd.DataFrame(
                {
                    "size": size,
                    "first": 1.0,
                    "second": 1.0 + size ** (-1 / known.nu) * noise[:, 0],
                    "largest": size**known.D_f * noise[:, 1],
                    "backbone": size**known.D_backbone * noise[:, 2],
                    "red": size**known.D_red * noise[:, 3],
                    "chemical": size**known.D_min * noise[:, 4],
                    "conductance": size**slope * noise[:, 5],
                }
            )
        )
    table = pd.concat(parts, ignore_index=True)
    found = critical_exponents(table, dimension=dimension)
    for name in ("nu", "beta", "D_f", "D_backbone", "D_red", "D_min"):
        estimate = getattr(found, name)
        assert within(estimate.value, estimate.error, getattr(known, name), 4.0), name
        assert estimate.error < 0.03, name
    t = conductivity_exponent(table, dimension=dimension)
    assert within(t.value, t.error, 2.28 * known.nu, 4.0)


def test_hyperscaling_of_the_constants():
    """beta = nu (dim - D_f) and D_red = 1 / nu hold for the constants of both dimensions."""
    for known in (PLANE, SPACE):
        assert known.beta == pytest.approx(known.nu * (known.dimension - known.D_f), rel=1e-12)
        assert known.D_red == pytest.approx(1 / known.nu, rel=1e-12)


def test_conductance_at_the_threshold():
    """Equal links at l_c: some samples conduct, none better than all links of a cut together."""
    table = sample_conductances(1000, 40, seed=SEED, dimension=3)
    assert 0.2 < np.mean(table["conductance"] > 0) < 1
    assert table["conductance"].max() < 10.0


def test_commands_in_space(capsys, tmp_path):
    folder = str(tmp_path)
    typed = ["percolation", "threshold", "--sizes", "300", "--samples", "30", "--seed", "2"]
    assert command.main([*typed, "--dimension", "3", "--out", folder, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    rows = pd.read_csv(tmp_path / "samples.csv")
    value, error = infinite_threshold(rows, 3)
    assert answer["l_c_cbrt_density"] == pytest.approx(value, rel=1e-12)
    assert answer["standard_error"] == pytest.approx(error, rel=1e-9)
    assert answer["literature"] == SPACE.l_c
    assert (tmp_path / "collapse.png").stat().st_size > 10_000
    typed = ["percolation", "mott", "--side", "10", "--samples", "30", "--seed", "2", "--json"]
    assert command.main(typed) == 0
    answer = json.loads(capsys.readouterr().out)
    assert within(answer["mott_number"], answer["standard_error"], 17.12, 4.0)
    assert command.main([*typed, "--dimension", "4"]) == 2
    assert "2 (a plane) or 3 (space)" in capsys.readouterr().err


@pytest.mark.slow
def test_constants_of_space_to_two_digits():
    """Some ten minutes: l_c to 1e-4, D_f, D_backbone and D_min within two standard errors."""
    sizes = ((1000, 8000), (4000, 4000), (16000, 1500), (64000, 300), (256000, 60))
    parts = [sample_critical(n, k, seed=SEED, dimension=3) for n, k in sizes]
    table = pd.concat(parts, ignore_index=True)
    value, error, _ = combined_threshold(table, dimension=3)
    assert error <= 1.5e-4
    assert within(value, error, SPACE.l_c)
    found = critical_exponents(table, dimension=3)
    for name, largest in (("nu", 0.1), ("D_f", 0.03), ("D_backbone", 0.06), ("D_min", 0.02)):
        estimate = getattr(found, name)
        assert estimate.error <= largest, name
        assert within(estimate.value, np.hypot(estimate.error, 0.015), getattr(SPACE, name)), name
