"""A ring of links: where a potential that grows around the ring has to jump.

A uniform field around a cylinder has no single-valued potential: the potential would grow by one
circumference on every turn. It may jump back on any line of links across the ring. Here it jumps on
the links that matter least: it is continuous along the strongest links that span the graph, and
jumps, by whole circumferences, only on links that are not stronger than the one that closes the
ring.

The spanning forest is found by Kruskal's algorithm. For every site its parent is stored, and the
number of circumferences between the two::

    site ---- offset[site] ----> parent ---- offset[parent] ----> root

    turns of a site = sum of the offsets up to its root
"""

from numba import njit


@njit(cache=True, nogil=True)
def _find_root(parent, offset, i):
    """Root of site i. Afterwards the root is the parent of i, and offset[i] its turns."""
    # First pass: the root, and the sum of all offsets up to it.
    root = i
    total = 0
    while parent[root] != root:
        total += offset[root]
        root = parent[root]
    # Second pass: the root becomes the parent of every site passed, with the sum of the offsets
    # from that site on.
    while parent[i] != root and i != root:
        following = parent[i]
        rest = total - offset[i]
        parent[i] = root
        offset[i] = total
        i = following
        total = rest
    return root


@njit(cache=True, nogil=True)
def fill_turns(order, link_i, link_j, wrap, parent, turns):
    """Write the integer turns of each site that make the jumps vanish on a spanning forest.

    Parameters
    ----------
    order : int64[n_links]
        Links in the order in which the forest takes them: strongest first.
    link_i, link_j : int64[n_links]
    wrap : int64[n_links]
        Number of circumferences by which the link crosses the periodic boundary: its separation
        is y_j - y_i + wrap * circumference.
    parent : int64[n_sites]
        For a new forest, parent[i] = i; otherwise the result of the call for stronger links.
        Overwritten with the root of each site.
    turns : int64[n_sites]
        For a new forest, zero; otherwise as ``parent``. Overwritten: turns[j] - turns[i] = wrap
        on every link of the forest.

    Notes
    -----
    Serial. When two trees are joined, the lower of the two root numbers remains the root.
    """
    for l in order:
        i = link_i[l]
        j = link_j[l]
        a = _find_root(parent, turns, i)
        b = _find_root(parent, turns, j)
        if a != b:
            # turns[j] + w_b = turns[i] + w_a + wrap; one of w_a and w_b is zero.
            difference = turns[i] + wrap[l] - turns[j]
            if a < b:
                parent[b] = a
                turns[b] = difference
            else:
                parent[a] = b
                turns[a] = -difference
    for i in range(parent.shape[0]):
        _find_root(parent, turns, i)
