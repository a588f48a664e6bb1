"""Models of named materials and lattices: Haldane, Kane-Mele, bulk Bi2Se3."""

from __future__ import annotations

import numpy as np

from hopnet.berry.models import (
    S0,
    SX,
    SY,
    SZ,
    from_terms,
    hermitian,
    positive,
    spins,
    square_zone,
)
from hopnet.errors import ParameterError
from hopnet.records import read_only

HONEYCOMB = np.array([[1.0, 0.0], [0.5, np.sqrt(3.0) / 2.0]])

# C.-X. Liu et al., Phys. Rev. B 82, 045122 (2010): eV, Angstrom
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


def from_hoppings(name, lattice, positions, onsite, hoppings, **attributes):
    """Tight-binding model from hopping amplitudes.

    The phases are those of the orbitals' true positions, ``exp(i k.(R + r_j - r_i))``: then
    dH/dk is hbar times the velocity.

    Parameters
    ----------
    name : str
    lattice : float[d, d]
        Rows: primitive vectors.
    positions : float[n_orbitals, d]
        In units of the primitive vectors.
    onsite : sequence of float or complex[s, s]
        One for each orbital; matrices in the spin space when ``s > 1``.
    hoppings : sequence of (amplitude, i, j, R)
        From orbital j of cell R to orbital i of the home cell; the conjugate is added.
    **attributes
        The other fields of `Model`.

    Returns
    -------
    Model
        Basis orbital x spin.

    Examples
    --------
    >>> from hopnet.berry.crystals import from_hoppings
    >>> chain = from_hoppings("square", [[1, 0], [0, 1]], [[0, 0]], [0.0],
    ...                       [(-1.0, 0, 0, (1, 0)), (-1.0, 0, 0, (0, 1))], spin={"z": [[1]]})
    >>> chain.hamiltonian(np.zeros((1, 2)))[0].real
    array([[-4.]])
    """
    lattice = np.asarray(lattice, dtype=float)
    positions = np.asarray(positions, dtype=float)
    dimension = len(lattice)
    size = np.atleast_2d(onsite[0]).shape[0]
    order = len(positions) * size

    def place(block, i, j):
        out = np.zeros((order, order), dtype=complex)
        out[i * size : (i + 1) * size, j * size : (j + 1) * size] = np.atleast_2d(block)
        return out

    site = [hermitian(np.atleast_2d(e), size, "onsite") for e in onsite]
    home = sum(place(e, i, i) for i, e in enumerate(site))
    vectors, matrices = [], [home]
    for amplitude, i, j, cell in hoppings:
        vectors.append((np.asarray(cell) + positions[j] - positions[i]) @ lattice)
        one_way = place(amplitude, i, j)
        matrices += [one_way + one_way.conj().T, 1j * (one_way - one_way.conj().T)]
    vectors = np.array(vectors).reshape(-1, dimension)

    def coefficients(k):
        phase = k @ vectors.T
        columns = [1.0]
        for c, s in zip(np.cos(phase).T, np.sin(phase).T):
            columns += [c, s]
        return columns

    def slopes(k, axis):
        phase = k @ vectors.T
        columns = [0.0]
        for c, s, d in zip(np.cos(phase).T, np.sin(phase).T, vectors[:, axis]):
            columns += [-d * s, d * c]
        return columns

    attributes.setdefault("reciprocal", read_only(2.0 * np.pi * np.linalg.inv(lattice).T))
    if "spin" in attributes:
        attributes["spin"] = {s: hermitian(m, order, "spin") for s, m in attributes["spin"].items()}
    return from_terms(name, matrices, coefficients, slopes, dimension=dimension, **attributes)


def haldane(offset=0.2, hop=-1.0, second=0.15, phase=np.pi / 2):
    """Haldane's honeycomb model, sites at 1/3 and 2/3 of the cell diagonal.

    Parameters
    ----------
    offset : float
        Site energies -offset and +offset.
    hop : float
        Nearest neighbours.
    second, phase : float
        Next-nearest neighbours, ``second exp(i phase)`` along one sense of turning.

    Returns
    -------
    Model
        Two bands; ``spin`` z is the sublattice.
    """
    turn = second * np.exp(1j * phase)
    back = turn.conjugate()
    hoppings = [(hop, 0, 1, (0, 0)), (hop, 1, 0, (1, 0)), (hop, 1, 0, (0, 1))]
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


def kane_mele(offset=1.0, hop=1.0, spin_orbit=0.3, rashba=0.25):
    """Kane and Mele's honeycomb model with spin.

    Parameters
    ----------
    offset : float
        Site energies +offset and -offset. The defaults are in the quantum spin Hall phase.
    hop : float
        Nearest neighbours.
    spin_orbit : float
        Next-nearest neighbours, ``i spin_orbit (+-) sz``.
    rashba : float
        Nearest neighbours, ``i rashba (s x d)_z`` along the unit bond vector d.

    Returns
    -------
    Model
        Four bands in the basis site x spin.
    """
    positions = np.array([[1 / 3, 1 / 3], [2 / 3, 2 / 3]])
    hoppings = []
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


def bi2se3_bulk(magnetisation=(0.0, 0.0, 1e-3), *, lattice=None, warping=False, **parameters):
    """Bulk Bi2Se3, equation [berry 10], in the infinite space or on a simple lattice.

    ``H = C + tau_x (A (kx sx + ky sy) + B kz sz) - M tau_z + m.s`` with
    ``C = C0 + C1 kz^2 + C2 k_par^2`` and M alike, ``A = A0 + A2 k_par^2``, ``B = B0 + B2 kz^2``.

    Parameters
    ----------
    magnetisation : 3 floats, eV
        Exchange energy m. At m = 0 every band is doubly degenerate and the limit |m| -> 0 of
        the ``"diagonal"`` treatment depends on the direction of m.
    lattice : 2 floats, Angstrom, optional
        Constants (a, c): ``k -> sin(k a)/a``, ``k^2 -> (2 - 2 cos(k a))/a^2``. Default: k.p.
    warping : bool
        Adds ``R1 (kx^3 - 3 kx ky^2) tau_y + R2 (3 kx^2 ky - ky^3) tau_x sz``.
    **parameters : float
        Replacements for `BI2SE3` (eV and Angstrom).

    Returns
    -------
    Model
        Four bands; spin = Pauli matrices times the unit matrix of the orbitals.

    Notes
    -----
    In the microscopic basis that leads to this form the in-plane spin carries a tau_z; the
    paper, and this function, use the unit matrix for the spin and for m.
    """
    unknown = sorted(set(parameters) - set(BI2SE3))
    if unknown:
        raise ParameterError(
            f"parameters of bi2se3_bulk must be among {', '.join(BI2SE3)}, got {unknown[0]!r}; "
            "use one of them."
        )
    p = BI2SE3 | parameters
    if not warping:
        p |= {"R1": 0.0, "R2": 0.0}
    m = np.asarray(magnetisation, dtype=float)
    if m.shape != (3,) or not np.all(np.isfinite(m)):
        raise ParameterError(
            f"magnetisation must be three finite energies in eV, got {magnetisation!r}; "
            "give (mx, my, mz)."
        )
    constants = None
    if lattice is not None:
        positive(a=lattice[0], c=lattice[1])
        constants = np.array([lattice[0], lattice[0], lattice[1]])

    def lines(k):
        if constants is None:
            return k, k**2
        return np.sin(k * constants) / constants, (2.0 - 2.0 * np.cos(k * constants)) / constants**2

    def line_slope(k, axis):
        if constants is None:
            return np.ones(len(k)), 2.0 * k[:, axis]
        a = constants[axis]
        return np.cos(k[:, axis] * a), 2.0 * np.sin(k[:, axis] * a) / a

    def coefficients(k):
        (x, y, z), (x2, y2, z2) = (part.T for part in lines(k))
        plane = x2 + y2
        a = p["A0"] + p["A2"] * plane
        return [
            p["C0"] + p["C1"] * z2 + p["C2"] * plane,
            a * x,
            a * y,
            (p["B0"] + p["B2"] * z2) * z + p["R2"] * (3.0 * x**2 * y - y**3),
            p["M0"] + p["M1"] * z2 + p["M2"] * plane,
            p["R1"] * (x**3 - 3.0 * x * y**2),
            1.0,
        ]

    def slopes(k, axis):
        (x, y, z), (x2, y2, z2) = (part.T for part in lines(k))
        first, second = line_slope(k, axis)
        if axis == 2:
            b = p["B0"] + p["B2"] * z2
            return [
                p["C1"] * second,
                0.0,
                0.0,
                b * first + p["B2"] * second * z,
                p["M1"] * second,
                0.0,
                0.0,
            ]
        a = p["A0"] + p["A2"] * (x2 + y2)
        da = p["A2"] * second
        if axis == 0:
            turn, twist = 6.0 * x * y * first, 3.0 * (x**2 - y**2) * first
        else:
            turn, twist = 3.0 * (x**2 - y**2) * first, -6.0 * x * y * first
        return [
            p["C2"] * second,
            da * x + a * first * (axis == 0),
            da * y + a * first * (axis == 1),
            p["R2"] * turn,
            p["M2"] * second,
            p["R1"] * twist,
            0.0,
        ]

    zeeman = sum(value * np.kron(S0, s) for value, s in zip(m, (SX, SY, SZ)))
    one = np.eye(4, dtype=complex)
    matrices = [one, np.kron(SX, SX), np.kron(SX, SY), np.kron(SX, SZ), -np.kron(SZ, S0)]
    matrices += [np.kron(SY, S0), zeeman]
    radius = np.sqrt(abs(p["M0"]))
    scale = radius / np.sqrt(np.abs([p["M2"], p["M2"], p["M1"]]))
    reciprocal = None
    if constants is not None:
        reciprocal = square_zone(3) / constants[:, None]
    return from_terms(
        "bi2se3_bulk",
        matrices,
        coefficients,
        slopes,
        dimension=3,
        spin=spins(4),
        reciprocal=reciprocal,
        scale=read_only(scale),
        shells=(1.0,) if p["M0"] * p["M2"] < 0 else (),
        energy_unit="eV",
        length_unit="Angstrom",
        parameters={
            "magnetisation": tuple(float(v) for v in m),
            "lattice": lattice,
            "warping": warping,
            **p,
        },
    )
