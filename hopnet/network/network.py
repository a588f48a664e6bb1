"""Network: sites joined by links whose conductances span tens of decades."""

from __future__ import annotations

import hashlib
import importlib
import math
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from hopnet.checks import flag, instance_of, number, one_of, shown
from hopnet.elimination.dissection import Dissection, dissect_graph
from hopnet.errors import DataError, NotPercolatingError, ParameterError
from hopnet.kernels import backbone, neighbours
from hopnet.network.energies import Bath, check_bath
from hopnet.network.neighbours import lengths, link_separation
from hopnet.network.rules import check_apart, check_links
from hopnet.network.sites import SITE_ARRAYS, Sites, critical_length, sites_from_arrays
from hopnet.records import (
    Record,
    is_owned,
    load_arrays,
    owned_numbers,
    owned_values,
    read_only,
    save_arrays,
)

if TYPE_CHECKING:
    import networkx

__all__ = [
    "DRAIN",
    "INNER",
    "LEFT_OUT",
    "OPTIONAL",
    "SOURCE",
    "Network",
    "check_digest",
    "join_sites",
    "pair_of_contacts",
]

# The kind of a site in Kirchhoff's laws, as `hopnet.elimination.analyse` takes it: contacts are
# terminals 0 and 1, inner sites are eliminated, sites without a path to a contact are left out.
SOURCE, DRAIN, INNER, LEFT_OUT = 0, 1, -1, -2

# Occupations above exp(HIGHEST_LOG), those of deep traps, are given as exp(HIGHEST_LOG), so that
# sums of squares stay within the range of floats; `log_occupation` holds them exactly.
HIGHEST_LOG = 300.0

# Links this close to the cutoff, in a_b, show how much longer links would change. A smaller number
# leaves too few links to judge from, a larger one takes in links that carry the current.
OUTERMOST = 2.0

# Names in the file of a saved network, besides those of its sites.
REQUIRED = ("link_i", "link_j", "log_conductance", "log_occupation", "source", "drain", "axis")
THERMAL = ("exclusion", "kT", "bath", "chemical_potential", "reorganisation_energy")
OPTIONAL = ("cutoff_radius", "critical_exponent", *THERMAL)


@dataclass(frozen=True, eq=False)
class Network(Record):
    """Sites, links and contacts.

    The record checks and copies what it is given, however it is made.

    Attributes
    ----------
    sites : Sites
        The sites that the links join.
    link_i, link_j : int64[n_links]
        The two sites of each link: ``link_i < link_j``, sorted.
    log_conductance : float64[n_links]
        ln(G_ij rho_0) = ln(K_ij tau_0), K_ij = n_j / tau_ij; with equal energies -2 R_ij / a_b.
    log_occupation : float64[n_sites]
        ln(n_i), counted from the lowest site that is no isolated deep trap
        (`hopnet.network.exponent.reference_level`); zero where energies are equal.
    source, drain : int64 arrays
        Contact sites at unit and at zero potential, ascending.
    axis : {"x", "y"}
        Direction from source to drain, in space also "z"; L in f is the width across it.
    cutoff_radius : float, in a_b
        Length of the longest allowed link (of the longest link found, for given links).
    exclusion : bool
        Whether occupations are those of Fermi and Dirac: for charge alone, not for spins.
    kT : float or None
        Thermal energy that the rates were computed with; None for equal energies or given links.
    bath : str, callable or None
        The bath that the rates were computed with.
    chemical_potential : float or None
        The chemical potential that the rates were computed with.
    critical_exponent : float or None
        xi_c, where links were chosen by their exponents.
    reorganisation_energy : float or None
        That of the bath "marcus", in the unit of kT.
    row_start, row_neighbour, row_link : int64 arrays
        Computed from the links. Site i has the neighbours
        ``row_neighbour[row_start[i]:row_start[i+1]]``, ascending, by the links ``row_link``.

    Notes
    -----
    Quantities that follow from these are computed when they are first needed, and kept. A copy by
    ``dataclasses.replace(network)`` keeps none of them.
    """

    table_row: ClassVar[str] = "link"
    table_columns: ClassVar[tuple[str, ...]] = ("log_conductance",)

    sites: Sites
    link_i: np.ndarray
    link_j: np.ndarray
    log_conductance: np.ndarray
    log_occupation: np.ndarray
    source: np.ndarray
    drain: np.ndarray
    axis: str
    cutoff_radius: float
    exclusion: bool = False
    kT: float | None = None
    bath: Bath | None = None
    chemical_potential: float | None = None
    critical_exponent: float | None = None
    reorganisation_energy: float | None = None
    row_start: np.ndarray = field(init=False)
    row_neighbour: np.ndarray = field(init=False)
    row_link: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        # A frozen record sets its checked values through object.__setattr__, only here.
        def put(name: str, value: Any) -> None:
            object.__setattr__(self, name, value)

        instance_of("sites", self.sites, Sites, "make them with hopnet.random_sites")
        n = self.sites.n_sites
        for name in ("link_i", "link_j"):
            put(name, owned_numbers(name, getattr(self, name), n, "give numbers of sites"))
        check_links(self.link_i, self.link_j, n)
        shapes = {"log_conductance": self.link_i.shape, "log_occupation": (n,)}
        for name, shape in shapes.items():
            put(name, owned_values(name, getattr(self, name), shape))
        for name in ("source", "drain"):
            put(name, check_contact(getattr(self, name), n, name))
        check_apart(self.source, self.drain)
        put("axis", one_of("axis", self.axis, tuple(self.sites.axes)))
        put("cutoff_radius", number("cutoff_radius", self.cutoff_radius, low=0.0))
        put("exclusion", flag("exclusion", self.exclusion))
        for name in ("kT", "chemical_potential", "critical_exponent", "reorganisation_energy"):
            if getattr(self, name) is not None:
                low = -np.inf if name == "chemical_potential" else 0.0
                put(name, number(name, getattr(self, name), low=low))
        if self.bath is not None:
            put("bath", check_bath(self.bath))
        row_start = np.empty(n + 1, np.int64)
        row_neighbour = np.empty(2 * self.link_i.shape[0], np.int64)
        row_link = np.empty(2 * self.link_i.shape[0], np.int64)
        neighbours.fill_rows(self.link_i, self.link_j, row_start, row_neighbour, row_link)
        put("row_start", read_only(row_start, np.int64, copy=False))
        put("row_neighbour", read_only(row_neighbour, np.int64, copy=False))
        put("row_link", read_only(row_link, np.int64, copy=False))

    def __setstate__(self, state: dict[str, Any]) -> None:
        # Arrays can be written to after unpickling; checking the record again freezes them.
        # Cached quantities are computed again when they are needed.
        self.__dict__.update({each.name: state[each.name] for each in fields(self)})
        self.__post_init__()

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
        """L: the width of the sample across the current, in a_b; in space its cross-section."""
        sides = zip(self.sites.axes, self.sites.size)
        return math.prod(side for axis, side in sides if axis != self.axis)

    @property
    def length_along_current(self) -> float:
        """Distance between the contact edges, in a_b."""
        return self.sites.size[self.sites.axes.index(self.axis)]

    @property
    def direction_across(self) -> np.ndarray:
        """float64[2]: unit vector y' such that x' (along the current) and y' are right-handed."""
        self.check_plane("the direction across the current")
        return np.array([0.0, 1.0]) if self.axis == "x" else np.array([-1.0, 0.0])

    @cached_property
    def conductance(self) -> np.ndarray:
        """float64[n_links]: K_ij tau_0 = G_ij rho_0; 0 where it is below the smallest float."""
        with np.errstate(over="ignore", under="ignore"):
            return read_only(np.exp(self.log_conductance), copy=False)

    @cached_property
    def occupation(self) -> np.ndarray:
        """float64[n_sites]: n_i; 0 below the smallest float, at most exp(300) for deep traps."""
        with np.errstate(under="ignore"):
            return read_only(np.exp(np.minimum(self.log_occupation, HIGHEST_LOG)), copy=False)

    @property
    def log_capacity(self) -> np.ndarray:
        """float64[n_sites]: ln of kT dn_i/dmu, that is of n_i, or of f_i (1 - f_i) with exclusion.

        It is the charge that a change of the local potential brings to a site.
        """
        if not self.exclusion:
            return self.log_occupation
        if self.kT is None or self.chemical_potential is None or self.sites.energy is None:
            raise ParameterError(
                "electrons that exclude each other need the energies, kT and chemical potential of "
                "the network, this one does not hold them; build it with build_network."
            )
        level = (self.sites.energy - self.chemical_potential) / self.kT
        return self.log_occupation - np.logaddexp(0.0, -level)

    @cached_property
    def distance(self) -> np.ndarray:
        """float64[n_links], in a_b: length of each link."""
        return read_only(lengths(self.separation), copy=False)

    @property
    def effective_distance(self) -> np.ndarray:
        """float64[n_links]: R_ij (1/a_i + 1/a_j) / 2, the distance where all radii are a_b."""
        return self.sites.effective_length(self.link_i, self.link_j, self.distance)

    @cached_property
    def outermost(self) -> np.ndarray:
        """bool[n_links]: links within OUTERMOST of the cutoff, from which its error is judged.

        With energies the exponent 2 R_ij / a_b + barrier counts, if it decided the links.
        """
        a = self.sites.largest_radius
        reach = self.distance if self.critical_exponent is None else -0.5 * a * self.log_conductance
        return read_only(reach > self.cutoff_radius - OUTERMOST * a, np.bool_, copy=False)

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
        """float64[n_links, dim], in a_b: vector from site i to the nearest image of site j."""
        return read_only(link_separation(self.sites, self.link_i, self.link_j), copy=False)

    @cached_property
    def cluster(self) -> np.ndarray:
        """int64[n_sites]: number of the connected cluster of each site."""
        out = np.empty(self.n_sites, np.int64)
        backbone.fill_clusters(self.row_start, self.row_neighbour, out)
        return read_only(out, np.int64, copy=False)

    @cached_property
    def isolated(self) -> np.ndarray:
        """bool[n_sites]: sites without a path to a contact."""
        reached = np.zeros(self.cluster.max() + 1, np.bool_)
        reached[self.cluster[self.source]] = True
        reached[self.cluster[self.drain]] = True
        return read_only(~reached[self.cluster], np.bool_)

    @cached_property
    def dissection(self) -> Dissection:
        """The order of elimination: made once, for Kirchhoff's laws and every tau_s."""
        return dissect_graph(
            self.link_i,
            self.link_j,
            self.sites.position,
            rows=(self.row_start, self.row_neighbour),
            period=self.sites.period,
        )

    @cached_property
    def digest(self) -> str:
        """SHA-256, in hexadecimal, of what the network holds; equal for networks of equal content.

        It covers sites, links, rates, occupations and contacts. The bath is covered by the rates.
        """
        found = hashlib.sha256()
        sites = self.sites
        plain = (*sites.size, sites.geometry, self.axis, self.exclusion)
        found.update(repr((*plain, self.kT, self.chemical_potential, self.n_sites)).encode())
        links = (self.link_i, self.link_j, self.log_conductance, self.log_occupation)
        radius = () if sites.radius is None else (sites.radius,)
        for array in (sites.position, sites.energy, *radius, *links, self.source, self.drain):
            found.update(b"none" if array is None else repr(array.shape).encode())
            if array is not None:
                found.update(array.astype(array.dtype.newbyteorder("<"), copy=False).data)
        return found.hexdigest()

    @property
    def percolates(self) -> bool:
        """Whether a path of links joins source and drain."""
        joined = np.intersect1d(self.cluster[self.source], self.cluster[self.drain])
        return joined.size > 0

    def check_percolation(self) -> None:
        """Raise NotPercolatingError unless a path of links joins source and drain."""
        if not self.percolates:
            l_c = critical_length(self.sites.density, self.sites.dimension)
            raise NotPercolatingError(
                f"no path of links joins the contacts of this sample of {self.n_sites} sites at "
                f"cutoff radius {self.cutoff_radius:.4g} a_b (l_c = {l_c:.4g} a_b); widen the "
                "cutoff, take more sites or another seed."
            )

    def check_plane(self, what: str) -> None:
        """Raise if the sites lie in space; ``what`` is defined in a plane only."""
        if self.sites.dimension != 2:
            raise ParameterError(
                f"{what} needs sites in a plane, these have {self.sites.dimension} coordinates; "
                "spins and their triads are two-dimensional here, use dimension=2."
            )

    def check_dilute(self) -> None:
        """Raise if occupations are so large that electrons exclude each other."""
        if self.exclusion:
            raise ParameterError(
                "spins need few electrons per site (Boltzmann occupations), this network was built "
                "with chemical_potential=; leave that out, it is for the resistivity alone."
            )

    def check_owns(self, record: Any) -> None:
        """Raise unless ``record`` was made on this network, or on one of equal content.

        A record that was pickled, for example, holds an equal copy of its network.
        """
        network = getattr(record, "network", None)
        same = network is self or (isinstance(network, Network) and network.digest == self.digest)
        if not same:
            raise ParameterError(
                f"this {type(record).__name__} belongs to another network; "
                "make it from the network that you pass."
            )

    def describe(self) -> str:
        """What the record holds, in one line."""
        warm = "" if self.kT is None else f", kT = {self.kT:.4g}"
        return (
            f"{self.n_sites} sites, {self.n_links} links up to {self.cutoff_radius:.4g} a_b, "
            f"{self.sites.geometry}, {self.source.size} + {self.drain.size} contact sites{warm}"
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

    def view(self, path: str | Path) -> Path:
        """Write the sample as a page for a browser; see `hopnet.plots.view.write_view`."""
        return importlib.import_module("hopnet.plots.view").write_view(path, self)

    def to_networkx(self) -> networkx.Graph:
        """The network as a graph, see `hopnet.network.graphs.graph_of_network`."""
        from hopnet.network.graphs import graph_of_network

        return graph_of_network(self)

    @classmethod
    def from_networkx(
        cls,
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
        """A network from a graph, see `hopnet.network.graphs.network_of_graph`."""
        from hopnet.network.graphs import network_of_graph

        return network_of_graph(
            graph,
            length=length,
            width=width,
            height=height,
            geometry=geometry,
            contacts=contacts,
            axis=axis,
            weight=weight,
            log_weight=log_weight,
            layout=layout,
        )

    def save(self, path: str | Path) -> None:
        """Write the network to one .npz file. A bath that is a function is left out."""
        arrays = {name: getattr(self.sites, name) for name in (*SITE_ARRAYS[0], *SITE_ARRAYS[1])}
        arrays |= {name: getattr(self, name) for name in (*REQUIRED, *OPTIONAL)}
        if not isinstance(self.bath, str):
            arrays["bath"] = None
        save_arrays(path, "Network", arrays)

    @classmethod
    def load(cls, path: str | Path) -> Network:
        """Read what `save` wrote; a DataError if the file does not hold a network."""
        stored = load_arrays(
            path,
            "Network",
            required=(*SITE_ARRAYS[0], *REQUIRED, "cutoff_radius"),
            optional=(*SITE_ARRAYS[1], *OPTIONAL),
        )
        sites = sites_from_arrays(stored, path)
        plain: dict[str, Any] = {
            name: value if value.ndim else value[()] for name, value in stored.items()
        }
        try:
            return cls(
                sites,
                **{name: plain[name] for name in REQUIRED if name != "axis"},
                axis=str(plain["axis"]),
                bath=str(plain["bath"]) if "bath" in plain else None,
                **{name: plain[name] for name in OPTIONAL if name in plain and name != "bath"},
            )
        except ParameterError as failure:
            raise DataError(f"{str(path)!r} does not hold a valid network: {failure}") from None


def check_digest(network: Network, stored: Any, what: str) -> None:
    """Raise unless a record that was read from a file belongs to this network.

    Parameters
    ----------
    network : Network
        The network that the user passes.
    stored : text or array of one text
        The digest in the file.
    what : str
        Name of the record.
    """
    instance_of("network", network, Network, "pass the network that the record was made on")
    if str(stored) != network.digest:
        raise ParameterError(
            f"this {what} belongs to another network; load it with the network it was made on."
        )


def join_sites(
    sites: Sites,
    link_i: ArrayLike,
    link_j: ArrayLike,
    log_conductance: ArrayLike,
    *,
    contacts: tuple[ArrayLike, ArrayLike],
    axis: str = "x",
    log_occupation: ArrayLike | None = None,
    cutoff_radius: float | None = None,
    exclusion: bool = False,
    kT: float | None = None,
    bath: Bath | None = None,
    chemical_potential: float | None = None,
    critical_exponent: float | None = None,
    reorganisation_energy: float | None = None,
) -> Network:
    """A network from its links, which may come in any order.

    Parameters
    ----------
    sites : Sites
        The sites that the links join.
    link_i, link_j : array_like[n_links]
        Numbers of the two sites of each link, ``link_i < link_j``, no pair twice.
    log_conductance : array_like[n_links]
        Logarithm of the conductance of each link, in 1/rho_0.
    contacts : (source, drain)
        Site numbers of the two contacts. A contact may be empty: then no path joins the contacts.
    axis : {"x", "y", "z"}
        Direction from source to drain.
    log_occupation : array_like[n_sites], optional
        Logarithm of the occupation of each site; by default 0.
    cutoff_radius : float, in a_b, optional
        Length of the longest allowed link; by default that of the longest link.
    exclusion, kT, bath, chemical_potential, critical_exponent, reorganisation_energy
        As in `Network`.

    Returns
    -------
    Network

    Raises
    ------
    ParameterError
        If an array is of a wrong type, shape or range, a pair is linked twice, or the contacts
        share a site.
    """
    instance_of("sites", sites, Sites, "make them with hopnet.random_sites")
    n = sites.n_sites
    link_i = owned_numbers("link_i", link_i, n, "give numbers of sites")
    link_j = owned_numbers("link_j", link_j, n, "give numbers of sites")
    log_conductance = owned_values("log_conductance", log_conductance, link_i.shape)
    if link_i.shape == link_j.shape:  # otherwise the record refuses them
        code = link_i * n + link_j
        if np.any(np.diff(code) < 0):
            order = np.argsort(code, kind="stable")
            link_i, link_j, log_conductance = (
                read_only(array[order], array.dtype, copy=False)
                for array in (link_i, link_j, log_conductance)
            )
        if cutoff_radius is None:
            separation = link_separation(sites, link_i, link_j)
            cutoff_radius = float(lengths(separation).max(initial=0.0))
    source, drain = pair_of_contacts(contacts)
    zero = np.zeros(n)
    return Network(
        sites=sites,
        link_i=link_i,
        link_j=link_j,
        log_conductance=log_conductance,
        log_occupation=(
            zero if log_occupation is None else owned_values("log_occupation", log_occupation, (n,))
        ),
        source=source,
        drain=drain,
        axis=axis,
        cutoff_radius=0.0 if cutoff_radius is None else cutoff_radius,
        exclusion=exclusion,
        kT=kT,
        bath=bath,
        chemical_potential=chemical_potential,
        critical_exponent=critical_exponent,
        reorganisation_energy=reorganisation_energy,
    )


def pair_of_contacts(contacts: Any) -> tuple[Any, Any]:
    """The two contacts (source, drain), or a ParameterError if they are not a pair."""
    try:
        source, drain = contacts
    except (TypeError, ValueError):
        source = drain = None
    if source is None or drain is None or isinstance(contacts, str | dict):
        raise ParameterError(
            f"contacts must be a pair (source, drain) of site numbers, got {shown(contacts)}; "
            "give two arrays."
        )
    return source, drain


def check_contact(contact: Any, n: int, name: str) -> np.ndarray:
    """A contact as sorted, distinct site numbers; it may be empty."""
    found = np.unique(
        owned_numbers(f"the {name} contact (site numbers)", contact, n, "correct the array")
    )
    return (
        contact
        if is_owned(contact, np.int64)
        and contact.shape == found.shape
        and np.array_equal(contact, found)
        else read_only(found, np.int64)
    )
