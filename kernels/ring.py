"""A ring of links: where a potential that grows around the ring has to jump.

A uniform field around a cylinder has no potential: it would have to grow by one circumference on
every tour. Any cut may carry the jump. Here the jumps are moved to links that matter least: the
potential is continuous along the strongest links that span the graph, and jumps, by whole
circumferences, only on links that are not stronger than the one that closes the ring.

The forest is found by Kruskal's algorithm. Every site knows its parent and the number of
circumferences between itself and its parent::

    site ---- offset[site] ----> parent ---- offset[parent] ----> root

    winding of a site = sum of the offsets on the way to its root
"""

from numba import njit


@njit(cache=True, nogil=True)
def _find_root(parent, offset, i):
    """Root of site i; afterwards i hangs on the root itself, with its whole winding."""
    # First pass: the root and the sum of all offsets on the way.
    root = i
    total = 0
    while parent[root] != root:
        total += offset[root]
        root = parent[root]
    # Second pass: every site on the way is hung on the root with its own remaining sum.
    while parent[i] != root and i != root:
        following = parent[i]
        rest = total - offset[i]
        parent[i] = root
        offset[i] = total
        i = following
        total = rest
    return root


@njit(cache=True, nogil=True)
def fill_windings(order, link_i, link_j, wrap, parent, winding):
    """Write the integer winding of each site that makes the jumps vanish on a spanning forest.

    Parameters
    ----------
    order : int64[n_links]
        Links in the order in which the forest takes them: strongest first.
    link_i, link_j : int64[n_links]
    wrap : int64[n_links]
        Circumferences that lie between the sites of the link along its own short way: the
        separation is y_j - y_i + wrap * circumference.
    parent : int64[n_sites]
        Every site itself for a new forest, else what an earlier call for stronger links left.
        Overwritten with the root of each site.
    winding : int64[n_sites]
        Zero for a new forest, else as ``parent``. Overwritten: winding[j] - winding[i] = wrap on
        every link of the forest.

    Notes
    -----
    Serial. Two roots are joined so that the lower number stays root.
    """
    for l in order:
        i = link_i[l]
        j = link_j[l]
        a = _find_root(parent, winding, i)
        b = _find_root(parent, winding, j)
        if a != b:
            # winding[j] + w_b = winding[i] + w_a + wrap, one of the two roots moves.
            difference = winding[i] + wrap[l] - winding[j]
            if a < b:
                parent[b] = a
                winding[b] = difference
            else:
                parent[a] = b
                winding[a] = -difference
    for i in range(parent.shape[0]):
        _find_root(parent, winding, i)
