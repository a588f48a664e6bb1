"""Every public function of elimination and transport answers wrong types with a HopnetError."""

import numpy as np
import pandas as pd
import pytest

import hopnet as hn
from hopnet.elimination import (
    analyse,
    critical_log_conductance,
    dissect_graph,
    factor,
    interpolate,
    rational_model,
    scaled_conductance,
    scaled_rates,
)
from hopnet.transport import diffusion_constant, diffusion_tensor, fit_mott_law, solve_current
from samples import random_network

WRONG = [
    "100",
    None,
    np.inf,
    np.nan,
    pd.NA,
    -1,
    2.5,
    10**30,
    1j,
    True,
    b"x",
    [],
    {},
    [1, "a"],
    [0, 99],
    np.array([-1, 0]),
    np.array([[1, 2], [3, 4]]),
    np.ma.masked_array([1.0, 2.0, 3.0], [0, 1, 0]),
    object(),
]

GRAPH = {"link_i": np.array([0, 1, 2]), "link_j": np.array([1, 2, 3])}
POSITION = np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0], [3.0, 0.0]])
TERMINAL = np.array([0, -1, -1, 1])
ORDER = dissect_graph(**GRAPH, position=POSITION)
BETWEEN = analyse(ORDER, **GRAPH, terminal=TERMINAL)
FREE = analyse(ORDER, **GRAPH)
NETWORK = random_network(60, 0.05, 50)
CURRENT = solve_current(NETWORK)
LOGS = np.array([1.0, 2.0, 400.0])


def evaluate(z):
    return z / (1 + z), 1 / (1 + z) ** 2


CALLS = [
    (
        dissect_graph,
        GRAPH
        | {"position": POSITION, "rows": None, "period": None, "leaf_size": 2, "strip": 1.0}
        | {"threads": 1},
    ),
    (analyse, GRAPH | {"dissection": ORDER, "terminal": TERMINAL}),
    (factor, {"elimination": BETWEEN, "conductance": np.ones(3), "excess": 0.0, "threads": 1}),
    (factor(FREE, np.ones(3), 1.0).solve, {"rhs": np.ones(4)}),
    (
        factor(BETWEEN, np.ones(3)).link_drops,
        {"n_links": 3, "terminal_value": (1.0, 0.0), "rhs": np.ones(4)},
    ),
    (interpolate, {"evaluate": evaluate, "z": [1.0, 2.0], "relative": 0.1, "absolute": 0.1}),
    (interpolate, {"evaluate": evaluate, "z": 1.0, "relative": 0, "absolute": 1, "max_nodes": 3}),
    (
        rational_model,
        GRAPH
        | {"elimination": FREE, "conductance": np.ones(3), "b": np.ones(4), "c": np.arange(4.0)}
        | {"poles": [1.0, 2.0], "occupation": None, "solutions": None, "threads": 1},
    ),
    (
        scaled_rates,
        GRAPH | {"log_conductance": LOGS, "log_occupation": np.zeros(4), "terminal": TERMINAL},
    ),
    (scaled_conductance, GRAPH | {"log_conductance": LOGS, "terminal": TERMINAL}),
    (critical_log_conductance, GRAPH | {"log_conductance": LOGS, "terminal": TERMINAL}),
    (solve_current, {"network": NETWORK, "threads": 1}),
    (diffusion_constant, {"network": NETWORK, "current": CURRENT}),
    (diffusion_tensor, {"network": random_network(60, 0.05, 50, "torus")}),
    (fit_mott_law, {"kT": [1.0, 2.0, 3.0], "exponent": [3.0, 2.0, 1.0], "power": 0.5}),
]


@pytest.mark.parametrize(("function", "arguments"), CALLS, ids=lambda v: getattr(v, "__name__", ""))
def test_wrong_types(function, arguments):
    """One argument at a time is wrong. A value that happens to be allowed gives an answer."""
    function(**arguments)
    refused = 0
    for name in arguments:
        for value in WRONG:
            try:
                function(**(arguments | {name: value}))
            except hn.HopnetError:
                refused += 1
    assert refused >= len(arguments)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"link_j": np.array([1, 2, 4])}, "link_j must hold"),
        ({"link_i": np.array([0, 1])}, "equal lengths"),
        ({"rows": (np.zeros(5, int), np.array([1, 2, 9, 9, 9, 9]))}, "rows must be"),
        ({"rows": (np.array([0, 2, 4, 6, 6]), np.array([1, 2, 9, 0, 1, 2]))}, "rows must be"),
    ],
)
def test_bounds_are_checked_before_a_kernel_indexes(change, message):
    with pytest.raises(hn.ParameterError, match=message):
        dissect_graph(**(GRAPH | {"position": POSITION} | change))


def test_terminals_out_of_range():
    for terminal in ([0, -1, -1, -3], [0, -1, -1, 4], [0.5, -1, -1, 1], [0, -1, 1]):
        with pytest.raises(hn.ParameterError, match="terminal must"):
            analyse(ORDER, **GRAPH, terminal=terminal)


def test_complex_excess_is_allowed_where_its_real_part_is_not_negative():
    with pytest.raises(hn.ParameterError, match="finite and not negative"):
        factor(FREE, np.ones(3), -1.0 + 1j)
    with pytest.raises(hn.ParameterError, match="only the excess may be complex"):
        factor(FREE, np.ones(3) * (1 + 1j))
    assert factor(FREE, np.ones(3), 1.0 + 1j).solve(np.ones(4)).dtype == np.complex128
