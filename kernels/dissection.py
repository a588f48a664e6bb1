"""Nested dissection by minimum vertex cuts.

A region of the graph is cut where it is thinnest. Sites near the median line along the longer
axis form a *strip*; each may be removed at unit price; everything left of the strip is the
source, everything right of it the sink. A maximum flow of vertex-disjoint paths (Dinic) is as
large as the smallest set of sites that separates the two sides, and the residual graph shows it.
"""

import numpy as np
from numba import njit

LEFT, RIGHT, STRIP = 0, 1, 2  # codes of a site inside its region; a strip site k has STRIP + k


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
    """Steps to the sink in the residual graph, breadth first from the sink; -1 for no way.

    State ``2 u`` is strip site u entered, ``2 u + 1`` is u left. A site that carries a path can
    be entered only to push that path back to where it came from, and left only for elsewhere.
    Levels are counted from the sink, so that a path that starts at the source and goes down a
    level at each step cannot lose its way. Returns the level of the nearest source site, -1 if
    there is none.
    """
    level[:] = -1
    tail = 0
    for u in range(sink.shape[0]):
        if sink[u]:
            level[2 * u + 1] = 0
            queue[tail] = 2 * u + 1
            tail += 1
    head = 0
    nearest = -1
    while head < tail:
        state = queue[head]
        head += 1
        depth = level[state]
        if nearest >= 0 and depth >= nearest:
            break
        u = state >> 1
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
    """The next state of the level graph that ``state`` can step to, or -1; advances ``arc``."""
    u = state >> 1
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
    """Change the disjoint paths along one augmenting path of states."""
    for a in range(length):
        state = path[a]
        u = state >> 1
        if state & 1 == 0:
            if a == 0:
                previous[u] = -2
            elif path[a - 1] == state + 1:  # the path through u is taken back
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
    """Maximum flow through unit sites; ``level`` then tells from where the sink is in reach.

    A site belongs to the minimum vertex cut if the sink can be reached once it is left
    (``level[2u+1] >= 0``), but not when it is entered (``level[2u] < 0``). Sites that can be
    entered are on the sink's side.
    """
    n = source.shape[0]
    previous = np.full(n, -1, np.int32)  # -1 no path, -2 source, else the strip site before
    following = np.full(n, -1, np.int32)  # -1 no path, -2 sink, else the strip site after
    queue = np.empty(2 * n, np.int32)
    path = np.empty(2 * n, np.int32)
    arc = np.empty(2 * n, np.int32)
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
                if length > highest:  # level 0: the sink is next
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
def _split(start, neighbour, coordinate, longest, half_width, site, region, tag, value, scratch):
    """Split one region; returns (sites left, sites right); the rest of ``site`` is the cut.

    ``site`` is the region's slice of the permutation, reordered to [left | right | cut].
    ``tag[v] >> 32`` is the region of site v, ``tag[v] & 0xffffffff`` its code inside.
    """
    n = site.shape[0]
    lowest = np.inf
    highest = -np.inf
    for a in range(n):
        value[a] = coordinate[site[a]]
        lowest = min(lowest, value[a])
        highest = max(highest, value[a])
    median = _kth_smallest(value[:n], n // 2)
    reach = min(half_width, 0.12 * (highest - lowest))
    base = region << 32
    n_strip = 0
    strip = scratch
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
    if 2.0 * reach < longest:  # a link may jump over the strip: take its left end into the strip
        for a in range(n):
            v = site[a]
            if tag[v] == base | LEFT:
                for e in range(start[v], start[v + 1]):
                    if tag[neighbour[e]] == base | RIGHT:
                        tag[v] = base | (STRIP + n_strip)
                        strip[n_strip] = v
                        n_strip += 1
                        break

    n_edges = 0
    for k in range(n_strip):
        n_edges += start[strip[k] + 1] - start[strip[k]]
    strip_start = np.empty(n_strip + 1, np.int32)
    strip_neighbour = np.empty(n_edges, np.int32)
    source = np.zeros(n_strip, np.bool_)
    sink = np.zeros(n_strip, np.bool_)
    filled = 0
    for k in range(n_strip):
        strip_start[k] = filled
        v = strip[k]
        for e in range(start[v], start[v + 1]):
            mark = tag[neighbour[e]]
            if mark >> 32 == region:
                code = mark & 0xFFFFFFFF
                if code == LEFT:
                    source[k] = True
                elif code == RIGHT:
                    sink[k] = True
                else:
                    strip_neighbour[filled] = code - STRIP
                    filled += 1
    strip_start[n_strip] = filled
    level = np.empty(2 * n_strip, np.int32)
    _cut_strip(strip_start, strip_neighbour, source, sink, level)

    n_left = 0
    n_right = 0
    n_cut = 0
    for a in range(n):  # left in place, right behind in scratch's lower end, cut at its upper end
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
def _sort_by_degree(start, site):
    """Sites with few neighbours first: they leave the least behind (insertion, stable)."""
    for a in range(1, site.shape[0]):
        v = site[a]
        degree = start[v + 1] - start[v]
        b = a
        while b > 0 and start[site[b - 1] + 1] - start[site[b - 1]] > degree:
            site[b] = site[b - 1]
            b -= 1
        site[b] = v


@njit(cache=True, nogil=True)
def dissect(
    start,
    neighbour,
    x,
    y,
    longest_x,
    longest_y,
    half_width,
    leaf_size,
    first_low,
    first_high,
    ring,
    n_splits,
    permutation,
    tag,
    next_region,
    record,
):
    """Order a region for elimination, from the largest cut down to leaves.

    Parameters
    ----------
    start, neighbour : int64[n_sites + 1], int64[n_edges]
        Rows of the graph. Neighbours outside ``0 .. n_sites-1`` do not occur.
    x, y : float64[n_sites]
        Coordinates that guide the cuts; what is a neighbour is read from the graph alone. With a
        ring, ``y`` is unrolled where the ring is opened.
    longest_x, longest_y : float64
        Largest distance that one link covers in ``x`` and in ``y``.
    half_width : float64
        Half the width of the strip in which a cut is sought.
    leaf_size : int64
        Regions up to this size are not split.
    first_low, first_high : int64
        The region is ``permutation[first_low:first_high]``.
    ring : float64
        If positive, y has this period and the first cut is two lines, near ``y = ring / 4`` and
        ``3 ring / 4``: it opens the ring.
    n_splits : int64
        Stop after so many splits; what is left is recorded as unsplit.
    permutation : int64[n_sites]
        Reordered inside the region to [left | right | cut], recursively: the order of elimination.
        Inside a leaf by number of neighbours.
    tag : int64[n_sites]
        Region of each site in its upper 32 bits. Updated for the sites of the region.
    next_region : int64
        Region numbers from here on are free.
    record : int64[n_records, 4]
        Overwritten from row 0: low, begin of the cut, high, and 1 if unsplit but above
        ``leaf_size`` for want of splits (else 0). A leaf has ``begin = low``.

    Returns
    -------
    int64
        Rows of ``record`` written. A region stands before the two it was split into.
    """
    size = first_high - first_low
    value = np.empty(size, np.float64)
    scratch = np.empty(size, np.int64)
    stack = np.empty((size + 2, 2), np.int64)
    stack[0, 0] = first_low
    stack[0, 1] = first_high
    depth = 1
    n_records = 0
    region = next_region
    while depth > 0:
        depth -= 1
        low = stack[depth, 0]
        high = stack[depth, 1]
        n = high - low
        record[n_records, 0] = low
        record[n_records, 1] = low
        record[n_records, 2] = high
        record[n_records, 3] = 0
        n_records += 1
        if n <= leaf_size:
            _sort_by_degree(start, permutation[low:high])
            continue
        if n_splits == 0:
            record[n_records - 1, 3] = 1
            continue
        n_splits -= 1
        site = permutation[low:high]
        low_x = low_y = np.inf
        high_x = high_y = -np.inf
        for a in range(n):
            v = site[a]
            low_x = min(low_x, x[v])
            high_x = max(high_x, x[v])
            low_y = min(low_y, y[v])
            high_y = max(high_y, y[v])
        if ring > 0.0:
            n_left, n_right = _split(
                start,
                neighbour,
                np.abs(y - 0.5 * ring),
                longest_y,
                half_width,
                site,
                region,
                tag,
                value,
                scratch,
            )
            for a in range(n_left, n_left + n_right):
                if y[site[a]] < 0.5 * ring:
                    y[site[a]] += ring
            ring = 0.0
        elif high_x - low_x >= high_y - low_y:
            n_left, n_right = _split(
                start, neighbour, x, longest_x, half_width, site, region, tag, value, scratch
            )
        else:
            n_left, n_right = _split(
                start, neighbour, y, longest_y, half_width, site, region, tag, value, scratch
            )
        region += 1
        if n_left == 0 or n_right == 0 or 2 * (n - n_left - n_right) > n:
            continue  # no cut worth the name: a dense leaf
        record[n_records - 1, 1] = low + n_left + n_right
        stack[depth, 0] = low + n_left
        stack[depth, 1] = low + n_left + n_right
        stack[depth + 1, 0] = low
        stack[depth + 1, 1] = low + n_left
        depth += 2
    return n_records
