"""Bad input ends in one sentence, doubtful input in a warning: [pumping 1], [pumping 6]."""

import math
import warnings

import numpy as np
import pytest

from hopnet.errors import ParameterError, ValidityWarning
from hopnet.pumping.conversion import conversion_efficiency, rashba
from hopnet.pumping.crossover import kinetic_current, kinetic_deficit
from hopnet.pumping.currents import pump
from hopnet.pumping.diffusion import propagate
from hopnet.pumping.medium import Medium
from hopnet.pumping.named_textures import interface, moving_wall, skyrmion, spiral
from hopnet.pumping.orders import solve_all_orders
from hopnet.pumping.texture import (
    PeriodicTexture,
    RigidTexture,
    TimeSeries,
    grid_points,
    sample_texture,
)
from hopnet.pumping.texture_file import load_texture, save_texture

MEDIUM = {"exchange": 0.001, "tau": 0.05, "density_of_states": 1.3, "fermi_energy": 2.0}
GOOD = Medium(**MEDIUM, tau_s=3.0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"tau": 0.0}, "tau must be a finite number above 0"),
        ({"tau": math.nan}, "tau must be a finite number above 0"),
        ({"density_of_states": -1.0}, "density_of_states"),
        ({"mass": 0.0}, "mass"),
        ({"fermi_energy": math.inf}, "fermi_energy"),
        ({"tau_s": 0.0}, "tau_s"),
        ({"tau_s": math.nan}, "tau_s"),
        ({"dimension": 4}, "dimension"),
        ({"exchange": math.nan}, "exchange"),
        ({"rashba": (1.0, 2.0)}, "rashba"),
        ({"impurity": math.inf}, "impurity"),
    ],
)
def test_bad_medium(change, words):
    with pytest.raises(ParameterError, match=words):
        Medium(**MEDIUM | change)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, "one of mean_free_path_nm and tau_fs"),
        ({"tau_fs": 1.0, "mean_free_path_nm": 1.0}, "one of mean_free_path_nm and tau_fs"),
        ({"tau_fs": 1.0, "tau_s_ps": 1.0, "spin_diffusion_length_nm": 1.0}, "twice"),
        ({"tau_fs": -1.0}, "tau_fs"),
        ({"tau_fs": 1.0, "mass": 0.0}, "mass"),
    ],
)
def test_bad_laboratory_numbers(change, words):
    with pytest.raises(ParameterError, match=words):
        Medium.from_lab(exchange_meV=1.0, fermi_energy_eV=5.0, **change)


FRAMES = np.random.default_rng(4).normal(size=(3, 6, 5))


@pytest.mark.parametrize(
    ("spin", "lengths", "period", "words"),
    [
        (np.zeros((2, 4, 5)), (1.0,), 1.0, "shape"),
        (np.zeros((3, 5)), (1.0,), 1.0, "shape"),
        (np.zeros((3, 2, 2, 2, 2, 5)), (1.0,) * 4, 1.0, "shape"),
        (FRAMES, (1.0, 1.0), 1.0, "lengths"),
        (FRAMES, (-1.0,), 1.0, "lengths"),
        (FRAMES, (1.0,), 0.0, "period"),
        (FRAMES[..., :2], (1.0,), 1.0, "at least 3"),
        (FRAMES * np.nan, (1.0,), 1.0, "finite"),
        (FRAMES + 0j, (1.0,), 1.0, "real"),
        (np.concatenate([FRAMES, FRAMES[..., :1]], axis=-1), (1.0,), 1.0, "repeats the first"),
    ],
)
def test_bad_periodic_texture(spin, lengths, period, words):
    with pytest.raises(ParameterError, match=words):
        PeriodicTexture(spin, lengths, period)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"z": np.ones(4)}, "one shape"),
        ({"z": np.ones(3) + 0j}, "real"),
        ({"plus": np.full(3, np.inf)}, "finite"),
        ({"velocity": (1.0, 2.0)}, "velocity"),
        ({"frequency": math.nan}, "frequency"),
        ({"lengths": (0.0,)}, "lengths"),
    ],
)
def test_bad_rigid_texture(change, words):
    good = {"plus": np.ones(3), "z": np.ones(3), "lengths": (1.0,), "frequency": 1.0}
    with pytest.raises(ParameterError, match=words):
        RigidTexture(**good | change)


def test_too_many_axes():
    with pytest.raises(ParameterError, match="1 to 3 axes"):
        RigidTexture(np.ones((2, 2, 2, 2)), np.ones((2, 2, 2, 2)), (1.0,) * 4)


@pytest.mark.parametrize(
    ("time", "words"),
    [
        (np.arange(4.0), "time"),
        (np.array([0.0, 1, 1, 2, 3]), "increasing"),
        (np.arange(5.0)[::-1], "increasing"),
    ],
)
def test_bad_time_series(time, words):
    with pytest.raises(ParameterError, match=words):
        TimeSeries(FRAMES, (1.0,), time)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: spiral((8,), (1.0,), frequency=1.0, turns=0.5), "whole numbers"),
        (lambda: spiral((8,), (1.0,), frequency=1.0, turns=(1, 1)), "turns"),
        (lambda: interface((8,), (1.0,), edges=(1, 2, 3), width=1.0, frequency=1.0), "edges"),
        (lambda: interface((8,), (1.0,), edges=0.5, width=0.0, frequency=1.0), "width"),
        (lambda: skyrmion((8,), (1.0,), radius=1.0, frequency=1.0), "two axes"),
        (lambda: skyrmion((8, 8), (1.0, 1.0), radius=-1.0, frequency=1.0), "radius"),
        (lambda: moving_wall((8,), (1.0,), width=math.nan, velocity=1.0), "width"),
        (lambda: sample_texture(lambda x, t: (x, x, x), (4,), (1.0,), period=1.0), "n_times"),
        (lambda: pump("spiral", GOOD), "RigidTexture"),
        (lambda: pump(spiral((8,), (1.0,), frequency=1.0), GOOD, vertex="half"), "vertex"),
        (lambda: pump(spiral((8,), (1.0,), frequency=1.0), GOOD, zero_mode="no"), "zero_mode"),
        (lambda: propagate(np.ones((3, 3)), GOOD, (1.0,)), "period or time"),
        (lambda: propagate(np.ones(3), GOOD, (1.0,), period=1.0), "axes"),
        (lambda: propagate(np.ones((3, 3)) * 1j, GOOD, (1.0,), period=1.0), "real"),
        (lambda: propagate(np.ones((3, 3)), GOOD, (1.0,), period=-1.0), "positive"),
        (lambda: kinetic_deficit(1.0, 0.0, 4), "dimension"),
        (lambda: kinetic_current(TimeSeries(FRAMES, (1.0,), np.arange(5.0)), GOOD), "TimeSeries"),
        (lambda: conversion_efficiency(GOOD, 1.0, 1.0, kind="iron"), "kind"),
        (lambda: conversion_efficiency(GOOD, 0.0, 1.0, kind="rashba"), "wave_number"),
        (
            lambda: solve_all_orders(spiral((8,), (1.0,), frequency=1.0), Medium(**MEDIUM)),
            "finite tau_s",
        ),
    ],
)
def test_bad_calls(call, words):
    with pytest.raises(ParameterError, match=words):
        call()


def test_bad_questions_of_a_result():
    pumping = pump(spiral((8,), (1.0,), frequency=1.0), GOOD)
    with pytest.raises(ParameterError, match="order"):
        pumping.density(order=3)
    with pytest.raises(ParameterError, match="at\\(time\\)"):
        _ = pumping.density().array
    with pytest.raises(ParameterError, match="sample a PeriodicTexture"):
        pumping.hall_driven_current((0, 0, 1.0), 1.0)
    with pytest.raises(ParameterError, match="field must hold"):
        rashba(pumping, np.ones((3, 7)))
    wall = pump(moving_wall((32,), (8.0,), width=1.0, velocity=0.1), GOOD)
    with pytest.raises(ParameterError, match="does not move"):
        rashba(wall, np.zeros((3, 32)))
    with pytest.warns(ValidityWarning, match="finite grid"):  # white noise has no smooth next frame
        series = pump(TimeSeries(FRAMES[:, :5], (90.0,), np.arange(5.0)), GOOD)
    with pytest.raises(ParameterError, match="one of the samples"):
        series.density().at(0.5)
    assert series.density().at(2.0).shape == (3, 5)


def test_integers_are_converted():
    texture = PeriodicTexture(np.arange(3 * 4 * 3).reshape(3, 4, 3) % 5, (1,), 1)
    assert texture.spin.dtype == float
    assert not texture.spin.flags.writeable


def test_any_length_of_the_spin_and_a_static_period():
    pumping = pump(PeriodicTexture(np.full((3, 5, 1), 0.3), (2.0,), 1.0), GOOD)
    assert not pumping.dynamic_torque().array.any()


# warnings --------------------------------------------------------------------------------------


def heard(call):
    with pytest.warns(ValidityWarning) as record:
        call()
    return " | ".join(str(w.message) for w in record)


def test_a_safe_calculation_is_silent():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        pump(spiral((16,), (10.0,), frequency=0.4), GOOD)
    assert caught == []


@pytest.mark.parametrize(
    ("change", "frequency", "length", "words"),
    [
        ({"exchange": 0.2}, 0.4, 10.0, r"\(2J/hbar\) / |D q\^2"),
        ({"tau": 3.0}, 0.4, 6.0, "q ell"),
        ({}, 40.0, 10.0, "Omega tau"),
        ({"tau_s": 0.01}, 0.4, 10.0, "tau / tau_s"),
        ({"exchange": 3.0}, 0.4, 10.0, "J tau / hbar"),
    ],
)
def test_doubtful_parameters_are_named(change, frequency, length, words):
    medium = Medium(**MEDIUM | {"tau_s": 3.0} | change)
    message = heard(lambda: pump(spiral((16,), (length,), frequency=frequency), medium))
    assert words.replace("\\", "") in message


def test_ladder_warning_gives_the_size_of_the_error():
    """At a ratio of 0.15 the second order in J has an error of about this size."""
    medium = Medium(**MEDIUM | {"exchange": 0.05, "tau": 0.1}, tau_s=3.0)
    texture = spiral((16,), (2 * np.pi,), frequency=0.4)
    message = heard(lambda: pump(texture, medium))
    ratio = float(message.split("got ")[1].split(";")[0])
    rate = abs(medium.diffusion + 1 / 3 + 0.4j)
    assert ratio == pytest.approx(0.1 / rate, rel=0.01)


def test_validity_numbers():
    medium = Medium(**MEDIUM, tau_s=3.0, rashba=(0.0, 0.3, 0.4))
    number = medium.validity(2.0, 0.4, size=2.0)
    rate = abs(medium.diffusion * 4 + 1 / 3 + 0.4j)
    expected = {
        "q_ell": 2 * 2 * 0.05,
        "frequency_tau": 0.02,
        "exchange": 1e-4,
        "rashba": 0.5 * 2 * 0.05,
        "ladder": 4e-3 / rate,
        "relaxation": 0.05 / 3,
    }
    assert number._asdict() == pytest.approx(expected)
    assert Medium(**MEDIUM).validity(0.0, 0.0).ladder == math.inf


def test_strong_rashba_coupling_is_named():
    pumping = pump(spiral((16,), (10.0,), frequency=0.4), GOOD)
    assert "E_so k_F tau / hbar" in heard(lambda: rashba(pumping, (0, 0, 3.0)))
    rashba(pumping, (0, 0, 0.1))


def test_secular_growth_is_named_and_refused_when_strict():
    texture = spiral((16,), (10.0,), frequency=0.4)
    assert "grows at the rate" in heard(lambda: pump(texture, Medium(**MEDIUM)))
    with pytest.raises(ParameterError, match="grows at the rate"):
        pump(texture, Medium(**MEDIUM), strict=True)


def test_a_texture_that_does_not_close_is_named():
    x = grid_points((16,), (10.0,))[0]
    message = heard(lambda: pump(RigidTexture(x / 10 + 0j, 0 * x, (10.0,), 0.4), GOOD))
    assert "Nyquist" in message


def test_removed_norm_is_exact():
    """For white noise the squared norms of the removed and of the remaining part add up to 1."""
    spin = np.random.default_rng(5).normal(size=(3, 8, 6, 8))
    with pytest.warns(ValidityWarning):
        pumping = pump(PeriodicTexture(spin, (3.0, 2.0), 2.0), GOOD)
    kept = np.linalg.norm(np.stack(pumping.spin())) / np.linalg.norm(spin)
    assert pumping.removed**2 + kept**2 == pytest.approx(1, rel=1e-12)


# files -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "texture",
    [
        RigidTexture(np.ones(4) * 1j, np.ones(4), (2.0,), 0.3, (0.5,)),
        PeriodicTexture(FRAMES, (2.0,), 3.0),
        TimeSeries(FRAMES, (2.0,), np.arange(5.0)),
    ],
)
def test_a_texture_survives_the_file(texture, tmp_path):
    save_texture(tmp_path / "texture.npz", texture)
    again = load_texture(tmp_path / "texture.npz")
    assert type(again) is type(texture)
    for name in texture.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(again, name), getattr(texture, name))


def test_a_file_made_by_hand_and_bad_files(tmp_path):
    path = tmp_path / "hand.npz"
    np.savez(path, spin=FRAMES, lengths=[2.0], period=3.0)
    assert load_texture(path).period == 3.0
    np.savez(path, spin=FRAMES, lengths=[2.0])
    with pytest.raises(ParameterError, match="rename"):
        load_texture(path)
    path.write_text("nothing")
    with pytest.raises(ParameterError, match="readable"):
        load_texture(path)
    with pytest.raises(ParameterError, match="readable"):
        load_texture(tmp_path / "missing.npz")
