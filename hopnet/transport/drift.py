"""Drift: velocity, mobility and diffusion of carriers in a field of any strength.

The sample is periodic along the field, so there are no contacts and each carrier drifts for ever.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from hopnet.checks import instance_of, number
from hopnet.elimination.symbolic import analyse
from hopnet.errors import ParameterError, ValidityWarning
from hopnet.network.energies import Bath
from hopnet.network.network import Network
from hopnet.records import Record, read_only
from hopnet.transport.around import Around, close_with, solve_around
from hopnet.transport.current import in_unit
from hopnet.transport.exclusion import Crowd, Frozen, filling_of, follow, starting_odds
from hopnet.transport.seam import Seam, check_ring_axis, dissect_along, open_along
from hopnet.transport.tilted import (
    LogRates,
    energy_steps,
    equilibrium,
    log_overlap,
    log_rates,
    own_bath,
)

__all__ = [
    "Drift",
    "crowd_around",
    "crowded_drift",
    "diffusion_of",
    "drift_of_seam",
    "single_carrier",
    "solve_drift",
    "start_of",
]

# Largest field times period, in kT. Logarithms of occupations reach this size, so they are rounded
# to LARGEST * eps = 2e-10. With a larger value, small flows would be less accurate than this.
LARGEST = 1e6
# Smallest field times period in kT: below, velocities and their inverses leave the range of floats.
SMALLEST = 1e-100
# Largest relative difference of two numbers of carriers that count as the same: rounding is 1e-13.
SAME_NUMBER = 1e-9


@dataclass(frozen=True, eq=False)
class Drift(Record):
    """Steady drift of carriers in a uniform field along a periodic axis.

    Attributes
    ----------
    network : Network
    field : float, in kT/(e a_b)
        Positive drives carriers towards larger coordinates.
    axis : {"x", "y"}
    velocity : float, in a_b / tau_0
        Mean velocity of a carrier in the largest cluster.
    diffusion : float, in a_b^2 / tau_0
        Longitudinal diffusion constant at this field; tends to velocity / field in a weak field.
        With many carriers it is that of one carrier among the mean occupations of the others.
    occupation : float64[n_sites]
        Mean number of carriers on each site; the sum is ``n_carriers``, and 0 outside the cluster.
    flow : float64[n_links], in 1/tau_0
        Net flow from i to j of all carriers.
    drop : float64[n_links], in kT/e
        Drop of the electrochemical potential from i to j, ln(u_i / u_j) with u = p / n, or
        p / (n (1 - p)) with many carriers, along the link. Around the sample drops add up to field
        times period.
    imbalance : float
        Sum over sites of abs(net flow), divided by the sum over links of abs(flow).
    n_carriers : float
        Number of carriers in the largest cluster: 1 where carriers are few and do not meet.
    log_odds : float64[n_sites] or None
        ln(p / (1 - p)) of every site with many carriers, -inf outside the cluster. None for few.
    residual : float
        Largest change of a log-odd that Newton's method still asks for; 0 for few carriers.
    steps : int
        Newton steps, including those at smaller fields; 0 for few carriers.
    """

    table_row: ClassVar[str] = "link"
    table_columns: ClassVar[tuple[str, ...]] = ("drop", "flow")

    network: Network
    field: float
    axis: str
    velocity: float
    diffusion: float
    occupation: np.ndarray
    flow: np.ndarray
    drop: np.ndarray
    imbalance: float
    n_carriers: float = 1.0
    log_odds: np.ndarray | None = None
    residual: float = 0.0
    steps: int = 0

    @property
    def mobility(self) -> float:
        """velocity / field, in a_b^2 / tau_0 per kT: the diffusion constant in a weak field."""
        return self.velocity / self.field

    @property
    def mean_energy(self) -> float:
        """Mean energy of a carrier, in the unit of the site energies; 0 without energies."""
        energy = self.network.sites.energy
        return 0.0 if energy is None else float(self.occupation @ energy) / self.n_carriers


def solve_drift(
    network: Network,
    field: float,
    *,
    concentration: float | None = None,
    chemical_potential: float | None = None,
    start: Drift | None = None,
    axis: str | None = None,
    bath: Bath | None = None,
    threads: int | None = None,
) -> Drift:
    """Steady drift of carriers in a uniform field of any strength.

    Few carriers, equation [field 5], a+_ij the rate from seam site i once around the sample to j,
    and u = p / n::

        v = L sum_ij p_i a+_ij (1 - exp(-F L) u_j / u_i)        sum_i p_i = 1

    With a concentration or a chemical potential, at most one carrier fits on a site, and the mean
    field of blocking is solved by Newton's method [field 7].

    Parameters
    ----------
    network : Network
        A torus, or a cylinder (the field then runs around it, along y), with or without energies.
    field : float, in kT/(e a_b)
        e F a_b / kT, not zero. The speeds at F and -F differ, because a random sample is not
        symmetric; in their mean the terms of even order in F cancel.
    concentration : float, optional
        Mean number of carriers per site of the largest cluster, between 0 and 1.
    chemical_potential : float, optional
        Chemical potential of equilibrium, in the unit of the energies, which fixes the number of
        carriers; by default that of the network. Without any of these, carriers are few.
    start : Drift, optional
        Solution of the same sample and number of carriers at another field: a start for blocking.
    axis : {"x", "y"}, optional
        Direction of the field; by default y on a cylinder, the network's axis on a torus.
    bath : {"ohmic", "miller_abrahams", "heat_bath"} or callable, optional
        Default: the bath of the network, "ohmic" for equal energies.
    threads : int, optional
        The numbers do not depend on it.

    Returns
    -------
    Drift

    Raises
    ------
    ParameterError
        A sample without a periodic axis, a field of zero or out of range, or rates that leave the
        range of floats.
    NotPercolatingError
        If the largest cluster does not close around the sample.
    ConvergenceError
        If blocking does not converge at this field; it names the field and the imbalance reached.

    Warns
    -----
    ValidityWarning
        If a concentration gives less than one carrier in the sample.

    Notes
    -----
    Links are those of the network. From e F l_c = kT on longer links carry current: build the
    network with cutoff=2.5 or more. In a strong field the velocity of dilute samples falls with
    their size, since rare traps decide it: average 1/v over samples, and state the size.

    Examples
    --------
    >>> import hopnet as hn
    >>> sites = hn.random_sites(600, density=0.05, seed=4, geometry="torus")
    >>> network = hn.build_network(sites)
    >>> weak = hn.solve_drift(network, 1e-9)
    >>> bool(abs(weak.mobility / weak.diffusion - 1) < 1e-6)
    True
    """
    instance_of("network", network, Network, "make it with hopnet.build_network")
    filling = filling_of(network, concentration, chemical_potential)
    seam = open_along(network, check_ring_axis(network, axis))
    if filling == (None, None):
        if start is not None:
            raise ParameterError("start is for blocking; give concentration= as well.")
        return drift_of_seam(seam, field, bath=bath, threads=threads)
    crowd, y = crowd_around(seam, filling, bath=bath, threads=threads)
    if (crowd.n_carriers or 0.0) < 1.0 - 1e-9:  # a concentration carries rounding
        warnings.warn(
            f"the sample holds {crowd.n_carriers:.3g} carriers, less than one: nothing blocks it; "
            "take more sites, or leave concentration out for few carriers.",
            ValidityWarning,
            stacklevel=2,
        )
    return crowded_drift(seam, crowd, field, start_of(crowd, y, start))


def check_field(seam: Seam, field: float) -> tuple[float, float]:
    """The field, and its product with the period in kT, or a ParameterError."""
    field = number("field", field, low=-LARGEST, high=LARGEST, unit="kT/(e a_b)")
    turn = field * seam.period
    if not SMALLEST <= abs(turn) <= LARGEST:
        raise ParameterError(
            f"field times the length of the sample must be from {SMALLEST:g} to {LARGEST:g} kT, "
            f"got {turn:g} kT; for Ohm's law take a field of 1e-9."
        )
    return field, turn


def single_carrier(
    seam: Seam,
    field: float,
    *,
    bath: Bath | None = None,
    threads: int | None = None,
    with_flows: bool = True,
) -> Around:
    """The steady state of one carrier in a field, on a sample that has been opened already.

    Parameters
    ----------
    seam : Seam
        From `hopnet.transport.seam.open_along`.
    field, bath, threads
        As in `solve_drift`.
    with_flows : bool
        Without them drops and flows are empty, in a third of the time.
    """
    network = seam.network
    field, turn = check_field(seam, field)
    step = energy_steps(network) - field * seam.along
    rates = log_rates(log_overlap(network), own_bath(network, bath), step)
    return solve_around(seam, rates, equilibrium(network), turn, threads, with_flows=with_flows)


def drift_of_seam(
    seam: Seam, field: float, *, bath: Bath | None = None, threads: int | None = None
) -> Drift:
    """`solve_drift` on a sample that has been opened already.

    Parameters
    ----------
    seam : Seam
        From `hopnet.transport.seam.open_along`.
    field, bath, threads
        As in `solve_drift`.
    """
    found = single_carrier(seam, field, bath=bath, threads=threads)
    diffusion = diffusion_of(seam, found)
    return Drift(
        network=seam.network,
        field=float(field),
        axis=seam.network.sites.axes[seam.axis],
        velocity=float(in_unit(found.velocity, found.scale)),
        diffusion=float(in_unit(diffusion, found.scale)),
        occupation=read_only(found.occupation),
        flow=read_only(in_unit(found.flow, found.scale)),
        drop=read_only(found.drop),
        imbalance=found.imbalance,
    )


def crowd_around(
    seam: Seam,
    filling: tuple[float | None, float | None],
    *,
    bath: Bath | None = None,
    threads: int | None = None,
) -> tuple[Crowd, np.ndarray]:
    """Many carriers on an opened sample, and their log-odds in equilibrium.

    Parameters
    ----------
    seam : Seam
    filling : (concentration, shift)
        From `hopnet.transport.exclusion.filling_of`.
    bath, threads
        As in `solve_drift`.
    """
    network, kept = seam.network, seam.kept
    i, j = network.link_i, network.link_j
    inside = kept[i]
    y, n_carriers = starting_odds(network, kept, filling)
    y = np.where(kept, y, -np.inf)
    step, overlap, log_n = energy_steps(network), log_overlap(network), equilibrium(network)
    own = own_bath(network, bath)

    def freeze(field: float, y: np.ndarray) -> Frozen:
        base = log_rates(overlap, own, step - field * seam.along)
        empty = -np.logaddexp(0.0, y)
        rates = LogRates(base.going + empty[j], base.coming + empty[i])
        found = solve_around(seam, rates, log_n + empty, field * seam.period, threads)
        p = n_carriers * found.occupation
        going, coming = (np.where(inside, n_carriers * one, 0.0) for one in found.gross)
        flow = np.where(inside, n_carriers * found.flow, 0.0)
        return Frozen(p, flow, (going, coming), found.imbalance, found)

    terminal = np.where(kept, -1, -2)
    symbolic = analyse(dissect_along(network, seam.axis), i, j, terminal)
    return Crowd(network, symbolic, kept, n_carriers, freeze), y


def start_of(crowd: Crowd, y: np.ndarray, start: Drift | None) -> tuple[np.ndarray, float]:
    """Log-odds to start from, and the field they belong to."""
    if start is None:
        return y, 0.0
    instance_of("start", start, Drift, "take the solution at another field")
    same = start.log_odds is not None and start.network is crowd.network
    if not same or abs(start.n_carriers / (crowd.n_carriers or 1.0) - 1.0) > SAME_NUMBER:
        raise ParameterError(
            "start must be a solution of the same network with the same number of carriers; leave "
            "it out."
        )
    return np.asarray(start.log_odds), start.field


def crowded_drift(seam: Seam, crowd: Crowd, field: float, start: tuple[np.ndarray, float]) -> Drift:
    """`solve_drift` with many carriers on a sample that has been opened already.

    Parameters
    ----------
    seam : Seam
    crowd : Crowd
        From `crowd_around`.
    field : float
    start : (float64[n_sites], float)
        Log-odds to start from, and the field that they belong to.
    """
    field, _ = check_field(seam, field)
    steady = follow(crowd, field, *start)
    found, n_carriers = steady.frozen.solved, float(crowd.n_carriers or 1.0)
    return Drift(
        network=seam.network,
        field=field,
        axis=seam.network.sites.axes[seam.axis],
        velocity=float(in_unit(found.velocity, found.scale)),
        diffusion=float(in_unit(diffusion_of(seam, found), found.scale)),
        occupation=read_only(steady.frozen.occupation),
        flow=read_only(in_unit(steady.frozen.flow, found.scale)),
        drop=read_only(found.drop),
        imbalance=steady.imbalance,
        n_carriers=n_carriers,
        log_odds=read_only(steady.log_odds),
        residual=steady.residual,
        steps=steady.steps,
    )


def diffusion_of(seam: Seam, found: Around) -> float:
    """Longitudinal diffusion constant; displacements of +-L are counted at the high copies.

    Equation [field 6]: the first moment q of the displacement obeys the equation of the occupation
    with -v p fed in at every site, and with the turns L (p a+ - p a-) at the seam. Then
    D = L sum q_i (a+_ij - a-_ij) + L own + L^2 (J+ + J-) / 2, with q shifted by p so that
    sum q = 0 at the moments when the turns are counted.
    """
    factored, closed, p, velocity = found.factored, found.closed, found.occupation, found.velocity
    n, m, L = seam.network.n_sites, seam.seam.size, seam.period
    n_e = factored.pivot.shape[0]
    share = p[seam.seam]
    injection = np.zeros(n + m)
    injection[:n] = np.where(seam.kept, -velocity * p, 0.0)
    injection[seam.seam] = 0.0
    own = factored.forward(injection)[n_e:-1, 0]
    b = own[:m] + own[m:] - velocity * share + L * (share @ closed.up - share @ closed.down)
    q = close_with(closed, b)
    everywhere = factored.occupation(injection, np.tile(q, 2))[:n]
    # Mean time in the strip of a carrier that comes from a high copy. The displacement of such a
    # carrier does not yet contain the period L that it has just crossed.
    ones = np.zeros(n + m)
    ones[:n] = seam.kept
    ones[seam.seam] = 0.0
    stay = factored.forward(ones, factored.weights[1])[n_e + m : -1, 0]
    q = q - share * (everywhere.sum() - L * (share @ stay))
    turns = closed.up.sum(axis=1), closed.down.sum(axis=1)
    both = share @ turns[0] + share @ turns[1]
    return float(L * (q @ turns[0] - q @ turns[1]) + L * own[m:].sum() + 0.5 * L * L * both)
