"""Bad input of linear response: one sentence each, which says what to do.

Also refused, each with a test of its own: a ring that is not closed (test_hall: bad_input), a bath
that does not treat each energy alone (test_rate_laws: a_bath_must_be_...), Miller and Abrahams'
rates at equal energies (test_rate_laws: a warning), too short links and too few triads
(test_hall: warnings), terminals that overlap, are empty or lie in different clusters
(test_terminals), the rates of a spectrum on the negative axis (test_admittance). kT, bath and
chemical potential cannot differ from those of the network: it stores them, and no function of
linear response takes them again.
"""

import inspect

import numpy as np
import pytest
from scipy.constants import e, m_e

import hopnet as hn
from hopnet.material import Material
from hopnet.transport.response import (
    activation_energy,
    link_response,
    log_noise,
    mean_hop,
    noise,
    shrinkage,
    site_response,
    strain_response,
)
from samples import dense_sites, random_network

NAN = float("nan")
SPLIT = np.array([[1.0, 1.0], [2.0, 1.0], [8.0, 8.0], [9.0, 8.0]])


def material(**changes):
    given = {"a_b": 1e-8, "J_0": 1e-2 * e, "tau_0": 1e-11, "tau_s": 1e-7, "m": 0.1 * m_e}
    given |= {"n": 1e14, "n_s": 2e15, "rho_0": 5e4}
    given |= {"beta": 1e-12 * e * np.array([[0, 1], [1, 0]])}
    return Material(**given | changes)


def plain():
    return hn.solve_current(random_network(200, 0.05, 3))


def warm(**options):
    sites = hn.with_energies(hn.random_sites(100, density=0.05, seed=1), width=1.0, seed=2)
    return hn.solve_current(hn.build_network(sites, **{"kT": 0.2} | options))


def split():
    """Two clusters, one contact in each."""
    return hn.build_network(dense_sites(SPLIT, 10.0), cutoff_radius=1.5, contacts=([0], [3]))


def torus():
    sites = hn.random_sites(300, density=0.05, seed=3, geometry="torus")
    return hn.build_network(sites, cutoff=1.5)


def narrow():
    sites = hn.random_sites(60, density=0.05, seed=1, geometry="cylinder", aspect=8.0)
    return hn.build_network(sites, cutoff_radius=8.0)


def own_links(log_conductance):
    return hn.network_from_links(
        dense_sites(SPLIT, 10.0), [0, 1], [1, 2], log_conductance, contacts=([0], [2])
    )


def full(value):
    return np.full(200, value)


CASES = {
    "no path: current": (lambda: hn.solve_current(split()), "no path"),
    "no path: admittance": (lambda: hn.admittance(split(), 1.0), "no path"),
    "no path: spectrum": (lambda: hn.admittance_model(split(), 1.0, 2.0), "no path"),
    "torus: current": (lambda: hn.solve_current(torus()), "torus has no edge"),
    "torus: spectrum": (lambda: hn.admittance_model(torus(), 1.0, 2.0), "torus has no edge"),
    "width below three cutoffs": (narrow, "at least 3 cutoffs"),
    "J_0 = 0": (lambda: material(J_0=0.0), "J_0 must be a finite number"),
    "J_0 NaN": (lambda: material(J_0=NAN), "J_0 must be a finite number"),
    "large b A": (
        lambda: hn.hall_response(material(), 0.1, field=100.0),
        "at most 0.1 for a linear",
    ),
    "b A NaN": (lambda: hn.hall_response(material(), 0.1, field=NAN), "field"),
    "R-model: activation": (lambda: activation_energy(plain()), "R-model"),
    "R-model: charges": (lambda: site_response(plain()), "R-model"),
    "R-model: thermopower": (lambda: hn.peltier_heat(plain()), "these have none"),
    "own bath without slope": (
        lambda: activation_energy(warm(bath=lambda x: 1.0 + 0.5 * x)),
        "bath_slope=",
    ),
    "slope NaN": (
        lambda: activation_energy(warm(), bath_slope=lambda x: x * NAN),
        "bath_slope",
    ),
    "exclusion in f": (
        lambda: hn.f_curve(warm(chemical_potential=0.0).network, [1.0]),
        "Boltzmann",
    ),
    "level missing": (lambda: hn.peltier_heat(warm()), "must be given for Boltzmann"),
    "level NaN": (lambda: hn.peltier_heat(warm(), level=NAN), "finite number"),
    "profile not constant on a contact": (
        lambda: hn.peltier_heat(warm(), level=0.0, profile=np.linspace(1, 0, 100)),
        "on the whole",
    ),
    "profile NaN": (lambda: hn.admittance(plain().network, 1.0, profile=full(NAN)), "profile"),
    "omega negative": (lambda: hn.admittance(plain().network, -1.0), "at least 0"),
    "omega infinite": (lambda: hn.admittance(plain().network, np.inf), "finite"),
    "omega NaN": (lambda: hn.admittance(plain().network, NAN), "finite"),
    "theta NaN": (lambda: noise(plain(), theta=NAN), "finite number"),
    "theta infinite": (lambda: log_noise(plain(), theta=np.inf), "theta"),
    "theta leaves the floats": (lambda: noise(plain(), theta=4000.0), "range of floats"),
    "moment": (lambda: noise(plain(), moment=0), "moment"),
    "power of R NaN": (lambda: mean_hop(plain(), NAN), "finite number"),
    "change NaN": (
        lambda: link_response(plain(), np.full(plain().network.n_links, NAN)),
        "finite numbers",
    ),
    "links NaN": (lambda: own_links([NAN, 1.0]), "log_conductance"),
    "links infinite": (lambda: own_links([np.inf, 1.0]), "log_conductance"),
    "positions NaN": (
        lambda: hn.sites_from_positions(SPLIT * NAN, length=10, width=10),
        "position",
    ),
    "kT NaN": (lambda: warm(kT=NAN), "kT"),
    "mu NaN": (lambda: warm(chemical_potential=NAN), "chemical_potential"),
    "one terminal": (lambda: hn.solve_terminals(plain().network, [0]), "two or more"),
    "Hall voltage at the current pair": (
        lambda: hn.hall_resistance(
            hn.solve_terminals(plain().network, [0, 50, 100]), (0, 1), (0, 1)
        ),
        "differs from that of the current",
    ),
    "Hall resistance of two terminals": (
        lambda: hn.hall_resistance(hn.solve_terminals(plain().network, [0, 100]), (0, 1), (2, 3)),
        "from 0 to 1",
    ),
}


@pytest.mark.filterwarnings("ignore::hopnet.ValidityWarning")
@pytest.mark.parametrize("name", CASES)
def test_one_sentence(name):
    call, words = CASES[name]
    with pytest.raises(hn.HopnetError, match=words) as raised:
        call()
    text = str(raised.value)
    assert "\n" not in text
    assert text.endswith(".")
    # One sentence of two parts: what is wrong, then what to do or what the limit means.
    assert "; " in text or ", " in text
    assert len(text) < 400


def test_no_function_takes_what_the_network_holds():
    functions = [
        activation_energy,
        link_response,
        mean_hop,
        noise,
        shrinkage,
        site_response,
        strain_response,
        hn.peltier_heat,
        hn.admittance,
    ]
    for function in functions:
        taken = set(inspect.signature(function).parameters)
        assert not taken & {"kT", "bath", "chemical_potential", "reorganisation_energy"}
