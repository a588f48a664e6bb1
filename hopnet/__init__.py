"""hopnet: charge and spin in hopping conductors.

>>> import hopnet as hn
>>> sites = hn.random_sites(2000, density=0.05, seed=1)
>>> network = hn.build_network(sites)
>>> current = hn.solve_current(network)
>>> curve = hn.f_curve(network, tau_s=[0, 100, 1e4], current=current)
>>> bool(curve.f[0] > curve.f[1] > curve.f[2] > 0)
True
"""

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Find a public name when it is first used, so that a command loads only what it needs.

    The stub beside this file, ``__init__.pyi``, is the only list of the public names. It is read
    at the first use of one; lazy_loader's own functions then take the place of these two.
    """
    import lazy_loader

    find, list_names, names = lazy_loader.attach_stub(__name__, __file__)
    globals().update(__getattr__=find, __dir__=list_names, __all__=names)
    return names if name == "__all__" else find(name)


def __dir__() -> list[str]:
    return __getattr__("__all__")
