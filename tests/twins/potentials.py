"""Plain twins of kernels/potentials.py: fractions, which round nothing."""

from fractions import Fraction


def exact(limbs):
    """The number that a row of limbs stands for."""
    return sum(map(Fraction, limbs), Fraction(0))


def potential_fronts(weight, source, later):
    """V_k - V_r from the potentials of all later columns, and the sum of the moduli of its terms.

    ``weight`` are the weights w_kj of the later columns, ``later`` their potentials.
    """
    r = max(range(len(weight)), key=lambda j: weight[j])
    terms = [Fraction(w) * (v - later[r]) for w, v in zip(weight, later, strict=True)]
    terms.append(Fraction(source))
    return r, sum(terms, Fraction(0)), sum(map(abs, terms), Fraction(0))


def add_potentials(change, shift, value):
    """Each potential, with its change added."""
    return [
        exact(v) + exact(c) / Fraction(2) ** (48 * shift)
        for v, c in zip(value, change, strict=True)
    ]


def fill_flows(link_i, link_j, rank, value, conductance):
    """Exact drop of each link, and conductance times the float next to it."""
    drop = [
        exact(value[rank[i]]) - exact(value[rank[j]]) if min(rank[i], rank[j]) >= 0 else Fraction(0)
        for i, j in zip(link_i, link_j, strict=True)
    ]
    return drop, [g * float(u) for g, u in zip(conductance, drop, strict=True)]
