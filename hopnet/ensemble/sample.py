"""One sample: a pure function of a point and a number."""

from __future__ import annotations

import contextlib
import ctypes
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from hopnet.ensemble.config import Point
from hopnet.ensemble.fields import field_columns, field_numbers
from hopnet.ensemble.observables import compute_observables, observable_columns
from hopnet.errors import HopnetError
from hopnet.network.build import build_network
from hopnet.network.energies import with_energies
from hopnet.network.network import Network
from hopnet.network.sites import random_sites
from hopnet.records import read_only
from hopnet.seeds import sample_seed
from hopnet.spin.curve import FCurve, Spin, f_curve, solve_spin
from hopnet.threads import limit_threads
from hopnet.transport.current import Current, solve_current

__all__ = [
    "SampleResult",
    "TimeLimitError",
    "compute_sample",
    "failed_sample",
    "sample_network",
    "sample_records",
]

# Columns of the long table that a solved sample fills; a failed sample has NaN there.
NUMBERS = (
    "f",
    "f_drift",
    "f_diffusion",
    "f_numerical_error",
    "f_cutoff_error",
    "numerator",
    "conductance",
    "log_conductance",
    "resistivity",
    "resistivity_cutoff_error",
    "imbalance",
)
# Further columns of sites with energies.
ENERGY_NUMBERS = ("log_resistivity", "critical_exponent", "mean_occupation")
UNKNOWN_COUNT = -1  # n_isolated of a sample whose network could not be built


class TimeLimitError(HopnetError):
    """A sample that took longer than ``ensemble.time_limit``."""


@dataclass(frozen=True)
class SampleResult:
    """The result of one sample.

    Attributes
    ----------
    columns : dict of str to array[n_tau_s]
        Rows of the long table. They have the same bits whoever computes them.
    seconds : dict of str to float, s
        Wall time of each stage.
    reason : str
        The message of the error if the sample failed; its class is the column ``status``.
    """

    columns: dict[str, np.ndarray]
    seconds: dict[str, float]
    reason: str = ""


def sample_network(point: Point, sample: int) -> Network:
    """The network of one sample.

    Parameters
    ----------
    point : hopnet.ensemble.config.Point
    sample : int
        Number of the sample, from 0.

    Returns
    -------
    Network
    """
    physical = point.physical
    seed = sample_seed(point.seed, physical, sample, common_random=point.common_random)
    sites = random_sites(
        physical["sites.n_sites"],
        density=physical["sites.density"],
        seed=seed,
        aspect=physical["sites.aspect"],
        geometry=physical["sites.geometry"],
        min_distance=physical["sites.min_distance"],
        dimension=physical.get("sites.dimension", 2),
    )
    thermal: dict[str, Any] = {}
    if "sites.density_of_states" in physical:
        sites = with_energies(
            sites,
            physical["sites.density_of_states"],
            width=physical["sites.energy_width"],
            seed=seed.spawn(1)[0],
        )
        keys = ("kT", "bath", "chemical_potential", "reorganisation_energy")
        thermal = {key: physical.get(f"network.{key}") for key in keys}
    return build_network(
        sites,
        cutoff=physical["network.cutoff"],
        cutoff_radius=physical["network.cutoff_radius"],
        cutoff_margin=physical.get("network.cutoff_margin"),
        contact_width=physical.get("network.contact_width"),
        contacts=physical["network.contacts"],
        **thermal,
    )


def solve_curve(network: Network, point: Point, current: Current, threads: int | None) -> FCurve:
    """f of one sample at the times of the point; NaN where electrons exclude each other."""
    if point.charge_alone:
        unknown = read_only(np.full(len(point.tau_s), np.nan))
        return FCurve(
            tau_s=read_only(point.tau_s),
            f=unknown,
            f_diffusion=unknown,
            numerical_error=unknown,
            f_drift=np.nan,
            conductance=current.conductance,
            resistivity=current.resistivity,
            imbalance=current.imbalance,
            cutoff_error=np.nan,
        )
    return f_curve(
        network,
        point.tau_s,
        current=current,
        tolerance=point.tolerance,
        normalisation=point.normalisation,
        threads=threads,
    )


def energy_columns(
    network: Network | None, point: Point, log_conductance: float
) -> dict[str, float]:
    """Further columns of sites with energies.

    Returns
    -------
    dict of str to float
        log_resistivity (ln rho / rho_0), critical_exponent (xi_c; NaN if links were cut by
        length) and mean_occupation, the mean of n_i, the largest being 1.
    """
    if "sites.density_of_states" not in point.physical:
        return {}
    if network is None:
        return dict.fromkeys(ENERGY_NUMBERS, np.nan)
    xi_c = network.critical_exponent
    log_width = np.log(network.width_across_current / network.length_along_current)
    values = (
        log_width - log_conductance,
        np.nan if xi_c is None else xi_c,
        network.occupation.mean(),
    )
    return {name: float(value) for name, value in zip(ENERGY_NUMBERS, values)}


def compute_sample(
    point: Point, sample: int, *, threads: int | None = None, time_limit: float | None = None
) -> SampleResult:
    """Compute one sample.

    Parameters
    ----------
    point : hopnet.ensemble.config.Point
    sample : int
        Number of the sample, from 0.
    threads : int, optional
        Number of threads; the results do not depend on it.
    time_limit : float, s, optional
        Longest time that it may take.

    Returns
    -------
    SampleResult
        Any error of a sample is its outcome and never ends a run: no path between the contacts, a
        solve that missed its tolerance, too little memory, too much time. Its rows carry NaN and
        the class of the error as ``status``.

    Notes
    -----
    BLAS runs on one thread: its sums depend on the number of its threads. A time limit acts
    between two steps of Python, not within a compiled loop.
    """
    stages: dict[str, float] = {}
    built: list[Network] = []
    try:
        with limit_threads(threads), limit_time(time_limit):
            numbers = solve_sample(point, sample, threads, stages, built)
        status, reason = "done", ""
    except Exception as failure:
        # The traceback would keep the arrays of the sample in memory.
        status, reason = type(failure).__name__, first_line(failure)
        numbers = missing_numbers(point)
    network = built[0] if built else None
    try:
        columns = columns_of(point, sample, numbers, network, status)
    except Exception as failure:
        status, reason = type(failure).__name__, first_line(failure)
        columns = failed_sample(point, sample, status).columns
    return SampleResult(columns, stages, reason)


def solve_sample(
    point: Point,
    sample: int,
    threads: int | None,
    stages: dict[str, float],
    built: list[Network],
) -> dict[str, np.ndarray]:
    """The columns `NUMBERS` of one sample, and those of its observables.

    The wall time of each stage goes into ``stages`` and the network into ``built``, so that both
    are known if a later stage fails.
    """
    clock = time.perf_counter()

    def lap(stage: str) -> None:
        nonlocal clock
        stages[stage], clock = time.perf_counter() - clock, time.perf_counter()

    try:
        network = sample_network(point, sample)
        built.append(network)
        lap("network")
        if point.fields:
            found = field_numbers(network, point.fields, point.physical, threads)
            lap("fields")
            return missing_numbers(point) | {k: np.array([v]) for k, v in found.items()}
        network.check_percolation()
        network.dissection  # noqa: B018  (made here so that its time is measured apart)
        lap("order")
        current = solve_current(network, threads=threads)
        lap("current")
        curve = solve_curve(network, point, current, threads)
        lap("spin")
        seed = sample_seed(point.seed, point.physical, sample, common_random=point.common_random)
        more = compute_observables(
            point.observables, network, current, threads, point.physical, seed
        )
        if point.observables:
            lap("observables")
    except Exception:
        lap("failed")
        raise
    n = len(point.tau_s)
    values = (
        curve.f,
        np.full(n, curve.f_drift),
        curve.f_diffusion,
        curve.numerical_error,
        np.full(n, curve.cutoff_error),
        curve.f * curve.conductance,
        np.full(n, curve.conductance),
        np.full(n, current.log_conductance),
        np.full(n, curve.resistivity),
        np.full(n, current.cutoff_error),
        np.full(n, curve.imbalance),
    )
    numbers = dict(zip(NUMBERS, values, strict=True))
    return numbers | {name: np.full(n, value) for name, value in more.items()}


def missing_numbers(point: Point) -> dict[str, np.ndarray]:
    """NaN in each column that a solved sample fills."""
    names = (*NUMBERS, *observable_columns(point.observables), *field_columns(point.fields))
    return dict.fromkeys(names, np.full(len(point.tau_s), np.nan))


def columns_of(
    point: Point,
    sample: int,
    numbers: dict[str, np.ndarray],
    network: Network | None,
    status: str,
) -> dict[str, np.ndarray]:
    """The rows of one sample in the long table."""
    n = len(point.tau_s)
    seed = sample_seed(point.seed, point.physical, sample, common_random=point.common_random)
    columns = {key: np.full(n, point.physical[key]) for key in point.scanned}
    columns |= {
        "sample": np.full(n, sample),
        "seed_word": np.full(n, seed.generate_state(1, np.uint64)[0]),
        "tau_s": np.array(point.tau_s),
    }
    columns |= numbers
    energies = energy_columns(network, point, numbers["log_conductance"][0])
    columns |= {name: np.full(n, value) for name, value in energies.items()}
    n_isolated, length, width, height, density, across = UNKNOWN_COUNT, *[np.nan] * 5
    if network is not None:
        sites = network.sites
        n_isolated = int(network.isolated.sum())
        length, width, height = (*sites.size, np.nan)[:3]
        density = sites.density
        across = network.width_across_current
    columns |= {
        "n_isolated": np.full(n, n_isolated),
        "length": np.full(n, length),
        "width": np.full(n, width),
        **({"height": np.full(n, height)} if "sites.dimension" in point.physical else {}),
        "width_across_current": np.full(n, across),
        "density": np.full(n, density),
        "status": np.full(n, status),
    }
    return columns


def failed_sample(point: Point, sample: int, status: str, reason: str = "") -> SampleResult:
    """The result of a sample that gave no numbers.

    Parameters
    ----------
    point : hopnet.ensemble.config.Point
    sample : int
    status : str
        The class of the failure.
    reason : str
    """
    missing = missing_numbers(point)
    return SampleResult(columns_of(point, sample, missing, None, status), {}, reason)


def first_line(failure: BaseException) -> str:
    """The first line of the message of an error."""
    lines = str(failure).splitlines()
    return lines[0][:500] if lines else ""


@contextlib.contextmanager
def limit_time(seconds: float | None) -> Iterator[None]:
    """A context that raises `TimeLimitError` in this thread when it lasts too long.

    Parameters
    ----------
    seconds : float, s, or None
        None: no limit.
    """
    if seconds is None:
        yield
        return
    raise_in = ctypes.pythonapi.PyThreadState_SetAsyncExc
    thread = ctypes.c_ulong(threading.get_ident())
    over, lock = threading.Event(), threading.Lock()

    def watch() -> None:
        if over.wait(seconds):
            return
        with lock:
            if not over.is_set():
                raise_in(thread, ctypes.py_object(TimeLimitError))

    timer = threading.Thread(target=watch, daemon=True)
    timer.start()
    try:
        yield
    except TimeLimitError:
        raise TimeLimitError(f"it took more than {seconds:g} s") from None
    finally:
        with lock:
            over.set()
        raise_in(thread, None)  # the body has ended: what has not been raised yet is dropped
        timer.join()


def sample_records(
    point: Point, sample: int, tau_s: float, *, threads: int | None = None
) -> tuple[Network, Current, Spin]:
    """Network, current and spin of one sample, for a look at a single sample.

    Parameters
    ----------
    point : hopnet.ensemble.config.Point
    sample : int
    tau_s : float
    threads : int, optional

    Returns
    -------
    network : Network
    current : Current
    spin : Spin
    """
    with limit_threads(threads):
        network = sample_network(point, sample)
        current = solve_current(network, threads=threads)
        return network, current, solve_spin(network, tau_s, current=current, threads=threads)
