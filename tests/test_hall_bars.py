"""Hall resistances of open samples with any contacts: digits, Onsager, Hall bars. [hall 4]"""

import numpy as np
import pytest

import hopnet as hn
from hopnet.network.triads import find_triads
from samples import TWELVE, dense_sites

# The reference network of 12 sites, all pairs; 50-digit arithmetic: G^H over eta b.
PAIRS = ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))
DIGITS = (
    (
        {},
        3.378380735037e-5,
        5.360885946163e-4,
        -5.698724019667e-4,
        -6.177845213386e-4,
        6.515683286889e-4,
        -8.169592672227e-5,
    ),
    (
        {"kT": 0.5},
        -3.369035592345e-5,
        1.310967290756e-4,
        -9.740637315210e-5,
        -1.536398193094e-4,
        1.199494633860e-4,
        -2.254309023389e-5,
    ),
    (
        {"kT": 0.1, "chemical_potential": 0.05},
        4.997194205553e-6,
        5.268922014141e-7,
        -5.524086406967e-6,
        -5.542265916212e-7,
        5.551420797174e-6,
        -2.733439020715e-8,
    ),
)


def reference_network(**options):
    number = np.arange(12)
    sites = dense_sites(TWELVE, 10.0)
    if options:
        sites = hn.with_energies(sites, 0.1 * number * np.cos(number), width=1.0, seed=3)
    return hn.build_network(sites, cutoff_radius=20.0, contacts=([0], [11]), **options)


@pytest.mark.parametrize("row", DIGITS, ids=["one energy", "Boltzmann", "exclusion"])
def test_digits_of_the_hall_conductance(row):
    options, *expected = row
    found = hn.hall_conductance(hn.solve_terminals(reference_network(**options), [0, 11, 9, 7]))
    for (a, b), value in zip(PAIRS, expected):
        # The last digit that is known stands at 1e-12 of the largest element.
        assert found[a, b] == pytest.approx(value, rel=2e-12, abs=1e-12 * max(map(abs, expected)))
    assert np.array_equal(found, -found.T)
    assert np.abs(found.sum(axis=1)).max() < 1e-14 * np.abs(found).max()


def dense_conductance(network, groups, b):
    """Conductance matrix of the terminals in a finite field, by a dense Schur complement."""
    n, K, i, j = network.n_sites, network.conductance, network.link_i, network.link_j
    matrix = np.zeros((n, n))
    np.add.at(matrix, (i, j), -K)
    np.add.at(matrix, (j, i), -K)
    np.add.at(matrix, (i, i), K)
    np.add.at(matrix, (j, j), K)
    triads = find_triads(network)
    weight = b * 3.0 / 4.0 * triads.area * np.exp(-triads.perimeter)  # R-model
    corner = triads.site.T
    for here, after, before in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        np.add.at(matrix, (corner[here], corner[after]), -weight)
        np.add.at(matrix, (corner[here], corner[before]), weight)
    kept = np.array(groups)
    rest = np.setdiff1d(np.arange(n), kept)
    inner = np.linalg.solve(matrix[np.ix_(rest, rest)], matrix[np.ix_(rest, kept)])
    return matrix[np.ix_(kept, kept)] - matrix[np.ix_(kept, rest)] @ inner


def test_a_finite_field_in_a_dense_matrix():
    network, groups, b = reference_network(), [0, 11, 9, 7], 1e-4
    plus, minus = (dense_conductance(network, groups, s * b) for s in (1, -1))
    assert np.abs(plus - minus.T).max() < 1e-16  # Onsager
    terminals = hn.solve_terminals(network, groups)
    odd = (plus - minus) / (2 * b)
    expected = hn.hall_conductance(terminals)
    assert np.abs(odd - expected).max() < 1e-7 * np.abs(expected).max()
    # The Hall resistance from the finite matrices, one terminal at zero.
    drive, probe = np.array([1.0, -1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0, -1.0])

    def voltage(matrix):
        potential = np.zeros(4)
        potential[:3] = np.linalg.solve(matrix[:3, :3], drive[:3])
        return probe @ potential

    odd = (voltage(plus) - voltage(minus)) / (2 * b)
    assert odd == pytest.approx(hn.hall_resistance(terminals, (0, 1), (2, 3)), rel=1e-6)


def lattice(columns, rows, spacing=3.5):
    sites = hn.lattice_sites("triangular", columns, rows, spacing=spacing)
    network = hn.build_network(sites, cutoff_radius=1.1 * spacing, contacts=([0], [1]))
    # rho tan(theta_H) of the infinite lattice: tan = (3/8) a^2 e^-a, sigma = sqrt(3) e^-2a.
    bulk = 0.375 * spacing**2 * np.exp(-spacing) / (np.sqrt(3) * np.exp(-2 * spacing))
    return network, bulk


def probes(network):
    """The sites nearest to the middles of the left, right, top and bottom edge."""
    x, y = network.sites.position.T
    middle = 0.5 * (x.min() + x.max()), 0.5 * (y.min() + y.max())
    places = (
        (x.min(), middle[1]),
        (x.max(), middle[1]),
        (middle[0], y.max()),
        (middle[0], y.min()),
    )
    return [[int(np.argmin(np.hypot(x - a, y - b)))] for a, b in places]


def test_a_four_point_hall_resistance_approaches_the_bulk_as_one_over_n():
    """R_H of n x n sites is rho tan(theta_H) (1 - 0.82 / n): sites at the edges lack triads."""
    short = []
    for n in (16, 32, 64, 96):
        network, bulk = lattice(n, n)
        terminals = hn.solve_terminals(network, probes(network))
        short.append(n * (1 - hn.hall_resistance(terminals, (0, 1), (2, 3)) / bulk))
    assert short == pytest.approx([0.8498, 0.8327, 0.8240, 0.8212], abs=2e-4)
    # Richardson: the next order is 1/n^2, the limit is 1 to 1e-4.
    limit = [1 - a / n for a, n in zip(short[-2:], (64, 96))]
    assert (96 * limit[1] - 64 * limit[0]) / 32 == pytest.approx(1.0, abs=5e-4)


@pytest.mark.parametrize(("columns", "ratio"), [(48, 0.648), (96, 0.914), (192, 0.985)])
def test_wide_contact_strips_short_the_hall_voltage(columns, ratio):
    """Along a contact there is no Hall voltage; the bar must be longer than wide to show it."""
    network, bulk = lattice(columns, 56)
    x = network.sites.position[:, 0]
    strips = [np.flatnonzero(x < x.min() + 2.0), np.flatnonzero(x > x.max() - 2.0)]
    terminals = hn.solve_terminals(network, [*strips, *probes(network)[2:]])
    found = hn.hall_resistance(terminals, (0, 1), (2, 3))
    assert found / bulk == pytest.approx(ratio, abs=1e-3)


def test_bad_input():
    terminals = hn.solve_terminals(reference_network(), [0, 11, 9])
    with pytest.raises(hn.ParameterError, match="differs from that of the current"):
        hn.hall_resistance(terminals, (0, 1), (1, 0))
    with pytest.raises(hn.ParameterError, match="two different terminals"):
        hn.hall_resistance(terminals, (0, 0), (1, 2))
    with pytest.raises(hn.ParameterError, match="solve_terminals"):
        hn.hall_conductance(reference_network())
    with pytest.raises(hn.ParameterError, match="share sites"):
        hn.solve_terminals(reference_network(), [[0, 1], [1]])
