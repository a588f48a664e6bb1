"""Run files: read TOML, check it, return frozen models. Every error is one sentence.

A run file asks one question. Its sections follow the data flow (sites, network, spin); then come
the number of samples (ensemble), what is varied (scan), what is kept (output) and, for batch
systems, where it runs (cluster). `read_config` returns a `RunConfig`; `RunConfig.points` are the
points to compute. The keys are described in `hopnet.ensemble.sections`.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, Field, field_validator, model_validator

from hopnet.checks import shown
from hopnet.ensemble.linear_response import check_response
from hopnet.ensemble.sections import (
    LARGEST_RUN,
    ClusterSection,
    EnsembleSection,
    FieldSection,
    NetworkSection,
    NucleiSection,
    ObservablesSection,
    OutputSection,
    Range,
    SitesSection,
    SpinSection,
    TrapsSection,
    check_command,
    validate_section,
)
from hopnet.ensemble.thermal import CHARGE_ALONE, check_energies
from hopnet.errors import ParameterError
from hopnet.files import digest
from hopnet.network.build import CUTOFF_MARGIN
from hopnet.toml import Section, nearest, parse_toml, read_text, to_toml, validate
from hopnet.transport.field_curve import field_margin

__all__ = [
    "Point",
    "RunConfig",
    "as_toml",
    "config_from_dict",
    "config_from_text",
    "read_config",
]

# Largest number of points of a scan. A larger number only makes tables that nobody reads.
MOST_POINTS = 100_000
PHYSICAL: dict[str, type[BaseModel]] = {
    "sites": SitesSection,
    "network": NetworkSection,
    "nuclei": NucleiSection,
    "traps": TrapsSection,
    "field": FieldSection,
}
# Keys of these sections that are no part of a point: they do not change its random numbers.
NOT_PHYSICAL = frozenset({"sites.seed", "field.values"})
# Keys that are one for all points: samples in a plane and in space have tables of their own.
NOT_SCANNABLE = frozenset({"sites.dimension"})
# Keys of the nuclear fields and the traps, left out where no observable needs them, and their
# values if they are not given.
WITH_NUCLEI: dict[str, Any] = {"nuclei.strength": None, "nuclei.background_time": 1e6}
WITH_TRAPS: dict[str, Any] = {"traps.fraction": 0.2}
# The keys of which one decides the links.
CUTOFFS = frozenset({"network.cutoff", "network.cutoff_radius", "network.cutoff_margin"})
# Keys that are left out of points where they are not given, so that points with a `cutoff` keep
# their random numbers.
LATER_KEYS = frozenset({"network.cutoff_margin", "network.contact_width", "field.concentration"})
SCANNABLE: dict[str, type[BaseModel]] = {
    f"{section}.{key}": model
    for section, model in PHYSICAL.items()
    for key in model.model_fields
    if f"{section}.{key}" not in NOT_PHYSICAL | NOT_SCANNABLE
} | {"ensemble.samples": EnsembleSection}


@dataclass(frozen=True)
class Point:
    """One point of a run: everything that determines its samples, except their number.

    Attributes
    ----------
    physical : dict
        Physical keys (``"sites.density"`` and so on) and their values; they seed the samples.
    scanned : tuple of str
        The physical keys that the run varies: the columns that distinguish points in a table.
    tau_s : tuple of float
        Spin relaxation times, in tau_0.
    tolerance : float
        Largest relative numerical error of f.
    normalisation : str
        That of f, as in `hopnet.f_curve`.
    seed : int
        ``sites.seed`` of the run file.
    common_random : bool
        Whether all points share their random numbers.
    n_samples : int
        Number of samples that are always taken.
    observables : tuple of str
        What is computed beside f: keys of `hopnet.ensemble.observables.OBSERVABLES`.
    with_f : bool
        Whether the run asks for f.
    fields : tuple of float
        Fields in kT/(e l_c) of a run over fields, else empty.
    """

    physical: dict[str, Any]
    scanned: tuple[str, ...]
    tau_s: tuple[float, ...]
    tolerance: float
    normalisation: str
    seed: int
    common_random: bool
    n_samples: int
    observables: tuple[str, ...] = ()
    with_f: bool = True
    fields: tuple[float, ...] = ()

    @cached_property
    def name(self) -> str:
        """Twelve hexadecimal digits: the hash of the physical keys."""
        return digest(self.physical)[:12]

    @property
    def coordinates(self) -> tuple[Any, ...]:
        """Values of the scanned keys, in order."""
        return tuple(self.physical[key] for key in self.scanned)

    @property
    def charge_alone(self) -> bool:
        """Whether no spin is solved for.

        So it is if f is not asked for, electrons exclude each other, or the sites lie in space.
        """
        exclusion = self.physical.get("network.chemical_potential") is not None
        return not self.with_f or exclusion or "sites.dimension" in self.physical

    def label(self) -> str:
        """The scanned values as text, ``density = 0.01, n_sites = 100000``; may be empty."""
        return ", ".join(
            f"{key.partition('.')[2]} = {value:g}"
            if isinstance(value, float)
            else f"{key.partition('.')[2]} = {value}"
            for key, value in zip(self.scanned, self.coordinates)
        )


class RunConfig(Section):
    """A whole run file."""

    question: str = Field(
        default="", max_length=10_000, description="The question that the run answers."
    )
    sites: SitesSection = Field(description="Where the electrons sit.")
    network: NetworkSection = Field(default=NetworkSection(), description="Which sites are linked.")
    spin: SpinSection = Field(description="Spin relaxation times; left out for charge alone.")
    observables: ObservablesSection = Field(
        default=ObservablesSection(), description="What is computed beside the conductance and f."
    )
    nuclei: NucleiSection = Field(
        default=NucleiSection(), description="Frozen fields of the nuclei, for the observables."
    )
    field: FieldSection = Field(
        default=FieldSection(), description="Fields beyond Ohm's law, around periodic samples."
    )
    traps: TrapsSection = Field(
        default=TrapsSection(), description="Sites that hold one electron, for the observables."
    )
    ensemble: EnsembleSection = Field(
        default=EnsembleSection(), description="How many samples are taken."
    )
    scan: dict[str, Any] = Field(
        default_factory=dict,
        description='Keys that are varied, in quotes ("sites.density"), each with a list or a '
        "range; mode = 'grid' for all combinations, 'list' to vary them together.",
    )
    output: OutputSection = Field(
        default=OutputSection(), description="What is kept beside the tables."
    )
    cluster: ClusterSection | None = Field(default=None, description="Workers from a batch system.")

    @model_validator(mode="before")
    @classmethod
    def _leave_out_spin(cls, table: Any) -> Any:
        if isinstance(table, dict) and "spin" not in table:
            if isinstance(table.get("field"), dict) and "observables" not in table:
                return table | {
                    "spin": {"tau_s": list(CHARGE_ALONE)},
                    "observables": {"f": False},
                }
            places = (
                (table.get("network"), "chemical_potential"),
                (table.get("scan"), "network.chemical_potential"),
            )
            if any(isinstance(part, dict) and key in part for part, key in places):
                return table | {"spin": {"tau_s": list(CHARGE_ALONE)}}
            sites = table.get("sites")
            if isinstance(sites, dict) and sites.get("dimension") == 3:
                return table | {"spin": {"tau_s": list(CHARGE_ALONE)}}
            wanted = table.get("observables")
            if isinstance(wanted, dict) and any(v for key, v in wanted.items() if key != "f"):
                return table | {
                    "spin": {"tau_s": list(CHARGE_ALONE)},
                    "observables": wanted | {"f": False},
                }
        return table

    @field_validator("scan")
    @classmethod
    def _check_scan(cls, scan: dict[str, Any]) -> dict[str, Any]:
        mode = scan.get("mode", "grid")
        if mode not in ("grid", "list"):
            raise ValueError(f"mode must be 'grid' or 'list', got {shown(mode)}")
        axes: dict[str, Any] = {}
        for key, values in scan.items():
            if key == "mode":
                continue
            if key not in SCANNABLE:
                inner = [f"{key}.{name}" for name in values] if isinstance(values, dict) else []
                if set(inner) & SCANNABLE.keys():
                    raise ValueError(f'write scanned keys in quotes: "{inner[0]}"')
                raise ValueError(f"{key!r:.100} cannot be scanned; {nearest(key, SCANNABLE)}")
            axes[key] = axis_values(key, values)
        if len(CUTOFFS & axes.keys()) > 1:
            raise ValueError(
                f"{' and '.join(sorted(CUTOFFS & axes.keys()))} exclude each other; scan one of "
                "them"
            )
        if mode == "list" and len({len(values) for values in axes.values()}) > 1:
            raise ValueError("in mode 'list' all keys need the same number of values")
        return axes | {"mode": mode}

    @model_validator(mode="after")
    def _check_points(self) -> RunConfig:
        sizes = [len(values) for key, values in self.scan.items() if key != "mode"]
        number = math.prod(sizes) if self.scan.get("mode") != "list" else max(sizes, default=1)
        if number > MOST_POINTS:
            raise ValueError(
                f"scan has {number} points, at most {MOST_POINTS} are allowed; take "
                "fewer values or mode = 'list'"
            )
        network = {f"network.{key}": value for key, value in self.network}
        cutoffs = {key for key in CUTOFFS if key in self.scan or network[key] is not None}
        if len(cutoffs) > 1:
            raise ValueError(
                f"{' and '.join(sorted(cutoffs))} exclude each other; give one of them, or none "
                f"for a margin of {CUTOFF_MARGIN:g} a_b"
            )
        points = self.points()
        n_samples = sum(point.n_samples for point in points)
        if n_samples > LARGEST_RUN:
            raise ValueError(
                f"the run has {n_samples} samples, at most {LARGEST_RUN} are allowed; take fewer "
                "points, or fewer ensemble.samples"
            )
        times = Counter(point.name for point in points)
        for point in points:
            if times[point.name] > 1:
                raise ValueError(f"scan: the point ({point.label()}) comes twice; remove one")
            if point.charge_alone and (self.ensemble.target_error or self.output.snapshot):
                raise ValueError(
                    "ensemble.target_error and output.snapshot are about spins, without [spin] or "
                    "with network.chemical_potential there are none; leave them out"
                )
            check_field(point)
            check_response(point.physical, self.observables.chosen)
            if self.observables.hall_angle and point.physical["sites.geometry"] != "cylinder":
                raise ValueError(
                    "observables.hall_angle needs sites.geometry = 'cylinder', got "
                    f"{point.physical['sites.geometry']!r}; an open sample gives Hall resistances, "
                    "see hopnet.hall_resistance"
                )
        return self

    @property
    def scanned(self) -> tuple[str, ...]:
        """Scanned physical keys, in the order of the file."""
        return tuple(k for k in self.scan if k != "mode" and not k.startswith("ensemble."))

    def points(self) -> tuple[Point, ...]:
        """The points of the run, in the order of the file.

        Returns
        -------
        tuple of Point
            Computed once; later calls return the same tuple.
        """
        return self._points

    @cached_property
    def _points(self) -> tuple[Point, ...]:
        axes = {
            key: [checked_value(self, key, value) for value in values]
            for key, values in self.scan.items()
            if key != "mode"
        }
        rows: Any = itertools.product(*axes.values())
        if self.scan.get("mode") == "list" and axes:
            rows = zip(*axes.values(), strict=True)
        base = {
            f"{name}.{key}": getattr(getattr(self, name), key)
            for name, model in PHYSICAL.items()
            for key in model.model_fields
            if f"{name}.{key}" not in NOT_PHYSICAL
        }
        return tuple(self._point(base, dict(zip(axes, row))) for row in rows)

    def _point(self, base: dict[str, Any], values: dict[str, Any]) -> Point:
        n_samples = values.pop("ensemble.samples", self.ensemble.samples)
        physical = base | values
        if all(physical[key] is None for key in CUTOFFS):
            margin = CUTOFF_MARGIN
            if self.field.values is not None:
                margin = field_margin(
                    physical["sites.density"], max(self.field.values), physical["sites.dimension"]
                )
            physical["network.cutoff_margin"] = margin
        # Keys that are not given are no part of a point, where older runs did not have them.
        physical = {k: v for k, v in physical.items() if v is not None or k not in LATER_KEYS}
        return Point(
            physical=check_nuclei(
                check_energies(
                    check_dimension(physical, self.spin.tau_s, self.observables.chosen),
                    self.spin.tau_s,
                    self.field.values is not None,
                ),
                self.observables.chosen,
            ),
            scanned=self.scanned,
            tau_s=self.spin.tau_s,
            tolerance=self.spin.tolerance,
            normalisation=self.spin.normalisation,
            seed=self.sites.seed,
            common_random=self.ensemble.common_random,
            n_samples=n_samples,
            observables=self.observables.chosen,
            with_f=self.observables.f,
            fields=self.field.values or (),
        )

    def identity(self) -> dict[str, Any]:
        """The part of a run file that all files of a result directory share; points may be added.

        Returns
        -------
        dict
            Seed, common_random, tau_s, tolerance, normalisation, the scanned keys, the physical
            keys that are not scanned, and the observables.
        """
        point = self.points()[0]
        fixed = {k: v for k, v in point.physical.items() if k not in self.scanned}
        return (
            {
                "sites.seed": self.sites.seed,
                "ensemble.common_random": self.ensemble.common_random,
                "spin.tau_s": list(self.spin.tau_s),
                "spin.tolerance": self.spin.tolerance,
                "scan": list(self.scanned),
            }
            | fixed
            | self._identity_of_normalisation()
            | self._identity_of_observables()
            | ({} if self.field.values is None else {"field.values": list(self.field.values)})
        )

    def _identity_of_normalisation(self) -> dict[str, Any]:
        # Left out for the letter's, the only one that older runs had, and where there is no f.
        name = self.spin.normalisation
        no_f = self.points()[0].charge_alone or not self.observables.f
        return {} if name == "letter" or no_f else {"spin.normalisation": name}

    def _identity_of_observables(self) -> dict[str, Any]:
        # Left out where f alone is asked for, so that such runs keep their identity.
        if self.observables == ObservablesSection():
            return {}
        return {"observables": list(self.observables.chosen), "observables.f": self.observables.f}


def axis_values(key: str, values: Any) -> tuple[Any, ...]:
    """The values of one scanned key, from a list or a range."""
    if isinstance(values, dict):
        found: Any = validate_section(Range, values, ("scan", key)).values()
        if SCANNABLE[key].model_fields[key.partition(".")[2]].annotation is int:
            found = [round(x) for x in found]
        values = found
    if not isinstance(values, list | tuple) or not values:
        raise ValueError(
            f"scan.{key} needs a list of values, [1.0, 2.0], or a range, {{ start, stop, n }}, "
            f"got {shown(values)}"
        )
    if len(values) > MOST_POINTS:
        raise ValueError(
            f"scan.{key} has {len(values)} values, at most {MOST_POINTS} are allowed; take fewer"
        )
    if any(value is None for value in values):
        raise ValueError(f"scan.{key} needs values that are given, got None; remove it")
    return tuple(values)


def checked_value(config: RunConfig, key: str, value: Any) -> Any:
    """A scanned value as its section takes it."""
    section, _, name = key.partition(".")
    model = SCANNABLE[key]
    table = getattr(config, section).model_dump() | {name: value}
    return getattr(validate_section(model, table, ("scan", section)), name)


def check_field(point: Point) -> None:
    """Raise where fields, geometry and what is asked for do not fit together."""
    geometry = point.physical["sites.geometry"]
    if not point.fields:
        if geometry == "torus":
            raise ValueError(
                "sites.geometry = 'torus' has no contacts, it is for [field]; give field.values, "
                "or take 'open' or 'cylinder'"
            )
        if "field.concentration" in point.physical:
            raise ValueError(
                "field.concentration needs field.values, got none; add them, or leave "
                "concentration out"
            )
        return
    if geometry == "open":
        raise ValueError(
            "[field] needs a sample that is periodic along the field, got sites.geometry = 'open'; "
            "take 'torus', or 'cylinder' for a field around it"
        )
    if not point.charge_alone or point.observables:
        raise ValueError(
            "[field] gives the drift of carriers alone; leave [spin] and [observables] out"
        )
    if point.physical.get("network.chemical_potential") is not None:
        raise ValueError(
            "[field] takes the number of carriers, got network.chemical_potential; give "
            "field.concentration instead"
        )


def check_dimension(
    physical: dict[str, Any], tau_s: tuple[float, ...], chosen: tuple[str, ...]
) -> dict[str, Any]:
    """Physical keys without the dimension in a plane, so that older points keep their numbers."""
    if physical["sites.dimension"] == 2:
        if physical["network.contacts"] == "z":
            raise ValueError(
                "network.contacts = 'z' needs sites in space, got sites.dimension = 2; take 'x' "
                "or 'y', or sites.dimension = 3"
            )
        return {key: value for key, value in physical.items() if key != "sites.dimension"}
    spins = sorted({"nuclear_f", "magnetoresistance"} & set(chosen))
    if tau_s != CHARGE_ALONE or spins:
        raise ValueError(
            "spins are two-dimensional, got sites.dimension = 3 with "
            f"{spins[0] if spins else '[spin]'}; leave it out for charge alone, or take "
            "sites.dimension = 2"
        )
    return physical


def check_nuclei(physical: dict[str, Any], chosen: tuple[str, ...]) -> dict[str, Any]:
    """Physical keys with those of nuclear fields and traps, where an observable needs them."""
    needed: dict[str, Any] = {}
    if {"nuclear_f", "magnetoresistance"} & set(chosen):
        needed |= WITH_NUCLEI
    if "magnetoresistance" in chosen:
        needed |= WITH_TRAPS
    every = WITH_NUCLEI | WITH_TRAPS
    plain = {key: value for key, value in physical.items() if key not in every}
    useless = [key for key in every if key not in needed and physical[key] is not None]
    if useless:
        raise ValueError(
            f"{useless[0]} needs an observable that uses it, got none; set "
            "observables.magnetoresistance = true (or observables.nuclear_f for nuclei), or leave "
            f"{useless[0]} out"
        )
    if needed and physical["nuclei.strength"] is None:
        raise ValueError(
            "observables.nuclear_f and observables.magnetoresistance need nuclei.strength (or a "
            "scan over it), got none; give it in 1/tau_0"
        )
    if "magnetoresistance" in chosen and "sites.density_of_states" in plain:
        raise ValueError(
            "observables.magnetoresistance takes sites of equal energy, got "
            "sites.density_of_states; leave one of them out"
        )
    filled = {k: default if physical[k] is None else physical[k] for k, default in needed.items()}
    return plain | filled


def plain_values(value: Any, depth: int = 0) -> Any:
    """A nested dict with NumPy numbers, arrays, ranges and tuples as plain Python values."""
    if depth > 20:
        raise ParameterError("a run has a few levels of tables, got more than 20; correct it.")
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                raise ParameterError(
                    f"the keys of a run must be texts, got {shown(key)}; correct it."
                )
        return {key: plain_values(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, np.ndarray | np.generic) or hasattr(value, "to_numpy"):
        if np.ma.isMaskedArray(value):
            raise ParameterError(
                "a list of a run must be plain, got a masked array; pass the values that are not "
                "masked."
            )
        found = np.asarray(value)
        if found.size > MOST_POINTS:
            raise ParameterError(
                f"a list of a run has at most {MOST_POINTS} values, got {found.size}; take fewer."
            )
        return plain_values(found.tolist(), depth + 1) if found.dtype != object else found.tolist()
    if isinstance(value, range | list | tuple):
        if len(value) > MOST_POINTS:
            raise ParameterError(
                f"a list of a run has at most {MOST_POINTS} values, got {len(value)}; take fewer."
            )
        return [plain_values(inner, depth + 1) for inner in value]
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ParameterError(
                f"a text of a run must be valid Unicode, got {shown(value)}; remove the character."
            ) from None
    return value


def config_from_dict(table: Mapping[str, Any], *, source: str = "the run file") -> RunConfig:
    """A RunConfig from the nested dict that a TOML file holds.

    Parameters
    ----------
    table : dict
        NumPy numbers, arrays, ranges and tuples count as numbers and lists.
    source : str
        Name of the source in error messages.

    Returns
    -------
    RunConfig

    Raises
    ------
    ParameterError
        Unknown or missing key, wrong type, value out of range: one sentence with the key's path.
    """
    return validate(RunConfig, plain_values(table), source=source)


def read_config(path: str | Path) -> RunConfig:
    """Read and check a run file.

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


def config_from_text(text: str, *, source: str = "the run file") -> RunConfig:
    """A RunConfig from the text of a TOML file; see `config_from_dict`."""
    table = parse_toml(text, source=source)
    check_command(table, source)
    return config_from_dict(table, source=source)


def as_toml(config: RunConfig) -> str:
    """The text of a run file with the content of ``config``."""
    table = config.model_dump(exclude_none=True)
    return to_toml({key: value for key, value in table.items() if value != {}})
