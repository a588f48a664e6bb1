"""The main job at the size it is for: 5e5 sites, densities over two decades. [hopping S42]"""

import numpy as np
import pytest

import hopnet as hn

pytestmark = pytest.mark.slow

# f(tau_s = 0) of other samples of this size and the allowed spread from sample to sample
EXPECTED_F = {
    0.02: (1.98, 0.03),
    0.01: (1.98, 0.04),
    0.005: (1.96, 0.08),
    0.002: (1.90, 0.16),
    0.001: (1.90, 0.20),
}
IMBALANCE_P99 = {0.01: 1e-11, 0.005: 1e-10, 0.002: 1e-7}


@pytest.mark.parametrize("density", [0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005])
def test_half_a_million_sites(density):
    n_sites = 500_000 if density > 0.0007 else 100_000
    network = hn.build_network(hn.random_sites(n_sites, density=density, seed=1), cutoff=1.5)
    current = hn.solve_current(network)
    assert abs(current.source_current / current.drain_current - 1) < 1e-12
    assert current.imbalance <= 1e-14
    assert np.percentile(current.site_imbalance, 99) <= IMBALANCE_P99.get(density, np.inf)
    if density in EXPECTED_F:
        expected, spread = EXPECTED_F[density]
        drift = hn.spin_generation(network, current).f_drift
        assert drift == pytest.approx(expected, rel=spread)


def test_one_curve_at_half_a_million_sites():
    """Interpolated against exact at 33 tau_s."""
    network = hn.build_network(hn.random_sites(500_000, density=0.01, seed=1), cutoff=1.5)
    current = hn.solve_current(network)
    tau_s = np.logspace(-2, 12, 33)
    curve = hn.f_curve(network, tau_s, current=current, normalisation="letter")
    exact = hn.f_curve(network, tau_s, current=current, tolerance=0, normalisation="letter")
    error = np.abs(curve.f - exact.f)
    assert np.all(error <= 1e-2 * np.abs(exact.f) + 1e-6 * exact.f_drift)
    assert np.all(np.diff(exact.f) < 0)
