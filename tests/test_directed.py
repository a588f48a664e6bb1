"""Directed elimination [field 1], [field 2] and finite bias [field 3], [field 4].

High precision, closed forms, the limits of Ohm's law and of a strong field, bad input.
"""

import mpmath
import numpy as np
import pytest
from hopnet.kernels import directed as kernels

import hopnet as hn
from hopnet.elimination.directed import factor_directed, first_passage, stationary_occupation
from hopnet.elimination.dissection import dissect_graph
from hopnet.elimination.symbolic import analyse
from hopnet.network.network import join_sites
from hopnet.transport.bias import share_of_voltage, solve_between
from hopnet.transport.tilted import log_overlap, log_rates
from samples import TWELVE, dense_sites, random_network
from twins import directed as twin


def near(expected, rel=1e-6, abs=0.0):
    """pytest.approx without its absolute tolerance of 1e-12, which is larger than many flows."""
    return pytest.approx(expected, rel=rel, abs=abs)


def random_chain(n, reach, decades, seed):
    """Links of random places closer than ``reach``, and logarithms of random rates both ways."""
    rng = np.random.default_rng(seed)
    position = rng.random((n, 2))
    i, j = np.triu_indices(n, 1)
    near = np.hypot(*(position[i] - position[j]).T) < reach
    i, j = i[near], j[near]
    log_rates = rng.uniform(-decades * np.log(10), 0.0, (2, i.size))
    return i, j, log_rates, position


def generator(n, i, j, log_rates):
    """The matrix of the master equation in high precision: d p / d t = M p."""
    M = mpmath.zeros(n)
    for l in range(i.size):
        a, b = int(i[l]), int(j[l])
        for start, end, log in ((a, b, log_rates[0, l]), (b, a, log_rates[1, l])):
            rate = mpmath.e ** mpmath.mpf(float(log))
            M[end, start] += rate
            M[start, start] -= rate
    return M


@pytest.mark.kernel
@pytest.mark.parametrize("leaf", [3, 200])
@pytest.mark.parametrize("dtype", [float, complex])
def test_directed_kernels_equal_their_twins(leaf, dtype, kernel_version):
    n = 40
    i, j, log_rates, position = random_chain(n, 0.4, 3, 5)
    terminal = np.full(n, -1)
    terminal[[2, 7]], terminal[[5]] = 0, 1
    e = analyse(dissect_graph(i, j, position, leaf_size=leaf), i, j, terminal)
    n_e = e.node.shape[0]
    rank = np.empty(n, np.int64)
    rank[e.node] = np.arange(n_e)
    rank[terminal >= 0] = n_e + terminal[terminal >= 0]
    dense = np.zeros((n_e + 3, n_e + 3), dtype)
    for l in range(i.size):
        a, b = rank[i[l]], rank[j[l]]
        if min(a, b) < n_e:
            dense[a, b] += np.exp(log_rates[0, l])
            dense[b, a] += np.exp(log_rates[1, l])
    killing = np.linspace(0.1, 0.2, n_e).astype(dtype) * (1 + 0.5j if dtype is complex else 1)
    dense[:n_e, -1] = killing
    w, v, pivot, reduced = twin.factor_directed_fronts(dense, n_e)

    forward = e.edge_sign > 0
    going, coming = np.exp(log_rates[:, e.edge_link])
    edge_rates = np.stack([np.where(forward, going, coming), np.where(forward, coming, going)])
    weights = np.zeros((2, e.n_entries), dtype)
    found, contribution = np.empty(n_e, dtype), np.empty(e.contribution_size, dtype)
    which = np.arange(e.fronts.left.shape[0])
    kernel_version(kernels.factor_directed_fronts)(
        which,
        e.fronts,
        edge_rates.astype(dtype),
        killing,
        1e-300,
        e.contribution_start,
        contribution,
        weights,
        found,
    )
    np.testing.assert_allclose(found, pivot, rtol=1e-12)
    f = e.fronts
    for t in which:
        first, last = f.front_start[t], f.front_start[t + 1]
        boundary = f.boundary[f.boundary_start[t] : f.boundary_start[t + 1]]
        column = np.concatenate([np.arange(first, last), boundary])
        own = weights[:, f.weight_start[t] : f.weight_start[t + 1]]
        own = own.reshape(2, last - first, column.size)
        for k in range(last - first):
            later = column[k + 1 :]
            np.testing.assert_allclose(own[0, k, k + 1 :], w[first + k, later], rtol=1e-12)
            np.testing.assert_allclose(own[1, k, k + 1 :], v[first + k, later], rtol=1e-12)
    rates = np.empty((3, 3), dtype)
    kernel_version(kernels.fill_terminal_rates)(f, e.contribution_start, contribution, rates)
    expected = twin.fill_terminal_rates(reduced, n_e)
    np.testing.assert_allclose(rates, expected, rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize(("n", "decades", "seed"), [(12, 5, 2), (60, 50, 3), (100, 60, 4)])
def test_occupations_to_their_last_digits(n, decades, seed):
    i, j, log_rates, position = random_chain(n, 0.35, decades, seed)
    p = stationary_occupation(i, j, *log_rates, position)
    with mpmath.workdps(3 * decades + 60):
        M = generator(n, i, j, log_rates)
        for c in range(n):
            M[n - 1, c] = 1
        exact = mpmath.lu_solve(M, mpmath.matrix([0] * (n - 1) + [1]))
        worst = max(abs(float(p[k] / exact[k] - 1)) for k in range(n))
    assert worst < 5e-14


def test_first_passage_to_its_last_digits():
    n, target, avoid = 60, 3, 17
    i, j, log_rates, position = random_chain(n, 0.35, 50, 3)
    probability, time = first_passage(i, j, *log_rates, position, [target], avoid=[avoid])
    assert (probability[target], probability[avoid], time[target]) == (1.0, 0.0, 0.0)
    free = [k for k in range(n) if k not in (target, avoid)]
    with mpmath.workdps(200):
        M = generator(n, i, j, log_rates).T
        inner = mpmath.matrix([[M[a, b] for b in free] for a in free])
        h = mpmath.lu_solve(inner, mpmath.matrix([-M[a, target] for a in free]))
        tau = mpmath.lu_solve(inner, mpmath.matrix([-1] * len(free)))
        worst = max(
            max(abs(float(probability[k] / h[q] - 1)), abs(float(time[k] / tau[q] - 1)))
            for q, k in enumerate(free)
        )
    assert worst < 5e-14


def test_killing_and_injection_conserve_carriers():
    n = 80
    i, j, log_rates, position = random_chain(n, 0.3, 8, 6)
    e = analyse(dissect_graph(i, j, position), i, j)
    rng = np.random.default_rng(7)
    killing, injection = rng.random((2, n))
    factored = factor_directed(e, *np.exp(log_rates), killing)
    p = factored.occupation(injection)
    assert (killing * p).sum() == near(injection.sum(), rel=1e-13)
    assert factored.first_passage(killing) == near(np.ones(n), rel=1e-13)
    # A Laplace transform: the complex rate s kills, and s sum p is what was injected.
    s = 0.3 + 2.0j
    p = factor_directed(e, *np.exp(log_rates), s).occupation(injection)
    assert (s * p).sum() == near(injection.sum(), rel=1e-12)


def test_clusters_are_normalised_each():
    p = stationary_occupation(
        [0, 2], [1, 3], [0.0, 1.0], [0.0, 0.0], [[0, 0], [1, 0], [5, 0], [6, 0]]
    )
    np.testing.assert_allclose(p[:2], 0.5)
    assert p[2:].sum() == near(1.0)
    assert p[3] / p[2] == near(np.e)


def test_where_no_end_is_reached():
    probability, time = first_passage(
        [0, 2], [1, 3], [0.0, 0.0], [0.0, 0.0], [[0, 0], [1, 0], [5, 0], [6, 0]], [0]
    )
    assert probability.tolist() == [1.0, 1.0, 0.0, 0.0]
    assert time.tolist() == [0.0, 1.0, np.inf, np.inf]


# The reference network of 12 sites, energies 0.1 i cos(i) / 0.5 in kT, contacts site 0 and 11,
# eV = 9 F: 1500-bit arithmetic. F, bath, J, J_sd, p_1, p_6, p_10.
OPEN = [
    (
        (0.3, "miller_abrahams"),
        (0.0097385725084672495, 0.010440212331304421),
        (0.6558552800172, 0.3605635782949, 7.029114140403),
    ),
    (
        (3.0, "ohmic"),
        (0.10816558016147646, 0.10816558016167976),
        (0.1824628355228, 0.2336714094443, 7.045906226473),
    ),
    (
        (100.0, "heat_bath"),
        (0.039114227527243555, 0.039114227527243555),
        (0.3072854790301, 0.5035295911188, 1.810670840119),
    ),
    ((1e-6, "ohmic"), (5.0639560611934022e-8, 0.0056266431655887326), None),
]


@pytest.mark.parametrize(("given", "currents", "occupations"), OPEN)
def test_digits_of_a_finite_bias(given, currents, occupations):
    (F, bath), (J, J_sd) = given, currents
    number = np.arange(12)
    energy = 0.1 * number * np.cos(number)
    sites = hn.with_energies(dense_sites(TWELVE, 10.0), energy, width=1.0, seed=3)
    network = hn.build_network(sites, cutoff_radius=20.0, contacts=([0], [11]), kT=0.5, bath=bath)
    bias = hn.solve_bias(network, 9.0 * F)
    unit = np.exp(-energy.min() / 0.5)  # hopnet counts occupations from the lowest level
    assert bias.current * unit == near(J, rel=1e-13)
    assert bias.forward * unit == near(J_sd, rel=1e-13)
    if occupations is not None:
        np.testing.assert_allclose(bias.occupation[[1, 6, 10]] * unit, occupations, rtol=1e-12)
        assert bias.imbalance < 1e-14


def test_digits_of_single_flows():
    number = np.arange(12)
    energy = 0.1 * number * np.cos(number)
    sites = hn.with_energies(dense_sites(TWELVE, 10.0), energy, width=1.0, seed=3)
    network = hn.build_network(
        sites, cutoff_radius=20.0, contacts=([0], [11]), kT=0.5, bath="miller_abrahams"
    )
    bias = hn.solve_bias(network, 2.7)
    pair = {(int(i), int(j)): l for l, (i, j) in enumerate(zip(network.link_i, network.link_j))}
    unit = np.exp(-energy.min() / 0.5)
    expected = {
        (0, 2): 0.003743616083405492,
        (2, 3): 0.001409906114565945,
        (3, 5): 0.003689423375658352,
        (9, 11): 0.001866360407187368,
        (6, 9): 0.0009833317015598908,
    }
    for ends, flow in expected.items():
        assert bias.flow[pair[ends]] * unit == near(flow, rel=1e-12)


@pytest.mark.parametrize("bath", ["ohmic", "miller_abrahams", "heat_bath"])
@pytest.mark.parametrize(("density", "kT"), [(0.01, None), (0.02, 0.1)])
def test_ohms_law_at_small_voltage(bath, density, kT):
    sites = hn.random_sites(800, density=density, seed=5)
    if kT is not None:
        sites = hn.with_energies(sites, "uniform", width=1.0, seed=6)
    network = hn.build_network(sites, kT=kT, bath=bath, cutoff=1.5)
    conductance = hn.solve_current(network).conductance
    bias = hn.solve_bias(network, 1e-14, bath=bath)
    assert bias.current / 1e-14 == near(conductance, rel=1e-12)
    drops = hn.solve_current(network).drop
    assert np.abs(bias.drop / 1e-14 - drops).max() < 1e-12
    assert bias.noise == near(2 * conductance, rel=1e-8)  # Johnson noise
    assert np.abs(bias.occupation / network.occupation - 1)[~network.isolated].max() < 1e-8


def exact_flows(network, log_ij, log_n, voltage):
    """Net flows and occupations from u, which obeys Kirchhoff's laws with K = n a: many digits."""
    n = [mpmath.e ** mpmath.mpf(float(c)) for c in log_n]
    kind = network.terminals
    inner = np.flatnonzero(kind == -1).tolist()
    place = {site: k for k, site in enumerate(inner)}
    fixed = {0: mpmath.mpf(1), 1: mpmath.e ** mpmath.mpf(-voltage)}
    A, b = mpmath.zeros(len(inner)), mpmath.zeros(len(inner), 1)
    links = list(zip(network.link_i.tolist(), network.link_j.tolist()))
    K = [n[i] * mpmath.e ** mpmath.mpf(float(log_ij[l])) for l, (i, j) in enumerate(links)]
    for k, (i, j) in zip(K, links):
        for one, other in ((i, j), (j, i)):
            if one in place:
                A[place[one], place[one]] += k
                if other in place:
                    A[place[one], place[other]] -= k
                elif kind[other] >= 0:
                    b[place[one], 0] += k * fixed[int(kind[other])]
    x = mpmath.lu_solve(A, b)
    u = [x[place[s]] if s in place else fixed.get(int(kind[s]), 0) for s in range(network.n_sites)]
    return [k * (u[i] - u[j]) for k, (i, j) in zip(K, links)], [a * c for a, c in zip(u, n)]


@pytest.mark.parametrize(
    ("density", "voltage"), [(0.0007, 0.5), (0.0007, 60.0), (0.005, 5.0), (0.005, 900.0)]
)
def test_every_net_flow_to_its_last_digits(density, voltage):
    """Energies and tilts on a binary grid: their differences are exact, detailed balance holds."""
    grid = 2.0**-42
    sites = hn.random_sites(70, density=density, seed=10)
    network = hn.build_network(sites, cutoff=1.5)
    energy = grid * np.round(5.0 * np.random.default_rng(10).standard_normal(70) / grid)
    tilt = grid * np.round(voltage * share_of_voltage(network) / grid)
    step = np.diff(energy[[network.link_i, network.link_j]], axis=0)[0]
    step -= tilt[network.link_j] - tilt[network.link_i]
    rates = log_rates(grid * np.round(log_overlap(network) / grid), "miller_abrahams", step)
    symbolic = analyse(network.dissection, network.link_i, network.link_j, network.terminals)
    found = solve_between(network, symbolic, rates, tilt - energy, voltage, 1)
    with mpmath.workdps(900):
        flow, p = exact_flows(network, rates.going, tilt - energy, voltage)
        through = max(abs(one) for one in flow)
        scale = mpmath.e ** mpmath.mpf(found.scale)
        worst = max(
            abs(float(found.flow[l] * scale / one - 1))
            for l, one in enumerate(flow)
            if abs(one) > 1e-9 * through
        )
        inner = np.flatnonzero(network.terminals == -1)
        worst_p = max(abs(float(found.occupation[k] / p[k] - 1)) for k in inner)
    assert worst < 2e-13
    assert worst_p < 5e-14
    assert found.imbalance < 1e-14


# eF l_c and the current of the sample of 160 sites in 1500-bit arithmetic, MA, sigma = 5 kT.
SAMPLES = [
    (0.005, 0.1, 1.5036310696e-16),
    (0.005, 3, 1.0448117031e-11),
    (0.005, 30, 7.550986562e-05),
    (0.0007, 0.1, 4.2735742686e-43),
    (0.0007, 3, 2.1373908601e-37),
    (0.0007, 30, 3.1044400622e-22),
]


@pytest.mark.parametrize(("density", "field", "expected"), SAMPLES)
def test_digits_of_random_samples(density, field, expected):
    sites = hn.random_sites(160, density=density, seed=10)
    network = hn.build_network(sites, cutoff=1.5)
    F, depth = field / hn.critical_length(density), network.cutoff_radius
    energy = 5.0 * np.random.default_rng(10).standard_normal(160)
    tilt = F * (np.clip(sites.position[:, 0], depth, sites.length - depth) - depth)
    voltage = F * (sites.length - 2 * depth)
    step = energy[network.link_j] - energy[network.link_i]
    step -= tilt[network.link_j] - tilt[network.link_i]
    rates = log_rates(log_overlap(network), "miller_abrahams", step)
    symbolic = analyse(network.dissection, network.link_i, network.link_j, network.terminals)
    found = solve_between(network, symbolic, rates, tilt - energy, voltage, 1)
    assert np.log(found.current) + found.scale == near(np.log(expected), abs=2e-10)


def test_conductances_without_distances_are_kept():
    """A network of given conductances: its small voltage is Kirchhoff's law of these."""
    sites = hn.random_sites(200, density=0.05, seed=3)
    built = hn.build_network(sites, cutoff=1.5)
    given = np.random.default_rng(4).uniform(-9.0, 0.0, built.n_links)
    network = join_sites(sites, built.link_i, built.link_j, given, contacts=built.contacts)
    expected = hn.solve_current(network).conductance
    assert hn.solve_bias(network, 1e-14).current / 1e-14 == near(expected, rel=1e-12)


def test_raising_a_link_never_lowers_the_gross_current():
    """Rayleigh's law holds at any voltage: J_sd is a conductance of K = n a."""
    sites = hn.random_sites(120, density=0.02, seed=4)
    built = hn.build_network(sites, cutoff=1.5)
    for voltage in (0.1, 5.0, 50.0):
        before = hn.solve_bias(built, voltage).forward
        for l in range(0, built.n_links, built.n_links // 12):
            raised = built.log_conductance.copy()
            raised[l] += 1.0
            one = join_sites(sites, built.link_i, built.link_j, raised, contacts=built.contacts)
            assert hn.solve_bias(one, voltage).forward >= before * (1 - 1e-13)


@pytest.mark.parametrize("voltage", [0.5, 30.0, 200.0])
def test_forward_over_backward_is_the_boltzmann_factor(voltage):
    network = random_network(600, 0.03, 7)
    bias = hn.solve_bias(network, voltage)
    assert np.log(bias.forward / bias.backward) == near(voltage, rel=1e-13)
    through = bias.flow[network.terminals[network.link_i] == 0].sum()
    through -= bias.flow[network.terminals[network.link_j] == 0].sum()
    assert through == near(bias.current, rel=1e-12)


def test_two_sites_in_closed_form():
    """One link between the contacts: I = a (1 - exp(-V)), since the downhill rate is constant."""
    sites = dense_sites(np.array([[1.0, 5.0], [5.0, 5.0], [5.0, 9.5]]), 10.0)
    network = hn.build_network(sites, cutoff_radius=4.1, contacts=([0], [1]))
    for voltage in (0.2, 5.0, -5.0):
        bias = hn.solve_bias(network, voltage, bath="miller_abrahams")
        expected = np.exp(-8.0) * -np.expm1(-abs(voltage)) * np.sign(voltage)
        assert bias.current == near(expected, rel=1e-13)
    assert hn.solve_bias(network, 0.0).current == 0.0


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda n: hn.solve_bias(n, np.inf), "finite number"),
        (lambda n: hn.solve_bias(n, "1"), "finite number"),
        (lambda n: hn.solve_bias(n, 1e5), "-10000 to 10000"),
        (lambda n: hn.solve_bias(None, 1.0), "network"),
        (lambda n: hn.solve_bias(n, 1.0, bath="cold"), "bath"),
        (lambda n: hn.stationary_occupation([0], [1], [0.0], [-900.0], [[0, 0], [1, 0]]), "span"),
        (lambda n: hn.stationary_occupation([0], [2], [0.0], [0.0], [[0, 0], [1, 0]]), "node"),
        (lambda n: hn.stationary_occupation([0], [1], ["a"], [0.0], [[0, 0], [1, 0]]), "real"),
        (lambda n: hn.first_passage([0], [1], [0.0], [0.0], [[0, 0], [1, 0]], [5]), "from 0 to 1"),
        (
            lambda n: hn.first_passage([0], [1], [0.0], [0.0], [[0, 0], [1, 0]], [0], avoid=[0]),
            "must not share",
        ),
    ],
)
def test_bad_input(call, words):
    with pytest.raises(hn.ParameterError, match=words):
        call(random_network(200, 0.05, 3))


def test_a_torus_is_refused():
    torus = hn.build_network(
        hn.random_sites(300, density=0.05, seed=3, geometry="torus"), cutoff=1.5
    )
    with pytest.raises(hn.ParameterError, match="torus"):
        hn.solve_bias(torus, 1.0)
