"""What this room offers."""

from .coefficients import KineticCoefficients as KineticCoefficients
from .coefficients import interference_amplitude as interference_amplitude
from .coefficients import kinetic_coefficients as kinetic_coefficients
from .curve import FCurve as FCurve
from .curve import Spin as Spin
from .curve import f_curve as f_curve
from .curve import solve_spin as solve_spin
from .dephasing import dephasing_time as dephasing_time
from .generation import Generation as Generation
from .generation import spin_generation as spin_generation
from .hanle import HanleCurve as HanleCurve
from .hanle import ac_response as ac_response
from .hanle import hanle_curve as hanle_curve
from .monte_carlo import Walk as Walk
from .monte_carlo import expected_walk as expected_walk
from .monte_carlo import walk as walk
from .response import SpinResponse as SpinResponse
from .response import spin_response as spin_response
from .shares import TriadShares as TriadShares
from .shares import triad_shares as triad_shares
from .temperature import temperature_curve as temperature_curve
from .time_response import relaxation as relaxation
from .time_response import step_response as step_response
