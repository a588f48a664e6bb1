"""Integrals over wave vectors: convergence, error estimates, Fermi points, refused input.

Equations [berry 1], [berry 9].
"""

import dataclasses
import math

import numpy as np
import pytest

from hopnet.berry import (
    AdaptiveZone,
    PeriodicGrid,
    Rays,
    Treatment,
    ZoneLines,
    anomalous_hall,
    band_pairs,
    bi2se3_bulk,
    conserved_current,
    decompose,
    from_callables,
    haldane,
    integrate,
    kane_mele,
    luttinger_well,
    massive_dirac,
    qwz,
    rashba,
    rashba_splitting,
    spin_hall,
    spin_streda,
    subbands,
)
from hopnet.berry.models import SX, SY, SZ
from hopnet.berry.quadrature import harmonics, kronrod
from hopnet.berry.spin_current import E2_OVER_H
from hopnet.errors import ConvergenceError, ParameterError
from test_berry import random_model


def test_kronrod_rule_is_exact_to_its_degree():
    x, w, g = kronrod()
    for degree in range(23):
        assert w @ x**degree == pytest.approx(1 / (degree + 1), rel=1e-13)
    for degree in range(14):
        assert g @ x**degree == pytest.approx(1 / (degree + 1), rel=1e-12)
    assert abs(g @ x**14 - 1 / 15) > 1e-9


def test_companions_of_a_grid_see_every_phase():
    """The estimate from a harmonic n/2 - 1 is the same at any phase."""
    n = 12
    index = np.arange(n)
    for phase in (0.0, 0.4, np.pi / 2):
        f = np.cos(2 * np.pi * 5 * index / n + phase)
        seen = (harmonics(index, n) - 1.0).T @ f / n
        assert np.hypot(seen[1], seen[2]) == pytest.approx(0.5, abs=1e-13)


def chern_integral(model, n):
    """``(1/2 pi) Int Om^xy`` of the lower band on a grid of n x n."""
    return anomalous_hall(model, PeriodicGrid(n), mu=0.0)[0][0] / E2_OVER_H


@pytest.mark.parametrize(("u", "rate"), [(-1.0, 1.0), (-1.5, 0.5)])
def test_uniform_grids_converge_exponentially(u, rate):
    """With a gap, 8 more points reduce the error by the same factor each time, down to rounding."""
    errors = [abs(chern_integral(qwz(u), n) - 1.0) for n in (8, 16, 24, 32)]
    gains = np.diff(np.log(errors))
    assert np.all(gains < -8 * 0.6 * rate)
    assert gains.max() - gains.min() < 0.35 * abs(gains.mean())
    assert abs(chern_integral(qwz(-1.0), 64) - 1.0) < 1e-12


def errors_hold(estimate, got, want, slack=1e-13):
    """Whether the stated error bounds the true one in all three forms."""
    names = ("lcc", "xn", "conventional")
    true = max(abs(getattr(got, n)[0] - getattr(want, n)[0]) for n in names)
    return true <= estimate + slack


def test_grid_errors_bound_the_true_ones():
    """In at least 180 of 200 random models, sizes and temperatures the error covers."""
    rng = np.random.default_rng(77)
    held = 0
    for _ in range(200):
        order = int(rng.integers(2, 4))
        model = random_model(int(rng.integers(10**9)), order, float(rng.uniform(0.0, 4.0)))
        n, kT = int(rng.choice([6, 8, 12, 16, 24])), float(rng.choice([0.4, 1.0]))
        got = spin_hall(model, PeriodicGrid(n), mu=0.0, kT=kT)
        want = spin_hall(model, PeriodicGrid(64), mu=0.0, kT=kT)
        held += errors_hold(got.error[0] + want.error[0], got, want)
    assert held >= 180


@pytest.mark.slow
def test_adaptive_errors_bound_the_true_ones():
    """For 200 random models: adaptive cells against a fine grid, rays against closed forms."""
    rng = np.random.default_rng(78)
    held = 0
    for case in range(200):
        accuracy = float(10 ** rng.uniform(-6, -1))
        if case % 2:
            model = random_model(int(rng.integers(10**9)), 2, float(rng.uniform(0.0, 4.0)))
            got = spin_hall(model, AdaptiveZone(accuracy, cells=2), mu=0.0, kT=0.4)
            want = spin_hall(model, PeriodicGrid(256), mu=0.0, kT=0.4)
            held += errors_hold(got.error[0] + want.error[0], got, want)
        else:
            mass, mu = rng.uniform(0.05, 1.0), rng.uniform(1.1, 5.0)
            got = spin_hall(massive_dirac(mass), Rays(math.inf, 4, accuracy=accuracy), mu=mu)
            want = -(2 - mass**2 / mu**2) / (8 * np.pi)
            held += abs(got.lcc[0] - want) <= got.error[0] + 1e-13
    assert held >= 180


def test_a_small_gap_is_refined_where_it_is():
    model = qwz(-1.98)  # gap 0.04
    done = spin_hall(model, AdaptiveZone(1e-8), mu=0.0)
    chern = 2 * np.pi * done.berry[0]
    assert chern == pytest.approx(1.0, abs=1e-9)
    assert abs(chern - 1.0) <= 2 * np.pi * done.error[0] + 1e-12
    same = spin_hall(model, PeriodicGrid(256), mu=0.0)
    assert same.points > done.points
    assert abs(2 * np.pi * same.berry[0] - 1.0) > 1e-5


def test_fermi_points_of_a_metal_at_zero_temperature():
    """Lines with exact Fermi points against grids at finite kT, extrapolated in kT^2."""
    model = qwz(-1.0, 0.3)
    lines = spin_hall(model, ZoneLines(1e-6), mu=0.9)
    hot = [spin_hall(model, PeriodicGrid(384), mu=0.9, kT=t).lcc[0] for t in (0.01, 0.02)]
    assert lines.lcc[0] == pytest.approx((4 * hot[0] - hot[1]) / 3, abs=1e-6)
    assert lines.error[0] < 1e-6


def test_fermi_surface_in_three_dimensions_at_zero_temperature():
    """Layers coupled by the hopping t: the mean over kz of one layer at mu - t cos(kz)."""
    layer, hop, mu = qwz(-1.0, 0.3), 0.2, 0.9

    def hamiltonian(k):
        return layer.hamiltonian(k[:, :2]) + hop * np.cos(k[:, 2])[:, None, None] * np.eye(2)

    def derivative(k, axis):
        if axis < 2:
            return layer.derivative(k[:, :2], axis)
        return -hop * np.sin(k[:, 2])[:, None, None] * np.eye(2)

    stack = from_callables(
        "stack",
        hamiltonian,
        layer.spin,
        dimension=3,
        derivative=derivative,
        reciprocal=2 * np.pi * np.eye(3),
    )
    # The Fermi surface is closed along kz, so some lines are tangent to it.
    got = spin_hall(stack, ZoneLines(1e-2), mu=mu)
    phase = np.pi * (np.arange(12) + 0.5) / 12
    each = [spin_hall(layer, ZoneLines(1e-5), mu=mu - hop * np.cos(p)) for p in phase]
    for name in ("lcc", "xn", "berry"):
        want = np.mean([getattr(one, name)[0] for one in each])
        assert abs(getattr(got, name)[0] - want) <= got.error[0] + 2e-5
    assert got.error[0] < 2e-3 * abs(got.berry[0])


def test_sweeps_along_rays_agree_with_adaptive_panels():
    model = luttinger_well("GaAs", 1.0)
    mu = model.parameters["bottom"] + np.array([0.002, 0.015])
    fixed = spin_hall(model, Rays(0.2, 8, panels=200), mu=mu)
    exact = spin_hall(model, Rays(0.2, 8), mu=mu)
    np.testing.assert_allclose(fixed.lcc, exact.lcc, rtol=5e-3)
    warm = spin_hall(model, Rays(0.2, 8, panels=40), mu=mu, kT=1e-3)
    same = spin_hall(model, Rays(0.2, 8), mu=mu, kT=1e-3)
    np.testing.assert_allclose(warm.lcc, same.lcc, rtol=1e-6)


def test_spin_current_below_the_band_is_zero():
    model = luttinger_well("GaAs", 1.0)
    forms = spin_hall(model, Rays(math.inf, 4), mu=model.parameters["bottom"] - 0.01)
    assert forms.lcc[0] == forms.xn[0] == forms.conventional[0] == 0.0


def test_progress_is_reported_per_batch():
    n, seen = 600, []
    spin_hall(qwz(), PeriodicGrid(n), mu=0.0, progress=lambda done, left: seen.append(done))
    assert len(seen) > 1
    assert np.all(np.diff(seen) > 0)
    assert seen[-1] == n**2


def test_an_accuracy_out_of_reach_is_an_error_that_carries_the_estimate():
    with pytest.raises(ConvergenceError, match="max_points") as caught:
        spin_hall(qwz(-1.98), AdaptiveZone(1e-12, cells=1, max_points=2000), mu=0.0)
    assert np.isfinite(caught.value.estimate).all()
    assert caught.value.residual > 1e-12


def test_missing_derivatives_are_central_differences():
    analytic = kane_mele()
    own = from_callables(
        "own", analytic.hamiltonian, analytic.spin, dimension=2, reciprocal=analytic.reciprocal
    )
    k = np.random.default_rng(9).uniform(-3, 3, (10, 2))
    for axis in (0, 1):
        np.testing.assert_allclose(
            own.derivative(k, axis), analytic.derivative(k, axis), atol=1e-10
        )
    one = spin_hall(own, PeriodicGrid(32), mu=0.0, kT=0.05)
    two = spin_hall(analytic, PeriodicGrid(32), mu=0.0, kT=0.05)
    np.testing.assert_allclose(one.conventional, two.conventional, rtol=1e-8)


def not_hermitian(k):
    return np.ones((len(k), 1, 1)) * np.array([[0, 1], [0, 0]], complex)


def not_finite(k):
    return np.full((len(k), 2, 2), np.nan, complex)


def dirac(k):
    return k[:, 0, None, None] * SX + k[:, 1, None, None] * SY + 0.1 * SZ


GRID = PeriodicGrid(4)
REFUSED = {
    "hamiltonian not Hermitian": lambda: from_callables("x", not_hermitian, {"z": SZ}, dimension=2),
    "hamiltonian not finite": lambda: from_callables("x", not_finite, {"z": SZ}, dimension=2),
    "hamiltonian of another shape": lambda: from_callables(
        "x", lambda k: dirac(k)[:-1], {"z": SZ}, dimension=2
    ),
    "derivative not Hermitian": lambda: from_callables(
        "x", dirac, {"z": SZ}, dimension=2, derivative=lambda k, axis: not_hermitian(k)
    ),
    "spin not Hermitian": lambda: from_callables(
        "x", dirac, {"z": np.array([[0, 1], [0, 0]])}, dimension=2
    ),
    "no spin": lambda: from_callables("x", dirac, {}, dimension=2),
    "dimension": lambda: from_callables("x", dirac, {"z": SZ}, dimension=1),
    "spin of another shape": lambda: spin_hall(qwz(), GRID, mu=0.0, spin=np.eye(3)),
    "spin not finite": lambda: spin_hall(qwz(), GRID, mu=0.0, spin=np.full((2, 2), np.inf)),
    "spin unknown": lambda: spin_hall(haldane(), GRID, mu=0.0, spin="x"),
    "Hermitian no more": lambda: spin_hall(
        dataclasses.replace(qwz(), hamiltonian=not_hermitian), GRID, mu=0.0
    ),
    "axis": lambda: spin_hall(qwz(), GRID, mu=0.0, field="z"),
    "axis number": lambda: spin_hall(qwz(), GRID, mu=0.0, current=2),
    "mu": lambda: spin_hall(qwz(), GRID, mu=np.nan),
    "no mu": lambda: spin_hall(qwz(), GRID, mu=[]),
    "kT": lambda: spin_hall(qwz(), GRID, mu=0.0, kT=-1.0),
    "kT of the conserved current": lambda: conserved_current(qwz(), GRID, mu=0.0, kT=-1.0),
    "domain": lambda: spin_hall(qwz(), 4, mu=0.0),
    "no zone": lambda: spin_hall(rashba(), GRID, mu=0.0),
    "no scale": lambda: spin_hall(qwz(), Rays(1.0), mu=0.0),
    "lines of a continuum": lambda: spin_hall(rashba(), ZoneLines(), mu=1.0),
    "n": lambda: PeriodicGrid(0),
    "odd n": lambda: PeriodicGrid(5),
    "kmax": lambda: Rays(0.0),
    "kmax negative": lambda: Rays(-1.0),
    "directions": lambda: Rays(1.0, 3),
    "accuracy": lambda: AdaptiveZone(0.0),
    "cells": lambda: ZoneLines(cells=0),
    "degeneracy": lambda: Treatment("blocks"),
    "tolerance": lambda: Treatment(absolute=-1.0),
    "touching bands": lambda: band_pairs(
        bi2se3_bulk((0, 0, 0)), np.ones((1, 3)), "y", "x", "z", Treatment("diagonal", 1e-6)
    ),
    "parallel conserved": lambda: conserved_current(qwz(), GRID, mu=0.0, current="x"),
    "conserved step": lambda: conserved_current(qwz(), GRID, mu=0.0, step=0.0),
    "sharp metal": lambda: decompose(qwz(-1.0, 0.3), PeriodicGrid(16), mu=2.0),
    "decomposition step": lambda: decompose(qwz(), GRID, mu=0.0, step=-1.0),
    "unit": lambda: spin_hall(qwz(), GRID, mu=0.0).in_unit("hbar/2e S/m"),
    "parameter": lambda: bi2se3_bulk(A9=1.0),
    "magnetisation": lambda: bi2se3_bulk((0.0, 1.0)),
    "lattice": lambda: bi2se3_bulk(lattice=(0.0, 9.0)),
    "velocity": lambda: massive_dirac(0.5, 0.0),
    "mass": lambda: massive_dirac(np.inf),
    "material": lambda: luttinger_well("Si"),
    "inverted masses": lambda: luttinger_well((1.0, 0.6, 0.5)),
    "two gammas": lambda: luttinger_well((1.0, 0.2)),
    "width": lambda: subbands("GaAs", 1.0, 0.0),
    "gate field": lambda: subbands("GaAs", np.nan),
    "zeeman": lambda: luttinger_well(zeeman="Jx"),
    "wave vector": lambda: rashba_splitting("GaAs", 1.0, np.nan),
}


@pytest.mark.parametrize("call", REFUSED.values(), ids=REFUSED.keys())
def test_refused(call):
    with pytest.raises(ParameterError) as caught:
        call()
    message = str(caught.value)
    assert "; " in message
    assert message.endswith(".")
    assert "\n" not in message


def test_integrals_of_other_functions_and_streda_at_finite_temperature():
    """A user may call integrate(): here the density of states of a Dirac cone inside a disc."""
    model = massive_dirac(0.5)
    done = integrate(lambda k: np.ones((len(k), 1)), model, Rays(2.0, 4))
    assert done.value[0] == pytest.approx(np.pi * 4 / (2 * np.pi) ** 2, rel=1e-12)
    hot = spin_streda(qwz(-1.0, 0.3), PeriodicGrid(48), mu=0.0, kT=0.02)
    assert hot.value[0] == pytest.approx(0.0129164, abs=1e-6)
