"""Statistics over disorder: from the long table of a run to means with errors.

The main result is the mean of f over samples, as in the letter. The ratio of means <f I> / <I>, I
being the current at unit bias, weighs each sample by its conductance.

The number of samples may be decided from the samples themselves. To stop as soon as the error
looks small favours samples whose spread happens to be small, and the intervals cover the truth too
rarely. Here the spread is evaluated once (Stein's two stages, Ann. Math. Stat. 16, 243 (1945)):
the first samples fix the number of all samples, and the interval keeps using their variance and
their degrees of freedom. For normal spreads its coverage is exact, whatever number followed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import stdtrit

from hopnet.errors import ParameterError
from hopnet.records import read_only
from hopnet.spin.curve import FCurve
from hopnet.transport.diffusion import einstein_diffusion

__all__ = [
    "LARGEST",
    "Columns",
    "Status",
    "curves_by_sample",
    "mean_interval",
    "point_statistics",
    "ratio_of_means",
    "samples_for_error",
    "split_points",
    "summarise",
    "summarise_observables",
]

Further = Callable[[Mapping[str, np.ndarray]], dict[str, float]]

LEVEL = 0.95  # coverage of the stated intervals
QUANTILES = (0.16, 0.5, 0.84)  # of f over samples: one standard deviation if normal
# Largest number of samples of one point when max_samples is not given: with it the error of f is
# below 1 % of f at every density studied. A larger number only costs time.
LARGEST = 1000


def mean_interval(
    samples: npt.ArrayLike, *, pilot: int | None = None, level: float = LEVEL
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Mean, standard error and confidence interval over the first axis.

    Parameters
    ----------
    samples : float64[n, ...]
    pilot : int, optional
        Number of leading samples that decided on n: the interval then uses their variance.
    level : float
        Coverage of the interval.

    Returns
    -------
    mean, standard_error, low, high : float64[...]
        NaN where the number of samples does not allow them.
    """
    samples = np.asarray(samples, dtype=np.float64)
    n = samples.shape[0]
    unknown = np.full(samples.shape[1:], np.nan)
    if n == 0:
        return unknown, unknown, unknown, unknown
    mean = samples.mean(axis=0)
    if n == 1:
        return mean, unknown, unknown, unknown
    standard_error = samples.std(axis=0, ddof=1) / np.sqrt(n)
    first = n if pilot is None else min(pilot, n)
    if first < 2:
        return mean, standard_error, unknown, unknown
    half = stdtrit(first - 1, 0.5 + 0.5 * level) * (
        samples[:first].std(axis=0, ddof=1) / np.sqrt(n)
    )
    return mean, standard_error, mean - half, mean + half


def samples_for_error(
    pilot: npt.ArrayLike, target_error: float | None, largest: int = LARGEST
) -> int:
    """How many samples bring the standard error of the mean to ``target_error`` of the mean.

    Parameters
    ----------
    pilot : float64[n]
        The first samples, at least two.
    target_error : float
        Wanted standard error, relative to the modulus of the mean.
    largest : int
        Largest number that is returned.

    Returns
    -------
    int
        At least n.
    """
    if target_error is None or not target_error > 0:
        raise ParameterError(
            f"target_error must be positive, got {target_error!r}; give 0.01 for one per cent."
        )
    pilot = np.asarray(pilot, dtype=np.float64)
    wanted = target_error * abs(pilot.mean())
    needed = np.inf if wanted == 0 else np.ceil((pilot.std(ddof=1) / wanted) ** 2 - 1e-9)
    return int(max(pilot.size, min(needed, largest)))


def ratio_of_means(numerator: np.ndarray, denominator: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ratio <a> / <b> of means over the first axis, and its standard error by the delta method.

    Parameters
    ----------
    numerator, denominator : float64[n, ...]

    Returns
    -------
    ratio, standard_error : float64[...]
        The bias is of order 1/n, as of every ratio of means.
    """
    n = numerator.shape[0]
    if n == 0:
        unknown = np.full(numerator.shape[1:], np.nan)
        return unknown, unknown
    ratio = numerator.mean(axis=0) / denominator.mean(axis=0)
    if n == 1:
        return ratio, np.full(ratio.shape, np.nan)
    residual = (numerator - ratio * denominator) / denominator.mean(axis=0)
    return ratio, residual.std(axis=0, ddof=1) / np.sqrt(n)


def summarise(
    table: pd.DataFrame,
    scanned: Sequence[str],
    *,
    pilot: Mapping[tuple, int] | None = None,
    observables: Sequence[str] = (),
    further: Further | None = None,
) -> pd.DataFrame:
    """Statistics of each point at each tau_s.

    Parameters
    ----------
    table : pandas.DataFrame
        The long table of a run.
    scanned : sequence of str
        Columns that distinguish points.
    pilot : dict of tuple to int, optional
        For each point (values of ``scanned``), how many first samples decided on the rest.
    observables : sequence of str
        Columns of observables, one number per sample. Each gets its mean, its standard error
        (``NAME_standard_error``) and its quantiles over samples (``NAME_q16``, the median
        ``NAME_q50``, ``NAME_q84``).
    further : callable, optional
        ``further(columns)`` gets these columns over the solved samples of a point and returns
        more statistics.

    Returns
    -------
    pandas.DataFrame
        One row per point and tau_s, points in order of appearance: n_done, n_failed, failures
        (reasons with their numbers), f with f_standard_error, f_low and f_high (95 % interval),
        f_deviation (sample to sample), f_cutoff_error (mean of that of the samples), f_q16, f_q50,
        f_q84, f_ratio (ratio of means),
        f_drift, f_diffusion, log_conductance and resistivity, each with its standard error
        (``NAME_standard_error``), reach = width across the current / sqrt(D tau_s), and the
        statistics of the observables.
    """
    parts = []
    for coordinates, rows in split_points(table, scanned):
        codes, words = pd.factorize(rows["status"])
        status = Status(codes, [str(word) for word in words])
        columns = Columns(partial(column_of_frame, rows), status, tuple(rows))
        named = dict(zip(scanned, coordinates))
        first = (pilot or {}).get(coordinates)
        parts.append(point_statistics(columns, named, first, observables, further))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def column_of_frame(frame: pd.DataFrame, name: str) -> np.ndarray:
    """One column of a table as an array."""
    return frame[name].to_numpy()


@dataclass(frozen=True)
class Status:
    """The status of each row.

    Attributes
    ----------
    code : int64[n_rows]
        Place of the word of each row in ``words``.
    words : list of str
    """

    code: np.ndarray
    words: list[str]


class Columns:
    """The rows of one point, read one column at a time, so that not all are in memory together.

    Attributes
    ----------
    names : tuple of str
        The columns that there are.
    numbers : int64[n_samples]
        The samples, in rising order.
    tau_s : float64[n_tau_s]
        The relaxation times, in rising order.
    done : bool[n_samples]
        Which samples are solved.
    """

    def __init__(
        self, read: Callable[[str], np.ndarray], status: Status, names: tuple[str, ...]
    ) -> None:
        self.read = read
        self.names = names
        sample, tau_s = read("sample"), read("tau_s")
        self.tau_s = np.unique(tau_s)
        n = self.tau_s.size
        if (
            sample.size % n
            or (np.bincount(np.searchsorted(self.tau_s, tau_s)) * n != sample.size).any()
        ):
            raise ParameterError(
                "the table must have one row for each sample and tau_s of a point, rows are "
                "missing or stand twice; take a whole table of `hopnet.read_results`."
            )
        # The rows of a run are in order already.
        in_order = np.array_equal(tau_s, np.tile(self.tau_s, sample.size // n))
        in_order = in_order and bool((np.diff(sample) >= 0).all())
        self.order = slice(None) if in_order else np.lexsort((tau_s, sample))
        self.numbers = sample[self.order][::n]
        self.status = status
        self.code = status.code[self.order][::n]
        self.done = np.isin(self.code, [k for k, w in enumerate(status.words) if w == "done"])

    def by_sample(self, name: str) -> np.ndarray:
        """float64[n_done, n_tau_s] of one column, solved samples and times in rising order."""
        values = np.asarray(self.read(name), dtype=np.float64)[self.order]
        return values.reshape(-1, self.tau_s.size)[self.done]

    def per_sample(self, name: str) -> np.ndarray:
        """float64[n_done] of a column that does not depend on tau_s."""
        return np.ascontiguousarray(self.by_sample(name)[:, 0])

    def failures(self) -> dict[str, int]:
        """Number of samples by the class of their failure."""
        counts = np.bincount(self.code, minlength=len(self.status.words))
        found = {w: int(c) for w, c in zip(self.status.words, counts) if c and w != "done"}
        return dict(sorted(found.items()))


def point_statistics(
    columns: Columns,
    coordinates: Mapping[str, Any],
    pilot: int | None,
    observables: Sequence[str] = (),
    further: Further | None = None,
) -> pd.DataFrame:
    """Statistics of one point at each tau_s; see `summarise`.

    Parameters
    ----------
    columns : Columns
    coordinates : dict of str to value
        The scanned keys.
    pilot : int, optional
        How many first samples decided on the number of all.
    observables, further
        As in `summarise`.
    """
    part = summarise_point(columns, coordinates, pilot)
    found = summarise_observables(columns, observables, further)
    return pd.concat([part, pd.DataFrame(found, index=part.index)], axis=1)


def summarise_observables(
    columns: Columns, observables: Sequence[str], further: Further | None
) -> dict[str, float]:
    """Mean, standard error and quantiles of each column of one point, and further statistics."""
    if not columns.done.any():
        return {}
    found: dict[str, float] = {}
    numbers = {name: columns.per_sample(name) for name in observables}
    for name, values in numbers.items():
        mean, error, *_ = mean_interval(values)
        found |= {name: float(mean), f"{name}_standard_error": float(error)}
        for q, value in zip(QUANTILES, np.quantile(values, QUANTILES)):
            found[f"{name}_q{100 * q:.0f}"] = float(value)
    return found | further(numbers) if further is not None else found


def split_points(table: pd.DataFrame, scanned: Sequence[str]) -> list[tuple[tuple, pd.DataFrame]]:
    """The coordinates and the rows of each point, in order of appearance."""
    scanned = list(scanned)
    if not scanned:
        return [((), table)] if len(table) else []
    return [(tuple(key), rows) for key, rows in table.groupby(scanned, sort=False, dropna=False)]


def summarise_point(
    point: Columns, coordinates: Mapping[str, Any], pilot: int | None
) -> pd.DataFrame:
    """Statistics of f, the resistivity and their parts at one point; see `summarise`."""
    failures = point.failures()
    n_done = int(point.done.sum())
    columns: dict[str, Any] = dict(coordinates) | {
        "tau_s": point.tau_s,
        "n_done": n_done,
        "n_failed": sum(failures.values()),
        "failures": "; ".join(f"{name}: {count}" for name, count in failures.items()),
    }
    if n_done == 0:
        return pd.DataFrame(columns)
    first = None if pilot is None else int(point.done[point.numbers < pilot].sum())
    f = point.by_sample("f")
    mean, error, low, high = mean_interval(f, pilot=first)
    columns |= {"f": mean, "f_standard_error": error, "f_low": low, "f_high": high}
    columns["f_deviation"] = error * np.sqrt(n_done)
    columns["f_cutoff_error"] = point.by_sample("f_cutoff_error").mean(axis=0)
    for q, values in zip(QUANTILES, np.quantile(f, QUANTILES, axis=0)):
        columns[f"f_q{100 * q:.0f}"] = values
    columns["f_ratio"], columns["f_ratio_standard_error"] = ratio_of_means(
        point.by_sample("numerator"), point.by_sample("conductance")
    )
    for name in ("f_drift", "f_diffusion", "log_conductance", "resistivity"):
        columns[name], columns[f"{name}_standard_error"], *_ = mean_interval(point.by_sample(name))
    electrons = point.per_sample("density")[0]
    if "mean_occupation" in point.names:  # sites with energies
        electrons = electrons * point.per_sample("mean_occupation").mean()
        mean, error, *_ = mean_interval(point.by_sample("log_resistivity"))
        columns |= {"log_resistivity": mean, "log_resistivity_standard_error": error}
    diffusivity = einstein_diffusion(columns["resistivity"], electrons)
    with np.errstate(divide="ignore"):
        across = point.per_sample("width_across_current")[0]
        columns["reach"] = across / np.sqrt(diffusivity * point.tau_s)
    return pd.DataFrame(columns)


def curves_by_sample(table: pd.DataFrame, scanned: Sequence[str]) -> pd.DataFrame:
    """One row per point and sample, with its FCurve.

    Parameters
    ----------
    table : pandas.DataFrame
        The long table of a run.
    scanned : sequence of str

    Returns
    -------
    pandas.DataFrame
        Scanned keys, sample, status and ``curve`` (FCurve, None if the sample failed).
    """
    out = []
    for coordinates, rows in split_points(table, scanned):
        for sample, own in rows.groupby("sample"):
            status = own["status"].iloc[0]
            row = dict(zip(scanned, coordinates))
            row |= {"sample": sample, "status": status}
            out.append(row | {"curve": curve_of(own) if status == "done" else None})
    return pd.DataFrame(out)


def curve_of(rows: pd.DataFrame) -> FCurve:
    """The FCurve in the rows of one sample."""
    return FCurve(
        tau_s=read_only(rows["tau_s"]),
        f=read_only(rows["f"]),
        f_diffusion=read_only(rows["f_diffusion"]),
        numerical_error=read_only(rows["f_numerical_error"]),
        **{
            name: float(rows[name].iloc[0])
            for name in ("f_drift", "conductance", "resistivity", "imbalance")
        },
        cutoff_error=float(rows["f_cutoff_error"].iloc[0]),
    )
