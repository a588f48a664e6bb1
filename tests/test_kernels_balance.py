"""The kernels of the balance of sites and their plain twins give the same bits."""

import numpy as np
import pytest
from hopnet.kernels import balance

from twins import balance as twin

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize(("n", "n_links"), [(1, 0), (2, 1), (50, 400)])
def test_sums_of_flows(n, n_links, kernel_version):
    rng = np.random.default_rng(n)
    link_i, link_j = rng.integers(0, n, (2, n_links))
    flow = rng.normal(size=n_links) * 10.0 ** rng.integers(-30, 30, n_links)
    found = np.full((4, n), np.nan)
    kernel_version(balance.sum_flows)(link_i, link_j, flow, *found)
    assert np.array_equal(found, twin.sum_flows(link_i, link_j, flow, n))


@pytest.mark.parametrize("special", [0.0, np.nan, np.inf])
def test_largest_change(special, kernel_version):
    new, old = np.random.default_rng(3).normal(size=(2, 40))
    new[7] = special
    for n in (0, 1, 40):
        found = kernel_version(balance.largest_change)(new[:n], old[:n])
        assert np.array_equal(found, twin.largest_change(new[:n], old[:n]), equal_nan=True)
