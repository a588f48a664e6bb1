"""Hall effect of hopping electrons, as a sum over triads.

The direct hop from one site to another interferes with the hop through a third site. A magnetic
flux through the three sites gives this interference a phase, which deflects the current. To first
order in the field each triad adds an antisymmetric conductance. The same sum over triads generates
spins: the Hall source is the spin source [hopping S44].

Units: a_b = tau_0 = 1, conductances in 1/rho_0. All results are divided by eta b, with
eta = hbar / (J_0 tau_0) and b = q B a_b^2 / hbar.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from hopnet.checks import instance_of
from hopnet.errors import ParameterError, ValidityWarning
from hopnet.kernels.hall import fill_hall_terms
from hopnet.network.network import Network
from hopnet.network.triads import (
    Triads,
    amplitudes,
    list_triads,
    parts_of,
    plane_across,
    separation_across,
)
from hopnet.records import Record, read_only
from hopnet.threads import run_side_by_side
from hopnet.transport.current import Current, in_unit, own_current
from hopnet.transport.cutoff import outer_shell
from hopnet.transport.ring import Ring, Torus, ring_response, solve_torus
from hopnet.transport.terminals import Terminals

__all__ = [
    "HallAngle",
    "cylinder_angle",
    "hall_angle",
    "hall_conductance",
    "hall_resistance",
    "sum_triad_terms",
]

# Effective number of triads below which a warning is given: then the results of two samples differ
# strongly. A smaller number would hide this, a larger one would warn in most dilute samples.
FEW_TRIADS = 30
# Share of the Hall angle above which the error of the cutoff gives a warning. With 0.1 the cutoff
# decides the first digit. The error falls by a factor of about four for each a_b of the margin.
LARGE_ERROR = 0.1


@dataclass(frozen=True, eq=False)
class HallAngle(Record):
    """Hall angle and conductivities of one sample, to first order in the magnetic field.

    Attributes
    ----------
    network : Network
    tangent : float
        tan(theta_H) / (eta b). Positive: for J_0 > 0 and q B > 0 the flow is deflected to +y. In
        space x, y and the field here stand for three right-handed directions.
    conductivity_xx : float, in 1/rho_0
        Sheet conductivity along x. On a cylinder the contact strips are left out: sum over links
        of flow R^x, over the width. In space conductivities are in 1/(rho_0 a_b).
    conductivity_yy : float, in 1/rho_0
        Sheet conductivity around the ring, along y.
    contribution : float64[n_triads] or None
        Contribution of each triad to ``tangent``, in the order of `find_triads`; None unless
        triads were given.
    n_triads : int
    n_effective : float
        Effective number of triads that carry the result, (sum abs c)^2 / sum c^2.
    negative_share : float
        Share of the sum of moduli that has the sign opposite to the sum of all triads.
    log_conductivity_xx, log_conductivity_yy : float
        Logarithms of the two conductivities; they are finite even where a conductivity itself is
        too small for a float.
    cutoff_error : float
        Estimate of the error of ``tangent`` because longer links are left out; nan where all links
        are within 2 a_b of the longest, as on a lattice. It covers samples whose Hall angle more
        than ten triads carry in effect.
    """

    table_row: ClassVar[str] = "triad"
    table_columns: ClassVar[tuple[str, ...]] = ("contribution",)

    network: Network
    tangent: float
    conductivity_xx: float
    conductivity_yy: float
    contribution: np.ndarray | None
    n_triads: int
    n_effective: float
    negative_share: float
    log_conductivity_xx: float
    log_conductivity_yy: float
    cutoff_error: float

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
        """f at tau_s = inf in the bulk; tangent = n_s a_b^2 f holds exactly in every sample."""
        self.network.check_plane("f")
        return self.tangent / self.network.sites.density


class TermSums(NamedTuple):
    """Sums over triads of w {a ^ b}, and the terms themselves if triads were given.

    Attributes
    ----------
    n_triads : int
    positive, negative : float
        Sum of the positive terms, and of the moduli of the negative ones.
    squares : float
        Sum of the squares.
    outer : float
        Sum of the moduli of the terms of triads that have at least one outer link.
    term : float64[n_triads] or None
    """

    n_triads: int
    positive: float
    negative: float
    squares: float
    outer: float
    term: np.ndarray | None

    @property
    def total(self) -> float:
        """Sum of all terms."""
        return self.positive - self.negative


def sums_of(term: np.ndarray, link: np.ndarray, outer: np.ndarray | None) -> np.ndarray:
    """Number, positive, negative, squares and outer sum of some terms, as in `TermSums`."""
    modulus = np.abs(term)
    negative = modulus[term < 0].sum()
    marked = 0.0 if outer is None else modulus[outer[link].any(axis=1)].sum()
    return np.array([term.size, term[term > 0].sum(), negative, term @ term, marked])


def sum_triad_terms(
    network: Network,
    drop_a: np.ndarray,
    drop_b: np.ndarray,
    *,
    field: str = "z",
    triads: Triads | None = None,
    log_unit: float = 0.0,
    outer: np.ndarray | None = None,
    threads: int | None = None,
) -> TermSums:
    """Sum w {a ^ b} over all triads [hall 4].

    Parameters
    ----------
    network : Network
    drop_a, drop_b : float64[n_links]
        Differences along the links of two functions of the sites.
    field : {"z", "x", "y"}
        Axis of the magnetic field; "x" and "y" in space only. The oriented area in w is the
        component of the area vector along it.
    triads : Triads, optional
        The triads of this network. Default: they are listed batch by batch and not stored.
    log_unit : float
        Logarithm of the unit of the result, in 1/rho_0.
    outer : bool[n_links], optional
        Links whose triads are summed separately.
    threads : int, optional
        The result does not depend on it.

    Returns
    -------
    TermSums
    """
    table = (
        separation_across(network, field),
        *amplitudes(network, log_unit),
        network.log_conductance,
        np.ascontiguousarray(drop_a),
        np.ascontiguousarray(drop_b),
    )

    def terms_of(link: np.ndarray) -> np.ndarray:
        out = np.empty(link.shape[0])
        fill_hall_terms(link, *table, out)
        return out

    def work(task: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        _, link = list_triads(network, *task)
        return sums_of(terms_of(link), link, outer)

    if triads is not None:
        network.check_owns(triads)
        term = terms_of(triads.link)
        n, positive, negative, squares, marked = sums_of(term, triads.link, outer).tolist()
        return TermSums(int(n), positive, negative, squares, marked, term)
    found = run_side_by_side(work, parts_of(network), threads)
    n, positive, negative, squares, marked = np.sum([np.zeros(5), *found], axis=0).tolist()
    return TermSums(int(n), positive, negative, squares, marked, None)


def hall_angle(
    network: Network,
    *,
    field: str = "z",
    current: Current | None = None,
    ring: Ring | None = None,
    torus: Torus | None = None,
    triads: Triads | None = None,
    threads: int | None = None,
) -> HallAngle:
    """Hall angle of a cylinder or a torus: the bulk Hall effect of hopping electrons.

    Equations [hall 4] and [hall 5], X the potential of the current along x, D^x and D^y the drops
    of uniform unit fields around the periodic directions, w_T the oriented area of a triad times
    its interference::

        cylinder   tan(theta_H) / (eta b) = sum_T w_T {D^y ^ X}_T / sum over links of flow R^x
        torus      tan(theta_H) / (eta b) = sum_T w_T {D^x ^ D^y}_T / sum over links of K (D^x)^2
                   {a ^ b} = da_ij db_ik - da_ik db_ij

    On a cylinder it is exactly n_s a_b^2 times the plateau of f: the sources of the Hall effect and
    of spins are the same, -2 eta b gamma_i [hopping S44].

    Parameters
    ----------
    network : Network
        A cylinder or a torus; with or without energies, dilute or with exclusion.
    field : {"z", "x", "y"}
        Axis of the magnetic field; "x" and "y" in space only. On a cylinder, whose current runs
        along x, it is "z" or "y". On a torus the current runs along the first of the two axes
        across the field: x, y for "z", y, z for "x" and z, x for "y".
    current : Current, optional
    ring : Ring, optional
        Current and ring of this cylinder. Default: they are solved for.
    torus : Torus, optional
        The fields of this torus. Default: they are solved for.
    triads : Triads, optional
        The triads of this network. If given, the record holds the contribution of each triad.
    threads : int, optional
        The result does not depend on it.

    Returns
    -------
    HallAngle

    Raises
    ------
    ParameterError
        If the sample is open: use `hall_resistance`.
    NotPercolatingError
        If no path joins the contacts, or none closes around the ring.

    Warns
    -----
    ValidityWarning
        If fewer than 30 triads carry the result, or the estimated error of the cutoff exceeds a
        tenth of it.

    Notes
    -----
    Valid to first order in the magnetic field and in the interference through one auxiliary site.
    The prefactor of eta holds for weak coupling to phonons; for white noise it would be twice as
    large. In the R-model, triads of the opposite sign make up less than 0.5 % of the sum. Cost: one
    factor and one sum over triads.

    Examples
    --------
    >>> import hopnet as hn
    >>> sites = hn.lattice_sites("triangular", 14, 12, spacing=4.0, geometry="cylinder")
    >>> hall = hn.hall_angle(hn.build_network(sites, cutoff_radius=4.8))
    >>> round(float(hall.tangent / (3 / 8 * 4.0**2 * np.exp(-4.0))), 12)
    1.0
    """
    instance_of("network", network, Network, "make it with hopnet.build_network")
    if network.sites.geometry == "torus":
        found = torus_angle(network, torus, triads, threads, field=field)
    else:
        found = cylinder_angle(network, current, ring, triads, threads, field=field)
    if 0 < found.n_effective < FEW_TRIADS:
        warnings.warn(
            f"the Hall angle of this sample is carried by {found.n_effective:.1f} triads in effect "
            "and may differ strongly from that of other samples; average over many.",
            ValidityWarning,
            stacklevel=2,
        )
    if found.cutoff_error > LARGE_ERROR * abs(found.tangent):
        warnings.warn(
            "longer links would change the Hall angle of this sample by up to "
            f"{found.cutoff_error / abs(found.tangent):.0%}; build the network with a larger "
            "cutoff.",
            ValidityWarning,
            stacklevel=2,
        )
    return found


def cylinder_angle(
    network: Network,
    current: Current | None = None,
    ring: Ring | None = None,
    triads: Triads | None = None,
    threads: int | None = None,
    *,
    field: str = "z",
) -> HallAngle:
    """`hall_angle` of a cylinder, without its warnings.

    Parameters
    ----------
    network : Network
        A cylinder.
    current, ring, triads, threads, field
        As in `hall_angle`.

    Returns
    -------
    HallAngle
    """
    if network.sites.geometry != "cylinder":
        raise ParameterError(
            "the Hall angle needs geometry='cylinder' or 'torus', this network is of geometry "
            f"{network.sites.geometry!r}; an open sample gives Hall resistances, see "
            "hopnet.hall_resistance."
        )
    plane_across(network, field)
    if field == "x":
        raise ParameterError(
            "the field must be across the current, which runs along x on a cylinder, got "
            "field='x'; use 'z' or 'y', or a torus."
        )
    # The current, the transverse axis and the field are right-handed: x, y, z or x, -z, y.
    across, sign = ("y", 1.0) if field == "z" else ("z", -1.0)
    current = own_current(network, current, threads)
    if ring is None:
        response, _, _, unit = ring_response(network, threads, axis=across)
        drop = sign * response.drop
        log_yy = float(np.log((response.flow * response.drop).sum() / network.sites.volume) + unit)
    else:
        network.check_owns(ring)
        if ring.axis != across:
            raise ParameterError(
                f"with field={field!r} the ring must be solved along {across}, this one is along "
                f"{ring.axis}; use solve_ring(network, axis={across!r})."
            )
        drop, log_yy = sign * ring.drop, ring.log_conductivity
    log_unit = current.log_conductance  # exp(log_unit) may lie outside the range of floats
    sums = sum_triad_terms(
        network,
        drop,
        current.drop,
        field=field,
        triads=triads,
        log_unit=log_unit,
        outer=network.outermost,
        threads=threads,
    )
    along = float((current.relative_flow * network.separation[:, 0]).sum())
    return angle_of_sums(
        network,
        sums,
        along,
        current.relative_flow * current.drop,
        log_xx=float(np.log(along / network.width_across_current) + log_unit),
        log_yy=log_yy,
    )


def torus_angle(
    network: Network,
    torus: Torus | None,
    triads: Triads | None,
    threads: int | None,
    *,
    field: str = "z",
) -> HallAngle:
    """`hall_angle` of a torus: uniform fields along the two axes across the magnetic field."""
    a, b = plane_across(network, field)
    if torus is None:
        torus = solve_torus(network, threads=threads)
    network.check_owns(torus)
    drop_x, drop_y = torus.drop.T[[a, b]]
    sums = sum_triad_terms(
        network,
        drop_x,
        drop_y,
        field=field,
        triads=triads,
        log_unit=torus.log_unit,
        outer=network.outermost,
        threads=threads,
    )
    power = torus.relative_flow[:, a] * drop_x
    diagonal = np.diagonal(torus.relative_conductivity)[[a, b]]
    log_xx, log_yy = np.log(diagonal) + torus.log_unit
    return angle_of_sums(
        network, sums, float(power.sum()), power, log_xx=float(log_xx), log_yy=float(log_yy)
    )


def angle_of_sums(
    network: Network,
    sums: TermSums,
    along: float,
    power: np.ndarray,
    *,
    log_xx: float,
    log_yy: float,
) -> HallAngle:
    """The record of a Hall angle: the sums over triads divided by ``along``, and their errors."""
    moduli = sums.positive + sums.negative
    opposite = min(sums.positive, sums.negative)
    tangent = sums.total / along
    n_effective = moduli**2 / sums.squares if sums.squares > 0 else 0.0
    shell = outer_shell(network, power)
    return HallAngle(
        network=network,
        tangent=tangent,
        conductivity_xx=float(in_unit(1.0, log_xx)),
        conductivity_yy=float(in_unit(1.0, log_yy)),
        contribution=None if sums.term is None else read_only(sums.term / along),
        n_triads=sums.n_triads,
        n_effective=n_effective,
        negative_share=opposite / moduli if moduli > 0 else 0.0,
        log_conductivity_xx=log_xx,
        log_conductivity_yy=log_yy,
        cutoff_error=shell.triads_error(sums.outer / along, tangent, n_effective),
    )


def hall_conductance(terminals: Terminals, *, field: str = "z") -> np.ndarray:
    """The part of the conductance matrix that is odd in the magnetic field, over eta b.

    Equation [hall 4], phi^a the potential that is 1 on terminal a and 0 on the others::

        G^H_ab = - sum over triads of w_T {phi^a ^ phi^b}_T
        I_a = sum over b of (G_ab + eta b G^H_ab) V_b        I_a flows out of terminal a

    Parameters
    ----------
    terminals : Terminals
        Of an open sample or a cylinder.
    field : {"z", "x", "y"}
        Axis of the magnetic field; "x" and "y" in space only.

    Returns
    -------
    float64[n_terminals, n_terminals], in 1/rho_0
        Antisymmetric (Onsager: G(B) is the transpose of G(-B)); rows and columns add up to zero.
        Between two terminals alone it is zero: their conductance is even in the field.
    """
    instance_of("terminals", terminals, Terminals, "make them with hopnet.solve_terminals")
    n, network = terminals.n_terminals, terminals.network
    drops = [terminals.drops(row) for row in np.eye(n)]
    found = np.zeros((n, n))
    for a in range(n):
        for b in range(a):
            found[a, b] = -sum_triad_terms(network, drops[a], drops[b], field=field).total
            found[b, a] = -found[a, b]
    return found


def hall_resistance(
    terminals: Terminals,
    current: tuple[int, int],
    voltage: tuple[int, int],
    *,
    field: str = "z",
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
    field : {"z", "x", "y"}
        Axis of the magnetic field; "x" and "y" in space only.

    Returns
    -------
    float

    Notes
    -----
    Exchanging the pairs reverses the sign (Onsager: R_ab,cd(B) = R_cd,ab(-B)). Triads that span the
    ring of a cylinder are taken by their nearest images.
    """
    instance_of("terminals", terminals, Terminals, "make them with hopnet.solve_terminals")
    a, b = terminals.check_pair("current", current)
    c, d = terminals.check_pair("voltage", voltage)
    if {a, b} == {c, d}:
        raise ParameterError(
            f"a Hall voltage needs a pair of terminals that differs from that of the current, got "
            f"{(c, d)} twice; a two-point resistance is even in the field."
        )
    u = terminals.drops(terminals.injected((a, b)))
    v = terminals.drops(terminals.injected((c, d)))
    return sum_triad_terms(terminals.network, v, u, field=field).total
