"""The whole 4N system as one sparse matrix, for small samples: the scalable route's judge.

Potentials and spins of all sites at once, in the laboratory frame, Gamma and Lambda from stored
triads, solved by sparse LU. The only place for the literal linear precession of [hopping 5b],
whose block may have growing modes.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import bmat, coo_array, csc_array, csr_array, diags_array
from scipy.sparse.linalg import splu

from hopnet.errors import ParameterError
from hopnet.network.triads import find_triads
from hopnet.spin.coefficients import check_spin_orbit, spin_loops
from hopnet.spin.kinetics.frames import hop_rotations, rotation_matrices

LARGEST = 20_000  # sites; beyond it the factor of 4N unknowns takes too much memory


def hop_matrices(network, spin_orbit, precession):
    """R_ij of each hop j -> i, i < j, exactly or to first order (S + 2 d x S)."""
    q = hop_rotations(network, spin_orbit)
    if precession == "rotation":
        return rotation_matrices(q)
    d = -(network.separation @ spin_orbit.T)
    out = np.zeros((network.n_links, 3, 3)) + np.eye(3)
    out[:, 0, 2] += 2 * d[:, 1]
    out[:, 1, 2] -= 2 * d[:, 0]
    out[:, 2, 0] -= 2 * d[:, 1]
    out[:, 2, 1] += 2 * d[:, 0]
    return out


def hopping_block(network, spin_orbit, precession):
    """csr[3n, 3n]: sum_j K_ij (sigma_i - R_ij sigma_j), [hopping 5b]."""
    i, j = network.link_i, network.link_j
    conductance = network.conductance
    R = conductance[:, None, None] * hop_matrices(network, spin_orbit, precession)
    total = np.bincount(i, conductance, network.n_sites)
    total += np.bincount(j, conductance, network.n_sites)
    x, y = np.divmod(np.arange(9), 3)
    row = np.concatenate([3 * i[:, None] + x, 3 * j[:, None] + x])
    column = np.concatenate([3 * j[:, None] + y, 3 * i[:, None] + y])
    value = np.concatenate([-R.reshape(-1, 9), -R.transpose(0, 2, 1).reshape(-1, 9)])
    size = 3 * network.n_sites
    mixed = coo_array((value.ravel(), (row.ravel(), column.ravel())), shape=(size, size))
    return csr_array(mixed) + csr_array(diags_array(np.repeat(total, 3)))


def coupling_blocks(network, spin_orbit, eta):
    """Gamma and Lambda as matrices.

    Returns
    -------
    torque : csr[3n, n]
        Spin torque at unit X: sum of Gamma_ikj n_j (X_j - X_k), pairs once, [hopping 5b].
    feedback : csr[n, 3n]
        Particle flow into each site, sum of Lambda_ikj . S_j, per sigma = S / n, [hopping 5a].
    """
    triads = find_triads(network)
    strength, loop = spin_loops(triads, spin_orbit, eta=eta)
    loop = strength[:, None, None] * loop
    n = network.n_sites
    rows, columns, torque, flow_rows, flow_columns, flow = [], [], [], [], [], []
    for place in range(3):
        at, after, last = (triads.site[:, (place + s) % 3] for s in range(3))
        for other, sign in ((after, 1.0), (last, -1.0)):  # target `at` feels X_after - X_last
            for x in range(3):
                rows.append(3 * at + x)
                columns.append(other)
                torque.append(sign * 3.0 * loop[:, place, x])
        for target, sign in ((last, 1.0), (after, -1.0)):  # source `at`, loop based there
            for x in range(3):
                flow_rows.append(target)
                flow_columns.append(3 * at + x)
                flow.append(sign * 12.0 * loop[:, place, x])

    def matrix(value, row, column, shape):
        entries = (np.concatenate(value), (np.concatenate(row), np.concatenate(column)))
        return csr_array(coo_array(entries, shape=shape))

    return (
        matrix(torque, rows, columns, (3 * n, n)),
        matrix(flow, flow_rows, flow_columns, (n, 3 * n)),
    )


def solve_matrix(
    network, spin_orbit, *, eta, rate, anisotropy, field, sinks, source, bias, precession, feedback
):
    """Solve the 4N equations [hopping 5a], [hopping 5b] by sparse LU.

    Parameters
    ----------
    network : Network
    spin_orbit : float64[2, 2]
    eta : float
    rate : float64[n_sites]
        n_i / tau_s.
    anisotropy : float64[3, 3]
    field : float64[3]
    sinks : int64 array
    source : float64[n_sites, 3]
        Generation of spin.
    bias : float
    precession : {"rotation", "linear"}
    feedback : bool

    Returns
    -------
    potential : float64[n_sites]
    sigma : float64[n_sites, 3]
    current : float
        Into the drain.
    row_residual : float64[4 n_sites]
        |r| over the sum of moduli of the terms, particle rows first; 0 where a value is held.
    throughput : float64[4 n_sites]
        Half that sum.
    growing : int
        Modes of the spin block that grow in time instead of decaying.
    """
    n = network.n_sites
    if n > LARGEST:
        raise ParameterError(
            f"method 'matrix' takes at most {LARGEST} sites, got {n}; use method='frames' "
            "(with precession='rotation')."
        )
    i, j = network.link_i, network.link_j
    K = network.conductance
    adjacency = coo_array((np.concatenate([K, K]), (np.append(i, j), np.append(j, i))), (n, n))
    lap = csr_array(diags_array(adjacency.sum(axis=1))) - csr_array(adjacency)
    wx, wy, wz = field
    turn = np.array([[0.0, -wz, wy], [wz, 0.0, -wx], [-wy, wx, 0.0]])
    occupation = network.occupation
    local = np.einsum("n,ab->nab", rate, anisotropy) - np.einsum("n,ab->nab", occupation, turn)
    x, y = np.divmod(np.arange(9), 3)
    site = 3 * np.arange(n)[:, None]
    onsite = coo_array((local.ravel(), ((site + x).ravel(), (site + y).ravel())), (3 * n, 3 * n))
    spin_block = hopping_block(network, spin_orbit, precession) + csr_array(onsite)
    torque, flow = coupling_blocks(network, spin_orbit, eta)
    system = csr_array(bmat([[lap, -flow if feedback else None], [-torque, spin_block]]))

    held = np.zeros(4 * n, np.bool_)
    held[:n][network.isolated] = True
    held[network.source] = held[network.drain] = True
    held[n + 3 * sinks[:, None] + np.arange(3)] = True
    value = np.zeros(4 * n)
    value[network.source] = bias
    rhs = np.concatenate([np.zeros(n), source.ravel()]) - system @ value
    free = np.flatnonzero(~held)
    value[free] = solve_sparse(system[free][:, free], rhs[free])

    right = np.concatenate([np.zeros(n), source.ravel()])
    residual = np.where(held, 0.0, np.abs(system @ value - right))
    moduli = abs(system) @ np.abs(value) + np.abs(right)
    row_residual = np.divide(residual, moduli, out=np.zeros(4 * n), where=moduli > 0)
    sigma = value[n:].reshape(n, 3)
    into = -(lap @ value[:n])
    if feedback:
        into += flow @ value[n:]
    current = float(into[network.drain].sum())
    spin_free = free[free >= n] - n
    growing = 0
    if precession == "linear":
        growing = count_negative(spin_block[spin_free][:, spin_free])
    return value[:n], sigma, current, row_residual, 0.5 * moduli, growing


def solve_sparse(matrix, rhs):
    """Sparse LU after scaling rows and columns to their largest entries; one refinement."""
    row = 1.0 / np.sqrt(abs(matrix).max(axis=1).toarray().ravel())
    column = 1.0 / np.sqrt(abs(matrix).max(axis=0).toarray().ravel())
    scaled = csc_array(diags_array(row) @ matrix @ diags_array(column))
    lu = splu(scaled)
    x = lu.solve(row * rhs)
    x += lu.solve(row * rhs - scaled @ x)
    return column * x


def count_negative(matrix):
    """Negative eigenvalues of the symmetric part: signs of the pivots of a symmetric factor."""
    symmetric = csc_array(0.5 * (matrix + matrix.T))
    lu = splu(
        symmetric,
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0.0,
        options={"SymmetricMode": True},
    )
    return int((lu.U.diagonal() < 0).sum())


def growth_rate(network, spin_orbit, *, precession="rotation"):
    """Largest eigenvalue of the spin generator without relaxation, in 1/tau_0.

    Of dS_i/dt = sum_j (R_ij S_j / tau_ij - S_i / tau_ji) [hopping 5b]. Never positive for the full
    rotation: spins dephase. With the literal linear precession, R_ij S = S + 2 d_ij x S, the
    block is a symmetric, traceless perturbation of the hopping block and pushes its upper end
    above zero: a mode that grows, and answers without meaning once 1/tau_s is smaller than that.

    Parameters
    ----------
    network : Network
        Of at most 1000 sites: all eigenvalues are found.
    spin_orbit : array_like[2, 2]
    precession : {"rotation", "linear"}

    Returns
    -------
    float
    """
    check_precession(precession)
    if network.n_sites > 1000:
        raise ParameterError(
            f"growth_rate needs all eigenvalues and takes at most 1000 sites, got "
            f"{network.n_sites}; take a smaller sample."
        )
    block = hopping_block(network, check_spin_orbit(spin_orbit), precession)
    scale = diags_array(np.repeat(np.exp(-0.5 * network.log_occupation), 3))
    symmetric = scale @ block @ scale
    symmetric = 0.5 * (symmetric + symmetric.T)
    return float(-np.linalg.eigvalsh(symmetric.toarray())[0])


def check_precession(precession):
    """Raise unless ``precession`` is one of the two names."""
    if precession not in ("rotation", "linear"):
        raise ParameterError(
            f"precession must be 'rotation' (each hop turns the spin by 2 d) or 'linear' (the "
            f"literal S + 2 d x S), got {precession!r}; choose one."
        )
