"""Every public function of the room answers wrong types and values with a HopnetError."""

import inspect
import random

import numpy as np
import pandas as pd
import pytest

import hopnet as hn
import hopnet.percolation as room
from hopnet.cli import main as command
from hopnet.percolation import scaling, wrapping

N_CALLS = 200
X = np.array([0.01, 0.02, 0.04, 0.08, 0.16])


@pytest.fixture(scope="module")
def calls():
    """Every public function and method with arguments that work."""
    network = hn.build_network(hn.random_sites(150, density=0.01, seed=3), cutoff=1.5)
    plane = hn.random_sites(200, density=0.01, seed=3, geometry="torus")
    torus = hn.build_network(plane, cutoff=1.6)
    current = hn.solve_current(network)
    sizes = (100, 150, 200)
    critical = pd.concat([room.sample_critical(n, 10, seed=3) for n in sizes])
    equal = pd.concat([room.sample_conductances(n, 10, seed=3) for n in sizes])
    samples = {"n_sites": 100, "samples": 1, "seed": 3}
    sweep, statistics = room.sweep_clusters(network), room.flow_statistics(current)
    return {
        "find_backbone": (room.find_backbone, {"network": network, "threshold_length": 15.0}),
        "wrapping_backbone": (
            room.wrapping_backbone,
            {"network": torus, "threshold": room.percolation_threshold(torus)},
        ),
        "find_clusters": (room.find_clusters, {"network": network, "threshold_length": 12.0}),
        "sweep_clusters": (room.sweep_clusters, {"network": network}),
        "ClusterSweep.at": (sweep.at, {"threshold_length": [9.0, 12.0]}),
        "ClusterSweep.size_distribution": (sweep.size_distribution, {"threshold_length": 12.0}),
        "percolation_threshold": (
            room.percolation_threshold,
            {"network": network, "event": "contacts"},
        ),
        "flow_statistics": (room.flow_statistics, {"current": current, "n_cuts": 8}),
        "FlowStatistics.moments": (statistics.moments, {"q": [0, 1, 2]}),
        "FlowStatistics.log_moments": (statistics.log_moments, {"q": [0, 1, 2]}),
        "resistivity_ratio": (room.resistivity_ratio, {"current": current}),
        "sample_thresholds": (room.sample_thresholds, {**samples, "first": 0}),
        "sample_critical": (room.sample_critical, {**samples, "first": 0}),
        "sample_conductances": (
            room.sample_conductances,
            {**samples, "first": 0, "geometry": "open"},
        ),
        "sample_resistivities": (
            room.sample_resistivities,
            {**samples, "densities": [0.01], "geometry": "open"},
        ),
        "sample_mott_numbers": (
            room.sample_mott_numbers,
            {"side": 10, "n_samples": 1, "seed": 3},
        ),
        "extrapolate": (
            room.extrapolate,
            {"x": X, "value": 2 - X, "error": 0 * X + 0.1, "exponent": 1.0},
        ),
        "extrapolate, free": (
            room.extrapolate,
            {"x": X, "value": 2 - X, "error": 0 * X + 0.1, "exponent_range": (0.5, 4.0)},
        ),
        "fit_power_law": (
            room.fit_power_law,
            {"x": X, "value": X**0.5, "error": 0.01 * X, "limit": "zero", "correction": 0.75},
        ),
        "dual_threshold": (
            room.dual_threshold,
            {"first": critical["first"], "second": critical["second"]},
        ),
        "critical_exponents": (room.critical_exponents, {"table": critical}),
        "conductivity_exponent": (room.conductivity_exponent, {"table": equal}),
        "by_size": (scaling.by_size, {"table": critical, "name": "largest"}),
        "combined_threshold": (wrapping.combined_threshold, {"table": critical}),
        "wrapping_threshold": (
            room.wrapping_threshold,
            {"values": np.linspace(0.5, 0.7, 20), "probability": 0.46},
        ),
    }


NAMES = [
    *("find_backbone", "wrapping_backbone", "find_clusters", "sweep_clusters", "ClusterSweep.at"),
    *("ClusterSweep.size_distribution", "percolation_threshold", "flow_statistics"),
    *("FlowStatistics.moments", "FlowStatistics.log_moments", "resistivity_ratio"),
    *("sample_thresholds", "sample_critical", "sample_conductances", "sample_resistivities"),
    *("sample_mott_numbers", "extrapolate", "extrapolate, free", "fit_power_law"),
    *("dual_threshold", "critical_exponents", "conductivity_exponent"),
    *("by_size", "combined_threshold", "wrapping_threshold"),
]


class Unprintable:
    def __repr__(self):
        raise RuntimeError("no text")


def odd_value(generator):
    """A value that is wrong for most arguments."""
    return generator.choice(
        [
            *("100", "", b"x", "x", None, pd.NA, pd.NaT, object(), Unprintable(), 1j, True, dict),
            *(np.inf, -np.inf, np.nan, -1, 0, 0.5, -(10**30), 1e-300, 5e-324, [], {}, (1,), [[1]]),
            *([np.nan], ["a"], np.array([1, 2]), np.array(["a"]), np.array([None]), np.zeros(0)),
            *(np.ma.masked_array([1.0, 2.0], [1, 0]), pd.DataFrame({"size": [1]}), pd.DataFrame()),
            *(pd.DataFrame([[1, 2]], columns=["size", "size"]), pd.Series(["a"]), np.float64(-3)),
        ]
    )


def test_every_public_function_is_called(calls):
    assert list(calls) == NAMES
    functions = {n for n in room.__all__ if inspect.isfunction(getattr(room, n))}
    assert functions <= set(NAMES)


@pytest.mark.filterwarnings("ignore::hopnet.errors.ValidityWarning")
@pytest.mark.parametrize("name", NAMES)
def test_wrong_arguments_give_an_error_of_hopnet_or_an_answer(calls, name):
    function, good = calls[name]
    function(**good)
    generator = random.Random(f"{name} 2026")
    sentences = []
    for _ in range(N_CALLS):
        changed = {generator.choice(list(good)): odd_value(generator)}
        try:
            function(**{**good, **changed})
        except hn.HopnetError as error:
            sentences.append(str(error))
    assert len(sentences) > 0.5 * N_CALLS
    assert all("\n" not in text and text.endswith(".") for text in sentences)


def test_a_threshold_of_another_network_is_refused():
    torus, other = (
        hn.build_network(
            hn.random_sites(200, density=0.01, seed=seed, geometry="torus"), cutoff=1.6
        )
        for seed in (3, 4)
    )
    with pytest.raises(hn.ParameterError, match="'wrapping' of this network"):
        room.wrapping_backbone(torus, room.percolation_threshold(other))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("threshold --sizes 200,200 --samples 20", "--sizes must differ"),
        ("exponents --sizes 200,200,200 --samples 10", "--sizes must differ"),
        ("resistivity --n-sites 200 --samples 2 --densities 0.1,0.1", "densities must differ"),
        ("threshold --sizes 10000000000 --samples 10", "memory of this machine"),
        ("threshold --sizes 1e300 --samples 10", "n_sites must be a whole number"),
        ("threshold --sizes 200 --samples 1e300", "samples must be a whole number"),
        ("threshold --sizes nan", "--sizes takes numbers"),
        ("threshold --sizes 0", "n_sites must be a whole number"),
        ("threshold --sizes 200 --samples 0", "samples must be a whole number"),
        ("sample --n-sites 10000000000", "memory of this machine"),
        ("sample --n-sites 500 --density 1e300", "density"),
        ("sample --n-sites 500 --tau-s nan", "tau_s must be"),
        ("resistivity --n-sites 100000000000 --samples 1", "memory of this machine"),
        ("resistivity --n-sites 300 --densities 0", "densities must hold finite numbers above 0"),
    ],
)
def test_extreme_numbers_of_the_command_give_one_sentence(capsys, line, words):
    code = command.main([*f"percolation {line}".split(), "--seed", "3"])
    printed = capsys.readouterr()
    assert code == 2
    assert words in printed.err
    assert printed.err.strip().startswith("error: ")
    assert printed.err.strip().count("\n") == 0
