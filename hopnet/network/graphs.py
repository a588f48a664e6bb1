"""Networks as graphs of networkx, and back, without loss."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from hopnet.checks import flag, is_real, number, shown
from hopnet.errors import ParameterError
from hopnet.network.links import layout_of_links, warn_of_layout
from hopnet.network.network import OPTIONAL, Network, join_sites, pair_of_contacts
from hopnet.network.sites import Sites, sites_from_positions

if TYPE_CHECKING:
    import networkx

__all__ = ["graph_of_network", "network_of_graph"]

# Largest relative difference between the conductance of an edge and the exponential of its
# logarithm. Rounding gives about 1e-16 times the logarithm, which is below 1000. A smaller number
# would refuse rounded text, a larger one would hide contradictions.
AGREEMENT = 1e-10


def graph_of_network(network: Network) -> networkx.Graph:
    """A network as a graph that holds everything, so that `network_of_graph` gives it back.

    Parameters
    ----------
    network : Network

    Returns
    -------
    networkx.Graph
        Nodes are numbered as the sites and hold ``pos`` (x, y) or (x, y, z), ``contact`` ("source"
        or "drain", for contact sites only) and, where they are not all equal, ``energy``,
        ``radius`` and ``log_occupation``. Edges hold ``conductance`` and ``log_conductance``. Box,
        axis, cutoff radius, temperature, bath and chemical potential are attributes of the graph.
    """
    import networkx

    sites = network.sites
    graph = networkx.Graph(
        length=sites.length, width=sites.width, geometry=sites.geometry, axis=network.axis
    )
    graph.graph.update({name: getattr(network, name) for name in OPTIONAL})
    if sites.height is not None:
        graph.graph["height"] = sites.height
    for i, place in enumerate(sites.position.tolist()):
        graph.add_node(i, pos=tuple(place))
    if sites.energy is not None:
        for i, energy in enumerate(sites.energy.tolist()):
            graph.nodes[i]["energy"] = energy
    if sites.radius is not None:
        for i, radius in enumerate(sites.radius.tolist()):
            graph.nodes[i]["radius"] = radius
    if np.any(network.log_occupation):
        for i, value in enumerate(network.log_occupation.tolist()):
            graph.nodes[i]["log_occupation"] = value
    for name, contact in (("source", network.source), ("drain", network.drain)):
        for i in contact.tolist():
            graph.nodes[i]["contact"] = name
    columns = (network.link_i, network.link_j, network.conductance, network.log_conductance)
    for i, j, conductance, logarithm in zip(*(column.tolist() for column in columns)):
        graph.add_edge(i, j, conductance=conductance, log_conductance=logarithm)
    return graph


def network_of_graph(
    graph: networkx.Graph,
    *,
    length: float | None = None,
    width: float | None = None,
    height: float | None = None,
    geometry: str | None = None,
    contacts: tuple[Any, Any] | None = None,
    axis: str | None = None,
    weight: str = "conductance",
    log_weight: str = "log_conductance",
    layout: bool = False,
) -> Network:
    """A network from a graph with node ``pos`` (x, y) or (x, y, z) and edge ``conductance`` > 0.

    Parameters
    ----------
    graph : networkx.Graph
        An undirected graph without parallel edges. Sites are numbered in the order in which the
        graph lists its nodes. Nodes may hold ``energy``, ``radius`` and ``log_occupation``; edges
        may hold ``log_conductance`` besides or in place of ``conductance``.
    length, width, height : float, in a_b, optional
        Sides of the sample; by default the attributes of the graph. With a height sites lie in
        space.
    geometry : {"open", "cylinder", "torus"}, optional
        By default the attribute of the graph, else "open".
    contacts : (source, drain), optional
        Lists of node labels, of any type. By default the nodes whose ``contact`` is "source" or
        "drain", else the lists of labels ``source`` and ``drain`` of the graph.
    axis : {"x", "y", "z"}, optional
        Direction from source to drain; by default the attribute of the graph, else "x".
    weight, log_weight : str
        Names of the edge attributes that hold the conductance and its logarithm.
    layout : bool
        Whether nodes without ``pos`` are laid out along their links; see `network_from_links`.

    Returns
    -------
    Network

    Raises
    ------
    ParameterError
        If something is missing, of a wrong type or out of range.
    """
    import networkx

    if not isinstance(graph, networkx.Graph) or graph.is_directed() or graph.is_multigraph():
        raise ParameterError(
            "graph must be an undirected networkx.Graph without parallel edges, got "
            f"{type(graph).__name__}; convert it."
        )
    for name, value in (("weight", weight), ("log_weight", log_weight)):
        if not isinstance(value, str):
            raise ParameterError(
                f"{name} must be the name of an edge attribute, got {shown(value)}; give a text."
            )
    number_of = {label: i for i, label in enumerate(graph.nodes)}
    attributes = graph.graph
    nodes = [data for _, data in graph.nodes(data=True)]
    link_i, link_j, log_conductance = links_of(graph, number_of, (weight, log_weight))
    logs = values_of(nodes, "log_occupation")
    if flag("layout", layout) and not any("pos" in data for data in nodes):
        ends = contacts_of(graph, number_of, contacts)
        place = layout_of_links(len(nodes), link_i, link_j, ends[0])
        given: dict[str, Any] = {name: values_of(nodes, name) for name in ("energy", "radius")}
        sites = dataclasses.replace(place, **given)
        warn_of_layout(stacklevel=3)
        axis = "x"  # the layout runs from the source along x, whatever the graph calls its axis
    else:
        ends = contacts_of(graph, number_of, contacts)
        sites = sites_of(nodes, attributes, (length, width, height), geometry)
        axis = attributes.get("axis", "x") if axis is None else axis
    return join_sites(
        sites,
        link_i,
        link_j,
        log_conductance,
        contacts=ends,
        axis=axis,
        log_occupation=logs,
        **{name: attributes[name] for name in OPTIONAL if attributes.get(name) is not None},
    )


def missing(what: str) -> ParameterError:
    """The error for something that is missing in a graph."""
    return ParameterError(
        f"the graph lacks {what}; give every node pos=(x, y), every edge conductance=g, and "
        "length, width and contacts as arguments or as attributes of the graph."
    )


def values_of(nodes: list[dict], name: str) -> list | None:
    """An attribute of every node, or None if no node has it."""
    present = [name in data for data in nodes]
    if any(present) and not all(present):
        raise missing(f"{name!r} at some of its nodes")
    return [data[name] for data in nodes] if any(present) else None


def sites_of(
    nodes: list[dict],
    attributes: dict[str, Any],
    sides: tuple[float | None, float | None, float | None],
    geometry: str | None,
) -> Sites:
    """The sites of a graph."""
    names = ("length", "width", "height")
    length, width, height = (
        attributes.get(name) if side is None else side for name, side in zip(names, sides)
    )
    if length is None or width is None:
        raise missing("'length' or 'width'")
    position = values_of(nodes, "pos")
    if position is None:
        raise missing("'pos'")
    return sites_from_positions(
        position,
        length=length,
        width=width,
        geometry=attributes.get("geometry", "open") if geometry is None else geometry,
        energy=values_of(nodes, "energy"),
        radius=values_of(nodes, "radius"),
        height=height,
    )


def links_of(
    graph: networkx.Graph, number_of: dict, names: tuple[str, str]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ends and logarithms of the conductance of every edge."""
    ends, logarithms = [], []
    for a, b, data in graph.edges(data=True):
        ends.append((number_of[a], number_of[b]))
        logarithms.append(log_of_edge(a, b, renamed(data, names)))
    pairs = np.sort(np.array(ends, dtype=np.int64).reshape(-1, 2), axis=1)
    return pairs[:, 0], pairs[:, 1], np.array(logarithms, dtype=np.float64)


def renamed(data: dict, names: tuple[str, str]) -> dict:
    """The attributes of an edge with its weight and log weight under hopnet's names."""
    own = zip(("conductance", "log_conductance"), names)
    return {key: data[name] for key, name in own if name in data}


def log_of_edge(a: Any, b: Any, data: dict) -> float:
    """The logarithm of the conductance of an edge; its two attributes must agree."""
    if "conductance" not in data and "log_conductance" not in data:
        raise missing(f"the conductance of the edge ({shown(a)}, {shown(b)})")
    edge = f"the edge ({shown(a)}, {shown(b)})"
    if "log_conductance" not in data:
        conductance = data["conductance"]
        if not (is_real(conductance) and 0 < conductance < math.inf):
            raise ParameterError(
                f"every edge needs a positive finite conductance, {edge} has {shown(conductance)}; "
                "leave out edges that do not conduct, and join nodes without resistance into one."
            )
        return math.log(conductance)
    logarithm = number(f"log_conductance of {edge}", data["log_conductance"])
    if "conductance" in data:
        conductance = data["conductance"]
        with np.errstate(all="ignore"):
            expected = float(np.exp(logarithm))
        if not is_real(conductance) or not (
            conductance == expected or abs(conductance - expected) < AGREEMENT * expected
        ):
            raise ParameterError(
                f"conductance and log_conductance of {edge} must agree, got {shown(conductance)} "
                f"and {shown(logarithm)}; set both, or remove log_conductance."
            )
    return logarithm


def contacts_of(
    graph: networkx.Graph, number_of: dict, contacts: tuple[Any, Any] | None
) -> tuple[list[int], list[int]]:
    """Site numbers of the contacts, from labels."""
    marked: dict[str, list] = {"source": [], "drain": []}
    for label, data in graph.nodes(data=True):
        if data.get("contact") is not None:
            if data["contact"] not in ("source", "drain"):
                raise ParameterError(
                    f"contact of a node must be 'source' or 'drain', node {shown(label)} has "
                    f"{shown(data['contact'])}; correct it."
                )
            marked[data["contact"]].append(label)
    if contacts is not None:
        pair = pair_of_contacts(contacts)
    elif "source" in graph.graph and "drain" in graph.graph:
        pair = graph.graph["source"], graph.graph["drain"]
    elif any(marked.values()):
        pair = marked["source"], marked["drain"]
    elif {"cutoff_radius", "exclusion"} <= set(graph.graph):
        pair = [], []  # written by `graph_of_network`: both contacts are empty
    else:
        raise missing("'source' and 'drain'")
    found = tuple(
        numbers_of(labels, number_of, name) for name, labels in zip(("source", "drain"), pair)
    )
    if contacts is None and any(marked.values()):
        by_node = [[number_of[label] for label in labels] for labels in marked.values()]
        if [sorted(a) for a in by_node] != [sorted(set(a)) for a in found]:
            raise ParameterError(
                "the contacts of the nodes and the lists source and drain of the graph must agree, "
                "they differ; remove one of them, or pass contacts=."
            )
    return found[0], found[1]


def numbers_of(labels: Any, number_of: dict, name: str) -> list[int]:
    """Site numbers of the nodes with these labels; a single label counts as a list of one."""
    try:
        if labels in number_of:
            return [number_of[labels]]
    except TypeError:  # a list or an array is no label
        pass
    try:
        listed = labels.tolist() if isinstance(labels, np.ndarray) else list(labels)
        return [number_of[label] for label in listed]
    except (KeyError, TypeError):
        raise ParameterError(
            f"the {name} contact must list labels of nodes, got {shown(labels)}; correct the list."
        ) from None
