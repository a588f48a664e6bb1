"""A localisation radius per site: rates exp(-R/a_i - R/a_j), the links that are kept, files.

[rates 3]
"""

import dataclasses

import numpy as np
import pytest

import hopnet as hn
from hopnet.network.exponent import critical_exponent
from hopnet.transport.response import mean_hop, shrinkage, strain_response

SITES = hn.random_sites(1500, density=0.02, seed=41)
RADIUS = np.random.default_rng(42).uniform(0.5, 1.5, SITES.n_sites)


def with_radius(sites, radius):
    return dataclasses.replace(sites, radius=radius)


def test_rates_fall_with_both_radii():
    network = hn.build_network(with_radius(SITES, RADIUS))
    inverse = 1 / RADIUS[network.link_i] + 1 / RADIUS[network.link_j]
    np.testing.assert_allclose(network.log_conductance, -network.distance * inverse, rtol=1e-13)
    assert network.digest != hn.build_network(SITES).digest


@pytest.mark.parametrize("kT", [None, 0.2])
def test_radii_of_one_are_no_radii(kT):
    sites = SITES if kT is None else hn.with_energies(SITES, width=1.0, seed=3)
    plain = hn.build_network(sites, kT=kT)
    ones = hn.build_network(with_radius(sites, np.ones(sites.n_sites)), kT=kT)
    if kT is not None:
        np.testing.assert_array_equal(ones.link_i, plain.link_i)
        assert ones.critical_exponent == plain.critical_exponent
    current, same = hn.solve_current(plain), hn.solve_current(ones)
    assert same.log_conductance == pytest.approx(current.log_conductance, rel=1e-5)
    assert ones.critical_exponent == pytest.approx(
        2 * hn.critical_length(0.02) if kT is None else plain.critical_exponent, rel=1e-12
    )


@pytest.mark.parametrize("kT", [None, 0.2])
@pytest.mark.parametrize("a", [0.4, 2.5])
def test_equal_radii_only_scale_the_lengths(a, kT):
    """All radii a: the network of the same sites measured in units of a, with all its results."""
    sites = SITES if kT is None else hn.with_energies(SITES, width=1.0, seed=3)
    scaled = hn.sites_from_positions(
        sites.position / a, length=sites.length / a, width=sites.width / a, energy=sites.energy
    )
    unit = hn.build_network(scaled, kT=kT)
    own = hn.build_network(with_radius(sites, np.full(sites.n_sites, a)), kT=kT)
    np.testing.assert_array_equal(own.source, unit.source)
    if kT is not None:
        np.testing.assert_array_equal(own.link_i, unit.link_i)
        np.testing.assert_allclose(own.log_conductance, unit.log_conductance, rtol=1e-12)
        assert own.critical_exponent == pytest.approx(unit.critical_exponent, rel=1e-11)
        np.testing.assert_array_equal(own.outermost, unit.outermost)
    current, expected = hn.solve_current(own), hn.solve_current(unit)
    assert current.log_conductance == pytest.approx(expected.log_conductance, abs=1e-6)
    assert mean_hop(current) == pytest.approx(a * mean_hop(expected), rel=1e-5)
    np.testing.assert_allclose(strain_response(current), strain_response(expected), rtol=1e-5)
    assert shrinkage(current, finite_length=True) == pytest.approx(
        a**4 * shrinkage(expected, finite_length=True), rel=1e-5
    )
    curves = [hn.f_curve(n, [0.0, 1e3], current=c) for n, c in ((own, current), (unit, expected))]
    np.testing.assert_allclose(curves[0].f, a**4 * curves[1].f, rtol=1e-3)


@pytest.mark.parametrize("geometry", ["open", "cylinder"])
@pytest.mark.parametrize("kT", [None, 0.3])
def test_the_search_finds_every_link_within_the_exponent(kT, geometry):
    """All pairs of a small sample with very different radii, compared one by one."""
    sites = hn.random_sites(400, density=0.01, seed=4, geometry=geometry)
    radius = np.where(np.arange(400) % 7 == 0, 2.2, 0.6)
    sites = with_radius(hn.with_energies(sites, width=1.0, seed=5), radius)
    if kT is None:
        sites = dataclasses.replace(sites, energy=None)
    network = hn.build_network(sites, cutoff=1.2, kT=kT)
    i, j = np.triu_indices(400, 1)
    step = sites.position[j] - sites.position[i]
    if geometry == "cylinder":
        step[:, 1] -= sites.width * np.round(step[:, 1] / sites.width)
    exponent = np.hypot(*step.T) * (1 / radius[i] + 1 / radius[j])
    if kT is not None:
        exponent += (np.maximum(sites.energy[i], sites.energy[j]) - sites.energy.min()) / kT
    kept = exponent <= 1.2 * network.critical_exponent * (1 + 1e-9)
    np.testing.assert_array_equal(network.link_i, i[kept])
    np.testing.assert_array_equal(network.link_j, j[kept])


def test_the_margin_holds_the_current_with_different_radii():
    """Links beyond the default cutoff change the conductance by less than 0.1 %."""
    sites = with_radius(SITES, RADIUS)
    default = hn.solve_current(hn.build_network(sites))
    wide = hn.solve_current(
        hn.build_network(sites, cutoff_margin=10.0, contact_width=default_width(sites))
    )
    assert wide.log_conductance == pytest.approx(default.log_conductance, abs=1e-3)
    assert critical_exponent(sites, None) == default.network.critical_exponent


def default_width(sites):
    return 0.75 * critical_exponent(sites, None) * sites.radius.mean()


def test_small_radii_leave_the_current_to_large_ones():
    """Sites whose states are narrow carry nothing: the rest alone conducts the same."""
    wide = np.arange(SITES.n_sites) % 3 > 0
    sites = with_radius(SITES, np.where(wide, 1.0, 1e-3))
    alone = hn.sites_from_positions(
        SITES.position[wide], length=SITES.length, width=SITES.width, radius=np.ones(wide.sum())
    )
    found = [hn.solve_current(hn.build_network(s, contact_width=10.0)) for s in (sites, alone)]
    assert found[0].log_conductance == pytest.approx(found[1].log_conductance, abs=2e-3)


def test_radii_stay_through_files_and_graphs(tmp_path):
    sites = with_radius(SITES, RADIUS)
    sites.save(tmp_path / "sites.npz")
    np.testing.assert_array_equal(hn.Sites.load(tmp_path / "sites.npz").radius, RADIUS)
    network = hn.build_network(sites)
    network.save(tmp_path / "network.npz")
    assert hn.Network.load(tmp_path / "network.npz").digest == network.digest
    back = hn.Network.from_networkx(network.to_networkx())
    assert back.digest == network.digest
    sites.to_frame().to_csv(tmp_path / "sites.csv", index=False)
    read = hn.read_sites(tmp_path / "sites.csv", length=SITES.length, width=SITES.width, unit=1.0)
    np.testing.assert_array_equal(read.radius, RADIUS)
    halved = hn.read_sites(tmp_path / "sites.csv", unit=2.0, radius="radius")
    np.testing.assert_array_equal(halved.radius, RADIUS / 2)


@pytest.mark.parametrize(
    ("radius", "words"),
    [
        (np.ones(3), "radius"),
        (np.zeros(SITES.n_sites), "localisation radius per site"),
        (-RADIUS, "localisation radius per site"),
        (np.full(SITES.n_sites, np.nan), "finite"),
        ("wide", "numbers"),
    ],
)
def test_bad_radii(radius, words):
    with pytest.raises(hn.ParameterError, match=words):
        with_radius(SITES, radius)


def test_a_missing_column_of_radii(tmp_path):
    SITES.to_frame().to_csv(tmp_path / "sites.csv", index=False)
    with pytest.raises(hn.DataError, match="no column 'xi'; name that of the localisation radii"):
        hn.read_sites(tmp_path / "sites.csv", radius="xi")
