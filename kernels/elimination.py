"""Subtraction-free multifrontal elimination of Lap(g) + diag(s): factor, solve, drops.

The elimination of node k by the star-mesh transform replaces its links g_kj by

    d_k = sum_j g_kj,   w_kj = g_kj / d_k,   g_ij += g_ki w_kj

over all later i and j. The *ground* is one more node, the last: the excess s_k is the conductance
of a link from k to the ground. So there are only sums, products and quotients of non-negative
numbers.

The work is done in *fronts*, small dense meshes. A front has one column per pivot (a node that is
eliminated here), then one column per node of its boundary (a node that is eliminated in a front
above, or a terminal), and last the ground. Only what lies above the diagonal is used::

                 pivots      boundary    ground
               0 1 2 ...   n_pivots ...   m - 1
             +-----------+--------------+-----+
    pivots   |    own    |  links to    |  s  |    becomes the weights w_kj, row by row
             |    links  |  the boundary|     |
             +-----------+--------------+-----+
    boundary |           |     meshes of the  |    becomes the contribution, the mesh that is
             |           |    children        |    added to the front above
             +-----------+--------------------+

The *rank* of a node is its place in the order of elimination. Terminals have the ranks from
``n_eliminated`` on, and the ground has the last rank. `Fronts` (file symbolic.py) says where
everything is stored.
"""

import numpy as np
from numba import njit

# Number of pivots that are eliminated before the columns after them are updated together. A
# smaller number gives BLAS thinner products, a larger one leaves more of the work to the slower
# loops inside the panel.
PANEL = 32

# Number of columns after a panel up to which compiled loops are faster than a call of BLAS. A
# smaller number makes calls for little work, a larger one leaves work to the loops.
SMALL = 128

# Number of rows of one matrix product in the update of a large front. Only the part above the
# diagonal is needed: taller tiles compute more of the rest without use, flatter ones make more
# calls.
TILE = 128


@njit(cache=True, nogil=True)
def _add_products(front, panel_begin, panel_end, weight, n_columns):
    """Update the rows after a panel: ``front[i, j] += sum_k front[k, i] weight[k, j]``, j > i."""
    # Four pivots at a time: each pass over a row then reads and writes it once for four products.
    for i in range(panel_end, n_columns):
        out = front[i]
        k = panel_begin
        while k + 4 <= panel_end:
            a0 = front[k, i]
            a1 = front[k + 1, i]
            a2 = front[k + 2, i]
            a3 = front[k + 3, i]
            w0 = weight[k - panel_begin]
            w1 = weight[k - panel_begin + 1]
            w2 = weight[k - panel_begin + 2]
            w3 = weight[k - panel_begin + 3]
            for j in range(i + 1, n_columns):
                out[j] += a0 * w0[j] + a1 * w1[j] + a2 * w2[j] + a3 * w3[j]
            k += 4
        while k < panel_end:
            a0 = front[k, i]
            w0 = weight[k - panel_begin]
            for j in range(i + 1, n_columns):
                out[j] += a0 * w0[j]
            k += 1


@njit(cache=True, nogil=True)
def _add_products_by_blas(front, panel_begin, panel_end, weight, n_columns, scratch):
    """The same update as `_add_products`, one matrix product per tile of rows."""
    # Copy the panel's columns into contiguous blocks, the form that BLAS takes.
    n_panel = panel_end - panel_begin
    n_rest = n_columns - panel_end
    mesh = scratch[: n_rest * n_panel].reshape(n_rest, n_panel)
    share = scratch[n_rest * n_panel : 2 * n_rest * n_panel].reshape(n_rest, n_panel)
    for k in range(n_panel):
        for i in range(n_rest):
            mesh[i, k] = front[panel_begin + k, panel_end + i]
            share[i, k] = weight[k, panel_end + i]
    # Multiply tile by tile, and add the part above the diagonal to the front.
    rest = scratch[2 * n_rest * n_panel :]
    for begin in range(0, n_rest, TILE):
        end = min(begin + TILE, n_rest)
        width = n_rest - begin
        product = rest[: (end - begin) * width].reshape(end - begin, width)
        np.dot(mesh[begin:end], share[begin:n_rest].T, product)
        for i in range(begin, end):
            out = front[panel_end + i]
            row = product[i - begin]
            for j in range(i + 1, n_rest):
                out[panel_end + j] += row[j - begin]


@njit(cache=True, nogil=True)
def _eliminate(front, n_pivots, n_columns, negligible, weight, pivot, panel, scratch):
    """Eliminate the pivots of one dense front (its upper triangle), panel by panel.

    Leaves the mesh of the boundary in ``front`` and fills ``weight[k, k+1:]`` and ``pivot[k]``.
    Entries below ``negligible`` count as zero, so that no product is a slow subnormal number. A
    pivot without links keeps weights of zero.
    """
    for begin in range(0, n_pivots, PANEL):
        end = min(begin + PANEL, n_pivots)
        # Inside the panel each pivot updates only the pivots of the panel that come after it.
        for k in range(begin, end):
            row = front[k]
            total = row[k + 1]
            for j in range(k + 2, n_columns):
                total += row[j]
            pivot[k] = total
            share = panel[k - begin]
            if abs(total) <= negligible:
                for j in range(k + 1, n_columns):
                    share[j] = 0.0
                    row[j] = 0.0
            else:
                inverse = 1.0 / total
                for j in range(k + 1, n_columns):
                    value = row[j] * inverse
                    share[j] = 0.0 if abs(value) < negligible else value
                    row[j] = 0.0 if abs(row[j]) < negligible else row[j]
            for i in range(k + 1, end):
                a = row[i]
                out = front[i]
                for j in range(i + 1, n_columns):
                    out[j] += a * share[j]
            weight[k, k + 1 :] = share[k + 1 : n_columns]
        # All columns after the panel are updated together.
        if n_columns - end > SMALL:
            _add_products_by_blas(front, begin, end, panel, n_columns, scratch)
        else:
            _add_products(front, begin, end, panel, n_columns)


@njit(cache=True, nogil=True)
def factor_fronts(
    which,
    fronts,
    edge_conductance,
    excess,
    negligible,
    contribution_start,
    contribution,
    weight,
    pivot,
):
    """Factor the fronts listed in ``which``, in this order: children before parents.

    Parameters
    ----------
    which : int64[n]
        Numbers of the fronts.
    fronts : Fronts
    edge_conductance : float64[n_edges] or complex128[n_edges]
        Conductance of each edge.
    excess : same type[n_eliminated]
        The excess s of the node of each rank.
    negligible : float64
        Entries below this count as zero.
    contribution_start : int64[n_fronts]
        Where each front stores its contribution, the mesh that it leaves to its parent. The
        parent may use that memory again for its own.
    contribution : same type[...]
        Working memory. At the end it holds the contribution of the last front.
    weight : same type[n_weights]
        Filled: ``w_kj`` of each front, row by row (columns up to k are not set).
    pivot : same type[n_eliminated]
        Filled: ``d_k``.
    """
    # One block of memory serves all fronts of this call.
    largest = 0
    for t in which:
        n_pivots = fronts.front_start[t + 1] - fronts.front_start[t]
        n_columns = n_pivots + fronts.boundary_start[t + 1] - fronts.boundary_start[t]
        largest = max(largest, n_columns)
    area = np.empty(largest * largest, edge_conductance.dtype)
    panel_area = np.empty(PANEL * largest, edge_conductance.dtype)
    scratch = np.empty((2 * PANEL + TILE) * largest, edge_conductance.dtype)
    for t in which:
        first = fronts.front_start[t]
        n_pivots = fronts.front_start[t + 1] - first
        n_boundary = fronts.boundary_start[t + 1] - fronts.boundary_start[t]
        m = n_pivots + n_boundary
        front = area[: m * m].reshape(m, m)
        panel = panel_area[: PANEL * m].reshape(PANEL, m)
        # Assemble the front: zeros, its own edges, the excess, the contributions of its children.
        for i in range(m):
            for j in range(i + 1, m):
                front[i, j] = 0.0
        for k in range(n_pivots):
            for e in range(fronts.row_start[first + k], fronts.row_start[first + k + 1]):
                front[k, fronts.edge_column[e]] += edge_conductance[e]
            front[k, m - 1] += excess[first + k]
        for child in (fronts.left[t], fronts.right[t]):
            if child >= 0:
                begin = fronts.boundary_start[child]
                n = fronts.boundary_start[child + 1] - begin
                place = contribution_start[child]
                for a in range(n):
                    out = front[fronts.parent_column[begin + a]]
                    for b in range(a + 1, n):
                        out[fronts.parent_column[begin + b]] += contribution[place + a * n + b]
        # Eliminate the pivots, then store the mesh of the boundary for the parent.
        n_weights = n_pivots * m
        own = weight[fronts.weight_start[t] : fronts.weight_start[t] + n_weights]
        _eliminate(
            front,
            n_pivots,
            m,
            negligible,
            own.reshape(n_pivots, m),
            pivot[first : first + n_pivots],
            panel,
            scratch,
        )
        place = contribution_start[t]
        for a in range(n_boundary):
            row = front[n_pivots + a]
            for b in range(a + 1, n_boundary):
                contribution[place + a * n_boundary + b] = row[n_pivots + b]


@njit(cache=True, nogil=True)
def forward_fronts(which, fronts, weight, x, carried):
    """Forward pass ``b_j += w_kj b_k`` through the fronts listed, children before parents.

    Parameters
    ----------
    which : int64[n]
        Numbers of the fronts.
    fronts : Fronts
    weight : float64 or complex128[n_weights]
        The weights of the factor.
    x : same type[n_eliminated or more, n_sides]
        Right-hand sides by rank. Overwritten by b at the moment when each node is eliminated.
    carried : same type[n_boundary, n_sides]
        Overwritten: what each front adds to the right-hand sides of its boundary.
    """
    n_sides = x.shape[1]
    for t in which:
        first = fronts.front_start[t]
        n_pivots = fronts.front_start[t + 1] - first
        begin = fronts.boundary_start[t]
        n_boundary = fronts.boundary_start[t + 1] - begin
        m = n_pivots + n_boundary
        # Take over what the children carry: to pivots of this front, or on to its boundary.
        carried[begin : begin + n_boundary] = 0.0
        for child in (fronts.left[t], fronts.right[t]):
            if child >= 0:
                for a in range(fronts.boundary_start[child], fronts.boundary_start[child + 1]):
                    column = fronts.parent_column[a]
                    for r in range(n_sides):
                        if column < n_pivots:
                            x[first + column, r] += carried[a, r]
                        else:
                            carried[begin + column - n_pivots, r] += carried[a, r]
        own = weight[fronts.weight_start[t] : fronts.weight_start[t] + n_pivots * m]
        w = own.reshape(n_pivots, m)
        # Each pivot passes its share on to the later columns.
        for k in range(n_pivots):
            for r in range(n_sides):
                b = x[first + k, r]
                if b != 0.0:
                    for j in range(k + 1, n_pivots):
                        x[first + j, r] += w[k, j] * b
                    for j in range(n_boundary):
                        carried[begin + j, r] += w[k, n_pivots + j] * b


@njit(cache=True, nogil=True)
def backward_fronts(which, fronts, weight, pivot, x):
    """Backward pass ``x_k = b_k / d_k + sum_j w_kj x_j`` through the fronts, the last one first.

    Parameters
    ----------
    which : int64[n]
        Numbers of the fronts, ascending; they are taken from the end.
    fronts : Fronts
    weight : float64 or complex128[n_weights]
        The weights of the factor.
    pivot : same type[n_eliminated]
        The pivots of the factor.
    x : float64 or complex128[n_eliminated + n_terminals + 1, n_sides]
        In: b of `forward_fronts`, values of the terminals, 0 for the ground. Out: the solution.
        Where the pivot is zero (a cluster without any link to others), x is 0.
    """
    n_sides = x.shape[1]
    for c in range(which.shape[0] - 1, -1, -1):
        t = which[c]
        first = fronts.front_start[t]
        n_pivots = fronts.front_start[t + 1] - first
        begin = fronts.boundary_start[t]
        n_boundary = fronts.boundary_start[t + 1] - begin
        m = n_pivots + n_boundary
        own = weight[fronts.weight_start[t] : fronts.weight_start[t] + n_pivots * m]
        w = own.reshape(n_pivots, m)
        # The last pivot first: every x_j of a later node is known when pivot k needs it.
        for k in range(n_pivots - 1, -1, -1):
            for r in range(n_sides):
                total = x[first + k, r] / pivot[first + k] if pivot[first + k] != 0.0 else 0.0
                for j in range(k + 1, n_pivots):
                    total += w[k, j] * x[first + j, r]
                for j in range(n_boundary):
                    total += w[k, n_pivots + j] * x[fronts.boundary[begin + j], r]
                x[first + k, r] = total


@njit(cache=True, nogil=True)
def _extend_table(table, weight, source, n_pivots, m, difference):
    """Fill the pivot rows of a table of differences, last pivot first.

    ``table[i, j] = V_i - V_j`` for j > i is known for the columns of the boundary. Let r be the
    later column with the largest weight w_kr. Then, over i later than k::

        V_k - V_r = source_k + sum_i w_ki (V_i - V_r)
        V_k - V_j = (V_k - V_r) - (V_j - V_r)

    The second line rounds by eps |V_k - V_r|. On the link from k to j this is at most eps times
    the flow from k to r, since no link of k is better than that to r.
    """
    for k in range(n_pivots - 1, -1, -1):
        # Find r, the later column with the largest weight.
        w = weight[k]
        r = m - 1
        largest = 0.0
        for j in range(k + 1, m):
            size = abs(w[j])
            if size > largest:
                largest = size
                r = j
        # The differences V_j - V_r. Above the diagonal r is the column of a table entry, below it
        # is the row.
        for j in range(k + 1, r):
            difference[j] = table[j, r]
        difference[r] = 0.0
        row = table[r]
        for j in range(r + 1, m):
            difference[j] = -row[j]
        # Row k of the table, from V_k - V_r.
        own = source[k]
        for j in range(k + 1, m):
            own += w[j] * difference[j]
        row = table[k]
        for j in range(k + 1, m):
            row[j] = own - difference[j]


@njit(cache=True, nogil=True)
def drop_fronts(
    which, fronts, edges, weight, source, value, table_start, subtree_tables, table, drop
):
    """Differences V_k - V_q along every edge, from the root down.

    Parameters
    ----------
    which : int64[n]
        Numbers of the fronts, ascending; they are taken from the end.
    fronts : Fronts
    edges : tuple of int32[n_edges] and int8[n_edges]
        The link of each edge, and +1 where its earlier end is ``link_i``, else -1.
    weight : float64 or complex128[n_weights]
        The weights of the factor.
    source : same type[n_eliminated]
        ``b_k / d_k`` after the forward pass; zeros for Kirchhoff's laws.
    value : same type[n_terminals + 1]
        Potential of each terminal, and 0 for the ground.
    table_start : int64[n_fronts]
        Where each front stores its square table ``V_i - V_j`` of all its columns (j > i).
    subtree_tables : int64
        Tables from here on belong to fronts above the independent subtrees. Those of a subtree are
        needed inside this call alone: they are allocated here, so that they exist only for as
        many subtrees as there are threads.
    table : same type[...]
        Working memory: the tables from ``subtree_tables`` on.
    drop : same type[n_links]
        Overwritten for the links of the edges of these fronts: V_i - V_j.
    """
    # One row of differences serves all fronts of this call; tables of a subtree are a stack.
    last = which[which.shape[0] - 1] if which.shape[0] > 0 else 0
    inside = table_start[last] < subtree_tables
    base = table_start[last] if inside else subtree_tables
    largest = 0
    highest = 0
    for t in which:
        n_pivots = fronts.front_start[t + 1] - fronts.front_start[t]
        n_columns = n_pivots + fronts.boundary_start[t + 1] - fronts.boundary_start[t]
        largest = max(largest, n_columns)
        highest = max(highest, table_start[t] - base + n_columns * n_columns)
    difference = np.empty(largest, table.dtype)
    tables = np.empty(highest, table.dtype) if inside else table
    for c in range(which.shape[0] - 1, -1, -1):
        t = which[c]
        first = fronts.front_start[t]
        n_pivots = fronts.front_start[t + 1] - first
        begin = fronts.boundary_start[t]
        n_boundary = fronts.boundary_start[t + 1] - begin
        m = n_pivots + n_boundary
        place = table_start[t] - base
        own = tables[place : place + m * m].reshape(m, m)
        # Differences between the columns of the boundary are in the parent's table. Both fronts
        # list their columns by rank, so what lies above the diagonal here lies above it there.
        parent = fronts.parent[t]
        if parent >= 0:
            n_above = (
                fronts.front_start[parent + 1]
                - fronts.front_start[parent]
                + fronts.boundary_start[parent + 1]
                - fronts.boundary_start[parent]
            )
            if t == last:
                place = table_start[parent] - subtree_tables
                above = table[place : place + n_above * n_above].reshape(n_above, n_above)
            else:
                place = table_start[parent] - base
                above = tables[place : place + n_above * n_above].reshape(n_above, n_above)
            column = fronts.parent_column[begin : begin + n_boundary]
            for a in range(n_boundary):
                row = above[column[a]]
                out = own[n_pivots + a]
                for b in range(a + 1, n_boundary):
                    out[n_pivots + b] = row[column[b]]
        else:
            # The boundary of the root: the terminals, and the ground.
            n_eliminated = fronts.front_start[-1]
            for a in range(n_boundary):
                v = value[fronts.boundary[begin + a] - n_eliminated]
                out = own[n_pivots + a]
                for b in range(a + 1, n_boundary):
                    out[n_pivots + b] = v - value[fronts.boundary[begin + b] - n_eliminated]
        # Extend the table to the pivots, and read the differences along the edges from it.
        w = weight[fronts.weight_start[t] : fronts.weight_start[t] + n_pivots * m]
        own_source = source[first : first + n_pivots]
        _extend_table(own, w.reshape(n_pivots, m), own_source, n_pivots, m, difference)
        for k in range(n_pivots):
            for e in range(fronts.row_start[first + k], fronts.row_start[first + k + 1]):
                drop[edges[0][e]] = edges[1][e] * own[k, fronts.edge_column[e]]


@njit(cache=True, nogil=True)
def fill_root_table(fronts, value, table_start, table):
    """Write the differences between terminals, and the ground, into the table of the root.

    Parameters
    ----------
    fronts : Fronts
    value : float64 or complex128[n_terminals + 1]
        Potential of each terminal, and 0 for the ground.
    table_start : int64[n_fronts]
        Where each front stores its table.
    table : same type[...]
        Changed in the boundary rows and columns of the root.
    """
    root = fronts.left.shape[0] - 1
    n_pivots = fronts.front_start[root + 1] - fronts.front_start[root]
    begin = fronts.boundary_start[root]
    n_boundary = fronts.boundary_start[root + 1] - begin
    m = n_pivots + n_boundary
    n_eliminated = fronts.front_start[-1]
    for a in range(n_boundary):
        row = table_start[root] + (n_pivots + a) * m + n_pivots
        v = value[fronts.boundary[begin + a] - n_eliminated]
        for b in range(n_boundary):
            table[row + b] = v - value[fronts.boundary[begin + b] - n_eliminated]


@njit(cache=True, nogil=True)
def fill_terminal_mesh(fronts, contribution_start, contribution, mesh):
    """Copy the mesh that the root leaves between terminals and ground.

    Parameters
    ----------
    fronts : Fronts
    contribution_start : int64[n_fronts]
        Where each front stores its contribution.
    contribution : float64 or complex128[...]
        After `factor_fronts` on all fronts.
    mesh : same type[n_terminals + 1, n_terminals + 1]
        Overwritten: conductance between each two terminals, and to the ground (the last row);
        0 on the diagonal. Links from terminal to terminal are not part of it.
    """
    root = fronts.left.shape[0] - 1
    begin = fronts.boundary_start[root]
    n_boundary = fronts.boundary_start[root + 1] - begin
    n_eliminated = fronts.front_start[-1]
    mesh[:] = 0.0
    for a in range(n_boundary):
        i = fronts.boundary[begin + a] - n_eliminated
        for b in range(a + 1, n_boundary):
            j = fronts.boundary[begin + b] - n_eliminated
            value = contribution[contribution_start[root] + a * n_boundary + b]
            mesh[i, j] = value
            mesh[j, i] = value
