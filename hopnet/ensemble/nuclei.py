"""Observables of a run with frozen nuclear fields: f in the fields, and magnetoresistance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hopnet.ensemble.statistics import ratio_of_means
from hopnet.network.network import Network
from hopnet.spin.blocking import choose_traps, fit_line_shapes, magnetoresistance
from hopnet.spin.hyperfine import overhauser_fields
from hopnet.spin.nuclear import nuclear_f
from hopnet.spin.site_rates import site_rates
from hopnet.transport.current import Current

__all__ = [
    "EXTERNAL",
    "MAGNETORESISTANCE_UNITS",
    "NUCLEAR_F_UNITS",
    "magnetoresistance_averages",
    "magnetoresistance_numbers",
    "nuclear_f_averages",
    "nuclear_f_numbers",
]

# External fields of the magnetoresistance, in units of the strength of the nuclear fields: from
# well below it to saturation, about three per decade.
EXTERNAL = (0.3, 0.65, 1.4, 3.0, 6.5, 14.0, 30.0, 65.0, 140.0, 300.0)
# Keys of the random numbers of a sample: 0 belongs to its energies.
FIELDS, TRAPS = 1, 2

NUCLEAR_F_UNITS = {
    "nuclear_tau_f": "tau_0",
    "nuclear_tau_eff": "tau_0",
    "nuclear_f": "1",
    "nuclear_f_of_one_time": "1",
    "nuclear_ratio": "1",
    "nuclear_leakage": "tau_0 (at a half-angle of 1)",
    "nuclear_sites_tau_f": "tau_0 (rates of sites)",
    "nuclear_sites_tau_eff": "tau_0 (rates of sites)",
}
MAGNETORESISTANCE_UNITS = {f"mr_at_{x:g}": "1" for x in EXTERNAL} | {
    "mr_half_field": "strength",
    "mr_lorentzian_width": "strength",
    "mr_lorentzian_residual": "saturation",
    "mr_cusp_width": "strength",
    "mr_cusp_residual": "saturation",
    "mr_residual_ratio": "1 (cusp over lorentzian)",
    "mr_blocking": "1 (resistance over that without blocking)",
    "mr_of_traps": "1 (resistance without blocking over that without traps)",
    "mr_n_negative": "1",
    "mr_most_negative": "1 (of its mesh)",
    "mr_negative_share": "1 (of the conductance)",
}


def stream(seed: np.random.SeedSequence, key: int) -> np.random.SeedSequence:
    """Random numbers of a sample beside those of its sites."""
    return np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, key))


def nuclear_f_numbers(
    network: Network,
    current: Current,
    threads: int | None,
    physical: Mapping[str, Any],
    seed: np.random.SeedSequence,
) -> dict[str, float]:
    """f in the fields of one configuration [nuclei 15], and by rates of the sites [nuclei 14]."""
    sigma, tau_s = physical["nuclei.strength"], physical["nuclei.background_time"]
    field = overhauser_fields(network, sigma, seed=stream(seed, FIELDS))
    exact = nuclear_f(network, tau_s=tau_s, field=field, current=current, threads=threads)
    rates = site_rates(network, sigma, tau_s=tau_s)
    fast = nuclear_f(network, tau_s=tau_s, rates=rates, current=current, threads=threads)
    return {
        "nuclear_tau_f": exact.tau_f,
        "nuclear_tau_eff": exact.tau_eff,
        "nuclear_f": exact.f,
        "nuclear_f_of_one_time": exact.f_of_one_time,
        "nuclear_ratio": exact.ratio,
        "nuclear_leakage": exact.leakage,
        "nuclear_sites_tau_f": fast.tau_f,
        "nuclear_sites_tau_eff": fast.tau_eff,
    }


def nuclear_f_averages(columns: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Ratios of means over samples: f in the fields, and rates of sites over the fields.

    A few sites with long links dominate tau_eff of a sample. ``nuclear_ratio_of_means`` is the mean
    of tau_f over that of tau_eff f(tau_eff); the mean of the samples' own ratios stands beside it.
    """
    tau_f, tau_eff = columns["nuclear_tau_f"], columns["nuclear_tau_eff"]
    pairs = {
        "nuclear_f_of_means": (tau_f, tau_eff),
        "nuclear_ratio_of_means": (tau_f, tau_eff * columns["nuclear_f_of_one_time"]),
        "nuclear_sites_share_tau_f": (columns["nuclear_sites_tau_f"], tau_f),
        "nuclear_sites_share_tau_eff": (columns["nuclear_sites_tau_eff"], tau_eff),
    }
    found: dict[str, float] = {}
    for name, (above, below) in pairs.items():
        mean, error = ratio_of_means(above, below)
        found |= {name: float(mean), f"{name}_standard_error": float(error)}
    return found


def magnetoresistance_numbers(
    network: Network,
    current: Current,
    threads: int | None,
    physical: Mapping[str, Any],
    seed: np.random.SeedSequence,
) -> dict[str, float]:
    """Magnetoresistance of one sample with traps [nuclei 12], and both fits [nuclei 13]."""
    sigma = physical["nuclei.strength"]
    field = overhauser_fields(network, sigma, seed=stream(seed, FIELDS))
    trap = choose_traps(network, physical["traps.fraction"], seed=stream(seed, TRAPS))
    external = sigma * np.array(EXTERNAL)
    found = magnetoresistance(
        network,
        trap,
        external,
        field=field,
        tau_s=physical["nuclei.background_time"],
        threads=threads,
    )
    without = found.resistance[-1] / (1.0 + found.change[-1])
    return curve_numbers(found.change) | {
        "mr_blocking": float(without / found.unblocked),
        "mr_of_traps": float(found.unblocked * np.exp(current.log_conductance)),
        "mr_n_negative": float(found.n_negative),
        "mr_most_negative": found.most_negative,
        "mr_negative_share": found.negative_share,
    }


def curve_numbers(change: np.ndarray) -> dict[str, float]:
    """The curve, the field of half its last value, and both fits, in units of the strength."""
    lorentzian, cusp = fit_line_shapes(EXTERNAL, change)
    rising = np.maximum.accumulate(change)
    half = np.interp(0.5 * change[-1], rising, EXTERNAL)
    return {f"mr_at_{x:g}": float(y) for x, y in zip(EXTERNAL, change)} | {
        "mr_half_field": float(half),
        "mr_lorentzian_width": lorentzian.width,
        "mr_lorentzian_residual": lorentzian.residual,
        "mr_cusp_width": cusp.width,
        "mr_cusp_residual": cusp.residual,
        "mr_residual_ratio": cusp.residual / max(lorentzian.residual, 1e-300),
    }


def magnetoresistance_averages(columns: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Both fits of the mean curve over samples."""
    curve = np.array([columns[f"mr_at_{x:g}"].mean() for x in EXTERNAL])
    found = curve_numbers(curve)
    return {f"{k}_of_mean": v for k, v in found.items() if not k.startswith("mr_at_")}
