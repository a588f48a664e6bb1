"""Interpolated f(tau_s) [hopping S45] against one factor per tau_s: all errors are as stated.

Small samples, where single relaxations show: 20 to 1500 sites, n_s a_b^2 from 0.003 to 0.01, both
geometries, a third of them with site energies.
"""

import numpy as np
import pytest

import hopnet as hn


def survey(seeds, largest):
    """Number of curves checked, and the seeds of those with a point outside its error."""
    checked, outside = 0, []
    for seed in seeds:
        rng = np.random.default_rng(9000 + seed)
        n_sites = int(np.exp(rng.uniform(np.log(20), np.log(largest))))
        density = float(np.exp(rng.uniform(np.log(0.003), np.log(0.01))))
        geometry = ("open", "cylinder")[seed % 2]
        sites = hn.random_sites(n_sites, density=density, seed=9000 + seed, geometry=geometry)
        warm = {}
        if seed % 3 == 0:
            sites = hn.with_energies(
                sites, ("uniform", "gaussian")[seed // 3 % 2], width=1.0, seed=seed
            )
            warm = {"kT": float(rng.uniform(0.08, 0.5))}
        try:
            network = hn.build_network(sites, **warm)
            current = hn.solve_current(network)
        except hn.HopnetError:  # contacts that overlap or are not joined
            continue
        if not np.any(hn.spin_generation(network, current).gamma):
            continue
        tau_s = np.geomspace(1e-3, 1e12, 41)
        few = hn.f_curve(network, tau_s, current=current)
        exact = hn.f_curve(network, tau_s, current=current, tolerance=0)
        error = np.abs(few.f - exact.f)
        within = error <= few.numerical_error + 1e-9 * abs(exact.f_drift)
        within &= error <= 1e-2 * np.abs(exact.f) + 1.01e-6 * abs(exact.f_drift)
        checked += 1
        if not np.all(within):
            outside.append(seed)
    return checked, outside


# Samples whose errors were 2 to 10 times what was stated, or whose curve needed more than 40
# nodes, with earlier estimates of the error.
KNOWN = [6, 11, 154, 214, 227, 235, 411, 418, 2251, 3444]


def test_twenty_curves():
    """Ten that were once outside their error, and twelve others."""
    checked, outside = survey(KNOWN, 500)
    assert checked == len(KNOWN)
    assert not outside
    checked, outside = survey(range(1000, 1016), 150)
    assert checked >= 12
    assert not outside


@pytest.mark.slow
def test_five_hundred_curves():
    checked, outside = survey(range(4000, 4560), 1500)
    print(f"{checked} curves, outside their error: {outside}")
    assert checked >= 500
    assert not outside


def test_a_curve_that_did_not_converge():
    network = hn.build_network(hn.random_sites(50, density=0.01, seed=26), cutoff=1.5)
    tau_s = np.geomspace(1e-3, 1e12, 41)
    exact = hn.f_curve(network, tau_s, tolerance=0)
    few = hn.f_curve(network, tau_s)
    error = np.abs(few.f - exact.f)
    assert np.all(error <= few.numerical_error + 1e-9 * abs(exact.f_drift))
