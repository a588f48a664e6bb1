"""Spin: its generation by the current, its diffusion, and the function f(n_s, tau_s).

In units a_b = tau_0 = 1, to leading order in spin-orbit coupling, one scalar per site is enough:
S~_i = n_i sigma_i; the z spin of the site is (m^2 a_b^2 T / (hbar^3 J_0)) S~_i, T = -2 det beta.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from hopnet.elimination.reduced import interpolate
from hopnet.elimination.symbolic import analyse
from hopnet.elimination.symmetric import factor
from hopnet.errors import ParameterError, ValidityWarning
from hopnet.network.network import Network
from hopnet.network.triads import Triads
from hopnet.records import load_arrays, read_only, save_arrays
from hopnet.spin.generation import check_tau_s, spin_generation
from hopnet.transport.current import Current, net_flow, solve_current

MOST_EXACT = 8  # up to so many tau_s each has its own factor: a curve needs as many


@dataclass(frozen=True, eq=False)
class FCurve:
    """f as a function of the spin relaxation time.

    Attributes
    ----------
    tau_s : float64[n], in tau_0
    f : float64[n]
        f = f_drift + f_diffusion.
    f_diffusion : float64[n]
    error : float64[n]
        Absolute error of f: rounding for exact factors, more where it is interpolated.
    f_drift : float
    conductance, resistivity, imbalance : float
        Of the sample, as in `Current`.
    """

    tau_s: np.ndarray
    f: np.ndarray
    f_diffusion: np.ndarray
    error: np.ndarray
    f_drift: float
    conductance: float
    resistivity: float
    imbalance: float

    def to_frame(self) -> pd.DataFrame:
        """A DataFrame, one row per tau_s."""
        return pd.DataFrame(
            {
                "tau_s": self.tau_s,
                "f": self.f,
                "f_drift": self.f_drift,
                "f_diffusion": self.f_diffusion,
                "f_error": self.error,
            }
        )


@dataclass(frozen=True, eq=False)
class Spin:
    """The steady spin of every site at unit bias.

    Attributes
    ----------
    network : Network
    tau_s : float, in tau_0
    spin : float64[n_sites]
        S~ [hopping S43].
    f : float
    """

    network: Network
    tau_s: float
    spin: np.ndarray
    f: float

    def edge_profile(self, n_bins: int = 50) -> tuple[np.ndarray, np.ndarray]:
        """Mean S~ in strips along the current: the spin accumulated at the edges.

        Parameters
        ----------
        n_bins : int

        Returns
        -------
        centre, spin : float64[n_bins]
            Distance of each strip from one edge, in a_b; mean S~ of its sites (0 if it has none).
        """
        across = 1 if self.network.axis == "x" else 0
        place = self.network.sites.position[:, across]
        edges = np.linspace(0.0, self.network.width_across_current, n_bins + 1)
        total, _ = np.histogram(place, edges, weights=self.spin)
        count, _ = np.histogram(place, edges)
        return 0.5 * (edges[1:] + edges[:-1]), total / np.maximum(count, 1)

    def save(self, path: str | Path) -> None:
        """Write to one .npz file, without the network."""
        save_arrays(path, "Spin", {"tau_s": self.tau_s, "spin": self.spin, "f": self.f})

    @classmethod
    def load(cls, path: str | Path, network: Network) -> Spin:
        """Read what `save` wrote, for the network it belongs to."""
        stored = load_arrays(path, "Spin")
        if stored["spin"].shape[0] != network.n_sites:
            raise ParameterError(
                f"this spin has {stored['spin'].shape[0]} sites, the network {network.n_sites}; "
                "load it with the network it was solved on."
            )
        return cls(network, float(stored["tau_s"]), read_only(stored["spin"]), float(stored["f"]))


def spin_at(network, symbolic, generation, tau_s, *, threads=None):
    """S~ at one relaxation time, and f.

    Returns
    -------
    spin : float64[n_sites]
    f : float
    """
    if tau_s == 0.0:
        return np.zeros(network.n_sites), generation.f_drift
    conductance = network.conductance
    shift = network.occupation / tau_s
    factored = factor(symbolic, conductance, shift, threads=threads)
    return spin_from(network, factored, generation, 1.0 / tau_s)


def spin_from(network, factored, generation, s):
    """S~ and f from the factor at s = 1/tau_s, in the form that suits the geometry.

    Equations [hopping S43] and [hopping S45]::

        (Lap + n/tau_s) sigma = gamma        Lap_ij = -K_ij = -n_j / tau_ij      S~_i = n_i sigma_i
        f_diffusion = -c sum over links of (y_i - y_j) K_ij (sigma_i - sigma_j)   (any geometry)
        f = (c / tau_s) sum_i y_i S~_i                                            (hard edges)

    Both are exact. With hard edges the second is used: it does not lose digits where drift and
    diffusion compensate. In the first the differences of S~ come from the elimination.

    Returns
    -------
    spin : float64[n_sites]
    f : float
    """
    spin = factored.solve(generation.gamma) * network.occupation
    if network.sites.geometry == "open":
        y = network.sites.position @ network.direction_across
        return spin, generation.factor * s * float(((y - y.mean()) * spin).sum())
    return spin, generation.f_drift + local_diffusion(network, factored, generation)


def local_diffusion(network, factored, generation):
    """f_diffusion from the differences of S~ along links [hopping S45]; any geometry."""
    difference = factored.link_drops(network.n_links, rhs=generation.gamma)
    y_ij = -(network.separation @ network.direction_across)
    moment = y_ij * network.conductance * difference
    return -generation.factor * float(moment.sum())


def slope_at(network, factored, generation, spin, s):
    """df/ds at s = 1/tau_s: c (M^-1 q) . S~ with M = Lap + s n and q_i = sum_j (y_i - y_j) K_ij.

    With hard edges M^-1 q = y - s M^-1 (n y), which keeps more digits.
    """
    if network.sites.geometry == "open":
        y = network.sites.position @ network.direction_across
        y = y - y.mean()
        moved = y - s * factored.solve(y * network.occupation)
    else:
        along_link = -(network.separation @ network.direction_across)
        along_link *= network.conductance
        moved = factored.solve(net_flow(network, along_link))
    return generation.factor * float((moved * spin).sum())  # not @: BLAS sums by threads


def f_curve(
    network: Network,
    tau_s: ArrayLike,
    *,
    current: Current | None = None,
    triads: Triads | None = None,
    tolerance: float = 1e-2,
    threads: int | None = None,
) -> FCurve:
    """The function f(n_s, tau_s) of one sample: drift, diffusion and their sum.

    Equations [hopping S42], [hopping S45]: f = f_drift + f_diffusion, the one function behind
    current-induced spin polarisation, spin-galvanic and spin-Hall effect ([hopping 13]-[15]).

    Parameters
    ----------
    network : Network
        Open, or a cylinder (the bulk).
    tau_s : array_like, in tau_0
        From 0 (drift only) to inf.
    current : Current, optional
        Of this network; solved for if not given.
    triads : Triads, optional
    tolerance : float
        More than eight finite tau_s > 0 are interpolated between exact values and slopes, to
        ``tolerance * abs(f) + 1e-6 * abs(f_drift)``. 0: a factor for each, exact.
    threads : int, optional

    Returns
    -------
    FCurve
        In the order of ``tau_s``.

    Notes
    -----
    One factor per tau_s, or some eight for a whole curve. The contact strips, where no current
    flows, count in N and lower f by about 3.6 / sqrt(N) of itself. In an open sample f -> 0 as
    tau_s -> inf, but only once sqrt(D tau_s) exceeds the sample; the bulk value, a finite plateau,
    is that of a cylinder. Valid for tau_s much shorter than the Dyakonov-Perel time.
    """
    tau_s = check_tau_s(tau_s)
    if not (np.isfinite(tolerance) and tolerance >= 0):
        raise ParameterError(
            f"tolerance must be a number >= 0, got {tolerance!r}; 0 means a factor per tau_s."
        )
    if current is None:
        current = solve_current(network, threads=threads)
    generation = spin_generation(network, current, triads)
    if not np.any(generation.gamma):
        warnings.warn(
            "no current flows through any triad of this sample, f is 0; widen the cutoff if that "
            "is not what you expect.",
            ValidityWarning,
            stacklevel=2,
        )
    symbolic = analyse(network.dissection, network.link_i, network.link_j)
    conductance = network.conductance
    occupation = network.occupation
    f = np.empty(tau_s.shape)
    error = np.full(tau_s.shape, np.finfo(float).eps * abs(generation.f_drift))
    smooth = np.isfinite(tau_s) & (tau_s > 0)
    if tolerance > 0 and smooth.sum() > MOST_EXACT and generation.f_drift != 0:

        def value_and_slope(s):
            factored = factor(symbolic, conductance, s * occupation, threads=threads)
            spin, value = spin_from(network, factored, generation, s)
            return value, slope_at(network, factored, generation, spin, s)

        curve = interpolate(
            value_and_slope,
            1.0 / tau_s[smooth],
            relative=tolerance,
            absolute=1e-6 * abs(generation.f_drift),
        )
        f[smooth] = curve.value
        error[smooth] += curve.error
    else:
        smooth[:] = False
    for t in np.flatnonzero(~smooth):
        f[t] = spin_at(network, symbolic, generation, tau_s[t], threads=threads)[1]
    return FCurve(
        tau_s=read_only(tau_s),
        f=read_only(f),
        f_diffusion=read_only(f - generation.f_drift),
        error=read_only(error),
        f_drift=generation.f_drift,
        conductance=current.conductance,
        resistivity=current.resistivity,
        imbalance=current.imbalance,
    )


def solve_spin(
    network: Network,
    tau_s: float,
    *,
    current: Current | None = None,
    triads: Triads | None = None,
    threads: int | None = None,
) -> Spin:
    """The steady spin of every site, [hopping S43].

    Parameters
    ----------
    network : Network
    tau_s : float, in tau_0
    current : Current, optional
    triads : Triads, optional
    threads : int, optional

    Returns
    -------
    Spin
    """
    tau_s = check_tau_s(tau_s)
    if tau_s.size != 1:
        raise ParameterError(f"solve_spin takes one tau_s, got {tau_s.size}; call it for each.")
    if current is None:
        current = solve_current(network, threads=threads)
    generation = spin_generation(network, current, triads)
    symbolic = analyse(network.dissection, network.link_i, network.link_j)
    spin, f = spin_at(network, symbolic, generation, float(tau_s[0]), threads=threads)
    return Spin(network, float(tau_s[0]), read_only(spin), float(f))
