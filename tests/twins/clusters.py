"""Plain twins of kernels/clusters.py: for every link, the graph is built again from scratch."""

import itertools

import numpy as np


def fill_seams(position, period, link_i, link_j):
    """Number of the nearest image of site j, by comparing all images around."""
    out = []
    for i, j in zip(link_i, link_j):
        step = position[j] - position[i]
        images = [(0,) * len(period), *itertools.product((-1, 0, 1), repeat=len(period))]
        images = [m for m in images if all(p > 0 or s == 0 for p, s in zip(period, m))]
        out.append(min(images, key=lambda m: np.linalg.norm(step + np.array(m) * period)))
    return np.array(out, np.int64).reshape(-1, len(period))


def reach(links, n, start):
    """Sites that links (i, j, seams) join to ``start``, with the seams crossed on some path."""
    found = {start: np.zeros_like(links[0][2]) if links else 0}
    queue = [start]
    while queue:
        u = queue.pop(0)
        for i, j, seam in links:
            for a, b, sign in ((i, j, 1), (j, i, -1)):
                if a == u and b not in found:
                    found[b] = found[a] + sign * seam
                    queue.append(b)
    return found


def fill_candidates(link_i, link_j, log_conductance, seamless, block):
    """Links that close no loop of better ones among the inner links of their block."""
    out, first = [], 0
    while first < len(link_i):
        begin, last = link_i[first], first
        while last < len(link_i) and link_i[last] < begin + block and last - first < 8 * block:
            last += 1
        inner = [
            l
            for l in range(first, last)
            if link_j[l] < begin + block and (len(seamless) == 0 or seamless[l])
        ]
        for l in range(first, last):
            better = [
                (link_i[m], link_j[m], np.zeros(1, int))
                for m in inner
                if (-log_conductance[m], m) < (-log_conductance[l], l)
            ]
            if l not in inner or link_j[l] not in reach(better, begin + block, link_i[l]):
                out.append(l)
        first = last
    return out


def fill_order(candidate, log_conductance):
    """Candidates with the best conductor first; links of equal conductance by their number."""
    return sorted(candidate, key=lambda l: (-log_conductance[l], l))


def joined(link_i, link_j, seam):
    """Links as tuples (i, j, seams along each axis)."""
    seam = seam if len(seam) else np.zeros((len(link_i), seam.shape[1]), int)
    return [(int(i), int(j), w) for i, j, w in zip(link_i, link_j, seam)]


def find_events(link_i, link_j, seam, contact):
    """Rows (link, seams along each axis) of the events; -1 for an event that does not happen."""
    links, dim = joined(link_i, link_j, seam), seam.shape[1]
    event = [[-1] + [0] * dim for _ in range(2 * dim + 1)]
    loops = np.zeros((0, dim), int)
    for m, (i, j, w) in enumerate(links):
        before = reach(links[:m], len(contact), i)
        if j in before:
            loop = (w - before[j]).tolist()
            rank = np.linalg.matrix_rank(loops) if len(loops) else 0
            loops = np.vstack([loops, loop])
            grown = np.linalg.matrix_rank(loops) > rank
            news = [False, any(loop), *(x != 0 for x in loop)]
            news += [grown and rank + 1 == r for r in range(2, dim + 1)]
        else:
            flags = {contact[k] for k in reach(links[: m + 1], len(contact), i)}
            loop, news = [0] * dim, [{1, 2} <= flags] + [False] * 2 * dim
        for row, happens in zip(event, news):
            if happens and row[0] < 0:
                row[:] = [m, *loop]
    return event


def sweep_merges(link_i, link_j, seam, position, period):
    """For each merger: (link, sorted sizes of the partners, clusters afterwards, largest first).

    A cluster is (size, spread). Its sites are placed along the links that merged.
    """
    links, tree, out, n = joined(link_i, link_j, seam), [], [], len(position)
    for m, link in enumerate(links):
        partner = reach(tree, n, link[0]), reach(tree, n, link[1])
        if link[1] in partner[0]:
            continue
        tree.append(link)
        left, clusters = set(range(n)), []
        while left:
            own = reach(tree, n, min(left))
            place = np.array([position[k] + np.array(own[k]) * period for k in own])
            clusters.append((len(own), np.sum((place - place.mean(axis=0)) ** 2)))
            left -= set(own)
        clusters.sort(reverse=True)
        out.append((m, sorted(map(len, partner)), clusters))
    return out


def fill_labels(parent):
    """Clusters numbered by their lowest site."""

    def root(i):
        return i if parent[i] < 0 else root(parent[i])

    roots = [root(i) for i in range(len(parent))]
    order = list(dict.fromkeys(roots))
    return [order.index(r) for r in roots]


def count_sizes(count, row, n_sites, n_octaves):
    """Number of clusters in each octave of size, from a list of all sizes."""
    out = []
    for r in row:
        sizes = [1] * n_sites
        for a, b, _ in count[:r]:
            sizes.remove(a)
            sizes.remove(b)
            sizes.append(a + b)
        octave = np.floor(np.log2(sizes)).astype(int) if sizes else np.empty(0, int)
        out.append(np.bincount(octave, minlength=n_octaves))
    return np.array(out)
