"""Kirchhoff's laws on one network: hopnet beside six other solvers.

The others are PARDISO, CHOLMOD and SuperLU (factors of the assembled matrix), PyAMG (multigrid),
apxchol and approx-chol (random approximate factors with conjugate gradients).

Every candidate gets the same network, warm, in turn. hopnet's time is order + symbolic analysis
+ factor + the drop of every link; a peer's is order + factor + solve of the assembled matrix
(its assembly is not counted). Peers are optional (``pip install 'hopnet[bench]'``): one that is
missing or fails is a row that says so.

A solver reports its own residual, which says little where conductances span tens of decades. The
table gives what the answer is worth: the imbalance at the sites, and the current that leaves the
source and enters the drain over the exact current (``source_over_exact``, ``drain_over_exact``).
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.sparse import coo_array, diags_array
from scipy.sparse.linalg import LinearOperator, cg, splu
from scipy.spatial import cKDTree

from hopnet.bench import paired, peak_apart, print_peak, row
from hopnet.elimination.dissection import dissect_graph
from hopnet.elimination.symbolic import analyse
from hopnet.elimination.symmetric import factor
from hopnet.network.build import build_network
from hopnet.network.neighbours import find_links
from hopnet.network.network import DRAIN, INNER, SOURCE
from hopnet.network.sites import random_sites
from hopnet.network.triads import find_triads
from hopnet.spin.curve import f_curve
from hopnet.spin.generation import spin_generation
from hopnet.threads import thread_count
from hopnet.transport.balance import balance_at_sites
from hopnet.transport.current import solve_current

__all__ = ["WHOLE", "measure"]

# Cutoff of samples in space, in l_c. The cost grows with its eighth power.
CUTOFF_IN_SPACE = 1.5

WHOLE = {"densities": (0.1, 0.02, 0.005, 0.001), "n_scaling": (100_000, 1_000_000)}  # bench all


def measure(
    n_sites: int = 500_000,
    density: float = 0.01,
    seed: int = 1,
    repeats: int = 3,
    curve: bool = True,
    memory: bool = True,
    n_scaling: tuple[Any, ...] = (),
    densities: tuple[Any, ...] = (),
    dimension: int = 2,
) -> list[dict[str, Any]]:
    """Time the main stages and the peers.

    Parameters
    ----------
    n_sites, density, seed
        The network.
    repeats : int
        Counted rounds.
    curve : bool
        Also the 33-point f-curve.
    memory : bool
        Also the peak memory of each solver, each in a process of its own.
    densities : list of float
        Also all solvers at these densities and at most 1e5 sites, to see where each one fails.
    n_scaling : list of int
        Also hopnet alone at these sizes, with the exponent of its time.
    dimension : {2, 3}
        Number of axes. In space links reach 1.5 l_c, and spins are left out.

    Returns
    -------
    list of dict
    """
    n_sites = int(n_sites)
    network = make_network(n_sites, density, seed, dimension)
    rows = solver_rows(network, repeats)
    if memory:
        for line in rows:
            given = line["what"], n_sites, density, seed, dimension
            line["peak_MB"] = peak_apart("solve", "run_once", *given)
    rows += order_rows(network, repeats)
    rows += stage_rows(network, repeats, curve)
    if densities:
        rows += density_rows(densities, min(n_sites, SCAN_SITES), seed, dimension)
    if n_scaling:
        rows += scaling_rows(n_scaling, density, seed, dimension)
    return rows


def make_network(n_sites, density, seed, dimension=2):
    """The network that all solvers get."""
    sites = random_sites(n_sites, density=density, seed=seed, dimension=dimension)
    # The default margin would make dense samples in space far more expensive than they need be.
    return build_network(sites, cutoff=None if dimension == 2 else CUTOFF_IN_SPACE)


class Problem:
    """One network in the forms that the solvers take."""

    def __init__(self, network):
        self.network = network
        self.terminal = network.terminals
        self.g = network.conductance
        n, i, j = network.n_sites, network.link_i, network.link_j
        matrix = coo_array(
            (
                np.concatenate([self.g, self.g, -self.g, -self.g]),
                (np.concatenate([i, j, i, j]), np.concatenate([i, j, j, i])),
            ),
            shape=(n, n),
        ).tocsr()
        self.inner = np.flatnonzero(self.terminal == INNER)
        self.voltage = (self.terminal == SOURCE).astype(float)
        self.matrix = matrix[self.inner][:, self.inner].tocsr()
        self.matrix.sort_indices()
        self.rhs = -(matrix @ self.voltage)[self.inner]
        self.exact = solve_current(network).conductance

    def flow_of(self, potential):
        """Link flows from the potentials of the inner sites."""
        voltage = self.voltage.copy()
        voltage[self.inner] = potential
        return self.g * (voltage[self.network.link_i] - voltage[self.network.link_j])

    def quality(self, flow):
        """Imbalance, its 99th percentile by site, spread of five cut currents, both currents."""
        net, _, by_site, imbalance = balance_at_sites(self.network, flow, self.terminal)
        x = self.network.sites.position[:, 0] / self.network.sites.length
        cuts = [
            (
                ((x < place)[self.network.link_i].astype(int) - (x < place)[self.network.link_j])
                * flow
            ).sum()
            for place in (0.1, 0.3, 0.5, 0.7, 0.9)
        ]
        spread = (max(cuts) - min(cuts)) / abs(np.mean(cuts)) if np.mean(cuts) else np.inf
        return {
            "imbalance": imbalance,
            "imbalance_p99": float(np.percentile(by_site, 99)),
            "cut_spread": float(spread),
            "source_over_exact": float(net[self.terminal == SOURCE].sum() / self.exact),
            "drain_over_exact": float(-net[self.terminal == DRAIN].sum() / self.exact),
        }


def hopnet_drops(problem):
    """Order, symbolic analysis, factor, drop of every link."""
    network = problem.network
    rows = network.row_start, network.row_neighbour
    order = dissect_graph(network.link_i, network.link_j, network.sites.position, rows=rows)
    symbolic = analyse(order, network.link_i, network.link_j, problem.terminal)
    factored = factor(symbolic, problem.g)
    return problem.g * factored.link_drops(network.n_links, (1.0, 0.0))


def hopnet_solve_current(problem):
    """All of solve_current: also clusters, the correction step and the check of the balance."""
    return solve_current(replace(problem.network)).flow


def pardiso(problem):
    """Intel MKL PARDISO through pypardiso, symmetric positive definite."""
    import pypardiso
    from scipy.sparse import triu

    if not hasattr(problem, "upper"):  # its input format: not counted in its time
        problem.upper = triu(problem.matrix, format="csr")
    solver = pypardiso.PyPardisoSolver(mtype=2)
    try:
        solver.factorize(problem.upper)
        return problem.flow_of(solver.solve(problem.upper, problem.rhs))
    finally:
        solver.free_memory(everything=True)


def cholmod(problem):
    """CHOLMOD (simplicial) through cholespy."""
    from cholespy import CholeskySolverD, MatrixType

    m = problem.matrix
    solver = CholeskySolverD(
        m.shape[0], m.indptr.astype(np.int32), m.indices.astype(np.int32), m.data, MatrixType.CSR
    )
    x = np.zeros_like(problem.rhs)
    solver.solve(problem.rhs, x)
    return problem.flow_of(x)


def superlu(problem):
    """SuperLU through scipy, symmetric mode."""
    options = {"SymmetricMode": True}
    factored = splu(
        problem.matrix.tocsc(), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options=options
    )
    return problem.flow_of(factored.solve(problem.rhs))


def pyamg(problem):
    """Smoothed aggregation with conjugate gradients, stopped after a minute."""
    import pyamg

    start = time.perf_counter()

    def stop_in_time(_):
        if time.perf_counter() - start > PATIENCE:
            raise TimeoutError(f"no answer in {PATIENCE} s")

    solver = pyamg.smoothed_aggregation_solver(problem.matrix, symmetry="symmetric")
    return problem.flow_of(
        solver.solve(problem.rhs, tol=TOLERANCE, maxiter=300, accel="cg", callback=stop_in_time)
    )


def apxchol(problem):
    """Random approximate factor with conjugate gradients, as the package does it itself."""
    import apxchol

    return problem.flow_of(apxchol.solve(problem.matrix, problem.rhs, rtol=TOLERANCE).x)


def approx_chol(problem):
    """Random approximate factor by approx-chol, conjugate gradients by SciPy."""
    from approx_chol import factorize_raw

    m = problem.matrix
    factored = factorize_raw(
        m.indptr.astype(np.uint32), m.indices.astype(np.uint32), m.data, n=m.shape[0]
    )
    operator = LinearOperator(m.shape, matvec=factored.solve, dtype=np.float64)
    x, _ = cg(m, problem.rhs, rtol=TOLERANCE, maxiter=500, M=operator)
    return problem.flow_of(x)


SOLVERS = {
    "hopnet: order + symbolic + factor + drops": hopnet_drops,
    "hopnet: solve_current, all of it": hopnet_solve_current,
    "PARDISO": pardiso,
    "CHOLMOD (cholespy)": cholmod,
    "SuperLU (scipy)": superlu,
    "PyAMG (SA + CG)": pyamg,
    "apxchol (AC + CG)": apxchol,
    "approx-chol (AC + CG)": approx_chol,
}
REFERENCE = "PARDISO"
SCAN_SITES = 100_000  # at most, in the scan over densities
TOLERANCE = 1e-12  # relative residual asked of the iterative solvers
PATIENCE = 60  # seconds for one solve; slower candidates are timed once


def solver_rows(network, repeats):
    """Time the solvers in turn, and measure the accuracy of each answer."""
    problem = Problem(network)
    answers, failures, first = {}, {}, {}
    for name, solve in SOLVERS.items():  # warm-up, and the answer
        start = time.perf_counter()
        try:
            answers[name] = problem.quality(solve(problem))
        except Exception as failure:  # a peer may fail in any way: its row says so
            failures[name] = f"{type(failure).__name__}: {failure}"
        first[name] = time.perf_counter() - start
    quick = [name for name in answers if first[name] < PATIENCE / 4]
    seconds = {name: [first[name]] for name in answers} | paired(
        {name: lambda solve=SOLVERS[name]: solve(problem) for name in quick},
        repeats=repeats,
        warm_up=0,
    )
    rows = []
    for name in SOLVERS:
        if name in failures:
            rows.append({"what": name, "failed": failures[name][:60]})
            continue
        compared = (REFERENCE, seconds[REFERENCE]) if REFERENCE in seconds else (None, None)
        rows.append(row(name, seconds[name], *compared, **answers[name]))
    return rows


def run_once(name, n_sites, density, seed, dimension=2):
    """Solve once in this process and print the peak memory of that, network included, in MB."""
    problem = Problem(make_network(int(n_sites), density, seed, dimension))
    print_peak(lambda: SOLVERS[name](problem))


def stage_rows(network, repeats, curve):
    """Time each stage of hopnet, in turns with its fair counterpart in another library."""
    sites, radius = network.sites, network.cutoff_radius
    seconds = paired(
        {
            "links": lambda: find_links(sites, radius),
            "tree": lambda: cKDTree(sites.position).query_pairs(radius, output_type="ndarray"),
        },
        repeats=repeats,
    )
    rows = [row("neighbour search", seconds["links"], "cKDTree.query_pairs", seconds["tree"])]
    current = solve_current(network)
    problem = Problem(network)
    period = sites.period
    order = dissect_graph(network.link_i, network.link_j, sites.position, period=period)
    symbolic = analyse(order, network.link_i, network.link_j, problem.terminal)
    free = analyse(order, network.link_i, network.link_j)
    factored = factor(symbolic, problem.g)
    stages = {
        "order": lambda: dissect_graph(
            network.link_i, network.link_j, sites.position, period=period
        ),
        "symbolic": lambda: analyse(order, network.link_i, network.link_j, problem.terminal),
        "factor": lambda: factor(symbolic, problem.g),
        "drops": lambda: factored.link_drops(network.n_links, (1.0, 0.0)),
        "solve_current": lambda: solve_current(replace(network)),
    }
    more = {
        "factor": {
            "entries": symbolic.n_entries,
            "multiply_adds": symbolic.operations,
        },
    }
    if sites.dimension == 2:
        gamma = spin_generation(network, current).gamma
        stages["triads"] = lambda: spin_generation(network, current)
        stages["spin factor + solve"] = lambda: factor(free, problem.g, 1e-4).solve(gamma)
    if curve and sites.dimension == 2:
        tau_s = np.logspace(-2, 12, 33)
        stages["33-point f-curve"] = lambda: f_curve(network, tau_s, current=current)
    seconds = paired(stages, repeats=repeats)
    more["factor"]["flops_per_second"] = 2 * symbolic.operations / min(seconds["factor"])
    if "triads" in stages:
        more["triads"] = {"per_second": find_triads(network).n_triads / min(seconds["triads"])}
    for name in stages:
        if name == "33-point f-curve":
            rows.append(row(name, seconds[name], "solve_current", seconds["solve_current"]))
        elif name != "solve_current":
            rows.append(row(f"stage: {name}", seconds[name], **more.get(name, {})))
    return rows


def fill_in(problem, permutation):
    """Entries below the diagonal and multiply-adds of a factor in a given order of the inner sites.

    Counted by SuperLU in the natural order of the permuted graph (unit conductances: only the
    pattern matters).
    """
    graph = problem.matrix.copy()
    graph.data = np.where(graph.data > 0, np.diff(graph.indptr).repeat(np.diff(graph.indptr)), -1.0)
    permuted = graph[permutation][:, permutation].tocsc()
    factored = splu(
        permuted,
        permc_spec="NATURAL",
        diag_pivot_thresh=0.0,
        relax=1,
        options={"SymmetricMode": True},
    )
    below = np.diff(factored.L.indptr).astype(float) - 1.0
    return {"entries": int(below.sum()), "multiply_adds": float((below**2).sum() / 2)}


def order_rows(network, repeats):
    """hopnet's order beside METIS's: seconds, entries, multiply-adds of the same factor."""
    problem = Problem(network)
    rows = network.row_start, network.row_neighbour

    def ours():
        return dissect_graph(network.link_i, network.link_j, network.sites.position, rows=rows)

    number = np.full(network.n_sites, -1)
    number[problem.inner] = np.arange(problem.inner.size)
    by_node = number[ours().permutation]
    permutations = {"hopnet": by_node[by_node >= 0]}
    calls = {"hopnet": ours}
    try:
        import pymetis

        off = problem.matrix - diags_array(problem.matrix.diagonal())
        off.eliminate_zeros()
        graph = pymetis.CSRAdjacency(off.indptr.astype(np.int32), off.indices.astype(np.int32))

        def metis():
            return np.asarray(pymetis.nested_dissection(graph)[0])

        permutations["METIS"] = metis()
        calls["METIS"] = metis
    except Exception as failure:  # a peer may be missing or fail: that is its row
        return [{"what": "order: METIS", "failed": f"{type(failure).__name__}: {failure}"[:60]}]
    seconds = paired(calls, repeats=repeats, warm_up=0)
    return [
        row(
            f"order: {name}",
            seconds[name],
            "METIS",
            seconds["METIS"],
            **fill_in(problem, permutations[name]),
        )
        for name in calls
    ]


def density_rows(densities, n_sites, seed, dimension):
    """One row per solver and density: which solvers still conserve the current in dilute samples.

    Each in a process of its own: a peer that does not end loses only its own row.
    """
    rows = []
    for density in densities:
        for name in SOLVERS:
            code = (
                "from hopnet.bench.solve import print_second; "
                f"print_second({name!r}, {n_sites}, {density}, {seed}, {dimension})"
            )
            line = {"what": f"N = {n_sites}, n_s a_b^{dimension} = {density:g}: {name}"}
            try:
                done = subprocess.run(
                    [sys.executable, "-W", "ignore", "-c", code],
                    capture_output=True,
                    text=True,
                    timeout=2 * PATIENCE,
                    check=False,
                )
                told = done.stdout.strip().splitlines() or [""]
                if done.returncode == 0 and told[-1].startswith("{"):
                    line = json.loads(told[-1]) | line
                else:
                    line["failed"] = (done.stderr.strip().splitlines() or ["died"])[-1][:60]
            except subprocess.TimeoutExpired:
                line["failed"] = f"no answer in {2 * PATIENCE} s"
            rows.append(line)
    return rows


def print_second(name, n_sites, density, seed, dimension):
    """Solve twice in this process; print the second time and the accuracy of the answer."""
    problem = Problem(make_network(n_sites, density, seed, dimension))
    SOLVERS[name](problem)
    start = time.perf_counter()
    flow = SOLVERS[name](problem)
    seconds = [time.perf_counter() - start]
    print(json.dumps(row(name, seconds, **problem.quality(flow))))


def scaling_rows(sizes, density, seed, dimension):
    """hopnet alone over sizes: seconds, flops per second, and the exponent of the time."""
    rows = []
    for n_sites in sizes:
        problem = Problem(make_network(int(n_sites), density, seed, dimension))
        times = paired({"": lambda problem=problem: hopnet_drops(problem)}, repeats=3)[""]
        seconds = min(times)
        order = problem.network.dissection
        symbolic = analyse(order, problem.network.link_i, problem.network.link_j, problem.terminal)
        rows.append(
            row(
                f"hopnet, N = {int(n_sites)}, {thread_count()} threads",
                times,
                flops_per_second=2 * symbolic.operations / seconds,
                multiply_adds=symbolic.operations,
            )
        )
    if len(rows) > 1:
        exponent = np.polyfit(
            np.log(np.asarray(sizes, float)), np.log([r["seconds_min"] for r in rows]), 1
        )[0]
        rows[-1]["time_exponent"] = float(exponent)
    return rows
