"""Every public function with wrong types: an answer, or one sentence of a HopnetError.

The functions are read from the stub of hopnet, so a new name must be added here. The short form
makes 25 calls of each function with one to three wrong arguments. The slow form tries each argument
with each wrong value, and makes at least 200 calls of each function.
"""

import inspect
import re
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import hopnet as hn

STUB = Path(hn.__file__).with_suffix(".pyi")
ROOT = Path(__file__).parents[1]
RUN = {"sites": {"n_sites": 60, "density": 0.05, "seed": 1}, "spin": {"tau_s": [0.0]}}
OPEN = hn.build_network(hn.random_sites(60, density=0.02, seed=11), cutoff=1.5)
RING = hn.build_network(hn.random_sites(60, density=0.02, seed=12, geometry="cylinder"), cutoff=1.5)
CURRENT = hn.solve_current(OPEN)
TERMINALS = hn.solve_terminals(OPEN, [[0, 1], [2], [3], [4]])
COLD = hn.build_network(
    hn.with_energies(hn.random_sites(60, density=0.02, seed=13), "uniform", width=1.0, seed=3),
    kT=0.5,
    cutoff=1.5,
)
TORUS = hn.build_network(hn.random_sites(60, density=0.02, seed=14, geometry="torus"), cutoff=1.5)
CHAIN = {
    "link_i": [0, 1, 0],
    "link_j": [1, 2, 2],
    "log_rate_ij": [0.0, 0.1, 0.2],
    "log_rate_ji": [0.3, 0.1, 0.0],
    "position": [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]],
}
CHAIN_LINKS = {
    "sites": 3,
    "link_i": [0, 1],
    "link_j": [1, 2],
    "log_conductance": [0.0, 0.1],
    "contacts": ([0], [2]),
}
FROZEN = np.full((60, 3), 0.01)
KINETIC = {"network": OPEN, "spin_orbit": 0.01 * np.eye(2), "eta": 0.1, "tau_s": 10.0}
WRONG = [
    None,
    "100",
    "",
    b"1",
    np.nan,
    np.inf,
    -np.inf,
    pd.NA,
    pd.NaT,
    -1,
    0,
    2.5,
    True,
    np.True_,
    1j,
    10**400,
    1e308,
    5e-324,
    [],
    (),
    [1, "a"],
    [None, 1.0],
    [[1.0, 2.0], [3.0]],
    [[1.0, 2.0], [3.0, 4.0]],
    [np.nan, 1.0],
    [1j, 2.0],
    {},
    {"a": 1},
    set(),
    object(),
    object,
    lambda: 1,
    slice(3),
    range(3),
    iter([1.0]),
    np.ma.masked_array([1.0, 2.0], [True, False]),
    np.ma.masked,
    np.array([1.0, None], dtype=object),
    np.array(["1.0"]),
    np.array(3.0),
    np.array([], dtype=np.float32),
    np.array([np.datetime64("2020-01-01")]),
    np.zeros((2, 2, 2)),
    np.zeros(60),
    pd.Series([1.0, np.nan]),
    pd.DataFrame({"x": ["a"], "y": [None]}),
    Path("missing/folder"),
    Path("."),
    OPEN,
    RING,
    CURRENT,
    OPEN.sites,
]


def calls(folder):
    """Right arguments of every public function."""
    file = folder / "sites.csv"
    pd.DataFrame({"x": [1.0, 5.0, 2.0], "y": [1.0, 2.0, 7.0]}).to_csv(file, index=False)
    saved = {}
    for name, record in (
        ("Network", OPEN),
        ("Current", CURRENT),
        ("Sites", OPEN.sites),
        ("Spin", hn.solve_spin(OPEN, 1.0)),
    ):
        saved[name] = folder / f"{name}.npz"
        record.save(saved[name])
    matrix = folder / "links.mtx"
    hn.write_matrix_market(OPEN, matrix)
    material = {"a_b": 1e-9, "J_0": 1e-22, "tau_0": 1e-12, "tau_s": 1e-9, "m": 9e-31}
    material |= {"n": 1e24, "n_s": 1e16, "beta": 1e4 * np.eye(2), "T": 4.0}
    whole = hn.Material(**material)
    return {
        "first_passage": CHAIN | {"target": [2]},
        "stationary_occupation": CHAIN,
        "read_results": {"directory": folder},
        "run_ensemble": {"file": RUN, "out": folder / "out"},
        "Material": material,
        "Material.from_toml": {"path": ROOT / "runs" / "material_letter.toml"},
        "conductivities": {"material": whole, "f": 0.1},
        "read_material": {"path": ROOT / "runs" / "material_letter.toml", "seed": 1},
        "laboratory_numbers": {"material": whole, "seed": 1, "n_sites": 60, "samples": 1},
        "laboratory_table": {"material": whole, "temperatures": [1.0, 2.0], "seed": 1}
        | {"n_sites": 60, "samples": 1},
        "hall_response": {"material": whole, "tangent": 0.1},
        "build_network": {"sites": OPEN.sites},
        "network_from_links": CHAIN_LINKS,
        "read_matrix_market": {"path": matrix, "contacts": ([0], [59]), "sites": OPEN.sites},
        "write_matrix_market": {"network": OPEN, "path": folder / "e.mtx"},
        "with_energies": {"sites": OPEN.sites, "width": 1.0, "seed": 3},
        "Network.from_networkx": {"graph": OPEN.to_networkx()},
        "Network.save": {"self": OPEN, "path": folder / "a.npz"},
        "Network.load": {"path": saved["Network"]},
        "Network.check_owns": {"self": OPEN, "record": CURRENT},
        "read_sites": {"path": file, "length": 10.0, "width": 10.0},
        "Sites": {"position": [[1.0, 1.0], [2.0, 3.0]], "length": 5.0, "width": 5.0},
        "Sites.save": {"self": OPEN.sites, "path": folder / "b.npz"},
        "Sites.load": {"path": saved["Sites"]},
        "critical_length": {"density": 0.01},
        "lattice_sites": {"kind": "square", "n_x": 3, "n_y": 4, "spacing": 2.0},
        "random_sites": {"n_sites": 30, "density": 0.01, "seed": 5},
        "sites_from_positions": {"position": CHAIN["position"], "length": 5.0, "width": 5.0},
        "find_triads": {"network": OPEN},
        "find_backbone": {"network": OPEN},
        "find_clusters": {"network": OPEN},
        "sweep_clusters": {"network": OPEN},
        "percolation_threshold": {"network": OPEN},
        "sample_seed": {"seed": 1, "physical": {"sites.n_sites": 4}, "sample": 3},
        "Spin.save": {"self": hn.solve_spin(OPEN, 1.0), "path": folder / "c.npz"},
        "Spin.load": {"path": saved["Spin"], "network": OPEN},
        "Spin.edge_profile": {"self": hn.solve_spin(OPEN, 1.0)},
        "f_curve": {"network": OPEN, "tau_s": 1.0},
        "solve_spin": {"network": OPEN, "tau_s": 1.0},
        "spin_generation": {"network": OPEN, "current": CURRENT},
        "hanle_curve": {"network": OPEN, "tau_s": 10.0, "field": [0.1]},
        "kubo_toyabe": {"time": [1.0], "strength": 0.1},
        "memory_of_a_site": {"rate": [1.0], "strength": 0.1},
        "overhauser_fields": {"network": OPEN, "strength": 0.1, "seed": 3},
        "solve_kinetics": KINETIC,
        "f": {"density": 0.01, "tau_s": 1.0},
        "f_table": {},
        "block_spins": {"network": OPEN, "trap": [7], "field": FROZEN},
        "magnetoresistance": {
            "network": OPEN,
            "trap": [7],
            "external": [0.0, 0.1],
            "field": FROZEN,
        },
        "nuclear_f": {"network": OPEN, "tau_s": 10.0, "field": FROZEN},
        "nuclear_average": KINETIC | {"field": np.zeros((60, 3)) + 0.01},
        "spin_relaxation": {"network": RING, "time": [1.0], "field": FROZEN},
        "orientation_curve": {"network": RING, "tau_s": 10.0, "external": [0.1], "field": FROZEN},
        "spin_noise": {"network": RING, "frequency": [0.1], "field": FROZEN, "resolution": 0.1},
        "admittance": {"network": OPEN, "frequency": [0.1]},
        "admittance_model": {"network": OPEN, "slowest": 0.1, "fastest": 1.0},
        "solve_bias": {"network": COLD, "voltage": 0.1},
        "solve_drift": {"network": RING, "field": 0.1},
        "field_curve": {"network": RING, "field": [0.1]},
        "voltage_curve": {"network": COLD, "voltage": [0.1]},
        "Current.save": {"self": CURRENT, "path": folder / "d.npz"},
        "Current.load": {"path": saved["Current"], "network": OPEN},
        "solve_current": {"network": OPEN},
        "hall_angle": {"network": RING},
        "hall_conductance": {"terminals": TERMINALS},
        "hall_resistance": {"terminals": TERMINALS, "current": (0, 1), "voltage": (2, 3)},
        "Terminals.potentials": {"self": TERMINALS, "held": {0: 1.0, 1: 0.0}},
        "Terminals.drops": {"self": TERMINALS, "values": [1.0, 0.0, 0.5, 0.5]},
        "Terminals.injected": {"self": TERMINALS, "current": (0, 1)},
        "Terminals.resistance": {"self": TERMINALS, "current": (0, 1), "voltage": (2, 3)},
        "Terminals.van_der_pauw": {"self": TERMINALS},
        "activation_energy": {"current": hn.solve_current(COLD)},
        "link_response": {"current": CURRENT, "change": np.ones(OPEN.n_links)},
        "solve_ring": {"network": RING},
        "solve_torus": {"network": TORUS},
        "solve_terminals": {"network": OPEN, "sites": [[0], [1]]},
        "peltier_heat": {"current": hn.solve_current(COLD), "level": 0.0},
        "seebeck_coefficient": {"current": hn.solve_current(COLD), "level": 0.0},
    }


LIST = sorted(calls(Path(tempfile.mkdtemp(prefix="fuzz-"))))

# Records that only hopnet's own functions make, from numbers that are right; and errors.
RESULTS = {
    "Network",
    "Triads",
    "Backbone",
    "Clusters",
    "MagnetoResistance",
    "NuclearF",
    "SpinNoise",
    "SpinRelaxation",
    "Threshold",
    "FCurve",
    "Spin",
    "NuclearAverage",
    "Bias",
    "Drift",
    "Current",
    "HallAngle",
    "Torus",
    "Terminals",
    "Laboratory",
}
# Refused even with right arguments: an empty folder has no results.
REFUSED = {"read_results"}
# Right numbers that only take time or memory.
LARGE = {"fastest", "n_x", "n_y", "n_sites", "workers", "max_iterations", "threads"}


def public_names():
    names = re.findall(r" as (\w+)$", STUB.read_text(), flags=re.M)
    return [name for name in names if not re.search(r"Error$|Warning$", name)]


def found(name):
    value = hn
    for part in name.split("."):
        value = getattr(value, part)
    return value


def call(name, arguments):
    """Call one public function; anything but an answer or a HopnetError fails the test."""
    own = dict(arguments)
    function = found(name)
    if "self" in own:
        function = getattr(own.pop("self"), name.split(".")[1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            function(**own)
        except hn.HopnetError as error:
            text = str(error)
            assert "\n" not in text, f"{name}: {text}"
            return 1
        except Exception as error:
            wrong = {k: v for k, v in arguments.items() if k != "self"}
            pytest.fail(f"{name}({wrong!r:.300}) raises {type(error).__name__}: {error!s:.200}")
    return 0


def parameters_of(name):
    known = list(inspect.signature(found(name)).parameters)
    return [p for p in known if p not in ("self", "cls", "listener", "scheduler")]


def is_right_but_large(argument, value):
    return argument in LARGE and isinstance(value, (int, float)) and value == value and value > 1e6


def one_by_one(name, right):
    """Each argument with each wrong value; how many calls were made."""
    n_calls = 0
    for argument in parameters_of(name):
        for value in WRONG:
            if not is_right_but_large(argument, value):
                call(name, right | {argument: value})
                n_calls += 1
    return n_calls


def several_at_once(name, right, n_calls, seed):
    """One to three arguments with wrong values drawn at random."""
    rng = np.random.default_rng(seed)
    arguments = parameters_of(name)
    for _ in range(n_calls if arguments else 0):
        chosen = rng.permutation(arguments)[: int(rng.integers(1, 4))].tolist()
        values = {a: WRONG[int(rng.integers(len(WRONG)))] for a in chosen}
        right_but_large = [a for a, v in values.items() if is_right_but_large(a, v)]
        call(name, right | {a: v for a, v in values.items() if a not in right_but_large})


def test_no_public_name_is_left_out(tmp_path):
    tried = calls(tmp_path)
    callable_names = {n for n in public_names() if callable(getattr(hn, n))}
    assert {n for n in tried if "." not in n} <= callable_names
    new = sorted(callable_names - RESULTS - set(tried))
    assert not new, f"not tried yet, add right arguments to `calls`: {', '.join(new)}"
    for name, arguments in tried.items():
        if name not in REFUSED:
            assert call(name, arguments) == 0, f"the right arguments of {name} are refused"


@pytest.mark.parametrize("name", LIST)
def test_wrong_arguments(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    several_at_once(name, calls(tmp_path)[name], 25, seed=51)


@pytest.mark.slow
@pytest.mark.parametrize("name", LIST)
def test_wrong_arguments_in_full(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    right = calls(tmp_path)[name]
    n_calls = one_by_one(name, right)
    several_at_once(name, right, max(0, 200 - n_calls), seed=52)
