"""Intrinsic spin currents in every form, charge Hall currents, and their pieces.

The electron's charge is -e, the field enters as H_E = e E.r, and every conductivity sigma_ba
(current b, field a) is ``-(e/hbar) sum_m Int d^dk/(2 pi)^d f_m kernel_m``:

- ``lcc``: the printed result [berry 1] with [berry 2];
- ``xn``: spin of the band times its Berry curvature. The derivation gives this form once the
  field and current indices that are exchanged between [berry C18] and [berry C19] are put back
  (it is the form of C. Xiao and Q. Niu, with their sign);
- ``conventional``: the Kubo formula of {s, v}/2.

None of them is the conserved current of J. Shi et al.: see `hopnet.berry.conserved`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from hopnet.berry.arguments import number, real_list
from hopnet.berry.domains import Domain, PeriodicGrid, Progress, Rays, checked_progress
from hopnet.berry.integration import integrate
from hopnet.berry.models import Model, check_model
from hopnet.berry.pairs import (
    Pairs,
    Treatment,
    check_type,
    checked_treatment,
    compiled,
    pairs_at,
    values,
)
from hopnet.berry.quadrature import grid_batches, ray_batches
from hopnet.berry.resolution import Crossing, add_missed, grid_of
from hopnet.checks import shown
from hopnet.errors import ParameterError, ValidityWarning
from hopnet.records import Record, read_only
from hopnet.threads import run_side_by_side

__all__ = [
    "E2_OVER_H",
    "E2_OVER_HBAR",
    "SpinHall",
    "anomalous_hall",
    "check_call",
    "energies_of",
    "one_level",
    "spin_hall",
]

E2_OVER_HBAR = 2.434134807664281e-4  # e^2 / hbar in S, exact in the SI of 2019
E2_OVER_H = E2_OVER_HBAR / (2.0 * np.pi)  # e^2 / h in S
# Partial sums of a sweep, one per chunk of wave vectors. The number is fixed, so that the sums
# have the same bits on any number of threads; more than 16 would only cost memory.
CHUNKS = 16


@dataclass(frozen=True)
class SpinHall(Record):
    """Spin-Hall conductivities sigma_ba against chemical potential, in every form.

    All are in the natural unit e/hbar times the unit of the spin times length^(2 - d); `in_unit`
    converts. ``errors`` estimates the error of the integration for each form, and ``error`` is
    the largest of them. On rays it is generous: it is what a rule of half the harmonics would
    miss, and where split doublets are partly filled ``conventional`` has ten times the error of
    ``lcc``.

    Attributes
    ----------
    mu : float64[M]
        Chemical potentials.
    lcc, xn, conventional : float64[M]
        The three forms.
    torque : float64[M]
        Mean torque density Tr(t rho_E), over -e/hbar; the forms are currents only where it is 0.
    berry : float64[M]
        Integral of the Berry curvature over filled states.
    moment : float64[M]
        Integral of the orbital moments, in e/hbar; positive along the normal. It is NaN on
        adaptive domains, where it is not computed: it need not exist in an infinite k.p space.
    errors : float64[3, M]
        Errors of lcc, xn and conventional.
    kT : float
        Thermal energy.
    degeneracy : str
        Treatment of bands that touch, ``"block"`` or ``"diagonal"``.
    domain : PeriodicGrid, AdaptiveZone, Rays or ZoneLines
        Wave vectors that were integrated over.
    points : int
        Number of wave vectors visited.
    min_gap : float
        Smallest distance of neighbouring bands in different groups at these wave vectors.
    spin_unit : float, hbar
        Unit of the spin operator.
    dimension : int
        Number of components of the wave vector.
    length_unit : str
        Unit of length of the model.
    """

    table_row: ClassVar[str] = "chemical_potential"
    table_columns: ClassVar[tuple[str, ...]] = (
        "mu",
        "lcc",
        "xn",
        "conventional",
        "torque",
        "berry",
        "moment",
    )

    mu: np.ndarray
    lcc: np.ndarray
    xn: np.ndarray
    conventional: np.ndarray
    torque: np.ndarray
    berry: np.ndarray
    moment: np.ndarray
    errors: np.ndarray
    kT: float
    degeneracy: str
    domain: Domain
    points: int
    min_gap: float
    spin_unit: float
    dimension: int
    length_unit: str

    @property
    def error(self) -> np.ndarray:
        """Largest of `errors` at each chemical potential, float64[M]."""
        return self.errors.max(axis=0)

    @property
    def j1(self) -> np.ndarray:
        """Conventional current of the band-diagonal spin, [berry C6]."""
        return 0.5 * (self.xn + self.lcc)

    @property
    def j2(self) -> np.ndarray:
        """Conventional current of the band-off-diagonal spin, [berry C7]."""
        return self.conventional - self.j1

    @property
    def i1(self) -> np.ndarray:
        """First torque dipole, equation [berry C10]: cancels `j2`."""
        return -self.j2

    @property
    def i2_printed(self) -> np.ndarray:
        """Second torque dipole as printed, equation [berry C24]."""
        return 0.5 * (self.lcc - self.xn)

    @property
    def i2_direct(self) -> np.ndarray:
        """Second torque dipole from [berry C15]-[berry C18]: the opposite of `i2_printed`."""
        return 0.5 * (self.xn - self.lcc)

    def in_unit(self, unit: str) -> float:
        """The factor from the natural unit to ``unit``.

        Parameters
        ----------
        unit : {"natural", "e/2pi", "e/8pi", "hbar/2e S/m"}
            Unit wanted. The middle two are for two dimensions (spin counted in hbar), the last
            is for three, with lengths in Angstrom.
        """
        if unit == "natural":
            return 1.0
        if unit in ("e/2pi", "e/8pi") and self.dimension == 2:
            return self.spin_unit * (2.0 if unit == "e/2pi" else 8.0) * np.pi
        if unit == "hbar/2e S/m" and self.dimension == 3 and self.length_unit == "Angstrom":
            return 2.0 * self.spin_unit * E2_OVER_HBAR * 1e10
        raise ParameterError(
            f"unit of a {self.dimension}-dimensional spin current in {self.length_unit} must be "
            "'natural', 'e/2pi' or 'e/8pi' (two dimensions) or 'hbar/2e S/m' (three), got "
            f"{shown(unit)}; correct the unit."
        )


def spin_hall(
    model: Model,
    domain: Domain,
    *,
    mu: npt.ArrayLike,
    kT: float = 0.0,
    spin: str | npt.ArrayLike = "z",
    field: str | int = "x",
    current: str | int = "y",
    treatment: Treatment | None = None,
    progress: Progress | None = None,
) -> SpinHall:
    """Intrinsic spin-Hall conductivity in every form, equations [berry 1], [berry C25].

    ``sigma_ba = -(e/hbar) sum_m Int d^dk/(2 pi)^d f_m kernel_m``.

    Parameters
    ----------
    model : Model
        Band model.
    domain : PeriodicGrid, AdaptiveZone, Rays or ZoneLines
        Wave vectors to integrate over. Grids and rays with fixed ``panels`` give all ``mu`` from
        one diagonalisation; the others integrate each ``mu`` to their accuracy, at kT = 0 with
        root-found Fermi points (Rays, ZoneLines).
    mu : float or sequence of float
        Chemical potentials.
    kT : float
        Thermal energy, 0 allowed.
    spin : str or complex[N, N]
        Spin component, by name or as a Hermitian matrix.
    field, current : str or int
        Directions; equal ones give exactly 0 for ``lcc`` and ``xn``.
    treatment : Treatment, optional
        How bands that touch are treated. Default: blocks.
    progress : callable, optional
        Called with (points done, what is left).

    Returns
    -------
    SpinHall

    Raises
    ------
    ParameterError
        If an argument has the wrong type or range, or if the integral is not finite.
    ConvergenceError
        If an adaptive domain spends its points without reaching its accuracy.

    Warns
    -----
    ValidityWarning
        If bands come within ten times the tolerance without being grouped, or if the model's
        magnetisation is 0 although its |m| -> 0 limit is singular.

    Notes
    -----
    Filled bands carry current in ``lcc`` and ``xn`` when there are three or more. A k.p continuum
    does not say where the model stops being valid: ``kmax`` is the caller's choice.

    Examples
    --------
    >>> from hopnet.berry import PeriodicGrid, bhz, spin_hall
    >>> result = spin_hall(bhz(u=-1.0), PeriodicGrid(32), mu=0.0)
    >>> round(float(result.conventional[0] * 2 * np.pi), 6)
    -2.0
    """
    treatment = checked_treatment(treatment)
    levels, kT = check_call(model, mu, kT)
    progress = checked_progress(progress)
    matrix = model.operator(spin)
    a, b = model.axis(field), model.axis(current)
    smallest = [np.inf]

    def pairs(k):
        out = pairs_at(model, k, matrix, a, b, treatment)
        smallest[0] = min(smallest[0], out.min_gap)
        return out

    if isinstance(domain, PeriodicGrid) or (isinstance(domain, Rays) and domain.panels):
        ascending = levels[np.argsort(levels, kind="stable")]
        # The search for a minimum leaves rounding, so bands count as touching up to ten times the
        # tolerance, below which they are warned of anyway.
        crossing = Crossing(matrix, a, b, ascending, kT, 10.0 * max(treatment.absolute, 1e-12))
        sums = sweep(model, domain, pairs, crossing, levels, progress)
    else:
        sums = level_by_level(model, domain, pairs, levels, kT, progress)
    if not np.all(np.isfinite(sums.table[:5])):
        raise ParameterError(
            f"the spin current of {model.name!r} must be finite, got NaN or infinity at mu = "
            f"{shown(mu)}; bring energies, spin and wave vectors to units in which they are near 1."
        )
    warn_close(model, smallest[0], treatment)
    if a == b:
        sums.table[[0, 1, 4]] = 0.0
    lcc, xn, conventional, torque, berry, moment = sums.table
    return SpinHall(
        read_only(levels),
        lcc=read_only(lcc),
        xn=read_only(xn),
        conventional=read_only(conventional),
        torque=read_only(torque),
        berry=read_only(-berry),
        moment=read_only(-moment),
        errors=read_only(sums.errors),
        kT=kT,
        degeneracy=treatment.degeneracy,
        domain=domain,
        points=sums.points,
        min_gap=smallest[0],
        spin_unit=model.spin_unit,
        dimension=model.dimension,
        length_unit=model.length_unit,
    )


class Sums(NamedTuple):
    """The six integrals with their sign, at every chemical potential.

    Attributes
    ----------
    table : float64[6, M]
        LCC, XN, conventional, mean torque, Berry curvature, orbital moment, all times -1.
    errors : float64[3, M]
        Errors of the first three.
    points : int
        Number of wave vectors visited.
    """

    table: np.ndarray
    errors: np.ndarray
    points: int


def check_call(model: Model, mu: npt.ArrayLike, kT: float) -> tuple[np.ndarray, float]:
    """The chemical potentials as an array and kT as a float, after checking them and the model."""
    check_model(model)
    kT = number("kT", kT, low=0.0, hint="give 0 or a positive energy")
    return real_list("mu", mu, hint="give one energy or a list of them"), kT


def one_level(model: Model, mu: npt.ArrayLike, kT: float) -> tuple[float, float]:
    """As `check_call`, where one chemical potential is allowed only."""
    levels, kT = check_call(model, mu, kT)
    if len(levels) != 1:
        raise ParameterError(
            f"mu must be one energy, got {len(levels)}; call the function once for each."
        )
    return float(levels[0]), kT


def energies_of(model: Model) -> Callable[[np.ndarray], np.ndarray]:
    """The function ``k -> ascending energies`` of a model."""

    def energies(k: np.ndarray) -> np.ndarray:
        return np.linalg.eigvalsh(model.hamiltonian(k))

    return energies


def warn_close(model: Model, gap: float, treatment: Treatment) -> None:
    """Warn of bands that nearly touch and of the singular limit of no magnetisation."""
    if treatment.degeneracy == "block" and gap <= 10.0 * treatment.absolute:
        warnings.warn(
            f"bands of {model.name!r} come within {gap:.3g}, less than ten times the tolerance "
            f"{treatment.absolute:g}; widen or narrow the tolerance so that it separates groups "
            "from gaps.",
            ValidityWarning,
            stacklevel=3,
        )
    m = model.parameters.get("magnetisation")
    if m is not None and not np.any(m):
        warnings.warn(
            f"{model.name!r} has no magnetisation: the limit of a vanishing one is singular, and "
            "its spin current differs from this one; state the direction and size of m.",
            ValidityWarning,
            stacklevel=3,
        )


def level_by_level(
    model: Model,
    domain: Domain,
    pairs: Callable[[np.ndarray], Pairs],
    levels: np.ndarray,
    kT: float,
    progress: Progress | None,
) -> Sums:
    """The integrals at each chemical potential by itself, to the accuracy of the domain."""
    table, errors = np.empty((6, len(levels))), np.empty((3, len(levels)))
    points = 0
    for j, level in enumerate(levels):
        done = integrate(
            partial(five_values, pairs, float(level), kT),
            model,
            domain,
            energies=energies_of(model) if kT == 0.0 else None,
            mu=level,
            lead=3,
            progress=progress,
        )
        table[:5, j] = -done.value
        table[5, j] = np.nan  # the moment need not exist in an infinite k.p space
        errors[:, j] = done.error[:3]
        points += done.points
    return Sums(table, errors, points)


def five_values(
    pairs: Callable[[np.ndarray], Pairs], level: float, kT: float, k: np.ndarray
) -> np.ndarray:
    """`values` without the orbital moment, float64[n, 5]."""
    return values(pairs(k), level, kT)[:, [0, 1, 2, 3, 4]]  # a copy: the sums run along rows


def rows_at_once(order: int) -> int:
    """Wave vectors of a batch of about 100 MB.

    Batches are few and long: between two kernels the waiting threads spin, at 8192 rows of 4 x 4
    matrices for as long as they work.
    """
    return max(64, 128_000_000 // (120 * order**2))


def sweep(
    model: Model,
    domain: PeriodicGrid | Rays,
    pairs: Callable[[np.ndarray], Pairs],
    crossing: Crossing,
    levels: np.ndarray,
    progress: Progress | None,
) -> Sums:
    """The integrals for all chemical potentials from one diagonalisation, equation [berry 1].

    Parameters
    ----------
    model, domain, progress
        As in `spin_hall`.
    pairs : callable
        ``k[n, d] -> Pairs``.
    crossing : Crossing
        Operators, ascending chemical potentials and kT.
    levels : float64[M]
        Chemical potentials in the order of the caller.
    """
    ascending, kT = crossing.levels, crossing.kT
    size = len(levels) + (kT == 0.0)
    points, total = 0, np.empty(0)
    missed = np.zeros((3, len(levels)))
    grid = grid_of(model, domain) if isinstance(domain, PeriodicGrid) else None
    rows = rows_at_once(model.n_bands)
    batches = (
        grid_batches(domain, model, rows)
        if isinstance(domain, PeriodicGrid)
        else ray_batches(domain, model, rows)
    )
    for k, weight in batches:
        bands = pairs(k)
        if not points:
            total = np.zeros((CHUNKS, size, weight.shape[1], 6))
        add_sums(bands, np.ascontiguousarray(weight), ascending, kT, total)
        if grid is not None:
            one = float(weight[0, 0])
            add_missed(model, grid, crossing, k, bands.energy, bands.group, one, missed)
        points += len(k)
        if progress is not None:
            progress(points, None)
    # From partial sums [chunk, mu, weight, form] to [weight, form, mu].
    joined = np.moveaxis(total.sum(axis=0), 0, -1)
    if kT == 0.0:
        joined = np.cumsum(joined, axis=-1)[..., :-1]
    errors = np.abs(joined[1:, :3] - joined[0, :3]).sum(axis=0) + missed
    table, spread = np.empty_like(joined[0]), np.empty_like(errors)
    order = np.argsort(levels, kind="stable")
    table[:, order], spread[:, order] = -joined[0], errors
    return Sums(table, spread, points)


def add_sums(
    bands: Pairs, weight: np.ndarray, mu: np.ndarray, kT: float, total: np.ndarray
) -> None:
    """Add the sums over filled states of a batch to the partial sums, each chunk by itself."""
    kernels, rows, chunks = compiled(), len(bands.energy), len(total)

    def add(c: int) -> None:
        part = slice(c * rows // chunks, (c + 1) * rows // chunks)
        energy, pair, out = bands.energy[part], bands.pair[part], total[c : c + 1]
        if kT == 0.0:
            kernels.add_filled(energy, pair, weight[part], mu, out)
        else:
            kernels.add_thermal(energy, bands.group[part], pair, weight[part], mu, kT, out)

    run_side_by_side(add, range(chunks))


def anomalous_hall(
    model: Model,
    domain: Domain,
    *,
    mu: npt.ArrayLike,
    kT: float = 0.0,
    field: str | int = "x",
    current: str | int = "y",
    treatment: Treatment | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Intrinsic charge Hall conductivity sigma_ba, current b, field a, [berry 1] with s -> -e.

    ``sigma_yx = +(e^2/hbar) Int d^dk/(2 pi)^d f Om^xy``: a filled band of Chern number C carries
    ``sigma_yx = +C e^2/h`` and ``sigma_xy = -C e^2/h``.

    Parameters
    ----------
    model, domain, mu, kT, field, current, treatment
        As in `spin_hall`.

    Returns
    -------
    value : float64[M]
        Conductivity in S (two dimensions) or S/m (three, lengths in Angstrom).
    error : float64[M]
        Its error, in the same unit.
    """
    check_type("model", model, Model)
    hall = spin_hall(
        model,
        domain,
        mu=mu,
        kT=kT,
        spin=np.eye(model.n_bands, dtype=complex),
        field=field,
        current=current,
        treatment=treatment,
    )
    factor = E2_OVER_HBAR * (1e10 if model.dimension == 3 else 1.0)
    # The substitution s -> -e in sigma = -(e/hbar) sum f s Om changes the sign.
    return read_only(-factor * hall.xn), read_only(factor * hall.error)
