"""Network: sites joined by links whose conductances span tens of decades."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from hopnet.elimination.dissection import Dissection, dissect_graph
from hopnet.errors import NotPercolatingError, ParameterError
from hopnet.kernels import neighbours
from hopnet.network.sites import Sites, critical_length, sites_from_positions
from hopnet.records import load_arrays, read_only, save_arrays

if TYPE_CHECKING:
    import networkx


# The kind of a site in Kirchhoff's laws, as `hopnet.elimination.analyse` takes it: contacts are
# terminals 0 and 1, inner sites are eliminated, sites without a path to a contact are left out.
SOURCE, DRAIN, INNER, LEFT_OUT = 0, 1, -1, -2


@dataclass(frozen=True, eq=False)
class Network:
    """Sites, links and contacts.

    Attributes
    ----------
    sites : Sites
    link_i, link_j : int64[n_links]
        ``link_i < link_j``, sorted.
    log_conductance : float64[n_links]
        ln(G_ij rho_0) = ln(K_ij tau_0), K_ij = n_j / tau_ij; with equal energies -2 R_ij / a_b.
    log_occupation : float64[n_sites]
        ln(n_i) up to a constant (largest n_i is 1); zero where energies are equal.
    source, drain : int64 arrays
        Contact sites at unit and at zero potential.
    axis : {"x", "y"}
        Direction from source to drain; L in f is the width across it.
    cutoff_radius : float
        Longest link, in a_b (largest distance found, for a network given by its links).
    row_start, row_neighbour, row_link : int64 arrays
        Site i has neighbours ``row_neighbour[row_start[i]:row_start[i+1]]``, ascending, by links
        ``row_link``.
    exclusion : bool
        Whether occupations are those of Fermi and Dirac: for charge alone, not for spins.
    kT : float or None
        Thermal energy that the rates were computed with; None for equal energies or given links.
    bath : str, callable or None
        The bath that the rates were computed with.
    chemical_potential : float or None
    critical_exponent : float or None
        xi_c, where links were chosen by their exponents.

    Notes
    -----
    Quantities that follow from these are computed when they are first asked for, and kept. A copy
    by ``dataclasses.replace(network)`` keeps none of them.
    """

    sites: Sites
    link_i: np.ndarray
    link_j: np.ndarray
    log_conductance: np.ndarray
    log_occupation: np.ndarray
    source: np.ndarray
    drain: np.ndarray
    axis: str
    cutoff_radius: float
    row_start: np.ndarray
    row_neighbour: np.ndarray
    row_link: np.ndarray
    exclusion: bool = False
    kT: float | None = None
    bath: str | Callable | None = None
    chemical_potential: float | None = None
    critical_exponent: float | None = None

    @property
    def n_sites(self) -> int:
        """Number of sites."""
        return self.sites.n_sites

    @property
    def n_links(self) -> int:
        """Number of links."""
        return self.link_i.shape[0]

    @property
    def contacts(self) -> tuple[np.ndarray, np.ndarray]:
        """(source, drain)."""
        return self.source, self.drain

    @property
    def width_across_current(self) -> float:
        """L: the width of the sample across the current, in a_b."""
        return self.sites.width if self.axis == "x" else self.sites.length

    @property
    def length_along_current(self) -> float:
        """Distance between the contact edges, in a_b."""
        return self.sites.length if self.axis == "x" else self.sites.width

    @property
    def direction_across(self) -> np.ndarray:
        """float64[2]: unit vector y' such that x' (along the current) and y' are right-handed."""
        return np.array([0.0, 1.0]) if self.axis == "x" else np.array([-1.0, 0.0])

    @cached_property
    def conductance(self) -> np.ndarray:
        """float64[n_links]: K_ij tau_0 = G_ij rho_0; 0 where it is below the smallest float."""
        return read_only(np.exp(self.log_conductance))

    @cached_property
    def occupation(self) -> np.ndarray:
        """float64[n_sites]: n_i over the largest one."""
        return read_only(np.exp(self.log_occupation))

    @property
    def log_capacity(self) -> np.ndarray:
        """float64[n_sites]: ln of kT dn_i/dmu, that is of n_i, or of f_i (1 - f_i) with exclusion.

        It says how much charge a change of the local potential brings to a site.
        """
        if not self.exclusion:
            return self.log_occupation
        if self.kT is None or self.chemical_potential is None:
            raise ParameterError(
                "electrons that exclude each other need kT and the chemical potential of the "
                "network, this one does not know them; build it with build_network."
            )
        level = (self.sites.energy - self.chemical_potential) / self.kT
        return self.log_occupation - np.logaddexp(0.0, -level)

    @cached_property
    def distance(self) -> np.ndarray:
        """float64[n_links], a_b: length of each link."""
        return read_only(np.hypot(self.separation[:, 0], self.separation[:, 1]))

    @cached_property
    def terminals(self) -> np.ndarray:
        """int64[n_sites]: SOURCE, DRAIN, LEFT_OUT (no path to a contact) or INNER."""
        out = np.full(self.n_sites, INNER)
        out[self.isolated] = LEFT_OUT
        out[self.source] = SOURCE
        out[self.drain] = DRAIN
        return read_only(out, np.int64)

    @cached_property
    def separation(self) -> np.ndarray:
        """float64[n_links, 2]: vector from site i to the nearest image of site j."""
        out = np.empty((self.n_links, 2))
        neighbours.fill_separation(
            self.sites.position, *self.sites.period, self.link_i, self.link_j, out
        )
        return read_only(out)

    @cached_property
    def cluster(self) -> np.ndarray:
        """int64[n_sites]: number of the connected cluster of each site."""
        graph = coo_array(
            (np.ones(self.n_links, np.int8), (self.link_i, self.link_j)),
            shape=(self.n_sites, self.n_sites),
        )
        return read_only(connected_components(graph, directed=False)[1], np.int64)

    @cached_property
    def isolated(self) -> np.ndarray:
        """bool[n_sites]: sites without a path to a contact."""
        reached = np.zeros(self.cluster.max() + 1, np.bool_)
        reached[self.cluster[self.source]] = True
        reached[self.cluster[self.drain]] = True
        return read_only(~reached[self.cluster], np.bool_)

    @cached_property
    def dissection(self) -> Dissection:
        """The order of elimination: made once, serves Kirchhoff's laws and every tau_s."""
        period_x, period_y = self.sites.period
        if period_x:
            raise ParameterError(
                "elimination needs hard edges along x, this network is a torus; "
                "use geometry='cylinder' or 'open'."
            )
        return dissect_graph(
            self.link_i,
            self.link_j,
            self.sites.position,
            rows=(self.row_start, self.row_neighbour),
            ring=period_y or None,
        )

    def check_percolation(self) -> None:
        """Raise NotPercolatingError unless a path of links joins source and drain."""
        if not np.intersect1d(self.cluster[self.source], self.cluster[self.drain]).size:
            raise NotPercolatingError(
                f"no path of links joins the contacts of this sample of {self.n_sites} sites at "
                f"cutoff radius {self.cutoff_radius:.4g} a_b (l_c = "
                f"{critical_length(self.sites.density):.4g} a_b); widen the cutoff, take more "
                "sites or another seed."
            )

    def check_dilute(self) -> None:
        """Raise if occupations are so large that electrons exclude each other."""
        if self.exclusion:
            raise ParameterError(
                "spins need few electrons per site (Boltzmann occupations), this network was built "
                "with chemical_potential=; leave that out, it serves the resistivity alone."
            )

    def check_owns(self, record: Any) -> None:
        """Raise unless ``record`` was made on this very network."""
        if record.network is not self:
            raise ParameterError(
                f"this {type(record).__name__} belongs to another network; "
                "make it from the network that you pass."
            )

    def to_frame(self) -> pd.DataFrame:
        """A DataFrame of links: i, j, distance, log_conductance."""
        return pd.DataFrame(
            {
                "i": self.link_i,
                "j": self.link_j,
                "distance": self.distance,
                "log_conductance": self.log_conductance,
            }
        )

    def to_networkx(self) -> networkx.Graph:
        """A networkx.Graph: node ``pos`` and, unless all are equal, ``log_occupation``; edge
        ``conductance``; contacts and box as attributes."""
        import networkx

        graph = networkx.Graph(
            length=self.sites.length,
            width=self.sites.width,
            geometry=self.sites.geometry,
            source=self.source.tolist(),
            drain=self.drain.tolist(),
            axis=self.axis,
        )
        for i, (x, y) in enumerate(self.sites.position.tolist()):
            graph.add_node(i, pos=(x, y))
        if np.any(self.log_occupation):
            for i, value in enumerate(self.log_occupation.tolist()):
                graph.nodes[i]["log_occupation"] = value
        conductance = np.exp(self.log_conductance)
        graph.add_weighted_edges_from(
            zip(self.link_i.tolist(), self.link_j.tolist(), conductance.tolist()),
            weight="conductance",
        )
        return graph

    @classmethod
    def from_networkx(
        cls,
        graph: networkx.Graph,
        *,
        length: float | None = None,
        width: float | None = None,
        geometry: str | None = None,
        contacts: tuple[ArrayLike, ArrayLike] | None = None,
    ) -> Network:
        """A network from a graph with node ``pos`` (x, y) and edge ``conductance`` > 0.

        Parameters
        ----------
        graph : networkx.Graph
            Nodes are numbered in the order in which the graph lists them.
        length, width, geometry, contacts
            As in `sites_from_positions` and `build_network`; default: what the graph's attributes
            say (as `to_networkx` writes them). Contacts are site numbers ``(source, drain)``.
        """
        number = {node: i for i, node in enumerate(graph.nodes)}
        attributes = graph.graph
        try:
            position = [graph.nodes[node]["pos"] for node in graph.nodes]
            length = attributes["length"] if length is None else length
            width = attributes["width"] if width is None else width
            if contacts is None:
                contacts = attributes["source"], attributes["drain"]
            edges = [(number[a], number[b], d["conductance"]) for a, b, d in graph.edges(data=True)]
        except KeyError as missing:
            raise ParameterError(
                f"the graph lacks {missing}; give every node pos=(x, y), every edge "
                "conductance=g, and length, width and contacts here or as graph attributes."
            ) from None
        conductance = np.array([g for _, _, g in edges], dtype=np.float64)
        if not np.all(np.isfinite(conductance)) or np.any(conductance <= 0):
            raise ParameterError(
                "every edge needs a positive conductance, smallest is "
                f"{conductance.min(initial=np.inf)!r}; leave out edges that do not conduct."
            )
        sites = sites_from_positions(
            position,
            length=length,
            width=width,
            geometry=geometry or attributes.get("geometry", "open"),
        )
        ends = np.array([(a, b) for a, b, _ in edges], dtype=np.int64).reshape(-1, 2)
        return join_sites(
            sites,
            ends.min(axis=1),
            ends.max(axis=1),
            np.log(conductance),
            contacts=contacts,
            axis=attributes.get("axis", "x"),
            log_occupation=[d.get("log_occupation", 0.0) for _, d in graph.nodes(data=True)],
        )

    def save(self, path: str | Path) -> None:
        """Write to one .npz file."""
        sites = self.sites
        save_arrays(
            path,
            "Network",
            {
                "position": sites.position,
                "length": sites.length,
                "width": sites.width,
                "geometry": sites.geometry,
                "energy": sites.energy,
                "link_i": self.link_i,
                "link_j": self.link_j,
                "log_conductance": self.log_conductance,
                "log_occupation": self.log_occupation,
                "source": self.source,
                "drain": self.drain,
                "axis": self.axis,
                "cutoff_radius": self.cutoff_radius,
                "exclusion": self.exclusion,
            },
        )

    @classmethod
    def load(cls, path: str | Path) -> Network:
        """Read what `save` wrote."""
        stored = load_arrays(path, "Network")
        sites = sites_from_positions(
            stored["position"],
            length=float(stored["length"]),
            width=float(stored["width"]),
            geometry=str(stored["geometry"]),
            energy=stored.get("energy"),
        )
        return join_sites(
            sites,
            stored["link_i"],
            stored["link_j"],
            stored["log_conductance"],
            log_occupation=stored["log_occupation"],
            contacts=(stored["source"], stored["drain"]),
            axis=str(stored["axis"]),
            cutoff_radius=float(stored["cutoff_radius"]),
            exclusion=bool(stored.get("exclusion", False)),
        )


def join_sites(
    sites,
    link_i,
    link_j,
    log_conductance,
    *,
    contacts,
    named=True,
    axis="x",
    log_occupation=None,
    cutoff_radius=None,
    exclusion=False,
    kT=None,
    bath=None,
    chemical_potential=None,
    critical_exponent=None,
):
    """A network from its links: checks the contacts, sorts the links, makes the rows.

    Parameters
    ----------
    sites : Sites
    link_i, link_j : int64[n_links]
        ``link_i < link_j``, no pair twice.
    log_conductance : float64[n_links]
    contacts : (source, drain)
        Arrays of site numbers.
    named : bool
        Contacts that somebody named must hold a site. A strip at an edge may hold none by chance:
        then no path joins the contacts.
    axis : {"x", "y"}
    log_occupation : float64[n_sites], optional
    cutoff_radius : float, optional
    exclusion : bool

    Returns
    -------
    Network
    """
    n = sites.n_sites
    source, drain = contacts
    source = check_contact(sites, source, "source", named)
    drain = check_contact(sites, drain, "drain", named)
    common = np.intersect1d(source, drain)
    if common.size:
        raise ParameterError(
            f"source and drain must not share sites, they share {common.size} (first: "
            f"{common[0]}); make the sample longer than two contact strips or the cutoff smaller."
        )
    code = link_i * n + link_j
    if np.any(np.diff(code) <= 0):
        order = np.argsort(code, kind="stable")
        link_i, link_j, log_conductance = link_i[order], link_j[order], log_conductance[order]
        if np.any(np.diff(code[order]) == 0):
            raise ParameterError("a pair of sites is linked twice; add their conductances first.")
    if link_i.size and np.any(link_i >= link_j):
        raise ParameterError("every link must go from a lower to a higher site number; sort ends.")
    row_start = np.empty(n + 1, np.int64)
    row_neighbour = np.empty(2 * link_i.shape[0], np.int64)
    row_link = np.empty(2 * link_i.shape[0], np.int64)
    neighbours.fill_rows(link_i, link_j, row_start, row_neighbour, row_link)
    if cutoff_radius is None:
        separation = np.empty((link_i.shape[0], 2))
        neighbours.fill_separation(sites.position, *sites.period, link_i, link_j, separation)
        cutoff_radius = float(np.hypot(*separation.T).max(initial=0.0))
    return Network(
        sites=sites,
        link_i=read_only(link_i, np.int64),
        link_j=read_only(link_j, np.int64),
        log_conductance=read_only(log_conductance),
        log_occupation=read_only(np.zeros(n) if log_occupation is None else log_occupation),
        source=source,
        drain=drain,
        axis=axis,
        cutoff_radius=cutoff_radius,
        row_start=read_only(row_start, np.int64),
        row_neighbour=read_only(row_neighbour, np.int64),
        row_link=read_only(row_link, np.int64),
        exclusion=bool(exclusion),
        kT=kT,
        bath=bath,
        chemical_potential=chemical_potential,
        critical_exponent=critical_exponent,
    )


def check_contact(sites, contact, name, named=True):
    """A contact as sorted, distinct site numbers."""
    contact = np.unique(np.atleast_1d(np.asarray(contact)))
    if contact.size == 0 and not named:
        return read_only(contact, np.int64)
    if contact.size == 0:
        raise ParameterError(
            f"the {name} contact is empty; take more sites, a larger cutoff, or name its sites."
        )
    if contact.dtype.kind not in "iu" or contact[0] < 0 or contact[-1] >= sites.n_sites:
        raise ParameterError(
            f"the {name} contact must hold site numbers 0 .. {sites.n_sites - 1}, got "
            f"{contact[0]} .. {contact[-1]} of type {contact.dtype}; mend the array."
        )
    return read_only(contact, np.int64)
