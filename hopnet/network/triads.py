"""Triads: triples of sites of which every two are linked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from hopnet.checks import array_of, instance_of, one_of
from hopnet.elimination.scaling import HIGHEST
from hopnet.errors import ParameterError
from hopnet.kernels import triads as kernels
from hopnet.network.network import Network
from hopnet.records import Record, is_owned, read_only
from hopnet.threads import run_side_by_side

__all__ = [
    "PLANES",
    "Triads",
    "amplitudes",
    "find_triads",
    "list_triads",
    "parts_of",
    "plane_across",
    "separation_across",
    "sum_over_triads",
]

# Triads listed per batch (at least those of one site), so that the list fits into the CPU cache.
# Smaller batches cost more calls, larger ones leave the cache.
TRIADS_AT_ONCE = 30_000

# Batches computed in parallel before they are summed, in order. Fewer would leave threads idle at
# the end of each group, more would hold more results in memory.
PARTS_AT_ONCE = 8

# The two axes of the plane across x, y and z: right-handed with that axis.
PLANES = ((1, 2), (2, 0), (0, 1))


@dataclass(frozen=True, eq=False)
class Triads(Record):
    """All triangles of the graph, each once.

    Attributes
    ----------
    network : Network
        The network whose links form the triangles.
    site : int64[n_triads, 3]
        The three sites i < j < k of each triad, sorted.
    link : int64[n_triads, 3]
        The links ij, ik, jk of each triad.
    """

    table_row: ClassVar[str] = "triad"
    table_columns: ClassVar[tuple[str, ...]] = ("site", "link")

    network: Network
    site: np.ndarray
    link: np.ndarray

    def __post_init__(self) -> None:
        # A frozen record sets its checked values through object.__setattr__, only here.
        network = instance_of("network", self.network, Network, "make it with build_network")
        for name, n in (("site", network.n_sites), ("link", network.n_links)):
            value = getattr(self, name)
            owned = is_owned(value, np.int64) and value.ndim == 2 and value.shape[1] == 3
            if not (owned and (value.size == 0 or (value.min() >= 0 and value.max() < n))):
                found = array_of(name, value, shape=(None, 3), low=0, high=n - 1, empty=True)
                object.__setattr__(self, name, read_only(found, np.int64))
        site, link = self.site, self.link
        ends = (network.link_i[link], network.link_j[link])
        if site.shape != link.shape or not (
            np.array_equal(ends[0], site[:, [0, 0, 1]])
            and np.array_equal(ends[1], site[:, [1, 2, 2]])
        ):
            raise ParameterError(
                "the links of every triad must join its sites i < j < k as ij, ik, jk; make the "
                "triads with find_triads."
            )

    @property
    def n_triads(self) -> int:
        """Number of triads."""
        return self.site.shape[0]

    @property
    def area(self) -> np.ndarray:
        """float64[n_triads], a_b^2: oriented area, positive if i, j, k run anticlockwise."""
        self.network.check_plane("an oriented area")
        return self.area_vector[:, 2]

    @property
    def area_vector(self) -> np.ndarray:
        """float64[n_triads, 3], a_b^2: R_ij x R_ik / 2 [hall 8]; along z in a plane."""
        to_j = self.network.separation[self.link[:, 0]].T
        to_k = self.network.separation[self.link[:, 1]].T
        out = np.zeros((self.n_triads, 3))
        for axis, (a, b) in enumerate(PLANES):
            if max(a, b) < to_j.shape[0]:
                out[:, axis] = 0.5 * (to_j[a] * to_k[b] - to_j[b] * to_k[a])
        return out

    @property
    def perimeter(self) -> np.ndarray:
        """float64[n_triads], a_b: R_ij + R_jk + R_ki."""
        return self.network.distance[self.link].sum(axis=1)


def find_triads(network: Network) -> Triads:
    """All triangles of the graph, each once; none is left out because of its size.

    Parameters
    ----------
    network : Network
        The network whose links form the triangles.

    Returns
    -------
    Triads

    Notes
    -----
    The list needs 48 bytes per triad (about 8 triads per site at the usual cutoff). `f_curve` and
    `spin_generation` sum over triads without storing them.
    """
    instance_of("network", network, Network, "make it with build_network")
    lists = [(np.empty((0, 3), np.int64),) * 2]
    lists += [list_triads(network, *task) for task in parts_of(network)]
    site, link = (np.concatenate(columns) for columns in zip(*lists))
    return Triads(
        network, read_only(site, np.int64, copy=False), read_only(link, np.int64, copy=False)
    )


Part = tuple[np.ndarray, np.ndarray]


def parts_of(network: Network, lowest: np.ndarray | None = None) -> list[Part]:
    """The batches in which triads are listed.

    Parameters
    ----------
    network : Network
        The network whose links form the triangles.
    lowest : int64 array, optional
        Only triads with these lowest sites; by default all triads.

    Returns
    -------
    list of (int64 array, int64[n_sites])
        The lowest sites of each batch, and where in every row the neighbours with higher numbers
        begin: the arguments of `list_triads`.
    """
    lower = np.bincount(network.link_j, minlength=network.n_sites)
    upper_start = network.row_start[:-1] + lower
    if lowest is None:
        lowest = np.arange(network.n_sites)
    most = np.cumsum(most_triads(network, lowest, upper_start))
    ends = np.flatnonzero(np.diff(most // TRIADS_AT_ONCE, append=-1)) + 1
    return [(part, upper_start) for part in np.split(lowest, ends[:-1])]


def most_triads(network: Network, lowest: np.ndarray, upper_start: np.ndarray) -> np.ndarray:
    """Upper bound on the number of triads whose lowest site is each of ``lowest``."""
    above = network.row_start[lowest + 1] - upper_start[lowest]
    return above * (above - 1) // 2


def list_triads(
    network: Network, lowest: np.ndarray, upper_start: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Sites and links of the triads whose lowest site is one of ``lowest``.

    Parameters
    ----------
    network : Network
        The network whose links form the triangles.
    lowest, upper_start : int64 arrays
        A batch of `parts_of`.

    Returns
    -------
    site, link : int64[n_triads, 3]
        As in `Triads`.
    """
    most = int(most_triads(network, lowest, upper_start).sum())
    site, link = np.empty((most, 3), np.int64), np.empty((most, 3), np.int64)
    count = kernels.fill_triads(
        lowest, upper_start, network.row_start, network.row_neighbour, network.row_link, site, link
    )
    return site[:count], link[:count]


def sum_over_triads(
    network: Network,
    part: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, Any]],
    out: np.ndarray,
    threads: int | None,
    lowest: np.ndarray | None = None,
) -> Any:
    """Sum contributions of triads to their sites, without storing the triads.

    Parameters
    ----------
    network : Network
        The network whose links form the triangles.
    part : callable
        ``part(site, link)`` of some triads returns their contributions to their three sites,
        float64[n, 3, n_parts], and one more array or number that is summed.
    out : float64[n_sites, n_parts]
        Overwritten with the sums of the contributions at each site.
    threads : int or None
        Number of threads. The result does not depend on it.
    lowest : int64 array, optional
        Only triads with these lowest sites; by default all triads.

    Returns
    -------
    array or number
        The sum of the second result of ``part``.
    """
    out[:] = 0.0
    total: Any = 0.0

    def work(task: Part) -> tuple[np.ndarray, np.ndarray, Any]:
        site, link = list_triads(network, *task)
        return site, *part(site, link)

    tasks = parts_of(network, lowest)
    for begin in range(0, len(tasks), PARTS_AT_ONCE):
        for site, value, more in run_side_by_side(
            work, tasks[begin : begin + PARTS_AT_ONCE], threads
        ):
            kernels.add_to_sites(site, value, out)
            total = total + more
    return total


def amplitudes(network: Network, log_unit: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """The factors of each link in the strength of a triad, as floats at any temperature.

    A term of the strength n_j Q'_ikj [hopping S21] is a product of two ``hop`` and one
    ``overlap``. With exclusion, f_i (1 - f_i) stands for n_i: the paths of an electron and of a
    hole add.

    Parameters
    ----------
    network : Network
        The network that holds the links.
    log_unit : float
        Logarithm of the unit of K and n, which is also the unit of a term of a triad.

    Returns
    -------
    hop : float64[n_links]
        K_ij exp(R_ij) / sqrt(n_i n_j).
    overlap : float64[n_links]
        exp(-R_ij) sqrt(n_i n_j).

    With a localisation radius per site, R_ij (1/a_i + 1/a_j) / 2 stands for R_ij.

    Notes
    -----
    n is limited to exp(`HIGHEST`). In a term K_ik K_jk exp(R_ik + R_jk - R_ij) / n_k only the n of
    the site k in the middle of the two hops remains, and a term with such a large n_k is zero.
    """
    distance = network.effective_distance
    n = np.minimum(network.log_capacity - log_unit, HIGHEST)
    log_pair = 0.5 * (n[network.link_i] + n[network.link_j])
    hop = np.exp(network.log_conductance - log_unit + distance - log_pair)
    return hop, np.exp(log_pair - distance)


def plane_across(network: Network, field: str) -> tuple[int, int]:
    """The two axes across a magnetic field, right-handed with it, or a ParameterError."""
    allowed = "xyz" if network.sites.dimension == 3 else "z"
    hint = "in a plane the field stands on it"
    return PLANES["xyz".index(one_of("field", field, tuple(allowed), hint))]


def separation_across(network: Network, field: str) -> np.ndarray:
    """float64[n_links, 2]: the vectors along the links, their part across a field [hall 8]."""
    plane = list(plane_across(network, field))
    if network.sites.dimension == 2:
        return network.separation
    return np.ascontiguousarray(network.separation[:, plane])
