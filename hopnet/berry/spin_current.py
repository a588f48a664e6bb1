"""Intrinsic spin currents in every form, charge Hall currents, and their pieces.

The electron's charge is -e, the field enters as H_E = e E.r, and every conductivity sigma_ba
(current b, field a) is ``-(e/hbar) sum_m Int d^dk/(2 pi)^d f_m kernel_m``:

- ``lcc``: the printed result [berry 1] with [berry 2];
- ``xn``: spin of the band times its Berry curvature, what the derivation gives once the field
  and current indices exchanged between [berry C18] and [berry C19] are put back (the form of
  C. Xiao and Q. Niu, with their sign);
- ``conventional``: the Kubo formula of {s, v}/2.

None of them is the conserved current of J. Shi et al.: see `hopnet.berry.conserved`.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from hopnet.berry import light
from hopnet.berry.integration import integrate
from hopnet.berry.models import check_hamiltonian
from hopnet.berry.quadrature import PeriodicGrid, Rays, grid_batches, ray_batches
from hopnet.errors import ParameterError, ValidityWarning
from hopnet.records import read_only

E2_OVER_HBAR = 2.434134807664281e-4  # S
E2_OVER_H = E2_OVER_HBAR / (2.0 * np.pi)
CHUNKS = 16


@dataclass(frozen=True)
class Pairs:
    """Bands at a batch of wave vectors and what every pair of them contributes.

    Attributes
    ----------
    energy : float64[n, N]
    group : int64[n, N]
        First band of the degenerate group of each band.
    pair : float64[n, 5, N, N]
        Spin-weighted curvature, conventional spin current, mean torque, curvature, orbital
        moment of each pair.
    min_gap : float
        Smallest distance of neighbouring bands in different groups.
    """

    energy: np.ndarray
    group: np.ndarray
    pair: np.ndarray
    min_gap: float


@dataclass(frozen=True)
class SpinHall:
    """Spin-Hall conductivities sigma_ba against chemical potential, with every form.

    All in the natural unit e/hbar times the spin's unit times length^(2 - d); `in_unit`
    converts. ``errors`` estimates the error of the integration for each form, ``error`` is its
    largest. On rays it is generous: it is what a rule of half the harmonics would miss, and
    where split doublets are partly filled ``conventional`` has ten times the error of ``lcc``.

    Attributes
    ----------
    mu : float64[M]
    lcc, xn, conventional : float64[M]
    torque : float64[M]
        Mean torque density Tr(t rho_E), over -e/hbar; the forms are currents only where it is 0.
    berry : float64[M]
        Integral of the Berry curvature over filled states.
    moment : float64[M]
        Integral of the orbital moments, in e/hbar; positive along the normal.
    errors : float64[3, M]
        Of lcc, xn and conventional.
    kT : float
    degeneracy : str
    domain : object
    points : int
    min_gap : float
    spin_unit : float
    dimension : int
    length_unit : str
    """

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
    domain: object
    points: int
    min_gap: float
    spin_unit: float
    dimension: int
    length_unit: str

    @property
    def error(self):
        """Largest of `errors` at each chemical potential, float64[M]."""
        return self.errors.max(axis=0)

    @property
    def j1(self):
        """Conventional current of the band-diagonal spin, [berry C6]."""
        return 0.5 * (self.xn + self.lcc)

    @property
    def j2(self):
        """Conventional current of the band-off-diagonal spin, [berry C7]."""
        return self.conventional - self.j1

    @property
    def i1(self):
        """First torque dipole, equation [berry C10]: cancels `j2`."""
        return -self.j2

    @property
    def i2_printed(self):
        """Second torque dipole as printed, equation [berry C24]."""
        return 0.5 * (self.lcc - self.xn)

    @property
    def i2_direct(self):
        """Second torque dipole from [berry C15]-[berry C18]: the opposite of `i2_printed`."""
        return 0.5 * (self.xn - self.lcc)

    def in_unit(self, unit):
        """Factor from the natural unit to ``unit``.

        Parameters
        ----------
        unit : {"natural", "e/2pi", "e/8pi", "hbar/2e S/m"}
            The middle two for two dimensions (spin counted in hbar), the last, with the lengths
            in Angstrom, for three.
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
            f"{unit!r}; choose one that fits."
        )


@dataclass(frozen=True)
class Treatment:
    """How bands that touch are treated.

    Attributes
    ----------
    degeneracy : {"block", "diagonal"}
        ``"block"`` forms groups, drops the connection inside a group and keeps the spin's whole
        block: the answer does not depend on the basis. ``"diagonal"``, the paper's, keeps the
        diagonal elements only and needs bands that are split.
    absolute, relative : float
        Bands closer than ``max(absolute, relative max|e|)`` are one group.
    """

    degeneracy: str = "block"
    absolute: float = 1e-9
    relative: float = 1e-13

    def __post_init__(self):
        if self.degeneracy not in ("block", "diagonal"):
            raise ParameterError(
                f"degeneracy must be 'block' or 'diagonal', got {self.degeneracy!r}; choose one."
            )
        if not (self.absolute >= 0 and self.relative >= 0):
            raise ParameterError(
                "degeneracy tolerances must not be negative, got "
                f"{self.absolute!r} and {self.relative!r}; give 0 or more."
            )


def compiled():
    """The kernels, imported when they are first called: see `hopnet.berry.light`."""
    from hopnet.kernels import berry

    return berry


def band_pairs(model, k, spin, field, current, treatment=Treatment(), loops=None):
    """Bands and pair quantities at wave vectors, equations [berry 2], [berry 9], [berry C7].

    With ``a`` the field's direction, ``b`` the current's, d = e_m - e_n and A, B, s the elements
    of d_a H, d_b H and the spin, the pair (m, n) holds ::

        spin-weighted curvature  s_mm Om_mn,  Om_mn = -2 Im(A_mn B_nm) / d^2
        conventional             2 Im(j_mn A_nm) / d^2,  j = {s, B}/2
        mean torque              2 Re(s_mn A_nm) / d
        curvature                Om_mn
        orbital moment           Om_mn d / 2

    and ``lcc_m = sum_n s_nn Om_mn``, ``xn_m = sum_n s_mm Om_mn``. Degenerate groups replace
    s_mm by the block's product with the non-Abelian curvature.

    Parameters
    ----------
    model : Model
    k : float64[n, d]
    spin : str or complex[N, N]
    field, current : str or int
        Directions.
    treatment : Treatment
    loops : module, optional
        Whose ``fill_pairs`` runs: the kernels (default) or `hopnet.berry.light`.

    Returns
    -------
    Pairs

    Raises
    ------
    ParameterError
        If the model's matrices are not finite, or if bands of a ``"diagonal"`` treatment are
        closer than the tolerance (the answer would depend on the basis).
    """
    k = np.ascontiguousarray(k, dtype=float)
    a, b = model.axis(field), model.axis(current)
    h = np.ascontiguousarray(model.hamiltonian(k), dtype=complex)
    d_a = np.ascontiguousarray(model.derivative(k, a), dtype=complex)
    d_b = d_a if a == b else np.ascontiguousarray(model.derivative(k, b), dtype=complex)
    return pairs_of(h, d_a, d_b, model.operator(spin), treatment, loops or compiled())


def pairs_of(h, d_a, d_b, spin, treatment, loops):
    """`band_pairs` from the matrices themselves."""
    n, order = h.shape[:2]
    energy = np.empty((n, order))
    group = np.empty((n, order), dtype=np.int64)
    pair = np.empty((n, 5, order, order))
    block = treatment.degeneracy == "block"
    loops.fill_pairs(
        h, d_a, d_b, spin, treatment.absolute, treatment.relative, block, energy, group, pair
    )
    if not np.isfinite(energy.sum()):
        raise ParameterError("the Hamiltonian is not finite; mend H(k) where it is evaluated.")
    gaps = np.diff(energy, axis=1)
    apart = group[:, 1:] != group[:, :-1]
    gap = float(gaps[apart].min()) if np.any(apart) else np.inf
    if not block and gap <= max(treatment.absolute, 0.0):
        raise ParameterError(
            f"degeneracy='diagonal' needs bands further apart than {treatment.absolute:g}, got "
            f"{gap:.3g}: the answer would depend on the basis; split them or use 'block'."
        )
    return Pairs(energy, group, pair, gap)


def values(pairs, mu, kT):
    """Sums over filled states at each wave vector, equations [berry 1], [berry 9], [berry C6].

    Parameters
    ----------
    pairs : Pairs
    mu, kT : float

    Returns
    -------
    float64[n, 6]
        LCC, XN, conventional, mean torque, Berry curvature, orbital moment.
    """
    out = np.empty((len(pairs.energy), 6))
    compiled().fill_values(pairs.energy, pairs.group, pairs.pair, mu, kT, out)
    return out


def spin_hall(
    model,
    domain,
    *,
    mu,
    kT=0.0,
    spin="z",
    field="x",
    current="y",
    treatment=None,
    progress=None,
):
    """Intrinsic spin-Hall conductivity in every form, equations [berry 1], [berry C25].

    ``sigma_ba = -(e/hbar) sum_m Int d^dk/(2 pi)^d f_m kernel_m``.

    Parameters
    ----------
    model : Model
    domain : PeriodicGrid, AdaptiveZone, Rays or ZoneLines
        Grids and rays with fixed ``panels`` give all ``mu`` from one diagonalisation; the others
        integrate each ``mu`` to their accuracy, at kT = 0 with root-found Fermi points (Rays,
        ZoneLines).
    mu : float or sequence of float
        Chemical potentials.
    kT : float
        Thermal energy, 0 allowed.
    spin : str or complex[N, N]
    field, current : str or int
        Directions; equal ones give exactly 0 for ``lcc`` and ``xn``.
    treatment : Treatment, optional
        Default: blocks.
    progress : callable, optional
        Called with (points done, what is left).

    Returns
    -------
    SpinHall

    Warns
    -----
    ValidityWarning
        If bands come within ten times the tolerance without being grouped, or if the model's
        magnetisation is 0 although its |m| -> 0 limit is singular.

    Notes
    -----
    Filled bands carry current in ``lcc`` and ``xn`` when there are three or more. In a k.p
    continuum nothing tells where the model stops being valid: ``kmax`` is the caller's.

    Examples
    --------
    >>> from hopnet.berry import PeriodicGrid, bhz, spin_hall
    >>> result = spin_hall(bhz(u=-1.0), PeriodicGrid(32), mu=0.0)
    >>> round(float(result.conventional[0] * 2 * np.pi), 6)
    -2.0
    """
    treatment = treatment or Treatment()
    levels = check_call(model, mu, kT)
    spin = model.operator(spin)
    a, b = model.axis(field), model.axis(current)
    watch = {"gap": np.inf, "points": 0}
    loops = light if light.is_small(domain, model, len(levels), kT) else compiled()

    def pairs(k):
        out = band_pairs(model, k, spin, a, b, treatment, loops)
        watch["gap"] = min(watch["gap"], out.min_gap)
        return out

    if isinstance(domain, PeriodicGrid) or (isinstance(domain, Rays) and domain.panels):
        total = sweep(model, domain, pairs, levels, kT, watch, loops, progress)
        table = -total[0]
        errors = np.abs(total[1:, :3] - total[0, :3]).sum(axis=0)
    else:
        table, errors = np.empty((6, len(levels))), np.empty((3, len(levels)))
        for j, level in enumerate(levels):
            done = integrate(
                lambda k, level=level: values(pairs(k), level, kT)[:, [0, 1, 2, 3, 4]],
                model,
                domain,
                energies=energies_of(model) if kT == 0.0 else None,
                mu=level,
                lead=3,
                progress=progress,
            )
            table[:5, j] = -done.value
            table[5, j] = np.nan  # not asked for: it need not exist in an infinite k.p space
            errors[:, j] = done.error[:3]
            watch["points"] += done.points
    warn_close(model, watch["gap"], treatment)
    if a == b:
        table[[0, 1, 4]] = 0.0
    return SpinHall(
        read_only(levels),
        *(read_only(row) for row in (*table[:4], -table[4], -table[5])),
        errors=read_only(errors),
        kT=float(kT),
        degeneracy=treatment.degeneracy,
        domain=domain,
        points=watch["points"],
        min_gap=watch["gap"],
        spin_unit=model.spin_unit,
        dimension=model.dimension,
        length_unit=model.length_unit,
    )


def check_call(model, mu, kT):
    """The chemical potentials as an array; refuses what is not finite and kT < 0."""
    levels = np.atleast_1d(np.asarray(mu, dtype=float))
    if levels.ndim != 1 or not levels.size or not np.all(np.isfinite(levels)):
        raise ParameterError(f"mu must be finite energies, got {mu!r}; give one or a list.")
    if not (kT >= 0 and np.isfinite(kT)):
        raise ParameterError(f"kT must not be negative, got {kT!r}; give 0 or more.")
    trial = np.random.default_rng(195434).uniform(-1.0, 1.0, (3, model.dimension))
    if model.scale is not None:
        trial = trial * model.scale
    check_hamiltonian(model.hamiltonian(trial), 3, model.n_bands, f"hamiltonian of {model.name}")
    for axis in range(model.dimension):
        what = f"derivative of {model.name}"
        check_hamiltonian(model.derivative(trial, axis), 3, model.n_bands, what)
    return levels


def energies_of(model):
    """Callable ``k -> ascending energies``."""
    return lambda k: np.linalg.eigvalsh(model.hamiltonian(k))


def warn_close(model, gap, treatment):
    """Warn of bands that nearly touch and of the singular limit of no magnetisation."""
    if treatment.degeneracy == "block" and gap <= 10.0 * treatment.absolute:
        warnings.warn(
            f"bands of {model.name!r} come within {gap:.3g}, less than ten times the tolerance "
            f"{treatment.absolute:g}; widen or narrow it so that it tells groups from gaps.",
            ValidityWarning,
            stacklevel=3,
        )
    m = model.parameters.get("magnetisation")
    if m is not None and not np.any(m):
        warnings.warn(
            f"{model.name!r} has no magnetisation: the limit of a vanishing one is singular, its "
            "spin current differs from this one; state the direction and size of m.",
            ValidityWarning,
            stacklevel=3,
        )


def rows_at_once(order):
    """Wave vectors of a batch of about 100 MB.

    Few and long batches: between two kernels the waiting threads spin, at 8192 rows of 4 x 4
    matrices for as long as they work.
    """
    return max(64, 128_000_000 // (120 * order**2))


def sweep(model, domain, pairs, levels, kT, watch, loops, progress=None):
    """Sums for all chemical potentials from one diagonalisation, equation [berry 1].

    Returns
    -------
    float64[1 + c, 6, M]
        Fine rule and its companions.
    """
    order = np.argsort(levels, kind="stable")
    ascending = np.ascontiguousarray(levels[order])
    batches = grid_batches if isinstance(domain, PeriodicGrid) else ray_batches
    total = None
    batch = light.BATCH if loops is light else rows_at_once(model.n_bands)
    for k, weight in batches(domain, model, batch):
        bands = pairs(k)
        if total is None:
            size = len(levels) + (kT == 0.0)
            total = np.zeros((CHUNKS, size, weight.shape[1], 6))
        weight = np.ascontiguousarray(weight)
        if kT == 0.0:
            loops.add_filled(bands.energy, bands.pair, weight, ascending, total)
        else:
            loops.add_thermal(bands.energy, bands.group, bands.pair, weight, ascending, kT, total)
        watch["points"] += len(k)
        if progress is not None:
            progress(watch["points"], None)
    total = np.moveaxis(total.sum(axis=0), 0, -1)
    if kT == 0.0:
        total = np.cumsum(total, axis=-1)[..., :-1]
    out = np.empty_like(total)
    out[..., order] = total
    return out


def anomalous_hall(model, domain, *, mu, kT=0.0, field="x", current="y", treatment=None):
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
        S in two dimensions, S/m in three (lengths in Angstrom).
    error : float64[M]
        In the same unit.
    """
    one = np.eye(model.n_bands, dtype=complex)
    hall = spin_hall(
        model,
        domain,
        mu=mu,
        kT=kT,
        spin=one,
        field=field,
        current=current,
        treatment=treatment,
    )
    factor = E2_OVER_HBAR * (1e10 if model.dimension == 3 else 1.0)
    # the substitution s -> -e in sigma = -(e/hbar) sum f s Om
    return read_only(-factor * hall.xn), read_only(factor * hall.error)


def chern_number(model, domain=None, *, mu=0.0):
    """Chern number ``(1/2 pi) Int Om^xy`` of the states below ``mu``, kT = 0, [berry 9].

    Parameters
    ----------
    model : Model
        Periodic, two-dimensional, with a gap at ``mu``.
    domain : PeriodicGrid or AdaptiveZone, optional
        Default: a grid of 64 x 64.
    mu : float

    Returns
    -------
    float
        An integer to the accuracy of the domain.

    Examples
    --------
    >>> from hopnet.berry import chern_number, qwz
    >>> round(chern_number(qwz(u=-1.0)), 12)
    1.0
    """
    value, _ = anomalous_hall(model, domain or PeriodicGrid(64), mu=mu)
    return float(value[0] / E2_OVER_H)
