"""What this room offers."""

from .directed import DirectedFactor as DirectedFactor
from .directed import factor_directed as factor_directed
from .directed import first_passage as first_passage
from .directed import stationary_occupation as stationary_occupation
from .dissection import Dissection as Dissection
from .dissection import dissect_graph as dissect_graph
from .reduced import RationalModel as RationalModel
from .reduced import interpolate as interpolate
from .reduced import rational_model as rational_model
from .scaling import ScaledRates as ScaledRates
from .scaling import critical_log_conductance as critical_log_conductance
from .scaling import scaled_conductance as scaled_conductance
from .scaling import scaled_rates as scaled_rates
from .symbolic import Elimination as Elimination
from .symbolic import analyse as analyse
from .symmetric import Factor as Factor
from .symmetric import factor as factor
