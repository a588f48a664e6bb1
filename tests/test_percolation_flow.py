"""Flow statistics: cuts, power, moments, triads that carry f [hopping S42], [hopping S44]."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hopnet as hn
from hopnet.network.network import join_sites
from hopnet.percolation.backbone import find_backbone
from hopnet.percolation.clusters import find_clusters, sweep_clusters
from hopnet.percolation.flow import flow_statistics, resistivity_ratio
from hopnet.percolation.thresholds import percolation_threshold
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
    """Equal parallel rows of equal links; both ends of each row lie in the contacts."""
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


@pytest.mark.parametrize("density", [0.1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6])
def test_the_moment_of_order_zero_counts_the_backbone_at_any_density(density):
    """The same sites at another scale have the same links and the same backbone: M_0 = 2712."""
    network = hn.build_network(hn.random_sites(600, density=density, seed=1), cutoff=1.5)
    current = hn.solve_current(network)
    statistics = flow_statistics(current)
    backbone = find_backbone(network, np.inf)
    assert backbone.link.size == 2712
    # At 1e-5 and below, the current of a few links lies below the smallest float.
    missed = 1e-6 if density >= 1e-4 else 2
    assert statistics.moments(0)[0] == pytest.approx(2712, abs=missed)
    assert statistics.power.sum() == pytest.approx(1.0, rel=1e-10)
    np.testing.assert_allclose(statistics.cut_current, 1.0, rtol=1e-10)
    assert 1 <= statistics.n_paths < 100
    assert 1 <= statistics.n_hot_links < 1000
    ratio, threshold = resistivity_ratio(current)
    assert 0.5 < ratio < 2.0
    estimate = current.log_resistivity - 2 * threshold.threshold_length
    assert np.log(ratio) == pytest.approx(estimate, abs=1e-9)


def test_moments_of_negative_order_count_the_smallest_currents():
    """Equal to the sum over the backbone; its logarithm serves where the smallest are tiny."""
    network = hn.build_network(hn.random_sites(600, density=0.01, seed=1), cutoff=1.5)
    current = hn.solve_current(network)
    share = np.abs(current.relative_flow[find_backbone(network, np.inf).link])
    assert share.min() < 1e-16
    found = flow_statistics(current).moments([-2, -1, -0.5])
    np.testing.assert_allclose(found, [np.sum(share ** (2 * q)) for q in (-2, -1, -0.5)])
    dilute = hn.solve_current(
        hn.build_network(hn.random_sites(600, density=1e-4, seed=1), cutoff=1.5)
    )
    assert flow_statistics(dilute).moments(-1)[0] == np.inf
    assert 1e2 < flow_statistics(dilute).log_moments(-1)[0] < 1e4


def test_a_moment_beyond_the_range_of_floats_has_a_logarithm():
    statistics = flow_statistics(
        hn.solve_current(hn.build_network(hn.random_sites(600, density=0.001, seed=1), cutoff=1.5))
    )
    assert statistics.moments(-3)[0] == np.inf
    assert statistics.log_moments(-3)[0] > 3 * 255


def test_balanced_links_of_a_lattice_carry_no_current():
    """On a square lattice all current flows straight along 12 rows of 11 links."""
    sites = hn.lattice_sites("square", 12, 12, spacing=4.0)
    statistics = flow_statistics(
        hn.solve_current(hn.build_network(sites, cutoff_radius=4.01, contact_width=4.01))
    )
    expected = [12 * 11, 12 * 11 / 12**2, 12 * 11 / 12**4]
    np.testing.assert_allclose(statistics.moments([0, 1, 2]), expected)
    assert statistics.n_paths == pytest.approx(12)


def rescaled(network, log_factor):
    """The same network with all conductances times exp(log_factor)."""
    return join_sites(
        network.sites,
        network.link_i,
        network.link_j,
        network.log_conductance + log_factor,
        contacts=network.contacts,
        cutoff_radius=network.cutoff_radius,
    )


@pytest.mark.parametrize("log_factor", [-600.0, 600.0])
def test_a_common_factor_of_all_conductances_changes_nothing(log_factor):
    network = network_of(500, 5, cutoff=1.7)
    other = rescaled(network, log_factor)
    here, there = (percolation_threshold(each) for each in (network, other))
    assert there.link == here.link
    assert there.log_conductance == pytest.approx(here.log_conductance + log_factor)
    for name in ("link", "red_link", "path_link", "site", "dead_end"):
        one, two = (getattr(find_backbone(each), name) for each in (network, other))
        np.testing.assert_array_equal(one, two)
    labels = [find_clusters(w, t.threshold_length) for w, t in ((network, here), (other, there))]
    np.testing.assert_array_equal(labels[0].label, labels[1].label)
    sweeps = [sweep_clusters(each) for each in (network, other)]
    np.testing.assert_array_equal(sweeps[0].link, sweeps[1].link)
    lengths = np.array([8.0, 12.0, 14.0])
    tables = [sweeps[0].at(lengths), sweeps[1].at(lengths - 0.5 * log_factor)]
    np.testing.assert_array_equal(tables[0].to_numpy()[:, 1:], tables[1].to_numpy()[:, 1:])
    flows = [flow_statistics(hn.solve_current(each)) for each in (network, other)]
    # A conductance exp(x) is known to 600 ulp at x = 600, which is 1.4e-13 of it.
    for name in ("share", "power", "cut_paths", "cut_crossings"):
        one, two = (getattr(each, name) for each in flows)
        np.testing.assert_allclose(one, two, rtol=1e-9, atol=1e-12)
    q = [-1, 0, 0.5, 1, 2]
    np.testing.assert_allclose(flows[0].log_moments(q), flows[1].log_moments(q), atol=1e-8)
    ratios = [resistivity_ratio(each.current)[0] for each in flows]
    assert ratios[0] == pytest.approx(ratios[1], rel=1e-9)


def energetic(moved):
    """A sample with energies at kT = 0.1, whose site 250 lies ``moved`` kT from zero."""
    plane = hn.random_sites(500, density=0.01, seed=6)
    energy = np.random.default_rng(3).uniform(-0.2, 0.2, 500)
    energy[250] = 0.1 * moved
    sites = hn.with_energies(plane, energy)
    ends = np.flatnonzero(plane.position[:, 0] < 14), np.flatnonzero(plane.position[:, 0] > 209)
    assert 250 not in np.concatenate(ends)
    return hn.build_network(
        sites, cutoff_radius=20.0, contacts=ends, kT=0.1, bath="miller_abrahams"
    )


def without_site(network, site):
    """The same network without the links of one site."""
    keep = (network.link_i != site) & (network.link_j != site)
    return join_sites(
        network.sites,
        network.link_i[keep],
        network.link_j[keep],
        network.log_conductance[keep],
        contacts=network.contacts,
        cutoff_radius=network.cutoff_radius,
    ), keep


def same_flows(one, two):
    """Compare thresholds, backbones and flow statistics of two networks with the same links."""
    assert percolation_threshold(one).link == percolation_threshold(two).link
    parts = [find_backbone(each) for each in (one, two)]
    for name in ("link", "red_link", "path_link", "site", "dead_end"):
        np.testing.assert_array_equal(getattr(parts[0], name), getattr(parts[1], name))
    flows = [flow_statistics(hn.solve_current(each)) for each in (one, two)]
    for name in ("share", "power", "cut_paths", "cut_crossings"):
        np.testing.assert_allclose(getattr(flows[0], name), getattr(flows[1], name), atol=1e-10)
    q = [0.5, 1, 2]
    np.testing.assert_allclose(flows[0].moments(q), flows[1].moments(q), rtol=1e-9)


def test_a_trap_of_any_depth_changes_nothing():
    """With the bath of Miller and Abrahams a link to the lowest site has the factor exp(-e/kT).

    So a trap at -100 kT has the same links as one at -5 kT, except for a common factor.
    """
    same_flows(energetic(-5.0), energetic(-100.0))


def test_a_site_far_above_the_others_counts_as_absent():
    """The links of this site are exp(100) worse than the others; without them nothing changes."""
    network = energetic(100.0)
    bare, keep = without_site(network, 250)
    number = np.cumsum(keep) - 1
    here, there = percolation_threshold(network), percolation_threshold(bare)
    assert number[here.link] == there.link
    parts = find_backbone(network), find_backbone(bare)
    for name in ("link", "red_link", "path_link"):
        np.testing.assert_array_equal(number[getattr(parts[0], name)], getattr(parts[1], name))
    flows = [flow_statistics(hn.solve_current(each)) for each in (network, bare)]
    for name in ("share", "power"):
        one, two = (getattr(each, name) for each in flows)
        np.testing.assert_allclose(one[keep], two, rtol=1e-9, atol=1e-12)
        assert one[~keep].max() < 1e-40
    assert flows[0].n_paths == pytest.approx(flows[1].n_paths, rel=1e-10)
    ratios = [resistivity_ratio(each.current)[0] for each in flows]
    assert ratios[0] == pytest.approx(ratios[1], rel=1e-9)


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
    curve = hn.f_curve(network, [5.0, 2e3], current=current)
    assert shares.contribution.sum() == pytest.approx(curve.f_drift, rel=1e-9)
    for tau_s, f in zip(curve.tau_s, curve.f):
        at = triad_shares(current, shares.triads, tau_s=tau_s)
        assert at.contribution.sum() == pytest.approx(f, rel=1e-6)


def test_f_is_carried_by_elongated_triads():
    """At n_s a_b^2 = 0.01 small triads contribute little to f; most of it has one short side."""
    network = hn.build_network(hn.random_sites(6000, density=0.01, seed=4), cutoff=1.5)
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
