"""The table of f(n_s, tau_s) that ships with hopnet, and f at any density and time inside it."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.interpolate import CubicSpline, PchipInterpolator

from hopnet.checks import number, one_of
from hopnet.errors import ParameterError

__all__ = ["TabulatedF", "f", "f_table"]

# Relaxation times between which f is interpolated in ln tau_s. Below the first, f is linear in
# tau_s down to f_drift; above the last, it is linear in 1 / tau_s up to tau_s = inf.
FIRST_TIME = 0.1
LAST_TIME = 1e10

# Density n_s a_b^2 below which the plateau falls over decades from one density to the next. It is
# below 0.3 % of f_drift there, so that a larger value would only disturb f at short times.
DILUTE = 0.02

# Points of a cell at which the interpolation is compared with a straight line: enough to meet the
# largest distance of a cubic within a few per cent.
N_INSIDE = 9

# The run files whose results the table was made from.
RUN_FILES = (
    "f_surface",
    "f_margin",
    "f_zero",
    "finite_size",
    "dilute_size",
    "hall_density",
    "hall_samples",
)


class TabulatedF(NamedTuple):
    """f at one density and relaxation time, from the table.

    Attributes
    ----------
    value : float
        f(n_s, tau_s).
    error : float
        Absolute error: the standard error of the table, its cutoff error and the error of the
        interpolation, added in quadrature.
    """

    value: float
    error: float


@cache
def stored_table() -> pd.DataFrame:
    """The table as it is stored."""
    source = files("hopnet.spin").joinpath("f_table.csv")
    with source.open(encoding="utf-8") as file:
        return pd.read_csv(file, comment="#")


def f_table() -> pd.DataFrame:
    """Table of f(n_s, tau_s) in the bulk and in open samples, with errors and provenance.

    Returns
    -------
    DataFrame
        One row per geometry, density and relaxation time: geometry ("bulk", or "open" for open
        square samples of ``n_sites`` sites), density (n_s a_b^2), tau_s (tau_0), f, standard_error
        (over samples), cutoff_error (of what longer links add), n_sites, n_samples, and
        n_samples_at_zero, the number of samples of ``n_sites`` sites with as many sites as all
        samples at tau_s = 0. ``attrs`` holds how the table was made.

    Notes
    -----
    Made by `runs/make_f_table.py` from the run files in ``attrs``: the mean over samples of f in
    the bulk normalisation. The links reach l_c + 6 a_b in most samples; what links up to
    l_c + 10 a_b add is measured on a few of them and added. The many samples at tau_s = 0, and the
    Hall angles, which are n_s a_b^2 f(inf), serve at every time as control variates.
    Leading order in the spin-orbit coupling; hops of the R-model, equal energies.
    """
    table = stored_table().copy()
    table.attrs = {
        "equation": "[hopping S42], [hopping S45]",
        "normalisation": "bulk",
        "cutoff_margin": 10.0,
        "run_files": [f"runs/{name}.toml" for name in RUN_FILES],
        "script": "runs/make_f_table.py",
        "units": {"density": "n_s a_b^2", "tau_s": "tau_0"},
    }
    return table


class Grid(NamedTuple):
    """The rows of one geometry as arrays over density and time, densities ascending."""

    density: np.ndarray
    tau_s: np.ndarray
    f: np.ndarray
    error: np.ndarray


@cache
def grid_of(geometry: str) -> Grid:
    """The `Grid` of a geometry."""
    table = stored_table()
    rows = table[table["geometry"] == geometry]
    value = rows.pivot(index="density", columns="tau_s", values="f")
    error = np.hypot(rows["standard_error"], rows["cutoff_error"])
    errors = rows.assign(error=error).pivot(index="density", columns="tau_s", values="error")
    return Grid(
        value.index.to_numpy(np.float64),
        value.columns.to_numpy(np.float64),
        value.to_numpy(np.float64),
        errors.to_numpy(np.float64),
    )


def f(density: float, tau_s: float, geometry: str = "bulk") -> TabulatedF:
    """f(n_s, tau_s) interpolated in the table of `f_table`, with its error.

    Parameters
    ----------
    density : float
        n_s a_b^2, within the table.
    tau_s : float, in tau_0
        Spin relaxation time, from 0 to inf.
    geometry : {"bulk", "open"}
        "open" is a square sample with hard edges, of as many sites as the table says: its spins
        leave through the edges at long tau_s.

    Returns
    -------
    TabulatedF

    Raises
    ------
    ParameterError
        If the density lies outside the table: nothing is extrapolated.

    Notes
    -----
    Monotone cubic interpolation in ln n_s and ln tau_s; below n_s a_b^2 = 0.02 the logarithm of the
    plateau is interpolated on its own. The error of the interpolation is taken as its largest
    distance from a straight line or a cubic spline between the neighbouring points.

    Examples
    --------
    >>> import hopnet as hn
    >>> found = hn.f(0.01, 0.0)
    >>> 1.8 < found.value < 2.1, found.error < 0.1
    (True, True)
    """
    geometry = one_of("geometry", geometry, ("bulk", "open"))
    grid = grid_of(geometry)
    low, high = float(grid.density[0]), float(grid.density[-1])
    density = number("density", density)
    if not low <= density <= high:
        raise ParameterError(
            f"the table of f holds densities n_s a_b^2 from {low:g} to {high:g}, got {density!r}; "
            "compute f with hopnet.f_curve instead."
        )
    tau_s = number("tau_s", tau_s, low=0.0, infinite=True)
    at_time = [interpolated_in_time(grid, row, tau_s) for row in range(grid.density.size)]
    value, error, distance = np.array(at_time).T
    x, at = np.log(grid.density), np.log(density)
    errors = np.hypot(error, distance)
    smooth, bend = f_between(x, value, grid.f[:, -1], at)
    return TabulatedF(smooth, float(np.hypot(np.interp(at, x, errors), bend)))


def f_between(
    x: np.ndarray, value: np.ndarray, plateau: np.ndarray, at: float
) -> tuple[float, float]:
    """f at the logarithm ``at`` of a density, and the error of the interpolation.

    Below `DILUTE` the plateau is interpolated on its own, in its logarithm: it falls over many
    decades there.
    """
    if at >= np.log(DILUTE) or plateau.min() <= 0.0:
        return smooth_between(x, value, at)
    rest, bend = smooth_between(x, value - plateau, at)
    log_plateau, log_bend = smooth_between(x, np.log(plateau), at)
    own = np.exp(log_plateau)
    return float(rest + own), float(np.hypot(bend, own * np.expm1(log_bend)))


def smooth_between(x: np.ndarray, y: np.ndarray, at: float) -> tuple[float, float]:
    """Monotone cubic interpolation, and its error.

    The error is the largest distance, in this cell, from a straight line or from the cubic spline
    that has no monotony, times a parabola that is 1 in the middle of the cell and 0 at its ends.
    """
    curve = PchipInterpolator(x, y)
    cell = int(np.clip(np.searchsorted(x, at, side="right") - 1, 0, x.size - 2))
    inside = np.linspace(x[cell], x[cell + 1], N_INSIDE)
    others = np.interp(inside, x, y), CubicSpline(x, y)(inside)
    largest = np.abs(curve(inside) - others).max()
    share = (at - x[cell]) / (x[cell + 1] - x[cell])
    return float(curve(at)), float(4.0 * share * (1.0 - share) * largest)


def interpolated_in_time(grid: Grid, row: int, tau_s: float) -> tuple[float, float, float]:
    """f of one density of the table at a time, its error, and that of the interpolation."""
    f_of_row, error = grid.f[row], grid.error[row]
    if tau_s <= FIRST_TIME or tau_s >= LAST_TIME:
        first = tau_s <= FIRST_TIME
        share = tau_s / FIRST_TIME if first else LAST_TIME / tau_s
        ends = (0, 1) if first else (grid.tau_s.size - 1, grid.tau_s.size - 2)
        weight = np.array([1.0 - share, share])
        inner = f_of_row[list(ends)]
        bend = 4.0 * share * (1.0 - share) * abs(inner[1] - inner[0]) / 8.0
        return float(weight @ inner), float(weight @ error[list(ends)]), float(bend)
    inside = slice(1, -1)
    x, at = np.log(grid.tau_s[inside]), np.log(tau_s)
    smooth, bend = smooth_between(x, f_of_row[inside], float(at))
    return smooth, float(np.interp(at, x, error[inside])), bend
