"""The rate of a hop through a third site with a flux, from microscopic models.

[hall 2], [hall 3]
"""

import numpy as np
import pytest

import hopnet as hn
from hopnet.network.triads import amplitudes, find_triads
from samples import dense_sites

CORNERS = np.array([[2.0, 2.0], [3.1, 2.0], [2.3, 2.75]])
PHASE = {(0, 1): 0.3, (0, 2): -0.2, (1, 2): 0.5}


def third_order_rate(target, through, start, modulus, rate, phase):
    """W_ikj = -6 Q'_ikj sin(Phi_ikj), with eta = 1 and Q' of [hopping S21]."""
    i, k, j = target, through, start
    strength = (
        modulus(i, j) / (modulus(k, j) * modulus(k, i)) * rate(i, k) * rate(k, j)
        + modulus(j, k) / (modulus(i, j) * modulus(k, i)) * rate(k, i) * rate(i, j)
        + modulus(i, k) / (modulus(i, j) * modulus(k, j)) * rate(i, j) * rate(k, j)
    ) / 24
    return -6 * strength * np.sin(phase(i, j) + phase(j, k) + phase(k, i))


def sum_over_eight_states(energy, mu, kT, distance, displacement):
    """Inflow of each site of a triad from its states with one electron and with one hole.

    A hole has the energies -e and the amplitudes -J*, so its phases have the opposite sign and the
    product of three amplitudes has one sign more. ``displacement`` is X_i = delta mu_i / kT.
    """
    f = 1 / (1 + np.exp((energy - mu) / kT))
    filled = f + f * (1 - f) * displacement

    def phase(a, b):
        return PHASE[a, b] if a < b else -PHASE[b, a]

    def modulus(a, b):
        return np.exp(-distance[a, b])

    def rates(levels):
        def rate(i, j):  # j -> i, ohmic bath
            x = (levels[i] - levels[j]) / kT
            bath = abs(x) / (1 - np.exp(-abs(x)))
            return np.exp(-2 * distance[i, j]) * bath * np.exp(-max(x, 0.0))

        return rate

    inflow = np.zeros(3)
    for j in range(3):
        for i in {0, 1, 2} - {j}:
            k = 3 - i - j
            electron_at_j = filled[j] * (1 - filled[i]) * (1 - filled[k])
            hole_at_j = (1 - filled[j]) * filled[i] * filled[k]
            inflow[i] += electron_at_j * third_order_rate(i, k, j, modulus, rates(energy), phase)
            # The hole: phases -Phi, one sign from (-1)^3. An arriving hole is a leaving electron.
            hole = -third_order_rate(i, k, j, modulus, rates(-energy), lambda a, b: -phase(a, b))
            inflow[i] -= hole_at_j * hole
    return inflow


@pytest.mark.parametrize("mu", [0.1, -0.7])
def test_electron_and_hole_paths_add_with_the_same_sign(mu):
    kT, energy = 0.7, np.array([0.35, -0.9, 0.5])
    sites = hn.sites_from_positions(CORNERS, length=8.0, width=8.0, energy=energy)
    network = hn.build_network(
        sites, cutoff_radius=2.0, contacts=([0], [1]), kT=kT, chemical_potential=mu
    )
    hop, overlap = amplitudes(network)
    ij, ik, jk = find_triads(network).link[0]
    strength = (
        hop[ik] * hop[jk] * overlap[ij]
        + hop[ij] * hop[jk] * overlap[ik]
        + hop[ij] * hop[ik] * overlap[jk]
    ) / 24  # q_T / eta
    distance = np.hypot(*(CORNERS[:, None] - CORNERS[None]).T)
    flux = PHASE[0, 1] + PHASE[1, 2] - PHASE[0, 2]
    assert np.abs(sum_over_eight_states(energy, mu, kT, distance, np.zeros(3))).max() < 1e-17
    X, h = np.array([0.2, -0.5, 1.0]), 1e-5
    plus = sum_over_eight_states(energy, mu, kT, distance, h * X)
    minus = sum_over_eight_states(energy, mu, kT, distance, -h * X)
    expected = -6 * strength * np.sin(flux) * np.array([X[1] - X[2], X[2] - X[0], X[0] - X[1]])
    assert np.allclose((plus - minus) / (2 * h), expected, rtol=1e-6)


def test_weak_classical_noise_gives_the_rate():
    """Third order in J for amplitudes with Gaussian phases: half of S S', so [hopping S20]-[S21].

    Re I of three phase correlations C(t) of spectrum S(w), integrated over the times of the three
    hops; the principal-value parts cancel in the real part.
    """
    width = 0.6
    e_ij, e_jk = 1.3, -0.5
    e_ki = -(e_ij + e_jk)

    def correlation(t):
        return np.exp(-(t**2) / (2 * width**2))

    def spectrum(w):
        return np.sqrt(2 * np.pi) * width * np.exp(-((w * width) ** 2) / 2)

    u = np.linspace(-13 * width, 13 * width, 651)[:, None]  # time of the first hop less the second
    v = np.linspace(0, 13 * width, 326)[None, :]  # time of the third less the second, positive
    weight = np.full(v.shape, (u[1, 0] - u[0, 0]) * (v[0, 1] - v[0, 0]))
    weight[0, [0, -1]] *= 0.5
    carrier = np.exp(1j * (e_ij * u + e_ki * v)) * weight
    contractions = (
        (correlation(u) * correlation(v), spectrum(e_ij) * spectrum(e_ki)),
        (correlation(u - v) * correlation(v), spectrum(e_ij) * spectrum(e_jk)),
        (correlation(u) * correlation(u - v), spectrum(e_jk) * spectrum(e_ki)),
    )
    for product, expected in contractions:
        assert (product * carrier).sum().real == pytest.approx(0.5 * expected, rel=1e-10)


def test_white_noise_doubles_the_rate():
    """Haken and Strobl's three sites, dephasing rate Gamma: odd part -6 J^3 sin(Phi) / Gamma^2.

    With S = 2 Gamma / (Gamma^2 + w^2) at w = 0, [hopping S21] gives half of that: the number before
    eta belongs to weak coupling to phonons.
    """
    gamma, g, angle = 1.0, 0.002, 0.7
    J = g * np.array([[0, np.exp(1j * angle), 1], [np.exp(-1j * angle), 0, 1], [1, 1, 0]])

    def population_rates(J):
        generator = np.zeros((9, 9), complex)
        for column in range(9):
            rho = np.zeros(9, complex)
            rho[column] = 1.0
            rho = rho.reshape(3, 3)
            change = -1j * (J @ rho - rho @ J) - gamma * (rho - np.diag(np.diag(rho)))
            generator[:, column] = change.ravel()
        slow, fast = [0, 4, 8], [1, 2, 3, 5, 6, 7]
        block = generator[np.ix_(fast, fast)]
        through = np.linalg.solve(block, generator[np.ix_(fast, slow)])
        return (generator[np.ix_(slow, slow)] - generator[np.ix_(slow, fast)] @ through).real

    odd = 0.5 * (population_rates(J) - population_rates(J.conj()))
    flux = np.angle(J[0, 1] * J[1, 2] * J[2, 0])
    exact = -6 * g**3 * np.sin(flux) / gamma**2
    assert odd[0, 1] == pytest.approx(exact, rel=1e-4)
    assert odd[0, 2] == pytest.approx(-exact, rel=1e-4)
    assert abs(odd[0, 0]) < 1e-4 * abs(exact)
    # Weak coupling: rate 2 J^2 / Gamma of a hop, so Q' = (3 terms) (2 J^2/Gamma)^2 / (24 J).
    weak = -6 * 3 * (2 * g**2 / gamma) ** 2 / (24 * g) * np.sin(flux)
    assert exact / weak == pytest.approx(2.0, rel=1e-12)


def test_a_collinear_triad_has_no_hall_effect():
    line = np.array([[1.0, 2.0], [2.5, 2.0], [4.5, 2.0]])
    network = hn.build_network(dense_sites(line, 6.0), cutoff_radius=4.0, contacts=([0], [2]))
    terminals = hn.solve_terminals(network, [0, 1, 2])
    assert np.array_equal(hn.hall_conductance(terminals), np.zeros((3, 3)))
