"""Band models: a Hamiltonian of the wave vector, its derivative, its spin, its Brillouin zone.

A model built from terms is ``H(k) = sum_t c_t(k) M_t`` with real functions c_t and Hermitian
matrices M_t, so that H and dH/dk of many wave vectors are one compiled sum each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from hopnet.errors import ParameterError
from hopnet.records import read_only

AXES = {"x": 0, "y": 1, "z": 2}
S0 = np.eye(2, dtype=complex)
SX = np.array([[0, 1], [1, 0]], dtype=complex)
SY = np.array([[0, -1j], [1j, 0]])
SZ = np.array([[1, 0], [0, -1]], dtype=complex)


@dataclass(frozen=True)
class Model:
    """A band model.

    Attributes
    ----------
    name : str
    dimension : int
        2 or 3.
    hamiltonian : callable
        ``k[n, dimension] -> complex128[n, N, N]``.
    derivative : callable
        ``(k, axis) -> complex128[n, N, N]``, the derivative of H along Cartesian ``axis``.
    spin : mapping of str to complex128[N, N]
        The spin operator's components, in units of ``spin_unit``.
    spin_unit : float
        What 1 of ``spin`` is worth in hbar: 1/2 for Pauli matrices, 1 for J.
    reciprocal : float64[dimension, dimension] or None
        Rows: primitive vectors of the reciprocal lattice; None for a k.p model.
    scale : float64[dimension]
        Where a k.p model has its structure: k_i ~ scale_i.
    shells : tuple of float
        Radii in units of ``scale`` at which the integrand of a k.p model is sharp.
    energy_unit, length_unit : str
        ``"eV"`` and ``"Angstrom"``, or ``"t"`` and ``"a"`` in models without units.
    """

    name: str
    dimension: int
    hamiltonian: Callable
    derivative: Callable
    spin: Mapping
    spin_unit: float = 0.5
    reciprocal: np.ndarray | None = None
    scale: np.ndarray | None = None
    shells: tuple = ()
    energy_unit: str = "t"
    length_unit: str = "a"
    parameters: Mapping = field(default_factory=dict)

    @property
    def n_bands(self):
        """Number of bands."""
        return next(iter(self.spin.values())).shape[0]

    def axis(self, name):
        """Index of a Cartesian axis given as ``"x"``, ``"y"``, ``"z"`` or 0, 1, 2."""
        index = AXES.get(name, name)
        if not isinstance(index, int | np.integer) or not 0 <= index < self.dimension:
            allowed = ", ".join(list(AXES)[: self.dimension])
            raise ParameterError(
                f"axis of the {self.dimension}-dimensional model {self.name!r} must be one of "
                f"{allowed}, got {name!r}; choose one of them."
            )
        return int(index)

    def operator(self, spin):
        """The Hermitian matrix of a spin component given by name, or as a matrix."""
        if isinstance(spin, str):
            if spin not in self.spin:
                raise ParameterError(
                    f"spin of {self.name!r} must be one of {', '.join(self.spin)}, got {spin!r}; "
                    "choose one of them or give a Hermitian matrix."
                )
            return self.spin[spin]
        return hermitian(spin, self.n_bands, "spin")


def hermitian(matrix, order, what):
    """A read-only complex matrix, refused unless it is finite, square and Hermitian."""
    out = read_only(matrix, np.complex128)
    if out.shape != (order, order):
        raise ParameterError(
            f"{what} must be a {order} x {order} matrix, got shape {out.shape}; "
            "give it in the basis of the Hamiltonian."
        )
    if not np.all(np.isfinite(out)):
        raise ParameterError(f"{what} must be finite, got NaN or infinity; mend its elements.")
    size = np.abs(out).max(initial=0.0)
    skew = np.abs(out - out.conj().T).max(initial=0.0)
    if skew > 1e-10 * size:
        raise ParameterError(
            f"{what} must be Hermitian, got a skew part of {skew / size:.3g} of its size; "
            "add the Hermitian conjugate."
        )
    return out


def spins(order):
    """Pauli matrices on the last, two-fold factor of the basis, by name."""
    rest = np.eye(order // 2)
    return {name: np.kron(rest, s) for name, s in zip("xyz", (SX, SY, SZ))}


def from_terms(name, matrices, coefficients, slopes, **attributes):
    """Model ``H(k) = sum_t c_t(k) M_t``.

    Parameters
    ----------
    name : str
    matrices : sequence of complex[N, N]
        Hermitian M_t.
    coefficients : callable
        ``k[n, d] -> list of T arrays [n]`` (or numbers).
    slopes : callable
        ``(k, axis) -> list of T arrays [n]`` (or numbers), dc_t / dk_axis.
    **attributes
        The other fields of `Model`.

    Returns
    -------
    Model
    """
    order = len(matrices[0])
    stack = np.array([hermitian(m, order, f"term of {name}") for m in matrices])
    flat = stack.reshape(len(stack), -1).view(np.float64)

    def assemble(columns, rows):
        table = np.empty((rows, len(columns)))
        for t, column in enumerate(columns):
            table[:, t] = column
        if rows < 2048:  # not worth waking the threads
            return (table @ flat).view(np.complex128).reshape(rows, order, order)
        from hopnet.kernels.berry import fill_terms  # late: see hopnet.berry.light

        out = np.empty((rows, order, order), dtype=complex)
        fill_terms(table, stack, out)
        return out

    def hamiltonian(k):
        return assemble(coefficients(k), len(k))

    def derivative(k, axis):
        return assemble(slopes(k, axis), len(k))

    attributes.setdefault("spin", spins(order))
    return Model(name, hamiltonian=hamiltonian, derivative=derivative, **attributes)


def from_callables(name, hamiltonian, spin, *, dimension, derivative=None, step=1e-4, **attributes):
    """Model from a user's own H(k), with the central difference when dH/dk is not given.

    Parameters
    ----------
    name : str
    hamiltonian : callable
        ``k[n, dimension] -> complex[n, N, N]``.
    spin : mapping of str to complex[N, N]
        Hermitian spin components; each is checked.
    dimension : int
    derivative : callable, optional
        ``(k, axis) -> complex[n, N, N]``.
    step : float
        Wave vector step of the difference (default 1e-4 of the unit of k). The difference of
        fourth order is used: its error is step^4/30 times the fifth derivative of H.
    **attributes
        The other fields of `Model`.

    Returns
    -------
    Model

    Raises
    ------
    ParameterError
        If H is not Hermitian, not finite or of the wrong shape at a few trial wave vectors.

    Examples
    --------
    >>> import numpy as np
    >>> from hopnet.berry.models import SX, SY, SZ, from_callables
    >>> def h(k):
    ...     return k[:, 0, None, None] * SX + k[:, 1, None, None] * SY + 0.1 * SZ
    >>> model = from_callables("cone", h, {"z": SZ}, dimension=2)
    >>> bool(np.allclose(model.derivative(np.zeros((1, 2)), 0)[0], SX))
    True
    """
    if dimension not in (2, 3):
        raise ParameterError(f"dimension must be 2 or 3, got {dimension!r}; choose one of them.")
    if not spin:
        raise ParameterError("spin must name at least one matrix, got none; give {'z': matrix}.")
    order = len(np.asarray(next(iter(spin.values()))))
    checked = {label: hermitian(m, order, f"spin {label}") for label, m in spin.items()}
    trial = np.random.default_rng(20231127).uniform(-1.0, 1.0, (5, dimension))
    check_hamiltonian(hamiltonian(trial), 5, order, f"hamiltonian of {name}")

    def difference(k, axis):
        shift = np.zeros(dimension)
        shift[axis] = step
        near = hamiltonian(k + shift) - hamiltonian(k - shift)
        far = hamiltonian(k + 2.0 * shift) - hamiltonian(k - 2.0 * shift)
        return (8.0 * near - far) / (12.0 * step)

    model = Model(
        name,
        dimension,
        hamiltonian=hamiltonian,
        derivative=derivative or difference,
        spin=checked,
        **attributes,
    )
    for axis in range(dimension):
        check_hamiltonian(model.derivative(trial, axis), 5, order, f"derivative of {name}")
    return model


def check_hamiltonian(stack, rows, order, what):
    """Refuse a stack of matrices that is not finite, Hermitian (1e-10) and of the right shape."""
    stack = np.asarray(stack)
    if stack.shape != (rows, order, order):
        raise ParameterError(
            f"{what} must have shape {(rows, order, order)}, got {stack.shape}; "
            "return one matrix for each wave vector."
        )
    if not np.all(np.isfinite(stack)):
        raise ParameterError(f"{what} must be finite, got NaN or infinity; mend it there.")
    size = np.abs(stack).max(initial=0.0)
    skew = np.abs(stack - stack.conj().transpose(0, 2, 1)).max(initial=0.0)
    if skew > 1e-10 * max(size, 1e-300):
        raise ParameterError(
            f"{what} must be Hermitian, got a skew part of {skew / size:.3g} of its size; "
            "add the Hermitian conjugate."
        )


def positive(**values):
    """Refuse numbers that are not positive and finite, by name."""
    for name, value in values.items():
        if not (np.isfinite(value) and value > 0):
            raise ParameterError(f"{name} must be positive, got {value!r}; give a length or size.")


def finite(**values):
    """Refuse numbers that are not finite, by name."""
    for name, value in values.items():
        if not np.all(np.isfinite(value)):
            raise ParameterError(f"{name} must be finite, got {value!r}; give a real number.")


def square_zone(dimension=2, lattice=1.0):
    """Reciprocal vectors of the (hyper)cubic lattice of constant ``lattice``."""
    return read_only(2.0 * np.pi / lattice * np.eye(dimension))


def qwz(u=-1.0, tilt=0.0):
    """Qi-Wu-Zhang model, ``sin kx sx + sin ky sy + (u + cos kx + cos ky) sz + tilt cos kx``.

    Parameters
    ----------
    u : float
        Mass; the gap closes at 0 and +-2.
    tilt : float
        Particle-hole asymmetry, times the unit matrix.

    Returns
    -------
    Model
        Two bands, natural units, spin = Pauli matrices.
    """
    finite(u=u, tilt=tilt)

    def coefficients(k):
        x, y = np.cos(k[:, 0]), np.cos(k[:, 1])
        return [np.sin(k[:, 0]), np.sin(k[:, 1]), u + x + y, tilt * x]

    def slopes(k, axis):
        c, s = np.cos(k[:, axis]), np.sin(k[:, axis])
        return [c if axis == 0 else 0.0, c if axis == 1 else 0.0, -s, -tilt * s * (axis == 0)]

    return from_terms(
        "qwz",
        [SX, SY, SZ, S0],
        coefficients,
        slopes,
        dimension=2,
        reciprocal=square_zone(),
        parameters={"u": u, "tilt": tilt},
    )


def bhz(u=-1.0, mixing=0.0):
    """Bernevig-Hughes-Zhang model: a `qwz` of spin up and its time reverse of spin down.

    Parameters
    ----------
    u : float
        Mass, as in `qwz`.
    mixing : float
        Strength of a term ``mixing (sin kx ty sx + sin ky ty sy)`` that spoils the
        conservation of sz; t are the orbitals, s the spin.

    Returns
    -------
    Model
        Four bands in the basis orbital x spin.
    """
    finite(u=u, mixing=mixing)

    def coefficients(k):
        sx, sy = np.sin(k[:, 0]), np.sin(k[:, 1])
        return [sx, sy, u + np.cos(k[:, 0]) + np.cos(k[:, 1]), mixing * sx, mixing * sy]

    def slopes(k, axis):
        c, s = np.cos(k[:, axis]), np.sin(k[:, axis])
        x, y = (c, 0.0) if axis == 0 else (0.0, c)
        return [x, y, -s, np.multiply(mixing, x), np.multiply(mixing, y)]

    matrices = [np.kron(SX, SZ), np.kron(SY, S0), np.kron(SZ, S0), np.kron(SY, SX), np.kron(SY, SY)]
    return from_terms(
        "bhz",
        matrices,
        coefficients,
        slopes,
        dimension=2,
        reciprocal=square_zone(),
        parameters={"u": u, "mixing": mixing},
    )


def massive_dirac(mass=0.5, velocity=1.0):
    """Massive Dirac cone ``velocity (kx sx + ky sy) + mass sz`` in the infinite plane.

    Parameters
    ----------
    mass, velocity : float

    Returns
    -------
    Model
        Two bands, natural units, spin = Pauli matrices.
    """
    finite(mass=mass)
    positive(velocity=velocity)

    def coefficients(k):
        return [velocity * k[:, 0], velocity * k[:, 1], mass]

    def slopes(k, axis):
        return [velocity * (axis == 0), velocity * (axis == 1), 0.0]

    return from_terms(
        "massive_dirac",
        [SX, SY, SZ],
        coefficients,
        slopes,
        dimension=2,
        scale=read_only(np.full(2, max(abs(mass), 1e-12) / velocity)),
        parameters={"mass": mass, "velocity": velocity},
    )


def rashba(magnetisation=0.5, alpha=1.0):
    """Rashba gas ``k^2/2 + alpha (ky sx - kx sy) + magnetisation sz``, hbar = m = 1.

    Parameters
    ----------
    magnetisation, alpha : float

    Returns
    -------
    Model
        Two bands in the infinite plane, spin = Pauli matrices (unit hbar/2).
    """
    finite(magnetisation=magnetisation)
    positive(alpha=alpha)

    def coefficients(k):
        square = 0.5 * (k[:, 0] ** 2 + k[:, 1] ** 2)
        return [square, alpha * k[:, 1], -alpha * k[:, 0], magnetisation]

    def slopes(k, axis):
        return [k[:, axis], alpha * (axis == 1), -alpha * (axis == 0), 0.0]

    return from_terms(
        "rashba",
        [S0, SX, SY, SZ],
        coefficients,
        slopes,
        dimension=2,
        scale=read_only(np.full(2, alpha)),
        parameters={"magnetisation": magnetisation, "alpha": alpha},
    )
