"""Plain twins of kernels/backbone.py: recursion, and removal of one node after another."""


def depth_first(rows, root):
    """The dicts number, low, parent and parent_link, and the nodes in the order of the visit."""
    number, low, parent, parent_link, visited = {}, {}, {root: -1}, {root: -1}, []

    def visit(u):
        number[u] = low[u] = len(visited)
        visited.append(u)
        for v, l in rows[u]:
            if v not in number:
                parent[v], parent_link[v] = u, l
                visit(v)
                low[u] = min(low[u], low[v])
            elif l != parent_link[u]:
                low[u] = min(low[u], number[v])

    visit(root)
    return number, low, parent, parent_link, visited


def reached(rows, start, without=None):
    """Nodes joined to any of ``start`` when one node is taken out."""
    found = {s for s in start if s != without}
    queue = list(found)
    while queue:
        for v, _ in rows[queue.pop()]:
            if v != without and v not in found:
                found.add(v)
                queue.append(v)
    return found


def mark_block(rows, root, second):
    """Nodes that stay joined to the link root - second when any one other node is removed."""
    nodes = range(len(rows))
    return [
        all(x in reached(rows, (root, second), w) for w in [None, *nodes] if w != x) for x in nodes
    ]


def breadth_first(rows, root):
    """Least number of links to every node, level by level; -1 for nodes out of reach."""
    level = [-1] * len(rows)
    level[root], step = 0, 0
    while step in level:
        for u in [u for u, at in enumerate(level) if at == step]:
            for v, _ in rows[u]:
                if level[v] < 0:
                    level[v] = step + 1
        step += 1
    return level


def mark_paths(rows, contact):
    """Sites on a path between the contacts: the block of the link between the two merged nodes."""
    n = len(rows)
    node = [n + c if c >= 0 else i for i, c in enumerate(contact)]
    merged = [[] for _ in range(n + 2)]
    for i, row in enumerate(rows):
        merged[node[i]] += [(node[j], None) for j in row if node[j] != node[i]]
    merged[n].append((n + 1, None))
    merged[n + 1].append((n, None))
    marked = mark_block(merged, n + 1, n)
    return [bool(marked[i]) and node[i] == i for i in range(n)]


def fill_clusters(rows):
    """Cluster of each site, numbered by first sites: one label spreads at a time."""
    label = [None] * len(rows)
    count = 0
    for first in range(len(rows)):
        if label[first] is None:
            for i in joined_to(rows, first):
                label[i] = count
            count += 1
    return label


def joined_to(rows, first):
    """All sites joined to one site, itself included."""
    found, queue = {first}, [first]
    while queue:
        new = set(rows[queue.pop()]) - found
        found |= new
        queue += new
    return found
