"""Extrapolation: exact laws, coverage of the stated error, windows; and what is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hopnet.errors import ParameterError
from hopnet.percolation.scaling import average_windows, extrapolate, fit_correction, fit_power_law

SIZES = np.array([1e3, 3e3, 1e4, 3e4, 1e5])
X = 1 / np.sqrt(SIZES)


@settings(deadline=None, derandomize=True, max_examples=40)
@given(
    limit=st.floats(-3, 3), amplitude=st.floats(-5, 5), exponent=st.sampled_from([0.5, 1.0, 2.0])
)
def test_exact_laws_come_out(limit, amplitude, exponent):
    found = extrapolate(X, limit + amplitude * X**exponent, np.full(5, 1e-4), exponent=exponent)
    assert found.value == pytest.approx(limit, abs=1e-9)
    assert found.window_error < 1e-9
    assert found.amplitude == pytest.approx(amplitude, abs=1e-6)


@pytest.mark.parametrize("exponent", [0.75, 1.0, 1.6])
def test_free_exponent_is_found(exponent):
    x = np.geomspace(0.01, 0.3, 8)
    found = extrapolate(x, 2.0 - 3.0 * x**exponent, np.full(8, 1e-5))
    assert found.exponent == pytest.approx(exponent, abs=1e-3)
    assert found.value == pytest.approx(2.0, abs=1e-3)


@pytest.mark.parametrize("limit", ["zero", "infinity"])
def test_power_law(limit):
    found = fit_power_law(SIZES, 3 * SIZES**-0.375, 1e-3 * SIZES**-0.375, limit=limit)
    assert found.value == pytest.approx(-0.375, abs=1e-12)
    assert found.amplitude == pytest.approx(3.0, rel=1e-10)


@pytest.mark.parametrize("limit", ["zero", "infinity"])
def test_a_power_law_with_a_known_correction(limit):
    """Q = 3 x^0.6 (1 + 0.5 y^(3/4)), y = x or 1 / x small in the limit: the plain law is off."""
    x = np.geomspace(20.0, 1280.0, 7)
    small = 1 / x
    x = x if limit == "infinity" else small
    value = 3 * x**0.6 * (1 + 0.5 * small**0.75)
    plain = fit_power_law(x, value, 1e-5 * value, limit=limit)
    found = fit_power_law(x, value, 1e-5 * value, limit=limit, correction=0.75)
    assert abs(plain.value - 0.6) > 2e-4
    assert found.value == pytest.approx(0.6, abs=1e-4)
    assert abs(found.value - 0.6) < 2 * found.error
    assert found.amplitude == pytest.approx(3.0, rel=1e-3)


def test_order_and_units_of_the_points_do_not_matter():
    value = 2 - 3.6 * X + 20 * X**2
    error = 0.01 * np.arange(1, 6)
    one = extrapolate(X, value, error, exponent=1.0)
    other = extrapolate(7.0 * X[::-1], value[::-1], error[::-1], exponent=1.0)
    assert other.value == pytest.approx(one.value, rel=1e-12)
    assert other.error == pytest.approx(one.error, rel=1e-12)
    assert one.error == pytest.approx(np.hypot(one.statistical, one.window_error))


def covered(repetitions, build, **options):
    """Share of repetitions in which the limit 2 lies within one stated error."""
    generator = np.random.Generator(np.random.Philox(2718))
    inside = 0
    for _ in range(repetitions):
        value, error = build(generator)
        found = extrapolate(X, value, error, **options)
        inside += abs(found.value - 2.0) < found.error
    return inside / repetitions


def curved(generator):
    """A law with a correction that the fit does not contain: windows disagree."""
    error = np.full(5, 2e-3)
    return 2 - 3.6 * X - 60 * X**2 + error * generator.standard_normal(5), error


def straight(generator):
    error = np.full(5, 1e-2)
    return 2 - 3.6 * X + error * generator.standard_normal(5), error


def test_stated_errors_cover_the_limit():
    """At least 68 % within one error, less three standard deviations of 300 repetitions."""
    least = 0.683 - 3 * np.sqrt(0.683 * 0.317 / 300)
    assert covered(300, straight, exponent=1.0) > least
    assert covered(300, curved, exponent=1.0) > least


def test_mutant_an_error_from_all_points_alone_would_not_cover():
    """The wrong variant, one window of all points, misses the limit of a curved law."""
    generator = np.random.Generator(np.random.Philox(2718))
    inside = 0
    for _ in range(300):
        value, error = curved(generator)
        fit = fit_correction(X, value, error, 1.0)
        inside += abs(fit.parameter[0] - 2.0) < np.sqrt(fit.variance)
    assert inside / 300 < 0.2


def test_points_worse_than_their_errors_widen_the_answer():
    value = 2 - 3.6 * X + np.array([0.1, -0.1, 0.1, -0.1, 0.1])
    found = extrapolate(X, value, np.full(5, 1e-3), exponent=1.0)
    assert found.chi_squared > 100
    assert found.error > 0.03


def test_weights_add_up_and_prefer_what_fits():
    found = extrapolate(X, 2 - 3.6 * X, np.full(5, 1e-3), exponent=1.0)
    assert found.window_weight.sum() == pytest.approx(1.0)
    assert found.window_size[np.argmax(found.window_weight)] == 5
    assert not found.window_weight.flags.writeable
    with pytest.raises(Exception, match="no window"):
        average_windows([], 3)


@pytest.mark.parametrize(
    ("x", "value", "error", "words"),
    [
        (X[:3], X[:3], X[:2], "one length"),
        (X, X, 0 * X, "positive"),
        (-X, X, X, "positive"),
        (X, np.full(5, np.nan), X, "finite"),
        (X[:3], X[:3], X[:3], "at least 4"),
        (np.full(5, 0.1), X, X, "different"),
    ],
)
def test_what_cannot_be_extrapolated(x, value, error, words):
    with pytest.raises(ParameterError, match=words):
        extrapolate(x, value, error)


def test_what_is_no_power_law():
    with pytest.raises(ParameterError, match="positive values"):
        fit_power_law(X, np.array([1, 1, -1, 1, 1.0]), X)
    with pytest.raises(ParameterError, match="limit must be one of 'zero', 'infinity'"):
        fit_power_law(X, X, X, limit="up")
