"""What this room offers."""

from .current import Current as Current
from .current import solve_current as solve_current
from .diffusion import diffusion_constant as diffusion_constant
from .diffusion import diffusion_tensor as diffusion_tensor
from .hall import HallAngle as HallAngle
from .hall import hall_angle as hall_angle
from .hall import hall_resistance as hall_resistance
from .ring import Ring as Ring
from .ring import solve_ring as solve_ring
from .terminals import Terminals as Terminals
from .terminals import solve_terminals as solve_terminals
from .variable_range import MottLaw as MottLaw
from .variable_range import fit_mott_law as fit_mott_law
