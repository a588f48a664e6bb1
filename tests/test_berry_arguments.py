"""Spin currents from Berry connections: wrong arguments give one sentence, not a wrong number.

Equations [berry 10], [berry 11].
"""

import math
import warnings

import numpy as np
import pandas as pd
import pytest

import hopnet.berry as room
from hopnet.berry import (
    AdaptiveZone,
    Integral,
    Model,
    PeriodicGrid,
    Rays,
    SpinHall,
    Treatment,
    ZoneLines,
    from_callables,
    from_hoppings,
    from_terms,
    haldane,
    luttinger_well,
    qwz,
    spin_hall,
    subbands,
)
from hopnet.berry.models import SX, SY, SZ
from hopnet.errors import HopnetError, ParameterError, ValidityWarning

SQUARE = 2.0 * np.pi * np.eye(2)


def cone(k):
    return k[:, 0, None, None] * SX + k[:, 1, None, None] * SY + 0.1 * SZ


def cone_slope(k, axis):
    return np.ones((len(k), 1, 1)) * (SX, SY)[axis]


GRID, RAYS = PeriodicGrid(4), Rays(0.5, 2, accuracy=0.5, panels=1)
ONE = {"lattice": np.eye(2), "positions": [[0, 0], [0.5, 0.5]], "onsite": [0.0, 0.0]}
BULK = {"levels": 1, "directions": "z"}
CALLS = {
    "AdaptiveZone": {"accuracy": 0.1, "cells": 2, "max_points": 10_000},
    "Model": {
        "name": "cone",
        "dimension": 2,
        "hamiltonian": cone,
        "derivative": cone_slope,
        "spin": {"z": SZ},
        "spin_unit": 0.5,
        "reciprocal": None,
        "scale": np.ones(2),
        "shells": (1.0,),
        "parameters": {},
    },
    "PeriodicGrid": {"n": 4, "offset": 0.3},
    "Rays": {
        "kmax": 1.0,
        "directions": 4,
        "polar": (0.0, 1.0),
        "azimuth": (0.0, 1.0),
        "repeats": 1.0,
        "accuracy": 0.1,
        "max_points": 1000,
        "panels": 2,
    },
    "Treatment": {"degeneracy": "block", "absolute": 1e-9, "relative": 1e-13},
    "ZoneLines": {"accuracy": 0.1, "cells": 2, "max_points": 10_000},
    "anomalous_hall": {"model": qwz(), "domain": GRID, "mu": 0.0, "kT": 0.1, "field": "x"},
    "band_pairs": {
        "model": qwz(),
        "k": np.ones((1, 2)),
        "spin": "z",
        "field": "x",
        "current": "y",
        "treatment": Treatment(),
    },
    "bhz": {"u": -1.0, "mixing": 0.1},
    "bi2se3_bulk": {
        "magnetisation": (0.0, 0.0, 1e-3),
        "lattice": (4.0, 9.0),
        "warping": True,
        "A0": 3.0,
        "M0": -0.2,
    },
    "chern_number": {"model": qwz(), "domain": PeriodicGrid(16), "mu": 0.0},
    "conserved_current": {
        "model": qwz(),
        "domain": GRID,
        "mu": 0.0,
        "kT": 0.1,
        "spin": "z",
        "current": "y",
        "step": 0.1,
    },
    "cutoff_curves": {"kmax": [0.2], "mu": 0.1, "size": 1e-3, "warping": False} | BULK,
    "decompose": {
        "model": qwz(),
        "domain": GRID,
        "mu": 0.0,
        "kT": 0.1,
        "spin": "z",
        "treatment": Treatment(),
        "step": 1e-3,
    },
    "from_callables": {
        "name": "cone",
        "hamiltonian": cone,
        "spin": {"z": SZ},
        "dimension": 2,
        "derivative": cone_slope,
        "step": 1e-4,
        "scale": np.ones(2),
    },
    "from_hoppings": {"name": "two", "hoppings": [(-1.0, 0, 1, (0, 0))], "spin_unit": 0.5} | ONE,
    "from_terms": {
        "name": "flat",
        "matrices": [SZ],
        "coefficients": lambda k: [np.ones(len(k))],
        "slopes": lambda k, axis: [0.0],
        "dimension": 2,
    },
    "haldane": {"offset": 0.2, "hop": -1.0, "second": 0.1, "phase": 1.0},
    "insulator_curves": {"mu": [0.1], "kmax": 0.2, "panels": 1, "conserved": False} | BULK,
    "integrate": {
        "function": lambda k: np.ones((len(k), 1)),
        "model": qwz(),
        "domain": GRID,
        "mu": 0.0,
    },
    "kane_mele": {"offset": 1.0, "hop": 1.0, "spin_orbit": 0.3, "rashba": 0.25},
    "luttinger_well": {
        "material": "GaAs",
        "field_MV_per_m": 1.0,
        "width_nm": 25.0,
        "magnetisation": 1e-3,
        "zeeman": "Jz",
        "warping": False,
    },
    "massive_dirac": {"mass": 0.5, "velocity": 1.0},
    "orbital_magnetisation": {"model": qwz(), "domain": GRID, "mu": 0.0, "kT": 0.1, "field": "x"},
    "qwz": {"u": -1.0, "tilt": 0.1},
    "rashba": {"magnetisation": 0.5, "alpha": 1.0},
    "rashba_splitting": {
        "material": "GaAs",
        "field_MV_per_m": [1.0],
        "wave_vector": 0.01,
        "width_nm": 25.0,
    },
    "spin_hall": {
        "model": qwz(),
        "domain": GRID,
        "mu": [0.0],
        "kT": 0.1,
        "spin": "z",
        "field": "x",
        "current": "y",
        "treatment": Treatment(),
        "progress": None,
    },
    "spin_streda": {"model": qwz(), "domain": GRID, "mu": 0.0, "kT": 0.1, "step": 1e-2},
    "subbands": {"material": "GaAs", "field_MV_per_m": 1.0, "width_nm": 25.0},
    "well_energy_curves": {
        "fermi_energy": [-50.0],
        "material": "GaAs",
        "fields": [1.0],
        "conserved": False,
        "width_nm": 25.0,
    },
    "well_field_curves": {
        "field": [1.0],
        "materials": ("GaAs",),
        "conserved": False,
        "magnetisation": 1e-3,
    },
}
# Records that the room returns; their constructors are not for callers.
RETURNED = {"ChernNumber", "Curve", "Decomposition", "Integral", "SpinHall", "Subbands"}


def returns_nothing(*_):
    """A user's function that returns nothing. An error that it raises itself is passed on."""


WRONG = [
    "100",
    "x",
    "",
    b"1",
    None,
    math.inf,
    -math.inf,
    math.nan,
    pd.NA,
    pd.NaT,
    True,
    False,
    0,
    -1,
    1.5,
    1e300,
    -1e300,
    1e-300,
    10**400,
    1j,
    [],
    (),
    {},
    {"z": "x"},
    [None],
    ["1", "2"],
    [[1.0, 2.0], [3.0]],
    [math.nan, 1.0],
    [1.0, 1.0],
    np.array(["a"]),
    np.array([[np.inf, 0.0], [0.0, 1.0]]),
    np.ma.masked_array([1.0, 2.0], [True, False]),
    np.zeros((2, 2)),
    np.eye(3),
    object(),
    returns_nothing,
    np.datetime64("2026-01-01"),
]


def numbers_in(value):
    """Every float of a result, without the orbital moment, which may be NaN."""
    if isinstance(value, SpinHall):
        yield from (value.lcc, value.xn, value.conventional, value.torque, value.berry)
        yield value.error
    elif isinstance(value, Integral):
        yield from (value.value, value.error)
    elif isinstance(value, Model):
        k = np.full((1, value.dimension), 0.3)
        yield from (value.hamiltonian(k), value.derivative(k, 0))
    elif isinstance(value, tuple):
        for item in value:
            yield from numbers_in(item)
    elif isinstance(value, float | int | np.ndarray):
        yield value


def test_every_public_name_is_tried():
    assert set(room.__all__) == set(CALLS) | RETURNED


@pytest.mark.parametrize("name", CALLS)
def test_wrong_types_and_ranges_give_one_sentence(name):
    """200 calls, each with one or two wrong arguments: a HopnetError or finite numbers."""
    rng = np.random.default_rng(sum(map(ord, name)))
    function, good = getattr(room, name), CALLS[name]
    refused = 0
    for _ in range(200):
        arguments = dict(good)
        for key in rng.choice(list(good), size=min(len(good), int(rng.integers(1, 3)))):
            arguments[str(key)] = WRONG[rng.integers(len(WRONG))]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ValidityWarning)
            try:
                result = function(**arguments)
            except HopnetError:
                refused += 1
                continue
        assert all(np.all(np.isfinite(x)) for x in numbers_in(result)), arguments
    assert refused > 60


@pytest.mark.parametrize("name", CALLS)
def test_the_arguments_that_are_made_wrong_are_right(name):
    """Without a wrong argument every call succeeds, so a refusal above is due to that argument."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ValidityWarning)
        getattr(room, name)(**CALLS[name])


# ---- hoppings that would silently make another model


def two_orbitals(hoppings, **changes):
    return from_hoppings("two", hoppings=hoppings, **(ONE | {"spin": {"z": SZ}} | changes))


HOPPINGS = {
    "orbital -1": ([(-1.0, 0, -1, (0, 0))], {}, "orbital"),
    "orbital 2": ([(-1.0, 0, 2, (0, 0))], {}, "orbital"),
    "orbital 0.5": ([(-1.0, 0, 0.5, (0, 0))], {}, "orbital"),
    "twice, conjugate": ([(-1.0, 0, 1, (0, 0)), (-1.0, 1, 0, (0, 0))], {}, "twice"),
    "twice, conjugate cell": ([(-1.0, 0, 0, (1, 0)), (-1.0, 0, 0, (-1, 0))], {}, "twice"),
    "twice, the same": ([(-1.0, 0, 1, (0, 0)), (-0.5, 0, 1, (0, 0))], {}, "twice"),
    "one site": ([(-1.0, 0, 0, (0, 0))], {}, "onsite"),
    "half a cell": ([(-1.0, 0, 1, (0.5, 0))], {}, "whole"),
    "a cell of three numbers": ([(-1.0, 0, 1, (0, 0, 0))], {}, "cell"),
    "infinite amplitude": ([(np.inf, 0, 1, (0, 0))], {}, "finite"),
    "amplitude of another size": ([(np.eye(2), 0, 1, (0, 0))], {}, "amplitude"),
    "three entries": ([(-1.0, 0, 1)], {}, "four entries"),
    "one onsite energy": ([], {"onsite": [0.0]}, "onsite"),
    "three onsite energies": ([], {"onsite": [0.0] * 3}, "onsite"),
    "onsite of two sizes": ([], {"onsite": [0.0, np.eye(2)]}, "onsite"),
    "a number for a spinful hop": (
        [(-1.0, 0, 1, (0, 0))],
        {"onsite": [np.eye(2)] * 2, "spin": {"z": np.eye(4)}},
        "amplitude",
    ),
    "parallel vectors": ([], {"lattice": [[1, 0], [2, 0]]}, "independent"),
    "unknown attribute": ([], {"spins": {}}, "attributes"),
    "spin of another size": ([], {"spin": {"z": np.eye(3)}}, "hamiltonian of two"),
}


@pytest.mark.parametrize(("hoppings", "changes", "words"), HOPPINGS.values(), ids=HOPPINGS.keys())
def test_hoppings_that_make_another_model_are_refused(hoppings, changes, words):
    with pytest.raises(ParameterError, match=words):
        two_orbitals(hoppings, **changes)


def test_hoppings_given_once_make_the_model_asked_for():
    k = np.array([[0.3, 0.7]])
    model = two_orbitals([(-1.0, 0, 1, (0, 0))])
    want = -np.exp(0.5j * (0.3 + 0.7))
    np.testing.assert_allclose(model.hamiltonian(k)[0], [[0, want], [np.conj(want), 0]], atol=1e-14)


# ---- the zone of a model of the user's own


def own_square(scale=1.0, **attributes):
    def hamiltonian(k):
        return qwz().hamiltonian(scale * k)

    return from_callables("own", hamiltonian, {"z": SZ}, dimension=2, **attributes)


def test_energies_must_have_the_period_of_the_zone():
    assert own_square(reciprocal=SQUARE).n_bands == 2
    for wrong in (0.5 * SQUARE, np.eye(2), 1.001 * SQUARE):
        with pytest.raises(ParameterError, match="period of its zone"):
            own_square(reciprocal=wrong)
    with pytest.raises(ParameterError, match="period of its zone"):
        own_square(scale=1.3, reciprocal=SQUARE)


def test_a_phase_between_cells_is_no_fault():
    """H(k + G) equals H(k) up to a constant unitary matrix when the orbitals have positions."""
    model = haldane()
    k = np.array([[0.2, 0.4]])
    assert np.abs(model.hamiltonian(k) - model.hamiltonian(k + model.reciprocal[0])).max() > 0.1
    again = from_callables(
        "again", model.hamiltonian, model.spin, dimension=2, reciprocal=model.reciprocal
    )
    assert again.n_bands == 2


def test_models_built_or_changed_by_hand_are_checked_when_used():
    right = own_square(reciprocal=SQUARE)
    model = Model("own", 2, right.hamiltonian, right.derivative, {"z": SZ}, reciprocal=0.5 * SQUARE)
    with pytest.raises(ParameterError, match="period of its zone"):
        spin_hall(model, GRID, mu=0.0)
    with pytest.raises(ParameterError, match="period of its zone"):
        from_terms(
            "tilted",
            [SZ],
            lambda k: [k[:, 0]],
            lambda k, axis: [1.0 - axis],
            dimension=2,
            reciprocal=SQUARE,
        )


def test_models_own_their_arrays():
    spin, zone = SZ.copy(), SQUARE.copy()
    model = own_square(reciprocal=zone)
    changed = from_callables("own", cone, {"z": spin}, dimension=2, scale=(scale := np.ones(2)))
    spin[:] = zone[:] = scale[:] = 7.0
    np.testing.assert_array_equal(changed.spin["z"], SZ)
    np.testing.assert_array_equal(changed.scale, [1.0, 1.0])
    np.testing.assert_array_equal(model.reciprocal, SQUARE)
    with pytest.raises(ValueError, match="read-only"):
        changed.spin["z"][0, 0] = 2.0


# ---- ranges


EXTREME = {
    "wide well": lambda: subbands(width_nm=1e300),
    "narrow well": lambda: subbands(width_nm=1e-300),
    "field": lambda: luttinger_well(field_MV_per_m=1e300),
    "Zeeman energy": lambda: luttinger_well(magnetisation=1e300),
    "gammas": lambda: luttinger_well((1e300, 0.0, 0.0)),
    "mass": lambda: qwz(1e300),
    "grid": lambda: PeriodicGrid(10**9),
    "grid in three dimensions": lambda: spin_hall(
        room.bi2se3_bulk(lattice=(4.0, 9.0)), PeriodicGrid(100_000), mu=0.0
    ),
    "cells": lambda: spin_hall(qwz(), AdaptiveZone(cells=1000), mu=0.0),
    "rays": lambda: Rays(1.0, 10**9),
    "panels": lambda: Rays(1.0, panels=10**9),
    "lines": lambda: spin_hall(qwz(), ZoneLines(cells=1000, max_points=10_000), mu=0.0),
    "polar edges": lambda: Rays(1.0, polar=(1.0, 0.0)),
    "chemical potential": lambda: spin_hall(qwz(), GRID, mu=1e300),
    "several chemical potentials": lambda: room.conserved_current(qwz(), GRID, mu=[0.0, 0.1]),
    "thermal energy": lambda: spin_hall(qwz(), GRID, mu=0.0, kT=1e300),
    "scale": lambda: room.bi2se3_bulk(M0=0.0),
}


@pytest.mark.parametrize("call", EXTREME.values(), ids=EXTREME.keys())
def test_extreme_arguments_are_refused(call):
    with pytest.raises(ParameterError):
        call()


@pytest.mark.parametrize("width", [0.1, 1.0, 1e3, 1e4])
@pytest.mark.parametrize("field", [0.0, 1e-6, 1.0, 1e3, 1e5])
def test_levels_of_a_well_are_minima_in_the_whole_range(width, field):
    """Levels of [berry 12] against a scan of the variational energy on a logarithmic grid."""
    from hopnet.berry.hole_well import HALF_HBAR2_OVER_M0, LUTTINGER, mean_position

    well = subbands("GaAs", field, width)
    g1, g2, _ = LUTTINGER["GaAs"]
    for sign, beta, energy in (
        (-1.0, well.beta_heavy, well.energy_heavy),
        (1.0, well.beta_light, well.energy_light),
    ):
        kinetic = HALF_HBAR2_OVER_M0 * (g1 + 2.0 * sign * g2) / well.width**2
        trial = -np.geomspace(1e-12, 1e12, 4001)
        push = well.field * well.width
        scan = [kinetic * (np.pi**2 + b * b) - push * mean_position(b) for b in trial]
        assert energy <= min(scan) + 1e-12 * (abs(min(scan)) + push)
        assert np.isfinite(beta)
