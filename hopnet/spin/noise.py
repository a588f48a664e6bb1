"""Spin noise, polarisation recovery and Hanle curves in frozen nuclear fields.

All three are values of the Laplace transform g(z) of the spin memory P(t), derived in
docs/nuclear_fields.md: the noise at z = 1/tau_s + i Omega, the orientation that a steady pump makes
at z = 1/tau_s.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from hopnet.checks import array_of, instance_of, number, one_of
from hopnet.errors import ConvergenceError, ValidityWarning
from hopnet.network.network import Network
from hopnet.progress import track
from hopnet.records import Record, read_only
from hopnet.spin.kinetics.checks import check_field
from hopnet.spin.kinetics.resolvent import Resolvent, spin_model
from hopnet.spin.memory import (
    N_COMPLEX,
    PER_DECADE,
    ReducedSpins,
    check_direction,
    check_frozen_fields,
    field_scale,
    reduce_spins,
)
from hopnet.spin.nuclear import nuclear_fields
from hopnet.threads import one_blas_thread

__all__ = ["SpinNoise", "SteadyOrientation", "orientation_curve", "spin_memory_time", "spin_noise"]

# Smallest and largest rate z, in 1/tau_0: rates times occupations must stay in the range of floats.
RATES = (1e-100, 1e100)
# Share of the sites whose lines are narrower than the resolution. From this share on a warning is
# given where the resolution is below the distance between these lines. Fewer lines hardly show.
SHARE_OF_LINES = 0.02
# Number of poles of the reduced model of the noise, divided by that of the spin memory in time. The
# noise needs more, because a spectrum is not averaged over a window of frequencies.
DENSER = 1.5


@dataclass(frozen=True, eq=False)
class SpinNoise(Record):
    """Power spectrum of the spin noise of a sample.

    Attributes
    ----------
    network : Network
    frequency : float64[n], in 1/tau_0
    resolution : float, in 1/tau_0
        Width of each line, 1/tau_s.
    power : float64[n], in tau_0
        S(Omega) in units of N_e / 4: twice the real part of g(1/tau_s + i Omega). The integral over
        all positive frequencies is pi.
    numerical_error : float64[n], in tau_0
        Error of ``power`` due to the reduced model, or to the solver with method "exact".
    model : ReducedSpins or None
        The reduced model; None with method "exact".
    """

    table_row: ClassVar[str] = "frequency"
    table_columns: ClassVar[tuple[str, ...]] = ("frequency", "power", "numerical_error")

    network: Network
    frequency: np.ndarray
    resolution: float
    power: np.ndarray
    numerical_error: np.ndarray
    model: ReducedSpins | None


@dataclass(frozen=True, eq=False)
class SteadyOrientation(Record):
    """Orientation of a steadily pumped sample in external fields.

    Attributes
    ----------
    network : Network
    external : float64[n], in 1/tau_0
        Precession frequency in the external field.
    tau_s : float, in tau_0
    remaining : float64[n]
        g(1/tau_s) / tau_s: the polarisation divided by that without any field.
    """

    table_row: ClassVar[str] = "external"
    table_columns: ClassVar[tuple[str, ...]] = ("external", "remaining")

    network: Network
    external: np.ndarray
    tau_s: float
    remaining: np.ndarray


@one_blas_thread()  # sums have the same bits on any number of cores
def spin_noise(
    network: Network,
    frequency: ArrayLike,
    *,
    field: ArrayLike,
    resolution: float,
    spin_orbit: ArrayLike | None = None,
    direction: ArrayLike = (0.0, 0.0, 1.0),
    method: str = "exact",
    tolerance: float = 0.02,
    threads: int | None = None,
) -> SpinNoise:
    """Spin noise of dilute electrons in frozen fields.

    Equation [nuclei 10]::

        S(Omega) = 2 Re g(1/tau_s + i Omega)          g(z) = int_0^inf P(t) exp(-z t) dt

    per N_e / 4, for kT far above the Zeeman energy. (1/pi) int_0^inf S dOmega = 1.

    Parameters
    ----------
    network : Network
    frequency : array_like, in 1/tau_0
        Frequencies Omega >= 0.
    field : array_like[3] or [n_sites, 3], in 1/tau_0
        Precession frequency of all sites or of each.
    resolution : float, in 1/tau_0
        1/tau_s > 0, the width of each line. Sites that electrons rarely leave have lines of their
        own; a resolution below the distance between them shows the lines of this one sample.
    spin_orbit : array_like[2, 2], optional
        The matrix M of half-angles per a_b; without it spins do not turn in hops.
    direction : array_like[3]
        The component of the spin that is measured.
    method : {"exact", "model"}
        "exact" solves one complex system per frequency. "model" uses one reduced model for all
        frequencies. It cannot resolve single lines, so it needs a resolution of at least a tenth of
        the fields, or frequencies below a tenth of them.
    tolerance : float
        Largest error of the model, divided by the largest power at these frequencies.
    threads : int, optional

    Returns
    -------
    SpinNoise

    Raises
    ------
    ParameterError
        If an argument is not of the kind described.
    ConvergenceError
        If the model does not reach the tolerance.

    Warns
    -----
    ValidityWarning
        If the resolution is below the distance between the lines of single sites: the spectrum is
        then that of this one sample.

    Examples
    --------
    >>> import hopnet as hn
    >>> network = hn.build_network(hn.random_sites(300, density=0.1, seed=1, geometry="cylinder"))
    >>> field = hn.overhauser_fields(network, 0.01, seed=2)
    >>> noise = hn.spin_noise(network, [0.0, 0.01, 0.1], field=field, resolution=1e-3)
    >>> bool((noise.power[1:] < noise.power[:-1]).all())
    True
    """
    instance_of("network", network, Network, "make it with hopnet.build_network")
    one_of("method", method, ("exact", "model"))
    hint = "give frequencies in 1/tau_0"
    frequencies = array_of("frequency", frequency, low=0.0, high=RATES[1], hint=hint)
    width = number("resolution", resolution, low=RATES[0], high=RATES[1], unit="in 1/tau_0")
    tolerance = number("tolerance", tolerance, low=1e-9, high=1.0)
    field, axis = check_field(network, field), check_direction(direction)
    check_frozen_fields("1 / resolution", 1 / width, field)
    warn_of_lines(network, field, width)
    model = spin_model(network, field, spin_orbit, None, width, threads)
    source, z = model.source(axis), width + 1j * frequencies
    found: ReducedSpins | None = None
    if method == "exact":
        g = np.array([model.overlap(axis, Resolvent(model, one).solve(source)) for one in z])
        error = np.abs(g.real) * 1e-9
    else:
        # Poles down to a third of the resolution: g is not needed closer to the imaginary axis.
        found = reduce_spins(
            model, axis, width / 3, DENSER * PER_DECADE, int(2 * DENSER * N_COMPLEX)
        )
        g = found.transform(z)
        error = 2.0 * np.abs((g - found.coarse[0].transform(z)).real)
        worst = float(error.max() / np.abs(2.0 * g.real).max())
        if not worst <= tolerance:
            raise ConvergenceError(
                f"the model of the noise must reach the tolerance {tolerance:.1e}, its error is "
                f"{worst:.1e} of the largest power: lines of single sites show at this resolution; "
                "take method='exact', a coarser resolution or a larger tolerance.",
                estimate=2.0 * g.real,
                residual=worst,
            )
    return SpinNoise(
        network=network,
        frequency=read_only(frequencies),
        resolution=width,
        power=read_only(2.0 * g.real),
        numerical_error=read_only(error),
        model=found,
    )


def warn_of_lines(network: Network, field: np.ndarray, resolution: float) -> None:
    """A ValidityWarning if lines of single sites show at this resolution.

    Sites that electrons leave more slowly than the resolution have lines of that width, spread
    over frequencies of about the strength of the fields.
    """
    i, j, K = network.link_i, network.link_j, network.conductance
    leaving = np.bincount(i, K, network.n_sites) + np.bincount(j, K, network.n_sites)
    n_lines = int((leaving < resolution * network.occupation).sum())
    if n_lines < SHARE_OF_LINES * network.n_sites or n_lines == 0:
        return
    distance = field_scale(field) / n_lines
    if np.ptp(field) > 0 and resolution < distance:
        warnings.warn(
            f"resolution={resolution:.2g} is below {distance:.2g} / tau_0, the distance between "
            f"the lines of the {n_lines} sites that electrons leave more slowly than this: the "
            "spectrum shows the lines of this one sample; take more sites or a coarser resolution.",
            ValidityWarning,
            stacklevel=4,
        )


@one_blas_thread()  # sums have the same bits on any number of cores
def spin_memory_time(
    network: Network,
    tau_s: float,
    *,
    field: ArrayLike,
    spin_orbit: ArrayLike | None = None,
    direction: ArrayLike = (0.0, 0.0, 1.0),
    threads: int | None = None,
) -> float:
    """The spin memory time g(1/tau_s) of a sample, in tau_0 [nuclei 7].

    The polarisation under a steady pump is the pumping rate times this time. Without fields it is
    tau_s. Electrons in traps, which carry no current, count as much as all others.

    Parameters
    ----------
    network : Network
    tau_s : float, in tau_0
        Relaxation time by all processes but the fields. Without it the slowest site would decide
        the result.
    field : array_like[3] or [n_sites, 3], in 1/tau_0
    spin_orbit : array_like[2, 2], optional
    direction : array_like[3]
    threads : int, optional

    Returns
    -------
    float, in tau_0
    """
    instance_of("network", network, Network, "make it with hopnet.build_network")
    tau_s = number("tau_s", tau_s, low=RATES[0], high=RATES[1], unit="in tau_0")
    field, axis = check_field(network, field), check_direction(direction)
    check_frozen_fields("tau_s", tau_s, field)
    model = spin_model(network, field, spin_orbit, None, 1 / tau_s, threads)
    return model.overlap(axis, Resolvent(model, 1 / tau_s).solve(model.source(axis))).real


def orientation_curve(
    network: Network,
    tau_s: float,
    external: ArrayLike,
    *,
    field: ArrayLike,
    along: str = "spin",
    spin_orbit: ArrayLike | None = None,
    threads: int | None = None,
    progress: bool | None = None,
) -> SteadyOrientation:
    """Polarisation recovery or Hanle curve of a pumped sample with frozen nuclear fields.

    It is z g(z) at the rate z = 1/tau_s [nuclei 7], for a spin pumped and measured along the z
    axis. The external field needed for recovery depends on the hop rates, not on the strength of
    the nuclear fields alone.

    Parameters
    ----------
    network : Network
    tau_s : float, in tau_0
        Relaxation time by everything but the fields.
    external : array_like, in 1/tau_0
        Precession frequencies in the external field.
    field : float64[n_sites, 3], in 1/tau_0
        Nuclear fields.
    along : {"spin", "plane"}
        Direction of the external field: along the spin it restores the polarisation (recovery), in
        the plane it reduces it (Hanle).
    spin_orbit : array_like[2, 2], optional
    threads : int, optional
    progress : bool, optional
        Show a progress bar; by default in notebooks only.

    Returns
    -------
    SteadyOrientation
    """
    instance_of("network", network, Network, "make it with hopnet.build_network")
    one_of("along", along, ("spin", "plane"), "'spin' is the recovery curve, 'plane' is Hanle")
    hint = "give precession frequencies in 1/tau_0"
    values, nuclei = array_of("external", external, hint=hint), nuclear_fields(network, field)
    tau_s = number("tau_s", tau_s, low=RATES[0], high=RATES[1], unit="in tau_0")
    unit = np.array([0.0, 0.0, 1.0] if along == "spin" else [1.0, 0.0, 0.0])
    remaining = [
        spin_memory_time(
            network, tau_s, field=nuclei + B * unit, spin_orbit=spin_orbit, threads=threads
        )
        / tau_s
        for B in track(values.tolist(), "fields", progress=progress)
    ]
    return SteadyOrientation(network, read_only(values), tau_s, read_only(np.array(remaining)))
