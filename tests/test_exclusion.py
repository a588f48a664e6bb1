"""Many carriers that exclude each other, in a field: [field 7].

The mirror of particles and holes, all configurations of twelve sites, digits of long arithmetic,
the limits of few carriers and of Ohm's law, strong fields in dilute samples, bad input.
"""

import itertools
import warnings

import numpy as np
import pytest
from scipy.special import expit

import hopnet as hn
from hopnet.network.network import join_sites
from hopnet.transport import around, exclusion
from hopnet.transport.bias import share_of_voltage
from hopnet.transport.tilted import largest_scale, log_rates


def near(expected, rel=1e-6, abs=0.0):
    """pytest.approx without its absolute tolerance of 1e-12, which is larger than many flows."""
    return pytest.approx(expected, rel=rel, abs=abs)


CHAIN = [0.0, 1.3, -0.7, 2.1, 0.4, -1.9, 0.8, -0.2]


def lattice(n_x, n_y, energy, bath="miller_abrahams"):
    """A square lattice on a torus, hops to nearest neighbours at the rate exp(-2)."""
    x, y = np.divmod(np.arange(n_x * n_y), n_y)
    place = np.stack([x + 0.5, y + 0.5], axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", hn.ValidityWarning)
        sites = hn.sites_from_positions(
            place, length=float(n_x), width=float(n_y), geometry="torus"
        )
    sites = hn.with_energies(sites, np.asarray(energy, float))
    return hn.build_network(sites, cutoff_radius=1.0 + 1e-9, kT=1.0, bath=bath)


def random_torus(n, density, sigma, seed=1, **options):
    sites = hn.random_sites(n, density=density, seed=seed, geometry="torus")
    if sigma > 0.0:
        sites = hn.with_energies(sites, sigma * np.random.default_rng(5).standard_normal(n))
        options = {"kT": 1.0, "bath": "miller_abrahams"} | options
    return hn.build_network(sites, **options)


def current(network, field, concentration):
    drift = hn.solve_drift(network, field, concentration=concentration)
    return drift.velocity * drift.n_carriers


@pytest.mark.parametrize(
    ("field", "concentration"), [(0.05, 0.2), (0.4, 0.03), (1.0, 0.5), (6.0, 0.01)]
)
def test_holes_are_the_mirror_image_of_particles(field, concentration):
    energy = 3.0 * np.random.default_rng(5).standard_normal(24 * 24)
    particles = lattice(24, 24, energy)
    holes = lattice(24, 24, -energy)
    forward = current(particles, field, concentration)
    assert current(holes, -field, 1.0 - concentration) == near(-forward, rel=1e-13)
    if field < 2.0:
        # The current at -F is another one: the sample is not symmetric.
        assert abs(current(particles, -field, concentration) / forward + 1.0) > 1e-3


def test_the_mirror_holds_in_dilute_samples_and_between_contacts():
    sites = hn.random_sites(600, density=0.01, seed=4)
    energy = 3.0 * np.random.default_rng(6).standard_normal(600)
    found = []
    for sign in (1.0, -1.0):
        network = hn.build_network(
            hn.with_energies(sites, sign * energy),
            kT=1.0,
            bath="miller_abrahams",
            cutoff_radius=25.0,
        )
        bias = hn.solve_bias(network, sign * 8.0, chemical_potential=sign * -1.5)
        found.append(bias)
        assert bias.imbalance < 1e-13
    assert found[1].current == near(-found[0].current, rel=1e-13)
    assert np.abs(found[0].log_odds + found[1].log_odds)[~network.isolated].max() < 1e-11


def configurations(energy, field, n_carriers):
    """Current around a lattice of 4 x 3 sites, summed over all configurations of the carriers."""
    links = []
    for x, y in itertools.product(range(4), range(3)):
        links.append((3 * x + y, 3 * ((x + 1) % 4) + y, 1))
        links.append((3 * x + y, 3 * x + (y + 1) % 3, 0))
    places = list(itertools.combinations(range(12), n_carriers))
    number = {frozenset(one): k for k, one in enumerate(places)}
    rate = np.zeros((len(places), len(places)))
    moved = np.zeros(len(places))
    for k, one in enumerate(places):
        for i, j, step in links:
            for a, b, d in ((i, j, step), (j, i, -step)):
                if a in one and b not in one:
                    w = np.exp(-2.0 - max(energy[b] - energy[a] - field * d, 0.0))
                    rate[number[frozenset(one) - {a} | {b}], k] += w
                    moved[k] += w * d
    matrix = rate - np.diag(rate.sum(axis=0))
    matrix[-1] = 1.0
    return moved @ np.linalg.solve(matrix, np.eye(len(places))[-1])


@pytest.mark.parametrize("field", [0.1, 2.0, 6.0])
@pytest.mark.parametrize("n_carriers", [1, 3, 6])
def test_all_configurations_of_twelve_equal_sites(field, n_carriers):
    """At equal energies the mean field differs by (N - 1) / N, for a fixed number of carriers."""
    exact = configurations(np.zeros(12), field, n_carriers)
    mean_field = current(lattice(4, 3, np.zeros(12)), field, n_carriers / 12)
    assert mean_field == near(exact * 11 / 12, rel=1e-11)


def test_all_configurations_of_twelve_sites_with_energies():
    """Correlations, which the mean field leaves out, change currents by tens of per cent."""
    ratio = []
    for sigma, field, n in itertools.product((2.0, 4.0), (0.1, 2.0, 6.0), (3, 6)):
        for seed in range(3):
            energy = sigma * np.random.default_rng(seed).standard_normal(12)
            mean_field = current(lattice(4, 3, energy), field, n / 12)
            ratio.append(mean_field / configurations(energy, field, n))
    assert 0.6 < min(ratio) < 0.95
    assert 1.05 < max(ratio) < 2.0
    assert 0.9 < np.mean(ratio) < 1.3


# Field, number of carriers, current and occupations of the ring of eight sites with unit overlap.
RING = [
    (0.5, 3, 0.031241726899913317, {0: 0.4305984731836}),
    (4.0, 3, 0.21719792611902374, {0: 0.3748200756385, 5: 0.4114957084257}),
    (30.0, 1, 0.10937499999995266, {}),
]


@pytest.mark.parametrize(("field", "n_carriers", "expected", "occupations"), RING)
def test_digits_of_a_ring(field, n_carriers, expected, occupations):
    place = np.stack([np.ones(8), np.arange(8) + 0.5], axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", hn.ValidityWarning)
        sites = hn.sites_from_positions(place, length=2.0, width=8.0, geometry="cylinder")
    network = hn.build_network(
        hn.with_energies(sites, np.array(CHAIN)),
        cutoff_radius=1.0 + 1e-9,
        kT=1.0,
        bath="miller_abrahams",
        contacts=([0], [1]),
        axis="x",
    )
    drift = hn.solve_drift(network, field, concentration=n_carriers / 8)
    flow = drift.velocity * drift.n_carriers / 8 * np.exp(2.0)
    assert flow == near(expected, rel=1e-12)
    for site, p in occupations.items():
        assert drift.occupation[site] == near(p, rel=1e-11)


def test_equal_energies_follow_the_number_of_carriers_and_holes():
    """At equal energies p is uniform, and the current is c (1 - c) times that of one carrier."""
    network = random_torus(400, 0.05, 0.0)
    single = hn.solve_drift(network, 1e-9)
    for c in (0.1, 0.5, 0.9):
        drift = hn.solve_drift(network, 1e-9, concentration=c)
        assert drift.velocity == near(single.velocity * (1.0 - c), rel=1e-8)


@pytest.mark.filterwarnings("ignore:the sample holds")
@pytest.mark.parametrize("field", [0.01, 0.1])
def test_few_carriers_do_not_meet(field):
    network = random_torus(500, 0.02, 2.0)
    single = hn.solve_drift(network, field)
    drift = hn.solve_drift(network, field, concentration=1e-13)
    assert drift.velocity == near(single.velocity, rel=1e-7)
    assert drift.diffusion == near(single.diffusion, rel=1e-7)
    assert drift.mean_energy == near(single.mean_energy, rel=1e-7)


@pytest.mark.parametrize("bath", ["ohmic", "miller_abrahams", "heat_bath"])
@pytest.mark.parametrize("level", [-1.0, 0.5])
def test_ohms_law_of_electrons_at_a_chemical_potential(bath, level):
    sites = hn.random_sites(600, density=0.02, seed=5)
    sites = hn.with_energies(sites, "gaussian", width=1.0, seed=6)
    options = {"kT": 0.2, "bath": bath, "cutoff_radius": 20.0}
    network = hn.build_network(sites, chemical_potential=level, **options)
    conductance = hn.solve_current(network).conductance
    bias = hn.solve_bias(network, 1e-12)
    assert bias.current / 1e-12 == near(conductance, rel=1e-10)
    kept = ~network.isolated
    fermi = expit((level - sites.energy[kept]) / 0.2)
    assert np.abs(bias.occupation[kept] / fermi - 1).max() < 1e-10
    # The chemical potential may also be given, to a network for few carriers.
    few = hn.build_network(sites, **options)
    other = hn.solve_bias(few, 3.0, chemical_potential=level)
    assert other.current == near(hn.solve_bias(network, 3.0).current, rel=1e-11)
    assert np.isnan(other.noise)


def test_ohms_law_around_a_torus():
    network = random_torus(600, 0.02, 2.0, bath="ohmic", cutoff_radius=20.0)
    drift = hn.solve_drift(network, 1e-11, concentration=0.3)
    assert drift.n_carriers == near(0.3 * np.count_nonzero(drift.occupation), rel=1e-13)
    filled = hn.build_network(
        network.sites,
        kT=1.0,
        bath="ohmic",
        cutoff_radius=20.0,
        chemical_potential=float(
            drift.log_odds[drift.occupation > 0][0] + network.sites.energy[drift.occupation > 0][0]
        ),
    )
    torus = hn.solve_torus(filled)
    area = network.sites.length * network.sites.width
    conductivity = drift.mobility * drift.n_carriers / area
    assert conductivity == near(torus.conductivity[0, 0], rel=1e-7)


def test_balance_of_the_mean_field_on_a_lattice():
    """The equation itself, where floats resolve it: p (1 - p) a of both directions."""
    energy = 2.0 * np.random.default_rng(8).standard_normal(20 * 20)
    network = lattice(20, 20, energy)
    drift = hn.solve_drift(network, 1.0, concentration=0.2)
    i, j = network.link_i, network.link_j
    step = energy[j] - energy[i] - network.separation[:, 0]
    p, q = expit(drift.log_odds), expit(-drift.log_odds)
    going = p[i] * q[j] * np.exp(-2.0 - np.maximum(step, 0.0))
    coming = p[j] * q[i] * np.exp(-2.0 - np.maximum(-step, 0.0))
    flow = going - coming
    net = np.bincount(i, flow, 400) - np.bincount(j, flow, 400)
    assert np.abs(net).sum() < 1e-12 * np.abs(flow).sum()
    np.testing.assert_allclose(drift.flow, flow, rtol=1e-8, atol=1e-13 * np.abs(flow).max())
    assert np.abs(drift.occupation / p - 1).max() < 1e-12
    assert flow @ network.separation[:, 0] == near(drift.velocity * drift.n_carriers, rel=1e-11)


@pytest.mark.filterwarnings("ignore:the sample holds")
@pytest.mark.parametrize("sigma", [3.0, 6.0, 10.0])
@pytest.mark.parametrize("c", [1e-4, 0.5])
def test_strong_disorder_on_a_lattice(sigma, c):
    network = lattice(16, 16, sigma * np.random.default_rng(5).standard_normal(256))
    for field in (0.01, 1.0, 2.0 * sigma):
        drift = hn.solve_drift(network, field, concentration=c)
        assert drift.imbalance < 1e-13
        assert drift.residual < 1e-11
        assert drift.occupation.sum() == near(256 * c, rel=1e-12)
        assert drift.velocity > 0


# Density, standard deviation of the energies in kT, and the fields e F l_c / kT.
DILUTE = [(0.01, 3.0, (0.1, 1.0, 3.0)), (0.001, 0.0, (0.1, 1.0, 3.0)), (0.001, 4.0, (1.0, 3.0))]


@pytest.mark.parametrize(("density", "sigma", "fields"), DILUTE)
def test_dilute_samples_converge_in_strong_fields(density, sigma, fields):
    network = random_torus(2000, density, sigma, cutoff=2.0)
    drift = None
    for field in fields:
        drift = hn.solve_drift(
            network, field / hn.critical_length(density), concentration=0.1, start=drift
        )
        assert drift.imbalance < 1e-12
        assert drift.residual < 1e-11
    # The result does not depend on the fields in between.
    direct = hn.solve_drift(network, drift.field, concentration=0.1)
    assert direct.velocity == near(drift.velocity, rel=1e-9)


@pytest.mark.slow
def test_fifty_decades_of_rates_at_ten_kT():
    """n_s a_b^2 = 0.001: rates of the links of one site span 50 decades and more."""
    network = random_torus(2000, 0.001, 4.0, cutoff=2.0)
    drift = None
    for field in (1.0, 3.0, 5.0, 7.0, 10.0):
        drift = hn.solve_drift(
            network, field / hn.critical_length(0.001), concentration=0.1, start=drift
        )
        assert drift.residual < 1e-11
        assert drift.imbalance < 1e-7


@pytest.mark.slow
def test_twenty_thousand_dilute_sites_at_three_kT():
    """Newton reaches e F l_c = 3 kT from equilibrium at once, though the imbalance jumps once."""
    network = random_torus(20_000, 0.01, 3.0, cutoff=2.0)
    drift = hn.solve_drift(network, 3.0 / hn.critical_length(0.01), concentration=0.1)
    assert drift.imbalance < 1e-13
    assert drift.residual < 1e-11
    assert drift.steps < 40


def test_where_newton_stalls_it_says_so(monkeypatch):
    network = random_torus(600, 0.01, 3.0)
    monkeypatch.setattr(exclusion, "STEPS", 2)
    monkeypatch.setattr(exclusion, "SHORTEST", 0.3)
    with pytest.raises(hn.ConvergenceError, match=r"did not converge at field 0\.5") as caught:
        hn.solve_drift(network, 0.5, concentration=0.1)
    assert caught.value.residual > 0
    assert caught.value.iterations > 0
    assert caught.value.estimate.shape == (600,)


def test_a_start_must_fit():
    network = random_torus(300, 0.03, 1.0)
    drift = hn.solve_drift(network, 0.1, concentration=0.2)
    again = hn.solve_drift(network, 0.1, concentration=0.2, start=drift)
    assert again.steps <= 2
    assert again.velocity == near(drift.velocity, rel=1e-12)
    with pytest.raises(hn.ParameterError, match="same number of carriers"):
        hn.solve_drift(network, 0.1, concentration=0.3, start=drift)
    with pytest.raises(hn.ParameterError, match="start is for blocking"):
        hn.solve_drift(network, 0.1, start=drift)
    sites = hn.with_energies(hn.random_sites(300, density=0.05, seed=3), width=1.0, seed=4)
    contacts = hn.build_network(sites, kT=1.0)
    bias = hn.solve_bias(contacts, 0.5, concentration=0.2)
    assert hn.solve_bias(contacts, 0.5, concentration=0.2, start=bias).steps <= 2
    with pytest.raises(hn.ParameterError, match="same chemical potential"):
        hn.solve_bias(contacts, 0.5, concentration=0.3, start=bias)
    with pytest.raises(hn.ParameterError, match="start is for blocking"):
        hn.solve_bias(contacts, 0.5, start=bias)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"concentration": 0.0}, "concentration"),
        ({"concentration": 1.0}, "concentration"),
        ({"concentration": np.nan}, "concentration"),
        ({"concentration": "0.1"}, "concentration"),
        ({"concentration": 0.1, "chemical_potential": 0.0}, "leave one out"),
        ({"chemical_potential": np.inf}, "chemical_potential"),
        ({"concentration": 0.1, "start": 3}, "start"),
    ],
)
def test_bad_input(options, words):
    with pytest.raises(hn.ParameterError, match=words):
        hn.solve_drift(random_torus(300, 0.03, 1.0), 0.1, **options)


def test_what_a_chemical_potential_needs():
    with pytest.raises(hn.ParameterError, match="concentration= instead"):
        hn.solve_drift(random_torus(300, 0.05, 0.0), 0.1, chemical_potential=0.0)
    built = random_torus(300, 0.05, 0.0)
    bare = join_sites(
        built.sites,
        built.link_i,
        built.link_j,
        built.log_conductance,
        contacts=([], []),
        log_occupation=np.linspace(0, 1, 300),
    )
    with pytest.raises(hn.ParameterError, match="occupations alone"):
        hn.solve_drift(bare, 0.1, concentration=0.1)


def test_curves_start_from_the_solution_before():
    network = random_torus(400, 0.03, 1.0)
    curve = hn.field_curve(network, [0.01, 0.1, 0.3], concentration=0.2)
    drifts = [hn.solve_drift(network, sign * 0.1, concentration=0.2) for sign in (1, -1)]
    mean = np.mean([abs(one.velocity) for one in drifts])
    assert curve["velocity"][1] == near(mean, rel=1e-11)
    area = network.sites.length * network.sites.width
    assert curve["current_density"][1] == near(mean * drifts[0].n_carriers / area, rel=1e-11)
    sites = hn.with_energies(hn.random_sites(300, density=0.05, seed=3), width=1.0, seed=4)
    contacts = hn.build_network(sites, kT=1.0)
    found = hn.voltage_curve(contacts, [0.0, 0.5, 1.0], concentration=0.2)
    alone = hn.solve_bias(contacts, 1.0, concentration=0.2)
    assert found["current"][2] == near(alone.current, rel=1e-11)
    assert found["current"][0] == 0.0


def test_a_curve_ends_where_newton_stalls(monkeypatch):
    network = random_torus(600, 0.01, 3.0)
    monkeypatch.setattr(exclusion, "SHORTEST", 0.3)
    monkeypatch.setattr(exclusion, "STEPS", 4)
    with pytest.warns(hn.ValidityWarning, match="the curve ends: blocking did not converge"):
        curve = hn.field_curve(network, [1e-3, 1.0], concentration=0.1, both_signs=False)
    assert np.isfinite(curve["velocity"][0])
    assert np.isnan(curve["velocity"][1])


def test_curves_without_flows_give_the_same_numbers():
    network = random_torus(800, 0.02, 1.5, cutoff=1.5)
    fields = np.array([1e-6, 0.01, 0.1, 0.5])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", hn.ValidityWarning)
        fast = hn.field_curve(network, fields)
        full = hn.field_curve(network, fields, flows=True)
    for name in ("velocity", "inverse_velocity", "diffusion", "mean_energy"):
        np.testing.assert_allclose(fast[name], full[name], rtol=1e-13)
    assert fast["imbalance"].isna().all()
    assert full["imbalance"].max() < 1e-13
    # The share of long links by direct differences, over the net flow instead of the moduli.
    assert np.all(fast["long_share"] >= full["long_share"] * (1 - 1e-6))
    assert np.all(fast["long_share"] < 3.0 * full["long_share"] + 1e-12)
    contacts = hn.build_network(hn.random_sites(400, density=0.02, seed=3), cutoff=1.5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", hn.ValidityWarning)
        few = hn.voltage_curve(contacts, [0.0, 1.0, 30.0])
        all_flows = hn.voltage_curve(contacts, [0.0, 1.0, 30.0], flows=True)
    for name in ("current", "forward", "backward", "noise"):
        np.testing.assert_allclose(few[name], all_flows[name], rtol=1e-13)
    assert np.all(few["long_share"] < 3.0 * all_flows["long_share"] + 1e-12)


BATHS = ["ohmic", "miller_abrahams", "heat_bath", "marcus"]


def speed_of(bath, step):
    """s(abs(D)) exp(-max(D, 0)) of a hop that climbs by ``step`` kT; Marcus with 3 kT."""
    x = abs(step)
    s = {
        "ohmic": x / -np.expm1(-x) if x else 1.0,
        "miller_abrahams": 1.0,
        "heat_bath": 2.0 / (1.0 + np.exp(-x)),
        "marcus": np.exp(x / 2 - x * x / 12),
    }[bath]
    return s * np.exp(-max(step, 0.0))


@pytest.mark.parametrize("bath", BATHS)
@pytest.mark.parametrize("kind", ["square", "triangular"])
def test_equal_sites_of_a_lattice_in_closed_form(kind, bath):
    """p is uniform: v is the sum over the neighbours of rate times step, D that of its square."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", hn.ValidityWarning)
        sites = hn.lattice_sites(kind, 8, 8, spacing=3.0, geometry="torus")
    options = {"reorganisation_energy": 3.0} if bath == "marcus" else {}
    network = hn.build_network(
        hn.with_energies(sites, np.zeros(64)),
        cutoff_radius=3.1,
        kT=1.0,
        bath=bath,
        **options,
    )
    angle = np.arange(6 if kind == "triangular" else 4)
    step = 3.0 * np.cos(2 * np.pi * angle / angle.size)
    for field in (1e-4, 0.2, 2.0):
        rate = np.array([np.exp(-6.0) * speed_of(bath, -field * x) for x in step])
        drift = hn.solve_drift(network, field)
        assert drift.velocity == near(rate @ step, rel=1e-11)
        assert drift.diffusion == near(0.5 * rate @ step**2, rel=1e-11)
        blocked = hn.solve_drift(network, field, concentration=0.25)
        assert blocked.velocity == near(0.75 * rate @ step, rel=1e-11)


@pytest.mark.parametrize("bath", BATHS)
@pytest.mark.parametrize("name", ["uniform", "gaussian", "exponential"])
def test_every_density_of_states_and_bath(name, bath):
    """A weak field is Ohm's law; flows balance in a strong one, with and without blocking."""
    sites = hn.random_sites(400, density=0.05, seed=3, geometry="torus")
    sites = hn.with_energies(sites, name, width=2.0, seed=4)
    options = {"reorganisation_energy": 10.0} if bath == "marcus" else {}
    network = hn.build_network(sites, kT=1.0, bath=bath, cutoff_radius=12.0, **options)
    weak = hn.solve_drift(network, 1e-10)
    assert weak.mobility == near(weak.diffusion, rel=1e-7)
    strong = hn.solve_drift(network, 1.0)
    assert strong.imbalance < 1e-14
    blocked = hn.solve_drift(network, 0.5, concentration=0.2)
    assert blocked.residual < 1e-11
    assert blocked.imbalance < 1e-12


@pytest.mark.parametrize("axis", ["x", "y"])
def test_drops_are_those_of_the_occupations(axis):
    """ln(u_i / u_j) of every link, also of links between two sites of the seam."""
    network = random_torus(500, 0.03, 1.5, cutoff=1.5)
    along = network.separation[:, "xy".index(axis)]
    drift = hn.solve_drift(network, 0.2, axis=axis)
    i, j = network.link_i, network.link_j
    step = network.sites.energy[j] - network.sites.energy[i] - 0.2 * along
    inside = drift.occupation[i] > 0
    p_i, p_j = drift.occupation[i[inside]], drift.occupation[j[inside]]
    np.testing.assert_allclose(drift.drop[inside], np.log(p_i / p_j) - step[inside], atol=1e-9)


def test_the_potential_falls_between_the_inner_edges_of_the_contacts():
    network = hn.build_network(hn.random_sites(300, density=0.05, seed=3), cutoff=1.5)
    x = network.sites.position[:, 0]
    begin, end = x[network.source].max(), x[network.drain].min()
    share = share_of_voltage(network)
    inner = network.terminals == -1
    np.testing.assert_allclose(share[inner], (x[inner] - begin) / (end - begin), rtol=1e-12)
    assert np.all(share[network.source] == 0.0)
    assert np.all(share[network.drain] == 1.0)


def test_less_than_one_carrier_warns():
    with pytest.warns(hn.ValidityWarning, match="less than one"):
        hn.solve_drift(random_torus(300, 0.05, 0.0), 0.1, concentration=1e-3)


def test_one_correction_balances_a_sample(monkeypatch):
    """Each correction is right by itself, that between the copies of the seam too."""
    monkeypatch.setattr(around, "CORRECTIONS", 1)
    network = random_torus(3000, 0.01, 0.0, cutoff=2.0)
    drift = hn.solve_drift(network, 0.3 / hn.critical_length(0.01))
    assert drift.imbalance < 1e-15


@pytest.mark.parametrize("field", [-0.2, 0.003, 0.02, 0.2])
def test_corrections_between_the_copies_of_the_seam(monkeypatch, field):
    """(du_i - du_j) / max(u_i, u_j) by its definition, du from a dense matrix."""
    taken = {}
    original = around.seam_corrections

    def keep(chain, seam, injection):
        taken["chain"], taken["seam"] = chain, seam
        return original(chain, seam, injection)

    monkeypatch.setattr(around, "seam_corrections", keep)
    network = random_torus(150, 0.1, 0.5, cutoff_radius=10.0)
    drift = hn.solve_drift(network, field)
    chain, seam = taken["chain"], taken["seam"]
    n, m = network.n_sites, seam.seam.size
    injection = np.random.default_rng(3).standard_normal(n)
    injection -= injection.mean()
    found = original(chain, seam, np.append(injection, np.zeros(m)))
    # The chain in the unit of its own rates.
    step = network.sites.energy[network.link_j] - network.sites.energy[network.link_i]
    step -= field * network.separation[:, 0]
    rates = log_rates(-2.0 * network.distance, "miller_abrahams", step)
    unit = largest_scale(rates)
    i, j = network.link_i, network.link_j
    matrix = np.zeros((n, n))
    for a, b, rate in ((i, j, rates.going), (j, i, rates.coming)):
        np.add.at(matrix, (b, a), np.exp(rate - unit))
        np.add.at(matrix, (a, a), -np.exp(rate - unit))
    matrix[-1] = 0.0
    matrix[-1, seam.seam[-1]] = 1.0  # the last site of the seam does not change
    injection[-1] = 0.0
    dp = np.linalg.solve(matrix, -injection)
    own = seam.seam
    relative = dp[own] / chain.occupation[own]
    assert np.abs(chain.occupation[own] / drift.occupation[own] - 1).std() < 1e-9 * n
    ratio, turn = chain.ratios.ratio, chain.turn
    log_u = np.append(ratio[:, 0], ratio[:, 0] - turn)
    du = np.tile(relative, 2)
    top = np.maximum(log_u[:, None], log_u)
    expected = du[:, None] * np.exp(log_u[:, None] - top) - du * np.exp(log_u - top)
    np.testing.assert_allclose(found, expected, atol=1e-9 * np.abs(relative).max())
