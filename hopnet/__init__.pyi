"""What `import hopnet` offers, for editors and type checkers: it is fetched when first used."""

from hopnet.backbone import Backbone as Backbone
from hopnet.backbone import find_backbone as find_backbone
from hopnet.current import Current as Current
from hopnet.current import solve_current as solve_current
from hopnet.dynamics import hanle_curve as hanle_curve
from hopnet.energies import with_energies as with_energies
from hopnet.ensemble import read_results as read_results
from hopnet.ensemble import run_ensemble as run_ensemble
from hopnet.errors import ConvergenceError as ConvergenceError
from hopnet.errors import DataError as DataError
from hopnet.errors import HopnetError as HopnetError
from hopnet.errors import NotPercolatingError as NotPercolatingError
from hopnet.errors import ParameterError as ParameterError
from hopnet.errors import ValidityWarning as ValidityWarning
from hopnet.kinetics import solve_kinetics as solve_kinetics
from hopnet.material import Material as Material
from hopnet.material import conductivities as conductivities
from hopnet.network import Network as Network
from hopnet.network import build_network as build_network
from hopnet.network import critical_length as critical_length
from hopnet.percolation import Clusters as Clusters
from hopnet.percolation import Threshold as Threshold
from hopnet.percolation import find_clusters as find_clusters
from hopnet.percolation import percolation_threshold as percolation_threshold
from hopnet.percolation import sweep_clusters as sweep_clusters
from hopnet.realisation import realisation_seed as realisation_seed
from hopnet.sites import Sites as Sites
from hopnet.sites import lattice_sites as lattice_sites
from hopnet.sites import random_sites as random_sites
from hopnet.sites import sites_from_positions as sites_from_positions
from hopnet.spin import FCurve as FCurve
from hopnet.spin import Spin as Spin
from hopnet.spin import f_curve as f_curve
from hopnet.spin import solve_spin as solve_spin
from hopnet.spin import spin_generation as spin_generation
from hopnet.triads import Triads as Triads
from hopnet.triads import find_triads as find_triads

__version__: str
