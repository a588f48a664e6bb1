"""Hall effect of hopping electrons, from every triad.

A magnetic flux through three sites turns the current: the interference of the direct hop with the
hop through the third site carries a phase. To first order in the field each triad adds an
antisymmetric conductance. The same sum over triads generates spins: the Hall source is the spin
source [hopping S44].

Units: a_b = tau_0 = 1, conductances in 1/rho_0. Everything is per eta b, with
eta = hbar / (J_0 tau_0) and b = q B a_b^2 / hbar.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hopnet.errors import ParameterError
from hopnet.kernels.hall import fill_hall_terms
from hopnet.network.network import Network
from hopnet.network.triads import Triads, amplitudes, list_triads, parts_of
from hopnet.records import read_only
from hopnet.transport.current import Current, in_unit, own_current
from hopnet.transport.ring import Ring, solve_ring
from hopnet.transport.terminals import Terminals

__all__ = ["HallAngle", "hall_angle", "hall_resistance", "triad_terms"]


@dataclass(frozen=True, eq=False)
class HallAngle:
    """Hall angle and conductivity tensor of one cylinder, to first order in the magnetic field.

    Attributes
    ----------
    network : Network
    tangent : float
        tan(theta_H) / (eta b). Positive: for J_0 > 0 and q B > 0 the flow is deflected to +y.
    conductivity_xx : float, in 1/rho_0
        Sheet conductivity along the current, contact strips left out: sum over links of flow R^x
        over the width.
    conductivity_yy : float, in 1/rho_0
        Sheet conductivity around the ring.
    contribution : float64[n_triads] or None
        What each triad adds to ``tangent``, in the order of `find_triads`; None unless triads
        were given.
    n_triads : int
    n_effective : float
        Effective number of triads that carry the result, (sum abs c)^2 / sum c^2.
    negative_share : float
        Share of the sum of moduli that has the sign opposite to the whole.
    """

    network: Network
    tangent: float
    conductivity_xx: float
    conductivity_yy: float
    contribution: np.ndarray | None
    n_triads: int
    n_effective: float
    negative_share: float

    @property
    def conductivity_yx(self) -> float:
        """sigma_yx / (eta b), in 1/rho_0: current along y per field along x."""
        return self.tangent * self.conductivity_xx

    @property
    def resistivity_yx(self) -> float:
        """rho_yx / (eta b), in rho_0: field along y per current along x, with its sign."""
        return -self.tangent / self.conductivity_yy

    @property
    def f_plateau(self) -> float:
        """f at tau_s = inf in the bulk: tangent = n_s a_b^2 f exactly, sample by sample."""
        return self.tangent / self.network.sites.density


def triad_terms(
    network: Network,
    drop_a: np.ndarray,
    drop_b: np.ndarray,
    triads: Triads | None = None,
    log_unit: float = 0.0,
) -> list[np.ndarray]:
    """w {a ^ b} of every triad, in parts that fit into the cache [hall 4].

    Parameters
    ----------
    network : Network
    drop_a, drop_b : float64[n_links]
        Differences along the links of two functions of the sites.
    triads : Triads, optional
        The triads of this network; else they are listed part by part and not kept.
    log_unit : float
        Logarithm of the unit of the result, in 1/rho_0.

    Returns
    -------
    list of float64 arrays
    """
    table = (
        network.separation,
        *amplitudes(network, log_unit),
        network.log_conductance,
        np.ascontiguousarray(drop_a),
        np.ascontiguousarray(drop_b),
    )
    if triads is None:
        lists = (list_triads(network, *task)[1] for task in parts_of(network))
    else:
        network.check_owns(triads)
        lists = (link for link in [triads.link])
    parts = []
    for link in lists:
        out = np.empty(link.shape[0])
        fill_hall_terms(link, *table, out)
        parts.append(out)
    return parts


def hall_angle(
    network: Network,
    *,
    current: Current | None = None,
    ring: Ring | None = None,
    triads: Triads | None = None,
    threads: int | None = None,
) -> HallAngle:
    """Hall angle of a cylinder: the bulk Hall effect of hopping electrons.

    Equation [hall 4], X the potential of the current along x, D^y the drops of a unit field around
    the ring, w_T the oriented area of a triad times its interference::

        tan(theta_H) / (eta b) = sum over triads of w_T {D^y ^ X}_T / sum over links of flow R^x
        {a ^ b} = da_ij db_ik - da_ik db_ij

    It is exactly n_s a_b^2 times the plateau of f: the sources of the Hall effect and of spins are
    the same, -2 eta b gamma_i [hopping S44].

    Parameters
    ----------
    network : Network
        A cylinder; with or without energies, dilute or with exclusion.
    current : Current, optional
    ring : Ring, optional
        Both of this network; they are solved for if they are not given.
    triads : Triads, optional
        Of this network. Given: the record holds the contribution of each triad.
    threads : int, optional

    Returns
    -------
    HallAngle

    Raises
    ------
    ParameterError
        If the network is not a cylinder.
    NotPercolatingError
        If no path joins the contacts, or none closes around the ring.

    Notes
    -----
    First order in the magnetic field and in the interference through one auxiliary site. The
    number before eta belongs to weak coupling to phonons; white noise would double it. All triads
    of the R-model have the same sign to within 0.5 %. Cost: one factor and one sum over triads.
    """
    current = own_current(network, current, threads)
    if ring is None:
        ring = solve_ring(network, threads=threads)
    network.check_owns(ring)
    log_unit = current.log_conductance  # whose exp may lie outside the range of floats
    parts = triad_terms(network, ring.drop, current.drop, triads, log_unit)
    along = float((current.relative_flow * network.separation[:, 0]).sum())
    total = sum(float(part.sum()) for part in parts)
    moduli = sum(float(np.abs(part).sum()) for part in parts)
    squares = sum(float((part**2).sum()) for part in parts)
    opposite = sum(float(np.abs(part[part * total < 0]).sum()) for part in parts)
    return HallAngle(
        network=network,
        tangent=total / along,
        conductivity_xx=float(in_unit(along / network.sites.width, log_unit)),
        conductivity_yy=ring.conductivity,
        contribution=None if triads is None else read_only(parts[0] / along),
        n_triads=sum(part.size for part in parts),
        n_effective=moduli**2 / squares if squares > 0 else 0.0,
        negative_share=opposite / moduli if moduli > 0 else 0.0,
    )


def hall_resistance(
    terminals: Terminals, current: tuple[int, int], voltage: tuple[int, int]
) -> float:
    """Hall resistance of a sample with any contacts, over eta b, in rho_0.

    Equation [hall 4]: the part of R_ab,cd that is odd in the field, to first order,

        d(V_c - V_d)/dI = eta b sum over triads of w_T {v ^ u}_T

    with u the potential when a unit current runs from a to b, and v that when it runs from c to d.

    Parameters
    ----------
    terminals : Terminals
        Of an open sample or a cylinder; at least three terminals.
    current : (a, b)
    voltage : (c, d)

    Returns
    -------
    float

    Notes
    -----
    Exchanging the pairs reverses the sign (Onsager: R_ab,cd(B) = R_cd,ab(-B)). Triads that span the
    ring of a cylinder are taken by their nearest images.
    """
    a, b = terminals.check_pair("current", current)
    c, d = terminals.check_pair("voltage", voltage)
    if {a, b} == {c, d}:
        raise ParameterError(
            f"a Hall voltage needs a pair of terminals that differs from that of the current, got "
            f"{(c, d)} twice; a two-point resistance is even in the field."
        )
    u = terminals.drops(terminals.injected((a, b)))
    v = terminals.drops(terminals.injected((c, d)))
    return float(sum(part.sum() for part in triad_terms(terminals.network, v, u)))
