"""Spin blocking: the magnetoresistance of hops onto sites that hold one electron already.

Derived in docs/nuclear_fields.md. A second electron enters a singly occupied trap only if both
spins form a singlet. Fields of the nuclei mix singlet and triplets between attempts. An external
field suppresses most of the mixing, so the resistance grows. Each trap is replaced by a mesh of
resistors between its neighbours, and the sample is solved as any other network.

The four assumptions: mobile electrons are dilute; linear response; no exchange interaction; the
correlations of an electron with different traps are independent (pair closure).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import least_squares

from hopnet.checks import array_of, instance_of, number, site_numbers, whole
from hopnet.errors import ParameterError, ValidityWarning
from hopnet.kernels import blocking as kernels
from hopnet.network.network import Network, join_sites
from hopnet.progress import track
from hopnet.records import Record, read_only
from hopnet.seeds import Seed, random_stream
from hopnet.spin.kinetics.checks import check_field
from hopnet.threads import one_blas_thread, run_side_by_side, thread_count
from hopnet.transport.current import Current, solve_current

__all__ = [
    "KEEP",
    "LEAST_LOSS",
    "SHELLS",
    "Blocked",
    "LineShape",
    "MagnetoResistance",
    "block_spins",
    "choose_traps",
    "fill_meshes",
    "fit_line_shapes",
    "magnetoresistance",
    "plain_links",
    "surroundings",
    "unblocked_resistance",
]

# Kinds of sites, as the kernels take them.
MOBILE, TRAP, HELD = 0, 1, 2
# Links onto a trap whose rate is at most this fraction of the rate of leaving their mobile site are
# treated as unblocked. Blocking would change their conductance by about this fraction. A smaller
# value makes the systems of the traps larger: the cost grows as the cube of the number of links.
KEEP = 1e-4
# Number of shells of sites around a trap in which correlations are computed. With the neighbours
# alone the magnetoresistance is 10 % to 25 % too small; a third shell changes it by up to 2 %, at
# several times the cost.
SHELLS = 2
# Smallest loss rate of a correlation, divided by the rate of leaving its site. Without it a mobile
# site that is linked only to one trap would have a singular system. Conductances change by about
# this fraction; a smaller value would be lost in rounding.
LEAST_LOSS = 1e-14
# Fraction of sites that are traps above which a warning is given: the magnetoresistance of two
# traps that share three neighbours has an error of 20 % in the pair closure.
MOST_TRAPS = 0.3
# Number of traps per task of a thread. The result does not depend on it; smaller tasks cost more
# overhead, larger ones keep the threads less evenly busy.
TRAPS_PER_TASK = 500


@dataclass(frozen=True, eq=False)
class Blocked(Record):
    """A network in which every trap is replaced by a mesh of resistors.

    Attributes
    ----------
    network : Network
        The resistors, to be solved by `hopnet.solve_current`. It describes charge only, no spin.
    trap : int64[n_traps]
    n_mesh : int
        Number of entries of all meshes.
    n_negative : int
        Number of entries that were negative and are left out.
    most_negative : float
        The most negative entry, divided by the largest of its own mesh; 0 without a field.
    negative_i, negative_j : int64[n_negative]
        The two sites of each negative entry.
    negative_value : float64[n_negative], in 1/rho_0
        The negative conductances themselves.
    """

    table_row: ClassVar[str] = "negative_link"
    table_columns: ClassVar[tuple[str, ...]] = ("negative_i", "negative_j", "negative_value")

    network: Network
    trap: np.ndarray
    n_mesh: int
    n_negative: int
    most_negative: float
    negative_i: np.ndarray
    negative_j: np.ndarray
    negative_value: np.ndarray

    def negative_share(self, current: Current) -> float:
        """Relative change of the conductance by the negative entries, to first order: below 0.

        It is sum g_ij (V_i - V_j)^2 / G over the negative entries, with the potentials V of the
        network without them. The conductance with them is at most G (1 + this), because the power
        at fixed voltage is smallest at the true potentials. The error of this correction is of
        second order in the entries [nuclei 12].

        Parameters
        ----------
        current : Current
            The current of ``network``.
        """
        V = current.potential
        drop = np.nan_to_num(V[self.negative_i] - V[self.negative_j])
        return float((self.negative_value * drop**2).sum() / current.conductance)


@dataclass(frozen=True, eq=False)
class MagnetoResistance(Record):
    """Resistance of a sample with blocked hops against the external field.

    Attributes
    ----------
    external : float64[n], in 1/tau_0
    resistance : float64[n], in rho_0
    change : float64[n]
        Resistance divided by that without an external field, minus 1.
    unblocked : float, in rho_0
        Resistance of the same sample without blocking.
    n_negative : int
        Largest number of negative mesh entries at any field.
    most_negative : float
        The most negative mesh entry, divided by the largest of its mesh.
    negative_share : float
        Largest relative change of the conductance by the negative entries at any field. It is
        applied, to first order; what remains is about its square.
    """

    table_row: ClassVar[str] = "external"
    table_columns: ClassVar[tuple[str, ...]] = ("external", "resistance", "change")

    external: np.ndarray
    resistance: np.ndarray
    change: np.ndarray
    unblocked: float
    n_negative: int
    most_negative: float
    negative_share: float


@dataclass(frozen=True)
class LineShape(Record):
    """A fit of one law to a magnetoresistance.

    Attributes
    ----------
    law : str
        "lorentzian", B^2 / (B^2 + B_0^2), or "cusp", B^2 / (|B| + B_0)^2.
    saturation : float
        Magnetoresistance in a large field.
    width : float
        B_0, in the unit of the fields.
    residual : float
        Root mean square of the misfit, divided by the largest modulus of the values.
    """

    law: str
    saturation: float
    width: float
    residual: float


def choose_traps(network: Network, fraction: float, *, seed: Seed) -> np.ndarray:
    """Choose traps at random: each site outside the contacts, with the given probability.

    Parameters
    ----------
    network : Network
    fraction : float
        From 0 to 1.
    seed : int

    Returns
    -------
    int64[n_traps]
    """
    instance_of("network", network, Network, "make it with hopnet.build_network")
    share = number("fraction", fraction, low=0.0, high=1.0)
    chosen = random_stream(seed).random(network.n_sites) < share
    chosen[network.source] = chosen[network.drain] = False
    return np.flatnonzero(chosen)


@one_blas_thread()  # small systems: several threads would be slower
def block_spins(
    network: Network,
    trap: ArrayLike,
    *,
    field: ArrayLike,
    tau_s: float = np.inf,
    shells: int = SHELLS,
    keep: float = KEEP,
    threads: int | None = None,
) -> Blocked:
    """Replace every singly occupied trap by a mesh of resistors [nuclei 12].

    Parameters
    ----------
    network : Network
        Sites of equal energy. K_ij is the bare hop rate.
    trap : array_like of int
        Sites that hold one electron; a second one enters as a singlet only.
    field : array_like[3] or [n_sites, 3], in 1/tau_0
        Precession frequency of all sites or of each, of mobile sites and traps alike.
    tau_s : float, in tau_0
        Relaxation time of the correlations by all other processes.
    shells : int
        Number of shells of sites around a trap in which correlations are computed.
    keep : float
        Links onto traps whose rate is at most this fraction of the rate of leaving their mobile
        site are treated as unblocked.
    threads : int, optional

    Returns
    -------
    Blocked

    Raises
    ------
    ParameterError
        If a trap is a contact, sites differ in energy, or an argument is not of the kind described.

    Warns
    -----
    ValidityWarning
        If more than 0.3 of the sites are traps.

    Notes
    -----
    Exact for one trap, if ``keep`` is 0 and ``shells`` reaches all sites. In a magnetic field
    entries of a mesh can be negative, by up to 3 to 10 per cent of the largest. They belong to the
    exact equations and are no effect of ``keep`` or ``shells``. A network of resistors cannot hold
    them, so they are left out, counted and returned; `Blocked.negative_share` gives their effect on
    the conductance. A trap without a mobile neighbour is linked to other traps only.
    """
    network, traps = check_traps(network, trap)
    field = np.ascontiguousarray(np.broadcast_to(check_field(network, field), (network.n_sites, 3)))
    loss = 1.0 / number("tau_s", tau_s, low=1e-100, infinite=True, unit="in tau_0")
    reach = kernels.Reach(
        whole("shells", shells, low=1, high=1000),
        number("keep", keep, low=0.0, high=0.1),
        loss,
        LEAST_LOSS,
    )
    around = surroundings(network, traps, field)
    first, second, mesh, start = fill_meshes(around, traps, reach, thread_count(threads))
    per_trap = np.repeat(np.arange(traps.size), np.diff(start))
    largest = np.zeros(traps.size)
    np.maximum.at(largest, per_trap, np.abs(mesh))
    share = np.divide(mesh, largest[per_trap], out=np.zeros_like(mesh), where=mesh != 0)
    negative = mesh < 0.0
    kept = ~negative & (mesh > 0.0)
    i, j, value = plain_links(network, around, reach.keep)
    joined = join_links(
        network,
        np.concatenate([i, first[kept]]),
        np.concatenate([j, second[kept]]),
        np.concatenate([value, mesh[kept]]),
    )
    return Blocked(
        network=joined,
        trap=read_only(traps, np.int64),
        n_mesh=mesh.size,
        n_negative=int(negative.sum()),
        most_negative=float(-share.min(initial=0.0)),
        negative_i=read_only(first[negative], np.int64),
        negative_j=read_only(second[negative], np.int64),
        negative_value=read_only(mesh[negative]),
    )


def check_traps(network: Network, trap: ArrayLike) -> tuple[Network, np.ndarray]:
    """The network and its traps, ascending, or a ParameterError."""
    instance_of("network", network, Network, "make it with hopnet.build_network")
    network.check_plane("a function for spins")
    network.check_dilute()
    if np.ptp(network.log_occupation) > 0:
        raise ParameterError(
            "spin blocking takes sites of equal energy, this network has several occupations; "
            "build it without energies."
        )
    traps = np.unique(site_numbers("trap", trap, network.n_sites, "give numbers of sites"))
    contacts = np.union1d(network.source, network.drain)
    shared = np.intersect1d(traps, contacts)
    if shared.size:
        raise ParameterError(
            f"a trap must not be a contact, got site {shared[0]}; leave out the sites of "
            "network.source and network.drain (choose_traps does)."
        )
    if traps.size > MOST_TRAPS * network.n_sites:
        warnings.warn(
            f"{traps.size} of {network.n_sites} sites are traps: above {MOST_TRAPS:g} of the sites "
            "the correlations with different traps are not independent, and the magnetoresistance "
            "may be 20 % off.",
            ValidityWarning,
            stacklevel=4,
        )
    return network, traps


def surroundings(network: Network, traps: np.ndarray, field: np.ndarray) -> kernels.Surroundings:
    """The network as the kernels take it. A hop onto a trap leaves a mobile site at K / 2."""
    kind = np.full(network.n_sites, MOBILE)
    kind[network.source] = kind[network.drain] = HELD
    kind[traps] = TRAP
    i, j, K = network.link_i, network.link_j, network.conductance
    rate = np.where((kind[i] == TRAP) | (kind[j] == TRAP), 0.5 * K, K)
    n = network.n_sites
    total = np.bincount(i, rate, n) + np.bincount(j, rate, n)
    rows = (network.row_start, network.row_neighbour, network.row_link)
    return kernels.Surroundings(*rows, K, kind, total, field)


def fill_meshes(
    around: kernels.Surroundings, traps: np.ndarray, reach: kernels.Reach, threads: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Both sites and the conductance of every mesh entry, and where those of each trap begin."""
    partners = np.empty(traps.size, np.int64)
    kernels.count_partners(around, traps, reach.keep, partners)
    start = np.concatenate([[0], np.cumsum(partners * (partners + 1) // 2)])
    first, second = np.empty(start[-1], np.int64), np.empty(start[-1], np.int64)
    mesh = np.empty(start[-1])

    def part(begin):
        end = min(begin + TRAPS_PER_TASK, traps.size)
        own = slice(start[begin], start[end])
        kernels.fill_meshes(
            around,
            traps[begin:end],
            reach,
            start[begin : end + 1] - start[begin],
            first[own],
            second[own],
            mesh[own],
        )

    run_side_by_side(part, range(0, traps.size, TRAPS_PER_TASK), threads)
    return first, second, mesh, start


def plain_links(
    network: Network, around: kernels.Surroundings, keep: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Links that do not belong to a mesh, and their conductances.

    The conductance is K between mobile sites and contacts. It is K / 4 between two traps, because
    the hop needs a singlet at the target. It is K / 2 from a contact (whose electrons are
    unpolarised) onto a trap, and for weak links onto a trap.
    """
    i, j, K = network.link_i, network.link_j, network.conductance
    trap_i, trap_j = around.kind[i] == TRAP, around.kind[j] == TRAP
    one = trap_i ^ trap_j
    mobile = np.where(trap_i, j, i)
    in_mesh = one & (around.kind[mobile] == MOBILE) & (K > keep * around.total[mobile])
    value = np.where(trap_i & trap_j, 0.25 * K, np.where(one, 0.5 * K, K))
    return i[~in_mesh], j[~in_mesh], value[~in_mesh]


def join_links(network: Network, i: np.ndarray, j: np.ndarray, value: np.ndarray) -> Network:
    """A network of resistors with the sites and contacts of another; parallel ones add up."""
    n = network.n_sites
    code = np.minimum(i, j) * n + np.maximum(i, j)
    unique, place = np.unique(code, return_inverse=True)
    total = np.bincount(place, value, unique.size)
    some = total > 0.0
    return join_sites(
        network.sites,
        unique[some] // n,
        unique[some] % n,
        np.log(total[some]),
        contacts=network.contacts,
        axis=network.axis,
    )


def magnetoresistance(
    network: Network,
    trap: ArrayLike,
    external: ArrayLike,
    *,
    field: ArrayLike,
    tau_s: float = np.inf,
    shells: int = SHELLS,
    keep: float = KEEP,
    threads: int | None = None,
    progress: bool | None = None,
) -> MagnetoResistance:
    """Resistance of a sample with spin blocking, against an external field along z [nuclei 12].

    Parameters
    ----------
    network : Network
        Open or cylinder, sites of equal energy.
    trap : array_like of int
        Sites that hold one electron (`hopnet.spin.choose_traps`).
    external : array_like, in 1/tau_0
        Precession frequencies in the external field.
    field : float64[n_sites, 3], in 1/tau_0
        Nuclear fields (`hopnet.overhauser_fields`).
    tau_s, shells, keep, threads
        As in `block_spins`.
    progress : bool, optional
        Show a progress bar; by default in notebooks only.

    Returns
    -------
    MagnetoResistance

    Raises
    ------
    ParameterError
        If an argument is not of the kind described.
    NotPercolatingError
        If no path joins the contacts.

    Examples
    --------
    >>> import hopnet as hn
    >>> network = hn.build_network(hn.random_sites(300, density=0.1, seed=1))
    >>> trap = hn.spin.choose_traps(network, 0.2, seed=2)
    >>> field = hn.overhauser_fields(network, 0.01, seed=3)
    >>> found = hn.magnetoresistance(network, trap, [0.1, 1.0], field=field)
    >>> bool((found.change > 0).all())
    True
    """
    values = array_of("external", external, hint="give precession frequencies in 1/tau_0")
    instance_of("network", network, Network, "make it with hopnet.build_network")
    nuclei = np.broadcast_to(check_field(network, field), (network.n_sites, 3))
    resistance, n_negative, most_negative, largest_share = [], 0, 0.0, 0.0
    for B in track((0.0, *values.tolist()), "fields", progress=progress):
        blocked = block_spins(
            network,
            trap,
            field=nuclei + np.array([0.0, 0.0, B]),
            tau_s=tau_s,
            shells=shells,
            keep=keep,
            threads=threads,
        )
        solved = solve_current(blocked.network, threads=threads)
        share = blocked.negative_share(solved)
        resistance.append(np.exp(-solved.log_conductance) / (1.0 + share))
        largest_share = max(largest_share, -share)
        n_negative = max(n_negative, blocked.n_negative)
        most_negative = max(most_negative, blocked.most_negative)
    found = np.array(resistance)
    return MagnetoResistance(
        external=read_only(values),
        resistance=read_only(found[1:]),
        change=read_only(found[1:] / found[0] - 1.0),
        unblocked=unblocked_resistance(network, trap),
        n_negative=n_negative,
        most_negative=most_negative,
        negative_share=largest_share,
    )


def unblocked_resistance(network: Network, trap: ArrayLike) -> float:
    """Resistance in rho_0 if spins were random in every attempt: K / 2 onto every trap."""
    network, traps = check_traps(network, trap)
    around = surroundings(network, traps, np.zeros((network.n_sites, 3)))
    plain = join_links(network, *plain_links(network, around, np.inf))
    return float(np.exp(-solve_current(plain).log_conductance))


def fit_line_shapes(external: ArrayLike, change: ArrayLike) -> tuple[LineShape, LineShape]:
    """Fit both laws of organic magnetoresistance [nuclei 13].

    B^2 / (B^2 + B_0^2) is the law for hops of one rate, B^2 / (|B| + B_0)^2 that for a broad
    distribution of rates.

    Parameters
    ----------
    external : array_like[n]
        External fields, in any unit.
    change : array_like[n]
        Magnetoresistance at each.

    Returns
    -------
    lorentzian, cusp : LineShape
    """
    B = np.abs(array_of("external", external, hint="give at least three fields"))
    y = array_of("change", change, shape=B.shape, hint="give one value for each field")
    if B.size < 3 or not np.any(y) or not np.any(B > 0):
        raise ParameterError(
            "a fit needs at least three fields and a change that is not zero, got "
            f"{B.size} fields; give more."
        )
    scale = float(np.abs(y).max())

    def fit(law, shape):
        starts = np.quantile(B[B > 0], [0.2, 0.5, 0.8])
        found = min(
            (
                least_squares(
                    lambda q: q[0] * shape(B, np.exp(q[1])) - y / scale, (1.0, np.log(start))
                )
                for start in starts
            ),
            key=lambda one: one.cost,
        )
        rms = float(np.sqrt(np.mean(found.fun**2)))
        return LineShape(law, float(found.x[0]) * scale, float(np.exp(found.x[1])), rms)

    lorentzian = fit("lorentzian", lambda b, b0: b**2 / (b**2 + b0**2))
    return lorentzian, fit("cusp", lambda b, b0: b**2 / (b + b0) ** 2)
