"""Spin blocking at singly occupied traps: the density matrix, meshes, lineshapes, bad input.

[nuclei 11], [nuclei 12], [nuclei 13].
"""

import numpy as np
import pytest
from hopnet.kernels import blocking as kernels

import hopnet as hn
from hopnet.errors import NotPercolatingError, ParameterError, ValidityWarning
from hopnet.network.network import join_sites
from hopnet.spin.blocking import (
    KEEP,
    LEAST_LOSS,
    SHELLS,
    block_spins,
    choose_traps,
    fill_meshes,
    fit_line_shapes,
    magnetoresistance,
    plain_links,
    surroundings,
    unblocked_resistance,
)
from samples import dense_sites, random_network, twelve
from twins import blocking as twin

NUMBER = np.arange(12)
FIELD = 0.02 * np.stack([np.cos(NUMBER), np.sin(2 * NUMBER), np.cos(3 * NUMBER + 1)], axis=1)
PAULI = [
    np.array([[0, 1], [1, 0]], complex),
    np.array([[0, -1j], [1j, 0]]),
    np.diag([1.0, -1]).astype(complex),
]


def without_link(network, a, b):
    kept = ~((network.link_i == a) & (network.link_j == b))
    links = (network.link_i[kept], network.link_j[kept], network.log_conductance[kept])
    return join_sites(network.sites, *links, contacts=network.contacts)


def dense(network):
    K = np.zeros((network.n_sites, network.n_sites))
    K[network.link_i, network.link_j] = network.conductance
    return K + K.T


def by_density_matrix(network, trap, field):
    """Conductance with one trap from the 4x4 density matrix at every mobile site.

    A pair (electron at i, resident) enters the doubly occupied state as a singlet at 2 K and leaves
    it as one. Unknown: the deviation of each density matrix over 1/4 and of the pair state.
    """
    K, n = dense(network), network.n_sites
    held = {int(network.source[0]): 1.0, int(network.drain[0]): 0.0}
    free = [i for i in range(n) if i not in held and i != trap]
    place = {i: 16 * p for p, i in enumerate(free)}
    pair = 16 * len(free)
    singlet = np.array([0, 1, -1, 0], complex) / np.sqrt(2)
    S, one = np.outer(singlet, singlet), np.eye(4)
    L, rhs = np.zeros((pair + 1, pair + 1), complex), np.zeros(pair + 1, complex)
    for i in free:
        r = slice(place[i], place[i] + 16)
        H = 0.5 * sum(
            field[i][a] * np.kron(PAULI[a], np.eye(2))
            + field[trap][a] * np.kron(np.eye(2), PAULI[a])
            for a in range(3)
        )
        L[r, r] += -1j * (np.kron(H, one) - np.kron(one, H.T))
        v = 2 * K[i, trap]
        L[r, r] -= 0.5 * v * (np.kron(S, one) + np.kron(one, S.T))
        L[r, pair] += v * S.ravel()
        L[pair, r] += v * S.ravel()  # of identity at X: trace of the singlet part
        L[pair, pair] -= v
        for k in range(n):
            if k == trap or K[i, k] == 0:
                continue
            L[r, r] -= K[i, k] * np.eye(16)
            if k in held:
                rhs[r] -= K[i, k] * held[k] * one.ravel()
            else:
                L[r, place[k] : place[k] + 16] += K[i, k] * np.eye(16)
    for c, X in held.items():
        v = 2 * K[c, trap]
        L[pair, pair] -= v
        rhs[pair] -= v * X
    x = np.linalg.solve(L, rhs)
    source = int(network.source[0])
    current = K[source, int(network.drain[0])] + 0.5 * K[source, trap] * (1 - x[pair].real)
    for i in free:
        X = np.trace(x[place[i] : place[i] + 16].reshape(4, 4)).real / 4
        current += K[source, i] * (1 - X)
    return current


def by_twin_meshes(network, traps, field):
    """Conductance from the asymmetric meshes of the twin, with correlations followed everywhere."""
    K, n = dense(network), network.n_sites
    kind = np.zeros(n, int)
    kind[traps] = 1
    kind[network.source] = kind[network.drain] = 2
    total = np.where((kind[:, None] == 1) | (kind[None] == 1), 0.5 * K, K).sum(axis=1)
    plain = np.where((kind[:, None] == 1) & (kind[None] == 1), 0.25 * K, K)
    one = (kind[:, None] == 1) ^ (kind[None] == 1)
    plain = np.where(one, np.where((kind[:, None] == 2) | (kind[None] == 2), 0.5 * K, 0.0), plain)
    L = np.diag(plain.sum(axis=1)) - plain
    for l in traps:
        partners, Y = twin.fill_meshes(K, kind, total, field, l, kernels.Reach(n, 0.0, 0.0, 0.0))
        L[np.ix_(partners, partners)] += Y
        L[partners, l] -= Y.sum(axis=1)
        L[l, partners] -= Y.sum(axis=0)
        L[l, l] += Y.sum()
    held = np.concatenate([network.source, network.drain])
    free = np.setdiff1d(np.arange(n), held)
    x = np.zeros(n)
    x[network.source] = 1.0
    x[free] = np.linalg.solve(L[np.ix_(free, free)], -L[np.ix_(free, network.source)].sum(axis=1))
    return (L[network.source] @ x).sum()


@pytest.mark.parametrize("trap", [5, 8])
@pytest.mark.parametrize("strength", [0.0, 0.02, 1.0])
@pytest.mark.parametrize("B", [0.0, 0.05])
def test_one_trap_against_the_density_matrix(trap, strength, B):
    """The meshes are exact; the symmetric resistors miss the asymmetric part, below 1e-5."""
    network = twelve(0)
    field = strength / 0.02 * FIELD + np.array([0.0, 0.0, B])
    exact = by_density_matrix(network, trap, field)
    assert by_twin_meshes(network, [trap], field) == pytest.approx(exact, rel=1e-12)
    blocked = block_spins(network, [trap], field=field, shells=12, keep=0.0)
    resistors = hn.solve_current(blocked.network).conductance
    uniform = strength == 0.0
    assert resistors == pytest.approx(exact, rel=1e-12 if uniform else 1e-5)


DIGITS = {0.0: 3.121636710922e-03, 0.02: 3.102682238876e-03, 2.0: 2.876025857013e-03}
UNBLOCKED = 3.353334920662e-03


@pytest.mark.parametrize("B", DIGITS)
def test_digits_of_two_traps(B):
    """Pair theory of twelve sites without the link between both traps, independent dense code."""
    network, field = without_link(twelve(0), 5, 8), FIELD + np.array([0.0, 0.0, B])
    assert by_twin_meshes(network, [5, 8], field) == pytest.approx(DIGITS[B], rel=1e-11)
    blocked = block_spins(network, [5, 8], field=field, shells=12, keep=0.0)
    assert hn.solve_current(blocked.network).conductance == pytest.approx(DIGITS[B], rel=1e-5)
    assert 1 / unblocked_resistance(network, [5, 8]) == pytest.approx(UNBLOCKED, rel=1e-11)


ONE_LINK = {0.0: 3.151581031201e-03, 0.02: 3.136590288242e-03, 2.0: 2.980669677491e-03}


@pytest.mark.parametrize("B", ONE_LINK)
def test_digits_of_the_formula_for_a_single_link(B):
    """kappa / (1 + kappa h) for every link onto a trap, with h of its own site alone."""
    network, field = without_link(twelve(0), 5, 8), FIELD + np.array([0.0, 0.0, B])
    K, traps, contacts = dense(network), [5, 8], [0, 11]
    g = K.copy()
    for l in traps:
        for i in set(np.flatnonzero(K[l])) - set(contacts):
            rest = [k for k in np.flatnonzero(K[i]) if k != l]
            away = sum(K[i, k] * (0.5 if k in traps else 1.0) for k in rest)
            A = away * np.eye(9) + 0.5 * K[i, l] * (np.eye(9) - twin.SWAP)
            A -= np.kron(twin.cross(field[i]), np.eye(3)) + np.kron(np.eye(3), twin.cross(field[l]))
            h = twin.TRACE @ np.linalg.solve(A, twin.TRACE)
            still = away * np.eye(9) + 0.5 * K[i, l] * (np.eye(9) - twin.SWAP)
            without_field = twin.TRACE @ np.linalg.solve(still, twin.TRACE)
            assert without_field == pytest.approx(3 / away, rel=1e-12)
            g[i, l] = g[l, i] = 1 / (2 / K[i, l] + h)
        for c in contacts:
            g[c, l] = g[l, c] = 0.5 * K[c, l]
    L = np.diag(g.sum(axis=1)) - g
    assert conductance_of(network, L) == pytest.approx(ONE_LINK[B], rel=1e-11)


def test_without_fields_nothing_is_negative_and_nothing_depends_on_the_field():
    network = random_network(300, 0.1, 61)
    trap = choose_traps(network, 0.2, seed=2)
    blocked = block_spins(network, trap, field=(0, 0, 0))
    assert blocked.n_negative == 0
    assert blocked.n_mesh > 10 * trap.size
    found = magnetoresistance(network, trap, [0.01, 1.0], field=np.zeros((300, 3)))
    np.testing.assert_allclose(found.change, 0.0, atol=1e-12)
    assert np.all(found.resistance > found.unblocked)


def test_the_field_blocks():
    """The resistance grows with the field and saturates; negative entries are few and small."""
    network = random_network(400, 0.1, 62)
    trap = choose_traps(network, 0.2, seed=2)
    field = hn.overhauser_fields(network, 0.01, seed=3)
    found = magnetoresistance(network, trap, [0.03, 0.3, 3.0, 30.0], field=field)
    assert np.all(np.diff(found.change) > 0)
    assert 0.001 < found.change[-1] < 0.2
    assert found.change[-1] / found.change[-2] < 1.02
    assert found.most_negative < 5e-3
    near = magnetoresistance(network, trap, [3.0], field=field, shells=1).change[0]
    far = magnetoresistance(network, trap, [3.0], field=field, shells=3).change[0]
    assert near < found.change[2]
    assert far == pytest.approx(found.change[2], rel=0.04)
    fine = magnetoresistance(network, trap, [3.0], field=field, keep=1e-6).change[0]
    assert fine == pytest.approx(found.change[2], rel=0.02)
    relaxed = magnetoresistance(network, trap, [3.0], field=field, tau_s=1e-3).change[0]
    assert relaxed < 0.01 * found.change[2]


@pytest.mark.parametrize(("density", "strength"), [(0.1, 0.1), (0.03, 1e-3), (0.03, 1e-2)])
def test_effect_of_negative_entries(density, strength):
    """Dense solution with all entries of the meshes against the first-order correction."""
    network = random_network(300, density, 64)
    trap = choose_traps(network, 0.2, seed=2)
    fields = hn.overhauser_fields(network, strength, seed=3)
    external = np.array([1.0, 10.0, 100.0]) * strength
    exact, n_negative = [], 0
    for B in (0.0, *external):
        blocked, all_entries = all_mesh_entries(network, trap, fields + np.array([0.0, 0.0, B]))
        n_negative += blocked.n_negative
        exact.append(conductance_of(network, all_entries))
        solved = hn.solve_current(blocked.network)
        share = blocked.negative_share(solved)
        assert -3e-3 < share <= 0
        left_out = exact[-1] / solved.conductance - 1
        assert left_out <= share + 1e-9  # power at fixed voltage is least at the true potentials
        assert left_out == pytest.approx(share, abs=1e-8 + 0.1 * abs(share))
        assert blocked.negative_value.size == blocked.n_negative
    assert n_negative > 10
    found = magnetoresistance(network, trap, external, field=fields)
    np.testing.assert_allclose(found.change, exact[0] / np.array(exact[1:]) - 1, atol=1e-5)
    assert 0 < found.negative_share < 3e-3


def conductance_of(network, L):
    """Conductance between the contacts of a dense Laplacian."""
    held = np.concatenate([network.source, network.drain])
    free = np.setdiff1d(np.flatnonzero(np.diag(L) > 0), held)
    x = np.zeros(network.n_sites)
    x[network.source] = 1.0
    x[free] = np.linalg.solve(L[np.ix_(free, free)], -L[np.ix_(free, network.source)].sum(axis=1))
    return float((L[network.source] @ x).sum())


def test_negative_entries_belong_to_the_exact_equations():
    """With all sites and all links followed they stay, and all meshes dissipate power."""
    network = random_network(60, 0.03, 65)
    trap = choose_traps(network, 0.2, seed=2)
    field = hn.overhauser_fields(network, 1e-3, seed=3) + np.array([0.0, 0.0, 1e-3])
    default = block_spins(network, trap, field=field)
    everything = block_spins(network, trap, field=field, shells=60, keep=0.0)
    assert default.n_negative > 0
    assert everything.n_negative > 0
    assert everything.most_negative > 0.5 * default.most_negative
    around = surroundings(network, trap, np.ascontiguousarray(field))
    first, second, mesh, start = fill_meshes(around, trap, kernels.Reach(60, 0.0, 0.0, 1e-14), 1)
    for t in range(trap.size):
        own = slice(start[t], start[t + 1])
        L = np.zeros((60, 60))
        np.add.at(L, (first[own], second[own]), -mesh[own])
        L = L + L.T
        L -= np.diag(L.sum(axis=1))
        least = np.linalg.eigvalsh(L)
        assert least[0] > -1e-12 * least[-1]


def all_mesh_entries(network, trap, field):
    """What `block_spins` returns, and the dense Laplacian with the negative entries kept."""
    blocked = block_spins(network, trap, field=field)
    around = surroundings(network, trap, np.ascontiguousarray(field))
    reach = kernels.Reach(SHELLS, KEEP, 0.0, LEAST_LOSS)
    first, second, mesh, _ = fill_meshes(around, trap, reach, 1)
    i, j, value = plain_links(network, around, KEEP)
    L = np.zeros((network.n_sites, network.n_sites))
    for a, b, g in ((i, j, value), (first, second, mesh)):
        np.add.at(L, (a, b), -g)
        np.add.at(L, (b, a), -g)
    return blocked, L - np.diag(L.sum(axis=1))


def test_fits_find_their_own_law():
    B = np.geomspace(0.1, 100, 20)
    lorentzian, cusp = fit_line_shapes(B, 0.05 * B**2 / (B**2 + 9.0))
    assert lorentzian.width == pytest.approx(3.0, rel=1e-5)
    assert lorentzian.saturation == pytest.approx(0.05, rel=1e-6)
    assert lorentzian.residual < 1e-6 < cusp.residual
    lorentzian, cusp = fit_line_shapes(-B, 0.05 * B**2 / (B + 3.0) ** 2)
    assert cusp.width == pytest.approx(3.0, rel=1e-5)
    assert cusp.residual < 1e-6 < lorentzian.residual


def test_traps_are_no_contacts():
    network = random_network(300, 0.1, 61)
    trap = choose_traps(network, 1.0, seed=2)
    contacts = np.union1d(network.source, network.drain)
    assert np.array_equal(np.union1d(trap, contacts), np.arange(300))
    assert choose_traps(network, 0.0, seed=2).size == 0
    none = block_spins(network, [], field=(0, 0, 0)).network
    assert hn.solve_current(none).conductance == pytest.approx(
        hn.solve_current(network).conductance, rel=1e-12
    )


def test_a_trap_without_mobile_neighbours():
    """It has no mesh, and a sample whose only path leads through blocked traps does not conduct."""
    sites = dense_sites([[x, 0.0] for x in range(7)] + [[1.0, 2.0]], 8.0)
    i, j = [0, 1, 2, 3, 4, 5, 1], [1, 2, 3, 4, 5, 6, 7]
    network = join_sites(sites, i, j, np.zeros(7), contacts=([0], [6]))
    found = block_spins(network, [1, 7], field=(0, 0, 0)).network
    at_trap = (found.link_i == 7) | (found.link_j == 7)
    np.testing.assert_allclose(found.conductance[at_trap], 0.25)  # between two traps only
    assert hn.solve_current(found).conductance > 0
    cut = join_sites(sites, i[1:], j[1:], np.zeros(6), contacts=([0], [6]))
    with pytest.raises(NotPercolatingError):
        magnetoresistance(cut, [1], [1.0], field=np.zeros((8, 3)))


def test_bad_input():
    network = random_network(100, 0.1, 63)
    with pytest.raises(ParameterError, match="a trap must not be a contact"):
        block_spins(network, network.source, field=(0, 0, 0))
    with pytest.raises(ParameterError, match="trap"):
        block_spins(network, [1000], field=(0, 0, 0))
    with pytest.raises(ParameterError, match="each of the 100 sites of this network"):
        block_spins(network, choose_traps(network, 0.1, seed=1), field=np.ones((7, 3)))
    with pytest.raises(ParameterError, match="shells must be a whole number"):
        block_spins(network, [], field=(0, 0, 0), shells=0)
    with pytest.raises(ParameterError, match="fraction must be"):
        choose_traps(network, 1.5, seed=1)
    with pytest.warns(ValidityWarning, match="are traps"):
        block_spins(network, choose_traps(network, 0.5, seed=1), field=(0, 0, 0))
    warm = hn.build_network(hn.with_energies(network.sites, width=1.0, seed=1), kT=1.0, cutoff=1.5)
    with pytest.raises(ParameterError, match="sites of equal energy"):
        block_spins(warm, [], field=(0, 0, 0))
    energies = hn.with_energies(network.sites, width=1.0, seed=1)
    occupied = hn.build_network(energies, kT=1.0, chemical_potential=0.0, cutoff=1.5)
    with pytest.raises(ParameterError, match="chemical_potential"):
        block_spins(occupied, [], field=(0, 0, 0))
    with pytest.raises(ParameterError, match="at least three fields"):
        fit_line_shapes([1.0, 2.0], [0.1, 0.2])
