"""The stated errors of responses in time and at frequencies against dense matrices, random cases.

The slow test takes 1000 networks, the short one 12; [hopping S43].
"""

import numpy as np
import pytest

import hopnet as hn
from hopnet.spin.hanle import ac_response
from hopnet.spin.response import response_at
from hopnet.spin.time_response import relaxation, step_response

SURVEY = [
    pytest.param(12, id="short"),
    pytest.param(1000, id="whole", marks=pytest.mark.slow),
]


def random_sample(rng):
    """A network of 20 to 150 sites, open or a cylinder, with or without energies."""
    density = np.exp(rng.uniform(np.log(0.003), np.log(0.1)))
    kind = str(rng.choice(["open", "cylinder"]))
    seed = int(rng.integers(2**31))
    warm = rng.random() < 0.5  # links of cold samples are long: too long for a short period
    n_sites = int(rng.integers(40, 150))
    kind = "open" if warm else kind
    sites = hn.random_sites(n_sites, density=density, seed=seed, geometry=kind)
    if not warm:
        return hn.build_network(sites, cutoff=1.5)
    energies = hn.with_energies(sites, "uniform", width=1.0, seed=seed + 1)
    return hn.build_network(energies, kT=rng.uniform(0.1, 1.0), cutoff=1.5)


def modes(network):
    """Rates and modes of hopping, orthonormal in the occupation, and the occupations."""
    n, g = network.occupation, network.conductance
    K = np.zeros((n.size, n.size))
    K[network.link_i, network.link_j] = K[network.link_j, network.link_i] = -g
    K -= np.diag(K.sum(axis=1))
    root = np.sqrt(n)
    rate, mode = np.linalg.eigh(K / root[:, None] / root)
    return np.maximum(rate, 0), mode, root


def exact_growth(network, tau_s, time):
    """The spin after the switch over its final value, from all modes; its error by rounding."""
    rate, mode, root = modes(network)
    generation = hn.spin_generation(network, hn.solve_current(network))
    separation = network.separation @ network.direction_across
    by_link = -separation * network.conductance
    q = np.bincount(network.link_i, by_link, root.size)
    q -= np.bincount(network.link_j, by_link, root.size)
    weight = generation.prefactor * (mode.T @ (generation.gamma / root)) * ((q / root) @ mode)
    s = 1 / tau_s
    total = rate + s
    drift = -np.expm1(-s * time) / s
    both = [
        np.where(
            rate * t < 1e-6,
            0.5 * t**2 * np.exp(-s * t) if s * t < 1e-6 else (drift[k] - t * np.exp(-s * t)) / s,
            (drift[k] + np.expm1(-total * t) / total) / np.maximum(rate, 1e-300),
        )
        for k, t in enumerate(time)
    ]
    final = generation.f_drift / s - np.sum(weight / (s * total))
    return (generation.f_drift * drift - np.array(both) @ weight) / final


def worst_case(rng):
    """Largest true error over the stated one: of a decay, of a growth and of amplitudes."""
    network = random_sample(rng)
    rate, mode, root = modes(network)
    tau_s = np.exp(rng.uniform(np.log(1.0), np.log(1e5)))
    time = np.append(0.0, np.geomspace(0.1, 1e4, 11))
    pattern = root**2 * rng.normal(size=root.size)
    start = mode.T @ (pattern / root)
    exact = np.exp(-np.multiply.outer(time, rate + 1 / tau_s)) @ start**2
    left = relaxation(network, pattern, time, tau_s=tau_s)
    found = [np.abs(left.value - exact) / left.numerical_error]
    grown = step_response(network, tau_s, time)
    found.append(np.abs(grown.value - exact_growth(network, tau_s, time)) / grown.numerical_error)
    omega = np.geomspace(1e-4, 1.0, 9)
    rates = np.append(1 / tau_s - 1j * omega, 1 / tau_s)
    F = response_at(network, rates)[0]
    amplitude = F[:-1] / (F[-1].real * (1 - 1j * omega * tau_s))
    swing = ac_response(network, tau_s, omega)
    found.append(np.abs(swing.value - amplitude) / swing.numerical_error)
    return [float(one.max()) for one in found]


@pytest.mark.parametrize("n_networks", SURVEY)
def test_stated_errors_cover(n_networks):
    worst = np.array([worst_case(np.random.default_rng([61, k])) for k in range(n_networks)])
    print("largest error over the stated one:", worst.max(axis=0))
    assert np.all(worst <= 1.0), np.argwhere(worst > 1.0)
