"""Resistivity against temperature: Mott's law in two dimensions, activation, f(T)."""

import numpy as np
import pytest

import hopnet as hn
from hopnet.network.energies import check_temperature
from hopnet.network.exponent import critical_exponent
from hopnet.percolation.mott import sample_mott_numbers
from hopnet.percolation.wrapping import dual_threshold
from hopnet.spin.temperature import temperature_curve
from hopnet.transport.variable_range import fit_mott_law

DENSITY = 0.02
kT = np.logspace(-3, -1.7, 5)  # more than a decade, in widths of the band


def sample(k, n_sites=10_000, density_of_states="uniform"):
    sites = hn.random_sites(n_sites, density=DENSITY, seed=700 + k)
    return hn.with_energies(sites, density_of_states, width=1.0, seed=800 + k)


def test_mott_law_over_a_decade():
    """Straight against T^(-1/3), not against T^(-1/2) or 1/T; kT_0 g a_b^2 near 13.8."""
    table = [temperature_curve(sample(k), kT, chemical_potential=0.0) for k in range(3)]
    log_resistivity = np.mean([t.log_resistivity for t in table], axis=0)
    assert max(t.imbalance.max() for t in table) < 1e-14
    law = fit_mott_law(kT, log_resistivity)
    span = log_resistivity.max() - log_resistivity.min()
    assert span > 30
    assert law.residual < 0.03 * span
    for power in (1 / 2, 1):
        assert fit_mott_law(kT, log_resistivity, power=power).residual > 2 * law.residual
    number = law.kT_0 * DENSITY
    error = law.error * DENSITY
    print(f"kT_0 g a_b^2 = {number:.2f} +- {error:.2f} from ln rho")
    assert abs(number - 13.8) < 3 * error + 0.8
    assert number == pytest.approx(13.8, rel=0.15)


def test_mott_number_of_percolation():
    """13.86(2), without a fit; single samples scatter by a tenth and shrink with the size."""
    table = sample_mott_numbers(15, 80, seed=21)
    value, error = dual_threshold(table["first"], table["second"])
    print(f"Mott's number {value:.2f} +- {error:.2f}")
    assert error < 0.2
    assert abs(value - 13.86) < 4 * error
    assert np.all(table["first"] < table["second"])
    wider = sample_mott_numbers(30, 10, seed=22)
    assert wider["first"].std() < 0.8 * table["first"].std()
    again = sample_mott_numbers(15, 3, seed=21)
    assert again.equals(table.iloc[:3])
    for side, n_samples in ((5, 3), (15, 0), (np.nan, 3), (15, 1.5)):
        with pytest.raises(hn.ParameterError, match=r"(side|n_samples) must be"):
            sample_mott_numbers(side, n_samples, seed=1)


@pytest.mark.slow
def test_mott_number_to_three_digits():
    table = sample_mott_numbers(20, 2000, seed=23)
    value, error = dual_threshold(table["first"], table["second"])
    assert error < 0.03
    assert abs(value - 13.86) < 3.5 * error


def test_critical_exponent_follows_the_same_law():
    found = np.array(
        [
            [
                critical_exponent(sample(k), check_temperature(one), chemical_potential=0.0)
                for one in kT[::2]
            ]
            for k in range(3)
        ]
    )
    mean, error = found.mean(axis=0), found.std(axis=0, ddof=1) / np.sqrt(3)
    number = mean**3 * kT[::2] * DENSITY  # = kT_0 g a_b^2 if xi_c = (T_0 / T)^(1/3)
    spread = 3 * error / mean * number
    print("kT xi_c^3 g a_b^2 =", np.round(number, 2), "+-", np.round(spread, 2))
    assert np.all(np.abs(number - 13.8) < 1.6 + 3 * spread)


def test_a_gap_makes_a_steeper_law():
    """In the soft gap ln rho grows faster than T^(-1/3): towards T^(-1/2)."""
    with_gap = temperature_curve(
        sample(1, density_of_states="coulomb_gap"), kT[1:], chemical_potential=0.0
    )
    without = temperature_curve(sample(1), kT[1:], chemical_potential=0.0)
    ratio = (with_gap.log_resistivity / without.log_resistivity).to_numpy()
    assert np.all(ratio > 1.1)
    assert np.all(np.diff(ratio) < 0), "the colder, the more"


def test_high_temperature_is_the_r_model():
    sites = sample(2, 3000)
    table = temperature_curve(sites, [1e3, 1.0, 0.03], tau_s=100.0)
    plain = hn.random_sites(3000, density=DENSITY, seed=702)
    network = hn.build_network(plain)
    curve = hn.f_curve(network, 100.0)
    assert table.f[0] == pytest.approx(curve.f[0], rel=0.02)
    assert table.log_resistivity[0] == pytest.approx(np.log(curve.resistivity), abs=0.01)
    assert np.all(np.diff(table.log_resistivity) > 0)
    assert np.all(np.diff(table.diffusion) < 0)
    row = table.iloc[1]
    electrons = np.exp(hn.build_network(sites, kT=1.0).log_occupation).sum()
    current = hn.solve_current(hn.build_network(sites, kT=1.0))
    share = current.effective_length / current.network.length_along_current
    expected = share * row.f * 3000 / (electrons * np.exp(row.log_resistivity) * row.kT)
    assert row.cisp == pytest.approx(expected, rel=1e-9)


def test_induced_spin_against_the_full_equations():
    """CISP(T) by its formula and by the coupled equations of occupation and spin."""
    M_xy, M_yx, eta, tau_s = 2e-3, 1e-3, 1e-3, 30.0
    for bath in ("ohmic", "miller_abrahams"):
        sites = sample(3, 400)
        table = temperature_curve(sites, [0.08, 0.3, 2.0], tau_s=tau_s, bath=bath)
        for row in table.itertuples():
            network = hn.build_network(sites, kT=row.kT, bath=bath)
            full = hn.solve_kinetics(network, [[0, M_xy], [M_yx, 0]], eta=eta, tau_s=tau_s)
            # unit bias: the field is kT / e along the sample
            per_field = full.polarisation[1] * network.length_along_current / row.kT
            unit = 2 * tau_s * M_xy**2 * M_yx * eta
            assert per_field / unit == pytest.approx(row.cisp, rel=2e-4)
    assert table.cisp.max() > 30 * table.cisp.min()


def test_fit_of_an_exact_law():
    law = fit_mott_law(kT, 2.0 + (3.0 / kT) ** (1 / 3))
    assert law.kT_0 == pytest.approx(3.0, rel=1e-10)
    assert law.prefactor == pytest.approx(2.0, abs=1e-8)
    assert law.residual < 1e-9


@pytest.mark.parametrize(
    ("temperature", "exponent", "message"),
    [
        ([1.0, 2.0], [1.0, 2.0], "three or more temperatures"),
        ([1.0, 2.0, -1.0], [1, 2, 3], "temperatures must be positive"),
        ([1.0, 2.0, 3.0], [1, 2], "three or more temperatures"),
        ([1.0, 1.0, 1.0], [1, 2, 3], "not all equal"),
        ([1.0, 2.0, 3.0], [1, np.nan, 3], "exponent must hold finite numbers"),
        ("warm", [1, 2, 3], "kT must hold real numbers"),
        ([1.0, 2.0, 3.0], None, "exponent must hold real numbers"),
    ],
)
def test_bad_fits(temperature, exponent, message):
    with pytest.raises(hn.ParameterError, match=message):
        fit_mott_law(temperature, exponent)


@pytest.mark.parametrize("exponent", [[5.0, 5.0, 5.0, 5.0], [1.0, 2.0, 3.0, 4.0]])
def test_a_fit_with_the_wrong_sign_is_refused(exponent):
    """ln rho that does not grow towards low temperature: kT_0 = 0 +- 0 was the answer before."""
    with pytest.raises(hn.ConvergenceError, match="must grow towards low temperature") as caught:
        fit_mott_law([1.0, 2.0, 3.0, 4.0], exponent)
    slope, intercept = caught.value.estimate
    assert slope <= 1e-12
    assert np.isfinite(intercept)


def test_bad_temperature():
    with pytest.raises(hn.ParameterError, match="kT must hold finite numbers"):
        temperature_curve(sample(1, 1000), [0.1, 0.0])
