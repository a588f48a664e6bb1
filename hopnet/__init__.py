"""hopnet: charge and spin in hopping conductors.

>>> import hopnet as hn
>>> sites = hn.random_sites(2000, density=0.05, seed=1)
>>> network = hn.build_network(sites)
>>> current = hn.solve_current(network)
>>> curve = hn.f_curve(network, tau_s=[0, 100, 1e4], current=current)
>>> bool(curve.f[0] > curve.f[1] > curve.f[2] > 0)
True
"""

import lazy_loader

__version__ = "0.1.0"

# The public names stand in the stub beside this file, `__init__.pyi`, and nowhere else. A name is
# loaded when it is first used, so that a command loads only the rooms that it needs.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
