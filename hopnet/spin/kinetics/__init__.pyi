"""What this room offers."""

from .leading import LeadingOrder as LeadingOrder
from .leading import solve_leading_order as solve_leading_order
from .matrix import growth_rate as growth_rate
from .observables import SpinCurrent as SpinCurrent
from .observables import f_from_polarisation as f_from_polarisation
from .observables import precession_rate as precession_rate
from .observables import spin_current as spin_current
from .solve import Kinetics as Kinetics
from .solve import solve_kinetics as solve_kinetics
