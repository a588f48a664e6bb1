"""One sample: a pure function of a point and a number."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from hopnet.errors import ConvergenceError, NotPercolatingError
from hopnet.network.build import build_network
from hopnet.network.energies import with_energies
from hopnet.network.sites import random_sites
from hopnet.records import read_only
from hopnet.seeds import sample_seed
from hopnet.spin.curve import FCurve, f_curve, solve_spin
from hopnet.threads import limit_threads
from hopnet.transport.current import solve_current

FAILURES = (NotPercolatingError, ConvergenceError)  # outcomes of a sample, counted by class


@dataclass(frozen=True)
class SampleResult:
    """What one sample gives.

    Attributes
    ----------
    columns : dict of str to array[n_tau_s]
        Rows of the long table: the same bits whoever computes them.
    seconds : dict of str to float, s
        Wall time of each stage.
    """

    columns: dict
    seconds: dict


def sample_network(point, sample):
    """The network of one sample.

    Parameters
    ----------
    point : hopnet.ensemble.config.Point
    sample : int

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
    )
    warm = {}
    if "sites.density_of_states" in physical:
        sites = with_energies(
            sites,
            physical["sites.density_of_states"],
            width=physical["sites.energy_width"],
            seed=seed.spawn(1)[0],
        )
        warm = {key: physical[f"network.{key}"] for key in ("kT", "bath", "chemical_potential")}
    return build_network(
        sites,
        cutoff=physical["network.cutoff"],
        cutoff_radius=physical["network.cutoff_radius"],
        contacts=physical["network.contacts"],
        **warm,
    )


def solve_curve(network, point, current, threads):
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
        )
    return f_curve(
        network, point.tau_s, current=current, tolerance=point.tolerance, threads=threads
    )


def energy_columns(network, point, log_conductance, n):
    """Further columns of sites with energies.

    Returns
    -------
    dict of str to float64[n]
        log_resistivity (ln rho / rho_0), critical_exponent (xi_c; NaN if links were cut by
        length) and mean_occupation, the mean of n_i, the largest being 1.
    """
    if "sites.density_of_states" not in point.physical:
        return {}
    xi_c = network.critical_exponent
    values = {
        "log_resistivity": np.log(network.width_across_current / network.length_along_current)
        - log_conductance,
        "critical_exponent": np.nan if xi_c is None else xi_c,
        "mean_occupation": network.occupation.mean(),
    }
    return {name: np.full(n, float(value)) for name, value in values.items()}


def compute_sample(point, sample, *, threads=None):
    """Compute one sample.

    Parameters
    ----------
    point : hopnet.ensemble.config.Point
    sample : int
        From 0.
    threads : int, optional
        The numbers do not depend on it.

    Returns
    -------
    SampleResult
        A sample without a path between its contacts, or whose solve missed its tolerance, is an
        outcome: its rows carry NaN and the name of the error as ``status``.

    Notes
    -----
    BLAS is held at one thread: it sums in an order that depends on the number of its threads.
    """
    with limit_threads(threads):
        return timed_sample(point, sample, threads)


def timed_sample(point, sample, threads):
    """`compute_sample`, with the wall time of each stage."""
    seconds = {}
    clock = time.perf_counter()

    def lap(stage):
        nonlocal clock
        seconds[stage], clock = time.perf_counter() - clock, time.perf_counter()

    n = len(point.tau_s)
    seed = sample_seed(point.seed, point.physical, sample, common_random=point.common_random)
    columns = {key: np.full(n, point.physical[key]) for key in point.scanned}
    columns |= {
        "sample": np.full(n, sample),
        "seed_word": np.full(n, seed.generate_state(1, np.uint64)[0]),
        "tau_s": np.array(point.tau_s),
    }
    network = sample_network(point, sample)
    lap("network")
    try:
        network.check_percolation()
        network.dissection  # noqa: B018  (made here so that its time is told apart)
        lap("order")
        current = solve_current(network, threads=threads)
        lap("current")
        curve = solve_curve(network, point, current, threads)
        lap("spin")
    except FAILURES as failure:
        missing = np.full(n, np.nan)
        numbers = dict.fromkeys(
            (
                "f",
                "f_drift",
                "f_diffusion",
                "f_numerical_error",
                "numerator",
                "conductance",
                "log_conductance",
                "resistivity",
                "imbalance",
            ),
            missing,
        )
        status = type(failure).__name__
        lap("failed")
    else:
        numbers = {
            "f": curve.f,
            "f_drift": np.full(n, curve.f_drift),
            "f_diffusion": curve.f_diffusion,
            "f_numerical_error": curve.numerical_error,
            "numerator": curve.f * curve.conductance,
            "conductance": np.full(n, curve.conductance),
            "log_conductance": np.full(n, current.log_conductance),
            "resistivity": np.full(n, curve.resistivity),
            "imbalance": np.full(n, curve.imbalance),
        }
        status = "done"
    columns |= numbers
    columns |= energy_columns(network, point, numbers["log_conductance"][0], n)
    columns |= {
        "n_isolated": np.full(n, int(network.isolated.sum())),
        "length": np.full(n, network.sites.length),
        "width": np.full(n, network.sites.width),
        "density": np.full(n, network.sites.density),
        "status": np.full(n, status),
    }
    return SampleResult(columns, seconds)


def sample_records(point, sample, tau_s, *, threads=None):
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
    network = sample_network(point, sample)
    current = solve_current(network, threads=threads)
    return network, current, solve_spin(network, tau_s, current=current, threads=threads)
