"""Cost of the Boltzmann companions beside dense solves of the same systems, measured together."""

from __future__ import annotations

import warnings

import numpy as np

from hopnet.bench import paired, row
from hopnet.boltzmann.collisions import Disorder
from hopnet.boltzmann.kinetic import kinetic_response
from hopnet.boltzmann.potentials import delta_potential, gaussian_potential
from hopnet.boltzmann.rashba import RashbaGas, solve_rashba
from hopnet.boltzmann.response import Coefficients, Electrons, linear_response
from hopnet.errors import ValidityWarning

__all__ = ["measure"]


def measure(n_sets: int = 100_000, repeats: int = 7) -> list[dict]:
    """Measure three comparisons, in which code and reference take turns.

    Parameters
    ----------
    n_sets : int
        Number of parameter sets of the 3x3 response.
    repeats : int
        Number of repetitions of each measurement.

    Returns
    -------
    list of dict
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ValidityWarning)
        return [
            *measure_matrix(n_sets, repeats),
            *measure_harmonics(repeats),
            *measure_chains(repeats),
        ]


def measure_matrix(n_sets: int, repeats: int) -> list[dict]:
    """Measure the 3x3 response of many parameter sets beside numpy.linalg.solve on the batch."""
    rng = np.random.default_rng(8128)
    theta, rashba, asp = (rng.normal(0, 0.1, n_sets) for _ in range(3))
    asp *= 0.01
    rate = rng.uniform(0.01, 0.1, n_sets)
    sets = Coefficients(
        side_jump=rng.normal(0, 0.01, n_sets),
        spin_hall_angle=theta,
        charge_from_magnetisation=asp,
        spin_from_magnetisation=rashba,
        magnetisation_from_charge=2 * asp,
        magnetisation_from_spin=2 * rashba,
        relaxation_ratio=rate,
    )
    one = np.ones(n_sets)
    matrix = np.stack(
        [one, -theta, -asp, theta, one, -rashba, -2 * asp, 2 * rashba, rate], axis=-1
    ).reshape(n_sets, 3, 3)
    drive = np.stack([one, sets.side_jump, 0 * one], axis=-1)[..., None]
    seconds = paired(
        {
            "response": lambda: linear_response(sets),
            "dense": lambda: np.linalg.solve(matrix, drive),
        },
        repeats=repeats,
    )
    return [
        row(
            f"3x3 response, {n_sets} sets",
            seconds["response"],
            "numpy.linalg.solve on the batch",
            seconds["dense"],
            allowed=3.0,
        )
    ]


def measure_harmonics(repeats: int) -> list[dict]:
    """Measure the response on all harmonics, compiled, beside one dense solve per drive.

    The truncation error is not estimated. Every call has another alpha, so that only the terms of
    the operator, which depend on L and the scattering weight alone, are kept from the call before.
    """
    disorder = Disorder(0.05, 0.1, 0.2)
    fields = np.stack([np.linspace(0, 0.01, 201)] + [np.zeros(201)] * 2, axis=-1)
    rows = []
    for harmonics, larmor, drives, calls in (
        (4, fields, 201, 1),
        (4, fields[1], 1, 50),
        (16, fields[1], 1, 5),
        (64, fields[1], 1, 1),
    ):
        order = 4 * (2 * harmonics + 1) - 1
        rng = np.random.default_rng(496)
        shape = (drives, order, order) if drives > 1 else (order, order)
        matrix = rng.normal(size=shape) + order * np.eye(order)
        drive = np.ones((*shape[:-1], 1))
        bands = [Electrons(rashba=0.005 + 1e-5 * k, drude_time=20.0) for k in range(calls)]

        def respond(bands=bands, harmonics=harmonics, larmor=larmor):
            for electrons in bands:
                kinetic_response(
                    electrons, disorder, harmonics, larmor=larmor, estimate_truncation=False
                )

        def solve(matrix=matrix, drive=drive, calls=calls):
            for _ in range(calls):
                np.linalg.solve(matrix, drive)

        seconds = paired({"response": respond, "dense": solve}, repeats=repeats)
        rows.append(
            row(
                f"harmonics to {harmonics}, {drives} field(s), {calls} call(s)",
                seconds["response"],
                f"dense solve, order {order}, {drives * calls} time(s)",
                seconds["dense"],
                allowed=3.0,
            )
        )
    return rows


def measure_chains(repeats: int) -> list[dict]:
    """Measure the Rashba gas to 1e-9 beside dense solves of its largest chain matrix."""
    rows = []
    cases = (
        (0.02, 50.0, "delta"),
        (0.1, 10.0, "delta"),
        (0.4, 1.0, "delta"),
        (0.4, 10.0, "delta"),
        (0.4, 10.0, "Gaussian"),
        (1.0, 10.0, "Gaussian"),
        (1.0, 10.0, "delta"),
        (3.0, 1.0, "delta"),
        (3.0, 10.0, "Gaussian"),
    )
    for alpha, time, kind in cases:
        potential = delta_potential(time) if kind == "delta" else gaussian_potential(time, 0.5)
        gas = RashbaGas(alpha)
        order = 4 * solve_rashba(gas, potential).n_points
        matrix = np.random.default_rng(28).normal(size=(order, order)) + order * np.eye(order)
        drive = np.ones(order)

        # several of each, so that interruptions affect both times alike
        calls, solves = (5, 150) if order < 300 else (1, 3)

        def respond(gas=gas, potential=potential, calls=calls):
            for _ in range(calls):
                solve_rashba(gas, potential)

        def solve(matrix=matrix, drive=drive, solves=solves):
            for _ in range(solves):
                np.linalg.solve(matrix, drive)

        seconds = paired({"chain": respond, "dense": solve}, repeats=repeats)
        chain, dense = (
            [t / n for t in seconds[name]] for name, n in (("chain", calls), ("dense", solves))
        )
        rows.append(
            row(
                f"rashba to 1e-9, {kind}, alpha {alpha:g}, tau {time:g}",
                chain,
                f"dense solve, order {order}",
                dense,
                allowed=50.0,
            )
        )
    return rows
