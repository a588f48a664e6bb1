"""The error from a finite grid: its estimate must cover it; cells and their centres.

[pumping 5], [pumping 7], [pumping 9], [pumping 10], [pumping 14].
"""

import math
import warnings
from dataclasses import replace

import numpy as np
import pytest

from hopnet.errors import ParameterError, ValidityWarning
from hopnet.pumping import grid
from hopnet.pumping.contacts import INSULATING, RESERVOIR, solve_junction
from hopnet.pumping.currents import pump
from hopnet.pumping.medium import Medium
from hopnet.pumping.named_textures import (
    interface,
    moving_wall,
    skyrmion,
    spiral,
    standing_wave,
)
from hopnet.pumping.report import answer
from hopnet.pumping.run_file import parse_run_file
from hopnet.pumping.texture import PeriodicTexture, RigidTexture, TimeSeries, grid_points

GAS = Medium(exchange=0.3, tau=0.7, density_of_states=1.3, fermi_energy=2.0, tau_s=3.0)
LENGTH = 10.0

# random textures -------------------------------------------------------------------------------


def around(x):
    """Signed distance on the periodic box, between minus and plus half of its length."""
    return (x + LENGTH / 2) % LENGTH - LENGTH / 2


def random_wall(rng, width):
    angle, velocity = rng.uniform(0, 6), rng.uniform(-1, 1)
    return lambda n: moving_wall((n,), (LENGTH,), width=width, velocity=velocity, angle=angle)


def random_interface(rng, width):
    edges = np.sort(rng.uniform(0.2, 0.8, 2)) * LENGTH
    cone = rng.uniform(0.2, 2.9)
    return lambda n: interface(
        (n,), (LENGTH,), edges=edges, width=width, frequency=0.4, cone_angle=cone
    )


def random_spectrum(rng, width):
    """Amplitudes of random phase that fall exponentially or as a power (kinks and jumps)."""
    number = np.arange(-400, 401)
    if rng.random() < 0.5:
        size = np.exp(-2 * width * np.abs(number))
    else:
        size = np.maximum(np.abs(number), 1.0) ** -rng.uniform(2.0, 5.0)
    hat = size * (rng.normal(size=(2, 801)) + 1j * rng.normal(size=(2, 801)))

    def make(n):
        wave = np.exp(2j * np.pi * np.outer(np.arange(n) / n, number))
        plus, z = (wave @ h for h in hat)
        return RigidTexture(plus, z.real, (LENGTH,), 0.4)

    return make


def random_bumps(rng, width):
    size, centre = rng.normal(size=6), rng.uniform(0, LENGTH, 2)

    def make(n):
        x = np.arange(n) * LENGTH / n
        narrow = np.exp(-0.5 * (around(x - centre[0]) / width) ** 2)
        wide = np.exp(-0.5 * (around(x - centre[1]) / (2 * width)) ** 2)
        plus = size[0] * narrow + 1j * size[1] * wide + 0.3 * size[2]
        z = size[3] * narrow + size[4] * wide + 0.3 * size[5]
        return RigidTexture(plus, z, (LENGTH,), 0.4, (0.3 * size[0],))

    return make


def random_skyrmion(rng, width):
    centre = LENGTH / 2 + rng.uniform(-1, 1, 2)
    return lambda n: skyrmion(
        (n, n), (LENGTH, LENGTH), radius=1.5 * width, frequency=0.4, centre=centre
    )


def random_waves_in_time(rng, width):
    """Waves of several wave numbers and harmonics, sampled in space and time."""
    number, harmonic = np.arange(-30, 31), np.arange(-30, 31)
    size = np.exp(-2 * width * np.abs(number)[:, None] - 1.2 * np.abs(harmonic)[None, :])
    hat = size * (rng.normal(size=(3, 61, 61)) + 1j * rng.normal(size=(3, 61, 61)))

    def make(n):
        x = np.exp(2j * np.pi * np.outer(np.arange(n) / n, number))
        t = np.exp(2j * np.pi * np.outer(np.arange(n) / n, harmonic))
        return PeriodicTexture((x @ hat @ t.T).real, (LENGTH,), 12.0)

    return make


def random_series(rng, width):
    """A turning texture with a uniform part that is switched on, sampled at equal steps."""
    phase, size = rng.uniform(0, 6, 3), rng.normal(size=3)

    def make(n):
        x, t = 2 * np.pi * np.arange(n)[:, None] / n, 6.0 * np.arange(n)[None, :] / n
        fast = t / (1 + 3 * width)
        spin = [
            size[0] * np.cos(fast - x + phase[0]) + t**2 / (9 + t**2),
            size[1] * np.sin(fast - 2 * x + phase[1]),
            size[2] * np.cos(x + phase[2]) + 0 * t,
        ]
        return TimeSeries(np.stack(spin), (LENGTH,), t[0])

    return make


# For each kind: range of the number of points, and least number of points of the fine grid.
KINDS = {
    random_wall: (8, 200, 1600),
    random_interface: (8, 200, 2400),
    random_spectrum: (8, 200, 1600),
    random_bumps: (8, 200, 1600),
    random_skyrmion: (8, 48, 192),
    random_waves_in_time: (8, 40, 160),
    random_series: (8, 60, 480),
}
FIELDS = {
    "density 1": lambda p: p.density(1),
    "density 2": lambda p: p.density(2),
    "pumped current 1": lambda p: p.pumped_current(1),
    "pumped current 2": lambda p: p.pumped_current(2),
}


def survey(n_cases, seed):
    """True and estimated errors of random textures on random grids, per case and field."""
    rng = np.random.default_rng(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ValidityWarning)
        for case in range(n_cases):
            kind = list(KINDS)[rng.integers(len(KINDS))]
            least, most, fine = KINDS[kind]
            n = int(np.exp(rng.uniform(np.log(least), np.log(most))))
            # At least one cell wide: the samples cannot show anything narrower.
            width = max(LENGTH * math.exp(rng.uniform(math.log(0.01), math.log(0.1))), LENGTH / n)
            make = kind(rng, width)
            medium = replace(GAS, tau_s=(math.inf, 3.0, 0.3)[rng.integers(3)])
            vertex = ("single", "full")[rng.integers(2)]
            times = -(-fine // n)
            coarse, exact = (pump(make(m), medium, vertex=vertex) for m in (n, n * times))
            tail = grid.tail(coarse)
            relative = coarse.numerical_error()
            for name, field in FIELDS.items():
                error = difference(coarse, exact, field, times)
                # Error of the fine grid itself: its rounding, and a small error of its own grid.
                allowed = coarse.numerical_error(field) + 1e-11 * size_of(coarse, field)
                yield case, kind.__name__, n, name, error, allowed, tail, relative


def size_of(pumping, field):
    return float(np.abs(values(pumping, field)).max())


def values(pumping, field):
    """All components of a field, with time as the last axis; of a rigid texture its components."""
    return [np.stack(np.broadcast_arrays(*row)) for row in field(pumping).rows]


def difference(coarse, exact, field, times):
    """Largest error of a field at the points and times of the coarse grid."""
    worst = 0.0
    for ours, theirs in zip(values(coarse, field), values(exact, field)):
        step = (slice(None), *(slice(None, None, times) for _ in ours.shape[1:]))
        change = np.sqrt((np.abs(ours - theirs[step]) ** 2).sum(axis=0))
        worst = max(worst, float(change.max()))
    return worst


def check_survey(n_cases, seed):
    rows = list(survey(n_cases, seed))
    outside = [row for row in rows if not row[4] <= row[5]]
    assert not outside, f"{len(outside)} of {len(rows)} not covered: {outside[:5]}"
    silent = [row for row in rows if row[6] <= grid.TAIL and row[7] > grid.WARNED]
    assert not silent, f"too coarse, and nobody is warned: {silent[:5]}"
    return rows


def test_the_estimate_covers_the_error():
    rows = check_survey(20, seed=2718)
    assert {row[1] for row in rows} == {kind.__name__ for kind in KINDS}


@pytest.mark.slow
def test_the_estimate_covers_the_error_of_a_thousand_textures():
    rows = check_survey(1000, seed=31415)
    useful = [row for row in rows if row[4] < 1e-4 * row[5] and math.isfinite(row[5])]
    certain = [row for row in rows if math.isfinite(row[5])]
    assert len(certain) > 0.5 * len(rows)  # an estimate that is always infinite says nothing
    assert len(useful) < 0.5 * len(rows)


# walls on too coarse a grid --------------------------------------------------------------------


METAL = Medium.from_lab(
    exchange_meV=3, fermi_energy_eV=5, mean_free_path_nm=0.5, spin_diffusion_length_nm=1.5
)
# Largest pumped current of runs/pumping_wall.toml (A/m^2), vertex "full", on 1024 and 4096 points.
WALL_CURRENT = 9.87e7


def sampled_wall(n):
    """A wall of 5 nm in 200 nm, given as samples: hopnet does not know its width."""
    fine = moving_wall((16 * n,), (2e-7,), width=5e-9, velocity=200.0)
    return RigidTexture(fine.plus[::16], fine.z[::16], fine.lengths, 0.0, fine.velocity)


@pytest.mark.parametrize("n", [4, 5, 6, 7, 8, 12, 16])
def test_a_wall_on_too_coarse_a_grid_is_warned_about(n):
    """On 16 and 4 cells the current is 5.1e7 and 3.2e6 A/m^2 instead of 9.87e7."""
    with pytest.warns(ValidityWarning) as record:  # with 6 points also about Nyquist waves
        pumping = pump(sampled_wall(n), METAL, vertex="full")
    assert any("finite grid" in str(w.message) for w in record)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exact = pump(sampled_wall(1024), METAL, vertex="full")
    largest = METAL.charge_equivalent(np.abs(exact.pumped_current().at()).max())
    assert largest == pytest.approx(WALL_CURRENT, rel=1e-3)
    found = METAL.charge_equivalent(np.abs(pumping.pumped_current().at()).max())
    bound = METAL.charge_equivalent(1.0) * pumping.numerical_error(lambda p: p.pumped_current())
    assert abs(found - WALL_CURRENT) <= bound


@pytest.mark.filterwarnings("ignore::hopnet.errors.ValidityWarning")
@pytest.mark.parametrize("n", [4, 16])
def test_strict_refuses_too_coarse_a_grid(n):
    with pytest.raises(ParameterError, match="finite grid"):
        pump(sampled_wall(n), METAL, vertex="full", strict=True)


@pytest.mark.parametrize("n", [4, 16])
def test_a_named_texture_narrower_than_a_step_is_refused(n):
    with pytest.raises(ParameterError, match="width must be at least one step"):
        moving_wall((n,), (2e-7,), width=5e-9, velocity=200.0)
    with pytest.raises(ParameterError, match="radius must be at least one step"):
        skyrmion((n, n), (2e-7, 2e-7), radius=5e-9, frequency=1e10)
    with pytest.raises(ParameterError, match="width must be at least one step"):
        interface((n,), (2e-7,), edges=(5e-8, 1.5e-7), width=5e-9, frequency=1e10)


def test_a_resolved_wall_is_silent_and_right():
    pumping = pump(moving_wall((1024,), (2e-7,), width=5e-9, velocity=200.0), METAL, vertex="full")
    largest = METAL.charge_equivalent(np.abs(pumping.pumped_current().at()).max())
    assert largest == pytest.approx(WALL_CURRENT, rel=1e-3)
    assert pumping.numerical_error() < 1e-9


@pytest.mark.parametrize("turns", [8, 9, -16])
def test_a_spiral_that_turns_faster_than_the_grid_is_refused(turns):
    """On 16 points, 9 turns have the same samples as -7."""
    with pytest.raises(ParameterError, match="turns must stay below half the points"):
        spiral((16,), (1.0,), frequency=1.0, turns=turns)
    with pytest.raises(ParameterError, match="turns must stay below half the points"):
        standing_wave((16,), (1.0,), frequency=1.0, turns=turns)


WALL_FILE = """
[medium]
exchange_meV = 3.0
fermi_energy_eV = 5.0
mean_free_path_nm = 0.5
spin_diffusion_length_nm = 1.5
[texture]
kind = "moving_wall"
shape = [{n}]
lengths_nm = [200.0]
width_nm = {width}
velocity_m_s = 200.0
"""


@pytest.mark.filterwarnings("ignore::hopnet.errors.ValidityWarning")
def test_a_run_states_the_error_of_its_grid_or_is_refused():
    summary = answer(parse_run_file(WALL_FILE.format(n=128, width=5.0), "x.toml")).summary
    assert summary["checks"]["numerical error of the grid, relative"] < 0.05
    spin = summary["spin, largest on the grid"]
    assert spin["pumped current, numerical error [A/m2]"] < 0.05 * WALL_CURRENT
    with pytest.raises(ParameterError, match="must resolve the texture"):
        answer(parse_run_file(WALL_FILE.format(n=17, width=12.0), "x.toml"))


def test_fields_that_cancel_have_no_error():
    """A flat spiral has no second-order current; its rounding is not an error of the grid."""
    pumping = pump(spiral((16,), (10.0,), frequency=0.4), replace(GAS, exchange=0.001, tau=0.05))
    assert pumping.numerical_error() < 1e-9


def test_a_static_texture_has_no_error():
    spin = np.random.default_rng(9).normal(size=(3, 9, 1))
    pumping = pump(PeriodicTexture(spin * 0 + 0.5, (3.0,), 1.0), GAS)
    assert pumping.numerical_error() == 0.0


@pytest.mark.parametrize("n", [8, 9, 15, 16])
def test_every_second_sample_is_that_of_the_function(n):
    """This holds for a band-limited function, for even and odd numbers of points."""

    def function(m):
        x = 2 * np.pi * np.arange(m) / m
        return 0.3 + np.cos(x) + 0.7j * np.sin(2 * x) + 0.2 * np.cos(3 * x + 1)

    thinned = grid.every_second(function(n), 0)
    np.testing.assert_allclose(thinned, function((n + 1) // 2), atol=1e-13)


def test_questions_about_the_error_are_checked():
    pumping = pump(spiral((16,), (10.0,), frequency=0.4), replace(GAS, exchange=0.001, tau=0.05))
    for field in ("density", 3, lambda p: 1.0):
        with pytest.raises(ParameterError, match="lambda p"):
            pumping.numerical_error(field)
    wave = standing_wave((64,), (4.0,), frequency=0.4, cell_centred=True)
    with pytest.raises(ParameterError, match="field must be one of"):
        solve_junction(wave, replace(GAS, exchange=1e-3, tau=0.05)).numerical_error("charge")


# cells and their centres -----------------------------------------------------------------------


def exact_spiral_between_reservoirs(x, medium, length, frequency, q):
    """First-order potential of ``S_+ = exp(i (W t - q x))`` with mu = 0 at both walls."""
    z = 1j * frequency + medium.relaxation
    kappa = np.sqrt(z / medium.diffusion)
    size = -medium.equilibrium_density * medium.diffusion * 1j * frequency
    size = size / (z + medium.diffusion * q**2)
    # a particular solution, and two exponentials that remove it at the walls
    matrix = [[1, 1], [np.exp(kappa * length), np.exp(-kappa * length)]]
    up, down = np.linalg.solve(matrix, [-size, -size * np.exp(-1j * q * length)])
    return size * np.exp(-1j * q * x) + up * np.exp(kappa * x) + down * np.exp(-kappa * x)


@pytest.mark.filterwarnings("ignore::hopnet.errors.ValidityWarning")
def test_a_spiral_between_contacts_stands_where_its_cells_are():
    """The error is of second order in the cell; with samples at left edges it is of first order."""
    length, q = 4.0, 2 * np.pi / 4.0
    errors = []
    for n in (100, 200):
        texture = spiral((n,), (length,), frequency=0.4, cell_centred=True)
        junction = solve_junction(texture, GAS, left=RESERVOIR, right=RESERVOIR)
        exact = exact_spiral_between_reservoirs(junction.position, GAS, length, 0.4, q)
        errors.append(np.abs(junction.first[0] - exact).max() / np.abs(exact).max())
        assert errors[-1] <= junction.numerical_error()
    assert errors[1] < 1e-4
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.02)
    edges = spiral((200,), (length,), frequency=0.4)
    shifted = RigidTexture(edges.plus, edges.z, edges.lengths, edges.frequency)
    off = solve_junction(shifted, GAS, left=RESERVOIR, right=RESERVOIR).first[0] - exact
    assert np.abs(off).max() > 100 * errors[1] * np.abs(exact).max()


NAMED = {
    "spiral": lambda c, n=8: spiral((n,), (4.0,), frequency=0.4, cell_centred=c),
    "standing_wave": lambda c, n=8: standing_wave((n,), (4.0,), frequency=0.4, cell_centred=c),
    "interface": lambda c, n=8: interface(
        (n,), (4.0,), edges=1.0, width=0.5, frequency=0.4, cell_centred=c
    ),
    "moving_wall": lambda c, n=8: moving_wall(
        (n,), (4.0,), width=0.5, velocity=0.4, cell_centred=c
    ),
    "skyrmion": lambda c, n=8: skyrmion(
        (n, n), (4.0, 4.0), radius=0.5, frequency=0.4, cell_centred=c
    ),
}


@pytest.mark.parametrize("name", NAMED)
def test_every_texture_honours_cell_centred(name):
    """The centres of 8 cells are the second, fourth, ... of 16 edges."""
    centres, edges = NAMED[name](True), NAMED[name](False, 16)
    odd = (slice(1, None, 2),) * len(edges.shape)
    np.testing.assert_allclose(centres.plus, edges.plus[odd], atol=1e-13)
    np.testing.assert_allclose(centres.z, edges.z[odd], atol=1e-13)
    assert (centres.cell_centred, edges.cell_centred) == (True, False)


@pytest.mark.parametrize("name", ["spiral", "standing_wave", "interface"])
def test_a_junction_refuses_samples_at_the_edges_of_cells(name):
    with pytest.raises(ParameterError, match="cell_centred=True"):
        solve_junction(NAMED[name](False), GAS)


def test_a_run_file_with_contacts_samples_at_the_centres(tmp_path):
    for kind in ("spiral", "standing_wave"):
        text = WALL_FILE.format(n=64, width=1.0).replace("moving_wall", kind)
        text = text.replace("width_nm = 1.0", "frequency_GHz = 10.0")
        text = text.replace("velocity_m_s = 200.0", '[contacts]\nright = "reservoir"')
        run = parse_run_file(text, tmp_path / "x.toml")
        texture = run.texture.build(cell_centred=True)
        x = grid_points((64,), (2e-7,), cell_centred=True)[0]
        wave = np.exp(-2j * np.pi * x / 2e-7) if kind == "spiral" else np.cos(2 * np.pi * x / 2e-7)
        np.testing.assert_allclose(texture.plus, wave, atol=1e-12)


# the error of a junction -----------------------------------------------------------------------


def junction_survey(n_cases, seed):
    rng = np.random.default_rng(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ValidityWarning)
        for case in range(n_cases):
            n = int(np.exp(rng.uniform(np.log(8), np.log(150))))
            width = max(rng.uniform(0.1, 2.0), LENGTH / n)
            edge, cone = rng.uniform(2, 8), rng.uniform(0.2, 2.9)
            turns, sampled = rng.integers(1, 3), rng.random() < 0.3

            def make(m, width=width, edge=edge, cone=cone, turns=turns, sampled=sampled):
                wall = interface(
                    (m,),
                    (LENGTH,),
                    edges=edge,
                    width=width,
                    frequency=0.4,
                    cone_angle=cone,
                    cell_centred=True,
                )
                x = grid_points((m,), (LENGTH,), cell_centred=True)[0]
                plus = wall.plus * np.exp(2j * np.pi * turns * x / LENGTH)
                if not sampled:
                    return RigidTexture(plus, wall.z, (LENGTH,), 0.4, cell_centred=True)
                turned = plus[:, None] * np.exp(2j * np.pi * np.arange(5) / 5)
                spin = np.stack([turned.real, turned.imag, wall.z[:, None] + 0 * turned.real])
                return PeriodicTexture(spin, (LENGTH,), 5 * np.pi, cell_centred=True)

            left, right = ((INSULATING, RESERVOIR, 0.3, 5.0)[i] for i in rng.integers(4, size=2))
            medium = replace(GAS, tau_s=(math.inf, 3.0, 0.3)[rng.integers(3)])
            options = {"left": left, "right": right, "vertex": ("single", "full")[case % 2]}
            # With an odd multiple the centres of the cells are also centres of fine cells.
            times = 2 * (600 // n) + 1
            ours, exact = (solve_junction(make(m), medium, **options) for m in (n, n * times))
            for name in ("potential", "density", "pumped_current"):
                for order in (1, 2):
                    a, b = (getattr(j, f"{name}_parts")(order) for j in (ours, exact))
                    first = 0 if name == "pumped_current" else times // 2
                    change = [p - q[first::times] for p, q in zip(a, b)]
                    error = float(np.sqrt(sum(np.abs(c) ** 2 for c in change)).max())
                    bound = ours.numerical_error(name, order)
                    yield case, n, name, order, error, bound, options, medium.tau_s


def check_junctions(n_cases, seed):
    rows = list(junction_survey(n_cases, seed))
    outside = [row for row in rows if not row[4] <= row[5]]
    assert not outside, f"{len(outside)} of {len(rows)} not covered: {outside[:5]}"
    return rows


def test_the_estimate_covers_the_error_of_junctions():
    check_junctions(20, seed=577)


@pytest.mark.slow
def test_the_estimate_covers_the_error_of_a_thousand_junctions():
    rows = check_junctions(1000, seed=1618)
    assert sum(math.isfinite(row[5]) for row in rows) > 0.5 * len(rows)


def test_a_coarse_junction_is_warned_about():
    texture = interface((10,), (10.0,), edges=4.0, width=1.0, frequency=0.4, cell_centred=True)
    gas = replace(GAS, exchange=1e-3, tau=0.05, tau_s=0.3)
    with pytest.warns(ValidityWarning, match="finite cells"):
        junction = solve_junction(texture, gas, right=RESERVOIR)
    assert junction.numerical_error() > grid.WARNED
