"""Drift in a field around a periodic sample: [field 5], [field 6].

Digits of 1500-bit arithmetic, the limit of Ohm's law, symmetries, conservation, bad input.
"""

import warnings

import mpmath
import numpy as np
import pytest

import hopnet as hn
from hopnet.network.network import join_sites
from hopnet.transport.around import solve_around
from hopnet.transport.diffusion import diffusion_tensor
from hopnet.transport.seam import open_along
from hopnet.transport.tilted import log_overlap, log_rates


def near(expected, rel=1e-6, abs=0.0):
    """pytest.approx without its absolute tolerance of 1e-12, which is larger than many flows."""
    return pytest.approx(expected, rel=rel, abs=abs)


CHAIN = [0.0, 1.3, -0.7, 2.1, 0.4, -1.9, 0.8, -0.2]


def chain_network(energy, bath="miller_abrahams", first=0.5):
    """A ring of sites one a_b apart, hops to the nearest neighbours at the rate exp(-2) s."""
    n = len(energy)
    place = np.stack([np.ones(n), (np.arange(n) + first) % n], axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", hn.ValidityWarning)
        sites = hn.sites_from_positions(place, length=2.0, width=float(n), geometry="cylinder")
    sites = hn.with_energies(sites, np.asarray(energy, float))
    return hn.build_network(
        sites, cutoff_radius=1.0 + 1e-9, kT=1.0, bath=bath, contacts=([0], [1]), axis="x"
    )


# Field, velocity, diffusion constant and p_0 of the ring of eight sites with unit overlap.
RING = [
    (1e-6, 1.6810958985796012e-7, 0.16810958985827422, None),
    (0.5, 0.097102646075758481, 0.23442230802686957, 0.1056348836187),
    (4.0, 0.92126219627055109, 0.53425237290777907, None),
]


@pytest.mark.parametrize(("field", "velocity", "diffusion", "p_0"), RING)
def test_velocity_and_diffusion_of_a_chain(field, velocity, diffusion, p_0):
    drift = hn.solve_drift(chain_network(CHAIN), field)
    assert drift.velocity * np.exp(2.0) == near(velocity, rel=1e-13)
    assert drift.diffusion * np.exp(2.0) == near(diffusion, rel=1e-13)
    assert drift.occupation.sum() == near(1.0, rel=1e-14)
    if p_0 is not None:
        assert drift.occupation[0] == near(p_0, rel=1e-12)
    # One carrier: the same flow crosses every link, v / L.
    assert np.abs(drift.flow).max() == near(drift.velocity / 8, rel=1e-13)


# eF l_c, velocity and diffusion constant of 160 sites around a cylinder in 900-digit arithmetic.
SAMPLES = [
    (0.1, 4.36508788e-22, 1.929469373e-19),
    (3.0, 9.23400208e-20, 3.546944703e-17),
    (30.0, 1.892694362e-25, 2.500580217e-23),
]


@pytest.mark.parametrize(("field", "velocity", "diffusion"), SAMPLES)
def test_digits_of_a_random_sample(field, velocity, diffusion):
    sites = hn.random_sites(160, density=0.005, seed=1, geometry="cylinder", aspect=0.5)
    radius = hn.build_network(sites, cutoff=1.5).cutoff_radius
    warm = hn.with_energies(sites, 5.0 * np.random.default_rng(1).standard_normal(160))
    network = hn.build_network(warm, kT=1.0, bath="miller_abrahams", cutoff_radius=radius)
    drift = hn.solve_drift(network, field / hn.critical_length(0.005))
    assert drift.velocity == near(velocity, rel=2e-9)
    assert drift.diffusion == near(diffusion, rel=2e-9)
    assert drift.imbalance < 1e-12


def torus(n=800, density=0.02, seed=3, kT=None, **options):
    sites = hn.random_sites(n, density=density, seed=seed, geometry="torus")
    if kT is not None:
        sites = hn.with_energies(sites, "gaussian", width=1.0, seed=seed + 1)
    return hn.build_network(sites, kT=kT, **options)


@pytest.mark.parametrize("axis", ["x", "y"])
@pytest.mark.parametrize("bath", ["ohmic", "miller_abrahams", "heat_bath"])
def test_a_weak_field_is_ohms_law(axis, bath):
    """v / F is Einstein's diffusion constant, that of the walk and of the diffusion tensor."""
    network = torus(kT=0.5, bath=bath)
    drift = hn.solve_drift(network, 1e-13, axis=axis)
    n = np.exp(network.log_occupation)
    largest = network.cluster == np.bincount(network.cluster).argmax()
    tensor = diffusion_tensor(network) * n.sum() / n[largest].sum()
    k = "xy".index(axis)
    assert drift.mobility == near(tensor[k, k], rel=1e-6)  # the tensor is by sparse LU
    assert drift.diffusion == near(drift.mobility, rel=1e-10)
    assert np.abs(drift.occupation[largest] * n[largest].sum() / n[largest] - 1).max() < 1e-9


def test_a_weak_field_around_a_cylinder_is_solve_ring():
    sites = hn.random_sites(900, density=0.03, seed=5, geometry="cylinder")
    network = hn.build_network(sites, cutoff=1.5)
    ring = hn.solve_ring(network)
    drift = hn.solve_drift(network, 1e-14)
    carriers = np.count_nonzero(network.cluster == np.bincount(network.cluster).argmax())
    area = sites.length * sites.width
    assert drift.mobility * carriers / area == near(ring.conductivity, rel=1e-12)


@pytest.mark.parametrize("field", [1e-6, 0.02, 0.3, 1.0])
def test_flows_conserve_carriers_and_carry_the_velocity(field):
    network = torus(kT=0.4)
    drift = hn.solve_drift(network, field)
    assert drift.imbalance < 1e-10
    assert drift.flow @ network.separation[:, 0] == near(drift.velocity, rel=1e-10)
    assert drift.velocity > 0
    # Every flow runs down the electrochemical potential.
    assert np.all(drift.flow * drift.drop >= 0)


def test_where_the_seam_lies_does_not_matter():
    sites = hn.random_sites(600, density=0.03, seed=6, geometry="torus")
    energy = np.random.default_rng(7).standard_normal(600)
    found = []
    for move in (0.0, 0.3, 0.6):
        place = sites.position + np.array([move * sites.length, 0.1])
        moved = hn.sites_from_positions(
            place % [sites.length, sites.width],
            length=sites.length,
            width=sites.width,
            geometry="torus",
        )
        network = hn.build_network(hn.with_energies(moved, energy), kT=1.0, cutoff_radius=10.0)
        drift = hn.solve_drift(network, 0.1)
        found.append((drift.velocity, drift.diffusion))
    np.testing.assert_allclose(found, found[0] * np.ones((3, 1)), rtol=1e-9)


def test_a_mirror_image_drifts_backward():
    energy = np.array(CHAIN)
    for field in (0.01, 0.5, 4.0):
        there = hn.solve_drift(chain_network(energy), field)
        back = hn.solve_drift(chain_network(energy[::-1]), -field)
        assert back.velocity == near(-there.velocity, rel=1e-13)
        assert back.diffusion == near(there.diffusion, rel=1e-13)


def test_einstein_fails_in_a_strong_field_by_a_known_number():
    """Miller-Abrahams rates: v = 1 - exp(-F), D = (1 + exp(-F)) / 2 per rate downhill."""
    network = chain_network(np.zeros(6))
    for field in (0.1, 2.0, 30.0):
        drift = hn.solve_drift(network, field)
        assert drift.velocity * np.exp(2) == near(-np.expm1(-field), rel=1e-13)
        assert drift.diffusion * np.exp(2) == near(0.5 + 0.5 * np.exp(-field), rel=1e-13)


def test_a_curve_is_the_mean_over_both_signs():
    network = torus(kT=0.5, cutoff_radius=16.0)
    curve = hn.field_curve(network, [0.01, 0.2])
    for row in curve.itertuples():
        pair = [hn.solve_drift(network, sign * row.field) for sign in (1, -1)]
        velocity = [abs(one.velocity) for one in pair]
        assert row.velocity == near(np.mean(velocity), rel=1e-14)
        assert row.inverse_velocity == near(np.mean(1 / np.array(velocity)), rel=1e-14)
        assert row.diffusion == near(np.mean([one.diffusion for one in pair]), rel=1e-14)
    one = hn.field_curve(network, 0.2, both_signs=False)
    assert one["velocity"][0] == near(hn.solve_drift(network, 0.2).velocity, rel=1e-14)


def test_the_sign_averages_out_of_the_weak_field():
    """(v(F) + |v(-F)|) / 2F has no term linear in F; a single sign has."""
    network = torus(500, kT=0.5)
    ohm = hn.solve_drift(network, 1e-12).mobility
    mean = [hn.field_curve(network, F)["mobility"][0] / ohm - 1 for F in (2e-4, 1e-4)]
    single = [hn.solve_drift(network, F).mobility / ohm - 1 for F in (2e-4, 1e-4)]
    assert mean[0] / mean[1] == near(4.0, rel=0.05)
    assert single[0] / single[1] == near(2.0, rel=0.2)


def test_long_links_warn_in_a_strong_field():
    network = torus(500, 0.05, cutoff=1.5)
    with pytest.warns(hn.ValidityWarning, match="close to the cutoff"):
        hn.field_curve(network, [1e-3, 3.0])
    wide = torus(500, 0.05, cutoff_radius=3.0 * hn.critical_length(0.05))
    assert hn.field_curve(wide, 1e-3)["long_share"][0] < 1e-6


def test_a_curve_of_voltages():
    network = hn.build_network(hn.random_sites(900, density=0.05, seed=4), cutoff=2.5)
    curve = hn.voltage_curve(network, [1e-12, 2.0])
    expected = hn.solve_current(network).conductance
    assert curve["conductance"][0] == near(expected, rel=1e-10)
    assert curve["current"][1] == near(hn.solve_bias(network, 2.0).current, rel=1e-14)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda n: hn.solve_drift(n, 0.0), "must be from 1e-100"),
        (lambda n: hn.solve_drift(n, np.nan), "finite number"),
        (lambda n: hn.solve_drift(n, 1e300), "field"),
        (lambda n: hn.solve_drift(n, 0.1, axis="z"), "axis must be"),
        (lambda n: hn.solve_drift(n, 0.1, bath="cold"), "bath"),
        (lambda n: hn.solve_drift(None, 0.1), "network"),
        (lambda n: hn.field_curve(n, [0.0, 1.0]), "must be positive"),
        (lambda n: hn.field_curve(n, [0.1], both_signs=2), "both_signs"),
    ],
)
def test_bad_input(call, words):
    with pytest.raises(hn.ParameterError, match=words):
        call(torus(300, 0.05))


def test_samples_that_do_not_close_or_hold_occupations_alone():
    opened = hn.build_network(hn.random_sites(300, density=0.05, seed=3), cutoff=1.5)
    with pytest.raises(hn.ParameterError, match="periodic"):
        hn.solve_drift(opened, 0.1)
    cylinder = hn.build_network(
        hn.random_sites(300, density=0.05, seed=3, geometry="cylinder"), cutoff=1.5
    )
    with pytest.raises(hn.ParameterError, match="runs along y"):
        hn.solve_drift(cylinder, 0.1, axis="x")
    short = hn.build_network(
        hn.random_sites(400, density=0.01, seed=3, geometry="torus"), cutoff_radius=6.0
    )
    with pytest.raises(hn.NotPercolatingError, match="does not close"):
        hn.solve_drift(short, 0.1)
    built = torus(300, 0.05)
    bare = join_sites(
        built.sites,
        built.link_i,
        built.link_j,
        built.log_conductance,
        contacts=([], []),
        log_occupation=np.linspace(0, 1, 300),
    )
    with pytest.raises(hn.ParameterError, match="occupations alone"):
        hn.solve_drift(bare, 0.1)


def exact_ring(network, kept, log_ij, log_ji):
    """Net flows of one carrier and its occupations by LU in many digits."""
    index = np.flatnonzero(kept).tolist()
    place = {site: k for k, site in enumerate(index)}
    A = mpmath.zeros(len(index))
    links = list(zip(network.link_i.tolist(), network.link_j.tolist()))
    pair = [
        (mpmath.e ** mpmath.mpf(float(a)), mpmath.e ** mpmath.mpf(float(b)))
        for a, b in zip(log_ij, log_ji)
    ]
    for (a, b), (i, j) in zip(pair, links):
        if i in place:
            k, m = place[i], place[j]
            A[m, k] += a
            A[k, k] -= a
            A[k, m] += b
            A[m, m] -= b
    one = mpmath.zeros(len(index), 1)
    for k in range(len(index)):
        A[0, k] = mpmath.mpf(1)
    one[0] = mpmath.mpf(1)
    x = mpmath.lu_solve(A, one)
    p = [x[place[s]] if s in place else mpmath.mpf(0) for s in range(network.n_sites)]
    return [p[i] * a - p[j] * b for (a, b), (i, j) in zip(pair, links)], p


@pytest.mark.parametrize(
    ("density", "field"), [(0.005, 0.001), (0.005, 0.05), (0.005, 1.0), (0.0007, 0.03)]
)
def test_every_net_flow_to_its_last_digits(density, field):
    """Energies, places and the field on a binary grid: detailed balance holds exactly."""
    sites = hn.random_sites(70, density=density, seed=4, geometry="torus")
    place = np.round(sites.position * 2.0**10) / 2.0**10
    sites = hn.sites_from_positions(
        place, length=np.ceil(sites.length), width=np.ceil(sites.width), geometry="torus"
    )
    grid = 2.0**-30
    energy = grid * np.round(3.0 * np.random.default_rng(10).standard_normal(70) / grid)
    network = hn.build_network(
        hn.with_energies(sites, energy), kT=1.0, bath="miller_abrahams", cutoff=1.2
    )
    F = np.round(field * 2.0**16) / 2.0**16
    step = energy[network.link_j] - energy[network.link_i] - F * network.separation[:, 0]
    overlap = grid * np.round(log_overlap(network) / grid)
    rates = log_rates(overlap, "miller_abrahams", step)
    seam = open_along(network, 0)
    found = solve_around(seam, rates, -energy, F * seam.period, 1)
    with mpmath.workdps(600):
        flow, p = exact_ring(network, seam.kept, rates.going, rates.coming)
        scale = mpmath.e ** mpmath.mpf(found.scale)
        velocity = sum(a * float(d) for a, d in zip(flow, network.separation[:, 0]))
        through = max(abs(one) for one in flow)
        errors = [
            abs(float(found.flow[l] * scale / one - 1))
            for l, one in enumerate(flow)
            if abs(one) > 1e-9 * through
        ]
        worst_p = max(abs(float(found.occupation[k] / p[k] - 1)) for k in np.flatnonzero(seam.kept))
        assert abs(float(found.velocity * scale / velocity - 1)) < 1e-13
    # In the strongest field one link of the seam has eleven digits, all others thirteen.
    assert max(errors) < (1e-9 if field == 1.0 else 5e-13)
    assert np.median(errors) < 1e-14
    assert worst_p < 1e-13
    assert found.imbalance < 1e-14


@pytest.mark.parametrize("field", [0.1, 1.0, 10.0])
def test_flows_of_dilute_samples_balance_in_any_field(field):
    """One pass leaves 1e-7; a wrong ratio on the seam left 0.8 at 1e5 sites."""
    network = torus(n=6000, density=0.01, cutoff=2.5)
    drift = hn.solve_drift(network, field / hn.critical_length(0.01))
    assert drift.imbalance < 1e-14


# ---- in space ----


def cubic(n_x, n_y, n_z, sigma, geometry="torus", seed=3):
    """A cubic lattice with Gaussian energies, hops to the six nearest neighbours."""
    sites = hn.lattice_sites("cubic", n_x, n_y, n_z=n_z, spacing=3.0, geometry=geometry)
    energy = sigma * np.random.default_rng(seed).standard_normal(n_x * n_y * n_z)
    return hn.build_network(
        hn.with_energies(sites, energy), cutoff_radius=3.1, kT=1.0, bath="miller_abrahams"
    )


@pytest.mark.parametrize("axis", "xyz")
@pytest.mark.parametrize("concentration", [None, 0.2])
def test_cubic_lattice_against_a_dense_master_equation(axis, concentration):
    """Rates by hand, p by dense algebra (few carriers) or put into the mean-field equation."""
    network = cubic(6, 5, 4, 2.0)
    k, F = "xyz".index(axis), 0.5
    drift = hn.solve_drift(network, F, axis=axis, concentration=concentration)
    step = network.separation[:, k]
    e = network.sites.energy
    assert np.all(np.isin(np.abs(np.round(network.separation, 9)), (0.0, 3.0)))
    n, rate = network.n_sites, np.zeros((network.n_sites,) * 2)
    i, j = network.link_i, network.link_j
    rise = e[j] - e[i] - F * step
    rate[i, j] = np.exp(-6.0 - np.maximum(rise, 0.0))
    rate[j, i] = np.exp(-6.0 - np.maximum(-rise, 0.0))
    p = drift.occupation
    if concentration is None:
        matrix = rate.T - np.diag(rate.sum(axis=1))
        matrix[0] = 1.0
        exact = np.linalg.solve(matrix, np.eye(n)[0])
        np.testing.assert_allclose(p, exact, rtol=1e-10)
        q = np.ones(n)
    else:
        q = 1.0 - p
        assert p.sum() == near(0.2 * n, rel=1e-12)
    hops = p[:, None] * q[None, :] * rate
    assert np.abs(hops.sum(axis=0) - hops.sum(axis=1)).max() < 1e-12 * hops.max()
    flow = hops[i, j] - hops[j, i]
    assert drift.velocity == near(flow @ step / p.sum(), rel=1e-10)
    np.testing.assert_allclose(drift.flow, flow, atol=1e-12 * np.abs(flow).max())


def test_cubic_lattice_without_energies_has_the_velocity_of_one_link():
    """v = a k (1 - exp(-e F a / kT)) for every axis, and J_sd / J_ds = exp(eV / kT)."""
    for axis in "xyz":
        drift = hn.solve_drift(cubic(5, 4, 4, 0.0), 0.7, axis=axis)
        assert drift.velocity == near(3.0 * np.exp(-6.0) * -np.expm1(-2.1), rel=1e-12)
    bias = hn.solve_bias(cubic(6, 4, 4, 2.0, "open"), 5.0)
    assert bias.forward / bias.backward == near(np.exp(5.0), rel=1e-12)
    assert bias.imbalance < 1e-14


@pytest.mark.slow
def test_mobility_of_a_gaussian_cubic_lattice():
    """mu sigma / a^2 = 1.8e-9 exp(-0.42 (sigma / kT)^2): Pasveer et al., PRL 94, 206601 (2005).

    26 neighbours, ten localisation lengths between nearest ones, few carriers. The mobility of the
    sample is multiplied by the mean of exp(-e / kT) over its sites and divided by that of an
    infinite sample, exp(sigma^2 / 2 kT^2). The law is a fit to ensembles.
    """
    for sigma in (2.0, 3.0):
        sites = hn.lattice_sites("cubic", 16, 16, n_z=16, spacing=10.0, geometry="torus")
        energy = sigma * np.random.default_rng(7).standard_normal(16**3)
        network = hn.build_network(
            hn.with_energies(sites, energy), cutoff_radius=17.4, kT=1.0, bath="miller_abrahams"
        )
        assert network.n_links == 13 * 16**3
        speed = [hn.solve_drift(network, F, axis="x").velocity for F in (1e-4, -1e-4)]
        mobility = (speed[0] - speed[1]) / 2e-4
        own = np.exp(-energy).mean() / np.exp(0.5 * sigma**2)
        law = 1.8e-9 * np.exp(-0.42 * sigma**2)
        assert mobility * own * sigma / 100.0 == near(law, rel=0.35)
