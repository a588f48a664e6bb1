"""Network: sites joined by links whose conductances span tens of decades."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from hopnet.elimination import Dissection, dissect_graph
from hopnet.energies import (
    barriers,
    candidate_links,
    check_temperature,
    critical_exponent,
    least_barriers,
    log_hops,
    log_occupations,
    warn_of_unused_energies,
)
from hopnet.errors import NotPercolatingError, ParameterError, ValidityWarning
from hopnet.kernels import neighbours
from hopnet.records import load_arrays, read_only, save_arrays
from hopnet.sites import Sites, sites_from_positions

if TYPE_CHECKING:
    import networkx

PERCOLATION_RADIUS = 1.19847  # l_c sqrt(n_s): discs of this diameter percolate in the plane


def critical_length(density: float) -> float:
    """Percolation length of random sites, l_c = 1.19847 / sqrt(n_s) [hopping].

    Sites joined whenever they are closer than l_c just percolate; the letter rounds to 1.2.
    Source: 4 r^2 n_s pi / 4 = 1.12808737 at threshold (Mertens and Moore, Phys. Rev. E 86,
    061109 (2012)), so l_c sqrt(n_s) = 2 sqrt(1.12808737 / pi).
    """
    return PERCOLATION_RADIUS / np.sqrt(density)


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
        Occupations are those of Fermi and Dirac: for charge alone, not for spins.
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
    def across(self) -> float:
        """L: the width of the sample across the current, in a_b."""
        return self.sites.width if self.axis == "x" else self.sites.length

    @property
    def along(self) -> float:
        """Distance between the contact edges, in a_b."""
        return self.sites.length if self.axis == "x" else self.sites.width

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

    def to_frame(self) -> pd.DataFrame:
        """A DataFrame of links: i, j, distance, log_conductance."""
        return pd.DataFrame(
            {
                "i": self.link_i,
                "j": self.link_j,
                "distance": np.hypot(self.separation[:, 0], self.separation[:, 1]),
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


def build_network(
    sites: Sites,
    cutoff: float = 1.5,
    cutoff_radius: float | None = None,
    contacts: str | tuple[ArrayLike, ArrayLike] = "x",
    kT: float | None = None,
    *,
    bath: str = "ohmic",
    chemical_potential: float | None = None,
) -> Network:
    """Join sites into a resistor network: the R-model, or hops with phonons.

    Equations [hopping 5a], with tau_ij = tau_0 exp(2 R_ij / a_b)::

        ln(G_ij rho_0) = ln(tau_0 / tau_ij) = - 2 R_ij / a_b

    and, if the sites carry energies and kT is given, [hopping S9], [hopping S22], [hopping S26]::

        n_i = exp(-e_i / kT)        1/tau_ij = exp(-2 R_ij) s(x) exp(-(e_i - e_j)_+ / kT) / tau_0
        G_ij rho_0 = n_j / tau_ij = n_i / tau_ji                     x = abs(e_i - e_j) / kT

    Parameters
    ----------
    sites : Sites
    cutoff : float
        Links join sites closer than ``cutoff`` times l_c = 1.19847 / sqrt(n_s); with energies those
        with 2 R_ij / a_b + barrier <= ``cutoff`` xi_c, the critical exponent of the sample.
    cutoff_radius : float, in a_b, optional
        The same as a length; then ``cutoff`` is not used, and barriers do not cut.
    contacts : {"x", "y"} or (source, drain)
        Sites within one cutoff of the two edges across x or y, or arrays of site numbers (the
        current is then taken to run along x).
    kT : float, optional
        In the unit of the energies.
    bath : {"ohmic", "miller_abrahams", "heat_bath"} or callable
        s(x): the rate down by x kT over that at equal energies, where it is 1. "ohmic" is
        x / (1 - exp(-x)), "miller_abrahams" 1, "heat_bath" 2 / (1 + exp(-x)).
    chemical_potential : float, optional
        Given: Fermi-Dirac occupations f, and G_ij rho_0 = f_j (1 - f_i) / tau_ij. For the
        resistivity of charge; spins need few electrons a site and refuse such a network.

    Returns
    -------
    Network

    Raises
    ------
    ParameterError
        A cutoff that is not positive; contacts that overlap, or are named and empty; a sample
        that wraps and is narrower than three cutoffs; kT that is not positive, or given without
        energies.

    Notes
    -----
    Cutting links is an approximation: the current runs through links up to about l_c. Going from
    1.5 to 1.25 l_c lowers f(tau_s = 0) by 0.3 % at n_s a_b^2 = 0.01 and by 2 % at 0.02; going to
    1.75 l_c changes it by 0.1 % and less (four samples of 2e5 sites each; `runs/cutoff.toml`).
    Cost: O(n_sites + n_links), by a grid of cells.
    """
    warm = kT is not None
    if warm:
        kT = check_temperature(kT)
        if sites.energy is None:
            raise ParameterError(
                "kT is given, but these sites carry no energies; give them some by "
                "with_energies(sites, ...), or leave kT out."
            )
    if chemical_potential is not None and not (warm and np.isfinite(chemical_potential)):
        raise ParameterError(
            f"chemical_potential must be a finite energy and needs kT, got {chemical_potential!r} "
            f"with kT={kT!r}; give both or neither."
        )
    if sites.energy is not None and not warm:
        warn_of_unused_energies()
    axis = "y" if isinstance(contacts, str) and contacts == "y" else "x"
    largest_exponent = np.inf
    if cutoff_radius is None:
        if not (np.isfinite(cutoff) and cutoff > 0):
            raise ParameterError(
                f"cutoff must be a positive multiple of l_c, got {cutoff!r}; 1.5 is customary."
            )
        cutoff_radius = cutoff * critical_length(sites.density)
        if warm:
            largest_exponent = cutoff * critical_exponent(
                find_links, sites, kT, chemical_potential=chemical_potential, axis=axis
            )
            cutoff_radius = 0.5 * largest_exponent
    elif not (np.isfinite(cutoff_radius) and cutoff_radius > 0):
        raise ParameterError(
            f"cutoff_radius must be a positive length in a_b, got {cutoff_radius!r}; "
            "1.8 / sqrt(n_s) is customary."
        )
    cutoff_radius = float(cutoff_radius)
    for side, period in zip("xy", sites.period):
        if period and period < 3 * cutoff_radius:
            raise ParameterError(
                f"a sample that wraps along {side} must be at least 3 cutoffs "
                f"({3 * cutoff_radius:.4g} a_b) around, got {period:.4g} a_b; take more sites, a "
                "smaller cutoff or geometry='open'."
            )
    if warm and np.isfinite(largest_exponent):
        least = least_barriers(sites.energy, kT, chemical_potential)
        link_i, link_j, distance = candidate_links(
            find_links, sites, least <= largest_exponent, cutoff_radius
        )
        exponent = 2.0 * distance + barriers(link_i, link_j, sites.energy, kT, chemical_potential)
        kept = exponent <= largest_exponent
        link_i, link_j = link_i[kept], link_j[kept]
    else:
        link_i, link_j = find_links(sites, cutoff_radius)
    separation = np.empty((link_i.shape[0], 2))
    neighbours.fill_separation(sites.position, *sites.period, link_i, link_j, separation)
    distance = np.hypot(separation[:, 0], separation[:, 1])
    if np.any(distance == 0.0):
        l = int(np.flatnonzero(distance == 0.0)[0])
        warnings.warn(
            f"sites {link_i[l]} and {link_j[l]} (and perhaps more) coincide: they are joined by "
            "the conductance of a hop of no length.",
            ValidityWarning,
            stacklevel=2,
        )
    log_conductance, log_occupation = -2.0 * distance, None
    if warm:
        log_conductance = log_hops(
            link_i,
            link_j,
            distance,
            sites.energy,
            kT,
            bath=bath,
            chemical_potential=chemical_potential,
        )
        log_occupation = log_occupations(sites.energy, kT, chemical_potential)
    named = not isinstance(contacts, str)
    if not named:
        contacts = contact_strips(sites, axis=contacts, depth=cutoff_radius)
    return join_sites(
        sites,
        link_i,
        link_j,
        log_conductance,
        contacts=contacts,
        named=named,
        axis=axis,
        log_occupation=log_occupation,
        cutoff_radius=cutoff_radius,
        exclusion=chemical_potential is not None,
    )


def find_links(sites, radius):
    """All pairs of sites within ``radius``: int64 arrays link_i < link_j, sorted."""
    position = sites.position
    size = np.array([sites.length, sites.width])
    # about a site a cell at least: smaller cells cost more to visit than they save; but three
    # cells round a ring, or a pair would be met twice
    n_x, n_y = np.clip(size // radius, 1, max(np.sqrt(sites.n_sites) + 1, 3)).astype(int)
    cell_x, cell_y = size / (n_x, n_y)
    start = np.empty(n_x * n_y + 1, np.int64)
    member = np.empty(sites.n_sites, np.int64)
    neighbours.fill_cells(position, n_x, n_y, cell_x, cell_y, start, member)
    cells = (position, n_x, n_y, cell_x, cell_y, *sites.period, radius, start, member)
    count = np.empty(sites.n_sites, np.int64)
    neighbours.count_neighbours(*cells, count)
    first = np.concatenate([[0], np.cumsum(count)])
    link_i = np.empty(first[-1], np.int64)
    link_j = np.empty(first[-1], np.int64)
    neighbours.fill_neighbours(*cells, first, link_i, link_j)
    return link_i, link_j


def contact_strips(sites, *, axis, depth):
    """Sites within ``depth`` of the two edges across ``axis``."""
    if axis not in ("x", "y"):
        raise ParameterError(
            f"contacts must be 'x', 'y' or (source, drain) arrays of sites, got {axis!r}."
        )
    if axis == "y" and sites.period[1]:
        raise ParameterError(
            f"a {sites.geometry} has no edges across y to put contacts on; use contacts='x'."
        )
    along = sites.position[:, "xy".index(axis)]
    far = sites.length if axis == "x" else sites.width
    return np.flatnonzero(along <= depth), np.flatnonzero(along >= far - depth)


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
