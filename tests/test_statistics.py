"""Statistics: known answers, coverage of the stated intervals with and without stopping rules."""

import numpy as np
import pandas as pd
import pytest

from hopnet.ensemble.statistics import (
    curves_by_sample,
    mean_interval,
    ratio_of_means,
    samples_for_error,
    summarise,
)
from hopnet.errors import ParameterError

REPETITIONS = 2000
BOUND = (0.935, 0.965)  # 95 % within three standard deviations of 2000 repetitions


def generator(word):
    return np.random.Generator(np.random.Philox(word))


SPREADS = {
    "normal": lambda g, n: 2.0 + 0.1 * g.standard_normal(n),
    "skew": lambda g, n: 2.0 + 0.03 * (g.gamma(16.0, 1.0, n) - 16.0),
}


@pytest.mark.parametrize("spread", SPREADS.values(), ids=SPREADS.keys())
@pytest.mark.parametrize("n", [6, 25])
def test_intervals_cover_the_true_mean(spread, n):
    g = generator(60221)
    samples = spread(g, (n, REPETITIONS))
    _, _, low, high = mean_interval(samples)
    assert BOUND[0] <= np.mean((low < 2.0) & (high > 2.0)) <= BOUND[1]


def stopped(g, spread, target, n_pilot, largest):
    """One adaptive run: the first samples decide, the interval uses their variance."""
    samples = spread(g, largest)
    n = samples_for_error(samples[:n_pilot], target, largest)
    return mean_interval(samples[:n], pilot=n_pilot), n


@pytest.mark.parametrize("spread", SPREADS.values(), ids=SPREADS.keys())
@pytest.mark.parametrize("n_pilot", [5, 12])
def test_intervals_cover_the_true_mean_with_adaptive_stopping(spread, n_pilot):
    g = generator(13806)
    inside, numbers = 0, []
    for _ in range(REPETITIONS):
        (_, _, low, high), n = stopped(g, spread, 0.01, n_pilot, 400)
        inside += low < 2.0 < high
        numbers.append(n)
    assert BOUND[0] <= inside / REPETITIONS <= BOUND[1]
    assert np.mean(numbers) > n_pilot + 8  # it did decide


def test_mutant_stopping_as_soon_as_the_error_looks_small_does_not_cover():
    """The wrong rule: look after every sample, stop at the first lucky spread."""
    g = generator(13806)
    inside = 0
    for _ in range(REPETITIONS):
        samples = SPREADS["normal"](g, 400)
        n = 3
        while n < 400 and samples[:n].std(ddof=1) / np.sqrt(n) > 0.01 * abs(samples[:n].mean()):
            n += 1
        _, _, low, high = mean_interval(samples[:n])
        inside += low < 2.0 < high
    assert inside / REPETITIONS < BOUND[0]


def test_standard_error_falls_as_one_over_root_n():
    g = generator(8314)
    errors = [
        mean_interval(g.standard_normal((n, 400)))[1].mean() * np.sqrt(n) for n in (10, 40, 160)
    ]
    assert errors == pytest.approx([1.0, 1.0, 1.0], abs=0.05)


def test_known_answers():
    mean, error, low, high = mean_interval([1.0, 2.0, 3.0])
    assert (mean, error) == (2.0, pytest.approx(1 / np.sqrt(3)))
    assert high - 2.0 == 2.0 - low == pytest.approx(4.302653 / np.sqrt(3), rel=1e-6)
    assert np.isnan(mean_interval(np.ones((1, 2)))[1]).all()
    assert np.isnan(mean_interval(np.ones((0, 2)))[0]).all()


def test_ratio_of_means():
    a, b = np.array([[1.0], [3.0]]), np.array([[1.0], [1.0]])
    assert ratio_of_means(a, b) == (pytest.approx([2.0]), pytest.approx([1.0]))
    g = generator(1602)
    weight = g.lognormal(0.0, 0.5, (4000, 1))
    f = 2.0 + 0.1 * g.standard_normal((4000, 1))
    ratio, error = ratio_of_means(f * weight, weight)
    assert abs(ratio[0] - 2.0) < 4 * error[0]
    assert error[0] == pytest.approx(0.1 * np.sqrt(np.exp(0.25) / 4000), rel=0.1)


@pytest.mark.parametrize("target", [0.0, -0.1, np.nan])
def test_target_error_must_be_positive(target):
    with pytest.raises(ParameterError, match="target_error"):
        samples_for_error([1.0, 2.0], target)


def test_samples_for_error_known_cases():
    assert samples_for_error([1.0, 1.0, 1.0], 0.01) == 3
    assert samples_for_error([0.9, 1.0, 1.1], 0.01) == 100
    assert samples_for_error([0.9, 1.0, 1.1], 0.01, largest=40) == 40
    assert samples_for_error([-1.0, 1.0], 0.01, largest=77) == 77


def table_of(f, status=None, density=0.1):
    """A long table of len(f) samples at two times."""
    rows = []
    for sample, value in enumerate(f):
        for tau_s, share in ((0.0, 1.0), (10.0, 0.5)):
            good = status is None or status[sample] == "done"
            number = value if good else np.nan
            rows.append(
                {
                    "sites.density": density,
                    "sample": sample,
                    "seed_word": 1,
                    "tau_s": tau_s,
                    "f": number * share,
                    "f_drift": number,
                    "f_diffusion": number * (share - 1),
                    "f_numerical_error": 0.0,
                    "f_cutoff_error": 1e-3,
                    "numerator": 2 * number * share,
                    "conductance": 2.0 if good else np.nan,
                    "log_conductance": np.log(2.0),
                    "resistivity": 4.0,
                    "imbalance": 0.0,
                    "n_isolated": 0,
                    "length": 10.0,
                    "width_across_current": 20.0,
                    "density": density,
                    "status": "done" if good else status[sample],
                }
            )
    return pd.DataFrame(rows)


def test_summary_of_a_known_table():
    status = ["done", "NotPercolatingError", "done", "done", "ConvergenceError"]
    table = pd.concat([table_of([1.0, 9.0, 2.0, 3.0, 9.0], status), table_of([4.0], density=0.2)])
    out = summarise(table, ["sites.density"])
    assert out["sites.density"].tolist() == [0.1, 0.1, 0.2, 0.2]
    first = out.iloc[0]
    assert (first["n_done"], first["n_failed"]) == (3, 2)
    assert first["failures"] == "ConvergenceError: 1; NotPercolatingError: 1"
    assert first["f"] == first["f_ratio"] == 2.0
    assert first["f_q50"] == 2.0
    assert first["f_deviation"] == pytest.approx(1.0)
    assert out["f"].tolist() == [2.0, 1.0, 4.0, 2.0]
    assert np.isnan(out["f_standard_error"].iloc[2])
    # D = 1 / (resistivity n_s) = 2.5; width / sqrt(D tau_s)
    assert out["reach"].iloc[1] == pytest.approx(20.0 / np.sqrt(25.0))


def test_summary_without_a_single_success():
    out = summarise(table_of([1.0, 1.0], ["NotPercolatingError"] * 2), [])
    assert out["n_done"].tolist() == [0, 0]
    assert out["failures"].iloc[0] == "NotPercolatingError: 2"


def test_curves_by_sample():
    out = curves_by_sample(table_of([1.0, 2.0], ["done", "ConvergenceError"]), ["sites.density"])
    assert out["curve"].iloc[0].f.tolist() == [1.0, 0.5]
    assert out["curve"].iloc[1] is None
    assert out["status"].tolist() == ["done", "ConvergenceError"]
