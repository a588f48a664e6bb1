"""``hopnet doctor``: the facts that a bug report needs, and a self-test."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["add_to"]

# The 12-site reference network of tests/test_spin.py: f at tau_s = 100 in the letter's
# normalisation, all pairs linked.
REFERENCE_F = 0.7248936324708


def add_to(app: typer.Typer) -> None:
    """Register ``doctor`` with ``app`` (a typer.Typer)."""
    app.command("doctor")(doctor)


def doctor(
    warm: Annotated[
        bool, typer.Option("--warm", help="Compile every kernel first, for example on installing.")
    ] = False,
):
    """Print versions, threads, cache and memory; compile the kernels; solve a known network.

    Example: hopnet doctor --warm
    """
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table(title="hopnet doctor", show_header=False)
    for name, value in facts():
        table.add_row(name, value)
    console.print(table)
    if warm:
        warm_cache(console)
    failures = 0
    for name, check in CHECKS:
        with console.status(f"{name} (compiling, once, the first time) ..."):
            seconds, figure, passed = timed(check)
        verdict = "[green]ok[/green]" if passed else "[red]WRONG[/red]"
        console.print(f"{verdict}  {name}: {figure}  ({seconds:.1f} s)")
        failures += not passed
    if failures:
        console.print(f"[red]{failures} of {len(CHECKS)} checks failed[/red]: please report this.")
        raise typer.Exit(1)
    console.print("[green]all checks passed[/green]")


# One line per topic: a command of little work that needs the kernels of the topic.
WARMING = (
    "percolation sample --n-sites 400 --seed 1",
    "percolation threshold --sizes 100,200 --samples 10 --seed 1",
    "percolation exponents --sizes 100,200,400 --samples 10 --seed 1",
    "hanle --n-sites 300 --seed 1",
    "step --n-sites 300 --seed 1",
    "temperature --n-sites 400 --samples 1 --seed 1 --temperatures 0.02,0.05,0.1",
    "walk --n-sites 150 --carriers 20 --longest 100 --seed 1",
    "hall sample --n-sites 400 --seed 1",
    "field --n-sites 300 --seed 1 --n 2",
    "kinetics --n-sites 100 --seed 1 --angles 0.013 --tau-s 100",
    "berry forms qwz --points 16",
    "boltzmann response --lambda-xy 0.05 --lambda-z 0.1 --rashba 0.005",
    "pumping efficiency",
)


def warm_functions() -> None:
    """Small tasks of the topics whose commands need a file."""
    import hopnet as hn
    from hopnet.spin import choose_traps

    sites = hn.random_sites(150, density=0.1, seed=1)
    network = hn.build_network(sites)
    hn.admittance(network, [1e-3])
    field = hn.overhauser_fields(network, 0.01, seed=1)
    hn.spin_relaxation(network, [1.0, 10.0], field=field)
    hn.magnetoresistance(network, choose_traps(network, 0.1, seed=1), [0.1], field=field)
    hn.solve_bias(network, 1.0)


def warm_cache(console: "Console") -> None:
    """Compile the kernels of every topic by small tasks; later runs load them from the cache."""
    import contextlib
    import io
    import warnings

    from hopnet.cli.main import main
    from hopnet.ensemble.plan import warm_up

    with console.status("compiling, once: runs, transport, memory ..."):
        warm_up()
        warm_functions()
    for line in WARMING:
        quiet = io.StringIO()
        with (  # what the commands print is not wanted here
            console.status(f"compiling, once: {line.partition(' --')[0]} ..."),
            contextlib.redirect_stdout(quiet),
            contextlib.redirect_stderr(quiet),
            warnings.catch_warnings(action="ignore"),
        ):
            code = main(line.split())
        if code:
            console.print(f"[red]{line}[/red]: {quiet.getvalue().strip()[-200:]}")
    console.print("all kernels are in the cache")


def facts():
    """(name, value) pairs about this installation and machine."""
    import os
    import sys
    from importlib.metadata import version
    from pathlib import Path

    import numba
    import psutil

    import hopnet.kernels
    from hopnet.ensemble.plan import largest_sample
    from hopnet.machine import describe_machine, machine_memory
    from hopnet.threads import thread_count

    about = describe_machine()
    memory = psutil.virtual_memory()
    yield "hopnet", f"{hopnet.__version__} in {os.path.dirname(hopnet.__file__)}"
    yield "python", sys.version.split()[0]
    for name in ("numpy", "scipy", "numba"):
        yield name, about["versions"][name]
    others = ("networkx", "pandas", "pyarrow", "pydantic", "matplotlib", "dask")
    yield "also", ", ".join(f"{name} {version(name)}" for name in others)
    yield "processor", f"{about['processor']}, {about['cores']} cores, {about['system']}"
    yield "threads used", f"{thread_count()} (set NUMBA_NUM_THREADS to change it)"
    room = largest_sample(min(memory.available, machine_memory()))
    yield (
        "memory",
        (
            f"{machine_memory() / 1e9:.1f} GB, {memory.available / 1e9:.1f} GB free: a curve of "
            f"about {room / 1e6:.2g} million sites"
        ),
    )
    beside = Path(hopnet.kernels.__file__).parent / "__pycache__"
    cache = Path(numba.config.CACHE_DIR or beside)
    kept = [path.stat().st_size for path in cache.rglob("*.nb[ci]")]
    state = f"{len(kept)} files, {sum(kept) / 1e6:.0f} MB" if kept else "empty"
    if not os.access(cache if cache.exists() else cache.parent, os.W_OK):
        state += ", not writable: kernels are compiled again each time; set NUMBA_CACHE_DIR"
    yield "kernel cache", f"{cache} ({state})"


def timed(check):
    """The duration in seconds, and the result of the check."""
    import time

    start = time.perf_counter()
    figure, passed = check()
    return time.perf_counter() - start, figure, passed


def check_digits():
    """The reference network of 12 sites, to 1e-9."""
    import warnings

    import numpy as np

    import hopnet as hn

    position = np.array(
        [
            [0.0, 3.2],
            [1.1, 5.4],
            [1.9, 1.7],
            [2.6, 4.1],
            [3.3, 7.2],
            [4.2, 2.9],
            [4.8, 5.5],
            [5.7, 0.8],
            [6.4, 3.9],
            [6.9, 7.0],
            [8.1, 2.2],
            [9.0, 4.6],
        ]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", hn.ValidityWarning)
        sites = hn.sites_from_positions(position, length=10, width=10)
        network = hn.build_network(sites, cutoff_radius=100, contacts=([0], [11]))
    f = hn.f_curve(network, [100.0], normalisation="letter").f[0]
    return f"f = {f:.12f}", abs(f / REFERENCE_F - 1) < 1e-9


def check_conservation():
    """Kirchhoff's laws where conductances span 50 decades."""
    import hopnet as hn

    current = hn.solve_current(hn.build_network(hn.random_sites(20_000, density=0.001, seed=5)))
    error = max(abs(current.source_current / current.drain_current - 1), current.imbalance)
    return f"current conserved to {error:.1e}", error < 1e-13


def check_plausible_f():
    """f of a sample of 1e5 sites lies in its known range."""
    import hopnet as hn

    network = hn.build_network(hn.random_sites(100_000, density=0.01, seed=5))
    curve = hn.f_curve(network, [0.0, 1e4])
    return f"f(0) = {curve.f[0]:.3f}, f(1e4) = {curve.f[1]:.3f}", 1.7 < curve.f[0] < 2.2


CHECKS = (
    ("reference network", check_digits),
    ("50 decades", check_conservation),
    ("1e5 sites", check_plausible_f),
)
