"""Networks from their own links: arrays, Matrix Market files, graphs without positions."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.io import mmread, mmwrite
from scipy.sparse import coo_array, issparse
from scipy.sparse.csgraph import breadth_first_order

from hopnet.checks import array_of, flag, instance_of, path_of, site_numbers, whole
from hopnet.errors import DataError, ParameterError, ValidityWarning
from hopnet.network.network import Network, join_sites, pair_of_contacts
from hopnet.network.sites import Sites
from hopnet.records import owned_numbers, write_for_user

__all__ = [
    "layout_of_links",
    "merge_parallel",
    "network_from_links",
    "read_matrix_market",
    "warn_of_layout",
    "write_matrix_market",
]

# Largest number of sites of a graph without positions: pairs of sites have 64-bit codes.
MOST_SITES = 1_000_000_000


def network_from_links(
    sites: Sites | int,
    link_i: ArrayLike,
    link_j: ArrayLike,
    log_conductance: ArrayLike,
    *,
    contacts: tuple[ArrayLike, ArrayLike],
    axis: str = "x",
    log_occupation: ArrayLike | None = None,
    add_parallel: bool = False,
    order: ArrayLike | None = None,
) -> Network:
    """A network from the numbers of its links: any graph, any contrast.

    Parameters
    ----------
    sites : Sites or int
        The sites, or only their number. Without positions the sites are laid out by
        `layout_of_links`, and a warning says that lengths and areas mean nothing.
    link_i, link_j : array_like[n_links]
        The two sites of each link, in any order.
    log_conductance : array_like[n_links]
        ln of each conductance, in any one unit. Conductances may span any number of decades.
    contacts : (source, drain)
        Numbers of the sites of the two contacts.
    axis : {"x", "y"}
        Direction from source to drain.
    log_occupation : array_like[n_sites], optional
        ln n_i, which charges and spins at frequencies need; by default 0.
    add_parallel : bool
        Whether links that join one pair are added; otherwise they are refused.
    order : array_like[n_sites], optional
        Only without positions: all sites, each once, neighbours near each other, in the order in
        which they are laid out along the sample, instead of breadth-first levels.

    Returns
    -------
    Network

    Raises
    ------
    ParameterError
        If an array is of a wrong type, shape or range, a link joins a site to itself, a pair is
        linked twice without ``add_parallel``, or ``order`` is no order of the sites.

    Notes
    -----
    Cost: O(n_links log n_links), without loops in Python.

    Examples
    --------
    Two resistors in series:

    >>> import hopnet as hn
    >>> sites = hn.sites_from_positions([[1, 5], [5, 5], [9, 5]], length=10, width=10)
    >>> network = hn.network_from_links(sites, [0, 1], [1, 2], [0.0, 0.0], contacts=([0], [2]))
    >>> hn.solve_current(network).conductance
    0.5
    """
    n = sites.n_sites if isinstance(sites, Sites) else whole("sites", sites, low=1, high=MOST_SITES)
    first = owned_numbers("link_i", link_i, n, "give numbers of sites")
    second = owned_numbers("link_j", link_j, n, "give numbers of sites")
    if first.shape != second.shape:
        raise ParameterError(
            f"link_i and link_j must have one length, got {first.size} and {second.size}; give "
            "two sites per link."
        )
    if np.any(first == second):
        site = int(first[np.argmax(first == second)])
        raise ParameterError(
            f"a link must join two different sites, one joins site {site} to itself; leave it out."
        )
    value = array_of(
        "log_conductance",
        log_conductance,
        shape=first.shape,
        empty=True,
        hint="leave links without a conductance out",
    )
    first, second = np.minimum(first, second), np.maximum(first, second)
    if flag("add_parallel", add_parallel):
        first, second, value = merge_parallel(first, second, value)
    if not isinstance(sites, Sites):
        source, _ = pair_of_contacts(contacts)
        sites = layout_of_links(n, first, second, source, order=order)
        warn_of_layout(stacklevel=2)
    elif order is not None:
        raise ParameterError("order is for sites without positions, these have some; leave it out.")
    return join_sites(
        sites, first, second, value, contacts=contacts, axis=axis, log_occupation=log_occupation
    )


def warn_of_layout(*, stacklevel: int) -> None:
    """Warn that sites were laid out along their links, which has no physical meaning."""
    warnings.warn(
        "these sites have no positions of their own and were laid out along their links: "
        "conductances, noise and spectra are right; resistivities, lengths, areas, strain, "
        "Hall effect and f mean nothing. Give sites to have them.",
        ValidityWarning,
        stacklevel=stacklevel + 1,
    )


def merge_parallel(
    link_i: np.ndarray, link_j: np.ndarray, log_conductance: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Links with those of one pair added: the logarithm of the sum of their conductances.

    Parameters
    ----------
    link_i, link_j : int64[n_links]
        The two sites of each link, the lower number first.
    log_conductance : float64[n_links]

    Returns
    -------
    link_i, link_j, log_conductance : arrays
        Sorted, each pair once.
    """
    if link_i.size == 0:
        return link_i, link_j, log_conductance
    order = np.lexsort((link_j, link_i))
    i, j, value = link_i[order], link_j[order], log_conductance[order]
    new = np.ones(i.size, bool)
    new[1:] = (np.diff(i) != 0) | (np.diff(j) != 0)
    start = np.flatnonzero(new)
    return i[start], j[start], np.logaddexp.reduceat(value, start)


def layout_of_links(
    n_sites: int,
    link_i: np.ndarray,
    link_j: np.ndarray,
    source: ArrayLike,
    *,
    order: ArrayLike | None = None,
) -> Sites:
    """Sites laid out along their links, so that few links cross a line: no physical positions.

    The position along x is the number of links from the source (breadth-first levels), along y the
    rank within the level, centred. The order of elimination needs only that linked sites are near
    each other. Sites that no path joins to the source form a last level.

    Parameters
    ----------
    n_sites : int
    link_i, link_j : int64[n_links]
    source : array_like
        Numbers of the sites at level 0; the first site if there is none.
    order : array_like[n_sites], optional
        Takes the place of the levels: x is the place in this order.

    Returns
    -------
    Sites
        One a_b is one level.
    """
    if order is not None:
        place = site_numbers("order", order, n_sites, "list every site once")
        if place.size != n_sites or np.unique(place).size != n_sites:
            raise ParameterError(
                f"order must list all {n_sites} sites, each once, got {np.unique(place).size} "
                "different ones; complete the list."
            )
        x = np.empty(n_sites)
        x[place] = np.arange(n_sites) + 0.5
        position = np.stack([x, np.full(n_sites, 0.5)], axis=1)
        return Sites(position=position, length=float(n_sites), width=1.0, geometry="open")
    seeds = site_numbers("the source contact", source, n_sites, "correct the array")
    seeds = np.unique(seeds) if seeds.size else np.zeros(1, np.int64)
    # One more node that is joined to all sites of the source makes a single tree.
    i = np.concatenate([link_i, np.full(seeds.size, n_sites)])
    j = np.concatenate([link_j, seeds])
    graph = coo_array((np.ones(i.size), (i, j)), shape=(n_sites + 1, n_sites + 1)).tocsr()
    visited, parent = breadth_first_order(graph, n_sites, directed=False)
    level = levels_of_tree(visited, parent)[:n_sites]
    level[level < 0] = level.max() + 1
    rank = np.full(n_sites, n_sites)
    rank[visited[1:]] = np.arange(visited.size - 1)
    sequence = np.lexsort((rank, level))
    sorted_level = level[sequence]
    start = np.searchsorted(sorted_level, sorted_level)
    size = np.bincount(level)
    within = np.empty(n_sites)
    within[sequence] = np.arange(n_sites) - start
    y = within + 0.5 + 0.5 * (size.max() - size[level])
    return Sites(
        position=np.stack([level + 0.5, y], axis=1),
        length=float(size.size),
        width=float(size.max()),
        geometry="open",
    )


def levels_of_tree(visited: np.ndarray, parent: np.ndarray) -> np.ndarray:
    """Distance of each node from the root less one, from a breadth-first order; -1: not reached.

    In a breadth-first order the places of the parents ascend, so that each level is one slice.
    """
    place = np.full(parent.size, -1, np.int64)
    place[visited] = np.arange(visited.size)
    parent_place = place[parent[visited[1:]]]
    level = np.full(parent.size, -1, np.int64)
    end, depth = 1, 0
    while end < visited.size:
        # The children of the places of the last slice, which ends before `end`, are the next one.
        stop = 1 + int(np.searchsorted(parent_place, end, side="left"))
        level[visited[end:stop]] = depth
        end, depth = stop, depth + 1
    return level


def read_matrix_market(
    path: str | Path,
    *,
    contacts: tuple[ArrayLike, ArrayLike],
    sites: Sites | None = None,
    logarithms: bool = False,
    order: ArrayLike | None = None,
) -> Network:
    """A network from a Matrix Market file of conductances or of a Laplacian.

    Parameters
    ----------
    path : path-like
        ``.mtx`` or ``.mtx.gz``: a symmetric matrix. Positive elements off the diagonal are
        conductances; if all of them are negative, the matrix is a Laplacian. The diagonal is not
        used.
    contacts : (source, drain)
        Numbers of the sites, counted from 0.
    sites : Sites, optional
        Sites with positions; by default the sites are laid out (`network_from_links`).
    logarithms : bool
        Whether the elements are logarithms of conductances, of either sign.
    order : array_like, optional
        As in `network_from_links`.

    Returns
    -------
    Network

    Raises
    ------
    DataError
        If the file cannot be read, or is no symmetric real matrix of one sign.
    """
    path = path_of("path", path)
    flag("logarithms", logarithms)
    if sites is not None:
        instance_of("sites", sites, Sites, "make them with hopnet.sites_from_positions")
    try:
        matrix: Any = mmread(path)
    except (OSError, ValueError, OverflowError) as failure:
        raise DataError(f"{str(path)!r} is no Matrix Market file: {failure}; correct it.") from None
    if not issparse(matrix) or matrix.dtype.kind not in "iuf" or matrix.shape[0] != matrix.shape[1]:
        raise DataError(
            f"{str(path)!r} must hold a square, sparse, real matrix (coordinate format), got "
            f"{matrix.shape} of {matrix.dtype}; write it with scipy.io.mmwrite."
        )
    lower, upper, value = symmetric_elements(path, coo_array(matrix, dtype=np.float64))
    if not logarithms:
        if value.size and np.all(value < 0):
            value = -value
        if np.any(value <= 0):
            raise DataError(
                f"{str(path)!r} must hold conductances of one sign off the diagonal, it holds both "
                "signs or zeros; pass logarithms=True if they are logarithms."
            )
        value = np.log(value)
    n = matrix.shape[0]
    if sites is not None and sites.n_sites != n:
        raise ParameterError(
            f"sites must be as many as the rows of the matrix, {n}, got {sites.n_sites}; give the "
            "sites of this file."
        )
    place: Sites | int = n if sites is None else sites
    return network_from_links(place, lower, upper, value, contacts=contacts, order=order)


def symmetric_elements(path: Path, matrix: coo_array) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The elements above the diagonal of a symmetric matrix: row, column, value."""
    row, column, value = matrix.row.astype(np.int64), matrix.col.astype(np.int64), matrix.data
    upper, lower = row < column, row > column
    parts = []
    for chosen, i, j in ((upper, row, column), (lower, column, row)):
        order = np.lexsort((j[chosen], i[chosen]))
        parts.append((i[chosen][order], j[chosen][order], value[chosen][order]))
    (i, j, above), mirrored = parts[0], parts[1]
    same = all(np.array_equal(a, b) for a, b in zip(parts[0], mirrored))
    if not same or not np.all(np.isfinite(above)):
        raise DataError(
            f"{str(path)!r} must hold a symmetric matrix of finite numbers; make it symmetric."
        )
    return i, j, above


def write_matrix_market(network: Network, path: str | Path, *, logarithms: bool = True) -> None:
    """Write the links of a network as a symmetric Matrix Market file.

    Parameters
    ----------
    network : Network
    path : path-like
        Ends with ``.mtx``.
    logarithms : bool
        Whether logarithms of the conductances are written, which no contrast spoils, or the
        conductances themselves. `read_matrix_market` takes the same argument.

    Raises
    ------
    ParameterError
        If a conductance is zero or infinite as a float.
    """
    instance_of("network", network, Network, "make it with hopnet.build_network")
    value = network.log_conductance if flag("logarithms", logarithms) else network.conductance
    if not logarithms and not np.all((value > 0) & np.isfinite(value)):
        raise ParameterError(
            "every conductance must be a positive float to be written, some under- or overflow; "
            "pass logarithms=True."
        )
    n = network.n_sites
    matrix = coo_array((value, (network.link_j, network.link_i)), shape=(n, n))
    comment = "ln(G rho_0) of each link" if logarithms else "G rho_0 of each link"
    with write_for_user(path) as file:
        mmwrite(file, with_mirror(matrix), comment=comment, symmetry="symmetric", precision=17)


def with_mirror(matrix: coo_array) -> coo_array:
    """The symmetric matrix whose lower triangle is given, elements of value zero kept."""
    i, j = matrix.coords
    return coo_array(
        (np.concatenate([matrix.data] * 2), (np.concatenate([i, j]), np.concatenate([j, i]))),
        shape=matrix.shape,
    )
