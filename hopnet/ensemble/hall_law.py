"""The Hall mobility against the conductivity over the points of a run, with local slopes.

With nearest-neighbour hopping through equilateral triads of the side l_c of the critical links,
sigma falls as exp(-2 l_c) and the Hall angle as exp(-l_c): mu_H ~ sigma^(1/2). The textbook
estimate lets all current pass one such optimal triad after the other [hall 7]:

    tan(theta_H) / (eta b) = (3/8) r^2 exp(-r)        r = l_c, or xi_c / 2 with energies
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from hopnet.checks import array_of
from hopnet.ensemble.statistics import split_points
from hopnet.errors import ParameterError
from hopnet.network.sites import critical_length

__all__ = ["hall_law", "local_slopes", "optimal_triad"]

# Standard error of the median of a normal sample over that of its mean, sqrt(pi / 2). The spread
# is taken from the central 68 %, so that a few large samples do not enter.
MEDIAN_ERROR = 1.2533
CENTRAL = (0.16, 0.84)


def optimal_triad(length: npt.ArrayLike) -> np.ndarray:
    """Textbook estimate of tan(theta_H) / (eta b) from one triad, (3/8) r^2 exp(-r) [hall 7].

    It is the exact result of a triangular lattice of this spacing, in which all triads are equal.

    Parameters
    ----------
    length : float or array, in a_b
        Side of the triad: l_c, or half of the critical exponent xi_c with energies.

    Returns
    -------
    float64 array
    """
    r = array_of("length", length, low=0.0, hint="give lengths in a_b")
    return (0.375 * r**2 * np.exp(-r)).reshape(np.shape(length))


def local_slopes(
    x: npt.ArrayLike, y: npt.ArrayLike, y_error: npt.ArrayLike
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Slopes between neighbouring points, their middles and their standard errors.

    Parameters
    ----------
    x, y, y_error : float64[n]
        Points in the order of x; errors of y, independent of each other.

    Returns
    -------
    middle, slope, error : float64[n - 1]
    """
    x, y, y_error = (np.asarray(value, dtype=np.float64) for value in (x, y, y_error))
    step = np.diff(x)
    if x.size < 2 or np.any(step == 0):
        raise ParameterError(
            f"slopes need two or more points at different x, got {x.tolist()!r:.100}; take more "
            "points."
        )
    error = np.hypot(y_error[1:], y_error[:-1]) / np.abs(step)
    return 0.5 * (x[1:] + x[:-1]), np.diff(y) / step, error


def hall_law(table: pd.DataFrame, scanned: Sequence[str]) -> pd.DataFrame:
    """One row per point of a run with the Hall angle: means, medians, the optimal triad.

    Parameters
    ----------
    table : pandas.DataFrame
        The long table of a run with ``observables.hall_angle``.
    scanned : sequence of str
        Columns that distinguish the points.

    Returns
    -------
    pandas.DataFrame
        The scanned keys, n_samples; ``log_sigma`` (mean of ln sigma_xx rho_0) with its standard
        error; ``tangent`` (mean over samples of tan(theta_H) / (eta b)), ``median``, each with its
        standard error; ``cutoff_error``; ``n_triads`` (median over samples of the
        effective number of triads), ``negative_share``; ``critical_length`` (l_c, or xi_c / 2),
        ``optimal`` (the estimate from one triad). ``tangent_slope``, ``median_slope``:
        d ln tan(theta_H) / d ln sigma between this point and the one before;
        ``tangent_slope_xi_c``, ``median_slope_xi_c``: d ln tan(theta_H) / d xi_c, with
        xi_c = 2 ``critical_length``; each with its standard error. Points come in the order of
        rising log_sigma; where ``network.kT`` is scanned, each density is a series of its own.

    Raises
    ------
    ParameterError
        If the table holds no Hall angles.
    """
    if "hall_tangent" not in table:
        raise ParameterError(
            "this run has no Hall angles; add [observables] hall_angle = true to its run file."
        )
    done = table[table["status"] == "done"]
    done = done[done["tau_s"] == done["tau_s"].min()]
    rows = []
    for coordinates, own in split_points(done, scanned):
        tangent, n = own["hall_tangent"], len(own)
        low, median, high = tangent.quantile([CENTRAL[0], 0.5, CENTRAL[1]])
        point = dict(zip(scanned, coordinates))
        density = float(point.get("sites.density", own["density"].iloc[0]))
        length = critical_length(density)
        if "critical_exponent" in own and own["critical_exponent"].notna().all():
            length = 0.5 * float(own["critical_exponent"].mean())
        rows.append(
            point
            | {
                "n_samples": n,
                "density": density,
                "log_sigma": own["hall_log_sigma_xx"].mean(),
                "log_sigma_standard_error": own["hall_log_sigma_xx"].sem(),
                "tangent": tangent.mean(),
                "tangent_standard_error": tangent.sem(),
                "median": median,
                "median_standard_error": MEDIAN_ERROR * 0.5 * (high - low) / np.sqrt(n),
                "cutoff_error": own["hall_cutoff_error"].mean(),
                "n_triads": own["hall_n_effective"].median(),
                "negative_share": own["hall_negative_share"].mean(),
                "critical_length": length,
                "optimal": float(optimal_triad(length)),
            }
        )
    found = pd.DataFrame(rows)
    series = ["density"] if "network.kT" in scanned else []
    found = found.sort_values([*series, "log_sigma"], ignore_index=True)
    groups = [own for _, own in found.groupby(series, sort=False)] if series else [found]
    return pd.concat([with_slopes(own) for own in groups], ignore_index=True)


def with_slopes(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with the local slopes between each row and the one before it."""
    columns = {}
    for name in ("tangent", "median"):
        value = rows[name].to_numpy()
        error = rows[f"{name}_standard_error"].to_numpy() / value
        axes = (
            ("slope", rows["log_sigma"].to_numpy()),
            ("slope_xi_c", 2.0 * rows["critical_length"]),
        )
        for label, x in axes:
            slope = slope_error = np.empty(0)
            if len(rows) > 1:
                _, slope, slope_error = local_slopes(x, np.log(value), error)
            columns[f"{name}_{label}"] = np.append(np.nan, slope)
            columns[f"{name}_{label}_standard_error"] = np.append(np.nan, slope_error)
    return rows.assign(**columns)
