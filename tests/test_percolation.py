"""Thresholds and clusters [hopping]: l_c of a sample, sizes, radii, loops around a torus."""

import dataclasses
import inspect
import re

import numpy as np
import pytest
from hopnet.kernels import clusters as kernels
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components, minimum_spanning_tree

import hopnet as hn
from hopnet.network.network import join_sites
from hopnet.network.sites import Sites
from hopnet.percolation import thresholds as percolation
from hopnet.percolation.clusters import find_clusters, sweep_clusters
from hopnet.percolation.thresholds import find_events, order_links, percolation_threshold

FEW = settings(max_examples=20, deadline=None, derandomize=True)
SEEDS = st.integers(1, 10**6)


def network_of(n, seed, geometry="open", cutoff=1.4):
    return hn.build_network(
        hn.random_sites(n, density=0.01, seed=seed, geometry=geometry), cutoff=cutoff
    )


def chain(links, *, sites=None, geometry="open", contacts=((0,), (1,)), n=None):
    """A network from (i, j, length) links."""
    if sites is None:
        n = max(n or 0, 3, *(1 + max(i, j) for i, j, _ in links))
        position = np.stack([np.linspace(0, 99, n), np.full(n, 5.0)], axis=1)
        sites = hn.sites_from_positions(position, length=100, width=100, geometry=geometry)
    i, j, length = (np.array(column) for column in zip(*links))
    return join_sites(sites, i, j, -2.0 * length, contacts=contacts)


def bare(n, geometry="open"):
    """A network of n sites and no links, which the public constructors would refuse for n < 3."""
    nothing = np.empty(0, np.int64)
    sites = Sites(np.linspace(0.1, 0.9, 2 * n).reshape(n, 2), 10.0, 10.0, geometry)
    return join_sites(
        sites, nothing, nothing, np.empty(0), contacts=(nothing, nothing), cutoff_radius=1.0
    )


# -- thresholds


def spanning_tree_threshold(network):
    """ln G of the worst link on the best path, from scipy's spanning tree: a slow reference."""
    n = network.n_sites
    rank = np.empty(network.n_links)
    order = np.argsort(-network.log_conductance, kind="stable")
    rank[order] = np.arange(1, network.n_links + 1)
    i = np.concatenate([network.link_i, np.full(network.source.size, n), network.drain])
    j = np.concatenate([network.link_j, network.source, np.full(network.drain.size, n + 1)])
    weight = np.concatenate([rank, np.full(network.source.size + network.drain.size, 0.5)])
    tree = minimum_spanning_tree(coo_array((weight, (i, j)), shape=(n + 2, n + 2)))
    tree = coo_array(tree)
    for k in np.argsort(
        -tree.data, kind="stable"
    ):  # cut the worst links until the contacts are separate
        keep = tree.data < tree.data[k]
        cut = coo_array(
            (tree.data[keep], (tree.coords[0][keep], tree.coords[1][keep])), shape=(n + 2, n + 2)
        )
        label = connected_components(cut, directed=False)[1]
        if label[n] != label[n + 1]:
            return int(order[int(tree.data[k]) - 1])
    return None


@FEW
@given(SEEDS, st.sampled_from(["open", "cylinder"]), st.integers(120, 700))
def test_threshold_is_the_bottleneck_of_the_spanning_tree(seed, geometry, n):
    network = network_of(n, seed, geometry)
    threshold = percolation_threshold(network)
    assert threshold.link == spanning_tree_threshold(network)
    assert threshold.log_conductance == network.log_conductance[threshold.link]
    assert threshold.threshold_length == -0.5 * threshold.log_conductance
    assert threshold.wraps == (0, 0)


@FEW
@given(SEEDS, st.sampled_from(["open", "cylinder", "torus"]))
def test_longer_cutoffs_do_not_change_any_threshold(seed, geometry):
    short, long = (network_of(400, seed, geometry, cutoff) for cutoff in (1.3, 1.7))
    at_ends = [
        dataclasses.replace(w, source=short.source, drain=short.drain) for w in (short, long)
    ]
    few, many = (find_events(network) for network in at_ends)
    assert set(few) <= set(many)
    for name in few:
        assert few[name].threshold_length == many[name].threshold_length


@FEW
@given(SEEDS, SEEDS)
def test_more_links_never_raise_the_threshold(seed, other):
    network = network_of(300, seed)
    before = percolation_threshold(network).threshold_length
    generator = np.random.default_rng(other)
    keep = generator.random(network.n_links) < 0.8
    fewer = join_sites(
        network.sites,
        network.link_i[keep],
        network.link_j[keep],
        network.log_conductance[keep],
        contacts=network.contacts,
    )
    events = find_events(fewer, stop="contacts")
    assert "contacts" not in events or events["contacts"].threshold_length >= before


@FEW
@given(SEEDS, st.sampled_from(["open", "cylinder", "torus"]))
def test_links_left_out_change_nothing(seed, geometry):
    network = network_of(500, seed, geometry)
    ordered = order_links(network)
    assert ordered.link.size < network.n_links
    assert np.all(np.diff(network.log_conductance[ordered.link]) <= 0)
    every = np.argsort(-network.log_conductance, kind="stable")
    seam = percolation.link_seams(network)
    complete = percolation.OrderedLinks(
        every, network.link_i[every], network.link_j[every], seam[every] if seam.size else seam
    )
    thinned, whole = find_events(network), find_events(network, ordered=complete)
    assert {k: v.link for k, v in thinned.items()} == {k: v.link for k, v in whole.items()}


def test_small_chains():
    line = chain([(0, 2, 3.0), (1, 2, 5.0)])
    assert percolation_threshold(line).threshold_length == 5.0
    detour = chain([(0, 2, 3.0), (1, 2, 5.0), (0, 3, 4.0), (1, 3, 4.5)])
    assert percolation_threshold(detour).threshold_length == 4.5
    assert percolation_threshold(detour).link == 3  # links are sorted: 02, 03, 12, 13
    direct = chain([(0, 1, 6.0), (0, 2, 3.0), (1, 2, 7.0)])
    assert percolation_threshold(direct).link == 0


def test_equal_links_take_the_first():
    square = chain([(0, 2, 4.0), (0, 3, 4.0), (1, 2, 4.0), (1, 3, 4.0)])
    assert percolation_threshold(square).link == 2
    lattice = hn.build_network(
        hn.lattice_sites("square", 12, 12, spacing=4.0), cutoff_radius=4.01, contact_width=4.01
    )
    assert percolation_threshold(lattice).threshold_length == pytest.approx(4.0)


def test_the_estimate_of_the_resistivity_follows_the_threshold():
    """rho / (rho_0 exp(2 l_c / a_b)) is of order one, although rho spans ten decades."""
    from hopnet.percolation.flow import resistivity_ratio

    ratios, rho = [], []
    for density in (0.1, 0.03, 0.01):
        network = hn.build_network(hn.random_sites(4000, density=density, seed=6), cutoff=1.5)
        current = hn.solve_current(network)
        ratio, threshold = resistivity_ratio(current)
        assert ratio == pytest.approx(current.resistivity * np.exp(-2 * threshold.threshold_length))
        ratios.append(ratio)
        rho.append(current.resistivity)
    assert max(rho) / min(rho) > 1e5
    assert 0.2 < min(ratios) < max(ratios) < 3.0


# -- loops around a sample


def torus_path(x, y=None, *, period=10.0, geometry="torus"):
    """A closed path through sites at x (and y), each linked to the next; lengths 1, 2, 3 ..."""
    x = np.asarray(x, float)
    position = np.stack([x, np.full(x.size, 5.0) if y is None else np.asarray(y, float)], 1)
    sites = hn.sites_from_positions(position, length=period, width=period, geometry=geometry)
    following = np.roll(np.arange(x.size), -1)
    links = [(min(a, b), max(a, b), 1.0 + a) for a, b in enumerate(following.tolist())]
    i, j, length = (np.array(column) for column in zip(*sorted(links)))
    return join_sites(sites, i, j, -2.0 * length, contacts=([0], [1]))


@pytest.fixture
def quiet_density(recwarn):
    """Silence the warning that these samples are too dense for hopping, which does not matter."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", hn.ValidityWarning)
        yield


@pytest.mark.usefixtures("quiet_density")
class TestPathsAcrossTheSeam:
    def test_once_around(self):
        network = torus_path([1, 4, 7])  # 7 -> 1 crosses the seam
        threshold = percolation_threshold(network)
        assert threshold.wraps in ((1, 0), (-1, 0))
        assert threshold.threshold_length == 3.0

    def test_there_and_back_is_no_loop_around(self):
        network = torus_path([1, 9, 8, 2], [5, 5, 6.5, 6.5])  # crosses 1 -> 9 and 8 -> 2, wide
        assert percolation.link_seams(network).any(axis=1).sum() == 2
        with pytest.raises(hn.NotPercolatingError, match="'wrapping' does not happen"):
            percolation_threshold(network)
        assert not find_clusters(network).wraps.any()

    def test_twice_around(self):
        x = [1, 4, 7, 0.5, 3.5, 6.5]  # up by 3 at each step: 7 -> 0.5 and 6.5 -> 1 cross the seam
        network = torus_path(x, [1, 2, 3, 4, 5, 3])
        threshold = percolation_threshold(network)
        assert threshold.wraps in ((2, 0), (-2, 0))
        assert find_clusters(network).wraps.all()

    def test_along_the_diagonal(self):
        threshold = percolation_threshold(torus_path([1, 4, 7], [1, 4, 7]))
        assert abs(threshold.wraps[0]) == abs(threshold.wraps[1]) == 1
        assert threshold.wraps[0] == threshold.wraps[1]

    def test_a_cylinder_only_wraps_along_y(self):
        along_y = torus_path([5, 5, 5], [1, 4, 7], geometry="cylinder")
        assert percolation_threshold(along_y, "wrapping").wraps in ((0, 1), (0, -1))
        along_x = torus_path([1, 4, 7], geometry="cylinder")
        with pytest.raises(hn.NotPercolatingError):
            percolation_threshold(along_x, "wrapping")

    def test_second_path_around(self):
        """A cross: rows along x and along y that share a site; y closes last."""
        position = np.array([[5, 5], [8, 5], [2, 5], [5, 8], [5, 2.0]])
        sites = hn.sites_from_positions(position, length=9, width=9, geometry="torus")
        links = [(0, 1, 1.0), (0, 2, 2.0), (0, 3, 3.0), (0, 4, 4.0), (1, 2, 5.0), (3, 4, 6.0)]
        events = find_events(chain(links, sites=sites))
        assert events["wrapping"].threshold_length == events["wrapping x"].threshold_length == 5.0
        assert (
            events["second wrapping"].threshold_length
            == events["wrapping y"].threshold_length
            == 6.0
        )

    def test_mutants_without_signs_find_false_loops(self):
        """Seams without sign, and loops closed without the path back, fail the test above."""
        network = torus_path([1, 9, 8, 2], [5, 5, 6.5, 6.5])
        ordered = order_links(network)
        unsigned = dataclasses.replace(ordered, seam=np.abs(ordered.seam))
        assert "wrapping" in find_events(network, ordered=unsigned)
        assert "wrapping" not in find_events(network, ordered=ordered)


def test_first_wrapping_comes_before_the_others():
    for seed in range(5):
        events = find_events(network_of(800, seed + 20, "torus"))
        assert events["wrapping"].threshold_length <= events["wrapping x"].threshold_length
        assert events["wrapping"].threshold_length <= events["second wrapping"].threshold_length
        assert events["wrapping"].threshold_length == min(
            events["wrapping x"].threshold_length, events["wrapping y"].threshold_length
        )


# -- clusters


def mutant(kernel, *changes):
    """A kernel rebuilt in plain Python from its source with changes (old, new)."""
    source = inspect.getsource(getattr(kernel, "py_func", kernel))
    for old, new in changes:
        assert old in source
        source = source.replace(old, new)
    plain = {n: getattr(f, "py_func", f) for n, f in vars(kernels).items()}
    exec(re.sub(r"^@njit.*\n", "", source), plain)
    return plain[getattr(kernel, "py_func", kernel).__name__]


def scipy_labels(network, length):
    closed = network.log_conductance >= -2 * length
    graph = coo_array(
        (np.ones(closed.sum()), (network.link_i[closed], network.link_j[closed])),
        shape=(network.n_sites,) * 2,
    )
    return connected_components(graph, directed=False)


@FEW
@given(SEEDS, st.sampled_from(["open", "cylinder", "torus"]), st.floats(4.0, 15.0))
def test_labels_are_those_of_scipy(seed, geometry, length):
    network = network_of(400, seed, geometry)
    clusters = find_clusters(network, length)
    n, label = scipy_labels(network, length)
    assert clusters.n_clusters == n
    np.testing.assert_array_equal(clusters.label, label)  # both number by the lowest site
    np.testing.assert_array_equal(clusters.size, np.bincount(label))


@FEW
@given(SEEDS, st.sampled_from(["open", "cylinder", "torus"]))
def test_the_sweep_passes_through_every_threshold(seed, geometry):
    network = network_of(300, seed, geometry)
    sweep = sweep_clusters(network)
    lengths = np.array([5.0, 9.0, 11.5, 12.5, 40.0])
    table = sweep.at(lengths)
    size, number = sweep.size_distribution(lengths)
    for row, length in enumerate(lengths):
        clusters = find_clusters(network, length)
        assert table["n_clusters"][row] == clusters.n_clusters
        assert table["largest"][row] == clusters.size.max()
        assert table["mean_size"][row] == pytest.approx(clusters.mean_size)
        octave = np.bincount(np.log2(clusters.size).astype(int), minlength=size.size)
        np.testing.assert_array_equal(number[row], octave)
        if np.sum(clusters.size == clusters.size.max()) == 1:
            near = pytest.approx(clusters.correlation_length, abs=1e-3)  # sqrt of rounding
            assert table["correlation_length"][row] == near or clusters.wraps.any()
    assert {k: v.link for k, v in sweep.thresholds.items()} == {
        k: v.link for k, v in find_events(network).items()
    }
    np.testing.assert_array_equal(number @ np.ones(size.size), table["n_clusters"])


def test_radius_of_gyration_of_a_row_and_across_the_seam():
    x = np.array([1.0, 4.0, 7.0])
    for shift in (0.0, 95.0):  # the same row, split by the seam
        place = np.stack([(x + shift) % 100, np.full(3, 50.0)], axis=1)
        place = np.concatenate([place[np.argsort(place[:, 0])], [[50.0, 20.0]]])
        sites = hn.sites_from_positions(place, length=100, width=100, geometry="torus")
        clusters = find_clusters(hn.build_network(sites, cutoff_radius=3.5, contacts=([0], [1])))
        assert clusters.gyration_radius == pytest.approx([np.sqrt(6.0), 0.0])
        assert not clusters.wraps.any()


def test_moments_of_known_sizes():
    links = [(0, 1, 1.0), (1, 2, 1.0), (3, 4, 1.0)]
    clusters = find_clusters(chain(links, n=6))
    assert sorted(clusters.size) == [1, 2, 3]
    assert clusters.mean_size == pytest.approx((4 + 1) / 3)  # without the largest
    size, number = clusters.size_distribution()
    assert size.tolist() == [1, 2, 3]
    assert number.tolist() == [1, 1, 1]
    assert clusters.percolation_probability == 0.5  # 0 and 1 are the contacts


def test_a_mutant_that_joins_the_larger_size_twice_fails_on_the_sizes():
    network = network_of(60, 3)
    wrong = mutant(kernels.sweep_merges, ("parent[a] -= size_b", "parent[a] -= size_a"))
    n = network.n_sites
    ordered = order_links(network)
    state = [np.full(n, -1), np.zeros((0, 2), np.int64)]
    merges = kernels.Merges(
        np.empty((n, 2)),
        np.empty(n),
        np.empty((5, 3), np.int64),
        np.empty(n, np.int64),
        np.empty((n, 3), np.int64),
        np.empty((n, 3)),
    )
    arguments = (
        ordered.link_i,
        ordered.link_j,
        ordered.seam,
        network.sites.position,
        np.zeros(2),
        np.zeros(n, np.int64),
    )
    wrong(*arguments, *state, merges)
    total = sum(-size for size in state[0] if size < 0)
    assert total != n
    assert sweep_clusters(network).count[-1, 2] <= n


def test_a_mutant_out_of_order_misses_the_threshold():
    network = network_of(300, 8)
    ordered = order_links(network)
    wrong = percolation.OrderedLinks(
        ordered.link[::-1].copy(),
        ordered.link_i[::-1].copy(),
        ordered.link_j[::-1].copy(),
        ordered.seam,
    )
    backwards = find_events(network, ordered=wrong)["contacts"]
    assert backwards.link != spanning_tree_threshold(network)


# -- samples without sites, with one site, with two separate sites; refused input


@pytest.mark.parametrize("geometry", ["open", "torus"])
@pytest.mark.parametrize("n", [0, 1, 2])
def test_samples_of_no_one_and_two_sites(n, geometry):
    network = bare(n, geometry)
    clusters = find_clusters(network)
    assert clusters.n_clusters == n
    assert clusters.percolation_probability == 0.0
    sweep = sweep_clusters(network)
    assert sweep.link.size == 0
    assert sweep.at(1.0)["n_clusters"][0] == n
    assert find_events(network) == {}
    expected = hn.ParameterError if geometry == "open" else hn.NotPercolatingError
    with pytest.raises(expected):
        percolation_threshold(network)


def test_disconnected_contacts():
    network = chain([(0, 2, 1.0), (1, 3, 1.0)])
    with pytest.raises(hn.NotPercolatingError, match="'contacts' does not happen"):
        percolation_threshold(network)
    assert find_clusters(network).percolation_probability == 0.0


@pytest.mark.parametrize("length", [-1.0, 0.0, np.nan, "long", 1e-6])
def test_refused_thresholds(length):
    network = network_of(200, 4)
    with pytest.raises(hn.ParameterError, match="threshold_length must be"):
        find_clusters(network, length)


@pytest.mark.parametrize("length", [np.nan, "long", None, [3.0, np.nan], [[3.0]]])
def test_refused_sweep_thresholds(length):
    with pytest.raises(hn.ParameterError, match="threshold_length must"):
        sweep_clusters(network_of(200, 4)).at(length)


def test_a_sweep_below_the_shortest_link_has_single_sites_only():
    table = sweep_clusters(network_of(200, 4)).at([-np.inf, -1.0, 0.0])
    assert table["n_clusters"].tolist() == [200, 200, 200]


@pytest.mark.parametrize(
    ("geometry", "event"),
    [("open", "wrapping"), ("cylinder", "wrapping x"), ("torus", "contact"), ("open", 3)],
)
def test_refused_events(geometry, event):
    with pytest.raises(hn.ParameterError, match="event must be one of"):
        percolation_threshold(network_of(200, 4, geometry), event)


@pytest.mark.parametrize("name", ["source", "drain"])
def test_empty_contacts_are_refused(name):
    network = dataclasses.replace(network_of(200, 4), **{name: np.empty(0, np.int64)})
    with pytest.raises(hn.ParameterError, match=f"the {name} contact must hold"):
        percolation_threshold(network)
