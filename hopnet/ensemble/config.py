"""Run files: TOML in, frozen and validated models out, every error one sentence.

A run file asks one question. Its sections are those of the data flow (sites, network, spin), then
how many samples (ensemble), what is varied (scan), what is kept (output) and, for batch systems,
where it runs (cluster). `read_config` gives a `RunConfig`, `RunConfig.points` what to compute.
"""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, ValidationError, field_validator, model_validator

from hopnet.files import digest
from hopnet.toml import (
    NotNegative,
    Positive,
    Section,
    nearest,
    parse_toml,
    read_text,
    sentence,
    validate,
)


class SitesSection(Section):
    """``[sites]``: see `hopnet.random_sites`; ``density_of_states`` and ``energy_width``:
    `hopnet.with_energies`, in the unit of ``network.kT``."""

    n_sites: Annotated[int, Field(ge=3)]
    density: Positive
    seed: Annotated[int, Field(ge=0)]
    geometry: Literal["open", "cylinder"] = "open"
    aspect: Positive = 1.0
    min_distance: NotNegative = 0.0
    density_of_states: Literal["uniform", "gaussian", "coulomb_gap"] | None = None
    energy_width: Positive | None = None


class NetworkSection(Section):
    """``[network]``: see `hopnet.build_network`."""

    cutoff: Positive = 1.5
    cutoff_radius: Positive | None = None
    contacts: Literal["x", "y"] = "x"
    kT: Positive | None = None
    bath: Literal["ohmic", "miller_abrahams", "heat_bath"] | None = None
    chemical_potential: Annotated[float, Field(allow_inf_nan=False)] | None = None


class Range(Section):
    """``{ start, stop, n, spacing }``: n values from start to stop, both included."""

    start: float
    stop: float
    n: Annotated[int, Field(ge=2, le=10_000)]
    spacing: Literal["log", "linear"] = "log"

    @model_validator(mode="after")
    def _check_ends(self):
        ends = (self.start, self.stop)
        if not all(map(math.isfinite, ends)) or (self.spacing == "log" and min(ends) <= 0):
            raise ValueError(
                f"a {self.spacing} range needs finite{' positive' * (self.spacing == 'log')} "
                f"ends, got {self.start!r} to {self.stop!r}"
            )
        if self.start == self.stop:
            raise ValueError(f"a range needs two different ends, got {self.start!r} twice")
        return self

    def values(self):
        """The values, as a tuple of floats rounded to 12 digits (so that a grid reads well)."""
        space = np.geomspace if self.spacing == "log" else np.linspace
        return tuple(float(f"{x:.12g}") for x in space(self.start, self.stop, self.n))


class SpinSection(Section):
    """``[spin]``: see `hopnet.f_curve`."""

    tau_s: Annotated[tuple[float, ...], Field(min_length=1, strict=False)]
    tolerance: NotNegative = 1e-2

    @field_validator("tau_s", mode="before")
    @classmethod
    def _spread(cls, value):
        if not isinstance(value, dict):
            return value
        return validate_section(Range, value, ("spin", "tau_s")).values()

    @field_validator("tau_s")
    @classmethod
    def _check_times(cls, value):
        wrong = [t for t in value if not t >= 0]
        if wrong:
            raise ValueError(f"times must lie in 0 .. inf (in tau_0), got {wrong[0]!r}; remove it")
        twice = [t for t, count in Counter(value).items() if count > 1]
        if twice:
            raise ValueError(f"every time once, got {twice[0]!r} twice; remove one")
        return value


class EnsembleSection(Section):
    """``[ensemble]``: how many samples of each point.

    ``samples`` samples are always taken. With ``target_error``, the wanted standard error of
    f relative to f at the first tau_s, their spread decides once how many more follow, up to
    ``max_samples``. ``common_random`` gives all points the same random numbers.
    """

    samples: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    target_error: Positive | None = None
    max_samples: Annotated[int, Field(ge=1)] | None = None
    common_random: bool = False

    @model_validator(mode="after")
    def _check_stopping(self):
        if self.target_error is not None and self.samples < 3:
            raise ValueError(
                "with target_error at least 3 samples are needed to judge the spread, got "
                f"{self.samples}"
            )
        if self.max_samples is not None and self.target_error is None:
            raise ValueError("max_samples goes with target_error; give that too")
        if self.max_samples is not None and self.max_samples < self.samples:
            raise ValueError(
                f"max_samples must be at least samples, got {self.max_samples} below {self.samples}"
            )
        return self


class OutputSection(Section):
    """``[output]``: with ``snapshot`` the first sample of each point is kept as .npz files."""

    snapshot: bool = False


class ClusterSection(Section):
    """``[cluster]``: a batch system that starts the workers (needs the extra hopnet[cluster])."""

    system: Literal["slurm", "pbs"]
    jobs: Annotated[int, Field(ge=1)] = 1
    workers_per_job: Annotated[int, Field(ge=1)] = 1
    memory: str = "4GB"
    walltime: str = "01:00:00"
    queue: str | None = None
    account: str | None = None
    interface: str | None = None
    directives: tuple[str, ...] = Field(default=(), strict=False)
    prologue: tuple[str, ...] = Field(default=(), strict=False)

    @field_validator("memory")
    @classmethod
    def _check_memory(cls, value):
        if not MEMORY.fullmatch(value):
            raise ValueError(f"a number and a unit, '16GB' or '900MB', got {value!r}; write it so")
        return value

    @field_validator("walltime")
    @classmethod
    def _check_walltime(cls, value):
        if not re.fullmatch(r"(\d+-)?\d+(:[0-5]\d){1,2}", value):
            raise ValueError(f"hours:minutes:seconds, '04:00:00', got {value!r}; write it so")
        return value

    @property
    def job_memory(self):
        """``memory`` of a job in bytes."""
        number, prefix, binary = MEMORY.fullmatch(self.memory).groups()
        return float(number) * (1024 if binary else 1000) ** (" kMGT".index(prefix))


MOST_POINTS = 100_000
MEMORY = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([kMGT])(i?)B")
PHYSICAL = {"sites": SitesSection, "network": NetworkSection}
# Keys of sites with energies, and what is taken if one is not given. Without energies they are no
# part of a point, which keeps its name, and so its seed and the files it has.
WITH_ENERGIES = {
    "sites.density_of_states": None,
    "sites.energy_width": 1.0,
    "network.kT": None,
    "network.bath": "ohmic",
    "network.chemical_potential": None,
}
CHARGE_ALONE = (0.0,)  # tau_s of a run that asks for no spin
SCANNABLE = {
    f"{section}.{key}": model
    for section, model in PHYSICAL.items()
    for key in model.model_fields
    if key != "seed"
} | {"ensemble.samples": EnsembleSection}


@dataclass(frozen=True)
class Point:
    """One point of a run: everything that determines its samples but the sample number.

    Attributes
    ----------
    physical : dict
        Physical keys, ``"sites.density"`` and so on; they seed the samples.
    scanned : tuple of str
        Those of them that the run varies: the columns that tell points apart in a table.
    tau_s : tuple of float
    tolerance : float
    seed : int
    common_random : bool
    n_samples : int
    """

    physical: dict
    scanned: tuple
    tau_s: tuple
    tolerance: float
    seed: int
    common_random: bool
    n_samples: int

    @property
    def name(self):
        """Twelve hexadecimal digits: the hash of the physical keys."""
        return digest(self.physical)[:12]

    @property
    def coordinates(self):
        """Values of the scanned keys, in order."""
        return tuple(self.physical[key] for key in self.scanned)

    @property
    def charge_alone(self):
        """Whether electrons exclude each other, so that no spin is solved for."""
        return self.physical.get("network.chemical_potential") is not None

    def label(self):
        """``density = 0.01, n_sites = 100000``; empty when nothing is scanned."""
        return ", ".join(
            f"{key.partition('.')[2]} = {value:g}"
            if isinstance(value, float)
            else f"{key.partition('.')[2]} = {value}"
            for key, value in zip(self.scanned, self.coordinates)
        )


class RunConfig(Section):
    """A whole run file."""

    question: str = ""
    sites: SitesSection
    network: NetworkSection = NetworkSection()
    spin: SpinSection
    ensemble: EnsembleSection = EnsembleSection()
    scan: dict[str, Any] = Field(default_factory=dict)
    output: OutputSection = OutputSection()
    cluster: ClusterSection | None = None

    @model_validator(mode="before")
    @classmethod
    def _leave_out_spin(cls, table):
        if isinstance(table, dict) and "spin" not in table:
            places = (
                (table.get("network"), "chemical_potential"),
                (table.get("scan"), "network.chemical_potential"),
            )
            if any(isinstance(part, dict) and key in part for part, key in places):
                return table | {"spin": {"tau_s": list(CHARGE_ALONE)}}
        return table

    @field_validator("scan")
    @classmethod
    def _check_scan(cls, scan):
        mode = scan.get("mode", "grid")
        if mode not in ("grid", "list"):
            raise ValueError(f"mode must be 'grid' or 'list', got {mode!r}")
        axes = {}
        for key, values in scan.items():
            if key == "mode":
                continue
            if key not in SCANNABLE:
                inner = [f"{key}.{name}" for name in values] if isinstance(values, dict) else []
                if set(inner) & SCANNABLE.keys():
                    raise ValueError(f'write scanned keys in quotes: "{inner[0]}"')
                raise ValueError(f"{key!r} cannot be scanned; {nearest(key, SCANNABLE)}")
            axes[key] = cls._check_axis(key, values)
        if mode == "list" and len({len(values) for values in axes.values()}) > 1:
            raise ValueError("in mode 'list' all keys need the same number of values")
        return axes | {"mode": mode}

    @staticmethod
    def _check_axis(key, values):
        if isinstance(values, dict):
            values = validate_section(Range, values, ("scan", key)).values()
            if SCANNABLE[key].model_fields[key.partition(".")[2]].annotation is int:
                values = [round(x) for x in values]
        if not isinstance(values, list | tuple) or not values:
            raise ValueError(
                f"scan.{key} needs a list of values, [1.0, 2.0], or a range, {{ start, stop, n }}, "
                f"got {values!r}"
            )
        return tuple(values)

    @model_validator(mode="after")
    def _check_points(self):
        sizes = [len(values) for key, values in self.scan.items() if key != "mode"]
        if self.scan.get("mode") != "list" and math.prod(sizes) > MOST_POINTS:
            raise ValueError(
                f"scan has {math.prod(sizes)} points, at most {MOST_POINTS} are allowed; take "
                "fewer values or mode = 'list'"
            )
        points = self.points()
        times = Counter(point.name for point in points)
        for point in points:
            if times[point.name] > 1:
                raise ValueError(f"scan: the point ({point.label()}) comes twice; remove one")
            if point.charge_alone and (self.ensemble.target_error or self.output.snapshot):
                raise ValueError(
                    "ensemble.target_error and output.snapshot are about spins, with "
                    "network.chemical_potential there are none; leave them out"
                )
        return self

    @property
    def scanned(self):
        """Scanned physical keys, in the order of the file."""
        return tuple(k for k in self.scan if k != "mode" and not k.startswith("ensemble."))

    def points(self):
        """The points of the run, in the order of the file.

        Returns
        -------
        tuple of Point
        """
        axes = {key: values for key, values in self.scan.items() if key != "mode"}
        rows = itertools.product(*axes.values())
        if self.scan.get("mode") == "list" and axes:
            rows = zip(*axes.values(), strict=True)
        return tuple(self._point(dict(zip(axes, row))) for row in rows)

    def _point(self, values):
        tables = {"sites": self.sites, "network": self.network, "ensemble": self.ensemble}
        changed = {name: model.model_dump() for name, model in tables.items()}
        for key, value in values.items():
            section, _, name = key.partition(".")
            changed[section][name] = value
        checked = {
            name: validate_section(type(tables[name]), table, ("scan", name))
            for name, table in changed.items()
        }
        physical = {
            f"{name}.{key}": getattr(checked[name], key)
            for name, model in PHYSICAL.items()
            for key in model.model_fields
            if key != "seed"
        }
        if physical["network.cutoff_radius"] is not None:
            physical["network.cutoff"] = None  # not used: must not tell points apart
        physical = check_energies(physical, self.spin.tau_s)
        return Point(
            physical=physical,
            scanned=self.scanned,
            tau_s=self.spin.tau_s,
            tolerance=self.spin.tolerance,
            seed=self.sites.seed,
            common_random=self.ensemble.common_random,
            n_samples=checked["ensemble"].samples,
        )

    def identity(self):
        """What all files of a result directory share; points and samples may be added.

        Returns
        -------
        dict
            Seed, common_random, tau_s, tolerance, the scanned keys and the physical keys that
            are not scanned.
        """
        point = self.points()[0]
        fixed = {k: v for k, v in point.physical.items() if k not in self.scanned}
        if "network.cutoff_radius" in self.scanned:
            fixed["network.cutoff"] = None
        return {
            "sites.seed": self.sites.seed,
            "ensemble.common_random": self.ensemble.common_random,
            "spin.tau_s": list(self.spin.tau_s),
            "spin.tolerance": self.spin.tolerance,
            "scan": list(self.scanned),
        } | fixed


def check_energies(physical, tau_s):
    """Physical keys with the defaults of sites with energies, or without their keys."""
    plain = {key: value for key, value in physical.items() if key not in WITH_ENERGIES}
    if physical["sites.density_of_states"] is None:
        useless = [key for key in WITH_ENERGIES if physical[key] is not None]
        if useless:
            raise ValueError(
                f"{useless[0]} needs sites with energies, got none; set sites.density_of_states to "
                "'uniform', 'gaussian' or 'coulomb_gap', or leave it out"
            )
        return plain
    if physical["network.kT"] is None:
        raise ValueError(
            "sites.density_of_states needs network.kT > 0 (or a scan over it), got none; give it "
            "in the unit of sites.energy_width"
        )
    if physical["network.chemical_potential"] is not None and tau_s != CHARGE_ALONE:
        raise ValueError(
            "network.chemical_potential makes electrons exclude each other, spins need few a "
            "site; leave [spin] out for the resistivity alone, or chemical_potential out for f"
        )
    filled = {
        k: default if physical[k] is None else physical[k] for k, default in WITH_ENERGIES.items()
    }
    return plain | filled


def validate_section(model, table, path):
    """One section through its model, errors with the key's path."""
    try:
        return model.model_validate(table)
    except ValidationError as failure:
        raise ValueError(sentence(failure, model, path)) from None


def config_from_dict(table, *, source="the run file"):
    """A RunConfig from the nested dict that a TOML file holds.

    Parameters
    ----------
    table : dict
    source : str
        How errors name it.

    Returns
    -------
    RunConfig

    Raises
    ------
    ParameterError
        Unknown or missing key, wrong type, value out of range: one sentence with the key's path.
    """
    return validate(RunConfig, table, source=source)


def read_config(path):
    """Read and validate a run file.

    Parameters
    ----------
    path : path-like
        A TOML file.

    Returns
    -------
    RunConfig

    Raises
    ------
    ParameterError
        If there is no such file, it is not TOML, or a key does not fit.
    """
    return config_from_text(read_text(path), source=str(path))


def config_from_text(text, *, source="the run file"):
    """The same from the text of a TOML file."""
    return config_from_dict(parse_toml(text, source=source), source=source)
