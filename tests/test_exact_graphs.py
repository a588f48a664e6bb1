"""Random graphs with 0 to 400 decades of conductance, against exact rationals. [hopping 5a]"""

from fractions import Fraction

import mpmath
import numpy as np
import pytest

import hopnet as hn
from hopnet.elimination.scaling import HIGHEST, log_conductance_span
from hopnet.network.network import join_sites
from hopnet.network.sites import sites_from_positions


def random_graph(seed, decades):
    """A connected graph of 4 to 11 sites, contacts at two of them."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(4, 12))
    order = rng.permutation(n)
    pairs = {tuple(sorted((order[k], order[rng.integers(k)]))) for k in range(1, n)}
    for _ in range(int(rng.integers(0, 2 * n))):
        i, j = sorted(rng.choice(n, 2, replace=False))
        pairs.add((i, j))
    ends = np.array(sorted(pairs), dtype=np.int64)
    log_conductance = rng.uniform(-decades, 0, len(ends)) * np.log(10) + rng.uniform(-300, 300)
    sites = sites_from_positions(rng.uniform(0, 20, (n, 2)), length=20, width=20)
    contacts = rng.choice(n, 2, replace=False)
    return join_sites(
        sites, *ends.T, log_conductance, contacts=([contacts[0]], [contacts[1]]), cutoff_radius=30.0
    )


def exact_flows(network):
    """Exact flow of each link over the total current, and the logarithm of that current."""
    n = network.n_sites
    with mpmath.workdps(60):
        conductance = []
        for value in network.log_conductance:
            sign, mantissa, exponent, _ = mpmath.exp(mpmath.mpf(value))._mpf_
            conductance.append(Fraction(-mantissa if sign else mantissa) * Fraction(2) ** exponent)
    matrix = [[Fraction(0)] * (n + 1) for _ in range(n)]
    for i, j, g in zip(network.link_i, network.link_j, conductance):
        for a, b in ((i, j), (j, i)):
            matrix[a][a] += g
            matrix[a][b] -= g
    for contact, value in ((network.source[0], 1), (network.drain[0], 0)):
        matrix[contact] = [Fraction(0)] * (n + 1)
        matrix[contact][contact], matrix[contact][n] = Fraction(1), Fraction(value)
    for k in range(n):  # Gauss-Jordan elimination
        pivot = next(r for r in range(k, n) if matrix[r][k] != 0)
        matrix[k], matrix[pivot] = matrix[pivot], matrix[k]
        matrix[k] = [v / matrix[k][k] for v in matrix[k]]
        for r in range(n):
            if r != k and matrix[r][k] != 0:
                scale = matrix[r][k]
                matrix[r] = [a - scale * b for a, b in zip(matrix[r], matrix[k])]
    potential = [row[n] for row in matrix]
    flow = [
        g * (potential[i] - potential[j])
        for i, j, g in zip(network.link_i, network.link_j, conductance)
    ]
    source = int(network.source[0])
    total = sum(
        f * (int(i == source) - int(j == source)) for f, i, j in zip(flow, *ends_of(network))
    )
    with mpmath.workdps(30):
        log_total = mpmath.log(mpmath.mpf(total.numerator)) - mpmath.log(total.denominator)
    return np.array([float(f / total) for f in flow]), float(log_total)


def ends_of(network):
    return network.link_i.tolist(), network.link_j.tolist()


def check(seed, decades=None):
    """Check all flows of a graph; returns whether it needed wide numbers."""
    network = random_graph(seed, 100 * (seed % 5) if decades is None else decades)
    current = hn.solve_current(network)
    relative, log_total = exact_flows(network)
    assert current.log_conductance == pytest.approx(log_total, rel=1e-13, abs=1e-12), seed
    # Flows above 1e-9 of the current have 11 digits. Smaller ones belong to side loops: their
    # error is compared with the rounding of the flows at their sites, or with the square of the
    # rounding of the whole current.
    large = np.abs(relative) > 1e-9
    np.testing.assert_allclose(current.relative_flow[large], relative[large], rtol=1e-11)
    through = 0.5 * sum(
        np.bincount(end, np.abs(relative), network.n_sites)
        for end in (network.link_i, network.link_j)
    )
    nearby = np.minimum(through[network.link_i], through[network.link_j])
    assert np.all(np.abs(current.relative_flow - relative) <= 1e-12 * nearby + 1e-30), seed
    graph = network.link_i, network.link_j, network.log_conductance, network.terminals
    return log_conductance_span(*graph) > HIGHEST


def test_forty_graphs():
    for seed in range(40):
        check(seed)


def test_wide_numbers_where_floats_do_not_reach():
    """Conductances span a thousand decades: some graphs need wide numbers, some do not."""
    assert 3 < sum(check(seed, 1000) for seed in range(2000, 2020)) < 18


@pytest.mark.slow
def test_five_hundred_graphs():
    for seed in range(1000, 1500):
        check(seed)
    for seed in range(3000, 3200):
        check(seed, 1500)


def flows_in_many_digits(network, digits):
    """The same as `exact_flows` for a larger network, by an assembled matrix in many digits."""
    n = network.n_sites
    ends = list(zip(*ends_of(network)))
    with mpmath.workdps(digits):
        conductance = [mpmath.exp(mpmath.mpf(v)) for v in network.log_conductance]
        matrix, rhs = mpmath.zeros(n), mpmath.zeros(n, 1)
        for (i, j), g in zip(ends, conductance):
            for a, b in ((i, j), (j, i)):
                matrix[a, a] += g
                matrix[a, b] -= g
        known = {i: 1 for i in network.source.tolist()} | {i: 0 for i in network.drain.tolist()}
        known |= {i: 0 for i in np.flatnonzero(network.isolated).tolist()}
        for i, value in known.items():
            for k in range(n):
                matrix[i, k] = mpmath.mpf(k == i)
            rhs[i] = mpmath.mpf(value)
        potential = mpmath.lu_solve(matrix, rhs)
        flow = [g * (potential[i] - potential[j]) for (i, j), g in zip(ends, conductance)]
        source = set(network.source.tolist())
        total = sum(f * ((i in source) - (j in source)) for f, (i, j) in zip(flow, ends))
        return np.array([float(f / total) for f in flow]), float(mpmath.log(total))


@pytest.mark.parametrize(
    ("n", "density", "seed"),
    [(40, 1e-4, 3), (40, 4e-5, 13), (50, 2e-5, 5), (50, 1e-5, 6), (50, 1e-6, 7)],
)
def test_dilute_samples_against_900_digits(n, density, seed):
    """Logarithms span up to 1800; at 1e-5 and below the current is less than the smallest float."""
    network = hn.build_network(hn.random_sites(n, density=density, seed=seed), cutoff=1.5)
    current = hn.solve_current(network)
    relative, log_total = flows_in_many_digits(network, 900 if density > 2e-6 else 2500)
    assert current.log_conductance == pytest.approx(log_total, rel=1e-13)
    large = np.abs(relative) > 1e-9
    assert large.sum() >= 5
    np.testing.assert_allclose(current.relative_flow[large], relative[large], rtol=1e-10)
    assert np.abs(current.relative_flow - relative).max() < 1e-12
    assert current.imbalance < 1e-14
    assert np.isfinite(current.log_resistivity)


@pytest.mark.parametrize("density", [0.01, 1e-4, 1e-5])
def test_one_link_far_above_all_others_changes_nothing(density):
    """A link of exp(900) or exp(1800) short-circuits the closest pair of sites."""
    network = hn.build_network(hn.random_sites(80, density=density, seed=8), cutoff=1.5)
    strongest = int(np.argmax(network.log_conductance))
    raised = network.log_conductance.copy()
    results = []
    for height in (60.0, 900.0, 1800.0):
        raised[strongest] = height
        other = join_sites(
            network.sites, network.link_i, network.link_j, raised, contacts=network.contacts
        )
        results.append(hn.solve_current(other))
    for current in results[1:]:
        assert current.log_conductance == pytest.approx(results[0].log_conductance, abs=1e-11)
        others = np.arange(network.n_links) != strongest
        np.testing.assert_allclose(
            current.relative_flow[others], results[0].relative_flow[others], atol=1e-12
        )
