"""Site energies: rates, links, limits, f. [hopping S9], [hopping S22]-[hopping S26]"""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hopnet as hn
from hopnet.network.energies import BATHS, log_hops, log_occupations
from hopnet.network.exponent import critical_exponent, reference_level
from hopnet.network.triads import find_triads
from hopnet.spin.coefficients import PROCESSES, kinetic_coefficients
from hopnet.spin.equations import local_diffusion, spin_equations
from hopnet.spin.shares import triad_shares
from samples import TWELVE

SITES = hn.random_sites(4000, density=0.01, seed=515)


def twelve_from_sites(disorder):
    """The network of `samples.twelve`, built from sites with energies by `build_network`."""
    number = np.arange(12)
    energy = disorder * 0.1 * number * np.cos(number)
    sites = hn.sites_from_positions(TWELVE, length=10, width=10, energy=energy)
    with pytest.warns(hn.ValidityWarning, match="above 0.1"):
        return hn.build_network(sites, cutoff_radius=100, kT=0.5, contacts=([0], [11]))


@pytest.mark.parametrize(
    ("disorder", "conductance", "f_drift", "f"),
    [
        (0, 4.736967580894e-03, 1.563069919005, [1.542219613878, 0.7248936324708]),
        (1, 1.050604134284e-03, 1.580654496321, [1.558722976814, 0.8259994493263]),
    ],
)
def test_digits_with_and_without_disorder(disorder, conductance, f_drift, f):
    """Digits found independently, from Pauli traces and dense matrices."""
    network = twelve_from_sites(disorder)
    current = hn.solve_current(network)
    curve = hn.f_curve(network, [1, 100], current=current, normalisation="letter")
    assert current.conductance == pytest.approx(conductance, rel=1e-11)
    assert curve.f_drift == pytest.approx(f_drift, rel=1e-11)
    np.testing.assert_allclose(curve.f, f, rtol=1e-11)


@settings(deadline=None, derandomize=True, max_examples=30)
@given(seed=st.integers(2, 10_000), kT=st.floats(0.01, 10.0), bath=st.sampled_from(sorted(BATHS)))
def test_detailed_balance(seed, kT, bath):
    """[hopping S22]: K_ij from the rate up or down is the same; K has no preferred direction."""
    rng = np.random.default_rng(seed)
    energy = rng.uniform(-1, 1, 30)
    i, j = np.triu_indices(30, 1)
    distance = rng.uniform(0, 9, i.size)
    K = log_hops(i, j, distance, energy, kT, bath=bath)
    scale = np.abs(K).max()
    np.testing.assert_allclose(
        K, log_hops(j, i, distance, energy, kT, bath=bath), rtol=0, atol=1e-15 * scale
    )
    n = log_occupations(energy, kT)
    ratio = (K - n[j]) - (K - n[i])  # ln of rate j -> i over rate i -> j
    np.testing.assert_allclose(ratio, (energy[j] - energy[i]) / kT, rtol=0, atol=1e-14 * scale)


def test_rates_of_absorption_and_emission():
    """[hopping S9]: N_e to go up, N_e + 1 to go down; their limit at equal energies is 1."""
    energy, kT = np.array([0.0, 0.3, 1.7, 1.7]), 0.4
    i, j = np.triu_indices(4, 1)
    rate = np.exp(log_hops(i, j, np.full(6, 2.0), energy, kT) - log_occupations(energy, kT)[i])
    x = (energy[j] - energy[i])[:-1] / kT
    absorbed = np.exp(-4.0) * x / np.expm1(x)  # from i, low, up to j
    np.testing.assert_allclose(rate[:-1], absorbed, rtol=1e-14)
    assert rate[-1] == pytest.approx(np.exp(-4.0), rel=1e-14)
    emitted = np.exp(log_hops(i, j, np.full(6, 2.0), energy, kT) - log_occupations(energy, kT)[j])
    np.testing.assert_allclose(emitted[:-1], np.exp(-4.0) * x * (1 / np.expm1(x) + 1), rtol=1e-14)


def test_exclusion_is_detailed_balance_too():
    energy, kT, mu = np.array([-1.0, 0.1, 0.8]), 0.3, 0.2
    i, j = np.array([0, 0, 1]), np.array([1, 2, 2])
    K = np.exp(
        log_hops(i, j, np.zeros(3), energy, kT, bath="miller_abrahams", chemical_potential=mu)
    )
    f = np.exp(log_occupations(energy, kT, mu))
    np.testing.assert_allclose(f, 1 / (1 + np.exp((energy - mu) / kT)), rtol=1e-14)
    up = f[i] * (1 - f[j]) * np.exp(-(energy[j] - energy[i]) / kT)
    np.testing.assert_allclose(K, up, rtol=1e-13)
    np.testing.assert_allclose(K, f[j] * (1 - f[i]), rtol=1e-13)


def test_no_generation_in_equilibrium():
    """[hopping S24]: Gamma_ikj n_j + Gamma_ijk n_k = 0 to rounding, term by term."""
    sites = hn.with_energies(hn.random_sites(300, density=0.05, seed=61), width=2.0, seed=62)
    network = hn.build_network(sites, kT=0.3, cutoff=1.5)
    table = kinetic_coefficients(find_triads(network), [[0.1, 0.7], [0.4, -0.3]], eta=0.01)
    n = network.occupation
    partner = [
        next(q for q in range(6) if tuple(PROCESSES[q]) == (t, s, a)) for t, a, s in PROCESSES
    ]
    term = table.torque * n[table.process[:, :, 2]][:, :, None]
    scale = np.abs(term).max(axis=2)
    total = np.abs(term + term[:, partner]).max(axis=2)
    assert table.process.shape[0] > 300
    assert np.all(total <= 1e-14 * scale)
    spoiled = table.torque * (n**0.9)[table.process[:, :, 2]][:, :, None]
    wrong = np.abs(spoiled + spoiled[:, partner]).max(axis=2)
    assert np.median(wrong / np.abs(spoiled).max(axis=2)) > 1e-3, "the check sees other occupations"


@pytest.mark.parametrize("bath", sorted(BATHS))
def test_energies_to_zero_give_the_r_model(bath):
    plain = hn.build_network(SITES, cutoff=1.5)
    warm = hn.build_network(
        hn.with_energies(SITES, width=1e-13, seed=4), kT=1.0, bath=bath, cutoff=1.5
    )
    assert np.array_equal(warm.link_i, plain.link_i)
    assert np.array_equal(warm.link_j, plain.link_j)
    np.testing.assert_allclose(warm.log_conductance, plain.log_conductance, atol=1e-12)
    a, b = (
        hn.f_curve(network, [0, 1, 1e3, 1e6], normalisation="letter") for network in (plain, warm)
    )
    np.testing.assert_allclose(b.f, a.f, rtol=1e-10)
    assert b.resistivity == pytest.approx(a.resistivity, rel=1e-10)


@pytest.mark.parametrize("chemical_potential", [None, 0.0])
def test_low_temperature_neither_under_nor_overflows(chemical_potential):
    sites = hn.with_energies(SITES, width=1.0, seed=4)
    last = 0.0
    for kT in (1.0, 0.1, 0.01, 1e-3):
        network = hn.build_network(sites, kT=kT, chemical_potential=chemical_potential, cutoff=1.5)
        current = hn.solve_current(network)
        assert current.imbalance < 1e-14
        assert np.isfinite(current.log_conductance)
        assert -current.log_conductance > last
        last = -current.log_conductance
        if chemical_potential is None:
            curve = hn.f_curve(
                network, [0, 1.0, 1e4, np.inf], current=current, normalisation="letter"
            )
            assert np.all(np.isfinite(curve.f))
            assert np.abs(curve.f).max() < 10
            assert np.all(
                np.isfinite(
                    hn.solve_spin(network, 1e4, current=current, normalisation="letter").spin
                )
            )
    assert last > 90


def test_links_are_those_of_the_critical_exponent():
    """All pairs by hand; and the threshold joins the sample, a little less does not."""
    sites = hn.with_energies(hn.random_sites(500, density=0.02, seed=71), width=1.0, seed=72)
    kT = 0.05
    network = hn.build_network(sites, kT=kT, cutoff=1.5)
    i, j = np.triu_indices(500, 1)
    low = sites.energy.min()
    distance = np.hypot(*(sites.position[i] - sites.position[j]).T)
    exponent = 2 * distance + (np.maximum(sites.energy[i], sites.energy[j]) - low) / kT
    xi = critical_exponent(sites, kT)
    kept = exponent <= 1.5 * xi
    assert network.cutoff_radius == pytest.approx(0.75 * xi)
    assert np.array_equal(network.link_i, i[kept])
    assert np.array_equal(network.link_j, j[kept])
    wide = hn.build_network(sites, kT=kT, cutoff=2.0, contacts=network.contacts)
    a, b = hn.solve_current(network).log_conductance, hn.solve_current(wide).log_conductance
    assert a == pytest.approx(b, abs=0.3), "links beyond 1.5 xi_c carry little"


@pytest.mark.parametrize("geometry", ["open", "cylinder"])
def test_both_forms_of_f_agree(geometry):
    sites = hn.random_sites(3000, density=0.02, seed=9, geometry=geometry)
    network = hn.build_network(
        hn.with_energies(sites, "gaussian", width=0.5, seed=3), kT=0.5, cutoff=1.5
    )
    current = hn.solve_current(network)
    equations = spin_equations(network, current)
    for tau_s in (1.0, 1e3):
        factored = equations.factor(equations.occupation / tau_s)
        local = equations.generation.f_drift + local_diffusion(equations, factored)
        assert local == pytest.approx(hn.f_curve(network, tau_s, current=current).f[0], rel=1e-9)
    # the interpolated curve uses slopes with occupations
    tau_s = np.logspace(0, 6, 15)
    few, exact = (
        hn.f_curve(network, tau_s, current=current, tolerance=t, normalisation="letter")
        for t in (1e-2, 0)
    )
    np.testing.assert_allclose(few.f, exact.f, rtol=1e-2, atol=1e-6)


def test_leading_order_of_the_full_equations_agrees():
    """The same f from the kinetic coefficients of the full equations."""
    from hopnet.spin.kinetics import solve_leading_order

    sites = hn.with_energies(hn.random_sites(400, density=0.05, seed=5), width=1.0, seed=6)
    network = hn.build_network(sites, kT=0.2, bath="heat_bath", cutoff=1.5)
    current = hn.solve_current(network)
    full = solve_leading_order(network, [[0, 0.7], [0.4, 0]], eta=0.01, tau_s=50, current=current)
    assert hn.f_curve(network, 50, current=current).f[0] == pytest.approx(full.f, rel=1e-6)
    assert hn.f_curve(network, 0, current=current).f[0] == pytest.approx(full.f_drift, rel=1e-6)


@pytest.mark.parametrize(
    ("name", "quantile"),
    [
        ("uniform", lambda p: p - 0.5),
        ("exponential", lambda p: np.log(p)),
        ("coulomb_gap", lambda p: 0.5 * np.sign(p - 0.5) * np.sqrt(np.abs(2 * p - 1))),
    ],
)
def test_densities_of_states(name, quantile):
    energy = np.sort(hn.with_energies(SITES, name, width=1.0, seed=88).energy)
    p = (np.arange(4000) + 0.5) / 4000
    away = np.abs(energy - quantile(p))
    assert away.mean() < (0.02 if name == "exponential" else 0.01), (
        "4000 draws stay within 1.6 % of the distribution"
    )
    again = hn.with_energies(SITES, name, width=1.0, seed=88)
    assert np.array_equal(np.sort(again.energy), energy)


def test_own_energies_and_files(tmp_path):
    energy = np.random.default_rng(6).uniform(size=4000)
    sites = hn.with_energies(SITES, energy, width=None, seed=None)
    assert np.array_equal(sites.energy, energy)
    network = hn.build_network(sites, kT=0.2, bath=lambda x: np.ones_like(x), cutoff=1.5)
    named = hn.build_network(sites, kT=0.2, bath="miller_abrahams", cutoff=1.5)
    assert np.array_equal(network.log_conductance, named.log_conductance)
    network.save(tmp_path / "network.npz")
    copies = [
        hn.Network.load(tmp_path / "network.npz"),
        hn.Network.from_networkx(network.to_networkx()),
    ]
    for copy in copies:
        np.testing.assert_allclose(copy.log_occupation, network.log_occupation, rtol=1e-15)
        assert hn.f_curve(copy, 10, normalisation="letter").f[0] == pytest.approx(
            hn.f_curve(network, 10, normalisation="letter").f[0], rel=1e-9
        )


def test_exclusion_serves_charge_alone(tmp_path):
    sites = hn.with_energies(SITES, width=1.0, seed=4)
    network = hn.build_network(sites, kT=0.1, chemical_potential=0.0, cutoff=1.5)
    network.save(tmp_path / "n.npz")
    for one in (network, hn.Network.load(tmp_path / "n.npz")):
        for call in (hn.f_curve, lambda n, t: hn.solve_kinetics(n, np.eye(2), eta=0.1, tau_s=t)):
            with pytest.raises(hn.ParameterError, match="chemical_potential"):
                call(one, 1.0)


@pytest.mark.parametrize("tau_s", [0.0, 30.0])
def test_shares_of_triads_add_up_to_f(tau_s):
    sites = hn.with_energies(hn.random_sites(1000, density=0.03, seed=15), width=1.0, seed=16)
    network = hn.build_network(sites, kT=0.2, cutoff=1.5)
    current = hn.solve_current(network)
    shares = triad_shares(current, tau_s=tau_s)
    assert shares.contribution.sum() == pytest.approx(
        hn.f_curve(network, tau_s, current=current).f[0], rel=1e-9
    )


WARM = hn.with_energies(SITES, width=1.0, seed=4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: hn.build_network(WARM, kT=0.0, cutoff=1.5), "kT must be"),
        (lambda: hn.build_network(WARM, kT=-1.0, cutoff=1.5), "kT must be"),
        (lambda: hn.build_network(WARM, kT=np.nan, cutoff=1.5), "kT must be"),
        (lambda: hn.build_network(WARM, kT=[1.0], cutoff=1.5), "kT must be"),
        (lambda: hn.build_network(SITES, kT=1.0, cutoff=1.5), "carry no energies"),
        (lambda: hn.build_network(WARM, kT=1.0, bath="phonons", cutoff=1.5), "bath must be one of"),
        (lambda: hn.build_network(WARM, kT=1.0, bath=np.zeros_like, cutoff=1.5), "bath function"),
        (lambda: hn.build_network(WARM, kT=1.0, bath=lambda x: -x, cutoff=1.5), "bath function"),
        (lambda: hn.build_network(WARM, chemical_potential=0.0, cutoff=1.5), "needs kT"),
        (
            lambda: hn.build_network(WARM, kT=1.0, chemical_potential=np.inf, cutoff=1.5),
            "chemical_potential",
        ),
        (lambda: hn.with_energies(SITES, np.zeros(3), width=1, seed=1), r"shape \(4000\)"),
        (lambda: hn.with_energies(SITES, np.full(4000, np.nan), width=1, seed=1), "finite numbers"),
        (lambda: hn.with_energies(SITES, "flat", width=1, seed=1), "density_of_states"),
        (lambda: hn.with_energies(SITES, width=-1, seed=1), "width"),
        (lambda: hn.with_energies(SITES, width=np.nan, seed=1), "width"),
        (
            lambda: hn.sites_from_positions(
                SITES.position, length=SITES.length, width=SITES.width, energy=np.zeros(7)
            ),
            "energy must",
        ),
        (
            lambda: hn.sites_from_positions(
                SITES.position, length=SITES.length, width=SITES.width, energy=np.full(4000, np.nan)
            ),
            "energy must",
        ),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(hn.ParameterError, match=message):
        call()


def test_only_energies_change():
    assert dataclasses.replace(WARM, energy=None).position is SITES.position


def trapped(energy, kT=0.1, seed=24, **options):
    """Network, current and f of one sample with these energies."""
    sites = hn.random_sites(2000, density=0.02, seed=seed)
    network = hn.build_network(hn.with_energies(sites, energy), kT=kT, **options)
    current = hn.solve_current(network)
    return (
        network,
        current,
        hn.f_curve(network, [0, 100.0], current=current, normalisation="letter").f,
    )


@pytest.mark.parametrize("contacts", ["x", "y"])
def test_isolated_deep_traps_change_nothing(contacts):
    """A site in a corner at -1 (5 kT below the band) to -1000 (1e4 kT), or far above it."""
    energy = 0.5 * np.random.default_rng(2).uniform(-1, 1, 2000)
    corner = np.argmin(hn.random_sites(2000, density=0.02, seed=24).position.sum(axis=1))
    network, current, f = trapped(energy, contacts=contacts)
    for level in (-1.0, -5.0, -10.0, -80.0, -1000.0, 10.0):
        moved = energy.copy()
        moved[corner] = level
        other, own, g = trapped(moved, contacts=contacts)
        assert other.critical_exponent == pytest.approx(network.critical_exponent, rel=1e-11)
        assert np.array_equal(other.source, network.source)
        assert own.log_conductance == pytest.approx(current.log_conductance, abs=1e-4)
        np.testing.assert_allclose(g, f, rtol=1e-3)  # the links of the site itself have changed


def test_twenty_traps_and_a_common_shift():
    energy = 0.5 * np.random.default_rng(2).uniform(-1, 1, 2000)
    network, current, f = trapped(energy + 3.7)
    _, own, g = trapped(energy)
    assert current.log_conductance == pytest.approx(own.log_conductance, abs=1e-9)
    np.testing.assert_allclose(f, g, rtol=1e-9)
    energy[100:120] = -4 - np.linspace(0, 2, 20)
    other, _, _ = trapped(energy)
    assert abs(other.critical_exponent - network.critical_exponent) < 1.0
    assert other.log_occupation.max() == pytest.approx(55, abs=1.0)


@pytest.mark.parametrize("name", ["uniform", "gaussian", "coulomb_gap"])
@pytest.mark.parametrize("kT", [1e-6, 1e-2, 1.0])
def test_no_density_of_states_has_traps_of_its_own(name, kT):
    """The reference level of 500 samples is their lowest energy."""
    sites = hn.random_sites(300, density=0.01, seed=25)
    for seed in range(500):
        warm = hn.with_energies(sites, name, width=1.0, seed=seed)
        assert reference_level(warm, kT) == warm.energy.min()


def test_one_site_moved_by_100_kT():
    """Contacts, xi_c, the current, f and the kinetics with one quiet site far up or far down."""
    sites = hn.with_energies(
        hn.random_sites(300, density=0.02, seed=21), "gaussian", width=0.3, seed=4
    )

    def with_site_moved(by):
        energy = sites.energy.copy()
        energy[17] += by * 0.1
        moved = hn.sites_from_positions(
            sites.position, length=sites.length, width=sites.width, energy=energy
        )
        network = hn.build_network(moved, kT=0.1, cutoff=1.5)
        current = hn.solve_current(network)
        f = hn.f_curve(network, [0.0, 100.0, 1e6], current=current).f
        kinetics = hn.solve_kinetics(
            network, 0.01 * np.eye(2), eta=0.1, tau_s=100.0, current=current
        )
        return network, current.log_conductance, f, np.abs(kinetics.spin).sum()

    same = with_site_moved(0.0)
    for by, close in ((100.0, 1e-6), (1000.0, 1e-6), (-100.0, 5e-3), (-400.0, 2e-2)):
        moved = with_site_moved(by)
        assert moved[0].critical_exponent == same[0].critical_exponent
        assert np.array_equal(moved[0].source, same[0].source)
        assert np.array_equal(moved[0].drain, same[0].drain)
        assert moved[1] == pytest.approx(same[1], abs=1e-7)
        assert moved[2] == pytest.approx(same[2], rel=close)
        assert moved[3] == pytest.approx(same[3], rel=close)
