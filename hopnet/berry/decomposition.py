"""The pieces of the proper spin current, from the kinetic equation itself.

`hopnet.berry.spin_hall` has the closed forms. Here every step of appendix C is evaluated as a
matrix equation, so that the closed forms, and the sign of the last piece, can be checked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hopnet.berry.arguments import positive
from hopnet.berry.domains import Domain
from hopnet.berry.integration import integrate
from hopnet.berry.models import Model
from hopnet.berry.pairs import Treatment, checked_treatment, compiled
from hopnet.berry.spin_current import one_level
from hopnet.errors import ParameterError
from hopnet.records import Record

__all__ = [
    "Decomposition",
    "DensityMatrices",
    "State",
    "decompose",
    "density_matrices",
    "dipole_of_equilibrium",
    "equilibrium_gradient",
    "to_bands",
]


@dataclass(frozen=True)
class Decomposition(Record):
    """Pieces of sigma_ba in the natural unit of `hopnet.berry.SpinHall`.

    Attributes
    ----------
    j1, j2 : float
        Conventional current of the band-diagonal and off-diagonal spin, [berry C6], [berry C7].
    i1 : float
        Torque dipole of the field-driven density matrix, [berry C10].
    i2_direct : float
        Torque dipole of the equilibrium one, from [berry C13] and [berry C15]-[berry C18].
    i2_printed : float
        The same with the field and current directions exchanged, as [berry C19] has them in the
        paper.
    torque : float
        Mean torque Tr(t rho_E).
    error : float
        Error of the integration: the sum over the pieces, so that it holds for the totals too.
    """

    j1: float
    j2: float
    i1: float
    i2_direct: float
    i2_printed: float
    torque: float
    error: float

    @property
    def total_printed(self) -> float:
        """Sum with `i2_printed`: the result [berry C25] of the paper."""
        return self.j1 + self.j2 + self.i1 + self.i2_printed

    @property
    def total_direct(self) -> float:
        """Sum with `i2_direct`: the result of the kinetic equation."""
        return self.j1 + self.j2 + self.i1 + self.i2_direct


class State(NamedTuple):
    """Occupation of the bands and treatment of those that touch.

    Attributes
    ----------
    mu, kT : float
        Chemical potential and thermal energy.
    treatment : Treatment
        How bands that touch are treated.
    """

    mu: float
    kT: float
    treatment: Treatment


class DensityMatrices(NamedTuple):
    """Bands and the field-driven density matrix at n wave vectors.

    Attributes
    ----------
    energy : float64[n, N]
        Energies of the bands, ascending.
    vector : complex128[n, N, N]
        Eigenvectors (columns).
    occupation : float64[n, N]
        Occupation of each band.
    apart : bool[n, N, N]
        Whether two bands are in different groups.
    connection : complex128[n, N, N]
        Interband Berry connection along the field, 0 inside a group.
    driven : complex128[n, N, N]
        ``R_mn (f_m - f_n) / (e_m - e_n)``, the density matrix over eE in the band basis.
    """

    energy: np.ndarray
    vector: np.ndarray
    occupation: np.ndarray
    apart: np.ndarray
    connection: np.ndarray
    driven: np.ndarray


def density_matrices(model: Model, k: np.ndarray, a: int, state: State) -> DensityMatrices:
    """Bands, and field-driven density matrix [berry 6] [berry C3] over eE, in the band basis.

    Parameters
    ----------
    model : Model
        Band model.
    k : float64[n, d]
        Wave vectors.
    a : int
        Axis of the field.
    state : State
        Occupation of the bands.
    """
    mu, kT, treatment = state
    energy, vector = np.linalg.eigh(model.hamiltonian(k))
    n, order = energy.shape
    zero = np.zeros((n, order, order), dtype=complex)
    group = np.empty((n, order), dtype=np.int64)
    compiled().fill_pairs(
        np.ascontiguousarray(model.hamiltonian(k), dtype=complex),
        zero,
        zero,
        np.zeros((order, order), dtype=complex),
        float(treatment.absolute),
        float(treatment.relative),
        treatment.degeneracy == "block",
        np.empty((n, order)),
        group,
        np.empty((n, 5, order, order)),
    )
    apart = group[:, :, None] != group[:, None, :]
    difference = np.where(apart, energy[:, :, None] - energy[:, None, :], 1.0)
    x = energy - mu
    occupation = 0.5 * (1.0 - np.sign(x)) if kT == 0.0 else 0.5 * (1.0 - np.tanh(0.5 * x / kT))
    slope = to_bands(model.derivative(k, a), vector)
    connection = np.where(apart, -1j * slope / difference, 0.0)
    driven = connection * (occupation[:, :, None] - occupation[:, None, :]) / difference
    return DensityMatrices(energy, vector, occupation, apart, connection, driven)


def to_bands(operator: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """``U^+ operator U``."""
    return vector.conj().transpose(0, 2, 1) @ operator @ vector


def equilibrium_gradient(model: Model, k: np.ndarray, b: int, state: State) -> np.ndarray:
    """Q-dependent equilibrium density matrix over Q_b, equation [berry C13], in the fixed basis.

    ``rho_Q = -(i/2) R^b_mn (f_m + f_n)``, transformed back from the band basis.
    """
    bands = density_matrices(model, k, b, state)
    f, vector = bands.occupation, bands.vector
    rho = -0.5j * bands.connection * (f[:, :, None] + f[:, None, :])
    return vector @ rho @ vector.conj().transpose(0, 2, 1)


def dipole_of_equilibrium(
    model: Model,
    k: np.ndarray,
    axes: tuple[int, int],
    spin: np.ndarray,
    state: State,
    step: float,
) -> np.ndarray:
    """Second torque dipole at each k, equations [berry C15]-[berry C18].

    Parameters
    ----------
    model : Model
        Band model.
    k : float64[n, d]
        Wave vectors.
    axes : tuple of int
        Axis of the derivative, which is the field's in [berry C15], and axis of the connection
        in [berry C13], which is the current's.
    spin : complex128[N, N]
        Spin operator.
    state : State
        Occupation of the bands.
    step : float
        Wave vector step of the fourth-order difference of the density matrix in the fixed basis,
        where the covariant derivative is the ordinary one.

    Returns
    -------
    float64[n]
        ``i Tr t d rho_EQ / dQ`` over eE/hbar.
    """
    along, carried = axes
    shift = np.zeros(model.dimension)
    shift[along] = step

    def rho(times):
        return equilibrium_gradient(model, k + times * shift, carried, state)

    drive = (8.0 * (rho(1) - rho(-1)) - (rho(2) - rho(-2))) / (12.0 * step)
    bands = density_matrices(model, k, along, state)
    energy, vector, apart = bands.energy, bands.vector, bands.apart
    difference = energy[:, :, None] - energy[:, None, :]
    drive = to_bands(drive, vector)
    rho_eq = np.where(apart, drive / (1j * np.where(apart, difference, 1.0)), 0.0)
    torque = 1j * difference * to_bands(spin, vector)
    return (1j * np.einsum("knm,kmn->k", torque, rho_eq)).real


def decompose(
    model: Model,
    domain: Domain,
    *,
    mu: float,
    kT: float = 0.0,
    spin: str | npt.ArrayLike = "z",
    field: str | int = "x",
    current: str | int = "y",
    treatment: Treatment | None = None,
    step: float | None = None,
) -> Decomposition:
    """The pieces of the proper spin current from the kinetic equation, [berry 7], [berry C14].

    The field-driven piece solves [berry 8] = [berry C8] = [berry C9] with the whole velocity,
    including its band-diagonal part ([berry 8] of the paper has the interband part only).

    Parameters
    ----------
    model, domain, mu, kT, spin, field, current, treatment
        As in `hopnet.berry.spin_hall`; one ``mu``. In a metal kT must be positive: the pieces
        differentiate the occupations.
    step : float, optional
        Wave vector step of the derivative in [berry C15]; default 1e-3, or 1e-3 of the model's
        scale.

    Returns
    -------
    Decomposition

    Notes
    -----
    A metal at kT = 0 raises a ParameterError. The bands must not touch. Where they do (Kane-Mele
    at the momenta that time reversal maps to themselves) the derivative of [berry C15] has a
    delta function, which a grid cannot represent. The direct and the printed total then differ
    from XN and LCC by as much as themselves, and ``error`` is of this size. With a Zeeman term
    that splits the bands they agree to 1e-6.

    Examples
    --------
    The direct total is the Xiao-Niu form, the printed one its negative in a two-band model:

    >>> from hopnet.berry import PeriodicGrid, decompose, qwz
    >>> parts = decompose(qwz(-1.0, 0.3), PeriodicGrid(48), mu=0.9, kT=0.15)
    >>> round(parts.total_direct, 4), round(parts.total_printed, 4)
    (-0.0113, 0.0113)
    """
    treatment = checked_treatment(treatment)
    level, kT = one_level(model, mu, kT)
    state = State(level, kT, treatment)
    matrix = model.operator(spin)
    a, b = model.axis(field), model.axis(current)
    if step is None:
        step = 1e-3 * (1.0 if model.scale is None else float(model.scale.min()))
    step = positive("step", step, hint="give a small wave vector")
    filled: set[int] = set()

    def function(k):
        energy, vector, _, apart, _, driven = density_matrices(model, k, a, state)
        filled.update((energy < level).sum(axis=1).tolist())
        s = to_bands(matrix, vector)
        velocity = to_bands(model.derivative(k, b), vector)
        flow = velocity @ driven + driven @ velocity
        difference = energy[:, :, None] - energy[:, None, :]
        j1 = 0.5 * np.einsum("kmn,knm->k", np.where(apart, 0.0, s), flow)
        j2 = 0.5 * np.einsum("kmn,knm->k", np.where(apart, s, 0.0), flow)
        # [berry C8] is i (e_m - e_n) rho_EQ = -(i/2) Q {v, rho_E}, [berry C10] i Tr t rho_EQ / Q.
        rho_eq = np.where(apart, -0.5 * flow / np.where(apart, difference, 1.0), 0.0)
        torque = 1j * difference * s
        i1 = 1j * np.einsum("knm,kmn->k", torque, rho_eq)
        direct = dipole_of_equilibrium(model, k, (a, b), matrix, state, step)
        printed = dipole_of_equilibrium(model, k, (b, a), matrix, state, step)
        mean = np.einsum("kmn,knm->k", torque, driven)
        return np.stack([j1.real, j2.real, i1.real, direct, printed, mean.real], axis=1)

    done = integrate(function, model, domain)
    if kT == 0.0 and len(filled) > 1:
        raise ParameterError(
            f"kT must be positive where bands cross mu = {level:g}, got 0: the pieces "
            "differentiate the occupations; give a kT that the grid resolves."
        )
    j1, j2, i1, i2_direct, i2_printed, torque = (float(v) for v in done.value)
    return Decomposition(j1, j2, i1, i2_direct, i2_printed, torque, float(done.error.sum()))
