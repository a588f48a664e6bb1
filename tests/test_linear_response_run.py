"""Linear response in run files: columns against the functions, literature laws, refusals."""

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

import hopnet as hn
from hopnet.ensemble.config import config_from_dict
from hopnet.ensemble.sample import compute_sample, sample_network
from hopnet.transport.response import (
    activation_energy,
    effective_number,
    mean_hop,
    noise,
    shrinkage_terms,
    strain_response,
)
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


def test_admittance_at_frequencies():
    frequencies = [0.0, 1e-5, 0.3]
    config = config_from_dict(run(observables={"admittance": frequencies, "noise": True}))
    point = config.points()[0]
    columns = compute_sample(point, 1, threads=1).columns
    network = sample_network(point, 1)
    expected = hn.admittance(network, frequencies)
    for omega, value in zip(frequencies, expected):
        assert columns[f"admittance_real_at_{omega:g}"][0] == pytest.approx(value.real, rel=1e-12)
        assert columns[f"admittance_imaginary_at_{omega:g}"][0] == pytest.approx(
            value.imag, rel=1e-9, abs=1e-300
        )
    assert columns["admittance_real_at_0"][0] == pytest.approx(columns["conductance"][0], rel=1e-9)
    assert "noise" in columns
    other = config_from_dict(run(observables={"admittance": [0.1], "noise": True}))
    assert config.identity() != other.identity()


def test_statistics_hold_mean_median_and_number_of_links(tmp_path):
    config = run(
        observables={"admittance": {"start": 1e-4, "stop": 1.0, "n": 3}, "shrinkage": True}
    )
    result = hn.run_ensemble(config_from_dict(config), tmp_path / "out", workers=1)
    statistics = result.attrs.get("statistics")
    table = pd.read_csv(tmp_path / "out" / "statistics.csv") if statistics is None else statistics
    for name in ("admittance_real_at_0.01", "shrinkage", "shrinkage_n_links"):
        assert {name, f"{name}_standard_error", f"{name}_q50"} <= set(table.columns)
    assert table["shrinkage_n_links"].iloc[0] > 1


@pytest.mark.parametrize(
    ("frequencies", "words"),
    [
        ([-1.0], "at least 0"),
        ([np.inf], "at least 0"),
        ([0.1, 0.10000001], "six digits"),
        (3, "admittance"),
    ],
)
def test_bad_frequencies(frequencies, words):
    with pytest.raises((ValidationError, hn.ParameterError), match=words):
        config_from_dict(run(observables={"admittance": frequencies})).points()


def test_numbers_of_links_that_carry_a_result():
    assert effective_number(np.ones(7)) == pytest.approx(7, rel=1e-14)
    assert effective_number(np.array([0.0, 3e-300, 0.0])) == 1.0
    assert effective_number(np.array([1.0, -1.0])) == 2.0
    assert effective_number(np.zeros(3)) == 0.0
    current = hn.solve_current(exponential_lattice(0.0, 12)[0])
    assert effective_number(shrinkage_terms(current)) == pytest.approx(12 * 11, rel=1e-9)


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
