"""The function f(n_s, tau_s) of one sample, and the spin of every site."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from hopnet.checks import array_of, number, one_of, whole
from hopnet.elimination.reduced import interpolate
from hopnet.errors import DataError, ParameterError, ValidityWarning
from hopnet.network.network import Network, check_digest
from hopnet.network.triads import Triads
from hopnet.records import Record, load_arrays, read_only, save_arrays
from hopnet.spin.equations import (
    SpinEquations,
    balanced_spin,
    f_and_slope_at_rate,
    f_and_spin_at_time,
    spin_equations,
)
from hopnet.spin.generation import check_tau_s
from hopnet.transport.current import Current, in_unit

__all__ = ["FCurve", "Spin", "f_curve", "solve_spin"]

# Number of finite tau_s > 0 up to which each gets a factor of its own. An interpolated curve needs
# about eight factors: a smaller number would add interpolation errors without saving time, a larger
# one would take more factors than the curve needs.
MOST_EXACT = 8

# Largest number of nodes of an interpolated curve. Where it would need more, the tau_s in question
# get a factor each.
MOST_NODES = 40

# Absolute part of the tolerance of an interpolated f, in units of f_drift. It decides how far a
# curve that falls to zero is followed: a smaller value adds factors where f is negligible.
FLOOR = 1e-6


# Most strips of an edge profile: more than the sites of any sample; each takes 16 bytes.
MOST_BINS = 10_000_000


@dataclass(frozen=True, eq=False)
class FCurve(Record):
    """f as a function of the spin relaxation time.

    Attributes
    ----------
    tau_s : float64[n], in tau_0
        The relaxation times, in the order in which they were given.
    f : float64[n]
        f = f_drift + f_diffusion.
    f_diffusion : float64[n]
        The part of f from the diffusion of spins.
    numerical_error : float64[n]
        Absolute error of f within this sample: rounding where each tau_s has its own factor, and
        the error of the interpolation where f is interpolated.
    f_drift : float
        The part of f from the generation of spin; f at tau_s = 0.
    conductance, resistivity, imbalance : float
        Those of the sample, as in `Current`.
    cutoff_error : float
        Estimate of the absolute error of every f by the links that the cutoff leaves out. It
        covers cutoffs of at least l_c + 3 a_b (`runs/cutoff.toml`).
    """

    table_row: ClassVar[str] = "tau_s"
    table_columns: ClassVar[tuple[str, ...]] = ("tau_s", "f", "f_diffusion", "numerical_error")

    tau_s: np.ndarray
    f: np.ndarray
    f_diffusion: np.ndarray
    numerical_error: np.ndarray
    f_drift: float
    conductance: float
    resistivity: float
    imbalance: float
    cutoff_error: float

    def describe(self) -> str:
        """What the record holds, in one line."""
        finite = self.tau_s[np.isfinite(self.tau_s)]
        times = f"{finite.min(initial=np.inf):.4g} to {self.tau_s.max():.4g}"
        return (
            f"f = {self.f.min():.6g} to {self.f.max():.6g} at {self.tau_s.size} tau_s from {times},"
            f" f_drift {self.f_drift:.6g}, cutoff error {self.cutoff_error:.1e}"
        )

    def to_frame(self) -> pd.DataFrame:
        """A DataFrame with one row per tau_s."""
        return pd.DataFrame(
            {
                "tau_s": self.tau_s,
                "f": self.f,
                "f_drift": self.f_drift,
                "f_diffusion": self.f_diffusion,
                "f_numerical_error": self.numerical_error,
                "f_cutoff_error": self.cutoff_error,
            }
        )


@dataclass(frozen=True, eq=False)
class Spin(Record):
    """The steady spin of every site at unit bias.

    Attributes
    ----------
    network : Network
    tau_s : float, in tau_0
        The spin relaxation time.
    spin : float64[n_sites]
        S~ of every site [hopping S43].
    f : float
        f at this relaxation time.
    """

    table_row: ClassVar[str] = "site"
    table_columns: ClassVar[tuple[str, ...]] = ("spin",)

    network: Network
    tau_s: float
    spin: np.ndarray
    f: float

    def edge_profile(self, n_bins: int = 50) -> tuple[np.ndarray, np.ndarray]:
        """Mean S~ in strips along the current: the spin accumulated at the edges.

        Parameters
        ----------
        n_bins : int
            Number of strips.

        Returns
        -------
        centre : float64[n_bins]
            Distance of the middle of each strip from one edge, in a_b.
        spin : float64[n_bins]
            Mean S~ of the sites of each strip; 0 if it has none.
        """
        n_bins = whole("n_bins", n_bins, low=1, high=MOST_BINS)
        across = 1 if self.network.axis == "x" else 0
        distance = self.network.sites.position[:, across]
        edges = np.linspace(0.0, self.network.width_across_current, n_bins + 1)
        total, _ = np.histogram(distance, edges, weights=self.spin)
        count, _ = np.histogram(distance, edges)
        return 0.5 * (edges[1:] + edges[:-1]), total / np.maximum(count, 1)

    def save(self, path: str | Path) -> None:
        """Write the record to one .npz file, without the network."""
        stored = {"tau_s": self.tau_s, "spin": self.spin, "f": self.f}
        save_arrays(path, "Spin", stored | {"digest": self.network.digest})

    @classmethod
    def load(cls, path: str | Path, network: Network) -> Spin:
        """Read what `save` wrote, for the network that the spin belongs to.

        Raises
        ------
        DataError
            If the file does not hold a spin.
        ParameterError
            If the spin belongs to another network.
        """
        stored = load_arrays(path, "Spin", required=("tau_s", "spin", "f", "digest"))
        check_digest(network, stored["digest"], "spin")
        try:
            tau_s = number("tau_s", stored["tau_s"], low=0.0, infinite=True)
            spin = array_of("spin", stored["spin"], shape=(network.n_sites,), infinite=True)
            f = number("f", stored["f"], infinite=True)
        except ParameterError as failure:
            raise DataError(f"{str(path)!r} does not hold a valid spin: {failure}") from None
        return cls(network, tau_s, read_only(spin, copy=False), f)


def f_curve(
    network: Network,
    tau_s: ArrayLike,
    *,
    current: Current | None = None,
    triads: Triads | None = None,
    tolerance: float = 1e-2,
    normalisation: str = "bulk",
    threads: int | None = None,
) -> FCurve:
    """The function f(n_s, tau_s) of one sample: drift, diffusion and their sum.

    Equations [hopping S42], [hopping S45]: f = f_drift + f_diffusion, the one function behind
    current-induced spin polarisation, spin-galvanic and spin-Hall effect ([hopping 13]-[15]).

    Parameters
    ----------
    network : Network
        An open sample, or a cylinder (the bulk).
    tau_s : array_like, in tau_0
        Relaxation times from 0 (drift only) to inf.
    current : Current, optional
        The current of this network; it is solved for if it is not given.
    triads : Triads, optional
        The triads of this network; they are listed if they are not given.
    tolerance : float
        More than eight finite tau_s > 0 are interpolated between exact values and slopes, to
        ``tolerance * abs(f) + 1e-6 * abs(f_drift)``. With 0, each tau_s has its own factor and f
        is exact. f is also exact wherever the interpolation does not reach the tolerance.
    normalisation : {"bulk", "letter"}
        "bulk" divides by the current where it really flows, the sum over links of flow R^x: f of
        small samples agrees with that of large ones. "letter" divides by the current times the
        distance of the contact edges. The contact strips, where no current flows, then lower f by
        a relative amount of about 3 / sqrt(N).
    threads : int, optional
        Number of threads. No result depends on it.

    Returns
    -------
    FCurve
        In the order of ``tau_s``.

    Raises
    ------
    ParameterError
        If an argument is not allowed, or belongs to another network.
    NotPercolatingError
        If no path joins the contacts.

    Notes
    -----
    Cost: one factor per tau_s, or about eight for a whole curve. In an open sample f -> 0 as
    tau_s -> inf, but only once sqrt(D tau_s) exceeds the sample. A cylinder keeps a finite plateau,
    the value of the bulk: it is computed as a sum over triads of two harmonic potentials, with all
    digits at any density, and is the Hall angle of the sample (`hall_angle`). Valid for tau_s much
    shorter than the Dyakonov-Perel time.
    """
    tau_s = check_tau_s(tau_s)
    tolerance = number("tolerance", tolerance, low=0.0, hint="0 gives every tau_s its own factor")
    normalisation = one_of("normalisation", normalisation, ("bulk", "letter"))
    equations = spin_equations(network, current, triads, threads, normalisation)
    generation, current = equations.generation, equations.current
    if not np.any(generation.gamma):
        warnings.warn(
            "no current flows through any triad of this sample, so f is 0; widen the cutoff if "
            "you expect another value.",
            ValidityWarning,
            stacklevel=2,
        )
    f, error = f_and_error(equations, tau_s, tolerance)
    return FCurve(
        tau_s=read_only(tau_s),
        f=read_only(f),
        f_diffusion=read_only(f - generation.f_drift),
        numerical_error=read_only(error),
        f_drift=generation.f_drift,
        conductance=current.conductance,
        resistivity=current.resistivity,
        imbalance=current.imbalance,
        cutoff_error=equations.cutoff_error,
    )


def f_and_error(
    equations: SpinEquations, tau_s: np.ndarray, tolerance: float
) -> tuple[np.ndarray, np.ndarray]:
    """f and its absolute error at each tau_s, exact or interpolated as `f_curve` says."""
    f_drift = equations.generation.f_drift
    f, error = np.empty(tau_s.shape), np.empty(tau_s.shape)
    smooth = np.isfinite(tau_s) & ~equations.relaxes_fast(tau_s)
    n_smooth = int(smooth.sum())
    if tolerance > 0 and n_smooth > MOST_EXACT and f_drift != 0:
        rounding = []

        def evaluate(rate: float) -> tuple[float, float]:
            value, slope, own_rounding = f_and_slope_at_rate(equations, rate)
            rounding.append(own_rounding)
            return value, slope

        curve = interpolate(
            evaluate,
            1.0 / tau_s[smooth],
            relative=tolerance,
            absolute=FLOOR * abs(f_drift),
            max_nodes=min(MOST_NODES, n_smooth),
        )
        f[smooth] = curve.value
        error[smooth] = curve.error + max(rounding)
    else:
        smooth[:] = False
    for t in np.flatnonzero(~smooth):
        f[t], error[t], _ = f_and_spin_at_time(equations, tau_s[t])
    return f, error


def solve_spin(
    network: Network,
    tau_s: float,
    *,
    current: Current | None = None,
    triads: Triads | None = None,
    normalisation: str = "bulk",
    threads: int | None = None,
) -> Spin:
    """The steady spin of every site, [hopping S43].

    Parameters
    ----------
    network : Network
        An open sample, or a cylinder.
    tau_s : float, in tau_0
        The relaxation time, from 0 to inf.
    current : Current, optional
        The current of this network; it is solved for if it is not given.
    triads : Triads, optional
        The triads of this network; they are listed if they are not given.
    normalisation : {"bulk", "letter"}
        That of ``f``, as in `f_curve`; the spins do not depend on it.
    threads : int, optional
        Number of threads. The result does not depend on it.

    Returns
    -------
    Spin
    """
    times = check_tau_s(tau_s)
    if times.size != 1:
        raise ParameterError(
            f"solve_spin takes one tau_s, got {times.size}; call it once for each of them."
        )
    normalisation = one_of("normalisation", normalisation, ("bulk", "letter"))
    equations = spin_equations(network, current, triads, threads, normalisation)
    solution = f_and_spin_at_time(equations, float(times[0]))
    spin = in_unit(balanced_spin(equations, solution, float(times[0])), equations.log_scale)
    return Spin(network, float(times[0]), read_only(spin), float(solution.f))
