"""The machine: its processor, memory and processes, and the versions of the libraries."""

from __future__ import annotations

import contextlib
import math
import os
import platform
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

from hopnet.threads import thread_count

__all__ = [
    "describe_machine",
    "machine_memory",
    "peak_memory",
    "process_start",
    "processor_name",
    "versions",
]


def peak_memory() -> int:
    """Peak resident memory of this process so far, in bytes."""
    try:
        import resource
    except ImportError:  # Windows
        return int(psutil.Process().memory_info().peak_wset)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


@cache
def machine_memory() -> float:
    """Physical memory, or the limit of the container if that is smaller, in bytes; read once.

    Reading it takes about as long as a twentieth of a sample of 1000 sites.
    """
    found: list[float] = [psutil.virtual_memory().total]
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError):
            found.append(float((Path("/sys/fs/cgroup") / name).read_text()))
    return min(value for value in found if math.isfinite(value))


def process_start(pid: int) -> float | None:
    """Start of a process of this machine, in s after the boot; None if there is no such process.

    It is counted from the boot, so that a change of the clock has no effect.
    """
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        boot = psutil.boot_time()
        return round(process.create_time() - boot, 2)
    except (psutil.Error, OSError, ValueError, OverflowError, TypeError):
        return None


@cache
def versions() -> dict[str, str]:
    """Versions of the libraries on which the last bits of a result depend; read once."""
    import hopnet

    names = ("numpy", "scipy", "numba", "pyarrow", "pandas")
    found = {"hopnet": hopnet.__version__, "python": platform.python_version()}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


@cache
def processor_name() -> str:
    """The name of the processor, or the name that the platform module gives."""
    if sys.platform.startswith("linux"):
        with contextlib.suppress(OSError):
            for line in Path("/proc/cpuinfo").read_text().splitlines():
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def describe_machine() -> dict[str, Any]:
    """The facts that belong to a measured time: processor, cores, threads, versions."""
    return {
        "processor": processor_name(),
        "cores": os.cpu_count(),
        "threads": thread_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "versions": {n: versions()[n] for n in ("python", "hopnet", "numpy", "scipy", "numba")},
    }
