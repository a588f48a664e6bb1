"""Run files of ``hopnet pumping``: TOML to frozen, validated models, errors in one sentence."""

from __future__ import annotations

import difflib
import math
import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hopnet.errors import ParameterError
from hopnet.pumping import texture as textures
from hopnet.pumping.medium import Medium

NM, GHZ = 1e-9, 2e9 * math.pi


class Section(BaseModel):
    """A table of the file: frozen, no unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class MediumSection(Section):
    """The electron gas, in the units of a laboratory; see `Medium.from_lab`."""

    exchange_meV: float
    fermi_energy_eV: float = Field(gt=0)
    mean_free_path_nm: float | None = None
    tau_fs: float | None = None
    mass: float = Field(1.0, gt=0)
    dimension: Literal[1, 2, 3] = 3
    tau_s_ps: float = Field(math.inf, gt=0)
    spin_diffusion_length_nm: float | None = None
    rashba_meV_nm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    impurity_nm2: float = 0.0

    def build(self):
        """The Medium, in SI."""
        return Medium.from_lab(**self.model_dump())


Positive = Annotated[float, Field(gt=0)]
Points = Annotated[int, Field(ge=1)]


class GridSection(Section):
    """What every texture on a grid names."""

    shape: list[Points] = Field(min_length=1, max_length=3)
    lengths_nm: list[Positive] = Field(min_length=1, max_length=3)

    def grid(self):
        """Shape and lengths in metres."""
        return tuple(self.shape), tuple(length * NM for length in self.lengths_nm)


class SpiralSection(GridSection):
    """See `texture.spiral`."""

    kind: Literal["spiral"]
    frequency_GHz: float
    turns: list[int] = [1]
    cone_angle_deg: float = 90.0

    def build(self, cell_centred=False):
        """The texture, in SI."""
        return textures.spiral(
            *self.grid(),
            frequency=self.frequency_GHz * GHZ,
            turns=tuple(self.turns),
            cone_angle=math.radians(self.cone_angle_deg),
        )


class StandingWaveSection(GridSection):
    """See `texture.standing_wave`."""

    kind: Literal["standing_wave"]
    frequency_GHz: float
    turns: list[int] = [1]
    amplitude: float = 1.0

    def build(self, cell_centred=False):
        """The texture, in SI."""
        return textures.standing_wave(
            *self.grid(),
            frequency=self.frequency_GHz * GHZ,
            turns=tuple(self.turns),
            amplitude=self.amplitude,
        )


class InterfaceSection(GridSection):
    """See `texture.interface`."""

    kind: Literal["interface"]
    frequency_GHz: float
    edges_nm: list[float] = Field(min_length=1, max_length=2)
    width_nm: Positive
    cone_angle_deg: float = 90.0
    amplitude: float = 1.0

    def build(self, cell_centred=False):
        """The texture, in SI."""
        return textures.interface(
            *self.grid(),
            edges=[x * NM for x in self.edges_nm],
            width=self.width_nm * NM,
            frequency=self.frequency_GHz * GHZ,
            amplitude=self.amplitude,
            cone_angle=math.radians(self.cone_angle_deg),
            cell_centred=cell_centred,
        )


class MovingWallSection(GridSection):
    """See `texture.moving_wall`."""

    kind: Literal["moving_wall"]
    width_nm: Positive
    velocity_m_s: float
    angle_deg: float = 0.0

    def build(self, cell_centred=False):
        """The texture, in SI."""
        return textures.moving_wall(
            *self.grid(),
            width=self.width_nm * NM,
            velocity=self.velocity_m_s,
            angle=math.radians(self.angle_deg),
        )


class SkyrmionSection(GridSection):
    """See `texture.skyrmion`."""

    kind: Literal["skyrmion"]
    frequency_GHz: float
    radius_nm: Positive

    def build(self, cell_centred=False):
        """The texture, in SI."""
        return textures.skyrmion(
            *self.grid(), radius=self.radius_nm * NM, frequency=self.frequency_GHz * GHZ
        )


class FileSection(Section):
    """A texture of the user's own, in SI: see `texture.load_texture`."""

    kind: Literal["file"]
    path: Path

    def build(self, cell_centred=False):
        """The texture as stored."""
        return textures.load_texture(self.path)


TextureSection = Annotated[
    SpiralSection
    | StandingWaveSection
    | InterfaceSection
    | MovingWallSection
    | SkyrmionSection
    | FileSection,
    Field(discriminator="kind"),
]
Contact = Literal["insulating", "reservoir"] | Annotated[float, Field(ge=0)]


class ContactsSection(Section):
    """Walls of a junction: "insulating", "reservoir", or a conductance in 1/nm."""

    left: Contact = "insulating"
    right: Contact = "insulating"

    def build(self):
        """Conductances in 1/m."""
        named = {"insulating": 0.0, "reservoir": math.inf}
        return tuple(named[c] if isinstance(c, str) else c / NM for c in (self.left, self.right))


class SolveSection(Section):
    """Options of `currents.pump`."""

    vertex: Literal["single", "full"] = "single"
    zero_mode: Literal["relaxed", "isolated"] = "relaxed"
    dealias: bool = False
    threads: int = Field(1, ge=1)


class RunFile(Section):
    """One question: a medium, a texture, and how to solve."""

    question: str = ""
    medium: MediumSection
    texture: TextureSection
    contacts: ContactsSection | None = None
    solve: SolveSection = SolveSection()


SECTIONS = {
    "medium": MediumSection,
    "contacts": ContactsSection,
    "solve": SolveSection,
}
TEXTURES = {
    "spiral": SpiralSection,
    "standing_wave": StandingWaveSection,
    "interface": InterfaceSection,
    "moving_wall": MovingWallSection,
    "skyrmion": SkyrmionSection,
    "file": FileSection,
}


def read_run_file(path):
    """Read and validate a run file.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    RunFile
        A texture path in it is taken from the folder of the file.

    Raises
    ------
    ParameterError
        One sentence: the key, what is allowed, what was given, the nearest known key.
    """
    path = Path(path)
    try:
        table = tomllib.loads(path.read_text())
    except OSError as failure:
        raise ParameterError(
            f"run file {str(path)!r} cannot be read ({failure.strerror}); give the path of one."
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as failure:
        raise ParameterError(f"{path} is not TOML ({failure}); mend that line.") from None
    try:
        run = RunFile.model_validate(table)
    except ValidationError as failure:
        raise ParameterError(f"{path}: {_sentence(failure)}") from None
    if isinstance(run.texture, FileSection):
        texture = run.texture.model_copy(update={"path": path.parent / run.texture.path})
        run = run.model_copy(update={"texture": texture})
    return run


def _sentence(failure):
    """The first thing wrong, unknown keys before anything they may have caused."""
    errors = failure.errors()
    error = next((e for e in errors if e["type"] == "extra_forbidden"), errors[0])
    where = [str(part) for part in error["loc"]]
    model = RunFile
    if where[0] == "texture":
        kind = where[1] if len(where) > 1 and where[1] in TEXTURES else None
        model = TEXTURES.get(kind, RunFile)
        where = [w for w in where if w != kind]
    elif where[0] in SECTIONS and len(where) > 1:
        model = SECTIONS[where[0]]
    name = ".".join(where)
    if error["type"] == "extra_forbidden":
        known = list(model.model_fields)
        near = difflib.get_close_matches(where[-1], known, n=1, cutoff=0.0)[0]
        return f"unknown key {name!r}; did you mean {near!r}? (known: {', '.join(known)})."
    if error["type"] == "missing":
        return f"key {name!r} is missing; add it."
    if error["type"].startswith("union_tag"):
        got = error["input"].get("kind") if isinstance(error["input"], dict) else error["input"]
        kinds = ", ".join(TEXTURES)
        return f"texture.kind must be one of {kinds}, got {got!r}; choose one of them."
    message = error["msg"][0].lower() + error["msg"][1:]
    return f"{name}: {message}, got {error['input']!r}; change it."
