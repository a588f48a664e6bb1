"""Wrong types and extreme numbers in every public function of the room give one sentence.

The short version makes 200 random calls per function, from a literal seed.
"""

import math
import warnings

import numpy as np
import pandas as pd
import pytest

from hopnet import boltzmann as room
from hopnet.boltzmann import (
    Coefficients,
    Convention,
    Disorder,
    Electrons,
    Potential,
    RashbaGas,
    Response,
    Sample,
    coefficients,
    delta_potential,
    linear_response,
)
from hopnet.cli.main import main
from hopnet.errors import HopnetError, ParameterError, ValidityWarning

ELECTRONS, DISORDER = Electrons(rashba=0.1, drude_time=2.0), Disorder(0.1, 0.05, 0.1)
GAS, POTENTIAL = RashbaGas(0.4), delta_potential(10.0)
SAMPLE = dict(
    lambda_parallel=1e-9,
    lambda_perpendicular=1e-9,
    confinement=1e-8,
    potential=1e-36,
    impurity_density=1e15,
    fermi_energy=8e-21,
    mass=1e-32,
    rashba=1e-29,
)
COEFFICIENTS = coefficients(ELECTRONS, DISORDER)
MEDIUM = dict(electrons=ELECTRONS, disorder=DISORDER)

# Every public function with arguments that work. The tests replace one of them at a time.
CALLS = {
    "Ansatz": None,  # None: a record that only functions build
    "ApproximateResponse": None,
    "DensityMatrix": None,
    "InsbEstimate": None,
    "KineticResponse": None,
    "RashbaResponse": None,
    "ReducedSample": None,
    "RelaxationRates": None,
    "Response": None,
    "ShortRangeLimit": None,
    "SpinProfile": None,
    "SpinTexture": None,
    "ThermalResponse": None,
    "Coefficients": dict.fromkeys(vars(COEFFICIENTS), 0.1),
    "Convention": dict(skew=True, gauge=False),
    "Disorder": dict(lambda_xy=0.1, lambda_z=0.1, strength=0.0, weight=(1.0, 0.5)),
    "Electrons": dict(mass=1.0, rashba=0.1, fermi_momentum=1.0, drude_time=2.0),
    "Potential": dict(name="mine", strength=1.0, moments=POTENTIAL.moments),
    "RashbaGas": dict(
        splitting=0.4,
        fermi_energy=0.5,
        mass=1.0,
        lambda_xy=0.1,
        lambda_z=0.1,
        skew=0.1,
        interband=True,
    ),
    "Sample": SAMPLE,
    "angular_potential": dict(time=1.0, cosines=(1.0, 0.5), mass=1.0),
    "ansatz_parameters": dict(
        electrons=ELECTRONS, response=linear_response(COEFFICIENTS), convention="printed"
    ),
    "approximate_response": dict(coefficients=COEFFICIENTS, convention="printed"),
    "born_kernel": dict(disorder=DISORDER, harmonics=2),
    "coefficients": dict(**MEDIUM, convention="printed", current_corrections=True),
    "coefficients_from_ratios": dict(
        precession=0.01,
        rashba=0.1,
        spin_hall_angle=0.1,
        relaxation_time=10.0,
        side_jump=0.0,
        convention="printed",
    ),
    "collision_integral": dict(disorder=DISORDER, harmonics=2, star=True, convention="printed"),
    "cutoff_integral": dict(bandwidth=2.0, fermi_energy=1.0),
    "delta_potential": dict(time=1.0, mass=1.0),
    "estimate_insb": dict(
        density=1e15,
        lambda_parallel_squared=1e-18,
        time=1e-13,
        rashba=1.0,
        mass=0.01,
        convention="printed",
    ),
    "gaussian_potential": dict(time=1.0, radius=0.5, mass=1.0),
    "generator": dict(**MEDIUM, harmonics=2, star=True, swap=True, convention="printed"),
    "hanle_formula": dict(**MEDIUM, larmor_x=[0.1, 0.2]),
    "kinetic_response": dict(
        **MEDIUM,
        harmonics=2,
        star=True,
        swap=True,
        larmor=[0.0, 0.0, 0.1],
        frequency=0.1,
        wave_vector=[0.1, 0.0],
        side_jump=0.0,
        convention="consistent",
        estimate_truncation=True,
    ),
    "linear_response": dict(coefficients=COEFFICIENTS, frequency=0.1),
    "mechanism_ratio": dict(**MEDIUM, kT=0.01, convention="printed", nodes=20),
    "rashba_renormalisation": dict(**MEDIUM, bandwidth=2.0, convention="printed"),
    "reduce_sample": dict(sample=Sample(**SAMPLE), convention="printed"),
    "relaxation_rates": dict(**MEDIUM, convention="printed"),
    "short_range_limit": dict(gas=GAS, time=10.0),
    "smooth_skew_current": dict(gas=RashbaGas(0.4, skew=0.1), time=10.0),
    "smooth_solution": dict(
        gas=GAS, potential=POTENTIAL, p=1.0, e_plus=0.1, e_minus=0.1, coherence=0.1
    ),
    "solve_rashba": dict(gas=GAS, potential=POTENTIAL, tolerance=1e-4, levels=2),
    "spin_profile": dict(
        **MEDIUM,
        width=3.0,
        n_points=5,
        larmor=(0.0, 0.0, 0.0),
        convention="consistent",
        side_jump=0.0,
    ),
    "spin_texture": dict(gas=GAS, potential=POTENTIAL, momentum=[0.5, 1.0], beyond=4),
    "thermal_response": dict(**MEDIUM, kT=0.01, convention="printed", nodes=20),
    "user_potential": dict(time=1.0, profile=lambda p, p1, t: 1 + 0 * t, mass=1.0, angles=16),
    "vertex_element": dict(sample=Sample(**SAMPLE), wavenumber=[1e8, 0.0], wavenumber_1=[0.0, 1e8]),
    "weight_harmonics": dict(weight=lambda angle: 2 + np.cos(angle), harmonics=2),
    "yukawa_potential": dict(time=1.0, screening=0.5, mass=1.0),
}
TESTED = [name for name, arguments in CALLS.items() if arguments]

ODD = [
    "100",
    "",
    b"1",
    None,
    True,
    math.nan,
    math.inf,
    -math.inf,
    pd.NA,
    1j,
    -1.0,
    0.0,
    0,
    1e300,
    1e-300,
    -1e300,
    10**400,
    [],
    [1.0, "a"],
    [[1.0], [1.0, 2.0]],
    {},
    object(),
    np.array([1.0, math.nan]),
    np.array(["1"]),
    np.ma.masked_array([1.0, 2.0], [True, False]),
    np.zeros((2, 3)),
    np.float64("nan"),
    np.datetime64("2020-01-01"),
    ELECTRONS,
    GAS,
    print,
    1.5,
    3,
]


def finite(answer):
    """Whether no number of an answer is NaN. A ratio to a response of zero may be infinite."""
    if isinstance(answer, dict):
        return all(finite(value) for value in answer.values())
    if isinstance(answer, tuple | list):
        return all(finite(value) for value in answer)
    if isinstance(answer, np.ndarray | float | complex | np.number):
        return not np.any(np.isnan(answer))
    return all(finite(value) for value in vars(answer).values()) if is_record(answer) else True


def is_record(answer):
    return hasattr(answer, "__dataclass_fields__")


def call(name, arguments):
    """The answer of a public function, or None if it refuses with a HopnetError."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ValidityWarning)
        try:
            return getattr(room, name)(**arguments)
        except HopnetError:
            return None


def test_every_public_name_is_listed():
    assert set(CALLS) == set(room.__all__) - {"CONSISTENT", "PRINTED", "UNIVERSAL"}


@pytest.mark.parametrize("name", TESTED)
def test_arguments_that_work(name):
    answer = call(name, CALLS[name])
    assert answer is not None
    assert finite(answer)


@pytest.mark.parametrize("name", TESTED)
def test_wrong_arguments_are_refused_in_one_sentence(name):
    rng = np.random.default_rng([271828, TESTED.index(name)])
    good = CALLS[name]
    for _ in range(200):
        arguments = dict(good)
        for key in rng.choice(list(good), size=rng.integers(1, 3)):
            arguments[key] = ODD[rng.integers(len(ODD))]
        answer = call(name, arguments)
        if name == "kinetic_response":
            arguments["estimate_truncation"] = True  # NaN if it is not asked for
            answer = call(name, arguments)
        assert answer is None or finite(answer), arguments


@pytest.mark.parametrize("wrong", ["100", None, pd.NA, True, math.nan, math.inf, 1e300, -1e300])
@pytest.mark.parametrize("field", ["splitting", "fermi_energy", "mass", "lambda_xy", "lambda_z"])
def test_numbers_of_the_gas(field, wrong):
    with pytest.raises(ParameterError, match=field):
        RashbaGas(**{"splitting": 0.4, field: wrong})


@pytest.mark.parametrize("field", ["fermi_energy", "mass"])
def test_too_small_numbers_of_the_gas(field):
    with pytest.raises(ParameterError, match=field):
        RashbaGas(0.4, **{field: 1e-300})


def test_arrays_that_do_not_fit_together():
    with pytest.raises(ParameterError, match="broadcast"):
        Electrons(mass=[1.0, 2.0], drude_time=[1.0, 2.0, 3.0])
    with pytest.raises(ParameterError, match="broadcast"):
        coefficients(Electrons(mass=[1.0, 2.0]), Disorder([0.1, 0.2, 0.3]))


def test_records_own_their_arrays():
    mass = np.array([1.0, 2.0])
    electrons = Electrons(mass=mass)
    mass[0] = 9.0
    assert electrons.mass.tolist() == [1.0, 2.0]
    assert not electrons.mass.flags.writeable


def test_records_of_another_kind_are_refused():
    for wrong in (Convention(), Response(1.0, 1.0, 1.0, 1.0), Coefficients(), Potential):
        with pytest.raises(ParameterError, match="must be a"):
            room.solve_rashba(wrong, POTENTIAL)


EXTREME = {
    "--alpha 1e300": "splitting",
    "--mass 1e300": "mass",
    "--lambda-z 1e300": "lambda_z",
    "--fermi-energy 1e-300": "fermi_energy",
    "--alpha 1e59": "almost empty",
    "--mass 1e59": "almost empty",
    "--fermi-energy 1e-59": "E_F tau",
    "--time 1e59": "E_F tau",
    "--skew inf": "skew",
    "--potential gaussian --range 1e300": "radius",
    "--potential yukawa --range 1e-300": "range",
}


@pytest.mark.parametrize("words", list(EXTREME))
def test_extreme_options_are_refused_in_one_sentence(capsys, words):
    code = main(["boltzmann", "rashba", *words.split()])
    error = capsys.readouterr().err
    assert code == 2
    assert EXTREME[words] in error
    assert "Traceback" not in error
