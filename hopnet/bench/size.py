"""How large a sample can be: seconds and peak memory of each step, at growing sizes.

Each size runs in a process of its own: place the sites and link them, order, current, percolation
threshold, f at five tau_s. ``bytes_per_site`` is the peak memory of a step, less what the process
used before the sites, divided by their number; only Linux can measure it.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

from hopnet import machine
from hopnet.network.build import build_network
from hopnet.network.sites import check_dimension, random_sites
from hopnet.percolation.thresholds import percolation_threshold
from hopnet.spin.curve import f_curve
from hopnet.transport.current import solve_current

__all__ = ["WHOLE", "measure"]

WHOLE = {"n_sites": (100_000, 1_000_000)}  # bench all

# The five relaxation times in tau_0: from the plateau of f to its fall.
TAU_S = (0.0, 1e-1, 1e2, 1e5, 1e8)


def measure(
    n_sites: tuple[Any, ...] = (100_000, 300_000),
    density: float = 0.01,
    cutoff: float = 1.5,
    seed: int = 1,
    curve: bool = True,
    dimension: int = 2,
) -> list[dict[str, Any]]:
    """Time and memory of each step of one sample, for each size, and the exponents.

    Parameters
    ----------
    n_sites : list of int
        Numbers of sites.
    density, cutoff, seed
        The networks.
    curve : bool
        Also f at five tau_s, which samples in space do not have.
    dimension : {2, 3}
        Dimension of the samples.

    Returns
    -------
    list of dict
    """
    check_dimension(dimension)
    rows: list[dict[str, Any]] = []
    for n in map(int, n_sites):
        words = f"{n}, {density!r}, {cutoff!r}, {seed!r}, {bool(curve)!r}, {dimension!r}"
        code = f"from hopnet.bench.size import print_steps; print_steps({words})"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
        lines = done.stdout.decode().splitlines()
        rows += [json.loads(line) for line in lines]
        if done.returncode != 0:
            failed = f"the process ended with {done.returncode}"
            rows.append({"what": f"{n} sites", "n_sites": n, "failed": failed})
    return rows + exponents(rows)


def exponents(rows):
    """Rows with the exponent of the processor time of each step between the two outer sizes."""
    found = []
    for step in dict.fromkeys(line["step"] for line in rows if "step" in line):
        same = [line for line in rows if line.get("step") == step]
        first, last = same[0], same[-1]
        if last["n_sites"] > first["n_sites"]:
            growth = math.log(last["core_seconds"] / first["core_seconds"])
            power = growth / math.log(last["n_sites"] / first["n_sites"])
            found.append({"what": f"exponent of {step}", "exponent": power})
    return found


def print_steps(n_sites, density, cutoff, seed, curve, dimension):
    """Run the steps of one size, and print one line of JSON for each as soon as it is done."""
    place = partial(random_sites, seed=seed, dimension=dimension)
    small = build_network(place(1000, density=density), cutoff=cutoff)
    warm = solve_current(small)  # compiles or loads the kernels
    curve = curve and dimension == 2
    if curve:
        f_curve(small, TAU_S, current=warm)
    percolation_threshold(small)
    base = memory_now()
    made: dict[str, Any] = {}

    def build():
        sites = place(n_sites, density=density)
        made["network"] = build_network(sites, cutoff=cutoff)
        return {"links_per_site": made["network"].n_links / n_sites}

    def order():
        return {"fronts": made["network"].dissection.left.shape[0]}

    def current():
        made["current"] = solve_current(made["network"])
        return {
            "imbalance": made["current"].imbalance,
            "log_conductance": made["current"].log_conductance,
        }

    def threshold():
        return {"threshold_length": percolation_threshold(made["network"]).threshold_length}

    def spin():
        return {"f": list(map(float, f_curve(made["network"], TAU_S, current=made["current"]).f))}

    steps = [build, order, current, threshold] + [spin] * curve
    for step in steps:
        clear_peak()
        start, used = time.perf_counter(), time.process_time()
        more = step()
        seconds, core_seconds = time.perf_counter() - start, time.process_time() - used
        line = {
            "what": f"{step.__name__}, {n_sites} sites",
            "step": step.__name__,
            "n_sites": n_sites,
            "seconds_min": seconds,
            "seconds_median": seconds,
            "core_seconds": core_seconds,
            "bytes_per_site": (peak_memory() - base) / n_sites,
            "load_average": os.getloadavg()[0],
        }
        print(json.dumps(line | more), flush=True)


def clear_peak():
    """Begin to measure the peak memory; only Linux can."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def memory_of(name):
    """A number of bytes from the status of this process; the peak of its life elsewhere."""
    try:
        text = Path("/proc/self/status").read_text()
    except OSError:
        return machine.peak_memory()
    return int(text.split(name)[1].split()[0]) * 1024


def memory_now():
    """Memory of this process, in bytes."""
    return memory_of("VmRSS:")


def peak_memory():
    """Largest memory of this process since `clear_peak`, in bytes."""
    return memory_of("VmHWM:")
