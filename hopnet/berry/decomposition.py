"""The pieces of the proper spin current, from the kinetic equation itself.

`hopnet.berry.spin_hall` has the closed forms; here every step of appendix C is evaluated as a
matrix equation, so that the closed forms, and the sign of the last piece, can be checked.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hopnet.berry.integration import integrate
from hopnet.berry.spin_current import Treatment, check_call, compiled
from hopnet.errors import ParameterError


@dataclass(frozen=True)
class Decomposition:
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
        The same with the field and current directions exchanged, as [berry C19] prints them.
    torque : float
        Mean torque Tr(t rho_E).
    error : float
        Of the integration.
    """

    j1: float
    j2: float
    i1: float
    i2_direct: float
    i2_printed: float
    torque: float
    error: float

    @property
    def total_printed(self):
        """Sum with `i2_printed`: the printed result [berry C25]."""
        return self.j1 + self.j2 + self.i1 + self.i2_printed

    @property
    def total_direct(self):
        """Sum with `i2_direct`: what the kinetic equation gives."""
        return self.j1 + self.j2 + self.i1 + self.i2_direct


def density_matrices(model, k, a, mu, kT, treatment):
    """Bands, and field-driven density matrix [berry 6] [berry C3] over eE, in the band basis.

    Returns
    -------
    energy : float64[n, N]
    vector : complex128[n, N, N]
    occupation : float64[n, N]
    apart : bool[n, N, N]
        Pairs in different groups.
    connection : complex128[n, N, N]
        Interband Berry connection along ``a``, 0 inside a group.
    driven : complex128[n, N, N]
        ``R_mn (f_m - f_n) / (e_m - e_n)``.
    """
    energy, vector = np.linalg.eigh(model.hamiltonian(k))
    n, order = energy.shape
    zero = np.zeros((n, order, order), dtype=complex)
    group = np.empty((n, order), dtype=np.int64)
    compiled().fill_pairs(
        np.ascontiguousarray(model.hamiltonian(k), dtype=complex),
        zero,
        zero,
        np.zeros((order, order), dtype=complex),
        treatment.absolute,
        treatment.relative,
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
    return energy, vector, occupation, apart, connection, driven


def to_bands(operator, vector):
    """``U^+ operator U``."""
    return vector.conj().transpose(0, 2, 1) @ operator @ vector


def equilibrium_gradient(model, k, b, mu, kT, treatment):
    """Q-dependent equilibrium density matrix over Q_b, equation [berry C13], in the fixed basis.

    ``rho_Q = -(i/2) R^b_mn (f_m + f_n)``, carried back from the band basis.
    """
    _, vector, f, _, connection, _ = density_matrices(model, k, b, mu, kT, treatment)
    rho = -0.5j * connection * (f[:, :, None] + f[:, None, :])
    return vector @ rho @ vector.conj().transpose(0, 2, 1)


def dipole_of_equilibrium(model, k, along, carried, spin, mu, kT, treatment, step):
    """Second torque dipole at each k, equations [berry C15]-[berry C18].

    Parameters
    ----------
    along : int
        Direction of the derivative: the field's in [berry C15].
    carried : int
        Direction of the connection in [berry C13]: the current's.
    step : float
        Of the fourth-order difference of the density matrix in the fixed basis, where the
        covariant derivative is the ordinary one.

    Returns
    -------
    float64[n]
        ``i Tr t d rho_EQ / dQ`` over eE/hbar.
    """
    shift = np.zeros(model.dimension)
    shift[along] = step

    def rho(times):
        return equilibrium_gradient(model, k + times * shift, carried, mu, kT, treatment)

    drive = (8.0 * (rho(1) - rho(-1)) - (rho(2) - rho(-2))) / (12.0 * step)
    energy, vector, _, apart, _, _ = density_matrices(model, k, along, mu, kT, treatment)
    difference = energy[:, :, None] - energy[:, None, :]
    drive = to_bands(drive, vector)
    rho_eq = np.where(apart, drive / (1j * np.where(apart, difference, 1.0)), 0.0)
    torque = 1j * difference * to_bands(spin, vector)
    return (1j * np.einsum("knm,kmn->k", torque, rho_eq)).real


def decompose(
    model,
    domain,
    *,
    mu,
    kT=0.0,
    spin="z",
    field="x",
    current="y",
    treatment=None,
    step=None,
):
    """The pieces of the proper spin current from the kinetic equation, [berry 7], [berry C14].

    The field-driven piece solves [berry 8] = [berry C8] = [berry C9] with the whole velocity, its
    band-diagonal part included (the printed [berry 8] has the interband part only).

    Parameters
    ----------
    model, domain, mu, kT, spin, field, current, treatment
        As in `hopnet.berry.spin_hall`; one ``mu``. In a metal kT > 0: the pieces differentiate
        the occupations.
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
    delta function that no grid holds: the direct and the printed total then differ from XN and
    LCC by as much as themselves, and ``error`` says so. A Zeeman term that splits the bands
    brings them together to 1e-6.

    Examples
    --------
    The direct total is the Xiao-Niu form, the printed one its negative in a two-band model:

    >>> from hopnet.berry import PeriodicGrid, decompose, qwz
    >>> parts = decompose(qwz(-1.0, 0.3), PeriodicGrid(48), mu=0.9, kT=0.15)
    >>> round(parts.total_direct, 4), round(parts.total_printed, 4)
    (-0.0113, 0.0113)
    """
    treatment = treatment or Treatment()
    level = float(check_call(model, mu, kT)[0])
    matrix = model.operator(spin)
    a, b = model.axis(field), model.axis(current)
    if step is None:
        step = 1e-3 * (1.0 if model.scale is None else float(model.scale.min()))
    if not step > 0:
        raise ParameterError(f"step must be positive, got {step!r}; give a small wave vector.")

    filled = set()

    def function(k):
        energy, vector, _, apart, _, driven = density_matrices(model, k, a, level, kT, treatment)
        filled.update((energy < level).sum(axis=1).tolist())
        s = to_bands(matrix, vector)
        velocity = to_bands(model.derivative(k, b), vector)
        flow = velocity @ driven + driven @ velocity
        difference = energy[:, :, None] - energy[:, None, :]
        j1 = 0.5 * np.einsum("kmn,knm->k", np.where(apart, 0.0, s), flow)
        j2 = 0.5 * np.einsum("kmn,knm->k", np.where(apart, s, 0.0), flow)
        # [berry C8]: i (e_m - e_n) rho_EQ = -(i/2) Q {v, rho_E}; [berry C10]: i Tr t rho_EQ / Q
        rho_eq = np.where(apart, -0.5 * flow / np.where(apart, difference, 1.0), 0.0)
        torque = 1j * difference * s
        i1 = 1j * np.einsum("knm,kmn->k", torque, rho_eq)
        common = (matrix, level, kT, treatment, step)
        direct = dipole_of_equilibrium(model, k, a, b, *common)
        printed = dipole_of_equilibrium(model, k, b, a, *common)
        mean = np.einsum("kmn,knm->k", torque, driven)
        return np.stack([j1.real, j2.real, i1.real, direct, printed, mean.real], axis=1)

    done = integrate(function, model, domain)
    if kT == 0.0 and len(filled) > 1:
        raise ParameterError(
            f"kT must be positive where bands cross mu = {level:g}, got 0: the pieces "
            "differentiate the occupations, and no grid holds the step; give a kT that the grid "
            "resolves."
        )
    return Decomposition(*(float(v) for v in done.value), error=float(done.error.max()))
