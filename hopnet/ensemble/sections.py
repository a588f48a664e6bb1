"""The sections of a run file: every key with its type, its bounds and its meaning.

The table of keys in the docs is made from the descriptions here. `hopnet.ensemble.config` puts
the sections together.
"""

from __future__ import annotations

import itertools
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar

import numpy as np
from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from hopnet.checks import shown
from hopnet.ensemble.linear_response import admittance_name
from hopnet.errors import ParameterError
from hopnet.toml import Section, sentence

__all__ = [
    "LARGEST_RUN",
    "ClusterSection",
    "EnsembleSection",
    "FieldSection",
    "NetworkSection",
    "NucleiSection",
    "ObservablesSection",
    "OutputSection",
    "Range",
    "SitesSection",
    "SpinSection",
    "TrapsSection",
    "check_command",
    "validate_section",
]

# Sections that only the files of other commands have, with these commands.
OTHER_COMMANDS = {
    "memory": "hopnet memory",
    "noise": "hopnet memory",
    "medium": "hopnet pumping run",
}

# Largest number of samples of one run, over all points, when it starts. Each costs the driver
# about 1 kB while it waits; a larger number would ask for gigabytes before the first sample.
LARGEST_RUN = 1_000_000
# Largest length, density or energy, and the inverse of the smallest density. The square of each
# and the products of two are still finite; no physics needs a number near it.
LARGEST_NUMBER = 1e100
# A memory such as '16GB': number, prefix (empty or k, M, G, T) and an i for powers of 1024.
MEMORY = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) ?([kMGT])(i?)B")
WALLTIME = re.compile(r"([0-9]{1,4}-)?[0-9]{1,5}(:[0-5][0-9]){1,2}")

Model = TypeVar("Model", bound=BaseModel)
AboveZero = Annotated[float, Field(gt=0, le=LARGEST_NUMBER, allow_inf_nan=False)]
FromZero = Annotated[float, Field(ge=0, le=LARGEST_NUMBER, allow_inf_nan=False)]
Level = Annotated[float, Field(ge=-LARGEST_NUMBER, le=LARGEST_NUMBER, allow_inf_nan=False)]


def check_command(table: Mapping[str, Any], source: str) -> None:
    """Refuse the content of a run file that belongs to another command, and name that command."""
    for section, command in OTHER_COMMANDS.items():
        if section in table:
            raise ParameterError(
                f"{source} has the section [{section}], so it is a file of another command; run "
                f"`{command} {source}`."
            )


def validate_section(model: type[Model], table: dict[str, Any], path: Sequence[str]) -> Model:
    """One section checked by its model; an error is a ValueError that names the path of the key."""
    try:
        return model.model_validate(table)
    except ValidationError as failure:
        raise ValueError(sentence(failure, model, path)) from None


class SitesSection(Section):
    """``[sites]``: where the electrons sit; see `hopnet.random_sites`, `hopnet.with_energies`."""

    n_sites: int = Field(ge=3, le=10**12, description="Number of sites of one sample.")
    density: AboveZero = Field(
        description="Density of the sites, n_s a_b^2; with dimension = 3 it is n_s a_b^3."
    )
    seed: int = Field(
        ge=0,
        le=2**128,
        description="Whole number from which all random numbers of the run follow.",
    )
    geometry: Literal["open", "cylinder", "torus"] = Field(
        default="open",
        description="'open': all four edges are free. 'cylinder': periodic across the current. "
        "'torus': periodic along both axes, for [field].",
    )
    dimension: Literal[2, 3] = Field(
        default=2,
        description="2: sites in a plane. 3: sites in space, for charge alone (without [spin]).",
    )
    aspect: AboveZero = Field(default=1.0, description="Length along x divided by width along y.")
    min_distance: FromZero = Field(
        default=0.0, description="Smallest distance of two sites, in a_b."
    )
    density_of_states: Literal["uniform", "gaussian", "exponential", "coulomb_gap"] | None = Field(
        default=None,
        description="Distribution of the site energies. Without it all sites have one energy.",
    )
    energy_width: AboveZero | None = Field(
        default=None,
        description="Width of the distribution of energies, in the unit of network.kT; 1 if not "
        "given.",
    )

    @field_validator("density", "aspect")
    @classmethod
    def _check_range(cls, value: float) -> float:
        if value < 1 / LARGEST_NUMBER:
            raise ValueError(
                f"at least {1 / LARGEST_NUMBER:g} is needed, got {shown(value)}; enlarge it"
            )
        return value


class NetworkSection(Section):
    """``[network]``: which sites are linked and how; see `hopnet.build_network`."""

    cutoff_margin: AboveZero | None = Field(
        default=None,
        description="How far links reach beyond the percolation length l_c, in a_b; 6 if no cutoff "
        "is given.",
    )
    cutoff: AboveZero | None = Field(
        default=None, description="Longest link, in units of l_c; the letter uses 1.5."
    )
    cutoff_radius: AboveZero | None = Field(default=None, description="Longest link in a_b.")
    contact_width: AboveZero | None = Field(
        default=None, description="Width of the contact strips in a_b; 1.5 l_c if not given."
    )
    contacts: Literal["x", "y", "z"] = Field(
        default="x", description="Axis along which the current flows; 'z' in space only."
    )
    kT: AboveZero | None = Field(
        default=None,
        description="Thermal energy; needed with sites.density_of_states, in its unit.",
    )
    bath: Literal["ohmic", "miller_abrahams", "heat_bath", "marcus"] | None = Field(
        default=None,
        description="Bath that gives and takes the energy of a hop; 'ohmic' if not given.",
    )
    reorganisation_energy: AboveZero | None = Field(
        default=None,
        description="Reorganisation energy of the bath 'marcus', in the unit of network.kT.",
    )
    chemical_potential: Level | None = Field(
        default=None,
        description="Chemical potential of electrons that exclude each other. With it there is "
        "no spin: the run gives the resistivity alone. Without it electrons are few.",
    )


class Range(Section):
    """``{ start, stop, n, spacing }``: n values from start to stop, both included."""

    start: float = Field(description="First value.")
    stop: float = Field(description="Last value.")
    n: int = Field(ge=2, le=10_000, description="Number of values.")
    spacing: Literal["log", "linear"] = Field(
        default="log", description="Equal ratios ('log') or equal differences ('linear')."
    )

    @model_validator(mode="after")
    def _check_ends(self) -> Range:
        ends = (self.start, self.stop)
        finite = all(map(math.isfinite, ends)) and math.isfinite(self.stop - self.start)
        if not finite or (self.spacing == "log" and min(ends) <= 0):
            raise ValueError(
                f"a {self.spacing} range needs finite{' positive' * (self.spacing == 'log')} "
                f"ends, got {self.start!r} to {self.stop!r}"
            )
        if self.start == self.stop:
            raise ValueError(f"a range needs two different ends, got {self.start!r} twice")
        return self

    def values(self) -> tuple[float, ...]:
        """The values, rounded to 12 digits so that a grid reads well."""
        space = np.geomspace if self.spacing == "log" else np.linspace
        return tuple(float(f"{x:.12g}") for x in space(self.start, self.stop, self.n))


class SpinSection(Section):
    """``[spin]``: spin relaxation times and the accuracy of f; see `hopnet.f_curve`."""

    tau_s: tuple[float, ...] = Field(
        min_length=1,
        max_length=10_000,
        strict=False,
        description="Spin relaxation times in tau_0: a list, or { start, stop, n, spacing }.",
    )
    tolerance: FromZero = Field(
        default=1e-2,
        description="Largest numerical error of f relative to f; 0 solves exactly at every time.",
    )
    normalisation: Literal["bulk", "letter"] = Field(
        default="bulk",
        description="'bulk' leaves out the contact strips, where no current flows; 'letter' counts "
        "them.",
    )

    @field_validator("tau_s", mode="before")
    @classmethod
    def _spread(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return validate_section(Range, value, ("spin", "tau_s")).values()

    @field_validator("tau_s")
    @classmethod
    def _check_times(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        wrong = [t for t in value if not t >= 0]
        if wrong:
            raise ValueError(f"times must lie in 0 .. inf (in tau_0), got {wrong[0]!r}; remove it")
        twice = [t for t, count in Counter(value).items() if count > 1]
        if twice:
            raise ValueError(f"each time may stand once, got {twice[0]!r} twice; remove one")
        return value


class ObservablesSection(Section):
    """``[observables]``: what is computed on each sample besides its conductance and f.

    Every key but ``f`` is a row of `hopnet.ensemble.observables.OBSERVABLES`.
    """

    f: bool = Field(
        default=True,
        description="Compute f. With false, or without a section [spin], the columns of f are "
        "empty.",
    )
    hall_angle: bool = Field(
        default=False,
        description="Compute the Hall angle of each cylinder; see `hopnet.hall_angle`.",
    )
    activation_energy: bool = Field(
        default=False,
        description="Compute the local activation energy from one temperature; needs network.kT.",
    )
    noise: bool = Field(
        default=False,
        description="Compute the 1/f noise, and the effective number of links that carry it.",
    )
    shrinkage: bool = Field(
        default=False, description="Compute the magnetoresistance by shrinkage of wave functions."
    )
    strain: bool = Field(
        default=False, description="Compute the response to strain and the gauge factor."
    )
    seebeck: bool = Field(
        default=False,
        description="Compute the Seebeck coefficient; needs network.chemical_potential.",
    )
    admittance: tuple[float, ...] = Field(
        default=(),
        max_length=1000,
        strict=False,
        description="Compute the admittance between the contacts at these angular frequencies, in "
        "1/tau_0: a list, or { start, stop, n, spacing }; see `hopnet.admittance`.",
    )
    nuclear_f: bool = Field(
        default=False,
        description="Compute f in frozen nuclear fields; see `hopnet.nuclear_f` and [nuclei].",
    )
    magnetoresistance: bool = Field(
        default=False,
        description="Compute the magnetoresistance by spin blocking at traps; see "
        "`hopnet.magnetoresistance`, [nuclei] and [traps].",
    )

    @property
    def chosen(self) -> tuple[str, ...]:
        """The names of the observables that are computed besides f."""
        names = (name for name, wanted in self if name not in ("f", "admittance") and wanted)
        return (*names, *map(admittance_name, self.admittance))

    @field_validator("admittance", mode="before")
    @classmethod
    def _spread(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return validate_section(Range, value, ("observables", "admittance")).values()

    @field_validator("admittance")
    @classmethod
    def _check_frequencies(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        wrong = [x for x in value if not (math.isfinite(x) and x >= 0)]
        if wrong:
            raise ValueError(
                f"frequencies must be finite and at least 0 (in 1/tau_0), got {wrong[0]!r}; remove "
                "it"
            )
        if len(set(map(admittance_name, value))) < len(value):
            raise ValueError("frequencies must differ in their first six digits; take fewer")
        return tuple(float(f"{x:g}") for x in value)


class FieldSection(Section):
    """``[field]``: drift in fields beyond Ohm's law; see `hopnet.field_curve`."""

    values: tuple[float, ...] | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        strict=False,
        description="Fields in kT/(e l_c), rising: a list, or { start, stop, n, spacing }. Each "
        "sample gives the whole curve, the mean over both signs of the field.",
    )
    concentration: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        default=None,
        description="Mean number of carriers per site, which exclude each other; few carriers if "
        "not given.",
    )

    @field_validator("values", mode="before")
    @classmethod
    def _spread(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return validate_section(Range, value, ("field", "values")).values()

    @field_validator("values")
    @classmethod
    def _check_fields(cls, value: tuple[float, ...] | None) -> tuple[float, ...] | None:
        if value is None:
            return None
        wrong = [x for x in value if not (math.isfinite(x) and 1e-12 <= x <= 1e4)]
        if wrong:
            raise ValueError(
                f"fields must lie in 1e-12 .. 1e4 kT/(e l_c), got {wrong[0]!r}; for Ohm's law take "
                "1e-6"
            )
        if any(b <= a for a, b in itertools.pairwise(value)):
            raise ValueError("fields must rise from one to the next; sort them")
        if len({f"{x:g}" for x in value}) < len(value):
            raise ValueError("fields must differ in their first six digits; take fewer")
        return value


class NucleiSection(Section):
    """``[nuclei]``: frozen fields of the nuclei; see `hopnet.overhauser_fields`."""

    strength: AboveZero | None = Field(
        default=None,
        description="Standard deviation of one component of the precession frequency, in 1/tau_0.",
    )
    background_time: AboveZero | None = Field(
        default=None,
        description="Relaxation time by everything but the nuclei, in tau_0; 1e6 if not given.",
    )


class TrapsSection(Section):
    """``[traps]``: sites that hold one electron; see `hopnet.spin.choose_traps`."""

    fraction: Annotated[float, Field(gt=0, le=1)] | None = Field(
        default=None, description="Probability that a site is a trap; 0.2 if not given."
    )


class EnsembleSection(Section):
    """``[ensemble]``: how many samples of each point are taken."""

    samples: int = Field(
        default=1,
        ge=1,
        le=LARGEST_RUN,
        description="Number of samples of each point that are always taken.",
    )
    target_error: AboveZero | None = Field(
        default=None,
        description="Wanted standard error of f at the first tau_s, relative to f. The spread of "
        "the first samples decides once how many more follow.",
    )
    max_samples: int | None = Field(
        default=None,
        ge=1,
        le=LARGEST_RUN,
        description="Largest number of samples of one point, with target_error; 1000 if not given.",
    )
    batch: int | None = Field(
        default=None,
        ge=1,
        le=100_000,
        description="Number of samples that one task computes and one file holds. If it is not "
        "given, a task takes about five seconds. The results do not depend on it.",
    )
    common_random: bool = Field(
        default=False, description="Give all points of the scan the same random numbers."
    )
    time_limit: AboveZero | None = Field(
        default=None,
        le=1e8,
        description="Longest time in s that one sample may take. A sample that takes longer "
        "counts as failed (TimeLimitError).",
    )

    @model_validator(mode="after")
    def _check_stopping(self) -> EnsembleSection:
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
    """``[output]``: files that are kept besides the tables."""

    snapshot: bool = Field(
        default=False,
        description="Keep network, current and spin of the first sample of each point as .npz.",
    )


class ClusterSection(Section):
    """``[cluster]``: a batch system that starts the workers (needs the extra hopnet[cluster])."""

    system: Literal["slurm", "pbs"] = Field(description="The batch system.")
    jobs: int = Field(default=1, ge=1, le=10_000, description="Number of jobs to submit.")
    workers_per_job: int = Field(
        default=1, ge=1, le=10_000, description="Number of workers in a job, each with one thread."
    )
    memory: str = Field(default="4GB", description="Memory of a job, '16GB' for example.")
    walltime: str = Field(default="01:00:00", description="Longest duration of a job, hh:mm:ss.")
    queue: str | None = Field(default=None, description="Queue (PBS) or partition (SLURM).")
    account: str | None = Field(default=None, description="Account that is charged.")
    interface: str | None = Field(
        default=None, description="Network interface between the machines, 'ib0' for example."
    )
    tls: bool = Field(
        default=True,
        description="Encrypt the connections with a certificate made for this run, so that only "
        "its own workers can join. Without it, anybody who reaches the port can run code as you.",
    )
    directives: tuple[str, ...] = Field(
        default=(), strict=False, description="Further options of the batch system, one per entry."
    )
    prologue: tuple[str, ...] = Field(
        default=(), strict=False, description="Shell commands that run in a job before the workers."
    )

    @field_validator("memory")
    @classmethod
    def _check_memory(cls, value: str) -> str:
        if not MEMORY.fullmatch(value) or float(MEMORY.fullmatch(value)[1]) == 0:  # type: ignore[index]
            raise ValueError(
                f"a number and a unit, '16GB' or '900MB', got {shown(value)}; correct it"
            )
        return value

    @field_validator("walltime")
    @classmethod
    def _check_walltime(cls, value: str) -> str:
        if not WALLTIME.fullmatch(value):
            raise ValueError(f"hours:minutes:seconds, '04:00:00', got {shown(value)}; correct it")
        return value

    @field_validator("queue", "account", "interface")
    @classmethod
    def _check_name(cls, value: str | None) -> str | None:
        # Such a value is copied into the batch script: a space or a line break would end it.
        if value is not None and not re.fullmatch(
            r"[A-Za-z0-9_][A-Za-z0-9_.@:+=,/-]{0,199}", value
        ):
            raise ValueError(
                "a name of letters, digits and the characters _ . @ : + = , / - is needed, got "
                f"{shown(value)}; write the name that the batch system uses"
            )
        return value

    @field_validator("directives", "prologue")
    @classmethod
    def _check_lines(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        # A line break would make a second line of the batch script, which is then a command.
        wrong = [line for line in value if not line.strip() or any(map(is_control, line))]
        if wrong:
            raise ValueError(
                "every entry is one line without line breaks and control characters, got "
                f"{shown(wrong[0])}; write one entry per line"
            )
        return value

    @property
    def job_memory(self) -> float:
        """Memory of a job in bytes."""
        number, prefix, binary = MEMORY.fullmatch(self.memory).groups()  # type: ignore[union-attr]
        return float(number) * (1024 if binary else 1000) ** (" kMGT".index(prefix))


def is_control(character: str) -> bool:
    """Whether a character is a line break, another control character or a separator of lines."""
    return unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}
