"""What this room offers."""

from .current import Current as Current
from .current import solve_current as solve_current
from .diffusion import diffusion_constant as diffusion_constant
from .diffusion import diffusion_tensor as diffusion_tensor
from .hall import HallAngle as HallAngle
from .hall import hall_angle as hall_angle
from .hall import hall_resistance as hall_resistance
from .response import activation_energy as activation_energy
from .response import effective_links as effective_links
from .response import link_power as link_power
from .response import link_response as link_response
from .response import mean_hop as mean_hop
from .response import noise as noise
from .response import shrinkage as shrinkage
from .response import site_response as site_response
from .response import strain_response as strain_response
from .ring import Ring as Ring
from .ring import solve_ring as solve_ring
from .terminals import Terminals as Terminals
from .terminals import solve_terminals as solve_terminals
from .thermopower import linear_profile as linear_profile
from .thermopower import peltier_heat as peltier_heat
from .thermopower import seebeck_coefficient as seebeck_coefficient
from .variable_range import MottLaw as MottLaw
from .variable_range import fit_mott_law as fit_mott_law
