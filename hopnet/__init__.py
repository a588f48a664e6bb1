"""hopnet: spin and charge in two-dimensional hopping conductors.

>>> import hopnet as hn
>>> sites = hn.random_sites(2000, density=0.05, seed=1)
>>> network = hn.build_network(sites)
>>> current = hn.solve_current(network)
>>> curve = hn.f_curve(network, tau_s=[0, 100, 1e4], current=current)
>>> bool(curve.f[0] > curve.f[1] > curve.f[2] > 0)
True
"""

import importlib

__version__ = "0.1.0"

# The public names and where each lives. `import hopnet` loads none of these modules: a name is
# fetched when it is first used (PEP 562), so that a companion or a command does not pay for the
# whole core. A new public name is one line here.
_HOME = {
    "Backbone": "hopnet.backbone",
    "Clusters": "hopnet.percolation",
    "ConvergenceError": "hopnet.errors",
    "Current": "hopnet.current",
    "DataError": "hopnet.errors",
    "FCurve": "hopnet.spin",
    "HopnetError": "hopnet.errors",
    "Material": "hopnet.material",
    "Network": "hopnet.network",
    "NotPercolatingError": "hopnet.errors",
    "ParameterError": "hopnet.errors",
    "Sites": "hopnet.sites",
    "Spin": "hopnet.spin",
    "Threshold": "hopnet.percolation",
    "Triads": "hopnet.triads",
    "ValidityWarning": "hopnet.errors",
    "build_network": "hopnet.network",
    "conductivities": "hopnet.material",
    "critical_length": "hopnet.network",
    "f_curve": "hopnet.spin",
    "find_backbone": "hopnet.backbone",
    "find_clusters": "hopnet.percolation",
    "find_triads": "hopnet.triads",
    "hanle_curve": "hopnet.dynamics",
    "lattice_sites": "hopnet.sites",
    "percolation_threshold": "hopnet.percolation",
    "random_sites": "hopnet.sites",
    "read_results": "hopnet.ensemble",
    "realisation_seed": "hopnet.realisation",
    "run_ensemble": "hopnet.ensemble",
    "sites_from_positions": "hopnet.sites",
    "solve_current": "hopnet.current",
    "solve_kinetics": "hopnet.kinetics",
    "solve_spin": "hopnet.spin",
    "spin_generation": "hopnet.spin",
    "sweep_clusters": "hopnet.percolation",
    "with_energies": "hopnet.energies",
}

__all__ = sorted(_HOME)


def __getattr__(name):
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value  # found at once from now on
    return value


def __dir__():
    return sorted({*globals(), *_HOME})
