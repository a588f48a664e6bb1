"""f in nuclear fields: against the full equations, without fields, and by rates of the sites.

[nuclei 14], [nuclei 15].
"""

import numpy as np
import pytest

import hopnet as hn
from hopnet.errors import ParameterError
from hopnet.spin.hyperfine import rate_of_a_site, turned_copy
from hopnet.spin.noise import spin_memory_time
from hopnet.spin.site_rates import site_rates
from samples import random_network

FORM = np.array([[0.0, 1.0], [0.6, 0.0]])


@pytest.mark.parametrize("tau_s", [1.0, 1e2, 1e4, 1e6])
def test_without_fields_it_is_f(tau_s):
    network = random_network(400, 0.1, 71, "cylinder")
    f = hn.f_curve(network, tau_s=tau_s).f[0]
    letter = hn.f_curve(network, tau_s=tau_s, normalisation="letter").f[0]
    none = np.zeros((400, 3))
    still = hn.nuclear_f(network, tau_s=tau_s, field=none, form=FORM)
    by_rates = hn.nuclear_f(network, tau_s=tau_s, rates=site_rates(network, 0.0, tau_s=tau_s))
    by_letter = hn.nuclear_f(network, tau_s=tau_s, field=none, form=FORM, normalisation="letter")
    assert by_letter.f == pytest.approx(letter, rel=1e-11)
    for found in (still, by_rates):
        assert found.f == pytest.approx(f, rel=1e-11)
        assert found.tau_eff == pytest.approx(tau_s, rel=1e-11)
        assert found.ratio == pytest.approx(1.0, rel=1e-11)


def test_leading_order_against_the_full_equations():
    """The mean of two copies at a small half-angle, and the leakage of each of them."""
    network = random_network(400, 0.1, 72, "cylinder")
    field = hn.overhauser_fields(network, 1e-3, seed=3)
    leading = hn.nuclear_f(network, tau_s=1e5, field=field, form=FORM)
    angle = 1e-3
    full = hn.nuclear_average(network, angle * FORM, eta=0.01, tau_s=1e5, field=field)
    assert leading.tau_f == pytest.approx(full.tau_f, rel=2e-3)
    half = 0.5 * (full.tau_f_of_copies[0] - full.tau_f_of_copies[1])
    assert leading.leakage / angle == pytest.approx(half, rel=2e-3)
    turned = hn.nuclear_f(network, tau_s=1e5, field=turned_copy(field), form=FORM)
    assert turned.tau_f == pytest.approx(leading.tau_f, rel=1e-9)
    assert turned.leakage == pytest.approx(-leading.leakage, rel=1e-9)


def test_one_time_fails_in_strong_fields():
    """f / f(tau_eff) falls far below 1 once the fields are stronger than the hop rates."""
    network = random_network(1000, 0.1, 73, "cylinder")
    found = [
        hn.nuclear_f(network, tau_s=1e6, field=hn.overhauser_fields(network, s, seed=2))
        for s in (1e-3, 1e-1, 1.0, 10.0)
    ]
    assert found[0].ratio == pytest.approx(1.0, abs=0.25)
    assert found[2].ratio < 0.7
    # A third of the spin survives every visit, however strong the fields are.
    assert found[3].tau_f == pytest.approx(found[2].tau_f, rel=0.1)


# ---- rates of the sites ----


def test_rates_are_their_own_fixed_point():
    """a_i from the dense inverse, with energies; gamma(a_i) gives the rates back."""
    sites = hn.random_sites(200, density=0.1, seed=74)
    network = hn.build_network(hn.with_energies(sites, width=2.0, seed=1), kT=1.0, cutoff=1.5)
    found = site_rates(network, 0.01, tau_s=1e5)
    n, K = network.occupation, np.zeros((200, 200))
    K[network.link_i, network.link_j] = network.conductance
    K += K.T
    lap = np.diag(K.sum(axis=1)) - K
    green = np.linalg.inv(lap + np.diag(n * (1e-5 + found.rate)))
    leaving = 1 / (n * np.diag(green)) - found.rate
    np.testing.assert_allclose(found.leaving, leaving, rtol=1e-3)
    np.testing.assert_allclose(rate_of_a_site(leaving, 0.01), found.rate, rtol=1e-3)


def test_rates_of_the_sites_are_good_to_some_tens_of_per_cent():
    """Memory time and tau f by rates of sites over those in fields, mean over fields and axes."""
    network = random_network(600, 0.1, 75, "cylinder")
    for sigma in (1e-4, 1e-3, 1e-2):
        rates = site_rates(network, sigma, tau_s=1e6)
        fields = [hn.overhauser_fields(network, sigma, seed=s) for s in (1, 2)]
        exact = np.mean(
            [
                spin_memory_time(network, 1e6, field=field, direction=axis)
                for field in fields
                for axis in np.eye(3)
            ]
        )
        approximate = hn.nuclear_f(network, tau_s=1e6, rates=rates)
        assert approximate.tau_eff == pytest.approx(exact, rel=0.3)
        full = np.mean([hn.nuclear_f(network, tau_s=1e6, field=f).tau_f for f in fields])
        assert approximate.tau_f == pytest.approx(full, rel=0.35)
        dwell = rates.site_times
        assert np.all(dwell < 1e6)


def test_bad_input():
    network = random_network(100, 0.1, 76)
    field = hn.overhauser_fields(network, 0.01, seed=1)
    rates = site_rates(network, 0.01, tau_s=10.0)
    with pytest.raises(ParameterError, match="both or neither"):
        hn.nuclear_f(network, tau_s=10.0)
    with pytest.raises(ParameterError, match="both or neither"):
        hn.nuclear_f(network, tau_s=10.0, field=field, rates=rates)
    with pytest.raises(ParameterError, match="form must have a determinant"):
        hn.nuclear_f(network, tau_s=10.0, field=field, form=np.zeros((2, 2)))
    with pytest.raises(ParameterError, match="got one vector"):
        hn.nuclear_f(network, tau_s=10.0, field=(0, 0, 1))
    with pytest.raises(ParameterError, match="strength must be"):
        site_rates(network, -1.0, tau_s=10.0)
    with pytest.raises(ParameterError, match="tau_s must be"):
        site_rates(network, 1.0, tau_s=0.0)
