"""Nested dissection by minimum vertex cuts.

A region of the graph is cut where it is thinnest. Sites near the median line across the longest
axis (in space near the median plane) form a *strip*. The cut is the smallest set of strip sites
whose removal separates what lies left of the strip from what lies right of it. Its size equals the
largest number of paths from left to right that share no site (Menger). Dinic's algorithm finds
these paths, and the sites that the residual graph reaches show the cut.

States of the search. Each strip site u is split into two states, joined by an arc of capacity
one, so that one path at most runs through u::

              entered (2u)                left (2u + 1)
    v ----->  ( u in )  ---- one path --->  ( u out )  -----> w
   left of v                  at most                        w entered

`previous[u]` and `following[u]` store the path through u: the strip site before and after it, -2
for the source (before) or the sink (after), and -1 where no path runs through u. The residual
graph has three kinds of arc:

    1. out(v) -> in(u)    along a link of the graph, unless the path through v runs to u already;
    2. in(u)  -> out(u)   if no path runs through u;
    3. in(u)  -> out(p)   if a path comes to u from p = previous[u]: that step is taken back;
       out(u) -> in(u)    if a path runs through u: its step through u is taken back.

A new path starts in in(u) of a site u next to the left side, and ends in out(u) of a site u next
to the right side.
"""

from typing import NamedTuple

import numpy as np
from numba import njit

# Codes of a site inside its region; strip site k has the code STRIP + k.
LEFT, RIGHT, STRIP = 0, 1, 2

# Largest half-width of a strip, as a share of the region's extent along the axis that is cut. The
# two parts then have at least about 38 % of a uniform region each. A larger share finds smaller
# cuts but makes the parts unequal, and the search for paths slower.
STRIP_SHARE = 0.12


class Graph(NamedTuple):
    """A graph with coordinates that say where to search for cuts."""

    start: np.ndarray  # int64[n_sites + 1]: where the row of each site begins
    neighbour: np.ndarray  # int64[n_edges]: neighbours of each site, all of them in the graph
    coordinate: np.ndarray  # float64[dim, n_sites]; unrolled where a ring is opened
    longest: tuple[float, ...]  # largest distance that one link covers along each axis
    ring: tuple[float, ...]  # period of each axis, 0 if it is open
    half_width: float  # half the width of the strip in which a cut is searched
    leaf_size: int  # regions up to this size are not split


class Region(NamedTuple):
    """A region to be ordered: the sites ``permutation[low:high]``."""

    low: int
    high: int
    closed: int  # which rings the region still has: the sum of 2**axis over its closed axes
    n_splits: int  # stop after this many splits; what is left is recorded as unsplit
    number: int  # region numbers from here on are free


@njit(cache=True, nogil=True)
def _kth_smallest(value, k):
    """The k-th smallest entry of ``value`` (reordered): Hoare's selection."""
    low = 0
    high = value.shape[0] - 1
    while low < high:
        pivot = value[(low + high) // 2]
        i = low
        j = high
        while i <= j:
            while value[i] < pivot:
                i += 1
            while value[j] > pivot:
                j -= 1
            if i <= j:
                value[i], value[j] = value[j], value[i]
                i += 1
                j -= 1
        if k <= j:
            high = j
        elif k >= i:
            low = i
        else:
            return value[k]
    return value[k]


@njit(cache=True, nogil=True)
def _find_levels(start, neighbour, source, sink, previous, following, level, queue):
    """Number of steps to the sink from each state, breadth first from the sink; -1 for no path.

    Levels are counted from the sink. A path that starts at the source and goes down one level at
    each step then always comes nearer to the sink. Returns the level of the nearest source site,
    -1 if there is none.
    """
    # The last states before the sink: sites next to the right side, when they are left.
    level[:] = -1
    tail = 0
    for u in range(sink.shape[0]):
        if sink[u]:
            level[2 * u + 1] = 0
            queue[tail] = 2 * u + 1
            tail += 1
    # Follow all arcs backwards, from each state in the queue to the states before it.
    head = 0
    nearest = -1
    while head < tail:
        state = queue[head]
        head += 1
        depth = level[state]
        if nearest >= 0 and depth >= nearest:
            break
        u = state >> 1
        # Before out(u): in(u) if no path runs through u, else in of the site that follows u.
        if state & 1 == 1:
            if previous[u] == -1:
                before = 2 * u
            elif following[u] >= 0:
                before = 2 * following[u]
            else:
                continue
            if level[before] < 0:
                level[before] = depth + 1
                queue[tail] = before
                tail += 1
            continue
        # Before in(u): the source, out(u) if a path runs through u, and out of all neighbours.
        if source[u]:
            nearest = depth
            continue
        if previous[u] != -1 and level[2 * u + 1] < 0:
            level[2 * u + 1] = depth + 1
            queue[tail] = 2 * u + 1
            tail += 1
        for a in range(start[u], start[u + 1]):
            before = 2 * neighbour[a] + 1
            if level[before] < 0 and previous[u] != neighbour[a]:
                level[before] = depth + 1
                queue[tail] = before
                tail += 1
    return nearest


@njit(cache=True, nogil=True)
def _next_state(state, depth, start, neighbour, previous, following, level, arc):
    """The next state, one level lower, that ``state`` can step to, or -1.

    ``arc[state]`` counts the arcs of the state that were tried; each is tried once per phase.
    """
    u = state >> 1
    # From in(u) there is one arc: through u, or back along the path that comes to u.
    if state & 1 == 0:
        if arc[state] > 0:
            return -1
        arc[state] = 1
        if previous[u] == -1:
            onward = state + 1
        elif previous[u] >= 0:
            onward = 2 * previous[u] + 1
        else:
            return -1
        return onward if level[onward] == depth else -1
    # From out(u) to all neighbours, and last back through u.
    degree = start[u + 1] - start[u]
    while arc[state] < degree:
        v = neighbour[start[u] + arc[state]]
        arc[state] += 1
        if level[2 * v] == depth and following[u] != v:
            return 2 * v
    if arc[state] == degree:
        arc[state] += 1
        if previous[u] != -1 and level[2 * u] == depth:
            return 2 * u
    return -1


@njit(cache=True, nogil=True)
def _add_path(path, length, previous, following):
    """Add one path of states to the disjoint paths; steps that were taken back are removed."""
    for a in range(length):
        state = path[a]
        u = state >> 1
        if state & 1 == 0:
            if a == 0:
                previous[u] = -2
            elif path[a - 1] == state + 1:  # out(u) -> in(u): no path runs through u any more
                previous[u] = -1
                following[u] = -1
            else:
                previous[u] = path[a - 1] >> 1
        elif a + 1 == length:
            following[u] = -2
        elif path[a + 1] & 1 == 0 and path[a + 1] != state - 1:
            following[u] = path[a + 1] >> 1


@njit(cache=True, nogil=True)
def _cut_strip(start, neighbour, source, sink, level):
    """Find the largest set of disjoint paths; ``level`` then says which states reach the sink.

    A site u belongs to the minimum vertex cut if the sink is reached from out(u)
    (``level[2u+1] >= 0``) but not from in(u) (``level[2u] < 0``). Sites whose in(u) reaches the
    sink lie on the right of the cut.
    """
    n = source.shape[0]
    previous = np.full(n, -1, np.int32)  # -1 no path, -2 source, else the strip site before
    following = np.full(n, -1, np.int32)  # -1 no path, -2 sink, else the strip site after
    queue = np.empty(2 * n, np.int32)
    path = np.empty(2 * n, np.int32)
    arc = np.empty(2 * n, np.int32)
    # One phase: levels, then as many paths as they allow, depth first from each source site.
    while True:
        highest = _find_levels(start, neighbour, source, sink, previous, following, level, queue)
        if highest < 0:
            return
        arc[:] = 0
        for root in range(n):
            if not source[root] or level[2 * root] != highest:
                continue
            path[0] = 2 * root
            length = 1
            while length > 0:
                state = path[length - 1]
                if length > highest:  # level 0: the next step reaches the sink
                    _add_path(path, length, previous, following)
                    for a in range(length):
                        level[path[a]] = -1
                    break
                onward = _next_state(
                    state, highest - length, start, neighbour, previous, following, level, arc
                )
                if onward >= 0:
                    path[length] = onward
                    length += 1
                else:
                    level[state] = -1
                    length -= 1


@njit(cache=True, nogil=True)
def _place_strip(graph, coordinate, longest, site, region, tag, value, strip):
    """Place the strip around the median, and give each site of the region its code in ``tag``.

    Returns the number of sites of the strip, which are listed in ``strip``. ``value`` is working
    memory.
    """
    n = site.shape[0]
    lowest = np.inf
    highest = -np.inf
    for a in range(n):
        value[a] = coordinate[site[a]]
        lowest = min(lowest, value[a])
        highest = max(highest, value[a])
    median = _kth_smallest(value[:n], n // 2)
    reach = min(graph.half_width, STRIP_SHARE * (highest - lowest))
    base = region << 32
    n_strip = 0
    for a in range(n):
        v = site[a]
        if coordinate[v] < median - reach:
            tag[v] = base | LEFT
        elif coordinate[v] > median + reach:
            tag[v] = base | RIGHT
        else:
            tag[v] = base | (STRIP + n_strip)
            strip[n_strip] = v
            n_strip += 1
    # If the strip is narrower than the longest link, a link may cross it: its left end then joins
    # the strip.
    if 2.0 * reach < longest:
        for a in range(n):
            v = site[a]
            if tag[v] == base | LEFT:
                for e in range(graph.start[v], graph.start[v + 1]):
                    if tag[graph.neighbour[e]] == base | RIGHT:
                        tag[v] = base | (STRIP + n_strip)
                        strip[n_strip] = v
                        n_strip += 1
                        break
    return n_strip


@njit(cache=True, nogil=True)
def _strip_rows(graph, strip, region, tag):
    """The graph of a strip: its rows, and which of its sites have left and right neighbours."""
    n_strip = strip.shape[0]
    n_edges = 0
    for k in range(n_strip):
        n_edges += graph.start[strip[k] + 1] - graph.start[strip[k]]
    start = np.empty(n_strip + 1, np.int32)
    neighbour = np.empty(n_edges, np.int32)
    source = np.zeros(n_strip, np.bool_)
    sink = np.zeros(n_strip, np.bool_)
    filled = 0
    for k in range(n_strip):
        start[k] = filled
        v = strip[k]
        for e in range(graph.start[v], graph.start[v + 1]):
            mark = tag[graph.neighbour[e]]
            if mark >> 32 == region:
                code = mark & 0xFFFFFFFF
                if code == LEFT:
                    source[k] = True
                elif code == RIGHT:
                    sink[k] = True
                else:
                    neighbour[filled] = code - STRIP
                    filled += 1
    start[n_strip] = filled
    return start, neighbour, source, sink


@njit(cache=True, nogil=True)
def _sort_sites(site, tag, level, scratch):
    """Reorder the sites of a region to [left | right | cut]; returns the first two numbers."""
    n = site.shape[0]
    n_left = 0
    n_right = 0
    n_cut = 0
    # The left sites stay in place, the right ones go to the start of scratch, those of the cut to
    # its end.
    for a in range(n):
        v = site[a]
        code = tag[v] & 0xFFFFFFFF
        if code >= STRIP:
            entered = level[2 * (code - STRIP)] >= 0
            left = level[2 * (code - STRIP) + 1] >= 0
            if left and not entered:
                n_cut += 1
                scratch[n - n_cut] = v
                continue
            code = RIGHT if entered else LEFT
        if code == LEFT:
            site[n_left] = v
            n_left += 1
        else:
            scratch[n_right] = v
            n_right += 1
    for a in range(n_right):
        site[n_left + a] = scratch[a]
    for a in range(n_cut):
        site[n_left + n_right + a] = scratch[n - 1 - a]
    return n_left, n_right


@njit(cache=True, nogil=True)
def _split(graph, coordinate, longest, site, region, tag, value, scratch):
    """Split one region; returns the numbers of sites left and right of the cut.

    ``site`` is the region's slice of the permutation; it is reordered to [left | right | cut].
    ``tag[v] >> 32`` is the region of site v, and ``tag[v] & 0xffffffff`` its code inside.
    ``value`` and ``scratch`` are working memory.
    """
    n_strip = _place_strip(graph, coordinate, longest, site, region, tag, value, scratch)
    start, neighbour, source, sink = _strip_rows(graph, scratch[:n_strip], region, tag)
    level = np.empty(2 * n_strip, np.int32)
    _cut_strip(start, neighbour, source, sink, level)
    return _sort_sites(site, tag, level, scratch)


@njit(cache=True, nogil=True)
def _longest_axis(site, coordinate):
    """The axis along which a region is longest; of equal ones the first."""
    chosen = 0
    extent = -np.inf
    for axis in range(coordinate.shape[0]):
        along = coordinate[axis]
        low = np.inf
        high = -np.inf
        for a in range(site.shape[0]):
            low = min(low, along[site[a]])
            high = max(high, along[site[a]])
        if high - low > extent:
            chosen = axis
            extent = high - low
    return chosen


@njit(cache=True, nogil=True)
def _ring_to_open(closed, ring):
    """The axis of the longest ring that is still closed, of equal ones the last; -1 for none."""
    chosen = -1
    for axis in range(len(ring)):
        if closed >> axis & 1 and (chosen < 0 or ring[axis] >= ring[chosen]):
            chosen = axis
    return chosen


@njit(cache=True, nogil=True)
def _sort_by_degree(start, site):
    """Sort sites by their number of neighbours, fewest first: these add the fewest new links."""
    for a in range(1, site.shape[0]):
        v = site[a]
        degree = start[v + 1] - start[v]
        b = a
        while b > 0 and start[site[b - 1] + 1] - start[site[b - 1]] > degree:
            site[b] = site[b - 1]
            b -= 1
        site[b] = v


@njit(cache=True, nogil=True)
def dissect(graph, region, permutation, tag, record):
    """Order a region for elimination, from the largest cut down to leaves.

    Parameters
    ----------
    graph : Graph
        Rows and coordinates. The coordinates guide the cuts; neighbours are read from the rows.
        They are changed where a ring is opened.
    region : Region
        A ring along y is opened by a cut of two lines (in space planes), near ``y = ring / 4`` and
        ``3 ring / 4``. Of several rings the longest is opened first, where the cut is smallest;
        then each of the two halves is opened along the next.
    permutation : int64[n_sites]
        Reordered inside the region to [left | right | cut], recursively: the order of elimination.
        A leaf is ordered by the number of neighbours.
    tag : int64[n_sites]
        Region of each site in its upper 32 bits. Updated for the sites of the region.
    record : int64[n_records, 4]
        Overwritten from row 0: low, begin of the cut, high, and a mark: 0, or 1 + the rings that
        are closed if the region is larger than a leaf but no split was left for it. A leaf
        has ``begin = low``.

    Returns
    -------
    int64
        Number of rows of ``record`` that were written. A region stands before its two parts.
    """
    start = graph.start
    n_splits = region.n_splits
    size = region.high - region.low
    value = np.empty(size, np.float64)
    scratch = np.empty(size, np.int64)
    stack = np.empty((size + 2, 3), np.int64)
    stack[0, 0] = region.low
    stack[0, 1] = region.high
    stack[0, 2] = region.closed
    depth = 1
    n_records = 0
    number = region.number
    # Regions wait on a stack as (low, high, closed); each is recorded, then split or kept.
    while depth > 0:
        depth -= 1
        low = stack[depth, 0]
        high = stack[depth, 1]
        closed = stack[depth, 2]
        n = high - low
        record[n_records, 0] = low
        record[n_records, 1] = low
        record[n_records, 2] = high
        record[n_records, 3] = 0
        n_records += 1
        if n <= graph.leaf_size:
            _sort_by_degree(start, permutation[low:high])
            continue
        if n_splits == 0:
            record[n_records - 1, 3] = 1 + closed
            continue
        n_splits -= 1
        # Cut across the longer side of the region; a ring is opened first.
        site = permutation[low:high]
        opened = _ring_to_open(closed, graph.ring)
        if opened >= 0:
            axis = opened
            coordinate = np.abs(graph.coordinate[axis] - 0.5 * graph.ring[axis])
        else:
            axis = _longest_axis(site, graph.coordinate)
            coordinate = graph.coordinate[axis]
        longest = graph.longest[axis]
        n_left, n_right = _split(graph, coordinate, longest, site, number, tag, value, scratch)
        number += 1
        # Unroll the far side of the opened ring.
        if opened >= 0:
            unrolled = graph.coordinate[axis]
            for a in range(n_left, n_left + n_right):
                if unrolled[site[a]] < 0.5 * graph.ring[axis]:
                    unrolled[site[a]] += graph.ring[axis]
            closed -= 1 << axis
        if n_left == 0 or n_right == 0 or 2 * (n - n_left - n_right) > n:
            continue  # the cut holds half of the region or more: keep it as a dense leaf
        record[n_records - 1, 1] = low + n_left + n_right
        stack[depth, 0] = low + n_left
        stack[depth, 1] = low + n_left + n_right
        stack[depth, 2] = closed
        stack[depth + 1, 0] = low
        stack[depth + 1, 1] = low + n_left
        stack[depth + 1, 2] = closed
        depth += 2
    return n_records


@njit(cache=True, nogil=True)
def fill_longest(link_i, link_j, coordinate, ring, out):
    """Largest distance along each axis that one link covers.

    Parameters
    ----------
    link_i, link_j : int64[n_links]
        The two nodes of each link.
    coordinate : float64[dim, n_nodes]
    ring : tuple of dim float64
        Period of each axis, 0 if it is open.
    out : float64[dim]
        Overwritten; 0 without links.
    """
    for axis in range(len(ring)):
        along = coordinate[axis]
        period = ring[axis]
        longest = 0.0
        for l in range(link_i.shape[0]):
            step = abs(along[link_i[l]] - along[link_j[l]])
            if period > 0.0:
                step = min(step, period - step)
            longest = max(longest, step)
        out[axis] = longest


@njit(cache=True, nogil=True)
def join_regions(low, begin, left, right, parent):
    """The tree of regions in postorder: the two parts of each region stand before it.

    Parameters
    ----------
    low, begin : int64[n_regions]
        Where each region, and its cut, begins in the permutation; equal for a leaf.
    left, right, parent : int64[n_regions]
        Overwritten; -1 for none.
    """
    left[:] = -1
    right[:] = -1
    parent[:] = -1
    # Subtrees without a parent yet.
    waiting = np.empty(low.shape[0], np.int64)
    n_waiting = 0
    for t in range(low.shape[0]):
        if begin[t] > low[t]:
            right[t] = waiting[n_waiting - 1]
            left[t] = waiting[n_waiting - 2]
            n_waiting -= 2
            parent[left[t]] = t
            parent[right[t]] = t
        waiting[n_waiting] = t
        n_waiting += 1
