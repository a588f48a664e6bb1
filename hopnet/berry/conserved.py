"""The conserved spin current of Shi et al., evaluated directly, and the orbital magnetisation."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from hopnet.berry.arguments import positive
from hopnet.berry.domains import Domain, PeriodicGrid, Progress
from hopnet.berry.integration import integrate
from hopnet.berry.models import WAVE_VECTORS_PER_TASK, Model
from hopnet.berry.pairs import band_pairs, compiled
from hopnet.berry.quadrature import Integral
from hopnet.berry.resolution import Crossing, missed_by
from hopnet.berry.spin_current import energies_of, one_level
from hopnet.checks import shown
from hopnet.errors import ParameterError
from hopnet.records import read_only
from hopnet.threads import run_in_parts

__all__ = ["conserved_current", "orbital_magnetisation", "spin_streda"]

# The companion rules were too small by 1.5 at most for this integrand, in 76 random cases.
SAFETY = 2.0
# Gap, in the energy unit of the model, below which two bands touch, as in `spin_hall`.
CLOSED = 1e-8


def conserved_current(
    model: Model,
    domain: Domain,
    *,
    mu: float,
    kT: float = 0.0,
    spin: str | npt.ArrayLike = "z",
    field: str | int = "x",
    current: str | int = "y",
    step: float | None = None,
    progress: Progress | None = None,
) -> Integral:
    """Spin-Hall conductivity of the conserved current d(r s)/dt, from the response at small q.

    The definition is that of J. Shi et al. (Phys. Rev. Lett. 96, 076604, 2006), whose torque
    dipole is [berry 4]. With q along the current ::

        sigma_ba = (e/hbar) d/dq Im sum (f_n,k-q/2 - f_m,k+q/2) / (e_n - e_m)
                             <n, k-q/2|s|m, k+q/2> <m, k+q/2|(d_a H)|n, k-q/2>

    summed over m != n; the velocity is the mean of those at k - q/2 and k + q/2. The slope is
    taken at two values of q and extrapolated.

    Parameters
    ----------
    model, domain, mu, kT, spin, field, current, progress
        As in `hopnet.berry.spin_hall`; one ``mu``. In a metal use kT > 0: at kT = 0 states cross
        the Fermi energy between k - q/2 and k + q/2.
    step : float, optional
        Wave vector q. Default: 1e-2, or 1e-2 of the model's scale along the current. The error
        of the extrapolation grows with its square; a smaller step loses digits to rounding.

    Returns
    -------
    Integral
        ``value[0]`` and its ``error[0]`` in the natural unit; the error is the sum of those of
        the integration and of the extrapolation.

    Raises
    ------
    ParameterError
        If field and current are parallel, or an argument has the wrong type or range.
    """
    level, kT = one_level(model, mu, kT)
    a, b = model.axis(field), model.axis(current)
    if a == b:
        raise ParameterError(
            f"field and current must differ, got {shown(field)} for both; give two directions."
        )
    matrix = model.operator(spin)
    if step is None:
        length = 1.0 if model.scale is None else float(model.scale[b])
        step = 1e-2 * length
    step = positive("step", step, hint="give a small wave vector")
    shift = np.zeros(model.dimension)
    shift[b] = 0.5 * step

    def slope(k, part):
        minus, plus = k - part * shift, k + part * shift
        velocity = 0.5 * (model.derivative(minus, a) + model.derivative(plus, a))
        below, above = model.hamiltonian(minus), model.hamiltonian(plus)
        out = np.empty(len(k))

        def fill(part):
            compiled().fill_conserved(
                below[part], above[part], velocity[part], matrix, level, kT, out[part]
            )

        run_in_parts(fill, len(k), WAVE_VECTORS_PER_TASK)
        return out / (part * step)

    def function(k):
        one, two = slope(k, 1.0), slope(k, 2.0)
        return np.stack([(4.0 * one - two) / 3.0, one], axis=1)

    energies = energies_of(model) if kT == 0.0 else None
    done = integrate(function, model, domain, energies=energies, mu=level, progress=progress)
    missed = 0.0
    if isinstance(domain, PeriodicGrid):
        crossing = Crossing(matrix, a, b, np.array([level]), kT, CLOSED)
        missed = float(missed_by(model, domain, crossing).max())
    # The extrapolation changes the value by a term of order step^2, which bounds what is left.
    error = SAFETY * done.error[0] + missed + abs(done.value[0] - done.value[1])
    return Integral(read_only([done.value[0]]), read_only([error]), done.points)


def orbital_magnetisation(
    model: Model,
    domain: Domain,
    *,
    mu: float,
    kT: float = 0.0,
    field: str | int = "x",
    current: str | int = "y",
) -> Integral:
    """Intrinsic orbital magnetisation along field x current, in e/hbar times energy.

    ``M = sum_m Int [f_m L_m + g_m Om_m]`` with L the orbital moment, Om the Berry curvature and
    ``g = kT ln(1 + exp((mu - e)/kT))``; at kT = 0 ``sum_mn f_m Om_mn (mu - (e_m + e_n)/2)``.
    Magnitude and sign are those of a Bloch electron of charge -e, as the text after [berry 9]
    asks of the torque dipole with t -> 1.

    Parameters
    ----------
    model, domain, mu, kT, field, current
        As in `hopnet.berry.spin_hall`; one ``mu``.

    Returns
    -------
    Integral
        ``value[0]`` and its ``error[0]``.
    """
    level, kT = one_level(model, mu, kT)
    one = np.eye(model.n_bands, dtype=complex)

    def function(k):
        bands = band_pairs(model, k, one, field, current)
        moment, curvature = bands.pair[:, 4].sum(axis=2), bands.pair[:, 3].sum(axis=2)
        x = level - bands.energy
        if kT == 0.0:
            filled = 0.5 * (1.0 + np.sign(x))
            free = np.maximum(x, 0.0)
        else:
            filled = 0.5 * (1.0 + np.tanh(0.5 * x / kT))
            free = kT * np.logaddexp(0.0, x / kT)
        return (filled * moment + free * curvature).sum(axis=1, keepdims=True)

    energies = energies_of(model) if kT == 0.0 else None
    return integrate(function, model, domain, energies=energies, mu=level)


def spin_streda(
    model: Model,
    domain: Domain,
    *,
    mu: float,
    kT: float = 0.0,
    spin: str | npt.ArrayLike = "z",
    field: str | int = "x",
    current: str | int = "y",
    step: float = 1e-3,
) -> Integral:
    """Slope of the orbital magnetisation in a field coupled to the spin, ``H + lambda s``.

    In a gap it equals the conserved spin-Hall conductivity. The two routes have only the bands in
    common, so this is a check of `conserved_current` ([berry 4]).

    Parameters
    ----------
    model, domain, mu, kT, spin, field, current
        As in `hopnet.berry.spin_hall`; one ``mu``.
    step : float
        Strength lambda of the coupling, in the energy unit of the model.

    Returns
    -------
    Integral
        ``value[0]`` and its ``error[0]`` in the natural unit.
    """
    mu, kT = one_level(model, mu, kT)
    step = positive("step", step, hint="give a small energy")
    matrix = model.operator(spin)
    a, b = model.axis(field), model.axis(current)

    def moved(strength):
        def hamiltonian(k):
            return model.hamiltonian(k) + strength * matrix

        return dataclasses.replace(model, hamiltonian=hamiltonian)

    def slope(h):
        up, down = (
            orbital_magnetisation(moved(sign * h), domain, mu=mu, kT=kT, field=a, current=b)
            for sign in (1.0, -1.0)
        )
        error = (up.error[0] + down.error[0]) / (2.0 * h)
        return (up.value[0] - down.value[0]) / (2.0 * h), error, up.points + down.points

    near, error, points = slope(step)
    far, _, more = slope(2.0 * step)
    best = (4.0 * near - far) / 3.0
    return Integral(read_only([best]), read_only([error + abs(best - near)]), points + more)
