"""Run files of ``hopnet memory``: one sample, its nuclear fields, spin memory and spin noise."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from hopnet.errors import ParameterError, ValidityWarning
from hopnet.network.build import build_network
from hopnet.network.sites import random_sites
from hopnet.records import Record
from hopnet.spin.hyperfine import kubo_toyabe, overhauser_fields
from hopnet.spin.memory import SpinRelaxation, spin_relaxation
from hopnet.spin.noise import SpinNoise, spin_noise
from hopnet.toml import Finite, NotNegative, Positive, Section, parse_toml, read_text, validate

__all__ = [
    "MemoryFile",
    "MemoryReport",
    "read_memory_file",
    "run_memory",
    "tail_law",
    "warn_if_fields_turn",
]

Vector = Annotated[list[Finite], Field(min_length=3, max_length=3)]
Row = Annotated[list[Finite], Field(min_length=2, max_length=2)]
Seed = Annotated[int, Field(ge=0)]


class SampleSection(Section):
    """``[sample]``: the sites and their links."""

    n_sites: Annotated[int, Field(ge=3, le=100_000_000)]
    density: Positive
    geometry: Literal["open", "cylinder", "torus"] = "cylinder"
    seed: Seed


class NucleiSection(Section):
    """``[nuclei]``: strength sigma and external field, in 1/tau_0.

    ``turning_time`` is the time, in tau_0, in which the nuclear fields themselves turn. Longer
    times get a warning, because the fields are taken as frozen.
    """

    strength: NotNegative
    seed: Seed
    turning_time: Positive | None = None
    external: Vector = Field(default=[0.0, 0.0, 0.0])


class SpinSection(Section):
    """``[spin]``: relaxation by all other processes, and rotations in hops."""

    tau_s: Positive | None = None
    spin_orbit: Annotated[list[Row], Field(min_length=2, max_length=2)] | None = None
    direction: Vector = Field(default=[0.0, 0.0, 1.0])


class SpreadSection(Section):
    """``{ start, stop, n }``: n values, evenly spaced in the logarithm."""

    start: Positive
    stop: Positive
    n: Annotated[int, Field(ge=2, le=10_000)]

    def values(self) -> np.ndarray:
        """float64[n]."""
        return np.geomspace(self.start, self.stop, self.n)


class MemorySection(Section):
    """``[memory]``: the times, in tau_0, and the order of the mean over log time."""

    time: SpreadSection
    order: Annotated[int, Field(ge=1, le=1000)] = 16


class NoiseSection(Section):
    """``[noise]``: the frequencies and the width of each line, in 1/tau_0."""

    frequency: SpreadSection
    resolution: Positive
    method: Literal["exact", "model"] = "exact"


class MemoryFile(Section):
    """A whole run file of ``hopnet memory``."""

    question: str = Field(default="", max_length=10_000)
    sample: SampleSection
    nuclei: NucleiSection
    spin: SpinSection = SpinSection()
    memory: MemorySection | None = None
    noise: NoiseSection | None = None


@dataclass(frozen=True, eq=False)
class MemoryReport(Record):
    """Results of ``hopnet memory``.

    Attributes
    ----------
    relaxation : SpinRelaxation or None
    site : float64[n_times] or None
        The curve of Kubo and Toyabe in the same external field, where it lies along the spin.
    tail : float64[n_times] or None
        `tail_law`, without an external field.
    noise : SpinNoise or None
    """

    table_row: ClassVar[str] = "time"
    table_columns: ClassVar[tuple[str, ...]] = ("site", "tail")

    relaxation: SpinRelaxation | None
    site: np.ndarray | None
    tail: np.ndarray | None
    noise: SpinNoise | None


def tail_law(time: np.ndarray, density: float) -> np.ndarray:
    """Spin memory at late times, for random sites of equal energy in the plane [nuclei 16].

    P = (1/3) exp{-(pi n_s / 4) [(ln t + 0.5772)^2 + pi^2 / 6]}: the probability not to have hopped,
    times the third of the spin that survives in frozen fields. It does not depend on sigma and has
    no fit parameter.

    Parameters
    ----------
    time : float64[n], in tau_0
        Times well above 1 / sigma.
    density : float
        n_s a_b^2.
    """
    log = np.log(time) + np.euler_gamma
    return np.exp(-0.25 * np.pi * density * (log**2 + np.pi**2 / 6)) / 3


def read_memory_file(path: str | Path) -> MemoryFile:
    """A run file of ``hopnet memory``, or a ParameterError with one sentence.

    Parameters
    ----------
    path : path-like
    """
    found = validate(MemoryFile, parse_toml(read_text(path), source=str(path)), source=str(path))
    if found.memory is None and found.noise is None:
        raise ParameterError(
            f"{path} must hold a section [memory] or [noise], got neither; add one of them."
        )
    return found


def warn_if_fields_turn(file: MemoryFile) -> None:
    """A ValidityWarning if a time of the file exceeds that in which the nuclear fields turn."""
    longest = 0.0 if file.memory is None else file.memory.time.stop
    if file.noise is not None:
        longest = max(longest, 1.0 / file.noise.resolution)
    turning_time = file.nuclei.turning_time
    if turning_time is not None and longest > turning_time:
        warnings.warn(
            f"the longest time, {longest:.2g} tau_0, is {longest / turning_time:.2g} times the "
            "turning_time of the nuclear fields: they are taken as frozen, so results beyond "
            "turning_time are not valid.",
            ValidityWarning,
            stacklevel=3,
        )


def run_memory(file: MemoryFile, *, threads: int | None = None) -> MemoryReport:
    """Compute the results that a run file of ``hopnet memory`` asks for.

    Parameters
    ----------
    file : MemoryFile
    threads : int, optional

    Returns
    -------
    MemoryReport
    """
    sample = file.sample
    sites = random_sites(
        sample.n_sites, density=sample.density, seed=sample.seed, geometry=sample.geometry
    )
    network = build_network(sites)
    warn_if_fields_turn(file)
    external = np.array(file.nuclei.external)
    nuclei = overhauser_fields(network, file.nuclei.strength, seed=file.nuclei.seed)
    common: dict[str, Any] = {
        "field": nuclei + external,
        "spin_orbit": file.spin.spin_orbit,
        "direction": file.spin.direction,
        "threads": threads,
    }
    relaxation = site = tail = noise = None
    if file.memory is not None:
        time = file.memory.time.values()
        tau_s = np.inf if file.spin.tau_s is None else file.spin.tau_s
        relaxation = spin_relaxation(network, time, order=file.memory.order, tau_s=tau_s, **common)
        across = np.linalg.norm(np.cross(external, file.spin.direction))
        if across == 0.0 and file.nuclei.strength > 0:
            field = float(np.linalg.norm(external))
            few = field < 5.0 * file.nuclei.strength  # the curve is 1 for strong fields
            site = kubo_toyabe(time, file.nuclei.strength, field if few else 0.0) if few else None
        if not np.any(external):
            tail = tail_law(time, sample.density)
    if file.noise is not None:
        noise = spin_noise(
            network,
            file.noise.frequency.values(),
            resolution=file.noise.resolution,
            method=file.noise.method,
            **common,
        )
    return MemoryReport(relaxation, site, tail, noise)
