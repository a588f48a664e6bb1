"""The curves of the paper's figures, in every form: Bi2Se3 and the hole wells."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, TypedDict

import numpy as np
import numpy.typing as npt

from hopnet.berry.arguments import number, positive, real_list
from hopnet.berry.conserved import conserved_current
from hopnet.berry.crystals import bi2se3_bulk
from hopnet.berry.domains import Rays, checked_progress
from hopnet.berry.hole_well import LUTTINGER, luttinger_well
from hopnet.berry.pairs import Treatment
from hopnet.berry.quadrature import Integral
from hopnet.berry.spin_current import SpinHall, spin_hall
from hopnet.checks import flag, one_of, whole
from hopnet.records import Record, read_only

__all__ = [
    "FERMI_ENERGY",
    "Curve",
    "WellForms",
    "cutoff_curves",
    "graded",
    "insulator_curves",
    "rays_for",
    "well_energy_curves",
    "well_field_curves",
    "well_forms",
]


class Component(TypedDict):
    """Arguments of `spin_hall` that pick a component of the spin current."""

    spin: str
    field: str
    current: str


# The component sigma^y_zx of the paper's Fig. 1.
TORQUE: Component = {"spin": "y", "field": "x", "current": "z"}
# The two bands of a doublet that 1 meV of magnetisation splits by 2 meV are one group: the
# tolerance 5 meV is above the splitting and far below the gap of 270 meV.
DOUBLET = Treatment("block", absolute=5e-3)
DIAGONAL = Treatment("diagonal")
# Fermi energies of the paper's Fig. 2(b), in meV above the lowest level.
FERMI_ENERGY = {"GaAs": 15.0, "InAs": 40.0, "InSb": 60.0, "Ge": 20.0, "Ge printed": 20.0}
# kT of the conserved current, in eV. In a metal it must be positive; 5 meV and 0.2 meV are far
# below the Fermi energies, and smaller values need more wave vectors.
INSULATOR_KT = 5e-3
WELL_KT = 2e-4
# Refinements of the rays beyond which panels are narrower than rounding (8**-12 = 1e-11).
LARGEST_LEVELS = 12

Progress = Callable[[int, int], object]


@dataclass(frozen=True)
class Curve(Record):
    """Spin-Hall conductivities along one line of a figure.

    Attributes
    ----------
    label : str
        Name of the line in the legend.
    x : float64[n]
        Fermi energy (meV), gate field (MV/m) or cutoff (1/Angstrom).
    lcc, xn, conventional : float64[n]
        The three forms of `SpinHall`.
    conserved : float64[n] or None
        The conserved current, where it was asked for.
    error : float64[n]
        Integration error of the first three.
    unit : str
        Unit of the conductivities.
    conserved_error : float64[n] or None
        Error of the conserved current.
    """

    table_row: ClassVar[str] = "point"
    table_columns: ClassVar[tuple[str, ...]] = (
        "x",
        "lcc",
        "xn",
        "conventional",
        "conserved",
        "error",
        "conserved_error",
    )

    label: str
    x: np.ndarray
    lcc: np.ndarray
    xn: np.ndarray
    conventional: np.ndarray
    conserved: np.ndarray | None
    error: np.ndarray
    unit: str
    conserved_error: np.ndarray | None = None


class WellForms(NamedTuple):
    """The forms of one well at one Fermi energy, in e/8pi.

    Attributes
    ----------
    lcc, xn, conventional : float
        The three forms of `SpinHall`.
    conserved : float
        The conserved current at kT = 0.2 meV; NaN if it was not asked for.
    error : float
        Integration error of the first three.
    conserved_error : float
        Error of the conserved current; NaN if it was not asked for.
    """

    lcc: float
    xn: float
    conventional: float
    conserved: float
    error: float
    conserved_error: float


def graded(length: float, levels: int, ratio: float = 8.0) -> tuple[float, ...]:
    """Edges from 0 to ``length`` that crowd at 0, each ``ratio`` times the one before."""
    return tuple([0.0, *(length * ratio ** -np.arange(levels)[::-1])])


def rays_for(
    direction: str, kmax: float = math.inf, levels: int = 4, warping: bool = False, **more: Any
) -> Rays:
    """Rays that crowd at the nodal ring k.m = 0, M = 0 of a magnetisation along ``direction``.

    Half a sphere repeats twice, by inversion. Without warping the integrand has the harmonics 0
    and 2 of the azimuth for m along z (eight rays, so that the companion rules do not take the
    harmonic 2 for an error), and an octant repeats eightfold for m in the plane.

    Parameters
    ----------
    direction : {"x", "y", "z"}
        Direction of m.
    kmax : float, 1/Angstrom
        Radius of the ball.
    levels : int
        Number of panels that crowd at the ring, each eight times wider than the one before.
    warping : bool
        Whether the model has the cubic terms.
    **more
        Other attributes of `Rays`.
    """
    one_of("direction of m", direction, "xyz", "correct the name")
    levels = whole("levels", levels, low=1, high=LARGEST_LEVELS, hint="give a whole number")
    if direction == "z":
        n = 48 if warping else 8
        return Rays(kmax, n, polar=graded(1.0, levels), repeats=2.0, **more)
    quarter = np.array(graded(np.pi / 2, levels))
    azimuth = np.pi / 2 - quarter[::-1] if direction == "x" else quarter
    if warping:  # panels crowd at both ends of the nodal line, on either side
        half = np.concatenate([azimuth, np.pi - azimuth[::-1]])
        azimuth = np.unique(np.concatenate([half, np.pi + half]).round(14))
    return Rays(
        kmax,
        polar=graded(1.0, levels),
        azimuth=tuple(azimuth),
        repeats=2.0 if warping else 8.0,
        **more,
    )


def along(direction: str, size: float) -> tuple[float, ...]:
    """Magnetisation of a ``size`` along a named axis."""
    return tuple(size * (axis == direction) for axis in "xyz")


def checked_directions(directions: Iterable[str]) -> list[str]:
    """Directions of m as a list of "x", "y", "z"."""
    if not isinstance(directions, str | list | tuple) or not len(directions):
        one_of("directions of m", directions, "xyz", "correct the name")
    return [one_of("direction of m", d, "xyz", "correct the name") for d in directions]


def curve_of(
    label: str, x: np.ndarray, forms: SpinHall, unit: str, conserved: list[Integral] | None = None
) -> Curve:
    """A `Curve` from a SpinHall record and the conserved current at each point."""
    factor = forms.in_unit(unit)
    shi, spread = None, None
    if conserved is not None:
        shi = read_only(factor * np.asarray([done.value[0] for done in conserved]))
        spread = read_only(factor * np.asarray([done.error[0] for done in conserved]))
    return Curve(
        label,
        read_only(x),
        read_only(factor * forms.lcc),
        read_only(factor * forms.xn),
        read_only(factor * forms.conventional),
        shi,
        read_only(factor * forms.error),
        unit,
        spread,
    )


def insulator_curves(
    mu: npt.ArrayLike,
    *,
    directions: Sequence[str] = "xyz",
    size: float = 1e-3,
    kmax: float = math.inf,
    levels: int = 4,
    panels: int = 12,
    conserved: bool = True,
    warping: bool = False,
    progress: Progress | None = None,
) -> tuple[Curve, ...]:
    """sigma^y_zx of Bi2Se3 against Fermi energy, the paper's Fig. 1, from equation [berry 10].

    Parameters
    ----------
    mu : float64[n], eV
        Fermi energies.
    directions : sequence of {"x", "y", "z"}
        Directions of m, treated with the diagonal elements of the split doublets, as in the
        paper.
    size : float, eV
        Modulus of m.
    kmax : float, 1/Angstrom
        Radius of the ball.
    levels, panels : int
        Refinement of the rays towards the nodal ring, and panels along each ray.
    conserved : bool
        Whether the block curve has the conserved current too (kT = 5 meV).
    warping : bool
        Whether to keep the cubic terms R1, R2. They need a finite ``kmax``: beyond some
        1/Angstrom they are larger than the others.
    progress : callable, optional
        Called with (done, of) after every curve.

    Returns
    -------
    tuple of Curve
        One for each direction, then one that keeps the whole block of every doublet.
    """
    mu = real_list("mu", mu, hint="give Fermi energies in eV")
    directions = checked_directions(directions)
    size = positive("size", size, hint="give the modulus of m in eV")
    panels = whole("panels", panels, low=1, high=10_000, hint="give a whole number")
    flag("conserved", conserved)
    checked_progress(progress)
    out = []
    unit = "hbar/2e S/m"
    for direction in directions:
        model = bi2se3_bulk(along(direction, size), warping=warping)
        rays = rays_for(direction, kmax, levels, warping, panels=panels)
        forms = spin_hall(model, rays, mu=mu, treatment=DIAGONAL, **TORQUE)
        out.append(curve_of(f"m || {direction}", 1e3 * mu, forms, unit))
        if progress is not None:
            progress(len(out), len(directions) + 1)
    model = bi2se3_bulk(along("z", size), warping=warping)
    even = tuple(np.linspace(0.0, 1.0, 5))
    n = 24 if warping else 8
    rays = Rays(kmax, n, polar=even, repeats=2.0, panels=4 * panels)
    forms = spin_hall(model, rays, mu=mu, treatment=DOUBLET, **TORQUE)
    shi = None
    if conserved:
        rays = Rays(kmax, n, polar=even, repeats=2.0, accuracy=1e-3)
        shi = [conserved_current(model, rays, mu=e, kT=INSULATOR_KT, **TORQUE) for e in mu]
    out.append(curve_of("whole doublets", 1e3 * mu, forms, unit, shi))
    if progress is not None:
        progress(len(out), len(directions) + 1)
    return tuple(out)


def cutoff_curves(
    kmax: npt.ArrayLike,
    *,
    directions: Sequence[str] = "xyz",
    mu: float = 0.1,
    size: float = 1e-3,
    levels: int = 4,
    warping: bool = False,
    progress: Progress | None = None,
) -> tuple[Curve, ...]:
    """sigma^y_zx of gapped Bi2Se3 in a ball |k| < kmax, against kmax, from [berry 10].

    Parameters
    ----------
    kmax : float64[n], 1/Angstrom
        Radii of the ball.
    directions, size, levels, warping, progress
        As in `insulator_curves`.
    mu : float, eV
        Fermi energy, in the gap.

    Returns
    -------
    tuple of Curve
        One for each direction (diagonal), then the whole doublets.
    """
    hint = "give radii in 1/Angstrom"
    kmax = real_list("kmax", kmax, hint=hint)
    for radius in kmax:
        positive("kmax", radius, hint=hint)
    directions = checked_directions(directions)
    mu = number("mu", mu, hint="give one Fermi energy in eV")
    size = positive("size", size, hint="give the modulus of m in eV")
    checked_progress(progress)
    out, factor = [], 1.0
    cases = [(f"m || {d}", d, DIAGONAL) for d in directions] + [("whole doublets", "z", DOUBLET)]
    for label, direction, treatment in cases:
        model = bi2se3_bulk(along(direction, size), warping=warping)
        rows = []
        for radius in kmax:
            rays = rays_for(direction, float(radius), levels, warping, panels=8)
            forms = spin_hall(model, rays, mu=mu, treatment=treatment, **TORQUE)
            factor = forms.in_unit("hbar/2e S/m")
            rows.append([forms.lcc[0], forms.xn[0], forms.conventional[0], forms.error[0]])
        lcc, xn, conventional, error = factor * np.array(rows).T
        out.append(
            Curve(
                label,
                read_only(kmax),
                read_only(lcc),
                read_only(xn),
                read_only(conventional),
                None,
                read_only(error),
                "hbar/2e S/m",
            )
        )
        if progress is not None:
            progress(len(out), len(cases))
    return tuple(out)


def well_forms(
    material: str | Sequence[float],
    field: float,
    fermi_energy: float,
    conserved: bool = True,
    **more: Any,
) -> WellForms:
    """The forms of one well at one Fermi energy (meV above the lowest level), in e/8pi.

    Parameters
    ----------
    material, field, **more
        Arguments of `hopnet.berry.luttinger_well`.
    fermi_energy : float, meV
        Fermi energy, counted from the lowest level at k = 0; at most 1e6.
    conserved : bool
        Whether the conserved current (kT = 0.2 meV) is evaluated too.
    """
    hint = "give an energy in meV"
    fermi_energy = number("fermi_energy", fermi_energy, low=-1e6, high=1e6, hint=hint)
    flag("conserved", conserved)
    model = luttinger_well(material, field, **checked_options(more))
    mu = model.parameters["bottom"] + 1e-3 * fermi_energy
    directions = 32 if model.parameters["warping"] else 4  # axial: harmonics up to cos 2 phi
    rays = Rays(math.inf, directions, accuracy=1e-7)
    forms = spin_hall(model, rays, mu=mu)
    factor = forms.in_unit("e/8pi")
    shi, spread = np.nan, np.nan
    if conserved:
        rays = Rays(math.inf, directions, accuracy=1e-4)
        done = conserved_current(model, rays, mu=mu, kT=WELL_KT)
        shi, spread = factor * done.value[0], factor * done.error[0]
    values = (forms.lcc[0], forms.xn[0], forms.conventional[0], forms.error[0])
    lcc, xn, conventional, error = (factor * v for v in values)
    return WellForms(lcc, xn, conventional, shi, error, spread)


def checked_options(more: dict[str, Any]) -> dict[str, Any]:
    """Further arguments of a well, refused where `luttinger_well` has no such argument."""
    for name in more:
        one_of(
            "arguments of a well",
            name,
            ("width_nm", "magnetisation", "zeeman", "warping"),
            "correct the name",
        )
    return more


def well_curve(
    label: str,
    x: np.ndarray,
    cases: list[tuple[str, float, float]],
    conserved: bool,
    more: dict[str, Any],
) -> Curve:
    """A `Curve` over (material, field, Fermi energy) cases."""
    rows = np.array([well_forms(*case, conserved=conserved, **more) for case in cases])
    lcc, xn, conventional, shi, error, spread = (read_only(column) for column in rows.T)
    if not conserved:
        return Curve(label, read_only(x), lcc, xn, conventional, None, error, "e/8pi")
    return Curve(label, read_only(x), lcc, xn, conventional, shi, error, "e/8pi", spread)


def well_energy_curves(
    fermi_energy: npt.ArrayLike,
    *,
    material: str = "GaAs",
    fields: npt.ArrayLike = (1.0, 2.0),
    conserved: bool = True,
    progress: Progress | None = None,
    **more: Any,
) -> tuple[Curve, ...]:
    """sigma^z_yx of a hole well against Fermi energy, the paper's Fig. 2(a), from [berry 11].

    Parameters
    ----------
    fermi_energy : float64[n], meV
        Fermi energies, counted from the lowest level at k = 0.
    material : str
        Key of `LUTTINGER`.
    fields : sequence of float, MV/m
        Gate fields, one curve each.
    conserved : bool
        Whether the conserved current (kT = 0.2 meV) is evaluated too.
    progress : callable, optional
        Called with (done, of) after every curve.
    **more
        Arguments of `hopnet.berry.luttinger_well`.

    Returns
    -------
    tuple of Curve
        One for each gate field.
    """
    energies = real_list("fermi_energy", fermi_energy, hint="give Fermi energies in meV")
    fields = [float(f) for f in real_list("fields", fields, hint="give fields in MV/m")]
    one_of("material", material, LUTTINGER, "correct the name")
    checked_progress(progress)
    out = []
    for field in fields:
        cases = [(material, field, float(e)) for e in energies]
        label = f"{material}, {field:g} MV/m"
        out.append(well_curve(label, energies, cases, conserved, more))
        if progress is not None:
            progress(len(out), len(fields))
    return tuple(out)


def well_field_curves(
    field: npt.ArrayLike,
    *,
    materials: Sequence[str] = tuple(FERMI_ENERGY),
    conserved: bool = True,
    progress: Progress | None = None,
    **more: Any,
) -> tuple[Curve, ...]:
    """sigma^z_yx of hole wells against gate field, the paper's Fig. 2(b), from [berry 11].

    Parameters
    ----------
    field : float64[n], MV/m
        Gate fields.
    materials : sequence of str
        Keys of `FERMI_ENERGY`, each at the paper's Fermi energy.
    conserved, progress, **more
        As in `well_energy_curves`.

    Returns
    -------
    tuple of Curve
        One for each material.
    """
    fields = real_list("field", field, hint="give fields in MV/m")
    if not isinstance(materials, list | tuple):
        one_of("materials", None, FERMI_ENERGY, "give a list of names")
    materials = [one_of("materials", m, FERMI_ENERGY, "correct the name") for m in materials]
    checked_progress(progress)
    out = []
    for material in materials:
        cases = [(material, float(f), FERMI_ENERGY[material]) for f in fields]
        label = f"{material}, {FERMI_ENERGY[material]:g} meV"
        out.append(well_curve(label, fields, cases, conserved, more))
        if progress is not None:
            progress(len(out), len(materials))
    return tuple(out)
