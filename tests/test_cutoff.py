"""The cutoff: margin, contact strips, stated error [f 2], [f 3], and normalisation [f 1]."""

import numpy as np
import pytest

import hopnet as hn
from hopnet.ensemble.config import config_from_dict
from hopnet.network.sites import critical_length
from hopnet.spin.kinetics import f_from_polarisation, solve_kinetics, solve_leading_order

TAU_S = [0.0, 1e4, np.inf]


def solved(sites, margin):
    """f at `TAU_S`, resistivity, and the stated errors, for one margin."""
    network = hn.build_network(sites, cutoff_margin=margin)
    current = hn.solve_current(network)
    curve = hn.f_curve(network, TAU_S, current=current, tolerance=0)
    return curve, current


def solved_hall(sites, margin):
    """The Hall angle: n_s a_b^2 times the plateau of f. None if no path closes the ring."""
    try:
        return hn.hall_angle(hn.build_network(sites, cutoff_margin=margin))
    except hn.NotPercolatingError:
        return None


def check_plateau(curve, exact, found, case):
    """The plateau of f is the Hall angle; its own stated error covers what is missing."""
    if exact is None or found is None:
        return
    assert found.f_plateau == pytest.approx(curve.f[-1], rel=1e-9), case
    if found.n_effective > 10:
        assert abs(found.tangent - exact.tangent) <= found.cutoff_error, case


def check_stated_errors(n_sites, density, seeds, margins, geometry="cylinder"):
    for seed in seeds:
        sites = hn.random_sites(n_sites, density=density, seed=seed, geometry=geometry)
        exact, exact_current = solved(sites, 10.0)
        exact_hall = solved_hall(sites, 10.0) if geometry == "cylinder" else None
        for margin in margins:
            curve, current = solved(sites, margin)
            case = f"n_s = {density}, seed {seed}, margin {margin}"
            assert np.all(np.abs(curve.f - exact.f) <= curve.cutoff_error), case
            off = abs(current.resistivity / exact_current.resistivity - 1)
            assert off <= current.cutoff_error, case
            if geometry == "cylinder":
                check_plateau(curve, exact_hall, solved_hall(sites, margin), case)
            if density >= 0.02:  # an error that is stated far too large says nothing either
                assert curve.cutoff_error <= 10 * abs(curve.f[0] - exact.f[0]), case


@pytest.mark.filterwarnings("ignore::hopnet.ValidityWarning")
@pytest.mark.parametrize("density", [0.1, 0.01, 0.001])
def test_the_stated_cutoff_error_covers(density):
    check_stated_errors(1500, density, [3], [4, 6])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::hopnet.ValidityWarning")
@pytest.mark.parametrize("geometry", ["cylinder", "open"])
@pytest.mark.parametrize("density", [0.2, 0.1, 0.05, 0.02, 0.01, 0.003, 0.001])
def test_the_stated_cutoff_error_covers_at_every_density(density, geometry):
    check_stated_errors(8000, density, [1, 2, 3], [4, 5, 6, 8], geometry)


@pytest.mark.filterwarnings("ignore::hopnet.ValidityWarning")
@pytest.mark.parametrize("kT", [0.3, 0.1])
def test_the_stated_cutoff_error_covers_with_energies(kT):
    """f, resistivity and Hall angle; links are cut by 2 R + barrier."""
    sites = hn.random_sites(1500, density=0.05, seed=2, geometry="cylinder")
    cold = hn.with_energies(sites, "uniform", width=1.0, seed=52)

    def found(margin):
        network = hn.build_network(cold, kT=kT, cutoff_margin=margin)
        current = hn.solve_current(network)
        curve = hn.f_curve(network, TAU_S, current=current, tolerance=0)
        return curve, current, hn.hall_angle(network, current=current)

    exact, exact_current, exact_hall = found(10.0)
    for margin in (4, 6):
        curve, current, hall = found(margin)
        assert np.all(np.abs(curve.f - exact.f) <= curve.cutoff_error)
        off = abs(current.resistivity / exact_current.resistivity - 1)
        assert off <= current.cutoff_error <= 20 * off
        assert abs(hall.tangent - exact_hall.tangent) <= hall.cutoff_error


def test_the_error_falls_with_the_margin_at_every_density():
    """From a margin of 4 to 6 a_b the error of f(0) falls by 10 to 40; exp(-4) is 1/55."""
    for density in (0.1, 0.02):
        sites = hn.random_sites(4000, density=density, seed=1, geometry="cylinder")
        f = [solved(sites, margin)[0].f[0] for margin in (4, 6, 10)]
        assert 8 < (f[2] - f[0]) / (f[2] - f[1]) < 50


def test_default_is_a_margin_of_six():
    sites = hn.random_sites(500, density=0.03, seed=4)
    network = hn.build_network(sites)
    assert network.cutoff_radius == critical_length(0.03) + 6.0
    longer = hn.build_network(sites, cutoff_margin=8.0)
    assert longer.n_links > network.n_links
    assert longer.distance.max() > network.cutoff_radius


def test_margin_counts_twice_in_the_exponent():
    """With energies links have 2 R + barrier <= xi_c + 2 margin; without them it is the same."""
    sites = hn.random_sites(600, density=0.02, seed=4)
    cold = hn.with_energies(sites, "gaussian", width=1.0, seed=1)
    network = hn.build_network(cold, kT=0.3, cutoff_margin=3.0, bath="miller_abrahams")
    exponent = -network.log_conductance
    assert exponent.max() <= network.critical_exponent + 6.0 + 1e-9
    assert exponent.max() > network.critical_exponent + 5.0
    hot = hn.build_network(cold, kT=1e9, cutoff_margin=3.0)
    plain = hn.build_network(sites, cutoff_margin=3.0)
    np.testing.assert_array_equal(hot.link_i, plain.link_i)


def test_contact_strips_do_not_depend_on_the_cutoff():
    sites = hn.random_sites(2000, density=0.01, seed=3)
    strips = [
        hn.build_network(sites, **given).source.size
        for given in ({}, {"cutoff_margin": 3}, {"cutoff": 1.2}, {"cutoff_radius": 25.0})
    ]
    assert len(set(strips)) == 1
    x = sites.position[:, 0]
    assert strips[0] == np.sum(x <= 1.5 * critical_length(0.01))
    assert hn.build_network(sites, contact_width=7.0).source.size == np.sum(x <= 7.0)


def test_the_margin_never_decides_whether_a_sample_percolates():
    """A sample with a high threshold gets links up to its own threshold plus the margin."""
    raised = 0
    for seed in range(30):
        sites = hn.random_sites(150, density=0.002, seed=seed)
        network = hn.build_network(sites, cutoff_margin=0.5)
        assert network.percolates
        own = hn.percolation_threshold(network).threshold_length
        plain = critical_length(0.002) + 0.5
        if own > plain:
            raised += 1
            assert network.cutoff_radius == pytest.approx(own + 0.5, rel=1e-9)
        else:
            assert network.cutoff_radius == pytest.approx(plain, rel=1e-12)
    assert raised > 3


def test_raised_threshold_with_energies():
    raised = 0
    for seed in range(12):
        sites = hn.random_sites(100, density=0.002, seed=seed)
        cold = hn.with_energies(sites, "uniform", width=1.0, seed=seed)
        network = hn.build_network(cold, kT=0.05, cutoff_margin=0.2, bath="miller_abrahams")
        assert network.percolates
        largest = 2 * network.cutoff_radius
        if largest > network.critical_exponent + 0.4 + 1e-9:
            raised += 1
            own = 2 * hn.percolation_threshold(network).threshold_length
            assert largest == pytest.approx(own + 0.4, rel=1e-9)
    assert raised > 0


def test_lattices_state_no_cutoff_error():
    """All links are equally long: nothing can be said about longer ones."""
    sites = hn.lattice_sites("triangular", 12, 10, spacing=4.0)
    network = hn.build_network(sites, cutoff_radius=4.4)
    assert np.isnan(hn.solve_current(network).cutoff_error)


def test_every_function_has_both_normalisations():
    """f of one sample is the same number from every function, in either normalisation."""
    network = hn.build_network(hn.random_sites(400, density=0.05, seed=2, geometry="cylinder"))
    current, matrix, tau_s = hn.solve_current(network), [[0.0, 1e-5], [-1e-5, 0.0]], 100.0
    full = solve_kinetics(network, matrix, eta=0.01, tau_s=tau_s, tolerance=1e-14)
    along = network.length_along_current
    for normalisation, length in (("bulk", current.effective_length), ("letter", along)):
        option = {"normalisation": normalisation}
        curve = hn.f_curve(network, [0.0, tau_s], tolerance=0, **option)
        generation = hn.spin_generation(network, current, **option)
        c = -2 * network.sites.width / (network.n_sites * current.conductance)  # [hopping S42]
        assert generation.prefactor == pytest.approx(c * along / length, rel=1e-12)
        assert generation.f_drift == pytest.approx(curve.f[0], rel=1e-12)
        leading = solve_leading_order(network, matrix, eta=0.01, tau_s=tau_s, **option)
        assert leading.f == pytest.approx(curve.f[1], rel=1e-9)
        assert f_from_polarisation(full, **option) == pytest.approx(curve.f[1], rel=1e-5)
        still = np.zeros((400, 3))
        nuclear = hn.nuclear_f(network, tau_s=tau_s, field=still, **option)
        assert nuclear.f == pytest.approx(curve.f[1], rel=1e-9)
        spin = hn.solve_spin(network, tau_s, current=current, **option)
        assert spin.f == pytest.approx(curve.f[1], rel=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("density", [0.05, 0.01])
def test_small_samples_agree_with_large_ones_without_the_strips(density):
    """Bulk f of N = 5000 is that of N = 5e5; the letter's is lower by about 3 / sqrt(N)."""
    normalisations = ("bulk", "letter")
    small = {name: [] for name in normalisations}
    for seed in range(150):
        network = hn.build_network(hn.random_sites(5000, density=density, seed=seed))
        current = hn.solve_current(network)
        for name in normalisations:
            curve = hn.f_curve(network, [0.0], current=current, normalisation=name)
            small[name].append(curve.f[0])
    large = {name: [] for name in normalisations}
    for seed in range(4):
        network = hn.build_network(hn.random_sites(500_000, density=density, seed=1000 + seed))
        current = hn.solve_current(network)
        for name in normalisations:
            curve = hn.f_curve(network, [0.0], current=current, normalisation=name)
            large[name].append(curve.f[0])

    def difference(name):
        a, b = np.array(small[name]), np.array(large[name])
        error = np.hypot(a.std(ddof=1) / np.sqrt(a.size), b.std(ddof=1) / np.sqrt(b.size))
        return (a.mean() - b.mean()) / b.mean(), error / b.mean()

    off, error = difference("bulk")
    assert abs(off) < 3 * error + 0.005
    off, error = difference("letter")
    strips = 3.0 * (1 / np.sqrt(500_000) - 1 / np.sqrt(5000))
    assert off == pytest.approx(strips, abs=3 * error + 0.01)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"cutoff_margin": -1.0}, "cutoff_margin must be a finite number"),
        ({"cutoff_margin": np.inf}, "cutoff_margin must be a finite number"),
        ({"cutoff_margin": "6"}, "cutoff_margin must be"),
        ({"cutoff_margin": 6.0, "cutoff": 1.5}, "got cutoff and cutoff_margin; give one"),
        ({"cutoff_margin": 6.0, "cutoff_radius": 9.0}, "got cutoff_radius and cutoff_margin"),
        ({"cutoff": 1.5, "cutoff_radius": 9.0}, "got cutoff and cutoff_radius"),
        ({"contact_width": 0.0}, "contact_width must be a finite number above 0"),
    ],
)
def test_wrong_cutoffs_are_one_sentence(given, says):
    sites = hn.random_sites(200, density=0.01, seed=1)
    with pytest.raises(hn.ParameterError, match=says):
        hn.build_network(sites, **given)


@pytest.mark.parametrize(
    ("network", "says"),
    [
        ({"cutoff": 1.5, "cutoff_margin": 6.0}, "exclude each other"),
        ({"cutoff_margin": -6.0}, "cutoff_margin"),
        ({"cutoff_margin": float("inf")}, "cutoff_margin"),
    ],
)
def test_wrong_cutoffs_of_run_files(network, says):
    table = {
        "sites": {"n_sites": 100, "density": 0.01, "geometry": "open", "seed": 1},
        "network": network,
        "spin": {"tau_s": [0.0]},
    }
    with pytest.raises(hn.ParameterError, match=says):
        config_from_dict(table)


def test_run_files_without_a_cutoff_have_the_default_margin():
    table = {
        "sites": {"n_sites": 100, "density": 0.01, "geometry": "open", "seed": 1},
        "spin": {"tau_s": [0.0]},
    }
    physical = config_from_dict(table).points()[0].physical
    assert physical["network.cutoff_margin"] == 6.0
    table["network"] = {"cutoff": 1.5}
    physical = config_from_dict(table).points()[0].physical
    assert "network.cutoff_margin" not in physical
