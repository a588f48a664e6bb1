"""The whole system of 4N equations as one sparse matrix, for small samples.

Potentials and spins of all sites together, in the laboratory frame, with Gamma and Lambda from
stored triads, are solved by sparse LU. This is an independent check of the scalable method. It
is also used for the literal linear precession of [hopping 5b], which may have growing modes.
"""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import bmat, coo_array, csc_array, csr_array, diags_array
from scipy.sparse.linalg import splu

from hopnet.checks import instance_of, one_of
from hopnet.errors import ConvergenceError, ParameterError, ValidityWarning
from hopnet.network.network import Network
from hopnet.network.triads import find_triads
from hopnet.records import read_only
from hopnet.spin.coefficients import check_spin_orbit, spin_loops
from hopnet.spin.kinetics.coupling import Coupling
from hopnet.spin.kinetics.frames import hop_rotations, rotation_matrices
from hopnet.spin.kinetics.problem import Problem, SteadyState
from hopnet.spin.kinetics.sweeps import WEAK_ROW
from hopnet.spin.kinetics.unit import UnitCurrent

__all__ = [
    "check_precession",
    "coupling_blocks",
    "cross_matrices",
    "growth_rate",
    "hopping_block",
    "solve_matrix",
]

# Largest number of sites for the sparse LU: the factor of 4N unknowns takes some gigabytes there.
LARGEST = 20_000
# Largest number of sites for all eigenvalues of the dense spin block: 72 MB and some seconds.
LARGEST_DENSE = 1000


def hop_matrices(network: Network, spin_orbit: np.ndarray, precession: str) -> np.ndarray:
    """float64[n_links, 3, 3]: R_ij of each hop j -> i, i < j, exact or linear (S + 2 d x S)."""
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


def hopping_block(
    network: Network,
    spin_orbit: np.ndarray,
    precession: str,
    conductance: np.ndarray | None = None,
) -> csr_array:
    """csr[3n, 3n]: sum_j K_ij (sigma_i - R_ij sigma_j), [hopping 5b].

    Parameters
    ----------
    network : Network
    spin_orbit : float64[2, 2]
    precession : {"rotation", "linear"}
    conductance : float64[n_links], optional
        K_ij in any unit; default: those of the network.
    """
    i, j = network.link_i, network.link_j
    conductance = network.conductance if conductance is None else conductance
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


def coupling_blocks(
    network: Network, spin_orbit: np.ndarray, eta: float, log_scale: float = 0.0
) -> tuple[csr_array, csr_array]:
    """Gamma and Lambda as sparse matrices.

    Parameters
    ----------
    network : Network
    spin_orbit : float64[2, 2]
    eta : float
        hbar / (J_0 tau_0).
    log_scale : float
        Logarithm of the unit of conductances and occupations.

    Returns
    -------
    torque : csr[3n, n]
        Spin torque at unit X: sum of Gamma_ikj n_j (X_j - X_k), pairs once, [hopping 5b].
    feedback : csr[n, 3n]
        Particle flow into each site, sum of Lambda_ikj . S_j, per sigma = S / n, [hopping 5a].
    """
    triads = find_triads(network)
    strength, loop = spin_loops(triads, spin_orbit, eta=eta, log_scale=log_scale)
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


def cross_matrices(field: np.ndarray) -> np.ndarray:
    """float64[..., 3, 3]: the matrices of x -> omega x x, for one vector or one per site."""
    x, y, z = np.moveaxis(field, -1, 0)
    zero = np.zeros_like(x)
    rows = ((zero, -z, y), (z, zero, -x), (-y, x, zero))
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


class Equations(NamedTuple):
    """The 4N equations as sparse matrices: potentials X of all sites, then spins sigma."""

    system: csr_array  # [4n, 4n]: left side
    right: np.ndarray  # float64[4n]: right side
    lap: csr_array  # [n, n]: hopping of particles
    flow: csr_array  # [n, 3n]: flow that spins drive into every site
    torque: csr_array  # [3n, n]: torque of the potentials on the spins
    spin_block: csr_array  # [3n, 3n]: hopping with rotation, relaxation and magnetic field
    onsite: csr_array  # [3n, 3n]: relaxation and magnetic field alone


def assemble(coupling: Coupling, problem: Problem) -> Equations:
    """The equations [hopping 5a] and [hopping 5b] of all sites as sparse matrices."""
    network, rates = coupling.network, coupling.rates
    n = network.n_sites
    i, j = network.link_i, network.link_j
    K = rates.conductance
    adjacency = coo_array((np.concatenate([K, K]), (np.append(i, j), np.append(j, i))), (n, n))
    lap = csr_array(diags_array(adjacency.sum(axis=1))) - csr_array(adjacency)
    local = np.einsum("n,ab->nab", problem.rate, problem.anisotropy)
    local -= rates.occupation[:, None, None] * cross_matrices(problem.field)
    x, y = np.divmod(np.arange(9), 3)
    site = 3 * np.arange(n)[:, None]
    onsite = csr_array(
        coo_array((local.ravel(), ((site + x).ravel(), (site + y).ravel())), (3 * n, 3 * n))
    )
    spin_block = hopping_block(network, problem.spin_orbit, problem.precession, K) + onsite
    torque, flow = coupling_blocks(network, problem.spin_orbit, problem.eta, rates.log_scale)
    corner = -flow if problem.feedback else None
    system = csr_array(bmat([[lap, corner], [-torque, spin_block]]))
    right = np.concatenate([np.zeros(n), problem.source.ravel()])
    return Equations(system, right, lap, flow, torque, spin_block, onsite)


def solve_matrix(coupling: Coupling, current: UnitCurrent, problem: Problem) -> SteadyState:
    """Solve the 4N equations [hopping 5a], [hopping 5b] by sparse LU.

    Parameters
    ----------
    coupling : Coupling
    current : UnitCurrent
    problem : Problem

    Returns
    -------
    SteadyState

    Warns
    -----
    ValidityWarning
        If linear precession has growing modes.
    """
    network = coupling.network
    n = network.n_sites
    if n > LARGEST:
        raise ParameterError(
            f"method 'matrix' takes at most {LARGEST} sites, got {n}; use method='frames' "
            "(with precession='rotation')."
        )
    equations = assemble(coupling, problem)
    held = np.zeros(4 * n, np.bool_)
    held[:n][network.isolated] = True
    held[network.source] = held[network.drain] = True
    held[n + 3 * problem.sinks[:, None] + np.arange(3)] = True
    held |= equations.system.diagonal() == 0.0  # sites without any rate that a float can hold
    value = np.zeros(4 * n)
    value[network.source] = problem.bias
    rhs = equations.right - equations.system @ value
    free = np.flatnonzero(~held)
    value[free] = solve_sparse(equations.system[free][:, free], rhs[free])
    potential, sigma = value[:n], value[n:].reshape(n, 3)

    into = -(equations.lap @ potential)
    driven = np.zeros(3)
    if problem.feedback:
        into += equations.flow @ value[n:]
        driven = coupling.feedback(current.drop, sigma)[1]
    drop = potential[network.link_i] - potential[network.link_j]
    row_residual, residual = equation_residuals(coupling, problem, equations, value, held)
    return SteadyState(
        sigma=sigma,
        torque=coupling.torque(drop)[0],
        drop=read_only(drop),
        current=float(into[network.drain].sum()),
        feedback_current=driven,
        residual=residual,
        row_residual=read_only(row_residual),
        growing_modes=count_growing(equations, problem, free[free >= n] - n),
    )


def equation_residuals(
    coupling: Coupling,
    problem: Problem,
    equations: Equations,
    value: np.ndarray,
    held: np.ndarray,
) -> tuple[np.ndarray, float]:
    """Residual of every row over the flows through its site, and the largest significant one.

    Terms are differences along links, K_ij (X_i - X_j) and K_ij (sigma_i - R_ij sigma_j). Compared
    with K_ij X_i and K_ij X_j, the residual would always be of the order of rounding: an assembled
    matrix keeps only the sum of the conductances of a site, and the weak ones among them are lost.

    Returns
    -------
    row_residual : float64[n_sites, 4]
    residual : float
    """
    network, n = coupling.network, coupling.network.n_sites
    i, j, K = network.link_i, network.link_j, coupling.rates.conductance
    potential, sigma = value[:n], value[n:].reshape(n, 3)
    R = hop_matrices(network, problem.spin_orbit, problem.precession)
    # What leaves the two ends of every link: particles in the first column, then spins.
    drop = potential[i] - potential[j]
    turned_j = np.einsum("lab,lb->la", R, sigma[j])
    turned_i = np.einsum("lba,lb->la", R, sigma[i])
    leaving_i = K[:, None] * np.column_stack([drop, sigma[i] - turned_j])
    leaving_j = K[:, None] * np.column_stack([-drop, sigma[j] - turned_i])
    # All other terms of the rows.
    driven = equations.flow @ value[n:] if problem.feedback else np.zeros(n)
    others = [
        np.column_stack([-driven, (equations.onsite @ value[n:]).reshape(n, 3)]),
        -np.column_stack([np.zeros(n), (equations.torque @ potential).reshape(n, 3)]),
        -np.column_stack([equations.right[:n], equations.right[n:].reshape(n, 3)]),
    ]
    residual, moduli = np.sum(others, axis=0), np.sum(np.abs(others), axis=0)
    for ends, leaving in ((i, leaving_i), (j, leaving_j)):
        for column in range(4):
            residual[:, column] += np.bincount(ends, leaving[:, column], n)
            moduli[:, column] += np.bincount(ends, np.abs(leaving[:, column]), n)
    free = ~np.column_stack([held[:n], held[n:].reshape(n, 3)])
    row_residual = np.divide(
        np.abs(residual), moduli, out=np.zeros((n, 4)), where=free & (moduli > 0)
    )
    # Particle rows and spin rows have different units: each kind is compared with its own mean.
    significant = np.column_stack(
        [part > WEAK_ROW * part.mean() for part in (moduli[:, :1], moduli[:, 1:])]
    )
    return row_residual, float(row_residual[significant].max(initial=0.0))


def count_growing(equations: Equations, problem: Problem, spin_free: np.ndarray) -> int:
    """Number of modes of the spin block that grow in time; warns if there is one."""
    if problem.precession != "linear":
        return 0
    growing = count_negative(equations.spin_block[spin_free][:, spin_free])
    if growing:
        warnings.warn(
            f"linear precession has {growing} growing modes in this sample at this tau_s, no "
            "steady state is reached; use precession='rotation'.",
            ValidityWarning,
            stacklevel=4,
        )
    return growing


def solve_sparse(matrix: csr_array, rhs: np.ndarray) -> np.ndarray:
    """Solution by sparse LU, with scaled rows and columns and one step of refinement."""
    row = 1.0 / np.sqrt(abs(matrix).max(axis=1).toarray().ravel())
    column = 1.0 / np.sqrt(abs(matrix).max(axis=0).toarray().ravel())
    scaled = csc_array(diags_array(row) @ matrix @ diags_array(column))
    try:
        lu = splu(scaled)
    except RuntimeError:
        raise ConvergenceError(
            "the matrix of this sample must not be singular, which it is to double precision: its "
            "rates span too many orders of magnitude; use method='frames'."
        ) from None
    x = lu.solve(row * rhs)
    x += lu.solve(row * rhs - scaled @ x)
    return column * x


def count_negative(matrix: csr_array) -> int:
    """Number of negative eigenvalues of the symmetric part, from the signs of the pivots."""
    symmetric = csc_array(0.5 * (matrix + matrix.T))
    lu = splu(
        symmetric,
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0.0,
        options={"SymmetricMode": True},
    )
    return int((lu.U.diagonal() < 0).sum())


def growth_rate(network: Network, spin_orbit: ArrayLike, *, precession: str = "rotation") -> float:
    """Largest eigenvalue of the spin generator without relaxation, in 1/tau_0.

    The generator is dS_i/dt = sum_j (R_ij S_j / tau_ij - S_i / tau_ji) [hopping 5b]. Its largest
    eigenvalue is never positive for the full rotation: spins dephase. With the literal linear
    precession, R_ij S = S + 2 d_ij x S, the precession is a symmetric, traceless perturbation of
    the hopping block, and the largest eigenvalue is positive: one mode grows. The steady state has
    no meaning once 1/tau_s is smaller than this eigenvalue.

    Parameters
    ----------
    network : Network
        At most 1000 sites, because all eigenvalues are found.
    spin_orbit : array_like[2, 2]
        M = m a_b beta / hbar^2.
    precession : {"rotation", "linear"}

    Returns
    -------
    float

    Raises
    ------
    ParameterError
        If the network has more sites, or an argument is not of the kind described.
    """
    instance_of("network", network, Network, "make it with hopnet.build_network")
    check_precession(precession)
    if network.n_sites > LARGEST_DENSE:
        raise ParameterError(
            f"growth_rate needs all eigenvalues and takes at most {LARGEST_DENSE} sites, got "
            f"{network.n_sites}; take a smaller sample."
        )
    # K_ij / sqrt(n_i n_j): no rate is too large or too small for a float.
    block = hopping_block(network, check_spin_orbit(spin_orbit), precession)
    scale = diags_array(np.repeat(np.exp(-0.5 * network.log_occupation), 3))
    symmetric = scale @ block @ scale
    symmetric = 0.5 * (symmetric + symmetric.T)
    return float(-np.linalg.eigvalsh(symmetric.toarray())[0])


def check_precession(precession: str) -> str:
    """``precession`` if it is one of the two names, or a ParameterError."""
    return one_of(
        "precession",
        precession,
        ("rotation", "linear"),
        "'rotation' turns the spin by 2 d in each hop, 'linear' is the literal S + 2 d x S",
    )
