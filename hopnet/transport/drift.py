"""Drift: velocity, mobility and diffusion of single carriers in a field of any strength.

The sample is periodic along the field, so there are no contacts and each carrier drifts for ever.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hopnet.checks import instance_of, number
from hopnet.errors import ParameterError
from hopnet.network.energies import Bath
from hopnet.network.network import Network
from hopnet.records import Record, read_only
from hopnet.transport.around import Around, close_with, solve_around
from hopnet.transport.current import in_unit
from hopnet.transport.seam import Seam, check_ring_axis, open_along
from hopnet.transport.tilted import (
    energy_steps,
    equilibrium,
    log_overlap,
    log_rates,
    own_bath,
)

__all__ = ["Drift", "drift_of_seam", "solve_drift"]

# Largest field times period, in kT. Logarithms of occupations reach this size, so they are rounded
# to LARGEST * eps = 2e-10. With a larger value, small flows would be less accurate than this.
LARGEST = 1e6
# Smallest field times period in kT: below, velocities and their inverses leave the range of floats.
SMALLEST = 1e-100


@dataclass(frozen=True, eq=False)
class Drift(Record):
    """Steady drift of single carriers in a uniform field along a periodic axis.

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
    occupation : float64[n_sites]
        Probability to find a carrier on each site; the sum is 1, and 0 outside the cluster.
    flow : float64[n_links], in 1/tau_0
        Net flow from i to j, for one carrier in the sample.
    drop : float64[n_links], in kT/e
        Drop of the electrochemical potential from i to j, ln(u_i / u_j) with u = p / n, along the
        link. Around the sample drops add up to field times period.
    imbalance : float
        Sum over sites of abs(net flow), divided by the sum over links of abs(flow).
    """

    network: Network
    field: float
    axis: str
    velocity: float
    diffusion: float
    occupation: np.ndarray
    flow: np.ndarray
    drop: np.ndarray
    imbalance: float

    @property
    def mobility(self) -> float:
        """velocity / field, in a_b^2 / tau_0 per kT: the diffusion constant in a weak field."""
        return self.velocity / self.field

    @property
    def mean_energy(self) -> float:
        """Mean energy of a carrier, in the unit of the site energies; 0 without energies."""
        energy = self.network.sites.energy
        return 0.0 if energy is None else float(self.occupation @ energy)


def solve_drift(
    network: Network,
    field: float,
    *,
    axis: str | None = None,
    bath: Bath | None = None,
    threads: int | None = None,
) -> Drift:
    """Steady drift of few carriers in a uniform field of any strength.

    Equation [field 5], a+_ij the rate from seam site i once around the sample to j, u = p / n::

        v = L sum_ij p_i a+_ij (1 - exp(-F L) u_j / u_i)        sum_i p_i = 1

    Parameters
    ----------
    network : Network
        A torus, or a cylinder (the field then runs around it, along y), with or without energies.
        Few carriers: a network built with a chemical potential is refused.
    field : float, in kT/(e a_b)
        e F a_b / kT, not zero. The speeds at F and -F differ, because a random sample is not
        symmetric; in their mean the terms of even order in F cancel.
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
        A sample without a periodic axis, exclusion, a field of zero or out of range, or rates that
        leave the range of floats.
    NotPercolatingError
        If the largest cluster does not close around the sample.

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
    number_of_axis = check_ring_axis(network, axis)
    if network.exclusion:
        raise ParameterError(
            "solve_drift is for few carriers, this network was built with chemical_potential=; "
            "leave that out."
        )
    seam = open_along(network, number_of_axis)
    return drift_of_seam(seam, field, bath=bath, threads=threads)


def drift_of_seam(
    seam: Seam, field: float, *, bath: Bath | None = None, threads: int | None = None
) -> Drift:
    """`solve_drift` on a sample that has been opened already, for many fields.

    Parameters
    ----------
    seam : Seam
        From `hopnet.transport.seam.open_along`.
    field, bath, threads
        As in `solve_drift`.
    """
    network = seam.network
    field = number("field", field, low=-LARGEST, high=LARGEST, unit="kT/(e a_b)")
    turn = field * seam.period
    if not SMALLEST <= abs(turn) <= LARGEST:
        raise ParameterError(
            f"field times the length of the sample must be from {SMALLEST:g} to {LARGEST:g} kT, "
            f"got {turn:g} kT; for Ohm's law take a field of 1e-9."
        )
    step = energy_steps(network) - field * seam.along
    rates = log_rates(log_overlap(network), own_bath(network, bath), step)
    found = solve_around(seam, rates, equilibrium(network), turn, threads)
    diffusion = diffusion_of(seam, found)
    return Drift(
        network=network,
        field=field,
        axis="xy"[seam.axis],
        velocity=float(in_unit(found.velocity, found.scale)),
        diffusion=float(in_unit(diffusion, found.scale)),
        occupation=read_only(found.occupation),
        flow=read_only(in_unit(found.flow, found.scale)),
        drop=read_only(found.drop),
        imbalance=found.imbalance,
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
    # Mean time in the strip after a high copy: what waits there has not counted its turn yet.
    ones = np.zeros(n + m)
    ones[:n] = seam.kept
    ones[seam.seam] = 0.0
    stay = factored.forward(ones, factored.weights[1])[n_e + m : -1, 0]
    q = q - share * (everywhere.sum() - L * (share @ stay))
    turns = closed.up.sum(axis=1), closed.down.sum(axis=1)
    both = share @ turns[0] + share @ turns[1]
    return float(L * (q @ turns[0] - q @ turns[1]) + L * own[m:].sum() + 0.5 * L * L * both)
