"""Models of named materials and lattices: Haldane, Kane-Mele, bulk Bi2Se3."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hopnet.berry.arguments import hermitian, number, plain_array, positive, real_array
from hopnet.berry.models import (
    S0,
    SX,
    SY,
    SZ,
    Model,
    basis,
    check_further,
    from_terms,
    spins,
    square_zone,
)
from hopnet.checks import flag, one_of, shown, whole
from hopnet.errors import ParameterError
from hopnet.records import read_only

__all__ = ["BI2SE3", "HONEYCOMB", "bi2se3_bulk", "from_hoppings", "haldane", "kane_mele"]

HONEYCOMB = np.array([[1.0, 0.0], [0.5, np.sqrt(3.0) / 2.0]])

# Parameters of bulk Bi2Se3 from C.-X. Liu et al., Phys. Rev. B 82, 045122 (2010). Units: eV times
# the power of Angstrom that makes the term an energy (0 for C0 and M0, 1 for A0 and B0, 2 for C1,
# C2, M1 and M2, 3 for the others).
BI2SE3 = {
    "A0": 3.33,
    "A2": 0.0,
    "B0": 2.26,
    "B2": 0.0,
    "C0": -0.0083,
    "C1": 5.74,
    "C2": 30.4,
    "M0": -0.28,
    "M1": 6.86,
    "M2": 44.5,
    "R1": 50.6,
    "R2": -113.3,
}


class Hopping(NamedTuple):
    """One hopping amplitude, checked: from orbital j of cell R to orbital i of the home cell."""

    amplitude: np.ndarray
    i: int
    j: int
    cell: tuple[int, ...]


def from_hoppings(
    name: str,
    lattice: npt.ArrayLike,
    positions: npt.ArrayLike,
    onsite: Sequence[npt.ArrayLike],
    hoppings: Sequence[tuple],
    **attributes: Any,
) -> Model:
    """Tight-binding model from hopping amplitudes.

    The phases are those of the orbitals' true positions, ``exp(i k.(R + r_j - r_i))``, so that
    dH/dk is hbar times the velocity.

    Parameters
    ----------
    name : str
        Name of the model in messages.
    lattice : float[d, d]
        Rows: primitive vectors.
    positions : float[n_orbitals, d]
        Positions of the orbitals in units of the primitive vectors.
    onsite : sequence of float or complex[s, s]
        Energy of each orbital; matrices in the spin space when ``s > 1``.
    hoppings : sequence of (amplitude, i, j, R)
        Hops from orbital j of cell R to orbital i of the home cell, R in whole cells. The
        conjugate is added, so each pair of sites appears once.
    **attributes
        Other attributes of `Model`.

    Returns
    -------
    Model
        Basis orbital x spin.

    Raises
    ------
    ParameterError
        If a shape does not fit, an orbital does not exist, a cell is not whole, or a pair of
        sites appears twice.

    Examples
    --------
    >>> from hopnet.berry.crystals import from_hoppings
    >>> chain = from_hoppings("square", [[1, 0], [0, 1]], [[0, 0]], [0.0],
    ...                       [(-1.0, 0, 0, (1, 0)), (-1.0, 0, 0, (0, 1))], spin={"z": [[1]]})
    >>> chain.hamiltonian(np.zeros((1, 2)))[0].real
    array([[-4.]])
    """
    check_further("from_hoppings", attributes)
    dimension = len(plain_array("lattice", lattice, "give primitive vectors").reshape(-1))
    dimension = 3 if dimension == 9 else 2
    lattice = basis("lattice", lattice, dimension)
    hint = "give one position per orbital in units of the primitive vectors"
    positions = real_array("positions", positions, (None, dimension), hint=hint)
    site = checked_onsite(onsite, len(positions))
    size = len(site[0])
    order = len(positions) * size
    hops = checked_hoppings(hoppings, len(positions), size, dimension)

    def place(block, i, j):
        out = np.zeros((order, order), dtype=complex)
        out[i * size : (i + 1) * size, j * size : (j + 1) * size] = block
        return out

    home = sum(place(e, i, i) for i, e in enumerate(site))
    vectors, matrices = [], [home]
    for amplitude, i, j, cell in hops:
        vectors.append((np.asarray(cell) + positions[j] - positions[i]) @ lattice)
        one_way = place(amplitude, i, j)
        matrices += [one_way + one_way.conj().T, 1j * (one_way - one_way.conj().T)]
    span = np.array(vectors).reshape(-1, dimension)

    def coefficients(k):
        phase = k @ span.T
        columns = [1.0]
        for c, s in zip(np.cos(phase).T, np.sin(phase).T):
            columns += [c, s]
        return columns

    def slopes(k, axis):
        phase = k @ span.T
        columns = [0.0]
        for c, s, d in zip(np.cos(phase).T, np.sin(phase).T, span[:, axis]):
            columns += [-d * s, d * c]
        return columns

    attributes.setdefault("reciprocal", read_only(2.0 * np.pi * np.linalg.inv(lattice).T))
    if attributes.setdefault("dimension", dimension) != dimension:
        raise ParameterError(
            f"dimension must be that of the lattice, {dimension}, got "
            f"{shown(attributes['dimension'])}; leave it out."
        )
    return from_terms(name, matrices, coefficients, slopes, **attributes)


def checked_onsite(onsite: Sequence[npt.ArrayLike], n: int) -> list[np.ndarray]:
    """Onsite energies as Hermitian blocks of one size, one per orbital."""
    hint = "give one energy or matrix per orbital"
    if not isinstance(onsite, Sequence | np.ndarray) or isinstance(onsite, str):
        raise ParameterError(f"onsite must be a list of {n} energies, got {shown(onsite)}; {hint}.")
    if len(onsite) != n:
        raise ParameterError(
            f"onsite must hold {n} energies for {n} positions, got {len(onsite)}; {hint}."
        )
    blocks = [np.atleast_2d(plain_array("onsite", e, hint)) for e in onsite]
    return [hermitian(block, len(blocks[0]), "onsite") for block in blocks]


def checked_hoppings(hoppings: Sequence[tuple], n: int, size: int, dimension: int) -> list[Hopping]:
    """Hopping amplitudes as records; entries that would silently make another model are refused.

    Parameters
    ----------
    hoppings : sequence of (amplitude, i, j, R)
        As in `from_hoppings`.
    n : int
        Number of orbitals of a cell.
    size : int
        Number of spin states of an orbital.
    dimension : int
        Number of primitive vectors.
    """
    if not isinstance(hoppings, Sequence) or isinstance(hoppings, str):
        raise ParameterError(
            f"hoppings must be a list of (amplitude, i, j, R), got {shown(hoppings)}; give tuples."
        )
    out, seen = [], set()
    for given in hoppings:
        hop = checked_hopping(given, n, size, dimension)
        back = tuple(-c for c in hop.cell)
        what = f"the hop between orbitals {hop.i} and {hop.j} of cell {hop.cell}"
        if hop.i == hop.j and not any(hop.cell):
            raise ParameterError(
                f"hoppings must join two sites, got {what}, which is one site; give its energy in "
                "onsite."
            )
        if (hop.i, hop.j, hop.cell) in seen or (hop.j, hop.i, back) in seen:
            raise ParameterError(
                f"hoppings must hold each pair of sites once, got {what} twice; leave the second "
                "out, the conjugate is added."
            )
        seen.add((hop.i, hop.j, hop.cell))
        out.append(hop)
    return out


def checked_hopping(given: tuple, n: int, size: int, dimension: int) -> Hopping:
    """One entry of `checked_hoppings`."""
    if not isinstance(given, Sequence) or isinstance(given, str) or len(given) != 4:
        raise ParameterError(
            f"hoppings must be tuples (amplitude, i, j, R), got {shown(given)}; give four entries."
        )
    amplitude, i, j, cell = given
    hint = f"give a {size} x {size} matrix in the spin space" if size > 1 else "give a number"
    block = np.atleast_2d(plain_array("amplitude", amplitude, hint)).astype(complex)
    if block.shape != (size, size) or not np.all(np.isfinite(block)):
        raise ParameterError(
            f"amplitude must be finite and of the shape of onsite, {size} x {size}, got "
            f"{shown(amplitude)}; {hint}."
        )
    orbitals = [
        whole("orbital", o, low=0, high=n - 1, hint="count the orbitals from 0") for o in (i, j)
    ]
    hint = "give whole cells; positions inside a cell belong to positions"
    vector = real_array("cell R", cell, (dimension,), hint=hint)
    if not np.array_equal(vector, np.round(vector)):
        raise ParameterError(f"cell R must be whole numbers, got {shown(cell)}; {hint}.")
    return Hopping(block, orbitals[0], orbitals[1], tuple(int(c) for c in vector))


def haldane(
    offset: float = 0.2, hop: float = -1.0, second: float = 0.15, phase: float = np.pi / 2
) -> Model:
    """Haldane's honeycomb model, sites at 1/3 and 2/3 of the cell diagonal.

    Parameters
    ----------
    offset : float
        Site energies are -offset and +offset.
    hop : float
        Amplitude between nearest neighbours.
    second, phase : float
        Modulus and phase of the amplitude between next-nearest neighbours,
        ``second exp(i phase)`` along one sense of turning.

    Returns
    -------
    Model
        Two bands; ``spin`` z is the sublattice.
    """
    offset, hop = number("offset", offset), number("hop", hop)
    second, phase = number("second", second), number("phase", phase)
    turn = second * np.exp(1j * phase)
    back = turn.conjugate()
    hoppings: list[tuple] = [(hop, 0, 1, (0, 0)), (hop, 1, 0, (1, 0)), (hop, 1, 0, (0, 1))]
    hoppings += [(turn, 0, 0, (1, 0)), (turn, 1, 1, (1, -1)), (turn, 1, 1, (0, 1))]
    hoppings += [(back, 1, 1, (1, 0)), (back, 0, 0, (1, -1)), (back, 0, 0, (0, 1))]
    return from_hoppings(
        "haldane",
        HONEYCOMB,
        [[1 / 3, 1 / 3], [2 / 3, 2 / 3]],
        [-offset, offset],
        hoppings,
        spin={"z": SZ},
        parameters={"offset": offset, "hop": hop, "second": second, "phase": phase},
    )


def kane_mele(
    offset: float = 1.0, hop: float = 1.0, spin_orbit: float = 0.3, rashba: float = 0.25
) -> Model:
    """Kane and Mele's honeycomb model with spin.

    Parameters
    ----------
    offset : float
        Site energies are +offset and -offset. The defaults are in the quantum spin Hall phase.
    hop : float
        Amplitude between nearest neighbours.
    spin_orbit : float
        Amplitude between next-nearest neighbours, ``i spin_orbit (+-) sz``.
    rashba : float
        Amplitude between nearest neighbours, ``i rashba (s x d)_z`` along the unit bond vector d.

    Returns
    -------
    Model
        Four bands in the basis site x spin.
    """
    offset, hop = number("offset", offset), number("hop", hop)
    spin_orbit, rashba = number("spin_orbit", spin_orbit), number("rashba", rashba)
    positions = np.array([[1 / 3, 1 / 3], [2 / 3, 2 / 3]])
    hoppings: list[tuple] = []
    for cell in ((0, 0), (0, -1), (-1, 0)):
        bond = (positions[1] + cell - positions[0]) @ HONEYCOMB
        bond /= np.linalg.norm(bond)
        amplitude = hop * S0 + 1j * rashba * (bond[1] * SX - bond[0] * SY)
        hoppings.append((amplitude, 0, 1, cell))
    for site, sense in ((0, 1.0), (1, -1.0)):
        for cell, sign in (((0, 1), -1.0), ((1, 0), 1.0), ((1, -1), -1.0)):
            hoppings.append((1j * sense * sign * spin_orbit * SZ, site, site, cell))
    return from_hoppings(
        "kane_mele",
        HONEYCOMB,
        positions,
        [offset * S0, -offset * S0],
        hoppings,
        parameters={"offset": offset, "hop": hop, "spin_orbit": spin_orbit, "rashba": rashba},
    )


class Lines(NamedTuple):
    """Components of the wave vector and their squares, in the space or on the lattice.

    In the infinite space ``x = kx`` and ``x2 = kx^2``; on a lattice of constant a
    ``x = sin(kx a)/a`` and ``x2 = (2 - 2 cos(kx a))/a^2``.
    """

    x: np.ndarray
    y: np.ndarray
    z: np.ndarray
    x2: np.ndarray
    y2: np.ndarray
    z2: np.ndarray


class Slope(NamedTuple):
    """Direction of a derivative, and d/dk of the component and of the square along it."""

    axis: int
    first: np.ndarray
    second: np.ndarray


class Term(NamedTuple):
    """One term of H: its matrix, its coefficient c(k) and the derivative of c along an axis."""

    matrix: np.ndarray
    coefficient: Callable[[Lines], Any]
    slope: Callable[[Lines, Slope], Any]


def bi2se3_bulk(
    magnetisation: npt.ArrayLike = (0.0, 0.0, 1e-3),
    *,
    lattice: Sequence[float] | None = None,
    warping: bool = False,
    **parameters: float,
) -> Model:
    """Bulk Bi2Se3, equation [berry 10], in the infinite space or on a simple lattice.

    ``H = C + tau_x (A (kx sx + ky sy) + B kz sz) - M tau_z + m.s`` with
    ``C = C0 + C1 kz^2 + C2 k_par^2`` and M alike, ``A = A0 + A2 k_par^2``, ``B = B0 + B2 kz^2``.

    Parameters
    ----------
    magnetisation : 3 floats, eV
        Exchange energy m. At m = 0 every band is doubly degenerate, and the limit |m| -> 0 of
        the ``"diagonal"`` treatment depends on the direction of m.
    lattice : 2 floats, Angstrom, optional
        Lattice constants (a, c): ``k -> sin(k a)/a``, ``k^2 -> (2 - 2 cos(k a))/a^2``. Without
        them the model is k.p.
    warping : bool
        Whether to add ``R1 (kx^3 - 3 kx ky^2) tau_y + R2 (3 kx^2 ky - ky^3) tau_x sz``.
    **parameters : float
        Replacements for entries of `BI2SE3` (eV and Angstrom).

    Returns
    -------
    Model
        Four bands; spin = Pauli matrices times the unit matrix of the orbitals.

    Notes
    -----
    In the microscopic basis that leads to this form the in-plane spin carries a tau_z; the
    paper, and this function, use the unit matrix for the spin and for m.
    """
    p = dict(BI2SE3)
    for name, value in parameters.items():
        p[one_of("parameters of bi2se3_bulk", name, BI2SE3, "correct the name")] = number(
            name, value
        )
    if not flag("warping", warping):
        p |= {"R1": 0.0, "R2": 0.0}
    m = real_array("magnetisation", magnetisation, (3,), hint="give (mx, my, mz) in eV")
    constants = None
    if lattice is not None:
        hint = "give the lattice constants (a, c) in Angstrom"
        a, c = (positive("lattice", x) for x in real_array("lattice", lattice, (2,), hint=hint))
        constants = np.array([a, a, c])
    terms = bi2se3_terms(p, m)
    lines, line_slope = lines_of(constants)

    def coefficients(k):
        at = lines(k)
        return [term.coefficient(at) for term in terms]

    def slopes(k, axis):
        at, along = lines(k), line_slope(k, axis)
        return [term.slope(at, along) for term in terms]

    return from_terms(
        "bi2se3_bulk",
        [term.matrix for term in terms],
        coefficients,
        slopes,
        dimension=3,
        spin=spins(4),
        reciprocal=None if constants is None else square_zone(3) / constants[:, None],
        scale=bi2se3_scale(p),
        shells=(1.0,) if p["M0"] * p["M2"] < 0 else (),
        energy_unit="eV",
        length_unit="Angstrom",
        parameters={
            "magnetisation": tuple(float(v) for v in m),
            "lattice": None if constants is None else (a, c),
            "warping": warping,
            **p,
        },
    )


def bi2se3_scale(p: dict[str, float]) -> np.ndarray:
    """Wave vectors along the axes at which the mass M of `bi2se3_bulk` changes its sign."""
    for name in ("M0", "M1", "M2"):
        if p[name] == 0.0:
            raise ParameterError(
                f"{name} must not be 0, got 0: the model would have no scale of wave vector; give "
                "a small value."
            )
    radius = np.sqrt(abs(p["M0"]))
    return radius / np.sqrt(np.abs([p["M2"], p["M2"], p["M1"]]))


def lines_of(
    constants: np.ndarray | None,
) -> tuple[Callable[[np.ndarray], Lines], Callable[[np.ndarray, int], Slope]]:
    """Functions ``k -> Lines`` and ``(k, axis) -> Slope``, in the space or on a lattice."""
    if constants is None:
        return (
            lambda k: Lines(*k.T, *(k**2).T),
            lambda k, axis: Slope(axis, np.ones(len(k)), 2.0 * k[:, axis]),
        )

    def lines(k):
        odd, even = np.sin(k * constants) / constants, 2.0 - 2.0 * np.cos(k * constants)
        return Lines(*odd.T, *(even / constants**2).T)

    def slope(k, axis):
        a = constants[axis]
        return Slope(axis, np.cos(k[:, axis] * a), 2.0 * np.sin(k[:, axis] * a) / a)

    return lines, slope


def bi2se3_terms(p: dict[str, float], m: np.ndarray) -> list[Term]:
    """The terms of [berry 10] with the parameters ``p`` (`BI2SE3`) and the magnetisation m.

    Every term stands in one entry: matrix, coefficient, derivative of the coefficient.
    """

    def plane(k):
        return k.x2 + k.y2

    def in_plane_velocity(component, axis):
        """Derivative of ``A(k) x`` or ``A(k) y``; ``axis`` is the axis of the component."""

        def slope(k, d):
            if d.axis == 2:
                return 0.0
            a, da = p["A0"] + p["A2"] * plane(k), p["A2"] * d.second
            return da * component(k) + a * d.first * (d.axis == axis)

        return slope

    def out_of_plane_slope(k, d):
        if d.axis == 2:
            return (p["B0"] + p["B2"] * k.z2) * d.first + p["B2"] * d.second * k.z
        if d.axis == 0:
            return p["R2"] * (6.0 * k.x * k.y * d.first)
        return p["R2"] * (3.0 * (k.x**2 - k.y**2) * d.first)

    def warping_slope(k, d):
        if d.axis == 2:
            return 0.0
        if d.axis == 0:
            return p["R1"] * (3.0 * (k.x**2 - k.y**2) * d.first)
        return p["R1"] * (-6.0 * k.x * k.y * d.first)

    zeeman = sum(value * np.kron(S0, s) for value, s in zip(m, (SX, SY, SZ)))
    return [
        Term(
            np.eye(4, dtype=complex),
            lambda k: p["C0"] + p["C1"] * k.z2 + p["C2"] * plane(k),
            lambda _, d: p["C1" if d.axis == 2 else "C2"] * d.second,
        ),
        Term(
            np.kron(SX, SX),
            lambda k: (p["A0"] + p["A2"] * plane(k)) * k.x,
            in_plane_velocity(lambda k: k.x, 0),
        ),
        Term(
            np.kron(SX, SY),
            lambda k: (p["A0"] + p["A2"] * plane(k)) * k.y,
            in_plane_velocity(lambda k: k.y, 1),
        ),
        Term(
            np.kron(SX, SZ),
            lambda k: (p["B0"] + p["B2"] * k.z2) * k.z + p["R2"] * (3.0 * k.x**2 * k.y - k.y**3),
            out_of_plane_slope,
        ),
        Term(
            -np.kron(SZ, S0),
            lambda k: p["M0"] + p["M1"] * k.z2 + p["M2"] * plane(k),
            lambda _, d: p["M1" if d.axis == 2 else "M2"] * d.second,
        ),
        Term(
            np.kron(SY, S0),
            lambda k: p["R1"] * (k.x**3 - 3.0 * k.x * k.y**2),
            warping_slope,
        ),
        Term(zeeman, lambda _: 1.0, lambda *_: 0.0),
    ]
