"""hopnet: spin and charge in two-dimensional hopping conductors.

>>> import hopnet as hn
>>> sites = hn.random_sites(2000, density=0.05, seed=1)
>>> network = hn.build_network(sites)
>>> current = hn.solve_current(network)
>>> curve = hn.f_curve(network, tau_s=[0, 100, 1e4], current=current)
>>> bool(curve.f[0] > curve.f[1] > curve.f[2] > 0)
True
"""

from hopnet.backbone import Backbone, find_backbone
from hopnet.current import Current, solve_current
from hopnet.ensemble import read_results, run_ensemble
from hopnet.errors import (
    ConvergenceError,
    DataError,
    HopnetError,
    NotPercolatingError,
    ParameterError,
    ValidityWarning,
)
from hopnet.kinetics import solve_kinetics
from hopnet.material import Material, conductivities
from hopnet.network import Network, build_network, critical_length
from hopnet.percolation import (
    Clusters,
    Threshold,
    find_clusters,
    percolation_threshold,
    sweep_clusters,
)
from hopnet.realisation import realisation_seed
from hopnet.sites import Sites, lattice_sites, random_sites, sites_from_positions
from hopnet.spin import FCurve, Spin, f_curve, solve_spin, spin_generation
from hopnet.triads import Triads, find_triads

__version__ = "0.1.0"

__all__ = [
    "Backbone",
    "Clusters",
    "ConvergenceError",
    "Current",
    "DataError",
    "FCurve",
    "HopnetError",
    "Material",
    "Network",
    "NotPercolatingError",
    "ParameterError",
    "Sites",
    "Spin",
    "Threshold",
    "Triads",
    "ValidityWarning",
    "build_network",
    "conductivities",
    "critical_length",
    "f_curve",
    "find_backbone",
    "find_clusters",
    "find_triads",
    "lattice_sites",
    "percolation_threshold",
    "random_sites",
    "read_results",
    "realisation_seed",
    "run_ensemble",
    "sites_from_positions",
    "solve_current",
    "solve_kinetics",
    "solve_spin",
    "spin_generation",
    "sweep_clusters",
]
