"""The curves of the paper's figures, in every form: Bi2Se3 and the hole wells."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from hopnet.berry.conserved import conserved_current
from hopnet.berry.crystals import bi2se3_bulk
from hopnet.berry.hole_well import luttinger_well
from hopnet.berry.quadrature import Rays
from hopnet.berry.spin_current import Treatment, spin_hall
from hopnet.errors import ParameterError
from hopnet.records import read_only

TORQUE = {"spin": "y", "field": "x", "current": "z"}
DOUBLET = Treatment("block", absolute=5e-3)  # eV: the pair that 1 meV of m splits is one group
DIAGONAL = Treatment("diagonal")
# E_F of the paper's Fig. 2(b), meV
FERMI_ENERGY = {"GaAs": 15.0, "InAs": 40.0, "InSb": 60.0, "Ge": 20.0, "Ge printed": 20.0}


@dataclass(frozen=True)
class Curve:
    """Spin-Hall conductivities along one line of a figure.

    Attributes
    ----------
    label : str
    x : float64[n]
        Fermi energy (meV), gate field (MV/m) or cutoff (1/Angstrom).
    lcc, xn, conventional : float64[n]
    conserved : float64[n] or None
    error : float64[n]
        Integration error of the first three.
    unit : str
    """

    label: str
    x: np.ndarray
    lcc: np.ndarray
    xn: np.ndarray
    conventional: np.ndarray
    conserved: np.ndarray | None
    error: np.ndarray
    unit: str


def graded(length, levels, ratio=8.0):
    """Edges from 0 to ``length`` that crowd at 0."""
    return tuple([0.0, *(length * ratio ** -np.arange(levels)[::-1])])


def rays_for(direction, kmax=math.inf, levels=4, warping=False, **more):
    """Rays that crowd at the nodal ring k.m = 0, M = 0 of a magnetisation along ``direction``.

    Half a sphere repeats twice, by inversion. Without warping the integrand has the harmonics
    0 and 2 of the azimuth for m along z (eight rays, so that the companion rules do not take
    the 2 for an error), and an octant repeats eightfold for m in the plane.
    """
    if direction == "z":
        n = 48 if warping else 8
        return Rays(kmax, n, polar=graded(1.0, levels), repeats=2.0, **more)
    if direction not in ("x", "y"):
        raise ParameterError(
            f"direction of m must be 'x', 'y' or 'z', got {direction!r}; choose one of them."
        )
    quarter = np.array(graded(np.pi / 2, levels))
    azimuth = np.pi / 2 - quarter[::-1] if direction == "x" else quarter
    if warping:  # crowd at both ends of the nodal line, on either side
        half = np.concatenate([azimuth, np.pi - azimuth[::-1]])
        azimuth = np.unique(np.concatenate([half, np.pi + half]).round(14))
    return Rays(
        kmax,
        polar=graded(1.0, levels),
        azimuth=tuple(azimuth),
        repeats=2.0 if warping else 8.0,
        **more,
    )


def along(direction, size):
    """Magnetisation of a ``size`` along a named axis."""
    return tuple(size * (axis == direction) for axis in "xyz")


def curve_of(label, x, forms, unit, conserved=None):
    """A `Curve` from a SpinHall record."""
    factor = forms.in_unit(unit)
    return Curve(
        label,
        read_only(x),
        *(read_only(factor * a) for a in (forms.lcc, forms.xn, forms.conventional)),
        None if conserved is None else read_only(factor * np.asarray(conserved)),
        read_only(factor * forms.error),
        unit,
    )


def insulator_curves(
    mu,
    *,
    directions="xyz",
    size=1e-3,
    kmax=math.inf,
    levels=4,
    panels=12,
    conserved=True,
    warping=False,
    progress=None,
):
    """sigma^y_zx of Bi2Se3 against Fermi energy, the paper's Fig. 1, from equation [berry 10].

    Parameters
    ----------
    mu : float64[n], eV
    directions : sequence of {"x", "y", "z"}
        Of m, treated with the diagonal elements of the split doublets (the paper's way).
    size : float, eV
        |m|.
    kmax : float, 1/Angstrom
    levels, panels : int
        Refinement of the rays towards the nodal ring, and panels along each.
    conserved : bool
        Whether the conserved current is evaluated too (kT = 5 meV), in the block curve.
    warping : bool
        Keep the cubic terms R1, R2: they need a finite ``kmax``, beyond some 1/Angstrom they
        outgrow the others.
    progress : callable, optional
        Called with (done, of) after every curve.

    Returns
    -------
    tuple of Curve
        One for each direction, then one that keeps the whole block of every doublet.
    """
    mu = np.asarray(mu, dtype=float)
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
        shi = [conserved_current(model, rays, mu=e, kT=5e-3, **TORQUE).value[0] for e in mu]
    out.append(curve_of("whole doublets", 1e3 * mu, forms, unit, shi))
    if progress is not None:
        progress(len(out), len(directions) + 1)
    return tuple(out)


def cutoff_curves(
    kmax, *, directions="xyz", mu=0.1, size=1e-3, levels=4, warping=False, progress=None
):
    """sigma^y_zx of gapped Bi2Se3 in a ball |k| < kmax, against kmax, from [berry 10].

    Parameters
    ----------
    kmax : float64[n], 1/Angstrom
    directions, size, levels, warping, progress
        As in `insulator_curves`.
    mu : float, eV
        In the gap.

    Returns
    -------
    tuple of Curve
        One for each direction (diagonal), then the whole doublets.
    """
    kmax = np.asarray(kmax, dtype=float)
    if kmax.ndim != 1 or not np.all(kmax > 0):
        raise ParameterError(f"kmax must be positive radii, got {kmax!r}; give 1/Angstrom.")
    out, factor = [], None
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
        arrays = (read_only(a) for a in (lcc, xn, conventional))
        out.append(Curve(label, read_only(kmax), *arrays, None, read_only(error), "hbar/2e S/m"))
        if progress is not None:
            progress(len(out), len(cases))
    return tuple(out)


def well_forms(material, field, fermi_energy, conserved=True, **more):
    """The forms of one well at one Fermi energy (meV above the lowest level), e/8pi."""
    model = luttinger_well(material, field, **more)
    mu = model.parameters["bottom"] + 1e-3 * fermi_energy
    directions = 32 if model.parameters["warping"] else 4  # axial: a cos 2 phi at most
    rays = Rays(math.inf, directions, accuracy=1e-7)
    forms = spin_hall(model, rays, mu=mu)
    factor = forms.in_unit("e/8pi")
    shi = np.nan
    if conserved:
        rays = Rays(math.inf, directions, accuracy=1e-4)
        shi = factor * conserved_current(model, rays, mu=mu, kT=2e-4).value[0]
    values = (forms.lcc[0], forms.xn[0], forms.conventional[0], forms.error[0])
    lcc, xn, conventional, error = (factor * v for v in values)
    return lcc, xn, conventional, shi, error


def well_curve(label, x, cases, conserved, more):
    """A `Curve` over (material, field, Fermi energy) cases."""
    rows = np.array([well_forms(*case, conserved=conserved, **more) for case in cases])
    lcc, xn, conventional, shi, error = (read_only(column) for column in rows.T)
    return Curve(
        label, read_only(x), lcc, xn, conventional, shi if conserved else None, error, "e/8pi"
    )


def well_energy_curves(
    fermi_energy, *, material="GaAs", fields=(1.0, 2.0), conserved=True, progress=None, **more
):
    """sigma^z_yx of a hole well against Fermi energy, the paper's Fig. 2(a), from [berry 11].

    Parameters
    ----------
    fermi_energy : float64[n], meV
        From the lowest level at k = 0.
    material : str
    fields : sequence of float, MV/m
    conserved : bool
        Whether the conserved current (kT = 0.2 meV) is evaluated too.
    progress : callable, optional
        Called with (done, of) after every curve.
    **more
        Arguments of `hopnet.berry.luttinger_well`.

    Returns
    -------
    tuple of Curve
    """
    out = []
    for field in fields:
        cases = [(material, field, float(e)) for e in fermi_energy]
        label = f"{material}, {field:g} MV/m"
        out.append(well_curve(label, np.asarray(fermi_energy, float), cases, conserved, more))
        if progress is not None:
            progress(len(out), len(fields))
    return tuple(out)


def well_field_curves(
    field, *, materials=tuple(FERMI_ENERGY), conserved=True, progress=None, **more
):
    """sigma^z_yx of hole wells against gate field, the paper's Fig. 2(b), from [berry 11].

    Parameters
    ----------
    field : float64[n], MV/m
    materials : sequence of str
        Keys of `FERMI_ENERGY`, each at the paper's Fermi energy.
    conserved, progress, **more
        As in `well_energy_curves`.

    Returns
    -------
    tuple of Curve
    """
    unknown = [m for m in materials if m not in FERMI_ENERGY]
    if unknown:
        raise ParameterError(
            f"materials must be among {', '.join(FERMI_ENERGY)}, got {unknown[0]!r}; "
            "choose from them."
        )
    out = []
    for material in materials:
        cases = [(material, float(f), FERMI_ENERGY[material]) for f in field]
        label = f"{material}, {FERMI_ENERGY[material]:g} meV"
        out.append(well_curve(label, np.asarray(field, float), cases, conserved, more))
        if progress is not None:
            progress(len(out), len(materials))
    return tuple(out)
