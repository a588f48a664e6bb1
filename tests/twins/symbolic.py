"""Plain twins of kernels/symbolic.py: sets and lists, with a search of every subtree."""


def fill_edges(rank, link_i, link_j, n_eliminated):
    """(later end, link) pairs of each rank."""
    rows = [[] for _ in range(n_eliminated)]
    for l, (i, j) in enumerate(zip(link_i, link_j)):
        ends = sorted((rank[i], rank[j]))
        if ends[0] >= 0 and ends[0] < n_eliminated:
            rows[ends[0]].append((ends[1], l))
    return rows


def subtree(left, right, t):
    """The fronts below t, and t itself."""
    below = [t]
    for child in (left[t], right[t]):
        if child >= 0:
            below += subtree(left, right, child)
    return sorted(below)


def sum_subtrees(left, right, front_start, boundary_start):
    """First front and multiply-adds of every subtree, each by a sum of its own."""
    first, operations = [], []
    for t in range(len(left)):
        below = subtree(left, right, t)
        first.append(below[0])
        total = 0.0
        for u in below:
            m = front_start[u + 1] - front_start[u] + boundary_start[u + 1] - boundary_start[u]
            for k in range(front_start[u + 1] - front_start[u]):
                total += (m - 1 - k) ** 2 / 2
        operations.append(total)
    return first, operations


def find_boundary(front_start, left, right, rows, ground):
    """Later neighbours of all sites of each front's subtree, and the ground."""
    boundaries = []
    for t in range(len(left)):
        end = front_start[t + 1]
        later = {ground}
        for u in subtree(left, right, t):
            for k in range(front_start[u], front_start[u + 1]):
                later |= {q for q, _ in rows[k] if q >= end}
        boundaries.append(sorted(later))
    return boundaries


def columns_of(fronts, t):
    """Rank of every column of front t."""
    pivots = range(fronts.front_start[t], fronts.front_start[t + 1])
    return [*pivots, *fronts.boundary[fronts.boundary_start[t] : fronts.boundary_start[t + 1]]]


def fill_columns(fronts, rows):
    """Column of each boundary entry in the parent; column of each edge's later end."""
    parent_column, edge_column = [], []
    for t in range(len(fronts.left)):
        own = columns_of(fronts, t)
        parent = fronts.parent[t]
        above = columns_of(fronts, parent) if parent >= 0 else []
        begin, end = fronts.boundary_start[t], fronts.boundary_start[t + 1]
        parent_column += [above.index(q) if above else None for q in fronts.boundary[begin:end]]
        for k in range(fronts.front_start[t], fronts.front_start[t + 1]):
            edge_column += [own.index(q) for q, _ in rows[k]]
    return parent_column, edge_column


def place_contributions(which, fronts, start):
    """Replay: the meshes alive at any time must not share memory."""
    alive = {}
    for t in which:
        size = (fronts.boundary_start[t + 1] - fronts.boundary_start[t]) ** 2
        for child in (fronts.left[t], fronts.right[t]):
            alive.pop(child, None)
        block = (start[t], start[t] + size)
        assert all(block[1] <= a or block[0] >= b for a, b in alive.values())
        alive[t] = block
    return alive


def place_tables(which, fronts, start):
    """Replay: a table must not touch those of the fronts above it."""

    def block(t):
        return start[t], start[t] + len(columns_of(fronts, t)) ** 2

    for t in which:
        begin, end = block(t)
        above = fronts.parent[t]
        while above in which:
            a, b = block(above)
            assert end <= a or begin >= b
            above = fronts.parent[above]
    return [block(t) for t in which]


def list_terminal_links(terminal, link_i, link_j):
    """Links whose ends belong to two different terminals."""
    kinds = zip(terminal[link_i], terminal[link_j], strict=True)
    return [l for l, (a, b) in enumerate(kinds) if a >= 0 and b >= 0 and a != b]
