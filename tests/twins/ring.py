"""Plain twins of kernels/ring.py."""

import networkx


def fill_turns(order, link_i, link_j, wrap, n_sites):
    """Turns of each site around the ring: 0 at the lowest site of its tree, summed along links."""
    tree = networkx.Graph()
    tree.add_nodes_from(range(n_sites))
    for l in order:
        i, j = int(link_i[l]), int(link_j[l])
        if not networkx.has_path(tree, i, j):
            tree.add_edge(i, j, link=l)
    turns = [None] * n_sites
    for start in range(n_sites):
        if turns[start] is not None:
            continue
        turns[start] = 0
        for a, b in networkx.dfs_edges(tree, start):
            l = tree.edges[a, b]["link"]
            forward = int(link_i[l]) == a
            turns[b] = turns[a] + (int(wrap[l]) if forward else -int(wrap[l]))
    return turns
