"""Kirchhoff's laws: conservation, exact cases, high precision, published digits. [hopping 5a]"""

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.linalg import splu

import hopnet as hn
from hopnet.network.network import join_sites
from samples import random_network, twelve_sites


@pytest.mark.parametrize(
    ("radius", "conductance", "resistivity"),
    [
        (100.0, 4.736967580894e-03, 2.1110551907e02),
        (4.0, 4.575832097060e-03, 2.1853948720e02),
    ],
)
def test_reference_network(radius, conductance, resistivity):
    current = hn.solve_current(twelve_sites(radius))
    assert current.conductance == pytest.approx(conductance, rel=1e-12)
    assert current.resistivity == pytest.approx(resistivity, rel=1e-10)


@pytest.mark.parametrize("geometry", ["open", "cylinder"])
@pytest.mark.parametrize("contacts", ["x", "y"])
@pytest.mark.parametrize("density", [0.1, 0.01, 0.002, 0.0005])
def test_what_must_hold_at_any_density(density, contacts, geometry):
    if geometry == "cylinder" and contacts == "y":
        contacts, aspect = "x", 0.5
    else:
        aspect = 1.5
    network = random_network(6000, density, 1234, geometry, contacts, aspect)
    current = hn.solve_current(network)
    g = network.conductance
    total = current.conductance
    assert abs(current.source_current - current.drain_current) < 1e-12 * total
    assert current.imbalance < 1e-14
    if density >= 0.001:  # below, more than one site in a hundred carries rounding only
        assert np.percentile(current.site_imbalance, 99) < 1e-11
    np.testing.assert_allclose(current.flow, g * current.drop, rtol=1e-12)
    # power in equals power out
    assert abs((current.flow * current.drop).sum() - total) < 1e-12 * total
    # the same current through every cut across the sample
    along = network.sites.position[:, "xy".index(network.axis)]
    for place in np.linspace(0.2, 0.8, 7) * network.length_along_current:
        before = along < place
        crossing = before[network.link_i].astype(int) - before[network.link_j]
        assert abs((crossing * current.flow).sum() - total) < 1e-12 * total
    # isolated sites carry nothing; every drop lies between the contacts' potentials
    assert not current.flow[network.isolated[network.link_i]].any()
    assert np.abs(current.drop).max() <= 1
    across, length = network.width_across_current, network.length_along_current
    assert current.resistivity * total == pytest.approx(across / length, rel=1e-13)
    assert np.exp(current.log_conductance) / total == pytest.approx(1, rel=1e-13)


def test_loops_add_up_to_nothing():
    """Drops around a triangle add up to zero within rounding of the largest: there is a potential.

    This is tested on the backbone. In dead ends, which carry no current, drops are rounding only.
    """
    network = random_network(6000, 0.005, 1234)
    current = hn.solve_current(network)
    drop, triads = current.drop, hn.find_triads(network)
    around = drop[triads.link[:, 0]] + drop[triads.link[:, 2]] - drop[triads.link[:, 1]]
    largest = np.abs(drop[triads.link]).max(axis=1)
    flowing = current.throughput[triads.site].min(axis=1) > 1e-2 * current.conductance
    assert flowing.sum() > 1000
    assert np.all(np.abs(around[flowing]) <= 1e-12 * largest[flowing])
    assert np.all(np.abs(around) <= 1e-14)


def test_rotating_the_sample_rotates_the_answer():
    network = random_network(3000, 0.02, 6, aspect=1.3)
    sites = network.sites
    turned = hn.sites_from_positions(
        np.stack([sites.width - sites.position[:, 1], sites.position[:, 0]], axis=1),
        length=sites.width,
        width=sites.length,
    )
    other = hn.build_network(turned, contacts="y", cutoff=1.5)
    a, b = hn.solve_current(network), hn.solve_current(other)
    assert b.conductance / a.conductance == pytest.approx(1, rel=1e-11)
    assert b.resistivity == pytest.approx(a.resistivity, rel=1e-11)


@settings(max_examples=15, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6), scale=st.floats(1e-30, 1e30))
def test_scaling_monotony_and_reciprocity(seed, scale):
    network = random_network(200, 0.05, seed % 7 + 50)
    conductance = hn.solve_current(network).conductance
    rng = np.random.default_rng(seed)

    def again(log_conductance, contacts=network.contacts):
        return hn.solve_current(
            join_sites(
                network.sites, network.link_i, network.link_j, log_conductance, contacts=contacts
            )
        ).conductance

    scaled = again(network.log_conductance + np.log(scale))
    assert scaled / scale / conductance == pytest.approx(1, rel=1e-11)
    raised = network.log_conductance.copy()
    raised[rng.integers(network.n_links)] += 3.0
    assert again(raised) >= conductance * (1 - 1e-13)  # Rayleigh
    reverse = again(network.log_conductance, network.contacts[::-1])
    assert reverse / conductance == pytest.approx(1, rel=1e-12)


@pytest.mark.parametrize("kind", ["square", "triangular"])
def test_lattices(kind):
    """A uniform field: n_x - 1 links in series, equal rows in parallel."""
    spacing, n_x, n_y = 4.0, 9, 6
    sites = hn.lattice_sites(kind, n_x, n_y, spacing=spacing, geometry="cylinder")
    column = np.arange(n_x * n_y) % n_x
    contacts = np.flatnonzero(column == 0), np.flatnonzero(column == n_x - 1)
    network = hn.build_network(sites, cutoff_radius=1.01 * spacing, contacts=contacts)
    current = hn.solve_current(network)
    g = np.exp(-2 * spacing)
    if kind == "square":
        assert current.conductance / (g * n_y / (n_x - 1)) == pytest.approx(1, rel=1e-13)
    else:  # the bulk field makes every row carry g/8, every zigzag half of it; count a middle cut
        middle = sites.length / 2
        left = sites.position[:, 0] < middle
        through = (left[network.link_i].astype(int) - left[network.link_j]) * current.flow
        assert through.sum() / current.conductance == pytest.approx(1, rel=1e-13)
        assert current.conductance > g * n_y / (n_x - 1)


def exact_solution(network, tau_s, digits=90):
    """Potentials and S~ of a small network by ordinary elimination in ``digits`` digits."""
    n = network.n_sites
    with mpmath.workdps(digits):
        g = [mpmath.exp(mpmath.mpf(v)) for v in network.log_conductance]

        def solve(shift, fixed, rhs):
            rows = [dict() for _ in range(n)]
            for l, (i, j) in enumerate(zip(network.link_i.tolist(), network.link_j.tolist())):
                for a, b in ((i, j), (j, i)):
                    rows[a][a] = rows[a].get(a, mpmath.mpf(0)) + g[l]
                    rows[a][b] = -g[l]
            b = [mpmath.mpf(v) for v in rhs]
            for a in range(n):
                rows[a][a] = rows[a].get(a, mpmath.mpf(0)) + shift
            for a, value in fixed.items():
                rows[a] = {a: mpmath.mpf(1)}
                b[a] = mpmath.mpf(value)
            order = network.dissection.permutation.tolist()
            done = set()
            columns = [set() for _ in range(n)]
            for a in range(n):
                for c in rows[a]:
                    columns[c].add(a)
            for k in order:
                done.add(k)
                for a in list(columns[k]):
                    if a in done:
                        continue
                    ratio = rows[a].pop(k) / rows[k][k]
                    for c, value in rows[k].items():
                        if c != k:
                            rows[a][c] = rows[a].get(c, mpmath.mpf(0)) - ratio * value
                            columns[c].add(a)
                    b[a] -= ratio * b[k]
            x = [mpmath.mpf(0)] * n
            for k in reversed(order):
                rest = sum(v * x[c] for c, v in rows[k].items() if c != k)
                x[k] = (b[k] - rest) / rows[k][k]
            return x

        fixed = {i: 1 for i in network.source.tolist()} | {i: 0 for i in network.drain.tolist()}
        fixed |= {i: 0 for i in np.flatnonzero(network.isolated).tolist()}
        potential = solve(mpmath.mpf(0), fixed, [0] * n)
        flow = [
            g[l] * (potential[i] - potential[j])
            for l, (i, j) in enumerate(zip(network.link_i.tolist(), network.link_j.tolist()))
        ]
        contact = set(network.source.tolist())
        total = sum(
            f * ((i in contact) - (j in contact))
            for f, i, j in zip(flow, network.link_i.tolist(), network.link_j.tolist())
        )
        gamma = [mpmath.mpf(0)] * n
        position = [[mpmath.mpf(v) for v in row] for row in network.sites.position]
        triads = hn.find_triads(network)
        for (i, j, k), links in zip(triads.site.tolist(), triads.link.tolist()):
            a, b, c = position[i], position[j], position[k]
            double_area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
            strength = (
                -mpmath.mpf(3) / 16 * double_area * mpmath.sqrt(mpmath.fprod(g[l] for l in links))
            )
            gamma[i] += strength * (potential[j] - potential[k])
            gamma[j] += strength * (potential[k] - potential[i])
            gamma[k] += strength * (potential[i] - potential[j])
        c = -2 * mpmath.mpf(network.width_across_current) / (n * total)
        f = [c * sum(p[1] * v for p, v in zip(position, gamma))]
        for t in tau_s:
            spin = solve(1 / mpmath.mpf(t), {}, gamma)
            f.append(c / t * sum(p[1] * v for p, v in zip(position, spin)))
        return np.array([float(v) for v in flow]), float(total), [float(v) for v in f]


@pytest.mark.parametrize(("density", "seed"), [(0.001, 3), (0.0005, 13)])
def test_against_ninety_digits(density, seed):
    """Every flow that matters and f, where conductances span up to 70 decades."""
    network = random_network(300, density, seed)
    assert np.ptp(network.log_conductance) > (45 if density > 0.0007 else 60) * np.log(10)
    tau_s = [1e2, 1e6, 1e12]
    flow, total, f = exact_solution(network, tau_s)
    current = hn.solve_current(network)
    assert current.conductance / total == pytest.approx(1, rel=1e-12)
    size = np.abs(flow)
    through = 0.5 * sum(np.bincount(end, size, 300) for end in (network.link_i, network.link_j))
    matters = size > 1e-8 * np.minimum(through[network.link_i], through[network.link_j])
    matters &= size > 1e-40 * total  # below that ninety digits are rounding themselves
    error = np.abs(current.flow - flow)[matters] / size[matters]
    assert matters.sum() > 500
    assert np.all(error[size[matters] > 1e-9 * total] < 1e-10)
    # side loops with less than 1e-9 of the current: all but a few percent, and those to 1e-4
    assert np.mean(error < 1e-10) > 0.98
    assert error.max() < 1e-4
    curve = hn.f_curve(network, [0.0, *tau_s], current=current, normalisation="letter")
    np.testing.assert_allclose(curve.f, f, rtol=1e-10, atol=1e-13)


def test_the_assembled_laplacian_fails_there():
    """Why hopnet has its own solver: SuperLU fails on the same matrix in floats."""
    network = random_network(300, 0.0005, 13)
    n, g = network.n_sites, network.conductance
    kept = ~network.isolated
    kept[network.source] = kept[network.drain] = False
    i, j = network.link_i, network.link_j
    matrix = coo_array(
        (
            np.tile(g, 4) * np.repeat([1, 1, -1, -1], len(g)),
            (np.concatenate([i, j, i, j]), np.concatenate([i, j, j, i])),
        ),
        shape=(n, n),
    ).tocsc()
    voltage = np.zeros(n)
    voltage[network.source] = 1.0
    rhs = -(matrix @ voltage)[kept]
    _, total, _ = exact_solution(network, [])
    try:
        voltage[kept] = splu(matrix[kept][:, kept]).solve(rhs)
    except RuntimeError:  # a pivot rounded to zero
        voltage[:] = np.nan
    flow = g * (voltage[i] - voltage[j])
    source = np.isin(np.arange(n), network.source)
    measured = flow[source[i]].sum() - flow[source[j]].sum()
    assert not abs(measured / total - 1) < 1e-3
    assert hn.solve_current(network).conductance / total == pytest.approx(1, rel=1e-12)


def test_save_and_load(tmp_path):
    network = random_network(300, 0.01, 14)
    current = hn.solve_current(network)
    current.save(tmp_path / "current.npz")
    again = hn.Current.load(tmp_path / "current.npz", network)
    assert np.array_equal(again.flow, current.flow)
    assert again.conductance == current.conductance
    with pytest.raises(hn.ParameterError, match="another network"):
        hn.Current.load(tmp_path / "current.npz", random_network(200, 0.05, 50))


def test_no_path_between_the_contacts():
    sites = hn.random_sites(300, density=0.01, seed=3)
    with pytest.raises(hn.NotPercolatingError, match="no path"):
        hn.solve_current(hn.build_network(sites, cutoff=0.6))


def test_an_empty_strip_at_an_edge_is_no_path():
    """This happens by chance: the sample counts as one that does not percolate."""
    network = hn.build_network(
        hn.random_sites(12, density=0.05, seed=11), cutoff=0.6, contact_width=3.2
    )
    assert network.source.size == 0 < network.drain.size
    with pytest.raises(hn.NotPercolatingError, match="no path"):
        hn.solve_current(network)


def test_a_torus_has_no_contacts():
    with pytest.raises(hn.ParameterError, match="torus"):
        hn.solve_current(random_network(2000, 0.01, 8, "torus"))
