"""What this room offers."""

from .dissection import Dissection as Dissection
from .dissection import dissect_graph as dissect_graph
from .reduced import RationalModel as RationalModel
from .reduced import interpolate as interpolate
from .reduced import rational_model as rational_model
from .symbolic import Elimination as Elimination
from .symbolic import analyse as analyse
from .symmetric import Factor as Factor
from .symmetric import factor as factor
