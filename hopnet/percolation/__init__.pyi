"""What this room offers."""

from .backbone import Backbone as Backbone
from .backbone import find_backbone as find_backbone
from .backbone import wrapping_backbone as wrapping_backbone
from .clusters import Clusters as Clusters
from .clusters import ClusterSweep as ClusterSweep
from .clusters import find_clusters as find_clusters
from .clusters import sweep_clusters as sweep_clusters
from .criticality import sample_conductances as sample_conductances
from .criticality import sample_critical as sample_critical
from .criticality import sample_resistivities as sample_resistivities
from .criticality import sample_thresholds as sample_thresholds
from .flow import FlowStatistics as FlowStatistics
from .flow import flow_statistics as flow_statistics
from .flow import resistivity_ratio as resistivity_ratio
from .mott import sample_mott_numbers as sample_mott_numbers
from .scaling import Estimate as Estimate
from .scaling import Exponents as Exponents
from .scaling import conductivity_exponent as conductivity_exponent
from .scaling import critical_exponents as critical_exponents
from .scaling import extrapolate as extrapolate
from .scaling import fit_power_law as fit_power_law
from .thresholds import Threshold as Threshold
from .thresholds import percolation_threshold as percolation_threshold
from .wrapping import dual_threshold as dual_threshold
from .wrapping import wrapping_threshold as wrapping_threshold
