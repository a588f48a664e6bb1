"""Plain twins of kernels/kinetics.py [hopping 5b]: networkx for trees, matrices for rotations."""

import networkx
import numpy as np


def rotation_matrix(q):
    """The rotation of a quaternion (s, v), by Rodrigues' formula."""
    s, v = q[0], np.asarray(q[1:])
    cross = np.array([[0, -v[2], v[1]], [v[2], 0, -v[0]], [-v[1], v[0], 0]])
    return np.eye(3) + 2 * s * cross + 2 * cross @ cross


def turn_vectors(q, sign, vector):
    turns = [rotation_matrix(row * [1, sign, sign, sign]) for row in q]
    return np.array([R @ v for R, v in zip(turns, vector)]).reshape(-1, 3)


def mark_forest(order, link_i, link_j, n_sites):
    """Links of the spanning forest of largest weight; weights fall in the order of ``order``."""
    graph = networkx.Graph()
    graph.add_nodes_from(range(n_sites))
    for rank, l in enumerate(order):
        graph.add_edge(int(link_i[l]), int(link_j[l]), weight=rank, link=l)
    out = np.zeros(len(order), bool)
    for _, _, data in networkx.minimum_spanning_edges(graph):
        out[data["link"]] = True
    return out


def fill_frames(link_i, link_j, rotation, forest, n_sites):
    """Rotation matrix of every frame, from the lowest site of each tree along its links."""
    R = {}
    graph = networkx.Graph()
    graph.add_nodes_from(range(n_sites))
    for l in np.flatnonzero(forest):
        i, j = int(link_i[l]), int(link_j[l])
        graph.add_edge(i, j)
        R[i, j] = rotation_matrix(rotation[l])
        R[j, i] = R[i, j].T
    frame = {}
    for tree in networkx.connected_components(graph):
        root = min(tree)
        frame[root] = np.eye(3)
        for parent, child in networkx.bfs_edges(graph, root):
            frame[child] = R[child, parent] @ frame[parent]
    return np.array([frame[i] for i in range(n_sites)])


def fill_transport(link_i, link_j, rotation, frame):
    """Rotation matrix of every link between frames given as matrices."""
    return np.array(
        [frame[i].T @ rotation_matrix(q) @ frame[j] for i, j, q in zip(link_i, link_j, rotation)]
    ).reshape(-1, 3, 3)


def spin_terms(link_i, link_j, conductance, rotation, block, sigma):
    """The terms of every spin row: one list of vectors per site."""
    terms = [[block[i] @ sigma[i]] for i in range(len(sigma))]
    for i, j, K, q in zip(link_i, link_j, conductance, rotation):
        R = rotation_matrix(q)
        terms[i] += [K * sigma[i], -K * R @ sigma[j]]
        terms[j] += [K * sigma[j], -K * R.T @ sigma[i]]
    return terms


def sum_spin_rows(*arguments):
    return np.array([sum(terms) for terms in spin_terms(*arguments)])


def fill_spin_residuals(link_i, link_j, conductance, rotation, block, sigma, rhs):
    """|left - right| and the sum of the moduli of all terms, those on the site one by one."""
    arguments = (link_i, link_j, conductance, rotation, block, sigma)
    onsite = [np.abs(b) @ np.abs(s) for b, s in zip(block, sigma)]
    terms = spin_terms(*arguments)
    moduli = [a + sum(np.abs(t) for t in rest[1:]) for a, rest in zip(onsite, terms)]
    return np.abs(sum_spin_rows(*arguments) - rhs), np.array(moduli) + np.abs(rhs)


def largest_neighbour(link_i, link_j, value):
    out = np.zeros_like(value)
    np.maximum.at(out, link_i, value[link_j])
    np.maximum.at(out, link_j, value[link_i])
    return out
