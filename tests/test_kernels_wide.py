"""Kernels of wide numbers keep every digit over 700 decades of conductance: exact fractions."""

from fractions import Fraction

import numpy as np
import pytest
from hopnet.kernels import wide as wide_kernels
from hopnet.kernels.elimination import fill_root_table
from hopnet.kernels.wide import Wide

from hopnet.elimination.wide import (
    empty_wide,
    log_of_wide,
    product_of_wide,
    ratio_of_wide,
    wide_from_log,
)
from hopnet.errors import ParameterError
from test_kernels_elimination import analysed
from twins import symbolic as symbolic_twin
from twins import wide as wide_twin

pytestmark = pytest.mark.kernel

SAMPLES = [(24, 22, 2, 0), (24, 23, 2, 3), (10, 24, 0, 0)]


def close(found, expected, within=1e-13):
    """Whether wide numbers equal fractions, each to ``within`` of itself."""
    for a, b in zip(wide_twin.value_of(found), expected, strict=True):
        assert abs(a - b) <= Fraction(within) * abs(b)


@pytest.fixture
def python(monkeypatch, kernel_version):
    """Kernels together with their helpers, all compiled or all plain."""
    for helper in ("_normal", "_add", "_eliminate"):
        monkeypatch.setattr(wide_kernels, helper, kernel_version(getattr(wide_kernels, helper)))
    return kernel_version


@pytest.mark.parametrize("sample", SAMPLES)
def test_wide_passes(sample, python):
    case = analysed(*sample, leaf=4)
    symbolic = case.symbolic
    fronts, n = symbolic.fronts, len(symbolic.node)
    rng = np.random.default_rng(sample[1])
    conductance = wide_from_log(rng.uniform(-700, 0, len(case.link_i)) * np.log(10))
    exact = wide_twin.value_of(conductance)
    n_columns = n + symbolic.n_terminals + 1
    weight, pivot, _ = wide_twin.factor_wide(n, n_columns, case.rows, exact)

    edges = Wide(*(array[symbolic.edge_link] for array in conductance))
    found, found_pivot = empty_wide(symbolic.n_entries), empty_wide(n)
    contribution = empty_wide(symbolic.contribution_size)
    factor_wide = python(wide_kernels.factor_wide)
    factor_wide(fronts, edges, symbolic.contribution_start, contribution, found, found_pivot)
    close(found_pivot, pivot)
    for t in case.every_front:
        own = symbolic_twin.columns_of(fronts, t)
        for a in range(fronts.front_start[t + 1] - fronts.front_start[t]):
            row = slice(fronts.weight_start[t] + a * len(own) + a + 1, None)
            row = slice(row.start, fronts.weight_start[t] + (a + 1) * len(own))
            expected = [weight[own[a]][q] for q in own[a + 1 :]]
            close(Wide(found.mantissa[row], found.exponent[row]), expected)

    b = empty_wide(n_columns)
    b.mantissa[:n] = rng.uniform(0.1, 1, n)
    b.exponent[:n] = rng.integers(-3, 4, n)
    expected_b = wide_twin.forward_wide(weight, wide_twin.value_of(b))
    python(wide_kernels.forward_wide)(fronts, found, b)
    close(b, expected_b)

    # Kirchhoff's laws: the terminals alone drive the drops.
    fixed = np.append(rng.uniform(0, 1, symbolic.n_terminals), 0.0)
    table, edge_drop = empty_wide(symbolic.table_size), empty_wide(len(symbolic.edge_link))
    fill_root_table(fronts, fixed, symbolic.table_start, table.mantissa)
    drop_wide = python(wide_kernels.drop_wide)
    drop_wide(fronts, found, empty_wide(n), symbolic.table_start, table, edge_drop)
    differences = wide_twin.drop_wide(weight, [Fraction(0)] * n, fixed)
    along = [differences[k][q] for k, row in enumerate(case.rows) for q, _ in row]
    found_drop = wide_twin.value_of(edge_drop)
    largest = max((abs(v) for v in along), default=Fraction(0))
    for k, (a, b) in enumerate(zip(found_drop, along, strict=True)):
        # the drop times its conductance, relative to the largest such flow
        assert abs(a - b) <= Fraction(1e-13) * largest, k


def test_arithmetic():
    """Products and quotients across 3000 decades; zeros stay zeros."""
    a, b = wide_from_log([3500.0, -2000.0, 0.0]), wide_from_log([-3400.0, -1999.0, 10.0])
    np.testing.assert_allclose(log_of_wide(product_of_wide(a, b)), [100, -3999, 10], rtol=1e-14)
    np.testing.assert_allclose(ratio_of_wide(a, b), [np.inf, np.exp(-1), np.exp(-10)], rtol=1e-13)
    assert np.all(ratio_of_wide(b, a)[:1] == 0)
    assert np.all(log_of_wide(empty_wide(2)) == -np.inf)
    with pytest.raises(ParameterError, match="between -1e9 and 1e9"):
        wide_from_log([0.0, np.nan])
