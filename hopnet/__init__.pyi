"""The public names of hopnet, each with its home. This list is the only one."""

from .ensemble.run import read_results as read_results
from .ensemble.run import run_ensemble as run_ensemble
from .errors import ConvergenceError as ConvergenceError
from .errors import DataError as DataError
from .errors import HopnetError as HopnetError
from .errors import NotPercolatingError as NotPercolatingError
from .errors import ParameterError as ParameterError
from .errors import ValidityWarning as ValidityWarning
from .material import Material as Material
from .material import conductivities as conductivities
from .network.build import build_network as build_network
from .network.energies import with_energies as with_energies
from .network.network import Network as Network
from .network.sites import Sites as Sites
from .network.sites import critical_length as critical_length
from .network.sites import lattice_sites as lattice_sites
from .network.sites import random_sites as random_sites
from .network.sites import sites_from_positions as sites_from_positions
from .network.triads import Triads as Triads
from .network.triads import find_triads as find_triads
from .percolation.backbone import Backbone as Backbone
from .percolation.backbone import find_backbone as find_backbone
from .percolation.clusters import Clusters as Clusters
from .percolation.clusters import Threshold as Threshold
from .percolation.clusters import find_clusters as find_clusters
from .percolation.clusters import percolation_threshold as percolation_threshold
from .percolation.clusters import sweep_clusters as sweep_clusters
from .seeds import sample_seed as sample_seed
from .spin.curve import FCurve as FCurve
from .spin.curve import Spin as Spin
from .spin.curve import f_curve as f_curve
from .spin.curve import solve_spin as solve_spin
from .spin.generation import spin_generation as spin_generation
from .spin.kinetics.solve import solve_kinetics as solve_kinetics
from .spin.response import hanle_curve as hanle_curve
from .transport.current import Current as Current
from .transport.current import solve_current as solve_current
from .transport.hall import HallAngle as HallAngle
from .transport.hall import hall_angle as hall_angle
from .transport.hall import hall_resistance as hall_resistance
from .transport.ring import solve_ring as solve_ring
from .transport.terminals import Terminals as Terminals
from .transport.terminals import solve_terminals as solve_terminals

__version__: str
