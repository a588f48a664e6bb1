"""Clusters: links in order of conductance, union-find with wrapping, sweeps of cluster statistics.

Links are joined in order of conductance, best conductor first. The clusters are trees in one array
``parent``. One site of each cluster is its *root*::

    site          0    1    2    3    4    5          0 <- 2 <- 5      3 <- 4      1
    parent[site] -3   -1    0   -2    3    2          (0, 2, 5)        (3, 4)     (1)

    parent[site] >= 0    the next site on the path to the root
    parent[site] < 0     this site is a root, and its cluster has -parent[site] sites

To join two clusters, the root of the smaller one gets the root of the larger one as its parent.

A *seam* is a periodic boundary. ``shift[site]`` is the number of seams, with sign, that lie between
the site and ``parent[site]``; it is 0 at a root. Summed along the path to the root it gives the
periodic image in which the site lies, seen from the root. When a link joins two sites of one
cluster, the sum of seams around the new loop is zero, or the loop wraps around the sample.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit


class Merges(NamedTuple):
    """The arrays that `sweep_merges` overwrites. After k mergers k rows of the last three are used.

    Attributes
    ----------
    centre : float64[n_sites, dim]
        At a root, the centre of its cluster in the frame of the root.
    spread : float64[n_sites]
        At a root, the sum of squared distances from the centre.
    event : int64[2 dim + 1, dim + 1]
        As in `find_events`.
    merge : int64[n_sites]
        The number of the link of each merger.
    count : int64[n_sites, 3]
        Sizes of the larger and smaller partner; largest cluster afterwards.
    moment : float64[n_sites, 3]
        After each merger: the sum of the squared sizes and the sum of size times spread, both over
        all clusters except the largest, and the spread of the largest. Of several clusters of the
        largest size, the one that reached it first counts as the largest.
    """

    centre: np.ndarray
    spread: np.ndarray
    event: np.ndarray
    merge: np.ndarray
    count: np.ndarray
    moment: np.ndarray


@njit(cache=True, nogil=True)
def _fill_buckets(key, order, sorted_key, start):
    """Sort keys into buckets of equal width; each bucket keeps its keys in the order given.

    ``order`` gets the numbers of the keys and ``sorted_key`` the keys, bucket by bucket. There are
    ``start.shape[0] - 1`` buckets. At the end ``start[b]`` is the place after the last key of
    bucket b.
    """
    n = key.shape[0]
    low = np.inf
    high = -np.inf
    for m in range(n):
        low = min(low, key[m])
        high = max(high, key[m])
    n_buckets = start.shape[0] - 1
    scale = n_buckets / (high - low) if high > low else 0.0
    if not scale < 1e300:
        scale = 0.0
    # Count the keys of each bucket, sum the counts to the first place of each bucket, then fill.
    start[:] = 0
    for m in range(n):
        start[min(int((key[m] - low) * scale), n_buckets - 1) + 1] += 1
    for b in range(n_buckets):
        start[b + 1] += start[b]
    for m in range(n):
        b = min(int((key[m] - low) * scale), n_buckets - 1)
        order[start[b]] = m
        sorted_key[start[b]] = key[m]
        start[b] += 1


@njit(cache=True, nogil=True)
def _sort_stably(key, order, sorted_key, start):
    """Write the stable ascending order of ``key`` into ``order``, and the sorted keys.

    The keys are sorted into buckets of equal width, then by insertion within each bucket. A bucket
    of more than 64 keys is sorted by merging. ``start`` is working memory.
    """
    _fill_buckets(key, order, sorted_key, start)
    first = 0
    for b in range(start.shape[0] - 1):
        last = start[b]
        if last - first > 64:
            within = np.argsort(sorted_key[first:last], kind="mergesort")
            sorted_key[first:last] = sorted_key[first:last][within]
            order[first:last] = order[first:last][within]
        else:
            # Insertion: move key m towards the start of the bucket, past all larger keys.
            for m in range(first + 1, last):
                k = sorted_key[m]
                o = order[m]
                p = m
                while p > first and sorted_key[p - 1] > k:
                    sorted_key[p] = sorted_key[p - 1]
                    order[p] = order[p - 1]
                    p -= 1
                sorted_key[p] = k
                order[p] = o
        first = last


@njit(cache=True, nogil=True)
def _root(parent, i):
    """Root of site i. Each visited site gets its grandparent as parent, which halves the path."""
    while parent[i] >= 0:
        p = parent[i]
        if parent[p] >= 0:
            parent[i] = parent[p]
        i = parent[i]
    return i


@njit(cache=True, nogil=True)
def fill_seams(position, period, link_i, link_j, out):
    """Seams crossed on the shortest path from site i to site j, with sign, along each axis.

    Parameters
    ----------
    position : float64[n_sites, dim]
    period : tuple of dim float64
        0 along an axis with hard edges.
    link_i, link_j : int64[n_links]
    out : int64[n_links, dim]
        Overwritten: the image of site j next to site i lies at ``position[j] + out * period``.
    """
    for l in range(link_i.shape[0]):
        for axis in range(len(period)):
            step = position[link_j[l], axis] - position[link_i[l], axis]
            out[l, axis] = 0
            if step > 0.5 * period[axis] > 0.0:
                out[l, axis] = -1
            elif -step > 0.5 * period[axis] > 0.0:
                out[l, axis] = 1


@njit(cache=True, nogil=True)
def _join_links(link_i, link_j, part, order, begin, first, label, parent, keep):
    """Join the sites of a block by links in order; keep the links that join two clusters."""
    for m in range(order.shape[0]):
        l = part[order[m]]
        a = _root(parent, label[link_i[l] - begin])
        b = _root(parent, label[link_j[l] - begin])
        if a != b:
            keep[l - first] = True
            if parent[a] > parent[b]:
                a, b = b, a
            parent[a] += parent[b]
            parent[b] = a
    for i in range(label.shape[0]):
        label[i] = _root(parent, label[i])


@njit(cache=True, nogil=True)
def fill_candidates(link_i, link_j, log_conductance, seamless, block, n_parts, out):
    """List the links that can join clusters or close a loop around the sample.

    Sites are taken in blocks of consecutive numbers, which are neighbours in space. A link within a
    block is left out if better links of the same block, none across a seam, join its two sites
    already. A spanning forest of each block, links between blocks and links across a seam stay.

    Parameters
    ----------
    link_i, link_j : int64[n_links]
        ``link_i`` ascending.
    log_conductance : float64[n_links]
    seamless : bool[n_links] or bool[0]
        Links that cross no seam; empty if there is no seam.
    block : int64
        Number of sites in a block: as many as the fast memory holds.
    n_parts : int64
        Number of parts of equal ranges of ln K, best conductors first. Sorting takes most of the
        time, so each site gets the number of its cluster after each part. Links of the next part
        that join two sites of one number are dropped before they are sorted.
    out : int64[n_links]
        ``out[:n]`` is overwritten with the numbers of the links that stay, ascending.

    Returns
    -------
    int64
        n, the number of links that stay.

    Notes
    -----
    Links of equal conductance are taken in order of their number.
    """
    n_links = link_i.shape[0]
    capacity = 8 * block
    key = np.empty(capacity)
    bucket_key = np.empty(capacity)
    sorted_key = np.empty(capacity)
    inner = np.empty(capacity, np.int64)
    bucket = np.empty(capacity, np.int64)
    part = np.empty(capacity, np.int64)
    order = np.empty(capacity, np.int64)
    keep = np.empty(capacity, np.bool_)
    start = np.empty(max(capacity // 4, 1) + 1, np.int64)
    part_end = np.empty(n_parts + 1, np.int64)
    parent = np.empty(block, np.int64)
    label = np.empty(block, np.int64)
    kept = 0
    first = 0
    while first < n_links:
        # Collect the links of this block. A link to another block or across a seam always stays.
        begin = link_i[first]
        last = first
        n = 0
        while last < n_links and link_i[last] < begin + block and last - first < capacity:
            within = link_j[last] < begin + block and (seamless.shape[0] == 0 or seamless[last])
            keep[last - first] = not within
            if within:
                inner[n] = last
                key[n] = -log_conductance[last]
                n += 1
            last += 1
        _fill_buckets(key[:n], bucket[:n], bucket_key[:n], part_end)
        for i in range(block):
            parent[i] = -1
            label[i] = i
        done = 0
        for p in range(n_parts):
            # Drop the links of this part whose two sites are in one cluster already: each new key
            # is written over the last one if that was dropped.
            n = 0
            for m in range(done, part_end[p]):
                l = inner[bucket[m]]
                part[n] = l
                key[n] = bucket_key[m]
                n += label[link_i[l] - begin] != label[link_j[l] - begin]
            done = part_end[p]
            # Join the others in order: the links that join two clusters form the spanning forest.
            _sort_stably(key[:n], order[:n], sorted_key[:n], start[: max(n // 4, 1) + 1])
            _join_links(link_i, link_j, part, order[:n], begin, first, label, parent, keep)
        for l in range(first, last):
            if keep[l - first]:
                out[kept] = l
                kept += 1
        first = last
    return kept


@njit(cache=True, nogil=True)
def fill_order(candidate, log_conductance, out):
    """Candidate links, best conductor first. Equal conductances are in order of their numbers.

    Parameters
    ----------
    candidate : int64[n]
        Ascending.
    log_conductance : float64[n_links]
    out : int64[n]
        Overwritten.
    """
    n = candidate.shape[0]
    key = np.empty(n)
    for m in range(n):
        key[m] = -log_conductance[candidate[m]]
    sorted_key = np.empty(n)
    start = np.empty(max(n // 2, 1) + 1, np.int64)
    _sort_stably(key, out, sorted_key, start)
    for m in range(n):
        out[m] = candidate[out[m]]


@njit(cache=True, nogil=True)
def _wrapped_root(parent, shift, i, period, carried):
    """Root of site i, by `_root`; ``carried`` becomes the seams between the root and site i."""
    for axis in range(len(period)):
        carried[axis] = 0
    while parent[i] >= 0:
        p = parent[i]
        if parent[p] >= 0:
            for axis in range(len(period)):
                shift[i, axis] += shift[p, axis]
            parent[i] = parent[p]
        for axis in range(len(period)):
            carried[axis] += shift[i, axis]
        i = parent[i]
    return i


@njit(cache=True, nogil=True)
def _enter_basis(loop, basis):
    """Add a loop to a basis of loops if it is independent of them; returns the new rank, else 0.

    The rows of ``basis`` have the first non-zero number at different places, and rows of zeros are
    free. Whole numbers are divided by their common divisor, so that they stay small.
    """
    dim = loop.shape[0]
    rest = loop.copy()
    for rank in range(dim):
        row = basis[rank]
        lead = 0
        while lead < dim and row[lead] == 0:
            lead += 1
        if lead < dim:
            # Subtract the multiple of this row that makes the number at its first place zero.
            a = row[lead]
            b = rest[lead]
            for axis in range(dim):
                rest[axis] = rest[axis] * a - row[axis] * b
            continue
        divisor = 0
        for axis in range(dim):
            divisor = math.gcd(divisor, rest[axis])
        if divisor == 0:
            return 0
        for axis in range(dim):
            row[axis] = rest[axis] // divisor
        return rank + 1
    return 0


@njit(cache=True, nogil=True)
def _note_wrapping(m, loop, basis, event):
    """Write a loop that wraps ``loop[axis]`` times, closed by the m-th link, into ``event``."""
    dim = loop.shape[0]
    rank = _enter_basis(loop, basis)
    for e in range(1, event.shape[0]):
        if e == 1:
            fits = True
        elif e < dim + 2:
            fits = loop[e - 2] != 0
        else:
            fits = rank == e - dim
        if fits and event[e, 0] < 0:
            event[e, 0] = m
            event[e, 1:] = loop


@njit(cache=True, nogil=True)
def find_events(link_i, link_j, seam, contact, period, stop, parent, shift, event):
    """Join links one after another until the event asked for: a path or a loop that wraps.

    Parameters
    ----------
    link_i, link_j : int64[n]
        In order of conductance, best first.
    seam : int64[n, dim] or int64[0, dim]
        Seams crossed from i to j along each axis; empty if there is none.
    contact : int64[n_sites]
        1 on the source, 2 on the drain, 0 elsewhere. Overwritten: at a root, what its cluster
        touches, plus 4 if it wraps around the sample.
    period : tuple of dim float64
        Only its length counts: the number of axes.
    stop : int64
        Row of the event after which to stop; the number of rows goes through all links.
    parent : int64[n_sites]
        -1 everywhere. Overwritten: minus the size at a root, else the next site towards it.
    shift : int64[n_sites, dim] or int64[0, dim]
        0 everywhere; empty if there is no seam. Overwritten.
    event : int64[2 dim + 1, dim + 1]
        Overwritten. Column 0 is the number of a link, or -1 if there is none: row 0, the link that
        joins source and drain; row 1, the link that closes the first loop that wraps; then one row
        per axis, the first loop that wraps along it; then, for a second (and third) direction, the
        first loop that is independent of those before. The other columns say how often that loop
        wraps along each axis.
    """
    event[:] = 0
    event[:, 0] = -1
    from_i = np.zeros(len(period), np.int64)
    from_j = np.zeros(len(period), np.int64)
    loop = np.zeros(len(period), np.int64)
    basis = np.zeros((len(period), len(period)), np.int64)
    periodic = shift.shape[0] > 0
    for m in range(link_i.shape[0]):
        if periodic:
            a = _wrapped_root(parent, shift, link_i[m], period, from_i)
            b = _wrapped_root(parent, shift, link_j[m], period, from_j)
            wraps = False
            for axis in range(len(period)):
                loop[axis] = from_i[axis] + seam[m, axis] - from_j[axis]
                wraps |= loop[axis] != 0
            # Within one cluster the link closes a loop, whose sum of seams is ``loop``.
            if a == b:
                if wraps:
                    _note_wrapping(m, loop, basis, event)
                    contact[a] |= 4
                    if stop < event.shape[0] and event[stop, 0] >= 0:
                        return
                continue
            # Root a of the larger cluster stays a root; the seams between both roots are stored at
            # root b.
            sign = 1
            if parent[a] > parent[b]:
                a, b = b, a
                sign = -1
            for axis in range(len(period)):
                shift[b, axis] = sign * loop[axis]
        else:
            a = _root(parent, link_i[m])
            b = _root(parent, link_j[m])
            if a == b:
                continue
            if parent[a] > parent[b]:
                a, b = b, a
        parent[a] += parent[b]
        parent[b] = a
        contact[a] |= contact[b]
        if contact[a] & 3 == 3 and event[0, 0] < 0:
            event[0, 0] = m
            if stop == 0:
                return


@njit(cache=True, nogil=True)
def _update_sums(a, b, size_a, size_b, spread, joined, top, largest, square, weighted):
    """Sums over all clusters but the largest, after the clusters of roots a and b have joined.

    ``joined`` is the spread of the whole. Returns the new values of the last four arguments: root
    and size of the largest cluster, and the sums of size squared and of size times spread over all
    others.
    """
    total = size_a + size_b
    # Take both partners out of the sums, unless one is the largest cluster.
    if a != top:
        square -= float(size_a) * size_a
        weighted -= size_a * spread[a]
    if b != top:
        square -= float(size_b) * size_b
        weighted -= size_b * spread[b]
    # Add the whole; or the former largest cluster, if the whole is larger.
    if a == top or b == top:
        return a, total, square, weighted
    if total > largest:
        return a, total, square + float(largest) * largest, weighted + largest * spread[top]
    return top, largest, square + float(total) * total, weighted + total * joined


@njit(cache=True, nogil=True)
def sweep_merges(link_i, link_j, seam, position, period, contact, parent, shift, merges):
    """Join all links one after another; record sizes and spreads each time two clusters merge.

    Parameters
    ----------
    link_i, link_j, seam, contact, parent, shift
        As in `find_events`.
    position : float64[n_sites, dim]
    period : tuple of dim float64
        0 along an axis with hard edges.
    merges : Merges
        Overwritten.

    Returns
    -------
    int64
        k, the number of mergers.

    Notes
    -----
    The spread of a cluster that wraps is that of its sites placed along the joined links.
    """
    centre, spread, event, merge, count, moment = merges
    event[:] = 0
    event[:, 0] = -1
    from_i = np.zeros(len(period), np.int64)
    from_j = np.zeros(len(period), np.int64)
    loop = np.zeros(len(period), np.int64)
    step = np.zeros(len(period))
    basis = np.zeros((len(period), len(period)), np.int64)
    periodic = shift.shape[0] > 0
    n_sites = parent.shape[0]
    centre[:] = position
    spread[:] = 0.0
    k = 0
    # ``top`` is the root of the largest cluster; the sums below leave that cluster out.
    top = 0
    largest = min(n_sites, 1)
    square = float(n_sites - largest)
    weighted = 0.0
    wraps = False
    for m in range(link_i.shape[0]):
        if periodic:
            a = _wrapped_root(parent, shift, link_i[m], period, from_i)
            b = _wrapped_root(parent, shift, link_j[m], period, from_j)
            wraps = False
            for axis in range(len(period)):
                loop[axis] = from_i[axis] + seam[m, axis] - from_j[axis]
                wraps |= loop[axis] != 0
        else:
            a, b = _root(parent, link_i[m]), _root(parent, link_j[m])
        if a == b:
            if wraps:
                _note_wrapping(m, loop, basis, event)
                contact[a] |= 4
            continue
        # Root a of the larger cluster stays a root; the seams between both are stored at root b.
        sign = 1
        if parent[a] > parent[b]:
            a, b = b, a
            sign = -1
        if periodic:
            for axis in range(len(period)):
                shift[b, axis] = sign * loop[axis]
        # The spread of the whole: the two spreads, and the distance of the two centres.
        size_a = -parent[a]
        size_b = -parent[b]
        total = size_a + size_b
        distance = 0.0
        for axis in range(len(period)):
            step[axis] = centre[b, axis] + sign * loop[axis] * period[axis] - centre[a, axis]
            distance += step[axis] * step[axis]
        apart = size_a * (size_b / total) * distance
        joined = spread[a] + spread[b] + apart
        top, largest, square, weighted = _update_sums(
            a, b, size_a, size_b, spread, joined, top, largest, square, weighted
        )
        # Join the two trees, and record the sizes and the moments after this merger.
        for axis in range(len(period)):
            centre[a, axis] += step[axis] * (size_b / total)
        spread[a] = joined
        parent[a] -= size_b
        parent[b] = a
        merge[k] = m
        count[k, 0], count[k, 1], count[k, 2] = size_a, size_b, largest
        moment[k, 0], moment[k, 1], moment[k, 2] = square, weighted, spread[top]
        k += 1
        contact[a] |= contact[b]
        if contact[a] & 3 == 3 and event[0, 0] < 0:
            event[0, 0] = m
    return k


@njit(cache=True, nogil=True)
def fill_labels(parent, out):
    """Number the clusters in order of their lowest site, and write the number of each site.

    Parameters
    ----------
    parent : int64[n_sites]
        The array that `find_events` or `sweep_merges` has filled.
    out : int64[n_sites]
        Overwritten: 0 .. n_clusters - 1.

    Returns
    -------
    int64
        n_clusters.
    """
    # ``number[a]`` is the number of the cluster with root a. Sites are visited in order, so a
    # cluster gets its number at its lowest site.
    number = np.full(parent.shape[0], -1)
    n = 0
    for i in range(parent.shape[0]):
        a = i
        while parent[a] >= 0:
            a = parent[a]
        if number[a] < 0:
            number[a] = n
            n += 1
        out[i] = number[a]
        # All sites of this path get the root as parent, so that no path is followed twice.
        while parent[i] >= 0 and parent[i] != a:
            parent[i], i = a, parent[i]
    return n


@njit(cache=True, nogil=True)
def count_sizes(count, row, n_sites, out):
    """Number of clusters in each octave of size, after each given number of mergers.

    Parameters
    ----------
    count : int64[n_mergers, 3]
        The array that `sweep_merges` has filled.
    row : int64[n_rows]
        Numbers of mergers, ascending, from 0 to n_mergers.
    n_sites : int64
    out : int64[n_rows, n_octaves]
        Overwritten: in column b the number of clusters with 2^b <= size < 2^(b+1).
    """
    # Each merger takes two clusters out of their octaves and adds one.
    octave = np.zeros(out.shape[1], np.int64)
    octave[0] = n_sites
    k = 0
    for r in range(row.shape[0]):
        while k < row[r]:
            for c in range(3):
                size = count[k, c] if c < 2 else count[k, 0] + count[k, 1]
                b = 0
                while size > 1:
                    size >>= 1
                    b += 1
                octave[b] += 1 if c == 2 else -1
            k += 1
        out[r] = octave
