"""Band models: a Hamiltonian of the wave vector, its derivative, its spin, its Brillouin zone.

A model built from terms is ``H(k) = sum_t c_t(k) M_t`` with real functions c_t and Hermitian
matrices M_t, so that H and dH/dk of many wave vectors are one compiled sum each.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from hopnet.berry.arguments import check_stack, hermitian, is_plain, number, positive, real_array
from hopnet.checks import one_of, shown, whole
from hopnet.errors import ParameterError
from hopnet.records import Record, read_only
from hopnet.threads import run_in_parts

__all__ = [
    "AXES",
    "S0",
    "SX",
    "SY",
    "SZ",
    "WAVE_VECTORS_PER_TASK",
    "Model",
    "basis",
    "bhz",
    "check_further",
    "check_hamiltonian",
    "check_model",
    "from_callables",
    "from_terms",
    "massive_dirac",
    "qwz",
    "rashba",
    "spins",
    "square_zone",
    "trial_wave_vectors",
]

AXES = {"x": 0, "y": 1, "z": 2}
S0 = np.eye(2, dtype=complex)
SX = np.array([[0, 1], [1, 0]], dtype=complex)
SY = np.array([[0, -1j], [1j, 0]])
SZ = np.array([[1, 0], [0, -1]], dtype=complex)

# Wave vectors per task when a batch is done in parallel: milliseconds of work, far more than it
# takes to start a task, and a batch still has tasks for every core.
WAVE_VECTORS_PER_TASK = 1024
# Below this number of wave vectors one matrix product by BLAS adds up the terms; above it the
# compiled loop is faster, because it runs on every core. Starting its threads takes about as long
# as BLAS takes for 2048 wave vectors.
FEW_WAVE_VECTORS = 2048
# Energies at k and at k + G may differ by this share of the largest energy. Rounding leaves 1e-15
# and tables with ten digits 1e-10; a wrong zone gives about 1.
PERIOD = 1e-7

Matrices = Callable[[np.ndarray], np.ndarray]
Slopes = Callable[[np.ndarray, int], np.ndarray]


@dataclass(frozen=True)
class Model(Record):
    """A band model. Its arrays are copies of those that the caller gave.

    Attributes
    ----------
    name : str
        Name of the model in messages.
    dimension : int
        Number of components of the wave vector, 2 or 3.
    hamiltonian : callable
        ``k[n, dimension] -> complex128[n, N, N]``.
    derivative : callable
        ``(k, axis) -> complex128[n, N, N]``, the derivative of H along Cartesian ``axis``.
    spin : mapping of str to complex128[N, N]
        Components of the spin operator, in units of ``spin_unit``.
    spin_unit : float, hbar
        Unit of ``spin``: 1/2 for Pauli matrices, 1 for J.
    reciprocal : float64[dimension, dimension] or None
        Rows: primitive vectors of the reciprocal lattice; None for a k.p model.
    scale : float64[dimension] or None
        Wave vector along each axis at which a k.p model has its structure.
    shells : tuple of float
        Radii, in units of ``scale``, at which the integrand of a k.p model is sharp.
    energy_unit, length_unit : str
        ``"eV"`` and ``"Angstrom"``, or ``"t"`` and ``"a"`` in models without units.
    parameters : mapping
        Parameters that the model was made with, by name.

    Raises
    ------
    ParameterError
        If an attribute has the wrong type, shape or range.
    """

    name: str
    dimension: int
    hamiltonian: Matrices
    derivative: Slopes
    spin: Mapping[str, np.ndarray]
    spin_unit: float = 0.5
    reciprocal: np.ndarray | None = None
    scale: np.ndarray | None = None
    shells: tuple[float, ...] = ()
    energy_unit: str = "t"
    length_unit: str = "a"
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        def put(name: str, value: object) -> None:
            object.__setattr__(self, name, value)

        put("dimension", d := whole("dimension", self.dimension, low=2, high=3, hint="give 2 or 3"))
        for name in ("name", "energy_unit", "length_unit"):
            if not isinstance(getattr(self, name), str):
                raise ParameterError(
                    f"{name} must be a text, got {shown(getattr(self, name))}; give a string."
                )
        for name in ("hamiltonian", "derivative"):
            if not callable(getattr(self, name)):
                raise ParameterError(
                    f"{name} must be a function of wave vectors, got "
                    f"{shown(getattr(self, name))}; give a callable."
                )
        put("spin", checked_spin(self.spin))
        put("spin_unit", positive("spin_unit", self.spin_unit))
        if self.reciprocal is not None:
            put("reciprocal", basis("reciprocal", self.reciprocal, d))
        if self.scale is not None:
            hint = "give one wave vector per axis"
            scale = real_array("scale", self.scale, (d,), hint=hint)
            for component in scale:
                positive("scale", component, hint=hint)
            put("scale", scale)
        if not isinstance(self.shells, tuple | list):
            raise ParameterError(
                f"shells must be a tuple of radii, got {shown(self.shells)}; give numbers."
            )
        put("shells", tuple(positive("shells", radius) for radius in self.shells))
        if not isinstance(self.parameters, Mapping):
            raise ParameterError(
                f"parameters must be a mapping, got {shown(self.parameters)}; give a dictionary."
            )
        put("parameters", dict(self.parameters))

    @property
    def n_bands(self) -> int:
        """Number of bands."""
        return next(iter(self.spin.values())).shape[0]

    def axis(self, name: str | int) -> int:
        """Index of a Cartesian axis given as ``"x"``, ``"y"``, ``"z"`` or 0, 1, 2."""
        index = AXES.get(name, -1) if isinstance(name, str) else name
        whole_number = isinstance(index, int | np.integer) and not isinstance(index, bool)
        if not whole_number or not 0 <= index < self.dimension:
            allowed = ", ".join(list(AXES)[: self.dimension])
            raise ParameterError(
                f"axis of the {self.dimension}-dimensional model {self.name!r} must be one of "
                f"{allowed}, got {shown(name)}; correct the direction."
            )
        return int(index)

    def operator(self, spin: str | npt.ArrayLike) -> np.ndarray:
        """The Hermitian matrix of a spin component given by name, or as a matrix."""
        if isinstance(spin, str):
            hint = "correct it or give a Hermitian matrix"
            return self.spin[one_of(f"spin of {self.name!r}", spin, self.spin, hint)]
        return hermitian(spin, self.n_bands, "spin")


# Names that `from_terms`, `from_callables` and `from_hoppings` pass on to `Model`.
FURTHER = {f.name for f in dataclasses.fields(Model)} - {"name", "hamiltonian", "derivative"}


def checked_spin(spin: Mapping[str, npt.ArrayLike]) -> dict[str, np.ndarray]:
    """Spin components by name as Hermitian matrices of one order."""
    if not isinstance(spin, Mapping) or not spin:
        raise ParameterError(
            f"spin must name at least one matrix, got {shown(spin)}; give {{'z': matrix}}."
        )
    shape = np.shape(next(iter(spin.values()))) if is_plain(next(iter(spin.values()))) else ()
    order = shape[0] if shape else 0
    if order < 1:
        raise ParameterError(
            f"spin must hold square matrices, got {shown(spin)}; give {{'z': matrix}}."
        )
    return {label: hermitian(m, order, f"spin {label}") for label, m in spin.items()}


def basis(name: str, vectors: npt.ArrayLike, dimension: int) -> np.ndarray:
    """Rows of linearly independent vectors of a direct or reciprocal lattice."""
    hint = "give one independent vector per row"
    out = real_array(name, vectors, (dimension, dimension), hint=hint)
    # Vectors that are parallel to 1e-8 span no cell: its volume would be lost in rounding.
    if not np.linalg.cond(out) < 1e8:
        raise ParameterError(f"{name} must be independent vectors, got {shown(out)}; {hint}.")
    return out


def spins(order: int) -> dict[str, np.ndarray]:
    """Pauli matrices on the last, two-fold factor of the basis, by name."""
    rest = np.eye(order // 2)
    return {name: np.kron(rest, s) for name, s in zip("xyz", (SX, SY, SZ))}


def check_further(what: str, attributes: Mapping[str, object]) -> None:
    """Refuse keyword arguments that are no attribute of `Model`."""
    unknown = sorted(set(attributes) - FURTHER)
    if unknown:
        raise ParameterError(
            f"{what} takes the attributes {', '.join(sorted(FURTHER))}, got {unknown[0]!r}; "
            "correct the name."
        )


def from_terms(
    name: str,
    matrices: Sequence[npt.ArrayLike],
    coefficients: Callable[[np.ndarray], Sequence],
    slopes: Callable[[np.ndarray, int], Sequence],
    **attributes: Any,
) -> Model:
    """Model ``H(k) = sum_t c_t(k) M_t``.

    Parameters
    ----------
    name : str
        Name of the model in messages.
    matrices : sequence of complex[N, N]
        Hermitian matrices M_t.
    coefficients : callable
        ``k[n, d] -> list of T arrays [n]`` (or numbers).
    slopes : callable
        ``(k, axis) -> list of T arrays [n]`` (or numbers), dc_t / dk_axis.
    **attributes
        Other attributes of `Model`. Default of ``spin``: `spins`.

    Returns
    -------
    Model

    Raises
    ------
    ParameterError
        If the matrices are not Hermitian, an attribute is unknown, or the functions do not
        return one real column per matrix.
    """
    check_further("from_terms", attributes)
    if not isinstance(matrices, Sequence | np.ndarray) or not len(matrices):
        raise ParameterError(
            f"matrices must be a list of Hermitian matrices, got {shown(matrices)}; give one per "
            "term."
        )
    shape = np.shape(matrices[0]) if is_plain(matrices[0]) else ()
    order = shape[0] if shape else 0
    stack = np.array([hermitian(m, order, f"term of {name}") for m in matrices])
    flat = stack.reshape(len(stack), -1).view(np.float64)

    def assemble(columns, rows):
        table = np.empty((rows, len(stack)))
        try:
            for t, column in enumerate(columns):
                table[:, t] = column
            complete = len(columns) == len(stack)
        except (IndexError, TypeError, ValueError):
            complete = False
        if not complete:
            raise ParameterError(
                f"coefficients and slopes of {name} must return {len(stack)} columns of {rows} "
                f"real numbers, got {shown(columns)}; return one column per matrix."
            )
        if rows < FEW_WAVE_VECTORS:
            return (table @ flat).view(np.complex128).reshape(rows, order, order)
        from hopnet.kernels.berry import fill_terms  # imports Numba, which takes half a second

        out = np.empty((rows, order, order), dtype=complex)
        run_in_parts(
            lambda part: fill_terms(table[part], stack, out[part]), rows, WAVE_VECTORS_PER_TASK
        )
        return out

    def hamiltonian(k):
        return assemble(coefficients(k), len(k))

    def derivative(k, axis):
        return assemble(slopes(k, axis), len(k))

    attributes.setdefault("spin", spins(order) if order % 2 == 0 else {"charge": np.eye(order)})
    attributes.setdefault("dimension", None)
    for what, given in (("coefficients", coefficients), ("slopes", slopes)):
        if not callable(given):
            raise ParameterError(
                f"{what} must be a function of wave vectors, got {shown(given)}; give a callable."
            )
    model = Model(name, hamiltonian=hamiltonian, derivative=derivative, **attributes)
    check_model(model)
    return model


def from_callables(
    name: str,
    hamiltonian: Matrices,
    spin: Mapping[str, npt.ArrayLike],
    *,
    dimension: int,
    derivative: Slopes | None = None,
    step: float = 1e-4,
    **attributes: Any,
) -> Model:
    """Model from a user's own H(k), with the central difference when dH/dk is not given.

    Parameters
    ----------
    name : str
        Name of the model in messages.
    hamiltonian : callable
        ``k[n, dimension] -> complex[n, N, N]``.
    spin : mapping of str to complex[N, N]
        Hermitian spin components; each is checked.
    dimension : int
        Number of components of the wave vector, 2 or 3.
    derivative : callable, optional
        ``(k, axis) -> complex[n, N, N]``.
    step : float
        Wave vector step of the difference (default 1e-4 of the unit of k). The difference of
        fourth order is used: its error is step^4/30 times the fifth derivative of H.
    **attributes
        Other attributes of `Model`.

    Returns
    -------
    Model

    Raises
    ------
    ParameterError
        If H is not Hermitian, not finite or of the wrong shape at a few trial wave vectors, or
        if its energies do not have the period of ``reciprocal``.

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
    check_further("from_callables", attributes)
    step = positive("step", step, hint="give a small wave vector")

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
        derivative=difference if derivative is None else derivative,
        spin=spin,  # type: ignore[arg-type]  # __post_init__ makes arrays of it
        **attributes,
    )
    check_model(model)
    return model


def trial_wave_vectors(model: Model, n: int = 3) -> np.ndarray:
    """A few fixed wave vectors, without symmetry, at which a model is checked."""
    trial = np.random.default_rng(195434).uniform(-1.0, 1.0, (n, model.dimension))
    return trial if model.scale is None else trial * model.scale


def check_model(model: Model) -> None:
    """Refuse a model whose matrices or zone are wrong, at a few trial wave vectors.

    H and its derivatives must be finite, Hermitian and of the right shape, and the energies must
    have the period of the zone.
    """
    if not isinstance(model, Model):
        raise ParameterError(f"model must be a Model, got {shown(model)}; make one first.")
    trial = trial_wave_vectors(model)
    stack = model.hamiltonian(trial)
    check_hamiltonian(stack, len(trial), model.n_bands, f"hamiltonian of {model.name}")
    for axis in range(model.dimension):
        slope = model.derivative(trial, axis)
        check_hamiltonian(slope, len(trial), model.n_bands, f"derivative of {model.name}")
    if model.reciprocal is not None:
        energy = np.linalg.eigvalsh(stack)
        for row, vector in enumerate(model.reciprocal):
            moved = np.linalg.eigvalsh(model.hamiltonian(trial + vector))
            change = float(np.abs(moved - energy).max())
            if not change <= PERIOD * np.abs(energy).max():
                raise ParameterError(
                    f"hamiltonian of {model.name} must have the period of its zone, got energies "
                    f"that differ by {change:.3g} between k and k + reciprocal[{row}]; correct "
                    "H(k), reciprocal or the unit of k."
                )


def check_hamiltonian(stack: npt.ArrayLike, rows: int, order: int, what: str) -> None:
    """Refuse a stack of matrices that is not finite, Hermitian (1e-10) and of the right shape."""
    hint = "return one matrix per wave vector"
    if not is_plain(stack) or np.shape(stack) != (rows, order, order):
        raise ParameterError(
            f"{what} must have shape {(rows, order, order)} and hold numbers, got "
            f"{np.shape(stack) if is_plain(stack) else shown(stack)}; {hint}."
        )
    check_stack(np.asarray(stack), what, "correct it there")


def square_zone(dimension: int = 2, lattice: float = 1.0) -> np.ndarray:
    """Reciprocal vectors of the square or cubic lattice of constant ``lattice``."""
    return read_only(2.0 * np.pi / lattice * np.eye(dimension))


def qwz(u: float = -1.0, tilt: float = 0.0) -> Model:
    """Qi-Wu-Zhang model, ``sin kx sx + sin ky sy + (u + cos kx + cos ky) sz + tilt cos kx``.

    Parameters
    ----------
    u : float
        Mass; the gap closes at 0 and +-2.
    tilt : float
        Strength of the particle-hole asymmetry, which multiplies the unit matrix.

    Returns
    -------
    Model
        Two bands, natural units, spin = Pauli matrices.
    """
    u, tilt = number("u", u), number("tilt", tilt)

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


def bhz(u: float = -1.0, mixing: float = 0.0) -> Model:
    """Bernevig-Hughes-Zhang model: a `qwz` of spin up and its time reverse of spin down.

    Parameters
    ----------
    u : float
        Mass, as in `qwz`.
    mixing : float
        Strength of a term ``mixing (sin kx ty sx + sin ky ty sy)`` that breaks the
        conservation of sz; t are the Pauli matrices of the orbitals, s those of the spin.

    Returns
    -------
    Model
        Four bands in the basis orbital x spin.
    """
    u, mixing = number("u", u), number("mixing", mixing)

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


def massive_dirac(mass: float = 0.5, velocity: float = 1.0) -> Model:
    """Massive Dirac cone ``velocity (kx sx + ky sy) + mass sz`` in the infinite plane.

    Parameters
    ----------
    mass : float
        Half of the gap; its sign is the sign of the mass term.
    velocity : float
        Slope of the cone, positive.

    Returns
    -------
    Model
        Two bands, natural units, spin = Pauli matrices.
    """
    mass, velocity = number("mass", mass), positive("velocity", velocity)

    def coefficients(k):
        return [velocity * k[:, 0], velocity * k[:, 1], mass]

    def slopes(_, axis):
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


def rashba(magnetisation: float = 0.5, alpha: float = 1.0) -> Model:
    """Rashba gas ``k^2/2 + alpha (ky sx - kx sy) + magnetisation sz``, hbar = m = 1.

    Parameters
    ----------
    magnetisation : float
        Strength of the term that splits the bands at k = 0.
    alpha : float
        Strength of the spin-orbit coupling, positive.

    Returns
    -------
    Model
        Two bands in the infinite plane, spin = Pauli matrices (unit hbar/2).
    """
    magnetisation, alpha = number("magnetisation", magnetisation), positive("alpha", alpha)

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
