"""Flow statistics: cuts, power, moments, triads that carry f [hopping S42], [hopping S44]."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hopnet as hn
from hopnet.percolation.flow import flow_statistics, resistivity_ratio
from hopnet.spin.shares import triad_shares
from test_percolation import chain, network_of

FEW = settings(max_examples=10, deadline=None, derandomize=True)
SEEDS = st.integers(1, 10**6)


@FEW
@given(SEEDS, st.sampled_from(["open", "cylinder"]))
def test_the_same_current_crosses_every_cut(seed, geometry):
    statistics = flow_statistics(hn.solve_current(network_of(800, seed, geometry, cutoff=1.6)))
    np.testing.assert_allclose(statistics.cut_current, 1.0, rtol=1e-10)
    assert statistics.power.sum() == pytest.approx(1.0, rel=1e-10)
    assert np.all(statistics.power >= 0)
    crossing = statistics.cut_paths
    assert np.all(crossing >= 1 - 1e-9)
    assert np.all(statistics.cut_crossings >= 1 - 1e-9)
    assert crossing.min() <= statistics.n_paths <= crossing.max()


def test_a_current_along_y_is_cut_along_y():
    network = hn.build_network(hn.random_sites(900, density=0.02, seed=8), cutoff=1.6, contacts="y")
    np.testing.assert_allclose(flow_statistics(hn.solve_current(network)).cut_current, 1.0)


def parallel_rows(n_rows):
    """Equal rows of equal links side by side, all ends in the contacts."""
    x = np.arange(6) * 10.0 + 5
    position = np.array([(a, 8.0 * row + 4) for row in range(n_rows) for a in x])
    sites = hn.sites_from_positions(position, length=60, width=8.0 * n_rows)
    start = 6 * np.arange(n_rows)
    links = [(int(s) + k, int(s) + k + 1, 5.0) for s in start for k in range(5)]
    return chain(links, sites=sites, contacts=(start, start + 5))


@pytest.mark.parametrize("n_rows", [1, 2, 7])
def test_rows_side_by_side_are_counted(n_rows):
    statistics = flow_statistics(hn.solve_current(parallel_rows(n_rows)))
    assert statistics.n_paths == pytest.approx(n_rows)
    assert statistics.n_hot_links == pytest.approx(5 * n_rows)
    # M_q = links * share^(2q): count, resistance of equal links, noise
    expected = [5 * n_rows, 5 / n_rows, 5 / n_rows**3]
    np.testing.assert_allclose(statistics.moments([0, 1, 2]), expected)
    length, power = statistics.power_by_length()
    assert length[0] == 5.0
    assert power[-1] == pytest.approx(1.0)


def test_a_path_that_runs_back_is_one_path():
    """A single path through x = 5, 40, 20, 55: the middle is crossed three times."""
    position = [[5.0, 1], [40.0, 5], [20.0, 9], [55.0, 13]]
    sites = hn.sites_from_positions(position, length=60, width=20)
    network = chain([(0, 1, 5.0), (1, 2, 5.0), (2, 3, 5.0)], sites=sites, contacts=((0,), (3,)))
    statistics = flow_statistics(hn.solve_current(network))
    np.testing.assert_allclose(statistics.cut_paths, 1.0)
    np.testing.assert_allclose(statistics.cut_current, 1.0)
    assert set(np.round(statistics.cut_crossings).tolist()) == {1.0, 3.0}
    assert statistics.n_paths == pytest.approx(1.0)


@pytest.mark.parametrize("n_rows", [1, 3])
def test_estimate_of_a_row_is_exact_but_for_its_shape(n_rows):
    """n rows of 5 links: rho = (5 / n) (width / length) exp(2 l_c / a_b)."""
    ratio, threshold = resistivity_ratio(hn.solve_current(parallel_rows(n_rows)))
    assert threshold.threshold_length == 5.0
    assert ratio == pytest.approx(5 / n_rows * 8 * n_rows / 60)


@FEW
@given(SEEDS, st.sampled_from([0.1, 0.02, 0.003]))
def test_shares_of_triads_add_up_to_f(seed, density):
    network = hn.build_network(hn.random_sites(500, density=density, seed=seed), cutoff=1.7)
    current = hn.solve_current(network)
    shares = triad_shares(current)
    drift = hn.spin_generation(network, current).f_drift
    assert shares.contribution.sum() == pytest.approx(drift, rel=1e-9)
    curve = hn.f_curve(network, [5.0, 2e3], current=current)
    for tau_s, f in zip(curve.tau_s, curve.f):
        at = triad_shares(current, shares.triads, tau_s=tau_s)
        assert at.contribution.sum() == pytest.approx(f, rel=1e-6)


def test_f_is_carried_by_elongated_triads():
    """At n_s a_b^2 = 0.01 triads of size a_b all round carry next to nothing: one side is short."""
    network = hn.build_network(hn.random_sites(6000, density=0.01, seed=4))
    shares = triad_shares(hn.solve_current(network))
    f = shares.contribution.sum()
    assert shares.accumulate(shares.triads.perimeter, 9.0) / f < 0.05
    assert shares.accumulate(shares.side[:, 0], 5.0) / f > 0.75
    assert shares.accumulate(shares.side[:, 2], 5.0) / f < 0.15
    assert shares.accumulate(shares.triads.perimeter, np.inf) == pytest.approx(f)
    assert shares.accumulate(shares.triads.perimeter, 0.0) == 0.0


def test_a_mutant_without_the_middle_corner_misses_f():
    network = hn.build_network(hn.random_sites(500, density=0.05, seed=4), cutoff=1.7)
    current = hn.solve_current(network)
    shares = triad_shares(current)
    ij, ik, jk = shares.triads.link.T
    overlap = np.exp(0.5 * network.log_conductance)
    strength = -0.375 * shares.triads.area * overlap[ij] * overlap[ik] * overlap[jk]
    generation = hn.spin_generation(network, current)
    y = network.separation[:, 1]
    without = generation.prefactor * np.sum(y[ik] * strength * current.drop[ij])
    assert without != pytest.approx(generation.f_drift, rel=1e-3)


def test_refused_input():
    cylinder = hn.solve_current(network_of(400, 3, "cylinder", cutoff=1.6))
    with pytest.raises(hn.ParameterError, match="need hard edges"):
        triad_shares(cylinder, tau_s=3.0)
    for tau_s in (-1.0, np.nan, np.inf):
        with pytest.raises(hn.ParameterError, match="tau_s must be a finite number"):
            triad_shares(cylinder, tau_s=tau_s)
    mixed = chain([(0, 2, 1.0), (1, 2, 1.0)], contacts=((1,), (0,)))
    with pytest.raises(hn.ParameterError, match="straight cut"):
        flow_statistics(hn.solve_current(mixed))
