"""Uniform fields around periodic directions, and the potential differences that they make.

A cylinder has one periodic direction, the ring along y; a torus has two. A uniform field along such
a direction has no single-valued potential: the potential would grow on every turn around the
sample.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from hopnet.checks import instance_of, one_of
from hopnet.elimination.scaling import scaled_conductance
from hopnet.elimination.symbolic import analyse
from hopnet.elimination.symmetric import Factor, factor
from hopnet.errors import NotPercolatingError, ParameterError
from hopnet.kernels import ring as kernels
from hopnet.network.network import Network
from hopnet.records import Record, read_only
from hopnet.transport.balance import net_flow
from hopnet.transport.current import in_unit

__all__ = [
    "Ring",
    "Torus",
    "determinant",
    "field_jumps",
    "floating_factor",
    "response_to_field",
    "ring_jumps",
    "ring_response",
    "solve_ring",
    "solve_torus",
]

# Number of bits that hold the periods along the first of two axes in `field_jumps`. A path would
# have to go half a million times around the torus to need more; more bits leave fewer to the second
# axis.
DIGITS = 20


@dataclass(frozen=True, eq=False)
class Ring(Record):
    """The response of a cylinder to a uniform unit field around it.

    Attributes
    ----------
    network : Network
    jump : float64[n_links], in a_b
        Electromotive force of each link in the gauge of the spanning forest: whole
        circumferences, zero on the strongest links that span the graph.
    drop : float64[n_links], in a_b
        Total drop from i to j along each link, the electromotive force included. The drops add up
        to one circumference around the ring, and to zero around every triad.
    flow : float64[n_links], in a_b/rho_0
        conductance * drop, positive from i to j.
    deviation : float64[n_sites], in a_b
        g_i = y'_i - y_i (in space along the axis of the field). The differences of the harmonic
        coordinate y' are the drops, so that Kirchhoff's law holds at every site. The mean of g is
        zero in each cluster.
    conductivity : float, in 1/rho_0
        Sheet conductivity around the ring, sum K drop^2 / area (in space over the volume).
    log_conductivity : float
        Logarithm of ``conductivity``; it is finite even where ``conductivity`` itself is too small
        for a float.
    imbalance : float
        Sum over sites of abs(net flow), divided by the sum over links of abs(flow).
    axis : {"y", "z"}
        Axis of the field.
    """

    table_row: ClassVar[str] = "link"
    table_columns: ClassVar[tuple[str, ...]] = ("jump", "drop", "flow")

    network: Network
    jump: np.ndarray
    drop: np.ndarray
    flow: np.ndarray
    deviation: np.ndarray
    conductivity: float
    log_conductivity: float
    imbalance: float
    axis: str = "y"


@dataclass(frozen=True, eq=False)
class Torus(Record):
    """The response of a torus to uniform unit fields along each axis.

    Attributes
    ----------
    network : Network
    jump : float64[n_links, dim], in a_b
        Electromotive force of each link in the gauge of the spanning forest, for all fields.
    drop : float64[n_links, dim], in a_b
        Total drop from i to j along each link, the electromotive force included, for all fields.
        Each adds up to zero around every triad.
    relative_flow : float64[n_links, dim], in a_b
        conductance * drop in the unit exp(log_unit) / rho_0, positive from i to j.
    relative_conductivity : float64[dim, dim]
        Conductivity tensor sum K D^a D^b / area (in space over the volume) in the unit
        exp(log_unit) / rho_0; symmetric.
    log_unit : float
        Logarithm of the unit of the relative flows and conductivities.
    imbalance : float
        Sum over sites of abs(net flow), divided by the sum over links of abs(flow); the largest
        value of all fields.
    """

    table_row: ClassVar[str] = "link"
    table_columns: ClassVar[tuple[str, ...]] = ("jump", "drop", "relative_flow")

    network: Network
    jump: np.ndarray
    drop: np.ndarray
    relative_flow: np.ndarray
    relative_conductivity: np.ndarray
    log_unit: float
    imbalance: float

    @property
    def conductivity(self) -> np.ndarray:
        """float64[dim, dim], in 1/rho_0: sheet conductivity tensor of the bulk, without a field."""
        return in_unit(self.relative_conductivity, self.log_unit)

    @property
    def flow(self) -> np.ndarray:
        """float64[n_links, dim], in a_b/rho_0: flow along each link, for all fields."""
        return in_unit(self.relative_flow, self.log_unit)


class Response(NamedTuple):
    """Response to one uniform field: drops, flows and, if asked for, potentials of the sites."""

    drop: np.ndarray
    flow: np.ndarray
    potential: np.ndarray
    imbalance: float


def ring_jumps(network: Network, axis: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Whole circumferences by which the potential jumps on each link of a cylinder.

    Parameters
    ----------
    network : Network
        A cylinder.
    axis : int
        The periodic axis of the field.

    Returns
    -------
    jump : int64[n_links]
    turns : int64[n_sites]
        The whole numbers m_i.
    """
    jump, turns = field_jumps(network, (axis,))
    return jump[:, 0], turns[:, 0]


def field_jumps(network: Network, axes: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Whole periods by which the potentials of uniform fields jump on each link.

    The electromotive force of a uniform field along y is -R^y_l on link l. Adding the drops of a
    potential changes nothing that is measured. The potential y_i + W m_i, with integers m_i, leaves
    W (m_j - m_i - wrap_l): zero on the maximum spanning forest, and elsewhere non-zero only on
    links that are not stronger than the one that closes the ring. So the drop of a strong link is
    never the difference of two large numbers.

    Parameters
    ----------
    network : Network
    axes : tuple of int
        Periodic axes of the fields: 0 for x, 1 for y, 2 for z.

    Returns
    -------
    jump : int64[n_links, n_axes]
    turns : int64[n_sites, n_axes]
        The whole numbers m_i: periods between each site and the root of its tree.

    Notes
    -----
    One spanning forest serves all axes: the numbers of periods along two axes are kept in one
    number, those along the first axis in its lower `DIGITS` bits. A third axis takes another pass
    through the same forest.
    """
    if len(axes) > 2:
        parts = field_jumps(network, axes[:2]), field_jumps(network, axes[2:])
        jump, turns = (np.hstack(pair) for pair in zip(*parts))
        return jump, turns
    position, period = network.sites.position, network.sites.period
    packed = np.zeros(network.n_links, np.int64)
    for place, axis in enumerate(axes):
        along = position[network.link_j, axis] - position[network.link_i, axis]
        wrap = np.rint((network.separation[:, axis] - along) / period[axis]).astype(np.int64)
        packed += wrap << (DIGITS * place)
    turns = forest_turns(network, packed)
    jump = turns[network.link_j] - turns[network.link_i] - packed
    return unpack(jump, len(axes)), unpack(turns, len(axes))


def forest_turns(network: Network, wrap: np.ndarray) -> np.ndarray:
    """Sum of ``wrap`` from the root of the maximum spanning forest to each site.

    The links are taken in two halves, the stronger one first. Of the weaker half only the few links
    that join two trees have to be sorted.
    """
    strength, ends = network.log_conductance, (network.link_i, network.link_j)
    parent, turns = np.arange(network.n_sites), np.zeros(network.n_sites, np.int64)
    if strength.size == 0:
        return turns
    half = np.partition(strength, strength.size // 2)[strength.size // 2]
    strong = strength >= half
    for wanted in (strong, ~strong):
        links = np.flatnonzero(wanted & (parent[ends[0]] != parent[ends[1]]))
        order = links[np.argsort(-strength[links], kind="stable")]
        kernels.fill_turns(order, *ends, wrap, parent, turns)
    return turns


def unpack(packed: np.ndarray, n_axes: int) -> np.ndarray:
    """The numbers of periods along each axis, unpacked from the one number of `field_jumps`."""
    if n_axes == 1:
        return packed[:, None]
    half = 1 << (DIGITS - 1)
    first = ((packed + half) & ((1 << DIGITS) - 1)) - half
    return np.stack([first, (packed - first) >> DIGITS], axis=1)


def solve_ring(network: Network, *, axis: str = "y", threads: int | None = None) -> Ring:
    """Solve Kirchhoff's laws for a uniform unit field around a cylinder, contacts floating.

    Equation [hall 1], D_l the drop of link l and e_l its electromotive force::

        0 = sum over links of site i of K_l D_l        D_l = e_l + V_i - V_j        e_l = -R^y_l

    The electromotive force is taken in the gauge of the maximum spanning forest (`ring_jumps`), in
    which every drop is accurate relative to the flows nearby. In the plain gauge, rounding would
    leave circulating currents on triangles of strong links.

    Parameters
    ----------
    network : Network
        A cylinder. Its contacts are not held at any potential.
    axis : {"y", "z"}
        Axis of the field; "z" in space only.
    threads : int, optional
        The result does not depend on it.

    Returns
    -------
    Ring

    Raises
    ------
    ParameterError
        If the network is not a cylinder.
    NotPercolatingError
        If no path of links closes around the ring.

    Notes
    -----
    The network is factored without terminals. Contacts held at zero would short-circuit the Hall
    field around them.
    """
    found, force, turns, scale = ring_response(network, threads, axis=axis, with_potential=True)
    k = network.sites.axes.index(axis)
    # The gauge has added y_i + W m_i to the potential of every site.
    deviation = found.potential - network.sites.position[:, k] - network.sites.size[k] * turns
    size = np.bincount(network.cluster)
    deviation -= (np.bincount(network.cluster, deviation) / size)[network.cluster]
    relative = float((found.flow * found.drop).sum() / network.sites.volume)
    return Ring(
        network=network,
        jump=read_only(force),
        drop=read_only(found.drop),
        flow=read_only(in_unit(found.flow, scale)),
        deviation=read_only(deviation),
        conductivity=float(in_unit(relative, scale)),
        log_conductivity=float(np.log(relative) + scale),
        imbalance=found.imbalance,
        axis=axis,
    )


def ring_response(
    network: Network, threads: int | None, *, axis: str = "y", with_potential: bool = False
) -> tuple[Response, np.ndarray, np.ndarray, float]:
    """`solve_ring` without its record.

    Parameters
    ----------
    network : Network
    threads : int or None
    axis : str
        Axis of the field.
    with_potential : bool

    Returns
    -------
    response : Response
    force : float64[n_links], in a_b
    turns : int64[n_sites]
    log_unit : float
        Logarithm of the unit of the flows.
    """
    instance_of("network", network, Network, "make it with hopnet.build_network")
    if network.sites.geometry != "cylinder":
        raise ParameterError(
            "the ring needs geometry='cylinder', this network is of geometry "
            f"{network.sites.geometry!r}; build the sites with geometry='cylinder'."
        )
    around = tuple(network.sites.axes[1:])
    k = network.sites.axes.index(one_of("axis", axis, around, "a cylinder has hard edges along x"))
    jump, turns = ring_jumps(network, k)
    if not np.any(jump):
        raise NotPercolatingError(
            f"no path of links closes around this cylinder of {network.n_sites} sites; take a "
            "larger cutoff or more sites."
        )
    factored, conductance, log_unit = floating_factor(network, threads)
    force = network.sites.size[k] * jump.astype(np.float64)
    found = response_to_field(network, factored, conductance, force, with_potential=with_potential)
    return found, force, turns, log_unit


def floating_factor(network: Network, threads: int | None) -> tuple[Factor, np.ndarray, float]:
    """The factor of a network without terminals, its conductances, and the ln of their unit."""
    conductance, scale = scaled_conductance(
        network.link_i, network.link_j, network.log_conductance, network.terminals
    )
    symbolic = analyse(network.dissection, network.link_i, network.link_j)
    return factor(symbolic, conductance, threads=threads), conductance, scale


def response_to_field(
    network: Network,
    factored: Factor,
    conductance: np.ndarray,
    force: np.ndarray,
    *,
    with_potential: bool = False,
) -> Response:
    """Drops and flows that an electromotive force on each link makes.

    Parameters
    ----------
    network : Network
    factored : Factor
    conductance : float64[n_links]
        Both from `floating_factor`.
    force : float64[n_links]
    with_potential : bool
        Whether the potentials of the sites are needed; else they are zero.

    Returns
    -------
    Response
    """
    drop = force.copy()
    potential = np.zeros(network.n_sites)
    # The second pass makes the flows accurate in side loops that carry far less current than the
    # links around them.
    for _ in range(2):
        left_over = -net_flow(network, conductance * drop)
        drop += factored.link_drops(network.n_links, rhs=left_over)
        if with_potential:
            potential += factored.solve(left_over)
    flow = conductance * drop
    imbalance = float(np.abs(net_flow(network, flow)).sum() / np.abs(flow).sum())
    return Response(drop, flow, potential, imbalance)


def solve_torus(network: Network, *, threads: int | None = None) -> Torus:
    """Solve Kirchhoff's laws on a torus for uniform unit fields along each axis.

    Equations [hall 1] and [hall 5], D^a the drops of the field along a, as in `solve_ring`::

        0 = sum over links of site i of K_l D^a_l
        sigma_ab = sum over links of K_l D^a_l D^b_l / area

    It is the bulk conductivity tensor of an infinite sample made of copies of this one: there are
    no contacts and no edges.

    Parameters
    ----------
    network : Network
        A torus.
    threads : int, optional
        The result does not depend on it.

    Returns
    -------
    Torus

    Raises
    ------
    ParameterError
        If the network is not a torus.
    NotPercolatingError
        If the paths that close around the torus leave a direction without current.

    Notes
    -----
    One factor without terminals serves all fields. The dissection opens all rings: it first cuts
    the torus along two lines into two cylinders, and each of these along two lines into two open
    parts. In space planes take the place of lines, and the third ring is opened last.

    Examples
    --------
    >>> import hopnet as hn
    >>> sites = hn.lattice_sites("square", 12, 12, spacing=4.0, geometry="torus")
    >>> torus = hn.solve_torus(hn.build_network(sites, cutoff_radius=4.8))
    >>> np.round(torus.conductivity / np.exp(-8.0), 12)
    array([[1., 0.],
           [0., 1.]])
    """
    instance_of("network", network, Network, "make it with hopnet.build_network")
    if network.sites.geometry != "torus":
        raise ParameterError(
            "solve_torus needs geometry='torus', this network is of geometry "
            f"{network.sites.geometry!r}; use solve_current for a sample with contacts."
        )
    jump, _ = field_jumps(network, tuple(range(network.sites.dimension)))
    if not determinant(
        (jump.T @ jump).tolist()
    ):  # the tours around the torus leave a direction out
        raise NotPercolatingError(
            f"no paths of links close around this torus of {network.n_sites} sites in all "
            "directions; take a larger cutoff or more sites."
        )
    factored, conductance, scale = floating_factor(network, threads)
    force = jump * np.array(network.sites.period)
    found = [response_to_field(network, factored, conductance, e) for e in force.T]
    drop = np.stack([one.drop for one in found], axis=1)
    flow = np.stack([one.flow for one in found], axis=1)
    tensor = flow.T @ drop / network.sites.volume
    return Torus(
        network=network,
        jump=read_only(force),
        drop=read_only(drop),
        relative_flow=read_only(flow),
        relative_conductivity=read_only(0.5 * (tensor + tensor.T)),
        log_unit=scale,
        imbalance=max(one.imbalance for one in found),
    )


def determinant(matrix: list[list[int]]) -> int:
    """Determinant of a small matrix of whole numbers, without rounding."""
    if not matrix:
        return 1
    first, rest = matrix[0], matrix[1:]
    minors = ([row[:k] + row[k + 1 :] for row in rest] for k in range(len(first)))
    return sum((-1) ** k * first[k] * determinant(minor) for k, minor in enumerate(minors))
