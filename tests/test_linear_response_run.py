"""Linear response in run files: columns against the functions, literature laws, refusals."""

import numpy as np
import pytest
from pydantic import ValidationError

import hopnet as hn
from hopnet.ensemble.config import config_from_dict
from hopnet.ensemble.sample import compute_sample, sample_network
from hopnet.transport.response import activation_energy, mean_hop, noise, strain_response
from hopnet.transport.thermopower import seebeck_coefficient


def run(**tables):
    sites = {"n_sites": 400, "density": 0.05, "seed": 5}
    return {"sites": sites, "ensemble": {"samples": 2}} | tables


def test_columns_are_those_of_the_functions():
    wanted = ("activation_energy", "noise", "shrinkage", "strain", "seebeck")
    config = run(
        sites={"n_sites": 400, "density": 0.05, "seed": 5, "density_of_states": "uniform"},
        network={"kT": 0.2, "chemical_potential": 0.1},
        observables=dict.fromkeys(wanted, True),
    )
    point = config_from_dict(config).points()[0]
    columns = compute_sample(point, 1, threads=1).columns
    current = hn.solve_current(sample_network(point, 1))
    expected = {
        "w_level": activation_energy(current),
        "noise": noise(current),
        "shrinkage": mean_hop(current, 3) / 12,
        "gauge_factor": -strain_response(current)[0, 0],
        "seebeck": seebeck_coefficient(current),
    }
    for name, value in expected.items():
        assert columns[name].tolist() == [pytest.approx(value, rel=1e-13)]


@pytest.mark.parametrize(
    ("name", "key"), [("activation_energy", "kT"), ("seebeck", "chemical_potential")]
)
def test_a_missing_temperature_or_level_is_refused(name, key):
    with pytest.raises((ValidationError, hn.ParameterError), match=f"needs network.{key}"):
        config_from_dict(run(observables={name: True})).points()


def exponential_lattice(a, side, seed=1):
    """A square lattice of bonds with ln g = -a x, contacts on two opposite edges."""
    number = np.arange(side * side).reshape(side, side)  # number[row, column]
    row, column = np.divmod(number.ravel(), side)
    position = 10.0 * np.stack([column + 0.5, row + 0.5], axis=1)
    sites = hn.sites_from_positions(position, length=10.0 * side, width=10.0 * side)
    i = np.concatenate([number[:, :-1].ravel(), number[:-1].ravel()])
    j = np.concatenate([number[:, 1:].ravel(), number[1:].ravel()])
    x = np.random.default_rng(seed).random(i.size)
    contacts = (number[:, 0], number[:, -1])
    return hn.network_from_links(sites, i, j, -a * x, contacts=contacts), number


def spanning_tree_path(network):
    """Links of the path between the contacts in the tree of the strongest links (Kruskal)."""
    n = network.n_sites
    source, drain = n, n + 1
    name = np.arange(n)
    name[network.source], name[network.drain] = source, drain
    order = np.argsort(-network.log_conductance, kind="stable")
    parent = list(range(n + 2))

    def root(k):
        while parent[k] != k:
            parent[k] = parent[parent[k]]
            k = parent[k]
        return k

    tree = {}
    for l in order.tolist():
        a, b = int(name[network.link_i[l]]), int(name[network.link_j[l]])
        if root(a) != root(b):
            parent[root(a)] = root(b)
            tree.setdefault(a, []).append((b, l))
            tree.setdefault(b, []).append((a, l))
        if root(source) == root(drain):
            break
    came, queue = {source: (None, None)}, [source]
    for a in queue:
        for b, l in tree.get(a, ()):
            if b not in came:
                came[b] = (a, l)
                queue.append(b)
    path, k = [], drain
    while came[k][0] is not None:
        k, l = came[k]
        path.append(l)
    return np.sort(path)


@pytest.mark.parametrize("side", [60, pytest.param(500, marks=pytest.mark.slow)])
def test_at_infinite_disorder_the_current_follows_the_spanning_tree(side):
    network, _ = exponential_lattice(1e4, side)
    current = hn.solve_current(network)
    path = spanning_tree_path(network)
    carried = np.abs(current.relative_flow)
    np.testing.assert_array_equal(np.flatnonzero(carried > 0.5), path)
    # The weakest link of the path limits the conductance and carries all of the noise.
    weakest = network.log_conductance[path].min()
    assert current.log_conductance == pytest.approx(weakest, abs=5.0)
    assert noise(current) > 0.2


def test_without_disorder_the_lattice_is_uniform():
    network, _ = exponential_lattice(0.0, 40)
    current = hn.solve_current(network)
    assert current.conductance == pytest.approx(40 / 39, rel=1e-13)
    assert noise(current) == pytest.approx(1 / (40 * 39), rel=1e-12)
