"""Bands at wave vectors and the contribution of every pair of bands to a current."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType

import numpy as np
import numpy.typing as npt

from hopnet.berry.arguments import number, real_array
from hopnet.berry.models import WAVE_VECTORS_PER_TASK, Model
from hopnet.checks import one_of, shown
from hopnet.errors import ParameterError
from hopnet.records import Record
from hopnet.threads import run_in_parts

__all__ = [
    "Pairs",
    "Treatment",
    "band_pairs",
    "check_type",
    "checked_treatment",
    "compiled",
    "pairs_at",
    "values",
]


@dataclass(frozen=True)
class Pairs(Record):
    """Bands at a batch of wave vectors and the contribution of every pair of bands.

    Attributes
    ----------
    energy : float64[n, N]
        Energies of the bands, ascending.
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
class Treatment(Record):
    """How bands that touch are treated.

    Attributes
    ----------
    degeneracy : {"block", "diagonal"}
        ``"block"`` forms groups, drops the connection inside a group and keeps the spin's whole
        block: the answer does not depend on the basis. ``"diagonal"``, the paper's, keeps the
        diagonal elements only and needs bands that are split.
    absolute : float
        Distance of bands, in the energy unit of the model, below which they are one group. The
        default 1e-9 is above the rounding of bands of size 1 and below any physical splitting.
    relative : float
        The same as a share of the largest modulus of a band energy. The default 1e-13 is about
        500 units of rounding; a larger value would group bands that are split.
    """

    degeneracy: str = "block"
    absolute: float = 1e-9
    relative: float = 1e-13

    def __post_init__(self) -> None:
        one_of("degeneracy", self.degeneracy, ("block", "diagonal"), "correct the name")
        for name in ("absolute", "relative"):
            number(f"{name} of Treatment", getattr(self, name), low=0.0, hint="give 0 or more")


def check_type(name: str, value: object, kind: type) -> None:
    """Refuse an argument that is not an instance of ``kind``."""
    if not isinstance(value, kind):
        raise ParameterError(
            f"{name} must be a {kind.__name__}, got {shown(value)}; make one first."
        )


def checked_treatment(treatment: Treatment | None) -> Treatment:
    """The treatment of degeneracies, or the default one."""
    if treatment is None:
        return Treatment()
    check_type("treatment", treatment, Treatment)
    return treatment


def compiled() -> ModuleType:
    """The kernels, imported when they are first called: Numba takes half a second to import."""
    from hopnet.kernels import berry

    return berry


def band_pairs(
    model: Model,
    k: npt.ArrayLike,
    spin: str | npt.ArrayLike,
    field: str | int,
    current: str | int,
    treatment: Treatment | None = None,
) -> Pairs:
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
        Band model.
    k : float64[n, d]
        Wave vectors.
    spin : str or complex[N, N]
        Spin component, by name or as a Hermitian matrix.
    field, current : str or int
        Directions of the electric field and of the current.
    treatment : Treatment, optional
        How bands that touch are treated. Default: blocks.

    Returns
    -------
    Pairs

    Raises
    ------
    ParameterError
        If the model's matrices are not finite, or if bands of a ``"diagonal"`` treatment are
        closer than the tolerance (the answer would depend on the basis).
    """
    check_type("model", model, Model)
    k = np.ascontiguousarray(
        real_array("k", k, (None, model.dimension), hint="give wave vectors [n, dimension]")
    )
    treatment = checked_treatment(treatment)
    return pairs_at(
        model, k, model.operator(spin), model.axis(field), model.axis(current), treatment
    )


def pairs_at(
    model: Model, k: np.ndarray, spin: np.ndarray, a: int, b: int, treatment: Treatment
) -> Pairs:
    """`band_pairs` with arguments that have been checked: ``a`` field, ``b`` current."""
    h = np.ascontiguousarray(model.hamiltonian(k), dtype=complex)
    d_a = np.ascontiguousarray(model.derivative(k, a), dtype=complex)
    d_b = d_a if a == b else np.ascontiguousarray(model.derivative(k, b), dtype=complex)
    n, order = h.shape[:2]
    energy = np.empty((n, order))
    group = np.empty((n, order), dtype=np.int64)
    pair = np.empty((n, 5, order, order))
    block = treatment.degeneracy == "block"
    tolerances = float(treatment.absolute), float(treatment.relative)

    def fill(part: slice) -> None:
        compiled().fill_pairs(
            h[part],
            d_a[part],
            d_b[part],
            spin,
            *tolerances,
            block,
            energy[part],
            group[part],
            pair[part],
        )

    run_in_parts(fill, n, WAVE_VECTORS_PER_TASK)
    if not np.isfinite(energy.sum()):
        raise ParameterError(
            "the Hamiltonian must be finite, got NaN or infinity; correct H(k) where it is "
            "evaluated."
        )
    gaps = np.diff(energy, axis=1)
    apart = group[:, 1:] != group[:, :-1]
    gap = float(gaps[apart].min()) if np.any(apart) else np.inf
    if not block and gap <= treatment.absolute:
        raise ParameterError(
            f"degeneracy='diagonal' needs bands further apart than {treatment.absolute:g}, got "
            f"{gap:.3g}: the answer would depend on the basis; split them or use 'block'."
        )
    return Pairs(energy, group, pair, gap)


def values(pairs: Pairs, mu: float, kT: float) -> np.ndarray:
    """Sums over filled states at each wave vector, equations [berry 1], [berry 9], [berry C6].

    Parameters
    ----------
    pairs : Pairs
        Bands and pair quantities from `band_pairs`.
    mu, kT : float
        Chemical potential and thermal energy.

    Returns
    -------
    float64[n, 6]
        LCC, XN, conventional, mean torque, Berry curvature, orbital moment.
    """
    check_type("pairs", pairs, Pairs)
    mu, kT = number("mu", mu), number("kT", kT, low=0.0)
    out = np.empty((len(pairs.energy), 6))

    def fill(part: slice) -> None:
        compiled().fill_values(
            pairs.energy[part], pairs.group[part], pairs.pair[part], mu, kT, out[part]
        )

    run_in_parts(fill, len(out), WAVE_VECTORS_PER_TASK)
    return out
