"""The full coupled equations of occupation and spin, every order of spin-orbit coupling."""

from hopnet.kinetics.leading import LeadingOrder, solve_leading_order
from hopnet.kinetics.matrix import growth_rate
from hopnet.kinetics.observables import (
    SpinCurrent,
    f_from_polarisation,
    precession_rate,
    spin_current,
)
from hopnet.kinetics.solve import Kinetics, solve_kinetics

__all__ = [
    "Kinetics",
    "LeadingOrder",
    "SpinCurrent",
    "f_from_polarisation",
    "growth_rate",
    "precession_rate",
    "solve_kinetics",
    "solve_leading_order",
    "spin_current",
]
