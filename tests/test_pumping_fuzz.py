"""Wrong types and odd numbers in every public function give one sentence, never a silent NaN.

[pumping 1], [pumping 6].
"""

import decimal
import fractions
import io
import math
import zipfile
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import hopnet.pumping as room
from hopnet.errors import HopnetError, ParameterError
from hopnet.pumping.conversion import impurity_density_printed, rashba_density_from_current
from hopnet.pumping.crossover import angular_average, kinetic_deficit
from hopnet.pumping.currents import spin_hall_current
from hopnet.pumping.grid import relative_error
from hopnet.pumping.medium import free_density_of_states
from hopnet.pumping.report import answer, write_answer
from hopnet.pumping.run_file import parse_run_file, read_run_file

pytestmark = pytest.mark.filterwarnings("ignore::hopnet.errors.ValidityWarning")

GAS = room.Medium(
    exchange=1e-3, tau=0.05, density_of_states=1.3, fermi_energy=2.0, tau_s=3.0, rashba=(0, 0, 0.1)
)
SPIRAL = room.spiral((8,), (10.0,), frequency=0.4)
CELLS = room.spiral((100,), (10.0,), frequency=0.4, cell_centred=True)
FRAMES = np.random.default_rng(4).normal(size=(3, 8, 5))
PUMPED = room.pump(SPIRAL, GAS)
JUNCTION = room.solve_junction(CELLS, GAS)
CHARGE = room.rashba(PUMPED)
TIMES = np.linspace(0.0, 2.0, 41)
SERIES = room.pump(
    room.sample_texture(lambda x, t: (np.cos(t), np.sin(t), 0 * x), (8,), (9.0,), time=TIMES), GAS
)
RUN = """
[medium]
exchange_meV = 1.0
fermi_energy_eV = 5.0
mean_free_path_nm = 0.5
tau_s_ps = 0.01
[texture]
kind = "spiral"
shape = [16]
lengths_nm = [40.0]
frequency_GHz = 10.0
"""


def waves(x, t):
    return np.cos(t - x), np.sin(t - x), 0 * x


GRID = {"shape": (8,), "lengths": (10.0,)}
LAB = {
    "exchange_meV": 1.0,
    "fermi_energy_eV": 5.0,
    "mean_free_path_nm": 0.5,
    "mass": 1.0,
    "dimension": 3,
    "spin_diffusion_length_nm": 1.5,
    "density_of_states": 1e46,
    "rashba_meV_nm": (0.0, 0.0, 1.0),
    "impurity_nm2": 1e-5,
}
# Every public function, class and method, with arguments that work.
CALLS = {
    "Medium": (room.Medium, {**{n: getattr(GAS, n) for n in GAS.__dataclass_fields__}}),
    "Medium.from_lab": (room.Medium.from_lab, LAB),
    "Medium.validity": (GAS.validity, {"wave_number": 1.0, "frequency": 0.4, "size": 1.0}),
    "Medium.warn": (
        GAS.warn,
        {"wave_number": 1.0, "frequency": 0.4, "slowest_rate": 1.0, "size": 1.0},
    ),
    "Medium.warn_rashba": (GAS.warn_rashba, {"largest_field": 0.1}),
    "Medium.charge_equivalent": (GAS.charge_equivalent, {"spin_current": 1.0}),
    "Medium.electrons": (GAS.electrons, {"spin_density": [1.0, 2.0]}),
    "free_density_of_states": (
        free_density_of_states,
        {"energy": 1.0, "mass": 1.0, "dimension": 3, "hbar": 1.0},
    ),
    "RigidTexture": (
        room.RigidTexture,
        {
            "plus": np.ones(8),
            "z": np.ones(8),
            "lengths": (1.0,),
            "frequency": 1.0,
            "velocity": (0.1,),
            "cell_centred": True,
        },
    ),
    "PeriodicTexture": (
        room.PeriodicTexture,
        {"spin": FRAMES, "lengths": (1.0,), "period": 1.0, "cell_centred": None},
    ),
    "TimeSeries": (
        room.TimeSeries,
        {"spin": FRAMES, "lengths": (1.0,), "time": np.arange(5.0), "rate": FRAMES},
    ),
    "grid_points": (room.grid_points, GRID | {"cell_centred": True}),
    "spiral": (
        room.spiral,
        GRID | {"frequency": 0.4, "turns": 1, "cone_angle": 1.0, "cell_centred": True},
    ),
    "standing_wave": (
        room.standing_wave,
        GRID | {"frequency": 0.4, "turns": (1,), "amplitude": 1.0, "cell_centred": True},
    ),
    "interface": (
        room.interface,
        GRID
        | {
            "edges": (2.0, 7.0),
            "width": 2.0,
            "frequency": 0.4,
            "amplitude": 1.0,
            "cone_angle": 1.0,
            "cell_centred": True,
        },
    ),
    "moving_wall": (
        room.moving_wall,
        GRID | {"width": 2.0, "velocity": 1.0, "angle": 0.1, "cell_centred": True},
    ),
    "skyrmion": (
        room.skyrmion,
        {
            "shape": (8, 8),
            "lengths": (10.0, 10.0),
            "radius": 2.0,
            "frequency": 0.4,
            "centre": (5.0, 5.0),
            "cell_centred": True,
        },
    ),
    "sample_texture": (
        room.sample_texture,
        GRID | {"function": waves, "period": 1.0, "n_times": 5, "cell_centred": True},
    ),
    "sample_texture (series)": (
        room.sample_texture,
        GRID | {"function": waves, "time": np.arange(5.0)},
    ),
    "propagate": (
        room.propagate,
        {
            "values": np.ones((8, 3)),
            "medium": GAS,
            "lengths": (1.0,),
            "period": 1.0,
            "charge": True,
            "threads": 1,
        },
    ),
    "propagate (series)": (
        room.propagate,
        {"values": np.ones((8, 3)), "medium": GAS, "lengths": (1.0,), "time": [0.0, 1.0, 2.0]},
    ),
    "pump": (
        room.pump,
        {
            "texture": SPIRAL,
            "medium": GAS,
            "vertex": "single",
            "zero_mode": "relaxed",
            "dealias": False,
            "strict": True,
            "threads": 1,
        },
    ),
    "Pumping.potential": (PUMPED.potential, {"order": 1}),
    "Pumping.density": (PUMPED.density, {"order": 1}),
    "Pumping.pumped_current": (PUMPED.pumped_current, {"order": 2}),
    "Pumping.current": (PUMPED.current, {"order": None}),
    "Pumping.local_current": (PUMPED.local_current, {"order": 2}),
    "Pumping.numerical_error": (PUMPED.numerical_error, {"field": lambda p: p.density()}),
    "Pumping.hall_driven_current": (
        PUMPED.hall_driven_current,
        {"electric_field": (0.0, 0.1, 0.0), "spin_hall_conductivity": 1.0},
    ),
    "Field.at": (PUMPED.density().at, {"time": 0.3}),
    "Field.at (series)": (SERIES.density().at, {"time": TIMES[3]}),
    "numerical_error": (
        room.numerical_error,
        {"pumping": PUMPED, "field": lambda p: p.density()},
    ),
    "relative_error": (relative_error, {"pumping": PUMPED}),
    "spin_hall_current": (
        spin_hall_current,
        {"electric_field": (0.0, 0.1, 0.0), "spin_hall_conductivity": 1.0},
    ),
    "rashba": (room.rashba, {"pumping": PUMPED, "field": (0.0, 0.0, 0.1)}),
    "impurity": (room.impurity, {"pumping": PUMPED}),
    "rashba_density_from_current": (rashba_density_from_current, {"pumping": PUMPED}),
    "impurity_density_printed": (impurity_density_printed, {"pumping": PUMPED}),
    "ChargeResponse.current": (CHARGE.current, {"electric_field": (0.0, 0.0, 1.0)}),
    "conversion_efficiency": (
        room.conversion_efficiency,
        {
            "medium": GAS,
            "wave_number": 1.0,
            "frequency": 0.4,
            "kind": "rashba",
            "direction": "transverse",
            "kernel": "boltzmann",
        },
    ),
    "kinetic_deficit": (kinetic_deficit, {"q_ell": 1.0, "frequency_tau": 0.1, "dimension": 3}),
    "angular_average": (angular_average, {"q_ell": 1.0, "frequency_tau": 0.1, "dimension": 2}),
    "local_to_diffusive": (
        room.local_to_diffusive,
        {"q_ell": [1.0, 2.0], "frequency_tau": 0.1, "dimension": 1, "kernel": "boltzmann"},
    ),
    "local_share": (room.local_share, {"q_ell": 1.0, "frequency_tau": 0.1, "dimension": 3}),
    "crossover_point": (room.crossover_point, {"dimension": 2}),
    "kinetic_current": (
        room.kinetic_current,
        {"texture": SPIRAL, "medium": GAS, "dealias": False, "threads": 1},
    ),
    "interface_split": (
        room.interface_split,
        {"medium": GAS, "frequency": 0.4, "width_over_ell": [1.0]},
    ),
    "solve_junction": (
        room.solve_junction,
        {"texture": CELLS, "medium": GAS, "left": 0.0, "right": 1.0, "vertex": "full"},
    ),
    "Junction.potential": (JUNCTION.potential, {"order": 1, "time": 0.1}),
    "Junction.density": (JUNCTION.density, {"order": 1, "time": 0.1}),
    "Junction.pumped_current": (JUNCTION.pumped_current, {"order": 1, "time": 0.1}),
    "Junction.supercurrent": (JUNCTION.supercurrent, {"time": 0.1}),
    "Junction.dynamic_torque": (JUNCTION.dynamic_torque, {"time": 0.1}),
    "Junction.balance": (JUNCTION.balance, {"order": 2}),
    "Junction.rashba": (JUNCTION.rashba, {"field": (0.0, 0.0, 0.1), "time": 0.1}),
    "Junction.numerical_error": (JUNCTION.numerical_error, {"field": "density", "order": 1}),
    "solve_all_orders": (
        room.solve_all_orders,
        {"texture": SPIRAL, "medium": GAS, "tolerance": 1e-8, "dealias": False, "threads": 1},
    ),
    "spiral_all_orders": (
        room.spiral_all_orders,
        {"medium": GAS, "wave_number": 1.0, "frequency": 0.4, "cone_angle": 1.0},
    ),
    "compare_orders": (
        room.compare_orders,
        {
            "medium": GAS,
            "wave_number": 1.0,
            "frequency": 0.4,
            "cone_angle": 1.0,
            "strengths": [0.1],
        },
    ),
    "save_texture": (room.save_texture, {"path": "texture.npz", "texture": SPIRAL}),
    "load_texture": (room.load_texture, {"path": "there.npz"}),
    "read_run_file": (read_run_file, {"path": "run.toml"}),
    "parse_run_file": (parse_run_file, {"text": RUN, "path": "run.toml"}),
    "answer": (answer, {"question": parse_run_file(RUN, "run.toml")}),
    "write_answer": (
        write_answer,
        {"folder": "out", "text": RUN, "result": answer(parse_run_file(RUN, "run.toml"))},
    ),
}
ODD = [
    "100",
    "",
    "\0",
    b"1",
    None,
    math.inf,
    -math.inf,
    math.nan,
    pd.NA,
    pd.NaT,
    True,
    np.True_,
    1e308,
    -1e308,
    1e300,
    1e160,
    1e-160,
    1e-300,
    1e-320,
    5e-324,
    -1.0,
    0,
    0.0,
    2,
    10**30,
    10**400,
    1 + 2j,
    decimal.Decimal("0.3"),
    fractions.Fraction(1, 3),
    [],
    [1.0, [2.0]],
    [[1.0]],
    ["a"],
    [None],
    {},
    {"a": 1},
    {1.0},
    range(3),
    object(),
    print,
    len,
    float,
    np.array(["a"]),
    np.array([np.nan]),
    np.array([], dtype=float),
    np.zeros((2, 2, 2, 2, 2)),
    np.ma.masked_array([1.0, 2.0], [True, False]),
    np.datetime64("2026-01-01"),
    np.array([True]),
    pd.Series([1.0, None]),
    pd.DataFrame({"a": [1.0]}),
    (1e308, 1e308, 1e308),
    (1e-320,) * 3,
    (1e200, 0.0, 0.0),
    (10**9, 10**9),
    np.full(8, 1e300),
    np.full(8, 1e308),
    np.full((3, 8, 5), 1e200),
    GAS,
    SPIRAL,
    PUMPED,
]


def numbers_in(result):
    """Every number of a result that a user would read."""
    if isinstance(result, room.Field):
        yield result.mean()
    elif isinstance(result, room.Pumping):
        for order in (1, 2):
            yield result.density(order).mean()
            yield result.pumped_current(order).mean()
    elif isinstance(result, room.Junction):
        yield from (*result.first, *result.second)
    elif isinstance(result, room.ChargeResponse):
        yield result.current().mean()
    elif isinstance(result, tuple | list):
        for part in result:
            yield from numbers_in(part)
    elif isinstance(result, float | complex | np.ndarray):
        yield result


@pytest.mark.parametrize("name", CALLS)
def test_odd_arguments_end_in_a_sentence(name, tmp_path, monkeypatch):
    """Each of 200 calls gives a finite result, or a HopnetError of one sentence."""
    monkeypatch.chdir(tmp_path)
    room.save_texture("there.npz", SPIRAL)
    (tmp_path / "run.toml").write_text(RUN)
    function, good = CALLS[name]
    function(**good)
    rng = np.random.default_rng(6626)
    refused = 0
    for _ in range(200):
        changed = rng.choice(list(good), size=rng.integers(1, min(3, len(good) + 1)), replace=False)
        arguments = good | {key: ODD[rng.integers(len(ODD))] for key in changed}
        try:
            result = function(**arguments)
            # An error estimate may be infinite: it says that no digit is certain.
            if "error" not in name and name != "Medium.validity":
                assert all(np.all(np.isfinite(number)) for number in numbers_in(result)), arguments
        except HopnetError as failure:
            refused += 1
            text = str(failure)
            assert "\n" not in text, text
            assert text.endswith((".", "?")), text
    assert refused > 20


def test_every_public_name_is_fuzzed():
    constants = {"INSULATING", "RESERVOIR"}
    results = {"AllOrders", "ChargeResponse", "Field", "InterfaceSplit", "Junction", "OrderRatios"}
    results |= {"Pumping", "Validity"}  # made by functions, not by users
    assert set(room.__all__) <= set(CALLS) | constants | results


# numbers that overflow -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call",
    [
        lambda: room.local_to_diffusive(1e200, kernel="diffusive"),
        lambda: room.interface_split(GAS, 1e308, [1.0]),
        lambda: room.conversion_efficiency(GAS, 1.0, 1e308, kind="rashba"),
        lambda: room.compare_orders(GAS, 1.0, 0.4, 1e-300, [0.1]),
        lambda: room.compare_orders(GAS, 1.0, 0.4, 0.0, [0.1]),
        lambda: room.Medium(1e-3, 1e308, 1.3, 2.0),
        lambda: room.Medium(1e-200, 1.0, 1.3, 2.0),  # J^2 underflows: no second order is left
        lambda: room.pump(room.spiral((8,), (1e-200,), frequency=0.4), GAS).density().at(),
        lambda: room.pump(room.spiral((8,), (1e200,), frequency=0.4), GAS).density().at(),
        lambda: room.pump(room.standing_wave((8,), (1.0,), frequency=0.4, amplitude=1e200), GAS),
        lambda: room.pump(room.spiral((8,), (1.0,), frequency=1e308), GAS).density().at(),
        lambda: room.grid_points((10**6, 10**6), (1.0, 1.0)),
        lambda: room.pump(room.spiral((8,), (1.0,), frequency=1e-300), GAS).density().at(),
        lambda: room.pump(
            room.spiral((8,), (1e99,), frequency=0.4), replace(GAS, tau_s=np.inf)
        ).density(),
    ],
)
def test_overflow_is_refused(call):
    with pytest.raises(ParameterError):
        call()


def test_a_texture_owns_its_arrays():
    plus, z, spin, time = np.ones(8, complex), np.ones(8), FRAMES.copy(), np.arange(5.0)
    rigid = room.RigidTexture(plus, z, (1.0,))
    series = room.TimeSeries(spin, (1.0,), time, spin)
    plus[:], z[:], spin[:], time[:] = 7, 7, 7, 7
    assert np.all(rigid.plus == 1)
    assert np.all(rigid.z == 1)
    for array in (series.spin, series.rate):
        np.testing.assert_array_equal(array, FRAMES)
    np.testing.assert_array_equal(series.time, np.arange(5.0))


# files -----------------------------------------------------------------------------------------


def written(path, **arrays):
    np.savez(path, **arrays)
    return path


def mutated(rng, data):
    data = bytearray(data)
    kind = rng.integers(4)
    if kind == 0:
        return bytes(data[: rng.integers(len(data))])
    for _ in range(rng.integers(1, 9)):
        at = rng.integers(len(data))
        if kind == 1:
            data[at] = rng.integers(256)
        elif kind == 2:
            data[at] ^= 1 << rng.integers(8)
        else:
            data[at : at + rng.integers(1, 60)] = b"\0" * rng.integers(0, 60)
    return bytes(data)


@pytest.mark.parametrize("compressed", [False, True])
def test_damaged_files_end_in_a_sentence(tmp_path, compressed):
    """300 files with bytes changed, cut or set to zero give an error, or the same numbers."""
    path, rng = tmp_path / "texture.npz", np.random.default_rng(299)
    save = np.savez_compressed if compressed else np.savez
    save(path, kind="PeriodicTexture", spin=FRAMES, lengths=[2.0], period=3.0)
    data = path.read_bytes()
    for _ in range(300):
        path.write_bytes(mutated(rng, data))
        try:
            texture = room.load_texture(path)
        except ParameterError:
            continue
        np.testing.assert_array_equal(texture.spin, FRAMES)


GOOD = {"spin": FRAMES, "lengths": [2.0], "period": 3.0}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"spin": FRAMES[0]}, "'spin' .* 3 or 4 or 5 axes"),
        ({"spin": FRAMES.astype(complex)}, "'spin' .* must hold numbers"),
        ({"spin": FRAMES.astype(str)}, "'spin' .* must hold numbers"),
        ({"spin": FRAMES > 0}, "'spin' .* must hold numbers"),
        ({"spin": np.full((3, 8, 5), np.nan)}, "spin must be finite"),
        ({"lengths": [[2.0]]}, "'lengths' .* axes"),
        ({"lengths": [-2.0]}, "lengths must hold finite numbers above 0"),
        ({"period": [3.0]}, "'period' .* 0 axes"),
        ({"period": True}, "'period' .* must hold numbers"),
        ({"cell_centred": 1.0}, "'cell_centred' .* True or False"),
        ({"kind": 3}, "'kind' .* must be a text"),
        ({"extra": 1.0}, "must hold lengths"),
    ],
)
def test_files_that_do_not_fit(tmp_path, change, words):
    with pytest.raises(ParameterError, match=words):
        room.load_texture(written(tmp_path / "texture.npz", **GOOD | change))


def test_a_pickled_array_is_refused(tmp_path):
    path = written(tmp_path / "texture.npz", **GOOD | {"spin": np.array([{}], dtype=object)})
    with pytest.raises(ParameterError, match="'spin'"):
        room.load_texture(path)


def test_a_small_file_cannot_fill_the_memory(tmp_path):
    """A file of half a megabyte that expands to 400 MB of zeros is refused by its header alone."""
    header = io.BytesIO()
    shape = (3, 2_000_000, 8)
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f8", "fortran_order": False, "shape": shape}
    )
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, value in (("lengths", np.array([1.0])), ("period", np.array(1.0))):
            with archive.open(f"{name}.npy", "w") as member:
                np.lib.format.write_array(member, value)
        with archive.open("spin.npy", "w") as member:
            member.write(header.getvalue())
            for _ in range(384):
                member.write(bytes(1_000_000))
    assert path.stat().st_size < 1_000_000
    with pytest.raises(ParameterError, match="at most"):
        room.load_texture(path)


def test_a_header_that_promises_more_than_there_is(tmp_path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f8", "fortran_order": False, "shape": (3, 10**9, 10**3)}
    )
    path = tmp_path / "short.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("spin.npy", header.getvalue())
    with pytest.raises(ParameterError, match="shorter than its header"):
        room.load_texture(path)


def test_whether_samples_lie_at_centres_survives_the_file(tmp_path):
    for centred in (True, False, None):
        texture = room.RigidTexture(np.ones(8), np.ones(8), (1.0,), cell_centred=centred)
        room.save_texture(tmp_path / "texture.npz", texture)
        assert room.load_texture(tmp_path / "texture.npz").cell_centred is centred


# run files -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("exchange_meV = 1.0", 'exchange_meV = "1.0"'),
        ("exchange_meV = 1.0", "exchange_meV = true"),
        ("exchange_meV = 1.0", "exchange_meV = inf"),
        ("exchange_meV = 1.0", "exchange_meV = nan"),
        ("exchange_meV = 1.0", "exchange_meV = 1e308"),
        ("fermi_energy_eV = 5.0", "fermi_energy_eV = inf"),
        ("fermi_energy_eV = 5.0", "fermi_energy_eV = 1e-320"),
        ("fermi_energy_eV = 5.0", 'fermi_energy_eV = "5"'),
        ("tau_s_ps = 0.01", "tau_s_ps = inf"),
        ("tau_s_ps = 0.01", "tau_s_ps = 1e-320"),
        ("[16]", "[true]"),
        ("[16]", '["16"]'),
        ("[16]", "[16.0]"),
        ("[16]", "[1000000000000]"),
        ("[40.0]", "[inf]"),
        ("[40.0]", "[1e308]"),
        ("[40.0]", "[1e-320]"),
        ("frequency_GHz = 10.0", "frequency_GHz = 1e308"),
        ("frequency_GHz = 10.0", "frequency_GHz = true"),
        ("frequency_GHz = 10.0", "frequency_GHz = 10.0\nturns = [1.5]"),
        ("frequency_GHz = 10.0", "frequency_GHz = 10.0\ncone_angle_deg = nan"),
        ("frequency_GHz = 10.0", 'frequency_GHz = 10.0\n[solve]\ndealias = "yes"'),
        ("frequency_GHz = 10.0", "frequency_GHz = 10.0\n[solve]\nthreads = 0"),
        ("frequency_GHz = 10.0", "frequency_GHz = 10.0\n[contacts]\nleft = true"),
        ("frequency_GHz = 10.0", "frequency_GHz = 10.0\n[contacts]\nleft = inf"),
        ("frequency_GHz = 10.0", 'frequency_GHz = 10.0\n[contacts]\nleft = "1.0"'),
        ("frequency_GHz = 10.0", "frequency_GHz = " + "9" * 5000),
        ("frequency_GHz = 10.0", "frequency_GHz = " + "[" * 3000 + "]" * 3000),
    ],
)
def test_run_files_are_strict(old, new):
    assert old in RUN
    with pytest.raises(ParameterError) as failure:
        answer(parse_run_file(RUN.replace(old, new), "run.toml"))
    assert "\n" not in str(failure.value)
    assert len(str(failure.value)) < 500


def test_the_nearest_key_and_the_kinds_are_named():
    with pytest.raises(ParameterError, match="did you mean 'exchange_meV'"):
        parse_run_file(RUN.replace("exchange_meV", "exchange_mev"), "run.toml")
    with pytest.raises(ParameterError, match="one of spiral, standing_wave"):
        parse_run_file(RUN.replace('kind = "spiral"', ""), "run.toml")


# answers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("other", ["manifest.json", "run.toml"])
def test_an_answer_does_not_replace_another_run(tmp_path, other):
    text = "[sites]\nn_sites = 100\n"
    (tmp_path / other).write_text(text)
    with pytest.raises(ParameterError, match="another run"):
        write_answer(tmp_path, RUN, CALLS["write_answer"][1]["result"])
    assert (tmp_path / other).read_text() == text
    assert [p.name for p in tmp_path.iterdir()] == [other]


def test_an_answer_replaces_an_earlier_one_and_leaves_no_parts(tmp_path):
    result = CALLS["write_answer"][1]["result"]
    for text in (RUN, RUN + "\n# again\n"):
        names = write_answer(tmp_path / "new" / "folder", text, result)
    folder = tmp_path / "new" / "folder"
    assert sorted(names) == sorted(p.name for p in folder.iterdir())
    assert (folder / "run.toml").read_text() == RUN + "\n# again\n"


def test_an_answer_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("here")
    with pytest.raises(ParameterError, match="can be written"):
        write_answer(tmp_path / "file", RUN, CALLS["write_answer"][1]["result"])
