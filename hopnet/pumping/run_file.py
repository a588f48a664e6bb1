"""Run files of ``hopnet pumping``: TOML to frozen, validated models, errors in one sentence.

Keys carry their units. Numbers must be numbers: texts, booleans, NaN and infinity are refused.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from hopnet.errors import ParameterError
from hopnet.pumping import named_textures as named
from hopnet.pumping.inputs import instance
from hopnet.pumping.medium import Medium
from hopnet.pumping.texture import RigidTexture, Texture
from hopnet.pumping.texture_file import load_texture
from hopnet.toml import Finite, NotNegative, Positive, Section, parse_toml, read_text, validate

__all__ = ["RunFile", "parse_run_file", "read_run_file"]

# One nanometre in metres, and the angular frequency in 1/s that belongs to 1 GHz.
NM, GHZ = 1e-9, 2e9 * math.pi

Points = Annotated[int, Field(ge=1)]
Vector = Annotated[list[Finite], Field(min_length=3, max_length=3)]


class MediumSection(Section):
    """The electron gas, in the units of a laboratory; see `Medium.from_lab`."""

    exchange_meV: Finite
    fermi_energy_eV: Positive
    mean_free_path_nm: Positive | None = None
    tau_fs: Positive | None = None
    mass: Positive = 1.0
    dimension: Literal[1, 2, 3] = 3
    tau_s_ps: Positive | None = None
    spin_diffusion_length_nm: Positive | None = None
    rashba_meV_nm: Vector = Field(default=[0.0, 0.0, 0.0])
    impurity_nm2: Finite = 0.0

    def build(self) -> Medium:
        """The medium, in SI."""
        given = self.model_dump()
        if given["tau_s_ps"] is None:
            del given["tau_s_ps"]
        return Medium.from_lab(**given)


class GridSection(Section):
    """Keys that all textures on a grid share."""

    shape: list[Points] = Field(min_length=1, max_length=3)
    lengths_nm: list[Positive] = Field(min_length=1, max_length=3)

    def grid(self) -> tuple[tuple[int, ...], tuple[float, ...]]:
        """Shape of the grid, and lengths of the box in metres."""
        return tuple(self.shape), tuple(length * NM for length in self.lengths_nm)


class SpiralSection(GridSection):
    """See `named_textures.spiral`."""

    kind: Literal["spiral"]
    frequency_GHz: Finite
    turns: list[int] = Field(default=[1], min_length=1, max_length=3)
    cone_angle_deg: Finite = 90.0

    def build(self, cell_centred: bool = False) -> RigidTexture:
        """The texture, in SI."""
        return named.spiral(
            *self.grid(),
            frequency=self.frequency_GHz * GHZ,
            turns=tuple(self.turns),
            cone_angle=math.radians(self.cone_angle_deg),
            cell_centred=cell_centred,
        )


class StandingWaveSection(GridSection):
    """See `named_textures.standing_wave`."""

    kind: Literal["standing_wave"]
    frequency_GHz: Finite
    turns: list[int] = Field(default=[1], min_length=1, max_length=3)
    amplitude: Finite = 1.0

    def build(self, cell_centred: bool = False) -> RigidTexture:
        """The texture, in SI."""
        return named.standing_wave(
            *self.grid(),
            frequency=self.frequency_GHz * GHZ,
            turns=tuple(self.turns),
            amplitude=self.amplitude,
            cell_centred=cell_centred,
        )


class InterfaceSection(GridSection):
    """See `named_textures.interface`."""

    kind: Literal["interface"]
    frequency_GHz: Finite
    edges_nm: list[Finite] = Field(min_length=1, max_length=2)
    width_nm: Positive
    cone_angle_deg: Finite = 90.0
    amplitude: Finite = 1.0

    def build(self, cell_centred: bool = False) -> RigidTexture:
        """The texture, in SI."""
        return named.interface(
            *self.grid(),
            edges=[x * NM for x in self.edges_nm],
            width=self.width_nm * NM,
            frequency=self.frequency_GHz * GHZ,
            amplitude=self.amplitude,
            cone_angle=math.radians(self.cone_angle_deg),
            cell_centred=cell_centred,
        )


class MovingWallSection(GridSection):
    """See `named_textures.moving_wall`."""

    kind: Literal["moving_wall"]
    width_nm: Positive
    velocity_m_s: Finite
    angle_deg: Finite = 0.0

    def build(self, cell_centred: bool = False) -> RigidTexture:
        """The texture, in SI."""
        return named.moving_wall(
            *self.grid(),
            width=self.width_nm * NM,
            velocity=self.velocity_m_s,
            angle=math.radians(self.angle_deg),
            cell_centred=cell_centred,
        )


class SkyrmionSection(GridSection):
    """See `named_textures.skyrmion`."""

    kind: Literal["skyrmion"]
    frequency_GHz: Finite
    radius_nm: Positive

    def build(self, cell_centred: bool = False) -> RigidTexture:
        """The texture, in SI."""
        return named.skyrmion(
            *self.grid(),
            radius=self.radius_nm * NM,
            frequency=self.frequency_GHz * GHZ,
            cell_centred=cell_centred,
        )


class FileSection(Section):
    """A texture of the user's own, in SI: see `texture_file.load_texture`."""

    kind: Literal["file"]
    path: str

    def build(self, cell_centred: bool = False) -> Texture:
        """The texture as stored; its samples must lie at the centres of the cells if asked for."""
        texture = load_texture(self.path)
        if cell_centred and getattr(texture, "cell_centred", None) is False:
            raise ParameterError(
                f"the texture of {self.path!r} must be sampled at the centres of the cells to "
                "stand between contacts, got cell_centred = False; sample it again."
            )
        return texture


TextureSection = Annotated[
    SpiralSection
    | StandingWaveSection
    | InterfaceSection
    | MovingWallSection
    | SkyrmionSection
    | FileSection,
    Field(discriminator="kind"),
]
KINDS = ("spiral", "standing_wave", "interface", "moving_wall", "skyrmion", "file")
Contact = Literal["insulating", "reservoir"] | NotNegative


class ContactsSection(Section):
    """Walls of a junction: "insulating", "reservoir", or a conductance in 1/nm."""

    left: Contact = "insulating"
    right: Contact = "insulating"

    def build(self) -> tuple[float, float]:
        """Conductances of the left and the right contact in 1/m."""
        named_contacts = {"insulating": 0.0, "reservoir": math.inf}
        left, right = (
            named_contacts[c] if isinstance(c, str) else c / NM for c in (self.left, self.right)
        )
        return left, right


class SolveSection(Section):
    """Options of `currents.pump`."""

    vertex: Literal["single", "full"] = "single"
    zero_mode: Literal["relaxed", "isolated"] = "relaxed"
    dealias: bool = False
    threads: int = Field(default=1, ge=1, le=1024)


class RunFile(Section):
    """One question: a medium, a texture, and how to solve.

    Attributes
    ----------
    question : str
        What the run is for, in words; the title of its figures.
    medium, texture, solve
        The tables of the file.
    contacts
        The table of the contacts of a junction, or None for a periodic box.
    """

    question: str = ""
    medium: MediumSection
    texture: TextureSection
    contacts: ContactsSection | None = None
    solve: SolveSection = SolveSection()


def read_run_file(path: str | os.PathLike) -> RunFile:
    """Read and validate a run file.

    Parameters
    ----------
    path : path-like
        Name of the file.

    Returns
    -------
    RunFile
        A texture path in it is taken from the folder of the file.

    Raises
    ------
    ParameterError
        One sentence: the key, what is allowed, what was given, the nearest known key.
    """
    instance("path", path, (str, os.PathLike), "give the name of a file")
    return parse_run_file(read_text(Path(path)), path)


def parse_run_file(text: str, path: str | os.PathLike) -> RunFile:
    """Validate the text of a run file.

    Parameters
    ----------
    text : str
        Text of the file in TOML.
    path : path-like
        Name of the file, for messages; a texture path is taken from its folder.

    Returns
    -------
    RunFile

    Raises
    ------
    ParameterError
        As in `read_run_file`.
    """
    instance("text", text, (str,), "give the text of a run file")
    instance("path", path, (str, os.PathLike), "give the name of a file")
    table = parse_toml(text, source=str(path))
    texture = table.get("texture")
    if isinstance(texture, dict) and "kind" not in texture:
        raise ParameterError(
            f"{path}: texture.kind must be one of {', '.join(KINDS)}, got none; add it."
        )
    run = validate(RunFile, table, source=str(path))
    if isinstance(run.texture, FileSection):
        place = str(Path(path).parent / run.texture.path)
        placed = run.texture.model_copy(update={"path": place})
        run = run.model_copy(update={"texture": placed})
    return run
