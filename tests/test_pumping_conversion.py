"""Charge from pumped spin, and the crossover to ballistic transport.

[pumping 4], [pumping 18], [pumping 21], [pumping 24], [pumping 25], [pumping 26], [pumping 27],
[pumping 30], [pumping 31], [pumping A1], [pumping A13], [pumping B4], [pumping B5], [pumping B6].
"""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from hopnet.pumping.conversion import (
    conversion_efficiency,
    impurity,
    impurity_density_printed,
    rashba,
    rashba_density_from_current,
)
from hopnet.pumping.crossover import (
    angular_average,
    crossover_point,
    kinetic_current,
    kinetic_deficit,
    local_share,
    local_to_diffusive,
)
from hopnet.pumping.currents import pump
from hopnet.pumping.medium import Medium
from hopnet.pumping.named_textures import interface, moving_wall, skyrmion, spiral
from hopnet.pumping.texture import RigidTexture, TimeSeries, sample_texture

pytestmark = pytest.mark.filterwarnings("ignore::hopnet.errors.ValidityWarning")
MEDIUM = Medium(
    exchange=0.3,
    tau=0.7,
    density_of_states=1.3,
    fermi_energy=2.0,
    rashba=(0.2, -0.3, 0.5),
    impurity=0.4,
)
RELAXING = replace(MEDIUM, tau_s=3.0)


def two_waves(n=16, n_times=16):
    """Two spirals of different frequency and direction: the charge of [pumping 31] is not zero."""
    return sample_texture(
        lambda x, y, t: (
            0.5 * np.cos(0.4 * t - x) + 0.3 * np.cos(1.2 * t - y),
            0.5 * np.sin(0.4 * t - x) + 0.3 * np.sin(1.2 * t - y),
            0.2 * np.cos(x + y) + 0 * t,
        ),
        (n, n),
        (2 * np.pi, 2 * np.pi),
        period=2 * np.pi / 0.4,
        n_times=n_times,
    )


def varying_field(shape, lengths):
    """A Rashba coupling that varies in space and consists of few waves."""
    x = 2 * np.pi * np.arange(shape[0]) / shape[0]
    y = 2 * np.pi * np.arange(shape[1]) / shape[1]
    wave = 1 + 0.4 * np.cos(x)[:, None] + 0.3 * np.sin(y)[None, :]
    return np.stack([0.1 * wave, -0.2 * wave**2, 0.5 * wave])


# conservation of charge ------------------------------------------------------------------------


@pytest.mark.parametrize("medium", [MEDIUM, RELAXING], ids=["free", "relaxing"])
@pytest.mark.parametrize("vertex", ["single", "full"])
@pytest.mark.parametrize(
    "texture",
    [
        two_waves(),
        spiral((12,), (5.0,), frequency=0.4, cone_angle=1.0),
        skyrmion((64, 64), (16.0, 16.0), radius=1.0, frequency=0.4),
        moving_wall((256,), (32.0,), width=1.0, velocity=0.5, angle=0.7),
        skyrmion((24, 24, 4), (8.0, 8.0, 3.0), radius=1.0, frequency=0.4),
    ],
    ids=["two waves", "spiral", "skyrmion", "wall", "skyrmion line"],
)
def test_charge_is_conserved(texture, vertex, medium):
    """Charge obeys d_t rho_c + div j_c = 0, [pumping B6], with or without spin relaxation."""
    pumping = pump(texture, medium, vertex=vertex)
    assert rashba(pumping).residual() < 1e-12
    assert impurity(pumping).residual() < 1e-12


def test_charge_is_conserved_under_a_coupling_that_varies():
    """The divergence form conserves charge for any E_so(x)."""
    pumping = pump(two_waves(), RELAXING)
    charge = rashba(pumping, varying_field((16, 16), None))
    assert charge.residual() < 1e-12
    assert np.abs(charge.density().array).max() > 1e-3


def test_charge_density_has_no_mean():
    charge = rashba(pump(two_waves(), RELAXING), varying_field((16, 16), None))
    assert np.abs(charge.density().array.mean(axis=(0, 1))).max() < 1e-15


def test_screened_current_has_no_divergence():
    charge = rashba(pump(two_waves(), RELAXING), varying_field((16, 16), None))
    modes = charge.pumping.frame.scalar[0]
    rows = charge.screened_current().rows
    flow = sum(modes.gradient(modes.forward(row[0]), axis) for axis, row in enumerate(rows[:2]))
    local = charge.local().rows
    bare = sum(modes.gradient(modes.forward(row[0]), axis) for axis, row in enumerate(local[:2]))
    assert np.abs(flow).max() < 1e-13 * np.abs(bare).max()
    np.testing.assert_array_equal(rows[2][0], local[2][0])


# printed forms ---------------------------------------------------------------------------------


def test_density_follows_from_the_spin_current_without_relaxation_only():
    """[pumping 27], with its 1/D, is exact without spin relaxation and wrong with relaxation."""
    for medium, exact in ((MEDIUM, True), (RELAXING, False)):
        pumping = pump(two_waves(), medium)
        ours = rashba(pumping).density().array
        printed = rashba_density_from_current(pumping).array
        off = np.abs(ours - printed).max() / np.abs(ours).max()
        assert off < 1e-13 if exact else 0.02 < off < 0.5


def test_curl_form_of_a_uniform_coupling():
    """The printed form of [pumping 26], ``rho_c = g tau a_R.<curl N>_c``."""
    pumping = pump(two_waves(), RELAXING)
    modes = pumping.frame.vector[0]
    n = pumping.source_hat
    curl = [
        modes.gradient(n[2], 1),
        -modes.gradient(n[2], 0),
        modes.gradient(n[1], 0) - modes.gradient(n[0], 1),
    ]
    source = sum(a * c for a, c in zip(RELAXING.rashba_conversion, curl))
    expected = modes.backward(
        modes.respond(
            source,
            None,
            source,
            RELAXING.diffusion,
            0.0,
            drive=RELAXING.torque_coefficient,
            relaxed=False,
        )
    )
    np.testing.assert_allclose(rashba(pumping).density().array, expected, atol=1e-15)


def test_impurity_density_is_the_printed_one():
    """The divergence of the local current is the printed source of [pumping 31]."""
    pumping = pump(two_waves(), RELAXING)
    ours, printed = impurity(pumping).density().array, impurity_density_printed(pumping).array
    np.testing.assert_allclose(ours, printed, atol=1e-15)
    assert np.abs(ours).max() > 1e-3


def test_impurity_density_vanishes_for_one_frequency_in_two_dimensions():
    charge = impurity(pump(skyrmion((96, 96), (16.0, 16.0), radius=1.0, frequency=0.4), MEDIUM))
    assert np.abs(charge.density().at(0.3)).max() < 1e-13 * np.abs(charge.local().at(0.3)).max()


# absolute factors and reference digits ---------------------------------------------------------


def test_rashba_factor_by_momentum_relaxation():
    """j = -(2 e tau/hbar^2) E x d(rho_s)/dt from m dv/dt = -m v/tau - (m/hbar) d(sigma x E)/dt.

    The velocity of ``H = p^2/2m - E.(k x sigma)`` is ``p/m - (sigma x E)/hbar``, and impurities
    relax it. A spin that turns at the rate W therefore makes a velocity
    ``v = -(sigma x E)/hbar . iW tau/(1 + iW tau)``. This test checks the sign and the factor of 2
    in a_R, [pumping 25], line 2 of [pumping 24].
    """
    e, hbar, tau, omega = 1.3, 0.8, 0.7, 1e-7
    field = np.array([0.2, -0.3, 0.5])
    medium = replace(MEDIUM, charge=e, hbar=hbar, rashba=tuple(field), tau=tau)
    pumping = pump(RigidTexture([0.6], [0.8], (1.0,), omega), medium)
    torque = pumping.dynamic_torque().at(0.0)[:, 0]  # the rate at which spin is made
    rate_of_sigma = 2 / hbar * torque  # times the density of electrons
    drift = -np.cross(rate_of_sigma, field) / hbar * tau / abs(1 + 1j * omega * tau)
    expected = -e * drift
    np.testing.assert_allclose(rashba(pumping).local().at(0.0)[:, 0], expected, rtol=1e-10)


def test_reference_rashba_spiral():
    medium = replace(MEDIUM, rashba=(0, 0, 0.5))
    texture = spiral((16,), (2 * np.pi,), frequency=0.4, cone_angle=np.pi / 3)
    for m in (medium, replace(medium, tau_s=3.0)):
        charge = rashba(pump(texture, m))
        assert charge.density().at(0)[0] == pytest.approx(-1.797644766169e-02, rel=1e-12)
        quarter = charge.local().at(0.25 * 2 * np.pi / 0.4)
        assert quarter[0, 0] == pytest.approx(-1.985969455958e-02, rel=1e-12)


def test_reference_rashba_skyrmion():
    """Constant part of current and density in closed form, up to the periodic box, O(L^-4)."""
    medium = replace(MEDIUM, rashba=(0.5, 0, 0))
    g, a = medium.torque_coefficient, medium.rashba_conversion[0]
    error = []
    for length in (16.0, 32.0):
        n = int(8 * length)
        charge = rashba(pump(skyrmion((n, n), (length,) * 2, radius=1.0, frequency=0.4), medium))
        y = (np.arange(n) - n // 2) * length / n
        at = np.argmin(np.abs(y - 1.5))
        assert charge.local().mean()[1, n // 2, at] == pytest.approx(1.729810807230e-02, rel=1e-11)
        u = np.exp(-(y**2))
        with np.errstate(invalid="ignore"):
            open_space = -(g * a * 0.4 / medium.diffusion) * (2 * (1 - u) - (1 - u**2)) / y
        box = g * a / medium.diffusion * 2 * np.pi * 0.4 / length**2 * y / 2
        error.append(abs(charge.density().mean()[n // 2] - open_space - box)[at])
    assert error[0] < 1e-5
    assert error[0] / error[1] == pytest.approx(16, rel=0.05)


def test_reference_impurity():
    texture = sample_texture(
        lambda x, y, t: (
            0.5 * np.cos(0.4 * t - x) + 0.3 * np.cos(1.2 * t - y),
            0.5 * np.sin(0.4 * t - x) + 0.3 * np.sin(1.2 * t - y),
            0 * x,
        ),
        (16, 16),
        (2 * np.pi, 2 * np.pi),
        period=2 * np.pi / 0.4,
        n_times=16,
    )
    assert MEDIUM.impurity_conversion == pytest.approx(2.285714285714, rel=1e-12)
    density = impurity(pump(texture, MEDIUM)).density().at(0.0)[0, 0]
    assert density == pytest.approx(1.328474482758620e-02, rel=1e-12)


def test_no_coupling_no_charge():
    pumping = pump(two_waves(), replace(MEDIUM, rashba=(0, 0, 0), impurity=0.0))
    for charge in (rashba(pumping), impurity(pumping)):
        assert not charge.current().array.any()
        assert not charge.density().array.any()


def test_ohmic_current_beside_the_pumped_one():
    """In [pumping 18] sigma_c is Drude's n e^2 tau/m, with n from the Fermi sphere."""
    gas = Medium.from_lab(exchange_meV=1, fermi_energy_eV=5, mean_free_path_nm=0.5)
    n = gas.fermi_wave_number**3 / (3 * np.pi**2)
    assert gas.conductivity == pytest.approx(n * gas.charge**2 * gas.tau / gas.mass, rel=1e-12)
    charge = rashba(pump(two_waves(), MEDIUM))
    extra = charge.current((0.1, 0, -0.2)).array - charge.current().array
    expected = MEDIUM.conductivity * np.array([0.1, 0, -0.2])
    np.testing.assert_allclose(extra[:, 3, 4, 5], expected, atol=1e-14)


def test_time_series_of_charge_agrees_with_the_periodic_answer():
    error = []
    for n in (100, 200):
        time = np.linspace(0, 10 * np.pi, n + 1)
        x = 2 * np.pi * np.arange(8) / 8
        spin = np.stack(
            [np.cos(time - x[:, None]), np.sin(time - x[:, None]), 0.5 + 0 * time + 0 * x[:, None]]
        )
        series = rashba(pump(TimeSeries(spin, (2 * np.pi,), time), RELAXING))
        turning = RigidTexture(np.exp(-1j * x), 0.5 + 0 * x, (2 * np.pi,), 1.0)
        rigid = rashba(pump(turning, RELAXING))
        late = time[-1 - n // 20]
        error.append(np.abs(series.current().at(late) - rigid.current().at(late)).max())
        assert series.residual() < 0.1 * (100 / n) ** 2
    assert error[0] / error[1] == pytest.approx(4, rel=0.15)


# crossover and efficiency ----------------------------------------------------------------------


def direction_average(x, a, dimension):
    """Mean of 1/(a + i x n) over the directions n, by quadrature."""
    if dimension == 1:
        return 0.5 * (1 / (a + 1j * x) + 1 / (a - 1j * x))
    weight = (lambda u: 1 / np.pi) if dimension == 2 else (lambda u: 0.5 * np.sin(u))

    def part(which):
        return quad(
            lambda u: weight(u) * which(1 / (a + 1j * x * np.cos(u))),
            0,
            np.pi,
            epsabs=1e-13,
            epsrel=1e-12,
            limit=200,
        )[0]

    return part(np.real) + 1j * part(np.imag)


@settings(max_examples=20, deadline=None, derandomize=True)
@given(x=st.floats(0.0, 30.0), turn=st.floats(-3.0, 3.0), dimension=st.sampled_from([1, 2, 3]))
def test_angular_average(x, turn, dimension):
    expected = direction_average(x, 1 + 1j * turn, dimension)
    assert abs(angular_average(x, turn, dimension) - expected) < 1e-10
    deficit = kinetic_deficit(x, turn, dimension)
    assert abs(deficit - (1 - (1 + 1j * turn) * expected)) < 1e-9


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_kinetic_deficit_is_diffusive_at_long_waves(dimension):
    """``D q^2 tau`` with the D of d dimensions, without cancellation, [pumping A13]."""
    assert kinetic_deficit(1e-6, 0.0, dimension) == pytest.approx(1e-12 / dimension, rel=1e-9)


CROSSOVER = [
    # Columns: ell/lambda, ratio to leading order, exact ratio, local share.
    (0.001, 1.3159e-5, 1.3159e-5, 1.3159e-5),
    (0.01, 1.3159e-3, 1.3146e-3, 1.3128e-3),
    (0.03, 1.1844e-2, 1.1733e-2, 1.1597e-2),
    (0.1, 0.13159, 0.12003, 0.10717),
    (0.3, 1.1844, 0.74044, 0.42543),
    (1, 13.159, 3.4468, 0.77512),
    (3, 118.44, 11.419, 0.91948),
]


@pytest.mark.parametrize("row", CROSSOVER)
def test_reference_crossover(row):
    x = 2 * np.pi * row[0]
    ours = (
        abs(local_to_diffusive(x, kernel="diffusive")),
        abs(local_to_diffusive(x)),
        abs(local_share(x)),
    )
    np.testing.assert_allclose(ours, row[1:], rtol=5e-5)


def test_reference_ballistic_ratio():
    """At ell/lambda = 40 the ratio is 159; the leading order gives 21 000."""
    x = 2 * np.pi * 40
    assert abs(local_to_diffusive(x)) == pytest.approx(159, abs=0.5)
    assert abs(local_to_diffusive(x, kernel="diffusive")) == pytest.approx(2.1e4, rel=0.01)


@pytest.mark.parametrize(("dimension", "point"), [(1, 1.0), (2, math.sqrt(3)), (3, 2.331122)])
def test_reference_crossover_point(dimension, point):
    assert crossover_point(dimension) == pytest.approx(point, abs=5e-7)


def test_kinetic_current_is_the_diffusive_one_for_a_short_free_path():
    texture = interface((256,), (40.0,), edges=(10.0, 30.0), width=1.0, frequency=0.4)
    medium = replace(MEDIUM, tau=1e-3, tau_s=3.0)
    local, diffusive = (f.at(0.2) for f in kinetic_current(texture, medium))
    expected = pump(texture, medium).current(1).at(0.2)
    assert np.abs(local + diffusive - expected).max() < 1e-3 * np.abs(expected).max()
    printed = pump(texture, medium).local_current(1).at(0.2)
    assert np.abs(local - printed).max() < 1e-3 * np.abs(local).max()
    assert np.abs(local).max() < 0.01 * np.abs(diffusive).max()


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_kinetic_current_solves_the_kinetic_equation(dimension):
    """A solution that resolves the velocity gives the same, for q ell and W tau of order 1."""
    medium = replace(MEDIUM, tau_s=5.0, dimension=dimension)
    frequency, k = 0.9, 2.0
    node, weight = np.polynomial.legendre.leggauss(200)
    if dimension == 1:
        cosine, share = np.array([-1.0, 1.0]), np.array([0.5, 0.5])
    elif dimension == 2:
        angle = 2 * np.pi * (np.arange(400) + 0.5) / 400
        cosine, share = np.cos(angle), np.full(400, 1 / 400)
    else:
        cosine, share = node, weight / 2
    flight = 1j * frequency + 1j * k * medium.fermi_velocity * cosine + 1 / medium.tau
    source = -medium.equilibrium_density * 1j * frequency
    ours = np.sum(share / flight)  # <f> = ours [(1/tau - 1/tau_s) <f> + source]
    back = 1 / medium.tau - medium.relaxation
    mean = ours * source / (1 - ours * back)
    f = (back * mean + source) / flight
    bare = source / flight
    total, local = (np.sum(share * medium.fermi_velocity * cosine * g) for g in (f, bare))
    texture = spiral((8,), (np.pi,), frequency=frequency, turns=-1)  # S_+ = exp(ikx)
    first, ladder = (g.at(0.0)[0, :2, 0] @ [1, 1j] for g in kinetic_current(texture, medium))
    assert abs(first - local) < 1e-9 * abs(local)
    assert abs(first + ladder - total) < 1e-9 * abs(total)


@pytest.mark.parametrize(("q_ell", "turn"), [(0.03, 3e-5), (0.01, 3e-6)])
def test_kinetic_torque_sides_with_the_full_vertex(q_ell, turn):
    """The torque (2J/hbar) rho_1 x S of the kinetic equation is that of the vertex "full".

    There ``rho_1 = chi (1 - a I)/(1 - I) S``. The printed torque [pumping A1] keeps only one term
    of this ladder series.
    """
    deficit = complex(kinetic_deficit(q_ell, turn, 3))
    density = deficit * (1 + 1j * turn) / (1j * turn + deficit)
    kinetic = -density.imag  # Im(rho_+^* S_+), over chi
    gas = replace(MEDIUM, exchange=1e-9)
    wave_number, frequency = q_ell / gas.mean_free_path, turn / gas.tau
    texture = spiral((8,), (2 * np.pi / wave_number,), frequency=frequency)
    scale = 2 * gas.exchange * gas.equilibrium_density
    torque = {
        vertex: pump(texture, gas, vertex=vertex).dynamic_torque().at()[2, 0] / scale
        for vertex in ("full", "single")
    }
    assert 0 < kinetic / torque["full"] - 1 < q_ell**2
    assert kinetic / torque["single"] == pytest.approx(3 / q_ell**2, rel=0.02)  # 3300, 30000


EFFICIENCY = [("rashba", "transverse"), ("rashba", "longitudinal"), ("impurity", "transverse")]


@pytest.mark.parametrize(("kind", "direction"), EFFICIENCY)
def test_efficiency_is_the_ratio_of_the_computed_currents(kind, direction):
    """The single-mode formulas against [pumping 25] and [pumping 30] on the grid."""
    medium = replace(MEDIUM, rashba=(0, 0, 0.5) if direction == "longitudinal" else (0.5, 0, 0))
    texture = spiral((16,), (2 * np.pi,), frequency=0.4, cone_angle=np.pi / 3)
    pumping = pump(texture, medium)
    ours = conversion_efficiency(medium, 1.0, 0.4, kind=kind, direction=direction)
    if kind == "impurity":
        # First order: the parts polarised along z and y of the currents along y and z, in one row.
        first = pump(texture, replace(medium, exchange=1e-9))
        charge = np.abs(impurity(first).current().rows[2][0]).max()
        spin = np.abs(first.pumped_current(1).rows[0][0]).max()
    else:
        spin = np.abs(pumping.pumped_current(2).rows[0][0]).max()
        rows = rashba(pumping).current().rows
        flow = 0 if direction == "longitudinal" else 2
        charge = np.abs(rows[flow][0]).max()
    assert charge / spin == pytest.approx(ours, rel=1e-8)


@pytest.mark.parametrize(("kind", "direction"), EFFICIENCY)
def test_exact_kernel_meets_the_diffusive_one(kind, direction):
    gas = replace(MEDIUM, rashba=(0, 0.3, 0.5))
    both = [
        conversion_efficiency(gas, 1e-3, 1e-4, kind=kind, direction=direction, kernel=kernel)
        for kernel in ("diffusive", "boltzmann")
    ]
    assert both[1] == pytest.approx(both[0], rel=2e-3)
    far = conversion_efficiency(gas, 300.0, 0.0, kind="impurity", kernel="boltzmann")
    assert far == pytest.approx(gas.impurity_conversion, rel=0.01)  # all of it is local


def test_rashba_over_impurity_is_free_of_tau():
    """The ratio is (3/4) (E_so k_F/e_F) / (lambda_so k_F^2) (k_F/q)."""
    for tau in (0.7, 0.05):
        gas = replace(MEDIUM, rashba=(0, 0, 0.5), tau=tau)
        q = 0.1
        ratio = conversion_efficiency(gas, q, 0.0, kind="rashba") / conversion_efficiency(
            gas, q, 0.0, kind="impurity"
        )
        assert ratio == pytest.approx(0.75 * (0.5 * 2 / 2) / (0.4 * 4) * 2 / q, rel=1e-12)


def test_platinum_like_numbers():
    """For 1 nm, 10 nm and 10 GHz the ratio is 0.12, while (ell/lambda)^2 = 0.01."""
    gas = Medium.from_lab(exchange_meV=1, fermi_energy_eV=5, mean_free_path_nm=1.0)
    turn = 2 * np.pi * 10e9 * gas.tau
    assert turn == pytest.approx(4.7e-5, rel=0.02)
    q_ell = 2 * np.pi * 0.1
    assert abs(local_to_diffusive(q_ell, turn)) == pytest.approx(0.12003, rel=1e-3)
