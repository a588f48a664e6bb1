"""Backbone and clusters: depth-first and breadth-first searches of a graph, without recursion.

A node lies on the backbone if it lies on a loop through one added link from source to drain. The
depth-first search numbers the nodes in order of the visit and finds the *low* number of each::

    root 0 --- 1 --- 2 --- 3 --- 0 again      node     0  1  2  3  4
               |                              parent  -1  0  1  2  1
               4                              low      0  0  0  0  4

    low[v] < number[parent[v]]      a link leads from v, or from a node behind v, to a node before
                                    its parent: v lies on a loop through its parent (here 2 and 3)
    low[v] >= number[parent[v]]     everything behind v hangs at its parent alone (here the dead
                                    end 4)
"""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def depth_first(start, neighbour, link, root, number, low, parent, parent_link, visited):
    """Visit all nodes that a path joins to ``root``, depth first.

    Parameters
    ----------
    start, neighbour, link : int64[n_nodes + 1], int64[2 n_links], int64[2 n_links]
        The neighbours of node u, and the links to them, stand in the places ``start[u]`` to
        ``start[u + 1]``. Two nodes may be joined by several links.
    root : int64
        The node from which the search starts.
    number : int64[n_nodes]
        Overwritten: order of the visit, -1 for nodes out of reach.
    low : int64[n_nodes]
        Overwritten: the lowest number that one link reaches from the node or from a node found
        after it and through it. The link by which the node itself was found does not count.
    parent, parent_link : int64[n_nodes]
        Overwritten: the node and the link from which it was found; -1 for the root.
    visited : int64[n_nodes]
        ``visited[:n]`` is overwritten: nodes in order of the visit.

    Returns
    -------
    int64
        n, the number of nodes that were visited.

    Notes
    -----
    These are Tarjan's low numbers. The time is proportional to the number of nodes and links.
    """
    # ``place[u]`` is the next link of node u to look at: it replaces the stack of a recursion.
    number[:] = -1
    place = start[:-1].copy()
    number[root] = 0
    low[root] = 0
    parent[root] = -1
    parent_link[root] = -1
    visited[0] = root
    n = 1
    u = root
    while u >= 0:
        if place[u] < start[u + 1]:
            # Look at the next link of u: go on to a new node, or note the loop that it closes.
            v = neighbour[place[u]]
            l = link[place[u]]
            place[u] += 1
            if number[v] < 0:
                number[v] = n
                low[v] = n
                parent[v] = u
                parent_link[v] = l
                visited[n] = v
                n += 1
                u = v
            elif l != parent_link[u]:
                low[u] = min(low[u], number[v])
        else:
            # All links of u are done: go back to its parent, which takes over the low number.
            p = parent[u]
            if p >= 0:
                low[p] = min(low[p], low[u])
            u = p
    return n


@njit(cache=True, nogil=True)
def mark_paths(start, neighbour, contact, at_contact, out):
    """Mark the sites that lie on a path between two contacts that visits no site twice.

    Parameters
    ----------
    start, neighbour : integers[n_sites + 1], integers[2 n_links]
        The neighbours of site u stand in the places ``start[u]`` to ``start[u + 1]``.
    contact : int64[n_sites]
        0 for a site of the source, 1 for a site of the drain, negative for all others.
    at_contact : tuple of two integers[n]
        Neighbours of the source, and of the drain, that belong to no contact.
    out : bool[n_sites]
        Overwritten. Sites of the contacts are not marked.

    Notes
    -----
    With one more link between the contacts, which are one node each, these sites form the
    biconnected component of that link. The search starts at the drain (node n + 1) and goes on
    through that link to the source (node n). It is that of `depth_first` and `mark_block`, with
    arrays of 32 bits. Several links between the same two nodes count as one: they change no low
    number that decides whether a node is marked.
    """
    n = start.shape[0] - 1
    number = np.full(n + 2, -1, np.int32)
    low = np.empty(n + 2, np.int32)
    parent = np.empty(n + 2, np.int32)
    visited = np.empty(n + 2, np.int32)
    # ``place[u]`` counts the neighbours of u that were looked at.
    place = np.zeros(n + 2, np.int32)
    number[n + 1] = 0
    low[n + 1] = 0
    parent[n + 1] = -1
    number[n] = 1
    low[n] = 1
    parent[n] = n + 1
    visited[0] = n + 1
    visited[1] = n
    n_visited = 2
    u = n
    while u >= 0:
        # The next neighbour of u, -1 if there is none.
        v = -1
        p = place[u]
        if u < n:
            if start[u] + p < start[u + 1]:
                v = neighbour[start[u] + p]
                if contact[v] >= 0:
                    v = n + contact[v]
        elif p < at_contact[u - n].shape[0]:
            v = at_contact[u - n][p]
        if v >= 0:
            place[u] = p + 1
            if number[v] < 0:
                number[v] = n_visited
                low[v] = n_visited
                parent[v] = u
                visited[n_visited] = v
                n_visited += 1
                u = v
            elif v != parent[u]:
                low[u] = min(low[u], number[v])
        else:
            # All neighbours of u are done: go back to its parent, which takes over the low number.
            before = parent[u]
            if before >= 0:
                low[before] = min(low[before], low[u])
            u = before
    # A node belongs if its parent does and if it lies on a loop through its parent. The source
    # belongs by definition; other children of the drain do not.
    out[:] = False
    for m in range(2, n_visited):
        v = visited[m]
        u = parent[v]
        inside = u == n or (u < n and out[u])
        out[v] = inside and low[v] < number[u]


@njit(cache=True, nogil=True)
def mark_block(visited, n_visited, number, low, parent, out):
    """Mark the nodes that lie on a loop through the first link of the search.

    Parameters
    ----------
    visited, n_visited, number, low, parent
        The results of `depth_first`.
    out : bool[n_nodes]
        Overwritten: the biconnected component that holds the root and the node visited next.
    """
    out[:] = False
    if n_visited < 2:
        return
    # A node belongs if its parent does and if it lies on a loop through its parent. The first two
    # nodes belong by definition; other children of the root do not.
    out[visited[0]] = True
    out[visited[1]] = True
    for m in range(2, n_visited):
        v = visited[m]
        u = parent[v]
        out[v] = out[u] and u != visited[0] and low[v] < number[u]


@njit(cache=True, nogil=True)
def breadth_first(start, neighbour, link, root, level, parent, parent_link):
    """Least number of links from ``root`` to every node.

    Parameters
    ----------
    start, neighbour, link : int64 arrays
        As in `depth_first`.
    root : int64
        The node from which the search starts.
    level : int64[n_nodes]
        Overwritten: the number of links from the root; -1 for nodes out of reach.
    parent, parent_link : int64[n_nodes]
        Overwritten: the node and the link before it on a shortest path; -1 for the root and for
        nodes out of reach.
    """
    level[:] = -1
    parent[:] = -1
    parent_link[:] = -1
    queue = np.empty(level.shape[0], np.int64)
    queue[0] = root
    level[root] = 0
    # Nodes wait in the queue in order of their level, so each is found on a shortest path.
    head = 0
    tail = 1
    while head < tail:
        u = queue[head]
        head += 1
        for place in range(start[u], start[u + 1]):
            v = neighbour[place]
            if level[v] < 0:
                level[v] = level[u] + 1
                parent[v] = u
                parent_link[v] = link[place]
                queue[tail] = v
                tail += 1


@njit(cache=True, nogil=True)
def fill_clusters(start, neighbour, out):
    """Number of the connected cluster of each site, in the order of their first sites.

    Parameters
    ----------
    start, neighbour : int64[n_sites + 1], int64[2 n_links]
        The neighbours of site i stand in the places ``start[i]`` to ``start[i + 1]``.
    out : int64[n_sites]
        Overwritten.

    Returns
    -------
    int64
        The number of clusters.
    """
    out[:] = -1
    stack = np.empty(out.shape[0], np.int32)
    count = 0
    for first in range(out.shape[0]):
        if out[first] >= 0:
            continue
        out[first] = count
        stack[0] = first
        depth = 1
        while depth > 0:
            depth -= 1
            i = stack[depth]
            for a in range(start[i], start[i + 1]):
                j = neighbour[a]
                if out[j] < 0:
                    out[j] = count
                    stack[depth] = j
                    depth += 1
        count += 1
    return count
